//! The figures of a report: which series, curves and points each plot shows.

mod fit;

pub(super) use fit::{phase_plane, residuals, trajectory};

use super::axis::{Axis, AxisScale, AxisSpec, drawable};
use super::number::{plus_minus, short};
use super::plot::{Layer, Plot, RightAxis, Role, Shape};
use super::thin;
use crate::expr::Expr;
use crate::kan::{Curve, Law};
use crate::laplace::Modes;
use crate::pipeline::{LawStage, Series};

/// Sizes in pixels: the page's whole width, half of it, a third.
pub(super) const WIDE: (f64, f64) = (1152.0, 300.0);
pub(super) const HALF: (f64, f64) = (560.0, 340.0);
const THIRD: (f64, f64) = (363.0, 230.0);

/// Points of a curve that is computed for drawing.
const FINE: usize = 1200;

/// Points up to which a label may stand beside each.
const LABELLED: usize = 40;

fn line(role: Role, x: Vec<f64>, y: Vec<f64>, key: &str) -> Layer {
    Layer::Line {
        role,
        x,
        y,
        key: key.into(),
    }
}

fn discs(role: Role, x: Vec<f64>, y: Vec<f64>, names: Vec<String>, key: &str) -> Layer {
    Layer::Points {
        role,
        shape: Shape::Disc,
        x,
        y,
        radii: Vec::new(),
        names,
        key: key.into(),
    }
}

/// Texts shown over points, where there are few enough.
fn names(x: &[f64], y: &[f64], text: impl Fn(usize, f64, f64) -> String) -> Vec<String> {
    if x.len() > thin::FEW {
        return Vec::new();
    }
    x.iter()
        .zip(y)
        .enumerate()
        .map(|(i, (x, y))| text(i, *x, *y))
        .collect()
}

/// Observations: points, with a thin line where there are too many for points.
fn observations(x: &[f64], y: &[f64], x_name: &str, key: &str) -> Layer {
    if x.len() > thin::FEW {
        return line(Role::Data, x.to_vec(), y.to_vec(), key);
    }
    let names = names(x, y, |_, x, y| {
        format!("{x_name} {}: {}", short_time(x), short(y))
    });
    discs(Role::Data, x.to_vec(), y.to_vec(), names, key)
}

/// A time with enough digits to tell neighbours apart.
fn short_time(t: f64) -> String {
    super::number::digits(t, 8)
}

/// A column against time, with its modes over it.
pub(super) fn signal(series: &Series, modes: Option<&Modes>, time: &str) -> Plot {
    let mut layers = Vec::new();
    let few = series.t.len() <= thin::FEW;
    if few && modes.is_none() {
        layers.push(line(Role::Data, series.t.clone(), series.y.clone(), ""));
    }
    if !few {
        layers.push(observations(&series.t, &series.y, time, "data"));
    }
    if let Some(modes) = modes.filter(|m| !m.modes.is_empty()) {
        let (t, y) = modelled(modes);
        layers.push(line(Role::Model, t, y, "modes"));
    }
    if few {
        layers.push(observations(&series.t, &series.y, time, "data"));
    }
    Plot {
        size: WIDE,
        x: AxisSpec::linear(time).tight(),
        y: AxisSpec::linear(&series.name),
        right: None,
        layers,
        title: format!(
            "{} against {time}{}",
            series.name,
            if modes.is_some() {
                ", with the sum of its modes"
            } else {
                ""
            }
        ),
    }
}

/// The model on a fine grid where the record is short, else at the samples.
fn modelled(modes: &Modes) -> (Vec<f64>, Vec<f64>) {
    let end = modes.t0 + modes.dt * modes.n.saturating_sub(1) as f64;
    if modes.n < FINE && drawable(end) && drawable(modes.t0) {
        let t = Axis::spaced(AxisScale::Linear, modes.t0, end, FINE);
        let y = modes.evaluate(&t);
        return (t, y);
    }
    let t = (0..modes.fitted.len())
        .map(|i| modes.t0 + modes.dt * i as f64)
        .collect();
    (t, modes.fitted.clone())
}

fn period_of(angular: f64) -> Option<String> {
    (angular > 0.0).then(|| super::number::digits(std::f64::consts::TAU / angular, 3))
}

