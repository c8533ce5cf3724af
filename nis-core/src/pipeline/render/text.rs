//! The report as plain text, at most 100 columns wide.

use std::fmt::Write;

use super::labels::ellipsis;
use super::number::{digits, plus_minus, short};
use super::page::acts;
use crate::laplace::Modes;
use crate::physics::Status;
use crate::pinn::{Noise, OdeFit};
use crate::pipeline::{LawStage, ModesStage, Report};

const WIDTH: usize = 96;

/// Modes that are listed.
const LISTED: usize = 8;

impl Report {
    /// The report for a terminal: findings first, then each stage with its figures, then the checks. No colour
    /// or control codes.
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        // Writing to a String cannot fail.
        let _ = write_report(&mut out, self);
        out
    }
}

/// Characters that would move a terminal's cursor or turn the reading direction do not come through, whatever
/// a file's header holds.
fn clean(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .filter(|c| !acts(*c))
        .collect()
}

fn heading(out: &mut String, title: &str) -> std::fmt::Result {
    let title = ellipsis(title, WIDTH);
    writeln!(out, "\n{title}\n{}", "-".repeat(title.chars().count()))
}

/// Wraps at spaces, and inside words that are longer than a line; the first line begins with `first`, the others with as many spaces.
fn paragraph(out: &mut String, first: &str, text: &str) -> std::fmt::Result {
    let indent = first.chars().count();
    let mut line = first.to_string();
    let mut empty = true;
    let room = WIDTH.saturating_sub(indent).max(20);
    let text = clean(text);
    let words = text.split_whitespace().flat_map(|word| {
        let chars: Vec<char> = word.chars().collect();
        let parts: Vec<String> = chars.chunks(room).map(|c| c.iter().collect()).collect();
        parts
    });
    for word in words {
        if !empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            writeln!(out, "{}", line.trim_end())?;
            line = " ".repeat(indent);
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(&word);
        empty = false;
    }
    writeln!(out, "{}", line.trim_end())
}

