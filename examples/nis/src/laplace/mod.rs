//! `nis laplace ...`: transforms, modes, systems and compression at the command line, one file per command.

mod fit;
mod modes;
mod responses;
mod signal;

use clap::Subcommand;

use crate::Stop;

/// The Laplace engine on files.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Fit poles and residues to frequency responses of a CSV or Touchstone file.
    Fit(Box<fit::Args>),
    /// Find the damped modes of a column of a CSV file.
    Modes(modes::Args),
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<(), Stop> {
    match &args.command {
        Command::Fit(args) => fit::run(args),
        Command::Modes(args) => modes::run(args),
    }
}
