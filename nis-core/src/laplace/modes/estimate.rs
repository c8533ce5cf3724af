//! From samples to poles: checks, first poles, the choice of their number, refinement.

use super::exponentials::{Data, Pole};
use super::order::{Choice, Score, choose, given, note_dropped, prune};
use super::refine::{self, Fit};
use super::subspace::Subspace;
use super::{Detrend, ModesOptions, long};
use crate::error::{Error, Result};
use crate::laplace::forward::Sample;
use crate::telemetry::Progress;

/// Fewest samples.
const MIN_SAMPLES: usize = 8;

/// Channels made ready, their scales, and the fit without and with modes.
pub(super) struct Estimate {
    /// What the samples of every channel were divided by.
    pub(super) scales: Vec<f64>,
    /// Sum of squares of every channel without its baseline, in scaled units.
    pub(super) flat: Vec<f64>,
    pub(super) fit: Fit,
    pub(super) choice: Choice,
}

/// The modes of channels of equal length.
pub(super) fn estimate<T: Sample>(
    signals: &[&[T]],
    t0: f64,
    dt: f64,
    options: &ModesOptions,
    progress: &Progress<'_>,
) -> Result<Estimate> {
    let name = |c: usize| {
        if signals.len() == 1 {
            "signal".to_owned()
        } else {
            format!("signals[{c}]")
        }
    };
    let n = check(signals, name, t0, dt, options)?;
    let baseline = match options.detrend {
        Detrend::None => 0,
        Detrend::Mean => 1,
        Detrend::Linear => 2,
    };
    // Work on signals of unit size: thresholds and sums of squares then cannot under- or overflow.
    let mut scales = Vec::new();
    let mut parts = Vec::new();
    for signal in signals {
        let size = signal
            .iter()
            .fold(0.0f64, |a, v| a.max(v.re().abs()).max(v.im().abs()));
        let size = if size > 0.0 { size } else { 1.0 };
        let mut channel = vec![signal.iter().map(|v| v.re() / size).collect()];
        if T::COMPLEX {
            channel.push(signal.iter().map(|v| v.im() / size).collect());
        }
        scales.push(size);
        parts.push(channel);
    }
    let mut data = Data::new(parts, n, baseline);
    let flat = refine::fit(&data, &[])
        .ok_or_else(|| Error::numerical("least squares", "the baseline cannot be fitted"))?;
    let mut rms = Vec::new();
    for (c, signal) in signals.iter().enumerate() {
        let level = (flat.residual.sum_squares(c) / n as f64).sqrt();
        let constant = signal.windows(2).all(|w| w[0].complex() == w[1].complex());
        if level.is_nan() || level <= 1e-14 || constant {
            return Err(Error::invalid(
                name(c),
                "a constant (or a line)",
                "a signal that varies",
            ));
        }
        rms.push(level);
    }
    // Channels of several units and noises: first by their size, then by what is left of them.
    if data.channels() > 1 {
        rescale(&mut data, &mut scales, &rms);
    }
    let (mut fit, mut choice) = search(&data, options, progress)?;
    if data.channels() > 1 && !fit.poles.is_empty() {
        let noise: Vec<f64> = (0..data.channels())
            .map(|c| (fit.residual.sum_squares(c) / n as f64).sqrt().max(1e-9))
            .collect();
        let quietest = noise.iter().copied().fold(f64::INFINITY, f64::min);
        // Weights beyond a million to one would let rounding decide.
        let noise: Vec<f64> = noise.iter().map(|v| (v / quietest).min(1e6)).collect();
        rescale(&mut data, &mut scales, &noise);
        (fit, choice) = search(&data, options, progress)?;
    }
    let flat = refine::fit(&data, &[])
        .ok_or_else(|| Error::numerical("least squares", "the baseline cannot be fitted"))?;
    Ok(Estimate {
        flat: (0..data.channels())
            .map(|c| flat.residual.sum_squares(c))
            .collect(),
        scales,
        fit,
        choice,
    })
}

