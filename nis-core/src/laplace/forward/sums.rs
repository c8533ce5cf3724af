//! Exponential sums at arbitrary `s`.
//!
//! With `n = a B + b` the sum splits into `sum_a z^{aB} sum_b z^b x[aB + b]`: the inner sums of all `s` are one
//! product of a real matrix (the samples) with a table of powers, two fused operations a term.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef, Par};
use num_complex::Complex64;

use super::Sample;
use crate::error::Result;
use crate::laplace::phase::{Turns, decay};
use crate::telemetry::Progress;

/// Points that are worked on together. It does not depend on the number of threads, so neither do the sums.
const CHUNK: usize = 64;

/// `out_k = sum_n x_n e^{-s_k n dt}`.
pub(super) fn sums<T: Sample>(
    x: &[T],
    dt: f64,
    s: &[Complex64],
    out: &mut [Complex64],
    threads: usize,
    progress: &Progress<'_>,
) -> Result<()> {
    let rows = ((x.len() as f64).sqrt().ceil() as usize).next_multiple_of(8);
    let cols = x.len().div_ceil(rows);
    let padded = |part: fn(T) -> f64| {
        let mut values: Vec<f64> = x.iter().map(|v| part(*v)).collect();
        values.resize(rows * cols, 0.0);
        values
    };
    let real = padded(T::re);
    let imaginary = T::COMPLEX.then(|| padded(T::im));
    let one = |s: &[Complex64], out: &mut [Complex64]| {
        let powers = powers(s, dt, rows);
        let parts = [Some(&real), imaginary.as_ref()];
        for (part, values) in parts.into_iter().flatten().enumerate() {
            let unit = if part == 0 {
                Complex64::new(1.0, 0.0)
            } else {
                Complex64::i()
            };
            let x = MatRef::from_column_major_slice(values, rows, cols);
            let mut inner = Mat::<f64>::zeros(2 * s.len(), cols);
            matmul(
                inner.as_mut(),
                Accum::Replace,
                powers.as_ref(),
                x,
                1.0,
                Par::Seq,
            );
            for (k, (s, out)) in s.iter().zip(out.iter_mut()).enumerate() {
                let turn = Turns::of_product(s.im, dt, 1.0)
                    .times(rows as u128)
                    .negated();
                let mut a = 0usize;
                let mut sum = Complex64::default();
                decay(s.re * dt * rows as f64, 0..cols, |size| {
                    let term = Complex64::new(inner[(2 * k, a)], inner[(2 * k + 1, a)]);
                    sum += term * turn.times(a as u128).cis() * size;
                    a += 1;
                });
                *out += sum * unit;
            }
        }
    };
    out.fill(Complex64::default());
    let total = s.len().div_ceil(CHUNK);
    let work: Vec<(&[Complex64], &mut [Complex64])> =
        s.chunks(CHUNK).zip(out.chunks_mut(CHUNK)).collect();
    let mut work = work.into_iter();
    let mut done = 0;
    let threads = threads.clamp(1, total.max(1));
    loop {
        progress.report("laplace", done as u64, total as u64, "sums")?;
        let group: Vec<_> = work.by_ref().take(threads).collect();
        done += group.len();
        match group.len() {
            0 => return Ok(()),
            1 => group.into_iter().for_each(|(s, out)| one(s, out)),
            _ => std::thread::scope(|scope| {
                for (s, out) in group {
                    let one = &one;
                    scope.spawn(move || one(s, out));
                }
            }),
        }
    }
}

/// Real and imaginary parts of `e^{-s b dt}` in rows `2 k` and `2 k + 1`, for `b` below `count` in columns.
fn powers(s: &[Complex64], dt: f64, count: usize) -> Mat<f64> {
    let mut out = Mat::zeros(2 * s.len(), count);
    for (k, s) in s.iter().enumerate() {
        let step = Turns::of_product(s.im, dt, 1.0).negated();
        let mut phase = Turns::default();
        let mut b = 0usize;
        decay(s.re * dt, 0..count, |size| {
            let z = phase.cis() * size;
            out[(2 * k, b)] = z.re;
            out[(2 * k + 1, b)] = z.im;
            phase = phase.plus(step);
            b += 1;
        });
    }
    out
}
