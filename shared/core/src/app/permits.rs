//! What one invocation may send, of what all who share the budget may.
//!
//! Where nothing but a number of requests at once is to be kept, and every processor has a share of it,
//! nothing is asked: each keeps to its own. Otherwise slots and moments are leased from the budget.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use super::{Flow, Ports};
use crate::{
    decide::{Deadline, Moment, Moments, Rate, Terms},
    guard::Guard,
    model::{
        Allowance, Ask, Budget, EpochMs, FlowSettings, Grant, Kept, Ordering, RequestKind,
        ShelfKey, Wait, WaitOn,
    },
    ports::{Clock, Ids, Store, Swap, Unavailable},
};

/// Others may change the budget between a look and the change that it led to.
const TRIES: u32 = 60;
/// So many of them in a row before somebody steps aside for a moment.
const TRIES_AT_ONCE: u32 = 3;
/// Requests in a lease where no rate is kept, at the least.
const LEASE_MIN: u32 = 10;
/// How long to wait when the budget gave no answer, in ms.
const AGAIN_MS: EpochMs = 1_000;

/// The budget, as this invocation sees it and changes it for everybody.
pub(super) struct Shared<'a, S, Q, C, E> {
    ports: &'a Ports<S, Q, C, E>,
    pub(super) terms: Terms,
    key: ShelfKey,
    owner: Box<str>,
    changes: AtomicU64,
    seen: Mutex<Option<Kept>>,
}

impl<'a, S: Store, Q, C: Clock, E: Ids> Shared<'a, S, Q, C, E> {
    /// The flow's, as it was just read.
    pub(super) fn new(ports: &'a Ports<S, Q, C, E>, flow: &Flow, seen: Option<Kept>) -> Self {
        Self {
            ports,
            terms: Terms::of(&flow.settings, &flow.stream),
            key: flow.settings.budget_of(&flow.stream).key(),
            owner: ports.entropy.unique(&flow.stream),
            changes: AtomicU64::new(0),
            seen: Mutex::new(seen),
        }
    }

    pub(super) fn now_ms(&self) -> EpochMs {
        self.ports.clock.now_ms()
    }

    /// Sees it as it is now. Should that fail, it is as it was.
    pub(super) async fn look(&self) {
        if let Ok(kept) = self.ports.store.kept(std::slice::from_ref(&self.key)).await {
            self.remember(kept.into_iter().next().flatten());
        }
    }

    /// As it was last seen.
    pub(super) fn seen(&self) -> Budget {
        let mut budget = Budget::read(self.kept().as_ref());
        budget.forget(self.ports.clock.now_ms());
        budget
    }

    /// Changes it: `act` is shown the budget until the change is made on what stands there. What changes
    /// nothing is believed only of what was just read.
    pub(super) async fn change<T>(
        &self,
        mut act: impl FnMut(&mut Budget) -> T,
    ) -> Result<T, Unavailable> {
        let (store, clock) = (&self.ports.store, &self.ports.clock);
        let mut seen = self.kept();
        let mut is_fresh = false;
        for tried in 1..=TRIES {
            let now_ms = clock.now_ms();
            let mut budget = Budget::read(seen.as_ref());
            budget.forget(now_ms);
            let before = budget.clone();
            let answer = act(&mut budget);
            if budget == before {
                if is_fresh {
                    return Ok(answer);
                }
                seen = store.kept(std::slice::from_ref(&self.key)).await?.pop().flatten();
            } else {
                budget.by = format!("{}.{}", self.owner, self.changes.fetch_add(1, Relaxed)).into();
                let new = budget.to_kept(now_ms);
                match store.swap(&self.key, seen.as_ref(), &new).await? {
                    Swap::Done => {
                        self.remember(Some(new));
                        return Ok(answer);
                    }
                    Swap::Stands(stands) => seen = stands,
                }
            }
            is_fresh = true;
            self.remember(seen.clone());
            if tried > TRIES_AT_ONCE {
                // Everybody's own name spreads them.
                let spread_ms = self.owner.bytes().map(i64::from).sum::<i64>() % i64::from(tried);
                clock.sleep_until(now_ms + 1 + spread_ms).await;
            }
        }
        Err(Unavailable(format!("{} is never as it was seen", self.key.as_str())))
    }

