//! Diffusion follows one direction of time; transport carries values in through one side.

use super::counts::asked;
use super::{Given, refuse, values};
use crate::error::{Error, Result};
use crate::pinn::points::Sequence;
use crate::pinn::problem::{Jet, Place, Problem, Role, condition};

/// Refuses diffusion that is asked to run backwards in time.
pub(super) fn check(problem: &Problem, given: &Given<'_>) -> Result<()> {
    let Some(time) = problem
        .time()
        .filter(|_| condition::own(&problem.coordinates).len() > 1)
    else {
        return Ok(());
    };
    let [low, high] = problem.coordinates.get(time).map_or([0.0; 2], |c| c.range);
    let space = |axis: usize| {
        problem
            .coordinates
            .get(axis)
            .is_some_and(|c| c.role == Role::Space)
    };
    let mut sequence = Sequence::new(problem.coordinates.len(), 11);
    for (number, equation) in problem
        .equations
        .iter()
        .enumerate()
        .take(given.own_equations)
    {
        let jets = equation
            .by_jet
            .iter()
            .filter_map(|(k, p)| Some((problem.jets.get(*k)?, p)));
        let in_time: Vec<_> = jets
            .clone()
            .filter(|(j, _)| j.order.get(time) > Some(&0))
            .collect();
        let [(first, rate)] = in_time.as_slice() else {
            continue;
        };
        if first.order.iter().map(|o| u32::from(*o)).sum::<u32>() != 1 {
            continue;
        }
        let own: Vec<_> = jets.filter(|(j, _)| j.field == first.field).collect();
        let in_space = |j: &Jet| -> u32 {
            let orders = j.order.iter().enumerate().filter(|(axis, _)| space(*axis));
            orders.map(|(_, o)| u32::from(*o)).sum()
        };
        if own.iter().any(|(j, _)| in_space(j) > 2) {
            continue;
        }
        let pure: Vec<_> = own
            .iter()
            .filter(|(j, _)| {
                j.order
                    .iter()
                    .enumerate()
                    .any(|(axis, o)| space(axis) && *o == 2)
            })
            .collect();
        let points = problem.domain.interior(16, &mut sequence)?;
        let (mut forward, mut backward) = (0, 0);
        for jet in [0.37, -0.61] {
            let rates = values(problem, rate, &points, jet)?;
            for (_, program) in &pure {
                let spread = values(problem, program, &points, jet)?;
                for (r, s) in rates.iter().zip(&spread) {
                    forward += usize::from(r * s < 0.0);
                    backward += usize::from(r * s > 0.0);
                }
            }
        }
        let wrong = match (forward, backward) {
            (1.., 0) => high,
            (0, 1..) => low,
            _ => continue,
        };
        let other = if wrong == low { high } else { low };
        let at = |end: f64| {
            problem.conditions.iter().enumerate().find(|(k, c)| {
                matches!(c.place, Place::Face { axis, value } if axis == time && value == end)
                    && !asked(problem, *k, first.field, time).is_empty()
            })
        };
        if let (Some((k, _)), None) = (at(wrong), at(other)) {
            let host = given.equations.get(number).map_or("", |t| t.host.as_str());
            let way = if wrong == high {
                "forwards"
            } else {
                "backwards"
            };
            return Err(refuse(
                given,
                k,
                problem,
                format!(
                    "values at t = {other}: `{host}` spreads {way} in time, and following it against that direction is ill-posed"
                ),
            ));
        }
    }
    Ok(())
}

/// Refuses an equation of transport without a condition on the side that values come in through.
pub(super) fn inflow(problem: &Problem, given: &Given<'_>) -> Result<()> {
    let (Some(time), [equation]) = (problem.time(), problem.equations.as_slice()) else {
        return Ok(());
    };
    let jets = equation
        .by_jet
        .iter()
        .filter_map(|(k, p)| Some((problem.jets.get(*k)?, p)));
    let jets: Vec<_> = jets.collect();
    let first_order = jets
        .iter()
        .all(|(j, _)| j.order.iter().map(|o| u32::from(*o)).sum::<u32>() <= 1);
    let by = |axis: usize| {
        jets.iter()
            .find(|(j, _)| j.order.get(axis) == Some(&1))
            .map(|(_, p)| *p)
    };
    let Some(rate) = by(time) else {
        return Ok(());
    };
    if !first_order || !problem.domain.is_box() || problem.spec.data.is_some() {
        return Ok(());
    }
    let mut sequence = Sequence::new(problem.coordinates.len(), 13);
    for (axis, c) in problem
        .coordinates
        .iter()
        .enumerate()
        .filter(|(_, c)| c.role == Role::Space)
    {
        let Some(slope) = by(axis) else { continue };
        for (end, sign) in [(c.range[0], 1.0), (c.range[1], -1.0)] {
            let face = Place::Face { axis, value: end };
            let points = problem.domain.on(&face, 16, &mut sequence)?.points;
            let mut comes_in = true;
            for jet in [0.37, -0.61] {
                let rates = values(problem, rate, &points, jet)?;
                let slopes = values(problem, slope, &points, jet)?;
                comes_in &= rates.iter().zip(&slopes).all(|(r, s)| sign * r * s > 0.0);
            }
            let told = |place: &Place| match place {
                Place::Face { axis: a, value } => *a == axis && *value == end,
                Place::Periodic { axis: a } => *a == axis,
                Place::Boundary | Place::Part(_) => true,
                Place::Edge(_) | Place::Point(_) => false,
            };
            let places = problem
                .conditions
                .iter()
                .map(|c| &c.place)
                .chain(given.free);
            if comes_in && !places.into_iter().any(told) {
                let host = given.equations.first().map_or("", |t| t.host.as_str());
                let field = problem.fields.first().map_or("", String::as_str);
                return Err(Error::invalid(
                    "conditions",
                    format!("none at {} = {end} for {host}", c.name),
                    format!(
                        "one such as `{field} = 0 at {0}={end}`, where values are carried into the domain, or `free at {0}={end}`",
                        c.name
                    ),
                ));
            }
        }
    }
    Ok(())
}
