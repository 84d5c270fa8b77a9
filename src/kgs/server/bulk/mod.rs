//! Keys for a whole list of users, through the store: a job that any number of nodes work on together, that goes on where it stopped,
//! and whose output is sealed to the users.
//!
//! ```text
//! start    a list that has been checked as a whole -> a job, cut into chunks of at most 1,024 keys, in the store
//! run      claim a chunk for a while -> decide each key by policy, extract in a batch, seal to the users' keys
//!          -> one transaction: entries of the log, sealed keys, "done"          (on any node, until nothing is left)
//! export   what the job has for each user -> one file (`kgs::bundle`), from the store, as often as wanted
//! ```
//! # What survives
//! A key that the log says was issued is in the store, sealed to its owner, from the same moment on: it is written by the transaction
//! that writes its entry. A node that dies before that leaves a chunk that is free again when its claim runs out; one that comes too
//! late finds the chunk's holder changed, and nothing of its transaction stays. So every key of a job has one entry, whenever nodes
//! die. Files are written from the store, whole or not at all; writing them again gives the same bytes.
//!
//! # Who may have what
//! A job issues by the rules of its requester, a user for machines that provision, read anew for each chunk and under the version of
//! the settings. A key goes to the one user who has its name as theirs, that is, has a rule for exactly this name, and is sealed to the
//! key that this user has at that moment. What is refused (revoked, past, no such user) is in the log with its reason, as refused
//! requests are, and in the job's result; the rest of the list does not suffer from it. If the requester is disabled, or has used up the
//! keys of a day, the job stops and can go on later.

mod chunk;
mod export;
mod orders;

use std::sync::Arc;
use std::time::Duration;

pub use chunk::Done;
pub use export::{Exported, export};
pub use orders::{CHUNK, CHUNKS, Job};

use super::error::{Error, Fault};
use super::keys::{Keys, Vault, draw};
use super::policy::Purposes;
use super::service::Service;
use super::store::Store;
use super::store::jobs::{Claim, JobId};
use crate::ibe::Identity;
use crate::kgs::bulk::Plan;
use crate::kgs::server::error::Refusal;
use crate::sealing::{self, PUBLIC};

pub use super::store::bulk::Count;

/// Most keys of one job.
pub const KEYS: usize = 10_000_000;
/// How long a node waits when others have all that is left.
const POLL: Duration = Duration::from_millis(100);
/// How often a node tries again when the store is away for a moment.
const PATIENCE: u32 = 10;

/// Makes a job: keys of all `purposes` for every order of the plan, by the rules of `requester`. At most `chunk` keys are issued at
/// once, [`CHUNK`] at most: fewer make more transactions, and less work that is lost when a node dies.
///
/// # Errors
/// [`Error::TooMany`] over [`KEYS`]; [`Error::Unknown`] for the requester; [`Error::Input`] for an empty list, or quotas smaller than
/// one period; [`Error::Refused`] if the plan's key epoch does not issue; [`Error::Store`].
pub async fn start(
    keys: &Keys,
    requester: &str,
    plan: &Plan,
    purposes: Purposes,
    chunk: usize,
    now: u64,
) -> Result<Job, Error> {
    let (store, vault) = (keys.store(), keys.vault());
    let parameters = plan.parameters();
    let total = plan.keys().saturating_mul(orders::each(purposes).count());
    if total > KEYS {
        return Err(Error::TooMany { limit: KEYS, got: total });
    }
    if total == 0 {
        return Err(Error::Input { what: "a job without keys" });
    }
    store.user(vault, requester).await?.ok_or(Error::Unknown { what: "user" })?;
    let version = store.head().await?.version;
    let issuer = keys.issuer(parameters.serial(), version).await?;
    if issuer.is_none_or(|i| i.parameters().fingerprint() != parameters.fingerprint()) {
        return Err(Error::Refused { why: Refusal::Epoch, item: 0 });
    }
    // A chunk with more keys than may be issued in a day would never be done.
    let rules = store.rules(vault, requester).await?;
    let quota = rules.iter().map(|r| r.quota).filter(|q| *q > 0).min().unwrap_or(u64::MAX);
    let job = Job {
        id: draw()?,
        requester: requester.to_owned(),
        district: parameters.district().clone(),
        serial: parameters.serial(),
        granularity: parameters.granularity(),
        fingerprint: *parameters.fingerprint(),
        users: plan.orders().len() as u64,
        keys: total as u64,
        purposes,
        created: now,
    };
    let size = usize::try_from(quota).unwrap_or(usize::MAX).min(CHUNK).min(chunk);
    let chunks = orders::cut(vault, &job, plan, size)?;
    store.make_bulk(&job.id, &job.seal(vault)?, chunks, now).await?;
    Ok(job)
}

