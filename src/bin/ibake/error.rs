//! Failures as a person and a script see them: one clear sentence, what to do next, a code, an exit code.

use std::io;
use std::path::Path;

use ibake::batch::BatchError;
use ibake::error::{Error, KeyError, PeerError};
use ibake::kgs::server;
use ibake::{keyfile, kgs};

/// What kind of failure; decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Failed,
    Usage,
    Input,
    Refused,
    Io,
}

impl Kind {
    pub(crate) const fn exit_code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Input => 3,
            Self::Refused => 4,
            Self::Io => 5,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) kind: Kind,
    /// Stable and machine-readable, for `error.code`.
    pub(crate) code: &'static str,
    pub(crate) message: String,
    /// A second line: what to type.
    pub(crate) hint: Option<String>,
}

impl Failure {
    pub(crate) fn new(kind: Kind, code: &'static str, message: impl Into<String>) -> Self {
        Self { kind, code, message: message.into(), hint: None }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Puts what was being done in front of the sentence.
    pub(crate) fn context(mut self, what: impl std::fmt::Display) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }

    pub(crate) fn io(path: &Path, error: &io::Error) -> Self {
        Self::new(Kind::Io, "io", format!("{}: {error}", path.display()))
    }
}

impl From<Error> for Failure {
    fn from(e: Error) -> Self {
        let kind = match e {
            Error::Decode(_) | Error::Identity(_) => Kind::Input,
            Error::Parameters(_) | Error::Key(_) | Error::Peer(_) => Kind::Refused,
            Error::Usage(_) => Kind::Usage,
            Error::Random => Kind::Io,
            _ => Kind::Failed,
        };
        // Told apart because the caller may come back with another suite.
        let code = if e == Error::Peer(PeerError::NoCommonSuite) { "suite" } else { e.code() };
        let failure = Self::new(kind, code, e.to_string());
        match e {
            Error::Key(KeyError::Expired) => failure.hint("Ask the KGS for the key of the current period."),
            Error::Key(KeyError::OtherParameters) => failure.hint(
                "Give the parameters of the district and serial that issued the key; compare the fingerprints that \
                 `ibake key show --unlock` and `ibake inspect` print.",
            ),
            _ => failure,
        }
    }
}

impl From<keyfile::Error> for Failure {
    fn from(e: keyfile::Error) -> Self {
        use keyfile::Error as E;
        let (kind, code) = match &e {
            E::NotAnEnvelope | E::Unsupported | E::Truncated | E::Trailing | E::Cost => (Kind::Input, "key-file"),
            E::Kind { .. } => (Kind::Input, "key-file-kind"),
            E::KeyFileLength { .. } | E::NotAFile { .. } | E::FileTooLarge { .. } => (Kind::Input, "key-file"),
            E::EmptyPassphrase | E::PlaintextTooLong { .. } => (Kind::Input, "input"),
            E::NeedsPassphrase | E::NeedsKeyFile => (Kind::Usage, "protection"),
            E::WrongSecret => (Kind::Refused, "wrong-secret"),
            E::Permissions { .. } | E::Symlink { .. } => (Kind::Refused, "permissions"),
            E::Exists { .. } => (Kind::Io, "exists"),
            E::Io { .. } | E::Random => (Kind::Io, "io"),
            _ => (Kind::Failed, "failed"),
        };
        let failure = Self::new(kind, code, e.to_string());
        match e {
            E::NeedsPassphrase => failure.hint("Give --passphrase-file, or nothing to be asked on the terminal."),
            E::NeedsKeyFile => failure.hint("Give the file that it was protected with: --key-file FILE."),
            E::Permissions { path, .. } => failure.hint(format!("Make it private: chmod 600 {}", path.display())),
            E::Kind { expected, .. } => failure.hint(match expected {
                kgs::MASTER_KIND => "A master key of a KGS is needed here.",
                _ => "A user's private key is needed here, as `ibake kgs issue` writes it.",
            }),
            _ => failure,
        }
    }
}

