//! Several messages to one identity: `e(Q_ID, P_pub)` once, then a power of it for each message.
//!
//! The scalar engine makes a table of powers. The one in lockstep needs none: its powers cost a third of a pairing, so the value is
//! enough, and worth it from the second message on.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

#[cfg(feature = "simd")]
use zeroize::Zeroizing;

use super::lanes::Engine;
use super::{BatchError, Options, parallel};
use crate::curve::Scalar;
use crate::encoding::GT_BYTES;
use crate::ibe::kem::Recipient;
use crate::ibe::{Identity, PublicParameters};
use crate::secret::Secret;

/// Most identities of one call for which a table of powers is computed, 27 KB each.
const TABLES: usize = 1024;
/// From how many messages to one identity on its table pays (decision 34).
const TABLE_FROM: usize = 3;
/// From how many messages on the value pays, where there is no table.
#[cfg(feature = "simd")]
const VALUE_FROM: usize = 2;

/// What is known of identities that occur often, by their contexts.
pub(super) enum Tables {
    /// With their tables.
    Recipients(BTreeMap<[u8; 32], Recipient>),
    /// `e(Q_ID, P_pub)`, which everybody can compute.
    #[cfg(feature = "simd")]
    Values(crate::simd::Engine, BTreeMap<[u8; 32], [u8; GT_BYTES]>),
}

/// An identity that one can encrypt to, and its context.
pub(super) type Known<'a> = ([u8; 32], &'a PublicParameters, &'a Identity);

impl Tables {
    /// For identities, once for each use, and for recipients that the caller has cached.
    ///
    /// # Errors
    /// [`BatchError::Cancelled`].
    pub(super) fn new<'a>(
        engine: Engine,
        identities: impl Iterator<Item = Known<'a>>,
        cached: impl Iterator<Item = &'a Recipient>,
        options: &Options<'_>,
    ) -> Result<Self, BatchError> {
        let mut uses = BTreeMap::<[u8; 32], (usize, Known<'_>)>::new();
        for known in identities {
            uses.entry(known.0).or_insert((0, known)).0 += 1;
        }
        let often = |from: usize| uses.values().filter(move |(n, _)| *n >= from).map(|(_, known)| *known);
        match engine {
            #[cfg(feature = "simd")]
            Engine::Lockstep(lanes) => {
                let often: Vec<_> = often(VALUE_FROM).collect();
                let jobs: Vec<_> = often.chunks(super::job_size(often.len(), options)).collect();
                let values = parallel::map(&jobs, &options.quiet(), |job| job.len(), |job| values(engine, job))?;
                let mut values: BTreeMap<_, _> = often.iter().map(|known| known.0).zip(values.concat()).collect();
                let own = cached.filter_map(|r| Some((*r.pkctx(), *r.value()?.to_bytes().expose())));
                values.extend(own);
                Ok(Self::Values(lanes, values))
            }
            Engine::Scalar => {
                drop(cached);
                let often: Vec<_> = often(TABLE_FROM).take(TABLES).collect();
                let one = |(ctx, parameters, identity): &Known<'_>| {
                    // It cannot fail: every one of them has been checked.
                    Recipient::cached(parameters, identity).map(|r| (*ctx, r))
                };
                let computed = parallel::map(&often, &options.quiet(), |_| 1, one)?;
                Ok(Self::Recipients(computed.into_iter().flatten().collect()))
            }
        }
    }

    /// Whether powers for this context come from here, given the caller's recipient.
    pub(super) fn has(&self, ctx: &[u8; 32], recipient: Option<&Recipient>) -> bool {
        match self {
            Self::Recipients(known) => recipient.is_some() || known.contains_key(ctx),
            #[cfg(feature = "simd")]
            Self::Values(_, known) => known.contains_key(ctx),
        }
    }

    /// `e(Q_i, P_pub_i)^(k_i)` for items that it has.
    pub(super) fn powers(&self, items: &[(&[u8; 32], Option<&Recipient>, &Scalar)]) -> Vec<Secret<GT_BYTES>> {
        match self {
            Self::Recipients(known) => {
                let one = |(ctx, own, k): &(&[u8; 32], Option<&Recipient>, &Scalar)| {
                    own.or_else(|| known.get(*ctx)).map(|recipient| recipient.power(k).to_bytes())
                };
                items.iter().filter_map(one).collect()
            }
            #[cfg(feature = "simd")]
            Self::Values(lanes, known) => {
                // Never grown: that would leave copies.
                let mut parts = Zeroizing::new(Vec::with_capacity(items.len()));
                parts.extend(items.iter().map(|(.., k)| *k.parts_g2()));
                let bases = items.iter().filter_map(|(ctx, ..)| known.get(*ctx));
                lanes.powers_gt(&bases.zip(&*parts).collect::<Vec<_>>())
            }
        }
    }
}

/// `e(Q_ID, P_pub)`.
#[cfg(feature = "simd")]
fn values(engine: Engine, job: &[Known<'_>]) -> Vec<[u8; GT_BYTES]> {
    let hashes = engine.hash(&job.iter().map(|(.., id)| id.der()).collect::<Vec<_>>());
    let keys: Vec<_> = job.iter().map(|(_, p, _)| p.p_pub().to_uncompressed()).collect();
    let pairs: Vec<_> = hashes.iter().zip(&keys).collect();
    engine.pairings(&pairs).iter().map(|value| *value.expose()).collect()
}
