//! The public point types.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use once_cell::race::OnceBox;
use subtle::{Choice, ConstantTimeEq};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::backend::{Backend, Group, Point};
use super::fixed::FixedBase;
use super::scalar::Scalar;
use super::{Active, decode, sum};
use crate::declassify;
use crate::error::{DecodeError, DecodeReason};
use crate::secret::Secret;

type Raw1 = <Active as Backend>::G1;
type Raw2 = <Active as Backend>::G2;

macro_rules! point_type {
    ($name:ident, $raw:ident, $bytes:literal, $what:literal) => {
        impl $name {
            /// The standard generator.
            pub fn generator() -> Self {
                Self(Point::generator())
            }

            /// The point at infinity.
            pub fn identity() -> Self {
                Self(Group::identity())
            }

            /// RFC 9380 `hash_to_curve` of `msg` under the domain separation tag `dst` (1 to 255 bytes; a longer one is
            /// hashed as RFC 9380 section 5.3.3 says).
            ///
            /// # Timing
            /// Constant in the bytes of `msg`, not in its length. An empty `dst` is outside the RFC.
            ///
            /// Source: RFC 9380 section 8.8, the `XMD:SHA-256_SSWU_RO_` suite of this group.
            pub fn hash(msg: &[u8], dst: &[u8]) -> Self {
                Self(Point::hash(msg, dst))
            }

            /// `[k]self`.
            ///
            /// # Timing
            /// Constant in both (but for `k = 0` and the point at infinity).
            pub fn mul(&self, k: &Scalar) -> Self {
                Self(Point::mul(&self.0, k.limbs()))
            }

            /// `self + other`, complete and constant time.
            pub fn add(&self, other: &Self) -> Self {
                Self(Group::add(&self.0, &other.0))
            }

            /// `self + self`, constant time.
            pub fn double(&self) -> Self {
                Self(Group::double(&self.0))
            }

            /// `-self`, constant time.
            pub fn neg(&self) -> Self {
                Self(Group::neg_if(&self.0, Choice::from(1)))
            }

            /// Whether this is the point at infinity.
            pub fn is_identity(&self) -> Choice {
                Point::is_identity(&self.0)
            }

            /// `b` where `choice` is set, otherwise `a`; both are read.
            pub fn conditional_select(a: &Self, b: &Self, choice: Choice) -> Self {
                Self(Point::select(&a.0, &b.0, choice))
            }

            /// The compressed ZCash encoding; constant time but for infinity.
            pub fn to_compressed(&self) -> [u8; $bytes] {
                Point::to_compressed(&self.0)
            }

            /// The uncompressed ZCash encoding; constant time but for infinity.
            pub fn to_uncompressed(&self) -> [u8; 2 * $bytes] {
                Point::to_uncompressed(&self.0)
            }

            /// Reads a public compressed point; infinity allowed.
            ///
            /// # Errors
            /// Not canonical, not on the curve, not in the subgroup.
            ///
            /// # Timing
            /// Variable in the bytes.
            pub fn from_compressed(bytes: &[u8; $bytes]) -> Result<Self, DecodeError> {
                decode::from_compressed(bytes).map(Self).map_err(|reason| DecodeError::new($what, reason))
            }

            /// Reads a public uncompressed point; infinity allowed.
            ///
            /// # Errors
            /// Not canonical, not on the curve, not in the subgroup.
            ///
            /// # Timing
            /// Variable in the bytes.
            pub fn from_uncompressed(bytes: &[u8; 2 * $bytes]) -> Result<Self, DecodeError> {
                decode::from_uncompressed(bytes).map(Self).map_err(|reason| DecodeError::new($what, reason))
            }

            /// Reads the public point of a protocol field: compressed, of exactly its length, not infinity.
            ///
            /// # Errors
            /// Names the field `what`: wrong length, not canonical, not on the curve, not in the subgroup, infinity.
            ///
            /// # Timing
            /// Variable in the bytes.
            pub fn decode(what: &'static str, bytes: &[u8]) -> Result<Self, DecodeError> {
                decode::decode(bytes).map(Self).map_err(|reason| DecodeError::new(what, reason))
            }

            /// Reads an uncompressed point that this process has computed itself, infinity included. Neither its range
            /// nor the subgroup is checked: never for bytes from outside.
            ///
            /// # Errors
            /// Not on the curve, which computed bytes never are.
            ///
            /// # Timing
            /// Constant but for the verdict.
            pub(crate) fn from_trusted(bytes: &[u8; 2 * $bytes]) -> Result<Self, DecodeError> {
                let (point, on_curve) = Point::from_computed(bytes);
                match declassify::verdict("computed point is on the curve", on_curve) {
                    true => Ok(Self(point)),
                    false => Err(DecodeError::new($what, DecodeReason::NotOnCurve)),
                }
            }

            /// The point as it leaves the secret realm under the given name; see [`crate::declassify`].
            #[cfg(not(feature = "declassify"))]
            #[inline(always)]
            pub(crate) fn published(self, _: &'static str) -> Self {
                self
            }

            /// The point as it leaves the secret realm under the given name; see [`crate::declassify`].
            #[cfg(feature = "declassify")]
            pub(crate) fn published(self, point: &'static str) -> Self {
                let bytes = self.to_uncompressed();
                crate::declassify::published(point, &bytes);
                Self::from_uncompressed(&bytes).unwrap_or(self)
            }

            pub(super) const fn raw(&self) -> &$raw {
                &self.0
            }
        }

        impl ConstantTimeEq for $name {
            fn ct_eq(&self, other: &Self) -> Choice {
                Point::ct_eq(&self.0, &other.0)
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.ct_eq(other).into()
            }
        }

        impl Eq for $name {}

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }

        impl Zeroize for $name {
            fn zeroize(&mut self) {
                self.0.wipe();
            }
        }

        impl Drop for $name {
            fn drop(&mut self) {
                self.0.wipe();
            }
        }

        impl ZeroizeOnDrop for $name {}
    };
}

