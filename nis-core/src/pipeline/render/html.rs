//! The report as one self-contained page.

use std::fmt::Write;

mod fits;
mod laws;
mod modes;
mod run;

use super::number::{digits, short};
use super::page::{escape, number, sentence, table};
use crate::physics::{Status, overall};
use crate::pipeline::Report;

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
            sections.add(&title, "modes", modes::modes(self, stage));
        }
        for stage in &self.laws {
            let title = format!("Law: {}", stage.question);
            sections.add(&title, "law", laws::law(self, stage));
        }
        sections.add("Equation", "equation", fits::equation(self));
        sections.add("Checks", "checks", checks(self));
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"/><meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"/><title>{title}: NIS report</title><style>{style}</style></head><body>{header}{nav}<main>{body}</main>{footer}</body></html>\n",
            title = escape(&self.source),
            style = include_str!("style.css"),
            header = header(self),
            nav = sections.nav(),
            body = sections.body,
            footer = run::footer(self),
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
    )
    .replacen("class=\"numbers\"", "class=\"numbers compact\"", 1);
    if !report.data.ignored.is_empty() {
        let left_out = format!("Left out: {}.", report.data.ignored.join(", "));
        let _ = write!(out, "<p class=\"facts\">{}</p>", escape(&left_out));
    }
    out
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
            .map_or_else(String::new, |e| format!("{}; ", sentence(e)));
        let _ = write!(
            rows,
            "<tr><td>{}</td><th scope=\"row\">{}<p>{effect}{}</p></th><td>{measured}</td><td>{threshold}</td></tr>",
            badge(v.status),
            escape(&v.check),
            sentence(&v.explanation),
        );
    }
    format!(
        "<div class=\"scroll\"><table class=\"checks\"><caption>A check is valid where the size of its statistic is at most the threshold.</caption><thead><tr><th scope=\"col\">verdict</th><th scope=\"col\">check</th><th scope=\"col\">statistic</th><th scope=\"col\">threshold</th></tr></thead><tbody>{rows}</tbody></table></div>"
    )
}

#[cfg(test)]
mod tests;
