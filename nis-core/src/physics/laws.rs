//! Laws of physics on declared numbers and records.

use super::residuals::Z;
use super::{Status, Verdict};
use crate::expr::constants::find;
use crate::expr::units::{Dimension, dimension_of};
use crate::expr::{Equation, Expr};

/// Relative deviation that rounding and given digits may cause in exact numbers.
const EXACT: f64 = 1e-9;

fn relative(difference: f64, scale: f64) -> f64 {
    if difference == 0.0 {
        0.0
    } else {
        difference.abs() / scale.abs()
    }
}

/// Energy balance: the change of energy must equal the work done on the system and the heat given to it.
///
/// ```
/// use nis_core::physics::{Status, energy};
/// assert_eq!(energy(0.0, 1000.0, 0.0, 0.0).status, Status::Violated);
/// assert_eq!(energy(0.0, 1000.0, 600.0, 400.0).status, Status::Valid);
/// ```
pub fn energy(before: f64, after: f64, work: f64, heat: f64) -> Verdict {
    let missing = after - before - work - heat;
    let scale = before
        .abs()
        .max(after.abs())
        .max(work.abs())
        .max(heat.abs());
    Verdict::by(
        "energy balance".into(),
        ("relative imbalance", relative(missing, scale)),
        EXACT,
        "first law: energy after = energy before + work + heat".into(),
    )
    .with_effect(format!("{missing} J unaccounted for"))
}

/// Momentum balance: the change must equal the impulse of the outer forces.
pub fn momentum(before: f64, after: f64, impulse: f64) -> Verdict {
    let missing = after - before - impulse;
    let scale = before.abs().max(after.abs()).max(impulse.abs());
    Verdict::by(
        "momentum balance".into(),
        ("relative imbalance", relative(missing, scale)),
        EXACT,
        "Newton's second law: momentum after = momentum before + impulse of the outer forces"
            .into(),
    )
    .with_effect(format!("{missing} kg m/s unaccounted for"))
}

/// Heat `q` (J, positive) flowing from a body at `from` to one at `to` (K) with work `work` (J) spent on it: the
/// entropy of both and of the work's source must not fall.
pub fn heat_flow(q: f64, from: f64, to: f64, work: f64) -> Verdict {
    let check = "second law: heat flow".to_string();
    if !(from > 0.0 && to > 0.0 && q > 0.0) {
        return Verdict::not_checked(check, "temperatures in K and the heat must be positive");
    }
    if work.is_nan() || work < 0.0 {
        return Verdict::not_checked(check, "the work spent must be 0 or positive");
    }
    // `max` below would turn a NaN into 0, that is, into a pass.
    if ![q, from, to, work].iter().all(|v| v.is_finite()) {
        return Verdict::not_checked(check, "a temperature, the heat or the work is not finite");
    }
    // The least work that moves q from `from` to a hotter `to` (Carnot).
    let least = q * (to / from - 1.0);
    let lacking = (least - work).max(0.0);
    Verdict::by(
        check,
        ("work lacking, relative to the heat", lacking / q),
        EXACT,
        "Clausius: heat does not flow from cold to hot unless work of at least q (T_hot/T_cold - 1) is spent".into(),
    )
    .with_effect(format!("entropy change {:.4} J/K", q / to - q / from + work / to))
}

/// A speed in m/s against that of light.
pub fn speed(v: f64) -> Verdict {
    let Some(c) = find("c") else {
        return Verdict::not_checked("speed limit", "the speed of light is not in the table");
    };
    Verdict::by(
        "speed limit".into(),
        ("v/c", v / c.value),
        1.0,
        "special relativity: no body and no signal is faster than light".into(),
    )
}

/// A collision of two bodies on a line: masses (kg), velocities before and after (m/s).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Collision {
    /// Masses.
    pub masses: [f64; 2],
    /// Velocities before.
    pub before: [f64; 2],
    /// Velocities after.
    pub after: [f64; 2],
    /// Whether kinetic energy is claimed to be kept.
    pub elastic: bool,
}

