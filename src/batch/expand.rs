//! The bytes that hashing to G1 begins with.

use crate::kdf::hash;
use crate::suite::DST_H1;

/// Length of a block of SHA-256, in zeros.
const BLOCK: [u8; 64] = [0; 64];

/// `expand_message_xmd` with SHA-256 and the tag of H1, to the 128 bytes of two field elements.
///
/// Timing: constant in the bytes of the message, not in its length.
///
/// Source: RFC 9380 section 5.3.1.
pub(super) fn expand_message(message: &[u8]) -> [u8; 128] {
    let tag_len = [DST_H1.len() as u8];
    let first = hash(&[&BLOCK, message, &[0, 128, 0], DST_H1, &tag_len]);
    let mut block = [0; 32];
    let mut out = [0; 128];
    for (i, chunk) in (1u8..).zip(out.chunks_exact_mut(32)) {
        block.iter_mut().zip(&first).for_each(|(b, f)| *b ^= f);
        block = hash(&[&block, &[i], DST_H1, &tag_len]);
        chunk.copy_from_slice(&block);
    }
    out
}
