//! Layers around providers, each a provider itself: [`Guarded`] by a circuit breaker, [`Fallback`] from one to the
//! next, [`Cached`]; and several asked at once: [`consensus`].
//!
//! Layers are put around one another in this order, outermost first: cache, budget, fallback, breaker; retries, rate
//! and timeouts are the provider's own ([`super::HttpProvider`]).

mod agree;
mod breaker;
mod budget;
mod cache;
mod consensus;
mod fallback;
mod price;

pub use agree::Agreed;
pub use breaker::{Breaker, BreakerOptions, BreakerState, Guarded};
pub use budget::{Budgeted, Ledger, Spent};
pub use cache::{CacheCounts, CacheOptions, Cached};
pub use consensus::{Answer, Consensus, ConsensusOptions, consensus};
pub use fallback::{Fallback, Order};
pub use price::{Price, PriceTable};
