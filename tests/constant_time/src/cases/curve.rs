//! Scalars, points and the pairing.

use ibake::curve::{
    G1, G2, G2Prepared, G2Table, Gt, GtTable, Scalar, pairing, pairing_prepared, pairing_product_is_one,
};
use subtle::ConstantTimeEq;

use super::Case;
use crate::probe::Probe;

pub const CASES: &[Case] = &[
    ("scalar-decode", decode),
    ("scalar-wide", wide),
    ("scalar-random", random),
    ("scalar-arithmetic", arithmetic),
    ("g1-arithmetic", g1_arithmetic),
    ("g1-multiply", g1_multiply),
    ("g1-multiply-secret-point", g1_multiply_secret_point),
    ("g1-multiply-generator", g1_multiply_generator),
    ("g1-decode-secret", g1_decode_secret),
    ("g1-hash", g1_hash),
    ("g2-arithmetic", g2_arithmetic),
    ("g2-multiply", g2_multiply),
    ("g2-multiply-generator", g2_multiply_generator),
    ("g2-multiply-table", g2_multiply_table),
    ("gt-arithmetic", gt_arithmetic),
    ("gt-power", gt_power),
    ("gt-power-table", gt_power_table),
    ("pairing-secret-point", pairing_secret_point),
    ("pairing-prepared", pairing_with_prepared),
    ("pairing-product", pairing_product),
];

fn scalar(p: &Probe, byte: u8) -> Scalar {
    Scalar::from_wide(&p.secret_array([byte; 48]))
}

/// A point that is known to nobody, with the mark.
fn secret_point(p: &Probe) -> G1 {
    let bytes = G1::hash(b"some point", b"TEST").to_compressed();
    G1::decode_secret(&p.secret_array(bytes)).expect("a point")
}

fn g1(p: &Probe, point: &G1) {
    p.tainted(&point.to_compressed());
    p.tainted(&point.to_uncompressed());
}

fn g2(p: &Probe, point: &G2) {
    p.tainted(&point.to_compressed());
    p.tainted(&point.to_uncompressed());
}

fn gt(p: &Probe, value: &Gt) {
    p.tainted(value.to_bytes().expose());
}

fn decode(p: &Probe) {
    let k = Scalar::from_be_bytes(&p.secret_array([0x21; 32])).expect("below the order");
    p.tainted(k.to_be_bytes().expose());
}

fn wide(p: &Probe) {
    p.tainted(scalar(p, 0xa7).to_be_bytes().expose());
}

fn random(p: &Probe) {
    let k = Scalar::random(&mut p.rng()).expect("the generator works");
    p.tainted(k.to_be_bytes().expose());
}

fn arithmetic(p: &Probe) {
    let (a, b) = (scalar(p, 3), scalar(p, 4));
    p.tainted(a.add(&b).to_be_bytes().expose());
    p.tainted(a.mul(&b).to_be_bytes().expose());
    p.tainted(a.duplicate().to_be_bytes().expose());
    p.tainted(&[a.ct_eq(&b).unwrap_u8(), a.is_zero().unwrap_u8()]);
}

fn g1_arithmetic(p: &Probe) {
    let (a, b) = (secret_point(p), G1::generator());
    g1(p, &a.add(&b));
    g1(p, &a.double());
    g1(p, &a.neg());
    p.tainted_in_part(&G1::conditional_select(&b, &b.double(), a.ct_eq(&b)).to_compressed());
    p.tainted(&[a.ct_eq(&b).unwrap_u8(), a.is_identity().unwrap_u8()]);
}

fn g1_multiply(p: &Probe) {
    g1(p, &G1::hash(b"an identity", b"TEST").mul(&scalar(p, 5)));
}

fn g1_multiply_secret_point(p: &Probe) {
    g1(p, &secret_point(p).mul(&scalar(p, 6)));
}

fn g1_multiply_generator(p: &Probe) {
    g1(p, &G1::mul_generator(&scalar(p, 7)));
}

/// blst's own decompression branches on the encoding (`traps.rs` shows it); the decoder of secrets must not.
fn g1_decode_secret(p: &Probe) {
    g1(p, &secret_point(p));
}

fn g1_hash(p: &Probe) {
    g1(p, &G1::hash(&p.secret_array([0x11; 40]), b"TEST"));
}

fn g2_arithmetic(p: &Probe) {
    let (a, b) = (G2::generator().mul(&scalar(p, 8)), G2::generator());
    g2(p, &a.add(&b));
    g2(p, &a.double());
    g2(p, &a.neg());
    p.tainted_in_part(&G2::conditional_select(&b, &b.double(), a.ct_eq(&b)).to_compressed());
    p.tainted(&[a.ct_eq(&b).unwrap_u8(), a.is_identity().unwrap_u8()]);
}

fn g2_multiply(p: &Probe) {
    g2(p, &G2::hash(b"some point", b"TEST").mul(&scalar(p, 9)));
}

fn g2_multiply_generator(p: &Probe) {
    g2(p, &G2::mul_generator(&scalar(p, 10)));
}

fn g2_multiply_table(p: &Probe) {
    g2(p, &G2Table::new(&G2::hash(b"some point", b"TEST")).mul(&scalar(p, 11)));
}

fn gt_arithmetic(p: &Probe) {
    let a = pairing(&secret_point(p), &G2::generator());
    let b = pairing(&G1::generator(), &G2::generator());
    gt(p, &a.mul(&b));
    gt(p, &a.mul(&b.conjugate()));
    p.tainted_in_part(a.conjugate().to_bytes().expose());
    p.tainted(&[a.ct_eq(&b).unwrap_u8()]);
}

fn gt_power(p: &Probe) {
    gt(p, &pairing(&G1::generator(), &G2::generator()).pow(&scalar(p, 12)));
}

fn gt_power_table(p: &Probe) {
    let base = pairing(&secret_point(p), &G2::generator());
    gt(p, &GtTable::new(&base).pow(&scalar(p, 13)));
}

fn pairing_secret_point(p: &Probe) {
    gt(p, &pairing(&secret_point(p), &G2::generator()));
}

fn pairing_with_prepared(p: &Probe) {
    gt(p, &pairing_prepared(&secret_point(p), G2Prepared::generator()));
}

fn pairing_product(p: &Probe) {
    let (d, lines) = (secret_point(p), G2Prepared::generator());
    let verdict = pairing_product_is_one(&[(&d, lines), (&d.neg(), lines)]);
    p.tainted(&[verdict.unwrap_u8()]);
}
