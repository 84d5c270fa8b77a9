//! Checks of the inside of batches; what users see is checked in `tests/batch.rs`.

use rand_core::{TryCryptoRng, TryRng};

use crate::kdf::hash;

/// SHA-256 in counter mode under a seed.
pub(super) struct Seeded([u8; 32], u64);

impl Seeded {
    pub(super) fn new(seed: &str) -> Self {
        Self(hash(&[seed.as_bytes()]), 0)
    }
}

impl TryRng for Seeded {
    type Error = core::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        let mut b = [0; 4];
        self.try_fill_bytes(&mut b)?;
        Ok(u32::from_be_bytes(b))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        let mut b = [0; 8];
        self.try_fill_bytes(&mut b)?;
        Ok(u64::from_be_bytes(b))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        for chunk in out.chunks_mut(32) {
            let block = hash(&[&self.0, &self.1.to_be_bytes()]);
            self.1 += 1;
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
        Ok(())
    }
}

impl TryCryptoRng for Seeded {}
