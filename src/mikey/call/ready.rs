//! The initiator from the answer on: who it was, I_MESSAGE_2, and the end of the call.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use rand_core::TryCryptoRng;

use super::content::{ContentKey, Sent};
use super::error::{CallError, CallRefusal, Failed};
use super::esk::{Making, Place};
use super::initiator::map_of;
use super::keys::{self, Keys};
use super::media::CryptoSession;
use super::session::{Outcome, Session};
use super::share::{Drawing, Kept};
use super::wire::{self, Envelope, Outline, Seen};
use super::{End, Head, ends, error_message, later};
use crate::error::Error;
use crate::ibake::check_deadline;
use crate::ibe::identity::Identity;
use crate::ibe::kem::Recipient;
use crate::ibe::params::PublicParameters;
use crate::mikey::error::Refused;
use crate::mikey::numbers::{DataType, ErrorNo, IdRole};
use crate::mikey::payloads::Timestamp;
use crate::secret::SecretVec;
use crate::srtp::Role;
use crate::suite::Suite;

/// Who answered.
#[derive(Debug)]
#[must_use]
pub enum Reply {
    /// The identity that was called; it opened our first message.
    AsDialled(Ready),
    /// Another one: a branch of a fork, or a silent retarget. The application decides.
    Other(Answered),
}

/// An answer by somebody who was not called. They are who they say: only they can open I_MESSAGE_2. Whether they are somebody
/// to talk to is not for a protocol to say.
#[derive(Debug)]
#[must_use]
pub struct Answered {
    /// Who was called.
    pub dialled: Identity,
    /// Who answered.
    pub by: Identity,
    pub(super) ready: Ready,
}

impl Answered {
    /// Whether they opened our first message, which was sealed to whom we called: so it is in a fork, whose branches share
    /// that key. A retarget or a mailbox did not, and then nothing shows that they saw what we sent or that the one we called
    /// knows of it.
    #[must_use]
    pub const fn opened_first(&self) -> bool {
        self.ready.k_i1.is_some()
    }

    /// Goes on with who answered.
    pub fn accept(self) -> Ready {
        self.ready
    }

    /// Ends the call; gives an error message for who answered, which may be sent.
    ///
    /// # Errors
    /// None in practice; see [`error_message`].
    pub fn refuse(self) -> Result<Vec<u8>, CallError> {
        let head = &self.ready.head;
        error_message(head.csb_id, head.prf, head.t, ErrorNo::INVALID_ID)
    }
}

/// The initiator with an answer that it goes on with.
#[must_use]
pub struct Ready {
    pub(super) head: Head,
    pub(super) own: Identity,
    pub(super) by: Identity,
    pub(super) parameters: PublicParameters,
    /// Who was called, with their parameters.
    pub(super) dialled: (Identity, PublicParameters),
    pub(super) bound: bool,
    pub(super) k_session: SecretVec,
    pub(super) k_i1: Option<Kept>,
    pub(super) k_r1: Kept,
    pub(super) suite: Suite,
    pub(super) sessions: Vec<CryptoSession>,
    pub(super) map: (Vec<u8>, u8),
    pub(super) plain_i2: SecretVec,
    pub(super) plain_r2: Option<SecretVec>,
    pub(super) i1: Vec<u8>,
    pub(super) r1: Vec<u8>,
}

impl Ready {
    /// The streams that were agreed on.
    #[must_use]
    pub fn sessions(&self) -> &[CryptoSession] {
        &self.sessions
    }

    /// Gives I_MESSAGE_2. Where the first message was not opened, it carries an ESK with a fresh content key for the one called:
    /// see [`Session::sent`].
    ///
    /// # Errors
    /// The deadline, an own key that is gone, failure of the generator. The branch ends.
    ///
    /// Source: RFC 6267 section 4.2.2.5.
    pub fn proceed<R: TryCryptoRng + ?Sized>(
        self,
        end: &End<'_>,
        now: u64,
        rng: &mut R,
    ) -> Result<(AwaitR2, Vec<u8>), CallError> {
        self.go_on(end, None, now, rng)
    }

    /// As [`Ready::proceed`], with an ESK in any case, and this content key in it: for who answered if they opened the first
    /// message, for the one called if not. One key may go to many recipients.
    ///
    /// # Errors
    /// Those of [`Ready::proceed`].
    pub fn proceed_with<R: TryCryptoRng + ?Sized>(
        self,
        end: &End<'_>,
        content: &ContentKey,
        now: u64,
        rng: &mut R,
    ) -> Result<(AwaitR2, Vec<u8>), CallError> {
        self.go_on(end, Some(content), now, rng)
    }

    fn esk<R: TryCryptoRng + ?Sized>(
        &self,
        end: &End<'_>,
        given: Option<&ContentKey>,
        t: Timestamp,
        rng: &mut R,
    ) -> Result<Option<(Vec<u8>, Sent)>, CallError> {
        let opened = self.k_i1.is_some();
        if opened && given.is_none() {
            return Ok(None);
        }
        let (to, parameters) = if opened { (&self.by, &self.parameters) } else { (&self.dialled.0, &self.dialled.1) };
        let Head { csb_id, rand, initiator, .. } = &self.head;
        let making = Making {
            place: Place { csb_id: *csb_id, rand, t, sender: initiator, recipient: to.name() },
            to: &Recipient::new(parameters, to)?,
            own: end.key(&self.own)?,
            sign: self.bound,
            aead: self.suite.aead(),
            r1: &self.r1,
        };
        making.make(end, given, rng).map(Some)
    }

