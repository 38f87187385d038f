//! Claims in the ledger: one write of an entity at a time, and no older version after a newer one.

use std::{collections::HashMap, sync::PoisonError};

use super::{
    sender::{Confirmed, Sender, Start, Step, not_attempted, unknown},
    unit::{Answered, Chunk, Item, Place, Unit, Versioned},
};
use crate::{
    decide::SendSlot,
    guard::Guard,
    model::{Edition, Ended, EpochMs, OnUnknown, Ordering, Outcome, RecordId, SkipReason},
    ports::{Claim, ClaimEnd, Claimant, Clock, Ending, Ids, Ledger, Outgoing, Over, Platform},
};

impl<P: Platform> Sender<'_, P> {
    /// Claims these; those that are not ours get their outcome.
    pub(super) async fn claim<R: Versioned>(
        &self,
        owner: &str,
        items: Vec<Item<R>>,
        outcomes: &mut Vec<(Place, Outcome)>,
    ) -> Vec<Item<R>> {
        let (flow, store) = (self.flow, &self.ports.store);
        // A second version of an entity waits for the claim of the first one to end: the two could land in
        // any order.
        let (items, second): (Vec<_>, Vec<_>) = {
            let mut in_hand = self.in_hand.lock().unwrap_or_else(PoisonError::into_inner);
            items.into_iter().partition(|item| {
                !P::stands(Guard::OneVersionARequest) || in_hand.insert(item.record.id().clone())
            })
        };
        let wait =
            |item: Item<R>| (item.place, not_attempted(Some(0), "another version goes first"));
        outcomes.extend(second.into_iter().map(wait));

        let now_ms = self.ports.clock.now_ms();
        // No request of ours starts after the deadline, and none lands later than this.
        let until_ms = self.invocation.deadline.at_ms + flow.settings.landing_ms;
        let may_repeat = flow.settings.on_unknown == OnUnknown::Retry;
        let by = Claimant { owner, now_ms, until_ms, over: self.over(), may_repeat };
        let edition = |Item { record, .. }: &Item<R>| {
            (record.id().clone(), record.edition(self.invocation.generation))
        };
        let editions: Vec<(RecordId, Edition)> = items.iter().map(edition).collect();
        let claims = match editions.is_empty() {
            true => Vec::new(),
            false => store.claim(&flow.stream, &editions, &by).await,
        };
        let mut mine = Vec::with_capacity(items.len());
        let (mut applied, mut not_mine) = (Vec::new(), Vec::new());
        for (mut item, claim) in items.into_iter().zip(claims) {
            let outcome = match claim {
                Ok(Claim::Mine { unknown_until_ms }) => {
                    item.unknown_until_ms = unknown_until_ms;
                    mine.push(item);
                    continue;
                }
                // The processor that applied it may have crashed before it was marked.
                Ok(Claim::Applied) if flow.source.marker().is_some() => {
                    applied.push(item.place);
                    None
                }
                Ok(Claim::Applied | Claim::Newer) => Some(Outcome::Skipped(SkipReason::Older)),
                Ok(Claim::Locked { until_ms }) => Some(not_attempted(
                    u64::try_from(until_ms - now_ms).ok(),
                    "another version is being written",
                )),
                // Our claim may stand: the lock then runs out by itself.
                Err(_) => Some(not_attempted(None, "the ledger gave no answer")),
            };
            not_mine.push(item.record.id().clone());
            outcomes.extend(outcome.map(|outcome| (item.place, outcome)));
        }
        self.out_of_hand(not_mine.iter());
        outcomes.extend(self.mark_applied(applied).await);
        mine
    }

    /// Other versions of these entities may be claimed.
    fn out_of_hand<'r>(&self, entities: impl Iterator<Item = &'r RecordId>) {
        let mut in_hand = self.in_hand.lock().unwrap_or_else(PoisonError::into_inner);
        entities.for_each(|entity| _ = in_hand.remove(entity));
    }

    /// Whether claims and ends of many requests travel together. Only where the same edition may be sent
    /// again: a crash then leaves claims of records that were not sent, and sent ones without their ends, and
    /// elsewhere both would count as unknown.
    pub(in crate::app) fn gathers(&self) -> bool {
        let settings = &self.flow.settings;
        settings.ordering == Ordering::Entity
            && settings.on_unknown == OnUnknown::Retry
            && self.flow.source.marker().is_none()
    }

    /// Claims the records of several requests together.
    pub(in crate::app) async fn claim_together(&self, chunks: Vec<Chunk>) -> Step {
        let mut step = Step::default();
        let owner = self.ports.entropy.unique(&self.flow.stream);
        let (mut all, mut chunk_of) = (Vec::new(), HashMap::new());
        for (at, Chunk { items, decided, .. }) in chunks.into_iter().enumerate() {
            step.outcomes.extend(decided);
            chunk_of.extend(items.iter().map(|item| (item.place, at)));
            all.extend(items);
        }
        let mut last = None;
        for item in self.claim(&owner, all, &mut step.outcomes).await {
            let at = chunk_of[&item.place];
            match step.next.last_mut() {
                Some(Unit::Send(chunk)) if last == Some(at) => chunk.items.push(item),
                _ => step.next.push(Unit::Send(Chunk {
                    items: vec![item],
                    decided: Vec::new(),
                    claim: Some(owner.clone()),
                })),
            }
            last = Some(at);
        }
        step
    }

    /// What is known of the claimants of a process that is dead.
    fn over(&self) -> Option<Over> {
        let Ended { before_ms, sent_until_ms } = self.invocation.ended?;
        let landing_ms = match P::stands(Guard::LandingOutlivesProcess) {
            true => self.flow.settings.landing_ms,
            false => 0,
        };
        Some(Over { before_ms, lands_until_ms: sent_until_ms + landing_ms })
    }

    /// Ends the claims for which `end` says how: with those of other requests where they are gathered,
    /// else at once.
    pub(super) async fn finish<R: Versioned>(
        &self,
        owner: &str,
        items: &[Item<R>],
        end: impl Fn(usize) -> Option<ClaimEnd>,
        gathered: &mut Vec<Ending>,
    ) {
        if !self.by_entity() {
            return;
        }
        let ends = items.iter().enumerate().filter_map(|(at, Item { record, .. })| {
            let (end, edition) = (end(at)?, record.edition(self.invocation.generation));
            Some(Ending { entity: record.id().clone(), edition, owner: owner.into(), end })
        });
        if self.gathers() {
            gathered.extend(ends);
        } else {
            self.end(&ends.collect::<Vec<_>>()).await;
        }
    }

    /// Ends claims; a lost answer leaves a lock that runs out, and a version that stays claimed, so that
    /// nothing older can pass it.
    pub(in crate::app) async fn end(&self, endings: &[Ending]) {
        if endings.is_empty() {
            return;
        }
        if let Err(error) = self.ports.store.finish(&self.flow.stream, endings).await {
            tracing::debug!(stream = %self.flow.stream, %error, "locks are left to run out");
        }
        self.out_of_hand(endings.iter().map(|ending| &ending.entity));
    }

    /// Ends the claims of records of which nothing was sent.
    pub(super) async fn let_go<R: Versioned>(
        &self,
        owner: &str,
        items: &[Item<R>],
        gathered: &mut Vec<Ending>,
    ) {
        if owner.is_empty() {
            // They were never claimed.
            return;
        }
        self.finish(owner, items, |at| Some(unsent(&items[at])), gathered).await;
    }

    /// How an answer ends its record's claim. An unknown outcome keeps the lock: the write may still
    /// land. But one that was answered is not in flight, and lands soon or never: its lock ends then. Where the same
    /// edition may be sent again it is not even kept from that, and only other versions wait. Refused only unlocks: it is
    /// marked nowhere until it is durably parked, or a crash in between would skip it for good. Where nothing
    /// may be sent twice, an answer that does not say "applied" says nothing of an earlier request whose
    /// outcome is unknown, so that stays unknown.
    pub(super) fn end_of(
        &self,
        item: &Item<Outgoing>,
        answer: &Outcome,
        answered: Option<Answered>,
    ) -> Option<ClaimEnd> {
        let not_applied = match self.flow.settings.on_unknown {
            OnUnknown::Retry => ClaimEnd::Free,
            OnUnknown::Park | OnUnknown::LookUp => unsent(item),
        };
        match answer {
            Outcome::Delivered | Outcome::Skipped(_) if item.record.deleted => {
                Some(ClaimEnd::Deleted)
            }
            Outcome::Delivered | Outcome::Skipped(_) => Some(ClaimEnd::Applied),
            Outcome::Refused { .. } | Outcome::Invalid(_) => Some(not_applied),
            Outcome::Later(later) if later.unknown => {
                let Answered { lands_until_ms } = answered?;
                Some(match self.flow.settings.on_unknown {
                    _ if !P::stands(Guard::AnsweredMayLand) => not_applied,
                    OnUnknown::Retry => ClaimEnd::Answered { lands_until_ms },
                    // Nothing can be found out before it can land no more.
                    OnUnknown::Park | OnUnknown::LookUp => {
                        let earlier_ms = item.unknown_until_ms.unwrap_or(lands_until_ms);
                        ClaimEnd::AsBefore { until_ms: lands_until_ms.max(earlier_ms) }
                    }
                })
            }
            Outcome::Later(_) => Some(not_applied),
        }
    }

    /// Takes out those that may have been applied under an earlier claim, and does with them as the flow
    /// says: they are asked for, parked, or sent again with the others.
    pub(super) fn resolve_unknown(
        &self,
        owner: &str,
        items: Vec<Item<Outgoing>>,
        step: &mut Step,
    ) -> Vec<Item<Outgoing>> {
        let policy = self.flow.settings.on_unknown;
        if policy == OnUnknown::Retry {
            return items;
        }
        let is_to_be_resolved = |item: &Item<Outgoing>| match item.unknown_until_ms {
            None => false,
            Some(until_ms) => {
                policy == OnUnknown::LookUp || !self.is_confirmed(item.place, until_ms)
            }
        };
        let (unknown_ones, items): (Vec<_>, Vec<_>) =
            items.into_iter().partition(is_to_be_resolved);
        if policy == OnUnknown::LookUp {
            step.next.extend(unknown_ones.into_iter().map(|item| Unit::Ask(item, owner.into())));
            return items;
        }
        // Their claims stay as they are: were they ended, the next claim would not be told.
        let why = |item: &Item<Outgoing>| match self.confirmed.records.contains(item.place.index) {
            true => "it was sent, or could still land, after its replay was asked for; look again",
            false => "the processor that sent it crashed",
        };
        step.outcomes.extend(unknown_ones.iter().map(|item| (item.place, unknown(why(item)))));
        items
    }

    /// Whether an operator knows that it was not applied, if it can have been applied until then.
    fn is_confirmed(&self, place: Place, unknown_until_ms: EpochMs) -> bool {
        let Confirmed { records, until_ms } = &self.confirmed;
        records.contains(place.index) && unknown_until_ms < *until_ms
    }

    /// Asks the destination whether it has a record.
    pub(super) async fn ask(
        &self,
        mut item: Item<Outgoing>,
        owner: Box<str>,
        slot: Option<SendSlot>,
        timeout_ms: u64,
    ) -> Step {
        let mut step = Step::default();
        let timeout_ms = match self.start(slot, timeout_ms).await {
            Start::Now { timeout_ms } => timeout_ms,
            Start::Missed => {
                step.next.push(Unit::Ask(item, owner));
                return step;
            }
            Start::TimeIsUp => {
                self.leave(&owner, vec![item], &mut step).await;
                return step;
            }
        };
        let started_ms = self.ports.clock.now_ms();
        let has = self.flow.destination.has(&item.record, timeout_ms).await;
        step.took_ms = u64::try_from(self.ports.clock.now_ms() - started_ms).ok();
        match has {
            Ok(true) => {
                let mut answers = [Outcome::Delivered];
                let items = [item];
                self.conclude(&owner, &items, &mut answers, None, &mut step.endings).await;
                let [answer] = answers;
                step.outcomes.push((items[0].place, answer));
            }
            Ok(false) => {
                item.unknown_until_ms = None;
                let items = vec![item];
                step.next.push(Unit::Send(Chunk {
                    items,
                    decided: Vec::new(),
                    claim: Some(owner),
                }));
            }
            // It is as unknown as before, and is asked for again.
            Err(later) => {
                self.let_go(&owner, std::slice::from_ref(&item), &mut step.endings).await;
                step.outcomes.push((item.place, Outcome::Later(later)));
            }
        }
        step
    }
}

/// How the claim of a record ends of which it sent nothing that was applied.
pub(super) fn unsent<R>(item: &Item<R>) -> ClaimEnd {
    item.unknown_until_ms.map_or(ClaimEnd::Free, |until_ms| ClaimEnd::AsBefore { until_ms })
}
