//! Concurrency and send slots for one invocation.

use std::collections::BTreeSet;

use super::{QuotaSpan, Terms};
use crate::model::{Ask, Budget, EpochMs, Grant, Holder, Leased, Priority, Wait, WaitOn, Waiting};

/// For so long after a more urgent stream asked, others leave it the greater part.
const YIELD_MS: EpochMs = 5_000;
/// They lease no further ahead than this: so long, at the most, the more urgent one waits. In µs.
const YIELD_AHEAD_US: i64 = 250_000;
/// So much less is leased at once where nothing paces it.
const YIELD_PART: u32 = 4;
/// An invocation that may start no request asks again after this.
const SLOTS_AGAIN_MS: EpochMs = 1_000;
/// Or, where another one is about to have sent all that it has, after this; as long as it may be late, at the most.
const DONE_AGAIN_MS: EpochMs = 100;
const DONE_LATE_MS: EpochMs = 2_000;
/// The longest that is waited for that, in ms: it may end before.
const DONE_MS_MAX: EpochMs = 10_000;
/// The next invocation begins so long before the one that sends has sent all, in ms.
const NEARLY_DONE_MS: EpochMs = 300;
/// A rate counts as used for so long after the last send slot was leased, in µs: one that takes over has few slots
/// at first, and leases one at a time.
const STILL_USED_US: i64 = 500_000;
/// That a stream waits is noted so often.
const NOTE_WAITING_MS: EpochMs = 1_000;

impl Budget {
    /// Leases concurrency, and send slots for so many requests. Where there is something to wait for nothing is
    /// leased, and nothing changes but that slots held for nothing are let go, and that a stream
    /// waits for slots which another has.
    pub fn lease(&mut self, terms: &Terms, ask: &Ask<'_>) -> Grant {
        let now_ms = ask.now_us.div_euclid(1_000);
        self.forget(now_ms);
        if let Some(until_ms) = self.blocked_until_ms(&terms.stream, now_ms)
            && !ask.is_probe
        {
            return self.wait(ask, WaitOn::Circuit, until_ms);
        }
        let yields = self.yields_to_others(terms.priority, now_ms);
        let slots = self.slots_for(terms, ask, yields);
        if slots == 0 || self.is_anothers(terms, ask, now_ms) {
            self.note_waiting(terms, now_ms);
            let until_ms = self.slots_again_ms(terms, ask, now_ms);
            return self.wait(ask, WaitOn::Concurrency, until_ms);
        }
        // With too few slots only as many send slots as can be used at once; but where the others have leased all that
        // they need, it has theirs soon, and uses late the send slots that pass until then.
        let too_few = slots < ask.slots_needed && self.others_lease_more(ask);
        let usable = if too_few { slots.saturating_sub(ask.slots_busy).max(1) } else { u32::MAX };
        let mut want = u64::from(ask.want.min(usable));
        for quota in &terms.quotas {
            match self.left_of(quota, now_ms) {
                Ok(left) => want = want.min(left),
                Err(until_ms) => return self.wait(ask, WaitOn::Quota, until_ms),
            }
        }
        let want = u32::try_from(want).unwrap_or(u32::MAX);
        let until_us = terms.quotas.iter().fold(ask.until_us, |until_us, quota| {
            // What is leased today is not used tomorrow.
            QuotaSpan::at(quota, now_ms)
                .ends_ms()
                .map_or(until_us, |ends_ms| until_us.min(ends_ms * 1_000 - 1))
        });
        let leased = self.send_slots_for(ask, want, until_us, yields);
        if leased.count == 0 {
            let until_ms = leased.first_us / 1_000 + 1;
            // A stream that yields comes back when there is room ahead of it again.
            let until_ms = if yields { until_ms - YIELD_AHEAD_US / 1_000 } else { until_ms };
            return self.wait(ask, WaitOn::Rate, until_ms.max(now_ms + 1));
        }
        if leased.spacing_us > 0 {
            self.next_us = leased.first_us + i64::from(leased.count) * leased.spacing_us;
        }
        for quota in &terms.quotas {
            self.spend(quota, now_ms, leased.until_us / 1_000, u64::from(leased.count));
        }
        self.waiting.retain(|waiting| terms.stream.is_empty() || waiting.stream != terms.stream);
        if terms.stream.is_empty() && ask.mean_us > 0 {
            self.mean_us = ask.mean_us;
        }
        self.hold(terms, ask, slots);
        self.note_priority(terms.priority, now_ms);
        Grant { slots, leased, wait: None }
    }

