//! Conditions that hold by construction: a field is `u = g + d N`, where `g` takes the given values, `d` vanishes
//! where they are given, and `N` is the network.
//!
//! On boxes: `d` is a product of distances (Lagaris, Likas and Fotiadis, IEEE Trans. Neural Netw. 9 (1998) 987), `g`
//! the transfinite interpolation of the data axis by axis (Gordon and Hall, Numer. Math. 21 (1973) 109), with as many
//! derivatives at an end as are given there. Both are formulas, so that every derivative of them is exact.

use serde::{Deserialize, Serialize};

use super::super::points::{Points, Sequence};
use super::super::problem::{Jet, Place, Problem, Role};
use crate::error::Result;
use crate::expr::{Expr, Program};

/// `u = base + factor N`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Lift {
    pub(super) base: Expr,
    pub(super) factor: Expr,
}

impl Lift {
    /// `u = N`.
    fn free() -> Self {
        Lift {
            base: Expr::number(0.0),
            factor: Expr::number(1.0),
        }
    }
}

/// One lift per field, and the conditions that hold through them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Lifts {
    pub(super) fields: Vec<Lift>,
    /// Which conditions of the problem hold by construction.
    pub(super) held: Vec<bool>,
}

/// A value or a derivative along an axis, given at an end of it.
#[derive(Debug, Clone)]
struct Datum {
    condition: usize,
    field: usize,
    axis: usize,
    high: bool,
    order: u8,
    value: Expr,
}

impl Lifts {
    /// No condition holds by construction.
    pub(super) fn none(problem: &Problem) -> Self {
        Lifts {
            fields: problem.fields.iter().map(|_| Lift::free()).collect(),
            held: vec![false; problem.conditions.len()],
        }
    }

    /// As many conditions as the box allows; those whose data contradict one another at a corner, or are not smooth
    /// enough to be extended, are left to the residuals. `drop_start` leaves out conditions on the axis of time. The
    /// bases need not be periodic by the axis `open`.
    pub(super) fn new(problem: &Problem, drop_start: bool, open: Option<usize>) -> Result<Self> {
        let none = Self::none(problem);
        if !problem.domain.is_box() {
            return Ok(none);
        }
        let mut data = Vec::new();
        for (k, condition) in problem.conditions.iter().enumerate() {
            let held = read(problem, k, &condition.place)?;
            if held.is_empty() {
                continue;
            }
            let starts = held.iter().any(|d| Some(d.axis) == problem.time());
            if !(drop_start && starts) {
                data.extend(held);
            }
        }
        // Conditions that turn out not to hold are taken away and the rest tried again: each round takes at least
        // one away.
        for _ in 0..=problem.conditions.len() {
            complete(&mut data);
            if data.is_empty() {
                break;
            }
            let lifts = build(problem, &data)?;
            let bad = check(problem, &lifts, &data, open)?;
            if bad.is_empty() {
                return Ok(lifts);
            }
            data.retain(|d| !bad.contains(&d.condition));
        }
        Ok(none)
    }
}

/// The data of a condition that fixes one derivative of one field along the axis at whose end it stands.
fn read(problem: &Problem, condition: usize, place: &Place) -> Result<Vec<Datum>> {
    let Some(residual) = problem.conditions.get(condition).map(|c| &c.residual) else {
        return Ok(Vec::new());
    };
    let ends: Vec<(usize, f64)> = match place {
        Place::Face { axis, value } => vec![(*axis, *value)],
        Place::Point(at) if at.len() == 1 && problem.coordinates.len() == 1 => {
            at.iter().map(|v| (0, *v)).collect()
        }
        Place::Boundary => problem
            .coordinates
            .iter()
            .enumerate()
            .filter(|(_, c)| c.role == Role::Space)
            .flat_map(|(axis, c)| c.range.map(|v| (axis, v)))
            .collect(),
        _ => Vec::new(),
    };
    let [(jet, _)] = residual.by_jet.as_slice() else {
        return Ok(Vec::new());
    };
    let symbols = problem.symbols();
    let (Some(own), Some(symbol)) = (
        problem.jets.get(*jet),
        symbols.get(problem.coordinates.len() + jet),
    ) else {
        return Ok(Vec::new());
    };
    let slope = residual.formula.differentiate(symbol)?;
    let slope = match slope.as_number() {
        Some(v) if v.is_finite() && v != 0.0 && residual.by_unknown.is_empty() => v,
        _ => return Ok(Vec::new()),
    };
    let rest = residual.formula.substitute(symbol, &Expr::number(0.0))?;
    let names = rest.names();
    let known = |name: &String| problem.coordinates.iter().any(|c| c.name == *name);
    if !names.iter().all(known) {
        return Ok(Vec::new());
    }
    let mut out = Vec::new();
    for (axis, at) in ends {
        let order = own.order.get(axis).copied().unwrap_or(0);
        let along = own.order.iter().map(|o| u32::from(*o)).sum::<u32>() == u32::from(order);
        let end = problem.coordinates.get(axis);
        let Some((coordinate, true)) = end.map(|c| (c, c.range.contains(&at))) else {
            return Ok(Vec::new());
        };
        if !along || coordinate.role == Role::Parameter {
            return Ok(Vec::new());
        }
        out.push(Datum {
            condition,
            field: own.field,
            axis,
            high: at == coordinate.range[1],
            order,
            value: rest
                .substitute(&coordinate.name, &Expr::number(at))?
                .times(&Expr::number(-1.0 / slope))?
                .simplify()?,
        });
    }
    Ok(out)
}

