//! Rational approximation of `F`: exact inversion by residues where `F` is rational, and the singularities right
//! of the imaginary axis.

use num_complex::Complex64;

use super::Estimate;
use super::transform::Source;
use crate::error::Result;
use crate::laplace::aaa::{AaaOptions, Barycentric, PartialFractions, aaa};

/// Points of one approximation.
const POINTS: usize = 40;

/// Largest degree that is sought.
const MAX_DEGREE: usize = 20;

/// `F` is taken for rational where an approximation of at most `RATIONAL_DEGREE` errs by less than this.
const RATIONAL: f64 = 1e-12;
const RATIONAL_DEGREE: usize = 18;

/// What the approximations say about `F`.
pub(super) struct Rational {
    /// Two approximations from different samples, where `F` is rational.
    fits: Option<[PartialFractions; 2]>,
    /// The first approximation, also where `F` is not rational.
    parts: Option<PartialFractions>,
    /// Poles of the first approximation with the sizes of their residues; none where all poles are real.
    sizes: Vec<(Complex64, f64)>,
    /// Share of the largest part from which on a pole of it counts.
    counts: f64,
    /// Right of all singularities that were found; 0 where none is right of the imaginary axis.
    pub(super) abscissa: f64,
}

/// Points in the right half plane around the scales `1/t`, of which each set takes every other.
fn points(times: &[f64], origin: f64, which: usize) -> Vec<Complex64> {
    let least = times.iter().copied().fold(f64::INFINITY, f64::min);
    let most = times.iter().copied().fold(0.0, f64::max);
    let (low, high) = ((0.1 / most).ln(), (100.0 / least).ln());
    let angles = [1.48, 1.0, 1.48, 0.3, 1.48, 0.0];
    (0..POINTS)
        .map(|k| {
            let at = (2 * k + which) as f64 / (2 * POINTS - 1) as f64;
            let radius = (low + (high - low) * at).exp();
            origin + Complex64::from_polar(radius, angles[k % angles.len()])
        })
        .collect()
}

/// The end of a cut along the real axis right of the origin: there a function that is real further right is not.
/// Found to a millionth by bisection from the samples on the axis.
fn branch_point(source: &mut Source<'_>, times: &[f64]) -> Result<Option<f64>> {
    const STEPS: usize = 24;
    let axis: Vec<Complex64> = [0, 1]
        .iter()
        .flat_map(|which| points(times, 0.0, *which))
        .filter(|s| s.im == 0.0)
        .collect();
    let f = source.values(&axis)?;
    let cut = |f: &Complex64| f.is_finite() && f.im.abs() > 1e-6 * f.norm();
    let mut bad = 0.0f64;
    for (s, f) in axis.iter().zip(&f) {
        if cut(f) {
            bad = bad.max(s.re);
        }
    }
    if bad == 0.0 {
        return Ok(None);
    }
    let beyond = axis.iter().map(|s| s.re).filter(|s| *s > bad);
    let mut good = beyond.fold(f64::INFINITY, f64::min);
    if good.is_infinite() {
        return Ok(None);
    }
    for _ in 0..STEPS {
        let middle = 0.5 * (bad + good);
        let f = source.values(&[Complex64::new(middle, 0.0)])?;
        if f.iter().any(cut) {
            bad = middle;
        } else {
            good = middle;
        }
    }
    Ok(Some(good))
}

/// Finite samples.
struct Sampled {
    s: Vec<Complex64>,
    f: Vec<Complex64>,
}

impl Sampled {
    fn new(source: &mut Source<'_>, times: &[f64], origin: f64, which: usize) -> Result<Self> {
        let s = points(times, origin, which);
        let f = source.values(&s)?;
        let finite = |(_, f): &(Complex64, Complex64)| f.is_finite() && f.norm() < 1e300;
        let (s, f) = s.into_iter().zip(f).filter(finite).unzip();
        Ok(Sampled { s, f })
    }

    /// An approximation, where there are enough samples.
    fn fit(&self, source: &Source<'_>) -> Result<Option<Barycentric>> {
        if self.s.len() < POINTS / 2 {
            return Ok(None);
        }
        let options = AaaOptions {
            max_degree: MAX_DEGREE,
            ..AaaOptions::default()
        };
        match aaa(&self.s, &[&self.f], &options, source.progress()) {
            Ok(fit) => Ok(Some(fit)),
            Err(e @ crate::Error::Cancelled) => Err(e),
            // A transform that is not real on the real axis: the other methods will say so.
            Err(_) => Ok(None),
        }
    }

    /// Largest error of an approximation here, against the largest sample: at points that it was not made from.
    fn error(&self, fit: &Barycentric) -> f64 {
        let size = self.f.iter().fold(0.0f64, |a, f| a.max(f.norm()));
        let errors = self.s.iter().zip(&self.f).map(|(s, f)| {
            let r = fit.evaluate(*s).first().copied().unwrap_or_default();
            (r - f).norm() / size
        });
        errors.fold(0.0, |a, e| if e <= a { a } else { e })
    }
}

