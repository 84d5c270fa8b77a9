//! The end that calls, up to the answer.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use rand_core::TryCryptoRng;

use super::error::{CallError, CallRefusal, Failed};
use super::media::{Offered, SessionOffer};
use super::ready::{Answered, Ready, Reply};
use super::share::{BOUND_SENTINEL, Drawing, Ephemeral, Kept, Theirs};
use super::wire::{self, Envelope, Outline, Sealed, Seen, name_of};
use super::{Demand, End, Head, RAND_BYTES, ends};
use crate::error::{Error, PeerError};
use crate::ibake::check_deadline;
use crate::ibe::identity::Identity;
use crate::ibe::kem::Recipient;
use crate::ibe::name::Name;
use crate::ibe::params::PublicParameters;
use crate::mikey::numbers::{DataType, IdRole, PrfFunc};
use crate::mikey::payloads::{Id, IdR, KeyValidity, Timestamp};
use crate::secret::Secret;
use crate::srtp::Role;
use crate::suite::Suite;

/// What is offered in a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallOffer {
    /// The group, one of [`super::Settings::suites`].
    pub suite: Suite,
    /// PRF-HMAC-SHA-256, or MIKEY-1 if the settings accept it.
    pub prf: PrfFunc,
    /// The streams.
    pub sessions: Vec<SessionOffer>,
    /// The MKI of the keys; empty for none.
    pub mki: Vec<u8>,
    /// The key management protocols of the session description that carries the message
    /// ([`crate::mikey::sdp::Description::protocols`]), if it is carried in one.
    pub protocols: Option<String>,
}

impl CallOffer {
    /// An offer of these streams, without MKI and session description.
    #[must_use]
    pub const fn new(suite: Suite, sessions: Vec<SessionOffer>) -> Self {
        Self { suite, prf: PrfFunc::HMAC_SHA_256, sessions, mki: Vec::new(), protocols: None }
    }
}

impl End<'_> {
    /// Begins a call: draws x and gives I_MESSAGE_1, to be sent as it is, again if it must be.
    ///
    /// `own` is the identity of one of [`End::keys`].
    ///
    /// # Errors
    /// A group, PRF or session that the settings do not have; an own key, parameters or a called identity that are not in
    /// force now; failure of the generator.
    ///
    /// # Timing
    /// Constant in the private key and in everything drawn.
    ///
    /// Source: RFC 6267 section 4.2.2.1.
    pub fn call<R: TryCryptoRng + ?Sized>(
        &self,
        own: &Identity,
        dialled: &Name,
        offer: &CallOffer,
        now: u64,
        rng: &mut R,
    ) -> Result<(AwaitR1, Vec<u8>), CallError> {
        if !self.settings.suites.contains(&offer.suite) {
            return Err(PeerError::NoCommonSuite.into());
        }
        let mac = self.settings.mac(offer.prf)?;
        let key = self.key(own)?;
        self.check_key(key, now, now)?;
        let (peer, parameters) = self.party(dialled, now, now)?;
        if own.name() == dialled {
            return Err(PeerError::SameIdentity.into());
        }
        let offered = Offered::new(Role::Initiator, &[], &offer.sessions, &offer.mki)?;
        let encoded = offered.encode()?;
        let rand = Secret::<RAND_BYTES>::random(rng)?.expose().to_vec();
        let csb_id = u32::from_be_bytes(*Secret::<4>::random(rng)?.expose());
        // Two messages of one initiator never have the same T (RFC 3830 section 5.2).
        let t = Timestamp::ntp_utc(now, u32::from_be_bytes(*Secret::<4>::random(rng)?.expose()));
        let bound = self.settings.demand != Demand::Rfc6267;
        let at = Drawing::new(csb_id, &rand, &[&t.value.to_be_bytes(), own.der(), peer.der()]);
        let x = Ephemeral::first(offer.suite, key, &at, rng)?;
        let head = Head {
            csb_id,
            prf: offer.prf,
            mac,
            rand,
            mki: offer.mki.clone(),
            initiator: own.name().clone(),
            dialled: dialled.clone(),
            t,
            started: now,
        };
        let plain = Sealed {
            first: Some(idr(IdRole::INITIATOR, own.name())),
            first_point: Some(x.point(bound, &offer.mki)),
            second: Some(idr(IdRole::RESPONDER, dialled)),
            second_point: None,
        }
        .encode()?;
        let outline = Outline {
            data_type: DataType::I_MESSAGE_1,
            v: true,
            prf: head.prf,
            csb_id,
            map: (&encoded.map, encoded.count),
            t,
            rand: Some(&head.rand),
            ids: [(IdRole::INITIATOR, own.name()), (IdRole::RESPONDER, dialled)],
            policies: &encoded.policies,
            bound,
            protocols: offer.protocols.as_deref(),
            esk: None,
            mac: None,
        };
        let to = Recipient::new(&parameters, &peer)?;
        let envelope = Envelope { to: &to, from: key, aead: offer.suite.aead(), plain: &plain, at: &at };
        let (i1, k_i1) = outline.seal(&envelope, rng)?;
        let dial = Dial { head, own: own.clone(), peer, parameters, x, k_i1, i1: i1.clone(), offered, bound, tries: 0 };
        Ok((AwaitR1(dial), i1))
    }
}

