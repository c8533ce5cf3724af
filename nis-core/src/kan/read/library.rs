//! The library of functions that an edge may be read as.

use crate::error::{Error, Result};
use crate::expr::{Expr, Program};

/// The name of a form's own constant in its text.
const OWN: &str = "p";

/// Which constants of `c f(a x + b) + d` can be traded for one another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Gauge {
    /// None: `sin`, `tanh`.
    None,
    /// `f(s u)` is a multiple of `f(u)`: `a` is a choice of `c`. The square, the inverse, `abs`.
    Homogeneous,
    /// `f(s u) = f(u) + const`: `a` is a choice of `d`. The logarithm.
    Logarithm,
    /// `f(u + s)` is a multiple of `f(u)`: `b` is a choice of `c`. The exponential.
    Exponential,
    /// The straight line: both.
    Line,
}

/// Whether a function changes with the sign of its argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parity {
    Even,
    Odd,
    Neither,
}

/// A function `f(x)` that an edge may be read as, in the form `c f(a x + b) + d`.
///
/// ```
/// use nis_core::kan::Form;
/// let form = Form::new("softplus", "log(1 + exp(x))", [f64::NEG_INFINITY, f64::INFINITY], 3.0)?;
/// assert_eq!(form.name(), "softplus");
/// // A text with the name p besides x has one constant of its own, tried from the given values.
/// let power = Form::with_constant("power", "x^p", [0.0, f64::INFINITY], 3.0, &[-1.5, 0.5, 1.5])?;
/// assert_eq!(power.starts(), [-1.5, 0.5, 1.5]);
/// # Ok::<(), nis_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Form {
    name: String,
    expr: Expr,
    domain: [f64; 2],
    complexity: f64,
    starts: Vec<f64>,
    pub(crate) gauge: Gauge,
    pub(crate) parity: Parity,
    /// The value, its derivative, and where there is a constant of its own the derivative by that.
    pub(super) value: Program,
    pub(super) slope: Program,
    pub(super) by_own: Option<Program>,
}

impl Form {
    /// The function `text` of `x`, used where its argument stays inside the open interval `domain`; `complexity` is
    /// a price in the units of the built-in library (the line 1, the square 2, `sin` 3).
    ///
    /// # Errors
    /// Those of [`Expr::parse`]; [`Error::InvalidInput`] where the text has other names than `x`, is constant or has no
    /// finite value and slope inside the domain, where the domain is empty, or where the complexity is negative or no number.
    pub fn new(name: &str, text: &str, domain: [f64; 2], complexity: f64) -> Result<Self> {
        Self::with_constant(name, text, domain, complexity, &[])
    }

