//! The calling end.

use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use getrandom::SysRng;
use ibake::error::PeerError;
use ibake::ibake::envelope::{ENVELOPE_LIMIT, Envelope, Reason};
use ibake::ibake::{Config, Session, start};
use ibake::ibe::PublicParameters;
use ibake::ibe::extract::PrivateKey;
use ibake::ibe::kem::Recipient;
use ibake::suite::Suite;

use super::{Connection, from_peer};
use crate::error::{Failure, Kind};
use crate::when;

/// Who calls whom, and with what.
pub(crate) struct Dial<'a> {
    pub(crate) address: &'a str,
    pub(crate) key: &'a PrivateKey,
    pub(crate) own: &'a PublicParameters,
    pub(crate) peer: &'a Recipient,
    pub(crate) suites: Vec<Suite>,
    pub(crate) patience: Duration,
}

/// A finished exchange and how it came about.
pub(crate) struct Dialled {
    pub(crate) connection: Connection,
    pub(crate) session: Session,
    pub(crate) elapsed: Duration,
    pub(crate) cookie: bool,
    pub(crate) retried: bool,
}

enum Attempt {
    Done(Box<Dialled>),
    /// The responder accepts these suites only, or so somebody says.
    Suites(Vec<Suite>),
}

impl Dial<'_> {
    /// Calls. If the responder hints at other suites, calls once more with the first one in common.
    ///
    /// The hint is unauthenticated, and harmless: only suites that we accept anyhow are taken, and the seals of the second
    /// attempt carry both lists, so that a forged hint makes it fail.
    pub(crate) fn run(&self) -> Result<Dialled, Failure> {
        let begun = Instant::now();
        let none = || Failure::new(Kind::Usage, "usage", "no suite to call with");
        let first = Suite::first_common(&self.suites, &self.suites).ok_or_else(none)?;
        let (attempt, retried) = match self.attempt(first)? {
            Attempt::Suites(theirs) => match Suite::first_common(&self.suites, &theirs) {
                Some(second) if second != first => (self.attempt(second)?, true),
                _ => return Err(no_common(&theirs)),
            },
            done => (done, false),
        };
        match attempt {
            Attempt::Done(done) => Ok(Dialled { elapsed: begun.elapsed(), retried, ..*done }),
            Attempt::Suites(theirs) => Err(no_common(&theirs)),
        }
    }

    fn connect(&self) -> Result<Connection, Failure> {
        let bad = |e: std::io::Error| Failure::new(Kind::Io, "connect", format!("{}: {e}", self.address));
        let mut last = std::io::Error::from(std::io::ErrorKind::NotFound);
        for address in self.address.to_socket_addrs().map_err(bad)? {
            match TcpStream::connect_timeout(&address, self.patience) {
                Ok(stream) => return Connection::new(stream, self.patience),
                Err(e) => last = e,
            }
        }
        Err(bad(last).hint("Is somebody listening there? ibake listen --bind ADDRESS .."))
    }

    fn attempt(&self, suite: Suite) -> Result<Attempt, Failure> {
        let config = Config { suites: self.suites.clone(), ..Config::default() };
        // What we hold is checked before anybody is bothered.
        let (state, m1) = start(&config, suite, self.key, self.own, self.peer, when::now(), &mut SysRng)?;
        let mut connection = self.connect()?;
        connection.send(&Envelope::Message(&m1).to_bytes())?;
        let mut reply = connection.receive(ENVELOPE_LIMIT)?;
        let mut cookie = false;
        if let Envelope::Challenge(c) = Envelope::decode(&reply).map_err(from_peer)? {
            cookie = true;
            // M1 byte for byte: nothing is sealed twice.
            connection.send(&Envelope::WithCookie(c, &m1).to_bytes())?;
            reply = connection.receive(ENVELOPE_LIMIT)?;
        }
        let m2 = match Envelope::decode(&reply).map_err(from_peer)? {
            Envelope::Message(m2) => m2,
            Envelope::Reply(Reason::Suite, theirs) => return Ok(Attempt::Suites(theirs)),
            other => return Err(unexpected(&other)),
        };
        let (state, m3) = state.receive(m2, self.key, self.peer, &[], when::now(), &mut SysRng).map_err(from_peer)?;
        connection.send(&Envelope::Message(&m3).to_bytes())?;
        let reply = connection.receive(ENVELOPE_LIMIT)?;
        let m4 = match Envelope::decode(&reply).map_err(from_peer)? {
            Envelope::Message(m4) => m4,
            other => return Err(unexpected(&other)),
        };
        let (session, _) = state.receive(m4, when::now()).map_err(from_peer)?;
        let (elapsed, retried) = (Duration::ZERO, false);
        Ok(Attempt::Done(Box::new(Dialled { connection, session, elapsed, cookie, retried })))
    }
}

fn no_common(theirs: &[Suite]) -> Failure {
    let names: Vec<&str> = theirs.iter().map(|s| s.name()).collect();
    Failure::from(ibake::error::Error::from(PeerError::NoCommonSuite)).hint(format!(
        "The peer says that it accepts {}.",
        if names.is_empty() { "none".into() } else { names.join(", ") }
    ))
}

fn unexpected(envelope: &Envelope<'_>) -> Failure {
    let text = match envelope {
        Envelope::Reply(Reason::Failed, _) => {
            "the peer could not go on: it does not hold the key for that name, or something was altered on the way"
        }
        Envelope::Reply(Reason::Busy, _) => "the peer is busy",
        Envelope::Reply(Reason::NotServed, _) => {
            "the peer does not serve this district, serial or period now, or does not know ours"
        }
        Envelope::Reply(Reason::Suite, _) => "the peer wants another suite",
        _ => return Failure::new(Kind::Input, "peer-garbage", "the peer sent an envelope that is not due here"),
    };
    Failure::new(Kind::Refused, "peer-refused", format!("{text} (it says; nobody vouches for that)"))
}
