//! What a host writes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Functions, Problem};
use crate::error::Result;

/// A problem as text and numbers: the same in Rust, JSON, TOML, C and Python.
///
/// ```
/// use nis_core::pinn::ProblemSpec;
/// let spec: ProblemSpec = serde_json::from_str(r#"{
///     "equations": ["u_t = a*u_xx"],
///     "domain": {"x": [0, 1], "t": [0, 1]},
///     "conditions": ["u(x,0) = sin(pi*x)", "u = 0 at x=0", "u = 0 at x=1"],
///     "parameters": {"a": 0.4}
/// }"#).unwrap();
/// assert!(spec.read()?.is_linear());
/// # Ok::<(), nis_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProblemSpec {
    /// Equations, each with `=`; derivatives are `u_t`, `u_xx`, `u'`.
    pub equations: Vec<String>,
    /// Ranges of the coordinates, and the shape of the space domain where it is no box.
    #[serde(default)]
    pub domain: DomainSpec,
    /// Initial and boundary conditions.
    #[serde(default)]
    pub conditions: Vec<String>,
    /// Fields that stand in the equations without a derivative (others are found by their derivatives, conditions
    /// and data).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
    /// Known, unknown and ranged parameters.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, ParameterSpec>,
    /// Measured values of fields, for inverse problems.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Observations>,
}

/// Ranges by coordinate name, and a shape in the space coordinates.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct DomainSpec {
    /// The space domain, where it is no box.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<Shape>,
    /// Parts of it that are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holes: Vec<Shape>,
    /// `"x": [0, 1]`; `t` is time. Where a shape is given, its space coordinates need no range.
    #[serde(flatten)]
    pub ranges: BTreeMap<String, [f64; 2]>,
}

/// A region of the space coordinates. A disk, polygon or rectangle lies in the plane of `x` and `y`, a ball or
/// cuboid in the space of `x`, `y` and `z`; those coordinates then need no range.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// A disk.
    Disk {
        /// Centre.
        center: [f64; 2],
        /// Radius.
        radius: f64,
    },
    /// A polygon by its corners, in either sense, not closed. Edge `k` leads from corner `k` to the next.
    Polygon(Vec<[f64; 2]>),
    /// An axis-parallel rectangle: lower and upper corner. Edges 1 to 4 are bottom, right, top and left.
    Rectangle([f64; 2], [f64; 2]),
    /// A ball.
    Ball {
        /// Centre.
        center: [f64; 3],
        /// Radius.
        radius: f64,
    },
    /// An axis-parallel cuboid: lower and upper corner. Edges 1 to 6 are the low and the high side of each axis.
    Cuboid([f64; 3], [f64; 3]),
    /// Where a formula in two or three space coordinates is below 0, for example `x^2 + 4*y^2 - 1`, within their
    /// ranges. Edge 1 is where it is 0, the further ones are the sides of the box of ranges.
    Below(String),
}

/// A parameter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ParameterSpec {
    /// Known.
    Value(f64),
    /// `"?"` for an unknown parameter, else a formula of numbers such as `0.01/pi`.
    Text(String),
    /// A family: every value between.
    Range([f64; 2]),
    /// Unknown, with a starting value.
    Start {
        /// Where the search starts.
        start: f64,
    },
}

/// Measured values: `points[i]` are the coordinates (in the order of [`Problem::coordinates`] less ranged
/// parameters) of `values[i]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Observations {
    /// The measured fields, one per column of `values`.
    pub fields: Vec<String>,
    /// One row of coordinates per measurement.
    pub points: Vec<Vec<f64>>,
    /// One row per measurement; NaN where a field was not measured there.
    pub values: Vec<Vec<f64>>,
    /// Known standard deviation of the scatter per field, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noise: Option<Vec<f64>>,
}

impl ProblemSpec {
    /// A problem of these equations, without domain or conditions yet.
    pub fn new<S: Into<String>>(equations: impl IntoIterator<Item = S>) -> Self {
        ProblemSpec {
            equations: equations.into_iter().map(Into::into).collect(),
            ..Self::default()
        }
    }

    /// Adds a known parameter.
    #[must_use]
    pub fn parameter(mut self, name: &str, value: f64) -> Self {
        self.parameters
            .insert(name.into(), ParameterSpec::Value(value));
        self
    }

    /// Adds a parameter that is to be found, with a starting value.
    #[must_use]
    pub fn unknown(mut self, name: &str, start: f64) -> Self {
        self.parameters
            .insert(name.into(), ParameterSpec::Start { start });
        self
    }

    /// Sets the range of a coordinate.
    #[must_use]
    pub fn interval(mut self, name: &str, from: f64, to: f64) -> Self {
        self.domain.ranges.insert(name.into(), [from, to]);
        self
    }

    /// Sets the shape of the space domain.
    #[must_use]
    pub fn shape(mut self, shape: Shape) -> Self {
        self.domain.shape = Some(shape);
        self
    }

    /// Cuts a hole into the space domain.
    #[must_use]
    pub fn hole(mut self, shape: Shape) -> Self {
        self.domain.holes.push(shape);
        self
    }

    /// Adds measured values.
    #[must_use]
    pub fn data(mut self, data: Observations) -> Self {
        self.data = Some(data);
        self
    }

    /// Adds conditions.
    #[must_use]
    pub fn conditions<S: Into<String>>(mut self, texts: impl IntoIterator<Item = S>) -> Self {
        self.conditions.extend(texts.into_iter().map(Into::into));
        self
    }

    /// Reads and checks it; the same as [`Problem::new`].
    ///
    /// # Errors
    /// As [`Problem::new`].
    pub fn read(&self) -> Result<Problem> {
        Problem::new(self)
    }

    /// Reads and checks it together with functions of the host's program; the same as [`Problem::with_functions`].
    ///
    /// # Errors
    /// As [`Problem::new`].
    pub fn read_with(&self, functions: &Functions) -> Result<Problem> {
        Problem::with_functions(self, functions)
    }
}
