//! One segment: the ways to write it, and reading it back.

use serde::{Deserialize, Serialize};

use super::evaluate::power_of_two;
use super::fit::{self, Fit};
use super::parameters::Parameters;
use super::predict::{self, Plan};
use super::range::{RangeDecoder, RangeEncoder};
use crate::error::{Error, Result};

/// How a segment is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SegmentKind {
    /// Samples as f64.
    Raw,
    /// Offset, slope and damped exponentials alone.
    Modal,
    /// Damped exponentials and what they leave, quantised.
    ModalResidual,
    /// Quantised samples by a linear predictor.
    Predictor,
}

impl SegmentKind {
    /// All kinds, by tag.
    pub const ALL: [SegmentKind; 4] = [
        SegmentKind::Raw,
        SegmentKind::Modal,
        SegmentKind::ModalResidual,
        SegmentKind::Predictor,
    ];

    pub(super) fn tag(self) -> u8 {
        match self {
            SegmentKind::Raw => 0,
            SegmentKind::Modal => 1,
            SegmentKind::ModalResidual => 2,
            SegmentKind::Predictor => 3,
        }
    }

    /// Whether damped exponentials (or offset and slope) are part of it.
    pub fn is_modal(self) -> bool {
        matches!(self, SegmentKind::Modal | SegmentKind::ModalResidual)
    }
}

/// What the error of each segment must keep.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Bound {
    /// Largest error.
    Max(f64),
    /// Root mean square.
    Rms(f64),
}

impl Bound {
    fn value(self) -> f64 {
        match self {
            Bound::Max(v) | Bound::Rms(v) => v,
        }
    }

    fn holds(self, errors: &Errors) -> bool {
        match self {
            Bound::Max(v) => errors.max <= v,
            Bound::Rms(v) => errors.rms <= v,
        }
    }
}

/// Bound and quantiser that all segments share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rules {
    pub(super) bound: Bound,
    /// Step of the quantiser where the container's head holds one.
    pub(super) step: Option<f64>,
    /// Whether the samples are whole multiples of `step`, which then come back as such.
    pub(super) lattice: bool,
}

/// Errors of some samples.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Errors {
    pub(super) max: f64,
    pub(super) rms: f64,
}

impl Errors {
    pub(super) fn between(x: &[f64], back: &[f64]) -> Errors {
        let difference = |(a, b): (&f64, &f64)| (a - b).abs();
        // A NaN stays the maximum.
        let max = x
            .iter()
            .zip(back)
            .map(difference)
            .fold(0.0, |a: f64, d| if a.is_nan() || d <= a { a } else { d });
        let sum: f64 = x
            .iter()
            .zip(back)
            .map(|pair| difference(pair) / max)
            .map(|r| r * r)
            .sum();
        let rms = if max == 0.0 {
            0.0
        } else {
            max * (sum / x.len() as f64).sqrt()
        };
        Errors { max, rms }
    }
}

/// A segment as it will stand in the container.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Coded {
    pub(super) kind: SegmentKind,
    pub(super) samples: usize,
    pub(super) payload: Vec<u8>,
    pub(super) errors: Errors,
    /// Number of its modes.
    pub(super) modes: usize,
}

/// Bits of tag, lengths and check sum beside a payload.
const FRAME: usize = 9;

impl Coded {
    /// Bytes in the container, near enough for a choice.
    pub(super) fn bytes(&self) -> usize {
        self.payload.len() + FRAME
    }
}

/// Largest quantised value: differences of two stay exact.
const LARGEST: f64 = (1u64 << 52) as f64;

fn own_step(step: f64) -> Option<(u64, f64)> {
    // Rounded down to 16 bits behind the point, so that a bound which the step kept is kept.
    let bits = step.to_bits() >> 36;
    let rounded = f64::from_bits(bits << 36);
    rounded.is_normal().then_some((bits, rounded))
}

/// What the quantiser makes of samples and their model; `None` where it is too coarse a number format.
fn quantise(x: &[f64], model: Option<&[f64]>, step: f64, lattice: bool) -> Option<Vec<i64>> {
    let whole = |v: f64| {
        let q = (v / step).round();
        (q.abs() <= LARGEST).then_some(q as i64)
    };
    match model {
        None => x.iter().map(|v| whole(*v)).collect(),
        Some(m) if lattice => x
            .iter()
            .zip(m)
            .map(|(v, m)| {
                let k = whole(*v)? - whole(*m)?;
                (k.abs() as f64 <= LARGEST).then_some(k)
            })
            .collect(),
        Some(m) => x.iter().zip(m).map(|(v, m)| whole(v - m)).collect(),
    }
}

/// The samples that quantised values and a model stand for.
fn rebuild(k: &[i64], model: Option<&[f64]>, step: f64, lattice: bool) -> Vec<f64> {
    match model {
        None => k.iter().map(|k| *k as f64 * step).collect(),
        Some(m) if lattice => k
            .iter()
            .zip(m)
            .map(|(k, m)| (*k as f64 + (m / step).round()) * step)
            .collect(),
        Some(m) => k.iter().zip(m).map(|(k, m)| m + *k as f64 * step).collect(),
    }
}

