"""The agreed point itself on P-256, P-384 and P-521: SPEC.md 13.10 needs both coordinates, OpenSSL gives the first."""

from __future__ import annotations

from .shares import Group, NistCurve

_PRIMES = {32: 2**256 - 2**224 + 2**192 + 2**96 - 1, 48: 2**384 - 2**128 - 2**96 + 2**32 - 1, 66: 2**521 - 1}
_Affine = tuple[int, int] | None


def _add(one: _Affine, other: _Affine, p: int) -> _Affine:
    """The group law of a curve with a = -3."""
    if one is None or other is None:
        return other if one is None else one
    (x1, y1), (x2, y2) = one, other
    if x1 == x2:
        if (y1 + y2) % p == 0:
            return None
        slope = (3 * x1 * x1 - 3) * pow(2 * y1, -1, p)
    else:
        slope = (y2 - y1) * pow(x2 - x1, -1, p)
    x = (slope * slope - x1 - x2) % p
    return x, (slope * (x1 - x) - y1) % p


def agreed(group: Group, secret: bytes, peer: bytes) -> bytes:
    """`04 || x || y` of the agreed point; its x must be what OpenSSL agrees on. X25519: the u-coordinate."""
    x = group.shared(secret, peer)
    if not isinstance(group, NistCurve):
        return x
    size = len(x)
    p = _PRIMES[size]
    base: _Affine = (int.from_bytes(peer[1 : 1 + size], "big"), int.from_bytes(peer[1 + size :], "big"))
    found: _Affine = None
    for bit in bin(int.from_bytes(secret, "big"))[2:]:
        found = _add(found, found, p)
        if bit == "1":
            found = _add(found, base, p)
    assert found is not None and found[0].to_bytes(size, "big") == x
    return b"\4" + x + found[1].to_bytes(size, "big")
