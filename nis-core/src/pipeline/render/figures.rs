//! Which plots a report has.

use super::axis::Scale;
use super::number::{plus_minus, short};
use super::plot::{Dot, Mark, Plot};
use crate::kan::Law;
use crate::laplace::Modes;
use crate::pinn::OdeFit;
use crate::pipeline::{LawStage, Report, Series};

/// Edges drawn at most.
const MAX_CURVES: usize = 8;

fn time_name(report: &Report) -> String {
    report
        .data
        .time
        .as_ref()
        .map_or_else(|| "row".into(), |t| t.name.clone())
}

fn dots(x: &[f64], y: &[f64], titles: impl Fn(usize) -> String) -> Vec<Dot> {
    x.iter()
        .zip(y)
        .enumerate()
        .map(|(i, (x, y))| Dot::new(*x, *y, titles(i)))
        .collect()
}

fn pairs(x: &[f64], y: &[f64]) -> Vec<(f64, f64)> {
    x.iter().copied().zip(y.iter().copied()).collect()
}

/// A column over time with its modes.
pub(super) fn signal(series: &Series, modes: Option<&Modes>, report: &Report) -> Plot {
    let time = time_name(report);
    let mut plot =
        Plot::new(format!("{} over {time}", series.name), &time, &series.name).sized(720.0, 320.0);
    // Few points are shown as dots on a line, many as a line.
    plot = plot.with(Mark::Line {
        class: "data",
        points: pairs(&series.t, &series.y),
        label: Some(series.name.clone()),
    });
    if series.t.len() <= 120 {
        plot = plot.with(Mark::Dots {
            class: "data",
            points: dots(&series.t, &series.y, |i| {
                format!("{time} {}: {}", short(series.t[i]), short(series.y[i]))
            }),
            label: None,
        });
    }
    if let Some(found) = modes.filter(|m| !m.modes.is_empty()) {
        let count = found.modes.len();
        plot = plot.with(Mark::Line {
            class: "c1",
            points: pairs(&series.t, &found.fitted),
            label: Some(format!("{count} mode{}", if count == 1 { "" } else { "s" })),
        });
    }
    plot
}

/// The poles in the complex plane, with error bars; the stable half is shaded.
pub(super) fn poles(found: &Modes, report: &Report) -> Plot {
    let time = time_name(report);
    let mut points = Vec::new();
    for (i, m) in found.modes.iter().enumerate() {
        let title = format!(
            "mode {}: growth rate {}, frequency {}",
            i + 1,
            plus_minus(m.pole.re, m.pole_se.re),
            plus_minus(m.frequency, m.frequency_se)
        );
        let radius = 3.0 + 5.0 * m.power_share.clamp(0.0, 1.0).sqrt();
        for side in [1.0, -1.0] {
            points.push(Dot {
                error: (m.pole_se.re, m.frequency_se),
                radius,
                ..Dot::new(m.pole.re, side * m.frequency, title.clone())
            });
            if !m.is_pair() {
                break;
            }
        }
    }
    Plot::new(
        "Pole map",
        format!("growth rate (1/{time})"),
        format!("frequency (1/{time})"),
    )
    .sized(420.0, 320.0)
    .with(Mark::ShadeLeft(0.0))
    .with(Mark::Upright(0.0))
    .with(Mark::Level(0.0))
    .with(Mark::Dots {
        class: "c1",
        points,
        label: Some("poles (stable half shaded)".into()),
    })
}

/// The learned curves, and prediction against observation.
pub(super) fn law(stage: &LawStage, law: &Law, report: &Report) -> Vec<Plot> {
    let mut out = Vec::new();
    let logarithmic = law.logarithmic.iter().any(|l| *l);
    let scale = if logarithmic {
        Scale::Log
    } else {
        Scale::Linear
    };
    let Some((target, inputs)) = stage.rows.split_last() else {
        return out;
    };
    let name_of = |row: usize| match (&report.data.labels, report.data.time.is_some()) {
        (Some(labels), false) if labels.len() == target.y.len() => {
            labels.get(row).cloned().unwrap_or_default()
        }
        _ => format!(
            "row {}",
            target.t.get(row).map_or_else(|| "?".into(), |t| short(*t))
        ),
    };
    if let [input] = inputs {
        out.push(single_input(law, input, target, scale, &name_of));
    } else {
        for curve in law.curves.iter().take(MAX_CURVES) {
            let in_logs = if logarithmic { "log " } else { "" };
            let mut plot = Plot::new(
                format!("edge {} to {}", curve.from, curve.to),
                format!("{in_logs}{}", curve.from),
                format!("contribution to {in_logs}{}", curve.to),
            )
            .sized(420.0, 270.0)
            .with(Mark::Line {
                class: "c1",
                points: pairs(&curve.x, &curve.y),
                label: Some("learned edge".into()),
            });
            if let Some(points) = symbolic_points(curve) {
                plot = plot.with(Mark::Line {
                    class: "c2 dashed",
                    points,
                    label: curve.symbolic.as_ref().map(|_| "read as formula".into()),
                });
            }
            out.push(plot);
        }
    }
    if !law.predicted.is_empty() {
        let held = |i: &usize| law.holdout_rows.contains(i);
        let pick = |keep: bool| -> Vec<Dot> {
            (0..law.predicted.len().min(target.y.len()))
                .filter(|i| held(i) == keep)
                .map(|i| {
                    let (seen, said) = (target.y[i], law.predicted[i]);
                    let title = format!(
                        "{}: {} observed, {} predicted",
                        name_of(i),
                        short(seen),
                        short(said)
                    );
                    Dot::new(seen, said, title)
                })
                .collect()
        };
        let (low, high) = target
            .y
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| {
                (a.min(*v), b.max(*v))
            });
        out.push(
            Plot::new(
                format!("{} predicted against observed", law.target),
                format!("observed {}", law.target),
                "predicted by the network",
            )
            .sized(420.0, 270.0)
            .scales(scale, scale)
            .with(Mark::Line {
                class: "rule-line",
                points: vec![(low, low), (high, high)],
                label: None,
            })
            .with(Mark::Dots {
                class: "data",
                points: pick(false),
                label: Some("training rows".into()),
            })
            .with(Mark::Dots {
                class: "c2",
                points: pick(true),
                label: Some("held out".into()),
            }),
        );
    }
    out
}

