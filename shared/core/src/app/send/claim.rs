//! Claims in the ledger: one write of an entity at a time, and no older version after a newer one.

use std::collections::HashSet;

use futures_util::future::join_all;

use super::{Item, Place, Sender, Sent, Start, Unit, later, unknown};
use crate::{
    decide::Moment,
    guard::Guard,
    model::{Blame, OnUnknown, Outcome, SkipReason},
    ports::{Claim, ClaimEnd, Clock, Ids, Store},
};

impl<S: Store, Q, C: Clock, E: Ids> Sender<'_, S, Q, C, E> {
    /// Claims these; those that are not ours get their outcome.
    pub(super) async fn claim(
        &self,
        owner: &str,
        items: Vec<Item>,
        outcomes: &mut Vec<(Place, Outcome)>,
    ) -> Vec<Item> {
        let (flow, store) = (self.flow, &self.ports.store);
        // A second version of an entity waits for another request: the two could land in any order.
        let mut entities = HashSet::new();
        let (items, second): (Vec<_>, Vec<_>) = items.into_iter().partition(|item| {
            !Guard::OneVersionARequest.stands() || entities.insert(item.record.id.clone())
        });
        let wait =
            |item: Item| (item.place, later(Blame::Entity, Some(0), "another version goes first"));
        outcomes.extend(second.into_iter().map(wait));

        let now_ms = self.ports.clock.now_ms();
        // No request of ours starts after the deadline, and none lands later than this.
        let until_ms = if Guard::LockUntilLanded.stands() {
            self.invocation.deadline.at_ms + flow.settings.landing_ms
        } else {
            now_ms
        };
        let claims = join_all(items.iter().map(|Item { record, .. }| {
            let edition = self.invocation.edition(record);
            store.claim(&flow.stream, &record.id, edition, owner, now_ms, until_ms)
        }))
        .await;
        let mut mine = Vec::with_capacity(items.len());
        let mut applied = Vec::new();
        for (mut item, claim) in items.into_iter().zip(claims) {
            let outcome = match claim {
                Ok(Claim::Mine { doubt }) => {
                    item.doubt = doubt;
                    mine.push(item);
                    continue;
                }
                // Whoever applied it may not have come to mark it.
                Ok(Claim::Applied) if flow.source.marker().is_some() => {
                    applied.push(item);
                    continue;
                }
                Ok(Claim::Applied | Claim::Newer) => Outcome::Skipped(SkipReason::Older),
                Ok(Claim::Locked { until_ms }) => later(
                    Blame::Entity,
                    u64::try_from(until_ms - now_ms).ok(),
                    "another version is being written",
                ),
                // Our claim may stand: the lock then runs out by itself.
                Err(_) => later(Blame::Entity, None, "the ledger gave no answer"),
            };
            outcomes.push((item.place, outcome));
        }
        outcomes.extend(self.mark_applied(&applied).await);
        mine
    }

    /// Ends the claims for which `end` says how; a lost answer leaves a lock that runs out, and a
    /// version that stays claimed, so that nothing older can pass it.
    pub(super) async fn finish(
        &self,
        owner: &str,
        items: &[Item],
        end: impl Fn(usize) -> Option<ClaimEnd>,
    ) {
        if !self.by_entity() {
            return;
        }
        let ends = items.iter().enumerate().filter_map(|(at, Item { record, .. })| {
            let (end, edition) = (end(at)?, self.invocation.edition(record));
            let stream = &self.flow.stream;
            Some(self.ports.store.finish(stream, &record.id, edition, owner, end))
        });
        join_all(ends.collect::<Vec<_>>()).await;
    }

    /// Ends the claims of records of which nothing was sent. What is in doubt stays so: only the lock
    /// that runs out tells the next.
    pub(super) async fn let_go(&self, owner: &str, items: &[Item]) {
        if owner.is_empty() {
            // They were never claimed.
            return;
        }
        self.finish(owner, items, |at| (!items[at].doubt).then_some(ClaimEnd::Free)).await;
    }

    /// How an answer ends its record's claim. An unknown outcome keeps the lock: the write may still
    /// land. Refused only unlocks: it is marked nowhere until it is durably parked, or a crash in between
    /// would skip it for good.
    pub(super) fn end_of(&self, item: &Item, answer: &Outcome) -> Option<ClaimEnd> {
        match answer {
            Outcome::Delivered | Outcome::Skipped(_) if item.record.deleted => {
                Some(ClaimEnd::Deleted)
            }
            Outcome::Delivered | Outcome::Skipped(_) => Some(ClaimEnd::Applied),
            Outcome::Refused { .. } if !Guard::RefusedIsNotApplied.stands() => {
                Some(ClaimEnd::Applied)
            }
            Outcome::Refused { .. } => Some(ClaimEnd::Free),
            Outcome::Later(_) if !Guard::LockOnUnknown.stands() => Some(ClaimEnd::Free),
            Outcome::Later(later) => (!later.unknown).then_some(ClaimEnd::Free),
        }
    }

    /// Sorts out those that may have been applied under an earlier claim, as the flow says: they are
    /// asked for, parked, or sent again.
    pub(super) async fn without_doubt(
        &self,
        owner: &str,
        items: Vec<Item>,
        sent: &mut Sent,
    ) -> Vec<Item> {
        let policy = self.flow.settings.on_unknown;
        if policy == OnUnknown::Retry || !Guard::Doubt.stands() {
            return items;
        }
        let insists =
            |item: &Item| policy == OnUnknown::Park && self.looked_at.contains(item.place.index);
        let (doubtful, items): (Vec<Item>, Vec<Item>) =
            items.into_iter().partition(|item| item.doubt && !insists(item));
        if policy == OnUnknown::LookUp {
            sent.next.extend(doubtful.into_iter().map(|item| Unit::Ask(item, owner.into())));
            return items;
        }
        // Their claims stay as they are: ended, nobody who comes by again would know of the doubt.
        let park = |item: &Item| (item.place, unknown("whoever sent it was heard of no more"));
        sent.outcomes.extend(doubtful.iter().map(park));
        items
    }

    /// Asks the destination whether it has a record.
    pub(super) async fn ask(
        &self,
        mut item: Item,
        owner: Box<str>,
        moment: Option<Moment>,
        timeout_ms: u64,
    ) -> Sent {
        let mut sent = Sent::default();
        let timeout_ms = match self.start(moment, timeout_ms).await {
            Start::Now { timeout_ms } => timeout_ms,
            Start::Missed => {
                sent.next.push(Unit::Ask(item, owner));
                return sent;
            }
            Start::TimeIsUp => {
                self.leave(&owner, vec![item], &mut sent).await;
                return sent;
            }
        };
        let started_ms = self.ports.clock.now_ms();
        let has = self.flow.destination.has(&item.record, timeout_ms).await;
        sent.took_ms = u64::try_from(self.ports.clock.now_ms() - started_ms).ok();
        match has {
            Ok(true) => {
                let mut answers = [Outcome::Delivered];
                let items = [item];
                self.conclude(&owner, &items, &mut answers).await;
                let [answer] = answers;
                sent.outcomes.push((items[0].place, answer));
            }
            Ok(false) => {
                item.doubt = false;
                let chunk =
                    super::Chunk { items: vec![item], decided: Vec::new(), claim: Some(owner) };
                sent.next.push(Unit::Send(chunk));
            }
            // Still in doubt: the lock stays until it runs out.
            Err(later) => sent.outcomes.push((item.place, Outcome::Later(later))),
        }
        sent
    }
}
