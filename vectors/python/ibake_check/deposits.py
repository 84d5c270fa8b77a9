"""What is left for somebody: the ESK, the deposit, and how its final recipient opens it: SPEC.md 13.15."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from . import mikey_messages as mm
from . import names, signatures
from .calls import Call, End, open_box, unix
from .containers import read_box
from .curve import decode_g1
from .identity import Identity
from .kem import context
from .mikey_messages import chain, name_id
from .notation import OPAQUE, Reader, Rejected, h, label, lp, require, u8, u16, u32, u64
from .parameters import PrivateKey

CONTEXT = b"mikey esk"
LIMIT, NAME_LIMIT = 2048, 1024


@dataclass(frozen=True)
class Place:
    """Where an ESK belongs."""

    csb_id: int
    rand: bytes
    t: int
    sender: str
    recipient: str

    def encode(self) -> bytes:
        """`place`."""
        both = lp(self.sender.encode("ascii")) + lp(self.recipient.encode("ascii"))
        return label("mikey esk") + u32(self.csb_id) + lp(self.rand) + u64(self.t) + both

    def deposit(self, bound: bool, data: bytes) -> bytes:
        """`deposit`."""
        parts = (self.rand, self.sender.encode("ascii"), self.recipient.encode("ascii"), data)
        front = b"IBAKEDEP" + u8(1) + u8(bound) + u32(self.csb_id) + u64(self.t)
        return front + b"".join(u16(len(part)) + part for part in parts)


def make_esk(
    call: Call,
    end: End,
    place: Place,
    to: Identity,
    own: PrivateKey,
    bound: bool,
    suite: int,
    r1: bytes,
    content: bytes | None,
) -> bytes:
    """Encr data of an ESK, SPEC 13.15.1, 13.15.4."""
    parameters = end.directory(to.name)
    at = call.at(r1, u64(place.t), b"esk", to.encode())
    key = content if content is not None else call.hedged(own, "sk", at, 32)
    call.values |= {"SK": key, "place": place.encode()}
    payloads = [(mm.ID, name_id(place.sender)), (mm.SK, u8(1 << 4) + u16(len(key)) + key)]
    signer = end.identity(place.sender, "signing", unix(place.t))
    held = next((k for k in end.keys if k.identity == signer), None)
    if bound and held is not None:
        said = place.encode() + context(parameters, to.encode()) + key
        found = signatures.sign(end.directory(place.sender), held, CONTEXT, said, call.draws.take(32)).encoded
        call.values["SIGN"] = found
        payloads.append((mm.SIGN, u16(15 << 12 | len(found)) + found))
    sigma = call.hedged(own, "sigma", at, 32)
    return call.box("ESK", parameters, to, suite, place.encode(), chain(payloads), sigma)


@dataclass(frozen=True)
class Deposit:
    """A deposit that was read."""

    bound: bool
    place: Place
    data: bytes


def read_deposit(data: bytes) -> Deposit:
    """SPEC 13.15.7 up to what needs the clock."""
    reader = Reader(data)
    require(reader.take(8) == b"IBAKEDEP", "Decode(Unknown)", "magic")
    require(reader.number(1) == 1, "Decode(Version)")
    profile = reader.number(1)
    require(profile in (0, 1), "Decode(Unknown)", "profile")
    csb_id, t = reader.number(4), reader.number(8)
    rand = reader.field(64)
    both = []
    for _ in range(2):
        try:
            text = reader.field(NAME_LIMIT).decode("utf-8")
        except UnicodeDecodeError as error:
            raise Rejected("Decode(Text)", "name") from error
        names.name(text)
        both.append(text)
    box = reader.field(LIMIT)
    reader.end()
    require(len(rand) >= 16, mm.REFUSED, "RAND")
    require(both[0] != both[1], "Peer(SameIdentity)")
    reference = read_box(box)[1]
    require(reference.period.is_current(unix(t)), "Decode(Inconsistent)", "period")
    return Deposit(bool(profile), Place(csb_id, rand, t, both[0], both[1]), box)


def open_deposit(end: End, data: bytes, now: int, max_age: int, taken: set[bytes]) -> tuple[Deposit, dict[str, Any]]:
    """SPEC 13.15.7, in its order."""
    deposit = read_deposit(data)
    place, at = deposit.place, unix(deposit.place.t)
    require(at <= now + 300 and now - at <= max_age, "Call(Timestamp)")
    mark = h(place.encode())
    require(mark not in taken, "Peer(Replay)")
    strict = end.demand == "bound"
    require(deposit.bound or not strict, "Call(Unsigned)")
    reference = read_box(deposit.data)[1]
    held = [k for k in end.keys if k.identity.purpose == "decryption" and k.identity.name == place.recipient]
    key = next((k for k in held if k.identity.reference == reference), None)
    require(key is not None, "Key(Missing)")
    assert key is not None
    theirs = end.directory(place.sender)
    theirs.check_time(at)
    signer = end.identity(place.sender, "signing", at)

    kem_key, plain = open_box(deposit.data, end, key, place.encode())
    try:
        inside = mm.read_inside(plain, mm.ID, {mm.ID, mm.SK, mm.SIGN})
    except Rejected as error:
        raise Rejected(OPAQUE, "sub-payloads") from error
    kinds = [payload.kind for payload in inside]
    require(kinds in ([mm.ID, mm.SK], [mm.ID, mm.SK, mm.SIGN]), OPAQUE, "sub-payloads")
    kind, data_ = inside[0].value
    require(bytes([kind]) + u16(len(data_)) + data_ == name_id(place.sender), OPAQUE, "ID")
    sk_type, secret, _ = inside[1].value
    require(sk_type == 1 and len(secret) == 32, OPAQUE, "SK")
    values: dict[str, Any] = {"place": place.encode(), "K": kem_key, "pt": plain, "SK": secret}
    if len(inside) == 3:
        s_type, signature = inside[2].value
        require(s_type == 15 and len(signature) == 96 and deposit.bound, OPAQUE, "SIGN")
        said = place.encode() + context(end.directory(place.recipient), key.identity.encode()) + secret
        try:
            decode_g1(signature[:48])
            signatures.verify(theirs, signer, CONTEXT, said, signature)
        except Rejected as error:
            raise Rejected(OPAQUE, "signature") from error
        values["SIGN"] = signature
    else:
        require(not strict, "Call(Unsigned)")
    values["delivered"] = "BySender" if len(inside) == 3 else "ByMailboxOnly"
    taken.add(mark)
    return deposit, values
