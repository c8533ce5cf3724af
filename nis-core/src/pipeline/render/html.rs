//! The report as one page: no script, no outside resource, light and dark.

use std::fmt::Write;

use super::figures;
use super::number::{plus_minus, short};
use super::plot::escape;
use crate::physics::{Status, Verdict, overall};
use crate::pinn::Noise;
use crate::pipeline::{LawStage, ModesStage, Report};

const STYLE: &str = include_str!("report.css");

impl Report {
    /// The report as one self-contained HTML page with plots, for light and dark screens and for print.
    pub fn to_html(&self) -> String {
        let mut out = String::new();
        // Writing to a String cannot fail.
        let _ = page(&mut out, self);
        out
    }
}

fn page(out: &mut String, report: &Report) -> std::fmt::Result {
    let title = format!("Analysis of {}", escape(&report.source));
    writeln!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\">\
         <title>{title}</title>\n<style>\n{STYLE}</style></head>\n<body><main>"
    )?;
    writeln!(
        out,
        "<header><h1>{title}</h1>{}</header>",
        badge(overall(&report.verdicts))
    )?;
    writeln!(out, "<ul class=\"findings\">")?;
    for finding in &report.findings {
        writeln!(out, "<li>{}</li>", escape(finding))?;
    }
    writeln!(out, "</ul>")?;
    for stage in &report.modes {
        modes(out, stage, report)?;
    }
    for stage in &report.laws {
        law(out, stage, report)?;
    }
    equation(out, report)?;
    checks(out, &report.verdicts)?;
    data(out, report)?;
    run(out, report)?;
    writeln!(out, "</main></body></html>")
}

fn badge(status: Status) -> String {
    let (class, text) = match status {
        Status::Valid => ("valid", "✓ valid"),
        Status::Violated => ("violated", "✗ violated"),
        Status::NotChecked => ("unchecked", "– not checked"),
    };
    format!("<span class=\"badge {class}\">{text}</span>")
}

/// A table; the first row is the head.
fn table(out: &mut String, rows: &[Vec<String>]) -> std::fmt::Result {
    writeln!(out, "<div class=\"scroll\"><table>")?;
    for (i, row) in rows.iter().enumerate() {
        let tag = if i == 0 { "th" } else { "td" };
        let cells: Vec<String> = row.iter().map(|c| format!("<{tag}>{c}</{tag}>")).collect();
        writeln!(out, "<tr>{}</tr>", cells.concat())?;
    }
    writeln!(out, "</table></div>")
}

fn head(names: &[&str]) -> Vec<String> {
    names.iter().map(|n| (*n).to_string()).collect()
}

/// A formula's text with raised exponents and dots for products.
pub(super) fn formula(text: &str) -> String {
    let mut out = String::new();
    let chars: Vec<char> = text.chars().collect();
    let mut at = 0;
    while let Some(c) = chars.get(at).copied() {
        at += 1;
        match c {
            '`' => {}
            '*' => out.push_str(" · "),
            '^' => {
                let start = at;
                let mut depth = 0i32;
                while let Some(c) = chars.get(at) {
                    match c {
                        '(' => depth += 1,
                        ')' if depth == 0 => break,
                        ')' => depth -= 1,
                        c if depth == 0 && !(c.is_alphanumeric() || matches!(c, '.' | '_')) => {
                            break;
                        }
                        _ => {}
                    }
                    at += 1;
                }
                let exponent: String = chars.get(start..at).unwrap_or(&[]).iter().collect();
                let bare = exponent
                    .strip_prefix('(')
                    .and_then(|e| e.strip_suffix(')'))
                    .unwrap_or(&exponent);
                let _ = write!(out, "<sup>{}</sup>", escape(bare));
            }
            '-' => out.push('−'),
            c => out.push_str(&escape(&c.to_string())),
        }
    }
    out
}

fn percent(v: f64) -> String {
    format!("{} %", short(100.0 * v))
}

