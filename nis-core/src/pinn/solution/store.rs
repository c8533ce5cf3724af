//! Solutions as JSON text, read with care.

use serde::Deserialize;

use super::super::Parameter;
use super::super::problem::ProblemSpec;
use super::{Certificate, Representation, Solution};
use crate::error::{Error, Result};

/// Layout of the files written now.
pub(super) const FORMAT: u32 = 1;

/// Longest text that is read, in bytes; what it becomes takes less than four times as much memory.
const MAX_TEXT: usize = 256 << 20;

/// What a file holds, before it is checked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stored {
    format: u32,
    problem: ProblemSpec,
    coordinates: Vec<String>,
    ranges: Vec<[f64; 2]>,
    fields: Vec<String>,
    parameters: Vec<Parameter>,
    method: String,
    iterations: usize,
    converged: bool,
    notes: Vec<String>,
    certificate: Certificate,
    seed: u64,
    seconds: f64,
    version: String,
    representation: Representation,
}

impl TryFrom<Stored> for Solution {
    type Error = Error;

    fn try_from(stored: Stored) -> Result<Self> {
        if stored.format != FORMAT {
            return Err(Error::invalid(
                "format",
                stored.format,
                format!(
                    "{FORMAT} (the solution was written by version {})",
                    stored.version
                ),
            ));
        }
        let problem = stored.problem.read()?;
        let same = |own: Vec<&str>, read: &[String]| own.iter().eq(read.iter());
        if !same(problem.coordinates(), &stored.coordinates)
            || !same(problem.fields(), &stored.fields)
            || problem
                .coordinates
                .iter()
                .map(|c| c.range)
                .ne(stored.ranges.iter().copied())
        {
            return Err(Error::invalid(
                "coordinates and fields",
                format!(
                    "{} {}",
                    stored.coordinates.join(", "),
                    stored.fields.join(", ")
                ),
                "those of the problem",
            ));
        }
        stored
            .representation
            .check(stored.fields.len(), stored.coordinates.len())?;
        Ok(Solution {
            format: FORMAT,
            problem: stored.problem,
            coordinates: stored.coordinates,
            ranges: stored.ranges,
            fields: stored.fields,
            parameters: stored.parameters,
            method: stored.method,
            iterations: stored.iterations,
            converged: stored.converged,
            notes: stored.notes,
            certificate: stored.certificate,
            seed: stored.seed,
            seconds: stored.seconds,
            version: stored.version,
            representation: stored.representation,
            domain: problem.domain,
        })
    }
}

impl Solution {
    /// The whole solution as JSON text.
    ///
    /// # Errors
    /// [`Error::Internal`] where a number is not finite, which no solver gives.
    pub fn to_json(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|e| Error::Internal {
            message: format!("a solution cannot be written: {e}"),
        })
    }

    /// Reads what [`Solution::to_json`] wrote. The problem's text is read anew, and every size is checked, so that
    /// a file from anywhere gives a solution or an error. Texts up to 256 MiB are read; memory stays below four
    /// times the text.
    ///
    /// # Errors
    /// [`Error::Parse`] for text that is no JSON of a solution; [`Error::InvalidInput`] for another layout or parts
    /// that do not fit together; [`Error::Limit`] for a text that is too long; as [`super::super::Problem::new`]
    /// for the problem.
    pub fn from_json(text: &str) -> Result<Self> {
        if text.len() > MAX_TEXT {
            return Err(Error::Limit {
                what: "bytes of a stored solution".into(),
                limit: MAX_TEXT as u64,
                got: text.len() as u64,
            });
        }
        let stored: Stored = serde_json::from_str(text).map_err(|e| {
            Error::parse(
                format!("solution, line {}", e.line()),
                e.column(),
                &*message(&e),
            )
        })?;
        stored.try_into()
    }
}

/// The message without the place, which stands beside it.
fn message(e: &serde_json::Error) -> String {
    let text = e.to_string();
    match text.rsplit_once(" at line ") {
        Some((message, _)) => message.to_string(),
        None => text,
    }
}
