//! Derivatives of the outputs with respect to the inputs, by the chain rule from the inputs on.

use pulp::{Arch, Simd, WithSimd};

use super::place::Tile;
use super::predictor::Predictor;
use super::real::{Real, TILE};
use super::shape::Shape;
use crate::error::{Error, Result};

/// Values and derivatives of the nodes of a layer: `[node]`, `[node][input]`, `[node][input][input]`.
#[derive(Debug, Clone, Default)]
struct Nodes<T> {
    value: Vec<T>,
    first: Vec<T>,
    second: Vec<T>,
}

impl<T: Real> Nodes<T> {
    fn clear(&mut self, nodes: usize, inputs: usize, second: bool) {
        let squares = if second { inputs * inputs } else { 0 };
        for (list, length) in [
            (&mut self.value, nodes),
            (&mut self.first, nodes * inputs),
            (&mut self.second, nodes * squares),
        ] {
            list.clear();
            list.resize(length, T::default());
        }
    }
}

impl<T: Real> Predictor<T> {
    /// First derivatives of the outputs with respect to the inputs for rows of inputs: `[row][output][input]`.
    /// Cost per row: that of the outputs, and per edge a multiplication for each input of the network.
    ///
    /// ```
    /// use nis_core::kan::{Kan, Predictor};
    /// let net = Kan::new(&[2, 3, 1], 5, 3, 0)?;
    /// let mut jacobian = [0.0; 2];
    /// Predictor::<f64>::new(&net)?.jacobian_into(&[0.3, -0.7], &mut jacobian)?;
    /// assert!((jacobian[1] - net.jacobian(&[0.3, -0.7])?[1]).abs() < 1e-12);
    /// # Ok::<(), nis_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where a length does not fit.
    pub fn jacobian_into(&self, x: &[T], jacobian: &mut [T]) -> Result<()> {
        self.derive(x, jacobian, None)
    }

    /// First derivatives `[row][output][input]` and second derivatives `[row][output][input][input]`, symmetric in
    /// the last two. Splines of order 1 have second derivative 0. Cost per row: per edge a multiplication for each
    /// pair of inputs of the network.
    ///
    /// ```
    /// use nis_core::kan::{Kan, Predictor};
    /// let net = Kan::new(&[2, 3, 1], 5, 3, 0)?;
    /// let (mut first, mut second) = ([0.0; 2], [0.0; 4]);
    /// Predictor::<f64>::new(&net)?.hessian_into(&[0.3, -0.7], &mut first, &mut second)?;
    /// assert_eq!(second[1], second[2]);
    /// # Ok::<(), nis_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where a length does not fit.
    pub fn hessian_into(&self, x: &[T], jacobian: &mut [T], hessian: &mut [T]) -> Result<()> {
        self.derive(x, jacobian, Some(hessian))
    }

    fn derive(&self, x: &[T], jacobian: &mut [T], hessian: Option<&mut [T]>) -> Result<()> {
        let rows = self.batch.count(&self.weights, x, None)?;
        let (inputs, outputs) = (self.inputs(), self.outputs());
        let fits = |field: &str, got: usize, want: Option<usize>| match want {
            Some(want) if got == want => Ok(()),
            _ => Err(Error::invalid(
                field,
                format!("{got} values"),
                format!("{want:?} values"),
            )),
        };
        let first = (rows * outputs).checked_mul(inputs);
        fits("jacobian", jacobian.len(), first)?;
        if let Some(hessian) = &hessian {
            fits(
                "hessian",
                hessian.len(),
                first.and_then(|f| f.checked_mul(inputs)),
            )?;
        }
        Arch::new().dispatch(Derive {
            of: self,
            x,
            jacobian,
            hessian,
        });
        Ok(())
    }
}

struct Derive<'a, T> {
    of: &'a Predictor<T>,
    x: &'a [T],
    jacobian: &'a mut [T],
    hessian: Option<&'a mut [T]>,
}

impl<T: Real> WithSimd for Derive<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (inputs, outputs) = (self.of.inputs(), self.of.outputs());
        let mut at = Nodes::default();
        let mut sums = Nodes::default();
        let mut tile = Tile::default();
        let mut hessian = self.hessian;
        let seconds = hessian.is_some();
        let rows = self
            .x
            .chunks_exact(inputs)
            .zip(self.jacobian.chunks_exact_mut(outputs * inputs));
        for (row, (x, jacobian)) in rows.enumerate() {
            at.clear(inputs, inputs, seconds);
            at.value.copy_from_slice(x);
            for i in 0..inputs {
                at.first[i * inputs + i] = T::of(1.0);
            }
            for layer in &self.of.batch.layers {
                sums.clear(layer.sums, inputs, seconds);
                let own = self.of.batch.own(layer, &self.of.weights);
                edges(simd, layer, own, &at, &mut sums, inputs, &mut tile);
                at.clear(layer.outputs, inputs, seconds);
                multiply(layer, &sums, &mut at, inputs);
            }
            jacobian.copy_from_slice(&at.first);
            if let Some(hessian) = &mut hessian {
                let size = outputs * inputs * inputs;
                hessian[row * size..(row + 1) * size].copy_from_slice(&at.second);
            }
        }
    }
}

