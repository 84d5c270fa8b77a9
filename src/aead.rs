//! Authenticated encryption: AES-256-GCM and ChaCha20-Poly1305 under one pair of functions.
//!
//! Keys have 32 bytes, nonces 12, tags 16; the tag follows the ciphertext. Nearly every key of this crate seals exactly
//! once, so [`seal`] and [`open`] take no nonce and use the all-zero one: **a key that goes through [`seal`] must never
//! seal again**. Whoever has a key for several messages numbers them itself and uses [`seal_with_nonce`].
//!
//! Source: NIST SP 800-38D (GCM), RFC 8439 (ChaCha20-Poly1305), RFC 5116 (interface).

use alloc::vec::Vec;

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{AeadInOut, KeyInit};
use chacha20poly1305::ChaCha20Poly1305;
use subtle::Choice;

use crate::declassify;
use crate::error::Error;
use crate::secret::SecretVec;
use crate::suite::Aead;

/// Bytes of a key.
pub const KEY_BYTES: usize = 32;
/// Bytes of a nonce.
pub const NONCE_BYTES: usize = 12;
/// Bytes that a sealed text is longer than the plain one.
pub const TAG_BYTES: usize = 16;

/// Seals `plaintext` under a key that seals nothing else, with the all-zero nonce.
///
/// Shape: ciphertext as long as `plaintext`, then [`TAG_BYTES`]. Timing: constant in key and contents, varies with
/// lengths.
///
/// # Panics
/// If `plaintext` is over 64 GiB, the limit of both algorithms.
#[must_use]
pub fn seal(aead: Aead, key: &[u8; KEY_BYTES], aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
    seal_with_nonce(aead, key, &[0; NONCE_BYTES], aad, plaintext)
}

/// Opens what [`seal`] made.
///
/// Timing: constant in key and contents but for the verdict; varies with lengths.
///
/// # Errors
/// [`Error::Decrypt`] for every failure: other key, other associated data, damage, or too short to hold a tag.
pub fn open(aead: Aead, key: &[u8; KEY_BYTES], aad: &[u8], sealed: &[u8]) -> Result<SecretVec, Error> {
    open_with_nonce(aead, key, &[0; NONCE_BYTES], aad, sealed)
}

/// Seals `plaintext` with a nonce that this key never sees again.
///
/// Shape and timing as [`seal`]. A repeated nonce reveals the difference of the plaintexts and lets anybody forge.
///
/// # Panics
/// If `plaintext` is over 64 GiB, the limit of both algorithms.
#[must_use]
pub fn seal_with_nonce(
    aead: Aead,
    key: &[u8; KEY_BYTES],
    nonce: &[u8; NONCE_BYTES],
    aad: &[u8],
    plaintext: &[u8],
) -> Vec<u8> {
    // Room for the tag from the start: growing would leave a copy of the plaintext behind.
    let mut buffer = Vec::with_capacity(plaintext.len() + TAG_BYTES);
    buffer.extend_from_slice(plaintext);
    let done = match aead {
        Aead::Aes256Gcm => Aes256Gcm::new(key.into()).encrypt_in_place(nonce.into(), aad, &mut buffer),
        Aead::ChaCha20Poly1305 => ChaCha20Poly1305::new(key.into()).encrypt_in_place(nonce.into(), aad, &mut buffer),
    };
    assert!(done.is_ok(), "plaintext over 64 GiB");
    buffer
}

