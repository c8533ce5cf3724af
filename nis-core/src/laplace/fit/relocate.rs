//! Vector fitting: poles move to the zeros of a rational weight that makes the problem linear.
//!
//! Relaxed form: Gustavsen, IEEE Trans. Power Delivery 21 (2006) 1587. The unknowns of the elements are
//! eliminated by QR one element after the other: Deschrijver et al., IEEE Microwave Wireless Compon. Lett. 18
//! (2008) 383, eq. (9). Elements of equal weights share the factorisation of their own columns.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::householder::{
    apply_block_householder_sequence_transpose_on_the_left_in_place_scratch,
    apply_block_householder_sequence_transpose_on_the_left_in_place_with_conj,
};
use faer::linalg::solvers::Qr;
use faer::{Conj, Mat, Par};
use num_complex::Complex64;

use super::FitOptions;
use super::basis::{fractions, normalize, order, width, write};
use super::data::Samples;
use crate::error::{Error, Result};
use crate::optim::least_squares;
use crate::telemetry::Progress;

/// A relative movement of all poles below this ends the relocation.
const SETTLED: f64 = 1e-10;

/// The same where Gauss-Newton steps follow, which converge faster from here.
const NEAR: f64 = 1e-3;

/// Reduction of the squared error that counts as progress.
const PROGRESS: f64 = 1e-2;

/// Least magnitude of the constant in the weight against its coefficients; below it the zeros run away.
const LEAST_CONSTANT: f64 = 1e-8;

/// Relocations without a smaller error after which no more is expected.
const PATIENCE: usize = 3;

/// What relocation reached.
pub(super) struct Relocated {
    /// The poles of the least error.
    pub(super) poles: Vec<Complex64>,
    /// Relocations done.
    pub(super) iterations: usize,
}

/// `Q^T m` in place.
pub(super) fn rotate(qr: &Qr<f64>, m: &mut Mat<f64>) {
    let scratch = apply_block_householder_sequence_transpose_on_the_left_in_place_scratch::<f64>(
        qr.Q_basis().nrows(),
        qr.Q_coeff().nrows(),
        m.ncols(),
    );
    apply_block_householder_sequence_transpose_on_the_left_in_place_with_conj(
        qr.Q_basis(),
        qr.Q_coeff(),
        Conj::No,
        m.as_mut(),
        Par::Seq,
        MemStack::new(&mut MemBuffer::new(scratch)),
    );
}

/// The columns that every element has for itself: fractions, constant, `s`.
pub(super) fn own_columns(samples: &Samples, poles: &[Complex64]) -> Vec<Vec<Complex64>> {
    let mut columns = fractions(&samples.s, poles, 1);
    if samples.direct {
        columns.push(vec![Complex64::new(1.0, 0.0); samples.s.len()]);
    }
    if samples.linear {
        columns.push(samples.s.clone());
    }
    columns
}

pub(super) fn weighted(columns: &[Vec<Complex64>], weight: &[f64]) -> Mat<f64> {
    let mut m = Mat::zeros(2 * weight.len(), columns.len());
    for (j, column) in columns.iter().enumerate() {
        write(&mut m, j, column, weight);
    }
    m
}

/// Moves the poles until they settle or the error stops falling.
pub(super) fn relocate(
    samples: &Samples,
    start: &[Complex64],
    most: usize,
    options: &FitOptions,
    progress: &Progress<'_>,
) -> Result<Relocated> {
    let settled = if options.max_polish > 0 {
        NEAR
    } else {
        SETTLED
    };
    let mut poles = start.to_vec();
    let mut best = (f64::INFINITY, poles.clone());
    let mut since_best = 0;
    let mut iterations = 0;
    while iterations < most && !poles.is_empty() {
        progress.report("fit", iterations as u64, most as u64, "relocating poles")?;
        let Some(step) = step(samples, &poles, progress)? else {
            break;
        };
        if step.rss < best.0 * (1.0 - PROGRESS) {
            since_best = 0;
        } else {
            since_best += 1;
        }
        if step.rss < best.0 {
            best = (step.rss, poles.clone());
        }
        let next = mirrored(step.zeros, options.stable);
        iterations += 1;
        let moved = movement(&poles, &next);
        poles = next;
        if since_best >= PATIENCE || moved <= settled {
            break;
        }
    }
    // The last move has not been judged; the caller compares what it gets from both.
    if since_best == 0 || best.0.is_infinite() {
        best.1 = poles;
    }
    Ok(Relocated {
        poles: best.1,
        iterations,
    })
}

fn mirrored(zeros: Vec<Complex64>, stable: bool) -> Vec<Complex64> {
    zeros
        .into_iter()
        .map(|z| {
            if !stable {
                return z;
            }
            let least = 1e-9 * z.norm().max(1e-12);
            Complex64::new(-z.re.abs().max(least), z.im)
        })
        .collect()
}

/// Largest relative distance of a pole from the nearest of the other set.
fn movement(old: &[Complex64], new: &[Complex64]) -> f64 {
    if old.len() != new.len() {
        return f64::INFINITY;
    }
    new.iter()
        .map(|p| {
            old.iter()
                .map(|q| (p - q).norm() / p.norm())
                .fold(f64::INFINITY, f64::min)
        })
        .fold(0.0, f64::max)
}

