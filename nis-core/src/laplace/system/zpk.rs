//! Transfer functions given by zeros, poles and gain, or by coefficients.

use faer::Mat;
use num_complex::Complex64;
use serde::{Deserialize, Serialize};

use super::chain::divide;
use super::modal::test_points;
use super::{StateSpace, System};
use crate::error::{Error, Result};
use crate::laplace::{PoleResidue, Term};

/// `H(s) = gain * prod (s - z_i) / prod (s - p_k)` of one input and one output; in `z` where `dt` is given.
///
/// ```
/// use nis_core::laplace::system::Zpk;
/// use num_complex::Complex64;
/// let p = Complex64::new(-1.0, 0.0);
/// let triple = Zpk { zeros: vec![], poles: vec![p; 3], gain: 2.0, dt: None };
/// let h = triple.to_system()?.evaluate(Complex64::new(1.0, 0.0))?[0];
/// assert!((h.re - 0.25).abs() < 1e-15);
/// # Ok::<(), nis_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Zpk {
    /// All zeros, conjugates included, each as `[re, im]`.
    pub zeros: Vec<Complex64>,
    /// All poles, conjugates included, each as `[re, im]`.
    pub poles: Vec<Complex64>,
    /// Ratio of the leading coefficients.
    pub gain: f64,
    /// Sampling interval of a discrete system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dt: Option<f64>,
}

/// Roots of a polynomial, and how far rounding of its coefficients moves them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Roots {
    /// The roots.
    pub roots: Vec<Complex64>,
    /// First-order bound on the error of each root where every coefficient is off by one unit of rounding;
    /// infinite for a root that comes out as exactly double.
    pub error: Vec<f64>,
}

/// A real root, or a pair by its upper half.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Root(Complex64);

impl Root {
    fn size(self) -> usize {
        if self.0.im == 0.0 { 1 } else { 2 }
    }
}

/// How far two roots may differ to be taken for conjugates, against the larger of them.
const CONJUGATE: f64 = 1e-9;

/// Sum of the partial fractions against `H` above which they are not used: their cancellation would cost
/// this factor in accuracy.
const MAX_CANCELLATION: f64 = 1e3;

fn pair(field: &str, roots: &[Complex64]) -> Result<Vec<Root>> {
    let mut lower: Vec<usize> = Vec::new();
    for (i, r) in roots.iter().enumerate() {
        if !r.is_finite() {
            return Err(Error::invalid(format!("{field}[{i}]"), r, "a finite value"));
        }
        if r.im < 0.0 {
            lower.push(i);
        }
    }
    let mut out = Vec::new();
    for (i, r) in roots.iter().enumerate().filter(|(_, r)| r.im >= 0.0) {
        if r.im > 0.0 {
            let near = |j: &usize| (roots[*j] - r.conj()).norm() <= CONJUGATE * r.norm();
            match lower.iter().position(near) {
                Some(at) => lower.remove(at),
                None => return Err(stray(field, i, *r)),
            };
        }
        out.push(Root(Complex64::new(r.re, r.im.abs())));
    }
    match lower.first() {
        Some(&j) => Err(stray(field, j, roots[j])),
        None => Ok(out),
    }
}

fn stray(field: &str, index: usize, root: Complex64) -> Error {
    Error::invalid(
        format!("{field}[{index}]"),
        root,
        format!("its conjugate among the {field}"),
    )
}

impl Zpk {
    /// Whether the parts fit together.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where a value is not finite, a complex root comes without its conjugate, or there
    /// are more zeros than poles (by more than one for a continuous system).
    pub fn check(&self) -> Result<()> {
        pair("zeros", &self.zeros)?;
        pair("poles", &self.poles)?;
        if !self.gain.is_finite() {
            return Err(Error::invalid("gain", self.gain, "a finite value"));
        }
        if let Some(dt) = self.dt.filter(|dt| !dt.is_finite() || *dt <= 0.0) {
            return Err(Error::invalid("dt", dt, "a positive sampling interval"));
        }
        let spare = usize::from(self.dt.is_none());
        if self.zeros.len() > self.poles.len() + spare {
            return Err(Error::invalid(
                "zeros",
                format!("{} zeros", self.zeros.len()),
                format!(
                    "at most {}, for {} poles",
                    self.poles.len() + spare,
                    self.poles.len()
                ),
            ));
        }
        Ok(())
    }

