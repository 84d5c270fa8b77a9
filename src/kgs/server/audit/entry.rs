//! Entries of the log: what is committed to, and how entries are chained.
//!
//! ```text
//! commitment = H("audit commit" || salt || lp(identity) || lp(requester) || u64 at || u64 serial)
//! detail     = H("audit detail" || subject || lp(sealed))
//! hash_i     = H("audit entry" || log || hash_(i-1) || u64 i || u64 at || u64 outcome || u64 serial || commitment || detail)
//! hash_0     = 32 zero bytes
//! ```
//! `identity` is its DER, `salt` 32 random bytes, `log` the 32 bytes that name the log. `subject` is a keyed hash of the name, by
//! which its owner's entries are found; `sealed` holds salt, identity and requester for those who may open the commitment. An
//! export leaves both out and keeps `detail`, so that it says nothing about anybody and the chain can still be computed.
//! Nothing here depends on a private key.

use core::fmt;

use rand_core::TryCryptoRng;

use crate::encoding::{Reader, Writer, lp};
use crate::error;
use crate::ibe::{Identity, Name};
use crate::kdf::{hash, label};
use crate::kgs::server::error::{Error, Refusal};
use crate::kgs::server::keys::Vault;
use crate::secret::SecretVec;
use crate::suite::labels;

/// Bytes of a salt.
pub const SALT: usize = 32;
/// The longest name of a requester.
pub const REQUESTER_MAX: usize = 1_024;
const OPENING: &str = "audit opening";

/// What came of a request for one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The key left the server, or was about to when it died.
    Issued,
    /// The requester was known, and refused.
    Refused(Refusal),
}

impl Outcome {
    /// Its number in entries: 0, or that of the refusal.
    pub const fn id(self) -> u64 {
        match self {
            Self::Issued => 0,
            Self::Refused(why) => why.id(),
        }
    }

    /// From its number.
    pub fn from_id(id: u64) -> Option<Self> {
        if id == 0 { Some(Self::Issued) } else { Refusal::from_id(id).map(Self::Refused) }
    }

    /// Its name as programs print it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Issued => "issued",
            Self::Refused(why) => why.name(),
        }
    }
}

/// An entry that has no place in the chain yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// When, Unix seconds.
    pub at: u64,
    /// What came of it.
    pub outcome: Outcome,
    /// Under which key epoch.
    pub serial: u64,
    /// To what is committed.
    pub commitment: [u8; 32],
    /// By which the owner's entries are found.
    pub subject: [u8; 32],
    /// The opening, under the vault.
    pub sealed: Vec<u8>,
}

/// What opens a commitment. Goes to its owner.
#[derive(Clone, PartialEq, Eq)]
pub struct Opening {
    /// The salt.
    pub salt: [u8; SALT],
    /// DER of the identity.
    pub identity: Vec<u8>,
    /// Who asked.
    pub requester: String,
}

impl fmt::Debug for Opening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opening").field("requester", &self.requester).finish_non_exhaustive()
    }
}

impl Opening {
    /// The commitment that this opens, with the time and serial of the entry.
    pub fn commitment(&self, at: u64, serial: u64) -> [u8; 32] {
        hash(&[
            label(labels::AUDIT_COMMIT).as_ref(),
            &self.salt,
            &lp(&self.identity),
            &self.identity,
            &lp(self.requester.as_bytes()),
            self.requester.as_bytes(),
            &at.to_be_bytes(),
            &serial.to_be_bytes(),
        ])
    }

