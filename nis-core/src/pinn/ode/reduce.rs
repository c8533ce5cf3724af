//! From a problem in one coordinate to a system solved for its highest derivatives.

use super::super::problem::{Jet, Problem, Role};
use super::system::{Field, MAX_COMPONENTS, MAX_DERIVATIVE, OdeSystem, symbol};
use crate::error::{Error, Result};
use crate::expr::{By, Derivative, Expr};

/// Equations that may be coupled in their highest derivatives: each elimination makes the formulas longer.
const MAX_COUPLED: usize = 6;

/// Reads the equations of a problem as a system of ordinary differential equations.
///
/// # Errors
/// [`Error::InvalidInput`] says why the problem is none: several coordinates, a field without derivative, highest
/// derivatives that do not stand linearly or are not determined.
pub(in super::super) fn reduce(problem: &Problem) -> Result<OdeSystem> {
    let refuse = |got: String, expected: &str| Err(Error::invalid("method", got, expected));
    let [time] = problem.coordinates.as_slice() else {
        return refuse(
            format!(
                "integrate, with coordinates {}",
                problem.coordinates().join(", ")
            ),
            "a problem in one coordinate (ordinary differential equations) for step-by-step integration",
        );
    };
    if time.role == Role::Parameter {
        return refuse(
            format!("integrate, with the ranged parameter {}", time.name),
            "a problem in a coordinate of space or time",
        );
    }
    if let Some(function) = problem.functions.first() {
        return refuse(
            format!("integrate, with the function {} of the host", function.name),
            "equations and conditions as formulas for step-by-step integration",
        );
    }
    if problem.equations.len() != problem.fields.len() {
        return refuse(
            format!(
                "integrate, with {} equations for {} fields",
                problem.equations.len(),
                problem.fields.len()
            ),
            "one equation per field",
        );
    }
    let order = |jet: &Jet| u32::from(jet.order.first().copied().unwrap_or(0));
    let orders: Vec<u32> = (0..problem.fields.len())
        .map(|field| {
            let used = problem.equations.iter().flat_map(|e| &e.by_jet);
            let own = used.filter_map(|(k, _)| problem.jets.get(*k));
            own.filter(|j| j.field == field)
                .map(order)
                .max()
                .unwrap_or(0)
        })
        .collect();
    for (name, order) in problem.fields.iter().zip(&orders) {
        if *order == 0 {
            return refuse(
                format!("integrate, with no derivative of {name}"),
                "a derivative of every field (differential-algebraic systems are not integrated)",
            );
        }
        if *order > MAX_DERIVATIVE {
            return refuse(
                format!("integrate, with derivative {order} of {name}"),
                "derivatives up to order 6",
            );
        }
    }
    let components: u32 = orders.iter().sum();
    if components as usize > MAX_COMPONENTS {
        return Err(Error::Limit {
            what: "components of the system".into(),
            limit: MAX_COMPONENTS as u64,
            got: u64::from(components),
        });
    }
    let spelled = problem.symbols();
    let mut formulas = Vec::new();
    for equation in &problem.equations {
        let mut formula = equation.formula.clone();
        for (k, jet) in problem.jets.iter().enumerate() {
            let (Some(old), Some(name)) = (
                spelled.get(problem.coordinates.len() + k),
                problem.fields.get(jet.field),
            ) else {
                continue;
            };
            if order(jet) > 0 {
                let new = Expr::derivative(Derivative {
                    field: name.clone(),
                    by: By::Primes(order(jet)),
                });
                formula = formula.substitute(old, &new)?;
            }
        }
        formulas.push((equation.text.as_str(), formula));
    }
    let unknowns: Vec<String> = problem
        .fields
        .iter()
        .zip(&orders)
        .map(|(name, order)| symbol(name, *order))
        .collect();
    let solved = solve(&formulas, &unknowns)?;
    let fields = problem
        .fields
        .iter()
        .zip(orders)
        .zip(solved)
        .map(|((name, order), highest)| Field {
            name: name.clone(),
            order,
            highest,
        })
        .collect();
    let parameters = problem.unknowns.iter().map(|u| u.name.clone()).collect();
    Ok(OdeSystem::of_fields(fields, parameters, time.name.clone()))
}

