//! Inversion of what is rational from the outset: pole-residue forms, and samples through a rational fit.

use num_complex::Complex64;

use super::rational::residue_sum;
use super::{Estimate, Inversion, InvertOptions, Method, check, check_times};
use crate::error::{Error, Result};
use crate::laplace::PoleResidue;
use crate::laplace::aaa::{AaaOptions, aaa};
use crate::telemetry::Progress;

/// Largest degree that is fitted to samples.
const MAX_DEGREE: usize = 60;

/// The impulse response of a system of one input and one output at times `t > 0`:
/// `sum_k 2 Re(r_k t^{m-1}/(m-1)! e^{p_k t})`, one term without the factor 2 for a real pole. The direct part is
/// an impulse at 0 and does not show; the error is rounding.
///
/// # Errors
/// [`Error::InvalidInput`] for bad times or a system that is not sound or not of one input and one output.
///
/// ```
/// use nis_core::laplace::{PoleResidue, inverse::invert_poles};
/// use num_complex::Complex64;
/// // 1/(s + 2)
/// let h = PoleResidue::from_pairs(&[Complex64::new(-2.0, 0.0)], &[Complex64::new(1.0, 0.0)], 0.0)?;
/// let found = invert_poles(&h, &[0.5])?;
/// assert!((found.value[0] - (-1.0f64).exp()).abs() < 1e-16);
/// # Ok::<(), nis_core::Error>(())
/// ```
pub fn invert_poles(system: &PoleResidue, t: &[f64]) -> Result<Inversion> {
    check_times(t)?;
    system.check()?;
    if system.outputs != 1 || system.inputs != 1 {
        return Err(Error::invalid(
            "outputs, inputs",
            format!("{} x {}", system.outputs, system.inputs),
            "1 x 1: one entry of the matrix at a time",
        ));
    }
    let mut out = Inversion::zero(t);
    out.delays = vec![0.0];
    out.abscissa = system
        .terms
        .iter()
        .fold(f64::NEG_INFINITY, |a, term| a.max(term.pole.re));
    if system.terms.is_empty() {
        out.abscissa = 0.0;
    }
    for (i, t) in t.iter().enumerate() {
        let mut sum = Estimate {
            value: 0.0,
            error: 0.0,
        };
        for term in &system.terms {
            let both = if term.pole.im != 0.0 { 2.0 } else { 1.0 };
            let residue = term.residue.first().copied().unwrap_or_default();
            let mut shape = Complex64::new(both, 0.0) * (term.pole * t).exp();
            for k in 1..term.power {
                shape *= t / f64::from(k);
            }
            let value = residue * shape;
            sum.value += value.re;
            sum.error += f64::EPSILON * value.norm() * (1.0 + term.pole.norm() * t);
        }
        if !sum.value.is_finite() {
            sum = Estimate::NONE;
        }
        out.value[i] = sum.value;
        out.error[i] = sum.error;
    }
    Ok(out)
}

/// Inverts a transform known at some points alone, `values[i] = F(s[i])`, by a rational fit and its residues.
/// The error is the difference to the fits of either half of the points, so it tells noise and points that are
/// too few; what the points do not see at all it cannot tell. Constant and linear parts of the fit are
/// impulses at 0 and do not show.
///
/// # Errors
/// [`Error::InvalidInput`] for fewer than 8 points, points that are not finite or not distinct, lists of
/// different length, bad times, or a method other than `auto` and `rational`; [`Error::Numerical`] where a
/// decomposition fails; [`Error::Cancelled`] on request.
///
/// ```
/// use nis_core::{laplace::inverse::{InvertOptions, invert_samples}, telemetry::Progress};
/// use num_complex::Complex64;
/// let s: Vec<Complex64> = (0..30).map(|k| Complex64::new(0.0, 0.2 * f64::from(k))).collect();
/// let f: Vec<Complex64> = s.iter().map(|s| 1.0 / ((s + 0.5) * (s + 0.5) + 4.0)).collect();
/// let found = invert_samples(&s, &f, &[1.0], &InvertOptions::default(), &Progress::none())?;
/// assert!((found.value[0] - 0.5 * (-0.5f64).exp() * 2.0f64.sin()).abs() < 1e-12);
/// # Ok::<(), nis_core::Error>(())
/// ```
pub fn invert_samples(
    s: &[Complex64],
    values: &[Complex64],
    t: &[f64],
    options: &InvertOptions,
    progress: &Progress<'_>,
) -> Result<Inversion> {
    check(t, options)?;
    if !matches!(options.method, Method::Auto | Method::Rational) {
        return Err(Error::invalid(
            "method",
            format!("{:?}", options.method),
            "auto or rational: samples are inverted through a rational fit",
        ));
    }
    if s.len() < 8 {
        return Err(Error::invalid(
            "s",
            format!("{} points", s.len()),
            "at least 8",
        ));
    }
    if values.len() != s.len() {
        return Err(Error::invalid(
            "values",
            format!("{} values", values.len()),
            format!("{}, one per point", s.len()),
        ));
    }
    let moved: Vec<Complex64> = s
        .iter()
        .zip(values)
        .map(|(s, f)| {
            if options.delay == 0.0 {
                *f
            } else {
                f * (s * options.delay).exp()
            }
        })
        .collect();
    let fit = |keep: &dyn Fn(usize) -> bool| {
        let pick = |v: &[Complex64]| -> Vec<Complex64> {
            v.iter()
                .enumerate()
                .filter(|(i, _)| keep(*i))
                .map(|(_, v)| *v)
                .collect()
        };
        let (s, f) = (pick(s), pick(&moved));
        let settings = AaaOptions {
            max_degree: MAX_DEGREE,
            ..AaaOptions::default()
        };
        aaa(&s, &[&f], &settings, progress)?.partial_fractions()
    };
    let full = fit(&|_| true)?;
    let halves = [fit(&|i| i % 2 == 0)?, fit(&|i| i % 2 == 1)?];
    let mut out = Inversion::zero(t);
    out.delays = vec![options.delay];
    out.abscissa = full
        .poles
        .iter()
        .fold(f64::NEG_INFINITY, |a, p| a.max(p.re));
    if full.poles.is_empty() {
        out.abscissa = 0.0;
    }
    for (i, t) in t.iter().enumerate() {
        let since = t - options.delay;
        if since <= 0.0 {
            continue;
        }
        let whole = residue_sum(&full, since);
        let mut error = whole.error;
        for half in &halves {
            error = error.max((residue_sum(half, since).value - whole.value).abs());
        }
        let known = whole.value.is_finite() && error.is_finite();
        out.method[i] = Method::Rational;
        out.value[i] = if known { whole.value } else { f64::NAN };
        out.error[i] = if known { error } else { f64::INFINITY };
    }
    Ok(out)
}
