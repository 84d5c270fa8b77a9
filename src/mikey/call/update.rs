//! CSB update: fresh shares in a call that is up, begun by either end (RFC 6267 section 5.3).
//!
//! ```text
//! I_MESSAGE_1 = HDR, T, IDR of who begins, IDR of the other, SP.., IBAKE{ both, ECCPT of who begins }, V
//! R_MESSAGE_1 = HDR, T, the same IDRs, SP.., IBAKE{ both, both ECCPTs }, V
//! ```
//! Both V are under the key in force before. T only grows; a RAND must not be there. Who answers has the new keys at once, who
//! began when the answer comes. Where both begin at once, the one who made the call goes on and does not answer; the other
//! answers and forgets its own.
//!
//! Should no answer arrive, the other end may have moved on already: repeat the message ([`Session::update_message`]), the
//! stored answer comes back. After the deadline x is gone, media go on under the old keys, and a new call is needed for others.

use alloc::vec::Vec;

use rand_core::TryCryptoRng;

use super::error::{CallError, CallRefusal};
use super::keys::{self, Keys};
use super::media::{CryptoSession, Offered, SessionOffer, choose};
use super::responder::next_ssrc;
use super::session::Session;
use super::share::{BOUND_SENTINEL, Drawing, Ephemeral, Kept, Theirs};
use super::wire::{self, Envelope, Outline, Sealed, Seen, finish};
use super::{Demand, End, ends, later, order};
use crate::error::{Error, PeerError, UsageError};
use crate::ibake::check_deadline;
use crate::ibe::extract::PrivateKey;
use crate::ibe::identity::Identity;
use crate::ibe::kem::Recipient;
use crate::mikey::error::Refused;
use crate::mikey::message::Message;
use crate::mikey::numbers::{DataType, IdRole, PayloadType};
use crate::mikey::payloads::{IdR, KeyValidity, Timestamp};
use crate::secret::{Secret, SecretVec};
use crate::srtp::Role;
use crate::suite::Suite;

/// Most answers that a session keeps.
const ANSWERS: usize = 3;

/// What an update asks for beside fresh keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpdateOffer {
    /// The MKI of the new keys. Without one receivers cannot tell from a packet which keys it is under.
    pub mki: Vec<u8>,
    /// Streams to add; those there are stay.
    pub add: Vec<SessionOffer>,
}

/// An update that was begun. Wiped on drop.
pub(super) struct Pending {
    t: Timestamp,
    x: Ephemeral,
    k_i1: Kept,
    i1: Vec<u8>,
    offered: Offered,
    mki: Vec<u8>,
    started: u64,
}

/// What a message to a call that is up did.
#[derive(Debug)]
#[must_use]
pub enum Event {
    /// The other end began an update; the session has new keys.
    Answered {
        /// R_MESSAGE_1, to be sent.
        send: Vec<u8>,
        /// The keys before, for packets that are under way.
        previous: Keys,
    },
    /// Our update was answered; the session has new keys.
    Updated {
        /// The keys before.
        previous: Keys,
    },
}

const fn id_role(role: Role) -> IdRole {
    match role {
        Role::Initiator => IdRole::INITIATOR,
        Role::Responder => IdRole::RESPONDER,
    }
}

/// Both sides of an update.
struct Sides<'k> {
    key: &'k PrivateKey,
    peer: Identity,
    to: Recipient,
}

impl Session {
    fn other(&self) -> Role {
        if self.role == Role::Initiator { Role::Responder } else { Role::Initiator }
    }

