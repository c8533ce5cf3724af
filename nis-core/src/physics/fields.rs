//! Fields on grids: diffusion, flow, the amount of something.

use serde::{Deserialize, Serialize};

use super::Verdict;
use super::conserved::{ROUNDING, mean};
use super::data::{Data, Given};
use super::equation::{grid, residual};
use super::estimate::Lattice;
use super::findings::{Deviate, Findings, Kind};
use super::statistics::{noise_of_lines, rms};
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

/// The axis of times and the spatial ones.
struct Shape {
    time: usize,
    space: Vec<usize>,
}

fn shape(data: &Data) -> Option<Shape> {
    let time = data.axes.iter().position(|a| a.name == "t")?;
    let space = (0..data.axes.len()).filter(|a| *a != time).collect();
    Some(Shape { time, space })
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

/// Sums over the region at each time: of the field, of its square, largest and smallest value.
struct Totals {
    t: Vec<f64>,
    integral: Vec<f64>,
    square: Vec<f64>,
    largest: Vec<f64>,
    smallest: Vec<f64>,
    /// Standard deviation of one value by its noise.
    sigma: f64,
    /// Root of the sum of squared weights, and the sum of the weights.
    gain: f64,
    volume: f64,
    points: usize,
    /// How much the integral changes where every second point is left out: twice the error of the rule or more.
    coarse: f64,
    scale: f64,
}

fn totals(
    data: &Data,
    shape: &Shape,
    values: &[f64],
    noise: Option<f64>,
    progress: &Progress<'_>,
) -> Result<std::result::Result<Totals, String>> {
    if values.iter().any(|v| !v.is_finite()) {
        return Ok(Err("a value is missing or not finite".into()));
    }
    let axis = &data.axes[shape.time];
    let n = axis.points;
    let mut out = Totals {
        t: (0..n).map(|i| axis.start + i as f64 * axis.step).collect(),
        integral: vec![0.0; n],
        square: vec![0.0; n],
        largest: vec![f64::NEG_INFINITY; n],
        smallest: vec![f64::INFINITY; n],
        sigma: 0.0,
        gain: 0.0,
        volume: 0.0,
        points: values.len() / n,
        coarse: 0.0,
        scale: rms(values.iter().copied()),
    };
    let mut coarse = vec![0.0; n];
    let mut index = vec![0; data.axes.len()];
    for (flat, v) in values.iter().enumerate() {
        if flat % 65_536 == 0 {
            progress.check()?;
        }
        let mut rest = flat;
        for a in (0..index.len()).rev() {
            index[a] = rest % data.axes[a].points;
            rest /= data.axes[a].points;
        }
        let (mut weight, mut wide) = (1.0, 1.0);
        for a in &shape.space {
            let (axis, i) = (&data.axes[*a], index[*a]);
            let edge = !axis.periodic && (i == 0 || i + 1 == axis.points);
            let half = if edge { 0.5 } else { 1.0 };
            weight *= axis.step * half;
            // Every second point, where that closes at the far end.
            let even = if axis.periodic {
                axis.points % 2 == 0
            } else {
                axis.points % 2 == 1
            };
            wide *= match (even, i % 2) {
                (true, 0) => 2.0 * axis.step * half,
                (true, _) => 0.0,
                (false, _) => axis.step * half,
            };
        }
        let at = index[shape.time];
        out.integral[at] += weight * v;
        coarse[at] += wide * v;
        out.square[at] += weight * v * v;
        out.largest[at] = out.largest[at].max(*v);
        out.smallest[at] = out.smallest[at].min(*v);
        if at == 0 {
            out.volume += weight;
            out.gain += weight * weight;
        }
    }
    out.gain = out.gain.sqrt();
    out.coarse = out
        .integral
        .iter()
        .zip(&coarse)
        .fold(0.0f64, |a, (i, c)| a.max((i - c).abs()));
    // Lines along time tell the noise best where time is finely sampled, else the other axes do.
    out.sigma = match noise {
        Some(noise) => noise,
        None => {
            let lines = |stride: usize, length: usize| -> Vec<Vec<f64>> {
                let all = values.len() / length;
                let step = all.div_ceil(64).max(1);
                (0..all)
                    .step_by(step)
                    .map(|line| {
                        let first = line / stride * stride * length + line % stride;
                        (0..length).map(|i| values[first + i * stride]).collect()
                    })
                    .collect()
            };
            let mut least = f64::INFINITY;
            for (a, axis) in data.axes.iter().enumerate() {
                let stride: usize = data.axes[a + 1..].iter().map(|a| a.points).product();
                if let Some(sigma) = noise_of_lines(&lines(stride, axis.points)) {
                    least = least.min(sigma);
                }
            }
            if least.is_finite() { least } else { 0.0 }
        }
    };
    Ok(Ok(out))
}

/// Whether a sum over the region is kept: its slope in time, with Student's t.
fn kept(title: &str, totals: &Totals, values: &[f64], inflow: f64, out: &mut Findings, kind: Kind) {
    let n = values.len();
    if n < 5 {
        out.push(
            kind,
            Verdict::not_checked(title, format!("{n} times are too few")),
        );
        return;
    }
    let y: Vec<f64> = values
        .iter()
        .zip(&totals.t)
        .map(|(v, t)| v - inflow * (t - totals.t[0]))
        .collect();
    let (mt, my) = (mean(&totals.t), mean(&y));
    let stt: f64 = totals.t.iter().map(|t| (t - mt).powi(2)).sum();
    let sty: f64 = totals
        .t
        .iter()
        .zip(&y)
        .map(|(t, y)| (t - mt) * (y - my))
        .sum();
    let slope = sty / stt;
    let squares: f64 = totals
        .t
        .iter()
        .zip(&y)
        .map(|(t, y)| (y - my - slope * (t - mt)).powi(2))
        .sum();
    let freedom = (n - 2) as f64;
    let noise = totals.sigma * totals.gain;
    let span = totals.t[n - 1] - totals.t[0];
    // Where the field is all but 0 in the mean, its size is what counts.
    let size = my.abs().max(1e-3 * totals.scale * totals.volume);
    let floor = ROUNDING * totals.scale * totals.volume;
    let se = ((squares / freedom).max(noise * noise) / stt)
        .sqrt()
        .hypot((totals.coarse / 3.0).hypot(floor) / (4.0 * span));
    let verdict = Verdict {
        statistic: Some(("drift in standard errors".into(), slope / se)),
        ..Verdict::not_checked(
            title,
            format!("slope of the integral over the region on time, {n} times"),
        )
    }
    .noted(
        format!(
            "{:+.3e} of {my:.4e} over the record ({:+.1e} relative)",
            slope * span,
            slope * span / size
        ),
        noise,
    );
    let share = se * span / size;
    out.deviate(kind, verdict, Deviate { freedom, share });
}

/// The largest rise of values that must not grow, against what noise makes of it.
fn not_growing(
    title: &str,
    totals: &Totals,
    values: &[f64],
    (noise, size, blind): (f64, f64, f64),
    why: &str,
    out: &mut Findings,
    kind: Kind,
) {
    let mut least = f64::INFINITY;
    let mut rise = 0.0f64;
    for v in values {
        least = least.min(*v);
        rise = rise.max(v - least);
    }
    if values.len() < 2 || !size.is_finite() || size <= 0.0 {
        let why = "fewer than two times, or the field is the same everywhere";
        out.push(kind, Verdict::not_checked(title, why));
        return;
    }
    let threshold = noise + ROUNDING * totals.scale.max(size);
    // A field that could not have fallen by more than the noise says nothing.
    let verdict = if rise <= threshold && threshold > blind * size {
        Verdict::not_checked(
            title,
            format!(
                "cannot tell: noise of {:.1e} hides what happens",
                totals.sigma
            ),
        )
    } else {
        Verdict::by(
            title.into(),
            ("largest growth", rise),
            threshold,
            why.into(),
        )
        .with_effect(format!("{:.3} of its size", rise / size))
        .with_noise(totals.sigma)
    };
    out.push(kind, verdict);
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
        let extreme =
            2.0 * totals.sigma * super::statistics::SLACK * (2.0 * looked.ln() + 19.3).sqrt();
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
        let gain = totals.sigma * super::statistics::SLACK;
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
