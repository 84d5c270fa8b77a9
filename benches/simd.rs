//! The arithmetic in lockstep: pairings on both lanes, next to blst, `bls12_381`, `bls12_381_plus` and arkworks, and the distance
//! to what the multiplier allows.
//!
//! `cargo bench --features hazmat --bench simd`. Microseconds for one pairing out of a batch of 64, points given, result in Gt;
//! all take turns, processor time of one thread, and all but arkworks are constant time. `mcl` stands in a package of its own
//! (`benches/mcl`), because its crate builds with CMake and a C++ compiler.
//!
//! Then single operations, nanoseconds for one instance: products in each field of the tower, sums of points, the two halves of
//! a pairing (`peers/operations.rs`). `-- --operations` prints these alone.
#![allow(clippy::unwrap_used)]

#[path = "peers/bound.rs"]
mod bound;
#[path = "peers/operations.rs"]
mod operations;
#[path = "peers/timing.rs"]
mod timing;

use std::hint::black_box;
use std::time::Duration;

use ark_ec::pairing::Pairing as _;
use blst::{blst_fp12, blst_p1_affine, blst_p2_affine};
use ibake::curve::{G1, G2, pairing};
use ibake::simd::{Engine, Point1, Point2};

use timing::interleave;

/// Pairings of a batch.
const N: usize = 64;

/// The same points for everybody, as each holds them.
struct Points {
    ours: Vec<(G1, G2)>,
    encoded: Vec<(Point1, Point2)>,
    blst: Vec<(blst_p1_affine, blst_p2_affine)>,
    zk: Vec<(bls12_381::G1Affine, bls12_381::G2Affine)>,
    plus: Vec<(bls12_381_plus::G1Affine, bls12_381_plus::G2Affine)>,
    ark: Vec<(ark_bls12_381::G1Affine, ark_bls12_381::G2Affine)>,
}

fn ark_decode<A: ark_ec::AffineRepr>(bytes: &[u8]) -> A {
    A::deserialize_compressed(bytes).unwrap()
}

fn ark_bytes<F: ark_ff::Field>(f: &F) -> Vec<u8> {
    let mut out = Vec::new();
    f.serialize_uncompressed(&mut out).unwrap();
    out
}

impl Points {
    fn new() -> Self {
        let ours: Vec<_> = (0..N as u8).map(|i| (G1::hash(&[i], b"P"), G2::hash(&[i], b"Q"))).collect();
        let bytes: Vec<_> = ours.iter().map(|(p, q)| (p.to_compressed(), q.to_compressed())).collect();
        let blst_points = |(p, q): &([u8; 48], [u8; 96])| {
            let p = blst::min_sig::Signature::from_bytes(p).unwrap();
            let q = blst::min_sig::PublicKey::from_bytes(q).unwrap();
            (p.into(), q.into())
        };
        let zk = |(p, q): &([u8; 48], [u8; 96])| {
            (bls12_381::G1Affine::from_compressed(p).unwrap(), bls12_381::G2Affine::from_compressed(q).unwrap())
        };
        let plus = |(p, q): &([u8; 48], [u8; 96])| {
            (
                bls12_381_plus::G1Affine::from_compressed(p).unwrap(),
                bls12_381_plus::G2Affine::from_compressed(q).unwrap(),
            )
        };
        Self {
            encoded: ours.iter().map(|(p, q)| (p.to_uncompressed(), q.to_uncompressed())).collect(),
            blst: bytes.iter().map(blst_points).collect(),
            zk: bytes.iter().map(zk).collect(),
            plus: bytes.iter().map(plus).collect(),
            ark: bytes.iter().map(|(p, q)| (ark_decode(p), ark_decode(q))).collect(),
            ours,
        }
    }

    fn lockstep(&self, engine: Engine, n: usize) -> Vec<Vec<u8>> {
        let items: Vec<_> = self.encoded[..n].iter().map(|(p, q)| (p, q)).collect();
        engine.pairings(&items).iter().map(|gt| gt.expose().to_vec()).collect()
    }

