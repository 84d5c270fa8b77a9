"""Both ends of a call, SPEC.md 13.8 to 13.13 and 13.15, step by step, with randomness that is given."""

from __future__ import annotations

import base64
import hmac
from dataclasses import dataclass
from typing import Any

import mikey

from . import mikey_messages as mm
from . import names
from .containers import read_box, seal_box
from .exchange import Draws
from .identity import Identity
from .kem import coin, context, decapsulate, hedged
from .media import Stream, lengths
from .messages import SUITES, Suite
from .mikey_messages import ECCPT, ESK, I_MESSAGE_2, IBAKE, IDR, INITIATOR, RESPONDER, Head, Message, Point, chain, sized
from .notation import OPAQUE, Rejected, exp, ext, h, label, lp, require, u8, u32
from .parameters import Parameters, PrivateKey
from .points import agreed
from .shares import pq_check, pq_decapsulate, pq_encapsulate, pq_key

NTP, SKEW = 2_208_988_800, 300
MACS = {0: 1, 1: 2}
"""The MAC that goes with a PRF."""
_AEAD = {suite: 2 if suite == 4 else 1 for suite in SUITES}
_CURVES = {1: (8, 8), 2: (11, 11), 3: (14, 14), 4: (240, 240), 5: (241, 242)}
_HASH = {1: "sha1", 2: "sha256"}
_SEALED: dict[tuple[bytes, bytes], bytes] = {}
"""KEM secrets of what was sealed here, by `pkctx` and encapsulation. Every key is checked by the pairing equation of
4.7.1 when it is loaded, so that decapsulation gives the same; `kem.json` checks that."""


@dataclass
class End:
    """One end: what it accepts, its keys, whom it trusts."""

    demand: str
    suites: tuple[int, ...]
    profiles: list[str]
    old: bool
    keys: list[PrivateKey]
    initiator: str
    trust: tuple[Parameters, Parameters]

    def directory(self, name: str) -> Parameters:
        """The parameters of a name."""
        return self.trust[0] if name == self.initiator else self.trust[1]

    def identity(self, name: str, purpose: str, at: int) -> Identity:
        """The identity of a name in the period that contains `at`."""
        p = self.directory(name)
        found = Identity.make(p.district, p.serial, purpose, name, p.granularity, at)
        p.check_identity(found.reference)
        return found

    def party(self, name: str, at: int, now: int) -> Identity:
        """The same, in force now."""
        found = self.identity(name, "decryption", at)
        self.directory(name).check_side(found.reference, now)
        return found

    def key(self, identity: Identity) -> PrivateKey:
        """The own key of an identity."""
        found = next((key for key in self.keys if key.identity == identity), None)
        require(found is not None, "Key(Missing)")
        assert found is not None
        return found

    def check_key(self, key: PrivateKey, now: int) -> None:
        """Whether an own key may be used now."""
        require(key.identity.purpose == "decryption", "Key(Purpose)")
        p = self.directory(key.identity.name)
        require(p.fingerprint() == key.fingerprint, "Key(OtherParameters)")
        require(key.identity.reference.period.is_current(now), "Key(Expired)")
        p.check_side(key.identity.reference, now)

    def check_prf(self, prf: int) -> None:
        """SPEC 13.8.2."""
        require(prf == 1 or prf == 0 and self.old, mm.REFUSED, "PRF func")


def unix(t: int) -> int:
    """SPEC 13.5."""
    seconds = t >> 32
    return seconds - NTP if seconds >> 31 else seconds + (1 << 32) - NTP


def later(now: int, last: int) -> int:
    """T for now that is later than `last`, SPEC 12.1.3."""
    plain = ((now + NTP) & 0xFFFFFFFF) << 32
    return plain if plain > last else last + 1


@dataclass
class Share:
    """An own share."""

    suite: Suite
    secret: bytes
    bytes: bytes
    curve: int
    seed: bytes = b""
    ss: bytes = b""

    def point(self, bound: bool, mki: bytes) -> Point:
        """ECCPT, SPEC 13.8.7."""
        return Point(self.curve, self.bytes, 251 if bound else 2, 32, 0, mki or None)


