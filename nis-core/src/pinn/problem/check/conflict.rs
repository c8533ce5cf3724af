//! Conditions that ask for different values where they meet.

use super::{Given, plain, refuse, values};
use crate::error::Result;
use crate::pinn::points::{Points, Sequence};
use crate::pinn::problem::{Place, Problem, Residual, Role};

/// Points per meeting place.
const POINTS: usize = 9;

/// Most conditions per field that are compared with each other.
const MAX_COMPARED: usize = 64;

/// Differences, relative to the largest value, over which a conflict is noted and refused.
const NOTED: f64 = 1e-9;
const REFUSED: f64 = 1e-3;

/// Conditions that give a field a value, as `(condition, field)`.
fn given_values(problem: &Problem) -> Vec<(usize, usize)> {
    let conditions = problem.conditions.iter().enumerate();
    conditions
        .filter_map(|(k, c)| match c.residual.by_jet.as_slice() {
            [(jet, _)] if c.residual.by_unknown.is_empty() && c.residual.linear => {
                Some((k, plain(problem, *jet)?))
            }
            _ => None,
        })
        .collect()
}

pub(super) fn check(problem: &Problem, given: &Given<'_>, notes: &mut Vec<String>) -> Result<()> {
    let all = given_values(problem);
    for field in 0..given.own_fields {
        let own: Vec<usize> = all
            .iter()
            .filter(|(_, f)| *f == field)
            .map(|(k, _)| *k)
            .collect();
        if own.len() > MAX_COMPARED {
            notes.push(format!(
                "over {MAX_COMPARED} conditions for `{}`: whether they agree where they meet was not checked",
                problem.fields.get(field).map_or("", String::as_str)
            ));
            continue;
        }
        for (n, a) in own.iter().enumerate() {
            for b in own.iter().skip(n + 1) {
                pair(problem, given, [*a, *b], notes)?;
            }
            wrapped(problem, given, *a)?;
        }
    }
    Ok(())
}

/// The value that a condition gives its field at points.
fn value(problem: &Problem, residual: &Residual, points: &Points) -> Result<Vec<f64>> {
    let Some((_, slope)) = residual.by_jet.first() else {
        return Ok(Vec::new());
    };
    let rest = values(problem, &residual.value, points, 0.0)?;
    let slopes = values(problem, slope, points, 0.0)?;
    Ok(rest.iter().zip(&slopes).map(|(r, s)| 0.0 - r / s).collect())
}

/// Largest absolute value that a condition asks for on its own place.
fn scale(problem: &Problem, condition: usize) -> Result<f64> {
    let Some(c) = problem.conditions.get(condition) else {
        return Ok(0.0);
    };
    let mut sequence = Sequence::new(problem.coordinates.len(), 5);
    let surface = problem.domain.on(&c.place, 4 * POINTS, &mut sequence)?;
    let found = value(problem, &c.residual, &surface.points)?;
    Ok(found
        .iter()
        .map(|v| v.abs())
        .filter(|v| v.is_finite())
        .fold(0.0, f64::max))
}

fn pair(
    problem: &Problem,
    given: &Given<'_>,
    [a, b]: [usize; 2],
    notes: &mut Vec<String>,
) -> Result<()> {
    let (Some(first), Some(second)) = (problem.conditions.get(a), problem.conditions.get(b)) else {
        return Ok(());
    };
    let marked = |k: usize| given.jumps.get(k).copied().unwrap_or(false);
    if marked(a) || marked(b) {
        return Ok(());
    }
    let mut worst: Option<(f64, Vec<f64>, [f64; 2])> = None;
    for points in meeting(problem, &first.place, &second.place)? {
        let (x, y) = (
            value(problem, &first.residual, &points)?,
            value(problem, &second.residual, &points)?,
        );
        for (i, (x, y)) in x.iter().zip(&y).enumerate() {
            let gap = (x - y).abs();
            if worst.as_ref().is_none_or(|(w, ..)| gap > *w) {
                let at = points
                    .columns()
                    .map(|c| c.get(i).copied().unwrap_or(f64::NAN));
                worst = Some((gap, at.collect(), [*x, *y]));
            }
        }
    }
    let Some((gap, at, [x, y])) = worst else {
        return Ok(());
    };
    let scale = scale(problem, a)?.max(scale(problem, b)?);
    let names = problem.coordinates.iter().zip(&at);
    let place: Vec<String> = names.map(|(c, v)| format!("{} = {v}", c.name)).collect();
    let place = place.join(", ");
    if gap > REFUSED * scale {
        let expected = format!(
            "{y} at {place}, as `{}` says, not {x}; where the jump is meant, end one of them with `with jump`",
            second.residual.text
        );
        return Err(refuse(given, a, problem, expected));
    }
    if gap > NOTED * scale {
        notes.push(format!(
            "`{}` and `{}` differ by {gap:.1e} at {place}",
            first.residual.text, second.residual.text
        ));
    }
    Ok(())
}

