//! Maximum-likelihood refinement of poles in white noise: variable projection and Gauss-Newton.
//!
//! Golub and Pereyra, SIAM J. Numer. Anal. 10 (1973) 413, with the Jacobian of Kaufman, BIT 15 (1975) 49:
//! amplitudes and baseline are eliminated by orthogonal projection, so only the poles are iterated on. Poles are
//! shared by all channels. A real record is treated as a complex one whose poles come in conjugate pairs: the
//! steps of a pair are then conjugates of each other.

use faer::linalg::solvers::Solve;
use faer::{Mat, MatRef, Side};
use num_complex::Complex64;

use super::exponentials::{Basis, Data, Pole, Projection};
use crate::error::Result;
use crate::telemetry::Progress;

/// Growth over the record beyond which a pole describes an edge effect, not a mode.
pub(super) const MAX_GROWTH: f64 = 30.0;

/// `|z| = e^{Re s}` below which a pole decays within a sample and is not resolved by the sampling.
pub(super) const LEAST_RADIUS: f64 = 1e-3;

/// Least share of a column that the others must leave, squared: below, poles cannot be told apart.
const INDEPENDENT: f64 = 1e-13;

/// Iterations of a refinement.
const MAX_ITERATIONS: usize = 60;

/// A step of less than this many standard errors ends the refinement.
const STEP: f64 = 1e-5;

/// A Hermitian positive definite matrix, scaled to a unit diagonal and factored.
struct Factored {
    scale: Vec<f64>,
    llt: faer::linalg::solvers::Llt<Complex64>,
}

impl Factored {
    fn new(a: MatRef<'_, Complex64>) -> Option<Self> {
        let scale: Vec<f64> = (0..a.nrows()).map(|i| a[(i, i)].re.sqrt()).collect();
        if scale.iter().any(|s| !s.is_finite() || *s <= 0.0) {
            return None;
        }
        let scaled = Mat::from_fn(a.nrows(), a.ncols(), |i, j| {
            a[(i, j)] / (scale[i] * scale[j])
        });
        let llt = scaled.llt(Side::Lower).ok()?;
        let lower = llt.L();
        let independent = (0..a.nrows()).all(|i| lower[(i, i)].re.powi(2) > INDEPENDENT);
        independent.then_some(Factored { scale, llt })
    }

    fn solve(&self, right: &Mat<Complex64>) -> Mat<Complex64> {
        let scaled = Mat::from_fn(right.nrows(), right.ncols(), |i, j| {
            right[(i, j)] / self.scale[i]
        });
        let mut out = self.llt.solve(&scaled);
        for j in 0..out.ncols() {
            for i in 0..out.nrows() {
                out[(i, j)] /= self.scale[i];
            }
        }
        out
    }
}

/// The best fit with fixed poles.
pub(super) struct Fit {
    pub(super) poles: Vec<Pole>,
    /// Coefficients of every channel: one per pole, then the baseline.
    pub(super) coefficients: Vec<Vec<Complex64>>,
    pub(super) residual: Data,
    /// Sum of squares over all channels.
    pub(super) sum_squares: f64,
    /// Projections of the residual.
    left: Vec<Projection>,
    basis: Basis,
    factored: Option<Factored>,
}

/// Coefficients and residual for fixed poles; `None` where they cannot be told apart.
pub(super) fn fit(data: &Data, poles: &[Pole]) -> Option<Fit> {
    let basis = Basis::new(data, poles);
    let products = basis.products();
    let factored = if products.nrows() == 0 {
        None
    } else {
        Some(Factored::new(products.as_ref())?)
    };
    let mut coefficients =
        vec![vec![Complex64::default(); poles.len() + data.baseline]; data.channels()];
    let mut target = basis.project(data);
    let mut residual = None;
    // Solved from normal equations; projections of the residual correct what their condition costs.
    for round in 0..3 {
        if let Some(factored) = &factored {
            for (sum, projection) in coefficients.iter_mut().zip(&target) {
                let step = solve(factored, poles, projection);
                for (a, d) in sum.iter_mut().zip(step) {
                    *a += d;
                }
            }
        }
        let rest = basis.residual(data, &coefficients);
        target = basis.project(&rest);
        let size: f64 = (0..data.channels()).map(|c| data.sum_squares(c)).sum();
        let left: f64 = target
            .iter()
            .flat_map(|p| &p.plain)
            .map(|v| v.norm_sqr())
            .sum();
        residual = Some(rest);
        if left <= 1e-26 * size * data.n as f64 || factored.is_none() || round == 2 {
            break;
        }
    }
    let residual = residual?;
    let sum_squares: f64 = (0..data.channels()).map(|c| residual.sum_squares(c)).sum();
    sum_squares.is_finite().then_some(Fit {
        poles: poles.to_vec(),
        coefficients,
        residual,
        sum_squares,
        left: target,
        basis,
        factored,
    })
}

