//! The stages of the path: what of the data goes into which engine, and what to say where it cannot.

use super::report::{
    AnalyzeOptions, ColumnSummary, DataSummary, LawStage, ModesStage, Series, TimeAxis,
};
use super::{Column, Dataset};
use crate::error::{Code, Error, Result};
use crate::kan::{self, LawOptions, Named, Scale};
use crate::laplace::{self, ModesOptions};
use crate::pinn::{self, FitOptions, OdeFit, OdeSystem};
use crate::telemetry::Progress;

/// Steps count as uniform when none differs from the median by more than this share of it.
const UNIFORM: f64 = 1e-6;

/// Fewest rows that a rate or a next-value law is learned from.
const LAW_ROWS: usize = 12;

/// The columns of a data set in the order of time.
pub(super) struct Record {
    /// Name of the time column.
    pub(super) name: String,
    /// Rising times.
    pub(super) t: Vec<f64>,
    /// The other numeric columns, in the same order of rows; missing values are NaN.
    pub(super) columns: Vec<Column>,
    /// Median step.
    pub(super) step: f64,
    /// Whether the steps are all the same.
    pub(super) uniform: bool,
}

impl Record {
    pub(super) fn new(data: &Dataset, options: &AnalyzeOptions) -> Result<Self> {
        let time = match &options.time {
            Some(name) => data.column(name)?,
            None => data
                .columns
                .iter()
                .find(|c| is_rising(&c.values))
                .ok_or_else(|| {
                    Error::invalid(
                        "time",
                        "no numeric column rises from row to row",
                        "a time or index column; name it, or ask for a law between unordered rows",
                    )
                })?,
        };
        if let Some(row) = time.values.iter().position(|v| !v.is_finite()) {
            return Err(Error::invalid(
                format!("{}[{row}]", time.name),
                "a missing value",
                "a time in every row",
            ));
        }
        let mut order: Vec<usize> = (0..time.values.len()).collect();
        order.sort_by(|a, b| time.values[*a].total_cmp(&time.values[*b]));
        let sorted = |values: &[f64]| -> Vec<f64> { order.iter().map(|i| values[*i]).collect() };
        let t = sorted(&time.values);
        if let Some(w) = t.windows(2).find(|w| w[0] == w[1]) {
            return Err(Error::invalid(
                &time.name,
                format!("{} twice", w[0]),
                "times that differ",
            ));
        }
        let columns: Vec<Column> = data
            .columns
            .iter()
            .filter(|c| c.name != time.name)
            .map(|c| Column {
                name: c.name.clone(),
                values: sorted(&c.values),
            })
            .collect();
        if columns.is_empty() {
            return Err(Error::invalid(
                "columns",
                format!("only {}", time.name),
                "at least one numeric column besides time",
            ));
        }
        if t.len() < 3 {
            return Err(Error::invalid("rows", t.len(), "at least 3"));
        }
        let mut steps: Vec<f64> = t.windows(2).map(|w| w[1] - w[0]).collect();
        steps.sort_by(f64::total_cmp);
        let step = steps[steps.len() / 2];
        let uniform = steps.iter().all(|s| (s - step).abs() <= UNIFORM * step);
        Ok(Record {
            name: time.name.clone(),
            t,
            columns,
            step,
            uniform,
        })
    }

    fn axis(&self) -> TimeAxis {
        TimeAxis {
            name: self.name.clone(),
            start: self.t.first().copied().unwrap_or(f64::NAN),
            end: self.t.last().copied().unwrap_or(f64::NAN),
            step: self.step,
            uniform: self.uniform,
        }
    }
}

fn is_rising(values: &[f64]) -> bool {
    values.len() > 1 && values.windows(2).all(|w| w[0] < w[1])
}

/// Figures of the columns.
pub(super) fn summary<'a>(
    data: &Dataset,
    record: Option<&Record>,
    columns: impl Iterator<Item = &'a Column>,
) -> DataSummary {
    DataSummary {
        rows: data.rows(),
        time: record.map(Record::axis),
        columns: columns
            .filter(|c| record.is_none_or(|r| r.name != c.name))
            .map(column_summary)
            .collect(),
        ignored: data
            .text_columns
            .iter()
            .map(|name| format!("{name}: text"))
            .collect(),
        labels: data.labels.clone(),
    }
}

