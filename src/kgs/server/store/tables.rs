//! Settings: users, their credentials, tokens and rules; revocations. Each row has a tag under the vault, so that whoever can
//! write to the database alone can take something away, but cannot grant anything. Every change raises the version of the settings
//! in its transaction.

use super::row::{Row, Value, int};
use super::{Store, Transaction};
use crate::ibe::Name;
use crate::kgs::server::error::{Error, Fault};
use crate::kgs::server::keys::{Vault, raise};
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
    let user = User { name: row.text(t, 0)?.into(), disabled: row.u64(t, 1)? != 0, created: row.u64(t, 2)? };
    vault.check(t, &user_row(&user.name, user.disabled, user.created)?, row.bytes(t, 3)?)?;
    Ok(user)
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
    vault.check(t, &rule_row(owner, &rule)?, row.bytes(t, 4)?)?;
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
    /// One change of settings: under the lock of the head, with a new version.
    async fn change(&self, sql: &'static str, values: Vec<Value>) -> Result<u64, Error> {
        let mut open = self.settings().await?;
        let rows = open.execute(sql, values).await?;
        if rows > 0 {
            raise(&mut *open).await?;
            open.commit().await?;
        }
        Ok(rows)
    }

    async fn settings(&self) -> Result<Box<dyn Transaction>, Error> {
        let mut open = self.db.begin().await?;
        self.lock_head(&mut *open).await?;
        Ok(open)
    }

    /// Adds a user with rules.
    ///
    /// # Errors
    /// [`Error::Input`], [`Error::Exists`], [`Error::Store`].
    pub async fn add_user(&self, vault: &Vault, name: &str, rules: &[Rule], now: u64) -> Result<(), Error> {
        check_user(name)?;
        let mut open = self.settings().await?;
        let mut values = user_row(name, false, now)?;
        values.push(Value::from(&vault.tag("users", &values)));
        let sql = "INSERT INTO users (name, disabled, created, tag) VALUES ($1, $2, $3, $4)";
        open.execute(sql, values).await.map_err(as_exists("user"))?;
        for rule in rules {
            put_rule(&mut *open, vault, name, rule).await?;
        }
        raise(&mut *open).await?;
        open.commit().await
    }

    /// Removes a user with credentials, tokens and rules. The log keeps what it has.
    ///
    /// # Errors
    /// [`Error::Unknown`], [`Error::Store`].
    pub async fn remove_user(&self, name: &str) -> Result<(), Error> {
        match self.change("DELETE FROM users WHERE name = $1", vec![Value::from(name)]).await? {
            0 => Err(Error::Unknown { what: "user" }),
            _ => Ok(()),
        }
    }

    /// Disables a user, or enables one again.
    ///
    /// # Errors
    /// [`Error::Unknown`], [`Error::Store`], [`Error::Corrupt`].
    pub async fn disable_user(&self, vault: &Vault, name: &str, disabled: bool) -> Result<(), Error> {
        let found = self.user(vault, name).await?.ok_or(Error::Unknown { what: "user" })?;
        let tag = vault.tag("users", &user_row(name, disabled, found.created)?);
        let values = vec![Value::Int(disabled.into()), Value::from(&tag), Value::from(name)];
        self.change("UPDATE users SET disabled = $1, tag = $2 WHERE name = $3", values).await.map(drop)
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
    /// [`Error::Unknown`], [`Error::Store`].
    pub async fn set_rule(&self, vault: &Vault, owner: &str, rule: &Rule) -> Result<(), Error> {
        let mut open = self.settings().await?;
        known(&mut *open, owner).await?;
        put_rule(&mut *open, vault, owner, rule).await?;
        raise(&mut *open).await?;
        open.commit().await
    }

    /// Takes a rule away.
    ///
    /// # Errors
    /// [`Error::Unknown`], [`Error::Store`].
    pub async fn remove_rule(&self, owner: &str, pattern: &Pattern) -> Result<(), Error> {
        let values = vec![Value::from(owner), Value::Text(pattern.to_string())];
        match self.change("DELETE FROM rules WHERE owner = $1 AND pattern = $2", values).await? {
            0 => Err(Error::Unknown { what: "rule" }),
            _ => Ok(()),
        }
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
    /// [`Error::Store`].
    pub async fn revoke(&self, vault: &Vault, revocation: &Revocation) -> Result<(), Error> {
        let mut values = vec![Value::from(revocation.name.as_str()), int(revocation.since)?];
        values.push(Value::from(&vault.tag("revocations", &values)));
        let sql = "INSERT INTO revocations (name, since, tag) VALUES ($1, $2, $3) \
                   ON CONFLICT (name) DO UPDATE SET since = $2, tag = $3";
        self.change(sql, values).await.map(drop)
    }

    /// Takes a revocation back.
    ///
    /// # Errors
    /// [`Error::Unknown`], [`Error::Store`].
    pub async fn pardon(&self, name: &Name) -> Result<(), Error> {
        match self.change("DELETE FROM revocations WHERE name = $1", vec![Value::from(name.as_str())]).await? {
            0 => Err(Error::Unknown { what: "revocation" }),
            _ => Ok(()),
        }
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
        kind: CredentialKind,
        lookup: &[u8; 32],
        owner: &str,
        sealed: Vec<u8>,
    ) -> Result<(), Error> {
        let mut open = self.settings().await?;
        known(&mut *open, owner).await?;
        let place = vec![Value::Int(kind as i64), Value::from(lookup)];
        let sql = "SELECT owner FROM credentials WHERE kind = $1 AND lookup = $2";
        let rows = open.fetch(sql, place.clone()).await?;
        if rows.first().map(|row| row.text("credentials", 0)).transpose()?.is_some_and(|found| found != owner) {
            return Err(Error::Exists { what: "credential" });
        }
        open.execute("DELETE FROM credentials WHERE kind = $1 AND lookup = $2", place.clone()).await?;
        let sql = "INSERT INTO credentials (kind, lookup, owner, sealed) VALUES ($1, $2, $3, $4)";
        let [kind, lookup] = [Value::Int(kind as i64), Value::from(lookup)];
        open.execute(sql, vec![kind, lookup, Value::from(owner), Value::Bytes(sealed)]).await?;
        raise(&mut *open).await?;
        open.commit().await
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
        let mut open = self.settings().await?;
        known(&mut *open, &row.owner).await?;
        let mut values = token_row(hash, row)?;
        values.push(Value::from(&vault.tag("tokens", &values)));
        let sql = "INSERT INTO tokens (hash, label, owner, scope, expires, tag) VALUES ($1, $2, $3, $4, $5, $6)";
        open.execute(sql, values).await.map_err(as_exists("token"))?;
        raise(&mut *open).await?;
        open.commit().await
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
    /// [`Error::Unknown`], [`Error::Store`].
    pub async fn remove_token(&self, owner: &str, label: &str) -> Result<(), Error> {
        let values = vec![Value::from(owner), Value::from(label)];
        match self.change("DELETE FROM tokens WHERE owner = $1 AND label = $2", values).await? {
            0 => Err(Error::Unknown { what: "token" }),
            _ => Ok(()),
        }
    }
}

pub(super) fn revocation(row: &Row, vault: &Vault) -> Result<Revocation, Error> {
    let t = "revocations";
    let (name, since) = (row.text(t, 0)?, row.u64(t, 1)?);
    vault.check(t, &[Value::from(name), int(since)?], row.bytes(t, 2)?)?;
    Ok(Revocation { name: Name::parse(name).map_err(|_| Error::Corrupt { table: t })?, since })
}

pub(super) async fn known(open: &mut dyn Transaction, user: &str) -> Result<(), Error> {
    match open.fetch("SELECT name FROM users WHERE name = $1", vec![Value::from(user)]).await?.is_empty() {
        true => Err(Error::Unknown { what: "user" }),
        false => Ok(()),
    }
}

async fn put_rule(open: &mut dyn Transaction, vault: &Vault, owner: &str, rule: &Rule) -> Result<(), Error> {
    let mut values = rule_row(owner, rule)?;
    values.push(Value::from(&vault.tag("rules", &values)));
    let sql = "INSERT INTO rules (owner, pattern, purposes, ahead, quota, tag) VALUES ($1, $2, $3, $4, $5, $6) \
               ON CONFLICT (owner, pattern) DO UPDATE SET purposes = $3, ahead = $4, quota = $5, tag = $6";
    open.execute(sql, values).await.map(drop)
}
