//! Poles at the least-squares optimum: Gauss-Newton with the residues eliminated.
//!
//! Variable projection: Golub and Pereyra, SIAM J. Numer. Anal. 10 (1973) 413, with the Jacobian of Kaufman,
//! BIT 15 (1975) 49. In the coordinates of one QR factorisation of `[basis, derivatives]` the projected
//! Jacobian of an element is the lower right triangle times a block-diagonal matrix of its residues, so all
//! elements of equal weights share the factorisation.

use faer::Mat;
use num_complex::Complex64;

use super::basis::{fractions, normalize, order, width};
use super::data::Samples;
use super::relocate::{own_columns, rotate, upper, weighted};
use crate::error::Result;
use crate::optim::least_squares;
use crate::telemetry::Progress;

/// The gradient, as the cosine between residual and Jacobian, at which the optimum is reached.
const GRADIENT: f64 = 1e-9;

/// Relative reduction of the error below which steps are rounding.
const REDUCTION: f64 = 1e-12;

/// Damping beyond which no step helps.
const MOST_DAMPING: f64 = 1e10;

/// Linear coefficients and error for fixed poles.
pub(super) struct Linear {
    /// Per element of the response: the coefficients of its columns.
    pub(super) coefficients: Vec<Vec<f64>>,
    /// Sum of squared weighted errors.
    pub(super) rss: f64,
    /// Triangle `R` of `J = Q R`, `J` the projected Jacobian with respect to the packed poles, all elements
    /// together; columns as in `gradient`.
    jacobian: Mat<f64>,
    /// `J^T r`.
    gradient: Vec<f64>,
    /// Whether the columns were independent.
    pub(super) independent: bool,
}

/// What polishing reached.
pub(super) struct Polished {
    pub(super) poles: Vec<Complex64>,
    pub(super) rss: f64,
    pub(super) iterations: usize,
    pub(super) converged: bool,
}

/// Fits the linear coefficients and, where `derivatives`, the Jacobian of the projected residuals.
pub(super) fn linear(samples: &Samples, poles: &[Complex64], derivatives: bool) -> Linear {
    let n = order(poles);
    let points = samples.s.len();
    let columns = own_columns(samples, poles);
    let own = columns.len();
    let slopes = if derivatives {
        fractions(&samples.s, poles, 2)
    } else {
        Vec::new()
    };
    let mut out = Linear {
        coefficients: vec![Vec::new(); samples.cells],
        rss: 0.0,
        jacobian: Mat::zeros(0, n),
        gradient: vec![0.0; n],
        independent: true,
    };
    if own == 0 {
        out.rss = samples.power;
        return out;
    }
    for group in &samples.groups {
        let mut m = Mat::zeros(2 * points, own + slopes.len());
        m.subcols_mut(0, own)
            .copy_from(weighted(&columns, &group.weight));
        m.subcols_mut(own, slopes.len())
            .copy_from(weighted(&slopes, &group.weight));
        let norms = normalize(&mut m);
        let qr = m.qr();
        let r = qr.thin_R();
        let mut y = group.y.clone();
        rotate(&qr, &mut y);
        let height = r.nrows();
        let used = own.min(height);
        out.rss += y.subrows(used, y.nrows() - used).squared_norm_l2();
        let diagonal = (0..used).map(|j| r[(j, j)].abs());
        let (least, most) =
            diagonal.fold((f64::INFINITY, 0.0f64), |(a, b), v| (a.min(v), b.max(v)));
        if own > height || (own > 0 && (least.is_nan() || least <= 1e-14 * most)) {
            out.independent = false;
        }
        for (e, cell) in group.cells.iter().enumerate() {
            // Back substitution.
            let mut c = vec![0.0; own];
            for i in (0..used).rev() {
                let mut v = y[(i, e)];
                for j in i + 1..used {
                    v -= r[(i, j)] * c[j];
                }
                c[i] = if r[(i, i)] != 0.0 { v / r[(i, i)] } else { 0.0 };
            }
            for (c, norm) in c.iter_mut().zip(&norms) {
                *c /= norm;
            }
            if derivatives && height > own {
                let rest = height - own;
                // d model / d re(p) = c1 psi1 + c2 psi2, d model / d im(p) = c1 psi2 - c2 psi1.
                let mut block = Mat::<f64>::zeros(rest, n);
                let mut at = 0;
                for pole in poles {
                    let psi = |i: usize, k: usize| r[(own + i, own + at + k)] * norms[own + at + k];
                    for i in 0..rest {
                        let first = if i <= at { psi(i, 0) } else { 0.0 };
                        if width(*pole) == 2 {
                            let second = if i <= at + 1 { psi(i, 1) } else { 0.0 };
                            let (a, b) = (c[at], c[at + 1]);
                            block[(i, at)] = -(a * first + b * second);
                            block[(i, at + 1)] = -(a * second - b * first);
                        } else {
                            block[(i, at)] = -c[at] * first;
                        }
                    }
                    at += width(*pole);
                }
                for (j, g) in out.gradient.iter_mut().enumerate() {
                    *g += (0..rest)
                        .map(|i| block[(i, j)] * y[(own + i, e)])
                        .sum::<f64>();
                }
                let kept = out.jacobian.nrows();
                let mut stacked = Mat::zeros(kept + rest, n);
                stacked.subrows_mut(0, kept).copy_from(&out.jacobian);
                stacked.subrows_mut(kept, rest).copy_from(&block);
                out.jacobian = upper(&stacked);
            }
            if let Some(slot) = out.coefficients.get_mut(*cell) {
                *slot = c;
            }
        }
    }
    out
}

