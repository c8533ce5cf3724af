//! Poles with all their powers, and the integrals of their modes.

use num_complex::Complex64;

use crate::laplace::PoleResidue;

/// The terms of one pole: `sum_l R_l / (s - pole)^l` for `l` from 1 to `depth`, and the conjugates.
#[derive(Debug, Clone)]
pub(super) struct Chain {
    pub(super) pole: Complex64,
    /// Highest power.
    pub(super) depth: usize,
    /// `R_l` of a cell (output, input) at `[cell * depth + l - 1]`, doubled for a complex pole, so that the
    /// chain's share of a real response is the real part of its sum.
    pub(super) residues: Vec<Complex64>,
}

/// Gathers the terms by pole. Equal powers of one pole add up.
pub(super) fn chains(system: &PoleResidue) -> Vec<Chain> {
    let cells = system.outputs * system.inputs;
    let mut chains: Vec<Chain> = Vec::new();
    for term in &system.terms {
        let depth = system
            .terms
            .iter()
            .filter(|t| t.pole == term.pole)
            .map(|t| t.power as usize)
            .max()
            .unwrap_or(1);
        let at = match chains.iter().position(|c| c.pole == term.pole) {
            Some(at) => at,
            None => {
                chains.push(Chain {
                    pole: term.pole,
                    depth,
                    residues: vec![Complex64::default(); cells * depth],
                });
                chains.len() - 1
            }
        };
        let weight = if term.pole.im != 0.0 { 2.0 } else { 1.0 };
        for (cell, r) in term.residue.iter().enumerate() {
            chains[at].residues[cell * depth + term.power as usize - 1] += r * weight;
        }
    }
    chains
}

/// `a / b` also where the square of `|b|` overflows or vanishes.
pub(super) fn divide(a: Complex64, b: Complex64) -> Complex64 {
    let norm = b.norm();
    let unit = b / norm;
    a * unit.conj() / norm
}

/// `e^z - 1` without cancellation at small `z`.
fn exp_m1(z: Complex64) -> Complex64 {
    let half = (0.5 * z.im).sin();
    let e = z.re.exp();
    Complex64::new(z.re.exp_m1() - 2.0 * e * half * half, e * z.im.sin())
}

/// `I_l(t) = integral_0^t u^{l-1}/(l-1)! e^{p u} du` for `l` from 1 to `depth`: the step responses of
/// `1/(s - p)^l`, which are incomplete gamma functions.
///
/// The recurrence `p I_{l+1} = t^l/l! e^{p t} - I_l` (DLMF 8.8.1) cancels where `|p t|` is small against
/// `l`; there the series of DLMF 8.7.1, `I_l = t^l e^{p t}/(l-1)! sum_k (-p t)^k / (l (l+1) .. (l+k))`, is
/// summed instead.
pub(super) fn integrals(p: Complex64, t: f64, depth: usize, out: &mut [Complex64]) {
    let z = p * t;
    let e = z.exp();
    // t^{l-1}/(l-1)!
    let mut monomial = 1.0;
    let mut last = Complex64::default();
    for (index, value) in out.iter_mut().take(depth).enumerate() {
        let l = index as f64 + 1.0;
        *value = if index == 0 && z.norm() > 1e-8 {
            divide(exp_m1(z), p)
        } else if z.norm() < f64::max(1.0, 0.5 * l) {
            let mut term = Complex64::from(1.0 / l);
            let mut sum = term;
            let mut k = 1.0;
            while term.norm() > 1e-17 * sum.norm() && k < 500.0 {
                term *= -z / (l + k);
                sum += term;
                k += 1.0;
            }
            e * sum * (monomial * t)
        } else {
            divide(e * monomial - last, p)
        };
        last = *value;
        monomial *= t / l;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Composite Gauss-Legendre quadrature, 5 points a panel.
    fn quadrature(p: Complex64, t: f64, l: usize) -> Complex64 {
        let x = [0.0, 0.5384693101056831, 0.906179845938664];
        let w = [0.5688888888888889, 0.47862867049936647, 0.23692688505618908];
        let panels = 4000;
        let h = t / f64::from(panels);
        let factorial: f64 = (1..l).map(|k| k as f64).product();
        let f = |u: f64| (p * u).exp() * (u.powi(l as i32 - 1) / factorial);
        let mut sum = Complex64::default();
        for k in 0..panels {
            let middle = (f64::from(k) + 0.5) * h;
            sum += f(middle) * w[0];
            for j in 1..3 {
                let d = 0.5 * h * x[j];
                sum += (f(middle - d) + f(middle + d)) * w[j];
            }
        }
        sum * (0.5 * h)
    }

    #[test]
    fn integrals_match_quadrature_in_both_branches() {
        for p in [
            Complex64::new(-1.0, 0.0),
            Complex64::new(-0.3, 4.0),
            Complex64::new(0.0, 0.0),
            Complex64::new(0.0, 2.0),
            Complex64::new(0.4, 1.0),
            Complex64::new(-1e-9, 0.0),
        ] {
            for t in [1e-6, 0.1, 0.9, 1.1, 2.4, 2.6, 10.0] {
                let mut got = [Complex64::default(); 6];
                integrals(p, t, 6, &mut got);
                for (index, value) in got.iter().enumerate() {
                    let expected = quadrature(p, t, index + 1);
                    let error = (value - expected).norm() / expected.norm();
                    assert!(
                        error <= 2e-13 * (1.0 + (p * t).norm()),
                        "{p} {t} {index}: {error}"
                    );
                }
            }
        }
    }

    #[test]
    fn integrals_at_time_zero_and_of_tiny_and_huge_poles() {
        let mut out = [Complex64::default(); 2];
        integrals(Complex64::new(-1.0, 1.0), 0.0, 2, &mut out);
        assert_eq!(out, [Complex64::default(); 2]);
        integrals(Complex64::new(5e-324, 0.0), 2.0, 2, &mut out);
        assert_eq!(out, [Complex64::from(2.0), Complex64::from(2.0)]);
        integrals(Complex64::new(-1e300, 0.0), 1.0, 1, &mut out);
        assert!((out[0].re * 1e300 - 1.0).abs() <= 1e-15);
    }
}
