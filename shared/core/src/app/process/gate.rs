//! Minding the gate that all processors of a stream share: a failing destination is left in peace, but
//! for one probe at a time.

use super::work::Work;
use crate::{
    app::send::Place,
    decide::backoff_ms,
    guard::Guard,
    model::{Blame, Budget, Gate, Later, Outcome, RetryPolicy, SkipReason, Wait, WaitOn},
    ports::{Clock, Ids, PageQueue, Random, Store},
};

/// So many failures in a row, without a success between, speak of the destination.
const FAILURES_IN_A_ROW: u32 = 5;
/// After so many successes a failure among requests in flight speaks of load.
const SUCCESSES_UNDER_LOAD: u32 = 10;
/// Who says that a quota is used up, and not until when, is asked again after this, in ms.
const QUOTA_AGAIN_MS: u64 = 900_000;
/// The shortest time from one probe of a failing destination to the next, in ms.
pub(super) const PROBE_EVERY_MS: u64 = 1_000;
/// After so many probes in vain it is an outage, and no hiccup: half a minute.
const OUTAGE_FROM_FAILURES: u32 = 6;
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
            let probe = self.shared.probe(self.gate, until_ms).await;
            self.valve = match probe {
                Ok(true) => Valve::Probing,
                Ok(false) | Err(_) if !Guard::OneProbe.stands() => Valve::Probing,
                Ok(false) | Err(_) => Valve::Shut { wait_ms: PROBE_EVERY_MS },
            };
        }
    }

    /// Learns from a request how the destination does, and minds the shared gate.
    pub(super) async fn mind_destination(&mut self, outcomes: &[(Place, Outcome)]) {
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
        if laters().any(|later| later.blame == Blame::Quota) {
            self.tally.throttled += 1;
            self.use_up(laters().filter_map(|later| later.after_ms).max()).await;
            return;
        }
        if laters().any(|later| later.blame == Blame::Limit) {
            self.tally.throttled += 1;
            let after_ms = laters().filter_map(|later| later.after_ms).max();
            let wait_ms = after_ms.unwrap_or(PROBE_EVERY_MS);
            self.shut(wait_ms, 0).await;
            return;
        }
        if answered {
            self.failures_in_a_row = 0;
            self.successes += 1;
            if self.valve == Valve::Probing {
                self.valve = Valve::Open;
                self.gate = Gate::default();
                // Should this fail, others probe once more before they go on.
                let _ = self.shared.change(Budget::open).await;
            }
            return;
        }
        let Some(worst) = laters()
            .filter(|later| !matches!(later.blame, Blame::Entity | Blame::Batch))
            .max_by_key(|later| later.blame == Blame::Destination)
        else {
            return;
        };
        self.failures_in_a_row += 1;
        if self.fails_under_load(worst) {
            let now_ms = self.ports.clock.now_ms();
            tracing::info!(
                stream = %self.flow.stream, reason = %worst.reason,
                "the destination fails under load: half as many requests at once"
            );
            self.permits.slow_down();
            // Should this fail, the others find out for themselves.
            let terms = &self.shared.terms;
            let _ = self.shared.change(|budget| budget.slow_down(terms, now_ms)).await;
            return;
        }
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
            if failures == OUTAGE_FROM_FAILURES {
                tracing::error!(
                    stream = %self.flow.stream, reason = %worst.reason,
                    "the destination is down: everything waits, and one probe after the other is sent"
                );
            }
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
        let _ = self.shared.change(|budget| budget.shut(until_ms, failures)).await;
    }

    /// Some requests of many fail: the destination is not down, it bears no more at once.
    fn fails_under_load(&self, worst: &Later) -> bool {
        self.valve == Valve::Open
            && self.permits.is_busy()
            && self.successes >= SUCCESSES_UNDER_LOAD
            && self.failures_in_a_row < FAILURES_IN_A_ROW
            && (worst.blame == Blame::Destination || worst.unknown)
    }

    /// The destination says that a quota is used up.
    async fn use_up(&mut self, after_ms: Option<u64>) {
        let now_ms = self.ports.clock.now_ms();
        let quotas = &self.shared.terms.quotas;
        let until_ms = self.shared.change(|budget| budget.use_up(quotas, now_ms)).await;
        match until_ms {
            Ok(Some(until_ms)) => self.permits.wait_for(Wait { on: WaitOn::Quota, until_ms }),
            // The flow knows of no quota.
            _ => self.shut(after_ms.unwrap_or(QUOTA_AGAIN_MS), 0).await,
        }
    }

    /// Goes by the budget as it was changed by what an answer said.
    pub(super) fn mind_budget(&mut self) {
        let (budget, now_ms) = (self.shared.seen(), self.ports.clock.now_ms());
        self.permits.pace(&budget);
        if budget.gate.shut_until_ms > now_ms && self.valve == Valve::Open {
            self.valve = Valve::Shut { wait_ms: since(now_ms, budget.gate.shut_until_ms) };
        }
    }
}

/// From now until then, in ms.
pub(super) fn since(now_ms: i64, moment_ms: i64) -> u64 {
    u64::try_from(moment_ms - now_ms).unwrap_or(0)
}
