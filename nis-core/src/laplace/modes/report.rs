//! The modes of one real signal, with their errors.

use num_complex::Complex64;
use rustfft::FftPlanner;

use super::estimate::{Estimate, estimate};
use super::exponentials::anchor;
use super::order::{order_of, variance_of};
use super::refine::Fit;
use super::{Mode, Modes, ModesOptions};
use crate::error::{Error, Result};
use crate::telemetry::Progress;

/// Finds the modes of a uniformly sampled real signal.
///
/// The poles come from the shift invariance of the signal subspace (ESPRIT) for every order up to
/// `max_order`. A gap in the singular values decides the order where there is one, else the least description
/// length, else (where that hardly differs) the steadiness of the poles in parts of the record. The poles are
/// refined to the least-squares optimum together with amplitudes and baseline, and poles that the refined
/// description can do without are dropped. Standard errors are those of the optimum. Costs about
/// `10 (max_order + 6)` FFTs of the record's length and some iterations of `10 n order`; records of over 16384
/// samples start from a block of 8192, and cost some twenty passes over the record.
///
/// # Errors
/// [`Error::InvalidInput`] for a signal that is too short, not finite or constant, a bad `dt` or an order that
/// the record cannot carry; [`Error::Numerical`] where the signal has no modes of the given order that can be
/// told apart; [`Error::Cancelled`] on request.
///
/// ```
/// use nis_core::{laplace::{ModesOptions, modes}, telemetry::Progress};
/// // A damped cosine around 3: e^{-0.1 t} cos(2 t) + 3, sampled every 0.05.
/// let x: Vec<f64> = (0..400)
///     .map(|i| 0.05 * f64::from(i))
///     .map(|t| (-0.1 * t).exp() * (2.0 * t).cos() + 3.0)
///     .collect();
/// let found = modes(&x, 0.0, 0.05, &ModesOptions::default(), &Progress::none())?;
/// assert_eq!(found.order, 2);
/// let pole = found.modes[0].pole;
/// assert!((pole.re + 0.1).abs() < 1e-9 && (pole.im - 2.0).abs() < 1e-9);
/// assert!((found.offset - 3.0).abs() < 1e-9);
/// # Ok::<(), nis_core::Error>(())
/// ```
pub fn modes(
    signal: &[f64],
    t0: f64,
    dt: f64,
    options: &ModesOptions,
    progress: &Progress<'_>,
) -> Result<Modes> {
    let Estimate {
        scales,
        flat,
        fit,
        choice,
    } = estimate(&[signal], t0, dt, options, progress)?;
    let (size, flat) = (scales[0], flat[0]);
    let n = signal.len();
    let parts = parts(&fit, dt)?;
    let mut modes: Vec<Mode> = Vec::new();
    for part in &parts {
        let s = part.pole;
        let frequency = s.im / std::f64::consts::TAU;
        let frequency_se = part.pole_se.im / std::f64::consts::TAU;
        let twice = if part.pair { 2.0 } else { 1.0 };
        let (mut residue, residue_se) = part.residues[0];
        if part.nyquist {
            residue.im = 0.0;
        }
        let mut mode = Mode {
            pole: s,
            pole_se: part.pole_se,
            pole_bound: part.pole_bound,
            residue: residue * size,
            frequency,
            frequency_se,
            period: part.pair.then(|| 1.0 / frequency),
            period_se: part.pair.then(|| frequency_se / (frequency * frequency)),
            damping_ratio: damping_ratio(s),
            amplitude: residue.norm() * size * twice,
            amplitude_se: residue_se * size * twice,
            phase: residue.arg(),
            power_share: 0.0,
        };
        mode.power_share = part.power[0] / (flat / n as f64);
        if !part.pair {
            mode.residue.im = 0.0;
        }
        modes.push(mode);
    }
    modes.sort_by(|a, b| b.power_share.total_cmp(&a.power_share));
    let base = |i: usize| {
        fit.coefficients[0]
            .get(fit.poles.len() + i)
            .map_or(0.0, |v| v.re * size)
    };
    Ok(Modes {
        modes,
        t0,
        dt,
        n,
        order: order_of(&fit.poles),
        order_reason: choice.reason,
        order_rule: choice.rule,
        offset: base(0),
        slope: base(1) / (n as f64 * dt),
        noise_std: variance_of(&fit).sqrt() * size,
        residual_rms: (fit.sum_squares / n as f64).sqrt() * size,
        explained: 1.0 - fit.sum_squares / flat,
        fitted: signal
            .iter()
            .enumerate()
            .map(|(k, v)| v - fit.residual.sample(0, k).re * size)
            .collect(),
    })
}

pub(super) fn damping_ratio(s: Complex64) -> f64 {
    if s.norm() > 0.0 {
        -s.re / s.norm()
    } else {
        0.0
    }
}

/// What is known of one pole, in units of time and of the scaled channels.
pub(super) struct Part {
    pub(super) pole: Complex64,
    /// Whether the conjugate goes with it. At the Nyquist frequency the two are one at the samples, and each has
    /// half of what is there.
    pub(super) pair: bool,
    pub(super) nyquist: bool,
    pub(super) pole_se: Complex64,
    pub(super) pole_bound: Complex64,
    /// Amplitude at the first sample and the standard error of its magnitude, for every channel.
    pub(super) residues: Vec<(Complex64, f64)>,
    /// Mean square over the record, for every channel.
    pub(super) power: Vec<f64>,
}