/// Coefficients of poles (upper ones of pairs) and baseline from projections.
fn solve(factored: &Factored, poles: &[Pole], projection: &Projection) -> Vec<Complex64> {
    let mut right = Vec::new();
    for (pole, v) in poles.iter().zip(&projection.plain) {
        right.push(*v);
        if pole.pair {
            right.push(v.conj());
        }
    }
    right.extend_from_slice(&projection.baseline);
    let right = Mat::from_fn(right.len(), 1, |i, _| right[i]);
    let full = factored.solve(&right);
    let mut out = Vec::new();
    let mut at = 0;
    for pole in poles {
        out.push(full[(at, 0)]);
        at += pole.order();
    }
    out.extend((at..full.nrows()).map(|i| full[(i, 0)]));
    out
}

impl Fit {
    /// Every value of a list per pole, with the conjugates of pairs after them.
    fn spread(&self, values: &[Complex64]) -> Vec<Complex64> {
        let mut out = Vec::new();
        for (pole, v) in self.poles.iter().zip(values) {
            out.push(*v);
            if pole.pair {
                out.push(v.conj());
            }
        }
        out
    }

    /// `G^-1 G1`, what the model's columns take of the derivatives, and the Gauss-Newton matrix of the poles (times
    /// the record's length), amplitudes eliminated.
    fn normal(&self) -> Option<(Mat<Complex64>, Mat<Complex64>)> {
        let (g1, g2) = self.basis.derivative_products();
        let taken = self.factored.as_ref()?.solve(&g1);
        let mut schur = g2 - g1.adjoint() * &taken;
        let amplitudes: Vec<Vec<Complex64>> =
            self.coefficients.iter().map(|c| self.spread(c)).collect();
        for j in 0..schur.ncols() {
            for i in 0..schur.nrows() {
                let weight: Complex64 = amplitudes.iter().map(|a| a[i].conj() * a[j]).sum();
                schur[(i, j)] *= weight;
            }
        }
        Some((taken, schur))
    }

    /// Gradient of the poles (times the record's length).
    fn gradient(&self) -> Vec<Complex64> {
        let n = self.residual.n;
        let weighted = self.basis.project_weighted(&self.residual);
        let per_pole: Vec<Complex64> = (0..self.poles.len())
            .map(|k| {
                let origin = super::exponentials::anchor(self.poles[k].s, n) / n as f64;
                self.left
                    .iter()
                    .zip(&weighted)
                    .zip(&self.coefficients)
                    .map(|((p, w), a)| a[k].conj() * (w[k] - p.plain[k] * origin))
                    .sum()
            })
            .collect();
        self.spread(&per_pole)
    }

    /// Covariances in units of the noise variance; `None` where the poles cannot be told apart.
    pub(super) fn covariance(&self) -> Option<Covariance> {
        let (taken, normal) = self.normal()?;
        let normal = Factored::new(normal.as_ref())?;
        let identity = |n: usize| Mat::<Complex64>::identity(n, n);
        Some(Covariance {
            poles: normal.solve(&identity(taken.ncols())),
            amplitudes: self.factored.as_ref()?.solve(&identity(taken.nrows())),
            taken,
            spread: self.coefficients.iter().map(|c| self.spread(c)).collect(),
            length: self.residual.n as f64,
        })
    }
}

/// `(J^H J)^-1` of the full model at its optimum, by blocks. Times the noise variance it is the covariance, which
/// for white Gaussian noise is the Cramer-Rao bound at the estimate.
pub(super) struct Covariance {
    poles: Mat<Complex64>,
    amplitudes: Mat<Complex64>,
    taken: Mat<Complex64>,
    spread: Vec<Vec<Complex64>>,
    length: f64,
}

impl Covariance {
    /// Entry of the poles per sample, by columns (pairs have two).
    fn pole_pole(&self, i: usize, j: usize) -> Complex64 {
        self.poles[(i, j)] / (self.length * self.length)
    }

    /// `-(X A^-1)` of a channel: amplitude `i` against pole `j`.
    fn amplitude_pole(&self, channel: usize, i: usize, j: usize) -> Complex64 {
        let a = &self.spread[channel];
        let sum: Complex64 = (0..self.poles.nrows())
            .map(|k| self.taken[(i, k)] * a[k] * self.poles[(k, j)])
            .sum();
        -sum / self.length
    }

