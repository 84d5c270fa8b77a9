//! `ibake kgs`: a key-generation server that is a directory.

mod bulk;
mod init;
pub(crate) mod introduce;
mod issue;
mod list;
mod rotate;
mod server;
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
    Introduce(introduce::Args),
    Serve(server::serve::Args),
    /// The store of a server: make one, take a district over, back up, restore, rotate.
    #[command(
        subcommand,
        after_help = "Example:
  ibake kgs store import ./kgs-a --store sqlite:./kgs.db --key-file ./kgs-a.unlock"
    )]
    Store(server::store::Command),
    /// Who may ask a server for keys.
    #[command(
        subcommand,
        after_help = "Example:
  ibake kgs user add alice --identity sip:alice@a.example --store sqlite:./kgs.db --key-file ./kgs-a.unlock"
    )]
    User(server::user::Command),
    /// Which keys they may have, and which names are revoked.
    #[command(
        subcommand,
        after_help = "Example:
  ibake kgs policy allow gateway 'sip:*@a.example' --store sqlite:./kgs.db --key-file ./kgs-a.unlock"
    )]
    Policy(server::policy::Command),
    /// Bearer tokens for machines.
    #[command(
        subcommand,
        after_help = "Example:
  ibake kgs token create alice phone --days 90 --store sqlite:./kgs.db --key-file ./kgs-a.unlock"
    )]
    Token(server::token::Command),
    /// Keys for a whole list of users from a server's store, sealed to each of them.
    #[command(
        subcommand,
        after_help = "Example:
  ibake kgs bulk start --from subscribers.csv --month 2026-12 --as machine --store sqlite:./kgs.db --key-file ./kgs.unlock"
    )]
    Bulk(server::bulk::Command),
    /// The audit log of a server.
    #[command(
        subcommand,
        after_help = "Example:
  ibake kgs audit verify --store sqlite:./kgs.db"
    )]
    Audit(server::audit::Command),
}

pub(crate) fn run(command: Command, out: &Output) -> Result<(), Failure> {
    match command {
        Command::Init(a) => init::run(&a, out),
        Command::Issue(a) => issue::run(&a, out),
        Command::Show(a) => show::run(&a, out),
        Command::Rotate(a) => rotate::run(&a, out),
        Command::Introduce(a) => introduce::run(&a, out),
        Command::Serve(a) => server::serve::run(&a, out),
        Command::Store(c) => server::store::run(&c, out),
        Command::User(c) => server::user::run(&c, out),
        Command::Policy(c) => server::policy::run(&c, out),
        Command::Token(c) => server::token::run(&c, out),
        Command::Bulk(c) => server::bulk::run(&c, out),
        Command::Audit(c) => server::audit::run(&c, out),
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
