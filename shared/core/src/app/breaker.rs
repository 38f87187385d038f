//! The circuit breaker before a destination, as one invocation minds it: the gate is everybody's, and a
//! failing destination is left in peace but for one probe at a time.

use super::{
    Flow,
    permits::{Permits, Shared},
    send::Place,
};
use crate::{
    decide::{ALL, backoff_ms},
    guard::Guard,
    model::{
        Allowance, Blame, Budget, EpochMs, Gate, Later, Outcome, RetryPolicy, SkipReason, Wait,
        WaitOn,
    },
    ports::{Clock, Ids, Store},
};

/// So many failures in a row, without a success between, speak of the destination.
const FAILURES_IN_A_ROW: u32 = 5;
/// After so many successes a failure among requests in flight speaks of load.
const SUCCESSES_UNDER_LOAD: u32 = 10;
/// Who says that a quota is used up, and not until when, is asked again after this, in ms.
const QUOTA_AGAIN_MS: u64 = 900_000;
/// The shortest time from one probe of a failing destination to the next, in ms.
pub(super) const PROBE_EVERY_MS: u64 = 1_000;
/// The longest, unless the destination asks for more: how late a recovery may be noticed.
const PROBE_EVERY_MS_MAX: u64 = 30_000;
/// After so many probes in vain it is an outage, and no hiccup: half a minute.
const OUTAGE_FROM_FAILURES: u32 = 6;
/// Who leases nothing meanwhile looks at the gate so often, in ms.
const LOOK_EVERY_MS: EpochMs = 1_000;

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

/// The breaker of one invocation.
#[derive(Debug)]
pub(super) struct Breaker {
    valve: Valve,
    /// Whose gate it goes by: everybody's, or the stream's own.
    whose: Box<str>,
    /// That gate, as it was seen.
    gate: Gate,
    /// Our probe is out until then.
    probe_until_ms: EpochMs,
    failures_in_a_row: u32,
    successes: u32,
    looked_ms: EpochMs,
}

impl Breaker {
    /// Of an invocation that has just read the budget.
    pub(super) fn new(budget: &Budget, stream: &str, now_ms: EpochMs) -> Self {
        let own =
            budget.gate.wait_until_ms(now_ms).is_none() && budget.refused.contains_key(stream);
        let whose = if own { stream } else { ALL };
        Self {
            valve: Valve::Open,
            whose: whose.into(),
            gate: budget.gate_of(whose),
            probe_until_ms: 0,
            failures_in_a_row: 0,
            successes: 0,
            looked_ms: now_ms,
        }
    }

    pub(super) fn valve(&self) -> Valve {
        self.valve
    }

    pub(super) fn is_shut(&self) -> bool {
        matches!(self.valve, Valve::Shut { .. })
    }

    pub(super) fn is_probing(&self) -> bool {
        self.valve == Valve::Probing
    }

    /// Waits for nobody: a shut gate gives everything back, a failing destination gets one probe, that
    /// takes `probe_ms` at the most.
    pub(super) async fn pass<S: Store, Q, C: Clock, E: Ids>(
        &mut self,
        shared: &Shared<'_, S, Q, C, E>,
        probe_ms: u64,
    ) {
        let now_ms = shared.now_ms();
        if self.gate.shut_until_ms > now_ms {
            self.valve = Valve::Shut { wait_ms: since(now_ms, self.gate.shut_until_ms) };
        } else if self.gate.failures > 0 {
            let until_ms = now_ms.saturating_add_unsigned(probe_ms.max(PROBE_EVERY_MS));
            let (whose, seen) = (&*self.whose, self.gate);
            let probe = |budget: &mut Budget| budget.probe(whose, seen, shared.now_ms(), until_ms);
            let probe = shared.change(probe).await;
            self.valve = match probe {
                Ok(true) => {
                    self.probe_until_ms = until_ms;
                    Valve::Probing
                }
                Ok(false) | Err(_) if !Guard::OneProbe.stands() => Valve::Probing,
                Ok(false) | Err(_) => Valve::Shut { wait_ms: PROBE_EVERY_MS },
            };
        }
    }

    /// Lets go of a probe that was not made.
    pub(super) async fn leave<S: Store, Q, C: Clock, E: Ids>(
        &mut self,
        shared: &Shared<'_, S, Q, C, E>,
    ) {
        if self.is_probing() {
            self.valve = Valve::Shut { wait_ms: 0 };
            let (whose, until_ms) = (&*self.whose, self.probe_until_ms);
            // Should this fail, nobody probes until then.
            let _ = shared.change(|budget| budget.probed(whose, until_ms)).await;
        }
    }

