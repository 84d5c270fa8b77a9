//! The directory file: which district speaks for which names, and by which parameters.
//!
//! ```toml
//! # The first district whose names fit counts.
//! [[district]]
//! params = ["params-a1.txt", "params-a2.txt"]    # pinned: of one district, each a serial; paths are relative to this file
//! names = ["a.example", "+1555"]                 # domains, beginnings of telephone numbers, or "*"
//!
//! [[district]]
//! introduction = "b.intro"                       # signed by a district that is pinned in this file; names stand in it
//! ```

use std::path::{Path, PathBuf};

use ibake::ibe::introduction::{INTRODUCTION_MAX, Introduction, Whose, inspect};
use ibake::ibe::{District, PublicParameters};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::error::{Failure, Kind};
use crate::files::read_limited;
use crate::mikey::directory::Rule;
use crate::names::{read_all_parameters, read_parameters};
use crate::when;

/// Longest directory file that is read, in bytes.
const LONGEST: u64 = 1 << 20;
/// Most districts of one.
const DISTRICTS: usize = 256;

/// Whose public parameters are known.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Known {
    /// Public parameters of a district; several times for several. Your own have to be among them.
    #[arg(long, short, value_name = "FILE", required_unless_present = "directory")]
    params: Vec<PathBuf>,
    /// A directory file: which district speaks for which names, and by which parameters, pinned or vouched for by a district
    /// that is (docs/directory.md).
    #[arg(long, value_name = "FILE")]
    directory: Option<PathBuf>,
}

impl Known {
    /// All of them, and the rules of the directory file.
    pub(crate) fn read(&self, now: u64) -> Result<DirectoryFile, Failure> {
        let mut all = match &self.directory {
            Some(file) => read(file, now)?,
            None => DirectoryFile::default(),
        };
        all.parameters.splice(0..0, read_all_parameters(&self.params)?);
        Ok(all)
    }
}

/// What a directory file says.
#[derive(Debug, Default)]
pub(crate) struct DirectoryFile {
    pub(crate) parameters: Vec<PublicParameters>,
    pub(crate) rules: Vec<Rule>,
}

/// Reads an introduction, and checks that it holds under the parameters that `find` has for the fingerprint of its signer, and that it
/// counts now. Gives these parameters too.
pub(crate) fn read_introduction<'a>(
    path: &Path,
    find: impl FnOnce(&[u8; 32]) -> Result<&'a PublicParameters, Failure>,
    now: u64,
) -> Result<(Introduction, &'a PublicParameters), Failure> {
    let at = |e: ibake::error::Error| Failure::from(e).context(path.display());
    let bytes = read_limited(path, INTRODUCTION_MAX as u64)?;
    let by = find(&inspect(&bytes).map_err(at)?.signer)?;
    let introduction = Introduction::from_bytes(&bytes, by).map_err(at)?;
    let said = introduction.statement();
    introduction.check_time(now).map_err(|_| {
        let (from, until) = (when::format(said.from), when::format(said.until));
        let text = format!("{}: the introduction counts from {from} until {until}", path.display());
        Failure::new(Kind::Refused, "expired", text).hint("Ask the district that vouches for a new one.")
    })?;
    Ok((introduction, by))
}

/// A place in the file, for messages.
struct Place<'a> {
    file: &'a Path,
    text: &'a str,
}

impl Place<'_> {
    fn wrong(&self, at: usize, what: &str, remedy: &str) -> Failure {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        Failure::new(Kind::Input, "directory", format!("{}:{line}: {what}", self.file.display())).hint(remedy)
    }
}

/// One district, as it is written.
enum Entry {
    Pinned { parameters: Vec<PublicParameters>, names: Vec<Whose> },
    Introduced { file: PathBuf, at: usize },
}

/// Reads a directory file and everything that it names; introductions are checked, and count if they do so at `now`.
pub(crate) fn read(path: &Path, now: u64) -> Result<DirectoryFile, Failure> {
    let bytes = read_limited(path, LONGEST)?;
    let text = String::from_utf8(bytes)
        .map_err(|_| Failure::new(Kind::Input, "directory", format!("{}: not a text in UTF-8", path.display())))?;
    let place = Place { file: path, text: &text };
    let table = DeTable::parse(&text).map_err(|e| {
        let at = e.span().map_or(0, |s| s.start);
        place.wrong(at, &e.message().lines().collect::<Vec<_>>().join(", "), "A directory file is TOML: see --help.")
    })?;
    let mut entries = Vec::new();
    for (key, value) in table.into_inner() {
        let districts = match (key.get_ref().as_ref(), value.get_ref().as_array()) {
            ("district", Some(all)) => all,
            _ => return Err(place.wrong(key.span().start, "only [[district]] is known here", "See --help.")),
        };
        if districts.len() > DISTRICTS {
            return Err(place.wrong(
                value.span().start,
                &format!("more than {DISTRICTS} districts"),
                "Leave some out.",
            ));
        }
        for one in districts {
            entries.push(entry(&place, one)?);
        }
    }
    if entries.is_empty() {
        return Err(place.wrong(0, "there is no district", "Begin one with a line [[district]]."));
    }
    resolve(&place, entries, now)
}

