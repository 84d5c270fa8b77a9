//! Whether settings are as they were left: the sum over all rows, compared with the one that the last change has sealed.

use super::row::{Row, Value, int};
use super::settings::{Change, TABLES};
use super::sum::Sum;
use super::{Database, Store, Transaction};
use crate::kgs::server::error::{Error, Unsettled};
use crate::kgs::server::keys::Vault;

/// Rows of a page, as the statements of [`super::settings`] have it.
pub(super) const PAGE: usize = 1_000;
/// How often the tables are read again because settings changed meanwhile.
const TRIES: usize = 4;

/// Rows of each table.
pub type Accepted = Vec<(&'static str, u64)>;

/// Where rows are read.
enum Source<'a> {
    Store(&'a dyn Database),
    /// Under the lock of the head: no settings change meanwhile.
    Locked(&'a mut dyn Transaction),
}

impl Source<'_> {
    async fn fetch(&mut self, sql: &'static str, values: Vec<Value>) -> Result<Vec<Row>, Error> {
        match self {
            Self::Store(db) => db.fetch(sql, values).await,
            Self::Locked(open) => open.fetch(sql, values).await,
        }
    }
}

/// The sum over all rows, each with its tag; a page at a time.
async fn total(source: &mut Source<'_>, vault: &Vault) -> Result<(Sum, Accepted), Error> {
    let (mut sum, mut counts) = (Sum::new(), Vec::with_capacity(TABLES.len()));
    for table in TABLES {
        let (mut behind, mut count) = ((table.start)(), 0);
        loop {
            let rows = source.fetch(table.page, std::mem::take(&mut behind)).await?;
            for row in &rows {
                let row = table.read(row, vault)?;
                sum.add(vault, table.name, &row);
                behind = table.key(&row);
            }
            count += rows.len() as u64;
            if rows.len() < PAGE {
                break;
            }
        }
        // A row that no page has: below the lowest key, or beside another with its key where somebody took that rule away.
        let rows = source.fetch(table.count, Vec::new()).await?;
        if rows.first().ok_or(Error::Corrupt { table: table.name })?.u64(table.name, 0)? != count {
            return Err(Error::Settings { what: Unsettled::Rows });
        }
        counts.push((table.name, count));
    }
    Ok((sum, counts))
}

fn compared(kept: &Sum, found: Result<(Sum, Accepted), Error>) -> Result<(), Error> {
    match found {
        Ok((sum, _)) if sum.is(kept) => Ok(()),
        Ok(_) => Err(Error::Settings { what: Unsettled::Rows }),
        Err(Error::Corrupt { table }) => Err(Error::Settings { what: Unsettled::Row { table } }),
        Err(e) => Err(e),
    }
}

impl Store {
    /// Reads all settings and compares them with the sum that the last change has left. Gives their version.
    ///
    /// It takes time in proportion to the rows and the memory of a thousand. Where settings are changed so often that they cannot
    /// be read between two changes, the last try keeps changes, and entries of the log, waiting for as long as it takes.
    ///
    /// # Errors
    /// [`Error::Settings`] with what is wrong; [`Error::Store`], [`Error::Empty`].
    ///
    /// # Timing
    /// Constant in the sums that are compared.
    pub async fn check_settings(&self, vault: &Vault) -> Result<u64, Error> {
        for _ in 0..TRIES {
            let (version, sealed) = self.sealed_sum().await?;
            let kept = Sum::open(vault, version, &sealed)?;
            let found = total(&mut Source::Store(&*self.db), vault).await;
            if self.head().await?.version == version {
                return compared(&kept, found).map(|()| version);
            }
        }
        let mut open = self.db.begin().await?;
        let (version, kept) = self.locked_sum(&mut *open, vault).await?;
        compared(&kept, total(&mut Source::Locked(&mut *open), vault).await).map(|()| version)
    }

    /// That the sum is the one of the version, without reading the rows. Gives the version.
    ///
    /// # Errors
    /// [`Error::Settings`]; [`Error::Store`], [`Error::Empty`].
    pub(in crate::kgs::server) async fn check_version(&self, vault: &Vault) -> Result<u64, Error> {
        let (version, sealed) = self.sealed_sum().await?;
        Sum::open(vault, version, &sealed).map(|_| version)
    }

    /// Version and sealed sum of one moment; empty if there is none.
    async fn sealed_sum(&self) -> Result<(u64, Vec<u8>), Error> {
        let sql =
            "SELECT h.version, COALESCE(s.sealed, $1) FROM head h LEFT JOIN settings s ON s.id = h.id WHERE h.id = 1";
        let rows = self.db.fetch(sql, vec![Value::Bytes(Vec::new())]).await?;
        let row = rows.first().ok_or(Error::Empty)?;
        Ok((row.u64("head", 0)?, row.bytes("settings", 1)?.to_vec()))
    }

    /// Accepts settings as they are now: somebody has looked at them, or an earlier release has left no sum. Each tag must hold. Gives
    /// how many rows of each table were accepted.
    ///
    /// The version becomes the time `now` if that is more than the next one, so that it is above all that a node may have seen
    /// before somebody put the store back.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for a row whose tag does not hold; [`Error::Store`], [`Error::Empty`].
    pub async fn settle(&self, vault: &Vault, now: u64) -> Result<Accepted, Error> {
        let mut open = self.db.begin().await?;
        let version = self.lock_head(&mut *open).await?.version;
        let (sum, counts) = total(&mut Source::Locked(&mut *open), vault).await?;
        let next = version.saturating_add(1).max(now);
        int(next)?;
        Change::of(open, vault, version, sum).commit_as(next).await?;
        Ok(counts)
    }
}
