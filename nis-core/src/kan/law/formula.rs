//! A formula with its constants: fitted to the training rows in the learned scale, shortened, and written in the
//! original quantities.

use super::super::Constant;
use super::super::shapes::Optional;
use super::super::symbolic::{Fitted, constant, description, fit_constants, with_values};
use super::data::{Scaled, Split};
use crate::error::Result;
use crate::expr::{Expr, Function};
use crate::telemetry::Progress;

/// A constant of a formula under construction.
#[derive(Clone)]
pub(super) struct Slot {
    /// Its name in the expression.
    symbol: String,
    role: String,
    input: Option<usize>,
    optional: Optional,
    pub(super) value: f64,
}

/// A formula for the target in the learned scale, in the inputs' own units.
#[derive(Clone, Default)]
pub(super) struct Model {
    pub(super) slots: Vec<Slot>,
    /// Number of the next symbol.
    next: usize,
    /// Symbol of the additive constant of an additive model.
    constant: Option<String>,
    /// Logarithmic scale: exponent's symbol and input of `exponent * log(input)`.
    powers: Vec<(String, usize)>,
    /// The other terms.
    terms: Vec<Expr>,
}

/// A fitted formula.
pub(super) struct Formula {
    /// Right-hand side in the original quantities.
    pub(super) expr: Expr,
    pub(super) constants: Vec<Constant>,
    /// Values in the learned scale for all rows.
    pub(super) learned: Vec<f64>,
    /// Sum of squared residuals of the training rows.
    pub(super) sum_squares: f64,
    /// Constants left.
    pub(super) k: usize,
}

impl Model {
    /// Adds a constant and returns its symbol.
    pub(super) fn slot(
        &mut self,
        role: &str,
        input: Option<usize>,
        optional: Optional,
        value: f64,
    ) -> String {
        let symbol = constant(self.next);
        self.next += 1;
        self.slots.push(Slot {
            symbol: symbol.clone(),
            role: role.into(),
            input,
            optional,
            value,
        });
        symbol
    }

    pub(super) fn set_constant(&mut self, value: f64) {
        self.constant = Some(self.slot("constant", None, Optional::Zero, value));
    }

    pub(super) fn add_power(&mut self, input: usize, exponent: f64) {
        let symbol = self.slot("exponent", Some(input), Optional::Never, exponent);
        self.powers.push((symbol, input));
    }

    pub(super) fn add_term(&mut self, term: Expr) {
        self.terms.push(term);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.powers.is_empty() && self.terms.is_empty()
    }

    /// The right-hand side in the learned scale, constants by symbol.
    fn sum(&self, scaled: &Scaled<'_>) -> Result<Expr> {
        let mut all = self.terms.clone();
        if let Some(symbol) = &self.constant {
            all.push(Expr::name(symbol.as_str()));
        }
        for (symbol, input) in &self.powers {
            let log = Expr::name(scaled.names[*input]).call(Function::Log)?;
            all.push(Expr::name(symbol.as_str()).times(&log)?);
        }
        Expr::sum(all)
    }

    fn symbols(&self) -> Vec<String> {
        self.slots.iter().map(|s| s.symbol.clone()).collect()
    }

    fn values(&self) -> Vec<f64> {
        self.slots.iter().map(|s| s.value).collect()
    }

    /// The model without constant number `at`.
    fn without(&self, at: usize) -> Result<Model> {
        let mut out = self.clone();
        let gone = out.slots.remove(at);
        if out.constant.as_ref() == Some(&gone.symbol) {
            out.constant = None;
        }
        for term in &mut out.terms {
            *term = term
                .substitute(&gone.symbol, &Expr::number(0.0))?
                .simplify()?;
        }
        Ok(out)
    }

    /// Fits the constants to the training rows; `None` where the formula does not exist there.
    pub(super) fn fit(
        &mut self,
        scaled: &Scaled<'_>,
        split: &Split,
        progress: &Progress<'_>,
    ) -> Result<Option<Fitted>> {
        let columns: Vec<Vec<f64>> = scaled
            .inputs
            .iter()
            .map(|x| Scaled::pick(x, &split.train))
            .collect();
        let named: Vec<(&str, &[f64])> = scaled
            .names
            .iter()
            .copied()
            .zip(columns.iter().map(Vec::as_slice))
            .collect();
        let y = Scaled::pick(&scaled.y, &split.train);
        let expr = self.sum(scaled)?;
        let fitted = fit_constants(&expr, &self.symbols(), &self.values(), &named, &y, progress)?;
        if let Some(fit) = &fitted {
            for (slot, value) in self.slots.iter_mut().zip(&fit.values) {
                slot.value = *value;
            }
        }
        Ok(fitted)
    }

    /// Values in the learned scale for all rows.
    fn evaluate(&self, scaled: &Scaled<'_>) -> Result<Vec<f64>> {
        let expr = with_values(&self.sum(scaled)?, &self.symbols(), &self.values())?;
        let mut out = vec![0.0; scaled.y.len()];
        expr.compile(&scaled.names)?
            .evaluate(&scaled.inputs, &mut out)?;
        Ok(out)
    }

    fn sum_squares(&self, scaled: &Scaled<'_>, split: &Split) -> Result<f64> {
        let values = self.evaluate(scaled)?;
        let off = |r: &usize| (values[*r] - scaled.y[*r]).powi(2);
        Ok(split.train.iter().map(off).sum())
    }

