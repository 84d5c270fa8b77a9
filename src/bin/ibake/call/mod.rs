//! The exchange over TCP, and what follows it.

pub(crate) mod answer;
pub(crate) mod chat;
pub(crate) mod dial;
mod frames;
pub(crate) mod report;

use std::time::Duration;

pub(crate) use frames::{Connection, split_frames};

use ibake::error::Error;
use ibake::suite::Suite;

use crate::error::{Failure, Kind};

/// What went wrong with what a peer sent, in one sentence.
pub(crate) fn from_peer(e: Error) -> Failure {
    match e {
        Error::Decode(e) => {
            let text = format!("the peer sent something that is no message of the exchange ({e})");
            Failure::new(Kind::Input, "peer-garbage", text)
        }
        Error::Decrypt => Failure::new(
            Kind::Refused,
            "decrypt",
            "the peer's message does not open: it is not who it should be, or the message was altered on its way",
        ),
        e => e.into(),
    }
}

/// For clap.
pub(crate) fn parse_suite(s: &str) -> Result<Suite, String> {
    Suite::from_name(s).ok_or_else(|| {
        let all: Vec<&str> = Suite::PREFERENCE.iter().map(|s| s.name()).collect();
        format!("there are {}", all.join(", "))
    })
}

/// For clap: whole seconds.
pub(crate) fn parse_timeout(s: &str) -> Result<Duration, String> {
    match s.parse() {
        Ok(n @ 1..=60) => Ok(Duration::from_secs(n)),
        _ => Err("1 to 60 seconds".into()),
    }
}
