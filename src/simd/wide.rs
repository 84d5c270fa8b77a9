//! Double-width numbers: sums and differences of products before their one reduction.

use super::constants::{FRIENDLY, P, P_INV};
use super::fp::{BITS, LIMIT, carry_pass, splat};
use super::fp2::{Fe2, Fp2};
use super::kernels::{Lane, Raw2};
use super::lane::{Vector, each};

const MASK: u64 = (1 << BITS) - 1;

/// Eight numbers of Fp2 whose coordinates stand in sixteen signed columns each, not carried.
///
/// `C`: each column is below `C 2^46` in absolute value. `N`, `M`: the value lies between `-N p^2` and `M p^2`.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Wide2<V, const C: u32, const N: u32, const M: u32>(pub(super) [[V; 16]; 2]);

/// Columns stay below 2^63 in absolute value, also with the 2^11 units that the reduction itself may add.
pub(super) const COLUMN_LIMIT: u32 = (1 << 17) - (1 << 11);
/// Value limits of a reduction: `R / p` and a little less.
pub(super) const ABOVE: u32 = 2520;
pub(super) const BELOW: u32 = 2500;
/// p in limbs that are lifted by 2^63, so that no column within the limit stays below zero.
const LIFT: [u64; 8] = {
    let (mut limbs, mut i) = (P, 0);
    while i < 8 {
        if i < 7 {
            limbs[i] = limbs[i].wrapping_add(1 << 63);
        }
        if i > 0 {
            limbs[i] = limbs[i].wrapping_sub(1 << (63 - BITS));
        }
        i += 1;
    }
    limbs
};

/// Column bound of a product of factors with limbs of `l1` and `l2` units.
pub(super) const fn columns(l1: u32, l2: u32) -> u32 {
    512 + (5 * l1 * l2).div_ceil(2)
}

/// Column bound of a product in Fp2 of such factors.
pub(super) const fn columns2(l1: u32, l2: u32) -> u32 {
    columns(2 * l1, 2 * l2) + 2 * columns(l1, l2)
}

impl<V: Lane, const C: u32, const N: u32, const M: u32> Wide2<V, C, N, M> {
    /// The product, not reduced: `a0 b0 - a1 b1` lies between `-B1 B2` and `B1 B2`, `a0 b1 + a1 b0` between 0 and `2 B1 B2`.
    #[inline(always)]
    pub(super) fn product<const L1: u32, const B1: u32, const L2: u32, const B2: u32>(
        a: &Fp2<V, L1, B1>,
        b: &Fp2<V, L2, B2>,
    ) -> Self {
        const { assert!(4 * L1 <= LIMIT && 4 * L2 <= LIMIT && C >= columns2(L1, L2) && C <= COLUMN_LIMIT) }
        const { assert!(N >= B1 * B2 && M >= 2 * B1 * B2) }
        Self(V::fp2_wide(&a.0, &b.0))
    }

    /// Montgomery reduction: `value / R mod p`, carried.
    ///
    /// A negative value is lifted by `p R`; `N < R / p` makes that enough and leaves a positive top limb, `M <= R / p` keeps
    /// the result below `(2 + 1 + 1) p`.
    #[inline(always)]
    pub(super) fn reduce(&self) -> Fe2<V> {
        const { assert!(C <= COLUMN_LIMIT && N <= BELOW && M <= ABOVE) }
        Fp2([V::reduce(&self.0[0]), V::reduce(&self.0[1])])
    }

    /// `self + b`, reduced.
    #[inline(always)]
    pub(super) fn reduce_add<const C1: u32, const N1: u32, const M1: u32>(
        &self,
        b: &Wide2<V, C1, N1, M1>,
        out: &mut Raw2<V>,
    ) {
        const { assert!(C + C1 <= COLUMN_LIMIT && N + N1 <= BELOW && M + M1 <= ABOVE) }
        V::reduce_add(&self.0, &b.0, out);
    }

    /// `self + (1 + i) b`, reduced.
    #[inline(always)]
    pub(super) fn reduce_add_xi<const C1: u32, const N1: u32, const M1: u32>(
        &self,
        b: &Wide2<V, C1, N1, M1>,
        out: &mut Raw2<V>,
    ) {
        const { assert!(C + 2 * C1 <= COLUMN_LIMIT && N + N1 + M1 <= BELOW && M + M1 + M1 <= ABOVE && M1 >= N1) }
        V::reduce_add_xi(&self.0, &b.0, out);
    }

