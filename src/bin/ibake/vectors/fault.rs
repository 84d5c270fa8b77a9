//! Why a case has no values: refused by the library, which may be right, or broken.

use ibake::error::{DecodeReason, Error, IdentityError, KeyError, ParametersError, PeerError, UsageError};
use ibake::keyfile;
use ibake::mikey;
use ibake::mikey::call::{CallError, CallRefusal};

/// What stopped the computation of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// An error of the library, by its name in SPEC.md.
    Refused(String),
    /// The case itself is malformed.
    Malformed(String),
    /// Two ways to compute the same disagree.
    Disagrees(String),
}

pub(crate) fn malformed(what: impl Into<String>) -> Fault {
    Fault::Malformed(what.into())
}

/// Fails unless a value that was computed in two ways is the same.
pub(crate) fn agree(what: &str, same: bool) -> Result<(), Fault> {
    if same { Ok(()) } else { Err(Fault::Disagrees(format!("{what} differs from the formula"))) }
}

impl From<Error> for Fault {
    fn from(e: Error) -> Self {
        Self::Refused(name(&e))
    }
}

macro_rules! from_part {
    ($($part:ty),*) => {$(
        impl From<$part> for Fault {
            fn from(e: $part) -> Self { Self::from(Error::from(e)) }
        }
    )*};
}
from_part!(ibake::error::DecodeError, IdentityError, ParametersError, KeyError, PeerError, UsageError);

impl From<keyfile::Error> for Fault {
    fn from(e: keyfile::Error) -> Self {
        use keyfile::Error as E;
        Self::Refused(format!(
            "Envelope({})",
            match e {
                E::NotAnEnvelope => "NotAnEnvelope",
                E::Unsupported => "Unsupported",
                E::Truncated => "Truncated",
                E::Trailing => "Trailing",
                E::Kind { .. } => "Kind",
                E::NeedsPassphrase | E::NeedsKeyFile => "Protection",
                E::Cost => "Cost",
                E::WrongSecret => "WrongSecret",
                E::EmptyPassphrase => "EmptyPassphrase",
                E::PlaintextTooLong { .. } => "TooLong",
                _ => "Other",
            }
        ))
    }
}

impl From<CallError> for Fault {
    fn from(e: CallError) -> Self {
        match e {
            CallError::Protocol(e) => e.into(),
            CallError::Message(e) => e.into(),
            CallError::Refused(e) => Self::Refused(format!("Call({})", refusal(&e))),
            other => Self::Refused(format!("{other:?}")),
        }
    }
}

impl From<CallRefusal> for Fault {
    fn from(e: CallRefusal) -> Self {
        CallError::from(e).into()
    }
}

impl From<mikey::Error> for Fault {
    fn from(e: mikey::Error) -> Self {
        Self::Refused(match e {
            mikey::Error::Parse(_) => "Message(Malformed)".into(),
            mikey::Error::Unauthentic => "opaque".into(),
            _ => "Message(Refused)".into(),
        })
    }
}

/// What a call is refused for, by its name in SPEC.md 13.11.7.
fn refusal(e: &CallRefusal) -> String {
    match e {
        CallRefusal::Unexpected { .. } => "Unexpected".into(),
        CallRefusal::OtherCall(what) => format!("OtherCall: {what}"),
        CallRefusal::Timestamp(_) => "Timestamp".into(),
        CallRefusal::Sessions(_) => "Sessions".into(),
        CallRefusal::NoPolicy { .. } => "NoPolicy".into(),
        CallRefusal::Branches { .. } => "Branches".into(),
        CallRefusal::EskMisplaced { .. } => "EskMisplaced".into(),
        other => format!("{other:?}"),
    }
}

/// An error by its name in SPEC.md section 1.2. What the text leaves to the reader of DER is just `Decode`.
pub(crate) fn name(e: &Error) -> String {
    match e {
        Error::Decode(e) => match reason(&e.reason) {
            "" => "Decode".into(),
            reason => format!("Decode({reason})"),
        },
        Error::Identity(e) => format!("Identity({})", identity(e)),
        Error::Parameters(e) => format!("Parameters({e:?})"),
        Error::Key(e) => format!("Key({e:?})"),
        Error::Peer(PeerError::UnexpectedMessage { .. }) => "Peer(UnexpectedMessage)".into(),
        Error::Peer(e) => format!("Peer({e:?})"),
        Error::Decrypt => "opaque".into(),
        Error::Usage(UsageError::TooMany { .. }) => "Usage(TooMany)".into(),
        Error::Usage(e) => format!("Usage({e:?})"),
        _ => "Random".into(),
    }
}

const fn reason(r: &DecodeReason) -> &'static str {
    match r {
        DecodeReason::Truncated { .. } => "Truncated",
        DecodeReason::Trailing { .. } => "Trailing",
        DecodeReason::TooLong { .. } => "TooLong",
        DecodeReason::Version { .. } => "Version",
        DecodeReason::Unknown { .. } => "Unknown",
        DecodeReason::NotCanonical => "NotCanonical",
        DecodeReason::NotOnCurve => "NotOnCurve",
        DecodeReason::NotInSubgroup => "NotInSubgroup",
        DecodeReason::Infinity => "Infinity",
        DecodeReason::Text => "Text",
        DecodeReason::Inconsistent => "Inconsistent",
        _ => "",
    }
}

fn identity(e: &IdentityError) -> String {
    match e {
        IdentityError::TooLong { .. } => "TooLong".into(),
        IdentityError::BadByte { .. } => "BadByte".into(),
        IdentityError::Syntax(what) => format!("Syntax: {what}"),
        IdentityError::NotNormal(rule) => format!("NotNormal: {rule}"),
        other => format!("{other:?}"),
    }
}

/// Structures in DER: where the text names no reason, only that they are refused counts.
pub(crate) fn der<T>(result: Result<T, Error>) -> Result<T, Fault> {
    result.map_err(|e| match e {
        Error::Decode(d) if matches!(d.reason, DecodeReason::Truncated { .. } | DecodeReason::Trailing { .. }) => {
            Fault::Refused("Decode".into())
        }
        e => e.into(),
    })
}
