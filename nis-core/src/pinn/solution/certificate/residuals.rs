//! Residuals at points, and the size of the terms that they are made of.

use super::super::super::points::{Points, Sequence};
use super::super::super::problem::{Condition, Jet, Place, Problem, Residual};
use super::super::Representation;
use super::{ConditionCheck, internal, largest, over, rms};
use crate::error::Result;
use crate::expr::{Expr, Node, Program};

/// Share of the scale that the fields' sizes and the domain's lengths give, below which terms count as none: all
/// terms of `u_t = u_xx` are rounding where `u` is constant.
const NOTHING: f64 = 1e-5;

/// Share of a condition's size over the whole domain, below which its terms on the place itself count as none.
const NOTHING_HERE: f64 = 1e-6;

/// The arguments of residuals at some points.
pub(super) struct Sampled {
    columns: Vec<Vec<f64>>,
    /// Values of the fields.
    fields: Vec<Vec<f64>>,
    symbols: Vec<String>,
    count: usize,
}

impl Sampled {
    /// Jets of `representation` at `points`; `normals` are 1 along each axis where there are none.
    pub(super) fn new(
        problem: &Problem,
        representation: &Representation,
        unknowns: &[f64],
        points: &Points,
        normals: Option<&Points>,
    ) -> Result<Self> {
        let count = points.len();
        let mut jets = vec![Vec::new(); problem.jets.len()];
        representation.jets(&problem.jets, points, &mut jets)?;
        let own: Vec<Jet> = (0..problem.fields.len())
            .map(|field| Jet {
                field,
                order: vec![0; problem.coordinates.len()],
            })
            .collect();
        let mut fields = vec![Vec::new(); own.len()];
        representation.jets(&own, points, &mut fields)?;
        let mut columns: Vec<Vec<f64>> = points.columns().map(<[f64]>::to_vec).collect();
        columns.extend(jets);
        columns.extend(unknowns.iter().map(|v| vec![*v; count]));
        match normals {
            Some(normals) => columns.extend(normals.columns().map(<[f64]>::to_vec)),
            None => columns.extend(problem.coordinates.iter().map(|_| vec![1.0; count])),
        }
        columns.extend(problem.functions_at(points)?);
        Ok(Sampled {
            columns,
            fields,
            symbols: problem.symbols(),
            count,
        })
    }

    pub(super) fn evaluate(&self, program: &Program) -> Result<Vec<f64>> {
        let inputs: Vec<&[f64]> = self.columns.iter().map(Vec::as_slice).collect();
        let mut out = vec![0.0; self.count];
        program.evaluate(&inputs, &mut out)?;
        Ok(out)
    }

    fn formula(&self, formula: &Expr) -> Result<Vec<f64>> {
        let symbols: Vec<&str> = self.symbols.iter().map(String::as_str).collect();
        self.evaluate(&formula.compile(&symbols)?)
    }

    /// The absolute value of the largest term at each point: sums are taken apart, also within products.
    fn magnitude(&self, formula: &Expr) -> Result<Vec<f64>> {
        let all = |parts: &[Expr], join: fn(f64, f64) -> f64, from: f64| -> Result<Vec<f64>> {
            let mut out = vec![from; self.count];
            for part in parts {
                for (out, v) in out.iter_mut().zip(self.magnitude(part)?) {
                    *out = join(*out, v);
                }
            }
            Ok(out)
        };
        match formula.node() {
            Node::Sum(terms) => all(terms, f64::max, 0.0),
            Node::Product(factors) => all(factors, |a, b| a * b, 1.0),
            Node::Neg(inner) => self.magnitude(inner),
            Node::Quotient(a, b) => {
                let below = self.formula(b)?;
                let above = self.magnitude(a)?;
                Ok(above.iter().zip(below).map(|(a, b)| a / b.abs()).collect())
            }
            _ => Ok(self.formula(formula)?.iter().map(|v| v.abs()).collect()),
        }
    }

    /// Root mean square of the largest term, kept away from rounding by [`Sampled::natural`].
    pub(super) fn scale(
        &self,
        problem: &Problem,
        residual: &Residual,
        inside: &Sampled,
    ) -> Result<f64> {
        let natural = inside.natural(problem, residual)?;
        if terms(&residual.formula) < 2 {
            return Ok(natural);
        }
        let largest = rms(&self.magnitude(&residual.formula)?);
        Ok(if largest > NOTHING * natural {
            largest
        } else {
            natural
        })
    }

    /// What a term would be if derivatives were as large as the fields' sizes and the domain's lengths suggest: the
    /// largest slope by a jet times the field's root mean square over the lengths.
    fn natural(&self, problem: &Problem, residual: &Residual) -> Result<f64> {
        let mut most = 0.0f64;
        for (k, slope) in &residual.by_jet {
            let Some(jet) = problem.jets.get(*k) else {
                continue;
            };
            let mut size = rms(&self.field(problem, jet.field)?) * rms(&self.evaluate(slope)?);
            for (times, c) in jet.order.iter().zip(&problem.coordinates) {
                let [low, high] = c.range;
                size /= (high - low).abs().powi(i32::from(*times));
            }
            most = most.max(size);
        }
        Ok(most)
    }

    /// The values of a field.
    pub(super) fn field(&self, problem: &Problem, field: usize) -> Result<Vec<f64>> {
        self.jet(problem, field, None)
    }

