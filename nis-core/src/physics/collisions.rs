//! Collisions of bodies, in one to three dimensions.

use serde::{Deserialize, Serialize};

use super::data::{Data, Given};
use super::findings::{Findings, Kind};
use super::{Verdict, short};
use crate::error::{Error, Result};

/// Relative deviation that rounding and given digits may cause in exact numbers.
const EXACT: f64 = 1e-9;

/// A velocity: one number, or its components.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "a velocity in m/s, or a list of 1 to 3 components"
)]
pub enum Velocity {
    /// On a line.
    Line(Given),
    /// Components.
    Components(Vec<Given>),
}

/// Bodies before and after a collision in which no outer force acts. Momentum is kept; kinetic energy is kept where
/// the collision is declared elastic and does not grow otherwise; of two bodies on a line the coefficient of
/// restitution is that claimed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CollisionClaim {
    /// Masses, kg.
    pub masses: Vec<Given>,
    /// Velocities before, m/s.
    pub before: Vec<Velocity>,
    /// Velocities after, m/s.
    pub after: Vec<Velocity>,
    /// Whether kinetic energy is claimed to be kept.
    #[serde(default)]
    pub elastic: bool,
    /// Claimed coefficient of restitution, from 0 to 1.
    #[serde(default)]
    pub restitution: Option<Given>,
    /// Relative deviation that is granted; absent: 1e-9.
    #[serde(default)]
    pub tolerance: Option<f64>,
}

impl CollisionClaim {
    pub(super) fn check(&self, path: &str, data: &Data, out: &mut Findings) -> Result<()> {
        let tolerance = match self.tolerance {
            Some(t) if !(0.0..0.5).contains(&t) => {
                return Err(Error::invalid(
                    format!("{path}.tolerance"),
                    t,
                    "a relative deviation from 0 to below 0.5",
                ));
            }
            Some(t) => t,
            None => EXACT,
        };
        let masses = data.numbers(&format!("{path}.masses"), &self.masses, "kg")?;
        let read = |name: &str, given: &[Velocity]| -> Result<Vec<Vec<f64>>> {
            if given.len() != masses.len() {
                return Err(Error::invalid(
                    format!("{path}.{name}"),
                    format!("{} velocities", given.len()),
                    format!("{}, one for each mass", masses.len()),
                ));
            }
            let each = given.iter().enumerate().map(|(i, v)| {
                let at = format!("{path}.{name}[{i}]");
                match v {
                    Velocity::Line(v) => Ok(vec![data.number(&at, v, "m/s")?]),
                    Velocity::Components(v) => data.numbers(&at, v, "m/s"),
                }
            });
            each.collect()
        };
        let (before, after) = (read("before", &self.before)?, read("after", &self.after)?);
        let dimensions = before.first().map_or(0, Vec::len);
        let all = before.iter().chain(&after);
        if !(1..=3).contains(&dimensions) || all.clone().any(|v| v.len() != dimensions) {
            return Err(Error::invalid(
                path,
                "velocities of differing length, or none",
                "1 to 3 components, as many for each body",
            ));
        }
        let finite = all.flatten().chain(&masses).all(|v| v.is_finite());
        if !finite || masses.iter().any(|m| *m <= 0.0) {
            let why = "masses must be positive, masses and velocities finite";
            out.push(Kind::Momentum, Verdict::not_checked("collision", why));
            return Ok(());
        }
        // Over the largest sizes, so that nothing overflows.
        let heaviest = masses.iter().fold(0.0f64, |a, m| a.max(*m));
        let fastest = before
            .iter()
            .chain(&after)
            .flatten()
            .fold(0.0f64, |a, v| a.max(v.abs()));
        if fastest == 0.0 {
            out.push(
                Kind::Momentum,
                Verdict::not_checked("collision", "nothing moves"),
            );
            return Ok(());
        }
        let momentum = |v: &[Vec<f64>], k: usize| -> f64 {
            let pairs = masses.iter().zip(v);
            pairs.map(|(m, v)| m / heaviest * (v[k] / fastest)).sum()
        };
        let kinetic = |v: &[Vec<f64>]| -> f64 {
            let pairs = masses.iter().zip(v);
            pairs
                .map(|(m, v)| {
                    let squares: f64 = v.iter().map(|c| (c / fastest).powi(2)).sum();
                    0.5 * m / heaviest * squares
                })
                .sum()
        };
        let size = masses
            .iter()
            .zip(before.iter().zip(&after))
            .flat_map(|(m, (u, v))| {
                u.iter()
                    .chain(v)
                    .map(move |c| m / heaviest * (c / fastest).abs())
            })
            .fold(0.0f64, f64::max);
        let changes = (0..dimensions).map(|k| momentum(&after, k) - momentum(&before, k));
        let change = changes.fold(0.0f64, f64::hypot);
        out.push(
            Kind::Momentum,
            Verdict::by(
                "momentum kept in the collision".into(),
                ("relative change", change / size),
                tolerance,
                "no outer force acts during a collision".into(),
            )
            .with_effect(format!(
                "changes by {:.4e} kg m/s",
                change * heaviest * fastest
            )),
        );
        let (e0, e1) = (kinetic(&before), kinetic(&after));
        let gained = if self.elastic {
            e1 - e0
        } else {
            (e1 - e0).max(0.0)
        };
        let unit = heaviest * fastest * fastest;
        let title = if self.elastic {
            "kinetic energy kept"
        } else {
            "kinetic energy not gained"
        };
        out.push(
            Kind::Energy,
            Verdict::by(
                title.into(),
                ("relative deviation", gained / e0.max(e1)),
                tolerance,
                "an elastic collision keeps kinetic energy; none creates it".into(),
            )
            .with_effect(format!(
                "{} J before, {} J after",
                short(e0 * unit),
                short(e1 * unit)
            )),
        );
        let line = match (before.as_slice(), after.as_slice()) {
            ([u1, u2], [v1, v2]) if dimensions == 1 => Some((u1[0] - u2[0], v2[0] - v1[0])),
            _ => None,
        };
        match (line, &self.restitution) {
            (Some((approach, separation)), claimed) if approach != 0.0 => {
                let e = separation / approach;
                match claimed {
                    Some(given) => {
                        let claimed = data.number(&format!("{path}.restitution"), given, "1")?;
                        let verdict = Verdict::by(
                            "coefficient of restitution".into(),
                            ("deviation from the claim", e - claimed),
                            tolerance.max(EXACT),
                            "relative speed after over that before".into(),
                        );
                        out.push(
                            Kind::Restitution,
                            verdict.with_effect(format!("e = {e}, claimed {claimed}")),
                        );
                    }
                    None => {
                        let verdict = Verdict::by(
                            "bodies do not pass through one another".into(),
                            ("coefficient of restitution below 0 by", (-e).max(0.0)),
                            tolerance,
                            "relative speed after over that before is not negative".into(),
                        );
                        out.push(Kind::Restitution, verdict.with_effect(format!("e = {e}")));
                    }
                }
            }
            (_, Some(_)) => {
                let why = "it needs two bodies on a line that approach one another";
                let title = "coefficient of restitution";
                out.push(Kind::Restitution, Verdict::not_checked(title, why));
            }
            _ => {}
        }
        Ok(())
    }
}
