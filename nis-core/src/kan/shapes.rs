//! The library of forms that an edge may take.

/// A form with free constants: how to write it, where to start its fit, what its constants mean.
pub(super) struct Shape {
    /// Text in `x` with `p0`, `p1`, ... for the constants; `p0` is additive.
    pub(super) text: &'static str,
    pub(super) roles: &'static [&'static str],
    /// Text and roles in the quantity itself where `x` is its logarithm; `None` for forms that would change
    /// with the unit of the quantity.
    pub(super) logarithmic: Option<(&'static str, &'static [&'static str])>,
    /// Constants by which the form scales (`true`), beside those inside functions.
    pub(super) scales: &'static [bool],
    /// Constants whose absence (0) leaves a form that makes sense.
    pub(super) optional: &'static [Optional],
    /// The functions that enter linearly for given inner constants, beside 1.
    pub(super) linear: fn(&[f64], f64) -> [f64; 3],
    /// How many of those there are.
    pub(super) count: usize,
    /// Values to try for the inner constants, from the range of x.
    pub(super) inner: fn(f64, f64) -> Vec<Vec<f64>>,
    /// Puts linear coefficients (constant first) and inner constants in the order of `text`.
    pub(super) assemble: fn(&[f64], &[f64]) -> Vec<f64>,
    /// Whether the form exists on the range.
    pub(super) exists: fn(f64, f64) -> bool,
    /// The form as the function that is applied to a sum.
    pub(super) outer: fn(&[f64]) -> Option<Outer>,
}

/// When a constant may be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Optional {
    Never,
    /// Where it is zero to working precision: a constant or a phase is reported with its error otherwise.
    Zero,
    /// Where the description gets shorter without it.
    Shorter,
}
use Optional::{Never, Shorter, Zero};

/// A form of the last edge behind one hidden node, written without the constants that a shift or a scale of
/// the hidden value makes up for: `g(h)` becomes `text` in `h' = scale h + shift`.
pub(super) struct Outer {
    pub(super) text: &'static str,
    pub(super) roles: &'static [&'static str],
    pub(super) optional: &'static [Optional],
    pub(super) values: Vec<f64>,
    pub(super) scale: f64,
    pub(super) shift: f64,
}

fn rates(a: f64, b: f64) -> Vec<Vec<f64>> {
    let unit = 1.0 / (b - a);
    [-8.0, -4.0, -2.0, -1.0, -0.5, 0.5, 1.0, 2.0, 4.0, 8.0]
        .iter()
        .map(|r| vec![r * unit])
        .collect()
}

fn waves(a: f64, b: f64) -> Vec<Vec<f64>> {
    // From half a cycle to eight cycles over the range, in quarter cycles.
    (2..=32)
        .map(|k| vec![0.25 * f64::from(k) * std::f64::consts::TAU / (b - a)])
        .collect()
}

fn steps(a: f64, b: f64) -> Vec<Vec<f64>> {
    let mut out = Vec::new();
    for k in 1..8 {
        let centre = a + (b - a) * f64::from(k) / 8.0;
        for width in [0.05, 0.15, 0.4] {
            let rate = 1.0 / (width * (b - a));
            out.push(vec![rate, -rate * centre]);
        }
    }
    out
}

fn kinks(a: f64, b: f64) -> Vec<Vec<f64>> {
    (1..16)
        .map(|k| vec![a + (b - a) * f64::from(k) / 16.0])
        .collect()
}

fn powers(_: f64, _: f64) -> Vec<Vec<f64>> {
    [-2.0, -1.5, -0.5, 0.5, 1.5, 2.5, 3.0, 4.0]
        .iter()
        .map(|p| vec![*p])
        .collect()
}

fn nothing(_: f64, _: f64) -> Vec<Vec<f64>> {
    vec![vec![]]
}

fn always(_: f64, _: f64) -> bool {
    true
}

fn straight(c: &[f64], inner: &[f64]) -> Vec<f64> {
    [c, inner].concat()
}

fn no_outer(_: &[f64]) -> Option<Outer> {
    None
}

/// `text` for a positive and for a negative coefficient `sign`.
fn signed(sign: f64, plus: &'static str, minus: &'static str) -> &'static str {
    if sign < 0.0 { minus } else { plus }
}

