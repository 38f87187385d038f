//! What the application needs of the world.
//!
//! A port answers with a decision and never sleeps, except for [`Clock::sleep_until`]. Any call may
//! fail with [`Unavailable`], and then its effect may or may not have happened: every method says
//! what a repeat does, and the application relies on just that. One contract suite holds every
//! implementation to it.
//!
//! Store, queue, clock and ids are native async traits with static dispatch; a [`Platform`] names them. `dyn` is kept for what
//! a flow chooses at run time: [`Source`], [`Transform`], [`Destination`].

mod answer;
mod around;
mod clock;
mod destination;
mod digest;
mod key_value;
mod lookup;
mod parts;
mod platform;
mod queue;
mod source;
mod store;
mod transform;

pub use crate::model::Advance;
pub use answer::{BoxFuture, Unavailable};
pub use around::Around;
pub use clock::{Clock, Ids, Random};
pub use destination::{Batching, Delivery, Destination, Outgoing, Route};
pub use digest::{Digests, Notifier};
pub use key_value::{KeyValueStore, Swap};
pub use lookup::{Found, LookedUp, Lookup};
pub use parts::Parts;
pub use platform::Platform;
pub use queue::{PageQueue, QueueLimits, Receipt};
pub use source::{Batch, Held, Marker, Source, SourceError, Walk};
pub use store::{
    Claim, ClaimEnd, Claimant, CursorStore, Ending, Lease, Ledger, Loaded, Moved, NewPage, Over,
    ParkedStore, Seal, Settle, Store, Suspects, Void, WholePage,
};
pub use transform::{Transform, Transformed};
