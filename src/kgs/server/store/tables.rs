//! Settings: users, their credentials, tokens and rules; revocations. Each row has a tag under the vault (a credential is sealed), so
//! that whoever can write to the database alone makes none. That they delete one, or put an old one back, shows in the sum over all
//! rows ([`super::settings`]), which every change keeps in step, with the version, in its transaction.

use super::Store;
use super::row::{Row, Value, int};
use super::settings::{CREDENTIALS, Change, REVOCATIONS, RULES, TOKENS, USERS};
use crate::ibe::Name;
use crate::kgs::server::error::{Error, Fault};
use crate::kgs::server::keys::Vault;
use crate::kgs::server::policy::{Pattern, Purposes, Rule};

/// Longest name of a user or a token.
pub(in crate::kgs::server) const USER_MAX: usize = 255;

/// Somebody who may ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The name by which they log in; no name of an identity.
    pub name: String,
    /// Whether they get nothing for now.
    pub disabled: bool,
    /// When they were added.
    pub created: u64,
}

/// A token as it is listed; the token itself is nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRow {
    /// What it was called when it was made.
    pub label: String,
    /// Whose it is.
    pub owner: String,
    /// What it is good for.
    pub scope: u64,
    /// Until when.
    pub expires: u64,
}

/// A revoked name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// The name.
    pub name: Name,
    /// From when on.
    pub since: u64,
}

/// The kinds of credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CredentialKind {
    /// HTTP Basic.
    Password = 1,
    /// HTTP Digest.
    Digest = 2,
    /// A TLS client certificate.
    Certificate = 3,
    /// A pre-shared key of MIKEY.
    Psk = 4,
}

impl CredentialKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Password, Self::Digest, Self::Certificate, Self::Psk];

    /// Its name as programs print it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Digest => "digest",
            Self::Certificate => "certificate",
            Self::Psk => "psk",
        }
    }
}

/// A name that can stand in a header and in a log: printable ASCII without colon and space, 1 to [`USER_MAX`] bytes.
///
/// # Errors
/// [`Error::Input`].
pub(in crate::kgs::server) fn check_user(name: &str) -> Result<(), Error> {
    let fits = (1..=USER_MAX).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_graphic() && b != b':');
    let what = "names of users and tokens are 1 to 255 printable ASCII characters without spaces and colons";
    if fits { Ok(()) } else { Err(Error::Input { what }) }
}

fn as_exists(what: &'static str) -> impl Fn(Error) -> Error {
    move |e| match e {
        Error::Store { fault: Fault::Conflict, .. } => Error::Exists { what },
        e => e,
    }
}

fn user_row(name: &str, disabled: bool, created: u64) -> Result<Vec<Value>, Error> {
    Ok(vec![Value::from(name), Value::Int(disabled.into()), int(created)?])
}

pub(super) fn user(row: &Row, vault: &Vault) -> Result<User, Error> {
    let t = "users";
    let (name, disabled, created) = (row.text(t, 0)?, row.u64(t, 1)?, row.u64(t, 2)?);
    vault.check(t, &[Value::from(name), int(disabled)?, int(created)?], row.bytes(t, 3)?)?;
    Ok(User { name: name.into(), disabled: disabled != 0, created })
}

fn rule_row(owner: &str, rule: &Rule) -> Result<Vec<Value>, Error> {
    let pattern = rule.pattern.to_string();
    Ok(vec![
        Value::from(owner),
        Value::Text(pattern),
        Value::Int(rule.purposes.id()),
        int(rule.ahead)?,
        int(rule.quota)?,
    ])
}

pub(super) fn rule(owner: &str, row: &Row, vault: &Vault) -> Result<Rule, Error> {
    let t = "rules";
    let corrupt = || Error::Corrupt { table: t };
    let rule = Rule {
        pattern: row.text(t, 0)?.parse::<Pattern>().map_err(|_| corrupt())?,
        purposes: Purposes::from_id(row.u64(t, 1)?).ok_or_else(corrupt)?,
        ahead: row.u64(t, 2)?,
        quota: row.u64(t, 3)?,
    };
    let values = rule_row(owner, &rule)?;
    // A pattern has one spelling: under another one the rule would be there and not be found.
    if rule.pattern.to_string() != row.text(t, 0)? {
        return Err(corrupt());
    }
    vault.check(t, &values, row.bytes(t, 4)?)?;
    Ok(rule)
}

