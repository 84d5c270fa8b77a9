//! Bulk issue in the store: what each chunk of a job is to issue, what came of it, and for whom.
//!
//! What a chunk has issued is written, sealed to its owners, in the transaction that appends its entries to the log and marks it as
//! done: so whatever the log says was issued in bulk is there until somebody takes the job away.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::jobs::{Claim, JobId};
use super::row::{Row, Value, int};
use super::settings::RECIPIENTS;
use super::tables::{Revocation, known, revocation, rule, user};
use super::{Store, Transaction};
use crate::ibe::Name;
use crate::kgs::bundle::Part;
use crate::kgs::server::error::{Error, Refusal};
use crate::kgs::server::keys::Vault;
use crate::kgs::server::policy::Pattern;
use crate::sealing::PUBLIC;

/// Names of one SELECT.
const NAMES: usize = 64;
/// Rows of one page of results.
const PAGE: u64 = 256;

/// One chunk of a new job: first key, number of keys, orders under the vault.
#[derive(Debug)]
pub(in crate::kgs::server) struct NewChunk {
    pub(in crate::kgs::server) first: u64,
    pub(in crate::kgs::server) amount: u64,
    pub(in crate::kgs::server) sealed: Vec<u8>,
}

/// What a chunk has for one user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::kgs::server) struct ResultRow {
    pub(in crate::kgs::server) owner: String,
    pub(in crate::kgs::server) amount: u64,
    pub(in crate::kgs::server) part: Part,
}

/// What a chunk has refused, under the vault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::kgs::server) struct RefusedRow {
    pub(in crate::kgs::server) place: u64,
    pub(in crate::kgs::server) amount: u64,
    pub(in crate::kgs::server) sealed: Vec<u8>,
}

/// A chunk that is done.
#[derive(Clone, Debug)]
pub(in crate::kgs::server) struct Finished {
    pub(in crate::kgs::server) claim: Claim,
    pub(in crate::kgs::server) results: Vec<ResultRow>,
    pub(in crate::kgs::server) refused: Option<RefusedRow>,
}

/// Who gets the keys of a name, and to which key they are sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::kgs::server) struct Recipient {
    pub(in crate::kgs::server) user: String,
    pub(in crate::kgs::server) key: [u8; PUBLIC],
}

/// How many keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Of the whole job.
    pub keys: u64,
    /// Those of chunks that are done, refused ones too.
    pub done: u64,
    /// Those of them that were refused.
    pub refused: u64,
    /// Chunks.
    pub chunks: u64,
    /// Those that are done.
    pub chunks_done: u64,
}

impl Store {
    /// Makes a job and its chunks.
    pub(in crate::kgs::server) async fn make_bulk(
        &self,
        job: &JobId,
        sealed: &[u8],
        chunks: Vec<NewChunk>,
        now: u64,
    ) -> Result<(), Error> {
        let mut open = self.db.begin().await?;
        let values = vec![Value::from(job), int(now)?, Value::from(sealed)];
        open.execute("INSERT INTO jobs (id, created, sealed) VALUES ($1, $2, $3)", values).await?;
        for (place, chunk) in (0..).zip(chunks) {
            let sql = "INSERT INTO chunks (job, place, first, amount, done, claimed, holder) VALUES ($1, $2, $3, $4, 0, 0, $5)";
            let (first, amount) = (int(chunk.first)?, int(chunk.amount)?);
            let values = vec![Value::from(job), int(place)?, first, amount, Value::Bytes(Vec::new())];
            open.execute(sql, values).await?;
            let sql = "INSERT INTO bulk_orders (job, place, sealed) VALUES ($1, $2, $3)";
            open.execute(sql, vec![Value::from(job), int(place)?, Value::Bytes(chunk.sealed)]).await?;
        }
        open.commit().await
    }

    /// What a chunk is to issue.
    pub(in crate::kgs::server) async fn bulk_orders(&self, claim: &Claim) -> Result<Vec<u8>, Error> {
        let sql = "SELECT sealed FROM bulk_orders WHERE job = $1 AND place = $2";
        let rows = self.db.fetch(sql, vec![Value::from(&claim.job), int(claim.place)?]).await?;
        Ok(rows.first().ok_or(Error::Corrupt { table: "bulk_orders" })?.bytes("bulk_orders", 0)?.to_vec())
    }

    /// All jobs, newest first, at most 1,000: name, when it was made, what it is about.
    pub(in crate::kgs::server) async fn jobs(&self) -> Result<Vec<(JobId, u64, Vec<u8>)>, Error> {
        let sql = "SELECT id, created, sealed FROM jobs ORDER BY created DESC, id LIMIT 1000";
        let t = "jobs";
        let rows = self.db.fetch(sql, Vec::new()).await?;
        rows.iter().map(|r| Ok((r.array(t, 0)?, r.u64(t, 1)?, r.bytes(t, 2)?.to_vec()))).collect()
    }

