//! The three NIST prime curves (FIPS 186-5, SEC 2), generic over the curve; the only file that names their crates.

use alloc::vec::Vec;

use p256::elliptic_curve::point::AffineCoordinates;
use p256::elliptic_curve::subtle::ConditionallySelectable;
use p256::elliptic_curve::zeroize::{Zeroize, ZeroizeOnDrop};
use p256::elliptic_curve::{CurveArithmetic, Field, FieldBytes, Group, PrimeField};

use super::{Exchange, SEED_BYTES, exact_reason};
use crate::declassify;
use crate::error::DecodeReason;
use crate::secret::{Secret, SecretVec};

pub(super) use p256::NistP256 as P256;
pub(super) use p384::NistP384 as P384;
pub(super) use p521::NistP521 as P521;

/// First byte of an uncompressed point (SEC 1 section 2.3.3).
const UNCOMPRESSED: u8 = 4;

/// What the generic code needs to know of a curve beside its arithmetic.
pub(super) trait Curve: CurveArithmetic {
    /// Bytes of a coordinate and of a scalar.
    const SIZE: usize;
    /// The field prime, big-endian, [`Self::SIZE`] bytes.
    const PRIME: &'static [u8];
}

impl Curve for P256 {
    const SIZE: usize = 32;
    const PRIME: &'static [u8] = &[
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    ];
}

impl Curve for P384 {
    const SIZE: usize = 48;
    const PRIME: &'static [u8] = &{
        let mut p = [0xff; 48];
        p[31] = 0xfe;
        let mut i = 36;
        while i < 44 {
            p[i] = 0;
            i += 1;
        }
        p
    };
}

impl Curve for P521 {
    const SIZE: usize = 66;
    const PRIME: &'static [u8] = &{
        let mut p = [0xff; 66];
        p[0] = 1;
        p
    };
}

/// A secret scalar in `1..n`.
pub(super) struct Key<C: Curve>(C::Scalar);

impl<C: Curve> Drop for Key<C> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<C: Curve> ZeroizeOnDrop for Key<C> {}

impl<C: Curve> Exchange for Key<C> {
    const SECRET_BYTES: usize = C::SIZE;
    const X: core::ops::Range<usize> = 1..1 + C::SIZE;

    fn from_seed(seed: &Secret<SEED_BYTES>) -> Self {
        // Horner's rule in base 2^64: twelve multiplications mod n, the same for all curves and constant in time.
        let base = C::Scalar::from(1 << 32).square();
        let mut k = C::Scalar::ZERO;
        for chunk in seed.expose().as_chunks::<8>().0 {
            k = k * base + C::Scalar::from(u64::from_be_bytes(*chunk));
        }
        let key = Self(C::Scalar::conditional_select(&k, &C::Scalar::ONE, k.is_zero()));
        k.zeroize();
        key
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut repr = FieldBytes::<C>::try_from(bytes).ok()?;
        let scalar = C::Scalar::from_repr(repr);
        repr.zeroize();
        let below = scalar.is_some();
        let key = Self(scalar.unwrap_or(C::Scalar::ZERO));
        declassify::verdict("Diffie-Hellman secret is in range", below & !key.0.is_zero()).then_some(key)
    }

    fn to_bytes(&self) -> SecretVec {
        let mut repr = self.0.to_repr();
        let out = SecretVec::new(repr.to_vec());
        repr.zeroize();
        out
    }

    fn share(&self) -> Vec<u8> {
        let point: C::AffinePoint = C::ProjectivePoint::mul_by_generator(&self.0).into();
        let mut out = Vec::with_capacity(1 + 2 * C::SIZE);
        out.push(UNCOMPRESSED);
        out.extend_from_slice(&point.x());
        out.extend_from_slice(&point.y());
        out
    }

    fn check(share: &[u8]) -> Result<(), DecodeReason> {
        decode::<C>(share).map(drop)
    }

    fn agree(&self, share: &[u8]) -> Result<SecretVec, DecodeReason> {
        let peer = C::ProjectivePoint::from(decode::<C>(share)?);
        let mut product: C::AffinePoint = (peer * self.0).into();
        let mut x = product.x();
        let out = SecretVec::new(x.to_vec());
        product.zeroize();
        x.zeroize();
        Ok(out)
    }

    fn agree_point(&self, share: &[u8]) -> Result<SecretVec, DecodeReason> {
        let peer = C::ProjectivePoint::from(decode::<C>(share)?);
        let mut product: C::AffinePoint = (peer * self.0).into();
        let (mut x, mut y) = (product.x(), product.y());
        let mut out = Vec::with_capacity(1 + 2 * C::SIZE);
        out.push(UNCOMPRESSED);
        out.extend_from_slice(&x);
        out.extend_from_slice(&y);
        product.zeroize();
        x.zeroize();
        y.zeroize();
        Ok(SecretVec::new(out))
    }
}

/// The point of an uncompressed share; the one place where a peer's point becomes arithmetic.
fn decode<C: Curve>(share: &[u8]) -> Result<C::AffinePoint, DecodeReason> {
    match share.split_first() {
        // SEC 1 writes the point at infinity as one zero byte.
        Some((0, [])) => return Err(DecodeReason::Infinity),
        // Compressed (2, 3) and hybrid (6, 7) forms are points too, but not the encoding that we hash.
        Some((tag, _)) if *tag != UNCOMPRESSED => return Err(DecodeReason::NotCanonical),
        _ => exact_reason(share, 1 + 2 * C::SIZE)?,
    }
    let coordinates = share.get(1..).unwrap_or(&[]);
    let (x, y) = coordinates.split_at_checked(C::SIZE).ok_or(DecodeReason::NotCanonical)?;
    if x >= C::PRIME || y >= C::PRIME {
        return Err(DecodeReason::NotCanonical);
    }
    let field = |bytes| FieldBytes::<C>::try_from(bytes).map_err(|_| DecodeReason::NotCanonical);
    // Fails exactly off the curve: canonical coordinates are already certain and infinity has none.
    C::AffinePoint::from_coordinates(&field(x)?, &field(y)?).into_option().ok_or(DecodeReason::NotOnCurve)
}
