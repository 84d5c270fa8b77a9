//! The architecture, held against the code: which layer may import which, who may be unsafe, read clocks or name a foreign
//! crate, and how long a file may be.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Layer -> the layers it may import, besides [`OPEN`].
const ARROWS: &[(&str, &[&str])] = &[
    ("aead", &[]),
    ("curve", &[]),
    ("dh", &[]),
    ("ibe", &["curve"]),
    ("srtp", &[]),
    ("ibake", &["dh", "srtp", "ibe"]),
    ("keyfile", &[]),
    ("mikey", &["ibake", "dh", "srtp", "ibe"]),
    ("batch", &["ibe", "curve", "simd"]),
    ("kgs", &["keyfile", "batch", "mikey", "ibe"]),
    ("client", &["kgs", "keyfile", "mikey", "ibe"]),
    ("simd", &[]),
];

/// The small files at the root, open to all; they import each other only.
const OPEN: &[&str] = &["error", "secret", "encoding", "suite", "kdf", "aead", "declassify", "sealing"];

/// Foreign crate -> the only places that may name it.
const DOORS: &[(&str, &[&str])] = &[
    ("blst", &["curve/blst/", "curve/mod.rs"]),
    ("bls12_381_plus", &["curve/portable", "curve/tower.rs"]),
    ("sha2_010", &["curve/portable"]),
    ("aes_gcm", &["aead.rs"]),
    ("chacha20poly1305", &["aead.rs"]),
    ("hkdf", &["kdf.rs"]),
    ("p256", &["dh/nist.rs"]),
    ("p384", &["dh/nist.rs"]),
    ("p521", &["dh/nist.rs"]),
    ("x25519_dalek", &["dh/x25519.rs"]),
    ("ml_kem", &["dh/pq.rs"]),
    ("argon2", &["keyfile", "kgs/server/auth/password.rs"]),
    ("tempfile", &["keyfile", "kgs", "bin/"]),
    ("clap", &["bin/"]),
    ("bip39", &["ibake/session.rs"]),
    ("rayon", &["batch/parallel.rs"]),
    ("hmac", &["mikey/algorithms.rs"]),
    ("hpke", &["sealing.rs"]),
    ("sha1", &["mikey/algorithms.rs"]),
    ("sqlx", &["kgs/server/store/"]),
    ("toml", &["kgs/server/config/", "bin/ibake/directory.rs"]),
    ("cryptoki", &["kgs/server/keys/pkcs11.rs"]),
    ("ed25519_dalek", &["kgs/server/audit/signing.rs"]),
    ("quick_xml", &["kgs/rfc5408/xml.rs"]),
    ("tracing", &["kgs/server/http/", "bin/"]),
    ("tracing_subscriber", &["bin/"]),
    ("rcgen", &["kgs/server/http/tls.rs"]),
    ("rustls", &["kgs/server/http/", "client/"]),
    ("tokio_rustls", &["kgs/server/http/", "client/"]),
    ("hyper", &["kgs/server/http/", "client/"]),
    ("aes", &["srtp/derive.rs", "mikey/algorithms.rs"]),
];

fn sources() -> Vec<(String, String)> {
    fn walk(dir: &Path, out: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, out);
            } else if path.extension().is_some_and(|e| e == "rs") {
                out.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    walk(&root, &mut files);
    files.sort();
    assert!(files.len() > 20, "the sources were not found");
    let name = |p: &PathBuf| p.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
    files.iter().map(|p| (name(p), fs::read_to_string(p).unwrap())).collect()
}

/// Files that are compiled for tests only: declared by `#[cfg(test)] mod NAME;` in their parent.
fn is_test(file: &str, all: &[(String, String)]) -> bool {
    all.iter().any(|(parent, text)| {
        let Some(dir) = parent.strip_suffix("mod.rs").or_else(|| parent.strip_suffix("lib.rs")) else { return false };
        let mut lines = text.lines().peekable();
        std::iter::from_fn(|| lines.next().map(|l| (l.trim() == "#[cfg(test)]", lines.peek().copied()))).any(
            |(test, next)| {
                let name = next.and_then(|n| n.trim().strip_prefix("mod ")).and_then(|n| n.strip_suffix(';'));
                test && name.is_some_and(|n| file == format!("{dir}{n}.rs") || file.starts_with(&format!("{dir}{n}/")))
            },
        )
    })
}