    /// `self - a - b`, reduced.
    #[inline(always)]
    pub(super) fn reduce_sub2<
        const C1: u32,
        const N1: u32,
        const M1: u32,
        const C2: u32,
        const N2: u32,
        const M2: u32,
    >(
        &self,
        a: &Wide2<V, C1, N1, M1>,
        b: &Wide2<V, C2, N2, M2>,
        out: &mut Raw2<V>,
    ) {
        const { assert!(C + C1 + C2 <= COLUMN_LIMIT && N + M1 + M2 <= BELOW && M + N1 + N2 <= ABOVE) }
        V::reduce_sub2(&self.0, &a.0, &b.0, out);
    }

    /// `self - 12 b`, reduced.
    #[inline(always)]
    pub(super) fn reduce_sub_12<const C1: u32, const M1: u32>(&self, b: &Wide2<V, C1, 0, M1>) -> Fe2<V> {
        const { assert!(C + 12 * C1 <= COLUMN_LIMIT && N + 12 * M1 <= BELOW && M <= ABOVE) }
        Fp2(V::reduce_sub_12(&self.0, &b.0))
    }

    /// `self - a - (1 + i) b`, reduced.
    #[inline(always)]
    pub(super) fn reduce_sub_xi<
        const C1: u32,
        const N1: u32,
        const M1: u32,
        const C2: u32,
        const N2: u32,
        const M2: u32,
    >(
        &self,
        a: &Wide2<V, C1, N1, M1>,
        b: &Wide2<V, C2, N2, M2>,
        out: &mut Raw2<V>,
    ) {
        const { assert!(C + C1 + 2 * C2 <= COLUMN_LIMIT && N + M1 + M2 + M2 <= BELOW && M + N1 + N2 + M2 <= ABOVE) }
        const { assert!(M2 >= N2) }
        V::reduce_sub_xi(&self.0, &a.0, &b.0, out);
    }
}

/// Eight columns of a product of half numbers, column by column.
macro_rules! half {
    ($r:ident, $a:ident, $b:ident, $zero:ident, $o:literal) => {
        let mut $r = [$zero; 8];
        let mut high = $zero;
        each!(K in [0 1 2 3 4 5 6] {
            let mut lo = high.shl::<3>();
            let mut hi = $zero;
            each!(I in [0 1 2 3] {
                const J: usize = (K + 16 - I) % 16;
                if J < 4 {
                    lo = lo.madd_lo($a[$o + I], $b[$o + J % 4]);
                    hi = hi.madd_hi($a[$o + I], $b[$o + J % 4]);
                }
            });
            $r[K] = lo;
            high = hi;
        });
        $r[7] = high.shl::<3>();
    };
}

/// Kernel: sixteen signed columns of a product: Karatsuba on halves of four limbs, 96 multiply-adds for 128.
#[inline(always)]
pub(super) fn mul_wide<V: Vector>(a: &[V; 8], b: &[V; 8]) -> [V; 16] {
    let zero = V::splat(a[0].token(), 0);
    half!(low, a, b, zero, 0);
    half!(top, a, b, zero, 4);
    let (mut s, mut t) = ([zero; 4], [zero; 4]);
    each!(I in [0 1 2 3] {
        s[I] = a[I].add(a[4 + I]);
        t[I] = b[I].add(b[4 + I]);
    });
    half!(mid, s, t, zero, 0);
    let mut r = [zero; 16];
    each!(I in 8 {
        mid[I] = mid[I].sub(low[I]).sub(top[I]);
        r[I] = low[I];
        r[8 + I] = top[I];
    });
    each!(I in 8 { r[4 + I] = r[4 + I].add(mid[I]); });
    r
}

/// Kernel: sixteen columns of a square. Limbs at most half of what a product takes, as cross terms are doubled first.
#[inline(always)]
pub(super) fn square_wide<V: Vector>(a: &[V; 8]) -> [V; 16] {
    let zero = V::splat(a[0].token(), 0);
    let mut twice = *a;
    each!(I in 8 { twice[I] = a[I].add(a[I]); });
    let mut r = [zero; 16];
    let mut high = zero;
    each!(K in [0 1 2 3 4 5 6 7 8 9 10 11 12 13 14] {
        let mut lo = high.shl::<3>();
        let mut hi = zero;
        each!(I in 8 {
            const J: usize = (K + 16 - I) % 16;
            if J < 8 && I < J {
                lo = lo.madd_lo(twice[I], a[J % 8]);
                hi = hi.madd_hi(twice[I], a[J % 8]);
            }
            if I == J {
                lo = lo.madd_lo(a[I], a[I]);
                hi = hi.madd_hi(a[I], a[I]);
            }
        });
        r[K] = lo;
        high = hi;
    });
    r[15] = high.shl::<3>();
    r
}

