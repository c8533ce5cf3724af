//! The network: layers of edges, each a spline plus a multiple of a base function; values, derivatives with
//! respect to inputs and to parameters.
//!
//! Liu et al., "KAN: Kolmogorov-Arnold Networks" (2024), eqs. (2.5) to (2.12). Derivatives by hand-written
//! reverse mode: one pass per sample and output.

use super::basis::{Basis, Local, Outside};
use crate::error::{Error, Result};
use crate::optim::Random;

/// Most coefficients of a network.
const MOST_PARAMETERS: usize = 10_000_000;

/// The function that an edge has besides its spline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Base {
    /// None (default): the spline holds straight lines already.
    #[default]
    None,
    /// `x / (1 + e^-x)`.
    Silu,
}

impl Base {
    /// Value and derivative.
    fn at(self, x: f64) -> (f64, f64) {
        match self {
            Base::None => (0.0, 0.0),
            Base::Silu => {
                let s = 1.0 / (1.0 + (-x).exp());
                (x * s, s * (1.0 + x * (1.0 - s)))
            }
        }
    }
}

/// A layer: every input has an edge to every output.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
    pub(crate) basis: Basis,
    pub(crate) base: Base,
    pub(crate) outside: Outside,
    /// `[input][output][function]`
    pub(crate) coefficients: Vec<f64>,
    /// `[input][output]`
    pub(crate) spline_scale: Vec<f64>,
    /// `[input][output]`
    pub(crate) base_scale: Vec<f64>,
}

impl Layer {
    /// A layer of zero edges.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for no inputs or outputs; [`Error::Limit`] over ten million coefficients.
    pub fn new(
        inputs: usize,
        outputs: usize,
        basis: Basis,
        base: Base,
        outside: Outside,
    ) -> Result<Self> {
        if inputs == 0 || outputs == 0 {
            return Err(Error::invalid(
                "inputs, outputs",
                format!("{inputs}, {outputs}"),
                "positive numbers",
            ));
        }
        let edges = inputs.saturating_mul(outputs);
        let coefficients = edges.saturating_mul(basis.functions());
        if coefficients > MOST_PARAMETERS {
            return Err(Error::Limit {
                what: "coefficients of a layer".into(),
                limit: MOST_PARAMETERS as u64,
                got: coefficients as u64,
            });
        }
        Ok(Layer {
            inputs,
            outputs,
            base,
            outside,
            coefficients: vec![0.0; coefficients],
            spline_scale: vec![1.0; edges],
            base_scale: vec![0.0; edges],
            basis,
        })
    }

    /// Puts in spline coefficients `[input][output][function]` and, per edge `[input][output]`, the factors of
    /// the spline and of the base function.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where a length does not fit or a value is not finite.
    pub fn with_weights(
        mut self,
        coefficients: Vec<f64>,
        spline_scale: Vec<f64>,
        base_scale: Vec<f64>,
    ) -> Result<Self> {
        for (field, new, old) in [
            ("coefficients", &coefficients, &self.coefficients),
            ("spline_scale", &spline_scale, &self.spline_scale),
            ("base_scale", &base_scale, &self.base_scale),
        ] {
            if new.len() != old.len() {
                return Err(Error::invalid(
                    field,
                    format!("{} values", new.len()),
                    format!("{} values", old.len()),
                ));
            }
            if let Some(bad) = new.iter().find(|v| !v.is_finite()) {
                return Err(Error::invalid(field, bad, "finite values"));
            }
        }
        self.coefficients = coefficients;
        self.spline_scale = spline_scale;
        self.base_scale = base_scale;
        Ok(self)
    }

    pub(crate) fn edge(&self, input: usize, output: usize) -> usize {
        input * self.outputs + output
    }

