"""Key schedule, exporter and authentication string: SPEC.md 5.4."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mnemonic import Mnemonic

from .messages import VERSION, Suite
from .notation import exp, ext, h, label, lp, require, u8, u16

_WORDS = Mnemonic("english").wordlist


class Schedule:
    """Chaining key `ck` and transcript hash `h` of one end, after the last message."""

    def __init__(self, suite: Suite, ck: bytes, last: bytes, values: dict[str, Any]) -> None:
        self._suite = suite
        self.ck = ck
        self.last = last
        self._values = values

    @classmethod
    def begin(cls, suite: Suite, fp_i: bytes, fp_r: bytes, values: dict[str, Any]) -> Schedule:
        """`h0` and `ck0`."""
        h0 = h(label("ake"), u16(VERSION) + u16(suite.identifier) + fp_i + fp_r)
        values["h0"] = h0
        return cls(suite, h0, h0, values)

    def mix(self, n: int, *secrets: bytes) -> None:
        """`ck_n = Ext(ck_{n-1}, lp(K_n))`, with `lp(dh) || lp(ss)` behind it for the third."""
        self.ck = ext(self.ck, b"".join(lp(secret) for secret in secrets))
        self._values[f"K{n}"] = secrets[0]
        self._values[f"ck{n}"] = self.ck

    def _ad(self, n: int, header: bytes, encapsulation: bytes) -> bytes:
        return label("ad") + u8(n) + lp(self.last) + lp(header) + encapsulation

    def _key(self, n: int, ad: bytes) -> bytes:
        key = exp(self.ck, label("seal") + u8(n) + h(ad), 32)
        self._values[f"key_{n}"] = key
        return key

    def _append(self, n: int, message: bytes) -> None:
        self.last = h(label("tr"), lp(self.last) + lp(message))
        self._values[f"M{n}"] = message
        if n < 4:
            self._values[f"h{n}"] = self.last

    def seal(self, n: int, header: bytes, encapsulation: bytes, plaintext: bytes) -> bytes:
        """`M_n`, which joins the transcript."""
        ad = self._ad(n, header, encapsulation)
        self._values[f"pt_{n}"] = plaintext
        message = header + encapsulation + self._suite.seal(self._key(n, ad), ad, plaintext)
        self._append(n, message)
        return message

    def open(self, n: int, header: bytes, encapsulation: bytes, sealed: bytes) -> bytes:
        """The plaintext of `M_n`, which joins the transcript."""
        ad = self._ad(n, header, encapsulation)
        plaintext = self._suite.open(self._key(n, ad), ad, sealed)
        self._append(n, header + encapsulation + sealed)
        return plaintext


@dataclass(frozen=True)
class Session:
    """`ck3` and `h3`, and what the authentication string covers beside them."""

    ck3: bytes
    h3: bytes
    inputs: StringInputs

    def export(self, name: bytes, context: bytes, length: int) -> bytes:
        """`export(label, ctx, L)`; SPEC 5.4.6."""
        require(length <= 8160, "Usage(OutputTooLong)")
        secret = exp(self.ck3, label("exporter") + self.h3, 32)
        return exp(secret, lp(name) + h(context) + u16(length), length)

    def authentication_string(self) -> int:
        """`sas`, as a big-endian number."""
        parts = (exp(self.ck3, label("sas") + self.h3, 32), *self.inputs.in_order())
        key = ext(self.h3, b"".join(lp(part) for part in parts))
        return int.from_bytes(exp(key, label("sas"), 4), "big")


@dataclass(frozen=True)
class StringInputs:
    """What the authentication string covers beside `ck3` and `h3`."""

    id_i: bytes
    id_r: bytes
    x: bytes
    y: bytes
    nonce_i: bytes
    nonce_r: bytes

    def in_order(self) -> tuple[bytes, ...]:
        """In the order of the formula."""
        return (self.id_i, self.id_r, self.x, self.y, self.nonce_i, self.nonce_r)


def commitment(sid_i: bytes, sid_r: bytes, h1: bytes, nonce_r: bytes) -> bytes:
    """`c_R`."""
    return h(label("sas-commit"), sid_i + sid_r + h1 + nonce_r)


def words(number: int) -> list[str]:
    """SPEC 5.6.1: the first 10, the next 11 and the last 11 bits as words of the English list of BIP-39."""
    return [_WORDS[number >> 22], _WORDS[number >> 11 & 0x7FF], _WORDS[number & 0x7FF]]


def digits(number: int) -> str:
    """SPEC 5.6.1: ten digits, written `123 456 7890`."""
    text = f"{number:010d}"
    return f"{text[:3]} {text[3:6]} {text[6:]}"
