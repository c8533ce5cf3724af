//! Delays of a formula: `F(s) = sum_k e^{-a_k s} G_k(s)` means `f(t) = sum_k g_k(t - a_k)`, where `g_k` is
//! smooth at times at which `f` jumps.

use crate::error::{Error, Result};
use crate::expr::{Expr, Function, Node};

/// Most terms; beyond it the formula stays as it is.
const MAX_TERMS: usize = 400;

/// A part of a formula: `e^{-delay s} factor(s)`. While formulas are taken apart a delay may be negative.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Delayed {
    pub(super) delay: f64,
    pub(super) factor: Expr,
}

/// Takes the delays out of a formula in `name`; delays over `horizon` are left out, for no time up to it sees
/// them. Denominators of two delayed parts are expanded in a geometric series: `1/(1 + e^{-s})` is
/// `1 - e^{-s} + e^{-2s} - ...`. The delays are 0 or more, in rising order.
///
/// # Errors
/// [`Error::Limit`] where the parts would be too large.
pub(super) fn split(e: &Expr, name: &str, horizon: f64) -> Result<Vec<Delayed>> {
    let splitter = Splitter { name, horizon };
    let parts = splitter.parts(e)?;
    let mut out: Vec<Delayed> = Vec::new();
    for part in merge(parts)? {
        if part.delay > horizon {
            continue;
        }
        if part.delay >= 0.0 {
            out.push(part);
            continue;
        }
        // An advance is no delay of a causal function: it stays in the factor.
        let advance = Expr::product([Expr::number(-part.delay), Expr::name(name)])?;
        out.push(Delayed {
            delay: 0.0,
            factor: Expr::product([part.factor, advance.call(Function::Exp)?])?,
        });
    }
    out = merge(out)?;
    out.sort_by(|a, b| a.delay.total_cmp(&b.delay));
    Ok(out)
}

/// Parts of the same delay are added up.
fn merge(parts: Vec<Delayed>) -> Result<Vec<Delayed>> {
    let mut groups: Vec<(f64, Vec<Expr>)> = Vec::new();
    for part in parts {
        let near = |d: f64| (d - part.delay).abs() <= 4.0 * f64::EPSILON * d.abs();
        match groups.iter_mut().find(|(d, _)| near(*d)) {
            Some((_, factors)) => factors.push(part.factor),
            None => groups.push((part.delay, vec![part.factor])),
        }
    }
    groups
        .into_iter()
        .map(|(delay, factors)| {
            Ok(Delayed {
                delay,
                factor: Expr::sum(factors)?,
            })
        })
        .collect()
}

struct Splitter<'a> {
    name: &'a str,
    horizon: f64,
}

