//! Parameters and initial values from data: problems with unknown parameters.

mod shooting;
mod table;

use super::super::problem::Problem;
use super::super::solve::{Found, SolveOptions};
use super::super::{FitOptions, Noise, Parameter};
use super::fit::fit_components;
use super::initial::{component_names, integrate};
use super::system::OdeSystem;
use crate::error::{Error, Result};
use crate::telemetry::Progress;
use shooting::Shooting;
use table::Table;

/// Finds the unknown parameters, and the initial values that no condition gives, from measured values: maximum
/// likelihood on the integrated trajectory, with standard errors from the Gauss-Newton matrix.
///
/// Where every field was measured at every time, and nothing is known of initial values and scatter, this is
/// [`super::fit_ode`] (which also tells additive from multiplicative scatter).
///
/// # Errors
/// [`Error::InvalidInput`] for a problem without data, fewer values than unknowns, or conditions that hold more than one
/// component; [`Error::Numerical`] where no finite trajectory was found.
pub(super) fn solve(
    problem: &Problem,
    system: &OdeSystem,
    options: &SolveOptions,
    progress: &Progress<'_>,
) -> Result<Found> {
    let Some(data) = &problem.spec.data else {
        let names: Vec<&str> = problem.unknowns.iter().map(|u| u.name.as_str()).collect();
        return Err(Error::invalid(
            "data",
            "none",
            format!("measured values to find {} from", names.join(", ")),
        ));
    };
    let compiled = system.compile()?;
    let table = Table::new(problem, data)?;
    let fitted = match table.complete() {
        Some(columns) if problem.conditions.is_empty() && data.noise.is_none() => {
            by_fit(problem, system, &table, &columns, progress)?
        }
        _ => Shooting::fit(problem, system, &compiled, &table, data, progress)?,
    };
    let mut found = integrate(
        problem,
        system,
        &compiled,
        &fitted.p,
        (fitted.from, &fitted.initial),
        options,
        progress,
    )?;
    found.parameters = problem
        .unknowns
        .iter()
        .zip(fitted.p.iter().zip(&fitted.std_errors))
        .map(|(u, (value, std_error))| Parameter {
            name: u.name.clone(),
            value: *value,
            std_error: *std_error,
        })
        .collect();
    found.method = format!("{}, then {}", fitted.method, found.method);
    found.iterations = fitted.iterations;
    found.converged &= fitted.converged;
    if !fitted.converged {
        found.notes.push("the fit did not converge".into());
    }
    let names = component_names(system);
    let start: Vec<String> = names
        .iter()
        .zip(&fitted.initial)
        .map(|(name, v)| format!("{name} = {v:.9}"))
        .collect();
    found
        .notes
        .push(format!("at {}: {}", fitted.from, start.join(", ")));
    found.notes.extend(fitted.notes);
    Ok(found)
}

/// A finished fit.
struct Fitted {
    p: Vec<f64>,
    std_errors: Vec<Option<f64>>,
    from: f64,
    initial: Vec<f64>,
    method: String,
    notes: Vec<String>,
    iterations: usize,
    converged: bool,
}

fn by_fit(
    problem: &Problem,
    system: &OdeSystem,
    table: &Table,
    columns: &[(usize, Vec<f64>)],
    progress: &Progress<'_>,
) -> Result<Fitted> {
    let observed: Vec<(&str, &[f64])> = columns
        .iter()
        .filter_map(|(f, c)| Some((problem.fields.get(*f)?.as_str(), c.as_slice())))
        .collect();
    // Starting values that the host gave are used, the default is not.
    let start = problem
        .unknowns
        .iter()
        .filter(|u| u.start != 1.0)
        .map(|u| (u.name.clone(), u.start, false))
        .collect();
    let options = FitOptions {
        start,
        ..FitOptions::default()
    };
    let (fit, initial) = fit_components(system, &table.times, &observed, &options, progress)?;
    let noise = match fit.noise {
        Noise::Multiplicative => "multiplicative",
        _ => "additive",
    };
    let mut notes = vec![format!("{noise} scatter: {}", fit.noise_reason)];
    for state in &fit.states {
        if let Some(sigma) = state.noise {
            notes.push(format!("scatter of {}: {sigma:.3e} ({noise})", state.name));
        }
    }
    let value = |name: &str| fit.parameters.iter().find(|p| p.name == name);
    Ok(Fitted {
        p: problem
            .unknowns
            .iter()
            .map(|u| value(&u.name).map_or(u.start, |p| p.value))
            .collect(),
        std_errors: problem
            .unknowns
            .iter()
            .map(|u| value(&u.name).and_then(|p| p.std_error))
            .collect(),
        from: table.times.first().copied().unwrap_or(0.0),
        initial,
        method: "least squares on the trajectory".into(),
        notes,
        iterations: fit.iterations,
        converged: fit.converged,
    })
}
