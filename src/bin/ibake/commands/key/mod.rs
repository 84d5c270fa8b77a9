//! `ibake key`: looking at private keys.

mod show;
mod verify;

use clap::Subcommand;

use crate::error::Failure;
use crate::output::Output;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Show(show::Args),
    Verify(verify::Args),
}

pub(crate) fn run(command: Command, out: &Output) -> Result<(), Failure> {
    match command {
        Command::Show(a) => show::run(&a, out),
        Command::Verify(a) => verify::run(&a, out),
    }
}
