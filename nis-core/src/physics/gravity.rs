//! Free fall and pendulums: estimates against what is claimed.

use faer::Mat;
use serde::{Deserialize, Serialize};

use super::Verdict;
use super::conserved::ROUNDING;
use super::data::{Data, Given};
use super::estimate::Line;
use super::findings::{Deviate, Findings, Kind};
use super::statistics::noise_of_lines;
use crate::error::{Error, Result};
use crate::expr::constants::find;
use crate::optim::{LinearFit, least_squares};

/// Standard gravity, m/s^2.
fn standard_gravity() -> Given {
    Given::Number(find("g_n").map_or(9.80665, |c| c.value))
}

/// Free fall without drag: a column of heights (m, upwards) over the column of times, and the acceleration that is
/// claimed. Checked are the acceleration, from the least-squares parabola with Student's t, and whether it is
/// constant, from the cubic term. Cost: two fits of 3 and 4 coefficients.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FreeFall {
    /// Column of heights.
    pub height: String,
    /// Claimed acceleration downwards, m/s^2; absent: standard gravity.
    #[serde(default = "standard_gravity")]
    pub gravity: Given,
    /// Standard uncertainty of the claimed value, m/s^2 (on Earth it lies between 9.764 and 9.834).
    #[serde(default)]
    pub uncertainty: f64,
}

impl FreeFall {
    pub(super) fn check(&self, path: &str, data: &Data, out: &mut Findings) -> Result<()> {
        let claimed = data.number(&format!("{path}.gravity"), &self.gravity, "m/s^2")?;
        if !claimed.is_finite() {
            return Err(Error::invalid(
                format!("{path}.gravity"),
                claimed,
                "a finite acceleration",
            ));
        }
        if !(self.uncertainty >= 0.0 && self.uncertainty.is_finite()) {
            return Err(Error::invalid(
                format!("{path}.uncertainty"),
                self.uncertainty,
                "a standard deviation of 0 or more",
            ));
        }
        let heights = data.column(&format!("{path}.height"), &self.height)?;
        let (time, times) = data.times(&format!("{path}.time"))?;
        let title = format!("free fall: {}", self.height);
        let mut refuse = |why: String| {
            out.push(Kind::Gravity, Verdict::not_checked(title.clone(), why));
            Ok(())
        };
        let y = &heights.values;
        let n = y.len();
        if n < 8 {
            return refuse(format!("{n} samples are too few"));
        }
        let Some(line) = Line::through(time, &times.values) else {
            return refuse(format!("{time} does not increase or is not finite"));
        };
        if y.iter().any(|v| !v.is_finite()) {
            return refuse(format!(
                "a value of {} is missing or not finite",
                self.height
            ));
        }
        let (first, last) = (line.at[0], line.at[n - 1]);
        let (middle, half) = (0.5 * (first + last), 0.5 * (last - first));
        let scaled: Vec<f64> = line.at.iter().map(|t| (t - middle) / half).collect();
        let fit = |columns: usize| -> Result<LinearFit> {
            let a = Mat::from_fn(n, columns, |i, j| scaled[i].powi(j as i32));
            least_squares(a.as_ref(), y)
        };
        let (parabola, cubic) = (fit(3)?, fit(4)?);
        let error = |fit: &LinearFit, k: usize| {
            let found = fit.standard_errors(n).and_then(|e| e.get(k).copied());
            found.unwrap_or(f64::NAN)
        };
        let residual = (parabola.sum_squares / (n - 3) as f64).sqrt();
        let by_differences = match (heights.noise, line.step) {
            (Some(noise), _) => noise,
            (None, Some(_)) => noise_of_lines(std::slice::from_ref(y)).unwrap_or(0.0),
            (None, None) => 0.0,
        };
        // The noise is not below what either estimate says.
        let inflated = (by_differences / residual).max(1.0);
        let inflated = if inflated.is_finite() { inflated } else { 1.0 };
        let gravity = -2.0 * parabola.coefficients[2] / (half * half);
        let floor = ROUNDING * gravity.abs().max(claimed.abs()) / 4.0;
        let se = (2.0 * error(&parabola, 2) / (half * half) * inflated).hypot(floor);
        let z = (gravity - claimed) / se.hypot(self.uncertainty);
        let size = claimed.abs().max(gravity.abs());
        let verdict = Verdict {
            statistic: Some(("deviation in standard errors".into(), z)),
            ..Verdict::not_checked(
                format!("acceleration as claimed: {}", self.height),
                format!("least-squares parabola through {n} heights, claimed {claimed} m/s^2"),
            )
        }
        .noted(
            format!("g = {gravity:.5} +- {se:.5} m/s^2"),
            residual.max(by_differences),
        );
        let deviate = Deviate {
            freedom: (n - 3) as f64,
            share: se.hypot(self.uncertainty) / size,
        };
        out.deviate(Kind::Gravity, verdict, deviate);
        // The third derivative times the length of the record is the change of the acceleration.
        let change = 6.0 * cubic.coefficients[3] / (half * half) * 2.0;
        let change_se = (12.0 * error(&cubic, 3) / (half * half)).hypot(floor);
        let verdict = Verdict {
            statistic: Some(("change in standard errors".into(), change / change_se)),
            ..Verdict::not_checked(
                format!("acceleration constant: {}", self.height),
                "cubic term of the fit: without drag there is none",
            )
        }
        .noted(
            format!("changes by {change:+.4} m/s^2 over the record"),
            residual.max(by_differences),
        );
        let deviate = Deviate {
            freedom: (n - 4) as f64,
            share: change_se / size,
        };
        out.deviate(Kind::Gravity, verdict, deviate);
        Ok(())
    }
}

