//! The arithmetic of Gt over the Fp2 of `bls12_381_plus`, whose own Fp6 and Fp12 are private and whose power in Gt knows
//! neither cyclotomic squaring nor the Frobenius map.
//!
//! `Fp12 = Fp6[w]/(w^2 - v)`, `Fp6 = Fp2[v]/(v^3 - xi)`, `xi = 1 + u`; `c[j][i]` is the coefficient of `v^i w^j`.

use bls12_381_plus::fp::Fp;
use bls12_381_plus::fp2::Fp2;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroize;

use super::backend::Target;
use super::constants::FROBENIUS;
use crate::encoding::GT_BYTES;

type Fp6 = [Fp2; 3];

/// An element of Fp12.
#[derive(Clone, Copy)]
pub(crate) struct Fp12([Fp6; 2]);

impl Fp12 {
    /// Reads the layout of [`crate::encoding`]; values that are not canonical become zero (there are none: the bytes come
    /// from the pairing). Constant time.
    pub(crate) fn read(bytes: &[u8; GT_BYTES]) -> Self {
        let mut out = Self([[Fp2::ZERO; 3]; 2]);
        for (fp, bytes) in out.coefficients_mut().zip(bytes.as_chunks::<48>().0) {
            *fp = Fp::from_bytes(bytes).unwrap_or(Fp::ZERO);
        }
        out
    }

    fn coefficients_mut(&mut self) -> impl Iterator<Item = &mut Fp> {
        self.0.as_flattened_mut().iter_mut().flat_map(|c| [&mut c.c0, &mut c.c1])
    }
}

impl Target for Fp12 {
    fn one() -> Self {
        Self([[Fp2::ONE, Fp2::ZERO, Fp2::ZERO], [Fp2::ZERO; 3]])
    }

    /// Karatsuba: three products in Fp6.
    fn mul(&self, other: &Self) -> Self {
        let ([a0, a1], [b0, b1]) = (&self.0, &other.0);
        let (low, high) = (mul6(a0, b0), mul6(a1, b1));
        let mixed = sub6(&sub6(&mul6(&add6(a0, a1), &add6(b0, b1)), &low), &high);
        Self([add6(&low, &mul_by_v(&high)), mixed])
    }

    /// Three squarings in `Fp4 = Fp2[s]/(s^2 - xi)`.
    ///
    /// Source: Granger, Scott, ePrint 2009/565, section 3.2.
    fn square(&self) -> Self {
        let [[z0, z4, z3], [z2, z1, z5]] = self.0;
        let (a0, a1) = square4(&z0, &z1);
        let (b0, b1) = square4(&z2, &z3);
        let (c0, c1) = square4(&z4, &z5);
        let c1 = c1.mul_by_nonresidue();
        let minus = |t: Fp2, z: Fp2| (t - z).double() + t;
        let plus = |t: Fp2, z: Fp2| (t + z).double() + t;
        Self([[minus(a0, z0), minus(b0, z4), minus(c0, z3)], [plus(c1, z2), plus(a1, z1), plus(b1, z5)]])
    }

    /// `(c v^i w^j)^p = conj(c) xi^((2i + j)(p - 1)/6) v^i w^j`, applied `n` times.
    fn frobenius(&self, n: usize) -> Self {
        let mut f = *self;
        for _ in 0..n {
            for (j, half) in f.0.iter_mut().enumerate() {
                for (i, c) in half.iter_mut().enumerate() {
                    let [re, im] = FROBENIUS[2 * i + j].map(Fp);
                    *c = c.conjugate() * Fp2 { c0: re, c1: im };
                }
            }
        }
        f
    }

    fn conjugate_if(&self, choice: Choice) -> Self {
        Self([self.0[0], self.0[1].map(|c| Fp2::conditional_select(&c, &-c, choice))])
    }

    fn lookup(row: &[Self], index: u64) -> Self {
        let mut found = Self::one();
        for (i, entry) in (0u64..).zip(row) {
            let here = i.ct_eq(&index);
            for (f, e) in found.0.as_flattened_mut().iter_mut().zip(entry.0.as_flattened()) {
                f.conditional_assign(e, here);
            }
        }
        found
    }

    fn ct_eq(&self, other: &Self) -> Choice {
        let pairs = self.0.as_flattened().iter().zip(other.0.as_flattened());
        pairs.fold(Choice::from(1), |equal, (a, b)| equal & a.ct_eq(b))
    }

    fn write(&self, out: &mut [u8; GT_BYTES]) {
        let coefficients = self.0.as_flattened().iter().flat_map(|c| [&c.c0, &c.c1]);
        for (bytes, fp) in out.as_chunks_mut::<48>().0.iter_mut().zip(coefficients) {
            *bytes = fp.to_bytes();
        }
    }

    fn wipe(&mut self) {
        self.coefficients_mut().for_each(|c| c.0.zeroize());
        *self = Self::one();
    }
}

fn add6(a: &Fp6, b: &Fp6) -> Fp6 {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}

fn sub6(a: &Fp6, b: &Fp6) -> Fp6 {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

fn mul_by_v(a: &Fp6) -> Fp6 {
    [a[2].mul_by_nonresidue(), a[0], a[1]]
}

/// Karatsuba: six products in Fp2.
fn mul6(a: &Fp6, b: &Fp6) -> Fp6 {
    let (t0, t1, t2) = (a[0] * b[0], a[1] * b[1], a[2] * b[2]);
    let t12 = (a[1] + a[2]) * (b[1] + b[2]) - t1 - t2;
    let t01 = (a[0] + a[1]) * (b[0] + b[1]) - t0 - t1;
    let t02 = (a[0] + a[2]) * (b[0] + b[2]) - t0 - t2;
    [t0 + t12.mul_by_nonresidue(), t01 + t2.mul_by_nonresidue(), t02 + t1]
}

/// `(a + b s)^2` with `s^2 = xi`.
fn square4(a: &Fp2, b: &Fp2) -> (Fp2, Fp2) {
    let (aa, bb) = (a.square(), b.square());
    (aa + bb.mul_by_nonresidue(), (a + b).square() - aa - bb)
}
