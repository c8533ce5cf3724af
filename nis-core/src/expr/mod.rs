//! Formulas as data: parse, simplify, differentiate, evaluate in batches, print; units and constants.
//!
//! Floor 0: imports only [`crate::error`]. One type, [`Expr`], is what the KAN writes, the PINN reads, the
//! physics checks test for units, the offline provider evaluates and the reports print.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// A formula.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Expr {}

/// An equation `left = right`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Equation {
    /// Left-hand side.
    pub left: Expr,
    /// Right-hand side.
    pub right: Expr,
}

/// A formula made ready for evaluation over arrays.
#[derive(Debug, Clone, PartialEq)]
pub struct Program {}

impl Expr {
    /// Reads a formula.
    pub fn parse(_text: &str) -> Result<Self> {
        Err(Error::unavailable("expr", "not written yet"))
    }
    /// A number.
    pub fn number(_value: f64) -> Self {
        Expr {}
    }
    /// A name.
    pub fn name(_name: &str) -> Self {
        Expr {}
    }
    /// Free names (derivatives not included).
    pub fn names(&self) -> BTreeSet<String> {
        BTreeSet::new()
    }
    /// Simplified.
    pub fn simplify(&self) -> Self {
        self.clone()
    }
    /// Derivative with respect to a name.
    pub fn differentiate(&self, _name: &str) -> Self {
        self.clone()
    }
    /// LaTeX.
    pub fn to_latex(&self) -> String {
        String::new()
    }
    /// Made ready for evaluation, with the order of its arguments.
    pub fn compile(&self, _arguments: &[&str]) -> Result<Program> {
        Err(Error::unavailable("expr", "not written yet"))
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}
