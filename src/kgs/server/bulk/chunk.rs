//! One chunk of a job: decided, extracted, sealed to its owners, and committed as a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::orders::{self, Job, Piece};
use crate::batch;
use crate::ibe::extract::{Issuer, PrivateKey};
use crate::ibe::{Identity, Name};
use crate::kgs::bundle::{Contents, Place};
use crate::kgs::server::audit::entry::{Draft, Outcome};
use crate::kgs::server::auth::Requester;
use crate::kgs::server::error::{Error, Refusal};
use crate::kgs::server::keys::Vault;
use crate::kgs::server::policy::{self, Rule};
use crate::kgs::server::service::{ATTEMPTS, Service};
use crate::kgs::server::store::bulk::{Finished, Recipient, RefusedRow, ResultRow};
use crate::kgs::server::store::jobs::Claim;
use crate::kgs::server::store::log::{Appended, Quota, Submission};

/// Threads that seal.
const SEALERS: usize = 16;

/// What became of a chunk, and where its time went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Keys issued.
    pub issued: u64,
    /// Keys refused.
    pub refused: u64,
    /// Reading settings, and the transaction with its entries.
    pub store: Duration,
    /// Extraction.
    pub extract: Duration,
    /// Entries of the log, and seals to the users' keys.
    pub seal: Duration,
}

impl Done {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            issued: self.issued + other.issued,
            refused: self.refused + other.refused,
            store: self.store + other.store,
            extract: self.extract + other.extract,
            seal: self.seal + other.seal,
        }
    }
}

/// What policy says is read at one version of the settings; a chunk is committed only if that has not changed since.
struct Settings {
    version: u64,
    rules: Vec<Rule>,
    owners: BTreeMap<Name, Result<Recipient, Refusal>>,
    revoked: BTreeMap<Name, u64>,
    issuer: Option<Arc<Issuer>>,
}

/// What is committed.
struct Prepared {
    drafts: Vec<Draft>,
    results: Vec<ResultRow>,
    refused: Option<RefusedRow>,
    quotas: Vec<Quota>,
    done: Done,
}

impl Service {
    /// Issues a chunk: its keys sealed to their owners, its entries in the log, and that it is done, all in one transaction. What policy
    /// refuses is in the log with its reason, and in the result. `None` if the chunk is not this claim's any more; then nothing has been
    /// issued.
    ///
    /// # Errors
    /// [`Error::Refused`] if the requester is disabled or gone, or has no keys left for today: then the chunk stays as it was, for
    /// later. [`Error::Clock`], [`Error::Busy`], [`Error::Crypto`], [`Error::Corrupt`], [`Error::Settings`], [`Error::Store`]
    /// likewise.
    pub async fn issue_chunk(&self, job: &Job, claim: &Claim, now: u64) -> Result<Option<Done>, Error> {
        let requester = Requester::operator(&job.requester)?;
        let vault = self.keys().vault();
        let began = Instant::now();
        let sealed = self.keys().store().bulk_orders(claim).await?;
        let pieces: Arc<[Piece]> = orders::pieces(vault, &job.id, claim.place, &sealed)?.into();
        let mut store = began.elapsed();
        for _ in 0..ATTEMPTS {
            let began = Instant::now();
            let settings = self.settings(job, &requester, &pieces).await?;
            let version = Some(settings.version);
            store += began.elapsed();
            let permit = self.thread().await?;
            let (job, claim, pieces, vault) = (job.clone(), claim.clone(), Arc::clone(&pieces), Arc::clone(vault));
            let work = {
                let claim = claim.clone();
                move || {
                    let _permit = permit;
                    prepare(&vault, &job, &claim, &pieces, &settings, now)
                }
            };
            let ready = tokio::task::spawn_blocking(work).await.unwrap_or(Err(Error::Closed))?;
            let Prepared { drafts, results, refused, quotas, done } = ready;
            let chunk = Some(Finished { claim, results, refused });
            let began = Instant::now();
            let submission = Submission { drafts, version, once: Vec::new(), quotas, chunk };
            let appended = self.log().append(submission).await?;
            store += began.elapsed();
            match appended {
                Appended::Stale => {}
                Appended::Lost => return Ok(None),
                Appended::Refused(why) => return Err(Error::Refused { why, item: 0 }),
                Appended::Done(_) => return Ok(Some(Done { store, ..done })),
            }
        }
        Err(Error::Busy { retry: 1 })
    }

