//! The main results as sentences with numbers.

use super::render::number::{plus_minus, short};
use super::report::{LawStage, ModesStage, Report};
use crate::physics::{Status, overall};
use crate::pinn::OdeFit;

/// Sentences in the order of the path; each repeats figures of the report, none adds any.
pub(super) fn findings(report: &Report) -> Vec<String> {
    let mut out = Vec::new();
    for stage in &report.modes {
        out.extend(of_modes(stage, report));
    }
    for stage in &report.laws {
        out.extend(of_law(stage));
    }
    if let Some(fit) = &report.fit {
        out.push(of_fit(fit));
    }
    let count = |status: Status| {
        report
            .verdicts
            .iter()
            .filter(|v| v.status == status)
            .count()
    };
    out.push(format!(
        "Checks: {} valid, {} violated, {} not checked; overall {}.",
        count(Status::Valid),
        count(Status::Violated),
        count(Status::NotChecked),
        match overall(&report.verdicts) {
            Status::Valid => "valid",
            Status::Violated => "violated",
            Status::NotChecked => "not checked",
        }
    ));
    out
}

fn of_modes(stage: &ModesStage, report: &Report) -> Option<String> {
    let modes = stage.modes.as_ref()?;
    let unit = report
        .data
        .time
        .as_ref()
        .map_or("time", |t| t.name.as_str());
    let Some(mode) = modes.modes.first() else {
        return Some(format!(
            "{}: no mode stands out from the noise.",
            stage.column
        ));
    };
    Some(match (mode.period, mode.period_se) {
        (Some(period), Some(se)) => format!(
            "{}: the dominant mode has period {} ({unit}), damping ratio {}, amplitude {}, and carries {} % of the variance.",
            stage.column,
            plus_minus(period, se),
            short(mode.damping_ratio),
            plus_minus(mode.amplitude, mode.amplitude_se),
            short(100.0 * mode.power_share),
        ),
        _ => format!(
            "{}: the dominant mode does not oscillate; its rate is {} per {unit}.",
            stage.column,
            plus_minus(mode.pole.re, mode.pole_se.re),
        ),
    })
}

fn of_law(stage: &LawStage) -> Option<String> {
    let law = stage.law.as_ref()?;
    if !law.found {
        return Some(format!(
            "{}: no law found ({}).",
            stage.question, law.reason
        ));
    }
    let Some(formula) = &law.formula else {
        return Some(format!(
            "{}: a relation was learned (held-out R2 {}), but no formula was accepted.",
            stage.question,
            short(law.holdout_r2)
        ));
    };
    let formula = law
        .expr
        .as_ref()
        .map_or_else(|| formula.clone(), |e| e.rounded(4).to_string());
    let mut text = format!("{} = {formula}", law.target);
    if let Some(error) = law.formula_holdout_error {
        text.push_str(&format!(
            "; {} error on {} held-out rows {} %",
            law.error_kind,
            law.holdout_rows.len(),
            short(100.0 * error)
        ));
    }
    let exponents: Vec<String> = law
        .constants
        .iter()
        .filter(|c| c.name.starts_with("exponent"))
        .map(|c| match c.std_error {
            Some(se) => format!("{} {}", c.name, plus_minus(c.value, se)),
            None => format!("{} {}", c.name, short(c.value)),
        })
        .collect();
    if !exponents.is_empty() {
        text.push_str(&format!("; {}", exponents.join(", ")));
    }
    text.push('.');
    Some(text)
}

fn of_fit(fit: &OdeFit) -> String {
    let parameters: Vec<String> = fit
        .parameters
        .iter()
        .map(|p| match p.std_error {
            Some(se) => format!("{} = {}", p.name, plus_minus(p.value, se)),
            None => format!("{} = {}", p.name, short(p.value)),
        })
        .collect();
    let explained: Vec<String> = fit
        .explained
        .iter()
        .map(|(name, share)| format!("{} % of {name}", short(100.0 * share)))
        .collect();
    format!(
        "{}: {}; explains {}{}.",
        fit.equations.join("; "),
        parameters.join(", "),
        explained.join(", "),
        if fit.converged {
            ""
        } else {
            " (NOT CONVERGED)"
        }
    )
}
