//! Frequency responses: causality (Kramers and Kronig) and passivity.

use std::f64::consts::FRAC_2_PI;

use serde::{Deserialize, Serialize};

use super::Verdict;
use super::data::{Data, Given};
use super::findings::{Findings, Kind};
use super::statistics::{SLACK, noise_of_lines};
use crate::error::Result;
use crate::telemetry::Progress;

/// A linear response over angular frequency, with the sign convention `exp(-i w t)`: absorption is a positive imaginary
/// part. Checked is that the imaginary part gives the real part,
/// `Re X(w) = X_inf + (2/pi) P int_0^inf w' Im X(w')/(w'^2 - w^2) dw'` (Kramers 1927, Kronig 1926), up to what the
/// quadrature leaves and what lies beyond the last frequency, and that a passive medium gives no energy,
/// `w Im X >= 0`. Cost: `frequencies * 400` logarithms.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Response {
    /// Column of angular frequencies: 0 or above, increasing.
    pub frequency: String,
    /// Column of the real part.
    pub real: String,
    /// Column of the imaginary part.
    pub imaginary: String,
    /// Value at infinite frequency; absent: 0, as of a susceptibility.
    #[serde(default = "zero")]
    pub infinity: Given,
    /// Whether the medium is declared passive.
    #[serde(default = "yes")]
    pub passive: bool,
}

fn zero() -> Given {
    Given::Number(0.0)
}

fn yes() -> bool {
    true
}

/// Frequencies at which the integral is formed, at most.
const LOOKED_AT: usize = 400;

/// Share of the band that is compared: above, what lies beyond the band counts too much.
const BAND: f64 = 0.6;

impl Response {
    pub(super) fn check(
        &self,
        path: &str,
        data: &Data,
        out: &mut Findings,
        progress: &Progress<'_>,
    ) -> Result<()> {
        let get = |name: &str, column: &str| data.column(&format!("{path}.{name}"), column);
        let (w, re, im) = (
            get("frequency", &self.frequency)?,
            get("real", &self.real)?,
            get("imaginary", &self.imaginary)?,
        );
        let infinity = data.number(&format!("{path}.infinity"), &self.infinity, "")?;
        let title = "Kramers-Kronig: imaginary to real part";
        let (w, re, im_values) = (&w.values, &re.values, &im.values);
        let finite = w.iter().chain(re).chain(im_values).all(|v| v.is_finite());
        let increasing = w.windows(2).all(|w| w[1] > w[0]) && w.first().is_some_and(|w| *w >= 0.0);
        if w.len() < 16 || !finite || !increasing || !infinity.is_finite() {
            let why = "16 or more finite values over increasing frequencies from 0 on are needed";
            out.push(Kind::KramersKronig, Verdict::not_checked(title, why));
            return Ok(());
        }
        let noise = match im.noise {
            Some(noise) => noise,
            None => noise_of_lines(std::slice::from_ref(im_values)).unwrap_or(0.0),
        };
        if self.passive {
            out.push(Kind::Passivity, passivity(w, im_values, noise));
        }
        if out.wants(Kind::KramersKronig) {
            let verdict = relation(title, w, re, im_values, infinity, noise, progress)?;
            out.push(Kind::KramersKronig, verdict);
        }
        Ok(())
    }
}

fn passivity(w: &[f64], im: &[f64], noise: f64) -> Verdict {
    let largest = im.iter().fold(0.0f64, |a, v| a.max(v.abs()));
    let title = "passive: no energy comes out";
    if largest == 0.0 {
        return Verdict::not_checked(title, "the imaginary part is 0 everywhere");
    }
    let least = w
        .iter()
        .zip(im)
        .filter(|(w, _)| **w > 0.0)
        .fold(0.0f64, |a, (_, v)| a.min(*v));
    // The least of many noisy values.
    let looked = (w.len() as f64).ln();
    let threshold = SLACK * noise * (2.0 * looked + 19.3).sqrt() / largest + 1e-9;
    if threshold > 0.5 {
        return Verdict::not_checked(title, "cannot tell: the noise is as large as the response");
    }
    Verdict::by(
        title.into(),
        ("most negative imaginary part, relative", -least / largest),
        threshold,
        "with exp(-i w t) a passive medium has w Im X >= 0".into(),
    )
    .with_noise(noise)
}