/// The poles of a fit with their errors.
pub(super) fn parts(fit: &Fit, dt: f64) -> Result<Vec<Part>> {
    let data = &fit.residual;
    let n = data.n;
    if fit.poles.is_empty() {
        return Ok(Vec::new());
    }
    let covariance = fit.covariance().ok_or_else(|| {
        Error::numerical(
            "standard errors of the modes",
            "the modes of this order cannot be told apart; ask for a smaller order",
        )
    })?;
    let variance = variance_of(fit);
    let colour = Colour::new(fit);
    let mut column = 0;
    let mut out = Vec::new();
    for (k, pole) in fit.poles.iter().enumerate() {
        let (zero, one) = (Complex64::default(), Complex64::new(1.0, 0.0));
        let error = |channel: usize, u: Complex64, v: Complex64| {
            let share = covariance.variance(channel, column, pole.pair, data.real, u, v);
            (share * variance).max(0.0).sqrt()
        };
        let imaginary = if pole.pair || !data.real {
            error(0, -Complex64::i(), zero)
        } else {
            0.0
        };
        let bound = Complex64::new(error(0, one, zero), imaginary) / dt;
        let noise = colour.at(pole.s.im);
        let back = anchor(pole.s, n);
        let to_first = (-pole.s * back).exp();
        let nyquist = pole.is_nyquist(data.real);
        let share = if nyquist { 0.5 } else { 1.0 };
        let mut residues = Vec::new();
        let mut power = Vec::new();
        for (c, a) in fit.coefficients.iter().enumerate() {
            let first = a[k] * to_first;
            let size = first.norm();
            // |a e^{-s back}|: amplitudes of growing modes are fitted at the last sample; carrying them back to
            // the first adds the error of the growth.
            let along = if size > 0.0 { first.conj() / size } else { one };
            let se = error(c, Complex64::new(-back * size, 0.0), along * to_first);
            residues.push((first * share, se * noise * share));
            power.push(mean_square(a[k], pole.s, pole.pair, n, back));
        }
        out.push(Part {
            pole: pole.s / dt,
            pair: pole.pair || nyquist,
            nyquist,
            pole_se: bound * noise,
            pole_bound: bound,
            residues,
            power,
        });
        column += pole.order();
    }
    Ok(out)
}

/// Mean square of one mode over the record.
fn mean_square(a: Complex64, s: Complex64, pair: bool, n: usize, anchor: f64) -> f64 {
    let mut sum = 0.0;
    let step = s.exp();
    let mut z = Complex64::default();
    for k in 0..n {
        // Exact every so often, so that rounding does not add up.
        if k % 64 == 0 {
            z = a * (s * (k as f64 - anchor)).exp();
        }
        let v = if pair { 2.0 * z.re } else { z.norm() };
        sum += v * v;
        z *= step;
    }
    sum / n as f64
}

/// Fewest samples for which the noise is told by frequency.
const COLOURED: usize = 128;

/// How strong the residual is at a frequency against its mean, as a factor of standard errors: the variance of a
/// mode's parameters goes with the noise spectrum at its frequency (Stoica and Nehorai, IEEE Trans. ASSP 37 (1989)
/// 720, section VI, for coloured noise).
struct Colour {
    power: Vec<f64>,
    mean: f64,
    reach: usize,
    real: bool,
}

impl Colour {
    fn new(fit: &Fit) -> Self {
        let data = &fit.residual;
        let n = data.n;
        let mut power = vec![0.0; n];
        if n >= COLOURED {
            let transform = FftPlanner::new().plan_fft_forward(n);
            for c in 0..data.channels() {
                let mut buffer: Vec<Complex64> = (0..n).map(|k| data.sample(c, k)).collect();
                transform.process(&mut buffer);
                for (sum, v) in power.iter_mut().zip(&buffer) {
                    *sum += v.norm_sqr();
                }
            }
        }
        Colour {
            mean: power.iter().sum::<f64>() / n as f64,
            reach: (n / 32).clamp(1, 2048),
            real: data.real,
            power,
        }
    }

    fn at(&self, omega: f64) -> f64 {
        let n = self.power.len();
        if n < COLOURED || self.mean <= 0.0 {
            return 1.0;
        }
        let middle = (omega / std::f64::consts::TAU * n as f64).round() as i64;
        let count = 2 * self.reach + 1;
        let sum: f64 = (0..count)
            .map(|i| {
                let bin = middle + i as i64 - self.reach as i64;
                self.power[bin.rem_euclid(n as i64) as usize]
            })
            .sum();
        // The mode itself took two of these numbers (one complex amplitude and one complex pole from one or two
        // complex bins).
        let middle = middle.unsigned_abs() as usize;
        let edge = middle.min((n / 2).abs_diff(middle)) <= self.reach;
        let taken = if self.real && edge { 1 } else { 2 };
        (sum / (count - taken) as f64 / self.mean).sqrt()
    }
}
