//! Functions that are singular at a corner of the plane: `r^a sin(b theta)` and their like.

use num_complex::Complex64;
use serde::{Deserialize, Serialize};

/// `r^(c + 2 j)` times the cosine or sine of `c theta`, and with a logarithm `r^c (log r sin(c theta) + theta cos(c theta))`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Corner {
    /// The corner.
    pub(super) at: [f64; 2],
    /// Direction of the edge from which the angle is counted, in radians.
    pub(super) from: f64,
    /// The opening, in radians.
    pub(super) opening: f64,
    /// Unit of length: the functions are of order one where `r` is.
    pub(super) length: f64,
    /// The functions.
    pub(super) terms: Vec<Term>,
}

/// One function.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Term {
    /// `c`.
    pub(super) power: f64,
    /// `j`: for equations with terms of lower order than the Laplacian.
    pub(super) lift: u8,
    /// Sine (zero on the first edge) or cosine (no slope across it).
    pub(super) sine: bool,
    /// With the logarithm.
    pub(super) log: bool,
}

/// `n` over `k`.
fn choose(n: u8, k: u8) -> f64 {
    (0..k).fold(1.0, |c, i| c * f64::from(n - i) / f64::from(i + 1))
}

impl Corner {
    /// Values of `d^p/dx^p d^q/dy^q` of term `k` at points; at the corner itself 0 where it is not finite.
    ///
    /// With `z = x + i y`, `r^(c + 2j) e^(i c theta) = z^(c + j) conj(z)^j`, `d/dx = d + d'` and
    /// `d/dy = i (d - d')` (d by z, d' by its conjugate).
    pub(super) fn fill(&self, k: usize, p: u8, q: u8, x: &[f64], y: &[f64], out: &mut [f64]) {
        let Some(term) = self.terms.get(k) else {
            return out.fill(0.0);
        };
        let scale = self.length.powi(-i32::from(p) - i32::from(q));
        let turn = Complex64::cis(-self.from);
        for ((out, x), y) in out.iter_mut().zip(x).zip(y) {
            let z = Complex64::new(x - self.at[0], y - self.at[1]) * turn / self.length;
            *out = scale * self.value(*term, p, q, z, turn);
            if !out.is_finite() {
                *out = 0.0;
            }
        }
    }

    fn value(&self, term: Term, p: u8, q: u8, z: Complex64, turn: Complex64) -> f64 {
        // The angle from the first edge, with the cut in the middle outside the opening.
        let (r, mut angle) = z.to_polar();
        let cut = self.opening / 2.0 - std::f64::consts::PI;
        if angle < cut {
            angle += std::f64::consts::TAU;
        }
        let (lift, power) = (term.lift, term.power + f64::from(term.lift));
        let log = Complex64::new(r.ln(), angle);
        let mut sum = Complex64::new(0.0, 0.0);
        // x = Re(z / turn): dz/dx = turn, dz/dy = i turn.
        for a in 0..=p {
            for b in 0..=q {
                let (by_z, by_conj) = (a + b, p - a + q - b);
                if by_conj > lift {
                    continue;
                }
                let mut unit =
                    Complex64::i().powi(i32::from(b)) * (-Complex64::i()).powi(i32::from(q - b));
                unit *= turn.powi(i32::from(by_z)) * turn.conj().powi(i32::from(by_conj));
                // z^power (or z^power log z), differentiated by_z times: (c1 log z + c0) z^(power - by_z).
                let (mut c1, mut c0) = if term.log { (1.0, 0.0) } else { (0.0, 1.0) };
                for i in 0..by_z {
                    let e = power - f64::from(i);
                    (c1, c0) = (c1 * e, c0 * e + c1);
                }
                let falling = (0..by_conj).fold(1.0, |f, i| f * f64::from(lift - i));
                let e = power - f64::from(by_z);
                let main = Complex64::from_polar(r.powf(e), e * angle);
                let factor = if term.log {
                    log * c1 + c0
                } else {
                    Complex64::new(c0, 0.0)
                };
                let low = i32::from(lift - by_conj);
                let conj = Complex64::from_polar(r.powi(low), -f64::from(low) * angle);
                sum += unit * factor * main * conj * (choose(p, a) * choose(q, b) * falling);
            }
        }
        if term.sine { sum.im } else { sum.re }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn corner() -> Corner {
        let term = |power, lift, sine, log| Term {
            power,
            lift,
            sine,
            log,
        };
        Corner {
            at: [0.2, -0.1],
            from: 0.5 * std::f64::consts::PI,
            opening: 1.5 * std::f64::consts::PI,
            length: 1.3,
            terms: vec![
                term(2.0 / 3.0, 0, true, false),
                term(4.0 / 3.0, 2, true, false),
                term(2.0 / 3.0, 1, false, false),
                term(2.0, 0, true, true),
            ],
        }
    }

    fn at(k: usize, p: u8, q: u8, x: f64, y: f64) -> f64 {
        let mut out = [0.0];
        corner().fill(k, p, q, &[x], &[y], &mut out);
        out[0]
    }

    #[test]
    fn slopes_are_those_of_finite_differences() {
        let h = 1e-5;
        for k in 0..4 {
            for (x, y) in [(-0.7, 0.4), (-0.3, -0.8), (0.9, -0.5), (0.1, 0.6)] {
                for (p, q) in [(0, 0), (1, 0), (0, 1), (1, 1), (2, 0)] {
                    let by_x = (at(k, p, q, x + h, y) - at(k, p, q, x - h, y)) / (2.0 * h);
                    let by_y = (at(k, p, q, x, y + h) - at(k, p, q, x, y - h)) / (2.0 * h);
                    assert!((by_x - at(k, p + 1, q, x, y)).abs() < 1e-6, "{k} {p} {q}");
                    assert!((by_y - at(k, p, q + 1, x, y)).abs() < 1e-6, "{k} {p} {q}");
                }
            }
        }
    }

    #[test]
    fn it_is_harmonic_and_zero_on_both_edges() {
        for (x, y) in [(-0.7, 0.4), (0.9, -0.5)] {
            assert!((at(0, 2, 0, x, y) + at(0, 0, 2, x, y)).abs() < 1e-13);
            assert!((at(3, 2, 0, x, y) + at(3, 0, 2, x, y)).abs() < 1e-13);
        }
        // Edges upwards and to the right of (0.2, -0.1); the domain lies left and below.
        for s in [0.01, 0.5, 2.0] {
            assert!(at(0, 0, 0, 0.2, -0.1 + s).abs() < 1e-14);
            assert!(at(0, 0, 0, 0.2 + s, -0.1).abs() < 1e-14);
        }
        assert!(at(0, 0, 0, -0.5, -0.6) > 0.1);
        assert_eq!(at(0, 1, 0, 0.2, -0.1), 0.0);
    }
}
