//! Exact transforms of interpolating splines on evenly spaced samples.
//!
//! A spline of odd degree `p` is `S(t) = sum_m c_m B_p(t/dt - m)`, and the two-sided transform of `B_p` is
//! `(2 sinh(theta/2)/theta)^{p+1}` with `theta = s dt` (Unser, IEEE Signal Process. Mag. 16 (1999) 22, eq. (5)).
//! So with `X(z) = sum_n x_n z^n`, `z = e^{-theta}`,
//!
//! `F(s)/dt = (2 sinh(theta/2)/theta)^{p+1} (X(z) + E(z))/B_p(z) - L(theta) - z^{N-1} R(theta)`,
//!
//! where `B_p(z)` is the transform of the sampled basis function and `E`, `L`, `R` hold the few coefficients at
//! the two ends: `E` what the samples outside the record would add, `L` and `R` the parts of the basis functions
//! that reach over the ends. No division by a power of `s` occurs, so small `s` lose nothing. The ends are
//! closed by the not-a-knot condition.

use faer::Mat;
use faer::linalg::solvers::Solve;
use num_complex::Complex64;
use std::sync::LazyLock;

/// Samples next to an end that decide the coefficients there: what lies beyond counts less than rounding (the
/// influence falls by 0.27 a sample for degree 3, by 0.43 for degree 5).
const REACH: usize = 48;

/// A spline space of odd degree, and what its ends need.
pub(super) struct Degree {
    p: usize,
    /// Half the support: `(p + 1)/2`.
    pub(super) q: usize,
    /// Basis function at the integers `-(q-1)..=q-1`.
    pub(super) at_knots: Vec<f64>,
    /// `pieces[i][k]`: coefficient of `v^k` on `[i - q, i - q + 1]`.
    pieces: Vec<Vec<f64>>,
    /// The first `2 q - 1` coefficients as linear functions of the first [`REACH`] samples.
    ends: Mat<f64>,
}

/// Cubic splines, which make the result.
pub(super) static CUBIC: LazyLock<Degree> = LazyLock::new(|| Degree::new(3));
/// Quintic splines, which make its error estimate.
pub(super) static QUINTIC: LazyLock<Degree> = LazyLock::new(|| Degree::new(5));

/// Fewest samples for which [`End`]s exist.
pub(super) const MIN_SAMPLES: usize = 12;

fn binomial(n: usize, k: usize) -> f64 {
    (0..k).fold(1.0, |b, i| b * (n - i) as f64 / (i + 1) as f64)
}

fn sign(k: usize) -> f64 {
    if k.is_multiple_of(2) { 1.0 } else { -1.0 }
}

impl Degree {
    fn new(p: usize) -> Self {
        let q = p.div_ceil(2);
        let factorial: f64 = (1..=p).map(|k| k as f64).product();
        // B(t) = 1/p! sum_k (-1)^k C(p+1, k) (t + q - k)_+^p, expanded about the left knot of each piece.
        let pieces: Vec<Vec<f64>> = (0..2 * q)
            .map(|i| {
                (0..=p)
                    .map(|power| {
                        (0..=i)
                            .map(|k| {
                                sign(k)
                                    * binomial(p + 1, k)
                                    * binomial(p, power)
                                    * ((i - k) as f64).powi((p - power) as i32)
                            })
                            .sum::<f64>()
                            / factorial
                    })
                    .collect()
            })
            .collect();
        let at_knots = (1..2 * q).map(|i| pieces[i][0]).collect();
        let mut degree = Degree {
            p,
            q,
            at_knots,
            pieces,
            ends: Mat::zeros(0, 0),
        };
        degree.ends = degree.solve_ends(REACH);
        degree
    }

