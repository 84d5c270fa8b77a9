//! Errors, split by who is at fault.
//!
//! Everything that is found out with the help of a private key is the one unit variant [`Error::Decrypt`]: no reason, no
//! detail, the same work. Every other variant depends on public data only and may say what it likes.

use core::fmt;

/// What went wrong, by who is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are not of the format at all (found before any private key is used).
    Decode(DecodeError),
    /// A name or validity period that this system does not accept.
    Identity(IdentityError),
    /// Public parameters that cannot be used.
    Parameters(ParametersError),
    /// A private key that does not serve the purpose.
    Key(KeyError),
    /// The peer broke the protocol or asked for what we refuse; public information only.
    Peer(PeerError),
    /// Something that was sealed did not open. Deliberately without a reason.
    Decrypt,
    /// The caller asked for what the API does not allow.
    Usage(UsageError),
    /// The random generator failed.
    Random,
}

/// Bytes that are not what they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// The field that was being read.
    pub what: &'static str,
    /// What was wrong with it.
    pub reason: DecodeReason,
}

/// The reasons of a [`DecodeError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeReason {
    /// The input ended early.
    Truncated {
        /// Bytes still needed.
        expected: usize,
        /// Bytes left.
        got: usize,
    },
    /// Bytes follow the end of the structure.
    Trailing {
        /// How many.
        extra: usize,
    },
    /// Longer than the limit.
    TooLong {
        /// The limit in bytes (or items).
        limit: usize,
        /// What was found.
        got: usize,
    },
    /// Not the version this code speaks.
    Version {
        /// The version found.
        got: u32,
    },
    /// An identifier that is not registered.
    Unknown {
        /// The identifier found.
        got: u32,
    },
    /// A point encoding with coordinates out of range or contradictory flags.
    NotCanonical,
    /// A point that is not on the curve.
    NotOnCurve,
    /// A point outside the prime-order subgroup.
    NotInSubgroup,
    /// The point at infinity where a protocol message must not have it.
    Infinity,
    /// Not canonical DER of the expected structure.
    Der,
    /// Not valid base64, hexadecimal or text armour.
    Text,
    /// A value that contradicts another field.
    Inconsistent,
}

/// A name or period that is not acceptable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdentityError {
    /// Nothing there.
    Empty,
    /// Longer than the limit in bytes.
    TooLong {
        /// The limit.
        limit: usize,
        /// What was found.
        got: usize,
    },
    /// A NUL, control character, space or non-ASCII byte at this offset.
    BadByte {
        /// Offset into the name.
        at: usize,
    },
    /// Neither a SIP, SIPS or TEL URI nor a NAI.
    UnknownForm,
    /// The form is known, the syntax is wrong; the field that is.
    Syntax(&'static str),
    /// Correct, but not in normal form; the rule that it breaks.
    NotNormal(&'static str),
    /// A period that does not begin on a boundary of its granularity.
    OffGrid,
    /// A time that the calendar of GeneralizedTime cannot hold.
    TimeRange,
    /// A district URI that is not acceptable.
    District,
    /// A serial that is zero or beyond 64 bits.
    Serial,
}

/// Public parameters that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParametersError {
    /// The proof of possession of the master key is false.
    Possession,
    /// An algorithm that is not ours.
    Algorithm,
    /// An extension that must be understood and is not.
    Extension,
    /// The time of use is outside the parameters' validity.
    NotValidAt,
    /// The identity's period is not inside the parameters' validity.
    PeriodOutside,
    /// Not the parameters of this district and serial.
    Mismatch,
    /// The readable lines of the armour contradict its content.
    Armour,
    /// Not known to the caller's store of parameters.
    Unknown,
    /// The signature of an introduction is false.
    Introduction,
}

/// A private key that does not serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /// The key is not the extraction of its identity under these parameters.
    NotGenuine,
    /// The key belongs to other parameters (fingerprints differ).
    OtherParameters,
    /// The key's period does not contain the time of use.
    Expired,
    /// No key held for the identity, serial and period that is asked for.
    Missing,
    /// A signing identity where a decryption identity is needed, or the reverse.
    Purpose,
}

/// What a peer did that is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PeerError {
    /// A message of another type than the state waits for.
    UnexpectedMessage {
        /// The type awaited.
        expected: u8,
        /// The type found.
        got: u8,
    },
    /// A message of another exchange (session identifiers differ).
    OtherSession,
    /// No suite in common.
    NoCommonSuite,
    /// The identity's period does not contain the present.
    Expired,
    /// The message was seen before.
    Replay,
    /// The deadline of the exchange has passed.
    Deadline,
    /// Initiator and responder are the same identity and the caller did not allow it.
    SameIdentity,
    /// The cookie is not ours or too old.
    BadCookie,
    /// The cache of recent exchanges is full.
    Busy,
    /// The signature is not the signer's on this message.
    Signature,
}

/// The caller's own mistakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UsageError {
    /// An empty list where at least one item is needed.
    Empty,
    /// More than the limit.
    TooMany {
        /// The limit.
        limit: usize,
        /// What was asked for.
        got: usize,
    },
    /// A secret with fewer bytes than are accepted.
    TooShort {
        /// The least.
        least: usize,
        /// What was given.
        got: usize,
    },
    /// Two items of a list are the same.
    Duplicate,
    /// A time before what the state has already seen.
    ClockWentBack,
    /// An operation in a state that does not have it.
    WrongState,
    /// An output longer than the derivation can give.
    OutputTooLong,
}