    async fn settings(&self, job: &Job, requester: &Requester, pieces: &[Piece]) -> Result<Settings, Error> {
        let (store, vault) = (self.keys().store(), self.keys().vault());
        // First, so that whatever changes from here on is noticed when the entries are appended.
        let version = store.head().await?.version;
        self.hold(version).await?;
        match store.user(vault, requester.name()).await? {
            Some(user) if !user.disabled => {}
            _ => return Err(Error::Refused { why: Refusal::Disabled, item: 0 }),
        }
        let names: Vec<&Name> = pieces.iter().map(|p| &p.name).collect::<BTreeSet<_>>().into_iter().collect();
        Ok(Settings {
            version,
            rules: store.rules(vault, requester.name()).await?,
            owners: store.recipients(vault, &names).await?,
            revoked: store.revoked_among(vault, &names).await?,
            issuer: self.keys().issuer(job.serial, version).await?,
        })
    }
}

/// By which rule an identity is issued and to whom, or why not.
fn decide<'a>(settings: &'a Settings, identity: &Identity, now: u64) -> Result<(&'a Rule, &'a Recipient), Refusal> {
    let issuer = settings.issuer.as_ref().ok_or(Refusal::Epoch)?;
    let rule = policy::decide(&settings.rules, identity, now)?;
    if settings.revoked.get(identity.name()).is_some_and(|since| policy::is_revoked(*since, identity)) {
        return Err(Refusal::Revoked);
    }
    issuer.parameters().check_identity(identity).map_err(|_| Refusal::Epoch)?;
    match settings.owners.get(identity.name()) {
        Some(Ok(recipient)) => Ok((rule, recipient)),
        Some(Err(why)) => Err(*why),
        None => Err(Refusal::Recipient),
    }
}

/// Everything between reading the settings and the transaction. Uses all threads of the machine.
fn prepare(
    vault: &Vault,
    job: &Job,
    claim: &Claim,
    pieces: &[Piece],
    settings: &Settings,
    now: u64,
) -> Result<Prepared, Error> {
    let began = Instant::now();
    let mut all = Vec::with_capacity(orders::CHUNK);
    for piece in pieces {
        all.extend(orders::identities(job, piece)?);
    }
    if all.len() as u64 != claim.amount {
        return Err(Error::Corrupt { table: "bulk_orders" });
    }
    let verdicts: Vec<_> = all.iter().map(|identity| decide(settings, identity, now)).collect();
    let quotas = quotas(vault, job, &verdicts);
    let refused: Vec<(&Identity, Refusal)> =
        all.iter().zip(&verdicts).filter_map(|(identity, v)| v.err().map(|why| (identity, why))).collect();
    let refused_row = match refused.len() as u64 {
        0 => None,
        amount => {
            let sealed = orders::seal_refused(vault, &job.id, claim.place, &refused)?;
            Some(RefusedRow { place: claim.place, amount, sealed })
        }
    };
    let mut done = Done { refused: refused.len() as u64, ..Done::default() };
    done.issued = claim.amount - done.refused;
    let drafts = draft(vault, job, &all, &verdicts, now)?;
    done.seal = began.elapsed();

    let began = Instant::now();
    let keys = extract(settings, &all, &verdicts)?;
    done.extract = began.elapsed();

    let began = Instant::now();
    // Keys are in the order of the identities that were not refused.
    let mut owners = BTreeMap::<&str, (&Recipient, Vec<(&PrivateKey, [u8; 32])>)>::new();
    let mut keys_left = keys.iter();
    for (verdict, (_, salt)) in verdicts.iter().zip(&drafts) {
        if let Ok((_, recipient)) = verdict {
            let key = keys_left.next().ok_or(Error::Closed)?;
            owners.entry(&recipient.user).or_insert_with(|| (recipient, Vec::new())).1.push((key, *salt));
        }
    }
    let owners: Vec<_> = owners.into_values().collect();
    let results = in_parts(&owners, |(recipient, keys)| {
        let contents = Contents {
            at: now,
            requester: job.requester.clone(),
            keys: keys.iter().map(|(key, salt)| (key.to_bytes(), *salt)).collect(),
        };
        let (fingerprint, user) = (&job.fingerprint, recipient.user.as_str());
        let place = Place { job: &job.id, fingerprint, user, place: claim.place };
        let part = place.seal(&recipient.key, &contents, &mut getrandom::SysRng)?;
        Ok(ResultRow { owner: recipient.user.clone(), amount: keys.len() as u64, part })
    })?;
    done.seal += began.elapsed();
    let drafts = drafts.into_iter().map(|(draft, _)| draft).collect();
    Ok(Prepared { drafts, results, refused: refused_row, quotas, done })
}

