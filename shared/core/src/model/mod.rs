//! The words that every part shares. Plain data: no rules, no I/O.

mod budget;
mod cursor;
mod digest;
mod flow;
mod kept;
mod message;
mod outcome;
mod page;
mod parked;
mod position;
mod record;
mod secret;
mod stream;

pub use budget::{
    Ask, Bears, Budget, BudgetId, Gate, Grant, Holder, Leased, Paced, Wait, WaitOn, Waiting,
};
pub use cursor::{Advance, Cursor};
pub use digest::{Digest, DigestState, ErrorGroup, ParkedError};
pub use flow::{
    DeadLetters, FlowSettings, OnUnknown, Ordering, Priority, Quota, RateLimit, RequestKind, Reset,
    RetryPolicy,
};
pub use kept::{Kept, ShelfKey};
pub use message::{Message, PageMessage, ReplayMessage, WireRecord};
pub use outcome::{Allowance, Blame, Later, Outcome, SkipReason};
pub use page::{Emission, Fence, Page, PageNumber, PageState, Settled, Settling};
pub use parked::{Parked, RecordKey};
pub use position::{Mark, Moment, Position, RecordId};
pub use record::{Edition, Record, Version};
pub use secret::Secret;
pub use stream::{StreamId, StreamIdError};

/// Milliseconds since 1970-01-01T00:00:00Z.
pub type EpochMs = i64;
