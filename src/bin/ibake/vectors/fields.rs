//! Fields of a test case: which a group has, and typed access to their values.
//!
//! Bytes are hexadecimal text. Long ones may be described: `{"repeat": "00", "times": 9}`, or a list of such parts to be put
//! one after the other.

use ibake::ibe::{Granularity, Identity, PublicParameters};
use serde_json::{Map, Value};

use super::fault::{Fault, malformed};

/// The most bytes that a description may stand for.
const DESCRIBED_MAX: usize = 1 << 25;

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Bytes,
    Text,
    Number,
    Bool,
    BytesList,
    TextList,
    NumberList,
}

impl Kind {
    pub(crate) const fn is_list(self) -> bool {
        matches!(self, Self::BytesList | Self::TextList | Self::NumberList)
    }
}

/// Whether a case gives the field or asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Input,
    Optional,
    Output,
    /// An output that not every case has.
    Sometimes,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) role: Role,
}

pub(crate) const fn input(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, role: Role::Input }
}

pub(crate) const fn optional(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, role: Role::Optional }
}

pub(crate) const fn output(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, role: Role::Output }
}

pub(crate) const fn sometimes(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, role: Role::Sometimes }
}

impl Field {
    pub(crate) const fn is_input(&self) -> bool {
        matches!(self.role, Role::Input | Role::Optional)
    }

    /// Whether the value is of this kind; bytes and text are read to find out.
    pub(crate) fn fits(&self, value: &Value) -> Result<(), Fault> {
        let list = || value.as_array().ok_or_else(|| malformed(format!("{} is no list", self.name)));
        match self.kind {
            Kind::Bytes => bytes_of(self.name, value).map(drop),
            Kind::Text => text_of(self.name, value).map(drop),
            Kind::Number => value.as_u64().map(drop).ok_or_else(|| malformed(format!("{} is no number", self.name))),
            Kind::Bool => value.as_bool().map(drop).ok_or_else(|| malformed(format!("{} is no boolean", self.name))),
            Kind::BytesList => list()?.iter().try_for_each(|v| bytes_of(self.name, v).map(drop)),
            Kind::TextList => list()?.iter().try_for_each(|v| text_of(self.name, v).map(drop)),
            Kind::NumberList if list()?.iter().all(Value::is_u64) => Ok(()),
            Kind::NumberList => Err(malformed(format!("{} is no list of numbers", self.name))),
        }
    }
}

pub(crate) fn hex(bytes: impl AsRef<[u8]>) -> Value {
    Value::String(base16ct::lower::encode_string(bytes.as_ref()))
}

fn unhex(name: &str, text: &str) -> Result<Vec<u8>, Fault> {
    base16ct::lower::decode_vec(text).map_err(|_| malformed(format!("{name} is not hexadecimal in lower case")))
}

/// A piece of text and how often it stands there.
fn repeated<'v>(name: &str, value: &'v Map<String, Value>) -> Result<(&'v str, usize), Fault> {
    let bad = || malformed(format!("{name}: a repetition has `repeat` and `times`, and nothing else"));
    let text = value.get("repeat").and_then(Value::as_str).ok_or_else(bad)?;
    let times = value.get("times").and_then(Value::as_u64).and_then(|t| usize::try_from(t).ok()).ok_or_else(bad)?;
    if value.len() != 2 {
        return Err(bad());
    }
    let total = times.checked_mul(text.len()).filter(|t| *t <= 2 * DESCRIBED_MAX);
    total.map(|_| (text, times)).ok_or_else(|| malformed(format!("{name} describes too many bytes")))
}

fn bytes_of(name: &str, value: &Value) -> Result<Vec<u8>, Fault> {
    match value {
        Value::String(text) => unhex(name, text),
        Value::Object(object) => {
            let (text, times) = repeated(name, object)?;
            Ok(unhex(name, text)?.repeat(times))
        }
        Value::Array(parts) => {
            let mut out = Vec::new();
            for part in parts {
                out.extend(bytes_of(name, part)?);
                if out.len() > DESCRIBED_MAX {
                    return Err(malformed(format!("{name} describes too many bytes")));
                }
            }
            Ok(out)
        }
        _ => Err(malformed(format!("{name} holds no bytes"))),
    }
}

