//! `nis laplace modes`: the damped modes of a column.

use nis_core::laplace::{Modes, ModesOptions, modes};

use super::signal::Input;
use crate::work::{long_work, stop_on_ctrl_c};
use crate::{Stop, print};

/// What `nis laplace modes` accepts.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    input: Input,
    /// Number of real degrees of freedom of the pole set; chosen from the data where not given.
    #[arg(long, value_name = "N")]
    order: Option<usize>,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
    /// Show no progress.
    #[arg(long, short)]
    quiet: bool,
}

pub(crate) fn run(args: &Args) -> Result<(), Stop> {
    let signal = args.input.read()?;
    let (t0, dt) = signal.uniform()?;
    let options = ModesOptions {
        order: args.order,
        ..ModesOptions::default()
    };
    let cancel = stop_on_ctrl_c()?;
    let found = long_work(&cancel, args.quiet, |progress| {
        modes(&signal.values, t0, dt, &options, progress)
    })?;
    if args.json {
        return print(
            &serde_json::to_string_pretty(&found)
                .map_err(|e| Stop::Failed(format!("the modes as JSON: {e}")))?,
        );
    }
    print(&text(&signal.name, &found))
}

fn text(name: &str, found: &Modes) -> String {
    let mut out = format!(
        "{name}: {} samples every {}, {} modes of order {} ({})\n",
        found.n,
        found.dt,
        found.modes.len(),
        found.order,
        found.order_reason
    );
    out.push_str(&format!(
        "{:>14} {:>12} {:>14} {:>12} {:>14} {:>10} {:>8}\n",
        "frequency", "+-", "damping", "+-", "amplitude", "phase", "power %"
    ));
    for mode in &found.modes {
        out.push_str(&format!(
            "{:>14.7} {:>12.2e} {:>14.6e} {:>12.2e} {:>14.6e} {:>10.4} {:>8.2}\n",
            mode.frequency,
            mode.frequency_se,
            -mode.pole.re,
            mode.pole_se.re,
            mode.amplitude,
            mode.phase,
            100.0 * mode.power_share
        ));
    }
    out.push_str(&format!(
        "noise {:.3e} rms, {:.4} of the variance explained\n",
        found.noise_std, found.explained
    ));
    out
}
