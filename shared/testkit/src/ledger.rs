//! The ledger of the table in memory: who may write an entity, and which version it has.

use tidegate_core::{
    guard::Guard,
    model::{Edition, RecordId, StreamId},
    ports::{Claim, ClaimEnd, Claimant, Ledger, Over, Unavailable},
};

use crate::store::{Entity, MemoryStore};

impl Ledger for MemoryStore {
    async fn claim(
        &self,
        stream: &StreamId,
        entity: &RecordId,
        edition: Edition,
        by: &Claimant<'_>,
    ) -> Result<Claim, Unavailable> {
        let Claimant { owner, now_ms, until_ms, over, may_repeat } = *by;
        Ok(self.with(stream, |state| {
            let entity = state.entities.entry(entity.clone()).or_default();
            let ours = entity.owner.as_deref() == Some(owner);
            if ours && entity.claimed == Some(edition) {
                return Claim::Mine { unknown_until_ms: entity.unknown_until_ms };
            }
            let settled = if (self.stands)(Guard::ClaimIsNotApplied) {
                entity.applied
            } else {
                entity.claimed
            };
            if settled >= Some(edition) {
                return Claim::Applied;
            }
            let is_over = |over: &Over| !ours && entity.since_ms < over.before_ms;
            let over = over.filter(is_over).filter(|_| entity.owner.is_some());
            let locked_ms =
                over.map_or(entity.until_ms, |it| entity.until_ms.min(it.lands_until_ms));
            let repeats = over.is_some() && may_repeat && entity.claimed == Some(edition);
            let locked = entity.owner.is_some() && locked_ms >= now_ms && !repeats;
            let older = entity.claimed > Some(edition);
            if locked && (!ours || older) && (self.stands)(Guard::EntityLock) {
                return Claim::Locked { until_ms: locked_ms };
            }
            let another = entity.claimed != Some(edition);
            if let Some(lands_ms) = entity.lands_until_ms
                && another
                && lands_ms >= now_ms
            {
                return Claim::Locked { until_ms: lands_ms };
            }
            if repeats {
                entity.lands_until_ms = entity.lands_until_ms.max(Some(locked_ms));
            }
            if older && (self.stands)(Guard::YieldToNewer) {
                return Claim::Newer;
            }
            // Who had it was never heard of, or did not know.
            let is_unknown = entity.owner.is_some() && !another;
            let lands_ms = entity.lands_until_ms.filter(|_| repeats).unwrap_or(locked_ms);
            entity.unknown_until_ms = is_unknown.then_some(lands_ms);
            entity.claimed = Some(edition);
            entity.owner = Some(owner.into());
            entity.since_ms = now_ms;
            entity.until_ms = until_ms;
            Claim::Mine { unknown_until_ms: entity.unknown_until_ms }
        }))
    }

    async fn finish(
        &self,
        stream: &StreamId,
        entity: &RecordId,
        edition: Edition,
        owner: &str,
        end: ClaimEnd,
    ) -> Result<(), Unavailable> {
        self.with(stream, |state| {
            let Some(entity) = state.entities.get_mut(entity) else { return };
            if entity.owner.as_deref() != Some(owner) || entity.claimed != Some(edition) {
                return;
            }
            if let (ClaimEnd::AsBefore, Some(until_ms)) = (end, entity.unknown_until_ms) {
                entity.until_ms = until_ms;
                return;
            }
            entity.owner = None;
            entity.until_ms = 0;
            if end == ClaimEnd::Deleted && !(self.stands)(Guard::Tombstone) {
                *entity = Entity::default();
            } else if end != ClaimEnd::Free {
                // Of a deletion the same is kept: that is its tombstone.
                entity.applied = entity.applied.max(Some(edition));
            }
        });
        Ok(())
    }
}
