//! The words that every part shares. Plain data: no rules, no I/O.

mod budget;
mod cursor;
mod digest;
mod flow;
mod message;
mod outcome;
mod page;
mod parked;
mod position;
mod record;
mod secret;
mod stall;
mod stored;
mod stream;
mod time;

pub use budget::{
    AdaptiveLimit, AdvertisedRate, Ask, Budget, BudgetId, Circuit, Grant, Holder, Leased, Wait,
    WaitOn, Waiting,
};
pub use cursor::{Advance, Cursor, Ended};
pub use digest::{Digest, DigestState, ErrorGroup, ParkedError};
pub use flow::{
    DeadLetters, FlowSettings, OnUnknown, Ordering, Priority, Quota, RateLimit, RequestKind, Reset,
    RetryPolicy,
};
pub use message::{Message, PageMessage, ReplayMessage, WireRecord};
pub use outcome::{Allowance, Blame, Later, Outcome, SkipReason};
pub use page::{Emission, Fence, Page, PageNumber, PageState, Settled, Settling};
pub use parked::{Parked, Refused};
pub use position::{Mark, Moment, Position, RecordId, Step};
pub use record::{Edition, Record, RecordKey, Version};
pub use secret::Secret;
pub use stall::{DeliverState, FetchState, ShownStall, Stall, StallOn};
pub use stored::{Stored, StoredKey};
pub use stream::{StreamId, StreamIdError};
pub use time::EpochMs;
