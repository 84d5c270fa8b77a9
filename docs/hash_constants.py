#!/usr/bin/env python3
"""Writes src/curve/blst/map_constants.rs: python3 docs/hash_constants.py > src/curve/blst/map_constants.rs

The constants of hashing to G1 (RFC 9380 section 8.8.1 and appendix E.2) in blst's form: six limbs of 64 bits, Montgomery
factor 2^384. The numbers themselves, and what is proved of them, stand in docs/simd_constants.py.
"""

import contextlib
import io
import os
import runpy

with contextlib.redirect_stdout(io.StringIO()):
    base = runpy.run_path(os.path.join(os.path.dirname(os.path.abspath(__file__)), "simd_constants.py"))

P = base["P"]

def show(v):
    v = v * 2**384 % P
    return "[" + ", ".join(f"0x{v >> 64 * i & 2**64 - 1:016x}" for i in range(6)) + "]"

A, B, Z = base["SSWU_A"], base["SSWU_B"], base["SSWU_Z"]
C = pow(-(Z**3), (P + 1) // 4, P)
assert C * C % P == -(Z**3) % P

print("//! Constants of hashing to G1. Written by `docs/hash_constants.py`; do not edit by hand.\n")
print("#![allow(clippy::unreadable_literal)]\n")
for name, v, doc in (("A", A, "`A'` of the curve that hashing maps to first."), ("B", B, "`B'` of it."), ("Z", Z, "The non-residue `Z`."),
                     ("EXCEPTIONAL", B * pow(Z * A, -1, P), "`B' / (Z A')`: the x of the exceptional case."),
                     ("ROOT", C, "A square root of `-Z^3`."), ("SHIFT_256", 2**256, "`2^256`.")):
    print(f"/// {doc}\npub(super) const {name}: [u64; 6] = {show(v)};")
for name, key, doc in (("DENOMINATOR", "ISO_D", "the root of the denominators"), ("NUMERATOR_X", "ISO_N", "the numerator of x"),
                       ("NUMERATOR_Y", "ISO_M", "the numerator of y over y")):
    rows = "".join(f"    {show(v)},\n" for v in base[key])
    print(f"/// The isogeny back, lowest coefficient first: {doc}.\npub(super) const {name}: [[u64; 6]; {len(base[key])}] = [\n{rows}];")
