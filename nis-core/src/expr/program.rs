//! Formulas made ready for evaluation: a flat list of instructions without repeated parts, run over blocks
//! of points so that the inner loops vectorise.

use std::collections::HashMap;

use super::node::{Expr, Function, Node};
use crate::error::{Error, Result};

/// Points per block: the registers of a usual formula stay in the first-level cache.
const BLOCK: usize = 128;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Step {
    Number(f64),
    Input(usize),
    Add(usize, usize),
    Sub(usize, usize),
    Mul(usize, usize),
    Div(usize, usize),
    Neg(usize),
    PowInt(usize, i32),
    Pow(usize, usize),
    Call(Function, usize),
}

/// A formula made ready by [`Expr::compile`]. Values follow IEEE 754: `log(-1)` is NaN, `1/0` infinite. An
/// integer exponent is evaluated by repeated multiplication.
///
/// ```
/// use nis_core::expr::Expr;
/// let program = Expr::parse("a*x + 1")?.compile(&["x", "a"])?;
/// let mut y = [0.0; 3];
/// program.evaluate(&[&[0.0, 1.0, 2.0], &[2.0, 2.0, 3.0]], &mut y)?;
/// assert_eq!(y, [1.0, 3.0, 7.0]);
/// # Ok::<(), nis_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Program {
    steps: Vec<Step>,
    arguments: usize,
}

struct Compiler<'a> {
    arguments: &'a [&'a str],
    steps: Vec<Step>,
    known: HashMap<(u8, u64, u64), usize>,
}

impl Compiler<'_> {
    fn emit(&mut self, step: Step) -> usize {
        let key = match step {
            Step::Number(v) => (0, v.to_bits(), 0),
            Step::Input(i) => (1, i as u64, 0),
            // a + b and b + a are the same bits.
            Step::Add(a, b) => (2, a.min(b) as u64, a.max(b) as u64),
            Step::Sub(a, b) => (3, a as u64, b as u64),
            Step::Mul(a, b) => (4, a.min(b) as u64, a.max(b) as u64),
            Step::Div(a, b) => (5, a as u64, b as u64),
            Step::Neg(a) => (6, a as u64, 0),
            Step::PowInt(a, n) => (7, a as u64, n as u64),
            Step::Pow(a, b) => (8, a as u64, b as u64),
            Step::Call(f, a) => (16 + f as u8, a as u64, 0),
        };
        *self.known.entry(key).or_insert_with(|| {
            self.steps.push(step);
            self.steps.len() - 1
        })
    }

    fn input(&mut self, symbol: &str) -> Result<usize> {
        match self.arguments.iter().position(|a| *a == symbol) {
            Some(i) => Ok(self.emit(Step::Input(i))),
            None => Err(Error::NotFound {
                what: "name in the formula".into(),
                name: format!("{symbol} (there are: {})", self.arguments.join(", ")),
            }),
        }
    }

    fn expr(&mut self, e: &Expr) -> Result<usize> {
        Ok(match e.node() {
            Node::Number(v) => self.emit(Step::Number(*v)),
            Node::Pi => self.emit(Step::Number(std::f64::consts::PI)),
            Node::E => self.emit(Step::Number(std::f64::consts::E)),
            Node::Name(name) => self.input(name)?,
            Node::Derivative(d) => self.input(&d.to_string())?,
            Node::Sum(terms) => {
                let mut acc = None;
                for term in terms {
                    acc = Some(match (acc, term.node()) {
                        (None, _) => self.expr(term)?,
                        (Some(a), Node::Neg(inner)) => {
                            let b = self.expr(inner)?;
                            self.emit(Step::Sub(a, b))
                        }
                        (Some(a), _) => {
                            let b = self.expr(term)?;
                            self.emit(Step::Add(a, b))
                        }
                    });
                }
                acc.map_or_else(|| self.emit(Step::Number(0.0)), |a| a)
            }
            Node::Product(factors) => {
                let mut acc = None;
                for factor in factors {
                    let b = self.expr(factor)?;
                    acc = Some(match acc {
                        None => b,
                        Some(a) => self.emit(Step::Mul(a, b)),
                    });
                }
                acc.map_or_else(|| self.emit(Step::Number(1.0)), |a| a)
            }
            Node::Quotient(a, b) => {
                let (a, b) = (self.expr(a)?, self.expr(b)?);
                self.emit(Step::Div(a, b))
            }
            Node::Neg(a) => {
                let a = self.expr(a)?;
                self.emit(Step::Neg(a))
            }
            Node::Power(a, b) => {
                let base = self.expr(a)?;
                match b.node() {
                    Node::Number(n) if *n == n.trunc() && n.abs() <= 1024.0 => {
                        self.emit(Step::PowInt(base, *n as i32))
                    }
                    _ => {
                        let b = self.expr(b)?;
                        self.emit(Step::Pow(base, b))
                    }
                }
            }
            Node::Call(function, a) => {
                let a = self.expr(a)?;
                self.emit(Step::Call(*function, a))
            }
        })
    }
}

