//! `ibake kgs rotate`.

use std::path::PathBuf;

use getrandom::SysRng;
use ibake::kgs::{Directory, Setup};

use super::{Length, describe, print};
use crate::error::Failure;
use crate::output::Output;
use crate::unlock::Unlock;
use crate::when;

/// Begin a new epoch: a fresh master key under the next serial. The old one stays, so that old keys can still be issued
/// (`kgs issue --serial`).
///
/// Users need the new parameters to be called under the new keys; parameters of both epochs can be used side by side.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  ibake kgs rotate ./kgs-a --key-file ./kgs-a.unlock")]
pub(crate) struct Args {
    /// The district's directory.
    dir: PathBuf,
    /// How long keys are valid from now on; as before if left out.
    #[arg(long, value_enum)]
    granularity: Option<Length>,
    /// For how many days the new parameters are valid.
    #[arg(long, value_name = "N", default_value_t = 365)]
    valid_days: u32,
    /// When their validity begins; now if left out.
    #[arg(long, value_name = "TIME", value_parser = when::parse)]
    from: Option<u64>,
    #[command(flatten)]
    unlock: Unlock,
}

pub(crate) fn run(args: &Args, out: &Output) -> Result<(), Failure> {
    let mut directory = Directory::open(&args.dir)?;
    let (old, master) = super::issue::master_file(&directory, directory.current())?;
    let protection = args.unlock.open(&master.0, master.1.expose())?;
    let granularity = args.granularity.map_or(old.granularity(), Into::into);
    let from = args.from.unwrap_or_else(when::now);
    let mut setup = Setup::of_days(old.district().clone(), granularity, from, args.valid_days)?;
    setup.pkg_uri = old.pkg_uri().map(str::to_owned);
    let parameters = directory.rotate(&setup, &protection, &mut SysRng)?;
    if out.is_json() {
        out.object(&describe(&parameters));
    } else {
        print(&parameters, out);
        out.text(&format!(
            "\nSerial {} is in use from now on; publish its parameters. Serial {} can still be issued with --serial.",
            parameters.serial(),
            old.serial()
        ));
    }
    Ok(())
}
