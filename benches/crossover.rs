//! From how many items on a group that is not full is faster in lockstep than one by one: the constants of
//! `src/batch/lanes.rs`.
//!
//! `cargo bench --features hazmat --bench crossover`. A group of fewer than eight costs in lockstep what a full one costs, so
//! there is one number for each operation. Both sides take turns; processor time of one thread. An operation that gains a form
//! in lockstep gains an entry in `operations`.
#![allow(clippy::unwrap_used)]

#[path = "peers/timing.rs"]
mod timing;

use std::hint::black_box;
use std::time::Duration;

use ibake::curve::{G1, G2, pairing};
use ibake::simd::{Engine, LANES, Point1, Point2};

use timing::interleave;

/// The same items as an engine takes them and as the scalar backend holds them.
struct Items {
    encoded: Vec<(Point1, Point2)>,
    points: Vec<(G1, G2)>,
}

impl Items {
    fn new() -> Self {
        let points: Vec<_> = (0..LANES as u8).map(|i| (G1::hash(&[i], b"P"), G2::hash(&[i], b"Q"))).collect();
        Self { encoded: points.iter().map(|(p, q)| (p.to_uncompressed(), q.to_uncompressed())).collect(), points }
    }
}

/// An operation on the first `n` items, in both forms. `to_bytes` of both must agree.
struct Operation<'a> {
    constant: &'static str,
    lockstep: Box<dyn Fn(usize) -> Vec<Vec<u8>> + 'a>,
    one_by_one: Box<dyn Fn(usize) -> Vec<Vec<u8>> + 'a>,
}

fn operations(engine: Engine, items: &Items) -> Vec<Operation<'_>> {
    vec![Operation {
        constant: "PAIRINGS_FROM",
        lockstep: Box::new(move |n| {
            let items: Vec<_> = items.encoded[..n].iter().map(|(p, q)| (p, q)).collect();
            engine.pairings(&items).iter().map(|gt| gt.expose().to_vec()).collect()
        }),
        one_by_one: Box::new(|n| {
            items.points[..n].iter().map(|(p, q)| pairing(p, q).to_bytes().expose().to_vec()).collect()
        }),
    }]
}

fn main() {
    // Cargo asks every bench for its tests.
    if std::env::args().any(|a| a == "--test" || a == "--list") {
        return;
    }
    let (model, flags) = timing::processor();
    println!("# processor: {model}; flags: {flags}; scalar backend: {}", ibake::BACKEND);
    let Some(engine) = Engine::detect() else {
        println!("# no engine in lockstep here (or IBAKE_SIMD says so): nothing to compare");
        return;
    };
    println!("# engine: {}; microseconds for all items together, medians of 31 rounds", engine.name());
    println!("operation\titems\tlockstep_us\tone_by_one_us\tratio");
    let items = Items::new();
    for operation in operations(engine, &items) {
        let mut from = None;
        for n in 1..=LANES {
            assert!((operation.lockstep)(n) == (operation.one_by_one)(n), "{}: results differ", operation.constant);
            let rounds = interleave(
                &mut [&mut || _ = black_box((operation.lockstep)(n)), &mut || _ = black_box((operation.one_by_one)(n))],
                31,
                Duration::from_millis(5),
            );
            let (a, b, ratio) = (rounds.time(0).median, rounds.time(1).median, rounds.faster(0, 1));
            println!("{}\t{n}\t{a:.1}\t{b:.1}\t{:.3}", operation.constant, ratio.median);
            if ratio.median >= 1.0 && from.is_none() {
                from = Some(n);
            }
        }
        match from {
            Some(n) => println!("{} = {n}", operation.constant),
            None => println!("{}: never, not even for a full group", operation.constant),
        }
    }
}
