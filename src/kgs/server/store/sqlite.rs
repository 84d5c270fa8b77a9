//! SQLite: one file in WAL mode; one connection writes, some read.

use std::path::Path;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

use super::driver::failed;
use super::migrate;
use super::{Database, Dialect, Pending, Pools, Row, Value};
use crate::kgs::server::error::Error;

driver!(sqlx::Sqlite, SqliteConnection, "INTEGER", "TEXT", "BLOB");

/// One file.
#[derive(Debug)]
pub(super) struct Sqlite {
    writer: SqlitePool,
    readers: SqlitePool,
}

impl Sqlite {
    pub(super) async fn open(path: &Path, pools: Pools) -> Result<Self, Error> {
        // Made here, so that nobody else can read it from its first byte on.
        #[cfg(unix)]
        if !path.exists() {
            use std::os::unix::fs::OpenOptionsExt;
            let made = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
            match made {
                Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => return Err(failed(e.into())),
                _ => {}
            }
        }
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(cfg!(not(unix)))
            .journal_mode(SqliteJournalMode::Wal)
            // Every commit reaches the disk before it returns.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(pools.sqlite_wait)
            .foreign_keys(true);
        let pool = || SqlitePoolOptions::new().acquire_timeout(pools.sqlite_wait);
        let writer = pool().max_connections(1).connect_with(options.clone()).await.map_err(failed)?;
        let readers = pool().max_connections(pools.sqlite_readers).connect_with(options).await.map_err(failed)?;
        Ok(Self { writer, readers })
    }
}

impl Database for Sqlite {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn fetch<'a>(&'a self, sql: &'static str, values: Vec<Value>) -> Pending<'a, Vec<Row>> {
        Box::pin(async move {
            Ok(bind(sql, values).fetch_all(&self.readers).await.map_err(failed)?.iter().map(read).collect())
        })
    }

    fn begin<'a>(&'a self) -> Pending<'a, Box<dyn super::Transaction>> {
        Box::pin(async move {
            // The lock is taken now: one that began by reading could find it gone when it wants to write.
            let open = Open::begin(&self.writer, "BEGIN IMMEDIATE").await?;
            Ok(Box::new(open) as Box<dyn super::Transaction>)
        })
    }

    fn define<'a>(&'a self, steps: &'static [&'static str], known: i64) -> Pending<'a, ()> {
        Box::pin(async move {
            let mut open = Open::begin(&self.writer, "BEGIN IMMEDIATE").await?;
            migrate::run!(&mut *open.connection, steps, known);
            open.finish().await
        })
    }

    fn close<'a>(&'a self) -> Pending<'a, ()> {
        Box::pin(async move {
            self.readers.close().await;
            self.writer.close().await;
            Ok(())
        })
    }
}