fn text_of(name: &str, value: &Value) -> Result<String, Fault> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Object(object) => repeated(name, object).map(|(text, times)| text.repeat(times)),
        Value::Array(parts) => {
            let mut out = String::new();
            for part in parts {
                out.push_str(&text_of(name, part)?);
                if out.len() > DESCRIBED_MAX {
                    return Err(malformed(format!("{name} describes too much text")));
                }
            }
            Ok(out)
        }
        _ => Err(malformed(format!("{name} holds no text"))),
    }
}

/// The fields of one case, those of its group included.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields(pub(crate) Map<String, Value>);

impl Fields {
    fn get(&self, name: &str) -> Result<&Value, Fault> {
        self.0.get(name).ok_or_else(|| malformed(format!("{name} is missing")))
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(crate) fn bytes(&self, name: &str) -> Result<Vec<u8>, Fault> {
        bytes_of(name, self.get(name)?)
    }

    /// Bytes that may be missing.
    pub(crate) fn bytes_or_none(&self, name: &str) -> Result<Vec<u8>, Fault> {
        if self.has(name) { self.bytes(name) } else { Ok(Vec::new()) }
    }

    pub(crate) fn array<const N: usize>(&self, name: &str) -> Result<[u8; N], Fault> {
        let bytes = self.bytes(name)?;
        let got = bytes.len();
        bytes.try_into().map_err(|_| malformed(format!("{name} has {got} bytes instead of {N}")))
    }

    pub(crate) fn list(&self, name: &str) -> Result<Vec<Vec<u8>>, Fault> {
        let list = self.get(name)?.as_array().ok_or_else(|| malformed(format!("{name} is no list")))?;
        list.iter().map(|v| bytes_of(name, v)).collect()
    }

    pub(crate) fn numbers(&self, name: &str) -> Result<Vec<u64>, Fault> {
        let bad = || malformed(format!("{name} is no list of numbers"));
        self.get(name)?.as_array().ok_or_else(bad)?.iter().map(|v| v.as_u64().ok_or_else(bad)).collect()
    }

    pub(crate) fn text(&self, name: &str) -> Result<String, Fault> {
        text_of(name, self.get(name)?)
    }

    pub(crate) fn texts(&self, name: &str) -> Result<Vec<String>, Fault> {
        let list = self.get(name)?.as_array().ok_or_else(|| malformed(format!("{name} is no list")))?;
        list.iter().map(|v| text_of(name, v)).collect()
    }

    pub(crate) fn number(&self, name: &str) -> Result<u64, Fault> {
        self.get(name)?.as_u64().ok_or_else(|| malformed(format!("{name} is no number")))
    }

    pub(crate) fn flag(&self, name: &str) -> Result<bool, Fault> {
        self.get(name)?.as_bool().ok_or_else(|| malformed(format!("{name} is no boolean")))
    }

    pub(crate) fn u8(&self, name: &str) -> Result<u8, Fault> {
        u8::try_from(self.number(name)?).map_err(|_| malformed(format!("{name} is above 255")))
    }

    pub(crate) fn granularity(&self) -> Result<Granularity, Fault> {
        Ok(Granularity::from_id(self.u8("granularity")?)?)
    }

    pub(crate) fn parameters(&self) -> Result<PublicParameters, Fault> {
        Ok(PublicParameters::from_der(&self.bytes("parameters")?)?)
    }

    /// `ID`, with the granularity of these parameters.
    pub(crate) fn identity(&self, parameters: &PublicParameters) -> Result<Identity, Fault> {
        Ok(Identity::from_der(&self.bytes("ID")?, parameters.granularity())?)
    }
}

/// Collects outputs in a line each.
#[derive(Debug, Default)]
pub(crate) struct Out(pub(crate) Map<String, Value>);

impl Out {
    pub(crate) fn bytes(&mut self, name: &str, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.put(name, hex(bytes))
    }

    pub(crate) fn put(&mut self, name: &str, value: impl Into<Value>) -> &mut Self {
        self.0.insert(name.into(), value.into());
        self
    }
}
