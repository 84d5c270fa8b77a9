//! The log as JSON lines, and such lines verified without a store.
//!
//! ```text
//! {"log":HEX,"key":HEX}
//! {"place":1,"at":..,"outcome":0,"serial":1,"commitment":HEX,"detail":HEX,"previous":HEX,"hash":HEX}
//! {"entries":1024,"at":..,"hash":HEX,"signature":HEX}
//! ```
//! The first line names the log, checkpoints follow the last entry that they cover. Nothing in it says who asked for what: an
//! export can be published.

use std::io::{BufRead, Write};

use serde_json::{Map, Value, json};

use super::entry::Link;
use super::signing::Checkpoint;
use super::verify::{Report, Verifier};
use crate::kgs::server::error::Error;
use crate::kgs::server::keys::LogName;
use crate::kgs::server::store::Store;

/// Longest line that is read.
const LINE: u64 = 4_096;

/// Writes the whole log.
///
/// # Errors
/// [`Error::Store`]; [`Error::Input`] if it cannot be written.
pub async fn export<W: Write + Send>(store: &Store, log: &LogName, out: &mut W) -> Result<u64, Error> {
    line(out, &json!({ "log": hex(&log.id), "key": hex(&log.key) }))?;
    let mut place = 0;
    loop {
        let page = store.entries(place).await?;
        let Some(last) = page.last().map(|e| e.link.place) else { return Ok(place) };
        let mut signed = Vec::new();
        let mut from = place + 1;
        loop {
            let some = store.checkpoints(from, last).await?;
            let Some(next) = some.last().map(|c| c.entries + 1) else { break };
            signed.extend(some);
            from = next;
        }
        let mut signed = signed.iter().peekable();
        for entry in &page {
            line(out, &link_json(&entry.link))?;
            while let Some(c) = signed.next_if(|c| c.entries <= entry.link.place) {
                line(out, &checkpoint_json(c))?;
            }
        }
        place = last;
    }
}

/// Verifies lines that [`export`] wrote. `key` is what the auditor has pinned, `kept` what has been kept elsewhere.
///
/// # Errors
/// [`Error::Input`] for lines that are no export, or of a log with another key.
pub fn verify<R: BufRead>(mut lines: R, key: Option<&[u8; 32]>, kept: Vec<Checkpoint>) -> Result<Report, Error> {
    let wrong = Error::Input { what: "not an export of an audit log" };
    let first = read(&mut lines)?.ok_or(wrong.clone())?;
    let (id, own) = (bytes(&first, "log")?, bytes(&first, "key")?);
    if key.is_some_and(|key| *key != own) {
        return Err(Error::Input { what: "the log is signed by another key than the one given" });
    }
    let mut verifier = Verifier::new(id, own, kept);
    // Checkpoints follow their entries, and the verifier wants them before: one entry is held back.
    let mut held: Option<Link> = None;
    while let Some(object) = read(&mut lines)? {
        if object.contains_key("place") {
            if let Some(link) = held.replace(parse_link(&object)?) {
                verifier.entry(&link);
            }
        } else {
            verifier.expect(vec![parse_checkpoint(&object)?]);
        }
    }
    held.iter().for_each(|link| verifier.entry(link));
    Ok(verifier.finish(None))
}

fn line<W: Write>(out: &mut W, value: &Value) -> Result<(), Error> {
    writeln!(out, "{value}").map_err(|_| Error::Input { what: "the export cannot be written" })
}

fn hex(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(bytes)
}

fn link_json(l: &Link) -> Value {
    json!({ "place": l.place, "at": l.at, "outcome": l.outcome, "serial": l.serial, "commitment": hex(&l.commitment),
            "detail": hex(&l.detail), "previous": hex(&l.previous), "hash": hex(&l.hash) })
}

/// A checkpoint as a line, for whoever keeps it.
pub fn checkpoint_json(c: &Checkpoint) -> Value {
    json!({ "entries": c.entries, "at": c.at, "hash": hex(&c.hash), "signature": hex(&c.signature) })
}

/// Reads such a line.
///
/// # Errors
/// [`Error::Input`].
pub fn checkpoint_from_json(text: &str) -> Result<Checkpoint, Error> {
    let value: Value = serde_json::from_str(text).map_err(|_| not_a_line())?;
    parse_checkpoint(value.as_object().ok_or(not_a_line())?)
}

const fn not_a_line() -> Error {
    Error::Input { what: "a line that is not one of an audit log's export" }
}

fn read<R: BufRead>(lines: &mut R) -> Result<Option<Map<String, Value>>, Error> {
    let mut text = String::new();
    // A line without an end is longer than any of ours.
    let read = std::io::Read::take(&mut *lines, LINE).read_line(&mut text).map_err(|_| not_a_line())?;
    if read == 0 {
        return Ok(None);
    }
    match serde_json::from_str(&text) {
        Ok(Value::Object(object)) => Ok(Some(object)),
        _ => Err(not_a_line()),
    }
}

fn number(object: &Map<String, Value>, name: &str) -> Result<u64, Error> {
    object.get(name).and_then(Value::as_u64).ok_or(not_a_line())
}

fn bytes<const N: usize>(object: &Map<String, Value>, name: &str) -> Result<[u8; N], Error> {
    let text = object.get(name).and_then(Value::as_str).ok_or(not_a_line())?;
    let mut out = [0; N];
    match base16ct::lower::decode(text, &mut out) {
        Ok(found) if found.len() == N => Ok(out),
        _ => Err(not_a_line()),
    }
}

fn parse_link(o: &Map<String, Value>) -> Result<Link, Error> {
    Ok(Link {
        place: number(o, "place")?,
        at: number(o, "at")?,
        outcome: number(o, "outcome")?,
        serial: number(o, "serial")?,
        commitment: bytes(o, "commitment")?,
        detail: bytes(o, "detail")?,
        previous: bytes(o, "previous")?,
        hash: bytes(o, "hash")?,
    })
}

fn parse_checkpoint(o: &Map<String, Value>) -> Result<Checkpoint, Error> {
    Ok(Checkpoint {
        entries: number(o, "entries")?,
        at: number(o, "at")?,
        hash: bytes(o, "hash")?,
        signature: bytes(o, "signature")?,
    })
}