    /// The lanes and the scalar backend give the same bytes; the rivals the same coefficients, or where those cannot be had a
    /// bilinear map.
    fn check(&self, engines: &[Engine]) {
        let scalar: Vec<Vec<u8>> = self.ours.iter().map(|(p, q)| pairing(p, q).to_bytes().expose().to_vec()).collect();
        for engine in engines {
            assert!(self.lockstep(*engine, N) == scalar, "{}: results differ", engine.name());
        }
        // Everybody has an order of its own for the twelve coefficients.
        let sorted = |bytes: &[u8]| {
            let mut chunks: Vec<[u8; 48]> = bytes.as_chunks().0.to_vec();
            chunks.sort_unstable();
            chunks
        };
        for (i, want) in scalar.iter().enumerate() {
            let want = sorted(want);
            let (p, q) = &self.blst[i];
            assert!(sorted(&blst_fp12::miller_loop(q, p).final_exp().to_bendian()) == want, "blst: results differ");
            let (p, q) = &self.plus[i];
            assert!(sorted(&bls12_381_plus::pairing(p, q).to_bytes()) == want, "bls12_381_plus: results differ");
            let (p, q) = self.ark[i];
            let mut ark = ark_bytes(&ark_bls12_381::Bls12_381::pairing(p, q).0);
            ark.chunks_exact_mut(48).for_each(<[u8]>::reverse);
            assert!(sorted(&ark) == want, "arkworks: results differ");
            let (p, q) = &self.zk[i];
            let (twice_p, e) = ((p + bls12_381::G1Projective::from(p)).into(), bls12_381::pairing(p, q));
            assert!(bls12_381::pairing(&twice_p, q) == e + e, "bls12_381: not bilinear");
        }
    }
}

fn main() {
    // Cargo asks every bench for its tests.
    if std::env::args().any(|a| a == "--test" || a == "--list") {
        return;
    }
    let (model, flags) = timing::processor();
    println!("# processor: {model}; flags: {flags}");
    let avx512 = Engine::avx512();
    if avx512.is_none() {
        println!("# no AVX-512 IFMA here: the emulated lane alone");
    }
    if std::env::args().any(|a| a == "--operations") {
        return operations::print(avx512.unwrap_or(Engine::emulated()));
    }
    let points = Points::new();
    let engines: Vec<Engine> = avx512.into_iter().chain([Engine::emulated()]).collect();
    points.check(&engines);

    let slice = Duration::from_millis(20);
    let mut who: Vec<(String, Box<dyn FnMut() + '_>)> = Vec::new();
    for engine in &engines {
        let points = &points;
        who.push((
            format!("ours, {} lane", engine.name()),
            Box::new(move || _ = black_box(points.lockstep(*engine, N))),
        ));
    }
    who.push((
        format!("ours, one by one on {}", ibake::BACKEND),
        Box::new(|| points.ours.iter().for_each(|(p, q)| _ = black_box(pairing(p, q)))),
    ));
    who.push((
        "blst".into(),
        Box::new(|| points.blst.iter().for_each(|(p, q)| _ = black_box(blst_fp12::miller_loop(q, p).final_exp()))),
    ));
    who.push((
        "bls12_381".into(),
        Box::new(|| points.zk.iter().for_each(|(p, q)| _ = black_box(bls12_381::pairing(p, q)))),
    ));
    who.push((
        "bls12_381_plus".into(),
        Box::new(|| points.plus.iter().for_each(|(p, q)| _ = black_box(bls12_381_plus::pairing(p, q)))),
    ));
    who.push((
        "arkworks".into(),
        Box::new(|| points.ark.iter().for_each(|(p, q)| _ = black_box(ark_bls12_381::Bls12_381::pairing(*p, *q)))),
    ));
    let mut turns: Vec<&mut dyn FnMut()> = who.iter_mut().map(|(_, run)| &mut **run as &mut dyn FnMut()).collect();
    let rounds = interleave(&mut turns, 15, slice);
    drop(turns);

    println!("pairing by\tus\ttimes as long as the first");
    for (i, (name, _)) in who.iter().enumerate() {
        println!("{name}\t{:.1}\t{:.3}", rounds.time(i).median / N as f64, rounds.faster(0, i));
    }
    println!("# eight pairings in lockstep: {} multiply-adds at least", bound::PAIRINGS8);
    if let (Some(_), Some(ns)) = (avx512, bound::multiply_add_ns()) {
        let at_least = bound::PAIRINGS8 as f64 * ns / 8000.0;
        println!("# one takes {ns:.3} ns here, so a pairing at least {at_least:.1} us");
        println!("# ours takes {:.2} times that", rounds.time(0).median / N as f64 / at_least);
    }
    operations::print(avx512.unwrap_or(Engine::emulated()));
}
