//! Formulas with free constants, fitted to data by Levenberg-Marquardt with symbolic derivatives, and the
//! library of forms that an edge may take.

use faer::MatMut;

use crate::error::{Error, Result};
use crate::expr::{Expr, Program};
use crate::optim::{LeastSquares, LmOptions, least_squares, levenberg_marquardt};
use crate::telemetry::Progress;

/// The argument of an edge's form.
pub(super) const X: &str = "x";

/// A form of an edge: a formula in [`X`] and its constants, the first of which is additive.
#[derive(Debug, Clone)]
pub(super) struct Form {
    pub(super) expr: Expr,
    /// Names of the constants in `expr`.
    pub(super) constants: Vec<String>,
    /// What each constant is, for readers.
    pub(super) roles: Vec<&'static str>,
    pub(super) values: Vec<f64>,
    /// Sum of squared residuals.
    pub(super) sum_squares: f64,
}

/// Name of the `i`-th constant: no column can be called so, for column names are never empty before `#`.
pub(super) fn constant(i: usize) -> String {
    format!("#{i}")
}

struct Shape {
    /// Text with `p0`, `p1`, ... for the constants.
    text: &'static str,
    roles: &'static [&'static str],
    /// The functions that enter linearly for given inner constants, beside 1.
    linear: fn(&[f64], f64) -> [f64; 3],
    /// How many of those there are.
    count: usize,
    /// Values to try for the inner constants, from the range of x.
    inner: fn(f64, f64) -> Vec<Vec<f64>>,
    /// Puts linear coefficients (constant first) and inner constants in the order of `text`.
    assemble: fn(&[f64], &[f64]) -> Vec<f64>,
    /// Whether the form exists on the range.
    exists: fn(f64, f64) -> bool,
}

fn rates(a: f64, b: f64) -> Vec<Vec<f64>> {
    let unit = 1.0 / (b - a);
    [-8.0, -4.0, -2.0, -1.0, -0.5, 0.5, 1.0, 2.0, 4.0, 8.0]
        .iter()
        .map(|r| vec![r * unit])
        .collect()
}

fn waves(a: f64, b: f64) -> Vec<Vec<f64>> {
    // From half a cycle to eight cycles over the range, in quarter cycles.
    (2..=32)
        .map(|k| vec![0.25 * f64::from(k) * std::f64::consts::TAU / (b - a)])
        .collect()
}

fn steps(a: f64, b: f64) -> Vec<Vec<f64>> {
    let mut out = Vec::new();
    for k in 1..8 {
        let centre = a + (b - a) * f64::from(k) / 8.0;
        for width in [0.05, 0.15, 0.4] {
            let rate = 1.0 / (width * (b - a));
            out.push(vec![rate, -rate * centre]);
        }
    }
    out
}

fn always(_: f64, _: f64) -> bool {
    true
}

fn straight(c: &[f64], inner: &[f64]) -> Vec<f64> {
    [c, inner].concat()
}

/// The library, simplest first.
const SHAPES: &[Shape] = &[
    Shape {
        text: "p0 + p1*x",
        roles: &["constant", "coefficient"],
        linear: |_, x| [x, 0.0, 0.0],
        count: 1,
        inner: |_, _| vec![vec![]],
        assemble: straight,
        exists: always,
    },
    Shape {
        text: "p0 + p1*log(x)",
        roles: &["constant", "coefficient of log"],
        linear: |_, x| [x.ln(), 0.0, 0.0],
        count: 1,
        inner: |_, _| vec![vec![]],
        assemble: straight,
        exists: |a, _| a > 0.0,
    },
    Shape {
        text: "p0 + p1/x",
        roles: &["constant", "coefficient of the inverse"],
        linear: |_, x| [1.0 / x, 0.0, 0.0],
        count: 1,
        inner: |_, _| vec![vec![]],
        assemble: straight,
        exists: |a, b| a * b > 0.0,
    },
    Shape {
        text: "p0 + p1*x + p2*x^2",
        roles: &["constant", "coefficient", "coefficient of the square"],
        linear: |_, x| [x, x * x, 0.0],
        count: 2,
        inner: |_, _| vec![vec![]],
        assemble: straight,
        exists: always,
    },
    Shape {
        text: "p0 + p1*x^p2",
        roles: &["constant", "coefficient of the power", "exponent"],
        linear: |p, x| [x.powf(p[0]), 0.0, 0.0],
        count: 1,
        inner: |_, _| {
            [-2.0, -1.5, -0.5, 0.5, 1.5, 2.5, 3.0, 4.0]
                .iter()
                .map(|p| vec![*p])
                .collect()
        },
        assemble: straight,
        exists: |a, _| a > 0.0,
    },
    Shape {
        text: "p0 + p1*exp(p2*x)",
        roles: &["constant", "coefficient of exp", "rate"],
        linear: |p, x| [(p[0] * x).exp(), 0.0, 0.0],
        count: 1,
        inner: rates,
        assemble: straight,
        exists: always,
    },
    Shape {
        text: "p0 + p1*sin(p2*x + p3)",
        roles: &["constant", "amplitude", "angular frequency", "phase"],
        linear: |p, x| [(p[0] * x).sin(), (p[0] * x).cos(), 0.0],
        count: 2,
        inner: waves,
        // c1 sin + c2 cos = r sin(. + phase)
        assemble: |c, inner| vec![c[0], c[1].hypot(c[2]), inner[0], c[2].atan2(c[1])],
        exists: always,
    },
    Shape {
        text: "p0 + p1*tanh(p2*x + p3)",
        roles: &["constant", "amplitude of tanh", "rate", "shift"],
        linear: |p, x| [(p[0] * x + p[1]).tanh(), 0.0, 0.0],
        count: 1,
        inner: steps,
        assemble: straight,
        exists: always,
    },
    Shape {
        text: "p0 + p1*exp(-(p2*x + p3)^2)",
        roles: &["constant", "amplitude of the bell", "rate", "shift"],
        linear: |p, x| [(-(p[0] * x + p[1]).powi(2)).exp(), 0.0, 0.0],
        count: 1,
        inner: steps,
        assemble: straight,
        exists: always,
    },
    Shape {
        text: "p0 + p1*x + p2*x^2 + p3*x^3",
        roles: &[
            "constant",
            "coefficient",
            "coefficient of the square",
            "coefficient of the cube",
        ],
        linear: |_, x| [x, x * x, x * x * x],
        count: 3,
        inner: |_, _| vec![vec![]],
        assemble: straight,
        exists: always,
    },
];

