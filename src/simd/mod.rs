//! BLS12-381 arithmetic on eight independent instances at a time, in lockstep.
//!
//! Every operation does the same for whatever values the lanes hold: no branch, index or early return depends on them, so
//! what is computed here is constant time by construction. One source serves two lanes: 512-bit registers with the 52-bit
//! multiply-add of AVX-512 IFMA, and an emulated one in plain integers. `notes.md` derives the bounds and constants.
//!
//! ```text
//! lane       eight words; the 512-bit one in avx512, its twin in emulated
//! kernels    what each lane compiles for itself
//! fp, wide   base field; products before their reduction; bounds in the types
//! fp2 .. 12  the tower
//! miller     Miller loop        finalexp   final exponentiation      power      powers in Gt
//! point      complete formulas  multiply   scalar multiplication      sum        weighted sums
//! roots      powers, roots      subgroup   checked decoding           hash       field elements to G1
//! jobs, points   what engines do: bytes in, bytes out
//! ```
//!
//! A leaf: knows nothing of the other layers but bytes.

#![cfg_attr(not(feature = "hazmat"), allow(unreachable_pub))]
#![allow(clippy::absurd_extreme_comparisons, unused_comparisons)] // literal indices in unrolled blocks

/// Runs code for the lane of an engine: `$token` is its token, `$lane` its type.
macro_rules! on {
    ($engine:expr, |$token:ident: $lane:ident| $body:expr) => {
        match $engine.0 {
            #[cfg(target_arch = "x86_64")]
            Path::Avx512($token) => {
                type $lane = avx512::Avx512;
                $body
            }
            Path::Emulated($token) => {
                type $lane = emulated::Emulated;
                $body
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(test)]
mod bounds;
#[rustfmt::skip] // generated
mod constants;
mod emulated;
#[cfg(feature = "hazmat")]
#[doc(hidden)]
pub mod exposed;
mod finalexp;
mod fp;
mod fp12;
mod fp2;
mod fp6;
mod hash;
mod jobs;
mod kernels;
mod lane;
mod miller;
mod multiply;
mod point;
mod points;
mod power;
mod roots;
mod subgroup;
mod sum;
#[cfg(test)]
mod tests;
mod wide;

use std::sync::OnceLock;

use crate::encoding::{G1_BYTES, G2_BYTES};
pub use miller::PreparedG2;
pub use multiply::{FixedG2, ROW, ROWS};

/// Instances that are worked on in lockstep.
pub const LANES: usize = 8;

/// Bytes of stack that the deepest function here needs, with room to spare. Only the buckets of sums are on the heap.
const DEPTH: usize = 128 * 1024;

/// A point of G1, uncompressed: `x`, `y`, big-endian and canonical, the flag of infinity in the first byte.
pub type Point1 = [u8; 2 * G1_BYTES];
/// A point of G2, uncompressed: `x1`, `x0`, `y1`, `y0` likewise.
pub type Point2 = [u8; 2 * G2_BYTES];

/// What computes: found out once, passed along as the proof that the instructions exist.
#[derive(Clone, Copy)]
pub struct Engine(Path);

#[derive(Clone, Copy)]
enum Path {
    #[cfg(target_arch = "x86_64")]
    Avx512(avx512::Avx512Token),
    Emulated(emulated::EmulatedToken),
}

impl core::fmt::Debug for Engine {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Engine({})", self.name())
    }
}

impl Engine {
    /// The engine of this process, or none where the scalar backend is to be used.
    ///
    /// The environment variable `IBAKE_SIMD` decides, read once: `off`, `emulated` (slow; for tests), `avx512`. Without it,
    /// and for `avx512`, the 512-bit lane where the processor has it; any other value counts as `off`.
    pub fn detect() -> Option<Self> {
        static FOUND: OnceLock<Option<Engine>> = OnceLock::new();
        *FOUND.get_or_init(|| match std::env::var("IBAKE_SIMD").as_deref() {
            Ok("emulated") => Some(Self::emulated()),
            Ok("avx512") | Err(_) => Self::avx512(),
            Ok(_) => None,
        })
    }

    /// The emulated lane, on every machine.
    pub const fn emulated() -> Self {
        Self(Path::Emulated(emulated::EmulatedToken))
    }

    /// The 512-bit lane, where the processor has it.
    pub fn avx512() -> Option<Self> {
        #[cfg(target_arch = "x86_64")]
        return avx512::Avx512Token::detect().map(|t| Self(Path::Avx512(t)));
        #[cfg(not(target_arch = "x86_64"))]
        None
    }

    /// `avx512` or `emulated`.
    pub const fn name(self) -> &'static str {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Path::Avx512(_) => "avx512",
            Path::Emulated(_) => "emulated",
        }
    }
}
