//! Problems: equations, conditions and a domain as text, checked and made ready for the solvers.
//!
//! The notation is in docs/pinn-problems.md. [`ProblemSpec`] is what a host writes (Rust, JSON, TOML); [`Problem`] is
//! what the solvers read. Every residual, of an equation on the domain or of a condition on its boundary, becomes one
//! [`Residual`]: programs over *arguments*, that is the coordinates, then every derivative of a field that occurs (a
//! [`Jet`]), then the unknown parameters, then the components of the outward normal, then the host's functions.

mod check;
mod condition;
mod domain;
mod fields;
mod functions;
mod integral;
mod lower;
mod names;
mod residual;
mod spec;
#[cfg(test)]
mod tests;
mod text;

pub use domain::Domain;
pub use functions::Functions;
pub use spec::{DomainSpec, Observations, ParameterSpec, ProblemSpec, Shape};

use super::points::Points;
use crate::error::Result;
use crate::expr::{Expr, Program};
use functions::Closure;

/// A differential equation with its domain and conditions, read and checked.
///
/// ```
/// use nis_core::pinn::{Problem, ProblemSpec};
/// let problem = ProblemSpec::new(["u_t + u*u_x = nu*u_xx"])
///     .parameter("nu", 0.01)
///     .interval("x", -1.0, 1.0)
///     .interval("t", 0.0, 1.0)
///     .conditions(["u(x,0) = -sin(pi*x)", "u(-1,t) = 0", "u(1,t) = 0"])
///     .read()?;
/// assert_eq!(problem.fields(), ["u"]);
/// # Ok::<(), nis_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Problem {
    pub(super) spec: ProblemSpec,
    /// Space first, then time, then ranged parameters.
    pub(super) coordinates: Vec<Coordinate>,
    pub(super) fields: Vec<String>,
    pub(super) unknowns: Vec<Unknown>,
    pub(super) domain: Domain,
    pub(super) jets: Vec<Jet>,
    /// One or more per field, on the whole domain.
    pub(super) equations: Vec<Residual>,
    pub(super) conditions: Vec<Condition>,
    /// Functions of the host that residuals name: the last of their arguments.
    pub(super) functions: Vec<Closure>,
    notes: Vec<String>,
    /// The unknown parameter (its index) that is an eigenvalue: everything is homogeneous and, once it is known,
    /// linear in the fields.
    pub(super) eigen: Option<usize>,
}

/// What a coordinate stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Space,
    Time,
    /// A parameter with a range: the family of solutions is a function of it too.
    Parameter,
}

/// An independent variable and its range (of a shape: of the box around it).
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Coordinate {
    pub(super) name: String,
    pub(super) range: [f64; 2],
    pub(super) role: Role,
}

/// A parameter that is to be found.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Unknown {
    pub(super) name: String,
    pub(super) start: f64,
}

/// A derivative of a field: `order[axis]` times by each coordinate; all 0 is the field itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Jet {
    pub(super) field: usize,
    pub(super) order: Vec<u8>,
}

/// Something that must vanish: left side minus right side.
#[derive(Debug, Clone)]
pub(super) struct Residual {
    /// As the host wrote it.
    pub(super) text: String,
    /// Left minus right, known parameters put in, in the symbols of [`Problem::symbols`].
    pub(super) formula: Expr,
    pub(super) value: Program,
    /// Slopes by jets (index into [`Problem::jets`]), where they do not vanish.
    pub(super) by_jet: Vec<(usize, Program)>,
    /// Slopes by unknown parameters, where they do not vanish.
    pub(super) by_unknown: Vec<(usize, Program)>,
    /// Whether no slope by a jet depends on a jet or an unknown parameter.
    pub(super) linear: bool,
}

/// Where a condition holds.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Place {
    /// One coordinate is fixed, the others range over the domain.
    Face { axis: usize, value: f64 },
    /// Several coordinates are fixed (never all of them), the others range over the domain.
    Edge(Vec<(usize, f64)>),
    /// The whole boundary of the space domain with that of its holes, at all times.
    Boundary,
    /// One numbered part of that boundary: first the edges of the outer shape, then one part per hole.
    Part(usize),
    /// One point.
    Point(Vec<f64>),
    /// Both ends of an axis are the same place: values agree, and derivatives by it below the highest order in
    /// the equations. The residual of such a condition is not evaluated.
    Periodic { axis: usize },
}