impl From<kgs::Error> for Failure {
    fn from(e: kgs::Error) -> Self {
        use kgs::Error as E;
        match e {
            E::KeyFile(e) => e.into(),
            E::Crypto(e) => e.into(),
            E::Exists { .. } => Self::new(Kind::Io, "exists", e.to_string()).hint("Choose another directory."),
            E::NotADistrict { .. } => Self::new(Kind::Input, "district", e.to_string())
                .hint("Set one up: ibake kgs init DIR --district https://kgs.example --key-file FILE"),
            E::Current { .. } | E::Mismatch { .. } => Self::new(Kind::Input, "district", e.to_string()),
            E::UnknownSerial { .. } | E::OtherDistrict => Self::new(Kind::Refused, "serial", e.to_string()),
            E::OtherIssue { .. } => Self::new(Kind::Refused, "other-issue", e.to_string()).hint(
                "Go on with the --serial, --user-key-file and --user-key-dir that it was begun with, or choose another \
                 directory.",
            ),
            E::Busy { .. } => Self::new(Kind::Io, "busy", e.to_string()),
            E::Batch(e) => e.into(),
            E::TooMany { .. } => Self::new(Kind::Usage, "usage", e.to_string()),
            E::Io { .. } => Self::new(Kind::Io, "io", e.to_string()),
            _ => Self::new(Kind::Failed, "failed", e.to_string()),
        }
    }
}

impl From<server::Error> for Failure {
    fn from(e: server::Error) -> Self {
        use server::Error as E;
        let (kind, code) = match &e {
            E::KeyFile(inner) => return inner.clone().into(),
            E::Crypto(inner) => return (*inner).into(),
            E::Directory(inner) => return inner.clone().into(),
            E::Batch(inner) => return inner.clone().into(),
            E::Store { fault: server::Fault::Full, .. } => (Kind::Io, "store-full"),
            E::Store { .. } | E::Closed => (Kind::Io, "store"),
            E::Newer { .. } => (Kind::Refused, "store-newer"),
            E::Corrupt { .. } => (Kind::Failed, "store-corrupt"),
            E::Settings { .. } => (Kind::Refused, "settings"),
            E::Address => (Kind::Usage, "usage"),
            E::Empty => (Kind::Input, "store-empty"),
            E::Exists { .. } => (Kind::Refused, "exists"),
            E::Unknown { .. } => (Kind::Refused, "unknown"),
            E::Input { .. } | E::TooLarge | E::TooMany { .. } => (Kind::Input, "input"),
            E::Busy { .. } | E::Clock { .. } => (Kind::Io, "busy"),
            E::Module { what: server::ModuleFault::Pin | server::ModuleFault::WrongKey, .. } => {
                (Kind::Refused, "wrong-secret")
            }
            E::Module { .. } => (Kind::Io, "module"),
            E::Certificate { .. } => (Kind::Failed, "certificate"),
            E::Unauthentic => (Kind::Refused, "unauthentic"),
            E::Refused { .. } => (Kind::Refused, "policy"),
            _ => (Kind::Failed, "failed"),
        };
        let failure = Self::new(kind, code, e.to_string());
        match e {
            E::Empty => failure.hint("Make one: ibake kgs store create, or ibake kgs store import DIR"),
            E::Module { what, .. } => failure.hint(match what {
                server::ModuleFault::Library => "Give the path of the module's PKCS#11 library: --pkcs11-module PATH.",
                server::ModuleFault::NoToken => {
                    "Look for the token and its label: pkcs11-tool --module PATH --list-slots"
                }
                server::ModuleFault::Pin => "Give the token's user PIN; after some wrong ones the token locks it.",
                server::ModuleFault::PinLocked => "Its security officer has to unlock it.",
                server::ModuleFault::NoKey => "Look for the key: pkcs11-tool --module PATH --login --list-objects",
                server::ModuleFault::KeyKind => {
                    "Give another label; `ibake kgs store create` makes a key of the right kind."
                }
                server::ModuleFault::WrongKey => "Give the token and the key that the store was made with.",
                _ => "See the module's own log.",
            }),
            E::Newer { .. } => failure.hint("Use the release that wrote it, or a later one."),
            _ => failure,
        }
    }
}

impl From<BatchError> for Failure {
    fn from(e: BatchError) -> Self {
        match &e {
            BatchError::Call(inner) => (*inner).into(),
            BatchError::TooMany { .. } => Self::new(Kind::Usage, "usage", e.to_string()),
            BatchError::Random => Self::new(Kind::Io, "random", e.to_string()),
            BatchError::Items(failed) => match failed.first() {
                Some((_, first)) => Self { message: e.to_string(), ..Self::from(*first) },
                None => Self::new(Kind::Failed, "failed", e.to_string()),
            },
            _ => Self::new(Kind::Failed, "failed", e.to_string()),
        }
    }
}
