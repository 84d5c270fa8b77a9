//! MIKEY in session descriptions: `a=key-mgmt:mikey BASE64` (RFC 4567).
//!
//! The attribute stands at session level, at media level, or both; where a media level has any, those of the session level do
//! not count for it (section 3.1). Several protocols may be offered, the preferred one first (section 4.1.2). So that nobody
//! on the way takes the strong ones out, every message carries the list of all identifiers under its MAC, in a General
//! Extension (sections 4.1.4 and 7).
//!
//! The list is that of the whole description, both levels, in the order of the lines, each identifier once, at its first
//! place: section 4.1.4 asks for all that are offered and shows a description with one level only. An answer names
//! one protocol, of those that were offered at the same place, and carries no list.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use base64ct::{Base64, Encoding};

use super::error::Refused;
use super::limits;
use super::message::Message;
use super::numbers::{ExtensionType, PayloadType};
use super::payloads::{Extension, Payload};

/// The protocol identifier of MIKEY. Case matters.
pub const MIKEY: &str = "mikey";
/// What the attribute's lines begin with.
const PREFIX: &str = "a=key-mgmt:";

/// What is wrong with a line or a description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SdpError {
    /// The line (counted from 1) is not of the attribute's form, or its data are no base64.
    Syntax {
        /// Which.
        line: usize,
    },
    /// Over a limit of [`limits`].
    TooLong {
        /// What: `description`, `line`, `m= lines`, `attributes`, `message`, `protocol identifier`.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// One protocol twice at one place.
    Repeated {
        /// The line that is too much.
        line: usize,
    },
    /// An answer with a protocol that was not offered at that place, or with several.
    NotOffered {
        /// The number of the medium, counted from 1; 0 is the session level.
        medium: usize,
    },
    /// An answer without the attribute where the offer had it.
    Unanswered {
        /// The number of the medium.
        medium: usize,
    },
}

/// One attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyMgmt<'a> {
    /// The protocol identifier.
    pub protocol: &'a str,
    /// The message.
    pub data: Vec<u8>,
    /// The line, counted from 1; 1 for [`KeyMgmt::parse`].
    pub line: usize,
}

/// The line that carries a message, without line end.
///
/// # Errors
/// A message over [`limits::MESSAGE`].
pub fn line(message: &[u8]) -> Result<String, SdpError> {
    if message.len() > limits::MESSAGE {
        return Err(SdpError::TooLong { what: "message", limit: limits::MESSAGE });
    }
    Ok(format!("{PREFIX}{MIKEY} {}", Base64::encode_string(message)))
}

impl<'a> KeyMgmt<'a> {
    /// Reads one line, with or without `a=` and line end: `0*1SP prtcl-id SP keymgmt-data` behind the name.
    ///
    /// Base64 is padded and canonical (RFC 4566 section 9); white space at the end is the line's.
    ///
    /// # Errors
    /// [`SdpError::Syntax`] with line 1, [`SdpError::TooLong`].
    pub fn parse(text: &'a str) -> Result<Self, SdpError> {
        Self::parse_at(text, 1)
    }

    fn parse_at(text: &'a str, line: usize) -> Result<Self, SdpError> {
        let syntax = SdpError::Syntax { line };
        if text.len() > limits::SDP_LINE {
            return Err(SdpError::TooLong { what: "line", limit: limits::SDP_LINE });
        }
        let text = text.trim_end_matches(['\r', '\n', ' ', '\t']);
        let value = text.strip_prefix(PREFIX).or_else(|| text.strip_prefix("key-mgmt:")).ok_or(syntax)?;
        let (protocol, data) = value.strip_prefix(' ').unwrap_or(value).split_once(' ').ok_or(syntax)?;
        if protocol.len() > limits::SDP_PROTOCOL {
            return Err(SdpError::TooLong { what: "protocol identifier", limit: limits::SDP_PROTOCOL });
        }
        if protocol.is_empty() || !protocol.bytes().all(|b| b.is_ascii_alphanumeric()) || data.is_empty() {
            return Err(syntax);
        }
        // The limit of the line bounds what is decoded.
        let data = Base64::decode_vec(data).map_err(|_| syntax)?;
        if data.len() > limits::MESSAGE {
            return Err(SdpError::TooLong { what: "message", limit: limits::MESSAGE });
        }
        Ok(Self { protocol, data, line })
    }
}

/// The key management attributes of a session description; everything else in it is passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description<'a> {
    session: Vec<KeyMgmt<'a>>,
    media: Vec<Vec<KeyMgmt<'a>>>,
}

