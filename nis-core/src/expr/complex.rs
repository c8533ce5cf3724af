//! Formulas of complex arguments: the program of [`Expr::compile`] run on complex numbers, with principal
//! branches.

use num_complex::Complex64;

use super::function::Function;
use super::node::Expr;
use super::program::{Program, Step};
use crate::error::{Error, Result};

/// Points per block.
const BLOCK: usize = 128;

/// Values that all registers may hold together.
const ROOM: usize = 1 << 18;

/// Imaginary part beyond which `tan` is `+-i` to the last bit but for its small real part.
const FAR: f64 = 20.0;

/// A formula made ready for complex arguments by [`Expr::compile_complex`].
///
/// `sqrt`, `log`, `atan` and powers with an exponent that is no whole number take their principal values: the
/// cuts of `sqrt`, `log` and powers run along the negative real axis (its points belong to the upper side
/// where their imaginary part is `0.0`, to the lower side where it is `-0.0`), those of `atan` along the
/// imaginary axis from `+-i` outwards. Nothing is simplified: `sqrt(s^2)` is not `s`.
///
/// ```
/// use nis_core::expr::Expr;
/// use num_complex::Complex64;
/// let f = Expr::parse("exp(-sqrt(s))/sqrt(s)")?.compile_complex(&["s"])?;
/// let s = [Complex64::new(1.0, 0.0), Complex64::new(0.0, 2.0)];
/// let mut out = [Complex64::default(); 2];
/// f.evaluate(&[&s], &mut out)?;
/// assert!((out[0].re - (-1.0f64).exp()).abs() < 1e-16);
/// // sqrt(2i) = 1 + i
/// let root = Complex64::new(1.0, 1.0);
/// assert!((out[1] - (-root).exp() / root).norm() < 1e-15);
/// # Ok::<(), nis_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ComplexProgram(Program);

impl Expr {
    /// Makes the formula ready for complex arguments, in this order; its numbers are real.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a name in the formula that is no argument; [`Error::InvalidInput`] for `abs`
    /// and `sign`, which are not analytic.
    pub fn compile_complex(&self, arguments: &[&str]) -> Result<ComplexProgram> {
        let program = self.compile(arguments)?;
        for (step, _) in &program.steps {
            if let Step::Call(f @ (Function::Abs | Function::Sign), _) = step {
                return Err(Error::invalid(
                    "formula",
                    f.name(),
                    "functions of a complex argument: sin, cos, tan, exp, log, sqrt, sinh, cosh, tanh, atan",
                ));
            }
        }
        Ok(ComplexProgram(program))
    }
}

impl ComplexProgram {
    /// Number of arguments.
    pub fn arguments(&self) -> usize {
        self.0.arguments()
    }

    /// Number of instructions.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no instructions; never so for a program made by [`Expr::compile_complex`].
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value at every point: `inputs[k][i]` is argument `k` at point `i`.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where the number of inputs or a length does not fit `out`.
    pub fn evaluate(&self, inputs: &[&[Complex64]], out: &mut [Complex64]) -> Result<()> {
        if inputs.len() != self.arguments() {
            return Err(Error::invalid(
                "inputs",
                inputs.len(),
                format!("{} arrays", self.arguments()),
            ));
        }
        if let Some((k, bad)) = inputs
            .iter()
            .enumerate()
            .find(|(_, v)| v.len() != out.len())
        {
            return Err(Error::invalid(
                format!("inputs[{k}]"),
                format!("{} values", bad.len()),
                format!("{} values, as in the output", out.len()),
            ));
        }
        let count = self.0.registers();
        let block = (ROOM / count.max(1)).clamp(1, BLOCK).min(out.len().max(1));
        let mut registers = vec![vec![Complex64::default(); block]; count];
        let mut from = 0;
        for chunk in out.chunks_mut(block) {
            let n = chunk.len();
            for (step, place) in &self.0.steps {
                // A step never reads the register that it writes.
                let mut taken = std::mem::take(&mut registers[*place]);
                let target = &mut taken[..n];
                let r = |i: usize| &registers[i][..n];
                match *step {
                    Step::Number(v) => target.fill(Complex64::new(v, 0.0)),
                    Step::Input(k) => target.copy_from_slice(&inputs[k][from..from + n]),
                    Step::Add(a, b) => binary(target, r(a), r(b), |a, b| a + b),
                    Step::Sub(a, b) => binary(target, r(a), r(b), |a, b| a - b),
                    Step::Mul(a, b) => binary(target, r(a), r(b), |a, b| a * b),
                    Step::Div(a, b) => binary(target, r(a), r(b), divide),
                    Step::Pow(a, b) => binary(target, r(a), r(b), power),
                    Step::Neg(a) => unary(target, r(a), |a| -a),
                    Step::PowInt(a, 2) => unary(target, r(a), |a| a * a),
                    Step::PowInt(a, p) => unary(target, r(a), |a| whole_power(a, p)),
                    Step::Call(f, a) => call(f, target, r(a)),
                }
                registers[*place] = taken;
            }
            if let Some((_, last)) = self.0.steps.last() {
                chunk.copy_from_slice(&registers[*last][..n]);
            }
            from += n;
        }
        Ok(())
    }

