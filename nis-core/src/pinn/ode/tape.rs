//! Taylor coefficients of a system's solution, by recurrences over its operations.
//!
//! Every operation of the right-hand sides keeps a series in the time since the beginning of the step; coefficient
//! `k` of all of them gives coefficient `k + 1` of the components (Moore, Interval Analysis (1966), chapter 11;
//! recurrences in Griewank and Walther, Evaluating Derivatives (2008), section 13.2).

use std::collections::HashMap;

use super::system::OdeSystem;
use crate::error::{Error, Result};
use crate::expr::{Expr, Function, Node};

/// Operations at most.
const MAX_OPERATIONS: usize = 1 << 20;

/// An operation; operands are places of earlier operations.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Op {
    Number(f64),
    Time,
    Component(usize),
    Add(usize, usize),
    Sub(usize, usize),
    Mul(usize, usize),
    /// A product with a number.
    Scale(f64, usize),
    Div(usize, usize),
    /// Power with a constant exponent; the base must not vanish.
    Power(usize, f64),
    Exp(usize),
    Log(usize),
    /// Sine and cosine (or the hyperbolic ones) stand one after the other.
    Sin(usize),
    CosAfter(usize),
    Sinh(usize),
    CoshAfter(usize),
    /// `w = tan a` or `tanh a`, followed by `1 + w^2` or `1 - w^2`.
    Tan(usize),
    Tanh(usize),
    /// `1 + s w^2` of the operation before it.
    Square(f64),
    /// `w = atan a`, after `1 + a^2`.
    Atan(usize, usize),
    Abs(usize),
    Sign(usize),
}

/// The right-hand sides as a list of operations.
#[derive(Debug, Clone)]
pub(super) struct Tape {
    ops: Vec<Op>,
    /// Per component: the operation that gives its derivative, or the component that is it.
    rows: Vec<Row>,
}

#[derive(Debug, Clone, Copy)]
enum Row {
    Next(usize),
    Value(usize),
}

struct Builder<'a> {
    symbols: &'a HashMap<String, usize>,
    components: usize,
    parameters: &'a [f64],
    ops: Vec<Op>,
    known: HashMap<(u8, u64, u64), usize>,
}

