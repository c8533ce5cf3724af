//! A law: its formula, its constants, how well it holds, and the learned curves.

use std::fmt::Write;

use super::{paragraph, percent, time_name, value};
use crate::expr::Expr;
use crate::kan::{Curve, Law};
use crate::pipeline::render::number::{digits, plus_minus};
use crate::pipeline::render::page::{escape, figure, number, row, sentence, table};
use crate::pipeline::render::{figures, mathml};
use crate::pipeline::{LawStage, Mode, Report};

/// Learned curves that are drawn.
const CURVES: usize = 12;

pub(super) fn law(report: &Report, stage: &LawStage) -> String {
    let Some(law) = &stage.law else {
        return paragraph(stage.skipped.as_deref().unwrap_or("No law was learned."));
    };
    let time = time_name(report);
    let labels = match report.mode {
        Mode::Law => report.data.labels.as_deref(),
        Mode::Series => None,
    };
    let mut out = String::new();
    match &law.expr {
        Some(e) => {
            out.push_str(&mathml::law(&law.target, e));
            out.push_str(&sources(law, e));
        }
        None if law.found => {
            out.push_str("<p>A relation was learned, but no formula was accepted.</p>")
        }
        None => out.push_str("<p>No law was found.</p>"),
    }
    let constants: Vec<Vec<String>> = law
        .constants
        .iter()
        .map(|c| vec![escape(&c.name), with_error(c.value, c.std_error)])
        .collect();
    let mut tables = Vec::new();
    if !constants.is_empty() {
        tables.push(table(
            "Constants of the formula, with standard errors",
            &[],
            &constants,
            true,
        ));
    }
    tables.push(table("How well it holds", &[], &quality(law), true));
    out.push_str(&row("pair", &tables));
    let mut plots = Vec::new();
    if let Some(plot) = figures::law_curve(stage, law, labels, time) {
        plots.push(figure("Law and data", "", plot.svg()));
    }
    if let Some(plot) = figures::predicted(stage, law, labels, time) {
        plots.push(figure(
            "Predicted against observed",
            "by the network",
            plot.svg(),
        ));
    }
    if report.mode == Mode::Series
        && let Some(plot) = figures::predicted_in_time(stage, law, time)
    {
        plots.push(figure("Prediction in time", "", plot.svg()));
    }
    out.push_str(&row("pair", &plots));
    out.push_str(&curves(law));
    let _ = write!(out, "<p class=\"facts\">{}</p>", sentence(&network(law)));
    out
}

fn with_error(v: f64, error: Option<f64>) -> String {
    match error {
        Some(se) => number(&plus_minus(v, se)),
        None => format!("{} (no standard error)", value(v)),
    }
}

/// The formula with all digits, to copy.
fn sources(law: &Law, e: &Expr) -> String {
    if e.complexity() > 2000 {
        return String::new();
    }
    let text = law.formula.clone().unwrap_or_else(|| e.to_string());
    let latex = law.latex.clone().unwrap_or_else(|| e.to_latex());
    format!(
        "<details><summary>Formula to copy: text, LaTeX</summary><code>{} = {}</code><code>{}</code></details>",
        escape(&law.target),
        escape(&text),
        escape(&latex)
    )
}

fn quality(law: &Law) -> Vec<Vec<String>> {
    let held = law.holdout_rows.len();
    let kind = escape(&law.error_kind);
    let mut rows = Vec::new();
    if let Some(error) = law.formula_holdout_error {
        rows.push(vec![
            format!("{kind} error of the formula on {held} held-out rows"),
            percent(error),
        ]);
    }
    rows.push(vec![
        format!("{kind} error of the network on {held} held-out rows"),
        percent(law.holdout_error),
    ]);
    rows.push(vec![
        format!("{kind} error of the network on the rows learned from"),
        percent(law.train_error),
    ]);
    rows.push(vec![
        "<i>R</i><sup>2</sup> of the network on the held-out rows".into(),
        r_squared(law.holdout_r2),
    ]);
    rows
}

/// Near 1 the distance from 1 is what tells.
fn r_squared(r2: f64) -> String {
    let below = 1.0 - r2;
    if below > 0.0 && below < 1e-4 {
        format!("1 − {}", number(&digits(below, 2)))
    } else {
        number(&digits(r2, 4))
    }
}

fn network(law: &Law) -> String {
    let widths: Vec<String> = law.widths.iter().map(ToString::to_string).collect();
    format!(
        "Network [{}] with {} grid cells per edge and {} parameters{}, {} iterations; {}.",
        widths.join(", "),
        law.grid,
        law.parameters,
        if law.logarithmic.iter().any(|l| *l) {
            ", in logarithms"
        } else {
            ""
        },
        law.iterations,
        law.reason
    )
}

fn curves(law: &Law) -> String {
    let mut order: Vec<&Curve> = law.curves.iter().collect();
    if order.len() > CURVES {
        order.sort_by(|a, b| figures::reach(b).total_cmp(&figures::reach(a)));
    }
    let left_out = order.len().saturating_sub(CURVES);
    let wide = order.len() <= 2;
    let parts: Vec<String> = order
        .into_iter()
        .take(CURVES)
        .map(|curve| {
            let note = match (&curve.symbolic, curve.symbolic_r2) {
                (Some(text), r2) => {
                    let shown = Expr::parse(text)
                        .map_or_else(|_| mathml::plain_formula(text), |e| mathml::inline(&e));
                    let fit = r2.map_or_else(String::new, |r2| {
                        format!("; <i>R</i><sup>2</sup> {}", r_squared(r2))
                    });
                    let of = if figures::from_log(curve, law) {
                        format!(" of <math><mi>x</mi></math> = ln {}", escape(&curve.from))
                    } else {
                        String::new()
                    };
                    format!("{shown}{of}{fit}")
                }
                (None, _) => "no function read".into(),
            };
            figure(
                &format!("{} → {}", curve.from, curve.to),
                &note,
                figures::edge(curve, law, wide).svg(),
            )
        })
        .collect();
    let mut out = row(if wide { "pair curves" } else { "three curves" }, &parts);
    if left_out > 0 {
        let _ = write!(
            out,
            "<p class=\"facts\">{left_out} learned curves of less effect are not drawn.</p>"
        );
    }
    out
}
