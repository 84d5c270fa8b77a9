//! Calls by MIKEY-IBAKE: whole, in every suite and both profiles, and message by message; next to them MIKEY-SAKKE's
//! cryptography by wolfSSL in the same run, where that is installed (`libwolfssl-dev` and a C compiler).
//!
//! `cargo bench --bench mikey`; `-- --table` for the table alone, which comes last: call set-ups in a second, and ratios. SAKKE
//! does less: one message, no answer, no forward secrecy, and its key server can read every call (RFC 6508 section 9). So the
//! ratio says what four messages cost in comparison, not which is better. Ours is constant time in secrets; wolfSSL is as its
//! package was built.
#![allow(clippy::unwrap_used)]

#[path = "peers/sakke.rs"]
mod sakke;
#[path = "../examples/mikey_scenarios/world.rs"]
#[allow(dead_code)] // what the scenes use
mod world;

use std::cell::RefCell;
use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup, Criterion};
use getrandom::SysRng;
use ibake::mikey::call::{AwaitI2, AwaitR1, AwaitR2, Demand, Outcome, ReplayCache, Reply};
use ibake::suite::Suite;

use sakke::{OPERATIONS, Sakke};
use world::{How, User, World, offer};

/// Two users, and the steps of their calls.
struct Calls {
    world: World,
    alice: User,
    bob: RefCell<User>,
    suite: Suite,
}

impl Calls {
    fn new(suite: Suite, demand: Demand) -> Self {
        let mut world = World::new().unwrap();
        world.settings.demand = demand;
        let alice = world.user(&["sip:alice@a.example"]).unwrap();
        let bob = RefCell::new(world.user(&["sip:bob@b.example"]).unwrap());
        Self { world, alice, bob, suite }
    }

    fn i1(&self) -> (AwaitR1, Vec<u8>) {
        let offer = ibake::mikey::call::CallOffer { suite: self.suite, ..offer() };
        self.world.dial_with(&self.alice, &self.bob.borrow().name().clone(), &offer).unwrap()
    }

    fn r1(&self, i1: &[u8]) -> (AwaitI2, Vec<u8>) {
        let mut bob = self.bob.borrow_mut();
        // So that it neither fills up nor knows the message.
        bob.replay = ReplayCache::new(10);
        self.world.answer(&mut bob, i1, How::Dialled).unwrap()
    }

    fn i2(&self, state: AwaitR1, r1: &[u8]) -> (AwaitR2, Vec<u8>) {
        match self.world.reply(&self.alice, state, r1).unwrap() {
            Reply::AsDialled(ready) => {
                ready.proceed(&self.world.end(&self.alice), self.world.now, &mut SysRng).unwrap()
            }
            Reply::Other(other) => panic!("{other:?}"),
        }
    }

    fn r2(&self, state: AwaitI2, i2: &[u8]) -> (Outcome, Vec<u8>) {
        self.world.second(&self.bob.borrow(), state, i2).unwrap()
    }

    fn end(&self, state: AwaitR2, r2: &[u8]) -> Outcome {
        self.world.last(&self.alice, state, r2).unwrap()
    }

    /// A whole call, and how long each step took.
    fn whole(&self) -> ([Duration; 5], Outcome) {
        let begin = Instant::now();
        let (dialled, i1) = self.i1();
        let at_i1 = begin.elapsed();
        let (half, r1) = self.r1(&i1);
        let at_r1 = begin.elapsed();
        let (waiting, i2) = self.i2(dialled, &r1);
        let at_i2 = begin.elapsed();
        let (_, r2) = self.r2(half, &i2);
        let at_r2 = begin.elapsed();
        let ours = self.end(waiting, &r2);
        let at_end = begin.elapsed();
        ([at_i1, at_r1 - at_i1, at_i2 - at_r1, at_r2 - at_i2, at_end - at_r2], ours)
    }
}

fn group<'a>(c: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = c.benchmark_group(name);
    group.sample_size(20).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(2));
    group
}

fn whole(c: &mut Criterion) {
    let mut g = group(c, "call, both ends");
    for suite in Suite::PREFERENCE {
        for (demand, profile) in [(Demand::Bound, "bound"), (Demand::Rfc6267, "rfc6267")] {
            let calls = Calls::new(suite, demand);
            g.bench_function(format!("{}/{profile}/constant-time", suite.name()), |b| b.iter(|| calls.whole()));
        }
    }
    g.finish();
}