type Verdict<'a> = Result<(&'a Rule, &'a Recipient), Refusal>;

/// What counts against the requester's quotas.
fn quotas(vault: &Vault, job: &Job, verdicts: &[Verdict<'_>]) -> Vec<Quota> {
    let mut out: Vec<Quota> = Vec::new();
    let mut last: Option<(&Rule, usize)> = None;
    for (rule, _) in verdicts.iter().flatten().filter(|(rule, _)| rule.quota > 0) {
        let at = match last.filter(|(known, _)| known == rule) {
            Some((_, at)) => at,
            None => {
                let subject = policy::quota_subject(vault, &job.requester, rule);
                out.iter().position(|q| q.subject == subject).unwrap_or_else(|| {
                    out.push(Quota { subject, limit: rule.quota, amount: 0 });
                    out.len() - 1
                })
            }
        };
        if let Some(quota) = out.get_mut(at) {
            quota.amount += 1;
        }
        last = Some((rule, at));
    }
    out
}

fn draft(
    vault: &Vault,
    job: &Job,
    all: &[Identity],
    verdicts: &[Verdict<'_>],
    now: u64,
) -> Result<Vec<(Draft, [u8; 32])>, Error> {
    let items: Vec<_> = all.iter().zip(verdicts).collect();
    in_parts(&items, |(identity, verdict)| {
        let outcome = verdict.as_ref().err().map_or(Outcome::Issued, |why| Outcome::Refused(*why));
        Draft::new(vault, identity, &job.requester, now, outcome, &mut getrandom::SysRng)
    })
}

fn extract(settings: &Settings, all: &[Identity], verdicts: &[Verdict<'_>]) -> Result<Vec<PrivateKey>, Error> {
    // Without an issuer everything is refused.
    let Some(issuer) = settings.issuer.as_deref() else { return Ok(Vec::new()) };
    let wanted = all.iter().zip(verdicts).filter(|(_, v)| v.is_ok());
    let items: Vec<(&Issuer, &Identity)> = wanted.map(|(identity, _)| (issuer, identity)).collect();
    let rng = &mut getrandom::SysRng;
    batch::extract(&items, &batch::Options::default(), rng).and_then(batch::all).map_err(Error::Batch)
}

/// The results of all items, in their order, from as many threads as the machine has.
fn in_parts<T: Sync, U: Send>(items: &[T], each: impl Fn(&T) -> Result<U, Error> + Sync) -> Result<Vec<U>, Error> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(SEALERS);
    let each = &each;
    let work = |part: &[T]| part.iter().map(each).collect::<Result<Vec<U>, Error>>();
    if threads == 1 || items.len() < 2 {
        return work(items);
    }
    std::thread::scope(|scope| {
        let parts: Vec<_> =
            items.chunks(items.len().div_ceil(threads)).map(|part| scope.spawn(move || work(part))).collect();
        let mut out = Vec::with_capacity(items.len());
        for part in parts {
            // A thread that panics is a bug of ours; the panic goes on.
            out.extend(part.join().unwrap_or_else(|e| std::panic::resume_unwind(e))?);
        }
        Ok(out)
    })
}
