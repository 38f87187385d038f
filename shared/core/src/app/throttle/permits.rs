//! What one invocation may send on what it has, and has under way. Pure: it asks no port.
//!
//! Where nothing but a number of requests at once is to be kept, and every processor has a share of it,
//! nothing is leased: each keeps to its own. Otherwise concurrency and send slots are leased of the budget.

use super::budget::Wanted;
use crate::{
    decide::{Deadline, Rate, SendSlot, SendSlots},
    model::{Budget, EpochMs, FlowSettings, Grant, RequestKind, Wait, WaitOn},
    ports::Unavailable,
};

/// Requests in a lease where no rate is kept, at the least.
const LEASE_MIN: u32 = 10;
/// Send slots that are left when the next ones are leased: where none of another invocation's comes between
/// them, slots that passed are used late.
const SLOTS_LEFT: usize = 4;
/// Requests at once beyond what it takes on the average, as a part of that: some take longer.
const SPARE: u32 = 4;
/// Where all are busy and there are fewer than were asked for, more are asked for so often, in ms.
const MORE_AGAIN_MS: EpochMs = 100;
/// So long is waited for concurrency without giving messages back, in ms: a queue delays them by whole seconds.
const WAITS_HERE_MS: EpochMs = 900;
/// So often, at the most.
const WAITS_HERE_MAX: u32 = 10;
/// So many that are not needed any more are let go.
const KEPT_TOO_MANY: u32 = 2;
/// The average is of about so many requests.
const MEAN_OF: u64 = 16;
/// How long to wait when the budget gave no answer, in ms.
const AGAIN_MS: EpochMs = 1_000;
/// The most requests that are made ready while others are under way.
const AHEAD_MAX: u32 = 8;
/// How many units are claimed together before it is known how long requests take.
const CLAIMS_AT_FIRST: u64 = 25;
/// The most.
const CLAIMS_MAX: usize = 50;

/// What this invocation may send, and has under way.
#[derive(Debug)]
pub(super) struct Permits {
    /// How fast the flow, or the destination's headers, let requests follow each other.
    rate: Option<Rate>,
    /// The rate that the newest lease was asked under.
    leased_under: Option<Rate>,
    /// Concurrency and send slots are leased; otherwise the share is kept.
    is_leasing_at_all: bool,
    /// Most requests at once, of all processors.
    concurrency_max: u32,
    /// Streams share the budget, and each has its part.
    is_shared: bool,
    /// One processor's part of that.
    share: u32,
    /// So many may be in flight.
    slots: u32,
    /// Requests whose answer is awaited.
    awaited: u32,
    /// Requests whose answer is awaited no more, and until when each may still be in flight.
    abandoned_until_ms: Vec<EpochMs>,
    send_slots: SendSlots,
    leasing: bool,
    wait: Option<Wait>,
    /// What is waited for when the send slots that are left are used.
    then_waits: Option<Wait>,
    /// For so many requests at once was last asked, and when.
    slots_asked: u32,
    asked_ms: EpochMs,
    /// How often concurrency was waited for in this invocation.
    waited_here: u32,
    /// How long requests take, by the slowest of late.
    request_ms: u64,
    /// The same, on the average.
    mean_us: u64,
    /// Of so many: the first that end are quicker than others, and do not speak for them.
    timed: u64,
    /// The slowest of those to the destination.
    slowest_ms: u64,
    /// The slowest look-up.
    slowest_lookup_ms: u64,
    slots_until_ms: EpochMs,
    landing_ms: EpochMs,
    /// Never more than these at once: one, where the order is serial, and in a replay.
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
    /// Now, or in its send slot.
    Go(Option<SendSlot>),
    /// As soon as something is leased.
    Lease,
    /// Not before a request has ended, or not in this invocation.
    Wait,
}

