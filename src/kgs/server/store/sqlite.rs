//! SQLite: one file in WAL mode; one connection writes, some read.

use std::path::{Path, PathBuf};

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

use super::driver::failed;
use super::migrate;
use super::{Database, Dialect, Pending, Pools, Row, Value};
use crate::kgs::server::error::{Error, Fault};

driver!(sqlx::Sqlite, SqliteConnection, "INTEGER", "TEXT", "BLOB");

/// One file.
#[derive(Debug)]
pub(super) struct Sqlite {
    writer: SqlitePool,
    readers: SqlitePool,
    path: PathBuf,
    /// Which file it is.
    #[cfg(unix)]
    file: (u64, u64),
}

/// Device and number of the file at a path.
#[cfg(unix)]
fn file(path: &Path) -> Result<(u64, u64), Error> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).map(|m| (m.dev(), m.ino())).map_err(|e| failed(e.into()))
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
        Ok(Self {
            writer,
            readers,
            #[cfg(unix)]
            file: file(path)?,
            path: path.to_owned(),
        })
    }

    /// That the file is still where it was opened. SQLite goes on with one that was moved away or removed, and what is written then
    /// is lost with the process.
    fn check(&self) -> Result<(), Error> {
        #[cfg(unix)]
        if file(&self.path)? != self.file {
            let text = format!("another file than the one that was opened is at {}", self.path.display());
            return Err(Error::Store { fault: Fault::Gone, text });
        }
        Ok(())
    }
}

impl Database for Sqlite {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn fetch<'a>(&'a self, sql: &'static str, values: Vec<Value>) -> Pending<'a, Vec<Row>> {
        Box::pin(async move {
            self.check()?;
            Ok(bind(sql, values).fetch_all(&self.readers).await.map_err(failed)?.iter().map(read).collect())
        })
    }

    fn begin<'a>(&'a self) -> Pending<'a, Box<dyn super::Transaction>> {
        Box::pin(async move {
            // The lock is taken now: one that began by reading could find it gone when it wants to write.
            self.check()?;
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
