//! The exchange: whole, in every suite, with and without cached peers, and message by message.
//!
//! `cargo bench --bench ibake`. Cold: the initiator prepares its peer once, for M1 and M3; the responder meets the initiator for the
//! first time. Cached: both keep each other. Names end in the timing towards secrets. Ratios in the same run are printed by
//! `examples/exchange_table.rs`.
#![allow(clippy::unwrap_used)]

#[path = "peers/by_hand.rs"]
mod by_hand;
#[path = "peers/world.rs"]
mod world;

use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup, Criterion, criterion_group, criterion_main};
use ibake::ibe::kem::Recipient;
use ibake::suite::Suite;

use by_hand::exchange;
use world::{NOW, Ours, World, guard, hand_exchange, rng};

fn group<'a>(c: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = c.benchmark_group(name);
    group.sample_size(20).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_millis(2000));
    group
}

fn whole(c: &mut Criterion) {
    let world = World::new();
    let (bob, district) = (&world.bob, &world.hand_districts[1]);
    let mut g = group(c, "exchange, both ends");
    let mut rng = rng();
    for suite in Suite::PREFERENCE {
        let (cold, (peer, known)) = (Ours::new(&world, suite, Vec::new()), world.cached());
        let cached = Ours::new(&world, suite, known);
        let mut guard = guard(&mut rng);
        g.bench_function(format!("{}/ours, cold/constant-time", suite.name()), |b| {
            b.iter(|| {
                let peer = Recipient::cached(&bob.parameters, &bob.identity).unwrap();
                cold.exchange(&peer, &mut guard, &mut rng)
            });
        });
        g.bench_function(format!("{}/ours, cached/constant-time", suite.name()), |b| {
            b.iter(|| cached.exchange(&peer, &mut guard, &mut rng));
        });
    }
    let suite = Suite::P256Aes256Gcm.name();
    g.bench_function(format!("{suite}/by hand, cold/variable-time"), |b| {
        b.iter(|| {
            let peer = by_hand::Recipient::for_two(district, &bob.hand_identity);
            hand_exchange(&world, &peer, None, &mut rng)
        });
    });
    let (peer, known) = world.hand_cached();
    g.bench_function(format!("{suite}/by hand, cached/variable-time"), |b| {
        b.iter(|| hand_exchange(&world, &peer, Some(&known), &mut rng));
    });
    g.finish();
}

/// What each message costs whom: the time to make M1, to take M1 and make M2, and so on.
fn messages(c: &mut Criterion) {
    let world = World::new();
    let (alice, bob) = (&world.alice, &world.bob);
    let mut rng = rng();
    let (peer, known) = world.cached();
    let mut g = group(c, "message, default suite, cached");
    let ours = Ours::new(&world, Suite::P256Aes256Gcm, known);
    let name = |n: u8| format!("M{n}/ours/constant-time");
    g.bench_function(name(1), |b| b.iter(|| ours.m1(&peer, &mut rng)));
    // Session identifiers must not repeat, so the generator goes on from one measurement to the next.
    let mut fresh = world::rng();
    let mut replies = guard(&mut rng);
    g.bench_function(name(2), |b| {
        b.iter_batched(
            || ours.m1(&peer, &mut fresh).1,
            |m1| ours.m2(&m1, &mut replies, &mut rng),
            BatchSize::SmallInput,
        );
    });
    let mut others = guard(&mut rng);
    g.bench_function(name(3), |b| {
        let mut drawn = world::rng();
        b.iter_batched(
            || {
                let (i, m1) = ours.m1(&peer, &mut fresh);
                (i, ours.m2(&m1, &mut others, &mut fresh).1)
            },
            |(i, m2)| i.receive(&m2, alice.key(), &peer, b"", NOW, &mut drawn).unwrap(),
            BatchSize::SmallInput,
        );
    });
    let (mut making, mut taking) = (guard(&mut rng), guard(&mut rng));
    g.bench_function(name(4), |b| {
        b.iter_batched(
            || {
                let (i, m1) = ours.m1(&peer, &mut rng);
                let (r, m2) = ours.m2(&m1, &mut making, &mut rng);
                (r, i.receive(&m2, alice.key(), &peer, b"", NOW, &mut rng).unwrap().1)
            },
            |(r, m3)| r.receive(&m3, &bob.keys, b"", &mut taking, NOW).unwrap(),
            BatchSize::SmallInput,
        );
    });

    let (peer, known) = world.hand_cached();
    let (alice, bob) = (&alice.hand_key, &bob.hand_key);
    let name = |n: u8| format!("M{n}/by hand/variable-time");
    g.bench_function(name(1), |b| b.iter(|| exchange::start(alice, &peer, &mut rng)));
    let (i, m1) = exchange::start(alice, &peer, &mut rng);
    let accept = |rng: &mut _| exchange::accept(&m1, bob, &world.hand_districts, Some(&known), rng).unwrap();
    g.bench_function(name(2), |b| b.iter(|| accept(&mut rng)));
    let (r, m2) = accept(&mut rng);
    g.bench_function(name(3), |b| {
        b.iter_batched(|| i.clone(), |i| i.receive(&m2, alice, &peer, &mut rng).unwrap(), BatchSize::SmallInput);
    });
    let (_, m3) = i.clone().receive(&m2, alice, &peer, &mut rng).unwrap();
    g.bench_function(name(4), |b| {
        b.iter_batched(|| r.clone(), |r| r.receive(&m3, bob).unwrap(), BatchSize::SmallInput);
    });
    g.finish();
}

criterion_group!(benches, whole, messages);
criterion_main!(benches);