fn messages(c: &mut Criterion) {
    let mut g = group(c, "message, default suite, bound");
    let calls = &Calls::new(Suite::P256Aes256Gcm, Demand::Bound);
    let size = BatchSize::SmallInput;
    g.bench_function("I_MESSAGE_1/constant-time", |b| b.iter(|| calls.i1()));
    g.bench_function("R_MESSAGE_1/constant-time", |b| b.iter_batched(|| calls.i1().1, |i1| calls.r1(&i1), size));
    let answered = || {
        let (dialled, i1) = calls.i1();
        let (half, r1) = calls.r1(&i1);
        (dialled, half, r1)
    };
    g.bench_function("I_MESSAGE_2/constant-time", |b| {
        b.iter_batched(answered, |(dialled, _, r1)| calls.i2(dialled, &r1), size);
    });
    let proceeded = || {
        let (dialled, half, r1) = answered();
        let (waiting, i2) = calls.i2(dialled, &r1);
        (waiting, half, i2)
    };
    g.bench_function("R_MESSAGE_2/constant-time", |b| {
        b.iter_batched(proceeded, |(_, half, i2)| calls.r2(half, &i2), size);
    });
    g.bench_function("last check/constant-time", |b| {
        b.iter_batched(
            || {
                let (waiting, half, i2) = proceeded();
                (waiting, calls.r2(half, &i2).1)
            },
            |(waiting, r2)| calls.end(waiting, &r2),
            size,
        );
    });
    g.finish();
}

fn rival(c: &mut Criterion, sakke: &Sakke) {
    let mut g = group(c, "MIKEY-SAKKE by wolfSSL");
    g.sample_size(10);
    for operation in OPERATIONS {
        g.bench_function(operation, |b| b.iter_custom(|n| sakke.time(operation, n)));
    }
    g.finish();
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1e6
}

/// The figures of the page on performance: medians of rounds in which all take turns.
fn table(sakke: Option<&Sakke>) {
    const ROUNDS: usize = 40;
    let calls = Calls::new(Suite::P256Aes256Gcm, Demand::Bound);
    let mut steps = [const { Vec::new() }; 5];
    let mut theirs = [const { Vec::new() }; 5];
    for round in 0..ROUNDS {
        let (times, ours) = calls.whole();
        assert!(matches!(ours, Outcome::Bound(_)));
        steps.iter_mut().zip(times).for_each(|(s, t)| s.push(t));
        if let Some(sakke) = sakke.filter(|_| round % 8 == 0) {
            theirs.iter_mut().zip(OPERATIONS).for_each(|(s, o)| s.push(sakke.time(o, 4) / 4));
        }
    }
    let us = steps.map(median);
    let (caller, called) = (us[0] + us[2] + us[4], us[1] + us[3]);
    println!("\na call, {}, bound, strangers to each other: us on one core", calls.suite.name());
    let names = ["I_MESSAGE_1 made", "R_MESSAGE_1 made", "I_MESSAGE_2 made", "R_MESSAGE_2 made", "R_MESSAGE_2 checked"];
    names.iter().zip(us).for_each(|(name, us)| println!("{us:10.0}  {name}"));
    for (who, us) in [("caller", caller), ("called", called), ("both ends", caller + called)] {
        println!("{us:10.0}  {who}: {:.0} call set-ups a second", 1e6 / us);
    }
    let Some(_) = sakke else { return };
    let [encapsulate, known, decapsulate, sign, verify] = theirs.map(median);
    println!("MIKEY-SAKKE by wolfSSL, its cryptography alone, one message from caller to called:");
    let rows = [
        ("SAKKE encapsulation, a stranger", encapsulate),
        ("SAKKE encapsulation, known", known),
        ("SAKKE decapsulation", decapsulate),
        ("ECCSI signature", sign),
        ("ECCSI verification", verify),
    ];
    rows.iter().for_each(|(name, us)| println!("{us:10.0}  {name}"));
    let (sends, takes) = (encapsulate + sign, decapsulate + verify);
    println!("{sends:10.0}  caller: {:.1} times ours", sends / caller);
    println!("{takes:10.0}  called: {:.1} times ours", takes / called);
}

fn main() {
    let sakke = Sakke::build().inspect_err(|why| println!("MIKEY-SAKKE skipped: {why}")).ok();
    if !std::env::args().any(|a| a == "--table") {
        let mut c = Criterion::default().configure_from_args();
        whole(&mut c);
        messages(&mut c);
        if let Some(sakke) = &sakke {
            rival(&mut c, sakke);
        }
        c.final_summary();
    }
    table(sakke.as_ref());
}
