//! `Method::Integrate`: initial-value problems, step by step.

use faer::Mat;

use super::super::points::Points;
use super::super::problem::{Jet, Place, Problem};
use super::super::solution::Representation;
use super::super::solve::{Found, SolveOptions, deadline};
use super::reduce::reduce;
use super::run::{Initial, Run};
use super::system::{Compiled, OdeSystem, symbol};
use super::tape::Tape;
use super::trajectory::Trajectory;
use crate::error::{Error, Result};
use crate::optim::least_squares;
use crate::telemetry::Progress;

/// Tightest tolerance of a step.
const TIGHTEST: f64 = 1e-15;

/// Between the two runs that are compared.
const RATIO: f64 = 0.1;

/// Times at which two runs are compared, beside the ends of the steps.
const LOOKS: usize = 2000;

/// Difference, relative to a field's root mean square, above which a time is not trusted.
const TRUST: f64 = 1e-3;

/// Integrates an initial-value problem from the point of its conditions to both ends of its range.
///
/// # Errors
/// [`Error::InvalidInput`] where the problem is none of that kind, with the reason; [`Error::Numerical`] where the
/// solution cannot be followed to the end, with the place; [`Error::Timeout`] after `max_seconds`.
pub(in super::super) fn solve(
    problem: &Problem,
    options: &SolveOptions,
    progress: &Progress<'_>,
) -> Result<Found> {
    let system = reduce(problem)?;
    if !problem.unknowns.is_empty() {
        return super::inverse::solve(problem, &system, options, progress);
    }
    let compiled = system.compile()?;
    let (from, start) = starting(problem, &system)?;
    integrate(
        problem,
        &system,
        &compiled,
        &[],
        (from, &start),
        options,
        progress,
    )
}

/// A trajectory through `start` over the whole range, with an estimate of its error.
pub(super) fn integrate(
    problem: &Problem,
    system: &OdeSystem,
    compiled: &Compiled,
    parameters: &[f64],
    (from, start): (f64, &[f64]),
    options: &SolveOptions,
    progress: &Progress<'_>,
) -> Result<Found> {
    let tape = Tape::new(system, parameters)?;
    let orders = system.orders();
    let [low, high] = problem.domain.ranges.first().copied().unwrap_or_default();
    let deadline = deadline(options);
    let whole = |tolerance: f64| -> Result<Both> {
        let leg = |to: f64| {
            let initial = Initial {
                system: compiled,
                tape: &tape,
                parameters,
                orders: &orders,
                start,
                from,
                to,
                deadline,
            };
            initial.run(tolerance, progress)
        };
        let back = (from > low).then(|| leg(low)).transpose()?;
        let forth = (from < high).then(|| leg(high)).transpose()?;
        Ok(Both::join(back, forth, &orders))
    };
    let mut tolerance = (1e-2 * options.tolerance).clamp(TIGHTEST / RATIO, 1e-4);
    let mut rough = whole(tolerance)?;
    let mut notes = Vec::new();
    let (fine, apart) = loop {
        let fine = match whole(tolerance * RATIO) {
            Ok(fine) => fine,
            // The first run is there: better than nothing, but not judged.
            Err(Error::Timeout { .. }) => {
                notes.push("max_seconds passed before the second run".to_string());
                let found = rough.found(&notes, None, false);
                return Ok(found);
            }
            Err(e) => return Err(e),
        };
        let apart = Apart::measure(&rough.trajectory, &fine.trajectory)?;
        // Implicit steps are not made any better below their own tightest tolerance: two such runs agree whatever
        // their error is.
        let tightest = match rough.radau + fine.radau {
            0 => TIGHTEST,
            _ => super::radau::TIGHTEST,
        } / RATIO;
        if tolerance < 0.999 * tightest {
            tolerance = tightest;
            rough = whole(tolerance)?;
            continue;
        }
        if apart.error <= options.tolerance || tolerance <= 1.001 * tightest {
            break (fine, apart);
        }
        // Tighter by what is missing, for errors go with the tolerance.
        let factor = (0.3 * options.tolerance / apart.error).clamp(1e-4, 0.1);
        tolerance = (tolerance * factor).max(TIGHTEST / RATIO);
        rough = if factor == RATIO {
            fine
        } else {
            whole(tolerance)?
        };
    };
    if apart.error > options.tolerance {
        notes.push(match apart.until {
            Some(t) => format!(
                "two runs at the tightest tolerances part: the solution can be trusted to {} = {t:.6}, where they differ by {TRUST} of a field's size",
                problem.coordinates().first().unwrap_or(&"t")
            ),
            None => format!(
                "two runs at the tightest tolerances differ by {:.1e}, above the tolerance {:.1e}",
                apart.error, options.tolerance
            ),
        });
    }
    let method = format!(
        "difference of two integrations, tolerance per step {tolerance:.0e} and {:.0e}",
        tolerance * RATIO
    );
    let converged = apart.error <= options.tolerance;
    Ok(fine.found(&notes, Some((apart.error, method)), converged))
}

