"""What a receiver must refuse: malformed points, altered messages, dishonest senders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from py_ecc.fields import optimized_bls12_381_FQ2 as FQ2
from py_ecc.optimized_bls12_381.optimized_curve import b2, is_inf, multiply

from . import shares
from .compare import Report, recompute
from .curve import P, R, decode_g2, enc96, sqrt_fp2
from .messages import (
    EXT_COMMITMENT,
    EXT_NONCE_I,
    EXT_NONCE_R,
    EXT_SUITES,
    SUITES,
    Body,
    Message,
    check_suite_rule,
)
from .notation import Rejected, u8, u16

Alter = Callable[[bytes], bytes]


def _flip(data: bytes, at: int, mask: int = 1) -> bytes:
    """`data` with one byte altered."""
    out = bytearray(data)
    out[at] ^= mask
    return bytes(out)


def _x_coordinate(wanted_on_curve: bool) -> FQ2:
    """The first `n + u` that is (not) an x-coordinate of the twist; if it is, the point is outside the subgroup."""
    for n in range(1, 100):
        x = FQ2([n, 1])
        square = x * x * x + b2
        root = sqrt_fp2(int(square.coeffs[0]), int(square.coeffs[1]))
        if (root is not None) == wanted_on_curve:
            if root is None or not is_inf(multiply((x, FQ2(list(root)), FQ2.one()), R)):
                return x
    raise AssertionError("unreachable")


def _compressed(x: FQ2) -> bytes:
    """A compressed encoding of the point, or non-point, with this x-coordinate."""
    return enc96((x, FQ2([1, 1]), FQ2.one()))


def malformed_points(good: bytes) -> dict[str, bytes]:
    """Encodings of G2 that SPEC 2.1 refuses, and the check that must find each."""
    too_large = bytes([0x80 | (P >> 376) & 0x1F]) + P.to_bytes(48, "big")[1:] + bytes(48)
    low_too_large = good[:48] + P.to_bytes(48, "big")
    return {
        "length": good[:-1],
        "not compressed": _flip(good, 0, 0x80),
        "infinity": bytes([0xC0]) + bytes(95),
        "coordinate not below p": too_large,
        "coordinate not below p ": low_too_large,
        "not on the curve": _compressed(_x_coordinate(False)),
        "not in the subgroup": _compressed(_x_coordinate(True)),
    }


def _refused(report: Report, what: str, reason: str, test: Callable[[], Any]) -> None:
    """Counts one case, which must be refused for `reason`."""

    def check() -> bool:
        try:
            test()
        except Rejected as error:
            if reason.strip() in str(error):
                return True
            raise
        return False

    report.check(what, check)


def _points(report: Report, data: dict[str, Any], case: dict[str, Any]) -> None:
    """Malformed `U` alone and in M1."""
    first = Message.read(bytes.fromhex(case["M1"]), 1)
    at = len(first.header_bytes)
    for reason, encoded in malformed_points(first.encapsulation[:96]).items():
        _refused(report, f"point: {reason}", reason, lambda: decode_g2(encoded))
        if len(encoded) == 96:
            wire = _on(1, lambda sent: sent[:at] + encoded + sent[at + 96 :])
            _refused(report, f"M1 with a point: {reason}", reason, lambda: recompute(data, case, wire=wire))


def _on(kind: int, alter: Alter) -> Callable[[int, bytes], bytes]:
    """A wire that alters one of the messages."""
    return lambda n, sent: alter(sent) if n == kind else sent


def _sealed_by_cheat(kind: int, alter: Callable[[Body], Body]) -> Callable[[int, Body], Body]:
    """A sender that alters what it seals in one of the messages."""
    return lambda n, body: alter(body) if n == kind else body


def _with_field(at: int, value: bytes) -> Callable[[Body], Body]:
    return lambda body: replace(body, fields=(*body.fields[:at], value, *body.fields[at + 1 :]))


def _with_extension(kind: int, value: bytes) -> Callable[[Body], Body]:
    return lambda body: replace(body, extensions={**body.extensions, kind: value})


def _messages(report: Report, data: dict[str, Any], case: dict[str, Any]) -> None:
    """Single bits of every part of every message, and headers that lie."""
    for kind in (1, 2, 3, 4):
        message = Message.read(bytes.fromhex(case[f"M{kind}"]), kind)
        at = len(message.header_bytes)
        places = {
            "version": (1, "version"),
            "suite": (3, "header: suite" if kind == 1 else "header"),
            "type": (4, "type"),
            "district of I": (40, "parameters" if kind == 1 else "header"),
            "sid_I": (5, "seal" if kind == 1 else "header"),
            "tag": (-1, "seal"),
        }
        if kind < 4:
            places |= {"sign of U": (at, "seal"), "V": (at + 96, "seal"), "ciphertext": (at + 128, "seal")}
        if kind != 2:
            places["sid_R"] = (21, "sid_R" if kind == 1 else "header")
        for part, (where, reason) in places.items():
            mask = 0x20 if part == "sign of U" else 1
            wire = _on(kind, lambda sent: _flip(sent, where, mask))
            _refused(report, f"M{kind}, {part}", reason, lambda: recompute(data, case, wire=wire))
        _refused(report, f"M{kind}, empty", "truncated", lambda: recompute(data, case, wire=_on(kind, lambda _: b"")))
        wire = _on(kind, lambda sent: sent + b"\0")
        _refused(report, f"M{kind}, one byte more", "seal", lambda: recompute(data, case, wire=wire))
    later = {**data, "now": data["now"] + 40 * 86_400}
    _refused(report, "expired periods", "period: not current", lambda: recompute(later, case))
    start = bytes.fromhex(case["M1"]).index(u16(21) + b"https://kgs.a") + 2 + 21 + 8 + 7
    wire = _on(1, lambda sent: _flip(sent, start))
    _refused(report, "period off the grid", "period: off the grid", lambda: recompute(data, case, wire=wire))


def _cheats(report: Report, data: dict[str, Any], case: dict[str, Any]) -> None:
    """Bodies that open and are wrong."""
    suite = next(suite for suite in SUITES.values() if suite.name == case["suite"])
    used = suite.identifier
    other = suite.group.share(b"\x55" * 96)
    two = u8(2) + u16(5) + u16(used)
    stolen: dict[str, bytes] = {}

    def reflect(n: int, body: Body) -> Body:
        if n == 1:
            stolen["X"] = body.fields[2]
        return _with_field(3, stolen["X"])(body) if n == 2 else body

    cases: list[tuple[str, str, Callable[[int, Body], Body]]] = [
        ("M1: identity of I", "identities", _sealed_by_cheat(1, lambda b: _with_field(0, b.fields[1])(b))),
        ("M1: share", "share", _sealed_by_cheat(1, _with_field(2, bytes(len(other))))),
        ("M1: unknown extension", "extensions", _sealed_by_cheat(1, _with_extension(200, b""))),
        ("M2: X", "body: X", _sealed_by_cheat(2, _with_field(2, other))),
        ("M2: Y is X", "Y is X", reflect),
        ("M2: no suite in common", "suite", _sealed_by_cheat(2, _with_extension(EXT_SUITES, u8(1) + u16(0xFF00)))),
        ("M2: suites repeat", "suites", _sealed_by_cheat(2, _with_extension(EXT_SUITES, u8(2) + 2 * u16(used)))),
        ("M2: suites, trailing", "trailing", _sealed_by_cheat(2, _with_extension(EXT_SUITES, two + b"\0"))),
        ("M2: commitment", "commitment", _sealed_by_cheat(2, _with_extension(EXT_COMMITMENT, bytes(32)))),
        ("M3: Y", "body: Y", _sealed_by_cheat(3, _with_field(2, other))),
        ("M3: identity of R", "identities", _sealed_by_cheat(3, lambda b: _with_field(1, b.fields[0])(b))),
        ("M3: nonce too short", "length", _sealed_by_cheat(3, _with_extension(EXT_NONCE_I, bytes(31)))),
        ("M4: nonce", "commitment", _sealed_by_cheat(4, _with_extension(EXT_NONCE_R, bytes(32)))),
        ("M4: nothing", "extensions", _sealed_by_cheat(4, lambda _: Body(()))),
    ]
    for what, reason, sealer in cases:
        _refused(report, f"cheat, {what}", reason, lambda: recompute(data, case, sealer=sealer))


def _shares(report: Report) -> None:
    """Shares that SPEC 5.4.1 refuses."""
    curve = shares.X25519()
    prime = 2**255 - 19
    for u in (0, 1, prime - 1):
        _refused(report, f"X25519, small order {u % 5}", "small order", lambda: curve.check(u.to_bytes(32, "little")))
    for u in (prime, prime + 9, 2**255 + 9):
        _refused(report, "X25519, not canonical", "canonical", lambda: curve.check(u.to_bytes(32, "little")))
    for identifier in (1, 2, 3):
        group = SUITES[identifier].group
        good = group.share(b"\x01" * 96)
        _refused(report, "NIST, off the curve", "curve", lambda: group.check(_flip(good, -1)))
        _refused(report, "NIST, compressed", "form", lambda: group.check(b"\x02" + group.x(good)))
        _refused(report, "NIST, hybrid form", "form", lambda: group.check(b"\x06" + good[1:]))
    ek = shares.pq_key(bytes(64)).public_key().public_bytes_raw()
    _refused(report, "ek, modulus", "modulus", lambda: shares.pq_check(b"\xff\xff" + ek[2:]))
    _refused(report, "ek, length", "length", lambda: shares.pq_check(ek[:-1]))


def _suite_rule(report: Report) -> None:
    """Of two suites in common, the one that comes later in the order of SPEC 5.2."""
    for used, better in ((1, 4), (4, 2), (2, 3), (3, 5), (1, 5)):
        lists = ((used, better), (better, used))
        _refused(report, f"suite {used} beside {better}", "suite", lambda: check_suite_rule(used, *lists))


def check_refusals(data: dict[str, Any]) -> Report:
    """All negative cases, on the exchanges of two suites."""
    report = Report("must be refused")
    by_name = {case["suite"]: case for case in data["cases"]}
    _points(report, data, by_name["x25519-chacha20poly1305"])
    for name in ("x25519-chacha20poly1305", "p256-aes256gcm"):
        _messages(report, data, by_name[name])
        _cheats(report, data, by_name[name])
    _shares(report)
    _suite_rule(report)
    return report
