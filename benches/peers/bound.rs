//! The bound that the multiplier sets for a pairing in lockstep: how many multiply-adds it takes, and what one costs here.
#![allow(unsafe_code, dead_code, unreachable_pub)]

/// A product and a square of eight limbs, not reduced, and a reduction: low and high halves count apart (`src/simd/wide.rs`).
const PRODUCT: u64 = 96;
const SQUARE: u64 = 72;
const REDUCTION: u64 = 129;
/// The same in Fp2, where a product takes three and a square two products, and two reductions.
const PRODUCT2: u64 = 3 * PRODUCT;
const SQUARE2: u64 = 2 * PRODUCT;
const REDUCTION2: u64 = 2 * REDUCTION;
/// In Fp12: eighteen, twelve and thirteen products of Fp2; six reductions.
const FP12_PRODUCT: u64 = 18 * PRODUCT2 + 6 * REDUCTION2;
const FP12_SQUARE: u64 = 12 * PRODUCT2 + 6 * REDUCTION2;
const LINE_PRODUCT: u64 = 13 * PRODUCT2 + 6 * REDUCTION2;
const CYCLOTOMIC_SQUARE: u64 = 9 * SQUARE2 + 6 * REDUCTION2;
const FROBENIUS: u64 = 6 * (PRODUCT2 + REDUCTION2);
/// A tangent: four products, five squares of which two share a reduction, two products with a coordinate of G1; a chord: eleven
/// products, two squares, and the same two.
const BY_COORDINATE: u64 = 2 * (PRODUCT + REDUCTION);
const TANGENT: u64 = 4 * (PRODUCT2 + REDUCTION2) + 5 * SQUARE2 + 4 * REDUCTION2 + 2 * BY_COORDINATE;
const CHORD: u64 = 11 * (PRODUCT2 + REDUCTION2) + 2 * (SQUARE2 + REDUCTION2) + 2 * BY_COORDINATE;
/// The parameter of the curve has 64 bits, six of them set.
const STEPS: u64 = 63;
const ADDITIONS: u64 = 5;

const MILLER_LOOP: u64 = STEPS * (FP12_SQUARE + TANGENT + LINE_PRODUCT) + ADDITIONS * (CHORD + LINE_PRODUCT);
/// Five powers of the parameter, nine other products, one inversion, which goes down to a power in Fp.
const POWER: u64 = STEPS * CYCLOTOMIC_SQUARE + ADDITIONS * FP12_PRODUCT;
const INVERSION: u64 = 384 * (SQUARE + REDUCTION)
    + 110 * (PRODUCT + REDUCTION)
    + 12 * (PRODUCT2 + REDUCTION2)
    + 4 * (6 * PRODUCT2 + 3 * REDUCTION2);
const FINAL_EXPONENTIATION: u64 = 5 * POWER + 9 * FP12_PRODUCT + CYCLOTOMIC_SQUARE + 3 * FROBENIUS + INVERSION;

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
