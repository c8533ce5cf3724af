//! Formulas of one argument as operators.

use super::graph::{Graph, Value};
use crate::error::{Error, Result};
use crate::expr::{Expr, Function, Node};
use crate::kan::Precision;

/// The value of a formula of `u`.
pub(super) fn value(graph: &mut Graph, expr: &Expr, u: &Value) -> Result<Value> {
    let folded = |graph: &mut Graph, parts: &[Expr], operator: &str| -> Result<Value> {
        let mut all = None;
        for part in parts {
            let part = value(graph, part, u)?;
            all = Some(match all {
                None => part,
                Some(before) => graph.node(operator, &[&before, &part]),
            });
        }
        all.ok_or_else(|| Error::Internal {
            message: "a sum or product without parts".into(),
        })
    };
    Ok(match expr.node() {
        Node::Number(v) => graph.number("number of a formula", *v)?,
        Node::Pi => graph.number("pi", std::f64::consts::PI)?,
        Node::E => graph.number("e", std::f64::consts::E)?,
        Node::Name(_) => u.clone(),
        Node::Derivative(_) => {
            return Err(Error::invalid(
                "function",
                expr,
                "a function without derivatives",
            ));
        }
        Node::Sum(parts) => folded(graph, parts, "Add")?,
        Node::Product(parts) => folded(graph, parts, "Mul")?,
        Node::Quotient(a, b) => {
            let (a, b) = (value(graph, a, u)?, value(graph, b, u)?);
            graph.node("Div", &[&a, &b])
        }
        Node::Neg(a) => {
            let a = value(graph, a, u)?;
            graph.node("Neg", &[&a])
        }
        Node::Power(a, b) => {
            let (a, b) = (value(graph, a, u)?, value(graph, b, u)?);
            graph.node("Pow", &[&a, &b])
        }
        Node::Call(function, a) => {
            let a = value(graph, a, u)?;
            call(graph, *function, &a)?
        }
    })
}

/// A function by operators that onnxruntime has in both precisions.
fn call(graph: &mut Graph, function: Function, a: &Value) -> Result<Value> {
    let simple = match function {
        Function::Sin => "Sin",
        Function::Cos => "Cos",
        Function::Exp => "Exp",
        Function::Log => "Log",
        Function::Sqrt => "Sqrt",
        Function::Abs => "Abs",
        Function::Tanh => "Tanh",
        Function::Sign => "Sign",
        Function::Tan => {
            let (s, c) = (graph.node("Sin", &[a]), graph.node("Cos", &[a]));
            return Ok(graph.node("Div", &[&s, &c]));
        }
        Function::Sinh | Function::Cosh => {
            let minus = graph.node("Neg", &[a]);
            let (up, down) = (graph.node("Exp", &[a]), graph.node("Exp", &[&minus]));
            let operator = if function == Function::Sinh {
                "Sub"
            } else {
                "Add"
            };
            let twice = graph.node(operator, &[&up, &down]);
            let half = graph.number("half", 0.5)?;
            return Ok(graph.node("Mul", &[&twice, &half]));
        }
        Function::Atan => return arctangent(graph, a),
    };
    Ok(graph.node(simple, &[a]))
}

/// onnxruntime has the arctangent in single precision only: one step of Newton's method from there, by
/// `atan x - y = atan((x cos y - sin y)/(cos y + x sin y))`, whose argument is as small as a rounding of float.
fn arctangent(graph: &mut Graph, a: &Value) -> Result<Value> {
    if graph.precision() == Precision::F32 {
        return Ok(graph.node("Atan", &[a]));
    }
    let single = graph.single(a);
    let start = graph.node("Atan", &[&single]);
    let start = graph.cast(&start);
    let (s, c) = (graph.node("Sin", &[&start]), graph.node("Cos", &[&start]));
    let (xc, xs) = (graph.node("Mul", &[a, &c]), graph.node("Mul", &[a, &s]));
    let above = graph.node("Sub", &[&xc, &s]);
    let below = graph.node("Add", &[&c, &xs]);
    let step = graph.node("Div", &[&above, &below]);
    Ok(graph.node("Add", &[&start, &step]))
}
