//! The called end: what a stranger can make it do and keep is limited.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use getrandom::SysRng;
use ibake::error::{Error, KeyError, PeerError};
use ibake::ibake::guard::Budget;
use ibake::mikey::Message;
use ibake::mikey::call::{Answering, As, AwaitI2, CallError, End, ReplayCache, Session, error_message};
use ibake::mikey::numbers::{DataType, ErrorNo};

use super::report::{self, Finished};
use super::timer::LINGER;
use super::{DATAGRAM, Options, failure, io};
use crate::error::{Failure, Kind};
use crate::output::Output;
use crate::when;

/// First messages that are remembered against replay.
const REMEMBERED: usize = 10_000;
/// Calls that one address may begin in a minute.
const PER_SOURCE: u32 = 60;
/// Finished calls whose last answer is kept for repeating, for each call that may be half open.
const KEPT: usize = 4;
/// How long such an answer is kept at most, whoever asks for it.
const KEPT_LONGEST: Duration = Duration::from_secs(60);
/// How often what has run out is looked for when nothing arrives.
const TICK: Duration = Duration::from_millis(250);

/// Where calls arrive.
pub(crate) struct Desk<'a> {
    pub(crate) socket: UdpSocket,
    pub(crate) end: End<'a>,
    /// Whether to answer, under our own name, calls for names that we have no key for.
    pub(crate) retargeted: bool,
    /// Calls that may be half open at the same time.
    pub(crate) half_open: usize,
    /// How long a caller may take for its second message.
    pub(crate) patience: Duration,
    /// End after one call.
    pub(crate) once: bool,
    pub(crate) options: &'a Options,
    pub(crate) out: &'a Output,
}

/// A call is found by where its messages come from and by its bundle.
type Place = (SocketAddr, u32);

struct Half {
    state: AwaitI2,
    begun: Instant,
    again: u32,
}

/// A call that is up, kept for its last answer.
struct Kept {
    session: Session,
    since: Instant,
    until: Instant,
}

struct Calls {
    half: BTreeMap<Place, Half>,
    kept: BTreeMap<Place, Kept>,
    replay: ReplayCache,
    sources: Budget,
}

