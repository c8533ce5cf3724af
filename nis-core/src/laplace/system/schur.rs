//! The complex Schur form of a real matrix, its reordering and its block diagonalisation.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd::ComputeEigenvectors;
use faer::linalg::gevd::gen_hessenberg::{generalized_hessenberg, generalized_hessenberg_scratch};
use faer::linalg::gevd::{GevdParams, qz_real};
use faer::{Auto, Col, Mat, MatRef, Par};
use num_complex::Complex64;

use super::dense::balance;
use super::quasi::eigenvalues;
use crate::error::{Error, Result};

/// `A = X T X^-1` with `T` upper triangular and `X = D U`: `D` diagonal from balancing, `U` unitary. The
/// eigenvalues on the diagonal of `T` are exactly real or exactly conjugate in pairs.
#[derive(Debug, Clone)]
pub(super) struct Schur {
    /// `U`.
    pub(super) u: Mat<Complex64>,
    /// `T`.
    pub(super) t: Mat<Complex64>,
    /// `D`.
    pub(super) scale: Vec<f64>,
}

/// Residual of the decomposition that is still taken for success, in units of rounding times the order.
const RESIDUAL: f64 = 1e3;

impl Schur {
    /// Costs about `30 n^3`. faer keeps its QR iteration to itself, so its QZ iteration runs on the pencil
    /// `A - s I`, where the two orthogonal factors differ by signs only; the 2 x 2 blocks are then made
    /// triangular by complex rotations (Golub and Van Loan, Matrix Computations, 4th ed., section 7.7).
    pub(super) fn new(a: MatRef<'_, f64>) -> Result<Self> {
        Ok(RealSchur::new(a)?.split())
    }

    /// Number of states.
    pub(super) fn order(&self) -> usize {
        self.t.nrows()
    }

    /// The eigenvalues in the order of the diagonal.
    pub(super) fn eigenvalues(&self) -> Vec<Complex64> {
        (0..self.order()).map(|i| self.t[(i, i)]).collect()
    }

    /// `X^-1 B`.
    pub(super) fn inputs(&self, b: MatRef<'_, f64>) -> Mat<Complex64> {
        let scaled = Mat::from_fn(b.nrows(), b.ncols(), |i, j| {
            Complex64::from(b[(i, j)] / self.scale[i])
        });
        self.u.adjoint() * scaled
    }

    /// `C X`.
    pub(super) fn outputs(&self, c: MatRef<'_, f64>) -> Mat<Complex64> {
        let scaled = Mat::from_fn(c.nrows(), c.ncols(), |i, j| {
            Complex64::from(c[(i, j)] * self.scale[j])
        });
        scaled * &self.u
    }

    /// Makes the block in rows `m - 1` and `m` triangular.
    fn split_block(&mut self, m: usize) {
        let below = self.t[(m, m - 1)].re;
        if below == 0.0 {
            return;
        }
        let (a, b, d) = (self.t[(m - 1, m - 1)], self.t[(m - 1, m)], self.t[(m, m)]);
        // Only real parts are met: blocks do not overlap and later rotations leave them alone.
        let [first, second] = eigenvalues([a.re, b.re, below, d.re]);
        let mu = first - d;
        let r = mu.norm().hypot(below);
        let (c, s) = (mu / r, Complex64::from(below / r));
        let n = self.order();
        for j in m - 1..n {
            let (x, y) = (self.t[(m - 1, j)], self.t[(m, j)]);
            self.t[(m - 1, j)] = c.conj() * x + s * y;
            self.t[(m, j)] = -s * x + c * y;
        }
        let rotate_columns = |t: &mut Mat<Complex64>, rows: usize| {
            for i in 0..rows {
                let (x, y) = (t[(i, m - 1)], t[(i, m)]);
                t[(i, m - 1)] = x * c + y * s;
                t[(i, m)] = -x * s + y * c.conj();
            }
        };
        rotate_columns(&mut self.t, m + 1);
        rotate_columns(&mut self.u, n);
        self.t[(m, m - 1)] = Complex64::default();
        self.t[(m - 1, m - 1)] = first;
        self.t[(m, m)] = second;
    }