    /// From polynomial coefficients, highest power first. Convenient for low orders only: the roots of a
    /// polynomial move by the `m`-th root of rounding where `m` of them meet, and from order 20 or so they
    /// may have nothing in common with those meant. The second and third values say how far.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where a coefficient is not finite or the denominator is zero.
    pub fn from_coefficients(
        numerator: &[f64],
        denominator: &[f64],
        dt: Option<f64>,
    ) -> Result<(Self, Roots, Roots)> {
        let (lead, poles) = roots("denominator", denominator)?;
        if lead == 0.0 {
            return Err(Error::invalid(
                "denominator",
                "zero",
                "a coefficient that is not zero",
            ));
        }
        let (gain, zeros) = roots("numerator", numerator)?;
        let zpk = Zpk {
            zeros: zeros.roots.clone(),
            poles: poles.roots.clone(),
            gain: gain / lead,
            dt,
        };
        zpk.check()?;
        Ok((zpk, zeros, poles))
    }

    /// `H` at one point, as a product that does not overflow before its value does.
    pub fn evaluate(&self, s: Complex64) -> Complex64 {
        let mut h = Complex64::from(self.gain);
        let shared = self.zeros.len().max(self.poles.len());
        for k in 0..shared {
            if let Some(z) = self.zeros.get(k) {
                h *= s - z;
            }
            if let Some(p) = self.poles.get(k) {
                h = divide(h, s - p);
            }
        }
        h
    }

    /// The system in pole-residue form where that is well conditioned, else as a cascade of first- and
    /// second-order sections in state-space form, which always is.
    ///
    /// # Errors
    /// As [`check`](Self::check); [`Error::Numerical`] for an improper system whose poles lie too close together
    /// for partial fractions.
    pub fn to_system(&self) -> Result<System> {
        self.check()?;
        if self.dt.is_none() {
            let (system, cancellation) = self.partial_fractions()?;
            let usable = system.check().is_ok() && cancellation <= MAX_CANCELLATION;
            if usable {
                return Ok(System::PoleResidue(system));
            }
            if self.zeros.len() > self.poles.len() {
                return Err(Error::numerical(
                    "partial fractions",
                    format!(
                        "the terms are {cancellation:.1e} times their sum, and an improper system has no state-space form"
                    ),
                ));
            }
        }
        Ok(System::StateSpace(self.to_state_space()?))
    }

    /// The partial fractions, with exactly equal poles taken as repeated, and the largest ratio of the sum of
    /// their magnitudes to `|H|` over test points. Residues come as products over the roots, powers by
    /// truncated Taylor series around the pole.
    ///
    /// # Errors
    /// As [`check`](Self::check); [`Error::InvalidInput`] for a discrete system.
    pub fn partial_fractions(&self) -> Result<(PoleResidue, f64)> {
        self.check()?;
        if let Some(dt) = self.dt {
            return Err(Error::invalid(
                "dt",
                dt,
                "a continuous system for partial fractions",
            ));
        }
        let poles = pair("poles", &self.poles)?;
        let mut all = Vec::new();
        for Root(p) in &poles {
            all.push(*p);
            if p.im != 0.0 {
                all.push(p.conj());
            }
        }
        let mut terms: Vec<Term> = Vec::new();
        for Root(p) in &poles {
            if terms.iter().any(|t| t.pole == *p) {
                continue;
            }
            let depth = all.iter().filter(|q| *q == p).count();
            let series = self.series_around(*p, depth, &all);
            for (l, r) in series.iter().rev().enumerate() {
                let real = p.im == 0.0;
                let residue = if real { Complex64::from(r.re) } else { *r };
                terms.push(Term {
                    pole: *p,
                    power: l as u32 + 1,
                    residue: vec![residue],
                });
            }
        }
        let (direct, linear) = match self.zeros.len().checked_sub(self.poles.len()) {
            Some(0) => (self.gain, 0.0),
            Some(_) => {
                let shift: Complex64 =
                    self.poles.iter().sum::<Complex64>() - self.zeros.iter().sum::<Complex64>();
                (self.gain * shift.re, self.gain)
            }
            None => (0.0, 0.0),
        };
        let system = PoleResidue {
            outputs: 1,
            inputs: 1,
            terms,
            direct: vec![direct],
            linear: if linear == 0.0 { vec![] } else { vec![linear] },
        };
        let unit = Zpk {
            gain: 1.0,
            ..self.clone()
        };
        let mut worst = 0.0f64;
        for s in test_points(&self.poles) {
            // Of the system with unit gain, whose size says nothing here and could overflow.
            let size_of = |x: f64| if x == 0.0 { 0.0 } else { x / self.gain.abs() };
            let mut sum = size_of(direct.abs()) + s.norm() * size_of(linear.abs());
            for term in &system.terms {
                let size = size_of(term.residue.iter().map(|r| r.norm()).sum());
                let power = term.power as i32;
                sum += size / (s - term.pole).norm().powi(power);
                if term.pole.im != 0.0 {
                    sum += size / (s - term.pole.conj()).norm().powi(power);
                }
            }
            let ratio = sum / unit.evaluate(s).norm();
            worst = if ratio.is_nan() && sum != 0.0 {
                f64::INFINITY
            } else {
                worst.max(ratio)
            };
        }
        Ok((system, worst))
    }