    fn go_on<R: TryCryptoRng + ?Sized>(
        self,
        end: &End<'_>,
        content: Option<&ContentKey>,
        now: u64,
        rng: &mut R,
    ) -> Result<(AwaitR2, Vec<u8>), CallError> {
        check_deadline(self.head.started, now)?;
        let key = end.key(&self.own)?;
        let t = later(self.head.t, now);
        let (esk, sent) = self.esk(end, content, t, rng)?.unzip();
        let at = Drawing::new(self.head.csb_id, &self.head.rand, &[&self.r1, &t.value.to_be_bytes()]);
        let outline = Outline {
            data_type: DataType::I_MESSAGE_2,
            v: true,
            prf: self.head.prf,
            csb_id: self.head.csb_id,
            map: (&self.map.0, self.map.1),
            t,
            rand: Some(&self.head.rand),
            ids: [(IdRole::INITIATOR, &self.head.initiator), (IdRole::RESPONDER, self.by.name())],
            policies: &[],
            bound: false,
            protocols: None,
            esk: esk.as_deref(),
            mac: None,
        };
        let to = Recipient::new(&self.parameters, &self.by)?;
        let envelope = Envelope { to: &to, from: key, aead: self.suite.aead(), plain: &self.plain_i2, at: &at };
        let (i2, k_i2) = outline.seal(&envelope, rng)?;
        let inkey = match self.bound {
            true => keys::bound([&self.i1, &self.r1, &i2], &self.k_session, self.k_i1.as_deref(), &self.k_r1, &k_i2),
            false => self.k_session,
        };
        let head = self.head;
        let keys = Keys::derive(head.prf, inkey, head.csb_id, &head.rand, &self.sessions, &head.mki)?;
        let state = AwaitR2 {
            echoed: self.k_i1.is_some(),
            head,
            own: self.own,
            by: self.by,
            bound: self.bound,
            suite: self.suite,
            sessions: self.sessions,
            map: self.map,
            plain_r2: self.plain_r2,
            keys,
            sent,
            t,
            r1: self.r1,
            i2: i2.clone(),
            tries: 0,
        };
        Ok((state, i2))
    }
}

impl fmt::Debug for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ready").field("by", &self.by).field("bound", &self.bound).finish_non_exhaustive()
    }
}

/// The initiator after I_MESSAGE_2. It has keys and gives none away before V is right: until then nothing says that the other
/// end has them, too.
pub struct AwaitR2 {
    head: Head,
    own: Identity,
    by: Identity,
    bound: bool,
    echoed: bool,
    suite: Suite,
    sessions: Vec<CryptoSession>,
    map: (Vec<u8>, u8),
    plain_r2: Option<SecretVec>,
    keys: Keys,
    sent: Option<Sent>,
    t: Timestamp,
    r1: Vec<u8>,
    i2: Vec<u8>,
    tries: u32,
}

impl AwaitR2 {
    /// The stored I_MESSAGE_2 if this is the R_MESSAGE_1 that it answers, again.
    #[must_use]
    pub fn repeat(&self, message: &[u8]) -> Option<&[u8]> {
        (message == self.r1).then_some(&self.i2)
    }

    /// Takes R_MESSAGE_2.
    ///
    /// # Errors
    /// [`Failed`] with the state as it was, or without one when the deadline has passed.
    ///
    /// Source: RFC 6267 section 4.2.2.8.
    pub fn receive(mut self, end: &End<'_>, r2: &[u8], now: u64) -> Result<Outcome, Box<Failed<Self>>> {
        match self.check(end, r2, now) {
            Ok(()) => {
                let session = Session {
                    role: Role::Initiator,
                    csb_id: self.head.csb_id,
                    prf: self.head.prf,
                    mac: self.head.mac,
                    rand: self.head.rand,
                    initiator: self.own,
                    responder: self.by,
                    dialled: self.head.dialled,
                    suite: self.suite,
                    bound: self.bound,
                    sessions: self.sessions,
                    keys: self.keys,
                    sent: self.sent,
                    deposit: None,
                    last: self.t,
                    answers: [(self.r1, self.i2)].to_vec(),
                    pending: None,
                    tries: 0,
                };
                Ok(Outcome::of(session, self.bound, self.echoed))
            }
            Err(e) => {
                let over = ends(&e, &mut self.tries);
                Err(Failed::new(e, (!over).then_some(self)))
            }
        }
    }

    fn check(&self, end: &End<'_>, r2: &[u8], now: u64) -> Result<(), CallError> {
        let head = &self.head;
        check_deadline(head.started, now)?;
        let seen = Seen::read(r2, DataType::R_MESSAGE_2)?;
        head.check(&seen, now)?;
        if seen.t != self.t {
            return Err(CallRefusal::OtherCall("T").into());
        }
        if seen.ids[1] != wire::id_of(self.by.name()) {
            return Err(CallRefusal::OtherCall("IDRr").into());
        }
        if map_of(&seen)? != self.map {
            return Err(CallRefusal::OtherCall("CS ID map").into());
        }
        let key = self.keys.authentication(head.prf, head.mac, head.csb_id, &head.rand)?;
        seen.verify(head.mac, &key)?;
        if let Some(expected) = &self.plain_r2 {
            let (_, plain) = seen.open(&seen.sealed()?, end.key(&self.own)?)?;
            if plain.expose() != expected.expose() {
                return Err(Error::Decrypt.into());
            }
        } else if seen.ibake.is_some() {
            return Err(Refused::Field("IBAKE in R_MESSAGE_2").into());
        }
        Ok(())
    }
}

impl fmt::Debug for AwaitR2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwaitR2").field("by", &self.by).field("bound", &self.bound).finish_non_exhaustive()
    }
}
