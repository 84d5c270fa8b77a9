//! Licences and sources of everything that is linked, read from `cargo metadata`.
#![allow(clippy::unwrap_used)]

use std::process::Command;

use serde_json::Value;

/// Licences that go with MIT OR Apache-2.0.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Whether an SPDX expression can be met: every term of an AND, one term of an OR. Old crates write `/` for OR.
fn acceptable(expression: &str) -> bool {
    let expression = expression.replace('/', " OR ");
    let flat = expression.replace(['(', ')'], "");
    // No expression in use nests an OR inside an AND more than once, so a conjunction of alternatives covers all.
    if expression.contains('(') {
        return expression
            .split(" AND ")
            .all(|part| part.replace(['(', ')'], "").split(" OR ").any(|t| ALLOWED.contains(&t.trim())));
    }
    flat.split(" OR ").any(|alternative| alternative.split(" AND ").all(|t| ALLOWED.contains(&t.trim())))
}

#[test]
fn licences_and_sources_are_acceptable() {
    let out = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--all-features"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let metadata: Value = serde_json::from_slice(&out.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    assert!(packages.len() > 50);
    let mut wrong = Vec::new();
    for p in packages {
        let name = format!("{} {}", p["name"].as_str().unwrap(), p["version"].as_str().unwrap());
        let source = p["source"].as_str();
        if p["name"] != "ibake" && source != Some("registry+https://github.com/rust-lang/crates.io-index") {
            wrong.push(format!("{name}: source {source:?}"));
        }
        let licence = p["license"].as_str().unwrap_or("none");
        if !acceptable(licence) {
            wrong.push(format!("{name}: licence {licence}"));
        }
    }
    println!("{} packages read", packages.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_check_of_expressions_can_fail() {
    for good in
        ["MIT", "MIT/Apache-2.0", "GPL-3.0 OR MIT", "(MIT OR Apache-2.0) AND Unicode-3.0", "MIT AND BSD-3-Clause"]
    {
        assert!(acceptable(good), "{good}");
    }
    for bad in ["GPL-3.0", "MIT AND GPL-3.0", "none", "(MIT OR Apache-2.0) AND GPL-2.0"] {
        assert!(!acceptable(bad), "{bad}");
    }
}