    /// Exchanges the eigenvalues at `k` and `k + 1` by a rotation (Golub and Van Loan, section 7.6.2).
    fn swap(&mut self, k: usize) {
        let n = self.order();
        let (t11, t22, t12) = (self.t[(k, k)], self.t[(k + 1, k + 1)], self.t[(k, k + 1)]);
        let (f, g) = (t12, t22 - t11);
        let r = f.norm().hypot(g.norm());
        let (c, s) = if r == 0.0 {
            (1.0, Complex64::default())
        } else if f.norm() == 0.0 {
            (0.0, g.conj() / g.norm())
        } else {
            (f.norm() / r, f / f.norm() * (g.conj() / r))
        };
        for j in k + 2..n {
            let (x, y) = (self.t[(k, j)], self.t[(k + 1, j)]);
            self.t[(k, j)] = x * c + s * y;
            self.t[(k + 1, j)] = y * c - s.conj() * x;
        }
        let rotate_columns = |t: &mut Mat<Complex64>, rows: usize| {
            for i in 0..rows {
                let (x, y) = (t[(i, k)], t[(i, k + 1)]);
                t[(i, k)] = x * c + s.conj() * y;
                t[(i, k + 1)] = y * c - s * x;
            }
        };
        rotate_columns(&mut self.t, k);
        rotate_columns(&mut self.u, n);
        self.t[(k, k)] = t22;
        self.t[(k + 1, k + 1)] = t11;
    }

    /// Sorts the diagonal by `rank`, smallest first; equal ranks keep their order.
    pub(super) fn sort_by_rank(&mut self, rank: &[usize]) {
        let mut rank = rank.to_vec();
        for end in (1..rank.len()).rev() {
            for k in 0..end {
                if rank[k] > rank[k + 1] {
                    self.swap(k);
                    rank.swap(k, k + 1);
                }
            }
        }
    }

    /// The matrix `V`, unit upper triangular, that makes `V^-1 T V` block diagonal with blocks of the given
    /// sizes along the diagonal of `T` (Bavely and Stewart, SIAM J. Numer. Anal. 16 (1979) 359). Its
    /// entries grow without bound as eigenvalues of different blocks come together.
    pub(super) fn block_basis(&self, sizes: &[usize]) -> Mat<Complex64> {
        let n = self.order();
        let mut v = Mat::<Complex64>::identity(n, n);
        let mut start = 0;
        for size in sizes {
            let end = start + size;
            // T11 Y - Y T22 = -T12, column by column of the block and upwards within a column.
            for j in start..end {
                for i in (0..start).rev() {
                    let mut sum = self.t[(i, j)];
                    for k in i + 1..start {
                        sum += self.t[(i, k)] * v[(k, j)];
                    }
                    for k in start..j {
                        sum -= v[(i, k)] * self.t[(k, j)];
                    }
                    v[(i, j)] = sum / (self.t[(j, j)] - self.t[(i, i)]);
                }
            }
            start = end;
        }
        v
    }
}

/// `A = X S X^-1` with `S` quasi upper triangular and `X = D Q`: `D` diagonal from balancing, `Q` orthogonal.
pub(super) struct RealSchur {
    q: Mat<f64>,
    /// `S`.
    pub(super) s: Mat<f64>,
    scale: Vec<f64>,
}

impl RealSchur {
    pub(super) fn new(a: MatRef<'_, f64>) -> Result<Self> {
        let n = a.nrows();
        let mut balanced = a.to_owned();
        let scale = balance(&mut balanced);
        let (q, mut s) = real_schur(&balanced)?;
        for j in 0..n {
            for i in j + 2..n {
                s[(i, j)] = 0.0;
            }
        }
        Ok(RealSchur { q, s, scale })
    }

    /// `X^-1 B`.
    pub(super) fn inputs(&self, b: &Mat<f64>) -> Mat<f64> {
        let scaled = Mat::from_fn(b.nrows(), b.ncols(), |i, j| b[(i, j)] / self.scale[i]);
        self.q.transpose() * scaled
    }

    /// `C X`.
    pub(super) fn outputs(&self, c: &Mat<f64>) -> Mat<f64> {
        let scaled = Mat::from_fn(c.nrows(), c.ncols(), |i, j| c[(i, j)] * self.scale[j]);
        scaled * &self.q
    }

    /// The complex form.
    pub(super) fn split(self) -> Schur {
        let n = self.s.nrows();
        let complex = |m: &Mat<f64>| Mat::from_fn(n, n, |i, j| Complex64::from(m[(i, j)]));
        let mut schur = Schur {
            u: complex(&self.q),
            t: complex(&self.s),
            scale: self.scale,
        };
        for m in (1..n).rev() {
            schur.split_block(m);
        }
        schur
    }
}

