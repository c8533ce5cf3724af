//! Maximum-likelihood refinement of poles in white noise: variable projection and Gauss-Newton.
//!
//! Golub and Pereyra, SIAM J. Numer. Anal. 10 (1973) 413, with the Jacobian of Kaufman, BIT 15 (1975) 49:
//! amplitudes and baseline are eliminated by orthogonal projection, so only the poles are iterated on.

use faer::{Mat, MatMut};
use num_complex::Complex64;

use crate::error::Result;
use crate::optim::{LeastSquares, LinearFit, LmFit, LmOptions, least_squares, levenberg_marquardt};
use crate::telemetry::Progress;

/// A pole of a real signal per sample: a conjugate pair (`omega > 0`) or a real pole (`None`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pole {
    /// Growth per sample.
    pub(super) sigma: f64,
    /// Angle per sample, in (0, pi).
    pub(super) omega: Option<f64>,
}

impl Pole {
    /// Degrees of freedom: 2 for a pair.
    pub(super) fn order(self) -> usize {
        if self.omega.is_some() { 2 } else { 1 }
    }
}

/// Growth over the record beyond which a pole describes an edge effect, not a mode.
pub(super) const MAX_GROWTH: f64 = 30.0;

/// `|z| = e^{sigma}` below which a pole decays within a sample and is not resolved by the sampling.
pub(super) const LEAST_RADIUS: f64 = 1e-3;

/// Samples between exact exponentials in a basis column; those between come by one multiplication.
const ANCHOR: usize = 32;

/// A signal and the baseline (offset, slope) that is fitted beside its modes.
pub(super) struct Record<'a> {
    pub(super) y: &'a [f64],
    /// 0: none, 1: offset, 2: offset and slope.
    pub(super) baseline: usize,
}

/// Basis functions of the poles, then of the baseline, in columns; `e^{sigma k}` for decay and
/// `e^{sigma (k - n + 1)}` for growth keep them below 1.
fn basis(record: &Record<'_>, poles: &[Pole]) -> Mat<f64> {
    let n = record.y.len();
    let columns = poles.iter().map(|p| p.order()).sum::<usize>() + record.baseline;
    let mut phi = Mat::zeros(n, columns);
    let mut c = 0;
    for pole in poles {
        let anchor = anchor(*pole, n);
        let w = pole.omega.unwrap_or(0.0);
        let at =
            |k: f64, shift: f64| Complex64::from_polar((pole.sigma * (k - shift)).exp(), w * k);
        let table: Vec<Complex64> = (0..ANCHOR).map(|k| at(k as f64, 0.0)).collect();
        for start in (0..n).step_by(ANCHOR) {
            let first = at(start as f64, anchor);
            for (k, step) in (start..n).zip(&table) {
                let z = first * step;
                phi[(k, c)] = z.re;
                if pole.omega.is_some() {
                    phi[(k, c + 1)] = z.im;
                }
            }
        }
        c += pole.order();
    }
    for b in 0..record.baseline {
        for k in 0..n {
            phi[(k, c + b)] = if b == 0 {
                1.0
            } else {
                k as f64 / (n - 1) as f64
            };
        }
    }
    phi
}

/// The sample at which the envelope of a pole is 1.
pub(super) fn anchor(pole: Pole, n: usize) -> f64 {
    if pole.sigma > 0.0 {
        (n - 1) as f64
    } else {
        0.0
    }
}

/// The poles with the linear coefficients that fit best.
pub(super) struct Linear {
    pub(super) fit: LinearFit,
    pub(super) fitted: Vec<f64>,
    pub(super) residual: Vec<f64>,
}

/// Amplitudes and baseline for fixed poles.
pub(super) fn linear(record: &Record<'_>, poles: &[Pole]) -> Result<Linear> {
    let phi = basis(record, poles);
    if phi.ncols() == 0 {
        let sum_squares = record.y.iter().map(|v| v * v).sum();
        return Ok(Linear {
            fit: LinearFit {
                coefficients: Vec::new(),
                sum_squares,
                inverse_normal: None,
            },
            fitted: vec![0.0; record.y.len()],
            residual: record.y.to_vec(),
        });
    }
    let fit = least_squares(phi.as_ref(), record.y)?;
    let fitted: Vec<f64> = (0..record.y.len())
        .map(|k| {
            fit.coefficients
                .iter()
                .enumerate()
                .map(|(j, c)| c * phi[(k, j)])
                .sum()
        })
        .collect();
    let residual = record.y.iter().zip(&fitted).map(|(y, f)| y - f).collect();
    Ok(Linear {
        fit,
        fitted,
        residual,
    })
}

fn unpack(template: &[Pole], p: &[f64], n: usize) -> Option<Vec<Pole>> {
    // Time runs over the record from 0 to 1 in the parameters, so that they are of order 1 to n.
    let span = (n - 1) as f64;
    let mut values = p.iter();
    template
        .iter()
        .map(|pole| {
            let sigma = values.next()? / span;
            let omega = match pole.omega {
                Some(_) => Some(values.next()? / span),
                None => None,
            };
            let inside = omega.is_none_or(|w| w > 0.0 && w < std::f64::consts::PI);
            (inside && sigma.exp() > LEAST_RADIUS && sigma * span <= MAX_GROWTH)
                .then_some(Pole { sigma, omega })
        })
        .collect()
}

fn pack(poles: &[Pole], n: usize) -> Vec<f64> {
    let span = (n - 1) as f64;
    poles
        .iter()
        .flat_map(|p| std::iter::once(p.sigma * span).chain(p.omega.map(|w| w * span)))
        .collect()
}

struct Projected<'a> {
    record: &'a Record<'a>,
    template: &'a [Pole],
}

