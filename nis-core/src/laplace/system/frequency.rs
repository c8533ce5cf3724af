//! Frequency responses.

use num_complex::Complex64;
use serde::{Deserialize, Serialize};

use super::StateSpace;
use super::chain::{Chain, chains, divide};
use super::quasi::{POINTS, Quasi, Work};
use super::schur::{RealSchur, Schur};
use crate::error::{Error, Result};
use crate::laplace::PoleResidue;
use crate::telemetry::Progress;

/// `H(j omega)` of every output and input at a list of frequencies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FrequencyResponse {
    /// Number of outputs.
    pub outputs: usize,
    /// Number of inputs.
    pub inputs: usize,
    /// Angular frequencies, radians per time unit.
    pub omega: Vec<f64>,
    /// `H` of output `o` and input `i` at `omega[k]` stands at `[(o * inputs + i) * omega.len() + k]`. At a
    /// frequency that is itself a pole the value is infinite.
    pub response: Vec<Complex64>,
}

/// Magnitude and phase of a [`FrequencyResponse`], in the same order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bode {
    /// Number of outputs.
    pub outputs: usize,
    /// Number of inputs.
    pub inputs: usize,
    /// Angular frequencies, radians per time unit.
    pub omega: Vec<f64>,
    /// `|H|`.
    pub magnitude: Vec<f64>,
    /// `20 log10 |H|`.
    pub decibel: Vec<f64>,
    /// Phase in radians, unwrapped along the frequencies: neighbours differ by less than pi.
    pub phase: Vec<f64>,
}

impl FrequencyResponse {
    /// Magnitude, decibels and unwrapped phase. Right as long as the phase moves by less than pi between
    /// neighbouring frequencies, which the default grid sees to.
    pub fn bode(&self) -> Bode {
        let n = self.omega.len();
        let magnitude: Vec<f64> = self.response.iter().map(|h| magnitude(*h)).collect();
        let decibel = magnitude.iter().map(|m| 20.0 * m.log10()).collect();
        let mut phase: Vec<f64> = self.response.iter().map(|h| h.im.atan2(h.re)).collect();
        for channel in phase.chunks_mut(n.max(1)) {
            unwrap_phase(channel);
        }
        Bode {
            outputs: self.outputs,
            inputs: self.inputs,
            omega: self.omega.clone(),
            magnitude,
            decibel,
            phase,
        }
    }
}

fn magnitude(h: Complex64) -> f64 {
    let square = h.norm_sqr();
    if square.is_normal() {
        square.sqrt()
    } else {
        h.norm()
    }
}

/// Adds multiples of 2 pi so that neighbours differ by at most pi.
fn unwrap_phase(phase: &mut [f64]) {
    use std::f64::consts::{PI, TAU};
    let mut turns = 0.0;
    let mut last = f64::NAN;
    for value in phase {
        if value.is_finite() {
            let step = *value - last;
            if step > PI {
                turns -= TAU;
            } else if step < -PI {
                turns += TAU;
            }
            last = *value;
            *value += turns;
        }
    }
}

/// Frequencies that are worked on together: their loops become vector instructions.
const LANES: usize = 32;

/// Magnitudes for which the squares of squares stay in range.
fn moderate(x: f64) -> bool {
    x == 0.0 || (1e-70..1e70).contains(&x.abs())
}

pub(super) fn check_frequencies(omega: &[f64]) -> Result<()> {
    match omega.iter().position(|w| !w.is_finite()) {
        Some(at) => Err(Error::invalid(
            format!("omega[{at}]"),
            omega[at],
            "a finite angular frequency",
        )),
        None => Ok(()),
    }
}

impl PoleResidue {
    /// `H(j omega)` at angular frequencies `omega` (radians per time unit, any order, also negative).
    ///
    /// Pairs of poles are evaluated as real second-order sections whose denominators are formed without
    /// cancellation at resonance. Costs about 12 operations per section, cell and frequency; 20th order at
    /// 1000 frequencies takes some 20 microseconds.
    ///
    /// ```
    /// use nis_core::laplace::PoleResidue;
    /// use num_complex::Complex64;
    /// let lag = PoleResidue::from_pairs(&[Complex64::new(-1.0, 0.0)], &[Complex64::new(1.0, 0.0)], 0.0)?;
    /// let bode = lag.frequency_response(&[0.0, 1.0])?.bode();
    /// assert!((bode.magnitude[1] - 0.5f64.sqrt()).abs() < 1e-15);
    /// assert!((bode.phase[1] + std::f64::consts::FRAC_PI_4).abs() < 1e-15);
    /// # Ok::<(), nis_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where a frequency is not finite or the system's parts do not fit.
    pub fn frequency_response(&self, omega: &[f64]) -> Result<FrequencyResponse> {
        self.response_reported(omega, &Progress::none())
    }

