//! Starting values: derivatives by local polynomials, parameters by gradient matching.
//!
//! Fan and Gijbels, Local Polynomial Modelling (1996), section 3.1; Varah, SIAM J. Sci. Stat. Comput. 3 (1982)
//! 28 for the matching of slopes.

use faer::{Mat, MatMut};

use super::system::Compiled;
use crate::error::Result;
use crate::optim::{LeastSquares, LmOptions, least_squares, levenberg_marquardt};
use crate::telemetry::Progress;

/// Values and derivatives up to `order` of a sampled function at its samples, by a polynomial of degree
/// `order + 2` through the nearest `2 order + 5` of them in the sense of least squares. `[derivative][sample]`.
pub(super) fn derivatives(t: &[f64], y: &[f64], order: usize) -> Result<Vec<Vec<f64>>> {
    let n = t.len();
    let window = (2 * order + 5).min(n);
    let degree = (order + 2).min(window - 1);
    let mut out = vec![vec![0.0; n]; order + 1];
    for i in 0..n {
        let mut from = i.saturating_sub(window / 2).min(n - window);
        // With unequal steps the nearest samples need not lie evenly around.
        while from > 0 && t[i] - t[from - 1] < t[from + window - 1] - t[i] {
            from -= 1;
        }
        while from + window < n && t[from + window] - t[i] < t[i] - t[from] {
            from += 1;
        }
        let reach = (t[i] - t[from]).max(t[from + window - 1] - t[i]);
        let design = Mat::from_fn(window, degree + 1, |k, d| {
            ((t[from + k] - t[i]) / reach).powi(d as i32)
        });
        let fit = least_squares(design.as_ref(), &y[from..from + window])?;
        let mut factorial = 1.0;
        for (d, out) in out.iter_mut().enumerate() {
            if d > 0 {
                factorial *= d as f64;
            }
            out[i] =
                fit.coefficients.get(d).copied().unwrap_or(0.0) * factorial / reach.powi(d as i32);
        }
    }
    Ok(out)
}

/// Samples of the components and of their derivatives: `[sample][component]`.
pub(super) struct Slopes {
    pub(super) t: Vec<f64>,
    pub(super) z: Vec<Vec<f64>>,
    pub(super) dz: Vec<Vec<f64>>,
}

struct Matching<'a> {
    system: &'a Compiled,
    slopes: &'a Slopes,
    /// One over the root mean square of each component's derivative.
    weights: Vec<f64>,
}

impl<'a> Matching<'a> {
    fn new(system: &'a Compiled, slopes: &'a Slopes) -> Self {
        let n = slopes.dz.len() as f64;
        let weights = (0..system.components)
            .map(|c| {
                let rms = (slopes.dz.iter().map(|d| d[c] * d[c]).sum::<f64>() / n).sqrt();
                if rms > 0.0 { 1.0 / rms } else { 1.0 }
            })
            .collect();
        Matching {
            system,
            slopes,
            weights,
        }
    }
}

impl LeastSquares for Matching<'_> {
    fn parameters(&self) -> usize {
        self.system.parameters
    }

    fn residuals(&self) -> usize {
        self.slopes.t.len() * self.system.components
    }

    fn evaluate(&mut self, p: &[f64], r: &mut [f64], jacobian: Option<MatMut<'_, f64>>) -> bool {
        let mut jacobian = jacobian;
        let n = self.system.components;
        let width = n + self.system.parameters;
        let mut point = self.system.point(p);
        let mut f = vec![0.0; n];
        let mut j = vec![0.0; n * width];
        for (i, t) in self.slopes.t.iter().enumerate() {
            point[0] = *t;
            point[1..=n].copy_from_slice(&self.slopes.z[i]);
            self.system.slope(&point, &mut f);
            for c in 0..n {
                r[i * n + c] = self.weights[c] * (f[c] - self.slopes.dz[i][c]);
            }
            if let Some(out) = jacobian.as_mut() {
                self.system.jacobian(&point, &mut j);
                for c in 0..n {
                    for k in 0..self.system.parameters {
                        out[(i * n + c, k)] = self.weights[c] * j[c * width + n + k];
                    }
                }
            }
        }
        r.iter().all(|v| v.is_finite())
    }
}

