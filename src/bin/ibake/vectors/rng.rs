//! Generators that are not random: bytes from a seed, for inputs, and bytes from a list, for whatever a vector fixes.

use core::convert::Infallible;

use ibake::kdf::hash;
use rand_core::{TryCryptoRng, TryRng};

/// SHA-256 in counter mode under a seed. Notes what it gives.
#[derive(Clone, Debug)]
pub(crate) struct Seeded {
    seed: [u8; 32],
    counter: u64,
    pub(crate) drawn: Vec<Vec<u8>>,
}

impl Seeded {
    pub(crate) fn new(seed: &str) -> Self {
        Self { seed: hash(&[seed.as_bytes()]), counter: 0, drawn: Vec::new() }
    }

    pub(crate) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        self.fill(&mut out);
        out
    }

    fn fill(&mut self, out: &mut [u8]) {
        for chunk in out.chunks_mut(32) {
            let block = hash(&[&self.seed, &self.counter.to_be_bytes()]);
            self.counter += 1;
            chunk.iter_mut().zip(block).for_each(|(o, b)| *o = b);
        }
        self.drawn.push(out.to_vec());
    }
}

/// Gives the listed draws in order. Another length or one draw too many is an error of the generator.
#[derive(Debug)]
pub(crate) struct Script(std::vec::IntoIter<Vec<u8>>);

impl Script {
    pub(crate) fn new(draws: Vec<Vec<u8>>) -> Self {
        Self(draws.into_iter())
    }

    pub(crate) fn is_used_up(&self) -> bool {
        self.0.len() == 0
    }
}

/// The list does not fit what is drawn.
#[derive(Debug)]
pub(crate) struct OffScript;

impl core::fmt::Display for OffScript {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("another length is drawn than the vector has")
    }
}

impl core::error::Error for OffScript {}

macro_rules! integers {
    () => {
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
    };
}

impl TryRng for Seeded {
    type Error = Infallible;
    integers!();

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        self.fill(out);
        Ok(())
    }
}

impl TryRng for Script {
    type Error = OffScript;
    integers!();

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), OffScript> {
        let draw = self.0.next().filter(|d| d.len() == out.len()).ok_or(OffScript)?;
        out.copy_from_slice(&draw);
        Ok(())
    }
}

impl TryCryptoRng for Seeded {}
impl TryCryptoRng for Script {}
