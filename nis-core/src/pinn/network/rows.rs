//! Residuals at points as functions of the network's streams: values, and slopes by streams and unknown parameters.

use std::ops::Range;

use super::super::points::Points;
use super::super::problem::{Jet, Problem, Residual};
use super::kernel::Streams;
use super::lift::{Lift, Lifted, Lifting};
use super::mirror::Mirror;
use crate::error::Result;

/// What must vanish at the points of a block.
#[derive(Debug)]
pub(super) enum Wanted<'a> {
    /// Residuals of the problem.
    Formulas(Vec<&'a Residual>),
    /// Jets of the solution less given values: data, or where the window before ended. NaN: nothing is given.
    Values(Vec<(Jet, Vec<f64>)>),
}

impl Wanted<'_> {
    /// Number of rows per point.
    pub(super) fn kinds(&self) -> usize {
        match self {
            Wanted::Formulas(f) => f.len(),
            Wanted::Values(v) => v.len(),
        }
    }
}

/// A part of a jet of the solution.
#[derive(Debug, Clone)]
struct Part {
    weight: f64,
    factor: Option<usize>,
    stream: usize,
}

/// How a kind of rows is made from the network, whatever the points.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    pub(super) wanted: Wanted<'a>,
    pub(super) streams: Streams,
    lifting: Lifting,
    /// The jets that are used.
    jets: Vec<Jet>,
    /// Their places among the arguments of formulas (jets of the problem).
    places: Vec<usize>,
    /// Per jet.
    parts: Vec<Vec<Part>>,
    outputs: usize,
    coordinates: usize,
    all_jets: usize,
    pub(super) unknowns: usize,
    /// The symmetry of the network, and the signs of its streams.
    pub(super) mirror: Option<(Mirror, Vec<f64>)>,
}

/// Points with what does not change during training.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) points: Points,
    pub(super) normals: Points,
    lifted: Lifted,
    /// Factor of each row, `[kind][point]`; 0 leaves the row out.
    pub(super) weights: Vec<Vec<f64>>,
}

/// Rows at some points of a block.
#[derive(Debug, Default)]
pub(super) struct Rows {
    /// Weighted residuals, `[kind * points + point]`.
    pub(super) values: Vec<f64>,
    /// Weighted slopes by streams, `[((kind * streams + stream) * outputs + output) * points + point]`.
    pub(super) seeds: Vec<f64>,
    /// Weighted slopes by unknown parameters, `[(kind * unknowns + unknown) * points + point]`.
    pub(super) by_unknown: Vec<f64>,
}

impl<'a> Plan<'a> {
    pub(super) fn new(
        problem: &Problem,
        lifts: &[Lift],
        mirror: Option<&Mirror>,
        wanted: Wanted<'a>,
    ) -> Result<Self> {
        let (jets, places) = match &wanted {
            Wanted::Formulas(formulas) => {
                let symbols = problem.symbols();
                let first = problem.coordinates.len();
                let used = |k: usize| {
                    formulas.iter().any(|f| {
                        symbols.get(first + k).is_some_and(|s| {
                            f.by_jet.iter().any(|(j, _)| *j == k) || f.formula.names().contains(s)
                        })
                    })
                };
                let places: Vec<usize> = (0..problem.jets.len()).filter(|k| used(*k)).collect();
                let jets = places
                    .iter()
                    .filter_map(|k| problem.jets.get(*k).cloned())
                    .collect();
                (jets, places)
            }
            Wanted::Values(values) => {
                let jets: Vec<Jet> = values.iter().map(|(jet, _)| jet.clone()).collect();
                let places = (0..jets.len()).collect();
                (jets, places)
            }
        };
        let lifting = Lifting::new(problem, lifts, &jets)?;
        let mut orders: Vec<Vec<u8>> = vec![vec![0; problem.coordinates.len()]];
        orders.extend(lifting.terms.iter().flatten().map(|t| t.order.clone()));
        let streams = Streams::closing(&orders)?;
        let parts = lifting.terms.iter().map(|terms| {
            terms
                .iter()
                .filter_map(|t| {
                    Some(Part {
                        weight: t.weight,
                        factor: t.factor,
                        stream: streams.index_of(&t.order)?,
                    })
                })
                .collect()
        });
        let mirror = mirror.map(|m| (m.clone(), m.of_streams(&streams, problem.fields.len())));
        Ok(Plan {
            parts: parts.collect(),
            wanted,
            streams,
            lifting,
            jets,
            places,
            outputs: problem.fields.len(),
            coordinates: problem.coordinates.len(),
            all_jets: problem.jets.len(),
            unknowns: problem.unknowns.len(),
            mirror,
        })
    }