/// Data and learned curve of a law with one input.
fn single_input(
    law: &Law,
    input: &Series,
    target: &Series,
    scale: Scale,
    name_of: &dyn Fn(usize) -> String,
) -> Plot {
    let back = |v: &f64| if scale == Scale::Log { v.exp() } else { *v };
    let mut plot = Plot::new(
        format!("{} against {}", target.name, input.name),
        &input.name,
        &target.name,
    )
    .sized(420.0, 270.0)
    .scales(scale, scale);
    if let Some(curve) = law.curves.first() {
        let points = curve
            .x
            .iter()
            .map(back)
            .zip(curve.y.iter().map(back))
            .collect();
        plot = plot.with(Mark::Line {
            class: "c1",
            points,
            label: Some("learned curve".into()),
        });
        let formula = law
            .expr
            .as_ref()
            .and_then(|e| e.compile(&[input.name.as_str()]).ok());
        if let Some(program) = formula {
            let points = curve
                .x
                .iter()
                .map(back)
                .map(|x| (x, program.evaluate_point(&[x])))
                .collect();
            plot = plot.with(Mark::Line {
                class: "c2 dashed",
                points,
                label: Some("formula".into()),
            });
        }
    }
    plot.with(Mark::Dots {
        class: "data",
        points: dots(&input.y, &target.y, |i| {
            format!(
                "{}: {}, {}",
                name_of(i),
                short(input.y[i]),
                short(target.y[i])
            )
        }),
        label: Some("data".into()),
    })
}

/// The form read from an edge, shifted to the edge's mean (the constant belongs to the whole law).
fn symbolic_points(curve: &crate::kan::Curve) -> Option<Vec<(f64, f64)>> {
    let expr = crate::expr::Expr::parse(curve.symbolic.as_ref()?).ok()?;
    let program = expr.compile(&["x"]).ok()?;
    let values: Vec<f64> = curve
        .x
        .iter()
        .map(|x| program.evaluate_point(&[*x]))
        .collect();
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    let shift = mean(&curve.y) - mean(&values);
    Some(
        curve
            .x
            .iter()
            .copied()
            .zip(values.iter().map(|v| v + shift))
            .collect(),
    )
}

/// Each field with its data, and the residuals.
pub(super) fn fit(fit: &OdeFit, report: &Report) -> Vec<Plot> {
    let time = time_name(report);
    let mut out = Vec::new();
    for state in &fit.states {
        let mut plot = Plot::new(
            format!("{}: data and fitted equation", state.name),
            &time,
            &state.name,
        )
        .with(Mark::Line {
            class: "c1",
            points: pairs(&fit.t, &state.values),
            label: Some("fitted equation".into()),
        });
        if let Some(series) = report.series.iter().find(|s| s.name == state.name) {
            plot = plot.with(Mark::Dots {
                class: "data",
                points: dots(&series.t, &series.y, |i| {
                    format!("{time} {}: {}", short(series.t[i]), short(series.y[i]))
                }),
                label: Some("data".into()),
            });
        }
        out.push(plot);
        if let Some(residuals) = &state.standardised_residuals {
            out.push(
                Plot::new(
                    format!("{}: residuals", state.name),
                    &time,
                    format!("residual of {} (σ)", state.name),
                )
                .with(Mark::Level(0.0))
                .with(Mark::Stems {
                    class: "c1",
                    points: pairs(&fit.t_observed, residuals),
                })
                .with(Mark::Dots {
                    class: "c1",
                    points: dots(&fit.t_observed, residuals, |i| {
                        format!(
                            "{time} {}: {} σ",
                            short(fit.t_observed[i]),
                            short(residuals[i])
                        )
                    }),
                    label: Some("fitted less observed, in standard deviations".into()),
                }),
            );
        }
    }
    out
}
