//! Implicit steps for stiff systems: Radau IIA with five stages, order 9.
//!
//! Hairer and Wanner, Solving Ordinary Differential Equations II (1996), sections IV.5 (the methods) and IV.8
//! (Newton's iteration, error estimate). The stages' polynomial is the dense output, exact to order 5; the error
//! estimate is of that order too, so that what is kept between the steps is as accurate as what the steps are
//! controlled for.

use faer::Mat;
use faer::linalg::solvers::{DenseSolveCore, PartialPivLu, Solve};

use super::system::Compiled;

/// Stages.
const S: usize = 5;

/// Rows and columns of the linear systems at most.
pub(super) const MAX_ROWS: usize = 1000;

const MAX_ITERATIONS: usize = 12;

/// Tightest tolerance: below it rounding in Newton's iteration is what decides.
pub(super) const TIGHTEST: f64 = 1e-13;

/// Share of the tolerance that Newton's iteration may leave.
const LEFT: f64 = 0.01;

/// Weight of the slope at the beginning in the error estimate (any positive number serves; about the inverse of the
/// real eigenvalue of the method's matrix inverse).
const GAMMA: f64 = 0.159;

/// Nodes to a few digits; polished by Newton's method.
const NODES: [f64; S] = [0.057_104_2, 0.276_843_0, 0.583_590_4, 0.860_240_1, 1.0];

/// The method's numbers.
struct Method {
    c: [f64; S],
    a: Mat<f64>,
    a_inverse: Mat<f64>,
    /// From the stages to the coefficients of `x, x^2, ..`.
    powers: Mat<f64>,
    error: [f64; S],
}

impl Method {
    fn new() -> Self {
        // The nodes are the roots of P5 - P4 on [0, 1] (Legendre).
        let c = NODES.map(|mut x| {
            for _ in 0..4 {
                let (value, slope) = node_function(x);
                x -= value / slope;
            }
            x
        });
        let vandermonde = Mat::from_fn(S, S, |i, k| c[i].powi(k as i32));
        let lu = vandermonde.partial_piv_lu();
        // a V = (c_i^k / k)
        let right = Mat::from_fn(S, S, |i, k| c[i].powi(k as i32 + 1) / (k as f64 + 1.0));
        let a = vandermonde
            .transpose()
            .partial_piv_lu()
            .solve(right.transpose())
            .transpose()
            .to_owned();
        let a_inverse = a.partial_piv_lu().inverse();
        // q(x) = x r(x) with r(c_i) = Z_i / c_i
        let powers = lu.solve(Mat::from_fn(
            S,
            S,
            |i, j| if i == j { 1.0 / c[i] } else { 0.0 },
        ));
        let first = Mat::from_fn(S, 1, |k, _| if k == 0 { -GAMMA } else { 0.0 });
        let e = vandermonde.transpose().partial_piv_lu().solve(first);
        Method {
            c,
            a,
            a_inverse,
            powers,
            error: std::array::from_fn(|i| e[(i, 0)]),
        }
    }
}

