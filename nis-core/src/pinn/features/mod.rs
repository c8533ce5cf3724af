//! Fields as sums of fixed functions, whose coefficients are found by least squares.
//!
//! Two families: random features `tanh(w.x + b)` (Huang, Zhu and Siew, Neurocomputing 70 (2006) 489; for
//! differential equations Dwivedi and Srinivasan, Neurocomputing 391 (2020) 96; the scale of the weights: Dong and
//! Li, CMAME 387 (2021) 114129) and polynomials with waves along periodic axes. Both end in the same rows: equations
//! at points inside, conditions at points of the boundary, measurements; linear problems are one least-squares solve,
//! others Gauss-Newton steps. Number, degrees and scale are chosen by the residual on points that the rows do not
//! use, never by a known answer (docs/decisions/0013).

mod attempt;
mod axis;
mod basis;
mod corner;
mod eigen;
mod grow;
mod judge;
mod linear;
mod march;
mod newton;
mod rows;
mod scan;
mod sets;
mod singular;
mod slab;
mod staircase;
#[cfg(test)]
mod tests;

use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::points::Points;
use super::problem::{Jet, Problem};
use super::solution::Representation;
use super::solve::{Found, SolveOptions};
use crate::error::{Error, Result};
use crate::telemetry::Progress;
use attempt::Attempt;
use basis::{Basis, Block};

/// What the fields are sums of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Polynomials where the domain allows, random features where they do better (default).
    #[default]
    Auto,
    /// `tanh(w.x + b)` with random `w` and `b`.
    Random,
    /// Chebyshev polynomials in every coordinate, sines and cosines along periodic ones.
    Polynomial,
    /// Polynomials in pieces of space, slab after slab of time: one space coordinate and time.
    March,
}

/// Options of the least-squares solver.
///
/// ```
/// use nis_core::pinn::features::{Family, FeatureOptions};
/// let options: FeatureOptions = serde_json::from_str(r#"{"family": "random", "count": 400}"#).unwrap();
/// assert_eq!(options.family, Family::Random);
/// assert!(serde_json::from_str::<FeatureOptions>(r#"{"number": 400}"#).is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FeatureOptions {
    /// The functions.
    pub family: Family,
    /// Functions per field (of polynomials: at most); grown until the residual is small where `None`.
    pub count: Option<usize>,
    /// Scale of the random weights; chosen by the residual where `None`.
    pub scale: Option<f64>,
    /// Bytes of memory at most, default 1 GiB. More functions than that allows are an error where `count` asks for
    /// them, else growth ends there.
    pub memory: u64,
}

impl Default for FeatureOptions {
    fn default() -> Self {
        FeatureOptions {
            family: Family::Auto,
            count: None,
            scale: None,
            memory: 1 << 30,
        }
    }
}

/// Fields as sums of functions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expansion {
    basis: Basis,
    /// Per field.
    coefficients: Vec<Vec<f64>>,
}

/// Points that are evaluated at once.
const CHUNK: usize = 1024;

/// Functions that a stored expansion may have.
const FUNCTIONS: usize = 1_000_000;

impl Expansion {
    /// Refuses what no solver made: sizes that do not fit, or that would take the memory of the machine.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] or [`Error::Limit`].
    pub(super) fn check(&self) -> Result<()> {
        let bad = |what: &str, value: usize, expected: String| {
            Err(Error::invalid(format!("features.{what}"), value, expected))
        };
        let mut functions = 0usize;
        for block in &self.basis.blocks {
            functions = functions.saturating_add(block.most());
        }
        if functions > FUNCTIONS {
            return Err(Error::Limit {
                what: "stored functions".into(),
                limit: FUNCTIONS as u64,
                got: functions as u64,
            });
        }
        let n = self.basis.len();
        for c in &self.coefficients {
            if c.len() != n {
                return bad("coefficients", c.len(), format!("{n} numbers per field"));
            }
        }
        Ok(())
    }

