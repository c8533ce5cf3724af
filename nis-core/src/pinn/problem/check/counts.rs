//! As many conditions as the orders of the derivatives ask for, and at the right end of time.

use super::Given;
use crate::error::{Error, Result};
use crate::pinn::problem::{Place, Problem, Role, condition};

/// The order of a field's derivatives by an axis in the equations.
fn order(problem: &Problem, field: usize, axis: usize) -> u8 {
    let used = problem.equations.iter().flat_map(|e| &e.by_jet);
    used.filter_map(|(jet, _)| problem.jets.get(*jet))
        .filter(|j| j.field == field)
        .filter_map(|j| j.order.get(axis).copied())
        .max()
        .unwrap_or(0)
}

/// Orders of derivatives by an axis of a field that a condition contains.
pub(super) fn asked(problem: &Problem, condition: usize, field: usize, axis: usize) -> Vec<u8> {
    let residual = problem.conditions.get(condition).map(|c| &c.residual);
    let jets = residual.map_or(&[][..], |r| &r.by_jet).iter();
    jets.filter_map(|(jet, _)| problem.jets.get(*jet))
        .filter(|j| j.field == field)
        .filter_map(|j| j.order.get(axis).copied())
        .collect()
}

/// Checks the numbers of conditions. Whether there are more than the equations need.
pub(super) fn check(problem: &Problem, given: &Given<'_>, notes: &mut Vec<String>) -> Result<bool> {
    let own = condition::own(&problem.coordinates).len();
    if own == 1 {
        return ordinary(problem, given, notes);
    }
    let mut surplus = interior(problem, given);
    for field in 0..given.own_fields {
        for (axis, c) in problem.coordinates.iter().enumerate() {
            match c.role {
                Role::Time => surplus |= initial(problem, given, field, axis, notes)?,
                Role::Space => surplus |= boundary(problem, given, field, axis, notes)?,
                Role::Parameter => {}
            }
        }
    }
    Ok(surplus)
}

/// Whether conditions stand at places inside the domain.
fn interior(problem: &Problem, given: &Given<'_>) -> bool {
    let ends = |axis: usize, v: f64| {
        problem
            .coordinates
            .get(axis)
            .is_some_and(|c| c.range.contains(&v))
    };
    let own = problem.conditions.iter().take(given.drafts.len());
    own.into_iter().any(|c| match &c.place {
        Place::Face { axis, value } => !ends(*axis, *value),
        Place::Edge(fixed) => fixed.iter().all(|(axis, v)| !ends(*axis, *v)),
        Place::Point(at) => at.iter().enumerate().all(|(axis, v)| !ends(axis, *v)),
        _ => false,
    })
}

fn name(problem: &Problem, field: usize) -> &str {
    problem.fields.get(field).map_or("", String::as_str)
}

/// The text of the first equation with the highest derivative of a field by an axis.
fn equation_of<'a>(
    given: &Given<'a>,
    problem: &Problem,
    field: usize,
    axis: usize,
) -> Option<&'a crate::pinn::problem::text::Text> {
    let highest = order(problem, field, axis);
    let at = problem.equations.iter().position(|e| {
        e.by_jet.iter().any(|(k, _)| {
            problem
                .jets
                .get(*k)
                .is_some_and(|j| j.field == field && j.order.get(axis) == Some(&highest))
        })
    });
    given.equations.get(at?)
}

fn ordinary(problem: &Problem, given: &Given<'_>, notes: &mut Vec<String>) -> Result<bool> {
    let (Some(c), fields) = (problem.coordinates.first(), given.own_fields) else {
        return Ok(false);
    };
    let orders: Vec<u8> = (0..fields).map(|f| order(problem, f, 0)).collect();
    let needed: usize = orders.iter().map(|o| usize::from(*o)).sum();
    let own = problem
        .conditions
        .iter()
        .enumerate()
        .take(given.drafts.len());
    let have: usize = own
        .map(|(_, c)| match c.place {
            Place::Periodic { .. } => needed,
            Place::Boundary => 2,
            _ => 1,
        })
        .sum::<usize>()
        + given.free.len();
    if have < needed && problem.spec.data.is_none() {
        let missing: Vec<String> = (0..fields)
            .flat_map(|f| (0..orders.get(f).copied().unwrap_or(0)).map(move |o| (f, o)))
            .filter(|(f, o)| !(0..given.drafts.len()).any(|k| asked(problem, k, *f, 0).contains(o)))
            .map(|(f, o)| {
                let start = c.range[0];
                format!(
                    "`{}{}({start}) = ...`",
                    name(problem, f),
                    "'".repeat(usize::from(o))
                )
            })
            .collect();
        let listed: Vec<String> = orders
            .iter()
            .enumerate()
            .filter(|(_, o)| **o > 0)
            .map(|(f, o)| format!("{} of order {o}", name(problem, f)))
            .collect();
        let kind = if c.role == Role::Time {
            "initial condition"
        } else {
            "condition"
        };
        let more = match missing.is_empty() {
            true => format!("or `free at {}={}` where none is meant", c.name, c.range[0]),
            false => format!("such as {}", missing.join(", ")),
        };
        return Err(Error::invalid(
            "conditions",
            format!("{have} for {}", listed.join(", ")),
            format!("{needed}; a missing {kind}: {more}"),
        ));
    }
    if have < needed {
        notes.push(format!(
            "{have} conditions for {needed} orders: the data must tell the rest"
        ));
    }
    if have > needed + problem.unknowns.len() {
        notes.push(format!("{have} conditions where the equations need {needed}: they hold in the sense of least squares"));
    }
    Ok(have > needed)
}