fn token_row(hash: &[u8], row: &TokenRow) -> Result<Vec<Value>, Error> {
    let TokenRow { label, owner, scope, expires } = row;
    Ok(vec![Value::from(hash), Value::from(label.as_str()), Value::from(owner.as_str()), int(*scope)?, int(*expires)?])
}

fn token(hash: &[u8], row: &Row, vault: &Vault) -> Result<TokenRow, Error> {
    let t = "tokens";
    let found = TokenRow {
        label: row.text(t, 0)?.into(),
        owner: row.text(t, 1)?.into(),
        scope: row.u64(t, 2)?,
        expires: row.u64(t, 3)?,
    };
    vault.check(t, &token_row(hash, &found)?, row.bytes(t, 4)?)?;
    Ok(found)
}

impl Store {
    /// Adds a user with rules.
    ///
    /// # Errors
    /// [`Error::Input`], [`Error::Exists`], [`Error::Settings`], [`Error::Store`].
    pub async fn add_user(&self, vault: &Vault, name: &str, rules: &[Rule], now: u64) -> Result<(), Error> {
        check_user(name)?;
        let mut change = self.change(vault).await?;
        change.insert(&USERS, user_row(name, false, now)?).await.map_err(as_exists("user"))?;
        for rule in rules {
            change.put(&RULES, rule_row(name, rule)?).await?;
        }
        change.commit().await
    }

    /// Removes a user with credentials, tokens and rules. The log keeps what it has.
    ///
    /// # Errors
    /// [`Error::Unknown`], [`Error::Settings`], [`Error::Store`]; [`Error::Corrupt`] for a row whose tag does not hold.
    pub async fn remove_user(&self, vault: &Vault, name: &str) -> Result<(), Error> {
        let mut change = self.change(vault).await?;
        there(change.remove_user(name).await?, "user")?;
        change.commit().await
    }

    /// Disables a user, or enables one again.
    ///
    /// # Errors
    /// [`Error::Unknown`], [`Error::Settings`], [`Error::Store`], [`Error::Corrupt`].
    pub async fn disable_user(&self, vault: &Vault, name: &str, disabled: bool) -> Result<(), Error> {
        let mut change = self.change(vault).await?;
        let mut row = known(&mut change, name).await?;
        if let Some(column) = row.get_mut(1) {
            *column = Value::Int(disabled.into());
        }
        change.put(&USERS, row).await?;
        change.commit().await
    }

    /// A user.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Corrupt`].
    pub async fn user(&self, vault: &Vault, name: &str) -> Result<Option<User>, Error> {
        let sql = "SELECT name, disabled, created, tag FROM users WHERE name = $1";
        self.db.fetch(sql, vec![Value::from(name)]).await?.first().map(|row| user(row, vault)).transpose()
    }

    /// At most 1,000 users behind a name.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Corrupt`].
    pub async fn users(&self, vault: &Vault, behind: &str) -> Result<Vec<User>, Error> {
        let sql = "SELECT name, disabled, created, tag FROM users WHERE name > $1 ORDER BY name LIMIT 1000";
        self.db.fetch(sql, vec![Value::from(behind)]).await?.iter().map(|row| user(row, vault)).collect()
    }

    /// Gives a user a rule, or replaces the one with this pattern.
    ///
    /// # Errors
    /// [`Error::Unknown`], [`Error::Settings`], [`Error::Store`], [`Error::Corrupt`].
    pub async fn set_rule(&self, vault: &Vault, owner: &str, rule: &Rule) -> Result<(), Error> {
        let mut change = self.change(vault).await?;
        known(&mut change, owner).await?;
        change.put(&RULES, rule_row(owner, rule)?).await?;
        change.commit().await
    }

