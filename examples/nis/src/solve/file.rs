//! Problem files: TOML or JSON, with measured values inside or in a CSV file beside them.

use std::fmt::Display;
use std::path::Path;

use nis_core::Error;
use nis_core::pinn::{Observations, Problem, ProblemSpec, Scatter, SolveOptions};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::Stop;
use crate::laplace::table;

/// What a file holds.
pub(super) struct Read {
    pub(super) problem: Problem,
    pub(super) options: SolveOptions,
}

/// Measured values in another file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Columns {
    /// A CSV file with a header, by its path from the problem's file.
    file: String,
    /// Known standard deviation of the measured values.
    noise: Option<Scatter>,
}

/// Reads and checks a problem; what does not fit is told with the file's name and the place in it.
pub(super) fn read(path: &Path) -> Result<Read, Stop> {
    let bad = |what: &dyn Display| Stop::BadInput(format!("{}: {what}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| bad(&error))?;
    let json = path.extension().is_some_and(|end| end == "json");
    let value = if json {
        serde_json::from_str(&text).map_err(|error| bad(&error))
    } else {
        from_toml(&text).map_err(|error| bad(&error))
    }?;
    let Value::Object(mut object) = value else {
        return Err(bad(
            &"expected a table with equations, domain and conditions",
        ));
    };
    let options = match object.remove("options") {
        Some(options) => part("options", options).map_err(|error| bad(&error))?,
        None => SolveOptions::default(),
    };
    let beside = object.get("data").is_some_and(|d| d.get("file").is_some());
    let columns = match object.remove("data").filter(|_| beside) {
        Some(data) => Some(part::<Columns>("data", data).map_err(|error| bad(&error))?),
        None => None,
    };
    let mut spec: ProblemSpec = part("", Value::Object(object)).map_err(|error| bad(&error))?;
    if let Some(columns) = columns {
        let file = path.with_file_name(&columns.file);
        let data = table(&file)?;
        let named = data.columns.into_iter().map(|c| (c.name, c.values));
        let found =
            Observations::from_columns(&spec.domain, named.collect(), columns.noise.as_ref());
        spec.data = Some(found.map_err(|error| bad(&error))?);
    }
    let problem = Problem::new(&spec).map_err(|error| match error {
        Error::Unavailable { .. } => Stop::Failed(format!("{}: {error}", path.display())),
        error => bad(&error),
    })?;
    Ok(Read { problem, options })
}

/// TOML as JSON knows it; the error tells the line and the column, in characters.
fn from_toml(text: &str) -> Result<Value, String> {
    let table: toml::Table = toml::from_str(text).map_err(|error| {
        let message = error.message().trim();
        let Some(span) = error.span() else {
            return message.to_owned();
        };
        let before = text.get(..span.start).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        format!("line {line}, column {column}: {message}")
    })?;
    serde_json::to_value(table).map_err(|error| error.to_string())
}

/// A part of the file; the error tells the path to what does not fit.
fn part<T: DeserializeOwned>(name: &str, value: Value) -> Result<T, String> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let inside = error.path().to_string();
        let place = match (name, inside.as_str()) {
            (name, "." | "?") => name.to_owned(),
            ("", inside) => inside.to_owned(),
            (name, inside) => format!("{name}.{inside}"),
        };
        let message = error.into_inner();
        match place.as_str() {
            "" => message.to_string(),
            place => format!("{place}: {message}"),
        }
    })
}
