//! State-space form of a pole-residue system for eigenvalue tests.

use faer::{Mat, c64};
use num_complex::Complex64;

use crate::error::{Error, Result};
use crate::laplace::{PoleResidue, Term};

/// Singular values of a residue below this share of the largest are rounding.
const RANK: f64 = 1e-14;

/// `H(scale s) = C (s I - A)^-1 B + D`, real.
pub(super) struct Realization {
    pub(super) a: Mat<f64>,
    pub(super) b: Mat<f64>,
    pub(super) c: Mat<f64>,
    pub(super) d: Mat<f64>,
    /// Unit of frequency: the largest magnitude of a pole.
    pub(super) scale: f64,
}

/// One pole's part before it is made real: `U (s - J)^-1 V`, `J` with the pole on its diagonal.
struct Part {
    pole: Complex64,
    /// Outputs x states.
    u: Mat<c64>,
    /// States x inputs.
    v: Mat<c64>,
    /// States per link of the chain of a repeated pole.
    link: usize,
}

impl Realization {
    /// Realises the proper part. A simple pole takes as many states (twice as many where it is complex) as its
    /// residue has rank (Gilbert, SIAM J. Control 1 (1963) 128), a repeated one a chain per input.
    pub(super) fn new(system: &PoleResidue) -> Result<Self> {
        let (outputs, inputs) = (system.outputs, system.inputs);
        let largest = system
            .terms
            .iter()
            .fold(0.0f64, |a, t| a.max(t.pole.norm()));
        let scale = if largest > 0.0 { largest } else { 1.0 };
        let mut parts: Vec<Part> = Vec::new();
        let mut done = vec![false; system.terms.len()];
        for (k, term) in system.terms.iter().enumerate() {
            if done.get(k).copied().unwrap_or(true) {
                continue;
            }
            let mut same: Vec<&Term> = Vec::new();
            for (other, flag) in system.terms.iter().zip(&mut done).skip(k) {
                if other.pole == term.pole {
                    same.push(other);
                    *flag = true;
                }
            }
            parts.push(part(&same, outputs, inputs, scale)?);
        }
        let states = |p: &Part| p.v.nrows() * if p.pole.im != 0.0 { 2 } else { 1 };
        let n: usize = parts.iter().map(states).sum();
        let mut out = Realization {
            a: Mat::zeros(n, n),
            b: Mat::zeros(n, inputs),
            c: Mat::zeros(outputs, n),
            d: Mat::from_fn(outputs, inputs, |i, j| {
                system.direct.get(i * inputs + j).copied().unwrap_or(0.0)
            }),
            scale,
        };
        let mut at = 0;
        for p in &parts {
            out.place(p, at);
            at += states(p);
        }
        Ok(out)
    }

    fn place(&mut self, p: &Part, at: usize) {
        let r = p.v.nrows();
        let complex = p.pole.im != 0.0;
        for i in 0..r {
            self.a[(at + i, at + i)] = p.pole.re;
            if i >= p.link {
                self.a[(at + i, at + i - p.link)] = 1.0;
            }
            for j in 0..p.v.ncols() {
                self.b[(at + i, j)] = p.v[(i, j)].re;
            }
            for o in 0..p.u.nrows() {
                self.c[(o, at + i)] = p.u[(o, i)].re * if complex { 2.0 } else { 1.0 };
            }
            if complex {
                let q = at + r + i;
                self.a[(q, q)] = p.pole.re;
                self.a[(at + i, q)] = -p.pole.im;
                self.a[(q, at + i)] = p.pole.im;
                if i >= p.link {
                    self.a[(q, q - p.link)] = 1.0;
                }
                for j in 0..p.v.ncols() {
                    self.b[(q, j)] = p.v[(i, j)].im;
                }
                for o in 0..p.u.nrows() {
                    self.c[(o, q)] = -2.0 * p.u[(o, i)].im;
                }
            }
        }
    }
}

