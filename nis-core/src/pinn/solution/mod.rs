//! Solutions: values and derivatives anywhere, with a certificate.

mod certificate;
mod compare;
mod grid;
mod representation;
mod store;
mod summary;

pub use certificate::{Certificate, ConditionCheck, Conservation, EquationCheck};
pub use compare::{Comparison, FieldComparison};
pub use grid::Grid;
pub(super) use representation::Representation;
pub use summary::Summary;

use serde::{Deserialize, Serialize};

use super::Parameter;
use super::points::Points;
use super::problem::{Domain, Jet, Problem, ProblemSpec};
use super::solve::{Found, SolveOptions};
use crate::error::{Error, Result};
use crate::telemetry::Progress;

/// Highest order of a derivative that [`Solution::derivative`] gives.
const MAX_ORDER: usize = 8;

/// A solved problem: its fields as functions that can be evaluated anywhere in the domain, and what is known of
/// their error.
///
/// It is plain data (serde); as JSON ([`Solution::to_json`]) it is read again by [`Solution::from_json`], which
/// reads the problem anew and checks every size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "store::Stored")]
pub struct Solution {
    /// Version of this layout.
    format: u32,
    /// The problem.
    pub problem: ProblemSpec,
    /// Coordinate names in the order of points.
    pub coordinates: Vec<String>,
    /// Lowest and highest value of each coordinate (of a shape: of the box around it).
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
    /// What the reader should know.
    pub notes: Vec<String>,
    /// Residuals and errors on fresh points.
    pub certificate: Certificate,
    /// Seed.
    pub seed: u64,
    /// Seconds taken, the certificate included.
    pub seconds: f64,
    /// Version of the library.
    pub version: String,
    pub(super) representation: Representation,
    #[serde(skip)]
    domain: Domain,
}

impl Solution {
    /// A solution of what a solver found; its certificate is measured here.
    pub(super) fn new(
        problem: &Problem,
        options: &SolveOptions,
        found: Found,
        started: std::time::Instant,
        progress: &Progress<'_>,
    ) -> Result<Self> {
        let certificate = certificate::measure(problem, options, &found, progress)?;
        let mut notes = found.notes;
        notes.extend(problem.notes().iter().cloned());
        let own = |names: Vec<&str>| names.into_iter().map(String::from).collect();
        Ok(Solution {
            format: store::FORMAT,
            problem: problem.spec.clone(),
            coordinates: own(problem.coordinates()),
            ranges: problem.coordinates.iter().map(|c| c.range).collect(),
            fields: own(problem.fields()),
            parameters: found.parameters,
            method: found.method,
            iterations: found.iterations,
            converged: found.converged,
            notes,
            certificate,
            seed: options.seed,
            seconds: started.elapsed().as_secs_f64(),
            version: crate::VERSION.to_string(),
            representation: found.representation,
            domain: problem.domain.clone(),
        })
    }

    /// Whether the solver reached what was asked and the certificate finds no fault: see
    /// [`Certificate::faults`].
    pub fn valid(&self) -> bool {
        self.converged && self.certificate.faults.is_empty()
    }

    /// Residuals and condition errors together, to choose the better of two solutions: smaller is better.
    pub(super) fn merit(&self) -> f64 {
        let residuals = self.certificate.equations.iter().map(|e| e.rms);
        let conditions = self.certificate.conditions.iter().map(|c| c.relative);
        residuals
            .chain(conditions)
            .map(|v| v * v)
            .sum::<f64>()
            .sqrt()
    }

    /// The fields at points: `points` holds a row of coordinates for each (in the order of
    /// [`Solution::coordinates`]), the result a row of fields for each.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where `points` are no whole rows, are not finite, or lie outside the domain
    /// ([`Solution::evaluate_outside`] takes those).
    pub fn evaluate(&self, points: &[f64]) -> Result<Vec<f64>> {
        let columns = self.columns(points)?;
        self.inside(&columns)?;
        self.rows(&self.values(), &columns)
    }

    /// [`Solution::evaluate`] at points that may lie outside the domain. What it gives there continues the
    /// functions that the solution is made of; neither the equations nor the conditions were asked of it.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where `points` are no whole rows or are not finite; a trajectory of a system of
    /// ordinary differential equations is not continued.
    pub fn evaluate_outside(&self, points: &[f64]) -> Result<Vec<f64>> {
        let columns = self.columns(points)?;
        self.rows(&self.values(), &columns)
    }

    /// One derivative of a field, such as `u_x`, `u_xx`, `u_xt` or `u''` (of a problem in one coordinate), at
    /// points given as for [`Solution::evaluate`]; a value for each point. A field's name alone gives its values.
    ///
    /// # Errors
    /// As [`Solution::evaluate`]; [`Error::NotFound`] for a name that is no derivative of a field by coordinates;
    /// [`Error::Limit`] for an order above 8.
    pub fn derivative(&self, name: &str, points: &[f64]) -> Result<Vec<f64>> {
        let jet = self.jet(name)?;
        let columns = self.columns(points)?;
        self.inside(&columns)?;
        self.rows(&[jet], &columns)
    }

