//! `ibake inspect`.

use std::path::Path;

use crate::describe;
use crate::error::{Failure, Kind};
use crate::files;
use crate::output::Output;

/// Explain a file or message of ours, field by field: offsets, lengths, names, values. Needs no key and shows nothing secret.
///
/// It knows public parameters (text or DER), protected keys, sealed files and boxes, the messages of an exchange with and
/// without their envelope, identities (DER), and MIKEY messages, also in a line of a session description. A broken MIKEY
/// message is explained up to its fault.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  ibake inspect params-a.txt
  ibake inspect 0001000101..         a message, in hexadecimal or base64
  ibake inspect 'a=key-mgmt:mikey AQAFgM0X..'")]
pub(crate) struct Args {
    /// A file, - for standard input, or the bytes themselves in hexadecimal or base64.
    /// A MIKEY message may also come as its line of a session description, or a file of one with a single such line.
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
        return report.and_then(|r| r.finish(out)).map_err(at);
    }
    if let Some(message) = describe::key_mgmt(&args.what) {
        return describe::any(&message?)?.finish(out);
    }
    match describe::decode_text(&args.what) {
        Some(bytes) => describe::any(&bytes)?.finish(out),
        None => Err(Failure::new(
            Kind::Input,
            "unknown",
            format!("{:?} is neither a file nor hexadecimal nor base64", args.what),
        )),
    }
}

/// A file may also hold the text of one of the two, or a session description.
fn describe_bytes(bytes: &[u8]) -> Result<describe::Report, Failure> {
    let found = describe::any(bytes);
    if found.as_ref().is_err_and(|e| e.code == "unknown")
        && let Ok(text) = std::str::from_utf8(bytes)
    {
        if let Some(message) = describe::key_mgmt(text) {
            return describe::any(&message?);
        }
        if let Some(inner) = describe::decode_text(text) {
            return describe::any(&inner);
        }
    }
    found
}
