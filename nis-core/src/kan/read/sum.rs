//! A formula under construction: sums of weighted inputs, forms of sums, and products of sums, with constants that are free
//! or fixed.

use super::library::{Form, Gauge, Library, Parity};
use crate::error::Result;
use crate::expr::Expr;

/// A constant. Fixed ones are written as given and not fitted.
#[derive(Debug, Clone)]
pub(super) struct Number {
    pub(super) value: f64,
    pub(super) fixed: Option<Expr>,
}

impl Number {
    pub(super) fn free(value: f64) -> Self {
        Number { value, fixed: None }
    }

    pub(super) fn fixed(value: f64) -> Self {
        Number {
            value,
            fixed: Some(Expr::number(value)),
        }
    }

    fn times(&mut self, s: f64) {
        // A constant that was fixed keeps its writing under a factor of 1 alone.
        if s != 1.0 {
            self.fixed = self
                .fixed
                .take()
                .filter(|_| s == -1.0)
                .and_then(|e| e.negated().ok());
            self.value *= s;
        }
    }

    fn plus(&mut self, v: f64) {
        if v != 0.0 {
            *self = Number::free(self.value + v);
        }
    }

    fn is_zero(&self) -> bool {
        self.fixed.is_some() && self.value == 0.0
    }
}

/// A part of a sum, without its weight.
#[derive(Debug, Clone)]
pub(super) enum Term {
    /// An input, by number.
    Input(usize),
    /// A form of the library (by number), its own constant, and its argument.
    Call(usize, Option<Number>, Sum),
    /// Factors.
    Product(Vec<Sum>),
}

/// `shift + weight term + weight term + ...`
#[derive(Debug, Clone)]
pub(super) struct Sum {
    pub(super) shift: Number,
    pub(super) terms: Vec<(Number, Term)>,
}

impl Sum {
    pub(super) fn constant(value: f64) -> Self {
        Sum {
            shift: Number::free(value),
            terms: Vec::new(),
        }
    }

    pub(super) fn of(term: Term) -> Self {
        Sum {
            shift: Number::fixed(0.0),
            terms: vec![(Number::fixed(1.0), term)],
        }
    }

    /// `s self + v`
    pub(super) fn scaled(mut self, s: f64, v: f64) -> Self {
        self.shift.times(s);
        self.shift.plus(v);
        for (weight, _) in &mut self.terms {
            weight.times(s);
        }
        self
    }

    /// Adds `weight (other)`.
    pub(super) fn add(&mut self, other: Sum, weight: f64) {
        let other = other.scaled(weight, 0.0);
        self.shift.plus(other.shift.value);
        for (weight, term) in other.terms {
            self.push(weight, term);
        }
    }

    fn push(&mut self, weight: Number, term: Term) {
        if let Term::Input(i) = term {
            let alike = |t: &&mut (Number, Term)| matches!(t.1, Term::Input(j) if i == j);
            if let Some((own, _)) = self.terms.iter_mut().find(alike) {
                own.plus(weight.value);
                return;
            }
        }
        self.terms.push((weight, term));
    }

    /// Brings constants that can be traded for one another to one choice: lines dissolve, the first weight inside a
    /// homogeneous form or a factor is 1, an exponential has no shift, constant parts join the shift. The value stays.
    pub(super) fn normalise(&mut self, library: &Library) {
        let mut extra = 0.0;
        for (mut weight, term) in std::mem::take(&mut self.terms) {
            match term {
                Term::Input(_) => self.push(weight, term),
                Term::Call(form, own, mut argument) => {
                    argument.normalise(library);
                    let Some(known) = library.forms().get(form) else {
                        continue;
                    };
                    let p = own.as_ref().map_or(0.0, |p| p.value);
                    if argument.terms.is_empty() {
                        extra += weight.value * known.at(argument.shift.value, p);
                    } else if known.gauge == Gauge::Line {
                        let argument = argument.scaled(weight.value, 0.0);
                        extra += argument.shift.value;
                        for (weight, term) in argument.terms {
                            self.push(weight, term);
                        }
                    } else {
                        let argument = known.normal(argument, p, &mut weight, &mut extra);
                        self.push(weight, Term::Call(form, own, argument));
                    }
                }
                Term::Product(factors) => {
                    let mut left = Vec::new();
                    for mut factor in factors {
                        factor.normalise(library);
                        if let Some(inner) = factor.as_product() {
                            // A product inside a product.
                            let first = factor.terms.first().map_or(1.0, |t| t.0.value);
                            weight.times(first);
                            left.extend(inner);
                            continue;
                        }
                        match factor.terms.first().map(|t| t.0.value) {
                            None => weight.times(factor.shift.value),
                            Some(first) => {
                                weight.times(first);
                                left.push(factor.led_by(first, 1.0));
                            }
                        }
                    }
                    if left.len() > 1 {
                        self.push(weight, Term::Product(left));
                        continue;
                    }
                    match left.pop() {
                        None => extra += weight.value,
                        Some(only) => {
                            let only = only.scaled(weight.value, 0.0);
                            extra += only.shift.value;
                            for (weight, term) in only.terms {
                                self.push(weight, term);
                            }
                        }
                    }
                }
            }
        }
        self.shift.plus(extra);
    }

