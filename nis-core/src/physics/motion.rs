//! Bodies in motion: energy, momentum and angular momentum of declared systems.

use serde::{Deserialize, Serialize};

use super::Verdict;
use super::conserved::{Declared, ROUNDING, Rule, check, formula};
use super::data::{Data, Given};
use super::estimate::Lattice;
use super::findings::{Findings, Kind};
use crate::error::{Error, Result};
use crate::telemetry::Progress;

/// A method of integration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Leapfrog, also known as Stoermer-Verlet: order 2, symplectic.
    #[default]
    Leapfrog,
    /// Velocity Verlet: order 2, symplectic.
    VelocityVerlet,
    /// Implicit midpoint: order 2, symplectic.
    ImplicitMidpoint,
    /// Semi-implicit Euler: order 1, symplectic.
    SymplecticEuler,
    /// Explicit Euler: order 1.
    Euler,
    /// Heun or explicit midpoint: order 2.
    Heun,
    /// The classical Runge-Kutta method: order 4.
    Rk4,
}

impl Method {
    /// Order and whether it is symplectic.
    fn order(self) -> (i32, bool) {
        match self {
            Method::Leapfrog | Method::VelocityVerlet | Method::ImplicitMidpoint => (2, true),
            Method::SymplecticEuler => (1, true),
            Method::Euler => (1, false),
            Method::Heun => (2, false),
            Method::Rk4 => (4, false),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Method::Leapfrog => "leapfrog",
            Method::VelocityVerlet => "velocity Verlet",
            Method::ImplicitMidpoint => "implicit midpoint",
            Method::SymplecticEuler => "symplectic Euler",
            Method::Euler => "explicit Euler",
            Method::Heun => "Heun",
            Method::Rk4 => "Runge-Kutta 4",
        }
    }
}

/// How a simulated trajectory was computed. Values may then differ from what the law demands by
/// `constant * (step * w)^p`, where `p` is the order and `w` the fastest relative rate of change of the columns; an
/// integrator that is not symplectic lets that grow with `w` times the length of the record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Integrator {
    /// The method.
    pub method: Method,
    /// Its step, in s.
    pub step: f64,
    /// The factor; 1 fits the methods here.
    #[serde(default = "one")]
    pub constant: f64,
}

fn one() -> f64 {
    1.0
}

impl Integrator {
    pub(super) fn valid(&self, path: &str) -> Result<()> {
        for (name, value) in [("step", self.step), ("constant", self.constant)] {
            if !(value > 0.0 && value.is_finite()) {
                return Err(Error::invalid(
                    format!("{path}.{name}"),
                    value,
                    "a positive number",
                ));
            }
        }
        Ok(())
    }

    pub(super) fn name(&self) -> &'static str {
        self.method.name()
    }

    /// The relative change that the method may cause, and why.
    pub(super) fn tolerance(&self, t: &[f64], lattice: &Lattice<'_>) -> (f64, String) {
        let mut fastest = 0.0f64;
        let all = lattice.axes.first().map_or(t, |a| a.at.as_slice());
        for (_, values, _) in &lattice.fields {
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let largest = values.iter().fold(0.0f64, |a, v| a.max((v - mean).abs()));
            let steepest = values
                .windows(2)
                .zip(all.windows(2))
                .fold(0.0f64, |a, (v, t)| {
                    a.max(((v[1] - v[0]) / (t[1] - t[0])).abs())
                });
            if largest > 0.0 {
                fastest = fastest.max(steepest / largest);
            }
        }
        let (order, symplectic) = self.method.order();
        let span = t.last().copied().unwrap_or(0.0) - t.first().copied().unwrap_or(0.0);
        let growth = if symplectic {
            1.0
        } else {
            (fastest * span).max(1.0)
        };
        let size = self.constant * (self.step * fastest).powi(order) * growth;
        (
            size + ROUNDING,
            format!(
                "{} of order {order} with step {} s, where the fastest rate is {fastest:.3}/s",
                self.name(),
                self.step
            ),
        )
    }
}

/// A body of a [`Motion`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Body {
    /// Mass in kg.
    pub mass: Given,
    /// Columns of its coordinates: 1 to 3, the same number for all bodies.
    pub position: Vec<String>,
    /// Columns of its velocity; absent: the derivatives of the coordinates.
    #[serde(default)]
    pub velocity: Vec<String>,
}

/// What is declared about the energy of a [`Motion`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnergyRule {
    /// It is not checked.
    #[default]
    Unknown,
    /// No drive and no damping: it is kept, but for the declared power.
    Conserved,
    /// No drive: damping may take it away.
    Damped,
}

/// Bodies with a declared potential and declared outer influences. What follows is checked: energy where `energy` says
/// so, momentum where no outer force acts (`isolated`), angular momentum about the origin where none acts or the force
/// points there (`isolated`, `central`; 2 or 3 coordinates).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Motion {
    /// One or more bodies.
    pub bodies: Vec<Body>,
    /// Potential energy in J as a formula of columns and numbers; absent: 0.
    pub potential: Option<String>,
    /// Power in W that enters from outside, as a formula, for example `-gamma*x'^2` for damping or `F*x'`.
    pub power: Option<String>,
    /// What is declared about the energy.
    pub energy: EnergyRule,
    /// Whether no outer force acts.
    pub isolated: bool,
    /// Whether the force points to the origin.
    pub central: bool,
    /// How the trajectory was computed, where it is a simulation.
    pub integrator: Option<Integrator>,
}

fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// A body with its mass in kg and the texts of its coordinates and velocities.
struct Known {
    mass: f64,
    position: Vec<String>,
    velocity: Vec<String>,
}

