//! What an edge is made of besides its spline: the base function, and symbolic functions that take its place.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::expr::{Expr, Program};

/// The function that an edge has besides its spline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Base {
    /// None (default): the spline holds straight lines already.
    #[default]
    None,
    /// `x / (1 + e^-x)`.
    Silu,
    /// `x`.
    Identity,
}

impl Base {
    /// Value, first and second derivative.
    pub(crate) fn at(self, x: f64) -> [f64; 3] {
        match self {
            Base::None => [0.0; 3],
            Base::Identity => [x, 1.0, 0.0],
            Base::Silu => {
                let s = 1.0 / (1.0 + (-x).exp());
                let d = s * (1.0 - s);
                [x * s, s + x * d, d * (2.0 + x * (1.0 - 2.0 * s))]
            }
        }
    }
}

/// A symbolic function on an edge: `scale * f(inner_scale * x + inner_shift) + shift`. It is not trained.
#[derive(Debug, Clone)]
pub struct Symbolic {
    text: String,
    inner_scale: f64,
    inner_shift: f64,
    scale: f64,
    shift: f64,
    expr: Expr,
    programs: [Program; 3],
}

impl PartialEq for Symbolic {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.constants() == other.constants()
    }
}

impl Symbolic {
    /// The function `text` of `x`, for example `sin(x)` or `x^2`, with `[inner_scale, inner_shift, scale,
    /// shift]`.
    ///
    /// # Errors
    /// Those of [`Expr::parse`]; [`Error::InvalidInput`] where another name than `x` occurs or a constant is
    /// not finite.
    pub fn new(text: &str, constants: [f64; 4]) -> Result<Self> {
        if let Some(bad) = constants.iter().find(|v| !v.is_finite()) {
            return Err(Error::invalid("constants", bad, "finite values"));
        }
        let expr = Expr::parse(text)?;
        let first = expr.differentiate("x")?;
        let second = first.differentiate("x")?;
        let programs = [
            expr.compile(&["x"])?,
            first.compile(&["x"])?,
            second.compile(&["x"])?,
        ];
        let [inner_scale, inner_shift, scale, shift] = constants;
        Ok(Symbolic {
            text: text.into(),
            inner_scale,
            inner_shift,
            scale,
            shift,
            expr,
            programs,
        })
    }

    /// The text of the function of `x`.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The function of `x` as an expression.
    pub fn expr(&self) -> &Expr {
        &self.expr
    }

    /// `[inner_scale, inner_shift, scale, shift]`.
    pub fn constants(&self) -> [f64; 4] {
        [self.inner_scale, self.inner_shift, self.scale, self.shift]
    }

    /// Value, first and second derivative with respect to the edge's input.
    pub(crate) fn at(&self, x: f64) -> [f64; 3] {
        let u = [self.inner_scale * x + self.inner_shift];
        let [f, d1, d2] = [0, 1, 2].map(|i| self.programs[i].evaluate_point(&u));
        let a = self.inner_scale;
        [
            self.scale * f + self.shift,
            self.scale * a * d1,
            self.scale * a * a * d2,
        ]
    }
}

/// What takes the place of a trained edge.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Edge {
    /// Spline and base function, trained (default).
    #[default]
    Trained,
    /// No edge: contributes 0 and is not trained.
    Removed,
    /// A symbolic function, not trained.
    Fixed(Box<Symbolic>),
}
