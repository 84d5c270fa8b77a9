//! `ibake kgs init`.

use std::path::PathBuf;

use getrandom::SysRng;
use ibake::error::Error;
use ibake::ibe::District;
use ibake::kgs::{Directory, Setup};

use super::{Length, describe, print};
use crate::error::{Failure, Kind};
use crate::output::Output;
use crate::unlock::Unlock;
use crate::when;

/// Set up a district: draw its master key and publish its parameters.
///
/// Whoever has the master key can make every private key of the district, so it rests under a passphrase or a key file.
/// The district's name goes into every identity and cannot be changed later.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  ibake kgs init ./kgs-a --district https://kgs-a.example --granularity week --key-file ./kgs-a.unlock")]
pub(crate) struct Args {
    /// The directory to make; it must not exist or be empty.
    dir: PathBuf,
    /// The name of the district, an https URI in normal form.
    #[arg(long, value_name = "URI")]
    district: String,
    /// How long the keys of users are valid; every key needs the KGS once in that time.
    #[arg(long, value_enum, default_value = "day")]
    granularity: Length,
    /// For how many days the parameters are valid, rounded up to whole periods.
    #[arg(long, value_name = "N", default_value_t = 365)]
    valid_days: u32,
    /// When the validity begins, rounded down to a period; now if left out.
    #[arg(long, value_name = "TIME", value_parser = when::parse)]
    from: Option<u64>,
    #[command(flatten)]
    unlock: Unlock,
}

pub(crate) fn run(args: &Args, out: &Output) -> Result<(), Failure> {
    let district = District::parse(&args.district).map_err(|e| {
        Failure::from(Error::Identity(e))
            .context(format_args!("{:?}", args.district))
            .hint("A district looks like https://kgs-a.example, without a slash at the end.")
    })?;
    let from = args.from.unwrap_or_else(when::now);
    let setup = Setup::of_days(district, args.granularity.into(), from, args.valid_days)?;
    // Before a passphrase is asked for or a key file made.
    if std::fs::read_dir(&args.dir).is_ok_and(|mut d| d.next().is_some()) || args.dir.is_file() {
        let text = format!("{} exists and is not overwritten", args.dir.display());
        return Err(Failure::new(Kind::Io, "exists", text).hint("Choose another directory."));
    }
    let protection = args.unlock.create("the master key")?;
    let directory = Directory::create(&args.dir, &setup, &protection.protection, &mut SysRng)?;
    protection.keep();
    let parameters = directory.parameters(directory.current())?;
    if out.is_json() {
        let mut object = describe(&parameters);
        object["directory"] = args.dir.display().to_string().into();
        out.object(&object);
    } else {
        print(&parameters, out);
        out.text(&format!(
            "\nThe district is ready in {0}. Publish its parameters, and let users compare the fingerprint:\n  \
             ibake kgs show {0} --out params.txt",
            args.dir.display()
        ));
    }
    Ok(())
}
