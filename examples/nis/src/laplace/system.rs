//! `nis laplace bode | step | impulse | reduce`: responses and reduction of a system given as JSON.

use std::path::{Path, PathBuf};

use nis_core::laplace::system::{
    Bode, Prepared, ReduceOptions, Reduction, System, SystemSpec, TimeResponse,
};
use nis_core::runtime::read_json;
use nis_core::telemetry::Progress;
use serde::Serialize;

use crate::work::{long_work, stop_on_ctrl_c};
use crate::{Stop, print};

/// A system and how the result is printed.
#[derive(clap::Args)]
pub(crate) struct Input {
    /// JSON file: {"pole_residue": ..}, {"state_space": ..}, {"zpk": ..} or {"coefficients": ..}.
    file: PathBuf,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

/// What `nis laplace bode` accepts.
#[derive(clap::Args)]
pub(crate) struct BodeArgs {
    #[command(flatten)]
    input: Input,
    /// Lowest angular frequency; from the poles where not given.
    #[arg(long, value_name = "W", requires = "to")]
    from: Option<f64>,
    /// Highest angular frequency.
    #[arg(long, value_name = "W", requires = "from")]
    to: Option<f64>,
    /// Number of frequencies between --from and --to, evenly spaced in the logarithm.
    #[arg(long, value_name = "N", default_value_t = 50, requires = "from")]
    points: usize,
    /// Show no progress.
    #[arg(long, short)]
    quiet: bool,
}

/// What `nis laplace step` and `nis laplace impulse` accept.
#[derive(clap::Args)]
pub(crate) struct TimeArgs {
    #[command(flatten)]
    input: Input,
    /// Last time; from the poles where not given.
    #[arg(long, value_name = "T")]
    to: Option<f64>,
    /// Number of times from 0 to --to.
    #[arg(long, value_name = "N", default_value_t = 201, requires = "to")]
    points: usize,
    /// Show no progress.
    #[arg(long, short)]
    quiet: bool,
}

/// What `nis laplace reduce` accepts.
#[derive(clap::Args)]
pub(crate) struct ReduceArgs {
    #[command(flatten)]
    input: Input,
    /// Number of states of the result.
    #[arg(long, value_name = "N")]
    order: Option<usize>,
    /// Largest error bound, against the largest Hankel singular value; decides where --order is not given.
    #[arg(long, value_name = "E", default_value_t = 1e-6)]
    tolerance: f64,
    /// Keep the gain at zero frequency instead of that at infinity.
    #[arg(long)]
    match_dc: bool,
    /// Show no progress.
    #[arg(long, short)]
    quiet: bool,
}

/// Most points of a grid that the command line makes.
const MAX_POINTS: usize = 10_000_000;

impl Input {
    fn read(&self) -> Result<System, Stop> {
        read(&self.file)
    }

