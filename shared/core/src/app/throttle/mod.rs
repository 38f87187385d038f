//! When the next request may be sent: one thing that is asked for leave, told what came of a request, and
//! says for what, and until when, there is to wait.
//!
//! It keeps the flow's limits and those that the destination makes known, and holds everything back while
//! the destination fails, together with all other invocations that share the budget.

mod answer;
mod breaker;
mod budget;
mod permits;
mod waits;

use std::{future::Future, sync::Arc};

use super::{
    Flow, Ports,
    send::{Place, Step},
};
use crate::{
    decide::{ALL, Deadline, SendSlot, ms_until},
    guard::Guard,
    model::{
        Allowance, Blame, Budget, EpochMs, FlowSettings, Grant, Later, Outcome, RequestKind,
        Stored, StreamId, Wait, WaitOn,
    },
    ports::{Platform, Unavailable},
};
use answer::{Answer, speaks_of_all};
use breaker::{Breaker, State, probe_in_ms};
use budget::SharedBudget;
use permits::{Next, Permits};

/// A destination that says that a quota is used up, and not until when, is asked again after this, in ms.
const QUOTA_AGAIN_MS: u64 = 900_000;
/// After so many probes in vain it is an outage, and no hiccup: half a minute.
const OUTAGE_FROM_FAILURES: u32 = 6;
/// What only an operator can mend is tried once more after this, in ms: it may have been mended.
const OPERATOR_AGAIN_MS: u64 = 900_000;
/// An invocation that leases nothing meanwhile reads the budget so often, in ms.
const REFRESH_EVERY_MS: EpochMs = 1_000;
/// Those who wait for concurrency come back one after the other: over so long for each processor, in ms.
const SPREAD_MS: u64 = 100;
/// At the most.
const SPREAD_MS_MAX: u64 = 2_000;

/// The throttle of one invocation.
pub(super) struct Throttle<'a, P: Platform> {
    budget: Arc<SharedBudget<'a, P>>,
    settings: &'a FlowSettings,
    stream: &'a StreamId,
    deadline: Deadline,
    permits: Permits,
    breaker: Breaker,
    refreshed_ms: EpochMs,
    stopped: bool,
    /// Over how long those who wait for concurrency come back, in ms.
    spread_ms: u64,
}

/// Whether a request may be sent.
pub(super) enum Admission {
    /// It may.
    Granted(Permit),
    /// As soon as something is leased: see [`Throttle::lease`].
    Lease,
    /// Not before a request has ended, or not in this invocation.
    Wait,
}

/// Leave to send one request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Permit {
    /// When, if not at once.
    pub slot: Option<SendSlot>,
    /// How long it may take, in ms.
    pub timeout_ms: u64,
}

/// What the budget answered.
pub(super) enum BudgetAnswer {
    /// To a lease.
    Leased(Result<Grant, Unavailable>),
    /// To a look at it.
    Refreshed,
    /// Some of what was leased was let go.
    Kept,
}

impl<'a, P: Platform> Throttle<'a, P> {
    /// The throttle of an invocation that has just read the flow's budget, one of so many processors.
    pub fn new(
        ports: &'a Ports<P>,
        flow: &'a Flow,
        deadline: Deadline,
        processors: u32,
        read: Option<Stored>,
    ) -> Self {
        let shared = SharedBudget::new(ports, flow, read);
        let (budget, now_ms) = (shared.seen(), shared.now_ms());
        Self {
            permits: Permits::new(&flow.settings, &budget, deadline, processors),
            breaker: Breaker::new(&budget, &shared.terms.stream, now_ms),
            budget: Arc::new(shared),
            settings: &flow.settings,
            stream: &flow.stream,
            deadline,
            refreshed_ms: now_ms,
            stopped: false,
            spread_ms: match flow.settings.budget {
                None => SPREAD_MS.saturating_mul(processors.into()).clamp(1, SPREAD_MS_MAX),
                // Others' processors wait, too.
                Some(_) => SPREAD_MS_MAX,
            },
        }
    }

    /// The same, for requests that are sent one after the other.
    pub fn one_at_a_time(mut self) -> Self {
        self.permits.keep_to_one();
        self
    }

    /// Before anything is sent: an open circuit holds everything back, and a destination that has failed
    /// gets one probe.
    pub async fn try_enter(&mut self) {
        let now_ms = self.budget.now_ms();
        let probe_ms = self.settings.request_timeout_ms;
        let Some(until_ms) = self.breaker.try_enter(now_ms, probe_ms) else { return };
        let (whose, seen) = self.breaker.circuit();
        let take =
            |budget: &mut Budget| budget.take_probe(whose, seen, self.budget.now_ms(), until_ms);
        let taken = self.budget.change(take).await;
        let is_ours = matches!(taken, Ok(true)) || !P::stands(Guard::OneProbe);
        self.breaker.probe_taken(is_ours, until_ms);
    }

