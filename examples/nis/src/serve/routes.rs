//! The routes: each converts, calls nis-core and converts back.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::extract::{FromRequestParts, MatchedPath, Request, State, WebSocketUpgrade};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Json, Router};
use futures::FutureExt;
use nis_core::runtime::{ChatReply, Nis};
use nis_core::telemetry::{Cancel, Progress};
use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::body::{self, Chat};
use super::error::{Failure, ForLog};
use super::{openai, physics, solve, ws};

/// Every route, for the index and for the test that compares it with the OpenAPI document.
const ROUTES: &[(&str, &str, &str)] = &[
    ("GET", "/", "this list"),
    ("GET", "/health", "what this server can do now"),
    ("POST", "/chat", "one question to the agents"),
    (
        "POST",
        "/chat/optimized",
        "one question, one upstream call, no tools",
    ),
    (
        "POST",
        "/analyze",
        "the scientific path on columns of numbers",
    ),
    (
        "POST",
        "/physics/solve",
        "a differential equation as text, solved or fitted to data",
    ),
    (
        "POST",
        "/physics/validate",
        "laws of physics that data are claimed to obey",
    ),
    ("GET", "/ws", "chat over a WebSocket"),
    (
        "POST",
        "/v1/chat/completions",
        "chat as OpenAI's clients ask for it",
    ),
    ("GET", "/v1/models", "the models that those paths know"),
    (
        "POST",
        "/v1/embeddings",
        "texts as vectors, where a provider makes them",
    ),
    ("GET", "/metrics", "counters in Prometheus text format"),
    ("GET", "/openapi.json", "the description of these routes"),
];

const OPENAPI: &str = include_str!("openapi.json");

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What the routes share.
pub(crate) struct App {
    pub(crate) nis: Nis,
    /// Turns true when the server is to stop.
    pub(crate) stopping: watch::Receiver<bool>,
    /// How many WebSockets are open.
    pub(crate) sockets: watch::Sender<usize>,
    /// Analyses that may run at once; the rest wait.
    analyses: Arc<Semaphore>,
    /// How many those are.
    places: usize,
    /// Answers given, by route and status.
    answered: Mutex<BTreeMap<(String, u16), u64>>,
}

impl App {
    pub(crate) fn new(nis: Nis, stopping: watch::Receiver<bool>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        App {
            nis,
            stopping,
            sockets: watch::Sender::new(0),
            analyses: Arc::new(Semaphore::new(cores)),
            places: cores,
            answered: Mutex::default(),
        }
    }

    /// A place for long work; held until it is dropped.
    pub(super) async fn place(&self) -> Result<OwnedSemaphorePermit, Failure> {
        let free = self.analyses.clone().acquire_owned().await;
        free.map_err(|error| Failure::internal(error.to_string()))
    }
}

pub(crate) fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/", get(index))
        .route("/health", get(health))
        .route("/chat", post(chat))
        .route("/chat/optimized", post(chat_optimized))
        .route("/analyze", post(analyze))
        .route("/physics/solve", post(solve::answer))
        .route("/physics/validate", post(physics::validate))
        .route("/ws", any(socket))
        .route("/v1/chat/completions", post(openai::chat))
        .route("/v1/models", get(openai::models))
        .route("/v1/embeddings", post(openai::embeddings))
        .route("/metrics", get(metrics))
        .route("/openapi.json", get(openapi))
        .fallback(not_found)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn_with_state(app.clone(), frame))
        .with_state(app)
}

/// Around every request: the request id, the check of its origin, the panic barrier, counters, the log.
async fn frame(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let id = request
        .headers()
        .get(&REQUEST_ID)
        .filter(|value| is_sane(value))
        .cloned()
        .unwrap_or_else(new_id);
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("unmatched", |path| path.as_str())
        .to_owned();
    let answer = if comes_from_elsewhere(request.headers()) {
        Failure::new(
            StatusCode::FORBIDDEN,
            "forbidden",
            "pages of other hosts may not use this server",
        )
        .into_response()
    } else {
        std::panic::AssertUnwindSafe(next.run(request))
            .catch_unwind()
            .await
            .unwrap_or_else(|_| Failure::internal("a panic was caught").into_response())
    };
    let mut answer = answer;
    if let Some(ForLog(text)) = answer.extensions().get() {
        crate::complain(&format!(
            "{} {method} {route}: {text}",
            id.to_str().unwrap_or_default()
        ));
    }
    if let Ok(mut answered) = app.answered.lock() {
        let key = (format!("{method} {route}"), answer.status().as_u16());
        // Methods are the client's text: a flood of invented ones must not fill the memory.
        if answered.len() < 1000 || answered.contains_key(&key) {
            *answered.entry(key).or_default() += 1;
        }
    }
    answer.headers_mut().insert(REQUEST_ID, id);
    answer
}

