//! Multiply-adds of the 512-bit lane: of each kernel, as the built program must have them (`tests/simd_kernels.rs`), and of what
//! is made of kernels, for the bound that the multiplier sets (`benches/peers/bound.rs`, `benches/peers/operations.rs`).
#![allow(dead_code, unreachable_pub)]

/// A product and a square of eight limbs, not reduced, and a reduction: low and high halves count apart (`src/simd/wide.rs`).
pub const PRODUCT: u64 = 96;
pub const SQUARE: u64 = 72;
pub const REDUCTION: u64 = 129;
/// What brings a number below 2p.
pub const SQUEEZE: u64 = 16;
/// The same in Fp2, where a product takes three and a square two products, and two reductions.
pub const PRODUCT2: u64 = 3 * PRODUCT;
pub const SQUARE2: u64 = 2 * PRODUCT;
pub const REDUCTION2: u64 = 2 * REDUCTION;

/// Kernel, multiply-adds of its own, conditional jumps.
pub const KERNELS: &[(&str, u64, usize)] = &[
    ("fp_mul", PRODUCT + REDUCTION, 0),
    ("fp_square", SQUARE + REDUCTION, 0),
    ("fp_sum2", 2 * PRODUCT + REDUCTION, 0),
    ("fp_difference2", 2 * PRODUCT + REDUCTION, 0),
    ("fp_canonical", SQUEEZE, 0),
    ("equal", SQUEEZE, 0),
    ("reduce", REDUCTION, 0),
    ("reduce_add", REDUCTION2, 0),
    ("reduce_sub", REDUCTION2, 0),
    ("reduce_add_xi", REDUCTION2, 0),
    ("reduce_sub2", REDUCTION2, 0),
    ("reduce_sub_xi", REDUCTION2, 0),
    ("reduce_sub_12", REDUCTION2, 0),
    ("fp2_wide", PRODUCT2, 0),
    ("fp2_square_wide", SQUARE2, 0),
    ("fp2_square", SQUARE2 + REDUCTION2, 0),
    // Calls of the ones above.
    ("fp2_mul", 0, 0),
    ("wide_add", 0, 0),
    ("wide_add_xi", 0, 0),
    ("wide_sub2", 0, 0),
    ("wide_sub2_add", 0, 0),
    ("wide_sub2_add_xi", 0, 0),
    ("wide_add_xi_sub2", 0, 0),
    ("fp6_mul", 0, 0),
    // One jump each: the frame is larger than a page, and every page is touched in turn.
    ("fp12_mul", 0, 1),
    ("fp12_square", 2 * SQUEEZE, 1),
    ("mul_line", 0, 1),
    ("fp12_conjugate", 6 * SQUEEZE, 0),
    ("fp12_conjugate_if", 6 * SQUEEZE, 0),
    ("fp12_select", 0, 0),
    ("line_at", 0, 0),
    ("cyclotomic_square", 14 * SQUEEZE, 0),
    ("frobenius_1", 0, 0),
    ("frobenius_2", 0, 0),
    ("frobenius_3", 0, 0),
    ("prepare", 2 * SQUEEZE + 1, 0),
    ("line_double", 2 * SQUEEZE, 0),
    ("line_add", 8 * SQUEEZE, 0),
    ("g1_add", 2 * SQUEEZE, 0),
    ("g1_double", SQUEEZE, 0),
    ("g1_negate", SQUEEZE, 0),
    ("g2_add", 4 * SQUEEZE, 0),
    ("g2_double", 2 * SQUEEZE, 0),
    ("g2_negate", 2 * SQUEEZE, 0),
    ("g1_lift", 2 * SQUEEZE, 0),
    ("g2_lift", 8 * SQUEEZE, 0),
    ("g1_opposite", SQUEEZE, 0),
    ("g2_opposite", 2 * SQUEEZE, 0),
    ("odd", 0, 0),
    ("larger", 0, 0),
    ("sswu", 4 * SQUEEZE, 0),
    ("sswu_add", 0, 0),
    ("g1_broadcast", 0, 0),
    ("bucket_add", 0, 0),
    ("bucket_load", 0, 0),
    // Loops over constants.
    ("fp_square_n", SQUARE + REDUCTION, 2),
    ("fp_power", 0, 2),
    ("isogeny", SQUEEZE, 3),
    // One loop over the table, and whether it is empty.
    ("fp12_lookup", 0, 2),
    ("g1_lookup", 0, 2),
    ("g2_lookup_fixed", 0, 2),
];

