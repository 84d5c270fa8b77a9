//! `ibake completions`.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::Cli;
use crate::error::Failure;

/// Print completions for a shell.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  ibake completions bash > ~/.local/share/bash-completion/completions/ibake")]
pub(crate) struct Args {
    /// The shell.
    shell: Shell,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    // To memory first: a closed pipe is no failure of ours, and would be a panic of the generator.
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "ibake", &mut text);
    let _ = std::io::Write::write_all(&mut std::io::stdout().lock(), &text);
    Ok(())
}
