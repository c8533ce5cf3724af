//! What matters in a network: the spread of every edge, handed back from the outputs.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::kan::network::Kan;

/// What every node and edge contributes on given rows.
///
/// The score of an output is 1. An edge's score is its sum's score times the standard deviation of the edge over that of
/// the sum; a node's score is the sum of the scores of its outgoing edges, and every factor of a product has the product's
/// score: Liu et al., "KAN 2.0" (2024), section 4.1, eqs. (12) to (14).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Importance {
    /// Score of every node: `[layer][node]`, inputs first.
    pub nodes: Vec<Vec<f64>>,
    /// Score of every edge: `[layer][input * sums + sum]`.
    pub edges: Vec<Vec<f64>>,
    /// Standard deviation of every edge over the rows, in the same places.
    pub spread: Vec<Vec<f64>>,
    /// Mean of every edge over the rows.
    pub mean: Vec<Vec<f64>>,
    /// Least and largest value of every node over the rows.
    pub range: Vec<Vec<[f64; 2]>>,
}

/// Mean and sum of squared deviations in one pass: Welford, Technometrics 4 (1962) 419.
#[derive(Clone, Copy, Default)]
struct Moments {
    n: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    fn add(&mut self, v: f64) {
        self.n += 1.0;
        let off = v - self.mean;
        self.mean += off / self.n;
        self.squares += off * (v - self.mean);
    }

    fn deviation(self) -> f64 {
        (self.squares / self.n).sqrt()
    }
}

/// Refuses rows that do not fit a network.
pub(super) fn check_rows(net: &Kan, x: &[f64]) -> Result<usize> {
    let rows = x.len() / net.inputs();
    if rows == 0 || rows * net.inputs() != x.len() {
        return Err(Error::invalid(
            "x",
            format!("{} values", x.len()),
            format!("at least one row of {} values", net.inputs()),
        ));
    }
    if let Some(at) = x.iter().position(|v| !v.is_finite()) {
        let (row, column) = (at / net.inputs(), at % net.inputs());
        return Err(Error::invalid(
            format!("x[{row}][{column}]"),
            x[at],
            "finite values",
        ));
    }
    Ok(rows)
}

