//! Our own vectors: the same bytes in every build, whichever backend computes them.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::Path;

#[test]
fn exchanges_with_fixed_randomness_give_the_bytes_on_file() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/ibake/exchange.json");
    let on_file: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let now = common::exchanges();
    assert_eq!(on_file["cases"].as_array().unwrap().len(), 5);
    for (a, b) in on_file["cases"].as_array().unwrap().iter().zip(now["cases"].as_array().unwrap()) {
        for field in ["suite", "M1", "M2", "M3", "M4", "export(test, context, 32)", "authentication_string", "words"] {
            assert_eq!(a[field], b[field], "{} of {}", field, a["suite"]);
        }
    }
    assert_eq!(on_file, now, "see `cargo run --example exchange_vectors`");
}
