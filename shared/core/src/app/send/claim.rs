//! Claims in the ledger: one write of an entity at a time, and no older version after a newer one.

use std::collections::HashSet;

use futures_util::future::join_all;

use super::{
    sender::{Confirmed, Sender, Start, Step, not_attempted, unknown},
    unit::{Chunk, Item, Place, Unit, Versioned},
};
use crate::{
    decide::SendSlot,
    guard::Guard,
    model::{Ended, EpochMs, OnUnknown, Outcome, SkipReason},
    ports::{Claim, ClaimEnd, Claimant, Clock, Ledger, Outgoing, Over, Platform},
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
        // A second version of an entity waits for another request: the two could land in any order.
        let mut entities = HashSet::new();
        let (items, second): (Vec<_>, Vec<_>) = items.into_iter().partition(|item| {
            !P::stands(Guard::OneVersionARequest) || entities.insert(item.record.id().clone())
        });
        let wait =
            |item: Item<R>| (item.place, not_attempted(Some(0), "another version goes first"));
        outcomes.extend(second.into_iter().map(wait));

        let now_ms = self.ports.clock.now_ms();
        // No request of ours starts after the deadline, and none lands later than this.
        let until_ms = self.invocation.deadline.at_ms + flow.settings.landing_ms;
        let may_repeat = flow.settings.on_unknown == OnUnknown::Retry;
        let by = Claimant { owner, now_ms, until_ms, over: self.over(), may_repeat };
        let claims = join_all(items.iter().map(|Item { record, .. }| {
            let edition = record.edition(self.invocation.generation);
            store.claim(&flow.stream, record.id(), edition, &by)
        }))
        .await;
        let mut mine = Vec::with_capacity(items.len());
        let mut applied = Vec::new();
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
                    continue;
                }
                Ok(Claim::Applied | Claim::Newer) => Outcome::Skipped(SkipReason::Older),
                Ok(Claim::Locked { until_ms }) => not_attempted(
                    u64::try_from(until_ms - now_ms).ok(),
                    "another version is being written",
                ),
                // Our claim may stand: the lock then runs out by itself.
                Err(_) => not_attempted(None, "the ledger gave no answer"),
            };
            outcomes.push((item.place, outcome));
        }
        outcomes.extend(self.mark_applied(applied).await);
        mine
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

    /// Ends the claims for which `end` says how; a lost answer leaves a lock that runs out, and a
    /// version that stays claimed, so that nothing older can pass it.
    pub(super) async fn finish<R: Versioned>(
        &self,
        owner: &str,
        items: &[Item<R>],
        end: impl Fn(usize) -> Option<ClaimEnd>,
    ) {
        if !self.by_entity() {
            return;
        }
        let ends = items.iter().enumerate().filter_map(|(at, Item { record, .. })| {
            let (end, edition) = (end(at)?, record.edition(self.invocation.generation));
            let stream = &self.flow.stream;
            Some(self.ports.store.finish(stream, record.id(), edition, owner, end))
        });
        join_all(ends.collect::<Vec<_>>()).await;
    }

    /// Ends the claims of records of which nothing was sent.
    pub(super) async fn let_go<R: Versioned>(&self, owner: &str, items: &[Item<R>]) {
        if owner.is_empty() {
            // They were never claimed.
            return;
        }
        self.finish(owner, items, |at| Some(unsent(&items[at]))).await;
    }

    /// How an answer ends its record's claim. An unknown outcome keeps the lock: the write may still
    /// land. Refused only unlocks: it is marked nowhere until it is durably parked, or a crash in between
    /// would skip it for good. Where nothing may be sent twice, an answer that does not say "applied" says
    /// nothing of an earlier request whose outcome is unknown, so that stays unknown.
    pub(super) fn end_of(&self, item: &Item<Outgoing>, answer: &Outcome) -> Option<ClaimEnd> {
        let not_applied = match self.flow.settings.on_unknown {
            OnUnknown::Retry => ClaimEnd::Free,
            OnUnknown::Park | OnUnknown::LookUp => unsent(item),
        };
        match answer {
            Outcome::Delivered | Outcome::Skipped(_) if item.record.deleted => {
                Some(ClaimEnd::Deleted)
            }
            Outcome::Delivered | Outcome::Skipped(_) => Some(ClaimEnd::Applied),
            Outcome::Refused { .. } => Some(not_applied),
            Outcome::Later(later) => (!later.unknown).then_some(not_applied),
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
                self.conclude(&owner, &items, &mut answers).await;
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
            // Still unknown: the lock stays until it runs out.
            Err(later) => step.outcomes.push((item.place, Outcome::Later(later))),
        }
        step
    }
}

/// How the claim of a record ends of which it sent nothing that was applied.
pub(super) fn unsent<R>(item: &Item<R>) -> ClaimEnd {
    if item.maybe_applied() { ClaimEnd::AsBefore } else { ClaimEnd::Free }
}
