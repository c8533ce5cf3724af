//! What is added to the loss: smoothness of the edges, a slight pull towards zero, and sparsity.

use crate::error::{Error, Result};
use crate::kan::basis::{Basis, Family, Outside};
use crate::kan::network::{Edge, Kan};

/// Most functions of a basis without local support whose smoothness is measured (a matrix of 32 MiB).
const MOST_DENSE: usize = 2048;

/// The weight of the squares of all parameters that goes with a smoothness.
pub(super) fn ridge_of(smoothness: f64) -> f64 {
    1e-6 * smoothness
}

/// Squares whose sum, halved, is the roughness of an edge.
#[derive(Debug, Clone, PartialEq)]
enum Roughness {
    /// Weights of three neighbouring coefficients, from the first on.
    Bands(Vec<[f64; 3]>),
    /// A symmetric matrix, `functions` x `functions`.
    Matrix(Vec<f64>),
}

/// Roughness of the edges of a network.
#[derive(Debug)]
pub(in crate::kan) struct Smoothness {
    /// Per layer one for all inputs, or one per input.
    of: Vec<Vec<Roughness>>,
}

/// Second differences of the coefficients of B-splines (Eilers and Marx, Statist. Sci. 11 (1996) 89, eq. (4)); on
/// unequal knots divided differences over the knot averages, so that straight lines stay free. Other families:
/// the integral of the squared second derivative in units of a cell, which second differences approximate.
fn roughness(basis: &Basis, outside: Outside) -> Result<Roughness> {
    let n = basis.functions();
    if basis.family() == Family::BSpline {
        let order = basis.order();
        let average =
            |c: usize| basis.knots()[c + 1..=c + order].iter().sum::<f64>() / order as f64;
        let (a, b) = basis.grid();
        let cell = (b - a) / basis.cells() as f64;
        let rows = (1..n.saturating_sub(1)).map(|c| {
            if basis.is_uniform() {
                return [1.0, -2.0, 1.0];
            }
            let (left, right) = (average(c) - average(c - 1), average(c + 1) - average(c));
            if left > 0.0 && right > 0.0 {
                let (left, right) = (cell / left, cell / right);
                [left, -left - right, right]
            } else {
                [0.0; 3]
            }
        });
        return Ok(Roughness::Bands(rows.collect()));
    }
    if n > MOST_DENSE {
        return Err(Error::Limit {
            what: "functions of a smooth edge without local support".into(),
            limit: MOST_DENSE as u64,
            got: n as u64,
        });
    }
    let (a, b) = basis.grid();
    let cell = (b - a) / basis.cells().max(1) as f64;
    let points = 8 * n;
    let mut matrix = vec![0.0; n * n];
    let mut second = vec![0.0; n];
    for k in 0..points {
        let x = a + (b - a) * (k as f64 + 0.5) / points as f64;
        let local = basis.local(x, outside);
        let weight = ((b - a) / points as f64 * cell.powi(3)).sqrt();
        second.fill(0.0);
        for (s, d2) in second[local.first..].iter_mut().zip(&local.d2) {
            *s = weight * d2;
        }
        for (i, a) in second.iter().enumerate() {
            for (m, b) in matrix[i * n..(i + 1) * n].iter_mut().zip(&second) {
                *m += a * b;
            }
        }
    }
    Ok(Roughness::Matrix(matrix))
}

impl Smoothness {
    /// # Errors
    /// [`Error::Limit`] for over 2048 functions without local support.
    pub(in crate::kan) fn new(net: &Kan) -> Result<Self> {
        let of = net
            .layers()
            .iter()
            .map(|l| l.bases.iter().map(|b| roughness(b, l.outside)).collect());
        Ok(Smoothness {
            of: of.collect::<Result<_>>()?,
        })
    }

    /// [`Smoothness::add_both`] with the pull towards zero of a fit, [`ridge_of`] the weight.
    pub(in crate::kan) fn add(
        &self,
        net: &Kan,
        p: &[f64],
        weight: f64,
        gradient: Option<&mut [f64]>,
        each: Option<&mut dyn FnMut(usize, usize, f64)>,
    ) -> f64 {
        self.add_both(net, p, [weight, ridge_of(weight)], gradient, each)
    }

