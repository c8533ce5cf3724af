//! A formula as it is written: with its numbers or with as few digits as matter, and its constants by what they are.

use crate::error::Result;
use crate::expr::{Expr, Function, Node};
use crate::kan::Constant;
use crate::kan::read::compose::Candidates;
use crate::kan::read::library::Library;
use crate::kan::read::sum::Sum;
use crate::kan::symbolic::Fitted;

/// The library that a formula was composed with: fixed edges brought forms of their own, in order.
fn whole_library(library: &Library, edges: &[Candidates]) -> Library {
    let mut whole = library.clone();
    for fit in edges.iter().filter_map(Candidates::fit) {
        if whole.find(&fit.form).is_none()
            && let Some(form) = crate::kan::read::compose::form_of_text(&fit.form)
        {
            whole.add(form);
        }
    }
    whole
}

/// A formula with its numbers, simplified.
pub(in crate::kan) fn written(
    sum: &Sum,
    library: &Library,
    leaves: &[Expr],
    edges: &[Candidates],
) -> Result<Expr> {
    let library = whole_library(library, edges);
    let expr = sum
        .expr(&library, leaves, &mut |n| Expr::number(n.value))?
        .simplify()?;
    powers(&expr)?.simplify()
}

/// `exp(c log(u) + v)` as `u^c exp(v)`: wherever the former exists, the two are the same.
pub(super) fn powers(e: &Expr) -> Result<Expr> {
    let e = e.map(powers)?;
    let Node::Call(Function::Exp, inside) = e.node() else {
        return Ok(e);
    };
    let (mut factors, mut rest) = (Vec::new(), Vec::new());
    for term in inside.terms() {
        match multiple_of_log(&term) {
            Some((c, u)) => factors.push(u.pow(&Expr::number(c))?),
            None => rest.push(term),
        }
    }
    if factors.is_empty() {
        return Ok(e);
    }
    if !rest.is_empty() {
        factors.push(Expr::sum(rest)?.call(Function::Exp)?);
    }
    Expr::product(factors)
}

/// `c` and `u` of `c log(u)` with a number `c`.
fn multiple_of_log(term: &Expr) -> Option<(f64, Expr)> {
    match term.node() {
        Node::Call(Function::Log, u) => Some((1.0, u.clone())),
        Node::Neg(inner) => multiple_of_log(inner).map(|(c, u)| (-c, u)),
        Node::Quotient(a, b) => {
            let by = b.as_number()?;
            multiple_of_log(a).map(|(c, u)| (c / by, u))
        }
        Node::Product(factors) => match factors.as_slice() {
            [c, log] => match log.node() {
                Node::Call(Function::Log, u) => Some((c.as_number()?, u.clone())),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

/// The free constants with their errors.
pub(in crate::kan) fn constants(
    sum: &Sum,
    fit: &Fitted,
    library: &Library,
    names: &[&str],
    edges: &[Candidates],
) -> Vec<Constant> {
    let library = whole_library(library, edges);
    let roles = sum.roles(&library, names, "");
    let free = sum
        .numbers()
        .into_iter()
        .zip(roles)
        .filter(|(n, _)| n.fixed.is_none());
    free.enumerate()
        .map(|(k, (number, name))| Constant {
            name,
            value: number.value,
            std_error: fit.std_errors.as_ref().and_then(|s| s.get(k).copied()),
        })
        .collect()
}

/// The formula with as few significant digits (at least 4) as move no row by more than `allowed`.
pub(super) fn readable(
    expr: &Expr,
    names: &[&str],
    inputs: &[&[f64]],
    values: &[f64],
    allowed: f64,
) -> Result<Expr> {
    let mut trial = vec![0.0; values.len()];
    for digits in 4..16 {
        let rounded = expr.rounded(digits);
        rounded.compile(names)?.evaluate(inputs, &mut trial)?;
        if trial
            .iter()
            .zip(values)
            .all(|(t, v)| (t - v).abs() <= allowed)
        {
            return Ok(rounded);
        }
    }
    Ok(expr.clone())
}
