//! Verifying many signatures.

use alloc::vec::Vec;

use rand_core::TryCryptoRng;

use super::lanes::Engine;
use super::scalar::g1;
use super::verify::{Batch, Decoded, Part, Source};
use super::{BatchError, Options, Results, STACK, check_limit, scatter, weights};
use crate::curve::G1;
use crate::encoding::G1_BYTES;
use crate::error::{DecodeError, Error, PeerError};
use crate::ibe::extract::pkctx;
use crate::ibe::sign::{challenge, check_signer, digest, split};
use crate::ibe::{Identity, PublicParameters};
use crate::secret::leaving_no_trace;

/// A signature with all that it stands for.
#[derive(Clone, Copy, Debug)]
pub struct SignedItem<'a> {
    /// The parameters of the signer's KGS.
    pub parameters: &'a PublicParameters,
    /// Who is said to have signed.
    pub identity: &'a Identity,
    /// What the signature is for.
    pub context: &'a [u8],
    /// What was signed.
    pub message: &'a [u8],
    /// `T || S`.
    pub signature: &'a [u8],
}

/// Verifies signatures, as [`crate::ibe::sign::verify`] does one by one: each with every check of its two points, then one
/// product of two pairings for all those of one KGS, `e(sum z_i S_i, P2) = e(sum z_i (T_i + [h_i]Q_i), P_pub)`.
///
/// The soundness of that (an unnoticed false signature: at most 2^-127) and how a false one is found stand in the
/// [module documentation](super).
///
/// # Errors
/// [`BatchError`] for the whole call; for an item those of [`crate::ibe::sign::verify`].
///
/// # Timing
/// Nothing here is secret.
pub fn verify_signatures<R: TryCryptoRng + ?Sized>(
    items: &[SignedItem<'_>],
    options: &Options<'_>,
    rng: &mut R,
) -> Result<Results<()>, BatchError> {
    leaving_no_trace::<STACK, _>(|| {
        check_limit(items.len())?;
        let mut read = Vec::with_capacity(items.len());
        let mut early: Vec<Option<Error>> = Vec::with_capacity(items.len());
        for item in items {
            let (ready, failed) = match Ready::of(item) {
                Ok(ready) => (Some(ready), None),
                Err(e) => (None, Some(e)),
            };
            read.push(ready);
            early.push(failed);
        }
        let inputs: Vec<&[u8]> = (read.iter().flatten())
            .flat_map(|r| -> [&[u8]; 4] { [r.parameters.fingerprint(), &r.m, r.t, r.s] })
            .collect();
        let weights = weights::draw(items.len(), &inputs, rng)?;
        let engine = Engine::pick_for(items.len());
        let batch = Batch { engine, options, weights: &weights, source: Signatures(&read) };
        let (parts, bad) = batch.run(items.len())?;
        let verdicts = |part: &Part<'_>| part.verdicts(&bad, PeerError::Signature.into(), |_| Ok(()));
        Ok(scatter(early, parts.iter().map(verdicts).collect()))
    })
}

/// A signature whose signer and length are right.
struct Ready<'a> {
    parameters: &'a PublicParameters,
    identity: &'a Identity,
    m: [u8; 32],
    t: &'a [u8; G1_BYTES],
    s: &'a [u8; G1_BYTES],
}

impl<'a> Ready<'a> {
    fn of(item: &SignedItem<'a>) -> Result<Self, Error> {
        let SignedItem { parameters, identity, context, message, signature } = *item;
        check_signer(parameters, identity, context)?;
        let (t, s) = split(signature)?;
        Ok(Self { parameters, identity, m: digest(&pkctx(parameters, identity), context, message), t, s })
    }
}

struct Signatures<'r, 'k>(&'r [Option<Ready<'k>>]);

impl<'k> Source<'k> for Signatures<'_, 'k> {
    const RAW: bool = false;

    fn parameters(&self, place: usize) -> Option<&'k PublicParameters> {
        Some(self.0.get(place)?.as_ref()?.parameters)
    }

    fn part(&self, engine: Engine, places: &[usize]) -> Part<'k> {
        let items: Vec<(usize, &Ready<'k>)> =
            places.iter().filter_map(|i| Some((*i, self.0.get(*i)?.as_ref()?))).collect();
        let ts = engine.decode_keys(&items.iter().map(|(_, r)| r.t).collect::<Vec<_>>());
        let ss = engine.decode_keys(&items.iter().map(|(_, r)| r.s).collect::<Vec<_>>());
        let qs = engine.hash(&items.iter().map(|(_, r)| r.identity.der()).collect::<Vec<_>>());
        let hs: Vec<_> = items.iter().map(|(_, r)| challenge(&r.m, r.t)).collect();
        let hqs = engine.multiply(&qs.iter().zip(&hs).collect::<Vec<_>>());
        let mut part = Part { decoded: Vec::with_capacity(items.len()), failed: Vec::new() };
        for ((((place, item), t), s), hq) in items.iter().zip(ts).zip(ss).zip(&hqs) {
            let named = |what| move |e: DecodeError| DecodeError::new(what, e.reason);
            match t.map_err(named("T")).and_then(|t| Ok((t, s.map_err(named("S"))?))) {
                Ok((t, d)) => {
                    let right: G1 = g1(t.expose()).add(&g1(hq.expose()));
                    if bool::from(right.is_identity()) {
                        // Then S, which is not infinity, is wrong; engines need not know of such points.
                        part.failed.push((*place, PeerError::Signature.into()));
                    } else {
                        let (q, parameters) = (right.to_uncompressed(), item.parameters);
                        part.decoded.push(Decoded { place: *place, d, q, parameters });
                    }
                }
                Err(e) => part.failed.push((*place, e.into())),
            }
        }
        part
    }
}
