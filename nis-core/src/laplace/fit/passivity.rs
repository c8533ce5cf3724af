//! Passivity: whether, and in which bands of frequency, a system gives out more than it takes in.

use faer::linalg::solvers::Solve;
use faer::{Mat, MatRef, c64};
use num_complex::Complex64;
use serde::{Deserialize, Serialize};

use super::realization::Realization;
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

/// Least ratio of singular values at which a matrix at infinite frequency is inverted.
const INVERTIBLE: f64 = 1e-10;

/// Multiple of the largest pole beyond which nothing but the approach to infinity happens.
const FAR: f64 = 1e3;

/// Most states for which the pencil is taken.
const PENCIL_STATES: usize = 200;

/// Size of the matrix above which the system has too many states for the test.
const MOST: usize = 8000;

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

/// Whether `H = H^T` to rounding.
pub(super) fn symmetric(system: &PoleResidue) -> bool {
    let m = system.inputs;
    if system.outputs != m {
        return false;
    }
    let complex = system.terms.iter().map(|t| t.residue.clone());
    let flat = [&system.direct, &system.linear].into_iter().map(|part| {
        part.iter()
            .map(|v| Complex64::new(*v, 0.0))
            .collect::<Vec<_>>()
    });
    complex.chain(flat).all(|r| {
        let size = r.iter().fold(0.0f64, |a, v| a.max(v.norm()));
        (0..r.len()).all(|cell| {
            let other = (cell % m) * m + cell / m;
            r.get(other)
                .is_some_and(|v| (v - r[cell]).norm() <= 1e-13 * size)
        })
    })
}

/// Imaginary parts of the eigenvalues among which all crossings are, the test used, and the states.
fn crossings(
    system: &PoleResidue,
    representation: Representation,
) -> Result<(Vec<f64>, &'static str, usize)> {
    let r = Realization::new(system)?;
    let n = r.a.nrows();
    if 2 * n > MOST {
        return Err(Error::Limit {
            what: "states of the passivity test".to_owned(),
            limit: MOST as u64 / 2,
            got: n as u64,
        });
    }
    if n == 0 {
        return Ok((Vec::new(), "constant", 0));
    }
    let failed = |e| Error::numerical("passivity", format!("eigenvalues: {e:?}"));
    if symmetric(system)
        && let Some(half) = half_size(&r, representation)
    {
        let values = half.eigenvalues().map_err(failed)?;
        // Eigenvalues are squares: -omega^2 at a crossing.
        let omega = values.iter().map(|v| r.scale * v.sqrt().im.abs()).collect();
        return Ok((omega, "half_size", n));
    }
    let k = at_infinity(&r, representation, 0.0);
    if invertible(&k) {
        let values = hamiltonian(&r, representation, &k)
            .eigenvalues()
            .map_err(failed)?;
        return Ok((
            values.iter().map(|v| r.scale * v.im.abs()).collect(),
            "hamiltonian",
            n,
        ));
    }
    if n <= PENCIL_STATES {
        let q = k.nrows();
        let mut a = Mat::<f64>::zeros(2 * n + q, 2 * n + q);
        let (left, right) = couplings(&r, representation);
        a.submatrix_mut(0, 0, n, n).copy_from(&r.a);
        a.submatrix_mut(n, n, n, n).copy_from(-r.a.transpose());
        a.submatrix_mut(0, 2 * n, 2 * n, q).copy_from(&left);
        a.submatrix_mut(2 * n, 0, q, 2 * n).copy_from(&right);
        a.submatrix_mut(2 * n, 2 * n, q, q).copy_from(&k);
        let e = Mat::<f64>::from_fn(2 * n + q, 2 * n + q, |i, j| {
            if i == j && i < 2 * n { 1.0 } else { 0.0 }
        });
        if let Ok(found) = a.generalized_eigen(&e) {
            let (sa, sb) = (found.S_a(), found.S_b());
            let omega = (0..2 * n + q)
                .map(|k| r.scale * (sa[k] / sb[k]).im.abs())
                .filter(|w| w.is_finite())
                .collect();
            return Ok((omega, "pencil", n));
        }
    }
    let k = at_infinity(&r, representation, 1e-7);
    let values = hamiltonian(&r, representation, &k)
        .eigenvalues()
        .map_err(failed)?;
    Ok((
        values.iter().map(|v| r.scale * v.im.abs()).collect(),
        "perturbed_hamiltonian",
        n,
    ))
}

