//! Constant-time recodings of scalars.
//!
//! # Base |x|
//! All three groups have a cheap endomorphism that acts as a power of `x`: `psi = [x]` in G2, the Frobenius map in Gt
//! (`p = x mod r`), and `[-x^2]` in G1. So a scalar is first written as four 64-bit digits base `|x|`, which is possible
//! because `r < x^4`: `k = d0 + d1 |x| + d2 |x|^2 + d3 |x|^3`.
//!
//! No function branches on, or indexes by, a scalar; shift distances and loop bounds are public.

use subtle::{Choice, ConditionallySelectable};
use zeroize::{Zeroize, Zeroizing};

use super::backend::Limbs;
use super::constants::ABS_X;

/// Width of the windows of fixed-base tables, in bits.
pub(crate) const WINDOW: usize = 6;
/// Entries of a row: the multiples 1 to 32.
pub(crate) const ROW: usize = 1 << (WINDOW - 1);

/// The four digits base `|x|`, lowest first. Constant time: schoolbook division with masks, about two microseconds.
pub(crate) fn digits(k: &Limbs) -> Zeroizing<[u64; 4]> {
    let mut rest = Zeroizing::new(*k);
    let mut digits = Zeroizing::new([0; 4]);
    for (digit, limbs) in digits.iter_mut().take(3).zip([4, 3, 2]) {
        *digit = divide(&mut rest[..limbs]);
    }
    digits[3] = rest[0]; // the quotient is below |x| now
    digits
}

/// Divides by `|x|` in place and gives the remainder. The top bit of `|x|` is set, so remainders fit 64 bits.
fn divide(number: &mut [u64]) -> u64 {
    let mut rem = 0u64;
    for limb in number.iter_mut().rev() {
        let mut quotient = 0;
        for bit in (0..64).rev() {
            let carry = rem >> 63;
            rem = rem << 1 | (*limb >> bit) & 1;
            let (less, borrow) = rem.overflowing_sub(ABS_X);
            let fits = carry | u64::from(!borrow);
            rem = u64::conditional_select(&rem, &less, Choice::from(fits as u8));
            quotient = quotient << 1 | fits;
        }
        *limb = quotient;
    }
    rem
}

/// The scalar as `N` parts of `256 / N` bits: the digits for four parts, `d0 + d1 |x|` and `d2 + d3 |x|` for two.
pub(crate) fn parts(k: &Limbs, n: usize) -> Zeroizing<[u128; 4]> {
    let d = digits(k);
    let pair = |a: u64, b: u64| u128::from(a) + u128::from(b) * u128::from(ABS_X);
    Zeroizing::new(match n {
        2 => [pair(d[0], d[1]), pair(d[2], d[3]), 0, 0],
        _ => d.map(u128::from),
    })
}

/// Signed window number `j` of a part, in -32..=32, as magnitude and sign (Booth: the window and the bit below it).
pub(crate) fn window(part: u128, j: usize) -> (u64, Choice) {
    let bits = if j == 0 { part << 1 } else { part >> (WINDOW * j - 1) } as u64 & ((1 << (WINDOW + 1)) - 1);
    let negative = Choice::from((bits >> WINDOW) as u8);
    let magnitude = (bits + 1) >> 1;
    (u64::conditional_select(&magnitude, &((1 << WINDOW) - magnitude), negative), negative)
}

/// Sign-aligned columns (GLV-SAC): an odd number `k < 2^columns` is a sum of `+-2^i` over all columns `i`, and any other
/// number a sum of `0` or `+-2^i` with the same signs. One masked look-up then serves all numbers at once, and a column
/// never is zero.
///
/// Source: Faz-Hernandez, Longa, Sanchez, ePrint 2013/158, algorithm 1.
#[derive(Zeroize)]
#[zeroize(drop)]
pub(crate) struct Columns {
    /// Bit `i` is set where column `i` is negative.
    negative: u128,
    columns: usize,
}

impl Columns {
    /// The signs of an odd number; its bits from `columns` up do not count.
    pub(crate) const fn new(odd: u64, columns: usize) -> Self {
        Self { negative: !(odd as u128 >> 1) & ((1 << (columns - 1)) - 1), columns }
    }

    /// Whether column `i` is negative.
    pub(crate) fn is_negative(&self, i: usize) -> Choice {
        Choice::from((self.negative >> i) as u8 & 1)
    }

    /// The `n` digits of another number under these signs, the column of digit `i` being `i` modulo `columns`; bit `i` of
    /// the result is set where the digit is not zero.
    pub(crate) fn align(&self, number: u64, n: usize) -> u128 {
        let (mut rest, mut digits) = (u128::from(number), 0);
        for i in 0..n {
            let bit = rest & 1;
            digits |= bit << i;
            // A negative digit took one too many: carry.
            rest = (rest >> 1) + (bit & (self.negative >> (i % self.columns)));
        }
        digits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::curve::constants::R;

    fn samples() -> impl Iterator<Item = Limbs> {
        let mut r_minus_1 = R;
        r_minus_1[0] -= 1;
        let edge = [
            [0; 4],
            [1, 0, 0, 0],
            [ABS_X - 1, 0, 0, 0],
            [ABS_X, 0, 0, 0],
            r_minus_1,
            [u64::MAX, u64::MAX, u64::MAX, R[3] - 1],
        ];
        let mut state = 1u64;
        let mut next = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state ^ (state >> 29)
        };
        edge.into_iter().chain(core::iter::repeat_with(move || [next(), next(), next(), next() % R[3]]).take(200))
    }

    /// `a |x| + b` over 256 bits.
    fn mul_add(a: Limbs, b: u64) -> Limbs {
        let mut carry = u128::from(b);
        a.map(|limb| {
            carry += u128::from(limb) * u128::from(ABS_X);
            let low = carry as u64;
            carry >>= 64;
            low
        })
    }

    #[test]
    fn digits_recompose() {
        for k in samples() {
            let d = digits(&k);
            assert!(d.iter().all(|d| *d < ABS_X));
            assert_eq!(d.iter().rev().fold([0; 4], |acc, d| mul_add(acc, *d)), k);
        }
    }

    #[test]
    fn windows_recompose() {
        for part in samples().map(|k| u128::from(k[0]) | u128::from(k[1]) << 64) {
            for (part, count) in [(part, 22), (part & u128::from(u64::MAX), 11)] {
                let mut sum = 0u128;
                for j in (0..count).rev() {
                    let (magnitude, negative) = window(part, j);
                    assert!(magnitude <= ROW as u64);
                    let digit = u128::from(magnitude);
                    sum = (sum << WINDOW).wrapping_add(if negative.into() { digit.wrapping_neg() } else { digit });
                }
                assert_eq!(sum, part);
            }
        }
    }

    #[test]
    fn columns_recompose() {
        let value = |digits: u128, n: usize, columns: &Columns| {
            (0..n).rev().fold(0i128, |acc, i| {
                let digit = (digits >> i & 1) as i128;
                let negative = bool::from(columns.is_negative(i % columns.columns));
                acc * 2 + if negative { -digit } else { digit }
            })
        };
        for k in samples() {
            let odd = k[0] | 1;
            let whole = Columns::new(odd, 65);
            assert_eq!(value(u128::MAX, 65, &whole), i128::from(odd));
            assert_eq!(value(whole.align(k[1], 65), 65, &whole), i128::from(k[1]));
            let comb = Columns::new(odd, 11);
            assert_eq!(value(u128::MAX, 11, &comb), i128::from(odd & 0x7ff));
            assert_eq!(value(comb.align(odd >> 11, 55), 55, &comb), i128::from(odd >> 11));
        }
    }
}
