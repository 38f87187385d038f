//! `retry`: how a failed delivery is tried again.

use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_core::model::{self, RetryPolicy};

use crate::{
    file::{At, Fault, Findings},
    value::Millis,
};

/// A wait between tries. A queue hides a message for 12 hours at most: Amazon SQS's quotas.
type Wait = Millis<1, 43_200_000>;

/// How a failed delivery is tried again: with growing, capped waits.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Retry {
    /// Tries before a record is parked. Default 20.
    #[schemars(range(min = 1, max = 1000))]
    attempts: Option<u32>,
    /// The first wait. Default `1s`.
    base: Option<At<Wait>>,
    /// The longest wait. Default `10m`.
    cap: Option<At<Wait>>,
    /// So many records are refused in a row, and none is taken, before the run stops and says so, instead of
    /// parking all that there is. Default 100; 0 parks any number.
    #[schemars(range(max = 1000000))]
    refused_max: Option<u32>,
    /// What becomes of a page whose message was received too often without being settled: `park`
    /// (default) parks what it still held, `block` keeps the watermark before it.
    dead_letters: Option<DeadLetters>,
}

/// What becomes of a page whose message was received too often.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum DeadLetters {
    /// What it still held is parked, and the rest passes.
    Park,
    /// The watermark stays before it.
    Block,
}

impl Retry {
    /// Notes waits that contradict each other.
    pub(crate) fn check(&self, findings: &mut Findings) {
        let policy = self.policy();
        let stated = self.cap.as_ref().or(self.base.as_ref());
        if let (Some(stated), true) = (stated, policy.base_ms > policy.cap_ms) {
            let message = "the first wait (`retry.base`) is longer than the longest (`retry.cap`)";
            findings.add(Fault::new(stated.place, message, "raise `cap` or lower `base`"));
        }
    }

    /// As the protocol takes it.
    pub(crate) fn policy(&self) -> RetryPolicy {
        let default = RetryPolicy::default();
        let ms =
            |wait: &Option<At<Wait>>, default| wait.as_ref().map_or(default, |wait| wait.value.0);
        RetryPolicy {
            attempts_max: self.attempts.unwrap_or(default.attempts_max),
            refused_max: self.refused_max.unwrap_or(default.refused_max),
            base_ms: ms(&self.base, default.base_ms),
            cap_ms: ms(&self.cap, default.cap_ms),
        }
    }

    /// What becomes of dead letters, where the flow says so.
    pub(crate) fn dead_letters(&self) -> Option<model::DeadLetters> {
        self.dead_letters.map(|dead_letters| match dead_letters {
            DeadLetters::Park => model::DeadLetters::Park,
            DeadLetters::Block => model::DeadLetters::Block,
        })
    }
}
