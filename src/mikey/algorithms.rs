//! MACs and encryption of KEMAC (RFC 3830 sections 4.2.3 and 4.2.4, RFC 6043 section 6.2).

use alloc::vec::Vec;

use ::hmac::{KeyInit, Mac};
use aes::Aes128;
use aes::cipher::{Array, BlockCipherDecrypt, BlockCipherEncrypt};
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use super::error::{Error, Refused};
use super::numbers::{EncrAlg, MacAlg};
use super::payloads::Timestamp;
use crate::declassify;
use crate::secret::SecretVec;
use crate::srtp;

/// HMAC with one hash function.
pub(super) trait Hmac {
    type Tag: AsRef<[u8]> + AsMut<[u8]>;
    /// Bytes of a tag.
    const LEN: usize;

    /// Over `first` and then the parts.
    fn mac(key: &[u8], first: &[u8], parts: &[&[u8]]) -> Self::Tag;
}

macro_rules! hmac {
    ($name:ident, $hash:ty, $len:literal) => {
        pub(super) struct $name;

        impl Hmac for $name {
            type Tag = [u8; $len];
            const LEN: usize = $len;

            fn mac(key: &[u8], first: &[u8], parts: &[&[u8]]) -> Self::Tag {
                // HMAC takes keys of any length.
                let Ok(mut mac) = ::hmac::Hmac::<$hash>::new_from_slice(key) else { unreachable!("any length") };
                mac.update(first);
                parts.iter().for_each(|p| mac.update(p));
                mac.finalize().into_bytes().into()
            }
        }
    };
}

hmac!(HmacSha1, sha1::Sha1, 20);
hmac!(HmacSha256, sha2::Sha256, 32);

/// The tag over the parts one after the other.
///
/// Shape: the key is as long as the tag (RFC 3830 section 4.2.4 recommends it, RFC 6043 section 6.2 demands it for SHA-256).
/// Timing: constant in key and data, varies with lengths.
///
/// # Errors
/// [`Refused::NullMac`] for NULL, [`Refused::Algorithm`] for unknown ones, [`Refused::Length`] for another key length.
pub fn mac(alg: MacAlg, key: &[u8], parts: &[&[u8]]) -> Result<Vec<u8>, Refused> {
    match alg.tag_len() {
        Some(0) => return Err(Refused::NullMac),
        Some(n) if n != key.len() => return Err(Refused::Length { what: "authentication key", got: key.len() }),
        _ => {}
    }
    match alg {
        MacAlg::HMAC_SHA_1_160 => Ok(HmacSha1::mac(key, &[], parts).to_vec()),
        MacAlg::HMAC_SHA_256_256 => Ok(HmacSha256::mac(key, &[], parts).to_vec()),
        MacAlg(got) => Err(Refused::Algorithm { what: "MAC alg", got }),
    }
}

/// Checks a tag.
///
/// Timing: constant in key, data and tag but for the verdict.
///
/// # Errors
/// [`Error::Unauthentic`] for a wrong tag; as [`mac`].
pub fn verify(alg: MacAlg, key: &[u8], parts: &[&[u8]], tag: &[u8]) -> Result<(), Error> {
    let expected = mac(alg, key, parts)?;
    match declassify::verdict("MIKEY tag is right", expected.ct_eq(tag)) {
        true => Ok(()),
        false => Err(Error::Unauthentic),
    }
}

/// The keys of an encryption: what the lengths must be is in [`EncrAlg::key_len`] and [`EncrAlg::salt_len`].
#[derive(Debug)]
pub struct EncryptionKeys {
    /// The encryption key.
    pub key: SecretVec,
    /// The salting key: 14 bytes for counter mode, 8 for key wrap.
    pub salt: SecretVec,
}

impl EncrAlg {
    /// Bytes of the encryption key; `None` for NULL and what is not known.
    #[must_use]
    pub const fn key_len(self) -> Option<usize> {
        match self {
            Self::AES_CM_128 | Self::AES_KW_128 => Some(16),
            Self::AES_CM_256 => Some(32),
            _ => None,
        }
    }

    /// Bytes of the salting key.
    #[must_use]
    pub const fn salt_len(self) -> Option<usize> {
        match self {
            Self::AES_CM_128 | Self::AES_CM_256 => Some(14),
            Self::AES_KW_128 => Some(8),
            _ => None,
        }
    }
}

/// `IV = (S XOR (0x0000 || CSB ID || T)) || 0x0000` (RFC 3830 section 4.2.3).
fn iv(salt: &[u8], csb_id: u32, timestamp: Timestamp) -> [u8; 16] {
    let counted = u128::from(csb_id) << 80 | u128::from(timestamp.as_64_bits()) << 16;
    let mut iv = counted.to_be_bytes();
    iv.iter_mut().zip(salt).for_each(|(v, s)| *v ^= s);
    iv
}

/// Encrypts the sub-payloads of KEMAC.
///
/// Counter mode as in SRTP with the initialisation vector of RFC 3830 section 4.2.3; key wrap (RFC 3394) with the salt for
/// its initial value, for whole blocks of 8 bytes, at least two.
///
/// A key and salt belong to one CSB ID and timestamp: encrypting two things with all four the same gives away their
/// difference.
///
/// # Errors
/// [`Refused`] for NULL, unknown algorithms, and lengths of keys or data that do not fit.
pub fn encrypt(
    alg: EncrAlg,
    keys: &EncryptionKeys,
    csb_id: u32,
    timestamp: Timestamp,
    plain: &[u8],
) -> Result<Vec<u8>, Refused> {
    check_keys(alg, keys)?;
    match alg {
        EncrAlg::AES_KW_128 => wrap(keys, plain),
        _ => Ok(xor(keys, iv(keys.salt.expose(), csb_id, timestamp), plain)),
    }
}

