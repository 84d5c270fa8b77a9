//! The answering end: what a stranger can make it do is limited before any pairing is computed.

use std::net::TcpStream;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use getrandom::SysRng;
use ibake::error::{Error, PeerError};
use ibake::ibake::envelope::{ENVELOPE_LIMIT, Envelope, Reason};
use ibake::ibake::guard::{Budget, CookieJar, Guard};
use ibake::ibake::{Config, Responder, Session};
use ibake::ibe::PublicParameters;
use ibake::ibe::extract::PrivateKey;
use ibake::suite::Suite;

use super::{Connection, from_peer};
use crate::error::{Failure, Kind};
use crate::when;

/// Exchanges that are remembered against replay.
const REMEMBERED: usize = 10_000;
/// Exchanges that one initiator may finish in an hour.
const FINISHED_PER_HOUR: u32 = 120;
/// Connections that one address may begin in a minute.
const PER_SOURCE: u32 = 60;
/// Connections of all together in ten seconds, after which cookies are demanded.
const UNDER_LOAD: u32 = 8;

/// A responder with its tables, to be shared by the threads that answer.
pub(crate) struct Server {
    config: Config,
    keys: Vec<PrivateKey>,
    parameters: Vec<PublicParameters>,
    guard: Mutex<Guard>,
    sources: Mutex<Budget>,
    load: Mutex<Budget>,
    jar: CookieJar,
    always_cookie: bool,
    patience: Duration,
}

/// A finished exchange.
pub(crate) struct Answered {
    pub(crate) connection: Connection,
    pub(crate) session: Session,
    pub(crate) elapsed: Duration,
    pub(crate) cookie: bool,
}

fn lock<T>(m: &Mutex<T>) -> MutexGuard<'_, T> {
    // The tables stay usable whatever happened to the thread that held them.
    m.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Server {
    pub(crate) fn new(
        suites: Vec<Suite>,
        keys: Vec<PrivateKey>,
        parameters: Vec<PublicParameters>,
        always_cookie: bool,
        patience: Duration,
    ) -> Result<Self, Failure> {
        Ok(Self {
            config: Config { suites, ..Config::default() },
            keys,
            parameters,
            guard: Mutex::new(Guard::new(REMEMBERED, FINISHED_PER_HOUR, &mut SysRng)?),
            sources: Mutex::new(Budget::new(4096, PER_SOURCE, 60, &mut SysRng)?),
            load: Mutex::new(Budget::new(1, UNDER_LOAD, 10, &mut SysRng)?),
            jar: CookieJar::new(&mut SysRng)?,
            always_cookie,
            patience,
        })
    }

    /// Tells a caller that there is no room, and hangs up.
    pub(crate) fn turn_away(&self, stream: TcpStream) {
        if let Ok(mut connection) = Connection::new(stream, self.patience) {
            let _ = connection.send(&Envelope::Reply(Reason::Busy, Vec::new()).to_bytes());
        }
    }

    /// Answers one caller. Whatever goes wrong, the caller is told no more than [`Reason`] allows.
    pub(crate) fn answer(&self, stream: TcpStream) -> Result<Answered, Failure> {
        let source = stream.peer_addr().map_err(|e| Failure::new(Kind::Io, "io", e.to_string()))?;
        let now = when::now();
        let within = lock(&self.sources).take(source.ip().to_string().as_bytes(), now);
        let calm = lock(&self.load).take(b"all", now);
        let mut connection = Connection::new(stream, self.patience)?;
        if !within {
            return Err(refuse(&mut connection, PeerError::Busy.into(), &[]));
        }
        let begun = Instant::now();
        let demand = self.always_cookie || !calm;
        let m1 = self.first(&mut connection, source.to_string().as_bytes(), demand)?;
        let responder = Responder { config: &self.config, keys: &self.keys, parameters: &self.parameters, peers: &() };
        // A statement of its own, so that nobody else waits for the guard while we wait for the peer.
        let accepted = responder.accept(&mut lock(&self.guard), &m1, when::now(), &mut SysRng);
        let (state, m2) = accepted.map_err(|e| refuse(&mut connection, e, &self.config.suites))?;
        connection.send(&Envelope::Message(&m2).to_bytes())?;

        let frame = connection.receive(ENVELOPE_LIMIT)?;
        let m3 = match Envelope::decode(&frame) {
            Ok(Envelope::Message(m3)) => m3,
            Ok(_) => return Err(refuse(&mut connection, out_of_turn(), &[])),
            Err(e) => return Err(refuse(&mut connection, e, &[])),
        };
        let done = state.receive(m3, &self.keys, &[], &mut lock(&self.guard), when::now());
        let (session, _, m4) = done.map_err(|e| refuse(&mut connection, e, &[]))?;
        connection.send(&Envelope::Message(&m4).to_bytes())?;
        Ok(Answered { connection, session, elapsed: begun.elapsed(), cookie: demand })
    }

    /// M1, after a cookie if one is demanded.
    fn first(&self, connection: &mut Connection, source: &[u8], demand: bool) -> Result<Vec<u8>, Failure> {
        let frame = connection.receive(ENVELOPE_LIMIT)?;
        let m1 = match Envelope::decode(&frame) {
            Ok(Envelope::Message(m1)) => m1.to_vec(),
            Ok(_) => return Err(refuse(connection, out_of_turn(), &[])),
            Err(e) => return Err(refuse(connection, e, &[])),
        };
        if !demand {
            return Ok(m1);
        }
        let cookie = self.jar.issue(source, &m1, when::now());
        connection.send(&Envelope::Challenge(cookie).to_bytes())?;
        let frame = connection.receive(ENVELOPE_LIMIT)?;
        match Envelope::decode(&frame) {
            Ok(Envelope::WithCookie(cookie, again)) => {
                let checked = self.jar.check(&cookie, source, again, when::now());
                checked.map_err(|e| refuse(connection, e, &[]))?;
                Ok(again.to_vec())
            }
            Ok(_) => Err(refuse(connection, PeerError::BadCookie.into(), &[])),
            Err(e) => Err(refuse(connection, e, &[])),
        }
    }
}

fn out_of_turn() -> Error {
    PeerError::OtherSession.into()
}

/// Tells the caller why not, as far as it may know, and gives the failure for our own side.
fn refuse(connection: &mut Connection, e: Error, suites: &[Suite]) -> Failure {
    let reason = Reason::of(&e);
    let suites = if reason == Reason::Suite { suites.to_vec() } else { Vec::new() };
    let _ = connection.send(&Envelope::Reply(reason, suites).to_bytes());
    from_peer(e)
}
