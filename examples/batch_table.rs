//! Our batches against the same scheme by hand on blst, in one process: `cargo run --release --example batch_table -- --quick`.
//!
//! Prints tab-separated `work, batch, threads, path, ours_us, by_hand_us, ratio`, and comments that begin with `#`. Times are
//! microseconds for one item, the ratio is by-hand time over ours: above 1 we are faster. Method: all sides give the same bytes
//! before anything is timed; then they take turns in every round; times are medians over the rounds, and the ratio is the median
//! of the rounds' own ratios. One thread: processor time of that thread. Several: elapsed time, with everybody on the same
//! rayon pool.
//!
//! ```text
//! --quick            batches of 1024, in less than a minute
//! --sizes 8,1024     other batches              --threads 1,2    other numbers of threads (default: 1 and all cores)
//! --work extract     some of the works          --plot DIR       charts of what was measured, as SVG
//! --false-keys       what false keys among the largest batch cost
//! --page FILE        writes the table into that page, between its two marks
//! ```
#![allow(clippy::unwrap_used)]

#[path = "../benches/peers/batch_world.rs"]
mod batch_world;
#[path = "../benches/peers/bound.rs"]
mod bound;
#[path = "../benches/peers/by_hand.rs"]
mod by_hand;
#[path = "../benches/peers/plot.rs"]
mod plot;
#[path = "../benches/peers/report.rs"]
mod report;
#[path = "../benches/peers/timing.rs"]
mod timing;
#[path = "../benches/peers/world.rs"]
mod world;

use std::path::Path;
use std::time::Duration;

use batch_world::{Users, Work};
use report::{Measure, Report};

struct Arguments {
    quick: bool,
    false_keys: bool,
    sizes: Vec<usize>,
    threads: Vec<usize>,
    works: Vec<Work>,
    plot: Option<String>,
    page: Option<String>,
}

fn numbers(list: &str) -> Vec<usize> {
    list.split(',').map(|n| n.parse().expect("a list of numbers")).collect()
}

impl Arguments {
    fn read() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut threads = vec![1, cores];
        threads.dedup();
        let mut read = Self {
            quick: false,
            false_keys: false,
            sizes: Vec::new(),
            threads,
            works: Work::ALL.to_vec(),
            plot: None,
            page: None,
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(name) = arguments.next() {
            let mut value = || arguments.next().expect("a value after the option");
            match name.as_str() {
                "--quick" => read.quick = true,
                "--false-keys" => read.false_keys = true,
                "--sizes" => read.sizes = numbers(&value()),
                "--threads" => read.threads = numbers(&value()),
                "--work" => {
                    let names = value();
                    read.works.retain(|w| names.split(',').any(|n| n == w.to_string()));
                }
                "--plot" => read.plot = Some(value()),
                "--page" => read.page = Some(value()),
                other => panic!("unknown option {other}"),
            }
        }
        if read.sizes.is_empty() {
            read.sizes = if read.quick { vec![1024] } else { vec![1, 8, 64, 1024, 16384] };
        }
        read
    }
}

fn main() {
    let arguments = Arguments::read();
    let mut report = Report::new();
    report.head();
    let users = Users::new(arguments.sizes.iter().copied().max().unwrap_or(1));
    for n in &arguments.sizes {
        for work in &arguments.works {
            for threads in &arguments.threads {
                let seconds = match (arguments.quick, threads) {
                    (true, 1) => 2.0,
                    (true, _) => 1.2,
                    (false, _) => 6.0,
                };
                report.measure(
                    &users,
                    &Measure {
                        work: *work,
                        n: *n,
                        threads: *threads,
                        budget: Duration::from_secs_f64(seconds),
                        least: 3,
                        most: 101,
                        // The large ones take minutes.
                        all: if arguments.quick { *work == Work::VerifyKeys } else { *n <= 1024 },
                        scaling: if arguments.quick { *work == Work::Pairings } else { *n == 1024 },
                    },
                );
            }
        }
    }
    if let (true, Some(n)) = (arguments.false_keys, arguments.sizes.iter().max()) {
        report.false_keys(&users, *n);
    }
    report.tail();
    if let Some(dir) = &arguments.plot {
        report.plot(Path::new(dir)).unwrap();
    }
    if let Some(page) = &arguments.page {
        report.write_into(Path::new(page)).unwrap();
    }
}
