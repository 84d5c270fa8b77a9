//! MIKEY-IBAKE calls (RFC 6267) over UDP: what the two ends of SPEC.md 13.17 do between the states of the library and a socket.
//!
//! One message is one datagram. The caller sends its message again until the answer is there ([`timer`]); the called end sends
//! nothing by itself, it repeats its stored answer to a message that comes again. So a lost, doubled or late datagram costs time
//! and nothing else, and no message is ever made twice.

pub(crate) mod answer;
pub(crate) mod dial;
pub(crate) mod directory;
pub(crate) mod report;
mod timer;

use std::path::PathBuf;

use clap::ValueEnum;
use ibake::mikey::call::{CallError, CallRefusal, Demand, Settings};
use ibake::srtp::Profile;
use ibake::suite::Suite;

use crate::call::from_peer;
use crate::call::report::parse_profile;
use crate::error::{Failure, Kind};
use directory::Rule;

/// MIKEY's port, UDP and TCP (RFC 3830 section 10).
pub(crate) const PORT: u16 = 2269;
/// The largest datagram that UDP over IPv4 carries.
const DATAGRAM: usize = 65_507;

/// What both ends can be told about a MIKEY call.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "MIKEY-IBAKE calls")]
pub(crate) struct Options {
    /// Make the call with MIKEY-IBAKE (RFC 6267) over UDP, port 2269 if none is given. It ends with SRTP keys for a media program
    /// instead of a conversation.
    #[arg(long, conflicts_with_all = ["export", "srtp"])]
    pub(crate) mikey: bool,
    /// Whose word counts for which names, as messages carry names only: DISTRICT=DOMAIN for names @DOMAIN, DISTRICT=+1555 for
    /// telephone numbers that begin so, DISTRICT=* for all. The first one that fits counts. Needed where --params are of
    /// several districts.
    #[arg(long, value_name = "DISTRICT=WHOSE", requires = "mikey", value_parser = directory::parse_rule)]
    pub(crate) names: Vec<Rule>,
    /// Which key schedules are accepted.
    #[arg(long, value_enum, default_value = "bound", requires = "mikey")]
    pub(crate) schedule: Schedule,
    /// Accept this SRTP profile, for example AES_CM_128_HMAC_SHA1_80; several times for several, the preferred one first. If left
    /// out: AES-GCM and AES-CM with full tags.
    #[arg(long, value_name = "PROFILE", requires = "mikey", value_parser = parse_profile)]
    pub(crate) srtp_profile: Vec<Profile>,
    /// Print the SRTP keys, as they follow `inline:` in SDES and as ffmpeg takes them. Whoever sees them hears the call.
    #[arg(long, requires = "mikey")]
    pub(crate) show_keys: bool,
    /// Write the SRTP keys to FILE, one line a stream; only its owner may read it. A later call replaces it.
    #[arg(long, value_name = "FILE", requires = "mikey")]
    pub(crate) keys_to: Option<PathBuf>,
}

/// [`Demand`] for clap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Schedule {
    /// Keys bound to all messages; nothing else.
    Bound,
    /// Bound where the other end has it. Whoever stole a key of yours can pretend that the other end has not.
    IfPossible,
    /// RFC 6267 to the letter, for programs that know nothing else.
    Rfc6267,
}

impl Options {
    /// The engine's settings; `suites` are those accepted, in order of preference.
    pub(crate) fn settings(&self, suites: Vec<Suite>) -> Settings {
        let demand = match self.schedule {
            Schedule::Bound => Demand::Bound,
            Schedule::IfPossible => Demand::BoundIfPossible,
            Schedule::Rfc6267 => Demand::Rfc6267,
        };
        let mut settings = Settings { demand, suites, ..Settings::default() };
        if !self.srtp_profile.is_empty() {
            settings.profiles.clear();
            for p in &self.srtp_profile {
                if !settings.profiles.contains(p) {
                    settings.profiles.push(*p);
                }
            }
        }
        settings
    }
}

/// `HOST` or `HOST:PORT`, with MIKEY's port where none is given.
pub(crate) fn with_port(address: &str) -> String {
    let bare_v6 = address.parse::<std::net::Ipv6Addr>().is_ok();
    let has_port = address.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
    match (bare_v6, has_port) {
        (true, _) => format!("[{address}]:{PORT}"),
        (false, true) => address.to_owned(),
        (false, false) => format!("{address}:{PORT}"),
    }
}

/// What went wrong with a call, in one sentence.
fn failure(e: CallError) -> Failure {
    match e {
        CallError::Protocol(e) => from_peer(e),
        CallError::Message(e) => {
            Failure::new(Kind::Input, "peer-garbage", format!("the peer sent a message that cannot be used ({e})"))
        }
        CallError::Refused(CallRefusal::NotBound) => Failure::new(Kind::Refused, "not-bound", e.to_string())
            .hint("Give --schedule if-possible to talk to it all the same; its help says what that costs."),
        e => Failure::new(Kind::Refused, "call-refused", e.to_string()),
    }
}

fn io(e: &std::io::Error) -> Failure {
    Failure::new(Kind::Io, "io", format!("the socket failed: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_mikeys_where_none_is_given() {
        for (given, meant) in [
            ("b.example", "b.example:2269"),
            ("127.0.0.1", "127.0.0.1:2269"),
            ("127.0.0.1:99", "127.0.0.1:99"),
            ("::1", "[::1]:2269"),
            ("[::1]:99", "[::1]:99"),
            ("[::1]", "[::1]:2269"),
        ] {
            assert_eq!(with_port(given), meant);
        }
    }
}
