//! Handling a page one of whose records may kill whoever handles it: by memory, by an abort, by never
//! coming to an end.
//!
//! Nobody lives to tell which it was, so it is noted before: records are marked as in hand, handled,
//! settled, and acquitted. A mark that is found standing was left by somebody who died. Its record is
//! handled alone from then on, and after some deaths it is parked unhandled.

use std::collections::HashMap;

use super::{gate::Valve, work::Work};
use crate::{
    decide::{Batches, Verdict, batches},
    model::{Ordering, RecordKey},
    ports::{Clock, Ids, PageQueue, Random, Settle, Store, Unavailable},
};

/// Why a record is parked that nobody survived.
pub(in crate::app) fn died(times: u32) -> Box<str> {
    format!("whoever handled it died, {times} times").into()
}

/// Marks for records that are about to be handled: one death more, should nobody be heard of again.
pub(in crate::app) fn in_hand(suspects: &[(u32, u32, RecordKey)]) -> Vec<(RecordKey, u32)> {
    suspects.iter().map(|(_, deaths, key)| (key.clone(), deaths + 1)).collect()
}

/// What becomes of the marks afterwards.
pub(in crate::app) struct Released {
    /// These were handled, and their processor lives.
    pub acquitted: Vec<RecordKey>,
    /// These were not, and keep what they had.
    pub restored: Vec<(RecordKey, u32)>,
}

/// Tells the handled from those that were not.
pub(in crate::app) fn release(
    suspects: Vec<(u32, u32, RecordKey)>,
    handled: impl Fn(u32) -> bool,
) -> Released {
    let clean = |(index, deaths, _): &(u32, u32, RecordKey)| *deaths == 0 || handled(*index);
    let (acquitted, restored): (Vec<_>, Vec<_>) = suspects.into_iter().partition(clean);
    Released {
        acquitted: acquitted.into_iter().map(|(.., key)| key).collect(),
        restored: restored.into_iter().map(|(_, deaths, key)| (key, deaths)).collect(),
    }
}

impl<S: Store, Q: PageQueue, C: Clock, E: Random + Ids> Work<'_, S, Q, C, E> {
    /// Takes a page's careful turn. Whatever it leaves is given back.
    pub(super) async fn work_carefully(&mut self, job: usize) {
        if !self.may_start() {
            return;
        }
        if let Err(error) = self.examine(job).await {
            let stream = &self.flow.stream;
            tracing::warn!(%stream, %error, "a page's careful turn is left to the next invocation");
        }
    }

    fn may_start(&self) -> bool {
        let left_ms = self.invocation.deadline.left_ms(self.ports.clock.now_ms());
        left_ms > 0 && !matches!(self.valve, Valve::Shut { .. })
    }

    async fn examine(&mut self, job: usize) -> Result<(), Unavailable> {
        let unsettled = self.jobs[job].unsettled();
        let keys: Vec<RecordKey> = unsettled.iter().map(|index| self.key(job, *index)).collect();
        let known = self.ports.store.suspects(&self.flow.stream, &keys).await?;
        let known: HashMap<RecordKey, u32> = known.into_iter().collect();
        let seen = |key: &RecordKey| known.get(key).copied().unwrap_or(0);

        let serial = self.flow.settings.ordering == Ordering::Serial;
        let deaths = |index: u32| seen(&self.key(job, index));
        let Batches { fatal, batches } = batches(&unsettled, deaths, serial);
        // Their marks stay, should the page be voided and read again; a replay clears them.
        for index in fatal {
            let reason = died(seen(&self.key(job, index)));
            self.note(job, index, Verdict::Park { status: None, reason });
        }
        self.settle_now(job).await?;
        for batch in batches {
            if !self.may_start() {
                break;
            }
            let last = batch.last().copied();
            let suspects = batch.iter().map(|index| {
                let key = self.key(job, *index);
                (*index, seen(&key), key)
            });
            let suspects = suspects.collect();
            self.handle(job, suspects).await?;
            if serial && last.is_some_and(|last| !self.progress[job].known.contains(last)) {
                // Nothing may overtake it.
                break;
            }
        }
        Ok(())
    }

    /// Notes these records as in hand, handles them, settles what came of them, and acquits them.
    /// Each comes with its index and the deaths that it has seen.
    async fn handle(
        &mut self,
        job: usize,
        suspects: Vec<(u32, u32, RecordKey)>,
    ) -> Result<(), Unavailable> {
        let (store, stream) = (&self.ports.store, &self.flow.stream);
        store.suspect(stream, &in_hand(&suspects)).await?;
        let batch: Vec<u32> = suspects.iter().map(|(index, ..)| *index).collect();
        self.progress[job].remaining = batch.into_iter().peekable();
        self.go_on().await;
        // What time did not allow is the next invocation's.
        self.progress[job].remaining = Vec::new().into_iter().peekable();
        self.settle_now(job).await?;
        let handled = |index| self.progress[job].handled.contains(index);
        let Released { acquitted, restored } = release(suspects, handled);
        if !acquitted.is_empty() {
            store.acquit(stream, &acquitted).await?;
        }
        if !restored.is_empty() {
            store.suspect(stream, &restored).await?;
        }
        Ok(())
    }

    /// Settles what is settled so far, so that no death to come has it handled again.
    async fn settle_now(&mut self, job: usize) -> Result<(), Unavailable> {
        let page = &self.jobs[job].page;
        let progress = &self.progress[job];
        if progress.settled.is_empty() {
            return Ok(());
        }
        if !progress.parked.is_empty() {
            self.ports.store.park(&progress.parked).await?;
        }
        let mut union = progress.known.clone();
        union.union(&progress.settled);
        let done = union.len() >= page.count;
        let now_ms = self.ports.clock.now_ms();
        let (stream, emission, settled) = (&self.flow.stream, &page.emission, &progress.settled);
        let settle = self.ports.store.settle(stream, page.number, emission, settled, done, now_ms);
        if settle.await? == Settle::Superseded {
            return Err(Unavailable("the page was voided meanwhile".into()));
        }
        let progress = &mut self.progress[job];
        self.tally.parked += std::mem::take(&mut progress.parked).len() as u64;
        progress.settled = Default::default();
        progress.known = union;
        progress.progressed = true;
        Ok(())
    }

    fn key(&self, job: usize, index: u32) -> RecordKey {
        self.jobs[job].arrival.page.records[index as usize].key()
    }
}