/// Parameters whose right-hand side matches the slopes best. Linear ones are solved for at once; others are
/// sought from several starts. `None` where no start has finite residuals.
pub(super) fn match_gradients(
    system: &Compiled,
    slopes: &Slopes,
    given: &[Option<f64>],
    progress: &Progress<'_>,
) -> Result<Option<Vec<f64>>> {
    if system.parameters == 0 {
        return Ok(Some(Vec::new()));
    }
    let mut problem = Matching::new(system, slopes);
    let guesses: &[f64] = if system.linear {
        &[0.0]
    } else {
        &[1.0, 0.1, 10.0, -1.0, 0.01]
    };
    let mut best: Option<(f64, Vec<f64>)> = None;
    for guess in guesses {
        let start: Vec<f64> = given.iter().map(|g| g.unwrap_or(*guess)).collect();
        if system.linear {
            let (m, n) = (problem.residuals(), system.parameters);
            let mut r = vec![0.0; m];
            let mut j = Mat::zeros(m, n);
            if m >= n && problem.evaluate(&vec![0.0; n], &mut r, Some(j.as_mut())) {
                let b: Vec<f64> = r.iter().map(|v| -v).collect();
                let fit = least_squares(j.as_ref(), &b)?;
                if fit.coefficients.iter().all(|c| c.is_finite()) {
                    best = Some((fit.sum_squares, fit.coefficients));
                }
            }
            continue;
        }
        let options = LmOptions {
            max_iterations: 60,
            stage: "pinn",
            ..LmOptions::default()
        };
        match levenberg_marquardt(&mut problem, &start, &options, progress) {
            Ok(fit) => {
                if best.as_ref().is_none_or(|(cost, _)| fit.cost < *cost) {
                    best = Some((fit.cost, fit.p));
                }
            }
            Err(crate::Error::Numerical { .. }) => {}
            Err(e) => return Err(e),
        }
    }
    Ok(best.map(|(_, p)| p))
}

#[cfg(test)]
mod tests {
    use super::super::OdeSystem;
    use super::*;

    #[test]
    fn polynomials_are_differentiated_exactly() {
        let t = [0.0, 0.3, 0.5, 1.1, 1.2, 2.0, 2.2, 3.0, 3.1, 4.0, 4.5];
        let y: Vec<f64> = t.iter().map(|t| 1.0 + 2.0 * t - t * t * t).collect();
        let d = derivatives(&t, &y, 2).unwrap();
        for (i, t) in t.iter().enumerate() {
            assert!((d[0][i] - y[i]).abs() <= 1e-9);
            assert!(
                (d[1][i] - (2.0 - 3.0 * t * t)).abs() <= 1e-8,
                "{} {t}",
                d[1][i]
            );
            assert!((d[2][i] + 6.0 * t).abs() <= 1e-7);
        }
    }

    #[test]
    fn slopes_give_the_parameters_linear_or_not() {
        let t: Vec<f64> = (0..20).map(|i| 0.2 * f64::from(i)).collect();
        let slopes = Slopes {
            z: t.iter()
                .map(|t| vec![3.0 * (-0.7 * t).exp() + 1.0])
                .collect(),
            dz: t.iter().map(|t| vec![-2.1 * (-0.7 * t).exp()]).collect(),
            t,
        };
        for text in ["y' = -k*y + c", "y' = -exp(k)*(y - c)"] {
            let system = OdeSystem::parse(text).unwrap().compile().unwrap();
            let p = match_gradients(&system, &slopes, &[None, None], &Progress::none())
                .unwrap()
                .unwrap();
            let want = if system.linear {
                [0.7, 0.7]
            } else {
                [1.0, 0.7f64.ln()]
            };
            // In alphabetical order within an equation: c, k.
            assert!(
                (p[0] - want[0]).abs() < 1e-6 && (p[1] - want[1]).abs() < 1e-6,
                "{text} {p:?}"
            );
        }
    }
}