/// The poles in the upper half of the complex plane.
pub(super) fn pole_map(column: &str, modes: &Modes, time: &str) -> Plot {
    let all = &modes.modes;
    let x: Vec<f64> = all.iter().map(|m| m.pole.re).collect();
    let y: Vec<f64> = all.iter().map(|m| m.pole.im).collect();
    let names = all
        .iter()
        .enumerate()
        .map(|(i, m)| {
            format!(
                "mode {}: growth rate {}, angular frequency {}, {} % of the power",
                i + 1,
                plus_minus(m.pole.re, m.pole_se.re),
                plus_minus(m.pole.im, m.pole_se.im),
                short(100.0 * m.power_share)
            )
        })
        .collect();
    // The area of a disc is the mode's share of the power.
    let radii = all
        .iter()
        .map(|m| 3.0 + 11.0 * m.power_share.clamp(0.0, 1.0).sqrt())
        .collect();
    let layers = vec![
        Layer::Shade {
            left_of: 0.0,
            text: "decays",
            other: "grows",
        },
        Layer::Bars {
            x: x.clone(),
            y: y.clone(),
            x_error: all.iter().map(|m| m.pole_se.re).collect(),
            y_error: all.iter().map(|m| m.pole_se.im).collect(),
        },
        Layer::Points {
            role: Role::Model,
            shape: Shape::Disc,
            x: x.clone(),
            y: y.clone(),
            radii,
            names,
            key: String::new(),
        },
        Layer::Labels {
            x,
            y,
            texts: (1..=all.len().min(LABELLED))
                .map(|i| i.to_string())
                .collect(),
        },
    ];
    Plot {
        size: HALF,
        x: AxisSpec::linear(format!("growth rate Re s (1/{time})")).including(&[0.0]),
        y: AxisSpec::linear(format!("angular frequency Im s (rad/{time})"))
            .including(&[0.0])
            .roomy(),
        right: Some(RightAxis {
            label: format!("period ({time})"),
            text: period_of,
        }),
        layers,
        title: format!(
            "Poles of {column} in the complex plane: growth rate against angular frequency"
        ),
    }
}

/// The inputs and the target of a law stage, where the stage holds them.
fn columns(stage: &LawStage) -> Option<(&[Series], &Series)> {
    stage.rows.split_last().map(|(y, x)| (x, y))
}

fn is_log(law: &Law, place: usize) -> bool {
    law.logarithmic.get(place).copied().unwrap_or(false)
}

/// Rows that were learned from and rows held out, as two layers.
fn split(
    law: &Law,
    x: &[f64],
    y: &[f64],
    text: impl Fn(usize, f64, f64) -> String,
) -> (Layer, Layer) {
    let mut held = vec![false; x.len().min(y.len())];
    for row in &law.holdout_rows {
        if let Some(h) = held.get_mut(*row) {
            *h = true;
        }
    }
    let pick = |values: &[f64], want: bool| -> Vec<f64> {
        values
            .iter()
            .zip(&held)
            .filter(|(_, h)| **h == want)
            .map(|(v, _)| *v)
            .collect()
    };
    let all = names(x, y, text);
    let named = |want: bool| -> Vec<String> {
        all.iter()
            .zip(&held)
            .filter(|(_, h)| **h == want)
            .map(|(n, _)| n.clone())
            .collect()
    };
    let trained = discs(
        Role::Data,
        pick(x, false),
        pick(y, false),
        named(false),
        "learned from",
    );
    let held_out = Layer::Points {
        role: Role::Held,
        shape: Shape::Diamond,
        x: pick(x, true),
        y: pick(y, true),
        radii: Vec::new(),
        names: named(true),
        key: "held out".into(),
    };
    (trained, held_out)
}

/// What a row is called: its label in a table, its time in a series.
fn row_name(stage: &LawStage, labels: Option<&[String]>, time: &str, row: usize) -> String {
    let t = stage
        .rows
        .last()
        .and_then(|s| s.t.get(row))
        .copied()
        .unwrap_or(row as f64 + 1.0);
    match labels {
        // In a table the time is the row's number in the file, from 1.
        Some(labels) => labels
            .get((t as usize).saturating_sub(1))
            .cloned()
            .unwrap_or_else(|| format!("row {t}")),
        None => format!("{time} {}", short_time(t)),
    }
}

/// A law with one input: rows, the network and the formula over them.
pub(super) fn law_curve(
    stage: &LawStage,
    law: &Law,
    labels: Option<&[String]>,
    time: &str,
) -> Option<Plot> {
    let (inputs, target) = columns(stage)?;
    let [input] = inputs else { return None };
    let name = |i: usize| row_name(stage, labels, time, i);
    let (trained, held) = split(law, &input.y, &target.y, |i, x, y| {
        format!("{}: {}, {}", name(i), short(x), short(y))
    });
    let x_scale = AxisSpec::scaled(&input.name, is_log(law, 0));
    let mut layers = Vec::new();
    let ends = thin::ends(
        &input
            .y
            .iter()
            .copied()
            .filter(|v| x_scale.scale == AxisScale::Linear || *v > 0.0)
            .collect::<Vec<f64>>(),
    );
    let formula = law
        .expr
        .as_ref()
        .and_then(|e| e.compile(&[input.name.as_str()]).ok());
    match (formula, ends.first(), ends.last()) {
        (Some(program), Some(from), Some(to)) => {
            let grid = Axis::spaced(x_scale.scale, *from, *to, 300);
            let y = grid.iter().map(|v| program.evaluate_point(&[*v])).collect();
            layers.push(line(Role::Model, grid, y, "formula"));
        }
        _ => {
            let mut order: Vec<(f64, f64)> = input
                .y
                .iter()
                .copied()
                .zip(law.predicted.iter().copied())
                .collect();
            order.sort_by(|a, b| a.0.total_cmp(&b.0));
            let (x, y) = order.into_iter().unzip();
            layers.push(line(Role::Model, x, y, "network"));
        }
    }
    layers.push(trained);
    layers.push(held);
    if labels.is_some() && input.y.len() <= LABELLED {
        layers.push(Layer::Labels {
            x: input.y.clone(),
            y: target.y.clone(),
            texts: (0..input.y.len()).map(name).collect(),
        });
    }
    Some(Plot {
        size: HALF,
        x: x_scale,
        y: AxisSpec::scaled(&target.name, is_log(law, 1)),
        right: None,
        layers,
        title: format!("{} against {}, with the law", target.name, input.name),
    })
}