/// The integral with the imaginary part taken as linear between the frequencies, in closed form. The logarithms of
/// the two pieces that meet at `w` cancel there.
fn integral(nodes: &[f64], im: &[f64], w: f64) -> f64 {
    let mut sum = 0.0;
    for (x, y) in nodes.windows(2).zip(im.windows(2)) {
        let slope = (y[1] - y[0]) / (x[1] - x[0]);
        let offset = y[0] - slope * x[0];
        sum += y[1] - y[0];
        // x (offset + slope x)/(x^2 - w^2) = slope + (offset + slope w)/2/(x - w) + (offset - slope w)/2/(x + w)
        let log = |x: f64| if x == w { 0.0 } else { (x - w).abs().ln() };
        sum += 0.5 * (offset + slope * w) * (log(x[1]) - log(x[0]));
        let far = |x: f64| if x + w == 0.0 { 0.0 } else { (x + w).ln() };
        sum += 0.5 * (offset - slope * w) * (far(x[1]) - far(x[0]));
    }
    FRAC_2_PI * sum
}

fn relation(
    title: &str,
    w: &[f64],
    re: &[f64],
    im: &[f64],
    infinity: f64,
    noise: f64,
    progress: &Progress<'_>,
) -> Result<Verdict> {
    // The imaginary part is odd: it is 0 at frequency 0.
    let (mut nodes, mut values) = (w.to_vec(), im.to_vec());
    if w[0] > 0.0 {
        nodes.insert(0, 0.0);
        values.insert(0, 0.0);
    }
    let last = nodes[nodes.len() - 1];
    let edge = values[values.len() - 1].abs();
    // Every second node, for the error of the rule: it falls by 4.
    let every_second = |v: &[f64]| -> Vec<f64> {
        let mut out: Vec<f64> = v.iter().step_by(2).copied().collect();
        if v.len().is_multiple_of(2) {
            out.extend(v.last());
        }
        out
    };
    let (coarse_nodes, coarse_values) = (every_second(&nodes), every_second(&values));
    let largest = re.iter().fold(0.0f64, |a, v| a.max((v - infinity).abs()));
    let im_largest = im.iter().fold(0.0f64, |a, v| a.max(v.abs()));
    if largest == 0.0 && im_largest == 0.0 {
        return Ok(Verdict::not_checked(title, "the response is 0 everywhere"));
    }
    let size = largest.max(im_largest);
    // Frequencies that are nodes of both rules, so that the singular pieces cancel in both.
    let shift = nodes.len() - w.len();
    let candidates: Vec<usize> = (0..w.len())
        .filter(|i| (i + shift).is_multiple_of(2) && w[*i] <= BAND * last)
        .collect();
    let step = candidates.len().div_ceil(LOOKED_AT).max(1);
    let mut worst: Option<(f64, f64, f64, f64, f64)> = None;
    for i in candidates.into_iter().step_by(step) {
        progress.check()?;
        let (fine, coarse) = (
            integral(&nodes, &values, w[i]),
            integral(&coarse_nodes, &coarse_values, w[i]),
        );
        let corrected = fine + (fine - coarse) / 3.0;
        let rule = (fine - coarse).abs() / 3.0;
        // Beyond the band the imaginary part falls at least as 1/w: int_W^inf W/(w'^2 - w^2) dw'.
        let ratio = w[i] / last;
        let reach = if ratio > 0.0 {
            (2.0 * ratio.atanh()) / (2.0 * ratio)
        } else {
            1.0
        };
        let tail = FRAC_2_PI * edge * reach;
        // Noise of the integral: its weights are those of a Hilbert transform, which keeps the size of white noise;
        // and that of the real part itself.
        let scatter = 5.0 * SLACK * noise * 2.0;
        let error = corrected + infinity - re[i];
        let granted = tail + rule + scatter + 1e-9 * size;
        let excess = error.abs() / granted;
        if !excess.is_finite() {
            return Ok(Verdict::not_checked(title, "the integral is not finite"));
        }
        // Of what is too large the largest is told, else what comes next to it.
        let worse = worst.is_none_or(|(e, before, ..)| match (e > 1.0, excess > 1.0) {
            (true, true) => error.abs() > before.abs(),
            (true, false) => false,
            _ => excess > e,
        });
        if worse {
            worst = Some((excess, error, granted, w[i], tail + rule));
        }
    }
    let Some((excess, error, granted, at, bounds)) = worst else {
        return Ok(Verdict::not_checked(
            title,
            "too few frequencies in the lower part of the band",
        ));
    };
    if excess <= 1.0 && granted > 0.3 * size {
        return Ok(Verdict::not_checked(
            title,
            format!(
                "cannot tell: the band ends where the imaginary part is still {edge:.2e}, noise is {noise:.1e}"
            ),
        ));
    }
    Ok(Verdict::by(
        title.into(),
        ("deviation relative to the largest real part", error.abs() / largest.max(1e-12 * size)),
        granted / largest.max(1e-12 * size),
        format!(
            "what is absorbed at all frequencies gives the real part; beyond the band, and by the rule, up to {:.1e} is missing",
            bounds / size
        ),
    )
    .with_effect(format!("{error:+.4e} at frequency {at:.4e}"))
    .with_noise(noise))
}
