//! The report as one self-contained page.

use std::fmt::Write;

use super::figures;
use super::mathml;
use super::number::{digits, plus_minus, short};
use super::page::{escape, figure, number, row, sentence, table};
use crate::expr::Expr;
use crate::kan::{Curve, Law, Scale};
use crate::laplace::{Detrend, Modes};
use crate::physics::{Status, overall};
use crate::pinn::{Noise, OdeFit};
use crate::pipeline::{LawStage, Mode, ModesStage, Report};

/// Modes that are listed.
const LISTED: usize = 12;

/// Learned curves that are drawn.
const CURVES: usize = 12;

impl Report {
    /// The report as one HTML page with plots, complete without network, scripts or other files: its style
    /// and its drawings (SVG) are inside. Follows the reader's choice of a light or dark page and prints on
    /// paper. Text from the data is escaped; long series are drawn with few points, so that the page stays
    /// small.
    ///
    /// ```
    /// use nis_core::{pipeline::{AnalyzeOptions, Dataset, analyze}, telemetry::Progress};
    /// let t: Vec<f64> = (0..120).map(|i| 0.1 * f64::from(i)).collect();
    /// let y = t.iter().map(|t| (-0.1 * t).exp() * (2.0 * t).sin()).collect();
    /// let data = Dataset::from_columns("damped sine", vec![("t".into(), t), ("y".into(), y)])?;
    /// let page = analyze(&data, &AnalyzeOptions::default(), &Progress::none())?.to_html();
    /// assert!(page.starts_with("<!DOCTYPE html>") && page.contains("<svg"));
    /// # Ok::<(), nis_core::Error>(())
    /// ```
    pub fn to_html(&self) -> String {
        let mut sections = Sections::default();
        sections.add("Findings", "findings", findings(self));
        sections.add("Data", "data", data(self));
        for stage in &self.modes {
            let title = format!("Modes of {}", stage.column);
            sections.add(&title, "modes", modes(self, stage));
        }
        for stage in &self.laws {
            let title = format!("Law: {}", stage.question);
            sections.add(&title, "law", law(self, stage));
        }
        sections.add("Equation", "equation", equation(self));
        sections.add("Checks", "checks", checks(self));
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"/><meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"/><title>{title}: NIS report</title><style>{style}</style></head><body>{header}{nav}<main>{body}</main>{footer}</body></html>\n",
            title = escape(&self.source),
            style = include_str!("style.css"),
            header = header(self),
            nav = sections.nav(),
            body = sections.body,
            footer = footer(self),
        )
    }
}

#[derive(Default)]
struct Sections {
    links: Vec<(String, String)>,
    body: String,
}

impl Sections {
    fn add(&mut self, title: &str, id: &str, content: String) {
        let count = self
            .links
            .iter()
            .filter(|(i, _)| i == id || i.starts_with(&format!("{id}-")))
            .count();
        let id = if count == 0 {
            id.to_string()
        } else {
            format!("{id}-{}", count + 1)
        };
        let _ = write!(
            self.body,
            "<section id=\"{id}\" aria-labelledby=\"h-{id}\"><h2 id=\"h-{id}\">{}</h2>{content}</section>",
            escape(title)
        );
        self.links.push((id, title.to_string()));
    }

    fn nav(&self) -> String {
        let links: String = self
            .links
            .iter()
            .map(|(id, title)| {
                format!(
                    "<a href=\"#{id}\">{}</a>",
                    escape(&super::labels::ellipsis(title, 48))
                )
            })
            .collect();
        format!("<nav aria-label=\"Sections\">{links}</nav>")
    }
}

fn badge(status: Status) -> String {
    let (class, mark, text) = match status {
        Status::Valid => ("valid", "✓", "valid"),
        Status::Violated => ("violated", "✕", "violated"),
        Status::NotChecked => ("not_checked", "–", "not checked"),
    };
    format!("<span class=\"badge {class}\"><span aria-hidden=\"true\">{mark}</span> {text}</span>")
}

fn percent(share: f64) -> String {
    format!("{} %", number(&short(100.0 * share)))
}