    fn kept(&self) -> Option<Kept> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn remember(&self, kept: Option<Kept>) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = kept;
    }

    /// Asks for slots and moments.
    pub(super) async fn lease(&self, wanted: Wanted) -> Result<Grant, Unavailable> {
        self.change(|budget| {
            let ask = Ask {
                owner: &self.owner,
                now_us: self.ports.clock.now_ms() * 1_000,
                spacing_us: wanted.rate.map_or(0, |rate| rate.spacing_us),
                want: wanted.requests,
                until_us: wanted.until_ms * 1_000,
                slots: wanted.slots,
                slots_needed: wanted.slots_needed,
                slots_busy: wanted.slots_busy,
                slots_until_ms: wanted.slots_until_ms,
                is_probe: wanted.is_probe,
            };
            budget.lease(&self.terms, &ask)
        })
        .await
    }

    /// Lets go of what was leased; what may still be in flight stays held. A crash before this, or a lost
    /// answer, leaves all of it held until the invocation could no longer have sent anything.
    pub(super) async fn release(&self, permits: &Permits) {
        let now_ms = self.ports.clock.now_ms();
        let in_flight = permits.in_flight_after(now_ms);
        let unused = permits.moments.unused();
        let ended_well = permits.served && !permits.failed;
        let released = self.change(|budget| {
            if ended_well {
                budget.speed_up(&self.terms, now_ms);
            }
            if permits.is_leasing_at_all {
                budget.release(&self.terms, &self.owner, in_flight, &unused);
            }
        });
        if let Err(error) = released.await {
            tracing::debug!(%error, "slots run out by themselves");
        }
    }

    /// Goes by what an answer says of the limits. Answers whether the budget as it stands was looked at:
    /// somebody else may have learned the same.
    pub(super) async fn learn(&self, allowance: Allowance) -> bool {
        let learn =
            |budget: &mut Budget| budget.learn(allowance, &self.terms, self.ports.clock.now_ms());
        // Most answers say nothing new: that is seen without asking.
        if !learn(&mut self.seen()) {
            return false;
        }
        // Should this fail, the next answer says so again.
        let _ = self.change(learn).await;
        true
    }
}

/// What is asked for in a lease.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    rate: Option<Rate>,
    requests: u32,
    until_ms: EpochMs,
    slots: u32,
    slots_needed: u32,
    slots_busy: u32,
    slots_until_ms: EpochMs,
    is_probe: bool,
}

/// What this invocation may send, and has under way.
#[derive(Debug)]
pub(super) struct Permits {
    /// How fast the flow lets requests follow each other, where it says so.
    rate: Option<Rate>,
    /// The rate that the newest lease was asked under.
    leased_under: Option<Rate>,
    /// Slots and moments are leased; otherwise the share is kept.
    is_leasing_at_all: bool,
    /// One processor's part of the flow's concurrency.
    share: u32,
    /// So many may be in flight.
    slots: u32,
    /// Somebody waits for these.
    busy: u32,
    /// Nobody waits for these any more, but they may still be in flight until then.
    late_until_ms: Vec<EpochMs>,
    moments: Moments,
    leasing: bool,
    wait: Option<Wait>,
    /// How long requests take, by the slowest of late.
    request_ms: u64,
    /// The slowest of those to the destination.
    slowest_ms: u64,
    /// The slowest look-up.
    slowest_lookup_ms: u64,
    slots_until_ms: EpochMs,
    landing_ms: EpochMs,
    /// Never more than these at once: one, where the order is serial.
    at_most: u32,
    sent: u64,
    /// The destination took something.
    served: bool,
    /// It failed, or was asked for too much.
    failed: bool,
}

/// Whether a request may be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Now, or in its moment.
    Go(Option<Moment>),
    /// As soon as something is leased.
    Lease,
    /// Not before a request has ended, or not in this invocation.
    Wait,
}

