//! `POST /physics/validate`: laws of physics that data are claimed to obey.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use nis_core::physics::{self, ValidationSpec};
use nis_core::telemetry::{Cancel, Progress};

use super::body;
use super::error::Failure;
use super::routes::{App, CancelOnDrop};

pub(super) async fn validate(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let value = body::read_json(&headers, body).await?;
    let spec: ValidationSpec = body::read_as(&value)?;
    drop(value);
    let permit = app.place().await?;
    let cancel = Cancel::new();
    let guard = CancelOnDrop(cancel.clone());
    let found = tokio::task::spawn_blocking(move || {
        // Held to the end of the work: a client that went away frees its place when its work stopped.
        let _permit = permit;
        physics::validate(&spec, &Progress::none().with_cancel(&cancel))
    })
    .await
    .map_err(|error| Failure::internal(error.to_string()))?;
    drop(guard);
    let found = found.map_err(|error| Failure::from_core(error, str::to_owned))?;
    Ok(Json(found).into_response())
}