    /// The value at one point; NaN where the number of arguments does not fit.
    pub fn evaluate_point(&self, arguments: &[Complex64]) -> Complex64 {
        let inputs: Vec<&[Complex64]> = arguments.iter().map(std::slice::from_ref).collect();
        let mut out = [Complex64::new(f64::NAN, f64::NAN)];
        match self.evaluate(&inputs, &mut out) {
            Ok(()) => out[0],
            Err(_) => Complex64::new(f64::NAN, f64::NAN),
        }
    }
}

fn call(f: Function, target: &mut [Complex64], a: &[Complex64]) {
    match f {
        Function::Sin => unary(target, a, |z| z.sin()),
        Function::Cos => unary(target, a, |z| z.cos()),
        Function::Tan => unary(target, a, tan),
        Function::Exp => unary(target, a, exp),
        Function::Log => unary(target, a, |z| z.ln()),
        Function::Sqrt => unary(target, a, sqrt),
        Function::Tanh => unary(target, a, |z| {
            // tanh z = -i tan(iz)
            let w = tan(Complex64::new(-z.im, z.re));
            Complex64::new(w.im, -w.re)
        }),
        Function::Sinh => unary(target, a, |z| z.sinh()),
        Function::Cosh => unary(target, a, |z| z.cosh()),
        Function::Atan => unary(target, a, atan),
        // Refused when the program is made.
        Function::Abs | Function::Sign => target.fill(Complex64::new(f64::NAN, f64::NAN)),
    }
}

/// `a/b` without the overflow of `|b|^2` (Smith, Comm. ACM 5 (1962) 435, where that is out of range).
fn divide(a: Complex64, b: Complex64) -> Complex64 {
    let square = b.norm_sqr();
    if (1e-280..1e280).contains(&square) {
        return a * b.conj() / square;
    }
    if b.re.abs() >= b.im.abs() {
        if b.re.is_infinite() && a.is_finite() {
            return Complex64::default();
        }
        let r = b.im / b.re;
        let d = b.re + b.im * r;
        Complex64::new((a.re + a.im * r) / d, (a.im - a.re * r) / d)
    } else {
        if b.im.is_infinite() && a.is_finite() {
            return Complex64::default();
        }
        let r = b.re / b.im;
        let d = b.re * r + b.im;
        Complex64::new((a.re * r + a.im) / d, (a.im * r - a.re) / d)
    }
}

fn whole_power(a: Complex64, p: i32) -> Complex64 {
    let magnitude = a.powu(p.unsigned_abs());
    if p < 0 {
        divide(Complex64::new(1.0, 0.0), magnitude)
    } else {
        magnitude
    }
}

fn power(a: Complex64, b: Complex64) -> Complex64 {
    if a.re == 0.0 && a.im == 0.0 {
        return if b.re == 0.0 && b.im == 0.0 {
            Complex64::new(1.0, 0.0)
        } else if b.re > 0.0 {
            Complex64::default()
        } else {
            Complex64::new(f64::INFINITY, f64::NAN)
        };
    }
    // e^z is what its writer meant by it: log(e) is 1.
    if a.re == std::f64::consts::E && a.im == 0.0 {
        return exp(b);
    }
    exp(b * a.ln())
}

fn exp(z: Complex64) -> Complex64 {
    let size = z.re.exp();
    if z.im == 0.0 {
        return Complex64::new(size, z.im);
    }
    if size == 0.0 {
        return Complex64::default();
    }
    let (sin, cos) = z.im.sin_cos();
    Complex64::new(size * cos, size * sin)
}

