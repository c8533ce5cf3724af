//! `nis kan fit`: a network fitted to columns, read as a formula.

use std::path::PathBuf;

use nis_core::kan::store::SaveOptions;
use nis_core::kan::{
    FitOptions, Formula, FormulaOptions, Importance, Library, Model, ModelOptions, Names,
    PruneOptions, Task,
};
use nis_core::telemetry::Progress;

use super::table::{classes, rows};
use super::{format, save};
use crate::laplace::table;
use crate::work::{long_work, stop_on_ctrl_c};
use crate::{Stop, print};

/// What `nis kan fit` accepts.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// CSV file with a header line.
    file: PathBuf,
    /// Column to predict; several with commas.
    #[arg(long, value_name = "COL", value_delimiter = ',', required = true)]
    target: Vec<String>,
    /// Columns to predict from, with commas; all other numeric columns where not given.
    #[arg(long, value_name = "COL", value_delimiter = ',')]
    features: Vec<String>,
    /// The target holds classes: numbers or texts.
    #[arg(long)]
    classify: bool,
    /// Nodes of the hidden layers, with commas; 0 for none; chosen by the number of rows where not given.
    #[arg(long, value_name = "N", value_delimiter = ',')]
    hidden: Option<Vec<usize>>,
    /// Grid cells per edge.
    #[arg(long, value_name = "N", default_value_t = ModelOptions::default().grid)]
    grid: usize,
    /// Spline order (degree), 1 to 5.
    #[arg(long, value_name = "K", default_value_t = ModelOptions::default().order)]
    order: usize,
    /// Share of the rows held out, 0 to 0.5.
    #[arg(long, value_name = "SHARE", default_value_t = FitOptions::default().holdout)]
    holdout: f64,
    /// Seed of weights, held-out rows and mini-batches.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Iterations at most (epochs of Adam).
    #[arg(long, value_name = "N", default_value_t = FitOptions::default().max_iterations)]
    max_iterations: usize,
    /// Threads; the result does not depend on them.
    #[arg(long, value_name = "N", default_value_t = 1)]
    threads: usize,
    /// Do not look for a formula.
    #[arg(long)]
    no_formula: bool,
    /// File to write the network to; the end of its name says what: .json, .safetensors, .c, .onnx.
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
    /// Show no progress.
    #[arg(long, short)]
    quiet: bool,
}

/// What came of it.
struct Found {
    model: Model,
    importance: Importance,
    formulas: Vec<Formula>,
}

pub(crate) fn run(args: &Args) -> Result<(), Stop> {
    let out = args
        .out
        .as_deref()
        .map(|path| Ok::<_, Stop>((path, format(path)?)))
        .transpose()?;
    let data = table(&args.file)?;
    let features: Vec<String> = if args.features.is_empty() {
        let others = data.columns.iter().map(|c| c.name.clone());
        others.filter(|name| !args.target.contains(name)).collect()
    } else {
        args.features.clone()
    };
    if let Some(both) = features.iter().find(|name| args.target.contains(name)) {
        return Err(Stop::BadInput(format!(
            "--features: got {both}, expected columns besides the target"
        )));
    }
    let x = rows(&data, &features)?;
    let mut task = Task::Regression;
    let y = match (args.classify, &args.target[..]) {
        (false, targets) => rows(&data, targets)?,
        (true, [target]) => {
            let (classes, y) = classes(&data, target)?;
            task = Task::Classification { classes };
            y
        }
        (true, targets) => {
            return Err(Stop::BadInput(format!(
                "--target: got {} columns, expected one with --classify",
                targets.len()
            )));
        }
    };
    let names = Names {
        inputs: features,
        outputs: args.target.clone(),
    };
    let options = ModelOptions {
        task,
        hidden: args
            .hidden
            .as_ref()
            .map(|h| h.iter().copied().filter(|n| *n > 0).collect()),
        grid: args.grid,
        order: args.order,
        seed: args.seed,
        fit: FitOptions {
            holdout: args.holdout,
            seed: args.seed,
            max_iterations: args.max_iterations,
            threads: args.threads,
            ..FitOptions::default()
        },
        ..ModelOptions::default()
    };
    let cancel = stop_on_ctrl_c()?;
    let found = long_work(&cancel, args.quiet, |progress| {
        find(&x, &y, &names, &options, !args.no_formula, progress)
    })?;
    if let Some((path, format)) = out {
        save(&found.model, path, &SaveOptions::of(format), &cancel)?;
    }
    if args.json {
        return print(&json(&found)?);
    }
    print(&text(args, &found))
}

