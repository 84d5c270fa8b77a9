//! `ibake kgs introduce`, and what it has in common with `ibake kgs store introduce`.

use std::path::PathBuf;

use ibake::ibe::PublicParameters;
use ibake::ibe::introduction::{Introduction, Whose};
use ibake::kgs::Directory;
use serde_json::json;

use super::hex;
use crate::error::Failure;
use crate::files;
use crate::names::read_parameters;
use crate::output::Output;
use crate::unlock::Unlock;
use crate::when;

/// Vouch for the parameters of another district, or of the next epoch of this one: whoever trusts yours can trust those then.
///
/// Compare their fingerprint with that district over a way that you trust before you do. An introduction cannot be taken back,
/// it ends.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  ibake kgs introduce ./kgs-a params-b.txt --names b.example --names +1555 --out b.intro --key-file ./kgs-a.unlock
  ibake params accept b.intro --by params-a.txt --out params-b.txt     on the other side: what users do")]
pub(crate) struct Args {
    /// The district's directory.
    dir: PathBuf,
    #[command(flatten)]
    what: What,
    #[command(flatten)]
    unlock: Unlock,
}

/// What is said.
#[derive(clap::Args, Debug)]
pub(super) struct What {
    /// The parameters of the other district.
    params: PathBuf,
    /// Which names are theirs: a domain, the beginning of telephone numbers (+1555), or * for all; several times for several.
    #[arg(long, value_name = "WHOSE", required = true, value_parser = whose)]
    names: Vec<Whose>,
    /// For how many days it counts.
    #[arg(long, value_name = "N", default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=3_660))]
    days: u32,
    /// Where to write it.
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    /// Replace the file if it is there.
    #[arg(long)]
    force: bool,
}

fn whose(text: &str) -> Result<Whose, String> {
    Whose::parse(text).map_err(|e| format!("{e}; wanted is a domain, +DIGITS or *"))
}

impl What {
    /// The parameters, whose the names are, and from when until when.
    pub(super) fn read(&self) -> Result<(PublicParameters, &[Whose], u64, u64), Failure> {
        let now = when::now();
        Ok((read_parameters(&self.params)?, &self.names, now, now + u64::from(self.days) * 86_400))
    }

    pub(super) fn write(&self, made: &Introduction, out: &Output) -> Result<(), Failure> {
        files::write_public(&self.out, made.to_bytes(), self.force)?;
        out.note("Have you compared the fingerprint with that district? Whoever trusts your parameters trusts these from now on.");
        report(&self.out, made, out);
        Ok(())
    }
}

/// What an introduction says that holds.
pub(crate) fn report(file: &std::path::Path, introduction: &Introduction, out: &Output) {
    let said = introduction.statement();
    let theirs = &said.parameters;
    let names: Vec<&str> = said.whose.iter().map(Whose::as_str).collect();
    let (fingerprint, until) = (hex(theirs.fingerprint()), when::format(said.until));
    let text = format!(
        "{}  {} serial {} for names of {}, until {until}, fingerprint {fingerprint}",
        file.display(),
        theirs.district(),
        theirs.serial(),
        names.join(", ")
    );
    let object = json!({
        "file": file.display().to_string(), "district": theirs.district().as_str(), "serial": theirs.serial(),
        "fingerprint": fingerprint, "names": names, "from": when::format(said.from), "until": until,
        "signer": hex(&said.signer),
    });
    out.result(&text, &object);
}

pub(crate) fn run(args: &Args, out: &Output) -> Result<(), Failure> {
    let (parameters, whose, from, until) = args.what.read()?;
    let directory = Directory::open(&args.dir)?;
    let (_, (path, sealed)) = super::issue::master_file(&directory, directory.current())?;
    let issuer = directory.unlock(directory.current(), &args.unlock.open(&path, sealed.expose())?)?;
    args.what.write(&issuer.introduce(&parameters, whose, from, until)?, out)
}
