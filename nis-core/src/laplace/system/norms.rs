//! Norms of systems.

use faer::Mat;
use num_complex::Complex64;
use serde::{Deserialize, Serialize};

use super::dense::{blocks, solve};
use super::discretize::to_continuous;
use super::gramian;
use super::schur::Schur;
use super::{StateSpace, System};
use crate::error::{Error, Result};
use crate::telemetry::Progress;

/// The largest gain over all frequencies.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PeakGain {
    /// The H-infinity norm: the largest singular value of `H` on the imaginary axis (the unit circle).
    pub norm: f64,
    /// An angular frequency where it is reached; infinite where only the limit is.
    pub omega: f64,
}

/// Relative accuracy to which the norm is enclosed.
const ACCURACY: f64 = 1e-10;
/// `|Re|/|.|` below which an eigenvalue of the Hamiltonian counts as imaginary.
const IMAGINARY: f64 = 1e-8;

impl System {
    /// The H-infinity norm, by the two-step method of Bruinsma and Steinbuch (Systems & Control Letters 14 (1990)
    /// 287): imaginary eigenvalues of a Hamiltonian matrix say between which frequencies a gain is exceeded.
    /// Discrete systems go through the bilinear map. `O(n^3)` per step, some 3 to 6 steps.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where the system is not stable or has a linear term; [`Error::Numerical`] where the
    /// eigenvalues do not converge; [`Error::Cancelled`].
    pub fn h_infinity_norm(&self, progress: &Progress<'_>) -> Result<PeakGain> {
        let system = self.to_state_space()?;
        require_stable(self, "the H-infinity norm")?;
        let plane = to_continuous(&system)?;
        let to_omega = |w: f64| match system.dt {
            Some(dt) => 2.0 / dt * w.atan(),
            None => w,
        };
        let start = System::StateSpace(plane.clone());
        let mut grid = start.default_frequencies()?;
        grid.push(0.0);
        let gains = singular_values(&plane, &grid)?;
        let (a, b, c, d) = plane.mats();
        let mut best = PeakGain {
            norm: largest(&d)?,
            omega: f64::INFINITY,
        };
        let take = |best: &mut PeakGain, grid: &[f64], gains: &[f64]| {
            let mut grew = false;
            for (w, g) in grid.iter().zip(gains) {
                if *g > best.norm {
                    *best = PeakGain {
                        norm: *g,
                        omega: *w,
                    };
                    grew = true;
                }
            }
            grew
        };
        take(&mut best, &grid, &gains);
        if best.norm == 0.0 {
            return Ok(PeakGain {
                norm: 0.0,
                omega: 0.0,
            });
        }
        for round in 0..50 {
            progress.report("norm", round, 0, "")?;
            let gamma = best.norm * (1.0 + ACCURACY);
            let mut crossings = crossings(&a, &b, &c, &d, gamma)?;
            crossings.sort_by(f64::total_cmp);
            if crossings.is_empty() {
                break;
            }
            let mut middles: Vec<f64> = crossings
                .windows(2)
                .map(|w| {
                    (w[0] * w[1])
                        .max(0.0)
                        .sqrt()
                        .max(0.5 * (w[0] + w[1]) * f64::EPSILON)
                })
                .collect();
            middles.extend(crossings.windows(2).map(|w| 0.5 * (w[0] + w[1])));
            middles.push(0.0);
            let gains = singular_values(&plane, &middles)?;
            if !take(&mut best, &middles, &gains) {
                break;
            }
        }
        Ok(PeakGain {
            omega: to_omega(best.omega),
            ..best
        })
    }

    /// The H2 norm: the root of the mean square output for white noise of unit density, or of the summed squares
    /// of the impulse responses; from the factor of the Gramian.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where the system is not stable, or continuous with a direct or linear term (the
    /// norm is then infinite).
    pub fn h2_norm(&self) -> Result<f64> {
        let system = self.to_state_space()?;
        require_stable(self, "the H2 norm")?;
        let direct = system.mat_d();
        if system.dt.is_none() && direct.norm_l2() > 0.0 {
            return Err(Error::invalid(
                "system.direct",
                format!("a norm of {}", direct.norm_l2()),
                "no direct term: the H2 norm of a continuous system with one is infinite",
            ));
        }
        let plane = to_continuous(&system)?;
        let schur = Schur::new(plane.mat_a().as_ref())?;
        let l = gramian::factor(&schur, &plane.mat_b(), &Progress::none())?;
        Ok((system.mat_c() * l).norm_l2().hypot(direct.norm_l2()))
    }
}