fn modes(out: &mut String, stage: &ModesStage, report: &Report) -> std::fmt::Result {
    writeln!(out, "<section><h2>Modes of {}</h2>", escape(&stage.column))?;
    let series = report.series.iter().find(|s| s.name == stage.column);
    let Some(found) = &stage.modes else {
        if let Some(series) = series {
            writeln!(
                out,
                "<figure>{}</figure>",
                figures::signal(series, None, report).svg()
            )?;
        }
        writeln!(
            out,
            "<p>{}</p></section>",
            escape(stage.skipped.as_deref().unwrap_or("none"))
        )?;
        return Ok(());
    };
    writeln!(out, "<div class=\"wide-narrow\">")?;
    if let Some(series) = series {
        writeln!(
            out,
            "<figure>{}</figure>",
            figures::signal(series, Some(found), report).svg()
        )?;
    }
    writeln!(
        out,
        "<figure>{}</figure></div>",
        figures::poles(found, report).svg()
    )?;
    let unit = report
        .data
        .time
        .as_ref()
        .map_or("time", |t| t.name.as_str());
    if !found.modes.is_empty() {
        let mut rows = vec![head(&[
            "mode",
            &format!("period ({})", escape(unit)),
            "growth rate",
            "damping ratio",
            "amplitude",
            "share of variance",
        ])];
        for (i, m) in found.modes.iter().enumerate() {
            rows.push(vec![
                (i + 1).to_string(),
                match (m.period, m.period_se) {
                    (Some(p), Some(se)) => plus_minus(p, se),
                    _ => "none (real pole)".into(),
                },
                plus_minus(m.pole.re, m.pole_se.re),
                short(m.damping_ratio),
                plus_minus(m.amplitude, m.amplitude_se),
                percent(m.power_share),
            ]);
        }
        table(out, &rows)?;
    }
    writeln!(
        out,
        "<p class=\"note\">Order {}: {}. The modes explain {} of the variance; scatter {}. Errors are one standard deviation, for white noise.</p></section>",
        found.order,
        escape(&found.order_reason),
        percent(found.explained),
        short(found.noise_std)
    )
}

fn law(out: &mut String, stage: &LawStage, report: &Report) -> std::fmt::Result {
    writeln!(out, "<section><h2>Law: {}</h2>", escape(&stage.question))?;
    let Some(law) = &stage.law else {
        return writeln!(
            out,
            "<p>{}</p></section>",
            escape(stage.skipped.as_deref().unwrap_or("none"))
        );
    };
    match &law.expr {
        Some(e) => writeln!(
            out,
            "<p class=\"formula\">{} = {}</p>",
            formula(&law.target),
            formula(&e.rounded(4).to_string())
        )?,
        None if law.found => writeln!(
            out,
            "<p>A relation was learned; no formula was accepted.</p>"
        )?,
        None => writeln!(out, "<p><strong>No law found.</strong></p>")?,
    }
    writeln!(out, "<div class=\"figures\">")?;
    for plot in figures::law(stage, law, report) {
        writeln!(out, "<figure>{}</figure>", plot.svg())?;
    }
    writeln!(out, "</div>")?;
    let held = law.holdout_rows.len();
    let mut rows = vec![head(&["", "value"])];
    for c in &law.constants {
        rows.push(vec![
            escape(&c.name),
            c.std_error
                .map_or_else(|| short(c.value), |se| plus_minus(c.value, se)),
        ]);
    }
    if let Some(error) = law.formula_holdout_error {
        rows.push(vec![
            format!("formula: {} error on {held} held-out rows", law.error_kind),
            percent(error),
        ]);
    }
    rows.push(vec![
        format!("network: {} error on {held} held-out rows", law.error_kind),
        percent(law.holdout_error),
    ]);
    rows.push(vec![
        "network: error on the training rows".into(),
        percent(law.train_error),
    ]);
    table(out, &rows)?;
    let widths: Vec<String> = law.widths.iter().map(ToString::to_string).collect();
    writeln!(
        out,
        "<p class=\"note\">Network [{}], {} cells per edge, {} parameters{}. {}.</p></section>",
        widths.join(", "),
        law.grid,
        law.parameters,
        if law.logarithmic.iter().any(|l| *l) {
            ", learned in logarithms"
        } else {
            ""
        },
        escape(&law.reason)
    )
}

