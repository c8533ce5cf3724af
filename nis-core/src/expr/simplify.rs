//! Simplification: like terms, powers of one base, numbers, neutral elements.

use std::collections::HashMap;

use super::function::Function;
use super::node::{Expr, Node};
use super::print::starts_with_sign;
use crate::error::Result;

impl Expr {
    /// A shorter formula of the same value wherever this one is finite.
    ///
    /// Used: commutativity, `0 x = 0`, `x/x = 1` and `x^0 = 1` (hence the result may exist where this formula
    /// does not), `x^m x^n = x^(m+n)` and `(x^m)^n = x^(mn)` for integer exponents, `log(exp(x)) = x`. Not
    /// used, because they fail for some reals: `sqrt(x^2) = x`, `exp(log(x)) = x`, `(x^a)^b = x^(ab)`.
    /// Numbers are combined in floating point, so values agree to rounding; where combining them would
    /// overflow or underflow they stay as they are. Factors are ordered; terms of a sum keep their order, but
    /// parts count as alike in any order.
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

/// A text that is the same for formulas which differ in the order of terms alone.
fn key(e: &Expr) -> String {
    match e.node() {
        Node::Number(_) | Node::Pi | Node::E | Node::Name(_) | Node::Derivative(_) => e.to_string(),
        Node::Sum(terms) => {
            let mut keys: Vec<String> = terms.iter().map(key).collect();
            keys.sort();
            format!("({})", keys.join("+"))
        }
        Node::Product(factors) => {
            let keys: Vec<String> = factors.iter().map(key).collect();
            format!("({})", keys.join("*"))
        }
        Node::Quotient(a, b) => format!("({}/{})", key(a), key(b)),
        Node::Neg(a) => format!("(-{})", key(a)),
        Node::Power(a, b) => format!("({}^{})", key(a), key(b)),
        Node::Call(function, a) => format!("{}({})", function.name(), key(a)),
    }
}

/// Whether a result computed from finite numbers left the range of normal numbers.
fn out_of_range(result: f64, from: &[f64]) -> bool {
    let sound = result == 0.0 || result.is_normal();
    let lost = result == 0.0 && !from.contains(&0.0);
    from.iter().all(|v| v.is_finite()) && (!sound || lost)
}

fn sum(e: &Expr) -> Result<Expr> {
    let mut number = 0.0;
    let mut terms: Vec<(f64, Expr)> = Vec::new();
    let mut index = HashMap::new();
    let mut queue: Vec<(Expr, f64)> = vec![(e.clone(), 1.0)];
    while let Some((part, sign)) = queue.pop() {
        match part.node() {
            Node::Sum(inner) => queue.extend(inner.iter().rev().map(|t| (t.clone(), sign))),
            Node::Neg(inner) if matches!(inner.node(), Node::Sum(_)) => {
                queue.push((inner.clone(), -sign));
            }
            _ => {
                let (c, rest) = term(&part)?;
                let c = sign * c;
                let total = match rest {
                    None => &mut number,
                    Some(rest) => {
                        let at = *index.entry(key(&rest)).or_insert(terms.len());
                        if at == terms.len() {
                            terms.push((0.0, rest));
                        }
                        match terms.get_mut(at) {
                            Some((total, _)) => total,
                            None => continue,
                        }
                    }
                };
                if total.is_finite() && c.is_finite() && !(*total + c).is_finite() {
                    return Ok(e.clone());
                }
                *total += c;
            }
        }
    }
    let mut out = Vec::new();
    for (c, rest) in &terms {
        if *c != 0.0 {
            out.push(scaled(*c, rest)?);
        }
    }
    if number != 0.0 || out.is_empty() {
        out.push(Expr::number(number));
    }
    // A sum that begins with a sign reads better when a positive term comes first.
    if out.len() > 1
        && out.first().is_some_and(starts_with_sign)
        && let Some(at) = out.iter().position(|t| !starts_with_sign(t))
    {
        let positive = out.remove(at);
        out.insert(0, positive);
    }
    Expr::sum(out)
}

/// The factors of a product: its number, and bases with their exponents.
struct Factors {
    number: f64,
    bases: Vec<(Expr, f64)>,
    /// Place in `bases` of each base with a whole exponent.
    index: HashMap<String, usize>,
    /// Set where the numbers cannot be combined without leaving the range.
    out_of_range: bool,
}

fn is_whole(power: f64) -> bool {
    power == power.trunc()
}

impl Factors {
    /// Takes `e^power` in.
    fn collect(&mut self, e: &Expr, power: f64) -> Result<()> {
        let whole = is_whole(power);
        match e.node() {
            Node::Number(v) => {
                let raised = v.powf(power);
                let number = self.number * raised;
                if *v != 0.0 && !raised.is_nan() {
                    self.out_of_range |=
                        out_of_range(raised, &[*v]) || out_of_range(number, &[self.number, raised]);
                }
                if raised.is_finite() {
                    self.number = number;
                } else {
                    self.push(e, power);
                }
            }
            Node::Neg(a) if whole => {
                if power.rem_euclid(2.0) != 0.0 {
                    self.number = -self.number;
                }
                self.collect(a, power)?;
            }
            Node::Product(factors) if whole => {
                for factor in factors {
                    self.collect(factor, power)?;
                }
            }
            Node::Quotient(a, b) if whole => {
                self.collect(a, power)?;
                self.collect(b, -power)?;
            }
            Node::Power(a, b) => match (as_literal(a), as_literal(b)) {
                (Some(1.0), _) => {}
                // (x^m)^n = x^(mn) holds for all real x where n is an integer.
                (_, Some(m)) if whole => self.collect(a, m * power)?,
                _ => self.push(e, power),
            },
            _ => self.push(e, power),
        }
        Ok(())
    }

    fn push(&mut self, e: &Expr, power: f64) {
        // Exponents add where both are integers; x^0.5 x^0.5 = x fails below 0.
        if is_whole(power) {
            let at = *self.index.entry(key(e)).or_insert(self.bases.len());
            if let Some((_, sum)) = self.bases.get_mut(at) {
                *sum += power;
                return;
            }
        }
        self.bases.push((e.clone(), power));
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
    let mut factors = Factors {
        number: 1.0,
        bases: Vec::new(),
        index: HashMap::new(),
        out_of_range: false,
    };
    factors.collect(e, 1.0)?;
    if factors.out_of_range {
        return Ok(e.clone());
    }
    let number = factors.number;
    if number == 0.0 {
        return Ok(Expr::number(0.0));
    }
    let mut bases: Vec<(u8, String, Expr, f64)> = factors
        .bases
        .into_iter()
        .filter(|(_, power)| *power != 0.0)
        .map(|(base, power)| (rank(&base), base.to_string(), base, power))
        .collect();
    bases.sort_by(|a, b| {
        a.0.cmp(&b.0)
            .then_with(|| a.1.cmp(&b.1))
            .then_with(|| a.3.total_cmp(&b.3))
    });
    let (mut above, mut below) = (Vec::new(), Vec::new());
    for (_, _, base, power) in bases {
        let raised = |p: f64| match p {
            1.0 => Ok(base.clone()),
            p => base.pow(&Expr::number(p)),
        };
        if power < 0.0 && is_whole(power) {
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
