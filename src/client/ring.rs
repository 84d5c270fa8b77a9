//! A ring of private keys: a directory with one file for each, in the form that every command reads.
//!
//! ```text
//! RING/                                        mode 0700
//!   END.PURPOSE.HASH.key                       a keyfile envelope; END: last second of its period, Unix time
//! ```
//! A key is written beside its place and moved there; so whenever a crash comes, a file is whole or not there. When a period is
//! over the file is removed; that its bytes are gone from the medium is more than a file system promises, which is why it is
//! encrypted.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rand_core::TryCryptoRng;

use super::Error;
use crate::ibe::extract::PrivateKey;
use crate::ibe::{Identity, ParameterStore, PublicParameters, Purpose};
use crate::kdf::hash;
use crate::keyfile::{self, Protection};
use crate::kgs;

/// Seconds for which a key is kept behind its period: the clock of a peer may be behind, and what was sent may be on its way.
pub const GRACE: u64 = 300;
/// Most files of a ring.
const FILES: usize = 4_096;

/// A ring. Holds nothing secret: keys are read one by one.
#[derive(Clone, Debug)]
pub struct Ring {
    path: PathBuf,
}

/// A key in a ring, before it is opened.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Behind its period.
    pub end: u64,
    /// Where it is.
    pub file: PathBuf,
}

impl Ring {
    /// Opens a ring, and makes its directory if there is none.
    ///
    /// # Errors
    /// [`Error::KeyFile`]: not a directory, open to group or others, or the operating system's reason.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let io = |e: std::io::Error| Error::KeyFile(keyfile::Error::Io { path: path.into(), kind: e.kind() });
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        match builder.create(path) {
            Ok(()) => {}
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
            Err(e) => return Err(io(e)),
        }
        let metadata = fs::metadata(path).map_err(io)?;
        if !metadata.is_dir() {
            return Err(Error::KeyFile(keyfile::Error::NotAFile { path: path.into() }));
        }
        #[cfg(unix)]
        {
            let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o7777;
            if mode & 0o077 != 0 {
                return Err(Error::KeyFile(keyfile::Error::Permissions { path: path.into(), mode }));
            }
        }
        Ok(Self { path: path.into() })
    }

    /// Where the key of an identity is, or would be.
    pub fn file(&self, identity: &Identity) -> PathBuf {
        let purpose = if identity.purpose() == Purpose::Sign { "sign" } else { "decrypt" };
        let which = hash(&[identity.der()]);
        let which = base16ct::lower::encode_string(which.get(..16).unwrap_or_default());
        self.path.join(format!("{}.{purpose}.{which}.key", identity.period().end()))
    }

    /// Puts a key into the ring, in the place of the same one.
    ///
    /// # Errors
    /// [`Error::KeyFile`], [`Error::Ring`].
    pub fn put<R: TryCryptoRng + ?Sized>(
        &self,
        key: &PrivateKey,
        protection: &Protection,
        rng: &mut R,
    ) -> Result<PathBuf, Error> {
        let file = self.file(key.identity());
        let sealed = kgs::seal_private_key(key, protection, rng)?;
        keyfile::write_secret_file(&file, &sealed)?;
        Ok(file)
    }

    /// What is in the ring, by the end of the periods. Other files are passed over.
    ///
    /// # Errors
    /// [`Error::KeyFile`].
    pub fn entries(&self) -> Result<Vec<Entry>, Error> {
        let io = |e: std::io::Error| Error::KeyFile(keyfile::Error::Io { path: self.path.clone(), kind: e.kind() });
        let mut out = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(io)? {
            let file = entry.map_err(io)?.path();
            let name = file.file_name().and_then(|n| n.to_str()).unwrap_or_default();
            let parts: Vec<&str> = name.split('.').collect();
            let [end, "decrypt" | "sign", which, "key"] = parts.as_slice() else { continue };
            let Some(end) = end.parse().ok().filter(|_| which.len() == 32) else { continue };
            out.push(Entry { end, file });
            if out.len() > FILES {
                return Err(Error::TooLong);
            }
        }
        out.sort();
        Ok(out)
    }

    /// Opens a key, against the one of `parameters` that it belongs to.
    ///
    /// # Errors
    /// [`Error::KeyFile`], [`Error::Ring`]; [`Error::OtherParameters`]; [`Error::Crypto`] if it does not verify.
    pub fn read(
        &self,
        entry: &Entry,
        parameters: &[PublicParameters],
        protection: &Protection,
    ) -> Result<PrivateKey, Error> {
        let sealed = keyfile::read_secret_file(&entry.file)?;
        let bytes = kgs::open_private_key(sealed.expose(), protection)?;
        let identity = PrivateKey::inspect(bytes.expose())?.identity;
        let found = parameters.find(identity.district().as_str(), identity.serial()).ok_or(Error::OtherParameters)?;
        Ok(PrivateKey::from_bytes(bytes.expose(), &found)?)
    }

    /// Removes keys whose period has been over for [`GRACE`] seconds. Returns how many.
    ///
    /// # Errors
    /// [`Error::KeyFile`].
    pub fn erase_expired(&self, now: u64) -> Result<usize, Error> {
        let mut erased = 0;
        for entry in self.entries()?.iter().take_while(|e| e.end.saturating_add(GRACE) <= now) {
            match fs::remove_file(&entry.file) {
                Ok(()) => erased += 1,
                Err(e) if e.kind() == ErrorKind::NotFound => {}
                Err(e) => {
                    return Err(Error::KeyFile(keyfile::Error::Io { path: entry.file.clone(), kind: e.kind() }));
                }
            }
        }
        Ok(erased)
    }

    /// The identities that should be in the ring at `now` and are not: for each name and purpose that is in it, under the
    /// current ones of its parameters, the present period, and the next one if that begins within `ahead` seconds.
    ///
    /// # Errors
    /// Those of [`Ring::read`].
    pub fn wanting(
        &self,
        parameters: &PublicParameters,
        protection: &Protection,
        ahead: u64,
        now: u64,
    ) -> Result<Vec<Identity>, Error> {
        let mut out: Vec<Identity> = Vec::new();
        for entry in self.entries()? {
            let sealed = keyfile::read_secret_file(&entry.file)?;
            let bytes = kgs::open_private_key(sealed.expose(), protection)?;
            let known = PrivateKey::inspect(bytes.expose())?.identity;
            if known.district() != parameters.district() {
                continue;
            }
            let mut times = vec![now];
            let next = parameters.identity(known.name().clone(), known.purpose(), now)?.period().end();
            if next <= now.saturating_add(ahead) {
                times.push(next);
            }
            for t in times {
                // The next period may be beyond the validity: then there is nothing to ask for.
                let Ok(identity) = parameters.identity(known.name().clone(), known.purpose(), t) else { continue };
                if !out.contains(&identity) && !self.file(&identity).exists() {
                    out.push(identity);
                }
            }
        }
        Ok(out)
    }
}
