//! First estimates of poles: the signal subspace of the Hankel matrix and its shift invariance.
//!
//! ESPRIT: Roy and Kailath, IEEE Trans. ASSP 37 (1989) 984, eq. (29). The leading singular vectors come from
//! a randomised range finder (Halko, Martinsson and Tropp, SIAM Rev. 53 (2011) 217, algorithm 4.4) whose
//! products with the Hankel matrix are convolutions done by FFT, so the matrix is never formed. Several channels
//! stand side by side in one matrix, and share the left singular vectors.

use faer::traits::ComplexField;
use faer::{Mat, MatRef};
use num_complex::Complex64;
use rustfft::{Fft, FftPlanner};
use std::sync::Arc;

use super::exponentials::Data;
use crate::error::{Error, Result};
use crate::laplace::length::smooth_length;
use crate::optim::Random;
use crate::telemetry::Progress;

/// Longest window: beyond it the resolution gained is not worth the work.
const MAX_WINDOW: usize = 4096;

/// Columns beyond the wanted rank, which make the leading ones accurate.
const OVERSAMPLE: usize = 6;

/// Power iterations.
const POWER: usize = 2;

/// Real or complex numbers, as the record's samples are.
pub(super) trait Number: ComplexField<Real = f64> + Copy {
    /// Values that go into one complex transform.
    const PACKED: usize;
    fn new(re: f64, im: f64) -> Self;
    fn complex(self) -> Complex64;
}

impl Number for f64 {
    const PACKED: usize = 2;
    fn new(re: f64, _: f64) -> Self {
        re
    }
    fn complex(self) -> Complex64 {
        Complex64::new(self, 0.0)
    }
}

impl Number for Complex64 {
    const PACKED: usize = 1;
    fn new(re: f64, im: f64) -> Self {
        Complex64::new(re, im)
    }
    fn complex(self) -> Complex64 {
        self
    }
}

/// Products with the `rows x (channels cols)` matrix of Hankel matrices `H[i][j] = x[i + j]` side by side.
struct Hankel {
    spectra: Vec<Vec<Complex64>>,
    forward: Arc<dyn Fft<f64>>,
    inverse: Arc<dyn Fft<f64>>,
    rows: usize,
    cols: usize,
    len: usize,
}

impl Hankel {
    fn new(data: &Data, rows: usize) -> Self {
        let n = data.n;
        let cols = n + 1 - rows;
        // The convolution has n + max(rows, cols) - 1 values; of these only a part is used, and what wraps
        // around at this length falls outside that part.
        let len = smooth_length(n);
        let mut planner = FftPlanner::new();
        let forward = planner.plan_fft_forward(len);
        let inverse = planner.plan_fft_inverse(len);
        let scale = 1.0 / len as f64;
        let spectra = (0..data.channels())
            .map(|c| {
                let mut spectrum: Vec<Complex64> =
                    (0..n).map(|k| data.sample(c, k) * scale).collect();
                spectrum.resize(len, Complex64::default());
                forward.process(&mut spectrum);
                spectrum
            })
            .collect();
        Hankel {
            spectra,
            forward,
            inverse,
            rows,
            cols,
            len,
        }
    }

    fn width(&self) -> usize {
        self.cols * self.spectra.len()
    }

    /// `H v` for every column of `v`, or `H^H v` where `transposed`.
    fn times<T: Number>(&self, v: MatRef<'_, T>, transposed: bool) -> Mat<T> {
        let (out_rows, in_rows) = if transposed {
            (self.cols, self.rows)
        } else {
            (self.rows, self.cols)
        };
        let total = if transposed { self.width() } else { self.rows };
        let mut out = Mat::zeros(total, v.ncols());
        let zero = Complex64::default();
        let mut input = vec![zero; self.len];
        let mut sum = vec![zero; self.len];
        let scratch = self
            .forward
            .get_inplace_scratch_len()
            .max(self.inverse.get_inplace_scratch_len());
        let mut scratch = vec![zero; scratch];
        // H^H v = conj(H^T conj(v)).
        let sign = if transposed { -1.0 } else { 1.0 };
        for first in (0..v.ncols()).step_by(T::PACKED) {
            let second = (T::PACKED == 2 && first + 1 < v.ncols()).then_some(first + 1);
            if !transposed {
                sum.fill(zero);
            }
            for (channel, spectrum) in self.spectra.iter().enumerate() {
                // (H v)_i = sum_j x_{i+j} v_j is a correlation: convolve with v reversed in place of index 0.
                if !transposed || channel == 0 {
                    let from = if transposed { 0 } else { channel * self.cols };
                    input.fill(zero);
                    for j in 0..in_rows {
                        let z = v[(from + j, first)].complex();
                        let at = (self.len - j) % self.len;
                        input[at] = match second {
                            Some(second) => {
                                Complex64::new(z.re, v[(from + j, second)].complex().re)
                            }
                            None => Complex64::new(z.re, sign * z.im),
                        };
                    }
                    self.forward.process_with_scratch(&mut input, &mut scratch);
                }
                if transposed {
                    for ((s, a), b) in sum.iter_mut().zip(&input).zip(spectrum) {
                        *s = a * b;
                    }
                } else {
                    for ((s, a), b) in sum.iter_mut().zip(&input).zip(spectrum) {
                        *s += a * b;
                    }
                    if channel + 1 < self.spectra.len() {
                        continue;
                    }
                }
                self.inverse.process_with_scratch(&mut sum, &mut scratch);
                let to = if transposed { channel * self.cols } else { 0 };
                for i in 0..out_rows {
                    let z = sum[i];
                    out[(to + i, first)] = T::new(z.re, sign * z.im);
                    if let Some(second) = second {
                        out[(to + i, second)] = T::new(z.im, 0.0);
                    }
                }
            }
        }
        out
    }
}

