//! Responses to arbitrary inputs.

use faer::Mat;
use num_complex::Complex64;
use serde::{Deserialize, Serialize};

use super::chain::{Chain, chains, integrals};
use super::dense::{add_column, exponential};
use super::reports::Reports;
use super::time::{TimeResponse, check_finite, check_state, check_times, even_interval};
use super::{StateSpace, dense};
use crate::error::{Error, Result};
use crate::laplace::PoleResidue;
use crate::telemetry::Progress;

/// What the input does between its samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    /// It stays at the last sample.
    Zero,
    /// It goes straight to the next sample (default).
    #[default]
    First,
}

/// Refuses an input that does not have one finite sample per channel and time.
fn check_input(u: &[f64], inputs: usize, times: usize) -> Result<()> {
    if inputs.checked_mul(times) != Some(u.len()) {
        return Err(Error::invalid(
            "u",
            format!("{} values", u.len()),
            format!("{inputs} inputs of {times} samples each, one input after the other"),
        ));
    }
    match u.iter().position(|v| !v.is_finite()) {
        Some(at) => Err(Error::invalid(format!("u[{at}]"), u[at], "a finite value")),
        None => Ok(()),
    }
}

/// The step of one chain over an interval: `x_l(t + h) = sum_i e_{l-i} x_i(t) + g0_l u(t) + g1_l u(t + h)`.
struct ChainStep {
    /// `h^k/k! e^{p h}`.
    e: Vec<Complex64>,
    g0: Vec<Complex64>,
    g1: Vec<Complex64>,
}

impl ChainStep {
    fn new(chain: &Chain, h: f64, hold: Hold) -> Self {
        let depth = chain.depth;
        let mut e = vec![(chain.pole * h).exp(); depth];
        for k in 1..depth {
            e[k] = e[k - 1] * (h / k as f64);
        }
        let mut all = vec![Complex64::default(); depth + 1];
        integrals(chain.pole, h, depth + 1, &mut all);
        let (mut g0, mut g1) = (all[..depth].to_vec(), vec![Complex64::default(); depth]);
        if hold == Hold::First {
            // u(t + h - v) = u1 - (u1 - u0) v/h under the integral with v^{l-1}/(l-1)! e^{p v}.
            for l in 0..depth {
                let early = all[l + 1] * ((l + 1) as f64 / h);
                g1[l] = all[l] - early;
                g0[l] = early;
            }
        }
        ChainStep { e, g0, g1 }
    }

    #[inline]
    fn advance(&self, x: &mut [Complex64], u0: f64, u1: f64) {
        for l in (0..x.len()).rev() {
            let mut next = self.g0[l] * u0 + self.g1[l] * u1;
            for (x, e) in x[..=l].iter().zip(self.e[..=l].iter().rev()) {
                next += e * x;
            }
            x[l] = next;
        }
    }
}

impl PoleResidue {
    /// Output for an input given at times `t`, from rest at `t[0]`; sample `k` of input `i` stands at
    /// `u[i * t.len() + k]`. Exact for inputs that are as `hold` says between their samples. Even and uneven
    /// times; even ones cost some 10 operations per pole, input and time.
    ///
    /// A linear term `s E` gives `E` times the slope of the input after each time (before the last one).
    ///
    /// ```
    /// use nis_core::laplace::{PoleResidue, system::Hold};
    /// use num_complex::Complex64;
    /// // An integrator turns a ramp into t^2/2, exactly.
    /// let integrator = PoleResidue::from_pairs(&[Complex64::new(0.0, 0.0)], &[Complex64::new(1.0, 0.0)], 0.0)?;
    /// let t = [0.0, 1.0, 3.0];
    /// assert_eq!(integrator.simulate(&t, &t, Hold::First)?.y, [0.0, 0.5, 4.5]);
    /// # Ok::<(), nis_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where times are negative or not increasing, the input has another size, or a
    /// linear term meets a zero-order hold; [`Error::Numerical`] where the response overflows.
    pub fn simulate(&self, t: &[f64], u: &[f64], hold: Hold) -> Result<TimeResponse> {
        self.simulate_reported(t, u, hold, &Progress::none())
    }

