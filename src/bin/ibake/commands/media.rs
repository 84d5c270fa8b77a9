//! `ibake media`.

use std::path::PathBuf;

use crate::error::Failure;
use crate::media::{self, Given, User};
use crate::output::Output;

/// Show a call with sound on this machine: two processes agree on SRTP keys by MIKEY-IBAKE over UDP, ffmpeg sends a tone of
/// 440 Hz under them, a second ffmpeg decodes it, and a third one with another key does not.
///
/// Keys are made for two users of two districts, or taken: give --caller, --callee, the files that unlock them, and --params. The key
/// of the call is on ffmpeg's command line, where other users of this machine can read it: this is for trying things out, not for
/// real calls.
///
/// Exit code 0 only if the callee heard the tone and the eavesdropper heard nothing.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  ibake media
  ibake media --caller alice.key --caller-key-file alice.unlock --callee bob.key \\
      --callee-key-file bob.unlock --params params-a.txt --params params-b.txt")]
pub(crate) struct Args {
    /// The ffmpeg that is used.
    #[arg(long, value_name = "PROGRAM", default_value = "ffmpeg")]
    ffmpeg: PathBuf,
    /// How long the callee listens.
    #[arg(long, value_name = "SECONDS", default_value = "3", value_parser = clap::value_parser!(u32).range(1..=30))]
    seconds: u32,
    /// Private key of who calls.
    #[arg(long, value_name = "FILE", requires_all = ["caller_key_file", "callee", "params"])]
    caller: Option<PathBuf>,
    /// The key file that unlocks it.
    #[arg(long, value_name = "FILE", requires = "caller")]
    caller_key_file: Option<PathBuf>,
    /// Private key of who is called.
    #[arg(long, value_name = "FILE", requires_all = ["callee_key_file", "caller"])]
    callee: Option<PathBuf>,
    /// The key file that unlocks it.
    #[arg(long, value_name = "FILE", requires = "callee")]
    callee_key_file: Option<PathBuf>,
    /// Public parameters of both districts.
    #[arg(long, short, value_name = "FILE", requires = "caller")]
    params: Vec<PathBuf>,
}

pub(crate) fn run(args: &Args, out: &Output) -> Result<(), Failure> {
    let user =
        |key: &Option<PathBuf>, unlock: &Option<PathBuf>| Some(User { key: key.clone()?, unlock: unlock.clone()? });
    let (caller, callee) = (user(&args.caller, &args.caller_key_file), user(&args.callee, &args.callee_key_file));
    let given = caller.zip(callee).map(|(caller, callee)| Given { caller, callee, params: args.params.clone() });
    media::run(&args.ffmpeg, args.seconds, given.as_ref(), out)
}
