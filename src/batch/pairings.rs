//! Independent pairings, for reviewers and figures.

use alloc::vec::Vec;

use super::lanes::Engine;
use super::{BatchError, Options, STACK, check_limit, concat, parallel, ranges};
use crate::curve::{G1, G2};
use crate::encoding::GT_BYTES;
use crate::secret::{Secret, leaving_no_trace};

/// `e(P_i, Q_i)` in the layout of [`crate::encoding`], as [`crate::curve::pairing`] gives it for one.
///
/// # Errors
/// [`BatchError`].
///
/// # Timing
/// Constant but for infinity.
pub fn pairings(items: &[(&G1, &G2)], options: &Options<'_>) -> Result<Vec<Secret<GT_BYTES>>, BatchError> {
    leaving_no_trace::<STACK, _>(|| {
        check_limit(items.len())?;
        let engine = Engine::pick();
        let jobs: Vec<_> = ranges(items.len(), options).into_iter().map(|range| &items[range]).collect();
        let found = parallel::map(
            &jobs,
            options,
            |j| j.len(),
            |job| {
                let points: Vec<_> =
                    job.iter().map(|(p, q)| (Secret::new(p.to_uncompressed()), q.to_uncompressed())).collect();
                engine.pairings(&points.iter().map(|(p, q)| (p.expose(), q)).collect::<Vec<_>>())
            },
        )?;
        Ok(concat(items.len(), found))
    })
}
