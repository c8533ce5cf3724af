//! Poles and residues of a barycentric form.

use faer::Mat;
use faer::linalg::solvers::Solve;
use num_complex::Complex64;
use serde::Serialize;

use super::Barycentric;
use crate::error::{Error, Result};

/// A pole further out than this many radii of the support is at infinity.
const INFINITE: f64 = 1e7;

/// A linear part below this share of the function is rounding.
const ROUNDING: f64 = 1e-12;

/// Shifts of the inverted pencil, in radii of the support: right of it, where few poles are, then others in
/// case that a pole is just there. Infinite eigenvalues become 0, so the usual eigenvalue algorithm serves
/// (faer 0.24's algorithm for pencils asks for more memory than it reserves, and panics).
const SHIFTS: [f64; 3] = [1.37, -1.53, 2.71];

/// Rational functions as sums over their poles, `r_k(s) = direct_k + linear_k s + sum_j residue_jk/(s - p_j)`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PartialFractions {
    /// The poles, conjugates included.
    pub poles: Vec<Complex64>,
    /// `residues[j][k]`: of function `k` at pole `j`.
    pub residues: Vec<Vec<Complex64>>,
    /// Constant of each function.
    pub direct: Vec<Complex64>,
    /// Factor of `s` of each function; 0 unless the functions grow at infinity.
    pub linear: Vec<Complex64>,
}

impl Barycentric {
    /// The finite poles; of a symmetric approximation in exact conjugate pairs, the upper one first, and the
    /// real ones exactly real. Costs about `30 degree^3` operations.
    ///
    /// They are the eigenvalues of the diagonal matrix of support points restricted to the vectors orthogonal
    /// to the weights: the pencil of (3.11) of the AAA paper without its two eigenvalues at infinity. One
    /// Newton step on the denominator follows where it is small.
    ///
    /// Poles of negligible residue (Froissart doublets) are left out where the options ask for cleanup.
    ///
    /// # Errors
    /// [`Error::Numerical`] where the eigenvalues do not converge.
    pub fn poles(&self) -> Result<Vec<Complex64>> {
        let mut poles = self.all_poles()?;
        self.drop_doublets(&mut poles);
        Ok(poles)
    }

    fn drop_doublets(&self, poles: &mut Vec<Complex64>) {
        poles.retain(|p| {
            let upper = Complex64::new(p.re, if self.conjugate { p.im.abs() } else { p.im });
            !self.doublets.contains(&upper)
        });
    }

    /// The poles with those of negligible residue.
    pub(super) fn all_poles(&self) -> Result<Vec<Complex64>> {
        if let Some(poles) = &self.known {
            return Ok(poles.clone());
        }
        let m = self.support.len();
        if m < 2 {
            return Ok(Vec::new());
        }
        let center = self.support.iter().map(|z| z / m as f64).sum::<Complex64>();
        let radius = self
            .support
            .iter()
            .fold(0.0f64, |a, z| a.max((z - center).norm()));
        let raw = if self.conjugate {
            self.symmetric_eigenvalues(center.re, radius)?
        } else {
            self.eigenvalues(center, radius)?
        };
        let finite = |z: &Complex64| z.is_finite() && z.norm() <= INFINITE;
        let far: Vec<Complex64> = raw
            .into_iter()
            .filter(finite)
            .map(|z| center + z * radius)
            .collect();
        let polished: Vec<Complex64> = (0..far.len()).map(|j| self.polished(&far, j)).collect();
        if !self.conjugate {
            return Ok(polished);
        }
        // Upper poles and exactly real ones; rounding of a real pole is below any pair of the real pencil.
        let mut out = Vec::with_capacity(polished.len());
        for (before, z) in far.iter().zip(polished) {
            if before.im == 0.0 {
                out.push(Complex64::new(z.re, 0.0));
            } else if before.im > 0.0 {
                let z = Complex64::new(z.re, z.im.abs());
                out.extend([z, z.conj()]);
            }
        }
        Ok(out)
    }

