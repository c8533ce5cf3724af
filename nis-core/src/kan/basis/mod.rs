//! The functions that an edge is a linear combination of: B-splines and, as a choice, Chebyshev polynomials, a
//! Fourier series, Gaussians, or rational Chebyshev functions.

mod bspline;
mod dense;
mod stored;

use serde::{Deserialize, Serialize};

use self::bspline::Spline;
use crate::error::{Error, Result};

/// Highest spline order (polynomial degree).
pub const MAX_ORDER: usize = 5;

/// Most functions of a basis.
pub const MAX_FUNCTIONS: usize = 100_000;

/// How an edge goes on outside its grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outside {
    /// Along the tangent at the end of the grid (default): no jump, no zero, no NaN.
    #[default]
    Linear,
    /// By the functions themselves. B-splines fade to zero over the extension of the knots (the rule of pykan),
    /// Fourier series repeat, Gaussians fade, rational functions level off, Chebyshev polynomials grow.
    Natural,
}

/// A family of functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// B-splines (default): each point sees `order + 1` of them.
    #[default]
    BSpline,
    /// Chebyshev polynomials of the first kind on the grid.
    Chebyshev,
    /// `1, cos, sin, cos 2, sin 2, ..` with the length of the grid as period.
    Fourier,
    /// Gaussians `exp(-((x - c)/h)^2)` at equally spaced centres `c` of distance `h` (as FastKAN, Li 2024,
    /// arXiv 2405.06721).
    Rbf,
    /// Rational Chebyshev functions `T_n(t / sqrt(1 + t^2))` of `t = (x - middle)/half` (Boyd, Chebyshev and
    /// Fourier Spectral Methods, 2nd ed. 2001, section 17.4): bounded on the whole line.
    Rational,
}

/// The functions that do not vanish at a point.
#[derive(Debug, Clone, PartialEq)]
pub struct Local {
    /// Index of the first of them.
    pub first: usize,
    /// Values.
    pub value: Vec<f64>,
    /// First derivatives.
    pub d1: Vec<f64>,
    /// Second derivatives.
    pub d2: Vec<f64>,
}

/// Values and derivatives of the functions at a point: three slices of [`Basis::width`] numbers.
#[derive(Debug)]
pub(crate) struct Slices<'a> {
    /// Values.
    pub(crate) value: &'a mut [f64],
    /// First derivatives.
    pub(crate) d1: &'a mut [f64],
    /// Second derivatives.
    pub(crate) d2: &'a mut [f64],
}

/// A basis on a grid.
///
/// ```
/// use nis_core::kan::{Basis, Outside};
/// let cubic = Basis::uniform(-1.0, 1.0, 5, 3)?;
/// assert_eq!((cubic.functions(), cubic.width()), (8, 4));
/// let at = cubic.local(0.3, Outside::Linear);
/// assert!((at.value.iter().sum::<f64>() - 1.0).abs() < 1e-14);
/// # Ok::<(), nis_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Basis {
    family: Family,
    order: usize,
    /// B-splines: all knots. Others: both ends of the grid.
    knots: Vec<f64>,
    functions: usize,
    uniform: bool,
}

impl Basis {
    /// B-splines of order `order` (degree; 1 to 5) on rising knots. The grid, on which the functions sum to 1,
    /// runs from knot `order` to the `order`-last but one.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for an order out of range, too few knots, knots that fall or are not finite, or
    /// an empty grid; [`Error::Limit`] for more than [`MAX_FUNCTIONS`] functions.
    pub fn new(knots: Vec<f64>, order: usize) -> Result<Self> {
        if !(1..=MAX_ORDER).contains(&order) {
            return Err(Error::invalid("order", order, format!("1 to {MAX_ORDER}")));
        }
        if knots.len() < 2 * order + 2 {
            return Err(Error::invalid(
                "knots",
                format!("{} knots", knots.len()),
                format!("at least {} for order {order}", 2 * order + 2),
            ));
        }
        if !knots.iter().all(|k| k.is_finite()) || knots.windows(2).any(|w| w[0] > w[1]) {
            return Err(Error::invalid(
                "knots",
                "falling or not finite",
                "finite, rising knots",
            ));
        }
        let functions = few(knots.len() - order - 1)?;
        let basis = Basis {
            family: Family::BSpline,
            order,
            knots,
            functions,
            uniform: false,
        };
        let (a, b) = basis.grid();
        if a >= b {
            return Err(Error::invalid(
                "knots",
                format!("grid from {a} to {b}"),
                "a grid with width",
            ));
        }
        Ok(basis)
    }

    /// B-splines on `cells` equal cells from `from` to `to`, with knots extended by `order` cells on each side.
    ///
    /// # Errors
    /// As [`Basis::new`].
    pub fn uniform(from: f64, to: f64, cells: usize, order: usize) -> Result<Self> {
        if cells == 0 {
            return Err(Error::invalid("cells", 0, "at least 1"));
        }
        few(cells)?;
        let h = (to - from) / cells as f64;
        let knots = (0..=cells + 2 * order)
            .map(|i| from + h * (i as f64 - order as f64))
            .collect();
        let mut basis = Self::new(knots, order)?;
        basis.uniform = true;
        Ok(basis)
    }