fn initial(
    problem: &Problem,
    given: &Given<'_>,
    field: usize,
    axis: usize,
    notes: &mut Vec<String>,
) -> Result<bool> {
    let needed = order(problem, field, axis);
    let Some([low, high]) = problem.coordinates.get(axis).map(|c| c.range) else {
        return Ok(false);
    };
    let (mut orders, mut ends, mut periodic) = (Vec::new(), Vec::new(), false);
    for (k, c) in problem.conditions.iter().enumerate() {
        match &c.place {
            Place::Face { axis: a, value } if *a == axis => {
                let found = asked(problem, k, field, axis);
                if !found.is_empty() {
                    ends.push(*value);
                }
                orders.extend(found);
            }
            Place::Periodic { axis: a } => periodic |= *a == axis,
            _ => {}
        }
    }
    let free = given
        .free
        .iter()
        .any(|p| matches!(p, Place::Face { axis: a, .. } if *a == axis));
    let missing: Vec<u8> = (0..needed).filter(|o| !orders.contains(o)).collect();
    // Two values at two times stand for a value and a slope; whether that is well posed, the host must know.
    let elsewhere = ends.len() >= usize::from(needed) && ends.iter().any(|e| *e != low);
    if !missing.is_empty() && !periodic && !free && !elsewhere {
        let arguments = |at: f64| {
            let own = condition::own(&problem.coordinates);
            let names: Vec<String> = own
                .iter()
                .map(|c| {
                    if c.role == Role::Time {
                        at.to_string()
                    } else {
                        c.name.clone()
                    }
                })
                .collect();
            names.join(",")
        };
        let texts: Vec<String> = missing
            .iter()
            .map(|o| {
                let letter = problem.coordinates.get(axis).map_or("t", |c| &c.name);
                let slope = if *o == 0 {
                    String::new()
                } else {
                    format!("_{}", letter.repeat(usize::from(*o)))
                };
                format!(
                    "`{}{slope}({}) = ...`",
                    name(problem, field),
                    arguments(low)
                )
            })
            .collect();
        let text = format!(
            "{needed} initial condition{} for `{}`; missing: {}",
            if needed == 1 { "" } else { "s" },
            name(problem, field),
            texts.join(", ")
        );
        if problem.spec.data.is_none() {
            let host =
                equation_of(given, problem, field, axis).map_or(String::new(), |t| t.host.clone());
            return Err(Error::invalid(
                "conditions",
                format!("{} for {host}", orders.len()),
                text,
            ));
        }
        notes.push(format!("{text}; the data must tell it"));
    }
    if elsewhere && needed > 1 && ends.contains(&high) {
        notes.push(format!(
            "`{}` has conditions at both ends of time",
            name(problem, field)
        ));
    }
    Ok(orders.len() > usize::from(needed))
}

/// Number of conditions for a field along an axis, and per end.
fn along(
    problem: &Problem,
    given: &Given<'_>,
    field: usize,
    axis: usize,
    needed: usize,
) -> (usize, [usize; 2]) {
    let Some([low, high]) = problem.coordinates.get(axis).map(|c| c.range) else {
        return (0, [0; 2]);
    };
    let mut ends = [0; 2];
    let mut inside = 0;
    let mut add = |place: &Place, weight: usize| match place {
        Place::Face { axis: a, value } if *a == axis => {
            if *value == low {
                ends[0] += weight;
            } else if *value == high {
                ends[1] += weight;
            } else {
                inside += weight;
            }
        }
        Place::Boundary => ends = [ends[0] + weight, ends[1] + weight],
        Place::Periodic { axis: a } if *a == axis => inside += needed,
        Place::Part(part) if problem.domain.is_box() => {
            // Sides of a box: bottom, right, top, left; in space low and high per axis.
            let space = problem
                .coordinates
                .iter()
                .filter(|c| c.role == Role::Space)
                .count();
            let side = match (space, part) {
                (2, 0) => (1, 0),
                (2, 1) => (0, 1),
                (2, 2) => (1, 1),
                (2, 3) => (0, 0),
                (_, k) => (k / 2, k % 2),
            };
            if side.0 == axis {
                ends[side.1] += weight;
            }
        }
        _ => {}
    };
    for (k, c) in problem.conditions.iter().enumerate() {
        let periodic = matches!(c.place, Place::Periodic { .. });
        if periodic || !asked(problem, k, field, axis).is_empty() {
            add(&c.place, 1);
        }
    }
    for place in given.free {
        add(place, needed);
    }
    (ends[0] + ends[1] + inside, ends)
}