    /// Takes a job away, with what it has issued.
    ///
    /// # Errors
    /// [`Error::Unknown`], [`Error::Store`].
    pub async fn remove_job(&self, job: &JobId) -> Result<(), Error> {
        let mut open = self.db.begin().await?;
        if open.execute("DELETE FROM jobs WHERE id = $1", vec![Value::from(job)]).await? == 0 {
            return Err(Error::Unknown { what: "job" });
        }
        open.commit().await
    }

    /// How far a job is.
    pub(in crate::kgs::server) async fn count(&self, job: &JobId) -> Result<Count, Error> {
        let sql = "SELECT COUNT(*), CAST(COALESCE(SUM(amount), 0) AS BIGINT), CAST(COALESCE(SUM(done), 0) AS BIGINT), \
                   CAST(COALESCE(SUM(amount * done), 0) AS BIGINT) FROM chunks WHERE job = $1";
        let rows = self.db.fetch(sql, vec![Value::from(job)]).await?;
        let (t, row) = ("chunks", rows.first().ok_or(Error::Corrupt { table: "chunks" })?);
        let (chunks, keys, chunks_done, done) = (row.u64(t, 0)?, row.u64(t, 1)?, row.u64(t, 2)?, row.u64(t, 3)?);
        let sql = "SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM bulk_refused WHERE job = $1";
        let rows = self.db.fetch(sql, vec![Value::from(job)]).await?;
        let refused = rows.first().ok_or(Error::Corrupt { table: "bulk_refused" })?.u64("bulk_refused", 0)?;
        Ok(Count { keys, done, refused, chunks, chunks_done })
    }

    /// A page of what a job has issued, by owner and place, behind the given ones.
    pub(in crate::kgs::server) async fn results(
        &self,
        job: &JobId,
        owner: &str,
        place: Option<u64>,
    ) -> Result<Vec<ResultRow>, Error> {
        let sql = "SELECT owner, place, amount, recipient, sealed FROM bulk_results \
                   WHERE job = $1 AND (owner > $2 OR (owner = $2 AND place >= $3)) ORDER BY owner, place LIMIT $4";
        let from = place.map_or(0, |p| p + 1);
        let rows = self.db.fetch(sql, vec![Value::from(job), Value::from(owner), int(from)?, int(PAGE)?]).await?;
        let t = "bulk_results";
        let read = |r: &Row| {
            let part = Part { place: r.u64(t, 1)?, recipient: r.array(t, 3)?, sealed: r.bytes(t, 4)?.to_vec() };
            Ok(ResultRow { owner: r.text(t, 0)?.to_owned(), amount: r.u64(t, 2)?, part })
        };
        rows.iter().map(read).collect()
    }

    /// A page of what a job has refused, behind a place.
    pub(in crate::kgs::server) async fn refused(
        &self,
        job: &JobId,
        place: Option<u64>,
    ) -> Result<Vec<RefusedRow>, Error> {
        let sql =
            "SELECT place, amount, sealed FROM bulk_refused WHERE job = $1 AND place >= $2 ORDER BY place LIMIT $3";
        let from = place.map_or(0, |p| p + 1);
        let rows = self.db.fetch(sql, vec![Value::from(job), int(from)?, int(PAGE)?]).await?;
        let t = "bulk_refused";
        let read =
            |r: &Row| Ok(RefusedRow { place: r.u64(t, 0)?, amount: r.u64(t, 1)?, sealed: r.bytes(t, 2)?.to_vec() });
        rows.iter().map(read).collect()
    }

    /// Gives a user the key to which their keys are sealed in bulk, or replaces it.
    pub(in crate::kgs::server) async fn put_recipient(
        &self,
        vault: &Vault,
        owner: &str,
        key: &[u8; PUBLIC],
    ) -> Result<(), Error> {
        let mut change = self.change(vault).await?;
        known(&mut change, owner).await?;
        change.put(&RECIPIENTS, vec![Value::from(owner), Value::from(key)]).await?;
        change.commit().await
    }

    /// The key to which a user's keys are sealed in bulk.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Corrupt`].
    pub async fn recipient(&self, vault: &Vault, owner: &str) -> Result<Option<[u8; PUBLIC]>, Error> {
        let sql = "SELECT sealing, tag FROM recipients WHERE owner = $1";
        let rows = self.db.fetch(sql, vec![Value::from(owner)]).await?;
        let t = "recipients";
        rows.first().map(|row| sealing(vault, owner, row.bytes(t, 0)?, row.bytes(t, 1)?)).transpose()
    }

    /// Who gets the keys of these names: the one user who has the name as theirs (a rule for exactly it) and a key to seal to.
    pub(in crate::kgs::server) async fn recipients(
        &self,
        vault: &Vault,
        names: &[&Name],
    ) -> Result<BTreeMap<Name, Result<Recipient, Refusal>>, Error> {
        let mut out = BTreeMap::new();
        for part in names.chunks(NAMES) {
            let patterns: Vec<Pattern> = part.iter().map(|name| Pattern::Exactly((*name).clone())).collect();
            let mut values = padded(patterns.iter().map(|p| Value::Text(p.to_string())));
            values.push(Value::Bytes(Vec::new()));
            let rows = self.db.fetch(&OWNERS, values).await?;
            for (name, pattern) in part.iter().zip(&patterns) {
                let text = pattern.to_string();
                let own = rows.iter().filter(|row| row.text("rules", 0).is_ok_and(|p| p == text));
                let all = own.map(|row| owner(vault, row)).collect::<Result<Vec<_>, _>>()?;
                out.insert((*name).clone(), only(all));
            }
        }
        Ok(out)
    }

