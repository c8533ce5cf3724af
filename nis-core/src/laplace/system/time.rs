//! Step and impulse responses.

use faer::Mat;
use num_complex::Complex64;
use serde::{Deserialize, Serialize};

use super::StateSpace;
use super::chain::{Chain, chains, divide, integrals};
use super::dense::blocks;
use super::reports::Reports;
use crate::error::{Error, Result};
use crate::laplace::PoleResidue;
use crate::telemetry::Progress;

/// Outputs over time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TimeResponse {
    /// Number of outputs.
    pub outputs: usize,
    /// Number of columns: one per input for step and impulse responses, 1 for a simulation.
    pub inputs: usize,
    /// The times.
    pub t: Vec<f64>,
    /// Output `o` of column `i` at `t[k]` stands at `[(o * inputs + i) * t.len() + k]`.
    pub y: Vec<f64>,
}

impl TimeResponse {
    /// One channel over time; empty where there is no such channel.
    pub fn channel(&self, output: usize, input: usize) -> &[f64] {
        let n = self.t.len();
        let at = (output * self.inputs + input) * n;
        if output < self.outputs && input < self.inputs {
            self.y.get(at..at + n).unwrap_or_default()
        } else {
            &[]
        }
    }
}

/// Which response to a unit input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Step,
    Impulse,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Step => "step response",
            Kind::Impulse => "impulse response",
        }
    }
}

/// Refuses times that are not finite, negative or out of order.
pub(super) fn check_times(t: &[f64]) -> Result<()> {
    let mut last = f64::NEG_INFINITY;
    for (k, t) in t.iter().enumerate() {
        if !t.is_finite() || *t < 0.0 || *t <= last {
            return Err(Error::invalid(
                format!("t[{k}]"),
                t,
                "finite times from 0 on, each later than the one before",
            ));
        }
        last = *t;
    }
    Ok(())
}

/// The interval of times that lie evenly to within rounding.
pub(super) fn even_interval(t: &[f64]) -> Option<f64> {
    let (first, last) = (t.first()?, t.last()?);
    if t.len() < 2 {
        return None;
    }
    let h = (last - first) / (t.len() - 1) as f64;
    let near = 4.0 * f64::EPSILON * last.abs();
    let even = |(k, t): (usize, &f64)| (t - (first + k as f64 * h)).abs() <= near;
    t.iter().enumerate().all(even).then_some(h)
}

/// Refuses a response that left the range of numbers.
pub(super) fn check_finite(what: &str, t: &[f64], y: &[f64]) -> Result<()> {
    let n = t.len().max(1);
    match y.iter().position(|v| !v.is_finite()) {
        Some(at) => Err(Error::numerical(
            what,
            format!(
                "overflow at t = {}",
                t.get(at % n).copied().unwrap_or_default()
            ),
        )),
        None => Ok(()),
    }
}

/// Times between two exact anchors. Between them, values come from a table of the modes over this many
/// intervals by one complex product, so errors do not build up.
const ANCHOR: usize = 32;

/// The modes `u^l/l! e^{p u}`, or their integrals, over the times of a block, real and imaginary parts.
struct Table {
    columns: Vec<[[f64; ANCHOR]; 2]>,
}

impl Table {
    fn new(chains: &[Chain], h: f64, kind: Kind) -> Self {
        let mut columns = Vec::new();
        let mut values = Vec::new();
        for chain in chains {
            let first = columns.len();
            columns.resize(first + chain.depth, [[0.0; ANCHOR]; 2]);
            values.resize(chain.depth, Complex64::default());
            for j in 0..ANCHOR {
                modes(chain, j as f64 * h, kind, &mut values);
                for (column, v) in columns.iter_mut().skip(first).zip(&values) {
                    column[0][j] = v.re;
                    column[1][j] = v.im;
                }
            }
        }
        Table { columns }
    }
}

/// The responses of `1/(s - p)^l` at one time, `l` from 1 to the depth of the chain.
fn modes(chain: &Chain, t: f64, kind: Kind, out: &mut [Complex64]) {
    match kind {
        Kind::Step => integrals(chain.pole, t, chain.depth, out),
        Kind::Impulse => {
            let mut mode = (chain.pole * t).exp();
            for (l, v) in out.iter_mut().enumerate() {
                *v = mode;
                mode *= t / (l as f64 + 1.0);
            }
        }
    }
}