fn equation(out: &mut String, report: &Report) -> std::fmt::Result {
    writeln!(out, "<section><h2>Equation</h2>")?;
    if let Some(origin) = &report.fit_origin {
        writeln!(out, "<p class=\"note\">Where from: {}.</p>", escape(origin))?;
    }
    let Some(fit) = &report.fit else {
        let why = report.fit_skipped.as_deref().unwrap_or("none");
        return writeln!(out, "<p>Not fitted: {}.</p></section>", escape(why));
    };
    for equation in &fit.equations {
        writeln!(out, "<p class=\"formula\">{}</p>", formula(equation))?;
    }
    writeln!(out, "<div class=\"figures\">")?;
    for plot in figures::fit(fit, report) {
        writeln!(out, "<figure>{}</figure>", plot.svg())?;
    }
    writeln!(out, "</div><div class=\"figures\">")?;
    let mut rows = vec![head(&["parameter", "value"])];
    for p in &fit.parameters {
        let value = match p.std_error {
            Some(se) => plus_minus(p.value, se),
            None => format!("{} (fixed or not determined)", short(p.value)),
        };
        rows.push(vec![escape(&p.name), value]);
    }
    table(out, &rows)?;
    let mut rows = vec![head(&[
        "field",
        "start",
        "residual rms",
        "scatter",
        "explained",
    ])];
    for state in &fit.states {
        let explained = fit
            .explained
            .iter()
            .find(|(n, _)| *n == state.name)
            .map(|(_, e)| *e);
        let number = |v: Option<f64>| v.map_or_else(|| "–".into(), short);
        rows.push(vec![
            escape(&state.name),
            short(state.initial),
            number(state.residual_rms),
            number(state.noise),
            explained.map_or_else(|| "–".into(), percent),
        ]);
    }
    table(out, &rows)?;
    writeln!(
        out,
        "</div><p class=\"note\">{} after {} iterations. {} scatter ({}). The fitted state obeys the equations to {}; a second integration method agrees to {}.</p></section>",
        if fit.converged {
            "Converged"
        } else {
            "<strong>Not converged</strong>"
        },
        fit.iterations,
        match fit.noise {
            Noise::Multiplicative => "Multiplicative",
            _ => "Additive",
        },
        escape(&fit.noise_reason),
        short(fit.equation_residual),
        short(fit.integration_difference)
    )
}

fn checks(out: &mut String, verdicts: &[Verdict]) -> std::fmt::Result {
    writeln!(out, "<section><h2>Checks</h2>")?;
    let mut rows = vec![head(&[
        "verdict",
        "check",
        "statistic",
        "threshold",
        "what it means",
    ])];
    for v in verdicts {
        let statistic = match &v.statistic {
            Some((name, value)) => format!("{} <small>{}</small>", short(*value), escape(name)),
            None => "–".into(),
        };
        let effect = v
            .effect
            .as_ref()
            .map_or_else(String::new, |e| format!("{}. ", escape(e)));
        rows.push(vec![
            badge(v.status),
            escape(&v.check),
            statistic,
            v.threshold.map_or_else(|| "–".into(), short),
            format!(
                "{effect}<span class=\"note\">{}</span>",
                escape(&v.explanation)
            ),
        ]);
    }
    writeln!(out, "<div class=\"checks\">")?;
    table(out, &rows)?;
    writeln!(
        out,
        "</div><p class=\"note\">Valid: the check could have failed and did not. Violated: the statistic is beyond its threshold. Not checked: what is missing is said.</p></section>"
    )
}

fn data(out: &mut String, report: &Report) -> std::fmt::Result {
    let d = &report.data;
    writeln!(out, "<section><h2>Data</h2>")?;
    match &d.time {
        Some(t) => writeln!(
            out,
            "<p>{} rows; {} from {} to {} in {} of {}.</p>",
            d.rows,
            escape(&t.name),
            short(t.start),
            short(t.end),
            if t.uniform {
                "equal steps"
            } else {
                "unequal steps, median"
            },
            short(t.step)
        )?,
        None => writeln!(out, "<p>{} unordered rows.</p>", d.rows)?,
    }
    let mut rows = vec![head(&[
        "column",
        "mean",
        "standard deviation",
        "least",
        "largest",
        "missing",
    ])];
    for c in &d.columns {
        rows.push(vec![
            escape(&c.name),
            short(c.mean),
            short(c.std),
            short(c.min),
            short(c.max),
            c.missing.to_string(),
        ]);
    }
    table(out, &rows)?;
    if !d.ignored.is_empty() {
        writeln!(
            out,
            "<p class=\"note\">Left out: {}.</p>",
            escape(&d.ignored.join(", "))
        )?;
    }
    writeln!(out, "</section>")
}

fn run(out: &mut String, report: &Report) -> std::fmt::Result {
    let run = &report.run;
    let times: Vec<String> = run
        .timings
        .iter()
        .map(|t| format!("{} {} ms", escape(&t.stage), short(t.ms)))
        .collect();
    writeln!(
        out,
        "<footer>NIS {} · {} ({}, {} thread{}) · seed {} · {}</footer>",
        escape(&report.version),
        escape(&run.device.name),
        escape(&run.device.simd),
        run.device.threads,
        if run.device.threads == 1 { "" } else { "s" },
        run.seed,
        times.join(", ")
    )
}

#[cfg(test)]
mod tests;