fn require_stable(system: &System, what: &str) -> Result<()> {
    if system.is_stable()? {
        return Ok(());
    }
    let worst = system
        .poles()?
        .into_iter()
        .max_by(|a, b| match system.dt() {
            Some(_) => a.norm().total_cmp(&b.norm()),
            None => a.re.total_cmp(&b.re),
        })
        .unwrap_or_default();
    Err(Error::invalid(
        "system",
        format!("a pole at {worst}"),
        format!("a stable system for {what}"),
    ))
}

fn largest(m: &Mat<f64>) -> Result<f64> {
    let values = m
        .singular_values()
        .map_err(|_| Error::numerical("singular values", "no convergence"))?;
    Ok(values.first().copied().unwrap_or(0.0))
}

/// Largest singular value of `H(j w)` at each frequency.
fn singular_values(system: &StateSpace, omega: &[f64]) -> Result<Vec<f64>> {
    let response = system.frequency_response(omega)?;
    let (p, m, n) = (system.outputs, system.inputs, omega.len());
    (0..n)
        .map(|k| {
            if p * m == 1 {
                return Ok(response.response[k].norm());
            }
            let h = Mat::from_fn(p, m, |o, i| response.response[(o * m + i) * n + k]);
            largest_complex(&h)
        })
        .collect()
}

fn largest_complex(h: &Mat<Complex64>) -> Result<f64> {
    let values = h
        .singular_values()
        .map_err(|_| Error::numerical("singular values", "no convergence"))?;
    Ok(values.first().copied().unwrap_or(0.0))
}

/// Frequencies where a singular value of `H(j w)` is `gamma`.
fn crossings(
    a: &Mat<f64>,
    b: &Mat<f64>,
    c: &Mat<f64>,
    d: &Mat<f64>,
    gamma: f64,
) -> Result<Vec<f64>> {
    let n = a.nrows();
    if n == 0 {
        return Ok(Vec::new());
    }
    // With B/sqrt(gamma), C/sqrt(gamma) and D/gamma the level is 1.
    let root = gamma.sqrt();
    let by = |m: &Mat<f64>, f: f64| Mat::from_fn(m.nrows(), m.ncols(), |i, j| m[(i, j)] / f);
    let (b, c, d) = (by(b, root), by(c, root), by(d, gamma));
    let m = d.ncols();
    let r = Mat::<f64>::identity(m, m) - d.transpose() * &d;
    let rb = solve(
        "H-infinity norm",
        r.as_ref(),
        b.transpose().to_owned().as_ref(),
    )?;
    let rd = solve(
        "H-infinity norm",
        r.as_ref(),
        d.transpose().to_owned().as_ref(),
    )?;
    let upper = a + &b * &rd * &c;
    let right = &b * &rb;
    let identity = Mat::<f64>::identity(d.nrows(), d.nrows());
    let left = c.transpose() * (identity + &d * &rd) * &c;
    let negative = |m: &Mat<f64>| Mat::from_fn(m.nrows(), m.ncols(), |i, j| -m[(i, j)]);
    let lower = negative(&upper.transpose().to_owned());
    let mut hamiltonian = blocks(
        upper.as_ref(),
        right.as_ref(),
        negative(&left).as_ref(),
        lower.as_ref(),
    );
    super::dense::balance(&mut hamiltonian);
    let eigenvalues = hamiltonian
        .eigenvalues()
        .map_err(|_| Error::numerical("H-infinity norm", "eigenvalues did not converge"))?;
    Ok(eigenvalues
        .iter()
        .filter(|e| e.im >= 0.0 && e.re.abs() <= IMAGINARY * e.norm())
        .map(|e| e.im)
        .collect())
}