impl Permits {
    pub fn new(
        settings: &FlowSettings,
        budget: &Budget,
        deadline: Deadline,
        processors: u32,
    ) -> Self {
        let share = settings.concurrency_share(processors);
        let rate = Rate::within(&settings.rates);
        let mean_us = if settings.budget.is_some() { 0 } else { budget.mean_us };
        let is_leasing_at_all = rate.is_some()
            || !settings.quotas.is_empty()
            || settings.budget.is_some()
            || processors > settings.concurrency_max
            || budget.advertised.is_some()
            || budget.adaptive.is_some()
            || !budget.holders.is_empty();
        Self {
            rate: Rate::advertised(rate, budget.advertised),
            leased_under: None,
            is_leasing_at_all,
            share,
            slots: if is_leasing_at_all { 0 } else { share },
            awaited: 0,
            abandoned_until_ms: Vec::new(),
            send_slots: SendSlots::new(&settings.rates),
            leasing: false,
            wait: None,
            then_waits: None,
            slots_asked: 0,
            waited_here: 0,
            asked_ms: EpochMs::MIN,
            concurrency_max: settings.concurrency_max,
            is_shared: settings.budget.is_some(),
            request_ms: 0,
            mean_us,
            timed: if mean_us > 0 { MEAN_OF } else { 0 },
            slowest_ms: 0,
            slowest_lookup_ms: 0,
            slots_until_ms: deadline.at_ms + settings.landing_ms,
            landing_ms: settings.landing_ms,
            at_most: if settings.is_serial() { 1 } else { u32::MAX },
            sent: 0,
            served: false,
            failed: false,
        }
    }

    /// Never more than one at once.
    pub fn keep_to_one(&mut self) {
        self.at_most = 1;
    }

    /// Whether a request may be started.
    pub fn next(&mut self, now_ms: EpochMs) -> Next {
        if self.wait.is_some() || (self.leasing && self.send_slots.left() == 0) {
            return Next::Wait;
        }
        if self.slots > 0 && self.occupied(now_ms) >= self.slots.min(self.at_most) {
            return Next::Wait;
        }
        if !self.is_leasing_at_all {
            return Next::Go(None);
        }
        match self.send_slots.take(now_ms * 1_000) {
            Some(slot) => Next::Go(Some(slot)),
            None if self.leasing => Next::Wait,
            None => {
                self.wait = self.then_waits.take();
                if self.wait.is_some() { Next::Wait } else { Next::Lease }
            }
        }
    }

    /// Whether it is time to lease more, with so many requests to send: before the last send slots are used,
    /// and where requests turn out to take longer than was thought when concurrency was asked for.
    pub fn runs_short(&mut self, requests: u64, now_ms: EpochMs) -> bool {
        let left = self.send_slots.left();
        if self.rate.is_none()
            || self.leasing
            || self.wait.is_some()
            || self.then_waits.is_some()
            || requests <= left as u64
        {
            return false;
        }
        let is_full = self.slots > 0 && self.occupied(now_ms) >= self.slots;
        let needed = self.slots_needed();
        let would_have_more = needed.max(self.slots_asked) > self.slots
            && now_ms >= self.asked_ms.saturating_add(MORE_AGAIN_MS);
        // With too few, what is leased ahead would pass while all of them are busy.
        (left <= SLOTS_LEFT && self.slots >= needed) || (is_full && would_have_more)
    }

    fn occupied(&mut self, now_ms: EpochMs) -> u32 {
        self.abandoned_until_ms.retain(|until_ms| *until_ms > now_ms);
        self.awaited + u32::try_from(self.abandoned_until_ms.len()).unwrap_or(u32::MAX)
    }

    /// Whether requests wait for send slots of a budget.
    pub fn leases_slots(&self) -> bool {
        self.is_leasing_at_all
    }

    /// How many units are kept ready for permits to come.
    pub fn ahead(&self) -> usize {
        self.slots.clamp(1, AHEAD_MAX).min(self.at_most) as usize
    }

    /// How many units are sent within about a second, as far as is known; not fewer than are kept ready.
    pub fn claims_ahead(&self) -> usize {
        let within = match self.request_ms {
            0 => CLAIMS_AT_FIRST,
            each => u64::from(self.slots.min(self.at_most)) * 1_000 / each,
        };
        let within = self.rate.map_or(within, |rate| rate.want(within).into());
        usize::try_from(within).map_or(CLAIMS_MAX, |it| it.min(CLAIMS_MAX)).max(self.ahead())
    }

    /// Whether what is sent is spread over time.
    pub fn keeps_a_rate(&self) -> bool {
        self.rate.is_some()
    }

