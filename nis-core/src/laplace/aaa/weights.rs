//! The samples of an approximation and the weights that fit them: the Loewner matrix and its singular vector.

use std::collections::HashSet;

use faer::{Mat, MatRef};
use num_complex::Complex64;

use super::Barycentric;
use crate::error::{Error, Result};

const HALF_ROOT: f64 = std::f64::consts::FRAC_1_SQRT_2;

/// An imaginary part below this share of a function's largest sample is rounding.
const REAL: f64 = 1e-10;

/// Distinct samples; for symmetric functions folded into the upper half plane.
pub(super) struct Samples {
    s: Vec<Complex64>,
    /// Function by function.
    f: Vec<Vec<Complex64>>,
    /// Largest sample of each function; 1 for a function that is 0.
    scale: Vec<f64>,
    conjugate: bool,
}

impl Samples {
    pub(super) fn new(
        s: &[Complex64],
        functions: &[&[Complex64]],
        conjugate: bool,
    ) -> Result<Self> {
        let scale: Vec<f64> = functions
            .iter()
            .map(|f| f.iter().fold(0.0f64, |a, v| a.max(v.norm())))
            .map(|v| if v > 0.0 { v } else { 1.0 })
            .collect();
        if let Some(k) = scale.iter().position(|v| !v.is_finite()) {
            return Err(Error::invalid(
                format!("functions[{k}]"),
                "values whose modulus overflows",
                "values below 1e308",
            ));
        }
        let mut seen = HashSet::new();
        let mut kept = Vec::new();
        let mut points = Vec::new();
        for (i, s) in s.iter().enumerate() {
            let folded = if conjugate && s.im < 0.0 {
                s.conj()
            } else {
                *s
            };
            // 0.0 + turns -0.0 into 0.0, which is the same point.
            let key = ((0.0 + folded.re).to_bits(), (0.0 + folded.im).to_bits());
            if seen.insert(key) {
                kept.push(i);
                points.push(folded);
            } else if folded == *s || !conjugate {
                return Err(Error::invalid(format!("s[{i}]"), s, "distinct points"));
            }
        }
        let mut f = Vec::with_capacity(functions.len());
        for (k, values) in functions.iter().enumerate() {
            let mut column = Vec::with_capacity(kept.len());
            for &i in &kept {
                let mut v = values[i];
                if conjugate && s[i].im < 0.0 {
                    v = v.conj();
                } else if conjugate && s[i].im == 0.0 {
                    if v.im.abs() > REAL * scale[k] {
                        return Err(Error::invalid(
                            format!("functions[{k}][{i}]"),
                            v,
                            "a real value at a real point, or `conjugate` off",
                        ));
                    }
                    v.im = 0.0;
                }
                column.push(v);
            }
            f.push(column);
        }
        Ok(Samples {
            s: points,
            f,
            scale,
            conjugate,
        })
    }

    pub(super) fn len(&self) -> usize {
        self.s.len()
    }

    /// Whether a sample stands for two: itself and its conjugate.
    fn paired(&self, i: usize) -> bool {
        self.conjugate && self.s[i].im != 0.0
    }

    /// Support points that these samples make.
    pub(super) fn unknowns(&self, nodes: &[usize]) -> usize {
        nodes
            .iter()
            .map(|&i| if self.paired(i) { 2 } else { 1 })
            .sum()
    }

    /// The constants that the search starts from: the mean of each function, as a rational function of degree 0.
    pub(super) fn constant(&self) -> Barycentric {
        let n = self.len() as f64;
        let means: Vec<Complex64> = self
            .f
            .iter()
            .map(|f| {
                let mean = f.iter().map(|v| v / n).sum::<Complex64>();
                if self.conjugate {
                    Complex64::new(mean.re, 0.0)
                } else {
                    mean
                }
            })
            .collect();
        let mut model = Barycentric {
            // Any point will do: the one support point cancels.
            support: vec![Complex64::new(-1.0, 0.0)],
            weights: vec![Complex64::new(1.0, 0.0)],
            values: means.iter().map(|m| vec![*m]).collect(),
            conjugate: self.conjugate,
            error: 0.0,
            removed: 0,
            doublets: Vec::new(),
        };
        model.error = self.errors(&model, &[]).into_iter().fold(0.0, nan_max);
        model
    }