impl Linear {
    /// `(J^T J)^-1` with respect to the packed poles (re, im of each pair, re of each real pole): times the noise
    /// variance their covariance. `None` where it is singular.
    pub(super) fn covariance(&self) -> Option<Mat<f64>> {
        let n = self.gradient.len();
        if n == 0 || self.jacobian.nrows() < n {
            return None;
        }
        let mut r = self.jacobian.clone();
        let norms = normalize(&mut r);
        let inverse = least_squares(r.as_ref(), &vec![0.0; r.nrows()])
            .ok()?
            .inverse_normal?;
        Some(Mat::from_fn(n, n, |i, j| {
            inverse[(i, j)] / (norms[i] * norms[j])
        }))
    }

    /// Solves `min |J d + r|^2 + damping |S d|^2`, `S` the norms of the columns of `J`.
    fn step(&self, damping: f64) -> Option<Vec<f64>> {
        let n = self.gradient.len();
        let kept = self.jacobian.nrows();
        let mut stacked = Mat::<f64>::zeros(kept + n, n);
        stacked.subrows_mut(0, kept).copy_from(&self.jacobian);
        let norms = normalize(&mut stacked);
        for j in 0..n {
            stacked[(kept + j, j)] = damping.sqrt();
        }
        let r = upper(&stacked);
        // R^T R d' = -J'^T r.
        let mut d: Vec<f64> = self
            .gradient
            .iter()
            .zip(&norms)
            .map(|(g, s)| -g / s)
            .collect();
        for i in 0..n {
            let mut v = d[i];
            for j in 0..i {
                v -= r[(j, i)] * d[j];
            }
            d[i] = v / r[(i, i)];
        }
        for i in (0..n).rev() {
            let mut v = d[i];
            for j in i + 1..n {
                v -= r[(i, j)] * d[j];
            }
            d[i] = v / r[(i, i)];
        }
        for (d, s) in d.iter_mut().zip(&norms) {
            *d /= s;
        }
        d.iter().all(|v| v.is_finite()).then_some(d)
    }

    /// Largest cosine between the residual and a column of the Jacobian.
    fn cosine(&self) -> f64 {
        let r = self.rss.sqrt();
        self.gradient
            .iter()
            .enumerate()
            .map(|(j, g)| {
                let norm = self.jacobian.col(j).norm_l2();
                if norm > 0.0 && r > 0.0 {
                    g.abs() / (norm * r)
                } else {
                    0.0
                }
            })
            .fold(0.0, f64::max)
    }
}

/// The poles after a step; where the step would cross an axis that a pole must not cross, it goes most of the
/// way.
fn moved(poles: &[Complex64], d: &[f64], stable: bool) -> Vec<Complex64> {
    let mut at = 0;
    poles
        .iter()
        .map(|p| {
            let mut re = p.re + d[at];
            if stable && re >= 0.0 {
                re = 0.1 * p.re;
            }
            let mut im = 0.0;
            if width(*p) == 2 {
                im = p.im + d[at + 1];
                if im <= 0.0 {
                    im = 0.1 * p.im;
                }
            }
            at += width(*p);
            Complex64::new(re, im)
        })
        .collect()
}

/// Moves the poles to the optimum.
pub(super) fn polish(
    samples: &Samples,
    start: &[Complex64],
    most: usize,
    stable: bool,
    progress: &Progress<'_>,
) -> Result<Polished> {
    let mut poles = start.to_vec();
    let mut now = linear(samples, &poles, !poles.is_empty() && most > 0);
    let mut damping = 1e-4;
    let mut iterations = 0;
    let mut converged = poles.is_empty();
    let rounding = samples.power * 1e-30;
    while iterations < most && !converged {
        progress.report("fit", iterations as u64, most as u64, "polishing poles")?;
        if now.rss <= rounding || now.cosine() <= GRADIENT {
            converged = true;
            break;
        }
        iterations += 1;
        let mut accepted = false;
        while damping <= MOST_DAMPING {
            progress.check()?;
            let Some(d) = now.step(damping) else {
                damping *= 10.0;
                continue;
            };
            let trial = moved(&poles, &d, stable);
            let next = linear(samples, &trial, true);
            if next.independent && next.rss < now.rss {
                let reduction = (now.rss - next.rss) / now.rss;
                let step = d
                    .iter()
                    .zip(packed_size(&poles))
                    .map(|(d, size)| d.abs() / size)
                    .fold(0.0, f64::max);
                poles = trial;
                now = next;
                damping = (damping * 0.1).max(1e-14);
                accepted = true;
                converged = reduction <= REDUCTION || step <= 1e-13;
                break;
            }
            damping *= 8.0;
        }
        if !accepted {
            // No direction reduces the error: as far as the arithmetic goes.
            converged = now.cosine() <= 1e-5;
            break;
        }
    }
    Ok(Polished {
        poles,
        rss: now.rss,
        iterations,
        converged,
    })
}

/// Magnitude of the pole that each packed parameter belongs to.
fn packed_size(poles: &[Complex64]) -> Vec<f64> {
    poles
        .iter()
        .flat_map(|p| std::iter::repeat_n(p.norm(), width(*p)))
        .collect()
}