/// Principal root: the real part is the root of `(|z| + |re|)/2`, the other part follows without cancellation.
fn sqrt(z: Complex64) -> Complex64 {
    if z.re == 0.0 && z.im == 0.0 {
        return Complex64::new(0.0, z.im);
    }
    let t = (0.5 * z.re.abs() + 0.5 * z.re.hypot(z.im)).sqrt();
    let other = 0.5 * z.im.abs() / t;
    let (re, im) = if z.re >= 0.0 { (t, other) } else { (other, t) };
    Complex64::new(re, im.copysign(z.im))
}

fn tan(z: Complex64) -> Complex64 {
    let (sin, cos) = z.re.sin_cos();
    if z.im.abs() > FAR {
        let small = 4.0 * sin * cos * (-2.0 * z.im.abs()).exp();
        return Complex64::new(small, z.im.signum());
    }
    let (sinh, cosh) = (z.im.sinh(), z.im.cosh());
    let d = cos * cos + sinh * sinh;
    Complex64::new(sin * cos / d, sinh * cosh / d)
}

/// Principal inverse tangent from real functions, without the cancellation of the logarithms at small `|z|`.
fn atan(z: Complex64) -> Complex64 {
    let (x, y) = (z.re, z.im);
    let re = 0.5 * (2.0 * x).atan2((1.0 - x) * (1.0 + x) - y * y);
    let below = x * x + (1.0 - y) * (1.0 - y);
    let im = 0.25 * (4.0 * y / below).ln_1p();
    Complex64::new(re, im)
}

fn unary(target: &mut [Complex64], a: &[Complex64], f: impl Fn(Complex64) -> Complex64) {
    for (t, a) in target.iter_mut().zip(a) {
        *t = f(*a);
    }
}

