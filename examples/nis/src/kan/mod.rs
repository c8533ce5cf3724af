//! `nis kan ...`: networks on CSV files.

mod export;
mod fit;
mod predict;
mod table;

use std::path::Path;

use clap::Subcommand;
use nis_core::kan::Model;
use nis_core::kan::store::{Format, SaveOptions};
use nis_core::telemetry::Cancel;

use crate::Stop;
use crate::work::write_whole;

/// Kolmogorov-Arnold networks on files.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Fit a network to columns of a CSV file and read it as a formula.
    Fit(Box<fit::Args>),
    /// Predict the rows of a CSV file.
    Predict(predict::Args),
    /// Write a saved network as JSON, safetensors, C99 or ONNX.
    Export(export::Args),
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<(), Stop> {
    match &args.command {
        Command::Fit(args) => fit::run(args),
        Command::Predict(args) => predict::run(args),
        Command::Export(args) => export::run(args),
    }
}

/// Reads a saved model; a file that cannot be read is input that does not fit, not a failure of ours.
fn load(path: &Path) -> Result<Model, Stop> {
    let bytes = std::fs::read(path)
        .map_err(|error| Stop::BadInput(format!("{}: {error}", path.display())))?;
    Model::from_bytes(&bytes)
        .map_err(|error| Stop::BadInput(format!("{}: {error}", path.display())))
}

/// The format of `--out`, known before the work begins.
fn format(out: &Path) -> Result<Format, Stop> {
    Format::of_path(&out.to_string_lossy())
        .map_err(|error| Stop::BadInput(format!("--out: {error}")))
}

/// Writes a model; for C source its header beside it.
fn save(model: &Model, out: &Path, options: &SaveOptions, cancel: &Cancel) -> Result<(), Stop> {
    write_whole("--out", out, &model.saved(options)?, cancel)?;
    if options.format == Format::C {
        let header = SaveOptions {
            format: Format::H,
            ..options.clone()
        };
        write_whole(
            "--out",
            &out.with_extension("h"),
            &model.saved(&header)?,
            cancel,
        )?;
    }
    Ok(())
}
