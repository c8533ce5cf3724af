//! `nis laplace ...`: transforms, modes, systems and compression at the command line, one file per command.

mod compress;
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
    /// Compress a column of a CSV file to damped exponentials and residuals with a stated error.
    Compress(compress::Args),
    /// Write the samples of a compressed file as CSV.
    Decompress(compress::DecompressArgs),
    /// Find the damped modes of a column of a CSV file.
    Modes(modes::Args),
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<(), Stop> {
    match &args.command {
        Command::Compress(args) => compress::run(args),
        Command::Decompress(args) => compress::decompress(args),
        Command::Modes(args) => modes::run(args),
    }
}
