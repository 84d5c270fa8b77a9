//! `ibake open`.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use ibake::error::{DecodeError, DecodeReason, Error, KeyError};
use ibake::ibe::file::{CHUNK, HEADER_LIMIT, Header, TAG};
use serde_json::json;

use super::chunks::{Chunks, Input};
use crate::error::{Failure, Kind};
use crate::files::{Access, Pending};
use crate::names::{read_all_parameters, read_keys};
use crate::output::Output;
use crate::unlock::Unlock;

/// Open a sealed file with your private key.
///
/// The file names the district, serial and period of the key that it needs; a key of an earlier day still opens what was
/// sealed for that day. OUT appears only when the last byte has been verified, also with `-o -`: a file that was cut off or
/// altered leaves nothing behind.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  ibake open report.sealed --key alice.key --params params-a.txt --key-file alice.unlock -o report.pdf")]
pub(crate) struct Args {
    /// The sealed file; - for standard input.
    file: PathBuf,
    /// Your private key; give it several times to try several.
    #[arg(long, short, value_name = "FILE", required = true)]
    key: Vec<PathBuf>,
    /// The public parameters that your keys belong to.
    #[arg(long, short, value_name = "FILE", required = true)]
    params: Vec<PathBuf>,
    /// Associated data, as it was given when the file was sealed.
    #[arg(long, value_name = "TEXT", default_value = "")]
    ad: String,
    /// The opened file; - for standard output.
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    /// Overwrite the opened file.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    unlock: Unlock,
}

pub(crate) fn run(args: &Args, out: &Output) -> Result<(), Failure> {
    let at = |e: Failure| e.context(args.file.display());
    let mut input = Input::open(&args.file)?;
    let bar = input.progress();
    let mut reader = input.reader();
    let mut begun = read_header(&mut *reader).map_err(at)?;
    let keys = read_keys(&args.key, &args.unlock, &read_all_parameters(&args.params)?)?;

    let header = Header::decode(&begun).map_err(|e| at(e.into()))?;
    let opened = header.open(&keys, args.ad.as_bytes());
    let mut opener = opened.map_err(|e| at(explain(e, &header, &args.ad)))?;
    let start = header.len();
    let mut pending = Pending::new(&args.out, Access::Owner, args.force)?;
    let mut chunks = Chunks::new(begun.split_off(start), reader, CHUNK + TAG);
    let mut total = 0u64;
    loop {
        let (chunk, last) = chunks.next().map_err(|e| Failure::io(&args.file, &e))?;
        let plain = opener.chunk(&chunk, last).map_err(|_| at(damaged(&args.ad)))?;
        pending.write_all(plain.expose()).map_err(|e| Failure::io(&args.out, &e))?;
        total += plain.expose().len() as u64;
        bar.inc(chunk.len() as u64);
        if last {
            break;
        }
    }
    bar.finish_and_clear();
    pending.finish()?;
    if args.out != Path::new("-") {
        let text = format!("{}  opened, {total} bytes", args.out.display());
        out.result(&text, &json!({ "file": args.out.display().to_string(), "bytes": total }));
    }
    Ok(())
}

/// Reads until the header is complete, however many recipients it has; perhaps a little further.
fn read_header(reader: &mut dyn Read) -> Result<Vec<u8>, Failure> {
    let mut begun = Vec::new();
    loop {
        let got =
            reader.take(64 * 1024).read_to_end(&mut begun).map_err(|e| Failure::new(Kind::Io, "io", e.to_string()))?;
        match Header::decode(&begun) {
            Ok(_) => return Ok(begun),
            Err(Error::Decode(DecodeError { reason: DecodeReason::Truncated { .. }, .. }))
                if got > 0 && begun.len() <= HEADER_LIMIT => {}
            Err(e) => return Err(e.into()),
        }
    }
}

fn explain(e: Error, header: &Header<'_>, ad: &str) -> Failure {
    let failure = Failure::from(e);
    match e {
        Error::Key(KeyError::Missing) => {
            let needed: Vec<String> = header
                .recipients()
                .map(|to| format!("{}, serial {}, {}", to.district(), to.serial(), to.period()))
                .collect();
            failure.hint(format!("It is sealed to a key of {}", needed.join(" or ")))
        }
        Error::Decrypt => damaged(ad),
        _ => failure,
    }
}

fn damaged(ad: &str) -> Failure {
    let given = if ad.is_empty() { "no associated data was given" } else { "perhaps --ad is another text" };
    Failure::new(Kind::Failed, "decrypt", "it does not open: altered, cut off, or sealed with other associated data")
        .hint(format!("Nothing has been written ({given})."))
}
