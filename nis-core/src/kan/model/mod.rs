//! A network together with what turns it into a model of data: names, scaling, the task and the report of the
//! fit. It is what the estimators of Python, the C face and the command line use.

mod fit;
mod look;
mod options;
mod reading;
mod scaling;

pub use options::{ModelOptions, Names, Task};
pub use scaling::Column;

use super::network::Kan;
use super::run::Predictor;
use super::train::FitReport;
use crate::error::{Error, Result};

/// A network with names and scaling, for regression or classification.
///
/// Inputs are brought to [-1, 1] by the smallest and largest value of the rows of the fit, outputs of a
/// regression to mean 0 and standard deviation 1; [`Model::predict`] takes and gives the units of the data.
///
/// ```
/// use nis_core::{kan::{Model, ModelOptions, Names}, telemetry::Progress};
/// let x: Vec<f64> = (0..200).flat_map(|i| [f64::from(i % 20), f64::from(i / 20)]).collect();
/// let y: Vec<f64> = x.chunks(2).map(|x| 3.0 * x[0] - x[1] * x[1]).collect();
/// let names = Names::of(&["length", "height"], &["y"]);
/// let model = Model::fit(&x, &y, &names, &ModelOptions::default(), &Progress::none())?;
/// assert!((model.predict(&[10.0, 5.0])?[0] - 5.0).abs() < 0.1);
/// # Ok::<(), nis_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    pub(crate) net: Kan,
    pub(crate) inputs: Vec<Column>,
    pub(crate) outputs: Vec<Column>,
    pub(crate) task: Task,
    pub(crate) report: FitReport,
    pub(crate) rows: usize,
}

impl Model {
    /// A model of its parts, for example those of a file. `rows` is the number of rows it was fitted to.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where the numbers of columns do not fit the network or the classes, a scale is
    /// not a positive finite number, or a name is empty or given twice.
    pub fn from_parts(
        net: Kan,
        inputs: Vec<Column>,
        outputs: Vec<Column>,
        task: Task,
        report: FitReport,
        rows: usize,
    ) -> Result<Self> {
        scaling::check_columns("inputs", &inputs, net.inputs())?;
        scaling::check_columns("outputs", &outputs, net.outputs())?;
        if let Task::Classification { classes } = &task
            && classes.len() != net.outputs()
        {
            return Err(Error::invalid(
                "classes",
                format!("{} classes", classes.len()),
                format!("one for each of the {} outputs", net.outputs()),
            ));
        }
        Ok(Model {
            net,
            inputs,
            outputs,
            task,
            report,
            rows,
        })
    }

    /// The network, between scaled inputs and scaled outputs.
    pub fn net(&self) -> &Kan {
        &self.net
    }

    /// The input columns.
    pub fn inputs(&self) -> &[Column] {
        &self.inputs
    }

    /// The output columns; for a classification the scores of the classes.
    pub fn outputs(&self) -> &[Column] {
        &self.outputs
    }

    /// The task, with the classes of a classification.
    pub fn task(&self) -> &Task {
        &self.task
    }

    /// What the fit reported, in scaled outputs: errors are in standard deviations of each output.
    pub fn report(&self) -> &FitReport {
        &self.report
    }

    /// Number of rows it was fitted to.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The network ready to run, for the `_with` calls: packing it once pays where single rows are predicted.
    ///
    /// # Errors
    /// Those of [`Predictor::new`].
    pub fn predictor(&self) -> Result<Predictor<f64>> {
        Predictor::new(&self.net)
    }

    /// Predictions for rows of inputs (row-major): the outputs in their units, or for a classification the index
    /// of the likeliest class.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where `x` is no whole number of rows or a value is not finite (with row and
    /// column); [`Error::Numerical`] where a prediction overflows.
    pub fn predict(&self, x: &[f64]) -> Result<Vec<f64>> {
        self.predict_with(&self.predictor()?, x)
    }

    /// [`Model::predict`] by the model's own [`Model::predictor`].
    ///
    /// # Errors
    /// As [`Model::predict`].
    pub fn predict_with(&self, predictor: &Predictor<f64>, x: &[f64]) -> Result<Vec<f64>> {
        let out = self.scores_with(predictor, x)?;
        let Task::Classification { classes } = &self.task else {
            return Ok(out);
        };
        let likeliest = |scores: &[f64]| {
            let mut best = 0;
            for (i, score) in scores.iter().enumerate() {
                if *score > scores[best] {
                    best = i;
                }
            }
            best as f64
        };
        Ok(out.chunks(classes.len()).map(likeliest).collect())
    }

    /// The outputs in their units; for a classification the scores whose softmax are the probabilities.
    ///
    /// # Errors
    /// As [`Model::predict`].
    pub fn scores(&self, x: &[f64]) -> Result<Vec<f64>> {
        self.scores_with(&self.predictor()?, x)
    }

    /// [`Model::scores`] by the model's own [`Model::predictor`].
    ///
    /// # Errors
    /// As [`Model::predict`].
    pub fn scores_with(&self, predictor: &Predictor<f64>, x: &[f64]) -> Result<Vec<f64>> {
        let scaled = scaling::scaled_rows("x", x, &self.inputs)?;
        let mut out = predictor.predict(&scaled)?;
        for (row, values) in out.chunks_mut(self.outputs.len()).enumerate() {
            for (value, column) in values.iter_mut().zip(&self.outputs) {
                *value = column.restore(*value);
                if !value.is_finite() {
                    return Err(Error::numerical(
                        "prediction",
                        format!(
                            "{} of row {row} is {value}: the inputs lie too far outside those of the fit",
                            column.name
                        ),
                    ));
                }
            }
        }
        Ok(out)
    }

    /// Probabilities of the classes, `[row][class]`.
    ///
    /// # Errors
    /// As [`Model::predict`]; [`Error::InvalidInput`] for a regression.
    pub fn predict_proba(&self, x: &[f64]) -> Result<Vec<f64>> {
        self.predict_proba_with(&self.predictor()?, x)
    }

    /// [`Model::predict_proba`] by the model's own [`Model::predictor`].
    ///
    /// # Errors
    /// As [`Model::predict_proba`].
    pub fn predict_proba_with(&self, predictor: &Predictor<f64>, x: &[f64]) -> Result<Vec<f64>> {
        let Task::Classification { classes } = &self.task else {
            return Err(Error::invalid("task", "regression", "a classification"));
        };
        let mut out = self.scores_with(predictor, x)?;
        for scores in out.chunks_mut(classes.len()) {
            let top = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            scores.iter_mut().for_each(|s| *s = (*s - top).exp());
            let sum: f64 = scores.iter().sum();
            scores.iter_mut().for_each(|s| *s /= sum);
        }
        Ok(out)
    }

    /// Derivatives of the outputs with respect to the inputs at one point, `[output][input]`, in the units of
    /// the data (for a classification: of the scores).
    ///
    /// # Errors
    /// As [`Model::predict`].
    pub fn jacobian(&self, x: &[f64]) -> Result<Vec<f64>> {
        if x.len() != self.inputs.len() {
            return Err(Error::invalid(
                "x",
                format!("{} values", x.len()),
                format!("{} values", self.inputs.len()),
            ));
        }
        let mut out = self
            .net
            .jacobian(&scaling::scaled_rows("x", x, &self.inputs)?)?;
        for (row, output) in out.chunks_mut(self.inputs.len()).zip(&self.outputs) {
            for (value, input) in row.iter_mut().zip(&self.inputs) {
                *value = *value / input.scale * output.scale;
            }
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests;