impl Kan {
    /// The importance of every edge and node on rows of inputs (row-major). Costs two forward passes.
    ///
    /// ```
    /// use nis_core::{kan::{Kan, TrainOptions}, telemetry::Progress};
    /// let x: Vec<f64> = (0..100).flat_map(|i| [f64::from(i % 10) / 5.0 - 1.0, f64::from(i / 10) / 5.0 - 1.0]).collect();
    /// let y: Vec<f64> = x.chunks(2).map(|x| x[0] * x[0]).collect();
    /// let mut net = Kan::new(&[2, 1], 5, 3, 0)?;
    /// net.train(&x, &y, &TrainOptions::default(), &Progress::none())?;
    /// let importance = net.importance(&x)?;
    /// assert!(importance.nodes[0][0] > 0.999 && importance.nodes[0][1] < 1e-3);
    /// # Ok::<(), nis_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where `x` is no whole number of rows, at least one, or a value is not finite.
    pub fn importance(&self, x: &[f64]) -> Result<Importance> {
        check_rows(self, x)?;
        let mut trace = self.trace();
        let mut edges: Vec<Vec<Moments>> = self
            .layers
            .iter()
            .map(|l| vec![Moments::default(); l.inputs * l.sums])
            .collect();
        let mut sums: Vec<Vec<Moments>> = self
            .layers
            .iter()
            .map(|l| vec![Moments::default(); l.sums])
            .collect();
        let mut range: Vec<Vec<[f64; 2]>> = self
            .widths
            .iter()
            .map(|w| vec![[f64::INFINITY, f64::NEG_INFINITY]; *w])
            .collect();
        for row in x.chunks(self.inputs()) {
            self.forward(row, &mut trace);
            for (range, nodes) in range.iter_mut().zip(&trace.nodes) {
                for (r, v) in range.iter_mut().zip(nodes) {
                    *r = [r[0].min(*v), r[1].max(*v)];
                }
            }
            for (l, layer) in self.layers.iter().enumerate() {
                for (i, v) in trace.nodes[l].iter().enumerate() {
                    for o in 0..layer.sums {
                        edges[l][layer.edge(i, o)].add(layer.at(i, o, *v));
                    }
                }
                for (m, v) in sums[l].iter_mut().zip(&trace.layers[l].sums) {
                    m.add(*v);
                }
            }
        }
        let spread: Vec<Vec<f64>> = edges
            .iter()
            .map(|l| l.iter().map(|m| m.deviation()).collect())
            .collect();
        let mut scores: Vec<Vec<f64>> = Vec::new();
        let mut nodes = vec![vec![1.0; self.outputs()]];
        for (l, layer) in self.layers.iter().enumerate().rev() {
            let above = &nodes[0];
            let plain = layer.plain_sums();
            let mut on_sums = above[..plain].to_vec();
            for (score, factors) in above[plain..].iter().zip(&layer.products) {
                on_sums.extend(std::iter::repeat_n(*score, *factors));
            }
            let mut own = vec![0.0; layer.inputs * layer.sums];
            let mut below = vec![0.0; layer.inputs];
            for (i, below) in below.iter_mut().enumerate() {
                for (o, score) in on_sums.iter().enumerate() {
                    let total = sums[l][o].deviation();
                    let edge = layer.edge(i, o);
                    // A sum that does not move hands nothing on.
                    if total > 0.0 {
                        own[edge] = score * spread[l][edge] / total;
                    }
                    *below += own[edge];
                }
            }
            scores.insert(0, own);
            nodes.insert(0, below);
        }
        Ok(Importance {
            nodes,
            edges: scores,
            spread,
            mean: edges
                .iter()
                .map(|l| l.iter().map(|m| m.mean).collect())
                .collect(),
            range,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kan::network::{Edge, Structure, Symbolic};
    use crate::optim::Random;

    fn fixed(text: &str, c: f64) -> Edge {
        Edge::Fixed(Box::new(Symbolic::new(text, [1.0, 0.0, c, 0.0]).unwrap()))
    }

    /// y = 3 a + 4 b with a and b of equal spread: scores 3/5 and 4/5; one layer on, times that of the node.
    #[test]
    fn scores_are_shares_of_the_spread() {
        let mut random = Random(1);
        let x: Vec<f64> = (0..4000).map(|_| random.symmetric()).collect();
        let mut net = Kan::new(&[2, 2, 1], 3, 3, 0).unwrap();
        for (layer, input, sum, kind) in [
            (0, 0, 0, fixed("x", 3.0)),
            (0, 1, 0, fixed("x", 4.0)),
            (0, 0, 1, Edge::Removed),
            (0, 1, 1, fixed("x", 1.0)),
            (1, 0, 0, fixed("x", 2.0)),
            (1, 1, 0, Edge::Removed),
        ] {
            net.layers_mut()[layer].set_edge(input, sum, kind).unwrap();
        }
        let got = net.importance(&x).unwrap();
        for (got, want) in [
            (got.edges[0][0], 0.6),
            (got.edges[0][2], 0.8),
            (got.edges[0][1], 0.0),
            (got.edges[0][3], 0.0),
            (got.edges[1][0], 1.0),
            (got.nodes[1][1], 0.0),
            (got.nodes[0][0], 0.6),
            (got.spread[0][0], 3.0 / 3f64.sqrt()),
        ] {
            assert!((got - want).abs() <= 0.03, "{got} {want}");
        }
        assert_eq!(got.nodes[2], [1.0]);
    }

    #[test]
    fn both_factors_of_a_product_have_its_score() {
        let structure = Structure {
            widths: vec![2, 1],
            products: vec![vec![2]],
            ..Structure::default()
        };
        let mut net = Kan::of(&structure).unwrap();
        for (input, sum, kind) in [
            (0, 0, fixed("x", 1.0)),
            (0, 1, Edge::Removed),
            (1, 0, Edge::Removed),
            (1, 1, fixed("x", 5.0)),
        ] {
            net.layers_mut()[0].set_edge(input, sum, kind).unwrap();
        }
        let got = net.importance(&[0.1, 0.2, -0.4, 0.3, 0.9, -0.8]).unwrap();
        assert!(
            got.nodes[0].iter().all(|v| (v - 1.0).abs() <= 1e-12),
            "{got:?}"
        );
    }

    #[test]
    fn one_row_and_bad_rows() {
        let net = Kan::new(&[2, 3, 1], 3, 3, 0).unwrap();
        let one = net.importance(&[0.3, 0.4]).unwrap();
        assert!(one.edges.iter().flatten().all(|v| *v == 0.0));
        assert!(net.importance(&[]).is_err());
        assert!(net.importance(&[1.0, 2.0, 3.0]).is_err());
        assert_eq!(
            net.importance(&[1.0, 2.0, f64::NAN, 1.0])
                .unwrap_err()
                .field(),
            Some("x[1][0]")
        );
    }
}
