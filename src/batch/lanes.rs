//! The seam between batches and engines: what works on several items in lockstep is plugged in here and nowhere else.
//!
//! Every function takes the items of one job and gives one result each, in order. Points cross the seam uncompressed,
//! in the encodings of `curve` (G1: 96 bytes, G2: 192, infinity with its flag; big-endian, canonical), pairing values
//! in the layout of [`crate::encoding`] (576 bytes), so an engine needs no type of `curve` or `ibe`. Points that an
//! engine gives are trusted: in the subgroup, or checked where the function says so. Secrets come and go in [`Secret`];
//! an engine wipes its own temporaries and is constant time in them.
//!
//! | function | per item | secret |
//! | --- | --- | --- |
//! | [`Engine::extract`] | `Q = H1(ID)`, `d = [s]Q`, and two weighted sums | `s`, `d` |
//! | [`Engine::hash`] | `Q = H1(ID)` | |
//! | [`Engine::decode_keys`] | 48 bytes to a checked point of G1 | `d` |
//! | [`Engine::weighted_sum`] | one sum for all | points |
//! | [`Engine::verify_each`] | `e(d, P2) = e(Q, P_pub)` | `d` but for the verdict |
//! | [`Engine::generator_multiples`] | `[k]P2` | `k` |
//! | [`Engine::powers`] | `e([k]Q, P_pub)` | `k`, result |
//! | [`Engine::decode_points`] | 96 bytes to a checked point of G2 | |
//! | [`Engine::pairings`] | `e(P, Q)` | `P`, result |

use alloc::vec::Vec;

#[cfg(feature = "simd")]
use zeroize::Zeroizing;

use super::scalar;
use crate::curve::Scalar;
use crate::encoding::{G1_BYTES, G2_BYTES, GT_BYTES};
use crate::error::DecodeError;
use crate::ibe::PublicParameters;
use crate::secret::Secret;
#[cfg(feature = "simd")]
use crate::simd::{FixedG2, ROW, ROWS};

/// Items that an engine takes at once; jobs are whole multiples of it where that is possible.
pub(super) const LANES: usize = 8;
/// From how many messages to one identity on `e(Q_ID, P_pub)` and its powers are computed once.
pub(super) const CACHE_FROM: usize = 3;

/// From how many items on a group that is not full is faster in lockstep than one by one.
#[cfg(feature = "simd")]
const PAIRINGS_FROM: usize = 3;

/// The same for multiplications of points.
#[cfg(feature = "simd")]
const POINTS_FROM: usize = 3;

/// The multiples of the generator of G2 that the lockstep engine reads; computed once.
#[cfg(feature = "simd")]
fn generator() -> &'static FixedG2 {
    static TABLE: std::sync::OnceLock<FixedG2> = std::sync::OnceLock::new();
    TABLE.get_or_init(|| FixedG2::new(&scalar::multiples_g2(&crate::curve::G2::generator(), ROWS, ROW)))
}

/// How many of `n` items go in lockstep.
#[cfg(feature = "simd")]
const fn lockstep(n: usize, from: usize) -> usize {
    if n % LANES >= from { n } else { n - n % LANES }
}

/// A point of G1, uncompressed.
pub(super) type Point1 = [u8; 2 * G1_BYTES];
/// A point of G2, uncompressed.
pub(super) type Point2 = [u8; 2 * G2_BYTES];

/// What [`Engine::extract`] gives.
pub(super) struct Extracted {
    /// `d_i`.
    pub(super) keys: Vec<Secret<{ 2 * G1_BYTES }>>,
    /// `sum z_i Q_i`.
    pub(super) sum_q: Point1,
    /// `sum z_i d_i`.
    pub(super) sum_d: Secret<{ 2 * G1_BYTES }>,
}

/// Who does the arithmetic of a job. All engines give the same bytes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Engine {
    /// One item after the other, on the backend of `curve`.
    Scalar,
    /// Eight items in lockstep, and one after the other where that is faster.
    #[cfg(feature = "simd")]
    Lockstep(crate::simd::Engine),
}

impl Engine {
    /// The fastest one here.
    pub(super) fn pick() -> Self {
        #[cfg(feature = "simd")]
        if let Some(engine) = crate::simd::Engine::detect() {
            return Self::Lockstep(engine);
        }
        Self::Scalar
    }

