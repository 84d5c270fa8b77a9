//! Calls by MIKEY-IBAKE (RFC 6267 section 4.2.2): states over bytes.
//!
//! ```text
//!  initiator I                                                                        responder R
//!  draws x    I_MESSAGE_1 = HDR, T, RAND, IDRi, IDRr, SP.., IBAKE{ IDRi, ECCPTi, IDRr }           -->  opens, draws y
//!  opens      R_MESSAGE_1 = HDR, T, IDRi, IDRr, SP.., IBAKE{ IDRi, [ECCPTi], IDRr, ECCPTr }       <--
//!             I_MESSAGE_2 = HDR, T, RAND, IDRi, IDRr, IBAKE{ IDRi, [ECCPTi], IDRr, ECCPTr }       -->  checks y: I is authenticated
//!                           [ESK{ ID, SK, [SIGN] }]                                                   keeps the ESK
//!  keys       R_MESSAGE_2 = HDR, T, IDRi, IDRr, [IBAKE{ IDRi, ECCPTi }], V                        <--  keys
//! ```
//!
//! | I | | R | |
//! | --- | --- | --- | --- |
//! | [`End::call`] | [`AwaitR1`], or [`Fork`] for several answers | [`End::answer`] | [`AwaitI2`] |
//! | [`AwaitR1::receive`] | [`Reply`]: the one called, or somebody else ([`Answered`]) | [`AwaitI2::receive`] | [`Outcome`] |
//! | [`Ready::proceed`] | [`AwaitR2`] | | |
//! | [`AwaitR2::receive`] | [`Outcome`], with the [`Session`] | | |
//!
//! Steps consume the state. A message that is not accepted gives the state back unchanged ([`Failed`]), because anybody can
//! send one; a message that comes again is answered with the stored bytes (`repeat`), nothing is computed twice.
//!
//! # Profiles
//! `bound` mixes the KEM secrets of all messages into the keys; `rfc6267` is the RFC to the letter. The result is an enum that
//! says which it was and whether the first message was opened: see [`Outcome`].
//!
//! # What is left for who does not answer
//! Where a mailbox or somebody else answers, I_MESSAGE_2 has an ESK: a content key sealed to the one called, signed by the
//! initiator in `bound`. The initiator finds the key in [`Session::sent`], the responder the box in [`Session::deposit`], and who
//! was called opens it days later ([`Deposit::open`]). The same way carries the key of content that was encoded before to many
//! ([`Ready::proceed_with`]).
//!
//! # Known attacks, and what stands against them
//! | attack | answer |
//! | --- | --- |
//! | key-compromise impersonation: with I's private key, open R_MESSAGE_1, replace ECCPTr, seal again, forge V | `bound`: K_I2, sealed to R, is in the keys. `rfc6267` has no answer; its result says so |
//! | the offer of `bound` taken out | the seal does not open; the offer stands under it, too; the default accepts no less |
//! | policies, sessions or the list of protocols changed on the way | the seals cover the whole message; the answer repeats what it chose |
//! | answer by somebody else | a type of its own, which the application accepts or refuses |
//! | I_MESSAGE_2 of one branch to another | sealed to another identity; another ECCPTr |
//! | replay, old messages | T within the skew, cache of (initiator, bundle, RAND); T of a call only grows |
//! | reflection | types and roles under the seal, shares compared by x-coordinate, no call to oneself |
//! | the mailbox puts a key of its own into the place of what was left | the initiator's signature in `bound`; elsewhere the type says whose word it is |
//! | what was left is moved to another call, time, sender or recipient, or delivered twice | the box is bound to all of them; a log of those taken |
//! | leaked or repeated randomness | shares and encapsulations are hedged with the private key |

mod content;
mod deposit;
mod error;
mod esk;
mod fork;
mod initiator;
mod keys;
mod media;
mod ready;
mod replay;
mod responder;
mod session;
mod share;
mod update;
mod wire;

pub use content::{BODY_LIMIT, CONTENT_KEY_BYTES, Content, ContentKey, Sent};
pub use deposit::{DEPOSIT_MAGIC, Delivered, Deposit, DepositLog, LOG_LIMIT};
pub use error::{CallError, CallRefusal, Failed};
pub use esk::ESK_LIMIT;
pub use fork::{BRANCH_LIMIT, Fork};
pub use initiator::{AwaitR1, CallOffer};
pub use keys::Keys;
pub use media::{CryptoSession, MKI_LIMIT, SESSION_LIMIT, SessionOffer, policy_of, profile_of};
pub use ready::{Answered, AwaitR2, Ready, Reply};
pub use replay::ReplayCache;
pub use responder::{Answering, As, AwaitI2};
pub use session::{Lack, Outcome, Session};
pub use share::BOUND_SENTINEL;
pub use update::{Event, UpdateOffer};
pub use wire::BOUND_EXTENSION;

