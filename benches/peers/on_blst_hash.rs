//! Hashing many public identities to G1 (RFC 9380, `BLS12381G1_XMD:SHA-256_SSWU_RO_`), with what many allow: one inversion for
//! all of a job makes every step affine, so a point costs two square roots and little else; and the cofactor can wait. With the
//! cofactor cleared for each it is no faster than blst's own hash, so it serves verification alone.
//!
//! blst shows no hash without the cofactor's clearing, so this is written on its field arithmetic. Clearing is a homomorphism:
//! it may be done once on a weighted sum, exactly. Variable time: identities are public. The constants are those of RFC 9380 8.8.1
//! and E.2, as arkworks publishes them.

use std::sync::OnceLock;

use ark_ec::hashing::curve_maps::swu::SWUConfig;
use ark_ec::hashing::curve_maps::wb::WBConfig;
use ark_ec::short_weierstrass::SWCurveConfig;
use blst::*;

use super::{ABS_X, add_g1, double_g1};

type Target = ark_bls12_381::g1::Config;
type Isogenous = <Target as WBConfig>::IsogenousCurve;

/// Constants, in the form that blst computes with.
struct Constants {
    a: blst_fp,
    b: blst_fp,
    z: blst_fp,
    /// `B / (Z A)`, for the exceptional case.
    exceptional: blst_fp,
    /// A square root of `-Z^3`.
    c: blst_fp,
    /// `2^256`.
    shift: blst_fp,
    /// Numerators and denominators of x and y, lowest coefficient first.
    isogeny: [Vec<blst_fp>; 4],
}

/// Both keep six limbs in Montgomery form with `R = 2^384`.
const fn constant(fq: ark_bls12_381::Fq) -> blst_fp {
    blst_fp { l: fq.0.0 }
}

fn constants() -> &'static Constants {
    static CONSTANTS: OnceLock<Constants> = OnceLock::new();
    CONSTANTS.get_or_init(|| {
        let (a, b) = (constant(Isogenous::COEFF_A), constant(Isogenous::COEFF_B));
        let z = constant(Isogenous::ZETA);
        let c = sqrt(&neg(&mul(&z, &sqr(&z)))).unwrap();
        let mut shift = [0; 48];
        shift[15] = 1;
        let map = Target::ISOGENY_MAP;
        let parts = [map.x_map_numerator, map.x_map_denominator, map.y_map_numerator, map.y_map_denominator];
        let isogeny = parts.map(|part| part.iter().map(|fq| constant(*fq)).collect());
        let exceptional = mul(&b, &get!(blst_fp, blst_fp_eucl_inverse, &mul(&z, &a)));
        Constants { a, b, z, exceptional, c, shift: read(&shift), isogeny }
    })
}

fn mul(a: &blst_fp, b: &blst_fp) -> blst_fp {
    get!(blst_fp, blst_fp_mul, a, b)
}

fn sqr(a: &blst_fp) -> blst_fp {
    get!(blst_fp, blst_fp_sqr, a)
}

fn add(a: &blst_fp, b: &blst_fp) -> blst_fp {
    get!(blst_fp, blst_fp_add, a, b)
}

fn sub(a: &blst_fp, b: &blst_fp) -> blst_fp {
    get!(blst_fp, blst_fp_sub, a, b)
}

fn neg(a: &blst_fp) -> blst_fp {
    get!(blst_fp, blst_fp_cneg, a, true)
}

fn sqrt(a: &blst_fp) -> Option<blst_fp> {
    let (root, square) = root(a);
    square.then_some(root)
}

/// `a^((p + 1) / 4)` up to its sign, and whether that is a root: its square is `a` or `-a`.
fn root(a: &blst_fp) -> (blst_fp, bool) {
    let mut root = blst_fp::default();
    // SAFETY: two live values.
    let square = unsafe { blst_fp_sqrt(&mut root, a) };
    (root, square)
}

fn read(bytes: &[u8; 48]) -> blst_fp {
    get!(blst_fp, blst_fp_from_bendian, bytes.as_ptr())
}

fn is_odd(a: &blst_fp) -> bool {
    let mut bytes = [0; 48];
    // SAFETY: writes 48 bytes.
    unsafe { blst_lendian_from_fp(bytes.as_mut_ptr(), a) };
    bytes[0] & 1 == 1
}

fn is_zero(a: &blst_fp) -> bool {
    a.l == [0; 6]
}

/// All inverses with one inversion (Montgomery's trick); none may be zero.
fn invert_all(values: &mut [blst_fp]) {
    let mut products = Vec::with_capacity(values.len());
    let mut product: Option<blst_fp> = None;
    for v in values.iter() {
        product = Some(product.map_or(*v, |p| mul(&p, v)));
        products.push(product.unwrap_or_default());
    }
    let Some(product) = product else { return };
    assert!(!is_zero(&product));
    let mut inverse = get!(blst_fp, blst_fp_eucl_inverse, &product);
    for i in (1..values.len()).rev() {
        let one = mul(&inverse, &products[i - 1]);
        inverse = mul(&inverse, &values[i]);
        values[i] = one;
    }
    values[0] = inverse;
}