struct Step {
    zeros: Vec<Complex64>,
    /// Sum of squared weighted errors with the poles before the move.
    rss: f64,
}

fn step(samples: &Samples, poles: &[Complex64], progress: &Progress<'_>) -> Result<Option<Step>> {
    let n = order(poles);
    let points = samples.s.len();
    let columns = own_columns(samples, poles);
    let mut sigma = fractions(&samples.s, poles, 1);
    sigma.push(vec![Complex64::new(1.0, 0.0); points]);
    let mut compressed = Mat::<f64>::zeros(0, n + 1);
    let mut rss = 0.0;
    for group in &samples.groups {
        let mut own = weighted(&columns, &group.weight);
        normalize(&mut own);
        let qr = own.qr();
        let width = own.ncols().min(own.nrows());
        let mut y = group.y.clone();
        rotate(&qr, &mut y);
        rss += y.subrows(width, y.nrows() - width).squared_norm_l2();
        for direction in &group.directions {
            progress.check()?;
            let kept = compressed.nrows();
            let mut block = Mat::<f64>::zeros(2 * points, n + 1);
            for (j, column) in sigma.iter().enumerate() {
                for (i, ((c, h), w)) in column.iter().zip(direction).zip(&group.weight).enumerate()
                {
                    let v = c * h * -w;
                    block[(i, j)] = v.re;
                    block[(points + i, j)] = v.im;
                }
            }
            rotate(&qr, &mut block);
            // What the elements before left, above what this one adds.
            let rest = 2 * points - width;
            let mut stacked = Mat::<f64>::zeros(kept + rest, n + 1);
            stacked.subrows_mut(0, kept).copy_from(&compressed);
            stacked
                .subrows_mut(kept, rest)
                .copy_from(block.subrows(width, rest));
            compressed = upper(&stacked);
        }
    }
    Ok(zeros(&compressed, &sigma, samples, poles)?.map(|zeros| Step { zeros, rss }))
}

/// The triangular factor of a matrix.
pub(super) fn upper(m: &Mat<f64>) -> Mat<f64> {
    let qr = m.qr();
    let r = qr.thin_R();
    Mat::from_fn(
        r.nrows(),
        r.ncols(),
        |i, j| if i <= j { r[(i, j)] } else { 0.0 },
    )
}

/// Zeros of the weight `sigma` that minimises the compressed equations.
fn zeros(
    compressed: &Mat<f64>,
    sigma: &[Vec<Complex64>],
    samples: &Samples,
    poles: &[Complex64],
) -> Result<Option<Vec<Complex64>>> {
    let n = sigma.len() - 1;
    let points = samples.s.len() as f64;
    // The relaxation: the mean of Re(sigma) is 1, so that sigma = 0 is no solution (eq. (8)).
    let relaxation = samples.power.sqrt() / points;
    let rows = compressed.nrows() + 1;
    let mut system = Mat::<f64>::zeros(rows.max(n + 1), n + 1);
    system
        .subrows_mut(0, compressed.nrows())
        .copy_from(compressed);
    for (j, column) in sigma.iter().enumerate() {
        system[(rows - 1, j)] = relaxation * column.iter().map(|c| c.re).sum::<f64>();
    }
    let mut right = vec![0.0; system.nrows()];
    right[rows - 1] = relaxation * points;
    let norms = normalize(&mut system);
    let mut c = match least_squares(system.as_ref(), &right) {
        Ok(fit) => fit.coefficients,
        Err(Error::InvalidInput { .. }) => return Ok(None),
        Err(e) => return Err(e),
    };
    for (c, norm) in c.iter_mut().zip(&norms) {
        *c /= norm;
    }
    let Some(mut constant) = c.pop() else {
        return Ok(None);
    };
    if !(constant.is_finite() && c.iter().all(|v| v.is_finite())) {
        return Ok(None);
    }
    let size = c.iter().fold(0.0f64, |a, v| a.max(v.abs()));
    if constant.abs() < LEAST_CONSTANT * size.max(1.0) {
        constant = LEAST_CONSTANT * size.max(1.0) * if constant < 0.0 { -1.0 } else { 1.0 };
    }
    Ok(weight_zeros(poles, &c, constant))
}

/// Zeros of `constant + sum c_k phi_k(s)`: eigenvalues of `A - b c^T / constant`.
fn weight_zeros(poles: &[Complex64], c: &[f64], constant: f64) -> Option<Vec<Complex64>> {
    let n = order(poles);
    let mut a = Mat::<f64>::zeros(n, n);
    let mut at = 0;
    for pole in poles {
        let gain = if width(*pole) == 2 {
            a[(at, at)] = pole.re;
            a[(at, at + 1)] = pole.im;
            a[(at + 1, at)] = -pole.im;
            a[(at + 1, at + 1)] = pole.re;
            2.0
        } else {
            a[(at, at)] = pole.re;
            1.0
        };
        for (j, c) in c.iter().enumerate() {
            a[(at, j)] -= gain * c / constant;
        }
        at += width(*pole);
    }
    if !a.is_all_finite() {
        return None;
    }
    let values = a.eigenvalues().ok()?;
    let found: Vec<Complex64> = values.into_iter().filter(|v| v.im >= 0.0).collect();
    (order(&found) == n && found.iter().all(|p| p.is_finite() && p.norm() > 0.0)).then_some(found)
}
