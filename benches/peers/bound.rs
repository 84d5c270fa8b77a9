//! The bound that the multiplier sets for a pairing in lockstep: how many multiply-adds it takes, and what one costs here.
#![allow(unsafe_code, dead_code, unreachable_pub)]

#[path = "../../tests/common/kernel_counts.rs"]
pub mod kernel_counts;

use kernel_counts::{FINAL_EXPONENTIATION, MILLER_LOOP};

/// Multiply-adds of eight pairings in lockstep, at least: additions, carries, squeezes and memory are left out.
pub const PAIRINGS8: u64 = MILLER_LOOP + FINAL_EXPONENTIATION;

/// Nanoseconds of one 512-bit multiply-add when nothing else runs, if the processor has it: the best of some runs.
#[cfg(target_arch = "x86_64")]
pub fn multiply_add_ns() -> Option<f64> {
    if !(std::is_x86_feature_detected!("avx512f") && std::is_x86_feature_detected!("avx512ifma")) {
        return None;
    }
    const LOOPS: u64 = 20_000;
    let run = || {
        let start = std::time::Instant::now();
        // SAFETY: the processor has the instruction; nothing but the registers named is touched. Sixteen chains cover its latency.
        unsafe {
            core::arch::asm!(
                "2:",
                "vpmadd52luq zmm0, zmm16, zmm17",
                "vpmadd52luq zmm1, zmm16, zmm17",
                "vpmadd52luq zmm2, zmm16, zmm17",
                "vpmadd52luq zmm3, zmm16, zmm17",
                "vpmadd52luq zmm4, zmm16, zmm17",
                "vpmadd52luq zmm5, zmm16, zmm17",
                "vpmadd52luq zmm6, zmm16, zmm17",
                "vpmadd52luq zmm7, zmm16, zmm17",
                "vpmadd52huq zmm8, zmm16, zmm17",
                "vpmadd52huq zmm9, zmm16, zmm17",
                "vpmadd52huq zmm10, zmm16, zmm17",
                "vpmadd52huq zmm11, zmm16, zmm17",
                "vpmadd52huq zmm12, zmm16, zmm17",
                "vpmadd52huq zmm13, zmm16, zmm17",
                "vpmadd52huq zmm14, zmm16, zmm17",
                "vpmadd52huq zmm15, zmm16, zmm17",
                "dec {n}",
                "jnz 2b",
                n = inout(reg) LOOPS => _,
                out("zmm0") _, out("zmm1") _, out("zmm2") _, out("zmm3") _,
                out("zmm4") _, out("zmm5") _, out("zmm6") _, out("zmm7") _,
                out("zmm8") _, out("zmm9") _, out("zmm10") _, out("zmm11") _,
                out("zmm12") _, out("zmm13") _, out("zmm14") _, out("zmm15") _,
                options(nomem, nostack),
            );
        }
        start.elapsed().as_secs_f64() * 1e9 / (16 * LOOPS) as f64
    };
    (0..50).map(|_| run()).min_by(f64::total_cmp)
}

/// Elsewhere there is no such instruction.
#[cfg(not(target_arch = "x86_64"))]
pub const fn multiply_add_ns() -> Option<f64> {
    None
}

/// Microseconds of one of eight pairings in lockstep if nothing but multiply-adds took time.
pub fn pairing_us() -> Option<f64> {
    multiply_add_ns().map(|ns| PAIRINGS8 as f64 * ns / 8000.0)
}
