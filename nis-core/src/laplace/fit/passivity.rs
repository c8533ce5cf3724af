//! Passivity: whether, and in which bands of frequency, a system gives out more than it takes in.

use faer::{Mat, MatRef, c64};
use num_complex::Complex64;
use serde::{Deserialize, Serialize};

use super::hamiltonian::crossings;
use crate::error::{Error, Result};
use crate::laplace::PoleResidue;
use crate::telemetry::Progress;

/// What the response matrix stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Representation {
    /// Waves in, waves out (S-parameters): passive where all singular values are at most 1.
    Scattering,
    /// Impedance, admittance or hybrid parameters: passive where the Hermitian part is positive semidefinite.
    Immittance,
}

/// A band of frequencies in which the system is not passive.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Band {
    /// Lower edge, angular frequency.
    pub from: f64,
    /// Upper edge; `None` where the band does not end.
    pub to: Option<f64>,
    /// Frequency of the worst value; `None` for infinite frequency.
    pub at: Option<f64>,
    /// The worst value there: the largest singular value (scattering), the smallest eigenvalue of the
    /// Hermitian part (immittance).
    pub worst: f64,
}

/// Result of a passivity test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Passivity {
    /// What the response matrix was taken for.
    pub representation: Representation,
    /// Whether the system is stable and no frequency violates the condition by more than rounding.
    pub passive: bool,
    /// Whether all poles have a negative real part.
    pub stable: bool,
    /// Whether the term `s E` is one that a passive system may have: none (scattering), symmetric and positive
    /// semidefinite (immittance).
    pub linear_passive: bool,
    /// The bands of violation, by rising frequency.
    pub bands: Vec<Band>,
    /// The worst value over all frequencies examined: the largest singular value, or the smallest eigenvalue
    /// of the Hermitian part.
    pub worst: f64,
    /// Its frequency; `None` for infinite frequency.
    pub worst_at: Option<f64>,
    /// The eigenvalue test used: `half_size`, `hamiltonian`, `pencil` or `perturbed_hamiltonian`.
    pub method: String,
    /// States of the realisation.
    pub states: usize,
}

/// Violations below this, against 1 (scattering) or the largest response (immittance), are rounding.
const ROUNDING: f64 = 1e-12;

/// Multiple of the largest pole beyond which nothing but the approach to infinity happens.
const FAR: f64 = 1e3;

/// Tests a system for passivity and locates every band of violation.
///
/// The frequencies at which a singular value passes 1 (an eigenvalue of the Hermitian part passes 0) are
/// imaginary eigenvalues of a Hamiltonian matrix (Boyd, Balakrishnan and Kabamba, Math. Control Signals Syst. 2
/// (1989) 207); for symmetric responses a matrix of half the size serves (Gustavsen and Semlyen, IEEE Trans.
/// Microwave Theory Tech. 57 (2009) 1335), and where the response at infinity makes that matrix singular the
/// pencil does. The imaginary parts of all eigenvalues, and the resonances, divide the axis into intervals;
/// each is judged by the response inside it, so no tolerance decides which eigenvalue counts as imaginary.
/// Edges are then found by bisection to rounding. Costs `O(n^3)` for `n` states.
///
/// # Errors
/// [`Error::InvalidInput`] for a system that does not fit together or (immittance) is not square;
/// [`Error::Limit`] for more than 4000 states; [`Error::Numerical`] where the eigenvalues do not converge;
/// [`Error::Cancelled`] on request.
///
/// ```
/// use nis_core::laplace::{PoleResidue, fit::{Representation, passivity}};
/// use nis_core::telemetry::Progress;
/// use num_complex::Complex64;
/// // S = 1.5/(s + 1): above 1 up to omega = sqrt(1.25).
/// let s = PoleResidue::from_pairs(&[Complex64::new(-1.0, 0.0)], &[Complex64::new(1.5, 0.0)], 0.0)?;
/// let found = passivity(&s, Representation::Scattering, &Progress::none())?;
/// assert!(!found.passive && found.bands.len() == 1);
/// assert!((found.bands[0].to.unwrap() - 1.25f64.sqrt()).abs() < 1e-12);
/// assert!((found.worst - 1.5).abs() < 1e-12);
/// # Ok::<(), nis_core::Error>(())
/// ```
pub fn passivity(
    system: &PoleResidue,
    representation: Representation,
    progress: &Progress<'_>,
) -> Result<Passivity> {
    Ok(examine(system, representation, progress)?.0)
}