    /// `scalar`, `avx512` or `emulated`.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            #[cfg(feature = "simd")]
            Self::Lockstep(engine) => engine.name(),
        }
    }

    /// `Q_i = H1(ID_i)` from the DER of the identities, `d_i = [s]Q_i`, `sum z_i Q_i` and `sum z_i d_i`.
    pub(super) fn extract(self, identities: &[&[u8]], s: &Scalar, weights: &[u128]) -> Extracted {
        scalar::extract(identities, s, weights)
    }

    /// `H1(ID_i)`.
    pub(super) fn hash(self, identities: &[&[u8]]) -> Vec<Point1> {
        scalar::hash(identities)
    }

    /// Secret compressed points, each with every check: canonical, on the curve, in the subgroup, not infinity.
    pub(super) fn decode_keys(self, keys: &[&[u8; G1_BYTES]]) -> Vec<Result<Secret<{ 2 * G1_BYTES }>, DecodeError>> {
        scalar::decode_keys(keys)
    }

    /// `sum z_i P_i`; complete, constant time in the points.
    pub(super) fn weighted_sum(self, points: &[&Point1], weights: &[u128]) -> Secret<{ 2 * G1_BYTES }> {
        scalar::weighted_sum(points, weights)
    }

    /// Whether `e(d_i, P2) = e(Q_i, P_pub_i)`, each exactly.
    pub(super) fn verify_each(self, items: &[(&Point1, &Point1, &PublicParameters)]) -> Vec<bool> {
        scalar::verify_each(items)
    }

    /// `[k_i]P2`.
    pub(super) fn generator_multiples(self, scalars: &[Scalar]) -> Vec<Point2> {
        match self {
            #[cfg(feature = "simd")]
            Self::Lockstep(engine) => {
                let (groups, rest) = scalars.split_at(lockstep(scalars.len(), POINTS_FROM));
                // Never grown: that would leave copies.
                let mut parts = Zeroizing::new(Vec::with_capacity(groups.len()));
                parts.extend(groups.iter().map(|k| *k.parts_g2()));
                let mut out = engine.multiply_fixed_g2(generator(), &parts);
                out.extend(scalar::generator_multiples(rest));
                out
            }
            Self::Scalar => scalar::generator_multiples(scalars),
        }
    }

    /// `e([k_i]Q_i, P_pub_i)`.
    pub(super) fn powers(self, items: &[(&Point1, &Scalar, &PublicParameters)]) -> Vec<Secret<GT_BYTES>> {
        match self {
            #[cfg(feature = "simd")]
            Self::Lockstep(engine) => {
                let (groups, rest) = items.split_at(lockstep(items.len(), PAIRINGS_FROM));
                let bases: Vec<_> = groups.iter().map(|(q, k, _)| (*q, *k)).collect();
                let points = self.multiply(&bases);
                let keys: Vec<_> = groups.iter().map(|(.., parameters)| parameters.p_pub().to_uncompressed()).collect();
                let pairs: Vec<_> = points.iter().zip(&keys).map(|(p, key)| (p.expose(), key)).collect();
                let mut out = engine.pairings(&pairs);
                out.extend(scalar::powers(rest));
                out
            }
            Self::Scalar => scalar::powers(items),
        }
    }

    /// `[k_i]P_i`.
    #[cfg(feature = "simd")]
    fn multiply(self, items: &[(&Point1, &Scalar)]) -> Vec<Secret<{ 2 * G1_BYTES }>> {
        match self {
            Self::Lockstep(engine) => {
                let (groups, rest) = items.split_at(lockstep(items.len(), POINTS_FROM));
                let mut parts = Zeroizing::new(Vec::with_capacity(groups.len()));
                parts.extend(groups.iter().map(|(_, k)| *k.parts_g1()));
                let groups: Vec<_> = groups.iter().zip(&*parts).map(|((p, _), k)| (*p, k)).collect();
                let mut out = engine.multiply_g1(&groups);
                out.extend(scalar::multiply(rest));
                out
            }
            Self::Scalar => scalar::multiply(items),
        }
    }

    /// Public compressed points `U_i` of encapsulations, each with every check.
    pub(super) fn decode_points(self, points: &[&[u8; G2_BYTES]]) -> Vec<Result<Point2, DecodeError>> {
        scalar::decode_points(points)
    }

    /// `e(P_i, Q_i)`; infinity gives one.
    pub(super) fn pairings(self, items: &[(&Point1, &Point2)]) -> Vec<Secret<GT_BYTES>> {
        match self {
            #[cfg(feature = "simd")]
            Self::Lockstep(engine) => {
                let (groups, rest) = items.split_at(lockstep(items.len(), PAIRINGS_FROM));
                let mut out = engine.pairings(groups);
                out.extend(scalar::pairings(rest));
                out
            }
            Self::Scalar => scalar::pairings(items),
        }
    }
}
