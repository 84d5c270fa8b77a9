//! The end that is called.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use rand_core::TryCryptoRng;

use super::deposit::Deposit;
use super::error::{CallError, CallRefusal, Failed};
use super::esk::Place;
use super::initiator::map_of;
use super::keys::{self, Keys};
use super::media::{CryptoSession, choose};
use super::replay::ReplayCache;
use super::session::{Outcome, Session};
use super::share::{BOUND_SENTINEL, Drawing, Ephemeral, Kept, Theirs};
use super::wire::{self, Envelope, Outline, Sealed, Seen, finish, id_of, name_of, own_key};
use super::{Demand, End, Head, RAND_BYTES, RAND_LIMIT, ends, order};
use crate::error::{Error, KeyError, PeerError};
use crate::ibake::{DEADLINE, check_deadline};
use crate::ibe::extract::PrivateKey;
use crate::ibe::identity::Identity;
use crate::ibe::kem::Recipient;
use crate::ibe::params::PublicParameters;
use crate::ibe::sealed::SealedBox;
use crate::mikey::error::Refused;
use crate::mikey::numbers::{DataType, IdRole};
use crate::mikey::payloads::{IdR, KeyValidity, Timestamp};
use crate::secret::{Secret, SecretVec};
use crate::srtp::Role;

/// As whom a call is answered.
#[derive(Clone, Copy, Debug)]
pub enum As<'k> {
    /// As the one who was called.
    Dialled,
    /// A branch of a fork: the first message is opened with the key of the common identity that was called, which is among
    /// [`End::keys`]; the answer is under this one of our own.
    Branch(&'k PrivateKey),
    /// A call for somebody else was sent here, to a mailbox or to another person: the first message stays closed, the answer is
    /// under this identity of our own. What is left for the one called is in [`Session::deposit`].
    Retargeted(&'k PrivateKey),
}

/// How a call is answered.
#[derive(Clone, Copy, Debug)]
pub struct Answering<'a> {
    /// As whom.
    pub identity: As<'a>,
    /// SSRCs of the streams that we send, in the order of the sessions; what is missing is drawn.
    pub ssrcs: &'a [u32],
}

impl Answering<'_> {
    /// As the one who was called, with SSRCs drawn.
    pub const DIALLED: Self = Self { identity: As::Dialled, ssrcs: &[] };
}

/// The next SSRC of ours: given, or drawn.
pub(super) fn next_ssrc<R: TryCryptoRng + ?Sized>(
    given: &mut impl Iterator<Item = u32>,
    rng: &mut R,
) -> Result<u32, CallError> {
    match given.next() {
        Some(0) => Err(CallRefusal::Sessions("an SSRC of 0").into()),
        Some(ssrc) => Ok(ssrc),
        // Zero has another meaning; with probability 2^-32 this is 1.
        None => Ok(u32::from_be_bytes(*Secret::<4>::random(rng)?.expose()).max(1)),
    }
}

/// What was under the seal of I_MESSAGE_1, if it was ours to open.
struct Opened {
    k_i1: Kept,
    plain: SecretVec,
    x: Theirs,
}