/// Sums and their derivatives from the values of the nodes before and theirs.
#[inline(always)]
fn edges<T: Real, S: Simd>(
    simd: S,
    layer: &Shape<T>,
    weights: &[T],
    at: &Nodes<T>,
    sums: &mut Nodes<T>,
    inputs: usize,
    tile: &mut Tile<T>,
) {
    sums.value.copy_from_slice(&layer.sum_shift[..layer.sums]);
    let width = layer.width();
    for t in 0..layer.tiles() {
        layer.evaluate::<2, S>(simd, t, &at.value, tile);
        for (node, lane) in layer.lanes(t) {
            if layer.idle[node] {
                continue;
            }
            for panel in &layer.panels {
                let start = panel.start + node * layer.rows * panel.width;
                let rows = &weights[start..start + layer.rows * panel.width];
                let count = panel.width.min(layer.sums - panel.from);
                let mut edge = [[T::default(); TILE]; 3];
                for from in (0..count).step_by(TILE) {
                    let some = TILE.min(count - from);
                    for (d, edge) in edge.iter_mut().enumerate() {
                        *edge = [T::default(); TILE];
                        for j in 0..width {
                            let row = if j < layer.local {
                                tile.first[0][lane] as usize + j
                            } else if let Some(base) = layer.base_row {
                                base
                            } else {
                                continue;
                            };
                            let value = tile.values[d * width + j][lane];
                            let Some(c) = rows.get(row * panel.width + from..) else {
                                continue;
                            };
                            for (e, c) in edge.iter_mut().zip(c) {
                                *e += value * *c;
                            }
                        }
                    }
                    let [value, d1, d2] = edge;
                    for (k, ((value, d1), d2)) in
                        value.iter().zip(d1).zip(d2).enumerate().take(some)
                    {
                        let sum = panel.from + from + k;
                        pass_on([*value, d1, d2], node, sum, at, sums, inputs);
                    }
                }
            }
        }
    }
    for (node, sum, symbolic) in &layer.fixed {
        let edge = symbolic.at(at.value[*node].as_f64()).map(T::of);
        pass_on(edge, *node, *sum, at, sums, inputs);
    }
}

/// Adds an edge's value and derivatives to a sum.
#[inline(always)]
fn pass_on<T: Real>(
    edge: [T; 3],
    node: usize,
    sum: usize,
    at: &Nodes<T>,
    sums: &mut Nodes<T>,
    inputs: usize,
) {
    let [value, d1, d2] = edge;
    sums.value[sum] += value;
    let before = &at.first[node * inputs..(node + 1) * inputs];
    for (to, v) in sums.first[sum * inputs..(sum + 1) * inputs]
        .iter_mut()
        .zip(before)
    {
        *to += d1 * *v;
    }
    if sums.second.is_empty() {
        return;
    }
    let squares = inputs * inputs;
    let old = &at.second[node * squares..(node + 1) * squares];
    let new = &mut sums.second[sum * squares..(sum + 1) * squares];
    for ((new, old), p) in new
        .chunks_exact_mut(inputs)
        .zip(old.chunks_exact(inputs))
        .zip(before)
    {
        for ((new, old), q) in new.iter_mut().zip(old).zip(before) {
            *new += d1 * *old + d2 * (*p * *q);
        }
    }
}

/// Outputs and their derivatives from the sums.
fn multiply<T: Real>(layer: &Shape<T>, sums: &Nodes<T>, at: &mut Nodes<T>, inputs: usize) {
    layer.outputs(&sums.value, &mut at.value);
    let squares = if sums.second.is_empty() {
        0
    } else {
        inputs * inputs
    };
    let plain = layer.plain;
    at.first[..plain * inputs].copy_from_slice(&sums.first[..plain * inputs]);
    at.second[..plain * squares].copy_from_slice(&sums.second[..plain * squares]);
    let mut from = plain;
    for (p, factors) in layer.products.iter().enumerate() {
        let group = from..from + factors;
        let others = |without: [usize; 2]| {
            let mut product = T::of(1.0);
            for k in group.clone().filter(|k| !without.contains(k)) {
                product = product * sums.value[k];
            }
            product
        };
        let first = &mut at.first[(plain + p) * inputs..(plain + p + 1) * inputs];
        let second = &mut at.second[(plain + p) * squares..(plain + p + 1) * squares];
        for k in group.clone() {
            let factor = others([k, k]);
            let own = &sums.first[k * inputs..(k + 1) * inputs];
            for (to, v) in first.iter_mut().zip(own) {
                *to += factor * *v;
            }
            for (to, v) in second
                .iter_mut()
                .zip(&sums.second[k * squares..(k + 1) * squares])
            {
                *to += factor * *v;
            }
            for m in group.clone().filter(|m| *m != k && squares > 0) {
                let factor = others([k, m]);
                let other = &sums.first[m * inputs..(m + 1) * inputs];
                for (row, p) in second.chunks_exact_mut(inputs).zip(own) {
                    for (to, q) in row.iter_mut().zip(other) {
                        *to += factor * (*p * *q);
                    }
                }
            }
        }
        from += factors;
    }
}
