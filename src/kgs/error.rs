//! What can go wrong with a district's directory.

use core::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::batch::BatchError;
use crate::error;
use crate::keyfile;

/// Why a district could not be set up, opened or used. `Display` is one sentence for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// Something is at the place where a district should be set up.
    Exists {
        /// The place.
        path: PathBuf,
    },
    /// Not a directory made by [`super::Directory::create`].
    NotADistrict {
        /// What is not one.
        path: PathBuf,
    },
    /// The file `current` holds no serial.
    Current {
        /// The file.
        path: PathBuf,
    },
    /// No parameters of this serial.
    UnknownSerial {
        /// The serial.
        serial: u64,
    },
    /// Files of different epochs or districts have been mixed.
    Mismatch {
        /// The file that does not belong.
        path: PathBuf,
    },
    /// A rotation into another district.
    OtherDistrict,
    /// No period, or more than [`super::PERIOD_LIMIT`].
    TooMany {
        /// The limit.
        limit: usize,
        /// What was asked for.
        got: usize,
    },
    /// A key file could not be read, opened or written.
    KeyFile(keyfile::Error),
    /// A directory of issued keys that was begun under another epoch, key file or protection.
    OtherIssue {
        /// The directory.
        path: PathBuf,
    },
    /// Another process is issuing into the directory.
    Busy {
        /// The directory.
        path: PathBuf,
    },
    /// A batch ended without a result.
    Batch(BatchError),
    /// The cryptography refused.
    Crypto(error::Error),
    /// The operating system refused.
    Io {
        /// The file or directory.
        path: PathBuf,
        /// How.
        kind: io::ErrorKind,
    },
}

impl Error {
    pub(super) fn io(path: &Path, e: &io::Error) -> Self {
        Self::Io { path: path.into(), kind: e.kind() }
    }
}

impl From<keyfile::Error> for Error {
    fn from(e: keyfile::Error) -> Self {
        Self::KeyFile(e)
    }
}

impl From<error::Error> for Error {
    fn from(e: error::Error) -> Self {
        Self::Crypto(e)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exists { path } => write!(f, "{path:?} exists and is not overwritten"),
            Self::NotADistrict { path } => write!(f, "{path:?} is not the directory of a district"),
            Self::Current { path } => write!(f, "{path:?} does not hold the number of a key epoch"),
            Self::UnknownSerial { serial } => write!(f, "the district has no parameters with serial {serial}"),
            Self::Mismatch { path } => {
                write!(f, "{path:?} does not belong to the other files of the district; have files been mixed?")
            }
            Self::OtherDistrict => f.write_str("a rotation cannot change the district's name"),
            Self::TooMany { limit, got } => write!(f, "{got} periods at once, 1 to {limit} are possible"),
            Self::OtherIssue { path } => {
                write!(f, "{path:?} holds keys of another key epoch, or under another protection")
            }
            Self::Busy { path } => write!(f, "another process is issuing keys into {path:?}"),
            Self::Batch(e) => e.fmt(f),
            Self::KeyFile(e) => e.fmt(f),
            Self::Crypto(e) => e.fmt(f),
            Self::Io { path, kind } => write!(f, "{path:?}: {kind}"),
        }
    }
}

impl core::error::Error for Error {}
