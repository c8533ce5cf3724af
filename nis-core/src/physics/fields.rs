//! Fields on grids: diffusion, flow, the amount of something.

use serde::{Deserialize, Serialize};

use super::Verdict;
use super::data::{Data, Given};
use super::equation::{grid, residual};
use super::estimate::Lattice;
use super::findings::{Findings, Kind};
use super::statistics::SLACK;
use super::totals::{kept, not_growing, shape, totals};
use crate::error::{Error, Result};
use crate::expr::{Context, Equation};
use crate::telemetry::Progress;

/// What happens at the edge of the region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Edge {
    /// Nothing is declared.
    #[default]
    Unknown,
    /// Values at the edge are kept at 0.
    Zero,
    /// Nothing passes the edge.
    Insulated,
    /// The field goes on at the other end of every spatial axis.
    Periodic,
}

/// A field that diffuses: `u_t = a (u_xx + ...)` over the axis `t` and one to three spatial axes, without sources.
///
/// Checked are the equation (where a diffusivity is given), and, where the edge is declared, that the largest value
/// does not grow and the smallest does not fall (maximum principle), that the integral of the squared field does not
/// grow, as it does only where heat flows from cold to hot (second law), and that the integral of the field is kept
/// (insulated or periodic).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Diffusion {
    /// The field.
    pub field: String,
    /// Diffusivity in m^2/s; absent: the equation is not checked.
    pub diffusivity: Option<Given>,
    /// The edge.
    pub edge: Edge,
}

/// A flow: components of its velocity over the grid, in the order of the spatial axes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Flow {
    /// Fields of the components.
    pub velocity: Vec<String>,
    /// Field of the density; with it continuity is checked.
    pub density: Option<String>,
    /// Whether the flow is declared incompressible: its divergence must be 0.
    pub incompressible: bool,
    /// Whether nothing passes the edge: with a density over the axis `t`, mass is kept.
    pub closed: bool,
}

/// A density whose integral over the region is declared to be kept, over the axis `t`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Amount {
    /// The density.
    pub field: String,
    /// Rate at which it enters through the edge and from sources, per second; absent: 0.
    pub inflow: Option<Given>,
}

fn only<'a>(data: &'a Data, names: &[&str]) -> Lattice<'a> {
    grid(data, |name| names.contains(&name))
}

fn parse(data: &Data, text: &str) -> Result<Equation> {
    let context = Context {
        coordinates: data.axes.iter().flat_map(|a| a.name.chars()).collect(),
        ..Context::default()
    };
    Equation::parse_with(text, &context)
}

fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

impl Diffusion {
    pub(super) fn check(
        &self,
        path: &str,
        data: &Data,
        out: &mut Findings,
        progress: &Progress<'_>,
    ) -> Result<()> {
        let series = data.field(&format!("{path}.field"), &self.field)?;
        let diffusivity = match &self.diffusivity {
            Some(given) => {
                let a = data.number(&format!("{path}.diffusivity"), given, "m^2/s")?;
                if !(a > 0.0 && a.is_finite()) {
                    return Err(Error::invalid(
                        format!("{path}.diffusivity"),
                        a,
                        "a positive diffusivity in m^2/s",
                    ));
                }
                Some(a)
            }
            None => None,
        };
        let Some(shape) = shape(data).filter(|s| !s.space.is_empty()) else {
            return Err(Error::invalid(
                "grid.axes",
                "no axis t, or no other",
                "an axis `t` and one or more spatial axes",
            ));
        };
        let name = &self.field;
        if let Some(a) = diffusivity {
            let q = quoted(name);
            let terms: Vec<String> = shape
                .space
                .iter()
                .map(|s| format!("{a:e}*{q}_{0}{0}", data.axes[*s].name))
                .collect();
            let equation = parse(data, &format!("{q}_t = {}", terms.join(" + ")))?;
            let title = format!("heat equation: {name}");
            if out.wants(Kind::HeatEquation) {
                let lattice = only(data, &[name]);
                residual(
                    &title,
                    Kind::HeatEquation,
                    data,
                    &lattice,
                    &equation,
                    out,
                    progress,
                )?;
            }
        } else {
            out.push(
                Kind::HeatEquation,
                Verdict::not_checked(format!("heat equation: {name}"), "no diffusivity is given"),
            );
        }
        if self.edge == Edge::Unknown {
            let why = "what happens at the edge is not declared";
            for (kind, what) in [
                (Kind::MaximumPrinciple, "maximum principle"),
                (Kind::SecondLaw, "second law"),
            ] {
                out.push(kind, Verdict::not_checked(format!("{what}: {name}"), why));
            }
            return Ok(());
        }
        let totals = match totals(data, &shape, &series.values, series.noise, progress)? {
            Ok(totals) => totals,
            Err(why) => {
                let title = format!("maximum principle: {name}");
                out.push(Kind::MaximumPrinciple, Verdict::not_checked(title, why));
                return Ok(());
            }
        };
        let mut totals = totals;
        if self.edge == Edge::Zero {
            // The edge need not be among the points.
            for (l, s) in totals.largest.iter_mut().zip(&mut totals.smallest) {
                (*l, *s) = (l.max(0.0), s.min(0.0));
            }
        }
        let (largest, smallest) = (&totals.largest, &totals.smallest);
        let all = largest.iter().fold(f64::NEG_INFINITY, |a, v| a.max(*v));
        let range = all - smallest.iter().fold(f64::INFINITY, |a, v| a.min(*v));
        // The extreme of many noisy values: at most this with the probability of one false alarm.
        let looked = (totals.points * totals.t.len()).max(2) as f64;
        let extreme = 2.0 * totals.sigma * SLACK * (2.0 * looked.ln() + 19.3).sqrt();
        let why = "without sources the extremes lie at the start or at the edge";
        let title = format!("maximum principle: {name} does not grow");
        let size = (extreme, range, 0.5);
        not_growing(
            &title,
            &totals,
            largest,
            size,
            why,
            out,
            Kind::MaximumPrinciple,
        );
        let fallen: Vec<f64> = smallest.iter().map(|v| -v).collect();
        let title = format!("maximum principle: the least {name} does not fall");
        not_growing(
            &title,
            &totals,
            &fallen,
            size,
            why,
            out,
            Kind::MaximumPrinciple,
        );
        // The integral of the square of what differs from the mean value (0 at a zero edge).
        let square: Vec<f64> = totals
            .square
            .iter()
            .zip(&totals.integral)
            .map(|(s, i)| match self.edge {
                Edge::Zero => *s,
                _ => s - i * i / totals.volume,
            })
            .collect();
        let most = square.iter().fold(0.0f64, |a, v| a.max(*v));
        let gain = totals.sigma * SLACK;
        let noise = 5.0
            * ((2.0 * gain * (most * totals.gain * totals.gain / totals.volume).sqrt()).powi(2)
                + 2.0 * (gain * gain * totals.gain).powi(2))
            .sqrt()
            * 2f64.sqrt();
        let why = "heat flows from hot to cold: the integral of the squared differences falls";
        let title = format!("second law: differences of {name} do not grow");
        not_growing(
            &title,
            &totals,
            &square,
            (noise, most, 0.5),
            why,
            out,
            Kind::SecondLaw,
        );
        if matches!(self.edge, Edge::Insulated | Edge::Periodic) {
            let title = format!("heat kept: {name}");
            kept(&title, &totals, &totals.integral, 0.0, out, Kind::Energy);
        }
        Ok(())
    }
}

