//! Simplification: like terms, powers of one base, numbers, neutral elements.

use super::node::{Expr, Function, Node};
use crate::error::Result;

impl Expr {
    /// A shorter formula of the same value wherever this one is finite.
    ///
    /// Used: commutativity, `0 x = 0`, `x/x = 1` and `x^0 = 1` (hence the result may exist where this formula
    /// does not), `x^m x^n = x^(m+n)` and `(x^m)^n = x^(mn)` for integer exponents, `log(exp(x)) = x`. Not
    /// used, because they fail for some reals: `sqrt(x^2) = x`, `exp(log(x)) = x`, `(x^a)^b = x^(ab)`.
    /// Numbers are combined in floating point, so values agree to rounding.
    ///
    /// # Errors
    /// [`crate::Error::Limit`] where the result would be too large.
    pub fn simplify(&self) -> Result<Self> {
        let e = self.map(Expr::simplify)?;
        match e.node() {
            Node::Number(_) | Node::Pi | Node::E | Node::Name(_) | Node::Derivative(_) => Ok(e),
            Node::Sum(_) | Node::Neg(_) => sum(&e),
            Node::Product(_) | Node::Quotient(..) => product(&e),
            Node::Power(..) => product(&e),
            Node::Call(function, a) => call(*function, a),
        }
    }
}

fn as_literal(e: &Expr) -> Option<f64> {
    match e.node() {
        Node::Number(v) => Some(*v),
        _ => None,
    }
}

fn call(function: Function, a: &Expr) -> Result<Expr> {
    if let Some(v) = as_literal(a) {
        let value = function.apply(v);
        // Only exact results replace the call: sin(0), exp(0), sqrt(4), log(1), abs(-2).
        if value.is_finite() && value == value.trunc() && value.abs() < 1e6 {
            return Ok(Expr::number(value));
        }
    }
    match (function, a.node()) {
        (Function::Log, Node::Call(Function::Exp, inner)) => Ok(inner.clone()),
        (Function::Abs, Node::Call(Function::Abs, _)) => Ok(a.clone()),
        (Function::Abs, Node::Neg(inner)) => inner.call(Function::Abs),
        _ => a.call(function),
    }
}

/// A term as coefficient times the rest; the rest is `None` for a number.
fn term(e: &Expr) -> Result<(f64, Option<Expr>)> {
    match e.node() {
        Node::Number(v) => Ok((*v, None)),
        Node::Neg(inner) => {
            let (c, rest) = term(inner)?;
            Ok((-c, rest))
        }
        Node::Product(factors) => match factors.split_first() {
            Some((first, rest)) => match as_literal(first) {
                Some(c) => Ok((c, Some(Expr::product(rest.iter().cloned())?))),
                None => Ok((1.0, Some(e.clone()))),
            },
            None => Ok((1.0, None)),
        },
        Node::Quotient(a, b) => {
            let (c, rest) = term(a)?;
            let rest = rest.unwrap_or_else(|| Expr::number(1.0)).over(b)?;
            Ok((c, Some(rest)))
        }
        _ => Ok((1.0, Some(e.clone()))),
    }
}

fn scaled(c: f64, rest: &Expr) -> Result<Expr> {
    if c == 1.0 {
        return Ok(rest.clone());
    }
    if c == -1.0 {
        return rest.negated();
    }
    match rest.node() {
        // 2*(1/x) reads better as 2/x.
        Node::Quotient(a, b) => scaled(c, a).and_then(|a| match as_literal(&a) {
            Some(v) => Expr::number(v).over(b),
            None => a.over(b),
        }),
        Node::Number(v) => Ok(Expr::number(c * v)),
        _ => Expr::product([Expr::number(c), rest.clone()]),
    }
}

