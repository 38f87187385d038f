//! What a destination permits, and what of it is in use: shared by all who send to it.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{EpochMs, Stored, StoredKey, StreamId};

/// Names a budget: a stream's own, or one that several flows and connections share.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BudgetId(Box<str>);

impl BudgetId {
    /// The stream's own.
    pub fn of_stream(stream: &StreamId) -> Self {
        Self(format!("stream/{stream}").into())
    }

    /// That of what is read, of this name: of a stream's source.
    pub fn of_source(name: &str) -> Self {
        Self(format!("source/{name}").into())
    }

    /// One that is shared by its name.
    pub fn shared(name: &str) -> Self {
        Self(format!("shared/{name}").into())
    }

    /// Where it is kept.
    pub fn key(&self) -> StoredKey {
        StoredKey::new("budget", &self.0)
    }
}

/// A budget as it is kept. It is small: a writer swaps the whole.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Budget {
    /// The circuit breaker before the destination.
    #[serde(flatten)]
    pub circuit: Circuit,
    /// Those of streams whose credentials or address are refused, where several share the budget.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub refused: BTreeMap<Box<str>, Circuit>,
    /// The next send slot that was not given away, in µs since 1970.
    pub next_us: i64,
    /// How long a request takes on the average, as the invocation saw it that leased last, in µs; 0 where that is not
    /// known. Not where streams share the budget: each may ask for something else.
    #[serde(skip_serializing_if = "is_unknown")]
    pub mean_us: u64,
    /// How fast the destination's own headers let us go on, for a while.
    #[serde(rename = "paced", skip_serializing_if = "Option::is_none")]
    pub advertised: Option<AdvertisedRate>,
    /// Invocations that may have requests in flight.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub holders: Vec<Holder>,
    /// Streams that share the budget and may start no request for now, each with its newest try.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<Waiting>,
    /// Requests at once that a destination takes which failed under more, where that is fewer than it
    /// permits.
    #[serde(rename = "bears", skip_serializing_if = "Option::is_none")]
    pub adaptive: Option<AdaptiveLimit>,
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

/// Stored for so long after its last change: longer than any quota's period.
const KEPT_MS: EpochMs = 40 * 86_400_000;

impl Budget {
    /// Reads what is kept. What cannot be read is begun anew: a budget holds nothing that time does not
    /// bring back.
    pub fn read(kept: Option<&Stored>) -> Self {
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
    pub fn to_stored(&self, now_ms: EpochMs) -> Stored {
        let value = serde_json::to_vec(self).expect("plain data");
        Stored { value: Bytes::from(value), expires_ms: now_ms + KEPT_MS }
    }
}

/// A circuit breaker: open while the destination is down or asked us to wait, half-open while it has failed
/// and waits for a probe, closed otherwise.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Circuit {
    /// Nothing is sent before this moment.
    #[serde(rename = "shut_until_ms")]
    pub open_until_ms: EpochMs,
    /// Failed probes in a row. While above zero, only one probe at a time is let through.
    pub failures: u32,
    /// Until then a probe may be out; 0 for none.
    #[serde(skip_serializing_if = "is_zero")]
    pub probe_until_ms: EpochMs,
}

fn are_none(slots: &u32) -> bool {
    *slots == 0
}

fn is_unknown(mean_us: &u64) -> bool {
    *mean_us == 0
}

fn is_zero(moment_ms: &EpochMs) -> bool {
    *moment_ms == 0
}

/// A probe is out no longer than it takes, mostly: it is worth coming back soon.
const PROBED_MS: EpochMs = 1_000;

impl Circuit {
    /// Until when nothing is sent but a probe, if so.
    pub fn wait_until_ms(&self, now_ms: EpochMs) -> Option<EpochMs> {
        if self.open_until_ms > now_ms {
            return Some(self.open_until_ms);
        }
        (self.failures > 0).then_some(now_ms + PROBED_MS)
    }
}

/// The rate that the destination's headers ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdvertisedRate {
    /// From one request to the next, in µs.
    pub spacing_us: i64,
    /// For so long.
    pub until_us: i64,
}

/// An invocation that may have requests in flight.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The invocation's own name.
    pub owner: Box<str>,
    /// Its stream, where streams share the budget; else empty.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub stream: Box<str>,
    /// Most requests that it has in flight.
    pub slots: u32,
    /// None of them is in flight after this.
    pub until_ms: EpochMs,
    /// Requests in flight that it would have, to use all of a rate; 0 where it does not say.
    #[serde(default, skip_serializing_if = "are_none")]
    pub wants: u32,
    /// When it will have sent all that it has, as far as it knows; 0 where it does not.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub done_ms: EpochMs,
}

/// A stream that may start no request for now: others have as many in flight as are permitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// `flow/connection`.
    pub stream: Box<str>,
    /// Its priority; 0 is the most urgent.
    pub urgency: u8,
    /// When it asked.
    pub at_ms: EpochMs,
}

/// Adaptive concurrency (additive increase, multiplicative decrease): how many requests at once a
/// destination takes that has failed under more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdaptiveLimit {
    /// Requests at once; at least 1.
    pub slots: u32,
    /// When that last changed.
    pub since_ms: EpochMs,
}

/// What an invocation asks of a budget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask<'a> {
    /// The invocation.
    pub owner: &'a str,
    /// Now, in µs since 1970: no send slot is earlier.
    pub now_us: i64,
    /// From one send slot to the next, in µs; 0 where no rate is kept.
    pub spacing_us: i64,
    /// Send slots that passed before they were leased are of use, too.
    pub uses_late: bool,
    /// How many requests are to be sent.
    pub want: u32,
    /// No send slot is later.
    pub until_us: i64,
    /// Most requests that the owner would have in flight at once, those that it has already included.
    pub slots: u32,
    /// With fewer than these, send slots that follow each other could not all be used.
    pub slots_needed: u32,
    /// Of them, in flight now.
    pub slots_busy: u32,
    /// Until when they may be.
    pub slots_until_ms: EpochMs,
    /// When all will be sent that the owner has; 0 where that is not known.
    pub done_ms: EpochMs,
    /// How long a request takes on the average, in µs; 0 where that is not known.
    pub mean_us: u64,
    /// It is for the one probe that a circuit which is not closed lets through.
    pub is_probe: bool,
}

/// Send slots that a budget leased, each for one request. One that is not used passes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Leased {
    /// The first of them.
    pub first_us: i64,
    /// From one to the next.
    pub spacing_us: i64,
    /// Requests.
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
    /// What is waited for.
    pub on: WaitOn,
    /// It is worth asking again then.
    pub until_ms: EpochMs,
}

/// What an invocation waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitOn {
    /// Others have as many requests in flight as are permitted.
    Concurrency,
    /// The next send slot comes too late.
    Rate,
    /// A quota is used up until it is reset.
    Quota,
    /// The circuit is not closed.
    Circuit,
}
