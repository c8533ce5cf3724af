//! The scientific path: signal -> modes -> law -> equation -> verdict, as one typed [`Report`].
//!
//! Floor 3: imports floors 0 to 2. Knows nothing of async, HTTP or JSON text. [`analyze`] runs the stages;
//! each stage that cannot run on the data at hand says why in the report instead of failing the whole.

mod dataset;
mod findings;
mod render;
mod report;
mod stages;
mod verdicts;

pub use dataset::{Column, Dataset, MAX_CELLS};
pub use report::{
    AnalyzeOptions, ColumnSummary, DataSummary, LawStage, Mode, ModesStage, Report, Run, SCHEMA,
    Series, StageTime, TimeAxis,
};

use std::time::Instant;

use crate::device::Device;
use crate::error::{Error, Result};
use crate::telemetry::Progress;

/// Most numeric columns besides time that an analysis takes: every one gets a Laplace and a KAN stage.
const MAX_COLUMNS: usize = 32;

/// Runs the path on a data set.
///
/// With a time column (named, or the first strictly rising one) every other column gets a Laplace stage; a
/// KAN stage learns how the columns drive one another's rates of change, or, for a single column, how the
/// next value follows from the two before; the PINN stage fits the given equations or, where none are given,
/// the oscillator that the strongest mode implies. With [`AnalyzeOptions::law`] the rows are unordered, and
/// the KAN learns the target from the other columns. The checks judge what was found.
///
/// # Errors
/// [`Error::InvalidInput`] or [`Error::NotFound`] where the data cannot carry the analysis asked for,
/// [`Error::Parse`] for a bad equation, [`Error::Cancelled`] on request.
///
/// ```
/// use nis_core::{pipeline::{AnalyzeOptions, Dataset, analyze}, telemetry::Progress};
/// let t: Vec<f64> = (0..120).map(|i| 0.1 * f64::from(i)).collect();
/// let y = t.iter().map(|t| (-0.1 * t).exp() * (2.0 * t).sin()).collect();
/// let data = Dataset::from_columns("damped sine", vec![("t".into(), t), ("y".into(), y)])?;
/// let report = analyze(&data, &AnalyzeOptions::default(), &Progress::none())?;
/// let mode = &report.modes[0].modes.as_ref().unwrap().modes[0];
/// assert!((mode.pole.im - 2.0).abs() < 1e-6 && (mode.pole.re + 0.1).abs() < 1e-6);
/// # Ok::<(), nis_core::Error>(())
/// ```
pub fn analyze(
    data: &Dataset,
    options: &AnalyzeOptions,
    progress: &Progress<'_>,
) -> Result<Report> {
    let mut clock = Clock {
        timings: Vec::new(),
    };
    let mut report = if options.law {
        law_report(data, options, progress, &mut clock)?
    } else {
        series_report(data, options, progress, &mut clock)?
    };
    progress.report("checks", 0, 1, "")?;
    report.verdicts = clock.time("checks", || verdicts::verdicts(&report))?;
    report.findings = findings::findings(&report);
    report.run.timings = clock.timings;
    progress.report("checks", 1, 1, "")?;
    Ok(report)
}

/// Wall time of the stages.
struct Clock {
    timings: Vec<StageTime>,
}

impl Clock {
    fn time<T>(&mut self, stage: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let start = Instant::now();
        let out = work()?;
        self.timings.push(StageTime {
            stage: stage.into(),
            ms: start.elapsed().as_secs_f64() * 1e3,
        });
        Ok(out)
    }
}

fn empty_report(
    data: &Dataset,
    options: &AnalyzeOptions,
    mode: Mode,
    summary: DataSummary,
) -> Report {
    Report {
        schema: SCHEMA,
        version: crate::VERSION.into(),
        source: data.source.clone(),
        mode,
        data: summary,
        series: Vec::new(),
        modes: Vec::new(),
        laws: Vec::new(),
        fit: None,
        fit_origin: None,
        fit_skipped: None,
        verdicts: Vec::new(),
        findings: Vec::new(),
        run: Run {
            seed: options.kan.seed,
            device: Device::cpu(),
            timings: Vec::new(),
            options: options.clone(),
        },
    }
}

fn check_width(columns: usize) -> Result<()> {
    if columns > MAX_COLUMNS {
        return Err(Error::Limit {
            what: "columns to analyze".into(),
            limit: MAX_COLUMNS as u64,
            got: columns as u64,
        });
    }
    Ok(())
}

fn law_report(
    data: &Dataset,
    options: &AnalyzeOptions,
    progress: &Progress<'_>,
    clock: &mut Clock,
) -> Result<Report> {
    if options.equation.is_some() {
        return Err(Error::invalid(
            "equation",
            "given together with `law`",
            "either a law between unordered rows or an equation in time",
        ));
    }
    if options.time.is_some() {
        return Err(Error::invalid(
            "time",
            "given together with `law`",
            "no time column: the rows of a law are unordered",
        ));
    }
    let target = match &options.target {
        Some(name) => data.column(name)?,
        None => data
            .columns
            .last()
            .ok_or_else(|| Error::invalid("columns", "none", "two numeric columns"))?,
    };
    let inputs: Vec<&Column> = data
        .columns
        .iter()
        .filter(|c| c.name != target.name)
        .collect();
    if inputs.is_empty() {
        return Err(Error::invalid(
            "columns",
            format!("only {}", target.name),
            "a column to explain and at least one to explain it from",
        ));
    }
    check_width(inputs.len() + 1)?;
    let summary = stages::summary(data, None, data.columns.iter());
    let mut report = empty_report(data, options, Mode::Law, summary);
    let rows: Vec<f64> = (1..=data.rows()).map(|i| i as f64).collect();
    report.series = data
        .columns
        .iter()
        .map(|c| Series {
            name: c.name.clone(),
            t: rows.clone(),
            y: c.values.clone(),
        })
        .collect();
    report.laws = clock.time("kan", || {
        stages::table_law(&inputs, target, &options.kan, progress).map(|law| vec![law])
    })?;
    report.fit_skipped =
        Some("the rows have no time axis, hence no differential equation to fit".into());
    Ok(report)
}

fn series_report(
    data: &Dataset,
    options: &AnalyzeOptions,
    progress: &Progress<'_>,
    clock: &mut Clock,
) -> Result<Report> {
    let system = options
        .equation
        .as_deref()
        .map(|text| stages::read_equations(text, data))
        .transpose()?;
    let record = stages::Record::new(data, options)?;
    check_width(record.columns.len())?;
    let summary = stages::summary(data, Some(&record), data.columns.iter());
    let mut report = empty_report(data, options, Mode::Series, summary);
    report.series = record
        .columns
        .iter()
        .map(|c| Series {
            name: c.name.clone(),
            t: record.t.clone(),
            y: c.values.clone(),
        })
        .collect();
    report.modes = clock.time("laplace", || {
        stages::modes(&record, &options.modes, progress)
    })?;
    report.laws = clock.time("kan", || {
        stages::series_laws(&record, &options.kan, progress)
    })?;
    let fitted = clock.time("pinn", || {
        stages::fit(&record, system, &report.modes, &options.fit, progress)
    })?;
    report.fit = fitted.fit;
    report.fit_origin = fitted.origin;
    report.fit_skipped = fitted.skipped;
    Ok(report)
}

#[cfg(test)]
mod tests;