/// A point of G1: identities `Q_ID`, private keys `d_ID`.
///
/// Shape: 48 bytes compressed, 96 uncompressed. May be secret: wiped on drop, nothing in `Debug`, compared in constant
/// time, not `Copy`. `Clone`, because public points are passed around.
#[derive(Clone)]
pub struct G1(Raw1);

/// A point of G2: public keys `P_pub`, KEM elements `U`.
///
/// Shape: 96 bytes compressed, 192 uncompressed. Wiped on drop, nothing in `Debug`, compared in constant time.
#[derive(Clone)]
pub struct G2(Raw2);

point_type!(G1, Raw1, 48, "G1 point");
point_type!(G2, Raw2, 96, "G2 point");

impl G1 {
    /// `[z_1]P_1 + .. + [z_n]P_n`; complete, so points may repeat or cancel. The points are uncompressed and, as those of
    /// [`G1::from_trusted`], computed by this process.
    ///
    /// # Errors
    /// One is not on the curve, which computed bytes never are.
    ///
    /// # Timing
    /// Constant in the points (but for infinity), variable in the weights. See `sum.rs`.
    pub(crate) fn weighted_sum_vartime(points: &[&[u8; 96]], weights: &[u128]) -> Result<Self, DecodeError> {
        Self::weighted_sum_by(points, weights, sum::weighted_sum)
    }

    /// The same of public points, variable in all.
    ///
    /// # Errors
    /// As [`G1::weighted_sum_vartime`].
    pub(crate) fn public_sum_vartime(points: &[&[u8; 96]], weights: &[u128]) -> Result<Self, DecodeError> {
        Self::weighted_sum_by(points, weights, |p, z| {
            Active::sum_public(p, z).unwrap_or_else(|| sum::weighted_sum(p, z))
        })
    }

    fn weighted_sum_by(
        points: &[&[u8; 96]],
        weights: &[u128],
        sum: impl Fn(&[<Raw1 as Group>::Entry], &[u128]) -> Raw1,
    ) -> Result<Self, DecodeError> {
        let mut on_curve = Choice::from(1);
        let read = |p: &&[u8; 96]| {
            let (entry, known) = Raw1::read_entry(p);
            on_curve &= known;
            entry
        };
        let mut entries: Vec<_> = points.iter().map(read).collect();
        let out = Self(sum(&entries, weights));
        Raw1::wipe_entries(&mut entries);
        match declassify::verdict("computed point is on the curve", on_curve) {
            true => Ok(out),
            false => Err(DecodeError::new("G1 point", DecodeReason::NotOnCurve)),
        }
    }

