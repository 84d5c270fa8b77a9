//! Weighted sums of points: `[z_1]P_1 + .. + [z_n]P_n`, secret points, public 128-bit weights.
//!
//! All points share one chain of doublings (Straus, "Addition chains of vectors", Amer. Math. Monthly 70, 1964). Every
//! weight is written in the non-adjacent form of width 5: at most one in five digits is non-zero, and those are odd and
//! below 16 in absolute value, so a point has a table of eight multiples.
//!
//! # Cost
//! A doubling and seven additions a point for its table, about 21 for its digits; 129 doublings for the whole sum.
//!
//! # Timing
//! Constant in the points: additions are complete, so that duplicates, a point beside its negative and infinity take
//! the same way as everything else and give the right sum. *Variable in the weights*: they are drawn for one call and
//! say nothing about the points. Bucket methods (Pippenger) are left out on purpose: with complete additions they gain
//! little for the sizes of a chunk, and the usual ones are not complete.

use alloc::vec::Vec;
use subtle::Choice;

use super::backend::Group;

const WIDTH: u32 = 5;
const ROW: usize = 1 << (WIDTH - 2);
/// One more than the bits of a weight, for the carry.
const DIGITS: usize = 129;

/// The digits of a weight, lowest first.
fn naf(mut weight: u128) -> [i8; DIGITS] {
    let mut out = [0i8; DIGITS];
    let mut carry = 0u128;
    let mut i = 0;
    while i < DIGITS && (weight != 0 || carry != 0) {
        // What is left is `weight + carry`; the carry is at most 1 and never overflows the window below.
        if (weight & 1) ^ carry == 0 {
            weight >>= 1;
            i += 1;
            continue;
        }
        let window = (weight & ((1 << WIDTH) - 1)) + carry;
        let digit = window as i8 - if window >= 1 << (WIDTH - 1) { 1 << WIDTH } else { 0 };
        out[i] = digit;
        carry = u128::from(digit < 0);
        weight >>= WIDTH;
        i += WIDTH as usize;
    }
    out
}

/// The sum; pairs beyond the shorter list do not count.
pub(crate) fn weighted_sum<G: Group>(points: &[G], weights: &[u128]) -> G {
    let n = points.len().min(weights.len());
    let mut table = Vec::with_capacity(n * ROW);
    for p in &points[..n] {
        let twice = p.double();
        let mut odd = *p;
        for i in 0..ROW {
            if i > 0 {
                odd = odd.add(&twice);
            }
            table.push(odd);
        }
    }
    let digits: Vec<_> = weights[..n].iter().map(|z| naf(*z)).collect();
    let mut sum = G::identity();
    for bit in (0..DIGITS).rev() {
        sum = sum.double();
        for (row, digits) in table.chunks_exact(ROW).zip(&digits) {
            let digit = digits[bit];
            if digit != 0 {
                let entry = row[usize::from(digit.unsigned_abs()) / 2];
                sum = sum.add(&entry.neg_if(Choice::from(u8::from(digit < 0))));
            }
        }
    }
    table.iter_mut().for_each(G::wipe);
    sum
}

/// `naf` for the conformance checks: the value of its digits.
#[cfg(test)]
pub(crate) fn recomposed(weight: u128) -> (u128, bool) {
    let digits = naf(weight);
    let value = digits.iter().rev().fold(0u128, |acc, d| acc.wrapping_mul(2).wrapping_add_signed(i128::from(*d)));
    let sparse = digits.windows(WIDTH as usize).all(|w| w.iter().filter(|d| **d != 0).count() <= 1);
    let small = digits.iter().all(|d| *d == 0 || (d % 2 != 0 && d.unsigned_abs() < 1 << (WIDTH - 1)));
    (value, sparse && small)
}
