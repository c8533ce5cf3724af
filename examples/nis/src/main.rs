//! `nis`: the example program. It shows how a host uses nis-core, through its public API only.
//!
//! - `nis analyze FILE`: the scientific path on a CSV file ([`analyze`]).
//! - `nis ask QUESTION`: one question to the agents ([`ask`]).
//! - `nis kan ...`: networks on CSV files ([`kan`]).
//! - `nis laplace ...`: one part of the Laplace engine on files ([`laplace`]).
//! - `nis serve`: the same over HTTP and WebSocket ([`serve`]).
//! - `nis solve FILE`: a differential equation, solved or fitted to data ([`solve`](mod@solve)).
//! - `nis validate FILE`: laws of physics that data are claimed to obey ([`validate`]).
//!
//! Exit codes: 0 done, 1 it failed, 2 the input does not fit, 130 stopped by Ctrl-C.

mod analyze;
mod ask;
mod kan;
mod laplace;
mod serve;
mod solve;
mod validate;
mod work;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use nis_core::Error;

/// Analyse data, ask the agents, or serve both over HTTP.
#[derive(Parser)]
#[command(name = "nis", version, about, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Read a CSV file and run signal -> Laplace -> KAN -> PINN -> verdict on it.
    Analyze(analyze::Args),
    /// Ask the agents one question.
    Ask(ask::Args),
    /// Fit, run and export Kolmogorov-Arnold networks.
    Kan(kan::Args),
    /// Transforms, modes, systems and compression of signals, one at a time.
    Laplace(laplace::Args),
    /// Serve chat and analysis over HTTP and WebSocket.
    Serve(serve::Args),
    /// Solve a differential equation from a file, or fit its parameters to data.
    Solve(Box<solve::Args>),
    /// Check laws of physics that data are claimed to obey.
    Validate(validate::Args),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Analyze(args) => analyze::run(&args),
        Command::Ask(args) => ask::run(&args),
        Command::Kan(args) => kan::run(&args),
        Command::Laplace(args) => laplace::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Solve(args) => solve::run(&args),
        Command::Validate(args) => validate::run(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Stop::ReaderGone) => ExitCode::SUCCESS,
        Err(Stop::Interrupted) => {
            complain("stopped by Ctrl-C; nothing was written");
            ExitCode::from(130)
        }
        Err(Stop::BadInput(message)) => {
            complain(&format!("error: {message}"));
            ExitCode::from(2)
        }
        Err(Stop::Failed(message)) => {
            complain(&format!("error: {message}"));
            ExitCode::FAILURE
        }
    }
}

/// Why a command ended early.
enum Stop {
    /// The user pressed Ctrl-C.
    Interrupted,
    /// What the user gave does not fit.
    BadInput(String),
    /// Anything else.
    Failed(String),
    /// The program that read our output ended (`nis analyze ... | head -1`): nothing is wrong.
    ReaderGone,
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        match error {
            Error::Cancelled => Stop::Interrupted,
            Error::InvalidInput { .. }
            | Error::Parse { .. }
            | Error::NotFound { .. }
            | Error::Limit { .. } => Stop::BadInput(error.to_string()),
            _ => Stop::Failed(error.to_string()),
        }
    }
}

/// Writes text and a line end to stdout. `println!` would panic where the reader is gone.
fn print(text: &str) -> Result<(), Stop> {
    let mut out = io::stdout().lock();
    let written = out
        .write_all(text.as_bytes())
        .and_then(|()| {
            if text.ends_with('\n') {
                Ok(())
            } else {
                out.write_all(b"\n")
            }
        })
        .and_then(|()| out.flush());
    written.map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => Stop::ReaderGone,
        _ => Stop::Failed(format!("standard output: {error}")),
    })
}

/// Writes a line to stderr. Nothing can be told to anyone where that fails.
fn complain(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}