    /// Divided by `s`, the first weight then fixed to `lead`.
    fn led_by(self, s: f64, lead: f64) -> Sum {
        if self
            .terms
            .first()
            .is_some_and(|t| t.0.fixed.is_some() && t.0.value == lead)
            && s == 1.0
        {
            return self;
        }
        let mut out = self.scaled(1.0 / s, 0.0);
        if let Some((weight, _)) = out.terms.first_mut() {
            *weight = Number::fixed(lead);
        }
        out
    }

    fn as_product(&self) -> Option<Vec<Sum>> {
        match self.terms.as_slice() {
            [(_, Term::Product(inner))] if self.shift.is_zero() => Some(inner.clone()),
            _ => None,
        }
    }

    /// All constants, in a fixed order.
    pub(super) fn numbers(&self) -> Vec<&Number> {
        let mut out = vec![&self.shift];
        for (weight, term) in &self.terms {
            out.push(weight);
            match term {
                Term::Input(_) => {}
                Term::Call(_, own, argument) => {
                    out.extend(own);
                    out.extend(argument.numbers());
                }
                Term::Product(factors) => out.extend(factors.iter().flat_map(Sum::numbers)),
            }
        }
        out
    }

    /// The same, to be changed.
    pub(super) fn numbers_mut(&mut self) -> Vec<&mut Number> {
        let mut out = vec![&mut self.shift];
        for (weight, term) in &mut self.terms {
            out.push(weight);
            match term {
                Term::Input(_) => {}
                Term::Call(_, own, argument) => {
                    out.extend(own);
                    out.extend(argument.numbers_mut());
                }
                Term::Product(factors) => out.extend(factors.iter_mut().flat_map(Sum::numbers_mut)),
            }
        }
        out
    }

    /// Free constants.
    pub(super) fn free(&self) -> usize {
        self.numbers().iter().filter(|n| n.fixed.is_none()).count()
    }

    /// What the forms cost together.
    pub(super) fn price(&self, library: &Library) -> f64 {
        let each = self.terms.iter().map(|(_, term)| match term {
            Term::Input(_) => 0.0,
            Term::Call(form, _, argument) => {
                library.forms().get(*form).map_or(0.0, Form::complexity) + argument.price(library)
            }
            Term::Product(factors) => factors.iter().map(|f| f.price(library)).sum(),
        });
        each.sum()
    }

    /// Drops terms whose weight is fixed to 0.
    pub(super) fn drop_zeros(&mut self) {
        self.terms.retain(|(weight, _)| !weight.is_zero());
        for (_, term) in &mut self.terms {
            match term {
                Term::Input(_) => {}
                Term::Call(_, _, argument) => argument.drop_zeros(),
                Term::Product(factors) => factors.iter_mut().for_each(Sum::drop_zeros),
            }
        }
    }

    /// As an expression. Free constants are written by `number`, in the order of [`Sum::numbers`].
    pub(super) fn expr(
        &self,
        library: &Library,
        inputs: &[Expr],
        number: &mut dyn FnMut(&Number) -> Expr,
    ) -> Result<Expr> {
        let mut write = |n: &Number| match &n.fixed {
            Some(e) => e.clone(),
            None => number(n),
        };
        let shift = write(&self.shift);
        let mut terms = Vec::new();
        for (weight, term) in &self.terms {
            let factor = write(weight);
            let own_and_inner = match term {
                Term::Input(i) => inputs
                    .get(*i)
                    .cloned()
                    .unwrap_or_else(|| Expr::number(f64::NAN)),
                Term::Call(form, own, argument) => {
                    let own = own.as_ref().map(&mut write);
                    let argument = argument.expr(library, inputs, &mut write)?;
                    match library.forms().get(*form) {
                        Some(form) => form.applied(own, &argument)?,
                        None => argument,
                    }
                }
                Term::Product(factors) => {
                    let parts: Result<Vec<Expr>> = factors
                        .iter()
                        .map(|f| f.expr(library, inputs, &mut write))
                        .collect();
                    Expr::product(parts?)?
                }
            };
            let plain = weight.fixed.is_some() && weight.value == 1.0;
            terms.push(if plain {
                own_and_inner
            } else {
                factor.times(&own_and_inner)?
            });
        }
        if !self.shift.is_zero() || terms.is_empty() {
            terms.push(shift);
        }
        Expr::sum(terms)
    }

    /// What every constant is, in the order of [`Sum::numbers`]. `place` says where the sum stands.
    pub(super) fn roles(&self, library: &Library, inputs: &[&str], place: &str) -> Vec<String> {
        let mut out = vec![format!("constant{place}")];
        for (_, term) in &self.terms {
            match term {
                Term::Input(i) => out.push(format!(
                    "coefficient of {}{place}",
                    inputs.get(*i).copied().unwrap_or("?")
                )),
                Term::Call(form, own, argument) => {
                    let name = library.forms().get(*form).map_or("?", Form::name);
                    out.push(format!("factor of {name}{place}"));
                    if own.is_some() {
                        out.push(format!("exponent of {name}{place}"));
                    }
                    out.extend(argument.roles(library, inputs, &format!(" in {name}{place}")));
                }
                Term::Product(factors) => {
                    out.push(format!("factor of the product{place}"));
                    for (k, factor) in factors.iter().enumerate() {
                        out.extend(factor.roles(
                            library,
                            inputs,
                            &format!(" in factor {}{place}", k + 1),
                        ));
                    }
                }
            }
        }
        out
    }
}