    /// Taylor coefficients of `(s - p)^depth H(s)` around `p`.
    fn series_around(&self, p: Complex64, depth: usize, poles: &[Complex64]) -> Vec<Complex64> {
        let mut series = vec![Complex64::default(); depth];
        series[0] = Complex64::from(self.gain);
        let others: Vec<Complex64> = poles.iter().copied().filter(|q| *q != p).collect();
        for k in 0..self.zeros.len().max(others.len()) {
            if let Some(z) = self.zeros.get(k) {
                let from = p - z;
                for i in (0..depth).rev() {
                    let before = if i > 0 {
                        series[i - 1]
                    } else {
                        Complex64::default()
                    };
                    series[i] = series[i] * from + before;
                }
            }
            if let Some(q) = others.get(k) {
                let from = p - q;
                let mut before = Complex64::default();
                for value in &mut series {
                    *value = divide(*value - before, from);
                    before = *value;
                }
            }
        }
        series
    }

    /// A cascade of first- and second-order sections, each with the zeros nearest to its poles. No polynomial
    /// above the second order is formed, nor one whose roots could lie close together on the real axis.
    ///
    /// # Errors
    /// As [`check`](Self::check); [`Error::InvalidInput`] where there are more zeros than poles.
    pub fn to_state_space(&self) -> Result<StateSpace> {
        self.check()?;
        if self.zeros.len() > self.poles.len() {
            return Err(Error::invalid(
                "zeros",
                format!("{} zeros", self.zeros.len()),
                format!(
                    "at most {}, one per pole, for a state-space form",
                    self.poles.len()
                ),
            ));
        }
        let mut zeros = pair("zeros", &self.zeros)?;
        let mut poles = pair("poles", &self.poles)?;
        // Pairs of zeros need two poles: complex poles first, then two real ones, nearest first.
        let mut sections: Vec<(Vec<Root>, Vec<Root>)> = Vec::new();
        poles.sort_by(|a, b| {
            b.size()
                .cmp(&a.size())
                .then(a.0.norm().total_cmp(&b.0.norm()))
        });
        while let Some(pole) = poles.first().copied() {
            poles.remove(0);
            let mut own = vec![pole];
            let mut taken = Vec::new();
            if pole.size() == 1 {
                // A pair of zeros that is left needs a second real pole.
                if let Some(z) = take_nearest(&mut zeros, pole, 2, 2) {
                    own.extend(take_nearest(&mut poles, pole, 1, 1));
                    taken.push(z);
                } else {
                    taken.extend(take_nearest(&mut zeros, pole, 1, 1));
                }
            } else if let Some(z) = take_nearest(&mut zeros, pole, 2, 2) {
                taken.push(z);
            } else {
                taken.extend(take_nearest(&mut zeros, pole, 1, 1));
                taken.extend(take_nearest(&mut zeros, pole, 1, 1));
            }
            sections.push((own, taken));
        }
        let mut system = StateSpace::from_mats(
            &Mat::zeros(0, 0),
            &Mat::zeros(0, 1),
            &Mat::zeros(1, 0),
            &Mat::from_fn(1, 1, |_, _| 1.0),
            self.dt,
        );
        let mut rest = self.gain;
        for (poles, zeros) in &sections {
            let (section, scale) = section(poles, zeros, self.dt);
            system = system.series(&section)?;
            rest /= scale;
        }
        system.c.iter_mut().for_each(|c| *c *= rest);
        system.d.iter_mut().for_each(|d| *d *= rest);
        system.check()?;
        Ok(system)
    }
}

/// Takes the root nearest to `near` among those of a size from `least` to `most`.
fn take_nearest(roots: &mut Vec<Root>, near: Root, least: usize, most: usize) -> Option<Root> {
    let at = roots
        .iter()
        .enumerate()
        .filter(|(_, r)| (least..=most).contains(&r.size()))
        .min_by(|(_, a), (_, b)| (a.0 - near.0).norm().total_cmp(&(b.0 - near.0).norm()))?
        .0;
    Some(roots.remove(at))
}

