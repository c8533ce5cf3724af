//! Derivatives of samples by local polynomials (Savitzky and Golay, Anal. Chem. 36 (1964) 1627), with the gain by
//! which they pass on noise, and with a second window to compare with, which shows what the polynomials cut off.

use faer::Mat;
use faer::linalg::solvers::SolveLstsqCore;

use super::statistics::{noise_of_lines, rms};

/// Highest order of a derivative.
pub(super) const MAX_ORDER: usize = 4;

/// Degree of the polynomials for derivatives up to an order: two odd or even powers above it.
fn degree(order: usize) -> usize {
    if order <= 2 { 4 } else { 6 }
}

/// Smallest half-width of a window: two points more than coefficients.
pub(super) fn least_width(order: usize) -> usize {
    degree(order) / 2 + 1
}

/// Weights of the samples at `offsets` for the local polynomial's derivatives `0..=order` at offset 0.
pub(super) fn weights(offsets: &[f64], order: usize) -> Vec<Vec<f64>> {
    let (n, columns) = (offsets.len(), degree(order) + 1);
    let scale = offsets.iter().fold(0.0f64, |a, o| a.max(o.abs()));
    let a = Mat::from_fn(n, columns, |i, j| (offsets[i] / scale).powi(j as i32));
    // The least-squares solutions for all unit vectors are the rows of the pseudoinverse.
    let mut x = Mat::<f64>::identity(n, n);
    a.qr()
        .solve_lstsq_in_place_with_conj(faer::Conj::No, x.as_mut());
    let mut factor = 1.0;
    (0..=order)
        .map(|k| {
            if k > 0 {
                factor *= k as f64 / scale;
            }
            (0..n).map(|i| factor * x[(k, i)]).collect()
        })
        .collect()
}

/// Weights for an evenly spaced window of `2 width + 1` samples.
pub(super) fn even(width: usize, step: f64, order: usize) -> Vec<Vec<f64>> {
    let offsets: Vec<f64> = (0..=2 * width)
        .map(|i| (i as f64 - width as f64) * step)
        .collect();
    weights(&offsets, order)
}

/// The half-width whose result counts, and a wider one that it is compared with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Widths {
    pub(super) main: usize,
    pub(super) other: usize,
}

impl Widths {
    /// By which the difference of the two results is multiplied to get the truncation error of the main one, which
    /// grows with the width at least to the power 4 (degree 4, second derivative).
    pub(super) fn truncation_share(self) -> f64 {
        let ratio = self.other as f64 / self.main as f64;
        1.0 / (ratio.powi(4) - 1.0)
    }
}

/// Most lines that a choice of a window looks at.
pub(super) const LINES: usize = 48;

/// What was found about the noise of evenly spaced lines, and the window that suits it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Choice {
    pub(super) widths: Widths,
    pub(super) sigma: f64,
}

/// Chooses the widest window whose polynomial still fits the lines to within their noise. `most` is the widest one
/// that may be taken; `None` where not even two windows fit. `known` is a declared standard deviation.
pub(super) fn choose(
    lines: &[Vec<f64>],
    step: f64,
    order: usize,
    most: usize,
    known: Option<f64>,
) -> Option<Choice> {
    let longest = lines.iter().map(Vec::len).max()?;
    let largest = lines.iter().flatten().fold(0.0f64, |a, v| a.max(v.abs()));
    let by_differences = noise_of_lines(lines)?;
    let fitted = |width: usize| misfit(lines, width, step, order);
    let samples = lines.iter().map(Vec::len).sum();
    widest(
        (longest, samples),
        order,
        most,
        known,
        by_differences,
        largest,
        fitted,
    )
}

/// [`choose`] for one line of uneven spacing, whose noise only the polynomials can tell.
pub(super) fn choose_uneven(
    at: &[f64],
    values: &[f64],
    order: usize,
    most: usize,
    known: Option<f64>,
) -> Option<Choice> {
    const LOOKED_AT: usize = 300;
    let largest = values.iter().fold(0.0f64, |a, v| a.max(v.abs()));
    let fitted = |width: usize| {
        let centres = width..at.len().checked_sub(width)?;
        let step = centres.len().div_ceil(LOOKED_AT).max(1);
        let left: Vec<f64> = centres
            .step_by(step)
            .filter_map(|i| {
                let (t, v) = (
                    at.get(i - width..=i + width)?,
                    &values[i - width..=i + width],
                );
                let offsets: Vec<f64> = t.iter().map(|t| t - at[i]).collect();
                let kernel = weights(&offsets, 0).into_iter().next()?;
                let fit: f64 = v.iter().zip(&kernel).map(|(v, w)| v * w).sum();
                Some((values[i] - fit) / (1.0 - kernel[width]).max(1e-3).sqrt())
            })
            .collect();
        (left.len() >= 4).then(|| rms(left.iter().copied()))
    };
    let sizes = (at.len(), at.len().min(LOOKED_AT));
    widest(sizes, order, most, known, 0.0, largest, fitted)
}

