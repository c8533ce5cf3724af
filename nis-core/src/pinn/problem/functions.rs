//! Functions of the host's program, for what no formula says.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::error::{Error, Result};

/// A function of a point.
pub(in super::super) type Call = dyn Fn(&[f64]) -> f64 + Send + Sync;

/// A function of the host with the name that errors give it.
#[derive(Clone)]
pub(in super::super) struct Closure {
    pub(in super::super) name: String,
    call: Arc<Call>,
}

impl fmt::Debug for Closure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Closure({})", self.name)
    }
}

impl PartialEq for Closure {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && Arc::ptr_eq(&self.call, &other.call)
    }
}

impl Closure {
    /// Its value at a point.
    ///
    /// # Errors
    /// [`Error::Numerical`] names the function and the point where the value is NaN.
    pub(in super::super) fn at(&self, point: &[f64]) -> Result<f64> {
        let value = (self.call)(point);
        if value.is_nan() {
            return Err(Error::numerical(
                format!("function `{}`", self.name),
                format!("NaN at {point:?}"),
            ));
        }
        Ok(value)
    }
}

/// Functions of the host's program that a problem refers to: a domain by the sign of a function, and names in
/// equations and conditions. They are no part of the [`ProblemSpec`](super::ProblemSpec): a saved problem needs them
/// again.
///
/// ```
/// use nis_core::pinn::{Functions, ProblemSpec};
/// let spec = ProblemSpec::new(["-u_xx - u_yy = f"])
///     .interval("x", -1.0, 1.0)
///     .interval("y", -1.0, 1.0)
///     .conditions(["u = 0 on boundary"]);
/// let functions = Functions::new()
///     .inside(|p| p[0].abs().powf(2.5) + p[1].abs().powf(2.5) - 0.9)
///     .named("f", |p| if p[0] > 0.0 { 1.0 } else { 0.0 });
/// let problem = spec.read_with(&functions)?;
/// assert!(problem.domain().contains(&[0.9, 0.0])?);
/// assert!(!problem.domain().contains(&[0.9, 0.9])?);
/// # Ok::<(), nis_core::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Functions {
    pub(super) inside: Option<Closure>,
    pub(super) named: BTreeMap<String, Closure>,
}

impl Functions {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The space domain is where `function` is below 0, within the ranges; it gets the space coordinates in the
    /// order of [`Problem::coordinates`](super::Problem::coordinates). It should be continuous; NaN is an error.
    #[must_use]
    pub fn inside(mut self, function: impl Fn(&[f64]) -> f64 + Send + Sync + 'static) -> Self {
        self.inside = Some(Closure {
            name: "inside".into(),
            call: Arc::new(function),
        });
        self
    }

    /// `name` in an equation or condition is `function` of all coordinates, in the order of
    /// [`Problem::coordinates`](super::Problem::coordinates); NaN is an error that names it.
    #[must_use]
    pub fn named(
        mut self,
        name: &str,
        function: impl Fn(&[f64]) -> f64 + Send + Sync + 'static,
    ) -> Self {
        self.named.insert(
            name.into(),
            Closure {
                name: name.into(),
                call: Arc::new(function),
            },
        );
        self
    }
}
