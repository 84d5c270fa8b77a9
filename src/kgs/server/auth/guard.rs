//! Holding up those who guess, without helping them to lock others out.
//!
//! Failures are counted for a *pair* of source (an address) and name, and for a source alone. There is no count for a name alone:
//! with one, anybody could lock anybody out by failing in their name. So whoever attacks alice from one place locks that place out
//! of alice's account, and alice comes in from hers. What a large number of places can try together is bounded by the pool of
//! [`super::password`], which computes so many Argon2 a second and no more.
//!
//! Counts stand in a table of fixed size (`table.rs`), which forgets first what has the least left to be held up for.

use super::table::{Place, Table};
use crate::kgs::server::error::Error;
use crate::kgs::server::keys::Vault;

/// How many failures are borne, and what follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// Failures of a pair that cost nothing: people mistype.
    pub free: u32,
    /// Those of a source: many people may share an address.
    pub free_source: u32,
    /// Longest time that somebody is held up, in seconds.
    pub longest: u64,
    /// Seconds after which a failure is forgotten if none follows.
    pub forgotten: u64,
    /// Requests that a source may make in a minute, whoever sends them; 0 for no limit.
    pub requests: u32,
    /// Keys that a user may ask for in a minute, by whatever credential; 0 for no limit.
    pub keys: u32,
    /// Counts of each kind that are kept, at least (64 to 2^24): 24 bytes for failures, 16 for requests and for keys, never more.
    pub counts: usize,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            free: 5,
            free_source: 50,
            longest: 900,
            forgotten: 3_600,
            requests: 30_000,
            keys: 30_000,
            counts: 65_536,
        }
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    failures: u32,
    /// How many of them cost nothing.
    free: u32,
    last: u64,
}

impl Count {
    /// Until when it holds up.
    fn until(&self, longest: u64) -> u64 {
        match self.failures.checked_sub(self.free) {
            None | Some(0) => 0,
            // Twice as long each time: 1, 2, 4 seconds and so on.
            Some(n) => self.last.saturating_add(1u64.checked_shl(n - 1).map_or(longest, |s| s.min(longest))),
        }
    }
}

/// The counts.
#[derive(Debug)]
pub struct Guard {
    counts: Table<Count>,
    rates: Rates,
}

impl Guard {
    /// An empty one.
    pub fn new(rates: Rates) -> Self {
        Self { counts: Table::new(rates.counts), rates }
    }

    /// The pair and the source, with what costs nothing there.
    fn places(&self, vault: &Vault, source: &[u8], name: &str) -> [(Place, u32); 2] {
        let pair = [&crate::encoding::lp(source)[..], source, name.as_bytes()].concat();
        let Rates { free, free_source, .. } = self.rates;
        [(Place::of(vault, "guard pair", &pair), free), (Place::of(vault, "guard source", source), free_source)]
    }

    /// Whether this source may try this name now. For a whole network that one person can have, `source` is its prefix (for IPv6
    /// the first 64 bits).
    ///
    /// # Errors
    /// [`Error::Busy`] with the seconds that are left.
    pub fn check(&self, vault: &Vault, source: &[u8], name: &str, now: u64) -> Result<(), Error> {
        let until = |(place, _)| self.counts.get(place).map_or(0, |count| count.until(self.rates.longest));
        let until = self.places(vault, source, name).map(until).into_iter().max().unwrap_or(0);
        // Never longer than the longest, whatever the clock did meanwhile.
        match until.saturating_sub(now).min(self.rates.longest) {
            0 => Ok(()),
            retry => Err(Error::Busy { retry }),
        }
    }

    /// It failed.
    pub fn failed(&self, vault: &Vault, source: &[u8], name: &str, now: u64) {
        let Rates { longest, forgotten, .. } = self.rates;
        for (place, free) in self.places(vault, source, name) {
            let worth = |c: &Count| (c.until(longest), c.last);
            self.counts.change(place, worth, |found| {
                let old = found.filter(|count| count.last.saturating_add(forgotten) >= now);
                let failures = old.map_or(0, |count| count.failures).saturating_add(1);
                (Count { failures, free, last: now }, ())
            });
        }
    }

