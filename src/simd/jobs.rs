//! What an engine does for a job of many items: bytes in, bytes out.

use alloc::vec::Vec;

use zeroize::Zeroize;

#[cfg(target_arch = "x86_64")]
use super::avx512;
use super::fp::Fe;
use super::fp2::Fe2;
use super::fp6::Fp6;
use super::fp12::Fp12;
use super::kernels::{Lane, Raw};
use super::miller::PreparedG2;
use super::multiply::{FixedG2, GROUPS, Point, multiply_fixed_g2, multiply_g1, to_affine_g1, to_affine_g2};
use super::power::power_gt;
use super::{DEPTH, Engine, LANES, Path, Point1, Point2, emulated, finalexp, miller};
use crate::encoding::GT_BYTES;
use crate::secret::{Secret, leaving_no_trace};

/// Items that share an inversion.
pub(super) const JOB: usize = GROUPS * LANES;

impl Engine {
    /// `e(P_i, Q_i)` in the layout of SPEC.md 2.3, in order; infinity gives one. A last group of fewer than eight costs as much
    /// as a full one, here and below.
    ///
    /// Points, here and below, are taken to be canonical, on the curve and in the subgroup of order r: decode them first.
    ///
    /// # Timing
    /// Constant in the points; varies with their number.
    pub fn pairings(self, items: &[(&Point1, &Point2)]) -> Vec<Secret<GT_BYTES>> {
        let mut out = Vec::with_capacity(items.len());
        leaving_no_trace::<DEPTH, _>(|| {
            for group in items.chunks(LANES) {
                on!(self, |token: V| pairings8::<V>(token, group, &mut out));
            }
        });
        out
    }

    /// The lines of a public point of G2, not infinity, for [`Engine::prepared_products`].
    pub fn prepare_g2(self, q: &Point2) -> PreparedG2 {
        on!(self, |token: V| {
            let [x1, x0, y1, y0] = load(token, core::iter::once(q));
            miller::prepare_lines::<V>(token, &Fe2::new(x0, x1), &Fe2::new(y0, y1))
        })
    }

    /// `e(P_i1, Q_1) .. e(P_iN, Q_N)` for prepared points, otherwise as [`Engine::pairings`].
    ///
    /// # Timing
    /// Constant in the points; varies with their number.
    pub fn prepared_products<const N: usize>(
        self,
        prepared: &[&PreparedG2; N],
        items: &[[&Point1; N]],
    ) -> Vec<Secret<GT_BYTES>> {
        let mut out = Vec::with_capacity(items.len());
        leaving_no_trace::<DEPTH, _>(|| {
            for group in items.chunks(LANES) {
                on!(self, |token: V| products8::<V, N>(token, prepared, group, &mut out));
            }
        });
        out
    }

    /// `g_i^(d0 + d1 |x| + d2 |x|^2 + d3 |x|^3)` for pairing values in the layout of SPEC.md 2.3, of order r; any parts of 64 bits.
    ///
    /// # Timing
    /// Constant in values and parts; varies with their number.
    pub fn powers_gt(self, items: &[(&[u8; GT_BYTES], &[u64; 4])]) -> Vec<Secret<GT_BYTES>> {
        let mut out = Vec::with_capacity(items.len());
        leaving_no_trace::<DEPTH, _>(|| {
            for group in items.chunks(LANES) {
                on!(self, |token: V| powers8::<V>(token, group, &mut out));
            }
        });
        out
    }

    /// `[k0 + k1 x^2] P_i` in G1; any parts of 128 bits.
    ///
    /// # Timing
    /// Constant in points and parts; varies with their number.
    pub fn multiply_g1(self, items: &[(&Point1, &[u128; 2])]) -> Vec<Secret<96>> {
        let mut out: Vec<_> = items.iter().map(|_| Secret::zero()).collect();
        leaving_no_trace::<DEPTH, _>(|| {
            for (job, out) in items.chunks(JOB).zip(out.chunks_mut(JOB)) {
                on!(self, |token: V| multiply_job::<V>(token, job, out));
            }
        });
        out
    }

