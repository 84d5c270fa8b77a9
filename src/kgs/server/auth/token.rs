//! Bearer tokens: 32 random bytes, of which a keyed hash is stored.

use std::fmt;

use super::{Requester, Via};
use crate::kgs::server::error::Error;
use crate::kgs::server::keys::Vault;
use crate::kgs::server::store::Store;
use crate::kgs::server::store::tables::TokenRow;
use crate::secret::{Secret, SecretVec};

/// What tokens begin with, so that one that has been pasted somewhere is recognised.
const PREFIX: &str = "ibakekgs_";

/// What a proof is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    /// Keys, by the user's rules.
    pub issue: bool,
    /// The user's own entries of the log.
    pub audit: bool,
    /// Jobs for many users.
    pub bulk: bool,
}

impl Scope {
    /// What users themselves may.
    pub const USER: Self = Self { issue: true, audit: true, bulk: false };

    /// Of its names: `issue`, `audit`, `bulk`.
    pub fn from_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let mut scope = Self { issue: false, audit: false, bulk: false };
        for name in names {
            match name {
                "issue" => scope.issue = true,
                "audit" => scope.audit = true,
                "bulk" => scope.bulk = true,
                _ => return None,
            }
        }
        (scope.id() > 0).then_some(scope)
    }

    fn id(self) -> u64 {
        u64::from(self.issue) | u64::from(self.audit) << 1 | u64::from(self.bulk) << 2
    }

    /// From its number in the store.
    pub const fn from_id(id: u64) -> Option<Self> {
        match id {
            1..=7 => Some(Self { issue: id & 1 != 0, audit: id & 2 != 0, bulk: id & 4 != 0 }),
            _ => None,
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = [(self.issue, "issue"), (self.audit, "audit"), (self.bulk, "bulk")];
        let names: Vec<&str> = all.into_iter().filter(|(is, _)| *is).map(|(_, name)| name).collect();
        f.write_str(&names.join(","))
    }
}

/// Makes a token; it is shown once and stored nowhere.
///
/// # Errors
/// [`Error::Unknown`] user, [`Error::Exists`] label, [`Error::Input`], [`Error::Store`].
pub async fn create(
    store: &Store,
    vault: &Vault,
    owner: &str,
    label: &str,
    scope: Scope,
    expires: u64,
) -> Result<SecretVec, Error> {
    let secret = Secret::<32>::random(&mut getrandom::SysRng)?;
    let mut text = Vec::with_capacity(PREFIX.len() + 64);
    text.extend_from_slice(PREFIX.as_bytes());
    let mut hex = Secret::<64>::zero();
    let written = base16ct::lower::encode(secret.expose(), hex.as_mut()).map(<[u8]>::len);
    debug_assert_eq!(written, Ok(64));
    text.extend_from_slice(hex.expose());
    let row = TokenRow { label: label.into(), owner: owner.into(), scope: scope.id(), expires };
    store.add_token(vault, &vault.lookup("token", &text), &row).await?;
    Ok(SecretVec::new(text))
}

/// Who shows this token.
///
/// # Errors
/// [`Error::Unauthentic`] for one that is none, or is over; [`Error::Store`], [`Error::Corrupt`].
///
/// # Timing
/// The look-up is by a keyed hash, so its time says nothing about tokens that are stored.
pub async fn check(store: &Store, vault: &Vault, token: &[u8], now: u64) -> Result<Requester, Error> {
    if token.len() != PREFIX.len() + 64 {
        return Err(Error::Unauthentic);
    }
    let found = store.token(vault, &vault.lookup("token", token)).await?.filter(|row| now < row.expires);
    let row = found.ok_or(Error::Unauthentic)?;
    let scope = Scope::from_id(row.scope).ok_or(Error::Corrupt { table: "tokens" })?;
    Ok(Requester { scope, ..Requester::new(&row.owner, Via::Token) })
}
