//! Damped exponentials as a basis: inner products, projections of records and their synthesis.
//!
//! Inner products of damped exponentials, also with powers of the sample number, are geometric sums and cost
//! nothing; products with a record are exponential sums, done as in the forward transform by one small matrix
//! product. So one step of a fit costs a few operations a sample and pole, and no matrix of the record's length.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef, Par};
use num_complex::Complex64;
use std::f64::consts::PI;

use crate::laplace::phase::{Turns, decay};
use crate::laplace::wide::{Kernel, sum_squares, widest};

/// A pole per sample: a conjugate pair of a real record, or a single exponential (of a real record one that is real
/// at the samples: a real pole, or one at the Nyquist frequency, with imaginary part pi).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pole {
    /// Logarithm of the discrete pole; imaginary part in (0, pi) for a pair.
    pub(super) s: Complex64,
    /// Whether its conjugate goes with it.
    pub(super) pair: bool,
}

impl Pole {
    /// Whether it is a single pole at the Nyquist frequency, of a real record.
    pub(super) fn is_nyquist(self, real: bool) -> bool {
        real && !self.pair && self.s.im == PI
    }

    /// Degrees of freedom: 2 for a pair.
    pub(super) fn order(self) -> usize {
        if self.pair { 2 } else { 1 }
    }
}

/// The sample at which the envelope of a pole is 1: its largest.
pub(super) fn anchor(s: Complex64, n: usize) -> f64 {
    if s.re > 0.0 { (n - 1) as f64 } else { 0.0 }
}

/// Channels of one length, and the baseline (offset, slope) that is fitted beside their modes.
pub(super) struct Data {
    pub(super) n: usize,
    pub(super) real: bool,
    /// 0: none, 1: offset, 2: offset and slope.
    pub(super) baseline: usize,
    /// Real (and imaginary) parts of every channel, padded with zeros to `rows * cols`.
    channels: Vec<Vec<Vec<f64>>>,
    rows: usize,
    cols: usize,
    /// `sum_n (n/N)^p`
    power_sums: [f64; SERIES + 2],
}

impl Data {
    /// Channels as real parts, or as real and imaginary parts.
    pub(super) fn new(mut channels: Vec<Vec<Vec<f64>>>, n: usize, baseline: usize) -> Self {
        let real = channels.iter().all(|c| c.len() == 1);
        let rows = ((n as f64).sqrt().ceil() as usize).next_multiple_of(8);
        let cols = n.div_ceil(rows);
        for part in channels.iter_mut().flatten() {
            part.resize(rows * cols, 0.0);
        }
        Data {
            n,
            real,
            baseline,
            channels,
            rows,
            cols,
            power_sums: std::array::from_fn(|p| power_sum(p, n)),
        }
    }

    /// The same channels from sample `from` on.
    pub(super) fn window(&self, from: usize, n: usize) -> Self {
        let cut = |part: &Vec<f64>| part[from..from + n].to_vec();
        let channels = self
            .channels
            .iter()
            .map(|c| c.iter().map(cut).collect())
            .collect();
        Data::new(channels, n, self.baseline)
    }

    pub(super) fn channels(&self) -> usize {
        self.channels.len()
    }

    /// Sample `k` of a channel.
    pub(super) fn sample(&self, channel: usize, k: usize) -> Complex64 {
        let c = &self.channels[channel];
        Complex64::new(c[0][k], c.get(1).map_or(0.0, |im| im[k]))
    }

    /// Sum of squared magnitudes of a channel.
    pub(super) fn sum_squares(&self, channel: usize) -> f64 {
        self.channels[channel].iter().map(|v| sum_squares(v)).sum()
    }

    /// Multiplies every channel by its factor.
    pub(super) fn scale(&mut self, factors: &[f64]) {
        for (channel, factor) in self.channels.iter_mut().zip(factors) {
            for v in channel.iter_mut().flatten() {
                *v *= factor;
            }
        }
    }

    /// Real numbers in the data.
    pub(super) fn numbers(&self) -> usize {
        self.n * self.channels.len() * if self.real { 1 } else { 2 }
    }

    fn with(&self, channels: Vec<Vec<Vec<f64>>>) -> Self {
        Data { channels, ..*self }
    }
}

/// A column of the basis: `(nu - c)^power e^{s (n - anchor)}` with `nu = n/N`.
#[derive(Clone, Copy)]
struct Column {
    s: Complex64,
    anchor: f64,
    power: usize,
    /// Origin of the power, as a share of the record.
    c: f64,
}