    /// `[d0 + d1 |x| + d2 |x|^2 + d3 |x|^3] P` in G2 for a fixed point; any parts of 64 bits.
    ///
    /// # Timing
    /// Constant in the parts; varies with their number. The results are taken to be public.
    pub fn multiply_fixed_g2(self, table: &FixedG2, parts: &[[u64; 4]]) -> Vec<Point2> {
        let mut out = alloc::vec![[0; 192]; parts.len()];
        leaving_no_trace::<DEPTH, _>(|| {
            for (job, out) in parts.chunks(JOB).zip(out.chunks_mut(JOB)) {
                on!(self, |token: V| fixed_job::<V>(token, table, job, out));
            }
        });
        out
    }
}

fn pairings8<V: Lane>(token: V::Token, group: &[(&Point1, &Point2)], out: &mut Vec<Secret<GT_BYTES>>) {
    let [px, py] = load(token, group.iter().map(|(p, _)| *p));
    let [x1, x0, y1, y0] = load(token, group.iter().map(|(_, q)| *q));
    let infinite = infinity::<V>(token, group.iter().map(|(p, q)| p[0] | q[0]));
    let f = miller::miller_loop(&px, &py, &Fe2::new(x0, x1), &Fe2::new(y0, y1));
    let f = f.select(&Fp12::one(token), infinite);
    store(&finalexp::final_exponentiation(&f), group.len(), out);
}

fn products8<V: Lane, const N: usize>(
    token: V::Token,
    prepared: &[&PreparedG2; N],
    group: &[[&Point1; N]],
    out: &mut Vec<Secret<GT_BYTES>>,
) {
    let points = core::array::from_fn(|k| {
        let [x, y] = load::<V, 2, _>(token, group.iter().map(|item| item[k]));
        (V::prepare(&x.0, &y.0), infinity::<V>(token, group.iter().map(|item| item[k][0])))
    });
    let f = miller::miller_product::<V, N>(token, &points, prepared);
    store(&finalexp::final_exponentiation(&f), group.len(), out);
}

fn powers8<V: Lane>(token: V::Token, group: &[(&[u8; GT_BYTES], &[u64; 4])], out: &mut Vec<Secret<GT_BYTES>>) {
    let c: [Fe<V>; 12] = load(token, group.iter().map(|(g, _)| *g));
    let fp2 = |k: usize| Fe2::new(c[2 * k], c[2 * k + 1]);
    let base = Fp12::new(Fp6::new(fp2(0), fp2(1), fp2(2)), Fp6::new(fp2(3), fp2(4), fp2(5)));
    let mut parts = [[0; LANES]; 4];
    for (lane, (_, k)) in group.iter().enumerate() {
        parts.iter_mut().zip(*k).for_each(|(part, k)| part[lane] = u128::from(*k));
    }
    store(&power_gt(token, &base, &parts), group.len(), out);
    parts.zeroize();
}

fn multiply_job<V: Lane>(token: V::Token, job: &[(&Point1, &[u128; 2])], out: &mut [Secret<96>]) {
    let mut sums = [[Fe::<V>::one(token).0; 3]; GROUPS];
    for (group, sum) in job.chunks(LANES).zip(&mut sums) {
        let p = projective_g1::<V>(token, group.iter().map(|(p, _)| *p));
        let mut parts = [[0; LANES]; 2];
        for (lane, (_, k)) in group.iter().enumerate() {
            (parts[0][lane], parts[1][lane]) = (k[0], k[1]);
        }
        *sum = multiply_g1(token, &p, &parts);
        parts.zeroize();
    }
    for (affine, out) in to_affine_g1::<V>(token, &sums).iter().zip(out.chunks_mut(LANES)) {
        encode::<V, 2>(&affine.0, affine.1, out.iter_mut().map(|o| &mut o.as_mut()[..]));
    }
}

