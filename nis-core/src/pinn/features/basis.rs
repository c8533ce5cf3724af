//! The functions that fields are sums of.

use serde::{Deserialize, Serialize};

use super::super::points::Points;
use super::axis::{Axis, Kind, polynomial, tanh_slopes, wave};
use super::corner::Corner;
use crate::error::{Error, Result};
use crate::optim::Random;

/// Functions of all coordinates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Block {
    /// Products of one function per axis, those of which the degrees (as shares of the highest per axis) have a
    /// sum of squares of at most 1: the Euclidean degree (Trefethen, Proc. AMS 145 (2017) 4837).
    Tensor(Vec<Axis>),
    /// `tanh(w.x + b)` times a wave along every periodic axis, in coordinates normalised to [-1, 1].
    Ridge(Ridge),
    /// Singular functions in the first two coordinates.
    Corner(Corner),
}

/// Random features.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ridge {
    /// A row of weights per feature, 0 on periodic axes.
    weights: Vec<f64>,
    biases: Vec<f64>,
    /// A row of wave numbers per feature (as [`wave`] counts them), 0 on other axes; empty where no axis is
    /// periodic.
    waves: Vec<u16>,
}

impl Ridge {
    /// `count` features: weights even in [-scale, scale], biases such that each middle lies in the box.
    pub(super) fn new(count: usize, scale: f64, periodic: &[bool], seed: u64) -> Self {
        let mut random = Random(seed);
        let d = periodic.len();
        let (mut weights, mut biases, mut waves) = (Vec::new(), Vec::new(), Vec::new());
        let round = periodic.iter().any(|p| *p);
        for _ in 0..count {
            let row: Vec<f64> = periodic
                .iter()
                .map(|p| {
                    let w = scale * random.symmetric();
                    if *p { 0.0 } else { w }
                })
                .collect();
            let middle: Vec<f64> = (0..d).map(|_| random.symmetric()).collect();
            biases.push(-row.iter().zip(&middle).map(|(w, x)| w * x).sum::<f64>());
            weights.extend(row);
            if round {
                let highest = (2.0 * scale).ceil().clamp(1.0, 1000.0) as usize;
                for p in periodic {
                    let k = random.below(2 * highest + 1) as u16;
                    waves.push(if *p { k } else { 0 });
                }
            }
        }
        Ridge {
            weights,
            biases,
            waves,
        }
    }
}

/// The functions, in the order of their coefficients.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Basis {
    /// What is normalised to [-1, 1].
    pub(super) ranges: Vec<[f64; 2]>,
    pub(super) blocks: Vec<Block>,
}

/// The functions of a [`Block::Tensor`]: numbers by axis.
pub(super) fn members(axes: &[Axis]) -> Vec<Vec<usize>> {
    let mut all = vec![(Vec::new(), 0.0)];
    for axis in axes {
        let mut next = Vec::new();
        for (numbers, sum) in &all {
            for k in 0..axis.size {
                let sum = sum + axis.degree(k).powi(2);
                if sum <= 1.0 + 1e-9 {
                    let mut numbers: Vec<usize> = Vec::clone(numbers);
                    numbers.push(k);
                    next.push((numbers, sum));
                }
            }
        }
        all = next;
    }
    all.into_iter().map(|(numbers, _)| numbers).collect()
}

impl Block {
    /// No fewer than [`Block::len`], found without making the list.
    pub(super) fn most(&self) -> usize {
        match self {
            Block::Tensor(axes) => axes
                .iter()
                .fold(1, |n: usize, axis| n.saturating_mul(axis.size)),
            other => other.len(),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Block::Tensor(axes) => members(axes).len(),
            Block::Ridge(ridge) => ridge.biases.len(),
            Block::Corner(corner) => corner.terms.len(),
        }
    }
}

impl Basis {
    /// Number of functions.
    pub(super) fn len(&self) -> usize {
        self.blocks.iter().map(Block::len).sum()
    }

    /// Derivatives of every function at points, function by function: `each(k, columns)` with a column per entry of
    /// `orders`. Costs a few operations per function, point and order.
    pub(super) fn each(
        &self,
        orders: &[&[u8]],
        points: &Points,
        mut each: impl FnMut(usize, &[Vec<f64>]),
    ) -> Result<()> {
        let d = self.ranges.len();
        let fits = points.dimensions() == d && orders.iter().all(|o| o.len() == d);
        if !fits {
            return Err(Error::Internal {
                message: format!("points in {} coordinates for {d}", points.dimensions()),
            });
        }
        let m = points.len();
        let normal: Vec<Vec<f64>> = (0..d).map(|a| self.normalised(a, points)).collect();
        let mut columns = vec![vec![0.0; m]; orders.len()];
        let mut first = 0;
        for block in &self.blocks {
            match block {
                Block::Tensor(axes) if axes.len() == d => {
                    self.tensor(axes, orders, &normal, &mut columns, |k, c| {
                        each(first + k, c);
                    });
                }
                Block::Ridge(ridge) if ridge.weights.len() == d * ridge.biases.len() => {
                    self.ridge(ridge, orders, &normal, &mut columns, |k, c| {
                        each(first + k, c);
                    });
                }
                Block::Corner(corner) if d == 2 => {
                    for k in 0..corner.terms.len() {
                        for (order, column) in orders.iter().zip(&mut columns) {
                            let (p, q) = (order[0], order[1]);
                            corner.fill(k, p, q, points.column(0), points.column(1), column);
                        }
                        each(first + k, &columns);
                    }
                }
                _ => {
                    return Err(Error::invalid(
                        "features",
                        "a block of another number of coordinates",
                        format!("{d} coordinates"),
                    ));
                }
            }
            first += block.len();
        }
        Ok(())
    }

