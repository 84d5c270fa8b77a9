//! What a responder keeps of an ESK, and how the one it is for opens it (RFC 6267 sections 3.3, 4.2.2.6 and 7.5).
//!
//! ```text
//! deposit = "IBAKEDEP" || u8 1 || u8 profile (0 rfc6267, 1 bound) || u32 CSB ID || u64 T || lp16(RAND) || lp16(name of I)
//!           || lp16(name of the final recipient) || lp16(Encr data)                      lp16(x) = u16 length || x
//! ```
//!
//! # What this leg is, and is not
//! | | |
//! | --- | --- |
//! | the mailbox | cannot read the key; it can drop, keep and delay a deposit, and put one of its own there that is not signed |
//! | forward secrecy | none: whoever gets the recipient's private key opens it, years later, too |
//! | escrow | the recipient's KGS can open it, and the sender's KGS can make a signature |
//! | deniability | none where it is signed: a signature can be shown to others |
//! | time | T is what the sender claims; a mailbox cannot change it |

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::fmt;

use super::content::Content;
use super::error::{CallError, CallRefusal};
use super::esk::{CONTEXT, ESK_LIMIT, Inside, Place};
use super::wire::own_key;
use super::{Demand, End, RAND_BYTES, RAND_LIMIT};
use crate::encoding::{Reader, Writer};
use crate::error::{DecodeError, DecodeReason, Error, ParametersError, PeerError};
use crate::ibe::identity::Purpose;
use crate::ibe::keyref::KeyRef;
use crate::ibe::name::Name;
use crate::ibe::sealed::SealedBox;
use crate::ibe::sign::Signature;
use crate::kdf::hash;
use crate::mikey::error::Refused;
use crate::mikey::numbers::TsType;
use crate::mikey::payloads::Timestamp;
use crate::mikey::time::Freshness;

/// What a deposit begins with.
pub const DEPOSIT_MAGIC: &[u8; 8] = b"IBAKEDEP";
const VERSION: u8 = 1;
const NAME_LIMIT: usize = 1024;

/// An ESK with all that its recipient needs to open it. Public: a mailbox keeps and forwards it.
#[derive(Clone, PartialEq, Eq)]
pub struct Deposit {
    bound: bool,
    csb_id: u32,
    t: Timestamp,
    rand: Vec<u8>,
    sender: Name,
    recipient: Name,
    encr_data: Vec<u8>,
}

impl Deposit {
    /// Everything that shows without a key is checked here.
    pub(super) fn new(place: &Place<'_>, bound: bool, encr_data: &[u8]) -> Result<Self, CallError> {
        if !(RAND_BYTES..=RAND_LIMIT).contains(&place.rand.len()) {
            return Err(Refused::Length { what: "RAND", got: place.rand.len() }.into());
        }
        if encr_data.len() > ESK_LIMIT {
            return Err(Refused::Length { what: "ESK", got: encr_data.len() }.into());
        }
        if place.sender == place.recipient {
            return Err(PeerError::SameIdentity.into());
        }
        let sealed = SealedBox::decode(encr_data)?;
        // Only a sender who is confused about the time seals for another period than that of T.
        if !sealed.to().period().is_current(place.t.unix().unwrap_or(0)) {
            return Err(DecodeError::new("period of an ESK", DecodeReason::Inconsistent).into());
        }
        Ok(Self {
            bound,
            csb_id: place.csb_id,
            t: place.t,
            rand: place.rand.to_vec(),
            sender: place.sender.clone(),
            recipient: place.recipient.clone(),
            encr_data: encr_data.to_vec(),
        })
    }

    /// Reads a deposit and checks all of it that needs no key, the point `U` of its box included.
    ///
    /// # Errors
    /// [`DecodeError`] names the field; names that are not in normal form; names that are the same; lengths.
    pub fn decode(bytes: &[u8]) -> Result<Self, CallError> {
        let mut r = Reader::new(bytes);
        if r.array::<8>("magic")? != DEPOSIT_MAGIC {
            return Err(DecodeError::new("deposit", DecodeReason::Unknown { got: 0 }).into());
        }
        let version = r.u8("deposit version")?;
        if version != VERSION {
            return Err(DecodeError::new("deposit", DecodeReason::Version { got: version.into() }).into());
        }
        let bound = match r.u8("profile")? {
            0 => false,
            1 => true,
            got => return Err(DecodeError::new("profile", DecodeReason::Unknown { got: got.into() }).into()),
        };
        let csb_id = r.u32("CSB ID")?;
        let t = Timestamp { kind: TsType::NTP_UTC, value: r.u64("T")? };
        let rand = r.var16("RAND", RAND_LIMIT)?;
        let mut name = |what| -> Result<Name, CallError> {
            let text = core::str::from_utf8(r.var16(what, NAME_LIMIT)?);
            Ok(Name::parse(text.map_err(|_| DecodeError::new(what, DecodeReason::Text))?)?)
        };
        let (sender, recipient) = (name("initiator")?, name("recipient")?);
        let encr_data = r.var16("Encr data", ESK_LIMIT)?;
        r.finish("deposit")?;
        Self::new(&Place { csb_id, rand, t, sender: &sender, recipient: &recipient }, bound, encr_data)
    }