impl Rational {
    /// Approximates `F`; without an abscissa the singularities right of the imaginary axis are sought.
    pub(super) fn new(
        source: &mut Source<'_>,
        times: &[f64],
        abscissa: Option<f64>,
    ) -> Result<Self> {
        let origin = match abscissa {
            Some(abscissa) => abscissa,
            None => branch_point(source, times)?.unwrap_or(0.0),
        };
        let first = Sampled::new(source, times, origin, 0)?;
        let mut out = Rational {
            fits: None,
            parts: None,
            sizes: Vec::new(),
            counts: 1e-13,
            abscissa: origin,
        };
        let Some(fit) = first.fit(source)? else {
            return Ok(out);
        };
        let second = Sampled::new(source, times, origin, 1)?;
        let error = second.error(&fit);
        let parts = fit.partial_fractions()?;
        if abscissa.is_none() {
            out.abscissa = rightmost(source, &fit, error, &parts)?.max(origin);
        }
        out.counts = error.clamp(1e-13, 1e-3);
        let simple =
            |fit: &Barycentric, error: f64| error <= RATIONAL && fit.degree() <= RATIONAL_DEGREE;
        if simple(&fit, error)
            && let Some(other) = second.fit(source)?
            && simple(&other, first.error(&other))
        {
            out.fits = Some([parts.clone(), other.partial_fractions()?]);
        }
        if parts.poles.iter().any(|p| p.im != 0.0) {
            let size = |r: &Vec<Complex64>| r.first().map_or(0.0, |r| r.norm());
            let sizes = parts.residues.iter().map(size);
            out.sizes = parts.poles.iter().copied().zip(sizes).collect();
        }
        out.parts = Some(parts);
        Ok(out)
    }

    /// Whether `F` is rational.
    pub(super) fn is_rational(&self) -> bool {
        self.fits.is_some()
    }

    /// Imaginary part of the highest pole whose part of `f(t)` counts; 0 where none is known.
    pub(super) fn height(&self, t: f64) -> f64 {
        let size = |(p, r): &(Complex64, f64)| r * (p.re * t).exp();
        let all = self.sizes.iter().map(size).fold(0.0, f64::max);
        let counts = self.sizes.iter().filter(|x| size(x) > self.counts * all);
        counts.fold(0.0, |a, (p, _)| a.max(p.im.abs()))
    }

    /// Whether the approximation holds between its samples too, so that its poles mean something.
    pub(super) fn holds(&self) -> bool {
        self.parts.is_some() && self.counts <= 1e-5
    }

    /// Size of the largest part of `f(t)` that belongs to a pole above `height`.
    pub(super) fn unseen(&self, t: f64, height: f64) -> f64 {
        let Some(parts) = &self.parts else { return 0.0 };
        let each = parts.poles.iter().zip(&parts.residues);
        each.filter(|(p, _)| p.im.abs() > height)
            .map(|(p, r)| r.first().map_or(0.0, |r| r.norm()) * (p.re * t).exp())
            .fold(0.0, f64::max)
    }

    /// The sum over the residues; the error is the difference of the two approximations, and rounding.
    pub(super) fn value(&self, t: f64) -> Option<Estimate> {
        let [first, second] = self.fits.as_ref()?;
        let (a, b) = (residue_sum(first, t), residue_sum(second, t));
        let error = (a.value - b.value).abs() + a.error;
        let finite = a.value.is_finite() && error.is_finite();
        finite.then_some(Estimate {
            value: a.value,
            error,
        })
    }
}

/// `sum_k r_k e^{p_k t}`, with rounding as error.
pub(super) fn residue_sum(fit: &PartialFractions, t: f64) -> Estimate {
    let (mut value, mut size) = (0.0, 0.0);
    for (p, r) in fit.poles.iter().zip(&fit.residues) {
        for r in r {
            let term = r * (p * t).exp();
            value += term.re;
            size += term.norm() * (1.0 + p.norm() * t);
        }
    }
    Estimate {
        value,
        error: f64::EPSILON * size,
    }
}

/// The largest real part of the poles that are really there, and 0. A pole is there where the approximation
/// holds next to it, `F` falls off from it, and its residue is a sizeable part of the value: the larger part
/// where the approximation is poor, for then many poles stand for nothing.
fn rightmost(
    source: &mut Source<'_>,
    fit: &Barycentric,
    error: f64,
    parts: &PartialFractions,
) -> Result<f64> {
    const AXIS: f64 = 1e-12;
    let mut best = 0.0;
    let share = if error <= 1e-6 { 1e-3 } else { 0.5 };
    for (p, r) in parts.poles.iter().zip(&parts.residues) {
        // On the axis but for rounding is not right of it.
        if p.re <= f64::max(best, AXIS * p.norm()) || p.im < 0.0 {
            continue;
        }
        let step = 1e-3 * p.norm();
        let s = p + step;
        let f = source.values(&[s, s + 30.0 * step])?;
        let ([f, further], Some(model), Some(r)) =
            (f.as_slice(), fit.evaluate(s).first().copied(), r.first())
        else {
            continue;
        };
        let holds = (f - model).norm() <= 0.1 * f.norm();
        let counts = r.norm() >= share * step * f.norm();
        let falls = f.norm() >= 1.5 * further.norm();
        if holds && counts && falls {
            best = p.re;
        }
    }
    Ok(best)
}