@dataclass
class Call:
    """What a call is bound to, its draws, and every value on the way."""

    draws: Draws
    values: dict[str, Any]
    csb_id: int = 0
    rand: bytes = b""

    def at(self, *parts: bytes) -> tuple[bytes, bytes]:
        """Session and hash of draws, SPEC 13.9.3."""
        session = h(label("mikey draw"), u32(self.csb_id), lp(self.rand))[:16]
        return session, h(label("mikey draw"), *(lp(part) for part in parts))

    def hedged(self, own: PrivateKey, name: str, at: tuple[bytes, bytes], length: int) -> bytes:
        """A secret of this call."""
        return hedged(self.draws.take(32), own.point, name, at[0], at[1], length)

    def first(self, number: int, own: PrivateKey, at: tuple[bytes, bytes], tick: str = "") -> Share:
        """`x`."""
        suite = SUITES[number]
        secret = suite.group.secret(self.hedged(own, "x", at, 96))
        share = Share(suite, secret, suite.group.share(secret), _CURVES[number][0])
        if suite.hybrid:
            share.seed = self.hedged(own, "ek", at, 64)
            share.bytes += pq_key(share.seed).public_key().public_bytes_raw()
            self.values["d||z"] = share.seed
        self.values[f"x{tick}"], self.values[f"X{tick}"] = secret, share.bytes
        return share

    def second(self, number: int, theirs: Point | None, own: PrivateKey, at: tuple[bytes, bytes]) -> Share:
        """`y`."""
        suite = SUITES[number]
        secret = suite.group.secret(self.hedged(own, "y", at, 96))
        share = Share(suite, secret, suite.group.share(secret), _CURVES[number][1])
        if suite.hybrid and theirs is not None:
            self.values["m"] = self.hedged(own, "ct", at, 32)
            share.ss, ct = pq_encapsulate(theirs.point[65:], self.values["m"])
            share.bytes += ct
            self.values["ss"] = share.ss
        self.values["y"], self.values["Y"] = secret, share.bytes
        return share

    def box(self, n: str, parameters: Parameters, to: Identity, suite: int, ad: bytes, plain: bytes, sigma: bytes) -> bytes:
        """A sealed box with its values."""
        sealed = seal_box(parameters, to, _AEAD[suite], ad, plain, sigma)
        _SEALED[context(parameters, to.encode()), sealed.u + sealed.v] = sealed.kem_key
        k = coin(sigma, context(parameters, to.encode())).to_bytes(32, "big")
        names_ = ("sigma", "k", "U", "V", "K", "H(ad)", "pt")
        for name, value in zip(names_, (sigma, k, sealed.u, sealed.v, sealed.kem_key, h(ad), plain)):
            self.values[f"{name}_{n}"] = value
        return sealed.box

    def seal(
        self,
        n: str,
        head: Head,
        payloads: list[tuple[int, bytes]],
        plain: bytes,
        to: tuple[Parameters, Identity],
        own: PrivateKey,
        suite: int,
        at: tuple[bytes, bytes],
    ) -> bytes:
        """A message with its seal; the IBAKE payload stands there without data."""
        sigma = self.hedged(own, "sigma", at, 32)
        length = 4 + len(to[1].reference.encode()) + 128 + 4 + len(plain) + 16

        def filled(data: bytes) -> bytes:
            return head.message([sized(IBAKE, data) if kind == IBAKE else (kind, body) for kind, body in payloads])

        ad = Message.read(filled(bytes(length))).seal_ad()
        data = self.box(n, to[0], to[1], suite, ad, plain, sigma)
        assert len(data) == length
        return filled(data)


def suite_of(point: Point, first: bool) -> int:
    """The suite of a share, which is checked; all of it is the opaque error."""
    found = next((n for n, curves in _CURVES.items() if curves[0 if first else 1] == point.curve), 0)
    require(found != 0, OPAQUE, "curve")
    suite = SUITES[found]
    try:
        suite.group.check(point.point[:65] if suite.hybrid else point.point)
    except Rejected as error:
        raise Rejected(OPAQUE, "share") from error
    if suite.hybrid and first:
        pq_check(point.point[65:])
    return found


def agree(own: Share, theirs: Point, first: bool) -> bytes:
    """K_SESSION; `first` says whether their share came first."""
    suite = SUITES[suite_of(theirs, first)]
    require(suite is own.suite, OPAQUE, "group")
    size = 65 if suite.hybrid else len(theirs.point)
    peer, mine = theirs.point[:size], own.bytes[:size]
    require(suite.group.x(peer) != suite.group.x(mine), OPAQUE, "reflected")
    point = agreed(suite.group, own.secret, peer)
    if not suite.hybrid:
        return point
    return point + (own.ss or pq_decapsulate(own.seed, theirs.point[size:]))


