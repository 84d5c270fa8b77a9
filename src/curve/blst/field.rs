//! Field values of blst in tables and in sums of affine points: generic over Fp and Fp2.

use alloc::vec::Vec;
use blst::*;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroize;

/// `P + Q` for affine pairs by the chord, the inverses of all `x_Q - x_P` from one inversion (Montgomery's trick): 5
/// multiplications and a squaring each instead of a mixed addition's 11. Infinity is handled under masks.
///
/// Wrong, without notice, for `P = +-Q` both finite: see `Group::add_pairs`.
pub(super) fn add_affine_pairs<F: Field>(mut pairs: Vec<((F, F), (F, F))>) -> Vec<(F, F)> {
    let mut product = F::one();
    let mut chords = Vec::with_capacity(pairs.len());
    for ((px, py), (qx, qy)) in &pairs {
        let infinite = [px.is_zero() & py.is_zero(), qx.is_zero() & qy.is_zero()];
        let dx = F::select(&qx.sub(px), &F::one(), infinite[0] | infinite[1]);
        let before = product;
        product = product.mul(&dx);
        chords.push((dx, before, infinite));
    }
    let mut inverse = product.inverse();
    product.wipe();
    let mut sums = alloc::vec![(F::default(), F::default()); pairs.len()];
    for ((sum, pair), (dx, before, [p_inf, q_inf])) in sums.iter_mut().zip(&mut pairs).zip(&mut chords).rev() {
        let ((px, py), (qx, qy)) = pair;
        let mut slope = qy.sub(py).mul(&inverse.mul(before));
        inverse = inverse.mul(dx);
        let x = slope.sqr().sub(px).sub(qx);
        let y = slope.mul(&px.sub(&x)).sub(py);
        // P infinite: Q; then Q infinite: P (which is infinity itself if both are).
        let x = F::select(&F::select(&x, qx, *p_inf), px, *q_inf);
        let y = F::select(&F::select(&y, qy, *p_inf), py, *q_inf);
        *sum = (x, y);
        [px, py, qx, qy, dx, before, &mut slope].into_iter().for_each(F::wipe);
    }
    inverse.wipe();
    sums
}

/// What tables need of Fp and Fp2.
pub(super) trait Field: Copy + Default + 'static {
    fn fps(&self) -> &[blst_fp];
    fn fps_mut(&mut self) -> &mut [blst_fp];
    fn one() -> Self;
    /// Reads coefficients of 48 bytes, big-endian and canonical, the highest first.
    fn read(bytes: &[u8]) -> Self {
        let mut field = Self::default();
        for (fp, bytes) in field.fps_mut().iter_mut().rev().zip(bytes.as_chunks::<48>().0) {
            *fp = out!(blst_fp, blst_fp_from_bendian, bytes.as_ptr());
        }
        field
    }
    /// What [`Field::read`] reads.
    fn write(&self, bytes: &mut [u8]) {
        for (fp, bytes) in self.fps().iter().rev().zip(bytes.as_chunks_mut::<48>().0) {
            // SAFETY: writes exactly 48 bytes.
            unsafe { blst_bendian_from_fp(bytes.as_mut_ptr(), fp) };
        }
    }
    fn negated(&self) -> Self;
    fn sub(&self, other: &Self) -> Self;
    fn mul(&self, other: &Self) -> Self;
    fn sqr(&self) -> Self;
    fn inverse(&self) -> Self;

    fn is_zero(&self) -> Choice {
        self.fps().iter().flat_map(|c| &c.l).fold(0, |or, l| or | l).ct_eq(&0)
    }

    fn select(a: &Self, b: &Self, choice: Choice) -> Self {
        let mut c = *a;
        for (c, b) in c.fps_mut().iter_mut().zip(b.fps()) {
            for (c, b) in c.l.iter_mut().zip(&b.l) {
                c.conditional_assign(b, choice);
            }
        }
        c
    }

    fn wipe(&mut self) {
        self.fps_mut().iter_mut().for_each(|c| c.l.zeroize());
    }
}

impl Field for blst_fp {
    fn fps(&self) -> &[blst_fp] {
        core::slice::from_ref(self)
    }

    fn fps_mut(&mut self) -> &mut [blst_fp] {
        core::slice::from_mut(self)
    }

    fn one() -> Self {
        out!(blst_fp, blst_fp_from_uint64, [1u64, 0, 0, 0, 0, 0].as_ptr())
    }

    fn negated(&self) -> Self {
        out!(blst_fp, blst_fp_cneg, self, true)
    }

    fn sub(&self, other: &Self) -> Self {
        out!(blst_fp, blst_fp_sub, self, other)
    }

    fn mul(&self, other: &Self) -> Self {
        out!(blst_fp, blst_fp_mul, self, other)
    }

    fn sqr(&self) -> Self {
        out!(blst_fp, blst_fp_sqr, self)
    }

    fn inverse(&self) -> Self {
        out!(blst_fp, blst_fp_inverse, self)
    }
}

impl Field for blst_fp2 {
    fn fps(&self) -> &[blst_fp] {
        &self.fp
    }

    fn fps_mut(&mut self) -> &mut [blst_fp] {
        &mut self.fp
    }

    fn one() -> Self {
        blst_fp2 { fp: [blst_fp::one(), blst_fp::default()] }
    }

    fn negated(&self) -> Self {
        out!(blst_fp2, blst_fp2_cneg, self, true)
    }

    fn sub(&self, other: &Self) -> Self {
        out!(blst_fp2, blst_fp2_sub, self, other)
    }

    fn mul(&self, other: &Self) -> Self {
        out!(blst_fp2, blst_fp2_mul, self, other)
    }

    fn sqr(&self) -> Self {
        out!(blst_fp2, blst_fp2_sqr, self)
    }

    fn inverse(&self) -> Self {
        out!(blst_fp2, blst_fp2_inverse, self)
    }
}

/// Longest row of a table.
const ROW_MAX: usize = 32;

/// One mask for each of `n` entries, all ones for number `index`.
pub(super) fn masks(n: usize, index: u64) -> [u64; ROW_MAX] {
    debug_assert!(n <= ROW_MAX);
    let mut masks = [0; ROW_MAX];
    for (i, mask) in (0u64..).zip(&mut masks[..n]) {
        *mask = u64::from(i.ct_eq(&index).unwrap_u8()).wrapping_neg();
    }
    masks
}

/// The field value of the one entry whose mask is set, or zero. Entry after entry per value, so that the sum stays in
/// registers: twice as fast as value after value per entry.
#[inline(always)]
pub(super) fn pick<E, F: Field>(row: &[E], masks: &[u64; ROW_MAX], field: impl Fn(&E) -> &F) -> F {
    let mut found = F::default();
    for (i, sum) in found.fps_mut().iter_mut().enumerate() {
        let mut limbs = [0; 6];
        for (entry, mask) in row.iter().zip(masks) {
            for (limb, l) in limbs.iter_mut().zip(&field(entry).fps()[i].l) {
                *limb |= l & mask;
            }
        }
        sum.l = limbs;
    }
    found
}
