//! Runs every case once as it is and once with leaks planted, and reports both. `tests/constant_time.rs` starts it under
//! valgrind; by itself it only computes.
//!
//! Usage: `constant_time adx|no-adx [CASE]`.
#![allow(non_snake_case)]

mod cases;
mod path;
mod probe;
mod valgrind;

use ibake::declassify::{Hooks, install};
use probe::{POINTS, Probe, on_published, on_verdict};

fn main() {
    let adx = std::env::args().nth(1).is_some_and(|a| a == "adx");
    assert!(install(Hooks { verdict: on_verdict, published: on_published }), "hooks are set once");
    println!("backend {} path {} valgrind {}", ibake::BACKEND, path::choose(adx), valgrind::is_running());

    let only = std::env::args().nth(2);
    let wanted = |name: &str| only.as_deref().is_none_or(|only| only == name);
    let (mut passed, mut total, mut caught, mut planted) = (0, 0, 0, 0);
    for (name, case) in cases::all().filter(|(name, _)| wanted(name)) {
        eprintln!("clean run of {name}");
        let clean = Probe::run(name, false, case);
        eprintln!("leaky run of {name}");
        let leaky = Probe::run(name, true, case);
        for ((name, clean), (_, leaky)) in clean.iter().zip(&leaky) {
            let fine = clean.findings == 0 && clean.results > 0 && clean.tainted == clean.results;
            let found = leaky.planted > 0 && leaky.caught == leaky.planted;
            println!(
                "case {name} {} findings {} tainted {}/{} caught {}/{}",
                if fine && found { "ok" } else { "FAILED" },
                clean.findings,
                clean.tainted,
                clean.results,
                leaky.caught,
                leaky.planted,
            );
            passed += usize::from(fine);
            total += 1;
            caught += leaky.caught;
            planted += leaky.planted;
        }
    }
    for (name, trap) in cases::TRAPS.iter().filter(|(name, _)| wanted(name)) {
        eprintln!("trap {name}");
        let outcome = Probe::run(name, false, *trap);
        let all: usize = outcome.iter().map(|o| o.1.planted).sum();
        let seen: usize = outcome.iter().map(|o| o.1.caught).sum();
        println!("trap {name} {} caught {seen}/{all}", if all > 0 && seen == all { "ok" } else { "FAILED" });
        caught += seen;
        planted += all;
    }
    for point in POINTS.lock().iter().flat_map(|points| points.iter()) {
        println!("point {point}");
    }
    println!("passed {passed}/{total} caught {caught}/{planted}");
}