/// Fits every form of the library to points and returns them by rising description length: `n ln(RSS) + k
/// ln(n)` (BIC, Schwarz 1978), plus `2 ln(M)` for every form with more constants than a straight line, since the best of `M` tried
/// forms fits better by luck (Chen and Chen, Biometrika 95 (2008) 759, eq. (2.5)). Residuals below `noise_floor` (root mean square) count as exact, so that among
/// forms that all fit the simplest is first.
pub(super) fn forms(
    x: &[f64],
    y: &[f64],
    noise_floor: f64,
    progress: &Progress<'_>,
) -> Result<Vec<(f64, Form)>> {
    let n = x.len() as f64;
    let (a, b) = x
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| {
            (a.min(*v), b.max(*v))
        });
    let mut out = Vec::new();
    if !(a < b) {
        return Ok(out);
    }
    for shape in SHAPES.iter().filter(|s| (s.exists)(a, b)) {
        let k = shape.roles.len();
        if x.len() <= k {
            continue;
        }
        let Some(start) = start_values(shape, x, y, a, b)? else {
            continue;
        };
        let names: Vec<String> = (0..k).map(constant).collect();
        let mut expr = Expr::parse(shape.text)?;
        for (i, name) in names.iter().enumerate() {
            expr = expr.substitute(&format!("p{i}"), &Expr::name(name.as_str()))?;
        }
        let fitted = fit_constants(&expr, &names, &start, &[(X, x)], y, progress)?;
        let Some(fitted) = fitted else { continue };
        let sum_squares = fitted.sum_squares;
        let score = n
            * (sum_squares / n + noise_floor * noise_floor)
                .max(1e-300)
                .ln()
            + k as f64 * n.ln()
            + if k > 2 {
                2.0 * (SHAPES.len() as f64).ln()
            } else {
                0.0
            };
        out.push((
            score,
            Form {
                expr,
                constants: names,
                roles: shape.roles.to_vec(),
                values: fitted.values,
                sum_squares,
            },
        ));
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
        max_iterations: 100,
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
        let variance = sum_squares / freedom as f64;
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
            (6, vec![1.0, 2.0, 2.2, 0.4]),
            (7, vec![1.0, 2.0, 3.0, -5.0]),
            (8, vec![1.0, 2.0, 1.5, -2.5]),
            (9, vec![1.0, -2.0, 0.7, 0.2]),
        ] {
            let mut expr = Expr::parse(SHAPES[index].text).unwrap();
            for (i, v) in constants.iter().enumerate() {
                expr = expr
                    .substitute(&format!("p{i}"), &Expr::number(*v))
                    .unwrap();
            }
            let program = expr.compile(&["x"]).unwrap();
            let y: Vec<f64> = x.iter().map(|x| program.evaluate_point(&[*x])).collect();
            let found = forms(&x, &y, 1e-9, &Progress::none()).unwrap();
            let best = &found[0].1;
            assert_eq!(best.roles, SHAPES[index].roles, "{expr}");
            assert!(best.sum_squares < 1e-14, "{expr}: {}", best.sum_squares);
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