fn entry(place: &Place<'_>, one: &Spanned<DeValue<'_>>) -> Result<Entry, Failure> {
    let at = one.span().start;
    let beside = |file: &str| place.file.parent().unwrap_or(Path::new("")).join(file);
    let Some(table) = one.get_ref().as_table() else {
        return Err(place.wrong(at, "a district is a table", "Begin it with a line [[district]]."));
    };
    let (mut params, mut names, mut introduction) = (None, None, None);
    for (key, value) in table {
        let slot = match key.get_ref().as_ref() {
            "params" => &mut params,
            "names" => &mut names,
            "introduction" => &mut introduction,
            other => {
                return Err(place.wrong(
                    key.span().start,
                    &format!("{other:?} is not known"),
                    "A district has params and names, or an introduction.",
                ));
            }
        };
        *slot = Some(texts(place, value)?);
    }
    match (params, names, introduction) {
        (None, None, Some(files)) => match files.as_slice() {
            [(file, at)] => Ok(Entry::Introduced { file: beside(file), at: *at }),
            _ => Err(place.wrong(at, "one introduction a district", "Begin another [[district]] for the next.")),
        },
        (Some(files), Some(texts), None) if !files.is_empty() && !texts.is_empty() => {
            let parameters = files.iter().map(|(file, _)| read_parameters(&beside(file)));
            let parameters = parameters.collect::<Result<Vec<_>, _>>()?;
            if let Some((first, (_, at))) = parameters.first().zip(files.first())
                && parameters.iter().any(|p| p.district() != first.district())
            {
                return Err(place.wrong(*at, "parameters of several districts", "Begin a [[district]] for each."));
            }
            let names = texts.iter().map(|(text, at)| {
                let remedy = "Write a domain, the beginning of telephone numbers (+1555), or *.";
                Whose::parse(text).map_err(|e| place.wrong(*at, &format!("{text:?}: {e}"), remedy))
            });
            Ok(Entry::Pinned { parameters, names: names.collect::<Result<_, _>>()? })
        }
        _ => Err(place.wrong(
            at,
            "a district has params and names, or an introduction",
            "For example: params = \"params-a.txt\" and names = [\"a.example\"].",
        )),
    }
}

/// A text, or a list of them, with their places.
fn texts(place: &Place<'_>, value: &Spanned<DeValue<'_>>) -> Result<Vec<(String, usize)>, Failure> {
    let one = |v: &Spanned<DeValue<'_>>| match v.get_ref().as_str() {
        Some(text) => Ok((text.to_owned(), v.span().start)),
        None => Err(place.wrong(v.span().start, "a text is wanted", "Put it in double quotes.")),
    };
    match value.get_ref().as_array() {
        Some(list) => list.iter().map(one).collect(),
        None => Ok(vec![one(value)?]),
    }
}

fn resolve(place: &Place<'_>, entries: Vec<Entry>, now: u64) -> Result<DirectoryFile, Failure> {
    let pinned: Vec<PublicParameters> = entries
        .iter()
        .flat_map(|e| match e {
            Entry::Pinned { parameters, .. } => parameters.clone(),
            Entry::Introduced { .. } => Vec::new(),
        })
        .collect();
    let mut out = DirectoryFile::default();
    let mut vouched: Vec<(District, District)> = Vec::new();
    for entry in entries {
        let (parameters, names, until) = match entry {
            Entry::Pinned { parameters, names } => (parameters, names, u64::MAX),
            Entry::Introduced { file, at } => {
                // Whoever is introduced introduces nobody: only pinned parameters count here.
                let find = |signer: &[u8; 32]| {
                    let what = format!("{}: no district pinned in this file vouches here", file.display());
                    pinned
                        .iter()
                        .find(|p| p.fingerprint() == signer)
                        .ok_or_else(|| place.wrong(at, &what, "Give the parameters of the one that does, as params."))
                };
                let (introduction, by) = read_introduction(&file, find, now)?;
                let said = introduction.statement().clone();
                // Rules and serials go by district. A second voice about one could put its own parameters in the place of those
                // that are pinned, or that another one vouches for.
                let about = said.parameters.district();
                let pinned_too = by.district() != about && pinned.iter().any(|p| p.district() == about);
                if pinned_too || vouched.iter().any(|(known, voice)| known == about && voice != by.district()) {
                    let what = format!("{}: {about} is known otherwise in this file", file.display());
                    return Err(place.wrong(at, &what, "Only one may speak about a district, itself if it is pinned."));
                }
                vouched.push((about.clone(), by.district().clone()));
                (vec![said.parameters], said.whose, said.until)
            }
        };
        if let Some(first) = parameters.first() {
            let district = first.district().as_str().to_owned();
            out.rules.extend(names.into_iter().map(|whose| Rule { district: district.clone(), whose, until }));
        }
        for p in parameters {
            if !out.parameters.contains(&p) {
                out.parameters.push(p);
            }
        }
    }
    Ok(out)
}
