//! What a destination permits, and what of it is in use: shared by all who send to it.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{EpochMs, Kept, ShelfKey, StreamId};

/// Names a budget: a stream's own, or one that several flows and connections share.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BudgetId(Box<str>);

impl BudgetId {
    /// The stream's own.
    pub fn of_stream(stream: &StreamId) -> Self {
        Self(format!("stream/{stream}").into())
    }

    /// One that is shared by its name.
    pub fn shared(name: &str) -> Self {
        Self(format!("shared/{name}").into())
    }

    /// Where it is kept.
    pub fn key(&self) -> ShelfKey {
        ShelfKey::new("budget", &self.0)
    }
}

/// A budget as it is kept. Whoever changes it swaps the whole: it is small.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Budget {
    /// The gate before the destination.
    #[serde(flatten)]
    pub gate: Gate,
    /// Those of streams whose credentials or address are refused, where several share the budget.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub refused: BTreeMap<Box<str>, Gate>,
    /// The next moment that was not given away, in µs since 1970.
    pub next_us: i64,
    /// How fast the destination's own headers let us go on, for a while.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paced: Option<Paced>,
    /// Who holds slots.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub holders: Vec<Holder>,
    /// Streams that share the budget and found no slot, the newest of each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<Waiting>,
    /// Slots that the destination bears just now, where that is fewer than it permits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bears: Option<Bears>,
    /// What was used of each quota, by what the quota says: requests by the beginning of their span, in ms.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub used: BTreeMap<Box<str>, Vec<(EpochMs, u64)>>,
    /// When a stream of each priority last asked, the most urgent first; 0 for never.
    #[serde(skip_serializing_if = "is_never")]
    pub asked_ms: [EpochMs; 3],
    /// Tells one writer's from another's.
    pub by: Box<str>,
}

fn is_never(asked_ms: &[EpochMs; 3]) -> bool {
    *asked_ms == [0; 3]
}

/// Kept for so long after its last change: longer than any quota's period.
const KEPT_MS: EpochMs = 40 * 86_400_000;

impl Budget {
    /// Reads what is kept. What cannot be read is begun anew: a budget holds nothing that time does not
    /// bring back.
    pub fn read(kept: Option<&Kept>) -> Self {
        let read = kept.map(|kept| serde_json::from_slice(&kept.value));
        match read {
            None => Self::default(),
            Some(Ok(budget)) => budget,
            Some(Err(error)) => {
                tracing::error!(%error, "a budget cannot be read and is begun anew");
                Self::default()
            }
        }
    }

    /// As it is kept.
    pub fn to_kept(&self, now_ms: EpochMs) -> Kept {
        let value = serde_json::to_vec(self).expect("plain data");
        Kept { value: Bytes::from(value), expires_ms: now_ms + KEPT_MS }
    }
}

/// The gate: shut while the destination is down or asked us to wait.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Gate {
    /// Nothing is sent before this moment.
    pub shut_until_ms: EpochMs,
    /// Failed probes in a row. While above zero, the gate opens only for one probe at a time.
    pub failures: u32,
    /// Until then a probe may be out; 0 for none.
    #[serde(skip_serializing_if = "is_zero")]
    pub probe_until_ms: EpochMs,
}

fn is_zero(moment_ms: &EpochMs) -> bool {
    *moment_ms == 0
}

/// A probe is out no longer than it takes, mostly: it is worth coming back soon.
const PROBED_MS: EpochMs = 1_000;

impl Gate {
    /// Until when nobody sends but who probes, if so.
    pub fn wait_until_ms(&self, now_ms: EpochMs) -> Option<EpochMs> {
        if self.shut_until_ms > now_ms {
            return Some(self.shut_until_ms);
        }
        (self.failures > 0).then_some(now_ms + PROBED_MS)
    }
}

/// A pace that the destination's headers ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paced {
    /// From one request to the next, in µs.
    pub spacing_us: i64,
    /// For so long.
    pub until_us: i64,
}

/// An invocation that may have requests in flight.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Which.
    pub owner: Box<str>,
    /// Whose, where streams share the budget.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub stream: Box<str>,
    /// How many.
    pub slots: u32,
    /// None of them is in flight after this.
    pub until_ms: EpochMs,
}

/// A stream that found no slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// Which.
    pub stream: Box<str>,
    /// How urgent it is.
    pub urgency: u8,
    /// When.
    pub at_ms: EpochMs,
}

/// How many requests at once a destination bears that has failed under more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bears {
    /// Slots.
    pub slots: u32,
    /// When that last changed.
    pub since_ms: EpochMs,
}

/// What an invocation asks of a budget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask<'a> {
    /// The invocation.
    pub owner: &'a str,
    /// Now, in µs since 1970: no moment is earlier.
    pub now_us: i64,
    /// From one moment to the next, in µs; 0 where no rate is kept.
    pub spacing_us: i64,
    /// How many requests are to be sent.
    pub want: u32,
    /// No moment is later.
    pub until_us: i64,
    /// Most requests that the owner would have in flight at once, those that it has already included.
    pub slots: u32,
    /// With fewer than these, moments that follow each other could not all be used.
    pub slots_needed: u32,
    /// Of them, in flight now.
    pub slots_busy: u32,
    /// Until when they may be.
    pub slots_until_ms: EpochMs,
    /// It is for the one probe that a shut gate lets pass.
    pub is_probe: bool,
}

/// Moments that a budget leased. Whoever does not use one lets it pass.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Leased {
    /// The first of them.
    pub first_us: i64,
    /// From one to the next.
    pub spacing_us: i64,
    /// How many.
    pub count: u32,
    /// None may be used after this; quotas count them as used then.
    pub until_us: i64,
}

/// What came of asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// Requests that the owner may have in flight from now on.
    pub slots: u32,
    /// When it may send them.
    pub leased: Leased,
    /// Where nothing was leased: why, and until when.
    pub wait: Option<Wait>,
}

/// Why nothing was to be had of a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// For what.
    pub on: WaitOn,
    /// It is worth asking again then.
    pub until_ms: EpochMs,
}

/// What somebody waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitOn {
    /// Others hold all slots.
    Slots,
    /// The next moment comes too late.
    Moments,
    /// A quota is used up until it is reset.
    Quota,
    /// The gate is shut.
    Gate,
}
