//! How many modes a record has.

use num_complex::Complex64;
use rustfft::FftPlanner;
use serde::{Deserialize, Serialize};

use super::exponentials::{Data, Pole};
use super::refine::{self, Fit};
use super::subspace::Subspace;
use crate::error::{Error, Result};
use crate::telemetry::Progress;

/// Penalty per degree of freedom of the pole set of one channel, in units of `ln n`: a pair costs 5, twice the 5/2
/// that the minimum description length of a sinusoid of unknown frequency has (Djuric, IEEE Trans. SP 44 (1996)
/// 1744, eq. (17)): 3 for the pole and 2 for the amplitudes of each channel.
const PENALTY: (f64, f64) = (1.5, 1.0);

/// A mode of an automatic choice whose amplitude is below this many standard errors is dropped.
const SIGNIFICANT: f64 = 2.0;

/// Residuals below this share of the signal are rounding.
const ROUNDING: f64 = 1e-13;

/// Least ratio of two singular values that is a gap between signal and noise.
const GAP: f64 = 20.0;

/// Largest ratio of the singular values of noise, of those after a gap.
const FLAT: f64 = 2.0;

/// A real pole that changes by less than this exponent over the record may repeat the baseline: what a mean leaves of
/// itself is about as strong as the noise, and its pole as uncertain.
const FLAT_CHANGE: f64 = 3.0;

/// A peak of the residual's periodogram over its mean that is this far above the logarithm of the number of samples
/// is no noise: in white noise it is there in one record of 160000.
const PEAK: f64 = 12.0;

/// Description lengths that differ by less than this leave the choice to stability.
const UNDECIDED: f64 = 6.0;

/// What decided the number of modes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderRule {
    /// It was given.
    Given,
    /// A gap in the singular values of the Hankel matrix, above level ones.
    Gap,
    /// The least description length.
    #[default]
    DescriptionLength,
    /// Description lengths that hardly differ, and poles that stay where they are in parts of the record.
    Stability,
}

/// A chosen set of poles.
pub(super) struct Choice {
    pub(super) poles: Vec<Pole>,
    pub(super) reason: String,
    pub(super) rule: OrderRule,
}

/// Description length of a residual sum of squares with a pole set of some order. In short records the
/// penalty grows by `n/(n - k - 1)` for `k` parameters (Hurvich and Tsai, Biometrika 76 (1989) 297): a pair
/// fits eight samples of noise well.
pub(super) struct Score {
    numbers: f64,
    log_samples: f64,
    channels: f64,
    /// Parameters of one degree of freedom's unit: complex records count every exponential twice.
    unit: f64,
    baseline: f64,
    /// Sum of squares of rounding errors.
    floor: f64,
}

impl Score {
    /// `sum_squares` is that of the record without its baseline.
    pub(super) fn new(data: &Data, sum_squares: f64) -> Self {
        let numbers = data.numbers() as f64;
        let unit = if data.real { 1.0 } else { 2.0 };
        let rms = (sum_squares / numbers).sqrt();
        Score {
            numbers,
            log_samples: (data.n as f64).ln(),
            channels: data.channels() as f64,
            unit,
            baseline: data.baseline as f64 * unit * data.channels() as f64,
            floor: numbers * (ROUNDING * rms.max(1e-3)).powi(2),
        }
    }

    pub(super) fn of(&self, sum_squares: f64, order: usize) -> f64 {
        let order = order as f64 * self.unit;
        let parameters = self.baseline + order * (1.0 + self.channels);
        let small_sample = self.numbers / (self.numbers - parameters - 1.0).max(1.0);
        let penalty = PENALTY.0 + PENALTY.1 * self.channels;
        self.numbers * ((sum_squares + self.floor) / self.numbers).ln()
            + penalty * order * self.log_samples * small_sample
    }

    fn of_fit(&self, fit: &Fit) -> f64 {
        self.of(fit.sum_squares, order_of(&fit.poles))
    }
}

pub(super) fn order_of(poles: &[Pole]) -> usize {
    poles.iter().map(|p| p.order()).sum()
}

