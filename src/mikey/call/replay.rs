//! Which first messages were answered already.

use alloc::collections::{BTreeMap, VecDeque};

use super::error::CallError;
use crate::encoding::lp;
use crate::error::PeerError;
use crate::kdf::hash;

/// First messages that were opened, by initiator, bundle and RAND, each for as long as its timestamp is accepted. The size is
/// fixed; what comes when it is full is refused.
///
/// Before answering, ask the state of the call for the stored answer ([`super::AwaitI2::repeat`]): a message that comes again
/// is no replay then.
#[derive(Debug)]
pub struct ReplayCache {
    capacity: usize,
    seen: BTreeMap<[u8; 32], u64>,
    order: VecDeque<(u64, [u8; 32])>,
}

impl ReplayCache {
    /// Room for `capacity` messages.
    #[must_use]
    pub const fn new(capacity: usize) -> Self {
        Self { capacity, seen: BTreeMap::new(), order: VecDeque::new() }
    }

    pub(super) fn name(initiator: &[u8], csb_id: u32, rand: &[u8]) -> [u8; 32] {
        hash(&[&csb_id.to_be_bytes(), &lp(rand), rand, initiator])
    }

    /// Whether this one is new, before any pairing is computed for it.
    pub(super) fn check(&mut self, name: &[u8; 32], now: u64) -> Result<(), CallError> {
        while let Some((_, old)) = self.order.front().filter(|(until, _)| *until < now) {
            self.seen.remove(old);
            self.order.pop_front();
        }
        match self.seen.get(name) {
            Some(until) if *until >= now => Err(PeerError::Replay.into()),
            _ if self.order.len() >= self.capacity => Err(PeerError::Busy.into()),
            _ => Ok(()),
        }
    }

    /// Remembers one that has opened for `seconds`: twice the skew, as its timestamp may be in the future.
    pub(super) fn remember(&mut self, name: [u8; 32], now: u64, seconds: u64) -> Result<(), CallError> {
        self.check(&name, now)?;
        let until = now.saturating_add(seconds);
        self.seen.insert(name, until);
        self.order.push_back((until, name));
        Ok(())
    }
}