fn boundary(
    problem: &Problem,
    given: &Given<'_>,
    field: usize,
    axis: usize,
    notes: &mut Vec<String>,
) -> Result<bool> {
    let needed = usize::from(order(problem, field, axis));
    let Some(c) = problem.coordinates.get(axis) else {
        return Ok(false);
    };
    if needed == 0 {
        return Ok(false);
    }
    let field_name = name(problem, field);
    let told = problem.spec.data.is_some();
    let host =
        || equation_of(given, problem, field, axis).map_or(String::new(), |t| t.host.clone());
    if !problem.domain.is_box() && (problem.domain.shape.is_some() || problem.domain.edges() > 0) {
        return parts(problem, given, field, axis, notes);
    }
    let (have, ends) = along(problem, given, field, axis, needed);
    if have < needed {
        let side = if ends[0] == 0 { c.range[0] } else { c.range[1] };
        let expected = format!(
            "{needed} conditions for `{field_name}` along {0}, where its derivatives are of order {needed}; add one such as `{field_name} = 0 at {0}={side}`, or `free at {0}={side}` where none is meant",
            c.name
        );
        // Fields of first order, such as a pressure, may be told by the other equations.
        if needed == 1 && (given.own_fields > 1 || have == 0) {
            if have == 0 {
                notes.push(format!("no condition for `{field_name}` along {}", c.name));
            }
        } else if told {
            notes.push(format!("{have} of {expected}: the data must tell the rest"));
        } else {
            return Err(Error::invalid(
                "conditions",
                format!("{have} for {}", host()),
                expected,
            ));
        }
    }
    let one_end = needed == 2 && have == 2 && ends.contains(&2);
    if let (true, Some(own)) = (one_end, problem.coordinates.get(axis)) {
        let end = if ends[0] == 2 {
            own.range[0]
        } else {
            own.range[1]
        };
        notes.push(format!(
            "both conditions for `{field_name}` along {0} stand at {0} = {end}: ill-posed but for waves along {0}",
            own.name
        ));
    }
    if have > needed && needed > 1 {
        notes.push(format!(
            "{have} conditions for `{field_name}` along {}, where its derivatives are of order {needed}: they hold in the sense of least squares",
            c.name
        ));
    }
    Ok(have > needed && needed > 1)
}

/// On a shape every part of the boundary needs a condition for a field of second order.
fn parts(
    problem: &Problem,
    given: &Given<'_>,
    field: usize,
    axis: usize,
    notes: &mut Vec<String>,
) -> Result<bool> {
    let first = problem
        .coordinates
        .iter()
        .position(|c| c.role == Role::Space);
    let second = problem
        .coordinates
        .iter()
        .enumerate()
        .any(|(k, c)| c.role == Role::Space && order(problem, field, k) > 1);
    if Some(axis) != first || !second {
        return Ok(false);
    }
    let places = problem.conditions.iter().enumerate();
    let places = places
        .filter(|(k, _)| !asked(problem, *k, field, axis).is_empty())
        .map(|(_, c)| &c.place)
        .chain(given.free);
    let places: Vec<&Place> = places.collect();
    let loose = places.iter().any(|p| {
        let space = |axis: &usize| {
            problem
                .coordinates
                .get(*axis)
                .is_some_and(|c| c.role == Role::Space)
        };
        match p {
            Place::Boundary => true,
            // Which edges a line covers is not worked out.
            Place::Face { axis, .. } | Place::Periodic { axis } => space(axis),
            _ => false,
        }
    });
    if loose {
        return Ok(false);
    }
    let (edges, all) = (
        problem.domain.edges(),
        problem.domain.edges() + problem.domain.holes.len(),
    );
    let open = (0..all).find(|k| {
        problem.domain.measure(*k) > 0.0 && !places.iter().any(|p| **p == Place::Part(*k))
    });
    if let Some(k) = open {
        let part = if k < edges {
            format!("edge {}", k + 1)
        } else {
            format!("hole {}", k - edges + 1)
        };
        let field_name = name(problem, field);
        let expected = format!(
            "a condition for `{field_name}` on every part of the boundary; add one such as `{field_name} = 0 on {part}`, or `free on {part}` where none is meant"
        );
        if problem.spec.data.is_none() {
            let host = equation_of(given, problem, field, axis).map_or("", |t| t.host.as_str());
            return Err(Error::invalid(
                "conditions",
                format!("none on {part} for {host}"),
                expected,
            ));
        }
        notes.push(format!("none on {part}: {expected}"));
    }
    Ok(false)
}
