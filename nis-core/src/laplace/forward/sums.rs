//! Exponential sums at arbitrary `s`.
//!
//! With `n = a B + b` the sum splits into `sum_a z^{aB} sum_b z^b x[aB + b]`: the inner sums of all `s` are one
//! product of a real matrix (the samples, where they lie) with a table of powers, two fused operations a term.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use num_complex::Complex64;

use super::Sample;
use super::share::share;
use crate::error::Result;
use crate::laplace::phase::Turns;
use crate::laplace::wide::{Kernel, widest};
use crate::telemetry::Progress;

/// Points that are worked on together. Neither it nor [`Split`] depends on the number of threads, so neither do the
/// sums.
const CHUNK: usize = 64;

/// Pieces of work that there are at least, where the record is long enough: few points are shared by threads too.
const PIECES: usize = 4;

/// Terms of one piece at most, some 10 ms: between pieces the work can be stopped.
const PIECE_TERMS: usize = 1 << 27;

/// Columns of samples in one product: as they lie, and converted.
const COLUMNS: [usize; 2] = [256, 64];

/// How a record is cut: columns of `rows` samples, of which a piece of work takes `step`.
#[derive(Clone, Copy)]
struct Split {
    rows: usize,
    cols: usize,
    step: usize,
}

impl Split {
    fn new(samples: usize, points: usize) -> Self {
        let rows = ((samples as f64).sqrt().ceil() as usize)
            .next_multiple_of(8)
            .min(samples);
        let cols = samples.div_ceil(rows);
        let chunks = points.div_ceil(CHUNK).max(1);
        let pieces = PIECES
            .div_ceil(chunks)
            .max(samples.saturating_mul(points.min(CHUNK)) / PIECE_TERMS);
        // Pieces of a few columns would spend their time on tables.
        let step = cols.div_ceil(pieces).max(COLUMNS[1]);
        Split { rows, cols, step }
    }
}

/// `out_k = sum_n x_n e^{-s_k n dt}`.
pub(super) fn sums<T: Sample>(
    x: &[T],
    dt: f64,
    s: &[Complex64],
    out: &mut [Complex64],
    threads: usize,
    progress: &Progress<'_>,
) -> Result<()> {
    let split = Split::new(x.len(), s.len());
    let mut parts: Vec<Part> = (0..s.len().div_ceil(CHUNK))
        .flat_map(|chunk| {
            (0..split.cols).step_by(split.step).map(move |from| Part {
                chunk,
                from,
                sums: Vec::new(),
            })
        })
        .collect();
    let total = parts.len();
    let threads = threads.clamp(1, total.max(1));
    share(
        threads,
        parts.iter_mut(),
        total,
        "sums",
        progress,
        |part, tick| {
            let s = s.chunks(CHUNK).nth(part.chunk).unwrap_or_default();
            part.sums = piece(x, dt, s, split, part.from);
            tick()
        },
    )?;
    out.fill(Complex64::default());
    for part in &parts {
        if let Some(out) = out.chunks_mut(CHUNK).nth(part.chunk) {
            out.iter_mut().zip(&part.sums).for_each(|(o, v)| *o += v);
        }
    }
    Ok(())
}

/// A piece of work: the sums of a chunk of points over the columns from `from` on.
struct Part {
    chunk: usize,
    from: usize,
    sums: Vec<Complex64>,
}

/// The sums of a few points over `split.step` columns from column `from` on.
fn piece<T: Sample>(
    x: &[T],
    dt: f64,
    s: &[Complex64],
    split: Split,
    from: usize,
) -> Vec<Complex64> {
    let Split { rows, cols, step } = split;
    let k = s.len();
    let within = Powers::new(s, dt, 1, rows);
    let mut table = vec![0.0; 2 * k * rows];
    widest(Fill(&within, &mut table));
    let table = MatRef::from_column_major_slice(&table, 2 * k, rows);
    let across = Powers::new(s, dt, rows, cols);
    let mut total = vec![Complex64::default(); k];
    let mut converted = Vec::new();
    for imaginary in [false, true] {
        if imaginary && !T::COMPLEX {
            break;
        }
        let mut sums = vec![0.0; 2 * k];
        let mut column = from;
        let end = (from + step).min(cols);
        let width = COLUMNS[usize::from(T::as_f64(x).is_none())];
        let mut inner = vec![0.0; 2 * k * width];
        while column < end {
            let count = width.min(end - column);
            let range = column * rows..((column + count) * rows).min(x.len());
            let values = match T::as_f64(x) {
                Some(x) => &x[range],
                None => {
                    converted.clear();
                    if imaginary {
                        converted.extend(x[range].iter().map(|v| v.im()));
                    } else {
                        converted.extend(x[range].iter().map(|v| v.re()));
                    }
                    &converted[..]
                }
            };
            // The last column may be a part of one, which meets the first rows of the table only.
            let (whole, rest) = values.split_at(values.len() / rows * rows);
            let inner = &mut inner[..2 * k * count];
            let (full, last) = inner.split_at_mut(2 * k * (whole.len() / rows));
            for (inner, values, rows) in [(full, whole, rows), (last, rest, rest.len())] {
                if values.is_empty() {
                    continue;
                }
                let columns = values.len() / rows;
                matmul(
                    MatMut::from_column_major_slice_mut(inner, 2 * k, columns),
                    Accum::Replace,
                    table.subcols(0, rows),
                    MatRef::from_column_major_slice(values, rows, columns),
                    1.0,
                    Par::Seq,
                );
            }
            widest(Accumulate {
                powers: &across,
                from: column,
                inner,
                sums: &mut sums,
            });
            column += count;
        }
        let (re, im) = sums.split_at(k);
        for ((total, re), im) in total.iter_mut().zip(re).zip(im) {
            *total += if imaginary {
                Complex64::new(-im, *re)
            } else {
                Complex64::new(*re, *im)
            };
        }
    }
    total
}

