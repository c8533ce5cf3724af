//! Access tokens of a Google service account: a signed claim exchanged for a token that lives an hour.
//!
//! RFC 7523, section 2.1 (the grant), RFC 7515 (the signature, RS256). One request at a time, however many calls
//! wait; the token is renewed at 80 % of its life.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Client;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use serde::Deserialize;
use serde_json::{Value, json};

use super::clock::Clock;
use super::endpoint::Endpoint;
use super::failure::shorten;
use super::secret::Secret;
use crate::error::{Error, Result};

/// Where tokens are issued; another address in a key file is refused unless it is this machine.
pub const TOKEN_URI: &str = "https://oauth2.googleapis.com/token";

const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// The claim says that it was made this long ago: clocks differ.
const SKEW: Duration = Duration::from_secs(30);

const LIFE: Duration = Duration::from_secs(3600);

/// Longest reply of the token server, in bytes.
const MAX_TOKEN_BYTES: usize = 64 << 10;

#[derive(Deserialize)]
struct KeyFile {
    #[serde(default)]
    client_email: String,
    #[serde(default)]
    private_key: String,
    #[serde(default)]
    private_key_id: String,
    #[serde(default)]
    project_id: String,
    #[serde(default)]
    token_uri: Option<String>,
}

/// A service account's key.
pub struct ServiceAccount {
    email: String,
    key_id: String,
    project: String,
    token_uri: String,
    key: RsaKeyPair,
}

impl std::fmt::Debug for ServiceAccount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServiceAccount")
            .field("email", &self.email)
            .field("project", &self.project)
            .finish_non_exhaustive()
    }
}

impl ServiceAccount {
    /// Reads the JSON text of a key file; `field` names it in errors.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] where it is no key file, or would send its claim elsewhere than to [`TOKEN_URI`] or
    /// this machine. No error repeats the text.
    pub fn from_json(field: &str, text: &str) -> Result<Self> {
        let refuse = |what: &str, expected: &str| Err(Error::invalid(field, what, expected));
        let Ok(file) = serde_json::from_str::<KeyFile>(text) else {
            return refuse(
                "a text that is no key file",
                "the JSON key file of a service account",
            );
        };
        if file.client_email.is_empty() {
            return refuse("a key file without client_email", "a service account's key");
        }
        let token_uri = file.token_uri.unwrap_or_else(|| TOKEN_URI.into());
        let loopback = Endpoint::parse(field, &token_uri).is_ok_and(|e| e.is_loopback());
        if token_uri != TOKEN_URI && !loopback {
            return refuse("a key file with another token_uri", TOKEN_URI);
        }
        let expected = "an RSA key in PKCS#8 PEM (BEGIN PRIVATE KEY)";
        let Ok(der) = PrivatePkcs8KeyDer::from_pem_slice(file.private_key.as_bytes()) else {
            return refuse("a private_key that is no PEM", expected);
        };
        let Ok(key) = RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()) else {
            return refuse(
                "a private_key that is no RSA key of 2048 bits or more",
                expected,
            );
        };
        Ok(ServiceAccount {
            email: file.client_email,
            key_id: file.private_key_id,
            project: file.project_id,
            token_uri,
            key,
        })
    }

    /// Reads a key file.
    ///
    /// # Errors
    /// [`Error::Io`] where it cannot be read; as [`ServiceAccount::from_json`].
    pub fn from_file(field: &str, path: &Path) -> Result<Self> {
        let text =
            std::fs::read_to_string(path).map_err(|e| Error::io(path.display().to_string(), &e))?;
        Self::from_json(field, &text)
    }

    /// The project that the account belongs to; may be empty.
    pub fn project(&self) -> &str {
        &self.project
    }

    /// The signed claim, made at `now`.
    ///
    /// # Errors
    /// [`Error::Internal`] where signing fails.
    pub fn assertion(&self, now: SystemTime) -> Result<Secret> {
        let since = now
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let issued = since.saturating_sub(SKEW).as_secs();
        let header = json!({"alg": "RS256", "typ": "JWT", "kid": self.key_id});
        let claims = json!({
            "iss": self.email, "scope": SCOPE, "aud": self.token_uri,
            "iat": issued, "exp": issued + LIFE.as_secs(),
        });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(&claims));
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                signed.as_bytes(),
                &mut signature,
            )
            .map_err(|_| Error::Internal {
                message: "a claim could not be signed".into(),
            })?;
        Ok(Secret::new(format!(
            "{signed}.{}",
            URL_SAFE_NO_PAD.encode(signature)
        )))
    }
}

struct Token {
    secret: Secret,
    renew_at: SystemTime,
}

#[derive(Default)]
struct Cached {
    token: Option<Token>,
    /// How far the server's clock is ahead of ours, in seconds, where that mattered.
    ahead: i64,
}

/// Gives out the tokens of one account.
#[derive(Debug)]
pub struct TokenSource {
    account: ServiceAccount,
    clock: Arc<dyn Clock>,
    cached: tokio::sync::Mutex<Cached>,
}