impl End<'_> {
    /// Answers I_MESSAGE_1: gives R_MESSAGE_1 and the state that awaits I_MESSAGE_2.
    ///
    /// Who has several calls at once looks first whether one of them answered this message already
    /// ([`AwaitI2::repeat`]). A list of key management protocols in the message counts from here on: check it with
    /// [`crate::mikey::sdp::verify_offer`] if the message came in a session description.
    ///
    /// # Errors
    /// Typed for all that shows without a private key, before one is used: form, algorithms, timestamp, names, parameters
    /// and periods of both sides, sessions, own key, replay, the point of the encapsulation. Then [`Error::Decrypt`] alone.
    ///
    /// # Timing
    /// Constant in the private key and in everything drawn.
    ///
    /// Source: RFC 6267 sections 4.2.2.2 and 4.2.2.3.
    pub fn answer<R: TryCryptoRng + ?Sized>(
        &self,
        replay: &mut ReplayCache,
        i1: &[u8],
        answering: &Answering<'_>,
        now: u64,
        rng: &mut R,
    ) -> Result<(AwaitI2, Vec<u8>), CallError> {
        let seen = Seen::read(i1, DataType::I_MESSAGE_1)?;
        let mac = self.settings.mac(seen.prf)?;
        self.settings.check_fresh(seen.t, now)?;
        seen.initiator_first()?;
        let rand = seen.message.rand()?;
        if !(RAND_BYTES..=RAND_LIMIT).contains(&rand.len()) {
            return Err(Refused::Length { what: "RAND", got: rand.len() }.into());
        }
        let (caller, dialled) = (name_of(seen.ids[0])?, name_of(seen.ids[1])?);
        let at = seen.t.unix().unwrap_or(now);
        let (initiator, parameters) = self.party(&caller, at, now)?;
        let sealed = seen.sealed()?;
        let (own, opens) = match answering.identity {
            As::Dialled => {
                let key = own_key(self.keys, &dialled, sealed.to())?;
                (key, Some(key))
            }
            As::Branch(key) => (key, Some(own_key(self.keys, &dialled, sealed.to())?)),
            As::Retargeted(key) => (key, None),
        };
        self.check_key(own, at, now)?;
        if let Some(key) = opens {
            self.check_key(key, at, now)?;
        }
        if own.identity().name() == &caller || dialled == caller {
            return Err(PeerError::SameIdentity.into());
        }
        // Who is called themselves has a key for it and does not come here by accident.
        if opens.is_none() && own.identity().name() == &dialled {
            return Err(KeyError::Missing.into());
        }
        let bound = seen.bound && self.settings.demand != Demand::Rfc6267;
        if !bound && self.settings.demand == Demand::Bound {
            return Err(CallRefusal::NotBound.into());
        }
        let mut given = answering.ssrcs.iter().copied();
        let chosen = choose(Role::Initiator, &[], &seen.map, &seen.message, &self.settings.profiles, || {
            next_ssrc(&mut given, rng)
        })?;
        let name = ReplayCache::name(seen.ids[0].data, seen.csb_id, rand);
        replay.check(&name, now)?;

        let opened = opens.map(|key| self.open_first(&seen, &sealed, key, &chosen.mki)).transpose()?;
        let suite = match &opened {
            Some(o) => o.x.suite,
            None => *self.settings.suites.iter().find(|s| !s.is_hybrid()).ok_or(PeerError::NoCommonSuite)?,
        };
        replay.remember(name, now, 2 * self.settings.skew + DEADLINE)?;
        let head = Head {
            csb_id: seen.csb_id,
            prf: seen.prf,
            mac,
            rand: rand.to_vec(),
            mki: chosen.mki,
            initiator: caller,
            dialled,
            t: seen.t,
            started: now,
        };
        let drawing = Drawing::new(head.csb_id, rand, &[i1, own.identity().der()]);
        let y = Ephemeral::second(suite, opened.as_ref().map(|o| &o.x), own, &drawing, rng)?;
        let inside = opened.as_ref().map(|o| read_first(&o.plain)).transpose()?;
        let plain = Sealed {
            first: Some(IdR { role: IdRole::INITIATOR, id: id_of(&head.initiator) }),
            first_point: inside.and_then(|i| i.first_point),
            second: Some(IdR { role: IdRole::RESPONDER, id: id_of(own.identity().name()) }),
            second_point: Some(y.point(bound, &head.mki)),
        }
        .encode()?;
        let outline = Outline {
            data_type: DataType::R_MESSAGE_1,
            v: true,
            prf: head.prf,
            csb_id: head.csb_id,
            map: (&chosen.encoded.map, chosen.encoded.count),
            t: head.t,
            rand: None,
            ids: [(IdRole::INITIATOR, &head.initiator), (IdRole::RESPONDER, own.identity().name())],
            policies: &chosen.encoded.policies,
            bound,
            protocols: None,
            esk: None,
            mac: None,
        };
        let to = Recipient::new(&parameters, &initiator)?;
        let envelope = Envelope { to: &to, from: own, aead: suite.aead(), plain: &plain, at: &drawing };
        let (r1, k_r1) = outline.seal(&envelope, rng)?;
        let (k_i1, x) = opened.map(|o| (o.k_i1, o.x)).unzip();
        let state = AwaitI2 {
            head,
            initiator,
            parameters,
            own: own.identity().clone(),
            bound,
            y,
            x,
            k_i1,
            k_r1,
            map: (chosen.encoded.map, chosen.encoded.count),
            sessions: chosen.sessions,
            i1: i1.to_vec(),
            r1: r1.clone(),
            tries: 0,
        };
        Ok((state, r1))
    }

    fn open_first(
        &self,
        seen: &Seen<'_>,
        sealed: &SealedBox<'_>,
        key: &PrivateKey,
        mki: &[u8],
    ) -> Result<Opened, CallError> {
        let (k_i1, plain) = seen.open(sealed, key)?;
        let inside = read_first(&plain)?;
        inside.same_ids(seen)?;
        let point = inside.first_point.ok_or(Error::Decrypt)?;
        let named = if mki.is_empty() { KeyValidity::Null } else { KeyValidity::Spi(mki) };
        // An implementation that knows no more than the RFC looks at neither.
        let strict = self.settings.demand != Demand::Rfc6267;
        if point.validity != named || strict && (point.auth_alg == BOUND_SENTINEL) != seen.bound {
            return Err(Error::Decrypt.into());
        }
        let x = Theirs::of(&point, true)?;
        if !self.settings.suites.contains(&x.suite) {
            return Err(PeerError::NoCommonSuite.into());
        }
        Ok(Opened { k_i1, plain, x })
    }
}

