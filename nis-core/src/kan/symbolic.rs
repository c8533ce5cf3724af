//! Formulas with free constants, fitted to data by Levenberg-Marquardt with symbolic derivatives.

use faer::MatMut;

use super::shapes::{SHAPES, Shape};
use crate::error::{Error, Result};
use crate::expr::{Expr, Program};
use crate::optim::{LeastSquares, LmOptions, least_squares, levenberg_marquardt};
use crate::telemetry::Progress;

/// The argument of an edge's form.
pub(super) const X: &str = "x";

/// A form of the library fitted to an edge.
#[derive(Clone)]
pub(super) struct Form {
    pub(super) shape: &'static Shape,
    pub(super) values: Vec<f64>,
}

/// Name of a constant: no column is called so, for columns have no control characters in their names.
pub(super) fn constant(i: usize) -> String {
    format!("\u{1}{i}")
}

/// A text of the library with `names` for its constants and `argument` for its argument `of`.
pub(super) fn written(text: &str, names: &[String], of: &str, argument: &Expr) -> Result<Expr> {
    let mut expr = Expr::parse(text)?;
    for (i, name) in names.iter().enumerate() {
        expr = expr.substitute(&format!("p{i}"), &Expr::name(name.as_str()))?;
    }
    expr.substitute(of, argument)
}

/// Puts numbers in the place of constants.
pub(super) fn with_values(expr: &Expr, names: &[String], values: &[f64]) -> Result<Expr> {
    let mut expr = expr.clone();
    for (name, value) in names.iter().zip(values) {
        expr = expr.substitute(name, &Expr::number(*value))?;
    }
    Ok(expr)
}

/// Description length of `n` residuals with a sum of squares under `k` constants: Schwarz's criterion with the
/// small-sample correction of McQuarrie, Statist. Probab. Lett. 44 (1999) 79. Residuals below `floor` (root
/// mean square) count as exact, so that among formulas that all fit the one with fewest constants is best.
pub(super) fn description(n: usize, sum_squares: f64, k: usize, floor: f64) -> f64 {
    let (n, k) = (n as f64, k as f64);
    let variance = (sum_squares / n + floor * floor).max(1e-300);
    n * variance.ln() + k * n.ln() * n / (n - k - 2.0).max(1.0)
}

/// Fits every form of the library to points and returns them by rising [`description`], plus `2 ln(M)` for
/// every form with more constants than a straight line, since the best of `M` tried forms fits better by luck
/// (Chen and Chen, Biometrika 95 (2008) 759, eq. (2.5)). Where `logarithmic`, x is the logarithm of a quantity
/// and forms that would change with its unit are left out.
pub(super) fn forms(
    x: &[f64],
    y: &[f64],
    logarithmic: bool,
    noise_floor: f64,
    progress: &Progress<'_>,
) -> Result<Vec<(f64, Form)>> {
    let (a, b) = x
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| {
            (a.min(*v), b.max(*v))
        });
    let mut out = Vec::new();
    if a >= b {
        return Ok(out);
    }
    for shape in SHAPES.iter().filter(|s| (s.exists)(a, b)) {
        let k = shape.roles.len();
        // Without two degrees of freedom left the residuals say nothing about the form.
        if x.len() < k + 2 || logarithmic && shape.logarithmic.is_none() {
            continue;
        }
        let Some(start) = start_values(shape, x, y, a, b)? else {
            continue;
        };
        let names: Vec<String> = (0..k).map(constant).collect();
        let expr = written(shape.text, &names, X, &Expr::name(X))?;
        let fitted = fit_constants(&expr, &names, &start, &[(X, x)], y, progress)?;
        let Some(fitted) = fitted else { continue };
        let mut score = description(x.len(), fitted.sum_squares, k, noise_floor);
        if k > 2 {
            score += 2.0 * (SHAPES.len() as f64).ln();
        }
        let form = Form {
            shape,
            values: fitted.values,
        };
        out.push((score, form));
    }
    out.sort_by(|a, b| a.0.total_cmp(&b.0));
    Ok(out)
}

