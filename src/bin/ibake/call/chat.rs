//! A conversation in lines, under keys of the session.
//!
//! ```text
//! record = u32 length || AEAD(key of the direction, 0000 0000 || u64 n, session id, u8 kind || UTF-8 text)     n = 0, 1, ..
//! kind   = 0 a line   1 a piece of a line that goes on   2 the end: nothing follows in this direction
//! ```
//!
//! Records are numbered and the end is one of them, so nothing can be left out, repeated, put into another order or cut off
//! unnoticed. A conversation is over when both directions have ended; on a terminal, when either has.

use std::io::{BufRead, IsTerminal, Write};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use ibake::aead::{TAG_BYTES, open_with_nonce, seal_with_nonce};
use ibake::error::Error;
use ibake::ibake::{Role, Session};
use ibake::secret::Secret;
use ibake::suite::Aead;
use serde_json::json;

use super::Connection;
use crate::error::{Failure, Kind};
use crate::output::Output;

const FROM_INITIATOR: &[u8] = b"ibake program chat from initiator";
const FROM_RESPONDER: &[u8] = b"ibake program chat from responder";
/// Longest text in a record; longer lines go in pieces.
const PIECE: usize = 16 * 1024;
const RECORD_LIMIT: usize = 1 + PIECE + TAG_BYTES;

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Record {
    Line = 0,
    Piece = 1,
    End = 2,
}

/// One direction: its key and the number of the next record.
pub(crate) struct Direction {
    aead: Aead,
    key: Secret<32>,
    id: [u8; 32],
    next: u64,
}

impl Direction {
    fn new(session: &Session, from: Role) -> Result<Self, Failure> {
        let label = if from == Role::Initiator { FROM_INITIATOR } else { FROM_RESPONDER };
        let (mut key, id) = (Secret::zero(), session.id());
        session.export(label, &id, key.as_mut())?;
        Ok(Self { aead: session.suite().aead(), key, id, next: 0 })
    }

    /// What we send under.
    fn outgoing(session: &Session) -> Result<Self, Failure> {
        Self::new(session, session.role())
    }

    /// What the peer sends under.
    fn incoming(session: &Session) -> Result<Self, Failure> {
        Self::new(session, if session.role() == Role::Initiator { Role::Responder } else { Role::Initiator })
    }

    fn nonce(&mut self) -> Result<[u8; 12], Error> {
        let mut nonce = [0; 12];
        nonce.iter_mut().skip(4).zip(self.next.to_be_bytes()).for_each(|(n, b)| *n = b);
        self.next = self.next.checked_add(1).ok_or(Error::Decrypt)?;
        Ok(nonce)
    }

    fn seal(&mut self, kind: Record, text: &[u8]) -> Result<Vec<u8>, Error> {
        let plain = [&[kind as u8][..], text].concat();
        let nonce = self.nonce()?;
        Ok(seal_with_nonce(self.aead, self.key.expose(), &nonce, &self.id, &plain))
    }

    fn open(&mut self, record: &[u8]) -> Result<(Record, Vec<u8>), Error> {
        let nonce = self.nonce()?;
        let plain = open_with_nonce(self.aead, self.key.expose(), &nonce, &self.id, record)?;
        match plain.expose() {
            [0, text @ ..] => Ok((Record::Line, text.to_vec())),
            [1, text @ ..] => Ok((Record::Piece, text.to_vec())),
            [2] => Ok((Record::End, Vec::new())),
            _ => Err(Error::Decrypt),
        }
    }
}

enum Event {
    Typed(Vec<u8>),
    TypedAll,
    Heard(String),
    HeardAll,
    Broken(Failure),
}

/// Standard input, read by one thread for all conversations of a process, one after the other. Lines that come between two of
/// them go nowhere.
#[derive(Clone, Default)]
pub(crate) struct Stdin(Arc<Mutex<Slot>>);

#[derive(Default)]
struct Slot {
    to: Option<Sender<Event>>,
    begun: bool,
    ended: bool,
}

impl Stdin {
    fn attach(&self, to: Sender<Event>) {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if slot.ended {
            let _ = to.send(Event::TypedAll);
        }
        slot.to = Some(to);
        if !std::mem::replace(&mut slot.begun, true) {
            let shared = self.clone();
            std::thread::spawn(move || shared.read());
        }
    }

    fn read(&self) {
        let mut stdin = std::io::stdin().lock();
        loop {
            let mut line = Vec::new();
            let more = matches!(stdin.read_until(b'\n', &mut line), Ok(n) if n > 0);
            let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            slot.ended = !more;
            if let Some(to) = &slot.to {
                let _ = to.send(if more { Event::Typed(line) } else { Event::TypedAll });
            }
            if !more {
                return;
            }
        }
    }

    fn detach(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).to = None;
    }
}