@dataclass
class Seen:
    """A message that was read, with what every message of a call has."""

    message: Message
    t: int
    ts_type: int
    ids: list[tuple[int, int, bytes]]
    """Role, type and data in the order of the message."""
    ibake: bytes | None
    esk: bytes | None
    bound: bool

    @classmethod
    def read(cls, data: bytes, kind: int) -> Seen:
        """SPEC 13.11, the form."""
        message = Message.read(data)
        require(message.head.kind == kind, "Call(Unexpected)")
        require(message.head.map_type == mm.GENERIC_ID, "Call(Sessions)", "not GENERIC-ID")
        ts_type, t = message.single(mm.T)
        both = {role: message.identity(role) for role in (INITIATOR, RESPONDER)}
        order = [role for role, _, _ in message.all(IDR) if role in both]
        ids = [(role, *both[role]) for role in order]
        ibake, esk = message.optional(IBAKE), message.optional(ESK)
        require(esk is None or kind == I_MESSAGE_2, "Call(EskMisplaced)")
        return cls(message, t, ts_type, ids, ibake, esk, message.bound)

    def check_order(self) -> None:
        """IDRi stands in front."""
        require(self.ids[0][0] == INITIATOR, "Call(OtherCall: order of IDR)")

    def name(self, at: int) -> str:
        """A name in its normal form and under its type."""
        _, kind, data = self.ids[at]
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise Rejected(mm.REFUSED, "ID Data") from error
        form = names.name(text)
        require(kind == (mm.NAI if form == "nai" else mm.URI), mm.REFUSED, "ID Type")
        return text

    def check_fresh(self, now: int) -> None:
        """SPEC 13.8.3."""
        require(self.ts_type == 0 and abs(unix(self.t) - now) <= SKEW, "Call(Timestamp)")

    def check_call(self, call: Call, prf: int, caller: str) -> None:
        """SPEC 13.11.2: a message of this call."""
        require(self.message.head.csb_id == call.csb_id, "Call(OtherCall: CSB ID)")
        require(self.message.head.prf == prf, "Call(OtherCall: PRF func)")
        self.check_order()
        require(self.ids[0][1:] == _id(caller), "Call(OtherCall: IDRi)")

    def reference(self) -> Any:
        """The key reference of the box of IBAKE."""
        require(self.ibake is not None, mm.REFUSED, "IBAKE")
        assert self.ibake is not None
        return read_box(self.ibake)[1]

    def open(self, end: End, key: PrivateKey) -> tuple[bytes, bytes]:
        """KEM secret and plaintext."""
        assert self.ibake is not None
        return open_box(self.ibake, end, key, self.message.seal_ad())

    def verify(self, key: bytes, prf: int) -> None:
        """V at the end."""
        last = self.message.payloads[-1]
        require(last.kind == mm.V, mm.REFUSED, "V")
        alg, tag = last.value
        require(alg == MACS[prf], mm.REFUSED, "MAC alg")
        names_ = [data for _, _, data in self.ids]
        require(hmac.compare_digest(ver(key, alg, self.message, names_), tag), OPAQUE, "V")


def _id(name: str) -> tuple[int, bytes]:
    return (mm.URI if ":" in name else mm.NAI), name.encode("ascii")


def open_box(data: bytes, end: End, key: PrivateKey, ad: bytes) -> tuple[bytes, bytes]:
    """KEM secret and plaintext of a box for this key, SPEC 4.3."""
    aead, reference, bound, encapsulation, sealed = read_box(data)
    require(reference == key.identity.reference, "Key(Missing)")
    parameters = end.directory(key.identity.name)
    known = _SEALED.get((context(parameters, key.identity.encode()), encapsulation))
    if known is None:
        known = decapsulate(parameters, key.identity.encode(), key.point, encapsulation).key
    suite = SUITES[4 if aead == 2 else 1]
    return known, suite.open(exp(known, label("box") + u8(aead), 32), lp(bound) + lp(ad), sealed)


def ver(key: bytes, alg: int, message: Message, ids: list[bytes]) -> bytes:
    """Ver data, SPEC 13.10."""
    return hmac.new(key, message.verified() + b"".join(ids), _HASH[alg]).digest()


