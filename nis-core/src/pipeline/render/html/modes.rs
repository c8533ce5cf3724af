//! The modes of a column: signal, pole map, table.

use std::fmt::Write;

use super::{paragraph, percent, time_name, value};
use crate::laplace::Modes;
use crate::pipeline::render::figures;
use crate::pipeline::render::number::{digits, plus_minus};
use crate::pipeline::render::page::{figure, number, row, sentence, table};
use crate::pipeline::{ModesStage, Report};

/// Modes that are listed.
const LISTED: usize = 12;

pub(super) fn modes(report: &Report, stage: &ModesStage) -> String {
    let time = time_name(report);
    let found = stage.modes.as_ref();
    let mut out = String::new();
    if found.is_none() || stage.skipped.is_some() {
        out.push_str(&paragraph(stage.skipped.as_deref().unwrap_or("No modes.")));
    }
    if let Some(series) = report.series.iter().find(|s| s.name == stage.column) {
        let title = match found {
            Some(m) if !m.modes.is_empty() => "Signal and the sum of its modes",
            _ => "Signal",
        };
        out.push_str(&figure(
            title,
            "",
            figures::signal(series, found, time).svg(),
        ));
    }
    let Some(found) = found else { return out };
    if !found.modes.is_empty() {
        let map = figure(
            "Pole map",
            "± standard error; area by share of the power; upper half-plane",
            figures::pole_map(&stage.column, found, time).svg(),
        );
        out.push_str(&row("pair", &[map, mode_table(found, time)]));
    }
    let _ = write!(
        out,
        "<p class=\"facts\">Order {}: {}. The modes explain {} of the variance; standard deviation of the scatter {}.</p>",
        found.order,
        sentence(&found.order_reason),
        percent(found.explained),
        value(found.noise_std),
    );
    out
}

fn mode_table(found: &Modes, time: &str) -> String {
    let rows: Vec<Vec<String>> = found
        .modes
        .iter()
        .take(LISTED)
        .enumerate()
        .map(|(i, m)| {
            vec![
                (i + 1).to_string(),
                match (m.period, m.period_se) {
                    (Some(p), Some(se)) => number(&plus_minus(p, se)),
                    (Some(p), None) => value(p),
                    _ => "–".into(),
                },
                number(&plus_minus(m.pole.re, m.pole_se.re)),
                number(&digits(m.damping_ratio, 2)),
                number(&plus_minus(m.amplitude, m.amplitude_se)),
                format!("{} %", number(&digits(100.0 * m.power_share, 3))),
            ]
        })
        .collect();
    let rest = found.modes.len().saturating_sub(LISTED);
    let caption = format!(
        "Modes, strongest first; times in {time}{}",
        if rest > 0 {
            format!("; {rest} weaker ones not listed")
        } else {
            String::new()
        }
    );
    table(
        &caption,
        &[
            "mode",
            "period",
            "growth rate",
            "damping",
            "amplitude",
            "share",
        ],
        &rows,
        true,
    )
}
