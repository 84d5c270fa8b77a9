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
//! | [`Engine::hash`] | `Q = H1(ID)` | |
//! | [`Engine::hash_raw`] | a point that gives `Q` when the cofactor is cleared | |
//! | [`Engine::multiply`] | `[k]P` | `k`, `P`, result |
//! | [`Engine::decode_keys`] | 48 bytes to a checked point of G1 | `d` |
//! | [`Engine::weighted_sum`] | one sum for all | points |
//! | [`Engine::public_sum`], [`Engine::public_sum_raw`] | one sum for all | |
//! | [`Engine::verify_each`] | `e(d, P2) = e(Q, P_pub)` | `d` but for the verdict |
//! | [`Engine::generator_multiples`] | `[k]P2` | `k` |
//! | [`Engine::powers`] | `e([k]Q, P_pub)` | `k`, result |
//! | [`Engine::decode_points`] | 96 bytes to a checked point of G2 | |
//! | [`Engine::pairings`] | `e(P, Q)` | `P`, result |

#[cfg(feature = "simd")]
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

#[cfg(feature = "simd")]
use subtle::{Choice, ConstantTimeEq};
#[cfg(feature = "simd")]
use zeroize::Zeroizing;

use super::scalar;
#[cfg(feature = "simd")]
use super::scalar::g1;
#[cfg(feature = "simd")]
use super::{concat, hand_over, next};
use crate::curve::Scalar;
#[cfg(feature = "simd")]
use crate::curve::{G1, G2, Gt};
#[cfg(feature = "simd")]
use crate::declassify;
use crate::encoding::{G1_BYTES, G2_BYTES, GT_BYTES};
use crate::error::DecodeError;
use crate::ibe::PublicParameters;
use crate::secret::Secret;
#[cfg(feature = "simd")]
use crate::simd::{FixedG2, PreparedG2, ROW, ROWS};

/// Items that an engine takes at once; jobs are whole multiples of it where that is possible.
pub(super) const LANES: usize = 8;

/// From how many items on a group that is not full is faster in lockstep than one by one.
#[cfg(feature = "simd")]
const PAIRINGS_FROM: usize = 3;

/// The same for points: decoding, hashing, multiplication.
pub(super) const POINTS_FROM: usize = 3;

/// The multiples of the generator of G2 that the lockstep engine reads; computed once.
#[cfg(feature = "simd")]
fn generator() -> &'static FixedG2 {
    static TABLE: std::sync::OnceLock<FixedG2> = std::sync::OnceLock::new();
    TABLE.get_or_init(|| FixedG2::new(&scalar::multiples_g2(&crate::curve::G2::generator(), ROWS, ROW)))
}

/// What hashing begins with, for each identity.
#[cfg(feature = "simd")]
fn expand_all(identities: &[&[u8]]) -> Vec<[u8; 128]> {
    identities.iter().map(|der| super::expand::expand_message(der)).collect()
}

/// From how many items on the lines of a public key are computed beforehand: the price of about ten items' gain.
#[cfg(feature = "simd")]
const PREPARE_FROM: usize = 16;

