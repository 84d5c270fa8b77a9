//! What an engine does for points: decoding with every check, hashing, weighted sums.

use alloc::vec::Vec;

use zeroize::Zeroize;

#[cfg(target_arch = "x86_64")]
use super::avx512;
use super::fp::Fe;
use super::fp2::Fe2;
use super::hash::{clear_cofactor, map_g1};
use super::jobs::{FLAGS, JOB, encode, projective_g1};
use super::kernels::Lane;
use super::multiply::{GROUPS, to_affine_g1};
use super::subgroup::{in_g1, in_g2};
use super::sum::window_sums_vartime;
use super::{DEPTH, Engine, LANES, Path, Point1, Point2, emulated};
use crate::encoding::{G1_BYTES, G2_BYTES};
use crate::secret::{Secret, leaving_no_trace};

impl Engine {
    /// Secret compressed points of G1, uncompressed, and 1 for each that is one: canonical, finite, on the curve, in the subgroup. What
    /// stands next to a 0 is of no use.
    ///
    /// # Timing
    /// Constant in the bytes; varies with their number.
    pub fn decode_g1(self, items: &[&[u8; G1_BYTES]]) -> Vec<(Secret<96>, u8)> {
        let mut out: Vec<_> = items.iter().map(|_| (Secret::zero(), 0)).collect();
        leaving_no_trace::<DEPTH, _>(|| {
            for (group, out) in items.chunks(LANES).zip(out.chunks_mut(LANES)) {
                on!(self, |token: V| decode_g1_group::<V>(token, group, out));
            }
        });
        out
    }

    /// Public compressed points of G2 likewise.
    ///
    /// # Timing
    /// Constant in the bytes; varies with their number.
    pub fn decode_g2(self, items: &[&[u8; G2_BYTES]]) -> Vec<(Point2, u8)> {
        let mut out = alloc::vec![([0; 2 * G2_BYTES], 0); items.len()];
        for (group, out) in items.chunks(LANES).zip(out.chunks_mut(LANES)) {
            on!(self, |token: V| decode_g2_group::<V>(token, group, out));
        }
        out
    }

    /// The points of G1 that the 128 bytes of `expand_message` become: `hash_to_curve` of RFC 9380 for the suite
    /// `BLS12381G1_XMD:SHA-256_SSWU_RO_`. Without `clear`, points of the curve that still lack the multiplication by
    /// [`Engine::clear_cofactor`].
    ///
    /// # Timing
    /// Constant in the bytes; varies with their number.
    pub fn hash_g1(self, items: &[[u8; 128]], clear: bool) -> Vec<Point1> {
        let mut out = alloc::vec![[0; 96]; items.len()];
        leaving_no_trace::<DEPTH, _>(|| {
            for (job, out) in items.chunks(JOB).zip(out.chunks_mut(JOB)) {
                on!(self, |token: V| hash_job::<V>(token, job, clear, out));
            }
        });
        out
    }

    /// `[1 - x] P_i` for points of the curve: in the subgroup.
    ///
    /// # Timing
    /// Constant in the points; varies with their number.
    pub fn clear_cofactor(self, points: &[&Point1]) -> Vec<Point1> {
        let mut out = alloc::vec![[0; 96]; points.len()];
        leaving_no_trace::<DEPTH, _>(|| {
            for (job, out) in points.chunks(JOB).zip(out.chunks_mut(JOB)) {
                on!(self, |token: V| clear_job::<V>(token, job, out));
            }
        });
        out
    }

    /// `sum (a_i + b_i phi) P_i` for points of the curve over Fp, with `a_i` and `b_i` the lower and upper half of a weight as signed
    /// numbers and `phi` the endomorphism that is `[-x^2]` on G1: `2^128` different multiples. In eight parts `S_j`; the
    /// sum is `sum 2^(8j) S_j`.
    ///
    /// # Timing
    /// Constant in the points; variable in the weights.
    pub fn weighted_sum_g1_vartime(self, points: &[&Point1], weights: &[u128]) -> [Secret<96>; LANES] {
        let mut out = core::array::from_fn(|_| Secret::zero());
        leaving_no_trace::<DEPTH, _>(|| {
            on!(self, |token: V| sum_job::<V>(token, points, weights, &mut out));
        });
        out
    }
}

