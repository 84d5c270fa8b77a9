//! Content keys: the SK of an ESK (RFC 6267 sections 4.2.2.5 and 6.1.5), and what is protected under them.
//!
//! ```text
//! SK                  32 bytes, drawn by the initiator, or given: content that was encoded before
//! media of the call   TEK, salt = PRF-HMAC-SHA-256(SK, constant || cs_id || csb_id || RAND)
//! media of content    TEK, salt = PRF-HMAC-SHA-256(SK, constant || cs_id || ffffffff)            the same for all recipients
//! message body        u8 1 || u8 aead || salt (32) || AEAD(key, nonce 0, ad, body)
//!                     key  = Exp(Ext("mikey message", SK), u8 1 || u8 aead || salt, 32)
//!                     salt = Exp(Ext(32 fresh bytes, SK), "mikey salt" || u8 aead || H(lp(ad) || body), 32)
//! ```
//! RFC 6267 does not say how media keys come from SK: it stands where the TGK stands. Of the algorithms of the call none enters,
//! because nothing protects them on the way to who opens the ESK later.
//!
//! A body is sealed under a key of its own. Where the generator repeats itself, equal salts mean equal bodies.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use rand_core::TryCryptoRng;
use subtle::{Choice, ConstantTimeEq};
use zeroize::ZeroizeOnDrop;

use super::keys::master_keys;
use crate::aead::{self, TAG_BYTES};
use crate::encoding::{Reader, Writer, lp};
use crate::error::{DecodeError, DecodeReason, Error, UsageError};
use crate::ibe::name::Name;
use crate::kdf::{Prk, hash, label};
use crate::mikey::error::Refused;
use crate::mikey::numbers::PrfFunc;
use crate::mikey::payloads::Timestamp;
use crate::secret::{Secret, SecretVec};
use crate::srtp::{MasterKeys, Profile};
use crate::suite::{Aead, labels};

/// Bytes of a content key.
pub const CONTENT_KEY_BYTES: usize = 32;
/// Longest body of a message: 16 MiB.
pub const BODY_LIMIT: usize = 1 << 24;
const BODY_VERSION: u8 = 1;
const SALT_BYTES: usize = 32;

/// The key of content: SK. One key for one content, which may have many recipients; a stream has a crypto session number of its
/// own, so that no two share a key.
///
/// Wiped on drop, not `Copy`, `Debug` shows nothing.
pub struct ContentKey(
    /// In a block of its own: states that hold a key are moved, also out of boxes, and a move leaves its source as it was.
    Box<Secret<CONTENT_KEY_BYTES>>,
);

impl ContentKey {
    /// Takes 32 uniform bytes that come from elsewhere, for example from where the content is stored.
    #[must_use]
    pub fn new(bytes: Secret<CONTENT_KEY_BYTES>) -> Self {
        Self(Box::new(bytes))
    }

    /// A key of the generator alone, for content that is encoded before anybody calls.
    ///
    /// # Errors
    /// [`Error::Random`] if the generator fails.
    pub fn random<R: TryCryptoRng + ?Sized>(rng: &mut R) -> Result<Self, Error> {
        Ok(Self::new(Secret::random(rng)?))
    }

    /// The bytes, to be stored under protection.
    #[must_use]
    pub fn secret(&self) -> &Secret<CONTENT_KEY_BYTES> {
        &self.0
    }