/// The leading left singular vectors of the Hankel matrix of a record, from which the poles of every order
/// up to their number follow.
pub(super) struct Subspace {
    /// `U^H U` shifted by one row: the first rows against the last.
    cross: Mat<Complex64>,
    /// The last row of `U`.
    last: Vec<Complex64>,
    real: bool,
    /// Singular values, those of the spare directions too.
    pub(super) singular: Vec<f64>,
}

impl Subspace {
    pub(super) fn new(data: &Data, rank: usize, progress: &Progress<'_>) -> Result<Self> {
        if data.real {
            Self::of::<f64>(data, rank, progress)
        } else {
            Self::of::<Complex64>(data, rank, progress)
        }
    }

    fn of<T: Number>(data: &Data, rank: usize, progress: &Progress<'_>) -> Result<Self> {
        let rows = data.n.div_ceil(2).min(MAX_WINDOW);
        let hankel = Hankel::new(data, rows);
        let wide = (rank + OVERSAMPLE).min(hankel.rows).min(hankel.width());
        // Directions that prefer nothing to speak of (even deviates do as well as normal ones, and cost less), and
        // the same ones every time.
        let mut random = Random(0);
        let start = Mat::from_fn(hankel.width(), wide, |_, _| {
            let re = random.symmetric();
            T::new(
                re,
                if T::PACKED == 1 {
                    random.symmetric()
                } else {
                    0.0
                },
            )
        });
        let mut q = orthonormal(hankel.times(start.as_ref(), false).as_ref());
        for _ in 0..POWER {
            progress.check()?;
            let z = orthonormal(hankel.times(q.as_ref(), true).as_ref());
            q = orthonormal(hankel.times(z.as_ref(), false).as_ref());
        }
        // H^H Q = Z R, hence Q^H H = R^H Z^H and the left singular vectors of R^H turn Q into U.
        let qr = hankel.times(q.as_ref(), true).qr();
        let small = qr.thin_R().adjoint().to_owned();
        let svd = small.svd().map_err(|_| {
            Error::numerical(
                "ESPRIT",
                "the singular values of the Hankel matrix did not converge",
            )
        })?;
        let u = &q * svd.U();
        let rank = rank.min(u.ncols());
        let (head, tail) = (u.get(..rows - 1, ..rank), u.get(1.., ..rank));
        let cross = head.adjoint() * tail;
        Ok(Subspace {
            cross: Mat::from_fn(rank, rank, |i, j| cross[(i, j)].complex()),
            last: (0..rank).map(|j| u[(rows - 1, j)].complex()).collect(),
            real: data.real,
            singular: (0..small.nrows())
                .map(|i| svd.S()[i].complex().re)
                .collect(),
        })
    }

    /// Largest order that poles can be had for.
    pub(super) fn rank(&self) -> usize {
        self.last.len()
    }

    /// `order` discrete poles `z = e^{s}` by least squares: `U1^+ U2`, where `U1^H U1 = I - u* u^T` (the columns
    /// of U are orthonormal) is inverted in closed form.
    pub(super) fn poles(&self, order: usize) -> Option<Vec<Complex64>> {
        let u = self.last.get(..order)?;
        let norm: f64 = u.iter().map(|v| v.norm_sqr()).sum();
        if norm.is_nan() || 1.0 - norm <= 1e-12 {
            return None;
        }
        let g = self.cross.get(..order, ..order);
        let ug: Vec<Complex64> = (0..order)
            .map(|j| (0..order).map(|i| u[i] * g[(i, j)]).sum::<Complex64>() / (1.0 - norm))
            .collect();
        let phi = Mat::from_fn(order, order, |i, j| g[(i, j)] + u[i].conj() * ug[j]);
        let values = if self.real {
            Mat::from_fn(order, order, |i, j| phi[(i, j)].re).eigenvalues()
        } else {
            phi.eigenvalues()
        };
        let values = values.ok()?;
        let all_finite = values.iter().all(|z| z.re.is_finite() && z.im.is_finite());
        all_finite.then_some(values)
    }
}

fn orthonormal<T: Number>(a: MatRef<'_, T>) -> Mat<T> {
    a.qr().compute_thin_Q()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn products<T: Number>(complex: bool) {
        for (n, rows, channels) in [(7, 4, 1), (10, 3, 2), (31, 16, 1), (64, 32, 3)] {
            let mut random = Random(n as u64);
            let mut part = || (0..n).map(|_| random.normal()).collect::<Vec<f64>>();
            let parts = if complex { 2 } else { 1 };
            let values: Vec<Vec<Vec<f64>>> = (0..channels)
                .map(|_| (0..parts).map(|_| part()).collect())
                .collect();
            let data = Data::new(values, n, 0);
            let h = Hankel::new(&data, rows);
            let cols = n + 1 - rows;
            let full = Mat::from_fn(rows, channels * cols, |i, j| {
                let z = data.sample(j / cols, i + j % cols);
                T::new(z.re, z.im)
            });
            let mut random = Random(1);
            let v = Mat::from_fn(channels * cols, 3, |_, _| {
                T::new(random.normal(), random.normal())
            });
            let w = Mat::from_fn(rows, 3, |_, _| T::new(random.normal(), random.normal()));
            let forward = h.times(v.as_ref(), false) - &full * &v;
            let backward = h.times(w.as_ref(), true) - full.adjoint() * &w;
            assert!(forward.norm_max() <= 1e-12, "{n} {rows}");
            assert!(backward.norm_max() <= 1e-12, "{n} {rows}");
        }
    }

    #[test]
    fn hankel_products_equal_the_plain_sums() {
        products::<f64>(false);
        products::<Complex64>(true);
    }
}
