//! What conversations may cost: a [`Ledger`] and the providers that are charged to it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::price::{Price, PriceTable};
use crate::error::{Error, Result};
use crate::provider::message::{Completion, Event, Request, Usage};
use crate::provider::{Each, EmbedRequest, Embeddings, Pending, Provider};

/// Most conversations whose cost is remembered; the one charged longest ago goes first.
const CONVERSATIONS: usize = 100_000;

/// What was spent so far, in millionths of a US dollar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spent {
    /// By all conversations.
    pub total: u64,
    /// Of it, by calls that were given up or failed midway: estimated from the lengths of texts.
    pub estimated: u64,
    /// Calls that were refused.
    pub refused: u64,
    /// Calls whose provider did not say how many tokens it counted: estimated as well.
    pub uncounted: u64,
}

#[derive(Debug, Default)]
struct Book {
    /// What each conversation spent, and when it was last charged (a running number).
    conversations: HashMap<String, (u64, u64)>,
    turn: u64,
    spent: Spent,
}

/// The budgets of one runtime and what was spent of them since it was built. In memory.
#[derive(Debug)]
pub struct Ledger {
    conversation: Option<u64>,
    total: Option<u64>,
    prices: PriceTable,
    book: Mutex<Book>,
}

impl Ledger {
    /// Budgets in millionths of a US dollar, for each conversation and for all; `None` is no limit.
    pub fn new(conversation: Option<u64>, total: Option<u64>, prices: PriceTable) -> Self {
        Ledger {
            conversation,
            total,
            prices,
            book: Mutex::default(),
        }
    }

    /// What was spent so far.
    pub fn spent(&self) -> Spent {
        self.with(|book| book.spent)
    }

    /// What one conversation spent so far.
    pub fn spent_by(&self, conversation: &str) -> u64 {
        self.with(|book| book.conversations.get(conversation).map_or(0, |(n, _)| *n))
    }

    /// The prices.
    pub fn prices(&self) -> &PriceTable {
        &self.prices
    }

    fn with<T>(&self, change: impl FnOnce(&mut Book) -> T) -> T {
        change(&mut self.book.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Refuses a call where a budget is used up. Calls that run at once may together go over it by what they cost.
    fn admit(&self, conversation: Option<&str>) -> Result<()> {
        self.with(|book| {
            let own = conversation
                .and_then(|c| book.conversations.get(c))
                .map_or(0, |(n, _)| *n);
            let over = [
                ("this conversation", self.conversation, own),
                ("all conversations", self.total, book.spent.total),
            ]
            .into_iter()
            .find_map(|(what, limit, got)| Some((what, limit.filter(|l| got >= *l)?, got)));
            match over {
                None => Ok(()),
                Some((what, limit, got)) => {
                    book.spent.refused += 1;
                    Err(Error::Limit {
                        what: format!("cost of {what} in millionths of a US dollar"),
                        limit,
                        got,
                    })
                }
            }
        })
    }

    fn charge(&self, conversation: Option<&str>, cost: u64, note: impl FnOnce(&mut Spent)) {
        self.with(|book| {
            book.spent.total = book.spent.total.saturating_add(cost);
            note(&mut book.spent);
            let Some(conversation) = conversation else {
                return;
            };
            book.turn += 1;
            let turn = book.turn;
            let entry = book
                .conversations
                .entry(conversation.to_owned())
                .or_default();
            entry.0 = entry.0.saturating_add(cost);
            entry.1 = turn;
            if book.conversations.len() > CONVERSATIONS {
                let oldest = book.conversations.iter().min_by_key(|(_, (_, at))| *at);
                if let Some(oldest) = oldest.map(|(name, _)| name.clone()) {
                    book.conversations.remove(&oldest);
                }
            }
        });
    }
}

/// A provider whose calls are charged. A model without a price is refused: a budget that cannot be kept is none.
#[derive(Debug)]
pub struct Budgeted {
    inner: Arc<dyn Provider>,
    ledger: Arc<Ledger>,
    price: Option<Price>,
}

impl Budgeted {
    /// Charges a provider to a ledger. `price` is this provider's own; that of the ledger's table where `None`.
    pub fn new(inner: Arc<dyn Provider>, ledger: Arc<Ledger>, price: Option<Price>) -> Self {
        Budgeted {
            inner,
            ledger,
            price,
        }
    }

    fn price(&self) -> Result<Price> {
        let known = self.price.as_ref();
        known
            .or_else(|| self.ledger.prices.price(self.inner.model()))
            .cloned()
            .ok_or_else(|| {
                Error::unavailable(
                    format!("provider {} under a budget", self.inner.name()),
                    format!(
                        "the price of {} is not known: give it as `price` of the provider",
                        self.inner.model()
                    ),
                )
            })
    }

    async fn call(&self, request: &Request, each: Option<&Each<'_>>) -> Result<Completion> {
        if !self.inner.real_ai() {
            // Nobody is paid.
            return match each {
                Some(each) => self.inner.stream(request, each).await,
                None => self.inner.complete(request).await,
            };
        }
        let price = self.price()?;
        let conversation = request.conversation.as_deref();
        self.ledger.admit(conversation)?;
        let bytes = serde_json::to_string(request).map_or(0, |text| text.len() as u64);
        let mut open = Open {
            ledger: &self.ledger,
            conversation,
            price: &price,
            sent: bytes,
            heard: AtomicU64::new(0),
            open: each.is_some(),
        };
        let told = |event: &Event| {
            if let Event::Text(text) | Event::Reasoning(text) | Event::Refusal(text) = event {
                open.heard.fetch_add(text.len() as u64, Ordering::Relaxed);
            }
            if let Some(each) = each {
                each(event);
            }
        };
        let result = match each {
            Some(_) => self.inner.stream(request, &told).await,
            None => self.inner.complete(request).await,
        };
        if let Ok(completion) = &result {
            open.open = false;
            match completion.usage.as_ref().and_then(|u| price.cost(u)) {
                Some(cost) => self.ledger.charge(conversation, cost, |_| {}),
                None => {
                    let cost = estimate(&price, bytes, completion.text.len() as u64);
                    self.ledger
                        .charge(conversation, cost, |spent| spent.uncounted += 1);
                }
            }
        }
        result
    }
}

/// About three bytes a token, which is on the dear side for usual text.
fn estimate(price: &Price, sent: u64, heard: u64) -> u64 {
    let usage = Usage {
        input: Some(sent.div_ceil(3)),
        output: Some(heard.div_ceil(3)),
        ..Usage::default()
    };
    price.cost(&usage).unwrap_or(0)
}

/// A streamed call that may be given up: what it cost until then is estimated.
struct Open<'a> {
    ledger: &'a Ledger,
    conversation: Option<&'a str>,
    price: &'a Price,
    sent: u64,
    heard: AtomicU64,
    open: bool,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        let heard = self.heard.load(Ordering::Relaxed);
        // A call that failed before a reply began costs nothing.
        if self.open && heard > 0 {
            let cost = estimate(self.price, self.sent, heard);
            self.ledger
                .charge(self.conversation, cost, |spent| spent.estimated += cost);
        }
    }
}

impl Provider for Budgeted {
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

    /// Not charged: prices of embeddings are not in the table.
    fn embed<'a>(&'a self, request: &'a EmbedRequest) -> Pending<'a, Result<Embeddings>> {
        self.inner.embed(request)
    }
}
