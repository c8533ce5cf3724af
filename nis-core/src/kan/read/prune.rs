//! Leaving out what does not matter: edges, hidden nodes and inputs, with the loss that it costs.

use serde::{Deserialize, Serialize};

use super::importance::check_rows;
use crate::error::{Error, Result};
use crate::kan::network::{Edge, Kan, Layer};
use crate::kan::train::TrainOptions;
use crate::telemetry::Progress;

/// What is left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PruneOptions {
    /// Edges with a smaller score ([`Importance`](super::Importance)) go.
    pub edge: f64,
    /// Hidden nodes with a smaller score go, with their edges.
    pub node: f64,
    /// Inputs with a smaller score lose their edges; the network keeps its inputs.
    pub input: f64,
    /// Levenberg-Marquardt iterations on the given rows afterwards; 0 for none.
    pub refit: usize,
    /// Smoothness of those.
    pub smoothness: f64,
}

impl Default for PruneOptions {
    fn default() -> Self {
        PruneOptions {
            edge: 0.03,
            node: 0.01,
            input: 0.01,
            refit: 0,
            smoothness: 1e-8,
        }
    }
}

/// What pruning did, and its price.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PruneReport {
    /// Edges removed (those of removed nodes among them): `[layer, input, sum]` of the network before.
    pub edges: Vec<[usize; 3]>,
    /// Hidden nodes removed: `[layer, node]` of the network before; layer 1 is the first hidden one.
    pub nodes: Vec<[usize; 2]>,
    /// Inputs that no edge leaves any more.
    pub unused_inputs: Vec<usize>,
    /// Root mean square residual on the rows before.
    pub before: f64,
    /// The same after removal.
    pub after: f64,
    /// The same after the refit; `None` without one.
    pub refitted: Option<f64>,
}

impl Kan {
    /// Removes edges and hidden nodes of little importance on rows of inputs and outputs (row-major). What a removed edge
    /// was on average is kept as a constant of its sum, so that only its variation is lost. Hidden nodes that nothing leaves
    /// are taken out of the network; hidden nodes that nothing enters become constants.
    ///
    /// ```
    /// use nis_core::{kan::{Kan, PruneOptions, TrainOptions}, telemetry::Progress};
    /// let x: Vec<f64> = (0..100).flat_map(|i| [f64::from(i % 10) / 5.0 - 1.0, f64::from(i / 10) / 5.0 - 1.0]).collect();
    /// let y: Vec<f64> = x.chunks(2).map(|x| x[0] * x[0]).collect();
    /// let mut net = Kan::new(&[2, 1], 5, 3, 0)?;
    /// net.train(&x, &y, &TrainOptions::default(), &Progress::none())?;
    /// let report = net.prune(&x, &y, &PruneOptions::default(), &Progress::none())?;
    /// assert_eq!(report.unused_inputs, [1]);
    /// assert!(report.after < 1e-3);
    /// # Ok::<(), nis_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where the rows do not fit, a value is not finite or an option is negative or no number; the
    /// network is then as before. [`Error::Cancelled`].
    pub fn prune(
        &mut self,
        x: &[f64],
        y: &[f64],
        options: &PruneOptions,
        progress: &Progress<'_>,
    ) -> Result<PruneReport> {
        for (field, v) in [
            ("edge", options.edge),
            ("node", options.node),
            ("input", options.input),
        ] {
            if v.is_nan() || v < 0.0 {
                return Err(Error::invalid(field, v, "0 or a positive number"));
            }
        }
        let before = self.residual(x, y)?;
        progress.check()?;
        let scores = self.importance(x)?;
        let mut net = self.clone();
        let mut edges = Vec::new();
        for (l, layer) in net.layers.iter_mut().enumerate() {
            for i in 0..layer.inputs {
                let least = if l == 0 { options.input } else { options.node };
                let idle = scores.nodes[l][i] < least;
                for o in 0..layer.sums {
                    let edge = layer.edge(i, o);
                    if layer.edges[edge] != Edge::Removed
                        && (idle || scores.edges[l][edge] < options.edge)
                    {
                        layer.edges[edge] = Edge::Removed;
                        layer.sum_shift[o] += scores.mean[l][edge];
                        edges.push([l, i, o]);
                    }
                }
            }
        }
        net.settle_constants(&mut edges);
        let nodes = net.drop_idle_nodes(&mut edges);
        edges.sort_unstable();
        edges.dedup();
        let after = net.residual(x, y)?;
        let mut refitted = None;
        if options.refit > 0 {
            let train = TrainOptions {
                smoothness: options.smoothness,
                max_iterations: options.refit,
                ..TrainOptions::default()
            };
            net.train(x, y, &train, progress)?;
            refitted = Some(net.residual(x, y)?);
        }
        let first = &net.layers[0];
        let unused =
            |i: &usize| (0..first.sums).all(|o| first.edges[first.edge(*i, o)] == Edge::Removed);
        let unused_inputs = (0..first.inputs).filter(unused).collect();
        *self = net;
        Ok(PruneReport {
            edges,
            nodes,
            unused_inputs,
            before,
            after,
            refitted,
        })
    }

