//! Master keys in the store: several epochs alive at once, each under the wrapping key.
//!
//! | state | issues | in the published parameters |
//! | --- | --- | --- |
//! | prepared | no | yes: clients can fetch it ahead |
//! | current | yes | yes |
//! | overlapping | yes | yes |
//! | retired | no | no |
//!
//! A rotation makes a new epoch current and the old one overlapping; retiring it ends the overlap. Every change raises the version
//! of the settings, so that all nodes see it with their next request.

pub mod backup;
mod epochs;
#[cfg(feature = "pkcs11")]
pub mod pkcs11;
mod vault;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, RwLock};

use rand_core::TryRng;

pub use epochs::{Epoch, State};
pub use vault::{Kind, PKCS11_MAGIC, Vault, Wrapper};

use super::audit::LogKey;
use super::error::Error;
use super::store::settings::Change;
use super::store::{Store, Value};
use crate::error;
use crate::ibe::PublicParameters;
use crate::ibe::extract::Issuer;
use crate::ibe::introduction::{Introduction, Whose};
use crate::keyfile::Protection;
use crate::kgs::{Directory, Setup};
use crate::secret::Secret;

/// Which log it is, and who signs it: what auditors pin. Public.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogName {
    /// Random, drawn with the store.
    pub id: [u8; 32],
    /// Ed25519.
    pub key: [u8; 32],
}

/// The log's name and its signing key.
#[derive(Debug)]
pub(in crate::kgs::server) struct Log {
    pub(in crate::kgs::server) name: LogName,
    pub(in crate::kgs::server) key: LogKey,
}

/// Issuers by serial, as of a version of the settings.
struct Loaded {
    version: u64,
    issuers: BTreeMap<u64, (State, Arc<Issuer>)>,
}

impl Loaded {
    fn parameters(&self) -> Vec<(State, PublicParameters)> {
        self.issuers.values().map(|(state, issuer)| (*state, issuer.parameters().clone())).collect()
    }
}

/// Everything secret that a running server holds.
pub struct Keys {
    store: Store,
    wrapper: Arc<dyn Wrapper>,
    vault: Arc<Vault>,
    log: Arc<Log>,
    loaded: RwLock<Arc<Loaded>>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("log", &self.log.name).finish_non_exhaustive()
    }
}

/// A secret under the wrapping key, off the threads of the runtime: it may take as long as a passphrase wants.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(Error::Closed))
}

impl Keys {
    /// Sets a store up: root secret, log, and a first epoch with serial 1.
    ///
    /// # Errors
    /// [`Error::Exists`] if it has a district, [`Error::Crypto`] for a description that makes no parameters, [`Error::KeyFile`],
    /// [`Error::Store`].
    pub async fn create(store: &Store, wrapper: Arc<dyn Wrapper>, setup: &Setup) -> Result<Self, Error> {
        let first = Epoch::generate(1, setup)?;
        Self::begin(store, wrapper, vec![first]).await
    }

    /// Takes the district of a directory over, all its epochs; the directory stays as it is. `protection` opens its master keys,
    /// which come under `wrapper`.
    ///
    /// # Errors
    /// Those of [`Keys::create`]; [`Error::Directory`].
    pub async fn import(
        store: &Store,
        wrapper: Arc<dyn Wrapper>,
        directory: &Directory,
        protection: &Protection,
    ) -> Result<Self, Error> {
        let mut all = Vec::new();
        for serial in directory.serials()? {
            let issuer = directory.unlock(serial, protection)?;
            let state = match serial.cmp(&directory.current()) {
                std::cmp::Ordering::Less => State::Overlapping,
                std::cmp::Ordering::Equal => State::Current,
                std::cmp::Ordering::Greater => State::Prepared,
            };
            all.push(Epoch { state, issuer: Arc::new(issuer) });
        }
        Self::begin(store, wrapper, all).await
    }

    async fn begin(store: &Store, wrapper: Arc<dyn Wrapper>, all: Vec<Epoch>) -> Result<Self, Error> {
        let rng = &mut getrandom::SysRng;
        let (root, seed) = (Secret::<32>::random(rng)?, Secret::<32>::random(rng)?);
        let vault = Vault::new(&root);
        // The name of a log is public; it goes through a wrapper because that is how random bytes are drawn.
        let id = *Secret::<32>::random(rng)?.expose();
        let public = LogKey::new(&seed).public();
        let sealed_seed = vault.seal("log key", &id, seed.expose(), rng)?;
        let by = Arc::clone(&wrapper);
        let (wrapped, sealed) = blocking(move || {
            let wrapped = by.wrap(Kind::Root, root.expose())?;
            let sealed = all.iter().map(|e| e.wrapped(&*by)).collect::<Result<Vec<_>, _>>()?;
            Ok((wrapped, all.into_iter().zip(sealed).collect::<Vec<_>>()))
        })
        .await?;
        let mut open = store.db.begin().await?;
        if !open.fetch("SELECT id FROM head", Vec::new()).await?.is_empty() {
            return Err(Error::Exists { what: "district" });
        }
        let values = vec![Value::from(&[0; 32])];
        open.execute("INSERT INTO head (id, entries, hash, latest, version) VALUES (1, 0, $1, 0, 0)", values).await?;
        for (name, value) in [
            ("root", Value::Bytes(wrapped)),
            ("log", Value::from(&id)),
            ("log key", Value::Bytes(sealed_seed)),
            ("log public", Value::from(&public)),
        ] {
            open.execute("INSERT INTO meta (name, value) VALUES ($1, $2)", vec![Value::from(name), value]).await?;
        }
        let mut change = Change::first(open, &vault);
        for (epoch, sealed) in &sealed {
            epochs::insert(&mut change, epoch, sealed).await?;
        }
        change.commit().await?;
        Self::open(store, wrapper).await
    }

