//! Many at once: extract, verify keys and signatures, encapsulate, decapsulate, seal and open, over slices.
//!
//! Every operation gives the bytes, verdicts and errors of its single form, in the order of the items, whatever the
//! number of threads, the engine and the features of the build. An item that fails is named by its place and does not
//! touch the others; [`all`] turns a result with failed items into an error that lists them. An empty batch is valid.
//!
//! # Where the time goes
//! Items are cut into jobs of at most 64; threads (`parallel.rs`) take jobs, and a job hands its points to the engine
//! (`lanes.rs`), which works on several of them in lockstep. Items may belong to several districts: those of one public
//! key share what can be shared. Randomness is drawn before the jobs start, item by item, so it does not depend on
//! threads.
//!
//! # Verification of issued keys
//! A key is genuine if `e(d_i, P2) = e(Q_i, P_pub)`. For `n` keys of one district one product of two pairings is
//! computed,
//!
//! ```text
//! e(sum z_i d_i, P2) = e(sum z_i Q_i, P_pub)          z_i: 128 bits, not zero, fresh for each call
//! ```
//!
//! **Soundness.** Every `d_i` is first decoded and checked by itself, exactly: canonical, on the curve, in the subgroup
//! of order `r`, not infinity. The pairing does not see what lies outside the subgroup, and checking that with random
//! weights would let an error of order 3 pass one time in three. So write `d_i = [s]Q_i + [t_i]P1`; the equation holds
//! if and only if `sum z_i t_i = 0 mod r`. If some `t_i` is not zero then, whatever the other weights are, at most one
//! value of `z_i` modulo `r` fulfils that, and each value of `z_i` has probability at most 2^-127 (one value stands for
//! zero too). So a batch with a false key passes with probability at most **2^-127**, for whatever keys were chosen
//! before the weights were drawn; a range of a bisection likewise. The engine in lockstep reads a weight as two signed
//! halves `a`, `b` and multiplies by `a - b x^2`, which again is another number modulo `r` for every weight. The weights
//! come from the caller's generator, hedged by a hash of all inputs: a generator that repeats itself gives other weights
//! to other keys.
//!
//! Signatures are verified by the same equation, with `S_i` for `d_i` and `T_i + [h_i]Q_i` for `Q_i`.
//!
//! **Who is at fault.** If the product is not one, halves are tried: one product for the left half, that of the right
//! half follows from it and its parent. Ranges below eight items, and everything still open after `n / 16` products,
//! are verified one by one with the exact equation; nobody is blamed by a weighted sum. See `locate.rs`.
//!
//! # Timing
//! Constant in all secrets, as the single forms are. Private keys are points here: their weighted sum is complete and
//! constant time in the points (`curve::sum`, `simd::sum`). What shows: how many items there are, which of
//! them failed, the sizes of messages, and the weights, which are used once and are independent of everything else.
//!
//! # Sources
//! Batching by small exponents: Bellare, Garay and Rabin, "Fast batch verification for modular exponentiation and
//! digital signatures" (EUROCRYPT 1998); subgroup checks before it: Boyd and Pavlovski (ASIACRYPT 2000); Straus' sums:
//! `curve::sum`.

mod boxes;
mod decapsulate;
mod encapsulate;
#[cfg(feature = "simd")]
mod expand;
mod extract;
mod lanes;
mod locate;
mod pairings;
mod parallel;
mod scalar;
mod signatures;
mod tables;
#[cfg(test)]
mod tests;
mod verify;
mod weights;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;
use core::sync::atomic::{AtomicBool, Ordering};

pub use boxes::{OpenItem, SealItem, open, seal, sealer};
pub use decapsulate::{Encapsulated, decapsulate};
pub use encapsulate::{To, encapsulate};
pub use extract::extract;
#[doc(hidden)]
pub use pairings::key_pairings;
#[cfg(feature = "hazmat")]
pub use pairings::pairings;
pub use parallel::Pool;
pub use signatures::{SignedItem, verify_signatures};
pub use verify::{verify_decoded, verify_keys};

use zeroize::Zeroize;

use crate::error::Error;
use crate::secret::{STACK, leaving_no_trace};

/// Most items of one call: about 100 MB of keys. Whoever has more calls again.
pub const BATCH_LIMIT: usize = 1 << 18;
/// Most items of one job.
const JOB: usize = 64;

/// Which engine batches run on in this process: `avx512` or `emulated` (eight items in lockstep), or `scalar`.
///
/// With the feature `simd` the environment variable `IBAKE_SIMD` may choose: `off`, `emulated`, `avx512`.
pub fn engine() -> &'static str {
    lanes::Engine::pick().name()
}

/// How a batch runs. The default: on the threads of the surrounding pool, without progress, to its end.
#[derive(Clone, Copy, Default)]
pub struct Options<'a> {
    /// The threads to run on. Without it the pool that the caller is in, or the global one.
    pub pool: Option<&'a Pool>,
    /// Told after every job how many of how many items are done. Called from the worker threads, one call at a time and
    /// never with a smaller number than before. It must be quick, and must not start another batch.
    pub progress: Option<&'a (dyn Fn(usize, usize) + Sync)>,
    /// When it becomes true, the call stops after the jobs that are under way, with [`BatchError::Cancelled`].
    pub cancel: Option<&'a AtomicBool>,
}