fn part(same: &[&Term], outputs: usize, inputs: usize, scale: f64) -> Result<Part> {
    let highest = same.iter().map(|t| t.power).max().unwrap_or(1);
    let pole = same.first().map(|t| t.pole).unwrap_or_default() / scale;
    // 1/(scale s - p)^m = scale^-m / (s - p/scale)^m.
    let residue = |power: u32| {
        let unit = scale.powi(power as i32);
        let mut sum = Mat::<c64>::zeros(outputs, inputs);
        for t in same.iter().filter(|t| t.power == power) {
            for (cell, r) in t.residue.iter().enumerate() {
                sum[(cell / inputs, cell % inputs)] += r / unit;
            }
        }
        sum
    };
    if highest > 1 {
        let powers = highest as usize;
        let mut u = Mat::<c64>::zeros(outputs, powers * inputs);
        for power in 1..=highest {
            let at = (power as usize - 1) * inputs;
            u.subcols_mut(at, inputs).copy_from(residue(power));
        }
        let v = Mat::from_fn(powers * inputs, inputs, |i, j| {
            c64::new(if i == j { 1.0 } else { 0.0 }, 0.0)
        });
        return Ok(Part {
            pole,
            u,
            v,
            link: inputs,
        });
    }
    let svd = residue(1)
        .thin_svd()
        .map_err(|e| Error::numerical("singular values of a residue", format!("{e:?}")))?;
    let value = |k: usize| svd.S()[k].re;
    let largest = if svd.S().dim() > 0 { value(0) } else { 0.0 };
    let rank = (0..svd.S().dim())
        .filter(|k| value(*k) > RANK * largest)
        .count();
    Ok(Part {
        pole,
        u: Mat::from_fn(outputs, rank, |i, k| svd.U()[(i, k)] * value(k).sqrt()),
        v: Mat::from_fn(rank, inputs, |k, j| {
            svd.V()[(j, k)].conj() * value(k).sqrt()
        }),
        link: rank.max(1),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use faer::linalg::solvers::Solve;

    #[test]
    fn the_realization_has_the_response_of_the_system() {
        let c = Complex64::new;
        let term = |pole, power, residue: &[Complex64]| Term {
            pole,
            power,
            residue: residue.to_vec(),
        };
        let mut system = super::super::tests::random_system(1, 5, 2, 3);
        let p = c(-0.5, 2.0);
        for power in [1, 3] {
            let r: Vec<Complex64> = (0..6)
                .map(|k| c(0.3 * f64::from(k), 1.0 - f64::from(k)))
                .collect();
            system.terms.push(term(p, power, &r));
        }
        let real = [
            c(1.0, 0.0),
            c(2.0, 0.0),
            c(0.0, 0.0),
            c(2.0, 0.0),
            c(4.0, 0.0),
            c(0.0, 0.0),
        ];
        system.terms.push(term(c(-3.0, 0.0), 1, &real));
        system.terms.push(term(c(-4.0, 0.0), 2, &real));
        let found = Realization::new(&system).unwrap();
        // 2 pairs of rank 2, a real pole of rank 2; chains of 3 and 2 links; rank 1.
        assert_eq!(found.a.nrows(), 2 * 2 * 2 + 2 + 2 * 9 + 1 + 6);
        for s in [c(0.0, 0.0), c(0.0, 1.7), c(0.4, -3.0)] {
            let n = found.a.nrows();
            let lift = |m: &Mat<f64>| Mat::from_fn(m.nrows(), m.ncols(), |i, j| c(m[(i, j)], 0.0));
            let pencil = Mat::from_fn(n, n, |i, j| {
                c(-found.a[(i, j)], 0.0) + if i == j { s / found.scale } else { c(0.0, 0.0) }
            });
            let h = lift(&found.c) * pencil.partial_piv_lu().solve(lift(&found.b)) + lift(&found.d);
            for (cell, want) in system.evaluate(s).iter().enumerate() {
                let got = h[(cell / 3, cell % 3)];
                assert!(
                    (got - want).norm() <= 1e-12 * (1.0 + want.norm()),
                    "{s}: {got} {want}"
                );
            }
        }
    }
}