    /// An invocation keeps so many of its requests at once, and leaves the others the rest.
    pub fn keep(&mut self, owner: &str, slots: u32) {
        if let Some(holder) = self.holders.iter_mut().find(|holder| &*holder.owner == owner) {
            holder.slots = holder.slots.min(slots);
        }
    }

    /// Ends an invocation's hold: but so many requests of it may still be in flight until then. Gives
    /// back what it leased of quotas and did not use: so many, that count as used at that moment.
    pub fn release(
        &mut self,
        terms: &Terms,
        owner: &str,
        in_flight: Option<(u32, EpochMs)>,
        unused: &[(EpochMs, u64)],
    ) {
        self.holders.retain(|holder| &*holder.owner != owner);
        if let Some((slots, until_ms)) = in_flight {
            let stream = terms.stream.clone();
            self.holders.push(Holder {
                owner: owner.into(),
                stream,
                slots,
                until_ms,
                wants: 0,
                done_ms: 0,
            });
        }
        for quota in &terms.quotas {
            for (at_ms, requests) in unused {
                self.unspend(quota, *at_ms, *requests);
            }
        }
    }

    /// How many slots the asker gets: as many as it wants and are free, and never fewer than it uses.
    fn slots_for(&self, terms: &Terms, ask: &Ask<'_>, yields: bool) -> u32 {
        let others = self.holders.iter().filter(|holder| &*holder.owner != ask.owner);
        let taken: u32 = others.map(|holder| holder.slots).sum();
        let all = self.slots_in_all(terms);
        // Room for the more urgent, where there is any to leave.
        let left_free = if yields && all > 1 { (all / 4).max(1) } else { 0 };
        let free = all.saturating_sub(taken + left_free);
        let fair = self.fair_part(terms, ask, all);
        ask.slots.min(free).min(fair).max(ask.slots_busy)
    }

    /// Whether an invocation that begins leaves the rate to one that uses all of it, takes most of the slots for that, and
    /// has more to send: where several have a few slots each, send slots pass while all of theirs are busy. Where
    /// streams share the budget, each has its part.
    fn is_anothers(&self, terms: &Terms, ask: &Ask<'_>, now_ms: EpochMs) -> bool {
        let begins = ask.spacing_us > 0 && ask.slots_busy == 0 && terms.stream.is_empty();
        let (is_used, all) = (self.next_us + STILL_USED_US > ask.now_us, self.slots_in_all(terms));
        let mut others = self.holders.iter().filter(|holder| &*holder.owner != ask.owner);
        begins
            && is_used
            && others.any(|holder| {
                let takes_most = holder.wants.saturating_mul(2) > all;
                takes_most && holder.done_ms > now_ms + NEARLY_DONE_MS
            })
    }

    /// Whether others that send have not leased send slots for all that they have, as far as they say.
    fn others_lease_more(&self, ask: &Ask<'_>) -> bool {
        let mut others = self.holders.iter().filter(|holder| &*holder.owner != ask.owner);
        others.any(|holder| holder.done_ms == 0 || holder.done_ms * 1_000 > self.next_us)
    }

    /// When it is worth asking again for slots that others have: when the first of them will have sent all that
    /// it has. Where streams share the budget, each gets its part of them before.
    fn slots_again_ms(&self, terms: &Terms, ask: &Ask<'_>, now_ms: EpochMs) -> EpochMs {
        if !terms.stream.is_empty() {
            return now_ms + SLOTS_AGAIN_MS;
        }
        let others = self.holders.iter().filter(|holder| &*holder.owner != ask.owner);
        let done = others.map(|holder| holder.done_ms).filter(|it| *it + DONE_LATE_MS > now_ms);
        match done.min() {
            Some(done_ms) => done_ms.clamp(now_ms + DONE_AGAIN_MS, now_ms + DONE_MS_MAX),
            None => now_ms + SLOTS_AGAIN_MS,
        }
    }

