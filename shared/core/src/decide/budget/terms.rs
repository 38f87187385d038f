//! What a flow says of its budget, and what time settles of one.

use std::collections::BTreeMap;

use crate::model::{Budget, EpochMs, FlowSettings, Priority, Quota, StreamId};

/// A stream that waits asks again within this, or waits no more.
const WAITING_MS: EpochMs = 5_000;
/// What was used so long ago counts in no quota.
const QUOTA_KEPT_MS: EpochMs = 40 * 86_400_000;
/// A stream that does not come back for so long after its own circuit's time is gone.
const REFUSED_KEPT_MS: EpochMs = 86_400_000;

/// What the flow says of a budget, as its rules need it.
#[derive(Debug, Clone)]
pub struct Terms {
    /// Most requests in flight, over all who share the budget.
    pub slots_max: u32,
    /// What may be used up until it is reset.
    pub quotas: Vec<Quota>,
    /// The stream's priority.
    pub priority: Priority,
    /// The stream that asks, where streams share the budget; empty where one has it for itself.
    pub stream: Box<str>,
}

impl Terms {
    /// A flow's.
    pub fn of(settings: &FlowSettings, stream: &StreamId) -> Self {
        Self::shared_by(settings, settings.budget.as_ref().map(|_| stream))
    }

    /// Those of settings, for a stream that shares the budget with others; `None` has it for itself.
    pub fn shared_by(settings: &FlowSettings, stream: Option<&StreamId>) -> Self {
        Self {
            slots_max: settings.concurrency_max.max(1),
            quotas: smallest(&settings.quotas),
            priority: settings.priority,
            stream: stream.map(|stream| stream.to_string().into()).unwrap_or_default(),
        }
    }
}

/// Of those with the same span only the smallest: each span is counted once.
fn smallest(quotas: &[Quota]) -> Vec<Quota> {
    let mut by_name: BTreeMap<Box<str>, &Quota> = BTreeMap::new();
    for quota in quotas {
        let smallest = by_name.entry(quota.name()).or_insert(quota);
        if quota.count < smallest.count {
            *smallest = quota;
        }
    }
    by_name.into_values().cloned().collect()
}

impl Budget {
    /// Forgets what time has settled.
    pub fn forget(&mut self, now_ms: EpochMs) {
        self.holders.retain(|holder| holder.until_ms > now_ms);
        self.waiting.retain(|waiting| waiting.at_ms + WAITING_MS > now_ms);
        self.refused.retain(|_, circuit| circuit.open_until_ms + REFUSED_KEPT_MS > now_ms);
        let counts = |used: &[(EpochMs, u64)]| used.iter().any(|it| it.0 + QUOTA_KEPT_MS > now_ms);
        self.used.retain(|_, used| counts(used));
        if self.advertised.is_some_and(|paced| paced.until_us <= now_ms * 1_000) {
            self.advertised = None;
        }
    }
}
