//! What a request brings: numbers, columns and fields on a grid, with units; all is turned into SI base units.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::expr::constants::find;
use crate::expr::units::{Dimension, Unit};

/// Most values that the columns or the fields of one request may hold together: 256 MiB.
pub const MAX_VALUES: usize = 1 << 25;

/// A number: `5.0`, `"5 km/h"`, the name of an entry of `numbers`, `{"value": 5, "unit": "km/h"}` or
/// `{"constant": "c"}` (CODATA 2022).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "a number, a text like \"5 km/h\", a name, {\"value\", \"unit\"} or {\"constant\"}"
)]
pub enum Given {
    /// In SI base units.
    Number(f64),
    /// A number with unit, or a name.
    Text(String),
    /// A number in a unit.
    Measured(Measured),
    /// A constant of nature.
    Constant(Named),
}

/// A value in a unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measured {
    /// The value.
    pub value: f64,
    /// The unit, for example `km/h`.
    pub unit: String,
}

/// A constant by name or symbol.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// For example `c` or `speed of light`.
    pub constant: String,
}

impl From<f64> for Given {
    fn from(value: f64) -> Self {
        Given::Number(value)
    }
}

impl From<&str> for Given {
    fn from(text: &str) -> Self {
        Given::Text(text.into())
    }
}

/// Samples of one quantity: a list of numbers (`null`: missing), or an object with `values`, `unit` (absent: SI) and
/// `noise`, the known standard deviation of one value in that unit (absent: estimated where it is needed).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(from = "ColumnForm")]
pub struct Column {
    /// The samples; a missing one is NaN.
    pub values: Vec<f64>,
    /// Their unit.
    pub unit: Option<String>,
    /// Standard deviation of the noise of one value.
    pub noise: Option<f64>,
}

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "a list of numbers, or {\"values\": [...], \"unit\": \"...\", \"noise\": ...}"
)]
enum ColumnForm {
    Plain(Vec<Option<f64>>),
    Full(FullColumn),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FullColumn {
    #[serde(default)]
    values: Vec<Option<f64>>,
    unit: Option<String>,
    noise: Option<f64>,
}

impl From<ColumnForm> for Column {
    fn from(form: ColumnForm) -> Self {
        let (values, unit, noise) = match form {
            ColumnForm::Plain(values) => (values, None, None),
            ColumnForm::Full(full) => (full.values, full.unit, full.noise),
        };
        Column {
            values: values.into_iter().map(|v| v.unwrap_or(f64::NAN)).collect(),
            unit,
            noise,
        }
    }
}

impl From<Vec<f64>> for Column {
    fn from(values: Vec<f64>) -> Self {
        Column {
            values,
            ..Column::default()
        }
    }
}

/// Fields sampled on the points of a grid.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Grid {
    /// One to four axes. An axis is named by one letter, as derivatives name it: `u_x`.
    pub axes: Vec<GridAxis>,
    /// Fields by name: their values over all points, the last axis fastest.
    pub fields: BTreeMap<String, Column>,
}

/// An axis of a grid: evenly spaced, either `from`, `to` and `points`, or `values`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GridAxis {
    /// One letter, such as `x` or `t`.
    pub name: String,
    /// First coordinate.
    pub from: f64,
    /// Last coordinate; of a periodic axis the end of the period, which is no point itself.
    pub to: f64,
    /// Number of points.
    pub points: usize,
    /// The coordinates themselves, instead of `from`, `to` and `points`.
    pub values: Vec<f64>,
    /// Whether the fields go on at the other end.
    pub periodic: bool,
    /// Unit of the coordinates; absent: SI.
    pub unit: Option<String>,
}

/// Samples in SI base units.
#[derive(Debug, Clone)]
pub(super) struct Series {
    pub(super) values: Vec<f64>,
    pub(super) noise: Option<f64>,
    pub(super) dimension: Option<Dimension>,
}