    /// Value and derivative of an edge, from the basis at its input.
    fn value(&self, edge: usize, local: &Local, base: (f64, f64)) -> (f64, f64) {
        let n = self.basis.functions();
        let c = &self.coefficients[edge * n + local.first..edge * n + local.first + local.count];
        let (mut v, mut d) = (0.0, 0.0);
        for (i, c) in c.iter().enumerate() {
            v += c * local.value[i];
            d += c * local.d1[i];
        }
        let (s, b) = (self.spline_scale[edge], self.base_scale[edge]);
        (s * v + b * base.0, s * d + b * base.1)
    }

    /// The function on an edge at `x`; `None` where there is no such edge.
    pub fn edge_value(&self, input: usize, output: usize, x: f64) -> Option<f64> {
        (input < self.inputs && output < self.outputs).then(|| self.at(input, output, x))
    }

    pub(crate) fn at(&self, input: usize, output: usize, x: f64) -> f64 {
        let local = self.basis.local(x, self.outside);
        self.value(self.edge(input, output), &local, self.base.at(x))
            .0
    }
}

/// A Kolmogorov-Arnold network.
///
/// ```
/// use nis_core::kan::{Kan, TrainOptions};
/// use nis_core::telemetry::Progress;
/// // y = x0^2 - x1 on a grid of points
/// let x: Vec<f64> = (0..100).flat_map(|i| [f64::from(i % 10) / 5.0 - 1.0, f64::from(i / 10) / 5.0 - 1.0]).collect();
/// let y: Vec<f64> = x.chunks(2).map(|x| x[0] * x[0] - x[1]).collect();
/// let mut net = Kan::new(&[2, 1], 5, 3, 0)?;
/// net.train(&x, &y, &TrainOptions::default(), &Progress::none())?;
/// assert!((net.predict(&[0.5, -0.5])?[0] - 0.75).abs() < 1e-3);
/// # Ok::<(), nis_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Kan {
    pub(crate) widths: Vec<usize>,
    pub(crate) layers: Vec<Layer>,
}

/// What a forward pass leaves behind for the backward pass; reused from sample to sample.
#[derive(Debug, Clone)]
pub(crate) struct Trace {
    /// Values of every layer's nodes, inputs first.
    nodes: Vec<Vec<f64>>,
    locals: Vec<Vec<Local>>,
    bases: Vec<Vec<(f64, f64)>>,
    /// Slope of every edge.
    slopes: Vec<Vec<f64>>,
}

impl Kan {
    /// A network of these widths (inputs first, outputs last) on uniform grids of `grid` cells over [-1, 1],
    /// without base function, with small random edges from `seed`. Inputs are expected in [-1, 1]; outside,
    /// splines go on as straight lines.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for fewer than 2 widths, a width of 0, or a bad grid or order;
    /// [`Error::Limit`] over ten million parameters.
    pub fn new(widths: &[usize], grid: usize, order: usize, seed: u64) -> Result<Self> {
        if widths.len() < 2 || widths.contains(&0) {
            return Err(Error::invalid(
                "widths",
                format!("{widths:?}"),
                "at least an input and an output width, all positive",
            ));
        }
        let edges = widths.windows(2).try_fold(0usize, |sum, w| {
            w[0].checked_mul(w[1]).and_then(|e| sum.checked_add(e))
        });
        let parameters = edges.and_then(|e| e.checked_mul(grid.saturating_add(order)));
        if parameters.is_none_or(|p| p > MOST_PARAMETERS) {
            return Err(Error::Limit {
                what: "parameters of the network".into(),
                limit: MOST_PARAMETERS as u64,
                got: parameters.unwrap_or(usize::MAX) as u64,
            });
        }
        let mut random = Random(seed);
        let mut layers = Vec::new();
        for w in widths.windows(2) {
            let basis = Basis::uniform(-1.0, 1.0, grid, order)?;
            let mut layer = Layer::new(w[0], w[1], basis, Base::None, Outside::Linear)?;
            // Every edge starts as a line of random slope with a slight random bend, scaled so that a node's
            // sum stays in the grid.
            let size = 1.0 / (w[0] as f64).sqrt();
            let n = layer.basis.functions();
            for edge in 0..w[0] * w[1] {
                let slope = size * random.symmetric();
                for c in 0..n {
                    let centre = -1.0 + 2.0 * (c as f64 - 0.5 * (order as f64 - 1.0)) / grid as f64;
                    layer.coefficients[edge * n + c] =
                        slope * centre + 0.1 * size * random.symmetric();
                }
            }
            layers.push(layer);
        }
        Ok(Kan {
            widths: widths.to_vec(),
            layers,
        })
    }

