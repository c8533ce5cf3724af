//! Sums and extremes of a field over its region, at each time.

use super::Verdict;
use super::conserved::{ROUNDING, mean};
use super::data::Data;
use super::findings::{Deviate, Findings, Kind};
use super::statistics::{noise_of_lines, rms};
use crate::error::Result;
use crate::telemetry::Progress;

/// The axis of times and the spatial ones.
pub(super) struct Shape {
    pub(super) time: usize,
    pub(super) space: Vec<usize>,
}

pub(super) fn shape(data: &Data) -> Option<Shape> {
    let time = data.axes.iter().position(|a| a.name == "t")?;
    let space = (0..data.axes.len()).filter(|a| *a != time).collect();
    Some(Shape { time, space })
}

/// Sums over the region at each time: of the field, of its square, largest and smallest value.
pub(super) struct Totals {
    pub(super) t: Vec<f64>,
    pub(super) integral: Vec<f64>,
    pub(super) square: Vec<f64>,
    pub(super) largest: Vec<f64>,
    pub(super) smallest: Vec<f64>,
    /// Standard deviation of one value by its noise.
    pub(super) sigma: f64,
    /// Root of the sum of squared weights, and the sum of the weights.
    pub(super) gain: f64,
    pub(super) volume: f64,
    pub(super) points: usize,
    /// How much the integral changes where every second point is left out: twice the error of the rule or more.
    pub(super) coarse: f64,
    pub(super) scale: f64,
}

pub(super) fn totals(
    data: &Data,
    shape: &Shape,
    values: &[f64],
    noise: Option<f64>,
    progress: &Progress<'_>,
) -> Result<std::result::Result<Totals, String>> {
    if values.iter().any(|v| !v.is_finite()) {
        return Ok(Err("a value is missing or not finite".into()));
    }
    let axis = &data.axes[shape.time];
    let n = axis.points;
    let mut out = Totals {
        t: (0..n).map(|i| axis.start + i as f64 * axis.step).collect(),
        integral: vec![0.0; n],
        square: vec![0.0; n],
        largest: vec![f64::NEG_INFINITY; n],
        smallest: vec![f64::INFINITY; n],
        sigma: 0.0,
        gain: 0.0,
        volume: 0.0,
        points: values.len() / n,
        coarse: 0.0,
        scale: rms(values.iter().copied()),
    };
    let mut coarse = vec![0.0; n];
    let mut index = vec![0; data.axes.len()];
    for (flat, v) in values.iter().enumerate() {
        if flat.is_multiple_of(65_536) {
            progress.check()?;
        }
        let mut rest = flat;
        for a in (0..index.len()).rev() {
            index[a] = rest % data.axes[a].points;
            rest /= data.axes[a].points;
        }
        let (mut weight, mut wide) = (1.0, 1.0);
        for a in &shape.space {
            let (axis, i) = (&data.axes[*a], index[*a]);
            let edge = !axis.periodic && (i == 0 || i + 1 == axis.points);
            let half = if edge { 0.5 } else { 1.0 };
            weight *= axis.step * half;
            // Every second point, where that closes at the far end.
            let even = if axis.periodic {
                axis.points.is_multiple_of(2)
            } else {
                !axis.points.is_multiple_of(2)
            };
            wide *= match (even, i % 2) {
                (true, 0) => 2.0 * axis.step * half,
                (true, _) => 0.0,
                (false, _) => axis.step * half,
            };
        }
        let at = index[shape.time];
        out.integral[at] += weight * v;
        coarse[at] += wide * v;
        out.square[at] += weight * v * v;
        out.largest[at] = out.largest[at].max(*v);
        out.smallest[at] = out.smallest[at].min(*v);
        if at == 0 {
            out.volume += weight;
            out.gain += weight * weight;
        }
    }
    out.gain = out.gain.sqrt();
    out.coarse = out
        .integral
        .iter()
        .zip(&coarse)
        .fold(0.0f64, |a, (i, c)| a.max((i - c).abs()));
    // Lines along time tell the noise best where time is finely sampled, else the other axes do.
    out.sigma = match noise {
        Some(noise) => noise,
        None => {
            let lines = |stride: usize, length: usize| -> Vec<Vec<f64>> {
                let all = values.len() / length;
                let step = all.div_ceil(64).max(1);
                (0..all)
                    .step_by(step)
                    .map(|line| {
                        let first = line / stride * stride * length + line % stride;
                        (0..length).map(|i| values[first + i * stride]).collect()
                    })
                    .collect()
            };
            let mut least = f64::INFINITY;
            for (a, axis) in data.axes.iter().enumerate() {
                let stride: usize = data.axes[a + 1..].iter().map(|a| a.points).product();
                if let Some(sigma) = noise_of_lines(&lines(stride, axis.points)) {
                    least = least.min(sigma);
                }
            }
            if least.is_finite() { least } else { 0.0 }
        }
    };
    Ok(Ok(out))
}

