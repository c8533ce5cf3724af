//! One sample through the network and back: values, slopes, and the chain rule by hand.
//!
//! This is the plain path in f64 that everything faster is compared with.

use super::edge::Edge;
use super::{Kan, Layer};
use crate::kan::basis::Slices;

/// What a forward pass leaves behind for the backward pass; reused from sample to sample.
#[derive(Debug, Clone)]
pub(crate) struct Trace {
    /// Values of every layer's nodes, inputs first.
    pub(crate) nodes: Vec<Vec<f64>>,
    pub(crate) layers: Vec<LayerTrace>,
}

/// The part of a [`Trace`] that belongs to one layer.
#[derive(Debug, Clone)]
pub(crate) struct LayerTrace {
    width: usize,
    /// Per input the index of the first function.
    pub(crate) first: Vec<usize>,
    /// Per input the values of the functions, then their first and second derivatives: `[input][3][width]`.
    functions: Vec<f64>,
    /// Per input value and derivatives of the base function.
    pub(crate) base: Vec<[f64; 3]>,
    /// Values of the sums.
    pub(crate) sums: Vec<f64>,
    /// Slope of every edge.
    pub(crate) slopes: Vec<f64>,
}

impl LayerTrace {
    fn new(layer: &Layer) -> Self {
        let width = layer.bases[0].width();
        LayerTrace {
            width,
            first: vec![0; layer.inputs],
            functions: vec![0.0; 3 * width * layer.inputs],
            base: vec![[0.0; 3]; layer.inputs],
            sums: vec![0.0; layer.sums],
            slopes: vec![0.0; layer.inputs * layer.sums],
        }
    }

    /// Values (`0`) or derivatives (`1`, `2`) of the functions at an input, from [`LayerTrace::first`] on.
    pub(crate) fn functions(&self, input: usize, derivative: usize) -> &[f64] {
        let start = (3 * input + derivative) * self.width;
        &self.functions[start..start + self.width]
    }

    fn evaluate(&mut self, layer: &Layer, input: usize, x: f64) {
        let w = self.width;
        let block = &mut self.functions[3 * w * input..3 * w * (input + 1)];
        let (value, rest) = block.split_at_mut(w);
        let (d1, d2) = rest.split_at_mut(w);
        let mut out = Slices { value, d1, d2 };
        self.first[input] = layer.basis(input).evaluate(x, layer.outside, &mut out);
        self.base[input] = layer.base.at(x);
    }
}

impl Kan {
    pub(crate) fn trace(&self) -> Trace {
        Trace {
            nodes: self.widths.iter().map(|w| vec![0.0; *w]).collect(),
            layers: self.layers.iter().map(LayerTrace::new).collect(),
        }
    }

    /// Runs one sample; the outputs are the last of [`Trace::nodes`].
    pub(crate) fn forward<'t>(&self, x: &[f64], trace: &'t mut Trace) -> &'t [f64] {
        trace.nodes[0].copy_from_slice(x);
        for (l, (layer, at)) in self.layers.iter().zip(&mut trace.layers).enumerate() {
            let (before, after) = trace.nodes.split_at_mut(l + 1);
            layer.forward(&before[l], at, &mut after[0]);
        }
        &trace.nodes[self.layers.len()]
    }

    /// Runs the chain rule backwards from a weight on every output. `each(layer, input, sum, weight)` gets the
    /// derivative of the weighted output with respect to the value of each edge, last layer first. Returns the
    /// derivative with respect to the inputs.
    pub(crate) fn backward(
        &self,
        trace: &Trace,
        weights: &[f64],
        mut each: impl FnMut(usize, usize, usize, f64),
    ) -> Vec<f64> {
        let mut above = weights.to_vec();
        for (l, (layer, at)) in self.layers.iter().zip(&trace.layers).enumerate().rev() {
            let on_sums = layer.weights_of_sums(at, &above);
            let mut below = vec![0.0; layer.inputs];
            for (i, below) in below.iter_mut().enumerate() {
                for (o, weight) in on_sums.iter().enumerate() {
                    each(l, i, o, *weight);
                    *below += weight * at.slopes[layer.edge(i, o)];
                }
            }
            above = below;
        }
        above
    }

    /// The gradient of the weighted outputs with respect to the parameters (in the order of
    /// [`Kan::parameter_values`]), added to `into`.
    pub(crate) fn add_gradient(&self, trace: &Trace, weights: &[f64], into: &mut [f64]) {
        let starts = self.parameter_starts();
        self.backward(trace, weights, |l, i, o, weight| {
            let (layer, at) = (&self.layers[l], &trace.layers[l]);
            let edge = layer.edge(i, o);
            if layer.edges[edge] != Edge::Trained {
                return;
            }
            let from = starts[l] + edge * layer.functions() + at.first[i];
            for (g, v) in into[from..].iter_mut().zip(at.functions(i, 0)) {
                *g += weight * v;
            }
            if layer.has_base() {
                into[starts[l] + layer.coefficients.len() + edge] += weight * at.base[i][0];
            }
        });
    }
}

impl Layer {
    fn forward(&self, x: &[f64], at: &mut LayerTrace, y: &mut [f64]) {
        at.sums.copy_from_slice(&self.sum_shift);
        let n = self.functions();
        for (i, x) in x.iter().enumerate() {
            at.evaluate(self, i, *x);
            for o in 0..self.sums {
                let edge = self.edge(i, o);
                let (value, slope) = match &self.edges[edge] {
                    Edge::Removed => (0.0, 0.0),
                    Edge::Fixed(symbolic) => {
                        let [v, d, _] = symbolic.at(*x);
                        (v, d)
                    }
                    Edge::Trained => {
                        let c = &self.coefficients[edge * n + at.first[i]..];
                        let dot = |d| -> f64 {
                            let functions = at.functions(i, d);
                            c.iter().zip(functions).map(|(c, v)| c * v).sum()
                        };
                        let scale = self.base_scale[edge];
                        (
                            dot(0) + scale * at.base[i][0],
                            dot(1) + scale * at.base[i][1],
                        )
                    }
                };
                at.sums[o] += value;
                at.slopes[edge] = slope;
            }
        }
        let plain = self.plain_sums();
        y[..plain].copy_from_slice(&at.sums[..plain]);
        let mut from = plain;
        for (y, factors) in y[plain..].iter_mut().zip(&self.products) {
            *y = at.sums[from..from + factors].iter().product();
            from += factors;
        }
        for (y, shift) in y.iter_mut().zip(&self.output_shift) {
            *y += shift;
        }
    }

    /// Derivatives with respect to the sums from those with respect to the outputs.
    pub(crate) fn weights_of_sums(&self, at: &LayerTrace, outputs: &[f64]) -> Vec<f64> {
        let plain = self.plain_sums();
        let mut out = outputs[..plain].to_vec();
        let mut from = plain;
        for (weight, factors) in outputs[plain..].iter().zip(&self.products) {
            let group = &at.sums[from..from + factors];
            for skip in 0..*factors {
                let others = group.iter().enumerate().filter(|(k, _)| *k != skip);
                out.push(weight * others.map(|(_, v)| v).product::<f64>());
            }
            from += factors;
        }
        out
    }
}
