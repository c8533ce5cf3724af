//! `nis kan export`: a saved network in another format.

use std::path::PathBuf;

use nis_core::kan::Precision;
use nis_core::kan::store::SaveOptions;
use nis_core::telemetry::Cancel;

use super::{format, load, save};
use crate::Stop;

/// What `nis kan export` accepts.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Saved network, JSON or safetensors.
    model: PathBuf,
    /// File to write; the end of its name says what: .json, .safetensors, .c (and the .h beside it), .onnx.
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    /// Write 32-bit numbers (float in C); JSON keeps 64 bits.
    #[arg(long)]
    f32: bool,
    /// What names in C begin with.
    #[arg(long, value_name = "NAME", default_value = "kan")]
    prefix: String,
}

pub(crate) fn run(args: &Args) -> Result<(), Stop> {
    let options = SaveOptions {
        format: format(&args.out)?,
        precision: if args.f32 {
            Precision::F32
        } else {
            Precision::F64
        },
        prefix: args.prefix.clone(),
    };
    let model = load(&args.model)?;
    save(&model, &args.out, &options, &Cancel::new())
}
