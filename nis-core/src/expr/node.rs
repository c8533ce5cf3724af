//! The tree of a formula and its constructors, which keep it in the form that the printer can write and the
//! parser reads back as the same tree.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::function::Function;
use crate::error::{Error, Result};

/// Deepest tree that is built; every walk over a tree recurses at most this far.
pub const MAX_DEPTH: u32 = 500;

/// Most nodes of a tree (shared parts count each time).
pub const MAX_NODES: u64 = 4_000_000;

/// A derivative of a field as it stands in an equation: `x''` or `u_xx`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Derivative {
    /// The field.
    pub field: String,
    /// What it is differentiated by.
    pub by: By,
}

/// What a [`Derivative`] is taken with respect to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum By {
    /// Primes: that many times by the independent variable.
    Primes(u32),
    /// A subscript: once by each of these coordinates.
    Coordinates(String),
}

impl Derivative {
    /// How many times the field is differentiated.
    pub fn order(&self) -> u32 {
        match &self.by {
            By::Primes(n) => *n,
            By::Coordinates(c) => c.chars().count() as u32,
        }
    }
}

/// The error of a formula that is too deep, too large or nested too far.
pub(super) fn over(what: &str, limit: u64, got: u64) -> Error {
    Error::Limit {
        what: format!("{what} of a formula"),
        limit,
        got,
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Node {
    Number(f64),
    Pi,
    E,
    Name(String),
    Derivative(Derivative),
    /// At least two terms, none of them a sum.
    Sum(Vec<Expr>),
    /// At least two factors, none of them a product, the first no negation.
    Product(Vec<Expr>),
    Quotient(Expr, Expr),
    /// Not of a number, nor of a product or quotient that begins with one: those carry their sign.
    Neg(Expr),
    Power(Expr, Expr),
    Call(Function, Expr),
}

#[derive(Debug, PartialEq)]
struct Inner {
    node: Node,
    depth: u32,
    size: u64,
}

/// A formula: an immutable tree whose parts are shared; cloning is cheap, threads may share it.
///
/// ```
/// use nis_core::expr::Expr;
/// let f = Expr::parse("exp(sin(pi*x) + y^2)")?;
/// let program = f.compile(&["x", "y"])?;
/// assert!((program.evaluate_point(&[0.5, 1.0]) - 2f64.exp()).abs() < 1e-14);
/// assert_eq!(f.differentiate("y")?.to_string(), "2*y*exp(sin(pi*x) + y^2)");
/// assert_eq!(Expr::parse("a/(b + 1)")?.to_latex(), r"\frac{a}{b + 1}");
/// # Ok::<(), nis_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Expr(Arc<Inner>);

impl Expr {
    pub(crate) fn node(&self) -> &Node {
        &self.0.node
    }

    /// Levels of the tree.
    pub fn depth(&self) -> u32 {
        self.0.depth
    }

    /// Nodes of the tree: a measure of how complex the formula is.
    pub fn complexity(&self) -> u64 {
        self.0.size
    }

    fn leaf(node: Node) -> Self {
        Expr(Arc::new(Inner {
            node,
            depth: 1,
            size: 1,
        }))
    }

    fn branch<'a>(
        node: impl FnOnce() -> Node,
        parts: impl Iterator<Item = &'a Expr>,
    ) -> Result<Self> {
        let (mut depth, mut size) = (0, 1u64);
        for part in parts {
            depth = depth.max(part.0.depth);
            size = size.saturating_add(part.0.size);
        }
        if depth >= MAX_DEPTH {
            return Err(over("depth", u64::from(MAX_DEPTH), u64::from(depth) + 1));
        }
        if size > MAX_NODES {
            return Err(over("nodes", MAX_NODES, size));
        }
        Ok(Expr(Arc::new(Inner {
            node: node(),
            depth: depth + 1,
            size,
        })))
    }

    /// A number.
    pub fn number(value: f64) -> Self {
        Self::leaf(Node::Number(value))
    }

    /// The constant pi.
    pub fn pi() -> Self {
        Self::leaf(Node::Pi)
    }

    /// The constant e.
    pub fn e() -> Self {
        Self::leaf(Node::E)
    }

    /// A quantity; any text may be a name (what is no plain name is printed in backquotes).
    pub fn name(name: impl Into<String>) -> Self {
        Self::leaf(Node::Name(name.into()))
    }

    /// A derivative of a field; one of order 0 is the field itself. Text is read with at most 16 primes and
    /// 4 coordinates, so a higher order does not survive printing and reading.
    pub fn derivative(derivative: Derivative) -> Self {
        if derivative.order() == 0 {
            return Self::name(derivative.field);
        }
        Self::leaf(Node::Derivative(derivative))
    }

    /// The sum of terms; 0 for none.
    ///
    /// # Errors
    /// [`Error::Limit`] over [`MAX_DEPTH`] or [`MAX_NODES`], as for every constructor.
    pub fn sum(terms: impl IntoIterator<Item = Expr>) -> Result<Self> {
        let mut flat = Vec::new();
        for term in terms {
            match term.node() {
                Node::Sum(inner) => flat.extend(inner.iter().cloned()),
                _ => flat.push(term),
            }
        }
        Ok(match flat.len() {
            0 => Self::number(0.0),
            1 => flat.swap_remove(0),
            _ => {
                let parts = flat.clone();
                Self::branch(|| Node::Sum(flat), parts.iter())?
            }
        })
    }

    /// The product of factors; 1 for none.
    ///
    /// # Errors
    /// As [`Expr::sum`].
    pub fn product(factors: impl IntoIterator<Item = Expr>) -> Result<Self> {
        let mut flat: Vec<Expr> = Vec::new();
        let mut negative = false;
        for factor in factors {
            match factor.node() {
                Node::Product(inner) => flat.extend(inner.iter().cloned()),
                // A sign in front of the first factor is the sign of the whole.
                Node::Neg(inner) if flat.is_empty() => {
                    negative = !negative;
                    match inner.node() {
                        Node::Product(inner) => flat.extend(inner.iter().cloned()),
                        _ => flat.push(inner.clone()),
                    }
                }
                _ => flat.push(factor),
            }
        }
        let whole = match flat.len() {
            0 => Self::number(1.0),
            1 => flat.swap_remove(0),
            _ => {
                let parts = flat.clone();
                Self::branch(|| Node::Product(flat), parts.iter())?
            }
        };
        if negative { whole.negated() } else { Ok(whole) }
    }

    /// `self / divisor`.
    ///
    /// # Errors
    /// As [`Expr::sum`].
    pub fn over(&self, divisor: &Expr) -> Result<Self> {
        if let Node::Neg(inner) = self.node() {
            return inner.over(divisor)?.negated();
        }
        Self::branch(
            || Node::Quotient(self.clone(), divisor.clone()),
            [self, divisor].into_iter(),
        )
    }

    /// `-self`.
    ///
    /// # Errors
    /// As [`Expr::sum`].
    pub fn negated(&self) -> Result<Self> {
        if let Some(flipped) = self.flipped()? {
            return Ok(flipped);
        }
        Self::branch(|| Node::Neg(self.clone()), std::iter::once(self))
    }

    /// The negation of a formula that begins with a sign or a number, which takes the sign in.
    fn flipped(&self) -> Result<Option<Self>> {
        Ok(match self.node() {
            Node::Number(v) => Some(Self::number(-v)),
            Node::Neg(inner) => Some(inner.clone()),
            Node::Product(factors) => match factors.split_first() {
                Some((first, rest)) => first.flipped()?.map(|first| {
                    let mut all = vec![first];
                    all.extend(rest.iter().cloned());
                    Self::product(all)
                }),
                None => None,
            }
            .transpose()?,
            Node::Quotient(a, b) => a.flipped()?.map(|a| a.over(b)).transpose()?,
            _ => None,
        })
    }

    /// `self ^ exponent`.
    ///
    /// # Errors
    /// As [`Expr::sum`].
    pub fn pow(&self, exponent: &Expr) -> Result<Self> {
        Self::branch(
            || Node::Power(self.clone(), exponent.clone()),
            [self, exponent].into_iter(),
        )
    }

    /// `function(self)`.
    ///
    /// # Errors
    /// As [`Expr::sum`].
    pub fn call(&self, function: Function) -> Result<Self> {
        Self::branch(|| Node::Call(function, self.clone()), std::iter::once(self))
    }

    /// `self + other`.
    ///
    /// # Errors
    /// As [`Expr::sum`].
    pub fn plus(&self, other: &Expr) -> Result<Self> {
        Self::sum([self.clone(), other.clone()])
    }

    /// `self - other`.
    ///
    /// # Errors
    /// As [`Expr::sum`].
    pub fn minus(&self, other: &Expr) -> Result<Self> {
        Self::sum([self.clone(), other.negated()?])
    }

    /// `self * other`.
    ///
    /// # Errors
    /// As [`Expr::sum`].
    pub fn times(&self, other: &Expr) -> Result<Self> {
        Self::product([self.clone(), other.clone()])
    }

    pub(crate) fn children(&self) -> Vec<&Expr> {
        match self.node() {
            Node::Number(_) | Node::Pi | Node::E | Node::Name(_) | Node::Derivative(_) => vec![],
            Node::Sum(parts) | Node::Product(parts) => parts.iter().collect(),
            Node::Quotient(a, b) | Node::Power(a, b) => vec![a, b],
            Node::Neg(a) | Node::Call(_, a) => vec![a],
        }
    }

    /// The same operation on other operands.
    pub(crate) fn map(&self, mut change: impl FnMut(&Expr) -> Result<Expr>) -> Result<Expr> {
        match self.node() {
            Node::Number(_) | Node::Pi | Node::E | Node::Name(_) | Node::Derivative(_) => {
                Ok(self.clone())
            }
            Node::Sum(parts) => Self::sum(parts.iter().map(change).collect::<Result<Vec<_>>>()?),
            Node::Product(parts) => {
                Self::product(parts.iter().map(change).collect::<Result<Vec<_>>>()?)
            }
            Node::Quotient(a, b) => change(a)?.over(&change(b)?),
            Node::Power(a, b) => change(a)?.pow(&change(b)?),
            Node::Neg(a) => change(a)?.negated(),
            Node::Call(f, a) => change(a)?.call(*f),
        }
    }

    fn visit<'a>(&'a self, each: &mut impl FnMut(&'a Expr)) {
        each(self);
        for child in self.children() {
            child.visit(each);
        }
    }

    /// The names that the formula depends on; fields of derivatives are not among them.
    pub fn names(&self) -> BTreeSet<String> {
        let mut out = BTreeSet::new();
        self.visit(&mut |e| {
            if let Node::Name(name) = e.node() {
                out.insert(name.clone());
            }
        });
        out
    }

    /// The derivatives that stand in the formula.
    pub fn derivatives(&self) -> BTreeSet<Derivative> {
        let mut out = BTreeSet::new();
        self.visit(&mut |e| {
            if let Node::Derivative(d) = e.node() {
                out.insert(d.clone());
            }
        });
        out
    }

    /// Puts `value` in the place of a symbol: a name, or a derivative in its printed form (`y'`, `u_x`).
    ///
    /// # Errors
    /// As [`Expr::sum`].
    pub fn substitute(&self, symbol: &str, value: &Expr) -> Result<Self> {
        if self.is(symbol) {
            Ok(value.clone())
        } else {
            self.map(|e| e.substitute(symbol, value))
        }
    }

    /// Whether the formula is nothing but this name or derivative (in its printed form).
    pub fn is(&self, symbol: &str) -> bool {
        match self.node() {
            Node::Name(name) => name == symbol,
            Node::Derivative(d) => d.to_string() == symbol,
            _ => false,
        }
    }

    /// The terms of a sum; the formula itself where it is none.
    pub fn terms(&self) -> Vec<Expr> {
        match self.node() {
            Node::Sum(terms) => terms.clone(),
            _ => vec![self.clone()],
        }
    }

    /// The value of a formula without names; `None` where it has any.
    pub fn as_number(&self) -> Option<f64> {
        let program = self.compile(&[]).ok()?;
        Some(program.evaluate_point(&[]))
    }

    /// The formula with its numbers rounded to significant digits and simplified, for reading.
    pub fn rounded(&self, digits: usize) -> Self {
        // The tree keeps its shape, so no limit can be met that was not met before.
        let rounded = self.with_numbers(digits).unwrap_or_else(|_| self.clone());
        rounded.simplify().unwrap_or(rounded)
    }

    fn with_numbers(&self, digits: usize) -> Result<Self> {
        match self.node() {
            Node::Number(v) => Ok(Self::number(round_significant(*v, digits))),
            _ => self.map(|e| e.with_numbers(digits)),
        }
    }
}

/// `v` rounded to that many significant digits, at least 1.
pub(crate) fn round_significant(v: f64, digits: usize) -> f64 {
    if !v.is_finite() || v == v.trunc() && v.abs() < 1e6 {
        return v;
    }
    format!("{:.*e}", digits.max(1) - 1, v).parse().unwrap_or(v)
}

impl fmt::Display for Derivative {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        super::print::field(f, &self.field)?;
        match &self.by {
            By::Primes(n) => (0..*n).try_for_each(|_| f.write_str("'")),
            By::Coordinates(c) => write!(f, "_{c}"),
        }
    }
}

/// A formula is its plain text in JSON.
impl Serialize for Expr {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Expr {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Expr::parse(&text).map_err(serde::de::Error::custom)
    }
}
