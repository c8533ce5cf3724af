//! A provider behind an HTTP address: moves the bytes of a [`Wire`].

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Client, Response};

use super::clock::{Clock, SystemClock};
use super::endpoint::Endpoint;
use super::failure::{Failure, Retry, shorten};
use super::message::{Completion, Event, Request};
use super::secret::Secret;
use super::token::TokenSource;
use super::wire::chat::{Chat, Dialect};
use super::wire::{Auth, Call, Framing, Stop, Wire, fold};
use super::{Each, Pending, Provider};
use crate::error::{Error, Result};

/// Longest reply, in bytes, counted while it arrives.
pub const MAX_REPLY_BYTES: u64 = 32 << 20;

/// Most further tries after a failed one.
pub const MAX_RETRIES: u32 = 2;

/// Longest error page that is read, in bytes.
const MAX_ERROR_BYTES: u64 = 64 << 10;

/// Deadlines and limits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HttpOptions {
    /// For the whole call, retries included.
    pub timeout: Duration,
    /// For making a connection.
    pub connect_timeout: Duration,
    /// Longest reply, in bytes.
    pub max_reply_bytes: u64,
    /// Most further tries after a failed one, up to [`MAX_RETRIES`].
    pub max_retries: u32,
    /// First wait between tries where the provider names none; doubled each time, 8 s at most, shortened
    /// by up to a quarter so that clients do not come back in step.
    pub backoff: Duration,
}

impl Default for HttpOptions {
    fn default() -> Self {
        HttpOptions {
            timeout: Duration::from_secs(120),
            connect_timeout: Duration::from_secs(5),
            max_reply_bytes: MAX_REPLY_BYTES,
            max_retries: MAX_RETRIES,
            backoff: Duration::from_millis(500),
        }
    }
}

/// What proves who calls.
#[derive(Debug)]
enum Credential {
    Nothing,
    Key(Secret),
    Tokens(Box<TokenSource>),
}

/// A server that speaks a [`Wire`].
#[derive(Debug)]
pub struct HttpProvider {
    name: String,
    model: String,
    endpoint: Endpoint,
    credential: Credential,
    options: HttpOptions,
    wire: Arc<dyn Wire>,
    clock: Arc<dyn Clock>,
    client: OnceLock<Client>,
}

impl HttpProvider {
    /// A provider that speaks chat completions, in OpenAI's dialect where the address is OpenAI's; no connection is
    /// made before the first call.
    pub fn new(
        name: impl Into<String>,
        model: impl Into<String>,
        endpoint: Endpoint,
        key: Option<Secret>,
        options: HttpOptions,
    ) -> Self {
        let dialect = match endpoint.host() {
            "api.openai.com" => Dialect::OPENAI,
            _ => Dialect::COMPATIBLE,
        };
        HttpProvider {
            name: name.into(),
            model: model.into(),
            endpoint,
            credential: key.map_or(Credential::Nothing, Credential::Key),
            options,
            wire: Arc::new(Chat(dialect)),
            clock: Arc::new(SystemClock),
            client: OnceLock::new(),
        }
    }

    /// Speaks another wire.
    #[must_use]
    pub fn with_wire(mut self, wire: Arc<dyn Wire>) -> Self {
        self.wire = wire;
        self
    }

    /// Takes time and chance from elsewhere.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Proves who calls by the tokens of a service account.
    #[must_use]
    pub fn with_tokens(mut self, tokens: TokenSource) -> Self {
        self.credential = Credential::Tokens(Box::new(tokens));
        self
    }

