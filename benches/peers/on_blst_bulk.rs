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

/// `sum z_i P_i`, constant time in the points and variable in the weights, whichever way is faster for their number.
pub fn sum_complete(points: &[blst_p1_affine], weights: &[u128]) -> blst_p1 {
    if points.len() <= 80 { sum_by_straus(points, weights) } else { sum_in_buckets(points, weights) }
}

/// `sum z_i P_i` with one chain of doublings: digits of width 5, an odd digit in six places or so, eight multiples of every point.
pub fn sum_by_straus(points: &[blst_p1_affine], weights: &[u128]) -> blst_p1 {
    let tables: Vec<[blst_p1; 8]> = (points.iter())
        .map(|p| {
            let mut odd = [super::from_affine_g1(p); 8];
            let twice = double_g1(&odd[0]);
            (1..8).for_each(|i| odd[i] = add_g1(&odd[i - 1], &twice));
            odd
        })
        .collect();
    let digits: Vec<[i8; 130]> = (weights.iter())
        .map(|z| {
            // What is left is `rest + carry`.
            let (mut rest, mut carry, mut out) = (*z, 0, [0; 130]);
            let mut at = 0;
            while rest != 0 || carry != 0 {
                if (rest & 1) ^ carry == 0 {
                    (rest, at) = (rest >> 1, at + 1);
                    continue;
                }
                let window = (rest & 31) + carry;
                carry = u128::from(window > 16);
                out[at] = window as i8 - 32 * carry as i8;
                (rest, at) = (rest >> 5, at + 5);
            }
            out
        })
        .collect();
    let mut sum = blst_p1::default();
    for at in (0..130).rev() {
        sum = double_g1(&sum);
        for (table, digits) in tables.iter().zip(&digits) {
            let entry = &table[usize::from(digits[at].unsigned_abs() / 2)];
            match digits[at].signum() {
                0 => {}
                1 => sum = add_g1(&sum, entry),
                _ => sum = add_g1(&sum, &super::neg_g1(entry)),
            }
        }
    }
    sum
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