/// One of the first seven steps: clears column `I` by a multiple of the friendly multiple of p.
macro_rules! step {
    ($t:ident, $h:ident, $m:ident, $mask:ident, $i:ident) => {
        if $i > 0 {
            $t[$i] = $t[$i].add($h[$i].shl::<3>());
        }
        let q = $t[$i].and($mask);
        $t[$i + 1] = $t[$i + 1].add($t[$i].sar::<BITS>());
        each!(J in 8 {
            $t[$i + 1 + J] = $t[$i + 1 + J].madd_lo(q, $m[J]);
            $h[$i + 2 + J] = $h[$i + 2 + J].madd_hi(q, $m[J]);
        });
    };
}

/// The last step, with p itself.
macro_rules! last {
    ($t:ident, $h:ident, $p:ident, $mask:ident, $inv:ident, $zero:ident) => {
        $t[7] = $t[7].add($h[7].shl::<3>());
        let q = $zero.madd_lo($t[7].and($mask), $inv).and($mask);
        each!(J in 8 {
            $t[7 + J] = $t[7 + J].madd_lo(q, $p[J]);
            $h[8 + J] = $h[8 + J].madd_hi(q, $p[J]);
        });
        $t[8] = $t[8].add($t[7].sar::<BITS>());
    };
}

/// The upper half, carried.
#[inline(always)]
fn upper<V: Vector>(t: &[V; 16], h: &[V; 16]) -> [V; 8] {
    let mut r = [t[8]; 8];
    each!(I in 8 { r[I] = t[8 + I].add(h[8 + I].shl::<3>()); });
    carry_pass(&r)
}

/// Kernel: one reduction, after lifting by `p R`.
#[inline(always)]
pub(super) fn reduce<V: Vector>(t: &[V; 16]) -> [V; 8] {
    let token = t[0].token();
    let (zero, mask, inv) = (V::splat(token, 0), V::splat(token, MASK), V::splat(token, P_INV));
    let (p, m) = (splat::<V>(token, &P), splat::<V>(token, &FRIENDLY));
    let (mut t, mut h) = (*t, [zero; 16]);
    each!(I in [0 1 2 3 4 5 6] { step!(t, h, m, mask, I); });
    last!(t, h, p, mask, inv, zero);
    let lift = splat::<V>(token, &LIFT);
    each!(I in 8 { t[8 + I] = t[8 + I].add(lift[I]); });
    upper(&t, &h)
}

/// Kernel: the reduction of a sum.
#[inline(always)]
pub(super) fn reduce_add<V: Vector>(a: &[[V; 16]; 2], b: &[[V; 16]; 2], out: &mut [[V; 8]; 2]) {
    let mut t = a[0];
    each!(I in 16 { t[I] = t[I].add(b[0][I]); });
    out[0] = reduce(&t);
    let mut t = a[1];
    each!(I in 16 { t[I] = t[I].add(b[1][I]); });
    out[1] = reduce(&t);
}

/// Kernel: the reduction of `a + (1 + i) b`.
#[inline(always)]
pub(super) fn reduce_add_xi<V: Vector>(a: &[[V; 16]; 2], b: &[[V; 16]; 2], out: &mut [[V; 8]; 2]) {
    let mut t = a[0];
    each!(I in 16 { t[I] = t[I].add(b[0][I]).sub(b[1][I]); });
    out[0] = reduce(&t);
    let mut t = a[1];
    each!(I in 16 { t[I] = t[I].add(b[0][I]).add(b[1][I]); });
    out[1] = reduce(&t);
}

