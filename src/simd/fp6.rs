//! The sextic extension `Fp6 = Fp2[v] / (v^3 - (1 + i))`.

use super::fp::CARRIED;
use super::fp2::{Fe2, Fp2};
use super::kernels::{Lane, Raw2, RawWide2};
use super::lane::{Vector, each};
use super::wide::{Wide2, columns2};

/// `c0 + c1 v + c2 v^2`, coefficients carried and below `B p`.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Fp6<V, const B: u32>(pub(super) [Raw2<V>; 3]);

impl<V: Lane> Fp6<V, 4> {
    /// Coefficient of `v^k`.
    #[inline(always)]
    pub(crate) fn c(&self, k: usize) -> Fe2<V> {
        Fp2(self.0[k])
    }

    /// From three coefficients.
    #[inline(always)]
    pub(crate) fn new(c0: Fe2<V>, c1: Fe2<V>, c2: Fe2<V>) -> Self {
        Self([c0.0, c1.0, c2.0])
    }

    /// Product.
    #[inline(always)]
    pub(crate) fn mul(mut self, other: &Self) -> Self {
        V::fp6_mul(&mut self, other);
        self
    }

    /// Difference, reduced.
    #[inline(always)]
    pub(crate) fn sub(&self, other: &Self) -> Self {
        let mut r = *self;
        each!(K in [0 1 2] {
            let s: Fp2<V, 34, 24> = self.c(K).sub(&other.c(K));
            r.0[K] = s.squeeze().0;
        });
        r
    }

    /// Minus the value, reduced.
    #[inline(always)]
    pub(crate) fn neg(&self) -> Self {
        let mut r = *self;
        each!(K in [0 1 2] {
            let s: Fp2<V, 25, 20> = self.c(K).neg();
            r.0[K] = s.squeeze().0;
        });
        r
    }

    /// `v a`.
    #[inline(always)]
    pub(crate) fn mul_v(&self) -> Self {
        let c: Fp2<V, 34, 24> = self.c(2).mul_xi();
        Self::new(c.squeeze().relax(), self.c(0), self.c(1))
    }
}

/// Column bound of a product in Fp2 of carried factors.
pub(super) const COLUMNS2: u32 = columns2(CARRIED, CARRIED);
/// Column bound of a product in Fp6.
pub(super) const COLUMNS6: u32 = 7 * COLUMNS2;
/// A product in Fp6 before its reductions.
pub(super) type Wide6<V, const N: u32> = [Wide2<V, COLUMNS6, N, N>; 3];

/// The sum of two coefficients, carried.
#[inline(always)]
pub(super) fn sum<V: Vector>(a: &Raw2<V>, b: &Raw2<V>) -> Raw2<V> {
    let (a, b) = (Fp2::<V, CARRIED, 16>(*a), Fp2::<V, CARRIED, 16>(*b));
    let s: Fp2<V, { 2 * CARRIED }, 32> = a.add(&b);
    s.carry().0
}

/// The sum of two, carried.
#[inline(always)]
pub(super) fn sum6<V: Vector>(a: &Fp6<V, 4>, b: &Fp6<V, 4>) -> Fp6<V, 8> {
    Fp6([sum(&a.0[0], &b.0[0]), sum(&a.0[1], &b.0[1]), sum(&a.0[2], &b.0[2])])
}

/// A product before its reductions: values between `-22 B^2 p^2` and `22 B^2 p^2`.
///
/// Karatsuba in three variables: six products in Fp2.
#[inline(always)]
pub(super) fn product<V: Lane, const B: u32, const N: u32>(a: &Fp6<V, B>, b: &Fp6<V, B>) -> Wide6<V, N> {
    const { assert!(B <= 16 && N >= 22 * B * B) }
    let v0 = V::fp2_wide(&a.0[0], &b.0[0]);
    let v1 = V::fp2_wide(&a.0[1], &b.0[1]);
    let v2 = V::fp2_wide(&a.0[2], &b.0[2]);
    let m = V::fp2_wide(&sum(&a.0[1], &a.0[2]), &sum(&b.0[1], &b.0[2]));
    let c0 = Wide2(V::wide_add_xi_sub2(&v0, &m, &v1, &v2));
    let m = V::fp2_wide(&sum(&a.0[0], &a.0[1]), &sum(&b.0[0], &b.0[1]));
    let c1 = Wide2(V::wide_sub2_add_xi(&m, &v0, &v1, &v2));
    let m = V::fp2_wide(&sum(&a.0[0], &a.0[2]), &sum(&b.0[0], &b.0[2]));
    let c2 = Wide2(V::wide_sub2_add(&m, &v0, &v2, &v1));
    [c0, c1, c2]
}