/// An evenly spaced axis in SI base units.
#[derive(Debug, Clone)]
pub(super) struct Axis {
    pub(super) name: String,
    pub(super) start: f64,
    pub(super) step: f64,
    pub(super) points: usize,
    pub(super) periodic: bool,
    pub(super) dimension: Option<Dimension>,
}

/// All that a request brings, in SI base units.
#[derive(Debug, Default)]
pub(super) struct Data {
    pub(super) numbers: BTreeMap<String, (f64, Option<Dimension>)>,
    pub(super) columns: BTreeMap<String, Series>,
    pub(super) time: Option<String>,
    pub(super) axes: Vec<Axis>,
    pub(super) fields: BTreeMap<String, Series>,
}

fn under(path: &str, error: Error) -> Error {
    match error {
        Error::InvalidInput {
            value, expected, ..
        } => Error::invalid(path, value, expected),
        Error::Parse { .. } => Error::invalid(path, error.to_string(), "a unit such as km/h"),
        other => other,
    }
}

fn in_si(path: &str, unit: &str, values: &mut [f64]) -> Result<Dimension> {
    let unit = Unit::parse(unit).map_err(|e| under(path, e))?;
    for v in values {
        *v = *v * unit.factor + unit.offset;
    }
    Ok(unit.dimension)
}

/// The number and unit of a text like `5 km/h`; `None` where it does not begin like a number.
fn measured(path: &str, text: &str) -> Option<Result<(f64, Option<Dimension>)>> {
    let text = text.trim();
    let digits = text.trim_start_matches(['+', '-', '.']);
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    // The longest beginning that is a number.
    let ends = text.char_indices().take(40).map(|(i, c)| i + c.len_utf8());
    let end = ends
        .filter(|end| text.get(..*end).is_some_and(|t| t.parse::<f64>().is_ok()))
        .last()?;
    let (number, unit) = text.split_at(end);
    let value = number.parse::<f64>().unwrap_or(f64::NAN);
    if unit.trim().is_empty() {
        return Some(Ok((value, None)));
    }
    let mut value = [value];
    let dimension = in_si(path, unit, &mut value);
    Some(dimension.map(|d| (value[0], Some(d))))
}

impl Given {
    fn resolve_with(
        &self,
        path: &str,
        numbers: &BTreeMap<String, (f64, Option<Dimension>)>,
    ) -> Result<(f64, Option<Dimension>)> {
        match self {
            Given::Number(value) => Ok((*value, None)),
            Given::Measured(m) => {
                let mut value = [m.value];
                let dimension = in_si(path, &m.unit, &mut value)?;
                Ok((value[0], Some(dimension)))
            }
            Given::Constant(c) => {
                let Some(constant) = find(&c.constant) else {
                    return Err(Error::invalid(
                        path,
                        &c.constant,
                        "the name or symbol of a constant of CODATA 2022",
                    ));
                };
                let mut value = [constant.value];
                let dimension = in_si(path, constant.unit, &mut value)?;
                Ok((value[0], Some(dimension)))
            }
            Given::Text(text) => {
                if let Some(number) = numbers.get(text.trim()) {
                    return Ok(*number);
                }
                measured(path, text).unwrap_or_else(|| {
                    let known: Vec<&str> = numbers.keys().map(String::as_str).collect();
                    Err(Error::invalid(
                        path,
                        text,
                        format!(
                            "a number, a number with unit such as \"5 km/h\", or a name of `numbers` ({})",
                            known.join(", ")
                        ),
                    ))
                })
            }
        }
    }
}

/// Base dimensions by their unit, for what a law expects.
pub(super) fn dimension(unit: &str) -> Option<Dimension> {
    Unit::parse(unit).ok().map(|u| u.dimension)
}

impl Data {
    /// The value of a number, which must be of the dimension of `unit` where it has a dimension at all.
    pub(super) fn number(&self, path: &str, given: &Given, unit: &str) -> Result<f64> {
        let (value, found) = given.resolve_with(path, &self.numbers)?;
        match (found, dimension(unit)) {
            (Some(found), Some(wanted)) if found != wanted => Err(Error::invalid(
                path,
                format!("a quantity of dimension {found}"),
                format!("a quantity of dimension {wanted}, such as in {unit}"),
            )),
            _ => Ok(value),
        }
    }

