//! Conditions as text, taken apart: `u(x,0) = sin(pi*x)`, `u_x(0,t) = 0`, `u + 2*u_x = 1 at x=1`,
//! `u_n = 0 on edge 3`, `periodic x`, `u(0,t) = u(1,t)`, `free at x=0`.

use std::ops::Range;

use super::text::{Text, Word, nearest};
use super::{Coordinate, Domain, Place, Role};
use crate::error::{Error, Result};
use crate::expr::Function;

/// A condition taken apart.
#[derive(Debug, Clone)]
pub(super) struct Taken {
    pub(super) kind: Kind,
    /// Where it holds; several where a text names several parts.
    pub(super) places: Vec<Place>,
    /// Whether it may disagree with other conditions where they meet.
    pub(super) jump: bool,
}

/// What a condition says.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    /// An equation; applications `u(x,0)` have become plain names.
    Equation(Text),
    /// Both ends are the same place.
    Periodic,
    /// Two texts that must be the same field or derivative: `u(0,t) = u(1,t)`.
    Pair(Text, Text),
    /// Nothing is asked here on purpose.
    Free,
}

/// What the reader of conditions knows of the problem.
pub(super) struct Scope<'a> {
    pub(super) coordinates: &'a [Coordinate],
    pub(super) domain: &'a Domain,
    /// Whether a name is a field or a derivative of one.
    pub(super) is_field: &'a dyn Fn(&str) -> bool,
    /// The value of a formula of known numbers.
    pub(super) number: &'a dyn Fn(&str) -> Option<f64>,
    /// The axis of each argument where the conditions show an order other than that of the coordinates.
    pub(super) order: Option<&'a [usize]>,
    /// Where a text without a place holds (that of an integral in it).
    pub(super) default: Option<Place>,
}

/// Names that structure the texts and so cannot be quantities.
pub(super) const KEYWORDS: [&str; 7] = ["at", "on", "with", "periodic", "free", "int", "lap"];

pub(super) fn own(coordinates: &[Coordinate]) -> Vec<&Coordinate> {
    let own = coordinates.iter().filter(|c| c.role != Role::Parameter);
    own.collect()
}

/// `u(x,0)`: a name with a list of arguments.
pub(super) struct Application {
    pub(super) word: Word,
    list: Range<usize>,
    arguments: Vec<Range<usize>>,
}

/// The applications in a text; functions such as `sin` and integrals are none.
pub(super) fn applications(text: &Text) -> Result<Vec<Application>> {
    let mut out = Vec::new();
    let mut after = 0;
    for word in text.words() {
        let known = Function::by_name(&word.name).is_some()
            || matches!(word.name.as_str(), "pow" | "int" | "lap" | "laplacian");
        let Some(open) = text.opening(&word) else {
            continue;
        };
        if known || KEYWORDS.contains(&word.name.as_str()) || word.start < after {
            continue;
        }
        let close = text.closing(open)?;
        let inside = text.cut(open + 1..close);
        let arguments = inside.split(',').into_iter();
        let arguments = arguments.map(|r| r.start + open + 1..r.end + open + 1);
        out.push(Application {
            word,
            list: open..close + 1,
            arguments: arguments.collect(),
        });
        after = close;
    }
    Ok(out)
}

/// The axis of each argument, where all but one are names of coordinates (`u(0,x)`: `t`, then `x`).
pub(super) fn shown_order(
    text: &Text,
    application: &Application,
    coordinates: &[Coordinate],
) -> Option<Vec<usize>> {
    let own = own(coordinates);
    let axes: Vec<Option<usize>> = application
        .arguments
        .iter()
        .map(|r| {
            let name = text.part(r.clone());
            own.iter().position(|c| c.name == name.trim())
        })
        .collect();
    let missing: Vec<usize> = (0..own.len())
        .filter(|k| !axes.contains(&Some(*k)))
        .collect();
    let open = axes.iter().filter(|a| a.is_none()).count();
    if axes.len() != own.len() || missing.len() != open || open > 1 {
        return None;
    }
    let last = missing.first().copied();
    axes.into_iter().map(|a| a.or(last)).collect()
}

