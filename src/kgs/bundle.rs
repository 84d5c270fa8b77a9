//! Keys for one user, sealed to a key of their own: what bulk issue hands out, and what the user opens.
//!
//! ```text
//! bundle = "IBAKEBDL" || u8 version = 1 || job (16) || fingerprint (32) || u16 length || user || u32 n || n parts
//! part   = u64 place || recipient (32) || u32 length || sealed
//! sealed = HPKE base mode (`sealing`), to `recipient`, info = "kgs bulk" || job || u64 place, aad = fingerprint || lp(user)
//! inside = u64 at || u16 length || requester || u32 n || n x (u16 length || private key || salt (32))
//! ```
//! A private key is in its stored form. With `at`, `requester`, identity and serial its salt opens the commitment in the server's
//! log (`docs/audit.md`), so its owner finds it in what the server publishes.
//!
//! The seal says who may read, not who wrote: that a key is genuine is what the pairing check says, and whoever opens a bundle makes
//! it before anything is used. A bundle holds nothing secret without the user's key.

use rand_core::TryCryptoRng;

use crate::encoding::{Reader, Writer, lp};
use crate::error::{DecodeError, DecodeReason, Error};
use crate::ibe::extract::PRIVATE_KEY_LIMIT;
use crate::kdf::label;
use crate::sealing::{self, Opener, PUBLIC};
use crate::secret::SecretVec;
use crate::suite::labels;

/// Longest bundle.
pub const BUNDLE_MAX: usize = 16 << 20;
/// Most keys of one part.
pub const KEYS_MAX: usize = 4_096;
/// Bytes of a salt.
const SALT: usize = 32;
/// Longest name of a user or requester.
const USER_MAX: usize = 1_024;
/// Longest sealed part.
const PART_MAX: usize = 8 << 20;
const MAGIC: &[u8; 8] = b"IBAKEBDL";
const VERSION: u8 = 1;

/// What one chunk of a job has for one user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Which chunk.
    pub place: u64,
    /// The public key to which it is sealed.
    pub recipient: [u8; PUBLIC],
    /// The seal.
    pub sealed: Vec<u8>,
}

/// What a job has for one user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// The job.
    pub job: [u8; 16],
    /// Of the parameters that the keys belong to.
    pub fingerprint: [u8; 32],
    /// The user.
    pub user: String,
    /// By place.
    pub parts: Vec<Part>,
}

/// What is inside a part.
#[derive(Debug)]
pub struct Contents {
    /// When it was issued, as the log has it.
    pub at: u64,
    /// Who asked, as the log has it.
    pub requester: String,
    /// Keys in their stored form, none of them verified yet, each with its salt.
    pub keys: Vec<(SecretVec, [u8; SALT])>,
}

/// What all parts of a bundle have in common.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The job.
    pub job: &'a [u8; 16],
    /// Of the parameters.
    pub fingerprint: &'a [u8; 32],
    /// The user.
    pub user: &'a str,
    /// Which chunk.
    pub place: u64,
}

impl Place<'_> {
    fn info(&self) -> Vec<u8> {
        [label(labels::KGS_BULK).as_ref(), self.job, &self.place.to_be_bytes()].concat()
    }

    fn aad(&self) -> Vec<u8> {
        [&self.fingerprint[..], &lp(self.user.as_bytes()), self.user.as_bytes()].concat()
    }

    /// Seals contents to a user's key.
    ///
    /// # Errors
    /// [`Error::Random`]; [`DecodeError`] for a key of small order.
    pub fn seal<R: TryCryptoRng + ?Sized>(
        &self,
        recipient: &[u8; PUBLIC],
        contents: &Contents,
        rng: &mut R,
    ) -> Result<Part, Error> {
        let keys: usize = contents.keys.iter().map(|(key, _)| 2 + key.expose().len() + SALT).sum();
        let mut w = Writer::with_capacity(8 + 2 + contents.requester.len() + 4 + keys);
        w.u64(contents.at).var16(contents.requester.as_bytes()).u32(contents.keys.len() as u32);
        for (key, salt) in &contents.keys {
            w.var16(key.expose()).bytes(salt);
        }
        let inside = SecretVec::new(w.finish());
        let sealed = sealing::seal(recipient, &self.info(), &self.aad(), inside.expose(), rng)?;
        Ok(Part { place: self.place, recipient: *recipient, sealed })
    }
}

impl Part {
    /// What it takes in a bundle.
    pub fn len(&self) -> usize {
        8 + PUBLIC + 4 + self.sealed.len()
    }

    /// Whether there is nothing in it; never in one that was sealed.
    pub fn is_empty(&self) -> bool {
        self.sealed.is_empty()
    }
}