impl Error {
    /// A stable machine-readable code, `layer.reason`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Decode(_) => "decode",
            Self::Identity(_) => "identity",
            Self::Parameters(_) => "parameters",
            Self::Key(_) => "key",
            Self::Peer(_) => "peer",
            Self::Decrypt => "decrypt",
            Self::Usage(_) => "usage",
            Self::Random => "random",
        }
    }
}

impl DecodeError {
    /// An error in field `what`.
    pub const fn new(what: &'static str, reason: DecodeReason) -> Self {
        Self { what, reason }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decode(e) => e.fmt(f),
            Self::Identity(e) => e.fmt(f),
            Self::Parameters(e) => e.fmt(f),
            Self::Key(e) => e.fmt(f),
            Self::Peer(e) => e.fmt(f),
            Self::Decrypt => f.write_str("cannot be opened with this key"),
            Self::Usage(e) => e.fmt(f),
            Self::Random => f.write_str("the random generator failed"),
        }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.what)?;
        match self.reason {
            DecodeReason::Truncated { expected, got } => write!(f, "needs {expected} bytes, {got} are left"),
            DecodeReason::Trailing { extra } => write!(f, "{extra} bytes too many"),
            DecodeReason::TooLong { limit, got } => write!(f, "{got} is over the limit of {limit}"),
            DecodeReason::Version { got } => write!(f, "version {got} is not known"),
            DecodeReason::Unknown { got } => write!(f, "identifier {got:#06x} is not known"),
            DecodeReason::NotCanonical => f.write_str("not a canonical encoding"),
            DecodeReason::NotOnCurve => f.write_str("not a point of the curve"),
            DecodeReason::NotInSubgroup => f.write_str("not in the prime-order subgroup"),
            DecodeReason::Infinity => f.write_str("the point at infinity is not allowed here"),
            DecodeReason::Der => f.write_str("not canonical DER"),
            DecodeReason::Text => f.write_str("not valid text encoding"),
            DecodeReason::Inconsistent => f.write_str("contradicts another field"),
        }
    }
}

impl fmt::Display for IdentityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the name is empty"),
            Self::TooLong { limit, got } => write!(f, "the name has {got} bytes, the limit is {limit}"),
            Self::BadByte { at } => write!(f, "the name has a byte that is not allowed at offset {at}"),
            Self::UnknownForm => f.write_str("the name is no sip:, sips: or tel: URI and no user@domain"),
            Self::Syntax(what) => write!(f, "the name is malformed: {what}"),
            Self::NotNormal(rule) => write!(f, "the name is not in normal form: {rule}"),
            Self::OffGrid => f.write_str("the period does not begin on a boundary of its granularity"),
            Self::TimeRange => f.write_str("the time is outside the years 1970 to 9999"),
            Self::District => f.write_str("the district is not an acceptable URI"),
            Self::Serial => f.write_str("the serial must be between 1 and 2^64 - 1"),
        }
    }
}

impl fmt::Display for ParametersError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Possession => "the parameters' proof of possession is false",
            Self::Algorithm => "the parameters are for another algorithm",
            Self::Extension => "the parameters have an extension that is not understood",
            Self::NotValidAt => "the parameters are not valid at this time",
            Self::PeriodOutside => "the period is outside the parameters' validity",
            Self::Mismatch => "these are the parameters of another district or serial",
            Self::Armour => "the readable lines contradict the parameters below them",
            Self::Unknown => "no parameters are known for this district and serial",
            Self::Introduction => "the signature of the introduction is false",
        })
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotGenuine => "the key was not issued for this identity under these parameters",
            Self::OtherParameters => "the key belongs to other public parameters",
            Self::Expired => "the key's period does not contain this time",
            Self::Missing => "no key is held for the identity and period asked for",
            Self::Purpose => "the key is for another purpose",
        })
    }
}

impl fmt::Display for PeerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnexpectedMessage { expected, got } => {
                write!(f, "the peer sent message type {got} where {expected} is due")
            }
            Self::OtherSession => f.write_str("the message belongs to another exchange"),
            Self::NoCommonSuite => f.write_str("no suite in common"),
            Self::Expired => f.write_str("the period of an identity does not contain the present"),
            Self::Replay => f.write_str("the message was seen before"),
            Self::Deadline => f.write_str("the exchange took too long"),
            Self::SameIdentity => f.write_str("both ends have the same identity"),
            Self::BadCookie => f.write_str("the cookie is not ours or too old"),
            Self::Busy => f.write_str("too many exchanges at once"),
            Self::Signature => f.write_str("the signature is false"),
        }
    }
}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the list is empty"),
            Self::TooMany { limit, got } => write!(f, "{got} items, the limit is {limit}"),
            Self::TooShort { least, got } => write!(f, "{got} bytes, at least {least} are needed"),
            Self::Duplicate => f.write_str("the list has an item twice"),
            Self::ClockWentBack => f.write_str("the clock went back"),
            Self::WrongState => f.write_str("not possible in this state"),
            Self::OutputTooLong => f.write_str("more output than the derivation gives"),
        }
    }
}

macro_rules! from_part {
    ($($part:ident => $variant:ident),*) => {$(
        impl From<$part> for Error {
            fn from(e: $part) -> Self { Self::$variant(e) }
        }
        impl core::error::Error for $part {}
    )*};
}
from_part!(DecodeError => Decode, IdentityError => Identity, ParametersError => Parameters, KeyError => Key,
    PeerError => Peer, UsageError => Usage);
impl core::error::Error for Error {}
