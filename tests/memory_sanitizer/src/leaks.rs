//! Leaks that the sanitizer must report: each ends the program with that report, or the method is blind to its kind.

use core::arch::x86_64::{
    __m512i, _mm512_i64gather_epi64, _mm512_loadu_si512, _mm512_madd52lo_epu64, _mm512_set1_epi64, _mm512_storeu_si512,
};
use core::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};

use ibake::curve::{G1, G2};

use crate::run::{Case, Run};

pub const LEAKS: &[Case] = &[
    ("branch-on-a-lane-word", branch),
    ("branch-on-a-result", branch_on_a_result),
    ("branch-on-a-carry", branch_on_a_carry),
    ("early-return-on-zero", early_return),
    ("gather-by-a-secret", gather),
    ("table-by-a-secret", table),
    ("division-by-a-secret", division),
];

static SEEN: AtomicU64 = AtomicU64::new(0);

/// What it does cannot be done without a branch: a compiler may not store where the source does not.
#[inline(never)]
fn taken_if(condition: bool) {
    if condition {
        SEEN.fetch_add(1, Ordering::Relaxed);
    }
}

/// A multiply-add of secret words in a register of 512 bits.
fn lane(run: &Run) -> [u64; 8] {
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn multiply(words: &[u64; 8]) -> [u64; 8] {
        let mut out = [0; 8];
        // SAFETY: both arrays have 64 bytes.
        unsafe {
            let a: __m512i = _mm512_loadu_si512(words.as_ptr().cast());
            let sum = _mm512_madd52lo_epu64(_mm512_set1_epi64(1), a, a);
            _mm512_storeu_si512(out.as_mut_ptr().cast(), sum);
        }
        out
    }
    // SAFETY: leaks are run where there is an engine for these instructions.
    unsafe { multiply(&run.secret([3, 1, 4, 1, 5, 9, 2, 6])) }
}

fn branch(run: &Run) {
    taken_if(lane(run)[2] & 1 == 1);
}

/// The mark must survive a whole pairing.
fn branch_on_a_result(run: &Run) {
    let point = run.secret(G1::hash(b"some point", b"TEST").to_uncompressed());
    let gt = run.engine.pairings(&[(&point, &G2::generator().to_uncompressed())]);
    taken_if(gt[0].expose()[17] & 1 == 1);
}

/// A mask comes from the top bit of a difference, whose own bits are public: without `shadow::whole` this goes unseen.
fn branch_on_a_carry(run: &Run) {
    let numbers = core::array::from_fn(|i| run.secret([i as u8; 48]));
    taken_if(run.engine.zeros(&numbers)[5] >> 63 == 1);
}

/// Leaves a loop over lanes at the first that holds 0.
fn early_return(run: &Run) {
    let numbers = core::array::from_fn(|i| run.secret([i as u8 ^ 4; 48]));
    let masks = run.engine.zeros(&numbers);
    for (lane, mask) in masks.iter().enumerate() {
        if *mask != 0 {
            return;
        }
        SEEN.fetch_add(lane as u64, Ordering::Relaxed);
    }
}

fn gather(run: &Run) {
    static TABLE: [i64; 8] = [2, 7, 1, 8, 2, 8, 1, 8];
    #[target_feature(enable = "avx512f")]
    fn entries(words: &[u64; 8]) -> [u64; 8] {
        let mut out = [0; 8];
        // SAFETY: the indices are below eight, and all arrays have 64 bytes.
        unsafe {
            let indices = _mm512_loadu_si512(words.as_ptr().cast());
            let entries = _mm512_i64gather_epi64::<8>(indices, black_box(&TABLE).as_ptr());
            _mm512_storeu_si512(out.as_mut_ptr().cast(), entries);
        }
        out
    }
    let words = lane(run).map(|w| w & 7);
    // SAFETY: as in `lane`.
    black_box(unsafe { entries(&words) });
}

fn table(run: &Run) {
    static TABLE: [AtomicU64; 8] = [const { AtomicU64::new(0) }; 8];
    TABLE[(lane(run)[1] & 7) as usize].fetch_add(1, Ordering::Relaxed);
}

fn division(run: &Run) {
    let quotient = black_box(1_000_003) / (lane(run)[6] | 1);
    SEEN.store(quotient, Ordering::Relaxed);
}
