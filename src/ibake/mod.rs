//! The IBAKE exchange of RFC 6539, hardened.
//!
//! ```text
//!  initiator I, district A                                          responder R, district B
//!  draws x, X = [x]P     M1 = hdr, IBE_R{ ID_I, ID_R, X }      -->  opens with d_R, draws y, Y = [y]P
//!  opens with d_I        M2 = hdr, IBE_I{ ID_I, ID_R, X, Y }   <--
//!  checks X              M3 = hdr, IBE_R{ ID_I, ID_R, Y }      -->  checks Y: I is authenticated, keys may be exported
//!  keys confirmed        M4 = hdr, { nR }                      <--  both have the authentication string
//! ```
//!
//! The sealed parts carry the RFC's fields in the RFC's order. What is added, and the attack that each part answers:
//!
//! | attack | answer |
//! | --- | --- |
//! | key-compromise impersonation: with `d_I`, let R answer, open M2, replace `Y`, seal again (works on the literal RFC) | the KEM secrets of all messages are chained into every later seal (`schedule.rs`) |
//! | an acting KGS of one side in a call between two districts | with chained seals it needs both master keys |
//! | search for an authentication string that collides | R commits in M2, I sends its nonce in M3, R opens in M4; there is no string before; finished exchanges are counted ([`guard::Guard`]) |
//! | a stolen key of yesterday | both periods are checked before any pairing, against grid, clock and parameters |
//! | nonce reuse through a retry | no seal is ever computed again; the cookie travels outside the transcript ([`envelope`]) |
//! | suite downgrade | both lists are under the seals, both ends check that the first common suite is used |
//! | reflection, and a device that completes with itself | `Y` is compared with `X` by x-coordinate; equal identities are refused unless allowed, and then an own open `sid_I` is |
//! | invalid shares | every share is checked; an all-zero X25519 result is refused |
//! | flooding | a stateless cookie before any pairing; at most four decapsulations for one message; tables of fixed size |
//! | leaked or repeated randomness | every secret is hedged with the own private key |
//!
//! What it does not give: secrecy of who calls whom from the KGS of the called side, deniability, protection against an
//! acting KGS for people who do not compare the authentication string, or resistance to a quantum computer in suites other
//! than the hybrid one (and there only for recorded traffic: authentication rests on BLS12-381).
//!
//! States are types, consumed by value. `x` and `y` are drawn inside. IBAKE runs over a stream: the first bad message ends the
//! exchange and wipes the state.

pub mod envelope;
pub mod exchange;
pub mod guard;
pub mod initiator;
pub mod inspect;
pub(crate) mod messages;
#[cfg(feature = "hazmat")]
pub mod reencode;
pub mod responder;
mod schedule;
pub mod session;
mod state;

use alloc::vec::Vec;

pub use exchange::Exchange;
pub use initiator::start;
pub use messages::{DATA_LIMIT, MESSAGE_LIMIT, SUITE_LIMIT};
pub use responder::Responder;
pub use session::{AuthenticationString, Role, Session};

use crate::error::{Error, PeerError, UsageError};
use crate::ibe::identity::Identity;
use crate::ibe::kem::Recipient;
use crate::ibe::params::PublicParameters;
use crate::ibe::period::Period;
use crate::suite::Suite;

/// Seconds from M1 to M4.
pub const DEADLINE: u64 = 60;

/// Settings of one end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The suites that are accepted, all of them offered.
    pub suites: Vec<Suite>,
    /// Whether both ends may have the same identity (two devices of one person).
    pub allow_same_identity: bool,
    /// Our own open `sid_I`s, so that a device does not answer itself when equal identities are allowed.
    pub open_sids: Vec<[u8; 16]>,
    /// Whether M1 carries a salted hint at the called identity, for responders with many keys. Who guesses the identity can
    /// confirm it by the hint.
    pub send_hint: bool,
}

impl Default for Config {
    /// All five suites, different identities, no hint.
    fn default() -> Self {
        let suites = Suite::PREFERENCE.to_vec();
        Self { suites, allow_same_identity: false, open_sids: Vec::new(), send_hint: false }
    }
}

impl Config {
    fn check(&self) -> Result<(), Error> {
        match self.suites.len() {
            0 => return Err(UsageError::Empty.into()),
            1..=SUITE_LIMIT => {}
            got => return Err(UsageError::TooMany { limit: SUITE_LIMIT, got }.into()),
        }
        let mut sorted = self.suites.clone();
        sorted.sort_unstable();
        sorted.dedup();
        if sorted.len() == self.suites.len() { Ok(()) } else { Err(UsageError::Duplicate.into()) }
    }
}

/// Peers whose [`Recipient`] is kept, so that encrypting to them is cheap.
pub trait PeerCache {
    /// The recipient of this identity, if it is kept.
    fn find(&self, identity: &Identity) -> Option<&Recipient>;
}

impl PeerCache for () {
    fn find(&self, _: &Identity) -> Option<&Recipient> {
        None
    }
}

impl PeerCache for [Recipient] {
    fn find(&self, identity: &Identity) -> Option<&Recipient> {
        self.iter().find(|r| r.identity() == identity)
    }
}

impl PeerCache for Vec<Recipient> {
    fn find(&self, identity: &Identity) -> Option<&Recipient> {
        self.as_slice().find(identity)
    }
}

/// One side at `now`: parameters valid, period on their grid and inside their validity, period current within the skew.
pub(crate) fn check_side(parameters: &PublicParameters, period: Period, now: u64) -> Result<(), Error> {
    parameters.check_time(now)?;
    parameters.check_period(&period)?;
    if period.is_current(now) { Ok(()) } else { Err(PeerError::Expired.into()) }
}

/// A clock that is set back a little in the middle of a call does no harm; further back, the caller's times are wrong.
pub(crate) fn check_deadline(started: u64, now: u64) -> Result<(), Error> {
    if now.saturating_add(DEADLINE) < started {
        return Err(UsageError::ClockWentBack.into());
    }
    if now.saturating_sub(started) > DEADLINE { Err(PeerError::Deadline.into()) } else { Ok(()) }
}
