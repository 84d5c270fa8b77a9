//! Work that nodes share: a job is cut into chunks, each is claimed by one node for a while and finished with its entries in the
//! log, in one transaction. A chunk whose node died is free again when its time is over; one that is finished is never given out
//! again, and a node that comes too late finds its claim gone and its entries refused.

use super::row::{Value, int};
use super::{Dialect, Store, Transaction};
use crate::kgs::server::error::Error;

/// A job's name, random.
pub type JobId = [u8; 16];

/// A chunk that this node works on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The job.
    pub job: JobId,
    /// Which chunk.
    pub place: u64,
    /// The first item.
    pub first: u64,
    /// How many items.
    pub amount: u64,
    /// Random, made for this claim.
    holder: [u8; 16],
}

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// All chunks.
    pub chunks: u64,
    /// Those that are done.
    pub done: u64,
}

impl Store {
    /// Makes a job of `items` items in chunks of at most `size`. `sealed` is what the job is about, under the caller's own key.
    ///
    /// # Errors
    /// [`Error::Input`] for a size of zero or over 65,536 chunks; [`Error::Store`].
    pub async fn make_job(&self, job: &JobId, sealed: &[u8], items: u64, size: u64, now: u64) -> Result<(), Error> {
        let chunks = items.checked_div(size).map(|n| n + u64::from(!items.is_multiple_of(size)));
        let chunks = chunks.filter(|n| *n <= 65_536).ok_or(Error::Input { what: "a job has 1 to 65536 chunks" })?;
        let mut open = self.db.begin().await?;
        let values = vec![Value::from(job), int(now)?, Value::from(sealed)];
        open.execute("INSERT INTO jobs (id, created, sealed) VALUES ($1, $2, $3)", values).await?;
        for place in 0..chunks {
            let (first, amount) = (place * size, size.min(items - place * size));
            let sql = "INSERT INTO chunks (job, place, first, amount, done, claimed, holder) VALUES ($1, $2, $3, $4, 0, 0, $5)";
            let values = vec![Value::from(job), int(place)?, int(first)?, int(amount)?, Value::Bytes(Vec::new())];
            open.execute(sql, values).await?;
        }
        open.commit().await
    }

    /// What a job is about.
    ///
    /// # Errors
    /// [`Error::Unknown`], [`Error::Store`].
    pub async fn job(&self, job: &JobId) -> Result<Vec<u8>, Error> {
        let rows = self.db.fetch("SELECT sealed FROM jobs WHERE id = $1", vec![Value::from(job)]).await?;
        Ok(rows.first().ok_or(Error::Unknown { what: "job" })?.bytes("jobs", 0)?.to_vec())
    }

    /// Claims a free chunk until `until`, or one whose claim has run out at `now`. `holder` is random and new.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn claim(&self, job: &JobId, holder: [u8; 16], now: u64, until: u64) -> Result<Option<Claim>, Error> {
        let mut open = self.db.begin().await?;
        // Nodes do not wait for each other's chunk but take the next.
        let sql = match self.dialect() {
            Dialect::Sqlite => {
                "SELECT place, first, amount FROM chunks WHERE job = $1 AND done = 0 AND claimed < $2 ORDER BY place LIMIT 1"
            }
            Dialect::Postgres => {
                "SELECT place, first, amount FROM chunks WHERE job = $1 AND done = 0 AND claimed < $2 ORDER BY place LIMIT 1 \
                 FOR UPDATE SKIP LOCKED"
            }
        };
        let rows = open.fetch(sql, vec![Value::from(job), int(now)?]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let t = "chunks";
        let claim = Claim { job: *job, place: row.u64(t, 0)?, first: row.u64(t, 1)?, amount: row.u64(t, 2)?, holder };
        let sql = "UPDATE chunks SET claimed = $1, holder = $2 WHERE job = $3 AND place = $4";
        open.execute(sql, vec![int(until)?, Value::from(&holder), Value::from(job), int(claim.place)?]).await?;
        open.commit().await?;
        Ok(Some(claim))
    }

    /// Keeps a claim until `until`; false if the chunk is not this claim's any more. With `until` zero it is given back.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn renew(&self, claim: &Claim, until: u64) -> Result<bool, Error> {
        let mut open = self.db.begin().await?;
        let sql = "UPDATE chunks SET claimed = $1 WHERE job = $2 AND place = $3 AND holder = $4 AND done = 0";
        let values = vec![int(until)?, Value::from(&claim.job), int(claim.place)?, Value::from(&claim.holder)];
        let kept = open.execute(sql, values).await? == 1;
        open.commit().await?;
        Ok(kept)
    }

    /// How far it is.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn progress(&self, job: &JobId) -> Result<Progress, Error> {
        let count = |rows: Vec<super::Row>| rows.first().map_or(Ok(0), |row| row.u64("chunks", 0));
        let all = self.db.fetch("SELECT COUNT(*) FROM chunks WHERE job = $1", vec![Value::from(job)]).await?;
        let sql = "SELECT COUNT(*) FROM chunks WHERE job = $1 AND done = 1";
        let done = self.db.fetch(sql, vec![Value::from(job)]).await?;
        Ok(Progress { chunks: count(all)?, done: count(done)? })
    }
}

/// Marks a chunk as done if it is still this claim's; in the transaction of its entries.
pub(super) async fn finish(open: &mut dyn Transaction, claim: &Claim) -> Result<bool, Error> {
    let sql = "UPDATE chunks SET done = 1 WHERE job = $1 AND place = $2 AND holder = $3 AND done = 0";
    let values = vec![Value::from(&claim.job), int(claim.place)?, Value::from(&claim.holder)];
    Ok(open.execute(sql, values).await? == 1)
}
