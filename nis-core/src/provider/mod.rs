//! Language models behind one trait, and the offline provider.
//!
//! Floor 3: imports floors 0 to 2. A wire ([`wire::Wire`]) is pure: it turns a [`Request`] into a body and bytes
//! into [`Event`]s, knows no socket and no clock, and reads a whole reply as a stream that came at once.
//! [`HttpProvider`] moves the bytes: retries, deadlines, limits. [`Offline`] needs no network and is no
//! language model.

mod attempt;
mod clock;
mod count;
mod embed;
mod endpoint;
mod failure;
mod function;
mod http;
mod message;
mod offline;
mod question;
mod rate;
mod resolve;
pub mod route;
mod secret;
mod token;
pub mod wire;

use std::fmt;
use std::future::Future;
use std::pin::Pin;

pub use clock::{Clock, SystemClock};
pub use count::{Counted, Counts, LATENCY_BOUNDS};
pub use embed::{EmbedRequest, Embeddings, MAX_EMBEDDED};
pub use endpoint::Endpoint;
pub use failure::{Failure, MAX_WAIT, Retry, after};
pub use function::{Complete, FunctionProvider, Saying};
pub use http::{HttpOptions, HttpProvider, KEEP_ALIVE, MAX_REPLY_BYTES, MAX_RETRIES};
pub use message::{
    Block, Completion, Effort, Event, Finish, Fold, Image, MAX_BLOCKS, MAX_TOOL_CALLS, Message,
    Request, Role, Schema, ToolCall, ToolChoice, ToolSpec, Usage,
};
pub use offline::{OFFLINE, Offline, number};
pub use question::Question;
pub use rate::{Rate, RateOptions};
pub use resolve::{Found, Lookup, SystemLookup};
pub use secret::{Secret, is_placeholder};
pub use token::{ServiceAccount, TOKEN_URI, TokenSource};
pub use wire::{Frame, Framer, MAX_EVENT_BYTES};

use crate::error::{Error, Result};

/// A boxed future, so that [`Provider`] stays usable as a trait object.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What hears the events of a reply as they arrive.
pub type Each<'a> = dyn Fn(&Event) + Send + Sync + 'a;

/// Something that completes conversations. Implement it outside this crate to add a model.
pub trait Provider: Send + Sync + fmt::Debug {
    /// Its name in the configuration.
    fn name(&self) -> &str;

    /// The model's name.
    fn model(&self) -> &str;

    /// Whether a language model answers.
    fn real_ai(&self) -> bool;

    /// Completes one conversation. Dropping the future stops the work.
    ///
    /// # Errors
    /// [`crate::Error::Provider`] with the status and whether the same request may succeed later,
    /// [`crate::Error::Timeout`], [`crate::Error::Limit`].
    fn complete<'a>(&'a self, request: &'a Request) -> Pending<'a, Result<Completion>>;

    /// Completes one conversation and hands each event of the reply to `each` as it arrives. A provider that cannot
    /// stream (this default) hands over the text when all of it is there.
    ///
    /// # Errors
    /// As [`Provider::complete`]; after the first event the call is never tried again.
    fn stream<'a>(
        &'a self,
        request: &'a Request,
        each: &'a Each<'a>,
    ) -> Pending<'a, Result<Completion>> {
        Box::pin(async move {
            let completion = self.complete(request).await?;
            completion.tell(each);
            Ok(completion)
        })
    }

    /// Texts as vectors. A provider that cannot (this default) says so.
    ///
    /// # Errors
    /// [`crate::Error::Unavailable`] where it cannot, [`crate::Error::InvalidInput`] for texts that do not fit, else
    /// as [`Provider::complete`].
    fn embed<'a>(&'a self, _: &'a EmbedRequest) -> Pending<'a, Result<Embeddings>> {
        Box::pin(async move {
            Err(Error::unavailable(
                format!("embeddings of provider {}", self.name()),
                "it makes none",
            ))
        })
    }
}
