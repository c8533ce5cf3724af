//! The speed of light and the order of cause and effect; absolute zero.

use serde::{Deserialize, Serialize};

use super::data::{Data, Given, dimension};
use super::findings::{Findings, Kind};
use super::{Status, Verdict, speed};
use crate::error::{Error, Result};
use crate::expr::constants::find;

/// A speed, or the components of a velocity in columns.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Speed {
    /// A speed in m/s.
    pub value: Option<Given>,
    /// Columns of the components, m/s.
    pub velocity: Vec<String>,
}

/// The largest length of vectors given by columns; `None` where a value is missing.
fn fastest(columns: &[&[f64]]) -> Option<f64> {
    let rows = columns.first()?.len();
    let mut largest = 0.0f64;
    for row in 0..rows {
        let length = columns.iter().fold(0.0f64, |a, c| {
            a.hypot(c.get(row).copied().unwrap_or(f64::NAN))
        });
        if !length.is_finite() {
            return None;
        }
        largest = largest.max(length);
    }
    (rows > 0).then_some(largest)
}

fn of_columns(name: &str, columns: &[&[f64]]) -> Verdict {
    let title = format!("speed limit: {name}");
    match fastest(columns) {
        Some(v) => Verdict {
            check: title,
            ..speed(v).with_effect(format!("largest speed {v:.6e} m/s"))
        },
        None => Verdict::not_checked(title, "there are no values, or one is missing"),
    }
}

impl Speed {
    pub(super) fn check(&self, path: &str, data: &Data, out: &mut Findings) -> Result<()> {
        if self.value.is_none() == self.velocity.is_empty() {
            return Err(Error::invalid(
                path,
                "both value and velocity, or neither",
                "one of them",
            ));
        }
        if let Some(value) = &self.value {
            let v = data.number(&format!("{path}.value"), value, "m/s")?;
            out.push(
                Kind::SpeedOfLight,
                speed(v).with_effect(format!("{v:.6e} m/s")),
            );
            return Ok(());
        }
        let mut columns = Vec::new();
        for (i, name) in self.velocity.iter().enumerate() {
            let at = format!("{path}.velocity[{i}]");
            columns.push(data.column(&at, name)?.values.as_slice());
        }
        let name = self.velocity.join(", ");
        out.push(Kind::SpeedOfLight, of_columns(&name, &columns));
        Ok(())
    }
}

/// An event: when and where.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// Time, s.
    pub t: Given,
    /// One to three coordinates, m.
    pub position: Vec<Given>,
}

/// Events, and which are declared to cause which.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Events {
    /// The events.
    pub events: Vec<Event>,
    /// Pairs: index of the cause and of the effect, from 0.
    pub causes: Vec<(usize, usize)>,
}

impl Events {
    pub(super) fn check(&self, path: &str, data: &Data, out: &mut Findings) -> Result<()> {
        let mut known = Vec::new();
        for (i, event) in self.events.iter().enumerate() {
            let at = format!("{path}.events[{i}]");
            let t = data.number(&format!("{at}.t"), &event.t, "s")?;
            let place = data.numbers(&format!("{at}.position"), &event.position, "m")?;
            let as_many = self.events.first().map_or(0, |e| e.position.len());
            if !(1..=3).contains(&place.len()) || place.len() != as_many {
                return Err(Error::invalid(
                    format!("{at}.position"),
                    format!("{} coordinates", place.len()),
                    "1 to 3 coordinates, as many for each event",
                ));
            }
            known.push((t, place));
        }
        if self.causes.is_empty() {
            let why = "no event is declared to cause another";
            out.push(Kind::Causality, Verdict::not_checked("causality", why));
        }
        let c = find("c").map_or(f64::NAN, |c| c.value);
        for (k, (from, to)) in self.causes.iter().enumerate() {
            let (Some(cause), Some(effect)) = (known.get(*from), known.get(*to)) else {
                return Err(Error::invalid(
                    format!("{path}.causes[{k}]"),
                    format!("[{from}, {to}]"),
                    format!("two indices below {}", known.len()),
                ));
            };
            let title = format!("causality: event {from} causes event {to}");
            let time = effect.0 - cause.0;
            let pairs = cause.1.iter().zip(&effect.1);
            let way = pairs.fold(0.0f64, |a, (x, y)| a.hypot(y - x));
            let verdict = if !(time.is_finite() && way.is_finite()) || from == to {
                Verdict::not_checked(
                    title,
                    "a time or place is not finite, or both are one event",
                )
            } else if time > 0.0 {
                Verdict::by(
                    title,
                    ("speed needed over c", way / (c * time)),
                    1.0,
                    "an effect lies in the light cone of its cause".into(),
                )
                .with_effect(format!("{way:.4e} m in {time:.4e} s"))
            } else {
                Verdict {
                    status: Status::Violated,
                    statistic: Some(("time from cause to effect, s".into(), time)),
                    threshold: Some(0.0),
                    ..Verdict::not_checked(title, "an effect is later than its cause")
                }
                .noted(format!("{time:.4e} s, {way:.4e} m"), f64::NAN)
            };
            out.push(Kind::Causality, verdict);
        }
        Ok(())
    }
}

/// The laws that hold for all data: what has the dimension of a speed is not faster than light, what is a temperature
/// is not below 0 K.
pub(super) fn universal(data: &Data, out: &mut Findings) {
    let (velocity, kelvin) = (dimension("m/s"), dimension("K"));
    let numbers = data
        .numbers
        .iter()
        .map(|(n, (v, d))| (n, std::slice::from_ref(v), *d));
    let series = data.columns.iter().chain(&data.fields);
    let series = series.map(|(n, s)| (n, s.values.as_slice(), s.dimension));
    for (name, values, found) in numbers.chain(series) {
        if found.is_none() {
            continue;
        }
        // A constant such as c itself is no body's speed, but not above it either.
        if found == velocity {
            out.push(Kind::SpeedOfLight, of_columns(name, &[values]));
        }
        if found == kelvin {
            out.push(Kind::AbsoluteZero, absolute_zero(name, values));
        }
    }
}

fn absolute_zero(name: &str, values: &[f64]) -> Verdict {
    let title = format!("absolute zero: {name}");
    if values.is_empty() || values.iter().any(|v| !v.is_finite()) {
        return Verdict::not_checked(title, "there are no values, or one is missing");
    }
    let least = values.iter().fold(f64::INFINITY, |a, v| a.min(*v));
    let largest = values.iter().fold(0.0f64, |a, v| a.max(v.abs()));
    // Celsius to kelvin is rounded.
    Verdict::by(
        title,
        ("kelvin below absolute zero", (-least).max(0.0)),
        1e-12 * largest,
        "no body is colder than 0 K (differences of temperatures are not temperatures)".into(),
    )
    .with_effect(format!("lowest {least} K"))
}
