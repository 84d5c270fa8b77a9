//! The fuzz entries with a bounded number of inputs, in every run of the tests; `docs/fuzzing.md` says how to run them without
//! a bound.
#![allow(clippy::unwrap_used)]

mod common;
mod fuzz_entries;
#[path = "fuzz_entries/planted.rs"]
mod planted;

use std::path::Path;

use fuzz_entries::{ENTRIES, Entry};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestCaseError, TestError, TestRng, TestRunner};

/// One change to an input.
#[derive(Clone, Debug)]
enum Tweak {
    Flip(Index, u8),
    Set(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index, usize),
    Truncate(Index),
    Number(Index, u64),
    Splice(Index, Index),
}

fn tweak() -> impl Strategy<Value = Tweak> {
    let at = any::<Index>;
    prop_oneof![
        (at(), 0u8..8).prop_map(|(i, b)| Tweak::Flip(i, 1 << b)),
        (at(), prop_oneof![Just(0), Just(0x80), Just(0xff), any::<u8>()]).prop_map(|(i, v)| Tweak::Set(i, v)),
        (at(), proptest::collection::vec(any::<u8>(), 1..5)).prop_map(|(i, v)| Tweak::Insert(i, v)),
        (at(), 1usize..9).prop_map(|(i, n)| Tweak::Remove(i, n)),
        at().prop_map(Tweak::Truncate),
        (at(), prop_oneof![Just(0), Just(u64::MAX), Just(1 << 63), any::<u64>()])
            .prop_map(|(i, v)| Tweak::Number(i, v)),
        (at(), at()).prop_map(|(i, j)| Tweak::Splice(i, j)),
    ]
}

fn apply(bytes: &mut Vec<u8>, tweak: &Tweak, seeds: &[Vec<u8>]) {
    let n = bytes.len();
    match tweak {
        Tweak::Insert(i, v) => {
            let at = i.index(n + 1);
            bytes.splice(at..at, v.iter().copied());
        }
        _ if n == 0 => {}
        Tweak::Flip(i, b) => bytes[i.index(n)] ^= b,
        Tweak::Set(i, v) => bytes[i.index(n)] = *v,
        Tweak::Remove(i, k) => {
            let at = i.index(n);
            bytes.drain(at..(at + k).min(n));
        }
        Tweak::Truncate(i) => bytes.truncate(i.index(n)),
        Tweak::Number(i, v) => {
            let at = i.index(n);
            bytes[at..].iter_mut().zip(v.to_be_bytes()).for_each(|(b, v)| *b = v);
        }
        Tweak::Splice(i, j) => {
            let other = &seeds[i.index(seeds.len())];
            let at = j.index(n);
            bytes.truncate(at);
            bytes.extend(other.get(at..).unwrap_or(&[]));
        }
    }
}

/// Seven inputs in eight are seeds with a few changes, the others are anything.
fn input(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let tweaked = (any::<Index>(), proptest::collection::vec(tweak(), 0..5)).prop_map(move |(which, tweaks)| {
        let mut out = seeds[which.index(seeds.len())].clone();
        tweaks.iter().for_each(|t| apply(&mut out, t, &seeds));
        out
    });
    prop_oneof![7 => tweaked, 1 => proptest::collection::vec(any::<u8>(), 0..400)]
}

fn bounded(seeds: Vec<Vec<u8>>, cases: u32, run: impl Fn(&[u8])) -> Result<(), TestError<Vec<u8>>> {
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 2000, ..Config::default() };
    let rng = TestRng::deterministic_rng(config.rng_algorithm);
    TestRunner::new_with_rng(config, rng).run(&input(seeds), |data| {
        run(&data);
        Ok::<(), TestCaseError>(())
    })
}

/// What once failed must not fail again: `fuzz/regressions/ENTRY/*`.
fn regressions(entry: &Entry) -> usize {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/regressions").join(entry.name);
    let Ok(files) = std::fs::read_dir(dir) else { return 0 };
    files.map(|f| (entry.run)(&std::fs::read(f.unwrap().path()).unwrap())).count()
}

fn check(name: &str) {
    let entry = fuzz_entries::entry(name);
    let seeds = (entry.seeds)();
    assert!(!seeds.is_empty());
    seeds.iter().for_each(|s| (entry.run)(s));
    println!("{name}: {} seeds, {} regressions", seeds.len(), regressions(&entry));
    bounded(seeds, if entry.slow { 192 } else { 4096 }, entry.run).unwrap_or_else(|e| panic!("{name}: {e}"));
}

macro_rules! bounded_tests {
    ($($(#[$cfg:meta])* $name:ident)*) => {
        $(
            $(#[$cfg])*
            #[test]
            fn $name() {
                check(stringify!($name));
            }
        )*

        #[test]
        fn every_entry_has_a_test_and_a_target() {
            let tests: Vec<&str> = vec![$($(#[$cfg])* stringify!($name)),*];
            assert_eq!(tests, ENTRIES.iter().map(|e| e.name).collect::<Vec<_>>());
            let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
            let manifest = std::fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
            for name in tests {
                let target = std::fs::read_to_string(fuzz.join(format!("fuzz_targets/{name}.rs"))).unwrap();
                assert!(target.contains(&format!("run(\"{name}\", data)")), "{name}");
                assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name}");
            }
        }
    };
}

bounded_tests! {
    name
    identity
    parameters
    armour
    introduction
    private_key
    key_file
    encapsulation
    sealed_box
    sealed_file
    signature
    #[cfg(feature = "hazmat")] key_ref
    message
    envelope
    state
    #[cfg(feature = "hazmat")] body
    #[cfg(feature = "hazmat")] point
    share
    responder
    initiator
    exchange
    mikey
    key_request
    key_xml
    deposit
    #[cfg(feature = "server")] configuration
    #[cfg(feature = "server")] audit_export
    #[cfg(feature = "server")] backup
}

#[test]
fn a_planted_fault_is_found_and_shrunk() {
    let all = (fuzz_entries::entry("envelope").seeds)();
    let replies: Vec<_> = all.into_iter().filter(|s| s[0] == 4).collect();
    replies.iter().for_each(|s| planted::planted(s));
    let found = bounded(replies, 20_000, planted::planted).unwrap_err();
    let TestError::Fail(reason, input) = found else { panic!("{found}") };
    assert!(reason.message().contains("planted"), "{reason}");
    assert_eq!(input[..2], [4, 2], "{input:02x?}");
}

#[test]
fn seeds_of_mikey_are_read() {
    fuzz_entries::mikey_seeds_are_read();
}
