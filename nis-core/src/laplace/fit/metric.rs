//! The least change of residues and `D` that meets linearised conditions.

use faer::Mat;
use num_complex::Complex64;

use super::basis::{fractions, normalize, width, write};
use super::hamiltonian::symmetric;
use super::passivity::{Probe, Representation, Value};
use super::quadratic::least_change;
use super::relocate::upper;
use crate::error::{Error, Result};
use crate::laplace::PoleResidue;

/// Violating values within this of the limit are held back too, so that they do not become the next peak.
const NEAR: f64 = 0.02;

/// The mean square change over frequency as a norm of the coefficients of one element.
pub(super) struct Metric {
    /// Pole and power of each term.
    terms: Vec<(Complex64, i32)>,
    /// Whether `D` may change.
    direct: bool,
    /// `R` of the basis over the grid, columns scaled by `norms`.
    r: Mat<f64>,
    norms: Vec<f64>,
    /// Unit of the responses.
    size: f64,
    symmetric: bool,
}

impl Metric {
    pub(super) fn new(system: &PoleResidue, representation: Representation, grid: &[f64]) -> Self {
        let terms: Vec<(Complex64, i32)> = system
            .terms
            .iter()
            .map(|t| (t.pole, t.power as i32))
            .collect();
        let direct = representation == Representation::Immittance || !system.direct.is_empty();
        let s: Vec<Complex64> = grid.iter().map(|w| Complex64::new(0.0, *w)).collect();
        let mut columns = powers(&s, &terms);
        if direct {
            columns.push(vec![Complex64::new(1.0, 0.0); s.len()]);
        }
        let n = columns.len();
        let weight = vec![1.0; s.len()];
        let mut m = Mat::zeros(2 * s.len(), n);
        for (j, column) in columns.iter().enumerate() {
            write(&mut m, j, column, &weight);
        }
        let norms = normalize(&mut m);
        // A ridge, for poles that the grid cannot tell apart.
        let mut ridged = Mat::zeros(m.nrows() + n, n);
        ridged.subrows_mut(0, m.nrows()).copy_from(&m);
        for j in 0..n {
            ridged[(m.nrows() + j, j)] = 1e-6;
        }
        let size = match representation {
            Representation::Scattering => 1.0,
            Representation::Immittance => s
                .iter()
                .flat_map(|s| system.evaluate(*s))
                .fold(0.0f64, |a, h| a.max(h.norm())),
        };
        Metric {
            terms,
            direct,
            r: upper(&ridged),
            norms,
            size,
            symmetric: symmetric(system),
        }
    }

    /// `R^-T phi` for a real column of basis values.
    fn whitened(&self, phi: &[f64]) -> Vec<f64> {
        let mut x: Vec<f64> = phi.iter().zip(&self.norms).map(|(v, n)| v / n).collect();
        for i in 0..x.len() {
            let known: f64 = x
                .iter()
                .take(i)
                .enumerate()
                .map(|(j, x)| self.r[(j, i)] * x)
                .sum();
            x[i] = (x[i] - known) / self.r[(i, i)];
        }
        x
    }

    /// Coefficients from whitened ones.
    fn coefficients(&self, y: &[f64]) -> Vec<f64> {
        let mut x = y.to_vec();
        for i in (0..x.len()).rev() {
            let known: f64 = x
                .iter()
                .enumerate()
                .skip(i + 1)
                .map(|(j, x)| self.r[(i, j)] * x)
                .sum();
            x[i] = (x[i] - known) / self.r[(i, i)];
        }
        x.iter().zip(&self.norms).map(|(v, n)| v / n).collect()
    }