/// The frequencies (`None`: infinite) at which violations are worst, all local maxima.
pub(super) type Peaks = Vec<Option<f64>>;

/// The test, and the peaks of the violations.
pub(super) fn examine(
    system: &PoleResidue,
    representation: Representation,
    progress: &Progress<'_>,
) -> Result<(Passivity, Peaks)> {
    system.check()?;
    let probe = Probe::new(system, representation)?;
    progress.report("passivity", 0, 0, "eigenvalues")?;
    let (crossings, method, states) = crossings(system, representation)?;
    progress.check()?;
    let stable = system.terms.iter().all(|t| t.pole.re < 0.0);
    let grid = probe.divisions(&crossings);
    let survey = probe.survey(&grid, progress)?;
    let linear_passive = linear_passive(system, representation);
    let bands = survey.bands;
    Ok((
        Passivity {
            representation,
            passive: stable && linear_passive && bands.is_empty(),
            stable,
            linear_passive,
            bands,
            worst: survey.worst,
            worst_at: survey.worst_at,
            method: method.to_owned(),
            states,
        },
        survey.peaks,
    ))
}

/// The response and how far it violates the condition.
pub(super) struct Probe<'a> {
    system: &'a PoleResidue,
    representation: Representation,
    /// Violations up to here are rounding.
    pub(super) tolerance: f64,
}

/// A singular value or eigenvalue with the vectors left and right of it.
pub(super) struct Value {
    pub(super) value: f64,
    pub(super) left: Vec<c64>,
    pub(super) right: Vec<c64>,
}

/// Violations found on a division of the frequency axis.
pub(super) struct Survey {
    pub(super) bands: Vec<Band>,
    pub(super) peaks: Peaks,
    pub(super) worst: f64,
    pub(super) worst_at: Option<f64>,
}

impl<'a> Probe<'a> {
    pub(super) fn new(system: &'a PoleResidue, representation: Representation) -> Result<Self> {
        let mut probe = Probe {
            system,
            representation,
            tolerance: ROUNDING,
        };
        if representation == Representation::Immittance {
            if system.outputs != system.inputs {
                return Err(Error::invalid(
                    "outputs, inputs",
                    format!("{} x {}", system.outputs, system.inputs),
                    "a square response for immittance",
                ));
            }
            let largest = resonances(system)
                .into_iter()
                .map(|w| probe.response(w).norm_max())
                .fold(0.0, f64::max);
            probe.tolerance = ROUNDING * largest;
        }
        Ok(probe)
    }

    /// `H(j omega)` without the term `s E`.
    fn response(&self, omega: f64) -> Mat<c64> {
        let s = Complex64::new(0.0, omega);
        let (p, m) = (self.system.outputs, self.system.inputs);
        let mut h = Mat::from_fn(p, m, |i, j| {
            c64::new(
                self.system.direct.get(i * m + j).copied().unwrap_or(0.0),
                0.0,
            )
        });
        if omega.is_infinite() {
            return h;
        }
        for t in &self.system.terms {
            let power = t.power as i32;
            let a = (s - t.pole).inv().powi(power);
            let b = if t.pole.im != 0.0 {
                (s - t.pole.conj()).inv().powi(power)
            } else {
                c64::default()
            };
            for (cell, r) in t.residue.iter().enumerate() {
                h[(cell / m, cell % m)] += r * a + r.conj() * b;
            }
        }
        h
    }

    /// The matrix's values with the vectors left and right of them, worst first: singular values (scattering),
    /// eigenvalues of the Hermitian part (immittance).
    pub(super) fn values(&self, omega: f64) -> Result<Vec<Value>> {
        let h = self.response(omega);
        let failed = |what: &str| Error::numerical("passivity", format!("{what} at {omega}"));
        let column =
            |m: MatRef<'_, c64>, k: usize| -> Vec<c64> { m.col(k).iter().copied().collect() };
        Ok(match self.representation {
            Representation::Scattering => {
                let svd = h.thin_svd().map_err(|_| failed("no singular values"))?;
                (0..svd.S().dim())
                    .map(|k| Value {
                        value: svd.S()[k].re,
                        left: column(svd.U(), k),
                        right: column(svd.V(), k),
                    })
                    .collect()
            }
            Representation::Immittance => {
                let eigen = hermitian(&h)
                    .self_adjoint_eigen(faer::Side::Lower)
                    .map_err(|_| failed("no eigenvalues"))?;
                (0..eigen.S().dim())
                    .map(|k| Value {
                        value: eigen.S()[k].re,
                        left: column(eigen.U(), k),
                        right: column(eigen.U(), k),
                    })
                    .collect()
            }
        })
    }

