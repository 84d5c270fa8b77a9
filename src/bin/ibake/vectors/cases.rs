//! Short ways to write inputs down.

use serde_json::{Map, Value, json};

use super::{Case, CaseGroup};

pub(crate) fn map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

pub(crate) fn case(comment: impl Into<String>, flags: &[&'static str], inputs: Value) -> Case {
    Case { comment: comment.into(), flags: flags.to_vec(), inputs: map(inputs) }
}

pub(crate) fn group(kind: &'static str, shared: Value, cases: Vec<Case>) -> CaseGroup {
    CaseGroup { kind, shared: map(shared), cases }
}

/// `text`, `times` times.
pub(crate) fn times(text: &str, times: usize) -> Value {
    json!({ "repeat": text, "times": times })
}