    /// The HTTP client, built at the first call: loading the system's certificates takes milliseconds.
    fn client(&self) -> Result<&Client> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        // A host that installed its own provider before keeps it; the error says only that.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder()
            .user_agent(concat!("nis/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(self.options.connect_timeout);
        if self.endpoint.is_loopback() {
            // This machine is not reached through a proxy, and plain http needs no certificates.
            builder = builder.no_proxy();
            if self.endpoint.join("").scheme() == "http" {
                builder = builder.tls_certs_only([]);
            }
        }
        let client = builder
            .build()
            .map_err(|e| self.error(None, false, &format!("no HTTP client: {}", chain(e))))?;
        Ok(self.client.get_or_init(|| client))
    }

    fn error(&self, status: Option<u16>, retryable: bool, message: &str) -> Error {
        let message = match &self.credential {
            Credential::Key(key) => key.scrub(message),
            _ => message.to_owned(),
        };
        Error::Provider {
            provider: self.name.clone(),
            status,
            retryable,
            message,
        }
    }

    /// The header that proves who calls.
    async fn proof(&self, client: &Client) -> Result<Option<(&'static str, HeaderValue)>, Attempt> {
        let (auth, secret) = match &self.credential {
            Credential::Nothing => return Ok(None),
            Credential::Key(key) => (self.wire.auth(), key.clone()),
            Credential::Tokens(tokens) => {
                let token = tokens.token(client).await.map_err(Attempt::Ended)?;
                (Auth::BEARER, token)
            }
        };
        let mut value = HeaderValue::from_str(&format!("{}{}", auth.prefix, secret.expose()))
            .map_err(|_| Attempt::Failed(plain(Retry::No, "the key cannot stand in a header")))?;
        value.set_sensitive(true);
        Ok(Some((auth.header, value)))
    }

    async fn try_once(&self, client: &Client, what: &Outgoing<'_>) -> Result<Completion, Attempt> {
        let mut call = client
            .post(self.endpoint.join(&what.call.path))
            .header(CONTENT_TYPE, "application/json")
            .body(what.body.clone());
        for (name, value) in &what.call.headers {
            call = call.header(*name, value);
        }
        if let Some((name, value)) = self.proof(client).await? {
            call = call.header(name, value);
        }
        let mut reply = call.send().await.map_err(|e| {
            // Nothing of a reply came, so asking again is safe.
            Attempt::Failed(plain(Retry::Backoff, &format!("no reply: {}", chain(e))))
        })?;
        let status = reply.status();
        if status.is_redirection() {
            return Err(Attempt::Failed(Failure {
                status: Some(status.as_u16()),
                retry: Retry::No,
                message: format!(
                    "HTTP {}: {} redirects elsewhere, which is refused",
                    status.as_u16(),
                    self.endpoint.host()
                ),
            }));
        }
        if !status.is_success() {
            let mut page = Vec::new();
            while let Ok(Some(bytes)) = reply.chunk().await {
                page.extend_from_slice(&bytes);
                if page.len() as u64 > MAX_ERROR_BYTES {
                    break;
                }
            }
            let headers = reply.headers().clone();
            let header = |name: &str| Some(headers.get(name)?.to_str().ok()?.to_owned());
            return Err(Attempt::Failed(Failure::from_reply(
                status.as_u16(),
                header,
                &page,
                self.clock.now(),
            )));
        }
        self.read(reply, what.each).await
    }

    /// Reads a reply of status 200. It is never asked for again once a byte of it came.
    async fn read(
        &self,
        mut reply: Response,
        each: Option<&Each<'_>>,
    ) -> Result<Completion, Attempt> {
        let kind = reply
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|v| v.to_str().ok())
            .unwrap_or("");
        let mut decoder = if kind.starts_with("text/event-stream") {
            self.wire.decoder(Framing::Stream)
        } else if kind.contains("html") {
            return Err(Attempt::Broken(
                false,
                "an HTML page instead of a reply".into(),
            ));
        } else {
            self.wire.decoder(Framing::Whole)
        };
        let limit = self.options.max_reply_bytes;
        let over = |got: u64| {
            Attempt::Ended(Error::Limit {
                what: format!("bytes of a reply of provider {}", self.name),
                limit,
                got,
            })
        };
        if let Some(length) = reply.content_length().filter(|n| *n > limit) {
            return Err(over(length));
        }
        let (mut got, mut events) = (0u64, Vec::new());
        let mut told = 0;
        let mut tell = |events: &[Event]| {
            if let Some(each) = each {
                events.iter().skip(told).for_each(each);
                told = events.len();
            }
        };
        loop {
            match reply.chunk().await {
                Ok(None) => break,
                Ok(Some(bytes)) => {
                    got = got.saturating_add(bytes.len() as u64);
                    if got > limit {
                        return Err(over(got));
                    }
                    let pushed = decoder.push(&bytes, &mut events);
                    tell(&events);
                    pushed.map_err(stopped)?;
                }
                Err(e) => {
                    return Err(Attempt::Broken(
                        true,
                        format!("the reply broke off: {}", chain(e)),
                    ));
                }
            }
        }
        decoder.end(&mut events).map_err(stopped)?;
        tell(&events);
        fold(events).map_err(stopped)
    }

