//! Reads a directory of vectors and says of each case whether it holds.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::fault::Fault;
use super::fields::{Fields, Role};
use super::{ALGORITHM, Group, Layer, Verdict, find, negative};
use crate::error::{Failure, Kind};
use crate::files::read_limited;

/// Longest file that is read.
const FILE_MAX: u64 = 16 << 20;

/// One case that does not hold.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) file: String,
    pub(crate) id: u64,
    pub(crate) comment: String,
    pub(crate) what: String,
}

/// What a directory came to.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Name and number of cases.
    pub(crate) files: Vec<(String, u64)>,
    pub(crate) passed: u64,
    pub(crate) failed: Vec<Failed>,
}

/// A case that has been read and fits its group.
pub(super) struct Ready {
    pub(super) file: String,
    pub(super) id: u64,
    pub(super) comment: String,
    pub(super) group: &'static Group,
    /// Only the verdict is recorded.
    pub(super) only_verdict: bool,
    pub(super) fields: Fields,
    pub(super) error: Option<String>,
}

fn bad(file: &str, what: impl std::fmt::Display) -> Failure {
    Failure::new(Kind::Input, "vectors", format!("{file}: {what}"))
}

/// Checks every `.json` and `.txt` file of a directory, not of those below it. Everything is read and fitted to its layer
/// before the first case is computed.
///
/// # Errors
/// A directory or file that cannot be read, an unknown layer or group, a missing, unknown or mistyped field.
pub(crate) fn check_directory(dir: &Path) -> Result<Tally, Failure> {
    let io = |e| Failure::io(dir, &e);
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(dir).map_err(io)? {
        let path = entry.map_err(io)?.path();
        if path.is_file() && path.extension().is_some_and(|e| e == "json" || e == "txt") {
            paths.push(path);
        }
    }
    paths.sort();
    if paths.is_empty() {
        let failure = bad(&dir.display().to_string(), "no file of vectors (.json, or .txt for negative cases)");
        return Err(failure.hint("The vectors of this project are in vectors/ibake and vectors/negative."));
    }
    let mut tally = Tally::default();
    let mut ready = Vec::new();
    for path in &paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = String::from_utf8(read_limited(path, FILE_MAX)?).map_err(|_| bad(&name, "is not UTF-8"))?;
        let cases = match path.extension().is_some_and(|e| e == "txt") {
            true => vec![negative::read(&name, &text).map_err(|what| bad(&name, what))?],
            false => read(&name, &text)?,
        };
        tally.files.push((name, cases.len() as u64));
        ready.extend(cases);
    }
    for case in ready {
        match case.check()? {
            None => tally.passed += 1,
            Some(what) => tally.failed.push(Failed { file: case.file, id: case.id, comment: case.comment, what }),
        }
    }
    Ok(tally)
}

fn read(name: &str, text: &str) -> Result<Vec<Ready>, Failure> {
    let file: Value = serde_json::from_str(text).map_err(|e| bad(name, format_args!("is no JSON: {e}")))?;
    let file = file.as_object().ok_or_else(|| bad(name, "is no JSON object"))?;
    for required in ["schema", "algorithm", "layer", "spec", "about", "notes", "numberOfTests", "testGroups"] {
        if !file.contains_key(required) {
            return Err(bad(name, format_args!("{required} is missing")));
        }
    }
    let text = |v: &Value, field| v.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let whole = Value::Object(file.clone());
    if text(&whole, "algorithm") != ALGORITHM {
        return Err(bad(name, format_args!("algorithm {:?} is not {ALGORITHM}", text(&whole, "algorithm"))));
    }
    let layer_name = text(&whole, "layer");
    let layer = find(&layer_name).ok_or_else(|| bad(name, format_args!("layer {layer_name:?} is not known")))?;
    let flags = file["notes"].as_object().ok_or_else(|| bad(name, "notes is no object"))?;
    let mut ready = Vec::new();
    for group in file["testGroups"].as_array().ok_or_else(|| bad(name, "testGroups is no list"))? {
        let object = group.as_object().ok_or_else(|| bad(name, "a group is no object"))?;
        let kind = text(group, "type");
        let known = layer.group(&kind).ok_or_else(|| bad(name, format_args!("group type {kind:?} is not known")))?;
        let tests = group.get("tests").and_then(Value::as_array).ok_or_else(|| bad(name, "a group has no tests"))?;
        for test in tests {
            let test = test.as_object().ok_or_else(|| bad(name, "a test is no object"))?;
            ready.push(one(name, layer, known, flags, object, test)?);
        }
    }
    let ids: std::collections::BTreeSet<u64> = ready.iter().map(|r| r.id).collect();
    if ids.len() != ready.len() {
        return Err(bad(name, "a tcId occurs twice"));
    }
    let number = file["numberOfTests"].as_u64();
    if number != Some(ready.len() as u64) || ready.is_empty() {
        return Err(bad(name, format_args!("numberOfTests is {number:?}, there are {}", ready.len())));
    }
    Ok(ready)
}

