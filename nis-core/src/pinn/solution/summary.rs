//! What the faces show of a solution: all but its functions, the residual at points, which points lie inside.

use serde::{Deserialize, Serialize};

use super::super::Parameter;
use super::super::problem::{Problem, ProblemSpec};
use super::certificate::{Certificate, residual};
use super::{Solution, grid};
use crate::error::{Error, Result};

/// A solution without its functions: the JSON that C, Python, HTTP and the example program give.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The problem.
    pub problem: ProblemSpec,
    /// Coordinate names in the order of points.
    pub coordinates: Vec<String>,
    /// Lowest and highest value of each coordinate.
    pub ranges: Vec<[f64; 2]>,
    /// Field names in the order of values.
    pub fields: Vec<String>,
    /// Unknown parameters.
    pub parameters: Vec<Parameter>,
    /// The method in words.
    pub method: String,
    /// Iterations.
    pub iterations: usize,
    /// Whether the solver reached what was asked.
    pub converged: bool,
    /// [`Solution::valid`].
    pub valid: bool,
    /// What the reader should know.
    pub notes: Vec<String>,
    /// Residuals and errors on fresh points.
    pub certificate: Certificate,
    /// Seed.
    pub seed: u64,
    /// Seconds taken.
    pub seconds: f64,
    /// Version of the library.
    pub version: String,
}

impl Solution {
    /// All but the functions, as plain data.
    pub fn summary(&self) -> Summary {
        Summary {
            problem: self.problem.clone(),
            coordinates: self.coordinates.clone(),
            ranges: self.ranges.clone(),
            fields: self.fields.clone(),
            parameters: self.parameters.clone(),
            method: self.method.clone(),
            iterations: self.iterations,
            converged: self.converged,
            valid: self.valid(),
            notes: self.notes.clone(),
            certificate: self.certificate.clone(),
            seed: self.seed,
            seconds: self.seconds,
            version: self.version.clone(),
        }
    }

    /// Whether each point (a row of coordinates) lies in the domain, up to rounding.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where `points` are no whole rows or are not finite.
    pub fn contains(&self, points: &[f64]) -> Result<Vec<bool>> {
        grid::inside(&self.domain, &self.columns(points)?)
    }

    /// Left minus right side of every equation at points of the domain (a row of coordinates each): a row for each
    /// point, in the order of the certificate's equations, in the equations' units. Reads the problem's text anew,
    /// which costs about a millisecond.
    ///
    /// # Errors
    /// As [`Solution::evaluate`].
    pub fn residual(&self, points: &[f64]) -> Result<Vec<f64>> {
        let columns = self.columns(points)?;
        self.inside(&columns)?;
        let problem = Problem::new(&self.problem)?;
        let unknowns: Vec<f64> = self.parameters.iter().map(|p| p.value).collect();
        let each = residual(&problem, &self.representation, &unknowns, &columns)?;
        if each.len() != self.certificate.equations.len() {
            return Err(Error::Internal {
                message: format!(
                    "{} equations, {} in the certificate",
                    each.len(),
                    self.certificate.equations.len()
                ),
            });
        }
        Ok((0..columns.len())
            .flat_map(|i| {
                each.iter()
                    .map(move |e| e.get(i).copied().unwrap_or(f64::NAN))
            })
            .collect())
    }
}
