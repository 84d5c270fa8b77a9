//! The calling end.

use std::io::ErrorKind;
use std::net::{ToSocketAddrs, UdpSocket};
use std::time::{Duration, Instant};

use getrandom::SysRng;
use ibake::error::{Error, PeerError};
use ibake::ibe::Name;
use ibake::ibe::extract::PrivateKey;
use ibake::mikey::call::{
    Answered, AwaitR2, BRANCH_LIMIT, CallError, CallOffer, End, Fork, Outcome, Ready, Reply, SessionOffer,
};
use ibake::mikey::numbers::{DataType, ErrorNo};
use ibake::mikey::{Message, Payload};
use ibake::secret::Secret;

use super::report::{self, Finished};
use super::timer::Timer;
use super::{DATAGRAM, Options, failure, io, with_port};
use crate::error::{Failure, Kind};
use crate::output::Output;
use crate::when;

/// How often the system may say that nobody listens there before it is believed. Anybody near the line can forge that once.
const REFUSALS: u32 = 3;

/// Who calls whom, and with what.
pub(crate) struct Dial<'a> {
    pub(crate) address: &'a str,
    pub(crate) end: End<'a>,
    pub(crate) key: &'a PrivateKey,
    pub(crate) dialled: &'a Name,
    /// Who else may answer.
    pub(crate) accept: &'a [Name],
    pub(crate) patience: Duration,
    pub(crate) options: &'a Options,
}

/// What became of a datagram.
enum Step<S, T> {
    Done(T),
    /// Not what is awaited: the state as it was, and why.
    Again(S, Failure),
    /// Somebody else has answered, who is told this: who is called may still do so.
    Unwanted(S, Failure, Option<Vec<u8>>),
    /// An answer that came before; this is to be sent once more.
    Repeat(S, Vec<u8>),
    Over(Failure),
}

/// The socket, and what has happened on it.
struct Line<'a> {
    socket: UdpSocket,
    address: &'a str,
    patience: Duration,
    csb_id: u32,
    again: u32,
    refused: u32,
    /// The last message that was not accepted.
    bad: Option<Failure>,
    /// Who else has answered.
    unwanted: Option<Failure>,
    /// What the other end says that it is, without proof.
    said: Option<ErrorNo>,
    out: &'a Output,
}

impl Dial<'_> {
    /// Calls, shows the result, and ends.
    pub(crate) fn run(&self, out: &Output) -> Result<(), Failure> {
        let begun = Instant::now();
        let suite = *self.end.settings.suites.first().ok_or(Error::from(PeerError::NoCommonSuite))?;
        let profiles = self.end.settings.profiles.clone();
        let ssrc = u32::from_be_bytes(*Secret::<4>::random(&mut SysRng)?.expose()).max(1);
        let streams =
            vec![SessionOffer { ssrc: Some(ssrc), profiles: profiles.clone() }, SessionOffer { ssrc: None, profiles }];
        let offer = CallOffer::new(suite, streams);
        // What we hold is checked before anybody is bothered.
        let called = self.end.call(self.key.identity(), self.dialled, &offer, when::now(), &mut SysRng);
        let (state, i1) = called.map_err(failure)?;
        let mut line = Line::new(self.address, self.patience, state.csb_id(), out)?;
        // A fork, because an answer that is not wanted must not keep the right one out.
        let fork = state.fork(BRANCH_LIMIT);
        let ready = line.until(&i1, fork, |fork, r1| self.first_answer(fork, r1))?;
        let (state, i2) = ready.proceed(&self.end, when::now(), &mut SysRng).map_err(failure)?;
        let outcome = line.until(&i2, state, |state, r2| self.second_answer(state, r2))?;
        let (session, lacks, bound) = report::open(outcome);
        let finished = Finished { session: &session, lacks, bound, elapsed: begun.elapsed(), again: line.again };
        finished.show(self.options, out)
    }

    fn first_answer(&self, mut fork: Fork, r1: &[u8]) -> Step<Fork, Ready> {
        match fork.receive(&self.end, r1, when::now(), &mut SysRng) {
            Ok(Reply::AsDialled(ready)) => Step::Done(ready),
            Ok(Reply::Other(answered)) if self.accept.contains(answered.by.name()) => Step::Done(answered.accept()),
            Ok(Reply::Other(answered)) => Step::Unwanted(fork, Self::other(&answered), answered.refuse().ok()),
            Err(e) if fork.is_open() => Step::Again(fork, failure(e)),
            Err(e) => Step::Over(failure(e)),
        }
    }

    fn other(answered: &Answered) -> Failure {
        let (by, dialled) = (answered.by.name(), answered.dialled.name());
        let how = if answered.opened_first() { "a device of theirs, it seems" } else { "the call was passed on" };
        let text = format!("{by} of {} answered in the place of {dialled} ({how})", answered.by.district());
        Failure::new(Kind::Refused, "answered-by-another", text)
            .hint(format!("If that is somebody you want to talk to, call again with --accept {by}"))
    }

    fn second_answer(&self, state: AwaitR2, r2: &[u8]) -> Step<AwaitR2, Outcome> {
        if let Some(i2) = state.repeat(r2) {
            let i2 = i2.to_vec();
            return Step::Repeat(state, i2);
        }
        match state.receive(&self.end, r2, when::now()) {
            Ok(outcome) => Step::Done(outcome),
            Err(failed) => match failed.state {
                Some(state) => Step::Again(state, failure(failed.error)),
                None => Step::Over(failure(failed.error)),
            },
        }
    }
}

