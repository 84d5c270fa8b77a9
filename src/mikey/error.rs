//! What can be wrong with a message, by who is at fault.

use core::fmt;

use super::numbers::PayloadType;
use crate::error::{DecodeError, DecodeReason};

/// Bytes that are no MIKEY message: where, in which payload, at which field, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// Where the payload stands that was being read: `HDR`, `KEMAC`, ..
    pub payload: &'static str,
    /// Offset of the field from the first byte of what was parsed.
    pub offset: usize,
    /// The field, as the RFC calls it.
    pub field: &'static str,
    /// What is wrong with it.
    pub reason: Reason,
}

/// The reasons of a [`ParseError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// The input ends early.
    Truncated {
        /// Bytes needed.
        expected: usize,
        /// Bytes left.
        got: usize,
    },
    /// Bytes follow the last payload.
    Trailing {
        /// How many.
        extra: usize,
    },
    /// Over a limit of [`super::limits`].
    TooLong {
        /// The limit.
        limit: usize,
        /// What was found.
        got: usize,
    },
    /// Not MIKEY version 1.
    Version {
        /// The version found.
        got: u8,
    },
    /// A number that decides over a length and that is not known, so that nothing behind it can be found.
    Unknown {
        /// The number.
        got: u32,
    },
    /// A payload that must not stand here.
    Misplaced {
        /// Its type.
        got: PayloadType,
    },
    /// Padding that is not zero.
    NotZero,
    /// A value that contradicts another field.
    Inconsistent,
}

/// Why something that is well formed is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refused {
    /// Keys in KEMAC without encryption, in a message for which no RFC allows that.
    NullEncryption,
    /// No MAC where one is needed.
    NullMac,
    /// An algorithm that is not implemented or does not go with this message.
    Algorithm {
        /// Which choice: `Encr alg`, `MAC alg`, `PRF func`.
        what: &'static str,
        /// The number.
        got: u8,
    },
    /// A payload that is needed is not there.
    Missing(PayloadType),
    /// A payload of which there can be one only stands there several times.
    Repeated(PayloadType),
    /// The length of a key or of data does not go with the algorithm.
    Length {
        /// Which key or data.
        what: &'static str,
        /// Its length in bytes.
        got: usize,
    },
    /// A value does not fit into its field, or fields contradict each other; for messages that are being built.
    Field(&'static str),
    /// The list of key management protocols inside the message is not that of the session description.
    Downgrade,
}

/// Everything that can go wrong here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// Not a message.
    Parse(ParseError),
    /// A message that is not used, found out without a secret.
    Refused(Refused),
    /// A tag is wrong or a wrapped key does not unwrap. Deliberately without a reason.
    Unauthentic,
}

impl From<ParseError> for Error {
    fn from(e: ParseError) -> Self {
        Self::Parse(e)
    }
}

impl From<Refused> for Error {
    fn from(e: Refused) -> Self {
        Self::Refused(e)
    }
}

/// Field and reason stay, payload and offset are lost.
impl From<ParseError> for DecodeError {
    fn from(e: ParseError) -> Self {
        Self::new(
            e.field,
            match e.reason {
                Reason::Truncated { expected, got } => DecodeReason::Truncated { expected, got },
                Reason::Trailing { extra } => DecodeReason::Trailing { extra },
                Reason::TooLong { limit, got } => DecodeReason::TooLong { limit, got },
                Reason::Version { got } => DecodeReason::Version { got: got.into() },
                Reason::Unknown { got } => DecodeReason::Unknown { got },
                Reason::NotZero => DecodeReason::NotCanonical,
                Reason::Misplaced { .. } | Reason::Inconsistent => DecodeReason::Inconsistent,
            },
        )
    }
}

/// For callers that handle one error type only: parts that [`crate::error::Error`] has no words for become
/// [`DecodeReason::Inconsistent`] of the field concerned.
impl From<Error> for crate::error::Error {
    fn from(e: Error) -> Self {
        match e {
            Error::Parse(e) => Self::Decode(e.into()),
            Error::Unauthentic => Self::Decrypt,
            Error::Refused(r) => {
                let what = match r {
                    Refused::NullEncryption => "Encr alg",
                    Refused::NullMac => "MAC alg",
                    Refused::Algorithm { what, .. } | Refused::Length { what, .. } | Refused::Field(what) => what,
                    Refused::Missing(p) | Refused::Repeated(p) => p.name().unwrap_or("payload"),
                    Refused::Downgrade => "SDP IDs",
                };
                Self::Decode(DecodeError::new(what, DecodeReason::Inconsistent))
            }
        }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {} at offset {}: ", self.payload, self.field, self.offset)?;
        match self.reason {
            Reason::Truncated { expected, got } => write!(f, "needs {expected} bytes, {got} are left"),
            Reason::Trailing { extra } => write!(f, "{extra} bytes after the end"),
            Reason::TooLong { limit, got } => write!(f, "{got} is over the limit of {limit}"),
            Reason::Version { got } => write!(f, "version {got} is not MIKEY version 1"),
            Reason::Unknown { got } => write!(f, "{got} is not known, so the length is not known either"),
            Reason::Misplaced { got } => write!(f, "payload {got} must not stand here"),
            Reason::NotZero => f.write_str("padding is not zero"),
            Reason::Inconsistent => f.write_str("contradicts another field"),
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NullEncryption => f.write_str("keys are sent without encryption"),
            Self::NullMac => f.write_str("there is no MAC where one is needed"),
            Self::Algorithm { what, got } => write!(f, "{what} {got} is not accepted here"),
            Self::Missing(p) => write!(f, "payload {p} is missing"),
            Self::Repeated(p) => write!(f, "payload {p} stands there several times"),
            Self::Length { what, got } => write!(f, "{what} cannot have {got} bytes"),
            Self::Field(what) => write!(f, "{what} does not fit"),
            Self::Downgrade => {
                f.write_str("the list of key management protocols is not that of the session description")
            }
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parse(e) => e.fmt(f),
            Self::Refused(e) => e.fmt(f),
            Self::Unauthentic => f.write_str("not authentic, or for another key"),
        }
    }
}

impl core::error::Error for ParseError {}
impl core::error::Error for Refused {}
impl core::error::Error for Error {}
