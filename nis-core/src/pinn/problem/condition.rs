//! Conditions as text: `u(x,0) = sin(pi*x)`, `u_x(0,t) = 0`, `u + 2*u_x = 1 at x=1`, `periodic x`.

use super::{Coordinate, Place, Role};
use crate::error::{Error, Result};
use crate::expr::Expr;

/// A condition taken apart: the equation's text and where it holds.
pub(super) struct Split {
    pub(super) equation: String,
    pub(super) place: Place,
}

/// Separates the place from the equation.
pub(super) fn split(text: &str, fields: &[String], coordinates: &[Coordinate]) -> Result<Split> {
    if let Some(name) = text.trim().strip_prefix("periodic ") {
        let axis = axis_of(name.trim(), coordinates).ok_or_else(|| {
            Error::invalid("condition", text, "`periodic` and the name of a coordinate")
        })?;
        return Ok(Split {
            equation: String::new(),
            place: Place::Periodic { axis },
        });
    }
    if let Some(equation) = text.trim().strip_suffix(" on boundary") {
        return Ok(Split {
            equation: equation.to_string(),
            place: Place::Boundary,
        });
    }
    if let Some((equation, place)) = text.rsplit_once(" at ") {
        return Ok(Split {
            equation: equation.to_string(),
            place: at(text, place, coordinates)?,
        });
    }
    applied(text, fields, coordinates)
}

fn axis_of(name: &str, coordinates: &[Coordinate]) -> Option<usize> {
    coordinates.iter().position(|c| c.name == name)
}

fn number(text: &str) -> Option<f64> {
    Expr::parse(text)
        .ok()?
        .as_number()
        .filter(|v| v.is_finite())
}

fn at(text: &str, place: &str, coordinates: &[Coordinate]) -> Result<Place> {
    let read = || {
        let (name, value) = place.split_once('=')?;
        Some(Place::Face {
            axis: axis_of(name.trim(), coordinates)?,
            value: number(value)?,
        })
    };
    read().ok_or_else(|| {
        Error::invalid(
            "condition",
            text,
            "after `at` a coordinate, `=` and a number",
        )
    })
}

/// `u(x,0) = ...`: the application on the left says where.
fn applied(text: &str, fields: &[String], coordinates: &[Coordinate]) -> Result<Split> {
    let expected =
        "a field applied to coordinates and numbers, such as `u(x,0) = 1`, or `... at x=1`";
    let bad = || Error::invalid("condition", text, expected);
    let (left, right) = text.split_once('=').ok_or_else(bad)?;
    let (head, rest) = left.split_once('(').ok_or_else(bad)?;
    let (inside, after) = rest.split_once(')').ok_or_else(bad)?;
    let base = head.trim().trim_end_matches('\'');
    let base = fields
        .iter()
        .find(|f| base == f.as_str() || base.starts_with(&format!("{f}_")));
    if base.is_none() || !after.trim().is_empty() {
        return Err(bad());
    }
    let own: Vec<&Coordinate> = coordinates
        .iter()
        .filter(|c| c.role != Role::Parameter)
        .collect();
    let arguments: Vec<&str> = inside.split(',').map(str::trim).collect();
    if arguments.len() != own.len() {
        return Err(Error::invalid(
            "condition",
            text,
            format!("{} arguments", own.len()),
        ));
    }
    let mut fixed = Vec::new();
    for (axis, (argument, coordinate)) in arguments.iter().zip(&own).enumerate() {
        if *argument != coordinate.name {
            fixed.push((axis, number(argument).ok_or_else(bad)?));
        }
    }
    let place = match fixed.as_slice() {
        [(axis, value)] if own.len() > 1 => Place::Face {
            axis: *axis,
            value: *value,
        },
        many if many.len() == own.len() && coordinates.len() == own.len() => {
            Place::Point(many.iter().map(|(_, v)| *v).collect())
        }
        _ => return Err(bad()),
    };
    Ok(Split {
        equation: format!("{head} = {right}"),
        place,
    })
}
