//! What a fit reached.

use num_complex::Complex64;
use serde::{Deserialize, Serialize};

use super::basis::width;
use super::data::Samples;
use super::order::Found;
use super::polish::linear;
use super::{FitOptions, FrequencyData, Weighting};
use crate::error::{Error, Result};
use crate::laplace::{PoleResidue, Term};

/// One pole of a fit: a conjugate pair, or a real pole.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FitPole {
    /// Pole with non-negative imaginary part, in 1/(time unit).
    pub pole: Complex64,
    /// Standard errors of the real and imaginary part, `None` where the data do not determine them or leave no
    /// degrees of freedom for the noise.
    pub pole_se: Option<Complex64>,
    /// Natural frequency `|pole| / 2 pi`, cycles per time unit.
    pub frequency: f64,
    /// `-Re(pole) / |pole|`.
    pub damping_ratio: f64,
}

/// One order that was fitted on the way.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Tried {
    /// Number of poles.
    pub order: usize,
    /// Weighted rms error against the weighted rms of the response.
    pub relative_rms: f64,
    /// `n ln(rss/n) + k ln n` with `n` real equations and `k` real parameters, those of the poles counted twice;
    /// up to a constant of the data.
    pub description_length: f64,
}

/// A rational fit and what is needed to judge it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResponseFit {
    /// The fit; its terms stand in the order of `poles`.
    pub system: PoleResidue,
    /// The poles, by rising magnitude.
    pub poles: Vec<FitPole>,
    /// Number of poles, conjugates included.
    pub order: usize,
    /// What decided the order.
    pub order_reason: String,
    /// The orders that were fitted, in the order of the search.
    pub tried: Vec<Tried>,
    /// Number of points.
    pub points: usize,
    /// Root mean square of the error's magnitude over points and elements, unweighted.
    pub rms: f64,
    /// `rms` against the root mean square of the response.
    pub relative_rms: f64,
    /// Largest magnitude of the error.
    pub max_error: f64,
    /// Largest magnitude of the error against that of the response at the same place, where that is not 0.
    pub max_relative_error: f64,
    /// Point of the largest error.
    pub max_error_at: Complex64,
    /// Standard deviation of the real and of the imaginary part of the weighted error, estimated with the
    /// degrees of freedom left: near 1 where the weights are the inverse standard deviations of the noise.
    /// `None` where no degrees of freedom are left.
    pub noise_std: Option<f64>,
    /// Relocations of the poles by vector fitting for the order taken.
    pub relocations: usize,
    /// Gauss-Newton steps for the order taken.
    pub polish_steps: usize,
    /// Whether the Gauss-Newton steps ended at an optimum.
    pub converged: bool,
    /// Whether all poles have a negative real part.
    pub stable: bool,
    /// Where the poles taken started.
    pub start: String,
}

pub(super) fn report(
    data: &FrequencyData<'_>,
    samples: &Samples,
    options: &FitOptions,
    found: Found,
) -> Result<ResponseFit> {
    let mut poles = found.best.poles.clone();
    poles.sort_by(|a, b| a.norm().total_cmp(&b.norm()).then(a.im.total_cmp(&b.im)));
    let fit = linear(samples, &poles, true);
    if !fit.independent {
        return Err(Error::numerical(
            "vector fitting",
            format!(
                "the {} poles found cannot be told apart by these points; ask for a lower order",
                super::basis::order(&poles)
            ),
        ));
    }
    let system = system(data, samples, &poles, &fit.coefficients);
    system.check().map_err(|e| {
        Error::numerical("vector fitting", format!("a result that is no system: {e}"))
    })?;
    let order = super::basis::order(&poles);
    let free = samples.equations.saturating_sub(samples.parameters(order));
    let variance = (free > 0).then(|| fit.rss / free as f64);
    let covariance = variance.and_then(|v| fit.covariance().map(|c| (v, c)));
    let mut at = 0;
    let reported = poles
        .iter()
        .map(|p| {
            let pole = p * samples.scale;
            let se = |k: usize| {
                covariance
                    .as_ref()
                    .map(|(v, c)| samples.scale * (v * c[(k, k)]).sqrt())
            };
            let pole_se = se(at).map(|re| {
                let im = if width(*p) == 2 { se(at + 1) } else { None };
                Complex64::new(re, im.unwrap_or(0.0))
            });
            at += width(*p);
            FitPole {
                pole,
                pole_se: pole_se.filter(|v| v.is_finite()),
                frequency: pole.norm() / std::f64::consts::TAU,
                damping_ratio: -pole.re / pole.norm(),
            }
        })
        .collect();
    let unit = match options.weighting {
        Weighting::Uniform => samples.size * samples.largest_weight,
        Weighting::InverseMagnitude | Weighting::InverseNorm => samples.largest_weight,
    };
    let errors = errors(data, &system, samples.size);
    Ok(ResponseFit {
        stable: poles.iter().all(|p| p.re < 0.0),
        system,
        poles: reported,
        order,
        order_reason: found.reason,
        tried: found.tried,
        points: data.s.len(),
        rms: errors.rms,
        relative_rms: errors.relative_rms,
        max_error: errors.max,
        max_relative_error: errors.max_relative,
        max_error_at: errors.max_at,
        noise_std: variance.map(|v| unit * v.sqrt()),
        relocations: found.best.relocations,
        polish_steps: found.best.steps,
        converged: found.best.converged,
        start: found.best.start.to_owned(),
    })
}