/// The basis of some poles on a record, ready for projections.
pub(super) struct Basis {
    n: usize,
    rows: usize,
    poles: Vec<Pole>,
    anchors: Vec<f64>,
    baseline: usize,
    power_sums: [f64; SERIES + 2],
    /// Rows `2 k`, `2 k + 1`: real and imaginary part of `e^{s_k j}`, `j` below the row length.
    table: Mat<f64>,
    /// The same times `j/N`.
    weighted: Mat<f64>,
    /// `e^{s_k (rows c - anchor)}`
    starts: Mat<Complex64>,
}

/// Projections of one channel on every pole, and on the baseline.
pub(super) struct Projection {
    pub(super) plain: Vec<Complex64>,
    pub(super) baseline: Vec<Complex64>,
}

impl Basis {
    pub(super) fn new(data: &Data, poles: &[Pole]) -> Self {
        let (n, rows, cols) = (data.n, data.rows, data.cols);
        let k = poles.len();
        let mut table = Mat::zeros(2 * k, rows);
        let mut weighted = Mat::zeros(2 * k, rows);
        let mut starts = Mat::zeros(k, cols);
        let anchors: Vec<f64> = poles.iter().map(|p| anchor(p.s, n)).collect();
        for (i, pole) in poles.iter().enumerate() {
            let step = if pole.is_nyquist(data.real) {
                Turns::half()
            } else {
                Turns::of_product(pole.s.im, 1.0, 1.0)
            };
            let mut j = 0usize;
            decay(-pole.s.re, 0..rows, |size| {
                let z = step.times(j as u128).cis() * size;
                table[(2 * i, j)] = z.re;
                table[(2 * i + 1, j)] = z.im;
                let w = j as f64 / n as f64;
                weighted[(2 * i, j)] = w * z.re;
                weighted[(2 * i + 1, j)] = w * z.im;
                j += 1;
            });
            for c in 0..cols {
                let at = (rows * c) as f64;
                let phase = if anchors[i] == 0.0 {
                    step.times((rows * c) as u128)
                } else {
                    step.times((n - 1) as u128)
                        .negated()
                        .plus(step.times((rows * c) as u128))
                };
                starts[(i, c)] = phase.cis() * (pole.s.re * (at - anchors[i])).exp();
            }
        }
        Basis {
            n,
            rows,
            poles: poles.to_vec(),
            anchors,
            baseline: data.baseline,
            power_sums: data.power_sums,
            table,
            weighted,
            starts,
        }
    }

    /// `sum_n x_n conj(e^{s_k (n - anchor)})` for every pole of every channel, and the products with the baseline.
    pub(super) fn project(&self, data: &Data) -> Vec<Projection> {
        self.each(data, |parts| {
            let mut out = Projection {
                plain: vec![Complex64::default(); self.poles.len()],
                baseline: vec![Complex64::default(); self.baseline],
            };
            for (part, unit) in parts {
                let plain = self.times(&self.table, part);
                for (k, sum) in out.plain.iter_mut().enumerate() {
                    *sum += self.across(k, |c| plain(k, c)) * unit;
                }
                if let Some(offset) = out.baseline.first_mut() {
                    let [sum, slope] = widest(Baseline(part));
                    *offset += unit * sum;
                    if let Some(out) = out.baseline.get_mut(1) {
                        *out += unit * (slope / self.n as f64);
                    }
                }
            }
            out
        })
    }

    /// The same for every pole, weighted with `n/N`.
    pub(super) fn project_weighted(&self, data: &Data) -> Vec<Vec<Complex64>> {
        self.each(data, |parts| {
            let mut out = vec![Complex64::default(); self.poles.len()];
            for (part, unit) in parts {
                let plain = self.times(&self.table, part);
                let weighted = self.times(&self.weighted, part);
                for (k, sum) in out.iter_mut().enumerate() {
                    let at = |c: usize| (self.rows * c) as f64 / self.n as f64;
                    *sum += self.across(k, |c| plain(k, c) * at(c) + weighted(k, c)) * unit;
                }
            }
            out
        })
    }