    /// A second copy, visible in the code where it is made.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self::new(self.0.duplicate())
    }

    /// SRTP master key and salt of stream `cs_id` of content that was encoded before: the same in every call that delivers this
    /// key. For media that are made in a call see [`Content::media`].
    ///
    /// # Errors
    /// None in practice: the lengths are those of profiles.
    ///
    /// # Timing
    /// Constant in the key.
    pub fn media(&self, cs_id: u8, profile: Profile) -> Result<MasterKeys, Refused> {
        self.derive((u32::MAX, cs_id), &[], profile)
    }

    fn derive(&self, cs: (u32, u8), rand: &[u8], profile: Profile) -> Result<MasterKeys, Refused> {
        let sk = SecretVec::new(self.0.expose().to_vec());
        master_keys(PrfFunc::HMAC_SHA_256, &sk, cs, rand, profile)
    }

    /// Seals the body of a message. `ad` says what it belongs to and must be known to who opens it: content type, direction, a
    /// number where there are several.
    ///
    /// Shape: 50 bytes longer than `body`.
    ///
    /// # Errors
    /// [`UsageError::TooMany`] for a body over [`BODY_LIMIT`]; [`Error::Random`] if the generator fails.
    ///
    /// # Timing
    /// Constant in key and contents; varies with lengths.
    pub fn seal<R: TryCryptoRng + ?Sized>(
        &self,
        aead: Aead,
        ad: &[u8],
        body: &[u8],
        rng: &mut R,
    ) -> Result<Vec<u8>, Error> {
        if body.len() > BODY_LIMIT {
            return Err(UsageError::TooMany { limit: BODY_LIMIT, got: body.len() }.into());
        }
        let fresh = Secret::<32>::random(rng)?;
        let said = Secret::new(hash(&[&lp(ad), ad, body]));
        let prk = Prk::extract(fresh.expose(), &[self.0.expose()]);
        let salt = prk.expand::<SALT_BYTES>(&[label(labels::MIKEY_SALT).as_ref(), &[aead.id()], said.expose()]);
        let sealed = aead::seal(aead, self.body_key(aead, salt.expose()).expose(), ad, body);
        let mut w = Writer::with_capacity(2 + SALT_BYTES + sealed.len());
        w.u8(BODY_VERSION).u8(aead.id()).bytes(salt.expose()).bytes(&sealed);
        Ok(w.finish())
    }

    /// Opens what [`ContentKey::seal`] made.
    ///
    /// # Errors
    /// [`DecodeError`] for bytes that are no sealed body or over the limit; [`Error::Decrypt`] for another key, other `ad`, or
    /// damage.
    ///
    /// # Timing
    /// Constant in the key but for the verdict; varies with lengths.
    pub fn open(&self, ad: &[u8], sealed: &[u8]) -> Result<SecretVec, Error> {
        let mut r = Reader::new(sealed);
        let version = r.u8("body version")?;
        if version != BODY_VERSION {
            return Err(DecodeError::new("body", DecodeReason::Version { got: version.into() }).into());
        }
        let aead = Aead::from_id(r.u8("AEAD")?)?;
        let salt = r.array::<SALT_BYTES>("salt")?;
        if r.rest().len() > BODY_LIMIT + TAG_BYTES {
            let reason = DecodeReason::TooLong { limit: BODY_LIMIT + TAG_BYTES, got: r.rest().len() };
            return Err(DecodeError::new("body", reason).into());
        }
        aead::open(aead, self.body_key(aead, salt).expose(), ad, r.rest())
    }

    fn body_key(&self, aead: Aead, salt: &[u8; SALT_BYTES]) -> Secret<32> {
        let prk = Prk::extract(label(labels::MIKEY_MESSAGE).as_ref(), &[self.0.expose()]);
        prk.expand(&[&[BODY_VERSION, aead.id()], salt])
    }
}

impl ConstantTimeEq for ContentKey {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

impl ZeroizeOnDrop for ContentKey {}

impl fmt::Debug for ContentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContentKey").finish_non_exhaustive()
    }
}

/// A content key that was sent in a call, as sender and recipient have it: from whom, to whom, in which call.
///
/// Wiped on drop; `Debug` shows no key.
pub struct Content {
    pub(super) key: ContentKey,
    pub(super) sender: Name,
    pub(super) recipient: Name,
    pub(super) csb_id: u32,
    pub(super) rand: Vec<u8>,
    pub(super) t: Timestamp,
}

impl Content {
    /// The key.
    #[must_use]
    pub const fn key(&self) -> &ContentKey {
        &self.key
    }

    /// Who sent it: the initiator of the call.
    #[must_use]
    pub const fn sender(&self) -> &Name {
        &self.sender
    }

    /// For whom it is.
    #[must_use]
    pub const fn recipient(&self) -> &Name {
        &self.recipient
    }

    /// The bundle of the call.
    #[must_use]
    pub const fn csb_id(&self) -> u32 {
        self.csb_id
    }

    /// When it was sent, in Unix seconds: what the sender claims, no more.
    #[must_use]
    pub fn sent_at(&self) -> u64 {
        self.t.unix().unwrap_or(0)
    }

    /// SRTP master key and salt of crypto session `cs_id` for media that the sender left in this call: TEK and salting key of RFC
    /// 3830 section 4.1.3, with SK for the TGK, PRF-HMAC-SHA-256, CSB ID and RAND of the call. Which sessions there are and
    /// under which profiles travels with the media, as it does for the call.
    ///
    /// # Errors
    /// None in practice: the lengths are those of profiles.
    ///
    /// # Timing
    /// Constant in the key.
    pub fn media(&self, cs_id: u8, profile: Profile) -> Result<MasterKeys, Refused> {
        self.key.derive((self.csb_id, cs_id), &self.rand, profile)
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Content")
            .field("sender", &self.sender)
            .field("recipient", &self.recipient)
            .field("csb_id", &self.csb_id)
            .field("t", &self.t)
            .finish_non_exhaustive()
    }
}

/// What the initiator sent in an ESK. It has both keys of the call: the TGK, for who answered, and this one, for the recipient;
/// under which it speaks is its choice.
#[derive(Debug)]
#[must_use]
pub enum Sent {
    /// With our signature: the recipient knows from whom it is.
    Signed(Content),
    /// Without: the profile is `rfc6267`, or we hold no signing key for the period. The recipient has the mailbox's word for who
    /// we are, and does not take it under [`super::Demand::Bound`].
    Unsigned(Content),
}

impl Sent {
    /// What was sent, signed or not.
    pub const fn content(&self) -> &Content {
        match self {
            Self::Signed(c) | Self::Unsigned(c) => c,
        }
    }
}
