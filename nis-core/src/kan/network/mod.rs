//! The network: layers of edges, each a spline plus a multiple of a base function; values, derivatives with
//! respect to inputs and to parameters.
//!
//! Liu et al., "KAN: Kolmogorov-Arnold Networks" (2024), eqs. (2.5) to (2.12). Derivatives by hand-written
//! reverse mode: one pass per sample and output.

mod edge;
mod grid;
mod layer;
mod pass;

use serde::{Deserialize, Serialize};

pub use edge::{Base, Edge, Symbolic};
pub use layer::Layer;
pub(crate) use pass::Trace;

use super::basis::{Basis, Family, Outside};
use crate::error::{Error, Result};
use crate::optim::Random;

/// Most coefficients of a network.
pub(crate) const MOST_PARAMETERS: usize = 10_000_000;

pub(crate) fn too_many(what: &str, got: usize) -> Error {
    Error::Limit {
        what: what.into(),
        limit: MOST_PARAMETERS as u64,
        got: got as u64,
    }
}

/// What a new network is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Structure {
    /// Nodes of every layer, inputs first, outputs last.
    pub widths: Vec<usize>,
    /// Per layer after the inputs the factors of its multiplication nodes, which are the last of its nodes; empty
    /// for none. Shorter lists are filled up with none.
    pub products: Vec<Vec<usize>>,
    /// Grid cells per edge.
    pub grid: usize,
    /// Spline order (degree), 1 to 5.
    pub order: usize,
    /// Family of functions on the edges.
    pub family: Family,
    /// Base function beside them.
    pub base: Base,
    /// How edges go on outside the grid.
    pub outside: Outside,
    /// Both ends of every grid.
    pub range: [f64; 2],
    /// Seed of the initial weights.
    pub seed: u64,
}

impl Default for Structure {
    fn default() -> Self {
        Structure {
            widths: Vec::new(),
            products: Vec::new(),
            grid: 5,
            order: 3,
            family: Family::BSpline,
            base: Base::None,
            outside: Outside::Linear,
            range: [-1.0, 1.0],
            seed: 0,
        }
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

impl Kan {
    /// A network of these widths (inputs first, outputs last) on uniform grids of `grid` cells over [-1, 1],
    /// without base function, with small random edges from `seed`. Inputs are expected in [-1, 1]; outside,
    /// splines go on as straight lines.
    ///
    /// # Errors
    /// As [`Kan::of`].
    pub fn new(widths: &[usize], grid: usize, order: usize, seed: u64) -> Result<Self> {
        Self::of(&Structure {
            widths: widths.to_vec(),
            grid,
            order,
            seed,
            ..Structure::default()
        })
    }

    /// A network of this structure with small random edges.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for fewer than 2 widths, a width of 0, products that do not fit, or a bad grid,
    /// order or range; [`Error::Limit`] over ten million parameters.
    pub fn of(structure: &Structure) -> Result<Self> {
        let widths = &structure.widths;
        if widths.len() < 2 || widths.contains(&0) {
            return Err(Error::invalid(
                "widths",
                format!("{widths:?}"),
                "at least an input and an output width, all positive",
            ));
        }
        let [from, to] = structure.range;
        let basis = Basis::of(structure.family, from, to, structure.grid, structure.order)?;
        let mut random = Random(structure.seed);
        let mut layers = Vec::new();
        let mut parameters = 0usize;
        for (l, w) in widths.windows(2).enumerate() {
            let products = structure.products.get(l).cloned().unwrap_or_default();
            let factors = products.iter().fold(0usize, |n, p| n.saturating_add(*p));
            let Some(plain) = w[1].checked_sub(products.len()) else {
                return Err(Error::invalid(
                    "products",
                    format!("{} in layer {}", products.len(), l + 1),
                    format!("at most its width, {}", w[1]),
                ));
            };
            let sums = plain.saturating_add(factors);
            parameters = parameters.saturating_add(
                w[0].saturating_mul(sums)
                    .saturating_mul(basis.functions().saturating_add(1)),
            );
            if parameters > MOST_PARAMETERS {
                return Err(too_many("parameters of the network", parameters));
            }
            let mut layer =
                Layer::new(w[0], sums, basis.clone(), structure.base, structure.outside)?
                    .with_products(products)?;
            layer.start(&mut random);
            layers.push(layer);
        }
        Ok(Kan {
            widths: widths.clone(),
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
            widths.push(layer.outputs());
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

    /// The layers.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// The layers, to remove or fix edges.
    pub fn layers_mut(&mut self) -> &mut [Layer] {
        &mut self.layers
    }

    /// Number of parameters: per layer the coefficients `[input][sum][function]`, then, where there is a base
    /// function, its factors `[input][sum]`. Edges that are removed or fixed keep their places.
    pub fn parameters(&self) -> usize {
        self.layers.iter().map(Layer::parameters).sum()
    }

    /// Index of the first parameter of every layer.
    pub(crate) fn parameter_starts(&self) -> Vec<usize> {
        let mut start = 0;
        self.layers
            .iter()
            .map(|l| {
                let own = start;
                start += l.parameters();
                own
            })
            .collect()
    }

    /// The parameters, in the order of [`Kan::parameters`].
    pub(crate) fn parameter_values(&self) -> Vec<f64> {
        let mut out = Vec::with_capacity(self.parameters());
        for layer in &self.layers {
            out.extend_from_slice(&layer.coefficients);
            if layer.has_base() {
                out.extend_from_slice(&layer.base_scale);
            }
        }
        out
    }

    pub(crate) fn set_parameter_values(&mut self, p: &[f64]) {
        let mut rest = p;
        for layer in &mut self.layers {
            let (head, tail) = rest.split_at(layer.coefficients.len());
            layer.coefficients.copy_from_slice(head);
            rest = tail;
            if layer.has_base() {
                let (head, tail) = rest.split_at(layer.base_scale.len());
                layer.base_scale.copy_from_slice(head);
                rest = tail;
            }
        }
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
