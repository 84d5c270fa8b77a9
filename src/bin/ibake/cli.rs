//! What the command line looks like; each subcommand's own arguments stand in its file.

use clap::{Parser, Subcommand};

use crate::commands;

/// With the curve backend that this program was built on.
const VERSION: &str = if cfg!(feature = "blst") {
    concat!(env!("CARGO_PKG_VERSION"), " (curve backend: blst)")
} else {
    concat!(env!("CARGO_PKG_VERSION"), " (curve backend: portable)")
};

/// Identity-based encryption and authenticated calls: no certificates, no directory, no key escrow
/// by listening.
///
/// A key-generation server (KGS) issues every user a private key for a name and a period. Whoever
/// knows your name and your KGS's public parameters can seal files to you and call you.
///
/// First steps:
///
///   ibake demo                 the whole story, step by step, on this machine
///   ibake kgs init ./kgs-a --district https://kgs-a.example --key-file ./kgs-a.unlock
///   ibake kgs issue ./kgs-a sip:alice@a.example --out alice.key \
///       --key-file ./kgs-a.unlock --user-key-file alice.unlock
///   ibake inspect alice.key    what any file of ours is
///
/// Exit codes: 0 done, 1 operation failed, 2 usage, 3 bad input, 4 refused (identity, date, policy,
/// authentication), 5 I/O.
#[derive(Debug, Parser)]
#[command(name = "ibake", version = VERSION, verbatim_doc_comment, arg_required_else_help = true, max_term_width = 100)]
pub(crate) struct Cli {
    /// Print JSON objects, one a line, instead of text.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

// What a command is for stands on its arguments, where `--help` finds all of it.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a key-generation server from a directory: set it up, issue keys, rotate.
    #[command(
        subcommand,
        after_help = "Example:
  ibake kgs init ./kgs-a --district https://kgs-a.example --key-file ./kgs-a.unlock"
    )]
    Kgs(commands::kgs::Command),
    /// Fetch public parameters from their server.
    #[command(
        subcommand,
        after_help = "Example:
  ibake params fetch https://kgs-a.example --out params-a.txt"
    )]
    Params(commands::params::Command),
    /// Ask for private keys, look at them, verify them against public parameters.
    #[command(
        subcommand,
        after_help = "Example:
  ibake key verify alice.key --params params-a.txt --key-file alice.unlock"
    )]
    Key(commands::key::Command),
    Seal(commands::seal::Args),
    Open(commands::open::Args),
    Listen(commands::listen::Args),
    Call(commands::call::Args),
    Media(commands::media::Args),
    Inspect(commands::inspect::Args),
    /// Check or print the test vectors of SPEC.md.
    #[command(
        subcommand,
        after_help = "Example:
  ibake vectors check vectors/ibake"
    )]
    Vectors(commands::vectors::Command),
    Demo(commands::demo::Args),
    #[command(hide = true)]
    Relay(commands::relay::Args),
    #[command(hide = true)]
    Wiretap(commands::wiretap::Args),
    Completions(commands::completions::Args),
}