    fn show(&self, value: &impl Serialize, text: impl FnOnce() -> String) -> Result<(), Stop> {
        if !self.json {
            return print(&text());
        }
        let json = serde_json::to_string_pretty(value)
            .map_err(|e| Stop::Failed(format!("the result as JSON: {e}")))?;
        print(&json)
    }
}

fn read(path: &Path) -> Result<System, Stop> {
    let text = std::fs::read_to_string(path)
        .map_err(|e| Stop::BadInput(format!("{}: {e}", path.display())))?;
    Ok(read_json::<SystemSpec>("system", &text)?.build()?)
}

fn points(points: usize) -> Result<usize, Stop> {
    if (2..=MAX_POINTS).contains(&points) {
        return Ok(points);
    }
    Err(Stop::BadInput(format!(
        "--points: got {points}, expected 2 to {MAX_POINTS}"
    )))
}

/// The name of a channel; empty where there is one only.
fn channel(outputs: usize, inputs: usize, cell: usize) -> String {
    if outputs * inputs == 1 {
        return String::new();
    }
    format!(" y{}/u{}", cell / inputs, cell % inputs)
}

pub(crate) fn bode(args: &BodeArgs) -> Result<(), Stop> {
    let system = args.input.read()?;
    let omega = match (args.from, args.to) {
        (Some(from), Some(to)) => {
            if from.is_nan() || from <= 0.0 || !to.is_finite() || to <= from {
                return Err(Stop::BadInput(format!(
                    "--from, --to: got {from} and {to}, expected positive frequencies in this order"
                )));
            }
            let n = points(args.points)?;
            let step = (to / from).ln() / (n - 1) as f64;
            (0..n).map(|k| from * (step * k as f64).exp()).collect()
        }
        _ => system.default_frequencies()?,
    };
    let prepared = Prepared::new(system);
    let cancel = stop_on_ctrl_c()?;
    let bode = long_work(&cancel, args.quiet, |progress| {
        Ok(prepared.frequency_response(&omega, progress)?.bode())
    })?;
    args.input.show(&bode, || bode_table(&bode))
}

fn bode_table(bode: &Bode) -> String {
    let n = bode.omega.len();
    let mut out = format!("{:>14}", "omega");
    for cell in 0..bode.outputs * bode.inputs {
        let name = channel(bode.outputs, bode.inputs, cell);
        out.push_str(&format!(
            " {:>14} {:>12}",
            format!("dB{name}"),
            format!("degrees{name}")
        ));
    }
    out.push('\n');
    for (k, w) in bode.omega.iter().enumerate() {
        out.push_str(&format!("{w:>14.6e}"));
        for cell in 0..bode.outputs * bode.inputs {
            let (decibel, phase) = (bode.decibel[cell * n + k], bode.phase[cell * n + k]);
            out.push_str(&format!(" {decibel:>14.6} {:>12.4}", phase.to_degrees()));
        }
        out.push('\n');
    }
    out
}

pub(crate) fn step(args: &TimeArgs) -> Result<(), Stop> {
    respond(args, Prepared::step)
}

pub(crate) fn impulse(args: &TimeArgs) -> Result<(), Stop> {
    respond(args, Prepared::impulse)
}

fn respond(
    args: &TimeArgs,
    response: impl Fn(&Prepared, &[f64], &Progress<'_>) -> nis_core::Result<TimeResponse>,
) -> Result<(), Stop> {
    let system = args.input.read()?;
    let t = match args.to {
        Some(to) if to > 0.0 && to.is_finite() => {
            let n = points(args.points)?;
            let h = to / (n - 1) as f64;
            (0..n).map(|k| k as f64 * h).collect()
        }
        Some(to) => {
            return Err(Stop::BadInput(format!(
                "--to: got {to}, expected a positive time"
            )));
        }
        None => system.default_times()?,
    };
    let prepared = Prepared::new(system);
    let cancel = stop_on_ctrl_c()?;
    let got = long_work(&cancel, args.quiet, |progress| {
        response(&prepared, &t, progress)
    })?;
    args.input.show(&got, || time_table(&got))
}

fn time_table(got: &TimeResponse) -> String {
    let n = got.t.len();
    let mut out = format!("{:>14}", "t");
    for cell in 0..got.outputs * got.inputs {
        let name = channel(got.outputs, got.inputs, cell);
        out.push_str(&format!(" {:>22}", format!("y{name}")));
    }
    out.push('\n');
    for (k, t) in got.t.iter().enumerate() {
        out.push_str(&format!("{t:>14.6e}"));
        for cell in 0..got.outputs * got.inputs {
            out.push_str(&format!(" {:>22.14e}", got.y[cell * n + k]));
        }
        out.push('\n');
    }
    out
}

pub(crate) fn reduce(args: &ReduceArgs) -> Result<(), Stop> {
    let system = args.input.read()?;
    let options = ReduceOptions {
        order: args.order,
        tolerance: args.tolerance,
        match_dc: args.match_dc,
    };
    let cancel = stop_on_ctrl_c()?;
    let found = long_work(&cancel, args.quiet, |progress| {
        system.reduce(&options, progress)
    })?;
    let poles = System::from(found.system.clone()).damping()?;
    args.input.show(&found, || reduction_table(&found, &poles))
}

fn reduction_table(found: &Reduction, poles: &[nis_core::laplace::system::Damping]) -> String {
    let mut out = format!(
        "{} of {} states, {} of them unstable; error at most {:.6e} at any frequency\n",
        found.order,
        found.hankel_singular_values.len() + found.unstable,
        found.unstable,
        found.error_bound
    );
    out.push_str(&format!("{:>6} {:>22}\n", "state", "Hankel singular value"));
    for (k, value) in found.hankel_singular_values.iter().enumerate() {
        let mark = if k + found.unstable < found.order {
            ""
        } else {
            "  left out"
        };
        out.push_str(&format!("{:>6} {value:>22.6e}{mark}\n", k + 1));
    }
    out.push_str(&format!(
        "{:>16} {:>16} {:>14} {:>10}\n",
        "pole, real", "imaginary", "frequency", "damping"
    ));
    for pole in poles {
        out.push_str(&format!(
            "{:>16.8e} {:>16.8e} {:>14.6e} {:>10}\n",
            pole.pole.re,
            pole.pole.im,
            pole.natural_frequency,
            pole.damping_ratio
                .map_or("-".to_owned(), |d| format!("{d:.5}"))
        ));
    }
    out
}
