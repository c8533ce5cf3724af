//! Where residuals are asked for: points drawn by the residual, and weights that follow time.

use super::super::points::Points;

/// Chooses `n` of the pool's points with probability in proportion to `|r|^power / mean(|r|^power) + floor` (residual-based
/// adaptive distribution; Wu, Zhu, Tan, Kartha and Lu, Comput. Methods Appl. Mech. Engrg. 403 (2023) 115671, eq. (2)).
/// Systematic sampling: `shift` in [0, 1) moves all draws; a point may be drawn more than once only where its share
/// exceeds `1/n`. Residuals that are not finite count as the largest.
pub(super) fn by_residual(
    pool: &Points,
    residuals: &[f64],
    n: usize,
    power: f64,
    floor: f64,
    shift: f64,
) -> Points {
    let largest = residuals
        .iter()
        .filter(|r| r.is_finite())
        .fold(0.0f64, |m, r| m.max(r.abs()));
    let relative = |r: &f64| {
        if largest <= 0.0 {
            0.0
        } else if r.is_finite() {
            (r.abs() / largest).powf(power)
        } else {
            1.0
        }
    };
    let count = residuals.len().max(1) as f64;
    let mean = residuals.iter().map(relative).sum::<f64>() / count;
    let share = |r: &f64| floor + if mean > 0.0 { relative(r) / mean } else { 1.0 };
    let total: f64 = residuals.iter().map(share).sum();
    let step = total / n.max(1) as f64;
    let mut out = Points::new(pool.dimensions());
    let (mut sum, mut next) = (0.0, shift.clamp(0.0, 1.0) * step);
    for (i, r) in residuals.iter().enumerate() {
        sum += share(r);
        while next < sum && out.len() < n {
            out.push(
                pool.columns()
                    .map(|c| c.get(i).copied().unwrap_or(f64::NAN)),
            );
            next += step;
        }
    }
    out
}

/// Weights that let the equations be learnt from the start on: the mean squared residual of all earlier slices of
/// time, times `epsilon`, taken as an exponent (Wang, Sattar and Perdikaris, Comput. Methods Appl. Mech. Engrg. 421
/// (2024) 116813, eq. (3.6)). `squares` are squared residuals at `times`; the result has a factor per time for the
/// residual itself, that is the root of that weight.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Causal {
    range: [f64; 2],
    weights: Vec<f64>,
}

/// Slices of time.
const SLICES: usize = 32;

impl Causal {
    pub(super) fn new(range: [f64; 2], times: &[f64], squares: &[f64], epsilon: f64) -> Self {
        let mut sums = vec![(0.0, 0.0); SLICES];
        for (t, s) in times.iter().zip(squares) {
            if let Some((sum, count)) = sums.get_mut(slice(range, *t)) {
                *sum += s;
                *count += 1.0;
            }
        }
        let mut before = 0.0;
        let weights = sums.into_iter().map(|(sum, count)| {
            let own: f64 = (-epsilon * before).exp();
            if count > 0.0 {
                before += sum / count;
            }
            own.sqrt()
        });
        Causal {
            range,
            weights: weights.collect(),
        }
    }

    /// The factor at a time.
    pub(super) fn at(&self, time: f64) -> f64 {
        let own = self.weights.get(slice(self.range, time));
        own.copied().unwrap_or(1.0)
    }
}

fn slice(range: [f64; 2], time: f64) -> usize {
    let share = (time - range[0]) / (range[1] - range[0]);
    ((share * SLICES as f64).max(0.0) as usize).min(SLICES - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(n: usize) -> Points {
        let mut points = Points::new(1);
        for i in 0..n {
            points.push([(i as f64 + 0.5) / n as f64]);
        }
        points
    }

    #[test]
    fn draws_follow_the_residual() {
        let pool = line(1000);
        let residuals: Vec<f64> = pool
            .column(0)
            .iter()
            .map(|x| if *x < 0.1 { -9.0 } else { 1.0 })
            .collect();
        // Mean 1.8; shares 1 + 5 and 1 + 1/1.8 by the formula of the paper.
        let drawn = by_residual(&pool, &residuals, 400, 1.0, 1.0, 0.5);
        assert_eq!(drawn.len(), 400);
        let left = drawn.column(0).iter().filter(|x| **x < 0.1).count() as f64;
        let want = 400.0 * 0.1 * 6.0 / (0.1 * 6.0 + 0.9 * (1.0 + 1.0 / 1.8));
        assert!((left - want).abs() <= 1.0, "{left} {want}");
    }

    #[test]
    fn odd_pools() {
        let pool = line(7);
        for residuals in [
            [0.0; 7],
            [f64::NAN; 7],
            [f64::INFINITY, 1.0, 1e300, 0.0, -0.0, 5e-324, -3.0],
        ] {
            for n in [0, 1, 7, 20] {
                let drawn = by_residual(&pool, &residuals, n, 2.0, 1.0, 0.3);
                assert_eq!(drawn.len(), n, "{residuals:?}");
            }
        }
    }

    #[test]
    fn later_times_wait_for_earlier_ones() {
        let times: Vec<f64> = (0..320).map(|i| f64::from(i) / 320.0).collect();
        let squares = vec![0.5; 320];
        let causal = Causal::new([0.0, 1.0], &times, &squares, 0.2);
        // exp(-0.2 * 0.5 * k) is the weight of slice k; the factor of the residual is its root.
        for k in [0usize, 1, 7, 31] {
            let want = (-0.1 * k as f64 / 2.0).exp();
            let got = causal.at((k as f64 + 0.5) / 32.0);
            assert!((got - want).abs() <= 1e-12, "{k}: {got} {want}");
        }
        assert_eq!(causal.at(-1.0), 1.0);
        assert_eq!(causal.at(2.0), causal.at(0.999));
        let learnt = Causal::new([0.0, 1.0], &times, &[0.0; 320], 100.0);
        assert_eq!(learnt.at(0.999), 1.0);
    }
}