/// A pendulum of a claimed period: a point mass on a massless rod, without friction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pendulum {
    /// Length in m.
    pub length: Given,
    /// Largest angle from the vertical; a bare number is in rad.
    pub amplitude: Given,
    /// Claimed period in s.
    pub period: Given,
    /// Acceleration of gravity, m/s^2; absent: standard gravity.
    #[serde(default = "standard_gravity")]
    pub gravity: Given,
    /// Relative deviation that is granted; absent: half a unit of the last digit of the period, at most 0.5 %.
    #[serde(default)]
    pub tolerance: Option<f64>,
}

/// The period of a pendulum of length `length` (m) swinging up to `amplitude` (rad, below pi) under `gravity` (m/s^2),
/// by the arithmetic-geometric mean (Gauss): `2 pi sqrt(l/g) / agm(1, cos(amplitude/2))`. Exact to rounding; NaN
/// where an argument is out of range.
///
/// ```
/// let t = nis_core::physics::pendulum_period(1.0, 60f64.to_radians(), 9.80665);
/// assert!((t - 2.15324).abs() < 1e-5);
/// ```
pub fn pendulum_period(length: f64, amplitude: f64, gravity: f64) -> f64 {
    let fits = length > 0.0 && gravity > 0.0 && amplitude.abs() < std::f64::consts::PI;
    if !fits {
        return f64::NAN;
    }
    let (mut a, mut b) = (1.0f64, (0.5 * amplitude).cos());
    // Quadratic convergence: 12 steps suffice even next to pi.
    for _ in 0..12 {
        (a, b) = (0.5 * (a + b), (a * b).sqrt());
    }
    std::f64::consts::TAU * (length / gravity).sqrt() / a
}

/// Half a unit of the last digit of a number's text.
fn half_digit(text: &str) -> f64 {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((m, e)) => (m, e.parse::<i32>().unwrap_or(0)),
        None => (text, 0),
    };
    let decimals = mantissa.split_once('.').map_or(0, |(_, d)| {
        d.chars().take_while(char::is_ascii_digit).count()
    });
    0.5 * 10f64.powi(exponent - decimals.min(300) as i32)
}