/// The network's prediction of every row against what was observed.
pub(super) fn predicted(
    stage: &LawStage,
    law: &Law,
    labels: Option<&[String]>,
    time: &str,
) -> Option<Plot> {
    let (inputs, target) = columns(stage)?;
    let (trained, held) = split(law, &target.y, &law.predicted, |i, x, y| {
        format!(
            "{}: observed {}, predicted {}",
            row_name(stage, labels, time, i),
            short(x),
            short(y)
        )
    });
    let log = is_log(law, inputs.len());
    let mut both = thin::ends(
        &target
            .y
            .iter()
            .copied()
            .filter(|v| !log || *v > 0.0)
            .collect::<Vec<f64>>(),
    );
    both.extend(
        thin::ends(&law.predicted)
            .into_iter()
            .filter(|v| !log || *v > 0.0),
    );
    let ends = thin::ends(&both);
    Some(Plot {
        size: HALF,
        x: AxisSpec::scaled(format!("observed {}", law.target), log),
        y: AxisSpec::scaled(format!("predicted {}", law.target), log),
        right: None,
        layers: vec![
            line(Role::Guide, ends.clone(), ends, "equal"),
            trained,
            held,
        ],
        title: format!("Predicted against observed {}", law.target),
    })
}

/// The target and its prediction in the order of time.
pub(super) fn predicted_in_time(stage: &LawStage, law: &Law, time: &str) -> Option<Plot> {
    let (_, target) = columns(stage)?;
    Some(Plot {
        size: HALF,
        x: AxisSpec::linear(time).tight(),
        y: AxisSpec::linear(&law.target),
        right: None,
        layers: vec![
            line(
                Role::Model,
                target.t.clone(),
                law.predicted.clone(),
                "network",
            ),
            observations(&target.t, &target.y, time, "data"),
        ],
        title: format!("{} and its prediction against {time}", law.target),
    })
}

/// How far a learned curve moves what it adds to.
pub(super) fn reach(curve: &Curve) -> f64 {
    match thin::ends(&curve.y).as_slice() {
        [low, high] => high - low,
        _ => 0.0,
    }
}

/// The values moved by a constant so that their mean is that of `level`: the constant of an edge belongs to
/// the whole law, and the function read from an edge may lack it.
fn on_the_level_of(level: &[f64], values: Vec<f64>) -> Vec<f64> {
    let differences: Vec<f64> = level
        .iter()
        .zip(&values)
        .map(|(a, b)| a - b)
        .filter(|d| drawable(*d))
        .collect();
    let n = differences.len().max(1) as f64;
    let shift: f64 = differences.iter().map(|d| d / n).sum();
    values.into_iter().map(|v| v + shift).collect()
}

/// Whether a curve begins at an input that was learned through its logarithm.
pub(super) fn from_log(curve: &Curve, law: &Law) -> bool {
    law.inputs
        .iter()
        .position(|i| *i == curve.from)
        .is_some_and(|i| is_log(law, i))
}

/// A learned edge, with the function read from it.
pub(super) fn edge(curve: &Curve, law: &Law, wide: bool) -> Plot {
    let log = from_log(curve, law);
    let target_log = curve.to == law.target && is_log(law, law.inputs.len());
    let x: Vec<f64> = if log {
        curve.x.iter().map(|v| v.exp()).collect()
    } else {
        curve.x.clone()
    };
    let mut layers = vec![line(Role::Model, x.clone(), curve.y.clone(), "learned")];
    let formula = curve
        .symbolic
        .as_ref()
        .and_then(|text| Expr::parse(text).ok())
        .and_then(|e| e.compile(&["x"]).ok());
    if let Some(program) = formula {
        let y = curve.x.iter().map(|v| program.evaluate_point(&[*v]));
        let y = on_the_level_of(&curve.y, y.collect());
        layers.push(line(Role::Formula, x, y, "function"));
    }
    let to = if target_log {
        format!("adds to ln {}", curve.to)
    } else {
        format!("adds to {}", curve.to)
    };
    Plot {
        size: if wide { (HALF.0, THIRD.1) } else { THIRD },
        x: AxisSpec::scaled(&curve.from, log).tight(),
        y: AxisSpec::linear(to),
        right: None,
        layers,
        title: format!("Learned curve from {} to {}", curve.from, curve.to),
    }
}
