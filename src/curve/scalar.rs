//! Scalars: numbers modulo the group order `r`.

use core::fmt;
use rand_core::TryCryptoRng;
use subtle::{Choice, ConstantTimeEq};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::Active;
use super::backend::{Backend, Limbs};
use super::constants::R;
use crate::declassify;
use crate::error::{DecodeError, DecodeReason, Error};
use crate::secret::Secret;

/// A number modulo `r`, treated as a secret: wiped on drop, redacted in `Debug`, compared in constant time.
///
/// Shape: 32 bytes big-endian, canonical. `Clone` is not implemented; see [`Scalar::duplicate`].
pub struct Scalar(Limbs);

impl Scalar {
    /// Reads 32 big-endian bytes.
    ///
    /// # Errors
    /// Not canonical (`r` or more).
    ///
    /// # Timing
    /// Constant but for the verdict.
    pub fn from_be_bytes(bytes: &[u8; 32]) -> Result<Self, DecodeError> {
        let mut limbs = [0; 4];
        for (limb, be) in limbs.iter_mut().zip(bytes.as_chunks::<8>().0.iter().rev()) {
            *limb = u64::from_be_bytes(*be);
        }
        let scalar = Self(limbs);
        match declassify::verdict("scalar is canonical", is_canonical(&scalar.0)) {
            true => Ok(scalar),
            false => Err(DecodeError::new("scalar", DecodeReason::NotCanonical)),
        }
    }

    /// The big-endian number reduced modulo `r`; uniform input gives a bias below 2^-128.
    ///
    /// # Timing
    /// Constant.
    ///
    /// Source: RFC 9380 section 5 (the same reduction as of `hash_to_field`).
    pub fn from_wide(bytes: &[u8; 48]) -> Self {
        Self(Active::scalar_from_wide(bytes))
    }

    /// A uniform scalar, never zero.
    ///
    /// # Errors
    /// [`Error::Random`] if the generator fails, or gives zero (which a working one never does).
    pub fn random<R: TryCryptoRng + ?Sized>(rng: &mut R) -> Result<Self, Error> {
        let scalar = Self::from_wide(Secret::<48>::random(rng)?.expose());
        match declassify::verdict("random scalar is zero", scalar.is_zero()) {
            false => Ok(scalar),
            true => Err(Error::Random),
        }
    }

    /// A small number.
    pub const fn from_u64(n: u64) -> Self {
        Self([n, 0, 0, 0])
    }

    /// The 32 big-endian bytes.
    pub fn to_be_bytes(&self) -> Secret<32> {
        let mut out = Secret::zero();
        for (be, limb) in out.as_mut().as_chunks_mut::<8>().0.iter_mut().rev().zip(&self.0) {
            *be = limb.to_be_bytes();
        }
        out
    }

    /// Whether it is zero.
    pub fn is_zero(&self) -> Choice {
        self.0.ct_eq(&[0; 4])
    }

    /// `self + other mod r`, constant time.
    pub fn add(&self, other: &Self) -> Self {
        Self(Active::scalar_add(&self.0, &other.0))
    }

    /// `self * other mod r`, constant time.
    pub fn mul(&self, other: &Self) -> Self {
        Self(Active::scalar_mul(&self.0, &other.0))
    }

    /// A second copy, visible in the code where it is made.
    pub fn duplicate(&self) -> Self {
        Self(self.0)
    }

    pub(super) const fn limbs(&self) -> &Limbs {
        &self.0
    }

    /// The digits base `x^2`, for the endomorphism of G1. Constant time.
    #[cfg(feature = "simd")]
    pub(crate) fn parts_g1(&self) -> zeroize::Zeroizing<[u128; 2]> {
        let p = super::recode::parts(&self.0, 2);
        zeroize::Zeroizing::new([p[0], p[1]])
    }

    /// The digits base `|x|`, for the endomorphism of G2. Constant time.
    #[cfg(feature = "simd")]
    pub(crate) fn parts_g2(&self) -> zeroize::Zeroizing<[u64; 4]> {
        super::recode::digits(&self.0)
    }
}

/// Whether the number is below `r`: the subtraction `limbs - r` borrows.
fn is_canonical(limbs: &Limbs) -> Choice {
    let mut borrow = 0;
    for (a, b) in limbs.iter().zip(&R) {
        borrow = (u128::from(*a).wrapping_sub(u128::from(*b) + borrow) >> 127) & 1;
    }
    Choice::from(borrow as u8)
}

impl ConstantTimeEq for Scalar {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

impl PartialEq for Scalar {
    fn eq(&self, other: &Self) -> bool {
        self.ct_eq(other).into()
    }
}

impl Eq for Scalar {}

impl fmt::Debug for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scalar(..)")
    }
}

impl Drop for Scalar {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl ZeroizeOnDrop for Scalar {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn only_canonical_bytes_are_read() {
        let mut r = [0; 32];
        for (be, limb) in r.as_chunks_mut::<8>().0.iter_mut().rev().zip(&R) {
            *be = limb.to_be_bytes();
        }
        assert_eq!(Scalar::from_be_bytes(&r).unwrap_err().reason, DecodeReason::NotCanonical);
        assert!(Scalar::from_be_bytes(&[0xff; 32]).is_err());
        r[31] -= 1; // r ends in 01
        let minus_one = Scalar::from_be_bytes(&r).unwrap();
        assert_eq!(minus_one.to_be_bytes().expose(), &r);
        assert!(bool::from(minus_one.add(&Scalar::from_u64(1)).is_zero()));
        assert_eq!(minus_one.mul(&minus_one), Scalar::from_u64(1));
        r[30] = 1;
        assert!(Scalar::from_be_bytes(&r).is_err());
    }

    #[test]
    fn wide_reduction_is_modulo_r() {
        let mut wide = [0; 48];
        wide[47] = 9;
        assert_eq!(Scalar::from_wide(&wide), Scalar::from_u64(9));
        let two_64 = Scalar::from_u64(1 << 32).mul(&Scalar::from_u64(1 << 32));
        let two_320 = (0..4).fold(two_64.duplicate(), |a, _| a.mul(&two_64));
        wide[7] = 1;
        assert_eq!(Scalar::from_wide(&wide), two_320.add(&Scalar::from_u64(9)));
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Scalar::from_u64(77)), "Scalar(..)");
    }
}