impl LeastSquares for Projected<'_> {
    fn parameters(&self) -> usize {
        self.template.iter().map(|p| p.order()).sum()
    }

    fn residuals(&self) -> usize {
        self.record.y.len()
    }

    fn evaluate(&mut self, p: &[f64], r: &mut [f64], jacobian: Option<MatMut<'_, f64>>) -> bool {
        let n = self.record.y.len();
        let Some(poles) = unpack(self.template, p, n) else {
            return false;
        };
        let phi = basis(self.record, &poles);
        let qr = phi.qr();
        let q = qr.compute_thin_Q();
        let rr = qr.thin_R();
        let m = phi.ncols();
        let diagonal = (0..m).map(|j| rr[(j, j)].abs());
        let (least, most) =
            diagonal.fold((f64::INFINITY, 0.0f64), |(a, b), v| (a.min(v), b.max(v)));
        // Two poles that have become one leave no unique amplitudes.
        if least.is_nan() || least <= 1e-10 * most {
            return false;
        }
        let y = self.record.y;
        let qty: Vec<f64> = (0..m)
            .map(|j| q.col(j).iter().zip(y).map(|(a, b)| a * b).sum())
            .collect();
        for (k, out) in r.iter_mut().enumerate() {
            *out = y[k] - (0..m).map(|j| q[(k, j)] * qty[j]).sum::<f64>();
        }
        let Some(mut jacobian) = jacobian else {
            return true;
        };
        // Back substitution for the amplitudes.
        let mut c = qty;
        for i in (0..m).rev() {
            let mut v = c[i];
            for j in i + 1..m {
                v -= rr[(i, j)] * c[j];
            }
            c[i] = v / rr[(i, i)];
        }
        let d = pole_derivatives(&poles, &phi, &c, n);
        for j in 0..d.ncols() {
            // -(I - Q Q^T) d
            let dots: Vec<f64> = (0..m)
                .map(|l| {
                    q.col(l)
                        .iter()
                        .zip(d.col(j).iter())
                        .map(|(a, b)| a * b)
                        .sum()
                })
                .collect();
            for k in 0..n {
                let mut v = d[(k, j)];
                for (l, dot) in dots.iter().enumerate() {
                    v -= q[(k, l)] * dot;
                }
                jacobian[(k, j)] = -v;
            }
        }
        true
    }
}

/// Derivatives of the model with respect to the packed pole parameters, amplitudes fixed.
fn pole_derivatives(poles: &[Pole], phi: &Mat<f64>, c: &[f64], n: usize) -> Mat<f64> {
    let span = (n - 1) as f64;
    let columns = poles.iter().map(|p| p.order()).sum();
    let mut d = Mat::zeros(n, columns);
    let mut at = 0;
    for pole in poles {
        let anchor = anchor(*pole, n);
        for k in 0..n {
            let time = k as f64 / span;
            let envelope = (k as f64 - anchor) / span;
            match pole.omega {
                Some(_) => {
                    let (co, s) = (phi[(k, at)], phi[(k, at + 1)]);
                    d[(k, at)] = envelope * (c[at] * co + c[at + 1] * s);
                    d[(k, at + 1)] = time * (c[at + 1] * co - c[at] * s);
                }
                None => d[(k, at)] = envelope * c[at] * phi[(k, at)],
            }
        }
        at += pole.order();
    }
    d
}

/// Poles refined to the least-squares optimum.
pub(super) fn refine(
    record: &Record<'_>,
    poles: &[Pole],
    progress: &Progress<'_>,
) -> Result<Option<Vec<Pole>>> {
    if poles.is_empty() {
        return Ok(None);
    }
    let n = record.y.len();
    let options = LmOptions {
        max_iterations: 60,
        damping: 1e-4,
        stage: "laplace",
        ..LmOptions::default()
    };
    let mut problem = Projected {
        record,
        template: poles,
    };
    match levenberg_marquardt(&mut problem, &pack(poles, n), &options, progress) {
        Ok(LmFit { p, .. }) => Ok(unpack(poles, &p, n)),
        Err(crate::Error::Numerical { .. }) => Ok(None),
        Err(e) => Err(e),
    }
}

/// `(J^T J)^-1` of the full model at its optimum: rows and columns run over the packed poles (per sample, not
/// per record), then the coefficients. Times the noise variance it is the covariance, which for white
/// Gaussian noise is the Cramer-Rao bound at the estimate.
pub(super) fn covariance(
    record: &Record<'_>,
    poles: &[Pole],
    c: &[f64],
) -> Result<Option<Mat<f64>>> {
    let n = record.y.len();
    let phi = basis(record, poles);
    let d = pole_derivatives(poles, &phi, c, n);
    let (q, m) = (d.ncols(), phi.ncols());
    let jacobian = Mat::from_fn(
        n,
        q + m,
        |i, j| if j < q { d[(i, j)] } else { phi[(i, j - q)] },
    );
    let scale: Vec<f64> = (0..q + m)
        .map(|j| jacobian.col(j).iter().map(|v| v * v).sum::<f64>().sqrt())
        .collect();
    if scale.iter().any(|s| s.is_nan() || *s <= 0.0) || n < q + m {
        return Ok(None);
    }
    let scaled = Mat::from_fn(n, q + m, |i, j| jacobian[(i, j)] / scale[j]);
    let Some(inverse) = least_squares(scaled.as_ref(), &vec![0.0; n])?.inverse_normal else {
        return Ok(None);
    };
    let span = (n - 1) as f64;
    let unit = |j: usize| scale[j] * if j < q { span } else { 1.0 };
    Ok(Some(Mat::from_fn(q + m, q + m, |i, j| {
        inverse[(i, j)] / (unit(i) * unit(j))
    })))
}