fn sum(e: &Expr) -> Result<Expr> {
    let mut number = 0.0;
    let mut terms: Vec<(String, f64, Expr)> = Vec::new();
    let mut index = std::collections::HashMap::new();
    let mut queue: Vec<(Expr, f64)> = vec![(e.clone(), 1.0)];
    queue.reverse();
    while let Some((part, sign)) = queue.pop() {
        match part.node() {
            Node::Sum(inner) => queue.extend(inner.iter().rev().map(|t| (t.clone(), sign))),
            Node::Neg(inner) if matches!(inner.node(), Node::Sum(_)) => {
                queue.push((inner.clone(), -sign));
            }
            _ => {
                let (c, rest) = term(&part)?;
                match rest {
                    None => number += sign * c,
                    Some(rest) => {
                        let key = rest.to_string();
                        let at = *index.entry(key.clone()).or_insert(terms.len());
                        match terms.get_mut(at) {
                            Some(found) => found.1 += sign * c,
                            None => terms.push((key, sign * c, rest)),
                        }
                    }
                }
            }
        }
    }
    let mut out = Vec::new();
    for (_, c, rest) in &terms {
        if *c != 0.0 {
            out.push(scaled(*c, rest)?);
        }
    }
    if number != 0.0 || out.is_empty() {
        out.push(Expr::number(number));
    }
    // A sum that begins with a sign reads better when a positive term comes first.
    if out.len() > 1
        && out.first().is_some_and(|t| t.to_string().starts_with('-'))
        && let Some(at) = out.iter().position(|t| !t.to_string().starts_with('-'))
    {
        let positive = out.remove(at);
        out.insert(0, positive);
    }
    Expr::sum(out)
}

/// Collects `e^power` into `number` and `bases`.
fn collect(
    e: &Expr,
    power: f64,
    number: &mut f64,
    bases: &mut Vec<(String, Expr, f64)>,
) -> Result<()> {
    let whole = power == power.trunc();
    match e.node() {
        Node::Number(v) if v.powf(power).is_finite() => *number *= v.powf(power),
        Node::Neg(a) if whole => {
            *number *= if power.rem_euclid(2.0) == 0.0 {
                1.0
            } else {
                -1.0
            };
            collect(a, power, number, bases)?;
        }
        Node::Product(factors) if whole => {
            for factor in factors {
                collect(factor, power, number, bases)?;
            }
        }
        Node::Quotient(a, b) if whole => {
            collect(a, power, number, bases)?;
            collect(b, -power, number, bases)?;
        }
        Node::Power(a, b) => match as_literal(b) {
            // (x^m)^n = x^(mn) holds for all real x where n is an integer.
            Some(m) if whole => collect(a, m * power, number, bases)?,
            _ => push(e, power, bases),
        },
        _ => push(e, power, bases),
    }
    Ok(())
}

fn push(e: &Expr, power: f64, bases: &mut Vec<(String, Expr, f64)>) {
    let key = e.to_string();
    match bases.iter_mut().find(|b| b.0 == key) {
        // Exponents add where both are integers; x^0.5 x^0.5 = x fails below 0.
        Some(found) if found.2 == found.2.trunc() && power == power.trunc() => found.2 += power,
        _ => bases.push((key, e.clone(), power)),
    }
}

/// Rank in a product: numbers first, then names, then powers and functions, each by text.
fn rank(e: &Expr) -> u8 {
    match e.node() {
        Node::Pi | Node::E => 0,
        Node::Name(_) => 1,
        Node::Derivative(_) => 2,
        Node::Sum(_) => 4,
        _ => 3,
    }
}

fn product(e: &Expr) -> Result<Expr> {
    let mut number = 1.0;
    let mut bases = Vec::new();
    collect(e, 1.0, &mut number, &mut bases)?;
    if number == 0.0 {
        return Ok(Expr::number(0.0));
    }
    bases.retain(|(_, _, power)| *power != 0.0);
    bases.sort_by(|a, b| rank(&a.1).cmp(&rank(&b.1)).then_with(|| a.0.cmp(&b.0)));
    let (mut above, mut below) = (Vec::new(), Vec::new());
    for (_, base, power) in bases {
        let raised = |p: f64| match p {
            1.0 => Ok(base.clone()),
            p => base.pow(&Expr::number(p)),
        };
        if power < 0.0 && power == power.trunc() {
            below.push(raised(-power)?);
        } else {
            above.push(raised(power)?);
        }
    }
    let top = Expr::product(above)?;
    if below.is_empty() {
        return scaled(number, &top);
    }
    let bottom = Expr::product(below)?;
    scaled(number, &top)?.over(&bottom)
}
