//! The formats of RFC 5408: how public parameters are published and private keys are asked for. Bytes only, no sockets.
//!
//! ```text
//! GET  district URI                      ->  application/ibe-pp-data            base64 of the DER of IBESysParams
//! POST application/ibe-key-request+xml   ->  application/ibe-pkg-reply+xml      IBE100 with IBEPrivateKeyReply, or another code
//! ```
//! | part | what |
//! | --- | --- |
//! | [`parameters_to_text`], [`parameters_from_text`] | `application/ibe-pp-data` (section 4.3) |
//! | [`KeyRequest`] | the request (section 5.3) |
//! | [`Response`] | all response codes (section 5.6) |
//! | [`KeyReply`] | `IBEPrivateKeyReply` (section 5.6.1) |
//!
//! # The key to which the answer is sealed
//! RFC 5408 sends private keys in the clear inside TLS. So that whoever reads inside TLS learns none, a request carries an HPKE
//! key in an element of ours, which other servers pass over; and a sealed key is marked by an option of ours in `pkgOptions`,
//! which keeps clients that do not know it from using the bytes (a MUST of section 5.6.1).
//!
//! Our readings of the RFC: SPEC.md chapter 14.

mod reply;
mod request;
mod response;
mod xml;

use core::fmt;

use base64ct::{Base64, Encoding};
use zeroize::Zeroizing;

pub use reply::{KeyReply, REPLY_MAX, Receipt};
pub use request::{KeyRequest, Proof};
pub use response::Response;

use crate::encoding::lp;
use crate::error::Error as CoreError;
use crate::ibe::params::PARAMETERS_MAX;
use crate::ibe::{Identity, PublicParameters};
use crate::kdf::{hash, label};
use crate::suite::labels;

/// Media type of parameters.
pub const PARAMETERS_TYPE: &str = "application/ibe-pp-data";
/// Media type of requests.
pub const REQUEST_TYPE: &str = "application/ibe-key-request+xml";
/// Media type of responses.
pub const RESPONSE_TYPE: &str = "application/ibe-pkg-reply+xml";
/// The namespace of RFC 5408.
pub const NAMESPACE: &str = "urn:ietf:params:xml:ns:ibe";
/// The namespace of our elements: the UUID below which our object identifiers stand.
pub const OWN_NAMESPACE: &str = "urn:uuid:42be94c7-e87a-4553-b5a0-ce81c3f08b20";
/// Longest XML that is read, either way.
pub const XML_MAX: usize = 16_384;
/// Longest text of parameters: base64, and line ends.
pub const TEXT_MAX: usize = 2 * PARAMETERS_MAX;

/// Why bytes are no request, response or parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// Longer than is read.
    TooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// Not well-formed XML.
    Syntax,
    /// A byte that is not ASCII.
    NotAscii,
    /// A document type, a processing instruction, a CDATA section, or an entity but the five: refused whatever it says.
    Forbidden(&'static str),
    /// Deeper, or more of something, than is read.
    Limit(&'static str),
    /// Another root element, or another namespace.
    Root,
    /// An element or attribute that must be there is not.
    Missing(&'static str),
    /// An element is there twice.
    Repeated(&'static str),
    /// An element stands where it must not, or has content that it must not have.
    Unexpected(&'static str),
    /// Not base64.
    Base64(&'static str),
    /// A field is not what it should be.
    Field(&'static str),
    /// A response code that the RFC does not have.
    Code,
    /// An option that we do not know: the key must not be used (RFC 5408 section 5.6.1).
    UnknownOption,
    /// What is inside is no identity, key or parameters.
    Inner(CoreError),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { limit } => write!(f, "longer than {limit} bytes"),
            Self::Syntax => f.write_str("not well-formed XML"),
            Self::NotAscii => f.write_str("not US-ASCII"),
            Self::Forbidden(what) => write!(f, "{what} is not accepted"),
            Self::Limit(what) => write!(f, "too many or too long: {what}"),
            Self::Root => f.write_str("another root element or namespace"),
            Self::Missing(what) => write!(f, "{what} is missing"),
            Self::Repeated(what) => write!(f, "{what} is there twice"),
            Self::Unexpected(what) => write!(f, "{what} does not belong there"),
            Self::Base64(what) => write!(f, "{what} is not base64"),
            Self::Field(what) => write!(f, "{what} is not acceptable"),
            Self::Code => f.write_str("unknown response code"),
            Self::UnknownOption => f.write_str("the key comes with an option that is not known and must not be used"),
            Self::Inner(e) => e.fmt(f),
        }
    }
}

impl core::error::Error for Error {}

impl From<CoreError> for Error {
    fn from(e: CoreError) -> Self {
        Self::Inner(e)
    }
}

impl From<crate::error::DecodeError> for Error {
    fn from(e: crate::error::DecodeError) -> Self {
        Self::Inner(e.into())
    }
}

/// `info` of the seal around a key: the request, whole.
pub fn sealed_info(request: &[u8]) -> Vec<u8> {
    [label(labels::KGS_ISSUE).as_ref(), &hash(&[request])].concat()
}

/// `aad` of the seal: whose key it is, under which parameters.
pub fn sealed_aad(fingerprint: &[u8; 32], identity: &Identity) -> Vec<u8> {
    [&fingerprint[..], &lp(identity.der()), identity.der()].concat()
}

/// `application/ibe-pp-data`: base64 on one line, with its end.
pub fn parameters_to_text(parameters: &PublicParameters) -> String {
    let mut out = Base64::encode_string(&parameters.to_der());
    out.push('\n');
    out
}

/// Reads `application/ibe-pp-data`; white space between the characters is passed over, since others break lines.
///
/// # Errors
/// [`Error::TooLong`], [`Error::Base64`], [`Error::Inner`] for what [`PublicParameters::from_der`] refuses.
pub fn parameters_from_text(text: &[u8]) -> Result<PublicParameters, Error> {
    if text.len() > TEXT_MAX {
        return Err(Error::TooLong { limit: TEXT_MAX });
    }
    let text = core::str::from_utf8(text).map_err(|_| Error::NotAscii)?;
    Ok(PublicParameters::from_der(&unbase64("parameters", text)?)?)
}

/// Base64 with padding, white space passed over. What comes out may be secret.
fn unbase64(what: &'static str, text: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
    let mut tight = Zeroizing::new(String::with_capacity(text.len()));
    tight.extend(text.chars().filter(|c| !matches!(c, ' ' | '\t' | '\r' | '\n')));
    // Into a buffer of the right size at once: one that grows leaves copies behind.
    let mut out = Zeroizing::new(vec![0; tight.len() / 4 * 3]);
    let n = Base64::decode(tight.as_bytes(), &mut out).map_err(|_| Error::Base64(what))?.len();
    out.truncate(n);
    Ok(out)
}