    /// Uncompressed encodings of many points, for one inversion.
    ///
    /// # Timing
    /// Constant but for infinity.
    pub(crate) fn to_uncompressed_all(points: &[Self]) -> Vec<Secret<96>> {
        let mut raw: Vec<Raw1> = points.iter().map(|p| p.0).collect();
        let bytes = Zeroizing::new(Raw1::to_uncompressed_all(&raw));
        raw.iter_mut().for_each(Group::wipe);
        bytes.iter().map(|b| Secret::new(*b)).collect()
    }

    /// Points of the curve, uncompressed, that [`G1::clear_cofactor`] turns into the hashes of the messages: clearing is a
    /// homomorphism and may wait for a weighted sum. Which points they are depends on the backend.
    ///
    /// # Timing
    /// Variable in the messages.
    pub(crate) fn hash_uncleared_vartime(messages: &[&[u8]], dst: &[u8]) -> Vec<[u8; 96]> {
        Active::hash_uncleared(messages, dst)
    }

    /// What [`G1::hash_uncleared_vartime`] leaves to be done.
    pub(crate) fn clear_cofactor(&self) -> Self {
        Self(Active::clear_cofactor(&self.0))
    }

    /// Reads a secret compressed point: an issued or a stored private key. Infinity is refused.
    ///
    /// # Errors
    /// Not canonical, not on the curve, not in the subgroup, infinity.
    ///
    /// # Timing
    /// Constant but for the verdict; [`G1::decode`] is not, it branches on the sign of `y`.
    pub fn decode_secret(bytes: &[u8; 48]) -> Result<Self, DecodeError> {
        decode::decode_secret::<Active>(bytes).map(Self).map_err(|reason| DecodeError::new("private key", reason))
    }

    /// `[k]P1`.
    ///
    /// # Timing
    /// Constant in `k`.
    pub fn mul_generator(k: &Scalar) -> Self {
        static TABLE: OnceBox<FixedBase<Raw1>> = OnceBox::new();
        Self(TABLE.get_or_init(|| Box::new(FixedBase::new(&Point::generator()))).mul(k.limbs()))
    }
}

impl G2 {
    /// `[k]P2`.
    ///
    /// # Timing
    /// Constant in `k`.
    pub fn mul_generator(k: &Scalar) -> Self {
        static TABLE: OnceBox<G2Table> = OnceBox::new();
        TABLE.get_or_init(|| Box::new(G2Table::new(&Self::generator()))).mul(k)
    }
}

/// A table of multiples of one public point of G2, for many multiplications (see `fixed.rs`; 66 KB).
#[derive(Clone)]
pub struct G2Table(FixedBase<Raw2>);

impl G2Table {
    /// Computes the table, which costs as much as four or five multiplications.
    pub fn new(point: &G2) -> Self {
        Self(FixedBase::new(&point.0))
    }

    /// `[k]` times the point.
    ///
    /// # Timing
    /// Constant in `k`.
    pub fn mul(&self, k: &Scalar) -> G2 {
        G2(self.0.mul(k.limbs()))
    }
}

impl fmt::Debug for G2Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("G2Table(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::DecodeReason;
    use alloc::format;

    #[test]
    fn fixed_bases_agree_with_multiplication() {
        let k = Scalar::from_wide(&[0x5a; 48]);
        let q = G2::hash(b"some point", b"IBAKE-TEST");
        assert_eq!(G1::mul_generator(&k), G1::generator().mul(&k));
        assert_eq!(G2::mul_generator(&k), G2::generator().mul(&k));
        assert_eq!(G2Table::new(&q).mul(&k), q.mul(&k));
        assert!(bool::from(G2::mul_generator(&Scalar::from_u64(0)).is_identity()));
    }

    #[test]
    fn protocol_fields_are_finite_points_of_exact_length() {
        let inf = G2::identity().to_compressed();
        assert_eq!(G2::decode("U", &inf), Err(DecodeError::new("U", DecodeReason::Infinity)));
        assert!(G2::from_compressed(&inf).is_ok_and(|p| p == G2::identity()));
        let bytes = G1::generator().to_compressed();
        assert_eq!(G1::decode("d", &bytes), Ok(G1::generator()));
        assert_eq!(G1::decode_secret(&bytes), Ok(G1::generator()));
        assert_eq!(
            G1::decode("d", &bytes[..47]).unwrap_err().reason,
            DecodeReason::Truncated { expected: 48, got: 47 }
        );
        assert_eq!(G1::from_uncompressed(&G1::generator().to_uncompressed()), Ok(G1::generator()));
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?} {:?}", G1::generator(), G2::generator()), "G1(..) G2(..)");
    }
}
