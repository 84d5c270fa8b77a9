//! What a backend must offer: the sealed trait [`Backend`] and the traits of its point and target groups.
//!
//! Everything above (fixed-base tables, powers in Gt, recodings, the decoding of secrets) is written once over these
//! traits. Values are plain `Copy` data inside this module; the public types wrap them, wipe them and
//! never are `Copy`.

use alloc::vec::Vec;
use subtle::Choice;

use crate::error::DecodeReason;

/// A scalar as four 64-bit limbs, lowest first, canonical (below the group order `r`).
pub(crate) type Limbs = [u64; 4];

pub(crate) mod sealed {
    /// Only the backends of this crate implement the traits.
    pub(crate) trait Sealed {}
}

/// An abelian group in which fixed-base tables work; the law is written additively.
///
/// All operations are complete (neutral element, doubling and inverses included) and constant time in all values.
pub(crate) trait Group: Copy + Send + Sync + 'static {
    /// The form in which tables hold elements (affine points).
    type Entry: Copy + Send + Sync + 'static;
    /// How many digits base `|endo|` a scalar has: 2 in G1, 4 in G2.
    const PARTS: usize;

    /// The neutral element.
    fn identity() -> Self;
    /// `self + other`.
    fn add(&self, other: &Self) -> Self;
    /// `self + self`.
    fn double(&self) -> Self;
    /// `-self` where `choice` is set, otherwise `self`.
    fn neg_if(&self, choice: Choice) -> Self;
    /// The endomorphism that acts as multiplication by `x` (G2) or by `-x^2` (G1), `x = -0xd201000000010000`.
    fn endo(&self) -> Self;
    /// `self + entry`.
    fn add_entry(&self, entry: &Self::Entry) -> Self;
    /// Replaces the first entry of each pair of indices by the sum of the two, with one inversion for all pairs; `false`, and
    /// nothing done, where the backend has no such way. No pair is read by another one, and in no pair are the two equal or
    /// opposite unless one of them is neutral: the caller sees to that.
    fn add_pairs(_entries: &mut [Self::Entry], _pairs: &[(usize, usize)]) -> bool {
        false
    }
    /// Overwrites entries that were read by a secret index.
    fn wipe_entries(entries: &mut [Self::Entry]);
    /// The elements as table entries.
    fn entries(elements: &[Self]) -> Vec<Self::Entry>;
    /// Entry number `index - 1` of `row`, or the neutral element for 0, negated where `negative` is set. Reads all of `row`.
    fn lookup(row: &[Self::Entry], index: u64, negative: Choice) -> Self::Entry;
    /// Overwrites the value with the neutral element, in a way that the compiler keeps.
    fn wipe(&mut self);
}

/// A group of points of the curve or its twist.
pub(crate) trait Point: Group {
    /// `[u8; 48]` or `[u8; 96]`.
    type Compressed: Copy + AsRef<[u8]> + AsMut<[u8]> + for<'a> TryFrom<&'a [u8]>;
    /// `[u8; 96]` or `[u8; 192]`.
    type Uncompressed: Copy + AsRef<[u8]> + AsMut<[u8]> + for<'a> TryFrom<&'a [u8]>;

    /// The standard generator.
    fn generator() -> Self;
    /// `[k]self`, constant time in both.
    fn mul(&self, k: &Limbs) -> Self;
    /// Whether this is the point at infinity.
    fn is_identity(&self) -> Choice;
    /// Equality of points.
    fn ct_eq(&self, other: &Self) -> Choice;
    /// `b` where `choice` is set, otherwise `a`.
    fn select(a: &Self, b: &Self, choice: Choice) -> Self;
    /// RFC 9380 `hash_to_curve`, random-oracle variant, XMD:SHA-256, SSWU.
    fn hash(msg: &[u8], dst: &[u8]) -> Self;
    /// RFC 9380 `encode_to_curve`, the non-uniform variant, which only the tests of the map use.
    #[cfg(test)]
    fn encode(msg: &[u8], dst: &[u8]) -> Self;
    /// RFC 9380 `map_to_curve` and cofactor clearing for one field element, given by canonical coefficients, lowest first.
    /// `None` where the backend does not publish it.
    #[cfg(test)]
    fn map(u: &[[u8; 48]]) -> Option<Self>;
    /// ZCash compressed encoding.
    fn to_compressed(&self) -> Self::Compressed;
    /// ZCash uncompressed encoding.
    fn to_uncompressed(&self) -> Self::Uncompressed;
    /// The finite point of a compressed encoding whose flags and range were already checked; `None` off the curve.
    fn from_checked_compressed(bytes: &Self::Compressed) -> Option<Self>;
    /// The finite point of an uncompressed encoding whose flags and ranges were already checked; `None` off the curve.
    fn from_checked_uncompressed(bytes: &Self::Uncompressed) -> Option<Self>;
    /// The point of an uncompressed encoding that was computed here, infinity included, and whether it is on the curve; without
    /// that the point is worthless. Constant time in everything.
    fn read_entry(bytes: &Self::Uncompressed) -> (Self::Entry, Choice);
    /// [`Point::to_uncompressed`] of many, with one inversion where the backend has such a way. Constant time but for infinity.
    fn to_uncompressed_all(points: &[Self]) -> Vec<Self::Uncompressed> {
        points.iter().map(Self::to_uncompressed).collect()
    }
    /// The point of an entry.
    fn from_entry(entry: &Self::Entry) -> Self;
    /// As [`Point::read_entry`].
    fn from_computed(bytes: &Self::Uncompressed) -> (Self, Choice) {
        let (mut entry, on_curve) = Self::read_entry(bytes);
        let point = Self::from_entry(&entry);
        Self::wipe_entries(core::slice::from_mut(&mut entry));
        (point, on_curve)
    }
    /// Whether a point of the curve is in the subgroup of order `r`.
    fn in_subgroup(&self) -> bool;
}

