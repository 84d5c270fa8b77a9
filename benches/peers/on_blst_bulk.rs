//! Many points at once, on blst.

use blst::*;

use super::{add_g1, double_g1};

/// All with one inversion.
pub fn to_affine_all_g1(points: &[blst_p1]) -> Vec<blst_p1_affine> {
    let mut affine = vec![blst_p1_affine::default(); points.len()];
    let pointers = [points.as_ptr(), core::ptr::null()];
    // SAFETY: reads and writes `points.len()` elements.
    unsafe { blst_p1s_to_affine(affine.as_mut_ptr(), pointers.as_ptr(), points.len()) };
    affine
}

/// All with one inversion.
pub fn to_affine_all_g2(points: &[blst_p2]) -> Vec<blst_p2_affine> {
    let mut affine = vec![blst_p2_affine::default(); points.len()];
    let pointers = [points.as_ptr(), core::ptr::null()];
    // SAFETY: reads and writes `points.len()` elements.
    unsafe { blst_p2s_to_affine(affine.as_mut_ptr(), pointers.as_ptr(), points.len()) };
    affine
}

/// `sum z_i P_i`, constant time in the points: which bucket takes a point depends on its weight alone, and every addition is
/// complete (buckets begin at infinity, equal points double). Signed windows of the width that suits the number of points.
pub fn sum_in_buckets(points: &[blst_p1_affine], weights: &[u128]) -> blst_p1 {
    const BITS: usize = 129;
    // An addition of two projective points costs about 1.4 of one with an affine point.
    let cost = |w: usize| BITS.div_ceil(w) * (10 * points.len() + 14 * 2 * (1 << (w - 1)));
    let w = (2..=12).min_by_key(|w| cost(*w)).unwrap();
    let windows = BITS.div_ceil(w);
    // The same points with the other sign, for negative digits.
    let signed: Vec<[blst_p1_affine; 2]> =
        (points.iter()).map(|p| [*p, blst_p1_affine { x: p.x, y: get!(blst_fp, blst_fp_cneg, &p.y, true) }]).collect();
    let digit = |weight: u128, window: usize| -> i32 {
        // Booth: the window, and the bit below it.
        let at = window * w;
        let bits = if at == 0 { weight << 1 } else { weight.checked_shr(at as u32 - 1).unwrap_or(0) };
        let bits = (bits & ((1 << (w + 1)) - 1)) as i32;
        ((bits + 1) >> 1) - ((bits >> w) << w)
    };
    let mut sum = blst_p1::default();
    for window in (0..windows).rev() {
        (0..w).for_each(|_| sum = double_g1(&sum));
        let mut buckets = vec![blst_p1::default(); 1 << (w - 1)];
        for (point, weight) in signed.iter().zip(weights) {
            let digit = digit(*weight, window);
            if digit != 0 {
                let bucket = &mut buckets[digit.unsigned_abs() as usize - 1];
                *bucket = get!(blst_p1, blst_p1_add_or_double_affine, bucket, &point[usize::from(digit < 0)]);
            }
        }
        let (mut running, mut total) = (blst_p1::default(), blst_p1::default());
        for bucket in buckets.iter().rev() {
            running = add_g1(&running, bucket);
            total = add_g1(&total, &running);
        }
        sum = add_g1(&sum, &total);
    }
    sum
}