/// Poles of one order; of a real record those in the upper half plane, real ones real. `None` where the subspace
/// has none.
fn first_poles(subspace: &Subspace, order: usize, real: bool) -> Option<Vec<Pole>> {
    let mut out = Vec::new();
    for z in subspace.poles(order)? {
        let radius = z.norm();
        if radius.is_nan() || radius <= refine::LEAST_RADIUS {
            continue; // decays within a sample: not resolved by the sampling
        }
        let s = Complex64::new(radius.ln(), z.arg());
        if !real {
            out.push(Pole { s, pair: false });
        } else if z.im > 0.0 && s.im < std::f64::consts::PI {
            out.push(Pole { s, pair: true });
        } else if z.im == 0.0 {
            // A negative real z alternates: it stays at the Nyquist frequency, as a positive one stays at 0.
            let im = if z.re > 0.0 {
                0.0
            } else {
                std::f64::consts::PI
            };
            out.push(Pole {
                s: Complex64::new(s.re, im),
                pair: false,
            });
        }
        // The lower-half twin of a pair is implied.
    }
    Some(out)
}

/// Poles of the order that the caller wants, from the first rank of the subspace that gives so many.
pub(super) fn given(data: &Data, subspace: &Subspace, order: usize) -> Result<Choice> {
    for rank in order..=subspace.rank() {
        let Some(poles) = first_poles(subspace, rank, data.real) else {
            continue;
        };
        let fits = poles.iter().all(|p| refine::allowed(*p, data.n, data.real));
        if order_of(&poles) == order && fits {
            return Ok(Choice {
                poles,
                reason: format!("order {order} was given"),
                rule: OrderRule::Given,
            });
        }
    }
    Err(Error::numerical(
        "ESPRIT",
        format!("this signal has no set of modes of order {order}; ask for another order"),
    ))
}

/// Ranks after which the singular values fall by [`GAP`] to level ones, how many values lie between, and by how much
/// they fall. What the fitted baseline leaves of itself is one direction each at most, of any strength: so many values
/// may lie between.
fn gaps(subspace: &Subspace, highest: usize, baseline: usize) -> Vec<(usize, usize, f64)> {
    let s = &subspace.singular;
    let mut out: Vec<(usize, usize, f64)> = Vec::new();
    for between in 0..=baseline {
        let most = highest.min(s.len().saturating_sub(3 + between));
        let Some(rank) = (1..=most).rev().find(|&k| s[k - 1] > GAP * s[k + between]) else {
            continue;
        };
        let next = s[rank + between];
        // Rounding is not white: below it nothing is told.
        let level = next <= (FLAT * s[s.len() - 1]).max(1e-12 * s[0]);
        if level {
            out.push((rank, between, s[rank - 1] / next));
        }
    }
    out
}

/// Takes out the real poles, of `count` at most, that change so little over the record that they repeat the
/// baseline; returns their number.
fn without_baseline(poles: &mut Vec<Pole>, count: usize, n: usize) -> usize {
    let mut taken = 0;
    poles.retain(|p| {
        let flat = p.s.im == 0.0 && !p.pair && p.s.re.abs() * n as f64 <= FLAT_CHANGE;
        let repeats = flat && taken < count;
        taken += usize::from(repeats);
        !repeats
    });
    taken
}

/// Whether no line stands out of the residual, or all of it is rounding.
fn is_white(fit: &Fit, flat: f64) -> bool {
    let data = &fit.residual;
    if fit.sum_squares <= flat * ROUNDING * ROUNDING * 1e4 {
        return true;
    }
    let transform = FftPlanner::new().plan_fft_forward(data.n);
    (0..data.channels()).all(|c| {
        let mut buffer: Vec<Complex64> = (0..data.n).map(|k| data.sample(c, k)).collect();
        transform.process(&mut buffer);
        let mean = buffer.iter().map(|v| v.norm_sqr()).sum::<f64>() / data.n as f64;
        let highest = (data.n as f64).ln() + PEAK;
        buffer.iter().all(|v| v.norm_sqr() <= highest * mean)
    })
}

