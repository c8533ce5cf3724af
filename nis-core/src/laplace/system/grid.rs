//! Default times and frequencies, chosen from the poles.

use num_complex::Complex64;

use super::System;
use super::chain::chains;
use crate::error::Result;
use crate::laplace::PoleResidue;

/// Points of the logarithmic frequency grid.
const FREQUENCIES: usize = 1000;
/// Extra points around each lightly damped pole or zero, evenly spaced in its phase.
const AROUND: i32 = 41;
/// Damping ratio below which a root gets extra points.
const LIGHT: f64 = 0.3;
/// Least and most points of a time grid.
const TIMES: (f64, f64) = (200.0, 5000.0);
/// `e^-7` is 0.1 %: when a mode counts as settled, in time constants.
const SETTLED: f64 = 7.0;
/// Share of the largest mode's part of the step response below which a mode does not decide the grid.
const MATTERS: f64 = 1e-3;

impl System {
    /// Angular frequencies for Bode and Nyquist plots: logarithmic, from a decade below the slowest to a decade
    /// above the fastest pole or zero (up to half the sampling rate for a discrete system), with further points
    /// around each lightly damped one, so that no peak is missed and the phase is unwrapped rightly.
    ///
    /// # Errors
    /// As [`poles`](System::poles).
    pub fn default_frequencies(&self) -> Result<Vec<f64>> {
        let mut roots = self.poles()?;
        // Zeros that cannot be had (an improper system of several inputs) leave the grid to the poles.
        roots.extend(self.zeros().unwrap_or_default());
        if let Some(dt) = self.dt() {
            roots = roots
                .iter()
                .filter(|z| z.norm() > 0.0)
                .map(|z| z.ln() / dt)
                .collect();
        }
        let slow = 1e-9 * roots.iter().map(|r| r.norm()).fold(0.0, f64::max);
        let sizes = || {
            roots
                .iter()
                .map(|r| r.norm())
                .filter(|r| *r > slow && r.is_finite())
        };
        let (least, most) = (
            sizes().fold(f64::INFINITY, f64::min),
            sizes().fold(0.0, f64::max),
        );
        let nyquist = self.dt().map(|dt| std::f64::consts::PI / dt);
        let (low, mut high) = if most > 0.0 {
            let decade = |x: f64, round: fn(f64) -> f64| 10f64.powf(round(x.log10()));
            (
                decade(0.1 * least * 1.0001, f64::floor),
                decade(10.0 * most * 0.9999, f64::ceil),
            )
        } else {
            nyquist.map_or((0.1, 10.0), |n| (1e-3 * n, n))
        };
        if let Some(nyquist) = nyquist {
            high = nyquist;
        }
        let low = low.min(1e-2 * high).max(f64::MIN_POSITIVE);
        let high = high.min(f64::MAX);
        let ratio = (high / low).ln() / (FREQUENCIES - 1) as f64;
        let mut omega: Vec<f64> = (0..FREQUENCIES)
            .map(|k| low * (k as f64 * ratio).exp())
            .collect();
        if let Some(last) = omega.last_mut() {
            *last = high;
        }
        for root in roots
            .iter()
            .filter(|r| r.im > 0.0 && r.re.abs() < LIGHT * r.im)
        {
            let width = root.re.abs().max(1e-6 * root.im);
            for k in 0..AROUND {
                let phase =
                    (f64::from(k) / f64::from(AROUND - 1) - 0.5) * 0.95 * std::f64::consts::PI;
                // An undamped root itself is no place to evaluate at.
                let at = root.im + width * phase.tan();
                if at > low && at < high && (root.re != 0.0 || at != root.im) {
                    omega.push(at);
                }
            }
        }
        omega.sort_by(f64::total_cmp);
        omega.dedup();
        Ok(omega)
    }