/// What fixed coordinates a place has; `None` for parts of a boundary.
fn fixed(place: &Place) -> Option<Vec<(usize, f64)>> {
    match place {
        Place::Face { axis, value } => Some(vec![(*axis, *value)]),
        Place::Edge(fixed) => Some(fixed.clone()),
        Place::Point(at) => Some(at.iter().copied().enumerate().collect()),
        Place::Boundary | Place::Part(_) | Place::Periodic { .. } => None,
    }
}

/// Points where two places meet, in one or more sets.
fn meeting(problem: &Problem, a: &Place, b: &Place) -> Result<Vec<Points>> {
    let mut sequence = Sequence::new(problem.coordinates.len(), 7);
    let space = |axis: usize| {
        problem
            .coordinates
            .get(axis)
            .is_some_and(|c| c.role == Role::Space)
    };
    match (fixed(a), fixed(b)) {
        (Some(x), Some(y)) => {
            let mut all = x.clone();
            for (axis, v) in y {
                match x.iter().find(|(k, _)| *k == axis) {
                    Some((_, w)) if *w != v => return Ok(Vec::new()),
                    Some(_) => {}
                    None => all.push((axis, v)),
                }
            }
            let place = if all.len() == problem.coordinates.len() {
                all.sort_by_key(|(axis, _)| *axis);
                Place::Point(all.into_iter().map(|(_, v)| v).collect())
            } else {
                Place::Edge(all)
            };
            if let Place::Point(at) = &place
                && !problem.domain.contains(at)?
            {
                return Ok(Vec::new());
            }
            // On a shape the places may not meet at all.
            let found = problem.domain.on(&place, POINTS, &mut sequence);
            Ok(found.map(|s| vec![s.points]).unwrap_or_default())
        }
        (Some(x), None) => boundary(problem, b, &x, &mut sequence, &space),
        (None, Some(y)) => boundary(problem, a, &y, &mut sequence, &space),
        (None, None) => {
            let part = match (a, b) {
                (Place::Boundary, part @ (Place::Boundary | Place::Part(_)))
                | (part @ Place::Part(_), Place::Boundary) => part,
                (Place::Part(k), Place::Part(l)) if k == l => a,
                _ => return Ok(Vec::new()),
            };
            Ok(vec![problem.domain.on(part, POINTS, &mut sequence)?.points])
        }
    }
}

/// Where a boundary meets a place with fixed coordinates.
fn boundary(
    problem: &Problem,
    boundary: &Place,
    fixed: &[(usize, f64)],
    sequence: &mut Sequence,
    space: &dyn Fn(usize) -> bool,
) -> Result<Vec<Points>> {
    if matches!(boundary, Place::Periodic { .. }) {
        return Ok(Vec::new());
    }
    if fixed.iter().all(|(axis, _)| !space(*axis)) {
        let mut points = problem.domain.on(boundary, POINTS, sequence)?.points;
        for (axis, value) in fixed {
            points.column_mut(*axis).fill(*value);
        }
        return Ok(vec![points]);
    }
    let mut out = Vec::new();
    if problem.domain.is_box() && *boundary == Place::Boundary {
        for (axis, c) in problem
            .coordinates
            .iter()
            .enumerate()
            .filter(|(k, _)| space(*k))
        {
            for value in c.range {
                let face = Place::Face { axis, value };
                let other = match fixed {
                    [(axis, value)] => Place::Face {
                        axis: *axis,
                        value: *value,
                    },
                    many if many.len() == problem.coordinates.len() => {
                        Place::Point(many.iter().map(|(_, v)| *v).collect())
                    }
                    many => Place::Edge(many.to_vec()),
                };
                out.extend(meeting(problem, &face, &other)?);
            }
        }
    }
    Ok(out)
}

/// Values that differ at both ends of a periodic coordinate.
fn wrapped(problem: &Problem, given: &Given<'_>, condition: usize) -> Result<()> {
    let Some(c) = problem.conditions.get(condition) else {
        return Ok(());
    };
    let Some(own) = fixed(&c.place) else {
        return Ok(());
    };
    for other in &problem.conditions {
        let Place::Periodic { axis } = other.place else {
            continue;
        };
        let Some([low, high]) = problem.coordinates.get(axis).map(|c| c.range) else {
            continue;
        };
        if own.iter().any(|(k, _)| *k == axis) || given.jumps.get(condition) == Some(&true) {
            continue;
        }
        let mut sequence = Sequence::new(problem.coordinates.len(), 9);
        let mut points = problem.domain.on(&c.place, POINTS, &mut sequence)?.points;
        points.column_mut(axis).fill(low);
        let first = value(problem, &c.residual, &points)?;
        points.column_mut(axis).fill(high);
        let second = value(problem, &c.residual, &points)?;
        let scale = scale(problem, condition)?;
        let gaps = first.iter().zip(&second).map(|(a, b)| (a - b).abs());
        if let Some(gap) = gaps.into_iter().find(|g| *g > REFUSED * scale) {
            let name = problem.coordinates.get(axis).map_or("", |c| &c.name);
            return Err(refuse(
                given,
                condition,
                problem,
                format!(
                    "the same values at {name} = {low} and {name} = {high}, as `{}` says (they differ by {gap:.1e}); where the jump is meant, end it with `with jump`",
                    other.residual.text
                ),
            ));
        }
    }
    Ok(())
}
