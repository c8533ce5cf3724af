//! `nis laplace ...`: transforms, modes, systems and compression at the command line, one file per command.

mod invert;
mod modes;
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
    /// Invert a Laplace transform given as a formula.
    Invert(invert::Args),
    /// Find the damped modes of a column of a CSV file.
    Modes(modes::Args),
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<(), Stop> {
    match &args.command {
        Command::Invert(args) => invert::run(args),
        Command::Modes(args) => modes::run(args),
    }
}
