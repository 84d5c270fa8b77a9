//! X25519 (RFC 7748); the only file that names its crate.

use alloc::vec::Vec;

use subtle::Choice;
use x25519_dalek::{PublicKey, StaticSecret};

use super::{Exchange, SEED_BYTES, exact_reason};
use crate::declassify;
use crate::error::DecodeReason;
use crate::secret::{Secret, SecretVec};

/// Bytes of a secret and of a u-coordinate.
const SIZE: usize = 32;

/// The canonical u-coordinates of small order: 0 (order 2), 1 and p - 1 (order 4 on the curve and on its twist) and the
/// two of order 8. There are no more: the curve's torsion is cyclic of order 8, the twist's of order 4. All secrets,
/// being multiples of 8, agree on zero with them; the tests show it for each.
pub(super) const SMALL_ORDER: [[u8; SIZE]; 5] = [
    [0; SIZE],
    {
        let mut one = [0; SIZE];
        one[0] = 1;
        one
    },
    [
        0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09,
        0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00,
    ],
    [
        0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04, 0x44,
        0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57,
    ],
    {
        let mut minus_one = PRIME;
        minus_one[0] -= 1;
        minus_one
    },
];

/// 2^255 - 19, little-endian.
const PRIME: [u8; SIZE] = {
    let mut p = [0xff; SIZE];
    p[0] = 0xed;
    p[31] = 0x7f;
    p
};

/// A secret before clamping. The crate wipes it on drop.
pub(super) struct Key(StaticSecret);

impl Exchange for Key {
    const SECRET_BYTES: usize = SIZE;
    const X: core::ops::Range<usize> = 0..SIZE;

    fn from_seed(seed: &Secret<SEED_BYTES>) -> Self {
        let mut first = Secret::<SIZE>::zero();
        for (o, s) in first.as_mut().iter_mut().zip(seed.expose()) {
            *o = *s;
        }
        Self(StaticSecret::from(*first.expose()))
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        <[u8; SIZE]>::try_from(bytes).ok().map(|bytes| Self(StaticSecret::from(bytes)))
    }

    fn to_bytes(&self) -> SecretVec {
        SecretVec::new(self.0.as_bytes().to_vec())
    }

    fn share(&self) -> Vec<u8> {
        PublicKey::from(&self.0).as_bytes().to_vec()
    }

    fn check(share: &[u8]) -> Result<(), DecodeReason> {
        decode(share).map(drop)
    }

    fn agree(&self, share: &[u8]) -> Result<SecretVec, DecodeReason> {
        let shared = self.0.diffie_hellman(&PublicKey::from(*decode(share)?));
        // RFC 7748 section 6.1. Cannot happen after `decode`; kept because the list above might be wrong, this cannot.
        let contributory = Choice::from(u8::from(shared.was_contributory()));
        if !declassify::verdict("X25519 result is not zero", contributory) {
            return Err(DecodeReason::NotInSubgroup);
        }
        Ok(SecretVec::new(shared.as_bytes().to_vec()))
    }
}

/// A u-coordinate that passed all checks.
fn decode(share: &[u8]) -> Result<&[u8; SIZE], DecodeReason> {
    exact_reason(share, SIZE)?;
    let u: &[u8; SIZE] = share.try_into().map_err(|_| DecodeReason::NotCanonical)?;
    // Little-endian: compare from the last byte down. The prime's top bit is clear, so this covers the top bit of u.
    if u.iter().rev().ge(PRIME.iter().rev()) {
        return Err(DecodeReason::NotCanonical);
    }
    if SMALL_ORDER.contains(u) {
        return Err(DecodeReason::NotInSubgroup);
    }
    Ok(u)
}

/// The function X25519 without any check, for vectors that the checks refuse.
#[cfg(test)]
pub(super) fn unchecked(k: [u8; SIZE], u: [u8; SIZE]) -> [u8; SIZE] {
    x25519_dalek::x25519(k, u)
}
