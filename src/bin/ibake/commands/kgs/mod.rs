//! `ibake kgs`: a key-generation server that is a directory.

mod bulk;
mod init;
mod issue;
mod list;
mod rotate;
mod show;

use clap::{Subcommand, ValueEnum};
use ibake::ibe::{Granularity, PublicParameters};
use serde_json::{Value, json};

use crate::error::Failure;
use crate::output::Output;
use crate::when;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Init(init::Args),
    Issue(issue::Args),
    Show(show::Args),
    Rotate(rotate::Args),
}

pub(crate) fn run(command: Command, out: &Output) -> Result<(), Failure> {
    match command {
        Command::Init(a) => init::run(&a, out),
        Command::Issue(a) => issue::run(&a, out),
        Command::Show(a) => show::run(&a, out),
        Command::Rotate(a) => rotate::run(&a, out),
    }
}

/// How long a key is valid.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Length {
    /// From the full hour.
    Hour,
    /// From midnight UTC.
    Day,
    /// From Monday, midnight UTC.
    Week,
    /// From the first of the month, midnight UTC.
    Month,
}

impl From<Length> for Granularity {
    fn from(l: Length) -> Self {
        match l {
            Length::Hour => Self::Hour,
            Length::Day => Self::Day,
            Length::Week => Self::Week,
            Length::Month => Self::Month,
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(bytes)
}

fn describe(p: &PublicParameters) -> Value {
    json!({
        "district": p.district().as_str(),
        "serial": p.serial(),
        "valid_from": when::format(p.not_before()),
        "valid_to": when::format(p.not_after()),
        "granularity": p.granularity().name(),
        "fingerprint": hex(p.fingerprint()),
    })
}

fn print(p: &PublicParameters, out: &Output) {
    out.field("district", p.district().as_str());
    out.field("serial", &p.serial().to_string());
    out.field("valid", &format!("{} to {}", when::format(p.not_before()), when::format(p.not_after())));
    out.field("keys for one", p.granularity().name());
    out.field("fingerprint", &hex(p.fingerprint()));
}