impl Splitter<'_> {
    fn whole(e: &Expr) -> Vec<Delayed> {
        vec![Delayed {
            delay: 0.0,
            factor: e.clone(),
        }]
    }

    fn parts(&self, e: &Expr) -> Result<Vec<Delayed>> {
        let parts = match e.node() {
            Node::Sum(terms) => {
                let mut all = Vec::new();
                for term in terms {
                    all.extend(self.parts(term)?);
                }
                merge(all)?
            }
            Node::Neg(a) => self.scaled(self.parts(a)?, &Expr::number(-1.0))?,
            Node::Product(factors) => {
                let mut all = Self::whole(&Expr::number(1.0));
                for factor in factors {
                    all = self.multiplied(&all, &self.parts(factor)?)?;
                }
                all
            }
            Node::Quotient(a, b) => match self.inverse(b)? {
                Some(inverse) => self.multiplied(&self.parts(a)?, &inverse)?,
                None => Self::whole(e),
            },
            Node::Power(base, exponent) => match (base.node(), exponent.as_number()) {
                (Node::E, _) => self.exponential(exponent)?,
                (_, Some(n)) if n == n.trunc() && (1.0..=16.0).contains(&n.abs()) => self
                    .power(base, n as i32)?
                    .unwrap_or_else(|| Self::whole(e)),
                _ => Self::whole(e),
            },
            Node::Call(Function::Exp, a) => self.exponential(a)?,
            Node::Call(f @ (Function::Sinh | Function::Cosh), a) => match self.slope(a) {
                Some(c) if c != 0.0 => {
                    let second = if *f == Function::Sinh { -0.5 } else { 0.5 };
                    vec![
                        Delayed {
                            delay: -c,
                            factor: Expr::number(0.5),
                        },
                        Delayed {
                            delay: c,
                            factor: Expr::number(second),
                        },
                    ]
                }
                _ => Self::whole(e),
            },
            Node::Call(Function::Tanh, a) => match self.slope(a) {
                Some(c) if c != 0.0 => {
                    let ratio = a.call(Function::Sinh)?.over(&a.call(Function::Cosh)?)?;
                    self.parts(&ratio)?
                }
                _ => Self::whole(e),
            },
            _ => Self::whole(e),
        };
        let finite = parts.iter().all(|p| p.delay.is_finite());
        Ok(if finite && parts.len() <= MAX_TERMS {
            parts
        } else {
            Self::whole(e)
        })
    }

    fn scaled(&self, parts: Vec<Delayed>, by: &Expr) -> Result<Vec<Delayed>> {
        parts
            .into_iter()
            .map(|p| {
                Ok(Delayed {
                    delay: p.delay,
                    factor: times(by, &p.factor)?,
                })
            })
            .collect()
    }

    fn multiplied(&self, a: &[Delayed], b: &[Delayed]) -> Result<Vec<Delayed>> {
        if a.len().saturating_mul(b.len()) > 4 * MAX_TERMS {
            return Err(Error::Limit {
                what: "delays of a formula".into(),
                limit: 4 * MAX_TERMS as u64,
                got: (a.len() * b.len()) as u64,
            });
        }
        let mut out = Vec::new();
        for x in a {
            for y in b {
                out.push(Delayed {
                    delay: x.delay + y.delay,
                    factor: times(&x.factor, &y.factor)?,
                });
            }
        }
        merge(out)
    }

    fn power(&self, base: &Expr, n: i32) -> Result<Option<Vec<Delayed>>> {
        let parts = self.parts(base)?;
        if parts.len() == 1 && parts.iter().all(|p| p.delay == 0.0) {
            return Ok(None);
        }
        let parts = match (n < 0, self.inverted(&parts)?) {
            (false, _) => parts,
            (true, Some(inverse)) => inverse,
            (true, None) => return Ok(None),
        };
        let mut all = Self::whole(&Expr::number(1.0));
        for _ in 0..n.unsigned_abs() {
            all = self.multiplied(&all, &parts)?;
        }
        Ok(Some(all))
    }

    /// `1/e`, factor by factor: a product of sums of two parts has too many parts itself.
    fn inverse(&self, e: &Expr) -> Result<Option<Vec<Delayed>>> {
        match e.node() {
            Node::Product(factors) => {
                let mut all = Self::whole(&Expr::number(1.0));
                for factor in factors {
                    match self.inverse(factor)? {
                        Some(inverse) => all = self.multiplied(&all, &inverse)?,
                        None => return Ok(None),
                    }
                }
                Ok(Some(all))
            }
            Node::Power(base, exponent) => match exponent.as_number() {
                Some(n) if n == n.trunc() && (1.0..=16.0).contains(&n) => {
                    match self.power(base, -(n as i32))? {
                        Some(inverse) => Ok(Some(inverse)),
                        None => self.inverted(&self.parts(e)?),
                    }
                }
                _ => self.inverted(&self.parts(e)?),
            },
            _ => self.inverted(&self.parts(e)?),
        }
    }

    /// `1/(sum of parts)`, as a geometric series up to the horizon where there are two.
    fn inverted(&self, parts: &[Delayed]) -> Result<Option<Vec<Delayed>>> {
        let mut sorted = parts.to_vec();
        sorted.sort_by(|a, b| a.delay.total_cmp(&b.delay));
        let one = Expr::number(1.0);
        match sorted.as_slice() {
            [only] => Ok(Some(vec![Delayed {
                delay: -only.delay,
                factor: one.over(&only.factor)?,
            }])),
            [first, second] => {
                let step = second.delay - first.delay;
                // The horizon may be passed on by a factor with an advance, up to the first part's delay.
                let count = ((self.horizon + first.delay.abs()) / step).floor();
                if !count.is_finite() || count as usize >= MAX_TERMS {
                    return Ok(None);
                }
                let ratio = second.factor.negated()?.over(&first.factor)?;
                let lead = one.over(&first.factor)?;
                let constant = ratio.as_number();
                (0..=count as usize)
                    .map(|n| {
                        let factor = match (n, constant) {
                            (0, _) => lead.clone(),
                            (_, Some(r)) => times(&Expr::number(r.powi(n as i32)), &lead)?,
                            _ => {
                                Expr::product([ratio.pow(&Expr::number(n as f64))?, lead.clone()])?
                            }
                        };
                        Ok(Delayed {
                            delay: n as f64 * step - first.delay,
                            factor,
                        })
                    })
                    .collect::<Result<Vec<_>>>()
                    .map(Some)
            }
            _ => Ok(None),
        }
    }

    /// `e^a` with the part of `a` that is linear in the name as delay.
    fn exponential(&self, a: &Expr) -> Result<Vec<Delayed>> {
        let (mut delay, mut rest) = (0.0, Vec::new());
        for term in a.terms() {
            match self.slope(&term) {
                Some(c) if c != 0.0 => delay -= c,
                _ => rest.push(term),
            }
        }
        let factor = if rest.is_empty() {
            Expr::number(1.0)
        } else {
            Expr::sum(rest)?.call(Function::Exp)?
        };
        Ok(vec![Delayed { delay, factor }])
    }

    /// `c` where the formula is `c s`.
    fn slope(&self, e: &Expr) -> Option<f64> {
        if e.is(self.name) {
            return Some(1.0);
        }
        match e.node() {
            Node::Neg(a) => self.slope(a).map(|c| -c),
            Node::Quotient(a, b) => Some(self.slope(a)? / b.as_number()?),
            Node::Sum(terms) => terms.iter().map(|t| self.slope(t)).sum(),
            Node::Product(factors) => {
                let mut c = 1.0;
                let mut seen = false;
                for factor in factors {
                    match factor.as_number() {
                        Some(v) => c *= v,
                        None if !seen => {
                            c *= self.slope(factor)?;
                            seen = true;
                        }
                        None => return None,
                    }
                }
                seen.then_some(c)
            }
            _ => None,
        }
    }
}