    /// Puts points under the plan.
    pub(super) fn block(
        &self,
        points: Points,
        normals: Points,
        weights: Vec<Vec<f64>>,
    ) -> Result<Block> {
        Ok(Block {
            lifted: self.lifting.at(&points)?,
            points,
            normals,
            weights,
        })
    }

    /// Numbers per point that the network gives.
    pub(super) fn width(&self) -> usize {
        self.streams.len() * self.outputs
    }

    /// The jets that the formulas use, and their values: `out[k]` for each.
    fn jets(&self, block: &Block, range: &Range<usize>, values: &[f64]) -> Vec<Vec<f64>> {
        let n = range.len();
        let jets = self.jets.iter().zip(&self.parts).enumerate();
        jets.map(|(k, (jet, parts))| {
            let base = block.lifted.base.get(k).and_then(|b| b.get(range.clone()));
            let mut out = base.map_or_else(|| vec![f64::NAN; n], <[f64]>::to_vec);
            for part in parts {
                let from = (part.stream * self.outputs + jet.field) * n;
                let Some(own) = values.get(from..from + n) else {
                    continue;
                };
                match self.factor(block, range, part) {
                    Some(factor) => {
                        for ((o, v), f) in out.iter_mut().zip(own).zip(factor) {
                            *o += part.weight * f * v;
                        }
                    }
                    None => {
                        for (o, v) in out.iter_mut().zip(own) {
                            *o += part.weight * v;
                        }
                    }
                }
            }
            out
        })
        .collect()
    }