/// Keeps, at each end, the orders from 0 on without a gap, each given once; a condition stays as a whole or not at
/// all.
fn complete(data: &mut Vec<Datum>) {
    loop {
        let fits = |d: &Datum| {
            let same = |e: &&Datum| e.field == d.field && e.axis == d.axis && e.high == d.high;
            let once = data.iter().filter(same).filter(|e| e.order == d.order);
            once.count() == 1
                && (0..d.order).all(|o| data.iter().filter(same).any(|e| e.order == o))
        };
        let bad: Vec<usize> = data
            .iter()
            .filter(|d| !fits(d))
            .map(|d| d.condition)
            .collect();
        if bad.is_empty() {
            return;
        }
        data.retain(|d| !bad.contains(&d.condition));
    }
}

/// Base and factor of every field.
fn build(problem: &Problem, data: &[Datum]) -> Result<Lifts> {
    let mut lifts = Lifts::none(problem);
    for (field, lift) in lifts.fields.iter_mut().enumerate() {
        for (axis, coordinate) in problem.coordinates.iter().enumerate() {
            let at = |high: bool| -> Vec<&Datum> {
                let mut own: Vec<&Datum> = data
                    .iter()
                    .filter(|d| d.field == field && d.axis == axis && d.high == high)
                    .collect();
                own.sort_by_key(|d| d.order);
                own
            };
            let (low, high) = (at(false), at(true));
            if low.is_empty() && high.is_empty() {
                continue;
            }
            let [a, b] = coordinate.range;
            let x = Expr::name(&coordinate.name);
            let from = |end: f64| x.minus(&Expr::number(end));
            let power = |e: &Expr, n: usize| e.pow(&Expr::number(n as f64));
            // What is still missing at an end, as Taylor coefficients there.
            let missing = |data: &[&Datum], base: &Expr, end: f64| -> Result<Vec<Expr>> {
                let (mut out, mut slope, mut factorial) = (Vec::new(), base.clone(), 1.0);
                for (order, datum) in data.iter().enumerate() {
                    if order > 0 {
                        slope = slope.differentiate(&coordinate.name)?;
                        factorial *= order as f64;
                    }
                    let here = slope.substitute(&coordinate.name, &Expr::number(end))?;
                    out.push(
                        datum
                            .value
                            .minus(&here)?
                            .times(&Expr::number(1.0 / factorial))?
                            .simplify()?,
                    );
                }
                Ok(out)
            };
            for (order, c) in missing(&low, &lift.base, a)?.iter().enumerate() {
                let term = c.times(&power(&from(a)?, order)?)?;
                lift.base = lift.base.plus(&term)?;
            }
            // The rest at the other end is divided by s^m, s = (x - a)/(b - a), so that it does no harm at a:
            // s^-m = sum of binomial(-m, j) tau^j, tau = (x - b)/(b - a).
            let m = low.len();
            let s = from(a)?.times(&Expr::number(1.0 / (b - a)))?;
            let rest = missing(&high, &lift.base, b)?;
            let mut own = Vec::new();
            for k in 0..rest.len() {
                for (i, c) in rest.iter().take(k + 1).enumerate() {
                    let j = k - i;
                    let mut binomial = 1.0;
                    for l in 0..j {
                        binomial *= -(m as f64) - l as f64;
                        binomial /= (l + 1) as f64 * (b - a);
                    }
                    own.push(
                        c.times(&Expr::number(binomial))?
                            .times(&power(&from(b)?, k)?)?,
                    );
                }
            }
            if !own.is_empty() {
                let term = Expr::sum(own)?.times(&power(&s, m)?)?;
                lift.base = lift.base.plus(&term)?;
            }
            lift.base = lift.base.simplify()?;
            let back = Expr::number(b)
                .minus(&x)?
                .times(&Expr::number(1.0 / (b - a)))?;
            let both = if low.is_empty() || high.is_empty() {
                1.0
            } else {
                4.0
            };
            let mut factors = vec![lift.factor.clone(), Expr::number(both)];
            factors.extend((0..m).map(|_| s.clone()));
            factors.extend(high.iter().map(|_| back.clone()));
            lift.factor = Expr::product(factors)?.simplify()?;
        }
    }
    for d in data {
        if let Some(held) = lifts.held.get_mut(d.condition) {
            *held = true;
        }
    }
    Ok(lifts)
}

