//! MIKEY through its public interface: codec, algorithms, session descriptions, and traps that other stacks have fallen into.
#![allow(clippy::unwrap_used)]

mod algorithms;
mod codec;
mod explained;
mod samples;
mod sdp;
mod traps;
mod tshark;

/// Bytes of hexadecimal text; white space is passed over.
fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    digits.chunks(2).map(|d| u8::from_str_radix(std::str::from_utf8(d).unwrap(), 16).unwrap()).collect()
}

/// A file below `vectors/`.
fn json(path: &str) -> serde_json::Value {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors").join(path);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// The messages of RFC 4567 section 5.1: an offer and its answer.
fn foreign() -> Vec<Vec<u8>> {
    let file = json("rfc4567_mikey/messages.json");
    let all: Vec<_> = file["messages"].as_array().unwrap().iter().map(|m| hex(m["hex"].as_str().unwrap())).collect();
    assert_eq!(all.len(), 2);
    all
}
