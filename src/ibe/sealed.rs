//! The sealed box: a message to one identity, self-describing.
//!
//! ```text
//! header = u8 version || u16 ibe_suite || u8 aead || u16 len, district || u64 serial || u64 period start || u8
//! granularity box    = header || U || V || u32 len, AEAD(key, nonce 0, lp(header || U || V) || lp(ad), plaintext) key
//! = Exp(K, "box" || u8 aead, 32)          K from the KEM: every key seals once
//! ```
//!
//! The receiver selects its key from the header. Associated data is mandatory in the API: what the box is for belongs
//! there.

use alloc::vec::Vec;

use rand_core::TryCryptoRng;

use super::extract::PrivateKey;
use super::identity::Identity;
use super::kem::{ENCAPSULATION_BYTES, Encapsulation, Recipient};
use super::keyref::{KeyRef, select};
use crate::aead;
use crate::encoding::{Reader, Writer, lp};
use crate::error::{DecodeError, DecodeReason, Error, UsageError};
use crate::kdf::{Prk, label};
use crate::secret::{Secret, SecretVec};
use crate::suite::{Aead, IBE_SUITE, labels};

/// Longest plaintext of a box: 16 MiB. Longer ones go into a [file](super::file).
pub const BOX_LIMIT: usize = 1 << 24;
const VERSION: u8 = 1;
const TAG: usize = 16;

/// Seals `plaintext` to `recipient`.
///
/// Shape: the header, 128 bytes of encapsulation, then the plaintext's length and 16 bytes more.
///
/// # Errors
/// [`UsageError::TooMany`] for a plaintext over [`BOX_LIMIT`], [`Error::Random`] if the generator fails.
///
/// # Timing
/// Constant in contents, varies with lengths.
pub fn seal<R: TryCryptoRng + ?Sized>(
    recipient: &Recipient,
    aead: Aead,
    ad: &[u8],
    plaintext: &[u8],
    rng: &mut R,
) -> Result<Vec<u8>, Error> {
    if plaintext.len() > BOX_LIMIT {
        return Err(UsageError::TooMany { limit: BOX_LIMIT, got: plaintext.len() }.into());
    }
    let encapsulated = recipient.encapsulate(rng)?;
    Ok(seal_under(recipient.identity(), encapsulated, aead, ad, plaintext))
}

/// The box under a key that is encapsulated already; the plaintext is within [`BOX_LIMIT`].
pub(crate) fn seal_under(
    identity: &Identity,
    (encapsulation, k): (Encapsulation, Secret<32>),
    aead: Aead,
    ad: &[u8],
    plaintext: &[u8],
) -> Vec<u8> {
    let mut w = Writer::new();
    w.u8(VERSION).u16(IBE_SUITE).u8(aead.id());
    KeyRef::of(identity).write(&mut w);
    w.bytes(&encapsulation.to_bytes());
    let mut out = w.finish();
    let sealed = aead::seal(aead, box_key(k, aead).expose(), &bind(&out, ad), plaintext);
    let mut tail = Writer::with_capacity(4 + sealed.len());
    tail.var32(&sealed);
    out.extend_from_slice(&tail.finish());
    out
}

/// A box that has been read, before any private key is used: what it says about itself.
#[derive(Clone, Debug)]
pub struct SealedBox<'a> {
    to: KeyRef,
    aead: Aead,
    encapsulation: Encapsulation,
    bound: &'a [u8],
    ciphertext: &'a [u8],
}

impl<'a> SealedBox<'a> {
    /// Reads a box and checks everything that needs no key, the point `U` included.
    ///
    /// # Errors
    /// [`DecodeError`] names the field that is wrong.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Error> {
        Self::decode_with(bytes, |e| Ok(Encapsulation::decode(e)?))
    }

    /// As [`Self::decode`], with another way from the bytes of the encapsulation to their checked form. It is called
    /// when everything before them has been found right.
    pub(crate) fn decode_with(
        bytes: &'a [u8],
        encapsulation: impl FnOnce(&'a [u8; ENCAPSULATION_BYTES]) -> Result<Encapsulation, Error>,
    ) -> Result<Self, Error> {
        let mut r = Reader::new(bytes);
        let version = r.u8("box version")?;
        if version != VERSION {
            return Err(DecodeError::new("box", DecodeReason::Version { got: version.into() }).into());
        }
        let suite = r.u16("IBE suite")?;
        if suite != IBE_SUITE {
            return Err(DecodeError::new("IBE suite", DecodeReason::Unknown { got: suite.into() }).into());
        }
        let aead = Aead::from_id(r.u8("AEAD")?)?;
        let to = KeyRef::read(&mut r)?;
        let encapsulation = encapsulation(r.array::<ENCAPSULATION_BYTES>("encapsulation")?)?;
        let bound = bytes.get(..r.position()).unwrap_or(&[]);
        let ciphertext = r.var32("ciphertext", BOX_LIMIT + TAG)?;
        r.finish("box")?;
        Ok(Self { to, aead, encapsulation, bound, ciphertext })
    }

    /// District, serial and period of the key that opens it.
    pub const fn to(&self) -> &KeyRef {
        &self.to
    }

    /// Its AEAD.
    pub const fn aead(&self) -> Aead {
        self.aead
    }

    /// Length of the plaintext in bytes.
    pub const fn plaintext_len(&self) -> usize {
        self.ciphertext.len().saturating_sub(TAG)
    }

    /// Opens it with whichever of `keys` it names.
    ///
    /// # Errors
    /// [`crate::error::KeyError::Missing`] if none of the keys has its district, serial and period; [`Error::Decrypt`]
    /// for everything found out with a private key.
    ///
    /// # Timing
    /// Constant in the keys; varies with lengths and with how many keys fit.
    pub fn open(&self, keys: &[PrivateKey], ad: &[u8]) -> Result<SecretVec, Error> {
        let mut out = Err(Error::Decrypt);
        for key in self.candidates(keys)? {
            let k = self.encapsulation.decapsulate(key)?;
            out = out.or_else(|_| self.open_under(k, ad));
        }
        out
    }

    /// The keys that it may be sealed to.
    ///
    /// # Errors
    /// Those of [`Self::open`] that need no key.
    pub(crate) fn candidates<'k>(&self, keys: &'k [PrivateKey]) -> Result<Vec<&'k PrivateKey>, Error> {
        select(keys, &self.to, None)
    }

    pub(crate) const fn encapsulation(&self) -> &Encapsulation {
        &self.encapsulation
    }

    /// Opens it under a key that is decapsulated already.
    ///
    /// # Errors
    /// [`Error::Decrypt`].
    pub(crate) fn open_under(&self, k: Secret<32>, ad: &[u8]) -> Result<SecretVec, Error> {
        let aad = bind(self.bound, ad);
        aead::open(self.aead, box_key(k, self.aead).expose(), &aad, self.ciphertext).map_err(|_| Error::Decrypt)
    }
}

/// `Exp(K, "box" || u8 aead, 32)`.
fn box_key(k: Secret<32>, aead: Aead) -> Secret<32> {
    Prk::from_secret(k).expand(&[label(labels::BOX).as_ref(), &[aead.id()]])
}

/// `lp(header || U || V) || lp(ad)`.
fn bind(header: &[u8], ad: &[u8]) -> Vec<u8> {
    [&lp(header)[..], header, &lp(ad), ad].concat()
}