use alloc::vec::Vec;
use core::fmt;

use crate::error::{Error, KeyError, ParametersError, PeerError};
use crate::ibake::{check_deadline, check_side};
use crate::ibe::extract::PrivateKey;
use crate::ibe::identity::{Identity, Purpose};
use crate::ibe::name::Name;
use crate::ibe::params::PublicParameters;
use crate::mikey::build::encode;
use crate::mikey::error::{Error as MessageError, Refused};
use crate::mikey::header::{CsIdMap, Header};
use crate::mikey::numbers::{DataType, ErrorNo, MacAlg, PrfFunc, TsType};
use crate::mikey::payloads::{ErrorPayload, Payload, Timestamp};
use crate::mikey::time::Freshness;
use crate::srtp::Profile;
use crate::suite::Suite;

/// Bytes of the RAND that we draw, and the fewest that are accepted (RFC 3830 section 6.11).
pub const RAND_BYTES: usize = 16;
/// The most that are accepted.
pub const RAND_LIMIT: usize = 64;
/// Bad messages that used a private or authentication key, after which a state ends.
pub const TRIES: u32 = 16;

/// Which profiles are offered and accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Demand {
    /// `bound` and nothing else.
    #[default]
    Bound,
    /// `bound` where the other end has it, `rfc6267` otherwise. Whoever holds a valid key can pretend not to have it.
    BoundIfPossible,
    /// `rfc6267`, as an implementation that knows nothing else.
    Rfc6267,
}

/// What one end accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Profiles.
    pub demand: Demand,
    /// Groups, as the suites that have them; the AEAD is that of our seals. The first one that is not hybrid is used to
    /// answer a call whose first message cannot be opened.
    pub suites: Vec<Suite>,
    /// SRTP profiles.
    pub profiles: Vec<Profile>,
    /// Whether MIKEY-1 and HMAC-SHA-1-160, which RFC 3830 makes mandatory, are accepted beside SHA-256.
    pub rfc3830_algorithms: bool,
    /// Seconds that clocks may differ.
    pub skew: u64,
}

impl Default for Settings {
    /// `bound` alone, all groups, the AEAD and AES-CM profiles with full tags, SHA-256, five minutes.
    fn default() -> Self {
        let profiles = [
            Profile::AeadAes256Gcm,
            Profile::AeadAes128Gcm,
            Profile::Aes256CmHmacSha1_80,
            Profile::AesCm128HmacSha1_80,
        ];
        Self {
            demand: Demand::Bound,
            suites: Suite::PREFERENCE.to_vec(),
            profiles: profiles.to_vec(),
            rfc3830_algorithms: false,
            skew: 300,
        }
    }
}

impl Settings {
    /// The MAC of V that goes with a PRF: each message has one hash function.
    fn mac(&self, prf: PrfFunc) -> Result<MacAlg, Refused> {
        match prf {
            PrfFunc::HMAC_SHA_256 => Ok(MacAlg::HMAC_SHA_256_256),
            PrfFunc::MIKEY_1 if self.rfc3830_algorithms => Ok(MacAlg::HMAC_SHA_1_160),
            PrfFunc(got) => Err(Refused::Algorithm { what: "PRF func", got }),
        }
    }

    fn check_fresh(&self, t: Timestamp, now: u64) -> Result<(), CallError> {
        let freshness = t.freshness(now, self.skew);
        // NTP is local time (RFC 3830 section 6.6), whose zone no message tells.
        match freshness {
            Freshness::Fresh if t.kind == TsType::NTP_UTC => Ok(()),
            Freshness::Fresh => Err(CallRefusal::Timestamp(Freshness::Counter).into()),
            other => Err(CallRefusal::Timestamp(other).into()),
        }
    }
}

/// Under which parameters a name has its keys. Messages carry names only (RFC 6267: IDRi, IDRr), so every end decides by
/// itself whom it trusts to speak for a name, and never by what a peer says.
pub trait Directory {
    /// The parameters for this name at this time (Unix seconds); `None` if nobody is trusted for it.
    fn parameters(&self, name: &Name, at: u64) -> Option<PublicParameters>;
}

impl<F: Fn(&Name, u64) -> Option<PublicParameters>> Directory for F {
    fn parameters(&self, name: &Name, at: u64) -> Option<PublicParameters> {
        self(name, at)
    }
}