    /// The derivative of a field by an axis.
    pub(super) fn rate(&self, problem: &Problem, field: usize, axis: usize) -> Result<Vec<f64>> {
        self.jet(problem, field, Some(axis))
    }

    fn jet(&self, problem: &Problem, field: usize, axis: Option<usize>) -> Result<Vec<f64>> {
        let mut order = vec![0u8; problem.coordinates.len()];
        if let Some(place) = axis.and_then(|axis| order.get_mut(axis)) {
            *place = 1;
        }
        let jet = Jet { field, order };
        let known = problem.jets.iter().position(|j| *j == jet);
        let first = problem.coordinates.len();
        if let Some(column) = known.and_then(|k| self.columns.get(first + k)) {
            return Ok(column.clone());
        }
        let own = self.fields.get(field).filter(|_| axis.is_none());
        own.cloned()
            .ok_or_else(|| internal("a derivative that is no jet of the problem"))
    }
}

/// Terms of a sum, those within products counted.
fn terms(formula: &Expr) -> usize {
    match formula.node() {
        Node::Sum(terms) => terms.len(),
        Node::Product(factors) => factors.iter().map(terms).max().unwrap_or(1),
        Node::Neg(inner) | Node::Quotient(inner, _) => terms(inner),
        _ => 1,
    }
}

/// Points where a condition is looked at.
pub(super) struct Where {
    points: Points,
    normals: Points,
    /// The other end, of a periodic axis.
    far: Option<Points>,
}

pub(super) fn place(
    problem: &Problem,
    condition: &Condition,
    count: usize,
    sequence: &mut Sequence,
) -> Result<Where> {
    if let Place::Periodic { axis } = &condition.place {
        let [low, high] = problem
            .domain
            .ranges
            .get(*axis)
            .copied()
            .unwrap_or_default();
        let face = Place::Face {
            axis: *axis,
            value: low,
        };
        let surface = problem.domain.on(&face, count, sequence)?;
        let mut far = surface.points.clone();
        far.column_mut(*axis).fill(high);
        return Ok(Where {
            points: surface.points,
            normals: surface.normals,
            far: Some(far),
        });
    }
    let surface = problem.domain.on(&condition.place, count, sequence)?;
    Ok(Where {
        points: surface.points,
        normals: surface.normals,
        far: None,
    })
}

impl Where {
    pub(super) fn check(
        &self,
        problem: &Problem,
        condition: &Condition,
        representation: &Representation,
        unknowns: &[f64],
        inside: &Sampled,
        scale: Option<f64>,
    ) -> Result<ConditionCheck> {
        if let (Some(far), Place::Periodic { axis }) = (&self.far, &condition.place) {
            return self.periodic(problem, condition, representation, far, *axis, scale);
        }
        let residual = &condition.residual;
        let here = Sampled::new(
            problem,
            representation,
            unknowns,
            &self.points,
            Some(&self.normals),
        )?;
        let (error, at) = largest(&here.evaluate(&residual.value)?, &self.points);
        let scale = match scale {
            Some(given) => given,
            None => {
                let whole = inside.scale(problem, residual, inside)?;
                let own = rms(&here.magnitude(&residual.formula)?);
                let jets = rms(&inside.magnitude(&residual.formula)?);
                match terms(&residual.formula) {
                    0 | 1 if jets > NOTHING * whole => jets,
                    0 | 1 => whole,
                    _ if own > NOTHING_HERE * whole => own,
                    _ => whole,
                }
            }
        };
        Ok(ConditionCheck {
            text: residual.text.clone(),
            error,
            relative: over(error, scale),
            at,
            scale,
        })
    }

    /// Values, and derivatives by the axis below the highest order, agree at both ends.
    fn periodic(
        &self,
        problem: &Problem,
        condition: &Condition,
        representation: &Representation,
        far: &Points,
        axis: usize,
        scale: Option<f64>,
    ) -> Result<ConditionCheck> {
        let d = problem.coordinates.len();
        let jets: Vec<Jet> = (0..problem.fields.len())
            .flat_map(|field| (0..problem.highest(axis).max(1)).map(move |n| (field, n)))
            .map(|(field, n)| {
                let mut order = vec![0; d];
                if let Some(place) = order.get_mut(axis) {
                    *place = n;
                }
                Jet { field, order }
            })
            .collect();
        let mut ends = [vec![Vec::new(); jets.len()], vec![Vec::new(); jets.len()]];
        for (points, out) in [&self.points, far].into_iter().zip(&mut ends) {
            representation.jets(&jets, points, out)?;
        }
        let [low, high] = &ends;
        let mut worst = ConditionCheck {
            text: condition.residual.text.clone(),
            error: 0.0,
            relative: 0.0,
            at: Vec::new(),
            scale: scale.unwrap_or(1.0),
        };
        for (a, b) in low.iter().zip(high) {
            let apart: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
            let size = scale.unwrap_or_else(|| rms(a).max(rms(b)));
            let (error, at) = largest(&apart, &self.points);
            let relative = over(error, size);
            if relative > worst.relative || relative.is_nan() || worst.at.is_empty() {
                worst = ConditionCheck {
                    text: worst.text,
                    error,
                    relative,
                    at,
                    scale: size,
                };
            }
        }
        Ok(worst)
    }
}
