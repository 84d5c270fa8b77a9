//! `ibake key`: asking for private keys, and looking at them.

mod import;
mod inbox;
mod request;
mod show;
mod verify;

use clap::Subcommand;

use crate::error::Failure;
use crate::output::Output;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Request(request::Request),
    Renew(request::Renew),
    Inbox(inbox::Args),
    Import(import::Args),
    Show(show::Args),
    Verify(verify::Args),
}

pub(crate) fn run(command: Command, out: &Output) -> Result<(), Failure> {
    match command {
        Command::Request(a) => request::run(&a, out),
        Command::Renew(a) => request::renew(&a, out),
        Command::Inbox(a) => inbox::run(&a, out),
        Command::Import(a) => import::run(&a, out),
        Command::Show(a) => show::run(&a, out),
        Command::Verify(a) => verify::run(&a, out),
    }
}