    /// The first `2 q - 1` coefficients as linear functions of `n` samples.
    fn solve_ends(&self, n: usize) -> Mat<f64> {
        let (p, q) = (self.p, self.q);
        let unknowns = n + 2 * (q - 1);
        let mut system = Mat::<f64>::zeros(unknowns, unknowns);
        let mut samples = Mat::<f64>::zeros(unknowns, n);
        for i in 0..n {
            for (j, value) in self.at_knots.iter().enumerate() {
                system[(i, i + j)] = *value;
            }
            samples[(i, i)] = 1.0;
        }
        // Not-a-knot: the p-th derivative does not jump at the first and last q - 1 inner knots. The jump at
        // knot i is the (p+1)-th difference of the coefficients around it.
        for i in 1..q {
            for j in 0..=p + 1 {
                let value = sign(j) * binomial(p + 1, j);
                // Coefficient m stands in column m + q - 1; knot i, difference from i - q on.
                system[(n + i - 1, i + j - 1)] = value;
                system[(n + q - 2 + i, unknowns - i - j)] = value;
            }
        }
        let full = system.partial_piv_lu().solve(&samples);
        full.get(..2 * q - 1, ..).to_owned()
    }
}

/// What the coefficients next to one end of a record, `c_m` for `m = -(q-1)..=q-1` counted inwards, make there.
pub(super) struct End {
    /// What the samples outside the record would be, `x_{-i}` for `i` from 1, of the basis functions that reach
    /// into it.
    pub(super) outside: Vec<Complex64>,
    /// Polynomials of the basis functions beyond the end: `beyond[i][k]`, interval `[i, i + 1]` outwards, power
    /// `k` of the time since the interval's earlier edge.
    pub(super) beyond: Vec<Vec<Complex64>>,
}

impl End {
    /// The end of a record whose samples `inwards` are counted from it; `left` where time runs inwards.
    fn new(degree: &Degree, n: usize, left: bool, inwards: impl Fn(usize) -> Complex64) -> Self {
        let (p, q) = (degree.p, degree.q);
        let short;
        let ends = if n >= REACH {
            &degree.ends
        } else {
            short = degree.solve_ends(n);
            &short
        };
        let coefficients: Vec<Complex64> = (0..2 * q - 1)
            .map(|m| (0..ends.ncols()).map(|i| inwards(i) * ends[(m, i)]).sum())
            .collect();
        // At distance u outwards the basis function of coefficient m (inwards) is B(u + m).
        let beyond = (0..2 * q - 1)
            .map(|i| {
                (0..=p)
                    .map(|k| {
                        (0..2 * q - 1)
                            .filter_map(|at| {
                                // Piece of B that holds [i + m, i + m + 1], m = at - (q - 1).
                                let piece = i + at + 1;
                                Some(coefficients[at] * degree.pieces.get(piece)?[k])
                            })
                            .sum()
                    })
                    .collect()
            })
            .map(|outwards: Vec<Complex64>| if left { mirrored(&outwards) } else { outwards })
            .collect();
        // Sample -i is sum_j b_j c_{-i+j}, over the coefficients that exist (from -(q-1) on).
        let outside = (1..2 * q - 1)
            .map(|i| {
                let taken = degree.at_knots.iter().skip(i).zip(&coefficients);
                taken.map(|(b, c)| c * b).sum()
            })
            .collect();
        End { outside, beyond }
    }
}

/// Both ends of a record.
pub(super) struct Ends<'a> {
    pub(super) degree: &'a Degree,
    pub(super) left: End,
    pub(super) right: End,
}

impl<'a> Ends<'a> {
    /// The ends of a record of at least [`MIN_SAMPLES`] samples.
    pub(super) fn new(degree: &'a Degree, samples: usize, at: impl Fn(usize) -> Complex64) -> Self {
        Ends {
            degree,
            left: End::new(degree, samples, true, &at),
            right: End::new(degree, samples, false, |i| at(samples - 1 - i)),
        }
    }
}

/// The polynomial in `1 - v`.
fn mirrored(c: &[Complex64]) -> Vec<Complex64> {
    (0..c.len())
        .map(|k| {
            c.iter()
                .enumerate()
                .skip(k)
                .map(|(j, c)| c * (sign(k) * binomial(j, k)))
                .sum()
        })
        .collect()
}