/// What a job is about.
///
/// # Errors
/// [`Error::Unknown`]; [`Error::Corrupt`], also for a job that is no bulk issue; [`Error::Store`].
pub async fn find(store: &Store, vault: &Vault, id: &JobId) -> Result<Job, Error> {
    Job::open(vault, id, &store.job(id).await?)
}

/// The newest jobs, at most 1,000.
///
/// # Errors
/// [`Error::Corrupt`], [`Error::Store`].
pub async fn list(store: &Store, vault: &Vault) -> Result<Vec<Job>, Error> {
    store.jobs().await?.iter().map(|(id, _, sealed)| Job::open(vault, id, sealed)).collect()
}

/// How far a job is.
///
/// # Errors
/// [`Error::Store`].
pub async fn count(store: &Store, id: &JobId) -> Result<Count, Error> {
    store.count(id).await
}

/// Gives a user the key to which their keys are sealed, or replaces it; what has been sealed to an older one stays.
///
/// # Errors
/// [`Error::Crypto`] for a key to which nothing can be sealed; [`Error::Unknown`], [`Error::Store`].
pub async fn seal_to(store: &Store, vault: &Vault, user: &str, key: &[u8; PUBLIC]) -> Result<(), Error> {
    sealing::check_public(key, &mut getrandom::SysRng)?;
    store.put_recipient(vault, user, key).await
}

/// One page of what a job has refused: place to go on behind, and what.
pub type Refused = (u64, Vec<(Identity, Refusal)>);

/// What a job has refused so far, behind a place; `None` at the end.
///
/// # Errors
/// [`Error::Corrupt`], [`Error::Store`].
pub async fn refused(store: &Store, vault: &Vault, job: &Job, place: Option<u64>) -> Result<Option<Refused>, Error> {
    let rows = store.refused(&job.id, place).await?;
    let Some(last) = rows.last().map(|r| r.place) else { return Ok(None) };
    let mut out = Vec::new();
    for row in &rows {
        out.extend(orders::open_refused(vault, job, row.place, &row.sealed)?);
    }
    Ok(Some((last, out)))
}

/// How a node works on a job.
#[derive(Clone)]
pub struct Work {
    /// Chunks at the same time: with two, one is computed while another is committed.
    pub workers: usize,
    /// Seconds for which a chunk is claimed; a claim is renewed while its node works. After that time without a sign of life another
    /// node takes the chunk.
    pub lease: u64,
    /// The clock, Unix seconds.
    pub clock: fn() -> u64,
    /// Told what this node has done, all together, after each chunk.
    pub progress: Arc<dyn Fn(&Done) + Send + Sync>,
}

impl Work {
    /// Two workers, ten seconds.
    pub fn new(clock: fn() -> u64, progress: Arc<dyn Fn(&Done) + Send + Sync>) -> Self {
        Self { workers: 2, lease: 10, clock, progress }
    }
}

impl std::fmt::Debug for Work {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Work").field("workers", &self.workers).field("lease", &self.lease).finish_non_exhaustive()
    }
}

