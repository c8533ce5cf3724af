//! The functions of one argument that formulas may call.

/// A function of one argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Function {
    /// Sine of radians.
    Sin,
    /// Cosine of radians.
    Cos,
    /// Tangent of radians.
    Tan,
    /// Natural exponential.
    Exp,
    /// Natural logarithm (also read as `ln`).
    Log,
    /// Square root.
    Sqrt,
    /// Absolute value.
    Abs,
    /// Hyperbolic tangent.
    Tanh,
    /// Hyperbolic sine.
    Sinh,
    /// Hyperbolic cosine.
    Cosh,
    /// Inverse tangent, in radians.
    Atan,
    /// -1, 0 or 1: the derivative of the absolute value.
    Sign,
}

impl Function {
    /// All functions.
    pub const ALL: [Function; 12] = [
        Function::Sin,
        Function::Cos,
        Function::Tan,
        Function::Exp,
        Function::Log,
        Function::Sqrt,
        Function::Abs,
        Function::Tanh,
        Function::Sinh,
        Function::Cosh,
        Function::Atan,
        Function::Sign,
    ];

    /// The name in formulas.
    pub fn name(self) -> &'static str {
        match self {
            Function::Sin => "sin",
            Function::Cos => "cos",
            Function::Tan => "tan",
            Function::Exp => "exp",
            Function::Log => "log",
            Function::Sqrt => "sqrt",
            Function::Abs => "abs",
            Function::Tanh => "tanh",
            Function::Sinh => "sinh",
            Function::Cosh => "cosh",
            Function::Atan => "atan",
            Function::Sign => "sign",
        }
    }

    /// The function of that name.
    pub fn by_name(name: &str) -> Option<Self> {
        if name == "ln" {
            return Some(Function::Log);
        }
        Self::ALL.into_iter().find(|f| f.name() == name)
    }

    /// Its value; NaN outside its domain.
    pub fn apply(self, x: f64) -> f64 {
        match self {
            Function::Sin => x.sin(),
            Function::Cos => x.cos(),
            Function::Tan => x.tan(),
            Function::Exp => x.exp(),
            Function::Log => x.ln(),
            Function::Sqrt => x.sqrt(),
            Function::Abs => x.abs(),
            Function::Tanh => x.tanh(),
            Function::Sinh => x.sinh(),
            Function::Cosh => x.cosh(),
            Function::Atan => x.atan(),
            Function::Sign if x > 0.0 => 1.0,
            Function::Sign if x < 0.0 => -1.0,
            Function::Sign => x * 0.0,
        }
    }
}
