//! The least change that satisfies linear inequalities.

use faer::Mat;
use faer::linalg::solvers::Solve;

/// Minimises `|y|^2 / 2` subject to `A y <= b` by an active-set method on the dual
/// (`min l^T A A^T l / 2 + b^T l`, `l >= 0`; Lawson and Hanson, Solving Least Squares Problems (1974), chapter
/// 23) and returns `y = -A^T l`. Rows that depend on each other are told apart by a small ridge, so that there is
/// always an answer; where the inequalities contradict one another it violates some.
pub(super) fn least_change(a: &Mat<f64>, b: &[f64]) -> Vec<f64> {
    let rows = a.nrows();
    let mut q = a * a.transpose();
    let largest = (0..rows).fold(0.0f64, |m, i| m.max(q[(i, i)]));
    for i in 0..rows {
        q[(i, i)] += 1e-11 * largest;
    }
    let mut l = vec![0.0; rows];
    let mut active: Vec<usize> = Vec::new();
    let slack = |l: &[f64], i: usize| -> f64 {
        // Negative gradient of the dual: how far row i is violated.
        -b[i] - (0..rows).map(|j| q[(i, j)] * l[j]).sum::<f64>()
    };
    let size = b.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    for _ in 0..10 * rows + 10 {
        let next = (0..rows)
            .filter(|i| !active.contains(i))
            .map(|i| (i, slack(&l, i)))
            .max_by(|x, y| x.1.total_cmp(&y.1));
        match next {
            Some((i, violated)) if violated > 1e-10 * size => active.push(i),
            _ => break,
        }
        // Solve on the active rows; step back to the first multiplier that would turn negative, drop its row.
        while !active.is_empty() {
            let k = active.len();
            let part = Mat::from_fn(k, k, |i, j| q[(active[i], active[j])]);
            let right = Mat::from_fn(k, 1, |i, _| -b[active[i]]);
            let wanted = part.lblt(faer::Side::Lower).solve(right);
            if (0..k).all(|i| wanted[(i, 0)] > 0.0) {
                for (i, row) in active.iter().enumerate() {
                    l[*row] = wanted[(i, 0)];
                }
                break;
            }
            let mut step = 1.0f64;
            let mut first = 0;
            for (i, row) in active.iter().enumerate() {
                let w = wanted[(i, 0)];
                if w <= 0.0 || w.is_nan() {
                    let part = l[*row] / (l[*row] - w);
                    let part = if part.is_finite() { part } else { 0.0 };
                    if part <= step {
                        step = part;
                        first = i;
                    }
                }
            }
            for (i, row) in active.iter().enumerate() {
                let w = wanted[(i, 0)];
                if w.is_finite() {
                    l[*row] += step * (w - l[*row]);
                }
            }
            let dropped = active.remove(first);
            l[dropped] = 0.0;
        }
    }
    (0..a.ncols())
        .map(|j| -(0..rows).map(|i| a[(i, j)] * l[i]).sum::<f64>())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use faer::mat;

    #[test]
    fn known_solutions() {
        // The nearest point of x + y <= -2 is (-1, -1); x <= 5 is not active.
        let y = least_change(&mat![[1.0, 1.0], [1.0, 0.0]], &[-2.0, 5.0]);
        assert!(
            (y[0] + 1.0).abs() < 1e-9 && (y[1] + 1.0).abs() < 1e-9,
            "{y:?}"
        );
        // x <= -1 and y >= 2.
        let y = least_change(&mat![[1.0, 0.0], [0.0, -1.0]], &[-1.0, -2.0]);
        assert!(
            (y[0] + 1.0).abs() < 1e-9 && (y[1] - 2.0).abs() < 1e-9,
            "{y:?}"
        );
        // The first added row is not active at the end: x <= -1 is implied by x + y <= -4 and y >= ... alone.
        let y = least_change(&mat![[2.0, 0.0], [1.0, 1.0]], &[-2.0, -4.0]);
        assert!(
            (y[0] + 2.0).abs() < 1e-8 && (y[1] + 2.0).abs() < 1e-8,
            "{y:?}"
        );
        // Satisfied already; no rows; equal rows; contradictions end.
        assert_eq!(least_change(&mat![[1.0, 1.0]], &[1.0]), vec![0.0, 0.0]);
        assert_eq!(least_change(&Mat::zeros(0, 2), &[]), vec![0.0, 0.0]);
        let y = least_change(&mat![[1.0], [1.0]], &[-1.0, -1.0]);
        assert!((y[0] + 1.0).abs() < 1e-9);
        let y = least_change(&mat![[1.0], [-1.0]], &[-1.0, -1.0]);
        assert!(y[0].is_finite());
    }
}
