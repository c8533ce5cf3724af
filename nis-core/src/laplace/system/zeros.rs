//! Invariant zeros, DC gain and the table of damping.

use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd::ComputeEigenvectors;
use faer::linalg::gevd::{GevdParams, gevd_real, gevd_scratch};
use faer::{Auto, Mat, Par, Spec};
use num_complex::Complex64;
use serde::{Deserialize, Serialize};

use super::dense::blocks;
use super::{StateSpace, System};
use crate::error::{Error, Result};
use crate::telemetry::Progress;

/// One pole as engineers list it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Damping {
    /// The pole, in `s` (continuous) or `z` (discrete).
    pub pole: Complex64,
    /// `|s|`, radians per time unit.
    pub natural_frequency: f64,
    /// `-Re(s)/|s|`; `None` for a pole at `s = 0`.
    pub damping_ratio: Option<f64>,
    /// `-1/Re(s)`; `None` on the imaginary axis.
    pub time_constant: Option<f64>,
}

/// The table of one list of poles; with `dt`, `s = ln(z)/dt`.
pub(super) fn damping_table(poles: &[Complex64], dt: Option<f64>) -> Vec<Damping> {
    poles
        .iter()
        .map(|p| {
            let s = dt.map_or(*p, |dt| p.ln() / dt);
            let size = s.norm();
            Damping {
                pole: *p,
                natural_frequency: size,
                damping_ratio: (size > 0.0 && size.is_finite()).then(|| -s.re / size),
                time_constant: (s.re != 0.0).then(|| -1.0 / s.re),
            }
        })
        .collect()
}

/// Singular values below this share of the norm count as zero when the pencil is deflated.
const RANK: f64 = 1e-12;

struct Pencil {
    a: Mat<f64>,
    b: Mat<f64>,
    c: Mat<f64>,
    d: Mat<f64>,
}

impl Pencil {
    fn transposed(&self) -> Pencil {
        let t = |m: &Mat<f64>| m.transpose().to_owned();
        Pencil {
            a: t(&self.a),
            b: t(&self.c),
            c: t(&self.b),
            d: t(&self.d),
        }
    }

    /// Takes out the zeros at infinity and the degenerate rows, until `D` has full row rank (Emami-Naeini and
    /// Van Dooren, Automatica 18 (1982) 415, algorithm REDUCE, with SVDs for the compressions).
    fn reduce(mut self, tolerance: f64, progress: &Progress<'_>) -> Result<Pencil> {
        loop {
            progress.check()?;
            let (n, m, p) = (self.a.nrows(), self.b.ncols(), self.c.nrows());
            let (u, rank_d) = left_basis(&self.d, tolerance)?;
            let tau = p - rank_d;
            if tau == 0 || p == 0 {
                return Ok(self);
            }
            let (d, c) = (u.transpose() * &self.d, u.transpose() * &self.c);
            let c2 = Mat::from_fn(tau, n, |i, j| c[(rank_d + i, j)]);
            let (v, rho) = left_basis(&c2.transpose().to_owned(), tolerance)?;
            let d1 = Mat::from_fn(rank_d, m, |i, j| d[(i, j)]);
            let c1 = Mat::from_fn(rank_d, n, |i, j| c[(i, j)]);
            if rho == 0 {
                return Ok(Pencil {
                    c: c1,
                    d: d1,
                    ..self
                });
            }
            // The first rho columns of V span the rows of C2: those states are given by y2 = 0.
            let a = v.transpose() * &self.a * &v;
            let b = v.transpose() * &self.b;
            let c1 = c1 * &v;
            let rest = n - rho;
            self = Pencil {
                a: Mat::from_fn(rest, rest, |i, j| a[(rho + i, rho + j)]),
                b: Mat::from_fn(rest, m, |i, j| b[(rho + i, j)]),
                c: Mat::from_fn(rank_d + rho, rest, |i, j| {
                    if i < rank_d {
                        c1[(i, rho + j)]
                    } else {
                        a[(i - rank_d, rho + j)]
                    }
                }),
                d: Mat::from_fn(rank_d + rho, m, |i, j| {
                    if i < rank_d {
                        d1[(i, j)]
                    } else {
                        b[(i - rank_d, j)]
                    }
                }),
            };
        }
    }
}