impl Scope<'_> {
    /// Takes a condition apart.
    pub(super) fn take(&self, text: &Text) -> Result<Taken> {
        let mut text = text.clone();
        let mut jump = false;
        if let Some(at) = suffix(&text, &["with", "jump"]) {
            jump = true;
            text = text.cut(0..at);
        }
        let words = text.words();
        let first = words.first().map(|w| w.name.as_str());
        let alone = |w: &Word| text.opening(w).is_none() && w.primes == 0;
        if let (Some("periodic"), Some(word)) = (first, words.first())
            && alone(word)
        {
            return Ok(Taken {
                kind: Kind::Periodic,
                places: self.periodic(&text, &words)?,
                jump,
            });
        }
        let location = words
            .iter()
            .rev()
            .find(|w| w.depth == 0 && matches!(w.name.as_str(), "at" | "on") && alone(w));
        if let Some(location) = location {
            let places = self.location(&text, location)?;
            let rest = text.cut(0..location.start);
            let kind = if rest.string().trim() == "free" {
                Kind::Free
            } else {
                if let Some(application) = applications(&rest)?.first() {
                    return Err(rest.error(
                        application.word.start,
                        format!(
                            "`{}(...)` and `{}`: the place is named twice; write `{}`",
                            application.word.name, location.name, application.word.name
                        ),
                    ));
                }
                Kind::Equation(rest)
            };
            return Ok(Taken { kind, places, jump });
        }
        self.applied(text, jump)
    }

    fn axis_of(&self, name: &str) -> Option<usize> {
        self.coordinates.iter().position(|c| c.name == name)
    }

    /// A value of a coordinate, at its ends exactly those.
    fn on_axis(&self, text: &Text, at: usize, axis: usize, value: f64) -> Result<f64> {
        let Some(Coordinate { name, range, .. }) = self.coordinates.get(axis) else {
            return Err(text.error(at, "there is no such coordinate"));
        };
        let [low, high] = *range;
        let slack = 1e-12 * (high - low).max(low.abs()).max(high.abs());
        if (value - low).abs() <= slack {
            return Ok(low);
        }
        if (value - high).abs() <= slack {
            return Ok(high);
        }
        if value > low && value < high {
            return Ok(value);
        }
        Err(text.error(
            at,
            format!("{name} = {value} is off the domain, where {name} goes from {low} to {high}"),
        ))
    }

    fn place(&self, mut fixed: Vec<(usize, f64)>) -> Place {
        fixed.sort_by_key(|(axis, _)| *axis);
        match fixed.as_slice() {
            many if many.len() == self.coordinates.len() => {
                Place::Point(many.iter().map(|(_, v)| *v).collect())
            }
            [(axis, value)] => Place::Face {
                axis: *axis,
                value: *value,
            },
            _ => Place::Edge(fixed),
        }
    }

    fn periodic(&self, text: &Text, words: &[Word]) -> Result<Vec<Place>> {
        let mut out = Vec::new();
        for word in words
            .iter()
            .skip(1)
            .filter(|w| !matches!(w.name.as_str(), "in" | "and"))
        {
            match self.axis_of(&word.name) {
                Some(axis) => out.push(Place::Periodic { axis }),
                None => return Err(text.error(word.start, self.no_coordinate(&word.name))),
            }
        }
        if out.is_empty() {
            return Err(text.error(
                text.len(),
                "the name of a coordinate must follow `periodic`",
            ));
        }
        Ok(out)
    }

    fn no_coordinate(&self, name: &str) -> String {
        let names: Vec<&str> = self.coordinates.iter().map(|c| c.name.as_str()).collect();
        format!(
            "`{name}` is no coordinate (there are: {})",
            names.join(", ")
        )
    }

    /// What follows `at` or `on`.
    fn location(&self, text: &Text, word: &Word) -> Result<Vec<Place>> {
        let rest = text.cut(word.end..text.len());
        let plain = rest.string();
        let tokens: Vec<&str> = plain
            .split([' ', ',', '\t'])
            .filter(|t| !t.is_empty() && !matches!(*t, "the" | "and"))
            .collect();
        let (edges, holes) = (self.domain.edges(), self.domain.holes.len());
        match tokens.as_slice() {
            ["boundary"] => return Ok(vec![Place::Boundary]),
            ["outer", "boundary"] => return Ok((0..edges).map(Place::Part).collect()),
            ["holes"] if holes > 0 => {
                return Ok((edges..edges + holes).map(Place::Part).collect());
            }
            [what @ ("edge" | "edges" | "hole" | "holes"), numbers @ ..] if !numbers.is_empty() => {
                let (first, count) = if what.starts_with("edge") {
                    (0, edges)
                } else {
                    (edges, holes)
                };
                let what = what.trim_end_matches('s');
                let parts = numbers.iter().map(|n| match n.parse::<usize>() {
                    Ok(k) if k >= 1 && k <= count => Ok(Place::Part(first + k - 1)),
                    _ if count == 0 => Err(rest.error(0, format!("the domain has no {what}s"))),
                    _ => Err(rest.error(
                        0,
                        format!(
                            "`{n}` is no {what} of the domain: they are numbered from 1 to {count}"
                        ),
                    )),
                });
                return parts.collect();
            }
            _ => {}
        }
        let mut fixed: Vec<(usize, f64)> = Vec::new();
        for range in rest.split(',') {
            let part = rest.cut(range.clone());
            let sides = part.split('=');
            let [name, value] = sides.as_slice() else {
                return Err(rest.error(
                    range.start,
                    "a coordinate and its value (`at x=0`), `boundary`, `edge 1` or `hole 1` must follow",
                ));
            };
            let name = part.part(name.clone()).trim().to_string();
            let Some(axis) = self.axis_of(&name) else {
                return Err(rest.error(range.start, self.no_coordinate(&name)));
            };
            let Some(v) = (self.number)(part.part(value.clone()).trim()) else {
                return Err(part.error(value.start, "a number must stand here"));
            };
            if fixed.iter().any(|(a, _)| *a == axis) {
                return Err(rest.error(range.start, format!("`{name}` is given twice")));
            }
            fixed.push((axis, self.on_axis(&part, value.start, axis, v)?));
        }
        Ok(vec![self.place(fixed)])
    }

    /// `u(x,0) = ...`: the applications say where.
    fn applied(&self, text: Text, jump: bool) -> Result<Taken> {
        let mut masked = text.clone();
        let mut places: Vec<(usize, Vec<(usize, f64)>)> = Vec::new();
        for application in applications(&text)? {
            let word = &application.word;
            if !(self.is_field)(&word.name) {
                return Err(text.error(word.start, self.no_field(&word.name)));
            }
            let fixed = self.arguments(&text, &application)?;
            places.push((word.start, fixed));
            let blank = " ".repeat(application.list.len());
            masked.replace(application.list.clone(), &blank)?;
        }
        let Some((_, first)) = places.first() else {
            if let Some(place) = &self.default {
                return Ok(Taken {
                    kind: Kind::Equation(masked),
                    places: vec![place.clone()],
                    jump,
                });
            }
            return Err(text.refuse(
                "a place: a field applied to coordinates and numbers (`u(x,0) = 1`), `... at x=1`, `... on boundary`",
            ));
        };
        if places.iter().all(|(_, p)| p == first) {
            return Ok(Taken {
                kind: Kind::Equation(masked),
                places: vec![self.place(first.clone())],
                jump,
            });
        }
        let sides = masked.split('=');
        let ([left, right], [(_, a), (_, b)]) = (sides.as_slice(), places.as_slice()) else {
            return Err(
                text.refuse("a condition at one place, or `u(0,t) = u(1,t)` for a periodic one")
            );
        };
        let differing: Vec<usize> = a
            .iter()
            .filter(|x| !b.contains(x))
            .chain(b.iter().filter(|x| !a.contains(x)))
            .map(|(axis, _)| *axis)
            .collect();
        let ends = |axis: usize| {
            let of = |p: &[(usize, f64)]| p.iter().find(|(k, _)| *k == axis).map(|(_, v)| *v);
            let range = self.coordinates.get(axis).map(|c| c.range);
            match (of(a), of(b), range) {
                (Some(a), Some(b), Some([low, high])) => a.min(b) == low && a.max(b) == high,
                _ => false,
            }
        };
        match differing.as_slice() {
            [k, l] if k == l && ends(*k) && a.len() == 1 && b.len() == 1 => Ok(Taken {
                kind: Kind::Pair(masked.cut(left.clone()), masked.cut(right.clone())),
                places: vec![Place::Periodic { axis: *k }],
                jump,
            }),
            _ => Err(text.refuse(
                "values at one place; two places may only be both ends of one coordinate (`u(0,t) = u(1,t)`)",
            )),
        }
    }

    fn no_field(&self, name: &str) -> String {
        let hint = nearest(name, Function::ALL.iter().map(|f| f.name()));
        match hint {
            Some(f) => format!("`{name}` is neither a field nor a function; did you mean `{f}`?"),
            None => format!(
                "`{name}` is no field of the equations (a function of the host stands without arguments)"
            ),
        }
    }

    fn arguments(&self, text: &Text, application: &Application) -> Result<Vec<(usize, f64)>> {
        let own = own(self.coordinates);
        let name = &application.word.name;
        let names: Vec<&str> = own.iter().map(|c| c.name.as_str()).collect();
        let count = application.arguments.len();
        if count != own.len() {
            let s = if count == 1 { "" } else { "s" };
            return Err(text.error(
                application.list.start,
                format!(
                    "`{name}` has {count} argument{s} here, but depends on {} coordinate{} ({})",
                    own.len(),
                    if own.len() == 1 { "" } else { "s" },
                    names.join(", ")
                ),
            ));
        }
        let usual: Vec<usize> = (0..own.len()).collect();
        let shown = shown_order(text, application, self.coordinates);
        let order = shown.as_deref().or(self.order).unwrap_or(&usual);
        let named: Vec<Option<usize>> = application
            .arguments
            .iter()
            .map(|r| names.iter().position(|n| *n == text.part(r.clone()).trim()))
            .collect();
        // Numbers take the axes that no name takes, in the order of the arguments.
        let mut free = order.iter().filter(|k| !named.contains(&Some(**k)));
        let mut fixed = Vec::new();
        for (range, axis) in application.arguments.iter().zip(&named) {
            if let Some(axis) = axis {
                if named.iter().filter(|n| **n == Some(*axis)).count() > 1 {
                    return Err(text.error(range.start, format!("`{}` stands twice", names[*axis])));
                }
                continue;
            }
            let (Some(axis), Some(v)) =
                (free.next(), (self.number)(text.part(range.clone()).trim()))
            else {
                return Err(text.error(
                    range.start,
                    format!(
                        "`{}` is neither a coordinate ({}) nor a number",
                        text.part(range.clone()).trim(),
                        names.join(", ")
                    ),
                ));
            };
            fixed.push((*axis, self.on_axis(text, range.start, *axis, v)?));
        }
        if fixed.is_empty() {
            return Err(text.error(
                application.list.start,
                "no coordinate is fixed: what holds everywhere belongs to the equations",
            ));
        }
        fixed.sort_by_key(|(axis, _)| *axis);
        Ok(fixed)
    }
}

/// Where a text ends with these words, the place of the first of them.
fn suffix(text: &Text, wanted: &[&str]) -> Option<usize> {
    let words = text.words();
    let from = words.len().checked_sub(wanted.len())?;
    let last = words.get(from..)?;
    let end = last.last()?.end;
    let fits = last
        .iter()
        .zip(wanted)
        .all(|(w, name)| w.name == *name && w.depth == 0)
        && text.part(end..text.len()).trim().is_empty();
    fits.then(|| last.first().map(|w| w.start)).flatten()
}

/// An error for a place that is no part of the domain.
pub(super) fn off(text: &Text, at: &[f64]) -> Error {
    text.refuse(format!("a place in the domain; {at:?} is outside"))
}
