//! ML-KEM-768 (FIPS 203), the post-quantum part of the hybrid suite; the only file that names its crate.
//!
//! All randomness enters from outside, as the 64-byte seed `d || z` of the key pair and the 32-byte `m` of the
//! encapsulation, because the exchange hedges every secret that it draws.

use alloc::vec::Vec;
use core::fmt;

use ml_kem::kem::{Decapsulate, KeyExport};
use ml_kem::ml_kem_768;

use super::exact;
use crate::declassify;
use crate::error::{DecodeError, DecodeReason};
use crate::secret::Secret;

/// Bytes of an encapsulation key.
pub const ENCAPSULATION_KEY_BYTES: usize = 1184;
/// Bytes of a ciphertext.
pub const CIPHERTEXT_BYTES: usize = 1088;
/// Bytes of the seed `d || z`.
pub const SEED_BYTES: usize = 64;

/// A one-time key pair, kept as its seed and the expanded key.
///
/// Consumed by the decapsulation, not `Clone`, wiped on drop, `Debug` shows nothing.
pub struct KeyPair {
    seed: Secret<SEED_BYTES>,
    key: ml_kem_768::DecapsulationKey,
}

impl KeyPair {
    /// ML-KEM.KeyGen_internal(d, z) for the seed `d || z`. Timing: constant in the seed.
    ///
    /// Source: FIPS 203 section 6.1.
    #[must_use]
    pub fn from_seed(seed: &Secret<SEED_BYTES>) -> Self {
        Self { seed: seed.duplicate(), key: ml_kem_768::DecapsulationKey::from_seed((*seed.expose()).into()) }
    }

    /// The public key to send.
    #[must_use]
    pub fn encapsulation_key(&self) -> [u8; ENCAPSULATION_KEY_BYTES] {
        let bytes: [u8; ENCAPSULATION_KEY_BYTES] = self.key.encapsulation_key().to_bytes().into();
        declassify::published("ML-KEM encapsulation key", &bytes);
        bytes
    }

    /// The seed, for the sealed state of a half-open exchange.
    pub const fn seed(&self) -> &Secret<SEED_BYTES> {
        &self.seed
    }

    /// The shared secret; for a ciphertext that was not made for this key, the pseudo-random secret of implicit
    /// rejection. There is no verdict to leak: the two ends just disagree, and the next seal does not open.
    ///
    /// Timing: constant in key and ciphertext. Source: FIPS 203 section 6.3.
    #[must_use]
    pub fn decapsulate(self, ciphertext: &[u8; CIPHERTEXT_BYTES]) -> Secret<32> {
        Secret::new(self.key.decapsulate(ciphertext.into()).into())
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyPair").finish_non_exhaustive()
    }
}

/// A peer's public key that passed the check of FIPS 203 section 7.2.
#[derive(Clone, PartialEq, Eq)]
pub struct EncapsulationKey(ml_kem_768::EncapsulationKey);

impl EncapsulationKey {
    /// Checks length and modulus: every 12-bit coefficient is below 3329.
    ///
    /// # Errors
    /// Wrong length, or a coefficient out of range (not canonical).
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        const WHAT: &str = "ML-KEM-768 encapsulation key";
        exact(WHAT, bytes, ENCAPSULATION_KEY_BYTES)?;
        let wrong = DecodeError::new(WHAT, DecodeReason::NotCanonical);
        let key = bytes.try_into().map_err(|_| wrong)?;
        ml_kem_768::EncapsulationKey::new(key).map(Self).map_err(|_| wrong)
    }

    /// Ciphertext ([`CIPHERTEXT_BYTES`]) and shared secret. `m` is fresh, secret and used for this alone.
    ///
    /// Timing: constant in `m`. Source: ML-KEM.Encaps_internal, FIPS 203 section 6.2.
    #[must_use]
    pub fn encapsulate(&self, m: &Secret<32>) -> (Vec<u8>, Secret<32>) {
        let (ciphertext, shared) = self.0.encapsulate_deterministic(m.expose().into());
        (ciphertext.to_vec(), Secret::new(shared.into()))
    }
}

impl fmt::Debug for EncapsulationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncapsulationKey").finish_non_exhaustive()
    }
}

/// Checks the length of a ciphertext, the only thing that FIPS 203 section 7.3 asks for.
///
/// # Errors
/// Wrong length.
pub fn ciphertext(bytes: &[u8]) -> Result<&[u8; CIPHERTEXT_BYTES], DecodeError> {
    const WHAT: &str = "ML-KEM-768 ciphertext";
    exact(WHAT, bytes, CIPHERTEXT_BYTES)?;
    bytes.try_into().map_err(|_| DecodeError::new(WHAT, DecodeReason::NotCanonical))
}
