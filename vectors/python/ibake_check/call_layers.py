"""The groups of the layer `calls`: SPEC.md 13.8 to 13.13, 13.15."""

from __future__ import annotations

from typing import Any

from .call_steps import Side, answer, dial, finish, proceed, second, update
from .calls import Call, End, Session, media_keys
from .cases import Inputs
from .containers import read_box
from .deposits import open_deposit
from .exchange import Draws
from .layers import Outputs, group
from .media import Offer
from .messages import PREFERENCE, SUITES
from .notation import exp, label, u8, u32
from .parameters import Parameters, PrivateKey

_INPUTS = {
    **{"now": "number", "parameters_I": "bytes", "parameters_R": "bytes", "private_keys_I": "bytes*"},
    **{"private_keys_R": "bytes*", "dialled": "text", "answers": "text", "suite": "text", "demand_I": "text"},
    **{"demand_R": "text", "profiles_I": "text*", "profiles_R": "text*", "SSRCs_I": "number*", "SSRCs_R": "number*"},
    **{"suites_R": "number*?", "PRF": "number?", "MKI": "bytes?", "protocols": "text?", "content_key": "bytes?"},
    "randomness": "bytes*",
}
_STROKES = ("I_MESSAGE_1'", "R_MESSAGE_1'", "I_MESSAGE_2'", "R_MESSAGE_2'")


def _load(stored: list[bytes], known: tuple[Parameters, Parameters]) -> list[PrivateKey]:
    out = []
    for encoded in stored:
        reference = PrivateKey.decode(encoded).identity.reference
        own = next(p for p in known if (p.district, p.serial) == (reference.district, reference.serial))
        out.append(PrivateKey.load(encoded, own))
    return out


class Both:
    """Both ends of a case, and its call step by step."""

    def __init__(self, i: Inputs) -> None:
        self.i = i
        self.now, self.prf = i.number("now"), i.number("PRF") if "PRF" in i else 1
        known = Parameters.decode(i.bytes("parameters_I")), Parameters.decode(i.bytes("parameters_R"))
        keys_i, keys_r = _load(i.list("private_keys_I"), known), _load(i.list("private_keys_R"), known)
        caller = keys_i[0].identity.name
        self.suite = next(s.identifier for s in SUITES.values() if s.name == i.text("suite"))
        suites_r = i.numbers("suites_R") if "suites_R" in i else PREFERENCE
        old = self.prf == 0
        profiles = [list(i.raw(name)) for name in ("profiles_I", "profiles_R")]
        self.end_i = End(i.text("demand_I"), PREFERENCE, profiles[0], old, keys_i, caller, known)
        self.end_r = End(i.text("demand_R"), suites_r, profiles[1], old, keys_r, caller, known)
        self.call = Call(Draws(i.list("randomness")), {})

    def run(self, heard: dict[str, bytes], again: bool) -> tuple[Session, Session | None]:
        """What both ends have in the end; where R_MESSAGE_1 alone is replaced, R has nothing."""
        i, call, now = self.i, self.call, self.now
        mki = i.bytes("MKI") if "MKI" in i else b""
        offer = Offer.make("initiator", [], list(i.numbers("SSRCs_I")), self.end_i.profiles, mki)
        protocols = i.text("protocols") if "protocols" in i else None
        d = dial(call, self.end_i, i.text("dialled"), self.suite, self.prf, offer, protocols, now)
        before: set[Any] = set()
        how = (i.text("answers"), list(i.numbers("SSRCs_R")), now, before)
        half = answer(call, self.end_r, heard.get(_STROKES[0], d.i1), *how)
        r1 = half.r1
        if again:
            answer(call, self.end_r, d.i1, *how)
        content = i.bytes("content_key") if "content_key" in i else None
        waiting = proceed(call, self.end_i, d, heard.get(_STROKES[1], r1), content, now)
        responder, r2 = None, heard.get(_STROKES[3], b"")
        if _STROKES[1] not in heard or _STROKES[2] in heard:
            i2 = heard.get(_STROKES[2], call.values["I_MESSAGE_2"])
            made, responder = second(call, self.end_r, half, i2, now)
            r2 = heard.get(_STROKES[3], made)
        initiator = finish(call, self.end_i, waiting, r2)
        if responder is not None and not heard:
            assert (responder.tgk, responder.streams, responder.inkey) == (initiator.tgk, initiator.streams, initiator.inkey)
        return initiator, responder


