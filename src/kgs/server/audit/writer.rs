//! The task of a node that appends to the log: it takes what waits, commits it as one transaction, and only then lets the waiting
//! requests go. So the log is written in groups as large as the load makes them, and no reply leaves before its entries are durable.

use std::sync::{Arc, Mutex};

use tokio::sync::{mpsc, oneshot};

use super::signing::Checkpoint;
use crate::kgs::server::error::Error;
use crate::kgs::server::keys::Log;
use crate::kgs::server::store::Store;
use crate::kgs::server::store::log::{Appended, Submission, Writing};

/// Submissions that may wait.
const WAITING: usize = 4_096;
/// Submissions of one transaction.
const GROUP: usize = 256;

/// How the log is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Habits {
    /// Entries between signed checkpoints.
    pub every: u64,
    /// Seconds by which the clock may stand before the latest entry: nodes differ a little.
    pub tolerance: u64,
}

impl Default for Habits {
    fn default() -> Self {
        Self { every: 1_024, tolerance: 300 }
    }
}

struct Waiting {
    submission: Submission,
    reply: oneshot::Sender<Result<Appended, Error>>,
}

/// What failed when it was last tried to append, and when that was looked at.
#[derive(Debug, Default)]
struct Trouble {
    error: Option<Error>,
    tried: u64,
}

/// The way to the task; it ends when the last of these is dropped and everything that waits has been written.
#[derive(Clone, Debug)]
pub struct Writer {
    queue: mpsc::Sender<Waiting>,
    store: Store,
    log: Arc<Log>,
    habits: Habits,
    trouble: Arc<Mutex<Trouble>>,
}

impl Writer {
    /// Starts the task on the runtime of the caller.
    pub(in crate::kgs::server) fn start(store: Store, log: Arc<Log>, habits: Habits) -> Self {
        let habits = Habits { every: habits.every.max(1), ..habits };
        let (queue, waiting) = mpsc::channel(WAITING);
        let trouble = Arc::new(Mutex::new(Trouble::default()));
        tokio::spawn(run(store.clone(), Arc::clone(&log), habits, waiting, Arc::clone(&trouble)));
        Self { queue, store, log, habits, trouble }
    }

    /// Appends, and comes back when it is durable.
    ///
    /// A caller that goes away meanwhile leaves its entries in the log: the decision to issue stands there, even if nobody
    /// waits for the key any more.
    pub(in crate::kgs::server) async fn append(&self, submission: Submission) -> Result<Appended, Error> {
        let (reply, done) = oneshot::channel();
        self.queue.try_send(Waiting { submission, reply }).map_err(|e| match e {
            mpsc::error::TrySendError::Full(_) => Error::Busy { retry: 1 },
            mpsc::error::TrySendError::Closed(_) => Error::Closed,
        })?;
        done.await.map_err(|_| Error::Closed)?
    }

    /// Whether the log would take an entry at `now`. What failed last is tried again, at most once in a second: whoever only watches
    /// learns in that way that it works again, and whoever asks all the time makes no work.
    ///
    /// # Errors
    /// What is in the way: [`Error::Store`], [`Error::Clock`], [`Error::Corrupt`].
    pub(in crate::kgs::server) async fn ready(&self, now: u64) -> Result<(), Error> {
        let head = self.store.head().await?;
        if now.saturating_add(self.habits.tolerance) < head.latest {
            return Err(Error::Clock { behind: head.latest.saturating_sub(now) });
        }
        let failed = {
            let mut trouble = lock(&self.trouble);
            match &trouble.error {
                None => return Ok(()),
                Some(e) if trouble.tried == now => Some(e.clone()),
                Some(_) => {
                    trouble.tried = now;
                    None
                }
            }
        };
        if let Some(e) = failed {
            return Err(e);
        }
        let tried = self.store.try_to_write().await;
        lock(&self.trouble).error = tried.clone().err();
        tried
    }

    /// Signs the log as it is now.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn checkpoint(&self) -> Result<Checkpoint, Error> {
        self.store.sign_now(&writing(&self.log, self.habits)).await
    }
}

fn writing(log: &Log, habits: Habits) -> Writing<'_> {
    Writing { log: &log.name.id, key: &log.key, every: habits.every, tolerance: habits.tolerance }
}

fn lock(trouble: &Mutex<Trouble>) -> std::sync::MutexGuard<'_, Trouble> {
    match trouble.lock() {
        Ok(trouble) => trouble,
        Err(poisoned) => poisoned.into_inner(),
    }
}

async fn run(
    store: Store,
    log: Arc<Log>,
    habits: Habits,
    mut waiting: mpsc::Receiver<Waiting>,
    trouble: Arc<Mutex<Trouble>>,
) {
    let mut group = Vec::with_capacity(GROUP);
    while waiting.recv_many(&mut group, GROUP).await > 0 {
        let (submissions, replies): (Vec<_>, Vec<_>) = group.drain(..).map(|w| (w.submission, w.reply)).unzip();
        let appended = store.append(&writing(&log, habits), &submissions).await;
        lock(&trouble).error = appended.as_ref().err().cloned();
        let results = match appended {
            Ok(results) => results,
            // Nothing of it was committed, as far as is known: nobody gets a key. Should the commit have come through and only
            // its answer been lost, then entries stand there for keys that nobody received, never the other way round.
            Err(e) => replies.iter().map(|_| Err(e.clone())).collect(),
        };
        for (reply, result) in replies.into_iter().zip(results) {
            // Whoever waited may have gone.
            let _ = reply.send(result);
        }
    }
}
