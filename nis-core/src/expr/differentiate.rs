//! Symbolic differentiation.

use super::function::Function;
use super::node::{Expr, MAX_NODES, Node, over};
use crate::error::Result;

impl Expr {
    /// The derivative with respect to a symbol: a name, or a derivative in its printed form (`y'`, `u_x`),
    /// which counts as independent of its field. Simplified. The derivative of `abs` is `sign`, that of
    /// `sign` is 0.
    ///
    /// # Errors
    /// [`crate::Error::Limit`] where the result would be too large.
    pub fn differentiate(&self, symbol: &str) -> Result<Self> {
        // Simplified first: an exponent such as x/x is constant, and must not bring in a logarithm of the base,
        // which may be negative.
        derivative(&self.simplify()?, symbol, &mut 0)?.simplify()
    }
}

fn depends(e: &Expr, symbol: &str) -> bool {
    e.is(symbol) || e.children().into_iter().any(|c| depends(c, symbol))
}

/// `built` counts the parts of the result so far, so that what would be too large is refused before memory
/// is spent on it: the product rule on n factors has n^2 parts.
fn derivative(e: &Expr, symbol: &str, built: &mut u64) -> Result<Expr> {
    if e.is(symbol) {
        return Ok(Expr::number(1.0));
    }
    if !depends(e, symbol) {
        return Ok(Expr::number(0.0));
    }
    let number = Expr::number;
    match e.node() {
        Node::Number(_) | Node::Pi | Node::E | Node::Name(_) | Node::Derivative(_) => {
            Ok(number(0.0))
        }
        Node::Sum(terms) => {
            let inner: Result<Vec<Expr>> = terms
                .iter()
                .filter(|t| depends(t, symbol))
                .map(|t| derivative(t, symbol, built))
                .collect();
            Expr::sum(inner?)
        }
        Node::Product(factors) => {
            let mut terms = Vec::new();
            for (i, factor) in factors
                .iter()
                .enumerate()
                .filter(|(_, f)| depends(f, symbol))
            {
                *built = built.saturating_add(factors.len() as u64);
                if *built > MAX_NODES {
                    return Err(over("nodes", MAX_NODES, *built));
                }
                let mut product = factors.clone();
                if let Some(place) = product.get_mut(i) {
                    *place = derivative(factor, symbol, built)?;
                }
                terms.push(Expr::product(product)?);
            }
            Expr::sum(terms)
        }
        Node::Quotient(a, b) if !depends(b, symbol) => derivative(a, symbol, built)?.over(b),
        // (a/b)' = a'/b - a b'/b^2
        Node::Quotient(a, b) => {
            let second = Expr::product([a.clone(), derivative(b, symbol, built)?])?
                .over(&b.pow(&number(2.0))?)?;
            derivative(a, symbol, built)?.over(b)?.minus(&second)
        }
        Node::Neg(a) => derivative(a, symbol, built)?.negated(),
        // n a^(n-1) a'
        Node::Power(a, b) if !depends(b, symbol) => Expr::product([
            b.clone(),
            a.pow(&b.minus(&number(1.0))?)?,
            derivative(a, symbol, built)?,
        ]),
        // 0^b is 0 wherever it is finite and b may change: b > 0.
        Node::Power(a, _) if matches!(a.node(), Node::Number(0.0)) => Ok(number(0.0)),
        // a^b log(a) b'
        Node::Power(a, b) if !depends(a, symbol) => Expr::product([
            e.clone(),
            a.call(Function::Log)?,
            derivative(b, symbol, built)?,
        ]),
        // a^b (b' log(a) + b a'/a)
        Node::Power(a, b) => {
            let first = Expr::product([derivative(b, symbol, built)?, a.call(Function::Log)?])?;
            let second = Expr::product([b.clone(), derivative(a, symbol, built)?])?.over(a)?;
            Expr::product([e.clone(), first.plus(&second)?])
        }
        Node::Call(function, a) => {
            let inner = derivative(a, symbol, built)?;
            let two = number(2.0);
            match function {
                Function::Sin => Expr::product([a.call(Function::Cos)?, inner]),
                Function::Cos => Expr::product([a.call(Function::Sin)?, inner])?.negated(),
                Function::Tan => inner.over(&a.call(Function::Cos)?.pow(&two)?),
                Function::Exp => Expr::product([inner, e.clone()]),
                Function::Log => inner.over(a),
                Function::Sqrt => inner.over(&Expr::product([two, e.clone()])?),
                Function::Abs => Expr::product([a.call(Function::Sign)?, inner]),
                Function::Tanh => inner.over(&a.call(Function::Cosh)?.pow(&two)?),
                Function::Sinh => Expr::product([a.call(Function::Cosh)?, inner]),
                Function::Cosh => Expr::product([a.call(Function::Sinh)?, inner]),
                Function::Atan => inner.over(&number(1.0).plus(&a.pow(&two)?)?),
                Function::Sign => Ok(number(0.0)),
            }
        }
    }
}
