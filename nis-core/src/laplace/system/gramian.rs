//! Square-root factors of Gramians.

use faer::Mat;
use num_complex::Complex64;

use super::schur::Schur;
use crate::error::{Error, Result};
use crate::telemetry::Progress;

/// A real `L` with `A L L^T + L L^T A^T + B B^T = 0` (continuous, all eigenvalues left of the axis), without
/// forming `L L^T`, so that small singular values keep their relative accuracy: Hammarling, IMA J. Numer.
/// Anal. 2 (1982) 303, section 5, on the complex Schur form. `O(n^3)`.
pub(super) fn factor(schur: &Schur, b: &Mat<f64>, progress: &Progress<'_>) -> Result<Mat<f64>> {
    let n = schur.order();
    for e in schur.eigenvalues() {
        if e.re >= 0.0 {
            return Err(Error::numerical(
                "Gramian",
                format!("the pole {e} is not left of the imaginary axis"),
            ));
        }
    }
    let upper = hammarling(&schur.t, schur.inputs(b.as_ref()), progress)?;
    // P = X U U^H X^H is real: its factor is [Re(X U), Im(X U)], made square by QR.
    let whole = &schur.u * &upper;
    let both = Mat::from_fn(2 * n, n, |i, j| {
        let value = whole[(j, i % n)] * schur.scale[j];
        if i < n { value.re } else { value.im }
    });
    Ok(both.qr().thin_R().transpose().to_owned())
}

/// Upper triangular `U` with `T U U^H + U U^H T^H + B B^H = 0`.
///
/// From the last row upwards: with `T = [T1 t; 0 l]`, `U = [U1 u; 0 y]` and `B` made upper triangular with the
/// same product, `B = [B1 b; 0 c]`: `y = c/sqrt(-2 Re l)`, `(T1 + conj(l) I) u = -b c/y - t y` and what is left
/// for `U1` is `B1 B1^H + w w^H` with `w = b - u c/y`.
fn hammarling(
    t: &Mat<Complex64>,
    b: Mat<Complex64>,
    progress: &Progress<'_>,
) -> Result<Mat<Complex64>> {
    let n = t.nrows();
    let mut u = Mat::<Complex64>::zeros(n, n);
    let mut rest = triangular(&b);
    for k in (0..n).rev() {
        progress.check()?;
        let lambda = t[(k, k)];
        let root = (-2.0 * lambda.re).sqrt();
        let c = rest[(k, k)];
        // c/y with the phase of y free: y = |c|/root.
        let phase = if c.norm() > 0.0 {
            c / c.norm()
        } else {
            Complex64::from(1.0)
        };
        let y = c.norm() / root;
        u[(k, k)] = Complex64::from(y);
        let ratio = phase * root;
        let mut column = vec![Complex64::default(); k];
        for i in (0..k).rev() {
            let mut sum = -rest[(i, k)] * ratio.conj() - t[(i, k)] * y;
            for (j, known) in column.iter().enumerate().skip(i + 1) {
                sum -= t[(i, j)] * known;
            }
            column[i] = sum / (t[(i, i)] + lambda.conj());
        }
        for (i, value) in column.iter().enumerate() {
            u[(i, k)] = *value;
        }
        let extra = (0..k).map(|i| rest[(i, k)] - column[i] * ratio).collect();
        add_column(&mut rest, extra);
    }
    if u.is_all_finite() {
        Ok(u)
    } else {
        Err(Error::numerical("Gramian", "the factor is not finite"))
    }
}

/// Changes the leading upper triangular part `R`, of the size of `w`, so that `R R^H` grows by `w w^H`:
/// rotations of each column with `w`, from the last one on.
fn add_column(r: &mut Mat<Complex64>, mut w: Vec<Complex64>) {
    for i in (0..w.len()).rev() {
        let size = r[(i, i)].norm().hypot(w[i].norm());
        if w[i].norm() == 0.0 || size == 0.0 {
            continue;
        }
        let (c, s) = (r[(i, i)] / size, w[i] / size);
        for (j, w) in w.iter_mut().enumerate().take(i + 1) {
            let (x, y) = (r[(j, i)], *w);
            r[(j, i)] = x * c.conj() + y * s.conj();
            *w = y * c - x * s;
        }
    }
}

/// The upper triangular square matrix `R` with `R R^H = B B^H`: an RQ factorisation, by QR of the rows and
/// columns in reverse.
fn triangular(b: &Mat<Complex64>) -> Mat<Complex64> {
    let (n, m) = (b.nrows(), b.ncols());
    if n == 0 {
        return Mat::zeros(0, 0);
    }
    // B^H with its columns reversed is Q S with S upper triangular; R[i][j] = conj(S[n-1-j][n-1-i]).
    let rows = m.max(n);
    let reversed = Mat::from_fn(rows, n, |i, j| {
        if i < m {
            b[(n - 1 - j, i)].conj()
        } else {
            Complex64::default()
        }
    });
    let qr = reversed.qr();
    let s = qr.thin_R();
    Mat::from_fn(n, n, |i, j| {
        if i <= j {
            s[(n - 1 - j, n - 1 - i)].conj()
        } else {
            Complex64::default()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optim::Random;

    #[test]
    fn the_factor_solves_the_lyapunov_equation() {
        let mut random = Random(2);
        for (n, m) in [(1, 1), (2, 1), (5, 2), (12, 3), (12, 15), (4, 1)] {
            let mut a = Mat::from_fn(n, n, |_, _| random.normal());
            for i in 0..n {
                a[(i, i)] -= 2.0 * (n as f64).sqrt() + 1.0;
            }
            let b = Mat::from_fn(n, m, |_, _| random.normal());
            let l = factor(&Schur::new(a.as_ref()).unwrap(), &b, &Progress::none()).unwrap();
            let p = &l * l.transpose();
            let residual = (&a * &p + &p * a.transpose() + &b * b.transpose()).norm_l2();
            assert!(
                residual <= 1e-13 * (a.norm_l2() * p.norm_l2() + b.norm_l2().powi(2)),
                "{n} {m}: {residual}"
            );
        }
    }
}