/// Orthogonal basis whose first `rank` columns span the columns of `m`, and that rank.
fn left_basis(m: &Mat<f64>, tolerance: f64) -> Result<(Mat<f64>, usize)> {
    let rows = m.nrows();
    if rows == 0 || m.ncols() == 0 {
        return Ok((Mat::identity(rows, rows), 0));
    }
    let svd = m
        .svd()
        .map_err(|_| Error::numerical("zeros", "an SVD did not converge"))?;
    let rank = (0..rows.min(m.ncols()))
        .filter(|&k| svd.S()[k] > tolerance)
        .count();
    Ok((svd.U().to_owned(), rank))
}

/// Finite eigenvalues of `a - s b`, and the number of infinite ones.
pub(super) fn pencil_eigenvalues(a: &Mat<f64>, b: &Mat<f64>) -> Result<(Vec<Complex64>, usize)> {
    let n = a.nrows();
    if n == 0 {
        return Ok((Vec::new(), 0));
    }
    let mut params = <GevdParams as Auto<f64>>::auto();
    params.schur.blocking_threshold = usize::MAX;
    let params: Spec<GevdParams, f64> = params.into();
    let (mut a, mut b) = (a.clone(), b.clone());
    let (mut re, mut im, mut beta) = (Diag::zeros(n), Diag::zeros(n), Diag::zeros(n));
    let none = ComputeEigenvectors::No;
    gevd_real(
        a.as_mut(),
        b.as_mut(),
        re.as_mut(),
        im.as_mut(),
        beta.as_mut(),
        None,
        None,
        Par::Seq,
        MemStack::new(&mut MemBuffer::new(gevd_scratch::<f64>(
            n,
            none,
            none,
            Par::Seq,
            params,
        ))),
        params,
    )
    .map_err(|_| {
        Error::numerical(
            "generalised eigenvalues",
            "the QZ iteration did not converge",
        )
    })?;
    let (mut finite, mut infinite) = (Vec::new(), 0);
    for k in 0..n {
        let alpha = Complex64::new(re[k], im[k]);
        if beta[k].abs() <= 1e-14 * alpha.norm() {
            infinite += 1;
        } else if alpha.im >= 0.0 {
            // faer 0.24 gives the lower one of a pair with a beta that is not its own.
            finite.push(alpha / beta[k]);
            if alpha.im > 0.0 {
                finite.push(alpha.conj() / beta[k]);
            }
        }
    }
    Ok((finite, infinite))
}

impl StateSpace {
    /// The invariant zeros: the points where the rank of `[A - s I, B; C, D]` drops. For one input and output
    /// these are the zeros of `H` and the poles that cancel. Zeros at infinity and a degenerate normal rank are
    /// deflated by orthogonal transformations first, so that they cannot come back as large finite values; what
    /// is left is a regular generalised eigenproblem (Emami-Naeini and Van Dooren 1982). `O((n + m)^3)`.
    ///
    /// # Errors
    /// [`Error::Numerical`] where an SVD or the QZ iteration does not converge.
    pub fn zeros(&self) -> Result<Vec<Complex64>> {
        self.zeros_reported(&Progress::none())
    }