/// The best of the tried inner constants, with the linear ones solved for.
fn start_values(shape: &Shape, x: &[f64], y: &[f64], a: f64, b: f64) -> Result<Option<Vec<f64>>> {
    let mut best: Option<(f64, Vec<f64>)> = None;
    for inner in (shape.inner)(a, b) {
        let design = faer::Mat::from_fn(x.len(), shape.count + 1, |i, j| match j {
            0 => 1.0,
            j => (shape.linear)(&inner, x[i])[j - 1],
        });
        if !design.is_all_finite() {
            continue;
        }
        let fit = least_squares(design.as_ref(), y)?;
        let values = (shape.assemble)(&fit.coefficients, &inner);
        let usable = fit.inverse_normal.is_some() && values.iter().all(|v| v.is_finite());
        if usable && best.as_ref().is_none_or(|(s, _)| fit.sum_squares < *s) {
            best = Some((fit.sum_squares, values));
        }
    }
    Ok(best.map(|(_, values)| values))
}

/// Constants of a formula fitted to data.
pub(super) struct Fitted {
    pub(super) values: Vec<f64>,
    pub(super) sum_squares: f64,
    /// Standard errors from the Gauss-Newton matrix; `None` without degrees of freedom or where the data do
    /// not determine the constants.
    pub(super) std_errors: Option<Vec<f64>>,
}

struct Constants<'a> {
    value: Program,
    slopes: Vec<Program>,
    columns: Vec<&'a [f64]>,
    y: &'a [f64],
    scratch: Vec<f64>,
}

impl Constants<'_> {
    fn inputs<'s>(&'s self, repeated: &'s [Vec<f64>]) -> Vec<&'s [f64]> {
        repeated
            .iter()
            .map(Vec::as_slice)
            .chain(self.columns.iter().copied())
            .collect()
    }
}

impl LeastSquares for Constants<'_> {
    fn parameters(&self) -> usize {
        self.slopes.len()
    }

    fn residuals(&self) -> usize {
        self.y.len()
    }

    fn evaluate(&mut self, p: &[f64], r: &mut [f64], jacobian: Option<MatMut<'_, f64>>) -> bool {
        let repeated: Vec<Vec<f64>> = p.iter().map(|v| vec![*v; self.y.len()]).collect();
        let mut scratch = std::mem::take(&mut self.scratch);
        let inputs = self.inputs(&repeated);
        let mut fine = self.value.evaluate(&inputs, &mut scratch).is_ok();
        for ((r, f), y) in r.iter_mut().zip(&scratch).zip(self.y) {
            *r = f - y;
            fine &= r.is_finite();
        }
        if let Some(mut j) = jacobian {
            for (c, slope) in self.slopes.iter().enumerate() {
                fine &= slope.evaluate(&inputs, &mut scratch).is_ok();
                for (i, v) in scratch.iter().enumerate() {
                    j[(i, c)] = *v;
                    fine &= v.is_finite();
                }
            }
        }
        self.scratch = scratch;
        fine
    }
}

/// Fits the constants `names` of `expr`, which depends on the named columns, to `y`. `None` where the formula
/// has no finite values at the start.
pub(super) fn fit_constants(
    expr: &Expr,
    names: &[String],
    start: &[f64],
    columns: &[(&str, &[f64])],
    y: &[f64],
    progress: &Progress<'_>,
) -> Result<Option<Fitted>> {
    fit_within(100, expr, names, start, columns, y, progress)
}