    /// Leaves out constants that are zero to working precision, and polynomial coefficients without which the
    /// description is shorter. `fit` is the fit of the model as it stands.
    pub(super) fn shorten(
        mut self,
        mut fit: Fitted,
        scaled: &Scaled<'_>,
        split: &Split,
        floor: f64,
        progress: &Progress<'_>,
    ) -> Result<(Model, Fitted)> {
        let n = split.train.len();
        loop {
            let score = description(n, fit.sum_squares, self.slots.len(), floor);
            let mut best: Option<(f64, Model, Fitted)> = None;
            for (at, slot) in self.slots.iter().enumerate() {
                progress.check()?;
                if slot.optional == Optional::Never || self.slots.len() == 1 {
                    continue;
                }
                let mut shorter = self.without(at)?;
                let exact = shorter.sum_squares(scaled, split)? <= n as f64 * floor * floor;
                let se = fit.std_errors.as_ref().map(|s| s[at]);
                let slight = slot.optional == Optional::Shorter
                    && se.is_none_or(|se| slot.value.abs() < 4.0 * se);
                if !exact && !slight {
                    continue;
                }
                let Some(refit) = shorter.fit(scaled, split, progress)? else {
                    continue;
                };
                let new = description(n, refit.sum_squares, shorter.slots.len(), floor);
                if new < score && best.as_ref().is_none_or(|b| new < b.0) {
                    best = Some((new, shorter, refit));
                }
            }
            let Some((_, shorter, refit)) = best else {
                return Ok((self, fit));
            };
            self = shorter;
            fit = refit;
        }
    }

    /// The formula in the original quantities. `None` where it has no finite value for some row, or where
    /// rounding keeps it from agreeing with what was fitted.
    pub(super) fn write(&self, fit: &Fitted, scaled: &Scaled<'_>) -> Result<Option<Formula>> {
        let (symbols, values) = (self.symbols(), self.values());
        let value_of = |symbol: &String| {
            let slot = self.slots.iter().find(|s| s.symbol == *symbol);
            slot.map_or(0.0, |s| s.value)
        };
        let terms = self
            .terms
            .iter()
            .map(|t| with_values(t, &symbols, &values))
            .collect::<Result<Vec<_>>>()?;
        let expr = if scaled.logarithmic {
            // exp(c + p log(x) + g) = e^c x^p e^g
            let mut factors = Vec::new();
            if let Some(symbol) = &self.constant {
                factors.push(Expr::number(value_of(symbol).exp()));
            }
            for (symbol, input) in &self.powers {
                let exponent = Expr::number(value_of(symbol));
                factors.push(Expr::name(scaled.names[*input]).pow(&exponent)?);
            }
            if !terms.is_empty() {
                factors.push(Expr::sum(terms)?.call(Function::Exp)?);
            }
            Expr::product(factors)?.simplify()?
        } else {
            with_values(&self.sum(scaled)?, &symbols, &values)?.simplify()?
        };
        let learned = self.evaluate(scaled)?;
        let mut written = vec![0.0; learned.len()];
        expr.compile(&scaled.names)?
            .evaluate(&scaled.inputs, &mut written)?;
        // What is reported must be what was judged.
        let same = written.iter().zip(&learned).all(|(w, l)| {
            let want = scaled.back(*l);
            want.is_finite() && (w - want).abs() <= 1e-9 * want.abs().max(scaled.y_map.half)
                || scaled.logarithmic && (w / want - 1.0).abs() <= 1e-9
        });
        if !same {
            return Ok(None);
        }
        Ok(Some(Formula {
            expr,
            constants: self.constants(fit, scaled),
            learned,
            sum_squares: fit.sum_squares,
            k: self.slots.len(),
        }))
    }

    fn constants(&self, fit: &Fitted, scaled: &Scaled<'_>) -> Vec<Constant> {
        let mut out = Vec::new();
        for (i, slot) in self.slots.iter().enumerate() {
            let std_error = fit.std_errors.as_ref().map(|s| s[i]);
            let first = self.constant.as_ref() == Some(&slot.symbol);
            let at = if first { 0 } else { out.len() };
            out.insert(
                at,
                if scaled.logarithmic && first {
                    // ln y = k + ... is y = e^k ...; the error of e^k is e^k times that of k.
                    let factor = slot.value.exp();
                    Constant {
                        name: "factor".into(),
                        value: factor,
                        std_error: std_error.map(|s| s * factor),
                    }
                } else {
                    Constant {
                        name: match slot.input {
                            Some(input) => format!("{} of {}", slot.role, scaled.names[input]),
                            None => slot.role.clone(),
                        },
                        value: slot.value,
                        std_error,
                    }
                },
            );
        }
        out
    }
}

impl Formula {
    /// The formula with as few significant digits (at least 4) as move no row by more than a tenth of the
    /// residuals on the training rows.
    pub(super) fn readable(&self, scaled: &Scaled<'_>, split: &Split, floor: f64) -> Result<Expr> {
        let n = split.train.len() as f64;
        let allowed = 0.1 * (self.sum_squares / n).sqrt().max(100.0 * floor);
        let mut values = vec![0.0; self.learned.len()];
        for digits in 4..16 {
            let rounded = self.expr.rounded(digits);
            rounded
                .compile(&scaled.names)?
                .evaluate(&scaled.inputs, &mut values)?;
            let near = values.iter().zip(&self.learned).all(|(v, l)| {
                let v = if scaled.logarithmic { v.ln() } else { *v };
                (v - l).abs() <= allowed
            });
            if near {
                return Ok(rounded);
            }
        }
        Ok(self.expr.clone())
    }
}
