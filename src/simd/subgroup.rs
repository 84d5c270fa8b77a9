//! Points from their compressed form, with every check, and the multiplication by `|x|`.
//!
//! Both checks are exact, for any point of the curve (`notes.md`): `phi(P) = [-x^2]P` in G1 and `psi(P) = [x]P` in G2
//! (Scott, ePrint 2021/1130).

use super::constants::{BETA, FOUR, X};
use super::fp::{Fe, Fp};
use super::fp2::{Fe2, Fp2};
use super::kernels::{Lane, Raw, Raw2};
use super::multiply::{Point, psi};
use super::roots::{larger_fp2, negate_fp, negate_fp2, sqrt_fp, sqrt_fp2};

/// Kernel: the `y` of the point with this `x`, the larger one where the mask is all ones; all ones where there is one.
#[inline(always)]
pub(super) fn g1_lift<V: Lane>(x: &Raw<V>, larger: V, y: &mut Raw<V>) -> V {
    let x = Fe::<V>::from_raw(*x);
    let square: Fp<V, 18, 8> = x.square().mul(&x).add(&Fe::constant(x.0[0].token(), &FOUR));
    let mut root = x;
    let valid = sqrt_fp(&square.squeeze().relax(), &mut root);
    *y = negate_fp(&root, V::larger(&root.0).xor(larger)).0;
    valid
}

/// Kernel: the same on the curve over Fp2.
#[inline(always)]
pub(super) fn g2_lift<V: Lane>(x: &Raw2<V>, larger: V, y: &mut Raw2<V>) -> V {
    let x: Fe2<V> = Fp2(*x);
    let four = Fe::<V>::constant(x.0[0][0].token(), &FOUR);
    let square: Fp2<V, 18, 8> = x.square().mul(&x).add(&Fe2::new(four, four));
    let mut root = x;
    let valid = sqrt_fp2(&square.squeeze().relax(), &mut root);
    *y = negate_fp2(&root, larger_fp2(&root.0).xor(larger)).0;
    valid
}

/// `[|x|] P`.
pub(super) fn by_x_g1<V: Lane>(p: &Point<Raw<V>>) -> Point<Raw<V>> {
    let mut q = *p;
    for bit in (0..63).rev() {
        V::g1_double(&mut q);
        if (X >> bit) & 1 == 1 {
            V::g1_add(&mut q, p);
        }
    }
    q
}

/// `[|x|] P`.
fn by_x_g2<V: Lane>(p: &Point<Raw2<V>>) -> Point<Raw2<V>> {
    let mut q = *p;
    for bit in (0..63).rev() {
        V::g2_double(&mut q);
        if (X >> bit) & 1 == 1 {
            V::g2_add(&mut q, p);
        }
    }
    q
}

/// All ones where the point of the curve is in the subgroup.
pub(super) fn in_g1<V: Lane>(x: &Raw<V>, y: &Raw<V>) -> V {
    let token = x[0].token();
    let q = by_x_g1::<V>(&by_x_g1::<V>(&[*x, *y, Fe::<V>::one(token).0]));
    V::g1_opposite(&q, &V::fp_mul(x, &Fe::<V>::constant(token, &BETA).0), y)
}

/// Kernel: all ones where `q = -(x, y)`. Infinity has `Y` not 0 and `Z` 0, so it is no such point.
#[inline(always)]
pub(super) fn g1_opposite<V: Lane>(q: &Point<Raw<V>>, x: &Raw<V>, y: &Raw<V>) -> V {
    let (qy, yz): (Fe<V>, Fe<V>) = (Fp(q[1]), Fp(V::fp_mul(y, &q[2])));
    let sum: Fp<V, 18, 8> = qy.add(&yz);
    V::equal(&q[0], &V::fp_mul(x, &q[2])).and(sum.is_zero())
}

/// All ones where the point of the curve is in the subgroup.
pub(super) fn in_g2<V: Lane>(x: &Raw2<V>, y: &Raw2<V>) -> V {
    let token = x[0][0].token();
    let p = [*x, *y, Fe2::<V>::one(token).0];
    let mut image = p;
    psi(token, &mut image);
    // x is negative.
    V::g2_opposite(&by_x_g2::<V>(&p), &image[0], &image[1])
}

/// Kernel: as [`g1_opposite`].
#[inline(always)]
pub(super) fn g2_opposite<V: Lane>(q: &Point<Raw2<V>>, x: &Raw2<V>, y: &Raw2<V>) -> V {
    let (qy, yz): (Fe2<V>, Fe2<V>) = (Fp2(q[1]), Fp2(V::fp2_mul(y, &q[2])));
    let sum: Fp2<V, 18, 8> = qy.add(&yz);
    let xz = V::fp2_mul(x, &q[2]);
    let same = V::equal(&q[0][0], &xz[0]).and(V::equal(&q[0][1], &xz[1]));
    same.and(sum.c0().is_zero()).and(sum.c1().is_zero())
}
