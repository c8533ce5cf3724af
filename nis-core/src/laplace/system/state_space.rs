//! State-space systems.

use faer::Mat;
use faer::linalg::solvers::Solve;
use num_complex::Complex64;
use serde::{Deserialize, Serialize};

use super::dense::from_rows;
use super::schur::Schur;
use crate::error::{Error, Result};

/// A real linear time-invariant system
///
/// `x' = A x + B u`, `y = C x + D u` (continuous, `dt` is `None`), or
/// `x[k + 1] = A x[k] + B u[k]`, `y[k] = C x[k] + D u[k]` (discrete, `dt` is the sampling interval).
///
/// ```
/// use nis_core::laplace::system::StateSpace;
/// use num_complex::Complex64;
/// // 1/(s + 2)
/// let lag = StateSpace::new(1, 1, 1, vec![-2.0], vec![1.0], vec![1.0], vec![])?;
/// assert!((lag.evaluate(Complex64::new(0.0, 0.0))?[0].re - 0.5).abs() < 1e-15);
/// # Ok::<(), nis_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateSpace {
    /// Number of states `n`; 0 for a constant.
    pub states: usize,
    /// Number of inputs `m`.
    pub inputs: usize,
    /// Number of outputs `p`.
    pub outputs: usize,
    /// `A` by rows, `n * n` values, in 1/(time unit).
    pub a: Vec<f64>,
    /// `B` by rows, `n * m` values.
    pub b: Vec<f64>,
    /// `C` by rows, `p * n` values.
    pub c: Vec<f64>,
    /// `D` by rows, `p * m` values, or empty for zero.
    #[serde(default)]
    pub d: Vec<f64>,
    /// Sampling interval of a discrete system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dt: Option<f64>,
}

/// Largest order: the dense methods take memory by its square and time by its cube.
const MAX_STATES: usize = 5000;

/// Most channels (outputs times inputs).
const MAX_CHANNELS: usize = 1 << 16;

/// Refuses more states than the dense methods can bear.
pub(super) fn check_states(states: usize) -> Result<()> {
    if states <= MAX_STATES {
        return Ok(());
    }
    Err(Error::Limit {
        what: "states".into(),
        limit: MAX_STATES as u64,
        got: states as u64,
    })
}

/// Refuses numbers of channels that would let a short spec ask for any amount of memory.
pub(in crate::laplace) fn check_channels(outputs: usize, inputs: usize) -> Result<()> {
    let channels = outputs.saturating_mul(inputs);
    if channels <= MAX_CHANNELS {
        return Ok(());
    }
    Err(Error::Limit {
        what: "outputs * inputs".into(),
        limit: MAX_CHANNELS as u64,
        got: channels as u64,
    })
}

impl StateSpace {
    /// A continuous system from its matrices by rows.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where a size does not fit or a value is not finite.
    pub fn new(
        states: usize,
        inputs: usize,
        outputs: usize,
        a: Vec<f64>,
        b: Vec<f64>,
        c: Vec<f64>,
        d: Vec<f64>,
    ) -> Result<Self> {
        let system = StateSpace {
            states,
            inputs,
            outputs,
            a,
            b,
            c,
            d,
            dt: None,
        };
        system.check()?;
        Ok(system)
    }

    /// Whether the parts fit together; specs from outside pass through here before they are used.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] naming the first part that does not fit, [`Error::Limit`] above 5000 states
    /// or 65536 channels.
    pub fn check(&self) -> Result<()> {
        if self.inputs == 0 || self.outputs == 0 {
            return Err(Error::invalid(
                "outputs, inputs",
                format!("{} x {}", self.outputs, self.inputs),
                "at least one of each",
            ));
        }
        check_states(self.states)?;
        check_channels(self.outputs, self.inputs)?;
        let (n, m, p) = (self.states, self.inputs, self.outputs);
        for (name, part, rows, cols) in [
            ("a", &self.a, n, n),
            ("b", &self.b, n, m),
            ("c", &self.c, p, n),
            ("d", &self.d, p, m),
        ] {
            let optional = name == "d" && part.is_empty();
            if !optional && rows.checked_mul(cols) != Some(part.len()) {
                return Err(Error::invalid(
                    name,
                    format!("{} values", part.len()),
                    format!("{rows} x {cols} values, by rows"),
                ));
            }
            if let Some(at) = part.iter().position(|v| !v.is_finite()) {
                return Err(Error::invalid(
                    format!("{name}[{at}]"),
                    part[at],
                    "a finite value",
                ));
            }
        }
        match self.dt {
            Some(dt) if !dt.is_finite() || dt <= 0.0 => Err(Error::invalid(
                "dt",
                dt,
                "a positive sampling interval, or none for a continuous system",
            )),
            _ => Ok(()),
        }
    }

    /// Refuses a discrete system where only continuous ones make sense.
    pub(super) fn continuous(&self, what: &str) -> Result<()> {
        match self.dt {
            Some(dt) => Err(Error::invalid(
                "system.dt",
                dt,
                format!("a continuous system for {what}"),
            )),
            None => Ok(()),
        }
    }

    /// The poles: eigenvalues of `A`, conjugates exact.
    ///
    /// # Errors
    /// [`Error::Numerical`] where the QR iteration does not converge.
    pub fn poles(&self) -> Result<Vec<Complex64>> {
        self.check()?;
        Ok(Schur::new(self.mat_a().as_ref())?.eigenvalues())
    }

    /// `H(s) = C (s I - A)^-1 B + D` by rows at one point (`z` for a discrete system), by LU. For many
    /// points use [`frequency_response`](Self::frequency_response).
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where the parts do not fit. At a pole the values are not finite.
    pub fn evaluate(&self, s: Complex64) -> Result<Vec<Complex64>> {
        self.check()?;
        let n = self.states;
        let a = self.mat_a();
        let shifted = Mat::from_fn(n, n, |i, j| {
            let diagonal = if i == j { s } else { Complex64::default() };
            diagonal - a[(i, j)]
        });
        let b = super::dense::complex(self.mat_b().as_ref());
        let x = shifted.partial_piv_lu().solve(b);
        let (c, d) = (self.mat_c(), self.mat_d());
        Ok((0..self.outputs * self.inputs)
            .map(|cell| {
                let (o, i) = (cell / self.inputs, cell % self.inputs);
                let modal: Complex64 = (0..n).map(|k| x[(k, i)] * c[(o, k)]).sum();
                modal + d[(o, i)]
            })
            .collect())
    }

    pub(super) fn mat_a(&self) -> Mat<f64> {
        from_rows(self.states, self.states, &self.a)
    }

    pub(super) fn mat_b(&self) -> Mat<f64> {
        from_rows(self.states, self.inputs, &self.b)
    }

    pub(super) fn mat_c(&self) -> Mat<f64> {
        from_rows(self.outputs, self.states, &self.c)
    }

    pub(super) fn mat_d(&self) -> Mat<f64> {
        from_rows(self.outputs, self.inputs, &self.d)
    }

    /// A system from matrices that fit.
    pub(super) fn from_mats(
        a: &Mat<f64>,
        b: &Mat<f64>,
        c: &Mat<f64>,
        d: &Mat<f64>,
        dt: Option<f64>,
    ) -> Self {
        use super::dense::to_rows;
        StateSpace {
            states: a.nrows(),
            inputs: b.ncols(),
            outputs: c.nrows(),
            a: to_rows(a.as_ref()),
            b: to_rows(b.as_ref()),
            c: to_rows(c.as_ref()),
            d: to_rows(d.as_ref()),
            dt,
        }
    }
}