    /// Takes a rule away.
    ///
    /// # Errors
    /// [`Error::Unknown`], [`Error::Settings`], [`Error::Store`], [`Error::Corrupt`].
    pub async fn remove_rule(&self, vault: &Vault, owner: &str, pattern: &Pattern) -> Result<(), Error> {
        let mut change = self.change(vault).await?;
        let key = vec![Value::from(owner), Value::Text(pattern.to_string())];
        there(change.remove(&RULES, key).await?, "rule")?;
        change.commit().await
    }

    /// A user's rules.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Corrupt`].
    pub async fn rules(&self, vault: &Vault, owner: &str) -> Result<Vec<Rule>, Error> {
        let sql = "SELECT pattern, purposes, ahead, quota, tag FROM rules WHERE owner = $1 ORDER BY pattern";
        self.db.fetch(sql, vec![Value::from(owner)]).await?.iter().map(|row| rule(owner, row, vault)).collect()
    }

    /// Revokes a name from `since` on; an earlier revocation of it is replaced.
    ///
    /// # Errors
    /// [`Error::Settings`], [`Error::Store`]; [`Error::Corrupt`] if the tag of the earlier one does not hold.
    pub async fn revoke(&self, vault: &Vault, revocation: &Revocation) -> Result<(), Error> {
        let mut change = self.change(vault).await?;
        let row = vec![Value::from(revocation.name.as_str()), int(revocation.since)?];
        change.put(&REVOCATIONS, row).await?;
        change.commit().await
    }

    /// Takes a revocation back.
    ///
    /// # Errors
    /// [`Error::Unknown`], [`Error::Settings`], [`Error::Store`], [`Error::Corrupt`].
    pub async fn pardon(&self, vault: &Vault, name: &Name) -> Result<(), Error> {
        let mut change = self.change(vault).await?;
        there(change.remove(&REVOCATIONS, vec![Value::from(name.as_str())]).await?, "revocation")?;
        change.commit().await
    }

    /// From when on a name is revoked.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Corrupt`].
    pub async fn revoked(&self, vault: &Vault, name: &Name) -> Result<Option<u64>, Error> {
        let sql = "SELECT name, since, tag FROM revocations WHERE name = $1";
        let rows = self.db.fetch(sql, vec![Value::from(name.as_str())]).await?;
        rows.first().map(|row| revocation(row, vault).map(|r| r.since)).transpose()
    }

    /// At most 1,000 revocations behind a name.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Corrupt`].
    pub async fn revocations(&self, vault: &Vault, behind: &str) -> Result<Vec<Revocation>, Error> {
        let sql = "SELECT name, since, tag FROM revocations WHERE name > $1 ORDER BY name LIMIT 1000";
        self.db.fetch(sql, vec![Value::from(behind)]).await?.iter().map(|row| revocation(row, vault)).collect()
    }

    /// Gives a user a credential, or replaces the one that is found in the same way. `sealed` says what it is.
    pub(in crate::kgs::server) async fn set_credential(
        &self,
        vault: &Vault,
        kind: CredentialKind,
        lookup: &[u8; 32],
        owner: &str,
        sealed: Vec<u8>,
    ) -> Result<(), Error> {
        let mut change = self.change(vault).await?;
        known(&mut change, owner).await?;
        let place = vec![Value::Int(kind as i64), Value::from(lookup)];
        let found = change.find(&CREDENTIALS, place.clone()).await?;
        if found.is_some_and(|row| row.get(2) != Some(&Value::from(owner))) {
            return Err(Error::Exists { what: "credential" });
        }
        let rest = [Value::from(owner), Value::Bytes(sealed)];
        change.put(&CREDENTIALS, place.into_iter().chain(rest).collect()).await?;
        change.commit().await
    }

