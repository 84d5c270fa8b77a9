//! When a message is sent again.

use std::time::{Duration, Instant};

/// The first wait: SIP's T1 (RFC 3261 section 17.1.1.1), and below the second of RFC 6298 because answers take milliseconds to
/// compute.
const FIRST: Duration = Duration::from_millis(500);
/// The longest wait between two sendings.
const LONGEST: Duration = Duration::from_secs(2);
/// For how long an answer is kept for repeating after it was last asked for: two of the longest waits of the other end, so that
/// one lost repetition does no harm, and some time for the network.
pub(super) const LINGER: Duration = Duration::from_secs(5);

/// The waits of one message: doubled each time (RFC 6298 section 5.5), up to a limit, and an end.
#[derive(Debug)]
pub(super) struct Timer {
    wait: Duration,
    due: Instant,
    end: Instant,
}

impl Timer {
    /// The message has been sent at `now`; after `patience` it is given up.
    pub(super) fn new(now: Instant, patience: Duration) -> Self {
        let end = now + patience;
        Self { wait: FIRST, due: end.min(now + FIRST), end }
    }

    /// How long to wait for a datagram; `None` when the time for that is over.
    pub(super) fn left(&self, now: Instant) -> Option<Duration> {
        let left = self.due.saturating_duration_since(now);
        (!left.is_zero()).then_some(left)
    }

    /// Nothing came in time: whether to send once more.
    pub(super) fn fire(&mut self, now: Instant) -> bool {
        if now >= self.end {
            return false;
        }
        self.wait = LONGEST.min(2 * self.wait);
        self.due = self.end.min(now + self.wait);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_limit_and_end() {
        let begun = Instant::now();
        let mut timer = Timer::new(begun, Duration::from_secs(10));
        let (mut now, mut waits) = (begun, Vec::new());
        loop {
            let left = timer.left(now).unwrap();
            waits.push(left.as_millis());
            now += left;
            assert_eq!(timer.left(now), None);
            if !timer.fire(now) {
                break;
            }
        }
        assert_eq!(waits, [500, 1000, 2000, 2000, 2000, 2000, 500]);
        assert_eq!(now, begun + Duration::from_secs(10));
    }
}