/// The target group, as elements of the cyclotomic subgroup of Fp12. Constant time in all values.
pub(crate) trait Target: Copy + Send + Sync + 'static {
    /// One.
    fn one() -> Self;
    /// `self * other`.
    fn mul(&self, other: &Self) -> Self;
    /// `self^2`, valid in the cyclotomic subgroup only.
    fn square(&self) -> Self;
    /// `self^(p^n)` for `n` in 1..=3.
    fn frobenius(&self, n: usize) -> Self;
    /// The inverse (in the cyclotomic subgroup) where `choice` is set, otherwise `self`.
    fn conjugate_if(&self, choice: Choice) -> Self;
    /// Element number `index` of `row`; reads all of `row`.
    fn lookup(row: &[Self], index: u64) -> Self;
    /// Equality.
    fn ct_eq(&self, other: &Self) -> Choice;
    /// The layout of [`crate::encoding`].
    fn write(&self, out: &mut [u8; crate::encoding::GT_BYTES]);
    /// Overwrites the value with one.
    fn wipe(&mut self);
}

/// One implementation of BLS12-381.
pub(crate) trait Backend: sealed::Sealed + 'static {
    /// Its name.
    const NAME: &'static str;
    /// Points of the curve over Fp.
    type G1: Point<Compressed = [u8; 48], Uncompressed = [u8; 96]>;
    /// Points of the twist over Fp2.
    type G2: Point<Compressed = [u8; 96], Uncompressed = [u8; 192]>;
    /// The target group.
    type Gt: Target;
    /// The lines of the Miller loop of one finite point of G2.
    type Lines: Send + Sync;

    /// `a + b mod r`.
    fn scalar_add(a: &Limbs, b: &Limbs) -> Limbs;
    /// `a * b mod r`.
    fn scalar_mul(a: &Limbs, b: &Limbs) -> Limbs;
    /// The big-endian number reduced mod `r`.
    fn scalar_from_wide(bytes: &[u8; 48]) -> Limbs;
    /// The point with coordinate `x` (canonical; 48 bytes big-endian) and the larger `y` where `larger` is set. The two
    /// choices say whether such a point is on the curve and in the subgroup; without them the point is worthless.
    /// Constant time in everything.
    fn lift_secret(x: &[u8; 48], larger: Choice) -> (Self::G1, Choice, Choice);
    /// Points of the curve, outside the subgroup, that [`Backend::clear_cofactor`] of the same backend turns into the hashes of the
    /// messages. Variable time. A backend that has no such way gives the hashes, and clears nothing.
    fn hash_uncleared(messages: &[&[u8]], dst: &[u8]) -> Vec<[u8; 96]> {
        messages.iter().map(|m| Self::G1::hash(m, dst).to_uncompressed()).collect()
    }
    /// What [`Backend::hash_uncleared`] leaves to be done, for each point or once for a sum of multiples of them.
    fn clear_cofactor(point: &Self::G1) -> Self::G1 {
        *point
    }
    /// `[z_1]P_1 + .. + [z_n]P_n`, as many weights as points, variable time in all, where the backend has a faster way for so many
    /// than one that is constant time in the points. Complete as well.
    fn sum_public(_points: &[<Self::G1 as Group>::Entry], _weights: &[u128]) -> Option<Self::G1> {
        None
    }
    /// The lines of a finite point.
    fn lines(q: &Self::G2) -> Self::Lines;
    /// Product of the pairings of finite points; one for the empty list.
    fn pair(terms: &[(&Self::G1, &Self::G2)]) -> Self::Gt;
    /// Product of the pairings of finite points with prepared ones; one for the empty list.
    fn pair_prepared(terms: &[(&Self::G1, &Self::Lines)]) -> Self::Gt;
}

/// Verdict on an encoding's flags: infinity, or a finite point.
pub(crate) type Flags = Result<bool, DecodeReason>;