    /// Those of these names that are revoked, and from when on.
    pub(in crate::kgs::server) async fn revoked_among(
        &self,
        vault: &Vault,
        names: &[&Name],
    ) -> Result<BTreeMap<Name, u64>, Error> {
        let mut out = BTreeMap::new();
        for part in names.chunks(NAMES) {
            let values = padded(part.iter().map(|name| Value::from(name.as_str())));
            for row in &self.db.fetch(&REVOKED, values).await? {
                let Revocation { name, since } = revocation(row, vault)?;
                out.insert(name, since);
            }
        }
        Ok(out)
    }
}

/// Exactly [`NAMES`] values: the last one again and again.
fn padded(values: impl Iterator<Item = Value>) -> Vec<Value> {
    let mut out: Vec<Value> = values.collect();
    if let Some(last) = out.last().cloned() {
        out.resize(NAMES, last);
    }
    out
}

static OWNERS: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT r.pattern, r.owner, r.purposes, r.ahead, r.quota, r.tag, u.disabled, u.created, u.tag, \
         COALESCE(c.sealing, ${none}), COALESCE(c.tag, ${none}) \
         FROM rules r JOIN users u ON u.name = r.owner LEFT JOIN recipients c ON c.owner = r.owner \
         WHERE r.pattern IN ({places})",
        none = NAMES + 1,
        places = places(),
    )
});
static REVOKED: LazyLock<String> =
    LazyLock::new(|| format!("SELECT name, since, tag FROM revocations WHERE name IN ({})", places()));

fn places() -> String {
    (1..=NAMES).map(|i| format!("${i}")).collect::<Vec<_>>().join(", ")
}

fn sealing(vault: &Vault, owner: &str, key: &[u8], tag: &[u8]) -> Result<[u8; PUBLIC], Error> {
    let table = "recipients";
    vault.check(table, &[Value::from(owner), Value::from(key)], tag)?;
    key.try_into().map_err(|_| Error::Corrupt { table })
}

/// What one row of [`OWNERS`] says. Everything in it is checked, since it decides to whom a key is sealed.
fn owner(vault: &Vault, row: &Row) -> Result<Result<Recipient, Refusal>, Error> {
    let name = row.text("rules", 1)?;
    let columns = |of: &[usize]| Row { columns: of.iter().map(|i| row.columns.get(*i).cloned().flatten()).collect() };
    rule(name, &columns(&[0, 2, 3, 4, 5]), vault)?;
    if user(&columns(&[1, 6, 7, 8]), vault)?.disabled {
        return Ok(Err(Refusal::Disabled));
    }
    let (key, tag) = (row.bytes("recipients", 9)?, row.bytes("recipients", 10)?);
    if key.is_empty() && tag.is_empty() {
        return Ok(Err(Refusal::Unsealable));
    }
    Ok(Ok(Recipient { user: name.to_owned(), key: sealing(vault, name, key, tag)? }))
}

/// Of several users with one name, the one who can have keys; if two can, it is not for us to choose.
fn only(all: Vec<Result<Recipient, Refusal>>) -> Result<Recipient, Refusal> {
    let (mut good, bad): (Vec<_>, Vec<_>) = all.into_iter().partition(Result::is_ok);
    match (good.pop(), good.is_empty()) {
        (Some(one), true) => one,
        (Some(_), false) => Err(Refusal::Recipient),
        (None, _) => bad.into_iter().next().unwrap_or(Err(Refusal::Recipient)),
    }
}

/// Marks a chunk as done if it is still this claim's, and writes what it has; in the transaction of its entries.
pub(super) async fn finish(open: &mut dyn Transaction, finished: &Finished) -> Result<bool, Error> {
    let claim = &finished.claim;
    if !super::jobs::finish(open, claim).await? {
        return Ok(false);
    }
    for ResultRow { owner, amount, part } in &finished.results {
        let sql =
            "INSERT INTO bulk_results (job, owner, place, amount, recipient, sealed) VALUES ($1, $2, $3, $4, $5, $6)";
        let values = vec![
            Value::from(&claim.job),
            Value::from(owner.as_str()),
            int(part.place)?,
            int(*amount)?,
            Value::from(&part.recipient),
            Value::from(part.sealed.as_slice()),
        ];
        open.execute(sql, values).await?;
    }
    if let Some(RefusedRow { place, amount, sealed }) = &finished.refused {
        let sql = "INSERT INTO bulk_refused (job, place, amount, sealed) VALUES ($1, $2, $3, $4)";
        let values = vec![Value::from(&claim.job), int(*place)?, int(*amount)?, Value::from(sealed.as_slice())];
        open.execute(sql, values).await?;
    }
    Ok(true)
}
