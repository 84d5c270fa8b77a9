//! Weighted sums of points: `[z_1]P_1 + .. + [z_n]P_n`, secret points, public 128-bit weights.
//!
//! Few points share one chain of doublings (Straus, "Addition chains of vectors", Amer. Math. Monthly 70, 1964). Every
//! weight is written in the non-adjacent form of width 5: at most one in five digits is non-zero, and those are odd and
//! below 16 in absolute value, so a point has a table of eight multiples. Many go into buckets, one for each absolute value
//! of a window's digit (Pippenger, "On the evaluation of powers and related problems", FOCS 1976).
//!
//! # Cost
//! Straus: a doubling and seven additions a point for its table, about 21 for its digits; 129 doublings for the whole sum.
//! Buckets of 7 bits: 19 additions of an affine point for each, 2,432 of two projective ones for all.
//!
//! # Timing
//! Constant in the points: additions are complete, so that duplicates, a point beside its negative and infinity take
//! the same way as everything else and give the right sum. *Variable in the weights*: they are drawn for one call and
//! say nothing about the points.

use alloc::vec::Vec;
use subtle::Choice;

use super::backend::Group;

const WIDTH: u32 = 5;
const ROW: usize = 1 << (WIDTH - 2);
/// One more than the bits of a weight, for the carry.
const DIGITS: usize = 129;

/// From how many points on buckets are faster.
const BUCKETS_FROM: usize = 80;
/// The widest window.
const WIDEST: u32 = 12;

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
pub(crate) fn weighted_sum<G: Group>(points: &[G::Entry], weights: &[u128]) -> G {
    let n = points.len().min(weights.len());
    let (points, weights) = (&points[..n], &weights[..n]);
    if n < BUCKETS_FROM { straus(points, weights) } else { buckets(points, weights) }
}

pub(super) fn straus<G: Group>(points: &[G::Entry], weights: &[u128]) -> G {
    let mut table = Vec::with_capacity(points.len() * ROW);
    for p in points {
        let mut odd = G::identity().add_entry(p);
        let twice = odd.double();
        for i in 0..ROW {
            if i > 0 {
                odd = odd.add(&twice);
            }
            table.push(odd);
        }
    }
    let digits: Vec<_> = weights.iter().map(|z| naf(*z)).collect();
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

/// Width of the windows for `n` points: the one with the fewest additions, those of buckets counted one and a half times, since
/// they are of two projective points.
fn width(n: usize) -> u32 {
    let cost = |w: u32| DIGITS.div_ceil(w as usize) * (n + 3 * (1 << (w - 1)));
    (4..=WIDEST).min_by_key(|w| cost(*w)).unwrap_or(4)
}

/// Signed digits of `width` bits, the lowest first: between `-2^(width - 1)` and `2^(width - 1)`.
fn signed_digits(mut weight: u128, width: u32) -> impl Iterator<Item = i32> {
    let half = 1 << (width - 1);
    let mut carry = 0;
    core::iter::repeat_with(move || {
        let window = (weight & ((1 << width) - 1)) as i32 + carry;
        weight >>= width;
        carry = i32::from(window > half);
        window - (carry << width)
    })
}

pub(super) fn buckets<G: Group>(points: &[G::Entry], weights: &[u128]) -> G {
    let width = width(points.len());
    let windows = DIGITS.div_ceil(width as usize);
    let mut signed = Vec::with_capacity(2 * points.len());
    for p in points {
        signed.push(*p);
        signed.push(G::lookup(core::slice::from_ref(p), 1, Choice::from(1)));
    }
    let digits: Vec<i32> = weights.iter().flat_map(|z| signed_digits(*z, width).take(windows)).collect();
    let mut buckets = alloc::vec![G::identity(); 1 << (width - 1)];
    let mut sum = G::identity();
    for window in (0..windows).rev() {
        (0..width).for_each(|_| sum = sum.double());
        buckets.fill(G::identity());
        for (point, digits) in signed.as_chunks::<2>().0.iter().zip(digits.chunks_exact(windows)) {
            let digit = digits[window];
            if digit != 0 {
                let bucket = &mut buckets[digit.unsigned_abs() as usize - 1];
                *bucket = bucket.add_entry(&point[usize::from(digit < 0)]);
            }
        }
        // Bucket k counts k times: it is in k of the running sums.
        let (mut running, mut total) = (G::identity(), G::identity());
        for bucket in buckets.iter().rev() {
            running = running.add(bucket);
            total = total.add(&running);
        }
        sum = sum.add(&total);
    }
    G::wipe_entries(&mut signed);
    buckets.iter_mut().for_each(G::wipe);
    sum
}

/// `naf` for the conformance checks: the value of its digits.
#[cfg(test)]
pub(crate) fn recomposed(weight: u128) -> (u128, bool) {
    let digits = naf(weight);
    let value = digits.iter().rev().fold(0u128, |acc, d| acc.wrapping_mul(2).wrapping_add_signed(i128::from(*d)));
    let sparse = digits.windows(WIDTH as usize).all(|w| w.iter().filter(|d| **d != 0).count() <= 1);
    let small = digits.iter().all(|d| *d == 0 || (d % 2 != 0 && d.unsigned_abs() < 1 << (WIDTH - 1)));
    let wide = (4..=WIDEST).all(|width| {
        let digits: Vec<i32> = signed_digits(weight, width).take(DIGITS.div_ceil(width as usize)).collect();
        let value = digits.iter().rev().fold(0u128, |acc, d| (acc << width).wrapping_add_signed(i128::from(*d)));
        value == weight && digits.iter().all(|d| d.unsigned_abs() <= 1 << (width - 1))
    });
    (value, sparse && small && wide)
}