impl Desk<'_> {
    /// Answers calls: for ever, or until one has come about and its caller has had time to miss the last answer.
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let mut calls = Calls {
            half: BTreeMap::new(),
            kept: BTreeMap::new(),
            replay: ReplayCache::new(REMEMBERED),
            sources: Budget::new(4096, PER_SOURCE, 60, &mut SysRng)?,
        };
        let mut done = false;
        let mut buffer = vec![0; DATAGRAM];
        self.socket.set_read_timeout(Some(TICK)).map_err(|e| io(&e))?;
        loop {
            calls.sweep(Instant::now(), self.patience);
            if done && calls.kept.is_empty() {
                return Ok(());
            }
            let (got, from) = match self.socket.recv_from(&mut buffer) {
                Ok(received) => received,
                // Refused is what the system remembers of a caller who has gone.
                Err(e) if e.kind() == ErrorKind::ConnectionRefused => continue,
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted) => {
                    continue;
                }
                Err(e) => return Err(io(&e)),
            };
            let datagram = buffer.get(..got).unwrap_or_default();
            // What is no message at all is no business of ours: the port is open to the world.
            let Ok(message) = Message::parse(datagram) else { continue };
            let place = (from, message.header().csb_id);
            match message.header().data_type {
                DataType::I_MESSAGE_1 if !done => self.first(&mut calls, place, datagram, &message),
                DataType::I_MESSAGE_1 => {}
                DataType::I_MESSAGE_2 => match self.second(&mut calls, place, datagram) {
                    Ok(finished) => done |= finished && self.once,
                    Err(e) if self.once => return Err(e),
                    Err(e) => self.out.failure(&e.context(format_args!("call from {from}"))),
                },
                _ => {}
            }
        }
    }

    fn send(&self, message: &[u8], to: SocketAddr) {
        // A datagram that does not go out is one that was lost: the caller asks again.
        let _ = self.socket.send_to(message, to);
    }

    /// Takes a first message: repeats the answer, or answers it, or says no.
    fn first(&self, calls: &mut Calls, place: Place, i1: &[u8], message: &Message<'_>) {
        if let Some(half) = calls.half.get_mut(&place) {
            if let Some(r1) = half.state.repeat(i1) {
                half.again += 1;
                self.send(r1, place.0);
            }
            return;
        }
        if let Some(kept) = calls.kept.get(&place) {
            // It was on its way for long; the call is up.
            if let Some(r1) = kept.session.repeat(i1) {
                self.send(r1, place.0);
            }
            return;
        }
        let now = when::now();
        let busy = calls.half.len() >= self.half_open || !calls.sources.take(place.0.ip().to_string().as_bytes(), now);
        let answered = if busy { Err(Error::from(PeerError::Busy).into()) } else { self.answer(calls, i1, now) };
        match answered {
            Ok((state, r1)) => {
                self.send(&r1, place.0);
                calls.half.insert(place, Half { state, begun: Instant::now(), again: 0 });
            }
            // An old message again: whoever sent it, nobody waits for an answer.
            Err(CallError::Protocol(Error::Peer(PeerError::Replay))) => {}
            Err(e) => {
                self.refuse(message, place, e.number());
                self.out.failure(&failure(e).context(format_args!("call from {}", place.0)));
            }
        }
    }

    fn answer(&self, calls: &mut Calls, i1: &[u8], now: u64) -> Result<(AwaitI2, Vec<u8>), CallError> {
        let missing = CallError::from(KeyError::Missing);
        let answered = self.end.answer(&mut calls.replay, i1, &Answering::DIALLED, now, &mut SysRng);
        if !self.retargeted || answered.as_ref().err() != Some(&missing) {
            return answered;
        }
        let key = self.end.keys.iter().find(|k| k.check_time(now).is_ok()).ok_or(missing)?;
        let answering = Answering { identity: As::Retargeted(key), ssrcs: &[] };
        self.end.answer(&mut calls.replay, i1, &answering, now, &mut SysRng)
    }

    /// Tells the caller why not, in a number that nobody vouches for.
    fn refuse(&self, message: &Message<'_>, place: Place, number: ErrorNo) {
        let Ok(t) = message.timestamp() else { return };
        if let Ok(error) = error_message(place.1, message.header().prf, t, number) {
            self.send(&error, place.0);
        }
    }

    /// Takes a second message; says whether a call has come about.
    fn second(&self, calls: &mut Calls, place: Place, i2: &[u8]) -> Result<bool, Failure> {
        if let Some(kept) = calls.kept.get_mut(&place) {
            if let Some(r2) = kept.session.repeat(i2) {
                self.send(r2, place.0);
                kept.until = Instant::now() + LINGER;
            }
            return Ok(false);
        }
        let Some(Half { state, begun, again }) = calls.half.remove(&place) else { return Ok(false) };
        match state.receive(&self.end, i2, when::now(), &mut SysRng) {
            Ok((outcome, r2)) => {
                self.send(&r2, place.0);
                let (session, lacks, bound) = report::open(outcome);
                let elapsed = begun.elapsed();
                let shown = Finished { session: &session, lacks, bound, elapsed, again }.show(self.options, self.out);
                let now = Instant::now();
                if calls.kept.len() >= KEPT.saturating_mul(self.half_open) {
                    let oldest = calls.kept.iter().min_by_key(|(_, k)| k.since).map(|(place, _)| *place);
                    oldest.map(|place| calls.kept.remove(&place));
                }
                calls.kept.insert(place, Kept { session, since: now, until: now + LINGER });
                shown.map(|()| true)
            }
            Err(failed) => {
                // Anybody can send one: the call waits for the right one, unless this was one too many.
                match failed.state {
                    Some(state) => drop(calls.half.insert(place, Half { state, begun, again })),
                    None => self.out.failure(&failure(failed.error).context(format_args!("call from {}", place.0))),
                }
                Ok(false)
            }
        }
    }
}

impl Calls {
    /// Wipes what has waited for too long.
    fn sweep(&mut self, now: Instant, patience: Duration) {
        self.half.retain(|_, h| now.duration_since(h.begun) < patience);
        self.kept.retain(|_, k| now < k.until && now.duration_since(k.since) < KEPT_LONGEST);
    }
}

/// Binds the port.
pub(crate) fn bind(address: &str) -> Result<(UdpSocket, String), Failure> {
    let bad = |e: std::io::Error| Failure::new(Kind::Io, "io", format!("{address}: {e}"));
    let socket = UdpSocket::bind(address).map_err(bad)?;
    let address = socket.local_addr().map_err(bad)?.to_string();
    Ok((socket, address))
}