fn value(v: f64) -> String {
    number(&short(v))
}

fn paragraph(text: &str) -> String {
    format!("<p>{}</p>", sentence(text))
}

fn time_name(report: &Report) -> &str {
    report
        .data
        .time
        .as_ref()
        .map_or("time", |t| t.name.as_str())
}

fn extent(report: &Report) -> String {
    match &report.data.time {
        Some(t) => format!(
            "{} rows; {} from {} to {} in {} {}",
            report.data.rows,
            t.name,
            digits(t.start, 8),
            digits(t.end, 8),
            if t.uniform {
                "equal steps of"
            } else {
                "unequal steps, median"
            },
            short(t.step)
        ),
        None => format!("{} unordered rows", report.data.rows),
    }
}

fn header(report: &Report) -> String {
    let count = |status: Status| {
        report
            .verdicts
            .iter()
            .filter(|v| v.status == status)
            .count()
    };
    format!(
        "<header><div><p class=\"kicker\">NIS report</p><h1>{}</h1><p class=\"sub\">{}</p></div><p class=\"overall\">Checks: {}<br/>{} valid, {} violated, {} not checked</p></header>",
        escape(&report.source),
        sentence(&extent(report)),
        badge(overall(&report.verdicts)),
        count(Status::Valid),
        count(Status::Violated),
        count(Status::NotChecked),
    )
}

fn findings(report: &Report) -> String {
    if report.findings.is_empty() {
        return "<p class=\"none\">no findings</p>".into();
    }
    let items: String = report
        .findings
        .iter()
        .map(|f| format!("<li>{}</li>", sentence(f)))
        .collect();
    format!("<ul>{items}</ul>")
}

fn data(report: &Report) -> String {
    let rows: Vec<Vec<String>> = report
        .data
        .columns
        .iter()
        .map(|c| {
            vec![
                escape(&c.name),
                value(c.mean),
                value(c.std),
                value(c.min),
                value(c.max),
                c.missing.to_string(),
            ]
        })
        .collect();
    let mut out = table(
        "Columns",
        &[
            "column",
            "mean",
            "standard deviation",
            "least",
            "largest",
            "missing",
        ],
        &rows,
        true,
    );
    if !report.data.ignored.is_empty() {
        let left_out = format!("Left out: {}.", report.data.ignored.join(", "));
        let _ = write!(out, "<p class=\"facts\">{}</p>", escape(&left_out));
    }
    out
}

fn modes(report: &Report, stage: &ModesStage) -> String {
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
            "Poles",
            "with standard errors; area by share of the power; conjugates not drawn",
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

fn law(report: &Report, stage: &LawStage) -> String {
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
        number(&digits(law.holdout_r2, 4)),
    ]);
    rows
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
    let parts: Vec<String> = order
        .into_iter()
        .take(CURVES)
        .map(|curve| {
            let note = match (&curve.symbolic, curve.symbolic_r2) {
                (Some(text), r2) => {
                    let shown = Expr::parse(text)
                        .map_or_else(|_| mathml::plain_formula(text), |e| mathml::inline(&e));
                    let fit = r2.map_or_else(String::new, |r2| {
                        format!(", <i>R</i><sup>2</sup> {}", number(&digits(r2, 5)))
                    });
                    format!("{shown}{fit}")
                }
                (None, _) => "no function read".into(),
            };
            figure(
                &format!("{} → {}", curve.from, curve.to),
                &note,
                figures::edge(curve, law).svg(),
            )
        })
        .collect();
    let mut out = row("three", &parts);
    if left_out > 0 {
        let _ = write!(
            out,
            "<p class=\"facts\">{left_out} learned curves of less effect are not drawn.</p>"
        );
    }
    out
}