fn one(
    name: &str,
    layer: &Layer,
    group: &'static Group,
    notes: &Map<String, Value>,
    shared: &Map<String, Value>,
    test: &Map<String, Value>,
) -> Result<Ready, Failure> {
    let id = test.get("tcId").and_then(Value::as_u64).ok_or_else(|| bad(name, "a test has no tcId"))?;
    let at = |what: String| bad(name, format_args!("tcId {id}: {what}"));
    let text = |field: &str| test.get(field).and_then(Value::as_str).map(str::to_owned);
    let comment = text("comment").ok_or_else(|| at("comment is missing".into()))?;
    let flags = test.get("flags").and_then(Value::as_array).ok_or_else(|| at("flags is missing".into()))?;
    if let Some(flag) = flags.iter().find(|f| !f.as_str().is_some_and(|f| notes.contains_key(f))) {
        return Err(at(format!("flag {flag} has no note")));
    }
    let result = text("result").ok_or_else(|| at("result is missing".into()))?;
    let error = text("error");
    match (result.as_str(), &error) {
        ("valid", None) | ("invalid", Some(_)) => {}
        ("valid" | "invalid", _) => return Err(at("error stands exactly in invalid cases".into())),
        _ => return Err(at(format!("result is {result:?}"))),
    }
    let mut fields = Map::new();
    for (field, value) in shared.iter().filter(|(f, _)| !["type", "tests"].contains(&f.as_str())) {
        if !group.fields.iter().any(|f| f.name == field && f.is_input()) {
            return Err(at(format!("{field} is no input of this group")));
        }
        fields.insert(field.clone(), value.clone());
    }
    let own = ["tcId", "comment", "flags", "result", "error"];
    for (field, value) in test.iter().filter(|(f, _)| !own.contains(&f.as_str())) {
        if fields.insert(field.clone(), value.clone()).is_some() {
            return Err(at(format!("{field} stands in the group and in the test")));
        }
    }
    let only_verdict = layer.is_limits();
    let fields = Fields(fields);
    fit(group, &fields, only_verdict, result == "valid").map_err(at)?;
    Ok(Ready { file: name.into(), id, comment, group, only_verdict, fields, error })
}

/// Whether the fields are those of the group: none missing, none unknown, each of its kind.
pub(super) fn fit(group: &Group, fields: &Fields, only_verdict: bool, valid: bool) -> Result<(), String> {
    for field in group.fields {
        match fields.0.get(field.name) {
            Some(_) if !field.is_input() && (only_verdict || !valid) => {
                return Err(format!("{} is recorded where there is no such result", field.name));
            }
            Some(value) => field.fits(value).map_err(|e| match e {
                Fault::Malformed(what) => what,
                other => format!("{other:?}"),
            })?,
            None if field.role == Role::Input || (field.role == Role::Output && valid && !only_verdict) => {
                return Err(format!("{} is missing", field.name));
            }
            None => {}
        }
    }
    match fields.0.keys().find(|name| !group.fields.iter().any(|f| f.name == **name)) {
        Some(name) => Err(format!("{name} is no field of this group")),
        None => Ok(()),
    }
}

impl Ready {
    /// What is wrong with the case, if anything.
    fn check(&self) -> Result<Option<String>, Failure> {
        let verdict = match Verdict::of(self.group, &self.fields) {
            Ok(verdict) => verdict,
            Err(Fault::Malformed(what)) => {
                return Err(bad(&self.file, format_args!("tcId {}: {what}", self.id)));
            }
            Err(Fault::Disagrees(what)) => return Ok(Some(what)),
            Err(Fault::Refused(_)) => return Ok(Some("refused".into())),
        };
        Ok(match (verdict, &self.error) {
            (Verdict::Invalid(got), Some(expected)) if got == *expected => None,
            (Verdict::Invalid(got), Some(expected)) => Some(format!("refused with {got} instead of {expected}")),
            (Verdict::Invalid(got), None) => Some(format!("refused with {got}")),
            (Verdict::Valid(_), Some(expected)) => Some(format!("accepted, {expected} expected")),
            (Verdict::Valid(out), None) if !self.only_verdict => self.compare(&out),
            (Verdict::Valid(_), None) => None,
        })
    }

    fn compare(&self, out: &Map<String, Value>) -> Option<String> {
        for field in self.group.fields.iter().filter(|f| !f.is_input()) {
            match (out.get(field.name), self.fields.0.get(field.name)) {
                (a, b) if a == b => {}
                (Some(_), None) => return Some(format!("{} is missing", field.name)),
                (None, _) => return Some(format!("{} was not computed", field.name)),
                _ => return Some(format!("{} differs", field.name)),
            }
        }
        None
    }
}