/// Reciprocals of the integers; infinity stands for 1/0.
pub(super) const INVERSE: [f64; 30] = {
    let mut out = [0.0; 30];
    let mut m = 0;
    while m < 30 {
        out[m] = 1.0 / m as f64;
        m += 1;
    }
    out
};

/// `E_k = int_0^1 v^k e^{-theta v} dv` for `k` from 0, given `w = e^{-theta}`.
pub(super) fn moments_of(theta: Complex64, w: Complex64, out: &mut [Complex64]) {
    let highest = out.len().saturating_sub(1);
    if theta.norm_sqr() > 4.0 {
        let inverse = 1.0 / theta;
        let mut before = Complex64::default();
        for (k, e) in out.iter_mut().enumerate() {
            // E_k = (k E_{k-1} - e^{-theta})/theta, and E_0 = (1 - e^{-theta})/theta.
            let lead = if k == 0 {
                Complex64::new(1.0, 0.0)
            } else {
                before * k as f64
            };
            before = (lead - w) * inverse;
            *e = before;
        }
        return;
    }
    // The highest by its power series, the others downwards, which is stable for small theta.
    let mut term = Complex64::new(1.0, 0.0);
    let mut above = term / (highest + 1) as f64;
    for (m, inverse) in INVERSE.iter().enumerate().skip(1) {
        term *= theta * -inverse;
        above += term * (1.0 / (highest + 1 + m) as f64);
        // |theta| is at most 2: the terms that are left add up to less than this one.
        if term.norm_sqr() <= 1e-34 {
            break;
        }
    }
    for k in (0..out.len()).rev() {
        out[k] = above;
        if k > 0 {
            above = (theta * above + w) / k as f64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basis_functions_sum_to_one_and_are_even() {
        for degree in [&*CUBIC, &*QUINTIC] {
            let total: f64 = degree.at_knots.iter().sum();
            assert!((total - 1.0).abs() < 1e-15);
            for (a, b) in degree.at_knots.iter().zip(degree.at_knots.iter().rev()) {
                assert!((a - b).abs() < 1e-15);
            }
        }
        assert!((CUBIC.at_knots[1] - 2.0 / 3.0).abs() < 1e-15);
        assert!((QUINTIC.at_knots[2] - 66.0 / 120.0).abs() < 1e-15);
    }

    #[test]
    fn moments_agree_with_gauss_legendre() {
        let (nodes, weights) = gauss(20);
        for theta in [0.0, 1e-9, 0.3, 1.9, 2.1, 8.0] {
            for angle in [0.0, 1.0, 1.57, 3.0] {
                let theta = Complex64::from_polar(theta, angle);
                let mut got = [Complex64::default(); 6];
                moments_of(theta, (-theta).exp(), &mut got);
                for (k, got) in got.iter().enumerate() {
                    let expected: Complex64 = nodes
                        .iter()
                        .zip(&weights)
                        .map(|(v, w)| (-theta * v).exp() * v.powi(k as i32) * w)
                        .sum();
                    let scale = 1.0 + (-theta).exp().norm();
                    assert!((got - expected).norm() <= 2e-14 * scale, "{theta} {k}");
                }
            }
        }
    }

    /// Gauss-Legendre nodes and weights on [0, 1], by Newton's method on the Legendre polynomial.
    fn gauss(n: usize) -> (Vec<f64>, Vec<f64>) {
        let mut nodes = Vec::new();
        let mut weights = Vec::new();
        for i in 0..n {
            let mut x = (std::f64::consts::PI * (i as f64 + 0.75) / (n as f64 + 0.5)).cos();
            let mut slope = 1.0;
            for _ in 0..50 {
                let (mut a, mut b) = (1.0, x);
                for k in 2..=n {
                    let k = k as f64;
                    (a, b) = (b, ((2.0 * k - 1.0) * x * b - (k - 1.0) * a) / k);
                }
                slope = n as f64 * (x * b - a) / (x * x - 1.0);
                x -= b / slope;
            }
            nodes.push(0.5 + 0.5 * x);
            weights.push(1.0 / ((1.0 - x * x) * slope * slope));
        }
        (nodes, weights)
    }
}
