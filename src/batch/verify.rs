//! Verifying many private keys.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::ops::Range;
use subtle::ConstantTimeEq;

use rand_core::TryCryptoRng;

use super::lanes::{Engine, Point1};
use super::locate::{Check, locate};
use super::scalar::g1;
use super::{
    BatchError, Options, Results, STACK, check_limit, groups, job_size, next, parallel, scatter, sum_size, weights,
};
use crate::curve::{G1, G2Prepared, Gt, multi_pairing_prepared};
use crate::declassify;
use crate::encoding::{G1_BYTES, lp};
use crate::error::{Error, KeyError};
use crate::ibe::extract::{PrivateKey, split};
use crate::ibe::{Identity, PublicParameters};
use crate::secret::{Secret, leaving_no_trace};

/// Reads and verifies stored or received keys, as [`PrivateKey::from_bytes`] does for one, each under its parameters.
///
/// The equation, the soundness of its batched form (an unnoticed false key: at most 2^-127) and how a false key is
/// found stand in the [module documentation](super).
///
/// # Errors
/// [`BatchError`] for the whole call; for an item those of [`PrivateKey::from_bytes`].
///
/// # Timing
/// Constant in the keys but for the verdicts.
pub fn verify_keys<'b, R: TryCryptoRng + ?Sized>(
    items: &[(&'b [u8], &PublicParameters)],
    options: &Options<'_>,
    rng: &mut R,
) -> Result<Results<PrivateKey>, BatchError> {
    leaving_no_trace::<STACK, _>(|| {
        check_limit(items.len())?;
        let read = |&(bytes, parameters): &(&'b [u8], &PublicParameters)| {
            let (header, point) = split(bytes)?;
            if header.fingerprint != *parameters.fingerprint() {
                return Err(Error::from(KeyError::OtherParameters));
            }
            parameters.check_identity(&header.identity)?;
            Ok((header.identity, point))
        };
        let mut parsed = Vec::with_capacity(items.len());
        let mut early: Vec<Option<Error>> = Vec::with_capacity(items.len());
        for item in items {
            let (read, failed) = match read(item) {
                Ok(read) => (Some(read), None),
                Err(e) => (None, Some(e)),
            };
            parsed.push(read);
            early.push(failed);
        }
        let lengths: Vec<[u8; 4]> = items.iter().map(|(bytes, _)| lp(bytes)).collect();
        let inputs =
            items.iter().zip(&lengths).flat_map(|((bytes, p), n)| -> [&[u8]; 3] { [p.fingerprint(), n, bytes] });
        let weights = weights::draw(items.len(), &inputs.collect::<Vec<_>>(), rng)?;
        let batch = Batch {
            engine: Engine::pick_for(items.len()),
            options,
            weights: &weights,
            source: Keys(|i: usize| {
                let (identity, point) = parsed[i].as_ref()?;
                Some((Given::Bytes(point), identity, items[i].1))
            }),
        };
        let (parts, bad) = batch.run(items.len())?;
        let release = |part: &Part<'_>| {
            part.verdicts(&bad, KeyError::NotGenuine.into(), |key| {
                let (identity, _) = parsed[key.place].as_ref().ok_or(KeyError::NotGenuine)?;
                Ok(PrivateKey::assemble(identity.clone(), key.parameters, g1(key.d.expose())))
            })
        };
        let found = parallel::map(&parts, &options.quiet(), |_| 1, release)?;
        Ok(scatter(early, found))
    })
}

/// Verifies keys that are loaded already, as [`PrivateKey::verify`] does for one, each under its parameters.
///
/// # Errors
/// [`BatchError`] for the whole call; for an item those of [`PrivateKey::verify`].
///
/// # Timing
/// Constant in the keys but for the verdicts.
pub fn verify_decoded<R: TryCryptoRng + ?Sized>(
    items: &[(&PrivateKey, &PublicParameters)],
    options: &Options<'_>,
    rng: &mut R,
) -> Result<Results<()>, BatchError> {
    leaving_no_trace::<STACK, _>(|| {
        check_limit(items.len())?;
        let other = |(key, p): &(&PrivateKey, &PublicParameters)| key.fingerprint() != p.fingerprint();
        let early: Vec<Option<Error>> =
            items.iter().map(|item| other(item).then(|| KeyError::OtherParameters.into())).collect();
        let lengths: Vec<[u8; 4]> = items.iter().map(|(key, _)| lp(key.identity().der())).collect();
        let inputs = items.iter().zip(&lengths).flat_map(|((key, p), n)| -> [&[u8]; 4] {
            [p.fingerprint(), n, key.identity().der(), key.encoded().expose()]
        });
        let weights = weights::draw(items.len(), &inputs.collect::<Vec<_>>(), rng)?;
        let batch = Batch {
            engine: Engine::pick_for(items.len()),
            options,
            weights: &weights,
            source: Keys(|i: usize| {
                let (key, parameters) = items[i];
                (!other(&items[i])).then(|| (Given::Point(key.point()), key.identity(), parameters))
            }),
        };
        let (parts, bad) = batch.run(items.len())?;
        let verdicts = |part: &Part<'_>| part.verdicts(&bad, KeyError::NotGenuine.into(), |_| Ok(()));
        Ok(scatter(early, parts.iter().map(verdicts).collect()))
    })
}