@dataclass
class Inside:
    """What stands under a seal: identities with or without a share behind them."""

    plain: bytes
    ids: list[tuple[int, int, bytes]]
    points: list[Point | None]

    @classmethod
    def read(cls, plain: bytes, shape: list[bool | None]) -> Inside:
        """SPEC 13.9.2; `shape` says of the two shares whether they must be there."""
        try:
            all_ = mm.read_inside(plain, IDR, {IDR, ECCPT})
        except Rejected as error:
            raise Rejected(OPAQUE, "sub-payloads") from error
        ids: list[tuple[int, int, bytes]] = []
        points: list[Point | None] = []
        for payload in all_:
            if payload.kind == IDR:
                ids.append(payload.value)
                points.append(None)
            else:
                require(bool(points) and points[-1] is None, OPAQUE, "a share twice, or in front")
                points[-1] = payload.value
        require(len(ids) == 2, OPAQUE, "identities")
        fits = all(want is None or want == (got is not None) for want, got in zip(shape, points))
        require(fits, OPAQUE, "shares")
        return cls(plain, ids, points)

    def check_ids(self, seen: Seen) -> None:
        """The identities are those outside."""
        require(self.ids == seen.ids, OPAQUE, "identities are not those outside")


def plain_of(parts: list[tuple[int, bytes] | Point | None]) -> bytes:
    """A chain of IDR and ECCPT."""
    return chain([(ECCPT, p.encode()) if isinstance(p, Point) else p for p in parts if p is not None])


@dataclass
class Session:
    """A call that is up, as either end has it."""

    prf: int
    inkey: bytes
    mpk: bytes
    tgk: bytes
    streams: list[Stream]
    suite: int
    last: int
    bound: bool
    initiator: Identity
    responder: Identity


def auth_key(call: Call, prf: int, mpk: bytes) -> bytes:
    """The key of V, as long as the tag (SPEC 13.4.2)."""
    constant = u32(mikey.MESSAGE["authentication"])
    return mikey.prf(prf, mpk, constant + b"\xff" + u32(call.csb_id) + call.rand, mm.TAGS[MACS[prf]])


def media_keys(prf: int, tgk: bytes, cs: bytes, rand: bytes, profile: str) -> tuple[bytes, bytes]:
    """TEK and salt of a crypto session; `cs` is its number and the CSB ID."""
    key, salt = lengths(profile)
    make = lambda name, n: mikey.prf(prf, tgk, u32(mikey.TGK[name]) + cs + rand, n)  # noqa: E731
    return make("tek", key), make("salting", salt)


def derive(call: Call, prf: int, inkey: bytes, streams: list[Stream], values: dict[str, Any]) -> tuple[bytes, bytes]:
    """MPK and TGK, and the keys of all streams into the values: SPEC 13.10."""
    every = b"\xff" * 5 + call.rand
    mpk, tgk = (mikey.prf(prf, inkey, u32(mikey.SESSION[name]) + every, 32) for name in ("mpk", "tgk"))
    pairs = [media_keys(prf, tgk, u8(s.cs_id) + u32(call.csb_id), call.rand, s.profile) for s in streams]
    values |= {"MPK": mpk, "TGK": tgk, "TEK": [tek for tek, _ in pairs], "salt": [salt for _, salt in pairs]}
    values["inline"] = [base64.b64encode(tek + salt).decode("ascii") for tek, salt in pairs]
    values["profiles"], values["SSRCs"] = [s.profile for s in streams], [s.ssrc for s in streams]
    values["senders"] = [s.sender for s in streams]
    return mpk, tgk


def bind(name: str, messages: list[bytes], secrets: list[bytes], values: dict[str, Any]) -> bytes:
    """K_BOUND."""
    values["H(messages)"] = h(*(lp(message) for message in messages))
    found = exp(ext(values["H(messages)"], b"".join(lp(secret) for secret in secrets)), label(name), 32)
    values["K_BOUND" if name == "mikey bound" else "K_BOUND'"] = found
    return found


def tagged(message: bytes, key: bytes, prf: int, ids: list[str], values: dict[str, Any], n: str) -> bytes:
    """A message with its V, which is all zero so far."""
    alg = MACS[prf]
    tag = ver(key, alg, Message.read(message), [name.encode("ascii") for name in ids])
    values["auth_key"], values[n] = key, tag
    return message[: -len(tag)] + tag


def verification(prf: int) -> tuple[int, bytes]:
    """A V of zeros."""
    return mm.V, u8(MACS[prf]) + bytes(mm.TAGS[MACS[prf]])