/// Checks a collision: momentum is kept; kinetic energy is kept (elastic) or does not grow.
pub fn collision(c: Collision) -> Vec<Verdict> {
    if !c.masses.iter().all(|m| *m > 0.0) {
        return vec![Verdict::not_checked("collision", "masses must be positive")];
    }
    // `max` below would turn a NaN into 0, that is, into a pass.
    let mut given = c.masses.iter().chain(&c.before).chain(&c.after);
    if !given.all(|v| v.is_finite()) {
        return vec![Verdict::not_checked(
            "collision",
            "a mass or a velocity is not finite",
        )];
    }
    let momentum_of = |v: [f64; 2]| c.masses[0] * v[0] + c.masses[1] * v[1];
    let energy_of = |v: [f64; 2]| 0.5 * (c.masses[0] * v[0] * v[0] + c.masses[1] * v[1] * v[1]);
    let size = (0..2)
        .map(|i| c.masses[i] * c.before[i].abs().max(c.after[i].abs()))
        .fold(0.0, f64::max);
    let change = momentum_of(c.after) - momentum_of(c.before);
    let (e0, e1) = (energy_of(c.before), energy_of(c.after));
    let gained = if c.elastic {
        (e1 - e0).abs()
    } else {
        (e1 - e0).max(0.0)
    };
    vec![
        Verdict::by(
            "momentum kept in the collision".into(),
            ("relative change", relative(change, size)),
            EXACT,
            "no outer force acts during a collision".into(),
        )
        .with_effect(format!("{change} kg m/s")),
        Verdict::by(
            if c.elastic {
                "kinetic energy kept"
            } else {
                "kinetic energy not gained"
            }
            .into(),
            ("relative deviation", relative(gained, e0.max(e1))),
            EXACT,
            "an elastic collision keeps kinetic energy; none creates it".into(),
        )
        .with_effect(format!("{e0} J before, {e1} J after")),
    ]
}

/// Whether numbers satisfy an equation given as text, for example `F = m*a` with `F = 100, m = 5, a = 20`.
/// Text that is no equation, or names without value, are not checked.
///
/// ```
/// use nis_core::physics::{Status, equation_of_numbers};
/// let numbers = [("F", 100.0), ("m", 5.0), ("a", 50.0)];
/// assert_eq!(equation_of_numbers("F = m*a", &numbers).status, Status::Violated);
/// assert_eq!(equation_of_numbers("test", &numbers).status, Status::NotChecked);
/// ```
pub fn equation_of_numbers(text: &str, numbers: &[(&str, f64)]) -> Verdict {
    let shown: String = text.chars().take(80).collect();
    let check = format!("equation holds: {shown}");
    let equation = match Equation::parse(text) {
        Ok(equation) => equation,
        Err(e) => return Verdict::not_checked(check, format!("not an equation: {e}")),
    };
    if same_sides(&equation) {
        return Verdict::not_checked(check, "both sides are the same for all numbers");
    }
    let names: Vec<&str> = numbers.iter().map(|(n, _)| *n).collect();
    let values: Vec<f64> = numbers.iter().map(|(_, v)| *v).collect();
    let side = |e: &Expr| e.compile(&names).map(|p| p.evaluate_point(&values));
    let (left, right) = match (side(&equation.left), side(&equation.right)) {
        (Ok(left), Ok(right)) => (left, right),
        (Err(e), _) | (_, Err(e)) => return Verdict::not_checked(check, e.to_string()),
    };
    Verdict::by(
        check,
        (
            "relative difference of the sides",
            relative(left - right, left.abs().max(right.abs())),
        ),
        EXACT,
        "both sides were computed from the given numbers".into(),
    )
    .with_effect(format!("left side {left}, right side {right}"))
}

/// Whether an equation with names is an identity: it holds for all numbers, so it says nothing about these.
pub(super) fn same_sides(equation: &Equation) -> bool {
    let sides = [&equation.left, &equation.right];
    let named = sides
        .iter()
        .any(|s| !s.names().is_empty() || !s.derivatives().is_empty());
    let difference = || equation.left.minus(&equation.right)?.simplify();
    named
        && (equation.left == equation.right
            || difference().is_ok_and(|d| d.as_number() == Some(0.0)))
}

/// Whether the terms of an equation have one dimension. `of` gives the dimension of a name; a name without is
/// not checked.
pub fn dimensions(equation: &Equation, of: &dyn Fn(&str) -> Option<Dimension>) -> Verdict {
    let shown: String = equation.to_string().chars().take(80).collect();
    let check = format!("dimensions agree: {shown}");
    if equation.left.names().is_empty() && equation.right.names().is_empty() {
        return Verdict::not_checked(check, "there are only numbers, which have no dimension");
    }
    let difference = match equation.left.minus(&equation.right) {
        Ok(difference) => difference,
        Err(e) => return Verdict::not_checked(check, e.to_string()),
    };
    match dimension_of(&difference, of) {
        Ok(dimension) => Verdict {
            check,
            status: Status::Valid,
            statistic: None,
            threshold: None,
            effect: Some(format!("every term is of dimension {dimension}")),
            explanation: "terms of a sum and both sides of an equation must have one dimension"
                .into(),
            noise: None,
        },
        Err(crate::Error::InvalidInput {
            value, expected, ..
        }) => Verdict {
            check,
            status: Status::Violated,
            statistic: None,
            threshold: None,
            effect: Some(value),
            explanation: format!("expected {expected}"),
            noise: None,
        },
        Err(e) => Verdict::not_checked(check, e.to_string()),
    }
}