impl Form {
    /// The form of an argument, with its own constant.
    pub(super) fn applied(&self, own: Option<Expr>, argument: &Expr) -> Result<Expr> {
        // Through names that no column has: the argument may hold the names x and p itself.
        let mut expr = self
            .expr()
            .substitute("p", &Expr::name("\u{3}"))?
            .substitute("x", &Expr::name("\u{4}"))?;
        if let Some(own) = own {
            expr = expr.substitute("\u{3}", &own)?;
        }
        expr.substitute("\u{4}", argument)
    }

    /// The argument with its redundant constants in the agreed place; what they did goes into the weight of the form and
    /// into the shift of the sum it stands in.
    fn normal(&self, argument: Sum, p: f64, weight: &mut Number, extra: &mut f64) -> Sum {
        let mut argument = argument;
        let lead = argument.terms.first().map_or(1.0, |t| t.0.value);
        if lead < 0.0 && self.parity != Parity::Neither {
            argument = argument.scaled(-1.0, 0.0);
            if self.parity == Parity::Odd {
                weight.times(-1.0);
            }
        }
        let lead = argument.terms.first().map_or(1.0, |t| t.0.value);
        let s = lead.abs();
        match self.gauge {
            Gauge::Homogeneous | Gauge::Logarithm => {
                let change = self.change(s, p);
                if s > 0.0 && s.is_finite() && change.is_finite() && change != 0.0
                    || self.gauge == Gauge::Logarithm && s > 0.0
                {
                    if self.gauge == Gauge::Logarithm {
                        *extra += weight.value * change;
                    } else {
                        weight.times(if s == 1.0 { 1.0 } else { change });
                    }
                    argument = argument.led_by(s, lead.signum());
                }
            }
            Gauge::Exponential => {
                let change = self.change(argument.shift.value, p);
                if change.is_normal() {
                    if argument.shift.value != 0.0 {
                        weight.times(change);
                    }
                    argument.shift = Number::fixed(0.0);
                }
            }
            Gauge::None | Gauge::Line => {}
        }
        argument
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optim::Random;
    use proptest::prelude::*;

    fn value(sum: &Sum, library: &Library, x: &[f64]) -> f64 {
        let inputs: Vec<Expr> = x.iter().map(|x| Expr::number(*x)).collect();
        let expr = sum
            .expr(library, &inputs, &mut |n| Expr::number(n.value))
            .unwrap();
        expr.as_number().unwrap()
    }

    /// A random sum of depth `depth` over inputs in (0, 1) whose arguments are positive.
    fn random_sum(random: &mut Random, library: &Library, depth: usize) -> Sum {
        let mut sum = Sum::constant(2.0 + random.symmetric());
        for _ in 0..1 + random.below(3) {
            let term = match (depth, random.below(3)) {
                (0, _) | (_, 0) => Term::Input(random.below(2)),
                (_, 1) => {
                    let form = random.below(library.forms().len());
                    let own = library.forms()[form].has_own().then(|| Number::free(1.3));
                    Term::Call(form, own, random_sum(random, library, depth - 1))
                }
                _ => Term::Product(
                    (0..2)
                        .map(|_| random_sum(random, library, depth - 1))
                        .collect(),
                ),
            };
            sum.push(Number::free(0.3 * random.symmetric()), term);
        }
        sum
    }

    proptest! {
        #[test]
        fn the_normal_form_has_the_same_value(seed in 0u64..500) {
            let library = Library::default().only(&["x", "x^2", "1/x", "sqrt", "exp", "log", "sin", "tanh", "bell", "power"]).unwrap();
            let mut random = Random(seed);
            let sum = random_sum(&mut random, &library, 2);
            let mut normal = sum.clone();
            normal.normalise(&library);
            let mut again = normal.clone();
            again.normalise(&library);
            for _ in 0..3 {
                let x = [0.5 + 0.4 * random.symmetric(), 0.5 + 0.4 * random.symmetric()];
                let (a, b, c) = (value(&sum, &library, &x), value(&normal, &library, &x), value(&again, &library, &x));
                if a.is_finite() {
                    prop_assert!((a - b).abs() <= 1e-8 * (1.0 + a.abs()), "{a} {b}");
                    prop_assert!((c - b).abs() <= 1e-8 * (1.0 + a.abs()), "{c} {b}");
                }
            }
            prop_assert_eq!(again.free(), normal.free());
            prop_assert!(normal.free() <= sum.free());
            prop_assert_eq!(normal.numbers().len(), normal.roles(&library, &["a", "b"], "").len());
        }
    }
}