/// Opens what [`seal_with_nonce`] made.
///
/// # Errors
/// As [`open`].
pub fn open_with_nonce(
    aead: Aead,
    key: &[u8; KEY_BYTES],
    nonce: &[u8; NONCE_BYTES],
    aad: &[u8],
    sealed: &[u8],
) -> Result<SecretVec, Error> {
    let mut buffer = sealed.to_vec();
    let done = match aead {
        Aead::Aes256Gcm => Aes256Gcm::new(key.into()).decrypt_in_place(nonce.into(), aad, &mut buffer),
        Aead::ChaCha20Poly1305 => ChaCha20Poly1305::new(key.into()).decrypt_in_place(nonce.into(), aad, &mut buffer),
    };
    // Wrapped before the verdict, so that it is wiped either way.
    let plaintext = SecretVec::new(buffer);
    let right = Choice::from(u8::from(done.is_ok()));
    if declassify::verdict("tag is right", right) { Ok(plaintext) } else { Err(Error::Decrypt) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    const BOTH: [Aead; 2] = [Aead::Aes256Gcm, Aead::ChaCha20Poly1305];

    fn hex(s: &str) -> Vec<u8> {
        base16ct::lower::decode_vec(s.replace([' ', '\n'], "")).unwrap()
    }

    #[test]
    fn wycheproof_aes_256_gcm() {
        let text = include_str!("../vectors/wycheproof/aes_gcm_test.json");
        let file: Value = serde_json::from_str(text).unwrap();
        let (mut valid, mut invalid) = (0, 0);
        for group in file["testGroups"].as_array().unwrap() {
            if (group["keySize"].as_u64(), group["ivSize"].as_u64(), group["tagSize"].as_u64())
                != (Some(256), Some(96), Some(128))
            {
                continue;
            }
            for t in group["tests"].as_array().unwrap() {
                let field = |name: &str| hex(t[name].as_str().unwrap());
                let (key, iv) = (field("key").try_into().unwrap(), field("iv").try_into().unwrap());
                let sealed = [field("ct"), field("tag")].concat();
                let opened = open_with_nonce(Aead::Aes256Gcm, &key, &iv, &field("aad"), &sealed);
                if t["result"] == "valid" {
                    valid += 1;
                    assert_eq!(opened.unwrap().expose(), field("msg"), "{}", t["tcId"]);
                    assert_eq!(seal_with_nonce(Aead::Aes256Gcm, &key, &iv, &field("aad"), &field("msg")), sealed);
                } else {
                    invalid += 1;
                    assert_eq!(opened.unwrap_err(), Error::Decrypt, "{}", t["tcId"]);
                }
            }
        }
        assert_eq!((valid, invalid), (39, 27));
    }

    /// RFC 8439 section 2.8.2.
    #[test]
    fn rfc8439_chacha20_poly1305() {
        let key: Vec<u8> = (0x80..=0x9f).collect();
        let nonce = hex("070000004041424344454647").try_into().unwrap();
        let aad = hex("50515253c0c1c2c3c4c5c6c7");
        let text = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, \
                    sunscreen would be it.";
        let sealed = seal_with_nonce(Aead::ChaCha20Poly1305, &key.clone().try_into().unwrap(), &nonce, &aad, text);
        assert_eq!(sealed[..16], hex("d31a8d34648e60db7b86afbc53ef7ec2"));
        assert_eq!(sealed[114..], hex("1ae10b594f09e26a7e902ecbd0600691"));
        let opened = open_with_nonce(Aead::ChaCha20Poly1305, &key.try_into().unwrap(), &nonce, &aad, &sealed);
        assert_eq!(opened.unwrap().expose(), text);
    }

    #[test]
    fn every_change_and_every_truncation_fails() {
        for aead in BOTH {
            let sealed = seal(aead, &[7; 32], b"aad", b"plaintext");
            assert_eq!(open(aead, &[7; 32], b"aad", &sealed).unwrap().expose(), b"plaintext");
            for i in 0..sealed.len() {
                let mut bad = sealed.clone();
                bad[i] ^= 1;
                assert_eq!(open(aead, &[7; 32], b"aad", &bad).unwrap_err(), Error::Decrypt);
                assert_eq!(open(aead, &[7; 32], b"aad", &sealed[..i]).unwrap_err(), Error::Decrypt);
            }
            assert!(open(aead, &[7; 32], b"aae", &sealed).is_err());
            assert!(open(aead, &[8; 32], b"aad", &sealed).is_err());
            assert!(open_with_nonce(aead, &[7; 32], &[1; 12], b"aad", &sealed).is_err());
            let empty = seal(aead, &[7; 32], b"", b"");
            assert_eq!((empty.len(), open(aead, &[7; 32], b"", &empty).unwrap().expose().len()), (TAG_BYTES, 0));
        }
        let sealed = seal(Aead::Aes256Gcm, &[7; 32], b"", b"x");
        assert!(open(Aead::ChaCha20Poly1305, &[7; 32], b"", &sealed).is_err());
    }
}