const fn idr_of(role: IdRole, id: Id<'_>) -> IdR<'_> {
    IdR { role, id }
}

fn idr(role: IdRole, name: &Name) -> IdR<'_> {
    idr_of(role, wire::id_of(name))
}

/// What the initiator holds after I_MESSAGE_1: x and everything to check an answer by. Wiped on drop.
pub(super) struct Dial {
    pub(super) head: Head,
    own: Identity,
    pub(super) peer: Identity,
    parameters: PublicParameters,
    x: Ephemeral,
    k_i1: Kept,
    i1: Vec<u8>,
    offered: Offered,
    bound: bool,
    pub(super) tries: u32,
}

impl Dial {
    /// Checks R_MESSAGE_1. Nothing here changes, so that a bad answer does no harm and a fork can have several.
    ///
    /// Source: RFC 6267 section 4.2.2.4.
    pub(super) fn answer<R: TryCryptoRng + ?Sized>(
        &self,
        end: &End<'_>,
        r1: &[u8],
        now: u64,
        rng: &mut R,
    ) -> Result<Ready, CallError> {
        let head = &self.head;
        check_deadline(head.started, now)?;
        let seen = Seen::read(r1, DataType::R_MESSAGE_1)?;
        head.check(&seen, now)?;
        if seen.t != head.t {
            return Err(CallRefusal::OtherCall("T").into());
        }
        let name = name_of(seen.ids[1])?;
        if name == head.initiator {
            return Err(PeerError::SameIdentity.into());
        }
        let (by, parameters) = if name == head.dialled {
            (self.peer.clone(), self.parameters.clone())
        } else {
            end.party(&name, head.t.unix().unwrap_or(now), now)?
        };
        let sessions = self.offered.check(&seen.map, &seen.message)?;
        match (self.bound, seen.bound) {
            (false, true) => return Err(CallRefusal::OtherCall("profile").into()),
            (true, false) if end.settings.demand == Demand::Bound => return Err(CallRefusal::NotBound.into()),
            _ => {}
        }
        let key = end.key(&self.own)?;
        let (k_r1, plain) = seen.open(&seen.sealed()?, key)?;
        let inside = Sealed::read(&plain, [Some(true), None, Some(true), Some(true)])?;
        inside.same_ids(&seen)?;
        let ours = self.x.point(self.bound, &head.mki);
        let echoed = inside.first_point.is_some();
        if inside.first_point.is_some_and(|echo| echo != ours) {
            return Err(Error::Decrypt.into());
        }
        if !echoed && name == head.dialled {
            return Err(CallRefusal::NotOpened.into());
        }
        let point = inside.second_point.ok_or(Error::Decrypt)?;
        let mki = if head.mki.is_empty() { KeyValidity::Null } else { KeyValidity::Spi(&head.mki) };
        if (point.auth_alg == BOUND_SENTINEL) != seen.bound || point.validity != mki {
            return Err(Error::Decrypt.into());
        }
        let theirs = Theirs::of(&point, false)?;
        // Who has not opened ECCPTi cannot know its group; then I_MESSAGE_2 has one of the group of the answer.
        let fresh = if !echoed && theirs.suite != self.x.suite {
            if theirs.suite.is_hybrid() || !end.settings.suites.contains(&theirs.suite) {
                return Err(PeerError::NoCommonSuite.into());
            }
            let at = Drawing::new(head.csb_id, &head.rand, &[r1]);
            Some(Ephemeral::first(theirs.suite, key, &at, rng)?)
        } else {
            None
        };
        let x = fresh.as_ref().unwrap_or(&self.x);
        let k_session = x.agree(&theirs)?;
        let again = (!echoed).then(|| x.point(self.bound, &head.mki));
        let i = idr(IdRole::INITIATOR, &head.initiator);
        let i2 = Sealed {
            first: Some(i),
            first_point: again,
            second: Some(idr(IdRole::RESPONDER, &name)),
            second_point: Some(point),
        };
        let r2 = Sealed { first: Some(i), first_point: again, ..Sealed::default() };
        Ok(Ready {
            plain_i2: i2.encode()?,
            plain_r2: if echoed { None } else { Some(r2.encode()?) },
            head: head.clone(),
            own: self.own.clone(),
            by,
            parameters,
            dialled: (self.peer.clone(), self.parameters.clone()),
            bound: seen.bound,
            k_session,
            k_i1: echoed.then(|| Box::new(self.k_i1.duplicate())),
            k_r1,
            suite: theirs.suite,
            sessions,
            map: map_of(&seen)?,
            i1: self.i1.clone(),
            r1: r1.to_vec(),
        })
    }

