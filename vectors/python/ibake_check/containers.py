"""Sealed boxes, sealed files, keys at rest, envelopes and cookies: SPEC.md 4.3, 4.4, 5.8 and section 8."""

from __future__ import annotations

from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from .curve import decode_g2
from .exchange import fits
from .identity import Identity, KeyReference, hint
from .kem import ENCAPSULATION, decapsulate, encapsulate
from .messages import SUITES, read_suites
from .notation import OPAQUE, Reader, Rejected, exp, ext, h, label, lp, require, u8, u16, u32, u64
from .parameters import IBE_SUITE, Parameters, PrivateKey

CHUNK, TAG = 65_536, 16
_AEADS = {1: AESGCM, 2: ChaCha20Poly1305}


def _aead(identifier: int) -> type[AESGCM] | type[ChaCha20Poly1305]:
    require(identifier in _AEADS, "Decode(Unknown)", "AEAD")
    return _AEADS[identifier]


def _seal(aead: int, key: bytes, ad: bytes, plaintext: bytes, nonce: bytes = bytes(12)) -> bytes:
    return _aead(aead)(key).encrypt(nonce, plaintext, ad)


def _open(aead: int, key: bytes, ad: bytes, sealed: bytes, nonce: bytes = bytes(12)) -> bytes:
    try:
        return _aead(aead)(key).decrypt(nonce, sealed, ad)
    except (InvalidTag, ValueError) as error:
        raise Rejected(OPAQUE, "seal") from error


def _read_prefix(reader: Reader) -> int:
    """`u8 1 || u16 0x0001 || u8 aead`."""
    require(reader.number(1) == 1, "Decode(Version)")
    require(reader.number(2) == IBE_SUITE, "Decode(Unknown)", "suite")
    aead = reader.number(1)
    _aead(aead)
    return aead


def _prefix(aead: int) -> bytes:
    return u8(1) + u16(IBE_SUITE) + u8(aead)


@dataclass(frozen=True)
class SealedBox:
    """A box in its parts, SPEC 4.3."""

    header: bytes
    u: bytes
    v: bytes
    kem_key: bytes
    key: bytes
    box: bytes


def _box_key(kem_key: bytes, aead: int) -> bytes:
    return exp(kem_key, label("box") + u8(aead), 32)


def seal_box(parameters: Parameters, identity: Identity, aead: int, ad: bytes, plaintext: bytes, sigma: bytes) -> SealedBox:
    """SPEC 4.3."""
    _aead(aead)
    require(identity.purpose == "decryption", "Key(Purpose)")
    parameters.check_identity(identity.reference)
    require(len(plaintext) <= 1 << 24, "Usage(TooMany)")
    e = encapsulate(parameters, identity.encode(), sigma)
    header = _prefix(aead) + identity.reference.encode()
    front, key = header + e.encoded, _box_key(e.key, aead)
    sealed = _seal(aead, key, lp(front) + lp(ad), plaintext)
    return SealedBox(header, e.u, e.v, e.key, key, front + u32(len(sealed)) + sealed)


def read_box(data: bytes) -> tuple[int, KeyReference, bytes, bytes, bytes]:
    """SPEC 4.3.2 up to the end of input: AEAD, reference, everything bound, encapsulation, ciphertext."""
    reader = Reader(data)
    aead = _read_prefix(reader)
    reference = KeyReference.read(reader)
    encapsulation = reader.take(ENCAPSULATION)
    decode_g2(encapsulation[:96])
    bound = data[: reader.position]
    sealed = reader.field((1 << 24) + TAG, 4)
    reader.end()
    return aead, reference, bound, encapsulation, sealed


Keys = list[tuple[PrivateKey, Parameters]]


def open_box(data: bytes, keys: Keys, ad: bytes) -> bytes:
    """SPEC 4.3.2."""
    aead, reference, bound, encapsulation, sealed = read_box(data)
    own = dict(keys)
    for key in fits(list(own), reference):
        kem_key = decapsulate(own[key], key.identity.encode(), key.point, encapsulation).key
        try:
            return _open(aead, _box_key(kem_key, aead), lp(bound) + lp(ad), sealed)
        except Rejected:
            continue
    raise Rejected(OPAQUE, "seal")


@dataclass(frozen=True)
class SealedFile:
    """A file in its parts, SPEC 4.4."""

    header: bytes
    list_hash: bytes
    wrap_keys: list[bytes]
    payload_key: bytes
    chunks: list[bytes]


