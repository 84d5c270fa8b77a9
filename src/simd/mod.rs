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
//! miller     Miller loop        finalexp   final exponentiation
//! ```
//!
//! A leaf: knows nothing of the other layers but bytes.

#![cfg_attr(not(feature = "hazmat"), allow(unreachable_pub))]
#![cfg_attr(not(test), allow(dead_code))] // what the group law will use
#![allow(clippy::absurd_extreme_comparisons, unused_comparisons)] // literal indices in unrolled blocks

#[cfg(target_arch = "x86_64")]
mod avx512;
mod constants;
mod emulated;
mod finalexp;
mod fp;
mod fp12;
mod fp2;
mod fp6;
mod kernels;
mod lane;
mod miller;
#[cfg(test)]
mod tests;
mod wide;

use alloc::vec::Vec;
use std::sync::OnceLock;

use zeroize::Zeroize;

use crate::encoding::{G1_BYTES, G2_BYTES, GT_BYTES};
use crate::secret::{Secret, wipe_stack};
use fp::Fe;
use fp2::Fe2;
use fp12::Fp12;
use kernels::Lane;

/// Instances that are worked on in lockstep.
pub const LANES: usize = 8;

/// Bytes of stack that the deepest function here needs, with room to spare. Nothing of a lane is ever on the heap.
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

    /// `e(P_i, Q_i)` in the layout of SPEC.md 2.3, in order; infinity gives one. A last group of fewer than eight costs as much
    /// as a full one.
    ///
    /// The points are taken to be canonical, on the curve and in the subgroup of order r: decode them first.
    ///
    /// # Timing
    /// Constant in the points; varies with their number.
    pub fn pairings(self, items: &[(&Point1, &Point2)]) -> Vec<Secret<GT_BYTES>> {
        let mut out = Vec::with_capacity(items.len());
        for group in items.chunks(LANES) {
            on!(self, |token: V| pairings8::<V>(token, group, &mut out));
        }
        wipe_stack::<DEPTH>();
        out
    }
}

fn pairings8<V: Lane>(token: V::Token, group: &[(&Point1, &Point2)], out: &mut Vec<Secret<GT_BYTES>>) {
    let [px, py] = load(token, group.iter().map(|(p, _)| *p));
    let [x1, x0, y1, y0] = load(token, group.iter().map(|(_, q)| *q));
    let infinite = infinity::<V>(token, group.iter().map(|(p, q)| p[0] | q[0]));
    let f = miller::miller_loop(&px, &py, &Fe2::new(x0, x1), &Fe2::new(y0, y1));
    let f = f.select(&Fp12::one(token), infinite);
    store(&finalexp::final_exponentiation(&f), group.len(), out);
}

const FLAGS: u8 = 0xe0;
const INFINITY: u32 = 0x40;

/// All ones for each lane whose first byte has the flag of infinity.
fn infinity<V: Lane>(token: V::Token, first: impl Iterator<Item = u8>) -> V {
    let mut words = [0; LANES];
    words.iter_mut().zip(first).for_each(|(w, b)| *w = u64::from((u32::from(b) & INFINITY) / INFINITY).wrapping_neg());
    V::from_words(token, &words)
}

/// The coordinates of a point for each lane, without flags; 0 where there is none.
fn load<'a, V: Lane, const N: usize, const BYTES: usize>(
    token: V::Token,
    points: impl Iterator<Item = &'a [u8; BYTES]> + Clone,
) -> [Fe<V>; N] {
    core::array::from_fn(|k| {
        let mut words = [[0; 48]; LANES];
        for (word, point) in words.iter_mut().zip(points.clone()) {
            word.iter_mut().zip(point.iter().skip(48 * k)).for_each(|(w, b)| *w = *b);
            if k == 0 {
                word[0] &= !FLAGS;
            }
        }
        let (fe, _) = Fe::<V>::from_be_bytes(token, &words);
        words.zeroize();
        fe
    })
}

/// The first `n` lanes in the layout of SPEC.md 2.3.
fn store<V: Lane>(gt: &Fp12<V>, n: usize, out: &mut Vec<Secret<GT_BYTES>>) {
    let first = out.len();
    out.extend((0..n).map(|_| Secret::zero()));
    for (k, c) in gt.0.iter().flat_map(|half| half.0.iter().flatten()).enumerate() {
        let mut words = Fe::<V>::from_raw(*c).to_be_bytes();
        for (secret, word) in out.iter_mut().skip(first).zip(&words) {
            secret.as_mut().iter_mut().skip(48 * k).zip(word).for_each(|(o, w)| *o = *w);
        }
        words.zeroize();
    }
}
