//! The symbolic reading of one edge: `c f(a x + b) + d` for every `f` of a library, `(a, b)` by Gauss-Newton from a coarse
//! grid, `c` and `d` in closed form on the grid.

use faer::MatMut;
use serde::{Deserialize, Serialize};

use super::library::{Form, Gauge, Library, Parity};
use crate::error::{Error, Result};
use crate::expr::Expr;
use crate::kan::network::{Edge, Kan, Symbolic};
use crate::kan::symbolic::description;
use crate::optim::{LeastSquares, LmOptions, levenberg_marquardt};
use crate::telemetry::Progress;

/// How an edge is read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EdgeOptions {
    /// Points over the range of the edge, 16 to 10000.
    pub points: usize,
    /// Readings kept.
    pub top: usize,
    /// R2 below which a reading is refused, in [0, 1).
    pub threshold: f64,
    /// Residual, as a share of the edge's spread, below which a reading counts as exact: what the spline itself is off.
    pub resolution: f64,
    /// What a unit of complexity costs in units of the description length.
    pub price: f64,
}

impl Default for EdgeOptions {
    fn default() -> Self {
        EdgeOptions {
            points: 81,
            top: 5,
            threshold: 0.99,
            resolution: 1e-3,
            price: 2.0,
        }
    }
}

impl EdgeOptions {
    pub(super) fn check(&self) -> Result<()> {
        if !(16..=10_000).contains(&self.points) {
            return Err(Error::invalid("points", self.points, "16 to 10000"));
        }
        if !(0.0..1.0).contains(&self.threshold) {
            return Err(Error::invalid(
                "threshold",
                self.threshold,
                "an R2 in [0, 1)",
            ));
        }
        for (field, v) in [("resolution", self.resolution), ("price", self.price)] {
            if v.is_nan() || v < 0.0 || v.is_infinite() {
                return Err(Error::invalid(field, v, "0 or a positive number"));
            }
        }
        if self.top == 0 {
            return Err(Error::invalid("top", 0, "at least 1"));
        }
        Ok(())
    }
}

/// An edge read as a function of the library.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EdgeFit {
    /// Name of the form.
    pub form: String,
    /// `[a, b, c, d]` in `c f(a x + b) + d`.
    pub constants: [f64; 4],
    /// The form's own constant (the exponent of a power), where it has one.
    pub own: Option<f64>,
    /// The whole as a function of `x`.
    pub expr: Expr,
    /// Share of the edge's variance that it explains.
    pub r2: f64,
    /// The form's price.
    pub complexity: f64,
    /// Free constants: those that cannot be traded for one another.
    pub free: usize,
    /// Description length plus price; the lowest is the best.
    pub score: f64,
}

impl EdgeFit {
    /// As a function that can be put on an edge.
    ///
    /// # Errors
    /// As [`Symbolic::new`].
    pub fn symbolic(&self, library: &Library) -> Result<Symbolic> {
        let form = library.find(&self.form).ok_or_else(|| Error::NotFound {
            what: "form of the library".into(),
            name: self.form.clone(),
        })?;
        let own = Expr::number(self.own.unwrap_or(0.0));
        let text = form.expr().substitute("p", &own)?.to_string();
        Symbolic::new(&text, self.constants)
    }
}

/// Points of a curve brought to argument [-1, 1], mean 0 and variance 1.
struct Points {
    t: Vec<f64>,
    y: Vec<f64>,
    middle: f64,
    half: f64,
    mean: f64,
    spread: f64,
}

impl Points {
    fn new(x: &[f64], y: &[f64]) -> Option<Self> {
        let (a, b) = x
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| {
                (a.min(*v), b.max(*v))
            });
        let (half, n) = (0.5 * b - 0.5 * a, y.len() as f64);
        let middle = a + half;
        // In units of the largest value, whose square is a number.
        let size = y.iter().fold(0.0f64, |s, v| s.max(v.abs()));
        let mean = y.iter().map(|v| v / n).sum::<f64>();
        let off = |v: &f64| ((v - mean) / size).powi(2);
        let spread = size * (y.iter().map(off).sum::<f64>() / n).sqrt();
        let sound = half > 0.0 && half.is_finite() && spread > 0.0 && spread.is_finite();
        sound.then(|| Points {
            t: x.iter().map(|x| (x - middle) / half).collect(),
            y: y.iter().map(|y| (y - mean) / spread).collect(),
            middle,
            half,
            mean,
            spread,
        })
    }
}

