//! What must not be seen twice: the names of requests, for as long as they are fresh.

use std::collections::HashSet;
use std::sync::LazyLock;

use super::Transaction;
use super::row::{Value, int};
use crate::kgs::server::error::Error;

/// A name, and until when it is remembered.
pub(super) type Once = ([u8; 32], u64);

/// What a transaction has noted that was new, and nobody has spent yet.
pub(super) struct Fresh(HashSet<[u8; 32]>);

impl Fresh {
    /// Notes the names of many requests, a few statements for all of them: it is done under the lock that everybody waits for.
    pub(super) async fn note(open: &mut dyn Transaction, all: impl Iterator<Item = &Once>) -> Result<Self, Error> {
        let mut values = Vec::new();
        for (name, until) in all {
            values.extend([Value::from(name), int(*until)?]);
        }
        let mut fresh = HashSet::new();
        let mut rest = values.as_slice();
        // One statement for each bit of their number, so that few have to be prepared.
        while let Some((rows, sql)) = (rest.len() / 2).checked_ilog2().and_then(|n| NOTE.get((n as usize).min(MOST))) {
            let (some, more) = rest.split_at(rows * 2);
            for row in open.fetch(sql, some.to_vec()).await? {
                fresh.insert(row.array("replay", 0)?);
            }
            rest = more;
        }
        Ok(Self(fresh))
    }

    /// Whether all of these are new; nobody else can use them then.
    pub(super) fn spend(&mut self, once: &[Once]) -> bool {
        let new = once.iter().all(|(name, _)| self.0.contains(name));
        if new {
            self.0.retain(|name| once.iter().all(|(spent, _)| spent != name));
        }
        new
    }

    /// Forgets again what was not spent, since nothing has been done for it.
    pub(super) async fn forget_rest(self, open: &mut dyn Transaction) -> Result<(), Error> {
        for name in self.0 {
            open.execute("DELETE FROM replay WHERE request = $1", vec![Value::from(&name)]).await?;
        }
        Ok(())
    }
}

/// The last of [`NOTE`].
const MOST: usize = 5;

fn note(rows: usize) -> String {
    let rows: Vec<String> = (0..rows).map(|i| format!("(${}, ${})", 2 * i + 1, 2 * i + 2)).collect();
    let rows = rows.join(", ");
    format!("INSERT INTO replay (request, until) VALUES {rows} ON CONFLICT (request) DO NOTHING RETURNING request")
}

/// For 1, 2, 4 .. 32 names.
static NOTE: [(usize, LazyLock<String>); MOST + 1] = [
    (1, LazyLock::new(|| note(1))),
    (2, LazyLock::new(|| note(2))),
    (4, LazyLock::new(|| note(4))),
    (8, LazyLock::new(|| note(8))),
    (16, LazyLock::new(|| note(16))),
    (32, LazyLock::new(|| note(32))),
];