    /// Root mean square of prediction minus `y` over rows and outputs.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where the rows do not fit or a value is not finite.
    pub(in crate::kan) fn residual(&self, x: &[f64], y: &[f64]) -> Result<f64> {
        let rows = check_rows(self, x)?;
        if y.len() != rows * self.outputs() {
            return Err(Error::invalid(
                "y",
                format!("{} values", y.len()),
                format!("{rows} rows of {} values", self.outputs()),
            ));
        }
        if let Some(at) = y.iter().position(|v| !v.is_finite()) {
            return Err(Error::invalid(format!("y[{at}]"), y[at], "finite values"));
        }
        let predicted = self.predict(x)?;
        let n = y.len() as f64;
        Ok(predicted
            .iter()
            .zip(y)
            .map(|(p, y)| (p - y).powi(2) / n)
            .sum::<f64>()
            .sqrt())
    }

    /// Hidden nodes without entering edges are constants: their edges onward become constants of the next sums.
    fn settle_constants(&mut self, removed: &mut Vec<[usize; 3]>) {
        for l in 1..self.layers.len() {
            let (before, after) = self.layers.split_at_mut(l);
            let (Some(before), Some(after)) = (before.last(), after.first_mut()) else {
                return;
            };
            for i in 0..after.inputs {
                let Some(value) = before.constant_output(i) else {
                    continue;
                };
                for o in 0..after.sums {
                    let edge = after.edge(i, o);
                    if after.edges[edge] != Edge::Removed {
                        after.sum_shift[o] += after.at(i, o, value);
                        after.edges[edge] = Edge::Removed;
                        removed.push([l, i, o]);
                    }
                }
            }
        }
    }

    /// Takes hidden nodes out that no edge leaves, last layer first; returns them as `[layer, node]`.
    fn drop_idle_nodes(&mut self, removed: &mut Vec<[usize; 3]>) -> Vec<[usize; 2]> {
        let mut gone = Vec::new();
        for l in (1..self.layers.len()).rev() {
            let after = &self.layers[l];
            let idle = |i: &usize| {
                (0..after.sums).all(|o| after.edges[after.edge(*i, o)] == Edge::Removed)
            };
            let mut keep: Vec<usize> = (0..after.inputs).filter(|i| !idle(i)).collect();
            if keep.is_empty() {
                // A layer has at least one node.
                keep.push(0);
            }
            if keep.len() == after.inputs {
                continue;
            }
            gone.extend(
                (0..after.inputs)
                    .filter(|i| !keep.contains(i))
                    .map(|i| [l, i]),
            );
            self.layers[l] = self.layers[l].with_inputs(&keep);
            let sums = self.layers[l - 1].sums_of(&keep);
            for i in 0..self.layers[l - 1].inputs {
                let all = 0..self.layers[l - 1].sums;
                removed.extend(all.filter(|o| !sums.contains(o)).map(|o| [l - 1, i, o]));
            }
            self.layers[l - 1] = self.layers[l - 1].with_outputs(&keep);
            self.widths[l] = keep.len();
        }
        gone.sort_unstable();
        gone
    }
}

impl Layer {
    /// The value of an output that no edge enters.
    fn constant_output(&self, output: usize) -> Option<f64> {
        let sums = self.sums_of(&[output]);
        let mut edges = sums
            .iter()
            .flat_map(|o| (0..self.inputs).map(|i| self.edge(i, *o)));
        edges.all(|e| self.edges[e] == Edge::Removed).then(|| {
            sums.iter().map(|o| self.sum_shift[*o]).product::<f64>() + self.output_shift[output]
        })
    }

    /// The sums that some outputs are made of, in order.
    fn sums_of(&self, outputs: &[usize]) -> Vec<usize> {
        let plain = self.plain_sums();
        let mut out = Vec::new();
        for output in outputs {
            match output.checked_sub(plain) {
                None => out.push(*output),
                Some(product) => {
                    let from = plain + self.products[..product].iter().sum::<usize>();
                    out.extend(from..from + self.products[product]);
                }
            }
        }
        out
    }

    fn pick(&self, inputs: &[usize], sums: &[usize]) -> Layer {
        let mut out = self.clone();
        let n = self.functions();
        out.inputs = inputs.len();
        out.sums = sums.len();
        let edges: Vec<usize> = inputs
            .iter()
            .flat_map(|i| sums.iter().map(|o| self.edge(*i, *o)))
            .collect();
        out.coefficients = edges
            .iter()
            .flat_map(|e| self.coefficients[e * n..(e + 1) * n].iter().copied())
            .collect();
        out.base_scale = edges.iter().map(|e| self.base_scale[*e]).collect();
        out.edges = edges.iter().map(|e| self.edges[*e].clone()).collect();
        out.sum_shift = sums.iter().map(|o| self.sum_shift[*o]).collect();
        if self.bases.len() > 1 {
            out.bases = inputs.iter().map(|i| self.bases[*i].clone()).collect();
        }
        out
    }

