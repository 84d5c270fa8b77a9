//! Hashing many messages to the curve, without the cofactor: what blst does not show, on its field arithmetic.
//!
//! Many at once make every step affine with one inversion for all of them (Montgomery's trick), so that a message costs two
//! square roots and little else. Clearing the cofactor is a homomorphism: it may wait for a sum of the points, exactly.
//!
//! # Timing
//! Variable in the messages, which are public.
//!
//! Source: RFC 9380 sections 6.6.2, 6.6.3 and 8.8.1. The images of both elements are added before the isogeny, which is a homomorphism.

use alloc::vec::Vec;
use blst::*;

use super::super::backend::Group;
use super::super::constants::ABS_X;
use super::field::Field;
use super::map_constants::{A, B, DENOMINATOR, EXCEPTIONAL, NUMERATOR_X, NUMERATOR_Y, ROOT, SHIFT_256, Z};

type Affine = (blst_fp, blst_fp);

const fn fp(l: [u64; 6]) -> blst_fp {
    blst_fp { l }
}

fn add(a: &blst_fp, b: &blst_fp) -> blst_fp {
    out!(blst_fp, blst_fp_add, a, b)
}

fn is_zero(a: &blst_fp) -> bool {
    a.is_zero().into()
}

/// RFC 9380's `sgn0`.
fn is_odd(a: &blst_fp) -> bool {
    let mut limbs = [0; 6];
    // SAFETY: writes exactly six limbs.
    unsafe { blst_uint64_from_fp(limbs.as_mut_ptr(), a) };
    limbs[0] & 1 == 1
}

/// A number of 64 bytes, reduced.
fn element(wide: &[u8]) -> blst_fp {
    let half = |bytes: &[u8]| {
        let mut padded = [0; 48];
        padded[16..].copy_from_slice(bytes);
        blst_fp::read(&padded)
    };
    let (high, low) = wide.split_at(32);
    add(&half(high).mul(&fp(SHIFT_256)), &half(low))
}

/// All inverses; zeros stay.
fn invert(values: &mut [blst_fp]) {
    let mut product = blst_fp::one();
    let mut before = Vec::with_capacity(values.len());
    for v in values.iter() {
        before.push(product);
        if !is_zero(v) {
            product = product.mul(v);
        }
    }
    let mut inverse = product.inverse();
    for (v, before) in values.iter_mut().zip(&before).rev() {
        if !is_zero(v) {
            let one = inverse.mul(before);
            inverse = inverse.mul(v);
            *v = one;
        }
    }
}

/// The simplified SWU map: points of `y^2 = x^3 + A x + B`.
fn map(elements: &[blst_fp]) -> Vec<Affine> {
    let zuu: Vec<_> = elements.iter().map(|u| fp(Z).mul(&u.sqr())).collect();
    let sums: Vec<_> = zuu.iter().map(|t| add(&t.sqr(), t)).collect();
    let mut inverses: Vec<_> = sums.iter().map(|s| fp(A).mul(s)).collect();
    invert(&mut inverses);
    let one = |(((u, zuu), sum), inverse): (((&blst_fp, &blst_fp), &blst_fp), &blst_fp)| {
        // -B/A (1 + 1/sum)
        let x = match is_zero(sum) {
            true => fp(EXCEPTIONAL),
            false => fp(B).mul(&add(&sum.mul(inverse), inverse)).negated(),
        };
        let right = add(&add(&x.sqr(), &fp(A)).mul(&x), &fp(B));
        let mut root = blst_fp::default();
        // SAFETY: both point to live values; the result is a root of `right` or of `-right`, by a fixed chain.
        let square = unsafe { blst_fp_sqrt(&mut root, &right) };
        // Otherwise x2 = Z u^2 x, whose right side is (Z u^2)^3 times this one: its root is u^3 times one of -Z^3 times ours.
        let (x, y) = if square { (x, root) } else { (zuu.mul(&x), u.sqr().mul(u).mul(&fp(ROOT)).mul(&root)) };
        (x, if is_odd(&y) == is_odd(u) { y } else { y.negated() })
    };
    elements.iter().zip(&zuu).zip(&sums).zip(&inverses).map(one).collect()
}

/// The sum of each two points; `None` for infinity.
fn add_each(points: &[Affine]) -> Vec<Option<Affine>> {
    let pairs = points.as_chunks::<2>().0;
    // The slope is (y2 - y1) / (x2 - x1), for equal points (3 x^2 + A) / 2y. No y is zero: the order of the curve is odd.
    let slope = |[(x1, y1), (x2, y2)]: &[Affine; 2]| {
        let dx = x2.sub(x1);
        match is_zero(&dx) {
            false => (y2.sub(y1), dx),
            true => {
                let xx = x1.sqr();
                (add(&add(&add(&xx, &xx), &xx), &fp(A)), add(y1, y2))
            }
        }
    };
    let (above, mut below): (Vec<_>, Vec<_>) = pairs.iter().map(slope).unzip();
    invert(&mut below);
    let one = |(([p, q], above), below): ((&[Affine; 2], &blst_fp), &blst_fp)| {
        if is_zero(below) {
            return None;
        }
        let slope = above.mul(below);
        let x = slope.sqr().sub(&p.0).sub(&q.0);
        Some((x, slope.mul(&p.0.sub(&x)).sub(&p.1)))
    };
    pairs.iter().zip(&above).zip(&below).map(one).collect()
}

