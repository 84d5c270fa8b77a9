//! Eight at a time, on the emulated lane: the same source as the one for AVX-512, which valgrind does not know.

use ibake::curve::{G1, G2};
use ibake::simd::{Engine, FixedG2, ROW, ROWS};

use super::Case;
use crate::probe::Probe;

pub const CASES: &[Case] = &[
    ("lockstep-pairings", pairings),
    ("lockstep-multiply-g1", multiply_g1),
    ("lockstep-multiply-fixed-g2", multiply_fixed_g2),
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

fn number(p: &Probe, seed: u8) -> u128 {
    u128::from_be_bytes(p.secret_array([seed.wrapping_mul(29); 16]))
}
