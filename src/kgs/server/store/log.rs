//! The audit log in the store: appending several submissions in one transaction, and reading.

use std::sync::LazyLock;

use super::replay::Fresh;
use super::row::{Row, Value, int};
use super::{Dialect, Store, Transaction};
use crate::kgs::server::audit::entry::{Draft, Entry, Link};
use crate::kgs::server::audit::signing::{Checkpoint, LogKey};
use crate::kgs::server::error::{Error, Refusal};

/// Rows of one INSERT.
const ROWS: usize = 32;
const COLUMNS: usize = 9;
/// Seconds of a day, the window of quotas.
const DAY: u64 = 86_400;

/// What a requester may have in a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::kgs::server) struct Quota {
    pub(in crate::kgs::server) subject: [u8; 32],
    pub(in crate::kgs::server) limit: u64,
    pub(in crate::kgs::server) amount: u64,
}

/// Entries that are appended together or not at all.
#[derive(Clone, Debug)]
pub(in crate::kgs::server) struct Submission {
    pub(in crate::kgs::server) drafts: Vec<Draft>,
    /// The version of the settings under which this was decided; if they have changed it is not appended.
    pub(in crate::kgs::server) version: Option<u64>,
    /// What must not have been seen before, and until when it is remembered.
    pub(in crate::kgs::server) once: Vec<([u8; 32], u64)>,
    pub(in crate::kgs::server) quotas: Vec<Quota>,
    /// A chunk of a job that is done with this.
    pub(in crate::kgs::server) chunk: Option<super::bulk::Finished>,
}

/// What became of a submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::kgs::server) enum Appended {
    /// In the log, in order.
    Done(Vec<Link>),
    /// Settings have changed meanwhile.
    Stale,
    /// A quota, or seen before.
    Refused(Refusal),
    /// The chunk is not this node's any more.
    Lost,
}

/// The end of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kgs::server) struct Head {
    pub(in crate::kgs::server) entries: u64,
    pub(in crate::kgs::server) hash: [u8; 32],
    pub(in crate::kgs::server) latest: u64,
    pub(in crate::kgs::server) version: u64,
}

const HEAD: &str = "SELECT entries, hash, latest, version FROM head WHERE id = 1";
const HEAD_LOCKED: &str = "SELECT entries, hash, latest, version FROM head WHERE id = 1 FOR UPDATE";

fn head(rows: &[Row]) -> Result<Head, Error> {
    let row = rows.first().ok_or(Error::Empty)?;
    let t = "head";
    Ok(Head { entries: row.u64(t, 0)?, hash: row.array(t, 1)?, latest: row.u64(t, 2)?, version: row.u64(t, 3)? })
}

/// What the writer of a log knows.
#[derive(Debug)]
pub(in crate::kgs::server) struct Writing<'a> {
    pub(in crate::kgs::server) log: &'a [u8; 32],
    pub(in crate::kgs::server) key: &'a LogKey,
    /// Entries between checkpoints.
    pub(in crate::kgs::server) every: u64,
    /// Seconds by which the clock may stand before the latest entry.
    pub(in crate::kgs::server) tolerance: u64,
}

impl Store {
    pub(in crate::kgs::server) async fn head(&self) -> Result<Head, Error> {
        head(&self.db.fetch(HEAD, Vec::new()).await?)
    }

    /// Locks the head: whoever has it is the only one who appends or changes settings.
    pub(in crate::kgs::server) async fn lock_head(&self, open: &mut dyn Transaction) -> Result<Head, Error> {
        let sql = self.dialect().for_update(HEAD, HEAD_LOCKED);
        head(&open.fetch(sql, Vec::new()).await?)
    }