    /// Residues at poles: `residues[j][k]` is that of function `k` at pole `j`, `n_k(p)/d'(p)`.
    ///
    /// With `d(p) = 0` the terms of the support point `z` of the largest term are eliminated,
    /// `n_k(p) = sum' c_i (f_ki - f_k)` and `d'(p) = -sum' c_i/(p - z_i) - (sum' c_i)^2/w` for
    /// `c_i = w_i/(p - z_i)`: a pole may lie on a support point of no weight to the last bit.
    pub fn residues(&self, poles: &[Complex64]) -> Vec<Vec<Complex64>> {
        poles
            .iter()
            .map(|p| {
                // A point without weight takes part only where the pole is on it. Squares serve as well.
                let (mut near, mut most) = (0, f64::NEG_INFINITY);
                for (j, (z, w)) in self.support.iter().zip(&self.weights).enumerate() {
                    let distance = (z - p).norm_sqr();
                    let part = if distance == 0.0 {
                        f64::INFINITY
                    } else {
                        w.norm_sqr() / distance
                    };
                    if part >= most {
                        (near, most) = (j, part);
                    }
                }
                let (mut sum, mut slope) = (Complex64::default(), Complex64::default());
                let mut top = vec![Complex64::default(); self.values.len()];
                for (j, (z, w)) in self.support.iter().zip(&self.weights).enumerate() {
                    if j == near {
                        continue;
                    }
                    let c = w / (p - z);
                    sum += c;
                    slope += c / (p - z);
                    for (top, f) in top.iter_mut().zip(&self.values) {
                        *top += c * (f[j] - f[near]);
                    }
                }
                let weight = self.weights.get(near).copied().unwrap_or_default();
                // Multiplied by the weight, which may be 0.
                let bottom = -(weight * slope + sum * sum);
                top.into_iter()
                    .map(|top| {
                        let r = weight * top / bottom;
                        if self.conjugate && p.im == 0.0 {
                            Complex64::new(r.re, 0.0)
                        } else {
                            r
                        }
                    })
                    .collect()
            })
            .collect()
    }

    /// The functions as sums over their poles. Constant and linear part are fitted to what the poles leave at
    /// the support points; the linear part only where a pole is at infinity.
    ///
    /// # Errors
    /// As [`Barycentric::poles`].
    pub fn partial_fractions(&self) -> Result<PartialFractions> {
        let mut poles = self.all_poles()?;
        let improper = poles.len() + 1 < self.support.len();
        self.drop_doublets(&mut poles);
        let residues = self.residues(&poles);
        let m = self.support.len() as f64;
        let mean = self.support.iter().map(|z| z / m).sum::<Complex64>();
        let (mut direct, mut linear) = (Vec::new(), Vec::new());
        for (k, values) in self.values.iter().enumerate() {
            let rest: Vec<Complex64> = self
                .support
                .iter()
                .zip(values)
                .map(|(z, f)| {
                    let sum: Complex64 = poles
                        .iter()
                        .zip(&residues)
                        .map(|(p, r)| r[k] / (z - p))
                        .sum();
                    f - sum
                })
                .collect();
            let level = rest.iter().map(|v| v / m).sum::<Complex64>();
            let (mut cross, mut square) = (Complex64::default(), 0.0);
            for (z, v) in self.support.iter().zip(&rest) {
                cross += (z - mean).conj() * (v - level);
                square += (z - mean).norm_sqr();
            }
            let slope = if improper && square > 0.0 {
                cross / square
            } else {
                Complex64::default()
            };
            // A pole of no account may be at infinity: what it leaves is rounding.
            let size = values.iter().fold(0.0f64, |a, v| a.max(v.norm()));
            let slope = if slope.norm() * (square / m).sqrt() <= ROUNDING * size {
                Complex64::default()
            } else {
                slope
            };
            let real = |v: Complex64| {
                if self.conjugate {
                    Complex64::new(v.re, 0.0)
                } else {
                    v
                }
            };
            linear.push(real(slope));
            direct.push(real(level - slope * mean));
        }
        Ok(PartialFractions {
            poles,
            residues,
            direct,
            linear,
        })
    }

