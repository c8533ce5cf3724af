//! Functions of one coordinate: Chebyshev polynomials, waves, and the slopes of tanh.

use serde::{Deserialize, Serialize};

/// What the functions of one axis are, in the coordinate normalised to [-1, 1].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// Chebyshev polynomials `T_0 .. T_(size-1)`.
    Chebyshev,
    /// `1, cos(pi x), sin(pi x), cos(2 pi x), ...`: the axis is a circle.
    Waves,
}

/// A family of functions of one coordinate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Axis {
    pub(super) kind: Kind,
    /// Number of functions.
    pub(super) size: usize,
}

impl Axis {
    /// How fast function `k` varies, from 0 to 1 for the last one.
    pub(super) fn degree(self, k: usize) -> f64 {
        let (k, last) = match self.kind {
            Kind::Chebyshev => (k, self.size.saturating_sub(1)),
            Kind::Waves => (k.div_ceil(2), self.size / 2),
        };
        if last == 0 {
            0.0
        } else {
            k as f64 / last as f64
        }
    }

    /// The derivatives of this order of all functions at points of [-1, 1]: `size` runs of `at.len()` values.
    pub(super) fn table(self, order: u8, at: &[f64]) -> Vec<f64> {
        match self.kind {
            Kind::Chebyshev => chebyshev(self.size, order, at),
            Kind::Waves => (0..self.size)
                .flat_map(|k| at.iter().map(move |x| wave(k, order, *x)))
                .collect(),
        }
    }
}

/// `T_k` and its derivatives by `T_(k+1) = 2 x T_k - T_(k-1)`, differentiated `order` times.
fn chebyshev(size: usize, order: u8, at: &[f64]) -> Vec<f64> {
    let m = at.len();
    let mut lower = vec![0.0; size * m];
    let mut table = Vec::new();
    for j in 0..=order {
        table = vec![0.0; size * m];
        for k in 0..size {
            let (done, rest) = table.split_at_mut(k * m);
            let target = rest.iter_mut().take(m).enumerate();
            match k {
                0 => target.for_each(|at| *at.1 = if j == 0 { 1.0 } else { 0.0 }),
                1 => target.for_each(|(i, v)| {
                    *v = match j {
                        0 => at[i],
                        1 => 1.0,
                        _ => 0.0,
                    }
                }),
                _ => {
                    let (one, two) = (&done[(k - 1) * m..], &done[(k - 2) * m..(k - 1) * m]);
                    let below = &lower[(k - 1) * m..k * m];
                    let factor = 2.0 * f64::from(j);
                    target.for_each(|(i, v)| {
                        *v = 2.0 * at[i] * one[i] + factor * below[i] - two[i];
                    });
                }
            }
        }
        lower.clone_from(&table);
    }
    table
}

/// Wave `k` (0: constant, then cosine and sine of each whole number) differentiated `order` times.
pub(super) fn wave(k: usize, order: u8, x: f64) -> f64 {
    let number = k.div_ceil(2) as f64 * std::f64::consts::PI;
    if k == 0 {
        return if order == 0 { 1.0 } else { 0.0 };
    }
    // cos' = -sin, sin' = cos: a quarter turn each.
    let quarter = (usize::from(order) + if k.is_multiple_of(2) { 3 } else { 0 }) % 4;
    let (sin, cos) = (number * x).sin_cos();
    let turned = match quarter {
        0 => cos,
        1 => -sin,
        2 => -cos,
        _ => sin,
    };
    turned * number.powi(i32::from(order))
}

/// Coefficients of the polynomials in `t = tanh z` that are the derivatives of tanh up to `order`:
/// `P_0 = t`, `P_(k+1) = (1 - t^2) P_k'`.
pub(super) fn tanh_slopes(order: u8) -> Vec<Vec<f64>> {
    let mut all = vec![vec![0.0, 1.0]];
    for k in 0..usize::from(order) {
        let last = &all[k];
        let mut next = vec![0.0; last.len() + 1];
        for (power, c) in last.iter().enumerate().skip(1) {
            next[power - 1] += power as f64 * c;
            next[power + 1] -= power as f64 * c;
        }
        all.push(next);
    }
    all
}

/// A polynomial by its coefficients, lowest power first.
pub(super) fn polynomial(coefficients: &[f64], t: f64) -> f64 {
    coefficients.iter().rev().fold(0.0, |acc, c| acc * t + c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chebyshev_is_the_cosine_of_the_multiple_angle() {
        let at = [-1.0, -0.83, 0.0, 0.31, 1.0];
        let axis = Axis {
            kind: Kind::Chebyshev,
            size: 9,
        };
        let (value, slope, second) = (axis.table(0, &at), axis.table(1, &at), axis.table(2, &at));
        for k in 0..9 {
            for (i, x) in at.iter().enumerate() {
                let n = k as f64;
                let angle = x.acos();
                assert!((value[k * 5 + i] - (n * angle).cos()).abs() < 1e-13);
                if x.abs() < 1.0 {
                    let exact = n * (n * angle).sin() / angle.sin();
                    assert!((slope[k * 5 + i] - exact).abs() < 1e-11);
                    // (1 - x^2) y'' - x y' + n^2 y = 0
                    let y =
                        (1.0 - x * x) * second[k * 5 + i] - x * exact + n * n * value[k * 5 + i];
                    assert!(y.abs() < 1e-10, "{y}");
                } else {
                    assert!((slope[k * 5 + i].abs() - n * n).abs() < 1e-10);
                }
            }
        }
    }

    #[test]
    fn slopes_are_those_of_finite_differences() {
        let h = 1e-4;
        let tanh = tanh_slopes(5);
        for x in [-1.7f64, -0.2, 0.0, 0.9] {
            for order in 0..5u8 {
                let f = |x: f64| polynomial(&tanh[usize::from(order)], x.tanh());
                let slope = polynomial(&tanh[usize::from(order) + 1], x.tanh());
                assert!(((f(x + h) - f(x - h)) / (2.0 * h) - slope).abs() < 1e-5);
                for k in 0..6 {
                    let f = |x: f64| wave(k, order, x);
                    let slope = wave(k, order + 1, x);
                    let error = (f(x + h) - f(x - h)) / (2.0 * h) - slope;
                    assert!(error.abs() < 1e-6 * (1.0 + 10f64.powi(i32::from(order) + 1)));
                }
            }
        }
    }

    #[test]
    fn no_functions_and_no_points_are_no_panic() {
        for kind in [Kind::Chebyshev, Kind::Waves] {
            assert!(Axis { kind, size: 0 }.table(2, &[0.5]).is_empty());
            assert!(Axis { kind, size: 3 }.table(2, &[]).is_empty());
            assert_eq!(Axis { kind, size: 1 }.degree(0), 0.0);
        }
    }
}