    fn amplitude_amplitude(&self, channel: usize, i: usize, j: usize) -> Complex64 {
        let a = &self.spread[channel];
        let m = self.poles.nrows();
        let mut sum = self.amplitudes[(i, j)];
        for k in 0..m {
            for l in 0..m {
                let x = self.taken[(i, k)] * a[k];
                let y = (self.taken[(j, l)] * a[l]).conj();
                sum += x * self.poles[(k, l)] * y;
            }
        }
        sum
    }

    /// Variance of `Re(u ds + v da)` for the pole in column `i` of a channel, `pair` where its conjugate follows
    /// and moves with it.
    pub(super) fn variance(
        &self,
        channel: usize,
        i: usize,
        pair: bool,
        real: bool,
        u: Complex64,
        v: Complex64,
    ) -> f64 {
        // The functional on (s, a) of the column, and on those of its conjugate.
        let mut parts = vec![(i, u, v)];
        let mut scale = 1.0;
        if pair {
            parts.push((i + 1, u.conj(), v.conj()));
            scale = 0.25;
        } else if !real {
            scale = 0.5;
        }
        let mut sum = Complex64::default();
        for (i, u, v) in &parts {
            for (j, w, x) in &parts {
                sum += u * w.conj() * self.pole_pole(*i, *j);
                sum += v * x.conj() * self.amplitude_amplitude(channel, *i, *j);
                sum += v * w.conj() * self.amplitude_pole(channel, *i, *j);
                sum += u * x.conj() * self.amplitude_pole(channel, *j, *i).conj();
            }
        }
        sum.re * scale
    }
}

/// Whether a pole describes a mode that the sampling resolves.
pub(super) fn allowed(pole: Pole, n: usize, real: bool) -> bool {
    let inside = !pole.pair || (pole.s.im > 0.0 && pole.s.im < std::f64::consts::PI);
    let on_axis = !real || pole.pair || pole.s.im == 0.0 || pole.is_nyquist(real);
    inside
        && on_axis
        && pole.s.re.exp() > LEAST_RADIUS
        && pole.s.re * (n as f64 - 1.0) <= MAX_GROWTH
}

/// The fit with poles refined to the least-squares optimum; `None` where the start cannot be fitted.
pub(super) fn refine(data: &Data, poles: &[Pole], progress: &Progress<'_>) -> Result<Option<Fit>> {
    let Some(mut best) = fit(data, poles) else {
        return Ok(None);
    };
    if poles.is_empty() {
        return Ok(Some(best));
    }
    let n = data.n as f64;
    let mut damping = 1e-4;
    for _ in 0..MAX_ITERATIONS {
        progress.check()?;
        let Some((_, normal)) = best.normal() else {
            break;
        };
        let gradient = best.gradient();
        let variance = best.sum_squares / data.numbers() as f64;
        let mut better = None;
        let mut small = false;
        for _ in 0..12 {
            let mut damped = normal.clone();
            for i in 0..damped.nrows() {
                damped[(i, i)] *= 1.0 + damping;
            }
            let Some(factored) = Factored::new(damped.as_ref()) else {
                damping *= 10.0;
                continue;
            };
            let right = Mat::from_fn(gradient.len(), 1, |i, _| gradient[i]);
            let step = factored.solve(&right);
            // In standard errors, and against what the numbers can tell.
            let size = (0..step.nrows()).map(|i| step[(i, 0)].norm() * normal[(i, i)].re.sqrt());
            small = size.fold(0.0, f64::max) <= STEP * variance.sqrt()
                || (0..step.nrows()).all(|i| step[(i, 0)].norm() <= 1e-15 * n);
            let mut at = 0;
            let trial: Vec<Pole> = best
                .poles
                .iter()
                .map(|pole| {
                    let mut ds = step[(at, 0)] / n;
                    if data.real && !pole.pair {
                        ds.im = 0.0;
                    }
                    at += pole.order();
                    Pole {
                        s: pole.s + ds,
                        pair: pole.pair,
                    }
                })
                .collect();
            if trial.iter().all(|p| allowed(*p, data.n, data.real))
                && let Some(found) = fit(data, &trial)
                && found.sum_squares < best.sum_squares
            {
                damping = (damping / 10.0).max(1e-14);
                better = Some(found);
                break;
            }
            if small {
                break;
            }
            damping = (damping * 10.0).max(1e-8);
        }
        match better {
            Some(found) => best = found,
            None => break,
        }
        if small {
            break;
        }
    }
    Ok(Some(best))
}