    /// The values of jets at points: `out[k]` for `jets[k]`.
    pub(super) fn jets(&self, jets: &[Jet], points: &Points, out: &mut [Vec<f64>]) -> Result<()> {
        self.check()?;
        for column in out.iter_mut() {
            column.clear();
        }
        let mut orders: Vec<&[u8]> = Vec::new();
        for jet in jets {
            if !orders.contains(&jet.order.as_slice()) {
                orders.push(&jet.order);
            }
        }
        let mut first = 0;
        while first < points.len() {
            let end = (first + CHUNK).min(points.len());
            let mut part = Points::new(points.dimensions());
            for i in first..end {
                part.push(points.columns().map(|c| c[i]));
            }
            let sums = self.basis.sums(&self.coefficients, &orders, &part)?;
            for (jet, out) in jets.iter().zip(out.iter_mut()) {
                let place = orders.iter().position(|o| *o == jet.order.as_slice());
                let column = place.and_then(|p| sums.get(jet.field)?.get(p));
                let column = column.ok_or_else(|| Error::Internal {
                    message: format!("no field {}", jet.field),
                })?;
                out.extend_from_slice(column);
            }
            first = end;
        }
        Ok(())
    }
}

fn check(options: &SolveOptions) -> Result<()> {
    let tolerance = options.tolerance;
    if tolerance.is_nan() || tolerance <= 0.0 {
        return Err(Error::invalid("tolerance", tolerance, "a number above 0"));
    }
    let features = &options.features;
    if let Some(scale) = features.scale
        && (!scale.is_finite() || scale <= 0.0)
    {
        return Err(Error::invalid("features.scale", scale, "a number above 0"));
    }
    if features.count == Some(0) {
        return Err(Error::invalid("features.count", 0, "at least 1"));
    }
    Ok(())
}

/// Axes that polynomials in all coordinates can have.
const AXES: usize = 5;

pub(super) fn solve(
    problem: &Problem,
    options: &SolveOptions,
    progress: &Progress<'_>,
) -> Result<Found> {
    check(options)?;
    let started = Instant::now();
    let judge = judge::Judge::new(problem, options.seed)?;
    let solver = Solver {
        problem,
        options,
        judge,
        started,
        progress,
    };
    let is_box = problem.domain.is_box();
    let most = grow::COLUMNS[usize::from(problem.is_linear())];
    let corners = singular::singular(problem, true);
    let inward = singular::singular(problem, false);
    let few = problem.coordinates.len() <= AXES;
    if problem.eigen.is_some() {
        if problem.unknowns.len() != 1 {
            return Err(Error::unavailable(
                "eigenproblem",
                "the eigenvalue must be the only unknown parameter",
            ));
        }
        let extra = if is_box { &inward } else { &corners };
        let e = eigen::eigen(problem, options, extra, &solver.judge, started, progress)?;
        let words = format!(
            "eigenproblem, polynomials, {} per field",
            grow::words(&e.sizes)
        );
        return Ok(found(e.best, None, words, e.notes, options));
    }
    match options.features.family {
        Family::Polynomial => {
            let extra = if is_box { &inward } else { &corners };
            Ok(solver.polynomials(extra, most)?.1)
        }
        Family::March => {
            if !march::applies(problem) {
                return Err(Error::invalid(
                    "features.family",
                    "march",
                    "a box of one space coordinate and time `t`, with conditions at the start and at the ends of space \
                     and no unknown parameters",
                ));
            }
            Ok(solver.march()?.1)
        }
        Family::Auto if few && march::applies(problem) => {
            let mut best =
                solver.polynomials(&[], if problem.is_linear() { most } else { MODEST })?;
            if best.0 > options.tolerance {
                match solver.march() {
                    Ok(marched) => best = better(best, marched),
                    Err(Error::Numerical { reason, .. }) => {
                        best.1.notes.push(format!("marching in time: {reason}"));
                    }
                    Err(e) => return Err(e),
                }
            }
            Ok(best.1)
        }
        Family::Auto if few => {
            let first = if is_box { &inward } else { &corners };
            let more = is_box && !corners.is_empty();
            let mut best = solver.polynomials(first, if more { MODEST } else { most })?;
            if more && best.0 > options.tolerance {
                best = better(best, solver.polynomials(&corners, most)?);
            }
            if !is_box && best.0 > POOR.max(options.tolerance) {
                best = better(best, solver.random(&inward)?);
            }
            Ok(best.1)
        }
        _ => Ok(solver.random(&inward)?.1),
    }
}

/// Unknowns of polynomials without functions for the corners, where there is the choice.
const MODEST: usize = 900;

/// The larger tolerance of a second march, as a multiple.
const COARSE: f64 = 30.0;

/// A residual of polynomials above which random features are tried too.
const POOR: f64 = 1e-4;

fn better(a: (f64, Found), b: (f64, Found)) -> (f64, Found) {
    let (mut best, other) = if b.0 < a.0 { (b, a) } else { (a, b) };
    best.1.notes.push(format!(
        "chosen against {} with a residual of {:.2e}",
        other.1.method, other.0
    ));
    best
}

