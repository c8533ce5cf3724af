//! What drawings need: values of nodes, curves of edges, and what matters.

use super::{Model, scaling};
use crate::error::{Error, Result};
use crate::kan::read::Importance;

impl Model {
    /// What every node and edge contributes on rows of inputs: [`Kan::importance`](crate::kan::Kan::importance),
    /// with ranges and spreads as the network sees them.
    ///
    /// # Errors
    /// As [`Model::predict`]; [`Error::InvalidInput`] for no rows.
    pub fn importance(&self, x: &[f64]) -> Result<Importance> {
        self.net
            .importance(&scaling::scaled_rows("x", x, &self.inputs)?)
    }

    /// Values of all nodes for rows of inputs, as the network sees them: per layer, inputs first,
    /// `[row][node]`.
    ///
    /// # Errors
    /// As [`Model::predict`].
    pub fn nodes(&self, x: &[f64]) -> Result<Vec<Vec<f64>>> {
        let scaled = scaling::scaled_rows("x", x, &self.inputs)?;
        let mut out = vec![Vec::new(); self.net.widths().len()];
        let mut trace = self.net.trace();
        for row in scaled.chunks(self.inputs.len()) {
            self.net.forward(row, &mut trace);
            for (all, one) in out.iter_mut().zip(&trace.nodes) {
                all.extend_from_slice(one);
            }
        }
        Ok(out)
    }

    /// The function on the edge of `layer` from node `input` to sum `sum` (sums are the nodes of the next layer,
    /// its multiplication nodes taken apart into their factors), at points as the network sees them.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is no such edge.
    pub fn curve(&self, layer: usize, input: usize, sum: usize, at: &[f64]) -> Result<Vec<f64>> {
        at.iter()
            .map(|x| {
                self.net
                    .layers()
                    .get(layer)
                    .and_then(|l| l.edge_value(input, sum, *x))
            })
            .collect::<Option<Vec<f64>>>()
            .ok_or_else(|| Error::NotFound {
                what: "edge".into(),
                name: format!("layer {layer}, from {input} to {sum}"),
            })
    }
}