/// `A = Q S Q^T` with orthogonal `Q` and quasi upper triangular `S`.
fn real_schur(a: &Mat<f64>) -> Result<(Mat<f64>, Mat<f64>)> {
    let n = a.nrows();
    let mut params = <GevdParams as Auto<f64>>::auto();
    // The blocked variant of faer 0.24 leaves residuals of 5e-12 at order 110; the plain one is at rounding.
    params.schur.blocking_threshold = usize::MAX;
    let (mut s, mut b) = (a.clone(), Mat::<f64>::identity(n, n));
    let (mut q, mut z) = (Mat::<f64>::identity(n, n), Mat::<f64>::identity(n, n));
    let scratch = generalized_hessenberg_scratch::<f64>(n, params.hessenberg).or(
        qz_real::hessenberg_to_qz_scratch::<f64>(n, Par::Seq, params.schur),
    );
    let mut buffer = MemBuffer::new(scratch);
    generalized_hessenberg(
        s.as_mut(),
        b.as_mut(),
        Some(q.as_mut()),
        Some(z.as_mut()),
        Par::Seq,
        MemStack::new(&mut buffer),
        params.hessenberg,
    );
    let (mut re, mut im, mut beta) = (Col::zeros(n), Col::zeros(n), Col::zeros(n));
    qz_real::hessenberg_to_qz(
        s.as_mut(),
        b.as_mut(),
        Some(q.as_mut()),
        Some(z.as_mut()),
        re.as_mut(),
        im.as_mut(),
        beta.as_mut(),
        ComputeEigenvectors::Yes,
        Par::Seq,
        params.schur,
        MemStack::new(&mut buffer),
    );
    // B stayed orthogonal and became triangular: a diagonal of signs.
    let s = Mat::from_fn(n, n, |i, j| s[(i, j)] * b[(j, j)].signum());
    let residual = (a * &q - &q * &s).norm_l2();
    let below = (2..n)
        .map(|i| (0..i - 1).map(|j| s[(i, j)].abs()).sum::<f64>())
        .sum::<f64>();
    let twice = (2..n)
        .filter(|&i| s[(i, i - 1)] != 0.0 && s[(i - 1, i - 2)] != 0.0)
        .count();
    let allowed = RESIDUAL * n as f64 * f64::EPSILON * a.norm_l2();
    if residual.is_nan() || residual > allowed || below > allowed || twice > 0 {
        return Err(Error::numerical(
            "Schur decomposition",
            format!(
                "no convergence for a matrix of order {n}: residual {residual:.1e} with norm {:.1e}",
                a.norm_l2()
            ),
        ));
    }
    Ok((q, s))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optim::Random;

    fn random(n: usize, seed: u64) -> Mat<f64> {
        let mut random = Random(seed);
        Mat::from_fn(n, n, |_, _| random.normal())
    }

    fn residual(a: &Mat<f64>, s: &Schur) -> f64 {
        let n = a.nrows();
        let x = Mat::from_fn(n, n, |i, j| s.u[(i, j)] * s.scale[i]);
        let a = super::super::dense::complex(a.as_ref());
        (&a * &x - &x * &s.t).norm_l2() / a.norm_l2()
    }

    #[test]
    fn schur_form_reproduces_the_matrix_and_its_order_can_change() {
        for (n, seed) in [(1, 1), (2, 2), (3, 3), (7, 4), (20, 5), (61, 6), (110, 7)] {
            let a = random(n, seed);
            let mut s = Schur::new(a.as_ref()).unwrap();
            assert!(residual(&a, &s) <= 1e-13, "order {n}: {}", residual(&a, &s));
            let mut before = s.eigenvalues();
            let rank: Vec<usize> = before.iter().map(|e| usize::from(e.re >= 0.0)).collect();
            s.sort_by_rank(&rank);
            assert!(residual(&a, &s) <= 1e-13, "order {n}: {}", residual(&a, &s));
            let after = s.eigenvalues();
            let stable = rank.iter().filter(|r| **r == 0).count();
            assert!(
                after
                    .iter()
                    .enumerate()
                    .all(|(i, e)| (e.re < 0.0) == (i < stable))
            );
            // The same values, and each complex one beside its conjugate.
            for e in after {
                let at = before.iter().position(|b| *b == e).unwrap();
                before.remove(at);
            }
        }
    }

    #[test]
    fn block_basis_separates_the_blocks() {
        let a = random(9, 11);
        let s = Schur::new(a.as_ref()).unwrap();
        let sizes = [2, 1, 3, 3];
        let v = s.block_basis(&sizes);
        let mut expected = Mat::<Complex64>::zeros(9, 9);
        let mut start = 0;
        for size in sizes {
            for i in start..start + size {
                for j in start..start + size {
                    expected[(i, j)] = s.t[(i, j)];
                }
            }
            start += size;
        }
        let error = (&s.t * &v - &v * expected).norm_l2();
        assert!(error <= 1e-12 * s.t.norm_l2() * v.norm_l2(), "{error}");
    }
}