    pub(super) fn response_reported(
        &self,
        omega: &[f64],
        progress: &Progress<'_>,
    ) -> Result<FrequencyResponse> {
        self.check()?;
        check_frequencies(omega)?;
        let cells = self.outputs * self.inputs;
        let n = omega.len();
        let chains = chains(self);
        let mut response = vec![Complex64::default(); cells * n];
        let range = chains
            .iter()
            .all(|c| moderate(c.pole.re) && moderate(c.pole.im));
        let mut sums = vec![[[0.0; LANES]; 2]; cells];
        let every = (QUANTUM / (32 * LANES * cells * chains.len()).max(1)).max(1);
        for (block, w) in omega.chunks(LANES).enumerate() {
            if block.is_multiple_of(every) {
                progress.report("frequency response", (block * LANES) as u64, n as u64, "")?;
            }
            let mut lanes = [0.0; LANES];
            lanes[..w.len()].copy_from_slice(w);
            for (cell, sum) in sums.iter_mut().enumerate() {
                let direct = self.direct.get(cell).copied().unwrap_or(0.0);
                let linear = self.linear.get(cell).copied().unwrap_or(0.0);
                for (j, w) in lanes.iter().enumerate() {
                    sum[0][j] = direct;
                    sum[1][j] = linear * w;
                }
            }
            let fast = range && lanes.iter().all(|w| moderate(*w));
            if fast {
                for chain in &chains {
                    add_chain(chain, &lanes, &mut sums);
                }
            }
            for (j, w) in w.iter().enumerate() {
                let mut finite = fast;
                for (cell, sum) in sums.iter().enumerate() {
                    let h = Complex64::new(sum[0][j], sum[1][j]);
                    finite &= h.is_finite();
                    response[cell * n + block * LANES + j] = h;
                }
                if !finite {
                    for cell in 0..cells {
                        response[cell * n + block * LANES + j] = self.careful(&chains, cell, *w);
                    }
                }
            }
        }
        Ok(FrequencyResponse {
            outputs: self.outputs,
            inputs: self.inputs,
            omega: omega.to_vec(),
            response,
        })
    }

    /// `H(j w)` of one cell where squares may leave the range of numbers; infinite at a pole.
    fn careful(&self, chains: &[Chain], cell: usize, w: f64) -> Complex64 {
        let s = Complex64::new(0.0, w);
        let mut sum = Complex64::new(
            self.direct.get(cell).copied().unwrap_or(0.0),
            self.linear.get(cell).copied().unwrap_or(0.0) * w,
        );
        for chain in chains {
            let pair = chain.pole.im != 0.0;
            let weight = if pair { 0.5 } else { 1.0 };
            let poles = [chain.pole, chain.pole.conj()];
            for (conjugate, pole) in poles.iter().enumerate().take(if pair { 2 } else { 1 }) {
                let from = s - pole;
                if from == Complex64::default() {
                    let residues = chain
                        .residues
                        .get(cell * chain.depth..(cell + 1) * chain.depth);
                    if residues.is_some_and(|r| r.iter().any(|r| r.norm() > 0.0)) {
                        return Complex64::new(f64::INFINITY, 0.0);
                    }
                    continue;
                }
                let mut part = Complex64::default();
                for l in (0..chain.depth).rev() {
                    let r = chain.residues[cell * chain.depth + l] * weight;
                    let r = if conjugate == 1 { r.conj() } else { r };
                    part = divide(part + r, from);
                }
                sum += part;
            }
        }
        sum
    }
}

