//! A form fitted to points: starts from a coarse grid, then Gauss-Newton.

use faer::MatMut;

use super::{EdgeFit, EdgeOptions, Points};
use crate::error::{Error, Result};
use crate::expr::Expr;
use crate::kan::read::library::{Form, Gauge, Parity};
use crate::kan::symbolic::description;
use crate::optim::{LeastSquares, LmOptions, levenberg_marquardt};
use crate::telemetry::Progress;

/// Inner constants to start from, with the share of variance that they leave.
pub(super) struct Start {
    a: f64,
    b: f64,
    p: f64,
    pub(super) off: f64,
}

/// Arguments `a t + b` that are tried for a form: `a` and `b`.
fn grid(form: &Form) -> Vec<(f64, f64)> {
    let [from, to] = form.domain();
    let quarter = std::f64::consts::FRAC_PI_4;
    let mut out = Vec::new();
    let gaps = [1e-3, 1e-2, 0.05, 0.12, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0];
    match (from.is_finite(), to.is_finite()) {
        _ if form.gauge == Gauge::Line => out.push((1.0, 0.0)),
        (false, false) if form.gauge == Gauge::Exponential => {
            out.extend(
                [0.1, 0.3, 0.6, 1.0, 1.7, 3.0, 5.0, 9.0]
                    .iter()
                    .flat_map(|a| [(*a, 0.0), (-a, 0.0)]),
            );
        }
        (false, false) if form.gauge == Gauge::Homogeneous => {
            out.extend((-12..=12).map(|k| (1.0, 0.12 * f64::from(k))));
            out.extend(gaps.iter().flat_map(|g| [(1.0, 1.0 + g), (1.0, -1.0 - g)]));
        }
        (false, false) => {
            let few = [0.15, 0.4];
            for a in few
                .into_iter()
                .chain((1..=24).map(|k| quarter * f64::from(k)))
            {
                let steps = ((2.0 * (a + 2.0)) / 0.7).ceil().clamp(8.0, 40.0) as i32;
                for k in 0..=steps {
                    let b = (a + 2.0) * (2.0 * f64::from(k) / f64::from(steps) - 1.0);
                    out.push((a, b));
                    if form.parity == Parity::Neither {
                        out.push((-a, b));
                    }
                }
            }
        }
        (true, true) => {
            let width = 0.5 * (to - from);
            for share in [0.1, 0.3, 0.5, 0.7, 0.85, 0.95, 0.999] {
                for k in -3..=3 {
                    let b = from + width + (1.0 - share) * width * f64::from(k) / 3.001;
                    out.push((share * width, b));
                    if form.parity == Parity::Neither {
                        out.push((-share * width, b));
                    }
                }
            }
        }
        (at_left, _) => {
            let sizes: &[f64] = match form.gauge {
                Gauge::Homogeneous | Gauge::Logarithm => &[1.0],
                _ => &[0.2, 0.5, 1.0, 2.0, 4.0, 8.0],
            };
            for a in sizes {
                for gap in gaps {
                    let b = if at_left {
                        from + a * (1.0 + gap)
                    } else {
                        to - a * (1.0 + gap)
                    };
                    out.extend([(*a, b), (-a, b)]);
                }
            }
        }
    }
    out.retain(|(a, b)| form.holds(b - a.abs(), b + a.abs()));
    out
}

/// The two best points of the grid, for every start of the form's own constant.
pub(super) fn coarse(form: &Form, points: &Points) -> Result<Vec<Start>> {
    let stride = points.t.len().div_ceil(40);
    let (t, y): (Vec<f64>, Vec<f64>) = points
        .t
        .iter()
        .zip(&points.y)
        .step_by(stride)
        .map(|(t, y)| (*t, *y))
        .unzip();
    let n = t.len();
    let grid = grid(form);
    let u: Vec<f64> = grid
        .iter()
        .flat_map(|(a, b)| t.iter().map(move |t| a * t + b))
        .collect();
    let mut f = vec![0.0; u.len()];
    let mean_y = y.iter().sum::<f64>() / n as f64;
    let total: f64 = y.iter().map(|y| (y - mean_y).powi(2)).sum();
    let mut out = Vec::new();
    let own: &[f64] = if form.has_own() {
        form.starts()
    } else {
        &[0.0]
    };
    for p in own {
        let p_column = vec![*p; u.len()];
        form.value.evaluate(&[&u, &p_column], &mut f)?;
        let mut found: Vec<Start> = Vec::new();
        for ((a, b), f) in grid.iter().zip(f.chunks(n)) {
            let mean = f.iter().sum::<f64>() / n as f64;
            let (mut ff, mut fy) = (0.0, 0.0);
            for (f, y) in f.iter().zip(&y) {
                ff += (f - mean).powi(2);
                fy += (f - mean) * (y - mean_y);
            }
            let off = 1.0 - fy * fy / (ff * total);
            if off.is_finite() {
                found.push(Start {
                    a: *a,
                    b: *b,
                    p: *p,
                    off,
                });
            }
        }
        found.sort_by(|a, b| a.off.total_cmp(&b.off));
        found.truncate(2);
        out.extend(found);
    }
    Ok(out)
}

/// Residuals of `c f(a t + b; p) + d` on normalised points; which of `a, b, p` are free besides `c, d`.
struct Matching<'a> {
    form: &'a Form,
    points: &'a Points,
    fixed: [f64; 3],
    free: [bool; 3],
    u: Vec<f64>,
    own: Vec<f64>,
    columns: [Vec<f64>; 3],
}