    /// Learns from a request how the destination does, and minds the gate. Answers whether a limit was
    /// met.
    pub(super) async fn mind<S: Store, Q, C: Clock, E: Ids>(
        &mut self,
        shared: &Shared<'_, S, Q, C, E>,
        permits: &mut Permits,
        flow: &Flow,
        outcomes: &[(Place, Outcome)],
    ) -> bool {
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
        // Who waits for another version was not told so by the destination.
        let told = laters().filter(|later| !matches!(later.blame, Blame::Entity | Blame::Batch));
        let asked_ms = told.filter_map(|later| later.after_ms).max().filter(|ms| *ms > 0);
        if laters().any(|later| later.blame == Blame::Quota) {
            self.use_up(shared, permits, asked_ms).await;
            return true;
        }
        if laters().any(|later| later.blame == Blame::Limit) {
            self.limited(shared, permits, asked_ms).await;
            return true;
        }
        if answered {
            permits.served();
            self.failures_in_a_row = 0;
            self.successes += 1;
            if self.is_probing() {
                self.open(shared, permits).await;
            }
            return false;
        }
        let Some(worst) = laters()
            .filter(|later| !matches!(later.blame, Blame::Entity | Blame::Batch))
            .max_by_key(|later| speaks_of_all(later))
        else {
            return false;
        };
        permits.failed();
        self.failures_in_a_row += 1;
        if self.fails_under_load(permits, worst) {
            tracing::info!(
                stream = %flow.stream, reason = %worst.reason,
                "the destination fails under load: half as many requests at once"
            );
            slow_down(shared, permits).await;
            return false;
        }
        let own = worst.blame == Blame::Connection && !shared.terms.stream.is_empty();
        if own && self.is_probing() && *self.whose == *ALL {
            // It is there, and refuses us alone.
            self.open(shared, permits).await;
        }
        let down = speaks_of_all(worst)
            || self.failures_in_a_row >= FAILURES_IN_A_ROW
            || self.is_probing();
        if down {
            if own {
                self.go_by(shared, &shared.terms.stream);
            } else if speaks_of_all(worst) || !self.is_probing() {
                self.go_by(shared, ALL);
            }
            let failures = self.gate.failures + 1;
            let wait_ms = again_ms(failures).max(asked_ms.unwrap_or(0));
            tracing::warn!(
                stream = %flow.stream, wait_ms, failures, reason = %worst.reason,
                "the destination fails: one probe after that wait"
            );
            if failures == OUTAGE_FROM_FAILURES {
                tracing::error!(
                    stream = %flow.stream, reason = %worst.reason,
                    "the destination is down: everything waits, and one probe after the other is sent"
                );
            }
            self.shut(shared, wait_ms, failures).await;
        }
        false
    }

    /// A limit was met: everybody's, whosever gate it was that we passed. It is no failure of the destination's; but where nothing says how long to wait,
    /// or nothing spreads what is sent then, one request goes first.
    async fn limited<S: Store, Q, C: Clock, E: Ids>(
        &mut self,
        shared: &Shared<'_, S, Q, C, E>,
        permits: &mut Permits,
        asked_ms: Option<u64>,
    ) {
        self.go_by(shared, ALL);
        let failures = self.gate.failures + 1;
        match asked_ms {
            Some(wait_ms) if permits.keeps_a_rate() => self.shut(shared, wait_ms, 0).await,
            Some(wait_ms) => self.shut(shared, wait_ms, failures).await,
            None => {
                if permits.is_busy() {
                    // Perhaps it is that they are too many at once.
                    slow_down(shared, permits).await;
                }
                self.shut(shared, again_ms(failures), failures).await;
            }
        }
    }

    /// The destination says that a quota is used up.
    async fn use_up<S: Store, Q, C: Clock, E: Ids>(
        &mut self,
        shared: &Shared<'_, S, Q, C, E>,
        permits: &mut Permits,
        asked_ms: Option<u64>,
    ) {
        let now_ms = shared.now_ms();
        let quotas = &shared.terms.quotas;
        let asked_until_ms = asked_ms.map(|ms| now_ms.saturating_add_unsigned(ms));
        let until_ms = shared.change(|budget| budget.use_up(quotas, asked_until_ms, now_ms)).await;
        match until_ms {
            Ok(Some(until_ms)) => permits.wait_for(Wait { on: WaitOn::Quota, until_ms }),
            // The flow knows of no quota.
            _ => {
                self.go_by(shared, ALL);
                self.shut(shared, asked_ms.unwrap_or(QUOTA_AGAIN_MS), 0).await;
            }
        }
    }

