//! From field elements to G1: the simplified SWU map, the isogeny and the cofactor.
//!
//! Source: RFC 9380 section 8.8.1 with the straight-line forms of its appendix F.2, projective. Two images are added before the
//! isogeny, which is a homomorphism, and not after it.

use super::constants::{ISO_D, ISO_M, ISO_N, SQRT_MINUS_Z, SSWU_A, SSWU_B, SSWU_B3, SSWU_Z, SSWU_ZA};
use super::fp::{Fe, Fp};
use super::kernels::{Lane, Raw};
use super::multiply::Point;
use super::roots::negate_fp;
use super::subgroup::by_x_g1;

/// `map_to_curve(u0) + map_to_curve(u1)` on the curve of RFC 9380, of cofactor times r points.
pub(super) fn map_g1<V: Lane>(u: &[Fe<V>; 2]) -> Point<Raw<V>> {
    let [mut p, mut q] = [[u[0].0; 3]; 2];
    V::sswu(&u[0].0, &mut p);
    V::sswu(&u[1].0, &mut q);
    V::sswu_add(&mut p, &q);
    V::isogeny(&mut p);
    p
}

/// `[1 - x] P`, in the subgroup whatever point of the curve came in: RFC 9380's `h_eff`.
pub(super) fn clear_cofactor<V: Lane>(p: &Point<Raw<V>>) -> Point<Raw<V>> {
    let mut q = by_x_g1::<V>(p);
    V::g1_add(&mut q, p);
    q
}

/// Kernel: the map to the isogenous curve, projective (F.2, with `sqrt_ratio` of F.2.1.2 in place).
#[inline(always)]
pub(super) fn sswu<V: Lane>(u: &Raw<V>, out: &mut Point<Raw<V>>) {
    let token = u[0].token();
    let constant = |limbs| Fe::<V>::constant(token, limbs);
    let (a, b, u) = (constant(&SSWU_A), constant(&SSWU_B), Fe::<V>::from_raw(*u));
    let t1 = u.square().mul(&constant(&SSWU_Z));
    let t2: Fp<V, 18, 8> = t1.square().add(&t1);
    let t2: Fe<V> = t2.squeeze().relax();
    let above: Fp<V, 18, 8> = t2.add(&Fe::one(token));
    let t3 = above.carry().mul(&b);
    let minus: Fp<V, 25, 20> = t2.neg();
    let t4 = minus.mul(&a).select(&constant(&SSWU_ZA), t2.is_zero());
    // v = t4^3, w = t3^3 + A t3 t4^2 + B t4^3
    let square = t4.square();
    let n: Fp<V, 18, 8> = t3.square().add(&square.mul(&a));
    let v = square.mul(&t4);
    let n: Fp<V, 18, 8> = n.carry().mul(&t3).add(&v.mul(&b));
    let w: Fe<V> = n.squeeze().relax();
    let wv = w.mul(&v);
    let mut power = wv;
    V::fp_power(&v.square().mul(&wv).0, &mut power.0);
    let y1 = power.mul(&wv);
    let is_square = V::equal(&y1.square().mul(&v).0, &w.0);
    let y2 = y1.mul(&constant(&SQRT_MINUS_Z)).mul(&t1).mul(&u);
    let x = t1.mul(&t3).select(&t3, is_square);
    let y = y2.select(&y1, is_square);
    let y = negate_fp(&y, V::odd(&y.0).xor(V::odd(&u.0)));
    *out = [x.0, y.mul(&t4).0, t4.0];
}

/// Kernel: addition on that curve; complete, as its order is odd, too (Renes, Costello and Batina, algorithm 1).
#[inline(always)]
pub(super) fn sswu_add<V: Lane>(p: &mut Point<Raw<V>>, q: &Point<Raw<V>>) {
    let token = p[0][0].token();
    let (a, b3) = (Fe::<V>::constant(token, &SSWU_A), Fe::<V>::constant(token, &SSWU_B3));
    let (x1, y1, z1): (Fe<V>, Fe<V>, Fe<V>) = (Fp(p[0]), Fp(p[1]), Fp(p[2]));
    let (x2, y2, z2): (Fe<V>, Fe<V>, Fe<V>) = (Fp(q[0]), Fp(q[1]), Fp(q[2]));
    let (xx, yy, zz) = (x1.mul(&x2), y1.mul(&y2), z1.mul(&z2));
    let (xy, xz, yz) = (x1.sum2(&y2, &x2, &y1), x1.sum2(&z2, &x2, &z1), y1.sum2(&z2, &y2, &z1));
    let s = xz.sum2(&a, &zz, &b3);
    let azz = zz.mul(&a);
    let n: Fp<V, 18, 8> = xx.double();
    let n: Fp<V, 27, 12> = n.add(&xx);
    let n: Fp<V, 36, 16> = n.add(&azz);
    let n = n.carry();
    let d: Fp<V, 34, 24> = xx.sub(&azz);
    let w = xz.sum2(&b3, &d.carry(), &a);
    let minus: Fp<V, 34, 24> = yy.sub(&s);
    let plus: Fp<V, 18, 8> = yy.add(&s);
    let (minus, plus) = (minus.carry(), plus.carry());
    p[0] = xy.difference2(&minus, &yz, &w).0;
    p[1] = minus.sum2(&plus, &n, &w).0;
    p[2] = yz.sum2(&plus, &xy, &n).0;
}

/// Kernel: the isogeny of degree 11 to the curve, `x = N / D^2`, `y = y M / D^3`; infinity to infinity.
#[inline(always)]
pub(super) fn isogeny<V: Lane>(p: &mut Point<Raw<V>>) {
    let token = p[0][0].token();
    let (x, y, z): (Fe<V>, Fe<V>, Fe<V>) = (Fp(p[0]), Fp(p[1]), Fp(p[2]));
    let mut powers = [z; 15];
    for i in 1..15 {
        powers[i] = powers[i - 1].mul(&z);
    }
    let one = Fe::<V>::one(token);
    let n = horner(&x, &powers, Fe::constant(token, &ISO_N[11]), &ISO_N[..11]);
    let d = horner(&x, &powers, one, &ISO_D);
    let m = horner(&x, &powers, Fe::constant(token, &ISO_M[15]), &ISO_M[..15]);
    let infinite = z.is_zero();
    let zero = Fe::<V>::zero(token);
    p[0] = n.mul(&d).select(&zero, infinite).0;
    p[1] = y.mul(&m).select(&one, infinite).0;
    p[2] = d.square().mul(&d).mul(&z).select(&zero, infinite).0;
}

/// `c X^n + c_(n-1) X^(n-1) Z + .. + c_0 Z^n`.
#[inline(always)]
fn horner<V: Lane>(x: &Fe<V>, powers: &[Fe<V>; 15], highest: Fe<V>, lower: &[[u64; 8]]) -> Fe<V> {
    let mut r = highest;
    for (c, z) in lower.iter().rev().zip(powers) {
        r = r.sum2(x, &Fe::constant(x.0[0].token(), c), z);
    }
    r
}