/// Columns padded to their widest cell; all but the first are right-aligned.
fn table(out: &mut String, rows: &[Vec<String>]) -> std::fmt::Result {
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| row.iter().map(|cell| clean(cell)).collect())
        .collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|c| {
            rows.iter()
                .filter_map(|r| r.get(c))
                .map(|s| s.chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    // The first column holds names, of any length; it has what the others leave.
    let others: usize = widths.iter().skip(1).map(|w| w + 2).sum();
    let first = WIDTH.saturating_sub(others + 2).max(12);
    if others + 14 > WIDTH {
        // Numbers of so many digits do not fit side by side.
        return rows
            .iter()
            .try_for_each(|row| paragraph(out, "  ", &row.join("   ")));
    }
    for row in &rows {
        let mut line = String::from(" ");
        for (c, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let most = if c == 0 { first } else { WIDTH };
            let (cell, width) = (ellipsis(cell, most), (*width).min(most));
            let pad = " ".repeat(width.saturating_sub(cell.chars().count()));
            if c == 0 {
                write!(line, " {cell}{pad}")?;
            } else {
                write!(line, "  {pad}{cell}")?;
            }
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

fn write_report(out: &mut String, report: &Report) -> std::fmt::Result {
    let title = ellipsis(&format!("Analysis of {}", clean(&report.source)), WIDTH);
    writeln!(out, "{title}\n{}", "=".repeat(title.chars().count()))?;
    for finding in &report.findings {
        paragraph(out, "* ", finding)?;
    }
    data(out, report)?;
    for stage in &report.modes {
        modes(out, stage, report)?;
    }
    for stage in &report.laws {
        law(out, stage)?;
    }
    equation(out, report)?;
    heading(out, "Checks")?;
    for verdict in &report.verdicts {
        let mark = match verdict.status {
            Status::Valid => "valid",
            Status::Violated => "VIOLATED",
            Status::NotChecked => "not checked",
        };
        let numbers = match (&verdict.statistic, verdict.threshold) {
            (Some((name, value)), Some(threshold)) => {
                format!(
                    " ({name} {}, threshold {})",
                    short(*value),
                    short(threshold)
                )
            }
            _ => String::new(),
        };
        paragraph(
            out,
            &format!("  {mark:<12} "),
            &format!("{}{numbers}", verdict.check),
        )?;
        if let Some(effect) = &verdict.effect {
            paragraph(out, "               ", effect)?;
        }
        paragraph(out, "               ", &verdict.explanation)?;
    }
    let run = &report.run;
    let times: Vec<String> = run
        .timings
        .iter()
        .map(|t| format!("{} {} ms", t.stage, short(t.ms)))
        .collect();
    out.push('\n');
    let made = format!(
        "NIS {} on {} ({}, {} thread{}), seed {}; {}",
        report.version,
        run.device.name,
        run.device.simd,
        run.device.threads,
        if run.device.threads == 1 { "" } else { "s" },
        run.seed,
        times.join(", ")
    );
    paragraph(out, "", &made)
}

fn data(out: &mut String, report: &Report) -> std::fmt::Result {
    heading(out, "Data")?;
    let d = &report.data;
    match &d.time {
        Some(t) => {
            let steps = if t.uniform {
                "equal steps"
            } else {
                "unequal steps (median)"
            };
            let text = format!(
                "{} rows, {} from {} to {} in {steps} of {}",
                d.rows,
                t.name,
                digits(t.start, 8),
                digits(t.end, 8),
                short(t.step)
            );
            paragraph(out, "  ", &text)?;
        }
        None => writeln!(out, "  {} unordered rows", d.rows)?,
    }
    let mut rows = vec![
        ["column", "mean", "std", "min", "max", "missing"]
            .map(String::from)
            .to_vec(),
    ];
    rows.extend(d.columns.iter().map(|c| {
        vec![
            clean(&c.name),
            short(c.mean),
            short(c.std),
            short(c.min),
            short(c.max),
            c.missing.to_string(),
        ]
    }));
    table(out, &rows)?;
    if !d.ignored.is_empty() {
        paragraph(out, "  left out: ", &d.ignored.join(", "))?;
    }
    Ok(())
}

fn modes(out: &mut String, stage: &ModesStage, report: &Report) -> std::fmt::Result {
    heading(out, &format!("Modes of {}", clean(&stage.column)))?;
    let Some(found) = &stage.modes else {
        return paragraph(out, "  ", stage.skipped.as_deref().unwrap_or("none"));
    };
    let unit = report
        .data
        .time
        .as_ref()
        .map_or("time", |t| t.name.as_str());
    if !found.modes.is_empty() {
        table(out, &mode_rows(found))?;
        if found.modes.len() > LISTED {
            writeln!(out, "  and {} weaker ones", found.modes.len() - LISTED)?;
        }
    }
    paragraph(
        out,
        "  ",
        &format!(
            "times in {unit}; order {}: {}. The modes explain {} % of the variance; scatter {}.",
            found.order,
            found.order_reason,
            short(100.0 * found.explained),
            short(found.noise_std)
        ),
    )
}

fn mode_rows(found: &Modes) -> Vec<Vec<String>> {
    let mut rows = vec![
        [
            "mode",
            "period",
            "growth rate",
            "damping",
            "amplitude",
            "share",
        ]
        .map(String::from)
        .to_vec(),
    ];
    for (i, m) in found.modes.iter().take(LISTED).enumerate() {
        rows.push(vec![
            (i + 1).to_string(),
            match (m.period, m.period_se) {
                (Some(p), Some(se)) => plus_minus(p, se),
                _ => "-".into(),
            },
            plus_minus(m.pole.re, m.pole_se.re),
            short(m.damping_ratio),
            plus_minus(m.amplitude, m.amplitude_se),
            format!("{} %", short(100.0 * m.power_share)),
        ]);
    }
    rows
}

fn law(out: &mut String, stage: &LawStage) -> std::fmt::Result {
    heading(out, &format!("Law: {}", clean(&stage.question)))?;
    let Some(law) = &stage.law else {
        return paragraph(out, "  ", stage.skipped.as_deref().unwrap_or("none"));
    };
    match &law.expr {
        Some(e) => paragraph(out, "  ", &format!("{} = {}", law.target, e.rounded(5)))?,
        None if law.found => {
            paragraph(out, "  ", "a relation was learned, no formula was accepted")?
        }
        None => paragraph(out, "  ", "no law found")?,
    }
    let mut rows: Vec<Vec<String>> = law
        .constants
        .iter()
        .map(|c| {
            vec![
                clean(&c.name),
                c.std_error
                    .map_or_else(|| short(c.value), |se| plus_minus(c.value, se)),
            ]
        })
        .collect();
    let percent = |v: f64| format!("{} %", short(100.0 * v));
    let held = law.holdout_rows.len();
    if let Some(error) = law.formula_holdout_error {
        rows.push(vec![
            format!("formula's {} error on {held} held-out rows", law.error_kind),
            percent(error),
        ]);
    }
    rows.push(vec![
        format!("network's {} error on {held} held-out rows", law.error_kind),
        percent(law.holdout_error),
    ]);
    rows.push(vec![
        "its error on the training rows".into(),
        percent(law.train_error),
    ]);
    table(out, &rows)?;
    let widths: Vec<String> = law.widths.iter().map(ToString::to_string).collect();
    paragraph(
        out,
        "  ",
        &format!(
            "network [{}], {} cells per edge, {} parameters{}; {}.",
            widths.join(", "),
            law.grid,
            law.parameters,
            if law.logarithmic.iter().any(|l| *l) {
                ", in logarithms"
            } else {
                ""
            },
            law.reason
        ),
    )
}

fn equation(out: &mut String, report: &Report) -> std::fmt::Result {
    heading(out, "Equation")?;
    if let Some(origin) = &report.fit_origin {
        paragraph(out, "  ", origin)?;
    }
    let Some(fit) = &report.fit else {
        return paragraph(out, "  ", report.fit_skipped.as_deref().unwrap_or("none"));
    };
    for equation in &fit.equations {
        paragraph(out, "  ", equation)?;
    }
    let rows: Vec<Vec<String>> = fit
        .parameters
        .iter()
        .map(|p| {
            let value = match p.std_error {
                Some(se) => plus_minus(p.value, se),
                None => format!("{} (fixed or not determined)", short(p.value)),
            };
            vec![clean(&p.name), value]
        })
        .collect();
    table(out, &rows)?;
    table(out, &state_rows(fit))?;
    paragraph(
        out,
        "  ",
        &format!(
            "{} after {} iterations; {} scatter ({}); equations obeyed to {}, integration confirmed to {}.",
            if fit.converged {
                "converged"
            } else {
                "NOT CONVERGED"
            },
            fit.iterations,
            match fit.noise {
                Noise::Multiplicative => "multiplicative",
                _ => "additive",
            },
            fit.noise_reason,
            short(fit.equation_residual),
            short(fit.integration_difference)
        ),
    )
}

fn state_rows(fit: &OdeFit) -> Vec<Vec<String>> {
    let mut rows = vec![
        ["field", "start", "residual rms", "scatter", "explained"]
            .map(String::from)
            .to_vec(),
    ];
    for state in &fit.states {
        let explained = fit
            .explained
            .iter()
            .find(|(n, _)| *n == state.name)
            .map(|(_, e)| *e);
        let number = |v: Option<f64>| v.map_or_else(|| "-".into(), short);
        rows.push(vec![
            clean(&state.name),
            short(state.initial),
            number(state.residual_rms),
            number(state.noise),
            explained.map_or_else(|| "-".into(), |e| format!("{} %", short(100.0 * e))),
        ]);
    }
    rows
}
