//! The checks of a report: what can be tested on its stages, and what could not and why.

use super::report::{Mode, ModesStage, Report};
use crate::error::Result;
use crate::kan::Law;
use crate::physics::{self, Verdict};
use crate::pinn::OdeFit;

/// Share of the variance that an equation must explain to count as a law of the data.
const ENOUGH: f64 = 0.5;

/// Relative residual of the equations that a fitted state may have.
const RESIDUAL: f64 = 1e-2;

/// Difference of two integrations, relative to a field's range.
const INTEGRATION: f64 = 1e-4;

/// Residuals below this share of a field's range are rounding of the integration, not scatter.
const EXACT: f64 = 1e-7;

/// All checks of a report.
pub(super) fn verdicts(report: &Report) -> Result<Vec<Verdict>> {
    let mut out = Vec::new();
    for stage in &report.modes {
        out.push(of_modes(stage));
    }
    if report.mode == Mode::Law {
        for stage in &report.laws {
            match &stage.law {
                Some(law) => out.extend(of_law(law)),
                None => out.push(Verdict::not_checked(
                    format!("law holds on held-out rows: {}", stage.question),
                    stage.skipped.clone().unwrap_or_default(),
                )),
            }
        }
    }
    if let Some(fit) = &report.fit {
        out.extend(of_fit(fit));
    }
    out.push(Verdict::not_checked(
        "dimensions",
        "no units were given for the columns, so the terms' dimensions cannot be compared",
    ));
    out.push(Verdict::not_checked(
        "conservation",
        "no quantity was declared conserved (energy, mass, momentum), so none can be found violated",
    ));
    Ok(out)
}

fn of_modes(stage: &ModesStage) -> Verdict {
    let growth: Vec<(f64, f64)> = stage
        .modes
        .iter()
        .flat_map(|m| &m.modes)
        .map(|m| (m.pole.re, m.pole_se.re))
        .collect();
    physics::passive(&stage.column, &growth, false)
}

fn of_law(law: &Law) -> Vec<Verdict> {
    let rows = law.predicted.len();
    let trained: Vec<usize> = (0..rows)
        .filter(|r| !law.holdout_rows.contains(r))
        .collect();
    let mut verdict = physics::explains(
        &format!("{} on {} held-out rows", law.target, law.holdout_rows.len()),
        law.holdout_r2,
        rows,
        law.constants.len().max(1),
        ENOUGH,
    );
    verdict.check = format!("law holds on held-out rows: {}", law.target);
    let mut out = vec![verdict];
    if !law.found {
        out.push(Verdict::not_checked(
            format!("formula: {}", law.target),
            format!("no law was found: {}", law.reason),
        ));
    } else if law.formula.is_none() {
        out.push(Verdict::not_checked(
            format!("formula: {}", law.target),
            "the network predicts, but no formula was accepted",
        ));
    }
    if trained.len() < 10 {
        out.push(Verdict::not_checked(
            format!("causes: {}", law.target),
            format!(
                "{} training rows show a relation between columns, not which of them is the cause",
                trained.len()
            ),
        ));
    }
    out
}

fn of_fit(fit: &OdeFit) -> Vec<Verdict> {
    let mut out = vec![
        physics::satisfied("fitted state", fit.equation_residual, RESIDUAL),
        {
            let mut verdict = physics::satisfied(
                "against an independent integration",
                fit.integration_difference,
                INTEGRATION,
            );
            verdict.check = "integration confirmed by a second method".into();
            verdict.explanation =
                "the trajectory was integrated again by the classical Runge-Kutta method".into();
            verdict
        },
    ];
    let unknowns = fit.parameters.len() + fit.states.len();
    for (state, (_, explained)) in fit.states.iter().zip(&fit.explained) {
        let Some(residuals) = &state.standardised_residuals else {
            continue;
        };
        out.push(physics::explains(
            &state.name,
            *explained,
            residuals.len() * fit.states.len(),
            unknowns,
            ENOUGH,
        ));
        let (low, high) = state
            .values
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| {
                (a.min(*v), b.max(*v))
            });
        if state
            .residual_rms
            .is_some_and(|rms| rms <= EXACT * (high - low))
        {
            for check in ["residuals independent", "no outliers"] {
                out.push(Verdict::not_checked(
                    format!("{check}: {}", state.name),
                    "the data follow the equation to rounding: there is no scatter to test",
                ));
            }
            continue;
        }
        out.push(physics::independent(
            &state.name,
            residuals,
            unknowns / fit.states.len(),
        ));
        out.push(physics::outliers(&state.name, residuals));
    }
    out.push(Verdict::not_checked(
        "size of the scatter",
        "no measurement error was given, so the scatter was estimated from the residuals themselves and cannot be too large",
    ));
    out
}