/// A product without factors of 1.
fn times(a: &Expr, b: &Expr) -> Result<Expr> {
    if a.as_number() == Some(1.0) {
        Ok(b.clone())
    } else if b.as_number() == Some(1.0) {
        Ok(a.clone())
    } else {
        a.times(b)
    }
}

#[cfg(test)]
mod tests {
    use num_complex::Complex64;

    use super::*;

    fn delays(text: &str, horizon: f64) -> Vec<f64> {
        let e = Expr::parse(text).unwrap();
        let parts = split(&e, "s", horizon).unwrap();
        // The parts add up to the formula at a point where what is beyond the horizon is small.
        let s = Complex64::new(30.0 / horizon.max(1.0), 0.7);
        let at = |e: &Expr| e.compile_complex(&["s"]).unwrap().evaluate_point(&[s]);
        let sum: Complex64 = parts
            .iter()
            .map(|p| (-p.delay * s).exp() * at(&p.factor))
            .sum();
        let whole = at(&e);
        assert!(
            (sum - whole).norm() <= 1e-11 * whole.norm(),
            "{text}: {sum} {whole}"
        );
        parts.iter().map(|p| p.delay).collect()
    }

    #[test]
    fn delays_are_found() {
        assert_eq!(delays("exp(-2*s)/(s^2 + 1)", 10.0), [2.0]);
        assert_eq!(
            delays("(1 - exp(-s))/s^2 + e^(-s/2)", 10.0),
            [0.0, 0.5, 1.0]
        );
        assert_eq!(delays("exp(-3*s - sqrt(s))/s", 10.0), [3.0]);
        assert_eq!(delays("exp(-sqrt(s))/s", 10.0), [0.0]);
        assert_eq!(delays("exp(-s)*exp(-2*s*0.5)/exp(-s/4)", 10.0), [1.75]);
        assert_eq!(delays("exp(s)/(s + 1)", 10.0), [0.0]);
        assert_eq!(delays("1/(s*(1 + exp(-s)))", 3.5), [0.0, 1.0, 2.0, 3.0]);
        assert_eq!(delays("tanh(s/2)/s", 2.5), [0.0, 1.0, 2.0]);
        assert_eq!(delays("1/(s*cosh(s))", 4.0), [1.0, 3.0]);
        assert_eq!(delays("1/(s + exp(-s))", 2.0), [0.0, 1.0, 2.0]);
        assert_eq!(delays("(1 - exp(-s))^2/s^3", 9.0), [0.0, 1.0, 2.0]);
        assert_eq!(delays("1/(s*sinh(2*s)^2)", 12.0), [4.0, 8.0, 12.0]);
    }

    #[test]
    fn what_is_beyond_the_horizon_is_left_out() {
        let e = Expr::parse("1/s + exp(-5*s)/s").unwrap();
        assert_eq!(split(&e, "s", 4.0).unwrap().len(), 1);
        assert_eq!(split(&e, "s", 5.0).unwrap().len(), 2);
    }
}
