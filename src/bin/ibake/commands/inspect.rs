//! `ibake inspect`.

use std::path::Path;

use crate::describe;
use crate::error::{Failure, Kind};
use crate::files;
use crate::output::Output;

/// Explain a file or message of ours, field by field: offsets, lengths, names, values. Needs no key and shows nothing secret.
///
/// It knows public parameters (text or DER), protected keys, sealed files and boxes, the messages of an exchange with and
/// without their envelope, and identities (DER).
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  ibake inspect params-a.txt
  ibake inspect 0001000101..         a message, in hexadecimal or base64")]
pub(crate) struct Args {
    /// A file, - for standard input, or the bytes themselves in hexadecimal or base64.
    #[arg(value_name = "FILE|HEX|BASE64")]
    what: String,
}

pub(crate) fn run(args: &Args, out: &Output) -> Result<(), Failure> {
    let path = Path::new(&args.what);
    if args.what == "-" || path.exists() {
        let at = |e: Failure| e.context(path.display());
        // Of a sealed file of any size the header and the length are enough.
        let (bytes, total) = files::read_beginning(path, describe::READ_LIMIT)?;
        let report = match describe::long_file(&bytes, total) {
            Some(report) => report,
            None => describe_bytes(&files::within(path, bytes, total)?),
        };
        report.map_err(at)?.print(out);
        return Ok(());
    }
    match describe::decode_text(&args.what) {
        Some(bytes) => {
            describe::any(&bytes)?.print(out);
            Ok(())
        }
        None => Err(Failure::new(
            Kind::Input,
            "unknown",
            format!("{:?} is neither a file nor hexadecimal nor base64", args.what),
        )),
    }
}

/// A file may also hold the text of one of the two.
fn describe_bytes(bytes: &[u8]) -> Result<describe::Report, Failure> {
    let found = describe::any(bytes);
    if found.as_ref().is_err_and(|e| e.code == "unknown")
        && let Some(inner) = std::str::from_utf8(bytes).ok().and_then(describe::decode_text)
    {
        return describe::any(&inner);
    }
    found
}
