//! `nis laplace fit`: poles and residues of measured frequency responses.

use std::path::PathBuf;

use clap::ValueEnum;
use nis_core::laplace::fit::{
    EnforceOptions, Enforced, FitOptions, FrequencyData, Passivity, Representation, ResponseFit,
    Start, Weighting, enforce_passivity, fit_response, on_axis, passivity,
};
use serde::Serialize;

use super::responses::read;
use crate::work::{long_work, stop_on_ctrl_c, write_whole};
use crate::{Stop, print};

/// What `nis laplace fit` accepts.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Touchstone file (.s1p, .s2p, ..), or CSV file with a header line and the columns frequency, re, im, re,
    /// im, .. by rows of the response matrix.
    file: PathBuf,
    /// Number of poles, or auto to choose it from the data.
    #[arg(long, default_value = "auto", value_parser = order)]
    order: Order,
    /// Highest order of the automatic choice.
    #[arg(long, value_name = "N", default_value_t = 60)]
    max_order: usize,
    /// Stop at the first order with at most this relative rms error.
    #[arg(long, value_name = "ERROR", default_value_t = 0.0)]
    tolerance: f64,
    /// How errors are weighted.
    #[arg(long, default_value = "uniform")]
    weighting: WeightingName,
    /// Where the poles start.
    #[arg(long, default_value = "auto")]
    start: StartName,
    /// Fit no constant term.
    #[arg(long)]
    no_direct: bool,
    /// Fit a term proportional to s.
    #[arg(long)]
    linear: bool,
    /// Columns of the response matrix in a CSV file; by default square where the count allows, else 1.
    #[arg(long, value_name = "N")]
    inputs: Option<usize>,
    /// The frequencies of a CSV file are angular.
    #[arg(long)]
    angular: bool,
    /// Test the fit for passivity, taken as this.
    #[arg(long, value_name = "KIND")]
    passivity: Option<Kind>,
    /// Make it passive.
    #[arg(long, requires = "passivity")]
    enforce: bool,
    /// Write the system (poles and residues) to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
    /// Show no progress.
    #[arg(long, short)]
    quiet: bool,
}

#[derive(Clone, Copy)]
struct Order(Option<usize>);

fn order(text: &str) -> Result<Order, String> {
    if text == "auto" {
        return Ok(Order(None));
    }
    text.parse()
        .map(|n| Order(Some(n)))
        .map_err(|_| "expected a number of poles, or auto".to_owned())
}

#[derive(Clone, Copy, ValueEnum)]
enum WeightingName {
    Uniform,
    InverseMagnitude,
    InverseNorm,
}

#[derive(Clone, Copy, ValueEnum)]
enum StartName {
    Auto,
    Spread,
    Aaa,
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    Scattering,
    Immittance,
}

/// What is printed as JSON.
#[derive(Serialize)]
struct Output {
    fit: ResponseFit,
    #[serde(skip_serializing_if = "Option::is_none")]
    passivity: Option<Passivity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    enforced: Option<Enforced>,
}