impl PoleResidue {
    /// Step response: output `o` for a unit step at time 0 in input `i`, at times `t`.
    ///
    /// Exact at each time. Even times cost one complex product per pole and time: 20th order at 1000 times
    /// takes some 50 microseconds. The Dirac impulse of a linear term `s E` at time 0 is left out.
    ///
    /// ```
    /// use nis_core::laplace::PoleResidue;
    /// use num_complex::Complex64;
    /// let lag = PoleResidue::from_pairs(&[Complex64::new(-2.0, 0.0)], &[Complex64::new(2.0, 0.0)], 0.0)?;
    /// let y = lag.step(&[0.0, 1.0])?.y;
    /// assert!((y[1] - (1.0 - (-2.0f64).exp())).abs() < 1e-15);
    /// # Ok::<(), nis_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where the times are negative or not increasing or the system's parts do not fit,
    /// [`Error::Numerical`] where an unstable response overflows.
    pub fn step(&self, t: &[f64]) -> Result<TimeResponse> {
        self.respond(t, Kind::Step, &Progress::none())
    }

    /// Impulse response `h(t)` at times `t`, in 1/(time unit) times the unit of `H`; as
    /// [`step`](Self::step). The Dirac impulse of `D` and the doublet of `s E` at time 0 are left out.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    pub fn impulse(&self, t: &[f64]) -> Result<TimeResponse> {
        self.respond(t, Kind::Impulse, &Progress::none())
    }

    pub(super) fn respond(
        &self,
        t: &[f64],
        kind: Kind,
        progress: &Progress<'_>,
    ) -> Result<TimeResponse> {
        self.check()?;
        check_times(t)?;
        let cells = self.outputs * self.inputs;
        let chains = chains(self);
        let mut y = vec![0.0; cells * t.len()];
        match even_interval(t).filter(|_| t.len() > ANCHOR) {
            Some(h) => even(&chains, t, h, kind, cells, &mut y, progress)?,
            None => {
                let mut reports = Reports::new(kind.name(), t.len(), 8 * self.terms.len() * cells);
                for (k, t_k) in t.iter().enumerate() {
                    reports.next(progress)?;
                    at_time(&chains, *t_k, kind, |cell, v| y[cell * t.len() + k] += v);
                }
            }
        }
        if kind == Kind::Step {
            for (channel, d) in y.chunks_mut(t.len().max(1)).zip(&self.direct) {
                channel.iter_mut().for_each(|y| *y += d);
            }
        }
        check_finite(kind.name(), t, &y)?;
        Ok(TimeResponse {
            outputs: self.outputs,
            inputs: self.inputs,
            t: t.to_vec(),
            y,
        })
    }
}

/// Adds the share of each chain to each cell at one time.
fn at_time(chains: &[Chain], t: f64, kind: Kind, mut add: impl FnMut(usize, f64)) {
    let mut values = Vec::new();
    for chain in chains {
        values.resize(chain.depth, Complex64::default());
        modes(chain, t, kind, &mut values);
        for (cell, residues) in chain.residues.chunks(chain.depth).enumerate() {
            let sum: f64 = residues
                .iter()
                .zip(&values)
                .map(|(r, v)| r.re * v.re - r.im * v.im)
                .sum();
            add(cell, sum);
        }
    }
}