impl Builder<'_> {
    fn emit(&mut self, op: Op) -> Result<usize> {
        let key = match op {
            Op::Number(v) => (0, v.to_bits(), 0),
            Op::Time => (1, 0, 0),
            Op::Component(i) => (2, i as u64, 0),
            Op::Add(a, b) => (3, a.min(b) as u64, a.max(b) as u64),
            Op::Sub(a, b) => (4, a as u64, b as u64),
            Op::Mul(a, b) => (5, a.min(b) as u64, a.max(b) as u64),
            Op::Scale(v, a) => (6, v.to_bits(), a as u64),
            Op::Div(a, b) => (7, a as u64, b as u64),
            Op::Power(a, r) => (8, a as u64, r.to_bits()),
            Op::Exp(a) => (9, a as u64, 0),
            Op::Log(a) => (10, a as u64, 0),
            Op::Sin(a) => (11, a as u64, 0),
            Op::Sinh(a) => (12, a as u64, 0),
            Op::Tan(a) => (13, a as u64, 0),
            Op::Tanh(a) => (14, a as u64, 0),
            Op::Atan(a, b) => (15, a as u64, b as u64),
            Op::Abs(a) => (16, a as u64, 0),
            Op::Sign(a) => (17, a as u64, 0),
            // These belong to the operation before them.
            Op::CosAfter(_) | Op::CoshAfter(_) | Op::Square(_) => (18, self.ops.len() as u64, 0),
        };
        if let Some(place) = self.known.get(&key) {
            return Ok(*place);
        }
        if self.ops.len() >= MAX_OPERATIONS {
            return Err(Error::Limit {
                what: "operations of the equations".into(),
                limit: MAX_OPERATIONS as u64,
                got: self.ops.len() as u64 + 1,
            });
        }
        self.ops.push(op);
        let place = self.ops.len() - 1;
        self.known.insert(key, place);
        // The partner takes the next place at once.
        match op {
            Op::Sin(a) => self.ops.push(Op::CosAfter(a)),
            Op::Sinh(a) => self.ops.push(Op::CoshAfter(a)),
            Op::Tan(_) => self.ops.push(Op::Square(1.0)),
            Op::Tanh(_) => self.ops.push(Op::Square(-1.0)),
            _ => {}
        }
        Ok(place)
    }

    fn constant(&self, place: usize) -> Option<f64> {
        match self.ops.get(place) {
            Some(Op::Number(v)) => Some(*v),
            _ => None,
        }
    }

    fn number(&mut self, v: f64) -> Result<usize> {
        self.emit(Op::Number(v))
    }

    fn add(&mut self, a: usize, b: usize) -> Result<usize> {
        match (self.constant(a), self.constant(b)) {
            (Some(x), Some(y)) => self.number(x + y),
            _ => self.emit(Op::Add(a, b)),
        }
    }

    fn mul(&mut self, a: usize, b: usize) -> Result<usize> {
        match (self.constant(a), self.constant(b)) {
            (Some(x), Some(y)) => self.number(x * y),
            (Some(x), None) => self.emit(Op::Scale(x, b)),
            (None, Some(y)) => self.emit(Op::Scale(y, a)),
            (None, None) => self.emit(Op::Mul(a, b)),
        }
    }

    fn div(&mut self, a: usize, b: usize) -> Result<usize> {
        match (self.constant(a), self.constant(b)) {
            (Some(x), Some(y)) => self.number(x / y),
            (None, Some(y)) => self.emit(Op::Scale(1.0 / y, a)),
            _ => self.emit(Op::Div(a, b)),
        }
    }

    /// By repeated squaring, so that a base of zero is no trouble.
    fn power(&mut self, base: usize, exponent: i32) -> Result<usize> {
        let mut left = exponent.unsigned_abs();
        let mut square = base;
        let mut product: Option<usize> = None;
        while left > 0 {
            if left & 1 == 1 {
                product = Some(match product {
                    Some(p) => self.mul(p, square)?,
                    None => square,
                });
            }
            left >>= 1;
            if left > 0 {
                square = self.mul(square, square)?;
            }
        }
        let one = self.number(1.0)?;
        let product = product.unwrap_or(one);
        if exponent < 0 {
            self.div(one, product)
        } else {
            Ok(product)
        }
    }

    fn symbol(&mut self, name: &str) -> Result<usize> {
        match self.symbols.get(name) {
            Some(0) => self.emit(Op::Time),
            Some(k) if *k <= self.components => self.emit(Op::Component(k - 1)),
            Some(k) => {
                let value = self.parameters.get(k - 1 - self.components);
                self.number(value.copied().unwrap_or(f64::NAN))
            }
            None => Err(Error::NotFound {
                what: "name in the equations".into(),
                name: name.into(),
            }),
        }
    }

    fn call(&mut self, function: Function, a: usize) -> Result<usize> {
        if let Some(v) = self.constant(a) {
            return self.number(function.apply(v));
        }
        match function {
            Function::Sin => self.emit(Op::Sin(a)),
            Function::Cos => Ok(self.emit(Op::Sin(a))? + 1),
            Function::Sinh => self.emit(Op::Sinh(a)),
            Function::Cosh => Ok(self.emit(Op::Sinh(a))? + 1),
            Function::Tan => self.emit(Op::Tan(a)),
            Function::Tanh => self.emit(Op::Tanh(a)),
            Function::Exp => self.emit(Op::Exp(a)),
            Function::Log => self.emit(Op::Log(a)),
            Function::Sqrt => self.emit(Op::Power(a, 0.5)),
            Function::Abs => self.emit(Op::Abs(a)),
            Function::Sign => self.emit(Op::Sign(a)),
            Function::Atan => {
                let one = self.number(1.0)?;
                let square = self.mul(a, a)?;
                let below = self.add(one, square)?;
                self.emit(Op::Atan(a, below))
            }
        }
    }

    fn expr(&mut self, e: &Expr) -> Result<usize> {
        match e.node() {
            Node::Number(v) => self.number(*v),
            Node::Pi => self.number(std::f64::consts::PI),
            Node::E => self.number(std::f64::consts::E),
            Node::Name(name) => self.symbol(name),
            Node::Derivative(d) => self.symbol(&d.to_string()),
            Node::Neg(a) => {
                let (a, minus) = (self.expr(a)?, self.number(-1.0)?);
                self.mul(minus, a)
            }
            Node::Sum(terms) => {
                let mut sum: Option<usize> = None;
                for term in terms {
                    sum = Some(match (sum, term.node()) {
                        (None, _) => self.expr(term)?,
                        (Some(a), Node::Neg(inner)) => {
                            let b = self.expr(inner)?;
                            match (self.constant(a), self.constant(b)) {
                                (Some(x), Some(y)) => self.number(x - y)?,
                                _ => self.emit(Op::Sub(a, b))?,
                            }
                        }
                        (Some(a), _) => {
                            let b = self.expr(term)?;
                            self.add(a, b)?
                        }
                    });
                }
                match sum {
                    Some(sum) => Ok(sum),
                    None => self.number(0.0),
                }
            }
            Node::Product(factors) => {
                let mut product = self.number(1.0)?;
                for (i, factor) in factors.iter().enumerate() {
                    let next = self.expr(factor)?;
                    product = if i == 0 {
                        next
                    } else {
                        self.mul(product, next)?
                    };
                }
                Ok(product)
            }
            Node::Quotient(a, b) => {
                let (a, b) = (self.expr(a)?, self.expr(b)?);
                self.div(a, b)
            }
            Node::Power(a, b) => {
                let (a, b) = (self.expr(a)?, self.expr(b)?);
                match (self.constant(a), self.constant(b)) {
                    (Some(x), Some(y)) => self.number(x.powf(y)),
                    (None, Some(r)) if r == r.trunc() && r.abs() <= 1024.0 => {
                        self.power(a, r as i32)
                    }
                    (None, Some(r)) => self.emit(Op::Power(a, r)),
                    _ => {
                        let log = self.call(Function::Log, a)?;
                        let exponent = self.mul(b, log)?;
                        self.call(Function::Exp, exponent)
                    }
                }
            }
            Node::Call(function, a) => {
                let a = self.expr(a)?;
                self.call(*function, a)
            }
        }
    }
}

