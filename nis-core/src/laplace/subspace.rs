//! First estimates of poles: the signal subspace of the Hankel matrix and its shift invariance.
//!
//! ESPRIT: Roy and Kailath, IEEE Trans. ASSP 37 (1989) 984, eq. (29). The leading singular vectors come from
//! a randomised range finder (Halko, Martinsson and Tropp, SIAM Rev. 53 (2011) 217, algorithm 4.4) whose
//! products with the Hankel matrix are convolutions done by FFT, so the matrix is never formed.

use faer::{Mat, MatRef};
use num_complex::Complex64;
use rustfft::{Fft, FftPlanner};
use std::sync::Arc;

use super::length::smooth_length;
use crate::error::{Error, Result};
use crate::optim::Random;
use crate::telemetry::Progress;

/// Longest window: beyond it the resolution gained is not worth the work.
const MAX_WINDOW: usize = 4096;

/// Columns beyond the wanted rank, which make the leading ones accurate.
const OVERSAMPLE: usize = 6;

/// Power iterations.
const POWER: usize = 2;

/// Products with the `rows x cols` Hankel matrix `H[i][j] = x[i + j]` and its transpose.
struct Hankel {
    spectrum: Vec<Complex64>,
    forward: Arc<dyn Fft<f64>>,
    inverse: Arc<dyn Fft<f64>>,
    rows: usize,
    cols: usize,
    len: usize,
}

impl Hankel {
    fn new(x: &[f64], rows: usize) -> Self {
        let cols = x.len() + 1 - rows;
        // The convolution has x.len() + max(rows, cols) - 1 values; of these only a part is used, and what
        // wraps around at this length falls outside that part.
        let len = smooth_length(x.len());
        let mut planner = FftPlanner::new();
        let forward = planner.plan_fft_forward(len);
        let inverse = planner.plan_fft_inverse(len);
        let mut spectrum: Vec<Complex64> = x.iter().map(|v| Complex64::new(*v, 0.0)).collect();
        spectrum.resize(len, Complex64::default());
        forward.process(&mut spectrum);
        Hankel {
            spectrum,
            forward,
            inverse,
            rows,
            cols,
            len,
        }
    }

    /// `H v` for every column of `v` (`transposed`: `H^T v`), two real columns per complex transform.
    fn times(&self, v: MatRef<'_, f64>, transposed: bool) -> Mat<f64> {
        let (out_rows, in_rows) = if transposed {
            (self.cols, self.rows)
        } else {
            (self.rows, self.cols)
        };
        let mut out = Mat::zeros(out_rows, v.ncols());
        let mut buffer = vec![Complex64::default(); self.len];
        let mut scratch = vec![
            Complex64::default();
            self.forward
                .get_inplace_scratch_len()
                .max(self.inverse.get_inplace_scratch_len())
        ];
        let scale = 1.0 / self.len as f64;
        for pair in (0..v.ncols()).step_by(2) {
            let second = (pair + 1 < v.ncols()).then_some(pair + 1);
            buffer.fill(Complex64::default());
            // (H v)_i = sum_j x_{i+j} v_j is a correlation: convolve with v reversed in place of index 0.
            for j in 0..in_rows {
                let at = (self.len - j) % self.len;
                buffer[at] = Complex64::new(v[(j, pair)], second.map_or(0.0, |s| v[(j, s)]));
            }
            self.forward.process_with_scratch(&mut buffer, &mut scratch);
            for (b, s) in buffer.iter_mut().zip(&self.spectrum) {
                *b *= *s;
            }
            self.inverse.process_with_scratch(&mut buffer, &mut scratch);
            for i in 0..out_rows {
                out[(i, pair)] = buffer[i].re * scale;
                if let Some(s) = second {
                    out[(i, s)] = buffer[i].im * scale;
                }
            }
        }
        out
    }
}