    fn zeros_reported(&self, progress: &Progress<'_>) -> Result<Vec<Complex64>> {
        self.check()?;
        let (mut a, b, c, d) = self.mats();
        let scale = super::dense::balance(&mut a);
        let mut b = Mat::from_fn(b.nrows(), b.ncols(), |i, j| b[(i, j)] / scale[i]);
        let mut c = Mat::from_fn(c.nrows(), c.ncols(), |i, j| c[(i, j)] * scale[j]);
        let mut d = d;
        // Scaling of inputs and outputs moves no zero; it makes the parts comparable in the rank decisions.
        let size = a.norm_l2().max(f64::MIN_POSITIVE);
        let (nb, nc) = (b.norm_l2(), c.norm_l2());
        if nb > 0.0 && nc > 0.0 {
            let (fb, fc) = (size / nb, size / nc);
            b = Mat::from_fn(b.nrows(), b.ncols(), |i, j| b[(i, j)] * fb);
            c = Mat::from_fn(c.nrows(), c.ncols(), |i, j| c[(i, j)] * fc);
            d = Mat::from_fn(d.nrows(), d.ncols(), |i, j| d[(i, j)] * fb * fc);
        }
        let tolerance = RANK * size;
        progress.report("zeros", 0, 3, "deflating the pencil")?;
        let reduced = Pencil { a, b, c, d }.reduce(tolerance, progress)?;
        progress.report("zeros", 1, 3, "deflating its transpose")?;
        let reduced = reduced.transposed().reduce(tolerance, progress)?;
        let n = reduced.a.nrows();
        if n == 0 {
            return Ok(Vec::new());
        }
        // D is square and regular: compress [C D] to the last columns.
        let m = reduced.b.ncols();
        let whole = blocks(
            reduced.a.as_ref(),
            reduced.b.as_ref(),
            reduced.c.as_ref(),
            reduced.d.as_ref(),
        );
        let rows = Mat::from_fn(n + m, m, |i, j| whole[(n + j, i)]);
        let (v, rank) = left_basis(&rows, tolerance)?;
        if rank != m {
            return Err(Error::numerical(
                "zeros",
                "the reduced pencil is not regular",
            ));
        }
        let kernel = Mat::from_fn(n + m, n, |i, j| v[(i, m + j)]);
        let top = Mat::from_fn(n, n + m, |i, j| whole[(i, j)]);
        let af = &top * &kernel;
        let bf = Mat::from_fn(n, n, |i, j| kernel[(i, j)]);
        progress.report("zeros", 2, 3, "generalised eigenvalues")?;
        Ok(pencil_eigenvalues(&af, &bf)?.0)
    }
}

impl System {
    /// The invariant zeros; see [`StateSpace::zeros`]. A pole-residue system with a linear term needs that term
    /// square and regular.
    ///
    /// # Errors
    /// As [`StateSpace::zeros`]; [`Error::InvalidInput`] for another linear term.
    pub fn zeros(&self) -> Result<Vec<Complex64>> {
        self.zeros_reported(&Progress::none())
    }

    pub(super) fn zeros_reported(&self, progress: &Progress<'_>) -> Result<Vec<Complex64>> {
        let System::PoleResidue(system) = self else {
            return self.to_state_space()?.zeros_reported(progress);
        };
        if system.linear.iter().all(|e| *e == 0.0) {
            return system.to_state_space()?.zeros_reported(progress);
        }
        progress.report("zeros", 2, 3, "generalised eigenvalues")?;
        // [A - s I, B; C, D + s E] with a regular E.
        let mut proper = system.clone();
        let e = super::dense::from_rows(system.outputs, system.inputs, &system.linear);
        proper.linear = Vec::new();
        let condition = if e.nrows() == e.ncols() {
            super::dense::condition(e.as_ref())
        } else {
            0.0
        };
        if condition.is_nan() || condition < RANK {
            return Err(Error::invalid(
                "linear",
                format!(
                    "a matrix of {} x {}, 1/condition {condition:.1e}",
                    e.nrows(),
                    e.ncols()
                ),
                "a square regular linear term, or none, for zeros",
            ));
        }
        let (a, b, c, d) = proper.to_state_space()?.mats();
        let n = a.nrows();
        let whole = blocks(a.as_ref(), b.as_ref(), c.as_ref(), d.as_ref());
        let right = Mat::from_fn(n + e.nrows(), n + e.ncols(), |i, j| match (i < n, j < n) {
            (true, true) => f64::from(u8::from(i == j)),
            (false, false) => -e[(i - n, j - n)],
            _ => 0.0,
        });
        Ok(pencil_eigenvalues(&whole, &right)?.0)
    }
}
