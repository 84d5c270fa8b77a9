//! What is remembered about whoever comes, in a table of fixed size.
//!
//! Places are keyed hashes, four to a bucket: nobody can choose what falls into one bucket, and a full one loses what is worth
//! least. So a flood of strangers costs no memory, and whoever has something held against them does not lose it first.

use std::sync::{Mutex, MutexGuard};

use crate::kgs::server::keys::Vault;

/// Places of a bucket.
const WAYS: usize = 4;

/// Somebody, hashed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    bucket: u64,
    /// Never 0, which is the tag of an empty slot.
    tag: u64,
}

impl Place {
    /// Under a name for what is remembered, and the bytes that say about whom.
    pub(super) fn of(vault: &Vault, kind: &str, who: &[u8]) -> Self {
        let hash = vault.lookup(kind, who);
        let (bucket, rest) = hash.split_first_chunk::<8>().map_or((0, &hash[..]), |(b, r)| (u64::from_be_bytes(*b), r));
        let tag = rest.first_chunk::<8>().map_or(1, |b| u64::from_be_bytes(*b)) | 1;
        Self { bucket, tag }
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot<T> {
    tag: u64,
    of: T,
}

/// The table.
#[derive(Debug)]
pub(super) struct Table<T>(Mutex<Box<[[Slot<T>; WAYS]]>>);

impl<T: Copy + Default> Table<T> {
    /// An empty one with at least so many places, 64 to 2^24.
    pub(super) fn new(places: usize) -> Self {
        let buckets = (places.clamp(64, 1 << 24) / WAYS).next_power_of_two();
        Self(Mutex::new(vec![[Slot::default(); WAYS]; buckets].into()))
    }

    fn buckets(&self) -> MutexGuard<'_, Box<[[Slot<T>; WAYS]]>> {
        match self.0.lock() {
            Ok(buckets) => buckets,
            Err(poisoned) => poisoned.into_inner(),
        }
    }

    /// What is remembered.
    pub(super) fn get(&self, place: Place) -> Option<T> {
        let mut buckets = self.buckets();
        let bucket = bucket(&mut buckets, place)?;
        bucket.iter().find(|slot| slot.tag == place.tag).map(|slot| slot.of)
    }

    /// Changes what is remembered, or begins it in the slot that is worth least. `with` gets what was there; what it returns beside
    /// its result is remembered.
    pub(super) fn change<R, W: Ord>(
        &self,
        place: Place,
        worth: impl Fn(&T) -> W,
        with: impl FnOnce(Option<T>) -> (T, R),
    ) -> R {
        let mut buckets = self.buckets();
        let mut nowhere = [Slot::default()];
        let slots = bucket(&mut buckets, place).map_or(&mut nowhere[..], |b| &mut b[..]);
        let value = |slot: &Slot<T>| (slot.tag == place.tag, slot.tag != 0, worth(&slot.of));
        // Its own slot, else an empty one, else the cheapest.
        let best = slots.iter_mut().min_by_key(|slot| {
            let (own, taken, worth) = value(slot);
            (!own, taken, worth)
        });
        let found = best.as_ref().filter(|slot| slot.tag == place.tag).map(|slot| slot.of);
        let (of, result) = with(found);
        if let Some(slot) = best {
            *slot = Slot { tag: place.tag, of };
        }
        result
    }

    /// Forgets it.
    pub(super) fn forget(&self, place: Place) {
        let mut buckets = self.buckets();
        if let Some(slot) = bucket(&mut buckets, place).and_then(|b| b.iter_mut().find(|slot| slot.tag == place.tag)) {
            *slot = Slot::default();
        }
    }

    /// How many places there are.
    #[cfg(test)]
    pub(super) fn places(&self) -> usize {
        self.buckets().len() * WAYS
    }
}

fn bucket<T>(buckets: &mut [[Slot<T>; WAYS]], place: Place) -> Option<&mut [Slot<T>; WAYS]> {
    let at = place.bucket % buckets.len() as u64;
    buckets.get_mut(at as usize)
}
