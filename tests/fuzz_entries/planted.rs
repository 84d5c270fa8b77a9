//! A fault put in on purpose, to see that both harnesses find one: an error reply that asks for one of two suites.
#![allow(unreachable_pub)]

use ibake::ibake::envelope::{Envelope, Reason};

/// Panics on it, and only on it.
pub fn planted(data: &[u8]) {
    if let Ok(Envelope::Reply(Reason::Suite, suites)) = Envelope::decode(data) {
        assert!(suites.len() != 2, "planted");
    }
}
