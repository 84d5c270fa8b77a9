"""BLS12-381: encodings, hashing and the pairing, SPEC.md section 2, on the arithmetic of py_ecc."""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Any

from py_ecc.bls.hash_to_curve import hash_to_G1
from py_ecc.fields import optimized_bls12_381_FQ as FQ
from py_ecc.fields import optimized_bls12_381_FQ2 as FQ2
from py_ecc.fields import optimized_bls12_381_FQ12 as FQ12
from py_ecc.optimized_bls12_381.optimized_curve import G2 as P2
from py_ecc.optimized_bls12_381.optimized_curve import (
    b,
    b2,
    curve_order,
    field_modulus,
    is_inf,
    is_on_curve,
    multiply,
    normalize,
)
from py_ecc.optimized_bls12_381.optimized_pairing import final_exponentiate, pairing

from .notation import Rejected, h, require, u8, u16, xor

R: int = curve_order
"""Order of the groups."""
P: int = field_modulus
"""Characteristic of the field."""

DST_H1 = b"IBAKE-V01-BF-with-BLS12381G1_XMD:SHA-256_SSWU_RO_"
DST_POP = b"IBAKE-V01-POP-with-BLS12381G1_XMD:SHA-256_SSWU_RO_"
DST_INTRO = b"IBAKE-V01-INTRO-with-BLS12381G1_XMD:SHA-256_SSWU_RO_"

Point = tuple[Any, Any, Any]
"""Projective coordinates as py_ecc has them, over Fp (G1) or Fp2 (G2)."""


def scalar(data: bytes) -> int:
    """SPEC 2.4: `OS2IP(48 bytes) mod r`."""
    assert len(data) == 48
    return int.from_bytes(data, "big") % R


