//! A provider that is a function of the host: what C callbacks and Python classes are made to.

use std::fmt;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::message::{Completion, Event, Request};
use super::{Each, Pending, Provider};
use crate::error::{Error, Result};
use crate::telemetry::Cancel;

/// Pieces of text that may wait to be heard; the function waits when it is that far ahead.
const BACKLOG: usize = 256;

/// Through which a function says pieces of its reply and learns that nobody waits any more. The reply does not end
/// while a clone of it lives.
#[derive(Debug, Clone)]
pub struct Saying {
    pieces: mpsc::Sender<String>,
    cancel: Cancel,
}

impl Saying {
    /// Says a piece of the text. `false` where nobody waits for the reply any more: the function should end.
    pub fn text(&self, piece: impl Into<String>) -> bool {
        let piece = piece.into();
        !self.is_cancelled() && (piece.is_empty() || self.pieces.blocking_send(piece).is_ok())
    }

    /// Whether nobody waits for the reply any more.
    pub fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }
}

/// Completes a conversation on a thread of its own, which it may block. The text of the completion may be left
/// empty where it was said in pieces.
pub type Complete = dyn Fn(&Request, &Saying) -> Result<Completion> + Send + Sync;

/// A function as a provider. A panic of it is an error of the call, not of the host.
#[derive(Clone)]
pub struct FunctionProvider {
    name: String,
    model: String,
    real_ai: bool,
    complete: Arc<Complete>,
}

impl fmt::Debug for FunctionProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FunctionProvider")
            .field("name", &self.name)
            .field("model", &self.model)
            .finish_non_exhaustive()
    }
}

/// Sets the flag when the one who waits goes away.
struct CancelOnDrop(Cancel);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

impl FunctionProvider {
    /// A provider of this name and model; `real_ai` says whether a language model answers.
    ///
    /// ```
    /// use nis_core::provider::{Completion, FunctionProvider};
    /// use nis_core::runtime::{ChatRequest, Config, Nis};
    /// let echo = FunctionProvider::new("echo", "echo-1", false, |request, saying| {
    ///     let last = request.messages.last().map_or("", |m| m.content.as_str());
    ///     last.split_inclusive(' ').all(|word| saying.text(word));
    ///     Ok(Completion::of_text(""))
    /// });
    /// let nis = Nis::new(Config::default())?;
    /// nis.register(std::sync::Arc::new(echo))?;
    /// let ask = ChatRequest { message: "hello you".into(), provider: Some("echo".into()), ..Default::default() };
    /// assert_eq!(nis.chat_blocking(ask)?.response, "hello you");
    /// # Ok::<(), nis_core::Error>(())
    /// ```
    pub fn new(
        name: impl Into<String>,
        model: impl Into<String>,
        real_ai: bool,
        complete: impl Fn(&Request, &Saying) -> Result<Completion> + Send + Sync + 'static,
    ) -> Self {
        FunctionProvider {
            name: name.into(),
            model: model.into(),
            real_ai,
            complete: Arc::new(complete),
        }
    }

    fn error(&self, message: &str) -> Error {
        Error::Provider {
            provider: self.name.clone(),
            status: None,
            retryable: false,
            message: message.into(),
        }
    }

    async fn call(&self, request: &Request, each: Option<&Each<'_>>) -> Result<Completion> {
        let (pieces, mut heard) = mpsc::channel(BACKLOG);
        let cancel = Cancel::new();
        let _guard = CancelOnDrop(cancel.clone());
        let (complete, request) = (self.complete.clone(), request.clone());
        let work =
            tokio::task::spawn_blocking(move || complete(&request, &Saying { pieces, cancel }));
        let mut said = String::new();
        // Ends when the function does: it holds the sender.
        while let Some(piece) = heard.recv().await {
            said.push_str(&piece);
            if let Some(each) = each {
                each(&Event::Text(piece));
            }
        }
        let mut completion = work
            .await
            .map_err(|_| self.error("its function panicked"))??;
        if !said.is_empty() && !completion.text.is_empty() && said != completion.text {
            return Err(self.error("the text of its completion is not what it said in pieces"));
        }
        if let Some(each) = each {
            let rest = Completion {
                text: match said.is_empty() {
                    true => completion.text.clone(),
                    false => String::new(),
                },
                ..completion.clone()
            };
            rest.tell(each);
        }
        if completion.text.is_empty() {
            completion.text = said;
        }
        Ok(completion)
    }
}

impl Provider for FunctionProvider {
    fn name(&self) -> &str {
        &self.name
    }

    fn model(&self) -> &str {
        &self.model
    }

    fn real_ai(&self) -> bool {
        self.real_ai
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
