//! JSON as people read it: what a case is comes first, what must come out of it last.

use serde_json::{Map, Value};

/// These in front, in this order; all others by name behind them.
const FIRST: &[&str] =
    &["schema", "algorithm", "layer", "spec", "about", "notes", "numberOfTests", "type", "tcId", "comment", "flags"];
/// These at the end.
const LAST: &[&str] = &["result", "error", "tests", "testGroups"];

/// Two spaces a level; lists of numbers and words stay on a line.
pub(crate) fn pretty(value: &Value) -> String {
    let mut out = String::new();
    write(&mut out, value, 0);
    out
}

fn rank(name: &str) -> (usize, &str) {
    match (FIRST.iter().position(|n| *n == name), LAST.iter().position(|n| *n == name)) {
        (Some(at), _) => (at, ""),
        (_, Some(at)) => (FIRST.len() + 1 + at, ""),
        _ => (FIRST.len(), name),
    }
}

fn write(out: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Object(map) if is_small(map) => {
            out.push_str("{ ");
            for (i, (name, v)) in map.iter().enumerate() {
                out.push_str(if i > 0 { ", " } else { "" });
                out.push_str(&format!("{}: {v}", Value::from(name.as_str())));
            }
            out.push_str(" }");
        }
        Value::Object(map) if !map.is_empty() => {
            let mut names: Vec<&str> = map.keys().map(String::as_str).collect();
            names.sort_by_key(|name| rank(name));
            block(out, depth, ['{', '}'], names.into_iter().map(|n| (Some(n), map.get(n).unwrap_or(&Value::Null))));
        }
        Value::Array(list) if list.iter().any(|v| v.is_object() || v.as_str().is_some_and(|s| s.len() > 24)) => {
            block(out, depth, ['[', ']'], list.iter().map(|v| (None, v)));
        }
        other => out.push_str(&other.to_string()),
    }
}

/// A description of long bytes fits on a line.
fn is_small(map: &Map<String, Value>) -> bool {
    map.contains_key("repeat")
}

fn block<'v>(
    out: &mut String,
    depth: usize,
    [open, close]: [char; 2],
    items: impl Iterator<Item = (Option<&'v str>, &'v Value)>,
) {
    out.push(open);
    let mut comma = "";
    for (name, value) in items {
        out.push_str(comma);
        comma = ",";
        out.push('\n');
        out.push_str(&"  ".repeat(depth + 1));
        if let Some(name) = name {
            out.push_str(&format!("{}: ", Value::from(name)));
        }
        write(out, value, depth + 1);
    }
    out.push('\n');
    out.push_str(&"  ".repeat(depth));
    out.push(close);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_printed_reads_back_in_its_order() {
        let value =
            json!({ "result": "valid", "b": [1, 2], "a": { "repeat": "00", "times": 3 }, "tcId": 1, "l": [{}] });
        let text = pretty(&value);
        assert_eq!(serde_json::from_str::<Value>(&text).ok(), Some(value));
        let at = |s: &str| text.find(s).unwrap_or(usize::MAX);
        assert!(at("tcId") < at("\"a\"") && at("\"a\"") < at("\"b\"") && at("\"l\"") < at("result"), "{text}");
    }
}