impl Tape {
    /// The right-hand sides of a system with these parameters.
    pub(super) fn new(system: &OdeSystem, parameters: &[f64]) -> Result<Self> {
        let symbols: HashMap<String, usize> = system
            .symbols()
            .into_iter()
            .enumerate()
            .map(|(k, name)| (name, k))
            .collect();
        let mut builder = Builder {
            symbols: &symbols,
            components: system.orders().iter().sum(),
            parameters,
            ops: Vec::new(),
            known: HashMap::new(),
        };
        let mut rows = Vec::new();
        for field in system.fields() {
            let first = rows.len();
            rows.extend((1..field.order as usize).map(|k| Row::Next(first + k)));
            rows.push(Row::Value(builder.expr(&field.highest)?));
        }
        Ok(Tape {
            ops: builder.ops,
            rows,
        })
    }

    /// Operations.
    pub(super) fn len(&self) -> usize {
        self.ops.len()
    }

    /// Whether no operation has a kink.
    pub(super) fn smooth(&self) -> bool {
        !self
            .ops
            .iter()
            .any(|op| matches!(op, Op::Abs(_) | Op::Sign(_)))
    }

    /// Series up to `degree` of the components from `z` at `t`: `out` gets `degree + 1` coefficients for each. `work`
    /// is room that is kept between calls.
    pub(super) fn series(
        &self,
        t: f64,
        z: &[f64],
        degree: usize,
        work: &mut Vec<f64>,
        out: &mut Vec<f64>,
    ) {
        let width = degree + 1;
        work.clear();
        work.resize(self.ops.len() * width, 0.0);
        out.clear();
        out.resize(self.rows.len() * width, 0.0);
        for (c, z) in z.iter().enumerate().take(self.rows.len()) {
            out[c * width] = *z;
        }
        for k in 0..degree {
            for place in 0..self.ops.len() {
                let (before, rest) = work.split_at_mut(place * width);
                let value = self.coefficient(place, k, t, width, before, rest, out);
                rest[k] = value;
            }
            for (c, row) in self.rows.iter().enumerate() {
                let slope = match row {
                    Row::Next(other) => out[other * width + k],
                    Row::Value(place) => work[place * width + k],
                };
                out[c * width + k + 1] = slope / (k + 1) as f64;
            }
        }
    }

