//! Issuing: policy, extraction, the seal, the log, the reply; in that order.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::audit::entry::{Draft, Link, Outcome};
use super::audit::writer::{Habits, Writer};
use super::auth::Requester;
use super::error::{Error, Refusal};
use super::keys::Keys;
use super::policy;
use super::store::log::{Appended, Quota, Submission};
use super::store::view::View;
use super::watch::Watch;
use crate::batch;
use crate::ibe::Identity;
use crate::ibe::extract::{Issuer, PrivateKey};
use crate::kgs::rfc5408::{sealed_aad, sealed_info};
use crate::sealing;
use crate::secret::SecretVec;

/// Most keys of one request.
pub const KEYS: usize = 64;
/// How often a request is decided anew because settings changed meanwhile.
pub(in crate::kgs::server) const ATTEMPTS: usize = 8;
/// Shortest time between two looks at all settings.
const SHORTEST: Duration = Duration::from_millis(100);
/// Seconds for which a request is remembered, so that it is answered once.
const REMEMBERED: u64 = 900;

/// How keys leave the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transit {
    /// Sealed to a key that the requester has drawn for this request.
    Sealed {
        /// The HPKE public key (DHKEM X25519), see [`sealing::Opener`].
        to: [u8; sealing::PUBLIC],
        /// What the seal is bound to: the request as it came, or its hash.
        request: Vec<u8>,
    },
    /// As they are, for interworking: whoever can read the connection, or knows the credential, has them.
    Plain,
}

impl Transit {
    /// `info` of the seal.
    pub fn info(request: &[u8]) -> Vec<u8> {
        sealed_info(request)
    }

    /// `aad` of the seal: whose key it is, under which parameters.
    pub fn aad(fingerprint: &[u8; 32], identity: &Identity) -> Vec<u8> {
        sealed_aad(fingerprint, identity)
    }
}

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Request {
    /// Which keys, at most [`KEYS`], none twice.
    pub identities: Vec<Identity>,
    /// How they leave.
    pub transit: Transit,
}

/// One key on its way.
#[derive(Debug)]
pub struct Issued {
    /// Whose.
    pub identity: Identity,
    /// [`PrivateKey::to_bytes`], sealed or not.
    pub key: SecretVec,
    /// The entry of the log that says so.
    pub link: Link,
    /// With this, identity, requester and the entry its owner can open the commitment.
    pub salt: [u8; 32],
}

/// How the service works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How the log is kept.
    pub habits: Habits,
    /// Extractions at the same time.
    pub threads: usize,
    /// Requests that may wait for one of these.
    pub queue: usize,
    /// How long whoever keeps the service waits between two looks at all settings.
    pub check: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Self { habits: Habits::default(), threads, queue: 1_024, check: Duration::from_secs(300) }
    }
}

/// A key-generation server without its transport. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub struct Service {
    keys: Arc<Keys>,
    writer: Writer,
    watch: Arc<Watch>,
    check: Duration,
    threads: Arc<Semaphore>,
    queue: Arc<Semaphore>,
}

/// What was decided, and under which settings.
struct Decision {
    version: u64,
    issuers: Vec<Arc<Issuer>>,
    quotas: Vec<Quota>,
}

impl Service {
    /// Starts the writer of the log on the runtime of the caller.
    pub fn new(keys: Arc<Keys>, settings: Settings) -> Self {
        let writer = Writer::start(keys.store().clone(), Arc::clone(keys.log_key()), settings.habits);
        let threads = settings.threads.clamp(1, 1_024);
        let queue = Arc::new(Semaphore::new(threads + settings.queue.min(65_536)));
        let watch = Arc::new(Watch::new(keys.store().clone(), Arc::clone(keys.vault())));
        let check = settings.check.max(SHORTEST);
        Self { keys, writer, watch, check, threads: Arc::new(Semaphore::new(threads)), queue }
    }

    /// The keys that it issues with.
    pub const fn keys(&self) -> &Arc<Keys> {
        &self.keys
    }

    /// The writer of its log.
    pub const fn log(&self) -> &Writer {
        &self.writer
    }

    /// Whether the log would take an entry at `now`, and the settings are as they were left.
    ///
    /// # Errors
    /// What is in the way: [`Error::Store`], also if it was so when it was last tried to write; [`Error::Clock`];
    /// [`Error::Corrupt`]; [`Error::Settings`].
    pub async fn ready(&self, now: u64) -> Result<(), Error> {
        self.writer.ready(now).await?;
        self.settings_hold().await
    }

    /// Looks at all settings now ([`super::Store::check_settings`]). While they are not as they were left nothing is issued; a look
    /// that finds them right again ends that. The first request does it by itself; whoever keeps the service does it again from
    /// time to time ([`Settings::check`]).
    ///
    /// # Errors
    /// [`Error::Settings`] with what is wrong, also if the version is older than one that was seen; [`Error::Store`] and the
    /// like, which leave things as they were.
    pub async fn check_settings(&self) -> Result<(), Error> {
        self.watch.look().await
    }