    /// How far the condition is violated at a frequency; negative where it holds.
    pub(super) fn excess(&self, omega: f64) -> Result<f64> {
        let h = self.response(omega);
        let failed = || Error::numerical("passivity", format!("no eigenvalues at {omega}"));
        if let (1, 1) = (h.nrows(), h.ncols()) {
            return Ok(match self.representation {
                Representation::Scattering => h[(0, 0)].norm() - 1.0,
                Representation::Immittance => -h[(0, 0)].re,
            });
        }
        match self.representation {
            Representation::Scattering => {
                let values = h.singular_values().map_err(|_| failed())?;
                Ok(values.iter().fold(0.0f64, |a, v| a.max(*v)) - 1.0)
            }
            Representation::Immittance => {
                let values = hermitian(&h)
                    .self_adjoint_eigenvalues(faer::Side::Lower)
                    .map_err(|_| failed())?;
                Ok(-values.iter().fold(f64::INFINITY, |a, v| a.min(*v)))
            }
        }
    }

    /// What the excess stands for.
    fn value(&self, excess: f64) -> f64 {
        match self.representation {
            Representation::Scattering => 1.0 + excess,
            Representation::Immittance => -excess,
        }
    }

    /// Frequencies that divide the axis: the crossings and the resonances.
    pub(super) fn divisions(&self, crossings: &[f64]) -> Vec<f64> {
        let mut all = resonances(self.system);
        all.extend(
            crossings
                .iter()
                .copied()
                .filter(|w| *w > 0.0 && w.is_finite()),
        );
        all.sort_by(f64::total_cmp);
        all.dedup_by(|a, b| (*a - *b).abs() <= 1e-13 * a.abs());
        all
    }

    /// Judges every interval between the divisions from inside, and joins what violates to bands.
    pub(super) fn survey(&self, divisions: &[f64], progress: &Progress<'_>) -> Result<Survey> {
        // Samples: divisions, and three points inside each interval; beyond the last, octaves and infinity.
        let omega = samples(divisions);
        let mut excess = Vec::with_capacity(omega.len());
        for (k, w) in omega.iter().enumerate() {
            if k % 64 == 0 {
                progress.check()?;
            }
            excess.push(self.excess(*w)?);
        }
        let mut out = Survey {
            bands: Vec::new(),
            peaks: Vec::new(),
            worst: f64::NAN,
            worst_at: None,
        };
        let largest = self
            .system
            .terms
            .iter()
            .fold(0.0f64, |a, t| a.max(t.pole.norm()));
        let mut worst = f64::NEG_INFINITY;
        let finite = |w: f64| w.is_finite().then_some(w);
        let count = omega.len();
        let mut k = 0;
        while k < count {
            if excess[k] > worst {
                worst = excess[k];
                out.worst_at = finite(omega[k]);
            }
            // NaN counts as a violation.
            let violates = |k: usize| excess[k].is_nan() || excess[k] > self.tolerance;
            if !violates(k) {
                k += 1;
                continue;
            }
            let first = k;
            while k < count && violates(k) {
                k += 1;
            }
            let end = k - 1;
            let from = if first == 0 {
                0.0
            } else {
                self.edge(omega[first], omega[first - 1])?
            };
            let to = if end + 1 == count {
                None
            } else if omega[end + 1].is_infinite() {
                Some(self.edge(omega[end], 1e9 * omega[end])?)
            } else {
                Some(self.edge(omega[end], omega[end + 1])?)
            };
            // At infinity the limit itself is reached: a violation that falls below rounding far beyond all
            // poles fades out and has no edge.
            let at_infinity = excess.last().copied().unwrap_or(f64::NAN);
            let to = to.filter(|w| *w <= FAR * largest || at_infinity < -self.tolerance);
            let mut band = Band {
                from,
                to,
                at: None,
                worst: f64::NEG_INFINITY,
            };
            for i in first..=end {
                let left = if i > 0 {
                    excess[i - 1]
                } else {
                    f64::NEG_INFINITY
                };
                let right = excess.get(i + 1).copied().unwrap_or(f64::NEG_INFINITY);
                if excess[i] < left || excess[i] < right {
                    continue;
                }
                let (at, height) =
                    if omega[i].is_infinite() || i + 1 >= count || omega[i + 1].is_infinite() {
                        (omega[i], excess[i])
                    } else {
                        let low = if i > 0 { omega[i - 1] } else { 0.0 };
                        self.peak(low, omega[i], omega[i + 1])?
                    };
                out.peaks.push(finite(at));
                if height > band.worst {
                    band.worst = height;
                    band.at = finite(at);
                }
            }
            if band.worst > worst {
                worst = band.worst;
                out.worst_at = band.at;
            }
            band.worst = self.value(band.worst);
            out.bands.push(band);
        }
        out.worst = self.value(worst);
        Ok(out)
    }