/// Even times: with `t = a + u`, `h(t) = sum_l c_l u^l/l! e^{p u}` where
/// `c_l = e^{p a} sum_{m > l} R_m a^{m-1-l}/(m-1-l)!` is exact at each anchor `a`; a step adds the value at
/// the anchor.
fn even(
    chains: &[Chain],
    t: &[f64],
    h: f64,
    kind: Kind,
    cells: usize,
    y: &mut [f64],
    progress: &Progress<'_>,
) -> Result<()> {
    let n = t.len();
    let table = Table::new(chains, h, kind);
    let columns: usize = table.columns.len();
    // c_l of every cell: [cell][column].
    let mut weights = vec![Complex64::default(); cells * columns];
    let mut anchor_values = vec![0.0; cells];
    let mut reports = Reports::new(
        kind.name(),
        n.div_ceil(ANCHOR),
        4 * ANCHOR * columns * cells,
    );
    for (block, times) in t.chunks(ANCHOR).enumerate() {
        reports.next(progress)?;
        let a = times.first().copied().unwrap_or_default();
        let mut column = 0;
        anchor_values.fill(0.0);
        for chain in chains {
            let e = (chain.pole * a).exp();
            let simple = chain.depth == 1 && (chain.pole * a).norm() > 1.0;
            let over = if simple {
                divide(e - 1.0, chain.pole)
            } else {
                Complex64::default()
            };
            for (cell, residues) in chain.residues.chunks(chain.depth).enumerate() {
                for l in 0..chain.depth {
                    let mut monomial = 1.0;
                    let mut sum = Complex64::default();
                    for (k, r) in residues.iter().skip(l).enumerate() {
                        sum += r * monomial;
                        monomial *= a / (k as f64 + 1.0);
                    }
                    weights[cell * columns + column + l] = e * sum;
                }
                if simple && kind == Kind::Step {
                    let r = residues[0];
                    anchor_values[cell] += r.re * over.re - r.im * over.im;
                }
            }
            if !simple && kind == Kind::Step {
                at_time(std::slice::from_ref(chain), a, kind, |cell, v| {
                    anchor_values[cell] += v;
                });
            }
            column += chain.depth;
        }
        for cell in 0..cells {
            let mut sums = [anchor_values[cell]; ANCHOR];
            let weights = &weights[cell * columns..(cell + 1) * columns];
            for (w, [re, im]) in weights.iter().zip(&table.columns) {
                for j in 0..ANCHOR {
                    sums[j] += w.re * re[j] - w.im * im[j];
                }
            }
            let at = cell * n + block * ANCHOR;
            y[at..at + times.len()].copy_from_slice(&sums[..times.len()]);
        }
    }
    Ok(())
}

impl StateSpace {
    /// Step response at times `t` (for a discrete system: at multiples of `dt`), laid out as that of
    /// [`PoleResidue::step`]. Exact: the state moves from time to time by matrix exponentials, one per
    /// distinct interval. Even times are taken 32 at a time, for `n` operations per time, input and output, other
    /// ones one by one, for `n^2`. For progress and a way to stop see [`Prepared`](super::Prepared).
    ///
    /// # Errors
    /// As [`PoleResidue::step`]; [`Error::InvalidInput`] where a discrete system is asked between its samples.
    pub fn step(&self, t: &[f64]) -> Result<TimeResponse> {
        self.respond(t, Kind::Step, &Progress::none())
    }

    /// Impulse response at times `t`, without the Dirac impulse of `D`; of a discrete system the response to
    /// the sequence 1, 0, 0, ..
    ///
    /// # Errors
    /// As [`step`](Self::step).
    pub fn impulse(&self, t: &[f64]) -> Result<TimeResponse> {
        self.respond(t, Kind::Impulse, &Progress::none())
    }

    /// Free response from the state `x0` at time 0.
    ///
    /// # Errors
    /// As [`step`](Self::step); [`Error::InvalidInput`] where `x0` does not have one finite value per state.
    pub fn initial(&self, x0: &[f64], t: &[f64]) -> Result<TimeResponse> {
        self.initial_reported(x0, t, &Progress::none())
    }

    pub(super) fn initial_reported(
        &self,
        x0: &[f64],
        t: &[f64],
        progress: &Progress<'_>,
    ) -> Result<TimeResponse> {
        self.check()?;
        check_times(t)?;
        check_state(x0, self.states)?;
        let start = Mat::from_fn(self.states, 1, |i, _| x0[i]);
        let y = match self.dt {
            Some(dt) => {
                let index = sample_indices(t, dt)?;
                let a = self.mat_a();
                let mut x = start;
                self.observe_samples(&index, 1, progress, |k| {
                    if k > 0 {
                        x = &a * &x;
                    }
                    x.clone()
                })?
            }
            None => self.propagate(&self.mat_a(), start, t, progress)?,
        };
        check_finite("free response", t, &y)?;
        Ok(TimeResponse {
            outputs: self.outputs,
            inputs: 1,
            t: t.to_vec(),
            y,
        })
    }