fn column_summary(column: &Column) -> ColumnSummary {
    let present: Vec<f64> = column
        .values
        .iter()
        .copied()
        .filter(|v| v.is_finite())
        .collect();
    let n = present.len() as f64;
    let mean = present.iter().sum::<f64>() / n;
    let squares: f64 = present.iter().map(|v| (v - mean) * (v - mean)).sum();
    ColumnSummary {
        name: column.name.clone(),
        mean,
        std: (squares / (n - 1.0)).sqrt(),
        min: present.iter().copied().fold(f64::INFINITY, f64::min),
        max: present.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        missing: column.values.len() - present.len(),
    }
}

/// A stage that the data cannot carry is skipped with the engine's reason; a cancelled or defective one ends
/// the analysis.
fn or_skip<T>(outcome: Result<T>) -> Result<(Option<T>, Option<String>)> {
    match outcome {
        Ok(value) => Ok((Some(value), None)),
        Err(e) if matches!(e.code(), Code::Cancelled | Code::Internal) => Err(e),
        Err(e) => Ok((None, Some(e.to_string()))),
    }
}

/// Modes of every column.
pub(super) fn modes(
    record: &Record,
    options: &ModesOptions,
    progress: &Progress<'_>,
) -> Result<Vec<ModesStage>> {
    let total = record.columns.len() as u64;
    let mut out = Vec::new();
    for (i, column) in record.columns.iter().enumerate() {
        progress.report("laplace", i as u64, total, &column.name)?;
        let missing = column.values.iter().filter(|v| !v.is_finite()).count();
        let (modes, skipped) = if !record.uniform {
            (
                None,
                Some(format!("{} does not rise in equal steps", record.name)),
            )
        } else if missing > 0 {
            (None, Some(format!("{missing} values are missing")))
        } else {
            or_skip(laplace::modes(
                &column.values,
                record.t[0],
                record.step,
                options,
                progress,
            ))?
        };
        out.push(ModesStage {
            column: column.name.clone(),
            modes,
            skipped,
        });
    }
    progress.report("laplace", total, total, "")?;
    Ok(out)
}

/// The law of a table of unordered rows; rows with a missing value are left out.
pub(super) fn table_law(
    inputs: &[&Column],
    target: &Column,
    options: &LawOptions,
    progress: &Progress<'_>,
) -> Result<LawStage> {
    let names: Vec<&str> = inputs.iter().map(|c| c.name.as_str()).collect();
    let question = format!("{} from {}", target.name, names.join(", "));
    let present: Vec<usize> = (0..target.values.len())
        .filter(|i| {
            target.values[*i].is_finite() && inputs.iter().all(|c| c.values[*i].is_finite())
        })
        .collect();
    let keep =
        |column: &Column| -> Vec<f64> { present.iter().map(|i| column.values[*i]).collect() };
    let mut columns: Vec<(String, Vec<f64>)> =
        inputs.iter().map(|c| (c.name.clone(), keep(c))).collect();
    columns.push((target.name.clone(), keep(target)));
    let times: Vec<f64> = present.iter().map(|i| *i as f64 + 1.0).collect();
    learn(question, columns, times, options, progress)
}

/// Learns the last of `columns` from the others.
fn learn(
    question: String,
    columns: Vec<(String, Vec<f64>)>,
    t: Vec<f64>,
    options: &LawOptions,
    progress: &Progress<'_>,
) -> Result<LawStage> {
    let named: Vec<Named<'_>> = columns
        .iter()
        .map(|(name, values)| Named { name, values })
        .collect();
    let (law, skipped) = match named.split_last() {
        Some((target, inputs)) => or_skip(kan::learn_law(inputs, *target, options, progress))?,
        None => (None, Some("no columns".into())),
    };
    let rows = columns
        .into_iter()
        .map(|(name, y)| Series {
            name,
            t: t.clone(),
            y,
        })
        .collect();
    Ok(LawStage {
        question,
        law,
        rows,
        skipped,
    })
}