/// Adds the share of one pole, or pair of poles, to all cells.
fn add_chain(chain: &Chain, w: &[f64; LANES], sums: &mut [[[f64; LANES]; 2]]) {
    let (sigma, omega) = (chain.pole.re, chain.pole.im);
    let (mut gr, mut gi) = ([0.0; LANES], [0.0; LANES]);
    if chain.depth > 1 {
        return add_powers(chain, w, sums);
    }
    if omega == 0.0 {
        for j in 0..LANES {
            let q = 1.0 / (sigma * sigma + w[j] * w[j]);
            gr[j] = -sigma * q;
            gi[j] = -w[j] * q;
        }
        for (r, sum) in chain.residues.iter().zip(sums) {
            let [re, im] = sum;
            for j in 0..LANES {
                re[j] += r.re * gr[j];
                im[j] += r.re * gi[j];
            }
        }
        return;
    }
    // 1/((s - p)(s - conj p)) at s = j w; (omega - w) is exact near resonance.
    for j in 0..LANES {
        let dr = sigma * sigma + (omega - w[j]) * (omega + w[j]);
        let di = -2.0 * sigma * w[j];
        let q = 1.0 / (dr * dr + di * di);
        gr[j] = dr * q;
        gi[j] = -di * q;
    }
    for (r, sum) in chain.residues.iter().zip(sums) {
        let [re, im] = sum;
        let n0 = -(r.re * sigma + r.im * omega);
        for j in 0..LANES {
            let n1 = r.re * w[j];
            re[j] += n0 * gr[j] - n1 * gi[j];
            im[j] += n0 * gi[j] + n1 * gr[j];
        }
    }
}

/// A repeated pole: Horner's rule in `1/(s - p)`.
fn add_powers(chain: &Chain, w: &[f64; LANES], sums: &mut [[[f64; LANES]; 2]]) {
    let pair = chain.pole.im != 0.0;
    let weight = if pair { 0.5 } else { 1.0 };
    for (j, w) in w.iter().enumerate() {
        let s = Complex64::new(0.0, *w);
        let g = (s - chain.pole).inv();
        let other = (s - chain.pole.conj()).inv();
        for (residues, sum) in chain.residues.chunks(chain.depth).zip(&mut *sums) {
            let (mut h, mut mirrored) = (Complex64::default(), Complex64::default());
            for r in residues.iter().rev() {
                h = (h + r * weight) * g;
                if pair {
                    mirrored = (mirrored + r.conj() * weight) * other;
                }
            }
            h += mirrored;
            sum[0][j] += h.re;
            sum[1][j] += h.im;
        }
    }
}

/// A state-space system made triangular, for many evaluations.
#[derive(Debug)]
pub(super) struct Triangular {
    schur: Schur,
    quasi: Quasi,
    b: faer::Mat<Complex64>,
    c: faer::Mat<Complex64>,
    d: Vec<f64>,
    inputs: usize,
    outputs: usize,
}

/// Operations between two reports of progress, some milliseconds.
const QUANTUM: usize = 1 << 23;

impl Triangular {
    pub(super) fn new(system: &StateSpace) -> Result<Self> {
        let (a, b, c) = (system.mat_a(), system.mat_b(), system.mat_c());
        let real = RealSchur::new(a.as_ref())?;
        let quasi = Quasi::new(&real, &b, &c);
        let schur = real.split();
        Ok(Triangular {
            b: schur.inputs(b.as_ref()),
            c: schur.outputs(c.as_ref()),
            d: system.d.clone(),
            inputs: system.inputs,
            outputs: system.outputs,
            quasi,
            schur,
        })
    }

    /// The Schur form that it works with.
    pub(super) fn schur(&self) -> &Schur {
        &self.schur
    }

    /// First-order change of `H(s)`, relative to `H(s)`, for a change of `T` by one unit of rounding of its norm:
    /// `eps |T| |C (s I - T)^-1| |(s I - T)^-1 B| / |H|`.
    pub(super) fn sensitivity(&self, s: Complex64) -> f64 {
        let n = self.schur.order();
        let t = &self.schur.t;
        let (mut x, mut z) = (self.b.clone(), self.c.clone());
        for j in 0..self.inputs {
            for i in (0..n).rev() {
                let sum: Complex64 = (i + 1..n).map(|k| t[(i, k)] * x[(k, j)]).sum();
                x[(i, j)] = divide(x[(i, j)] + sum, s - t[(i, i)]);
            }
        }
        for o in 0..self.outputs {
            for i in 0..n {
                let sum: Complex64 = (0..i).map(|k| z[(o, k)] * t[(k, i)]).sum();
                z[(o, i)] = divide(z[(o, i)] + sum, s - t[(i, i)]);
            }
        }
        let h = self
            .careful(s)
            .iter()
            .fold(0.0, |sum: f64, h| sum.hypot(h.norm()));
        let change = f64::EPSILON * t.norm_l2() * x.norm_l2() * z.norm_l2();
        if change == 0.0 { 0.0 } else { change / h }
    }

