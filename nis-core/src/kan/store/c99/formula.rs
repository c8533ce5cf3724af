//! Formulas of one argument as C expressions.

use super::Writer;
use crate::error::{Error, Result};
use crate::expr::{Expr, Function, Node};

/// The expression in C, of the variable `u`.
pub(super) fn expression(writer: &mut Writer<'_>, expr: &Expr) -> Result<String> {
    let joined = |writer: &mut Writer<'_>, parts: &[Expr], between: &str| -> Result<String> {
        let parts: Result<Vec<String>> = parts.iter().map(|p| expression(writer, p)).collect();
        Ok(format!("({})", parts?.join(between)))
    };
    Ok(match expr.node() {
        Node::Number(v) => writer.number("number of a formula", *v)?,
        Node::Pi => writer.number("pi", std::f64::consts::PI)?,
        Node::E => writer.number("e", std::f64::consts::E)?,
        Node::Name(_) => "u".to_owned(),
        Node::Derivative(_) => {
            return Err(Error::invalid(
                "function",
                expr,
                "a function without derivatives",
            ));
        }
        Node::Sum(parts) => joined(writer, parts, " + ")?,
        Node::Product(parts) => joined(writer, parts, " * ")?,
        Node::Quotient(a, b) => {
            let (a, b) = (expression(writer, a)?, expression(writer, b)?);
            format!("({a} / {b})")
        }
        Node::Neg(a) => format!("(-{})", expression(writer, a)?),
        Node::Power(a, b) => {
            let base = expression(writer, a)?;
            match b.as_number() {
                Some(n) if n == n.trunc() && n.abs() <= f64::from(i32::MAX) => {
                    writer.uses_power = true;
                    format!("{}_power({base}, {})", writer.prefix, n as i64)
                }
                _ => {
                    let exponent = expression(writer, b)?;
                    format!("pow{}({base}, {exponent})", writer.suffix())
                }
            }
        }
        Node::Call(Function::Sign, a) => {
            writer.uses_sign = true;
            let a = expression(writer, a)?;
            format!("{}_sign({a})", writer.prefix)
        }
        Node::Call(function, a) => {
            let name = match function {
                Function::Abs => "fabs",
                other => other.name(),
            };
            format!("{name}{}({})", writer.suffix(), expression(writer, a)?)
        }
    })
}
