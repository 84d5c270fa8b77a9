//! Changing settings. All of it goes through [`Change`]: a transaction under the lock of the head that knows which rows go and which
//! come, keeps the sum over all of them in step and raises their version.

use super::row::{Row, Value, int};
use super::sum::Sum;
use super::{Store, Transaction};
use crate::kgs::server::error::Error;
use crate::kgs::server::keys::Vault;

/// A table of settings, and what is said to it.
#[derive(Debug)]
pub(in crate::kgs::server) struct Table {
    pub(in crate::kgs::server) name: &'static str,
    /// The lowest key. Its columns come first.
    pub(super) start: fn() -> Vec<Value>,
    /// Whether its last column is a tag; what has none is sealed.
    tagged: bool,
    /// At most [`super::check::PAGE`] rows behind a key.
    pub(super) page: &'static str,
    pub(super) count: &'static str,
    /// The row with a key.
    find: &'static str,
    /// The rows of a user, or of whatever the table is about.
    of: &'static str,
    insert: &'static str,
    replace: &'static str,
    delete: &'static str,
}

macro_rules! table {
    (
        $name:literal ($columns:literal) values ($places:literal) tagged $tagged:literal
        key ($key:literal) at ($at:literal) from $start:expr, of $whose:literal, set $set:literal
    ) => {
        Table {
            name: $name,
            start: || $start.into(),
            tagged: $tagged,
            page: concat!(
                "SELECT ",
                $columns,
                " FROM ",
                $name,
                " WHERE (",
                $key,
                ") > (",
                $at,
                ") ORDER BY ",
                $key,
                " LIMIT 1000"
            ),
            count: concat!("SELECT COUNT(*) FROM ", $name),
            find: concat!("SELECT ", $columns, " FROM ", $name, " WHERE (", $key, ") = (", $at, ")"),
            of: concat!("SELECT ", $columns, " FROM ", $name, " WHERE ", $whose, " = $1"),
            insert: concat!("INSERT INTO ", $name, " (", $columns, ") VALUES (", $places, ")"),
            replace: concat!(
                "INSERT INTO ",
                $name,
                " (",
                $columns,
                ") VALUES (",
                $places,
                ") ON CONFLICT (",
                $key,
                ") DO UPDATE SET ",
                $set
            ),
            delete: concat!("DELETE FROM ", $name, " WHERE (", $key, ") = (", $at, ")"),
        }
    };
}

const TEXT: fn() -> Value = || Value::Text(String::new());
const BYTES: fn() -> Value = || Value::Bytes(Vec::new());

pub(in crate::kgs::server) static EPOCHS: Table = table!(
    "epochs" ("serial, parameters, sealed, state, tag") values ("$1, $2, $3, $4, $5") tagged true
    key ("serial") at ("$1") from [Value::Int(i64::MIN)], of "serial",
    set "parameters = $2, sealed = $3, state = $4, tag = $5"
);
pub(super) static USERS: Table = table!(
    "users" ("name, disabled, created, tag") values ("$1, $2, $3, $4") tagged true
    key ("name") at ("$1") from [TEXT()], of "name",
    set "disabled = $2, created = $3, tag = $4"
);
pub(super) static CREDENTIALS: Table = table!(
    "credentials" ("kind, lookup, owner, sealed") values ("$1, $2, $3, $4") tagged false
    key ("kind, lookup") at ("$1, $2") from [Value::Int(i64::MIN), BYTES()], of "owner",
    set "owner = $3, sealed = $4"
);
pub(super) static TOKENS: Table = table!(
    "tokens" ("hash, label, owner, scope, expires, tag") values ("$1, $2, $3, $4, $5, $6") tagged true
    key ("hash") at ("$1") from [BYTES()], of "owner",
    set "label = $2, owner = $3, scope = $4, expires = $5, tag = $6"
);
pub(super) static RULES: Table = table!(
    "rules" ("owner, pattern, purposes, ahead, quota, tag") values ("$1, $2, $3, $4, $5, $6") tagged true
    key ("owner, pattern") at ("$1, $2") from [TEXT(), TEXT()], of "owner",
    set "purposes = $3, ahead = $4, quota = $5, tag = $6"
);
pub(super) static RECIPIENTS: Table = table!(
    "recipients" ("owner, sealing, tag") values ("$1, $2, $3") tagged true
    key ("owner") at ("$1") from [TEXT()], of "owner",
    set "sealing = $2, tag = $3"
);
pub(super) static REVOCATIONS: Table = table!(
    "revocations" ("name, since, tag") values ("$1, $2, $3") tagged true
    key ("name") at ("$1") from [TEXT()], of "name",
    set "since = $2, tag = $3"
);

/// All settings.
pub(super) static TABLES: [&Table; 7] = [&EPOCHS, &USERS, &CREDENTIALS, &TOKENS, &RULES, &RECIPIENTS, &REVOCATIONS];
/// What goes with a user.
static OWNED: [&Table; 4] = [&CREDENTIALS, &TOKENS, &RULES, &RECIPIENTS];

impl Table {
    /// The columns of a row without its tag, which holds.
    ///
    /// # Errors
    /// [`Error::Corrupt`].
    pub(super) fn read(&self, row: &Row, vault: &Vault) -> Result<Vec<Value>, Error> {
        let corrupt = || Error::Corrupt { table: self.name };
        let mut values = row.columns.iter().cloned().collect::<Option<Vec<_>>>().ok_or_else(corrupt)?;
        if self.tagged {
            let Some(Value::Bytes(tag)) = values.pop() else { return Err(corrupt()) };
            vault.check(self.name, &values, &tag)?;
        }
        Ok(values)
    }