fn read_first(plain: &SecretVec) -> Result<Sealed<'_>, Error> {
    Sealed::read(plain, [Some(true), Some(true), Some(true), Some(false)])
}

/// The responder after R_MESSAGE_1: half open, holds y. Who calls is claimed, not yet shown.
pub struct AwaitI2 {
    head: Head,
    initiator: Identity,
    parameters: PublicParameters,
    own: Identity,
    bound: bool,
    y: Ephemeral,
    /// The initiator's share, if the first message was opened.
    x: Option<Theirs>,
    k_i1: Option<Kept>,
    k_r1: Kept,
    sessions: Vec<CryptoSession>,
    map: (Vec<u8>, u8),
    i1: Vec<u8>,
    r1: Vec<u8>,
    tries: u32,
}

/// What I_MESSAGE_2 brought.
struct Second {
    t: Timestamp,
    k_session: SecretVec,
    k_i2: Kept,
    deposit: Option<Deposit>,
    /// The plaintext of an R_MESSAGE_2 that must have an IBAKE payload.
    echo: Option<SecretVec>,
}

impl AwaitI2 {
    /// The bundle, by which messages find their call.
    #[must_use]
    pub const fn csb_id(&self) -> u32 {
        self.head.csb_id
    }

    /// Who says to be calling.
    #[must_use]
    pub const fn claimed_initiator(&self) -> &Identity {
        &self.initiator
    }

    /// The stored R_MESSAGE_1 if this is the I_MESSAGE_1 that it answers, again.
    #[must_use]
    pub fn repeat(&self, message: &[u8]) -> Option<&[u8]> {
        (message == self.i1).then_some(&self.r1)
    }

    /// Takes I_MESSAGE_2; gives the finished call and R_MESSAGE_2.
    ///
    /// # Errors
    /// [`Failed`] with the state as it was, or without one when the deadline has passed.
    ///
    /// # Timing
    /// Constant in the private key and in y.
    ///
    /// Source: RFC 6267 sections 4.2.2.6 and 4.2.2.7.
    pub fn receive<R: TryCryptoRng + ?Sized>(
        mut self,
        end: &End<'_>,
        i2: &[u8],
        now: u64,
        rng: &mut R,
    ) -> Result<(Outcome, Vec<u8>), Box<Failed<Self>>> {
        let done = self.check(end, i2, now).and_then(|second| {
            let inkey = match self.bound {
                true => keys::bound(
                    [&self.i1, &self.r1, i2],
                    &second.k_session,
                    self.k_i1.as_deref(),
                    &self.k_r1,
                    &second.k_i2,
                ),
                false => second.k_session,
            };
            let head = &self.head;
            let keys = Keys::derive(head.prf, inkey, head.csb_id, &head.rand, &self.sessions, &head.mki)?;
            let r2 = self.last_message(end, i2, second.t, second.echo.as_ref(), &keys, rng)?;
            Ok((keys, second.t, second.deposit, r2))
        });
        match done {
            Ok((keys, t, deposit, r2)) => {
                let echoed = self.k_i1.is_some();
                let session = Session {
                    role: Role::Responder,
                    csb_id: self.head.csb_id,
                    prf: self.head.prf,
                    mac: self.head.mac,
                    rand: self.head.rand,
                    initiator: self.initiator,
                    responder: self.own,
                    dialled: self.head.dialled,
                    suite: self.y.suite,
                    bound: self.bound,
                    sessions: self.sessions,
                    keys,
                    sent: None,
                    deposit,
                    last: t,
                    answers: [(self.i1, self.r1), (i2.to_vec(), r2.clone())].to_vec(),
                    pending: None,
                    tries: 0,
                };
                Ok((Outcome::of(session, self.bound, echoed), r2))
            }
            Err(e) => {
                let over = ends(&e, &mut self.tries);
                Err(Failed::new(e, (!over).then_some(self)))
            }
        }
    }

