//! Inverse Laplace transform at many times, with an error estimate for each.
//!
//! [`invert`] takes any function of complex numbers, [`invert_formula`] a formula, whose delays `e^{-as}` are
//! split off, [`invert_samples`] values on some points, [`invert_poles`] a pole-residue form, exactly. The time
//! functions are real: `F(conj s) = conj F(s)`.
//!
//! No single method serves all functions (Davies and Martin, J. Comput. Phys. 33 (1979) 1). [`Method::Auto`]
//! computes each time by contours of growing width, by the residues where `F` is rational, and along a vertical
//! line, takes the answer of least estimated error that an independent one confirms, and says which it was.

mod auto;
mod cme;
mod contour;
mod de_hoog;
mod delays;
mod euler;
mod exact;
mod fourier;
mod rational;
mod transform;
mod weeks;

pub use exact::{invert_poles, invert_samples};
pub use transform::{Pointwise, Transform};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::expr::Expr;
use crate::telemetry::Progress;
use num_complex::Complex64;
use rational::Rational;
use transform::{Formula, Source};

/// How the transform is inverted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Each time by the method of least estimated error that another confirms (default).
    #[default]
    Auto,
    /// Contours around the singularities: the fastest where these are near the real axis.
    Talbot,
    /// Fourier series with Euler summation (Abate and Whitt).
    Euler,
    /// Fourier series as a continued fraction (de Hoog, Knight and Stokes), in panels of `t`.
    DeHoog,
    /// Concentrated matrix-exponential distributions: a few digits, without overshoot at jumps.
    Cme,
    /// Fourier series with a smooth cut-off: right to rounding between the jumps and kinks of a function.
    Fourier,
    /// Laguerre functions (Weeks): one expansion for all times, for functions smooth on all of `t >= 0`.
    Weeks,
    /// Rational approximation and its residues.
    Rational,
    /// Closed form of a pole-residue system, or zero before a delay; in results alone.
    Exact,
}

/// How [`invert`] works.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InvertOptions {
    /// The method.
    pub method: Method,
    /// A real number right of (or on) the singularities of `F` with the largest real part. Without it the
    /// singularities right of the imaginary axis are sought from a rational approximation of `F`.
    pub abscissa: Option<f64>,
    /// A known delay `a` of a function: `F(s) = e^{-as} G(s)`, so `f(t) = 0` before `a`. Those of a formula are
    /// found.
    pub delay: f64,
    /// Number of nodes (values of `F` per time, or per panel for `de_hoog`, or terms for `weeks`) of a method
    /// other than `auto`, `fourier` and `rational`; chosen by the method where `None`.
    pub nodes: Option<usize>,
}

/// Values of the inverse transform and what is needed to judge them. Where nothing is known the value is NaN
/// and the error infinite (both `null` in JSON).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Inversion {
    /// The times.
    pub t: Vec<f64>,
    /// `f(t)`.
    #[serde(deserialize_with = "nan_for_null")]
    pub value: Vec<f64>,
    /// Estimate of the absolute error of each value.
    #[serde(deserialize_with = "infinity_for_null")]
    pub error: Vec<f64>,
    /// The method that gave each value; where several delayed parts add up, that of the least certain one.
    pub method: Vec<Method>,
    /// The abscissa that was given or found (the largest of the parts).
    pub abscissa: f64,
    /// Values of `F` that were asked for.
    pub evaluations: u64,
    /// The delays that were split off, rising; `[0]` where there are none.
    pub delays: Vec<f64>,
}

fn nan_for_null<'de, D: serde::Deserializer<'de>>(d: D) -> std::result::Result<Vec<f64>, D::Error> {
    let values = Vec::<Option<f64>>::deserialize(d)?;
    Ok(values.into_iter().map(|v| v.unwrap_or(f64::NAN)).collect())
}

fn infinity_for_null<'de, D: serde::Deserializer<'de>>(
    d: D,
) -> std::result::Result<Vec<f64>, D::Error> {
    let values = Vec::<Option<f64>>::deserialize(d)?;
    Ok(values
        .into_iter()
        .map(|v| v.unwrap_or(f64::INFINITY))
        .collect())
}

/// A value with an estimate of its error.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Estimate {
    value: f64,
    error: f64,
}

impl Estimate {
    const NONE: Estimate = Estimate {
        value: f64::NAN,
        error: f64::INFINITY,
    };

    /// This value, with the difference to a less accurate one as error where that is more than rounding.
    fn against(&self, other: &Estimate) -> Estimate {
        let error = (self.value - other.value).abs();
        if !error.is_finite() {
            return Estimate::NONE;
        }
        Estimate {
            value: self.value,
            error: error.max(self.error),
        }
    }
}