fn find(
    x: &[f64],
    y: &[f64],
    names: &Names,
    options: &ModelOptions,
    formula: bool,
    progress: &Progress<'_>,
) -> nis_core::Result<Found> {
    let model = Model::fit(x, y, names, options, progress)?;
    let importance = model.importance(x)?;
    let mut formulas = Vec::new();
    if formula && options.task == Task::Regression {
        // Read from a pruned copy: every edge costs time and digits. What is saved is the whole network.
        let (pruned, _) = model.pruned(x, y, &PruneOptions::default(), progress)?;
        let judged = FormulaOptions {
            holdout_rows: model.report().holdout_rows.clone(),
            seed: options.seed,
            ..FormulaOptions::default()
        };
        formulas = pruned.formula(x, y, &Library::default(), &judged, progress)?;
    }
    Ok(Found {
        model,
        importance,
        formulas,
    })
}

fn json(found: &Found) -> Result<String, Stop> {
    let model = &found.model;
    let value = serde_json::json!({
        "inputs": model.inputs(),
        "outputs": model.outputs(),
        "task": model.task(),
        "widths": model.net().widths(),
        "parameters": model.net().parameters(),
        "rows": model.rows(),
        "report": model.report(),
        "importance": found.importance,
        "formulas": found.formulas,
    });
    serde_json::to_string_pretty(&value)
        .map_err(|error| Stop::Failed(format!("the result as JSON: {error}")))
}

fn text(args: &Args, found: &Found) -> String {
    let model = &found.model;
    let report = model.report();
    let widths: Vec<String> = model
        .net()
        .widths()
        .iter()
        .map(ToString::to_string)
        .collect();
    let mut out = format!(
        "{}: {} rows, {} from {}\nnetwork  {}, {} cells, {} parameters\nfit      {:?}, {} iterations ({})\n",
        args.file.display(),
        model.rows(),
        args.target.join(", "),
        model
            .inputs()
            .iter()
            .map(|c| c.name.as_str())
            .collect::<Vec<_>>()
            .join(", "),
        widths.join(" - "),
        report.grid,
        model.net().parameters(),
        report.method,
        report.iterations,
        report.stop,
    );
    // One output: in its unit. Several: in standard deviations, as the fit sees them.
    let (scale, unit) = match (model.task(), model.outputs()) {
        (Task::Classification { .. }, _) => (1.0, "mean cross-entropy".to_owned()),
        (Task::Regression, [one]) => (
            one.scale,
            format!("root mean square, in the unit of {}", one.name),
        ),
        _ => (1.0, "root mean square, in standard deviations".to_owned()),
    };
    out.push_str(&format!(
        "error    {:.4e} on the rows of the fit",
        scale * report.train_error
    ));
    if let Some(error) = report.holdout_error {
        out.push_str(&format!(
            ", {:.4e} on {} held out",
            scale * error,
            report.holdout_rows.len()
        ));
    }
    out.push_str(&format!(" ({unit})\n"));
    for formula in &found.formulas {
        match &formula.formula {
            Some(text) => {
                out.push_str(&format!("formula  {} = {text}\n", formula.target));
                for constant in &formula.constants {
                    let error = constant
                        .std_error
                        .map_or_else(|| "?".to_owned(), |e| format!("{e:.2e}"));
                    out.push_str(&format!(
                        "         {:<32} {:>14.7} +- {error}\n",
                        constant.name, constant.value
                    ));
                }
                out.push_str(&format!("         {}\n", formula.reason));
            }
            None => out.push_str(&format!(
                "formula  none for {}: {}\n",
                formula.target, formula.reason
            )),
        }
    }
    out.push_str("importance of the inputs\n");
    let scores = found
        .importance
        .nodes
        .first()
        .map_or(&[][..], Vec::as_slice);
    let mut order: Vec<(&str, f64)> = model
        .inputs()
        .iter()
        .map(|c| c.name.as_str())
        .zip(scores.iter().copied())
        .collect();
    order.sort_by(|a, b| b.1.total_cmp(&a.1));
    for (name, score) in order {
        out.push_str(&format!("         {name:<32} {score:>10.4}\n"));
    }
    out
}
