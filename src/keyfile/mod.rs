//! Secrets at rest: an envelope under a passphrase or a key file, and the reading and writing of secret files.
//!
//! [`seal`] and [`open`] turn a secret into bytes and back and touch no file; [`read_secret_file`],
//! [`write_secret_file`] and [`write_new`] move bytes and know nothing of the envelope. Nothing here reads the
//! environment or a terminal: whoever calls brings the passphrase.
//!
//! # Envelope
//! ```text
//! header = "IBAKEKEY" || u8 version = 1 || u8 kind || u8 protection
//!          || [protection 1 (passphrase): u32 m in KiB || u32 t || u32 p || 16-byte Argon2 salt]
//!          || 32-byte HKDF salt || u32 length of sealed
//! ikm    = protection 1: Argon2id(version 0x13, passphrase, salt, m, t, p) to 32 bytes
//!          protection 2: the 32 bytes of the key file
//! sealed = AES-256-GCM(key = Exp(Ext(HKDF salt, ikm), "keyfile", 32), nonce zero, aad = header, plaintext)
//! ```
//! The key is fresh for each envelope (its HKDF salt is), so the zero nonce never repeats. `kind` is the caller's
//! number for what is inside, so that a private key is not taken for a master key.
//!
//! # Limits
//! What a file demands is checked before any memory is reserved: at most 1 GiB, 16 passes, 16 lanes. AES-GCM does not
//! commit to its key: do not offer `open` to strangers as a service that says whether a file of theirs opens.

mod envelope;
mod file;

pub use envelope::{Cost, MAX_PLAINTEXT, Protection, open, seal};
pub use file::{MAX_FILE, read_secret_file, write_new, write_secret_file};
#[cfg(feature = "kgs")]
pub(crate) use file::{TEMPORARY, write_new_files};

use std::io;
use std::path::{Path, PathBuf};

use core::fmt;
use rand_core::TryCryptoRng;

use crate::secret::{Secret, SecretVec};

/// A passphrase. Not empty; no other rule, no normalisation: its UTF-8 bytes count. Wiped on drop, redacted, not
/// `Clone`.
pub struct Passphrase(SecretVec);

impl Passphrase {
    /// Takes the text over, without a copy. Whoever read it from a file or terminal strips the line ending.
    ///
    /// # Errors
    /// [`Error::EmptyPassphrase`].
    pub fn new(text: String) -> Result<Self, Error> {
        if text.is_empty() { Err(Error::EmptyPassphrase) } else { Ok(Self(SecretVec::new(text.into_bytes()))) }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.0.expose()
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(..)")
    }
}

/// The content of a key file: exactly 32 random bytes, in a file of its own.
#[derive(Debug)]
pub struct FileKey(Secret<32>);

impl FileKey {
    /// Draws a new one.
    ///
    /// # Errors
    /// [`Error::Random`].
    pub fn generate<R: TryCryptoRng + ?Sized>(rng: &mut R) -> Result<Self, Error> {
        Secret::random(rng).map(Self).map_err(|_| Error::Random)
    }

    /// Reads it by the rules of [`read_secret_file`].
    ///
    /// # Errors
    /// Those of [`read_secret_file`], and [`Error::KeyFileLength`].
    pub fn read(path: &Path) -> Result<Self, Error> {
        let bytes = read_secret_file(path)?;
        let mut key = Secret::zero();
        let wrong = || Error::KeyFileLength { path: path.into(), got: bytes.expose().len() };
        *key.as_mut() = *<&[u8; 32]>::try_from(bytes.expose()).map_err(|_| wrong())?;
        Ok(Self(key))
    }

    /// Writes it to a file that must not exist yet.
    ///
    /// # Errors
    /// Those of [`write_new`].
    pub fn write_new(&self, path: &Path) -> Result<(), Error> {
        write_new(path, self.0.expose())
    }

    /// A second copy, visible in the code where it is made.
    pub fn duplicate(&self) -> Self {
        Self(self.0.duplicate())
    }