fn widest(
    (longest, samples): (usize, usize),
    order: usize,
    most: usize,
    known: Option<f64>,
    by_differences: f64,
    largest: f64,
    fitted: impl Fn(usize) -> Option<f64>,
) -> Option<Choice> {
    let least = least_width(order);
    let wider = least + least.div_ceil(2);
    if most < least || longest < 2 * wider + 5 {
        return None;
    }
    // Numbers are rounded.
    let floor = 4.0 * f64::EPSILON * largest;
    let first = fitted(least)?;
    // What the windows may leave over.
    let base = known
        .unwrap_or(0.0)
        .max(by_differences)
        .max(first)
        .max(floor);
    // An estimate from n samples scatters by about 1/sqrt(n); the next one may fit again.
    let granted = 1.03 + 3.0 / (samples as f64).sqrt();
    let mut best = least;
    let mut residual = first;
    let mut width = least;
    loop {
        width += width.div_ceil(3).max(1);
        if width > most {
            break;
        }
        match fitted(width) {
            Some(left) if left <= base * granted => (best, residual) = (width, left),
            Some(left) if left <= base * (granted + 0.25) => {}
            _ => break,
        }
    }
    let sigma = known
        .unwrap_or_else(|| by_differences.max(residual))
        .max(floor);
    // The widest one that fits is the one to compare with: it has less noise, and its truncation, which at the edge of
    // what can be seen in the values is well seen in a second derivative, is several times that of the main one.
    let main = (2 * best / 3).max(least);
    let other = best.max(main + main.div_ceil(2));
    Some(Choice {
        widths: Widths { main, other },
        sigma,
    })
}

/// What a window's polynomial leaves over at its centre, as a standard deviation of one sample.
fn misfit(lines: &[Vec<f64>], width: usize, step: f64, order: usize) -> Option<f64> {
    let kernel = even(width, step, order).into_iter().next()?;
    let own = *kernel.get(width)?;
    let mut left = Vec::new();
    for line in lines {
        for window in line.windows(2 * width + 1) {
            let fit: f64 = window.iter().zip(&kernel).map(|(v, w)| v * w).sum();
            left.push(window[width] - fit);
        }
    }
    if left.len() < 4 {
        return None;
    }
    Some(rms(left.iter().copied()) / (1.0 - own).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polynomials_are_differentiated_exactly() {
        // Uneven offsets; p(x) = 1 - 2 x + 3 x^2 - x^3 + x^4/2.
        let offsets = [-2.0, -1.2, -0.7, 0.0, 0.4, 1.1, 1.9, 2.6];
        let values =
            offsets.map(|x: f64| 1.0 - 2.0 * x + 3.0 * x * x - x.powi(3) + 0.5 * x.powi(4));
        let found: Vec<f64> = weights(&offsets, 2)
            .iter()
            .map(|w| w.iter().zip(values).map(|(w, v)| w * v).sum())
            .collect();
        for (got, want) in found.iter().zip([1.0, -2.0, 6.0]) {
            assert!((got - want).abs() <= 1e-11, "{found:?}");
        }
        // Savitzky and Golay's table: quadratic/cubic smoothing is not ours (degree 4), its 7-point quartic is:
        // 5, -30, 75, 131, 75, -30, 5 over 231.
        let seven = &even(3, 0.1, 1)[0];
        for (got, want) in seven
            .iter()
            .zip([5.0, -30.0, 75.0, 131.0, 75.0, -30.0, 5.0])
        {
            assert!((got - want / 231.0).abs() <= 1e-13, "{seven:?}");
        }
        let fourth = even(5, 0.5, 4);
        let x4: f64 = fourth[4]
            .iter()
            .enumerate()
            .map(|(i, w)| w * (0.5 * (i as f64 - 5.0)).powi(4))
            .sum();
        assert!((x4 - 24.0).abs() <= 1e-9, "{x4}");
    }
}
