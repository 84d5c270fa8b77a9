//! The client of a key-generation server: public parameters and private keys over HTTPS (RFC 5408), and a ring of keys.
//!
//! | part | what |
//! | --- | --- |
//! | [`Connector`], [`Trust`] | HTTPS, and whose certificate is believed |
//! | [`parameters`] | fetching public parameters, compared with a pin |
//! | [`key`] | asking for a private key, which is taken only if it is the one asked for |
//! | [`mikey`] | the same for several keys at once over MIKEY, with a pre-shared key |
//! | [`ring`] | keys at rest, each in a file that all commands read; expired ones erased |
//!
//! # What is believed
//! Parameters are the district's because its certificate says so, or because their fingerprint is one that the user has compared
//! ([`parameters::Pin`]). A key is taken if the reply repeats the identity byte for byte, if it opens with the key of this very
//! request, and if the pairing check against the pinned parameters holds: a server, or whoever stands in for it, can refuse a
//! key and cannot give a wrong one. The reply is sealed to a key that never leaves the process, so whoever reads inside TLS,
//! and knows the credential, learns no private key; whoever *acts* inside TLS could put a key of their own into the request.

mod http;
pub mod key;
pub mod mikey;
pub mod parameters;
pub mod ring;
mod tls;

use core::fmt;

pub use http::Connector;
pub use tls::Trust;

use crate::error;
use crate::keyfile;
use crate::kgs::rfc5408;
use crate::mikey::numbers::ErrorNo;

/// Why there is no key, or there are no parameters. `Display` is one sentence for the user.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// Not an `https` URI that can be called.
    Uri,
    /// The server could not be reached, or the connection broke.
    Connection(String),
    /// TLS: the server could not prove who it is.
    Tls(String),
    /// No answer in time.
    Timeout,
    /// An answer that is longer than is read.
    TooLong,
    /// An answer with another status than is understood.
    Status {
        /// The status.
        status: u16,
    },
    /// The credential is not good (401, IBE304 in answer to a credential of the body).
    Unauthentic,
    /// The server is occupied.
    Busy {
        /// Seconds after which it wants to be asked again.
        retry: u64,
    },
    /// An answer that is none of RFC 5408.
    Format(rfc5408::Error),
    /// The server says no (IBE304).
    Denied,
    /// The server says that the request is not one (IBE301), or that this client is obsolete (IBE303).
    Invalid,
    /// The server has failed (IBE300).
    Server,
    /// A credential is to be had at this URI (IBE201).
    Enroll(String),
    /// The key came otherwise than asked for: in the clear instead of sealed, or the reverse.
    Transit,
    /// The parameters are not those that were pinned.
    Pin,
    /// The parameters are another district's, or of another serial.
    OtherParameters,
    /// The parameters do not say where keys are asked for.
    NoPkgUri,
    /// What came is no identity, key or parameters, or does not verify.
    Crypto(error::Error),
    /// An answer of MIKEY that is not used.
    Mikey(crate::mikey::request::Failed),
    /// The server drops the request: the pre-shared key is another one, or the clocks differ; over TCP perhaps it is occupied.
    MikeyDropped,
    /// The server refuses over MIKEY.
    MikeyRefused {
        /// Why.
        number: ErrorNo,
        /// Whether it was the server that said so; otherwise anybody on the way could have.
        authentic: bool,
    },
    /// A file of the ring.
    KeyFile(keyfile::Error),
    /// The ring.
    Ring(crate::kgs::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uri => f.write_str("not an https URI that can be called"),
            Self::Connection(why) => write!(f, "the server cannot be reached: {why}"),
            Self::Tls(why) => write!(f, "the server could not prove who it is: {why}"),
            Self::Timeout => f.write_str("the server does not answer"),
            Self::TooLong => f.write_str("the answer is longer than is read"),
            Self::Status { status } => write!(f, "the server answers with status {status}"),
            Self::Unauthentic => f.write_str("the server does not accept the credential"),
            Self::Busy { retry } => write!(f, "the server is occupied; come again in {retry} s"),
            Self::Format(e) => write!(f, "the answer is not one of RFC 5408: {e}"),
            Self::Denied => f.write_str("the server does not give this key to this user (IBE304)"),
            Self::Invalid => f.write_str("the server does not take the request (IBE301)"),
            Self::Server => f.write_str("the server has failed (IBE300)"),
            Self::Enroll(uri) => write!(f, "the server wants a credential that is to be had at {uri}"),
            Self::Transit => f.write_str("the key came otherwise than asked for, in the clear or sealed"),
            Self::Pin => f.write_str("the parameters are not those that were pinned"),
            Self::OtherParameters => f.write_str("the parameters are those of another district or serial"),
            Self::NoPkgUri => f.write_str("the parameters do not say where keys are asked for"),
            Self::Crypto(e) => e.fmt(f),
            Self::Mikey(e) => write!(f, "the answer is not used: {e}"),
            Self::MikeyDropped => {
                f.write_str("the server drops the request: is the pre-shared key right, and the clock?")
            }
            Self::MikeyRefused { number, authentic: true } => write!(f, "the server refuses: {number}"),
            Self::MikeyRefused { number, authentic: false } => {
                write!(f, "somebody who need not be the server refuses: {number}")
            }
            Self::KeyFile(e) => e.fmt(f),
            Self::Ring(e) => e.fmt(f),
        }
    }
}

impl core::error::Error for Error {}

impl From<rfc5408::Error> for Error {
    fn from(e: rfc5408::Error) -> Self {
        Self::Format(e)
    }
}

impl From<error::Error> for Error {
    fn from(e: error::Error) -> Self {
        Self::Crypto(e)
    }
}

impl From<keyfile::Error> for Error {
    fn from(e: keyfile::Error) -> Self {
        Self::KeyFile(e)
    }
}

impl From<crate::kgs::Error> for Error {
    fn from(e: crate::kgs::Error) -> Self {
        Self::Ring(e)
    }
}