    /// Something of every channel, from its real and imaginary parts.
    fn each<'d, U>(
        &self,
        data: &'d Data,
        of: impl Fn(&mut dyn Iterator<Item = (&'d [f64], Complex64)>) -> U,
    ) -> Vec<U> {
        let units = [Complex64::new(1.0, 0.0), Complex64::i()];
        data.channels
            .iter()
            .map(|channel| of(&mut channel.iter().map(Vec::as_slice).zip(units)))
            .collect()
    }

    /// The products of a table of powers, conjugate, with the columns of a part: of pole `k` and column `c`.
    fn times(&self, table: &Mat<f64>, part: &[f64]) -> impl Fn(usize, usize) -> Complex64 {
        let cols = self.starts.ncols();
        let mut out = Mat::<f64>::zeros(table.nrows(), cols);
        if table.nrows() > 0 {
            matmul(
                out.as_mut(),
                Accum::Replace,
                table.as_ref(),
                MatRef::from_column_major_slice(part, self.rows, cols),
                1.0,
                Par::Seq,
            );
        }
        move |k, c| Complex64::new(out[(2 * k, c)], -out[(2 * k + 1, c)])
    }

    /// The sum over the columns, each times where the exponential of pole `k` starts there.
    fn across(&self, k: usize, column: impl Fn(usize) -> Complex64) -> Complex64 {
        (0..self.starts.ncols())
            .map(|c| self.starts[(k, c)].conj() * column(c))
            .sum()
    }

    /// The data minus the model with these coefficients (poles, then baseline) of every channel.
    pub(super) fn residual(&self, data: &Data, coefficients: &[Vec<Complex64>]) -> Data {
        let cols = self.starts.ncols();
        let channels = data
            .channels
            .iter()
            .zip(coefficients)
            .map(|(channel, a)| {
                channel
                    .iter()
                    .enumerate()
                    .map(|(part, x)| {
                        let mut out = x.clone();
                        // Real part of w z: Re w Re z - Im w Im z; imaginary part: Im w Re z + Re w Im z.
                        let mut w = Mat::<f64>::zeros(self.table.nrows(), cols);
                        for (k, pole) in self.poles.iter().enumerate() {
                            let twice = if pole.pair { 2.0 } else { 1.0 };
                            for c in 0..cols {
                                let v = a[k] * self.starts[(k, c)] * twice;
                                let (u, v) = if part == 0 {
                                    (v.re, -v.im)
                                } else {
                                    (v.im, v.re)
                                };
                                w[(2 * k, c)] = u;
                                w[(2 * k + 1, c)] = v;
                            }
                        }
                        if w.nrows() > 0 {
                            let view = faer::MatMut::from_column_major_slice_mut(
                                &mut out, self.rows, cols,
                            );
                            matmul(
                                view,
                                Accum::Add,
                                self.table.transpose(),
                                w.as_ref(),
                                -1.0,
                                Par::Seq,
                            );
                        }
                        let base = |b: usize| {
                            a.get(self.poles.len() + b)
                                .map_or(0.0, |v| if part == 0 { v.re } else { v.im })
                        };
                        let (offset, slope) = (base(0), base(1) / self.n as f64);
                        if self.baseline > 0 {
                            for (k, v) in out.iter_mut().enumerate() {
                                *v -= offset + slope * k as f64;
                            }
                        }
                        // What stands in for samples after the record stays zero.
                        out[self.n..].fill(0.0);
                        out
                    })
                    .collect()
            })
            .collect();
        data.with(channels)
    }

    /// Columns of the model: every pole, the conjugates of pairs right after it, then the baseline.
    fn columns(&self) -> Vec<Column> {
        let mut out = Vec::new();
        for (pole, anchor) in self.poles.iter().zip(&self.anchors) {
            let column = Column {
                s: pole.s,
                anchor: *anchor,
                power: 0,
                c: 0.0,
            };
            out.push(column);
            if pole.pair {
                out.push(Column {
                    s: pole.s.conj(),
                    ..column
                });
            }
        }
        for power in 0..self.baseline {
            out.push(Column {
                s: Complex64::default(),
                anchor: 0.0,
                power,
                c: 0.0,
            });
        }
        out
    }

    /// Inner products of the model's columns.
    pub(super) fn products(&self) -> Mat<Complex64> {
        self.hermitian(&self.columns())
    }

    /// Inner products of the model's columns with the derivatives by the poles (times the record's length), and of
    /// the derivatives with themselves. Amplitudes of the derivatives are 1.
    pub(super) fn derivative_products(&self) -> (Mat<Complex64>, Mat<Complex64>) {
        let columns = self.columns();
        let m = columns.len();
        let moving = m - self.baseline;
        let slopes: Vec<Column> = columns[..moving]
            .iter()
            .map(|c| Column {
                power: 1,
                c: c.anchor / self.n as f64,
                ..*c
            })
            .collect();
        let mixed = Mat::from_fn(m, moving, |i, j| {
            inner(&columns[i], &slopes[j], self.n, &self.power_sums)
        });
        (mixed, self.hermitian(&slopes))
    }

    fn hermitian(&self, list: &[Column]) -> Mat<Complex64> {
        let mut out = Mat::zeros(list.len(), list.len());
        for j in 0..list.len() {
            for i in 0..=j {
                let v = inner(&list[i], &list[j], self.n, &self.power_sums);
                out[(i, j)] = v;
                out[(j, i)] = v.conj();
            }
        }
        out
    }
}

/// `sum_n conj(a_n) b_n` of two columns.
fn inner(a: &Column, b: &Column, n: usize, sums: &[f64; SERIES + 2]) -> Complex64 {
    let lambda = a.s.conj() + b.s;
    let shift = -(a.s.conj() * a.anchor) - b.s * b.anchor;
    let [m0, m1, m2] = moments(lambda, shift, n, sums);
    match (a.power, b.power) {
        (0, 0) => m0,
        (1, 0) => m1 - m0 * a.c,
        (0, 1) => m1 - m0 * b.c,
        _ => m2 - m1 * (a.c + b.c) + m0 * (a.c * b.c),
    }
}

/// `sum_n x_n` and `sum_n n x_n`.
struct Baseline<'a>(&'a [f64]);

