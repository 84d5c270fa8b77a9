"""Suites, headers and bodies of the four messages: SPEC.md 5.1 to 5.3."""

from __future__ import annotations

from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

from .identity import KeyReference
from .kem import ENCAPSULATION
from .notation import OPAQUE, Reader, Rejected, require, u8, u16
from .shares import X25519, Group, NistCurve

VERSION = 1
NO_SESSION = bytes(16)

EXT_EK, EXT_CT, EXT_SUITES, EXT_COMMITMENT, EXT_NONCE_I, EXT_NONCE_R, EXT_DATA = 1, 2, 3, 4, 5, 6, 7
MESSAGE_LIMIT, DATA_LIMIT = 24_576, 16_384


@dataclass(frozen=True)
class Suite:
    """One row of SPEC 5.1."""

    identifier: int
    name: str
    group: Group
    aead: type[AESGCM] | type[ChaCha20Poly1305]
    hybrid: bool = False

    def seal(self, key: bytes, ad: bytes, plaintext: bytes) -> bytes:
        """AEAD with nonce zero."""
        return self.aead(key).encrypt(bytes(12), plaintext, ad)

    def open(self, key: bytes, ad: bytes, sealed: bytes) -> bytes:
        """The inverse of `seal`."""
        try:
            return self.aead(key).decrypt(bytes(12), sealed, ad)
        except InvalidTag as error:
            raise Rejected(OPAQUE, "seal") from error


SUITES = {
    suite.identifier: suite
    for suite in (
        Suite(1, "p256-aes256gcm", NistCurve(ec.SECP256R1()), AESGCM),
        Suite(2, "p384-aes256gcm", NistCurve(ec.SECP384R1()), AESGCM),
        Suite(3, "p521-aes256gcm", NistCurve(ec.SECP521R1()), AESGCM),
        Suite(4, "x25519-chacha20poly1305", X25519(), ChaCha20Poly1305),
        Suite(5, "p256-mlkem768-aes256gcm", NistCurve(ec.SECP256R1()), AESGCM, hybrid=True),
    )
}
PREFERENCE = (5, 3, 2, 4, 1)
"""SPEC 5.2."""


def check_suite_rule(used: int, one: tuple[int, ...], other: tuple[int, ...], error: str) -> None:
    """SPEC 5.2: the suite in use is the first that both ends list."""
    common = [suite for suite in PREFERENCE if suite in one and suite in other]
    require(bool(common) and common[0] == used, error, "not the first suite in common")


def encode_suites(suites: tuple[int, ...]) -> bytes:
    """`u8 count || count u16`, SPEC 5.2.2."""
    return u8(len(suites)) + b"".join(u16(suite) for suite in suites)


def read_suites(reader: Reader) -> tuple[int, ...]:
    """Reads a list: 1 to 16, none twice."""
    count = reader.number(1)
    require(0 < count <= 16, "Decode(TooLong)", "suites")
    suites: tuple[int, ...] = ()
    for _ in range(count):
        suite = reader.number(2)
        require(suite not in suites, "Decode(Inconsistent)", "a suite twice")
        suites += (suite,)
    return suites


@dataclass(frozen=True)
class Header:
    """`hdr_n`."""

    suite: int
    kind: int
    sid_i: bytes
    sid_r: bytes
    initiator: KeyReference
    responder: KeyReference
    suites: tuple[int, ...] = ()
    hint: bytes = b""

    def encode(self) -> bytes:
        """The bytes of the header."""
        tail = encode_suites(self.suites) + u8(bool(self.hint)) + self.hint if self.kind == 1 else b""
        front = u16(VERSION) + u16(self.suite) + u8(self.kind) + self.sid_i + self.sid_r
        return front + self.initiator.encode() + self.responder.encode() + tail

    @classmethod
    def read(cls, reader: Reader, kind: int) -> Header:
        """Rows 2 to 5 of SPEC 5.5 for a message of type `kind`."""
        require(reader.number(2) == VERSION, "Decode(Version)")
        suite = reader.number(2)
        require(suite in SUITES, "Decode(Unknown)", "suite")
        require(reader.number(1) == kind, "Peer(UnexpectedMessage)")
        sid_i, sid_r = reader.take(16), reader.take(16)
        initiator, responder = KeyReference.read(reader), KeyReference.read(reader)
        suites: tuple[int, ...] = ()
        hint = b""
        if kind == 1:
            require(sid_r == NO_SESSION, "Decode(NotCanonical)", "sid_R")
            suites = read_suites(reader)
            flag = reader.number(1)
            require(flag in (0, 1), "Decode(NotCanonical)", "hint flag")
            hint = reader.take(16 * flag)
        return cls(suite, kind, sid_i, sid_r, initiator, responder, suites, hint)


@dataclass(frozen=True)
class Message:
    """A message cut into its parts: `hdr_n || U_n || V_n || AEAD`; M4 has no `U_n || V_n`."""

    header: Header
    header_bytes: bytes
    encapsulation: bytes
    sealed: bytes

    @classmethod
    def read(cls, data: bytes, kind: int) -> Message:
        """Rows 1 to 6 of SPEC 5.5."""
        require(len(data) <= MESSAGE_LIMIT, "Decode(TooLong)")
        reader = Reader(data)
        header = Header.read(reader, kind)
        header_bytes = data[: reader.position]
        encapsulation = reader.take(0 if kind == 4 else ENCAPSULATION)
        return cls(header, header_bytes, encapsulation, reader.rest())


class _BodyReader(Reader):
    """Under a seal every fault is the opaque error."""

    truncated = trailing = OPAQUE


@dataclass(frozen=True)
class Body:
    """`pt_n`: the fields of the RFC, each with a `u16` length, then extensions with ascending types."""

    fields: tuple[bytes, ...]
    extensions: dict[int, bytes] = field(default_factory=dict)

    def encode(self) -> bytes:
        """The plaintext."""
        out = b"".join(u16(len(value)) + value for value in self.fields)
        return out + b"".join(u8(kind) + u16(len(value)) + value for kind, value in self.extensions.items())

    @classmethod
    def decode(cls, data: bytes, kind: int, suite: Suite) -> Body:
        """SPEC 5.3.1, 5.3.2: everything missing, doubled, out of order, unknown or of a wrong length is refused."""
        reader = _BodyReader(data)
        fields = tuple(reader.field() for _ in range((3, 4, 3, 0)[kind - 1]))
        require(all(len(value) <= 4096 for value in fields), OPAQUE, "field too long")
        extensions: dict[int, bytes] = {}
        while reader.left:
            number = reader.number(1)
            require(all(number > earlier for earlier in extensions), OPAQUE, "extensions out of order")
            extensions[number] = reader.field()
        wanted = {
            1: {EXT_EK} if suite.hybrid else set(),
            2: {EXT_SUITES, EXT_COMMITMENT} | ({EXT_CT} if suite.hybrid else set()),
            3: {EXT_NONCE_I},
            4: {EXT_NONCE_R},
        }[kind]
        allowed = wanted | ({EXT_DATA} if kind >= 3 else set())
        require(wanted <= set(extensions) <= allowed, OPAQUE, "extensions")
        for number in (EXT_COMMITMENT, EXT_NONCE_I, EXT_NONCE_R):
            require(len(extensions.get(number, bytes(32))) == 32, OPAQUE, "length of an extension")
        require(len(extensions.get(EXT_DATA, b"")) <= DATA_LIMIT, OPAQUE, "data too long")
        return cls(fields, extensions)