pub(crate) fn run(args: &Args) -> Result<(), Stop> {
    let data = read(&args.file, args.inputs)?;
    let angular = if args.angular {
        1.0
    } else {
        std::f64::consts::TAU
    };
    let omega: Vec<f64> = data.f.iter().map(|f| f * angular).collect();
    let s = on_axis(&omega);
    let options = FitOptions {
        order: args.order.0,
        max_order: args.max_order,
        tolerance: args.tolerance,
        direct: !args.no_direct,
        linear: args.linear,
        weighting: match args.weighting {
            WeightingName::Uniform => Weighting::Uniform,
            WeightingName::InverseMagnitude => Weighting::InverseMagnitude,
            WeightingName::InverseNorm => Weighting::InverseNorm,
        },
        start: match args.start {
            StartName::Auto => Start::Auto,
            StartName::Spread => Start::Spread,
            StartName::Aaa => Start::Aaa,
        },
        ..FitOptions::default()
    };
    let kind = args.passivity.map(|kind| match kind {
        Kind::Scattering => Representation::Scattering,
        Kind::Immittance => Representation::Immittance,
    });
    let cancel = stop_on_ctrl_c()?;
    let out = long_work(&cancel, args.quiet, |progress| {
        let data = FrequencyData {
            s: &s,
            outputs: data.outputs,
            inputs: data.inputs,
            response: &data.values,
            weights: None,
        };
        let fit = fit_response(&data, &options, progress)?;
        let mut out = Output {
            fit,
            passivity: None,
            enforced: None,
        };
        match kind {
            Some(kind) if args.enforce => {
                let options = EnforceOptions {
                    omega,
                    ..EnforceOptions::default()
                };
                let done = enforce_passivity(&out.fit.system, kind, &options, progress)?;
                out.enforced = Some(done);
            }
            Some(kind) => out.passivity = Some(passivity(&out.fit.system, kind, progress)?),
            None => {}
        }
        Ok(out)
    })?;
    if let Some(path) = &args.output {
        let system = out.enforced.as_ref().map_or(&out.fit.system, |e| &e.system);
        write_whole("--output", path, &json(system)?, &cancel)?;
    }
    if args.json {
        return print(&json(&out)?);
    }
    print(&text(&args.file.display().to_string(), &out))
}

fn json(value: &impl Serialize) -> Result<String, Stop> {
    serde_json::to_string_pretty(value).map_err(|e| Stop::Failed(format!("the fit as JSON: {e}")))
}

fn text(name: &str, out: &Output) -> String {
    let fit = &out.fit;
    let system = &fit.system;
    let mut text = format!(
        "{name}: {} points, {} x {} responses, {} poles ({})\n",
        fit.points, system.outputs, system.inputs, fit.order, fit.order_reason
    );
    text.push_str(&format!(
        "{:>15} {:>12} {:>15} {:>12} {:>14} {:>12}\n",
        "re(pole)", "+-", "im(pole)", "+-", "frequency", "damping"
    ));
    let unknown = || "?".to_owned();
    for pole in &fit.poles {
        let se = |v: f64| format!("{v:.2e}");
        text.push_str(&format!(
            "{:>15.7e} {:>12} {:>15.7e} {:>12} {:>14.7e} {:>12.4e}\n",
            pole.pole.re,
            pole.pole_se.map_or_else(unknown, |v| se(v.re)),
            pole.pole.im,
            pole.pole_se.map_or_else(unknown, |v| se(v.im)),
            pole.frequency,
            pole.damping_ratio
        ));
    }
    text.push_str(&format!(
        "error {:.3e} rms ({:.3e} relative), {:.3e} at most at s = {}{}\n",
        fit.rms,
        fit.relative_rms,
        fit.max_error,
        fit.max_error_at,
        if fit.stable { "" } else { "; UNSTABLE" }
    ));
    if let Some(found) = out
        .passivity
        .as_ref()
        .or(out.enforced.as_ref().map(|e| &e.before))
    {
        text.push_str(&format!(
            "{}passive: worst {:.6}, {} bands of violation\n",
            if found.passive { "" } else { "not " },
            found.worst,
            found.bands.len()
        ));
        for band in &found.bands {
            let to = band
                .to
                .map_or_else(|| "infinity".to_owned(), |w| format!("{w:.7e}"));
            text.push_str(&format!(
                "  angular frequency {:.7e} to {to}: {:.6}\n",
                band.from, band.worst
            ));
        }
    }
    if let Some(done) = &out.enforced {
        text.push_str(&format!(
            "{} by {} ({} steps): response changed by {:.3e} rms ({:.3e} relative), {:.3e} at most\n",
            if done.report.enforced { "made passive" } else { "NOT made passive" },
            done.report.method,
            done.report.iterations,
            done.report.change_rms,
            done.report.change_relative,
            done.report.change_max
        ));
    }
    text
}