    /// A basis of any family from `from` to `to` with about `cells + order` functions: exactly so many but for
    /// the Fourier series, which takes the next odd number. B-splines are those of [`Basis::uniform`].
    ///
    /// # Errors
    /// As [`Basis::new`].
    pub fn of(family: Family, from: f64, to: f64, cells: usize, order: usize) -> Result<Self> {
        let spline = Self::uniform(from, to, cells, order)?;
        let functions = match family {
            Family::BSpline => return Ok(spline),
            Family::Fourier => spline.functions | 1,
            _ => spline.functions,
        };
        Ok(Basis {
            family,
            order,
            knots: vec![from, to],
            functions,
            uniform: true,
        })
    }

    /// The family.
    pub fn family(&self) -> Family {
        self.family
    }

    /// Number of functions.
    pub fn functions(&self) -> usize {
        self.functions
    }

    /// How many functions at most do not vanish at one point: `order + 1` for B-splines, all for the others.
    pub fn width(&self) -> usize {
        match self.family {
            Family::BSpline => self.order + 1,
            _ => self.functions,
        }
    }

    /// The order (degree) of B-splines; what [`Basis::of`] was given for other families.
    pub fn order(&self) -> usize {
        self.order
    }

    /// Number of cells of the grid between both ends.
    pub fn cells(&self) -> usize {
        self.functions - self.order
    }

    /// All knots of B-splines; both ends of the grid for other families.
    pub fn knots(&self) -> &[f64] {
        &self.knots
    }

    /// Whether the cells are equal by construction ([`Basis::uniform`]).
    pub fn is_uniform(&self) -> bool {
        self.uniform
    }

    /// Both ends of the grid.
    pub fn grid(&self) -> (f64, f64) {
        match self.family {
            Family::BSpline => (self.knots[self.order], self.knots[self.functions]),
            _ => (self.knots[0], self.knots[1]),
        }
    }

    /// Writes values and derivatives of the functions that do not vanish at `x` and returns the index of the
    /// first of them. NaN gives NaN values under [`Outside::Linear`].
    ///
    /// `out` holds [`Basis::width`] numbers in each slice; where fewer functions exist the rest is 0.
    pub(crate) fn evaluate(&self, x: f64, outside: Outside, out: &mut Slices<'_>) -> usize {
        let (a, b) = self.grid();
        let natural = outside == Outside::Natural;
        if (a..=b).contains(&x) || (natural && self.family != Family::BSpline) {
            return self.on_grid(x, out);
        }
        if natural {
            return self.spline().extended(x, out);
        }
        let end = if x < a { a } else { b };
        let first = self.on_grid(end, out);
        let step = x - end;
        for (value, d1) in out.value.iter_mut().zip(out.d1.iter()) {
            *value += step * d1;
        }
        out.d2.fill(0.0);
        first
    }

    /// The functions that do not vanish at `x`, in vectors of their own.
    pub fn local(&self, x: f64, outside: Outside) -> Local {
        let width = self.width();
        let mut local = Local {
            first: 0,
            value: vec![0.0; width],
            d1: vec![0.0; width],
            d2: vec![0.0; width],
        };
        local.first = self.evaluate(
            x,
            outside,
            &mut Slices {
                value: &mut local.value,
                d1: &mut local.d1,
                d2: &mut local.d2,
            },
        );
        local
    }

    fn spline(&self) -> Spline<'_> {
        Spline {
            knots: &self.knots,
            order: self.order,
        }
    }

    fn on_grid(&self, x: f64, out: &mut Slices<'_>) -> usize {
        let (a, b) = self.grid();
        let (middle, half) = (0.5 * (a + b), 0.5 * (b - a));
        match self.family {
            Family::BSpline => return self.spline().inside(x, out),
            Family::Chebyshev => dense::chebyshev((x - middle) / half, out),
            Family::Fourier => dense::fourier((x - middle) / half, out),
            Family::Rbf => dense::gaussians((x - middle) / half, out),
            Family::Rational => dense::rational((x - middle) / half, out),
        }
        // From derivatives with respect to the unit variable to those with respect to x.
        for (d1, d2) in out.d1.iter_mut().zip(out.d2.iter_mut()) {
            *d1 /= half;
            *d2 /= half * half;
        }
        0
    }
}

fn few(functions: usize) -> Result<usize> {
    if functions > MAX_FUNCTIONS {
        return Err(Error::Limit {
            what: "functions of a basis".into(),
            limit: MAX_FUNCTIONS as u64,
            got: functions as u64,
        });
    }
    Ok(functions)
}

#[cfg(test)]
mod tests;