fn outer(
    text: &'static str,
    roles: &'static [&'static str],
    optional: &'static [Optional],
    values: &[f64],
    scale: f64,
    shift: f64,
) -> Option<Outer> {
    let usable = scale != 0.0 && scale.is_finite() && shift.is_finite();
    usable.then(|| Outer {
        text,
        roles,
        optional,
        values: values.to_vec(),
        scale,
        shift,
    })
}

/// The library, simplest first.
pub(super) const SHAPES: &[Shape] = &[
    Shape {
        text: "p0 + p1*x",
        roles: &["constant", "coefficient"],
        logarithmic: Some(("p0 + p1*log(x)", &["constant", "exponent"])),
        scales: &[true, true],
        optional: &[Zero, Never],
        linear: |_, x| [x, 0.0, 0.0],
        count: 1,
        inner: nothing,
        assemble: straight,
        exists: always,
        outer: no_outer,
    },
    Shape {
        text: "p0 + p1*log(x)",
        roles: &["constant", "coefficient of log"],
        logarithmic: None,
        scales: &[true, true],
        optional: &[Zero, Never],
        linear: |_, x| [x.ln(), 0.0, 0.0],
        count: 1,
        inner: nothing,
        assemble: straight,
        exists: |a, _| a > 0.0,
        // p0 + p1 ln h = p1 ln(h e^(p0/p1))
        outer: |p| {
            outer(
                "p0*log(h)",
                &["coefficient of log"],
                &[Never],
                &[p[1]],
                (p[0] / p[1]).exp(),
                0.0,
            )
        },
    },
    Shape {
        text: "p0 + p1/x",
        roles: &["constant", "coefficient of the inverse"],
        logarithmic: None,
        scales: &[true, true],
        optional: &[Zero, Never],
        linear: |_, x| [1.0 / x, 0.0, 0.0],
        count: 1,
        inner: nothing,
        assemble: straight,
        exists: |a, b| a * b > 0.0,
        outer: |p| outer("p0 + 1/h", &["constant"], &[Zero], &[p[0]], 1.0 / p[1], 0.0),
    },
    Shape {
        text: "p0 + p1*x + p2*x^2",
        roles: &["constant", "coefficient", "coefficient of the square"],
        logarithmic: Some((
            "p0 + p1*log(x) + p2*log(x)^2",
            &[
                "constant",
                "coefficient of the logarithm",
                "coefficient of the squared logarithm",
            ],
        )),
        scales: &[true, true, true],
        optional: &[Zero, Shorter, Never],
        linear: |_, x| [x, x * x, 0.0],
        count: 2,
        inner: nothing,
        assemble: straight,
        exists: always,
        outer: |p| {
            let root = p[2].abs().sqrt();
            outer(
                signed(p[2], "p0 + h^2", "p0 - h^2"),
                &["constant"],
                &[Zero],
                &[p[0] - p[1] * p[1] / (4.0 * p[2])],
                root,
                root * p[1] / (2.0 * p[2]),
            )
        },
    },
    Shape {
        text: "p0 + p1*x^p2",
        roles: &["constant", "coefficient of the power", "exponent"],
        logarithmic: None,
        scales: &[true, true, false],
        optional: &[Zero, Never, Never],
        linear: |p, x| [x.powf(p[0]), 0.0, 0.0],
        count: 1,
        inner: powers,
        assemble: straight,
        exists: |a, _| a > 0.0,
        outer: |p| {
            outer(
                signed(p[1], "p0 + h^p1", "p0 - h^p1"),
                &["constant", "exponent"],
                &[Zero, Never],
                &[p[0], p[2]],
                p[1].abs().powf(1.0 / p[2]),
                0.0,
            )
        },
    },
    Shape {
        text: "p0 + p1*exp(p2*x)",
        roles: &["constant", "coefficient of exp", "rate"],
        logarithmic: Some((
            "p0 + p1*x^p2",
            &["constant", "coefficient of the power", "exponent"],
        )),
        scales: &[true, true, false],
        optional: &[Zero, Never, Never],
        linear: |p, x| [(p[0] * x).exp(), 0.0, 0.0],
        count: 1,
        inner: rates,
        assemble: straight,
        exists: always,
        outer: |p| {
            outer(
                signed(p[1], "p0 + exp(h)", "p0 - exp(h)"),
                &["constant"],
                &[Zero],
                &[p[0]],
                p[2],
                p[1].abs().ln(),
            )
        },
    },
    Shape {
        text: "p0 + p1*abs(x - p2)",
        roles: &["constant", "coefficient of abs", "kink"],
        logarithmic: None,
        scales: &[true, true, false],
        optional: &[Zero, Never, Zero],
        linear: |p, x| [(x - p[0]).abs(), 0.0, 0.0],
        count: 1,
        inner: kinks,
        assemble: straight,
        exists: always,
        outer: |p| {
            outer(
                signed(p[1], "p0 + abs(h)", "p0 - abs(h)"),
                &["constant"],
                &[Zero],
                &[p[0]],
                p[1].abs(),
                -p[1].abs() * p[2],
            )
        },
    },
    Shape {
        text: "p0 + p1*sin(p2*x + p3)",
        roles: &["constant", "amplitude", "angular frequency", "phase"],
        logarithmic: Some((
            "p0 + p1*sin(p2*log(x) + p3)",
            &[
                "constant",
                "amplitude",
                "angular frequency in the logarithm",
                "phase",
            ],
        )),
        scales: &[true, true, false, false],
        optional: &[Zero, Never, Never, Zero],
        linear: |p, x| [(p[0] * x).sin(), (p[0] * x).cos(), 0.0],
        count: 2,
        inner: waves,
        // c1 sin + c2 cos = r sin(. + phase); phases beyond a quarter turn go into the sign.
        assemble: |c, inner| {
            let (r, phase) = (c[1].hypot(c[2]), c[2].atan2(c[1]));
            let half = std::f64::consts::PI;
            if phase.abs() > 0.5 * half {
                vec![c[0], -r, inner[0], phase - half.copysign(phase)]
            } else {
                vec![c[0], r, inner[0], phase]
            }
        },
        exists: always,
        outer: |p| {
            outer(
                "p0 + p1*sin(h)",
                &["constant", "amplitude"],
                &[Zero, Never],
                &p[..2],
                p[2],
                p[3],
            )
        },
    },
    Shape {
        text: "p0 + p1*tanh(p2*x + p3)",
        roles: &["constant", "amplitude of tanh", "rate", "shift"],
        logarithmic: Some((
            "p0 + p1*tanh(p2*log(x) + p3)",
            &[
                "constant",
                "amplitude of tanh",
                "rate in the logarithm",
                "shift",
            ],
        )),
        scales: &[true, true, false, false],
        optional: &[Zero, Never, Never, Zero],
        linear: |p, x| [(p[0] * x + p[1]).tanh(), 0.0, 0.0],
        count: 1,
        inner: steps,
        assemble: straight,
        exists: always,
        outer: |p| {
            outer(
                "p0 + p1*tanh(h)",
                &["constant", "amplitude of tanh"],
                &[Zero, Never],
                &p[..2],
                p[2],
                p[3],
            )
        },
    },
    Shape {
        text: "p0 + p1*exp(-(p2*x + p3)^2)",
        roles: &["constant", "amplitude of the bell", "rate", "shift"],
        logarithmic: Some((
            "p0 + p1*exp(-(p2*log(x) + p3)^2)",
            &[
                "constant",
                "amplitude of the bell",
                "rate in the logarithm",
                "shift",
            ],
        )),
        scales: &[true, true, false, false],
        optional: &[Zero, Never, Never, Zero],
        linear: |p, x| [(-(p[0] * x + p[1]).powi(2)).exp(), 0.0, 0.0],
        count: 1,
        inner: steps,
        assemble: straight,
        exists: always,
        outer: |p| {
            outer(
                "p0 + p1*exp(-h^2)",
                &["constant", "amplitude of the bell"],
                &[Zero, Never],
                &p[..2],
                p[2],
                p[3],
            )
        },
    },
    Shape {
        text: "p0 + p1*x + p2*x^2 + p3*x^3",
        roles: &[
            "constant",
            "coefficient",
            "coefficient of the square",
            "coefficient of the cube",
        ],
        logarithmic: Some((
            "p0 + p1*log(x) + p2*log(x)^2 + p3*log(x)^3",
            &[
                "constant",
                "coefficient of the logarithm",
                "coefficient of the squared logarithm",
                "coefficient of the cubed logarithm",
            ],
        )),
        scales: &[true, true, true, true],
        optional: &[Zero, Shorter, Shorter, Never],
        linear: |_, x| [x, x * x, x * x * x],
        count: 3,
        inner: nothing,
        assemble: straight,
        exists: always,
        outer: no_outer,
    },
];