fn evaluate(polynomial: &[[u64; 6]], x: &blst_fp) -> blst_fp {
    polynomial.iter().rev().fold(blst_fp::default(), |sum, c| add(&sum.mul(x), &fp(*c)))
}

/// The isogeny to the curve, `x = N / D^2`, `y = y M / D^3`; its kernel and infinity go to infinity (zeros).
fn isogeny(points: &[Option<Affine>]) -> Vec<blst_p1_affine> {
    let mut below: Vec<_> =
        points.iter().map(|p| p.as_ref().map_or_else(blst_fp::default, |(x, _)| evaluate(&DENOMINATOR, x))).collect();
    invert(&mut below);
    let one = |(point, d): (&Option<Affine>, &blst_fp)| {
        let Some((x, y)) = point.as_ref().filter(|_| !is_zero(d)) else { return blst_p1_affine::default() };
        let dd = d.sqr();
        blst_p1_affine { x: evaluate(&NUMERATOR_X, x).mul(&dd), y: evaluate(&NUMERATOR_Y, x).mul(y).mul(&dd.mul(d)) }
    };
    points.iter().zip(&below).map(one).collect()
}

/// RFC 9380's `hash_to_field` with two elements.
fn elements(message: &[u8], dst: &[u8]) -> [blst_fp; 2] {
    let mut bytes = [0; 128];
    // SAFETY: writes 128 bytes; reads both slices in their lengths.
    unsafe {
        blst_expand_message_xmd(bytes.as_mut_ptr(), 128, message.as_ptr(), message.len(), dst.as_ptr(), dst.len());
    }
    let (first, second) = bytes.split_at(64);
    [element(first), element(second)]
}

/// Points of the curve that become the hashes of the messages when the cofactor is cleared.
pub(super) fn hash_uncleared(messages: &[&[u8]], dst: &[u8]) -> Vec<blst_p1_affine> {
    let elements: Vec<_> = messages.iter().flat_map(|m| elements(m, dst)).collect();
    isogeny(&add_each(&map(&elements)))
}

/// `[1 - x]P`, in the subgroup whatever point of the curve came in: RFC 9380's `h_eff`.
pub(super) fn clear_cofactor(p: &blst_p1) -> blst_p1 {
    let mut by_x = *p;
    for bit in (0..63).rev() {
        by_x = by_x.double();
        if (ABS_X >> bit) & 1 == 1 {
            by_x = by_x.add(p);
        }
    }
    by_x.add(p)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on_curve(p: &blst_p1_affine) -> bool {
        ask!(blst_p1_affine_on_curve, p)
    }

    /// Equal and opposite images, the exceptional elements, alone and among others.
    #[test]
    fn exceptional_elements_of_the_map() {
        let one = |n: u64| out!(blst_fp, blst_fp_from_uint64, [n, 0, 0, 0, 0, 0].as_ptr());
        let (zero, u) = (blst_fp::default(), one(7));
        // Z u^2 = -1: the other element whose image is the exceptional point.
        let mut root = blst_fp::default();
        // SAFETY: two live values.
        let square = unsafe { blst_fp_sqrt(&mut root, &fp(Z).negated()) };
        assert!(square);
        let minus_one = root.inverse();
        assert!(is_zero(&add(&fp(Z).mul(&minus_one.sqr()), &blst_fp::one())));
        let elements = [u, u, u, u.negated(), zero, zero, zero, minus_one, u, one(8), minus_one, u];
        let images = map(&elements);
        for (x, y) in &images {
            assert_eq!(y.sqr(), add(&add(&x.sqr(), &fp(A)).mul(x), &fp(B)));
        }
        assert_eq!(images[4].0, fp(EXCEPTIONAL));
        assert_eq!(images[7].0, fp(EXCEPTIONAL));
        let sums = add_each(&images);
        assert_eq!(sums.iter().map(Option::is_none).collect::<Vec<_>>(), [false, true, false, false, false, false]);
        let points = isogeny(&sums);
        assert!(points.iter().all(on_curve));
        assert_eq!(points[1], blst_p1_affine::default());
        // What the map of blst says of the same pairs.
        for (pair, point) in elements.as_chunks::<2>().0.iter().zip(&points) {
            let want = out!(blst_p1, blst_map_to_g1, &pair[0], &pair[1]);
            assert_eq!(clear_cofactor(&out!(blst_p1, blst_p1_from_affine, point)), want);
        }
    }

    #[test]
    fn the_kernel_of_the_isogeny_goes_to_infinity() {
        assert_eq!(isogeny(&[None]), [blst_p1_affine::default()]);
        assert!(isogeny(&[]).is_empty() && hash_uncleared(&[], b"x").is_empty());
    }
}
