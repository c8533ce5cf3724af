//! The frequencies at which a system may cross the limit of passivity: eigenvalues of a Hamiltonian matrix.

use faer::Mat;
use faer::linalg::solvers::Solve;
use num_complex::Complex64;

use super::passivity::Representation;
use super::realization::Realization;
use crate::error::{Error, Result};
use crate::laplace::PoleResidue;

/// Least ratio of singular values at which a matrix at infinite frequency is inverted.
const INVERTIBLE: f64 = 1e-10;

/// Most states for which the pencil is taken.
const PENCIL_STATES: usize = 200;

/// Size of the matrix above which the system has too many states for the test.
const MOST: usize = 8000;

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
pub(super) fn crossings(
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