/// The conditions that the base does not meet, or that make it rough: a derivative that the equations use is not
/// finite somewhere, or the ends of a periodic axis differ.
fn check(
    problem: &Problem,
    lifts: &Lifts,
    data: &[Datum],
    open: Option<usize>,
) -> Result<Vec<usize>> {
    const POINTS: usize = 64;
    let mut bad = Vec::new();
    let mut sequence = Sequence::new(problem.coordinates.len(), 0);
    let inside = problem.domain.interior(POINTS, &mut sequence)?;
    let jets: Vec<Jet> = problem.jets.clone();
    let smooth = Lifting::new(problem, &lifts.fields, &jets)?.at(&inside)?;
    let mut scale = vec![0.0f64; lifts.fields.len()];
    for (jet, base) in jets.iter().zip(&smooth.base) {
        if !base.iter().all(|v| v.is_finite()) {
            let own = data.iter().filter(|d| d.field == jet.field);
            bad.extend(own.map(|d| d.condition));
        } else if let (true, Some(s)) =
            (jet.order.iter().all(|o| *o == 0), scale.get_mut(jet.field))
        {
            *s = base.iter().fold(*s, |m, v| m.max(v.abs()));
        }
    }
    for datum in data {
        let mut on = inside.clone();
        let Some(coordinate) = problem.coordinates.get(datum.axis) else {
            continue;
        };
        let at = coordinate.range[usize::from(datum.high)];
        on.column_mut(datum.axis).fill(at);
        let mut order = vec![0; problem.coordinates.len()];
        if let Some(o) = order.get_mut(datum.axis) {
            *o = datum.order;
        }
        let jet = Jet {
            field: datum.field,
            order,
        };
        let got = Lifting::new(problem, &lifts.fields, &[jet])?.at(&on)?;
        let want = evaluate(problem, &datum.value, &on)?;
        let largest = want.iter().fold(1e-300f64, |m, v| m.max(v.abs()));
        let own = scale.get(datum.field).copied().unwrap_or(0.0);
        let tolerance = 1e-9 * largest.max(own).max(1e-6);
        let base = got.base.first().map_or(&[][..], Vec::as_slice);
        let holds = |(g, w): (&f64, &f64)| (g - w).abs() <= tolerance;
        if !base.iter().zip(&want).all(holds) {
            bad.push(datum.condition);
        }
    }
    for condition in &problem.conditions {
        let Place::Periodic { axis } = condition.place else {
            continue;
        };
        let Some(coordinate) = problem.coordinates.get(axis) else {
            continue;
        };
        if open == Some(axis) {
            continue;
        }
        for order in 0..problem.highest(axis).max(1) {
            let jets: Vec<Jet> = (0..lifts.fields.len())
                .map(|field| {
                    let mut own = vec![0; problem.coordinates.len()];
                    if let Some(o) = own.get_mut(axis) {
                        *o = order;
                    }
                    Jet { field, order: own }
                })
                .collect();
            let lifting = Lifting::new(problem, &lifts.fields, &jets)?;
            let [low, high] = coordinate.range.map(|at| {
                let mut on = inside.clone();
                on.column_mut(axis).fill(at);
                lifting.at(&on)
            });
            let (low, high) = (low?, high?);
            let both = low.base.iter().zip(&high.base);
            for (field, (low, high)) in both.enumerate() {
                let largest = low.iter().fold(1e-3f64, |m, v| m.max(v.abs()));
                let same = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-9 * largest;
                if !low.iter().zip(high).all(same) {
                    let own = data.iter().filter(|d| d.field == field);
                    bad.extend(own.map(|d| d.condition));
                }
            }
        }
    }
    Ok(bad)
}

fn evaluate(problem: &Problem, formula: &Expr, points: &Points) -> Result<Vec<f64>> {
    let names: Vec<&str> = problem.coordinates();
    let columns: Vec<&[f64]> = points.columns().collect();
    let mut out = vec![0.0; points.len()];
    formula.compile(&names)?.evaluate(&columns, &mut out)?;
    Ok(out)
}

