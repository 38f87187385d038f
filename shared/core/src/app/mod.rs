//! The commit protocol over the ports.
//!
//! One rule: a queue message is only a carrier; the page item names the one live emission. Every
//! function here can be dropped at any await, and run again by anybody, without losing a record.

mod breaker;
mod bury;
mod careful;
mod commit;
mod digest;
mod fetch;
mod operate;
mod permits;
mod process;
mod replay;
mod send;

use serde::Serialize;

use crate::{
    model::{FlowSettings, StreamId},
    ports::{Destination, Lookup, Receipt, Source, Transform},
};

pub use bury::{Burial, bury};
pub use digest::{DigestReport, digest, preview};
pub use fetch::{End, FetchReport, FetchRun, fetch};
pub use operate::{
    Recovered, ReplayRequest, Status, list_parked, recover, replay, rewind, set_paused, status,
};
pub use process::{Arrival, ProcessReport, process};
pub use replay::process_replay;

/// What an invocation works with.
#[derive(Debug)]
pub struct Ports<S, Q, C, E> {
    /// The state table.
    pub store: S,
    /// The page queue.
    pub queue: Q,
    /// The clock.
    pub clock: C,
    /// Randomness and ids.
    pub entropy: E,
}

/// One stream, ready to run.
pub struct Flow {
    /// Which.
    pub stream: StreamId,
    /// What the protocol goes by.
    pub settings: FlowSettings,
    /// Where records come from.
    pub source: Box<dyn Source>,
    /// What another system knows of them, asked for before they are mapped.
    pub lookup: Option<Box<dyn Lookup>>,
    /// What becomes of them.
    pub transform: Box<dyn Transform>,
    /// Where they go.
    pub destination: Box<dyn Destination>,
}

/// What becomes of a received message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Disposition {
    /// Settled, superseded or committed: it may be deleted.
    Acknowledge,
    /// It comes back after so many ms.
    GiveBack {
        /// The wait.
        delay_ms: u64,
    },
}

/// Counts that fetch, process and replay share.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Records that the destination took.
    pub delivered: u64,
    /// Records that needed no delivery.
    pub skipped: u64,
    /// Records that were put aside.
    pub parked: u64,
    /// Requests to the destination.
    pub requests: u64,
    /// Requests that met a limit.
    pub throttled: u64,
    /// Records left for another try after a failure.
    pub retried: u64,
}

impl Tally {
    /// Adds another's counts.
    pub fn add(&mut self, other: &Self) {
        self.delivered += other.delivered;
        self.skipped += other.skipped;
        self.parked += other.parked;
        self.requests += other.requests;
        self.throttled += other.throttled;
        self.retried += other.retried;
    }
}

/// The messages to be given back, with their waits.
fn given_back(dispositions: &[(Receipt, Disposition)]) -> Vec<(Receipt, u64)> {
    let wait = |(receipt, disposition): &(Receipt, Disposition)| match disposition {
        Disposition::Acknowledge => None,
        Disposition::GiveBack { delay_ms } => Some((receipt.clone(), *delay_ms)),
    };
    dispositions.iter().filter_map(wait).collect()
}
