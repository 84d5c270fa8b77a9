//! Test vectors of SPEC.md: what a file of them may hold, how its values are computed, and how one is checked.
//!
//! A layer has groups; a group has fields, inputs and outputs, and a function from the ones to the others. Checking a file
//! computes and compares; generating one computes from the inputs that each layer lists here. Nothing here writes a file.

mod attacks;
mod calls;
mod cases;
mod check;
mod fault;
mod fields;
mod formulas;
mod layers;
mod negative;
mod print;
mod rng;
mod schema;
mod trace;
mod world;

pub(crate) use check::{Failed, Tally, check_directory};
pub(crate) use layers::{LAYERS, find};
pub(crate) use negative::texts as negative_texts;
pub(crate) use print::pretty;
pub(crate) use schema::schema;

use serde_json::{Map, Value, json};

use fault::Fault;
use fields::{Field, Fields, Out};

/// What every file of ours says it is about.
pub(crate) const ALGORITHM: &str = "IBAKE-V01";

/// A file of vectors: one part of SPEC.md.
pub(crate) struct Layer {
    pub(crate) name: &'static str,
    /// Sections of SPEC.md.
    pub(crate) spec: &'static str,
    pub(crate) about: &'static str,
    pub(crate) groups: &'static [Group],
    /// Flag, kind of bug, what the cases with this flag provoke.
    pub(crate) notes: &'static [(&'static str, &'static str, &'static str)],
    pub(crate) cases: fn() -> Vec<CaseGroup>,
}

/// Cases with the same fields.
pub(crate) struct Group {
    pub(crate) kind: &'static str,
    pub(crate) about: &'static str,
    pub(crate) fields: &'static [Field],
    pub(crate) compute: fn(&Fields) -> Result<Out, Fault>,
}

/// Inputs of a group of cases.
pub(crate) struct CaseGroup {
    pub(crate) kind: &'static str,
    pub(crate) shared: Map<String, Value>,
    pub(crate) cases: Vec<Case>,
}

#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) comment: String,
    pub(crate) flags: Vec<&'static str>,
    pub(crate) inputs: Map<String, Value>,
}

impl Layer {
    pub(crate) fn group(&self, kind: &str) -> Option<&'static Group> {
        // The limits are cases of the groups of all other layers, of which only the verdict is recorded.
        match kind.split_once('/') {
            Some((layer, kind)) if self.is_limits() => find(layer)?.group(kind),
            _ => self.groups.iter().find(|g| g.kind == kind),
        }
    }

    pub(crate) fn is_limits(&self) -> bool {
        self.name == "limits"
    }

    /// The whole file.
    ///
    /// # Errors
    /// A case that cannot be computed at all, with its comment: a bug of this program.
    pub(crate) fn generate(&self) -> Result<Value, String> {
        let mut id = 0u64;
        let mut groups = Vec::new();
        for CaseGroup { kind, shared, cases } in (self.cases)() {
            let group = self.group(kind).ok_or_else(|| format!("no group {kind}"))?;
            let mut tests = Vec::new();
            for Case { comment, flags, inputs } in cases {
                id += 1;
                let mut all = shared.clone();
                all.extend(inputs.clone());
                let verdict = Verdict::of(group, &Fields(all)).map_err(|e| format!("{kind}, {comment}: {e:?}"))?;
                let mut test = inputs;
                test.insert("tcId".into(), id.into());
                test.insert("comment".into(), comment.into());
                test.insert("flags".into(), flags.into());
                test.insert("result".into(), verdict.result().into());
                match verdict {
                    Verdict::Valid(out) if !self.is_limits() => test.extend(out),
                    Verdict::Valid(_) => {}
                    Verdict::Invalid(error) => drop(test.insert("error".into(), error.into())),
                }
                tests.push(Value::Object(test));
            }
            let mut object = shared;
            object.insert("type".into(), kind.into());
            object.insert("tests".into(), tests.into());
            groups.push(Value::Object(object));
        }
        let note = |(flag, kind, text): &(&str, &str, &str)| {
            ((*flag).to_owned(), json!({ "bugType": kind, "description": text }))
        };
        Ok(json!({
            "schema": format!("{}.schema.json", self.name),
            "algorithm": ALGORITHM,
            "layer": self.name,
            "spec": self.spec,
            "about": self.about,
            "notes": self.notes.iter().map(note).collect::<Map<_, _>>(),
            "numberOfTests": id,
            "testGroups": groups,
        }))
    }
}

/// What a case comes to.
#[derive(Debug)]
pub(crate) enum Verdict {
    Valid(Map<String, Value>),
    Invalid(String),
}

impl Verdict {
    pub(crate) fn of(group: &Group, fields: &Fields) -> Result<Self, Fault> {
        match (group.compute)(fields) {
            Ok(out) => Ok(Self::Valid(out.0)),
            Err(Fault::Refused(error)) => Ok(Self::Invalid(error)),
            Err(other) => Err(other),
        }
    }

    pub(crate) const fn result(&self) -> &'static str {
        match self {
            Self::Valid(_) => "valid",
            Self::Invalid(_) => "invalid",
        }
    }
}