/// The first `N` numbers of 48 bytes of each item, flags taken off; all ones for each lane where all are below p and the flags are those
/// of a finite compressed point, and where the larger `y` is meant.
fn load_compressed<'a, V: Lane, const N: usize>(
    token: V::Token,
    items: impl Iterator<Item = &'a [u8]>,
) -> ([Fe<V>; N], V, V) {
    let mut bytes = [[[0; 48]; LANES]; N];
    let (mut finite, mut larger) = ([0; LANES], [0; LANES]);
    for (lane, item) in items.enumerate() {
        for (number, chunk) in bytes.iter_mut().zip(item.chunks_exact(48)) {
            number[lane].copy_from_slice(chunk);
        }
        let first = item[0];
        bytes[0][lane][0] &= !FLAGS;
        // Compressed, and not infinity.
        finite[lane] = u64::from((first >> 7) & !(first >> 6) & 1).wrapping_neg();
        larger[lane] = u64::from((first >> 5) & 1).wrapping_neg();
    }
    let mut valid = V::from_words(token, &finite);
    let numbers = core::array::from_fn(|k| {
        let (fe, below) = Fe::<V>::from_be_bytes(token, &bytes[k]);
        valid = valid.and(below);
        fe
    });
    bytes.zeroize();
    (numbers, valid, V::from_words(token, &larger))
}

fn verdicts<V: Lane>(valid: V) -> impl Iterator<Item = u8> {
    valid.to_words().into_iter().map(|word| (word & 1) as u8)
}

fn decode_g1_group<V: Lane>(token: V::Token, group: &[&[u8; G1_BYTES]], out: &mut [(Secret<96>, u8)]) {
    let ([x], valid, larger) = load_compressed::<V, 1>(token, group.iter().map(|b| &b[..]));
    let mut y = x.0;
    let on_curve = V::g1_lift(&x.0, larger, &mut y);
    let valid = valid.and(on_curve).and(in_g1::<V>(&x.0, &y));
    encode::<V, 2>(&[x.0, y], V::splat(token, 0), out.iter_mut().map(|(o, _)| &mut o.as_mut()[..]));
    out.iter_mut().zip(verdicts(valid)).for_each(|((_, o), v)| *o = v);
}

fn decode_g2_group<V: Lane>(token: V::Token, group: &[&[u8; G2_BYTES]], out: &mut [(Point2, u8)]) {
    let ([x1, x0], valid, larger) = load_compressed::<V, 2>(token, group.iter().map(|b| &b[..]));
    let x = Fe2::new(x0, x1).0;
    let mut y = x;
    let on_curve = V::g2_lift(&x, larger, &mut y);
    let valid = valid.and(on_curve).and(in_g2::<V>(&x, &y));
    encode::<V, 4>(&[x[1], x[0], y[1], y[0]], V::splat(token, 0), out.iter_mut().map(|(o, _)| &mut o[..]));
    out.iter_mut().zip(verdicts(valid)).for_each(|((_, o), v)| *o = v);
}

fn hash_job<V: Lane>(token: V::Token, job: &[[u8; 128]], clear: bool, out: &mut [Point1]) {
    let mut points = [[Fe::<V>::one(token).0; 3]; GROUPS];
    for (group, point) in job.chunks(LANES).zip(&mut points) {
        let u = [0, 64].map(|start| {
            let mut wide = [[0; 64]; LANES];
            wide.iter_mut().zip(group).for_each(|(w, bytes)| w.copy_from_slice(&bytes[start..start + 64]));
            Fe::<V>::from_wide_be_bytes(token, &wide)
        });
        *point = map_g1(&u);
        if clear {
            *point = clear_cofactor::<V>(point);
        }
    }
    for (affine, out) in to_affine_g1::<V>(token, &points).iter().zip(out.chunks_mut(LANES)) {
        encode::<V, 2>(&affine.0, affine.1, out.iter_mut().map(|o| &mut o[..]));
    }
}

fn clear_job<V: Lane>(token: V::Token, job: &[&Point1], out: &mut [Point1]) {
    let mut points = [[Fe::<V>::one(token).0; 3]; GROUPS];
    for (group, point) in job.chunks(LANES).zip(&mut points) {
        *point = clear_cofactor::<V>(&projective_g1::<V>(token, group.iter().copied()));
    }
    for (affine, out) in to_affine_g1::<V>(token, &points).iter().zip(out.chunks_mut(LANES)) {
        encode::<V, 2>(&affine.0, affine.1, out.iter_mut().map(|o| &mut o[..]));
    }
}

fn sum_job<V: Lane>(token: V::Token, points: &[&Point1], weights: &[u128], out: &mut [Secret<96>; LANES]) {
    let mut sums = [[Fe::<V>::one(token).0; 3]; GROUPS];
    sums[0] = window_sums_vartime::<V>(token, points, weights);
    let [(affine, infinite), ..] = to_affine_g1::<V>(token, &sums);
    encode::<V, 2>(&affine, infinite, out.iter_mut().map(|o| &mut o.as_mut()[..]));
}