    /// Opens what a store holds, all master keys that are not retired.
    ///
    /// # Errors
    /// [`Error::Empty`]; [`Error::KeyFile`] for another wrapping key; [`Error::Corrupt`], [`Error::Store`].
    pub async fn open(store: &Store, wrapper: Arc<dyn Wrapper>) -> Result<Self, Error> {
        let name = LogName::of(store).await?;
        let vault = Vault::open_in(store, Arc::clone(&wrapper)).await?;
        let corrupt = || Error::Corrupt { table: "meta" };
        let seed = vault.open("log key", &name.id, &meta(store, "log key").await?).map_err(|_| corrupt())?;
        let key = LogKey::new(&secret(seed.expose()).ok_or_else(corrupt)?);
        if key.public() != name.key {
            return Err(corrupt());
        }
        let none = Loaded { version: 0, issuers: BTreeMap::new() };
        let keys = Self {
            store: store.clone(),
            wrapper,
            vault: Arc::new(vault),
            log: Arc::new(Log { name, key }),
            loaded: RwLock::new(Arc::new(none)),
        };
        keys.load().await?;
        Ok(keys)
    }

    /// Reads epochs anew and unwraps those that are new.
    async fn load(&self) -> Result<Arc<Loaded>, Error> {
        let version = self.store.head().await?.version;
        let known = self.known();
        let mut issuers = BTreeMap::new();
        for row in epochs::rows(&self.store, &self.vault).await? {
            let old = known.issuers.get(&row.serial).map(|(_, issuer)| Arc::clone(issuer));
            let issuer = match old.filter(|issuer| *issuer.parameters() == row.parameters) {
                Some(issuer) => issuer,
                None if row.state == State::Retired => continue,
                None => {
                    let by = Arc::clone(&self.wrapper);
                    let parameters = row.parameters.clone();
                    Arc::new(blocking(move || epochs::unwrapped(&*by, &row.sealed, parameters)).await?)
                }
            };
            if row.state != State::Retired {
                issuers.insert(row.serial, (row.state, issuer));
            }
        }
        let loaded = Arc::new(Loaded { version, issuers });
        match self.loaded.write() {
            Ok(mut place) => *place = Arc::clone(&loaded),
            Err(poisoned) => *poisoned.into_inner() = Arc::clone(&loaded),
        }
        Ok(loaded)
    }

    fn known(&self) -> Arc<Loaded> {
        match self.loaded.read() {
            Ok(loaded) => Arc::clone(&loaded),
            Err(poisoned) => Arc::clone(&poisoned.into_inner()),
        }
    }

    async fn at(&self, version: u64) -> Result<Arc<Loaded>, Error> {
        let known = self.known();
        if known.version >= version { Ok(known) } else { self.load().await }
    }

    /// The issuer of a serial, if it issues under this version of the settings.
    pub(in crate::kgs::server) async fn issuer(&self, serial: u64, version: u64) -> Result<Option<Arc<Issuer>>, Error> {
        let loaded = self.at(version).await?;
        let found = loaded.issuers.get(&serial);
        let issuing = found.filter(|(state, _)| matches!(state, State::Current | State::Overlapping));
        Ok(issuing.map(|(_, issuer)| Arc::clone(issuer)))
    }

    /// The parameters of all epochs that are not retired, with their state, ascending by serial.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Corrupt`], [`Error::KeyFile`].
    pub async fn parameters(&self) -> Result<Vec<(State, PublicParameters)>, Error> {
        Ok(self.at(self.store.head().await?.version).await?.parameters())
    }

    /// The same as of the last time that somebody asked the store.
    pub(in crate::kgs::server) fn known_parameters(&self) -> Vec<(State, PublicParameters)> {
        self.known().parameters()
    }

    /// The parameters in use.
    ///
    /// # Errors
    /// Those of [`Keys::parameters`]; [`Error::Empty`] if no epoch is current.
    pub async fn current(&self) -> Result<PublicParameters, Error> {
        let all = self.parameters().await?;
        all.into_iter().find(|(state, _)| *state == State::Current).map(|(_, p)| p).ok_or(Error::Empty)
    }