/// The lines of public keys, by the fingerprint of their parameters.
#[derive(Default)]
pub(super) struct Prepared(#[cfg(feature = "simd")] BTreeMap<[u8; 32], PreparedG2>);

#[cfg(feature = "simd")]
impl Prepared {
    /// Those of the one key that all items have.
    fn common(&self, items: &[(&Point1, &Scalar, &PublicParameters)]) -> Option<&PreparedG2> {
        let fingerprint = items.first()?.2.fingerprint();
        items.iter().all(|(.., p)| p.fingerprint() == fingerprint).then(|| self.0.get(fingerprint))?
    }
}

/// Secrets one after the other, without leaving copies.
#[cfg(feature = "simd")]
fn join<T>(first: Vec<T>, rest: Vec<T>) -> Vec<T> {
    if rest.is_empty() { first } else { concat(first.len() + rest.len(), alloc::vec![first, rest]) }
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

    /// The fastest one for a call of so many items, where the engine must not change in between.
    pub(super) fn pick_for(items: usize) -> Self {
        if items < POINTS_FROM { Self::Scalar } else { Self::pick() }
    }

    /// `scalar`, `avx512` or `emulated`.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            #[cfg(feature = "simd")]
            Self::Lockstep(engine) => engine.name(),
        }
    }

    /// `H1(ID_i)` from the DER of the identities.
    pub(super) fn hash(self, identities: &[&[u8]]) -> Vec<Point1> {
        match self {
            #[cfg(feature = "simd")]
            Self::Lockstep(engine) => {
                let (groups, rest) = identities.split_at(lockstep(identities.len(), POINTS_FROM));
                let mut out = engine.hash_g1(&expand_all(groups), true);
                out.extend(scalar::hash(rest));
                out
            }
            Self::Scalar => scalar::hash(identities),
        }
    }

    /// Points of the curve that become `H1(ID_i)` when the cofactor is cleared, which commutes with sums: for
    /// [`Engine::public_sum_raw`] and [`Engine::verify_each`] of the same engine alone.
    pub(super) fn hash_raw(self, identities: &[&[u8]]) -> Vec<Point1> {
        match self {
            #[cfg(feature = "simd")]
            Self::Lockstep(engine) => engine.hash_g1(&expand_all(identities), false),
            Self::Scalar => scalar::hash_raw(identities),
        }
    }

    /// Secret compressed points, each with every check: canonical, on the curve, in the subgroup, not infinity.
    pub(super) fn decode_keys(self, keys: &[&[u8; G1_BYTES]]) -> Vec<Result<Secret<{ 2 * G1_BYTES }>, DecodeError>> {
        match self {
            #[cfg(feature = "simd")]
            Self::Lockstep(engine) => {
                let (groups, rest) = keys.split_at(lockstep(keys.len(), POINTS_FROM));
                let mut out = Vec::with_capacity(keys.len());
                let mut given = groups.iter();
                hand_over(engine.decode_g1(groups), |(d, valid)| {
                    let key = next(&mut given);
                    // Only a refused encoding is looked at further, for the reason.
                    match declassify::verdict("secret point is valid", Choice::from(valid)) {
                        true => out.push(Ok(d)),
                        false => out.extend(scalar::decode_keys(&[key])),
                    }
                });
                hand_over(scalar::decode_keys(rest), |d| out.push(d));
                out
            }
            Self::Scalar => scalar::decode_keys(keys),
        }
    }

    /// A sum of multiples of the points; complete, constant time in the points. The multipliers come from the weights, each its own:
    /// the weight itself, or what [`crate::simd::Engine::weighted_sum_g1_vartime`] makes of it.
    pub(super) fn weighted_sum(self, points: &[&Point1], weights: &[u128]) -> Secret<{ 2 * G1_BYTES }> {
        match self {
            #[cfg(feature = "simd")]
            Self::Lockstep(engine) => {
                let parts = engine.weighted_sum_g1_vartime(points, weights);
                let shifted = |sum: G1| (0..8).fold(sum, |sum, _| sum.double());
                let sum = parts.iter().rev().fold(G1::identity(), |sum, part| shifted(sum).add(&g1(part.expose())));
                Secret::new(sum.to_uncompressed())
            }
            Self::Scalar => scalar::weighted_sum(points, weights),
        }
    }

    /// The same multiples of public points, summed up.
    pub(super) fn public_sum(self, points: &[&Point1], weights: &[u128]) -> Point1 {
        match self {
            #[cfg(feature = "simd")]
            Self::Lockstep(_) => *self.weighted_sum(points, weights).expose(),
            Self::Scalar => scalar::public_sum(points, weights),
        }
    }

    /// The same multiples of the hashes that these points become, summed up.
    pub(super) fn public_sum_raw(self, raw: &[&Point1], weights: &[u128]) -> Point1 {
        let sum = self.public_sum(raw, weights);
        match self {
            #[cfg(feature = "simd")]
            Self::Lockstep(engine) => engine.clear_cofactor(&[&sum]).pop().unwrap_or(sum),
            Self::Scalar => scalar::clear_cofactor(&sum),
        }
    }

    /// Whether `e(d_i, P2) = e(Q_i, P_pub)`, each exactly; `raw` if `Q_i` comes from [`Engine::hash_raw`].
    pub(super) fn verify_each(
        self,
        items: &[(&Point1, &Point1)],
        raw: bool,
        parameters: &PublicParameters,
    ) -> Vec<bool> {
        match self {
            #[cfg(feature = "simd")]
            Self::Lockstep(engine) => {
                let given: Vec<_> = items.iter().map(|(_, q)| *q).collect();
                let cleared = if raw { engine.clear_cofactor(&given) } else { Vec::new() };
                let points = if raw { cleared.iter().collect() } else { given };
                let pairs: Vec<_> = items.iter().zip(points).map(|((d, _), q)| [*d, q]).collect();
                let p_pub = engine.prepare_g2(&parameters.p_pub().to_uncompressed());
                let minus = engine.prepare_g2(&G2::generator().neg().to_uncompressed());
                let one = Gt::one().to_bytes();
                let genuine = |product: &Secret<GT_BYTES>| {
                    declassify::verdict("key of a batch is genuine", product.expose().ct_eq(one.expose()))
                };
                engine.prepared_products(&[&minus, &p_pub], &pairs).iter().map(genuine).collect()
            }
            Self::Scalar => scalar::verify_each(items, raw, parameters),
        }
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

    /// What [`Engine::powers`] wants of the public keys of all items of a call: those that occur often enough.
    pub(super) fn prepare<'a>(self, parameters: impl Iterator<Item = &'a PublicParameters>) -> Prepared {
        match self {
            #[cfg(feature = "simd")]
            Self::Lockstep(engine) => {
                let mut uses = BTreeMap::<[u8; 32], (usize, &PublicParameters)>::new();
                for parameters in parameters {
                    uses.entry(*parameters.fingerprint()).or_insert((0, parameters)).0 += 1;
                }
                let often = uses.into_iter().filter(|(_, (n, _))| *n >= PREPARE_FROM);
                let lines = |p: &PublicParameters| engine.prepare_g2(&p.p_pub().to_uncompressed());
                Prepared(often.map(|(fingerprint, (_, parameters))| (fingerprint, lines(parameters))).collect())
            }
            // The backend has its own, in the parameters.
            Self::Scalar => {
                drop(parameters);
                Prepared::default()
            }
        }
    }

    /// `e([k_i]Q_i, P_pub_i)`.
    #[cfg_attr(not(feature = "simd"), allow(unused_variables))]
    pub(super) fn powers(
        self,
        items: &[(&Point1, &Scalar, &PublicParameters)],
        prepared: &Prepared,
    ) -> Vec<Secret<GT_BYTES>> {
        match self {
            #[cfg(feature = "simd")]
            Self::Lockstep(engine) => {
                let (groups, rest) = items.split_at(lockstep(items.len(), PAIRINGS_FROM));
                let bases: Vec<_> = groups.iter().map(|(q, k, _)| (*q, *k)).collect();
                let points = self.multiply(&bases);
                let out = match prepared.common(groups) {
                    Some(lines) => {
                        let points: Vec<_> = points.iter().map(|p| [p.expose()]).collect();
                        engine.prepared_products(&[lines], &points)
                    }
                    None => {
                        let keys: Vec<_> = groups.iter().map(|(.., p)| p.p_pub().to_uncompressed()).collect();
                        let pairs: Vec<_> = points.iter().zip(&keys).map(|(p, key)| (p.expose(), key)).collect();
                        engine.pairings(&pairs)
                    }
                };
                join(out, scalar::powers(rest))
            }
            Self::Scalar => scalar::powers(items),
        }
    }

    /// `[k_i]P_i`.
    pub(super) fn multiply(self, items: &[(&Point1, &Scalar)]) -> Vec<Secret<{ 2 * G1_BYTES }>> {
        match self {
            #[cfg(feature = "simd")]
            Self::Lockstep(engine) => {
                let (groups, rest) = items.split_at(lockstep(items.len(), POINTS_FROM));
                let mut parts = Zeroizing::new(Vec::with_capacity(groups.len()));
                parts.extend(groups.iter().map(|(_, k)| *k.parts_g1()));
                let groups: Vec<_> = groups.iter().zip(&*parts).map(|((p, _), k)| (*p, k)).collect();
                join(engine.multiply_g1(&groups), scalar::multiply(rest))
            }
            Self::Scalar => scalar::multiply(items),
        }
    }

    /// Public compressed points `U_i` of encapsulations, each with every check.
    pub(super) fn decode_points(self, points: &[&[u8; G2_BYTES]]) -> Vec<Result<Point2, DecodeError>> {
        match self {
            #[cfg(feature = "simd")]
            Self::Lockstep(engine) => {
                let (groups, rest) = points.split_at(lockstep(points.len(), POINTS_FROM));
                let mut out = Vec::with_capacity(points.len());
                for ((u, valid), bytes) in engine.decode_g2(groups).into_iter().zip(groups) {
                    match valid == 1 {
                        true => out.push(Ok(u)),
                        false => out.extend(scalar::decode_points(&[bytes])),
                    }
                }
                out.extend(scalar::decode_points(rest));
                out
            }
            Self::Scalar => scalar::decode_points(points),
        }
    }

    /// `e(P_i, Q_i)`; infinity gives one.
    pub(super) fn pairings(self, items: &[(&Point1, &Point2)]) -> Vec<Secret<GT_BYTES>> {
        match self {
            #[cfg(feature = "simd")]
            Self::Lockstep(engine) => {
                let (groups, rest) = items.split_at(lockstep(items.len(), PAIRINGS_FROM));
                join(engine.pairings(groups), scalar::pairings(rest))
            }
            Self::Scalar => scalar::pairings(items),
        }
    }
}