impl Expr {
    /// Makes the formula ready for evaluation with its arguments in this order; an argument is a name or a
    /// derivative in its printed form (`y'`, `u_x`).
    ///
    /// # Errors
    /// [`Error::NotFound`] for a name in the formula that is no argument.
    pub fn compile(&self, arguments: &[&str]) -> Result<Program> {
        let mut compiler = Compiler {
            arguments,
            steps: Vec::new(),
            known: HashMap::new(),
        };
        let last = compiler.expr(self)?;
        let mut steps = compiler.steps;
        // The result is the last register: what was emitted after it cannot exist, for parts come first,
        // but a shared part may be the whole result.
        steps.truncate(last + 1);
        Ok(Program {
            steps,
            arguments: arguments.len(),
        })
    }
}

impl Program {
    /// Number of instructions.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether there are no instructions; never so for a program made by [`Expr::compile`].
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Number of arguments.
    pub fn arguments(&self) -> usize {
        self.arguments
    }

    /// The value at every point: `inputs[k][i]` is argument `k` at point `i`.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where the number of inputs or a length does not fit `out`.
    pub fn evaluate(&self, inputs: &[&[f64]], out: &mut [f64]) -> Result<()> {
        if inputs.len() != self.arguments {
            return Err(Error::invalid(
                "inputs",
                inputs.len(),
                format!("{} arrays", self.arguments),
            ));
        }
        if let Some((k, bad)) = inputs
            .iter()
            .enumerate()
            .find(|(_, v)| v.len() != out.len())
        {
            return Err(Error::invalid(
                format!("inputs[{k}]"),
                format!("{} values", bad.len()),
                format!("{} values, as in the output", out.len()),
            ));
        }
        let mut registers = vec![[0.0; BLOCK]; self.steps.len()];
        let mut from = 0;
        for chunk in out.chunks_mut(BLOCK) {
            let n = chunk.len();
            for (i, step) in self.steps.iter().enumerate() {
                let (done, rest) = registers.split_at_mut(i);
                let Some(target) = rest.first_mut() else {
                    continue;
                };
                let target = &mut target[..n];
                match *step {
                    Step::Number(v) => target.fill(v),
                    Step::Input(k) => target.copy_from_slice(&inputs[k][from..from + n]),
                    Step::Add(a, b) => binary(target, &done[a], &done[b], |a, b| a + b),
                    Step::Sub(a, b) => binary(target, &done[a], &done[b], |a, b| a - b),
                    Step::Mul(a, b) => binary(target, &done[a], &done[b], |a, b| a * b),
                    Step::Div(a, b) => binary(target, &done[a], &done[b], |a, b| a / b),
                    Step::Pow(a, b) => binary(target, &done[a], &done[b], f64::powf),
                    Step::Neg(a) => unary(target, &done[a], |a| -a),
                    Step::PowInt(a, p) => unary(target, &done[a], |a| a.powi(p)),
                    Step::Call(f, a) => unary(target, &done[a], |a| f.apply(a)),
                }
            }
            if let Some(last) = registers.last() {
                chunk.copy_from_slice(&last[..n]);
            }
            from += n;
        }
        Ok(())
    }

    /// The value at one point; NaN where the number of arguments does not fit.
    pub fn evaluate_point(&self, arguments: &[f64]) -> f64 {
        const SMALL: usize = 64;
        if arguments.len() != self.arguments {
            return f64::NAN;
        }
        let (mut small, mut large);
        let registers: &mut [f64] = if self.steps.len() <= SMALL {
            small = [0.0; SMALL];
            &mut small[..self.steps.len()]
        } else {
            large = vec![0.0; self.steps.len()];
            &mut large
        };
        for (i, step) in self.steps.iter().enumerate() {
            registers[i] = match *step {
                Step::Number(v) => v,
                Step::Input(k) => arguments[k],
                Step::Add(a, b) => registers[a] + registers[b],
                Step::Sub(a, b) => registers[a] - registers[b],
                Step::Mul(a, b) => registers[a] * registers[b],
                Step::Div(a, b) => registers[a] / registers[b],
                Step::Pow(a, b) => registers[a].powf(registers[b]),
                Step::Neg(a) => -registers[a],
                Step::PowInt(a, p) => registers[a].powi(p),
                Step::Call(f, a) => f.apply(registers[a]),
            };
        }
        registers.last().copied().unwrap_or(f64::NAN)
    }
}

fn unary(target: &mut [f64], a: &[f64; BLOCK], f: impl Fn(f64) -> f64) {
    for (t, a) in target.iter_mut().zip(a) {
        *t = f(*a);
    }
}

fn binary(target: &mut [f64], a: &[f64; BLOCK], b: &[f64; BLOCK], f: impl Fn(f64, f64) -> f64) {
    for ((t, a), b) in target.iter_mut().zip(a).zip(b) {
        *t = f(*a, *b);
    }
}
