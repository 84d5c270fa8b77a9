//! Whether this node may go by the settings: the result of the last look at all of them, and the highest version it has seen.
//!
//! The first request waits for a look; whoever keeps a service looks again from time to time ([`super::Service::check_settings`]). In
//! between every request compares the version: a new one counts if the sum over the settings is sealed for it, an older one than
//! was seen never does.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::error::{Error, Unsettled};
use super::keys::Vault;
use super::store::Store;

/// What a look has found.
#[derive(Clone, Debug)]
struct Verdict {
    /// The version that the store had.
    version: u64,
    /// [`Error::Settings`] or nothing.
    result: Result<(), Error>,
}

/// What a node knows of its settings.
#[derive(Debug)]
pub(super) struct Watch {
    store: Store,
    vault: Arc<Vault>,
    /// The highest version for which a sum was sealed.
    seen: AtomicU64,
    last: Mutex<Option<Verdict>>,
    /// One look at a time: those who wait for it take its result.
    looking: tokio::sync::Mutex<()>,
}

impl Watch {
    pub(super) fn new(store: Store, vault: Arc<Vault>) -> Self {
        let (last, looking) = (Mutex::new(None), tokio::sync::Mutex::new(()));
        Self { store, vault, seen: AtomicU64::new(0), last, looking }
    }

    fn last(&self) -> std::sync::MutexGuard<'_, Option<Verdict>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the last look has found; `None` before the first.
    pub(super) fn good(&self) -> Option<bool> {
        self.last().as_ref().map(|v| v.result.is_ok())
    }

    /// Looks at all settings now.
    ///
    /// # Errors
    /// [`Error::Settings`]; [`Error::Store`] and the like, which say nothing about settings and leave what was found before.
    pub(super) async fn look(&self) -> Result<(), Error> {
        let _one = self.looking.lock().await;
        self.look_alone().await
    }

    async fn look_alone(&self) -> Result<(), Error> {
        let seen = self.seen.load(Ordering::SeqCst);
        let version = self.store.head().await?.version;
        let result = match self.store.check_settings(&self.vault).await {
            Ok(found) => self.note(seen, found),
            Err(e @ Error::Settings { .. }) => Err(e),
            Err(e) => return Err(e),
        };
        *self.last() = Some(Verdict { version, result: result.clone() });
        result
    }

    /// A version whose sum holds, read after `seen` was.
    fn note(&self, seen: u64, found: u64) -> Result<(), Error> {
        if found < seen {
            return Err(Error::Settings { what: Unsettled::Older { seen, found } });
        }
        self.seen.fetch_max(found, Ordering::SeqCst);
        Ok(())
    }

    /// Whether a decision may be made under this version. Without a change of settings it only compares.
    ///
    /// # Errors
    /// As [`Watch::look`].
    pub(super) async fn hold(&self, version: u64) -> Result<(), Error> {
        let known = |version| match &*self.last() {
            Some(Verdict { result: Ok(()), .. }) => Some(Ok(())),
            // Whoever repairs settings changes them.
            Some(v) if v.version == version => Some(v.result.clone()),
            _ => None,
        };
        match known(version) {
            Some(result) => result?,
            None => {
                let _one = self.looking.lock().await;
                match known(version) {
                    Some(result) => result?,
                    None => self.look_alone().await?,
                }
            }
        }
        let seen = self.seen.load(Ordering::SeqCst);
        if version == seen {
            return Ok(());
        }
        // Read anew: what the caller has read may be from before what others have seen meanwhile.
        let found = self.store.check_version(&self.vault).await?;
        self.note(seen, found)
    }
}
