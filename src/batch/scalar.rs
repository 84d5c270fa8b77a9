//! The engine that takes one item after the other, on the backend of `curve`.

use alloc::vec::Vec;

use super::lanes::{Point1, Point2};
use crate::curve::{G1, G2, G2Prepared, Scalar, pairing, pairing_prepared, pairing_product_is_one};
use crate::declassify;
use crate::encoding::{G1_BYTES, G2_BYTES, GT_BYTES};
use crate::error::DecodeError;
use crate::ibe::PublicParameters;
use crate::secret::Secret;
use crate::suite::DST_H1;

/// A point that has crossed the seam before.
///
/// # Panics
/// Never: what crosses it has been written by an engine or by `curve`, so it is on the curve.
pub(super) fn g1(bytes: &Point1) -> G1 {
    G1::from_trusted(bytes).expect("points inside a batch are computed here")
}

/// As [`g1`].
pub(super) fn g2(bytes: &Point2) -> G2 {
    G2::from_trusted(bytes).expect("points inside a batch are computed here")
}

fn secret(point: &G1) -> Secret<{ 2 * G1_BYTES }> {
    Secret::new(point.to_uncompressed())
}

pub(super) fn multiply(items: &[(&Point1, &Scalar)]) -> Vec<Secret<{ 2 * G1_BYTES }>> {
    G1::to_uncompressed_all(&items.iter().map(|(p, k)| g1(p).mul(k)).collect::<Vec<_>>())
}

pub(super) fn hash(identities: &[&[u8]]) -> Vec<Point1> {
    let hashes: Vec<_> = identities.iter().map(|der| G1::hash(der, DST_H1)).collect();
    G1::to_uncompressed_all(&hashes).iter().map(|q| *q.expose()).collect()
}

pub(super) fn hash_raw(identities: &[&[u8]]) -> Vec<Point1> {
    G1::hash_uncleared_vartime(identities, DST_H1)
}

pub(super) fn clear_cofactor(point: &Point1) -> Point1 {
    g1(point).clear_cofactor().to_uncompressed()
}

pub(super) fn decode_keys(keys: &[&[u8; G1_BYTES]]) -> Vec<Result<Secret<{ 2 * G1_BYTES }>, DecodeError>> {
    keys.iter().map(|bytes| G1::decode_secret(bytes).map(|d| secret(&d))).collect()
}

pub(super) fn weighted_sum(points: &[&Point1], weights: &[u128]) -> Secret<{ 2 * G1_BYTES }> {
    secret(&G1::weighted_sum_vartime(points, weights).expect("points inside a batch are computed here"))
}

pub(super) fn public_sum(points: &[&Point1], weights: &[u128]) -> Point1 {
    G1::public_sum_vartime(points, weights).expect("points inside a batch are computed here").to_uncompressed()
}

pub(super) fn verify_each(items: &[(&Point1, &Point1)], raw: bool, parameters: &PublicParameters) -> Vec<bool> {
    let one = |(d, q): &(&Point1, &Point1)| {
        let q = if raw { g1(q).clear_cofactor() } else { g1(q) };
        let product = [(&g1(d).neg(), G2Prepared::generator()), (&q, parameters.p_pub_prepared())];
        declassify::verdict("key of a batch is genuine", pairing_product_is_one(&product))
    };
    items.iter().map(one).collect()
}

pub(super) fn generator_multiples(scalars: &[Scalar]) -> Vec<Point2> {
    scalars.iter().map(|k| G2::mul_generator(k).to_uncompressed()).collect()
}

pub(super) fn powers(items: &[(&Point1, &Scalar, &PublicParameters)]) -> Vec<Secret<GT_BYTES>> {
    let one = |(q, k, parameters): &(&Point1, &Scalar, &PublicParameters)| {
        pairing_prepared(&g1(q).mul(k), parameters.p_pub_prepared()).to_bytes()
    };
    items.iter().map(one).collect()
}

/// The multiples 1 to `row` of `[2^(6j)]P`, for each `j` below `rows`. Public.
#[cfg(feature = "simd")]
pub(super) fn multiples_g2(point: &G2, rows: usize, row: usize) -> Vec<Point2> {
    let mut out = Vec::with_capacity(rows * row);
    let mut base = point.clone();
    for _ in 0..rows {
        let mut multiple = base.clone();
        for _ in 0..row {
            out.push(multiple.to_uncompressed());
            multiple = multiple.add(&base);
        }
        for _ in 0..6 {
            base = base.double();
        }
    }
    out
}

pub(super) fn decode_points(points: &[&[u8; G2_BYTES]]) -> Vec<Result<Point2, DecodeError>> {
    points.iter().map(|bytes| G2::decode("U", *bytes).map(|p| p.to_uncompressed())).collect()
}

pub(super) fn pairings(items: &[(&Point1, &Point2)]) -> Vec<Secret<GT_BYTES>> {
    items.iter().map(|(p, q)| pairing(&g1(p), &g2(q)).to_bytes()).collect()
}
