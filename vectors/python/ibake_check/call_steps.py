"""A call from I_MESSAGE_1 to R_MESSAGE_2, and its update: SPEC.md 13.8 to 13.13."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .calls import (
    Call,
    End,
    Inside,
    Seen,
    Session,
    Share,
    agree,
    auth_key,
    bind,
    derive,
    later,
    plain_of,
    suite_of,
    tagged,
    unix,
    verification,
)
from .deposits import Place, make_esk, read_deposit
from .identity import Identity
from .media import Chosen, Offer, Stream, choose
from .mikey_messages import BOUND, ESK, EXTENSION, GENERIC_ID, I_MESSAGE_1, I_MESSAGE_2, IBAKE, INITIATOR, R_MESSAGE_1
from .mikey_messages import R_MESSAGE_2, RAND, REFUSED, RESPONDER, Head, Point, idr, sized, timestamp
from .names import name as normal
from .notation import OPAQUE, Rejected, require, u8, u16, u64
from .parameters import PrivateKey

_ROLE = {"initiator": INITIATOR, "responder": RESPONDER}
_OTHER = {"initiator": "responder", "responder": "initiator"}
_BOUND = EXTENSION, u8(BOUND[0]) + u16(len(BOUND[1])) + BOUND[1]
_IBAKE = IBAKE, b""


def _rand(rand: bytes) -> tuple[int, bytes]:
    return RAND, u8(len(rand)) + rand


@dataclass
class Dial:
    """I after I_MESSAGE_1."""

    own: PrivateKey
    dialled: Identity
    suite: int
    prf: int
    mki: bytes
    t: int
    bound: bool
    x: Share
    k_i1: bytes
    i1: bytes
    offer: Offer


def dial(
    call: Call, end: End, dialled: str, suite: int, prf: int, offer: Offer, protocols: str | None, now: int
) -> Dial:
    """I_MESSAGE_1."""
    require(suite in end.suites, "Peer(NoCommonSuite)")
    end.check_prf(prf)
    own = end.keys[0]
    end.check_key(own, now)
    normal(dialled)
    peer = end.party(dialled, now, now)
    caller = own.identity.name
    require(caller != dialled, "Peer(SameIdentity)")
    call.rand, csb_id = call.draws.take(16), call.draws.take(4)
    call.csb_id = int.from_bytes(csb_id, "big")
    t = later(now, 0) | int.from_bytes(call.draws.take(4), "big")
    call.values |= {"RAND": call.rand, "CSB ID": csb_id, "T_1": u64(t)}
    bound = end.demand != "rfc6267"
    at = call.at(u64(t), own.identity.encode(), peer.encode())
    x = call.first(suite, own, at)
    plain = plain_of([idr(INITIATOR, caller), x.point(bound, offer.mki), idr(RESPONDER, dialled)])
    entries, count, policies = offer.encode()
    payloads = [timestamp(t), _rand(call.rand), idr(INITIATOR, caller), idr(RESPONDER, dialled), *policies]
    if protocols is not None:
        payloads.append((EXTENSION, u8(1) + u16(len(protocols)) + protocols.encode("ascii")))
    payloads += [_BOUND] * bound + [_IBAKE]
    head = Head(I_MESSAGE_1, True, prf, call.csb_id, count, GENERIC_ID, entries)
    i1 = call.seal("I1", head, payloads, plain, (end.directory(dialled), peer), own, suite, at)
    call.values["I_MESSAGE_1"] = i1
    return Dial(own, peer, suite, prf, offer.mki, t, bound, x, call.values["K_I1"], i1, offer)


@dataclass
class Half:
    """R after R_MESSAGE_1."""

    own: PrivateKey
    initiator: Identity
    dialled: str
    prf: int
    rand: bytes
    csb_id: int
    t: int
    bound: bool
    y: Share
    suite: int
    x: Point | None
    k_i1: bytes
    k_r1: bytes
    chosen: Chosen
    i1: bytes
    r1: bytes


def answer(call: Call, end: End, i1: bytes, answers: str, ssrcs: list[int], now: int, seen_before: set[Any]) -> Half:
    """R on I_MESSAGE_1, SPEC 13.11."""
    seen = Seen.read(i1, I_MESSAGE_1)
    prf = seen.message.head.prf
    end.check_prf(prf)
    seen.check_fresh(now)
    seen.check_order()
    rand = seen.message.single(RAND)
    require(16 <= len(rand) <= 64, REFUSED, "RAND")
    caller, dialled = seen.name(0), seen.name(1)
    initiator = end.party(caller, unix(seen.t), now)
    reference = seen.reference()

    def held() -> PrivateKey:
        fits = [k for k in end.keys if k.identity.purpose == "decryption" and k.identity.name == dialled]
        found = next((k for k in fits if k.identity.reference == reference), None)
        require(found is not None, "Key(Missing)")
        assert found is not None
        return found

    opens = None if answers == "retargeted" else held()
    own = opens if answers == "dialled" else end.keys[0]
    assert own is not None
    end.check_key(own, now)
    if opens is not None:
        end.check_key(opens, now)
    require(own.identity.name != caller and dialled != caller, "Peer(SameIdentity)")
    require(opens is not None or own.identity.name != dialled, "Key(Missing)")
    bound = seen.bound and end.demand != "rfc6267"
    require(bound or end.demand != "bound", "Call(NotBound)")
    chosen = choose("initiator", [], seen.message, end.profiles, ssrcs)
    name = (caller, seen.message.head.csb_id, rand)
    require(name not in seen_before, "Peer(Replay)")
    x, k_i1 = None, b""
    if opens is not None:
        k_i1, plain = seen.open(end, opens)
        inside = Inside.read(plain, [True, False])
        inside.check_ids(seen)
        x = inside.points[0]
        assert x is not None
        require((x.spi or b"") == chosen.mki and (x.spi is None) == (not chosen.mki), OPAQUE, "MKI")
        require(end.demand == "rfc6267" or (x.auth_alg == 251) == seen.bound, OPAQUE, "profile")
        suite = suite_of(x, True)
        require(suite in end.suites, "Peer(NoCommonSuite)")
    else:
        suite = next((s for s in end.suites if s != 5), 0)
        require(suite != 0, "Peer(NoCommonSuite)")
    seen_before.add(name)
    at = call.at(i1, own.identity.encode())
    y = call.second(suite, x, own, at)
    ids = [idr(INITIATOR, caller), idr(RESPONDER, own.identity.name)]
    plain = plain_of([ids[0], x, ids[1], y.point(bound, chosen.mki)])
    payloads = [timestamp(seen.t), *ids, *chosen.policies, *([_BOUND] * bound), _IBAKE]
    head = Head(R_MESSAGE_1, True, prf, call.csb_id, len(chosen.streams), GENERIC_ID, chosen.map)
    r1 = call.seal("R1", head, payloads, plain, (end.directory(caller), initiator), own, suite, at)
    call.values["R_MESSAGE_1"] = r1
    fixed = (own, initiator, dialled, prf, rand, seen.message.head.csb_id, seen.t, bound, y, suite, x)
    return Half(*fixed, k_i1, call.values["K_R1"], chosen, i1, r1)


@dataclass
class Waiting:
    """I after I_MESSAGE_2."""

    dial: Dial
    by: Identity
    bound: bool
    echoed: bool
    suite: int
    streams: list[Stream]
    map: bytes
    plain_r2: bytes
    inkey: bytes
    t: int


def proceed(call: Call, end: End, d: Dial, r1: bytes, content: bytes | None, now: int) -> Waiting:
    """I on R_MESSAGE_1, SPEC 13.11.2, and I_MESSAGE_2."""
    seen = Seen.read(r1, R_MESSAGE_1)
    caller, dialled = d.own.identity.name, d.dialled.name
    seen.check_call(call, d.prf, caller)
    require(seen.t == d.t and seen.ts_type == 0, "Call(OtherCall: T)")
    name = seen.name(1)
    require(name != caller, "Peer(SameIdentity)")
    by = d.dialled if name == dialled else end.party(name, unix(d.t), now)
    streams = d.offer.check(seen.message)
    require(d.bound or not seen.bound, "Call(OtherCall: profile)")
    require(not d.bound or seen.bound or end.demand != "bound", "Call(NotBound)")
    seen.reference()
    k_r1, opened = seen.open(end, d.own)
    inside = Inside.read(opened, [None, True])
    inside.check_ids(seen)
    echo, point = inside.points
    assert point is not None
    require(echo is None or echo == d.x.point(d.bound, d.mki), OPAQUE, "ECCPTi")
    require(echo is not None or name != dialled, "Call(NotOpened)")
    require((point.auth_alg == 251) == seen.bound and point.spi == (d.mki or None), OPAQUE, "ECCPTr")
    suite = suite_of(point, False)
    x = d.x
    if echo is None and suite != d.suite:
        require(suite != 5 and suite in end.suites, "Peer(NoCommonSuite)")
        x = call.first(suite, d.own, call.at(r1), "'")
    k_session = agree(x, point, False)
    again = x.point(d.bound, d.mki) if echo is None else None
    ids = [idr(INITIATOR, caller), idr(RESPONDER, name)]
    t = later(now, d.t)
    call.values |= {"K_SESSION": k_session, "T_2": u64(t), "answered_by": "dialled" if by == d.dialled else "other"}
    esk: list[tuple[int, bytes]] = []
    if echo is None or content is not None:
        to = d.dialled if echo is None else by
        place = Place(call.csb_id, call.rand, t, caller, to.name)
        esk = [sized(ESK, make_esk(call, end, place, to, d.own, seen.bound, suite, r1, content))]
    at = call.at(r1, u64(t))
    head = Head(I_MESSAGE_2, True, d.prf, call.csb_id, len(streams), GENERIC_ID, seen.message.head.entries)
    payloads = [timestamp(t), _rand(call.rand), *ids, _IBAKE, *esk]
    plain = plain_of([ids[0], again, ids[1], point])
    i2 = call.seal("I2", head, payloads, plain, (end.directory(name), by), d.own, suite, at)
    call.values["I_MESSAGE_2"] = i2
    inkey = k_session
    if seen.bound:
        first = b"" if echo is None else d.k_i1
        inkey = bind("mikey bound", [d.i1, r1, i2], [k_session, first, k_r1, call.values["K_I2"]], call.values)
    entries = seen.message.head.entries
    plain_r2 = plain_of([ids[0], again]) if again is not None else b""
    return Waiting(d, by, seen.bound, echo is not None, suite, streams, entries, plain_r2, inkey, t)


def second(call: Call, end: End, half: Half, i2: bytes, now: int) -> tuple[bytes, Session]:
    """R on I_MESSAGE_2, SPEC 13.11.3: gives R_MESSAGE_2."""
    seen = Seen.read(i2, I_MESSAGE_2)
    caller, own = half.initiator.name, half.own
    seen.check_call(call, half.prf, caller)
    seen.check_fresh(now)
    require(seen.t > half.t, "Call(NotLater)")
    require(seen.message.single(RAND) == half.rand, "Call(OtherCall: RAND)")
    wanted = (RESPONDER, int(":" in own.identity.name), own.identity.name.encode("ascii"))
    require(seen.ids[1] == wanted, "Call(OtherCall: IDRr)")
    require(seen.message.head.entries == half.chosen.map, "Call(OtherCall: CS ID map)")
    require(half.x is not None or seen.esk is not None, "Call(NoEsk)")
    if seen.esk is not None:
        to = half.dialled if half.x is None else own.identity.name
        place = Place(half.csb_id, half.rand, seen.t, caller, to)
        deposit = place.deposit(half.bound, seen.esk)
        read_deposit(deposit)
        call.values["deposit"] = deposit
    seen.reference()
    k_i2, opened = seen.open(end, own)
    inside = Inside.read(opened, [half.x is None, True])
    inside.check_ids(seen)
    require(inside.points[1] == half.y.point(half.bound, half.chosen.mki), OPAQUE, "ECCPTr")
    theirs = half.x or inside.points[0]
    assert theirs is not None
    if half.x is None:
        require(end.demand == "rfc6267" or (theirs.auth_alg == 251) == half.bound, OPAQUE, "profile")
        suite_of(theirs, True)
    k_session = agree(half.y, theirs, True)
    inkey = k_session
    found: dict[str, Any] = {}
    if half.bound:
        secrets = [k_session, half.k_i1, half.k_r1, k_i2]
        inkey = bind("mikey bound", [half.i1, half.r1, i2], secrets, found)
    mpk, tgk = derive(call, half.prf, inkey, half.chosen.streams, found)
    ids = [idr(INITIATOR, caller), idr(RESPONDER, own.identity.name)]
    count = len(half.chosen.streams)
    head = Head(R_MESSAGE_2, False, half.prf, half.csb_id, count, GENERIC_ID, half.chosen.map)
    payloads = [timestamp(seen.t), *ids, verification(half.prf)]
    if half.x is None:
        at, to_i = call.at(i2), (end.directory(caller), half.initiator)
        plain = plain_of([ids[0], theirs])
        message = call.seal("R2", head, [*payloads[:3], _IBAKE, payloads[3]], plain, to_i, own, half.suite, at)
    else:
        message = head.message(payloads)
    names = [caller, own.identity.name]
    r2 = tagged(message, auth_key(call, half.prf, mpk), half.prf, names, call.values, "Ver_R2")
    call.values["R_MESSAGE_2"] = r2
    session = Session(
        half.prf, inkey, mpk, tgk, half.chosen.streams, half.suite, seen.t, half.bound, half.initiator, own.identity
    )
    return r2, session


def finish(call: Call, end: End, w: Waiting, r2: bytes) -> Session:
    """I on R_MESSAGE_2, SPEC 13.11.4."""
    d = w.dial
    seen = Seen.read(r2, R_MESSAGE_2)
    seen.check_call(call, d.prf, d.own.identity.name)
    require(seen.t == w.t and seen.ts_type == 0, "Call(OtherCall: T)")
    wanted = (RESPONDER, int(":" in w.by.name), w.by.name.encode("ascii"))
    require(seen.ids[1] == wanted, "Call(OtherCall: IDRr)")
    require(seen.message.head.entries == w.map, "Call(OtherCall: CS ID map)")
    mpk, tgk = derive(call, d.prf, w.inkey, w.streams, call.values)
    seen.verify(auth_key(call, d.prf, mpk), d.prf)
    if w.plain_r2:
        seen.reference()
        require(seen.open(end, d.own)[1] == w.plain_r2, OPAQUE, "IBAKE")
    else:
        require(seen.ibake is None, REFUSED, "IBAKE")
    kind = ("Bound" if w.bound else "Rfc6267") + ("" if w.echoed else "Unopened")
    call.values["outcome"] = kind
    return Session(d.prf, w.inkey, mpk, tgk, w.streams, w.suite, w.t, w.bound, d.own.identity, w.by)


# ---- update: 13.13


@dataclass
class Side:
    """An end with the call that is up."""

    role: str
    end: End
    session: Session

    @property
    def own(self) -> Identity:
        """The own identity."""
        return self.session.initiator if self.role == "initiator" else self.session.responder

    @property
    def peer(self) -> Identity:
        """The identity of the other end."""
        return self.session.responder if self.role == "initiator" else self.session.initiator


def _read_update(call: Call, s: Session, data: bytes, kind: int, begins: str) -> Seen:
    seen = Seen.read(data, kind)
    require(seen.message.head.csb_id == call.csb_id, "Call(OtherCall: CSB ID)")
    require(seen.message.head.prf == s.prf, "Call(OtherCall: PRF func)")
    names = {"initiator": s.initiator.name, "responder": s.responder.name}
    wanted = [(_ROLE[r], int(":" in names[r]), names[r].encode("ascii")) for r in (begins, _OTHER[begins])]
    require(seen.ids == wanted, "Call(OtherCall: IDR)")
    require(seen.message.optional(RAND) is None, REFUSED, "RAND")
    seen.verify(auth_key(call, s.prf, s.mpk), s.prf)
    return seen


def _check_point(end: End, s: Session, point: Point, mki: bytes) -> None:
    fits = end.demand == "rfc6267" or (point.auth_alg == 251) == s.bound
    require(point.spi == (mki or None) and fits, OPAQUE, "share of an update")


def update(call: Call, one: Side, two: Side, new: list[int], mki: bytes, now: int, heard: dict[str, bytes]) -> None:
    """Both messages of an update that `one` begins."""
    s, values = one.session, call.values
    offer = Offer.make(one.role, s.streams, new, one.end.profiles, mki)
    entries, count, policies = offer.encode()
    t = later(now, s.last)
    own, peer = one.end.party(one.own.name, unix(t), now), one.end.party(one.peer.name, unix(t), now)
    key = one.end.key(own)
    one.end.check_key(key, now)
    at = call.at(u64(t), b"update", peer.encode())
    values["T_1"] = u64(t)
    x = call.first(s.suite, key, at)
    ids = [idr(_ROLE[one.role], own.name), idr(_ROLE[two.role], peer.name)]
    plain = plain_of([ids[0], x.point(s.bound, mki), ids[1]])
    head = Head(I_MESSAGE_1, True, s.prf, call.csb_id, count, GENERIC_ID, entries)
    payloads = [timestamp(t), *ids, *policies, _IBAKE, verification(s.prf)]
    i1 = call.seal("I1", head, payloads, plain, (one.end.directory(peer.name), peer), key, s.suite, at)
    k_i1, v_key, names = values["K_I1"], auth_key(call, s.prf, s.mpk), [own.name, peer.name]
    i1 = tagged(i1, v_key, s.prf, names, values, "Ver_I1")
    values["I_MESSAGE_1"] = i1

    got, s2 = heard.get("I_MESSAGE_1'", i1), two.session
    require(len(got) > 1 and got[1] == I_MESSAGE_1, "Call(Unexpected)")
    seen = _read_update(call, s2, got, I_MESSAGE_1, one.role)
    seen.check_fresh(now)
    require(seen.t > s2.last, "Call(NotLater)")
    own_2, peer_2 = two.end.party(two.own.name, unix(seen.t), now), two.end.party(two.peer.name, unix(seen.t), now)
    key_2 = two.end.key(own_2)
    two.end.check_key(key_2, now)
    chosen = choose(one.role, s2.streams, seen.message, two.end.profiles, [])
    seen.reference()
    k_first, opened = seen.open(two.end, key_2)
    inside = Inside.read(opened, [True, False])
    inside.check_ids(seen)
    theirs = inside.points[0]
    assert theirs is not None
    _check_point(two.end, s2, theirs, chosen.mki)
    suite = suite_of(theirs, True)
    require(suite in two.end.suites, "Peer(NoCommonSuite)")
    at = call.at(got, b"update")
    y = call.second(suite, theirs, key_2, at)
    k_session = agree(y, theirs, True)
    plain = plain_of([ids[0], theirs, ids[1], y.point(s2.bound, chosen.mki)])
    head = Head(R_MESSAGE_1, False, s2.prf, call.csb_id, len(chosen.streams), GENERIC_ID, chosen.map)
    payloads = [timestamp(seen.t), *ids, *chosen.policies, _IBAKE, verification(s2.prf)]
    r1 = call.seal("R1", head, payloads, plain, (two.end.directory(peer_2.name), peer_2), key_2, suite, at)
    r1 = tagged(r1, auth_key(call, s2.prf, s2.mpk), s2.prf, names, values, "Ver_R1")
    values["R_MESSAGE_1"] = r1
    inkey_2 = k_session
    if s2.bound:
        inkey_2 = bind("mikey update", [got, r1], [k_session, k_first, values["K_R1"], s2.inkey], {})

    answer_ = heard.get("R_MESSAGE_1'", r1)
    require(len(answer_) > 1 and answer_[1] == R_MESSAGE_1, "Call(Unexpected)")
    seen = _read_update(call, s, answer_, R_MESSAGE_1, one.role)
    require(seen.t == t and seen.ts_type == 0, "Call(OtherCall: T)")
    streams = offer.check(seen.message)
    seen.reference()
    k_r1, opened = seen.open(one.end, key)
    inside = Inside.read(opened, [True, True])
    inside.check_ids(seen)
    require(inside.points[0] == x.point(s.bound, mki), OPAQUE, "ECCPT of who began")
    point = inside.points[1]
    assert point is not None
    _check_point(one.end, s, point, mki)
    suite_of(point, False)
    values["K_SESSION"] = k_session = agree(x, point, False)
    inkey = k_session
    if s.bound:
        inkey = bind("mikey update", [i1, answer_], [k_session, k_i1, k_r1, s.inkey], values)
    if inkey != inkey_2:
        raise Rejected("Disagreement", "the two ends have different keys")
    derive(call, s.prf, inkey, streams, values)