impl std::fmt::Debug for Cached {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cached")
            .field("token", &self.token.as_ref().map(|_| "***"))
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct TokenReply {
    #[serde(default)]
    access_token: Option<String>,
    #[serde(default)]
    expires_in: Option<f64>,
}

impl TokenSource {
    /// For one account.
    pub fn new(account: ServiceAccount, clock: Arc<dyn Clock>) -> Self {
        TokenSource {
            account,
            clock,
            cached: tokio::sync::Mutex::default(),
        }
    }

    /// Forgets the token: the server refused it.
    pub async fn forget(&self) {
        self.cached.lock().await.token = None;
    }

    /// A token that is good for a while. Concurrent calls wait for one request.
    ///
    /// # Errors
    /// [`Error::Provider`] with what the token server said.
    pub async fn token(&self, client: &Client) -> Result<Secret> {
        let mut cached = self.cached.lock().await;
        let now = self.clock.now();
        if let Some(token) = cached.token.as_ref().filter(|t| now < t.renew_at) {
            return Ok(token.secret.clone());
        }
        let token = match self.request(client, cached.ahead).await {
            Err(Refused::Clock(ahead)) if cached.ahead != ahead => {
                // Once more with the server's time.
                cached.ahead = ahead;
                self.request(client, ahead).await
            }
            other => other,
        };
        match token {
            Ok(token) => {
                let secret = token.secret.clone();
                cached.token = Some(token);
                Ok(secret)
            }
            Err(Refused::Clock(_)) => Err(self.error(
                Some(400),
                false,
                "the token server refuses the claim's times, even with its own clock",
            )),
            Err(Refused::Other(error)) => Err(error),
        }
    }

    fn error(&self, status: Option<u16>, retryable: bool, message: &str) -> Error {
        Error::Provider {
            provider: "token server of Vertex AI".into(),
            status,
            retryable,
            message: message.into(),
        }
    }

    async fn request(&self, client: &Client, ahead: i64) -> Result<Token, Refused> {
        let now = self.clock.now();
        let shifted = if ahead >= 0 {
            now.checked_add(Duration::from_secs(ahead.unsigned_abs()))
        } else {
            now.checked_sub(Duration::from_secs(ahead.unsigned_abs()))
        };
        let assertion = self
            .account
            .assertion(shifted.unwrap_or(now))
            .map_err(Refused::Other)?;
        // Both values are of letters that a form need not escape, but for the colons of the grant's name.
        let form = format!(
            "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={}",
            assertion.expose()
        );
        let failed =
            |retryable, message: &str| Refused::Other(self.error(None, retryable, message));
        let mut reply = client
            .post(&self.account.token_uri)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form)
            .send()
            .await
            .map_err(|e| failed(true, &super::attempt::chain(e)))?;
        let status = reply.status().as_u16();
        let date = reply
            .headers()
            .get("date")
            .and_then(|v| v.to_str().ok())
            .and_then(|v| httpdate::parse_http_date(v).ok());
        let mut body = Vec::new();
        while let Some(more) = reply
            .chunk()
            .await
            .map_err(|e| failed(true, &super::attempt::chain(e)))?
        {
            body.extend_from_slice(&more);
            if body.len() > MAX_TOKEN_BYTES {
                return Err(failed(false, "an overlong reply"));
            }
        }
        if status != 200 {
            let value: Value = serde_json::from_slice(&body).unwrap_or_default();
            let said = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or("");
            let words = said("error_description");
            if said("error") == "invalid_grant"
                && words.contains("iat and exp")
                && let Some(date) = date
            {
                return Err(Refused::Clock(seconds_ahead(date, now)));
            }
            let message = format!(
                "HTTP {status}: {} {}",
                shorten(said("error")),
                shorten(words)
            );
            let retryable = status == 429 || status >= 500;
            return Err(Refused::Other(self.error(
                Some(status),
                retryable,
                message.trim(),
            )));
        }
        let reply: TokenReply =
            serde_json::from_slice(&body).map_err(|_| failed(false, "a reply that is no token"))?;
        let secret = reply
            .access_token
            .map(Secret::new)
            .filter(Secret::is_usable)
            .ok_or_else(|| failed(false, "a reply without access_token"))?;
        let life = reply
            .expires_in
            .filter(|s| s.is_finite() && *s > 0.0)
            .unwrap_or(0.0)
            .min(86_400.0);
        Ok(Token {
            secret,
            renew_at: now + Duration::from_secs_f64(0.8 * life),
        })
    }
}

enum Refused {
    /// The claim's times are off: how far the server's clock is ahead.
    Clock(i64),
    Other(Error),
}

fn seconds_ahead(theirs: SystemTime, ours: SystemTime) -> i64 {
    let whole = |d: Duration| i64::try_from(d.as_secs()).unwrap_or(i64::MAX);
    match theirs.duration_since(ours) {
        Ok(ahead) => whole(ahead),
        Err(e) => -whole(e.duration()),
    }
}
