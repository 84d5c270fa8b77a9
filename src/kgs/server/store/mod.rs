//! The store: SQLite in one file, or PostgreSQL for several nodes, behind [`Database`].
//!
//! A driver knows connections, transactions and three types of values, and nothing of what is stored. Everything else is
//! written once, above it, in SQL that both understand: so both have the same tables, the same checks and the same suite of
//! tests, and neither can drift from the other.
//!
//! | file | what |
//! | --- | --- |
//! | `driver.rs`, `sqlite.rs`, `postgres.rs` | the two drivers |
//! | `migrate.rs`, `migrations/` | tables, in numbered steps |
//! | [`row`] | values, rows, and the tag that every row of settings has |
//! | `log.rs`, `replay.rs` | appending to the audit log, reading it; what must not be seen twice |
//! | `view.rs` | what a decision goes by, in one statement |
//! | `tables.rs` | users, credentials, tokens, rules, revocations |
//! | `settings.rs` | the way in which all settings are changed |
//! | `sum.rs`, `check.rs` | the sum over them, by which it is noticed that rows were deleted or put back |
//! | [`jobs`] | work that nodes share in chunks |
//! | `bulk.rs` | the chunks of bulk issue, what came of them, and for whom |
//!
//! # What survives what
//! A transaction that has been committed survives the death of the process and of the machine: SQLite runs with WAL and
//! `synchronous=FULL`, PostgreSQL with its own default. What has not been committed leaves nothing.

pub(super) mod bulk;
mod check;
#[macro_use]
mod driver;
pub mod jobs;
pub(super) mod log;
mod migrate;
mod postgres;
mod replay;
pub mod row;
pub(super) mod settings;
mod sqlite;
mod sum;
pub(super) mod tables;
pub(super) mod view;

use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use super::error::Error;
pub use check::Accepted;
pub use migrate::SCHEMA;
pub use row::{Row, Value};

/// What a store answers, some time.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// Which SQL is spoken, where the two differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// One writer at a time, by the lock of the file.
    Sqlite,
    /// Rows are locked one by one.
    Postgres,
}

impl Dialect {
    /// What a SELECT ends in that keeps others from its rows until the transaction ends.
    pub(super) const fn for_update(self, plain: &'static str, locking: &'static str) -> &'static str {
        match self {
            // A transaction that writes has the whole file.
            Self::Sqlite => plain,
            Self::Postgres => locking,
        }
    }
}

/// A database. Placeholders of statements are `$1`, `$2` and so on; integers have 64 bits, and nothing is NULL.
pub trait Database: Send + Sync + fmt::Debug {
    /// The SQL that it speaks.
    fn dialect(&self) -> Dialect;

    /// Rows of one statement outside a transaction.
    fn fetch<'a>(&'a self, sql: &'static str, values: Vec<Value>) -> Pending<'a, Vec<Row>>;

    /// Begins a transaction that will write. Dropped without a commit it leaves nothing.
    fn begin<'a>(&'a self) -> Pending<'a, Box<dyn Transaction>>;

    /// Runs statements that define tables, in a transaction of their own, under a lock that nodes share.
    fn define<'a>(&'a self, steps: &'static [&'static str], known: i64) -> Pending<'a, ()>;

    /// Closes all connections.
    fn close<'a>(&'a self) -> Pending<'a, ()>;
}

/// An open transaction.
pub trait Transaction: Send {
    /// Runs one statement; gives the number of rows that it changed.
    fn execute<'a>(&'a mut self, sql: &'static str, values: Vec<Value>) -> Pending<'a, u64>;

    /// Rows of one statement.
    fn fetch<'a>(&'a mut self, sql: &'static str, values: Vec<Value>) -> Pending<'a, Vec<Row>>;

    /// Makes it durable.
    fn commit(self: Box<Self>) -> Pending<'static, ()>;
}

/// Where a store is: `sqlite:PATH`, or `postgres://USER@HOST/DATABASE` as PostgreSQL's own programs take it.
#[derive(Clone, PartialEq, Eq)]
pub enum Address {
    /// A file.
    Sqlite(PathBuf),
    /// A server; may hold a password, so `Debug` shows nothing of it.
    Postgres(String),
}

impl FromStr for Address {
    type Err = Error;

    fn from_str(s: &str) -> Result<Self, Error> {
        match s.split_once(':') {
            Some(("sqlite", path)) if !path.is_empty() => Ok(Self::Sqlite(path.into())),
            Some(("postgres" | "postgresql", rest)) if rest.starts_with("//") => Ok(Self::Postgres(s.into())),
            _ => Err(Error::Address),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => f.debug_tuple("Sqlite").field(path).finish(),
            Self::Postgres(_) => f.write_str("Postgres(..)"),
        }
    }
}

/// How connections to the database are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pools {
    /// Connections that read an SQLite file at the same time.
    pub sqlite_readers: u32,
    /// How long one process waits for the lock of another on such a file.
    pub sqlite_wait: Duration,
    /// Most connections of this node to PostgreSQL.
    pub postgres_connections: u32,
    /// How long a request waits for one of them.
    pub postgres_wait: Duration,
}

impl Default for Pools {
    fn default() -> Self {
        let (sqlite_wait, postgres_wait) = (Duration::from_secs(10), Duration::from_secs(5));
        Self { sqlite_readers: 4, sqlite_wait, postgres_connections: 8, postgres_wait }
    }
}

/// An open store; cheap to clone, all clones share its connections.
#[derive(Clone, Debug)]
pub struct Store {
    pub(super) db: Arc<dyn Database>,
}

impl Store {
    /// Opens a store and brings its tables up to date; makes the SQLite file if it does not exist.
    ///
    /// # Errors
    /// [`Error::Newer`] for tables of a later release, [`Error::Store`].
    pub async fn open(address: &Address) -> Result<Self, Error> {
        Self::open_with(address, Pools::default()).await
    }

    /// As [`Store::open`], with connections kept in another way.
    ///
    /// # Errors
    /// Those of [`Store::open`].
    pub async fn open_with(address: &Address, pools: Pools) -> Result<Self, Error> {
        let db: Arc<dyn Database> = match address {
            Address::Sqlite(path) => Arc::new(sqlite::Sqlite::open(path, pools).await?),
            Address::Postgres(url) => Arc::new(postgres::Postgres::open(url, pools).await?),
        };
        Self::over(db).await
    }

    /// As [`Store::open`], for one that must be there already: a mistyped path makes no file.
    ///
    /// # Errors
    /// [`Error::Empty`] if there is no such file or no district in it, and those of [`Store::open`].
    pub async fn open_existing(address: &Address) -> Result<Self, Error> {
        if let Address::Sqlite(path) = address
            && !path.exists()
        {
            return Err(Error::Empty);
        }
        let store = Self::open(address).await?;
        store.ping().await?;
        Ok(store)
    }

    /// A store over somebody else's database.
    ///
    /// # Errors
    /// Those of [`Store::open`].
    pub async fn over(db: Arc<dyn Database>) -> Result<Self, Error> {
        db.define(migrate::steps(db.dialect()), SCHEMA).await?;
        Ok(Self { db })
    }

    /// The SQL that it speaks.
    pub fn dialect(&self) -> Dialect {
        self.db.dialect()
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// [`Error::Store`]; [`Error::Empty`] without a district.
    pub async fn ping(&self) -> Result<(), Error> {
        self.head().await.map(drop)
    }

    /// Closes all connections. What others still do with this store fails from now on.
    ///
    /// # Errors
    /// None of consequence.
    pub async fn close(&self) -> Result<(), Error> {
        self.db.close().await
    }
}
