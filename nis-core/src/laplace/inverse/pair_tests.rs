//! Tests of the inversion on closed-form pairs that its thresholds were not chosen on (Abramowitz and Stegun,
//! section 29.3, unless said), as formulas and as functions whose jumps are not to be seen.

use super::tests::{formula, function, honest, worst};
use super::*;

/// `sum_k t^{k + 1/2}/Gamma(k + 3/2) = e^t erf(sqrt t)`.
fn exp_erf(t: f64) -> f64 {
    let mut term = 2.0 * (t / std::f64::consts::PI).sqrt();
    let mut sum = 0.0;
    for k in 0..200 {
        sum += term;
        term *= t / (f64::from(k) + 1.5);
    }
    sum
}

/// `sum_k (x^2/4)^k/k!^2 = I0(x)`.
fn bessel_i0(x: f64) -> f64 {
    let (mut term, mut sum) = (1.0, 0.0);
    for k in 1..200 {
        sum += term;
        term *= 0.25 * x * x / f64::from(k * k);
    }
    sum
}

fn sawtooth(t: f64) -> f64 {
    t - t.floor()
}

/// Height of a triangle wave between 0 and 1 of period 2 that starts at 0.
fn triangle(t: f64) -> f64 {
    let x = t % 2.0;
    if x < 1.0 { x } else { 2.0 - x }
}

fn step(t: f64) -> f64 {
    if t > 0.0 { 1.0 } else { 0.0 }
}

struct Pair {
    image: &'static str,
    f: fn(f64) -> f64,
    /// Largest error that is reached as a formula, and at 9 of 10 times as a function, against the largest
    /// value: some times are next to a jump.
    formula: f64,
    function: f64,
}

fn pair(image: &'static str, f: fn(f64) -> f64, formula: f64, function: f64) -> Pair {
    Pair {
        image,
        f,
        formula,
        function,
    }
}

fn pairs() -> Vec<Pair> {
    vec![
        pair("1/(s + 2)^2", |t| t * (-2.0 * t).exp(), 1e-12, 1e-12),
        pair("20/(s^2 + 400)", |t| (20.0 * t).sin(), 1e-12, 1e-12),
        pair("1/(s - 1)", f64::exp, 1e-12, 1e-12),
        pair(
            "1/(s^2 + 1)^2",
            |t| 0.5 * (t.sin() - t * t.cos()),
            1e-11,
            1e-11,
        ),
        pair("120/s^6", |t| t.powi(5), 1e-12, 1e-12),
        pair(
            "s^(-3/2)",
            |t| 2.0 * (t / std::f64::consts::PI).sqrt(),
            1e-12,
            1e-12,
        ),
        pair(
            "exp(-1/s)/sqrt(s)",
            |t| (2.0 * t.sqrt()).cos() / (std::f64::consts::PI * t).sqrt(),
            1e-12,
            1e-12,
        ),
        pair(
            "exp(1/s)/s^(3/2)",
            |t| (2.0 * t.sqrt()).sinh() / std::f64::consts::PI.sqrt(),
            1e-12,
            1e-12,
        ),
        pair("1/(sqrt(s)*(s - 1))", exp_erf, 1e-11, 1e-11),
        pair(
            "1/(sqrt(s)*(sqrt(s) + 1))",
            |t| t.exp() - exp_erf(t),
            1e-10,
            1e-10,
        ),
        pair(
            "1/(sqrt(s)*sqrt(s + 2))",
            |t| (-t).exp() * bessel_i0(t),
            1e-11,
            1e-11,
        ),
        pair("log(1 + 1/s)", |t| -(-t).exp_m1() / t, 1e-12, 1e-12),
        pair(
            "log((s^2 + 9)/s^2)",
            |t| 2.0 * (1.0 - (3.0 * t).cos()) / t,
            1e-10,
            1e-10,
        ),
        // Jumps and kinks.
        pair(
            "(1 - exp(-1.3*s))/s",
            |t| step(t) - step(t - 1.3),
            1e-12,
            1e-10,
        ),
        pair("exp(-2.7*s)/s^2", |t| (t - 2.7).max(0.0), 1e-12, 1e-10),
        pair(
            "exp(-1.9*s)/(s + 1)",
            |t| if t > 1.9 { (1.9 - t).exp() } else { 0.0 },
            1e-12,
            1e-10,
        ),
        pair("1/s^2 - exp(-s)/(s*(1 - exp(-s)))", sawtooth, 1e-11, 1e-8),
        pair("tanh(s/2)/s^2", triangle, 1e-11, 1e-8),
        pair("exp(-s)/(s*(1 - exp(-s)))", f64::floor, 1e-11, 1e-8),
        pair(
            "pi/(s^2 + pi^2)/(1 - exp(-s))",
            |t| {
                // Of a half wave rectified: sin(pi t) in even intervals, 0 in odd ones.
                let x = t % 2.0;
                if x < 1.0 {
                    (std::f64::consts::PI * x).sin()
                } else {
                    0.0
                }
            },
            1e-10,
            1e-8,
        ),
    ]
}

/// Away from the jumps at tenths.
fn times() -> Vec<f64> {
    (0..80).map(|k| 0.0417 + 0.12391 * f64::from(k)).collect()
}

#[test]
fn pairs_that_nothing_was_tuned_on() {
    let t = times();
    let (mut points, mut good) = (0.0, 0.0);
    let mut wrong = Vec::new();
    for pair in pairs() {
        let exact: Vec<f64> = t.iter().map(|t| (pair.f)(*t)).collect();
        let size = exact.iter().fold(1.0f64, |a, v| a.max(v.abs()));
        let options = InvertOptions::default();
        for (found, bar, what) in [
            (formula(pair.image, &t, &options), pair.formula, "formula"),
            (
                function(pair.image, &t, &options),
                pair.function,
                "function",
            ),
        ] {
            let scaled = Inversion {
                value: found.value.iter().map(|v| v / size).collect(),
                error: found.error.iter().map(|v| v / size).collect(),
                ..found.clone()
            };
            let exact: Vec<f64> = exact.iter().map(|v| v / size).collect();
            let worst = worst(&scaled, &exact);
            let share = honest(&scaled, &exact);
            points += exact.len() as f64;
            good += share * exact.len() as f64;
            let reached = (0..exact.len())
                .filter(|&i| (scaled.value[i] - exact[i]).abs() <= bar)
                .count();
            let least = if what == "formula" {
                t.len()
            } else {
                9 * t.len() / 10
            };
            if reached < least || share < 0.95 {
                wrong.push(format!(
                    "{} as {what}: error {worst:.1e}, {reached} of {} times, honest {share}",
                    pair.image,
                    t.len()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(good / points >= 0.99, "{}", good / points);
}