    pub(super) fn simulate_reported(
        &self,
        t: &[f64],
        u: &[f64],
        hold: Hold,
        progress: &Progress<'_>,
    ) -> Result<TimeResponse> {
        self.check()?;
        check_times(t)?;
        check_input(u, self.inputs, t.len())?;
        if hold == Hold::Zero {
            self.proper("an input with jumps")?;
        }
        let n = t.len();
        let even = even_interval(t);
        let mut y = vec![0.0; self.outputs * n];
        let chains = chains(self);
        let cost = 10 * n * self.outputs;
        let mut reports = Reports::new("simulation", self.inputs * chains.len(), cost);
        for (i, u) in u.chunks(n.max(1)).enumerate() {
            for chain in &chains {
                reports.next(progress)?;
                let mut x = vec![Complex64::default(); chain.depth];
                let mut step: Option<(f64, ChainStep)> = None;
                // Outputs that this chain reaches from this input.
                let rows: Vec<(usize, &[Complex64])> = (0..self.outputs)
                    .filter_map(|o| {
                        let at = (o * self.inputs + i) * chain.depth;
                        let r = chain.residues.get(at..at + chain.depth)?;
                        r.iter().any(|r| r.norm() > 0.0).then_some((o, r))
                    })
                    .collect();
                if let (Some(h), 1) = (even, chain.depth) {
                    simple(chain, &ChainStep::new(chain, h, hold), u, &rows, &mut y);
                    continue;
                }
                for k in 1..n {
                    let h = even.unwrap_or(t[k] - t[k - 1]);
                    if step.as_ref().is_none_or(|(made, _)| *made != h) {
                        step = Some((h, ChainStep::new(chain, h, hold)));
                    }
                    if let Some((_, step)) = &step {
                        step.advance(&mut x, u[k - 1], u[k]);
                    }
                    for (o, r) in &rows {
                        let sum: f64 = r
                            .iter()
                            .zip(&x)
                            .map(|(r, x)| r.re * x.re - r.im * x.im)
                            .sum();
                        y[o * n + k] += sum;
                    }
                }
            }
            for o in 0..self.outputs {
                let cell = o * self.inputs + i;
                let d = self.direct.get(cell).copied().unwrap_or(0.0);
                let e = self.linear.get(cell).copied().unwrap_or(0.0);
                for k in 0..n {
                    y[o * n + k] += d * u[k];
                    if e != 0.0 && n > 1 {
                        let a = k.min(n - 2);
                        y[o * n + k] += e * (u[a + 1] - u[a]) / (t[a + 1] - t[a]);
                    }
                }
            }
        }
        check_finite("simulation", t, &y)?;
        Ok(TimeResponse {
            outputs: self.outputs,
            inputs: 1,
            t: t.to_vec(),
            y,
        })
    }
}

/// A simple pole at even times: the state stays in registers.
fn simple(
    chain: &Chain,
    step: &ChainStep,
    u: &[f64],
    rows: &[(usize, &[Complex64])],
    y: &mut [f64],
) {
    let (Some(e), Some(g0), Some(g1)) = (step.e.first(), step.g0.first(), step.g1.first()) else {
        return;
    };
    for (o, r) in rows {
        let (Some(r), Some(y)) = (r.first(), y.get_mut(o * u.len()..(o + 1) * u.len())) else {
            continue;
        };
        let real = chain.pole.im == 0.0;
        let mut x = Complex64::default();
        for (u, y) in u.windows(2).zip(y.iter_mut().skip(1)) {
            let drive = g0 * u[0] + g1 * u[1];
            if real {
                x.re = e.re * x.re + drive.re;
                *y += r.re * x.re;
            } else {
                x = e * x + drive;
                *y += r.re * x.re - r.im * x.im;
            }
        }
    }
}

/// `x(t + h) = phi x(t) + g0 u(t) + g1 u(t + h)` of a continuous system over one interval.
pub(super) struct Interval {
    pub(super) phi: Mat<f64>,
    pub(super) g0: Mat<f64>,
    pub(super) g1: Mat<f64>,
}

impl Interval {
    /// By the exponential of `[A h, B h, 0; 0, 0, I; 0, 0, 0]` (Van Loan, IEEE Trans. Autom. Control 23 (1978)
    /// 395; Franklin, Powell and Workman, Digital Control of Dynamic Systems, 3rd ed., section 6.3.2).
    pub(super) fn new(system: &StateSpace, h: f64, hold: Hold) -> Result<Self> {
        let (n, m) = (system.states, system.inputs);
        let (a, b) = (system.mat_a(), system.mat_b());
        let size = n + m + if hold == Hold::First { m } else { 0 };
        let exponent = Mat::from_fn(size, size, |i, j| {
            if i < n && j < n {
                a[(i, j)] * h
            } else if i < n && j < n + m {
                b[(i, j - n)] * h
            } else {
                f64::from(u8::from(i >= n && j == i + m))
            }
        });
        let e = exponential(exponent.as_ref())?;
        let slope = |i: usize, j: usize| {
            if hold == Hold::First {
                e[(i, n + m + j)]
            } else {
                0.0
            }
        };
        Ok(Interval {
            phi: Mat::from_fn(n, n, |i, j| e[(i, j)]),
            g0: Mat::from_fn(n, m, |i, j| e[(i, n + j)] - slope(i, j)),
            g1: Mat::from_fn(n, m, slope),
        })
    }
}

