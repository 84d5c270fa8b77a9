//! Messages on a stream: a `u32` length, then as many bytes. Every length has a limit and every wait a deadline.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use ibake::encoding::Reader;
use ibake::error::{DecodeError, DecodeReason};

use super::from_peer;
use crate::error::{Failure, Kind};

/// A connection on which an exchange runs: each message has to arrive whole within `patience`, all of them before `deadline`.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    patience: Duration,
    deadline: Option<Instant>,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream, patience: Duration) -> Result<Self, Failure> {
        stream.set_nodelay(true).map_err(|e| broken(&e))?;
        stream.set_write_timeout(Some(patience)).map_err(|e| broken(&e))?;
        let deadline = Some(Instant::now() + Duration::from_secs(ibake::ibake::DEADLINE));
        Ok(Self { stream, patience, deadline })
    }

    /// The exchange is over: people may take their time.
    pub(crate) fn without_deadline(mut self) -> Result<Self, Failure> {
        self.deadline = None;
        self.stream.set_read_timeout(None).map_err(|e| broken(&e))?;
        Ok(self)
    }

    /// A second handle, to receive while the first one sends.
    pub(crate) fn duplicate(&self) -> Result<Self, Failure> {
        let stream = self.stream.try_clone().map_err(|e| broken(&e))?;
        Ok(Self { stream, patience: self.patience, deadline: self.deadline })
    }

    pub(crate) fn close(&self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    pub(crate) fn send(&mut self, message: &[u8]) -> Result<(), Failure> {
        let mut frame = Vec::with_capacity(4 + message.len());
        // Messages have their own limits, far below.
        frame.extend_from_slice(&(message.len() as u32).to_be_bytes());
        frame.extend_from_slice(message);
        self.stream.write_all(&frame).map_err(|e| broken(&e))
    }

    /// The next message, of at most `limit` bytes.
    pub(crate) fn receive(&mut self, limit: usize) -> Result<Vec<u8>, Failure> {
        let until = self.deadline.map(|d| d.min(Instant::now() + self.patience));
        let mut length = [0; 4];
        self.fill(&mut length, until)?;
        let got = u32::from_be_bytes(length) as usize;
        if got > limit {
            return Err(from_peer(
                DecodeError::new("length of a message", DecodeReason::TooLong { limit, got }).into(),
            ));
        }
        let mut message = vec![0; got];
        self.fill(&mut message, until)?;
        Ok(message)
    }

    /// Reads with one deadline for all of it, so that a byte now and then does not keep us waiting for ever.
    fn fill(&mut self, mut to: &mut [u8], until: Option<Instant>) -> Result<(), Failure> {
        while !to.is_empty() {
            if let Some(until) = until {
                let left = until.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return Err(self.silent());
                }
                self.stream.set_read_timeout(Some(left)).map_err(|e| broken(&e))?;
            }
            match self.stream.read(to) {
                Ok(0) => return Err(closed()),
                Ok(n) => to = to.get_mut(n..).unwrap_or_default(),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    return Err(self.silent());
                }
                Err(e) => return Err(broken(&e)),
            }
        }
        Ok(())
    }

    fn silent(&self) -> Failure {
        let text = format!("the peer did not answer within {} s", self.patience.as_secs());
        Failure::new(Kind::Io, "timeout", text)
    }
}

fn closed() -> Failure {
    Failure::new(Kind::Io, "closed", "the peer closed the connection in the middle")
}

fn broken(e: &std::io::Error) -> Failure {
    match e.kind() {
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::ConnectionAborted => closed(),
        _ => Failure::new(Kind::Io, "io", format!("the connection failed: {e}")),
    }
}

/// The messages in a recorded stream; an incomplete one at the end is left out.
pub(crate) fn split_frames(stream: &[u8]) -> Vec<&[u8]> {
    let mut r = Reader::new(stream);
    let mut out = Vec::new();
    while let Ok(frame) = r.var32("frame", stream.len()) {
        out.push(frame);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn pair(patience: Duration) -> (Connection, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (Connection::new(stream, patience).unwrap(), listener.accept().unwrap().0)
    }

    #[test]
    fn silence_truncation_and_lengths_beyond_the_limit_are_told_apart() {
        let (mut c, peer) = pair(Duration::from_millis(50));
        assert_eq!(c.receive(100).unwrap_err().code, "timeout");
        drop(peer);
        let (mut c, mut peer) = pair(Duration::from_secs(5));
        peer.write_all(&[0, 0, 0, 2, 7]).unwrap();
        drop(peer);
        assert_eq!(c.receive(100).unwrap_err().code, "closed");
        let (mut c, mut peer) = pair(Duration::from_secs(5));
        peer.write_all(&[0xff; 8]).unwrap();
        assert_eq!(c.receive(100).unwrap_err().code, "peer-garbage");
    }

    #[test]
    fn a_peer_that_drips_is_cut_off() {
        let (mut c, mut peer) = pair(Duration::from_millis(200));
        // All of it would arrive in five seconds; the patience is for the whole message, not for each byte.
        let drip = std::thread::spawn(move || {
            for b in [0, 0, 0, 100].into_iter().chain([1; 100]) {
                if peer.write_all(&[b]).is_err() {
                    break;
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        });
        assert_eq!(c.receive(100).unwrap_err().code, "timeout");
        drop(c);
        drip.join().unwrap();
    }

    #[test]
    fn recorded_frames_are_split() {
        assert_eq!(split_frames(&[0, 0, 0, 1, 9, 0, 0, 0, 0, 0, 0, 0, 5, 1]), [&[9][..], &[]]);
    }
}
