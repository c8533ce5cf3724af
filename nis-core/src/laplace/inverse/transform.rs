//! What can be inverted: functions of arrays of complex numbers.

use num_complex::Complex64;

use crate::error::{Error, Result};
use crate::expr::{ComplexProgram, Expr};
use crate::telemetry::Progress;

/// A Laplace transform of a real function of time, `F(conj s) = conj F(s)`, called with arrays.
///
/// Closures `FnMut(&[Complex64], &mut [Complex64]) -> Result<()>` are transforms; [`Pointwise`] makes one of a
/// closure of one number.
pub trait Transform {
    /// Writes `F(s[i])` to `out[i]`; the arrays have the same length. Values that are not finite stand for
    /// points where `F` does not exist.
    ///
    /// # Errors
    /// Any error ends the inversion with that error.
    fn evaluate(&mut self, s: &[Complex64], out: &mut [Complex64]) -> Result<()>;
}

impl<F> Transform for F
where
    F: FnMut(&[Complex64], &mut [Complex64]) -> Result<()>,
{
    fn evaluate(&mut self, s: &[Complex64], out: &mut [Complex64]) -> Result<()> {
        self(s, out)
    }
}

/// A transform from a closure of one complex number.
#[derive(Debug, Clone)]
pub struct Pointwise<F>(pub F);

impl<F: FnMut(Complex64) -> Complex64> Transform for Pointwise<F> {
    fn evaluate(&mut self, s: &[Complex64], out: &mut [Complex64]) -> Result<()> {
        for (s, out) in s.iter().zip(out) {
            *out = (self.0)(*s);
        }
        Ok(())
    }
}

/// A transform from a formula in one name.
#[derive(Debug, Clone)]
pub(super) struct Formula(ComplexProgram);

impl Formula {
    pub(super) fn new(e: &Expr, name: &str) -> Result<Self> {
        Ok(Formula(e.compile_complex(&[name])?))
    }
}

impl Transform for Formula {
    fn evaluate(&mut self, s: &[Complex64], out: &mut [Complex64]) -> Result<()> {
        self.0.evaluate(&[s], out)
    }
}

/// A transform with its delay taken off, and what was asked of it.
pub(super) struct Source<'a> {
    transform: &'a mut dyn Transform,
    delay: f64,
    progress: &'a Progress<'a>,
    /// Number of values asked for.
    pub(super) evaluations: u64,
    /// Number of those that were finite.
    finite: u64,
}

/// Values per call of the transform: the caller can stop the work between calls.
const BATCH: usize = 1 << 14;

impl<'a> Source<'a> {
    pub(super) fn new(
        transform: &'a mut dyn Transform,
        delay: f64,
        progress: &'a Progress<'a>,
    ) -> Self {
        Source {
            transform,
            delay,
            progress,
            evaluations: 0,
            finite: 0,
        }
    }

    pub(super) fn progress(&self) -> &'a Progress<'a> {
        self.progress
    }

    /// `e^{delay s} F(s)` at every point.
    pub(super) fn values(&mut self, s: &[Complex64]) -> Result<Vec<Complex64>> {
        let mut out = vec![Complex64::new(f64::NAN, f64::NAN); s.len()];
        for (s, out) in s.chunks(BATCH).zip(out.chunks_mut(BATCH)) {
            self.progress.check()?;
            self.transform.evaluate(s, out)?;
            if self.delay != 0.0 {
                for (s, out) in s.iter().zip(out.iter_mut()) {
                    *out *= (s * self.delay).exp();
                }
            }
            self.evaluations += s.len() as u64;
            self.finite += out.iter().filter(|v| v.is_finite()).count() as u64;
        }
        Ok(out)
    }

    /// [`Error::Numerical`] where no value so far was finite.
    pub(super) fn check_finite(&self) -> Result<()> {
        if self.evaluations > 0 && self.finite == 0 {
            return Err(Error::numerical(
                "inverse Laplace transform",
                format!(
                    "F is not finite at any of the {} points where it was evaluated",
                    self.evaluations
                ),
            ));
        }
        Ok(())
    }
}