impl<'a> Description<'a> {
    /// Reads a description; lines end with CRLF or LF.
    ///
    /// # Errors
    /// [`SdpError::Syntax`], [`SdpError::TooLong`], and [`SdpError::Repeated`]: several attributes of one place are for
    /// several protocols, not for options of one (section 4.1.2).
    pub fn parse(text: &'a str) -> Result<Self, SdpError> {
        if text.len() > limits::SDP {
            return Err(SdpError::TooLong { what: "description", limit: limits::SDP });
        }
        let mut out = Self { session: Vec::new(), media: Vec::new() };
        for (number, line) in (1..).zip(text.lines()) {
            if line.starts_with("m=") {
                if out.media.len() == limits::SDP_MEDIA {
                    return Err(SdpError::TooLong { what: "m= lines", limit: limits::SDP_MEDIA });
                }
                out.media.push(Vec::new());
            } else if line.starts_with(PREFIX) {
                let attribute = KeyMgmt::parse_at(line, number)?;
                let place = out.media.last_mut().unwrap_or(&mut out.session);
                if place.len() == limits::SDP_ATTRIBUTES {
                    return Err(SdpError::TooLong { what: "attributes", limit: limits::SDP_ATTRIBUTES });
                }
                if place.iter().any(|a| a.protocol == attribute.protocol) {
                    return Err(SdpError::Repeated { line: number });
                }
                place.push(attribute);
            }
        }
        Ok(out)
    }

    /// The attributes of the session level, the preferred one first.
    #[must_use]
    pub fn session(&self) -> &[KeyMgmt<'a>] {
        &self.session
    }

    /// How many media there are.
    #[must_use]
    pub const fn media(&self) -> usize {
        self.media.len()
    }

    /// What counts for this medium, counted from 1: its own attributes, or those of the session if it has none.
    #[must_use]
    pub fn effective(&self, medium: usize) -> &[KeyMgmt<'a>] {
        match medium.checked_sub(1).and_then(|i| self.media.get(i)) {
            Some(own) if !own.is_empty() => own,
            _ => &self.session,
        }
    }

    /// Every attribute with its place: 0 for the session level, else the number of the medium.
    pub fn all(&self) -> impl Iterator<Item = (usize, &KeyMgmt<'a>)> {
        let media = (1..).zip(&self.media).flat_map(|(n, own)| own.iter().map(move |a| (n, a)));
        self.session.iter().map(|a| (0, a)).chain(media)
    }

    /// The list of protocol identifiers: `mikey;keyp1`.
    #[must_use]
    pub fn protocols(&self) -> String {
        protocol_list(self.all().map(|(_, a)| a.protocol))
    }

    /// Checks an answer: at each place where the offer has attributes, the answer has one, for a protocol offered there; and
    /// none elsewhere (section 4.1.2).
    ///
    /// # Errors
    /// [`SdpError::NotOffered`], [`SdpError::Unanswered`].
    pub fn check_answer(&self, answer: &Self) -> Result<(), SdpError> {
        let count = self.media.len().max(answer.media.len());
        for medium in 0..=count {
            let (offered, chosen) = (self.at(medium), answer.at(medium));
            match chosen {
                [] if offered.is_empty() => {}
                [] => return Err(SdpError::Unanswered { medium }),
                [one] if offered.iter().any(|o| o.protocol == one.protocol) => {}
                _ => return Err(SdpError::NotOffered { medium }),
            }
        }
        Ok(())
    }

    fn at(&self, medium: usize) -> &[KeyMgmt<'a>] {
        match medium.checked_sub(1) {
            None => &self.session,
            Some(i) => self.media.get(i).map_or(&[], Vec::as_slice),
        }
    }
}

/// The list for [`protocol_extension`], of the protocols in the order in which they will be offered; repetitions are left out.
pub fn protocol_list<'a>(protocols: impl Iterator<Item = &'a str>) -> String {
    let mut seen: Vec<&str> = Vec::new();
    for p in protocols {
        if !seen.contains(&p) {
            seen.push(p);
        }
    }
    seen.join(";")
}

/// The payload that carries the list.
#[must_use]
pub const fn protocol_extension(list: &str) -> Payload<'_> {
    Payload::Extension(Extension { kind: ExtensionType::SDP_IDS, data: list.as_bytes() })
}

/// Checks the list inside an offered message against the description that it came in. Call it when the MAC or signature has
/// been verified; before that it proves nothing.
///
/// # Errors
/// [`Refused::Missing`] without a list (section 4.1.4: even an only protocol authenticates its own identifier),
/// [`Refused::Repeated`] with several, [`Refused::Downgrade`] if it is another one.
pub fn verify_offer(message: &Message<'_>, offer: &Description<'_>) -> Result<(), Refused> {
    let mut lists = message.payloads().filter_map(|p| match p {
        Payload::Extension(e) if e.kind == ExtensionType::SDP_IDS => Some(e),
        _ => None,
    });
    match (lists.next(), lists.next()) {
        (None, _) => Err(Refused::Missing(PayloadType::GENERAL_EXT)),
        (Some(_), Some(_)) => Err(Refused::Repeated(PayloadType::GENERAL_EXT)),
        (Some(list), None) if list.data == offer.protocols().as_bytes() => Ok(()),
        (Some(_), None) => Err(Refused::Downgrade),
    }
}

impl fmt::Display for SdpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax { line } => write!(f, "line {line}: not a=key-mgmt:PROTOCOL BASE64"),
            Self::TooLong { what, limit } => write!(f, "{what}: over the limit of {limit}"),
            Self::Repeated { line } => write!(f, "line {line}: this protocol stands at this place twice"),
            Self::NotOffered { medium } => write!(f, "medium {medium}: the answer is not one of what was offered"),
            Self::Unanswered { medium } => write!(f, "medium {medium}: the answer has no key management"),
        }
    }
}

impl core::error::Error for SdpError {}
