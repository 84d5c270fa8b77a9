//! `ibake seal`.

use std::io::Write;
use std::path::{Path, PathBuf};

use getrandom::SysRng;
use ibake::batch::{self, Options, To};
use ibake::ibe::file::CHUNK;
use ibake::ibe::{Identity, PublicParameters, Purpose};
use ibake::suite::Aead;
use serde_json::json;

use super::chunks::{Chunks, Input};
use crate::error::{Failure, Kind};
use crate::files::{Access, Pending};
use crate::names::{parse_name, read_all_parameters};
use crate::output::Output;
use crate::when;

/// Seal a file to one or several people. Nothing but their names and their KGS's public parameters is needed.
///
/// Everybody gets the same content under one content key, wrapped for each by itself; who they are is bound to it, and
/// none of them can be taken off or added. Give --params once if all recipients are of one district, otherwise once for
/// each --to, in the same order. The file can be of any size; it is read once, and OUT appears when it is complete.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  ibake seal --to sip:alice@a.example --params params-a.txt report.pdf -o report.sealed
  ibake seal --to sip:alice@a.example --params params-a.txt \\
             --to tel:+15551234567 --params params-b.txt report.pdf -o report.sealed")]
pub(crate) struct Args {
    /// The file to seal; - for standard input.
    input: PathBuf,
    /// Who may open it.
    #[arg(long, value_name = "NAME", required = true)]
    to: Vec<String>,
    /// The public parameters of their district: one file for all, or one for each --to in the same order.
    #[arg(long, short, value_name = "FILE", required = true)]
    params: Vec<PathBuf>,
    /// A time in the period whose keys open it; now if left out. A date, RFC 3339 in UTC, or seconds since 1970.
    #[arg(long, value_name = "TIME", value_parser = when::parse)]
    at: Option<u64>,
    /// Associated data: what the file is for. Whoever opens it must give the same text.
    #[arg(long, value_name = "TEXT", default_value = "")]
    ad: String,
    /// The sealed file; - for standard output.
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    /// Overwrite the sealed file.
    #[arg(long)]
    force: bool,
}

pub(crate) fn run(args: &Args, out: &Output) -> Result<(), Failure> {
    let parameters = read_all_parameters(&args.params)?;
    let recipients = recipients(args, &parameters)?;
    let mut input = Input::open(&args.input)?;
    let mut pending = Pending::new(&args.out, Access::Everybody, args.force)?;
    let io = |e| Failure::io(&args.out, &e);

    let to: Vec<To<'_>> = recipients.iter().map(|(p, id)| To::Identity(p, id)).collect();
    let (mut sealer, header) =
        batch::sealer(&to, Aead::Aes256Gcm, args.ad.as_bytes(), &Options::default(), &mut SysRng)?;
    pending.write_all(&header).map_err(io)?;
    let bar = input.progress();
    let mut chunks = Chunks::new(Vec::new(), input.reader(), CHUNK);
    let mut total = 0u64;
    loop {
        let (chunk, last) = chunks.next().map_err(|e| Failure::io(&args.input, &e))?;
        pending.write_all(&sealer.chunk(&chunk, last)?).map_err(io)?;
        total += chunk.len() as u64;
        bar.inc(chunk.len() as u64);
        if last {
            break;
        }
    }
    bar.finish_and_clear();
    pending.finish()?;
    if args.out != Path::new("-") {
        let names: Vec<&str> = recipients.iter().map(|(_, id)| id.name().as_str()).collect();
        let text = format!("{}  sealed to {}, {total} bytes", args.out.display(), names.join(", "));
        let to: Vec<_> = recipients
            .iter()
            .map(|(_, id)| {
                let period = id.period();
                json!({ "name": id.name().as_str(), "district": id.district().as_str(), "serial": id.serial(),
                        "from": when::format(period.start()), "until": when::format(period.end()) })
            })
            .collect();
        out.result(&text, &json!({ "file": args.out.display().to_string(), "bytes": total, "recipients": to }));
    }
    Ok(())
}

fn recipients<'p>(
    args: &Args,
    parameters: &'p [PublicParameters],
) -> Result<Vec<(&'p PublicParameters, Identity)>, Failure> {
    if parameters.len() != 1 && parameters.len() != args.to.len() {
        let text = format!("{} --params for {} --to", parameters.len(), args.to.len());
        return Err(Failure::new(Kind::Usage, "usage", text)
            .hint("Give --params once for all recipients, or once for each --to in the same order."));
    }
    let at = args.at.unwrap_or_else(when::now);
    let serving = parameters.iter().cycle();
    let one = |(to, p): (&String, &'p PublicParameters)| {
        let name = parse_name(to)?;
        let refused = |e: ibake::error::Error| Failure::from(e).context(format_args!("{to} in {}", p.district()));
        p.check_time(at).map_err(|e| refused(e.into()))?;
        Ok((p, p.identity(name, Purpose::Decrypt, at).map_err(refused)?))
    };
    args.to.iter().zip(serving).map(one).collect()
}