/// Tries every order and takes the one of least description length, unless a gap in the singular values leaves
/// no choice.
pub(super) fn choose(
    data: &Data,
    subspace: &Subspace,
    highest: usize,
    flat: f64,
    score: &Score,
    progress: &Progress<'_>,
) -> Result<Choice> {
    let none = score.of(flat, 0);
    for (rank, between, ratio) in gaps(subspace, highest, data.baseline) {
        let Some(mut poles) = first_poles(subspace, rank + between, data.real) else {
            continue;
        };
        let repeated = without_baseline(&mut poles, data.baseline, data.n);
        // Only what repeats the baseline may be passed over.
        if repeated >= between
            && !poles.is_empty()
            && poles.iter().all(|p| refine::allowed(*p, data.n, data.real))
            && order_of(&poles) + repeated == rank + between
            && let Some(fit) = refine::refine(data, &poles, progress)?
            && score.of_fit(&fit) < none
            && is_white(&fit, flat)
        {
            return Ok(Choice {
                poles: fit.poles,
                reason: format!("singular values fall by {ratio:.3e} after {rank}, to level ones"),
                rule: OrderRule::Gap,
            });
        }
    }
    let mut tried: Vec<(f64, Vec<Pole>)> = Vec::new();
    for order in 1..=highest.min(subspace.rank()) {
        progress.report("laplace", order as u64, highest as u64, "order")?;
        let Some(poles) = first_poles(subspace, order, data.real) else {
            continue;
        };
        let used = order_of(&poles);
        if used == 0
            || poles
                .iter()
                .any(|p| !refine::allowed(*p, data.n, data.real))
        {
            continue;
        }
        // First estimates in strong noise can be far from the optimum; compare optima where that is cheap.
        let cheap = data.numbers() * used * used <= 40_000;
        let found = if cheap {
            refine::refine(data, &poles, progress)?
        } else {
            refine::fit(data, &poles)
        };
        let Some(fit) = found else { continue };
        let value = score.of_fit(&fit);
        match tried.iter_mut().find(|(_, p)| order_of(p) == used) {
            Some(same) if value < same.0 => *same = (value, fit.poles),
            Some(_) => {}
            None => tried.push((value, fit.poles)),
        }
    }
    tried.sort_by(|a, b| a.0.total_cmp(&b.0));
    let best = match tried.first() {
        Some((value, poles)) if *value < none => (*value, poles.clone()),
        _ => {
            return Ok(Choice {
                poles: Vec::new(),
                reason: format!(
                    "no pole set shortens the description of the signal (orders to {highest} tried)"
                ),
                rule: OrderRule::DescriptionLength,
            });
        }
    };
    let next = tried.get(1).map_or(none, |(value, _)| value.min(none));
    let order = order_of(&best.1);
    let lead = next - best.0;
    if lead < UNDECIDED
        && let Some((_, other)) = tried.get(1)
        && let Some((poles, shifts)) = steadier(data, &best.1, other, progress)?
    {
        return Ok(Choice {
            reason: format!(
                "description lengths of orders {order} and {} differ by {lead:.1} only; in three quarters of the \
                 record the poles of order {} move by {:.1} standard errors at most, those of the other by {:.1}",
                order_of(other),
                order_of(&poles),
                shifts.0,
                shifts.1
            ),
            poles,
            rule: OrderRule::Stability,
        });
    }
    Ok(Choice {
        reason: format!(
            "least description length at order {order} of {highest}, {lead:.1} below the next and {:.1} below none",
            none - best.0
        ),
        poles: best.1,
        rule: OrderRule::DescriptionLength,
    })
}

/// Poles, and the shifts of them and of the others that were looked at.
type Steadier = (Vec<Pole>, (f64, f64));

/// Of two pole sets the one that moves less between the whole record and its first and last three quarters; `None`
/// where that cannot be told.
fn steadier(
    data: &Data,
    a: &[Pole],
    b: &[Pole],
    progress: &Progress<'_>,
) -> Result<Option<Steadier>> {
    let (Some(x), Some(y)) = (shift(data, a, progress)?, shift(data, b, progress)?) else {
        return Ok(None);
    };
    Ok(Some(if x <= y {
        (a.to_vec(), (x, y))
    } else {
        (b.to_vec(), (y, x))
    }))
}

