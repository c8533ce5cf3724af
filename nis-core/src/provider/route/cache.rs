//! Replies to requests that were asked before, letter by letter.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::error::Result;
use crate::provider::message::{Completion, Finish, Request};
use crate::provider::{Clock, Each, EmbedRequest, Embeddings, Pending, Provider};

/// What is kept and for how long.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CacheOptions {
    /// Most replies; the one unused for longest goes first.
    pub entries: usize,
    /// Most bytes of requests and replies together.
    pub bytes: usize,
    /// How long a reply is good for.
    pub good_for: Duration,
    /// Whether requests are answered from here that ask for chance: a temperature other than 0, or none stated.
    pub any_temperature: bool,
}

impl Default for CacheOptions {
    fn default() -> Self {
        CacheOptions {
            entries: 1000,
            bytes: 16 << 20,
            good_for: Duration::from_secs(3600),
            any_temperature: false,
        }
    }
}

/// What a cache did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CacheCounts {
    /// Requests answered from here.
    pub hits: u64,
    /// Requests that could have been, but were not here.
    pub misses: u64,
    /// Requests that are never answered from here.
    pub passed: u64,
    /// Replies kept now.
    pub entries: usize,
    /// Their bytes.
    pub bytes: usize,
}

#[derive(Debug)]
struct Entry {
    completion: Completion,
    bytes: usize,
    kept: SystemTime,
    used: u64,
}

#[derive(Debug, Default)]
struct Store {
    entries: HashMap<String, Entry>,
    turn: u64,
    counts: CacheCounts,
}

/// A provider whose complete, tool-free replies are kept.
///
/// The key is the whole request and the model, never the provider's key. A reply from here has no `usage`: nothing
/// was spent.
#[derive(Debug)]
pub struct Cached {
    inner: Arc<dyn Provider>,
    options: CacheOptions,
    clock: Arc<dyn Clock>,
    store: Mutex<Store>,
}

impl Cached {
    /// Puts a cache before a provider.
    pub fn new(inner: Arc<dyn Provider>, options: CacheOptions, clock: Arc<dyn Clock>) -> Self {
        Cached {
            inner,
            options,
            clock,
            store: Mutex::default(),
        }
    }

    /// The counts now.
    pub fn counts(&self) -> CacheCounts {
        self.with(|store| CacheCounts {
            entries: store.entries.len(),
            bytes: store.entries.values().map(|e| e.bytes).sum(),
            ..store.counts
        })
    }

    fn with<T>(&self, change: impl FnOnce(&mut Store) -> T) -> T {
        change(&mut self.store.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The key of a request that may be answered from here.
    fn key(&self, request: &Request) -> Option<String> {
        let certain = request.temperature == Some(0.0) || self.options.any_temperature;
        let plain = request.tools.is_empty() && certain;
        let text = plain.then(|| serde_json::to_string(request).ok())??;
        Some(format!("{}\n{text}", self.inner.model()))
    }

    fn find(&self, key: &str) -> Option<Completion> {
        let now = self.clock.now();
        self.with(|store| {
            store.turn += 1;
            let turn = store.turn;
            let fresh = |e: &Entry| {
                now.duration_since(e.kept)
                    .is_ok_and(|age| age <= self.options.good_for)
            };
            match store.entries.get_mut(key) {
                Some(entry) if fresh(entry) => {
                    entry.used = turn;
                    store.counts.hits += 1;
                    Some(Completion {
                        usage: None,
                        ..entry.completion.clone()
                    })
                }
                _ => {
                    store.entries.remove(key);
                    store.counts.misses += 1;
                    None
                }
            }
        })
    }

    fn keep(&self, key: String, completion: &Completion) {
        let whole = completion.finish == Finish::Stop
            && completion.tool_calls.is_empty()
            && completion.refusal.is_none();
        let bytes = key.len() + completion.text.len();
        if !whole || self.options.entries == 0 || bytes > self.options.bytes {
            return;
        }
        let now = self.clock.now();
        self.with(|store| {
            store.turn += 1;
            let entry = Entry {
                completion: completion.clone(),
                bytes,
                kept: now,
                used: store.turn,
            };
            store.entries.insert(key, entry);
            let size = |s: &Store| s.entries.values().map(|e| e.bytes).sum::<usize>();
            while store.entries.len() > self.options.entries || size(store) > self.options.bytes {
                let oldest = store.entries.iter().min_by_key(|(_, e)| e.used);
                let Some(oldest) = oldest.map(|(key, _)| key.clone()) else {
                    break;
                };
                store.entries.remove(&oldest);
            }
        });
    }

    async fn call(&self, request: &Request, each: Option<&Each<'_>>) -> Result<Completion> {
        let key = self.key(request);
        if let Some(key) = &key {
            if let Some(completion) = self.find(key) {
                if let Some(each) = each {
                    completion.tell(each);
                }
                return Ok(completion);
            }
        } else {
            self.with(|store| store.counts.passed += 1);
        }
        let completion = match each {
            Some(each) => self.inner.stream(request, each).await?,
            None => self.inner.complete(request).await?,
        };
        if let Some(key) = key {
            self.keep(key, &completion);
        }
        Ok(completion)
    }
}

impl Provider for Cached {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn model(&self) -> &str {
        self.inner.model()
    }

    fn real_ai(&self) -> bool {
        self.inner.real_ai()
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

    /// Not kept.
    fn embed<'a>(&'a self, request: &'a EmbedRequest) -> Pending<'a, Result<Embeddings>> {
        self.inner.embed(request)
    }
}
