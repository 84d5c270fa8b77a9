//! Eight at a time, on the emulated lane: the same source as the one for AVX-512, which valgrind does not know.

use ibake::curve::{G1, G2, pairing};
use ibake::simd::{Engine, FixedG2, ROW, ROWS};

use super::Case;
use crate::probe::Probe;

pub const CASES: &[Case] = &[
    ("lockstep-pairings", pairings),
    ("lockstep-multiply-g1", multiply_g1),
    ("lockstep-multiply-fixed-g2", multiply_fixed_g2),
    ("lockstep-hash-g1", hash_g1),
    ("lockstep-decode-g1", decode_g1),
    ("lockstep-weighted-sum", weighted_sum),
    ("lockstep-prepared-products", prepared_products),
    ("lockstep-powers-gt", powers_gt),
];

fn points(p: &Probe) -> [[u8; 96]; 3] {
    let point = G1::hash(b"some point", b"TEST");
    [point.clone(), G1::identity(), point.double()].map(|point| p.secret_array(point.to_uncompressed()))
}

fn pairings(p: &Probe) {
    let (points, q) = (points(p), G2::generator().to_uncompressed());
    let items: Vec<_> = points.iter().map(|point| (point, &q)).collect();
    Engine::emulated().pairings(&items).iter().for_each(|gt| p.tainted(gt.expose()));
}

fn multiply_g1(p: &Probe) {
    let points = points(p);
    let parts: Vec<[u128; 2]> = (0..3u8).map(|i| [1, 2].map(|k| number(p, i * k))).collect();
    let items: Vec<_> = points.iter().zip(&parts).collect();
    Engine::emulated().multiply_g1(&items).iter().for_each(|point| p.tainted(point.expose()));
}

fn multiply_fixed_g2(p: &Probe) {
    let base = G2::generator();
    let multiples: Vec<_> = (0..ROWS * ROW).map(|_| base.to_uncompressed()).collect();
    let table = FixedG2::new(&multiples);
    let parts: Vec<[u64; 4]> = (0..3u8).map(|i| [1, 2, 3, 4].map(|k| number(p, i * k) as u64)).collect();
    Engine::emulated().multiply_fixed_g2(&table, &parts).iter().for_each(|point| p.tainted(point));
}

fn hash_g1(p: &Probe) {
    let bytes = [p.secret_array([7; 128]), p.secret_array([0; 128])];
    let points = Engine::emulated().hash_g1(&bytes, true);
    points.iter().for_each(|point| p.tainted(point));
    Engine::emulated().clear_cofactor(&[&points[0]]).iter().for_each(|point| p.tainted(point));
}

/// A point, one outside of the subgroup, one that is none, and what is no encoding.
fn decode_g1(p: &Probe) {
    let mut keys = [[0; 48]; 4];
    keys[0] = G1::hash(b"some point", b"TEST").to_compressed();
    (keys[1][0], keys[2][0], keys[2][47], keys[3][0]) = (0x80, 0x80, 1, 0xff);
    let keys = keys.map(|key| p.secret_array(key));
    Engine::emulated().decode_g1(&keys.each_ref()).iter().for_each(|(point, _)| p.tainted(point.expose()));
}

fn weighted_sum(p: &Probe) {
    let points = points(p);
    // Every window of both halves is used.
    let weights = [u128::MAX / 255 * 17, u128::MAX / 255 * 29, u128::MAX / 255 * 83];
    let sums = Engine::emulated().weighted_sum_g1_vartime(&points.each_ref(), &weights);
    sums.iter().for_each(|point| p.tainted(point.expose()));
}

fn prepared_products(p: &Probe) {
    let points = points(p);
    let q = Engine::emulated().prepare_g2(&G2::generator().to_uncompressed());
    let items: Vec<_> = points.iter().map(|point| [point, &points[0]]).collect();
    let products = Engine::emulated().prepared_products(&[&q, &q], &items);
    products.iter().for_each(|gt| p.tainted(gt.expose()));
}

fn powers_gt(p: &Probe) {
    let value = p.secret_array(*pairing(&G1::generator(), &G2::generator()).to_bytes().expose());
    let parts: Vec<[u64; 4]> = (0..3u8).map(|i| [1, 2, 3, 4].map(|k| number(p, i * k) as u64)).collect();
    let items: Vec<_> = parts.iter().map(|parts| (&value, parts)).collect();
    Engine::emulated().powers_gt(&items).iter().for_each(|gt| p.tainted(gt.expose()));
}

fn number(p: &Probe, seed: u8) -> u128 {
    u128::from_be_bytes(p.secret_array([seed.wrapping_mul(29); 16]))
}