/// One end: what it accepts, its keys, and whom it trusts.
#[derive(Clone, Copy)]
pub struct End<'a> {
    /// What is accepted.
    pub settings: &'a Settings,
    /// Own private keys, of any names and periods.
    pub keys: &'a [PrivateKey],
    /// Names to parameters, our own included.
    pub directory: &'a dyn Directory,
}

impl End<'_> {
    /// The identity of a name at the time of a message, and its parameters, both in force now.
    fn party(&self, name: &Name, at: u64, now: u64) -> Result<(Identity, PublicParameters), CallError> {
        let parameters = self.directory.parameters(name, at).ok_or(ParametersError::Unknown)?;
        let identity = parameters.identity(name.clone(), Purpose::Decrypt, at)?;
        check_side(&parameters, identity.period(), now)?;
        Ok((identity, parameters))
    }

    /// The own key of this identity.
    fn key(&self, identity: &Identity) -> Result<&PrivateKey, CallError> {
        Ok(self.keys.iter().find(|k| k.identity() == identity).ok_or(KeyError::Missing)?)
    }

    /// Whether an own key may be used now: of the parameters in force, for decryption, its period current.
    fn check_key(&self, key: &PrivateKey, at: u64, now: u64) -> Result<(), CallError> {
        key.check_purpose(Purpose::Decrypt)?;
        let parameters = self.directory.parameters(key.identity().name(), at).ok_or(ParametersError::Unknown)?;
        if parameters.fingerprint() != key.fingerprint() {
            return Err(KeyError::OtherParameters.into());
        }
        key.check_time(now)?;
        Ok(check_side(&parameters, key.identity().period(), now)?)
    }
}

impl fmt::Debug for End<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("End").field("settings", self.settings).field("keys", &self.keys.len()).finish_non_exhaustive()
    }
}

/// What is fixed by I_MESSAGE_1 and public.
#[derive(Clone, Debug)]
struct Head {
    csb_id: u32,
    prf: PrfFunc,
    mac: MacAlg,
    rand: Vec<u8>,
    mki: Vec<u8>,
    initiator: Name,
    dialled: Name,
    t: Timestamp,
    started: u64,
}

impl Head {
    /// Whether a message is of this bundle and its deadline has not passed.
    fn check(&self, seen: &wire::Seen<'_>, now: u64) -> Result<(), CallError> {
        check_deadline(self.started, now)?;
        if seen.csb_id != self.csb_id {
            return Err(CallRefusal::OtherCall("CSB ID").into());
        }
        if seen.prf != self.prf {
            return Err(CallRefusal::OtherCall("PRF func").into());
        }
        seen.initiator_first()?;
        if seen.ids[0] != wire::id_of(&self.initiator) {
            return Err(CallRefusal::OtherCall("IDRi").into());
        }
        Ok(())
    }
}

/// Seconds and fraction, for comparison across the overflow of NTP in 2036.
fn order(t: Timestamp) -> (u64, u32) {
    (t.unix().unwrap_or(0), t.value as u32)
}

/// A timestamp for now that is later than `last`.
fn later(last: Timestamp, now: u64) -> Timestamp {
    let plain = Timestamp::ntp_utc(now, 0);
    if order(plain) > order(last) {
        plain
    } else {
        Timestamp { kind: TsType::NTP_UTC, value: last.value.wrapping_add(1) }
    }
}

/// Whether a state ends with this error: the deadline has passed, or this was one bad message too many.
fn ends(error: &CallError, tries: &mut u32) -> bool {
    match error {
        CallError::Protocol(Error::Peer(PeerError::Deadline)) => true,
        CallError::Protocol(Error::Decrypt) | CallError::Message(MessageError::Unauthentic) => {
            *tries += 1;
            *tries >= TRIES
        }
        _ => false,
    }
}

/// An error message (RFC 3830 section 5.1.2) for the sender of the message with this bundle and timestamp. Nothing protects
/// it: whoever gets one shows it or tries another way, and believes nothing.
///
/// # Errors
/// None for a timestamp that was read.
pub fn error_message(csb_id: u32, prf: PrfFunc, t: Timestamp, number: ErrorNo) -> Result<Vec<u8>, CallError> {
    let map = CsIdMap::Empty;
    let header = Header { data_type: DataType::ERROR, v: false, prf, csb_id, crypto_sessions: 0, map };
    Ok(encode(&header, &[Payload::T(t), Payload::Err(ErrorPayload { number, reserved: 0 })])?)
}