fn rescale(data: &mut Data, scales: &mut [f64], by: &[f64]) {
    let factors: Vec<f64> = by.iter().map(|v| 1.0 / v).collect();
    data.scale(&factors);
    for (scale, by) in scales.iter_mut().zip(by) {
        *scale *= by;
    }
}

fn search(data: &Data, options: &ModesOptions, progress: &Progress<'_>) -> Result<(Fit, Choice)> {
    // The record must leave degrees of freedom for the noise.
    let room = (data.n - data.baseline - 1) / 3;
    let highest = options.order.unwrap_or(options.max_order.min(room));
    if long::is_long(data) {
        return long::fit(data, options.order, highest, progress);
    }
    block(data, options.order, highest, progress)
}

/// The fit of one block, with the number of modes as given or chosen.
pub(super) fn block(
    data: &Data,
    wanted: Option<usize>,
    highest: usize,
    progress: &Progress<'_>,
) -> Result<(Fit, Choice)> {
    let flat = refine::fit(data, &[])
        .ok_or_else(|| Error::numerical("least squares", "the baseline cannot be fitted"))?;
    progress.report("laplace", 0, 0, "subspace")?;
    // The fitted trend leaves up to `baseline` further directions that repeat it.
    let spare = if wanted.is_some() {
        data.baseline + 2
    } else {
        0
    };
    let subspace = Subspace::new(&flat.residual, highest + spare, progress)?;
    let score = Score::new(data, flat.sum_squares);
    let mut choice = match wanted {
        Some(order) => given(data, &subspace, order)?,
        None => choose(data, &subspace, highest, flat.sum_squares, &score, progress)?,
    };
    let before: Vec<Pole> = choice.poles.clone();
    let mut fit = match refine::refine(data, &before, progress)? {
        Some(fit) => fit,
        None => {
            return Err(Error::numerical(
                "variable projection",
                "the modes of this order cannot be told apart; ask for a smaller order",
            ));
        }
    };
    if wanted.is_none() {
        fit = prune(data, fit, &score, progress)?;
        note_dropped(&mut choice.reason, before.len(), fit.poles.len());
    }
    Ok((fit, choice))
}

fn check<T: Sample>(
    signals: &[&[T]],
    name: impl Fn(usize) -> String,
    t0: f64,
    dt: f64,
    options: &ModesOptions,
) -> Result<usize> {
    let Some(first) = signals.first() else {
        return Err(Error::invalid("signals", "none", "at least one channel"));
    };
    let n = first.len();
    if n < MIN_SAMPLES {
        return Err(Error::invalid(
            name(0),
            format!("{n} samples"),
            format!("at least {MIN_SAMPLES} samples"),
        ));
    }
    // The sampling rate and the length of the record are divided by: both must be ordinary numbers.
    if !(dt > 0.0 && (1e3 / dt).is_normal() && (dt * n as f64 * 1e3).is_normal()) {
        return Err(Error::invalid(
            "dt",
            dt,
            "a positive sampling interval within the range of floating point",
        ));
    }
    if !t0.is_finite() {
        return Err(Error::invalid("t0", t0, "a finite time"));
    }
    for (c, signal) in signals.iter().enumerate() {
        if signal.len() != n {
            return Err(Error::invalid(
                name(c),
                format!("{} samples", signal.len()),
                format!("{n}, as in the first channel"),
            ));
        }
        if let Some(at) = signal.iter().position(|v| !v.complex().is_finite()) {
            let value = signal[at].complex();
            return Err(Error::invalid(
                format!("{}[{at}]", name(c)),
                if T::COMPLEX {
                    format!("{value}")
                } else {
                    format!("{}", value.re)
                },
                "finite samples",
            ));
        }
    }
    let room = (n - 3) / 3;
    if let Some(order) = options.order
        && !(1..=room).contains(&order)
    {
        return Err(Error::invalid(
            "order",
            order,
            format!("1 to {room}, a third of the samples, for {n} samples"),
        ));
    }
    if options.max_order == 0 || options.max_order > 200 {
        return Err(Error::invalid("max_order", options.max_order, "1 to 200"));
    }
    Ok(n)
}