    /// What the last look has found; `None` before the first.
    pub fn settings_good(&self) -> Option<bool> {
        self.watch.good()
    }

    /// Whether requests may be decided by the settings as they are, as far as this node knows: it looks at all of them only if it
    /// has never done so, or if they have changed since they were not right.
    ///
    /// # Errors
    /// As [`Service::check_settings`].
    pub async fn settings_hold(&self) -> Result<(), Error> {
        self.hold(self.keys.store().head().await?.version).await
    }

    /// The same for a version that was just read.
    pub(in crate::kgs::server) async fn hold(&self, version: u64) -> Result<(), Error> {
        self.watch.hold(version).await
    }

    /// How long whoever keeps it waits between two looks.
    pub const fn check_every(&self) -> Duration {
        self.check
    }

    /// Issues all keys of a request, or none.
    ///
    /// A refusal is in the log too, when it comes. Keys are computed, checked and sealed before the log is asked, and come out only
    /// when their entries are durable. `now` is the server's clock.
    ///
    /// # Errors
    /// [`Error::Refused`] by policy, with the place of the identity; [`Error::TooMany`]; [`Error::Input`] for one twice;
    /// [`Error::Busy`]; [`Error::Clock`]; [`Error::Crypto`] for a key to seal to that is none; [`Error::Store`],
    /// [`Error::Settings`], and then nothing is issued.
    pub async fn issue(&self, requester: &Requester, request: &Request, now: u64) -> Result<Vec<Issued>, Error> {
        let got = request.identities.len();
        if got == 0 || got > KEYS {
            return Err(Error::TooMany { limit: KEYS, got });
        }
        let mut seen = std::collections::HashSet::new();
        if !request.identities.iter().all(|identity| seen.insert(identity.der())) {
            return Err(Error::Input { what: "an identity stands in the request twice" });
        }
        let _waiting = self.queue.try_acquire().map_err(|_| Error::Busy { retry: 1 })?;
        let mut ready = None;
        for _ in 0..ATTEMPTS {
            let decision = match self.decide(requester, &request.identities, now).await {
                Ok(decision) => decision,
                Err(Undecided::Failed(e)) => return Err(e),
                Err(Undecided::Refused { why, item, version }) => {
                    match self.refuse(requester, request, why, item, Some(version), now).await? {
                        Appended::Stale => continue,
                        _ => return Err(Error::Refused { why, item }),
                    }
                }
            };
            // Settings decide whether keys leave, not which: what has been computed stays right.
            let sealed = match ready.take() {
                Some(sealed) => sealed,
                None => self.extract(&decision.issuers, request).await?,
            };
            let (drafts, salts) = self.drafts(requester, &request.identities, now)?;
            let submission = Submission {
                drafts,
                version: Some(decision.version),
                once: self.once(requester, request, now),
                quotas: decision.quotas,
                chunk: None,
            };
            match self.writer.append(submission).await? {
                Appended::Stale => ready = Some(sealed),
                Appended::Refused(why) => {
                    self.refuse(requester, request, why, 0, None, now).await?;
                    return Err(Error::Refused { why, item: 0 });
                }
                Appended::Lost => return Err(Error::Closed),
                Appended::Done(links) => return Ok(joined(&request.identities, sealed, links, salts)),
            }
        }
        // Somebody changes settings faster than requests can be decided.
        Err(Error::Busy { retry: 1 })
    }

    /// A place among those that compute.
    pub(in crate::kgs::server) async fn thread(&self) -> Result<OwnedSemaphorePermit, Error> {
        Arc::clone(&self.threads).acquire_owned().await.map_err(|_| Error::Closed)
    }

    /// Entries that say that these were issued, and their salts.
    fn drafts(
        &self,
        requester: &Requester,
        identities: &[Identity],
        now: u64,
    ) -> Result<(Vec<Draft>, Vec<[u8; 32]>), Error> {
        let (vault, rng) = (self.keys.vault(), &mut getrandom::SysRng);
        let draft = |identity| Draft::new(vault, identity, requester.name(), now, Outcome::Issued, rng);
        Ok(identities.iter().map(draft).collect::<Result<Vec<_>, _>>()?.into_iter().unzip())
    }

    /// What must not be seen twice: what authentication says, and the key to which the answer is sealed.
    fn once(&self, requester: &Requester, request: &Request, now: u64) -> Vec<([u8; 32], u64)> {
        let until = now.saturating_add(REMEMBERED);
        let sealed = match &request.transit {
            Transit::Sealed { to, request } => {
                let what = [requester.name().as_bytes(), &[0], &to[..], request].concat();
                Some(self.keys.vault().lookup("request", &what))
            }
            Transit::Plain => None,
        };
        requester.once().iter().copied().chain(sealed).map(|seen| (seen, until)).collect()
    }