    /// The type that says who answered.
    pub(super) fn reply(&self, ready: Ready) -> Reply {
        if ready.by == self.peer {
            Reply::AsDialled(ready)
        } else {
            Reply::Other(Answered { dialled: self.peer.clone(), by: ready.by.clone(), ready })
        }
    }
}

/// The map as it stands in the message, for the messages that must repeat it.
pub(super) fn map_of(seen: &Seen<'_>) -> Result<(Vec<u8>, u8), CallError> {
    let ids: Vec<_> = seen.map.iter().collect();
    Ok((crate::mikey::header::GenericIds::encode(&ids)?, seen.message.header().crypto_sessions))
}

/// The initiator after I_MESSAGE_1.
pub struct AwaitR1(pub(super) Dial);

impl AwaitR1 {
    /// The bundle, by which messages find their call.
    #[must_use]
    pub const fn csb_id(&self) -> u32 {
        self.0.head.csb_id
    }

    /// Who is called.
    #[must_use]
    pub const fn dialled(&self) -> &Identity {
        &self.0.peer
    }

    /// Takes R_MESSAGE_1.
    ///
    /// # Errors
    /// [`Failed`] with the state as it was, or without one when the deadline has passed.
    ///
    /// # Timing
    /// Constant in the private key and in x.
    ///
    /// Source: RFC 6267 section 4.2.2.4.
    pub fn receive<R: TryCryptoRng + ?Sized>(
        mut self,
        end: &End<'_>,
        r1: &[u8],
        now: u64,
        rng: &mut R,
    ) -> Result<Reply, Box<Failed<Self>>> {
        match self.0.answer(end, r1, now, rng) {
            Ok(ready) => Ok(self.0.reply(ready)),
            Err(e) => {
                let over = ends(&e, &mut self.0.tries);
                Err(Failed::new(e, (!over).then_some(self)))
            }
        }
    }
}

impl fmt::Debug for AwaitR1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwaitR1").field("dialled", &self.0.peer).finish_non_exhaustive()
    }
}
