//! What can go wrong in the server, and why it says no.

use core::fmt;

use crate::batch::BatchError;
use crate::error;
use crate::keyfile;
use crate::kgs;

/// What is the matter with the database. It decides whether trying again makes sense, and what readiness says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// No room left. Nothing has been lost; what was asked for did not happen.
    Full,
    /// Somebody else held a lock for too long.
    Busy,
    /// Not there, or not reachable.
    Gone,
    /// The medium failed, or a limit of the process was reached.
    Io,
    /// Open for reading only.
    ReadOnly,
    /// The database says that its own files are damaged.
    Damaged,
    /// A row with this key exists.
    Conflict,
    /// Anything else; the text says what.
    Other,
}

/// What is the matter with a hardware module, or with what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ModuleFault {
    /// The library cannot be loaded or does not start.
    Library,
    /// The token is not there, or not any more.
    NoToken,
    /// The PIN is wrong.
    Pin,
    /// The PIN is locked: too many wrong ones.
    PinLocked,
    /// The token has no such key.
    NoKey,
    /// The key is of a kind that is not taken.
    KeyKind,
    /// The key is another than the one under which the store is.
    WrongKey,
    /// Anything else; the text says what.
    Failed,
}

/// In what way settings are not as they were left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Unsettled {
    /// There is no sum over them: an earlier release made the store, or somebody deleted it.
    Missing,
    /// Their sum is not the one of their version: it, or the version, was altered or put back.
    Sum,
    /// Together they give another sum: rows were deleted or put back.
    Rows,
    /// A row has not the tag that belongs to it.
    Row {
        /// The table.
        table: &'static str,
    },
    /// They are older than some that this process has seen: the database was put back.
    Older {
        /// The version seen.
        seen: u64,
        /// The version now.
        found: u64,
    },
}

/// Why a request from somebody known is not granted. Stands in the audit log by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// No rule gives this identity to the requester.
    Identity = 1,
    /// A rule does, but not for this purpose.
    Purpose = 2,
    /// The period is over.
    Past = 3,
    /// The period begins later than the rule allows.
    Ahead = 4,
    /// More keys in a day than the rule allows.
    Quota = 5,
    /// The identity has been revoked for this period.
    Revoked = 6,
    /// The requester has been disabled.
    Disabled = 7,
    /// The same request has been seen before.
    Replay = 8,
    /// The key epoch does not issue.
    Epoch = 9,
    /// The token or credential is not good for this.
    Scope = 10,
    /// There is not exactly one user whose name this is and who has a key to seal to.
    Recipient = 11,
    /// The user whose name this is has no key to which keys could be sealed.
    Unsealable = 12,
}

impl Refusal {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Identity,
        Self::Purpose,
        Self::Past,
        Self::Ahead,
        Self::Quota,
        Self::Revoked,
        Self::Disabled,
        Self::Replay,
        Self::Epoch,
        Self::Scope,
        Self::Recipient,
        Self::Unsealable,
    ];

    /// Its number in the log.
    pub const fn id(self) -> u64 {
        self as u64
    }

    /// From its number.
    pub fn from_id(id: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.id() == id)
    }

    /// Its name as programs print it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Purpose => "purpose",
            Self::Past => "past",
            Self::Ahead => "ahead",
            Self::Quota => "quota",
            Self::Revoked => "revoked",
            Self::Disabled => "disabled",
            Self::Replay => "replay",
            Self::Epoch => "epoch",
            Self::Scope => "scope",
            Self::Recipient => "recipient",
            Self::Unsealable => "unsealable",
        }
    }
}

/// Why something was not done. `Display` is one sentence for the operator, without secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The database.
    Store {
        /// What kind of trouble.
        fault: Fault,
        /// The database's own words.
        text: String,
    },
    /// The store was written by a later release.
    Newer {
        /// The step that it has.
        found: i64,
        /// The last one that is known here.
        known: i64,
    },
    /// A row is not what was once written there.
    Corrupt {
        /// The table.
        table: &'static str,
    },
    /// Settings are not as they were left. Nothing is issued until they are, or until somebody has looked at them and accepted them.
    Settings {
        /// In what way.
        what: Unsettled,
    },
    /// Not the address of a store.
    Address,
    /// The store has no district yet.
    Empty,
    /// There is one of this name already.
    Exists {
        /// What.
        what: &'static str,
    },
    /// There is none of this name.
    Unknown {
        /// What.
        what: &'static str,
    },
    /// A value that is not acceptable.
    Input {
        /// Which, and what would be.
        what: &'static str,
    },
    /// A number over 2^63 - 1, which no column holds.
    TooLarge,
    /// More at once than is allowed.
    TooMany {
        /// The limit.
        limit: usize,
        /// What was asked for.
        got: usize,
    },
    /// Everything that does this is occupied.
    Busy {
        /// Seconds after which it makes sense to come again.
        retry: u64,
    },
    /// More in a minute than one source, or one user, may ask for.
    TooFast {
        /// Seconds after which it makes sense to come again.
        retry: u64,
    },
    /// Not who they say they are. One variant, whatever was wrong.
    Unauthentic,
    /// Policy says no.
    Refused {
        /// Why.
        why: Refusal,
        /// The place in the request.
        item: usize,
    },
    /// The clock stands before the latest time in the log, by more than is tolerated.
    Clock {
        /// By how many seconds.
        behind: u64,
    },
    /// The server's TLS certificate may not be used now.
    Certificate {
        /// Its time is over, rather than not come yet.
        expired: bool,
    },
    /// The log does not accept entries any more: its writer has ended.
    Closed,
    /// Keys at rest: wrong passphrase, damage.
    KeyFile(keyfile::Error),
    /// A hardware module.
    Module {
        /// What kind of trouble.
        what: ModuleFault,
        /// The module's own words.
        text: String,
    },
    /// The directory of a district.
    Directory(kgs::Error),
    /// Parameters, identities, keys.
    Crypto(error::Error),
    /// A batch.
    Batch(BatchError),
}

