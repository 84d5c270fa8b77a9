//! Passwords: Argon2id on a bounded pool of threads.
//!
//! Argon2 is slow and takes memory on purpose, so strangers could occupy a server with it. At most `threads` run at a time and
//! `queue` requests wait; whoever comes then is told when to come again. One Argon2 is computed for every attempt, whether there is
//! such a user or not: [`Passwords::runs`] counts them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use argon2::{Algorithm, Argon2, Params, Version};
use subtle::ConstantTimeEq;
use tokio::sync::Semaphore;

use super::{Requester, Via};
use crate::encoding::{Reader, Writer};
use crate::kgs::server::error::Error;
use crate::kgs::server::keys::{Vault, draw};
use crate::kgs::server::store::Store;
use crate::kgs::server::store::tables::CredentialKind;
use crate::secret::{Secret, SecretVec};

/// Longest password in bytes.
pub const PASSWORD_MAX: usize = 1_024;
const PURPOSE: &str = "password";

/// How dear a guess is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    /// Memory in KiB.
    pub kib: u32,
    /// Passes over it.
    pub passes: u32,
}

impl Price {
    /// 19 MiB and 2 passes on one lane: what OWASP's password storage guide recommends for servers.
    pub const RECOMMENDED: Self = Self { kib: 19 * 1024, passes: 2 };
}

/// What is stored of a password.
struct Stored {
    price: Price,
    salt: [u8; 16],
    hash: [u8; 32],
}

impl Stored {
    fn to_bytes(&self) -> Vec<u8> {
        let mut w = Writer::new();
        w.u32(self.price.kib).u32(self.price.passes).bytes(&self.salt).bytes(&self.hash);
        w.finish()
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let corrupt = |_| Error::Corrupt { table: "credentials" };
        let mut r = Reader::new(bytes);
        let price = Price { kib: r.u32("memory").map_err(corrupt)?, passes: r.u32("passes").map_err(corrupt)? };
        let salt = *r.array("salt").map_err(corrupt)?;
        let hash = *r.array("hash").map_err(corrupt)?;
        r.finish("password").map_err(corrupt)?;
        Ok(Self { price, salt, hash })
    }
}

/// The pool.
#[derive(Clone, Debug)]
pub struct Passwords {
    store: Store,
    vault: Arc<Vault>,
    price: Price,
    threads: Arc<Semaphore>,
    queue: Arc<Semaphore>,
    runs: Arc<AtomicU64>,
}

impl Passwords {
    /// At most `threads` at a time, at most `queue` that wait. `price` is that of new passwords and of strangers.
    pub fn new(store: Store, vault: Arc<Vault>, price: Price, threads: usize, queue: usize) -> Self {
        let threads = threads.clamp(1, 64);
        Self {
            store,
            vault,
            price,
            threads: Arc::new(Semaphore::new(threads)),
            queue: Arc::new(Semaphore::new(threads + queue.min(1_024))),
            runs: Arc::default(),
        }
    }

    /// How many times Argon2 has been computed.
    pub fn runs(&self) -> u64 {
        self.runs.load(Ordering::Relaxed)
    }

    async fn run(&self, password: SecretVec, salt: [u8; 16], price: Price) -> Result<Secret<32>, Error> {
        let permit = Arc::clone(&self.threads).acquire_owned().await.map_err(|_| Error::Closed)?;
        self.runs.fetch_add(1, Ordering::Relaxed);
        let work = move || {
            let _permit = permit;
            let wrong = |_| Error::Corrupt { table: "credentials" };
            let params = Params::new(price.kib, price.passes, 1, Some(32)).map_err(wrong)?;
            let mut out = Secret::zero();
            let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
            argon.hash_password_into(password.expose(), &salt, out.as_mut()).map_err(wrong)?;
            Ok(out)
        };
        tokio::task::spawn_blocking(work).await.unwrap_or(Err(Error::Closed))
    }

    /// Gives a user a password, or another one.
    ///
    /// # Errors
    /// [`Error::Input`] for an empty or too long one; [`Error::Unknown`]; [`Error::Store`].
    pub async fn set(&self, user: &str, password: SecretVec) -> Result<(), Error> {
        if !(1..=PASSWORD_MAX).contains(&password.expose().len()) {
            return Err(Error::Input { what: "a password has 1 to 1024 bytes" });
        }
        let (salt, price) = (draw()?, self.price);
        let hash = *self.run(password, salt, price).await?.expose();
        let bytes = SecretVec::new(Stored { price, salt, hash }.to_bytes());
        let sealed = self.vault.seal(PURPOSE, user.as_bytes(), bytes.expose(), &mut getrandom::SysRng)?;
        let lookup = self.vault.lookup(PURPOSE, user.as_bytes());
        self.store.set_credential(&self.vault, CredentialKind::Password, &lookup, user, sealed).await
    }

    /// Compares.
    ///
    /// # Errors
    /// [`Error::Unauthentic`] for a stranger, for a user without a password and for a wrong one, after one Argon2 each;
    /// [`Error::Busy`] before any; [`Error::Store`], [`Error::Corrupt`].
    ///
    /// # Timing
    /// The same work for all three; the comparison is constant in the hash. A password stored at another price takes its own.
    pub async fn check(&self, user: &str, password: SecretVec) -> Result<Requester, Error> {
        // About as long as those that wait need.
        let _waiting = self.queue.try_acquire().map_err(|_| Error::Busy { retry: 2 })?;
        let fits = password.expose().len() <= PASSWORD_MAX;
        let password = if fits { password } else { SecretVec::new(vec![0]) };
        let lookup = self.vault.lookup(PURPOSE, user.as_bytes());
        let found = self.store.credential(CredentialKind::Password, &lookup).await?;
        let known = match &found {
            Some((owner, sealed)) if owner == user => {
                let corrupt = |_| Error::Corrupt { table: "credentials" };
                let bytes = self.vault.open(PURPOSE, user.as_bytes(), sealed).map_err(corrupt)?;
                Some(Stored::from_bytes(bytes.expose())?)
            }
            Some(_) => return Err(Error::Corrupt { table: "credentials" }),
            None => None,
        };
        let is_known = known.is_some();
        let stored = known.unwrap_or_else(|| {
            let fake = self.vault.stranger(PURPOSE, user.as_bytes());
            let mut salt = [0; 16];
            salt.iter_mut().zip(fake.expose()).for_each(|(s, f)| *s = *f);
            Stored { price: self.price, salt, hash: *fake.expose() }
        });
        let hash = self.run(password, stored.salt, stored.price).await?;
        let same = bool::from(hash.expose().ct_eq(&stored.hash));
        if same && is_known && fits { Ok(Requester::new(user, Via::Password)) } else { Err(Error::Unauthentic) }
    }
}