/// Works on a job until all of it is done, by this node and by others. Gives what this node did.
///
/// # Errors
/// Those of [`Service::issue_chunk`]; what is done by then stays done, and the job can go on. A store that is away is tried again for
/// some seconds. [`Error::Settings`] before anything is claimed if they are not as they were left: all of them are looked at when it
/// starts, and again from time to time.
pub async fn run(service: &Service, job: &Job, work: &Work) -> Result<Done, Error> {
    service.check_settings().await?;
    let _looking = Ending(tokio::spawn(look(service.clone())));
    let total = Arc::new(std::sync::Mutex::new(Done::default()));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..work.workers.clamp(1, 64) {
        let (service, job, work, total) = (service.clone(), job.clone(), work.clone(), Arc::clone(&total));
        tasks.spawn(async move { worker(&service, &job, &work, &total).await });
    }
    let mut result = Ok(());
    while let Some(ended) = tasks.join_next().await {
        // The others finish what they have: a chunk that is given up costs its work twice.
        result = result.and(ended.unwrap_or(Err(Error::Closed)));
    }
    let done = *total.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    result.map(|()| done)
}

async fn worker(service: &Service, job: &Job, work: &Work, total: &std::sync::Mutex<Done>) -> Result<(), Error> {
    let store = service.keys().store();
    let mut failures = 0;
    loop {
        let step = step(service, store, job, work).await;
        match step {
            Ok(Step::Done(done)) => {
                failures = 0;
                let mut total = total.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                *total = total.plus(done);
                (work.progress)(&total);
            }
            Ok(Step::Lost) => failures = 0,
            Ok(Step::Wait) => tokio::time::sleep(POLL).await,
            Ok(Step::End) => return Ok(()),
            Err(e @ Error::Store { fault: Fault::Full, .. }) => return Err(e),
            Err(e) if e.is_temporary() && failures < PATIENCE => {
                failures += 1;
                tokio::time::sleep(POLL * failures).await;
            }
            Err(e) => return Err(e),
        }
    }
}

/// What a worker met.
enum Step {
    Done(Done),
    /// Another node has taken the chunk.
    Lost,
    /// Others have all that is left.
    Wait,
    End,
}

async fn step(service: &Service, store: &Store, job: &Job, work: &Work) -> Result<Step, Error> {
    let now = (work.clock)();
    let lease = work.lease.max(1);
    service.settings_hold().await?;
    let Some(claim) = store.claim(&job.id, draw()?, now, now.saturating_add(lease)).await? else {
        let progress = store.progress(&job.id).await?;
        return Ok(if progress.done == progress.chunks { Step::End } else { Step::Wait });
    };
    let renewing = Ending(tokio::spawn(renew(store.clone(), claim.clone(), lease, work.clock)));
    let issued = service.issue_chunk(job, &claim, (work.clock)()).await;
    drop(renewing);
    match issued {
        Ok(Some(done)) => Ok(Step::Done(done)),
        Ok(None) => Ok(Step::Lost),
        Err(e) => {
            // For the others, at once. If it cannot be given back, it is free when its time is over.
            let _ = store.renew(&claim, 0).await;
            Err(e)
        }
    }
}

/// Ends with its owner.
struct Ending(tokio::task::JoinHandle<()>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What it finds stands with the service, where each chunk looks for it.
async fn look(service: Service) {
    loop {
        tokio::time::sleep(service.check_every()).await;
        let _ = service.check_settings().await;
    }
}

async fn renew(store: Store, claim: Claim, lease: u64, clock: fn() -> u64) {
    loop {
        tokio::time::sleep(Duration::from_millis(lease.saturating_mul(1_000) / 3)).await;
        // One that fails is tried again; one that is lost shows when the chunk is committed.
        if matches!(store.renew(&claim, clock().saturating_add(lease)).await, Ok(false)) {
            return;
        }
    }
}
