"""Both ends of the exchange, SPEC.md section 5, with randomness that is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from .kem import decapsulate, encapsulate, hedged
from .messages import (
    EXT_COMMITMENT,
    EXT_CT,
    EXT_EK,
    EXT_NONCE_I,
    EXT_NONCE_R,
    EXT_SUITES,
    NO_SESSION,
    Body,
    Header,
    Message,
    Suite,
    check_suite_rule,
    encode_suites,
    read_suites,
)
from .notation import Reader, require
from .parameters import Parameters, PrivateKey
from .schedule import Schedule, StringInputs, commitment, words
from .shares import pq_check, pq_decapsulate, pq_encapsulate, pq_key

Wire = Callable[[int, bytes], bytes]
"""Gives what arrives when message `n` is sent."""
Sealer = Callable[[int, Body], Body]
"""Gives what a sender seals in message `n`; anything but the identity makes it a dishonest one."""


class Draws:
    """The recorded randomness, taken in the order in which an exchange draws."""

    def __init__(self, recorded: list[bytes]) -> None:
        self._left = list(recorded)

    def take(self, size: int) -> bytes:
        """The next draw, which must have this size."""
        require(bool(self._left) and len(self._left[0]) == size, "randomness: length of a draw")
        return self._left.pop(0)

    def end(self) -> None:
        """Refuses draws that nobody has taken."""
        require(not self._left, "randomness: left over")


@dataclass(frozen=True)
class Setting:
    """What both ends know before the exchange. Each lists the suite in use and no other."""

    now: int
    suite: Suite
    parameters_i: Parameters
    parameters_r: Parameters
    key_i: PrivateKey
    key_r: PrivateKey

    def schedule(self) -> Schedule:
        """`h0` and `ck0`."""
        return Schedule(self.suite, self.parameters_i.fingerprint(), self.parameters_r.fingerprint())


@dataclass
class End:
    """State that both ends have."""

    setting: Setting
    draws: Draws
    sealer: Sealer
    sid_i: bytes = b""
    sid_r: bytes = NO_SESSION
    schedule: Schedule = field(init=False)

    def __post_init__(self) -> None:
        self.schedule = self.setting.schedule()
        self.id_i = self.setting.key_i.identity.encode()
        self.id_r = self.setting.key_r.identity.encode()

    def header(self, kind: int) -> Header:
        """The header of our message `kind`."""
        setting = self.setting
        references = setting.key_i.identity.reference, setting.key_r.identity.reference
        suites = (setting.suite.identifier,) if kind == 1 else ()
        return Header(setting.suite.identifier, kind, self.sid_i, self.sid_r, *references, suites)

    def send(self, kind: int, body: Body, encapsulation: bytes = b"") -> bytes:
        """Seals message `kind`."""
        plaintext = self.sealer(kind, body).encode()
        return self.schedule.seal(kind, self.header(kind).encode(), encapsulation, plaintext)

    def expect(self, data: bytes, kind: int) -> Message:
        """Cuts message `kind` of a running exchange, whose header holds nothing new but `sid_R` of M2."""
        message = Message.read(data, kind)
        if kind == 2:
            self.sid_r = message.header.sid_r
        require(message.header == self.header(kind), "header: not of this exchange")
        return message

    def open(self, message: Message) -> Body:
        """Opens the seal and reads the body."""
        kind = message.header.kind
        plaintext = self.schedule.open(kind, message.header_bytes, message.encapsulation, message.sealed)
        return Body.decode(plaintext, kind, self.setting.suite)

    def check_identities(self, body: Body) -> None:
        """The identities under the seal are those of the exchange."""
        require(body.fields[0] == self.id_i and body.fields[1] == self.id_r, "body: identities")

    def check_setting(self) -> None:
        """SPEC 5.5: parameters and periods of both sides, now."""
        setting = self.setting
        setting.parameters_i.check_usable(setting.key_i.identity.reference, setting.now)
        setting.parameters_r.check_usable(setting.key_r.identity.reference, setting.now)
        require(self.id_i != self.id_r, "identities: equal")


@dataclass
class Initiator(End):
    """I: gives M1 and M3, takes M2 and M4. Draws `sid_I`, `x`, [`ek`], `sigma_1`; then `nI`, `sigma_3`."""

    def draw(self, name: str, length: int) -> bytes:
        """SPEC 4.2; `session` is `sid_I`, `hash` the transcript hash so far."""
        own = self.setting.key_i.point
        return hedged(self.draws.take(32), own, name, self.sid_i, self.schedule.last, length)

    def first(self) -> bytes:
        """M1."""
        self.check_setting()
        self.sid_i = self.draws.take(16)
        suite = self.setting.suite
        self.x_secret = self.draw("x", 96)
        self.x = suite.group.share(self.x_secret)
        extensions = {}
        if suite.hybrid:
            self.ek_seed = self.draw("ek", 64)
            extensions[EXT_EK] = pq_key(self.ek_seed).public_key().public_bytes_raw()
        encapsulation, key = encapsulate(self.setting.parameters_r, self.id_r, self.draw("sigma", 32))
        self.schedule.mix(key)
        return self.send(1, Body((self.id_i, self.id_r, self.x), extensions), encapsulation)

    def third(self, second: bytes) -> bytes:
        """M2 in, M3 out."""
        setting = self.setting
        suite, group = setting.suite, setting.suite.group
        message = self.expect(second, 2)
        self.schedule.mix(decapsulate(setting.parameters_i, self.id_i, setting.key_i.point, message.encapsulation))
        body = self.open(message)
        self.check_identities(body)
        require(body.fields[2] == self.x, "body: X")
        self.y = body.fields[3]
        group.check(self.y)
        require(group.x(self.y) != group.x(self.x), "body: Y is X")
        listed = Reader(body.extensions[EXT_SUITES])
        check_suite_rule(suite.identifier, (suite.identifier,), read_suites(listed))
        listed.end()
        self.commitment = body.extensions[EXT_COMMITMENT]
        shared = group.shared(self.x_secret, self.y)
        ss = pq_decapsulate(self.ek_seed, body.extensions[EXT_CT]) if suite.hybrid else b""

        self.nonce_i = self.draw("nonce", 32)
        encapsulation, key = encapsulate(setting.parameters_r, self.id_r, self.draw("sigma", 32))
        self.schedule.mix(key, shared, ss)
        return self.send(3, Body((self.id_i, self.id_r, self.y), {EXT_NONCE_I: self.nonce_i}), encapsulation)

    def finish(self, fourth: bytes) -> StringInputs:
        """M4 in: the responder opens its commitment."""
        nonce_r = self.open(self.expect(fourth, 4)).extensions[EXT_NONCE_R]
        expected = commitment(self.sid_i, self.sid_r, self.schedule.hashes[1], nonce_r)
        require(expected == self.commitment, "commitment")
        return StringInputs(self.id_i, self.id_r, self.x, self.y, self.nonce_i, nonce_r)


@dataclass
class Responder(End):
    """R: takes M1 and M3, gives M2 and M4. Draws `sid_R`, `y`, [`ct`], `nR`, `sigma_2`."""

    def draw(self, name: str, length: int) -> bytes:
        """SPEC 4.2; `session` is `sid_R`, `hash` the transcript hash so far."""
        own = self.setting.key_r.point
        return hedged(self.draws.take(32), own, name, self.sid_r, self.schedule.last, length)

    def second(self, first: bytes) -> bytes:
        """M1 in, after the checks of SPEC 5.5, and M2 out."""
        setting = self.setting
        suite, group = setting.suite, setting.suite.group
        message = Message.read(first, 1)
        header = message.header
        require(header.suite == suite.identifier, "header: suite")
        check_suite_rule(suite.identifier, header.suites, (suite.identifier,))
        setting.parameters_i.check_usable(header.initiator, setting.now)
        setting.parameters_r.check_usable(header.responder, setting.now)
        require(header.responder == setting.key_r.identity.reference, "header: no such key")
        self.sid_i = header.sid_i
        self.schedule.mix(decapsulate(setting.parameters_r, self.id_r, setting.key_r.point, message.encapsulation))
        body = self.open(message)
        self.check_identities(body)
        require(header.initiator == setting.key_i.identity.reference, "header: another initiator")
        self.x = body.fields[2]
        group.check(self.x)

        self.sid_r = self.draws.take(16)
        self.y_secret = self.draw("y", 96)
        self.y = group.share(self.y_secret)
        extensions = {}
        self.ss = b""
        if suite.hybrid:
            pq_check(body.extensions[EXT_EK])
            self.ss, extensions[EXT_CT] = pq_encapsulate(body.extensions[EXT_EK], self.draw("ct", 32))
        self.nonce_r = self.draw("nonce", 32)
        extensions[EXT_SUITES] = encode_suites((suite.identifier,))
        extensions[EXT_COMMITMENT] = commitment(self.sid_i, self.sid_r, self.schedule.last, self.nonce_r)
        encapsulation, key = encapsulate(setting.parameters_i, self.id_i, self.draw("sigma", 32))
        self.schedule.mix(key)
        return self.send(2, Body((self.id_i, self.id_r, self.x, self.y), extensions), encapsulation)

    def fourth(self, third: bytes) -> tuple[bytes, StringInputs]:
        """M3 in, M4 out."""
        setting = self.setting
        message = self.expect(third, 3)
        key = decapsulate(setting.parameters_r, self.id_r, setting.key_r.point, message.encapsulation)
        self.schedule.mix(key, setting.suite.group.shared(self.y_secret, self.x), self.ss)
        body = self.open(message)
        self.check_identities(body)
        require(body.fields[2] == self.y, "body: Y")
        nonce_i = body.extensions[EXT_NONCE_I]
        inputs = StringInputs(self.id_i, self.id_r, self.x, self.y, nonce_i, self.nonce_r)
        return self.send(4, Body((), {EXT_NONCE_R: self.nonce_r})), inputs


@dataclass(frozen=True)
class Outcome:
    """What an exchange ends with."""

    messages: tuple[bytes, bytes, bytes, bytes]
    exported: bytes
    authentication_string: int
    words: list[str]


def run(
    setting: Setting,
    randomness: list[bytes],
    wire: Wire = lambda _n, message: message,
    sealer: Sealer = lambda _n, body: body,
) -> Outcome:
    """One exchange of both ends. The first draw is made when the responder starts up and enters no output."""
    draws = Draws(randomness)
    draws.take(32)
    initiator = Initiator(setting, draws, sealer)
    responder = Responder(setting, draws, sealer)
    first = initiator.first()
    second = responder.second(wire(1, first))
    third = initiator.third(wire(2, second))
    fourth, responder_has = responder.fourth(wire(3, third))
    initiator_has = initiator.finish(wire(4, fourth))
    draws.end()
    ends = (
        (initiator.schedule, initiator_has),
        (responder.schedule, responder_has),
    )
    results = {(s.export(b"test", b"context", 32), s.authentication_string(has)) for s, has in ends}
    require(len(results) == 1, "the ends differ")
    ((exported, number),) = results
    return Outcome((first, second, third, fourth), exported, number, words(number))