impl Options<'_> {
    fn is_cancelled(&self) -> bool {
        self.cancel.is_some_and(|c| c.load(Ordering::Relaxed))
    }

    /// For the parts of an operation that do not count items.
    const fn quiet(self) -> Self {
        Self { progress: None, ..self }
    }
}

impl fmt::Debug for Options<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("pool", &self.pool)
            .field("progress", &self.progress.is_some())
            .finish_non_exhaustive()
    }
}

/// Why a whole batch has no result.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BatchError {
    /// The caller's flag was set. What had been computed is gone.
    Cancelled,
    /// More items than [`BATCH_LIMIT`].
    TooMany {
        /// The limit.
        limit: usize,
        /// What was asked for.
        got: usize,
    },
    /// The random generator failed.
    Random,
    /// The threads could not be started.
    Threads,
    /// Something that concerns the call and no single item.
    Call(Error),
    /// These items failed, by their place; from [`all`] only.
    Items(Vec<(usize, Error)>),
}

impl fmt::Display for BatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cancelled => f.write_str("cancelled"),
            Self::TooMany { limit, got } => write!(f, "{got} items in one batch, the limit is {limit}"),
            Self::Random => f.write_str("the random generator failed"),
            Self::Threads => f.write_str("the threads could not be started"),
            Self::Call(e) => e.fmt(f),
            Self::Items(failed) => match failed.first() {
                Some((i, e)) => write!(f, "{} items failed, the first is number {i} from 0: {e}", failed.len()),
                None => f.write_str("no item failed"),
            },
        }
    }
}

impl core::error::Error for BatchError {}

/// What each item gave, in their order.
pub type Results<T> = Vec<Result<T, Error>>;

/// All results, or the places and errors of all items that failed.
///
/// # Errors
/// [`BatchError::Items`].
pub fn all<T>(results: Results<T>) -> Result<Vec<T>, BatchError> {
    let failed: Vec<_> = results.iter().enumerate().filter_map(|(i, r)| Some((i, *r.as_ref().err()?))).collect();
    if !failed.is_empty() {
        return Err(BatchError::Items(failed));
    }
    let mut out = Vec::with_capacity(results.len());
    hand_over(results, |result| out.extend(result));
    Ok(out)
}

const fn check_limit(got: usize) -> Result<(), BatchError> {
    if got > BATCH_LIMIT { Err(BatchError::TooMany { limit: BATCH_LIMIT, got }) } else { Ok(()) }
}

/// Items of a job: enough jobs for the threads to share, whole groups of lanes, no more than [`JOB`].
fn job_size(items: usize, options: &Options<'_>) -> usize {
    items.div_ceil(4 * parallel::threads(options)).next_multiple_of(lanes::LANES).clamp(lanes::LANES, JOB)
}

/// Items that are summed up together: as many as there are for each thread, since a sum costs less the longer it is.
fn sum_size(items: usize, options: &Options<'_>) -> usize {
    items.div_ceil(parallel::threads(options)).max(JOB)
}

/// Consecutive items, cut into jobs.
fn ranges(items: usize, options: &Options<'_>) -> Vec<Range<usize>> {
    let size = job_size(items, options);
    (0..items).step_by(size).map(|from| from..items.min(from + size)).collect()
}

/// Items of one district each, by the fingerprint of its parameters; `None` for an item that has failed already.
fn groups(keys: impl Iterator<Item = Option<[u8; 32]>>) -> Vec<Vec<usize>> {
    let mut out = BTreeMap::<[u8; 32], Vec<usize>>::new();
    for (i, key) in keys.enumerate() {
        if let Some(key) = key {
            out.entry(key).or_default().push(i);
        }
    }
    out.into_values().collect()
}

/// The result of the next item. Engines give one result for each item that they get, so the two sequences never part.
fn next<T>(results: &mut impl Iterator<Item = T>) -> T {
    results.next().expect("an engine gives one result for each item")
}

/// Moves items on and wipes the memory that they leave. A move is a copy: without this the old one would stay in a freed block,
/// or on the stack.
fn hand_over<T>(mut from: Vec<T>, to: impl FnMut(T)) {
    leaving_no_trace::<STACK, _>(|| {
        from.drain(..).for_each(to);
        from.spare_capacity_mut().zeroize();
    });
}

/// The results of jobs one after the other, `n` in all.
fn concat<T>(n: usize, found: Vec<Vec<T>>) -> Vec<T> {
    // Never grown, which would leave copies too.
    let mut out = Vec::with_capacity(n);
    found.into_iter().for_each(|part| hand_over(part, |item| out.push(item)));
    out
}

/// Puts results of jobs back to the places of their items. `failed` has an error for those that came into no job.
fn scatter<T>(failed: Vec<Option<Error>>, found: Vec<Vec<(usize, Result<T, Error>)>>) -> Results<T> {
    let mut missing = failed.iter().filter(|e| e.is_none()).count();
    // The other places are all filled below.
    let mut results: Results<T> = failed.into_iter().map(|e| Err(e.unwrap_or(Error::Random))).collect();
    for part in found {
        missing -= part.len();
        hand_over(part, |(i, result)| results[i] = result);
    }
    assert_eq!(missing, 0, "every item is in one job");
    results
}
