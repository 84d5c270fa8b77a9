//! The target group, written multiplicatively.

use core::fmt;
use subtle::{Choice, ConstantTimeEq};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::Active;
use super::backend::{Backend, Target};
use super::power::{self, Powers};
use super::scalar::Scalar;
use crate::encoding::GT_BYTES;
use crate::secret::Secret;

type Raw = <Active as Backend>::Gt;

/// An element of Gt, the subgroup of order `r` of Fp12*.
///
/// Shape: 576 bytes (see [`crate::encoding`]). Secret: wiped on drop, nothing in `Debug`, compared in constant time.
/// `Clone`, because values of known peers are cached.
#[derive(Clone)]
pub struct Gt(Raw);

impl Gt {
    /// One.
    pub fn one() -> Self {
        Self(Raw::one())
    }

    /// `self * other`, constant time.
    pub fn mul(&self, other: &Self) -> Self {
        Self(self.0.mul(&other.0))
    }

    /// The inverse, which in Gt is the conjugate; constant time.
    pub fn conjugate(&self) -> Self {
        Self(self.0.conjugate_if(Choice::from(1)))
    }

    /// The 576 bytes that go into hashes.
    ///
    /// # Timing
    /// Constant.
    pub fn to_bytes(&self) -> Secret<GT_BYTES> {
        let mut out = Secret::zero();
        self.0.write(out.as_mut());
        out
    }

    /// `self^k`.
    ///
    /// # Timing
    /// Constant in both.
    pub fn pow(&self, k: &Scalar) -> Self {
        Self(power::pow(&self.0, k.limbs()))
    }

    pub(super) const fn from_raw(raw: Raw) -> Self {
        Self(raw)
    }
}

impl ConstantTimeEq for Gt {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

impl PartialEq for Gt {
    fn eq(&self, other: &Self) -> bool {
        self.ct_eq(other).into()
    }
}

impl Eq for Gt {}

impl fmt::Debug for Gt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gt(..)")
    }
}

impl Zeroize for Gt {
    fn zeroize(&mut self) {
        self.0.wipe();
    }
}

impl Drop for Gt {
    fn drop(&mut self) {
        self.0.wipe();
    }
}

impl ZeroizeOnDrop for Gt {}

/// A table of powers of one element of Gt, for many exponentiations (see `power.rs`; 27 KB). Wiped on drop.
#[derive(Clone)]
pub struct GtTable(Powers<Raw>);

impl GtTable {
    /// Computes the table, which costs as much as one [`Gt::pow`].
    pub fn new(base: &Gt) -> Self {
        Self(Powers::new(&base.0))
    }

    /// What the table was made of.
    pub fn base(&self) -> Gt {
        Gt(*self.0.base())
    }

    /// The base to the power `k`.
    ///
    /// # Timing
    /// Constant in `k` and in the base.
    pub fn pow(&self, k: &Scalar) -> Gt {
        Gt(self.0.pow(k.limbs()))
    }
}

impl fmt::Debug for GtTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GtTable(..)")
    }
}

impl ZeroizeOnDrop for GtTable {}
