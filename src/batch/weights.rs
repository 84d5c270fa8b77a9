//! Random weights: 128 bits, never zero, fresh for every call.
//!
//! ```text
//! prk = Ext(32 fresh bytes, H(all inputs))     z_64b .. z_64b+63 = Exp(prk, "batch weights" || u64 b, 1024), 0 read as
//! 1
//! ```
//!
//! The hash of the inputs hedges the generator: one that repeats its output, or whose output is known to whoever made
//! the keys, still gives weights that depend on all keys together, so errors cannot be made to cancel without
//! searching.

use alloc::vec::Vec;

use rand_core::TryCryptoRng;

use super::{BatchError, STACK};
use crate::declassify;
use crate::kdf::{Prk, hash, label};
use crate::secret::{Secret, leaving_no_trace};
use crate::suite::labels;

/// Weights that one expansion gives.
const BLOCK: usize = 64;

/// One weight for each of `n` items. `inputs` are the parts of everything that the weights must not be chosen before;
/// their concatenation must be injective.
///
/// # Errors
/// [`BatchError::Random`] if the generator fails.
pub(super) fn draw<R: TryCryptoRng + ?Sized>(n: usize, inputs: &[&[u8]], rng: &mut R) -> Result<Vec<u128>, BatchError> {
    if n == 0 {
        return Ok(Vec::new());
    }
    let fresh = Secret::<32>::random(rng).map_err(|_| BatchError::Random)?;
    // The hash function leaves its last block, which may be of a key.
    let inputs = leaving_no_trace::<STACK, _>(|| Secret::new(hash(inputs)));
    let prk = Prk::extract(fresh.expose(), &[inputs.expose()]);
    let mut out = Vec::with_capacity(n.next_multiple_of(BLOCK));
    for block in 0..n.div_ceil(BLOCK) as u64 {
        let bytes = prk.expand::<{ 16 * BLOCK }>(&[label(labels::BATCH_WEIGHTS).as_ref(), &block.to_be_bytes()]);
        // Keyed by the fresh bytes: they say nothing about the inputs, and sums are not constant time in them.
        declassify::published("weights of a batch", bytes.expose());
        out.extend(bytes.expose().as_chunks::<16>().0.iter().map(|b| u128::from_be_bytes(*b).max(1)));
    }
    out.truncate(n);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::tests::Seeded;

    #[test]
    fn weights_depend_on_generator_and_on_every_input() {
        let draw = |seed: &str, inputs: &[&[u8]], n| draw(n, inputs, &mut Seeded::new(seed)).unwrap();
        let first = draw("a", &[b"x", b"y"], 200);
        assert_eq!(first, draw("a", &[b"x", b"y"], 200));
        assert_eq!(first[..65], draw("a", &[b"x", b"y"], 65));
        for other in [draw("b", &[b"x", b"y"], 200), draw("a", &[b"x", b"z"], 200)] {
            assert!(first.iter().zip(&other).all(|(a, b)| a != b));
        }
        let mut sorted = first.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), 200);
        assert!(sorted[0] > 0 && sorted[199] > 1 << 120);
        assert!(draw("a", &[], 0).is_empty());
    }
}
