//! The ledger of the table in memory: who may write an entity, and which version it has.

use tidegate_core::{
    guard::Guard,
    model::{Edition, RecordId, StreamId},
    ports::{Claim, ClaimEnd, Claimant, Ending, Ledger, Over, Unavailable},
};

use crate::store::{Entity, MemoryStore};

impl Ledger for MemoryStore {
    async fn claim(
        &self,
        stream: &StreamId,
        editions: &[(RecordId, Edition)],
        by: &Claimant<'_>,
    ) -> Vec<Result<Claim, Unavailable>> {
        let claim = |(entity, edition): &(RecordId, Edition)| {
            Ok(self.claim_one(stream, entity, *edition, by))
        };
        editions.iter().map(claim).collect()
    }

    async fn finish(&self, stream: &StreamId, endings: &[Ending]) -> Result<(), Unavailable> {
        endings.iter().for_each(|ending| self.finish_one(stream, ending));
        Ok(())
    }
}

impl MemoryStore {
    /// Claims one entity: in a group, each claim is a step of its own.
    pub fn claim_one(
        &self,
        stream: &StreamId,
        entity: &RecordId,
        edition: Edition,
        by: &Claimant<'_>,
    ) -> Claim {
        let Claimant { owner, now_ms, until_ms, over, may_repeat } = *by;
        self.with(stream, |state| {
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
            let lands_ms =
                entity.lands_until_ms.map_or(locked_ms, |lands_ms| lands_ms.max(locked_ms));
            entity.unknown_until_ms = is_unknown.then_some(lands_ms);
            entity.claimed = Some(edition);
            entity.owner = Some(owner.into());
            entity.since_ms = now_ms;
            entity.until_ms = until_ms;
            Claim::Mine { unknown_until_ms: entity.unknown_until_ms }
        })
    }

    /// Ends one claim.
    pub fn finish_one(&self, stream: &StreamId, ending: &Ending) {
        let Ending { entity, edition, owner, end } = ending;
        self.with(stream, |state| {
            let Some(entity) = state.entities.get_mut(entity) else { return };
            if entity.owner.as_ref() != Some(owner) || entity.claimed != Some(*edition) {
                return;
            }
            match *end {
                ClaimEnd::AsBefore { until_ms } => return entity.until_ms = until_ms,
                ClaimEnd::Answered { lands_until_ms } => {
                    entity.until_ms = 0;
                    entity.lands_until_ms = entity.lands_until_ms.max(Some(lands_until_ms));
                    return;
                }
                ClaimEnd::Free | ClaimEnd::Applied | ClaimEnd::Deleted => {}
            }
            entity.owner = None;
            entity.until_ms = 0;
            if *end == ClaimEnd::Deleted && !(self.stands)(Guard::Tombstone) {
                *entity = Entity::default();
            } else if *end != ClaimEnd::Free {
                // Of a deletion the same is kept: that is its tombstone.
                entity.applied = entity.applied.max(Some(*edition));
            }
        });
    }
}
