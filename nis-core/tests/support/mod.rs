//! Reports made for tests of their rendering, and checks of pages and texts.

use nis_core::device::Device;
use nis_core::expr::Expr;
use nis_core::kan::{Constant, Curve, Law};
use nis_core::laplace::{Mode as Pole, Modes, OrderRule};
use nis_core::physics::{Status, Verdict};
use nis_core::pinn::{FittedState, Noise, OdeFit, Parameter};
use nis_core::pipeline::{
    AnalyzeOptions, ColumnSummary, DataSummary, LawStage, Mode, ModesStage, Report, Run, Series,
    StageTime, TimeAxis,
};
use num_complex::Complex64;
use proptest::prelude::*;

/// A stream of the given values, in turn.
struct Source<'a> {
    values: &'a [f64],
    at: usize,
}

impl Source<'_> {
    fn next(&mut self) -> f64 {
        self.at += 1;
        if self.values.is_empty() {
            0.5
        } else {
            self.values[self.at % self.values.len()]
        }
    }

    fn maybe(&mut self) -> Option<f64> {
        let v = self.next();
        (!self.at.is_multiple_of(3)).then_some(v)
    }

    fn complex(&mut self) -> Complex64 {
        Complex64::new(self.next(), self.next().abs())
    }
}

fn pole(s: &mut Source<'_>) -> Pole {
    Pole {
        pole: s.complex(),
        pole_se: s.complex(),
        pole_bound: s.complex(),
        residue: s.complex(),
        frequency: s.next(),
        frequency_se: s.next(),
        period: s.maybe(),
        period_se: s.maybe(),
        damping_ratio: s.next(),
        amplitude: s.next(),
        amplitude_se: s.next(),
        phase: s.next(),
        power_share: s.next(),
    }
}

fn modes(s: &mut Source<'_>, count: usize, y: &[f64]) -> Modes {
    Modes {
        modes: (0..count).map(|_| pole(s)).collect(),
        t0: 0.0,
        dt: 1.0,
        n: y.len(),
        order: 2 * count,
        order_reason: "made for a test".into(),
        order_rule: OrderRule::Given,
        offset: s.next(),
        slope: s.next(),
        noise_std: s.next(),
        residual_rms: s.next(),
        explained: s.next(),
        fitted: y.iter().map(|v| 0.9 * v).collect(),
    }
}

fn law(s: &mut Source<'_>, name: &str, inputs: usize, y: &[f64], log: bool) -> Law {
    let inputs: Vec<String> = (0..inputs).map(|i| format!("{name} {i}")).collect();
    let expr = inputs
        .first()
        .and_then(|n| Expr::name(n.as_str()).pow(&Expr::number(s.next())).ok());
    let curves = inputs
        .iter()
        .map(|from| Curve {
            from: from.clone(),
            to: name.into(),
            x: (0..9).map(|_| s.next()).collect(),
            y: (0..8).map(|_| s.next()).collect(),
            symbolic: Some(if log {
                "1.5*x - 3".into()
            } else {
                format!("no formula {name}")
            }),
            symbolic_r2: s.maybe(),
        })
        .collect();
    Law {
        target: name.into(),
        found: expr.is_some(),
        reason: format!("of {name}"),
        formula: expr.as_ref().map(ToString::to_string),
        latex: expr.as_ref().map(Expr::to_latex),
        expr,
        constants: vec![Constant {
            name: format!("exponent of {name}"),
            value: s.next(),
            std_error: s.maybe(),
        }],
        formula_holdout_error: s.maybe(),
        error_kind: "relative".into(),
        train_error: s.next(),
        holdout_error: s.next(),
        holdout_r2: s.next(),
        holdout_rows: vec![0, 3, 1_000_000_000],
        logarithmic: vec![log; inputs.len() + 1],
        widths: vec![inputs.len(), 1],
        inputs,
        grid: 3,
        parameters: 9,
        iterations: 11,
        curves,
        predicted: y.iter().map(|v| 1.1 * v).collect(),
    }
}

