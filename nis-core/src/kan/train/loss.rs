//! Losses of one row: value, gradient with respect to the outputs, and a root of the Gauss-Newton matrix.

use super::options::Loss;
use crate::error::{Error, Result};

impl Loss {
    /// One over this, times the sum over rows, is the mean loss.
    pub(super) fn share(self, rows: usize, outputs: usize) -> f64 {
        match self {
            Loss::CrossEntropy => rows as f64,
            _ => rows as f64 * outputs as f64,
        }
    }

    pub(super) fn check(self) -> Result<()> {
        match self {
            Loss::Huber(size) if size.is_nan() || size <= 0.0 || size.is_infinite() => Err(
                Error::invalid("loss.huber", size, "a positive, finite size"),
            ),
            _ => Ok(()),
        }
    }

    /// The loss of a row.
    pub(super) fn value(self, out: &[f64], y: &[f64]) -> f64 {
        match self {
            Loss::Squared => out
                .iter()
                .zip(y)
                .map(|(o, y)| 0.5 * (o - y) * (o - y))
                .sum(),
            Loss::Huber(size) => out
                .iter()
                .zip(y)
                .map(|(o, y)| {
                    let r = (o - y).abs();
                    if r <= size {
                        0.5 * r * r
                    } else {
                        size * (r - 0.5 * size)
                    }
                })
                .sum(),
            Loss::CrossEntropy => {
                let (most, sum) = exponentials(out);
                let total: f64 = y.iter().sum();
                let linear: f64 = out.iter().zip(y).map(|(o, y)| y * (o - most)).sum();
                total * sum.ln() - linear
            }
        }
    }

    /// Writes `factor` times the derivatives with respect to the outputs.
    pub(super) fn gradient(self, out: &[f64], y: &[f64], factor: f64, into: &mut [f64]) {
        match self {
            Loss::Squared => {
                for ((g, o), y) in into.iter_mut().zip(out).zip(y) {
                    *g = factor * (o - y);
                }
            }
            Loss::Huber(size) => {
                for ((g, o), y) in into.iter_mut().zip(out).zip(y) {
                    *g = factor * (o - y).clamp(-size, size);
                }
            }
            Loss::CrossEntropy => {
                let (most, sum) = exponentials(out);
                let total: f64 = y.iter().sum();
                for ((g, o), y) in into.iter_mut().zip(out).zip(y) {
                    *g = factor * (total * (o - most).exp() / sum - y);
                }
            }
        }
    }

    /// Writes row `k` of a matrix `R` (`outputs` x `outputs`) for which `R^T R` is `factor` times the Gauss-Newton
    /// matrix of the loss: the Hessian for squares and cross-entropy, `min(1, size/|r|)` for Huber's loss, which
    /// bounds it from above (Huber, Robust Statistics (1981), section 7.8).
    pub(super) fn root(self, out: &[f64], y: &[f64], factor: f64, k: usize, into: &mut [f64]) {
        into.fill(0.0);
        match self {
            Loss::Squared => into[k] = factor.sqrt(),
            Loss::Huber(size) => {
                let r = (out[k] - y[k]).abs();
                into[k] = (factor * (size / r).min(1.0)).sqrt();
            }
            Loss::CrossEntropy => {
                // diag(p) - p p^T is the sum over k of p_k (e_k - p)(e_k - p)^T.
                let (most, sum) = exponentials(out);
                let total: f64 = y.iter().sum();
                let root = (factor * total * (out[k] - most).exp() / sum).sqrt();
                for (v, o) in into.iter_mut().zip(out) {
                    *v = -root * (o - most).exp() / sum;
                }
                into[k] += root;
            }
        }
    }
}

/// The largest output, and the sum of the exponentials of the distances from it.
fn exponentials(out: &[f64]) -> (f64, f64) {
    let most = out.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    (most, out.iter().map(|o| (o - most).exp()).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Loss; 3] = [Loss::Squared, Loss::Huber(0.7), Loss::CrossEntropy];

    #[test]
    fn gradients_agree_with_differences() {
        let (out, y) = ([0.3, -1.2, 2.5], [0.1, 0.4, 0.5]);
        for loss in ALL {
            let mut g = [0.0; 3];
            loss.gradient(&out, &y, 1.0, &mut g);
            for k in 0..3 {
                let (mut up, mut down) = (out, out);
                up[k] += 1e-5;
                down[k] -= 1e-5;
                let slope = (loss.value(&up, &y) - loss.value(&down, &y)) / 2e-5;
                assert!(
                    (slope - g[k]).abs() <= 1e-9,
                    "{loss:?} {k}: {slope} {}",
                    g[k]
                );
            }
        }
    }

    #[test]
    fn roots_give_the_hessian_of_squares_and_cross_entropy() {
        let (out, y) = ([0.3, -1.2, 2.5], [0.1, 0.4, 0.5]);
        for loss in [Loss::Squared, Loss::CrossEntropy] {
            let mut hessian = [[0.0; 3]; 3];
            let mut row = [0.0; 3];
            for k in 0..3 {
                loss.root(&out, &y, 2.0, k, &mut row);
                for a in 0..3 {
                    for b in 0..3 {
                        hessian[a][b] += row[a] * row[b];
                    }
                }
            }
            for b in 0..3 {
                let (mut up, mut down) = (out, out);
                up[b] += 1e-5;
                down[b] -= 1e-5;
                let (mut gu, mut gd) = ([0.0; 3], [0.0; 3]);
                loss.gradient(&up, &y, 2.0, &mut gu);
                loss.gradient(&down, &y, 2.0, &mut gd);
                for a in 0..3 {
                    let slope = (gu[a] - gd[a]) / 2e-5;
                    assert!(
                        (slope - hessian[a][b]).abs() <= 1e-8,
                        "{loss:?}: {slope} {}",
                        hessian[a][b]
                    );
                }
            }
        }
    }

    #[test]
    fn large_outputs_do_not_overflow() {
        let mut g = [0.0; 2];
        let value = Loss::CrossEntropy.value(&[1e5, -1e5], &[0.0, 1.0]);
        Loss::CrossEntropy.gradient(&[1e5, -1e5], &[0.0, 1.0], 1.0, &mut g);
        assert_eq!((value, g), (2e5, [1.0, -1.0]));
    }
}
