//! `nis laplace ...`: transforms, modes, systems and compression at the command line, one file per command.

mod compress;
mod fit;
mod invert;
mod modes;
mod responses;
mod signal;
mod system;
mod transform;

pub(crate) use signal::{column, table};

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
    /// Compress a column of a CSV file to damped exponentials and residuals with a stated error.
    Compress(compress::Args),
    /// Write the samples of a compressed file as CSV.
    Decompress(compress::DecompressArgs),
    /// The Laplace transform of a column, at points or on a line.
    Transform(transform::Args),
    /// Invert a Laplace transform given as a formula.
    Invert(invert::Args),
    /// Find the damped modes of a column of a CSV file.
    Modes(modes::Args),
    /// Magnitude and phase of a system over frequency.
    Bode(system::BodeArgs),
    /// Step response of a system.
    Step(system::TimeArgs),
    /// Impulse response of a system.
    Impulse(system::TimeArgs),
    /// A system of lower order, by balanced truncation.
    Reduce(system::ReduceArgs),
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<(), Stop> {
    match &args.command {
        Command::Fit(args) => fit::run(args),
        Command::Compress(args) => compress::run(args),
        Command::Decompress(args) => compress::decompress(args),
        Command::Transform(args) => transform::run(args),
        Command::Invert(args) => invert::run(args),
        Command::Modes(args) => modes::run(args),
        Command::Bode(args) => system::bode(args),
        Command::Step(args) => system::step(args),
        Command::Impulse(args) => system::impulse(args),
        Command::Reduce(args) => system::reduce(args),
    }
}
