//! The extension of degree twelve, `Fp12 = Fp6[w] / (w^2 - v)`.

use super::constants::{FROBENIUS_1, FROBENIUS_2, FROBENIUS_3};
use super::fp2::{Fe2, Fp2, SQUARE_COLUMNS, squared};
use super::fp6::{Fp6, product, sum, sum6};
use super::kernels::{Lane, Raw2};
use super::lane::each;
use super::wide::Wide2;

/// `c0 + c1 w`.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Fp12<V>(pub(super) [Fp6<V, 4>; 2]);

impl<V: Lane> Fp12<V> {
    /// From two halves.
    #[inline(always)]
    pub(super) fn new(c0: Fp6<V, 4>, c1: Fp6<V, 4>) -> Self {
        Self([c0, c1])
    }

    /// Coefficient of `w^k`.
    #[inline(always)]
    pub(super) fn c(&self, k: usize) -> Fe2<V> {
        self.0[k % 2].c(k / 2)
    }

    /// One in all lanes.
    #[inline(always)]
    pub(super) fn one(token: V::Token) -> Self {
        let zero = Fe2::zero(token);
        Self::new(Fp6::new(Fe2::one(token), zero, zero), Fp6::new(zero, zero, zero))
    }

    /// `other` in the lanes where the mask is all ones.
    pub(super) fn select(mut self, other: &Self, mask: V) -> Self {
        V::fp12_select(&mut self, other, mask);
        self
    }

    /// Product.
    pub(super) fn mul(mut self, other: &Self) -> Self {
        V::fp12_mul(&mut self, other);
        self
    }

    /// `c0 - c1 w`, the inverse in the cyclotomic subgroup.
    pub(super) fn conjugate(mut self) -> Self {
        V::fp12_conjugate(&mut self);
        self
    }

    /// The power `p^K`, for K = 1, 2, 3.
    pub(super) fn frobenius<const K: usize>(mut self) -> Self {
        const { assert!(K >= 1 && K <= 3) }
        match K {
            1 => V::frobenius_1(&mut self),
            2 => V::frobenius_2(&mut self),
            _ => V::frobenius_3(&mut self),
        }
        self
    }
}

/// Kernel: product; Karatsuba over Fp6, one reduction per coefficient.
#[inline(always)]
pub(super) fn mul<V: Lane>(a: &mut Fp12<V>, b: &Fp12<V>) {
    let v0 = product::<V, 4, 352>(&a.0[0], &b.0[0]);
    let v1 = product::<V, 4, 352>(&a.0[1], &b.0[1]);
    let m = product::<V, 8, 1408>(&sum6(&a.0[0], &a.0[1]), &sum6(&b.0[0], &b.0[1]));
    // v0 + v v1 with v^3 = xi
    v0[0].reduce_add_xi(&v1[2], &mut a.0[0].0[0]);
    each!(K in [1 2] { v0[K].reduce_add(&v1[K - 1], &mut a.0[0].0[K]); });
    each!(K in [0 1 2] { m[K].reduce_sub2(&v0[K], &v1[K], &mut a.0[1].0[K]); });
}

/// Kernel: square, `(a0 + a1)(a0 + v a1) - v0 - v v0 + 2 v0 w` with `v0 = a0 a1`: two products in Fp6.
#[inline(always)]
pub(super) fn square<V: Lane>(a: &mut Fp12<V>) {
    let v0 = product::<V, 4, 352>(&a.0[0], &a.0[1]);
    let t = sum6(&a.0[0], &a.0[1].mul_v());
    let m = product::<V, 8, 1408>(&sum6(&a.0[0], &a.0[1]), &t);
    m[0].reduce_sub_xi(&v0[0], &v0[2], &mut a.0[0].0[0]);
    each!(K in [1 2] { m[K].reduce_sub2(&v0[K], &v0[K - 1], &mut a.0[0].0[K]); });
    each!(K in [0 1 2] { v0[K].reduce_add(&v0[K], &mut a.0[1].0[K]); });
}

/// Kernel: `b` where the mask is all ones.
#[inline(always)]
pub(super) fn select<V: Lane>(a: &mut Fp12<V>, b: &Fp12<V>, mask: V) {
    each!(K in [0 1 2 3 4 5] {
        each!(I in 8 {
            let (to, from) = (&mut a.0[K % 2].0[K / 2], &b.0[K % 2].0[K / 2]);
            to[0][I] = to[0][I].select(from[0][I], mask);
            to[1][I] = to[1][I].select(from[1][I], mask);
        });
    });
}

/// Kernel: `c0 - c1 w`.
#[inline(always)]
pub(super) fn conjugate<V: Lane>(a: &mut Fp12<V>) {
    a.0[1] = a.0[1].neg();
}

