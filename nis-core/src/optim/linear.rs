//! Linear least squares by column-pivoted QR.

use faer::linalg::solvers::SolveLstsqCore;
use faer::{Mat, MatRef};

use crate::error::{Error, Result};

/// A linear least-squares solution.
#[derive(Debug, Clone)]
pub struct LinearFit {
    /// The coefficients.
    pub coefficients: Vec<f64>,
    /// Sum of squared residuals.
    pub sum_squares: f64,
    /// `(A^T A)^-1`, by which the noise variance is multiplied to get the covariance; `None` where the
    /// columns are linearly dependent to working precision.
    pub inverse_normal: Option<Mat<f64>>,
}

impl LinearFit {
    /// Standard errors of the coefficients from the residuals: `sqrt(s^2 (A^T A)^-1_ii)` with
    /// `s^2 = sum_squares / (rows - columns)`; `None` where there are no degrees of freedom or the columns
    /// are dependent.
    pub fn standard_errors(&self, rows: usize) -> Option<Vec<f64>> {
        let inverse = self.inverse_normal.as_ref()?;
        let n = self.coefficients.len();
        let dof = rows.checked_sub(n).filter(|d| *d > 0)?;
        let s2 = self.sum_squares / dof as f64;
        Some((0..n).map(|i| (s2 * inverse[(i, i)]).sqrt()).collect())
    }
}

/// Minimises `|A x - b|_2` for `A` with at least as many rows as columns, by QR with column pivoting
/// (Golub and Van Loan, Matrix Computations, 4th ed., section 5.4.2). Costs `2 m n^2` operations.
///
/// ```
/// use faer::mat;
/// let a = mat![[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]];
/// let fit = nis_core::optim::least_squares(a.as_ref(), &[1.0, 3.0, 5.0])?;
/// assert!((fit.coefficients[0] - 1.0).abs() < 1e-14 && (fit.coefficients[1] - 2.0).abs() < 1e-14);
/// # Ok::<(), nis_core::Error>(())
/// ```
///
/// # Errors
/// [`Error::InvalidInput`] where the sizes do not fit or a value is not finite.
pub fn least_squares(a: MatRef<'_, f64>, b: &[f64]) -> Result<LinearFit> {
    let (m, n) = (a.nrows(), a.ncols());
    if b.len() != m {
        return Err(Error::invalid(
            "b",
            b.len(),
            format!("{m} values, one per row of A"),
        ));
    }
    if n == 0 || m < n {
        return Err(Error::invalid(
            "A",
            format!("{m} x {n}"),
            "at least one column and as many rows as columns",
        ));
    }
    if !b.iter().all(|v| v.is_finite()) || !a.is_all_finite() {
        return Err(Error::invalid("A, b", "NaN or infinity", "finite values"));
    }
    let mut x = Mat::from_fn(m, 1, |i, _| b[i]);
    let qr = a.col_piv_qr();
    qr.solve_lstsq_in_place_with_conj(faer::Conj::No, x.as_mut());
    let coefficients: Vec<f64> = (0..n).map(|j| x[(j, 0)]).collect();
    let mut sum_squares = 0.0;
    for i in 0..m {
        let mut r = -b[i];
        for (j, c) in coefficients.iter().enumerate() {
            r += a[(i, j)] * c;
        }
        sum_squares += r * r;
    }
    let r = qr.thin_R();
    let diagonal = |j: usize| r[(j, j)].abs();
    let independent = diagonal(n - 1) > diagonal(0) * f64::EPSILON * m as f64;
    let inverse_normal = independent.then(|| {
        // (A P)^T (A P) = R^T R, hence (A^T A)^-1 = P R^-1 R^-T P^T.
        let mut inv = Mat::<f64>::identity(n, n);
        faer::linalg::triangular_solve::solve_upper_triangular_in_place(
            r,
            inv.as_mut(),
            faer::Par::Seq,
        );
        let w = &inv * inv.transpose();
        let (forward, _) = qr.P().arrays();
        let mut out = Mat::zeros(n, n);
        for i in 0..n {
            for j in 0..n {
                out[(forward[i], forward[j])] = w[(i, j)];
            }
        }
        out
    });
    Ok(LinearFit {
        coefficients,
        sum_squares,
        inverse_normal,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// NIST StRD "Norris" (linear regression, certified values).
    #[test]
    fn norris_reference_data() {
        let y = [
            0.1, 338.8, 118.1, 888.0, 9.2, 228.1, 668.5, 998.5, 449.1, 778.9, 559.2, 0.3, 0.1,
            778.1, 668.8, 339.3, 448.9, 10.8, 557.7, 228.3, 998.0, 888.8, 119.6, 0.3, 0.6, 557.6,
            339.3, 888.0, 998.5, 778.9, 10.2, 117.6, 228.9, 668.4, 449.2, 0.2,
        ];
        let x = [
            0.2, 337.4, 118.2, 884.6, 10.1, 226.5, 666.3, 996.3, 448.6, 777.0, 558.2, 0.4, 0.6,
            775.5, 666.9, 338.0, 447.5, 11.6, 556.0, 228.1, 995.8, 887.6, 120.2, 0.3, 0.3, 556.8,
            339.1, 887.2, 999.0, 779.0, 11.1, 118.3, 229.2, 669.1, 448.9, 0.5,
        ];
        let a = Mat::from_fn(36, 2, |i, j| if j == 0 { 1.0 } else { x[i] });
        let fit = least_squares(a.as_ref(), &y).unwrap();
        assert!((fit.coefficients[0] - -0.262323073774029).abs() < 1e-11);
        assert!((fit.coefficients[1] - 1.00211681802045).abs() < 1e-13);
        let se = fit.standard_errors(36).unwrap();
        assert!((se[0] - 0.232818234301152).abs() < 1e-11);
        assert!((se[1] - 0.429796848199937e-3).abs() < 1e-14);
    }

    #[test]
    fn dependent_columns_have_no_covariance() {
        let a = Mat::from_fn(4, 2, |i, _| i as f64 + 1.0);
        let fit = least_squares(a.as_ref(), &[1.0, 2.0, 3.0, 4.0]).unwrap();
        assert!(fit.inverse_normal.is_none());
        assert!(fit.sum_squares < 1e-20);
    }

    #[test]
    fn bad_input_is_refused() {
        let a = Mat::<f64>::zeros(2, 3);
        assert!(least_squares(a.as_ref(), &[1.0, 2.0]).is_err());
        let a = Mat::<f64>::identity(3, 2);
        assert!(least_squares(a.as_ref(), &[1.0, 2.0]).is_err());
        assert!(least_squares(a.as_ref(), &[1.0, f64::NAN, 0.0]).is_err());
    }
}
