//! Residuals as programs in the arguments that the solvers hand over.

use std::collections::HashMap;

use super::{Coordinate, Jet, Problem, Residual};
use crate::error::{Error, Result};
use crate::expr::{By, Derivative, Expr, Node};

/// Most parts of all formulas, times the derivatives in them, times the arguments by 64.
const MAX_WORK: u64 = 40_000_000;

/// The symbol of a component of the normal; no host can write it.
pub(super) fn normal_symbol(axis: &str) -> String {
    format!("normal {axis}")
}

/// A jet in its one spelling: letters in the order of the coordinates.
pub(super) fn symbol(jet: &Jet, fields: &[String], coordinates: &[Coordinate]) -> Expr {
    let name = fields.get(jet.field).cloned().unwrap_or_default();
    let letters: String = coordinates
        .iter()
        .zip(&jet.order)
        .map(|(c, n)| c.name.repeat(usize::from(*n)))
        .collect();
    if letters.is_empty() {
        return Expr::name(name);
    }
    Expr::derivative(Derivative {
        field: name,
        by: By::Coordinates(letters),
    })
}

impl Problem {
    /// The arguments of every residual: coordinates, jets, unknown parameters, components of the normal, functions
    /// of the host ([`Problem::functions_at`]).
    pub(in super::super) fn symbols(&self) -> Vec<String> {
        let names = self.coordinates.iter().map(|c| c.name.clone());
        let jets = self.jets.iter().map(|j| {
            let symbol = symbol(j, &self.fields, &self.coordinates);
            match symbol.node() {
                Node::Name(name) => name.clone(),
                _ => symbol.to_string(),
            }
        });
        let unknowns = self.unknowns.iter().map(|u| u.name.clone());
        let normal = self.coordinates.iter().map(|c| normal_symbol(&c.name));
        let functions = self.functions.iter().map(|f| f.name.clone());
        names
            .chain(jets)
            .chain(unknowns)
            .chain(normal)
            .chain(functions)
            .collect()
    }
}

/// Makes residuals of formulas in the symbols of a problem.
pub(super) struct Compiler {
    symbols: Vec<String>,
    /// Place of each jet and unknown parameter in the symbols.
    varying: HashMap<String, usize>,
    first: usize,
    jets: usize,
    work: u64,
}

impl Compiler {
    pub(super) fn new(problem: &Problem) -> Result<Self> {
        let symbols = problem.symbols();
        let (first, jets) = (problem.coordinates.len(), problem.jets.len());
        let varying = symbols.iter().enumerate().skip(first);
        let varying = varying.take(jets + problem.unknowns.len());
        let varying: HashMap<String, usize> =
            varying.map(|(k, s)| (s.clone(), k - first)).collect();
        let mut sorted: Vec<&String> = symbols.iter().collect();
        sorted.sort();
        if let Some(pair) = sorted.windows(2).find(|w| w[0] == w[1]) {
            return Err(Error::invalid(
                "fields",
                pair[0],
                "names that are not also derivatives of other fields",
            ));
        }
        Ok(Compiler {
            symbols,
            varying,
            first,
            jets,
            work: 0,
        })
    }

    /// Jets and unknown parameters in a formula, by their place.
    fn used(&self, formula: &Expr) -> Vec<usize> {
        let names = formula.names();
        let derivatives = formula.derivatives();
        let texts = names
            .into_iter()
            .chain(derivatives.iter().map(|d| d.to_string()));
        let mut out: Vec<usize> = texts
            .filter_map(|t| self.varying.get(&t).copied())
            .collect();
        out.sort_unstable();
        out
    }

    pub(super) fn residual(&mut self, text: String, formula: Expr) -> Result<Residual> {
        let (mut by_jet, mut by_unknown) = (Vec::new(), Vec::new());
        let mut linear = true;
        let used = self.used(&formula);
        // Compiling looks every name up among all arguments.
        let lookups = self.symbols.len() as u64 / 64 + 1;
        let cost = formula.complexity().saturating_mul(used.len() as u64 + 1);
        let cost = cost.saturating_mul(lookups);
        self.work = self.work.saturating_add(cost);
        if self.work > MAX_WORK {
            return Err(Error::Limit {
                what: "parts of all formulas times the derivatives in them".into(),
                limit: MAX_WORK,
                got: self.work,
            });
        }
        let arguments: Vec<&str> = self.symbols.iter().map(String::as_str).collect();
        for k in used {
            let Some(argument) = arguments.get(self.first + k) else {
                continue;
            };
            let slope = formula.differentiate(argument)?;
            if slope.as_number() == Some(0.0) {
                continue;
            }
            if k < self.jets {
                linear &= self.used(&slope).is_empty();
                by_jet.push((k, slope.compile(&arguments)?));
            } else {
                by_unknown.push((k - self.jets, slope.compile(&arguments)?));
            }
        }
        Ok(Residual {
            text,
            value: formula.compile(&arguments)?,
            formula,
            by_jet,
            by_unknown,
            linear,
        })
    }
}
