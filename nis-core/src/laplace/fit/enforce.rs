//! Passivity by the least change of residues and `D`.

use num_complex::Complex64;
use serde::{Deserialize, Serialize};

use super::metric::Metric;
use super::passivity::{Passivity, Probe, Representation, examine};
use crate::error::{Error, Result};
use crate::laplace::PoleResidue;
use crate::telemetry::Progress;

/// How passivity is enforced.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EnforceOptions {
    /// Angular frequencies at which the change of the response counts; where empty, a grid over the poles.
    pub omega: Vec<f64>,
    /// Most perturbations.
    pub max_iterations: usize,
    /// Distance from the limit that is aimed at: below 1 for singular values (scattering), above 0 relative to
    /// the largest response (immittance).
    pub margin: f64,
    /// Whether, where the perturbations do not succeed, the whole response is scaled (scattering) or `D`
    /// raised (immittance), which always succeeds but changes more.
    pub fallback: bool,
}

impl Default for EnforceOptions {
    fn default() -> Self {
        EnforceOptions {
            omega: Vec::new(),
            max_iterations: 40,
            margin: 1e-6,
            fallback: true,
        }
    }
}

/// What enforcement did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EnforceReport {
    /// Whether the result is passive by the eigenvalue test.
    pub enforced: bool,
    /// `none` (was passive), `perturbation`, `scaling`, `shift` or `failed`.
    pub method: String,
    /// Perturbations made.
    pub iterations: usize,
    /// Root mean square change of the response over the frequencies and elements.
    pub change_rms: f64,
    /// `change_rms` against the root mean square of the response.
    pub change_relative: f64,
    /// Largest change of an element at these frequencies.
    pub change_max: f64,
}

/// A system made passive.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Enforced {
    /// The system; its poles are those of the input.
    pub system: PoleResidue,
    /// What was done.
    pub report: EnforceReport,
    /// Passivity before.
    pub before: Passivity,
    /// Passivity after.
    pub after: Passivity,
}

/// Frequencies of violation that are remembered.
const MEMORY: usize = 300;

/// Perturbations on the known frequencies between two eigenvalue tests.
const INNER: usize = 6;

/// Changes residues and `D` as little as possible until the system is passive.
///
/// At the worst frequencies of all bands the singular values (eigenvalues) are linearised in the residues, and
/// the change of least mean square over frequency that brings them back is found as a quadratic program
/// (Gustavsen and Semlyen, IEEE Trans. Power Syst. 16 (2001) 97; Gustavsen, IEEE Trans. Power Delivery 23 (2008)
/// 2278). Frequencies once met stay constrained, so that violations do not move back and forth; the
/// eigenvalue test decides when it is done. The number of perturbations is bounded; what remains then is
/// removed by scaling or shifting, or reported where `fallback` is off. The poles stay; `D` stays zero where it
/// was absent in scattering form.
///
/// # Errors
/// Those of [`passivity`](super::passivity()); [`Error::InvalidInput`] for unstable systems, a term `s E` that no
/// passive system has, and bad options.
///
/// ```
/// use nis_core::laplace::{PoleResidue, fit::{EnforceOptions, Representation, enforce_passivity}};
/// use nis_core::telemetry::Progress;
/// use num_complex::Complex64;
/// let s = PoleResidue::from_pairs(&[Complex64::new(-1.0, 0.0)], &[Complex64::new(1.1, 0.0)], 0.0)?;
/// let done = enforce_passivity(&s, Representation::Scattering, &EnforceOptions::default(), &Progress::none())?;
/// assert!(done.report.enforced && done.after.passive);
/// assert!(done.after.worst > 0.999);
/// # Ok::<(), nis_core::Error>(())
/// ```
pub fn enforce_passivity(
    system: &PoleResidue,
    representation: Representation,
    options: &EnforceOptions,
    progress: &Progress<'_>,
) -> Result<Enforced> {
    check(options)?;
    let (before, first_peaks) = examine(system, representation, progress)?;
    refuse(&before)?;
    let grid = grid(system, options);
    let mut now = system.clone();
    let mut after = before.clone();
    let mut iterations = 0;
    let mut method = "none";
    if !before.passive {
        method = "perturbation";
        let metric = Metric::new(system, representation, &grid);
        let mut memory: Vec<f64> = Vec::new();
        let mut peaks = first_peaks;
        let mut margin = options.margin;
        while iterations < options.max_iterations && !after.passive {
            for _ in 0..INNER {
                remember(&mut memory, &peaks);
                metric.perturb(&mut now, representation, &memory, margin)?;
                iterations += 1;
                progress.report(
                    "enforce",
                    iterations as u64,
                    options.max_iterations as u64,
                    &format!("worst {:.6}", after.worst),
                )?;
                // Where the known frequencies still violate, the eigenvalue test would say so too.
                let probe = Probe::new(&now, representation)?;
                let mut division = probe.divisions(&memory);
                division.retain(|w| *w > 0.0);
                let survey = probe.survey(&division, progress)?;
                if survey.bands.is_empty() || iterations >= options.max_iterations {
                    break;
                }
                peaks = survey.peaks;
                margin *= 1.3;
            }
            let tested = examine(&now, representation, progress)?;
            after = tested.0;
            peaks = tested.1;
            margin *= 1.5;
        }
        if !after.passive {
            method = "failed";
            if options.fallback {
                method = fall_back(&mut now, representation, &mut after, options, progress)?;
            }
        }
    }
    let (change_rms, change_relative, change_max) = change(system, &now, &grid);
    Ok(Enforced {
        report: EnforceReport {
            enforced: after.passive,
            method: if after.passive { method } else { "failed" }.to_owned(),
            iterations,
            change_rms,
            change_relative,
            change_max,
        },
        system: now,
        before,
        after,
    })
}