    fn factor<'b>(&self, block: &'b Block, range: &Range<usize>, part: &Part) -> Option<&'b [f64]> {
        block.lifted.factor.get(part.factor?)?.get(range.clone())
    }

    /// The rows at some points, from the streams there (`[(stream * outputs + output) * points + point]`); slopes
    /// where asked for.
    pub(super) fn rows(
        &self,
        block: &Block,
        range: Range<usize>,
        values: &[f64],
        unknowns: &[f64],
        slopes: bool,
        rows: &mut Rows,
    ) -> Result<()> {
        let n = range.len();
        let kinds = self.wanted.kinds();
        let width = self.width();
        rows.values.clear();
        rows.values.resize(kinds * n, 0.0);
        rows.seeds.clear();
        rows.by_unknown.clear();
        if slopes {
            rows.seeds.resize(kinds * width * n, 0.0);
            rows.by_unknown.resize(kinds * self.unknowns * n, 0.0);
        }
        let jets = self.jets(block, &range, values);
        match &self.wanted {
            Wanted::Values(given) => {
                for (k, (_, given)) in given.iter().enumerate() {
                    let (Some(have), Some(want)) = (jets.get(k), given.get(range.clone())) else {
                        continue;
                    };
                    let out = rows.values.iter_mut().skip(k * n);
                    for ((o, h), w) in out.zip(have).zip(want) {
                        *o = if w.is_nan() { 0.0 } else { h - w };
                    }
                    if slopes {
                        let one: Vec<f64> = want
                            .iter()
                            .map(|w| f64::from(u8::from(!w.is_nan())))
                            .collect();
                        self.seed(block, &range, k, k, &one, rows);
                    }
                }
            }
            Wanted::Formulas(formulas) => {
                let zeros = vec![0.0; n];
                let constants: Vec<Vec<f64>> = unknowns.iter().map(|u| vec![*u; n]).collect();
                let arguments = self.arguments(block, &range, &jets, &constants, &zeros);
                let mut slope = vec![0.0; n];
                for (k, formula) in formulas.iter().enumerate() {
                    if let Some(out) = rows.values.get_mut(k * n..(k + 1) * n) {
                        formula.value.evaluate(&arguments, out)?;
                    }
                    if !slopes {
                        continue;
                    }
                    for (j, program) in &formula.by_jet {
                        if let Some(own) = self.places.iter().position(|p| p == j) {
                            program.evaluate(&arguments, &mut slope)?;
                            self.seed(block, &range, k, own, &slope, rows);
                        }
                    }
                    for (u, program) in &formula.by_unknown {
                        let from = (k * self.unknowns + u) * n;
                        if let Some(out) = rows.by_unknown.get_mut(from..from + n) {
                            program.evaluate(&arguments, out)?;
                        }
                    }
                }
            }
        }
        self.weigh(block, &range, rows);
        Ok(())
    }

    /// What formulas are called with.
    fn arguments<'b>(
        &self,
        block: &'b Block,
        range: &Range<usize>,
        jets: &'b [Vec<f64>],
        constants: &'b [Vec<f64>],
        zeros: &'b [f64],
    ) -> Vec<&'b [f64]> {
        let mut arguments: Vec<&[f64]> = Vec::new();
        for c in block.points.columns() {
            arguments.push(c.get(range.clone()).unwrap_or(zeros));
        }
        arguments.extend((0..self.all_jets).map(|j| {
            let own = self.places.iter().position(|p| *p == j);
            own.and_then(|k| jets.get(k)).map_or(zeros, |v| &v[..])
        }));
        arguments.extend(constants.iter().map(Vec::as_slice));
        for axis in 0..self.coordinates {
            let normal = block.normals.column(axis).get(range.clone());
            arguments.push(normal.unwrap_or(zeros));
        }
        arguments
    }

    /// How large the terms of each formula are, as root mean squares over all points of a block: the sum of
    /// |slope by jet| times `sizes` (one per jet of the problem), and the largest |slope by jet times jet|.
    /// `values` are the streams there.
    pub(super) fn terms(
        &self,
        block: &Block,
        values: &[f64],
        unknowns: &[f64],
        sizes: &[f64],
    ) -> Result<Vec<(f64, f64)>> {
        let range = 0..block.points.len();
        let rms = |v: &[f64]| (v.iter().map(|v| v * v).sum::<f64>() / v.len().max(1) as f64).sqrt();
        let each = self.terms_at(block, range, values, unknowns, sizes)?;
        Ok(each.iter().map(|(a, b)| (rms(a), rms(b))).collect())
    }

    /// The same point by point.
    pub(super) fn terms_at(
        &self,
        block: &Block,
        range: Range<usize>,
        values: &[f64],
        unknowns: &[f64],
        sizes: &[f64],
    ) -> Result<Vec<(Vec<f64>, Vec<f64>)>> {
        let Wanted::Formulas(formulas) = &self.wanted else {
            return Ok(Vec::new());
        };
        let n = range.len();
        let jets = self.jets(block, &range, values);
        let zeros = vec![0.0; n];
        let constants: Vec<Vec<f64>> = unknowns.iter().map(|u| vec![*u; n]).collect();
        let arguments = self.arguments(block, &range, &jets, &constants, &zeros);
        let mut slope = vec![0.0; n];
        let mut out = Vec::new();
        for formula in formulas {
            let (mut sums, mut largest) = (vec![0.0; n], vec![0.0f64; n]);
            for (j, program) in &formula.by_jet {
                program.evaluate(&arguments, &mut slope)?;
                let size = sizes.get(*j).copied().unwrap_or(1.0);
                let own = self.places.iter().position(|p| p == j);
                let jet = own.and_then(|k| jets.get(k)).unwrap_or(&zeros);
                let both = sums.iter_mut().zip(&mut largest);
                for ((sum, most), (s, jet)) in both.zip(slope.iter().zip(jet)) {
                    *sum += s.abs() * size;
                    *most = most.max((s * jet).abs());
                }
            }
            out.push((sums, largest));
        }
        Ok(out)
    }

    /// Adds the slope by one jet, spread over the streams that it is made of.
    fn seed(
        &self,
        block: &Block,
        range: &Range<usize>,
        kind: usize,
        jet: usize,
        slope: &[f64],
        rows: &mut Rows,
    ) {
        let n = range.len();
        let Some(field) = self.jets.get(jet).map(|j| j.field) else {
            return;
        };
        for part in self.parts.get(jet).into_iter().flatten() {
            let from = ((kind * self.streams.len() + part.stream) * self.outputs + field) * n;
            let Some(out) = rows.seeds.get_mut(from..from + n) else {
                continue;
            };
            match self.factor(block, range, part) {
                Some(factor) => {
                    for ((o, s), f) in out.iter_mut().zip(slope).zip(factor) {
                        *o += part.weight * s * f;
                    }
                }
                None => {
                    for (o, s) in out.iter_mut().zip(slope) {
                        *o += part.weight * s;
                    }
                }
            }
        }
    }

    /// Multiplies every row by its weight; a weight of 0 also silences what is not finite.
    fn weigh(&self, block: &Block, range: &Range<usize>, rows: &mut Rows) {
        let n = range.len();
        if n == 0 {
            return;
        }
        let scale = |out: &mut [f64], weights: &[f64]| {
            for (o, w) in out.iter_mut().zip(weights) {
                *o = if *w == 0.0 { 0.0 } else { *o * w };
            }
        };
        let width = self.width();
        for (k, weights) in block.weights.iter().enumerate() {
            let Some(weights) = weights.get(range.clone()) else {
                continue;
            };
            if let Some(out) = rows.values.get_mut(k * n..(k + 1) * n) {
                scale(out, weights);
            }
            for (list, each) in [
                (&mut rows.seeds, width),
                (&mut rows.by_unknown, self.unknowns),
            ] {
                let own = list.get_mut(k * each * n..(k + 1) * each * n);
                for out in own.into_iter().flat_map(|o| o.chunks_exact_mut(n)) {
                    scale(out, weights);
                }
            }
        }
    }
}
