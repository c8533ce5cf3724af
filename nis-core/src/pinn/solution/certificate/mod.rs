//! How far a solution can be trusted: residuals, condition errors, balances and an error estimate, all measured on
//! points that the solver did not use.

mod balance;
mod residuals;

use serde::{Deserialize, Serialize};

use super::super::points::{Points, Sequence};
use super::super::problem::{Jet, Problem};
use super::super::solve::{Found, SolveOptions};
use super::Representation;
use crate::error::{Error, Result};
use crate::telemetry::Progress;
use residuals::Sampled;

/// Residuals, condition errors, balances and estimated errors above this are faults.
const LIMIT: f64 = 1e-2;

/// Set beside the seed of the solver, so that the points here are others.
const OTHER_POINTS: u64 = 0x9e37_79b9_7f4a_7c15;

/// Points on the place of a condition.
const PLACE_POINTS: usize = 256;

/// How far a solution can be trusted, measured on points that the solver did not use.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// Each equation.
    pub equations: Vec<EquationCheck>,
    /// Each condition.
    pub conditions: Vec<ConditionCheck>,
    /// Balance of the integral over space, for equations of first order in time on a box.
    pub conservation: Vec<Conservation>,
    /// Estimated relative error of the fields (in the 2-norm), where there is an estimate.
    pub error_estimate: Option<f64>,
    /// How it was estimated, or why there is no estimate.
    pub error_method: String,
    /// Points of the domain that were used.
    pub points: usize,
    /// Seed of those points.
    pub seed: u64,
    /// What makes the solution not valid: figures above `limit`, figures that are not finite.
    pub faults: Vec<String>,
    /// The limit of every figure: 0.01.
    pub limit: f64,
}

/// The residual of an equation (left side less right side).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EquationCheck {
    /// The equation.
    pub text: String,
    /// Root mean square of the residual over `scale`.
    pub rms: f64,
    /// Largest residual over `scale`.
    pub max: f64,
    /// Where it is largest.
    pub at: Vec<f64>,
    /// Root mean square of the equation's largest term, in the equation's unit.
    pub scale: f64,
}

/// The error of a condition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConditionCheck {
    /// The condition.
    pub text: String,
    /// Largest error, in the condition's unit.
    pub error: f64,
    /// The same over `scale`.
    pub relative: f64,
    /// Where it is largest.
    pub at: Vec<f64>,
    /// Root mean square of the condition's largest term: where the condition holds or, where it has one term only
    /// (`u(0,t) = 0`), over the whole domain.
    pub scale: f64,
}

/// The balance of a field's integral over space: what it has gained against what flux and source brought.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conservation {
    /// The equation.
    pub text: String,
    /// The field whose integral is taken.
    pub field: String,
    /// Largest difference, at any time, between the change of the integral since the beginning and the integral
    /// of flux and source over space and time; relative to the largest integral of the field's absolute value.
    pub drift: f64,
    /// Largest change of the integral since the beginning, over the same: 0 for a conserved quantity.
    pub change: f64,
    /// How the integrals were taken.
    pub method: String,
}

/// Measures what a solver found.
pub(super) fn measure(
    problem: &Problem,
    options: &SolveOptions,
    found: &Found,
    progress: &Progress<'_>,
) -> Result<Certificate> {
    progress.report("pinn", 0, 1, "certificate")?;
    let seed = options.seed ^ OTHER_POINTS;
    let mut sequence = Sequence::new(problem.coordinates.len(), seed);
    let count = match problem.coordinates.len() {
        0 | 1 => 1000,
        2 => 2000,
        _ => 3000,
    };
    let mut probe = Probe {
        problem,
        unknowns: found.parameters.iter().map(|p| p.value).collect(),
        interior: problem.domain.interior(count, &mut sequence)?,
        places: Vec::new(),
    };
    for condition in &problem.conditions {
        probe.places.push(residuals::place(
            problem,
            condition,
            PLACE_POINTS,
            &mut sequence,
        )?);
    }
    let (equations, conditions) = probe.checks(&found.representation, None)?;
    progress.check()?;
    let conservation = balance::measure(problem, &probe.unknowns, &found.representation, progress)?;
    let (error_estimate, error_method) = match (&found.error, &found.coarse) {
        (Some((error, method)), _) => (Some(*error), method.clone()),
        (None, Some(coarse)) => {
            // Both in the scales of the final solution.
            let scales: Vec<f64> = equations.iter().map(|e| e.scale).collect();
            let scales = (scales, conditions.iter().map(|c| c.scale).collect());
            let (other, sides) = probe.checks(coarse, Some(&scales))?;
            let norm = |e: &[EquationCheck], c: &[ConditionCheck]| {
                let inside = e.iter().map(|e| e.rms * e.rms).sum::<f64>();
                (inside + c.iter().map(|c| c.relative * c.relative).sum::<f64>()).sqrt()
            };
            let (fine, rough) = (norm(&equations, &conditions), norm(&other, &sides));
            let difference = difference(problem, &probe.interior, &found.representation, coarse)?;
            let estimate = difference * fine / rough;
            let method = format!(
                "residual {fine:.1e} times the ratio of difference {difference:.1e} to residual {rough:.1e} of a coarser solution"
            );
            match estimate.is_finite() && rough > 3.0 * fine {
                true => (Some(estimate), method),
                // A coarser solution that is no worse tells nothing of the ratio, but bounds by its difference.
                false if difference.is_finite() => (
                    Some(difference),
                    format!("difference to a second solution, whose residual is {rough:.1e}"),
                ),
                false => (None, "none: the coarser solution is not finite".into()),
            }
        }
        (None, None) => (None, "none: the solver made no second solution".into()),
    };
    let mut certificate = Certificate {
        equations,
        conditions,
        conservation,
        error_estimate,
        error_method,
        points: probe.interior.len(),
        seed,
        faults: Vec::new(),
        limit: LIMIT,
    };
    certificate.judge();
    Ok(certificate)
}