/// `e^{abscissa t}`.
fn growth(abscissa: f64, t: f64) -> f64 {
    if abscissa == 0.0 {
        1.0
    } else {
        (abscissa * t).exp()
    }
}

/// Inverts a function at the times `t > 0`.
///
/// `Auto` costs some 200 values of `F` in all where `F` is rational; else about 40 per time, 41 per factor of 2
/// between the times and 100 once; where singularities lie at `|Im s| t` over 6 some hundred per time. Where
/// `f` jumps at unknown times, up to 33000 values per factor of 8 between the times are taken.
///
/// ```
/// use nis_core::{laplace::inverse::{InvertOptions, Pointwise, invert}, telemetry::Progress};
/// // 1/sqrt(s) is the transform of 1/sqrt(pi t).
/// let mut f = Pointwise(|s: num_complex::Complex64| 1.0 / s.sqrt());
/// let t = [0.1, 1.0, 10.0];
/// let found = invert(&mut f, &t, &InvertOptions::default(), &Progress::none())?;
/// for ((t, value), error) in t.iter().zip(&found.value).zip(&found.error) {
///     let exact = 1.0 / (std::f64::consts::PI * t).sqrt();
///     assert!((value - exact).abs() < 1e-12 && *error < 1e-11);
/// }
/// # Ok::<(), nis_core::Error>(())
/// ```
///
/// # Errors
/// [`Error::InvalidInput`] for no times, a time that is not positive and finite, or bad options;
/// [`Error::Numerical`] where `F` is nowhere finite, or where the method is `rational` and `F` is not;
/// [`Error::Cancelled`] on request; any error of `F`.
pub fn invert(
    transform: &mut dyn Transform,
    t: &[f64],
    options: &InvertOptions,
    progress: &Progress<'_>,
) -> Result<Inversion> {
    check(t, options)?;
    let mut source = Source::new(transform, options.delay, progress);
    let mut out = Inversion::zero(t);
    out.delays = vec![options.delay];
    out.add(&mut source, options.delay, options)?;
    Ok(out)
}

/// Inverts a formula in `s` (the only name in it) at the times `t > 0`. Factors `e^{-as}` of its terms become
/// delays, and denominators like `1 + e^{-as}` series of delays, so that jumps are exact.
///
/// ```
/// use nis_core::{expr::Expr, laplace::inverse::{InvertOptions, invert_formula}, telemetry::Progress};
/// // A square wave: 1 in even, 0 in odd unit intervals.
/// let f = Expr::parse("1/(s*(1 + exp(-s)))")?;
/// let found = invert_formula(&f, &[0.5, 1.5, 2.5], &InvertOptions::default(), &Progress::none())?;
/// for (value, exact) in found.value.iter().zip([1.0, 0.0, 1.0]) {
///     assert!((value - exact).abs() < 1e-12);
/// }
/// # Ok::<(), nis_core::Error>(())
/// ```
///
/// # Errors
/// As [`invert`]; [`Error::NotFound`] for a name other than `s`, [`Error::InvalidInput`] for a function that
/// is not analytic and for a given `delay`.
pub fn invert_formula(
    formula: &Expr,
    t: &[f64],
    options: &InvertOptions,
    progress: &Progress<'_>,
) -> Result<Inversion> {
    const NAME: &str = "s";
    check(t, options)?;
    if options.delay != 0.0 {
        return Err(Error::invalid(
            "delay",
            options.delay,
            "0: the delays of a formula are found in it",
        ));
    }
    // Refused as a whole, before anything is taken apart.
    formula.compile_complex(&[NAME])?;
    let horizon = t.iter().copied().fold(0.0, f64::max);
    let parts = match delays::split(formula, NAME, horizon) {
        Ok(parts) => parts,
        // Too large to be taken apart: it is inverted as it is.
        Err(Error::Limit { .. }) => vec![delays::Delayed {
            delay: 0.0,
            factor: formula.clone(),
        }],
        Err(e) => return Err(e),
    };
    let mut out = Inversion::zero(t);
    out.delays = parts.iter().map(|p| p.delay).collect();
    for part in &parts {
        let mut f = Formula::new(&part.factor, NAME)?;
        let mut source = Source::new(&mut f, 0.0, progress);
        out.add(&mut source, part.delay, options)?;
    }
    Ok(out)
}

impl Inversion {
    /// Zero everywhere: what is before all delays is exact.
    fn zero(t: &[f64]) -> Self {
        Inversion {
            t: t.to_vec(),
            value: vec![0.0; t.len()],
            error: vec![0.0; t.len()],
            method: vec![Method::Exact; t.len()],
            abscissa: 0.0,
            evaluations: 0,
            delays: Vec::new(),
        }
    }

