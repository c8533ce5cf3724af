//! Formulas as data: parse, simplify, differentiate, evaluate in batches, print; units and constants.
//!
//! Floor 0: imports only [`crate::error`]. One type, [`Expr`], is what the KAN writes, the PINN reads, the
//! physics checks test for units, the offline provider evaluates and the reports print.
//!
//! # Grammar
//! ```text
//! formula  = ["-"] product (("+" | "-") product)*
//! product  = power (("*" | "/") power)*
//! power    = operand ["^" ["-"] power]                    right associative; "**" is the same
//! operand  = number | name | derivative | function "(" formula ")" | "pow(" formula "," formula ")"
//!          | "(" formula ")"
//! name     = letter (letter | digit | "_")*  |  "`" anything "`"
//! derivative = name "'"+  |  name "_" ("x" | "y" | "z" | "t")+
//! ```
//! `pi` and `e` are constants. Functions: [`Function`]. A unary minus binds looser than `*` and `^`:
//! `-x^2` is `-(x^2)`. There is no implicit multiplication.

mod complex;
pub mod constants;
mod differentiate;
mod equation;
mod function;
mod node;
mod operators;
mod parse;
mod print;
mod program;
mod simplify;
pub mod units;

pub use complex::ComplexProgram;
pub use equation::Equation;
pub use function::Function;
pub(crate) use node::Node;
pub use node::{By, Derivative, Expr, MAX_DEPTH, MAX_NODES};
pub use parse::{Context, MAX_NESTING, MAX_TEXT};
pub use program::Program;

#[cfg(test)]
mod edge_tests;
#[cfg(test)]
mod tests;