    /// The edge of a band between a frequency in it and one outside.
    fn edge(&self, mut inside: f64, mut outside: f64) -> Result<f64> {
        for _ in 0..200 {
            let middle = 0.5 * (inside + outside);
            if middle == inside || middle == outside {
                break;
            }
            if self.excess(middle)? > 0.0 {
                inside = middle;
            } else {
                outside = middle;
            }
        }
        Ok(inside)
    }

    /// The maximum between two frequencies around a higher value, by golden section.
    fn peak(&self, low: f64, middle: f64, high: f64) -> Result<(f64, f64)> {
        let share = 0.5 * (3.0 - 5f64.sqrt());
        let (mut a, mut b) = (low, high);
        let (mut x, mut y) = (a + share * (b - a), b - share * (b - a));
        let (mut at_x, mut at_y) = (self.excess(x)?, self.excess(y)?);
        for _ in 0..60 {
            if (b - a) <= 1e-9 * b {
                break;
            }
            if at_x >= at_y {
                (b, y, at_y) = (y, x, at_x);
                x = a + share * (b - a);
                at_x = self.excess(x)?;
            } else {
                (a, x, at_x) = (x, y, at_y);
                y = b - share * (b - a);
                at_y = self.excess(y)?;
            }
        }
        let best = if at_x >= at_y { (x, at_x) } else { (y, at_y) };
        let start = self.excess(middle)?;
        Ok(if start >= best.1 {
            (middle, start)
        } else {
            best
        })
    }
}

/// Samples: the divisions, points inside each interval (in wide ones by octaves), and beyond the last octaves and
/// infinity.
fn samples(divisions: &[f64]) -> Vec<f64> {
    let mut omega: Vec<f64> = Vec::with_capacity(4 * divisions.len() + 16);
    omega.push(0.0);
    let mut before = 0.0;
    for w in divisions.iter().copied().filter(|w| *w > 0.0) {
        if w > 4.0 * before {
            let lowest = if before > 0.0 {
                1.05 * before
            } else {
                1e-6 * w
            };
            let mut x = lowest;
            while x < 0.9 * w {
                omega.push(x);
                x *= 2.0;
            }
            omega.push(0.95 * w);
        } else {
            omega.extend([0.25, 0.5, 0.75].map(|share| before + share * (w - before)));
        }
        omega.push(w);
        before = w;
    }
    let last = if before > 0.0 { before } else { 1.0 };
    omega.extend([1.05, 1.25, 1.5, 2.0, 4.0, 8.0, 32.0, 1e3, 1e6].map(|f| f * last));
    omega.push(f64::INFINITY);
    omega
}

fn hermitian(h: &Mat<c64>) -> Mat<c64> {
    Mat::from_fn(h.nrows(), h.ncols(), |i, j| {
        0.5 * (h[(i, j)] + h[(j, i)].conj())
    })
}

/// Frequencies at which a response may peak: 0, and those of the poles.
fn resonances(system: &PoleResidue) -> Vec<f64> {
    std::iter::once(0.0)
        .chain(system.terms.iter().flat_map(|t| [t.pole.im, t.pole.norm()]))
        .collect()
}

/// Whether `E` is one that a passive system may have.
fn linear_passive(system: &PoleResidue, representation: Representation) -> bool {
    if system.linear.iter().all(|v| *v == 0.0) {
        return true;
    }
    let m = system.inputs;
    let e = |i: usize, j: usize| system.linear.get(i * m + j).copied().unwrap_or(0.0);
    if representation == Representation::Scattering || system.outputs != m {
        return false;
    }
    let size = system.linear.iter().fold(0.0f64, |a, v| a.max(v.abs()));
    let symmetric = (0..m).all(|i| (0..i).all(|j| (e(i, j) - e(j, i)).abs() <= ROUNDING * size));
    let values = Mat::from_fn(m, m, e).self_adjoint_eigenvalues(faer::Side::Lower);
    symmetric && values.is_ok_and(|v| v.iter().all(|v| *v >= -ROUNDING * size))
}
