//! Events inside the process.
//!
//! Floor 3: imports floors 0 to 2. Agents publish what they did on a [`Bus`]; hosts and other agents
//! subscribe. [`LocalBus`] keeps the newest events in a ring: a slow subscriber is told how many it missed
//! and never holds a publisher up.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::broadcast;

use crate::error::{Error, Result};

/// Events that a [`LocalBus`] keeps for slow subscribers.
pub const CAPACITY: usize = 1024;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// What kind of event, for example `chat.answered`.
    pub topic: String,
    /// The agent that published it.
    pub source: String,
    /// Its content; never a key or a user's text.
    pub payload: Value,
    /// Seconds since 1970-01-01 UTC.
    pub at: f64,
}

/// Where events are published.
pub trait Bus: Send + Sync + fmt::Debug {
    /// Hands an event to all who subscribe now; gives their number.
    fn publish(&self, event: Event) -> usize;

    /// Events from now on.
    fn subscribe(&self) -> Box<dyn Subscription>;
}

/// Events in the order of their publication.
pub trait Subscription: Send {
    /// Waits for the next event; `None` when the bus is gone.
    ///
    /// # Errors
    /// [`Error::Limit`] once, with the number of events missed, where this subscriber was too slow.
    fn next(&mut self) -> Pin<Box<dyn Future<Output = Result<Option<Event>>> + Send + '_>>;
}

/// The bus inside one process.
#[derive(Debug)]
pub struct LocalBus {
    sender: broadcast::Sender<Event>,
}

impl Default for LocalBus {
    fn default() -> Self {
        LocalBus {
            sender: broadcast::Sender::new(CAPACITY),
        }
    }
}

impl Bus for LocalBus {
    fn publish(&self, event: Event) -> usize {
        self.sender.send(event).unwrap_or(0)
    }

    fn subscribe(&self) -> Box<dyn Subscription> {
        Box::new(LocalSubscription(self.sender.subscribe()))
    }
}

struct LocalSubscription(broadcast::Receiver<Event>);

impl Subscription for LocalSubscription {
    fn next(&mut self) -> Pin<Box<dyn Future<Output = Result<Option<Event>>> + Send + '_>> {
        Box::pin(async move {
            match self.0.recv().await {
                Ok(event) => Ok(Some(event)),
                Err(broadcast::error::RecvError::Closed) => Ok(None),
                Err(broadcast::error::RecvError::Lagged(missed)) => Err(Error::Limit {
                    what: "events not yet read".into(),
                    limit: CAPACITY as u64,
                    got: (CAPACITY as u64).saturating_add(missed),
                }),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(n: u64) -> Event {
        Event {
            topic: "test".into(),
            source: "test".into(),
            payload: n.into(),
            at: 0.0,
        }
    }

    #[tokio::test]
    async fn every_subscriber_gets_every_event_in_order() {
        let bus = LocalBus::default();
        assert_eq!(bus.publish(event(0)), 0);
        let mut subscribers = [bus.subscribe(), bus.subscribe()];
        for n in 1..=3 {
            assert_eq!(bus.publish(event(n)), 2);
        }
        drop(bus);
        for subscriber in &mut subscribers {
            for n in 1..=3 {
                assert_eq!(subscriber.next().await.unwrap(), Some(event(n)));
            }
            assert_eq!(subscriber.next().await.unwrap(), None);
        }
    }

    #[tokio::test]
    async fn a_slow_subscriber_learns_what_it_missed() {
        let bus = LocalBus::default();
        let mut slow = bus.subscribe();
        for n in 0..CAPACITY as u64 + 5 {
            bus.publish(event(n));
        }
        let Err(Error::Limit { got, .. }) = slow.next().await else {
            panic!("missed nothing")
        };
        assert_eq!(got, CAPACITY as u64 + 5);
        assert_eq!(slow.next().await.unwrap(), Some(event(5)));
    }
}