/// Squares of `x + y s` with `s^2 = xi`, as both halves need them: `x^2 + xi y^2` and `2 x y`.
#[inline(always)]
fn square_fp4<V: Lane>(x: &Raw2<V>, y: &Raw2<V>) -> [Fe2<V>; 2] {
    let x2 = Wide2::<V, SQUARE_COLUMNS, 0, { squared(4) }>(V::fp2_square_wide(x));
    let y2 = Wide2::<V, SQUARE_COLUMNS, 0, { squared(4) }>(V::fp2_square_wide(y));
    let s2 = Wide2::<V, SQUARE_COLUMNS, 0, { squared(8) }>(V::fp2_square_wide(&sum(x, y)));
    let (mut c0, mut c1) = (*x, *x);
    x2.reduce_add_xi(&y2, &mut c0);
    s2.reduce_sub2(&x2, &y2, &mut c1);
    [Fp2(c0), Fp2(c1)]
}

/// `3 t - 2 z`.
#[inline(always)]
fn minus<V: Lane>(t: &Fe2<V>, z: Fe2<V>) -> Raw2<V> {
    let d: Fp2<V, 34, 20> = t.sub(&z);
    let d: Fp2<V, 9, 20> = d.carry();
    let d: Fp2<V, 18, 40> = d.double();
    let d: Fp2<V, 27, 44> = d.add(t);
    d.squeeze().0
}

/// `3 t + 2 z`.
#[inline(always)]
fn plus<V: Lane>(t: &Fe2<V>, z: Fe2<V>) -> Raw2<V> {
    let s: Fp2<V, 18, 8> = t.add(&z);
    let s: Fp2<V, 36, 16> = s.double();
    let s: Fp2<V, 45, 20> = s.add(t);
    s.squeeze().0
}

/// Kernel: square in the cyclotomic subgroup (Granger and Scott, PKC 2010): three squares in a quartic extension.
#[inline(always)]
pub(super) fn cyclotomic_square<V: Lane>(a: &mut Fp12<V>) {
    let [e, o] = &mut a.0;
    let [t0, t1] = square_fp4(&e.0[0], &o.0[1]);
    let [t2, t3] = square_fp4(&o.0[0], &e.0[2]);
    let [t4, t5] = square_fp4(&e.0[1], &o.0[2]);
    let x: Fp2<V, 34, 20> = t5.mul_xi();
    let x: Fe2<V> = x.squeeze().relax();
    e.0[0] = minus(&t0, Fp2(e.0[0]));
    e.0[1] = minus(&t2, Fp2(e.0[1]));
    e.0[2] = minus(&t4, Fp2(e.0[2]));
    o.0[0] = plus(&x, Fp2(o.0[0]));
    o.0[1] = plus(&t1, Fp2(o.0[1]));
    o.0[2] = plus(&t3, Fp2(o.0[2]));
}

/// Kernel: `c0 - c1 w` where the mask is all ones.
#[inline(always)]
pub(super) fn conjugate_if<V: Lane>(a: &mut Fp12<V>, mask: V) {
    let minus = a.0[1].neg();
    each!(K in [0 1 2] {
        each!(I in 8 {
            let (to, from) = (&mut a.0[1].0[K], &minus.0[K]);
            to[0][I] = to[0][I].select(from[0][I], mask);
            to[1][I] = to[1][I].select(from[1][I], mask);
        });
    });
}

#[inline(always)]
fn frobenius<V: Lane, const ODD: bool>(a: &mut Fp12<V>, gamma: &[[[u64; 8]; 2]; 6]) {
    let t = a.0[0].0[0][0][0].token();
    each!(K in [0 1 2 3 4 5] {
        let c = a.c(K);
        let c: Fp2<V, 25, 20> = if ODD { c.conjugate() } else { c.relax() };
        a.0[K % 2].0[K / 2] = c.carry().mul(&Fe2::constant(t, &gamma[K])).0;
    });
}

/// Kernel: the power p.
#[inline(always)]
pub(super) fn frobenius_1<V: Lane>(a: &mut Fp12<V>) {
    frobenius::<V, true>(a, &FROBENIUS_1);
}

/// Kernel: the power p^2.
#[inline(always)]
pub(super) fn frobenius_2<V: Lane>(a: &mut Fp12<V>) {
    frobenius::<V, false>(a, &FROBENIUS_2);
}

/// Kernel: the power p^3.
#[inline(always)]
pub(super) fn frobenius_3<V: Lane>(a: &mut Fp12<V>) {
    frobenius::<V, true>(a, &FROBENIUS_3);
}