/// Kernel: the reduction of `a - b - c`.
#[inline(always)]
pub(super) fn reduce_sub2<V: Vector>(a: &[[V; 16]; 2], b: &[[V; 16]; 2], c: &[[V; 16]; 2], out: &mut [[V; 8]; 2]) {
    let mut t = a[0];
    each!(I in 16 { t[I] = t[I].sub(b[0][I]).sub(c[0][I]); });
    out[0] = reduce(&t);
    let mut t = a[1];
    each!(I in 16 { t[I] = t[I].sub(b[1][I]).sub(c[1][I]); });
    out[1] = reduce(&t);
}

/// Kernel: the reduction of a difference.
#[inline(always)]
pub(super) fn reduce_sub<V: Vector>(a: &[[V; 16]; 2], b: &[[V; 16]; 2], out: &mut [[V; 8]; 2]) {
    let mut t = a[0];
    each!(I in 16 { t[I] = t[I].sub(b[0][I]); });
    out[0] = reduce(&t);
    let mut t = a[1];
    each!(I in 16 { t[I] = t[I].sub(b[1][I]); });
    out[1] = reduce(&t);
}

/// Kernel: the reduction of `a - 12 b`.
#[inline(always)]
pub(super) fn reduce_sub_12<V: Vector>(a: &[[V; 16]; 2], b: &[[V; 16]; 2]) -> [[V; 8]; 2] {
    let mut t = a[0];
    each!(I in 16 { t[I] = t[I].sub(b[0][I].shl::<3>()).sub(b[0][I].shl::<2>()); });
    let c0 = reduce(&t);
    let mut t = a[1];
    each!(I in 16 { t[I] = t[I].sub(b[1][I].shl::<3>()).sub(b[1][I].shl::<2>()); });
    [c0, reduce(&t)]
}

/// Kernel: the reduction of `a - b - (1 + i) c`.
#[inline(always)]
pub(super) fn reduce_sub_xi<V: Vector>(a: &[[V; 16]; 2], b: &[[V; 16]; 2], c: &[[V; 16]; 2], out: &mut [[V; 8]; 2]) {
    let mut t = a[0];
    each!(I in 16 { t[I] = t[I].sub(b[0][I]).sub(c[0][I]).add(c[1][I]); });
    out[0] = reduce(&t);
    let mut t = a[1];
    each!(I in 16 { t[I] = t[I].sub(b[1][I]).sub(c[0][I]).sub(c[1][I]); });
    out[1] = reduce(&t);
}

/// Kernel: Montgomery product.
#[inline(always)]
pub(super) fn fp_mul<V: Vector>(a: &[V; 8], b: &[V; 8]) -> [V; 8] {
    reduce(&mul_wide(a, b))
}

/// Kernel: Montgomery square.
#[inline(always)]
pub(super) fn fp_square<V: Vector>(a: &[V; 8]) -> [V; 8] {
    reduce(&square_wide(a))
}

/// Kernel: `a b + c d`.
#[inline(always)]
pub(super) fn fp_sum2<V: Vector>(a: &[V; 8], b: &[V; 8], c: &[V; 8], d: &[V; 8]) -> [V; 8] {
    let (mut t, u) = (mul_wide(a, b), mul_wide(c, d));
    each!(I in 16 { t[I] = t[I].add(u[I]); });
    reduce(&t)
}

/// Kernel: `a b - c d`.
#[inline(always)]
pub(super) fn fp_difference2<V: Vector>(a: &[V; 8], b: &[V; 8], c: &[V; 8], d: &[V; 8]) -> [V; 8] {
    let (mut t, u) = (mul_wide(a, b), mul_wide(c, d));
    each!(I in 16 { t[I] = t[I].sub(u[I]); });
    reduce(&t)
}

/// Kernel: both coordinates of a product in Fp2, not reduced.
#[inline(always)]
pub(super) fn fp2_wide<V: Vector>(a: &[[V; 8]; 2], b: &[[V; 8]; 2]) -> [[V; 16]; 2] {
    let (mut s, mut t) = (a[0], b[0]);
    each!(I in 8 {
        s[I] = a[0][I].add(a[1][I]);
        t[I] = b[0][I].add(b[1][I]);
    });
    let mut r = [mul_wide(&a[0], &b[0]); 2];
    let u = mul_wide(&a[1], &b[1]);
    each!(I in 16 {
        r[1][I] = r[0][I].add(u[I]);
        r[0][I] = r[0][I].sub(u[I]);
    });
    let u = mul_wide(&s, &t);
    each!(I in 16 { r[1][I] = u[I].sub(r[1][I]); });
    r
}