    /// The error at each sample, the largest over the functions; 0 at the support.
    fn errors(&self, model: &Barycentric, nodes: &[usize]) -> Vec<f64> {
        let taken: HashSet<usize> = nodes.iter().copied().collect();
        (0..self.len())
            .map(|i| {
                if taken.contains(&i) {
                    return 0.0;
                }
                let r = model.evaluate(self.s[i]);
                r.iter()
                    .zip(&self.f)
                    .zip(&self.scale)
                    .map(|((r, f), scale)| (r - f[i]).norm() / scale)
                    .fold(0.0, nan_max)
            })
            .collect()
    }

    /// The sample of the largest error; `None` where all are taken.
    pub(super) fn worst(&self, model: &Barycentric, nodes: &[usize]) -> Option<usize> {
        let errors = self.errors(model, nodes);
        let free = (0..self.len()).filter(|i| !nodes.contains(i));
        free.max_by(|&a, &b| errors[a].total_cmp(&errors[b]))
    }

    /// Place in `nodes` of the support point nearest to `pole`.
    pub(super) fn nearest(&self, nodes: &[usize], pole: Complex64) -> Option<usize> {
        let distance = |at: &usize| (self.s[nodes[*at]] - pole).norm();
        (0..nodes.len()).min_by(|a, b| distance(a).total_cmp(&distance(b)))
    }

    /// The model with these support points.
    pub(super) fn solve(&self, nodes: &[usize]) -> Result<Barycentric> {
        let mut support = Vec::new();
        let mut values = vec![Vec::new(); self.f.len()];
        for &i in nodes {
            support.push(self.s[i]);
            for (out, f) in values.iter_mut().zip(&self.f) {
                out.push(f[i]);
            }
            if self.paired(i) {
                support.push(self.s[i].conj());
                for (out, f) in values.iter_mut().zip(&self.f) {
                    out.push(f[i].conj());
                }
            }
        }
        let weights = if self.conjugate {
            self.symmetric_weights(nodes)?
        } else {
            self.weights(nodes)?
        };
        let mut model = Barycentric {
            support,
            weights,
            values,
            conjugate: self.conjugate,
            error: 0.0,
            removed: 0,
            doublets: Vec::new(),
        };
        model.error = self.errors(&model, nodes).into_iter().fold(0.0, nan_max);
        Ok(model)
    }

    fn free(&self, nodes: &[usize]) -> Vec<usize> {
        let taken: HashSet<usize> = nodes.iter().copied().collect();
        (0..self.len()).filter(|i| !taken.contains(i)).collect()
    }

    /// `(F_i - f_j)/(s_i - z_j)` over the function's scale.
    fn loewner(&self, k: usize, i: usize, z: Complex64, f: Complex64) -> Complex64 {
        (self.f[k][i] - f) / self.scale[k] / (self.s[i] - z)
    }

    fn weights(&self, nodes: &[usize]) -> Result<Vec<Complex64>> {
        let free = self.free(nodes);
        let rows = free.len() * self.f.len();
        let matrix = Mat::from_fn(rows.max(nodes.len()), nodes.len(), |row, j| {
            if row >= rows {
                return Complex64::default();
            }
            let (k, i) = (row / free.len(), free[row % free.len()]);
            self.loewner(k, i, self.s[nodes[j]], self.f[k][nodes[j]])
        });
        let r = matrix.qr().thin_R().to_owned();
        let svd = r.thin_svd().map_err(|_| no_convergence())?;
        let v = svd.V();
        let last = nodes.len() - 1;
        Ok((0..nodes.len()).map(|j| v[(j, last)]).collect())
    }