    /// The head under its lock, if it is the end of the log that is there. Whoever appended behind another end would break the chain.
    async fn lock_end(&self, open: &mut dyn Transaction) -> Result<Head, Error> {
        let head = self.lock_head(open).await?;
        let rows = open.fetch("SELECT place, hash FROM entries ORDER BY place DESC LIMIT 1", Vec::new()).await?;
        let end = match rows.first() {
            Some(row) => (row.u64("entries", 0)?, row.array("entries", 1)?),
            None => (0, [0; 32]),
        };
        if end == (head.entries, head.hash) { Ok(head) } else { Err(Error::Corrupt { table: "head" }) }
    }

    /// Writes as much as some entries are, under the lock, and leaves nothing of it.
    pub(in crate::kgs::server) async fn try_to_write(&self) -> Result<(), Error> {
        let mut open = self.db.begin().await?;
        let head = self.lock_end(&mut *open).await?;
        let mut rows = Vec::with_capacity(ROWS * COLUMNS);
        let zero = || Value::from(&[0; 32]);
        for i in 0..ROWS as u64 {
            let numbers = [int(head.entries + 1 + i)?, Value::Int(0), Value::Int(0), Value::Int(0)];
            rows.extend(numbers.into_iter().chain([zero(), zero(), Value::Bytes(vec![0; 512]), zero(), zero()]));
        }
        open.execute(&INSERTS[INSERTS.len() - 1].1, rows).await?;
        match self.dialect() {
            // What finds no room has failed by now, and an end without a commit leaves nothing.
            Dialect::Postgres => Ok(()),
            // Nothing is written before the commit.
            Dialect::Sqlite => {
                open.execute("DELETE FROM entries WHERE place > $1", vec![int(head.entries)?]).await?;
                open.commit().await
            }
        }
    }

    /// Appends what waits, in one transaction. What a submission gets does not depend on the others but for their order.
    pub(in crate::kgs::server) async fn append(
        &self,
        writing: &Writing<'_>,
        submissions: &[Submission],
    ) -> Result<Vec<Result<Appended, Error>>, Error> {
        let mut open = self.db.begin().await?;
        let before = self.lock_end(&mut *open).await?;
        let mut end = before;
        let mut rows: Vec<Value> = Vec::new();
        let mut results = Vec::with_capacity(submissions.len());
        let current = submissions.iter().filter(|s| s.version.is_none_or(|version| version == before.version));
        let mut fresh = Fresh::note(&mut *open, current.flat_map(|s| &s.once)).await?;
        for submission in submissions {
            results.push(match admit(&mut *open, writing, &end, submission, &mut fresh).await {
                Ok(None) => {
                    let mut links = Vec::with_capacity(submission.drafts.len());
                    for draft in &submission.drafts {
                        let link = Link::of(writing.log, draft, end.entries + 1, end.hash);
                        (end.entries, end.hash, end.latest) = (link.place, link.hash, end.latest.max(draft.at));
                        rows.extend(columns(&link, draft)?);
                        links.push(link);
                    }
                    Ok(Appended::Done(links))
                }
                Ok(Some(other)) => Ok(other),
                Err(e @ Error::Clock { .. }) => Err(e),
                Err(e) => return Err(e),
            });
        }
        fresh.forget_rest(&mut *open).await?;
        let mut rest = rows.as_slice();
        while let Some(insert) = (rest.len() / COLUMNS).min(ROWS).checked_ilog2().and_then(|n| INSERTS.get(n as usize))
        {
            let (some, more) = rest.split_at(insert.0 * COLUMNS);
            open.execute(&insert.1, some.to_vec()).await?;
            rest = more;
        }
        if end.entries != before.entries {
            let values = vec![int(end.entries)?, Value::from(&end.hash), int(end.latest)?];
            open.execute("UPDATE head SET entries = $1, hash = $2, latest = $3 WHERE id = 1", values).await?;
        }
        if end.entries / writing.every > before.entries / writing.every {
            let checkpoint = writing.key.checkpoint(writing.log, end.entries, end.latest, end.hash);
            note(&mut *open, &checkpoint).await?;
            tidy(&mut *open, end.latest).await?;
        }
        open.commit().await?;
        Ok(results)
    }

