//! The quadratic extension `Fp2 = Fp[i] / (i^2 + 1)`.

use super::fp::{CARRIED, Fe, Fp, LIMIT, lifted};
use super::kernels::{Lane, Raw2};
use super::lane::Vector;
use super::wide::{ABOVE, BELOW, Wide2, columns, columns2, mul_wide, reduce};

/// `c0 + c1 i`, both coordinates under the same bounds (see [`Fp`]).
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Fp2<V, const L: u32, const B: u32>(pub(crate) Raw2<V>);

/// What multiplications give and what is stored.
pub(crate) type Fe2<V> = Fp2<V, CARRIED, 4>;

impl<V: Vector, const L: u32, const B: u32> Fp2<V, L, B> {
    /// From two coordinates.
    #[inline(always)]
    pub(crate) fn new(c0: Fp<V, L, B>, c1: Fp<V, L, B>) -> Self {
        Self([c0.0, c1.0])
    }

    /// The real coordinate.
    #[inline(always)]
    pub(crate) fn c0(&self) -> Fp<V, L, B> {
        Fp(self.0[0])
    }

    /// The imaginary coordinate.
    #[inline(always)]
    pub(crate) fn c1(&self) -> Fp<V, L, B> {
        Fp(self.0[1])
    }

    /// The same value under looser bounds.
    #[inline(always)]
    pub(crate) fn relax<const L2: u32, const B2: u32>(self) -> Fp2<V, L2, B2> {
        Fp2::new(self.c0().relax(), self.c1().relax())
    }

    /// Sum.
    #[inline(always)]
    pub(crate) fn add<const L1: u32, const B1: u32, const L2: u32, const B2: u32>(
        &self,
        other: &Fp2<V, L1, B1>,
    ) -> Fp2<V, L2, B2> {
        Fp2::new(self.c0().add(&other.c0()), self.c1().add(&other.c1()))
    }

    /// Difference.
    #[inline(always)]
    pub(crate) fn sub<const L1: u32, const B1: u32, const L2: u32, const B2: u32>(
        &self,
        other: &Fp2<V, L1, B1>,
    ) -> Fp2<V, L2, B2> {
        Fp2::new(self.c0().sub(&other.c0()), self.c1().sub(&other.c1()))
    }

    /// Minus the value.
    #[inline(always)]
    pub(crate) fn neg<const L2: u32, const B2: u32>(&self) -> Fp2<V, L2, B2> {
        Fp2::new(self.c0().neg(), self.c1().neg())
    }

    /// Twice the value.
    #[inline(always)]
    pub(crate) fn double<const L2: u32, const B2: u32>(&self) -> Fp2<V, L2, B2> {
        self.add(self)
    }

    /// The conjugate `c0 - c1 i`.
    #[inline(always)]
    pub(crate) fn conjugate<const L2: u32, const B2: u32>(&self) -> Fp2<V, L2, B2> {
        Fp2::new(self.c0().relax(), self.c1().neg())
    }

    /// `(1 + i) a`, the non-residue that the next extension is built on.
    #[inline(always)]
    pub(crate) fn mul_xi<const L2: u32, const B2: u32>(&self) -> Fp2<V, L2, B2> {
        Fp2::new(self.c0().sub(&self.c1()), self.c0().add(&self.c1()))
    }

    /// `other` where the mask is all ones.
    #[inline(always)]
    pub(super) fn select(&self, other: &Self, mask: V) -> Self {
        Fp2::new(self.c0().select(&other.c0(), mask), self.c1().select(&other.c1(), mask))
    }

    /// One carry pass over both coordinates.
    #[inline(always)]
    pub(crate) fn carry(&self) -> Fp2<V, CARRIED, B> {
        Fp2::new(self.c0().carry(), self.c1().carry())
    }

    /// The same residues, below 2p.
    #[inline(always)]
    pub(crate) fn squeeze(&self) -> Fp2<V, CARRIED, 2> {
        Fp2::new(self.c0().squeeze(), self.c1().squeeze())
    }
}

/// Largest limb and value bounds of a factor: sums of two coordinates are multiplied.
pub(super) const FACTOR_L: u32 = LIMIT / 4;
pub(super) const FACTOR_B: u32 = 35;
/// The same of a number that is squared.
pub(super) const SQUARE_L: u32 = LIMIT / 4;
pub(super) const SQUARE_B: u32 = 16;
/// Column bound of a square that is not reduced.
pub(super) const SQUARE_COLUMNS: u32 = columns(30, CARRIED);

/// Value bound of a square that is not reduced.
pub(super) const fn squared(b: u32) -> u32 {
    2 * b * (b + lifted(SQUARE_L, SQUARE_B))
}

impl<V: Lane, const L: u32, const B: u32> Fp2<V, L, B> {
    /// Product.
    #[inline(always)]
    pub(crate) fn mul<const L1: u32, const B1: u32>(&self, other: &Fp2<V, L1, B1>) -> Fe2<V> {
        const { assert!(L <= FACTOR_L && L1 <= FACTOR_L && B <= FACTOR_B && B1 <= FACTOR_B) }
        Fp2(V::fp2_mul(&self.0, &other.0))
    }