/// `hash_to_field` with two elements.
fn fields(message: &[u8], dst: &[u8]) -> [blst_fp; 2] {
    let mut bytes = [0u8; 128];
    // SAFETY: pointers with their lengths.
    unsafe {
        blst_expand_message_xmd(bytes.as_mut_ptr(), 128, message.as_ptr(), message.len(), dst.as_ptr(), dst.len());
    }
    let half = |at: usize| {
        let mut padded = [0; 48];
        padded[16..].copy_from_slice(&bytes[at..at + 32]);
        read(&padded)
    };
    [0, 64].map(|at| add(&mul(&half(at), &constants().shift), &half(at + 32)))
}

/// Points of the isogenous curve (RFC 9380 6.6.2).
fn map_all(u: &[blst_fp]) -> Vec<(blst_fp, blst_fp)> {
    let k = constants();
    let tv1: Vec<blst_fp> = u.iter().map(|u| mul(&k.z, &sqr(u))).collect();
    let tv2: Vec<blst_fp> = tv1.iter().map(|t| add(&sqr(t), t)).collect();
    // x1 = (-B / A)(1 + 1 / tv2) = -B (tv2 + 1) / (A tv2)
    let mut inverse: Vec<_> = tv2.iter().map(|t| if is_zero(t) { k.a } else { mul(&k.a, t) }).collect();
    invert_all(&mut inverse);
    let one = |i: usize| {
        let above = neg(&mul(&k.b, &add(&mul(&tv2[i], &inverse[i]), &inverse[i])));
        let x1 = if is_zero(&tv2[i]) { k.exceptional } else { above };
        let gx1 = add(&mul(&add(&sqr(&x1), &k.a), &x1), &k.b);
        let (root, square) = root(&gx1);
        // g(x2) = (Z u^2)^3 g(x1), and the square of the other root is -g(x1).
        let (x, y) = match square {
            true => (x1, root),
            false => (mul(&tv1[i], &x1), mul(&mul(&k.c, &mul(&sqr(&u[i]), &u[i])), &root)),
        };
        (x, if is_odd(&y) == is_odd(&u[i]) { y } else { neg(&y) })
    };
    (0..u.len()).map(one).collect()
}

fn evaluate(polynomial: &[blst_fp], x: &blst_fp) -> blst_fp {
    let (last, rest) = polynomial.split_last().unwrap();
    rest.iter().rev().fold(*last, |sum, c| add(&mul(&sum, x), c))
}

/// The hashes before their cofactor is cleared: points of the curve.
pub fn hash_all_uncleared(messages: &[&[u8]], dst: &[u8]) -> Vec<blst_p1_affine> {
    let u: Vec<blst_fp> = messages.iter().flat_map(|m| fields(m, dst)).collect();
    let points = map_all(&u);
    let pairs: Vec<_> = points.as_chunks::<2>().0.iter().collect();
    let mut inverse: Vec<_> = pairs.iter().map(|[p, q]| sub(&q.0, &p.0)).collect();
    // Two equal x would be a hash nobody has seen; the assertion inside says so.
    invert_all(&mut inverse);
    let sums = pairs.iter().zip(&inverse).map(|([p, q], inverse)| {
        let slope = mul(&sub(&q.1, &p.1), inverse);
        let x = sub(&sub(&sqr(&slope), &p.0), &q.0);
        (x, sub(&mul(&slope, &sub(&p.0, &x)), &p.1))
    });
    let sums: Vec<_> = sums.collect();
    let [xn, xd, yn, yd] = &constants().isogeny;
    let mut inverse: Vec<_> = sums.iter().flat_map(|(x, _)| [evaluate(xd, x), evaluate(yd, x)]).collect();
    invert_all(&mut inverse);
    let image = |((x, y), inverse): (&(blst_fp, blst_fp), &[blst_fp; 2])| blst_p1_affine {
        x: mul(&evaluate(xn, x), &inverse[0]),
        y: mul(&mul(&evaluate(yn, x), y), &inverse[1]),
    };
    sums.iter().zip(inverse.as_chunks::<2>().0).map(image).collect()
}

/// `[1 - x]P`, which is in the group for every point of the curve.
pub fn clear_cofactor(p: &blst_p1) -> blst_p1 {
    let mut power = *p;
    for bit in (0..63).rev() {
        power = double_g1(&power);
        if ABS_X >> bit & 1 == 1 {
            power = add_g1(&power, p);
        }
    }
    add_g1(&power, p)
}
