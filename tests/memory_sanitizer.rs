//! No branch, address or division of the 512-bit lane depends on a secret: its jobs under MemorySanitizer, with their secrets
//! poisoned, and leaks that it must report. valgrind does not know these instructions. What is run is told in
//! `docs/constant-time.md`.
// Once is enough: the run builds what it needs, whatever the features of this build.
#![cfg(all(feature = "simd", not(feature = "hazmat")))]
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const TARGET: &str = "x86_64-unknown-linux-gnu";
/// The standard library of the toolchain is not instrumented, which is another setting than that of the crates.
const FLAGS: &str = "-Zsanitizer=memory -Cunsafe-allow-abi-mismatch=sanitizer --cfg=memory_sanitizer";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn nightly() -> Command {
    let mut command = Command::new("rustup");
    command.args(["run", "nightly"]);
    // What this build was told is not meant for the other toolchain.
    for variable in ["CARGO", "RUSTC", "RUSTUP_TOOLCHAIN", "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "LD_LIBRARY_PATH"] {
        command.env_remove(variable);
    }
    command
}

/// Why it cannot be run here.
fn missing() -> Option<&'static str> {
    if !cfg!(all(target_arch = "x86_64", target_os = "linux")) {
        return Some("MemorySanitizer is for x86-64 Linux here");
    }
    #[cfg(target_arch = "x86_64")]
    if !(std::is_x86_feature_detected!("avx512f") && std::is_x86_feature_detected!("avx512ifma")) {
        return Some("this processor has no AVX-512 IFMA");
    }
    let version = nightly().args(["rustc", "--version"]).output();
    (!version.is_ok_and(|v| v.status.success())).then_some("there is no nightly toolchain")
}

/// The first column of the table of this name in a source of the program.
fn names(file: &str, list: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(root().join("tests/memory_sanitizer/src").join(file)).unwrap();
    let body = text.split_once(&format!("const {list}: ")).unwrap().1.split_once("];").unwrap().0.to_owned();
    let names: BTreeSet<_> = body.split("(\"").skip(1).map(|n| n.split('"').next().unwrap().to_owned()).collect();
    assert!(names.len() > 2, "the names were not found");
    names
}

fn build() -> PathBuf {
    let target = root().join("target/memory_sanitizer");
    let done = nightly()
        .args(["cargo", "build", "--release", "--locked", "--quiet", "--target", TARGET, "--manifest-path"])
        .arg(root().join("tests/memory_sanitizer/Cargo.toml"))
        .arg("--target-dir")
        .arg(&target)
        .env("RUSTFLAGS", FLAGS)
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    target.join(TARGET).join("release/memory_sanitizer")
}

fn run(program: &Path, name: &str) -> (Output, String) {
    let done = Command::new(program).arg(name).env("MSAN_OPTIONS", "exitcode=86").output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    (done, said)
}

const REPORT: &str = "MemorySanitizer: use-of-uninitialized-value";

#[test]
fn the_512_bit_lane_leaks_nothing_and_what_leaks_is_reported() {
    if let Some(why) = missing() {
        let required = std::env::var("IBAKE_REQUIRE").is_ok_and(|r| r.split(',').any(|r| r == "msan"));
        assert!(!required, "IBAKE_REQUIRE names `msan`: {why}");
        println!("skipped: {why}, so no secret was poisoned");
        return;
    }
    let program = build();
    let (jobs, leaks) = (names("jobs.rs", "JOBS"), names("leaks.rs", "LEAKS"));
    for job in &jobs {
        let (done, said) = run(&program, job);
        assert!(done.status.success() && said == "passed\n", "{job}: {said}");
    }
    for leak in &leaks {
        let (done, said) = run(&program, leak);
        assert!(done.status.code() == Some(86) && said.contains(REPORT), "{leak} is not reported: {said}");
        // The report is about the leak, not about something on the way there.
        let own = said.lines().find(|l| l.contains("/memory_sanitizer/src/")).unwrap_or_default();
        assert!(own.contains("memory_sanitizer::leaks::"), "{leak} is reported elsewhere: {said}");
    }
    println!("MemorySanitizer, 512-bit lane: jobs passed {0}/{0}, leaks reported {1}/{1}", jobs.len(), leaks.len());
}

/// Another setting of the compiler or another release of a crate would be another program.
#[test]
fn what_is_run_is_what_ships() {
    let read = |path: &str| fs::read_to_string(root().join(path)).unwrap();
    let profile = |manifest: &str| -> BTreeSet<String> {
        let body = manifest.split_once("\n[profile.release]\n").unwrap().1.split("\n[").next().unwrap();
        body.lines().filter(|l| !l.is_empty() && !l.starts_with("debug = ")).map(str::to_owned).collect()
    };
    assert_eq!(profile(&read("Cargo.toml")), profile(&read("tests/memory_sanitizer/Cargo.toml")));
    let packages = |lock: &str| -> BTreeSet<String> {
        lock.split("[[package]]\n").skip(1).map(|p| p.lines().take(2).collect::<Vec<_>>().join(" ")).collect()
    };
    let (ours, theirs) = (packages(&read("Cargo.lock")), packages(&read("tests/memory_sanitizer/Cargo.lock")));
    let other: Vec<_> = theirs.difference(&ours).filter(|p| !p.starts_with("name = \"memory_sanitizer\"")).collect();
    assert!(theirs.len() > 40 && other.is_empty(), "other releases than the package's: {other:?}");
}

#[test]
fn every_job_and_every_leak_has_its_row() {
    let page = fs::read_to_string(root().join("docs/constant-time.md")).unwrap();
    let section = page.split_once("\n## C: ").unwrap().1.split("\n## ").next().unwrap();
    let rows = section.lines().filter_map(|l| l.strip_prefix("| `")?.split_once('`')).map(|(name, _)| name.to_owned());
    let all: BTreeSet<_> = names("jobs.rs", "JOBS").union(&names("leaks.rs", "LEAKS")).cloned().collect();
    assert_eq!(rows.collect::<BTreeSet<_>>(), all);
}
