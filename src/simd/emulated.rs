//! The emulated lane: eight words in an array. Slow; says in plain integers what the 512-bit lane does.
//!
//! Operations are calls, not inlined: the kernels unroll thousands of them.

use super::fp6::Fp6;
use super::fp12::Fp12;
use super::kernels::{Buckets, Evaluate, Kernels, Line, Raw, Raw2, RawWide2, with_kernels};
use super::lane::Vector;
use super::miller::Lines;

/// Eight words in an array.
#[derive(Clone, Copy)]
#[repr(align(64))]
pub(crate) struct Emulated([u64; 8]);

/// There is nothing to prove.
#[derive(Clone, Copy)]
pub(crate) struct EmulatedToken;

const LOW: u64 = (1 << 52) - 1;

impl Emulated {
    fn zip(self, other: Self, f: impl Fn(u64, u64) -> u64) -> Self {
        Self(core::array::from_fn(|i| f(self.0[i], other.0[i])))
    }

    fn map(self, f: impl Fn(u64) -> u64) -> Self {
        Self(self.0.map(f))
    }

    fn zip3(self, a: Self, b: Self, f: impl Fn(u64, u64, u64) -> u64) -> Self {
        Self(core::array::from_fn(|i| f(self.0[i], a.0[i], b.0[i])))
    }
}

fn product(a: u64, b: u64) -> u128 {
    u128::from(a & LOW) * u128::from(b & LOW)
}

impl Vector for Emulated {
    type Token = EmulatedToken;

    fn token(self) -> EmulatedToken {
        EmulatedToken
    }

    fn splat(_: EmulatedToken, word: u64) -> Self {
        Self([word; 8])
    }

    fn from_words(_: EmulatedToken, words: &[u64; 8]) -> Self {
        Self(*words)
    }

    fn to_words(self) -> [u64; 8] {
        self.0
    }

    #[inline(never)]
    fn add(self, other: Self) -> Self {
        self.zip(other, u64::wrapping_add)
    }

    #[inline(never)]
    fn sub(self, other: Self) -> Self {
        self.zip(other, u64::wrapping_sub)
    }

    #[inline(never)]
    fn and(self, other: Self) -> Self {
        self.zip(other, |a, b| a & b)
    }

    #[inline(never)]
    fn or(self, other: Self) -> Self {
        self.zip(other, |a, b| a | b)
    }

    #[inline(never)]
    fn xor(self, other: Self) -> Self {
        self.zip(other, |a, b| a ^ b)
    }

    #[inline(never)]
    fn shl<const N: u32>(self) -> Self {
        self.map(|a| a << N)
    }

    #[inline(never)]
    fn shr<const N: u32>(self) -> Self {
        self.map(|a| a >> N)
    }

    #[inline(never)]
    fn sar<const N: u32>(self) -> Self {
        self.map(|a| (a.cast_signed() >> N).cast_unsigned())
    }

    #[inline(never)]
    #[allow(clippy::cast_possible_truncation)] // masked to 52 bits
    fn madd_lo(self, a: Self, b: Self) -> Self {
        self.zip3(a, b, |s, a, b| s.wrapping_add(product(a, b) as u64 & LOW))
    }

    #[allow(clippy::cast_possible_truncation)] // below 2^52
    #[inline(never)]
    fn madd_hi(self, a: Self, b: Self) -> Self {
        self.zip3(a, b, |s, a, b| s.wrapping_add((product(a, b) >> 52) as u64))
    }
}

type V = Emulated;

macro_rules! implement {
    ($(fn $name:ident($($arg:ident: $ty:ty),*) -> $ret:ty = $($body:ident)::+;)*) => {
        impl Kernels<Emulated> for Emulated { $(
            #[inline(never)]
            fn $name($($arg: $ty),*) -> $ret {
                $($body)::+::<Emulated>($($arg),*)
            }
        )* }
    };
}
with_kernels!(implement);
