//! Partial fractions of real systems as real columns.
//!
//! A pole set is a list of poles with non-negative imaginary part; the conjugates are implied. The columns of
//! a complex pole are `1/(s-p) + 1/(s-p*)` and `j/(s-p) - j/(s-p*)`, so that the coefficients are the real and
//! the imaginary part of the residue. Rows hold first the real, then the imaginary parts at all points.

use faer::Mat;
use num_complex::Complex64;

const J: Complex64 = Complex64::new(0.0, 1.0);

/// Number of poles, conjugates included.
pub(super) fn order(poles: &[Complex64]) -> usize {
    poles.iter().map(|p| width(*p)).sum()
}

/// Columns of one pole.
pub(super) fn width(pole: Complex64) -> usize {
    if pole.im != 0.0 { 2 } else { 1 }
}

/// Values of the columns of one pole at one point, for the given power; the second is 0 for a real pole.
fn pair(s: Complex64, pole: Complex64, power: i32) -> [Complex64; 2] {
    let a = (s - pole).inv().powi(power);
    if pole.im == 0.0 {
        return [a, Complex64::default()];
    }
    let b = (s - pole.conj()).inv().powi(power);
    [a + b, J * (a - b)]
}

/// The columns of all poles at all points, complex, one vector per column.
pub(super) fn fractions(s: &[Complex64], poles: &[Complex64], power: i32) -> Vec<Vec<Complex64>> {
    let mut columns = Vec::with_capacity(order(poles));
    for pole in poles {
        let mut first = Vec::with_capacity(s.len());
        let mut second = Vec::with_capacity(s.len());
        for s in s {
            let [a, b] = pair(*s, *pole, power);
            first.push(a);
            second.push(b);
        }
        columns.push(first);
        if pole.im != 0.0 {
            columns.push(second);
        }
    }
    columns
}

/// Writes a complex column, weighted, as column `j` of a real matrix of twice as many rows.
pub(super) fn write(out: &mut Mat<f64>, j: usize, column: &[Complex64], weight: &[f64]) {
    let n = column.len();
    for (i, (v, w)) in column.iter().zip(weight).enumerate() {
        out[(i, j)] = w * v.re;
        out[(n + i, j)] = w * v.im;
    }
}

/// Scales every column to unit norm and tells the norms; a column of zeros stays and counts as 1.
pub(super) fn normalize(m: &mut Mat<f64>) -> Vec<f64> {
    (0..m.ncols())
        .map(|j| {
            let norm = m.col(j).norm_l2();
            if norm.is_nan() || norm <= 0.0 {
                return 1.0;
            }
            for i in 0..m.nrows() {
                m[(i, j)] /= norm;
            }
            norm
        })
        .collect()
}
