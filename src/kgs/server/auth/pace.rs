//! How much somebody may ask for in a minute.
//!
//! The generic cell rate algorithm (ITU-T I.371): what is remembered is one number, until when somebody has used up what they may
//! have. A minute's worth may come at once. It is counted by each node for itself, in a table of fixed size (`table.rs`), and
//! what is turned away leaves no entry in the audit log, which a flood would otherwise fill.

use std::time::Duration;

use super::table::{Place, Table};
use crate::kgs::server::error::Error;
use crate::kgs::server::keys::Vault;

/// A minute, in the unit of the count.
const MINUTE: u64 = 60_000_000;

/// Most that can be allowed in a minute.
pub const MOST: u32 = 10_000_000;

/// What a kind of askers has used up.
#[derive(Debug)]
pub struct Pace {
    used: Table<u64>,
    kind: &'static str,
    per_minute: u32,
}

impl Pace {
    /// So much in a minute, at most [`MOST`], for each of a kind; 0 for no limit. Remembers `places` of them, 16 bytes each.
    pub fn new(kind: &'static str, per_minute: u32, places: usize) -> Self {
        Self { used: Table::new(if per_minute == 0 { 0 } else { places }), kind, per_minute: per_minute.min(MOST) }
    }

    /// Takes so much. Whoever owes nothing gets it even if it is more than a minute's worth, and then waits accordingly.
    /// `now` is a clock that only goes forward.
    ///
    /// # Errors
    /// [`Error::TooFast`] with the seconds that are left.
    pub fn take(&self, vault: &Vault, who: &[u8], amount: u64, now: Duration) -> Result<(), Error> {
        let Some(step) = MINUTE.checked_div(self.per_minute.into()) else { return Ok(()) };
        let now = u64::try_from(now.as_micros()).unwrap_or(u64::MAX);
        let cost = step.saturating_mul(amount);
        self.used.change(
            Place::of(vault, self.kind, who),
            |until| *until,
            |until| {
                let until = until.unwrap_or(0).max(now);
                let ahead = (until - now).saturating_add(cost);
                if until > now && ahead > MINUTE {
                    (until, Err(Error::TooFast { retry: (ahead - MINUTE).div_ceil(1_000_000) }))
                } else {
                    (until.saturating_add(cost), Ok(()))
                }
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn vault() -> Vault {
        Vault::new(&Secret::new([9; 32]))
    }

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_minutes_worth_comes_at_once_and_then_as_fast_as_it_may() {
        let (vault, pace) = (vault(), Pace::new("t", 60, 1_024));
        let take = |who: &[u8], amount, now| pace.take(&vault, who, amount, at(now));
        for _ in 0..60 {
            assert_eq!(take(b"a", 1, 100), Ok(()));
        }
        assert_eq!(take(b"a", 1, 100), Err(Error::TooFast { retry: 1 }));
        assert_eq!(take(b"a", 5, 100), Err(Error::TooFast { retry: 5 }));
        // Being turned away costs nothing, and nobody else pays.
        assert_eq!(take(b"a", 1, 101), Ok(()));
        assert_eq!(take(b"a", 1, 101), Err(Error::TooFast { retry: 1 }));
        assert_eq!(take(b"b", 60, 101), Ok(()));
        // After a minute's peace all of it is there again, and not more.
        assert_eq!(take(b"a", 60, 161), Ok(()));
        assert_eq!(take(b"a", 1, 161), Err(Error::TooFast { retry: 1 }));
    }

    #[test]
    fn a_request_that_is_larger_than_a_minute_is_granted_and_paid_for() {
        let (vault, pace) = (vault(), Pace::new("t", 10, 1_024));
        assert_eq!(pace.take(&vault, b"a", 64, at(1)), Ok(()));
        assert_eq!(pace.take(&vault, b"a", 1, at(1)), Err(Error::TooFast { retry: 330 }));
        assert_eq!(pace.take(&vault, b"a", 1, at(331)), Ok(()));
    }

    #[test]
    fn no_limit_is_none_and_the_most_is_one() {
        let (vault, none, most) = (vault(), Pace::new("t", 0, 1 << 20), Pace::new("t", u32::MAX, 64));
        for _ in 0..1_000 {
            assert_eq!(none.take(&vault, b"a", u64::MAX, at(1)), Ok(()));
        }
        assert_eq!(none.used.places(), 64);
        assert_eq!(most.take(&vault, b"a", u64::MAX, at(1)), Ok(()));
        assert!(most.take(&vault, b"a", u64::from(MOST), at(1)).is_err());
    }

    #[test]
    fn a_flood_does_not_grow_it_and_frees_nobody() {
        let (vault, pace) = (vault(), Pace::new("t", 60, 1_024));
        for _ in 0..60 {
            pace.take(&vault, b"attacker", 1, at(1)).unwrap();
        }
        for i in 0..20_000u32 {
            pace.take(&vault, &i.to_be_bytes(), 1, at(1)).unwrap();
        }
        assert_eq!(pace.take(&vault, b"attacker", 1, at(1)), Err(Error::TooFast { retry: 1 }));
        assert_eq!(pace.used.places(), 1_024);
    }
}
