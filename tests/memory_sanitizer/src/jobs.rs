//! The jobs of an engine. A new one: a function that marks its secrets with `secret` and hands every result to `result`, and a
//! line in `JOBS`. Nine items, so that a second group of eight has lanes without an item, one of them infinity.

use ibake::curve::{G1, G2, pairing};
use ibake::simd::{FixedG2, ROW, ROWS};

use crate::run::{Case, Run};

pub const JOBS: &[Case] = &[
    ("pairings", pairings),
    ("multiply-g1", multiply_g1),
    ("multiply-fixed-g2", multiply_fixed_g2),
    ("prepared-products", prepared_products),
    ("powers-gt", powers_gt),
    ("hash-g1", hash_g1),
    ("decode-g1", decode_g1),
    ("decode-g2", decode_g2),
    ("weighted-sum", weighted_sum),
    ("operations", operations),
];

const ITEMS: u8 = 9;

/// Points, one of them infinity.
fn points(run: &Run) -> Vec<[u8; 96]> {
    let point = |i| if i == 3 { G1::identity() } else { G1::hash(&[i], b"TEST") };
    (0..ITEMS).map(|i| run.secret(point(i).to_uncompressed())).collect()
}

fn pairings(run: &Run) {
    let (points, q) = (points(run), run.secret(G2::generator().to_uncompressed()));
    let items: Vec<_> = points.iter().map(|point| (point, &q)).collect();
    run.engine.pairings(&items).iter().for_each(|gt| run.result(gt.expose()));
}

fn multiply_g1(run: &Run) {
    let points = points(run);
    let parts: Vec<[u128; 2]> = (0..ITEMS).map(|i| run.secret([1, 2].map(|k| number(i, k)))).collect();
    let items: Vec<_> = points.iter().zip(&parts).collect();
    run.engine.multiply_g1(&items).iter().for_each(|point| run.result(point.expose()));
}

fn multiply_fixed_g2(run: &Run) {
    let base = G2::generator();
    let multiples: Vec<_> = (0..ROWS * ROW).map(|_| base.to_uncompressed()).collect();
    let table = FixedG2::new(&multiples);
    let parts: Vec<[u64; 4]> = (0..ITEMS).map(|i| run.secret([1, 2, 3, 4].map(|k| number(i, k) as u64))).collect();
    run.engine.multiply_fixed_g2(&table, &parts).iter().for_each(|point| run.result(point));
}

fn prepared_products(run: &Run) {
    let points = points(run);
    let q = run.engine.prepare_g2(&G2::generator().to_uncompressed());
    let items: Vec<_> = points.iter().map(|point| [point, &points[0]]).collect();
    run.engine.prepared_products(&[&q, &q], &items).iter().for_each(|gt| run.result(gt.expose()));
}

fn powers_gt(run: &Run) {
    let value = run.secret(*pairing(&G1::generator(), &G2::generator()).to_bytes().expose());
    let parts: Vec<[u64; 4]> = (0..ITEMS).map(|i| run.secret([1, 2, 3, 4].map(|k| number(i, k) as u64))).collect();
    let items: Vec<_> = parts.iter().map(|parts| (&value, parts)).collect();
    run.engine.powers_gt(&items).iter().for_each(|gt| run.result(gt.expose()));
}

fn hash_g1(run: &Run) {
    let bytes: Vec<[u8; 128]> = (0..ITEMS).map(|i| run.secret([i; 128])).collect();
    let points = run.engine.hash_g1(&bytes, true);
    points.iter().for_each(|point| run.result(point));
    run.engine.clear_cofactor(&[&points[0]]).iter().for_each(|point| run.result(point));
}

/// Points, one outside of the subgroup, one that is none, and what is no encoding. Numbers not below p are left to valgrind: the
/// comparison is scalar code, and its borrows are not followed here.
fn decode_g1(run: &Run) {
    let key = |i: u8| match i {
        // x = 0: a point of order 3.
        3 => core::array::from_fn(|k| if k == 0 { 0x80 } else { 0 }),
        4 => [0x10; 48],
        5 => [0x80; 48],
        _ => G1::hash(&[i], b"TEST").to_compressed(),
    };
    let keys: Vec<[u8; 48]> = (0..ITEMS).map(|i| run.secret(key(i))).collect();
    for (point, valid) in run.engine.decode_g1(&keys.iter().collect::<Vec<_>>()) {
        run.result(point.expose());
        run.result(&[valid]);
    }
}

fn decode_g2(run: &Run) {
    let keys: Vec<[u8; 96]> = (0..ITEMS).map(|i| run.secret(G2::hash(&[i], b"TEST").to_compressed())).collect();
    for (point, valid) in run.engine.decode_g2(&keys.iter().collect::<Vec<_>>()) {
        run.result(&point);
        run.result(&[valid]);
    }
}

/// Every window of the weights is used.
fn weighted_sum(run: &Run) {
    let points = points(run);
    let weights: Vec<u128> = (0..ITEMS).map(|i| u128::MAX / 255 * u128::from(17 + 23 * i)).collect();
    let sums = run.engine.weighted_sum_g1_vartime(&points.iter().collect::<Vec<_>>(), &weights);
    sums.iter().for_each(|point| run.result(point.expose()));
}

/// What the jobs above do not reach by themselves.
fn operations(run: &Run) {
    let numbers: [[u8; 48]; 8] = core::array::from_fn(|i| run.secret([i as u8; 48]));
    run.engine.zeros(&numbers).iter().for_each(|mask| run.result(&mask.to_be_bytes()));
}

/// Part `k` of item `i`; those of the first item are 0.
fn number(i: u8, k: u8) -> u128 {
    u128::from_be_bytes([i.wrapping_mul(29).wrapping_mul(k); 16])
}
