//! How often and how many at once a provider is asked.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use crate::error::{Error, Result};

/// Limits of one provider. What is `None` is not limited.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateOptions {
    /// Tries within a minute, spread evenly after a burst of a sixth of them.
    pub per_minute: Option<f64>,
    /// Calls at once.
    pub in_flight: Option<usize>,
    /// How long a call may wait for its turn.
    pub max_wait: Duration,
}

/// A turnstile before a provider: the generic cell rate algorithm (ITU-T I.371) over tokio's clock, and places for
/// calls that run at once. Every try of a call takes a turn; a call keeps its place through its tries.
#[derive(Debug)]
pub struct Rate {
    options: RateOptions,
    places: Option<Semaphore>,
    /// When the next try would come at an even pace.
    next: Mutex<Option<Instant>>,
}

impl Rate {
    /// A turnstile that nobody passed yet.
    pub fn new(options: RateOptions) -> Self {
        Rate {
            options,
            places: options
                .in_flight
                .map(|n| Semaphore::new(n.clamp(1, 1 << 20))),
            next: Mutex::new(None),
        }
    }

    fn refused(&self, provider: &str, what: &str) -> Error {
        Error::unavailable(
            format!("provider {provider}"),
            format!(
                "its {what} is reached, and a turn is more than {:.1} s away",
                self.options.max_wait.as_secs_f64()
            ),
        )
    }

    /// A place among the calls that run; given back when it is dropped.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where none is free within the wait.
    pub async fn place(&self, provider: &str) -> Result<Option<SemaphorePermit<'_>>> {
        let Some(places) = &self.places else {
            return Ok(None);
        };
        match tokio::time::timeout(self.options.max_wait, places.acquire()).await {
            Ok(Ok(place)) => Ok(Some(place)),
            _ => Err(self.refused(provider, "limit of calls at once")),
        }
    }

    /// Waits for the turn of one try.
    ///
    /// # Errors
    /// [`Error::Unavailable`], at once, where the turn is further away than the wait.
    pub async fn turn(&self, provider: &str) -> Result<()> {
        match self.claim(Instant::now()) {
            None => Err(self.refused(provider, "limit of calls within a minute")),
            Some(at) => {
                tokio::time::sleep_until(at).await;
                Ok(())
            }
        }
    }

    /// When a try that comes at `now` may start; `None`, and nothing is taken, where that is too far away.
    fn claim(&self, now: Instant) -> Option<Instant> {
        let Some(rate) = self.options.per_minute.filter(|r| *r > 0.0) else {
            return Some(now);
        };
        let step = Duration::from_secs_f64((60.0 / rate).min(86_400.0));
        let burst = step.mul_f64((rate / 6.0 - 1.0).clamp(0.0, 1e6));
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let due = next.map_or(now, |n| n.max(now));
        let at = due.checked_sub(burst).map_or(now, |t| t.max(now));
        if at - now > self.options.max_wait {
            return None;
        }
        *next = Some(due + step);
        Some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(per_minute: f64, wait: u64) -> Rate {
        Rate::new(RateOptions {
            per_minute: Some(per_minute),
            in_flight: None,
            max_wait: Duration::from_secs(wait),
        })
    }

    #[test]
    fn a_burst_passes_and_then_the_pace_holds() {
        let (rate, start) = (rate(60.0, 60), Instant::now());
        for _ in 0..10 {
            assert_eq!(rate.claim(start), Some(start));
        }
        for n in 1..=20u64 {
            let late = rate.claim(start).unwrap() - start;
            assert!(
                late.abs_diff(Duration::from_secs(n)) <= Duration::from_millis(1),
                "{n}: {late:?}"
            );
        }
        // After a pause the burst is there again.
        let later = start + Duration::from_secs(60);
        for _ in 0..10 {
            assert_eq!(rate.claim(later), Some(later));
        }
        assert!(rate.claim(later).unwrap() > later);
    }

    #[test]
    fn a_turn_too_far_away_is_refused_and_takes_nothing() {
        let (rate, start) = (rate(1.0, 30), Instant::now());
        assert_eq!(rate.claim(start), Some(start));
        for _ in 0..3 {
            assert_eq!(rate.claim(start), None);
        }
        let at = rate.claim(start + Duration::from_secs(31)).unwrap();
        assert_eq!(at, start + Duration::from_secs(60));
    }

    #[tokio::test]
    async fn places_are_given_back_and_refusals_say_why() {
        let rate = Rate::new(RateOptions {
            per_minute: None,
            in_flight: Some(1),
            max_wait: Duration::from_millis(10),
        });
        let place = rate.place("p").await.unwrap();
        let e = rate.place("p").await.unwrap_err();
        assert!(matches!(e, Error::Unavailable { .. }), "{e}");
        assert!(e.to_string().contains("calls at once"), "{e}");
        drop(place);
        assert!(rate.place("p").await.is_ok());
        assert!(rate.turn("p").await.is_ok());
    }
}