impl Motion {
    fn bodies(&self, path: &str, data: &Data) -> Result<Vec<Known>> {
        let Some(first) = self.bodies.first() else {
            return Err(Error::invalid(
                format!("{path}.bodies"),
                "no body",
                "at least one body",
            ));
        };
        let mut out = Vec::new();
        for (i, body) in self.bodies.iter().enumerate() {
            let at = format!("{path}.bodies[{i}]");
            let mass = data.number(&format!("{at}.mass"), &body.mass, "kg")?;
            if !(mass > 0.0 && mass.is_finite()) {
                return Err(Error::invalid(
                    format!("{at}.mass"),
                    mass,
                    "a positive mass in kg",
                ));
            }
            let n = body.position.len();
            if !(1..=3).contains(&n) || n != first.position.len() {
                return Err(Error::invalid(
                    format!("{at}.position"),
                    format!("{n} columns"),
                    "1 to 3 columns, as many for each body",
                ));
            }
            if !body.velocity.is_empty() && body.velocity.len() != n {
                return Err(Error::invalid(
                    format!("{at}.velocity"),
                    format!("{} columns", body.velocity.len()),
                    format!("{n} columns, or none"),
                ));
            }
            for (what, names) in [("position", &body.position), ("velocity", &body.velocity)] {
                for (k, name) in names.iter().enumerate() {
                    data.column(&format!("{at}.{what}[{k}]"), name)?;
                }
            }
            let position: Vec<String> = body.position.iter().map(|n| quoted(n)).collect();
            let velocity = if body.velocity.is_empty() {
                position.iter().map(|p| format!("{p}'")).collect()
            } else {
                body.velocity.iter().map(|n| quoted(n)).collect()
            };
            out.push(Known {
                mass,
                position,
                velocity,
            });
        }
        Ok(out)
    }

    pub(super) fn check(
        &self,
        path: &str,
        data: &Data,
        out: &mut Findings,
        progress: &Progress<'_>,
    ) -> Result<()> {
        let bodies = self.bodies(path, data)?;
        if let Some(integrator) = &self.integrator {
            integrator.valid(&format!("{path}.integrator"))?;
        }
        let dimensions = bodies[0].position.len();
        let sum = |term: &dyn Fn(&Known) -> String| -> String {
            let terms: Vec<String> = bodies.iter().map(term).collect();
            terms.join(" + ")
        };
        let one = |kind: Kind,
                   name: &str,
                   text: &str,
                   rate: Option<&String>,
                   rule: Rule,
                   exactly: bool,
                   out: &mut Findings|
         -> Result<()> {
            let quantity = formula(data, text);
            let rate = rate.map(|r| formula(data, r)).transpose();
            match (quantity, rate) {
                (Ok(quantity), Ok(rate)) => {
                    let declared = Declared {
                        kind,
                        name,
                        quantity: &quantity,
                        rate: rate.as_ref(),
                        rule,
                        integrator: self.integrator.as_ref(),
                        exactly,
                    };
                    check(path, data, &declared, out, progress)
                }
                (Err(why), _) | (_, Err(why)) => {
                    out.push(kind, Verdict::not_checked(format!("kept: {name}"), why));
                    Ok(())
                }
            }
        };
        let rule = match self.energy {
            EnergyRule::Unknown => None,
            EnergyRule::Conserved => Some(Rule::Kept),
            EnergyRule::Damped => Some(Rule::NotGrowing),
        };
        if let Some(rule) = rule {
            let mut energy = sum(&|b| {
                let squares: Vec<String> = b.velocity.iter().map(|v| format!("{v}^2")).collect();
                // Term by term, so that each term has a size of its own.
                let terms: Vec<String> = squares
                    .iter()
                    .map(|s| format!("{:e}*{s}", 0.5 * b.mass))
                    .collect();
                terms.join(" + ")
            });
            if let Some(potential) = &self.potential {
                // On its own first: its faults are then told at its own columns.
                if let Err(why) = formula(data, potential) {
                    let title = "kept: energy (potential)";
                    out.push(Kind::Energy, Verdict::not_checked(title, why));
                    return Ok(());
                }
                energy = format!("{energy} + ({potential})");
            }
            one(
                Kind::Energy,
                "energy",
                &energy,
                self.power.as_ref(),
                rule,
                false,
                out,
            )?;
        }
        if self.isolated {
            for k in 0..dimensions {
                let text = sum(&|b| format!("{:e}*{}", b.mass, b.velocity[k]));
                let name = format!("momentum, component {}", k + 1);
                one(Kind::Momentum, &name, &text, None, Rule::Kept, true, out)?;
            }
        }
        if (self.isolated || self.central) && dimensions >= 2 {
            let planes: &[(usize, usize, &str)] = if dimensions == 2 {
                &[(0, 1, "")]
            } else {
                &[
                    (1, 2, ", component 1"),
                    (2, 0, ", component 2"),
                    (0, 1, ", component 3"),
                ]
            };
            let exactly = self.integrator.as_ref().is_some_and(|i| i.method.order().1);
            for (a, b, which) in planes {
                let text = sum(&|body| {
                    let (x, v) = (&body.position, &body.velocity);
                    let m = body.mass;
                    format!("{m:e}*{}*{} - {m:e}*{}*{}", x[*a], v[*b], x[*b], v[*a])
                });
                let name = format!("angular momentum{which}");
                one(
                    Kind::AngularMomentum,
                    &name,
                    &text,
                    None,
                    Rule::Kept,
                    exactly,
                    out,
                )?;
            }
        }
        if rule.is_none() && !self.isolated && !self.central {
            out.push(
                Kind::Energy,
                Verdict::not_checked(
                    "motion",
                    "neither `energy`, `isolated` nor `central` is declared, so nothing can be violated",
                ),
            );
        }
        Ok(())
    }
}
