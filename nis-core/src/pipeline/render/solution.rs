//! A solution of a differential equation as one self-contained page.

use std::fmt::Write;

use super::axis::AxisSpec;
use super::figures::{HALF, WIDE};
use super::heat::HeatMap;
use super::number::{digits, plus_minus, short};
use super::page::{escape, figure, number, row, sentence, table};
use super::plot::{Layer, Plot, Role, Shape};
use crate::error::Result;
use crate::pinn::{ParameterSpec, Solution};

/// Points along a line, and along each side of a map.
const LINE: usize = 601;
const MAP: usize = 120;

/// Times at which lines are drawn beside a map.
const TIMES: usize = 3;

const TIME: &str = "t";

impl Solution {
    /// The solution as one HTML page with drawings, complete without network, scripts or other files: equations,
    /// verdict, drawings of every field, residuals and condition errors, parameters, notes.
    ///
    /// Of more than two coordinates, two are drawn over; the others stand at the middle of their range, time at
    /// its end.
    ///
    /// # Errors
    /// As [`Solution::evaluate`], for points of a grid over the domain.
    pub fn to_html(&self) -> Result<String> {
        let mut body = String::new();
        let mut section = |title: &str, id: &str, content: &str| {
            let _ = write!(
                body,
                "<section id=\"{id}\" aria-labelledby=\"h-{id}\"><h2 id=\"h-{id}\">{title}</h2>{content}</section>"
            );
        };
        section("Problem", "problem", &problem(self));
        if !self.parameters.is_empty() {
            section("Parameters found", "parameters", &parameters(self));
        }
        section("Solution", "solution", &drawings(self)?);
        section("How far to trust it", "certificate", &certificate(self));
        if !self.notes.is_empty() {
            let items: String = self
                .notes
                .iter()
                .map(|note| format!("<li>{}</li>", sentence(note)))
                .collect();
            section("Notes", "notes", &format!("<ul>{items}</ul>"));
        }
        let title = escape(&self.problem.equations.join("; "));
        Ok(format!(
            "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"/><meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"/><title>{title}: NIS solution</title><style>{style}</style></head><body>{header}<main>{body}</main>{footer}</body></html>\n",
            style = include_str!("style.css"),
            header = header(self),
            footer = footer(self),
        ))
    }
}

fn header(solution: &Solution) -> String {
    let (class, mark, text) = match (solution.valid(), solution.converged) {
        (true, _) => ("valid", "✓", "valid"),
        (false, true) => ("violated", "✕", "not valid"),
        (false, false) => ("violated", "✕", "not converged"),
    };
    let title: Vec<String> = solution
        .problem
        .equations
        .iter()
        .map(|e| sentence(e))
        .collect();
    format!(
        "<header><div><p class=\"kicker\">NIS solution</p><h1>{}</h1><p class=\"sub\">{}</p></div><p class=\"overall\"><span class=\"badge {class}\"><span aria-hidden=\"true\">{mark}</span> {text}</span><br/>{} iterations, {} s</p></header>",
        title.join("<br/>"),
        sentence(&solution.method),
        solution.iterations,
        short(solution.seconds),
    )
}

fn problem(solution: &Solution) -> String {
    let spec = &solution.problem;
    let list = |texts: &[String]| -> String {
        let items = texts.iter().map(|t| format!("<li>{}</li>", sentence(t)));
        format!("<ul>{}</ul>", items.collect::<String>())
    };
    let mut out = format!("<p>Equations</p>{}", list(&spec.equations));
    if !spec.conditions.is_empty() {
        let _ = write!(out, "<p>Conditions</p>{}", list(&spec.conditions));
    }
    let mut facts: Vec<String> = solution
        .coordinates
        .iter()
        .zip(&solution.ranges)
        .map(|(name, [low, high])| {
            format!("{name} from {} to {}", digits(*low, 8), digits(*high, 8))
        })
        .collect();
    for (name, parameter) in &spec.parameters {
        match parameter {
            ParameterSpec::Value(v) => facts.push(format!("{name} = {}", digits(*v, 12))),
            ParameterSpec::Text(text) => facts.push(format!("{name} = {text}")),
            ParameterSpec::Range(_) | ParameterSpec::Start { .. } => {}
        }
    }
    if let Some(data) = &spec.data {
        facts.push(format!(
            "{} measurements of {}",
            data.points.len(),
            data.fields.join(", ")
        ));
    }
    let _ = write!(
        out,
        "<p class=\"facts\">{}</p>",
        sentence(&facts.join("; "))
    );
    out
}

fn parameters(solution: &Solution) -> String {
    let rows: Vec<Vec<String>> = solution
        .parameters
        .iter()
        .map(|p| {
            let text = match p.std_error {
                Some(error) => plus_minus(p.value, error),
                None => digits(p.value, 8),
            };
            let known = match p.std_error {
                Some(_) => "one standard error",
                None => "no standard error",
            };
            vec![escape(&p.name), number(&text), known.into()]
        })
        .collect();
    table("", &["parameter", "value", ""], &rows, true).replacen(
        "class=\"numbers\"",
        "class=\"numbers compact\"",
        1,
    )
}