/// P5 - P4 at `2x - 1`, and its slope by `x`.
fn node_function(x: f64) -> (f64, f64) {
    let u = 2.0 * x - 1.0;
    let (mut p, mut q) = ([1.0, u, 0.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
    for n in 1..5 {
        let m = n as f64;
        p[n + 1] = ((2.0 * m + 1.0) * u * p[n] - m * p[n - 1]) / (m + 1.0);
        q[n + 1] = ((2.0 * m + 1.0) * (p[n] + u * q[n]) - m * q[n - 1]) / (m + 1.0);
    }
    (p[5] - p[4], 2.0 * (q[5] - q[4]))
}

/// A stepper for one system with one set of parameters.
pub(super) struct Radau<'a> {
    system: &'a Compiled,
    method: Method,
    point: Vec<f64>,
    tolerance: f64,
    /// Next step to try (positive).
    h: f64,
    /// The last step's stages' coefficients and length, to begin the next from.
    last: Option<(Mat<f64>, f64)>,
    /// Operations of all steps so far, about.
    pub(super) work: f64,
    /// The last step: coefficients of powers of (time less beginning) over the step, component by component.
    pub(super) coefficients: Vec<f64>,
    pub(super) end: Vec<f64>,
}

impl<'a> Radau<'a> {
    pub(super) const DEGREE: usize = S;

    /// `first` is the first step to try.
    pub(super) fn new(
        system: &'a Compiled,
        parameters: &[f64],
        tolerance: f64,
        first: f64,
    ) -> Self {
        Radau {
            system,
            method: Method::new(),
            point: system.point(parameters),
            tolerance: tolerance.max(TIGHTEST),
            h: first.abs(),
            last: None,
            work: 0.0,
            coefficients: Vec::new(),
            end: vec![0.0; system.components],
        }
    }

    fn slope(&mut self, t: f64, z: &[f64], out: &mut [f64]) {
        let n = self.system.components;
        self.point[0] = t;
        self.point[1..=n].copy_from_slice(z);
        self.system.slope(&self.point, out);
    }

    /// One step from `z` at `t`, at most `left` (of either sign) long; the length made, or `None` where none of usable
    /// length is found.
    pub(super) fn step(&mut self, t: f64, z: &[f64], sizes: &[f64], left: f64) -> Option<f64> {
        let n = self.system.components;
        if n * S > MAX_ROWS {
            return None;
        }
        let width = n + self.system.parameters;
        let mut jacobian = vec![0.0; n * width];
        self.point[0] = t;
        self.point[1..=n].copy_from_slice(z);
        self.system.jacobian(&self.point, &mut jacobian);
        let mut f0 = vec![0.0; n];
        self.slope(t, z, &mut f0);
        if !jacobian.iter().chain(&f0).all(|v| v.is_finite()) {
            return None;
        }
        let least = 16.0 * f64::EPSILON * t.abs().max(left.abs() * 1e-6).max(f64::MIN_POSITIVE);
        let mut rejected = false;
        for _ in 0..80 {
            // A step that nearly reaches the end is stretched to it.
            let h = if self.h >= 0.99 * left.abs() {
                left.abs()
            } else {
                self.h
            };
            if h < least && h < left.abs() {
                return None;
            }
            let signed = if left < 0.0 { -h } else { h };
            let Some((stages, iterations)) = self.newton(t, z, sizes, signed, &jacobian, &f0)
            else {
                self.h = 0.3 * h;
                self.last = None;
                rejected = true;
                continue;
            };
            let norm = self.error(sizes, signed, &jacobian, &f0, &stages);
            if norm.is_nan() {
                self.h = 0.3 * h;
                rejected = true;
                continue;
            }
            let safety = 0.9 * (2.0 * MAX_ITERATIONS as f64 + 1.0)
                / (2.0 * MAX_ITERATIONS as f64 + iterations as f64);
            let factor = (safety * norm.max(1e-12).powf(-1.0 / (S as f64 + 1.0))).clamp(0.1, 8.0);
            if norm > 1.0 {
                self.h = h * factor.min(0.9);
                rejected = true;
                continue;
            }
            for c in 0..n {
                self.end[c] = z[c] + stages[(S - 1, c)];
            }
            let powers = &self.method.powers * &stages;
            self.coefficients.clear();
            for c in 0..n {
                self.coefficients.push(z[c]);
                self.coefficients.extend((0..S).map(|k| powers[(k, c)]));
            }
            self.last = Some((powers, h));
            // A step cut to land on the end says little about the next.
            self.h = if h < self.h {
                self.h
            } else {
                h * if rejected { factor.min(1.0) } else { factor }
            };
            let fine = self.coefficients.iter().all(|v| v.is_finite());
            return fine.then_some(signed);
        }
        None
    }

    /// Stages less the beginning, `S x n`, and the iterations it took.
    fn newton(
        &mut self,
        t: f64,
        z: &[f64],
        sizes: &[f64],
        h: f64,
        jacobian: &[f64],
        f0: &[f64],
    ) -> Option<(Mat<f64>, usize)> {
        let n = self.system.components;
        let width = n + self.system.parameters;
        let matrix = Mat::from_fn(S * n, S * n, |row, column| {
            let (i, a) = (row / n, row % n);
            let (j, b) = (column / n, column % n);
            let unit = if row == column { 1.0 } else { 0.0 };
            unit - h * self.method.a[(i, j)] * jacobian[a * width + b]
        });
        self.work += ((S * n) as f64).powi(3);
        let lu = PartialPivLu::new(matrix.as_ref());
        let c = self.method.c;
        // From the last step's polynomial where that reaches not too far, else along the slope.
        let mut stages = match &self.last {
            Some((powers, before)) if h.abs() <= 3.0 * before => Mat::from_fn(S, n, |i, comp| {
                let at = |x: f64| {
                    let terms = (0..S).rev();
                    x * terms.fold(0.0, |sum, k| sum * x + powers[(k, comp)])
                };
                at(1.0 + c[i] * h.abs() / before) - at(1.0)
            }),
            _ => Mat::zeros(S, n),
        };
        let scales: Vec<f64> = z
            .iter()
            .zip(sizes)
            .zip(f0)
            .map(|((z, size), f)| self.tolerance * size.max(z.abs()).max((h * f).abs()))
            .collect();
        let mut before = f64::INFINITY;
        let (mut value, mut slope) = (vec![0.0; n], Mat::zeros(S, n));
        for iteration in 1..=MAX_ITERATIONS {
            for i in 0..S {
                for (c, value) in value.iter_mut().enumerate() {
                    *value = z[c] + stages[(i, c)];
                }
                let mut f = vec![0.0; n];
                self.slope(t + c[i] * h, &value, &mut f);
                for (c, f) in f.iter().enumerate() {
                    slope[(i, c)] = h * f;
                }
            }
            self.work += (S * S * n * n) as f64;
            let target = &self.method.a * &slope;
            let right = Mat::from_fn(S * n, 1, |row, _| {
                target[(row / n, row % n)] - stages[(row / n, row % n)]
            });
            let change = lu.solve(right);
            let mut sum = 0.0;
            for row in 0..S * n {
                let (i, c) = (row / n, row % n);
                stages[(i, c)] += change[(row, 0)];
                if scales[c] > 0.0 {
                    sum += (change[(row, 0)] / scales[c]).powi(2);
                } else if change[(row, 0)] != 0.0 {
                    sum += 1.0;
                }
            }
            let norm = (sum / (S * n) as f64).sqrt();
            if !norm.is_finite() {
                return None;
            }
            if norm == 0.0 {
                return Some((stages, iteration));
            }
            let theta = norm / before;
            if before.is_finite() {
                if theta < 1.0 && theta / (1.0 - theta) * norm <= LEFT {
                    return Some((stages, iteration));
                }
                // At the level of rounding it does not fall any more.
                if theta > 0.5 && norm <= 0.1 {
                    return Some((stages, iteration));
                }
                if theta >= 1.0 && norm > 1.0 {
                    return None;
                }
            } else if norm <= 1e-6 {
                return Some((stages, iteration));
            }
            before = norm;
        }
        None
    }

    /// Norm of the estimated error over the tolerance.
    fn error(
        &mut self,
        sizes: &[f64],
        h: f64,
        jacobian: &[f64],
        f0: &[f64],
        stages: &Mat<f64>,
    ) -> f64 {
        let n = self.system.components;
        let width = n + self.system.parameters;
        let slopes = &self.method.a_inverse * stages;
        let matrix = Mat::from_fn(n, n, |a, b| {
            let unit = if a == b { 1.0 } else { 0.0 };
            unit - h * GAMMA * jacobian[a * width + b]
        });
        self.work += (n as f64).powi(3);
        let right = Mat::from_fn(n, 1, |c, _| {
            let sum: f64 = (0..S).map(|i| self.method.error[i] * slopes[(i, c)]).sum();
            h * GAMMA * f0[c] + sum
        });
        let error = matrix.partial_piv_lu().solve(right);
        let mut sum = 0.0;
        for c in 0..n {
            let reach = (0..S).fold(0.0f64, |a, i| a.max(stages[(i, c)].abs()));
            let scale = self.tolerance * sizes[c].max(reach);
            if scale > 0.0 {
                sum += (error[(c, 0)] / scale).powi(2);
            }
        }
        (sum / n as f64).sqrt()
    }
}
