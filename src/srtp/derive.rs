//! Session keys from a master key: AES in counter mode as a pseudo-random function.
//!
//! Two places where the RFCs alone do not lead to what is deployed:
//! - RFC 3711 section 4.3.2 gives RTCP a 32-bit index, which would move the label by two bytes. libsrtp, ffmpeg and
//!   pion keep it where it is for RTP, as erratum 3712 asks: both indices count as 48 bits.
//! - RFC 7714 does not say how a 96-bit master salt meets the 112-bit input. It stands in front and two zero bytes
//!   follow (an erratum says "multiplied by 2^16"); libsrtp and pion do the same.

use alloc::vec::Vec;
use core::fmt;

use aes::cipher::{Block, BlockCipherEncrypt, KeyInit};
use aes::{Aes128, Aes192, Aes256};

use super::MasterKeys;
use crate::secret::SecretVec;

/// What the session keys are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Media packets.
    Rtp,
    /// Control packets.
    Rtcp,
}

/// The keys by which packets are protected. Wiped on drop, `Debug` shows nothing.
pub struct SessionKeys {
    pub(super) cipher_key: SecretVec,
    pub(super) auth_key: SecretVec,
    pub(super) salt: SecretVec,
}

impl SessionKeys {
    /// k_e, for the cipher.
    pub fn cipher_key(&self) -> &[u8] {
        self.cipher_key.expose()
    }

    /// k_a, for HMAC-SHA1; empty for the AEAD profiles.
    pub fn auth_key(&self) -> &[u8] {
        self.auth_key.expose()
    }

    /// k_s, the salt of the initialisation vectors.
    pub fn salt(&self) -> &[u8] {
        self.salt.expose()
    }
}

impl fmt::Debug for SessionKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionKeys").finish_non_exhaustive()
    }
}

pub(super) fn session_keys(master: &MasterKeys, stream: Stream, index_div_kdr: u64) -> SessionKeys {
    let profile = master.profile();
    // Labels of RFC 3711 sections 4.3.1 and 4.3.2: encryption, authentication, salt.
    let base = match stream {
        Stream::Rtp => 0u8,
        Stream::Rtcp => 3,
    };
    let derive = |label: u8, n| prf(master.key(), iv(master.salt(), base + label, index_div_kdr), n);
    SessionKeys {
        cipher_key: derive(0, profile.key_len()),
        auth_key: derive(1, profile.auth_key_len()),
        salt: derive(2, profile.salt_len()),
    }
}

/// `x * 2^16` with `x = (label || index) XOR salt`: bytes 0..14 hold x, the last two are the block counter.
pub(super) fn iv(salt: &[u8], label: u8, index_div_kdr: u64) -> [u8; 16] {
    let key_id = u64::from(label) << 48 | index_div_kdr & 0xffff_ffff_ffff;
    let mut iv = (u128::from(key_id) << 16).to_be_bytes();
    for (v, s) in iv.iter_mut().zip(salt) {
        *v ^= *s;
    }
    iv
}

/// The first `n` bytes of the key stream of AES in counter mode, `n` at most 2^20. MIKEY encrypts with it, too (RFC 3830
/// section 4.2.3).
pub(crate) fn prf(key: &[u8], iv: [u8; 16], n: usize) -> SecretVec {
    // The key has one of the three lengths: it comes from a profile.
    match key.len() {
        16 => Aes128::new_from_slice(key).map(|aes| key_stream(&aes, iv, n)),
        24 => Aes192::new_from_slice(key).map(|aes| key_stream(&aes, iv, n)),
        _ => Aes256::new_from_slice(key).map(|aes| key_stream(&aes, iv, n)),
    }
    .unwrap_or_else(|_| unreachable!("AES keys have 16, 24 or 32 bytes"))
}

fn key_stream<C: BlockCipherEncrypt<BlockSize = aes::cipher::consts::U16>>(
    aes: &C,
    iv: [u8; 16],
    n: usize,
) -> SecretVec {
    let counter = u128::from_be_bytes(iv);
    // Rounded up so that the vector never grows; truncating keeps the rest inside its capacity, where it is wiped.
    let mut out = Vec::with_capacity(n.next_multiple_of(16));
    for i in 0..n.div_ceil(16) {
        let mut block: Block<C> = counter.wrapping_add(i as u128).to_be_bytes().into();
        aes.encrypt_block(&mut block);
        out.extend_from_slice(&block);
        zeroize::Zeroize::zeroize(block.as_mut_slice());
    }
    out.truncate(n);
    SecretVec::new(out)
}