    pub(super) fn respond(
        &self,
        t: &[f64],
        kind: Kind,
        progress: &Progress<'_>,
    ) -> Result<TimeResponse> {
        self.check()?;
        check_times(t)?;
        let (n, m) = (self.states, self.inputs);
        let (a, b) = (self.mat_a(), self.mat_b());
        let mut y = match (self.dt, kind) {
            (Some(dt), _) => {
                let index = sample_indices(t, dt)?;
                let mut x = Mat::zeros(n, m);
                self.observe_samples(&index, m, progress, |k| {
                    if k == 1 || (k > 0 && kind == Kind::Step) {
                        x = &a * &x + &b;
                    } else if k > 0 {
                        x = &a * &x;
                    }
                    x.clone()
                })?
            }
            (None, Kind::Impulse) => self.propagate(&a, b, t, progress)?,
            (None, Kind::Step) => {
                let zero = Mat::zeros(m, n);
                let a = blocks(
                    a.as_ref(),
                    b.as_ref(),
                    zero.as_ref(),
                    Mat::zeros(m, m).as_ref(),
                );
                let start = Mat::from_fn(n + m, m, |i, j| if i == n + j { 1.0 } else { 0.0 });
                self.propagate(&a, start, t, progress)?
            }
        };
        for (cell, channel) in y.chunks_mut(t.len().max(1)).enumerate() {
            let d = self.d.get(cell).copied().unwrap_or(0.0);
            for (t, y) in t.iter().zip(channel) {
                if kind == Kind::Step || (self.dt.is_some() && *t == 0.0) {
                    *y += d;
                }
            }
        }
        check_finite(kind.name(), t, &y)?;
        Ok(TimeResponse {
            outputs: self.outputs,
            inputs: m,
            t: t.to_vec(),
            y,
        })
    }

    /// `C x` cell by cell.
    pub(super) fn observe(&self, x: &Mat<f64>, mut put: impl FnMut(usize, f64)) {
        let n = self.states;
        for o in 0..self.outputs {
            for j in 0..x.ncols() {
                let row = self.c.get(o * n..(o + 1) * n).unwrap_or_default();
                let sum = row.iter().enumerate().map(|(i, c)| c * x[(i, j)]).sum();
                put(o * x.ncols() + j, sum);
            }
        }
    }

    /// `C x[k]` at the wanted sample numbers, where `advance(k)` gives `x[k]` for `k` = 0, 1, 2, ..
    fn observe_samples(
        &self,
        index: &[u64],
        columns: usize,
        progress: &Progress<'_>,
        mut advance: impl FnMut(u64) -> Mat<f64>,
    ) -> Result<Vec<f64>> {
        let mut y = vec![0.0; self.outputs * columns * index.len()];
        let mut next = 0;
        let total = index.last().map_or(0, |last| *last as usize + 1);
        let mut reports = Reports::new("time response", total, 2 * self.states.pow(2) * columns);
        for (at, wanted) in index.iter().enumerate() {
            reports.next(progress)?;
            while next < *wanted {
                reports.next(progress)?;
                advance(next);
                next += 1;
            }
            let x = advance(next);
            next += 1;
            self.observe(&x, |cell, v| y[cell * index.len() + at] = v);
        }
        Ok(y)
    }
}

pub(super) fn check_state(x0: &[f64], states: usize) -> Result<()> {
    if x0.len() != states || x0.iter().any(|v| !v.is_finite()) {
        return Err(Error::invalid(
            "x0",
            format!("{} values", x0.len()),
            format!("{states} finite values, one per state"),
        ));
    }
    Ok(())
}

/// Most samples that a discrete system is advanced by.
const MAX_SAMPLES: f64 = 1e7;

/// The sample numbers of times that are multiples of `dt`.
pub(super) fn sample_indices(t: &[f64], dt: f64) -> Result<Vec<u64>> {
    t.iter()
        .enumerate()
        .map(|(k, t)| {
            let index = (t / dt).round();
            if (t - index * dt).abs() > 1e-6 * dt || index > MAX_SAMPLES {
                return Err(Error::invalid(
                    format!("t[{k}]"),
                    t,
                    format!("a multiple of the system's dt = {dt}, at most {MAX_SAMPLES:e} of it"),
                ));
            }
            Ok(index as u64)
        })
        .collect()
}