    /// The same with a constant of its own, called `p` in the text, whose fit is tried from `starts`.
    ///
    /// # Errors
    /// As [`Form::new`]; also where a start is not finite.
    pub fn with_constant(
        name: &str,
        text: &str,
        domain: [f64; 2],
        complexity: f64,
        starts: &[f64],
    ) -> Result<Self> {
        let [from, to] = domain;
        if from.is_nan() || to.is_nan() || from >= to {
            return Err(Error::invalid(
                "domain",
                format!("{domain:?}"),
                "an interval",
            ));
        }
        if complexity.is_nan() || complexity < 0.0 || complexity.is_infinite() {
            return Err(Error::invalid(
                "complexity",
                complexity,
                "0 or a positive number",
            ));
        }
        if let Some(bad) = starts.iter().find(|v| !v.is_finite()) {
            return Err(Error::invalid("starts", bad, "finite values"));
        }
        let expr = Expr::parse(text)?;
        let own = !starts.is_empty();
        let allowed = |n: &String| n == "x" || own && n == OWN;
        if let Some(bad) = expr.names().iter().find(|n| !allowed(n)) {
            return Err(Error::invalid(
                "text",
                bad,
                if own { "x and p" } else { "x" },
            ));
        }
        let by_own = if own {
            Some(expr.differentiate(OWN)?.compile(&["x", OWN])?)
        } else {
            None
        };
        let mut form = Form {
            name: name.into(),
            domain,
            complexity,
            starts: starts.to_vec(),
            gauge: Gauge::None,
            parity: Parity::Neither,
            value: expr.compile(&["x", OWN])?,
            slope: expr.differentiate("x")?.compile(&["x", OWN])?,
            by_own,
            expr,
        };
        let points = form.points();
        let p = starts.first().copied().unwrap_or(0.0);
        let values: Vec<[f64; 3]> = points
            .iter()
            .map(|u| [*u, form.at(*u, p), form.slope.evaluate_point(&[*u, p])])
            .collect();
        if values.iter().flatten().any(|v| !v.is_finite()) || values.iter().all(|v| v[2] == 0.0) {
            return Err(Error::invalid(
                "text",
                text,
                "a function that is finite and not constant inside its domain",
            ));
        }
        form.gauge = gauge(&values);
        form.parity = form.find_parity(p);
        Ok(form)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The function of `x` (and `p`).
    pub fn expr(&self) -> &Expr {
        &self.expr
    }

    /// The open interval that its argument must stay in.
    pub fn domain(&self) -> [f64; 2] {
        self.domain
    }

    /// Its price.
    pub fn complexity(&self) -> f64 {
        self.complexity
    }

    /// Values that its own constant is tried from; empty where it has none.
    pub fn starts(&self) -> &[f64] {
        &self.starts
    }

    pub(crate) fn has_own(&self) -> bool {
        self.by_own.is_some()
    }

    /// The value at `u` for the constant `p`.
    pub(crate) fn at(&self, u: f64, p: f64) -> f64 {
        self.value.evaluate_point(&[u, p])
    }

    /// Whether an argument that runs over `[from, to]` stays inside the domain.
    pub(crate) fn holds(&self, from: f64, to: f64) -> bool {
        from > self.domain[0] && to < self.domain[1]
    }

    /// `f(s u) / f(u)` of a homogeneous form, `f(s u) - f(u)` of a logarithm, `f(u + s) / f(u)` of an exponential.
    pub(crate) fn change(&self, s: f64, p: f64) -> f64 {
        let u = 1.0f64.clamp(self.domain[0], self.domain[1]);
        match self.gauge {
            Gauge::Logarithm => self.at(s * u, p) - self.at(u, p),
            Gauge::Exponential => self.at(u + s, p) / self.at(u, p),
            _ => self.at(s * u, p) / self.at(u, p),
        }
    }

    /// Points inside the domain in no regular order.
    fn points(&self) -> Vec<f64> {
        let (a, b) = (
            self.domain[0].max(-3.0).min(self.domain[1] - 1.0),
            self.domain[1].min(3.0),
        );
        let (a, b) = if a < b {
            (a, b)
        } else {
            (self.domain[0], self.domain[0] + 1.0)
        };
        (1..40)
            .map(|k| a + (b - a) * (f64::from(k) * 0.618_033_988_75).fract())
            .filter(|u| self.holds(*u, *u) && *u != 0.0)
            .collect()
    }

    fn find_parity(&self, p: f64) -> Parity {
        if self.domain[0] != -self.domain[1] {
            return Parity::Neither;
        }
        let same = |sign: f64| {
            self.points().iter().all(|u| {
                let (l, r) = (self.at(-u, p), sign * self.at(*u, p));
                (l - r).abs() <= 1e-12 * r.abs()
            })
        };
        if same(1.0) {
            Parity::Even
        } else if same(-1.0) {
            Parity::Odd
        } else {
            Parity::Neither
        }
    }
}

/// From points `[u, f, f']`.
fn gauge(points: &[[f64; 3]]) -> Gauge {
    // Whether two columns are proportional, by the point of the largest second value.
    let proportional = |pairs: Vec<(f64, f64)>| {
        let top = pairs
            .iter()
            .copied()
            .max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()));
        let Some((l, r)) = top.filter(|t| t.1 != 0.0) else {
            return false;
        };
        let size = l.abs().max(f64::MIN_POSITIVE);
        pairs
            .iter()
            .all(|(a, b)| (a - b * (l / r)).abs() <= 1e-10 * size)
    };
    let homogeneous = proportional(points.iter().map(|v| (v[0] * v[2], v[1])).collect());
    let flat = proportional(points.iter().map(|v| (v[2], 1.0)).collect());
    if homogeneous && flat {
        Gauge::Line
    } else if homogeneous {
        Gauge::Homogeneous
    } else if proportional(points.iter().map(|v| (v[2], v[1])).collect()) {
        Gauge::Exponential
    } else if proportional(points.iter().map(|v| (v[0] * v[2], 1.0)).collect()) {
        Gauge::Logarithm
    } else {
        Gauge::None
    }
}

/// An ordered set of [`Form`]s.
///
/// ```
/// use nis_core::kan::{Form, Library};
/// let mut library = Library::default();
/// library.add(Form::new("softplus", "log(1 + exp(x))", [f64::NEG_INFINITY, f64::INFINITY], 3.0)?);
/// assert!(library.find("softplus").is_some() && library.find("sin").is_some());
/// let few = library.only(&["x", "x^2", "sin"])?;
/// assert_eq!(few.forms().len(), 3);
/// # Ok::<(), nis_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Library {
    forms: Vec<Form>,
}

impl Library {
    /// A library without forms.
    pub fn empty() -> Self {
        Library { forms: Vec::new() }
    }

    /// Adds a form, or puts it in the place of that of the same name.
    pub fn add(&mut self, form: Form) {
        match self.forms.iter_mut().find(|f| f.name == form.name) {
            Some(place) => *place = form,
            None => self.forms.push(form),
        }
    }

    /// The forms, in order.
    pub fn forms(&self) -> &[Form] {
        &self.forms
    }

    /// The form of that name.
    pub fn find(&self, name: &str) -> Option<&Form> {
        self.forms.iter().find(|f| f.name == name)
    }