    /// A pole after one Newton step on the denominator, unless the step is not small against the distance to
    /// the next pole.
    fn polished(&self, poles: &[Complex64], at: usize) -> Complex64 {
        let p = poles[at];
        let (mut d, mut slope) = (Complex64::default(), Complex64::default());
        for (z, w) in self.support.iter().zip(&self.weights) {
            let c = w / (p - z);
            d += c;
            slope -= c / (p - z);
        }
        let step = d / slope;
        let distance = poles
            .iter()
            .enumerate()
            .filter(|(j, _)| *j != at)
            .fold(f64::INFINITY, |a, (_, q)| a.min((q - p).norm_sqr()));
        let near = self
            .support
            .iter()
            .fold(distance, |a, z| a.min((z - p).norm_sqr()))
            .sqrt();
        if step.is_finite() && step.norm() <= 1e-3 * near {
            p - step
        } else {
            p
        }
    }

    fn eigenvalues(&self, center: Complex64, radius: f64) -> Result<Vec<Complex64>> {
        let m = self.support.len();
        let z: Vec<Complex64> = self.support.iter().map(|z| (z - center) / radius).collect();
        // Columns orthogonal to conj(w): w^T x = 0. Rows orthogonal to the vector of ones.
        let w = Mat::from_fn(m, 1, |i, _| self.weights[i].conj());
        let e = Mat::from_fn(m, 1, |_, _| Complex64::new(1.0, 0.0));
        let (wq, eq) = (w.qr().compute_Q(), e.qr().compute_Q());
        let (n, left) = (wq.get(.., 1..), eq.get(.., 1..));
        let zn = Mat::from_fn(m, m - 1, |i, j| z[i] * n[(i, j)]);
        let (a, b) = (left.adjoint() * &zn, left.adjoint() * n);
        for shift in SHIFTS.map(|x| Complex64::from_polar(x, 0.3)) {
            let shifted = &a - &b * faer::Scale(shift);
            let inverse = shifted.partial_piv_lu().solve(&b);
            if inverse.is_all_finite() {
                let values = inverse.eigenvalues().map_err(|_| no_convergence())?;
                return Ok(values.into_iter().map(|v| shift + v.inv()).collect());
            }
        }
        Err(no_convergence())
    }

    /// The same over the reals: on a pair the vectors are `(u + iv, u - iv)/sqrt 2`.
    fn symmetric_eigenvalues(&self, center: f64, radius: f64) -> Result<Vec<Complex64>> {
        let m = self.support.len();
        let root = std::f64::consts::SQRT_2;
        let (mut w, mut e) = (Mat::<f64>::zeros(m, 1), Mat::<f64>::zeros(m, 1));
        let mut blocks = Vec::new();
        let mut i = 0;
        while i < m {
            let z = (self.support[i] - center) / radius;
            if z.im == 0.0 {
                w[(i, 0)] = self.weights[i].re;
                e[(i, 0)] = 1.0;
                blocks.push((i, z));
                i += 1;
            } else {
                w[(i, 0)] = root * self.weights[i].re;
                w[(i + 1, 0)] = -root * self.weights[i].im;
                e[(i, 0)] = root;
                blocks.push((i, z));
                i += 2;
            }
        }
        let (wq, eq) = (w.qr().compute_Q(), e.qr().compute_Q());
        let (n, left) = (wq.get(.., 1..), eq.get(.., 1..));
        let mut zn = Mat::<f64>::zeros(m, m - 1);
        for &(i, z) in &blocks {
            for j in 0..m - 1 {
                if z.im == 0.0 {
                    zn[(i, j)] = z.re * n[(i, j)];
                } else {
                    zn[(i, j)] = z.re * n[(i, j)] - z.im * n[(i + 1, j)];
                    zn[(i + 1, j)] = z.im * n[(i, j)] + z.re * n[(i + 1, j)];
                }
            }
        }
        let (a, b) = (left.transpose() * &zn, left.transpose() * n);
        for shift in SHIFTS {
            let shifted = &a - &b * faer::Scale(shift);
            let inverse = shifted.partial_piv_lu().solve(&b);
            if inverse.is_all_finite() {
                let values = inverse.eigenvalues().map_err(|_| no_convergence())?;
                return Ok(values.into_iter().map(|v| shift + v.inv()).collect());
            }
        }
        Err(no_convergence())
    }
}

fn no_convergence() -> Error {
    Error::numerical("AAA", "the eigenvalues that are the poles did not converge")
}