    /// What [`Deposit::decode`] reads.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new();
        w.bytes(DEPOSIT_MAGIC).u8(VERSION).u8(self.bound.into()).u32(self.csb_id).u64(self.t.value);
        w.var16(&self.rand).var16(self.sender.as_str().as_bytes()).var16(self.recipient.as_str().as_bytes());
        w.var16(&self.encr_data);
        w.finish()
    }

    /// Who left it, as the mailbox says.
    #[must_use]
    pub const fn sender(&self) -> &Name {
        &self.sender
    }

    /// For whom it is: who gets it forwarded.
    #[must_use]
    pub const fn recipient(&self) -> &Name {
        &self.recipient
    }

    /// The bundle of the call.
    #[must_use]
    pub const fn csb_id(&self) -> u32 {
        self.csb_id
    }

    /// T of the I_MESSAGE_2 that brought it.
    #[must_use]
    pub const fn timestamp(&self) -> Timestamp {
        self.t
    }

    /// Whether the call had the profile `bound`.
    #[must_use]
    pub const fn bound(&self) -> bool {
        self.bound
    }

    /// The key that opens it.
    ///
    /// # Errors
    /// None for a deposit that was made or read.
    pub fn to(&self) -> Result<KeyRef, Error> {
        Ok(SealedBox::decode(&self.encr_data)?.to().clone())
    }

    const fn place(&self) -> Place<'_> {
        let Self { csb_id, rand, t, sender, recipient, .. } = self;
        Place { csb_id: *csb_id, rand: rand.as_slice(), t: *t, sender, recipient }
    }

    /// Opens it as the one it is for.
    ///
    /// The key is selected by the box, among [`End::keys`], and may be of a period that is over. The sender's parameters are
    /// those that [`End::directory`] has for the time of T. `log` keeps a deposit from being taken twice.
    ///
    /// # Errors
    /// Before a private key is used: a T in the future or beyond the age that `log` accepts, [`PeerError::Replay`],
    /// [`PeerError::Busy`], no key for this name and period, parameters of the sender that are unknown or were not in force at T;
    /// [`CallRefusal::Unsigned`] in `rfc6267` where [`Demand::Bound`] is demanded. Then [`Error::Decrypt`] for everything, but
    /// for one that opened, is not signed and should be: [`CallRefusal::Unsigned`].
    ///
    /// # Timing
    /// Constant in the private key and in the content key but for the verdicts.
    ///
    /// Source: RFC 6267 section 4.2.2.6; SPEC.md 13.15.
    pub fn open(&self, end: &End<'_>, log: &mut DepositLog, now: u64) -> Result<Delivered, CallError> {
        match self.t.freshness(now, end.settings.skew) {
            Freshness::Fresh | Freshness::Old { .. } => {}
            other => return Err(CallRefusal::Timestamp(other).into()),
        }
        let at = self.t.unix().unwrap_or(0);
        let place = self.place();
        let ad = place.bytes();
        let name = hash(&[&ad]);
        log.check(&name, at, now)?;
        let strict = end.settings.demand == Demand::Bound;
        if strict && !self.bound {
            return Err(CallRefusal::Unsigned.into());
        }
        let sealed = SealedBox::decode(&self.encr_data)?;
        let key = own_key(end.keys, &self.recipient, sealed.to())?;
        let parameters = end.directory.parameters(&self.sender, at).ok_or(ParametersError::Unknown)?;
        parameters.check_time(at)?;
        let signer = parameters.identity(self.sender.clone(), Purpose::Sign, at)?;

        let plain = sealed.open_under(sealed.encapsulation().decapsulate(key)?, &ad)?;
        let inside = Inside::read(&plain, &self.sender)?;
        let vouched = match inside.signature {
            // The RFC's form has none, so this is a deposit whose profile somebody changed.
            Some(_) if !self.bound => return Err(Error::Decrypt.into()),
            None if strict => return Err(CallRefusal::Unsigned.into()),
            None => false,
            Some(bytes) => {
                let said = place.signed(key.pkctx(), inside.key.secret().expose());
                Signature::decode(&bytes)
                    .map_err(Error::from)
                    .and_then(|s| s.verify(&parameters, &signer, CONTEXT, said.expose()))
                    .map_err(|_| Error::Decrypt)?;
                true
            }
        };
        log.remember(name, at, now)?;
        let content = Content {
            key: inside.key,
            sender: self.sender.clone(),
            recipient: self.recipient.clone(),
            csb_id: self.csb_id,
            rand: self.rand.clone(),
            t: self.t,
        };
        Ok(if vouched { Delivered::BySender(content) } else { Delivered::ByMailboxOnly(content) })
    }
}