impl Bundle {
    /// Its bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut w = Writer::with_capacity(128 + self.user.len() + self.parts.iter().map(Part::len).sum::<usize>());
        w.bytes(MAGIC).u8(VERSION).bytes(&self.job).bytes(&self.fingerprint).var16(self.user.as_bytes());
        w.u32(self.parts.len() as u32);
        for part in &self.parts {
            w.u64(part.place).bytes(&part.recipient).var32(&part.sealed);
        }
        w.finish()
    }

    /// Reads one.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let what = "bundle of keys";
        if bytes.len() > BUNDLE_MAX {
            return Err(DecodeError::new(what, DecodeReason::TooLong { limit: BUNDLE_MAX, got: bytes.len() }).into());
        }
        let mut r = Reader::new(bytes);
        if r.array::<8>(what)? != MAGIC {
            return Err(DecodeError::new(what, DecodeReason::Inconsistent).into());
        }
        let version = r.u8(what)?;
        if version != VERSION {
            return Err(DecodeError::new(what, DecodeReason::Version { got: version.into() }).into());
        }
        let (job, fingerprint) = (*r.array("job")?, *r.array("fingerprint")?);
        let user = text(r.var16("user", USER_MAX)?, "user")?;
        let n = r.u32("parts")?;
        // A part takes more than a byte, so the number cannot make us reserve more than there is.
        let mut parts = Vec::new();
        for _ in 0..n {
            let (place, recipient) = (r.u64("part")?, *r.array("recipient")?);
            parts.push(Part { place, recipient, sealed: r.var32("part", PART_MAX)?.to_vec() });
        }
        r.finish(what)?;
        Ok(Self { job, fingerprint, user, parts })
    }

    /// Opens a part with the user's key. The keys inside have to be verified before they are used.
    ///
    /// # Errors
    /// [`Error::Decrypt`] if it is sealed to another key, or is of another bundle; [`DecodeError`] for contents that are none.
    pub fn open(&self, part: &Part, opener: &Opener) -> Result<Contents, Error> {
        let Self { job, fingerprint, user, .. } = self;
        let at = Place { job, fingerprint, user, place: part.place };
        let inside = opener.open(&at.info(), &at.aad(), &part.sealed)?;
        let mut r = Reader::new(inside.expose());
        let at = r.u64("time")?;
        let requester = text(r.var16("requester", USER_MAX)?, "requester")?;
        let n = usize::try_from(r.u32("keys")?).unwrap_or(usize::MAX);
        if n > KEYS_MAX {
            return Err(DecodeError::new("keys", DecodeReason::TooLong { limit: KEYS_MAX, got: n }).into());
        }
        let mut keys = Vec::with_capacity(n);
        for _ in 0..n {
            let key = SecretVec::new(r.var16("private key", PRIVATE_KEY_LIMIT)?.to_vec());
            keys.push((key, *r.array("salt")?));
        }
        r.finish("part")?;
        Ok(Contents { at, requester, keys })
    }
}

fn text(bytes: &[u8], what: &'static str) -> Result<String, Error> {
    let text = core::str::from_utf8(bytes).map_err(|_| DecodeError::new(what, DecodeReason::Text))?;
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use getrandom::SysRng;

    fn sealed(opener: &Opener) -> Bundle {
        let (job, fingerprint, user) = ([1; 16], [2; 32], "alice");
        let contents = |n: u8| Contents {
            at: 5,
            requester: "machine".into(),
            keys: (0..n).map(|i| (SecretVec::new(vec![i; 100]), [i; 32])).collect(),
        };
        let part = |place, n| {
            let at = Place { job: &job, fingerprint: &fingerprint, user, place };
            at.seal(opener.public(), &contents(n), &mut SysRng).unwrap()
        };
        Bundle { job, fingerprint, user: user.into(), parts: vec![part(0, 3), part(7, 1)] }
    }

    #[test]
    fn a_bundle_opens_in_its_place_only() {
        let opener = Opener::generate(&mut SysRng).unwrap();
        let bundle = sealed(&opener);
        let read = Bundle::from_bytes(&bundle.to_bytes()).unwrap();
        assert_eq!(read, bundle);
        let opened = read.open(&read.parts[0], &opener).unwrap();
        assert_eq!((opened.at, opened.requester.as_str(), opened.keys.len()), (5, "machine", 3));
        assert_eq!((opened.keys[2].0.expose(), opened.keys[2].1), (&[2; 100][..], [2; 32]));
        let other = Opener::generate(&mut SysRng).unwrap();
        assert_eq!(read.open(&read.parts[0], &other).map(drop), Err(Error::Decrypt));
        // Of another user, job, district or chunk.
        for change in [
            |b: &mut Bundle| b.user = "bob".into(),
            |b: &mut Bundle| b.job[0] ^= 1,
            |b: &mut Bundle| b.fingerprint[0] ^= 1,
            |b: &mut Bundle| b.parts[0].place += 1,
            |b: &mut Bundle| b.parts[0].sealed[40] ^= 1,
        ] {
            let mut moved = bundle.clone();
            change(&mut moved);
            assert_eq!(moved.open(&moved.parts[0], &opener).map(drop), Err(Error::Decrypt));
        }
    }

    #[test]
    fn what_is_no_bundle_is_an_error() {
        let bytes = sealed(&Opener::generate(&mut SysRng).unwrap()).to_bytes();
        for end in 0..bytes.len() {
            assert!(matches!(Bundle::from_bytes(&bytes[..end]), Err(Error::Decode(_))), "{end}");
        }
        for (at, with) in [(0, b'X'), (8, 2), (57, 0xff), (66, 0xff), (108, 0xff)] {
            let mut bad = bytes.clone();
            bad[at] = with;
            assert!(matches!(Bundle::from_bytes(&bad), Err(Error::Decode(_))), "{at}");
        }
        assert!(Bundle::from_bytes(&[&bytes[..], &[0]].concat()).is_err());
    }
}