/// Part of a jet of `u`: `weight` times a derivative of the factor times a stream of the network.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Term {
    pub(super) weight: f64,
    /// Index into [`Lifted::factor`]; `None` where the factor is 1.
    pub(super) factor: Option<usize>,
    /// Derivative of the network.
    pub(super) order: Vec<u8>,
}

/// The programs by which jets of `u` follow from those of the network (Leibniz' rule).
#[derive(Debug)]
pub(super) struct Lifting {
    base: Vec<Option<Program>>,
    factor: Vec<Program>,
    /// Per jet.
    pub(super) terms: Vec<Vec<Term>>,
}

/// Their values at points.
#[derive(Debug, Clone, Default)]
pub(super) struct Lifted {
    /// Per jet.
    pub(super) base: Vec<Vec<f64>>,
    pub(super) factor: Vec<Vec<f64>>,
}

impl Lifting {
    /// For these jets.
    pub(super) fn new(problem: &Problem, lifts: &[Lift], jets: &[Jet]) -> Result<Self> {
        let names: Vec<String> = problem.coordinates.iter().map(|c| c.name.clone()).collect();
        Self::by_names(&names, lifts, jets)
    }

    /// The same where only the names of the coordinates are known.
    pub(super) fn by_names(names: &[String], lifts: &[Lift], jets: &[Jet]) -> Result<Self> {
        let arguments: Vec<&str> = names.iter().map(String::as_str).collect();
        let slope = |e: &Expr, order: &[u8]| -> Result<Expr> {
            let mut e = e.clone();
            for (name, times) in names.iter().zip(order) {
                for _ in 0..*times {
                    e = e.differentiate(name)?;
                }
            }
            Ok(e)
        };
        let mut out = Lifting {
            base: Vec::new(),
            factor: Vec::new(),
            terms: Vec::new(),
        };
        let mut known: Vec<(usize, Vec<u8>, Option<usize>, f64)> = Vec::new();
        for jet in jets {
            let Some(lift) = lifts.get(jet.field) else {
                out.base.push(None);
                out.terms.push(Vec::new());
                continue;
            };
            let base = slope(&lift.base, &jet.order)?;
            out.base.push(match base.as_number() {
                Some(0.0) => None,
                _ => Some(base.compile(&arguments)?),
            });
            let mut terms = Vec::new();
            for below in below(&jet.order) {
                let rest: Vec<u8> = jet.order.iter().zip(&below).map(|(a, b)| a - b).collect();
                let place = known.iter().find(|k| k.0 == jet.field && k.1 == rest);
                let (factor, constant) = match place {
                    Some(k) => (k.2, k.3),
                    None => {
                        let e = slope(&lift.factor, &rest)?;
                        let found = match e.as_number() {
                            Some(v) => (None, v),
                            None => {
                                out.factor.push(e.compile(&arguments)?);
                                (Some(out.factor.len() - 1), 1.0)
                            }
                        };
                        known.push((jet.field, rest.clone(), found.0, found.1));
                        found
                    }
                };
                if constant == 0.0 {
                    continue;
                }
                let choose: f64 = jet
                    .order
                    .iter()
                    .zip(&below)
                    .map(|(n, k)| (0..*k).fold(1.0, |c, i| c * f64::from(n - i) / f64::from(i + 1)))
                    .product();
                terms.push(Term {
                    weight: choose * constant,
                    factor,
                    order: below,
                });
            }
            out.terms.push(terms);
        }
        Ok(out)
    }

    /// The values at points.
    pub(super) fn at(&self, points: &Points) -> Result<Lifted> {
        let columns: Vec<&[f64]> = points.columns().collect();
        let run = |program: &Program| -> Result<Vec<f64>> {
            let mut out = vec![0.0; points.len()];
            program.evaluate(&columns, &mut out)?;
            Ok(out)
        };
        let base = self.base.iter().map(|b| match b {
            Some(program) => run(program),
            None => Ok(vec![0.0; points.len()]),
        });
        Ok(Lifted {
            base: base.collect::<Result<_>>()?,
            factor: self.factor.iter().map(run).collect::<Result<_>>()?,
        })
    }
}

/// All orders that are nowhere above this one, itself included.
fn below(order: &[u8]) -> Vec<Vec<u8>> {
    let mut out = vec![Vec::new()];
    for most in order {
        let longer = out.iter().flat_map(|head: &Vec<u8>| {
            (0..=*most).map(move |k| head.iter().copied().chain([k]).collect())
        });
        out = longer.collect();
    }
    out
}