/// A residual and where it must vanish.
#[derive(Debug, Clone)]
pub(super) struct Condition {
    pub(super) place: Place,
    pub(super) residual: Residual,
}

/// Equations, conditions and ranges, one per line, as the host wrote them.
impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for e in &self.equations {
            writeln!(f, "{}", e.text)?;
        }
        for c in &self.coordinates {
            writeln!(f, "{} from {} to {}", c.name, c.range[0], c.range[1])?;
        }
        for c in &self.conditions {
            writeln!(f, "{}", c.residual.text)?;
        }
        for u in &self.unknowns {
            writeln!(f, "{} = ?", u.name)?;
        }
        Ok(())
    }
}

impl Problem {
    /// Reads and checks a problem.
    ///
    /// # Errors
    /// [`Error::Parse`](crate::Error::Parse) points at the column of a text that cannot be read;
    /// [`Error::InvalidInput`](crate::Error::InvalidInput) names the equation or condition that does not fit.
    pub fn new(spec: &ProblemSpec) -> Result<Self> {
        lower::read(spec, &Functions::default())
    }

    /// Reads and checks a problem that refers to functions of the host's program.
    ///
    /// # Errors
    /// As [`Problem::new`]; [`Error::Numerical`](crate::Error::Numerical) names a function that is NaN.
    pub fn with_functions(spec: &ProblemSpec, functions: &Functions) -> Result<Self> {
        lower::read(spec, functions)
    }

    /// Where the equations hold.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// What was read.
    pub fn spec(&self) -> &ProblemSpec {
        &self.spec
    }

    /// Names of the fields, in the order of their first appearance.
    pub fn fields(&self) -> Vec<&str> {
        self.fields.iter().map(String::as_str).collect()
    }

    /// Names of the coordinates: space, then time, then ranged parameters.
    pub fn coordinates(&self) -> Vec<&str> {
        self.coordinates.iter().map(|c| c.name.as_str()).collect()
    }

    /// Names of the parameters to be found.
    pub fn unknowns(&self) -> Vec<&str> {
        self.unknowns.iter().map(|u| u.name.as_str()).collect()
    }

    /// Whether every equation and condition is linear in the fields, and nothing else is unknown.
    pub fn is_linear(&self) -> bool {
        self.unknowns.is_empty()
            && self.equations.iter().all(|e| e.linear)
            && self.conditions.iter().all(|c| c.residual.linear)
    }

    /// Whether it is a steady eigenproblem: an unknown parameter, everything homogeneous and linear in the fields.
    pub fn is_eigenproblem(&self) -> bool {
        self.eigen.is_some()
    }

    /// What was read without being refused, but may not be what was meant: more equations than fields, a field that
    /// is determined up to a constant, parameters that are not used, conditions that nearly agree.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The values of the host's functions at points, in the order of [`Problem::symbols`], which they end; empty where
    /// there are none.
    ///
    /// # Errors
    /// [`Error::Numerical`](crate::Error::Numerical) names a function that is NaN.
    pub(super) fn functions_at(&self, points: &Points) -> Result<Vec<Vec<f64>>> {
        let mut point = vec![0.0; points.dimensions()];
        let value = |f: &Closure, point: &mut [f64], i: usize| {
            for (to, column) in point.iter_mut().zip(points.columns()) {
                *to = column.get(i).copied().unwrap_or(f64::NAN);
            }
            f.at(point)
        };
        let mut out = Vec::new();
        for f in &self.functions {
            let values = (0..points.len()).map(|i| value(f, &mut point, i));
            out.push(values.collect::<Result<_>>()?);
        }
        Ok(out)
    }

    /// Highest order of a derivative by this axis in the equations.
    pub(super) fn highest(&self, axis: usize) -> u8 {
        let used = self.equations.iter().flat_map(|e| &e.by_jet);
        used.filter_map(|(jet, _)| self.jets.get(*jet)?.order.get(axis).copied())
            .max()
            .unwrap_or(0)
    }

    /// The axis of time, if there is one.
    pub(super) fn time(&self) -> Option<usize> {
        self.coordinates.iter().position(|c| c.role == Role::Time)
    }
}