fn fit(s: &mut Source<'_>, name: &str, states: usize, t: &[f64], y: &[f64]) -> OdeFit {
    OdeFit {
        equations: vec![
            format!("`{name}`' = -k*`{name}`"),
            format!("{name} ="),
            "x' = -w2*x^2".into(),
        ],
        parameters: vec![Parameter {
            name: name.into(),
            value: s.next(),
            std_error: s.maybe(),
        }],
        noise: Noise::Additive,
        noise_reason: name.into(),
        t: t.to_vec(),
        t_observed: t.to_vec(),
        states: (0..states)
            .map(|i| FittedState {
                name: if i == 0 {
                    name.into()
                } else {
                    format!("{name}{i}")
                },
                values: y.iter().map(|v| 0.8 * v).collect(),
                initial: s.next(),
                standardised_residuals: (i != 1).then(|| y.to_vec()),
                noise: s.maybe(),
                residual_rms: s.maybe(),
            })
            .collect(),
        equation_residual: s.next(),
        integration_difference: s.next(),
        explained: vec![(name.into(), s.next())],
        log_likelihood: s.next(),
        iterations: 5,
        converged: states.is_multiple_of(2),
    }
}

fn verdicts(s: &mut Source<'_>, name: &str) -> Vec<Verdict> {
    [Status::Valid, Status::Violated, Status::NotChecked]
        .into_iter()
        .map(|status| Verdict {
            check: format!("check of {name}"),
            status,
            statistic: s.maybe().map(|v| (name.to_string(), v)),
            threshold: s.maybe(),
            effect: Some(name.into()),
            noise: s.maybe(),
            explanation: format!("because of {name}"),
        })
        .collect()
}

/// A report with every stage, made of `values` (also where figures are due) and the name `name`; `shape`
/// decides numbers of modes, inputs and fields.
pub(crate) fn report_from(shape: usize, values: &[f64], name: &str) -> Report {
    let s = &mut Source { values, at: shape };
    let t: Vec<f64> = (0..values.len()).map(|i| i as f64).collect();
    let series = |name: String| Series {
        name,
        t: t.clone(),
        y: values.to_vec(),
    };
    let inputs = 1 + shape % 3;
    let states = 1 + shape % 4;
    let learned = law(s, name, inputs, values, shape % 2 == 1);
    let mut rows: Vec<Series> = learned.inputs.iter().cloned().map(series).collect();
    rows.push(series(name.into()));
    Report {
        schema: 1,
        version: "0.0.0".into(),
        source: name.into(),
        mode: Mode::Series,
        data: DataSummary {
            rows: values.len(),
            time: (!shape.is_multiple_of(5)).then(|| TimeAxis {
                name: format!("time {name}"),
                start: s.next(),
                end: s.next(),
                step: s.next(),
                uniform: shape.is_multiple_of(2),
            }),
            columns: vec![ColumnSummary {
                name: name.into(),
                mean: s.next(),
                std: s.next(),
                min: s.next(),
                max: s.next(),
                missing: 0,
            }],
            ignored: vec![name.into()],
            labels: None,
        },
        series: vec![series(name.into()), series(format!("{name}1"))],
        modes: vec![
            ModesStage {
                column: name.into(),
                modes: Some(modes(s, shape % 20, values)),
                skipped: None,
            },
            ModesStage {
                column: format!("{name}1"),
                modes: None,
                skipped: Some(format!("skipped {name}")),
            },
        ],
        laws: vec![LawStage {
            question: format!("why {name}"),
            law: Some(learned),
            rows,
            skipped: None,
        }],
        fit: Some(fit(s, name, states, &t, values)),
        fit_origin: Some(name.into()),
        fit_skipped: None,
        verdicts: verdicts(s, name),
        findings: vec![format!("{name} = 2*{name}^1.5 - 3*(-b)")],
        run: Run {
            seed: 1,
            device: Device::cpu(),
            timings: vec![StageTime {
                stage: name.into(),
                ms: s.next(),
            }],
            options: AnalyzeOptions::default(),
        },
    }
}