impl Error {
    /// Whether the same may succeed later, without anybody repairing anything but the machine.
    pub const fn is_temporary(&self) -> bool {
        match self {
            Self::Store { fault, .. } => matches!(fault, Fault::Full | Fault::Busy | Fault::Gone | Fault::Io),
            Self::Busy { .. } | Self::TooFast { .. } | Self::Clock { .. } => true,
            _ => false,
        }
    }
}

impl From<keyfile::Error> for Error {
    fn from(e: keyfile::Error) -> Self {
        Self::KeyFile(e)
    }
}

impl From<kgs::Error> for Error {
    fn from(e: kgs::Error) -> Self {
        Self::Directory(e)
    }
}

impl From<error::Error> for Error {
    fn from(e: error::Error) -> Self {
        Self::Crypto(e)
    }
}

impl From<error::IdentityError> for Error {
    fn from(e: error::IdentityError) -> Self {
        Self::Crypto(e.into())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store { fault, text } => match fault {
                Fault::Full => write!(f, "the store has no room left: {text}"),
                Fault::Busy => write!(f, "the store is locked by somebody else: {text}"),
                Fault::Gone => write!(f, "the store cannot be reached: {text}"),
                Fault::Damaged => write!(f, "the store is damaged: {text}"),
                _ => write!(f, "the store failed: {text}"),
            },
            Self::Newer { found, known } => {
                write!(f, "the store has tables of step {found}, this release knows up to {known}")
            }
            Self::Corrupt { table } => write!(f, "a row of table {table:?} is not what was written there"),
            Self::Settings { what } => {
                match what {
                    Unsettled::Missing => f.write_str(
                        "there is no sum over the settings: the store is of an earlier release, or the sum was deleted",
                    ),
                    Unsettled::Sum => f.write_str(
                        "the sum over the settings is not that of their version: one of both was altered or put back",
                    ),
                    Unsettled::Rows => {
                        f.write_str("the settings are not as they were left: rows were deleted or put back")
                    }
                    Unsettled::Row { table } => {
                        write!(f, "the settings are not as they were left: a row of table {table:?} was altered")
                    }
                    Unsettled::Older { seen, found } => {
                        write!(f, "the settings were put back: version {found} is there, {seen} has been seen")
                    }
                }?;
                let look = "look through users and revocations and accept them with `ibake kgs store settle`";
                write!(f, "; restore a backup, or {look}")
            }
            Self::Address => f.write_str("a store is sqlite:PATH or postgres://USER@HOST/DATABASE"),
            Self::Empty => f.write_str("the store has no district yet"),
            Self::Exists { what } => write!(f, "this {what} exists already"),
            Self::Unknown { what } => write!(f, "there is no such {what}"),
            Self::Input { what } => f.write_str(what),
            Self::TooLarge => f.write_str("a number that is too large for the store"),
            Self::TooMany { limit, got } => write!(f, "{got} at once, 1 to {limit} are possible"),
            Self::Busy { retry } => write!(f, "everything is occupied; try again in {retry} s"),
            Self::TooFast { retry } => write!(f, "more than a minute allows; try again in {retry} s"),
            Self::Unauthentic => f.write_str("not authenticated"),
            Self::Refused { why, item } => write!(f, "item {item} is refused: {}", why.name()),
            Self::Clock { behind } => {
                write!(f, "the clock stands {behind} s before the latest entry of the log; set it right")
            }
            Self::Certificate { expired: true } => f.write_str("the TLS certificate has expired"),
            Self::Certificate { expired: false } => f.write_str("the time of the TLS certificate has not come yet"),
            Self::Closed => f.write_str("the log accepts no more entries"),
            Self::Module { what, text } => {
                let what = match what {
                    ModuleFault::Library => "the module's library cannot be used",
                    ModuleFault::NoToken => "the token is not there",
                    ModuleFault::Pin => "the token refuses the PIN",
                    ModuleFault::PinLocked => "the token's PIN is locked",
                    ModuleFault::NoKey => "the token has no such key",
                    ModuleFault::KeyKind => "the token's key is not one to wrap with",
                    ModuleFault::WrongKey => "the token's key is not the one that the store is under",
                    ModuleFault::Failed => "the hardware module failed",
                };
                write!(f, "{what}: {text}")
            }
            Self::KeyFile(e) => e.fmt(f),
            Self::Directory(e) => e.fmt(f),
            Self::Crypto(e) => e.fmt(f),
            Self::Batch(e) => e.fmt(f),
        }
    }
}

impl core::error::Error for Error {}