    /// One least change that satisfies the linearised conditions at the frequencies.
    pub(super) fn perturb(
        &self,
        system: &mut PoleResidue,
        representation: Representation,
        frequencies: &[f64],
        margin: f64,
    ) -> Result<()> {
        let (outputs, inputs) = (system.outputs, system.inputs);
        let cells = outputs * inputs;
        let n = self.norms.len();
        let mut rows: Vec<Vec<f64>> = Vec::new();
        let mut limits: Vec<f64> = Vec::new();
        {
            let probe = Probe::new(system, representation)?;
            for &omega in frequencies {
                let phi = self.basis(omega);
                let re = self.whitened(&phi.iter().map(|v| v.re).collect::<Vec<_>>());
                let im = self.whitened(&phi.iter().map(|v| v.im).collect::<Vec<_>>());
                for Value { value, left, right } in probe.values(omega)? {
                    // sign * (change of the value) <= room.
                    let (sign, room) = match representation {
                        Representation::Scattering => (1.0, 1.0 - margin - value),
                        Representation::Immittance => (-1.0, value - margin * self.size),
                    };
                    if room > NEAR * self.size {
                        continue;
                    }
                    let mut row = Vec::with_capacity(cells * n);
                    for cell in 0..cells {
                        let (i, j) = (cell / inputs, cell % inputs);
                        let mut w = left[i].conj() * right[j];
                        if self.symmetric {
                            w = 0.5 * (w + left[j].conj() * right[i]);
                        }
                        row.extend(
                            re.iter()
                                .zip(&im)
                                .map(|(a, b)| sign * (w.re * a - w.im * b)),
                        );
                    }
                    rows.push(row);
                    limits.push(room);
                }
            }
        }
        let a = Mat::from_fn(rows.len(), cells * n, |i, j| rows[i][j]);
        let y = least_change(&a, &limits);
        if self.direct && system.direct.is_empty() {
            system.direct = vec![0.0; cells];
        }
        for (cell, y) in y.chunks(n).enumerate() {
            let c = self.coefficients(y);
            if !c.iter().all(|v| v.is_finite()) {
                return Err(Error::numerical(
                    "passivity enforcement",
                    "a change that is not finite",
                ));
            }
            let mut at = 0;
            for term in &mut system.terms {
                if let Some(r) = term.residue.get_mut(cell) {
                    r.re += c[at];
                    if width(term.pole) == 2 {
                        r.im += c[at + 1];
                    }
                }
                at += width(term.pole);
            }
            if let (true, Some(d)) = (self.direct, system.direct.get_mut(cell)) {
                *d += c[at];
            }
        }
        if self.symmetric {
            symmetrize(system);
        }
        Ok(())
    }

    fn basis(&self, omega: f64) -> Vec<Complex64> {
        if omega.is_infinite() {
            let mut phi = vec![Complex64::default(); self.norms.len()];
            if let (true, Some(last)) = (self.direct, phi.last_mut()) {
                *last = Complex64::new(1.0, 0.0);
            }
            return phi;
        }
        let s = [Complex64::new(0.0, omega)];
        let mut phi: Vec<Complex64> = powers(&s, &self.terms).into_iter().flatten().collect();
        if self.direct {
            phi.push(Complex64::new(1.0, 0.0));
        }
        phi
    }
}

/// The columns of all terms at all points.
fn powers(s: &[Complex64], terms: &[(Complex64, i32)]) -> Vec<Vec<Complex64>> {
    terms
        .iter()
        .flat_map(|(pole, power)| fractions(s, &[*pole], *power))
        .collect()
}

/// Removes what rounding left of asymmetry.
fn symmetrize(system: &mut PoleResidue) {
    let m = system.inputs;
    for i in 0..m {
        for j in 0..i {
            let (a, b) = (i * m + j, j * m + i);
            for t in &mut system.terms {
                let mean = 0.5 * (t.residue[a] + t.residue[b]);
                t.residue[a] = mean;
                t.residue[b] = mean;
            }
            if !system.direct.is_empty() {
                let mean = 0.5 * (system.direct[a] + system.direct[b]);
                system.direct[a] = mean;
                system.direct[b] = mean;
            }
        }
    }
}
