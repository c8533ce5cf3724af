//! Whether a problem can have one solution: what is refused, and what is only noted.

mod conflict;
mod counts;
mod data;
mod direction;

use super::names::Names;
use super::text::Text;
use super::{Jet, ParameterSpec, Place, Problem, Role, Shape, condition};
use crate::error::{Error, Result};
use crate::expr::Program;
use crate::pinn::points::{Points, Sequence};

/// What the reader knows beside the problem.
pub(super) struct Given<'a> {
    /// Fields and equations of the host; those of integrals follow.
    pub(super) own_fields: usize,
    pub(super) own_equations: usize,
    pub(super) names: &'a Names,
    pub(super) equations: &'a [Text],
    /// Texts of the first conditions; those of integrals follow.
    pub(super) drafts: &'a [&'a Text],
    /// Per condition, whether it may disagree with others.
    pub(super) jumps: &'a [bool],
    /// Places where nothing is asked on purpose.
    pub(super) free: &'a [Place],
}

/// Checks a problem and writes its notes.
pub(super) fn check(problem: &mut Problem, given: &Given<'_>) -> Result<()> {
    let mut notes = Vec::new();
    parameters(problem, given, &mut notes)?;
    fields(problem, given, &mut notes)?;
    places(problem, given)?;
    data::check(problem, &mut notes)?;
    problem.eigen = eigen(problem, given)?;
    let surplus = counts::check(problem, given, &mut notes)?;
    if let Some(unknown) = problem.unknowns.first()
        && problem.spec.data.is_none()
        && problem.eigen.is_none()
        && !surplus
    {
        return Err(Error::invalid(
            format!("parameters.{}", unknown.name),
            "unknown",
            "`data`, or more conditions than the equations need, that tell it",
        ));
    }
    direction::check(problem, given)?;
    direction::inflow(problem, given)?;
    conflict::check(problem, given, &mut notes)?;
    problem.notes = notes;
    Ok(())
}

/// The text of a condition, for errors.
fn refuse(given: &Given<'_>, condition: usize, problem: &Problem, expected: String) -> Error {
    match given.drafts.get(condition) {
        Some(text) => text.refuse(expected),
        None => {
            let said = problem.conditions.get(condition);
            Error::invalid(
                "conditions",
                said.map_or("", |c| &c.residual.text),
                expected,
            )
        }
    }
}

fn parameters(problem: &Problem, given: &Given<'_>, notes: &mut Vec<String>) -> Result<()> {
    let residuals = || {
        let conditions = problem.conditions.iter().map(|c| &c.residual);
        problem.equations.iter().chain(conditions)
    };
    for (k, unknown) in problem.unknowns.iter().enumerate() {
        if !residuals().any(|r| r.by_unknown.iter().any(|(at, _)| *at == k)) {
            return Err(Error::invalid(
                format!("parameters.{}", unknown.name),
                "unknown",
                "a parameter that an equation or condition depends on",
            ));
        }
    }
    for c in problem
        .coordinates
        .iter()
        .filter(|c| c.role == Role::Parameter)
    {
        if !residuals().any(|r| r.formula.names().contains(&c.name)) {
            return Err(Error::invalid(
                format!("parameters.{}", c.name),
                format!("{} to {}", c.range[0], c.range[1]),
                "a parameter that an equation or condition depends on",
            ));
        }
    }
    let mut words: std::collections::BTreeSet<String> = std::collections::BTreeSet::new();
    let texts = given.equations.iter().chain(given.drafts.iter().copied());
    words.extend(texts.flat_map(|t| t.words()).map(|w| w.name));
    let formulas = problem.spec.parameters.values().filter_map(|p| match p {
        ParameterSpec::Text(text) => Some(text),
        _ => None,
    });
    let shapes = problem
        .spec
        .domain
        .shape
        .iter()
        .chain(&problem.spec.domain.holes);
    let shapes = shapes.filter_map(|s| match s {
        Shape::Below(text) => Some(text),
        _ => None,
    });
    for text in formulas.chain(shapes) {
        if let Ok(text) = Text::new(String::new(), text) {
            words.extend(text.words().into_iter().map(|w| w.name));
        }
    }
    for name in given.names.known.keys().filter(|n| !words.contains(*n)) {
        notes.push(format!("parameter `{name}` is not used"));
    }
    Ok(())
}

