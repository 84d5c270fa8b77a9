//! Our own vectors: the same bytes in every build, whichever backend computes them.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::Path;

use serde_json::Value;

fn on_file() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/ibake/exchange.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn exchanges_with_fixed_randomness_give_the_bytes_on_file() {
    let (on_file, now) = (on_file(), common::exchanges());
    let group = &on_file["testGroups"][0];
    let (tests, cases) = (group["tests"].as_array().unwrap(), now["cases"].as_array().unwrap());
    assert_eq!((tests.len(), cases.len()), (5, 5));
    for (field, at) in [("parameters_I", "/parameters/0"), ("parameters_R", "/parameters/1"), ("now", "/now")] {
        assert_eq!(&group[field], now.pointer(at).unwrap(), "{field}");
    }
    for end in ["private_key_I", "private_key_R"] {
        assert_eq!(group[end], now[end]);
    }
    for (a, b) in tests.iter().zip(cases) {
        let fields = b.as_object().unwrap();
        assert_eq!(fields.len(), 9);
        for (field, value) in fields {
            assert_eq!(&a[field], value, "{field} of {}", a["suite"]);
        }
    }
}
