//! Answers that are heard while they are made: [`ChatStream`] and what hosts without an async runtime use.

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use super::{Ask, ChatReply, ChatRequest, Nis, Part};
use crate::agent::Parts;
use crate::error::{Error, Result};
use crate::provider::Request;

/// Most parts that are handed over at once.
const BATCH: usize = 256;

type Queue = Arc<Mutex<VecDeque<Part>>>;
type Work = Pin<Box<dyn Future<Output = Result<ChatReply>> + Send>>;

fn taken(queue: &Queue) -> Vec<Part> {
    let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
    let n = queue.len().min(BATCH);
    queue.drain(..n).collect()
}

/// An answer that is being made. The work goes on only while the stream is polled: a slow reader slows the provider
/// down, and dropping the stream drops the work with its connection. There is no task beside it.
pub struct ChatStream {
    work: Option<Work>,
    queue: Queue,
    ended: Option<Result<ChatReply>>,
}

impl fmt::Debug for ChatStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatStream")
            .field("running", &self.work.is_some())
            .finish_non_exhaustive()
    }
}

impl ChatStream {
    pub(super) fn new(make: impl FnOnce(Parts) -> Work) -> Self {
        let queue = Queue::default();
        let filled = queue.clone();
        let parts = Parts::new(move |part| {
            filled
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push_back(part);
        });
        ChatStream {
            work: Some(make(parts)),
            queue,
            ended: None,
        }
    }

    /// As [`ChatStream::next_batch`], for use in a `Stream` of the host.
    pub fn poll_batch(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Vec<Part>>>> {
        let ready = taken(&self.queue);
        if !ready.is_empty() {
            return Poll::Ready(Some(Ok(ready)));
        }
        if let Some(work) = &mut self.work {
            // A defect of an agent or of a provider of the host's must not take the host's task down.
            let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)))
                .unwrap_or_else(|_| {
                    Poll::Ready(Err(Error::Internal {
                        message: "making an answer panicked".into(),
                    }))
                });
            if let Poll::Ready(result) = polled {
                self.work = None;
                self.ended = Some(result);
            }
        }
        let mut ready = taken(&self.queue);
        if ready.len() == BATCH {
            return Poll::Ready(Some(Ok(ready)));
        }
        match self.ended.take() {
            Some(Ok(reply)) => {
                ready.push(Part::Reply(Box::new(reply)));
                Poll::Ready(Some(Ok(ready)))
            }
            // What was heard first comes first.
            Some(Err(error)) if !ready.is_empty() => {
                self.ended = Some(Err(error));
                Poll::Ready(Some(Ok(ready)))
            }
            Some(Err(error)) => Poll::Ready(Some(Err(error))),
            None if !ready.is_empty() => Poll::Ready(Some(Ok(ready))),
            None if self.work.is_some() => Poll::Pending,
            None => Poll::Ready(None),
        }
    }

    /// All parts that are there, at least one; waits where there is none. `None` after the end: after
    /// [`Part::Reply`], or after the one error.
    pub async fn next_batch(&mut self) -> Option<Result<Vec<Part>>> {
        poll_fn(|context| self.poll_batch(context)).await
    }
}

/// A [`ChatStream`] for hosts without an async runtime.
pub struct BlockingStream {
    // Dropped first, inside the runtime that `nis` holds.
    stream: Option<ChatStream>,
    nis: Nis,
}

impl fmt::Debug for BlockingStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.stream.fmt(f)
    }
}

impl BlockingStream {
    /// The parts that are there, at least one; an empty list where none came within `wait`, so that the caller can
    /// look for signals. `None` after the end.
    ///
    /// # Errors
    /// As [`Nis::chat_blocking`], once; [`Error::Unavailable`] in a process that was forked since.
    pub fn next_batch(&mut self, wait: Duration) -> Result<Option<Vec<Part>>> {
        let Some(stream) = &mut self.stream else {
            return Ok(None);
        };
        self.nis.inner.blocking.run(async {
            match tokio::time::timeout(wait, stream.next_batch()).await {
                Err(_) => Ok(Some(Vec::new())),
                Ok(batch) => batch.transpose(),
            }
        })
    }
}

impl Drop for BlockingStream {
    fn drop(&mut self) {
        let stream = self.stream.take();
        self.nis.inner.blocking.forget_or_drop(stream);
    }
}

/// An answer that is made on the threads of a [`Nis`]; dropping this stops it and closes its connection.
#[derive(Debug)]
pub struct Answering(tokio::task::AbortHandle);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Nis {
    /// Answers one message as [`Nis::chat`] does, heard while it is made. Must be polled inside a tokio runtime.
    /// Dropping the stream stops the work.
    ///
    /// ```
    /// use nis_core::runtime::{ChatRequest, Config, Nis, Part};
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let nis = Nis::new(Config::default())?;
    /// let mut stream = nis.stream(ChatRequest { message: "What is 2+2?".into(), ..Default::default() });
    /// let mut said = String::new();
    /// while let Some(batch) = stream.next_batch().await {
    ///     for part in batch? {
    ///         match part {
    ///             Part::Text { text } => said += &text,
    ///             Part::Reply(reply) => assert_eq!(reply.response, said),
    ///             _ => {}
    ///         }
    ///     }
    /// }
    /// assert_eq!(said, "2+2 = 4");
    /// # Ok::<(), nis_core::Error>(()) }).unwrap();
    /// ```
    pub fn stream(&self, request: ChatRequest) -> ChatStream {
        self.stream_of(Ask::Chat {
            request,
            tools: true,
        })
    }

    /// Answers the last message of a conversation that the host keeps itself: the agents reason with NIS's tools and
    /// check the answer, and nothing is loaded from the store or kept there. What `request` sets beside messages
    /// goes to the provider.
    ///
    /// The stream's error is [`Error::InvalidInput`] for `tools` in the request (the agents bring theirs) and for
    /// messages that are empty or over the limit; else as [`Nis::chat`].
    pub fn converse(
        &self,
        request: Request,
        provider: Option<String>,
        user_id: Option<String>,
    ) -> ChatStream {
        self.stream_of(Ask::Given {
            request: Box::new(request),
            provider,
            user_id,
        })
    }

    fn stream_of(&self, ask: Ask) -> ChatStream {
        let nis = self.clone();
        ChatStream::new(move |parts| Box::pin(async move { nis.answer(ask, parts).await }))
    }

    /// [`Nis::stream`] for hosts without an async runtime. The work goes on only inside
    /// [`BlockingStream::next_batch`].
    pub fn stream_blocking(&self, request: ChatRequest) -> BlockingStream {
        BlockingStream {
            stream: Some(self.stream(request)),
            nis: self.clone(),
        }
    }

    /// [`Nis::stream`] on this runtime's own threads: `hear` gets each batch there, and last the error or the
    /// batch that ends in [`Part::Reply`]. It may block for a moment; `Break` stops the work.
    ///
    /// # Errors
    /// [`Error::Io`] where no thread can be made, [`Error::Unavailable`] in a process that was forked since.
    pub fn stream_each(
        &self,
        request: ChatRequest,
        mut hear: impl FnMut(Result<Vec<Part>>) -> ControlFlow<()> + Send + 'static,
    ) -> Result<Answering> {
        let mut stream = self.stream(request);
        let task = self.inner.blocking.handle()?.spawn(async move {
            while let Some(batch) = stream.next_batch().await {
                // The host's function may wait for a lock of its own.
                if tokio::task::block_in_place(|| hear(batch)).is_break() {
                    return;
                }
            }
        });
        Ok(Answering(task.abort_handle()))
    }
}