impl Permits {
    pub(super) fn new(
        settings: &FlowSettings,
        budget: &Budget,
        deadline: Deadline,
        processors: u32,
    ) -> Self {
        let share = settings.concurrency_share(processors);
        let rate = Rate::within(&settings.rates);
        let is_leasing_at_all = rate.is_some()
            || !settings.quotas.is_empty()
            || settings.budget.is_some()
            || processors > settings.concurrency_max
            || budget.paced.is_some()
            || budget.bears.is_some()
            || !budget.holders.is_empty();
        Self {
            rate: Rate::paced(rate, budget.paced),
            leased_under: None,
            is_leasing_at_all,
            share,
            slots: if is_leasing_at_all { 0 } else { share },
            busy: 0,
            late_until_ms: Vec::new(),
            moments: Moments::default(),
            leasing: false,
            wait: None,
            request_ms: 0,
            slowest_ms: 0,
            slowest_lookup_ms: 0,
            slots_until_ms: deadline.at_ms + settings.landing_ms,
            landing_ms: settings.landing_ms,
            at_most: if settings.ordering == Ordering::Serial { 1 } else { u32::MAX },
            sent: 0,
            served: false,
            failed: false,
        }
    }

    /// Whether a request may be started.
    pub(super) fn next(&mut self, now_ms: EpochMs) -> Next {
        if self.leasing || self.wait.is_some() {
            return Next::Wait;
        }
        if self.slots > 0 && self.occupied(now_ms) >= self.slots.min(self.at_most) {
            return Next::Wait;
        }
        if !self.is_leasing_at_all {
            return Next::Go(None);
        }
        match self.moments.take(now_ms * 1_000) {
            Some(moment) => Next::Go(Some(moment)),
            None => Next::Lease,
        }
    }

    fn occupied(&mut self, now_ms: EpochMs) -> u32 {
        self.late_until_ms.retain(|until_ms| *until_ms > now_ms);
        self.busy + u32::try_from(self.late_until_ms.len()).unwrap_or(u32::MAX)
    }

    /// Whether requests wait for moments of a budget.
    pub(super) fn leases_moments(&self) -> bool {
        self.is_leasing_at_all
    }

    /// How many units are kept ready for permits to come.
    pub(super) fn ahead(&self) -> usize {
        self.slots.clamp(1, 8).min(self.at_most) as usize
    }

    /// Whether what is sent is spread over time.
    pub(super) fn keeps_a_rate(&self) -> bool {
        self.rate.is_some()
    }

    /// What to lease, with so many requests to send, the last of them to be started by `until_ms`.
    pub(super) fn wanted(
        &mut self,
        requests: u64,
        until_ms: EpochMs,
        now_ms: EpochMs,
        is_probe: bool,
    ) -> Wanted {
        let slots_needed = self.rate.map_or(1, |rate| rate.slots(self.request_ms));
        let slots_needed = if self.share == 1 && self.rate.is_none() { 1 } else { slots_needed };
        let requests = match self.rate {
            Some(rate) => rate.want(requests),
            None => u32::try_from(requests).unwrap_or(u32::MAX).clamp(1, self.a_while()),
        };
        let requests = if is_probe { 1 } else { requests };
        self.leased_under = self.rate;
        self.leasing = true;
        Wanted {
            rate: self.rate,
            requests,
            until_ms,
            slots: self.share.max(slots_needed).max(self.slots).min(self.at_most),
            slots_needed: slots_needed.min(self.at_most),
            slots_busy: self.occupied(now_ms),
            slots_until_ms: self.slots_until_ms,
            is_probe,
        }
    }

    /// Requests of about a second, where no rate is kept, and enough for leasing to cost a tenth of a
    /// request at most: so often one sees what others share, or need more urgently.
    fn a_while(&self) -> u32 {
        let slots = self.share.max(self.slots).min(self.at_most);
        let each = 1_000 / self.request_ms.max(1);
        let each = if self.request_ms == 0 { 1 } else { each.max(1) };
        slots.saturating_mul(u32::try_from(each).unwrap_or(u32::MAX)).max(LEASE_MIN)
    }

