//! The embedded host: a DynamoDB, a queue and a Lambda in one process, for a laptop and for tests.
//!
//! It calls the very handlers that the deployed functions call, with the very events.

mod capacity;
mod host;
mod queue;
mod sending;
mod state;
mod table;

pub use capacity::CapacityMeter;
pub use host::{Functions, Host, HostSettings, Invocations, Next};
pub use queue::{MemoryQueue, QueueCounts, QueueSettings, QueueTraffic, Received};
pub use sending::Sending;
pub use state::{StateDir, StateError};
pub use table::EmbeddedTable;
