//! The audit log: append-only, chained by hashes, committing to what was issued without saying it.
//!
//! | file | what |
//! | --- | --- |
//! | [`entry`] | what an entry commits to, and the chain |
//! | [`signing`] | signed checkpoints |
//! | [`writer`] | the one task of a node that appends: several submissions in one transaction |
//! | [`mod@verify`] | finds and names gaps, edits, reorderings, truncations |
//! | [`mod@export`] | JSON lines, out and in again |

pub mod entry;
pub mod export;
pub mod signing;
pub mod verify;
pub mod writer;

pub use entry::{Draft, Entry, Link, Opening, Outcome};
pub use signing::{Checkpoint, LogKey};
pub use verify::{Finding, Report, Verifier};

use super::error::Error;
use super::keys::{LogName, Vault};
use super::store::Store;
use crate::ibe::Name;

/// An entry that its owner asked for, opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owned {
    /// Its place in the chain.
    pub link: Link,
    /// What opens its commitment.
    pub opening: Opening,
}

/// Verifies the log in a store, with what an auditor has kept elsewhere. Reads page by page, while others append.
///
/// # Errors
/// [`Error::Store`]; [`Error::Corrupt`] for a row that cannot even be read.
pub async fn verify(store: &Store, log: &LogName, kept: Vec<Checkpoint>) -> Result<Report, Error> {
    let mut verifier = Verifier::new(log.id, log.key, kept);
    let mut place = 0;
    let mut before = None;
    loop {
        // Before the entries: what it covers had been appended by then.
        let signed = store.last_checkpoint().await?;
        let page = store.entries(place).await?;
        let Some(last) = page.last().map(|e| e.link.place) else {
            let head = store.head().await?;
            // More may have come after the page was read; if nothing comes although the head says so, it is missing.
            if head.entries > place && before != Some(head) {
                before = Some(head);
                continue;
            }
            verifier.expect(signed.filter(|c| c.entries > place).into_iter().collect());
            return Ok(verifier.finish(Some((head.entries, head.hash))));
        };
        let mut from = place + 1;
        loop {
            let some = store.checkpoints(from, last).await?;
            let Some(next) = some.last().map(|c| c.entries + 1) else { break };
            verifier.expect(some);
            from = next;
        }
        page.iter().for_each(|e| verifier.entry(&e.link));
        place = last;
    }
}

/// Every entry about a name behind `place`, at most 1,000, opened for its owner. Whoever calls has made sure that it is the owner.
///
/// # Errors
/// [`Error::Store`]; [`Error::Corrupt`] if one does not open.
pub async fn owned(store: &Store, vault: &Vault, name: &Name, place: u64) -> Result<Vec<Owned>, Error> {
    let entries = store.entries_of(&entry::subject(vault, name), place).await?;
    entries.iter().map(|e| Ok(Owned { link: e.link, opening: e.open(vault)? })).collect()
}