impl Certificate {
    /// Lists the figures above the limit; a figure that is not finite becomes the largest number there is, so that
    /// it can be written as JSON, and is a fault.
    fn judge(&mut self) {
        let mut faults = Vec::new();
        let mut look = |figure: &mut f64, what: String| {
            if !figure.is_finite() {
                faults.push(format!("{what} is not finite"));
                *figure = f64::MAX;
            } else if *figure > LIMIT {
                faults.push(format!("{what} is {figure:.1e} of the largest term"));
            }
        };
        for e in &mut self.equations {
            look(&mut e.rms, format!("the residual of `{}`", e.text));
            e.max = if e.max.is_finite() { e.max } else { f64::MAX };
        }
        for c in &mut self.conditions {
            look(&mut c.relative, format!("the error of `{}`", c.text));
            c.error = if c.error.is_finite() {
                c.error
            } else {
                f64::MAX
            };
        }
        for c in &mut self.conservation {
            look(
                &mut c.drift,
                format!("the balance of `{}` (its drift)", c.text),
            );
            c.change = if c.change.is_finite() {
                c.change
            } else {
                f64::MAX
            };
        }
        if let Some(e) = &self.error_estimate {
            if !e.is_finite() {
                faults.push("the error estimate is not finite".into());
                self.error_estimate = None;
            } else if *e > LIMIT {
                faults.push(format!("the estimated relative error is {e:.1e}"));
            }
        }
        self.faults = faults;
    }
}

/// The points of a certificate.
struct Probe<'a> {
    problem: &'a Problem,
    unknowns: Vec<f64>,
    interior: Points,
    places: Vec<residuals::Where>,
}

impl Probe<'_> {
    fn checks(
        &self,
        representation: &Representation,
        scales: Option<&(Vec<f64>, Vec<f64>)>,
    ) -> Result<(Vec<EquationCheck>, Vec<ConditionCheck>)> {
        let inside = Sampled::new(
            self.problem,
            representation,
            &self.unknowns,
            &self.interior,
            None,
        )?;
        let mut equations = Vec::new();
        for (k, residual) in self.problem.equations.iter().enumerate() {
            let values = inside.evaluate(&residual.value)?;
            let scale = match scales.and_then(|s| s.0.get(k)) {
                Some(s) => *s,
                None => inside.scale(self.problem, residual, &inside)?,
            };
            let (max, at) = largest(&values, &self.interior);
            equations.push(EquationCheck {
                text: residual.text.clone(),
                rms: over(rms(&values), scale),
                max: over(max, scale),
                at,
                scale,
            });
        }
        let mut conditions = Vec::new();
        for (k, (condition, place)) in self.problem.conditions.iter().zip(&self.places).enumerate()
        {
            let given = scales.and_then(|s| s.1.get(k)).copied();
            conditions.push(place.check(
                self.problem,
                condition,
                representation,
                &self.unknowns,
                &inside,
                given,
            )?);
        }
        Ok((equations, conditions))
    }
}

/// Norm of the difference of two solutions over the norm of the first, each field by its own size.
fn difference(
    problem: &Problem,
    points: &Points,
    a: &Representation,
    b: &Representation,
) -> Result<f64> {
    let jets: Vec<Jet> = (0..problem.fields.len())
        .map(|field| Jet {
            field,
            order: vec![0; problem.coordinates.len()],
        })
        .collect();
    let (mut u, mut v) = (vec![Vec::new(); jets.len()], vec![Vec::new(); jets.len()]);
    a.jets(&jets, points, &mut u)?;
    b.jets(&jets, points, &mut v)?;
    let mut sum = 0.0;
    for (u, v) in u.iter().zip(&v) {
        let off: f64 = u.iter().zip(v).map(|(a, b)| (a - b) * (a - b)).sum();
        let size: f64 = u.iter().map(|a| a * a).sum();
        sum += if size > 0.0 { off / size } else { off };
    }
    Ok((sum / jets.len().max(1) as f64).sqrt())
}

/// Root mean square; 0 of nothing.
fn rms(values: &[f64]) -> f64 {
    (values.iter().map(|v| v * v).sum::<f64>() / values.len().max(1) as f64).sqrt()
}

/// A ratio that is 0 for nothing of nothing.
fn over(value: f64, scale: f64) -> f64 {
    if value == 0.0 { 0.0 } else { value / scale }
}

/// The largest absolute value (NaN where there is one) and the point it belongs to.
fn largest(values: &[f64], points: &Points) -> (f64, Vec<f64>) {
    let (mut max, mut at) = (0.0, 0);
    for (i, v) in values.iter().enumerate() {
        if v.abs() > max || v.is_nan() {
            (max, at) = (v.abs(), i);
            if v.is_nan() {
                break;
            }
        }
    }
    let point = points.columns().filter_map(|c| c.get(at).copied());
    (max, point.collect())
}

/// Points of a place could not be made.
fn internal(what: &str) -> Error {
    Error::Internal {
        message: what.into(),
    }
}