impl StateSpace {
    /// Output for an input given at times `t` (for a discrete system, consecutive multiples of `dt`; `hold` does
    /// not matter then), from the state `x0` at `t[0]`, or from rest where `x0` is empty. Layout of `u` and
    /// exactness as [`PoleResidue::simulate`]; `n^2` operations per time, and a matrix exponential for
    /// each distinct interval.
    ///
    /// # Errors
    /// As [`PoleResidue::simulate`]; [`Error::InvalidInput`] where `x0` does not fit.
    pub fn simulate(&self, t: &[f64], u: &[f64], x0: &[f64], hold: Hold) -> Result<TimeResponse> {
        self.simulate_reported(t, u, x0, hold, &Progress::none())
    }

    pub(super) fn simulate_reported(
        &self,
        t: &[f64],
        u: &[f64],
        x0: &[f64],
        hold: Hold,
        progress: &Progress<'_>,
    ) -> Result<TimeResponse> {
        self.check()?;
        check_times(t)?;
        check_input(u, self.inputs, t.len())?;
        if !x0.is_empty() {
            check_state(x0, self.states)?;
        }
        let even = match self.dt {
            Some(dt) => {
                let consecutive =
                    |(k, t_k): (usize, &f64)| (t_k - t[0] - k as f64 * dt).abs() <= 1e-6 * dt;
                if let Some(k) = t.iter().enumerate().position(|kt| !consecutive(kt)) {
                    return Err(Error::invalid(
                        format!("t[{k}]"),
                        t[k],
                        format!("times that follow each other by the system's dt = {dt}"),
                    ));
                }
                Some(dt)
            }
            None => even_interval(t),
        };
        let (n, m, p, times) = (self.states, self.inputs, self.outputs, t.len());
        let mut x: Vec<f64> = if x0.is_empty() {
            vec![0.0; n]
        } else {
            x0.to_vec()
        };
        let mut next = vec![0.0; n];
        let mut step: Option<(f64, Interval)> = None;
        let mut y = vec![0.0; p * times];
        let mut reports = Reports::new("simulation", times, n * (n + 2 * m + p));
        for k in 0..times {
            reports.next(progress)?;
            if k > 0 {
                let h = even.unwrap_or(t[k] - t[k - 1]);
                if step.as_ref().is_none_or(|(made, _)| *made != h) {
                    let made = match self.dt {
                        Some(_) => Interval {
                            phi: self.mat_a(),
                            g0: self.mat_b(),
                            g1: Mat::zeros(n, m),
                        },
                        None => Interval::new(self, h, hold)?,
                    };
                    step = Some((h, made));
                }
                if let Some((_, step)) = &step {
                    next.fill(0.0);
                    for (j, x) in x.iter().enumerate() {
                        add_column(&mut next, &step.phi, j, *x);
                    }
                    for j in 0..m {
                        add_column(&mut next, &step.g0, j, u[j * times + k - 1]);
                        add_column(&mut next, &step.g1, j, u[j * times + k]);
                    }
                    std::mem::swap(&mut x, &mut next);
                }
            }
            for o in 0..p {
                let row = self.c.get(o * n..(o + 1) * n).unwrap_or_default();
                let mut sum: f64 = row.iter().zip(&x).map(|(c, x)| c * x).sum();
                for j in 0..m {
                    sum += self.d.get(o * m + j).copied().unwrap_or(0.0) * u[j * times + k];
                }
                y[o * times + k] = sum;
            }
        }
        check_finite("simulation", t, &y)?;
        Ok(TimeResponse {
            outputs: p,
            inputs: 1,
            t: t.to_vec(),
            y,
        })
    }

    /// The matrices as faer's, for the other parts.
    pub(super) fn mats(&self) -> (Mat<f64>, Mat<f64>, Mat<f64>, Mat<f64>) {
        let d = dense::from_rows(self.outputs, self.inputs, &self.d);
        (self.mat_a(), self.mat_b(), self.mat_c(), d)
    }
}