    async fn shut<S: Store, Q, C: Clock, E: Ids>(
        &mut self,
        shared: &Shared<'_, S, Q, C, E>,
        wait_ms: u64,
        failures: u32,
    ) {
        if let Valve::Shut { wait_ms: already_ms } = self.valve {
            // Requests that were in flight together fail together: that is one failure.
            self.valve = Valve::Shut { wait_ms: already_ms.max(wait_ms) };
            return;
        }
        self.valve = Valve::Shut { wait_ms };
        let until_ms = shared.now_ms().saturating_add_unsigned(wait_ms);
        let (whose, probe_until_ms) = (&*self.whose, self.probe_until_ms);
        let shut = |budget: &mut Budget| {
            budget.shut(whose, until_ms, failures);
            budget.probed(whose, probe_until_ms);
        };
        // Should this fail, the others find out for themselves.
        let _ = shared.change(shut).await;
    }

    /// Turns to another gate.
    fn go_by<S: Store, Q, C: Clock, E: Ids>(
        &mut self,
        shared: &Shared<'_, S, Q, C, E>,
        whose: &str,
    ) {
        if *self.whose != *whose {
            self.gate = shared.seen().gate_of(whose);
            self.whose = whose.into();
        }
    }

    /// Our probe got through.
    async fn open<S: Store, Q, C: Clock, E: Ids>(
        &mut self,
        shared: &Shared<'_, S, Q, C, E>,
        permits: &mut Permits,
    ) {
        self.valve = Valve::Open;
        let whose = std::mem::replace(&mut self.whose, ALL.into());
        let (now_ms, probe_until_ms) = (shared.now_ms(), self.probe_until_ms);
        let open = |budget: &mut Budget| {
            budget.open(&whose, now_ms);
            budget.probed(&whose, probe_until_ms);
        };
        // Should this fail, others probe once more before they go on.
        let _ = shared.change(open).await;
        self.gate = shared.seen().gate;
        self.mind_budget(shared, permits);
    }

    /// Some requests of many fail: the destination is not down, it bears no more at once.
    fn fails_under_load(&self, permits: &Permits, worst: &Later) -> bool {
        self.valve == Valve::Open
            && permits.is_busy()
            && self.successes >= SUCCESSES_UNDER_LOAD
            && self.failures_in_a_row < FAILURES_IN_A_ROW
            && (worst.blame == Blame::Destination || worst.unknown)
    }

    /// Goes by what an answer says of the limits, and tells everybody.
    pub(super) async fn learn<S: Store, Q, C: Clock, E: Ids>(
        &mut self,
        shared: &Shared<'_, S, Q, C, E>,
        permits: &mut Permits,
        allowance: Allowance,
    ) {
        if shared.learn(allowance).await {
            self.mind_budget(shared, permits);
        }
    }

    /// Whether it is time to see how the others fare, where nothing was leased lately.
    pub(super) fn should_look(&mut self, now_ms: EpochMs) -> bool {
        let due = now_ms - self.looked_ms >= LOOK_EVERY_MS;
        if due {
            self.looked_ms = now_ms;
        }
        due
    }

    /// Goes by the budget as it was last seen, whoever changed it.
    pub(super) fn mind_budget<S: Store, Q, C: Clock, E: Ids>(
        &mut self,
        shared: &Shared<'_, S, Q, C, E>,
        permits: &mut Permits,
    ) {
        let (budget, now_ms) = (shared.seen(), shared.now_ms());
        self.looked_ms = now_ms;
        permits.pace(&budget);
        if self.valve == Valve::Open
            && let Some(until_ms) = budget.shut_for(&shared.terms.stream, now_ms)
        {
            self.valve = Valve::Shut { wait_ms: since(now_ms, until_ms) };
        }
    }
}

/// Not of this request alone.
fn speaks_of_all(later: &Later) -> bool {
    matches!(later.blame, Blame::Destination | Blame::Connection)
}

/// After so many failures in a row, the next probe comes after this, in ms.
fn again_ms(failures: u32) -> u64 {
    let policy = RetryPolicy {
        base_ms: PROBE_EVERY_MS,
        cap_ms: PROBE_EVERY_MS_MAX,
        ..RetryPolicy::default()
    };
    backoff_ms(&policy, failures.saturating_sub(1))
}

async fn slow_down<S: Store, Q, C: Clock, E: Ids>(
    shared: &Shared<'_, S, Q, C, E>,
    permits: &mut Permits,
) {
    permits.slow_down();
    let (terms, now_ms) = (&shared.terms, shared.now_ms());
    // Should this fail, the others find out for themselves.
    let _ = shared.change(|budget| budget.slow_down(terms, now_ms)).await;
}

/// From now until then, in ms.
pub(super) fn since(now_ms: EpochMs, moment_ms: EpochMs) -> u64 {
    u64::try_from(moment_ms - now_ms).unwrap_or(0)
}
