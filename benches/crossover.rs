//! From how many items on a group that is not full is faster in lockstep than one by one: the constants of
//! `src/batch/lanes.rs`.
//!
//! `cargo bench --features hazmat --bench crossover`. A group of fewer than eight costs in lockstep what a full one costs, so
//! there is one number for each operation. Both sides take turns; processor time of one thread. An operation that gains a form
//! in lockstep gains an entry in `operations`.
#![allow(clippy::unwrap_used)]

#[path = "peers/by_hand.rs"]
mod by_hand;
#[path = "peers/timing.rs"]
mod timing;
#[path = "peers/world.rs"]
mod world;

use std::hint::black_box;
use std::time::Duration;

use ibake::batch::{self, Options, Pool, To};
use ibake::curve::{G1, G2, Scalar, pairing};
use ibake::ibe::kem::Recipient;
use ibake::ibe::{Name, Purpose};
use ibake::simd::{Engine, LANES, Point1, Point2};

use timing::{Clock, Plan, interleave, interleave_within};
use world::{NOW, World, rng};

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
    let weights = [1u128 << 100 | 3, 1 << 90 | 5];
    vec![
        Operation {
            constant: "PAIRINGS_FROM",
            lockstep: Box::new(move |n| {
                let items: Vec<_> = items.encoded[..n].iter().map(|(p, q)| (p, q)).collect();
                engine.pairings(&items).iter().map(|gt| gt.expose().to_vec()).collect()
            }),
            one_by_one: Box::new(|n| {
                items.points[..n].iter().map(|(p, q)| pairing(p, q).to_bytes().expose().to_vec()).collect()
            }),
        },
        Operation {
            constant: "POINTS_FROM (multiplication in G1)",
            lockstep: Box::new(move |n| {
                let items: Vec<_> = items.encoded[..n].iter().map(|(p, _)| (p, &weights)).collect();
                engine.multiply_g1(&items).iter().map(|p| p.expose().to_vec()).collect()
            }),
            one_by_one: Box::new(move |n| {
                let k = scalar(weights[0]).add(&scalar(weights[1]).mul(&scalar(ABS_X * ABS_X)));
                items.points[..n].iter().map(|(p, _)| p.mul(&k).to_uncompressed().to_vec()).collect()
            }),
        },
        Operation {
            constant: "POINTS_FROM (decoding in G1)",
            lockstep: Box::new(move |n| {
                let bytes: Vec<_> = items.points[..n].iter().map(|(p, _)| p.to_compressed()).collect();
                let decoded = engine.decode_g1(&bytes.iter().collect::<Vec<_>>());
                decoded.iter().map(|(p, _)| p.expose().to_vec()).collect()
            }),
            one_by_one: Box::new(move |n| {
                let bytes = items.points[..n].iter().map(|(p, _)| p.to_compressed());
                bytes.map(|b| G1::decode_secret(&b).unwrap().to_uncompressed().to_vec()).collect()
            }),
        },
        Operation {
            constant: "POINTS_FROM (decoding in G2)",
            lockstep: Box::new(move |n| {
                let bytes: Vec<_> = items.points[..n].iter().map(|(_, q)| q.to_compressed()).collect();
                let decoded = engine.decode_g2(&bytes.iter().collect::<Vec<_>>());
                decoded.iter().map(|(q, _)| q.to_vec()).collect()
            }),
            one_by_one: Box::new(move |n| {
                let bytes = items.points[..n].iter().map(|(_, q)| q.to_compressed());
                bytes.map(|b| G2::decode("Q", &b).unwrap().to_uncompressed().to_vec()).collect()
            }),
        },
    ]
}

const ABS_X: u128 = 0xd201_0000_0001_0000;

fn scalar(k: u128) -> Scalar {
    let mut bytes = [0; 32];
    bytes[16..].copy_from_slice(&k.to_be_bytes());
    Scalar::from_be_bytes(&bytes).unwrap()
}

/// From how many messages to one identity on its table is worth its price.
fn table() {
    let world = World::new();
    let parameters = &world.alice.parameters;
    let id = |i: usize| {
        let name = Name::parse(&format!("sip:user{i:05}@a.example")).unwrap();
        parameters.identity(name, Purpose::Decrypt, NOW).unwrap()
    };
    const N: usize = 256;
    let ids: Vec<_> = (0..N).map(id).collect();
    let cached = Recipient::cached(parameters, &ids[0]).unwrap();
    let cold: Vec<_> = ids.iter().map(|id| To::Identity(parameters, id)).collect();
    let warm: Vec<_> = (0..N).map(|_| To::Recipient(&cached)).collect();
    let one = Pool::new(1).unwrap();
    let options = Options { pool: Some(&one), ..Options::default() };
    let run = |to: &[To<'_>]| _ = black_box(batch::encapsulate(to, &options, &mut rng()).unwrap());
    // Elapsed time: the pool is another thread.
    let plan = Plan {
        clock: Clock::Wall,
        slice: Duration::from_millis(5),
        budget: Duration::from_secs(5),
        least: 5,
        most: 31,
    };
    let rounds = interleave_within(
        &mut [&mut || _ = black_box(Recipient::cached(parameters, &ids[0]).unwrap()), &mut || run(&cold), &mut || {
            run(&warm)
        }],
        &plan,
    );
    let [price, cold, warm] = [(0, 1), (1, N), (2, N)].map(|(i, n)| rounds.time(i).median / n as f64);
    println!("# a table takes {price:.1} us; a message {cold:.1} us without and {warm:.1} us with it");
    println!("CACHE_FROM = {:.0}", (price / (cold - warm)).ceil());
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
    table();
}
