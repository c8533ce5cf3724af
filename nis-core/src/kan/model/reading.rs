//! Formulas, pruning and intervals of a model, in the units of the data.

use super::fit::targets;
use super::{Column, Model, Names, Task, scaling};
use crate::error::{Error, Result};
use crate::kan::read::{Formula, FormulaOptions, Library, PruneOptions, PruneReport, Quantity};
use crate::kan::uncertainty::{Interval, Uncertainty};
use crate::telemetry::Progress;

impl Model {
    /// Rows as the network sees them, and what it shall give there.
    fn scaled(&self, x: &[f64], y: &[f64]) -> Result<(Vec<f64>, Vec<f64>)> {
        let rows = scaling::rows("x", x, self.inputs.len())?;
        let scaled = scaling::scaled_rows("x", x, &self.inputs)?;
        if self.task == Task::Regression {
            if y.len() != rows.saturating_mul(self.outputs.len()) {
                return Err(Error::invalid(
                    "y",
                    format!("{} values", y.len()),
                    format!("{} for each of {rows} rows", self.outputs.len()),
                ));
            }
            return Ok((scaled, scaling::scaled_rows("y", y, &self.outputs)?));
        }
        let (_, one_hot) = targets(y, rows, &Names::default(), &self.task)?;
        Ok((scaled, one_hot))
    }

    fn regression_only(&self, what: &str) -> Result<()> {
        match self.task {
            Task::Regression => Ok(()),
            Task::Classification { .. } => Err(Error::invalid(
                "task",
                "classification",
                format!("a regression: a classification has no {what}"),
            )),
        }
    }

    /// The model without edges and hidden nodes of little importance on rows, and what that cost
    /// ([`Kan::prune`](crate::kan::Kan::prune); losses in standard deviations of the outputs). A classification is not
    /// refitted.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where the rows do not fit or an option is out of range; [`Error::Cancelled`].
    pub fn pruned(
        &self,
        x: &[f64],
        y: &[f64],
        options: &PruneOptions,
        progress: &Progress<'_>,
    ) -> Result<(Model, PruneReport)> {
        let (x, y) = self.scaled(x, y)?;
        let mut options = options.clone();
        if self.task != Task::Regression {
            // The refit is one of least squares.
            options.refit = 0;
        }
        let mut model = self.clone();
        let report = model.net.prune(&x, &y, &options, progress)?;
        Ok((model, report))
    }

    /// A formula per output in the names and units of the data, read from the network and refitted to rows:
    /// [`Kan::formula`](crate::kan::Kan::formula). Prune first: every edge costs time and digits.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for a classification, where the rows do not fit or an option is out of range;
    /// [`Error::Cancelled`].
    pub fn formula(
        &self,
        x: &[f64],
        y: &[f64],
        library: &Library,
        options: &FormulaOptions,
        progress: &Progress<'_>,
    ) -> Result<Vec<Formula>> {
        self.regression_only("formula")?;
        let (x, y) = self.scaled(x, y)?;
        let quantities = |columns: &[Column]| -> Vec<Quantity> {
            columns
                .iter()
                .map(|c| Quantity {
                    name: c.name.clone(),
                    shift: c.shift,
                    scale: c.scale,
                })
                .collect()
        };
        self.net.formula(
            &x,
            &y,
            &quantities(&self.inputs),
            &quantities(&self.outputs),
            library,
            options,
            progress,
        )
    }

    /// How far predictions are off, by the Laplace approximation from the rows of the fit:
    /// [`Uncertainty::laplace`].
    ///
    /// # Errors
    /// Those of [`Uncertainty::laplace`]; [`Error::InvalidInput`] for a classification.
    pub fn laplace(&self, x: &[f64], y: &[f64]) -> Result<Uncertainty> {
        self.regression_only("interval")?;
        let (x, y) = self.scaled(x, y)?;
        Uncertainty::laplace(&self.net, &x, &y, self.report.smoothness)
    }

    /// The same from rows that took no part in the fit: [`Uncertainty::conformal`].
    ///
    /// # Errors
    /// Those of [`Uncertainty::conformal`]; [`Error::InvalidInput`] for a classification.
    pub fn conformal(&self, x: &[f64], y: &[f64]) -> Result<Uncertainty> {
        self.regression_only("interval")?;
        let (x, y) = self.scaled(x, y)?;
        Uncertainty::conformal(&self.net, &x, &y)
    }

    /// Intervals that hold a new observation with probability `level`, `[row][output]`, in the outputs' units.
    ///
    /// # Errors
    /// Those of [`Model::predict`] and [`Uncertainty::interval`].
    pub fn intervals(
        &self,
        uncertainty: &Uncertainty,
        x: &[f64],
        level: f64,
    ) -> Result<Vec<Interval>> {
        self.regression_only("interval")?;
        let x = scaling::scaled_rows("x", x, &self.inputs)?;
        let mut out = uncertainty.interval(&self.net, &x, level)?;
        for row in out.chunks_mut(self.outputs.len()) {
            for (i, column) in row.iter_mut().zip(&self.outputs) {
                *i = Interval {
                    value: column.restore(i.value),
                    lower: column.restore(i.lower),
                    upper: column.restore(i.upper),
                };
            }
        }
        Ok(out)
    }

    /// Standard errors of the predictions themselves, without the noise of an observation, `[row][output]`.
    ///
    /// # Errors
    /// Those of [`Model::predict`] and [`Uncertainty::standard_errors`].
    pub fn standard_errors(&self, uncertainty: &Uncertainty, x: &[f64]) -> Result<Vec<f64>> {
        self.regression_only("standard error")?;
        let x = scaling::scaled_rows("x", x, &self.inputs)?;
        let mut out = uncertainty.standard_errors(&self.net, &x)?;
        for row in out.chunks_mut(self.outputs.len()) {
            for (value, column) in row.iter_mut().zip(&self.outputs) {
                *value *= column.scale;
            }
        }
        Ok(out)
    }
}