    /// Adds the inverse of `e^{-delay s} G(s)`, where the source gives `G`.
    fn add(&mut self, source: &mut Source<'_>, delay: f64, options: &InvertOptions) -> Result<()> {
        let seen: Vec<usize> = (0..self.t.len()).filter(|&i| self.t[i] > delay).collect();
        let since: Vec<f64> = seen.iter().map(|&i| self.t[i] - delay).collect();
        if !since.is_empty() {
            let (values, abscissa) = by_method(source, &since, options)?;
            self.abscissa = if self.evaluations == 0 {
                abscissa
            } else {
                self.abscissa.max(abscissa)
            };
            for (i, (estimate, method)) in seen.into_iter().zip(values) {
                let known = estimate.value.is_finite() && estimate.error.is_finite();
                let estimate = if known { estimate } else { Estimate::NONE };
                self.value[i] += estimate.value;
                if estimate.error >= self.error[i] {
                    self.method[i] = method;
                }
                self.error[i] += estimate.error;
            }
        }
        // At the jump itself a Fourier integral gives the middle, which may be half the jump off.
        for i in 0..self.t.len() {
            if self.t[i] == delay {
                let s = 1e9 / self.t[i];
                let at = [Complex64::new(s, 0.0), Complex64::new(10.0 * s, 0.0)];
                let g = source.values(&at)?;
                let (near, far) = (g[0].re * s, g[1].re * 10.0 * s);
                if (near - far).abs() <= 1e-3 * (1.0 + near.abs()) {
                    self.value[i] += 0.5 * far;
                    self.error[i] += 0.5 * far.abs();
                } else {
                    self.value[i] = f64::NAN;
                    self.error[i] = f64::INFINITY;
                }
            }
        }
        self.evaluations += source.evaluations;
        Ok(())
    }
}

type Values = (Vec<(Estimate, Method)>, f64);

fn by_method(source: &mut Source<'_>, t: &[f64], options: &InvertOptions) -> Result<Values> {
    if matches!(options.method, Method::Auto | Method::Rational) {
        let rational = Rational::new(source, t, options.abscissa)?;
        let values = if options.method == Method::Auto {
            auto::auto(source, t, &rational)?
        } else {
            source.check_finite()?;
            if !rational.is_rational() {
                return Err(Error::numerical(
                    "rational inverse Laplace transform",
                    "F is not a rational function of degree up to 18 to 12 digits; use `auto`",
                ));
            }
            t.iter()
                .map(|t| {
                    (
                        rational.value(*t).unwrap_or(Estimate::NONE),
                        Method::Rational,
                    )
                })
                .collect()
        };
        return Ok((values, rational.abscissa));
    }
    let abscissa = match options.abscissa {
        Some(abscissa) => abscissa,
        None => Rational::new(source, t, None)?.abscissa,
    };
    let nodes = options.nodes;
    let values = match options.method {
        Method::Euler => euler::euler(source, t, abscissa, nodes)?,
        Method::DeHoog => {
            de_hoog::de_hoog(source, t, abscissa, nodes.map_or(20, |n| (n / 2).max(2)))?
        }
        Method::Cme => cme::cme(source, t, abscissa, nodes)?,
        Method::Fourier => fourier::fourier(source, t, abscissa, &[])?,
        Method::Weeks => weeks::weeks(source, t, abscissa, nodes)?,
        _ => contour::talbot(source, t, abscissa, nodes)?,
    };
    source.check_finite()?;
    Ok((
        values.into_iter().map(|v| (v, options.method)).collect(),
        abscissa,
    ))
}

fn check(t: &[f64], options: &InvertOptions) -> Result<()> {
    check_times(t)?;
    if let Some(abscissa) = options.abscissa
        && !abscissa.is_finite()
    {
        return Err(Error::invalid("abscissa", abscissa, "a finite number"));
    }
    if !options.delay.is_finite() || options.delay < 0.0 {
        return Err(Error::invalid(
            "delay",
            options.delay,
            "0 or a positive time",
        ));
    }
    if options.method == Method::Exact {
        return Err(Error::invalid(
            "method",
            "exact",
            "auto, talbot, euler, de_hoog, cme, fourier, weeks or rational; exact is for pole-residue forms",
        ));
    }
    if let Some(nodes) = options.nodes
        && !(4..=1000).contains(&nodes)
    {
        return Err(Error::invalid("nodes", nodes, "4 to 1000"));
    }
    Ok(())
}

fn check_times(t: &[f64]) -> Result<()> {
    if t.is_empty() {
        return Err(Error::invalid("t", "no times", "at least one"));
    }
    match t
        .iter()
        .position(|t| t.is_nan() || *t <= 0.0 || !t.is_normal())
    {
        Some(at) => Err(Error::invalid(
            format!("t[{at}]"),
            t[at],
            "positive, finite times",
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod pair_tests;
#[cfg(test)]
mod tests;