impl fmt::Debug for Deposit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deposit")
            .field("sender", &self.sender)
            .field("recipient", &self.recipient)
            .field("csb_id", &self.csb_id)
            .field("t", &self.t)
            .field("bound", &self.bound)
            .finish_non_exhaustive()
    }
}

/// A deposit, opened: the application matches on who vouches for the sender.
///
/// Either way the key can be had by the recipient's KGS, there is no forward secrecy, and the time is what the sender claims.
#[derive(Debug)]
#[must_use]
pub enum Delivered {
    /// The sender signed it for this recipient and this call. Their KGS could have, too; and it can be shown to others.
    BySender(Content),
    /// Nobody signed it. The mailbox says who it authenticated in the call, and whoever brings the deposit, the mailbox or
    /// somebody on its way, can have made all of it.
    ByMailboxOnly(Content),
}

/// Which deposits were taken: one for each call, as long as its age is accepted. The size is fixed.
///
/// It must outlive the program that opens deposits ([`DepositLog::encode`]); a new one takes everything once more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DepositLog {
    capacity: usize,
    max_age: u64,
    /// Name, and until when it is kept.
    taken: BTreeMap<[u8; 32], u64>,
}

/// Most deposits that a log remembers.
pub const LOG_LIMIT: usize = 1 << 16;

impl DepositLog {
    /// Room for `capacity` deposits, [`LOG_LIMIT`] at most, that are not older than `max_age` seconds.
    #[must_use]
    pub fn new(capacity: usize, max_age: u64) -> Self {
        Self { capacity: capacity.min(LOG_LIMIT), max_age, taken: BTreeMap::new() }
    }

    fn check(&mut self, name: &[u8; 32], at: u64, now: u64) -> Result<(), CallError> {
        let age = now.saturating_sub(at);
        if age > self.max_age {
            return Err(CallRefusal::Timestamp(Freshness::Old { by: age - self.max_age }).into());
        }
        if self.taken.contains_key(name) {
            return Err(PeerError::Replay.into());
        }
        if self.taken.len() >= self.capacity {
            self.taken.retain(|_, until| *until >= now);
        }
        if self.taken.len() >= self.capacity { Err(PeerError::Busy.into()) } else { Ok(()) }
    }

    fn remember(&mut self, name: [u8; 32], at: u64, now: u64) -> Result<(), CallError> {
        self.check(&name, at, now)?;
        self.taken.insert(name, at.saturating_add(self.max_age));
        Ok(())
    }

    /// To be stored where nobody else writes: `u8 1 || u64 max_age || u32 capacity || u32 n`, then `n` times 32 bytes and `u64`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new();
        // Both are at most `LOG_LIMIT`.
        w.u8(VERSION).u64(self.max_age).u32(self.capacity as u32).u32(self.taken.len() as u32);
        for (name, until) in &self.taken {
            w.bytes(name).u64(*until);
        }
        w.finish()
    }

    /// Reads what was stored.
    ///
    /// # Errors
    /// [`DecodeError`] for anything but what [`DepositLog::encode`] gives.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut r = Reader::new(bytes);
        let version = r.u8("log version")?;
        if version != VERSION {
            return Err(DecodeError::new("log of deposits", DecodeReason::Version { got: version.into() }));
        }
        let max_age = r.u64("age")?;
        let mut limited = |what, limit: usize| {
            let got = usize::try_from(r.u32(what)?).unwrap_or(usize::MAX);
            let reason = DecodeReason::TooLong { limit, got };
            if got > limit { Err(DecodeError::new(what, reason)) } else { Ok(got) }
        };
        let capacity = limited("capacity", LOG_LIMIT)?;
        let n = limited("number of deposits", capacity)?;
        let mut taken = BTreeMap::new();
        for _ in 0..n {
            let name = *r.array::<32>("deposit")?;
            // One encoding: ascending, none twice.
            if taken.last_key_value().is_some_and(|(last, _)| *last >= name) {
                return Err(DecodeError::new("log of deposits", DecodeReason::NotCanonical));
            }
            taken.insert(name, r.u64("until")?);
        }
        r.finish("log of deposits")?;
        Ok(Self { capacity, max_age, taken })
    }
}
