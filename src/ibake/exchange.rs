//! One exchange as a value: for servers and event loops that hold many in one table.

use alloc::vec::Vec;

use rand_core::TryCryptoRng;

use super::guard::Guard;
use super::initiator::{AwaitM2, Unconfirmed};
use super::responder::{AwaitM3, Responder};
use super::session::Session;
use crate::error::{Error, KeyError, ParametersError, UsageError};
use crate::ibe::kem::Recipient;
use crate::secret::SecretVec;

/// An exchange in any of its states. [`Exchange::step`] consumes one message and moves on; a failed step leaves
/// [`Exchange::Closed`], everything wiped.
#[derive(Debug)]
#[allow(clippy::large_enum_variant)] // every state fits the stated limit of half-open states
pub enum Exchange {
    /// Initiator, awaiting M2.
    AwaitM2(AwaitM2),
    /// Initiator, awaiting M4.
    Unconfirmed(Unconfirmed),
    /// Responder, awaiting M3.
    AwaitM3(AwaitM3),
    /// Finished.
    Established(Session),
    /// Failed or taken.
    Closed,
}

/// What a step gave.
#[derive(Debug)]
pub struct Step {
    /// A message to send, if there is one.
    pub send: Option<Vec<u8>>,
    /// Application data that came with M3 or M4.
    pub received: SecretVec,
}

impl Exchange {
    /// Feeds the next message in. `own` has the keys, parameters and known peers of this end, for either role; `data` goes out
    /// with M3 or M4.
    ///
    /// # Errors
    /// Those of [`AwaitM2::receive`], [`Unconfirmed::receive`] and [`AwaitM3::receive`]; [`UsageError::WrongState`] when the
    /// exchange is over.
    pub fn step<R: TryCryptoRng + ?Sized>(
        &mut self,
        own: &Responder<'_>,
        guard: &mut Guard,
        message: &[u8],
        data: &[u8],
        now: u64,
        rng: &mut R,
    ) -> Result<Step, Error> {
        let (next, step) = match core::mem::replace(self, Self::Closed) {
            Self::AwaitM2(state) => {
                let key = own.keys.iter().find(|k| k.identity() == state.own()).ok_or(KeyError::Missing)?;
                let cold;
                let peer = match own.peers.find(state.peer()) {
                    Some(cached) => cached,
                    None => {
                        let id = state.peer();
                        let found = own.parameters.find(id.district().as_str(), id.serial());
                        cold = Recipient::new(&found.ok_or(ParametersError::Unknown)?, id)?;
                        &cold
                    }
                };
                let (state, m3) = state.receive(message, key, peer, data, now, rng)?;
                (Self::Unconfirmed(state), Step { send: Some(m3), received: SecretVec::new(Vec::new()) })
            }
            Self::Unconfirmed(state) => {
                let (session, received) = state.receive(message, now)?;
                (Self::Established(session), Step { send: None, received })
            }
            Self::AwaitM3(state) => {
                let (session, received, m4) = state.receive(message, own.keys, data, guard, now)?;
                (Self::Established(session), Step { send: Some(m4), received })
            }
            Self::Established(_) | Self::Closed => return Err(UsageError::WrongState.into()),
        };
        *self = next;
        Ok(step)
    }

    /// Takes the finished session out.
    pub fn take_session(&mut self) -> Option<Session> {
        match core::mem::replace(self, Self::Closed) {
            Self::Established(session) => Some(session),
            other => {
                *self = other;
                None
            }
        }
    }
}