/// The same in at most so many iterations.
pub(super) fn fit_within(
    max_iterations: usize,
    expr: &Expr,
    names: &[String],
    start: &[f64],
    columns: &[(&str, &[f64])],
    y: &[f64],
    progress: &Progress<'_>,
) -> Result<Option<Fitted>> {
    let arguments: Vec<&str> = names
        .iter()
        .map(String::as_str)
        .chain(columns.iter().map(|(name, _)| *name))
        .collect();
    let slopes: Result<Vec<Program>> = names
        .iter()
        .map(|name| expr.differentiate(name)?.compile(&arguments))
        .collect();
    let mut problem = Constants {
        value: expr.compile(&arguments)?,
        slopes: slopes?,
        columns: columns.iter().map(|(_, values)| *values).collect(),
        y,
        scratch: vec![0.0; y.len()],
    };
    if names.is_empty() {
        let mut r = vec![0.0; y.len()];
        let fine = problem.evaluate(&[], &mut r, None);
        let sum_squares = r.iter().map(|v| v * v).sum();
        return Ok(fine.then_some(Fitted {
            values: vec![],
            sum_squares,
            std_errors: None,
        }));
    }
    let options = LmOptions {
        stage: "kan",
        max_iterations,
        ..LmOptions::default()
    };
    let fit = match levenberg_marquardt(&mut problem, start, &options, progress) {
        Ok(fit) => fit,
        Err(Error::Numerical { .. }) => return Ok(None),
        Err(e) => return Err(e),
    };
    let sum_squares = 2.0 * fit.cost;
    let freedom = y.len().saturating_sub(names.len());
    let std_errors = fit.inverse_normal().filter(|_| freedom > 0).map(|inverse| {
        // No better than the rounding of y, however exactly the formula fits.
        let rounding = f64::EPSILON.powi(2) * y.iter().map(|v| v * v).sum::<f64>() / y.len() as f64;
        let variance = (sum_squares / freedom as f64).max(rounding);
        (0..names.len())
            .map(|i| (variance * inverse[(i, i)]).sqrt())
            .collect()
    });
    Ok(Some(Fitted {
        values: fit.p,
        sum_squares,
        std_errors,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_recovers_itself() {
        let x: Vec<f64> = (0..60).map(|i| 0.3 + 0.05 * f64::from(i)).collect();
        for (index, constants) in [
            (0, vec![1.0, 2.0]),
            (1, vec![1.0, 2.0]),
            (2, vec![1.0, 2.0]),
            (3, vec![1.0, -2.0, 0.7]),
            (4, vec![1.0, 2.0, 1.7]),
            (5, vec![1.0, 2.0, -0.9]),
            (6, vec![1.0, 2.0, 1.3]),
            (7, vec![1.0, 2.0, 2.2, 0.4]),
            (8, vec![1.0, 2.0, 3.0, -5.0]),
            (9, vec![1.0, 2.0, 1.5, -2.5]),
            (10, vec![1.0, -2.0, 0.7, 0.2]),
        ] {
            let mut expr = Expr::parse(SHAPES[index].text).unwrap();
            for (i, v) in constants.iter().enumerate() {
                expr = expr
                    .substitute(&format!("p{i}"), &Expr::number(*v))
                    .unwrap();
            }
            let program = expr.compile(&["x"]).unwrap();
            let y: Vec<f64> = x.iter().map(|x| program.evaluate_point(&[*x])).collect();
            let found = forms(&x, &y, false, 1e-9, &Progress::none()).unwrap();
            let best = &found[0].1;
            assert_eq!(best.shape.roles, SHAPES[index].roles, "{expr}");
            let names: Vec<String> = (0..best.values.len()).map(constant).collect();
            let read = written(best.shape.text, &names, X, &Expr::name(X)).unwrap();
            let read = with_values(&read, &names, &best.values).unwrap();
            let read = read.compile(&["x"]).unwrap();
            for (x, y) in x.iter().zip(&y) {
                let off = (read.evaluate_point(&[*x]) - y).abs();
                assert!(off <= 1e-7, "{expr}: off by {off} at {x}");
            }
        }
    }

    #[test]
    fn standard_errors_of_a_line_are_the_textbook_ones() {
        let x: Vec<f64> = (0..12).map(f64::from).collect();
        let y: Vec<f64> = x.iter().map(|x| 1.0 + 2.0 * x + (7.3 * x).sin()).collect();
        let expr = Expr::parse("a + b*x").unwrap();
        let names = ["a".to_string(), "b".to_string()];
        let fit = fit_constants(
            &expr,
            &names,
            &[0.0, 0.0],
            &[("x", &x)],
            &y,
            &Progress::none(),
        )
        .unwrap()
        .unwrap();
        let n = 12.0;
        let (mx, my) = (x.iter().sum::<f64>() / n, y.iter().sum::<f64>() / n);
        let sxx: f64 = x.iter().map(|x| (x - mx).powi(2)).sum();
        let sxy: f64 = x.iter().zip(&y).map(|(x, y)| (x - mx) * (y - my)).sum();
        let b = sxy / sxx;
        let rss: f64 = x
            .iter()
            .zip(&y)
            .map(|(x, y)| (y - my - b * (x - mx)).powi(2))
            .sum();
        let s2 = rss / (n - 2.0);
        let se = fit.std_errors.unwrap();
        assert!((fit.values[1] - b).abs() <= 1e-9);
        assert!((se[1] - (s2 / sxx).sqrt()).abs() <= 1e-9);
        assert!((se[0] - (s2 * (1.0 / n + mx * mx / sxx)).sqrt()).abs() <= 1e-9);
    }
}
