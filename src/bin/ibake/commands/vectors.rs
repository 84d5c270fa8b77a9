//! `ibake vectors`.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::{Map, Value, json};

use crate::error::{Failure, Kind};
use crate::output::{Output, mark};
use crate::vectors::{self, Failed, LAYERS, Tally};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Check(CheckArgs),
    Generate(GenerateArgs),
}

/// Check every test vector of a directory: SPEC.md's values computed by this program.
///
/// Reads the files DIR/*.json (one layer each; the schemas are in vectors/schema) and DIR/*.txt (negative cases), not those
/// of directories below. A value that differs is named with its file and tcId.
///
/// Of two values this program has no computation of its own: gt of an encapsulation (but in builds with feature hazmat) and
/// ikm of a passphrase. They are checked by the hash that they enter: no other value gives the recorded V and envelope.
///
/// Exit codes: 0 all hold, 1 some do not, 3 a file that is not of the schema (unknown layer, missing field).
#[derive(clap::Args, Debug)]
#[command(
    verbatim_doc_comment,
    after_help = "Example:
  ibake vectors check vectors/ibake"
)]
pub(crate) struct CheckArgs {
    /// The directory.
    dir: PathBuf,
}

/// Print the test vectors of this project, to standard output only.
///
/// WHAT is a layer by name, `negative` (an object of file names and texts), `schema` (an object of file names and schemas)
/// or, if it is left out, everything: one object with the file of every layer. Builds without feature hazmat leave gt out.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  ibake vectors generate kem")]
pub(crate) struct GenerateArgs {
    /// A layer, `negative` or `schema`.
    what: Option<String>,
}

pub(crate) fn run(command: Command, out: &Output) -> Result<(), Failure> {
    match command {
        Command::Check(a) => check(&a, *out),
        Command::Generate(a) => generate(&a),
    }
}

fn check(args: &CheckArgs, out: Output) -> Result<(), Failure> {
    let Tally { files, passed, failed } = vectors::check_directory(&args.dir)?;
    for Failed { file, id, comment, what } in &failed {
        let object = json!({ "event": "failed", "file": file, "tcId": id, "comment": comment, "what": what });
        out.result(&format!("{} {file} tcId {id} ({comment}): {what}", mark(false)), &object);
    }
    for (file, cases) in &files {
        let bad = failed.iter().filter(|f| f.file == *file).count() as u64;
        let object = json!({ "event": "file", "file": file, "passed": cases - bad, "failed": bad });
        out.result(&format!("{} {file}: {} of {cases}", mark(bad == 0), cases - bad), &object);
    }
    let summary = format!("{passed} passed, {} failed", failed.len());
    out.result(&summary, &json!({ "event": "end", "passed": passed, "failed": failed.len() }));
    match failed.is_empty() {
        true => Ok(()),
        false => Err(Failure::new(Kind::Failed, "vectors-failed", summary)),
    }
}

fn generate(args: &GenerateArgs) -> Result<(), Failure> {
    let bug = |e: String| Failure::new(Kind::Failed, "vectors", e);
    let layer = |l: &vectors::Layer| l.generate().map_err(bug);
    let value = match args.what.as_deref() {
        None => {
            let all: Result<Map<String, Value>, Failure> =
                LAYERS.iter().map(|l| Ok((format!("{}.json", l.name), layer(l)?))).collect();
            Value::Object(all?)
        }
        Some("negative") => {
            let texts = vectors::negative_texts().map_err(bug)?;
            Value::Object(texts.into_iter().map(|(name, text)| (name, text.into())).collect())
        }
        Some("schema") => {
            let all = LAYERS.iter().map(|l| (format!("{}.schema.json", l.name), vectors::schema(l)));
            Value::Object(all.collect())
        }
        Some(name) => layer(vectors::find(name).ok_or_else(|| {
            let names: Vec<&str> = LAYERS.iter().map(|l| l.name).collect();
            Failure::new(Kind::Usage, "usage", format!("there is no layer {name:?}"))
                .hint(format!("One of: {}, negative, schema.", names.join(", ")))
        })?)?,
    };
    // A closed pipe is no failure of ours.
    let text = vectors::pretty(&value);
    let _ = std::io::Write::write_all(&mut std::io::stdout().lock(), format!("{text}\n").as_bytes());
    Ok(())
}
