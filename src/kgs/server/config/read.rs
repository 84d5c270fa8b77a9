//! Options of a TOML text by section and name, with the places of what is wrong.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Range, RangeInclusive};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::LONGEST;

/// What is wrong in a configuration file, where, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// From 1 on.
    pub line: usize,
    /// From 1 on, in characters.
    pub column: usize,
    /// One clause.
    pub what: String,
    /// A sentence: what to write.
    pub remedy: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}. {}", self.line, self.column, self.what, self.remedy)
    }
}

impl core::error::Error for Mistake {}

/// An option that stands in the file and has not been asked for yet.
struct Found<'a> {
    at: Range<usize>,
    value: Spanned<DeValue<'a>>,
}

struct Section<'a> {
    at: Range<usize>,
    options: BTreeMap<String, Found<'a>>,
}

/// A text taken apart.
#[derive(Default)]
pub(super) struct Reader<'a> {
    text: &'a str,
    sections: BTreeMap<String, Section<'a>>,
    /// What has been asked for, in order.
    pub(super) asked: Vec<(&'static str, &'static str)>,
}

fn mistake(text: &str, at: &Range<usize>, what: String, remedy: &str) -> Mistake {
    let before = text.get(..at.start).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Mistake { line, column, what, remedy: remedy.into() }
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Result<Self, Mistake> {
        if text.len() > LONGEST {
            let what = format!("the file has {} bytes, {LONGEST} are read", text.len());
            return Err(mistake(text, &(0..0), what, "Leave out what is not configuration."));
        }
        let table = DeTable::parse(text).map_err(|e| {
            let what = e.message().lines().collect::<Vec<_>>().join(", ");
            let remedy =
                "This is no TOML: lines are [section], name = value or # remark; texts stand in double quotes.";
            mistake(text, &e.span().unwrap_or(0..0), what, remedy)
        })?;
        let mut sections = BTreeMap::new();
        for (name, value) in table.into_inner() {
            let at = name.span();
            let DeValue::Table(inner) = value.into_inner() else {
                let what = format!("the option {:?} stands in no section", name.get_ref());
                return Err(mistake(text, &at, what, "Put it below the line of its section, for example [store]."));
            };
            let options = inner.into_iter().map(|(k, value)| (k.get_ref().to_string(), Found { at: k.span(), value }));
            sections.insert(name.get_ref().to_string(), Section { at, options: options.collect() });
        }
        Ok(Self { text, sections, asked: Vec::new() })
    }

    pub(super) fn mistake(&self, at: &Range<usize>, what: String, remedy: &str) -> Mistake {
        mistake(self.text, at, what, remedy)
    }

    /// Where a section stands.
    pub(super) fn section(&self, name: &str) -> Range<usize> {
        self.sections.get(name).map_or(0..0, |s| s.at.clone())
    }

    fn take(&mut self, section: &'static str, name: &'static str) -> Option<Spanned<DeValue<'a>>> {
        self.asked.push((section, name));
        self.sections.get_mut(section)?.options.remove(name).map(|found| found.value)
    }

    fn wanted(&self, at: &Range<usize>, name: &str, got: &str, wanted: &str) -> Mistake {
        self.mistake(at, format!("{name} is {got}"), &format!("Write {wanted}."))
    }

    /// A text, with its place.
    pub(super) fn text(
        &mut self,
        section: &'static str,
        name: &'static str,
    ) -> Result<Option<(String, Range<usize>)>, Mistake> {
        let Some(value) = self.take(section, name) else { return Ok(None) };
        let at = value.span();
        match value.get_ref().as_str() {
            Some("") => Err(self.wanted(&at, name, "empty", "a text in double quotes, or leave the option out")),
            Some(text) => Ok(Some((text.to_owned(), at))),
            None => Err(self.wanted(&at, name, a(value.get_ref()), "a text in double quotes")),
        }
    }

    /// A text that is something.
    pub(super) fn parsed<T: std::str::FromStr>(
        &mut self,
        section: &'static str,
        name: &'static str,
        wanted: &str,
    ) -> Result<Option<T>, Mistake> {
        let Some((text, at)) = self.text(section, name)? else { return Ok(None) };
        text.parse().map(Some).map_err(|_| self.wanted(&at, name, &format!("{text:?}"), wanted))
    }

    pub(super) fn texts(&mut self, section: &'static str, name: &'static str) -> Result<Vec<String>, Mistake> {
        let Some(value) = self.take(section, name) else { return Ok(Vec::new()) };
        let wanted = "a list of texts, for example [\"sip:alice@a.example\"]";
        let Some(list) = value.get_ref().as_array() else {
            return Err(self.wanted(&value.span(), name, a(value.get_ref()), wanted));
        };
        let text = |one: &Spanned<DeValue<'_>>| {
            let text = one.get_ref().as_str().map(str::to_owned);
            text.ok_or_else(|| self.wanted(&one.span(), name, "a list with something else in it", wanted))
        };
        list.iter().map(text).collect()
    }

    pub(super) fn flag(&mut self, section: &'static str, name: &'static str, default: bool) -> Result<bool, Mistake> {
        let Some(value) = self.take(section, name) else { return Ok(default) };
        let wrong = || self.wanted(&value.span(), name, a(value.get_ref()), "true or false");
        value.get_ref().as_bool().ok_or_else(wrong)
    }

    pub(super) fn number<T>(
        &mut self,
        section: &'static str,
        name: &'static str,
        default: T,
        range: RangeInclusive<T>,
    ) -> Result<T, Mistake>
    where
        T: TryFrom<i64> + PartialOrd + fmt::Display,
    {
        let Some(value) = self.take(section, name) else { return Ok(default) };
        let wanted = format!("a whole number from {} to {}", range.start(), range.end());
        let Some(number) = value.get_ref().as_integer() else {
            return Err(self.wanted(&value.span(), name, a(value.get_ref()), &wanted));
        };
        let read = i64::from_str_radix(number.as_str(), number.radix()).ok().and_then(|n| T::try_from(n).ok());
        let fits = read.filter(|n| range.contains(n));
        fits.ok_or_else(|| self.wanted(&value.span(), name, number.as_str(), &wanted))
    }

    /// Whatever is left is not known.
    pub(super) fn finish(self) -> Result<(), Mistake> {
        let names = |section: &str| {
            let all = self.asked.iter().filter(|(s, _)| *s == section).map(|(_, name)| *name);
            all.collect::<Vec<_>>().join(", ")
        };
        for (name, section) in &self.sections {
            if !self.asked.iter().any(|(s, _)| s == name) {
                let mut all: Vec<&str> = Vec::new();
                for (section, _) in &self.asked {
                    if !all.contains(section) {
                        all.push(section);
                    }
                }
                let remedy = format!("Sections are {}.", all.join(", "));
                return Err(self.mistake(&section.at, format!("there is no section {name:?}"), &remedy));
            }
            if let Some((option, found)) = section.options.iter().next() {
                let elsewhere = self.asked.iter().find(|(_, o)| o == option);
                let remedy = match elsewhere {
                    Some((right, _)) => format!("It belongs into [{right}]."),
                    None => format!("Options of [{name}] are {}.", names(name)),
                };
                return Err(self.mistake(&found.at, format!("[{name}] has no option {option:?}"), &remedy));
            }
        }
        Ok(())
    }
}

/// What a value is, for a sentence.
fn a(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a point",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a section",
    }
}