/// One section, scaled to a size near 1 at the modulus of its poles, and the scale. With `v = s - sigma` for a
/// pair of poles the numerator is written as `v^2 + w^2 + k1 v + k0`; for two real poles in Newton's form.
fn section(poles: &[Root], zeros: &[Root], dt: Option<f64>) -> (StateSpace, f64) {
    let pole = poles.first().map_or(Complex64::default(), |p| p.0);
    let order: usize = poles.iter().map(|p| p.size()).sum();
    let degree: usize = zeros.iter().map(|z| z.size()).sum();
    let first = zeros.first().map_or(Complex64::default(), |z| z.0);
    let second = match (zeros.get(1), first.im != 0.0) {
        (Some(z), _) => z.0,
        (None, true) => first.conj(),
        (None, false) => Complex64::default(),
    };
    let radius = if dt.is_some() { 1.0 } else { pole.norm() };
    let radius = if radius > 0.0 { radius } else { 1.0 };
    let mut scale = radius.powi(order as i32 - degree as i32);
    if scale == 0.0 || !scale.is_finite() {
        scale = 1.0;
    }
    let (a, b, c, d): (Vec<f64>, Vec<f64>, Vec<f64>, f64) = if order == 1 {
        let (k0, d) = if degree == 1 {
            (pole.re - first.re, 1.0)
        } else {
            (1.0, 0.0)
        };
        (vec![pole.re], vec![1.0], vec![k0], d)
    } else if pole.im != 0.0 {
        let (sigma, w) = (pole.re, pole.im);
        let (k1, k0, d) = match degree {
            0 => (0.0, 1.0, 0.0),
            1 => (1.0, sigma - first.re, 0.0),
            _ => {
                let k0 = if first.im != 0.0 {
                    (sigma - first.re).powi(2) + (first.im - w) * (first.im + w)
                } else {
                    (sigma - first.re) * (sigma - second.re) - w * w
                };
                ((sigma - first.re) + (sigma - second.re), k0, 1.0)
            }
        };
        // x1 = w v/(v^2 + w^2) u, x2 = w^2/(v^2 + w^2) u.
        (
            vec![sigma, -w, w, sigma],
            vec![w, 0.0],
            vec![k1 / w, k0 / (w * w)],
            d,
        )
    } else {
        let (p1, p2) = (pole.re, poles.get(1).map_or(0.0, |p| p.0.re));
        let n = (p2 - first.re).powi(2) + first.im.powi(2);
        let k1 = (p1 - first.re) + (p2 - first.re);
        (
            vec![p1, 0.0, radius, p2],
            vec![1.0, 0.0],
            vec![k1, n / radius],
            1.0,
        )
    };
    let section = StateSpace {
        states: order,
        inputs: 1,
        outputs: 1,
        a,
        b,
        c: c.iter().map(|c| c * scale).collect(),
        d: vec![d * scale],
        dt,
    };
    (section, scale)
}

/// Leading coefficient and roots, by the balanced companion matrix. Roots at 0 are taken out exactly.
fn roots(field: &str, coefficients: &[f64]) -> Result<(f64, Roots)> {
    if let Some(at) = coefficients.iter().position(|c| !c.is_finite()) {
        return Err(Error::invalid(
            format!("{field}[{at}]"),
            coefficients[at],
            "a finite value",
        ));
    }
    let start = coefficients
        .iter()
        .position(|c| *c != 0.0)
        .unwrap_or(coefficients.len());
    let end = coefficients
        .iter()
        .rposition(|c| *c != 0.0)
        .map_or(start, |at| at + 1);
    let core = coefficients.get(start..end).unwrap_or_default();
    let Some(lead) = core.first().copied() else {
        return Ok((
            0.0,
            Roots {
                roots: vec![],
                error: vec![],
            },
        ));
    };
    let n = core.len() - 1;
    let companion = Mat::from_fn(n, n, |i, j| {
        if i == 0 {
            -core[j + 1] / lead
        } else {
            f64::from(u8::from(i == j + 1))
        }
    });
    let mut found = super::schur::Schur::new(companion.as_ref())?.eigenvalues();
    let mut error: Vec<f64> = found
        .iter()
        .map(|r| {
            let (mut value, mut size, mut slope) =
                (Complex64::default(), 0.0, Complex64::default());
            for c in core {
                slope = slope * r + value;
                value = value * r + c;
                size = size * r.norm() + c.abs();
            }
            f64::EPSILON * size / slope.norm()
        })
        .collect();
    let zeros = coefficients.len() - end;
    found.extend(std::iter::repeat_n(Complex64::default(), zeros));
    error.extend(std::iter::repeat_n(0.0, zeros));
    Ok((
        lead,
        Roots {
            roots: found,
            error,
        },
    ))
}
