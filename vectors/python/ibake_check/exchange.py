"""Both ends of the exchange, SPEC.md section 5, step by step, with randomness that is given."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from .curve import decode_g2
from .identity import Identity, KeyReference, granularity_known, hint
from .kem import decapsulate, encapsulate, hedged
from .messages import (
    DATA_LIMIT,
    EXT_COMMITMENT,
    EXT_CT,
    EXT_DATA,
    EXT_EK,
    EXT_NONCE_I,
    EXT_NONCE_R,
    EXT_SUITES,
    NO_SESSION,
    SUITES,
    Body,
    Header,
    Message,
    Suite,
    check_suite_rule,
    encode_suites,
    read_suites,
)
from .notation import OPAQUE, Reader, Rejected, require, u8, u16, u64
from .parameters import Parameters, PrivateKey
from .schedule import Schedule, Session, StringInputs, commitment
from .shares import Group, pq_check, pq_decapsulate, pq_encapsulate, pq_key

DEADLINE, REPLAY = 60, 120


class Draws:
    """The recorded randomness, taken in the order in which an exchange draws."""

    def __init__(self, recorded: list[bytes]) -> None:
        self._left = list(recorded)

    def take(self, size: int) -> bytes:
        """The next draw, which must have this size."""
        if not self._left or len(self._left[0]) != size:
            raise ValueError("randomness: length of a draw")
        return self._left.pop(0)

    def end(self) -> None:
        """Refuses draws that nobody has taken."""
        if self._left:
            raise ValueError("randomness: left over")


def _identity_form(identity: Identity) -> bytes:
    encoded = identity.encode()
    return u8(identity.reference.period.granularity) + u16(len(encoded)) + encoded


def _read_identity(reader: Reader) -> Identity:
    granularity = granularity_known(reader.number(1))
    return Identity.decode(reader.field(4096), granularity)


def _read_secret(reader: Reader, suite: Suite) -> bytes:
    secret = reader.field(4096)
    suite.group.check_secret(secret)
    return secret


@dataclass(frozen=True)
class AwaitM2:
    """I after M1, SPEC 5.11."""

    suite: Suite
    sid_i: bytes
    ck: bytes
    last: bytes
    own: Identity
    peer: Identity
    secret: bytes
    seed: bytes
    suites: tuple[int, ...]
    started: int

    def encode(self) -> bytes:
        """The form of SPEC 5.11."""
        front = u8(1) + u8(2) + u16(self.suite.identifier) + self.sid_i + self.ck + self.last
        both = _identity_form(self.own) + _identity_form(self.peer) + u16(len(self.secret)) + self.secret
        return front + both + u8(bool(self.seed)) + self.seed + encode_suites(self.suites) + u64(self.started)

    @classmethod
    def decode(cls, data: bytes) -> AwaitM2:
        """SPEC 5.11.1."""
        reader = Reader(data)
        suite = _read_front(reader, 2)
        sid_i, ck, last = reader.take(16), reader.take(32), reader.take(32)
        own, peer, secret = _read_identity(reader), _read_identity(reader), _read_secret(reader, suite)
        seed = reader.take(64 * _flag(reader, suite))
        suites = read_suites(reader)
        require(all(one in SUITES for one in suites), "Decode(Unknown)", "own list")
        started = reader.number(8)
        reader.end()
        return cls(suite, sid_i, ck, last, own, peer, secret, seed, suites, started)


@dataclass(frozen=True)
class AwaitM3:
    """R after M2, SPEC 5.11."""

    suite: Suite
    sid_i: bytes
    sid_r: bytes
    ck: bytes
    last: bytes
    initiator: Identity
    own: Identity
    secret: bytes
    x: bytes
    ss: bytes
    nonce: bytes
    started: int

    def encode(self) -> bytes:
        """The form of SPEC 5.11."""
        front = u8(1) + u8(3) + u16(self.suite.identifier) + self.sid_i + self.sid_r + self.ck + self.last
        both = _identity_form(self.initiator) + _identity_form(self.own) + u16(len(self.secret)) + self.secret
        tail = u16(len(self.x)) + self.x + u8(bool(self.ss)) + self.ss + self.nonce
        return front + both + tail + u64(self.started)

    @classmethod
    def decode(cls, data: bytes) -> AwaitM3:
        """SPEC 5.11.1."""
        reader = Reader(data)
        suite = _read_front(reader, 3)
        sid_i, sid_r, ck, last = reader.take(16), reader.take(16), reader.take(32), reader.take(32)
        initiator, own, secret = _read_identity(reader), _read_identity(reader), _read_secret(reader, suite)
        x = reader.field(4096)
        suite.group.check(x)
        ss, nonce, started = reader.take(32 * _flag(reader, suite)), reader.take(32), reader.number(8)
        reader.end()
        return cls(suite, sid_i, sid_r, ck, last, initiator, own, secret, x, ss, nonce, started)


def _read_front(reader: Reader, kind: int) -> Suite:
    require(reader.number(1) == 1, "Decode(Version)")
    require(reader.number(1) == kind, "Decode(Inconsistent)", "kind of state")
    suite = SUITES.get(reader.number(2))
    if suite is None:
        raise Rejected("Decode(Unknown)", "suite")
    return suite


def _flag(reader: Reader, suite: Suite) -> int:
    flag = reader.number(1)
    require(flag == suite.hybrid, "Decode(Inconsistent)", "flag")
    return flag


def _received(group: Group, share: bytes) -> None:
    """Checks a share from under a seal: whatever is wrong with it, the opaque error."""
    try:
        group.check(share)
    except Rejected as error:
        raise Rejected(OPAQUE, f"share: {error}") from error


def check_deadline(started: int, now: int) -> None:
    """SPEC 5.10.1."""
    require(now + DEADLINE >= started, "Usage(ClockWentBack)")
    require(now - started <= DEADLINE, "Peer(Deadline)")


def start(
    suite: Suite,
    suites: tuple[int, ...],
    key: PrivateKey,
    parameters: Parameters,
    peer: tuple[Parameters, Identity],
    now: int,
    draws: Draws,
    with_hint: bool,
    values: dict[str, Any],
) -> tuple[AwaitM2, bytes]:
    """I: gives M1. Draws `sid_I`, `x`, [`ek`], [salt], `sigma_1` (SPEC 4.2.1)."""
    require(len(suites) > 0, "Usage(Empty)", "own list")
    require(len(suites) <= 16, "Usage(TooMany)", "own list")
    require(len(set(suites)) == len(suites), "Usage(Duplicate)", "own list")
    require(suite.identifier in suites, "Peer(NoCommonSuite)")
    require(key.identity.purpose == "decryption", "Key(Purpose)")
    require(key.fingerprint == parameters.fingerprint(), "Key(OtherParameters)")
    require(key.identity.reference.period.is_current(now), "Key(Expired)")
    parameters.check_side(key.identity.reference, now)
    peer[0].check_side(peer[1].reference, now)
    require(key.identity != peer[1], "Peer(SameIdentity)")
    schedule = Schedule.begin(suite, parameters.fingerprint(), peer[0].fingerprint(), values)
    id_i, id_r = key.identity.encode(), peer[1].encode()
    sid_i = draws.take(16)

    def draw(name: str, length: int) -> bytes:
        return hedged(draws.take(32), key.point, name, sid_i, schedule.last, length)

    secret = suite.group.secret(draw("x", 96))
    x = suite.group.share(secret)
    values |= {"x": secret, "X": x}
    seed, extensions = b"", {}
    if suite.hybrid:
        seed = draw("ek", 64)
        values["d||z"] = seed
        extensions[EXT_EK] = pq_key(seed).public_key().public_bytes_raw()
    shown = hint(draws.take(8), id_r) if with_hint else b""
    values["sigma_1"] = draw("sigma", 32)
    e = encapsulate(peer[0], id_r, values["sigma_1"])
    schedule.mix(1, e.key)
    references = key.identity.reference, peer[1].reference
    header = Header(suite.identifier, 1, sid_i, NO_SESSION, *references, suites, shown)
    m1 = schedule.seal(1, header.encode(), e.encoded, Body((id_i, id_r, x), extensions).encode())
    state = AwaitM2(suite, sid_i, schedule.ck, schedule.last, key.identity, peer[1], secret, seed, suites, now)
    values["AwaitM2"] = state.encode()
    return state, m1


@dataclass
class Responder:
    """R with its keys, the parameters that it knows, its list, and its table of answered `sid_I` (SPEC 5.10)."""

    suites: tuple[int, ...]
    keys: list[PrivateKey]
    parameters: list[Parameters]
    seen: dict[bytes, int]

    def known(self, reference: KeyReference) -> Parameters:
        """Row 8 of SPEC 5.5."""
        found = [p for p in self.parameters if (p.district, p.serial) == (reference.district, reference.serial)]
        require(bool(found), "Parameters(Unknown)")
        return found[0]

    def accept(self, first: bytes, now: int, draws: Draws, values: dict[str, Any]) -> tuple[AwaitM3, bytes]:
        """M1 in, after the checks of SPEC 5.5, and M2 out. Draws `sid_R`, `y`, [`ct`], `nR`, `sigma_2`."""
        message = Message.read(first, 1)
        header, suite = message.header, SUITES[message.header.suite]
        check_suite_rule(suite.identifier, header.suites, self.suites, "Peer(NoCommonSuite)")
        parameters_i, parameters_r = self.known(header.initiator), self.known(header.responder)
        parameters_i.check_side(header.initiator, now)
        parameters_r.check_side(header.responder, now)
        fitting = fits(self.keys, header.responder, header.hint)
        require(now >= self.seen.get(header.sid_i, 0), "Peer(Replay)")
        decode_g2(message.encapsulation[:96])
        require(all(key.fingerprint == parameters_r.fingerprint() for key in fitting), "Key(OtherParameters)")
        opened = None
        for key in fitting:
            schedule = Schedule.begin(suite, parameters_i.fingerprint(), parameters_r.fingerprint(), values)
            d = decapsulate(parameters_r, key.identity.encode(), key.point, message.encapsulation)
            schedule.mix(1, d.key)
            try:
                opened = key, schedule, schedule.open(1, message.header_bytes, message.encapsulation, message.sealed)
            except Rejected:
                continue
        if opened is None:
            raise Rejected(OPAQUE, "seal")
        key, schedule, plaintext = opened
        body = Body.decode(plaintext, 1, suite)
        id_r = key.identity.encode()
        try:
            initiator = Identity.decode(body.fields[0], parameters_i.granularity)
        except Rejected as error:
            raise Rejected(OPAQUE, error.error) from error
        require(initiator.purpose == "decryption" and initiator.reference == header.initiator, OPAQUE, "identity of I")
        require(body.fields[1] == id_r, OPAQUE, "identity of R")
        require(initiator != key.identity, OPAQUE, "both ends have one identity")
        x = body.fields[2]
        _received(suite.group, x)
        if suite.hybrid:
            pq_check(body.extensions[EXT_EK])
        self.seen[header.sid_i] = now + REPLAY
        return _answer(message, (suite, self.suites), (key, schedule), (parameters_i, initiator), body, now, draws, values)


def _answer(
    message: Message,
    suites: tuple[Suite, tuple[int, ...]],
    own: tuple[PrivateKey, Schedule],
    peer: tuple[Parameters, Identity],
    body: Body,
    now: int,
    draws: Draws,
    values: dict[str, Any],
) -> tuple[AwaitM3, bytes]:
    (suite, accepted), (key, schedule) = suites, own
    h1, x = schedule.last, body.fields[2]
    sid_i, sid_r = message.header.sid_i, draws.take(16)

    def draw(name: str, length: int) -> bytes:
        return hedged(draws.take(32), key.point, name, sid_r, h1, length)

    secret = suite.group.secret(draw("y", 96))
    y = suite.group.share(secret)
    values |= {"y": secret, "Y": y}
    ss, extensions = b"", {}
    if suite.hybrid:
        values["m"] = draw("ct", 32)
        ss, extensions[EXT_CT] = pq_encapsulate(body.extensions[EXT_EK], values["m"])
        values["ss"] = ss
    nonce = draw("nonce", 32)
    extensions[EXT_SUITES] = encode_suites(accepted)
    extensions[EXT_COMMITMENT] = commitment(sid_i, sid_r, h1, nonce)
    values |= {"nR": nonce, "c_R": extensions[EXT_COMMITMENT], "sigma_2": draw("sigma", 32)}
    id_i = peer[1].encode()
    e = encapsulate(peer[0], id_i, values["sigma_2"])
    schedule.mix(2, e.key)
    header = replace(message.header, kind=2, sid_r=sid_r, suites=(), hint=b"")
    plaintext = Body((id_i, key.identity.encode(), x, y), extensions).encode()
    m2 = schedule.seal(2, header.encode(), e.encoded, plaintext)
    ends = peer[1], key.identity
    state = AwaitM3(suite, sid_i, sid_r, schedule.ck, schedule.last, *ends, secret, x, ss, nonce, now)
    values["AwaitM3"] = state.encode()
    return state, m2


def fits(keys: list[PrivateKey], reference: KeyReference, shown: bytes = b"") -> list[PrivateKey]:
    """SPEC 4.5.3: the decryption keys to be tried, at most four."""
    found = [key for key in keys if key.identity.reference == reference and key.identity.purpose == "decryption"]
    if shown:
        found = [key for key in found if hint(shown[:8], key.identity.encode()) == shown]
    require(bool(found), "Key(Missing)")
    require(len(found) <= 4, "Peer(Busy)")
    return found


@dataclass(frozen=True)
class Unconfirmed:
    """I after M3."""

    header: Header
    schedule: Schedule
    inputs: StringInputs
    committed: bytes
    h1: bytes
    started: int

    def finish(self, fourth: bytes, now: int) -> Session:
        """M4 in, SPEC 5.5.4."""
        check_deadline(self.started, now)
        message = Message.read(fourth, 4)
        require(message.header == replace(self.header, kind=4), "Peer(OtherSession)")
        h3 = self.schedule.last
        plaintext = self.schedule.open(4, message.header_bytes, b"", message.sealed)
        body = Body.decode(plaintext, 4, SUITES[message.header.suite])
        nonce = body.extensions[EXT_NONCE_R]
        expected = commitment(self.header.sid_i, self.header.sid_r, self.h1, nonce)
        require(expected == self.committed, OPAQUE, "commitment")
        return Session(self.schedule.ck, h3, replace(self.inputs, nonce_r=nonce))


def third(
    state: AwaitM2,
    second: bytes,
    key: PrivateKey,
    parameters: tuple[Parameters, Parameters],
    data: bytes,
    now: int,
    draws: Draws,
    values: dict[str, Any],
) -> tuple[Unconfirmed, bytes]:
    """I: M2 in, after the checks of SPEC 5.5.2, and M3 out. Draws `nI`, `sigma_3`."""
    suite, group = state.suite, state.suite.group
    check_deadline(state.started, now)
    require(len(data) <= DATA_LIMIT, "Usage(TooMany)")
    message = Message.read(second, 2)
    sid_r = message.header.sid_r
    header = Header(suite.identifier, 2, state.sid_i, sid_r, state.own.reference, state.peer.reference)
    require(message.header == header, "Peer(OtherSession)")
    decode_g2(message.encapsulation[:96])
    id_i, id_r = state.own.encode(), state.peer.encode()
    schedule = Schedule(suite, state.ck, state.last, values)
    h1 = state.last
    schedule.mix(2, decapsulate(parameters[0], id_i, key.point, message.encapsulation).key)
    plaintext = schedule.open(2, message.header_bytes, message.encapsulation, message.sealed)
    body = Body.decode(plaintext, 2, suite)
    x, y = group.share(state.secret), body.fields[3]
    _received(group, y)
    require(body.fields[:2] == (id_i, id_r), OPAQUE, "identities")
    require(body.fields[2] == x, OPAQUE, "X")
    require(group.x(y) != group.x(x), OPAQUE, "Y is X")
    try:
        listed = Reader(body.extensions[EXT_SUITES])
        theirs = read_suites(listed)
        listed.end()
    except Rejected as error:
        raise Rejected(OPAQUE, error.error) from error
    check_suite_rule(suite.identifier, state.suites, theirs, OPAQUE)
    shared = group.shared(state.secret, y)
    ss = pq_decapsulate(state.seed, body.extensions[EXT_CT]) if suite.hybrid else b""

    def draw(name: str) -> bytes:
        return hedged(draws.take(32), key.point, name, state.sid_i, schedule_hash, 32)

    schedule_hash = schedule.last
    nonce = draw("nonce")
    values |= {"nI": nonce, "sigma_3": draw("sigma"), "dh": shared}
    e = encapsulate(parameters[1], id_r, values["sigma_3"])
    schedule.mix(3, e.key, shared, ss)
    extensions = {EXT_NONCE_I: nonce} | ({EXT_DATA: data} if data else {})
    header = replace(header, kind=3)
    m3 = schedule.seal(3, header.encode(), e.encoded, Body((id_i, id_r, y), extensions).encode())
    inputs = StringInputs(id_i, id_r, x, y, nonce, b"")
    return Unconfirmed(header, schedule, inputs, body.extensions[EXT_COMMITMENT], h1, state.started), m3


def fourth(
    state: AwaitM3,
    message_3: bytes,
    keys: list[PrivateKey],
    parameters: Parameters,
    data: bytes,
    now: int,
    values: dict[str, Any],
) -> tuple[Session, bytes]:
    """R: M3 in, after the checks of SPEC 5.5.3, and M4 out."""
    suite, group = state.suite, state.suite.group
    check_deadline(state.started, now)
    require(len(data) <= DATA_LIMIT, "Usage(TooMany)")
    message = Message.read(message_3, 3)
    references = state.initiator.reference, state.own.reference
    header = Header(suite.identifier, 3, state.sid_i, state.sid_r, *references)
    require(message.header == header, "Peer(OtherSession)")
    own = [key for key in keys if key.identity == state.own]
    require(bool(own), "Key(Missing)")
    decode_g2(message.encapsulation[:96])
    id_i, id_r = state.initiator.encode(), state.own.encode()
    shared = group.shared(state.secret, state.x)
    schedule = Schedule(suite, state.ck, state.last, values)
    schedule.mix(3, decapsulate(parameters, id_r, own[0].point, message.encapsulation).key, shared, state.ss)
    plaintext = schedule.open(3, message.header_bytes, message.encapsulation, message.sealed)
    body = Body.decode(plaintext, 3, suite)
    require(body.fields[:2] == (id_i, id_r), OPAQUE, "identities")
    y = group.share(state.secret)
    require(body.fields[2] == y, OPAQUE, "Y")
    h3 = schedule.last
    extensions = {EXT_NONCE_R: state.nonce} | ({EXT_DATA: data} if data else {})
    m4 = schedule.seal(4, replace(header, kind=4).encode(), b"", Body((), extensions).encode())
    inputs = StringInputs(id_i, id_r, state.x, y, body.extensions[EXT_NONCE_I], state.nonce)
    return Session(schedule.ck, h3, inputs), m4
