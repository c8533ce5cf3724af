//! `nis validate`: laws of physics that data are claimed to obey.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use nis_core::physics::{
    Claim, EquationClaim, Given, Kind, Status, Validation, ValidationSpec, validate,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::laplace::table;
use crate::work::{long_work, stop_on_ctrl_c};
use crate::{Stop, print};

/// What `nis validate` accepts.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A request (TOML or JSON: numbers, columns, grid, claims, checks), or a CSV file of columns.
    file: PathBuf,
    /// A claim: an equation such as "x'' = -4*x", or a JSON object with a law; may be given several times.
    #[arg(long = "claim", value_name = "CLAIM")]
    claims: Vec<String>,
    /// A number by name, such as "m=5 kg"; may be given several times.
    #[arg(long = "number", value_name = "NAME=VALUE")]
    numbers: Vec<String>,
    /// The unit of a column, such as "x=cm"; may be given several times.
    #[arg(long = "unit", value_name = "COLUMN=UNIT")]
    units: Vec<String>,
    /// Column of times; t where there is one.
    #[arg(long, value_name = "COLUMN")]
    time: Option<String>,
    /// A kind of check that is wanted, such as energy; may be given several times; all that apply where not given.
    #[arg(long = "check", value_name = "KIND")]
    checks: Vec<String>,
    /// Print the verdicts as JSON.
    #[arg(long)]
    json: bool,
    /// Show no progress.
    #[arg(long, short)]
    quiet: bool,
}

/// Reads a value of a form; what does not fit is told with its place.
fn read_as<T: DeserializeOwned>(place: &dyn Display, value: Value) -> Result<T, Stop> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let inside = error.path().to_string();
        let at = match inside.as_str() {
            "." | "?" => String::new(),
            inside => format!("{inside}: "),
        };
        Stop::BadInput(format!("{place}: {at}{}", error.inner()))
    })
}

/// The request of a file: a whole one, or the columns of a table.
fn read(path: &Path) -> Result<ValidationSpec, Stop> {
    let bad = |what: &dyn Display| Stop::BadInput(format!("{}: {what}", path.display()));
    let ends = |end: &str| {
        path.extension()
            .is_some_and(|e| e.eq_ignore_ascii_case(end))
    };
    if !ends("json") && !ends("toml") {
        let mut spec = ValidationSpec::default();
        for column in table(path)?.columns {
            spec.put(&column.name, column.values);
        }
        return Ok(spec);
    }
    let text = std::fs::read_to_string(path).map_err(|error| bad(&error))?;
    let value: Value = if ends("json") {
        serde_json::from_str(&text).map_err(|error| bad(&error))?
    } else {
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| bad(&error))?;
        serde_json::to_value(table).map_err(|error| bad(&error))?
    };
    if !value.is_object() {
        return Err(bad(&"expected a table with claims"));
    }
    read_as(&path.display(), value)
}

/// The two sides of `NAME=VALUE`.
fn pair<'a>(option: &str, text: &'a str) -> Result<(&'a str, &'a str), Stop> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => Ok((name.trim(), value.trim())),
        _ => Err(Stop::BadInput(format!(
            "{option}: got {text}, expected NAME=VALUE"
        ))),
    }
}

fn spec(args: &Args) -> Result<ValidationSpec, Stop> {
    let mut spec = read(&args.file)?;
    for text in &args.claims {
        let claim = if text.trim_start().starts_with('{') {
            let value = serde_json::from_str(text)
                .map_err(|error| Stop::BadInput(format!("--claim: {error}")))?;
            read_as::<Claim>(&"--claim", value)?
        } else {
            Claim::Equation(EquationClaim {
                text: text.clone(),
                tolerance: None,
            })
        };
        spec.claims.push(claim);
    }
    for text in &args.numbers {
        let (name, value) = pair("--number", text)?;
        spec.numbers.insert(name.into(), Given::Text(value.into()));
    }
    for text in &args.units {
        let (name, unit) = pair("--unit", text)?;
        match spec.columns.get_mut(name) {
            Some(column) => column.unit = Some(unit.into()),
            None => {
                return Err(Stop::BadInput(format!(
                    "--unit: got {name}, expected a column of {}",
                    args.file.display()
                )));
            }
        }
    }
    if args.time.is_some() {
        spec.time.clone_from(&args.time);
    }
    for kind in &args.checks {
        spec.checks
            .push(read_as::<Kind>(&"--check", kind.as_str().into())?);
    }
    Ok(spec)
}

pub(crate) fn run(args: &Args) -> Result<(), Stop> {
    let spec = spec(args)?;
    let cancel = stop_on_ctrl_c()?;
    let found = long_work(&cancel, args.quiet, |progress| validate(&spec, progress))?;
    if args.json {
        return print(
            &serde_json::to_string_pretty(&found)
                .map_err(|e| Stop::Failed(format!("the verdicts as JSON: {e}")))?,
        );
    }
    print(&text(&found))
}

fn name(status: Status) -> &'static str {
    match status {
        Status::Valid => "valid",
        Status::Violated => "VIOLATED",
        Status::NotChecked => "not checked",
    }
}

fn text(found: &Validation) -> String {
    let mut out = String::new();
    for verdict in &found.verdicts {
        out.push_str(&format!("{:<12} {}\n", name(verdict.status), verdict.check));
        if let (Some((what, value)), Some(threshold)) = (&verdict.statistic, verdict.threshold)
            && verdict.status != Status::NotChecked
        {
            out.push_str(&format!(
                "{:13}{what}: {value:.4e}, at most {threshold:.4e}\n",
                ""
            ));
        }
        if let Some(effect) = &verdict.effect {
            out.push_str(&format!("{:13}{effect}\n", ""));
        }
        out.push_str(&format!("{:13}{}\n", "", verdict.explanation));
    }
    out.push_str(&format!("overall: {}\n", name(found.overall)));
    out
}
