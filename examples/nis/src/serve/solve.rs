//! `POST /physics/solve`: a differential equation as text, solved within limits of time and size.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use nis_core::pinn::{Grid, Problem, ProblemSpec, SolveOptions, Summary, solve};
use nis_core::telemetry::{Cancel, Progress};
use nis_core::{Error, Result};
use serde::{Deserialize, Serialize};

use super::body;
use super::error::Failure;
use super::routes::{App, CancelOnDrop};

/// Seconds that a solver gets where the request does not say, and at most.
const SECONDS: f64 = 30.0;
const MOST_SECONDS: f64 = 120.0;

/// Seconds beyond those of the solver after which the work is stopped, whatever it does.
const PATIENCE: f64 = 15.0;

/// Values of a grid, and of all points, at most.
const MOST_VALUES: usize = 250_000;

/// The request.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    problem: ProblemSpec,
    #[serde(default)]
    options: SolveOptions,
    /// Points per coordinate of a grid of values; one number for all.
    #[serde(default)]
    grid: Option<Counts>,
    /// Points at which values are wanted.
    #[serde(default)]
    points: Vec<Vec<f64>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Counts {
    Same(usize),
    Each(Vec<usize>),
}

/// The answer: what is known of the solution, and the values asked for.
#[derive(Serialize)]
struct Answer {
    #[serde(flatten)]
    summary: Summary,
    #[serde(skip_serializing_if = "Option::is_none")]
    grid: Option<Grid>,
    /// A row of fields for each of the points asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    values: Option<Vec<Vec<f64>>>,
}

impl Request {
    /// Limits that the core does not know.
    fn checked(mut self) -> Result<(Problem, Self)> {
        let seconds = self.options.max_seconds.unwrap_or(SECONDS);
        if !(seconds > 0.0 && seconds <= MOST_SECONDS) {
            return Err(Error::invalid(
                "options.max_seconds",
                seconds,
                format!("above 0 and at most {MOST_SECONDS}"),
            ));
        }
        self.options.max_seconds = Some(seconds);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        self.options.threads = self.options.threads.clamp(1, cores);
        let problem = Problem::new(&self.problem)?;
        let d = problem.coordinates().len();
        let width = problem.fields().len().max(1);
        if let Some(grid) = &self.grid {
            let counts = grid.counts();
            let all = match counts {
                [one] => vec![*one; d],
                many => many.to_vec(),
            };
            let total = all.iter().try_fold(width, |a, n| a.checked_mul(*n));
            limited("values of the grid", total)?;
        }
        limited("values of the points", self.points.len().checked_mul(width))?;
        if let Some(k) = self.points.iter().position(|p| p.len() != d) {
            return Err(Error::invalid(
                format!("points[{k}]"),
                format!("{} numbers", self.points.get(k).map_or(0, Vec::len)),
                format!("{d}: {}", problem.coordinates().join(", ")),
            ));
        }
        Ok((problem, self))
    }
}

impl Counts {
    fn counts(&self) -> &[usize] {
        match self {
            Counts::Same(one) => std::slice::from_ref(one),
            Counts::Each(many) => many,
        }
    }
}

fn limited(what: &str, values: Option<usize>) -> Result<()> {
    match values {
        Some(n) if n <= MOST_VALUES => Ok(()),
        other => Err(Error::Limit {
            what: what.into(),
            limit: MOST_VALUES as u64,
            got: other.map_or(u64::MAX, |n| n as u64),
        }),
    }
}

pub(super) async fn answer(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> std::result::Result<Response, Failure> {
    let value = body::read_json(&headers, body).await?;
    let request: Request = body::read_as(&value)?;
    drop(value);
    let (problem, request) = request
        .checked()
        .map_err(|error| Failure::from_core(error, place))?;
    let permit = app.place().await?;
    let cancel = Cancel::new();
    let guard = CancelOnDrop(cancel.clone());
    let seconds = request.options.max_seconds.unwrap_or(SECONDS) + PATIENCE;
    let work = tokio::task::spawn_blocking(move || {
        // Held to the end of the work: a client that went away frees its place when its work stopped.
        let _permit = permit;
        find(&problem, &request, &Progress::none().with_cancel(&cancel))
    });
    let ended = tokio::time::timeout(Duration::from_secs_f64(seconds), work).await;
    drop(guard);
    let found = match ended {
        Ok(joined) => joined.map_err(|error| Failure::internal(error.to_string()))?,
        Err(_) => Err(Error::Timeout {
            what: "the solver".into(),
            after_ms: (seconds * 1e3) as u64,
        }),
    };
    let found = found.map_err(|error| Failure::from_core(error, place))?;
    Ok(Json(found).into_response())
}

fn find(problem: &Problem, request: &Request, progress: &Progress<'_>) -> Result<Answer> {
    let solution = solve(problem, &request.options, progress)?;
    let grid = match &request.grid {
        Some(counts) => Some(solution.on_grid(counts.counts())?),
        None => None,
    };
    let values = if request.points.is_empty() {
        None
    } else {
        let values = solution.evaluate(&request.points.concat())?;
        let rows = values.chunks_exact(solution.fields.len().max(1));
        Some(rows.map(<[f64]>::to_vec).collect())
    };
    Ok(Answer {
        summary: solution.summary(),
        grid,
        values,
    })
}

/// The path, inside the body, of a field that nis-core names.
fn place(field: &str) -> String {
    let first = field.split(['.', '[']).next().unwrap_or_default();
    match first {
        "equation" | "equations" | "condition" | "conditions" | "domain" | "parameters"
        | "data" | "fields" | "noise" => format!("problem.{field}"),
        "method" | "tolerance" | "seed" | "threads" | "max_seconds" | "features" | "network" => {
            format!("options.{field}")
        }
        "counts" => "grid".to_owned(),
        _ => field.to_owned(),
    }
}