    fn with_inputs(&self, inputs: &[usize]) -> Layer {
        let sums: Vec<usize> = (0..self.sums).collect();
        self.pick(inputs, &sums)
    }

    fn with_outputs(&self, outputs: &[usize]) -> Layer {
        let inputs: Vec<usize> = (0..self.inputs).collect();
        let mut out = self.pick(&inputs, &self.sums_of(outputs));
        let plain = self.plain_sums();
        out.products = outputs
            .iter()
            .filter_map(|o| o.checked_sub(plain))
            .map(|p| self.products[p])
            .collect();
        out.output_shift = outputs.iter().map(|o| self.output_shift[*o]).collect();
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kan::network::{Base, Structure};
    use crate::optim::Random;
    use proptest::prelude::*;

    #[test]
    fn what_does_not_matter_goes_and_the_loss_is_told() {
        let mut random = Random(2);
        let x: Vec<f64> = (0..900).map(|_| random.symmetric()).collect();
        let y: Vec<f64> = x
            .chunks(3)
            .map(|x| (3.0 * x[0]).sin() + x[2] * x[2])
            .collect();
        let mut net = Kan::new(&[3, 1], 6, 3, 0).unwrap();
        net.train(&x, &y, &TrainOptions::default(), &Progress::none())
            .unwrap();
        let options = PruneOptions {
            refit: 10,
            ..PruneOptions::default()
        };
        let report = net.prune(&x, &y, &options, &Progress::none()).unwrap();
        assert_eq!(report.edges, [[0, 1, 0]]);
        assert_eq!(report.unused_inputs, [1]);
        assert!(report.after >= report.before && report.refitted.unwrap() <= report.after);
        assert_eq!(net.residual(&x, &y).unwrap(), report.refitted.unwrap());
        // Whatever input 1 is.
        let (a, b) = (
            net.predict(&[0.1, -0.9, 0.3]).unwrap(),
            net.predict(&[0.1, 0.7, 0.3]).unwrap(),
        );
        assert_eq!(a, b);
    }

    #[test]
    fn bad_options_and_rows_leave_the_network() {
        let mut net = Kan::new(&[2, 3, 1], 3, 3, 0).unwrap();
        let before = net.clone();
        let none = Progress::none();
        let bad = PruneOptions {
            edge: f64::NAN,
            ..PruneOptions::default()
        };
        assert_eq!(
            net.prune(&[0.0, 0.0], &[0.0], &bad, &none)
                .unwrap_err()
                .field(),
            Some("edge")
        );
        let o = PruneOptions::default();
        assert!(net.prune(&[], &[], &o, &none).is_err());
        assert!(net.prune(&[0.0, 1.0], &[0.0, 1.0], &o, &none).is_err());
        assert!(net.prune(&[0.0, 1.0], &[f64::NAN], &o, &none).is_err());
        assert_eq!(net, before);
        // All edges gone: what is left is the mean.
        let all = PruneOptions {
            edge: f64::INFINITY,
            ..o
        };
        let x: Vec<f64> = (0..20).map(|i| f64::from(i) / 10.0 - 1.0).collect();
        net.prune(&x, &[1.0; 10], &all, &none).unwrap();
        let values = net.predict(&x).unwrap();
        assert!(
            values.iter().all(|v| *v == values[0] && v.is_finite()),
            "{values:?}"
        );
        assert_eq!(net.widths(), [2, 1, 1]);
    }

    proptest! {
        /// Nodes that nothing leaves, or that nothing enters, do not change the function when they are taken out.
        #[test]
        fn taking_idle_nodes_out_keeps_the_function(seed in 0u64..1000, base in 0..2) {
            let structure = Structure {
                widths: vec![2, 4, 3, 1],
                products: vec![vec![2], vec![3]],
                base: if base == 0 { Base::None } else { Base::Silu },
                seed,
                ..Structure::default()
            };
            let mut net = Kan::of(&structure).unwrap();
            let mut random = Random(seed);
            for layer in net.layers_mut() {
                for i in 0..layer.inputs() {
                    for o in 0..layer.sums() {
                        if random.below(2) == 0 {
                            layer.set_edge(i, o, Edge::Removed).unwrap();
                        }
                    }
                }
                let shifts = (0..layer.sums()).map(|_| random.symmetric()).collect();
                let outputs = (0..layer.outputs()).map(|_| random.symmetric()).collect();
                *layer = layer.clone().with_shifts(shifts, outputs).unwrap();
            }
            let x: Vec<f64> = (0..12).map(|_| 1.2 * random.symmetric()).collect();
            let before = net.predict(&x).unwrap();
            let none = PruneOptions { edge: 0.0, node: 0.0, input: 0.0, ..PruneOptions::default() };
            net.prune(&x, &before, &none, &Progress::none()).unwrap();
            let after = net.predict(&x).unwrap();
            for (a, b) in before.iter().zip(&after) {
                prop_assert!((a - b).abs() <= 1e-12 * (1.0 + a.abs()), "{a} {b}");
            }
            let back = Kan::from_layers(net.layers().to_vec()).unwrap();
            prop_assert_eq!(back.widths(), net.widths());
        }
    }
}
