//! Weighted sums in G1 by buckets (Pippenger): the eight lanes work on eight windows of the same point.
//!
//! A weight of 128 bits is read as two signed halves of 64 bits, `a + b phi`; each half has eight signed windows of eight bits. Window
//! `j` of both goes to lane `j`, so a point costs two additions, whatever their number is. Weights are public: the bucket is
//! found by its index. Points are not: nothing depends on them, and equal, opposite and infinite ones take the same way.

use zeroize::Zeroizing;

use super::constants::{BETA, ONE};
use super::fp::Fe;
use super::kernels::{Buckets, Lane, Raw};
use super::lane::Vector;
use super::multiply::{Point, infinity1};
use super::{LANES, Point1, jobs};

/// Signed digits go up to 128.
const HIGHEST: u8 = 128;

/// `sum (a_i + b_i phi) P_i` as eight sums `S_j`, one in each lane: what is meant is `sum 2^(8j) S_j`.
///
/// Timing: constant in the points, variable in the weights.
pub(super) fn window_sums_vartime<V: Lane>(token: V::Token, points: &[&Point1], weights: &[u128]) -> Point<Raw<V>> {
    let mut empty = [0; 24];
    empty[8..16].copy_from_slice(&ONE);
    let mut buckets = Zeroizing::new(alloc::vec![[empty; 256]; LANES]);
    let infinity = infinity1::<V>(token);
    let mut term = infinity;
    for (group, weights) in points.chunks(LANES).zip(weights.chunks(LANES)) {
        let p = jobs::projective_g1::<V>(token, group.iter().copied());
        let image = [V::fp_mul(&p[0], &Fe::<V>::constant(token, &BETA).0), p[1], p[2]];
        for (lane, weight) in weights.iter().enumerate() {
            for (p, half) in [(&p, *weight as i64), (&image, (*weight >> 64) as i64)] {
                let (index, negative) = digits(half);
                V::g1_broadcast(p, lane, &mut term);
                V::g1_negate(&mut term, V::from_words(token, &negative));
                V::bucket_add(&mut buckets, &index, &term);
            }
        }
    }
    let (mut running, mut total) = (infinity, infinity);
    for k in (1..=HIGHEST).rev() {
        V::bucket_load(&buckets, &[k; LANES], &mut term);
        V::g1_add(&mut running, &term);
        V::g1_add(&mut total, &running);
    }
    total
}

/// Eight digits in `-128 ..= 128` base 256: magnitudes, and all ones where they are negative.
fn digits(number: i64) -> ([u8; LANES], [u64; LANES]) {
    let (mut index, mut negative) = ([0; LANES], [0; LANES]);
    let mut carry = 0;
    for (j, byte) in number.to_le_bytes().iter().enumerate() {
        let window = if j == LANES - 1 { i16::from(byte.cast_signed()) } else { i16::from(*byte) } + carry;
        carry = i16::from(j < LANES - 1 && window >= i16::from(HIGHEST));
        let digit = window - 256 * carry;
        index[j] = digit.unsigned_abs() as u8;
        negative[j] = u64::from(digit < 0).wrapping_neg();
    }
    (index, negative)
}

/// Kernel: the point of one lane in all lanes.
#[inline(always)]
pub(super) fn g1_broadcast<V: Vector>(p: &Point<Raw<V>>, lane: usize, out: &mut Point<Raw<V>>) {
    for (out, c) in out.iter_mut().zip(p) {
        for (out, limb) in out.iter_mut().zip(c) {
            *out = V::splat(limb.token(), limb.to_words()[lane % LANES]);
        }
    }
}

/// Kernel: adds a point, in each lane to the bucket with this index.
#[inline(always)]
pub(super) fn bucket_add<V: Lane>(buckets: &mut Buckets, index: &[u8; LANES], p: &Point<Raw<V>>) {
    let mut sum = *p;
    bucket_load(buckets, index, &mut sum);
    V::g1_add(&mut sum, p);
    for (c, coordinate) in sum.iter().enumerate() {
        for (i, limb) in coordinate.iter().enumerate() {
            let words = limb.to_words();
            for ((bucket, k), word) in buckets.iter_mut().zip(index).zip(words) {
                bucket[usize::from(*k)][(8 * c + i) % 24] = word;
            }
        }
    }
}

/// Kernel: the point in the bucket with this index of each lane.
#[inline(always)]
pub(super) fn bucket_load<V: Vector>(buckets: &Buckets, index: &[u8; LANES], p: &mut Point<Raw<V>>) {
    let mut words = [[0; LANES]; 24];
    for (lane, (bucket, k)) in buckets.iter().zip(index).enumerate() {
        for (word, limb) in words.iter_mut().zip(&bucket[usize::from(*k)]) {
            word[lane % LANES] = *limb;
        }
    }
    for (c, coordinate) in p.iter_mut().enumerate() {
        for (i, limb) in coordinate.iter_mut().enumerate() {
            *limb = V::from_words(limb.token(), &words[(8 * c + i) % 24]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_recompose() {
        let mut state = 1u64;
        let random = core::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state.rotate_left(17).cast_signed()
        });
        let edges = [0, 1, -1, 127, 128, 129, -128, 0x7f80, 0x8080_8080_8080_8080u64.cast_signed(), i64::MAX, i64::MIN];
        for number in edges.into_iter().chain(random.take(1000)) {
            let (index, negative) = digits(number);
            let value = (0..LANES).rev().fold(0i128, |sum, j| {
                let digit = i128::from(index[j]);
                256 * sum + if negative[j] == 0 { digit } else { -digit }
            });
            assert_eq!(value, i128::from(number));
            assert!(index.iter().all(|i| *i <= HIGHEST));
        }
    }
}