/// Reads points of a curve as every form of the library that exists over their range: the best first, at most
/// [`EdgeOptions::top`], none of an R2 below [`EdgeOptions::threshold`]. Costs about a millisecond per form.
///
/// The score is the description length of [`EdgeFit::score`] (Schwarz's criterion with McQuarrie's correction) on the points
/// plus the price of the form, so that of two forms which both fit within the resolution the simpler wins, and a form that
/// does not fit wins by no simplicity.
///
/// ```
/// use nis_core::{kan::{EdgeOptions, Library, read_curve}, telemetry::Progress};
/// let x: Vec<f64> = (0..81).map(|i| f64::from(i) / 40.0 - 1.0).collect();
/// let y: Vec<f64> = x.iter().map(|x| 2.0 * (3.0 * x + 0.5).sin() - 1.0).collect();
/// let found = read_curve(&x, &y, &Library::default(), &EdgeOptions::default(), &Progress::none())?;
/// assert_eq!(found[0].form, "sin");
/// assert!((found[0].constants[0] - 3.0).abs() < 1e-6 && found[0].r2 > 0.999999);
/// # Ok::<(), nis_core::Error>(())
/// ```
///
/// # Errors
/// [`Error::InvalidInput`] for options out of range, lengths that differ or values that are not finite;
/// [`Error::Cancelled`].
pub fn read_curve(
    x: &[f64],
    y: &[f64],
    library: &Library,
    options: &EdgeOptions,
    progress: &Progress<'_>,
) -> Result<Vec<EdgeFit>> {
    options.check()?;
    if x.len() != y.len() {
        return Err(Error::invalid(
            "y",
            y.len(),
            format!("{} values, as in x", x.len()),
        ));
    }
    for (field, v) in [("x", x), ("y", y)] {
        if let Some(at) = v.iter().position(|v| !v.is_finite()) {
            return Err(Error::invalid(
                format!("{field}[{at}]"),
                v[at],
                "finite values",
            ));
        }
    }
    let Some(points) = Points::new(x, y).filter(|p| p.t.len() >= 8) else {
        return Ok(Vec::new());
    };
    // Fit first what the coarse grid promises most; the rest cannot come into the list.
    let mut starts = Vec::new();
    for form in library.forms() {
        progress.check()?;
        for start in coarse(form, &points)? {
            starts.push((form, start));
        }
    }
    starts.sort_by(|a, b| a.1.off.total_cmp(&b.1.off));
    let mut out: Vec<EdgeFit> = Vec::new();
    let mut tried = 0;
    for (form, start) in &starts {
        let known = out
            .iter()
            .any(|f| f.form == form.name() && f.r2 > 1.0 - options.resolution.powi(2));
        // Far from the best of the grid, Gauss-Newton does not make it up.
        if known || tried >= 14 && start.off > 0.25 {
            continue;
        }
        tried += 1;
        let Some(fit) = refine(form, start, &points, options, progress)? else {
            continue;
        };
        if fit.r2 < options.threshold {
            continue;
        }
        match out.iter_mut().find(|f| f.form == fit.form) {
            Some(other) if fit.score < other.score => *other = fit,
            Some(_) => {}
            None => out.push(fit),
        }
    }
    out.sort_by(|a, b| a.score.total_cmp(&b.score));
    out.truncate(options.top);
    Ok(out)
}

/// Inner constants to start from, with the share of variance that they leave.
struct Start {
    a: f64,
    b: f64,
    p: f64,
    off: f64,
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
fn coarse(form: &Form, points: &Points) -> Result<Vec<Start>> {
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

fn refine(
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

impl Kan {
    /// Reads an edge over `[from, to]` (take the range that its input has on the data); see [`read_curve`].
    ///
    /// # Errors
    /// As [`read_curve`]; [`Error::InvalidInput`] where there is no such edge or no range.
    pub fn read_edge(
        &self,
        [layer, input, sum]: [usize; 3],
        [from, to]: [f64; 2],
        library: &Library,
        options: &EdgeOptions,
        progress: &Progress<'_>,
    ) -> Result<Vec<EdgeFit>> {
        options.check()?;
        let Some(there) = self
            .layers()
            .get(layer)
            .filter(|l| l.edge_kind(input, sum).is_some())
        else {
            return Err(Error::invalid(
                "edge",
                format!("{layer}, {input}, {sum}"),
                "an edge of the network",
            ));
        };
        let width = to - from;
        if width.is_nan() || width <= 0.0 || width.is_infinite() {
            return Err(Error::invalid(
                "range",
                format!("{from} to {to}"),
                "an interval",
            ));
        }
        let last = (options.points - 1) as f64;
        let x: Vec<f64> = (0..options.points)
            .map(|k| from + width * k as f64 / last)
            .collect();
        let y: Vec<f64> = x.iter().map(|x| there.at(input, sum, *x)).collect();
        read_curve(&x, &y, library, options, progress)
    }

    /// Puts a reading in the place of an edge.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where there is no such edge; as [`EdgeFit::symbolic`].
    pub fn fix_edge(
        &mut self,
        [layer, input, sum]: [usize; 3],
        fit: &EdgeFit,
        library: &Library,
    ) -> Result<()> {
        let kind = Edge::Fixed(Box::new(fit.symbolic(library)?));
        match self.layers_mut().get_mut(layer) {
            Some(there) => there.set_edge(input, sum, kind),
            None => Err(Error::invalid(
                "edge",
                format!("{layer}, {input}, {sum}"),
                "an edge of the network",
            )),
        }
    }
}

#[cfg(test)]
mod tests;