    /// After everything was sent: lets go of a probe that was not made, and of what was leased.
    pub async fn leave(&mut self) {
        if self.breaker.is_half_open() {
            self.breaker.open(0);
            let (whose, until_ms) = self.breaker.probe();
            // Should this fail, no other invocation probes until then.
            let _ = self.budget.change(|budget| budget.release_probe(whose, until_ms)).await;
        }
        if self.permits.holds_anything() {
            let in_flight = self.permits.in_flight_after(self.budget.now_ms());
            let unused = self.permits.unused();
            self.budget.release(in_flight, unused, self.permits.ended_well()).await;
        }
    }

    /// Whether the circuit lets a request through now.
    pub fn lets_through(&self) -> bool {
        match self.breaker.state() {
            State::Closed => true,
            State::HalfOpen => !self.permits.is_busy(),
            State::Open { .. } => false,
        }
    }

    /// Whether the time that is left is enough for a request that starts now.
    pub fn has_time_for(&self, kind: RequestKind) -> bool {
        self.timeout_ms(kind, self.budget.now_ms()).is_some()
    }

    fn timeout_ms(&self, kind: RequestKind, starts_ms: EpochMs) -> Option<u64> {
        let timeout_ms = self.settings.timeout_ms(kind);
        self.deadline.request_ms(starts_ms, timeout_ms, self.permits.slowest_ms(kind))
    }

    /// Asks for leave to send a request.
    pub fn ask(&mut self, kind: RequestKind) -> Admission {
        let now_ms = self.budget.now_ms();
        match self.permits.next(now_ms) {
            Next::Go(slot) => {
                let starts_ms = slot.map_or(now_ms, |slot| (slot.at_us / 1_000).max(now_ms));
                match self.timeout_ms(kind, starts_ms) {
                    Some(timeout_ms) => Admission::Granted(Permit { slot, timeout_ms }),
                    None => Admission::Wait,
                }
            }
            Next::Lease => Admission::Lease,
            Next::Wait => Admission::Wait,
        }
    }

    /// Whether what is sent is spread over time, as far as is known.
    pub fn keeps_a_rate(&self) -> bool {
        self.permits.keeps_a_rate()
    }

    /// Whether it is time to lease more, with so many requests to send, though there is something left.
    pub fn runs_short(&mut self, requests: u64) -> bool {
        let now_ms = self.budget.now_ms();
        self.breaker.state() == State::Closed && self.permits.runs_short(requests, now_ms)
    }