    fn jet(&self, name: &str) -> Result<Jet> {
        let missing = || Error::NotFound {
            what: "derivative".into(),
            name: format!(
                "{name} (fields: {}; coordinates: {})",
                self.fields.join(", "),
                self.coordinates.join(", ")
            ),
        };
        let mut order = vec![0u8; self.coordinates.len()];
        let name = name.trim();
        if let Some(field) = self.fields.iter().position(|f| f == name) {
            return Ok(Jet { field, order });
        }
        // The longest field name that begins it, so that `u_x` may be a field beside `u`.
        let mut fields: Vec<usize> = (0..self.fields.len()).collect();
        fields.sort_by_key(|k| std::cmp::Reverse(self.fields.get(*k).map(String::len)));
        for field in fields {
            let rest = self
                .fields
                .get(field)
                .and_then(|f| name.strip_prefix(f.as_str()));
            if let Some(times) = rest.and_then(|rest| self.letters(rest)) {
                if let Some(times) = times.iter().find(|n| **n > MAX_ORDER) {
                    return Err(Error::Limit {
                        what: "order of a derivative".into(),
                        limit: MAX_ORDER as u64,
                        got: *times as u64,
                    });
                }
                for (to, from) in order.iter_mut().zip(&times) {
                    *to = u8::try_from(*from).map_err(|_| missing())?;
                }
                return Ok(Jet { field, order });
            }
        }
        Err(missing())
    }

    /// How often each coordinate stands in `_xxt` or `''`.
    fn letters(&self, suffix: &str) -> Option<Vec<usize>> {
        let mut times = vec![0usize; self.coordinates.len()];
        if !suffix.is_empty() && suffix.chars().all(|c| c == '\'') {
            let [only] = times.as_mut_slice() else {
                return None;
            };
            *only = suffix.len();
            return Some(times);
        }
        let mut rest = suffix.strip_prefix('_').filter(|rest| !rest.is_empty())?;
        while !rest.is_empty() {
            let fits = |c: &&String| !c.is_empty() && rest.starts_with(c.as_str());
            let name = self
                .coordinates
                .iter()
                .filter(fits)
                .max_by_key(|c| c.len())?;
            let axis = self.coordinates.iter().position(|c| c == name)?;
            *times.get_mut(axis)? += 1;
            rest = rest.get(name.len()..)?;
        }
        Some(times)
    }

    /// The fields themselves.
    fn values(&self) -> Vec<Jet> {
        (0..self.fields.len())
            .map(|field| Jet {
                field,
                order: vec![0; self.coordinates.len()],
            })
            .collect()
    }

    fn columns(&self, points: &[f64]) -> Result<Points> {
        let d = self.coordinates.len();
        if d == 0 || !points.len().is_multiple_of(d) {
            return Err(Error::invalid(
                "points",
                format!("{} numbers", points.len()),
                format!("rows of {d} coordinates ({})", self.coordinates.join(", ")),
            ));
        }
        if let Some(at) = points.iter().position(|v| !v.is_finite()) {
            return Err(Error::invalid(
                format!("points[{}].{}", at / d, self.name_of(at % d)),
                points.get(at).copied().unwrap_or(f64::NAN),
                "a finite coordinate",
            ));
        }
        let mut columns = Points::new(d);
        for row in points.chunks_exact(d) {
            columns.push(row.iter().copied());
        }
        Ok(columns)
    }

    fn name_of(&self, axis: usize) -> &str {
        self.coordinates.get(axis).map_or("", String::as_str)
    }

    fn inside(&self, points: &Points) -> Result<()> {
        let inside = grid::inside(&self.domain, points)?;
        let Some(i) = inside.iter().position(|fine| !fine) else {
            return Ok(());
        };
        let at: Vec<f64> = points
            .columns()
            .map(|c| c.get(i).copied().unwrap_or(f64::NAN))
            .collect();
        for (axis, (v, range)) in at.iter().zip(&self.ranges).enumerate() {
            if !grid::within(*range, *v) {
                return Err(Error::invalid(
                    format!("points[{i}].{}", self.name_of(axis)),
                    v,
                    format!("{} to {}, the domain of the solution", range[0], range[1]),
                ));
            }
        }
        Err(Error::invalid(
            format!("points[{i}]"),
            format!("{at:?}"),
            "a point of the domain of the solution",
        ))
    }

    /// Jets at points, a row for each point.
    fn rows(&self, jets: &[Jet], points: &Points) -> Result<Vec<f64>> {
        let mut out = vec![Vec::new(); jets.len()];
        self.representation.jets(jets, points, &mut out)?;
        Ok((0..points.len())
            .flat_map(|i| {
                out.iter()
                    .map(move |c| c.get(i).copied().unwrap_or(f64::NAN))
            })
            .collect())
    }
}

#[cfg(test)]
mod tests;