/// Talks until both directions have ended.
pub(crate) fn run(connection: Connection, session: &Session, stdin: &Stdin, out: &Output) -> Result<(), Failure> {
    let mut connection = connection.without_deadline()?;
    let mut outgoing = Direction::outgoing(session)?;
    let (events, inbox) = channel();
    let (mut receiver, incoming) = (connection.duplicate()?, Direction::incoming(session)?);
    let heard = events.clone();
    let listener = std::thread::spawn(move || listen(&mut receiver, incoming, &heard));
    if !out.is_json() && std::io::stdin().is_terminal() {
        out.note("\nType lines; the end of input (Ctrl-D) ends the call.");
    }
    stdin.attach(events);
    let name = session.peer().name().as_str();
    let mut talk = || {
        let (mut we_ended, mut they_ended) = (false, false);
        while !(we_ended && they_ended) {
            // Both senders live until the loop is over.
            match inbox.recv().unwrap_or(Event::HeardAll) {
                Event::Typed(_) if we_ended => {}
                Event::Typed(line) => send_line(&mut connection, &mut outgoing, &line)?,
                Event::TypedAll if !we_ended => {
                    connection.send(&outgoing.seal(Record::End, &[])?)?;
                    we_ended = true;
                }
                Event::TypedAll => {}
                Event::Heard(line) => print(name, &line, out),
                Event::HeardAll => {
                    they_ended = true;
                    if !we_ended && std::io::stdin().is_terminal() {
                        out.note("The other end has hung up.");
                        connection.send(&outgoing.seal(Record::End, &[])?)?;
                        we_ended = true;
                    }
                }
                Event::Broken(failure) => return Err(failure),
            }
        }
        Ok(())
    };
    let result = talk();
    stdin.detach();
    connection.close();
    let _ = listener.join();
    result
}

fn listen(connection: &mut Connection, mut incoming: Direction, to: &Sender<Event>) {
    let mut line = Vec::new();
    loop {
        let event = match connection.receive(RECORD_LIMIT).and_then(|r| incoming.open(&r).map_err(|_| altered())) {
            Ok((Record::Piece, piece)) if line.len() < 1 << 20 => {
                line.extend_from_slice(&piece);
                continue;
            }
            Ok((Record::Piece | Record::Line, rest)) => {
                line.extend_from_slice(&rest);
                Event::Heard(printable(&std::mem::take(&mut line)))
            }
            Ok((Record::End, _)) => Event::HeardAll,
            Err(e) if e.code == "closed" => Event::Broken(cut()),
            Err(e) => Event::Broken(e),
        };
        let over = !matches!(event, Event::Heard(_));
        if to.send(event).is_err() || over {
            return;
        }
    }
}

fn send_line(connection: &mut Connection, outgoing: &mut Direction, line: &[u8]) -> Result<(), Failure> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let mut pieces = line.chunks(PIECE).peekable();
    if pieces.peek().is_none() {
        connection.send(&outgoing.seal(Record::Line, &[])?)?;
    }
    while let Some(piece) = pieces.next() {
        let kind = if pieces.peek().is_some() { Record::Piece } else { Record::Line };
        connection.send(&outgoing.seal(kind, piece)?)?;
    }
    Ok(())
}

fn print(name: &str, line: &str, out: &Output) {
    if out.is_json() {
        out.object(&json!({ "event": "line", "from": name, "text": line }));
    } else if std::io::stdout().is_terminal() {
        out.text(&format!("{name}: {line}"));
    } else {
        let mut stdout = std::io::stdout().lock();
        let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
    }
}

/// Without the control characters by which a peer could command the terminal.
fn printable(bytes: &[u8]) -> String {
    let safe = |c: char| if c.is_control() && c != '\t' { char::REPLACEMENT_CHARACTER } else { c };
    String::from_utf8_lossy(bytes).chars().map(safe).collect()
}

fn cut() -> Failure {
    Failure::new(
        Kind::Failed,
        "truncated",
        "the connection was cut before the peer had ended; its last lines may be missing",
    )
}

fn altered() -> Failure {
    Failure::new(Kind::Failed, "decrypt", "a line was altered, repeated or left out on its way")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn direction() -> Direction {
        Direction { aead: Aead::Aes256Gcm, key: Secret::new([7; 32]), id: [8; 32], next: 0 }
    }

    #[test]
    fn records_open_in_their_order_only() {
        let (mut a, mut b) = (direction(), direction());
        let one = a.seal(Record::Line, b"one").unwrap();
        let two = a.seal(Record::End, b"").unwrap();
        assert!(direction().open(&two).is_err(), "out of order");
        assert_eq!(b.open(&one).unwrap(), (Record::Line, b"one".to_vec()));
        assert_eq!(b.open(&two).unwrap().0, Record::End);
        assert!(b.open(&one).is_err(), "repeated");
    }

    #[test]
    fn a_peer_cannot_command_the_terminal() {
        assert_eq!(printable(b"a\x1b[31mb\tc\x07\xff"), "a\u{fffd}[31mb\tc\u{fffd}\u{fffd}");
    }
}
