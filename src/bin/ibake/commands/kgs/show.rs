//! `ibake kgs show`.

use std::path::PathBuf;

use ibake::kgs::Directory;

use super::{describe, print};
use crate::error::Failure;
use crate::files;
use crate::output::Output;

/// Show a district's public parameters. Nothing secret is needed or shown.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  ibake kgs show ./kgs-a --out params-a.txt")]
pub(crate) struct Args {
    /// The district's directory.
    dir: PathBuf,
    /// The parameters of an earlier (or later) epoch than the current one.
    #[arg(long, value_name = "N")]
    serial: Option<u64>,
    /// Print the text form that users load.
    #[arg(long)]
    armour: bool,
    /// Write the text form to FILE.
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Overwrite FILE.
    #[arg(long, requires = "out")]
    force: bool,
}

pub(crate) fn run(args: &Args, out: &Output) -> Result<(), Failure> {
    let directory = Directory::open(&args.dir)?;
    let parameters = directory.parameters(args.serial.unwrap_or(directory.current()))?;
    let serials = directory.serials()?;
    if let Some(path) = &args.out {
        files::write_public(path, parameters.to_armour().as_bytes(), args.force)?;
    }
    if out.is_json() {
        let mut object = describe(&parameters);
        object["current"] = directory.current().into();
        object["serials"] = serials.into();
        if args.armour {
            object["armour"] = parameters.to_armour().into();
        }
        out.object(&object);
    } else if args.armour {
        out.text(parameters.to_armour().trim_end());
    } else {
        print(&parameters, out);
        let all: Vec<String> = serials.iter().map(u64::to_string).collect();
        out.field("epochs", &format!("{}, current {}", all.join(", "), directory.current()));
        if let Some(path) = &args.out {
            out.text(&format!("\nWritten to {}.", path.display()));
        }
    }
    Ok(())
}
