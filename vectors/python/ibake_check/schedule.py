"""Key schedule, exporter and authentication string: SPEC.md 5.4."""

from __future__ import annotations

from dataclasses import dataclass

from mnemonic import Mnemonic

from .messages import VERSION, Suite
from .notation import exp, ext, h, label, lp, u8, u16

_WORDS = Mnemonic("english").wordlist


class Schedule:
    """Chaining key and transcript of one end; `hashes[n]` is `h_n`."""

    def __init__(self, suite: Suite, fp_i: bytes, fp_r: bytes) -> None:
        self._suite = suite
        self.hashes = [h(label("ake"), u16(VERSION) + u16(suite.identifier) + fp_i + fp_r)]
        self._ck = self.hashes[0]

    @property
    def last(self) -> bytes:
        """The transcript hash so far."""
        return self.hashes[-1]

    def mix(self, *secrets: bytes) -> None:
        """`ck_n = Ext(ck_{n-1}, lp(K_n))`, with `lp(dh) || lp(ss)` behind it for the third."""
        self._ck = ext(self._ck, b"".join(lp(secret) for secret in secrets))

    def _ad(self, n: int, header: bytes, encapsulation: bytes) -> bytes:
        return label("ad") + u8(n) + lp(self.last) + lp(header) + encapsulation

    def _key(self, n: int, ad: bytes) -> bytes:
        return exp(self._ck, label("seal") + u8(n) + h(ad), 32)

    def _append(self, message: bytes) -> None:
        self.hashes.append(h(label("tr"), lp(self.last) + lp(message)))

    def seal(self, n: int, header: bytes, encapsulation: bytes, plaintext: bytes) -> bytes:
        """`M_n`, which joins the transcript."""
        ad = self._ad(n, header, encapsulation)
        message = header + encapsulation + self._suite.seal(self._key(n, ad), ad, plaintext)
        self._append(message)
        return message

    def open(self, n: int, header: bytes, encapsulation: bytes, sealed: bytes) -> bytes:
        """The plaintext of `M_n`, which joins the transcript."""
        ad = self._ad(n, header, encapsulation)
        plaintext = self._suite.open(self._key(n, ad), ad, sealed)
        self._append(header + encapsulation + sealed)
        return plaintext

    def export(self, name: bytes, context: bytes, length: int) -> bytes:
        """`export(label, ctx, L)`."""
        secret = exp(self._ck, label("exporter") + self.hashes[3], 32)
        return exp(secret, lp(name) + h(context) + u16(length), length)

    def authentication_string(self, opened: StringInputs) -> int:
        """`sas`, as a big-endian number."""
        parts = (exp(self._ck, label("sas") + self.hashes[3], 32), *opened.in_order())
        key = ext(self.hashes[3], b"".join(lp(part) for part in parts))
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
    """The top 10, middle 11 and low 11 bits as words of the English list of BIP-39 (module `ibake::session`)."""
    return [_WORDS[number >> 22], _WORDS[number >> 11 & 0x7FF], _WORDS[number & 0x7FF]]