    /// What to lease, with so many requests to send, the last of them to be started by `until_ms`.
    pub fn wanted(
        &mut self,
        requests: u64,
        until_ms: EpochMs,
        now_ms: EpochMs,
        is_probe: bool,
    ) -> Wanted {
        let slots_needed = self.slots_needed();
        let in_hand = u32::try_from(self.send_slots.left()).unwrap_or(u32::MAX);
        let to_lease = requests.saturating_sub(in_hand.into());
        let done_ms = self.rate.map_or(0, |rate| {
            let to_lease = i64::try_from(to_lease).unwrap_or(i64::MAX);
            let leased_us = self.send_slots.end_us().unwrap_or(0).max(now_ms * 1_000);
            leased_us.saturating_add(to_lease.saturating_mul(rate.spacing_us)) / 1_000
        });
        let requests = match self.rate {
            // More at once is what is asked for, and not more send slots.
            Some(_) if in_hand as usize > SLOTS_LEFT => 1,
            // How long requests take is not known: few pass unused.
            Some(rate) if self.mean_us() == 0 => rate.want(to_lease).min(LEASE_MIN),
            Some(rate) => rate.want(to_lease),
            None => u32::try_from(requests).unwrap_or(u32::MAX).clamp(1, self.a_while()),
        };
        let requests = if is_probe { 1 } else { requests };
        self.leased_under = self.rate;
        self.leasing = true;
        let slots = match self.rate {
            // One that has all of them uses every send slot; those that share them lose some.
            Some(_) if !self.is_shared && self.mean_us() == 0 => self.concurrency_max,
            Some(_) if !self.is_shared => self.share.max(slots_needed + slots_needed / SPARE + 1),
            _ => self.share.max(slots_needed).max(self.slots),
        };
        let slots = slots.min(self.concurrency_max.max(1)).min(self.at_most);
        (self.slots_asked, self.asked_ms) = (slots, now_ms);
        // What is in hand is sent in any case.
        let slots_busy = self.occupied(now_ms).saturating_add(in_hand);
        let slots_busy = slots_busy.min(self.slots.max(self.occupied(now_ms)));
        Wanted {
            rate: self.rate,
            requests,
            until_ms,
            slots,
            slots_needed,
            slots_busy,
            slots_until_ms: self.slots_until_ms,
            done_ms,
            uses_late: !self.is_shared && self.send_slots.slip(self.rate),
            mean_us: self.mean_us(),
            is_probe,
        }
    }

    /// How long requests take on the average, in µs; 0 where too few have ended to tell.
    fn mean_us(&self) -> u64 {
        if self.timed < MEAN_OF { 0 } else { self.mean_us }
    }

