//! `nis kan predict`: the rows of a CSV file through a saved network.

use std::path::PathBuf;

use nis_core::kan::Task;
use nis_core::telemetry::Cancel;

use super::load;
use super::table::rows;
use crate::laplace::table;
use crate::work::write_whole;
use crate::{Stop, print};

/// What `nis kan predict` accepts.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Saved network, JSON or safetensors.
    model: PathBuf,
    /// CSV file with a header line that has the network's inputs among its columns.
    file: PathBuf,
    /// Probabilities of the classes in place of the likeliest class.
    #[arg(long)]
    proba: bool,
    /// File to write the CSV to; the terminal where not given.
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print an object with a list per output in place of CSV.
    #[arg(long, conflicts_with = "out")]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<(), Stop> {
    let model = load(&args.model)?;
    let data = table(&args.file)?;
    let names: Vec<String> = model.inputs().iter().map(|c| c.name.clone()).collect();
    let x = rows(&data, &names)?;
    let (names, values): (Vec<String>, Vec<Vec<String>>) = match (model.task(), args.proba) {
        (Task::Classification { classes }, false) => {
            let found = model.predict(&x)?;
            let texts = found
                .iter()
                .map(|c| classes.get(*c as usize).cloned().unwrap_or_default());
            (vec!["class".into()], vec![texts.collect()])
        }
        (Task::Classification { .. }, true) => {
            let found = model.predict_proba(&x)?;
            by_column(&model, &found)
        }
        (Task::Regression, _) => {
            if args.proba {
                return Err(Stop::BadInput(
                    "--proba: got a regression, expected a classification".into(),
                ));
            }
            by_column(&model, &model.predict(&x)?)
        }
    };
    if args.json {
        let mut object = serde_json::Map::new();
        for (name, column) in names.iter().zip(&values) {
            let column = column
                .iter()
                .map(|text| match text.parse::<f64>() {
                    Ok(v) => serde_json::json!(v),
                    Err(_) => serde_json::json!(text),
                })
                .collect();
            object.insert(name.clone(), serde_json::Value::Array(column));
        }
        return print(&serde_json::Value::Object(object).to_string());
    }
    let mut csv: String = names
        .iter()
        .map(|n| quoted(n))
        .collect::<Vec<_>>()
        .join(",");
    csv.push('\n');
    let count = values.first().map_or(0, Vec::len);
    for row in 0..count {
        let cells: Vec<String> = values
            .iter()
            .filter_map(|c| c.get(row))
            .map(|c| quoted(c))
            .collect();
        csv.push_str(&cells.join(","));
        csv.push('\n');
    }
    match &args.out {
        Some(path) => write_whole("--out", path, &csv, &Cancel::new()),
        None => print(&csv),
    }
}

fn by_column(model: &nis_core::kan::Model, found: &[f64]) -> (Vec<String>, Vec<Vec<String>>) {
    let width = model.outputs().len();
    let names = model.outputs().iter().map(|c| c.name.clone()).collect();
    let values = (0..width)
        .map(|c| {
            let column = found.iter().skip(c).step_by(width);
            column.map(ToString::to_string).collect()
        })
        .collect();
    (names, values)
}

/// A cell of RFC 4180.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r', ';', '\t', '#']) {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text.to_owned()
}