    async fn decide(&self, requester: &Requester, identities: &[Identity], now: u64) -> Result<Decision, Undecided> {
        let (store, vault) = (self.keys.store(), self.keys.vault());
        let first = identities.first().ok_or(Error::Closed)?.name();
        // With the version, so that whatever changes from here on is noticed when the entry is appended.
        let view = store.view(vault, requester.name(), first).await;
        // What is the matter with all settings comes before what is the matter with one row.
        if matches!(view, Err(Error::Corrupt { .. })) {
            self.settings_hold().await?;
        }
        let View { version, user, rules, revoked } = view?;
        self.hold(version).await?;
        let refused = |why, item| Undecided::Refused { why, item, version };
        if !requester.may_issue() {
            return Err(refused(Refusal::Scope, 0));
        }
        if user.is_none_or(|user| user.disabled) {
            return Err(refused(Refusal::Disabled, 0));
        }
        let mut issuers = Vec::with_capacity(identities.len());
        let mut quotas: Vec<Quota> = Vec::new();
        for (item, identity) in identities.iter().enumerate() {
            let rule = policy::decide(&rules, identity, now).map_err(|why| refused(why, item))?;
            // Several days of one name are what requests are for mostly.
            let since = if identity.name() == first { revoked } else { store.revoked(vault, identity.name()).await? };
            if since.is_some_and(|since| policy::is_revoked(since, identity)) {
                return Err(refused(Refusal::Revoked, item));
            }
            let issuer = self.keys.issuer(identity.serial(), version).await?;
            let issuer = issuer.ok_or_else(|| refused(Refusal::Epoch, item))?;
            issuer.parameters().check_identity(identity).map_err(|_| refused(Refusal::Epoch, item))?;
            issuers.push(issuer);
            if rule.quota > 0 {
                let subject = policy::quota_subject(vault, requester.name(), rule);
                match quotas.iter_mut().find(|q| q.subject == subject) {
                    Some(quota) => quota.amount += 1,
                    None => quotas.push(Quota { subject, limit: rule.quota, amount: 1 }),
                }
            }
        }
        Ok(Decision { version, issuers, quotas })
    }

    /// Extracts and seals, on threads of its own. Both `Issuer::extract` and the batch check what they made.
    async fn extract(&self, issuers: &[Arc<Issuer>], request: &Request) -> Result<Vec<SecretVec>, Error> {
        let permit = self.thread().await?;
        let (issuers, request) = (issuers.to_vec(), request.clone());
        let work = move || {
            let _permit = permit;
            let items: Vec<(&Issuer, &Identity)> =
                issuers.iter().map(|issuer| &**issuer).zip(&request.identities).collect();
            let rng = &mut getrandom::SysRng;
            let keys: Vec<PrivateKey> = match items.as_slice() {
                [(issuer, identity)] => vec![issuer.extract(identity)?],
                items => {
                    batch::extract(items, &batch::Options::default(), rng).and_then(batch::all).map_err(Error::Batch)?
                }
            };
            keys.iter().map(|key| seal(key, &request.transit)).collect()
        };
        tokio::task::spawn_blocking(work).await.unwrap_or(Err(Error::Closed))
    }

    /// Puts a refusal into the log.
    async fn refuse(
        &self,
        requester: &Requester,
        request: &Request,
        why: Refusal,
        item: usize,
        version: Option<u64>,
        now: u64,
    ) -> Result<Appended, Error> {
        let identity = request.identities.get(item).ok_or(Error::Closed)?;
        let outcome = Outcome::Refused(why);
        let rng = &mut getrandom::SysRng;
        let (draft, _) = Draft::new(self.keys.vault(), identity, requester.name(), now, outcome, rng)?;
        let submission = Submission { drafts: vec![draft], version, once: Vec::new(), quotas: Vec::new(), chunk: None };
        self.writer.append(submission).await
    }
}

fn joined(identities: &[Identity], keys: Vec<SecretVec>, links: Vec<Link>, salts: Vec<[u8; 32]>) -> Vec<Issued> {
    let all = identities.iter().zip(keys).zip(links).zip(salts);
    all.map(|(((identity, key), link), salt)| Issued { identity: identity.clone(), key, link, salt }).collect()
}

fn seal(key: &PrivateKey, transit: &Transit) -> Result<SecretVec, Error> {
    let bytes = key.to_bytes();
    match transit {
        Transit::Plain => Ok(bytes),
        Transit::Sealed { to, request } => {
            let aad = Transit::aad(key.fingerprint(), key.identity());
            let sealed = sealing::seal(to, &Transit::info(request), &aad, bytes.expose(), &mut getrandom::SysRng)?;
            Ok(SecretVec::new(sealed))
        }
    }
}

/// Why there is no decision to issue.
enum Undecided {
    Failed(Error),
    Refused { why: Refusal, item: usize, version: u64 },
}

impl From<Error> for Undecided {
    fn from(e: Error) -> Self {
        Self::Failed(e)
    }
}