/// Reports of arbitrary numbers, names and shapes, with series of unequal lengths.
pub(crate) fn reports() -> impl Strategy<Value = Report> {
    let number = prop_oneof![
        3 => any::<f64>(),
        3 => -100.0..100.0f64,
        1 => Just(f64::NAN),
        1 => Just(f64::INFINITY),
        1 => Just(0.0),
    ];
    let name = prop_oneof![
        Just("y".to_string()),
        Just("</style><script>".to_string()),
        Just("a`b'c\"d&e".to_string()),
        "\\PC{0,12}",
        any::<String>(),
        "[a-z_]{200}",
    ];
    (
        any::<u8>(),
        prop::collection::vec(number, 0..40),
        name,
        0usize..40,
        any::<bool>(),
    )
        .prop_map(|(shape, values, name, cut, law)| {
            let mut report = report_from(usize::from(shape), &values, &name);
            report.series[0].t.truncate(cut);
            report.laws[0].rows[0].y.truncate(cut);
            if let Some(law) = &mut report.laws[0].law {
                law.predicted.truncate(cut);
                law.logarithmic.truncate(cut);
            }
            if let Some(fit) = &mut report.fit {
                fit.t.truncate(cut);
                fit.explained.truncate(cut);
            }
            if law {
                report.mode = Mode::Law;
                report.data.labels = Some(vec![name; cut]);
                report.data.time = None;
            }
            report
        })
}

/// What a page holds.
pub(crate) struct Seen {
    /// Drawings, without the inner ones.
    pub(crate) drawings: usize,
}

/// Checks that a page is whole: every element is closed in order, and in drawings every number of an attribute
/// is finite and near the drawing.
pub(crate) fn check_page(page: &str) -> Seen {
    assert!(page.starts_with("<!DOCTYPE html>\n<html") && page.ends_with("</html>\n"));
    let mut open: Vec<&str> = Vec::new();
    let mut drawings = 0;
    let mut rest = &page["<!DOCTYPE html>".len()..];
    while let Some(start) = rest.find('<') {
        let tag = &rest[start + 1..];
        let end = tag_end(tag);
        let (inside, after) = (&tag[..end], &tag[end + 1..]);
        rest = after;
        if let Some(name) = inside.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "closed out of order");
            continue;
        }
        let inside = inside.trim_end();
        let (inside, empty) = match inside.strip_suffix('/') {
            Some(i) => (i, true),
            None => (inside, false),
        };
        let name = inside.split_whitespace().next().unwrap_or("");
        assert!(
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric()),
            "<{inside}>"
        );
        if name == "svg" && !open.contains(&"svg") {
            drawings += 1;
            assert!(inside.contains("role=\"img\"") && inside.contains("aria-label=\""));
        }
        if name == "svg" || open.contains(&"svg") {
            check_numbers(inside);
        }
        if !empty {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "not closed: {open:?}");
    Seen { drawings }
}

/// Where a tag ends: the first `>` outside quotes.
fn tag_end(tag: &str) -> usize {
    let mut quoted = false;
    for (i, c) in tag.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '>' if !quoted => return i,
            _ => {}
        }
    }
    panic!("a tag without end: {}", &tag[..tag.len().min(80)]);
}

fn check_numbers(tag: &str) {
    const NUMERIC: [&str; 10] = [
        "x", "y", "cx", "cy", "r", "width", "height", "d", "viewBox", "points",
    ];
    for part in tag.split("\" ") {
        let Some((name, value)) = part.rsplit_once("=\"") else {
            continue;
        };
        let name = name.split_whitespace().last().unwrap_or("");
        if !NUMERIC.contains(&name) {
            continue;
        }
        let value = value.trim_end_matches('"');
        let numbers = value.replace(|c: char| c.is_ascii_alphabetic() && c != 'e', " ");
        let mut count = 0;
        for n in numbers.split_whitespace() {
            let v: f64 = n
                .parse()
                .unwrap_or_else(|_| panic!("{n:?} in {name}=\"{value}\""));
            assert!(v.is_finite() && v.abs() < 20_000.0, "{n} in {tag}");
            count += 1;
        }
        assert!(count > 0, "no number in {tag}");
        for word in ["NaN", "inf"] {
            assert!(!value.contains(word), "{tag}");
        }
    }
}

/// Checks that a text fits a terminal of 100 columns and holds no control codes.
pub(crate) fn check_text(text: &str) {
    for line in text.lines() {
        assert!(
            line.chars().count() <= 100,
            "{} columns: {line}",
            line.chars().count()
        );
        assert!(!line.contains(|c: char| c.is_control()), "{line:?}");
    }
}
