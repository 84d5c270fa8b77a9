//! Inverses and square roots: powers with fixed exponents, from one chain for `(p - 3) / 4`.

use super::constants::{HALF, HALF_P, PLAIN_ONE, POWER, POWER_TAIL};
use super::fp::{Fe, Fp, full_carry, splat};
use super::fp2::{Fe2, Fp2};
use super::kernels::{Lane, Raw, Raw2};
use super::lane::{Vector, each};
use super::wide;

/// Kernel: the power `2^n`.
#[inline(always)]
pub(super) fn fp_square_n<V: Vector>(a: &Raw<V>, n: u32) -> Raw<V> {
    let mut r = *a;
    for _ in 0..n {
        r = wide::fp_square(&r);
    }
    r
}

/// Kernel: the power `(p - 3) / 4`, by sliding windows of that constant; 0 gives 0.
#[inline(always)]
pub(super) fn fp_power<V: Lane>(a: &Raw<V>, out: &mut Raw<V>) {
    let square = V::fp_square(a);
    let mut odd = [*a; 16];
    for i in 1..16 {
        odd[i] = V::fp_mul(&odd[i - 1], &square);
    }
    *out = Fe::<V>::one(a[0].token()).0;
    for (k, (squarings, n)) in POWER.iter().enumerate() {
        let entry = &odd[n % 16];
        *out = if k == 0 { *entry } else { V::fp_mul(&V::fp_square_n(out, *squarings), entry) };
    }
    *out = V::fp_square_n(out, POWER_TAIL);
}

/// The inverse, the power `p - 2`; 0 of 0.
pub(super) fn invert_fp<V: Lane>(a: &Fe<V>) -> Fe<V> {
    let mut r = a.0;
    V::fp_power(&a.0, &mut r);
    Fp(V::fp_mul(&V::fp_square_n(&r, 2), &a.0))
}

/// `(c0 - c1 i) / (c0^2 + c1^2)`.
pub(super) fn invert_fp2<V: Lane>(a: &Fe2<V>) -> Fe2<V> {
    let norm: Fp<V, 18, 8> = a.c0().square().add(&a.c1().square());
    let n = invert_fp(&norm.squeeze().relax());
    let c1: Fp<V, 25, 20> = a.c1().mul(&n).neg();
    Fp2::new(a.c0().mul(&n), c1.squeeze().relax())
}

/// A square root, the power `(p + 1) / 4`, where there is one: all ones there.
#[inline(always)]
pub(super) fn sqrt_fp<V: Lane>(a: &Fe<V>, out: &mut Fe<V>) -> V {
    let mut power = a.0;
    V::fp_power(&a.0, &mut power);
    *out = Fp(V::fp_mul(&power, &a.0));
    V::equal(&out.square().0, &a.0)
}

/// A square root in Fp2, where there is one: all ones there.
///
/// With `n^2 = a0^2 + a1^2`, `t = (a0 + n) / 2` and `y = t^((p + 1) / 4)`: `y^2` is `t` or `-t`, and `y + a1 / (2 y) i` or
/// `a1 / (2 y) + y i` is the root. `t = 0` only for `a1 = 0`, where `a0` takes its place. The square decides.
#[inline(always)]
pub(super) fn sqrt_fp2<V: Lane>(a: &Fe2<V>, out: &mut Fe2<V>) -> V {
    let token = a.0[0][0].token();
    let half = Fe::<V>::constant(token, &HALF);
    let (a0, a1) = (a.c0(), a.c1());
    let norm: Fp<V, 18, 8> = a0.square().add(&a1.square());
    let mut n = a0;
    sqrt_fp(&norm.squeeze().relax(), &mut n);
    let t: Fp<V, 18, 8> = a0.add(&n);
    let t = t.carry().mul(&half);
    let t = t.select(&a0, t.is_zero());
    let mut c = t;
    V::fp_power(&t.0, &mut c.0);
    let y = c.mul(&t);
    // 1 / y is c, or -c where t is no square.
    let square = V::equal(&y.square().0, &t.0);
    let z = a1.mul(&half).mul(&c);
    let minus: Fp<V, 25, 20> = z.neg();
    *out = Fp2::new(minus.squeeze().relax().select(&y, square), y.select(&z, square));
    let back = out.square();
    V::equal(&back.0[0], &a.0[0]).and(V::equal(&back.0[1], &a.0[1]))
}

/// The plain number below p.
#[inline(always)]
fn plain<V: Lane>(a: &Raw<V>) -> Raw<V> {
    V::fp_canonical(&V::fp_mul(a, &splat(a[0].token(), &PLAIN_ONE)))
}

/// Kernel: all ones where the number is odd (`sgn0` of RFC 9380 section 4.1).
#[inline(always)]
pub(super) fn odd<V: Lane>(a: &Raw<V>) -> V {
    let token = a[0].token();
    V::splat(token, 0).sub(plain(a)[0].and(V::splat(token, 1)))
}

/// Kernel: all ones where the number is above `(p - 1) / 2`.
#[inline(always)]
pub(super) fn larger<V: Lane>(a: &Raw<V>) -> V {
    let number = plain(a);
    let mut d: Raw<V> = splat(a[0].token(), &HALF_P);
    each!(I in 8 { d[I] = d[I].sub(number[I]); });
    full_carry(d)[7].sar::<63>()
}

/// `-a` where the mask is all ones.
#[inline(always)]
pub(super) fn negate_fp<V: Lane>(a: &Fe<V>, mask: V) -> Fe<V> {
    let n: Fp<V, 25, 20> = a.neg();
    a.select(&n.squeeze().relax(), mask)
}

/// The same in Fp2.
#[inline(always)]
pub(super) fn negate_fp2<V: Lane>(a: &Fe2<V>, mask: V) -> Fe2<V> {
    Fp2::new(negate_fp(&a.c0(), mask), negate_fp(&a.c1(), mask))
}

/// All ones where the larger of the two roots is meant: by the imaginary coordinate, and by the real one where that is 0.
#[inline(always)]
pub(super) fn larger_fp2<V: Lane>(a: &Raw2<V>) -> V {
    let real = Fe::<V>::from_raw(a[1]).is_zero();
    V::larger(&a[1]).select(V::larger(&a[0]), real)
}