    /// Lets go of the concurrency that is not needed any more, with nothing left to send.
    pub fn let_go(&mut self) -> Option<impl Future<Output = BudgetAnswer> + Send + use<'a, P>> {
        let slots = self.permits.keeps_too_many(self.budget.now_ms())?;
        let budget = Arc::clone(&self.budget);
        Some(async move {
            budget.keep(slots).await;
            BudgetAnswer::Kept
        })
    }

    /// The permit is not needed after all.
    pub fn put_back(&mut self, permit: Permit) {
        self.permits.put_back(permit.slot);
    }

    /// A request under a permit is under way.
    pub fn started(&mut self) {
        self.permits.started();
    }

    /// It is over. Takes in what came of it; answers whether a limit was met.
    pub async fn ended(&mut self, kind: RequestKind, permit: Permit, step: &Step) -> bool {
        let abandoned = step.in_flight && P::stands(Guard::SlotUntilLanded);
        let now_ms = self.budget.now_ms();
        self.permits.ended(kind, permit.slot, step.took_ms, abandoned, now_ms);
        let was_limited = match step.took_ms {
            Some(_) if step.said.is_empty() => self.observe(&step.outcomes).await,
            Some(_) => self.observe(&step.said).await,
            None => false,
        };
        if let Some(allowance) = step.allowance {
            self.record_allowance(allowance).await;
        }
        was_limited
    }

    /// Leases what so many requests need, the next of them of this kind.
    pub fn lease(
        &mut self,
        kind: RequestKind,
        requests: u64,
    ) -> impl Future<Output = BudgetAnswer> + Send + use<'a, P> {
        let timeout_ms = self.settings.timeout_ms(kind);
        let last_ms = self.deadline.last_start_ms(timeout_ms, self.permits.slowest_ms(kind));
        let is_probe = self.breaker.is_half_open();
        let wanted = self.permits.wanted(requests, last_ms, self.budget.now_ms(), is_probe);
        let budget = Arc::clone(&self.budget);
        async move { BudgetAnswer::Leased(budget.lease(wanted).await) }
    }

    /// Reads the budget where nothing was leased lately, to see how the others fare.
    pub fn refresh(&mut self) -> Option<impl Future<Output = BudgetAnswer> + Send + use<'a, P>> {
        let now_ms = self.budget.now_ms();
        if now_ms - self.refreshed_ms < REFRESH_EVERY_MS {
            return None;
        }
        self.refreshed_ms = now_ms;
        let budget = Arc::clone(&self.budget);
        Some(async move {
            budget.refresh().await;
            BudgetAnswer::Refreshed
        })
    }

    /// Takes in what the budget answered.
    pub fn take_in(&mut self, answer: BudgetAnswer) {
        match answer {
            BudgetAnswer::Leased(grant) => self.permits.leased(grant, self.budget.now_ms()),
            BudgetAnswer::Kept => self.permits.kept(),
            BudgetAnswer::Refreshed => {}
        }
        self.follow_budget();
    }

    /// Whether the circuit is open.
    pub fn is_open(&self) -> bool {
        self.breaker.is_open()
    }

    /// Whether a probe is out.
    pub fn is_probing(&self) -> bool {
        self.breaker.is_half_open()
    }

    /// Whether nothing more is sent before an operator acts.
    pub fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Nothing more of this stream is sent before an operator acts, for that reason.
    pub async fn stop(&mut self, reason: &str) {
        if !self.stopped {
            tracing::error!(stream = %self.stream, reason, "the stream is stopped: an operator has to act");
        }
        self.stopped = true;
        let budget = Arc::clone(&self.budget);
        self.breaker.select(&budget.terms.stream, || budget.seen());
        let failures = self.breaker.failures_with_this();
        self.open(OPERATOR_AGAIN_MS, failures).await;
    }

    /// Whether neither a request nor a lease is awaited.
    pub fn is_idle(&self) -> bool {
        self.permits.is_idle()
    }

    /// How many units are kept ready for permits to come.
    pub fn ahead(&self) -> usize {
        self.permits.ahead()
    }

    /// How many units are claimed together at the most: what is sent within about a second, so that no lock
    /// is held for long before its request. A probe goes by itself.
    pub fn claims_ahead(&self) -> usize {
        if self.breaker.is_half_open() { 1 } else { self.permits.claims_ahead() }
    }

    /// Whether requests wait for send slots of a budget.
    pub fn leases_slots(&self) -> bool {
        self.permits.leases_slots()
    }

    /// Learns from a request how the destination does. Answers whether a limit was met.
    async fn observe(&mut self, outcomes: &[(Place, Outcome)]) -> bool {
        match Answer::of(outcomes) {
            Answer::QuotaUsedUp(asked_ms) => {
                self.use_up_quota(asked_ms).await;
                true
            }
            Answer::Limited(asked_ms) => {
                self.limit_met(asked_ms).await;
                true
            }
            Answer::Works => {
                self.permits.served();
                if self.breaker.succeeded() {
                    self.close().await;
                }
                false
            }
            Answer::Fails { worst, asked_ms } => {
                self.failed(worst, asked_ms).await;
                false
            }
            Answer::Nothing => false,
        }
    }

    async fn failed(&mut self, worst: &Later, asked_ms: Option<u64>) {
        self.permits.failed();
        let stream = self.stream;
        if self.breaker.failed(worst, self.permits.is_busy()) {
            tracing::info!(
                %stream, reason = %worst.reason,
                "the destination fails under load: half as many requests at once"
            );
            self.halve().await;
            return;
        }
        let budget = Arc::clone(&self.budget);
        let is_own = matches!(worst.blame, Blame::Connection | Blame::Operator);
        let own = is_own && !budget.terms.stream.is_empty();
        if own && self.breaker.is_half_open() && *self.breaker.circuit().0 == *ALL {
            // It is there, and refuses us alone.
            self.close().await;
        }
        if worst.blame == Blame::Operator {
            return self.stop(&worst.reason).await;
        }
        if !self.breaker.opens_by(worst) {
            return;
        }
        if own {
            self.breaker.select(&budget.terms.stream, || budget.seen());
        } else if speaks_of_all(worst) || !self.breaker.is_half_open() {
            self.breaker.select(ALL, || budget.seen());
        }
        let failures = self.breaker.failures_with_this();
        let wait_ms = probe_in_ms(failures).max(asked_ms.unwrap_or(0));
        tracing::warn!(
            %stream, wait_ms, failures, reason = %worst.reason,
            "the destination fails: one probe after that wait"
        );
        if failures == OUTAGE_FROM_FAILURES {
            let what = match speaks_of_all(worst) {
                true => "the destination is down",
                false => "every request fails",
            };
            tracing::error!(
                %stream, reason = %worst.reason,
                "{what}: everything waits, and one probe after the other is sent"
            );
        }
        self.open(wait_ms, failures).await;
    }

    /// A limit was met: that of all who share the budget, under whichever circuit we sent. It is no failure
    /// of the destination's; but where nothing says how long to wait, or nothing spreads what is sent then,
    /// one request goes first.
    async fn limit_met(&mut self, asked_ms: Option<u64>) {
        self.breaker.select(ALL, || self.budget.seen());
        let failures = self.breaker.failures_with_this();
        match asked_ms {
            Some(wait_ms) if self.permits.keeps_a_rate() => self.open(wait_ms, 0).await,
            Some(wait_ms) => self.open(wait_ms, failures).await,
            None => {
                if self.permits.is_busy() {
                    // Perhaps it is that they are too many at once.
                    self.halve().await;
                }
                self.open(probe_in_ms(failures), failures).await;
            }
        }
    }

    /// The destination says that a quota is used up.
    async fn use_up_quota(&mut self, asked_ms: Option<u64>) {
        let now_ms = self.budget.now_ms();
        let quotas = &self.budget.terms.quotas;
        let asked_until_ms = asked_ms.map(|ms| now_ms.saturating_add_unsigned(ms));
        let use_up = |budget: &mut Budget| budget.use_up(quotas, asked_until_ms, now_ms);
        match self.budget.change(use_up).await {
            Ok(Some(until_ms)) => self.permits.wait_for(Wait { on: WaitOn::Quota, until_ms }),
            // The flow knows of no quota.
            _ => {
                self.breaker.select(ALL, || self.budget.seen());
                self.open(asked_ms.unwrap_or(QUOTA_AGAIN_MS), 0).await;
            }
        }
    }

    /// Opens the circuit, for all who go by it.
    async fn open(&mut self, wait_ms: u64, failures: u32) {
        if !self.breaker.open(wait_ms) {
            return;
        }
        let until_ms = self.budget.now_ms().saturating_add_unsigned(wait_ms);
        let (whose, probe_until_ms) = self.breaker.probe();
        let open = |budget: &mut Budget| {
            budget.open(whose, until_ms, failures);
            budget.release_probe(whose, probe_until_ms);
        };
        // Should this fail, the others find out for themselves.
        let _ = self.budget.change(open).await;
    }

    /// Our probe got through.
    async fn close(&mut self) {
        let (_, probe_until_ms) = self.breaker.probe();
        let whose = self.breaker.close();
        let now_ms = self.budget.now_ms();
        let close = |budget: &mut Budget| {
            budget.close(&whose, now_ms);
            budget.release_probe(&whose, probe_until_ms);
        };
        // Should this fail, others probe once more before they go on.
        let _ = self.budget.change(close).await;
        self.breaker.saw(self.budget.seen().circuit);
        self.follow_budget();
    }

    async fn halve(&mut self) {
        self.permits.halve();
        let (terms, now_ms) = (&self.budget.terms, self.budget.now_ms());
        // Should this fail, the others find out for themselves.
        let _ = self.budget.change(|budget| budget.halve_limit(terms, now_ms)).await;
    }

    /// Goes by what an answer says of the limits, and has all who share the budget do so.
    async fn record_allowance(&mut self, allowance: Allowance) {
        let shared = &self.budget;
        let record = |budget: &mut Budget| {
            budget.record_allowance(allowance, &shared.terms, shared.now_ms())
        };
        // Most answers say nothing new: that is seen without asking.
        if !record(&mut shared.seen()) {
            return;
        }
        // Should this fail, the next answer says so again.
        let _ = shared.change(record).await;
        self.follow_budget();
    }

    /// Goes by the budget as it was last read, whichever invocation changed it.
    fn follow_budget(&mut self) {
        let (budget, now_ms) = (self.budget.seen(), self.budget.now_ms());
        self.refreshed_ms = now_ms;
        self.permits.keep_advertised_rate(&budget);
        if self.breaker.state() == State::Closed
            && let Some(until_ms) = budget.blocked_until_ms(&self.budget.terms.stream, now_ms)
        {
            self.breaker.open(ms_until(now_ms, until_ms));
        }
    }
}
