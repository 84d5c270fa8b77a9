//! The `ibake` program: key-generation servers, keys, sealed files and calls from the command line.

mod call;
mod cli;
mod commands;
mod demo;
mod describe;
mod directory;
mod error;
mod files;
mod media;
mod mikey;
mod names;
mod output;
mod unlock;
mod vectors;
mod when;
mod wiretap;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use error::{Failure, Kind};

fn main() -> ExitCode {
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(e) => return usage(&e),
    };
    let out = output::Output::new(cli.json);
    match commands::run(cli.command, &out) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            out.failure(&failure);
            ExitCode::from(failure.kind.exit_code())
        }
    }
}

/// Help, version and wrong usage. A script that asked for JSON gets its error object for the last one too.
fn usage(e: &clap::Error) -> ExitCode {
    let asked = matches!(e.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    if asked || !std::env::args_os().any(|a| a == "--json") {
        let _ = e.print();
        return ExitCode::from(if asked { 0 } else { Kind::Usage.exit_code() });
    }
    let text = e.to_string();
    let sentence = text.lines().next().unwrap_or("wrong usage");
    let failure = Failure::new(Kind::Usage, "usage", sentence.strip_prefix("error: ").unwrap_or(sentence));
    output::Output::new(true).failure(&failure);
    ExitCode::from(Kind::Usage.exit_code())
}
