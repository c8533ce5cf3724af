//! The samples of an approximation and the weights that fit them: the Loewner matrix and its singular vector.

use std::collections::HashSet;

use faer::Mat;
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

/// A support point: the place of its sample, and `1/(s_i - z)` for every sample `s_i`, for its conjugate too where
/// it stands for both. Made once per point, since every later step needs them again.
pub(super) struct Node {
    at: usize,
    cauchy: Vec<Complex64>,
    mirrored: Vec<Complex64>,
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

    /// The sample as a support point.
    pub(super) fn node(&self, at: usize) -> Node {
        let column = |z: Complex64| self.s.iter().map(|s| (s - z).inv()).collect();
        let z = self.s[at];
        Node {
            at,
            cauchy: column(z),
            mirrored: if self.paired(at) {
                column(z.conj())
            } else {
                Vec::new()
            },
        }
    }

    /// Support points that these samples make.
    pub(super) fn unknowns(&self, nodes: &[Node]) -> usize {
        nodes
            .iter()
            .map(|n| if self.paired(n.at) { 2 } else { 1 })
            .sum()
    }

    /// The constants that the search starts from: the mean of each function, as a rational function of degree 0; and
    /// the error at each sample.
    pub(super) fn constant(&self) -> (Barycentric, Vec<f64>) {
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
            known: None,
        };
        let errors = self.errors(&model, &[]);
        model.error = errors.iter().copied().fold(0.0, nan_max);
        (model, errors)
    }

    /// Which samples are support points.
    fn taken(&self, nodes: &[Node]) -> Vec<bool> {
        let mut taken = vec![false; self.len()];
        for node in nodes {
            taken[node.at] = true;
        }
        taken
    }

    /// The error at each sample, the largest over the functions; 0 at the support. Without nodes the model is
    /// the constant.
    fn errors(&self, model: &Barycentric, nodes: &[Node]) -> Vec<f64> {
        let columns: Vec<&[Complex64]> = nodes
            .iter()
            .flat_map(|n| [n.cauchy.as_slice(), n.mirrored.as_slice()])
            .filter(|c| !c.is_empty())
            .collect();
        let taken = self.taken(nodes);
        (0..self.len())
            .map(|i| {
                if taken[i] {
                    return 0.0;
                }
                let mut bottom = Complex64::default();
                for (column, w) in columns.iter().zip(&model.weights) {
                    bottom += w * column[i];
                }
                if nodes.is_empty() {
                    bottom = Complex64::new(1.0, 0.0);
                }
                let mut worst = 0.0;
                for ((values, f), scale) in model.values.iter().zip(&self.f).zip(&self.scale) {
                    let mut top = Complex64::default();
                    for ((column, w), v) in columns.iter().zip(&model.weights).zip(values) {
                        top += w * column[i] * v;
                    }
                    if nodes.is_empty() {
                        top = values.first().copied().unwrap_or_default();
                    }
                    worst = nan_max(worst, size((top / bottom - f[i]) / scale));
                }
                worst
            })
            .collect()
    }

    /// The sample of the largest error; `None` where all are taken.
    pub(super) fn worst(&self, errors: &[f64], nodes: &[Node]) -> Option<usize> {
        let taken = self.taken(nodes);
        let free = (0..self.len()).filter(|i| !taken[*i]);
        free.max_by(|&a, &b| errors[a].total_cmp(&errors[b]))
    }

    /// Place in `nodes` of the support point nearest to `pole`.
    pub(super) fn nearest(&self, nodes: &[Node], pole: Complex64) -> Option<usize> {
        let distance = |at: &usize| (self.s[nodes[*at].at] - pole).norm();
        (0..nodes.len()).min_by(|a, b| distance(a).total_cmp(&distance(b)))
    }

    /// The model with these support points, and its error at each sample.
    pub(super) fn solve(&self, nodes: &[Node]) -> Result<(Barycentric, Vec<f64>)> {
        let mut support = Vec::new();
        let mut values = vec![Vec::new(); self.f.len()];
        for node in nodes {
            let i = node.at;
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
            known: None,
        };
        let errors = self.errors(&model, nodes);
        model.error = errors.iter().copied().fold(0.0, nan_max);
        Ok((model, errors))
    }

    fn free(&self, nodes: &[Node]) -> Vec<usize> {
        let taken = self.taken(nodes);
        (0..self.len()).filter(|i| !taken[*i]).collect()
    }

    /// `F_i - f_j` over the function's scale: times `1/(s_i - z_j)` an entry of the Loewner matrix.
    fn step(&self, k: usize, i: usize, f: Complex64) -> Complex64 {
        (self.f[k][i] - f) / self.scale[k]
    }

    fn weights(&self, nodes: &[Node]) -> Result<Vec<Complex64>> {
        let free = self.free(nodes);
        let rows = free.len() * self.f.len();
        let matrix = Mat::from_fn(rows.max(nodes.len()), nodes.len(), |row, j| {
            if row >= rows {
                return Complex64::default();
            }
            let (k, i) = (row / free.len(), free[row % free.len()]);
            self.step(k, i, self.f[k][nodes[j].at]) * nodes[j].cauchy[i]
        });
        let r = matrix.qr().thin_R().to_owned();
        let svd = r.thin_svd().map_err(|_| no_convergence())?;
        let v = svd.V();
        let last = nodes.len() - 1;
        Ok((0..nodes.len()).map(|j| v[(j, last)]).collect())
    }

    /// Weights with `w(conj z) = conj w(z)`. With `w = (a + ib)/sqrt 2` on a pair, the equations at a sample and
    /// at its conjugate are the real and the imaginary part of one, and the unknowns `a`, `b` are real.
    fn symmetric_weights(&self, nodes: &[Node]) -> Result<Vec<Complex64>> {
        let free = self.free(nodes);
        let columns = self.unknowns(nodes);
        let per_function: usize = free.iter().map(|&i| 1 + usize::from(self.paired(i))).sum();
        let rows = (per_function * self.f.len()).max(columns);
        let mut matrix = Mat::<f64>::zeros(rows, columns);
        let mut column = 0;
        for node in nodes {
            let mut row = 0;
            let pair = self.paired(node.at);
            for (k, f) in self.f.iter().enumerate() {
                let value = f[node.at];
                for &i in &free {
                    let two = self.paired(i);
                    let mut put = |column: usize, v: Complex64| {
                        if two {
                            // A pair of samples counts as two.
                            matrix[(row, column)] = v.re / HALF_ROOT;
                            matrix[(row + 1, column)] = v.im / HALF_ROOT;
                        } else {
                            matrix[(row, column)] = v.re;
                        }
                    };
                    let one = self.step(k, i, value) * node.cauchy[i];
                    if pair {
                        let other = self.step(k, i, value.conj()) * node.mirrored[i];
                        put(column, (one + other) * HALF_ROOT);
                        put(column + 1, (one - other) * Complex64::new(0.0, HALF_ROOT));
                    } else {
                        put(column, one);
                    }
                    row += 1 + usize::from(two);
                }
            }
            column += 1 + usize::from(pair);
        }
        let v = smallest_vector(&matrix)?;
        let mut weights = Vec::with_capacity(columns);
        let mut at = 0;
        for node in nodes {
            if self.paired(node.at) {
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
    pub(super) fn doublets(
        &self,
        model: &mut Barycentric,
        tolerance: f64,
    ) -> Result<Vec<Complex64>> {
        let poles = model.all_poles()?;
        model.known = Some(poles.clone());
        let residues = model.residues(&poles);
        let negligible = |pole: &Complex64, residues: &[Complex64]| {
            let nearest = self.s.iter().fold(f64::INFINITY, |a, s| {
                let d = (s - pole).norm_sqr();
                if self.conjugate {
                    a.min(d).min((s.conj() - pole).norm_sqr())
                } else {
                    a.min(d)
                }
            });
            let distance = nearest.sqrt();
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

/// Right singular vector of the smallest singular value of a matrix with at least as many rows as columns, by
/// inverse iteration on its triangular factor. Where the smallest values hardly differ the vector is one of the
/// plane that belongs to them, which fits as well.
fn smallest_vector(matrix: &Mat<f64>) -> Result<Vec<f64>> {
    const ROUNDS: usize = 8;
    const SETTLED: f64 = 1e-12;
    let n = matrix.ncols();
    let mut r = matrix.qr().thin_R().to_owned();
    let largest = (0..n).fold(0.0, |a, i| nan_max(a, r[(i, i)].abs()));
    let by_decomposition = |r: &Mat<f64>| {
        let svd = r.thin_svd().map_err(|_| no_convergence())?;
        let v = svd.V();
        Ok((0..n).map(|j| v[(j, n - 1)]).collect())
    };
    if !largest.is_finite() || largest < f64::MIN_POSITIVE {
        return by_decomposition(&r);
    }
    r *= faer::Scale(1.0 / largest);
    let least = 1e-2 * f64::EPSILON;
    for i in 0..n {
        if r[(i, i)].abs() < least {
            r[(i, i)] = least.copysign(r[(i, i)]);
        }
    }
    let normalised = |v: &mut Mat<f64>| {
        let norm = v.norm_l2();
        *v *= faer::Scale(1.0 / norm);
        norm.is_finite() && norm > 0.0
    };
    let mut v = Mat::<f64>::zeros(n, 1);
    v[(n - 1, 0)] = 1.0;
    r.solve_upper_triangular_in_place(&mut v);
    let mut sound = normalised(&mut v);
    for _ in 0..ROUNDS {
        let before = v.clone();
        r.transpose().solve_lower_triangular_in_place(&mut v);
        sound &= normalised(&mut v);
        r.solve_upper_triangular_in_place(&mut v);
        sound &= normalised(&mut v);
        let change = (0..n).fold(0.0, |a, i| {
            nan_max(a, (v[(i, 0)].abs() - before[(i, 0)].abs()).abs())
        });
        if change <= SETTLED {
            break;
        }
    }
    if !sound {
        return by_decomposition(&r);
    }
    Ok((0..n).map(|j| v[(j, 0)]).collect())
}

/// `|v|` without the care for values near overflow, which are divided by their scale before.
fn size(v: Complex64) -> f64 {
    v.norm_sqr().sqrt()
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