/// What drives the columns of a series: for several columns the rate of change of each from all of them (the
/// relative rate for positive columns), by central differences over two steps; for a single column the next
/// value from the two before it.
pub(super) fn series_laws(
    record: &Record,
    options: &LawOptions,
    progress: &Progress<'_>,
) -> Result<Vec<LawStage>> {
    let total = record.columns.len() as u64;
    let mut out = Vec::new();
    // The quantities are differences here; taking their logarithms again would hide additive laws.
    let options = LawOptions {
        scale: if options.scale == Scale::Auto {
            Scale::Linear
        } else {
            options.scale
        },
        ..options.clone()
    };
    for (i, column) in record.columns.iter().enumerate() {
        progress.report("kan", i as u64, total, &column.name)?;
        let (question, columns, t) = if record.columns.len() == 1 {
            next_value(record, column)
        } else {
            rate(record, column)
        };
        if t.len() < LAW_ROWS {
            out.push(LawStage {
                question,
                law: None,
                rows: Vec::new(),
                skipped: Some(format!("{} usable rows; a law needs {LAW_ROWS}", t.len())),
            });
            continue;
        }
        out.push(learn(question, columns, t, &options, progress)?);
    }
    progress.report("kan", total, total, "")?;
    Ok(out)
}

type Rows = (String, Vec<(String, Vec<f64>)>, Vec<f64>);

fn next_value(record: &Record, column: &Column) -> Rows {
    let name = &column.name;
    let question = format!("next {name} from the two values before");
    let (mut before, mut last, mut next, mut t) = (vec![], vec![], vec![], vec![]);
    if record.uniform {
        for (w, times) in column.values.windows(3).zip(record.t.windows(3)) {
            if w.iter().all(|v| v.is_finite()) {
                before.push(w[0]);
                last.push(w[1]);
                next.push(w[2]);
                t.push(times[2]);
            }
        }
    }
    let columns = vec![
        (format!("{name}_1"), last),
        (format!("{name}_2"), before),
        (format!("next {name}"), next),
    ];
    (question, columns, t)
}

fn rate(record: &Record, column: &Column) -> Rows {
    let positive = column.values.iter().all(|v| v.is_nan() || *v > 0.0);
    let names: Vec<&str> = record.columns.iter().map(|c| c.name.as_str()).collect();
    let (kind, target) = if positive {
        (
            "relative rate of change",
            format!("{}'/{}", column.name, column.name),
        )
    } else {
        ("rate of change", format!("{}'", column.name))
    };
    let question = format!("{kind} of {} from {}", column.name, names.join(", "));
    let mut inputs: Vec<Vec<f64>> = vec![Vec::new(); record.columns.len()];
    let (mut rates, mut t) = (vec![], vec![]);
    for (i, (w, times)) in column
        .values
        .windows(3)
        .zip(record.t.windows(3))
        .enumerate()
    {
        let span = times[2] - times[0];
        let rate = if positive {
            (w[2] / w[0]).ln() / span
        } else {
            (w[2] - w[0]) / span
        };
        // Off-centre differences (unequal steps) are of first order only: leave them out.
        let centred = (times[2] - 2.0 * times[1] + times[0]).abs() <= UNIFORM * span;
        let row: Vec<f64> = record.columns.iter().map(|c| c.values[i + 1]).collect();
        if centred && rate.is_finite() && row.iter().all(|v| v.is_finite()) {
            for (values, v) in inputs.iter_mut().zip(row) {
                values.push(v);
            }
            rates.push(rate);
            t.push(times[1]);
        }
    }
    let mut columns: Vec<(String, Vec<f64>)> =
        names.iter().map(|n| (*n).to_string()).zip(inputs).collect();
    columns.push((target, rates));
    (question, columns, t)
}

/// The PINN stage.
pub(super) struct Fitted {
    pub(super) fit: Option<OdeFit>,
    pub(super) origin: Option<String>,
    pub(super) skipped: Option<String>,
}

