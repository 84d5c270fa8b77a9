#!/usr/bin/env python3
"""Writes src/simd/constants.rs to standard output: python3 docs/simd_constants.py | rustfmt --edition 2024

Every constant of the eight-lane arithmetic, computed from the curve's parameters alone (draft-irtf-cfrg-pairing-friendly-curves,
section 4.2.1). Radix 2^49, eight limbs, Montgomery factor R = 2^392; see src/simd/notes.md.
"""

X = -0xD201000000010000  # the parameter of the family
R_ORDER = X**4 - X**2 + 1
P = (X - 1) ** 2 * R_ORDER // 3 + X
BITS, LIMBS = 49, 8
MASK = (1 << BITS) - 1
R = 1 << (BITS * LIMBS)
assert P.bit_length() == 381 and P % 6 == 1

def limbs(v):
    out = [(v >> (BITS * i)) & MASK for i in range(LIMBS - 1)]
    return out + [v >> (BITS * (LIMBS - 1))]

def show(v):
    return "[" + ", ".join(f"0x{l:x}" for l in limbs(v)) + "]"

def fp(name, v, doc):
    print(f"/// {doc}\npub(crate) const {name}: [u64; 8] = {show(v)};")

def mont(v):
    return v * R % P

# Fp2 = Fp[i]/(i^2 + 1), elements as pairs.
def mul2(a, b):
    return ((a[0] * b[0] - a[1] * b[1]) % P, (a[0] * b[1] + a[1] * b[0]) % P)

def pow2(a, n):
    out = (1, 0)
    while n:
        if n & 1:
            out = mul2(out, a)
        a, n = mul2(a, a), n >> 1
    return out

XI = (1, 1)  # w^6 = v^3 = 1 + i

print("//! Constants of the field and of the curve. Written by `docs/simd_constants.py`; do not edit by hand.\n")
print("#![allow(clippy::unreadable_literal)]\n")
fp("P", P, "The field's prime.")
c = -pow(P, -1, 1 << BITS) % (1 << BITS)
print(f"/// `-1/p mod 2^49`.\npub(crate) const P_INV: u64 = 0x{c:x};")
fp("FRIENDLY", (c * P + 1) >> BITS, "`(c p + 1) / 2^49` with `c = -1/p mod 2^49`: adding `q c p` to a number whose low limb is `q` clears that limb, and what is left is `q` times this.")
fp("ONE", mont(1), "1.")
fp("R2", R * R % P, "`R^2 mod p`: into Montgomery form.")
fp("PLAIN_ONE", 1, "The plain 1: out of Montgomery form.")
print(f"/// The absolute value of the (negative) parameter `x`.\npub(crate) const X: u64 = 0x{-X:x};")

# Frobenius: w^(p^k - 1) and its powers, w^6 = xi; coefficient of w^j goes to conj^k(c_j) * gamma_{k,j}.
for k in (1, 2, 3):
    rows = []
    for j in range(6):
        e = j * (P**k - 1)
        assert e % 6 == 0
        g = pow2(XI, e // 6)
        rows.append(g)
        if k == 2:
            assert g[1] == 0
    body = ", ".join(f"[{show(mont(a))}, {show(mont(b))}]" for a, b in rows)
    print(f"/// `xi^(j (p^{k} - 1) / 6)` for j = 0..6: what the Frobenius map of order {k} multiplies the coefficient of `w^j` by.")
    print(f"pub(crate) const FROBENIUS_{k}: [[[u64; 8]; 2]; 6] = [{body}];")

# Endomorphisms. G1: (X, Y) -> (beta X, Y) is multiplication by -x^2; G2: psi(X, Y) = (c0 conj(X), c1 conj(Y)) is multiplication by x.
G1 = (
    0x17F1D3A73197D7942695638C4FA9AC0FC3688C4F9774B905A14E3A3F171BAC586C55E83FF97A1AEFFB3AF00ADB22C6BB,
    0x08B3F481E3AAA0F1A09E30ED741D8AE4FCF5E095D5D00AF600DB18CB2C04B3EDD03CC744A2888AE40CAA232946C5E7E1,
)

def add1(a, b):
    if a is None or b is None:
        return a or b
    if a[0] == b[0]:
        if (a[1] + b[1]) % P == 0:
            return None
        m = 3 * a[0] * a[0] * pow(2 * a[1], -1, P)
    else:
        m = (b[1] - a[1]) * pow(b[0] - a[0], -1, P)
    x = (m * m - a[0] - b[0]) % P
    return x, (m * (a[0] - x) - a[1]) % P

def mul1(k, a):
    out = None
    for bit in bin(k)[2:]:
        out = add1(out, out)
        if bit == "1":
            out = add1(out, a)
    return out

minus = mul1(X * X, G1)
minus = (minus[0], -minus[1] % P)
beta = minus[0] * pow(G1[0], -1, P) % P
assert pow(beta, 3, P) == 1 and beta != 1 and minus[1] == G1[1]
fp("BETA", mont(beta), "The cube root of unity with `[-x^2](X, Y) = (BETA X, Y)` on G1.")

def inverse2(a):
    n = pow(a[0] * a[0] + a[1] * a[1], -1, P)
    return a[0] * n % P, -a[1] * n % P

for name, e in (("PSI_X", (P - 1) // 3), ("PSI_Y", (P - 1) // 2)):
    c = inverse2(pow2(XI, e))
    print(f"/// What `psi` multiplies the conjugate of the {'first' if name == 'PSI_X' else 'second'} coordinate by; `psi = [x]` on G2.")
    print(f"pub(crate) const {name}: [[u64; 8]; 2] = [{show(mont(c[0]))}, {show(mont(c[1]))}];")
