//! Decoding of points: which bytes are an encoding at all, and the route for secret ones.
//!
//! ```text
//! first byte  C I S x x x x x      C compressed, I infinity, S the larger of the two y (compressed, finite only)
//! G1          x | y                48 bytes each, big-endian, below p
//! G2          x.c1 | x.c0 | y.c1 | y.c0
//! ```
//!
//! Exactly one encoding of each point is accepted: coordinates below `p`, no flag without meaning, and infinity only as
//! the flag(s) followed by zeros. The order of the checks, and so the reason given, is: flags and range, curve, subgroup.
//!
//! Source: draft-irtf-cfrg-pairing-friendly-curves appendix C (the encoding of ZCash).

use subtle::{Choice, ConstantTimeEq, ConstantTimeLess};

use super::backend::{Backend, Flags, Point};
use super::constants::P_BYTES;
use crate::declassify;
use crate::error::DecodeReason;

const COMPRESSED: u8 = 0x80;
const INFINITY: u8 = 0x40;
const LARGER: u8 = 0x20;

/// A public compressed point; infinity allowed.
///
/// # Timing
/// Variable in the bytes.
pub(crate) fn from_compressed<P: Point>(bytes: &P::Compressed) -> Result<P, DecodeReason> {
    match flags(bytes.as_ref(), COMPRESSED)? {
        true => Ok(P::identity()),
        false => in_subgroup(P::from_checked_compressed(bytes)),
    }
}

/// A public uncompressed point; infinity allowed.
///
/// # Timing
/// Variable in the bytes.
pub(crate) fn from_uncompressed<P: Point>(bytes: &P::Uncompressed) -> Result<P, DecodeReason> {
    match flags(bytes.as_ref(), 0)? {
        true => Ok(P::identity()),
        false => in_subgroup(P::from_checked_uncompressed(bytes)),
    }
}

/// The point of a protocol message: compressed, of exactly its length, not infinity.
///
/// # Timing
/// Variable in the bytes.
pub(crate) fn decode<P: Point>(bytes: &[u8]) -> Result<P, DecodeReason> {
    let expected = P::identity().to_compressed().as_ref().len();
    let Ok(array) = P::Compressed::try_from(bytes) else {
        return Err(match bytes.len().checked_sub(expected) {
            Some(extra) => DecodeReason::Trailing { extra },
            None => DecodeReason::Truncated { expected, got: bytes.len() },
        });
    };
    let point = from_compressed::<P>(&array)?;
    match bool::from(point.is_identity()) {
        true => Err(DecodeReason::Infinity),
        false => Ok(point),
    }
}

/// A secret compressed point of G1 (an issued or stored private key); infinity is refused.
///
/// # Timing
/// Constant for every valid encoding: the one branch asks whether all checks hold together. Only a refused encoding is
/// looked at further, for the reason.
pub(crate) fn decode_secret<B: Backend>(bytes: &[u8; 48]) -> Result<B::G1, DecodeReason> {
    let first = bytes[0];
    let mut x = zeroize::Zeroizing::new(*bytes);
    x[0] &= !(COMPRESSED | INFINITY | LARGER);
    let flags = (first & (COMPRESSED | INFINITY)).ct_eq(&COMPRESSED);
    let canonical = flags & is_below_p(&x);
    let (point, on_curve, in_subgroup) = B::lift_secret(&x, Choice::from((first & LARGER) >> 5));
    if declassify::verdict("secret point is valid", canonical & on_curve & in_subgroup) {
        return Ok(point);
    }
    Err(match (bool::from(canonical), bool::from(on_curve)) {
        _ if first == COMPRESSED | INFINITY && bytes[1..] == [0; 47] => DecodeReason::Infinity,
        (false, _) => DecodeReason::NotCanonical,
        (true, false) => DecodeReason::NotOnCurve,
        (true, true) => DecodeReason::NotInSubgroup,
    })
}

/// Checks flags and ranges of a public encoding; says whether it is infinity.
fn flags(bytes: &[u8], form: u8) -> Flags {
    let refused = Err(DecodeReason::NotCanonical);
    let (coordinates, _) = bytes.as_chunks::<48>();
    let Some(first) = coordinates.first() else { return refused };
    if first[0] & COMPRESSED != form {
        return refused;
    }
    if first[0] & INFINITY != 0 {
        let zeros = first[0] == form | INFINITY && bytes[1..].iter().all(|b| *b == 0);
        return if zeros { Ok(true) } else { refused };
    }
    if form == 0 && first[0] & LARGER != 0 {
        return refused;
    }
    let mut head = *first;
    head[0] &= !(COMPRESSED | INFINITY | LARGER);
    match head < P_BYTES && coordinates[1..].iter().all(|c| *c < P_BYTES) {
        true => Ok(false),
        false => refused,
    }
}

fn in_subgroup<P: Point>(point: Option<P>) -> Result<P, DecodeReason> {
    let point = point.ok_or(DecodeReason::NotOnCurve)?;
    if point.in_subgroup() { Ok(point) } else { Err(DecodeReason::NotInSubgroup) }
}

/// Whether the big-endian number is below `p`, without a branch.
fn is_below_p(x: &[u8; 48]) -> Choice {
    let (mut less, mut equal) = (Choice::from(0), Choice::from(1));
    for (a, b) in x.iter().zip(&P_BYTES) {
        less |= equal & a.ct_lt(b);
        equal &= a.ct_eq(b);
    }
    less
}
