//! The outer envelope of a message on a transport: what is not part of the transcript.
//!
//! ```text
//! u8 1 || M_n        u8 2 || cookie (the challenge)        u8 3 || cookie || M1 again, byte-identical
//! u8 4 || u8 reason || u8 count || count u16 suites        an error reply: a hint, which anybody can forge
//! ```

use alloc::vec::Vec;

use super::guard::COOKIE_BYTES;
use super::messages::{MESSAGE_LIMIT, known, read_suite_list, suite_list};
use crate::encoding::{Reader, Writer};
use crate::error::{DecodeError, DecodeReason, Error, PeerError};
use crate::suite::Suite;

/// Longest envelope in bytes.
pub const ENVELOPE_LIMIT: usize = MESSAGE_LIMIT + 1 + COOKIE_BYTES;

/// An envelope, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Envelope<'a> {
    /// A message of the exchange.
    Message(&'a [u8]),
    /// The responder wants this cookie back, with the same M1.
    Challenge([u8; COOKIE_BYTES]),
    /// M1 with the cookie asked for.
    WithCookie([u8; COOKIE_BYTES], &'a [u8]),
    /// The responder says why it does not go on. Unauthenticated: good for a message to a person or a new attempt, never for
    /// a weaker choice than the own list allows.
    Reply(Reason, Vec<Suite>),
}

/// Reasons of an error reply. Deliberately few.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Reason {
    /// The exchange failed.
    Failed = 1,
    /// Another suite is needed; the responder's list follows.
    Suite = 2,
    /// Too busy.
    Busy = 3,
    /// The parameters or the period are not served here, now.
    NotServed = 4,
}

impl Reason {
    /// The reason that may be told for an error; private-key failures are just [`Reason::Failed`].
    pub const fn of(error: &Error) -> Self {
        match error {
            Error::Peer(PeerError::NoCommonSuite) => Self::Suite,
            Error::Peer(PeerError::Busy) => Self::Busy,
            Error::Peer(PeerError::Expired) | Error::Parameters(_) | Error::Key(_) | Error::Identity(_) => {
                Self::NotServed
            }
            _ => Self::Failed,
        }
    }
}

impl<'a> Envelope<'a> {
    /// The bytes to send.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut w = Writer::new();
        match self {
            Self::Message(m) => w.u8(1).bytes(m),
            Self::Challenge(cookie) => w.u8(2).bytes(cookie),
            Self::WithCookie(cookie, m) => w.u8(3).bytes(cookie).bytes(m),
            Self::Reply(reason, suites) => {
                w.u8(4).u8(*reason as u8);
                w.bytes(&suite_list(&suites.iter().map(|s| s.id()).collect::<Vec<_>>()))
            }
        };
        w.finish()
    }

    /// Reads an envelope.
    ///
    /// # Errors
    /// [`DecodeError`]; the message inside is not looked at.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Error> {
        if bytes.len() > ENVELOPE_LIMIT {
            let reason = DecodeReason::TooLong { limit: ENVELOPE_LIMIT, got: bytes.len() };
            return Err(DecodeError::new("envelope", reason).into());
        }
        let mut r = Reader::new(bytes);
        Ok(match r.u8("envelope")? {
            1 => Self::Message(r.rest()),
            2 => {
                let cookie = *r.array("cookie")?;
                r.finish("envelope")?;
                Self::Challenge(cookie)
            }
            3 => Self::WithCookie(*r.array("cookie")?, r.rest()),
            4 => {
                let reason = match r.u8("reason")? {
                    2 => Reason::Suite,
                    3 => Reason::Busy,
                    4 => Reason::NotServed,
                    _ => Reason::Failed,
                };
                let suites = match r.rest() {
                    [0] => Vec::new(),
                    _ => {
                        let ids = read_suite_list(&mut r)?;
                        r.finish("envelope")?;
                        known(&ids)
                    }
                };
                Self::Reply(reason, suites)
            }
            got => return Err(DecodeError::new("envelope", DecodeReason::Unknown { got: got.into() }).into()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_envelope_is_read_as_it_was_written() {
        for e in [
            Envelope::Message(b"m"),
            Envelope::Challenge([7; COOKIE_BYTES]),
            Envelope::WithCookie([8; COOKIE_BYTES], b"m1"),
            Envelope::Reply(Reason::Suite, Suite::PREFERENCE.to_vec()),
            Envelope::Reply(Reason::Busy, Vec::new()),
        ] {
            assert_eq!(Envelope::decode(&e.to_bytes()), Ok(e));
        }
        assert!(
            Envelope::decode(&[]).is_err() && Envelope::decode(&[9]).is_err() && Envelope::decode(&[2, 0]).is_err()
        );
        assert!(Envelope::decode(&[1; ENVELOPE_LIMIT + 1]).is_err());
    }
}
