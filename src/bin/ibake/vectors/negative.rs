//! Negative cases as text, one a file: attack and expected error first, then the inputs of one case.
//!
//! ```text
//! attack: a point outside the subgroup
//! expect: Decode(NotInSubgroup)
//! spec: 2.1.2
//! layer: kem
//! group: decapsulate
//!
//! encapsulation: b7..
//!   ..
//! ```
//! A line that begins with two spaces continues the one before it. A list has a line for each item,
//! an empty one none. Text is written as in
//! JSON; numbers are decimal.

use serde_json::{Map, Value};

use super::attacks;
use super::check::{Ready, fit};
use super::fields::{Fields, Kind, Role};
use super::{Verdict, find};

/// Digits in a line.
const WIDTH: usize = 112;
const HEAD: [&str; 5] = ["attack", "expect", "spec", "layer", "group"];

/// One case to be written.
pub(super) struct Negative {
    pub(super) name: &'static str,
    pub(super) attack: &'static str,
    pub(super) spec: &'static str,
    pub(super) layer: &'static str,
    pub(super) group: &'static str,
    pub(super) inputs: Map<String, Value>,
}

/// Name and text of every negative case of ours.
///
/// # Errors
/// A case that is not refused: a bug.
pub(crate) fn texts() -> Result<Vec<(String, String)>, String> {
    attacks::all().into_iter().map(|n| Ok((format!("{}.txt", n.name), n.text()?))).collect()
}

impl Negative {
    fn text(self) -> Result<String, String> {
        let Self { name, attack, spec, layer, group, inputs } = self;
        let known = find(layer).and_then(|l| l.group(group)).ok_or_else(|| format!("{name}: no {layer}/{group}"))?;
        let error = match Verdict::of(known, &Fields(inputs.clone())) {
            Ok(Verdict::Invalid(error)) => error,
            other => return Err(format!("{name} is not refused: {other:?}")),
        };
        let mut out = format!("attack: {attack}\nexpect: {error}\nspec: {spec}\nlayer: {layer}\ngroup: {group}\n\n");
        for field in known.fields.iter().filter(|f| inputs.contains_key(f.name)) {
            let value = inputs.get(field.name).cloned().unwrap_or_default();
            let items = match value {
                Value::Array(items) => items,
                one => vec![one],
            };
            for item in items {
                line(&mut out, field.name, &item);
            }
        }
        Ok(out)
    }
}

fn line(out: &mut String, name: &str, item: &Value) {
    let hexadecimal = |s: &str| s.bytes().all(|b| b.is_ascii_hexdigit());
    match item {
        Value::String(s) if hexadecimal(s) && s.len() > WIDTH - name.len() => {
            out.push_str(&format!("{name}:\n"));
            let mut rest = s.as_str();
            while !rest.is_empty() {
                let (head, tail) = rest.split_at(rest.len().min(WIDTH));
                out.push_str(&format!("  {head}\n"));
                rest = tail;
            }
        }
        Value::String(s) if hexadecimal(s) => out.push_str(&format!("{name}: {s}\n")),
        other => out.push_str(&format!("{name}: {other}\n")),
    }
}

/// Reads a case.
pub(super) fn read(file: &str, text: &str) -> Result<Ready, String> {
    let mut lines: Vec<(String, String)> = Vec::new();
    for line in text.lines().filter(|l| !l.is_empty()) {
        if let Some(more) = line.strip_prefix("  ") {
            lines.last_mut().ok_or("begins with a continued line")?.1.push_str(more);
        } else {
            let (name, value) = line.split_once(':').ok_or_else(|| format!("a line without a name: {line:?}"))?;
            lines.push((name.to_owned(), value.trim().to_owned()));
        }
    }
    let mut head = lines.drain(..HEAD.len().min(lines.len())).collect::<Vec<_>>().into_iter();
    let mut next = |name: &str| match head.next() {
        Some((found, value)) if found == name && !value.is_empty() => Ok(value),
        _ => Err(format!("the line {name:?} is missing; the first ones are {HEAD:?} in this order")),
    };
    let (attack, error) = (next("attack")?, next("expect")?);
    next("spec")?;
    let (layer, group) = (next("layer")?, next("group")?);
    let known = find(&layer).ok_or_else(|| format!("layer {layer:?} is not known"))?;
    let group = known.group(&group).ok_or_else(|| format!("group {group:?} is not known"))?;
    let mut fields = Map::new();
    for (name, value) in lines {
        let field = group.fields.iter().find(|f| f.name == name).ok_or_else(|| format!("{name} is no field of it"))?;
        let item = match field.kind {
            Kind::Bytes | Kind::BytesList => Value::from(value),
            _ => serde_json::from_str(&value).map_err(|e| format!("{name}: {e}"))?,
        };
        let is_list = field.kind.is_list();
        match (fields.get_mut(&name), is_list) {
            (None, true) => drop(fields.insert(name, Value::from(vec![item]))),
            (Some(Value::Array(items)), true) => items.push(item),
            (None, false) => drop(fields.insert(name, item)),
            _ => return Err(format!("{name} stands there twice")),
        }
    }
    // A list without a line is an empty list.
    for field in group.fields.iter().filter(|f| f.role == Role::Input && f.kind.is_list()) {
        fields.entry(field.name).or_insert_with(|| Value::Array(Vec::new()));
    }
    let fields = Fields(fields);
    fit(group, &fields, false, false)?;
    Ok(Ready { file: file.into(), id: 1, comment: attack, group, only_verdict: false, fields, error: Some(error) })
}