/// Whether an id of the client is fit to be repeated and logged.
fn is_sane(value: &HeaderValue) -> bool {
    value.to_str().is_ok_and(|id| {
        (1..=64).contains(&id.len())
            && id
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
    })
}

/// 16 hexadecimal digits, different for each request of this process and, but for chance, between
/// processes. Not secret.
fn new_id() -> HeaderValue {
    use std::hash::{BuildHasher, RandomState};
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};
    static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let digits = format!(
        "{:016x}",
        KEY.hash_one(NEXT.fetch_add(1, Ordering::Relaxed))
    );
    HeaderValue::from_str(&digits).unwrap_or(HeaderValue::from_static("none"))
}

/// Whether a web page of another host sent this: the server has no login, so any page that the user
/// visits could otherwise use it from the user's browser. Pages served from this machine may.
fn comes_from_elsewhere(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return false;
    };
    let Some((_, authority)) = origin.to_str().ok().and_then(|text| text.split_once("://")) else {
        return true;
    };
    let same = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .is_some_and(|host| host.eq_ignore_ascii_case(authority));
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    };
    !same && !matches!(host, "localhost" | "127.0.0.1" | "[::1]")
}

async fn index() -> Json<Value> {
    let routes: Vec<Value> = ROUTES
        .iter()
        .map(|(method, path, what)| json!({ "method": method, "path": path, "what": what }))
        .collect();
    Json(json!({ "name": "nis", "version": nis_core::VERSION, "routes": routes }))
}

async fn health(State(app): State<Arc<App>>) -> Response {
    Json(app.nis.health()).into_response()
}

async fn openapi() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], OPENAPI)
}

async fn not_found() -> Failure {
    Failure::new(StatusCode::NOT_FOUND, "not_found", "there is no such path")
}

async fn wrong_method() -> Failure {
    Failure::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "this path does not answer that method; the Allow header names those it answers",
    )
}