    /// Names are those of the call; the periods are those of now, so that a call outlives a day.
    fn sides<'k>(&self, end: &End<'k>, at: u64, now: u64) -> Result<Sides<'k>, CallError> {
        let (own, _) = end.party(self.own().name(), at, now)?;
        let key = end.keys.iter().find(|k| k.identity() == &own).ok_or(crate::error::KeyError::Missing)?;
        end.check_key(key, at, now)?;
        let (peer, parameters) = end.party(self.peer().name(), at, now)?;
        let to = Recipient::new(&parameters, &peer)?;
        Ok(Sides { key, peer, to })
    }

    fn outline<'a>(&'a self, data_type: DataType, from: Role, t: Timestamp, map: (&'a [u8], u8)) -> Outline<'a> {
        let i = (IdRole::INITIATOR, self.initiator.name());
        let r = (IdRole::RESPONDER, self.responder.name());
        Outline {
            data_type,
            v: data_type == DataType::I_MESSAGE_1,
            prf: self.prf,
            csb_id: self.csb_id,
            map,
            t,
            rand: None,
            ids: if from == Role::Initiator { [i, r] } else { [r, i] },
            policies: &[],
            bound: false,
            protocols: None,
            esk: None,
            mac: Some(self.mac),
        }
    }

    fn idr(&self, role: Role) -> IdR<'_> {
        let name = if role == Role::Initiator { self.initiator.name() } else { self.responder.name() };
        IdR { role: id_role(role), id: wire::id_of(name) }
    }

    fn v_key(&self) -> Result<SecretVec, Refused> {
        self.keys.authentication(self.prf, self.mac, self.csb_id, &self.rand)
    }

    /// Begins an update: gives I_MESSAGE_1.
    ///
    /// # Errors
    /// [`UsageError::WrongState`] while an update of ours is under way; own key, parameters or periods that are not in force
    /// now; sessions that cannot be; failure of the generator. The session stays as it was.
    ///
    /// Source: RFC 6267 section 5.3.
    pub fn update<R: TryCryptoRng + ?Sized>(
        &mut self,
        end: &End<'_>,
        offer: &UpdateOffer,
        now: u64,
        rng: &mut R,
    ) -> Result<Vec<u8>, CallError> {
        if self.pending.as_ref().is_some_and(|p| check_deadline(p.started, now).is_ok()) {
            return Err(UsageError::WrongState.into());
        }
        self.pending = None;
        let offered = Offered::new(self.role, &self.sessions, &offer.add, &offer.mki)?;
        let encoded = offered.encode()?;
        let t = later(self.last, now);
        let sides = self.sides(end, t.unix().unwrap_or(now), now)?;
        let at = Drawing::new(self.csb_id, &self.rand, &[&t.value.to_be_bytes(), b"update", sides.peer.der()]);
        let x = Ephemeral::first(self.suite, sides.key, &at, rng)?;
        let plain = Sealed {
            first: Some(self.idr(self.role)),
            first_point: Some(x.point(self.bound, &offer.mki)),
            second: Some(self.idr(self.other())),
            second_point: None,
        }
        .encode()?;
        let outline = Outline {
            policies: &encoded.policies,
            ..self.outline(DataType::I_MESSAGE_1, self.role, t, (&encoded.map, encoded.count))
        };
        let envelope = Envelope { to: &sides.to, from: sides.key, aead: self.suite.aead(), plain: &plain, at: &at };
        let (i1, k_i1) = outline.seal(&envelope, rng)?;
        let i1 = finish(i1, self.mac, &self.v_key()?)?;
        let pending = Pending { t, x, k_i1, i1: i1.clone(), offered, mki: offer.mki.clone(), started: now };
        self.pending = Some(pending);
        Ok(i1)
    }

    /// The I_MESSAGE_1 of an update of ours that is under way, to be sent again.
    #[must_use]
    pub fn update_message(&self) -> Option<&[u8]> {
        self.pending.as_ref().map(|p| p.i1.as_slice())
    }

    /// Takes a message of an update, of either end. Ask [`Session::repeat`] first.
    ///
    /// # Errors
    /// [`CallRefusal::Glare`] for the other end's update while ours goes on; [`CallRefusal::NotLater`],
    /// [`CallRefusal::OtherCall`], [`CallRefusal::Sessions`], .. for what shows; the wrong tag; the opaque error. The session
    /// stays as it was; a pending update ends with its deadline.
    ///
    /// Source: RFC 6267 section 5.3.
    pub fn receive<R: TryCryptoRng + ?Sized>(
        &mut self,
        end: &End<'_>,
        message: &[u8],
        now: u64,
        rng: &mut R,
    ) -> Result<Event, CallError> {
        let kind = Message::parse(message)?.header().data_type;
        let done = match kind {
            DataType::R_MESSAGE_1 => self.updated(end, message, now),
            _ => self.answer_update(end, message, now, rng),
        };
        done.inspect_err(|e| {
            if kind == DataType::R_MESSAGE_1 && ends(e, &mut self.tries) {
                self.pending = None;
            }
        })
    }

    /// What every message of an update must satisfy before anything of it is believed; `from` is who began.
    fn check_update<'m>(&self, bytes: &'m [u8], kind: DataType, from: Role) -> Result<Seen<'m>, CallError> {
        let seen = Seen::read(bytes, kind)?;
        let other = |what| Err(CallRefusal::OtherCall(what).into());
        if seen.csb_id != self.csb_id {
            return other("CSB ID");
        }
        if seen.prf != self.prf {
            return other("PRF func");
        }
        let second = if from == Role::Initiator { Role::Responder } else { Role::Initiator };
        for (n, role) in [from, second].into_iter().enumerate() {
            let expected = self.idr(role);
            if seen.roles.get(n) != Some(&expected.role) || seen.ids.get(n) != Some(&expected.id) {
                return other("IDR");
            }
        }
        if seen.message.optional(PayloadType::RAND)?.is_some() {
            return Err(Refused::Field("RAND in an update").into());
        }
        seen.verify(self.mac, &self.v_key()?)?;
        Ok(seen)
    }

    fn check_point(
        &self,
        end: &End<'_>,
        point: &crate::mikey::payloads::EccPoint<'_>,
        mki: &[u8],
    ) -> Result<(), CallError> {
        let named = if mki.is_empty() { KeyValidity::Null } else { KeyValidity::Spi(mki) };
        let strict = end.settings.demand != Demand::Rfc6267;
        if point.validity != named || strict && (point.auth_alg == BOUND_SENTINEL) != self.bound {
            return Err(Error::Decrypt.into());
        }
        Ok(())
    }

    fn answer_update<R: TryCryptoRng + ?Sized>(
        &mut self,
        end: &End<'_>,
        i1: &[u8],
        now: u64,
        rng: &mut R,
    ) -> Result<Event, CallError> {
        let seen = self.check_update(i1, DataType::I_MESSAGE_1, self.other())?;
        end.settings.check_fresh(seen.t, now)?;
        if order(seen.t) <= order(self.last) {
            return Err(CallRefusal::NotLater.into());
        }
        let ours = self.pending.as_ref().is_some_and(|p| check_deadline(p.started, now).is_ok());
        if ours && self.role == Role::Initiator {
            return Err(CallRefusal::Glare.into());
        }
        let sides = self.sides(end, seen.t.unix().unwrap_or(now), now)?;
        let mut none = core::iter::empty();
        let chosen = choose(self.other(), &self.sessions, &seen.map, &seen.message, &end.settings.profiles, || {
            next_ssrc(&mut none, rng)
        })?;
        let (k_i1, opened) = seen.open(&seen.sealed()?, sides.key)?;
        let inside = Sealed::read(&opened, [Some(true), Some(true), Some(true), Some(false)])?;
        inside.same_ids(&seen)?;
        let point = inside.first_point.ok_or(Error::Decrypt)?;
        self.check_point(end, &point, &chosen.mki)?;
        let x = Theirs::of(&point, true)?;
        if !end.settings.suites.contains(&x.suite) {
            return Err(PeerError::NoCommonSuite.into());
        }
        let at = Drawing::new(self.csb_id, &self.rand, &[i1, b"update"]);
        let y = Ephemeral::second(x.suite, Some(&x), sides.key, &at, rng)?;
        let k_session = y.agree(&x)?;
        let plain = Sealed { second_point: Some(y.point(self.bound, &chosen.mki)), ..inside }.encode()?;
        let encoded = &chosen.encoded;
        let outline = Outline {
            policies: &encoded.policies,
            ..self.outline(DataType::R_MESSAGE_1, self.other(), seen.t, (&encoded.map, encoded.count))
        };
        let envelope = Envelope { to: &sides.to, from: sides.key, aead: x.suite.aead(), plain: &plain, at: &at };
        let (r1, k_r1) = outline.seal(&envelope, rng)?;
        let r1 = finish(r1, self.mac, &self.v_key()?)?;
        let next = self.next_keys([i1, &r1], k_session, &k_i1, &k_r1, &chosen.sessions, &chosen.mki)?;
        let t = seen.t;
        let own = sides.key.identity().clone();
        self.answers.push((i1.to_vec(), r1.clone()));
        let previous = self.move_on(next, chosen.sessions, x.suite, t, own, sides.peer);
        Ok(Event::Answered { send: r1, previous })
    }

    fn updated(&mut self, end: &End<'_>, r1: &[u8], now: u64) -> Result<Event, CallError> {
        let pending = self.pending.as_ref().ok_or(CallRefusal::Closed)?;
        check_deadline(pending.started, now)?;
        let seen = self.check_update(r1, DataType::R_MESSAGE_1, self.role)?;
        if seen.t != pending.t {
            return Err(CallRefusal::OtherCall("T").into());
        }
        let sides = self.sides(end, seen.t.unix().unwrap_or(now), now)?;
        let sessions = pending.offered.check(&seen.map, &seen.message)?;
        let (k_r1, opened) = seen.open(&seen.sealed()?, sides.key)?;
        let inside = Sealed::read(&opened, [Some(true); 4])?;
        inside.same_ids(&seen)?;
        let point = inside.second_point.ok_or(Error::Decrypt)?;
        if inside.first_point != Some(pending.x.point(self.bound, &pending.mki)) {
            return Err(Error::Decrypt.into());
        }
        self.check_point(end, &point, &pending.mki)?;
        let k_session = pending.x.agree(&Theirs::of(&point, false)?)?;
        let next = self.next_keys([&pending.i1, r1], k_session, &pending.k_i1, &k_r1, &sessions, &pending.mki)?;
        let (t, suite) = (pending.t, pending.x.suite);
        let own = sides.key.identity().clone();
        let previous = self.move_on(next, sessions, suite, t, own, sides.peer);
        Ok(Event::Updated { previous })
    }

    fn next_keys(
        &self,
        messages: [&[u8]; 2],
        k_session: SecretVec,
        k_i1: &Secret<32>,
        k_r1: &Secret<32>,
        sessions: &[CryptoSession],
        mki: &[u8],
    ) -> Result<Keys, Refused> {
        let inkey = match self.bound {
            true => keys::bound_again(messages, &k_session, k_i1, k_r1, &self.keys.inkey),
            false => k_session,
        };
        Keys::derive(self.prf, inkey, self.csb_id, &self.rand, sessions, mki)
    }

    fn move_on(
        &mut self,
        next: Keys,
        sessions: Vec<CryptoSession>,
        suite: Suite,
        t: Timestamp,
        own: Identity,
        peer: Identity,
    ) -> Keys {
        self.sessions = sessions;
        self.suite = suite;
        self.last = t;
        self.pending = None;
        self.tries = 0;
        (self.initiator, self.responder) = if self.role == Role::Initiator { (own, peer) } else { (peer, own) };
        let extra = self.answers.len().saturating_sub(ANSWERS);
        self.answers.drain(..extra);
        core::mem::replace(&mut self.keys, next)
    }
}
