//! Threads: the only file that names rayon. Without the feature `parallel` the same functions run in the caller's
//! thread.

use alloc::vec::Vec;
use core::fmt;

use super::{BatchError, Options, STACK};
use crate::secret::leaving_no_trace;

/// Threads of one's own, for [`Options::pool`].
///
/// Without it, batches run on the pool that the caller is in, or else on the process's global one.
pub struct Pool {
    #[cfg(feature = "parallel")]
    pool: rayon::ThreadPool,
}

impl Pool {
    /// Starts `threads` threads; 0 for one per core. In a build without the feature `parallel` there are none to start.
    ///
    /// # Errors
    /// [`BatchError::Threads`] if the system refuses.
    #[cfg(feature = "parallel")]
    pub fn new(threads: usize) -> Result<Self, BatchError> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.map(|pool| Self { pool }).map_err(|_| BatchError::Threads)
    }

    /// In this build, without the feature `parallel`, there are no threads to start.
    ///
    /// # Errors
    /// None in this build.
    #[cfg(not(feature = "parallel"))]
    pub const fn new(_threads: usize) -> Result<Self, BatchError> {
        Ok(Self {})
    }

    /// How many threads work in it.
    pub fn threads(&self) -> usize {
        #[cfg(feature = "parallel")]
        return self.pool.current_num_threads();
        #[cfg(not(feature = "parallel"))]
        1
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("threads", &self.threads()).finish()
    }
}

/// How many threads a batch with these options has.
pub(super) fn threads(options: &Options<'_>) -> usize {
    #[cfg(feature = "parallel")]
    return options.pool.map_or_else(rayon::current_num_threads, Pool::threads).max(1);
    #[cfg(not(feature = "parallel"))]
    options.pool.map_or(1, Pool::threads)
}

/// Runs every job and gives the results in their order. `items` says how many items a job has, for the progress.
///
/// # Errors
/// [`BatchError::Cancelled`] if the flag is set before the last job has begun.
#[cfg(feature = "parallel")]
pub(super) fn map<J: Sync, R: Send>(
    jobs: &[J],
    options: &Options<'_>,
    items: impl Fn(&J) -> usize + Sync,
    run: impl Fn(&J) -> R + Sync,
) -> Result<Vec<R>, BatchError> {
    use rayon::prelude::*;
    use std::sync::{Mutex, PoisonError};

    let total = jobs.iter().map(&items).sum();
    let done = Mutex::new(0);
    let one = |job: &J| {
        if options.is_cancelled() {
            return Err(BatchError::Cancelled);
        }
        let result = leaving_no_trace::<STACK, _>(|| run(job));
        if let Some(tell) = options.progress {
            // Held while telling, so that the numbers arrive in order.
            let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
            *done += items(job);
            tell(*done, total);
        }
        Ok(result)
    };
    // What is only one job needs no other thread.
    match (jobs, options.pool) {
        ([], _) => Ok(Vec::new()),
        ([job], None) => Ok(alloc::vec![one(job)?]),
        (_, None) => jobs.par_iter().map(one).collect(),
        (_, Some(pool)) => pool.pool.install(|| jobs.par_iter().map(one).collect()),
    }
}

/// Runs every job and gives the results in their order. `items` says how many items a job has, for the progress.
///
/// # Errors
/// [`BatchError::Cancelled`] if the flag is set before the last job has begun.
#[cfg(not(feature = "parallel"))]
pub(super) fn map<J: Sync, R: Send>(
    jobs: &[J],
    options: &Options<'_>,
    items: impl Fn(&J) -> usize + Sync,
    run: impl Fn(&J) -> R + Sync,
) -> Result<Vec<R>, BatchError> {
    let total = jobs.iter().map(&items).sum();
    let mut done = 0;
    let one = |job| {
        if options.is_cancelled() {
            return Err(BatchError::Cancelled);
        }
        let result = leaving_no_trace::<STACK, _>(|| run(job));
        done += items(job);
        if let Some(tell) = options.progress {
            tell(done, total);
        }
        Ok(result)
    };
    jobs.iter().map(one).collect()
}
