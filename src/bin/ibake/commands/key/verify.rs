//! `ibake key verify`.

use std::path::PathBuf;

use ibake::ibe::PublicParameters;
use serde_json::json;

use crate::error::Failure;
use crate::names::{read_key, read_parameters};
use crate::output::Output;
use crate::unlock::Unlock;
use crate::when;

/// Verify a private key against the public parameters of its KGS: e(d, P2) = e(Q, P_pub).
///
/// Every command that uses a key does the same before it uses it. Exit code 4 if the key is not of these parameters.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  ibake key verify alice.key --params params-a.txt --key-file alice.unlock")]
pub(crate) struct Args {
    /// The key file.
    file: PathBuf,
    /// The public parameters of the district that issued it.
    #[arg(long, short, value_name = "FILE")]
    params: PathBuf,
    #[command(flatten)]
    unlock: Unlock,
}

pub(crate) fn run(args: &Args, out: &Output) -> Result<(), Failure> {
    let parameters: [PublicParameters; 1] = [read_parameters(&args.params)?];
    let key = read_key(&args.file, &args.unlock, &parameters)?;
    let (name, period) = (key.identity().name().as_str(), key.identity().period());
    let current = period.is_current(when::now());
    let (from, until) = (when::format(period.start()), when::format(period.end()));
    let time = if current { "is current" } else { "is not current now" };
    let text = format!("genuine: the key of {name}; its period, {from} to {until}, {time}");
    out.result(&text, &json!({ "genuine": true, "name": name, "from": from, "until": until, "current": current }));
    Ok(())
}