fn invertible(m: &Mat<f64>) -> bool {
    m.singular_values().is_ok_and(|v| {
        let largest = v.iter().fold(0.0f64, |a, b| a.max(*b));
        v.iter().all(|v| *v > INVERTIBLE * largest)
    })
}

/// The equations that couple the two copies of the system at a crossing, without their states. Scattering:
/// `[D -1; -1 D^T]` for `H(s) u = v`, `H(-s)^T v = u`; immittance: `D + D^T` for `H(s) u + H(-s)^T u = 0`.
/// `shift` moves the level of the crossing.
fn at_infinity(r: &Realization, representation: Representation, shift: f64) -> Mat<f64> {
    let (p, m) = (r.d.nrows(), r.d.ncols());
    match representation {
        Representation::Scattering => Mat::from_fn(p + m, m + p, |i, j| match (i < p, j < m) {
            (true, true) => r.d[(i, j)],
            (false, false) => r.d[(j - m, i - p)],
            (true, false) => {
                if i == j - m {
                    -1.0 - shift
                } else {
                    0.0
                }
            }
            (false, true) => {
                if i - p == j {
                    -1.0 - shift
                } else {
                    0.0
                }
            }
        }),
        Representation::Immittance => {
            let gain = r.c.norm_max() * r.b.norm_max() + r.d.norm_max();
            Mat::from_fn(p, m, |i, j| {
                r.d[(i, j)] + r.d[(j, i)] + if i == j { shift * gain } else { 0.0 }
            })
        }
    }
}

/// How the states of the two copies (`s x = A x + B u`, `s y = -A^T y - C^T v`) enter and meet these equations.
fn couplings(r: &Realization, representation: Representation) -> (Mat<f64>, Mat<f64>) {
    let (n, p, m) = (r.a.nrows(), r.d.nrows(), r.d.ncols());
    let columns = match representation {
        Representation::Scattering => m + p,
        Representation::Immittance => m,
    };
    let left = Mat::from_fn(2 * n, columns, |i, j| match representation {
        Representation::Scattering if i < n => {
            if j < m {
                r.b[(i, j)]
            } else {
                0.0
            }
        }
        Representation::Scattering => {
            if j < m {
                0.0
            } else {
                -r.c[(j - m, i - n)]
            }
        }
        Representation::Immittance if i < n => r.b[(i, j)],
        Representation::Immittance => -r.c[(j, i - n)],
    });
    let right = Mat::from_fn(columns, 2 * n, |i, j| match representation {
        Representation::Scattering if i < p => {
            if j < n {
                r.c[(i, j)]
            } else {
                0.0
            }
        }
        Representation::Scattering => {
            if j < n {
                0.0
            } else {
                r.b[(j - n, i - p)]
            }
        }
        Representation::Immittance if j < n => r.c[(i, j)],
        Representation::Immittance => r.b[(j - n, i)],
    });
    (left, right)
}

/// The Hamiltonian: the coupled equations solved for the inputs.
fn hamiltonian(r: &Realization, representation: Representation, k: &Mat<f64>) -> Mat<f64> {
    let n = r.a.nrows();
    let (left, right) = couplings(r, representation);
    let mut m = -(left * k.partial_piv_lu().solve(right));
    for i in 0..n {
        for j in 0..n {
            m[(i, j)] += r.a[(i, j)];
            m[(n + i, n + j)] -= r.a[(j, i)];
        }
    }
    m
}

/// For `H = H^T`: with `P = x + y`, `Q = x - y` the equations above are `s Q = M P`, `s P = N Q`, hence
/// `s^2 P = N M P`. `None` where the response at infinity does not allow it.
fn half_size(r: &Realization, representation: Representation) -> Option<Mat<f64>> {
    let m = r.d.ncols();
    let plus = |sign: f64| {
        Mat::from_fn(m, m, |i, j| {
            sign * r.d[(i, j)] + if i == j { 1.0 } else { 0.0 }
        })
    };
    match representation {
        Representation::Scattering => {
            let (minus, plus) = (plus(-1.0), plus(1.0));
            if !(invertible(&minus) && invertible(&plus)) {
                return None;
            }
            let first = &r.a + &r.b * minus.partial_piv_lu().solve(&r.c);
            let second = &r.a - &r.b * plus.partial_piv_lu().solve(&r.c);
            Some(second * first)
        }
        Representation::Immittance => {
            if !invertible(&r.d) {
                return None;
            }
            let first = &r.a - &r.b * r.d.partial_piv_lu().solve(&r.c);
            Some(&r.a * first)
        }
    }
}
