//! The jobs of an engine. A new one: a function that marks its secrets with `secret` and hands every result to `result`, and a
//! line in `JOBS`. Nine items, so that a second group of eight has lanes without an item, one of them infinity.

use ibake::curve::{G1, G2};
use ibake::simd::{FixedG2, ROW, ROWS};

use crate::run::{Case, Run};

pub const JOBS: &[Case] = &[
    ("pairings", pairings),
    ("multiply-g1", multiply_g1),
    ("multiply-fixed-g2", multiply_fixed_g2),
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

/// What the jobs above do not reach by themselves.
fn operations(run: &Run) {
    let numbers: [[u8; 48]; 8] = core::array::from_fn(|i| run.secret([i as u8; 48]));
    run.engine.zeros(&numbers).iter().for_each(|mask| run.result(&mask.to_be_bytes()));
}

/// Part `k` of item `i`; those of the first item are 0.
fn number(i: u8, k: u8) -> u128 {
    u128::from_be_bytes([i.wrapping_mul(29).wrapping_mul(k); 16])
}
