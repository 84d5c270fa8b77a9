//! Our own vectors: the same bytes in every build, whichever backend computes them.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::Path;

use serde_json::Value;

fn on_file(layer: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("vectors/ibake/{layer}.json"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn exchanges_with_fixed_randomness_give_the_bytes_on_file() {
    let (on_file, now) = (on_file("exchange"), common::exchanges());
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

#[test]
fn branches_share_the_first_message_and_nothing_behind_it_and_a_new_call_shares_nothing() {
    let file = on_file("calls");
    let groups = file["testGroups"].as_array().unwrap();
    let calls: Vec<&Value> = groups.iter().flat_map(|g| g["tests"].as_array().unwrap()).collect();
    let of = |comment: &str| calls.iter().find(|c| c["comment"] == comment).unwrap_or_else(|| panic!("{comment}"));
    let secrets = ["y", "K_R1", "K_I2", "K_SESSION", "MPK", "TGK", "auth_key"];
    for profile in ["bound", "rfc6267"] {
        let one = of(&format!("the first branch, {profile}"));
        let two = of(&format!("the second branch of the same call, {profile}"));
        for same in ["CSB ID", "RAND", "T_1", "x", "K_I1", "I_MESSAGE_1"] {
            assert!(one[same].is_string() && one[same] == two[same], "{same}, {profile}");
        }
        for other in secrets {
            assert!(one[other].is_string() && one[other] != two[other], "{other}, {profile}");
        }
    }
    let (new, before) = (of("the new call after a redirect"), of("x25519-chacha20poly1305, bound"));
    for other in secrets.iter().chain(&["CSB ID", "RAND", "x", "K_I1"]) {
        assert_ne!(new[*other], before[*other], "{other}");
    }
}
