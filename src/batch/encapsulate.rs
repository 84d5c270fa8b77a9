//! Encapsulating keys to many recipients.

use alloc::vec::Vec;
use core::ops::Range;

use rand_core::TryCryptoRng;

use super::lanes::{Engine, Point1, Prepared};
use super::scalar::g2;
use super::tables::Tables;
use super::{BatchError, Options, Results, STACK, check_limit, concat, next, parallel, ranges};
use crate::curve::Scalar;
use crate::error::Error;
use crate::ibe::extract::pkctx;
use crate::ibe::kem::{Encapsulation, Recipient, check_recipient, derive_k};
use crate::ibe::{Identity, PublicParameters};
use crate::secret::{Secret, leaving_no_trace};

/// To whom.
#[derive(Clone, Copy, Debug)]
pub enum To<'a> {
    /// An identity under its parameters; checked and hashed as part of the batch.
    Identity(&'a PublicParameters, &'a Identity),
    /// A recipient that is prepared already. A [cached](Recipient::cached) one saves the pairing.
    Recipient(&'a Recipient),
}

impl<'a> To<'a> {
    /// The identity.
    pub const fn identity(&self) -> &'a Identity {
        match self {
            Self::Identity(_, identity) => identity,
            Self::Recipient(recipient) => recipient.identity(),
        }
    }

    const fn parameters(&self) -> &'a PublicParameters {
        match self {
            Self::Identity(parameters, _) => parameters,
            Self::Recipient(recipient) => recipient.parameters(),
        }
    }

    /// The KEM's context, if one can encrypt to it.
    fn context(&self) -> Result<[u8; 32], Error> {
        match self {
            Self::Identity(parameters, identity) => {
                check_recipient(parameters, identity)?;
                Ok(pkctx(parameters, identity))
            }
            Self::Recipient(recipient) => Ok(*recipient.pkctx()),
        }
    }
}

impl<'a> From<&'a Recipient> for To<'a> {
    fn from(recipient: &'a Recipient) -> Self {
        Self::Recipient(recipient)
    }
}

/// Encapsulates a fresh key to each, as [`Recipient::encapsulate`] does for one.
///
/// Each item that can be encrypted to draws its 32 bytes `sigma` from `rng`, in order and before anything is computed;
/// so the results are those of a loop over the single operation with the same generator. `e(Q_ID, P_pub)` of an
/// identity that occurs several times is computed once.
///
/// # Errors
/// [`BatchError`] for the whole call; for an item those of [`Recipient::new`].
///
/// # Timing
/// Constant in everything drawn.
pub fn encapsulate<R: TryCryptoRng + ?Sized>(
    items: &[To<'_>],
    options: &Options<'_>,
    rng: &mut R,
) -> Result<Results<(Encapsulation, Secret<32>)>, BatchError> {
    leaving_no_trace::<STACK, _>(|| {
        check_limit(items.len())?;
        let drawn = draw(items, rng)?;
        run(Engine::pick(), items, drawn, options)
    })
}

/// What an item starts with: its context and its coin.
pub(super) type Drawn = Result<([u8; 32], Secret<32>), Error>;

/// Checks each item and draws its `sigma`, in order.
pub(super) fn draw<R: TryCryptoRng + ?Sized>(items: &[To<'_>], rng: &mut R) -> Result<Vec<Drawn>, BatchError> {
    leaving_no_trace::<STACK, _>(|| {
        // Never grown: that would leave copies of the coins.
        let mut out = Vec::with_capacity(items.len());
        for to in items {
            out.push(match to.context() {
                Ok(ctx) => Ok((ctx, Secret::random(rng).map_err(|_| BatchError::Random)?)),
                Err(e) => Err(e),
            });
        }
        Ok(out)
    })
}

pub(super) fn run(
    engine: Engine,
    items: &[To<'_>],
    drawn: Vec<Drawn>,
    options: &Options<'_>,
) -> Result<Results<(Encapsulation, Secret<32>)>, BatchError> {
    let tables = tables(engine, items, &drawn, options)?;
    let jobs: Vec<Job<'_>> = ranges(items.len(), options)
        .into_iter()
        .map(|range: Range<usize>| Job { items: &items[range.clone()], drawn: &drawn[range] })
        .collect();
    let prepared = engine.prepare(items.iter().zip(&drawn).filter(|(_, d)| d.is_ok()).map(|(to, _)| to.parameters()));
    let found = parallel::map(&jobs, options, |j| j.items.len(), |j| j.run(engine, &tables, &prepared))?;
    Ok(concat(items.len(), found))
}

/// The recipient of the caller that is cached.
const fn cached<'a>(to: &To<'a>) -> Option<&'a Recipient> {
    match to {
        To::Recipient(r) if r.base_point().is_none() => Some(*r),
        _ => None,
    }
}

fn tables(engine: Engine, items: &[To<'_>], drawn: &[Drawn], options: &Options<'_>) -> Result<Tables, BatchError> {
    let ready = || items.iter().zip(drawn).filter_map(|(to, drawn)| Some((to, drawn.as_ref().ok()?)));
    let other = ready().filter(|(to, _)| cached(to).is_none());
    let identities = other.map(|(to, (ctx, _))| (*ctx, to.parameters(), to.identity()));
    Tables::new(engine, identities, ready().filter_map(|(to, _)| cached(to)), options)
}

struct Job<'a> {
    items: &'a [To<'a>],
    drawn: &'a [Drawn],
}

