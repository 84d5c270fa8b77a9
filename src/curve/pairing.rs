//! The pairing `e: G1 x G2 -> Gt` and products of it.
//!
//! Terms with infinity count as one and are left out before any arithmetic; that a point is infinity is not hidden.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use once_cell::race::OnceBox;
use subtle::{Choice, ConstantTimeEq};

use super::Active;
use super::backend::Backend;
use super::gt::Gt;
use super::points::{G1, G2};
use crate::declassify;

/// The lines of the Miller loop of one public point of G2, computed once. Cloning is cheap.
#[derive(Clone)]
pub struct G2Prepared(Option<Arc<<Active as Backend>::Lines>>);

impl G2Prepared {
    /// Computes the lines (about 20 KB).
    ///
    /// # Timing
    /// Constant but for infinity.
    pub fn new(q: &G2) -> Self {
        match is_infinity(q.is_identity()) {
            true => Self(None),
            false => Self(Some(Arc::new(Active::lines(q.raw())))),
        }
    }

    /// The lines of the generator `P2`, computed at the first call.
    pub fn generator() -> &'static Self {
        static LINES: OnceBox<G2Prepared> = OnceBox::new();
        LINES.get_or_init(|| Box::new(Self::new(&G2::generator())))
    }
}

impl fmt::Debug for G2Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("G2Prepared(..)")
    }
}

/// `e(p, q)`.
///
/// # Timing
/// Constant but for infinity.
pub fn pairing(p: &G1, q: &G2) -> Gt {
    multi_pairing(&[(p, q)])
}

/// `e(p, q)` with the lines of `q` computed before.
///
/// # Timing
/// Constant but for infinity.
pub fn pairing_prepared(p: &G1, q: &G2Prepared) -> Gt {
    multi_pairing_prepared(&[(p, q)])
}

/// The product of `e(p, q)` over all pairs: shared squarings, one final exponentiation. One for the empty list.
///
/// # Timing
/// Constant but for infinity and the number of pairs.
pub fn multi_pairing(terms: &[(&G1, &G2)]) -> Gt {
    let finite: Vec<_> = (terms.iter())
        .filter(|(p, q)| !is_infinity(p.is_identity() | q.is_identity()))
        .map(|(p, q)| (p.raw(), q.raw()))
        .collect();
    Gt::from_raw(Active::pair(&finite))
}

/// Whether the product of `e(p, q)` over all pairs is one: shared squarings, one final exponentiation.
///
/// # Timing
/// Constant but for infinity and the number of pairs; the verdict is a [`Choice`].
pub fn pairing_product_is_one(terms: &[(&G1, &G2Prepared)]) -> Choice {
    multi_pairing_prepared(terms).ct_eq(&Gt::one())
}

/// Not hidden: our secret points never are infinity.
fn is_infinity(choice: Choice) -> bool {
    declassify::verdict("term of a pairing is infinity", choice)
}

/// The product of `e(p, q)` over all pairs, with the lines of every `q` computed before.
///
/// # Timing
/// Constant but for infinity and the number of pairs.
pub(crate) fn multi_pairing_prepared(terms: &[(&G1, &G2Prepared)]) -> Gt {
    let finite: Vec<_> = (terms.iter())
        .filter(|(p, _)| !is_infinity(p.is_identity()))
        .filter_map(|(p, q)| Some((p.raw(), &**q.0.as_ref()?)))
        .collect();
    Gt::from_raw(Active::pair_prepared(&finite))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::curve::{GtTable, Scalar};

    #[test]
    fn bilinear() {
        let (a, b) = (Scalar::from_u64(0x1234_5678_9abc_def1), Scalar::from_wide(&[7; 48]));
        let (p, q) = (G1::generator(), G2::generator());
        let e = pairing(&p, &q);
        let e_ab = e.pow(&a.mul(&b));
        assert_eq!(pairing(&p.mul(&a), &q.mul(&b)), e_ab);
        assert_eq!(pairing(&G1::mul_generator(&b), &G2::mul_generator(&a)), e_ab);
        assert_eq!(GtTable::new(&e).pow(&a.mul(&b)), e_ab);
        let qb = G2Prepared::new(&q.mul(&b));
        assert_eq!(pairing_prepared(&p.mul(&a), &qb), e_ab);
        let product = multi_pairing(&[(&p, &q), (&p.mul(&a), &q), (&p, &q.mul(&b))]);
        assert_eq!(product, e.pow(&a.add(&b).add(&Scalar::from_u64(1))));
        let terms = [(&p.mul(&b).neg(), G2Prepared::generator()), (&p, &qb)];
        assert!(bool::from(pairing_product_is_one(&terms)));
        assert!(!bool::from(pairing_product_is_one(&terms[..1])));
    }

    #[test]
    fn infinity_counts_as_one() {
        let (p, q, p0, q0) = (G1::generator(), G2::generator(), G1::identity(), G2::identity());
        for (p, q) in [(&p0, &q), (&p, &q0), (&p0, &q0)] {
            assert_eq!(pairing(p, q), Gt::one());
            assert_eq!(pairing_prepared(p, &G2Prepared::new(q)), Gt::one());
        }
        let mixed = [(&p0, &q), (&p, &q), (&p, &q0)];
        assert_eq!(multi_pairing(&mixed), pairing(&p, &q));
        let (inf, q) = (G2Prepared::new(&q0), G2Prepared::generator());
        assert!(bool::from(pairing_product_is_one(&[(&p, q), (&p, &inf), (&p0, q), (&p.neg(), q)])));
        assert!(bool::from(pairing_product_is_one(&[])));
    }
}
