//! Modes of a record: first poles for every order, the choice of the order, refinement, standard errors.

use num_complex::Complex64;

use super::refine::{self, Linear, Pole, Record};
use super::subspace::Subspace;
use super::{Detrend, Mode, Modes, ModesOptions};
use crate::error::{Error, Result};
use crate::telemetry::Progress;

/// Fewest samples.
const MIN_SAMPLES: usize = 8;

/// Penalty per degree of freedom of the pole set, in units of `ln n`: a pair costs 5, twice the 5/2 that the
/// minimum description length of a sinusoid of unknown frequency has (Djuric, IEEE Trans. SP 44 (1996) 1744,
/// eq. (17)).
const PENALTY: f64 = 2.5;

/// Residuals below this share of the signal are rounding.
const ROUNDING: f64 = 1e-13;

/// Finds the modes of a uniformly sampled real signal.
///
/// The poles come from the shift invariance of the signal subspace (ESPRIT) for every order up to
/// `max_order`; the order of least description length is taken, its poles are refined to the least-squares
/// optimum together with amplitudes and baseline, and poles that the refined description can do without are
/// dropped. Standard errors are those of the optimum in white noise. Costs about `40 (max_order + 6)` FFTs of
/// the record's length and some iterations of `n order^2`.
///
/// # Errors
/// [`Error::InvalidInput`] for a signal that is too short, not finite or constant, a bad `dt` or an order that
/// the record cannot carry; [`Error::Cancelled`] on request.
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
    let n = signal.len();
    check(signal, t0, dt, options)?;
    let baseline = match options.detrend {
        Detrend::None => 0,
        Detrend::Mean => 1,
        Detrend::Linear => 2,
    };
    // Work on a signal of unit size: thresholds and sums of squares then cannot under- or overflow.
    let size = signal.iter().fold(0.0f64, |a, v| a.max(v.abs()));
    let y: Vec<f64> = signal.iter().map(|v| v / size).collect();
    let record = Record { y: &y, baseline };
    let flat = refine::linear(&record, &[])?;
    let rms = root_mean_square(&flat.residual);
    if !(rms > 1e-14) {
        return Err(Error::invalid(
            "signal",
            "a constant (or a line)",
            "a signal that varies",
        ));
    }
    // The record must leave degrees of freedom for the noise.
    let room = (n - baseline - 1) / 3;
    let highest = options.order.unwrap_or(options.max_order.min(room));
    progress.report("laplace", 0, 0, "subspace")?;
    let subspace = Subspace::new(&flat.residual, highest, progress)?;

    let score = Score {
        n: n as f64,
        floor: n as f64 * (ROUNDING * rms.max(1e-3)).powi(2),
    };
    let (mut poles, mut reason) = match options.order {
        Some(order) => (
            first_poles(&subspace, order.min(subspace.rank())).unwrap_or_default(),
            format!("order {order} was given"),
        ),
        None => choose(&record, &subspace, highest, &flat, &score, progress)?,
    };
    if let Some(better) = refine::refine(&record, &poles, progress)? {
        poles = better;
    }
    if options.order.is_none() {
        let before = poles.len();
        poles = prune(&record, poles, &score, progress)?;
        if poles.len() < before {
            reason.push_str(&format!(
                "; {} dropped after refinement",
                before - poles.len()
            ));
        }
    }
    finish(&record, &poles, Frame { size, t0, dt, rms }, reason)
}