/// The leading left singular vectors of the Hankel matrix of a signal, from which the poles of every order
/// up to their number follow.
pub(super) struct Subspace {
    /// `U^T U` shifted by one row: the first rows against the last.
    cross: Mat<f64>,
    /// The last row of `U`.
    last: Vec<f64>,
}

impl Subspace {
    pub(super) fn new(x: &[f64], rank: usize, progress: &Progress<'_>) -> Result<Self> {
        let rows = x.len().div_ceil(2).min(MAX_WINDOW);
        let hankel = Hankel::new(x, rows);
        let wide = (rank + OVERSAMPLE).min(hankel.rows).min(hankel.cols);
        // Directions without preference, and the same ones every time.
        let mut random = Random(0);
        let start = Mat::from_fn(hankel.cols, wide, |_, _| random.normal());
        let mut q = orthonormal(hankel.times(start.as_ref(), false).as_ref());
        for _ in 0..POWER {
            progress.check()?;
            let z = orthonormal(hankel.times(q.as_ref(), true).as_ref());
            q = orthonormal(hankel.times(z.as_ref(), false).as_ref());
        }
        // H^T Q = Z R, hence Q^T H = R^T Z^T and the left singular vectors of R^T turn Q into U.
        let qr = hankel.times(q.as_ref(), true).qr();
        let small = qr.thin_R().transpose().to_owned();
        let svd = small.svd().map_err(|_| {
            Error::numerical(
                "ESPRIT",
                "the singular values of the Hankel matrix did not converge",
            )
        })?;
        let u = &q * svd.U();
        let rank = rank.min(u.ncols());
        let (head, tail) = (u.get(..rows - 1, ..rank), u.get(1.., ..rank));
        Ok(Subspace {
            cross: head.transpose() * tail,
            last: (0..rank).map(|j| u[(rows - 1, j)]).collect(),
        })
    }

    /// Largest order that poles can be had for.
    pub(super) fn rank(&self) -> usize {
        self.last.len()
    }

    /// `order` discrete poles `z = e^{s dt}` by least squares: `U1^+ U2`, where `U1^T U1 = I - u u^T` (the
    /// columns of U are orthonormal) is inverted in closed form.
    pub(super) fn poles(&self, order: usize) -> Option<Vec<Complex64>> {
        let u = self.last.get(..order)?;
        let norm: f64 = u.iter().map(|v| v * v).sum();
        if norm.is_nan() || 1.0 - norm <= 1e-12 {
            return None;
        }
        let g = self.cross.get(..order, ..order);
        let ug: Vec<f64> = (0..order)
            .map(|j| (0..order).map(|i| u[i] * g[(i, j)]).sum::<f64>() / (1.0 - norm))
            .collect();
        let phi = Mat::from_fn(order, order, |i, j| g[(i, j)] + u[i] * ug[j]);
        let values = phi.eigenvalues().ok()?;
        let all_finite = values.iter().all(|z| z.re.is_finite() && z.im.is_finite());
        all_finite.then(|| values.iter().map(|z| Complex64::new(z.re, z.im)).collect())
    }
}

fn orthonormal(a: MatRef<'_, f64>) -> Mat<f64> {
    a.qr().compute_thin_Q()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hankel_products_equal_the_plain_sums() {
        for (n, rows) in [(7, 4), (10, 3), (31, 16), (64, 32)] {
            let mut random = Random(n as u64);
            let x: Vec<f64> = (0..n).map(|_| random.normal()).collect();
            let h = Hankel::new(&x, rows);
            let cols = n + 1 - rows;
            let full = Mat::from_fn(rows, cols, |i, j| x[i + j]);
            let v = Mat::from_fn(cols, 3, |_, _| random.normal());
            let w = Mat::from_fn(rows, 3, |_, _| random.normal());
            let forward = h.times(v.as_ref(), false) - &full * &v;
            let backward = h.times(w.as_ref(), true) - full.transpose() * &w;
            assert!(forward.norm_max() <= 1e-12, "{n} {rows}");
            assert!(backward.norm_max() <= 1e-12, "{n} {rows}");
        }
    }
}