/// Runs from the starting point to both ends, as one trajectory.
struct Both {
    trajectory: Trajectory,
    taylor: usize,
    radau: usize,
    degree: usize,
    stiff_from: Option<f64>,
}

impl Both {
    fn join(back: Option<Run>, forth: Option<Run>, orders: &[usize]) -> Self {
        let mut both = Both {
            trajectory: Trajectory::new(orders.to_vec()),
            taylor: 0,
            radau: 0,
            degree: 0,
            stiff_from: None,
        };
        for (run, backward) in [(back, true), (forth, false)] {
            let Some(run) = run else { continue };
            both.taylor += run.taylor;
            both.radau += run.radau;
            both.degree = run.degree;
            both.stiff_from = both.stiff_from.or(run.stiff_from);
            let part = run.trajectory;
            let part = if backward { part.reversed() } else { part };
            both.trajectory = both.trajectory.joined(part);
        }
        both
    }

    fn found(self, notes: &[String], error: Option<(f64, String)>, converged: bool) -> Found {
        let mut parts = Vec::new();
        if self.taylor > 0 {
            parts.push(format!(
                "{} steps of Taylor series of degree {}",
                self.taylor, self.degree
            ));
        }
        if self.radau > 0 {
            parts.push(format!("{} steps of Radau IIA of order 9", self.radau));
        }
        let mut notes = notes.to_vec();
        if let Some(t) = self.stiff_from {
            notes.push(format!("went over to implicit steps at {t:.6}"));
        }
        Found {
            iterations: self.trajectory.steps(),
            representation: Representation::Trajectory(self.trajectory),
            parameters: Vec::new(),
            method: format!("integration: {}", parts.join(", ")),
            converged,
            notes,
            error,
            coarse: None,
        }
    }
}

/// Two runs beside one another.
struct Apart {
    /// Relative difference in the 2-norm, the fields together.
    error: f64,
    /// The last time before they differ by more than [`TRUST`], where they do.
    until: Option<f64>,
}

impl Apart {
    fn measure(a: &Trajectory, b: &Trajectory) -> Result<Self> {
        let (Some(low), Some(high)) = (b.times.first(), b.times.last()) else {
            return Err(Error::numerical("integration", "no step was made"));
        };
        let mut times: Vec<f64> = (0..=LOOKS)
            .map(|k| low + (high - low) * k as f64 / LOOKS as f64)
            .chain(b.times.iter().copied())
            .map(|t| t.clamp(*low, *high))
            .collect();
        times.sort_by(f64::total_cmp);
        let mut points = Points::new(1);
        for t in &times {
            points.push([*t]);
        }
        let jets: Vec<Jet> = (0..b.orders.len())
            .map(|field| Jet {
                field,
                order: vec![0],
            })
            .collect();
        let (mut u, mut v) = (vec![Vec::new(); jets.len()], vec![Vec::new(); jets.len()]);
        a.jets(&jets, &points, &mut u)?;
        b.jets(&jets, &points, &mut v)?;
        let (mut sum, mut first) = (0.0, times.len());
        for (u, v) in u.iter().zip(&v) {
            let size: f64 = v.iter().map(|v| v * v).sum();
            let off: f64 = u.iter().zip(v).map(|(u, v)| (u - v) * (u - v)).sum();
            sum += if size > 0.0 { off / size } else { off };
            let rms = (size / times.len() as f64).sqrt();
            let far = u
                .iter()
                .zip(v)
                .position(|(u, v)| (u - v).abs() > TRUST * rms);
            first = first.min(far.unwrap_or(first));
        }
        Ok(Apart {
            error: (sum / jets.len().max(1) as f64).sqrt(),
            until: times
                .get(first)
                .map(|_| times.get(first.saturating_sub(1)).copied().unwrap_or(*low)),
        })
    }
}