    /// Owner and sealed content of a credential.
    pub(in crate::kgs::server) async fn credential(
        &self,
        kind: CredentialKind,
        lookup: &[u8; 32],
    ) -> Result<Option<(String, Vec<u8>)>, Error> {
        let sql = "SELECT owner, sealed FROM credentials WHERE kind = $1 AND lookup = $2";
        let rows = self.db.fetch(sql, vec![Value::Int(kind as i64), Value::from(lookup)]).await?;
        let t = "credentials";
        rows.first().map(|row| Ok((row.text(t, 0)?.to_owned(), row.bytes(t, 1)?.to_vec()))).transpose()
    }

    /// How many credentials of each kind a user has.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn credentials(&self, owner: &str) -> Result<Vec<(CredentialKind, u64)>, Error> {
        let sql = "SELECT kind, COUNT(*) FROM credentials WHERE owner = $1 GROUP BY kind ORDER BY kind";
        let t = "credentials";
        let rows = self.db.fetch(sql, vec![Value::from(owner)]).await?;
        let kind = |id: u64| CredentialKind::ALL.into_iter().find(|k| *k as u64 == id);
        rows.iter().map(|r| Ok((kind(r.u64(t, 0)?).ok_or(Error::Corrupt { table: t })?, r.u64(t, 1)?))).collect()
    }

    pub(in crate::kgs::server) async fn add_token(
        &self,
        vault: &Vault,
        hash: &[u8; 32],
        row: &TokenRow,
    ) -> Result<(), Error> {
        check_user(&row.label)?;
        let mut change = self.change(vault).await?;
        known(&mut change, &row.owner).await?;
        change.insert(&TOKENS, token_row(hash, row)?).await.map_err(as_exists("token"))?;
        change.commit().await
    }

    pub(in crate::kgs::server) async fn token(
        &self,
        vault: &Vault,
        hash: &[u8; 32],
    ) -> Result<Option<TokenRow>, Error> {
        let sql = "SELECT label, owner, scope, expires, tag FROM tokens WHERE hash = $1";
        self.db.fetch(sql, vec![Value::from(hash)]).await?.first().map(|row| token(hash, row, vault)).transpose()
    }

    /// A user's tokens.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Corrupt`].
    pub async fn tokens(&self, vault: &Vault, owner: &str) -> Result<Vec<TokenRow>, Error> {
        let sql = "SELECT label, owner, scope, expires, tag, hash FROM tokens WHERE owner = $1 ORDER BY label";
        let rows = self.db.fetch(sql, vec![Value::from(owner)]).await?;
        rows.iter().map(|row| token(row.bytes("tokens", 5)?, row, vault)).collect()
    }

    /// Takes a token away.
    ///
    /// # Errors
    /// [`Error::Unknown`], [`Error::Settings`], [`Error::Store`], [`Error::Corrupt`].
    pub async fn remove_token(&self, vault: &Vault, owner: &str, label: &str) -> Result<(), Error> {
        let mut change = self.change(vault).await?;
        let sql = "SELECT hash FROM tokens WHERE owner = $1 AND label = $2";
        let found = change.fetch(sql, vec![Value::from(owner), Value::from(label)]).await?;
        let row = found.first().ok_or(Error::Unknown { what: "token" })?;
        change.remove(&TOKENS, vec![Value::from(row.bytes("tokens", 0)?)]).await?;
        change.commit().await
    }
}

pub(super) fn revocation(row: &Row, vault: &Vault) -> Result<Revocation, Error> {
    let t = "revocations";
    let (name, since) = (row.text(t, 0)?, row.u64(t, 1)?);
    vault.check(t, &[Value::from(name), int(since)?], row.bytes(t, 2)?)?;
    Ok(Revocation { name: Name::parse(name).map_err(|_| Error::Corrupt { table: t })?, since })
}

/// The row of a user who must be there.
pub(super) async fn known(change: &mut Change<'_>, user: &str) -> Result<Vec<Value>, Error> {
    change.find(&USERS, vec![Value::from(user)]).await?.ok_or(Error::Unknown { what: "user" })
}

fn there(found: bool, what: &'static str) -> Result<(), Error> {
    if found { Ok(()) } else { Err(Error::Unknown { what }) }
}