fn check(options: &EnforceOptions) -> Result<()> {
    if let Some(at) = options
        .omega
        .iter()
        .position(|w| !(w.is_finite() && *w >= 0.0))
    {
        return Err(Error::invalid(
            format!("options.omega[{at}]"),
            options.omega[at],
            "a finite angular frequency, 0 or more",
        ));
    }
    if !(options.margin > 0.0 && options.margin < 0.5) {
        return Err(Error::invalid(
            "options.margin",
            options.margin,
            "more than 0 and less than 0.5",
        ));
    }
    Ok(())
}

fn refuse(before: &Passivity) -> Result<()> {
    if !before.stable {
        return Err(Error::invalid(
            "system",
            "a pole with a real part of 0 or more",
            "a stable system: the residues cannot make another passive",
        ));
    }
    if !before.linear_passive {
        return Err(Error::invalid(
            "system.linear",
            "a term s E that no passive system has",
            "none (scattering), or a symmetric positive semidefinite E (immittance)",
        ));
    }
    Ok(())
}

/// Frequencies at which changes count.
fn grid(system: &PoleResidue, options: &EnforceOptions) -> Vec<f64> {
    if !options.omega.is_empty() {
        return options.omega.clone();
    }
    let largest = system
        .terms
        .iter()
        .fold(0.0f64, |a, t| a.max(t.pole.norm()));
    let mut omega: Vec<f64> = (0..=200)
        .map(|k| 1.5 * largest * f64::from(k) / 200.0)
        .collect();
    for t in &system.terms {
        let (a, b) = (t.pole.re.abs(), t.pole.im);
        omega.extend([-1.0, 0.0, 1.0].map(|k| (b + k * a).max(0.0)));
    }
    omega
}

fn remember(memory: &mut Vec<f64>, peaks: &[Option<f64>]) {
    for peak in peaks {
        let w = peak.unwrap_or(f64::INFINITY);
        let known = |m: &f64| *m == w || (m - w).abs() <= 1e-6 * w.abs();
        if !memory.iter().any(known) {
            memory.push(w);
        }
    }
    if memory.len() > MEMORY {
        let surplus = memory.len() - MEMORY;
        memory.drain(..surplus);
    }
}

/// Scales the response below 1, or raises `D` until the Hermitian part is positive.
fn fall_back(
    system: &mut PoleResidue,
    representation: Representation,
    after: &mut Passivity,
    options: &EnforceOptions,
    progress: &Progress<'_>,
) -> Result<&'static str> {
    // The worst value is known to rounding, so a second pass is needed at most.
    for _ in 0..3 {
        if after.passive || !after.worst.is_finite() {
            break;
        }
        match representation {
            Representation::Scattering => {
                let factor = (1.0 - options.margin) / after.worst;
                for t in &mut system.terms {
                    for r in &mut t.residue {
                        *r *= factor;
                    }
                }
                for d in &mut system.direct {
                    *d *= factor;
                }
            }
            Representation::Immittance => {
                let m = system.inputs;
                if system.direct.is_empty() {
                    system.direct = vec![0.0; m * m];
                }
                for i in 0..m {
                    system.direct[i * m + i] -= after.worst * (1.0 + 1e-3);
                }
            }
        }
        *after = examine(system, representation, progress)?.0;
    }
    Ok(match representation {
        Representation::Scattering => "scaling",
        Representation::Immittance => "shift",
    })
}

/// Rms, relative rms and largest change over the grid.
fn change(before: &PoleResidue, after: &PoleResidue, grid: &[f64]) -> (f64, f64, f64) {
    let (mut sum, mut power, mut most, mut count) = (0.0, 0.0, 0.0f64, 0.0);
    for w in grid {
        let s = Complex64::new(0.0, *w);
        for (a, b) in before.evaluate(s).iter().zip(after.evaluate(s)) {
            let d = (a - b).norm();
            sum += d * d;
            power += a.norm_sqr();
            most = if d.is_nan() || d > most { d } else { most };
            count += 1.0;
        }
    }
    if count == 0.0 {
        return (0.0, 0.0, 0.0);
    }
    let relative = if power > 0.0 {
        (sum / power).sqrt()
    } else {
        0.0
    };
    ((sum / count).sqrt(), relative, most)
}