/// A product with `x + y v` before its reductions: values between `-6 B B2 p^2` and `6 B B2 p^2`. Five products in Fp2.
#[inline(always)]
pub(super) fn product_01<V: Lane, const B: u32, const B2: u32, const N: u32>(
    f: &Fp6<V, B>,
    x: &Raw2<V>,
    y: &Raw2<V>,
) -> [Wide2<V, { 3 * COLUMNS2 }, N, N>; 3] {
    const { assert!(B <= 16 && B2 <= 16 && N >= 6 * B * B2) }
    let p0 = V::fp2_wide(&f.0[0], x);
    let p1 = V::fp2_wide(&f.0[1], y);
    let c0 = Wide2(V::wide_add_xi(&p0, &V::fp2_wide(&f.0[2], y)));
    let m = V::fp2_wide(&sum(&f.0[0], &f.0[1]), &sum(x, y));
    let c1 = Wide2(V::wide_sub2(&m, &p0, &p1));
    let c2 = Wide2(V::wide_add(&p1, &V::fp2_wide(&f.0[2], x)));
    [c0, c1, c2]
}

macro_rules! combine {
    ($(#[$doc:meta])* $name:ident, [$first:ident $($v:ident)*], $i:ident, $c0:expr, $c1:expr) => {
        $(#[$doc])*
        #[inline(always)]
        pub(super) fn $name<V: Vector>($first: &RawWide2<V>, $($v: &RawWide2<V>),*) -> RawWide2<V> {
            let zero = V::splat($first[0][0].token(), 0);
            let mut r = [[zero; 16]; 2];
            each!($i in 16 {
                r[0][$i] = $c0;
                r[1][$i] = $c1;
            });
            r
        }
    };
}

combine!(/** Kernel: `a + b`. */ wide_add, [a b], I, a[0][I].add(b[0][I]), a[1][I].add(b[1][I]));
combine!(
    /** Kernel: `a + xi b`. */
    wide_add_xi, [a b], I,
    a[0][I].add(b[0][I]).sub(b[1][I]),
    a[1][I].add(b[0][I]).add(b[1][I])
);
combine!(
    /** Kernel: `a - b - c`. */
    wide_sub2, [a b c], I,
    a[0][I].sub(b[0][I]).sub(c[0][I]),
    a[1][I].sub(b[1][I]).sub(c[1][I])
);
combine!(
    /** Kernel: `a - b - c + d`. */
    wide_sub2_add, [a b c d], I,
    a[0][I].sub(b[0][I]).sub(c[0][I]).add(d[0][I]),
    a[1][I].sub(b[1][I]).sub(c[1][I]).add(d[1][I])
);
combine!(
    /** Kernel: `a - b - c + xi d`. */
    wide_sub2_add_xi, [a b c d], I,
    a[0][I].sub(b[0][I]).sub(c[0][I]).add(d[0][I]).sub(d[1][I]),
    a[1][I].sub(b[1][I]).sub(c[1][I]).add(d[0][I]).add(d[1][I])
);
combine!(
    /** Kernel: `a + xi (b - c - d)`. */
    wide_add_xi_sub2, [a b c d], I,
    a[0][I].add(b[0][I].sub(c[0][I]).sub(d[0][I])).sub(b[1][I].sub(c[1][I]).sub(d[1][I])),
    a[1][I].add(b[0][I].sub(c[0][I]).sub(d[0][I])).add(b[1][I].sub(c[1][I]).sub(d[1][I]))
);

/// Kernel: product.
#[inline(always)]
pub(super) fn mul<V: Lane>(a: &mut Fp6<V, 4>, b: &Fp6<V, 4>) {
    let c = product::<V, 4, 352>(a, b);
    each!(K in [0 1 2] { a.0[K] = c[K].reduce().0; });
}
