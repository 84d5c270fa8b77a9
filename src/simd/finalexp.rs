//! Final exponentiation: the power `3 (p^12 - 1) / r`, eight elements at a time.
//!
//! `3 (p^4 - p^2 + 1) / r = (x - 1)^2 (x + p) (x^2 + p^2 - 1) + 3` (Hayashida, Hayasaka and Teruya, ePrint 2020/875).

use super::constants::X;
use super::fp2::{Fe2, Fp2};
use super::fp6::Fp6;
use super::fp12::Fp12;
use super::kernels::Lane;
use super::roots::invert_fp2;

/// The power `3 (p^12 - 1) / r`: an element of the group of order r, whatever nonzero element came in; 0 gives 0.
///
/// Timing: constant.
pub(crate) fn final_exponentiation<V: Lane>(f: &Fp12<V>) -> Fp12<V> {
    // (p^6 - 1)(p^2 + 1)
    let f = f.conjugate().mul(&invert_fp12(f));
    let f = f.frobenius::<2>().mul(&f);
    // (x - 1)^2
    let a = power_x(&f).mul(&f.conjugate());
    let a = power_x(&a).mul(&a.conjugate());
    // x + p
    let a = power_x(&a).mul(&a.frobenius::<1>());
    // x^2 + p^2 - 1
    let b = power_x(&power_x(&a)).mul(&a.frobenius::<2>()).mul(&a.conjugate());
    let mut f2 = f;
    V::cyclotomic_square(&mut f2);
    b.mul(&f2).mul(&f)
}

/// The power x, which is negative, in the cyclotomic subgroup.
fn power_x<V: Lane>(a: &Fp12<V>) -> Fp12<V> {
    let mut r = *a;
    for bit in (0..63).rev() {
        V::cyclotomic_square(&mut r);
        if (X >> bit) & 1 == 1 {
            V::fp12_mul(&mut r, a);
        }
    }
    r.conjugate()
}

/// Inverse in Fp6, by the norm to Fp2.
fn invert_fp6<V: Lane>(a: &Fp6<V, 4>) -> Fp6<V, 4> {
    let xi = |x: Fe2<V>| -> Fe2<V> {
        let y: Fp2<V, 34, 24> = x.mul_xi();
        y.squeeze().relax()
    };
    let sub = |x: Fe2<V>, y: Fe2<V>| -> Fe2<V> {
        let d: Fp2<V, 34, 24> = x.sub(&y);
        d.squeeze().relax()
    };
    let add = |x: Fe2<V>, y: Fe2<V>| -> Fe2<V> {
        let s: Fp2<V, 18, 8> = x.add(&y);
        s.squeeze().relax()
    };
    let (a0, a1, a2) = (a.c(0), a.c(1), a.c(2));
    let c0 = sub(a0.square(), xi(a1.mul(&a2)));
    let c1 = sub(xi(a2.square()), a0.mul(&a1));
    let c2 = sub(a1.square(), a0.mul(&a2));
    let norm = add(a0.mul(&c0), xi(add(a2.mul(&c1), a1.mul(&c2))));
    let n = invert_fp2(&norm);
    Fp6::new(c0.mul(&n), c1.mul(&n), c2.mul(&n))
}

/// `(c0 - c1 w) / (c0^2 - v c1^2)`.
fn invert_fp12<V: Lane>(a: &Fp12<V>) -> Fp12<V> {
    let [c0, c1] = a.0;
    let norm = c0.mul(&c0).sub(&c1.mul(&c1).mul_v());
    let n = invert_fp6(&norm);
    Fp12::new(c0.mul(&n), c1.neg().mul(&n))
}