    /// `C (s I - A)^-1 B + D`; the value of a cell at `s[k]` stands at `[cell * s.len() + k]`. Costs `2 n^2`
    /// operations per input and point; backward stable whatever the poles. Infinite at a pole.
    pub(super) fn evaluate(
        &self,
        s: &[Complex64],
        progress: &Progress<'_>,
    ) -> Result<Vec<Complex64>> {
        let n = self.schur.order();
        let cells = self.outputs * self.inputs;
        let mut out = vec![Complex64::default(); cells * s.len()];
        let mut work = Work::new();
        let cost = (2 * n * (n + self.outputs) * self.inputs * POINTS).max(1);
        let every = (QUANTUM / cost).max(1);
        for (block, points) in s.chunks(POINTS).enumerate() {
            let first = block * POINTS;
            if block.is_multiple_of(every) {
                progress.report("frequency response", first as u64, s.len() as u64, "")?;
            }
            let fast = self.quasi.evaluate(points, &mut work);
            for (j, s_k) in points.iter().enumerate() {
                for (cell, [re, im]) in work.out.iter().enumerate() {
                    let d = self.d.get(cell).copied().unwrap_or(0.0);
                    out[cell * s.len() + first + j] = Complex64::new(re[j] + d, im[j]);
                }
                let at = |cell: usize| cell * s.len() + first + j;
                if !fast || (0..cells).any(|cell| !out[at(cell)].is_finite()) {
                    for (cell, h) in self.careful(*s_k).into_iter().enumerate() {
                        out[at(cell)] = h;
                    }
                }
            }
        }
        Ok(out)
    }

    /// All cells at one point, by the complex form; squares may leave the range of numbers. Infinite at a pole.
    pub(super) fn careful(&self, s: Complex64) -> Vec<Complex64> {
        let n = self.schur.order();
        let t = &self.schur.t;
        let mut x = self.b.clone();
        for j in 0..self.inputs {
            for i in (0..n).rev() {
                let sum: Complex64 = (i + 1..n).map(|k| t[(i, k)] * x[(k, j)]).sum();
                x[(i, j)] = divide(x[(i, j)] + sum, s - t[(i, i)]);
            }
        }
        let cells = (0..self.outputs).flat_map(|o| (0..self.inputs).map(move |i| (o, i)));
        cells
            .enumerate()
            .map(|(cell, (o, i))| {
                let sum: Complex64 = (0..n).map(|k| self.c[(o, k)] * x[(k, i)]).sum();
                let h = sum + self.d.get(cell).copied().unwrap_or(0.0);
                if h.is_finite() {
                    h
                } else {
                    Complex64::new(f64::INFINITY, 0.0)
                }
            })
            .collect()
    }
}

impl StateSpace {
    /// `H(j omega)`, or `H(e^{j omega dt})` for a discrete system, at angular frequencies `omega` (radians
    /// per time unit).
    ///
    /// `A` is brought to real Schur form, then each frequency is a back substitution: accurate also where `A` has
    /// repeated or clustered eigenvalues. A [`Prepared`](super::Prepared) keeps that form for the next call, and
    /// reports progress.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where a frequency is not finite or the system's parts do not fit,
    /// [`Error::Numerical`] where the QR iteration does not converge.
    pub fn frequency_response(&self, omega: &[f64]) -> Result<FrequencyResponse> {
        self.check()?;
        check_frequencies(omega)?;
        self.triangular_response(&Triangular::new(self)?, omega, &Progress::none())
    }

    /// The frequency response from the form that was made of this system.
    pub(super) fn triangular_response(
        &self,
        triangular: &Triangular,
        omega: &[f64],
        progress: &Progress<'_>,
    ) -> Result<FrequencyResponse> {
        let points: Vec<Complex64> = omega
            .iter()
            .map(|w| match self.dt {
                Some(dt) => Complex64::cis(w * dt),
                None => Complex64::new(0.0, *w),
            })
            .collect();
        Ok(FrequencyResponse {
            outputs: self.outputs,
            inputs: self.inputs,
            omega: omega.to_vec(),
            response: triangular.evaluate(&points, progress)?,
        })
    }
}