    fn normalised(&self, axis: usize, points: &Points) -> Vec<f64> {
        let [a, b] = self.ranges[axis];
        // Exact at both ends.
        let map = |v: &f64| ((v - a) - (b - v)) / (b - a);
        points.column(axis).iter().map(map).collect()
    }

    /// d(normalised)/d(coordinate) to the power of the order, over all axes.
    fn stretch(&self, order: &[u8]) -> f64 {
        let each = self.ranges.iter().zip(order);
        each.map(|([a, b], n)| (2.0 / (b - a)).powi(i32::from(*n)))
            .product()
    }

    fn tensor(
        &self,
        axes: &[Axis],
        orders: &[&[u8]],
        normal: &[Vec<f64>],
        columns: &mut [Vec<f64>],
        mut each: impl FnMut(usize, &[Vec<f64>]),
    ) {
        // One table per axis and order that occurs.
        let tables: Vec<Vec<Option<Vec<f64>>>> = axes
            .iter()
            .enumerate()
            .map(|(a, axis)| {
                let highest = orders.iter().map(|o| o[a]).max().unwrap_or(0);
                (0..=highest)
                    .map(|n| {
                        let used = orders.iter().any(|o| o[a] == n);
                        used.then(|| axis.table(n, &normal[a]))
                    })
                    .collect()
            })
            .collect();
        for (k, numbers) in members(axes).iter().enumerate() {
            for (order, column) in orders.iter().zip(columns.iter_mut()) {
                let m = column.len();
                column.fill(self.stretch(order));
                for (a, number) in numbers.iter().enumerate() {
                    if let Some(table) = &tables[a][usize::from(order[a])] {
                        let factors = &table[number * m..(number + 1) * m];
                        for (v, f) in column.iter_mut().zip(factors) {
                            *v *= f;
                        }
                    }
                }
            }
            each(k, columns);
        }
    }

    fn ridge(
        &self,
        ridge: &Ridge,
        orders: &[&[u8]],
        normal: &[Vec<f64>],
        columns: &mut [Vec<f64>],
        mut each: impl FnMut(usize, &[Vec<f64>]),
    ) {
        let d = normal.len();
        let m = normal.first().map_or(0, Vec::len);
        let round = |a: usize| ridge.waves.len() == ridge.weights.len() && self.is_round(ridge, a);
        let round: Vec<bool> = (0..d).map(round).collect();
        let own = |order: &[u8]| -> u8 {
            let flat = order.iter().zip(&round).filter(|(_, r)| !**r);
            flat.map(|(n, _)| *n).sum()
        };
        let highest = orders.iter().map(|o| own(o)).max().unwrap_or(0);
        let slopes = tanh_slopes(highest);
        let mut t = vec![0.0; m];
        for k in 0..ridge.biases.len() {
            let weights = &ridge.weights[k * d..(k + 1) * d];
            t.fill(ridge.biases[k]);
            for (w, x) in weights.iter().zip(normal) {
                for (t, x) in t.iter_mut().zip(x) {
                    *t += w * x;
                }
            }
            for t in &mut t {
                *t = t.tanh();
            }
            for (order, column) in orders.iter().zip(columns.iter_mut()) {
                let mut factor = self.stretch(order);
                for a in 0..d {
                    if !round[a] {
                        factor *= weights[a].powi(i32::from(order[a]));
                    }
                }
                let slope = &slopes[usize::from(own(order))];
                for (v, t) in column.iter_mut().zip(&t) {
                    *v = factor * polynomial(slope, *t);
                }
                for a in (0..d).filter(|a| round[*a]) {
                    let number = usize::from(ridge.waves[k * d + a]);
                    for (v, x) in column.iter_mut().zip(&normal[a]) {
                        *v *= wave(number, order[a], *x);
                    }
                }
            }
            each(k, columns);
        }
    }

    /// Whether the features are waves along this axis.
    fn is_round(&self, ridge: &Ridge, axis: usize) -> bool {
        let d = self.ranges.len();
        ridge
            .weights
            .iter()
            .skip(axis)
            .step_by(d)
            .all(|w| *w == 0.0)
    }

    /// Sums over the functions: `out[field][order]` with coefficients per field.
    pub(super) fn sums(
        &self,
        coefficients: &[Vec<f64>],
        orders: &[&[u8]],
        points: &Points,
    ) -> Result<Vec<Vec<Vec<f64>>>> {
        let mut out = vec![vec![vec![0.0; points.len()]; orders.len()]; coefficients.len()];
        self.each(orders, points, |k, columns| {
            for (out, coefficients) in out.iter_mut().zip(coefficients) {
                let c = coefficients.get(k).copied().unwrap_or(0.0);
                if c == 0.0 {
                    continue;
                }
                for (sum, column) in out.iter_mut().zip(columns) {
                    for (s, v) in sum.iter_mut().zip(column) {
                        *s += c * v;
                    }
                }
            }
        })?;
        Ok(out)
    }
}

/// Polynomials (waves where periodic) with these numbers of functions per axis.
pub(super) fn tensor(sizes: &[usize], periodic: &[bool]) -> Block {
    let kinds = sizes.iter().zip(periodic);
    Block::Tensor(
        kinds
            .map(|(size, periodic)| match periodic {
                true => Axis {
                    kind: Kind::Waves,
                    size: size | 1,
                },
                false => Axis {
                    kind: Kind::Chebyshev,
                    size: *size,
                },
            })
            .collect(),
    )
}