/// Decrypts what [`encrypt`] encrypted. Counter mode proves nothing about what comes out: check the MAC first.
///
/// # Errors
/// As [`encrypt`]; [`Error::Unauthentic`] if a wrapped key does not unwrap.
pub fn decrypt(
    alg: EncrAlg,
    keys: &EncryptionKeys,
    csb_id: u32,
    timestamp: Timestamp,
    data: &[u8],
) -> Result<SecretVec, Error> {
    check_keys(alg, keys)?;
    match alg {
        EncrAlg::AES_KW_128 => unwrap_key(keys, data),
        _ => Ok(SecretVec::new(xor(keys, iv(keys.salt.expose(), csb_id, timestamp), data))),
    }
}

fn check_keys(alg: EncrAlg, keys: &EncryptionKeys) -> Result<(), Refused> {
    if alg == EncrAlg::NULL {
        return Err(Refused::NullEncryption);
    }
    let unknown = Refused::Algorithm { what: "Encr alg", got: alg.0 };
    for (what, expected, key) in
        [("encryption key", alg.key_len(), &keys.key), ("salting key", alg.salt_len(), &keys.salt)]
    {
        if key.expose().len() != expected.ok_or(unknown)? {
            return Err(Refused::Length { what, got: key.expose().len() });
        }
    }
    Ok(())
}

/// Counter mode: data are at most 2^16 bytes, a sixteenth of what one IV is good for.
fn xor(keys: &EncryptionKeys, iv: [u8; 16], data: &[u8]) -> Vec<u8> {
    let stream = srtp::aes_cm(keys.key.expose(), iv, data.len());
    data.iter().zip(stream.expose()).map(|(d, k)| d ^ k).collect()
}

/// Most blocks of 8 bytes that are wrapped: what KEMAC can hold.
const WRAP_BLOCKS: usize = 8191;

fn wrap(keys: &EncryptionKeys, plain: &[u8]) -> Result<Vec<u8>, Refused> {
    let (blocks, rest) = plain.as_chunks::<8>();
    if !rest.is_empty() || !(2..=WRAP_BLOCKS - 1).contains(&blocks.len()) {
        return Err(Refused::Length { what: "wrapped data", got: plain.len() });
    }
    let (aes, mut a) = key_wrap(keys)?;
    // Grows no more, so that no copy of the keys is left behind.
    let mut r = Vec::with_capacity(8 + plain.len());
    r.extend_from_slice(&[0; 8]);
    r.extend_from_slice(plain);
    let (head, body) = r.split_at_mut(8);
    let mut t = 0u64;
    for _ in 0..6 {
        for block in body.as_chunks_mut::<8>().0 {
            t += 1;
            let mut b = join(a, *block);
            aes.encrypt_block(&mut b);
            (a, *block) = split(&b);
            a = (u64::from_be_bytes(a) ^ t).to_be_bytes();
        }
    }
    head.copy_from_slice(&a);
    Ok(r)
}

fn unwrap_key(keys: &EncryptionKeys, data: &[u8]) -> Result<SecretVec, Error> {
    let wrong = Refused::Length { what: "wrapped data", got: data.len() };
    let (blocks, rest) = data.as_chunks::<8>();
    if !rest.is_empty() || !(3..=WRAP_BLOCKS).contains(&blocks.len()) {
        return Err(wrong.into());
    }
    let (aes, initial) = key_wrap(keys)?;
    let (head, body) = data.split_first_chunk::<8>().ok_or(wrong)?;
    let (mut a, mut r) = (*head, body.to_vec());
    let mut t = 6 * (blocks.len() as u64 - 1);
    for _ in 0..6 {
        for block in r.as_chunks_mut::<8>().0.iter_mut().rev() {
            let mut b = join((u64::from_be_bytes(a) ^ t).to_be_bytes(), *block);
            aes.decrypt_block(&mut b);
            (a, *block) = split(&b);
            b.as_mut_slice().zeroize();
            t -= 1;
        }
    }
    let r = SecretVec::new(r);
    match declassify::verdict("MIKEY key unwraps", a.ct_eq(&initial)) {
        true => Ok(r),
        false => Err(Error::Unauthentic),
    }
}

/// The cipher and the initial value, the salt (RFC 3830 section 4.2.3).
fn key_wrap(keys: &EncryptionKeys) -> Result<(Aes128, [u8; 8]), Refused> {
    let key = keys.key.expose();
    let aes = Aes128::new_from_slice(key).map_err(|_| Refused::Length { what: "encryption key", got: key.len() })?;
    let salt = keys.salt.expose();
    let initial = salt.try_into().map_err(|_| Refused::Length { what: "salting key", got: salt.len() })?;
    Ok((aes, initial))
}

fn join(a: [u8; 8], b: [u8; 8]) -> Array<u8, aes::cipher::consts::U16> {
    (u128::from(u64::from_be_bytes(a)) << 64 | u128::from(u64::from_be_bytes(b))).to_be_bytes().into()
}

fn split(b: &[u8]) -> ([u8; 8], [u8; 8]) {
    let (mut left, mut right) = ([0; 8], [0; 8]);
    left.iter_mut().zip(b).for_each(|(o, b)| *o = *b);
    right.iter_mut().zip(b.iter().skip(8)).for_each(|(o, b)| *o = *b);
    (left, right)
}