    /// Half of `weight` times the sum over the edges of their roughness, plus half of `ridge` times the sum of squares,
    /// which decides between edges that can trade a constant with one another; adds the
    /// gradient and, by `each(row, column, value)`, the lower triangle of the Hessian where asked for.
    pub(super) fn add_both(
        &self,
        net: &Kan,
        p: &[f64],
        [weight, ridge]: [f64; 2],
        mut gradient: Option<&mut [f64]>,
        mut each: Option<&mut dyn FnMut(usize, usize, f64)>,
    ) -> f64 {
        let mut sum = 0.0;
        let mut start = 0;
        for (l, layer) in net.layers().iter().enumerate() {
            let n = layer.functions();
            for edge in 0..layer.edges.len() {
                if layer.edges[edge] != Edge::Trained {
                    continue;
                }
                let at = start + edge * n;
                let kinds = &self.of[l];
                let kind = &kinds[if kinds.len() == 1 {
                    0
                } else {
                    edge / layer.sums
                }];
                let c = &p[at..at + n];
                match kind {
                    Roughness::Bands(rows) => {
                        for (i, row) in rows.iter().enumerate() {
                            let v: f64 = row.iter().zip(&c[i..]).map(|(w, c)| w * c).sum();
                            sum += 0.5 * weight * v * v;
                            if let Some(g) = gradient.as_deref_mut() {
                                for (g, w) in g[at + i..].iter_mut().zip(row) {
                                    *g += weight * v * w;
                                }
                            }
                            if let Some(each) = each.as_deref_mut() {
                                for a in 0..3 {
                                    for b in 0..=a {
                                        each(at + i + a, at + i + b, weight * row[a] * row[b]);
                                    }
                                }
                            }
                        }
                    }
                    Roughness::Matrix(m) => {
                        for (i, row) in m.chunks(n).enumerate() {
                            let v: f64 = row.iter().zip(c).map(|(m, c)| m * c).sum();
                            sum += 0.5 * weight * v * c[i];
                            if let Some(g) = gradient.as_deref_mut() {
                                g[at + i] += weight * v;
                            }
                            if let Some(each) = each.as_deref_mut() {
                                for (j, m) in row.iter().enumerate().take(i + 1) {
                                    each(at + i, at + j, weight * m);
                                }
                            }
                        }
                    }
                }
                let base = layer
                    .has_base()
                    .then(|| start + layer.coefficients.len() + edge);
                for index in (at..at + n).chain(base) {
                    sum += 0.5 * ridge * p[index] * p[index];
                    if let Some(g) = gradient.as_deref_mut() {
                        g[index] += ridge * p[index];
                    }
                    if let Some(each) = each.as_deref_mut() {
                        each(index, index, ridge);
                    }
                }
            }
            start += layer.parameters();
        }
        sum
    }
}

/// The sparsity penalty of Liu et al., "KAN" (2024), eqs. (2.17) to (2.20), from the mean magnitudes of the edges
/// (eq. (2.17)) per layer; writes its derivatives with respect to them.
pub(super) fn sparsity(means: &[Vec<f64>], l1: f64, entropy: f64, slopes: &mut [Vec<f64>]) -> f64 {
    let mut sum = 0.0;
    for (means, slopes) in means.iter().zip(slopes) {
        let total: f64 = means.iter().sum();
        let disorder: f64 = means
            .iter()
            .filter(|m| **m > 0.0)
            .map(|m| -(m / total) * (m / total).ln())
            .sum();
        sum += l1 * total + entropy * disorder;
        for (slope, m) in slopes.iter_mut().zip(means) {
            // An edge that vanishes exactly has an infinite slope of the entropy, and gets none.
            let bend = if *m > 0.0 && total > 0.0 {
                -((m / total).ln() + disorder) / total
            } else {
                0.0
            };
            *slope = l1 + entropy * bend;
        }
    }
    sum
}