/// A key as the caller has it.
enum Given<'a> {
    /// Unchecked.
    Bytes(&'a [u8; G1_BYTES]),
    /// Decoded and checked when it was loaded.
    Point(&'a G1),
}

/// An item whose encoding is right, on its way to the product: genuine if `e(d, P2) = e(q, P_pub)`.
pub(super) struct Decoded<'a> {
    pub(super) place: usize,
    pub(super) d: Secret<{ 2 * G1_BYTES }>,
    /// As [`Engine::hash_raw`] gives it, if the source is [raw](Source::RAW).
    pub(super) q: Point1,
    pub(super) parameters: &'a PublicParameters,
}

/// What a job gives: its items in order, and those that failed.
pub(super) struct Part<'a> {
    pub(super) decoded: Vec<Decoded<'a>>,
    pub(super) failed: Vec<(usize, Error)>,
}

impl Part<'_> {
    /// The verdicts on the items of the job: `error` for those whose place is `bad`, what `good` makes of the others.
    pub(super) fn verdicts<T>(
        &self,
        bad: &BTreeSet<usize>,
        error: Error,
        good: impl Fn(&Decoded<'_>) -> Result<T, Error>,
    ) -> Vec<(usize, Result<T, Error>)> {
        let mut out = Vec::with_capacity(self.decoded.len() + self.failed.len());
        for key in &self.decoded {
            let verdict = if bad.contains(&key.place) { Err(error) } else { good(key) };
            out.push((key.place, verdict));
        }
        out.extend(self.failed.iter().map(|(place, e)| (*place, Err(*e))));
        out
    }
}

/// `sum z_i d_i` and `sum z_i Q_i`.
struct Sums {
    d: G1,
    q: G1,
}

impl Sums {
    fn total<'s>(parts: impl Iterator<Item = &'s Self>) -> Self {
        parts.fold(Self { d: G1::identity(), q: G1::identity() }, |a, b| Self { d: a.d.add(&b.d), q: a.q.add(&b.q) })
    }

    /// `e(sum z_i Q_i, P_pub) / e(sum z_i d_i, P2)`.
    fn product(&self, parameters: &PublicParameters) -> Gt {
        let terms = [(&self.d.neg(), G2Prepared::generator()), (&self.q, parameters.p_pub_prepared())];
        multi_pairing_prepared(&terms)
    }
}

/// Where the two sides of the equation come from.
pub(super) trait Source<'k>: Sync {
    /// Whether the right sides still want their cofactor cleared.
    const RAW: bool;

    /// The parameters of the item at a place, unless it has failed already.
    fn parameters(&self, place: usize) -> Option<&'k PublicParameters>;
    /// Decodes and hashes the items of one job that have not failed already.
    fn part(&self, engine: Engine, places: &[usize]) -> Part<'k>;
}

/// Private keys; the function gives the item at a place, unless it has failed already.
struct Keys<F>(F);

impl<'k, F: Fn(usize) -> Option<(Given<'k>, &'k Identity, &'k PublicParameters)> + Sync> Source<'k> for Keys<F> {
    const RAW: bool = true;

    fn parameters(&self, place: usize) -> Option<&'k PublicParameters> {
        Some((self.0)(place)?.2)
    }

    fn part(&self, engine: Engine, places: &[usize]) -> Part<'k> {
        let items: Vec<_> = places.iter().filter_map(|i| (self.0)(*i).map(|item| (*i, item))).collect();
        let bytes = items.iter().filter_map(|(_, (given, ..))| match given {
            Given::Bytes(b) => Some(*b),
            Given::Point(_) => None,
        });
        let from_bytes = engine.decode_keys(&bytes.collect::<Vec<_>>());
        let mut from_bytes = from_bytes.iter();
        let mut part = Part { decoded: Vec::with_capacity(items.len()), failed: Vec::new() };
        let ders: Vec<&[u8]> = items.iter().map(|(_, (_, identity, _))| identity.der()).collect();
        for ((place, (given, _, parameters)), q) in items.iter().zip(engine.hash_raw(&ders)) {
            let d = match given {
                Given::Point(d) => Ok(Secret::new(d.to_uncompressed())),
                Given::Bytes(_) => next(&mut from_bytes).as_ref().map(Secret::duplicate).map_err(|e| Error::from(*e)),
            };
            match d {
                Ok(d) => part.decoded.push(Decoded { place: *place, d, q, parameters }),
                Err(e) => part.failed.push((*place, e)),
            }
        }
        part
    }
}

