//! `ibake demo`.

use std::path::PathBuf;

use crate::demo;
use crate::error::Failure;
use crate::output::Output;

/// Show the whole system at work on this machine: two districts, four users, every server and every user in a process of its own.
///
/// Every step is told in a sentence with its time. Exit code 0 only if every step held, the refusals included.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  ibake demo --keep ./tour      leaves all files in ./tour and prints the command of each step")]
pub(crate) struct Args {
    /// Leave all files in DIR, and print for each step the command that repeats it. DIR must not exist.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

pub(crate) fn run(args: &Args, out: &Output) -> Result<(), Failure> {
    demo::run(args.keep.as_deref(), out)
}