    /// It succeeded: the pair begins anew. The source does not: with one good account it could try others for ever.
    pub fn succeeded(&self, vault: &Vault, source: &[u8], name: &str) {
        let [(pair, _), _] = self.places(vault, source, name);
        self.counts.forget(pair);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    const LONGEST: u64 = 900;
    const FORGOTTEN: u64 = 3_600;

    fn counts(counts: usize) -> Guard {
        Guard::new(Rates { counts, ..Rates::default() })
    }

    fn vault() -> Vault {
        Vault::new(&Secret::new([9; 32]))
    }

    #[test]
    fn an_attacker_locks_out_only_where_he_is() {
        let (guard, vault) = (counts(1024), vault());
        for i in 0..40 {
            guard.failed(&vault, b"198.51.100.1", "alice", 1_000 + i);
        }
        let now = 1_040;
        assert_eq!(guard.check(&vault, b"198.51.100.1", "alice", now), Err(Error::Busy { retry: LONGEST - 1 }));
        // The owner elsewhere, and everybody else at the attacker's address.
        assert_eq!(guard.check(&vault, b"192.0.2.7", "alice", now), Ok(()));
        assert_eq!(guard.check(&vault, b"198.51.100.1", "bob", now), Ok(()));
        // It ends, and a success ends it for the pair.
        assert_eq!(guard.check(&vault, b"198.51.100.1", "alice", now + LONGEST), Ok(()));
        guard.succeeded(&vault, b"198.51.100.1", "alice");
        assert_eq!(guard.check(&vault, b"198.51.100.1", "alice", now), Ok(()));
    }

    #[test]
    fn a_source_that_tries_all_names_is_held_up_everywhere() {
        let (guard, vault) = (counts(1024), vault());
        for i in 0..60 {
            guard.failed(&vault, b"198.51.100.1", &format!("user{i}"), 1_000);
        }
        assert!(matches!(guard.check(&vault, b"198.51.100.1", "carol", 1_000), Err(Error::Busy { .. })));
        assert_eq!(guard.check(&vault, b"192.0.2.7", "carol", 1_000), Ok(()));
    }

    #[test]
    fn waiting_grows_from_a_second_and_mistakes_are_free() {
        let (guard, vault) = (counts(64), vault());
        let mut waits = Vec::new();
        for _ in 0..8 {
            guard.failed(&vault, b"a", "n", 50);
            waits.push(match guard.check(&vault, b"a", "n", 50) {
                Err(Error::Busy { retry }) => retry,
                _ => 0,
            });
        }
        assert_eq!(waits, [0, 0, 0, 0, 0, 1, 2, 4]);
        // After an hour of peace counting begins anew.
        guard.failed(&vault, b"a", "n", 51 + FORGOTTEN);
        assert_eq!(guard.check(&vault, b"a", "n", 51 + FORGOTTEN), Ok(()));
        // A clock that was set back holds nobody up for longer than the longest.
        for _ in 0..40 {
            guard.failed(&vault, b"a", "n", 1 << 40);
        }
        assert_eq!(guard.check(&vault, b"a", "n", 50), Err(Error::Busy { retry: LONGEST }));
    }

    #[test]
    fn a_flood_does_not_grow_it_and_does_not_free_the_attacker() {
        let (guard, vault) = (counts(1024), vault());
        for _ in 0..20 {
            guard.failed(&vault, b"attacker", "alice", 1_000);
        }
        for i in 0..20_000u32 {
            guard.failed(&vault, &i.to_be_bytes(), "alice", 1_001);
        }
        assert!(matches!(guard.check(&vault, b"attacker", "alice", 1_001), Err(Error::Busy { .. })));
        assert_eq!(guard.counts.places(), 1024);
    }
}
