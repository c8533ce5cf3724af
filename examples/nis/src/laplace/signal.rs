//! A signal from a CSV file: one column, and the times from another or from a sampling rate.

use std::path::{Path, PathBuf};

use nis_core::Error;
use nis_core::pipeline::Dataset;

use crate::Stop;

/// Where the signal of a command comes from.
#[derive(clap::Args)]
pub(crate) struct Input {
    /// CSV file with a header line.
    file: PathBuf,
    /// Column of the signal; the last numeric column where not given.
    #[arg(long, value_name = "COL")]
    column: Option<String>,
    /// Column of the times; the first numeric column where neither this nor --rate is given.
    #[arg(long, value_name = "COL", conflicts_with = "rate")]
    time: Option<String>,
    /// Sampling rate in samples per time unit, for files without a time column.
    #[arg(long, value_name = "RATE")]
    rate: Option<f64>,
}

/// A column and its times.
pub(crate) struct Signal {
    /// Name of the column.
    pub(crate) name: String,
    /// The samples.
    pub(crate) values: Vec<f64>,
    /// Their times.
    pub(crate) times: Vec<f64>,
}

/// Reads a table; a file that cannot be read is input that does not fit, not a failure of ours.
pub(crate) fn table(path: &Path) -> Result<Dataset, Stop> {
    Dataset::from_csv_path(path).map_err(|error| match error {
        Error::Io { .. } => Stop::BadInput(error.to_string()),
        other => other.into(),
    })
}

/// A column by name.
pub(crate) fn column<'a>(data: &'a Dataset, name: &str) -> Result<&'a [f64], Stop> {
    data.columns
        .iter()
        .find(|c| c.name == name)
        .map(|c| c.values.as_slice())
        .ok_or_else(|| {
            let names: Vec<&str> = data.columns.iter().map(|c| c.name.as_str()).collect();
            Stop::BadInput(format!(
                "column not found: {name} (numeric columns: {})",
                names.join(", ")
            ))
        })
}

impl Input {
    /// Reads the file.
    pub(crate) fn read(&self) -> Result<Signal, Stop> {
        let data = table(&self.file)?;
        let last = data.columns.last().map(|c| c.name.clone());
        let name =
            self.column.clone().or(last).ok_or_else(|| {
                Stop::BadInput(format!("{}: no numeric column", self.file.display()))
            })?;
        let values = column(&data, &name)?.to_vec();
        let times = match (self.rate, &self.time) {
            (Some(rate), _) => {
                if !(rate > 0.0 && rate.is_finite()) {
                    return Err(Stop::BadInput(format!(
                        "--rate: got {rate}, expected a positive number"
                    )));
                }
                (0..values.len()).map(|i| i as f64 / rate).collect()
            }
            (None, Some(time)) => column(&data, time)?.to_vec(),
            (None, None) => match data.columns.first() {
                Some(first) if first.name != name => first.values.clone(),
                _ => {
                    return Err(Stop::BadInput(format!(
                        "{}: no time column beside {name}; give --time or --rate",
                        self.file.display()
                    )));
                }
            },
        };
        Ok(Signal {
            name,
            values,
            times,
        })
    }
}

impl Signal {
    /// First time and sampling interval of evenly spaced times.
    pub(crate) fn uniform(&self) -> Result<(f64, f64), Stop> {
        let n = self.times.len();
        let (first, last) = match (self.times.first(), self.times.last()) {
            (Some(first), Some(last)) if n > 1 => (*first, *last),
            _ => return Err(Stop::BadInput(format!("{n} samples, expected at least 2"))),
        };
        let dt = (last - first) / (n - 1) as f64;
        for (i, pair) in self.times.windows(2).enumerate() {
            let step = pair[1] - pair[0];
            let off = (step - dt).abs();
            if off.is_nan() || off > 1e-3 * dt {
                return Err(Stop::BadInput(format!(
                    "times: a step of {step} after sample {}, expected {dt} throughout",
                    i + 1
                )));
            }
        }
        Ok((first, dt))
    }
}
