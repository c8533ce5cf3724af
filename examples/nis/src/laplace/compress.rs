//! `nis laplace compress` and `nis laplace decompress`: a column to a container and back.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use nis_core::laplace::compress::{CompressOptions, Compressed, Decoder, Target, Totals, compress};

use super::signal::Input;
use crate::work::{long_work, stop_on_ctrl_c, write_whole};
use crate::{Stop, print};

/// What `nis laplace compress` accepts.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    input: Input,
    /// Where the container goes.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    target: TargetArgs,
    /// Do not look for modes: some ten times as fast.
    #[arg(long)]
    no_modes: bool,
    /// Longest segment in samples.
    #[arg(long, value_name = "N")]
    max_segment: Option<usize>,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
    /// Show no progress.
    #[arg(long, short)]
    quiet: bool,
}

/// What must be reached; a relative rms error of 1e-3 where nothing is given.
#[derive(clap::Args)]
#[group(multiple = false)]
struct TargetArgs {
    /// No sample is off by more than this.
    #[arg(long, value_name = "E")]
    max_error: Option<f64>,
    /// Root mean square of the errors.
    #[arg(long, value_name = "E")]
    rms_error: Option<f64>,
    /// Root mean square of the errors over that of the signal.
    #[arg(long, value_name = "E")]
    relative_rms: Option<f64>,
    /// Eight bytes per sample over the size of the file.
    #[arg(long, value_name = "R")]
    ratio: Option<f64>,
    /// Size of the file in bits per sample.
    #[arg(long, value_name = "B")]
    bits_per_sample: Option<f64>,
}

impl TargetArgs {
    fn target(&self) -> Target {
        let given = [
            self.max_error.map(Target::MaxError),
            self.rms_error.map(Target::RmsError),
            self.relative_rms.map(Target::RelativeRms),
            self.ratio.map(Target::Ratio),
            self.bits_per_sample.map(Target::BitsPerSample),
        ];
        let default = CompressOptions::default().target;
        given.into_iter().flatten().next().unwrap_or(default)
    }
}

pub(crate) fn run(args: &Args) -> Result<(), Stop> {
    let signal = args.input.read()?;
    let (_, dt) = signal.uniform()?;
    let mut options = CompressOptions {
        target: args.target.target(),
        modes: !args.no_modes,
        ..CompressOptions::default()
    };
    options.max_segment = args.max_segment.unwrap_or(options.max_segment);
    let cancel = stop_on_ctrl_c()?;
    let compressed = long_work(&cancel, args.quiet, |progress| {
        compress(&signal.values, dt, &options, progress)
    })?;
    write_whole("--out", &args.out, &compressed.bytes, &cancel)?;
    if args.json {
        return print(
            &serde_json::to_string_pretty(&compressed.report)
                .map_err(|e| Stop::Failed(format!("the report as JSON: {e}")))?,
        );
    }
    print(&text(&signal.name, &compressed))
}

fn text(name: &str, compressed: &Compressed) -> String {
    let r = &compressed.report;
    let mut out = format!(
        "{name}: {} samples in {} bytes, {:.2} bits per sample, {:.1} times smaller than f64 ({:.1} than f32)\n\
         error: largest {:.3e}, rms {:.3e}, {:.3e} of the signal\n",
        r.samples,
        r.bytes,
        r.bits_per_sample,
        r.ratio,
        r.ratio_f32,
        r.max_error,
        r.rms_error,
        r.relative_rms
    );
    for share in &r.kinds {
        let kind = match serde_json::to_value(share.kind) {
            Ok(serde_json::Value::String(kind)) => kind,
            _ => format!("{:?}", share.kind),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "{kind:>16}: {:>6.2} % of the samples, {} segments, {} bytes",
            100.0 * share.share,
            share.segments,
            share.bytes
        );
    }
    if let Some(step) = r.lattice {
        let _ = writeln!(
            out,
            "all samples are multiples of {step}: they come back exactly"
        );
    }
    if r.not_modal {
        let _ = write!(
            out,
            "not modal at this error: modes were sought on {} stretches, {} had none",
            r.trial.stretches, r.trial.without_modes
        );
        if r.trial.samples > 0 {
            let _ = write!(
                out,
                "; where both ways were coded, {} bytes with modes against {} without",
                r.trial.modal_bytes, r.trial.fallback_bytes
            );
        }
        out.push('\n');
    } else {
        let _ = writeln!(out, "{} modes", r.modes);
    }
    out
}

/// What `nis laplace decompress` accepts.
#[derive(clap::Args)]
pub(crate) struct DecompressArgs {
    /// The container.
    file: PathBuf,
    /// Where the CSV file goes; standard output where not given.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Time of the first sample: a container holds none.
    #[arg(
        long,
        value_name = "T",
        default_value_t = 0.0,
        allow_negative_numbers = true
    )]
    start: f64,
}

/// Bytes that are read at a time.
const PIECE: usize = 1 << 16;

pub(crate) fn decompress(args: &DecompressArgs) -> Result<(), Stop> {
    let cancel = stop_on_ctrl_c()?;
    let unreadable = |e: std::io::Error| Stop::BadInput(format!("{}: {e}", args.file.display()));
    let mut file = File::open(&args.file).map_err(unreadable)?;
    let mut decoder = Decoder::new();
    let mut piece = vec![0u8; PIECE];
    let mut csv = String::from("t,value\n");
    let mut k = 0u64;
    loop {
        let read = file.read(&mut piece).map_err(unreadable)?;
        let mut bytes = piece.get(..read).unwrap_or_default();
        if bytes.is_empty() {
            break;
        }
        while let Some(segment) = decoder.push(&mut bytes)? {
            if cancel.is_cancelled() {
                return Err(Stop::Interrupted);
            }
            let dt = decoder.info().map_or(1.0, |info| info.dt);
            for value in segment.samples {
                let _ = writeln!(csv, "{},{value}", args.start + k as f64 * dt);
                k += 1;
            }
        }
        // To standard output as it comes; a file is written whole or not at all.
        if args.out.is_none() && !csv.is_empty() {
            print(&csv)?;
            csv.clear();
        }
    }
    let Totals { samples, .. } = decoder.finish()?;
    match &args.out {
        Some(path) => {
            write_whole("--out", path, csv.as_bytes(), &cancel)?;
            print(&format!("{samples} samples"))
        }
        None => Ok(()),
    }
}
