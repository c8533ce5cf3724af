//! Time and chance, as a provider sees them: injected, so that waits and tokens can be tested.

use std::fmt;
use std::time::SystemTime;

/// Where a provider takes the time of day and its random numbers from. Waiting itself is tokio's, whose clock can be
/// paused.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The time of day: for dates in `Retry-After` and in signed tokens.
    fn now(&self) -> SystemTime;

    /// A number in [0, 1): shortens waits so that clients do not come back in step.
    fn jitter(&self) -> f64;
}

/// The system's clock, and jitter from its nanoseconds.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn jitter(&self) -> f64 {
        let nanos = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |d| d.subsec_nanos());
        f64::from(nanos % 1000) / 1000.0
    }
}
