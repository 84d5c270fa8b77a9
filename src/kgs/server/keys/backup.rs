//! Backups: all tables as lines of JSON, from one kind of database into the same or the other.
//!
//! Secrets stay under the wrapping key, so a backup is worth nothing without it. A line at the end has the number of rows and a hash
//! over all lines before, so that one that was cut is noticed. Restoring compares, for every epoch, a key that the restored server
//! issues with what the first one would have issued: the backup has a keyed tag of it, which says nothing without the root secret.
//! That no settings were taken out of a backup, or put into it, the sum over them says, which is one of its rows.

use std::io::{BufRead, Write};

use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use super::Keys;
use crate::ibe::{Identity, Name, Period, Purpose};
use crate::kgs::server::error::{Error, Unsettled};
use crate::kgs::server::store::row::Value;
use crate::kgs::server::store::{Row, Store};

/// Version of the format.
const VERSION: u64 = 1;
/// Longest line that is read.
const LINE: u64 = 1 << 20;
/// Nobody's name: no top-level domain is called so (RFC 2606).
const PROBE: &str = "ibake-restore-check@probe.invalid";

/// A table: name, where its pages continue, columns.
struct Table {
    name: &'static str,
    select: &'static str,
    insert: &'static str,
}

macro_rules! table {
    ($name:literal, $columns:literal, $places:literal, $order:literal) => {
        Table {
            name: $name,
            select: concat!("SELECT ", $columns, " FROM ", $name, " ORDER BY ", $order, " LIMIT 1000 OFFSET $1"),
            insert: concat!("INSERT INTO ", $name, " (", $columns, ") VALUES (", $places, ")"),
        }
    };
}

/// In an order in which what refers to something comes after it. What is remembered only for a while is left out.
const TABLES: &[Table] = &[
    table!("meta", "name, value", "$1, $2", "name"),
    table!("head", "id, entries, hash, latest, version", "$1, $2, $3, $4, $5", "id"),
    table!("settings", "id, sealed", "$1, $2", "id"),
    table!("epochs", "serial, parameters, sealed, state, tag", "$1, $2, $3, $4, $5", "serial"),
    table!("users", "name, disabled, created, tag", "$1, $2, $3, $4", "name"),
    table!("credentials", "kind, lookup, owner, sealed", "$1, $2, $3, $4", "kind, lookup"),
    table!("tokens", "hash, label, owner, scope, expires, tag", "$1, $2, $3, $4, $5, $6", "hash"),
    table!("rules", "owner, pattern, purposes, ahead, quota, tag", "$1, $2, $3, $4, $5, $6", "owner, pattern"),
    table!("recipients", "owner, sealing, tag", "$1, $2, $3", "owner"),
    table!("revocations", "name, since, tag", "$1, $2, $3", "name"),
    table!("counters", "subject, day, used", "$1, $2, $3", "subject, day"),
    table!("replay", "request, until", "$1, $2", "request"),
    table!("jobs", "id, created, sealed", "$1, $2, $3", "id"),
    table!("chunks", "job, place, first, amount, done, claimed, holder", "$1, $2, $3, $4, $5, $6, $7", "job, place"),
    table!("bulk_orders", "job, place, sealed", "$1, $2, $3", "job, place"),
    table!(
        "bulk_results",
        "job, owner, place, amount, recipient, sealed",
        "$1, $2, $3, $4, $5, $6",
        "job, owner, place"
    ),
    table!("bulk_refused", "job, place, amount, sealed", "$1, $2, $3, $4", "job, place"),
    table!("checkpoints", "entries, at, hash, signature", "$1, $2, $3, $4", "entries"),
];

/// The log is read by place, as it grows without end.
const ENTRIES: &str = "SELECT place, at, outcome, serial, commitment, subject, sealed, previous, hash FROM entries \
                       WHERE place > $1 ORDER BY place LIMIT 1000";
const INSERT_ENTRY: &str = "INSERT INTO entries (place, at, outcome, serial, commitment, subject, sealed, previous, hash) \
                            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";

struct Lines<W> {
    out: W,
    hash: Sha256,
    rows: u64,
}

impl<W: Write> Lines<W> {
    fn write(&mut self, value: &Json) -> Result<(), Error> {
        let text = format!("{value}\n");
        self.hash.update(&text);
        self.out.write_all(text.as_bytes()).map_err(|_| Error::Input { what: "the backup cannot be written" })
    }

    fn row(&mut self, table: &'static str, row: &Row) -> Result<(), Error> {
        let mut columns = Vec::with_capacity(row.columns.len());
        for column in &row.columns {
            columns.push(match column.as_ref().ok_or(Error::Corrupt { table })? {
                Value::Int(v) => json!(v),
                Value::Text(v) => json!(v),
                Value::Bytes(v) => json!({ "hex": base16ct::lower::encode_string(v) }),
            });
        }
        self.rows += 1;
        self.write(&json!({ "table": table, "row": columns }))
    }
}

fn probe(keys: &Keys, issuer: &crate::ibe::extract::Issuer) -> Result<[u8; 32], Error> {
    let p = issuer.parameters();
    let period = Period::containing(p.granularity(), p.not_before())?;
    let period = if p.check_period(&period).is_ok() { period } else { period.next()? };
    let identity = Identity::new(p.district(), p.serial(), Purpose::Decrypt, Name::parse(PROBE)?, period)?;
    Ok(keys.vault().lookup("restored key", issuer.extract(&identity)?.to_bytes().expose()))
}

