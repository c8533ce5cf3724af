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

/// A mode of an automatic choice whose amplitude is below this many standard errors is dropped.
const SIGNIFICANT: f64 = 2.0;

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
    if rms.is_nan() || rms <= 1e-14 || signal.windows(2).all(|w| w[0] == w[1]) {
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
    // The fitted trend leaves up to `baseline` further directions that repeat it.
    let spare = if options.order.is_some() {
        baseline + 2
    } else {
        0
    };
    let subspace = Subspace::new(&flat.residual, highest + spare, progress)?;

    let score = Score {
        n: n as f64,
        baseline,
        floor: n as f64 * (ROUNDING * rms.max(1e-3)).powi(2),
    };
    let (mut poles, mut reason) = match options.order {
        Some(order) => given(&record, &subspace, order)?,
        None => choose(&record, &subspace, highest, &flat, &score, progress)?,
    };
    if let Some(better) = refine::refine(&record, &poles, progress)? {
        poles = better;
    }
    if options.order.is_none() {
        let before = poles.len();
        poles = prune(&record, poles, &score, progress)?;
        while let Some(weak) = insignificant(&record, &poles)? {
            poles.remove(weak);
            if let Some(better) = refine::refine(&record, &poles, progress)? {
                poles = better;
            }
        }
        if poles.is_empty() && before > 0 {
            reason = format!(
                "no mode is significant: {before} of the shortest description ({reason}) were dropped, the last \
                 for an amplitude below {SIGNIFICANT} standard errors or for shortening nothing"
            );
        } else if poles.len() < before {
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

/// Description length of a residual sum of squares with a pole set of some order. In short records the
/// penalty grows by `n/(n - k - 1)` for `k` parameters (Hurvich and Tsai, Biometrika 76 (1989) 297): a pair
/// fits eight samples of noise well.
struct Score {
    n: f64,
    /// Linear parameters of the trend.
    baseline: usize,
    /// Sum of squares of rounding errors.
    floor: f64,
}

impl Score {
    fn of(&self, sum_squares: f64, order: usize) -> f64 {
        let parameters = self.baseline as f64 + 2.0 * order as f64;
        let small_sample = self.n / (self.n - parameters - 1.0).max(1.0);
        self.n * ((sum_squares + self.floor) / self.n).ln()
            + PENALTY * order as f64 * self.n.ln() * small_sample
    }
}

/// Poles of one order in the upper half plane, real ones real; `None` where the order splits a pair.
fn first_poles(subspace: &Subspace, order: usize) -> Option<Vec<Pole>> {
    let mut out = Vec::new();
    for z in subspace.poles(order)? {
        let radius = z.norm();
        if radius.is_nan() || radius <= refine::LEAST_RADIUS {
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

/// Poles of the order that the caller wants, from the first rank of the subspace that gives so many.
fn given(record: &Record<'_>, subspace: &Subspace, order: usize) -> Result<(Vec<Pole>, String)> {
    let n = record.y.len() as f64;
    for rank in order..=subspace.rank() {
        let Some(poles) = first_poles(subspace, rank) else {
            continue;
        };
        let used: usize = poles.iter().map(|p| p.order()).sum();
        if used == order && poles.iter().all(|p| p.sigma * n <= refine::MAX_GROWTH) {
            return Ok((poles, format!("order {order} was given")));
        }
    }
    Err(Error::numerical(
        "ESPRIT",
        format!("this signal has no set of modes of order {order}; ask for another order"),
    ))
}

/// The pole with the least amplitude against its standard error, where that is below [`SIGNIFICANT`]; the one
/// of least power where the poles cannot be told apart. Amplitudes are taken where the envelope is 1.
fn insignificant(record: &Record<'_>, poles: &[Pole]) -> Result<Option<usize>> {
    if poles.is_empty() {
        return Ok(None);
    }
    let solved = refine::linear(record, poles)?;
    let c = &solved.fit.coefficients;
    let covariance = refine::covariance(record, poles, c)?;
    let order: usize = poles.iter().map(|p| p.order()).sum();
    let dof = record
        .y
        .len()
        .saturating_sub(2 * order + record.baseline)
        .max(1);
    let variance = solved.fit.sum_squares / dof as f64;
    let mut at = 0;
    let mut worst: Option<(usize, f64)> = None;
    for (k, pole) in poles.iter().enumerate() {
        let range = at..at + pole.order();
        let square: f64 = range.clone().map(|i| c[i] * c[i]).sum();
        let figure = match &covariance {
            Some(m) => {
                let mut spread = 0.0;
                for i in range.clone() {
                    for j in range.clone() {
                        spread += c[i] * c[j] * m[(order + i, order + j)];
                    }
                }
                square / (variance * spread).sqrt()
            }
            None => square,
        };
        let weak = covariance.is_none() || figure < SIGNIFICANT;
        if weak && worst.is_none_or(|(_, f)| figure < f) {
            worst = Some((k, figure));
        }
        at += pole.order();
    }
    Ok(worst.map(|(k, _)| k))
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
        if used == 0 || poles.iter().any(|p| p.sigma * score.n > refine::MAX_GROWTH) {
            continue;
        }
        let mut fit = refine::linear(record, &poles)?;
        let mut candidate = poles;
        // First estimates in strong noise can be far from the optimum; compare optima where that is cheap.
        if score.n * (used * used) as f64 <= 4e4
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
        let known = refine::covariance(record, poles, c)?;
        if known.is_none() {
            return Err(Error::numerical(
                "standard errors of the modes",
                "the modes of this order cannot be told apart; ask for a smaller order",
            ));
        }
        known
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
        // Amplitudes of growing modes are fitted at the last sample; carrying them back to the first adds the
        // error of the growth.
        let back = refine::anchor(*pole, n);
        let s = Complex64::new(pole.sigma, pole.omega.unwrap_or(0.0)) / dt;
        let (pole_se, residue, amplitude, amplitude_se) = if pole.omega.is_some() {
            let (a, b) = (c[at] * to_first, c[at + 1] * to_first);
            let amplitude = a.hypot(b);
            let (i, j) = (order + at, order + at + 1);
            // Delta method on sqrt(a^2 + b^2).
            let se = covariance.as_ref().map_or(f64::NAN, |m| {
                let (u, v) = (a / amplitude, b / amplitude);
                let w = -back * amplitude / to_first;
                let q = u * u * m[(i, i)]
                    + 2.0 * u * v * m[(i, j)]
                    + v * v * m[(j, j)]
                    + 2.0 * w * (u * m[(i, at)] + v * m[(j, at)])
                    + w * w * m[(at, at)];
                (q * variance).max(0.0).sqrt() * to_first
            });
            let pole_se = Complex64::new(error(at, at), error(at + 1, at + 1)) / dt;
            (pole_se, Complex64::new(a, -b) / 2.0, amplitude, se)
        } else {
            let a = c[at] * to_first;
            let i = order + at;
            let w = -back * c[at];
            let se = covariance.as_ref().map_or(f64::NAN, |m| {
                let q = m[(i, i)] + 2.0 * w * m[(i, at)] + w * w * m[(at, at)];
                (q * variance).max(0.0).sqrt() * to_first
            });
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
            damping_ratio: if s.norm() > 0.0 {
                -s.re / s.norm()
            } else {
                0.0
            },
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
