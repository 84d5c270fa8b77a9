//! The 512-bit lane: AVX-512 with the 52-bit integer multiply-add (IFMA). The only unsafe code of the folder.
//!
//! Every operation is inlined into a kernel that is compiled for these instructions (`kernels.rs`). One that is not still
//! computes the right thing, through a call for each instruction, many times slower; a test on the built program looks for
//! such calls.
#![allow(unsafe_code)]

#[cfg(not(memory_sanitizer))]
use core::arch::x86_64::_mm512_ternarylogic_epi64;
use core::arch::x86_64::{
    __m512i, _mm512_add_epi64, _mm512_and_si512, _mm512_madd52hi_epu64, _mm512_madd52lo_epu64, _mm512_or_si512,
    _mm512_set1_epi64, _mm512_slli_epi64, _mm512_srai_epi64, _mm512_srli_epi64, _mm512_sub_epi64, _mm512_xor_si512,
};

use super::fp6::Fp6;
use super::fp12::Fp12;
use super::kernels::{Buckets, Evaluate, Kernels, Line, Raw, Raw2, RawWide2, with_kernels};
use super::lane::Vector;
use super::miller::Lines;

/// Eight words in one register.
#[derive(Clone, Copy)]
pub(crate) struct Avx512(__m512i);

/// Exists only where AVX-512F and IFMA do.
#[derive(Clone, Copy)]
pub(crate) struct Avx512Token(());

impl Avx512Token {
    /// Asks the processor and the operating system.
    pub(crate) fn detect() -> Option<Self> {
        (std::arch::is_x86_feature_detected!("avx512f") && std::arch::is_x86_feature_detected!("avx512ifma"))
            .then_some(Self(()))
    }
}

impl Avx512 {
    /// The value itself; the run under MemorySanitizer (docs/constant-time.md) hears of it. A sanitizer does not follow carries
    /// from bit to bit, so a word with one secret bit has to become a secret word.
    #[inline(always)]
    fn whole(self) -> Self {
        #[cfg(memory_sanitizer)]
        {
            let mut words = self.to_words();
            crate::declassify::words(&mut words);
            // SAFETY: both types are 64 bytes of which every value is valid.
            Self(unsafe { core::mem::transmute::<[u64; 8], __m512i>(words) })
        }
        #[cfg(not(memory_sanitizer))]
        self
    }
}

impl Vector for Avx512 {
    type Token = Avx512Token;

    #[inline(always)]
    fn token(self) -> Avx512Token {
        Avx512Token(())
    }

    #[inline(always)]
    fn splat(_: Avx512Token, word: u64) -> Self {
        // SAFETY: the token proves that the instructions exist.
        Self(unsafe { _mm512_set1_epi64(word.cast_signed()) })
    }

    #[inline(always)]
    fn from_words(_: Avx512Token, words: &[u64; 8]) -> Self {
        // SAFETY: both types are 64 bytes of which every value is valid.
        Self(unsafe { core::mem::transmute::<[u64; 8], __m512i>(*words) }).whole()
    }

    #[inline(always)]
    fn to_words(self) -> [u64; 8] {
        // SAFETY: as above.
        unsafe { core::mem::transmute::<__m512i, [u64; 8]>(self.0) }
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        // SAFETY: a value proves that the instructions exist.
        Self(unsafe { _mm512_add_epi64(self.0, other.0) })
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm512_sub_epi64(self.0, other.0) })
    }

    #[inline(always)]
    fn and(self, other: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm512_and_si512(self.0, other.0) }).whole()
    }

    #[inline(always)]
    fn or(self, other: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm512_or_si512(self.0, other.0) }).whole()
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm512_xor_si512(self.0, other.0) })
    }

    #[inline(always)]
    fn shl<const N: u32>(self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm512_slli_epi64::<N>(self.0) }).whole()
    }

    #[inline(always)]
    fn shr<const N: u32>(self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm512_srli_epi64::<N>(self.0) }).whole()
    }

    #[inline(always)]
    fn sar<const N: u32>(self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm512_srai_epi64::<N>(self.0) }).whole()
    }

    #[inline(always)]
    fn madd_lo(self, a: Self, b: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm512_madd52lo_epu64(self.0, a.0, b.0) }).whole()
    }

    #[inline(always)]
    fn madd_hi(self, a: Self, b: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm512_madd52hi_epu64(self.0, a.0, b.0) }).whole()
    }

    // MemorySanitizer does not know what the instruction does with single bits, and reports any secret that enters it.
    #[cfg(not(memory_sanitizer))]
    #[inline(always)]
    fn select(self, other: Self, mask: Self) -> Self {
        // SAFETY: as above. 0xca is "mask ? other : self" of (mask, other, self).
        Self(unsafe { _mm512_ternarylogic_epi64::<0xca>(mask.0, other.0, self.0) })
    }
}

type V = Avx512;

macro_rules! implement {
    ($(fn $name:ident($($arg:ident: $ty:ty),*) -> $ret:ty = $($body:ident)::+;)*) => {
        impl Kernels<Avx512> for Avx512 { $(
            // Here, because the compiler does not heed the attribute on a function with instructions of its own.
            #[inline(never)]
            fn $name($($arg: $ty),*) -> $ret {
                #[target_feature(enable = "avx512f,avx512ifma")]
                fn kernel($($arg: $ty),*) -> $ret {
                    $($body)::+::<Avx512>($($arg),*)
                }
                // SAFETY: the arguments hold values of this type, which exist only after `Avx512Token::detect`.
                unsafe { kernel($($arg),*) }
            }
        )* }
    };
}
with_kernels!(implement);
