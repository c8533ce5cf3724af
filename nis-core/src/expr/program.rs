//! Formulas made ready for evaluation: a flat list of instructions without repeated parts, run over blocks
//! of points so that the inner loops vectorise.

use std::collections::HashMap;

use super::function::Function;
use super::node::{Expr, Node};
use crate::error::{Error, Result};

/// Points per block: the registers of a usual formula stay in the first-level cache.
const BLOCK: usize = 128;

/// Values that all registers may hold together, so that long programs run in shorter blocks (4 MiB).
const ROOM: usize = 1 << 19;

/// One instruction; its operands are registers (while compiling: earlier steps).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Step {
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
    /// Each step with the register that takes its value; the last one gives the result.
    pub(super) steps: Vec<(Step, usize)>,
    registers: usize,
    arguments: usize,
}

impl Step {
    fn operands(self) -> [Option<usize>; 2] {
        match self {
            Step::Number(_) | Step::Input(_) => [None, None],
            Step::Add(a, b)
            | Step::Sub(a, b)
            | Step::Mul(a, b)
            | Step::Div(a, b)
            | Step::Pow(a, b) => [Some(a), Some(b)],
            Step::Neg(a) | Step::PowInt(a, _) | Step::Call(_, a) => [Some(a), None],
        }
    }

    fn renamed(self, name: impl Fn(usize) -> usize) -> Self {
        match self {
            Step::Number(_) | Step::Input(_) => self,
            Step::Add(a, b) => Step::Add(name(a), name(b)),
            Step::Sub(a, b) => Step::Sub(name(a), name(b)),
            Step::Mul(a, b) => Step::Mul(name(a), name(b)),
            Step::Div(a, b) => Step::Div(name(a), name(b)),
            Step::Pow(a, b) => Step::Pow(name(a), name(b)),
            Step::Neg(a) => Step::Neg(name(a)),
            Step::PowInt(a, n) => Step::PowInt(name(a), n),
            Step::Call(f, a) => Step::Call(f, name(a)),
        }
    }
}

/// Gives every step a register and hands a register on once its value has been used for the last time. A
/// step never writes a register that it reads.
fn allocate(steps: &[Step]) -> (Vec<(Step, usize)>, usize) {
    let mut last = vec![usize::MAX; steps.len()];
    for (i, step) in steps.iter().enumerate() {
        for operand in step.operands().into_iter().flatten() {
            last[operand] = i;
        }
    }
    let mut free = Vec::new();
    let mut count = 0;
    let mut place = Vec::with_capacity(steps.len());
    let mut out = Vec::with_capacity(steps.len());
    for (i, step) in steps.iter().enumerate() {
        let target = free.pop().unwrap_or_else(|| {
            count += 1;
            count - 1
        });
        place.push(target);
        out.push((step.renamed(|operand| place[operand]), target));
        let [a, b] = step.operands();
        for operand in [a, b.filter(|_| a != b)].into_iter().flatten() {
            if last[operand] == i {
                free.push(place[operand]);
            }
        }
    }
    (out, count)
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
                acc.unwrap_or_else(|| self.emit(Step::Number(0.0)))
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
                acc.unwrap_or_else(|| self.emit(Step::Number(1.0)))
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
        let (steps, registers) = allocate(&steps);
        Ok(Program {
            steps,
            registers,
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

    /// Number of registers: values that are held at once.
    pub fn registers(&self) -> usize {
        self.registers
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
        let block = (ROOM / self.registers.max(1)).clamp(1, BLOCK);
        let mut registers = vec![vec![0.0; block.min(out.len())]; self.registers];
        let mut from = 0;
        for chunk in out.chunks_mut(block) {
            let n = chunk.len();
            for (step, place) in &self.steps {
                // A step never reads the register that it writes: the empty one left here is not seen.
                let mut taken = std::mem::take(&mut registers[*place]);
                let target = &mut taken[..n];
                let r = |i: usize| registers[i].as_slice();
                match *step {
                    Step::Number(v) => target.fill(v),
                    Step::Input(k) => target.copy_from_slice(&inputs[k][from..from + n]),
                    Step::Add(a, b) => binary(target, r(a), r(b), |a, b| a + b),
                    Step::Sub(a, b) => binary(target, r(a), r(b), |a, b| a - b),
                    Step::Mul(a, b) => binary(target, r(a), r(b), |a, b| a * b),
                    Step::Div(a, b) => binary(target, r(a), r(b), |a, b| a / b),
                    Step::Pow(a, b) => binary(target, r(a), r(b), f64::powf),
                    Step::Neg(a) => unary(target, r(a), |a| -a),
                    // The same bits as powi(2), which does not vectorise.
                    Step::PowInt(a, 2) => unary(target, r(a), |a| a * a),
                    Step::PowInt(a, p) => unary(target, r(a), |a| a.powi(p)),
                    Step::Call(f, a) => unary(target, r(a), |a| f.apply(a)),
                }
                registers[*place] = taken;
            }
            if let Some((_, last)) = self.steps.last() {
                chunk.copy_from_slice(&registers[*last][..n]);
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
        let registers: &mut [f64] = if self.registers <= SMALL {
            small = [0.0; SMALL];
            &mut small[..self.registers]
        } else {
            large = vec![0.0; self.registers];
            &mut large
        };
        for (step, place) in &self.steps {
            registers[*place] = match *step {
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
        let last = self.steps.last().and_then(|(_, last)| registers.get(*last));
        last.copied().unwrap_or(f64::NAN)
    }
}

fn unary(target: &mut [f64], a: &[f64], f: impl Fn(f64) -> f64) {
    for (t, a) in target.iter_mut().zip(a) {
        *t = f(*a);
    }
}

fn binary(target: &mut [f64], a: &[f64], b: &[f64], f: impl Fn(f64, f64) -> f64) {
    for ((t, a), b) in target.iter_mut().zip(a).zip(b) {
        *t = f(*a, *b);
    }
}
