//! Batches: ours and the same work by hand on blst, for batches of 1 to 16,384 items, on one thread and on all cores.
//!
//! `cargo bench --bench batch`; `-- extract/` or `-- /1024/` for a part, `-- --table` for nothing but the table of ratios, which
//! otherwise comes at the end. Criterion's figures are elapsed times of whole batches, one side after the other; the table's are
//! taken in turns (`examples/batch_table.rs` says how).
#![allow(clippy::unwrap_used)]

#[path = "peers/batch_world.rs"]
mod batch_world;
#[path = "peers/bound.rs"]
mod bound;
#[path = "peers/by_hand.rs"]
mod by_hand;
#[path = "peers/plot.rs"]
mod plot;
#[path = "peers/report.rs"]
mod report;
#[path = "peers/timing.rs"]
mod timing;
#[path = "peers/world.rs"]
mod world;

use std::time::Duration;

use criterion::{Criterion, SamplingMode, Throughput};

use batch_world::{Users, Work};
use report::{Measure, Report, pool};

const SIZES: [usize; 5] = [1, 8, 64, 1024, 16384];

fn threads() -> Vec<usize> {
    let mut threads = vec![1, std::thread::available_parallelism().map_or(1, usize::from)];
    threads.dedup();
    threads
}

fn batches(c: &mut Criterion, users: &Users, sizes: &[usize]) {
    for work in Work::ALL {
        for n in sizes.iter().copied() {
            let rivals = &work.rivals()[..if n > 1024 { 1 } else { work.rivals().len() }];
            users.check(work, rivals, n);
            let mut g = c.benchmark_group(format!("{work}/{n}"));
            g.sample_size(10).sampling_mode(SamplingMode::Flat).throughput(Throughput::Elements(n as u64));
            g.warm_up_time(Duration::from_millis(100)).measurement_time(Duration::from_secs(1));
            for threads in threads() {
                let pool = pool(threads);
                g.bench_function(format!("{threads} threads/ours"), |b| {
                    pool.install(|| b.iter(|| users.ours(work, n)));
                });
                for rival in rivals {
                    g.bench_function(format!("{threads} threads/by hand{}", rival.suffix()), |b| {
                        pool.install(|| b.iter(|| users.by_hand(work, *rival, n)));
                    });
                }
            }
            g.finish();
        }
    }
}

fn table(users: &Users) {
    let mut report = Report::new();
    report.head();
    for n in SIZES {
        for work in Work::ALL {
            for threads in threads() {
                let (least, most, scaling) = (2, 101, n == 1024);
                let (budget, all) = (Duration::from_secs(2), n <= 1024);
                report.measure(users, &Measure { work, n, threads, budget, least, most, all, scaling });
            }
        }
    }
    report.tail();
}

fn main() {
    let given = |name: &str| std::env::args().any(|a| a == name);
    let sizes = if given("--test") { &SIZES[..3] } else { &SIZES[..] };
    let users = Users::new(*sizes.last().unwrap());
    if !given("--table") {
        let mut criterion = Criterion::default().configure_from_args();
        batches(&mut criterion, &users, sizes);
        criterion.final_summary();
    }
    if !given("--test") && !given("--list") {
        table(&users);
    }
}
