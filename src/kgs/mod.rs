//! A district in a directory: its master keys at rest, its public parameters, and which of them is current.
//!
//! ```text
//! DIR/                       mode 0700
//!   master-1.key             master secret, a keyfile envelope of kind 1
//!   params-1.txt             its public parameters as text armour
//!   master-2.key ..          one pair more for every rotation; old ones stay, so that old keys can still be issued
//!   current                  the serial in use, decimal
//! ```
//!
//! A district is made in a directory beside its place and moved there when it is complete. A rotation writes the new
//! pair first and switches `current` last, by replacing the file. So whatever moment a crash or a full disk comes at,
//! the directory is either as it was or as it should be; at most a pair of files with an unused serial is left behind,
//! which later rotations pass over.
//!
//! Keys for many users at once: [`bulk`]; each user's, sealed to them: [`bundle`].
//!
//! Like everything at this level it reads no clock: the caller passes times.

pub mod bulk;
pub mod bundle;
mod error;
pub mod rfc5408;
#[cfg(feature = "server")]
pub mod server;
mod setup;

use std::fs;
use std::path::{Path, PathBuf};

use rand_core::TryCryptoRng;

pub use error::Error;
pub use setup::Setup;

use crate::ibe::extract::{Issuer, MasterKey, PrivateKey};
use crate::ibe::identity::{Identity, Purpose};
use crate::ibe::name::Name;
use crate::ibe::params::PublicParameters;
use crate::keyfile::{self, Protection};
use crate::secret::SecretVec;

/// Kind of the keyfile envelope around a master secret.
pub const MASTER_KIND: u8 = 1;
/// Kind of the keyfile envelope around the private key of an identity.
pub const PRIVATE_KEY_KIND: u8 = 2;
/// Kind of the keyfile envelope around the secret of an inbox: [`bundle`].
pub const INBOX_KIND: u8 = 4;
/// Most periods that are issued at once.
pub const PERIOD_LIMIT: usize = 1_000;

const CURRENT: &str = "current";

/// A district's directory. Holds nothing secret: [`Directory::unlock`] gives the issuer.
#[derive(Clone, Debug)]
pub struct Directory {
    path: PathBuf,
    current: u64,
}

impl Directory {
    /// Sets a district up: a fresh master key with serial 1, its parameters, and the directory that holds them.
    ///
    /// # Errors
    /// [`Error::Exists`] if something is there already (an empty directory is taken over), [`Error::Crypto`] for a
    /// description that makes no parameters, [`Error::KeyFile`], [`Error::Io`]. Nothing is left behind in any of these
    /// cases.
    pub fn create<R: TryCryptoRng + ?Sized>(
        path: &Path,
        setup: &Setup,
        protection: &Protection,
        rng: &mut R,
    ) -> Result<Self, Error> {
        setup::create(path, setup, protection, rng)?;
        Ok(Self { path: path.into(), current: 1 })
    }