    /// The key of a row.
    pub(super) fn key(&self, row: &[Value]) -> Vec<Value> {
        row.iter().take((self.start)().len()).cloned().collect()
    }
}

const SEALED: &str = "SELECT sealed FROM settings WHERE id = 1";

/// Settings while they are changed. Dropped without a commit it leaves nothing.
pub(in crate::kgs::server) struct Change<'a> {
    open: Box<dyn Transaction>,
    vault: &'a Vault,
    version: u64,
    sum: Sum,
}

impl Store {
    /// Begins a change of settings, under the lock of the head.
    ///
    /// # Errors
    /// [`Error::Settings`] if the sum over them is not the one of their version; [`Error::Store`].
    pub(in crate::kgs::server) async fn change<'a>(&self, vault: &'a Vault) -> Result<Change<'a>, Error> {
        let mut open = self.db.begin().await?;
        let (version, sum) = self.locked_sum(&mut *open, vault).await?;
        Ok(Change { open, vault, version, sum })
    }

    /// Version and sum, under the lock of the head.
    pub(super) async fn locked_sum(&self, open: &mut dyn Transaction, vault: &Vault) -> Result<(u64, Sum), Error> {
        let version = self.lock_head(open).await?.version;
        let rows = open.fetch(SEALED, Vec::new()).await?;
        let sealed = rows.first().map_or(Ok(&[][..]), |row| row.bytes("settings", 0))?;
        Ok((version, Sum::open(vault, version, sealed)?))
    }
}

impl<'a> Change<'a> {
    /// What becomes the next version, with this sum over what is there.
    pub(super) fn of(open: Box<dyn Transaction>, vault: &'a Vault, version: u64, sum: Sum) -> Self {
        Self { open, vault, version, sum }
    }

    /// The first settings of a store, whose head has version 0.
    pub(in crate::kgs::server) fn first(open: Box<dyn Transaction>, vault: &'a Vault) -> Self {
        Self::of(open, vault, 0, Sum::new())
    }

    /// Rows as they are, under the lock.
    pub(in crate::kgs::server) async fn fetch(
        &mut self,
        sql: &'static str,
        values: Vec<Value>,
    ) -> Result<Vec<Row>, Error> {
        self.open.fetch(sql, values).await
    }

    /// The row with a key, without its tag.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if the tag does not hold; [`Error::Store`].
    pub(super) async fn find(&mut self, table: &Table, key: Vec<Value>) -> Result<Option<Vec<Value>>, Error> {
        let rows = self.open.fetch(table.find, key).await?;
        rows.first().map(|row| table.read(row, self.vault)).transpose()
    }

    /// Puts a row in that is not there yet.
    ///
    /// # Errors
    /// [`Error::Store`], a conflict if there is one with its key.
    pub(in crate::kgs::server) async fn insert(&mut self, table: &Table, row: Vec<Value>) -> Result<(), Error> {
        self.write(table, table.insert, row).await
    }

    /// Puts a row in, where there is one with its key in its place.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if the tag of that one does not hold; [`Error::Store`].
    pub(in crate::kgs::server) async fn put(&mut self, table: &Table, row: Vec<Value>) -> Result<(), Error> {
        if let Some(old) = self.find(table, table.key(&row)).await? {
            self.sum.subtract(self.vault, table.name, &old);
        }
        self.write(table, table.replace, row).await
    }

    async fn write(&mut self, table: &Table, sql: &'static str, mut row: Vec<Value>) -> Result<(), Error> {
        self.sum.add(self.vault, table.name, &row);
        if table.tagged {
            row.push(Value::from(&self.vault.tag(table.name, &row)));
        }
        self.open.execute(sql, row).await.map(drop)
    }

    /// Takes a row out; whether it was there.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if its tag does not hold; [`Error::Store`].
    pub(super) async fn remove(&mut self, table: &Table, key: Vec<Value>) -> Result<bool, Error> {
        let Some(row) = self.find(table, key.clone()).await? else { return Ok(false) };
        self.sum.subtract(self.vault, table.name, &row);
        self.open.execute(table.delete, key).await?;
        Ok(true)
    }

    /// Takes a user out with everything that is theirs; whether they were there.
    ///
    /// # Errors
    /// As [`Change::remove`].
    pub(super) async fn remove_user(&mut self, name: &str) -> Result<bool, Error> {
        for table in OWNED {
            // The database deletes them with the user.
            for row in self.open.fetch(table.of, vec![Value::from(name)]).await? {
                let row = table.read(&row, self.vault)?;
                self.sum.subtract(self.vault, table.name, &row);
            }
        }
        self.remove(&USERS, vec![Value::from(name)]).await
    }

    /// Makes it durable, under the next version.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub(in crate::kgs::server) async fn commit(self) -> Result<(), Error> {
        let next = self.version.saturating_add(1);
        self.commit_as(next).await
    }

    /// The same under a version that may be further on.
    pub(super) async fn commit_as(mut self, version: u64) -> Result<(), Error> {
        let sealed = self.sum.seal(self.vault, version)?;
        self.open.execute("UPDATE head SET version = $1 WHERE id = 1", vec![int(version)?]).await?;
        let sql = "INSERT INTO settings (id, sealed) VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET sealed = $1";
        self.open.execute(sql, vec![Value::Bytes(sealed)]).await?;
        self.open.commit().await
    }
}