    /// Times for step and impulse plots, even from 0: until the slowest mode that matters has settled to 0.1 %
    /// (ten periods of an undamped one, a thousandfold growth of an unstable one), with some 24 points a period
    /// of the fastest one that matters, 200 to 5000 in all. A mode matters where its part of the step response
    /// is at least 0.1 % of the largest part. For a discrete system multiples of `dt`.
    ///
    /// # Errors
    /// As [`poles`](System::poles).
    pub fn default_times(&self) -> Result<Vec<f64>> {
        let modes = match self {
            System::PoleResidue(s) => weighed(s),
            System::StateSpace(s) => match s.dt {
                // Where the modes cannot be told apart, all count.
                None => match s.to_pole_residue(1e-6) {
                    Ok(form) => weighed(&form.system),
                    Err(_) => s.poles()?.iter().map(|p| (*p, 1)).collect(),
                },
                Some(dt) => s
                    .poles()?
                    .iter()
                    .filter(|z| z.norm() > 1e-6)
                    .map(|z| (z.ln() / dt, 1))
                    .collect(),
            },
        };
        let (span, step) = span_and_step(&modes);
        if let Some(dt) = self.dt() {
            let count = (span / dt).ceil().clamp(20.0, TIMES.1);
            return Ok((0..=count as usize).map(|k| k as f64 * dt).collect());
        }
        let count = (span / step).ceil().clamp(TIMES.0, TIMES.1);
        let h = span / count;
        Ok((0..=count as usize).map(|k| k as f64 * h).collect())
    }
}

/// The poles that matter, each with its highest power.
fn weighed(system: &PoleResidue) -> Vec<(Complex64, usize)> {
    let chains = chains(system);
    let weight = |c: &super::chain::Chain| {
        let size = c.pole.norm();
        let largest = |l: usize| {
            c.residues
                .iter()
                .skip(l)
                .step_by(c.depth)
                .map(|r| r.norm())
                .fold(0.0, f64::max)
        };
        (0..c.depth)
            .map(|l| largest(l) / size.powi(l as i32 + 1))
            .fold(0.0, f64::max)
    };
    let finite = |w: &f64| w.is_finite();
    let most = chains.iter().map(weight).filter(finite).fold(0.0, f64::max);
    chains
        .iter()
        .filter(|c| {
            let w = weight(c);
            // An integrator weighs infinitely.
            w >= MATTERS * most || !w.is_finite()
        })
        .map(|c| (c.pole, c.depth))
        .collect()
}

/// How long to look and how finely.
fn span_and_step(modes: &[(Complex64, usize)]) -> (f64, f64) {
    const UNDAMPED: f64 = 1e-8;
    const PER_PERIOD: f64 = 24.0;
    const PER_CONSTANT: f64 = 10.0;
    let mut span = 0.0f64;
    let mut growth = f64::INFINITY;
    let mut step = f64::INFINITY;
    for (p, depth) in modes.iter().filter(|(p, _)| p.norm() > 0.0) {
        let size = p.norm();
        let period = std::f64::consts::TAU / p.im.abs();
        if p.re > UNDAMPED * size {
            growth = growth.min(SETTLED / p.re);
        } else if p.re < -UNDAMPED * size {
            let settled = (SETTLED + 3.0 * (*depth as f64 - 1.0)) / -p.re;
            // More periods than the points can show are no use.
            span = span.max(settled.min(period * TIMES.1 / PER_PERIOD));
        } else {
            span = span.max(10.0 * period);
        }
        step = step.min((period / PER_PERIOD).min(1.0 / (PER_CONSTANT * p.re.abs())));
    }
    if growth.is_finite() {
        span = growth;
    }
    if span == 0.0 || !span.is_finite() || !step.is_finite() {
        return (10.0, 0.05);
    }
    (nice(span), step)
}

/// The next of 1, 1.5, 2, 3, 4, 5, 6, 8, 10 times a power of ten.
fn nice(x: f64) -> f64 {
    let decade = 10f64.powf(x.log10().floor());
    let nice = [1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0]
        .iter()
        .map(|m| m * decade)
        .find(|m| *m >= x * 0.9999);
    nice.filter(|n| n.is_finite() && *n > 0.0).unwrap_or(x)
}
