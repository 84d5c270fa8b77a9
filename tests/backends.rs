//! The five suites in all four pairings of backends: one program built on blst, one on the pure Rust backend, over loopback.
//!
//! The second program is named by `IBAKE_PORTABLE`:
//! `cargo build --no-default-features --features cli && cp target/debug/ibake target/ibake-portable`, then
//! `IBAKE_PORTABLE=target/ibake-portable cargo test --test backends`.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ibake::suite::Suite;

fn run(dir: &Path, program: &Path, args: &[&str]) {
    let out = Command::new(program).args(args).current_dir(dir).stdin(Stdio::null()).output().unwrap();
    assert!(
        out.status.success(),
        "{args:?}: {}{}",
        String::from_utf8_lossy(&out.stdout),
        String::from_utf8_lossy(&out.stderr)
    );
}

/// One call: `caller` and `listener` are programs. Both must export the same key.
fn call(dir: &Path, caller: &Path, listener: &Path, suite: Suite) {
    let name = suite.name();
    let listen = [
        "--json",
        "listen",
        "--once",
        "--bind",
        "127.0.0.1:0",
        "--suite",
        name,
        "--key",
        "bob.key",
        "--key-file",
        "bob.unlock",
        "--params",
        "b.params",
        "--params",
        "a.params",
        "--export",
        "bob.export",
    ];
    let mut bob = Command::new(listener)
        .args(listen)
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(bob.stdout.take().unwrap()).lines();
    let first: serde_json::Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    let address = first["address"].as_str().unwrap().to_owned();
    let alice = [
        "--json",
        "call",
        &address,
        "--suite",
        name,
        "--to",
        "sip:bob@b.example",
        "--key",
        "alice.key",
        "--key-file",
        "alice.unlock",
        "--params",
        "a.params",
        "--params",
        "b.params",
        "--export",
        "alice.export",
    ];
    run(dir, caller, &alice);
    let rest: Vec<_> = lines.map(Result::unwrap).collect();
    assert!(bob.wait().unwrap().success(), "{rest:?}");
    let [a, b] = ["alice.export", "bob.export"].map(|f| {
        let key = std::fs::read(dir.join(f)).unwrap();
        std::fs::remove_file(dir.join(f)).unwrap();
        key
    });
    assert!(a.len() > 60 && a == b, "{name}: keys differ");
}

#[test]
fn every_suite_in_every_pairing_of_backends() {
    let required = std::env::var("IBAKE_REQUIRE").is_ok_and(|r| r.split(',').any(|r| r == "portable"));
    let Some(portable) = std::env::var_os("IBAKE_PORTABLE").map(PathBuf::from).filter(|p| p.exists()) else {
        assert!(!required, "IBAKE_REQUIRE names `portable`, and IBAKE_PORTABLE names no program");
        println!("SKIPPED: IBAKE_PORTABLE names no program on the pure Rust backend");
        return;
    };
    let portable = portable.canonicalize().unwrap();
    let own = PathBuf::from(env!("CARGO_BIN_EXE_ibake"));
    let version = |p: &Path| String::from_utf8(Command::new(p).arg("--version").output().unwrap().stdout).unwrap();
    assert!(version(&portable).contains("portable"), "{}", version(&portable));
    println!("{} and {}", version(&own).trim(), version(&portable).trim());

    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    // Each district and each key by another backend.
    for (program, d, user, name) in
        [(&own, "a", "alice", "sip:alice@a.example"), (&portable, "b", "bob", "sip:bob@b.example")]
    {
        let (kgs, unlock, uri) = (format!("kgs-{d}"), format!("{d}.unlock"), format!("https://kgs.{d}.example"));
        let (params, key, user_unlock) = (format!("{d}.params"), format!("{user}.key"), format!("{user}.unlock"));
        run(dir, program, &["kgs", "init", &kgs, "--district", &uri, "--key-file", &unlock]);
        run(dir, program, &["kgs", "show", &kgs, "--out", &params]);
        let issue = ["kgs", "issue", &kgs, name, "--key-file", &unlock, "--out", &key, "--user-key-file", &user_unlock];
        run(dir, program, &issue);
        for verifier in [&own, &portable] {
            run(dir, verifier, &["key", "verify", &key, "--params", &params, "--key-file", &user_unlock]);
        }
    }
    for caller in [&own, &portable] {
        for listener in [&own, &portable] {
            for suite in Suite::PREFERENCE {
                call(dir, caller, listener, suite);
            }
        }
    }
}
