//! The tables of fields as JSON Schema, for tools of others.

use serde_json::{Map, Value, json};

use super::fields::{Field, Kind};
use super::{ALGORITHM, Group, Layer, layers::LAYERS};

/// The schema of a layer's file.
pub(crate) fn schema(layer: &Layer) -> Value {
    let groups: Vec<Value> = match layer.is_limits() {
        false => layer.groups.iter().map(|g| group_schema(g.kind.into(), g, false)).collect(),
        true => {
            let all = LAYERS.iter().flat_map(|l| l.groups.iter().map(move |g| (format!("{}/{}", l.name, g.kind), g)));
            all.map(|(kind, g)| group_schema(kind, g, true)).collect()
        }
    };
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": format!("Test vectors of ibake, layer {}", layer.name),
        "description": "An input stands in a test or, for all tests of a group, in the group; `ibake vectors check` finds missing ones.",
        "type": "object",
        "required": ["schema", "algorithm", "layer", "spec", "about", "notes", "numberOfTests", "testGroups"],
        "additionalProperties": false,
        "properties": {
            "schema": { "const": format!("{}.schema.json", layer.name) },
            "algorithm": { "const": ALGORITHM },
            "layer": { "const": layer.name },
            "spec": { "type": "string", "description": "sections of SPEC.md" },
            "about": { "type": "string" },
            "notes": {
                "description": "for each flag, the bug that the cases with it provoke",
                "type": "object",
                "additionalProperties": {
                    "type": "object",
                    "required": ["bugType", "description"],
                    "additionalProperties": false,
                    "properties": { "bugType": { "type": "string" }, "description": { "type": "string" } },
                },
            },
            "numberOfTests": { "type": "integer", "minimum": 1 },
            "testGroups": { "type": "array", "minItems": 1, "items": { "oneOf": groups } },
        },
        "$defs": {
            "hex": { "type": "string", "pattern": "^([0-9a-f]{2})*$" },
            "repetition": {
                "type": "object",
                "required": ["repeat", "times"],
                "additionalProperties": false,
                "properties": { "repeat": { "type": "string" }, "times": { "type": "integer", "minimum": 0 } },
            },
            "part": { "anyOf": [{ "type": "string" }, { "$ref": "#/$defs/repetition" }] },
            "bytes": {
                "description": "hexadecimal, or parts to be put one after the other",
                "anyOf": [
                    { "$ref": "#/$defs/hex" },
                    { "$ref": "#/$defs/repetition" },
                    { "type": "array", "items": { "$ref": "#/$defs/part" } },
                ],
            },
            "text": {
                "anyOf": [{ "$ref": "#/$defs/part" }, { "type": "array", "items": { "$ref": "#/$defs/part" } }],
            },
        },
    })
}

fn group_schema(kind: String, group: &Group, only_verdicts: bool) -> Value {
    let inputs: Vec<&Field> = group.fields.iter().filter(|f| f.is_input()).collect();
    let mut in_test: Map<String, Value> = inputs.iter().map(|f| (f.name.into(), value_schema(f))).collect();
    let mut in_group = in_test.clone();
    let mut valid = json!({ "not": { "required": ["error"] } });
    if !only_verdicts {
        let outputs = group.fields.iter().filter(|f| !f.is_input());
        in_test.extend(outputs.map(|f| (f.name.to_owned(), value_schema(f))));
        let required = group.fields.iter().filter(|f| f.role == super::fields::Role::Output).map(|f| f.name);
        valid["required"] = required.collect();
    }
    let strings = json!({ "type": "array", "items": { "type": "string" } });
    in_test.extend([
        ("tcId".to_owned(), json!({ "type": "integer", "minimum": 1 })),
        ("comment".to_owned(), json!({ "type": "string" })),
        ("flags".to_owned(), strings),
        ("result".to_owned(), json!({ "enum": ["valid", "invalid"] })),
        ("error".to_owned(), json!({ "type": "string", "description": "by its name in SPEC.md 1.2 and 12" })),
    ]);
    let tests = json!({
        "type": "array",
        "minItems": 1,
        "items": {
            "type": "object",
            "required": ["tcId", "comment", "flags", "result"],
            "additionalProperties": false,
            "properties": in_test,
            "if": { "properties": { "result": { "const": "valid" } } },
            "then": valid,
            "else": { "required": ["error"] },
        },
    });
    in_group.extend([("type".to_owned(), json!({ "const": kind })), ("tests".to_owned(), tests)]);
    json!({
        "description": group.about,
        "type": "object",
        "required": ["type", "tests"],
        "additionalProperties": false,
        "properties": in_group,
    })
}

fn value_schema(field: &Field) -> Value {
    match field.kind {
        Kind::Bytes => json!({ "$ref": "#/$defs/bytes" }),
        Kind::Text => json!({ "$ref": "#/$defs/text" }),
        Kind::Number => json!({ "type": "integer", "minimum": 0, "maximum": u64::MAX }),
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::BytesList => json!({ "type": "array", "items": { "$ref": "#/$defs/bytes" } }),
        Kind::TextList => json!({ "type": "array", "items": { "$ref": "#/$defs/text" } }),
        Kind::NumberList => json!({ "type": "array", "items": { "type": "integer", "minimum": 0 } }),
    }
}
