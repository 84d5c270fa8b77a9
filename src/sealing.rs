//! The seal around an issued key: HPKE in base mode (RFC 9180), DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305.
//!
//! ```text
//! sealed = enc (32) || AEAD ciphertext
//! ```
//! `info` names the request that is answered, `aad` the key that is inside; both are the caller's. MIKEY: SPEC.md 13.14; the
//! server: `kgs::server`.

use core::convert::Infallible;

use alloc::vec::Vec;
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable, single_shot_open, single_shot_seal_with_rng};
use rand_core::{TryCryptoRng, TryRng};

use crate::error::{DecodeError, DecodeReason, Error};
use crate::kdf::Prk;
use crate::secret::{Secret, SecretVec};

/// Bytes of a public key, and of what an encapsulation adds in front of the ciphertext.
pub const PUBLIC: usize = 32;

/// The key to which the answer to one request is sealed, or what is issued to one user in bulk. Wiped on drop.
pub struct Opener {
    secret: <X25519HkdfSha256 as Kem>::PrivateKey,
    public: [u8; PUBLIC],
}

impl core::fmt::Debug for Opener {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Opener(..)")
    }
}

impl Opener {
    /// Draws one.
    ///
    /// # Errors
    /// [`Error::Random`].
    pub fn generate<R: TryCryptoRng + ?Sized>(rng: &mut R) -> Result<Self, Error> {
        Ok(Self::from_seed(&Secret::random(rng)?))
    }

    /// The one that these 32 random bytes stand for (`DeriveKeyPair` of RFC 9180 section 7.1.3): for keys that are kept.
    pub fn from_seed(seed: &Secret<32>) -> Self {
        let (secret, public) = X25519HkdfSha256::derive_keypair(seed.expose());
        let mut bytes = [0; PUBLIC];
        public.write_exact(&mut bytes);
        Self { secret, public: bytes }
    }

    /// What the request carries.
    pub const fn public(&self) -> &[u8; PUBLIC] {
        &self.public
    }

    /// What was sealed to this key.
    ///
    /// # Errors
    /// [`Error::Decrypt`], whatever is wrong.
    pub fn open(&self, info: &[u8], aad: &[u8], sealed: &[u8]) -> Result<SecretVec, Error> {
        let (enc, ciphertext) = sealed.split_first_chunk::<PUBLIC>().ok_or(Error::Decrypt)?;
        let enc = Deserializable::from_bytes(enc).map_err(|_| Error::Decrypt)?;
        let plain = single_shot_open::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
            &OpModeR::Base,
            &self.secret,
            &enc,
            info,
            ciphertext,
            aad,
        );
        plain.map(SecretVec::new).map_err(|_| Error::Decrypt)
    }
}

/// Whether anything can be sealed to a public key.
///
/// # Errors
/// Those of [`seal`].
pub fn check_public<R: TryCryptoRng + ?Sized>(to: &[u8; PUBLIC], rng: &mut R) -> Result<(), Error> {
    seal(to, &[], &[], &[], rng).map(drop)
}

/// Seals to somebody's key for one request.
///
/// # Errors
/// [`Error::Random`]; [`DecodeError`] for a key of small order.
pub fn seal<R: TryCryptoRng + ?Sized>(
    to: &[u8; PUBLIC],
    info: &[u8],
    aad: &[u8],
    plain: &[u8],
    rng: &mut R,
) -> Result<Vec<u8>, Error> {
    let wrong = DecodeError::new("key of the requester", DecodeReason::NotInSubgroup);
    let to = Deserializable::from_bytes(to).map_err(|_| wrong)?;
    let mut once = Expanded(Prk::from_secret(Secret::random(rng)?), 0);
    let sealed = single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
        &OpModeS::Base,
        &to,
        info,
        plain,
        aad,
        &mut once,
    );
    let (enc, ciphertext) = sealed.map_err(|_| wrong)?;
    let mut out = Vec::with_capacity(PUBLIC + ciphertext.len());
    out.extend_from_slice(&enc.to_bytes());
    out.extend_from_slice(&ciphertext);
    Ok(out)
}

/// Output of 32 bytes that were drawn before: the generator of the caller may fail, the one that `hpke` wants may not.
struct Expanded(Prk, u64);

impl TryRng for Expanded {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_be_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_be_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        for chunk in out.chunks_mut(32) {
            let block = self.0.expand::<32>(&[&self.1.to_be_bytes()]);
            self.1 += 1;
            chunk.iter_mut().zip(block.expose()).for_each(|(o, b)| *o = *b);
        }
        Ok(())
    }
}

impl TryCryptoRng for Expanded {}

#[cfg(test)]
mod tests {
    use super::*;
    use getrandom::SysRng;

    #[test]
    fn opens_with_its_key_info_and_data_only() {
        let (own, other) = (Opener::generate(&mut SysRng).unwrap(), Opener::generate(&mut SysRng).unwrap());
        let sealed = seal(own.public(), b"info", b"aad", b"a key", &mut SysRng).unwrap();
        assert_eq!(own.open(b"info", b"aad", &sealed).unwrap().expose(), b"a key");
        for (by, info, aad) in [(&other, &b"info"[..], &b"aad"[..]), (&own, b"inf", b"aad"), (&own, b"info", b"aae")] {
            assert_eq!(by.open(info, aad, &sealed).map(drop), Err(Error::Decrypt));
        }
        for at in 0..sealed.len() {
            let mut bad = sealed.clone();
            bad[at] ^= 1;
            assert_eq!(own.open(b"info", b"aad", &bad).map(drop), Err(Error::Decrypt), "{at}");
            assert_eq!(own.open(b"info", b"aad", &sealed[..at]).map(drop), Err(Error::Decrypt), "{at}");
        }
    }

    #[test]
    fn a_key_of_small_order_is_refused() {
        let found = seal(&[0; 32], b"", b"", b"x", &mut SysRng);
        assert!(matches!(found, Err(Error::Decode(e)) if e.reason == DecodeReason::NotInSubgroup));
        assert_eq!(check_public(&[0; 32], &mut SysRng), found.map(drop));
        assert_eq!(check_public(&[9; 32], &mut SysRng), Ok(()));
    }

    /// RFC 9180 appendix A.2.1 (base mode with this suite): the secret key `skRm`, `enc`, and the first ciphertext.
    #[test]
    fn the_rfcs_vector_opens() {
        let hex = |t: &str| -> Vec<u8> {
            (0..t.len() / 2).map(|i| u8::from_str_radix(&t[2 * i..2 * i + 2], 16).unwrap()).collect()
        };
        let secret = hex("8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb");
        let opener = Opener { secret: Deserializable::from_bytes(&secret).unwrap(), public: [0; PUBLIC] };
        let enc = hex("1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a");
        let first = hex("1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28");
        let sealed = [enc, first].concat();
        let plain = opener.open(&hex("4f6465206f6e2061204772656369616e2055726e"), &hex("436f756e742d30"), &sealed);
        assert_eq!(plain.unwrap().expose(), b"Beauty is truth, truth beauty");
    }
}