impl<'a> Line<'a> {
    fn new(address: &'a str, patience: Duration, csb_id: u32, out: &'a Output) -> Result<Self, Failure> {
        let bad = |e: &std::io::Error| Failure::new(Kind::Io, "connect", format!("{address}: {e}"));
        let mut all = with_port(address).to_socket_addrs().map_err(|e| bad(&e))?;
        let to = all.next().ok_or_else(|| bad(&ErrorKind::NotFound.into()))?;
        let socket = UdpSocket::bind(if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" }).map_err(|e| io(&e))?;
        // Connected, so that datagrams from elsewhere do not come in and an absent peer is noticed.
        socket.connect(to).map_err(|e| bad(&e))?;
        Ok(Self { socket, address, patience, csb_id, again: 0, refused: 0, bad: None, unwanted: None, said: None, out })
    }

    /// Sends `message`, again and again, until `take` has an answer to it.
    fn until<S, T>(
        &mut self,
        message: &[u8],
        mut state: S,
        take: impl Fn(S, &[u8]) -> Step<S, T>,
    ) -> Result<T, Failure> {
        self.send(message)?;
        let mut timer = Timer::new(Instant::now(), self.patience);
        let mut buffer = vec![0; DATAGRAM];
        loop {
            let Some(left) = timer.left(Instant::now()) else {
                if self.refused >= REFUSALS || !timer.fire(Instant::now()) {
                    return Err(self.silent());
                }
                self.again += 1;
                self.send(message)?;
                continue;
            };
            let Some(got) = self.receive(&mut buffer, left)? else { continue };
            let datagram = buffer.get(..got).unwrap_or_default();
            if self.is_error(datagram) {
                continue;
            }
            state = match take(state, datagram) {
                Step::Done(next) => return Ok(next),
                Step::Again(state, why) => {
                    self.bad = Some(why);
                    state
                }
                Step::Repeat(state, message) => {
                    self.again += 1;
                    self.send(&message)?;
                    state
                }
                Step::Unwanted(state, why, farewell) => {
                    self.out.note(&format!("{}; still waiting.", why.message));
                    self.unwanted = Some(why);
                    if let Some(farewell) = farewell {
                        self.send(&farewell)?;
                    }
                    state
                }
                Step::Over(why) => return Err(self.unwanted.take().unwrap_or(why)),
            };
        }
    }

    fn send(&mut self, message: &[u8]) -> Result<(), Failure> {
        match self.socket.send(message) {
            Ok(_) => Ok(()),
            // What the system remembers of the last datagram; this one has not gone out and is due again anyhow.
            Err(e) if e.kind() == ErrorKind::ConnectionRefused => {
                self.refused += 1;
                Ok(())
            }
            Err(e) => Err(io(&e)),
        }
    }

    fn receive(&mut self, buffer: &mut [u8], left: Duration) -> Result<Option<usize>, Failure> {
        self.socket.set_read_timeout(Some(left)).map_err(|e| io(&e))?;
        match self.socket.recv(buffer) {
            Ok(n) => Ok(Some(n)),
            Err(e) if e.kind() == ErrorKind::ConnectionRefused => {
                self.refused += 1;
                Ok(None)
            }
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted) => {
                Ok(None)
            }
            Err(e) => Err(io(&e)),
        }
    }

    /// Shows an error message of the other end. Nothing protects it, so nothing else is done about it.
    fn is_error(&mut self, datagram: &[u8]) -> bool {
        let Ok(message) = Message::parse(datagram) else { return false };
        if message.header().data_type != DataType::ERROR {
            return false;
        }
        let number = message.payloads().find_map(|p| match p {
            Payload::Err(e) => Some(e.number),
            _ => None,
        });
        if message.header().csb_id == self.csb_id
            && let (Some(number), None) = (number, self.said)
        {
            self.said = Some(number);
            self.out.note(&format!("The other end says: {number}. Nobody vouches for that; still waiting."));
        }
        true
    }

    fn silent(&mut self) -> Failure {
        if let Some(unwanted) = self.unwanted.take() {
            return unwanted;
        }
        if let Some(bad) = self.bad.take() {
            return bad.context("the answers that came do not hold; the last one");
        }
        let seconds = self.patience.as_secs();
        match self.said {
            Some(number) => {
                let text = format!("the peer refused with {number} (it says; nobody vouches for that)");
                let refused = Failure::new(Kind::Refused, "peer-refused", text);
                match number {
                    ErrorNo::INVALID_DH => refused.hint("Call again with another group: --suite NAME"),
                    ErrorNo::INVALID_SP => refused.hint("Call again with other SRTP profiles: --srtp-profile PROFILE"),
                    _ => refused,
                }
            }
            None if self.refused > 0 => {
                Failure::new(Kind::Io, "connect", format!("{}: nobody listens there", with_port(self.address)))
                    .hint("Start the other end first: ibake listen --mikey --bind ADDRESS ..")
            }
            None => Failure::new(Kind::Io, "timeout", format!("the peer did not answer within {seconds} s")),
        }
    }
}

impl From<CallError> for Failure {
    fn from(e: CallError) -> Self {
        failure(e)
    }
}