/// The quantiser for a segment that keeps the bound, with the values it gives and their errors.
struct Quantised {
    values: Vec<i64>,
    /// The step's bits where the segment has its own.
    own: Option<u64>,
    errors: Errors,
}

fn quantiser(x: &[f64], model: Option<&[f64]>, rules: &Rules) -> Option<Quantised> {
    let attempt = |step: f64, own: Option<u64>, lattice: bool| {
        let values = quantise(x, model, step, lattice)?;
        let errors = Errors::between(x, &rebuild(&values, model, step, lattice));
        Some(Quantised {
            values,
            own,
            errors,
        })
    };
    let keeps = |q: &Quantised| rules.bound.holds(&q.errors);
    if let Some(step) = rules.step
        && let Some(shared) = attempt(step, None, rules.lattice).filter(keeps)
    {
        return Some(shared);
    }
    let own = |step: f64| {
        let (bits, step) = own_step(step)?;
        attempt(step, Some(bits), false)
    };
    match rules.bound {
        // Where the bound is near the last bits of the samples, their rounding needs a part of it.
        Bound::Max(e) => own(1.5 * e).filter(keeps).or_else(|| own(e).filter(keeps)),
        Bound::Rms(e) => {
            // A fine quantiser's error is uniform; a coarse one leaves less than that, so that its step may grow.
            let mut step = e * 12f64.sqrt();
            let mut best: Option<Quantised> = None;
            for _ in 0..8 {
                let tried = own(step)?;
                let rms = tried.errors.rms;
                if keeps(&tried) {
                    best = Some(tried);
                    if rms == 0.0 || rms > 0.97 * e {
                        break;
                    }
                    step *= (e / rms).min(1.5) * 0.995;
                } else if best.is_some() || rms.is_nan() {
                    break;
                } else {
                    step *= (e / rms).min(0.98);
                }
            }
            best
        }
    }
}

fn write_step(out: &mut RangeEncoder, own: Option<u64>) {
    out.plain(u64::from(own.is_some()), 1);
    if let Some(bits) = own {
        out.plain(bits, 27);
    }
}

/// The segment without modes: by the predictor, or as it is where that is shorter or the quantiser cannot keep
/// the bound.
pub(super) fn fallback(x: &[f64], rules: &Rules) -> Coded {
    let predicted = quantiser(x, None, rules).map(|q| {
        let mut out = RangeEncoder::new();
        write_step(&mut out, q.own);
        Plan::new(&q.values).write(&mut out);
        Coded {
            kind: SegmentKind::Predictor,
            samples: x.len(),
            payload: out.finish(),
            errors: q.errors,
            modes: 0,
        }
    });
    match predicted {
        Some(coded) if coded.payload.len() < 8 * x.len() => coded,
        _ => Coded {
            kind: SegmentKind::Raw,
            samples: x.len(),
            payload: x.iter().flat_map(|v| v.to_le_bytes()).collect(),
            errors: Errors::default(),
            modes: 0,
        },
    }
}

/// A segment whose samples are all the same, exactly; `None` where they are not, or are fewer than would pay.
pub(super) fn constant(x: &[f64]) -> Option<Coded> {
    let first = *x.get(2)?;
    if x.iter().any(|v| *v != first) {
        return None;
    }
    let parameters = fit::constant(first)?;
    // -0.0 comes back as 0.0, which is no error.
    Some(modal_alone(x, &parameters, &parameters.evaluate(x.len())))
}

fn modal_alone(x: &[f64], parameters: &Parameters, model: &[f64]) -> Coded {
    let mut out = RangeEncoder::new();
    parameters.write(&mut out);
    Coded {
        kind: SegmentKind::Modal,
        samples: x.len(),
        payload: out.finish(),
        errors: Errors::between(x, model),
        modes: parameters.modes.len(),
    }
}

/// Bits per sample of a normal deviate of standard deviation `sigma` in a quantiser of step 1: the entropy
/// `log2(sigma sqrt(2 pi e))` for large ones, next to nothing for small ones.
fn bits_per_sample(sigma: f64) -> f64 {
    0.5 * (1.0 + 17.08 * sigma * sigma).log2()
}

