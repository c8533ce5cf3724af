//! Modes that several channels share, of real or complex samples.

use num_complex::Complex64;
use serde::{Deserialize, Serialize};

use super::estimate::{Estimate, estimate};
use super::order::{order_of, variance_of};
use super::report::{damping_ratio, parts};
use super::{ModesOptions, OrderRule};
use crate::error::Result;
use crate::laplace::forward::Sample;
use crate::telemetry::Progress;

/// One mode of several channels: a pole, and a residue for each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SharedMode {
    /// The pole, in 1/(time unit); of real channels the one with non-negative imaginary part.
    pub pole: Complex64,
    /// Whether the conjugate pole goes with it: `2 Re(residue e^{pole (t - t0)})`.
    pub pair: bool,
    /// Standard errors of the real and imaginary part of the pole, with the noise around the mode's frequency.
    pub pole_se: Complex64,
    /// Cramer-Rao bounds of the real and imaginary part of the pole, in white noise.
    pub pole_bound: Complex64,
    /// Cycles per time unit; negative for complex channels that turn backwards.
    pub frequency: f64,
    /// `-Re(pole)/|pole|`
    pub damping_ratio: f64,
    /// Complex amplitude at the first sample of each channel.
    pub residues: Vec<Complex64>,
    /// Standard errors of the magnitudes of the residues.
    pub residue_se: Vec<f64>,
    /// Mean square of this mode over the record, divided by that of the detrended signal, for each channel.
    pub power_share: Vec<f64>,
}

/// The modes of several channels, strongest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SharedModes {
    /// The modes, by falling power share, summed over the channels.
    pub modes: Vec<SharedMode>,
    /// Time of the first sample.
    pub t0: f64,
    /// Sampling interval.
    pub dt: f64,
    /// Number of samples of a channel.
    pub n: usize,
    /// Degrees of freedom of the pole set: pairs count 2.
    pub order: usize,
    /// What decided the order, with the figure.
    pub order_reason: String,
    /// What decided the order.
    pub order_rule: OrderRule,
    /// Removed offset of each channel (value at `t0`).
    pub offset: Vec<Complex64>,
    /// Removed slope of each channel per time unit.
    pub slope: Vec<Complex64>,
    /// Standard deviation of each channel's noise (of complex samples: of their magnitude).
    pub noise_std: Vec<f64>,
    /// `1 - residual power / detrended power` of each channel.
    pub explained: Vec<f64>,
}

impl SharedModes {
    /// The model of a channel (modes, offset and slope) at times `t`, also outside the record; empty for a channel
    /// that is not there.
    pub fn evaluate(&self, channel: usize, t: &[f64]) -> Vec<Complex64> {
        let (Some(offset), Some(slope)) = (self.offset.get(channel), self.slope.get(channel))
        else {
            return Vec::new();
        };
        t.iter()
            .map(|t| {
                let since = t - self.t0;
                let modal: Complex64 = self
                    .modes
                    .iter()
                    .map(|m| {
                        let z = m.residues[channel] * (m.pole * since).exp();
                        if m.pair {
                            Complex64::new(2.0 * z.re, 0.0)
                        } else {
                            z
                        }
                    })
                    .sum();
                offset + slope * since + modal
            })
            .collect()
    }
}

/// Finds the modes that channels of equal length share.
///
/// The method of [`modes`](super::modes) with one set of poles and a residue for every pole and channel. Channels
/// may differ in unit and noise: they are weighted by what the modes leave of them, which is the maximum of
/// likelihood for white noise of unknown strength. Real channels have conjugate pairs of poles, complex ones
/// single poles.
///
/// ```
/// use nis_core::{laplace::{ModesOptions, shared_modes}, telemetry::Progress};
/// use num_complex::Complex64;
/// // Two channels that turn at the same pole, one at half the strength and a quarter turn behind.
/// let pole = Complex64::new(-0.1, 2.0);
/// let a: Vec<Complex64> = (0..200).map(|i| (pole * (0.05 * f64::from(i))).exp()).collect();
/// let b: Vec<Complex64> = a.iter().map(|z| z * Complex64::new(0.0, -0.5)).collect();
/// let found = shared_modes(&[&a, &b], 0.0, 0.05, &ModesOptions::default(), &Progress::none())?;
/// assert_eq!(found.order, 1);
/// assert!((found.modes[0].pole - pole).norm() < 1e-9);
/// assert!((found.modes[0].residues[1] - Complex64::new(0.0, -0.5)).norm() < 1e-9);
/// # Ok::<(), nis_core::Error>(())
/// ```
///
/// # Errors
/// As [`modes`](super::modes); channels are named `signals[c]` where there are several.
pub fn shared_modes<T: Sample>(
    signals: &[&[T]],
    t0: f64,
    dt: f64,
    options: &ModesOptions,
    progress: &Progress<'_>,
) -> Result<SharedModes> {
    let Estimate {
        scales,
        flat,
        fit,
        choice,
    } = estimate(signals, t0, dt, options, progress)?;
    let data = &fit.residual;
    let n = data.n;
    let mut modes: Vec<SharedMode> = parts(&fit, dt)?
        .into_iter()
        .map(|part| SharedMode {
            pole: part.pole,
            pair: part.pair,
            pole_se: part.pole_se,
            pole_bound: part.pole_bound,
            frequency: part.pole.im / std::f64::consts::TAU,
            damping_ratio: damping_ratio(part.pole),
            residues: part
                .residues
                .iter()
                .zip(&scales)
                .map(|((a, _), scale)| a * *scale)
                .collect(),
            residue_se: part
                .residues
                .iter()
                .zip(&scales)
                .map(|((_, se), scale)| se * scale)
                .collect(),
            power_share: part
                .power
                .iter()
                .zip(&flat)
                .map(|(power, flat)| power * n as f64 / flat)
                .collect(),
        })
        .collect();
    let total = |m: &SharedMode| m.power_share.iter().sum::<f64>();
    modes.sort_by(|a, b| total(b).total_cmp(&total(a)));
    let base = |i: usize, unit: f64| {
        fit.coefficients
            .iter()
            .zip(&scales)
            .map(|(a, scale)| {
                a.get(fit.poles.len() + i).copied().unwrap_or_default() * *scale / unit
            })
            .collect::<Vec<Complex64>>()
    };
    // The pooled variance told apart by channel: each has its share of the degrees of freedom.
    let pooled = variance_of(&fit) / fit.sum_squares.max(f64::MIN_POSITIVE);
    let channels = data.channels() as f64;
    Ok(SharedModes {
        t0,
        dt,
        n,
        order: order_of(&fit.poles),
        order_reason: choice.reason,
        order_rule: choice.rule,
        offset: base(0, 1.0),
        slope: base(1, n as f64 * dt),
        noise_std: scales
            .iter()
            .enumerate()
            .map(|(c, scale)| (data.sum_squares(c) * pooled * channels).sqrt() * scale)
            .collect(),
        explained: flat
            .iter()
            .enumerate()
            .map(|(c, flat)| 1.0 - data.sum_squares(c) / flat)
            .collect(),
        modes,
    })
}