    /// Signs what is there now, unless that has been done.
    pub(in crate::kgs::server) async fn sign_now(&self, writing: &Writing<'_>) -> Result<Checkpoint, Error> {
        let mut open = self.db.begin().await?;
        let head = self.lock_head(&mut *open).await?;
        if let Some(found) = self.checkpoints(head.entries, head.entries).await?.pop() {
            return Ok(found);
        }
        let checkpoint = writing.key.checkpoint(writing.log, head.entries, head.latest, head.hash);
        note(&mut *open, &checkpoint).await?;
        open.commit().await?;
        Ok(checkpoint)
    }

    /// At most 1,000 entries behind `place`.
    pub(in crate::kgs::server) async fn entries(&self, place: u64) -> Result<Vec<Entry>, Error> {
        let rows = self.db.fetch(PAGES, vec![int(place)?]).await?;
        rows.iter().map(entry).collect()
    }

    /// At most 1,000 entries behind `place` about one subject.
    pub(in crate::kgs::server) async fn entries_of(&self, subject: &[u8; 32], place: u64) -> Result<Vec<Entry>, Error> {
        let rows = self.db.fetch(OF_SUBJECT, vec![Value::from(subject), int(place)?]).await?;
        rows.iter().map(entry).collect()
    }

    /// Checkpoints over `from` to `to` entries, at most 1,000.
    pub(in crate::kgs::server) async fn checkpoints(&self, from: u64, to: u64) -> Result<Vec<Checkpoint>, Error> {
        let rows = self.db.fetch(CHECKPOINTS, vec![int(from)?, int(to)?]).await?;
        rows.iter().map(checkpoint).collect()
    }

    /// The checkpoint over most entries.
    pub(in crate::kgs::server) async fn last_checkpoint(&self) -> Result<Option<Checkpoint>, Error> {
        let sql = "SELECT entries, at, hash, signature FROM checkpoints ORDER BY entries DESC LIMIT 1";
        self.db.fetch(sql, Vec::new()).await?.first().map(checkpoint).transpose()
    }
}

const PAGES: &str = "SELECT place, at, outcome, serial, commitment, subject, sealed, previous, hash FROM entries \
                     WHERE place > $1 ORDER BY place LIMIT 1000";
const OF_SUBJECT: &str = "SELECT place, at, outcome, serial, commitment, subject, sealed, previous, hash FROM entries \
                          WHERE subject = $1 AND place > $2 ORDER BY place LIMIT 1000";
const CHECKPOINTS: &str = "SELECT entries, at, hash, signature FROM checkpoints \
                           WHERE entries >= $1 AND entries <= $2 ORDER BY entries LIMIT 1000";

/// `None` if the submission may be appended; whatever it needs besides its entries has been written then.
async fn admit(
    open: &mut dyn Transaction,
    writing: &Writing<'_>,
    end: &Head,
    submission: &Submission,
    fresh: &mut Fresh,
) -> Result<Option<Appended>, Error> {
    if submission.version.is_some_and(|version| version != end.version) {
        return Ok(Some(Appended::Stale));
    }
    let Some(at) = submission.drafts.iter().map(|d| d.at).min() else { return Ok(None) };
    if at.saturating_add(writing.tolerance) < end.latest {
        return Err(Error::Clock { behind: end.latest - at });
    }
    let day = int(at / DAY)?;
    for quota in &submission.quotas {
        let values = vec![Value::from(&quota.subject), day.clone()];
        let rows = open.fetch("SELECT used FROM counters WHERE subject = $1 AND day = $2", values).await?;
        let used = rows.first().map_or(Ok(0), |row| row.u64("counters", 0))?;
        if used.saturating_add(quota.amount) > quota.limit {
            return Ok(Some(Appended::Refused(Refusal::Quota)));
        }
    }
    if let Some(finished) = &submission.chunk
        && !super::bulk::finish(open, finished).await?
    {
        return Ok(Some(Appended::Lost));
    }
    if !fresh.spend(&submission.once) {
        return Ok(Some(Appended::Refused(Refusal::Replay)));
    }
    for quota in &submission.quotas {
        let sql = "INSERT INTO counters (subject, day, used) VALUES ($1, $2, $3) \
                   ON CONFLICT (subject, day) DO UPDATE SET used = counters.used + $3";
        open.execute(sql, vec![Value::from(&quota.subject), day.clone(), int(quota.amount)?]).await?;
    }
    Ok(None)
}

