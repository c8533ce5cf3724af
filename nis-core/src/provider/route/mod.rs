//! Layers around providers, each a provider itself: [`Guarded`] by a circuit breaker, [`Fallback`] from one to the
//! next, [`Cached`]; and several asked at once: [`consensus`].
//!
//! Layers are put around one another in this order, outermost first: cache, fallback, breaker; retries, rate and
//! deadline are the provider's own ([`super::HttpProvider`]).

mod breaker;
mod cache;
mod consensus;
mod fallback;
mod price;

pub use breaker::{Breaker, BreakerOptions, BreakerState, Guarded};
pub use cache::{CacheCounts, CacheOptions, Cached};
pub use consensus::{Answer, Consensus, ConsensusOptions, consensus};
pub use fallback::Fallback;
pub use price::{Price, PriceTable};
