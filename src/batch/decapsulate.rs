//! Decapsulating many keys.

use alloc::vec::Vec;

use super::lanes::{Engine, Point2};
use super::scalar::g2;
use super::{BatchError, Options, Results, STACK, check_limit, concat, next, parallel, ranges};
use crate::curve::Scalar;
use crate::encoding::{G2_BYTES, Reader};
use crate::error::{DecodeError, Error};
use crate::ibe::extract::PrivateKey;
use crate::ibe::identity::Purpose;
use crate::ibe::kem::{ENCAPSULATION_BYTES, Encapsulation, derive_k};
use crate::secret::{Secret, leaving_no_trace};

/// An encapsulation as the caller has it.
#[derive(Clone, Copy, Debug)]
pub enum Encapsulated<'a> {
    /// `U || V`, decoded and checked as part of the batch.
    Bytes(&'a [u8; ENCAPSULATION_BYTES]),
    /// Decoded already.
    Decoded(&'a Encapsulation),
}

impl<'a> From<&'a [u8; ENCAPSULATION_BYTES]> for Encapsulated<'a> {
    fn from(bytes: &'a [u8; ENCAPSULATION_BYTES]) -> Self {
        Self::Bytes(bytes)
    }
}

impl<'a> From<&'a Encapsulation> for Encapsulated<'a> {
    fn from(decoded: &'a Encapsulation) -> Self {
        Self::Decoded(decoded)
    }
}

/// Recovers the key of each encapsulation with its private key, as [`Encapsulation::decode`] and
/// [`Encapsulation::decapsulate`] do for one.
///
/// # Errors
/// [`BatchError`] for the whole call; for an item those of the two single operations. As there, a wrong key or a
/// damaged encapsulation is no error but gives a key that nobody knows.
///
/// # Timing
/// Constant in the private keys and in everything computed with them, also in whether the encapsulations were right.
/// Which encapsulations were malformed shows, as that needs no key.
pub fn decapsulate(
    items: &[(&PrivateKey, Encapsulated<'_>)],
    options: &Options<'_>,
) -> Result<Results<Secret<32>>, BatchError> {
    leaving_no_trace::<STACK, _>(|| {
        check_limit(items.len())?;
        let engine = Engine::pick();
        let jobs: Vec<_> = ranges(items.len(), options).into_iter().map(|range| &items[range]).collect();
        let found = parallel::map(
            &jobs,
            options,
            |j| j.len(),
            |job| {
                let bytes = job.iter().filter_map(|(_, e)| match e {
                    Encapsulated::Bytes(bytes) => Some(*bytes),
                    Encapsulated::Decoded(_) => None,
                });
                let mut decoded = decode(engine, &bytes.collect::<Vec<_>>()).into_iter();
                let ready = job.iter().map(|(key, e)| {
                    let e = match e {
                        Encapsulated::Bytes(_) => next(&mut decoded)?,
                        Encapsulated::Decoded(e) => (*e).clone(),
                    };
                    key.check_purpose(Purpose::Decrypt)?;
                    Ok((*key, e))
                });
                let ready: Vec<Result<_, Error>> = ready.collect();
                let pairs: Vec<_> = ready.iter().flatten().map(|(key, e)| (*key, e)).collect();
                let keys = recover(engine, &pairs);
                let mut keys = keys.iter();
                let one = |r: &Result<_, Error>| r.as_ref().map(|_| next(&mut keys).duplicate()).map_err(|e| *e);
                ready.iter().map(one).collect::<Results<_>>()
            },
        )?;
        Ok(concat(items.len(), found))
    })
}

/// [`Encapsulation::decode`] for a job.
pub(super) fn decode(engine: Engine, items: &[&[u8; ENCAPSULATION_BYTES]]) -> Results<Encapsulation> {
    let parts = items.iter().map(|bytes| {
        let mut r = Reader::new(*bytes);
        Ok((r.array::<G2_BYTES>("U")?, *r.array::<32>("V")?))
    });
    let parts: Vec<Result<_, DecodeError>> = parts.collect();
    let mut points = engine.decode_points(&parts.iter().flatten().map(|(u, _)| *u).collect::<Vec<_>>()).into_iter();
    let one = |part: &Result<(&[u8; G2_BYTES], [u8; 32]), DecodeError>| {
        let (u, v) = (*part)?;
        let point = next(&mut points)?;
        Ok(Encapsulation::from_checked(g2(&point), *u, v))
    };
    parts.iter().map(one).collect()
}

/// [`Encapsulation::decapsulate`] for a job of decryption keys.
pub(super) fn recover(engine: Engine, items: &[(&PrivateKey, &Encapsulation)]) -> Vec<Secret<32>> {
    let points: Vec<(Secret<96>, Point2)> = items
        .iter()
        .map(|(key, e)| (Secret::new(key.point().to_uncompressed()), e.point().to_uncompressed()))
        .collect();
    let gt = engine.pairings(&points.iter().map(|(d, u)| (d.expose(), u)).collect::<Vec<_>>());
    let sigma: Vec<Secret<32>> = items.iter().zip(&gt).map(|((key, e), gt)| e.unmask(key, gt)).collect();
    let k: Vec<Scalar> = items.iter().zip(&sigma).map(|((key, _), s)| derive_k(s, key.pkctx())).collect();
    let again = engine.generator_multiples(&k);
    items.iter().zip(&sigma).zip(&again).map(|(((key, e), sigma), u)| e.settle(key, sigma, &g2(u))).collect()
}
