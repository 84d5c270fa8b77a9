//! One file a subcommand.

pub(crate) mod call;
mod chunks;
pub(crate) mod completions;
pub(crate) mod demo;
pub(crate) mod inspect;
pub(crate) mod key;
pub(crate) mod kgs;
pub(crate) mod listen;
pub(crate) mod media;
pub(crate) mod open;
pub(crate) mod params;
pub(crate) mod relay;
mod remote;
pub(crate) mod seal;
pub(crate) mod vectors;
pub(crate) mod wiretap;

use crate::cli::Command;
use crate::error::Failure;
use crate::output::Output;

pub(crate) fn run(command: Command, out: &Output) -> Result<(), Failure> {
    match command {
        Command::Kgs(c) => kgs::run(c, out),
        Command::Key(c) => key::run(c, out),
        Command::Params(c) => params::run(&c, out),
        Command::Seal(a) => seal::run(&a, out),
        Command::Open(a) => open::run(&a, out),
        Command::Listen(a) => listen::run(&a, out),
        Command::Call(a) => call::run(&a, out),
        Command::Media(a) => media::run(&a, out),
        Command::Inspect(a) => inspect::run(&a, out),
        Command::Demo(a) => demo::run(&a, out),
        Command::Relay(a) => relay::run(&a, out),
        Command::Wiretap(a) => wiretap::run(&a, out),
        Command::Vectors(c) => vectors::run(c, out),
        Command::Completions(a) => completions::run(&a),
    }
}