    async fn call(&self, request: &Request, each: Option<&Each<'_>>) -> Result<Completion> {
        let call = self.wire.encode(request, &self.model, each.is_some())?;
        let what = Outgoing {
            body: bytes::Bytes::from(call.body.to_string()),
            call,
            each,
        };
        let client = self.client()?;
        let started = Instant::now();
        let late = || Error::Timeout {
            what: format!("provider {}", self.name),
            after_ms: u64::try_from(self.options.timeout.as_millis()).unwrap_or(u64::MAX),
        };
        let (mut attempt, mut renewed) = (0, false);
        loop {
            let left = self.options.timeout.saturating_sub(started.elapsed());
            let failure = match tokio::time::timeout(left, self.try_once(client, &what)).await {
                Err(_) => return Err(late()),
                Ok(Ok(completion)) => return Ok(completion),
                Ok(Err(Attempt::Ended(error))) => return Err(error),
                Ok(Err(Attempt::Broken(retryable, message))) => {
                    return Err(self.error(Some(200), retryable, &message));
                }
                Ok(Err(Attempt::Failed(failure))) => failure,
            };
            if let Credential::Tokens(tokens) = &self.credential
                && failure.status == Some(401)
                && !std::mem::replace(&mut renewed, true)
            {
                // The token may have been withdrawn before its time: once more with a new one.
                tokens.forget().await;
                continue;
            }
            let wait = match failure.retry {
                Retry::After(wait) => Some(wait),
                Retry::Backoff => {
                    Some(jittered(self.options.backoff, attempt, self.clock.jitter()))
                }
                Retry::No => None,
            };
            let left = self.options.timeout.saturating_sub(started.elapsed());
            match wait
                .filter(|wait| attempt < self.options.max_retries.min(MAX_RETRIES) && *wait < left)
            {
                Some(wait) => tokio::time::sleep(wait).await,
                None => {
                    return Err(self.error(
                        failure.status,
                        failure.retry != Retry::No,
                        &failure.message,
                    ));
                }
            }
            attempt += 1;
        }
    }
}

impl Provider for HttpProvider {
    fn name(&self) -> &str {
        &self.name
    }

    fn model(&self) -> &str {
        &self.model
    }

    fn real_ai(&self) -> bool {
        true
    }

    fn complete<'a>(&'a self, request: &'a Request) -> Pending<'a, Result<Completion>> {
        Box::pin(self.call(request, None))
    }

    fn stream<'a>(
        &'a self,
        request: &'a Request,
        each: &'a Each<'a>,
    ) -> Pending<'a, Result<Completion>> {
        Box::pin(self.call(request, Some(each)))
    }
}

/// What every try sends, and who hears of the reply.
struct Outgoing<'a> {
    call: Call,
    body: bytes::Bytes,
    each: Option<&'a Each<'a>>,
}

/// How one try ended without a completion.
enum Attempt {
    /// Before any of a reply came.
    Failed(Failure),
    /// After some of a reply came; whether a later call may succeed, and what happened.
    Broken(bool, String),
    /// With an error that stands for itself.
    Ended(Error),
}

fn plain(retry: Retry, message: &str) -> Failure {
    Failure {
        status: None,
        retry,
        message: message.to_owned(),
    }
}

fn stopped(stop: Stop) -> Attempt {
    match stop {
        Stop::Limit(error) => Attempt::Ended(error),
        Stop::Malformed(message) => Attempt::Broken(false, shorten(&message)),
        Stop::Truncated { received } => Attempt::Broken(
            true,
            format!("the reply ended before it was complete, after {received} characters"),
        ),
        Stop::Server { message, code } => {
            let code = code.map(|c| format!(" ({c})")).unwrap_or_default();
            Attempt::Broken(
                true,
                format!("failed while answering: {}{code}", shorten(&message)),
            )
        }
    }
}

/// The causes of a transport error, without the address.
pub(super) fn chain(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        let more = inner.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = inner.source();
    }
    shorten(&text)
}

fn jittered(first: Duration, attempt: u32, jitter: f64) -> Duration {
    let full = first
        .saturating_mul(1 << attempt.min(8))
        .min(Duration::from_secs(8));
    full.mul_f64(1.0 - 0.25 * jitter.clamp(0.0, 1.0))
}