/// The point of the conditions and the components there.
fn starting(problem: &Problem, system: &OdeSystem) -> Result<(f64, Vec<f64>)> {
    let names = component_names(system);
    let n = names.len();
    let conditions = rows(problem, system, &[])?;
    let Some(first) = conditions.first() else {
        return Err(Error::invalid(
            "conditions",
            "none",
            format!("initial values of {}", names.join(", ")),
        ));
    };
    let at = first.at;
    let missing: Vec<&str> = names
        .iter()
        .enumerate()
        .filter(|(c, _)| {
            conditions
                .iter()
                .all(|row| row.slopes.get(*c).is_none_or(|s| *s == 0.0))
        })
        .map(|(_, name)| name.as_str())
        .collect();
    if !missing.is_empty() || conditions.len() < n {
        return Err(Error::invalid(
            "conditions",
            format!("{} conditions for {n} initial values", conditions.len()),
            match missing.is_empty() {
                true => format!("one condition for each of {}", names.join(", ")),
                false => format!("a condition for {} at {at}", missing.join(", ")),
            },
        ));
    }
    let matrix = Mat::from_fn(conditions.len(), n, |i, c| {
        conditions
            .get(i)
            .and_then(|row| row.slopes.get(c))
            .copied()
            .unwrap_or(0.0)
    });
    let right: Vec<f64> = conditions.iter().map(|row| -row.rest).collect();
    let fit = least_squares(matrix.as_ref(), &right)?;
    if fit.inverse_normal.is_none() || !fit.coefficients.iter().all(|v| v.is_finite()) {
        return Err(Error::invalid(
            "conditions",
            conditions
                .iter()
                .map(|r| r.text.as_str())
                .collect::<Vec<_>>()
                .join("; "),
            format!("conditions that determine {}", names.join(", ")),
        ));
    }
    for (i, row) in conditions.iter().enumerate() {
        let terms = row.slopes.iter().zip(&fit.coefficients).map(|(s, z)| s * z);
        let size = terms.clone().map(f64::abs).sum::<f64>() + row.rest.abs();
        let miss = (terms.sum::<f64>() + row.rest).abs();
        if miss.is_nan() || miss > 1e-9 * size.max(f64::MIN_POSITIVE) {
            return Err(Error::invalid(
                format!("conditions[{i}]"),
                &row.text,
                "a condition that does not contradict the others",
            ));
        }
    }
    Ok((at, fit.coefficients))
}

/// A condition as a linear equation for the components: `slopes z + rest = 0`.
pub(super) struct Linear {
    pub(super) text: String,
    pub(super) at: f64,
    pub(super) slopes: Vec<f64>,
    pub(super) rest: f64,
    /// Slope of the whole by each unknown parameter.
    pub(super) by_unknown: Vec<f64>,
}

/// Names of the components: `u`, `u'`.
pub(super) fn component_names(system: &OdeSystem) -> Vec<String> {
    let each = system.fields().iter();
    each.flat_map(|f| (0..f.order).map(|k| symbol(&f.name, k)))
        .collect()
}

/// The conditions, which must be linear and all at one point.
pub(super) fn rows(
    problem: &Problem,
    system: &OdeSystem,
    parameters: &[f64],
) -> Result<Vec<Linear>> {
    let orders = system.orders();
    let n: usize = orders.iter().sum();
    let [low, high] = problem.domain.ranges.first().copied().unwrap_or_default();
    let mut out: Vec<Linear> = Vec::new();
    for (i, condition) in problem.conditions.iter().enumerate() {
        let residual = &condition.residual;
        let refuse = |expected: &str| {
            Err(Error::invalid(
                format!("conditions[{i}]"),
                &residual.text,
                expected,
            ))
        };
        let at = match &condition.place {
            Place::Face { value, .. } => *value,
            Place::Point(at) => at.first().copied().unwrap_or(low),
            _ => return refuse("a condition at one point, for step-by-step integration"),
        };
        let apart = |first: &Linear| (first.at - at).abs() > 1e-12 * (high - low);
        if out.first().is_some_and(apart) {
            return refuse(
                "all conditions at one point, for step-by-step integration (this is a boundary-value problem: method features)",
            );
        }
        if !residual.linear {
            return refuse(
                "a condition that is linear in the fields, for step-by-step integration",
            );
        }
        let d = problem.coordinates.len();
        let mut point = vec![0.0; problem.symbols().len()];
        if let Some(place) = point.first_mut() {
            *place = at;
        }
        for (place, v) in point
            .iter_mut()
            .skip(d + problem.jets.len())
            .zip(parameters)
        {
            *place = *v;
        }
        let mut slopes = vec![0.0; n];
        for (k, slope) in &residual.by_jet {
            let Some(jet) = problem.jets.get(*k) else {
                continue;
            };
            let order = usize::from(jet.order.first().copied().unwrap_or(0));
            let own = orders.get(jet.field).copied().unwrap_or(0);
            if order >= own {
                return refuse("derivatives below the order of the equation");
            }
            let component = orders.iter().take(jet.field).sum::<usize>() + order;
            if let Some(place) = slopes.get_mut(component) {
                *place += slope.evaluate_point(&point);
            }
        }
        let mut by_unknown = vec![0.0; problem.unknowns.len()];
        for (k, slope) in &residual.by_unknown {
            if let Some(place) = by_unknown.get_mut(*k) {
                *place = slope.evaluate_point(&point);
            }
        }
        let rest = residual.value.evaluate_point(&point);
        if !slopes.iter().chain([&rest]).all(|v| v.is_finite()) {
            return refuse("a condition with finite numbers");
        }
        out.push(Linear {
            text: residual.text.clone(),
            at,
            slopes,
            rest,
            by_unknown,
        });
    }
    Ok(out)
}
