//! The fitted equations: parameters, fields, trajectories and residuals.

use std::fmt::Write;

use super::{paragraph, percent, time_name, value};
use crate::pinn::{Noise, OdeFit};
use crate::pipeline::Report;
use crate::pipeline::render::number::{digits, plus_minus};
use crate::pipeline::render::page::{escape, figure, number, row, sentence, table};
use crate::pipeline::render::{figures, mathml};

pub(super) fn equation(report: &Report) -> String {
    let mut out = String::new();
    if let Some(origin) = &report.fit_origin {
        let _ = write!(out, "<p class=\"origin\">Origin: {}.</p>", sentence(origin));
    }
    let Some(fit) = &report.fit else {
        out.push_str(&paragraph(
            report
                .fit_skipped
                .as_deref()
                .unwrap_or("No equation was fitted."),
        ));
        return out;
    };
    let names: Vec<&str> = fit.states.iter().map(|s| s.name.as_str()).collect();
    for text in &fit.equations {
        out.push_str(&mathml::equation(text, &names));
    }
    let parameters: Vec<Vec<String>> = fit
        .parameters
        .iter()
        .map(|p| {
            let relative = match p.std_error {
                Some(se) if p.value != 0.0 && (se / p.value).is_finite() => {
                    format!("{} %", number(&digits(100.0 * (se / p.value).abs(), 2)))
                }
                _ => "–".into(),
            };
            let shown = match p.std_error {
                Some(se) => number(&plus_minus(p.value, se)),
                None => format!("{} (fixed or not determined)", value(p.value)),
            };
            vec![escape(&p.name), shown, relative]
        })
        .collect();
    let tables = [
        table(
            "Parameters, with standard errors",
            &["parameter", "value", "relative error"],
            &parameters,
            true,
        ),
        state_table(fit),
    ];
    out.push_str(&row("pair", &tables));
    out.push_str(&trajectories(report, fit));
    let _ = write!(
        out,
        "<p class=\"facts\">{} after {} iterations, log-likelihood {}. {} scatter ({}). The equations are obeyed to {}, the integration is confirmed to {}.</p>",
        if fit.converged {
            "Converged"
        } else {
            "<strong>Not converged</strong>"
        },
        fit.iterations,
        value(fit.log_likelihood),
        match fit.noise {
            Noise::Multiplicative => "Multiplicative",
            Noise::Additive => "Additive",
            Noise::Auto => "Automatic",
        },
        sentence(&fit.noise_reason),
        value(fit.equation_residual),
        value(fit.integration_difference),
    );
    out
}

fn state_table(fit: &OdeFit) -> String {
    let optional = |v: Option<f64>| v.map_or_else(|| "–".into(), value);
    let rows: Vec<Vec<String>> = fit
        .states
        .iter()
        .map(|s| {
            let explained = fit.explained.iter().find(|(n, _)| *n == s.name);
            vec![
                escape(&s.name),
                value(s.initial),
                optional(s.residual_rms),
                optional(s.noise),
                explained.map_or_else(|| "–".into(), |(_, e)| percent(*e)),
            ]
        })
        .collect();
    table(
        "Fields",
        &["field", "start", "rms residual", "scatter", "explained"],
        &rows,
        true,
    )
}

fn trajectories(report: &Report, fit: &OdeFit) -> String {
    let time = time_name(report);
    let size = if fit.states.len() == 1 {
        figures::WIDE
    } else {
        (figures::HALF.0, 300.0)
    };
    let mut parts: Vec<String> = fit
        .states
        .iter()
        .map(|state| {
            let series = report.series.iter().find(|s| s.name == state.name);
            let mut drawn = figure(
                &format!("{}: data and equation", state.name),
                "",
                figures::trajectory(fit, state, series, time, size).svg(),
            );
            if let Some(plot) = figures::residuals(fit, state, time, size.0) {
                let note = "fitted minus observed; dotted at two standard deviations";
                drawn.push_str(&figure(
                    &format!("{}: residuals", state.name),
                    note,
                    plot.svg(),
                ));
            }
            format!("<div>{drawn}</div>")
        })
        .collect();
    if let Some(plot) = figures::phase_plane(fit, &report.series) {
        parts.push(figure("Phase plane", "", plot.svg()));
    }
    if fit.states.len() == 1 {
        parts.concat()
    } else {
        row("pair", &parts)
    }
}