impl Pendulum {
    pub(super) fn check(&self, path: &str, data: &Data, out: &mut Findings) -> Result<()> {
        let number = |name: &str, given: &Given, unit: &str| -> Result<f64> {
            let value = data.number(&format!("{path}.{name}"), given, unit)?;
            if value > 0.0 && value.is_finite() {
                Ok(value)
            } else {
                Err(Error::invalid(
                    format!("{path}.{name}"),
                    value,
                    "a positive number",
                ))
            }
        };
        let length = number("length", &self.length, "m")?;
        let amplitude = number("amplitude", &self.amplitude, "rad")?;
        let claimed = number("period", &self.period, "s")?;
        let gravity = number("gravity", &self.gravity, "m/s^2")?;
        let exact = pendulum_period(length, amplitude, gravity);
        let digits = match &self.period {
            Given::Number(v) => half_digit(&v.to_string()) / v.abs(),
            Given::Measured(m) => half_digit(&m.value.to_string()) / m.value.abs(),
            Given::Text(text) => {
                let number: String = text
                    .trim()
                    .chars()
                    .take_while(|c| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '-' | '+'))
                    .collect();
                match number.parse::<f64>() {
                    Ok(v) => half_digit(&number) / v.abs(),
                    Err(_) => 0.0,
                }
            }
            Given::Constant(_) => 0.0,
        };
        let granted = match self.tolerance {
            Some(t) if !(0.0..0.5).contains(&t) => {
                return Err(Error::invalid(
                    format!("{path}.tolerance"),
                    t,
                    "a relative deviation from 0 to below 0.5",
                ));
            }
            Some(t) => t,
            None => digits.min(5e-3) + ROUNDING,
        };
        let small = std::f64::consts::TAU * (length / gravity).sqrt();
        let note = if (claimed / small - 1.0).abs() <= granted.max(1e-3) && exact > 1.002 * small {
            "; the claim is the formula for small angles"
        } else {
            ""
        };
        out.push(
            Kind::Period,
            Verdict::by(
                "period of the pendulum".into(),
                ("relative deviation", claimed / exact - 1.0),
                granted,
                format!("the period at this amplitude is {exact:.6} s{note}"),
            )
            .with_effect(format!(
                "claimed {claimed} s, {:+.2} % off",
                100.0 * (claimed / exact - 1.0)
            )),
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods() {
        // 2 pi sqrt(l/g) (1 + a^2/16 + 11 a^4/3072 + 173 a^6/737280 + ...).
        let a: f64 = 0.1;
        let series =
            1.0 + a.powi(2) / 16.0 + 11.0 * a.powi(4) / 3072.0 + 173.0 * a.powi(6) / 737_280.0;
        let small = std::f64::consts::TAU * (2.0f64 / 9.8).sqrt();
        let error = pendulum_period(2.0, a, 9.8) / (small * series) - 1.0;
        assert!(error.abs() <= 1e-11, "{error}");
        // K(sin(pi/4)) = Gamma(1/4)^2/(4 sqrt(pi)) = 1.854074677301372 at 90 degrees.
        let ratio = pendulum_period(1.0, std::f64::consts::FRAC_PI_2, 1.0) / 4.0;
        assert!((ratio - 1.854_074_677_301_372).abs() <= 1e-14, "{ratio}");
        assert!(pendulum_period(1.0, 3.2, 9.8).is_nan());
        assert!(pendulum_period(f64::NAN, 1.0, 9.8).is_nan());
        assert!(pendulum_period(1.0, f64::NAN, 9.8).is_nan());
    }

    #[test]
    fn digits() {
        assert_eq!(half_digit("2.0064"), 0.5e-4);
        assert_eq!(half_digit("20"), 0.5);
        assert_eq!(half_digit("1.5e-3"), 0.5e-4);
    }
}