    /// Weights with `w(conj z) = conj w(z)`. With `w = (a + ib)/sqrt 2` on a pair, the equations at a sample and
    /// at its conjugate are the real and the imaginary part of one, and the unknowns `a`, `b` are real.
    fn symmetric_weights(&self, nodes: &[usize]) -> Result<Vec<Complex64>> {
        let free = self.free(nodes);
        let columns = self.unknowns(nodes);
        let per_function: usize = free.iter().map(|&i| 1 + usize::from(self.paired(i))).sum();
        let rows = (per_function * self.f.len()).max(columns);
        let mut matrix = Mat::<f64>::zeros(rows, columns);
        let mut row = 0;
        for (k, f) in self.f.iter().enumerate() {
            for &i in &free {
                let mut column = 0;
                let mut put = |column: usize, v: Complex64| {
                    if self.paired(i) {
                        // A pair of samples counts as two.
                        matrix[(row, column)] = v.re / HALF_ROOT;
                        matrix[(row + 1, column)] = v.im / HALF_ROOT;
                    } else {
                        matrix[(row, column)] = v.re;
                    }
                };
                for &node in nodes {
                    let (z, value) = (self.s[node], f[node]);
                    let one = self.loewner(k, i, z, value);
                    if self.paired(node) {
                        let other = self.loewner(k, i, z.conj(), value.conj());
                        put(column, (one + other) * HALF_ROOT);
                        put(column + 1, (one - other) * Complex64::new(0.0, HALF_ROOT));
                        column += 2;
                    } else {
                        put(column, one);
                        column += 1;
                    }
                }
                row += 1 + usize::from(self.paired(i));
            }
        }
        let v = smallest_vector(matrix.as_ref())?;
        let mut weights = Vec::with_capacity(columns);
        let mut at = 0;
        for &node in nodes {
            if self.paired(node) {
                let w = Complex64::new(v[at], v[at + 1]) * HALF_ROOT;
                weights.extend([w, w.conj()]);
                at += 2;
            } else {
                weights.push(Complex64::new(v[at], 0.0));
                at += 1;
            }
        }
        Ok(weights)
    }

    /// Poles whose residue is negligible for every function; of a conjugate pair the upper one alone.
    pub(super) fn doublets(&self, model: &Barycentric, tolerance: f64) -> Result<Vec<Complex64>> {
        let poles = model.all_poles()?;
        let residues = model.residues(&poles);
        let negligible = |pole: &Complex64, residues: &[Complex64]| {
            let distance = self.s.iter().fold(f64::INFINITY, |a, s| {
                let d = (s - pole).norm();
                if self.conjugate {
                    a.min(d).min((s.conj() - pole).norm())
                } else {
                    a.min(d)
                }
            });
            residues
                .iter()
                .zip(&self.scale)
                .all(|(r, scale)| r.norm() <= tolerance * scale * distance)
        };
        Ok(poles
            .iter()
            .zip(&residues)
            .filter(|(p, r)| !(self.conjugate && p.im < 0.0) && negligible(p, r))
            .map(|(p, _)| *p)
            .collect())
    }
}

/// Right singular vector of the smallest singular value of a matrix with at least as many rows as columns.
fn smallest_vector(matrix: MatRef<'_, f64>) -> Result<Vec<f64>> {
    let n = matrix.ncols();
    let r = matrix.qr().thin_R().to_owned();
    let svd = r.thin_svd().map_err(|_| no_convergence())?;
    let v = svd.V();
    Ok((0..n).map(|j| v[(j, n - 1)]).collect())
}

fn no_convergence() -> Error {
    Error::numerical(
        "AAA",
        "the singular values of the Loewner matrix did not converge",
    )
}

/// The larger of two, NaN if either is.
fn nan_max(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() {
        f64::NAN
    } else {
        a.max(b)
    }
}
