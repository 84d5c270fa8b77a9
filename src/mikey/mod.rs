//! MIKEY, Multimedia Internet KEYing: messages, algorithms and session descriptions.
//!
//! RFC 3830 with what RFC 4563, 4567, 4650, 4738, 6043, 6267 and 6509 add. This layer reads and writes bytes and derives keys;
//! it knows no mode, so it serves all of them; the calls and key requests of RFC 6267 stand on top, in [`call`] and
//! [`request`]. There is no clock, no socket and no file.
//!
//! ```
//! use ibake::mikey::numbers::{DataType, IdRole, IdType, MacAlg, PrfFunc};
//! use ibake::mikey::{CsIdMap, Draft, Header, Id, IdR, Message, Payload, Timestamp, Verification};
//! use ibake::mikey::{algorithms, derive};
//! use ibake::secret::SecretVec;
//!
//! let (psk, rand) = (SecretVec::new(vec![7; 32]), [9u8; 16]);
//! let header = Header {
//!     data_type: DataType::REQUEST_KEY_PSK,
//!     v: true,
//!     prf: PrfFunc::HMAC_SHA_256,
//!     csb_id: 0x0102_0304,
//!     crypto_sessions: 0,
//!     map: CsIdMap::Empty,
//! };
//! let id = Id { kind: IdType::URI, data: b"sip:alice@example.org" };
//! let alg = MacAlg::HMAC_SHA_256_256;
//! let draft = Draft::new(&header, &[
//!     Payload::T(Timestamp::ntp_utc(1_800_000_000, 0)),
//!     Payload::Rand(&rand),
//!     Payload::Idr(IdR { role: IdRole::INITIATOR, id }),
//!     Payload::V(Verification { alg, data: &[0; 32] }),
//! ])?;
//! let key = derive::authentication_key(header.prf, alg, &psk, header.csb_id, &rand)?;
//! let tag = algorithms::mac(alg, key.expose(), &[draft.covered(), id.data])?;
//! let bytes = draft.finish(&tag)?;
//!
//! let message = Message::parse(&bytes)?;
//! let sender = message.identity(IdRole::INITIATOR)?.expect("it is there");
//! let v = message.verification()?;
//! algorithms::verify(v.alg, key.expose(), &[message.covered(), sender.data], v.data)?;
//! # Ok::<(), ibake::mikey::Error>(())
//! ```
//!
//! | part | what |
//! | --- | --- |
//! | [`Message`], [`Draft`], [`encode`] | reading, writing with a tag, writing |
//! | [`Header`], [`Payload`], [`Chain`] | the parts; chains are payloads inside payloads |
//! | [`numbers`], [`limits`] | the registry; every limit |
//! | [`algorithms`], [`mod@derive`], [`prf`] | MACs, encryption, key derivation |
//! | [`explain()`] | any message for people, up to its fault |
//! | [`request`] | requests for private keys, client and service |
//! | [`sdp`] | `a=key-mgmt` lines and the list against bidding down |
//! | [`call`] | MIKEY-IBAKE calls (RFC 6267): states over bytes, SRTP keys |
//!
//! # Known attacks and faults, and what stands against them
//! | | answer |
//! | --- | --- |
//! | a length that reaches outside | every read is checked; nothing is allocated by a length that was read |
//! | endless loops, deep nesting | each payload takes at least three bytes; one level is read at a time |
//! | keys sent in the clear under a good MAC | [`Message::kemac`] refuses NULL encryption; Key data outside of KEMAC do not parse |
//! | two T, RAND or KEMAC, of which ends choose differently | [`Message::single`] refuses what is there twice |
//! | lists of protocols cut short on the way | [`sdp::verify_offer`] |
//! | Unix time called NTP | [`Timestamp::freshness`] names it |
//! | tag length written as key length | [`SrtpPolicy::doubts`] names it |

pub mod algorithms;
mod build;
pub mod call;
mod cursor;
pub mod derive;
mod error;
mod explain;
mod header;
mod kemac;
pub mod limits;
mod message;
pub mod numbers;
mod payloads;
pub mod prf;
pub mod request;
pub mod sdp;
mod time;

pub use build::{Draft, encode};
pub use error::{Error, ParseError, Reason, Refused};
pub use explain::{Explanation, Field, explain};
pub use header::{CsIdMap, GenericId, GenericIds, Header, SrtpId, SrtpIds, VERSION};
pub use message::{LeaveOut, Message, Tag};
pub use payloads::{
    Cert, CertHash, Chain, Dh, Doubt, EccPoint, ErrorPayload, Extension, Id, IdR, Kemac, KeyData, KeyId, KeyValidity,
    Located, Payload, Pke, Policy, RandR, Sakke, SecretKey, Sign, SrtpPolicy, Ticket, TicketPolicy, Timestamp,
    TimestampR, Verification, Within, encode_chain,
};
pub use time::{Freshness, NTP_TO_UNIX};
