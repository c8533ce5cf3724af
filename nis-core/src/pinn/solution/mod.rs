//! Solutions: values and derivatives anywhere, with a certificate.

use serde::{Deserialize, Serialize};

use super::Parameter;
use super::features::Expansion;
use super::network::Trained;
use super::points::Points;
use super::problem::{Jet, Problem, ProblemSpec};
use super::solve::{Found, SolveOptions};
use crate::error::Result;
use crate::telemetry::Progress;

/// What a solution is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Representation {
    /// Sums of features.
    Features(Expansion),
    /// A network.
    Network(Trained),
    /// Parts that follow one another along an axis: part `k` holds up to `ends[k]`.
    Pieces {
        /// The axis.
        axis: usize,
        /// Upper ends, rising.
        ends: Vec<f64>,
        /// One per end.
        parts: Vec<Representation>,
    },
}

impl Representation {
    /// The values of jets at points: `out[k]` for `jets[k]`.
    pub(super) fn jets(&self, jets: &[Jet], points: &Points, out: &mut [Vec<f64>]) -> Result<()> {
        match self {
            Representation::Features(e) => e.jets(jets, points, out),
            Representation::Network(n) => n.jets(jets, points, out),
            Representation::Pieces { axis, ends, parts } => {
                for column in out.iter_mut() {
                    column.clear();
                    column.resize(points.len(), 0.0);
                }
                let piece = |v: f64| ends.partition_point(|e| *e < v).min(parts.len() - 1);
                for (k, part) in parts.iter().enumerate() {
                    let own: Vec<usize> = (0..points.len())
                        .filter(|i| points.column(*axis).get(*i).is_some_and(|v| piece(*v) == k))
                        .collect();
                    if own.is_empty() {
                        continue;
                    }
                    let mut here = Points::new(points.dimensions());
                    for i in &own {
                        here.push(
                            points
                                .columns()
                                .map(|c| c.get(*i).copied().unwrap_or(f64::NAN)),
                        );
                    }
                    let mut values = vec![Vec::new(); jets.len()];
                    part.jets(jets, &here, &mut values)?;
                    for (to, from) in out.iter_mut().zip(&values) {
                        for (i, v) in own.iter().zip(from) {
                            if let Some(place) = to.get_mut(*i) {
                                *place = *v;
                            }
                        }
                    }
                }
                Ok(())
            }
        }
    }
}

/// How far a solution can be trusted, measured on points that the solver did not use.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Certificate {
    /// Per equation: its text and the residual's root mean square, relative to that of its largest term.
    pub equations: Vec<(String, f64)>,
    /// Per condition: its text and the largest error.
    pub conditions: Vec<(String, f64)>,
    /// Estimated relative error of the fields (in the 2-norm), where there is an estimate.
    pub error_estimate: Option<f64>,
    /// How it was estimated.
    pub error_method: String,
}

/// A solved problem.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Solution {
    /// The problem.
    pub problem: ProblemSpec,
    /// Coordinate names in the order of points.
    pub coordinates: Vec<String>,
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
    /// Seconds taken.
    pub seconds: f64,
    /// Version of the library.
    pub version: String,
    pub(super) representation: Representation,
}

impl Solution {
    pub(super) fn new(
        problem: &Problem,
        options: &SolveOptions,
        found: Found,
        seconds: f64,
        _progress: &Progress<'_>,
    ) -> Result<Self> {
        let own = |names: Vec<&str>| names.into_iter().map(String::from).collect();
        Ok(Solution {
            problem: problem.spec.clone(),
            coordinates: own(problem.coordinates()),
            fields: own(problem.fields()),
            parameters: found.parameters,
            method: found.method,
            iterations: found.iterations,
            converged: found.converged,
            notes: found.notes,
            certificate: Certificate::default(),
            seed: options.seed,
            seconds,
            version: crate::VERSION.to_string(),
            representation: found.representation,
        })
    }

    /// The fields at points, a row of coordinates each; the result has a row of fields each.
    ///
    /// # Errors
    /// [`crate::Error::InvalidInput`] where `points` are no whole rows or are not finite.
    pub fn evaluate(&self, points: &[f64]) -> Result<Vec<f64>> {
        let d = self.coordinates.len();
        if d == 0 || points.len() % d != 0 {
            return Err(crate::Error::invalid(
                "points",
                points.len(),
                format!("rows of {d} coordinates"),
            ));
        }
        let mut columns = Points::new(d);
        for row in points.chunks_exact(d) {
            columns.push(row.iter().copied());
        }
        let jets: Vec<Jet> = (0..self.fields.len())
            .map(|field| Jet {
                field,
                order: vec![0; d],
            })
            .collect();
        let mut out = vec![Vec::new(); jets.len()];
        self.representation.jets(&jets, &columns, &mut out)?;
        Ok((0..columns.len())
            .flat_map(|i| {
                out.iter()
                    .map(move |c| c.get(i).copied().unwrap_or(f64::NAN))
            })
            .collect())
    }
}