    pub(super) fn numbers(&self, path: &str, given: &[Given], unit: &str) -> Result<Vec<f64>> {
        given
            .iter()
            .enumerate()
            .map(|(i, g)| self.number(&format!("{path}[{i}]"), g, unit))
            .collect()
    }

    /// A column by name.
    pub(super) fn column(&self, path: &str, name: &str) -> Result<&Series> {
        self.columns.get(name).ok_or_else(|| {
            let known: Vec<&str> = self.columns.keys().map(String::as_str).collect();
            Error::invalid(
                path,
                name,
                format!("the name of a column ({})", known.join(", ")),
            )
        })
    }

    /// A field by name.
    pub(super) fn field(&self, path: &str, name: &str) -> Result<&Series> {
        self.fields.get(name).ok_or_else(|| {
            let known: Vec<&str> = self.fields.keys().map(String::as_str).collect();
            Error::invalid(
                path,
                name,
                format!("the name of a field of the grid ({})", known.join(", ")),
            )
        })
    }

    /// The column over which the others are sampled.
    pub(super) fn times(&self, path: &str) -> Result<(&str, &Series)> {
        let Some(name) = self.time.as_deref() else {
            return Err(Error::invalid(
                path,
                "no column of times",
                "`time`, the name of the column over which the others are sampled, or a column `t`",
            ));
        };
        Ok((name, self.column("time", name)?))
    }

    /// The dimension of anything that has a name.
    pub(super) fn dimension_of(&self, name: &str) -> Option<Dimension> {
        let numbers = || self.numbers.get(name).and_then(|(_, d)| *d);
        let column = || self.columns.get(name).and_then(|s| s.dimension);
        let field = || self.fields.get(name).and_then(|s| s.dimension);
        let axis = || {
            let axis = self.axes.iter().find(|a| a.name == name)?;
            axis.dimension
        };
        numbers().or_else(column).or_else(field).or_else(axis)
    }
}

/// Turns columns into SI units. Lengths must agree.
fn series(
    path: &str,
    columns: BTreeMap<String, Column>,
    length: Option<usize>,
) -> Result<BTreeMap<String, Series>> {
    let mut out = BTreeMap::new();
    let mut length = length;
    let mut total = 0usize;
    for (name, column) in columns {
        let at = format!("{path}.{name}");
        let wanted = *length.get_or_insert(column.values.len());
        if column.values.len() != wanted {
            return Err(Error::invalid(
                at,
                format!("{} values", column.values.len()),
                format!("{wanted} values, as the others"),
            ));
        }
        total = total.saturating_add(column.values.len());
        if total > MAX_VALUES {
            return Err(Error::Limit {
                what: format!("values of {path}"),
                limit: MAX_VALUES as u64,
                got: total as u64,
            });
        }
        let (mut values, mut noise, mut dimension) = (column.values, column.noise, None);
        if let Some(unit) = &column.unit {
            dimension = Some(in_si(&format!("{at}.unit"), unit, &mut values)?);
            let factor = Unit::parse(unit).map(|u| u.factor).unwrap_or(f64::NAN);
            noise = noise.map(|n| n * factor);
        }
        if let Some(n) = noise
            && !(n >= 0.0 && n.is_finite())
        {
            return Err(Error::invalid(
                format!("{at}.noise"),
                n,
                "a standard deviation of 0 or more",
            ));
        }
        out.insert(
            name,
            Series {
                values,
                noise,
                dimension,
            },
        );
    }
    Ok(out)
}

/// The largest unevenness of steps, as a share of the step, that is taken for rounding.
const UNEVEN: f64 = 1e-6;

