//! `ibake params`.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use ibake::client::parameters::{Pin, fetch};
use ibake::ibe::{District, PublicParameters};
use serde_json::json;

use super::remote::{Server, block_on, hash};
use crate::error::{Failure, Kind};
use crate::files;
use crate::names::read_parameters;
use crate::output::Output;
use crate::when;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Fetch(Fetch),
    Accept(Accept),
}

/// Fetch the public parameters of a district from its server, and check them.
///
/// The fingerprint decides whose they are: compare it with one that you got another way, with --fingerprint. A file that is
/// there already is a pin too: other parameters of its serial, or older ones, never take its place.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  ibake params fetch https://kgs-a.example --out params-a.txt --fingerprint 64_HEX_DIGITS")]
pub(crate) struct Fetch {
    /// The district, an https URI.
    district: String,
    /// The serial of a key epoch; the current one if left out.
    #[arg(long, value_name = "N")]
    serial: Option<u64>,
    /// The fingerprint that they must have.
    #[arg(long, value_name = "HEX", value_parser = hash)]
    fingerprint: Option<[u8; 32]>,
    /// Where to write them.
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    server: Server,
}

/// Take the parameters of another district that one vouches for which you trust already (`ibake kgs introduce`).
///
/// It is checked under the pinned parameters of the one that vouches, and printed whose names it says are whose. To have calls
/// follow that, and end when the introduction does, name the introduction in a directory file instead.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  ibake params accept b.intro --by params-a.txt --out params-b.txt")]
pub(crate) struct Accept {
    /// The introduction.
    introduction: PathBuf,
    /// The pinned parameters of the district that vouches.
    #[arg(long, value_name = "FILE")]
    by: PathBuf,
    /// Where to write the parameters.
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    /// Replace the file if it is there.
    #[arg(long)]
    force: bool,
}

fn run_accept(a: &Accept, out: &Output) -> Result<(), Failure> {
    let by = read_parameters(&a.by)?;
    let find = |signer: &[u8; 32]| match signer == by.fingerprint() {
        true => Ok(&by),
        false => {
            let text = format!("{}: another district than {} vouches here", a.introduction.display(), by.district());
            let hint = format!("The fingerprint of the one that does is {}.", base16ct::lower::encode_string(signer));
            Err(Failure::new(Kind::Refused, "pin", text).hint(hint))
        }
    };
    let (introduction, _) = crate::directory::read_introduction(&a.introduction, find, when::now())?;
    files::write_public(&a.out, introduction.statement().parameters.to_armour().as_bytes(), a.force)?;
    super::kgs::introduce::report(&a.out, &introduction, out);
    Ok(())
}

pub(crate) fn run(command: &Command, out: &Output) -> Result<(), Failure> {
    match command {
        Command::Fetch(a) => run_fetch(a, out),
        Command::Accept(a) => run_accept(a, out),
    }
}

/// Fetches parameters into a file. What is there already is a pin.
pub(super) fn fetch_to(
    file: &Path,
    district: &str,
    serial: Option<u64>,
    fingerprint: Option<[u8; 32]>,
    server: &Server,
) -> Result<PublicParameters, Failure> {
    let name = District::parse(district)
        .map_err(|e| Failure::from(ibake::error::Error::Identity(e)).context(format_args!("{district:?}")))?;
    let known = match std::fs::symlink_metadata(file) {
        Ok(_) => Some(read_parameters(file)?),
        Err(_) => None,
    };
    let connector = server.connector()?;
    let pin = fingerprint.map_or(Pin::Nothing, Pin::Fingerprint);
    let now = when::now();
    let found = block_on(async { Ok(fetch(&connector, &name, serial, pin, now).await?) })?;
    if let Some(known) = known {
        let same = known.fingerprint() == found.fingerprint();
        let newer = known.district() == found.district() && found.serial() > known.serial() && fingerprint.is_some();
        if !same && !newer {
            let text = format!("{} has other parameters, and they stay", file.display());
            return Err(Failure::new(Kind::Refused, "pin", text).hint(
                "A later serial takes their place if you give its fingerprint: --fingerprint HEX. Or choose another file.",
            ));
        }
    }
    files::write_public(file, found.to_armour().as_bytes(), true)?;
    Ok(found)
}

fn run_fetch(a: &Fetch, out: &Output) -> Result<(), Failure> {
    let found = fetch_to(&a.out, &a.district, a.serial, a.fingerprint, &a.server)?;
    let fingerprint = base16ct::lower::encode_string(found.fingerprint());
    if a.fingerprint.is_none() {
        out.note("Compare the fingerprint with one that you got another way.");
    }
    let text =
        format!("{}  {} serial {}, fingerprint {fingerprint}", a.out.display(), found.district(), found.serial());
    let object = json!({ "file": a.out.display().to_string(), "district": found.district().as_str(),
                         "serial": found.serial(), "fingerprint": fingerprint, "pinned": a.fingerprint.is_some() });
    out.result(&text, &object);
    Ok(())
}