    /// A network of given layers.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where the layers do not fit together.
    pub fn from_layers(layers: Vec<Layer>) -> Result<Self> {
        let mut widths = Vec::new();
        for layer in &layers {
            if widths.last().is_some_and(|w| *w != layer.inputs) {
                return Err(Error::invalid(
                    "layers",
                    format!("{} inputs", layer.inputs),
                    "as many inputs as the layer before has outputs",
                ));
            }
            if widths.is_empty() {
                widths.push(layer.inputs);
            }
            widths.push(layer.outputs);
        }
        if widths.is_empty() {
            return Err(Error::invalid("layers", "none", "at least one layer"));
        }
        Ok(Kan { widths, layers })
    }

    /// Adds an edge behind a single output that passes its value on, as a spline on `grid` cells over [-1, 1].
    pub(crate) fn append_identity(&mut self, grid: usize) -> Result<()> {
        if self.outputs() != 1 {
            return Err(Error::invalid("outputs", self.outputs(), "1"));
        }
        let basis = Basis::uniform(-1.0, 1.0, grid, 3)?;
        let mut layer = Layer::new(1, 1, basis, Base::None, Outside::Linear)?;
        // A cubic spline is x where its coefficients are the means of three knots (Marsden's identity).
        for (c, v) in layer.coefficients.iter_mut().enumerate() {
            *v = -1.0 + 2.0 * (c as f64 - 1.0) / grid as f64;
        }
        self.layers.push(layer);
        self.widths.push(1);
        Ok(())
    }

    /// Widths, inputs first.
    pub fn widths(&self) -> &[usize] {
        &self.widths
    }

    /// Number of inputs.
    pub fn inputs(&self) -> usize {
        self.widths[0]
    }

    /// Number of outputs.
    pub fn outputs(&self) -> usize {
        self.widths[self.widths.len() - 1]
    }

    /// Number of spline coefficients: the trained parameters.
    pub fn parameters(&self) -> usize {
        self.layers.iter().map(|l| l.coefficients.len()).sum()
    }

    pub(crate) fn coefficients(&self) -> Vec<f64> {
        self.layers
            .iter()
            .flat_map(|l| l.coefficients.iter().copied())
            .collect()
    }

    pub(crate) fn set_coefficients(&mut self, p: &[f64]) {
        let mut rest = p;
        for layer in &mut self.layers {
            let (head, tail) = rest.split_at(layer.coefficients.len());
            layer.coefficients.copy_from_slice(head);
            rest = tail;
        }
    }

    pub(crate) fn trace(&self) -> Trace {
        let empty = Local {
            first: 0,
            count: 0,
            value: [0.0; 6],
            d1: [0.0; 6],
            d2: [0.0; 6],
        };
        Trace {
            nodes: self.widths.iter().map(|w| vec![0.0; *w]).collect(),
            locals: self.layers.iter().map(|l| vec![empty; l.inputs]).collect(),
            bases: self
                .layers
                .iter()
                .map(|l| vec![(0.0, 0.0); l.inputs])
                .collect(),
            slopes: self
                .layers
                .iter()
                .map(|l| vec![0.0; l.inputs * l.outputs])
                .collect(),
        }
    }