/// Solves formulas that vanish and are linear in the unknowns, by elimination.
fn solve(formulas: &[(&str, Expr)], unknowns: &[String]) -> Result<Vec<Expr>> {
    let n = unknowns.len();
    let zero = Expr::number(0.0);
    let is_zero = |e: &Expr| e.as_number() == Some(0.0);
    // Rows: factors of the unknowns, then the rest with its sign turned.
    let mut rows: Vec<Vec<Expr>> = Vec::new();
    for (text, formula) in formulas {
        let mut row = Vec::new();
        let mut rest = formula.clone();
        for unknown in unknowns {
            let slope = formula.differentiate(unknown)?.simplify()?;
            for other in unknowns {
                if !is_zero(&slope.differentiate(other)?.simplify()?) {
                    return Err(Error::invalid(
                        "equation",
                        text,
                        format!("an equation that is linear in {unknown}"),
                    ));
                }
            }
            row.push(slope);
            rest = rest.substitute(unknown, &zero)?;
        }
        row.push(rest.simplify()?.negated()?);
        rows.push(row);
    }
    let coupled = |row: &Vec<Expr>| row.iter().take(n).filter(|e| !is_zero(e)).count() > 1;
    if n > MAX_COUPLED && rows.iter().any(coupled) {
        return Err(Error::Limit {
            what: "equations coupled in their highest derivatives".into(),
            limit: MAX_COUPLED as u64,
            got: n as u64,
        });
    }
    let mut open: Vec<usize> = (0..rows.len()).collect();
    let mut pivots = vec![0; n];
    for (column, name) in unknowns.iter().enumerate() {
        let entry = |row: usize| rows.get(row).and_then(|r| r.get(column));
        let usable = open
            .iter()
            .copied()
            .filter(|row| entry(*row).is_some_and(|e| !is_zero(e)));
        // A number as pivot can be neither zero nor grow the formulas; then the row with the fewest factors.
        let pivot = usable.min_by_key(|row| {
            let number = entry(*row).is_some_and(|e| e.as_number().is_some());
            let factors = rows
                .get(*row)
                .map_or(0, |r| r.iter().take(n).filter(|e| !is_zero(e)).count());
            (factors, !number)
        });
        let Some(pivot) = pivot else {
            return Err(Error::invalid(
                "equations",
                formulas
                    .iter()
                    .map(|(t, _)| *t)
                    .collect::<Vec<_>>()
                    .join("; "),
                format!("equations that determine {name}"),
            ));
        };
        open.retain(|row| *row != pivot);
        if let Some(place) = pivots.get_mut(column) {
            *place = pivot;
        }
        let Some(chosen) = rows.get(pivot).cloned() else {
            continue;
        };
        let Some(divisor) = chosen.get(column) else {
            continue;
        };
        for (_, entries) in rows.iter_mut().enumerate().filter(|(r, _)| *r != pivot) {
            let Some(factor) = entries.get(column).filter(|e| !is_zero(e)).cloned() else {
                continue;
            };
            let ratio = factor.over(divisor)?.simplify()?;
            for (k, (entry, own)) in entries.iter_mut().zip(&chosen).enumerate() {
                *entry = if k == column {
                    zero.clone()
                } else {
                    entry.minus(&ratio.times(own)?)?.simplify()?
                };
            }
        }
    }
    let mut out = Vec::with_capacity(n);
    for (column, pivot) in pivots.iter().enumerate() {
        let row = rows.get(*pivot);
        let (Some(slope), Some(rest)) =
            (row.and_then(|r| r.get(column)), row.and_then(|r| r.get(n)))
        else {
            return Err(Error::Internal {
                message: "a lost row of the equations".into(),
            });
        };
        out.push(match slope.as_number() {
            Some(1.0) => rest.clone(),
            _ => rest.over(slope)?.simplify()?,
        });
    }
    Ok(out)
}
