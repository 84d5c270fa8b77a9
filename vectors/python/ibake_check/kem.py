"""The identity-based key encapsulation and hedged randomness: SPEC.md section 4 and 4.2."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from .curve import DST_H1, decode_g1, decode_g2, enc96, gt_bytes, gt_power, hash_to_curve, mul_p2, scalar
from .notation import exp, ext, h, label, lp, require, u16, xor
from .parameters import IBE_SUITE, Parameters

ENCAPSULATION = 128
"""Bytes of `U || V`."""


def hedged(fresh: bytes, own_point: bytes, name: str, session: bytes, transcript: bytes, length: int) -> bytes:
    """SPEC 4.2: `Exp(Ext(32 fresh bytes, enc48(d_own)), name || session (16) || hash (32), L)`."""
    assert (len(fresh), len(own_point), len(session), len(transcript)) == (32, 48, 16, 32)
    return exp(ext(fresh, own_point), label(name) + session + transcript, length)


def context(parameters: Parameters, identity: bytes) -> bytes:
    """`pkctx(ID)`."""
    return h(label("id"), u16(IBE_SUITE) + parameters.p_pub + lp(identity))


def coin(sigma: bytes, pkctx: bytes) -> int:
    """`k`."""
    return scalar(exp(ext(label("H3"), sigma), pkctx, 48))


def _pad(gt: bytes, pkctx: bytes, u: bytes) -> bytes:
    """What `V` is masked with."""
    return exp(ext(label("H2"), gt), pkctx + u, 32)


@dataclass(frozen=True)
class Encapsulated:
    """An encapsulation with every value on the way."""

    pkctx: bytes
    k: int
    u: bytes
    gt: bytes
    v: bytes
    key: bytes

    @property
    def encoded(self) -> bytes:
        """`U || V`."""
        return self.u + self.v


@cache
def encapsulate(parameters: Parameters, identity: bytes, sigma: bytes) -> Encapsulated:
    """`U || V` and `K`."""
    pkctx = context(parameters, identity)
    k = coin(sigma, pkctx)
    u = enc96(mul_p2(k))
    gt = gt_power(hash_to_curve(identity, DST_H1), decode_g2(parameters.p_pub), k)
    v = xor(sigma, _pad(gt, pkctx, u))
    return Encapsulated(pkctx, k, u, gt, v, exp(ext(label("K"), sigma), pkctx + u + v, 32))


@dataclass(frozen=True)
class Decapsulated:
    """A decapsulation with every value on the way."""

    gt: bytes
    sigma: bytes
    k: int
    u: bytes
    z: bytes
    rejected: bytes
    key: bytes
    accepted: bool


@cache
def decapsulate(parameters: Parameters, identity: bytes, own_point: bytes, encapsulation: bytes) -> Decapsulated:
    """`K`, or `K_rej` if `U` does not come from `sigma'`; only a malformed `U` is refused (SPEC 4.1)."""
    require(len(encapsulation) == ENCAPSULATION, "Decode(Truncated)")
    u, v = encapsulation[:96], encapsulation[96:]
    point = decode_g2(u)
    pkctx = context(parameters, identity)
    gt = gt_bytes(decode_g1(own_point), point)
    sigma = xor(v, _pad(gt, pkctx, u))
    k = coin(sigma, pkctx)
    again = enc96(mul_p2(k))
    z = exp(ext(label("z"), own_point), pkctx, 32)
    good = exp(ext(label("K"), sigma), pkctx + u + v, 32)
    rejected = exp(ext(label("rej"), z), pkctx + u + v, 32)
    return Decapsulated(gt, sigma, k, again, z, rejected, good if again == u else rejected, again == u)