fn certificate(solution: &Solution) -> String {
    let certificate = &solution.certificate;
    let place = |at: &[f64]| {
        let each = solution.coordinates.iter().zip(at);
        let each: Vec<String> = each.map(|(n, v)| format!("{n} = {}", short(*v))).collect();
        sentence(&each.join(", "))
    };
    let mut rows: Vec<Vec<String>> = Vec::new();
    for e in &certificate.equations {
        rows.push(vec![
            sentence(&e.text),
            "residual, root mean square".into(),
            number(&short(e.rms)),
            place(&e.at),
        ]);
    }
    for c in &certificate.conditions {
        rows.push(vec![
            sentence(&c.text),
            "largest error".into(),
            number(&short(c.relative)),
            place(&c.at),
        ]);
    }
    for c in &certificate.conservation {
        rows.push(vec![
            sentence(&c.text),
            format!("drift of the balance of {}", escape(&c.field)),
            number(&short(c.drift)),
            String::new(),
        ]);
    }
    let mut out = table(
        "Relative to the largest term, on points that the solver did not use",
        &["equation or condition", "what", "figure", "largest at"],
        &rows,
        false,
    );
    let estimate = match certificate.error_estimate {
        Some(error) => format!("Estimated relative error: {}", number(&short(error))),
        None => "No estimate of the error".into(),
    };
    let _ = write!(
        out,
        "<p>{estimate} ({}).</p>",
        sentence(&certificate.error_method)
    );
    let faults: String = certificate
        .faults
        .iter()
        .map(|fault| format!("<li>{}</li>", sentence(fault)))
        .collect();
    if !faults.is_empty() {
        let _ = write!(out, "<p>Faults</p><ul>{faults}</ul>");
    }
    out
}

fn footer(solution: &Solution) -> String {
    format!(
        "<footer>NIS {}, seed {}, {} points in the certificate</footer>",
        escape(&solution.version),
        solution.seed,
        solution.certificate.points,
    )
}

fn drawings(solution: &Solution) -> Result<String> {
    let ranged = |name: &str| solution.problem.parameters.contains_key(name);
    let mut free: Vec<usize> = (0..solution.coordinates.len())
        .filter(|k| !solution.coordinates.get(*k).is_some_and(|n| ranged(n)))
        .collect();
    if free.len() > 2 {
        // Two of space.
        free.retain(|k| solution.coordinates.get(*k).is_some_and(|n| n != TIME));
        free.truncate(2);
    }
    match free.as_slice() {
        [only] => lines(solution, *only),
        [first, second] => maps(solution, *first, *second),
        _ => Ok(String::new()),
    }
}

fn name(solution: &Solution, axis: usize) -> &str {
    solution.coordinates.get(axis).map_or("", String::as_str)
}

fn range(solution: &Solution, axis: usize) -> [f64; 2] {
    solution.ranges.get(axis).copied().unwrap_or([0.0, 1.0])
}

fn spaced([low, high]: [f64; 2], count: usize) -> Vec<f64> {
    let steps = count.saturating_sub(1).max(1) as f64;
    (0..count)
        .map(|i| low * (1.0 - i as f64 / steps) + high * (i as f64 / steps))
        .collect()
}

/// Rows of coordinates: those of `free` as given, the others at the middle of their range, time at its end.
fn points(solution: &Solution, free: &[(usize, &[f64])], count: usize) -> Vec<f64> {
    let mut out = Vec::with_capacity(count * solution.coordinates.len());
    for i in 0..count {
        for axis in 0..solution.coordinates.len() {
            let [low, high] = range(solution, axis);
            let fixed = if name(solution, axis) == TIME {
                high
            } else {
                0.5 * (low + high)
            };
            let given = free.iter().find(|(a, _)| *a == axis);
            out.push(given.and_then(|(_, v)| v.get(i)).copied().unwrap_or(fixed));
        }
    }
    out
}

/// Values of one field; NaN outside the domain.
fn values(solution: &Solution, rows: &[f64], field: usize) -> Result<Vec<f64>> {
    let d = solution.coordinates.len().max(1);
    let inside = solution.contains(rows)?;
    let kept: Vec<f64> = rows
        .chunks_exact(d)
        .zip(&inside)
        .filter(|(_, inside)| **inside)
        .flat_map(|(row, _)| row.iter().copied())
        .collect();
    let all = solution.evaluate(&kept)?;
    let mut found = all.iter().skip(field).step_by(solution.fields.len().max(1));
    let each = inside.iter().map(|inside| match inside {
        true => found.next().copied().unwrap_or(f64::NAN),
        false => f64::NAN,
    });
    Ok(each.collect())
}

/// The others of the coordinates and where they stand.
fn others(solution: &Solution, free: &[usize]) -> String {
    let fixed = points(solution, &[], 1);
    let each: Vec<String> = (0..solution.coordinates.len())
        .filter(|axis| !free.contains(axis))
        .filter_map(|axis| {
            Some(format!(
                "{} = {}",
                name(solution, axis),
                short(*fixed.get(axis)?)
            ))
        })
        .collect();
    sentence(&each.join(", "))
}

