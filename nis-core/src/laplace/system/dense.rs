//! Small dense linear algebra that the systems share: conversion to faer, balancing, matrix exponential.

use faer::linalg::solvers::Solve;
use faer::{Mat, MatRef};
use num_complex::Complex64;

use crate::error::{Error, Result};

/// The matrix whose rows stand one after the other in `values`; an empty list is the zero matrix.
pub(super) fn from_rows(rows: usize, cols: usize, values: &[f64]) -> Mat<f64> {
    Mat::from_fn(rows, cols, |i, j| {
        values.get(i * cols + j).copied().unwrap_or(0.0)
    })
}

/// The entries by rows.
pub(super) fn to_rows(m: MatRef<'_, f64>) -> Vec<f64> {
    (0..m.nrows())
        .flat_map(|i| (0..m.ncols()).map(move |j| m[(i, j)]))
        .collect()
}

/// The matrix with complex entries.
pub(super) fn complex(m: MatRef<'_, f64>) -> Mat<Complex64> {
    Mat::from_fn(m.nrows(), m.ncols(), |i, j| Complex64::from(m[(i, j)]))
}

/// `[a b; c d]` of blocks that fit.
pub(super) fn blocks(
    a: MatRef<'_, f64>,
    b: MatRef<'_, f64>,
    c: MatRef<'_, f64>,
    d: MatRef<'_, f64>,
) -> Mat<f64> {
    let (n, m) = (a.nrows(), a.ncols());
    Mat::from_fn(n + c.nrows(), m + b.ncols(), |i, j| match (i < n, j < m) {
        (true, true) => a[(i, j)],
        (true, false) => b[(i, j - m)],
        (false, true) => c[(i - n, j)],
        (false, false) => d[(i - n, j - m)],
    })
}

/// Largest sum of magnitudes over a column.
pub(super) fn norm_one(m: MatRef<'_, f64>) -> f64 {
    (0..m.ncols())
        .map(|j| (0..m.nrows()).map(|i| m[(i, j)].abs()).sum())
        .fold(0.0, f64::max)
}

/// Solves `a x = b` by LU with partial pivoting; refuses a matrix that is singular to working precision.
pub(super) fn solve(what: &str, a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> Result<Mat<f64>> {
    let x = a.partial_piv_lu().solve(b);
    let reciprocal = condition(a);
    if !x.is_all_finite() || reciprocal.is_nan() || reciprocal < f64::EPSILON {
        return Err(Error::numerical(
            what,
            format!(
                "the matrix to invert is singular to working precision (1/condition {reciprocal:.1e})"
            ),
        ));
    }
    Ok(x)
}

/// Smallest over largest singular value; 1 for an empty matrix.
pub(super) fn condition(a: MatRef<'_, f64>) -> f64 {
    match a.singular_values() {
        Ok(s) => match (s.first(), s.last()) {
            (Some(first), Some(last)) if *first > 0.0 => last / first,
            (None, _) => 1.0,
            _ => 0.0,
        },
        Err(_) => f64::NAN,
    }
}

/// Diagonal scaling `d` by powers of two after which the rows and columns of `D^-1 A D` have like norms
/// (Osborne, J. ACM 7 (1960) 338, with the 2-norm as James, Langou and Lowery, arXiv:1401.5766, advise).
pub(super) fn balance(a: &mut Mat<f64>) -> Vec<f64> {
    let n = a.nrows();
    let mut d = vec![1.0; n];
    for _ in 0..20 {
        let mut changed = false;
        for i in 0..n {
            let norm = |pick: &dyn Fn(usize) -> f64| -> f64 {
                (0..n)
                    .filter(|&k| k != i)
                    .fold(0.0, |sum: f64, k| sum.hypot(pick(k)))
            };
            let (column, row) = (norm(&|k| a[(k, i)]), norm(&|k| a[(i, k)]));
            if column == 0.0 || row == 0.0 || !(column / row).is_normal() {
                continue;
            }
            let f = (0.5 * (row / column).log2()).round().exp2();
            if (column * f).hypot(row / f) < 0.95 * column.hypot(row) {
                changed = true;
                d[i] *= f;
                for k in 0..n {
                    a[(k, i)] *= f;
                }
                for k in 0..n {
                    a[(i, k)] /= f;
                }
            }
        }
        if !changed {
            break;
        }
    }
    d
}

/// `sum += factor * m[:, column]`.
pub(super) fn add_column(sum: &mut [f64], m: &Mat<f64>, column: usize, factor: f64) {
    match m.as_ref().col(column).try_as_col_major() {
        Some(column) => sum
            .iter_mut()
            .zip(column.as_slice())
            .for_each(|(s, v)| *s += factor * v),
        None => sum
            .iter_mut()
            .enumerate()
            .for_each(|(i, s)| *s += factor * m[(i, column)]),
    }
}

/// Coefficients of the diagonal Pade approximant of degree 13.
const PADE: [f64; 14] = [
    64764752532480000.0,
    32382376266240000.0,
    7771770303897600.0,
    1187353796428800.0,
    129060195264000.0,
    10559470521600.0,
    670442572800.0,
    33522128640.0,
    1323241920.0,
    40840800.0,
    960960.0,
    16380.0,
    182.0,
    1.0,
];

/// 1-norm up to which the approximant is exact to working precision.
const PADE_REACH: f64 = 5.371920351148152;

/// `e^A` by scaling and squaring (Higham, SIAM J. Matrix Anal. Appl. 26 (2005) 1179, algorithm 2.3 with
/// degree 13) after balancing. Costs about `(14 + 2 log2 |A|) n^3`.
pub(super) fn exponential(a: MatRef<'_, f64>) -> Result<Mat<f64>> {
    let n = a.nrows();
    let mut a = a.to_owned();
    let scale = balance(&mut a);
    let norm = norm_one(a.as_ref());
    if !norm.is_finite() {
        return Err(Error::numerical(
            "matrix exponential",
            "the exponent is not finite",
        ));
    }
    let squarings = (norm / PADE_REACH).log2().ceil().max(0.0);
    if squarings > 1000.0 {
        return Err(Error::numerical(
            "matrix exponential",
            format!("norm {norm:.1e} of the exponent: the time step is too long for this system"),
        ));
    }
    let shrink = (-squarings).exp2();
    let a = Mat::from_fn(n, n, |i, j| a[(i, j)] * shrink);
    let a2 = &a * &a;
    let a4 = &a2 * &a2;
    let a6 = &a4 * &a2;
    let mix = |p6: f64, p4: f64, p2: f64, p0: f64| {
        Mat::from_fn(n, n, |i, j| {
            let unit = if i == j { p0 } else { 0.0 };
            p6 * a6[(i, j)] + p4 * a4[(i, j)] + p2 * a2[(i, j)] + unit
        })
    };
    let odd = &a
        * &(&a6 * &mix(PADE[13], PADE[11], PADE[9], 0.0) + mix(PADE[7], PADE[5], PADE[3], PADE[1]));
    let even =
        &a6 * &mix(PADE[12], PADE[10], PADE[8], 0.0) + mix(PADE[6], PADE[4], PADE[2], PADE[0]);
    let mut e = (&even - &odd).partial_piv_lu().solve(&even + &odd);
    for _ in 0..squarings as usize {
        e = &e * &e;
    }
    let e = Mat::from_fn(n, n, |i, j| e[(i, j)] * (scale[i] / scale[j]));
    if e.is_all_finite() {
        Ok(e)
    } else {
        Err(Error::numerical(
            "matrix exponential",
            format!("overflow: the norm of the exponent is {norm:.1e}"),
        ))
    }
}
