//! Independent pairings, for reviewers and figures.

use alloc::vec::Vec;

use super::lanes::{Engine, Point2};
use super::{BatchError, Options, STACK, check_limit, concat, parallel, ranges};
#[cfg(feature = "hazmat")]
use crate::curve::{G1, G2};
use crate::encoding::{G1_BYTES, GT_BYTES};
use crate::ibe::extract::PrivateKey;
use crate::ibe::kem::Encapsulation;
use crate::secret::{Secret, leaving_no_trace};

/// `e(P_i, Q_i)` in the layout of [`crate::encoding`], as [`crate::curve::pairing`] gives it for one.
///
/// # Errors
/// [`BatchError`].
///
/// # Timing
/// Constant but for infinity.
#[cfg(feature = "hazmat")]
pub fn pairings(items: &[(&G1, &G2)], options: &Options<'_>) -> Result<Vec<Secret<GT_BYTES>>, BatchError> {
    run(items, |(p, q)| (Secret::new(p.to_uncompressed()), q.to_uncompressed()), options)
}

/// `e(d_i, U_i)`: what [`super::decapsulate`] pairs, without what stands around it. Not part of the interface: with it
/// the table of `examples/batch_table.rs` needs no feature. The results unmask encapsulations, as the private keys do.
///
/// # Errors
/// [`BatchError`].
///
/// # Timing
/// Constant.
#[doc(hidden)]
pub fn key_pairings(
    items: &[(&PrivateKey, &Encapsulation)],
    options: &Options<'_>,
) -> Result<Vec<Secret<GT_BYTES>>, BatchError> {
    run(items, |(key, e)| (Secret::new(key.point().to_uncompressed()), e.point().to_uncompressed()), options)
}

fn run<T: Sync>(
    items: &[T],
    points: impl Fn(&T) -> (Secret<{ 2 * G1_BYTES }>, Point2) + Sync,
    options: &Options<'_>,
) -> Result<Vec<Secret<GT_BYTES>>, BatchError> {
    leaving_no_trace::<STACK, _>(|| {
        check_limit(items.len())?;
        let engine = Engine::pick();
        let jobs: Vec<_> = ranges(items.len(), options).into_iter().map(|range| &items[range]).collect();
        let found = parallel::map(
            &jobs,
            options,
            |j| j.len(),
            |job| {
                let points: Vec<_> = job.iter().map(&points).collect();
                engine.pairings(&points.iter().map(|(p, q)| (p.expose(), q)).collect::<Vec<_>>())
            },
        )?;
        Ok(concat(items.len(), found))
    })
}