def _sqrt_fp(square: int) -> int | None:
    """A square root modulo `p` (which is 3 mod 4), or None."""
    root = pow(square, (P + 1) // 4, P)
    return root if root * root % P == square % P else None


def sqrt_fp2(a0: int, a1: int) -> tuple[int, int] | None:
    """A square root of `a0 + a1 u`, `u^2 = -1`, or None: by the norm, one coefficient after the other."""
    if a1 == 0:
        root = _sqrt_fp(a0)
        if root is not None:
            return root, 0
        root = _sqrt_fp(-a0 % P)
        return None if root is None else (0, root)
    norm = _sqrt_fp((a0 * a0 + a1 * a1) % P)
    if norm is None:
        return None
    half = pow(2, -1, P)
    for sign in (norm, -norm):
        x0 = _sqrt_fp((a0 + sign) * half % P)
        if x0:
            return x0, a1 * pow(2 * x0, -1, P) % P
    return None


def _header(data: bytes, size: int) -> tuple[list[int], bool]:
    """SPEC 2.1, 2.1.1: length, flags, coordinates below `p`; gives the coordinates as sent and the sign of `y`."""
    require(len(data) >= size, "Decode(Truncated)")
    require(len(data) == size, "Decode(Trailing)")
    require(data[0] & 0x80 != 0, "Decode(NotCanonical)", "not compressed")
    require(data != bytes([0xC0]) + bytes(size - 1), "Decode(Infinity)")
    require(data[0] & 0x40 == 0, "Decode(NotCanonical)", "infinity with other bits")
    cleared = bytes([data[0] & 0x1F]) + data[1:]
    values = [int.from_bytes(cleared[i : i + 48], "big") for i in range(0, size, 48)]
    require(all(value < P for value in values), "Decode(NotCanonical)", "coordinate not below p")
    return values, data[0] & 0x20 != 0


@cache
def decode_g1(data: bytes) -> Point:
    """A checked point of G1 from its 48 bytes, SPEC 2.1."""
    (x,), larger = _header(data, 48)
    y = _sqrt_fp((pow(x, 3, P) + 4) % P)
    if y is None:
        raise Rejected("Decode(NotOnCurve)")
    if (y > P - y) != larger:
        y = P - y
    point = (FQ(x), FQ(y), FQ(1))
    require(is_on_curve(point, b), "Decode(NotOnCurve)")
    require(is_inf(multiply(point, R)), "Decode(NotInSubgroup)")
    return point


@cache
def decode_g2(data: bytes) -> Point:
    """A checked point of G2 from its 96 bytes (`x.c1` first), SPEC 2.1."""
    (x1, x0), larger = _header(data, 96)
    x = FQ2([x0, x1])
    square = x * x * x + b2
    root = sqrt_fp2(int(square.coeffs[0]), int(square.coeffs[1]))
    if root is None:
        raise Rejected("Decode(NotOnCurve)")
    y0, y1 = root
    negated = (-y0 % P, -y1 % P)
    if ((y1, y0) > (negated[1], negated[0])) != larger:
        y0, y1 = negated
    point = (x, FQ2([y0, y1]), FQ2.one())
    require(is_on_curve(point, b2), "Decode(NotOnCurve)")
    require(is_inf(multiply(point, R)), "Decode(NotInSubgroup)")
    return point


def enc48(point: Point) -> bytes:
    """ZCash compressed encoding of a finite point of G1."""
    x, y = (int(value) for value in normalize(point))
    out = bytearray(x.to_bytes(48, "big"))
    out[0] |= 0x80 | (0x20 if y > P - y else 0)
    return bytes(out)


def enc96(point: Point) -> bytes:
    """ZCash compressed encoding of a finite point of G2."""
    x, y = normalize(point)
    x0, x1, y0, y1 = (int(c) for value in (x, y) for c in value.coeffs)
    out = bytearray(x1.to_bytes(48, "big") + x0.to_bytes(48, "big"))
    out[0] |= 0x80 | (0x20 if (y1, y0) > (-y1 % P, -y0 % P) else 0)
    return bytes(out)


@cache
def hash_to_curve(message: bytes, dst: bytes) -> Point:
    """RFC 9380, suite `BLS12381G1_XMD:SHA-256_SSWU_RO_`, with any DST: `H1` and `H_pop` of SPEC 2.2."""
    return hash_to_G1(message, dst, hashlib.sha256)  # type: ignore[arg-type]


def hash_to_field(message: bytes, dst: bytes) -> tuple[bytes, bytes, bytes]:
    """RFC 9380 sections 5.2, 5.3.1: the 128 bytes of `expand_message_xmd`, and `u0`, `u1` in 48 bytes each."""
    prime = dst + u8(len(dst))
    first = h(bytes(64), message, u16(128), u8(0), prime)
    blocks = [h(first, u8(1), prime)]
    for i in (2, 3, 4):
        blocks.append(h(xor(first, blocks[-1]), u8(i), prime))
    uniform = b"".join(blocks)
    u = [(int.from_bytes(uniform[at : at + 64], "big") % P).to_bytes(48, "big") for at in (0, 64)]
    return uniform, u[0], u[1]


@cache
def mul_p2(k: int) -> Point:
    """`[k]P2`."""
    return multiply(P2, k)


@cache
def _pair(point1: bytes, point2: bytes) -> tuple[int, ...]:
    """py_ecc's pairing of two encoded points, as its twelve coefficients."""
    value = pairing(decode_g2(point2), decode_g1(point1), final_exponentiate=False)
    return tuple(int(c) for c in final_exponentiate(value).coeffs)


def same_pairing(a1: Point, a2: Point, c1: Point, c2: Point) -> bool:
    """Whether `e(a1, a2) = e(c1, c2)`; the power that a pairing is raised to does not matter for that."""
    return _pair(enc48(a1), enc96(a2)) == _pair(enc48(c1), enc96(c2))


def gt_bytes(point1: Point, point2: Point) -> bytes:
    """`e(point1, point2)` as the 576 bytes of SPEC 2.3.

    Two differences to py_ecc are bridged here. Its Miller loop runs over `|x|` for the negative parameter `x` of the curve,
    which inverts the value, and its last exponent is `(p^12 - 1) / r` without the factor 3: hence the power of -3. And it
    has `Fp12 = Fp[w]/(w^12 - 2 w^6 + 2)`, in which `v = w^2` and `u = w^6 - 1`, so that the coefficient of `w^i v^j` in the
    tower is `(c[i + 2j] + c[i + 2j + 6]) + c[i + 2j + 6] u`.
    """
    return _tower(FQ12(_pair(enc48(point1), enc96(point2))), -3)


def gt_power(point1: Point, point2: Point, k: int) -> bytes:
    """`e(point1, point2)^k` as 576 bytes: cheap for a second `k`, because the pairing is kept."""
    return _tower(FQ12(_pair(enc48(point1), enc96(point2))), -3 * k)


def _tower(value: FQ12, exponent: int) -> bytes:
    value = value ** (exponent % R)
    c = [int(coefficient) for coefficient in value.coeffs]
    out = b""
    for i in range(2):
        for j in range(3):
            imaginary = c[i + 2 * j + 6]
            real = (c[i + 2 * j] + imaginary) % P
            out += real.to_bytes(48, "big") + imaginary.to_bytes(48, "big")
    return out