fn columns(link: &Link, draft: &Draft) -> Result<[Value; COLUMNS], Error> {
    Ok([
        int(link.place)?,
        int(link.at)?,
        int(link.outcome)?,
        int(link.serial)?,
        Value::from(&link.commitment),
        Value::from(&draft.subject),
        Value::from(draft.sealed.as_slice()),
        Value::from(&link.previous),
        Value::from(&link.hash),
    ])
}

fn entry(row: &Row) -> Result<Entry, Error> {
    let t = "entries";
    let (subject, sealed) = (row.array(t, 5)?, row.bytes(t, 6)?.to_vec());
    let detail = crate::kgs::server::audit::entry::detail(&subject, &sealed);
    let link = Link {
        place: row.u64(t, 0)?,
        at: row.u64(t, 1)?,
        outcome: row.u64(t, 2)?,
        serial: row.u64(t, 3)?,
        commitment: row.array(t, 4)?,
        detail,
        previous: row.array(t, 7)?,
        hash: row.array(t, 8)?,
    };
    Ok(Entry { link, subject, sealed })
}

fn checkpoint(row: &Row) -> Result<Checkpoint, Error> {
    let t = "checkpoints";
    Ok(Checkpoint { entries: row.u64(t, 0)?, at: row.u64(t, 1)?, hash: row.array(t, 2)?, signature: row.array(t, 3)? })
}

async fn note(open: &mut dyn Transaction, checkpoint: &Checkpoint) -> Result<(), Error> {
    let sql = "INSERT INTO checkpoints (entries, at, hash, signature) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (entries) DO NOTHING";
    let Checkpoint { entries, at, hash, signature } = checkpoint;
    let values = vec![int(*entries)?, int(*at)?, Value::from(hash), Value::from(signature)];
    open.execute(sql, values).await.map(drop)
}

/// Forgets what has become old.
async fn tidy(open: &mut dyn Transaction, now: u64) -> Result<(), Error> {
    open.execute("DELETE FROM replay WHERE until < $1", vec![int(now)?]).await?;
    let yesterday = (now / DAY).saturating_sub(1);
    open.execute("DELETE FROM counters WHERE day < $1", vec![int(yesterday)?]).await.map(drop)
}

fn insert(rows: usize) -> String {
    let row = |i: usize| {
        let places: Vec<String> = (1..=COLUMNS).map(|c| format!("${}", i * COLUMNS + c)).collect();
        format!("({})", places.join(", "))
    };
    let rows: Vec<String> = (0..rows).map(row).collect();
    let columns = "place, at, outcome, serial, commitment, subject, sealed, previous, hash";
    format!("INSERT INTO entries ({columns}) VALUES {}", rows.join(", "))
}

/// For 1, 2, 4 .. [`ROWS`] rows: a group takes one statement for each bit of its size, and few have to be prepared.
static INSERTS: [(usize, LazyLock<String>); 6] = [
    (1, LazyLock::new(|| insert(1))),
    (2, LazyLock::new(|| insert(2))),
    (4, LazyLock::new(|| insert(4))),
    (8, LazyLock::new(|| insert(8))),
    (16, LazyLock::new(|| insert(16))),
    (ROWS, LazyLock::new(|| insert(ROWS))),
];