    pub(super) const fn secret(&self) -> &Secret<32> {
        &self.0
    }
}

/// Why a secret could not be read or stored. `Display` is one sentence for the user.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The bytes do not begin like an envelope.
    NotAnEnvelope,
    /// A later version of the envelope, or another protection than the two.
    Unsupported,
    /// Ends early.
    Truncated,
    /// Bytes follow its end.
    Trailing,
    /// An envelope of another kind than the caller asks for.
    Kind {
        /// The kind asked for.
        expected: u8,
        /// The kind found.
        got: u8,
    },
    /// Protected by a passphrase, and a key file was offered.
    NeedsPassphrase,
    /// Protected by a key file, and a passphrase was offered.
    NeedsKeyFile,
    /// Argon2 settings outside the limits.
    Cost,
    /// Argon2 could not get its memory.
    Memory,
    /// It does not open. Wrong secret and damage cannot be told apart.
    WrongSecret,
    /// An empty passphrase.
    EmptyPassphrase,
    /// More plaintext than an envelope takes.
    PlaintextTooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// The random generator failed.
    Random,
    /// A key file that has not 32 bytes.
    KeyFileLength {
        /// The file.
        path: PathBuf,
        /// Its size.
        got: usize,
    },
    /// Group or others may read or write the file.
    Permissions {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Not a regular file.
    NotAFile {
        /// What is not one.
        path: PathBuf,
    },
    /// The file to be written is a symbolic link.
    Symlink {
        /// The link.
        path: PathBuf,
    },
    /// Larger than any secret file.
    FileTooLarge {
        /// The file.
        path: PathBuf,
        /// The limit in bytes.
        limit: u64,
    },
    /// The file to be created exists.
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The operating system refused.
    Io {
        /// The file.
        path: PathBuf,
        /// How.
        kind: io::ErrorKind,
    },
}

impl Error {
    fn io(path: &Path, e: &io::Error) -> Self {
        Self::Io { path: path.into(), kind: e.kind() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnEnvelope => f.write_str("this is not a protected key file of ibake"),
            Self::Unsupported => f.write_str("the key file is of a version or protection that is not supported"),
            Self::Truncated => f.write_str("the key file ends early"),
            Self::Trailing => f.write_str("bytes follow the end of the key file"),
            Self::Kind { expected, got } => write!(f, "the key file holds kind {got}, kind {expected} is needed"),
            Self::NeedsPassphrase => f.write_str("the key file is protected by a passphrase"),
            Self::NeedsKeyFile => f.write_str("the key file is protected by another file that holds its key"),
            Self::Cost => f.write_str("the key file demands more memory or time than is allowed"),
            Self::Memory => f.write_str("there is not enough memory to check the passphrase"),
            Self::WrongSecret => f.write_str("wrong passphrase or key, or the file is damaged"),
            Self::EmptyPassphrase => f.write_str("the passphrase is empty"),
            Self::PlaintextTooLong { limit } => write!(f, "the secret is longer than {limit} bytes"),
            Self::Random => f.write_str("the random generator failed"),
            Self::KeyFileLength { path, got } => write!(f, "{path:?} has {got} bytes, a key has exactly 32"),
            Self::Permissions { path, mode } => {
                write!(f, "{path:?} is open to group or others (mode {mode:04o}); it must be 0600 or stricter")
            }
            Self::NotAFile { path } => write!(f, "{path:?} is not a regular file"),
            Self::Symlink { path } => write!(f, "{path:?} is a symbolic link and is not replaced"),
            Self::FileTooLarge { path, limit } => write!(f, "{path:?} is larger than {limit} bytes"),
            Self::Exists { path } => write!(f, "{path:?} exists and is not overwritten"),
            Self::Io { path, kind } => write!(f, "{path:?}: {kind}"),
        }
    }
}

impl core::error::Error for Error {}

#[cfg(test)]
mod tests;