/// Reads the given equations; the columns' names stand for themselves, whatever they look like.
pub(super) fn read_equations(text: &str, data: &Dataset) -> Result<OdeSystem> {
    let names: Vec<&str> = data.columns.iter().map(|c| c.name.as_str()).collect();
    let system = OdeSystem::parse_with(text, &names)?;
    if !system.states().iter().any(|s| names.contains(s)) {
        return Err(Error::invalid(
            "equation",
            format!("fields {}", system.states().join(", ")),
            format!(
                "at least one field that is a column (there are: {})",
                names.join(", ")
            ),
        ));
    }
    Ok(system)
}

/// Fits the given equations, or the oscillator that the strongest mode implies.
pub(super) fn fit(
    record: &Record,
    system: Option<OdeSystem>,
    modes: &[ModesStage],
    options: &FitOptions,
    progress: &Progress<'_>,
) -> Result<Fitted> {
    progress.report("pinn", 0, 1, "")?;
    if let Some(system) = system {
        // Equations that the user gave must be fitted or refused, not skipped.
        let fit = run_fit(record, &system, options, progress)?;
        return Ok(Fitted {
            fit: Some(fit),
            origin: Some("given".into()),
            skipped: None,
        });
    }
    let Some(implied) = implied_oscillator(modes) else {
        return Ok(Fitted {
            fit: None,
            origin: None,
            skipped: Some("no equation was given, and no oscillating mode implies one".into()),
        });
    };
    let options = FitOptions {
        start: implied.start,
        ..options.clone()
    };
    let outcome = OdeSystem::parse_with(&implied.text, &[&implied.column])
        .and_then(|system| run_fit(record, &system, &options, progress));
    let (fit, skipped) = or_skip(outcome)?;
    Ok(Fitted {
        fit,
        origin: Some(implied.origin),
        skipped,
    })
}

fn run_fit(
    record: &Record,
    system: &OdeSystem,
    options: &FitOptions,
    progress: &Progress<'_>,
) -> Result<OdeFit> {
    let states = system.states();
    let columns: Vec<&Column> = record
        .columns
        .iter()
        .filter(|c| states.contains(&c.name.as_str()))
        .collect();
    let rows: Vec<usize> = (0..record.t.len())
        .filter(|i| columns.iter().all(|c| c.values[*i].is_finite()))
        .collect();
    let pick = |values: &[f64]| -> Vec<f64> { rows.iter().map(|i| values[*i]).collect() };
    let t = pick(&record.t);
    let values: Vec<Vec<f64>> = columns.iter().map(|c| pick(&c.values)).collect();
    let observed: Vec<(&str, &[f64])> = columns
        .iter()
        .zip(&values)
        .map(|(c, v)| (c.name.as_str(), v.as_slice()))
        .collect();
    pinn::fit_ode(system, &t, &observed, options, progress)
}

struct Implied {
    column: String,
    text: String,
    start: Vec<(String, f64, bool)>,
    origin: String,
}

/// `y'' = -w2*(y - m) - g*y'` with the values of the strongest oscillating mode of any column as start.
fn implied_oscillator(modes: &[ModesStage]) -> Option<Implied> {
    let mut best: Option<(&ModesStage, &laplace::Modes, &laplace::Mode)> = None;
    for stage in modes {
        let Some(found) = &stage.modes else { continue };
        for mode in found.modes.iter().filter(|m| m.period.is_some()) {
            if best.is_none_or(|(_, _, b)| mode.power_share > b.power_share) {
                best = Some((stage, found, mode));
            }
        }
    }
    let (stage, found, mode) = best?;
    let y = crate::expr::Expr::name(&stage.column).to_string();
    let middle = found.offset + 0.5 * found.slope * found.dt * found.n as f64;
    Some(Implied {
        column: stage.column.clone(),
        text: format!("{y}'' = -w2*({y} - m) - g*{y}'"),
        start: vec![
            ("w2".into(), mode.pole.norm_sqr(), false),
            ("m".into(), middle, false),
            ("g".into(), -2.0 * mode.pole.re, false),
        ],
        origin: format!(
            "implied by the strongest mode of {}: one damped oscillator around a constant",
            stage.column
        ),
    })
}