/// Whether a sum over the region is kept: its slope in time, with Student's t.
pub(super) fn kept(
    title: &str,
    totals: &Totals,
    values: &[f64],
    inflow: f64,
    out: &mut Findings,
    kind: Kind,
) {
    let n = values.len();
    if n < 5 {
        out.push(
            kind,
            Verdict::not_checked(title, format!("{n} times are too few")),
        );
        return;
    }
    let y: Vec<f64> = values
        .iter()
        .zip(&totals.t)
        .map(|(v, t)| v - inflow * (t - totals.t[0]))
        .collect();
    let (mt, my) = (mean(&totals.t), mean(&y));
    let stt: f64 = totals.t.iter().map(|t| (t - mt).powi(2)).sum();
    let sty: f64 = totals
        .t
        .iter()
        .zip(&y)
        .map(|(t, y)| (t - mt) * (y - my))
        .sum();
    let slope = sty / stt;
    let squares: f64 = totals
        .t
        .iter()
        .zip(&y)
        .map(|(t, y)| (y - my - slope * (t - mt)).powi(2))
        .sum();
    let freedom = (n - 2) as f64;
    let noise = totals.sigma * totals.gain;
    let span = totals.t[n - 1] - totals.t[0];
    // Where the field is all but 0 in the mean, its size is what counts.
    let size = my.abs().max(1e-3 * totals.scale * totals.volume);
    let floor = ROUNDING * totals.scale * totals.volume;
    let se = ((squares / freedom).max(noise * noise) / stt)
        .sqrt()
        .hypot((totals.coarse / 3.0).hypot(floor) / (4.0 * span));
    let verdict = Verdict {
        statistic: Some(("drift in standard errors".into(), slope / se)),
        ..Verdict::not_checked(
            title,
            format!("slope of the integral over the region on time, {n} times"),
        )
    }
    .noted(
        format!(
            "{:+.3e} of {my:.4e} over the record ({:+.1e} relative)",
            slope * span,
            slope * span / size
        ),
        noise,
    );
    let share = se * span / size;
    out.deviate(kind, verdict, Deviate { freedom, share });
}

/// The largest rise of values that must not grow, against what noise makes of it.
pub(super) fn not_growing(
    title: &str,
    totals: &Totals,
    values: &[f64],
    (noise, size, blind): (f64, f64, f64),
    why: &str,
    out: &mut Findings,
    kind: Kind,
) {
    let mut least = f64::INFINITY;
    let mut rise = 0.0f64;
    for v in values {
        least = least.min(*v);
        rise = rise.max(v - least);
    }
    if values.len() < 2 || !size.is_finite() || size <= 0.0 {
        let why = "fewer than two times, or the field is the same everywhere";
        out.push(kind, Verdict::not_checked(title, why));
        return;
    }
    let threshold = noise + ROUNDING * totals.scale.max(size);
    // A field that could not have fallen by more than the noise says nothing.
    let verdict = if rise <= threshold && threshold > blind * size {
        Verdict::not_checked(
            title,
            format!(
                "cannot tell: noise of {:.1e} hides what happens",
                totals.sigma
            ),
        )
    } else {
        Verdict::by(
            title.into(),
            ("largest growth", rise),
            threshold,
            why.into(),
        )
        .with_effect(format!("{:.3} of its size", rise / size))
        .with_noise(totals.sigma)
    };
    out.push(kind, verdict);
}