def _heard(i: Inputs, names: tuple[str, ...]) -> dict[str, bytes]:
    return {name: i.bytes(name) for name in names if name in i}


@group("calls/call", **_INPUTS)
def _call(i: Inputs) -> Outputs:
    both = Both(i)
    both.run({}, False)
    both.call.draws.end()
    return both.call.values


@group(
    "calls/update",
    **_INPUTS,
    **{"begins": "text", "update_now": "number", "MKI_new": "bytes?", "SSRCs_new": "number*?"},
    **{"I_MESSAGE_1'": "bytes?", "R_MESSAGE_1'": "bytes?"},
)
def _update(i: Inputs) -> Outputs:
    both = Both(i)
    initiator, responder = both.run({}, False)
    assert responder is not None
    sides = {"initiator": Side("initiator", both.end_i, initiator), "responder": Side("responder", both.end_r, responder)}
    one = sides.pop(i.text("begins"))
    both.call.values = {}
    new = list(i.numbers("SSRCs_new")) if "SSRCs_new" in i else []
    mki = i.bytes("MKI_new") if "MKI_new" in i else b""
    heard = _heard(i, _STROKES[:2])
    update(both.call, one, next(iter(sides.values())), new, mki, i.number("update_now"), heard)
    both.call.draws.end()
    return both.call.values


@group("calls/intercepted", **_INPUTS, **dict.fromkeys(_STROKES, "bytes?"), **{"again": "flag?"})
def _intercepted(i: Inputs) -> Outputs:
    both = Both(i)
    both.run(_heard(i, _STROKES), "again" in i and bool(i.raw("again")))
    both.call.draws.end()
    return {name: both.call.values[name] for name in ("I_MESSAGE_2", "TGK", "outcome")}


@group(
    "calls/open_deposit",
    **{"now": "number", "parameters_I": "bytes", "parameters_R": "bytes", "private_keys": "bytes*", "demand": "text"},
    **{"max_age": "number", "taken": "bytes?", "cs_id": "number", "profile": "text", "deposit": "bytes"},
)
def _open_deposit(i: Inputs) -> Outputs:
    known = Parameters.decode(i.bytes("parameters_I")), Parameters.decode(i.bytes("parameters_R"))
    keys, taken, now = _load(i.list("private_keys"), known), set[bytes](), i.number("now")
    end = End(i.text("demand"), PREFERENCE, [], False, keys, "", known)

    def opened(name: str) -> tuple[Any, dict[str, Any]]:
        data = i.bytes(name)
        rand = int.from_bytes(data[22:24], "big")
        length = int.from_bytes(data[24 + rand : 26 + rand], "big")
        end.initiator = data[26 + rand : 26 + rand + length].decode("utf-8", "replace")
        return open_deposit(end, data, now, i.number("max_age"), taken)

    if "taken" in i:
        opened("taken")
    deposit, values = opened("deposit")
    aead = read_box(deposit.data)[0]
    values["key"] = exp(values["K"], label("box") + u8(aead), 32)
    cs, secret, profile = u8(i.number("cs_id")), values["SK"], i.text("profile")
    place = deposit.place
    values["TEK_call"], values["salt_call"] = media_keys(1, secret, cs + u32(place.csb_id), place.rand, profile)
    values["TEK_content"], values["salt_content"] = media_keys(1, secret, cs + b"\xff" * 4, b"", profile)
    return values