    /// While another stream that is as urgent waits for slots, this one has its part of them, over all its
    /// invocations.
    fn fair_part(&self, terms: &Terms, ask: &Ask<'_>, all: u32) -> u32 {
        let own = &terms.stream;
        let rivals =
            |waiting: &&Waiting| waiting.stream != *own && waiting.urgency <= terms.priority as u8;
        if own.is_empty() || !self.waiting.iter().any(|waiting| rivals(&waiting)) {
            return u32::MAX;
        }
        let waiting = self.waiting.iter().filter(rivals).map(|waiting| &waiting.stream);
        let holding = self.holders.iter().map(|holder| &holder.stream);
        let streams: BTreeSet<_> = waiting.chain(holding).chain([own]).collect();
        let others = self.holders.iter().filter(|it| it.stream == *own && &*it.owner != ask.owner);
        let used: u32 = others.map(|holder| holder.slots).sum();
        let part = all / u32::try_from(streams.len()).unwrap_or(u32::MAX);
        part.max(1).saturating_sub(used)
    }

    fn note_waiting(&mut self, terms: &Terms, now_ms: EpochMs) {
        let lately =
            |it: &Waiting| it.stream == terms.stream && it.at_ms + NOTE_WAITING_MS > now_ms;
        if terms.stream.is_empty() || self.waiting.iter().any(lately) {
            return;
        }
        self.waiting.retain(|waiting| waiting.stream != terms.stream);
        let (stream, urgency) = (terms.stream.clone(), terms.priority as u8);
        self.waiting.push(Waiting { stream, urgency, at_ms: now_ms });
    }

    fn send_slots_for(&self, ask: &Ask<'_>, want: u32, until_us: i64, yields: bool) -> Leased {
        let paced_us = self.advertised.map_or(0, |paced| paced.spacing_us);
        let spacing_us = ask.spacing_us.max(paced_us);
        if spacing_us == 0 {
            // Asked for is what is sent in a second.
            let part = if yields { want.div_ceil(YIELD_PART) } else { want };
            let count = if ask.now_us <= until_us { part } else { 0 };
            return Leased { first_us: ask.now_us, spacing_us, count, until_us };
        }
        // Send slots that were not taken are gone, and make no burst; but where the rate was used a moment ago, one
        // that takes over makes up for those that passed meanwhile.
        let goes_on = ask.uses_late
            && spacing_us == ask.spacing_us
            && self.next_us + STILL_USED_US > ask.now_us;
        let first_us = if goes_on { self.next_us } else { self.next_us.max(ask.now_us) };
        let ahead_us = if yields { ask.now_us + YIELD_AHEAD_US } else { i64::MAX };
        let fit =
            (until_us.min(ahead_us) - first_us).div_euclid(spacing_us).saturating_add(1).max(0);
        let count = u32::try_from(fit).unwrap_or(u32::MAX).min(want);
        Leased { first_us, spacing_us, count, until_us }
    }

    fn wait(&mut self, ask: &Ask<'_>, on: WaitOn, until_ms: EpochMs) -> Grant {
        // What it holds for nothing others can use.
        match self.holders.iter_mut().find(|holder| &*holder.owner == ask.owner) {
            Some(holder) if ask.slots_busy > 0 => holder.slots = holder.slots.min(ask.slots_busy),
            _ => self.holders.retain(|holder| &*holder.owner != ask.owner),
        }
        let first_us = until_ms * 1_000;
        let leased = Leased { first_us, ..Leased::default() };
        Grant { slots: ask.slots_busy, leased, wait: Some(Wait { on, until_ms }) }
    }

    fn hold(&mut self, terms: &Terms, ask: &Ask<'_>, slots: u32) {
        let until_ms = ask.slots_until_ms;
        match self.holders.iter_mut().find(|holder| &*holder.owner == ask.owner) {
            Some(holder) => {
                holder.slots = slots;
                holder.until_ms = holder.until_ms.max(until_ms);
                (holder.wants, holder.done_ms) = (ask.slots, ask.done_ms);
            }
            None => {
                let stream = terms.stream.clone();
                let (owner, wants, done_ms) = (ask.owner.into(), ask.slots, ask.done_ms);
                self.holders.push(Holder { owner, stream, slots, until_ms, wants, done_ms });
            }
        }
    }

    /// Whether a more urgent stream asked lately.
    fn yields_to_others(&self, priority: Priority, now_ms: EpochMs) -> bool {
        let more_urgent = &self.asked_ms[..priority as usize];
        more_urgent.iter().any(|asked_ms| *asked_ms != 0 && asked_ms + YIELD_MS > now_ms)
    }

    fn note_priority(&mut self, priority: Priority, now_ms: EpochMs) {
        // No stream yields to the least urgent.
        if priority < Priority::Low {
            self.asked_ms[priority as usize] = now_ms;
        }
    }
}

#[cfg(test)]
mod tests;