/// What all attempts share.
struct Solver<'a> {
    problem: &'a Problem,
    options: &'a SolveOptions,
    judge: judge::Judge,
    started: Instant,
    progress: &'a Progress<'a>,
}

impl Solver<'_> {
    fn polynomials(&self, extra: &[Block], most: usize) -> Result<(f64, Found)> {
        let (judge, options) = (&self.judge, self.options);
        let (problem, started) = (self.problem, self.started);
        let g = grow::grow(problem, options, extra, most, judge, started, self.progress)?;
        let corners: usize = extra.iter().map(Block::len).sum();
        let with = match corners {
            0 => String::new(),
            n => format!(" and {n} functions singular at corners"),
        };
        let words = format!("polynomials, {}{with} per field", grow::words(&g.sizes));
        let notes = vec![format!(
            "degrees chosen in {} steps; ended because {}",
            g.levels, g.why
        )];
        let only = corners == 0 && self.problem.domain.is_box();
        let mut notes = notes;
        let dependent = if only { g.best.dependent } else { 0 };
        if dependent > 0 {
            notes.push(format!(
                "{dependent} of the unknowns are not determined by equations, conditions and data: this solution is not \
                 the only one"
            ));
        }
        let residual = g.best.residual;
        let mut found = found(g.best, g.coarse, words, notes, options);
        found.converged &= dependent == 0;
        Ok((residual, found))
    }

    /// The same march with a larger tolerance, to learn from it how residual and error go together.
    fn coarse_march(&self) -> Result<Option<Representation>> {
        let taken = self.started.elapsed().as_secs_f64();
        if self.options.max_seconds.is_some_and(|s| taken > 0.5 * s) {
            return Ok(None);
        }
        let mut options = self.options.clone();
        options.tolerance = (COARSE * options.tolerance).min(0.1);
        match march::march(self.problem, &options, self.started, self.progress) {
            Ok(m) if m.short.is_none() => Ok(Some(m.representation)),
            Ok(_) | Err(Error::Numerical { .. }) => Ok(None),
            Err(e) => Err(e),
        }
    }

    fn march(&self) -> Result<(f64, Found)> {
        let (problem, options) = (self.problem, self.options);
        let m = march::march(problem, options, self.started, self.progress)?;
        let state = rows::State::zero(problem, 0);
        let fields = problem.fields.len();
        let residual = self.judge.residual(problem, &state, |orders, points| {
            march::evaluate(&m.representation, fields, orders, points)
        })?;
        let mut notes = vec![format!(
            "relative residual on fresh points {residual:.2e}, asked for {:.1e}",
            options.tolerance
        )];
        notes.extend(m.short.iter().map(|why| format!("stopped early: {why}")));
        let found = Found {
            converged: residual <= options.tolerance && m.short.is_none(),
            representation: m.representation,
            parameters: Vec::new(),
            method: format!(
                "polynomials in up to {} pieces, {} slabs of time",
                m.pieces, m.slabs
            ),
            iterations: m.iterations,
            notes,
            error: None,
            coarse: self.coarse_march()?,
        };
        Ok((residual, found))
    }

    fn random(&self, extra: &[Block]) -> Result<(f64, Found)> {
        let (judge, options) = (&self.judge, self.options);
        let s = scan::scan(
            self.problem,
            options,
            extra,
            judge,
            self.started,
            self.progress,
        )?;
        let words = format!(
            "random features, {} per field, scale {:.3}",
            s.count, s.scale
        );
        Ok((
            s.best.residual,
            found(s.best, s.coarse, words, s.notes, options),
        ))
    }
}

fn found(
    best: Attempt,
    coarse: Option<Attempt>,
    method: String,
    mut notes: Vec<String>,
    options: &SolveOptions,
) -> Found {
    notes.push(format!(
        "relative residual on fresh points {:.2e}, asked for {:.1e}",
        best.residual, options.tolerance
    ));
    let finite = best
        .state
        .coefficients
        .iter()
        .flatten()
        .all(|c| c.is_finite());
    Found {
        converged: best.residual <= options.tolerance && finite,
        representation: expansion(best.basis, best.state),
        parameters: best.parameters,
        method,
        iterations: best.iterations,
        notes,
        error: None,
        coarse: coarse.map(|a| expansion(a.basis, a.state)),
    }
}

fn expansion(basis: Basis, state: rows::State) -> Representation {
    Representation::Features(Expansion {
        basis,
        coefficients: state.coefficients,
    })
}