/// Whether a quantity that should be constant changes over a record: by drift, the slope of its regression on
/// time in standard errors, or by more scatter around its mean than the noise explains, the sum of squares as a
/// normal deviate (Wilson and Hilferty, Proc. Natl. Acad. Sci. 17 (1931) 684). The statistic is the larger of
/// the two. `noise` is the known standard deviation of one value, not one estimated from these values; where it
/// is 0 (exact numbers), a relative change of 1e-9 is allowed.
///
/// ```
/// use nis_core::physics::{Status, conserved_quantity};
/// let t = [0.0, 1.0, 2.0, 3.0, 4.0];
/// assert_eq!(conserved_quantity("energy", &t, &[2.0, 2.1, 1.9, 2.0, 2.1], 0.1).status, Status::Valid);
/// // There and back again: no drift, and not conserved either.
/// assert_eq!(conserved_quantity("energy", &t, &[2.0, 5.0, 9.0, 5.0, 2.0], 0.1).status, Status::Violated);
/// ```
pub fn conserved_quantity(name: &str, t: &[f64], values: &[f64], noise: f64) -> Verdict {
    let check = format!("conserved: {name}");
    let n = values.len();
    if n != t.len() || n < 3 || !(noise >= 0.0 && noise.is_finite()) {
        return Verdict::not_checked(
            check,
            "at least 3 values with times and a scatter of 0 or more are needed",
        );
    }
    if t.iter().chain(values).any(|v| !v.is_finite()) {
        return Verdict::not_checked(check, "a value is not finite");
    }
    let mean = |v: &[f64]| v.iter().sum::<f64>() / n as f64;
    let (mt, mv) = (mean(t), mean(values));
    if noise == 0.0 {
        let most = values
            .iter()
            .map(|v| (v - values[0]).abs())
            .fold(0.0, f64::max);
        return Verdict::by(
            check,
            (
                "relative change",
                relative(most, mv.abs().max(values[0].abs())),
            ),
            EXACT,
            "exact numbers: the quantity must keep its value".into(),
        );
    }
    let stt: f64 = t.iter().map(|t| (t - mt).powi(2)).sum();
    let stv: f64 = t.iter().zip(values).map(|(t, v)| (t - mt) * (v - mv)).sum();
    let slope = stv / stt;
    let span = t.iter().copied().fold(f64::NEG_INFINITY, f64::max)
        - t.iter().copied().fold(f64::INFINITY, f64::min);
    let drift = slope / (noise / stt.sqrt());
    let freedom = (n - 1) as f64;
    let squares: f64 = values.iter().map(|v| ((v - mv) / noise).powi(2)).sum();
    let v = 2.0 / (9.0 * freedom);
    // Less scatter than the noise explains is no change of the quantity.
    let scatter = (((squares / freedom).cbrt() - (1.0 - v)) / v.sqrt()).max(0.0);
    if !drift.is_finite() || !squares.is_finite() {
        return Verdict::not_checked(check, "the times do not differ or a value is too large");
    }
    let statistic = if scatter > drift.abs() {
        ("scatter z", scatter)
    } else {
        ("drift z", drift)
    };
    let change = slope * span;
    let share = if mv == 0.0 {
        String::new()
    } else {
        format!(", {:+.2} %", 100.0 * change / mv)
    };
    Verdict::by(
        check,
        statistic,
        Z,
        format!(
            "regression on time and scatter around the mean, with a noise of {noise} per value"
        ),
    )
    .with_effect(format!("{change:+.3e} over the record{share}"))
}

/// Whether the poles of a system that is declared passive do not grow: `(growth, standard error)` per pole.
/// Without the declaration there is nothing to check, for a driven system may grow.
pub fn passive(name: &str, growth: &[(f64, f64)], declared: bool) -> Verdict {
    let check = format!("no growth: {name}");
    if !declared {
        return Verdict::not_checked(
            check,
            "the system was not declared passive; a driven one may grow",
        );
    }
    if growth.is_empty() {
        return Verdict::not_checked(check, "there are no poles");
    }
    // A comparison with a NaN or with an infinite standard error could not fail.
    if !growth
        .iter()
        .all(|(g, se)| g.is_finite() && se.is_finite() && *se > 0.0)
    {
        return Verdict::not_checked(
            check,
            "a growth is not finite or its standard error is not a positive number",
        );
    }
    let worst = growth
        .iter()
        .map(|(g, se)| g / se)
        .fold(f64::NEG_INFINITY, f64::max);
    Verdict::by(
        check,
        ("largest growth in standard errors", worst.max(0.0)),
        Z,
        "a passive system's free motion does not grow".into(),
    )
}