    /// The forms of these names alone.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a name that is not there.
    pub fn only(&self, names: &[&str]) -> Result<Self> {
        let forms = names.iter().map(|name| {
            self.find(name).cloned().ok_or_else(|| Error::NotFound {
                what: "form of the library".into(),
                name: (*name).into(),
            })
        });
        Ok(Library {
            forms: forms.collect::<Result<_>>()?,
        })
    }
}

impl Default for Library {
    /// Lines, powers, `exp`, `log`, `sin`, `tan`, `tanh`, `atan`, arcsine, bell, `abs`, `cosh`, the logistic function and the
    /// power with a free exponent. The cosine is a shifted sine, the arccosine a shifted arcsine.
    fn default() -> Self {
        const ALL: [f64; 2] = [f64::NEG_INFINITY, f64::INFINITY];
        const POSITIVE: [f64; 2] = [0.0, f64::INFINITY];
        const HALF: f64 = std::f64::consts::FRAC_PI_2;
        let table: [(&str, &str, [f64; 2], f64); 18] = [
            ("x", "x", ALL, 1.0),
            ("x^2", "x^2", ALL, 2.0),
            ("x^3", "x^3", ALL, 3.0),
            ("x^4", "x^4", ALL, 4.0),
            ("1/x", "1/x", POSITIVE, 2.0),
            ("1/x^2", "1/x^2", POSITIVE, 3.0),
            ("sqrt", "sqrt(x)", POSITIVE, 2.0),
            ("1/sqrt", "1/sqrt(x)", POSITIVE, 3.0),
            ("exp", "exp(x)", ALL, 2.0),
            ("log", "log(x)", POSITIVE, 2.0),
            ("sin", "sin(x)", ALL, 3.0),
            ("tan", "tan(x)", [-HALF, HALF], 3.0),
            ("arcsin", "atan(x/sqrt(1 - x^2))", [-1.0, 1.0], 4.0),
            ("atan", "atan(x)", ALL, 4.0),
            ("tanh", "tanh(x)", ALL, 3.0),
            ("bell", "exp(-x^2)", ALL, 3.0),
            ("abs", "abs(x)", ALL, 3.0),
            ("cosh", "cosh(x)", ALL, 4.0),
        ];
        let mut forms: Vec<Form> = table
            .iter()
            .filter_map(|(name, text, domain, price)| Form::new(name, text, *domain, *price).ok())
            .collect();
        let starts = [-2.5, -1.5, -0.7, 0.3, 0.7, 1.5, 2.5];
        forms.extend(Form::with_constant("power", "x^p", POSITIVE, 4.0, &starts).ok());
        Library { forms }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_library_is_whole_and_its_gauges_are_known() {
        let library = Library::default();
        assert_eq!(library.forms().len(), 19);
        for (names, gauge) in [
            (vec!["x"], Gauge::Line),
            (
                vec![
                    "x^2", "x^3", "x^4", "1/x", "1/x^2", "sqrt", "1/sqrt", "abs", "power",
                ],
                Gauge::Homogeneous,
            ),
            (vec!["log"], Gauge::Logarithm),
            (vec!["exp"], Gauge::Exponential),
            (
                vec!["sin", "tan", "arcsin", "atan", "tanh", "bell", "cosh"],
                Gauge::None,
            ),
        ] {
            for name in names {
                assert_eq!(library.find(name).unwrap().gauge, gauge, "{name}");
            }
        }
        for (name, parity) in [
            ("sin", Parity::Odd),
            ("bell", Parity::Even),
            ("x^2", Parity::Even),
            ("exp", Parity::Neither),
            ("log", Parity::Neither),
        ] {
            assert_eq!(library.find(name).unwrap().parity, parity, "{name}");
        }
        assert!((library.find("power").unwrap().change(2.0, 1.5) - 2f64.powf(1.5)).abs() < 1e-14);
        assert!((library.find("log").unwrap().change(2.0, 0.0) - 2f64.ln()).abs() < 1e-14);
        assert!((library.find("exp").unwrap().change(2.0, 0.0) - 2f64.exp()).abs() < 1e-13);
    }

    #[test]
    fn bad_forms_are_refused() {
        let all = [f64::NEG_INFINITY, f64::INFINITY];
        let field = |r: Result<Form>| r.unwrap_err().field().unwrap().to_string();
        assert_eq!(field(Form::new("f", "x + y", all, 1.0)), "text");
        assert_eq!(field(Form::new("f", "3", all, 1.0)), "text");
        assert_eq!(field(Form::new("f", "log(x)", all, 1.0)), "text");
        assert_eq!(field(Form::new("f", "x", [1.0, 1.0], 1.0)), "domain");
        assert_eq!(field(Form::new("f", "x", [f64::NAN, 1.0], 1.0)), "domain");
        assert_eq!(field(Form::new("f", "x", all, f64::NAN)), "complexity");
        assert_eq!(
            field(Form::with_constant("f", "x^p", all, 1.0, &[f64::INFINITY])),
            "starts"
        );
        assert!(Form::new("f", "sin(", all, 1.0).is_err());
        assert!(Library::default().only(&["sin", "sine"]).is_err());
    }
}