fn layer(file: &str) -> &str {
    file.split('/').next().unwrap().trim_end_matches(".rs")
}

/// The code of a file without comment lines and without what stands behind `#[cfg(test)]`.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let end = text.find("#[cfg(test)]\nmod ").unwrap_or(text.len());
    text[..end].lines().enumerate().map(|(i, l)| (i + 1, l)).filter(|(_, l)| !l.trim_start().starts_with("//"))
}

/// Every `crate::NAME` in a line.
fn crate_paths(line: &str) -> impl Iterator<Item = &str> {
    line.split("crate::").skip(1).map(|rest| rest.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap())
}

#[test]
fn imports_point_down_only() {
    let arrows: BTreeMap<_, _> = ARROWS.iter().copied().collect();
    let mut wrong = Vec::new();
    let mut seen = 0;
    for (file, text) in sources() {
        let from = layer(&file);
        if from == "bin" || from == "lib" {
            continue;
        }
        let allowed = if OPEN.contains(&from) { &[][..] } else { arrows.get(from).expect("a layer without arrows") };
        for (n, line) in code(&text) {
            for to in crate_paths(line) {
                seen += 1;
                if to != from && !OPEN.contains(&to) && !allowed.contains(&to) {
                    wrong.push(format!("{file}:{n}: {from} -> {to}"));
                }
            }
        }
    }
    assert!(seen > 100, "the imports were not found");
    assert!(wrong.is_empty(), "arrows against the design:\n{}", wrong.join("\n"));
}

#[test]
fn unsafe_stands_only_behind_its_fence() {
    for (file, text) in sources() {
        let fenced = file.starts_with("curve/blst/") || file.starts_with("simd/avx512");
        let found = code(&text).find(|(_, l)| {
            l.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|w| w == "unsafe")
                || l.contains("allow(unsafe_code)")
        });
        assert!(fenced || found.is_none(), "{file}: unsafe outside the fence: {found:?}");
    }
}

#[test]
fn the_core_reads_no_clock_file_environment_or_system_generator() {
    let forbidden =
        ["std::time", "std::env", "std::fs", "std::net", "std::process", "SystemTime", "SysRng", "getrandom"];
    let all = sources();
    for (file, text) in &all {
        if ["bin", "kgs", "client", "keyfile"].contains(&layer(file)) || is_test(file, &all) {
            continue;
        }
        for (n, line) in code(text) {
            // One variable chooses the engine of batches; the bytes are the same whatever it says.
            let engine = file == "simd/mod.rs" && line.contains("std::env::var(\"IBAKE_SIMD\")");
            assert!(engine || !forbidden.iter().any(|f| line.contains(f)), "{file}:{n}: {line}");
        }
    }
}

#[test]
fn each_foreign_crate_has_one_door() {
    let all = sources();
    for (file, text) in all.iter().filter(|(f, _)| !is_test(f, &all)) {
        for (n, line) in code(text) {
            for (foreign, doors) in DOORS {
                let named = line.contains(&format!("{foreign}::")) && !line.contains(&format!("crate::{foreign}::"));
                let own = line.contains(&format!("self::{foreign}::")) || line.contains(&format!("super::{foreign}::"));
                let open = doors.iter().any(|d| file.starts_with(d));
                assert!(!named || own || open, "{file}:{n} names {foreign}: {line}");
            }
        }
    }
}

#[test]
fn the_program_uses_the_public_interface_only() {
    for (file, text) in sources().into_iter().filter(|(f, _)| f.starts_with("bin/")) {
        assert!(!text.contains("#[path"), "{file} includes library sources");
        assert!(!text.contains("unsafe"), "{file} is unsafe");
    }
}

#[test]
fn files_are_split_before_they_are_long() {
    for (file, text) in sources() {
        let lines = text.lines().count();
        assert!(lines <= 600, "{file} has {lines} lines");
    }
}

#[test]
fn every_dependency_has_its_reason() {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    let section = manifest.split("\n[dependencies]\n").nth(1).unwrap().split("\n[").next().unwrap();
    let mut reason = false;
    let mut count = 0;
    for line in section.lines() {
        if line.starts_with('#') {
            reason = line.len() > 4;
        } else if line.starts_with([' ', ']']) {
            // Goes on from the line before.
        } else if line.contains('=') {
            assert!(reason, "no reason above: {line}");
            count += 1;
        } else {
            reason = false;
        }
    }
    assert!(count > 20);
}