fn fixed_job<V: Lane>(token: V::Token, table: &FixedG2, job: &[[u64; 4]], out: &mut [Point2]) {
    let mut sums = [[Fe2::<V>::one(token).0; 3]; GROUPS];
    for (group, sum) in job.chunks(LANES).zip(&mut sums) {
        let mut parts = [[0; LANES]; 4];
        for (lane, k) in group.iter().enumerate() {
            parts.iter_mut().zip(k).for_each(|(part, k)| part[lane] = u128::from(*k));
        }
        *sum = multiply_fixed_g2(token, table, &parts);
        parts.zeroize();
    }
    for (([x, y], infinite), out) in to_affine_g2::<V>(token, &sums).iter().zip(out.chunks_mut(LANES)) {
        encode::<V, 4>(&[x[1], x[0], y[1], y[0]], *infinite, out.iter_mut().map(|o| &mut o[..]));
    }
}

/// Compressed, infinity, the larger `y`.
pub(super) const FLAGS: u8 = 0xe0;
const INFINITY: u8 = 0x40;

/// All ones for each lane whose first byte has the flag of infinity.
fn infinity<V: Lane>(token: V::Token, first: impl Iterator<Item = u8>) -> V {
    let mut words = [0; LANES];
    words.iter_mut().zip(first).for_each(|(w, b)| *w = u64::from((b & INFINITY) / INFINITY).wrapping_neg());
    V::from_words(token, &words)
}

/// The points with `Z` one, or 0, 1, 0 for infinity.
pub(super) fn projective_g1<'a, V: Lane>(
    token: V::Token,
    points: impl Iterator<Item = &'a Point1> + Clone,
) -> Point<Raw<V>> {
    let infinite = infinity::<V>(token, points.clone().map(|p| p[0]));
    let [x, mut y] = load::<V, 2, _>(token, points);
    let (one, zero) = (Fe::<V>::one(token), Fe::<V>::zero(token));
    y = y.select(&one, infinite);
    [x.0, y.0, one.select(&zero, infinite).0]
}

/// The coordinates of a point for each lane, without flags; 0 where there is none.
pub(super) fn load<'a, V: Lane, const N: usize, const BYTES: usize>(
    token: V::Token,
    points: impl Iterator<Item = &'a [u8; BYTES]> + Clone,
) -> [Fe<V>; N] {
    core::array::from_fn(|k| {
        let mut words = [[0; 48]; LANES];
        for (word, point) in words.iter_mut().zip(points.clone()) {
            word.iter_mut().zip(point.iter().skip(48 * k)).for_each(|(w, b)| *w = *b);
            if k == 0 {
                word[0] &= !FLAGS;
            }
        }
        let (fe, _) = Fe::<V>::from_be_bytes(token, &words);
        words.zeroize();
        fe
    })
}

/// Coordinates in order, 48 bytes each, or infinity.
pub(super) fn encode<'a, V: Lane, const N: usize>(
    coordinates: &[Raw<V>; N],
    infinite: V,
    out: impl Iterator<Item = &'a mut [u8]>,
) {
    let infinite = infinite.to_words();
    let mut words = coordinates.map(|c| Fe::<V>::from_raw(c).to_be_bytes());
    for (lane, out) in out.enumerate() {
        let mask = infinite[lane] as u8;
        for (k, coordinate) in words.iter().enumerate() {
            for (o, w) in out.iter_mut().skip(48 * k).zip(&coordinate[lane]) {
                *o = w & !mask;
            }
        }
        if let Some(first) = out.first_mut() {
            *first |= mask & INFINITY;
        }
    }
    words.zeroize();
}

/// The first `n` lanes in the layout of SPEC.md 2.3.
fn store<V: Lane>(gt: &Fp12<V>, n: usize, out: &mut Vec<Secret<GT_BYTES>>) {
    let first = out.len();
    out.extend((0..n).map(|_| Secret::zero()));
    for (k, c) in gt.0.iter().flat_map(|half| half.0.iter().flatten()).enumerate() {
        let mut words = Fe::<V>::from_raw(*c).to_be_bytes();
        for (secret, word) in out.iter_mut().skip(first).zip(&words) {
            secret.as_mut().iter_mut().skip(48 * k).zip(word).for_each(|(o, w)| *o = *w);
        }
        words.zeroize();
    }
}
