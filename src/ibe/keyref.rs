//! Which key opens something: district, serial and period of an identity, without its name.

use super::extract::PrivateKey;
use super::identity::{Identity, Purpose};
use super::period::{Granularity, Period};
use crate::encoding::{Reader, Writer, lp};
use crate::error::{DecodeError, DecodeReason, Error, KeyError, PeerError};
use crate::kdf::{hash, label};
use crate::suite::labels;
use alloc::string::String;
use alloc::vec::Vec;

/// Longest district in bytes.
pub const DISTRICT_LIMIT: usize = 255;
/// Most keys that are tried when several names share district, serial and period.
pub const TRIAL_LIMIT: usize = 4;

/// District, serial and period: `u16 length || district || u64 serial || u64 start || u8 granularity`.
///
/// The receiver selects its key by this and never by its clock.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyRef {
    district: String,
    serial: u64,
    period: Period,
}

impl KeyRef {
    /// The reference to the key of this identity.
    pub fn of(identity: &Identity) -> Self {
        Self { district: identity.district().as_str().into(), serial: identity.serial(), period: identity.period() }
    }

    /// The district of the KGS.
    pub fn district(&self) -> &str {
        &self.district
    }

    /// The serial of its parameters.
    pub const fn serial(&self) -> u64 {
        self.serial
    }

    /// The period of the identity.
    pub const fn period(&self) -> Period {
        self.period
    }

    /// Whether the identity has this district, serial and period.
    pub fn fits(&self, identity: &Identity) -> bool {
        identity.district().as_str() == self.district
            && identity.serial() == self.serial
            && identity.period() == self.period
    }

    pub(crate) fn write(&self, w: &mut Writer) {
        w.var16(self.district.as_bytes()).u64(self.serial);
        w.u64(self.period.start()).u8(self.period.granularity().id());
    }

    /// # Errors
    /// Truncated input, a district that is no short ASCII text, serial zero, a period off its grid.
    pub(crate) fn read(r: &mut Reader<'_>) -> Result<Self, Error> {
        let district = r.var16("district", DISTRICT_LIMIT)?;
        let bad = DecodeError::new("district", DecodeReason::Text);
        let district = core::str::from_utf8(district).ok().filter(|d| d.is_ascii() && !d.is_empty()).ok_or(bad)?;
        let serial = r.u64("serial")?;
        if serial == 0 {
            return Err(DecodeError::new("serial", DecodeReason::NotCanonical).into());
        }
        let start = r.u64("period start")?;
        let granularity = Granularity::from_id(r.u8("granularity")?)?;
        Ok(Self { district: district.into(), serial, period: Period::new(granularity, start)? })
    }
}

/// A salted hint at an identity, so that a holder of many keys tries one: the first 8 bytes of
/// `H("hint" || salt || lp(identity DER))`. Whoever guesses the identity can confirm it; this is not privacy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hint {
    salt: [u8; 8],
    tag: [u8; 8],
}

impl Hint {
    /// The hint at `identity` under `salt`.
    pub fn new(salt: [u8; 8], identity: &Identity) -> Self {
        let digest = hash(&[label(labels::HINT).as_ref(), &salt, &lp(identity.der()), identity.der()]);
        let mut tag = [0; 8];
        tag.iter_mut().zip(digest).for_each(|(t, d)| *t = d);
        Self { salt, tag }
    }

    /// Whether this hint is at `identity`.
    pub fn is_at(&self, identity: &Identity) -> bool {
        Self::new(self.salt, identity) == *self
    }

    pub(crate) fn write(&self, w: &mut Writer) {
        w.bytes(&self.salt).bytes(&self.tag);
    }

    pub(crate) fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { salt: *r.array("hint salt")?, tag: *r.array("hint")? })
    }
}

/// Reading and writing by themselves, for fuzzing: elsewhere both are parts of larger formats.
#[cfg(feature = "hazmat")]
impl KeyRef {
    /// Reads the reference at the beginning of `bytes`, and says how many bytes it has.
    ///
    /// # Errors
    /// Truncated input, a district that is no short ASCII text, serial zero, a period off its grid.
    pub fn decode_prefix(bytes: &[u8]) -> Result<(Self, usize), Error> {
        let mut r = Reader::new(bytes);
        let out = Self::read(&mut r)?;
        Ok((out, r.position()))
    }

    /// What [`KeyRef::decode_prefix`] reads.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut w = Writer::new();
        self.write(&mut w);
        w.finish()
    }
}

/// As for [`KeyRef`].
#[cfg(feature = "hazmat")]
impl Hint {
    /// Reads the hint at the beginning of `bytes`.
    ///
    /// # Errors
    /// Truncated input.
    pub fn decode_prefix(bytes: &[u8]) -> Result<Self, Error> {
        Ok(Self::read(&mut Reader::new(bytes))?)
    }

    /// Its 16 bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut w = Writer::new();
        self.write(&mut w);
        w.finish()
    }
}

/// The decryption keys to try, at most [`TRIAL_LIMIT`].
///
/// # Errors
/// [`KeyError::Missing`] if no key fits, [`PeerError::Busy`] if too many do and no hint tells them apart.
pub(crate) fn select<'k>(
    keys: &'k [PrivateKey],
    to: &KeyRef,
    hint: Option<&Hint>,
) -> Result<Vec<&'k PrivateKey>, Error> {
    let fits = |k: &&PrivateKey| {
        let id = k.identity();
        id.purpose() == Purpose::Decrypt && to.fits(id) && hint.is_none_or(|h| h.is_at(id))
    };
    let found: Vec<_> = keys.iter().filter(fits).collect();
    match found.len() {
        0 => Err(KeyError::Missing.into()),
        1..=TRIAL_LIMIT => Ok(found),
        _ => Err(PeerError::Busy.into()),
    }
}
