//! Minding the gate that all processors of a stream share: a failing destination is left in peace, but
//! for one probe at a time.

use super::work::Work;
use crate::{
    decide::backoff_ms,
    guard::Guard,
    model::{Blame, Gate, Outcome, RetryPolicy, SkipReason},
    ports::{Clock, Ids, PageQueue, Random, Store},
};

/// So many failures in a row, without a success between, speak of the destination.
const FAILURES_IN_A_ROW: u32 = 5;
/// The shortest time from one probe of a failing destination to the next, in ms.
pub(super) const PROBE_EVERY_MS: u64 = 1_000;
/// The longest, unless the destination asks for more: how late a recovery may be noticed.
const PROBE_EVERY_MS_MAX: u64 = 30_000;

/// Whether requests may be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Valve {
    Open,
    /// One request is out to see whether the destination is back.
    Probing,
    /// Nothing more in this invocation; messages come back after so many ms.
    Shut {
        wait_ms: u64,
    },
}

impl<S: Store, Q: PageQueue, C: Clock, E: Random + Ids> Work<'_, S, Q, C, E> {
    /// Waits for nobody: a shut gate gives everything back, a failing destination gets one probe.
    pub(super) async fn pass_gate(&mut self) {
        let now_ms = self.ports.clock.now_ms();
        if self.gate.shut_until_ms > now_ms {
            self.valve = Valve::Shut { wait_ms: since(now_ms, self.gate.shut_until_ms) };
        } else if self.gate.failures > 0 {
            let until_ms = now_ms.saturating_add_unsigned(PROBE_EVERY_MS);
            let probe = self.ports.store.probe(&self.flow.stream, self.gate, until_ms).await;
            self.valve = match probe {
                Ok(true) => Valve::Probing,
                Ok(false) | Err(_) if !Guard::OneProbe.stands() => Valve::Probing,
                Ok(false) | Err(_) => Valve::Shut { wait_ms: PROBE_EVERY_MS },
            };
        }
    }

    /// Learns from a request how the destination does, and minds the shared gate.
    pub(super) async fn mind_destination(&mut self, outcomes: &[(u32, Outcome)]) {
        let laters = || {
            outcomes.iter().filter_map(|(_, outcome)| match outcome {
                Outcome::Later(later) => Some(later),
                _ => None,
            })
        };
        let answered = outcomes.iter().any(|(_, outcome)| {
            matches!(
                outcome,
                Outcome::Delivered
                    | Outcome::Skipped(SkipReason::Duplicate)
                    | Outcome::Refused { status: Some(_), .. }
            )
        });
        if laters().any(|later| later.blame == Blame::Limit) {
            self.tally.throttled += 1;
            let after_ms = laters().filter_map(|later| later.after_ms).max();
            let wait_ms = after_ms.unwrap_or(PROBE_EVERY_MS);
            self.shut(wait_ms, 0).await;
            return;
        }
        if answered {
            self.failures_in_a_row = 0;
            if self.valve == Valve::Probing {
                self.valve = Valve::Open;
                self.gate = Gate::default();
                // Should this fail, others probe once more before they go on.
                let _ = self.ports.store.open(&self.flow.stream).await;
            }
            return;
        }
        let Some(worst) = laters()
            .filter(|later| later.blame != Blame::Entity)
            .max_by_key(|later| later.blame == Blame::Destination)
        else {
            return;
        };
        self.failures_in_a_row += 1;
        let down = worst.blame == Blame::Destination
            || self.failures_in_a_row >= FAILURES_IN_A_ROW
            || self.valve == Valve::Probing;
        if down {
            let failures = self.gate.failures + 1;
            let policy = RetryPolicy {
                base_ms: PROBE_EVERY_MS,
                cap_ms: PROBE_EVERY_MS_MAX,
                ..self.flow.settings.retry
            };
            let asked_ms = laters().filter_map(|later| later.after_ms).max().unwrap_or(0);
            let wait_ms = backoff_ms(&policy, failures - 1).max(asked_ms);
            tracing::warn!(
                stream = %self.flow.stream, wait_ms, failures, reason = %worst.reason,
                "the destination fails: one probe after that wait"
            );
            self.shut(wait_ms, failures).await;
        }
    }

    async fn shut(&mut self, wait_ms: u64, failures: u32) {
        if let Valve::Shut { wait_ms: already_ms } = self.valve {
            // Requests that were in flight together fail together: that is one failure.
            self.valve = Valve::Shut { wait_ms: already_ms.max(wait_ms) };
            return;
        }
        self.valve = Valve::Shut { wait_ms };
        let until_ms = self.ports.clock.now_ms().saturating_add_unsigned(wait_ms);
        // Should this fail, the others find out for themselves.
        let _ = self.ports.store.shut(&self.flow.stream, until_ms, failures).await;
    }
}

/// From now until then, in ms.
pub(super) fn since(now_ms: i64, moment_ms: i64) -> u64 {
    u64::try_from(moment_ms - now_ms).unwrap_or(0)
}
