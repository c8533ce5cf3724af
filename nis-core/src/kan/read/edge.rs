//! The symbolic reading of one edge: `c f(a x + b) + d` for every `f` of a library, `(a, b)` by Gauss-Newton from a coarse
//! grid, `c` and `d` in closed form on the grid.

mod matching;

use serde::{Deserialize, Serialize};

use self::matching::{coarse, refine};
use super::library::Library;
use crate::error::{Error, Result};
use crate::expr::Expr;
use crate::kan::network::{Edge, Kan, Symbolic};
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
