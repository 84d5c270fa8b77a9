"""Introductions, by which one district vouches for the parameters of another: SPEC.md 3.11."""

from __future__ import annotations

from dataclasses import dataclass

from py_ecc.optimized_bls12_381.optimized_curve import multiply

from . import names
from .curve import DST_INTRO, decode_g1, decode_g2, enc48, hash_to_curve, mul_p2, same_pairing
from .notation import Reader, Rejected, require, u8, u16, u64
from .parameters import IBE_SUITE, Parameters

MAGIC = b"IBAKEINT"
MOST = 64
LONGEST = 8 + 1 + 2 + 32 + 8 + 8 + 1 + MOST * 256 + 2 + 8192 + 48


def rule(text: str) -> None:
    """SPEC 3.11.2: `*`, the beginning of a number, or a host."""
    require(text != "", "Identity(Empty)")
    require(len(text.encode()) <= 255, "Identity(TooLong)")
    if text.startswith("+"):
        digits = text[1:]
        require(1 <= len(digits) <= 15 and all(c in "0123456789" for c in digits), "Identity(Syntax: telephone number)")
    elif text != "*":
        names.host(text)


@dataclass(frozen=True)
class Introduction:
    """What is said."""

    signer: bytes
    begin: int
    until: int
    rules: list[str]
    introduced: Parameters

    def body(self) -> bytes:
        """What is signed; refuses what could not be read."""
        require(self.begin <= self.until, "Decode(Inconsistent)", "validity")
        require(1 <= len(self.rules) <= MOST, "Decode(TooLong)", "rules")
        require(len(set(self.rules)) == len(self.rules), "Decode(Inconsistent)", "rules")
        rules = b"".join(u8(len(text.encode())) + text.encode() for text in self.rules)
        der = self.introduced.encode()
        times = u64(self.begin) + u64(self.until)
        return MAGIC + u8(1) + u16(IBE_SUITE) + self.signer + times + u8(len(self.rules)) + rules + u16(len(der)) + der

    def sign(self, s: int) -> bytes:
        """With the master secret of the signer."""
        body = self.body()
        return body + enc48(multiply(hash_to_curve(body, DST_INTRO), s))

    @classmethod
    def decode(cls, data: bytes, signer: Parameters) -> Introduction:
        """SPEC 3.11.1, in its order."""
        require(len(data) <= LONGEST, "Decode(TooLong)")
        r = Reader(data)
        require(r.take(8) == MAGIC, "Decode(Inconsistent)", "magic")
        require(r.number(1) == 1, "Decode(Version)")
        require(r.number(2) == IBE_SUITE, "Decode(Unknown)", "suite")
        fingerprint, begin, until = r.take(32), r.number(8), r.number(8)
        require(begin <= until, "Decode(Inconsistent)", "validity")
        count = r.number(1)
        require(1 <= count <= MOST, "Decode(TooLong)", "rules")
        rules: list[str] = []
        for _ in range(count):
            try:
                text = r.take(r.number(1)).decode("utf-8")
            except UnicodeDecodeError as e:
                raise Rejected("Decode(Text)") from e
            rule(text)
            require(text not in rules, "Decode(Inconsistent)", "rules")
            rules.append(text)
        introduced = Parameters.decode(r.field(8192))
        sigma = decode_g1(r.take(48))
        r.end()
        require(fingerprint == signer.fingerprint(), "Parameters(Mismatch)")
        claimed = hash_to_curve(data[:-48], DST_INTRO)
        require(same_pairing(sigma, mul_p2(1), claimed, decode_g2(signer.p_pub)), "Parameters(Introduction)")
        return cls(fingerprint, begin, until, rules, introduced)