/// Largest shift of a pole in standard errors.
fn shift(data: &Data, poles: &[Pole], progress: &Progress<'_>) -> Result<Option<f64>> {
    let part = data.n - data.n / 4;
    let Some(whole) = refine::refine(data, poles, progress)? else {
        return Ok(None);
    };
    let mut worst = 0.0f64;
    for from in [0, data.n - part] {
        let window = data.window(from, part);
        let Some(fit) = refine::refine(&window, &whole.poles, progress)? else {
            return Ok(None);
        };
        let Some(covariance) = fit.covariance() else {
            return Ok(None);
        };
        let variance = variance_of(&fit);
        let mut column = 0;
        for (p, q) in fit.poles.iter().zip(&whole.poles) {
            let one = Complex64::new(1.0, 0.0);
            let of = |u: Complex64| {
                let v = covariance.variance(0, column, p.pair, data.real, u, Complex64::default());
                (v * variance).max(0.0).sqrt()
            };
            let d = p.s - q.s;
            worst = worst.max(d.re.abs() / of(one));
            if p.pair || !data.real {
                worst = worst.max(d.im.abs() / of(-Complex64::i()));
            }
            column += p.order();
        }
    }
    Ok(worst.is_finite().then_some(worst))
}

/// Noise variance of a fit: of a real number, or the mean squared magnitude of a complex one.
pub(super) fn variance_of(fit: &Fit) -> f64 {
    let data = &fit.residual;
    let unit = if data.real { 1 } else { 2 };
    let order = order_of(&fit.poles);
    let parameters = unit * (order + data.channels() * (order + data.baseline));
    let free = data.numbers().saturating_sub(parameters).max(1);
    fit.sum_squares / free as f64 * unit as f64
}

/// The pole with the least amplitude against its standard error, where that is below [`SIGNIFICANT`] in every
/// channel; the one of least power where the poles cannot be told apart. Amplitudes are taken where the envelope
/// is 1.
fn insignificant(fit: &Fit) -> Option<usize> {
    let covariance = fit.covariance();
    let variance = variance_of(fit);
    let mut column = 0;
    let mut worst: Option<(usize, f64)> = None;
    for (k, pole) in fit.poles.iter().enumerate() {
        let figures = fit.coefficients.iter().enumerate().map(|(c, a)| {
            let a = a[k];
            match &covariance {
                Some(covariance) => {
                    let along = a.conj() / a.norm();
                    let v = covariance.variance(
                        c,
                        column,
                        pole.pair,
                        fit.residual.real,
                        Complex64::default(),
                        along,
                    );
                    a.norm() / (v * variance).sqrt()
                }
                None => a.norm_sqr(),
            }
        });
        let figure = figures.fold(0.0, f64::max);
        let weak = covariance.is_none() || figure < SIGNIFICANT;
        if weak && worst.is_none_or(|(_, f)| figure < f) {
            worst = Some((k, figure));
        }
        column += pole.order();
    }
    worst.map(|(k, _)| k)
}

/// Drops poles while that shortens the description, then those that are not significant.
pub(super) fn prune(
    data: &Data,
    mut fit: Fit,
    score: &Score,
    progress: &Progress<'_>,
) -> Result<Fit> {
    while !fit.poles.is_empty() {
        let current = score.of_fit(&fit);
        let mut best: Option<(f64, Fit)> = None;
        for i in 0..fit.poles.len() {
            progress.check()?;
            let mut fewer = fit.poles.clone();
            fewer.remove(i);
            let Some(mut found) = refine::fit(data, &fewer) else {
                continue;
            };
            // The others first as they are: only a pole that is nearly superfluous is worth refining for.
            let mut value = score.of_fit(&found);
            if value < current + 0.2 * data.numbers() as f64
                && !fewer.is_empty()
                && let Some(better) = refine::refine(data, &fewer, progress)?
            {
                found = better;
                value = score.of_fit(&found);
            }
            if value < current && best.as_ref().is_none_or(|(b, _)| value < *b) {
                best = Some((value, found));
            }
        }
        match best {
            Some((_, fewer)) => fit = fewer,
            None => break,
        }
    }
    while let Some(weak) = insignificant(&fit) {
        let mut fewer = fit.poles.clone();
        fewer.remove(weak);
        match refine::refine(data, &fewer, progress)? {
            Some(found) => fit = found,
            None => break,
        }
    }
    Ok(fit)
}

/// The note on poles that were dropped after refinement.
pub(super) fn note_dropped(reason: &mut String, before: usize, after: usize) {
    if after == 0 && before > 0 {
        *reason = format!(
            "no mode is significant: {before} of the shortest description ({reason}) were dropped, the last for an \
             amplitude below {SIGNIFICANT} standard errors or for shortening nothing"
        );
    } else if after < before {
        reason.push_str(&format!("; {} dropped after refinement", before - after));
    }
}