    /// Square.
    #[inline(always)]
    pub(crate) fn square(&self) -> Fe2<V> {
        const { assert!(L <= SQUARE_L && B <= SQUARE_B) }
        Fp2(V::fp2_square(&self.0))
    }

    /// `self b + c d`, one reduction.
    #[inline(always)]
    pub(super) fn sum2<const B1: u32, const B2: u32, const B3: u32>(
        &self,
        b: &Fp2<V, CARRIED, B1>,
        c: &Fp2<V, CARRIED, B2>,
        d: &Fp2<V, CARRIED, B3>,
    ) -> Fe2<V> {
        const { assert!(L <= CARRIED && B * B1 + B2 * B3 <= BELOW && 2 * (B * B1 + B2 * B3) <= ABOVE) }
        let mut r = self.0;
        V::reduce_add(&V::fp2_wide(&self.0, &b.0), &V::fp2_wide(&c.0, &d.0), &mut r);
        Fp2(r)
    }

    /// `self b - c d`, one reduction.
    #[inline(always)]
    pub(super) fn difference2<const B1: u32, const B2: u32, const B3: u32>(
        &self,
        b: &Fp2<V, CARRIED, B1>,
        c: &Fp2<V, CARRIED, B2>,
        d: &Fp2<V, CARRIED, B3>,
    ) -> Fe2<V> {
        const { assert!(L <= CARRIED && B * B1 + 2 * B2 * B3 <= BELOW && 2 * B * B1 + B2 * B3 <= ABOVE) }
        let mut r = self.0;
        V::reduce_sub(&V::fp2_wide(&self.0, &b.0), &V::fp2_wide(&c.0, &d.0), &mut r);
        Fp2(r)
    }

    /// Product, not reduced.
    #[inline(always)]
    pub(super) fn wide<const L1: u32, const B1: u32, const C: u32, const N: u32, const M: u32>(
        &self,
        other: &Fp2<V, L1, B1>,
    ) -> Wide2<V, C, N, M> {
        Wide2::product(self, other)
    }

    /// Square, not reduced.
    #[inline(always)]
    pub(super) fn square_wide<const C: u32, const M: u32>(&self) -> Wide2<V, C, 0, M> {
        const { assert!(L <= SQUARE_L && B <= SQUARE_B && C >= SQUARE_COLUMNS && M >= squared(B)) }
        Wide2(V::fp2_square_wide(&self.0))
    }

    /// Product with a number of the base field.
    #[inline(always)]
    pub(crate) fn mul_fp<const L1: u32, const B1: u32>(&self, other: &Fp<V, L1, B1>) -> Fe2<V> {
        Fp2::new(self.c0().mul(other), self.c1().mul(other))
    }
}

impl<V: Lane> Fe2<V> {
    /// Zero in all lanes.
    #[inline(always)]
    pub(crate) fn zero(token: V::Token) -> Self {
        Self::new(Fe::zero(token), Fe::zero(token))
    }

    /// One in all lanes.
    #[inline(always)]
    pub(crate) fn one(token: V::Token) -> Self {
        Self::new(Fe::one(token), Fe::zero(token))
    }

    /// One constant, in Montgomery form, in all lanes.
    #[inline(always)]
    pub(crate) fn constant(token: V::Token, limbs: &[[u64; 8]; 2]) -> Self {
        Self::new(Fp::constant(token, &limbs[0]), Fp::constant(token, &limbs[1]))
    }
}

/// Kernel: product.
#[inline(always)]
pub(super) fn mul<V: Lane>(a: &Raw2<V>, b: &Raw2<V>) -> Raw2<V> {
    let (a, b) = (Fp2::<V, FACTOR_L, FACTOR_B>(*a), Fp2::<V, FACTOR_L, FACTOR_B>(*b));
    let w = Wide2::<V, { columns2(FACTOR_L, FACTOR_L) }, { FACTOR_B * FACTOR_B }, { 2 * FACTOR_B * FACTOR_B }>::product(
        &a, &b,
    );
    w.reduce().0
}

/// Kernel: square, `(a0 + a1)(a0 - a1) + 2 a0 a1 i`: two products.
#[inline(always)]
pub(super) fn square<V: Lane>(a: &Raw2<V>) -> Raw2<V> {
    let [c0, c1] = square_wide(a);
    [reduce(&c0), reduce(&c1)]
}

/// Kernel: the same, not reduced: not negative, below `squared(B) p^2`.
#[inline(always)]
pub(super) fn square_wide<V: Vector>(a: &Raw2<V>) -> [[V; 16]; 2] {
    let a = Fp2::<V, SQUARE_L, SQUARE_B>(*a);
    let sum: Fp<V, 30, 32> = a.c0().add(&a.c1());
    let difference: Fp<V, 63, 48> = a.c0().sub(&a.c1());
    let twice: Fp<V, 30, 32> = a.c0().double();
    [mul_wide(&sum.0, &difference.carry().0), mul_wide(&twice.0, &a.c1().0)]
}