fn check(signal: &[f64], t0: f64, dt: f64, options: &ModesOptions) -> Result<()> {
    let n = signal.len();
    if n < MIN_SAMPLES {
        return Err(Error::invalid(
            "signal",
            format!("{n} samples"),
            format!("at least {MIN_SAMPLES} samples"),
        ));
    }
    if !(dt.is_finite() && dt > 0.0) {
        return Err(Error::invalid("dt", dt, "a positive sampling interval"));
    }
    if !t0.is_finite() {
        return Err(Error::invalid("t0", t0, "a finite time"));
    }
    if let Some(at) = signal.iter().position(|v| !v.is_finite()) {
        return Err(Error::invalid(
            format!("signal[{at}]"),
            signal[at],
            "finite samples",
        ));
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
    Ok(())
}

fn root_mean_square(v: &[f64]) -> f64 {
    (v.iter().map(|x| x * x).sum::<f64>() / v.len() as f64).sqrt()
}

/// Description length of a residual sum of squares with a pole set of some order.
struct Score {
    n: f64,
    /// Sum of squares of rounding errors.
    floor: f64,
}

impl Score {
    fn of(&self, sum_squares: f64, order: usize) -> f64 {
        self.n * ((sum_squares + self.floor) / self.n).ln() + PENALTY * order as f64 * self.n.ln()
    }
}

/// Poles of one order in the upper half plane, real ones real; `None` where the order splits a pair.
fn first_poles(subspace: &Subspace, order: usize) -> Option<Vec<Pole>> {
    let mut out = Vec::new();
    for z in subspace.poles(order)? {
        let radius = z.norm();
        if !(radius > 1e-3) {
            continue; // decays within a sample: not resolved by the sampling
        }
        let omega = z.arg();
        if z.im > 0.0 && omega < std::f64::consts::PI {
            out.push(Pole {
                sigma: radius.ln(),
                omega: Some(omega),
            });
        } else if z.im == 0.0 && z.re > 0.0 {
            out.push(Pole {
                sigma: radius.ln(),
                omega: None,
            });
        }
        // A negative real z oscillates at the Nyquist frequency, where a sampled record cannot tell a
        // frequency; its lower-half twin of a pair is implied.
    }
    Some(out)
}

/// Tries every order and takes the one of least description length.
fn choose(
    record: &Record<'_>,
    subspace: &Subspace,
    highest: usize,
    flat: &Linear,
    score: &Score,
    progress: &Progress<'_>,
) -> Result<(Vec<Pole>, String)> {
    let none = score.of(flat.fit.sum_squares, 0);
    let mut best = (none, 0usize, Vec::new());
    let mut second = f64::INFINITY;
    for order in 1..=highest.min(subspace.rank()) {
        progress.report("laplace", order as u64, highest as u64, "order")?;
        let Some(poles) = first_poles(subspace, order) else {
            continue;
        };
        let used: usize = poles.iter().map(|p| p.order()).sum();
        if used == 0 || poles.iter().any(|p| p.sigma * score.n > 12.0) {
            continue;
        }
        let mut fit = refine::linear(record, &poles)?;
        let mut candidate = poles;
        // First estimates in strong noise can be far from the optimum; compare optima where that is cheap.
        if score.n * (used * used) as f64 <= 2e5
            && let Some(better) = refine::refine(record, &candidate, progress)?
        {
            fit = refine::linear(record, &better)?;
            candidate = better;
        }
        let value = score.of(fit.fit.sum_squares, used);
        if value < best.0 {
            second = best.0;
            best = (value, used, candidate);
        } else if used != best.1 {
            second = second.min(value);
        }
    }
    let reason = if best.2.is_empty() {
        format!("no pole set shortens the description of the signal (orders to {highest} tried)")
    } else {
        format!(
            "least description length at order {} of {highest}, {:.1} below the next and {:.1} below none",
            best.1,
            second - best.0,
            none - best.0
        )
    };
    Ok((best.2, reason))
}

/// Drops poles while that shortens the description.
fn prune(
    record: &Record<'_>,
    mut poles: Vec<Pole>,
    score: &Score,
    progress: &Progress<'_>,
) -> Result<Vec<Pole>> {
    let order = |poles: &[Pole]| poles.iter().map(|p| p.order()).sum::<usize>();
    while !poles.is_empty() {
        let current = score.of(
            refine::linear(record, &poles)?.fit.sum_squares,
            order(&poles),
        );
        let mut best: Option<(f64, Vec<Pole>)> = None;
        for i in 0..poles.len() {
            progress.check()?;
            let mut fewer = poles.clone();
            fewer.remove(i);
            // The others first as they are: only a pole that is nearly superfluous is worth refining for.
            let mut value = score.of(
                refine::linear(record, &fewer)?.fit.sum_squares,
                order(&fewer),
            );
            if value < current + 0.2 * score.n
                && !fewer.is_empty()
                && let Some(better) = refine::refine(record, &fewer, progress)?
            {
                fewer = better;
                value = score.of(
                    refine::linear(record, &fewer)?.fit.sum_squares,
                    order(&fewer),
                );
            }
            if value < current && best.as_ref().is_none_or(|(b, _)| value < *b) {
                best = Some((value, fewer));
            }
        }
        match best {
            Some((_, fewer)) => poles = fewer,
            None => break,
        }
    }
    Ok(poles)
}

/// Units of the record.
struct Frame {
    size: f64,
    t0: f64,
    dt: f64,
    rms: f64,
}

fn finish(record: &Record<'_>, poles: &[Pole], frame: Frame, reason: String) -> Result<Modes> {
    let n = record.y.len();
    let Frame { size, t0, dt, rms } = frame;
    let solved = refine::linear(record, poles)?;
    let c = &solved.fit.coefficients;
    let covariance = if poles.is_empty() {
        None
    } else {
        refine::covariance(record, poles, c)?
    };
    let order: usize = poles.iter().map(|p| p.order()).sum();
    let parameters = 2 * order + record.baseline;
    let dof = n.saturating_sub(parameters).max(1);
    let variance = solved.fit.sum_squares / dof as f64;
    let error = |i: usize, j: usize| {
        covariance
            .as_ref()
            .map_or(f64::NAN, |m| (m[(i, j)] * variance).max(0.0).sqrt())
    };
    let mut out = Vec::new();
    let mut at = 0;
    for pole in poles {
        let start = pole.sigma * -refine::anchor(*pole, n);
        let to_first = start.exp() * size;
        let s = Complex64::new(pole.sigma, pole.omega.unwrap_or(0.0)) / dt;
        let (pole_se, residue, amplitude, amplitude_se) = if pole.omega.is_some() {
            let (a, b) = (c[at] * to_first, c[at + 1] * to_first);
            let amplitude = a.hypot(b);
            let (i, j) = (order + at, order + at + 1);
            // Delta method on sqrt(a^2 + b^2).
            let se = covariance.as_ref().map_or(f64::NAN, |m| {
                let (u, v) = (a / amplitude, b / amplitude);
                let q = u * u * m[(i, i)] + 2.0 * u * v * m[(i, j)] + v * v * m[(j, j)];
                (q * variance).max(0.0).sqrt() * to_first
            });
            let pole_se = Complex64::new(error(at, at), error(at + 1, at + 1)) / dt;
            (pole_se, Complex64::new(a, -b) / 2.0, amplitude, se)
        } else {
            let a = c[at] * to_first;
            let se = error(order + at, order + at) * to_first;
            (
                Complex64::new(error(at, at) / dt, 0.0),
                Complex64::new(a, 0.0),
                a.abs(),
                se,
            )
        };
        let frequency = s.im / std::f64::consts::TAU;
        let frequency_se = pole_se.im / std::f64::consts::TAU;
        let mut mode = Mode {
            pole: s,
            pole_se,
            residue,
            frequency,
            frequency_se,
            period: pole.omega.map(|_| 1.0 / frequency),
            period_se: pole.omega.map(|_| frequency_se / (frequency * frequency)),
            damping_ratio: -s.re / s.norm(),
            amplitude,
            amplitude_se,
            phase: residue.arg(),
            power_share: 0.0,
        };
        let mean_square = (0..n)
            .map(|k| mode.value(k as f64 * dt).powi(2))
            .sum::<f64>()
            / n as f64;
        mode.power_share = mean_square / (rms * size).powi(2);
        out.push(mode);
        at += pole.order();
    }
    out.sort_by(|a, b| b.power_share.total_cmp(&a.power_share));
    let base = |i: usize| {
        if i < record.baseline {
            c[order + i] * size
        } else {
            0.0
        }
    };
    Ok(Modes {
        modes: out,
        t0,
        dt,
        n,
        order,
        order_reason: reason,
        offset: base(0),
        slope: base(1) / ((n - 1) as f64 * dt),
        noise_std: variance.sqrt() * size,
        residual_rms: root_mean_square(&solved.residual) * size,
        explained: 1.0 - solved.fit.sum_squares / (n as f64 * rms * rms),
        fitted: solved.fitted.iter().map(|v| v * size).collect(),
    })
}