impl Matching<'_> {
    /// `[a, b, p]` for parameters.
    fn inner(&self, q: &[f64]) -> [f64; 3] {
        let mut inner = self.fixed;
        let mut rest = q.iter().skip(2);
        for (v, free) in inner.iter_mut().zip(self.free) {
            if free {
                *v = rest.next().copied().unwrap_or(*v);
            }
        }
        inner
    }
}

impl LeastSquares for Matching<'_> {
    fn parameters(&self) -> usize {
        2 + self.free.iter().filter(|f| **f).count()
    }

    fn residuals(&self) -> usize {
        self.points.y.len()
    }

    fn evaluate(&mut self, q: &[f64], r: &mut [f64], jacobian: Option<MatMut<'_, f64>>) -> bool {
        let [a, b, p] = self.inner(q);
        if !self.form.holds(b - a.abs(), b + a.abs()) {
            return false;
        }
        for (u, t) in self.u.iter_mut().zip(&self.points.t) {
            *u = a * t + b;
        }
        self.own.fill(p);
        let arguments: [&[f64]; 2] = [&self.u, &self.own];
        let [value, slope, by_own] = &mut self.columns;
        let mut fine = self.form.value.evaluate(&arguments, value).is_ok();
        let (c, d) = (q[0], q[1]);
        for ((r, f), y) in r.iter_mut().zip(value.iter()).zip(&self.points.y) {
            *r = c * f + d - y;
            fine &= r.is_finite();
        }
        if let Some(mut j) = jacobian {
            fine &= self.form.slope.evaluate(&arguments, slope).is_ok();
            if let Some(program) = &self.form.by_own {
                fine &= program.evaluate(&arguments, by_own).is_ok();
            }
            for (i, t) in self.points.t.iter().enumerate() {
                j[(i, 0)] = value[i];
                j[(i, 1)] = 1.0;
                let inner = [c * slope[i] * t, c * slope[i], c * by_own[i]];
                let mut at = 2;
                for (v, free) in inner.iter().zip(self.free) {
                    if free {
                        j[(i, at)] = *v;
                        fine &= v.is_finite();
                        at += 1;
                    }
                }
            }
        }
        fine
    }
}

/// A form fitted from a start; `None` where it does not exist there.
pub(super) fn refine(
    form: &Form,
    start: &Start,
    points: &Points,
    options: &EdgeOptions,
    progress: &Progress<'_>,
) -> Result<Option<EdgeFit>> {
    let n = points.t.len();
    let free = match form.gauge {
        Gauge::Line => [false, false, false],
        Gauge::Homogeneous | Gauge::Logarithm => [false, true, form.has_own()],
        Gauge::Exponential => [true, false, form.has_own()],
        Gauge::None => [true, true, form.has_own()],
    };
    let mut problem = Matching {
        form,
        points,
        fixed: [start.a, start.b, start.p],
        free,
        u: vec![0.0; n],
        own: vec![0.0; n],
        columns: [vec![0.0; n], vec![0.0; n], vec![0.0; n]],
    };
    // The linear constants at the start, in closed form: y has mean 0.
    let f: Vec<f64> = points
        .t
        .iter()
        .map(|t| form.at(start.a * t + start.b, start.p))
        .collect();
    let mean = f.iter().sum::<f64>() / n as f64;
    let ff: f64 = f.iter().map(|f| (f - mean).powi(2)).sum();
    let fy: f64 = f.iter().zip(&points.y).map(|(f, y)| (f - mean) * y).sum();
    let c = fy / ff;
    if !c.is_finite() || !(c * mean).is_finite() {
        return Ok(None);
    }
    let mut q = vec![c, -c * mean];
    let inner = [start.a, start.b, start.p];
    q.extend(inner.iter().zip(free).filter(|(_, f)| *f).map(|(v, _)| *v));
    let lm = LmOptions {
        stage: "kan",
        max_iterations: 40,
        cost_tolerance: 1e-9,
        step_tolerance: 1e-9,
        ..LmOptions::default()
    };
    let fit = match levenberg_marquardt(&mut problem, &q, &lm, progress) {
        Ok(fit) => fit,
        Err(Error::Numerical { .. }) => return Ok(None),
        Err(e) => return Err(e),
    };
    let [a, b, p] = problem.inner(&fit.p);
    let (c, d) = (fit.p[0], fit.p[1]);
    let sum_squares = 2.0 * fit.cost;
    let constants = [
        a / points.half,
        b - a * points.middle / points.half,
        c * points.spread,
        d * points.spread + points.mean,
    ];
    if constants.iter().any(|v| !v.is_finite()) {
        return Ok(None);
    }
    let own = form.has_own().then_some(p);
    let score = description(n, sum_squares, q.len(), options.resolution)
        + options.price * form.complexity();
    Ok(Some(EdgeFit {
        form: form.name().into(),
        constants,
        own,
        expr: whole(form, constants, p)?,
        r2: 1.0 - sum_squares / n as f64,
        complexity: form.complexity(),
        free: q.len(),
        score,
    }))
}

fn whole(form: &Form, [a, b, c, d]: [f64; 4], p: f64) -> Result<Expr> {
    let argument = Expr::number(a)
        .times(&Expr::name("x"))?
        .plus(&Expr::number(b))?;
    let f = form
        .expr()
        .substitute("p", &Expr::number(p))?
        .substitute("x", &argument)?;
    Expr::number(c)
        .times(&f)?
        .plus(&Expr::number(d))?
        .simplify()
}
