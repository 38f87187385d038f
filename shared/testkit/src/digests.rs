//! What the digest of errors reads, and how far it got, in memory.

use tidegate_core::{
    model::{DigestState, EpochMs, ParkedError, RecordKey, StreamId},
    ports::{Digests, Unavailable},
};

use crate::{lock::lock, store::MemoryStore};

impl Digests for MemoryStore {
    async fn parking_streams(&self) -> Result<Vec<StreamId>, Unavailable> {
        Ok(lock(&self.parking).iter().cloned().collect())
    }

    async fn errors(
        &self,
        stream: &StreamId,
        from_ms: EpochMs,
        until_ms: EpochMs,
        after: Option<&RecordKey>,
        limit: usize,
    ) -> Result<Vec<ParkedError>, Unavailable> {
        Ok(self.with(stream, |state| {
            let records = state.parked.values();
            let records = records.filter(|parked| after.is_none_or(|after| parked.key > *after));
            let records = records.filter(|it| (from_ms..until_ms).contains(&it.parked_at_ms));
            records.take(limit).cloned().map(ParkedError::from).collect()
        }))
    }

    async fn digest_state(&self) -> Result<DigestState, Unavailable> {
        Ok(*lock(&self.digests))
    }

    async fn swap_digest_state(
        &self,
        seen: DigestState,
        to: DigestState,
    ) -> Result<bool, Unavailable> {
        let mut state = lock(&self.digests);
        if *state == seen {
            *state = to;
        }
        Ok(*state == to)
    }
}