    /// Opens a district's directory.
    ///
    /// # Errors
    /// [`Error::NotADistrict`] if it has no `current`, [`Error::Current`] if that is no serial, [`Error::Io`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file = path.join(CURRENT);
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(e) if matches!(e.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
                return Err(Error::NotADistrict { path: path.into() });
            }
            Err(e) => return Err(Error::io(&file, &e)),
        };
        let current = text.trim_end().parse().ok().filter(|n| *n > 0).ok_or(Error::Current { path: file })?;
        Ok(Self { path: path.into(), current })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The serial in use.
    pub const fn current(&self) -> u64 {
        self.current
    }

    /// All serials with parameters, ascending.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn serials(&self) -> Result<Vec<u64>, Error> {
        setup::serials(&self.path, "params-", ".txt")
    }

    /// The public parameters of a serial.
    ///
    /// # Errors
    /// [`Error::UnknownSerial`], [`Error::Crypto`] if the file has been damaged, [`Error::Mismatch`] if it holds
    /// another serial, [`Error::Io`].
    pub fn parameters(&self, serial: u64) -> Result<PublicParameters, Error> {
        let file = self.path.join(setup::params_file(serial));
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Err(Error::UnknownSerial { serial }),
            Err(e) => return Err(Error::io(&file, &e)),
        };
        let parameters = PublicParameters::from_armour(&text)?;
        if parameters.serial() == serial { Ok(parameters) } else { Err(Error::Mismatch { path: file }) }
    }

    /// Unlocks the master key of a serial and checks it against the parameters: `P_pub = [s]P2`.
    ///
    /// # Errors
    /// Those of [`Directory::parameters`]; [`Error::KeyFile`] for a wrong passphrase, a damaged or missing file;
    /// [`Error::Mismatch`] if master key and parameters do not belong together.
    pub fn unlock(&self, serial: u64, protection: &Protection) -> Result<Issuer, Error> {
        let parameters = self.parameters(serial)?;
        let file = self.path.join(setup::master_file(serial));
        let sealed = keyfile::read_secret_file(&file)?;
        let bytes = keyfile::open(sealed.expose(), MASTER_KIND, protection)?;
        let mismatch = || Error::Mismatch { path: file.clone() };
        let master = MasterKey::from_bytes(bytes.expose().try_into().map_err(|_| mismatch())?)?;
        master.issuer(parameters).map_err(|_| mismatch())
    }

    /// Begins a new key epoch: a fresh master key under the next unused serial, current from now on. The old one stays.
    ///
    /// The current master key is unlocked first, so that only its holder can rotate and all epochs have one protection.
    /// `setup` describes the new epoch; its district must be the old one.
    ///
    /// # Errors
    /// Those of [`Directory::unlock`]; [`Error::OtherDistrict`]; [`Error::KeyFile`] with `Exists` if somebody else
    /// rotates at the same moment.
    pub fn rotate<R: TryCryptoRng + ?Sized>(
        &mut self,
        setup: &Setup,
        protection: &Protection,
        rng: &mut R,
    ) -> Result<PublicParameters, Error> {
        let old = self.unlock(self.current, protection)?;
        if old.parameters().district() != &setup.district {
            return Err(Error::OtherDistrict);
        }
        let serial = setup::next_serial(&self.path)?;
        let parameters = setup::write_epoch(&self.path, serial, setup, protection, rng)?;
        keyfile::write_secret_file(&self.path.join(CURRENT), format!("{serial}\n").as_bytes())?;
        self.current = serial;
        Ok(parameters)
    }
}

/// Issues the decryption keys of `name` for `count` periods, the first of which contains `at` (seconds since 1970).
///
/// # Errors
/// [`Error::Crypto`]: a period outside the validity of the parameters, or an own check that failed. [`Error::TooMany`]
/// over [`PERIOD_LIMIT`] periods.
pub fn issue(issuer: &Issuer, name: &Name, at: u64, count: usize) -> Result<Vec<PrivateKey>, Error> {
    if count == 0 || count > PERIOD_LIMIT {
        return Err(Error::TooMany { limit: PERIOD_LIMIT, got: count });
    }
    let parameters = issuer.parameters();
    let mut identity = parameters.identity(name.clone(), Purpose::Decrypt, at)?;
    let mut keys = Vec::with_capacity(count);
    loop {
        keys.push(issuer.extract(&identity)?);
        if keys.len() == count {
            return Ok(keys);
        }
        let next = identity.period().next().map_err(crate::error::Error::from)?;
        let serial = parameters.serial();
        identity = Identity::new(parameters.district(), serial, Purpose::Decrypt, name.clone(), next)
            .map_err(crate::error::Error::from)?;
    }
}

/// Puts a private key under protection, for storage or for handing it to its owner.
///
/// # Errors
/// [`Error::KeyFile`].
pub fn seal_private_key<R: TryCryptoRng + ?Sized>(
    key: &PrivateKey,
    protection: &Protection,
    rng: &mut R,
) -> Result<Vec<u8>, Error> {
    Ok(keyfile::seal(PRIVATE_KEY_KIND, protection, key.to_bytes().expose(), rng)?)
}

/// Takes the protection off again: the bytes for [`PrivateKey::inspect`] and [`PrivateKey::from_bytes`].
///
/// # Errors
/// [`Error::KeyFile`].
pub fn open_private_key(sealed: &[u8], protection: &Protection) -> Result<SecretVec, Error> {
    Ok(keyfile::open(sealed, PRIVATE_KEY_KIND, protection)?)
}

#[cfg(test)]
mod tests;