/// An item that can be encrypted to.
struct Ready<'a> {
    to: &'a To<'a>,
    ctx: &'a [u8; 32],
    sigma: &'a Secret<32>,
    /// Whether a table has it.
    warm: bool,
}

impl Job<'_> {
    fn run(&self, engine: Engine, tables: &Tables, prepared: &Prepared) -> Results<(Encapsulation, Secret<32>)> {
        let ready = self.items.iter().zip(self.drawn).filter_map(|(to, drawn)| {
            let (ctx, sigma) = drawn.as_ref().ok()?;
            Some(Ready { to, ctx, sigma, warm: tables.has(ctx, cached(to)) })
        });
        let ready: Vec<Ready<'_>> = ready.collect();
        let k: Vec<Scalar> = ready.iter().map(|r| derive_k(r.sigma, r.ctx)).collect();
        let points = engine.generator_multiples(&k);
        let cold = Self::cold(engine, &ready, &k, prepared);
        let warm = ready.iter().zip(&k).filter(|(r, _)| r.warm).map(|(r, k)| (r.ctx, cached(r.to), k));
        let warm = tables.powers(&warm.collect::<Vec<_>>());
        let (mut cold, mut warm) = (cold.iter(), warm.iter());
        let mut done = ready.iter().zip(&k).zip(&points).map(|((r, _), u)| {
            let gt = if r.warm { next(&mut warm) } else { next(&mut cold) };
            Encapsulation::complete(r.sigma, r.ctx, g2(u), gt)
        });
        let one = |drawn: &Drawn| match drawn {
            Ok(_) => Ok(next(&mut done)),
            Err(e) => Err(*e),
        };
        self.drawn.iter().map(one).collect()
    }

    /// `e([k]Q_ID, P_pub)` of the items without a table.
    fn cold(
        engine: Engine,
        ready: &[Ready<'_>],
        k: &[Scalar],
        prepared: &Prepared,
    ) -> Vec<Secret<{ crate::encoding::GT_BYTES }>> {
        let known = |r: &Ready<'_>| match r.to {
            To::Recipient(recipient) => recipient.base_point().map(crate::curve::G1::to_uncompressed),
            To::Identity(..) => None,
        };
        let cold: Vec<_> = ready.iter().zip(k).filter(|(r, _)| !r.warm).map(|(r, k)| (r, k, known(r))).collect();
        let ders = cold.iter().filter(|(.., q)| q.is_none()).map(|(r, ..)| r.to.identity().der());
        let mut hashed = engine.hash(&ders.collect::<Vec<_>>()).into_iter();
        let q: Vec<Point1> = cold.iter().map(|(.., q)| q.unwrap_or_else(|| next(&mut hashed))).collect();
        let powers: Vec<_> = cold.iter().zip(&q).map(|((r, k, _), q)| (q, *k, r.to.parameters())).collect();
        engine.powers(&powers, prepared)
    }
}