def _nonce(number: int, last: bool) -> bytes:
    return bytes(3) + u64(number) + u8(last)


def _payload_key(content_key: bytes, header: bytes, ad: bytes) -> bytes:
    return exp(ext(label("file"), content_key), h(lp(header) + lp(ad)), 32)


def _wrap_key(kem_key: bytes, at: int) -> bytes:
    return exp(kem_key, label("file wrap") + u16(at), 32)


def seal_file(
    recipients: list[tuple[Parameters, Identity]],
    aead: int,
    ad: bytes,
    plaintext: bytes,
    content_key: bytes,
    salts: list[bytes],
    sigmas: list[bytes],
) -> SealedFile:
    """SPEC 4.4."""
    _aead(aead)
    for parameters, identity in recipients:
        require(identity.purpose == "decryption", "Key(Purpose)")
        parameters.check_identity(identity.reference)
    require(bool(recipients), "Usage(Empty)")
    require(len(recipients) <= 1024, "Usage(TooMany)")
    require(len({identity for _, identity in recipients}) == len(recipients), "Usage(Duplicate)")
    prefix = _prefix(aead) + u16(len(recipients))
    names = [
        identity.reference.encode() + hint(salt, identity.encode())
        for (_, identity), salt in zip(recipients, salts, strict=True)
    ]
    list_hash = h(label("file"), prefix, *names)
    header, wrap_keys = b"IBAKEFIL" + prefix, []
    for at, ((parameters, identity), name, sigma) in enumerate(zip(recipients, names, sigmas, strict=True)):
        e = encapsulate(parameters, identity.encode(), sigma)
        wrap_keys.append(_wrap_key(e.key, at))
        header += name + e.encoded + _seal(aead, wrap_keys[-1], list_hash, content_key)
    key = _payload_key(content_key, header, ad)
    parts = [plaintext[at : at + CHUNK] for at in range(0, len(plaintext), CHUNK)] or [b""]
    chunks = [_seal(aead, key, b"", part, _nonce(j, j == len(parts) - 1)) for j, part in enumerate(parts)]
    return SealedFile(header, list_hash, wrap_keys, key, chunks)


def open_file(data: bytes, keys: Keys, ad: bytes) -> bytes:
    """SPEC 4.4.2, the whole file at once."""
    reader = Reader(data)
    require(reader.take(8) == b"IBAKEFIL", "Decode(Inconsistent)", "magic")
    aead = _read_prefix(reader)
    count = reader.number(2)
    require(0 < count <= 1024, "Decode(TooLong)", "recipients")
    stanzas, names = [], b""
    for _ in range(count):
        begin = reader.position
        reference, shown = KeyReference.read(reader), reader.take(16)
        names += data[begin : reader.position]
        stanzas.append((reference, shown, reader.take(ENCAPSULATION), reader.take(48)))
    header = data[: reader.position]
    list_hash = h(label("file"), _prefix(aead) + u16(count), names)
    content_key, tried = None, 0
    own = dict(keys)
    for at, (reference, shown, encapsulation, wrapped) in enumerate(stanzas):
        try:
            found = fits(list(own), reference, shown)
        except Rejected:
            continue
        if tried == 4:
            break
        tried += 1
        key = decapsulate(own[found[0]], found[0].identity.encode(), found[0].point, encapsulation).key
        try:
            content_key = _open(aead, _wrap_key(key, at), list_hash, wrapped)
            break
        except Rejected:
            continue
    if content_key is None:
        raise Rejected(OPAQUE if tried else "Key(Missing)", "no stanza opens")
    payload, rest = _payload_key(content_key, header, ad), reader.rest()
    parts = [rest[at : at + CHUNK + TAG] for at in range(0, len(rest), CHUNK + TAG)]
    require(bool(parts), OPAQUE, "no chunk")
    out = b""
    for j, part in enumerate(parts):
        last = j == len(parts) - 1
        require(len(part) > TAG or (last and j == 0), OPAQUE, "an empty chunk")
        out += _open(aead, payload, b"", part, _nonce(j, last))
    return out


Secret = tuple[str, bytes]
"""`("passphrase", UTF-8)` or `("file_key", 32 bytes)`."""


def _argon2(passphrase: bytes, salt: bytes, m: int, t: int, p: int) -> bytes:
    return Argon2id(salt=salt, length=32, iterations=t, lanes=p, memory_cost=m).derive(passphrase)