async fn chat(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<ChatReply>, Failure> {
    let value = body::read_json(&headers, body).await?;
    answer(&app.nis, &value, Chat::HTTP, Depth::Agents)
        .await
        .map(Json)
}

async fn chat_optimized(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<ChatReply>, Failure> {
    let value = body::read_json(&headers, body).await?;
    answer(&app.nis, &value, Chat::HTTP, Depth::OneCall)
        .await
        .map(Json)
}

/// How a question is answered.
#[derive(Clone, Copy)]
pub(crate) enum Depth {
    /// By the agents and their tools.
    Agents,
    /// By one upstream call.
    OneCall,
}

/// Reads a chat request, asks, and turns the error, where there is one, to the client's field names.
pub(crate) async fn answer(
    nis: &Nis,
    value: &Value,
    names: &[&'static str],
    depth: Depth,
) -> Result<ChatReply, Failure> {
    let Chat {
        request,
        message_field,
    } = Chat::read(value, names)?;
    let reply = match depth {
        Depth::Agents => nis.chat(request).await,
        Depth::OneCall => nis.chat_single(request).await,
    };
    reply.map_err(|error| {
        Failure::from_core(error, |field| {
            if field == "message" {
                message_field.to_owned()
            } else {
                field.to_owned()
            }
        })
    })
}

/// Sets the flag when the request's future is dropped, which happens when the client goes away.
pub(super) struct CancelOnDrop(pub(super) Cancel);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

async fn analyze(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let value = body::read_json(&headers, body).await?;
    let (data, options) = body::read_analysis(&value)?;
    drop(value);
    let permit = app.place().await?;
    let nis = app.nis.clone();
    let cancel = Cancel::new();
    let guard = CancelOnDrop(cancel.clone());
    let report = tokio::task::spawn_blocking(move || {
        // Held to the end of the work: a client that went away frees its place when its work stopped.
        let _permit = permit;
        nis.analyze(&data, &options, &Progress::none().with_cancel(&cancel))
    })
    .await
    .map_err(|error| Failure::internal(error.to_string()))?;
    drop(guard);
    let report = report.map_err(|error| Failure::from_core(error, place_of_option))?;
    Ok(Json(report).into_response())
}

/// The path, inside the body, of a field that nis-core names.
fn place_of_option(field: &str) -> String {
    let first = field.split(['.', '[']).next().unwrap_or_default();
    match first {
        "time" | "law" | "target" | "equation" | "modes" | "kan" | "fit" => {
            format!("options.{field}")
        }
        _ => field.to_owned(),
    }
}

async fn socket(State(app): State<Arc<App>>, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        Ok(upgrade) => ws::accept(app, upgrade),
        Err(rejection) if rejection.status() == StatusCode::METHOD_NOT_ALLOWED => {
            wrong_method().await.into_response()
        }
        Err(_) => {
            let failure = Failure::new(
                StatusCode::UPGRADE_REQUIRED,
                "upgrade_required",
                "this path speaks WebSocket: send an upgrade request, version 13",
            );
            let upgrade = [(header::UPGRADE, HeaderValue::from_static("websocket"))];
            (upgrade, failure).into_response()
        }
    }
}

async fn metrics(State(app): State<Arc<App>>) -> impl IntoResponse {
    let mut text = app.nis.metrics();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str("# HELP nis_http_requests_total Requests answered, by route and status.\n");
    text.push_str("# TYPE nis_http_requests_total counter\n");
    if let Ok(answered) = app.answered.lock() {
        for ((route, status), count) in answered.iter() {
            // Routes and methods hold no quote, backslash or line end: HTTP allows none there.
            text.push_str(&format!(
                "nis_http_requests_total{{route=\"{route}\",status=\"{status}\"}} {count}\n"
            ));
        }
    }
    let running = app.places.saturating_sub(app.analyses.available_permits());
    text.push_str("# HELP nis_http_analyses Analyses that run.\n");
    text.push_str("# TYPE nis_http_analyses gauge\n");
    text.push_str(&format!("nis_http_analyses {running}\n"));
    text.push_str("# HELP nis_http_websockets WebSockets that are open.\n");
    text.push_str("# TYPE nis_http_websockets gauge\n");
    text.push_str(&format!("nis_http_websockets {}\n", *app.sockets.borrow()));
    (
        [(
            header::CONTENT_TYPE,
            "text/plain; version=0.0.4; charset=utf-8",
        )],
        text,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_routes_is_the_router() {
        let source = include_str!("routes.rs");
        let mut built: Vec<&str> = source
            .lines()
            .filter_map(|line| line.trim().strip_prefix(".route(\"")?.split('"').next())
            .collect();
        let mut listed: Vec<&str> = ROUTES.iter().map(|(_, path, _)| *path).collect();
        built.sort_unstable();
        listed.sort_unstable();
        assert_eq!(built, listed);
    }

    #[test]
    fn ids_are_repeated_only_where_sane() {
        for good in ["a", "7f-A_b.c", &"x".repeat(64)] {
            assert!(is_sane(&HeaderValue::from_str(good).unwrap()), "{good}");
        }
        for bad in ["", "a b", "a\"b", "<x>", &"x".repeat(65)] {
            assert!(!is_sane(&HeaderValue::from_str(bad).unwrap()), "{bad}");
        }
        assert_ne!(new_id(), new_id());
    }

    #[test]
    fn only_pages_of_this_machine_may_call() {
        let from = |origin: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_static("nis.example:8000"));
            headers.insert(header::ORIGIN, HeaderValue::from_str(origin).unwrap());
            comes_from_elsewhere(&headers)
        };
        for fine in [
            "http://nis.example:8000",
            "http://localhost:3000",
            "http://127.0.0.1",
            "http://[::1]:5173",
        ] {
            assert!(!from(fine), "{fine}");
        }
        for foreign in [
            "https://evil.example",
            "http://localhost.evil.example",
            "http://nis.example:8001",
            "null",
            "",
        ] {
            assert!(from(foreign), "{foreign}");
        }
        assert!(!comes_from_elsewhere(&HeaderMap::new()));
    }
}
