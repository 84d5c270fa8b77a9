//! What keeps strangers cheap: the replay cache, the count of finished exchanges, budgets per source, and the stateless
//! cookie. Every table has a size that is fixed when it is made.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use rand_core::TryCryptoRng;
use subtle::ConstantTimeEq;

use super::DEADLINE;
use crate::declassify;
use crate::encoding::lp;
use crate::error::{Error, PeerError};
use crate::ibe::identity::Identity;
use crate::kdf::{Prk, hash, label};
use crate::secret::Secret;
use crate::suite::labels;

/// Replay cache of a responder and count of the exchanges that reached M3.
///
/// An M1 replayed after its entry has expired costs the responder one answer and gives nobody anything: without `x` it cannot
/// be finished.
#[derive(Debug)]
pub struct Guard {
    capacity: usize,
    seen: BTreeMap<[u8; 16], u64>,
    order: VecDeque<(u64, [u8; 16])>,
    finished: Budget,
    total: u64,
}

impl Guard {
    /// A guard that remembers `capacity` exchanges for the length of a deadline and lets one initiator identity finish
    /// `per_hour` exchanges an hour.
    ///
    /// # Errors
    /// [`Error::Random`] if the generator fails.
    pub fn new<R: TryCryptoRng + ?Sized>(capacity: usize, per_hour: u32, rng: &mut R) -> Result<Self, Error> {
        let finished = Budget::new(4096, per_hour, 3600, rng)?;
        Ok(Self { capacity, seen: BTreeMap::new(), order: VecDeque::new(), finished, total: 0 })
    }

    /// How many exchanges have reached M3, for logs and alarms.
    pub const fn finished(&self) -> u64 {
        self.total
    }

    /// Whether this `sid_I` is new, before any pairing is computed for it.
    pub(crate) fn check_new(&mut self, sid_i: &[u8; 16], now: u64) -> Result<(), Error> {
        while let Some((until, sid)) = self.order.front() {
            if *until > now {
                break;
            }
            self.seen.remove(sid);
            self.order.pop_front();
        }
        if self.seen.contains_key(sid_i) {
            return Err(PeerError::Replay.into());
        }
        if self.seen.len() >= self.capacity {
            return Err(PeerError::Busy.into());
        }
        Ok(())
    }

    /// Remembers an M1 that has opened; a different M1 with the same `sid_I` is dropped from now on.
    pub(crate) fn remember(&mut self, sid_i: [u8; 16], now: u64) -> Result<(), Error> {
        self.check_new(&sid_i, now)?;
        let until = now.saturating_add(2 * DEADLINE);
        self.seen.insert(sid_i, until);
        self.order.push_back((until, sid_i));
        Ok(())
    }

    /// Counts an exchange whose M3 has opened.
    pub(crate) fn completed(&mut self, initiator: &Identity, now: u64) -> Result<(), Error> {
        self.total = self.total.saturating_add(1);
        if self.finished.take(initiator.der(), now) { Ok(()) } else { Err(PeerError::Busy.into()) }
    }
}

/// Token buckets in constant memory: `size` of them, chosen by a keyed hash, so that nobody can aim at another's bucket.
pub struct Budget {
    key: Prk,
    burst: u32,
    window: u64,
    buckets: Vec<(u64, u32)>,
}

impl Budget {
    /// `burst` tokens for every name, refilled over `window` seconds.
    ///
    /// # Errors
    /// [`Error::Random`] if the generator fails.
    pub fn new<R: TryCryptoRng + ?Sized>(size: usize, burst: u32, window: u64, rng: &mut R) -> Result<Self, Error> {
        let buckets = vec![(0, burst); size.max(1)];
        Ok(Self { key: Prk::from_secret(Secret::random(rng)?), burst, window: window.max(1), buckets })
    }

    /// Takes one token of `name`; false when there is none left.
    pub fn take(&mut self, name: &[u8], now: u64) -> bool {
        let digest = self.key.expand::<8>(&[&hash(&[name])]);
        let index = u64::from_be_bytes(*digest.expose()) % self.buckets.len() as u64;
        let Some((last, tokens)) = self.buckets.get_mut(index as usize) else { return false };
        let earned = u128::from(now.saturating_sub(*last)) * u128::from(self.burst) / u128::from(self.window);
        if earned > 0 {
            *tokens = u128::from(*tokens).saturating_add(earned).min(self.burst.into()) as u32;
            *last = now;
        }
        if *tokens == 0 {
            return false;
        }
        *tokens -= 1;
        true
    }
}