    /// Takes in what came of a lease.
    pub(super) fn leased(&mut self, grant: Result<Grant, Unavailable>, now_ms: EpochMs) {
        self.leasing = false;
        match grant {
            Ok(Grant { slots, leased, wait: None }) => {
                self.slots = slots;
                self.moments.add(leased, self.leased_under);
            }
            Ok(Grant { slots, wait, .. }) => {
                self.slots = slots;
                self.wait = wait;
            }
            // What was leased, if it was, passes unused.
            Err(_) => {
                let until_ms = now_ms + AGAIN_MS;
                self.wait = Some(Wait { on: WaitOn::Moments, until_ms });
            }
        }
    }

    /// A permit turned out not to be needed.
    pub(super) fn put_back(&mut self, moment: Option<Moment>) {
        if let Some(moment) = moment {
            self.moments.put_back(moment);
        }
    }

    /// A request is under way.
    pub(super) fn started(&mut self) {
        self.busy += 1;
    }

    /// It is over. `took_ms` is none where nothing was sent; what was given up may be in flight still.
    pub(super) fn ended(
        &mut self,
        kind: RequestKind,
        moment: Option<Moment>,
        took_ms: Option<u64>,
        in_flight: bool,
        now_ms: EpochMs,
    ) {
        self.busy -= 1;
        let Some(took_ms) = took_ms else { return };
        self.sent += 1;
        let slowest_ms = match kind {
            RequestKind::Deliver => &mut self.slowest_ms,
            RequestKind::LookUp => &mut self.slowest_lookup_ms,
        };
        *slowest_ms = took_ms.max(*slowest_ms);
        self.request_ms = took_ms.max(self.request_ms - self.request_ms.div_ceil(10));
        if let Some(moment) = moment {
            self.moments.used(moment);
        }
        if in_flight && self.is_leasing_at_all && Guard::SlotUntilLanded.stands() {
            self.late_until_ms.push(now_ms + self.landing_ms);
        }
    }

    /// The destination took something.
    pub(super) fn served(&mut self) {
        self.served = true;
    }

    /// The destination failed.
    pub(super) fn failed(&mut self) {
        self.failed = true;
    }

    /// The destination fails under load: half as many at once from now on.
    pub(super) fn slow_down(&mut self) {
        self.failed = true;
        self.slots = (self.slots / 2).max(1);
        self.share = (self.share / 2).max(1);
    }

    /// A limit of the destination's own makes itself known: so fast, and no faster.
    pub(super) fn pace(&mut self, budget: &Budget) {
        if budget.paced.is_some() {
            if self.rate.is_none() {
                // What was leased to be sent at once is not sent any more.
                self.moments.drop_all();
            }
            self.rate = Rate::paced(self.rate, budget.paced);
            self.is_leasing_at_all = true;
        }
    }

    /// How long the slowest request of a kind took.
    pub(super) fn slowest_ms(&self, kind: RequestKind) -> u64 {
        match kind {
            RequestKind::Deliver => self.slowest_ms,
            RequestKind::LookUp => self.slowest_lookup_ms,
        }
    }

    /// Whether nobody waits for any request, nor for a lease.
    pub(super) fn is_idle(&self) -> bool {
        self.busy == 0 && !self.leasing
    }

    pub(super) fn is_busy(&self) -> bool {
        self.busy > 0
    }

    /// What this invocation waits for in vain.
    pub(super) fn wait(&self) -> Option<Wait> {
        self.wait
    }

    /// Until when a quota is used up.
    pub(super) fn quota_until_ms(&self) -> Option<EpochMs> {
        self.wait.filter(|wait| wait.on == WaitOn::Quota).map(|wait| wait.until_ms)
    }

    /// A quota turned out to be used up.
    pub(super) fn wait_for(&mut self, wait: Wait) {
        self.wait = Some(wait);
    }

    /// Whether there is anything to let go.
    pub(super) fn holds_anything(&self) -> bool {
        self.is_leasing_at_all
            && (self.sent > 0 || self.slots > 0 || !self.moments.unused().is_empty())
    }

    fn in_flight_after(&self, now_ms: EpochMs) -> Option<(u32, EpochMs)> {
        let late = || self.late_until_ms.iter().filter(|until_ms| **until_ms > now_ms);
        let slots = u32::try_from(late().count()).unwrap_or(u32::MAX);
        late().max().map(|until_ms| (slots, *until_ms))
    }
}