pub(super) struct Batch<'a, S> {
    pub(super) engine: Engine,
    pub(super) options: &'a Options<'a>,
    pub(super) weights: &'a [u128],
    pub(super) source: S,
}

impl<'k, S: Source<'k>> Batch<'_, S> {
    /// All items that had not failed before, job by job, and the places of those that are not genuine.
    pub(super) fn run(&self, n: usize) -> Result<(Vec<Part<'k>>, BTreeSet<usize>), BatchError> {
        let size = job_size(n, self.options);
        let groups = groups((0..n).map(|i| Some(*self.source.parameters(i)?.fingerprint())));
        let jobs: Vec<(usize, &[usize])> =
            groups.iter().enumerate().flat_map(|(g, places)| places.chunks(size).map(move |c| (g, c))).collect();
        let parts =
            parallel::map(&jobs, self.options, |(_, c)| c.len(), |(_, places)| self.source.part(self.engine, places))?;
        let mut bad = BTreeSet::new();
        for group in 0..groups.len() {
            // The jobs of a group stand together.
            let own = || jobs.iter().zip(&parts).filter(|((g, _), _)| *g == group).map(|(_, part)| part);
            let keys: Vec<&Decoded<'_>> = own().flat_map(|part| &part.decoded).collect();
            let found = self.group(&keys)?;
            bad.extend(found.into_iter().filter_map(|i| keys.get(i)).map(|key| key.place));
        }
        Ok((parts, bad))
    }

    fn sums(&self, keys: &[&Decoded<'_>]) -> Sums {
        let weights: Vec<u128> = keys.iter().map(|k| self.weights[k.place]).collect();
        let d: Vec<&Point1> = keys.iter().map(|k| k.d.expose()).collect();
        let q: Vec<&Point1> = keys.iter().map(|k| &k.q).collect();
        Sums {
            d: g1(self.engine.weighted_sum(&d, &weights).expose()),
            q: g1(&match S::RAW {
                true => self.engine.public_sum_raw(&q, &weights),
                false => self.engine.public_sum(&q, &weights),
            }),
        }
    }

    /// The places, among `keys`, of those that are not genuine. All are of one district.
    fn group(&self, keys: &[&Decoded<'k>]) -> Result<Vec<usize>, BatchError> {
        let Some(first) = keys.first() else { return Ok(Vec::new()) };
        let mut search = Search { batch: self, keys, parameters: first.parameters };
        if keys.len() == 1 {
            return Ok(if search.singly(&[0])?.contains(&false) { alloc::vec![0] } else { Vec::new() });
        }
        let whole = search.product(0..keys.len())?;
        locate(keys.len(), whole, &mut search)
    }
}

/// The search for false keys in one group.
struct Search<'a, 'k, S> {
    batch: &'a Batch<'a, S>,
    keys: &'a [&'a Decoded<'k>],
    parameters: &'k PublicParameters,
}

impl<'k, S: Source<'k>> Check for Search<'_, 'k, S> {
    type Product = Gt;

    fn product(&mut self, range: Range<usize>) -> Result<Gt, BatchError> {
        let size = sum_size(range.len(), self.batch.options);
        let jobs: Vec<&[&Decoded<'_>]> = self.keys.get(range).unwrap_or(&[]).chunks(size).collect();
        let sums = parallel::map(&jobs, &self.batch.options.quiet(), |j| j.len(), |j| Box::new(self.batch.sums(j)))?;
        Ok(Sums::total(sums.iter().map(|s| &**s)).product(self.parameters))
    }

    fn is_one(&self, product: &Gt) -> bool {
        declassify::verdict("keys of a batch are genuine", product.ct_eq(&Gt::one()))
    }

    fn divide(&self, whole: &Gt, left: &Gt) -> Gt {
        whole.mul(&left.conjugate())
    }

    fn singly(&mut self, items: &[usize]) -> Result<Vec<bool>, BatchError> {
        let size = job_size(items.len(), self.batch.options);
        let jobs: Vec<&[usize]> = items.chunks(size).collect();
        let verdicts = parallel::map(
            &jobs,
            &self.batch.options.quiet(),
            |j| j.len(),
            |job| {
                let one = |i: &usize| self.keys.get(*i).map(|k| (k.d.expose(), &k.q));
                let items: Vec<_> = job.iter().filter_map(one).collect();
                self.batch.engine.verify_each(&items, S::RAW, self.parameters)
            },
        )?;
        Ok(verdicts.concat())
    }
}