impl Kernel for Baseline<'_> {
    type Output = [f64; 2];

    #[inline(always)]
    fn run(self) -> [f64; 2] {
        const SUMS: usize = 16;
        // Within a chunk by place, so that a product a chunk is left for the slope.
        let (mut sums, mut chunks_sums) = ([0.0; SUMS], [0.0; SUMS]);
        let (chunks, rest) = self.0.as_chunks::<SUMS>();
        for (c, chunk) in chunks.iter().enumerate() {
            let at = c as f64;
            for j in 0..SUMS {
                sums[j] += chunk[j];
                chunks_sums[j] += at * chunk[j];
            }
        }
        let mut out = [0.0; 2];
        for j in 0..SUMS {
            out[0] += sums[j];
            out[1] += SUMS as f64 * chunks_sums[j] + j as f64 * sums[j];
        }
        for (j, v) in rest.iter().enumerate() {
            out[0] += v;
            out[1] += (chunks.len() * SUMS + j) as f64 * v;
        }
        out
    }
}

/// Terms of the series for small exponents.
const SERIES: usize = 20;

/// `sum_{n<N} (n/N)^m e^{lambda n + shift}`, `m = 0, 1, 2`.
fn moments(
    lambda: Complex64,
    shift: Complex64,
    n: usize,
    sums: &[f64; SERIES + 2],
) -> [Complex64; 3] {
    let size = n as f64;
    // The sample number is whole: turns of the exponent do not count, and the series below wants small ones.
    let tau = std::f64::consts::TAU;
    let lambda = Complex64::new(lambda.re, lambda.im - tau * (lambda.im / tau).round());
    if lambda.re > 0.0 {
        // Backwards in time, so that every exponential falls.
        let [b0, b1, b2] = moments(-lambda, shift + lambda * (size - 1.0), n, sums);
        let r = (size - 1.0) / size;
        return [b0, b0 * r - b1, b0 * (r * r) - b1 * (2.0 * r) + b2];
    }
    let factor = shift.exp();
    let tau = lambda * size;
    if tau.norm_sqr() < 1.0 {
        // sum_j tau^j/j! sum_n (n/N)^{m+j}
        let mut out = [Complex64::default(); 3];
        let mut term = factor;
        for j in 0..SERIES {
            for (m, out) in out.iter_mut().enumerate() {
                *out += term * sums[m + j];
            }
            term *= tau / (j + 1) as f64;
        }
        return out;
    }
    let u = lambda.exp();
    let last = tau.exp();
    let one = Complex64::new(1.0, 0.0);
    let inverse = one / one_minus_exp(lambda);
    let s0 = (one - last) * inverse;
    let s1 = (s0 - 1.0 - last * (size - 1.0)) * inverse;
    let s2 = (s1 * 2.0 - s0 + 1.0 - last * (size - 1.0).powi(2)) * inverse;
    debug_assert!(u.norm() <= 1.0 + 1e-12);
    [s0 * factor, s1 * factor / size, s2 * factor / (size * size)]
}

/// `1 - e^lambda` without cancellation.
fn one_minus_exp(lambda: Complex64) -> Complex64 {
    let (sin, _) = (lambda.im / 2.0).sin_cos();
    let e = lambda.re.exp();
    Complex64::new(
        -lambda.re.exp_m1() + 2.0 * e * sin * sin,
        -e * lambda.im.sin(),
    )
}

/// `sum_{n<N} (n/N)^p`: by hand for short records, else by the Euler-Maclaurin formula (Abramowitz and Stegun,
/// 23.1.30), whose terms fall by `(p/(2 pi N))^2`.
fn power_sum(p: usize, n: usize) -> f64 {
    let size = n as f64;
    if n <= 1024 {
        return (0..n).map(|k| (k as f64 / size).powi(p as i32)).sum();
    }
    if p == 0 {
        return size;
    }
    // The derivative of order d at N; at 0 it is the same where d = p, and 0 elsewhere.
    let derivative = |d: usize| {
        if d >= p {
            return 0.0;
        }
        (0..d).fold(1.0, |product, i| product * (p - i) as f64 / size)
    };
    size / (p + 1) as f64 - 0.5 + derivative(1) / 12.0 - derivative(3) / 720.0
        + derivative(5) / 30_240.0
}

#[cfg(test)]
#[path = "exponentials_tests.rs"]
mod tests;
