//! Forking: one first message, several answers (RFC 6267 sections 3.1 and 7.3).
//!
//! The network sends the call to several devices that share the called identity's key. Each answers under an identity of its
//! own with a share of its own, so each branch ends with its own key, and a device that lost learns no more than x's public
//! share. `K_I1` is known to all that share the called key; what keeps them out of each other's keys is `y` and, in `bound`,
//! `K_I2`.
//!
//! x stays for the branches to come: this type has a limit on them, a deadline, and an end at which x is wiped.

use alloc::vec::Vec;
use core::fmt;

use rand_core::TryCryptoRng;

use super::error::{CallError, CallRefusal};
use super::initiator::{AwaitR1, Dial};
use super::ready::Reply;
use super::{End, ends};
use crate::ibe::identity::Identity;
use crate::kdf::hash;

/// Most branches of a call.
pub const BRANCH_LIMIT: usize = 16;

/// The initiator of a call that several may answer.
pub struct Fork {
    /// `None` when closed.
    dial: Option<Dial>,
    limit: usize,
    answered: Vec<[u8; 32]>,
}

impl AwaitR1 {
    /// Waits for up to `limit` answers, [`BRANCH_LIMIT`] at most.
    #[must_use]
    pub fn fork(self, limit: usize) -> Fork {
        Fork { dial: Some(self.0), limit: limit.min(BRANCH_LIMIT), answered: Vec::new() }
    }
}

impl Fork {
    /// Takes the R_MESSAGE_1 of one branch. Each [`Reply`] is a call of its own; the application goes on with one or more.
    ///
    /// A message that was taken before is [`CallRefusal::OtherCall`]: its branch repeats the answer ([`super::AwaitR2::repeat`]).
    ///
    /// # Errors
    /// Those of [`AwaitR1::receive`]; [`CallRefusal::Branches`]; [`CallRefusal::Closed`]. The fork stays as it was, but is
    /// closed and wiped when the deadline has passed.
    pub fn receive<R: TryCryptoRng + ?Sized>(
        &mut self,
        end: &End<'_>,
        r1: &[u8],
        now: u64,
        rng: &mut R,
    ) -> Result<Reply, CallError> {
        let dial = self.dial.as_mut().ok_or(CallRefusal::Closed)?;
        let name = hash(&[r1]);
        if self.answered.contains(&name) {
            return Err(CallRefusal::OtherCall("answered branch").into());
        }
        if self.answered.len() >= self.limit {
            return Err(CallRefusal::Branches { limit: self.limit }.into());
        }
        match dial.answer(end, r1, now, rng) {
            Ok(ready) => {
                self.answered.push(name);
                Ok(dial.reply(ready))
            }
            Err(e) => {
                if ends(&e, &mut dial.tries) {
                    self.close();
                }
                Err(e)
            }
        }
    }

    /// Wipes x: no more branches. Branches that have answered go on.
    pub fn close(&mut self) {
        self.dial = None;
    }

    /// Whether more branches may answer.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.dial.is_some() && self.answered.len() < self.limit
    }

    /// How many have answered.
    #[must_use]
    pub const fn branches(&self) -> usize {
        self.answered.len()
    }

    /// Who is called.
    #[must_use]
    pub fn dialled(&self) -> Option<&Identity> {
        self.dial.as_ref().map(|d| &d.peer)
    }
}

impl fmt::Debug for Fork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fork")
            .field("branches", &self.answered.len())
            .field("open", &self.is_open())
            .finish_non_exhaustive()
    }
}