    /// Coefficient `k` of the operation at `place`: `before` holds all earlier series, `own` this one's lower
    /// coefficients and then the later operations (a pair reads its partner's).
    #[allow(clippy::too_many_arguments)]
    fn coefficient(
        &self,
        place: usize,
        k: usize,
        t: f64,
        width: usize,
        before: &[f64],
        own: &[f64],
        z: &[f64],
    ) -> f64 {
        let at = |a: usize| &before[a * width..a * width + k + 1];
        let kf = k as f64;
        // sum of j a_j b_(k-j) over j = 1..k
        let weighted = |a: &[f64], b: &[f64]| -> f64 {
            let mut sum = 0.0;
            for j in 1..=k {
                sum += j as f64 * a[j] * b[k - j];
            }
            sum
        };
        match self.ops[place] {
            Op::Number(v) => {
                if k == 0 {
                    v
                } else {
                    0.0
                }
            }
            Op::Time => match k {
                0 => t,
                1 => 1.0,
                _ => 0.0,
            },
            Op::Component(c) => z[c * width + k],
            Op::Add(a, b) => at(a)[k] + at(b)[k],
            Op::Sub(a, b) => at(a)[k] - at(b)[k],
            Op::Scale(v, a) => v * at(a)[k],
            Op::Mul(a, b) => {
                let (a, b) = (at(a), at(b));
                a.iter().zip(b.iter().rev()).map(|(a, b)| a * b).sum()
            }
            Op::Div(a, b) => {
                let (a, b) = (at(a), at(b));
                let mut sum = a[k];
                for j in 1..=k {
                    sum -= b[j] * own[k - j];
                }
                sum / b[0]
            }
            Op::Power(a, r) => {
                let a = at(a);
                if k == 0 {
                    return a[0].powf(r);
                }
                let mut sum = 0.0;
                for j in 1..=k {
                    sum += (r * j as f64 - (k - j) as f64) * a[j] * own[k - j];
                }
                sum / (kf * a[0])
            }
            Op::Exp(a) => {
                let a = at(a);
                if k == 0 {
                    a[0].exp()
                } else {
                    weighted(a, own) / kf
                }
            }
            Op::Log(a) => {
                let a = at(a);
                if k == 0 {
                    return a[0].ln();
                }
                let mut sum = 0.0;
                for j in 1..k {
                    sum += j as f64 * own[j] * a[k - j];
                }
                (a[k] - sum / kf) / a[0]
            }
            Op::Sin(a) => {
                let a = at(a);
                if k == 0 {
                    a[0].sin()
                } else {
                    weighted(a, &own[width..]) / kf
                }
            }
            Op::CosAfter(a) => {
                if k == 0 {
                    at(a)[0].cos()
                } else {
                    -weighted(at(a), &before[(place - 1) * width..]) / kf
                }
            }
            Op::Sinh(a) => {
                let a = at(a);
                if k == 0 {
                    a[0].sinh()
                } else {
                    weighted(a, &own[width..]) / kf
                }
            }
            Op::CoshAfter(a) => {
                if k == 0 {
                    at(a)[0].cosh()
                } else {
                    weighted(at(a), &before[(place - 1) * width..]) / kf
                }
            }
            Op::Tan(a) => {
                if k == 0 {
                    at(a)[0].tan()
                } else {
                    weighted(at(a), &own[width..]) / kf
                }
            }
            Op::Tanh(a) => {
                if k == 0 {
                    at(a)[0].tanh()
                } else {
                    weighted(at(a), &own[width..]) / kf
                }
            }
            Op::Square(sign) => {
                let w = at(place - 1);
                let square: f64 = w.iter().zip(w.iter().rev()).map(|(a, b)| a * b).sum();
                sign * square + if k == 0 { 1.0 } else { 0.0 }
            }
            Op::Atan(a, below) => {
                let (a, below) = (at(a), at(below));
                if k == 0 {
                    return a[0].atan();
                }
                let mut sum = kf * a[k];
                for j in 1..k {
                    sum -= j as f64 * own[j] * below[k - j];
                }
                sum / (kf * below[0])
            }
            Op::Abs(a) => {
                let a = at(a);
                if a[0] < 0.0 { -a[k] } else { a[k] }
            }
            Op::Sign(a) => {
                if k == 0 {
                    Function::Sign.apply(at(a)[0])
                } else {
                    0.0
                }
            }
        }
    }
}