fn fields(problem: &Problem, given: &Given<'_>, notes: &mut Vec<String>) -> Result<()> {
    let own = problem.fields.get(..given.own_fields).unwrap_or(&[]);
    let (fields, equations) = (own.len(), given.own_equations);
    if equations < fields {
        let message = format!(
            "{equations} equation{} for {fields} fields ({})",
            if equations == 1 { "" } else { "s" },
            own.join(", ")
        );
        if problem.spec.data.is_none() {
            return Err(Error::invalid(
                "equations",
                message,
                "as many equations as fields, or `data`; give a name that is no field a value in `parameters`",
            ));
        }
        notes.push(format!("{message}: the data must tell the rest"));
    }
    if equations > fields {
        notes.push(format!(
            "{equations} equations for {fields} fields: solved in the sense of least squares"
        ));
    }
    for (field, name) in own.iter().enumerate() {
        let plain = |r: &super::Residual| {
            r.by_jet.iter().any(|(k, _)| {
                let jet = problem.jets.get(*k);
                jet.is_some_and(|j| j.field == field && j.order.iter().all(|o| *o == 0))
            })
        };
        let periodic_only = !problem.equations.iter().any(plain)
            && !problem.conditions.iter().any(|c| plain(&c.residual));
        let measured = problem.spec.data.iter().any(|d| d.fields.contains(name));
        if periodic_only && !measured && problem.eigen.is_none() {
            notes.push(format!(
                "`{name}` is determined up to a constant only: give it a value at one point"
            ));
        }
    }
    Ok(())
}

/// Every place is a part of the domain.
fn places(problem: &Problem, given: &Given<'_>) -> Result<()> {
    let mut sequence = Sequence::new(problem.coordinates.len(), 1);
    for (k, c) in problem.conditions.iter().enumerate() {
        match &c.place {
            Place::Point(at) if !problem.domain.contains(at)? => {
                return Err(match given.drafts.get(k) {
                    Some(text) => condition::off(text, at),
                    None => Error::invalid("conditions", &c.residual.text, "a point of the domain"),
                });
            }
            Place::Part(part) if problem.domain.measure(*part) <= 0.0 => {
                return Err(refuse(
                    given,
                    k,
                    problem,
                    "a part of the boundary; this one has no length".into(),
                ));
            }
            Place::Boundary if problem.domain.edges() == 0 => {
                return Err(refuse(
                    given,
                    k,
                    problem,
                    "a place: without space coordinates there is no boundary".into(),
                ));
            }
            Place::Periodic { axis } => {
                let c = problem.coordinates.get(*axis);
                let space = c.is_some_and(|c| c.role == Role::Space);
                if c.is_some_and(|c| c.role == Role::Parameter) {
                    return Err(refuse(
                        given,
                        k,
                        problem,
                        "a coordinate, no parameter".into(),
                    ));
                }
                if space && !problem.domain.is_box() && problem.domain.shape.is_some() {
                    return Err(refuse(
                        given,
                        k,
                        problem,
                        "a box as domain where it is periodic".into(),
                    ));
                }
            }
            Place::Face { .. } | Place::Edge(_)
                if !problem.domain.is_box()
                    && problem.domain.on(&c.place, 1, &mut sequence).is_err() =>
            {
                return Err(refuse(given, k, problem, "a place in the domain".into()));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The unknown parameter of a steady eigenproblem: homogeneous and linear in the fields once it is known.
fn eigen(problem: &Problem, given: &Given<'_>) -> Result<Option<usize>> {
    if problem.unknowns.len() != 1
        || problem.spec.data.is_some()
        || problem
            .time()
            .is_some_and(|_| problem.coordinates.len() > 1)
        || given.own_fields != problem.fields.len()
    {
        return Ok(None);
    }
    let jets: Vec<String> = problem
        .symbols()
        .into_iter()
        .skip(problem.coordinates.len())
        .take(problem.jets.len())
        .collect();
    let conditions = problem.conditions.iter().map(|c| &c.residual);
    for residual in problem.equations.iter().chain(conditions) {
        let mut rest = residual.formula.clone();
        for jet in &jets {
            let slope = residual.formula.differentiate(jet)?;
            if jets.iter().any(|j| {
                slope.names().contains(j) || slope.derivatives().iter().any(|d| d.to_string() == *j)
            }) {
                return Ok(None);
            }
            rest = rest.substitute(jet, &crate::expr::Expr::number(0.0))?;
        }
        if rest.simplify()?.as_number() != Some(0.0) {
            return Ok(None);
        }
    }
    let of_equations = problem.equations.iter().any(|e| !e.by_unknown.is_empty());
    Ok(of_equations.then_some(0))
}

/// The values of a program of a residual at points, all jets having one value.
fn values(problem: &Problem, program: &Program, points: &Points, jet: f64) -> Result<Vec<f64>> {
    let n = points.len();
    let jets = vec![jet; n];
    let zeros = vec![0.0; n];
    let unknowns: Vec<Vec<f64>> = problem.unknowns.iter().map(|u| vec![u.start; n]).collect();
    let functions = problem.functions_at(points)?;
    let mut arguments: Vec<&[f64]> = points.columns().collect();
    arguments.extend(problem.jets.iter().map(|_| jets.as_slice()));
    arguments.extend(unknowns.iter().map(Vec::as_slice));
    arguments.extend(problem.coordinates.iter().map(|_| zeros.as_slice()));
    arguments.extend(functions.iter().map(Vec::as_slice));
    let mut out = vec![0.0; n];
    program.evaluate(&arguments, &mut out)?;
    Ok(out)
}

/// The plain field of a jet without derivatives.
fn plain(problem: &Problem, jet: usize) -> Option<usize> {
    let Jet { field, order } = problem.jets.get(jet)?;
    order.iter().all(|o| *o == 0).then_some(*field)
}
