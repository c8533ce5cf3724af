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
        let Some(rate) = self.options.per_minute.filter(|r| *r > 0.0) else {
            return Ok(());
        };
        let step = Duration::from_secs_f64((60.0 / rate).min(86_400.0));
        let burst = step.mul_f64((rate / 6.0 - 1.0).clamp(0.0, 1e6));
        let now = Instant::now();
        let at = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let due = next.map_or(now, |n| n.max(now));
            let at = due.checked_sub(burst).map_or(now, |t| t.max(now));
            if at - now > self.options.max_wait {
                return Err(self.refused(provider, "limit of calls within a minute"));
            }
            *next = Some(due + step);
            at
        };
        tokio::time::sleep_until(at).await;
        Ok(())
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

    #[tokio::test(start_paused = true)]
    async fn a_burst_passes_and_then_the_pace_holds() {
        let rate = rate(60.0, 60);
        let start = Instant::now();
        for _ in 0..10 {
            rate.turn("p").await.unwrap();
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        for n in 1..=20u64 {
            rate.turn("p").await.unwrap();
            let late = start.elapsed().abs_diff(Duration::from_secs(n));
            assert!(late <= Duration::from_millis(2), "{n}: {late:?}");
        }
        // After a pause the burst is there again.
        tokio::time::sleep(Duration::from_secs(60)).await;
        let start = Instant::now();
        for _ in 0..10 {
            rate.turn("p").await.unwrap();
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_too_far_away_is_refused_and_takes_nothing() {
        let rate = rate(1.0, 30);
        rate.turn("p").await.unwrap();
        for _ in 0..3 {
            let e = rate.turn("p").await.unwrap_err();
            assert!(matches!(e, Error::Unavailable { .. }), "{e}");
        }
        tokio::time::sleep(Duration::from_secs(31)).await;
        let start = Instant::now();
        rate.turn("p").await.unwrap();
        assert!(start.elapsed().abs_diff(Duration::from_secs(29)) <= Duration::from_millis(2));
    }

    #[tokio::test(start_paused = true)]
    async fn places_are_given_back() {
        let rate = Rate::new(RateOptions {
            per_minute: None,
            in_flight: Some(1),
            max_wait: Duration::from_secs(1),
        });
        let place = rate.place("p").await.unwrap();
        assert!(rate.place("p").await.is_err());
        drop(place);
        assert!(rate.place("p").await.is_ok());
    }
}
