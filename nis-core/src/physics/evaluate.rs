//! Formulas at the points of samples: values, the bias and scatter that noise gives them, and those of a second window.

use super::estimate::Samples;
use super::statistics::rms;
use crate::error::Result;
use crate::expr::{Expr, Program};
use crate::telemetry::Progress;

/// A formula at the points of some [`Samples`].
#[derive(Debug)]
pub(super) struct Evaluated {
    /// Values, freed of the bias that noise gives to squares.
    pub(super) value: Vec<f64>,
    /// Their variance by the noise of the fields.
    pub(super) variance: Vec<f64>,
    /// Values by the second window.
    pub(super) other: Vec<f64>,
    /// Variance of the difference of the two.
    pub(super) difference_variance: Vec<f64>,
    /// Largest root mean square of a term.
    pub(super) scale: f64,
}

impl Samples {
    /// Number of points.
    pub(super) fn len(&self) -> usize {
        self.coordinates.first().map_or(0, Vec::len)
    }

    /// Coordinates of the points along an axis.
    pub(super) fn along(&self, axis: usize) -> &[f64] {
        self.coordinates.get(axis).map_or(&[], Vec::as_slice)
    }

    fn program(&self, formula: &Expr) -> Result<Program> {
        let symbols = self.symbols.iter().map(|s| s.text.as_str());
        let axes = self.axes.iter().map(String::as_str);
        let numbers = self.numbers.iter().map(|(n, _)| n.as_str());
        let names: Vec<&str> = symbols.chain(axes).chain(numbers).collect();
        formula.compile(&names)
    }

    fn run(&self, formula: &Expr, symbols: &[Vec<f64>]) -> Result<Vec<f64>> {
        let n = self.len();
        let mut out = vec![0.0; n];
        let program = self.program(formula)?;
        let numbers: Vec<Vec<f64>> = self.numbers.iter().map(|(_, v)| vec![*v; n]).collect();
        let inputs: Vec<&[f64]> = symbols
            .iter()
            .chain(&self.coordinates)
            .chain(&numbers)
            .map(Vec::as_slice)
            .collect();
        program.evaluate(&inputs, &mut out)?;
        Ok(out)
    }

    /// The formula at all points.
    pub(super) fn evaluate(&self, formula: &Expr, progress: &Progress<'_>) -> Result<Evaluated> {
        let (n, count) = (self.len(), self.symbols.len());
        let mut out = Evaluated {
            value: self.run(formula, &self.main)?,
            other: self.run(formula, &self.other)?,
            variance: vec![0.0; n],
            difference_variance: vec![0.0; n],
            scale: 0.0,
        };
        for term in formula.terms() {
            let values = self.run(&term, &self.main)?;
            let size = rms(values.iter().copied());
            // A NaN stays: it must not look like a small term.
            if size.is_nan() || size > out.scale {
                out.scale = size;
            }
            progress.check()?;
        }
        let zero = |e: &Expr| e.as_number() == Some(0.0);
        let mut gradient: Vec<Option<(Expr, Vec<f64>)>> = Vec::new();
        for symbol in &self.symbols {
            let slope = formula.differentiate(&symbol.text)?;
            gradient.push(if zero(&slope) {
                None
            } else {
                let values = self.run(&slope, &self.main)?;
                Some((slope, values))
            });
            progress.check()?;
        }
        for (i, left) in gradient.iter().enumerate() {
            let Some((slope, left)) = left else { continue };
            let field = self.symbols[i].field;
            let variance = self.sigma[field].powi(2);
            for (j, right) in gradient.iter().enumerate() {
                if self.symbols[j].field != field {
                    continue;
                }
                let at = i * count + j;
                if let Some((_, right)) = right {
                    for p in 0..n {
                        let product = variance * left[p] * right[p];
                        out.variance[p] += product * self.gram.at(p)[at];
                        out.difference_variance[p] += product * self.gram_difference.at(p)[at];
                    }
                }
                let curvature = slope.differentiate(&self.symbols[j].text)?;
                if zero(&curvature) {
                    continue;
                }
                let curvature = self.run(&curvature, &self.main)?;
                for (p, curvature) in curvature.iter().enumerate() {
                    // Noise adds half the curvature times its variance to the mean, and where the slope is 0 its
                    // scatter comes from there too.
                    let half = 0.5 * variance * curvature;
                    let (main, other) = (self.gram.at(p)[at], self.gram_other.at(p)[at]);
                    out.value[p] -= half * main;
                    out.other[p] -= half * other;
                    out.variance[p] += 2.0 * (half * main).powi(2);
                }
                progress.check()?;
            }
        }
        Ok(out)
    }
}