fn axis(path: &str, axis: GridAxis) -> Result<Axis> {
    let mut letters = axis.name.chars();
    if !matches!((letters.next(), letters.next()), (Some(c), None) if c.is_alphabetic()) {
        return Err(Error::invalid(
            format!("{path}.name"),
            &axis.name,
            "one letter, such as x or t",
        ));
    }
    let (start, step, points) = if axis.values.is_empty() {
        let intervals = if axis.periodic {
            axis.points
        } else {
            axis.points.saturating_sub(1)
        };
        (
            axis.from,
            (axis.to - axis.from) / intervals as f64,
            axis.points,
        )
    } else {
        if axis.points != 0 && axis.points != axis.values.len() {
            return Err(Error::invalid(
                format!("{path}.points"),
                axis.points,
                format!("{}, as there are values, or none", axis.values.len()),
            ));
        }
        let v = &axis.values;
        let (first, last) = (v[0], v[v.len() - 1]);
        let step = (last - first) / (v.len() - 1).max(1) as f64;
        let even = v
            .iter()
            .enumerate()
            .all(|(i, x)| (x - first - i as f64 * step).abs() <= UNEVEN * step.abs());
        if !even {
            return Err(Error::invalid(
                format!("{path}.values"),
                "unevenly spaced or not finite",
                "evenly spaced coordinates",
            ));
        }
        (first, step, v.len())
    };
    if points < 2 || !(step.is_finite() && step > 0.0 && start.is_finite()) {
        return Err(Error::invalid(
            path,
            format!("{points} points with a step of {step}"),
            "at least 2 points that increase, and finite coordinates",
        ));
    }
    let mut ends = [start, start + step];
    let mut dimension = None;
    if let Some(unit) = &axis.unit {
        dimension = Some(in_si(&format!("{path}.unit"), unit, &mut ends)?);
    }
    Ok(Axis {
        name: axis.name,
        start: ends[0],
        step: if axis.unit.is_some() {
            ends[1] - ends[0]
        } else {
            step
        },
        points,
        periodic: axis.periodic,
        dimension,
    })
}

/// Reads what a request brings.
pub(super) fn read(
    numbers: BTreeMap<String, Given>,
    columns: BTreeMap<String, Column>,
    time: Option<String>,
    grid: Option<Grid>,
) -> Result<Data> {
    let mut data = Data::default();
    for (name, given) in numbers {
        let value = given.resolve_with(&format!("numbers.{name}"), &BTreeMap::new())?;
        data.numbers.insert(name, value);
    }
    data.columns = series("columns", columns, None)?;
    data.time = time.or_else(|| data.columns.contains_key("t").then(|| "t".to_string()));
    if let Some(name) = &data.time {
        data.column("time", name)?;
    }
    if let Some(grid) = grid {
        if !(1..=4).contains(&grid.axes.len()) {
            return Err(Error::invalid(
                "grid.axes",
                format!("{} axes", grid.axes.len()),
                "1 to 4 axes",
            ));
        }
        let mut points = 1usize;
        for (i, one) in grid.axes.into_iter().enumerate() {
            let one = axis(&format!("grid.axes[{i}]"), one)?;
            if data.axes.iter().any(|a| a.name == one.name) {
                return Err(Error::invalid(
                    format!("grid.axes[{i}].name"),
                    one.name,
                    "another name than the other axes",
                ));
            }
            points = points.saturating_mul(one.points);
            if points > MAX_VALUES {
                return Err(Error::Limit {
                    what: "points of grid.axes".into(),
                    limit: MAX_VALUES as u64,
                    got: points as u64,
                });
            }
            data.axes.push(one);
        }
        data.fields = series("grid.fields", grid.fields, Some(points))?;
    }
    let mut seen = std::collections::BTreeSet::new();
    let axes = data.axes.iter().map(|a| &a.name);
    let names = data.numbers.keys().chain(data.columns.keys());
    for name in names.chain(data.fields.keys()).chain(axes) {
        if !seen.insert(name) {
            return Err(Error::invalid(
                "names",
                name,
                "a name that only one number, column, field or axis has",
            ));
        }
    }
    Ok(data)
}