impl fmt::Debug for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Budget").field("buckets", &self.buckets.len()).finish_non_exhaustive()
    }
}

/// Bytes of a cookie.
pub const COOKIE_BYTES: usize = 24;
/// Seconds for which a cookie is good.
pub const COOKIE_LIFETIME: u64 = 30;

/// Makes and checks stateless cookies: `u64 time || Exp(secret, "cookie" || u64 time || lp(source) || H(M1), 16)`.
///
/// The cookie travels in the [envelope](super::envelope), outside transcript and associated data, so that M1 stays
/// byte-identical when it is sent again.
#[derive(Debug)]
pub struct CookieJar(Prk);

impl CookieJar {
    /// A jar with a fresh secret.
    ///
    /// # Errors
    /// [`Error::Random`] if the generator fails.
    pub fn new<R: TryCryptoRng + ?Sized>(rng: &mut R) -> Result<Self, Error> {
        Ok(Self(Prk::from_secret(Secret::random(rng)?)))
    }

    /// The cookie for this M1 from this source address.
    pub fn issue(&self, source: &[u8], m1: &[u8], now: u64) -> [u8; COOKIE_BYTES] {
        let time = now.to_be_bytes();
        let tag = self.0.expand::<16>(&[label(labels::COOKIE).as_ref(), &time, &lp(source), source, &hash(&[m1])]);
        let mut out = [0; COOKIE_BYTES];
        out.iter_mut().zip(time.iter().chain(tag.expose())).for_each(|(o, b)| *o = *b);
        out
    }

    /// Checks a cookie. No pairing, no state.
    ///
    /// # Errors
    /// [`PeerError::BadCookie`].
    pub fn check(&self, cookie: &[u8; COOKIE_BYTES], source: &[u8], m1: &[u8], now: u64) -> Result<(), Error> {
        let issued = cookie.first_chunk::<8>().map_or(0, |t| u64::from_be_bytes(*t));
        let fresh = issued <= now && now - issued <= COOKIE_LIFETIME;
        let ours = declassify::verdict("cookie is ours", self.issue(source, m1, issued).ct_eq(cookie));
        if fresh && ours { Ok(()) } else { Err(PeerError::BadCookie.into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use getrandom::SysRng;

    #[test]
    fn replay_cache_forgets_after_the_deadline_and_never_grows_past_its_size() {
        let mut g = Guard::new(2, 10, &mut SysRng).unwrap();
        g.remember([1; 16], 100).unwrap();
        assert_eq!(g.check_new(&[1; 16], 101), Err(PeerError::Replay.into()));
        g.remember([2; 16], 101).unwrap();
        assert_eq!(g.remember([3; 16], 102), Err(PeerError::Busy.into()));
        assert_eq!(g.check_new(&[1; 16], 99 + 2 * DEADLINE), Err(PeerError::Replay.into()), "two deadlines, no less");
        assert_eq!(g.check_new(&[1; 16], 100 + 2 * DEADLINE), Ok(()));
        g.remember([3; 16], 101 + 2 * DEADLINE).unwrap();
        assert!(g.seen.len() <= 2 && g.order.len() == g.seen.len());
    }

    #[test]
    fn a_budget_runs_out_and_refills() {
        let mut b = Budget::new(64, 3, 60, &mut SysRng).unwrap();
        assert_eq!((0..5).filter(|_| b.take(b"source", 1000)).count(), 3);
        assert!(!b.take(b"source", 1010), "ten seconds do not earn a whole token");
        assert!(b.take(b"source", 1020));
        assert_eq!((0..5).filter(|_| b.take(b"source", 5000)).count(), 3);
    }

    #[test]
    fn a_cookie_serves_one_source_one_message_and_half_a_minute() {
        let jar = CookieJar::new(&mut SysRng).unwrap();
        let c = jar.issue(b"192.0.2.1:5", b"m1", 1000);
        assert_eq!(jar.check(&c, b"192.0.2.1:5", b"m1", 1030), Ok(()));
        let bad = Err(PeerError::BadCookie.into());
        assert_eq!(jar.check(&c, b"192.0.2.1:5", b"m1", 1031), bad);
        assert_eq!(jar.check(&c, b"192.0.2.1:5", b"m1", 999), bad);
        assert_eq!(jar.check(&c, b"192.0.2.2:5", b"m1", 1001), bad);
        assert_eq!(jar.check(&c, b"192.0.2.1:5", b"m2", 1001), bad);
        assert_eq!(CookieJar::new(&mut SysRng).unwrap().check(&c, b"192.0.2.1:5", b"m1", 1001), bad);
    }
}
