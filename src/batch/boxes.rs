//! Many sealed boxes, and one file for many recipients.

use alloc::vec::Vec;

use rand_core::TryCryptoRng;

use super::decapsulate::{decode, recover};
use super::encapsulate::{To, draw, run};
use super::lanes::Engine;
use super::{BatchError, Options, Results, STACK, all, check_limit, concat, next, parallel, ranges};
use crate::error::{Error, UsageError};
use crate::ibe::extract::PrivateKey;
use crate::ibe::file::Sealer;
use crate::ibe::kem::Encapsulation;
use crate::ibe::sealed::{BOX_LIMIT, SealedBox, seal_under};
use crate::secret::{Secret, SecretVec, leaving_no_trace};
use crate::suite::Aead;

/// A box to be sealed.
#[derive(Clone, Copy, Debug)]
pub struct SealItem<'a> {
    /// To whom.
    pub to: To<'a>,
    /// Associated data: what the box is for.
    pub ad: &'a [u8],
    /// At most [`BOX_LIMIT`] bytes.
    pub plaintext: &'a [u8],
}

/// A box to be opened.
#[derive(Clone, Copy, Debug)]
pub struct OpenItem<'a> {
    /// The box.
    pub sealed: &'a [u8],
    /// The keys that it may be for.
    pub keys: &'a [PrivateKey],
    /// Associated data, as it was sealed with.
    pub ad: &'a [u8],
}

/// Seals a box for each item, as [`crate::ibe::sealed::seal`] does for one: a key of its own for each, also where the
/// recipient or the plaintext is the same. One content for many recipients is smaller as a file, see [`sealer`].
///
/// Randomness: as [`encapsulate`](super::encapsulate()), so the boxes are those of a loop over the single operation.
///
/// # Errors
/// [`BatchError`] for the whole call; for an item those of [`encapsulate`](super::encapsulate()) and
/// [`UsageError::TooMany`] for a plaintext over [`BOX_LIMIT`].
///
/// # Timing
/// Constant in contents, varies with lengths.
pub fn seal<R: TryCryptoRng + ?Sized>(
    items: &[SealItem<'_>],
    aead: Aead,
    options: &Options<'_>,
    rng: &mut R,
) -> Result<Results<Vec<u8>>, BatchError> {
    leaving_no_trace::<STACK, _>(|| {
        check_limit(items.len())?;
        let fits = |item: &SealItem<'_>| match item.plaintext.len() {
            got if got > BOX_LIMIT => Err(Error::from(UsageError::TooMany { limit: BOX_LIMIT, got })),
            _ => Ok(()),
        };
        // What is too long draws nothing.
        let drawn_for: Vec<To<'_>> = items.iter().filter(|i| fits(i).is_ok()).map(|i| i.to).collect();
        let drawn = draw(&drawn_for, rng)?;
        let keys = run(Engine::pick(), &drawn_for, drawn, options)?;
        let mut keys = keys.iter();
        let mut keyed = Vec::with_capacity(items.len());
        for item in items {
            keyed.push((item, fits(item).and_then(|()| next(&mut keys).as_ref().map_err(|e| *e))));
        }
        let jobs: Vec<_> = ranges(keyed.len(), options).into_iter().map(|range| &keyed[range]).collect();
        let found = parallel::map(
            &jobs,
            &options.quiet(),
            |j| j.len(),
            |job| {
                let one = |(item, key): &(&SealItem<'_>, Result<&(Encapsulation, Secret<32>), Error>)| {
                    let (encapsulation, k) = (*key)?;
                    let encapsulated = (encapsulation.clone(), k.duplicate());
                    Ok(seal_under(item.to.identity(), encapsulated, aead, item.ad, item.plaintext))
                };
                job.iter().map(one).collect::<Results<_>>()
            },
        )?;
        Ok(concat(items.len(), found))
    })
}

/// Opens each box with whichever of its keys it names, as [`SealedBox::decode`] and [`SealedBox::open`] do for one.
///
/// # Errors
/// [`BatchError`] for the whole call; for an item those of the two single operations.
///
/// # Timing
/// Constant in the keys; varies with lengths, with how many keys fit and with which boxes were malformed.
pub fn open(items: &[OpenItem<'_>], options: &Options<'_>) -> Result<Results<SecretVec>, BatchError> {
    leaving_no_trace::<STACK, _>(|| {
        check_limit(items.len())?;
        let engine = Engine::pick();
        let jobs: Vec<_> = ranges(items.len(), options).into_iter().map(|range| &items[range]).collect();
        let found = parallel::map(&jobs, options, |j| j.len(), |job| open_job(engine, job))?;
        Ok(concat(items.len(), found))
    })
}

fn open_job(engine: Engine, job: &[OpenItem<'_>]) -> Results<SecretVec> {
    // First only as far as the encapsulations, whose points are decoded together; then the rest.
    let mut encapsulations = Vec::with_capacity(job.len());
    for item in job {
        let _ = SealedBox::decode_with(item.sealed, |bytes| {
            encapsulations.push(bytes);
            Err(Error::Decrypt)
        });
    }
    let mut points = decode(engine, &encapsulations).into_iter();
    let boxes = job.iter().map(|item| {
        // Asked for by exactly those boxes that had one to decode.
        SealedBox::decode_with(item.sealed, |_| next(&mut points)).and_then(|b| Ok((b.candidates(item.keys)?, b)))
    });
    let boxes: Vec<Result<_, Error>> = boxes.collect();
    let pairs = boxes.iter().flatten().flat_map(|(keys, b)| keys.iter().map(|key| (*key, b.encapsulation())));
    let recovered = recover(engine, &pairs.collect::<Vec<_>>());
    let mut recovered = recovered.iter();
    let one = |(item, b): (&OpenItem<'_>, &Result<(Vec<&PrivateKey>, SealedBox<'_>), Error>)| {
        let (keys, b) = b.as_ref().map_err(|e| *e)?;
        let mut out = Err(Error::Decrypt);
        for k in recovered.by_ref().take(keys.len()) {
            out = out.or_else(|_| b.open_under(k.duplicate(), item.ad));
        }
        out
    };
    job.iter().zip(&boxes).map(one).collect()
}

/// Begins a file for many recipients, as [`Sealer::new`] does: one content key, wrapped for each under a `sigma` of its
/// own, and the list of recipients bound to everything. Only the encapsulations run as a batch; the bytes are the same.
///
/// # Errors
/// [`BatchError::Items`] for recipients that cannot be encrypted to, [`BatchError::Call`] with the errors of
/// [`Sealer::new`].
pub fn sealer<R: TryCryptoRng + ?Sized>(
    recipients: &[To<'_>],
    aead: Aead,
    ad: &[u8],
    options: &Options<'_>,
    rng: &mut R,
) -> Result<(Sealer, Vec<u8>), BatchError> {
    leaving_no_trace::<STACK, _>(|| {
        let identities: Vec<_> = recipients.iter().map(To::identity).collect();
        let mut stopped = None;
        let out = Sealer::assemble(&identities, aead, ad, rng, |rng| {
            let encapsulated = super::encapsulate(recipients, options, rng).and_then(all);
            encapsulated.map_err(|e| {
                stopped = Some(e);
                // Not seen by anybody: what stopped the batch is reported instead.
                Error::Random
            })
        });
        match (out, stopped) {
            (_, Some(e)) => Err(e),
            (out, None) => out.map_err(|e| if e == Error::Random { BatchError::Random } else { BatchError::Call(e) }),
        }
    })
}
