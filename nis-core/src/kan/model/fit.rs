//! From rows to a model.

use super::Model;
use super::options::{ModelOptions, Names, Task};
use super::scaling::{self, Column};
use crate::error::{Error, Result};
use crate::kan::network::{Edge, Kan, Structure};
use crate::kan::train::{FitReport, Loss, Method};
use crate::telemetry::Progress;

impl Model {
    /// Fits a model to rows: `x` is row-major `[row][input]`; `y` is `[row][output]`, or for a classification
    /// one class index per row.
    ///
    /// Scaling comes from these rows. An input that does not vary says nothing: its edges are removed, and
    /// predictions do not depend on it. Where no input varies, or there is one row or one class, the model is
    /// the mean of the outputs (the shares of the classes).
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for no rows, sizes that do not fit, values that are not finite (with row and
    /// column, from 0), a class index out of range, names that are empty or given twice, or options out of
    /// range; those of the fit; [`Error::Cancelled`].
    pub fn fit(
        x: &[f64],
        y: &[f64],
        names: &Names,
        options: &ModelOptions,
        progress: &Progress<'_>,
    ) -> Result<Self> {
        scaling::check_names("names.inputs", names.inputs.iter().map(String::as_str))?;
        let width = names.inputs.len();
        let rows = scaling::rows("x", x, width)?;
        if rows == 0 {
            return Err(Error::invalid("x", "no rows", "at least one row"));
        }
        scaling::check_finite("x", x, width, |c| &names.inputs[c])?;
        let ranges: Vec<(f64, f64)> = (0..width)
            .map(|c| scaling::range(x.iter().skip(c).step_by(width).copied()))
            .collect();
        let inputs: Vec<Column> = names
            .inputs
            .iter()
            .zip(&ranges)
            .map(|(name, (lo, hi))| Column::unit(name.clone(), *lo, *hi))
            .collect();
        let (outputs, targets) = targets(y, rows, names, &options.task)?;

        let mut widths = vec![width];
        widths.extend(options.hidden_for(rows, width, outputs.len()));
        widths.push(outputs.len());
        let mut net = Kan::of(&Structure {
            widths,
            products: options.products.clone(),
            grid: options.grid,
            order: options.order,
            family: options.family,
            base: options.base,
            outside: options.outside,
            seed: options.seed,
            ..Structure::default()
        })?;
        for (i, (lo, hi)) in ranges.iter().enumerate() {
            if lo == hi {
                remove_input(&mut net, 0, i);
            }
        }
        let varies = ranges.iter().any(|(lo, hi)| lo != hi);
        let report = if !varies || outputs.len() == 1 && is_one_class(&options.task) {
            constant(&mut net, &targets, &options.task)
        } else {
            let scaled = scaling::scaled_rows("x", x, &inputs)?;
            let mut fit = options.fit.clone();
            if options.task != Task::Regression {
                fit.loss = Loss::CrossEntropy;
            }
            net.fit(&scaled, &targets, &fit, progress)?
        };
        Model::from_parts(net, inputs, outputs, options.task.clone(), report, rows)
    }
}

fn is_one_class(task: &Task) -> bool {
    matches!(task, Task::Classification { classes } if classes.len() == 1)
}

/// The output columns and what the network shall give, `[row][output]`.
pub(super) fn targets(
    y: &[f64],
    rows: usize,
    names: &Names,
    task: &Task,
) -> Result<(Vec<Column>, Vec<f64>)> {
    let fitting = |width: usize| {
        if y.len() == rows.saturating_mul(width) {
            return Ok(());
        }
        Err(Error::invalid(
            "y",
            format!("{} values", y.len()),
            format!("{width} for each of {rows} rows"),
        ))
    };
    match task {
        Task::Regression => {
            let width = names.outputs.len();
            if width == 0 {
                return Err(Error::invalid("names.outputs", "none", "at least one name"));
            }
            fitting(width)?;
            scaling::check_finite("y", y, width, |c| &names.outputs[c])?;
            let columns: Vec<Column> = names
                .outputs
                .iter()
                .enumerate()
                .map(|(c, name)| {
                    Column::standard(name.clone(), y.iter().skip(c).step_by(width).copied())
                })
                .collect();
            let scaled = scaling::scaled_rows("y", y, &columns)?;
            Ok((columns, scaled))
        }
        Task::Classification { classes } => {
            if classes.is_empty() {
                return Err(Error::invalid("task.classes", "none", "at least one class"));
            }
            fitting(1)?;
            let mut scaled = vec![0.0; rows.saturating_mul(classes.len())];
            for (row, (y, one)) in y.iter().zip(scaled.chunks_mut(classes.len())).enumerate() {
                let Some(at) = (0..classes.len()).find(|c| *c as f64 == *y) else {
                    return Err(Error::invalid(
                        "y",
                        format!("{y} in row {row}, column 0"),
                        format!("an index of a class, 0 to {}", classes.len() - 1),
                    ));
                };
                one[at] = 1.0;
            }
            let columns = classes
                .iter()
                .map(|name| Column {
                    name: name.clone(),
                    shift: 0.0,
                    scale: 1.0,
                })
                .collect();
            Ok((columns, scaled))
        }
    }
}

fn remove_input(net: &mut Kan, layer: usize, input: usize) {
    let layer = &mut net.layers[layer];
    for sum in 0..layer.sums {
        let edge = layer.edge(input, sum);
        layer.edges[edge] = Edge::Removed;
    }
}

/// Makes the network give the same for every row: the mean, or the logarithms of the shares of the classes.
fn constant(net: &mut Kan, targets: &[f64], task: &Task) -> FitReport {
    let outputs = net.outputs();
    let rows = (targets.len() / outputs).max(1) as f64;
    if let Some(last) = net.layers.last_mut() {
        last.edges.fill(Edge::Removed);
        for (o, shift) in last.output_shift.iter_mut().enumerate() {
            let mean = targets.iter().skip(o).step_by(outputs).sum::<f64>() / rows;
            *shift = match task {
                Task::Regression => mean,
                // Half a row more keeps the logarithm of a class without rows finite.
                Task::Classification { .. } => (mean + 0.5 / rows).ln(),
            };
        }
    }
    let error = match task {
        Task::Regression => {
            (targets.iter().map(|t| t * t).sum::<f64>() / targets.len().max(1) as f64).sqrt()
        }
        Task::Classification { .. } => {
            let shifts: Vec<f64> = net
                .layers
                .last()
                .map(|l| l.output_shift.clone())
                .unwrap_or_default();
            let sum = shifts.iter().map(|s| s.exp()).sum::<f64>().ln();
            let lost =
                |row: &[f64]| -> f64 { row.iter().zip(&shifts).map(|(t, s)| t * (sum - s)).sum() };
            targets.chunks(outputs).map(lost).sum::<f64>() / rows
        }
    };
    FitReport {
        method: Method::Auto,
        iterations: 0,
        stop: "nothing varies: the mean".into(),
        grid: net.layers[0].basis(0).cells(),
        smoothness: 0.0,
        train_error: error,
        holdout_error: None,
        holdout_rows: Vec::new(),
        history: Vec::new(),
    }
}