/// The parameter of the curve has 64 bits, six of them set.
pub const STEPS: u64 = 63;
pub const ADDITIONS: u64 = 5;

// What kernels call, without the squeezes of their own.
pub const FP6_PRODUCT: u64 = 6 * PRODUCT2 + 3 * REDUCTION2;
/// In Fp12: eighteen, twelve and thirteen products of Fp2; six reductions.
pub const FP12_PRODUCT: u64 = 18 * PRODUCT2 + 6 * REDUCTION2;
pub const FP12_SQUARE: u64 = 12 * PRODUCT2 + 6 * REDUCTION2;
pub const LINE_PRODUCT: u64 = 13 * PRODUCT2 + 6 * REDUCTION2;
pub const CYCLOTOMIC_SQUARE: u64 = 9 * SQUARE2 + 6 * REDUCTION2;
pub const FROBENIUS: u64 = 6 * (PRODUCT2 + REDUCTION2);
/// A tangent: four products, five squares of which two share a reduction, two products with a coordinate of G1; a chord: eleven
/// products, two squares, and the same two.
const BY_COORDINATE: u64 = 2 * (PRODUCT + REDUCTION);
pub const TANGENT: u64 = 4 * (PRODUCT2 + REDUCTION2) + 5 * SQUARE2 + 4 * REDUCTION2 + 2 * BY_COORDINATE;
pub const CHORD: u64 = 11 * (PRODUCT2 + REDUCTION2) + 2 * (SQUARE2 + REDUCTION2) + 2 * BY_COORDINATE;
/// A sum of points: six products, and three sums of two products.
pub const G1_SUM: u64 = 6 * (PRODUCT + REDUCTION) + 3 * (2 * PRODUCT + REDUCTION);
pub const G1_DOUBLE: u64 = 2 * (SQUARE + REDUCTION) + 4 * (PRODUCT + REDUCTION) + 2 * PRODUCT + REDUCTION;
pub const G2_SUM: u64 = 6 * (PRODUCT2 + REDUCTION2) + 3 * (2 * PRODUCT2 + REDUCTION2);
/// The power (p - 3) / 4: 67 windows and a table of sixteen odd powers.
pub const FP_POWER: u64 = 376 * (SQUARE + REDUCTION) + (66 + 15) * (PRODUCT + REDUCTION);
pub const FP_INVERSION: u64 = FP_POWER + 2 * (SQUARE + REDUCTION) + PRODUCT + REDUCTION;
/// From Fp12 down to Fp.
pub const FP12_INVERSION: u64 = FP_INVERSION + 12 * (PRODUCT2 + REDUCTION2) + 4 * FP6_PRODUCT;

pub const MILLER_LOOP: u64 = STEPS * (FP12_SQUARE + TANGENT + LINE_PRODUCT) + ADDITIONS * (CHORD + LINE_PRODUCT);
/// Five powers of the parameter, nine other products, one inversion.
pub const POWER: u64 = STEPS * CYCLOTOMIC_SQUARE + ADDITIONS * FP12_PRODUCT;
pub const FINAL_EXPONENTIATION: u64 = 5 * POWER + 9 * FP12_PRODUCT + CYCLOTOMIC_SQUARE + 3 * FROBENIUS + FP12_INVERSION;