    fn check(&self, end: &End<'_>, i2: &[u8], now: u64) -> Result<Second, CallError> {
        let head = &self.head;
        check_deadline(head.started, now)?;
        let seen = Seen::read(i2, DataType::I_MESSAGE_2)?;
        head.check(&seen, now)?;
        end.settings.check_fresh(seen.t, now)?;
        if order(seen.t) <= order(head.t) {
            return Err(CallRefusal::NotLater.into());
        }
        if seen.message.rand()? != head.rand {
            return Err(CallRefusal::OtherCall("RAND").into());
        }
        if seen.ids[1] != wire::id_of(self.own.name()) {
            return Err(CallRefusal::OtherCall("IDRr").into());
        }
        if map_of(&seen)? != self.map {
            return Err(CallRefusal::OtherCall("CS ID map").into());
        }
        let deposit = self.deposit(&seen)?;
        let (k_i2, plain) = seen.open(&seen.sealed()?, end.key(&self.own)?)?;
        let inside = Sealed::read(&plain, [Some(true), Some(self.x.is_none()), Some(true), Some(true)])?;
        inside.same_ids(&seen)?;
        if inside.second_point != Some(self.y.point(self.bound, &head.mki)) {
            return Err(Error::Decrypt.into());
        }
        let (k_session, echo) = match (&self.x, inside.first_point) {
            (Some(x), None) => (self.y.agree(x)?, None),
            (None, Some(point)) => {
                // An offer of `bound` that was taken out of a first message that nobody here could open shows now.
                let strict = end.settings.demand != Demand::Rfc6267;
                if strict && (point.auth_alg == BOUND_SENTINEL) != self.bound {
                    return Err(Error::Decrypt.into());
                }
                let first = inside.first;
                let echo = Sealed { first, first_point: Some(point), ..Sealed::default() }.encode()?;
                (self.y.agree(&Theirs::of(&point, true)?)?, Some(echo))
            }
            _ => return Err(Error::Decrypt.into()),
        };
        Ok(Second { t: seen.t, k_session, k_i2, deposit, echo })
    }

    /// What is to be kept of the ESK: for the one called where the first message was not opened, for ourselves elsewhere.
    fn deposit(&self, seen: &Seen<'_>) -> Result<Option<Deposit>, CallError> {
        let head = &self.head;
        let recipient = match (&self.x, seen.esk) {
            (None, None) => return Err(CallRefusal::NoEsk.into()),
            (Some(_), None) => return Ok(None),
            (None, Some(_)) => &head.dialled,
            (Some(_), Some(_)) => self.own.name(),
        };
        let place = Place { csb_id: head.csb_id, rand: &head.rand, t: seen.t, sender: &head.initiator, recipient };
        seen.esk.map(|data| Deposit::new(&place, self.bound, data)).transpose()
    }

    fn last_message<R: TryCryptoRng + ?Sized>(
        &self,
        end: &End<'_>,
        i2: &[u8],
        t: Timestamp,
        echo: Option<&SecretVec>,
        keys: &Keys,
        rng: &mut R,
    ) -> Result<Vec<u8>, CallError> {
        let head = &self.head;
        let outline = Outline {
            data_type: DataType::R_MESSAGE_2,
            v: false,
            prf: head.prf,
            csb_id: head.csb_id,
            map: (&self.map.0, self.map.1),
            t,
            rand: None,
            ids: [(IdRole::INITIATOR, &head.initiator), (IdRole::RESPONDER, self.own.name())],
            policies: &[],
            bound: false,
            protocols: None,
            esk: None,
            mac: Some(head.mac),
        };
        let r2 = match echo {
            None => outline.plain()?,
            Some(plain) => {
                let at = Drawing::new(head.csb_id, &head.rand, &[i2]);
                let to = Recipient::new(&self.parameters, &self.initiator)?;
                let from = end.key(&self.own)?;
                outline.seal(&Envelope { to: &to, from, aead: self.y.suite.aead(), plain, at: &at }, rng)?.0
            }
        };
        finish(r2, head.mac, &keys.authentication(head.prf, head.mac, head.csb_id, &head.rand)?)
    }
}

impl fmt::Debug for AwaitI2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwaitI2").field("initiator", &self.initiator).field("own", &self.own).finish_non_exhaustive()
    }
}