fn lines(solution: &Solution, axis: usize) -> Result<String> {
    let x = spaced(range(solution, axis), LINE);
    let rows = points(solution, &[(axis, &x)], x.len());
    let mut out = String::new();
    for (field, label) in solution.fields.iter().enumerate() {
        let y = values(solution, &rows, field)?;
        let mut layers = vec![Layer::Line {
            role: Role::Model,
            x: x.clone(),
            y,
            key: "solution".into(),
        }];
        let data = solution.problem.data.as_ref();
        let measured = data.and_then(|d| Some((d, d.fields.iter().position(|f| f == label)?)));
        if let Some((data, column)) = measured.filter(|_| solution.coordinates.len() == 1) {
            layers.push(Layer::Points {
                role: Role::Data,
                shape: Shape::Disc,
                x: data
                    .points
                    .iter()
                    .filter_map(|p| p.first().copied())
                    .collect(),
                y: data
                    .values
                    .iter()
                    .map(|v| v.get(column).copied().unwrap_or(f64::NAN))
                    .collect(),
                radii: Vec::new(),
                names: Vec::new(),
                key: "measured".into(),
            });
        }
        let title = format!("{label} over {}", name(solution, axis));
        let plot = Plot {
            size: WIDE,
            x: AxisSpec::linear(name(solution, axis)).tight(),
            y: AxisSpec::linear(label),
            right: None,
            layers,
            title: title.clone(),
        };
        out.push_str(&figure(&title, &others(solution, &[axis]), plot.svg()));
    }
    Ok(out)
}

fn maps(solution: &Solution, first: usize, second: usize) -> Result<String> {
    // Time runs to the right.
    let timed = name(solution, second) == TIME;
    let (across, up) = if timed {
        (second, first)
    } else {
        (first, second)
    };
    // Values in the middle of the cells.
    let middles = |[low, high]: [f64; 2]| -> Vec<f64> {
        let at = |i: usize| (i as f64 + 0.5) / MAP as f64;
        (0..MAP)
            .map(|i| low * (1.0 - at(i)) + high * at(i))
            .collect()
    };
    let (x, y) = (
        middles(range(solution, across)),
        middles(range(solution, up)),
    );
    let xs: Vec<f64> = x
        .iter()
        .flat_map(|v| std::iter::repeat_n(*v, MAP))
        .collect();
    let ys: Vec<f64> = (0..MAP).flat_map(|_| y.iter().copied()).collect();
    let rows = points(solution, &[(across, &xs), (up, &ys)], MAP * MAP);
    let mut out = String::new();
    for (field, label) in solution.fields.iter().enumerate() {
        let title = format!(
            "{label} over {} and {}",
            name(solution, across),
            name(solution, up)
        );
        let map = HeatMap {
            size: size(solution, across, up, timed),
            names: (name(solution, across).into(), name(solution, up).into()),
            ranges: (range(solution, across), range(solution, up)),
            counts: (MAP, MAP),
            values: values(solution, &rows, field)?,
            title: title.clone(),
        };
        let note = others(solution, &[first, second]);
        let drawn = figure(&title, &note, map.svg());
        out.push_str(&row("pair", &[drawn, cuts(solution, across, up, field)?]));
    }
    Ok(out)
}

/// Width and height of a map: in the plane, lengths as they are, within reason.
fn size(solution: &Solution, across: usize, up: usize, timed: bool) -> (f64, f64) {
    let length = |axis| {
        let [low, high] = range(solution, axis);
        high - low
    };
    let ratio = length(up) / length(across);
    if timed || !ratio.is_finite() {
        return HALF;
    }
    let area = HALF.0 - 58.0 - 88.0;
    (HALF.0, (area * ratio).clamp(120.0, 620.0) + 68.0)
}

/// Lines over one coordinate at a few places of the other.
fn cuts(solution: &Solution, across: usize, up: usize, field: usize) -> Result<String> {
    let label = solution.fields.get(field).map_or("", String::as_str);
    let timed = name(solution, across) == TIME;
    let (along, at) = if timed { (up, across) } else { (across, up) };
    let x = spaced(range(solution, along), LINE);
    let mut layers = Vec::new();
    let shares = if timed {
        [0.0, 0.5, 1.0]
    } else {
        [0.25, 0.5, 0.75]
    };
    let [low, high] = range(solution, at);
    let roles = [Role::Guide, Role::Formula, Role::Model];
    for (share, role) in shares.iter().zip(roles).take(TIMES) {
        let here = low * (1.0 - share) + high * share;
        let place = vec![here; x.len()];
        let rows = points(solution, &[(along, &x), (at, &place)], x.len());
        layers.push(Layer::Line {
            role,
            x: x.clone(),
            y: values(solution, &rows, field)?,
            key: format!("{} = {}", name(solution, at), short(here)),
        });
    }
    let title = format!("{label} over {}", name(solution, along));
    let plot = Plot {
        size: HALF,
        x: AxisSpec::linear(name(solution, along)).tight(),
        y: AxisSpec::linear(label),
        right: None,
        layers,
        title: title.clone(),
    };
    Ok(figure(&title, "", plot.svg()))
}