    /// Begins a new epoch, current from now on unless it is only prepared; the old one goes on issuing.
    ///
    /// # Errors
    /// [`Error::Input`] for another district; [`Error::Crypto`], [`Error::KeyFile`], [`Error::Settings`], [`Error::Store`].
    pub async fn rotate(&self, setup: &Setup, prepare_only: bool) -> Result<PublicParameters, Error> {
        if self.current().await?.district() != &setup.district {
            return Err(Error::Input { what: "a rotation cannot change the district's name" });
        }
        let last = epochs::rows(&self.store, &self.vault).await?.iter().map(|r| r.serial).max().unwrap_or(0);
        let mut epoch = Epoch::generate(last + 1, setup)?;
        if prepare_only {
            epoch.state = State::Prepared;
        }
        let parameters = epoch.issuer.parameters().clone();
        let by = Arc::clone(&self.wrapper);
        let (epoch, sealed) = blocking(move || epoch.wrapped(&*by).map(|sealed| (epoch, sealed))).await?;
        let mut change = self.store.change(&self.vault).await?;
        if epoch.state == State::Current {
            epochs::demote(&mut change, &self.vault, epoch.issuer.parameters().serial()).await?;
        }
        // Somebody else may have taken the serial meanwhile: then this fails as a conflict.
        epochs::insert(&mut change, &epoch, &sealed).await?;
        change.commit().await?;
        Ok(parameters)
    }

    /// Puts an epoch into another state: a prepared one becomes current, an overlapping one is retired.
    ///
    /// # Errors
    /// [`Error::Unknown`]; [`Error::Input`] for the current one, which is replaced and never just taken away; [`Error::Settings`],
    /// [`Error::Store`].
    pub async fn set_state(&self, serial: u64, state: State) -> Result<(), Error> {
        let mut change = self.store.change(&self.vault).await?;
        if state == State::Current {
            epochs::demote(&mut change, &self.vault, serial).await?;
        }
        epochs::put_into(&mut change, &self.vault, serial, state).await?;
        change.commit().await
    }

    /// Vouches for other parameters with the master key in use ([`Issuer::introduce`]).
    ///
    /// # Errors
    /// [`Error::Empty`] if no epoch is current; [`Error::Crypto`] as there; [`Error::Settings`] if they are not as they were left;
    /// [`Error::Store`], [`Error::Corrupt`].
    pub async fn introduce(
        &self,
        parameters: &PublicParameters,
        whose: &[Whose],
        from: u64,
        until: u64,
    ) -> Result<Introduction, Error> {
        // It is good for long: not by an epoch that somebody has put back.
        let version = self.store.check_settings(&self.vault).await?;
        let loaded = self.at(version).await?;
        let mut all = loaded.issuers.values();
        let (_, issuer) = all.find(|(state, _)| *state == State::Current).ok_or(Error::Empty)?;
        Ok(issuer.introduce(parameters, whose, from, until)?)
    }

    /// The root secret at work.
    pub const fn vault(&self) -> &Arc<Vault> {
        &self.vault
    }

    /// The name of the log.
    pub fn log(&self) -> LogName {
        self.log.name
    }

    pub(in crate::kgs::server) const fn log_key(&self) -> &Arc<Log> {
        &self.log
    }

    /// The store that the keys are in.
    pub const fn store(&self) -> &Store {
        &self.store
    }
}

impl Vault {
    /// Opens the vault of a store alone: enough for users, rules and the log, and no master key is unwrapped for it.
    ///
    /// # Errors
    /// [`Error::Empty`]; [`Error::KeyFile`] for another wrapping key; [`Error::Corrupt`], [`Error::Store`].
    pub async fn open_in(store: &Store, wrapper: Arc<dyn Wrapper>) -> Result<Self, Error> {
        let wrapped = Self::wrapped_root(store).await?;
        let root = blocking(move || wrapper.unwrap(Kind::Root, &wrapped)).await?;
        Ok(Self::new(&secret(root.expose()).ok_or(Error::Corrupt { table: "meta" })?))
    }

    /// The root secret as it is kept: shows by what it is protected.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::Store`].
    pub async fn wrapped_root(store: &Store) -> Result<Vec<u8>, Error> {
        meta(store, "root").await
    }
}

impl LogName {
    /// As the store says; nothing secret is needed for that.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::Store`].
    pub async fn of(store: &Store) -> Result<Self, Error> {
        let array = |bytes: Vec<u8>| bytes.try_into().map_err(|_| Error::Corrupt { table: "meta" });
        Ok(Self { id: array(meta(store, "log").await?)?, key: array(meta(store, "log public").await?)? })
    }
}

async fn meta(store: &Store, name: &str) -> Result<Vec<u8>, Error> {
    let rows = store.db.fetch("SELECT value FROM meta WHERE name = $1", vec![Value::from(name)]).await?;
    Ok(rows.first().ok_or(Error::Empty)?.bytes("meta", 0)?.to_vec())
}

fn secret(bytes: &[u8]) -> Option<Secret<32>> {
    let mut out = Secret::zero();
    *out.as_mut() = *<&[u8; 32]>::try_from(bytes).ok()?;
    Some(out)
}

/// Fresh public bytes.
pub(in crate::kgs::server) fn draw<const N: usize>() -> Result<[u8; N], Error> {
    let mut out = [0; N];
    getrandom::SysRng.try_fill_bytes(&mut out).map_err(|_| error::Error::Random)?;
    Ok(out)
}