    /// Runs one sample; the outputs are the last of [`Trace::nodes`].
    pub(crate) fn forward<'t>(&self, x: &[f64], trace: &'t mut Trace) -> &'t [f64] {
        trace.nodes[0].copy_from_slice(x);
        for (l, layer) in self.layers.iter().enumerate() {
            let (before, after) = trace.nodes.split_at_mut(l + 1);
            let (x, y) = (&before[l], &mut after[0]);
            y.fill(0.0);
            for (i, x) in x.iter().enumerate() {
                let local = layer.basis.local(*x, layer.outside);
                let base = layer.base.at(*x);
                for (o, y) in y.iter_mut().enumerate() {
                    let edge = layer.edge(i, o);
                    let (v, d) = layer.value(edge, &local, base);
                    *y += v;
                    trace.slopes[l][edge] = d;
                }
                trace.locals[l][i] = local;
                trace.bases[l][i] = base;
            }
        }
        &trace.nodes[self.layers.len()]
    }

    /// Runs the chain rule backwards from a weight on every output. `each(layer, input, output, weight)` gets
    /// the derivative of the weighted output with respect to the value of each edge, last layer first. Returns
    /// the derivative with respect to the inputs.
    pub(crate) fn backward(
        &self,
        trace: &Trace,
        weights: &[f64],
        mut each: impl FnMut(usize, usize, usize, f64),
    ) -> Vec<f64> {
        let mut above = weights.to_vec();
        for (l, layer) in self.layers.iter().enumerate().rev() {
            let mut below = vec![0.0; layer.inputs];
            for (i, below) in below.iter_mut().enumerate() {
                for (o, weight) in above.iter().enumerate() {
                    each(l, i, o, *weight);
                    *below += weight * trace.slopes[l][layer.edge(i, o)];
                }
            }
            above = below;
        }
        above
    }

    /// The gradient of the weighted outputs with respect to the spline coefficients, added to `into`.
    pub(crate) fn add_gradient(&self, trace: &Trace, weights: &[f64], into: &mut [f64]) {
        let mut starts = Vec::with_capacity(self.layers.len());
        let mut start = 0;
        for layer in &self.layers {
            starts.push(start);
            start += layer.coefficients.len();
        }
        self.backward(trace, weights, |l, i, o, weight| {
            let layer = &self.layers[l];
            let edge = layer.edge(i, o);
            let local = &trace.locals[l][i];
            let at = starts[l] + edge * layer.basis.functions() + local.first;
            let factor = weight * layer.spline_scale[edge];
            for (g, v) in into[at..at + local.count].iter_mut().zip(&local.value) {
                *g += factor * v;
            }
        });
    }

    /// Outputs for rows of inputs: `x` is row-major, one row of [`Kan::inputs`] values per sample; the result
    /// likewise with [`Kan::outputs`].
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where `x` is no whole number of rows.
    pub fn predict(&self, x: &[f64]) -> Result<Vec<f64>> {
        if !x.len().is_multiple_of(self.inputs()) {
            return Err(Error::invalid(
                "x",
                format!("{} values", x.len()),
                format!("rows of {} values", self.inputs()),
            ));
        }
        let mut trace = self.trace();
        let mut out = Vec::with_capacity(x.len() / self.inputs() * self.outputs());
        for row in x.chunks(self.inputs()) {
            out.extend_from_slice(self.forward(row, &mut trace));
        }
        Ok(out)
    }

    /// Derivatives of the outputs with respect to the inputs at one point, row-major `[output][input]`.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where `x` has the wrong length.
    pub fn jacobian(&self, x: &[f64]) -> Result<Vec<f64>> {
        if x.len() != self.inputs() {
            return Err(Error::invalid(
                "x",
                x.len(),
                format!("{} values", self.inputs()),
            ));
        }
        let mut trace = self.trace();
        self.forward(x, &mut trace);
        let mut out = Vec::new();
        for o in 0..self.outputs() {
            let mut weights = vec![0.0; self.outputs()];
            weights[o] = 1.0;
            out.extend(self.backward(&trace, &weights, |_, _, _, _| {}));
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests;
