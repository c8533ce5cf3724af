//! One linear least-squares solve: pivoted QR of columns brought to norm one, cut at the numerical rank.

use faer::linalg::householder::{
    apply_block_householder_sequence_transpose_on_the_left_in_place_scratch as scratch,
    apply_block_householder_sequence_transpose_on_the_left_in_place_with_conj as apply,
};
use faer::linalg::solvers::ColPivQr;
use faer::{Conj, Mat, Par};

use crate::error::{Error, Result};

/// Directions in which the system is smaller than this share of its largest are left out: what they would add is
/// rounding error times its inverse.
const CUT: f64 = 1e-14;

/// A factored matrix.
pub(super) struct Factored {
    norms: Vec<f64>,
    qr: ColPivQr<f64>,
    /// Columns that are independent to working precision.
    pub(super) rank: usize,
}

impl Factored {
    /// Factors a matrix; costs `2 m n^2` operations.
    ///
    /// # Errors
    /// [`Error::Numerical`] where it is not finite.
    pub(super) fn new(mut a: Mat<f64>) -> Result<Self> {
        if !a.is_all_finite() {
            return Err(Error::numerical(
                "random features",
                "the equations' slopes are not finite at some point",
            ));
        }
        let mut norms = Vec::with_capacity(a.ncols());
        for k in 0..a.ncols() {
            let column = a.col_as_slice_mut(k);
            let largest = column.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
            let norm = if largest > 0.0 {
                largest
                    * column
                        .iter()
                        .map(|v| (v / largest).powi(2))
                        .sum::<f64>()
                        .sqrt()
            } else {
                1.0
            };
            for v in column {
                *v /= norm;
            }
            norms.push(norm);
        }
        let qr = a.col_piv_qr();
        let r = qr.R();
        let size = r.nrows().min(r.ncols());
        let first = if size > 0 { r[(0, 0)].abs() } else { 0.0 };
        let rank = (0..size)
            .find(|k| {
                let v = r[(*k, *k)].abs();
                v.is_nan() || v <= CUT * first
            })
            .unwrap_or(size);
        Ok(Factored { norms, qr, rank })
    }

    /// Minimises `|A x - b|`, with 0 for the columns that were cut.
    pub(super) fn solve(&self, b: &[f64]) -> Vec<f64> {
        self.solve_with_rest(b).0
    }

    /// The same, with the norm that is left.
    pub(super) fn solve_with_rest(&self, b: &[f64]) -> (Vec<f64>, f64) {
        let basis = self.qr.Q_basis();
        let mut y = Mat::from_fn(basis.nrows(), 1, |i, _| b.get(i).copied().unwrap_or(0.0));
        let need = scratch::<f64>(basis.nrows(), self.qr.Q_coeff().nrows(), 1);
        let mut memory = faer::dyn_stack::MemBuffer::new(need);
        apply(
            basis,
            self.qr.Q_coeff(),
            Conj::No,
            y.as_mut(),
            Par::Seq,
            faer::dyn_stack::MemStack::new(&mut memory),
        );
        let rest = (self.rank..y.nrows())
            .map(|i| y[(i, 0)].powi(2))
            .sum::<f64>();
        let r = self.qr.R().submatrix(0, 0, self.rank, self.rank);
        faer::linalg::triangular_solve::solve_upper_triangular_in_place(
            r,
            y.as_mut().subrows_mut(0, self.rank),
            Par::Seq,
        );
        let (forward, _) = self.qr.P().arrays();
        let mut x = vec![0.0; self.norms.len()];
        for (k, column) in forward.iter().enumerate().take(self.rank) {
            x[*column] = y[(k, 0)] / self.norms[*column];
        }
        (x, rest.sqrt())
    }

    /// The diagonal entry of `(A^T A)^-1` of a column; `None` where the column was cut.
    pub(super) fn variance(&self, column: usize) -> Option<f64> {
        let (forward, _) = self.qr.P().arrays();
        let place = forward.iter().position(|c| *c == column)?;
        if place >= self.rank {
            return None;
        }
        let mut y = Mat::<f64>::zeros(self.rank, 1);
        y[(place, 0)] = 1.0;
        let r = self.qr.R().submatrix(0, 0, self.rank, self.rank);
        faer::linalg::triangular_solve::solve_lower_triangular_in_place(
            r.transpose(),
            y.as_mut(),
            Par::Seq,
        );
        let sum: f64 = (0..self.rank).map(|i| y[(i, 0)].powi(2)).sum();
        Some(sum / self.norms[column].powi(2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_with_its_variance_and_a_column_twice() {
        let x = [0.0, 1.0, 2.0, 3.0, 4.0];
        let a = Mat::from_fn(5, 2, |i, j| if j == 0 { 1.0 } else { x[i] });
        let b: Vec<f64> = x.iter().map(|x| 1.0 + 2.0 * x).collect();
        let f = Factored::new(a).unwrap();
        let c = f.solve(&b);
        assert!((c[0] - 1.0).abs() < 1e-14 && (c[1] - 2.0).abs() < 1e-14);
        // Slope of a line: 1 / sum (x - mean)^2.
        assert!((f.variance(1).unwrap() - 0.1).abs() < 1e-14);
        let a = Mat::from_fn(5, 3, |i, j| if j == 0 { 1.0 } else { 1e6 * x[i] });
        let f = Factored::new(a).unwrap();
        assert_eq!(f.rank, 2);
        let c = f.solve(&b);
        assert!((1e6 * (c[1] + c[2]) - 2.0).abs() < 1e-13);
        assert!(f.variance(1).is_none() != f.variance(2).is_none());
    }

    #[test]
    fn nothing_zero_and_infinite() {
        let f = Factored::new(Mat::zeros(3, 2)).unwrap();
        assert_eq!((f.rank, f.solve(&[1.0, 2.0, 3.0])), (0, vec![0.0, 0.0]));
        assert_eq!(
            Factored::new(Mat::zeros(0, 2)).unwrap().solve(&[]),
            [0.0, 0.0]
        );
        assert!(
            Factored::new(Mat::zeros(2, 0))
                .unwrap()
                .solve(&[1.0, 1.0])
                .is_empty()
        );
        let a = Mat::from_fn(2, 2, |i, j| if i == j { f64::NAN } else { 1.0 });
        assert!(Factored::new(a).is_err());
        // Fewer rows than columns: a solution, not the only one.
        let f = Factored::new(Mat::from_fn(1, 3, |_, j| j as f64 + 1.0)).unwrap();
        let x = f.solve(&[6.0]);
        assert!((x[0] + 2.0 * x[1] + 3.0 * x[2] - 6.0).abs() < 1e-14);
    }
}