/// The segment by the modes of a fit: alone where they keep the bound, else with their residual; `None` where
/// no quantisation of them can.
pub(super) fn modal(x: &[f64], fit: &Fit, rules: &Rules) -> Option<Coded> {
    let n = x.len() as f64;
    let value = rules.bound.value();
    let step = rules
        .step
        .unwrap_or(value * 12f64.sqrt())
        .min(f64::MAX / 4.0);
    let step = fit::in_units(fit, step);
    let allowed = fit::in_units(fit, value);
    // No more than the line: the predictor needs no line before it.
    let line = fit.len() == 0;
    if line && fit.left(0) > allowed {
        return None;
    }
    // Rounding is the floor of every tolerance.
    let floor = 1e-17;
    let cost = |count: usize| {
        let left = fit.left(count);
        let alone = match rules.bound {
            Bound::Rms(_) => left <= 0.98 * allowed,
            Bound::Max(_) => 3.0 * left <= allowed,
        };
        let tolerance = tolerance(fit, count, step, n).max(floor);
        let rest = if alone {
            0.0
        } else {
            n * bits_per_sample(left / step.max(floor))
        };
        fit.bits(count, tolerance) + rest
    };
    let count = (0..=fit.len()).min_by(|a, b| cost(*a).total_cmp(&cost(*b)))?;
    let first = tolerance(fit, count, step, n).max(floor);
    let mut best: Option<Coded> = None;
    for halvings in 0..7 {
        let Some(parameters) = fit.quantise(count, first * power_of_two(1 - halvings)) else {
            break;
        };
        let model = parameters.evaluate(x.len());
        let alone = modal_alone(x, &parameters, &model);
        let coded = if rules.bound.holds(&alone.errors) {
            Some(alone)
        } else if line {
            None
        } else {
            with_residual(x, &parameters, &model, rules)
        };
        if let Some(coded) = coded {
            match &best {
                Some(b) if b.payload.len() <= coded.payload.len() => {
                    // Finer grids cost more from here on, unless they bring the modes alone under the bound.
                    if b.kind == SegmentKind::Modal || fit.left(count) > allowed {
                        break;
                    }
                }
                _ => best = Some(coded),
            }
        }
    }
    best
}

/// The rms error that the quantisation of the modes may add: a share of the quantiser's own, or where the modes
/// leave more than that, of what they leave (the parameters of n samples of noise are known to 1/sqrt(n) of it).
fn tolerance(fit: &Fit, count: usize, step: f64, n: f64) -> f64 {
    let numbers = 1.0 + 4.0 * count as f64;
    (0.15 * step).max(fit.left(count) * (numbers / n).sqrt())
}

fn with_residual(
    x: &[f64],
    parameters: &Parameters,
    model: &[f64],
    rules: &Rules,
) -> Option<Coded> {
    if model.iter().any(|v| !v.is_finite()) {
        return None;
    }
    let q = quantiser(x, Some(model), rules)?;
    let mut out = RangeEncoder::new();
    parameters.write(&mut out);
    write_step(&mut out, q.own);
    Plan::new(&q.values).write(&mut out);
    Some(Coded {
        kind: SegmentKind::ModalResidual,
        samples: x.len(),
        payload: out.finish(),
        errors: q.errors,
        modes: parameters.modes.len(),
    })
}

/// The samples of a segment, and its modes where it has some.
///
/// # Errors
/// [`Error::InvalidInput`] where the payload holds what no encoder writes.
pub(super) fn decode(
    kind: SegmentKind,
    samples: usize,
    payload: &[u8],
    step: Option<f64>,
    lattice: bool,
) -> Result<(Vec<f64>, Option<Parameters>)> {
    let bad = |what: &str| Error::invalid("bytes", what, "a segment that an encoder wrote");
    if kind == SegmentKind::Raw {
        if payload.len() != 8 * samples {
            return Err(bad("a raw segment of another length"));
        }
        let values: Vec<f64> = payload
            .chunks_exact(8)
            .filter_map(|b| b.try_into().ok().map(f64::from_le_bytes))
            .collect();
        return match values.iter().all(|v| v.is_finite()) {
            true => Ok((values, None)),
            false => Err(bad("a sample that is not finite")),
        };
    }
    let mut from = RangeDecoder::new(payload);
    let parameters = match kind.is_modal() {
        true => Some(Parameters::read(&mut from)?),
        false => None,
    };
    let model = parameters.as_ref().map(|p| p.evaluate(samples));
    let values = match (kind, model) {
        (SegmentKind::Modal, Some(model)) => model,
        (_, model) => {
            let own = from.plain(1) == 1;
            let (step, lattice) = if own {
                (f64::from_bits(from.plain(27) << 36), false)
            } else {
                (
                    step.ok_or_else(|| bad("a segment without a step"))?,
                    lattice,
                )
            };
            if !step.is_finite() || step <= 0.0 {
                return Err(bad("a step that is not positive"));
            }
            let k = predict::read(&mut from, samples)?;
            rebuild(&k, model.as_deref(), step, lattice)
        }
    };
    match values.iter().all(|v| v.is_finite()) {
        true => Ok((values, parameters)),
        false => Err(bad("a sample that is not finite")),
    }
}

/// The modal part of a payload of a modal kind.
///
/// # Errors
/// As [`decode`].
pub(super) fn parameters(payload: &[u8]) -> Result<Parameters> {
    Parameters::read(&mut RangeDecoder::new(payload))
}