    fn to_bytes(&self) -> SecretVec {
        let mut w = Writer::with_capacity(SALT + 4 + self.identity.len() + self.requester.len());
        w.bytes(&self.salt).var16(&self.identity).var16(self.requester.as_bytes());
        SecretVec::new(w.finish())
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, error::Error> {
        let mut r = Reader::new(bytes);
        let salt = *r.array("salt")?;
        let identity = r.var16("identity", crate::ibe::identity::IDENTITY_MAX)?.to_vec();
        let requester = r.var16("requester", REQUESTER_MAX)?;
        r.finish("opening")?;
        let requester = core::str::from_utf8(requester).map_err(|_| error::Error::Decrypt)?.to_owned();
        Ok(Self { salt, identity, requester })
    }
}

/// The subject of a name's entries.
pub fn subject(vault: &Vault, name: &Name) -> [u8; 32] {
    vault.lookup("audit subject", name.as_str().as_bytes())
}

impl Draft {
    /// An entry about one identity, and its salt for the owner.
    ///
    /// # Errors
    /// [`Error::Input`] for a requester over [`REQUESTER_MAX`]; a failing generator.
    pub fn new<R: TryCryptoRng + ?Sized>(
        vault: &Vault,
        identity: &Identity,
        requester: &str,
        at: u64,
        outcome: Outcome,
        rng: &mut R,
    ) -> Result<(Self, [u8; SALT]), Error> {
        if requester.len() > REQUESTER_MAX {
            return Err(Error::Input { what: "the name of the requester is too long" });
        }
        let mut salt = [0; SALT];
        rng.try_fill_bytes(&mut salt).map_err(|_| error::Error::Random)?;
        let opening = Opening { salt, identity: identity.der().to_vec(), requester: requester.to_owned() };
        let (serial, subject) = (identity.serial(), subject(vault, identity.name()));
        let commitment = opening.commitment(at, serial);
        let sealed = vault.seal(OPENING, &commitment, opening.to_bytes().expose(), rng)?;
        Ok((Self { at, outcome, serial, commitment, subject, sealed }, salt))
    }

    /// `detail`.
    pub fn detail(&self) -> [u8; 32] {
        detail(&self.subject, &self.sealed)
    }
}

pub(in crate::kgs::server) fn detail(subject: &[u8; 32], sealed: &[u8]) -> [u8; 32] {
    hash(&[label(labels::AUDIT_DETAIL).as_ref(), subject, &lp(sealed), sealed])
}

/// What the chain is computed from, as an export has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// The place in the log, from 1 on.
    pub place: u64,
    /// When.
    pub at: u64,
    /// The number of the outcome.
    pub outcome: u64,
    /// Under which key epoch.
    pub serial: u64,
    /// The commitment.
    pub commitment: [u8; 32],
    /// Stands for what is left out.
    pub detail: [u8; 32],
    /// The hash of the entry before.
    pub previous: [u8; 32],
    /// Its own.
    pub hash: [u8; 32],
}

impl Link {
    /// Chains a draft behind `previous`.
    pub fn of(log: &[u8; 32], draft: &Draft, place: u64, previous: [u8; 32]) -> Self {
        let Draft { at, serial, commitment, .. } = *draft;
        let (outcome, detail) = (draft.outcome.id(), draft.detail());
        let mut link = Self { place, at, outcome, serial, commitment, detail, previous, hash: [0; 32] };
        link.hash = link.computed(log, place);
        link
    }

    /// What its hash must be if it stands at `place`.
    pub fn computed(&self, log: &[u8; 32], place: u64) -> [u8; 32] {
        hash(&[
            label(labels::AUDIT_ENTRY).as_ref(),
            log,
            &self.previous,
            &place.to_be_bytes(),
            &self.at.to_be_bytes(),
            &self.outcome.to_be_bytes(),
            &self.serial.to_be_bytes(),
            &self.commitment,
            &self.detail,
        ])
    }
}

/// An entry as the store has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its place in the chain.
    pub link: Link,
    /// By which the owner's entries are found.
    pub subject: [u8; 32],
    /// The opening, under the vault.
    pub sealed: Vec<u8>,
}

impl Entry {
    /// The opening, compared with the commitment.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if it does not open, or opens something else.
    pub fn open(&self, vault: &Vault) -> Result<Opening, Error> {
        let corrupt = Error::Corrupt { table: "entries" };
        let bytes = vault.open(OPENING, &self.link.commitment, &self.sealed).map_err(|_| corrupt.clone())?;
        let opening = Opening::from_bytes(bytes.expose()).map_err(|_| corrupt.clone())?;
        match opening.commitment(self.link.at, self.link.serial) == self.link.commitment {
            true => Ok(opening),
            false => Err(corrupt),
        }
    }
}
