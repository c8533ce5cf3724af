//! A provider behind an HTTP address: moves the bytes of a [`Wire`].

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Client, Response};

use super::attempt::{Attempt, chain, jittered, plain, stopped};
use super::clock::{Clock, SystemClock};
use super::embed::{EmbedRequest, Embeddings};
use super::endpoint::Endpoint;
use super::failure::{Failure, Retry};
use super::message::{Completion, Event, Request};
use super::rate::Rate;
use super::resolve::{Lookup, Pinned, Reach, SystemLookup};
use super::secret::Secret;
use super::token::TokenSource;
use super::wire::chat::{Chat, Dialect};
use super::wire::{Auth, Call, Framing, Wire, fold};
use super::{Each, Pending, Provider};
use crate::error::{Error, Result};

/// Longest reply, in bytes, counted while it arrives.
pub const MAX_REPLY_BYTES: u64 = 32 << 20;

/// Most further tries after a failed one.
pub const MAX_RETRIES: u32 = 2;

/// How long a reply may say nothing but that it is still alive.
pub const KEEP_ALIVE: Duration = Duration::from_secs(600);

/// Longest error page that is read, in bytes.
const MAX_ERROR_BYTES: u64 = 64 << 10;

/// Deadlines and limits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HttpOptions {
    /// For the whole call, retries included.
    pub timeout: Duration,
    /// For making a connection.
    pub connect_timeout: Duration,
    /// From sending a streamed call to the head of its reply. A reply that is not streamed may come only when all of
    /// it is made, so `timeout` alone counts there.
    pub headers_timeout: Duration,
    /// Between two pieces of a reply. Comments that keep a connection alive count for [`KEEP_ALIVE`] at most.
    pub idle_timeout: Duration,
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
            headers_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(60),
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
    embedding_model: Option<String>,
    rate: Option<Rate>,
    lookup: Arc<dyn Lookup>,
    reach: Reach,
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
        let reach = if endpoint.is_loopback() {
            Reach::Loopback
        } else {
            Reach::Public
        };
        HttpProvider {
            name: name.into(),
            model: model.into(),
            embedding_model: None,
            rate: None,
            lookup: Arc::new(SystemLookup),
            reach,
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

    /// The model of [`Provider::embed`] where a request names none.
    #[must_use]
    pub fn with_embedding_model(mut self, model: impl Into<String>) -> Self {
        self.embedding_model = Some(model.into());
        self
    }

    /// Asks no oftener than this.
    #[must_use]
    pub fn with_rate(mut self, rate: Rate) -> Self {
        self.rate = Some(rate);
        self
    }

    /// Turns the host's name into addresses by this. They are checked: a host that is not this machine must be on
    /// the internet.
    #[must_use]
    pub fn with_lookup(mut self, lookup: Arc<dyn Lookup>) -> Self {
        self.lookup = lookup;
        self
    }

    /// Lets the host's name lead to a private network as well; this machine and metadata services stay refused.
    #[must_use]
    pub fn with_private_network(mut self) -> Self {
        if self.reach == Reach::Public {
            self.reach = Reach::Private;
        }
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
            .connect_timeout(self.options.connect_timeout)
            .dns_resolver(Arc::new(Pinned {
                host: self.endpoint.host().to_owned(),
                reach: self.reach,
                lookup: self.lookup.clone(),
            }));
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

    async fn try_once(&self, client: &Client, what: &Outgoing<'_>) -> Result<Done, Attempt> {
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
        if let Some(rate) = &self.rate {
            rate.turn(&self.name).await.map_err(Attempt::Ended)?;
        }
        let head = match what.wanted {
            Wanted::Completion(Some(_)) => self.options.headers_timeout,
            _ => Duration::MAX,
        };
        // Nothing of a reply came, so asking again is safe.
        let again = |message: &str| Attempt::Failed(plain(Retry::Backoff, message));
        let mut reply = match tokio::time::timeout(head, call.send()).await {
            Ok(sent) => sent.map_err(|e| again(&format!("no reply: {}", chain(e))))?,
            Err(_) => {
                let seconds = head.as_secs_f64();
                return Err(again(&format!("no head of a reply within {seconds} s")));
            }
        };
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
            // What of the page does not come in time is left out: the status says enough.
            while let Ok(Ok(Some(bytes))) =
                tokio::time::timeout(self.options.idle_timeout, reply.chunk()).await
            {
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
        match &what.wanted {
            Wanted::Completion(each) => self.read(reply, *each).await.map(Done::Completion),
            Wanted::Embeddings(request) => {
                let body = self.read_whole(reply).await?;
                let vectors = self
                    .wire
                    .decode_embed(&body, request.input.len())
                    .map_err(stopped)?;
                let model = request.model.as_ref().or(self.embedding_model.as_ref());
                Ok(Done::Embeddings(Embeddings {
                    vectors: vectors.vectors,
                    model: vectors
                        .model
                        .unwrap_or_else(|| model.cloned().unwrap_or_default()),
                    usage: vectors.usage,
                }))
            }
        }
    }

    fn over(&self, got: u64) -> Attempt {
        Attempt::Ended(Error::Limit {
            what: format!("bytes of a reply of provider {}", self.name),
            limit: self.options.max_reply_bytes,
            got,
        })
    }

    /// The next bytes of a reply, in time.
    async fn chunk(&self, reply: &mut Response) -> Result<Option<bytes::Bytes>, Attempt> {
        match tokio::time::timeout(self.options.idle_timeout, reply.chunk()).await {
            Ok(Ok(bytes)) => Ok(bytes),
            Ok(Err(e)) => Err(Attempt::Broken(
                true,
                format!("the reply broke off: {}", chain(e)),
            )),
            Err(_) => Err(Attempt::Ended(Error::Timeout {
                what: format!("provider {}: the next piece of its reply", self.name),
                after_ms: millis(self.options.idle_timeout),
            })),
        }
    }

    async fn read_whole(&self, mut reply: Response) -> Result<Vec<u8>, Attempt> {
        let mut body = Vec::new();
        while let Some(bytes) = self.chunk(&mut reply).await? {
            body.extend_from_slice(&bytes);
            if body.len() as u64 > self.options.max_reply_bytes {
                return Err(self.over(body.len() as u64));
            }
        }
        Ok(body)
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
        if let Some(length) = reply.content_length().filter(|n| *n > limit) {
            return Err(self.over(length));
        }
        let (mut got, mut events) = (0u64, Vec::new());
        let mut told = 0;
        let mut tell = |events: &[Event]| {
            if let Some(each) = each {
                events.iter().skip(told).for_each(each);
                told = events.len();
            }
        };
        let mut said = Instant::now();
        while let Some(bytes) = self.chunk(&mut reply).await? {
            got = got.saturating_add(bytes.len() as u64);
            if got > limit {
                return Err(self.over(got));
            }
            let known = events.len();
            let pushed = decoder.push(&bytes, &mut events);
            tell(&events);
            pushed.map_err(stopped)?;
            if events.len() > known {
                said = Instant::now();
            } else if said.elapsed() > KEEP_ALIVE {
                return Err(Attempt::Ended(Error::Timeout {
                    what: format!("provider {}: anything but signs of life", self.name),
                    after_ms: millis(KEEP_ALIVE),
                }));
            }
        }
        decoder.end(&mut events).map_err(stopped)?;
        tell(&events);
        fold(events).map_err(stopped)
    }

    async fn call(&self, request: &Request, each: Option<&Each<'_>>) -> Result<Completion> {
        let call = self.wire.encode(request, &self.model, each.is_some())?;
        match self.ask(call, Wanted::Completion(each)).await? {
            Done::Completion(completion) => Ok(completion),
            Done::Embeddings(_) => Err(mixed_up()),
        }
    }

    async fn vectors(&self, request: &EmbedRequest) -> Result<Embeddings> {
        request.check()?;
        let model = request.model.as_deref().or(self.embedding_model.as_deref());
        let model = model.ok_or_else(|| {
            Error::unavailable(
                format!("embeddings of provider {}", self.name),
                "no embedding_model is configured, and the request names no model",
            )
        })?;
        let call = self.wire.encode_embed(request, model)?;
        match self.ask(call, Wanted::Embeddings(request)).await? {
            Done::Embeddings(embeddings) => Ok(embeddings),
            Done::Completion(_) => Err(mixed_up()),
        }
    }

    /// One call with its tries.
    async fn ask(&self, call: Call, wanted: Wanted<'_>) -> Result<Done> {
        let what = Outgoing {
            body: bytes::Bytes::from(call.body.to_string()),
            call,
            wanted,
        };
        let _place = match &self.rate {
            Some(rate) => rate.place(&self.name).await?,
            None => None,
        };
        let client = self.client()?;
        let started = Instant::now();
        let late = || Error::Timeout {
            what: format!("provider {}", self.name),
            after_ms: millis(self.options.timeout),
        };
        let (mut attempt, mut renewed) = (0, false);
        loop {
            let left = self.options.timeout.saturating_sub(started.elapsed());
            let failure = match tokio::time::timeout(left, self.try_once(client, &what)).await {
                Err(_) => return Err(late()),
                Ok(Ok(done)) => return Ok(done),
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

    fn embed<'a>(&'a self, request: &'a EmbedRequest) -> Pending<'a, Result<Embeddings>> {
        Box::pin(self.vectors(request))
    }
}

/// What every try sends, and what it wants.
struct Outgoing<'a> {
    call: Call,
    body: bytes::Bytes,
    wanted: Wanted<'a>,
}

/// What a call is for.
enum Wanted<'a> {
    /// A completion, heard by this where it is streamed.
    Completion(Option<&'a Each<'a>>),
    /// Vectors.
    Embeddings(&'a EmbedRequest),
}

/// What a call gave.
enum Done {
    Completion(Completion),
    Embeddings(Embeddings),
}

fn mixed_up() -> Error {
    Error::Internal {
        message: "a call gave another thing than it was made for".into(),
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