/// Writes a backup. The server may run meanwhile: settings and log are read at one moment, in one transaction.
///
/// # Errors
/// [`Error::Store`], [`Error::Corrupt`]; [`Error::Input`] if it cannot be written.
pub async fn export<W: Write + Send>(keys: &Keys, out: W) -> Result<u64, Error> {
    let mut lines = Lines { out, hash: Sha256::new(), rows: 0 };
    lines.write(&json!({ "ibake kgs backup": VERSION }))?;
    let store = keys.store();
    // Holding the head keeps others from writing; nothing here is written.
    let mut open = store.db.begin().await?;
    let head = store.lock_head(&mut *open).await?;
    for table in TABLES {
        for offset in (0..).step_by(1_000) {
            let rows = open.fetch(table.select, vec![Value::Int(offset)]).await?;
            rows.iter().try_for_each(|row| lines.row(table.name, row))?;
            if rows.len() < 1_000 {
                break;
            }
        }
    }
    // The log only grows: what the head covers can be read without holding up others.
    drop(open);
    let mut place = 0;
    while place < head.entries {
        let rows = store.db.fetch(ENTRIES, vec![super::super::store::row::int(place)?]).await?;
        if rows.is_empty() {
            return Err(Error::Corrupt { table: "entries" });
        }
        for row in &rows {
            place = row.u64("entries", 0)?;
            if place <= head.entries {
                lines.row("entries", row)?;
            }
        }
    }
    for (serial, (_, issuer)) in &keys.at(head.version).await?.issuers {
        let tag = base16ct::lower::encode_string(&probe(keys, issuer)?);
        lines.write(&json!({ "serial": serial, "issues": tag }))?;
    }
    let rows = lines.rows;
    let hash = base16ct::lower::encode_string(&lines.hash.finalize());
    let mut out = lines.out;
    writeln!(out, "{}", json!({ "rows": rows, "hash": hash }))
        .and_then(|()| out.flush())
        .map_err(|_| Error::Input { what: "the backup cannot be written" })?;
    Ok(rows)
}

/// Reads a backup into a store that has no district, opens it, and compares its settings with their sum and what it issues with
/// what was issued. A backup of a release that had no sum is restored too: such a store issues nothing before [`Store::settle`].
///
/// # Errors
/// [`Error::Exists`] if the store has a district; [`Error::Input`] for a backup that is damaged or cut, and then the store stays
/// empty; [`Error::KeyFile`] for another wrapping key; [`Error::Settings`] if rows of settings are missing or were added;
/// [`Error::Corrupt`] if a key differs.
pub async fn restore<R: BufRead + Send>(
    store: &Store,
    wrapper: std::sync::Arc<dyn super::Wrapper>,
    mut backup: R,
) -> Result<Keys, Error> {
    let damaged = || Error::Input { what: "the backup is damaged or cut" };
    let mut open = store.db.begin().await?;
    if !open.fetch("SELECT id FROM head", Vec::new()).await?.is_empty() {
        return Err(Error::Exists { what: "district" });
    }
    let (mut hash, mut rows, mut probes, mut ended) = (Sha256::new(), 0u64, Vec::new(), false);
    let mut first = true;
    loop {
        let mut text = String::new();
        let read = std::io::Read::take(&mut backup, LINE).read_line(&mut text).map_err(|_| damaged())?;
        if read == 0 {
            break;
        }
        let line: Json = serde_json::from_str(&text).map_err(|_| damaged())?;
        if ended {
            return Err(damaged());
        }
        if std::mem::take(&mut first) {
            if line.get("ibake kgs backup").and_then(Json::as_u64) != Some(VERSION) {
                return Err(Error::Input { what: "not a backup of this version" });
            }
        } else if let Some(table) = line.get("table").and_then(Json::as_str) {
            let values = line.get("row").and_then(Json::as_array).ok_or_else(damaged)?;
            let values = values.iter().map(value).collect::<Option<Vec<_>>>().ok_or_else(damaged)?;
            let known = TABLES.iter().find(|t| t.name == table).map(|t| t.insert);
            let insert = known.or((table == "entries").then_some(INSERT_ENTRY)).ok_or_else(damaged)?;
            if values.len() != insert.matches('$').count() {
                return Err(damaged());
            }
            open.execute(insert, values).await?;
            rows += 1;
        } else if let Some(serial) = line.get("serial").and_then(Json::as_u64) {
            probes.push((serial, line.get("issues").and_then(Json::as_str).ok_or_else(damaged)?.to_owned()));
        } else {
            let own = base16ct::lower::encode_string(&hash.clone().finalize());
            let same = line.get("hash").and_then(Json::as_str) == Some(&own);
            if !same || line.get("rows").and_then(Json::as_u64) != Some(rows) {
                return Err(damaged());
            }
            ended = true;
        }
        hash.update(&text);
    }
    if !ended {
        return Err(damaged());
    }
    open.commit().await?;
    let keys = Keys::open(store, wrapper).await?;
    match store.check_settings(keys.vault()).await {
        Ok(_) | Err(Error::Settings { what: Unsettled::Missing }) => {}
        Err(e) => return Err(e),
    }
    let version = store.head().await?.version;
    let loaded = keys.at(version).await?;
    let differs = || Error::Corrupt { table: "epochs" };
    if probes.len() != loaded.issuers.len() {
        return Err(differs());
    }
    for (serial, expected) in probes {
        let (_, issuer) = loaded.issuers.get(&serial).ok_or_else(differs)?;
        if base16ct::lower::encode_string(&probe(&keys, issuer)?) != expected {
            return Err(differs());
        }
    }
    Ok(keys)
}

fn value(json: &Json) -> Option<Value> {
    match json {
        Json::Number(n) => n.as_i64().map(Value::Int),
        Json::String(s) => Some(Value::Text(s.clone())),
        Json::Object(o) => base16ct::lower::decode_vec(o.get("hex")?.as_str()?).ok().map(Value::Bytes),
        _ => None,
    }
}
