//! The pseudo-random functions (RFC 3830 section 4.1.2, RFC 6043 section 6.1).
//!
//! ```text
//! P(s, label, m)     = HMAC(s, A_1 || label) || .. || HMAC(s, A_m || label)      A_0 = label, A_i = HMAC(s, A_{i-1})
//! PRF(inkey, label)  = P(s_1, label, m) XOR .. XOR P(s_n, label, m)              inkey = s_1 || .. || s_n, 32 bytes each, s_n the rest
//! ```
//! `m` blocks are as many as the output needs: of 20 bytes with SHA-1 (MIKEY-1), of 32 with SHA-256 (PRF-HMAC-SHA-256). The
//! input key is split into blocks of 256 bits with *both*: RFC 6043 replaces the 160 only.

use alloc::vec;

use zeroize::Zeroize;

use super::algorithms::{Hmac, HmacSha1, HmacSha256};
use super::error::Refused;
use super::limits;
use super::numbers::PrfFunc;
use crate::secret::SecretVec;

/// Bytes of a block of the input key.
const BLOCK: usize = 32;

/// `len` bytes derived from `inkey` under `label`, whose parts are joined.
///
/// Shape: `inkey` 1 to [`limits::INPUT_KEY`] bytes, `len` 1 to [`limits::DERIVED`].
/// Timing: constant in the key; varies with lengths.
/// Source: RFC 3830 section 4.1.2; RFC 6043 section 6.1.
///
/// # Errors
/// [`Refused::Algorithm`] for a function that is not known, [`Refused::Length`] for lengths out of range.
pub fn derive(func: PrfFunc, inkey: &[u8], label: &[&[u8]], len: usize) -> Result<SecretVec, Refused> {
    if inkey.is_empty() || inkey.len() > limits::INPUT_KEY {
        return Err(Refused::Length { what: "input key", got: inkey.len() });
    }
    if len == 0 || len > limits::DERIVED {
        return Err(Refused::Length { what: "derived key", got: len });
    }
    match func {
        PrfFunc::MIKEY_1 => Ok(prf::<HmacSha1>(inkey, label, len)),
        PrfFunc::HMAC_SHA_256 => Ok(prf::<HmacSha256>(inkey, label, len)),
        PrfFunc(got) => Err(Refused::Algorithm { what: "PRF func", got }),
    }
}

fn prf<H: Hmac>(inkey: &[u8], label: &[&[u8]], len: usize) -> SecretVec {
    let mut out = vec![0u8; len];
    for s in inkey.chunks(BLOCK) {
        let mut a = H::mac(s, &[], label);
        for chunk in out.chunks_mut(H::LEN) {
            let mut block = H::mac(s, a.as_ref(), label);
            chunk.iter_mut().zip(block.as_ref()).for_each(|(o, b)| *o ^= b);
            block.as_mut().zeroize();
            let mut next = H::mac(s, a.as_ref(), &[]);
            core::mem::swap(&mut a, &mut next);
            next.as_mut().zeroize();
        }
        a.as_mut().zeroize();
    }
    SecretVec::new(out)
}
