//! What an invocation says that it did.

use serde::Serialize;

use crate::{
    model::{EpochMs, ErrorGroup, Stall},
    ports::Receipt,
};

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

/// Counts that process and replay share.
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

/// What a processor's invocation did.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ProcessReport {
    /// Records and requests.
    #[serde(flatten)]
    pub tally: Tally,
    /// Pages that this invocation finished.
    pub pages_done: u64,
    /// Messages whose page was superseded, void or committed already.
    pub pages_stale: u64,
    /// A quota is used up, and what is left goes on then.
    pub quota_until_ms: Option<EpochMs>,
    /// When the invocation began. Others may have found since then that the stream waits.
    #[serde(skip)]
    pub began_ms: EpochMs,
    /// When it ended.
    #[serde(skip)]
    pub ended_ms: EpochMs,
    /// Something was settled.
    #[serde(skip)]
    pub settled: bool,
    /// Why delivery did not get on, and until when.
    #[serde(skip)]
    pub stall: Option<Stall>,
    /// Why records were parked.
    #[serde(skip)]
    pub errors: Vec<ErrorGroup>,
    /// What becomes of each message.
    #[serde(skip)]
    pub dispositions: Vec<(Receipt, Disposition)>,
}

impl ProcessReport {
    /// The messages to be given back, with their waits.
    pub(super) fn given_back(&self) -> Vec<(Receipt, u64)> {
        let wait = |(receipt, disposition): &(Receipt, Disposition)| match disposition {
            Disposition::Acknowledge => None,
            Disposition::GiveBack { delay_ms } => Some((receipt.clone(), *delay_ms)),
        };
        self.dispositions.iter().filter_map(wait).collect()
    }
}
