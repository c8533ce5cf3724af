//! What a fit accepts: options and data.

use super::options::{FitOptions, Loss};
use crate::error::{Error, Result};
use crate::kan::network::Kan;

/// Magnitudes between which products and squares neither overflow nor vanish.
const LARGEST: f64 = 1e100;
const SMALLEST: f64 = 1e-100;

impl FitOptions {
    /// # Errors
    /// [`Error::InvalidInput`] that names the option.
    pub(super) fn check(&self) -> Result<()> {
        self.loss.check()?;
        let not_negative = [
            ("tolerance", self.tolerance),
            ("smoothness", self.smoothness.unwrap_or(0.0)),
            ("l1", self.l1),
            ("entropy", self.entropy),
            ("weight_decay", self.weight_decay),
        ];
        for (field, value) in not_negative {
            if !(0.0..f64::INFINITY).contains(&value) {
                return Err(Error::invalid(
                    field,
                    value,
                    "0 or a positive, finite number",
                ));
            }
        }
        if self.learning_rate.is_nan()
            || self.learning_rate <= 0.0
            || self.learning_rate.is_infinite()
        {
            return Err(Error::invalid(
                "learning_rate",
                self.learning_rate,
                "a positive, finite number",
            ));
        }
        if !(0.0..=0.5).contains(&self.holdout) {
            return Err(Error::invalid(
                "holdout",
                self.holdout,
                "a share in [0, 0.5]",
            ));
        }
        if !(0.0..1.0).contains(&self.adaptive) {
            return Err(Error::invalid(
                "adaptive",
                self.adaptive,
                "a number in [0, 1)",
            ));
        }
        for (field, value, most) in [
            ("max_iterations", self.max_iterations, usize::MAX),
            ("batch", self.batch, usize::MAX),
            ("threads", self.threads, 1024),
        ] {
            if value == 0 || value > most {
                return Err(Error::invalid(field, value, format!("1 to {most}")));
            }
        }
        if self.grids.contains(&0) {
            return Err(Error::invalid(
                "grids",
                format!("{:?}", self.grids),
                "at least one cell each",
            ));
        }
        Ok(())
    }
}

/// # Errors
/// [`Error::InvalidInput`] where sizes do not fit, or a value cannot be used: it names row and column (from 0).
pub(super) fn check_data(net: &Kan, x: &[f64], y: &[f64], loss: Loss) -> Result<usize> {
    let (inputs, outputs) = (net.inputs(), net.outputs());
    let rows = x.len() / inputs;
    if rows == 0 || x.len() != rows * inputs || y.len() != rows * outputs {
        return Err(Error::invalid(
            "x, y",
            format!("{} and {} values", x.len(), y.len()),
            format!("rows of {inputs} inputs and {outputs} outputs"),
        ));
    }
    column_ranges("x", x, inputs)?;
    column_ranges("y", y, outputs)?;
    if loss == Loss::CrossEntropy {
        if outputs < 2 {
            return Err(Error::invalid(
                "outputs",
                outputs,
                "at least 2 classes under cross-entropy",
            ));
        }
        if let Some(at) = y.iter().position(|v| *v < 0.0) {
            let (row, column) = (at / outputs, at % outputs);
            return Err(Error::invalid(
                "y",
                format!("{} in row {row}, column {column}", y[at]),
                "probabilities of the classes, not negative",
            ));
        }
    }
    Ok(rows)
}

fn column_ranges(field: &str, values: &[f64], width: usize) -> Result<()> {
    if let Some(at) = values.iter().position(|v| !v.is_finite()) {
        let (row, column) = (at / width, at % width);
        return Err(Error::invalid(
            field,
            format!("{} in row {row}, column {column}", values[at]),
            "finite values",
        ));
    }
    let mut ranges = vec![(f64::INFINITY, f64::NEG_INFINITY); width];
    for row in values.chunks(width) {
        for ((low, high), v) in ranges.iter_mut().zip(row) {
            *low = low.min(*v);
            *high = high.max(*v);
        }
    }
    for (column, (low, high)) in ranges.iter().enumerate() {
        let spread = high - low;
        let fits = low.abs().max(high.abs()) <= LARGEST && (spread == 0.0 || spread >= SMALLEST);
        if !fits {
            return Err(Error::invalid(
                field,
                format!("values from {low:e} to {high:e} in column {column}"),
                format!(
                    "magnitudes up to {LARGEST:e} that differ by at least {SMALLEST:e}: scale the column"
                ),
            ));
        }
    }
    Ok(())
}

/// A number that differs between different data (FNV-1a over the bits; Fowler, Noll and Vo).
pub(super) fn fingerprint(x: &[f64], y: &[f64]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    for v in x.iter().chain(y) {
        hash = (hash ^ v.to_bits()).wrapping_mul(0x0000_0100_0000_01b3);
        hash ^= hash >> 29;
    }
    hash
}
