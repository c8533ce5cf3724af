//! Points by columns, and the evenly spread sequence that they are drawn from.

use serde::{Deserialize, Serialize};

/// Points, one column per coordinate: what [`crate::expr::Program::evaluate`] reads.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Points {
    columns: Vec<Vec<f64>>,
}

impl Points {
    /// No points yet, in this many dimensions.
    pub(super) fn new(dimensions: usize) -> Self {
        Points {
            columns: vec![Vec::new(); dimensions],
        }
    }

    /// `n` points at the origin.
    pub(super) fn zeros(dimensions: usize, n: usize) -> Self {
        Points {
            columns: vec![vec![0.0; n]; dimensions],
        }
    }

    /// Number of points.
    pub(super) fn len(&self) -> usize {
        self.columns.first().map_or(0, Vec::len)
    }

    /// Number of coordinates.
    pub(super) fn dimensions(&self) -> usize {
        self.columns.len()
    }

    /// Adds one point; coordinates that are missing are 0, those too many are left out.
    pub(super) fn push(&mut self, point: impl IntoIterator<Item = f64>) {
        let mut point = point.into_iter();
        for column in &mut self.columns {
            column.push(point.next().unwrap_or(0.0));
        }
    }

    /// The values of one coordinate; empty where there is none of that number.
    pub(super) fn column(&self, axis: usize) -> &[f64] {
        self.columns.get(axis).map_or(&[], Vec::as_slice)
    }

    /// The same to write to.
    pub(super) fn column_mut(&mut self, axis: usize) -> &mut [f64] {
        self.columns
            .get_mut(axis)
            .map_or(&mut [], Vec::as_mut_slice)
    }

    /// All columns, as arguments of a program.
    pub(super) fn columns(&self) -> impl Iterator<Item = &[f64]> {
        self.columns.iter().map(Vec::as_slice)
    }
}

/// A sequence of points in the unit cube that fills it evenly: the additive recurrence by powers of the
/// generalised golden ratio (Roberts, "The unreasonable effectiveness of quasirandom sequences", 2018), shifted by
/// the seed (Cranley and Patterson, SIAM J. Numer. Anal. 13 (1976) 904).
#[derive(Debug, Clone)]
pub(super) struct Sequence {
    at: Vec<f64>,
    step: Vec<f64>,
}

impl Sequence {
    /// A sequence in this many dimensions; the seed moves it as a whole.
    pub(super) fn new(dimensions: usize, seed: u64) -> Self {
        // The root above 1 of g^(d+1) = g + 1.
        let mut g: f64 = 1.5;
        for _ in 0..60 {
            g = (1.0 + g).powf(1.0 / (dimensions as f64 + 1.0));
        }
        let mut random = crate::optim::Random(seed);
        Sequence {
            at: (0..dimensions)
                .map(|_| 0.5 + 0.5 * random.symmetric())
                .collect(),
            step: (1..=dimensions)
                .map(|k| g.powi(-(k as i32)).fract())
                .collect(),
        }
    }

    /// The next point, every coordinate in [0, 1).
    pub(super) fn next(&mut self) -> Vec<f64> {
        for (at, step) in self.at.iter_mut().zip(&self.step) {
            *at = (*at + step).fract();
        }
        self.at.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_fills_the_square_evenly() {
        let mut sequence = Sequence::new(2, 7);
        let n = 4000;
        let (mut sums, mut boxes) = ([0.0; 2], [0usize; 64]);
        for _ in 0..n {
            let p = sequence.next();
            assert!(p.iter().all(|v| (0.0..1.0).contains(v)));
            sums[0] += p[0];
            sums[1] += p[1];
            boxes[(p[0] * 8.0) as usize * 8 + (p[1] * 8.0) as usize] += 1;
        }
        assert!((sums[0] / 4000.0 - 0.5).abs() < 2e-3 && (sums[1] / 4000.0 - 0.5).abs() < 2e-3);
        // 62.5 points per box; independent random points would scatter by 8.
        assert!(boxes.iter().all(|b| (55..=70).contains(b)), "{boxes:?}");
    }
}