def seal_envelope(
    kind: int, secret: Secret, cost: tuple[int, int, int] | None, salts: list[bytes], plaintext: bytes
) -> tuple[bytes, bytes, bytes]:
    """SPEC section 8: `ikm`, the key, the file. The cost 8, 1, 1 is for tests and below what may be written (its schema)."""
    how, value = secret
    require(bool(value), "Envelope(EmptyPassphrase)")
    front = b"IBAKEKEY" + u8(1) + u8(kind)
    if how == "passphrase":
        assert cost is not None
        m, t, p = cost
        fine = m >= 19_456 and t >= 2 and _cost_accepted(m, t, p)
        require(fine or cost == (8, 1, 1), "Envelope(Cost)")
    require(len(plaintext) <= 524_288, "Envelope(TooLong)")
    if how == "passphrase":
        front += u8(1) + u32(m) + u32(t) + u32(p) + salts[0]
        ikm = _argon2(value, salts[0], m, t, p)
    else:
        front += u8(2)
        ikm = value
    header = front + salts[-1] + u32(len(plaintext) + TAG)
    key = exp(ext(salts[-1], ikm), label("keyfile"), 32)
    return ikm, key, header + _seal(1, key, header, plaintext)


def _cost_accepted(m: int, t: int, p: int) -> bool:
    return 8 * p <= m <= 1_048_576 and 1 <= t <= 16 and 1 <= p <= 16


class _EnvelopeReader(Reader):
    truncated = "Envelope(Truncated)"
    trailing = "Envelope(Trailing)"


def open_envelope(data: bytes, kind: int, secret: Secret) -> bytes:
    """SPEC 8.2."""
    magic = b"IBAKEKEY"
    if not data.startswith(magic):
        cut = bool(data) and magic.startswith(data)
        raise Rejected("Envelope(Truncated)" if cut else "Envelope(NotAnEnvelope)")
    reader = _EnvelopeReader(data)
    reader.take(8)
    require(reader.number(1) == 1, "Envelope(Unsupported)", "version")
    require(reader.number(1) == kind, "Envelope(Kind)")
    protection = reader.number(1)
    require(protection in (1, 2), "Envelope(Unsupported)", "protection")
    require(secret[0] == ("passphrase", "file_key")[protection - 1], "Envelope(Protection)")
    cost, argon2_salt = (0, 0, 0), b""
    if protection == 1:
        cost = reader.number(4), reader.number(4), reader.number(4)
        require(_cost_accepted(*cost), "Envelope(Cost)")
        argon2_salt = reader.take(16)
    salt, length = reader.take(32), reader.number(4)
    header, sealed = data[: reader.position], reader.take(length)
    reader.end()
    ikm = _argon2(secret[1], argon2_salt, *cost) if protection == 1 else secret[1]
    try:
        return _open(1, exp(ext(salt, ikm), label("keyfile"), 32), header, sealed)
    except Rejected as error:
        raise Rejected("Envelope(WrongSecret)") from error


def cookie(secret: bytes, source: bytes, first: bytes, issued: int) -> bytes:
    """SPEC 5.8.1."""
    return u64(issued) + exp(secret, label("cookie") + u64(issued) + lp(source) + h(first), 16)


def check_cookie(given: bytes, secret: bytes, source: bytes, first: bytes, now: int) -> None:
    """SPEC 5.8.1: valid for 30 s, not before its time."""
    issued = int.from_bytes(given[:8], "big")
    fresh = issued <= now <= issued + 30
    require(fresh and cookie(secret, source, first, issued) == given, "Peer(BadCookie)")


def read_wire(data: bytes) -> dict[str, object]:
    """SPEC 5.8: what an envelope holds."""
    require(len(data) <= 24_601, "Decode(TooLong)")
    reader = Reader(data)
    kind = reader.number(1)
    require(1 <= kind <= 4, "Decode(Unknown)", "type of envelope")
    out: dict[str, object] = {"kind": kind}
    if kind in (2, 3):
        out["cookie"] = reader.take(24)
    if kind in (1, 3):
        out["message"] = reader.rest()
    if kind == 4:
        reason = reader.number(1)
        out["reason"] = reason if reason in (2, 3, 4) else 1
        listed: tuple[int, ...] = ()
        if reader.left == 1 and data[-1] == 0:
            reader.take(1)
        else:
            listed = read_suites(reader)
        out["suites"] = [suite for suite in listed if suite in SUITES]
    reader.end()
    return out