/// The system in the caller's units.
fn system(
    data: &FrequencyData<'_>,
    samples: &Samples,
    poles: &[Complex64],
    coefficients: &[Vec<f64>],
) -> PoleResidue {
    let value = |cell: usize, j: usize| {
        coefficients
            .get(cell)
            .and_then(|c| c.get(j))
            .copied()
            .unwrap_or(0.0)
    };
    let mut at = 0;
    let terms = poles
        .iter()
        .map(|p| {
            let residue = (0..samples.cells)
                .map(|cell| {
                    let im = if width(*p) == 2 {
                        value(cell, at + 1)
                    } else {
                        0.0
                    };
                    Complex64::new(value(cell, at), im) * samples.scale * samples.size
                })
                .collect();
            at += width(*p);
            Term {
                pole: p * samples.scale,
                power: 1,
                residue,
            }
        })
        .collect();
    let flat = |present: bool, j: usize, unit: f64| -> Vec<f64> {
        if present {
            (0..samples.cells)
                .map(|cell| value(cell, j) * unit)
                .collect()
        } else {
            Vec::new()
        }
    };
    PoleResidue {
        outputs: data.outputs,
        inputs: data.inputs,
        terms,
        direct: flat(samples.direct, at, samples.size),
        linear: flat(
            samples.linear,
            at + usize::from(samples.direct),
            samples.size / samples.scale,
        ),
    }
}

struct Errors {
    rms: f64,
    relative_rms: f64,
    max: f64,
    max_relative: f64,
    max_at: Complex64,
}

fn errors(data: &FrequencyData<'_>, system: &PoleResidue, size: f64) -> Errors {
    let cells = data.outputs * data.inputs;
    // In units of the largest response, so that squares neither over- nor underflow.
    let (mut sum, mut power) = (0.0, 0.0);
    let mut out = Errors {
        rms: 0.0,
        relative_rms: 0.0,
        max: 0.0,
        max_relative: 0.0,
        max_at: data.s.first().copied().unwrap_or_default(),
    };
    for (s, row) in data.s.iter().zip(data.response.chunks(cells)) {
        for (fit, measured) in system.evaluate(*s).iter().zip(row) {
            let error = (fit - measured).norm();
            sum += (error / size).powi(2);
            power += (measured.norm() / size).powi(2);
            if error > out.max || error.is_nan() {
                out.max = error;
                out.max_at = *s;
            }
            let magnitude = measured.norm();
            if magnitude > 0.0 {
                let relative = error / magnitude;
                if relative > out.max_relative || relative.is_nan() {
                    out.max_relative = relative;
                }
            }
        }
    }
    out.rms = size * (sum / data.response.len() as f64).sqrt();
    out.relative_rms = if power > 0.0 {
        (sum / power).sqrt()
    } else {
        0.0
    };
    out
}
