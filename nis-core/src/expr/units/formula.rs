//! The dimension of a formula.

use super::super::node::{Expr, Node};
use super::Dimension;
use crate::error::{Error, Result};

/// The dimension of a formula whose names have known dimensions: terms of a sum must agree, arguments of
/// functions and exponents must be pure numbers.
///
/// # Errors
/// [`Error::NotFound`] for a name without dimension, [`Error::InvalidInput`] with both dimensions where they
/// do not fit. A literal 0 fits any dimension.
pub fn dimension_of(e: &Expr, of: &dyn Fn(&str) -> Option<Dimension>) -> Result<Dimension> {
    Ok(free_dimension(e, of)?.unwrap_or(Dimension::NONE))
}

/// `None` for what fits any dimension: the number 0.
fn free_dimension(e: &Expr, of: &dyn Fn(&str) -> Option<Dimension>) -> Result<Option<Dimension>> {
    let known = |name: &str| {
        of(name).map(Some).ok_or_else(|| Error::NotFound {
            what: "dimension of".into(),
            name: name.to_string(),
        })
    };
    match e.node() {
        Node::Number(0.0) => Ok(None),
        Node::Number(_) | Node::Pi | Node::E => Ok(Some(Dimension::NONE)),
        Node::Name(name) => known(name),
        Node::Derivative(d) => known(&d.to_string()),
        Node::Neg(a) => free_dimension(a, of),
        Node::Sum(terms) => {
            let mut sum: Option<(Dimension, &Expr)> = None;
            for term in terms {
                let Some(d) = free_dimension(term, of)? else {
                    continue;
                };
                match sum {
                    None => sum = Some((d, term)),
                    Some((first, with)) if first != d => {
                        return Err(Error::invalid(
                            "dimensions",
                            format!("{with} [{first}] + {term} [{d}]"),
                            "terms of one dimension",
                        ));
                    }
                    Some(_) => {}
                }
            }
            Ok(sum.map(|(d, _)| d))
        }
        Node::Product(factors) => {
            let mut out = Some(Dimension::NONE);
            for factor in factors {
                out = match (out, free_dimension(factor, of)?) {
                    (Some(a), Some(b)) => Some(a.times(b)),
                    _ => None,
                };
            }
            Ok(out)
        }
        Node::Quotient(a, b) => {
            let b = dimension_of(b, of)?;
            Ok(free_dimension(a, of)?.map(|a| a.over(b)))
        }
        Node::Power(a, b) => {
            let exponent = dimension_of(b, of)?;
            let base = dimension_of(a, of)?;
            if !exponent.is_none() {
                return Err(Error::invalid(
                    "dimensions",
                    format!("exponent {b} [{exponent}]"),
                    "a pure number",
                ));
            }
            if base.is_none() {
                return Ok(Some(base));
            }
            b.as_number()
                .and_then(|n| base.pow(n))
                .map(Some)
                .ok_or_else(|| {
                    Error::invalid(
                        "dimensions",
                        format!("{a} [{base}] to the power {b}"),
                        "a number with small denominator as exponent",
                    )
                })
        }
        Node::Call(function, a) => {
            use super::super::function::Function::{Abs, Sign, Sqrt};
            let d = free_dimension(a, of)?;
            match (function, d) {
                (Abs, d) => Ok(d),
                (Sign, _) => Ok(Some(Dimension::NONE)),
                (Sqrt, None) => Ok(None),
                (Sqrt, Some(d)) => d.pow(0.5).map(Some).ok_or_else(|| {
                    Error::invalid(
                        "dimensions",
                        format!("sqrt({a}) with {a} [{d}]"),
                        "a dimension whose root has exponents with denominator 12 or less",
                    )
                }),
                (_, None) => Ok(Some(Dimension::NONE)),
                (_, Some(d)) if d.is_none() => Ok(Some(d)),
                (_, Some(d)) => Err(Error::invalid(
                    "dimensions",
                    format!("{}({a}) with {a} [{d}]", function.name()),
                    "a pure number as argument",
                )),
            }
        }
    }
}
