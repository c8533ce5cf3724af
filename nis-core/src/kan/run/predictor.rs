//! A network ready to run.

use super::batch::{Batch, Rows};
use super::real::{Real, fitting};
use crate::error::{Error, Result};
use crate::kan::Kan;
use crate::telemetry::Progress;

/// Rows per report of [`Predictor::predict_on`].
const REPORT: usize = 65_536;

/// A network ready to run in 32 or 64 bits: its weights in the order in which they are read. Does not follow later
/// changes of the network.
///
/// A row with NaN or an infinity among its inputs gives NaN in its own outputs (where an edge leads there) and
/// leaves all other rows alone; [`Predictor::check`] finds such rows. Each row's bits are the same whatever rows it is
/// computed with and on however many threads; they differ between processors with and without fused multiply-add.
///
/// ```
/// use nis_core::kan::{Kan, Predictor};
/// let net = Kan::new(&[2, 5, 1], 5, 3, 0)?;
/// let fast = Predictor::<f32>::new(&net)?;
/// let y = fast.predict(&[0.3, -0.7, 2.0, 0.1])?;
/// assert!((f64::from(y[1]) - net.predict(&[2.0, 0.1])?[0]).abs() < 1e-6);
/// # Ok::<(), nis_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Predictor<T> {
    pub(super) batch: Batch<T>,
    pub(super) weights: Vec<T>,
}

/// Buffers of [`Predictor::predict_with`], kept from call to call.
#[derive(Debug, Clone, Default)]
pub struct Room<T>(Rows<T>);

impl<T: Real> Predictor<T> {
    /// Packs a network. Cost: one pass over its parameters.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where a parameter, knot or shift is too large for `T`.
    pub fn new(net: &Kan) -> Result<Self> {
        let batch = Batch::new(net)?;
        for v in net.parameter_values() {
            fitting::<T>("coefficients", v)?;
        }
        let weights = batch.pack(net);
        Ok(Predictor { batch, weights })
    }

    /// Number of inputs.
    pub fn inputs(&self) -> usize {
        self.batch.inputs()
    }

    /// Number of outputs.
    pub fn outputs(&self) -> usize {
        self.batch.outputs()
    }

    /// Outputs of rows of inputs, both row-major.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where `x` is no whole number of rows.
    pub fn predict(&self, x: &[T]) -> Result<Vec<T>> {
        let rows = self.batch.count(&self.weights, x, None)?;
        let mut y = vec![T::default(); rows * self.outputs()];
        self.predict_into(x, &mut y)?;
        Ok(y)
    }

    /// Outputs of rows of inputs on this thread, both row-major.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where a length does not fit.
    pub fn predict_into(&self, x: &[T], y: &mut [T]) -> Result<()> {
        self.predict_with(x, y, &mut Room::default())
    }

    /// The same with buffers of the caller: no memory is asked for after the first call with as many rows (32 at
    /// most count).
    ///
    /// # Errors
    /// As [`Predictor::predict_into`].
    pub fn predict_with(&self, x: &[T], y: &mut [T], room: &mut Room<T>) -> Result<()> {
        self.batch.count(&self.weights, x, Some(y.len()))?;
        self.batch.forward(&self.weights, x, y, &mut room.0);
        Ok(())
    }

    /// The same on `threads` threads (0 counts as 1), with reports of the rows done and a way to stop.
    ///
    /// # Errors
    /// As [`Predictor::predict_into`]; [`Error::Cancelled`].
    pub fn predict_on(
        &self,
        x: &[T],
        y: &mut [T],
        threads: usize,
        progress: &Progress<'_>,
    ) -> Result<()> {
        let rows = self.batch.count(&self.weights, x, Some(y.len()))?;
        let (inputs, outputs) = (self.inputs(), self.outputs());
        let parts = x
            .chunks(REPORT * inputs)
            .zip(y.chunks_mut(REPORT * outputs));
        for (k, (x, y)) in parts.enumerate() {
            progress.report("predict", (k * REPORT) as u64, rows as u64, "")?;
            self.batch.outputs_into(&self.weights, x, threads, y)?;
        }
        Ok(())
    }

    /// Refuses rows with NaN or infinities.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] with row and column of the first of them.
    pub fn check(&self, x: &[T]) -> Result<()> {
        match x.iter().position(|v| !v.as_f64().is_finite()) {
            Some(at) => Err(Error::invalid(
                format!("x[{}][{}]", at / self.inputs(), at % self.inputs()),
                x[at],
                "a finite number",
            )),
            None => Ok(()),
        }
    }
}