    /// How many requests at once it takes to use every send slot, as long as requests take.
    fn slots_needed(&self) -> u32 {
        let needed = match self.rate {
            None => 1,
            // It is not known: with fewer than all, no more send slots are leased than are used at once.
            Some(_) if self.mean_us() == 0 && !self.is_shared => self.concurrency_max,
            Some(rate) => rate.slots(self.mean_us().div_ceil(1_000)),
        };
        needed.min(self.concurrency_max.max(1)).min(self.at_most)
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
    pub fn leased(&mut self, grant: Result<Grant, Unavailable>, now_ms: EpochMs) {
        self.leasing = false;
        match grant {
            Ok(Grant { slots, leased, wait: None }) => {
                self.slots = slots;
                self.send_slots.add(leased, self.leased_under);
            }
            Ok(Grant { slots, wait, .. }) => {
                self.slots = slots;
                match self.send_slots.left() {
                    0 => self.wait = wait,
                    _ => self.then_waits = wait,
                }
            }
            // What was leased, if it was, passes unused.
            Err(_) => {
                let until_ms = now_ms + AGAIN_MS;
                self.wait = Some(Wait { on: WaitOn::Rate, until_ms });
            }
        }
    }

    /// Whether some of the concurrency that is held will not be needed, with nothing left to send: the others, who
    /// may wait for it, get it now.
    pub fn keeps_too_many(&mut self, now_ms: EpochMs) -> Option<u32> {
        let others_share =
            self.rate.is_some() && (self.is_shared || self.share < self.concurrency_max);
        let busy = self.occupied(now_ms).max(1);
        if !others_share || self.leasing || self.slots < busy + KEPT_TOO_MANY {
            return None;
        }
        // Nothing is leased meanwhile: that would count for less than was granted.
        self.leasing = true;
        self.slots = busy;
        Some(busy)
    }

    /// The others have it, or will have it at the end.
    pub fn kept(&mut self) {
        self.leasing = false;
    }

    /// A permit turned out not to be needed.
    pub fn put_back(&mut self, slot: Option<SendSlot>) {
        if let Some(slot) = slot {
            self.send_slots.put_back(slot);
        }
    }

    /// A request is under way.
    pub fn started(&mut self) {
        self.awaited += 1;
    }

    /// It is over. `took_ms` is none where nothing was sent; what was `abandoned` may be in flight still.
    pub fn ended(
        &mut self,
        kind: RequestKind,
        slot: Option<SendSlot>,
        took_ms: Option<u64>,
        abandoned: bool,
        now_ms: EpochMs,
    ) {
        self.awaited -= 1;
        let Some(took_ms) = took_ms else { return };
        self.sent += 1;
        let slowest_ms = match kind {
            RequestKind::Deliver => &mut self.slowest_ms,
            RequestKind::LookUp => &mut self.slowest_lookup_ms,
        };
        *slowest_ms = took_ms.max(*slowest_ms);
        self.request_ms = took_ms.max(self.request_ms - self.request_ms.div_ceil(10));
        let took_us = took_ms.saturating_mul(1_000).max(1);
        self.timed = (self.timed + 1).min(MEAN_OF);
        self.mean_us = (self.mean_us.saturating_mul(self.timed - 1) + took_us) / self.timed;
        if let Some(slot) = slot {
            self.send_slots.used(slot);
        }
        if abandoned && self.is_leasing_at_all {
            self.abandoned_until_ms.push(now_ms + self.landing_ms);
        }
    }

    /// The destination took something.
    pub fn served(&mut self) {
        self.served = true;
    }

    /// The destination failed.
    pub fn failed(&mut self) {
        self.failed = true;
    }

    /// Whether the destination took something and never failed.
    pub fn ended_well(&self) -> bool {
        self.served && !self.failed
    }

    /// The destination fails under load: half as many at once from now on.
    pub fn halve(&mut self) {
        self.failed = true;
        self.slots = (self.slots / 2).max(1);
        self.share = (self.share / 2).max(1);
    }

    /// A limit of the destination's own makes itself known: so fast, and no faster.
    pub fn keep_advertised_rate(&mut self, budget: &Budget) {
        if budget.advertised.is_some() {
            if self.rate.is_none() {
                // What was leased to be sent at once is not sent any more.
                self.send_slots.drop_all();
            }
            self.rate = Rate::advertised(self.rate, budget.advertised);
            self.is_leasing_at_all = true;
        }
    }

    /// How long the slowest request of a kind took.
    pub fn slowest_ms(&self, kind: RequestKind) -> u64 {
        match kind {
            RequestKind::Deliver => self.slowest_ms,
            RequestKind::LookUp => self.slowest_lookup_ms,
        }
    }

    /// Whether neither a request nor a lease is awaited.
    pub fn is_idle(&self) -> bool {
        self.awaited == 0 && !self.leasing
    }

    /// Whether a request is awaited.
    pub fn is_busy(&self) -> bool {
        self.awaited > 0
    }

    /// What is waited for, where nothing more is to be had in this invocation.
    pub fn wait(&self) -> Option<Wait> {
        self.wait
    }

    /// Until when a wait lasts that is waited out here, for it is short: others have the concurrency, and will have
    /// sent all in a moment.
    pub fn waits_here_until_ms(&self, now_ms: EpochMs) -> Option<EpochMs> {
        let wait = self.wait.filter(|wait| wait.on == WaitOn::Concurrency)?;
        let is_short = wait.until_ms <= now_ms + WAITS_HERE_MS;
        (is_short && self.waited_here < WAITS_HERE_MAX && self.rate.is_some())
            .then_some(wait.until_ms)
    }

    /// It was.
    pub fn waited_here(&mut self) {
        self.waited_here += 1;
        self.wait = None;
    }

    /// A quota turned out to be used up.
    pub fn wait_for(&mut self, wait: Wait) {
        self.wait = Some(wait);
    }

    /// Whether there is anything to let go.
    pub fn holds_anything(&self) -> bool {
        self.is_leasing_at_all
            && (self.sent > 0 || self.slots > 0 || !self.send_slots.unused().is_empty())
    }

    /// Send slots that were leased and not used; `None` where nothing is leased at all.
    pub fn unused(&self) -> Option<Vec<(EpochMs, u64)>> {
        self.is_leasing_at_all.then(|| self.send_slots.unused())
    }

    /// How many requests may be in flight after the invocation, and until when.
    pub fn in_flight_after(&self, now_ms: EpochMs) -> Option<(u32, EpochMs)> {
        let late = || self.abandoned_until_ms.iter().filter(|until_ms| **until_ms > now_ms);
        let slots = u32::try_from(late().count()).unwrap_or(u32::MAX);
        late().max().map(|until_ms| (slots, *until_ms))
    }
}

#[cfg(test)]
mod tests;
