//! What the application needs of the world.
//!
//! A port answers with a decision and never sleeps, except for [`Clock::sleep_until`]. Any call may
//! fail with [`Unavailable`], and then its effect may or may not have happened: every method says
//! what a repeat does, and the application relies on just that. One contract suite holds every
//! implementation to it.
//!
//! Store, queue, clock and ids are native async traits with static dispatch. `dyn` is kept for what
//! a flow chooses at run time: [`Source`], [`Transform`], [`Destination`].

mod clock;
mod destination;
mod digest;
mod lookup;
mod queue;
mod shelf;
mod source;
mod store;
mod transform;

use std::{future::Future, pin::Pin};

pub use crate::model::Advance;
pub use clock::{Clock, Ids, Random};
pub use destination::{Batching, Delivery, Destination, Outgoing};
pub use digest::{Digests, Notifier};
pub use lookup::{Found, LookedUp, Lookup};
pub use queue::{PageQueue, QueueLimits, Receipt};
pub use shelf::{Shelf, Swap};
pub use source::{Batch, Marker, Source, SourceError, Walk};
pub use store::{
    Claim, ClaimEnd, CursorStore, Lease, Ledger, Loaded, Moved, NewPage, ParkedStore, Seal, Settle,
    Store, Suspects, Void,
};
pub use transform::{Transform, Transformed};

/// A boxed future, for the `dyn` ports.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The port gave no answer. The effect may have happened, or may still.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no answer: {0}")]
pub struct Unavailable(pub String);
