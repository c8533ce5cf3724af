//! Long records: poles from the block of most energy, followed as the window grows to the whole record.
//!
//! Poles do not depend on where a block lies. Twice the window has a third of the standard error, so each
//! refinement starts well within the reach of the next; modes that only a longer window shows stand out in the
//! spectrum of what is left.

use num_complex::Complex64;
use rustfft::FftPlanner;

use super::exponentials::{Data, Pole};
use super::order::{Choice, OrderRule, Score, note_dropped, order_of, prune};
use super::refine::{self, Fit};
use crate::error::{Error, Result};
use crate::laplace::length::smooth_length;
use crate::telemetry::Progress;

/// Longest record that is taken as a whole.
pub(super) const BLOCK: usize = 8192;

/// The block of most energy.
fn loudest(data: &Data) -> usize {
    let energy = |from: usize| -> f64 {
        (0..data.channels())
            .map(|c| {
                (from..from + BLOCK)
                    .map(|k| data.sample(c, k).norm_sqr())
                    .sum::<f64>()
            })
            .sum()
    };
    let mut best = (0, f64::NEG_INFINITY);
    let mut from = 0;
    while from + BLOCK <= data.n {
        let e = energy(from);
        if e > best.1 {
            best = (from, e);
        }
        from += BLOCK / 2;
    }
    best.0
}

/// The fit of a long record, with the number of modes as given or chosen.
pub(super) fn fit(
    data: &Data,
    wanted: Option<usize>,
    highest: usize,
    progress: &Progress<'_>,
) -> Result<(Fit, Choice)> {
    let mut from = loudest(data);
    let mut length = BLOCK;
    let window = data.window(from, length);
    let (mut fit, mut choice) = super::estimate::block(&window, wanted, highest, progress)?;
    let started = fit.poles.len();
    let mut added = 0;
    while length < data.n {
        let longer = (2 * length).min(data.n);
        // Grow to both sides as far as there is room.
        from = from
            .saturating_sub((longer - length) / 2)
            .min(data.n - longer);
        length = longer;
        progress.report("laplace", length as u64, data.n as u64, "longer windows")?;
        let window = if length == data.n {
            None
        } else {
            Some(data.window(from, length))
        };
        let window = window.as_ref().unwrap_or(data);
        let moved: Vec<Pole> = fit
            .poles
            .iter()
            .map(|p| Pole {
                // What grew within a block must not overflow over the record.
                s: Complex64::new(p.s.re.min(refine::MAX_GROWTH / length as f64), p.s.im),
                pair: p.pair,
            })
            .collect();
        fit = refine::refine(window, &moved, progress)?.ok_or_else(|| {
            Error::numerical(
                "variable projection",
                format!("the modes of a block of {BLOCK} samples cannot be told apart in {length} samples"),
            )
        })?;
        if wanted.is_none() {
            let flat = refine::fit(window, &[]).map_or(0.0, |f| f.sum_squares);
            let score = Score::new(window, flat);
            while order_of(&fit.poles) < highest
                && let Some(more) = one_more(window, &fit, &score, progress)?
            {
                fit = more;
                added += 1;
            }
            if length == data.n {
                fit = prune(window, fit, &score, progress)?;
            }
        }
    }
    if wanted.is_none() {
        let found = fit.poles.len();
        choice.reason = format!(
            "in the {BLOCK} samples of most energy: {}; {added} more from the spectrum of the residual of longer \
             windows",
            choice.reason
        );
        if added > 0 {
            choice.rule = OrderRule::DescriptionLength;
        }
        note_dropped(&mut choice.reason, started + added, found);
    }
    Ok((fit, choice))
}

/// The fit with one more pole, at the largest peak of the residual's spectrum, where that shortens the
/// description.
fn one_more(data: &Data, fit: &Fit, score: &Score, progress: &Progress<'_>) -> Result<Option<Fit>> {
    let len = smooth_length(2 * data.n);
    let transform = FftPlanner::new().plan_fft_forward(len);
    let mut power = vec![0.0; len];
    for c in 0..data.channels() {
        let mut buffer: Vec<Complex64> = (0..data.n).map(|k| fit.residual.sample(c, k)).collect();
        buffer.resize(len, Complex64::default());
        transform.process(&mut buffer);
        for (sum, v) in power.iter_mut().zip(&buffer) {
            *sum += v.norm_sqr();
        }
    }
    // Lengths of transforms are even, but for the shortest.
    let nyquist = data.real && len.is_multiple_of(2);
    let upper = match (data.real, nyquist) {
        (false, _) => len,
        (true, true) => len / 2 + 1,
        (true, false) => len.div_ceil(2),
    };
    let peak = (1..upper).max_by(|a, b| power[*a].total_cmp(&power[*b]));
    let Some(peak) = peak else { return Ok(None) };
    let omega = std::f64::consts::TAU * peak as f64 / len as f64;
    let omega = if omega > std::f64::consts::PI {
        omega - std::f64::consts::TAU
    } else {
        omega
    };
    let mut poles = fit.poles.clone();
    let single = nyquist && 2 * peak == len;
    poles.push(Pole {
        s: Complex64::new(
            -1.0 / data.n as f64,
            if single { std::f64::consts::PI } else { omega },
        ),
        pair: data.real && !single,
    });
    if !refine::allowed(poles[poles.len() - 1], data.n, data.real) {
        return Ok(None);
    }
    let now = score.of(fit.sum_squares, order_of(&fit.poles));
    Ok(refine::refine(data, &poles, progress)?
        .filter(|more| score.of(more.sum_squares, order_of(&more.poles)) < now))
}

/// Whether a record is followed from a block.
pub(super) fn is_long(data: &Data) -> bool {
    data.n > 2 * BLOCK
}
