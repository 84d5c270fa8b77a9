//! Pairings next to mcl, one at a time there and eight at a time here; and blst, which ties the figures to those of the other
//! benches. Microseconds for one pairing out of a batch of 64; everybody takes turns, processor time of one thread.
#![allow(clippy::unwrap_used)]

#[path = "../../peers/timing.rs"]
mod timing;

use std::hint::black_box;
use std::time::Duration;

use blst::{blst_fp12, blst_p1_affine, blst_p2_affine};
use ibake::curve::{G1, G2};
use ibake::simd::{Engine, Point1, Point2};

const N: usize = 64;

/// Coordinates as mcl reads them, behind the mark of a finite point.
fn text(coordinates: &[&[u8]]) -> String {
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    coordinates.iter().fold(String::from("1"), |all, c| all + " " + &hex(c))
}

fn mcl_points(p: &Point1, q: &Point2) -> (mcl_rust::G1, mcl_rust::G2) {
    let (mut a, mut b) = (mcl_rust::G1::zero(), mcl_rust::G2::zero());
    assert!(a.set_str(&text(&[&p[..48], &p[48..]]), 16));
    // mcl has the real coordinate first.
    assert!(b.set_str(&text(&[&q[48..96], &q[..48], &q[144..], &q[96..144]]), 16));
    (a, b)
}

fn mcl_pairing(p: &mcl_rust::G1, q: &mcl_rust::G2) -> mcl_rust::GT {
    let mut e = mcl_rust::GT::zero();
    mcl_rust::pairing(&mut e, p, q);
    e
}

fn main() {
    assert!(mcl_rust::init(mcl_rust::CurveType::BLS12_381));
    let (model, flags) = timing::processor();
    println!("# processor: {model}; flags: {flags}");
    let ours: Vec<_> = (0..N as u8).map(|i| (G1::hash(&[i], b"P"), G2::hash(&[i], b"Q"))).collect();
    let encoded: Vec<_> = ours.iter().map(|(p, q)| (p.to_uncompressed(), q.to_uncompressed())).collect();
    let mcl: Vec<_> = encoded.iter().map(|(p, q)| mcl_points(p, q)).collect();
    let blst_points = |(p, q): &(G1, G2)| -> (blst_p1_affine, blst_p2_affine) {
        let p = blst::min_sig::Signature::from_bytes(&p.to_compressed()).unwrap();
        let q = blst::min_sig::PublicKey::from_bytes(&q.to_compressed()).unwrap();
        (p.into(), q.into())
    };
    let blst: Vec<_> = ours.iter().map(blst_points).collect();

    // The same values: coefficients in hexadecimal, each library in an order of its own.
    for ((p, q), (mp, mq)) in blst.iter().zip(&mcl) {
        let bytes = blst_fp12::miller_loop(q, p).final_exp().to_bendian();
        let hex = |c: &[u8; 48]| c.iter().map(|b| format!("{b:02x}")).collect::<String>();
        let mut want: Vec<String> = bytes.as_chunks().0.iter().map(hex).collect();
        let e = mcl_pairing(mp, mq).get_str(16);
        let mut got: Vec<String> = e.split_ascii_whitespace().map(|c| format!("{c:0>96}")).collect();
        want.sort();
        got.sort();
        assert!(got == want, "mcl: results differ");
    }

    let engine = Engine::detect();
    let mut who: Vec<(String, Box<dyn FnMut() + '_>)> = Vec::new();
    if let Some(engine) = engine {
        let items: Vec<_> = encoded.iter().map(|(p, q)| (p, q)).collect();
        who.push((format!("ours, {} lane", engine.name()), Box::new(move || _ = black_box(engine.pairings(&items)))));
    }
    who.push(("mcl".into(), Box::new(|| mcl.iter().for_each(|(p, q)| _ = black_box(mcl_pairing(p, q))))));
    let by_blst = || blst.iter().for_each(|(p, q)| _ = black_box(blst_fp12::miller_loop(q, p).final_exp()));
    who.push(("blst".into(), Box::new(by_blst)));
    let mut turns: Vec<&mut dyn FnMut()> = who.iter_mut().map(|(_, run)| &mut **run as &mut dyn FnMut()).collect();
    let rounds = timing::interleave(&mut turns, 31, Duration::from_millis(20));
    println!("pairing by\tus\ttimes as long as the first");
    for (i, (name, _)) in who.iter().enumerate() {
        println!("{name}\t{:.1}\t{:.3}", rounds.time(i).median / N as f64, rounds.faster(0, i));
    }
}
