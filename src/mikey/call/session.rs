//! What a call ends with.

use alloc::vec::Vec;
use core::fmt;

use super::content::Sent;
use super::deposit::Deposit;
use super::keys::Keys;
use super::media::CryptoSession;
use super::update::Pending;
use crate::ibe::identity::Identity;
use crate::ibe::name::Name;
use crate::mikey::numbers::{MacAlg, PrfFunc};
use crate::mikey::payloads::Timestamp;
use crate::srtp::{MasterKeys, Role};
use crate::suite::Suite;

/// What a finished call does not give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lack {
    /// Whoever holds the initiator's private key and sits in the middle has, or can have, the keys (key-compromise
    /// impersonation), and so has one who replaces a message for which they hold the key.
    Binding,
    /// Nothing shows that the answerer saw the first message or acts for the one called; a list of policies or an offer of
    /// the better profile may have been taken out of that message before it came to them.
    FirstMessage,
}

/// A finished call: which profile it used, and whether its first message was opened by who answered. The application matches
/// on it; there is no way to the session that passes this by.
#[derive(Debug)]
#[must_use]
pub enum Outcome {
    /// Profile `bound`, the first message was opened.
    Bound(Session),
    /// Profile `bound`, and the answerer did not open the first message (retarget, mailbox): lacks [`Lack::FirstMessage`].
    BoundUnopened(Session),
    /// Profile `rfc6267`: lacks [`Lack::Binding`].
    Rfc6267(Session),
    /// Profile `rfc6267` and a first message that was not opened: lacks both.
    Rfc6267Unopened(Session),
}

impl Outcome {
    pub(super) const fn of(session: Session, bound: bool, opened: bool) -> Self {
        match (bound, opened) {
            (true, true) => Self::Bound(session),
            (true, false) => Self::BoundUnopened(session),
            (false, true) => Self::Rfc6267(session),
            (false, false) => Self::Rfc6267Unopened(session),
        }
    }

    /// What it lacks.
    #[must_use]
    pub const fn lacks(&self) -> &'static [Lack] {
        match self {
            Self::Bound(_) => &[],
            Self::BoundUnopened(_) => &[Lack::FirstMessage],
            Self::Rfc6267(_) => &[Lack::Binding],
            Self::Rfc6267Unopened(_) => &[Lack::Binding, Lack::FirstMessage],
        }
    }
}

/// A call that is up: both ends are authenticated as far as [`Outcome`] says, and have the same keys.
///
/// Wiped on drop; `Debug` shows no key.
pub struct Session {
    pub(super) role: Role,
    pub(super) csb_id: u32,
    pub(super) prf: PrfFunc,
    pub(super) mac: MacAlg,
    pub(super) rand: Vec<u8>,
    pub(super) initiator: Identity,
    pub(super) responder: Identity,
    pub(super) dialled: Name,
    pub(super) suite: Suite,
    pub(super) bound: bool,
    pub(super) sessions: Vec<CryptoSession>,
    pub(super) keys: Keys,
    /// Of the initiator.
    pub(super) sent: Option<Sent>,
    /// Of the responder.
    pub(super) deposit: Option<Deposit>,
    /// T of the last message that was accepted or sent.
    pub(super) last: Timestamp,
    /// Messages that were answered, and the answers.
    pub(super) answers: Vec<(Vec<u8>, Vec<u8>)>,
    pub(super) pending: Option<Pending>,
    pub(super) tries: u32,
}

impl Session {
    /// Which end of the call this is.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// The bundle.
    #[must_use]
    pub const fn csb_id(&self) -> u32 {
        self.csb_id
    }

    /// Who called.
    #[must_use]
    pub const fn initiator(&self) -> &Identity {
        &self.initiator
    }

    /// Who answered.
    #[must_use]
    pub const fn responder(&self) -> &Identity {
        &self.responder
    }

    /// Who was called.
    #[must_use]
    pub const fn dialled(&self) -> &Name {
        &self.dialled
    }

    /// The other end.
    #[must_use]
    pub const fn peer(&self) -> &Identity {
        match self.role {
            Role::Initiator => &self.responder,
            Role::Responder => &self.initiator,
        }
    }

    pub(super) const fn own(&self) -> &Identity {
        match self.role {
            Role::Initiator => &self.initiator,
            Role::Responder => &self.responder,
        }
    }

    /// The suite whose group was used last.
    #[must_use]
    pub const fn suite(&self) -> Suite {
        self.suite
    }

    /// The streams.
    #[must_use]
    pub fn sessions(&self) -> &[CryptoSession] {
        &self.sessions
    }

    /// The keys in force.
    #[must_use]
    pub const fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Every stream with its master key and salt.
    pub fn media(&self) -> impl Iterator<Item = (&CryptoSession, &MasterKeys)> {
        self.sessions.iter().filter_map(|s| Some((s, self.keys.srtp(s.cs_id)?)))
    }

    /// What we sent in the ESK of this call, if there was one; the initiator only. Where the first message was not opened, the key
    /// is for the one called, and who answered cannot read it; elsewhere it is for who answered.
    pub const fn sent(&self) -> Option<&Sent> {
        self.sent.as_ref()
    }

    /// The ESK that came in this call, to be kept for its recipient or opened by ourselves; the responder only. It is there in
    /// every call whose first message was not opened.
    ///
    /// That it is the ESK which was sent, only its recipient can say. In `bound` another one makes other keys, so the initiator
    /// does not go on; in `rfc6267` nothing shows it in the call (RFC 6267 section 5.4).
    #[must_use]
    pub const fn deposit(&self) -> Option<&Deposit> {
        self.deposit.as_ref()
    }

    /// The stored answer if this message was answered before.
    #[must_use]
    pub fn repeat(&self, message: &[u8]) -> Option<&[u8]> {
        self.answers.iter().find_map(|(asked, answer)| (asked == message).then_some(answer.as_slice()))
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("role", &self.role)
            .field("csb_id", &self.csb_id)
            .field("initiator", &self.initiator)
            .field("responder", &self.responder)
            .field("suite", &self.suite)
            .field("bound", &self.bound)
            .finish_non_exhaustive()
    }
}
