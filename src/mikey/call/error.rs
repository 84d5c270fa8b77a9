//! What can end or hold up a call, by who is at fault.

use alloc::boxed::Box;
use core::fmt;

use crate::error::{DecodeError, Error, KeyError, ParametersError, PeerError, UsageError};
use crate::mikey::error::{self as mikey, ParseError, Refused};
use crate::mikey::numbers::{DataType, ErrorNo};
use crate::mikey::time::Freshness;

/// Why a step of a call was not made.
///
/// Everything found out with a private key is [`Error::Decrypt`] inside [`CallError::Protocol`], everything found out with
/// the authentication key is [`mikey::Error::Unauthentic`] inside [`CallError::Message`]: one value each, without a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallError {
    /// Not a message, not one that may be used, or its tag is wrong.
    Message(mikey::Error),
    /// Keys, parameters, identities, deadlines, randomness, and the opaque error.
    Protocol(Error),
    /// A message that is well formed, and what it asks for is refused.
    Refused(CallRefusal),
}

/// Why a call is refused; all of it shows without a secret, or in a message that opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallRefusal {
    /// A message of another type than the state waits for.
    Unexpected {
        /// The type awaited.
        expected: DataType,
        /// The type found.
        got: DataType,
    },
    /// Bundle, timestamp, RAND, identity, PRF or crypto sessions are not those of this call; the field that differs.
    OtherCall(&'static str),
    /// The timestamp is not within the skew, or no time at all.
    Timestamp(Freshness),
    /// The timestamp is not later than the last one of this call.
    NotLater,
    /// The crypto sessions cannot be used; what is wrong with them.
    Sessions(&'static str),
    /// No policy that was offered for this crypto session is accepted.
    NoPolicy {
        /// The crypto session.
        cs_id: u8,
    },
    /// The other end does not use the profile `bound`, and only that is accepted here.
    NotBound,
    /// Both ends began an update at once, and ours goes on.
    Glare,
    /// As many branches have answered as may.
    Branches {
        /// The limit.
        limit: usize,
    },
    /// The other end is who was called, and did not open what was sealed to them.
    NotOpened,
    /// Nothing is awaited: the call, fork or update is over.
    Closed,
    /// I_MESSAGE_2 has no ESK although the first message was not opened (RFC 6267 section 4.2.2.5).
    NoEsk,
    /// An ESK in a message that has none here: in any but I_MESSAGE_2.
    EskMisplaced {
        /// The message.
        got: DataType,
    },
    /// The sender did not sign what was left, and only what is signed is accepted here.
    Unsigned,
}

impl CallError {
    /// The number of an error message that may be sent for this. Few on purpose: what was found out with a secret is
    /// [`ErrorNo::UNSPECIFIED`].
    #[must_use]
    pub fn number(&self) -> ErrorNo {
        match self {
            Self::Refused(CallRefusal::Timestamp(_) | CallRefusal::NotLater) => ErrorNo::INVALID_TS,
            Self::Refused(CallRefusal::Sessions(_) | CallRefusal::NoPolicy { .. }) => ErrorNo::INVALID_SP,
            Self::Refused(CallRefusal::Unexpected { .. }) => ErrorNo::INVALID_DT,
            Self::Protocol(Error::Peer(PeerError::NoCommonSuite)) => ErrorNo::INVALID_DH,
            Self::Protocol(Error::Identity(_) | Error::Parameters(_) | Error::Key(_)) => ErrorNo::INVALID_ID,
            Self::Message(mikey::Error::Refused(Refused::Algorithm { what: "PRF func", .. })) => ErrorNo::INVALID_PRF,
            _ => ErrorNo::UNSPECIFIED,
        }
    }
}

/// A message that was not accepted, and the state as it was before it: the next message may be the right one.
///
/// `state` is `None` when nothing can follow: the deadline has passed or too many bad messages came. Everything secret of it
/// has been wiped then.
#[derive(Debug)]
pub struct Failed<S> {
    /// Why.
    pub error: CallError,
    /// To go on with.
    pub state: Option<S>,
}

impl<S> Failed<S> {
    pub(super) fn new(error: impl Into<CallError>, state: Option<S>) -> Box<Self> {
        Box::new(Self { error: error.into(), state })
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(e) => e.fmt(f),
            Self::Protocol(e) => e.fmt(f),
            Self::Refused(e) => e.fmt(f),
        }
    }
}

impl fmt::Display for CallRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unexpected { expected, got } => write!(f, "message {got} where {expected} is due"),
            Self::OtherCall(what) => write!(f, "the message belongs to another call: {what} differs"),
            Self::Timestamp(what) => write!(f, "the timestamp is not accepted: {what:?}"),
            Self::NotLater => f.write_str("the timestamp is not later than the last one"),
            Self::Sessions(what) => write!(f, "crypto sessions: {what}"),
            Self::NoPolicy { cs_id } => write!(f, "no policy offered for crypto session {cs_id} is accepted"),
            Self::NotBound => f.write_str("the other end does not bind the keys to the messages"),
            Self::Glare => f.write_str("both ends began an update, and ours goes on"),
            Self::Branches { limit } => write!(f, "{limit} branches have answered, more are not followed"),
            Self::NotOpened => f.write_str("the called party did not open the first message"),
            Self::Closed => f.write_str("nothing is awaited any more"),
            Self::NoEsk => f.write_str("the first message was not opened, and no ESK came with the second"),
            Self::EskMisplaced { got } => write!(f, "an ESK in {got}"),
            Self::Unsigned => f.write_str("the sender did not sign what was left for us"),
        }
    }
}

impl core::error::Error for CallError {}
impl core::error::Error for CallRefusal {}

macro_rules! from {
    ($($from:ty => $to:expr,)*) => {$(
        impl From<$from> for CallError {
            fn from(e: $from) -> Self {
                $to(e.into())
            }
        }
    )*};
}

from! {
    mikey::Error => Self::Message,
    ParseError => Self::Message,
    Refused => Self::Message,
    Error => Self::Protocol,
    DecodeError => Self::Protocol,
    KeyError => Self::Protocol,
    ParametersError => Self::Protocol,
    PeerError => Self::Protocol,
    UsageError => Self::Protocol,
    crate::error::IdentityError => Self::Protocol,
    CallRefusal => Self::Refused,
}