fn equation(report: &Report) -> String {
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

fn checks(report: &Report) -> String {
    if report.verdicts.is_empty() {
        return "<p class=\"none\">no checks were made</p>".into();
    }
    let mut order: Vec<_> = report.verdicts.iter().collect();
    order.sort_by_key(|v| match v.status {
        Status::Violated => 0,
        Status::Valid => 1,
        Status::NotChecked => 2,
    });
    let mut rows = String::new();
    for v in order {
        let measured = match &v.statistic {
            Some((name, x)) => format!("{} {}", escape(name), value(*x)),
            None => "–".into(),
        };
        let threshold = v.threshold.map_or_else(|| "–".into(), value);
        let effect = v
            .effect
            .as_ref()
            .map_or_else(String::new, |e| format!("{}. ", sentence(e)));
        let _ = write!(
            rows,
            "<tr><td>{}</td><th scope=\"row\">{}<p>{effect}{}.</p></th><td>{measured}</td><td>{threshold}</td></tr>",
            badge(v.status),
            escape(&v.check),
            sentence(&v.explanation),
        );
    }
    format!(
        "<div class=\"scroll\"><table class=\"checks\"><caption>A check is valid where the size of its statistic is at most the threshold.</caption><thead><tr><th scope=\"col\">verdict</th><th scope=\"col\">check</th><th scope=\"col\">statistic</th><th scope=\"col\">threshold</th></tr></thead><tbody>{rows}</tbody></table></div>"
    )
}

fn footer(report: &Report) -> String {
    let run = &report.run;
    let o = &run.options;
    let times: Vec<String> = run
        .timings
        .iter()
        .map(|t| format!("{} {} ms", t.stage, short(t.ms)))
        .collect();
    let auto = |v: Option<String>| v.unwrap_or_else(|| "automatic".into());
    let start: Vec<String> = o
        .fit
        .start
        .iter()
        .map(|(name, v, fixed)| {
            format!(
                "{name} = {}{}",
                short(*v),
                if *fixed { " (fixed)" } else { "" }
            )
        })
        .collect();
    let rows = [
        (
            "version",
            format!("NIS {}, report schema {}", report.version, report.schema),
        ),
        ("source", report.source.clone()),
        ("seed", run.seed.to_string()),
        (
            "device",
            format!(
                "{}, {} thread{}, {}",
                run.device.name,
                run.device.threads,
                if run.device.threads == 1 { "" } else { "s" },
                run.device.simd
            ),
        ),
        (
            "time taken",
            if times.is_empty() {
                "not measured".into()
            } else {
                times.join(", ")
            },
        ),
        (
            "data options",
            format!(
                "time column {}; law {}; target {}; equation {}",
                auto(o.time.clone()),
                if o.law { "yes" } else { "no" },
                auto(o.target.clone()),
                o.equation.clone().unwrap_or_else(|| "none given".into())
            ),
        ),
        (
            "modes options",
            format!(
                "order {}, at most {}; detrend {}",
                auto(o.modes.order.map(|v| v.to_string())),
                o.modes.max_order,
                match o.modes.detrend {
                    Detrend::None => "none",
                    Detrend::Mean => "mean",
                    Detrend::Linear => "linear",
                }
            ),
        ),
        (
            "law options",
            format!(
                "hidden {}; grid {}; held out {}; scale {}; threshold {}; seed {}; at most {} iterations",
                auto(o.kan.hidden.as_ref().map(|h| format!("{h:?}"))),
                auto(o.kan.grid.map(|v| v.to_string())),
                short(o.kan.holdout),
                match o.kan.scale {
                    Scale::Auto => "automatic",
                    Scale::Linear => "linear",
                    Scale::Log => "logarithmic",
                },
                short(o.kan.threshold),
                o.kan.seed,
                o.kan.max_iterations
            ),
        ),
        (
            "fit options",
            format!(
                "noise {}; start {}; at most {} iterations",
                match o.fit.noise {
                    Noise::Auto => "automatic",
                    Noise::Additive => "additive",
                    Noise::Multiplicative => "multiplicative",
                },
                if start.is_empty() {
                    "automatic".into()
                } else {
                    start.join(", ")
                },
                o.fit.max_iterations
            ),
        ),
    ];
    let list: String = rows
        .iter()
        .map(|(k, v)| format!("<dt>{k}</dt><dd>{}</dd>", escape(v)))
        .collect();
    format!("<footer><strong>How this report was made</strong><dl>{list}</dl></footer>")
}