/// Powers between two exact exponentials.
const STRIDE: usize = 32;

/// `e^{-s_k m step dt}` for `m` below some count, as products of two exact exponentials each. Lists of real parts
/// of all points, then of their imaginary parts.
struct Powers {
    points: usize,
    /// `m` below [`STRIDE`].
    near: Vec<f64>,
    /// Multiples of it.
    far: Vec<f64>,
}

impl Powers {
    fn new(s: &[Complex64], dt: f64, step: usize, count: usize) -> Self {
        let points = s.len();
        let list = |count: usize, step: usize| {
            let mut out = vec![0.0; 2 * points * count];
            for (k, s) in s.iter().enumerate() {
                let turn = Turns::of_product(s.im, dt, 1.0)
                    .times(step as u128)
                    .negated();
                let mut phase = Turns::default();
                for (m, list) in out.chunks_exact_mut(2 * points).enumerate() {
                    let z = phase.cis() * size(s.re * dt, m * step);
                    list[k] = z.re;
                    list[points + k] = z.im;
                    phase = phase.plus(turn);
                }
            }
            out
        };
        Powers {
            points,
            near: list(count.min(STRIDE), step),
            far: list(count.div_ceil(STRIDE), step * STRIDE),
        }
    }

    /// The two factors of power `m`: real and imaginary parts of the near one, then of the far one.
    #[inline(always)]
    fn factors(&self, m: usize) -> [&[f64]; 4] {
        let wide = 2 * self.points;
        let near = &self.near[m % STRIDE * wide..][..wide];
        let far = &self.far[m / STRIDE * wide..][..wide];
        let (near_re, near_im) = near.split_at(self.points);
        let (far_re, far_im) = far.split_at(self.points);
        [near_re, near_im, far_re, far_im]
    }
}

/// `e^{-a n}`
fn size(a: f64, n: usize) -> f64 {
    if a == 0.0 { 1.0 } else { (-a * n as f64).exp() }
}

/// Fills a table whose columns are the powers in turn.
struct Fill<'a>(&'a Powers, &'a mut [f64]);

impl Kernel for Fill<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Fill(powers, table) = self;
        let k = powers.points;
        for (m, column) in table.chunks_exact_mut(2 * k).enumerate() {
            let [nr, ni, fr, fi] = powers.factors(m);
            let (re, im) = column.split_at_mut(k);
            for i in 0..k {
                re[i] = nr[i] * fr[i] - ni[i] * fi[i];
                im[i] = nr[i] * fi[i] + ni[i] * fr[i];
            }
        }
    }
}

/// Adds columns of inner sums, times the powers from `from` on.
struct Accumulate<'a> {
    powers: &'a Powers,
    from: usize,
    inner: &'a [f64],
    sums: &'a mut [f64],
}

impl Kernel for Accumulate<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let k = self.powers.points;
        let (sum_re, sum_im) = self.sums.split_at_mut(k);
        let sum_im = &mut sum_im[..k];
        for (a, column) in self.inner.chunks_exact(2 * k).enumerate() {
            let [nr, ni, fr, fi] = self.powers.factors(self.from + a);
            let (re, im) = column.split_at(k);
            for i in 0..k {
                let zr = nr[i] * fr[i] - ni[i] * fi[i];
                let zi = nr[i] * fi[i] + ni[i] * fr[i];
                sum_re[i] += re[i] * zr - im[i] * zi;
                sum_im[i] += re[i] * zi + im[i] * zr;
            }
        }
    }
}