fn binary(
    target: &mut [Complex64],
    a: &[Complex64],
    b: &[Complex64],
    f: impl Fn(Complex64, Complex64) -> Complex64,
) {
    for ((t, a), b) in target.iter_mut().zip(a).zip(b) {
        *t = f(*a, *b);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn c(re: f64, im: f64) -> Complex64 {
        Complex64::new(re, im)
    }

    fn at(text: &str, s: Complex64) -> Complex64 {
        let program = Expr::parse(text).unwrap().compile_complex(&["s"]).unwrap();
        program.evaluate_point(&[s])
    }

    /// The 16 transforms of the golden data, from 40-digit arithmetic.
    #[test]
    fn golden_transforms() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/laplace.json");
        let golden: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        for pair in golden["pairs"].as_array().unwrap() {
            // The data write products without a sign.
            let text = pair["F"].as_str().unwrap();
            let text = text
                .replace("s(", "s*(")
                .replace("cos*(", "cos(")
                .replace(")(", ")*(");
            let text = text.replace("-2 sqrt", "-2*sqrt");
            let f = Expr::parse(&text).unwrap().compile_complex(&["s"]).unwrap();
            let points = pair["s"].as_array().unwrap();
            let values = pair["F_s"].as_array().unwrap();
            assert_eq!(points.len(), 8);
            let number = |v: &Value| c(v[0].as_f64().unwrap(), v[1].as_f64().unwrap());
            for (s, expected) in points.iter().zip(values) {
                let (s, expected) = (number(s), number(expected));
                let got = f.evaluate_point(&[s]);
                let scale = expected.norm().max(f64::MIN_POSITIVE);
                // 1/(s(1 + e^-s)) at Im s = 100: the argument of exp alone carries 1e-14.
                assert!(
                    (got - expected).norm() / scale <= 2e-14,
                    "{text} {s}: {got} {expected}"
                );
            }
        }
    }

    #[test]
    fn branches_are_principal() {
        let near = |a: Complex64, b: Complex64| assert!((a - b).norm() <= 1e-15, "{a} {b}");
        near(at("sqrt(s)", c(-4.0, 0.0)), c(0.0, 2.0));
        near(at("sqrt(s)", c(-4.0, -0.0)), c(0.0, -2.0));
        near(at("log(s)", c(-1.0, 0.0)), c(0.0, std::f64::consts::PI));
        near(at("s^0.5", c(0.0, -2.0)), c(1.0, -1.0));
        near(at("sqrt(s^2)", c(-3.0, 0.5)), c(3.0, -0.5));
        near(at("atan(s)", c(0.0, 0.5)), c(0.0, 0.5f64.atanh()));
        near(at("atan(1/s)", c(-0.1, 3.0)), (1.0 / c(-0.1, 3.0)).atan());
        near(at("e^s", c(0.0, 1.0)), c(1.0f64.cos(), 1.0f64.sin()));
        near(at("s^-2", c(0.0, 2.0)), c(-0.25, 0.0));
        near(at("0^s", c(2.0, 1.0)), c(0.0, 0.0));
    }

    #[test]
    fn extreme_arguments() {
        assert_eq!(at("1/(1 + exp(s))", c(800.0, 1.0)), c(0.0, 0.0));
        assert_eq!(at("1/s", c(1e300, 0.0)), c(1e-300, 0.0));
        assert!((at("s/s", c(1e-300, 1e-300)) - 1.0).norm() <= 1e-15);
        assert!((at("tanh(s)", c(400.0, 0.3)) - 1.0).norm() <= 1e-15);
        assert!((at("tan(s)", c(0.3, -400.0)) - c(0.0, -1.0)).norm() <= 1e-15);
        assert!((at("sqrt(s)", c(1e308, 1e308)).norm() / 1e154 - 1.189207115002721).abs() < 1e-14);
        assert!((at("atan(s)", c(1e-12, 1e-13)) / c(1e-12, 1e-13) - 1.0).norm() <= 1e-15);
        assert!(at("s + 1", c(f64::NAN, 0.0)).is_nan());
    }

    #[test]
    fn what_is_not_analytic_is_refused() {
        for text in ["abs(s)", "1/(s + sign(s))"] {
            let e = Expr::parse(text)
                .unwrap()
                .compile_complex(&["s"])
                .unwrap_err();
            assert_eq!(e.field(), Some("formula"), "{e}");
        }
        let e = Expr::parse("a*s")
            .unwrap()
            .compile_complex(&["s"])
            .unwrap_err();
        assert_eq!(e.code(), crate::error::Code::NotFound);
    }

    #[test]
    fn blocks_and_bad_lengths() {
        let f = Expr::parse("a*s^2 + 1")
            .unwrap()
            .compile_complex(&["s", "a"])
            .unwrap();
        for n in [0, 1, 127, 128, 129, 300] {
            let s: Vec<Complex64> = (0..n).map(|k| c(k as f64, 1.0)).collect();
            let a = vec![c(2.0, 0.0); n];
            let mut out = vec![c(0.0, 0.0); n];
            f.evaluate(&[&s, &a], &mut out).unwrap();
            for (s, out) in s.iter().zip(&out) {
                assert_eq!(*out, 2.0 * s * s + 1.0);
            }
        }
        let mut out = [c(0.0, 0.0); 2];
        assert!(f.evaluate(&[&[c(0.0, 0.0); 2]], &mut out).is_err());
        assert!(
            f.evaluate(&[&[c(0.0, 0.0); 2], &[c(0.0, 0.0); 3]], &mut out)
                .is_err()
        );
        assert!(f.evaluate_point(&[]).is_nan());
    }

    proptest! {
        /// Real arguments give the real program's values where these exist, and conjugate arguments conjugate
        /// values.
        #[test]
        fn real_axis_and_symmetry(x in 0.05f64..5.0, y in -5.0f64..5.0) {
            for text in ["exp(-2*s)/(s^2 + 1)", "log(s)/s", "1/sqrt(s)*exp(-sqrt(s))", "atan(1/s)", "tanh(s)/s",
                "sin(s)*cosh(s) - cos(s)/sinh(s)", "s^1.5/(1 + s)^3", "tan(s/7)"] {
                let e = Expr::parse(text).unwrap();
                let real = e.compile(&["s"]).unwrap().evaluate_point(&[x]);
                let got = at(text, c(x, 0.0));
                prop_assert!((got - real).norm() <= 1e-13 * (1.0 + real.abs()), "{} {} {}", text, got, real);
                let (up, down) = (at(text, c(x, y)), at(text, c(x, -y)));
                prop_assert!((up - down.conj()).norm() <= 1e-13 * (1.0 + up.norm()), "{} {} {}", text, up, down);
            }
        }
    }
}