impl Amount {
    pub(super) fn check(
        &self,
        path: &str,
        data: &Data,
        out: &mut Findings,
        progress: &Progress<'_>,
    ) -> Result<()> {
        let series = data.field(&format!("{path}.field"), &self.field)?;
        let inflow = match &self.inflow {
            // Any amount per second will do: a mass, a charge, an energy.
            Some(given) => data.number(&format!("{path}.inflow"), given, "")?,
            None => 0.0,
        };
        let Some(shape) = shape(data) else {
            return Err(Error::invalid("grid.axes", "no axis t", "an axis `t`"));
        };
        let title = format!("amount kept: {}", self.field);
        match totals(data, &shape, &series.values, series.noise, progress)? {
            Ok(totals) => kept(&title, &totals, &totals.integral, inflow, out, Kind::Mass),
            Err(why) => out.push(Kind::Mass, Verdict::not_checked(title, why)),
        }
        Ok(())
    }
}

impl Flow {
    pub(super) fn check(
        &self,
        path: &str,
        data: &Data,
        out: &mut Findings,
        progress: &Progress<'_>,
    ) -> Result<()> {
        let space: Vec<&str> = data
            .axes
            .iter()
            .map(|a| a.name.as_str())
            .filter(|n| *n != "t")
            .collect();
        if self.velocity.is_empty() || self.velocity.len() != space.len() {
            return Err(Error::invalid(
                format!("{path}.velocity"),
                format!("{} fields", self.velocity.len()),
                format!("one field for each of the axes {}", space.join(", ")),
            ));
        }
        for (i, name) in self.velocity.iter().enumerate() {
            data.field(&format!("{path}.velocity[{i}]"), name)?;
        }
        let mut names: Vec<&str> = self.velocity.iter().map(String::as_str).collect();
        let pairs = || self.velocity.iter().zip(&space);
        if self.incompressible {
            let terms: Vec<String> = pairs().map(|(u, x)| format!("{}_{x}", quoted(u))).collect();
            let equation = parse(data, &format!("{} = 0", terms.join(" + ")))?;
            let title = "continuity: the velocity has no divergence";
            let lattice = only(data, &names);
            residual(
                title,
                Kind::Continuity,
                data,
                &lattice,
                &equation,
                out,
                progress,
            )?;
        }
        let Some(density) = &self.density else {
            if !self.incompressible {
                let why =
                    "neither a density nor `incompressible` is given, so nothing can be violated";
                out.push(Kind::Continuity, Verdict::not_checked("continuity", why));
            }
            return Ok(());
        };
        let series = data.field(&format!("{path}.density"), density)?;
        names.push(density);
        let r = quoted(density);
        let moving = shape(data);
        let mut terms: Vec<String> = moving.iter().map(|_| format!("{r}_t")).collect();
        for (u, x) in pairs() {
            let u = quoted(u);
            terms.push(format!("{r}_{x}*{u}"));
            terms.push(format!("{r}*{u}_{x}"));
        }
        let equation = parse(data, &format!("{} = 0", terms.join(" + ")))?;
        let lattice = only(data, &names);
        let title = format!("continuity: {density}");
        residual(
            &title,
            Kind::Continuity,
            data,
            &lattice,
            &equation,
            out,
            progress,
        )?;
        if self.closed {
            let title = format!("mass kept: {density}");
            match moving {
                None => out.push(
                    Kind::Mass,
                    Verdict::not_checked(title, "there is no axis t"),
                ),
                Some(shape) => {
                    match totals(data, &shape, &series.values, series.noise, progress)? {
                        Ok(totals) => {
                            kept(&title, &totals, &totals.integral, 0.0, out, Kind::Mass);
                        }
                        Err(why) => out.push(Kind::Mass, Verdict::not_checked(title, why)),
                    }
                }
            }
        }
        Ok(())
    }
}
