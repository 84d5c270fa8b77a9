//! Weighted sums in G1 by buckets (Pippenger): the eight lanes work on eight windows of the same point.
//!
//! A weight of 128 bits is read as two signed halves of 64 bits, `a + b phi`; each half has eight signed windows of eight bits. Window
//! `j` of both goes to lane `j`, so a point costs two additions, whatever their number is. Weights are public: the bucket is
//! found by its index. Points are not: nothing depends on them, and equal, opposite and infinite ones take the same way.

use zeroize::Zeroizing;

use super::constants::{BETA, ONE};
use super::fp::Fe;
use super::kernels::{Buckets, Lane, Raw};
use super::lane::{Vector, each};
use super::multiply::{Point, infinity1};
use super::{LANES, Point1, jobs};

/// Signed digits go up to 128.
const HIGHEST: u8 = 128;

/// `sum (a_i + b_i phi) P_i` as eight sums `S_j`, one in each lane: what is meant is `sum 2^(8j) S_j`.
///
/// Timing: constant in the points, variable in the weights.
///
/// # Panics
/// Never.
pub(super) fn window_sums_vartime<V: Lane>(token: V::Token, points: &[&Point1], weights: &[u128]) -> Point<Raw<V>> {
    let mut empty = [0; 24];
    empty[8..16].copy_from_slice(&ONE);
    // On the heap, as nothing else here: 384 KiB.
    let mut buckets = Zeroizing::new(alloc::vec![[empty; 256]; LANES]);
    let buckets: &mut Buckets = buckets.first_chunk_mut().expect("a row for each lane");
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
                V::bucket_add(buckets, &index, &term);
            }
        }
    }
    let (mut running, mut total) = (infinity, infinity);
    for k in (1..=HIGHEST).rev() {
        V::bucket_load(buckets, &[k; LANES], &mut term);
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
    let token = p[0][0].token();
    each!(K in [0 1 2] {
        each!(I in 8 { out[K][I] = V::splat(token, p[K][I].to_words()[lane % LANES]); });
    });
}

/// Kernel: adds a point, in each lane to the bucket with this index.
#[inline(always)]
pub(super) fn bucket_add<V: Lane>(buckets: &mut Buckets, index: &[u8; LANES], p: &Point<Raw<V>>) {
    let mut sum = *p;
    bucket_load(buckets, index, &mut sum);
    V::g1_add(&mut sum, p);
    each!(K in [0 1 2] {
        each!(I in 8 {
            let words = sum[K][I].to_words();
            each!(LANE in 8 { buckets[LANE][usize::from(index[LANE])][8 * K + I] = words[LANE]; });
        });
    });
}

/// Kernel: the point in the bucket with this index of each lane.
#[inline(always)]
pub(super) fn bucket_load<V: Vector>(buckets: &Buckets, index: &[u8; LANES], p: &mut Point<Raw<V>>) {
    let token = p[0][0].token();
    each!(K in [0 1 2] {
        each!(I in 8 {
            let mut words = [0; LANES];
            each!(LANE in 8 { words[LANE] = buckets[LANE][usize::from(index[LANE])][8 * K + I]; });
            p[K][I] = V::from_words(token, &words);
        });
    });
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
