//! What all requests share.

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use tokio::sync::Semaphore;

use super::super::auth::guard::Rates;
use super::super::auth::{Guard, Pace, Passwords, PskSource, PskTable};
use super::super::error::Error;
use super::super::service::Service;
use super::metrics::{Metrics, State};
use super::tls::Tls;
use super::{Config, now};

/// The server without its connections. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Http(Arc<Inner>);

/// What an [`Http`] is a handle of.
pub struct Inner {
    pub(super) service: Service,
    pub(super) passwords: Passwords,
    pub(super) guard: Guard,
    sources: Pace,
    users: Pace,
    /// From here the paces are counted.
    begun: Instant,
    pub(super) psk: Arc<dyn PskSource>,
    pub(super) config: Config,
    pub(super) metrics: Metrics,
    pub(super) mikey: Semaphore,
    /// The certificate, once a socket serves.
    pub(super) tls: OnceLock<Tls>,
    /// How many lines of the log have been lost, where that is known.
    lost: OnceLock<Box<dyn Fn() -> u64 + Send + Sync>>,
    /// The path of the district's URI, empty if it has none.
    pub(super) path: String,
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").field("config", &self.0.config).finish_non_exhaustive()
    }
}

impl std::ops::Deref for Http {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Http {
    /// Around a service.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::Store`]: the district's name decides about a route.
    pub async fn new(service: Service, config: Config) -> Result<Self, Error> {
        let keys = service.keys();
        let (store, vault) = (keys.store().clone(), Arc::clone(keys.vault()));
        let current = keys.current().await?;
        let rest = current.district().as_str().strip_prefix("https://").unwrap_or_default();
        let path = rest.find('/').and_then(|at| rest.get(at..)).unwrap_or_default().to_owned();
        let (threads, queue) = config.passwords;
        let table = || Arc::new(PskTable { store: store.clone(), vault: Arc::clone(&vault) }) as Arc<dyn PskSource>;
        let psk = config.psk.clone().unwrap_or_else(table);
        let passwords = Passwords::new(store, vault, config.price, threads, queue);
        let (guard, mikey) = (Guard::new(config.rates), Semaphore::new(config.limits.mikey_threads));
        let Rates { requests, keys, counts, .. } = config.rates;
        let (sources, users) = (Pace::new("pace source", requests, counts), Pace::new("pace user", keys, counts));
        Ok(Self(Arc::new(Inner {
            service,
            passwords,
            guard,
            sources,
            users,
            begun: Instant::now(),
            psk,
            config,
            metrics: Metrics::default(),
            mikey,
            tls: OnceLock::new(),
            lost: OnceLock::new(),
            path,
        })))
    }

    /// What it has counted.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Says how many lines of the log have been lost so far: metrics show it. The first one that says so counts.
    pub fn counts_lost_lines(&self, lost: impl Fn() -> u64 + Send + Sync + 'static) {
        let _ = self.0.lost.set(Box::new(lost));
    }

    pub(super) fn serves_with(&self, tls: &Tls) {
        // One socket is the rule; of several the first is watched.
        let _ = self.0.tls.set(tls.clone());
    }

    /// Whether it can issue: the store answers and takes entries of now, the settings are as they were left, the current
    /// parameters may be used, and so may the certificate.
    ///
    /// # Errors
    /// What is in the way.
    pub async fn ready(&self) -> Result<(), Error> {
        self.service.ready(now()).await?;
        let keys = self.service.keys();
        keys.current().await?.check_time(now()).map_err(|e| Error::Crypto(e.into()))?;
        match self.tls.get().and_then(Tls::validity) {
            Some(v) if now() < v.from => Err(Error::Certificate { expired: false }),
            Some(v) if now() >= v.to => Err(Error::Certificate { expired: true }),
            _ => Ok(()),
        }
    }

    /// What metrics say besides counters.
    pub(super) fn measured(&self) -> State {
        let tls = self.tls.get();
        let left = |to: u64| i64::try_from(to).unwrap_or(i64::MAX).saturating_sub_unsigned(now());
        State {
            argon2: self.passwords.runs(),
            certificate: tls.and_then(Tls::validity).map(|v| left(v.to)),
            reloads: tls.map_or((0, 0), Tls::reloads),
            lost: self.lost.get().map_or(0, |lost| lost()),
            settings: self.service.settings_good(),
        }
    }
}

impl Inner {
    /// One more request from there.
    pub(super) fn pace_of_source(&self, ip: IpAddr) -> Result<(), Error> {
        self.sources.take(self.service.keys().vault(), &source(ip), 1, self.begun.elapsed())
    }

    /// So many more keys for a user.
    pub(super) fn pace_of_user(&self, name: &str, keys: usize) -> Result<(), Error> {
        self.users.take(self.service.keys().vault(), name.as_bytes(), keys as u64, self.begun.elapsed())
    }

    /// A name in the log for somebody: the same for the same, and nobody without the store can tell whose.
    pub(super) fn pseudonym(&self, kind: &str, of: &[u8]) -> String {
        let hash = self.service.keys().vault().lookup(kind, of);
        base16ct::lower::encode_string(hash.get(..8).unwrap_or_default())
    }
}

/// Where a request comes from, as far as one person can have many addresses.
pub(super) fn source(ip: IpAddr) -> Vec<u8> {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().get(..8).unwrap_or_default().to_vec(),
    }
}
