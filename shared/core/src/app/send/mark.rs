//! Telling the source that a record was delivered.

use futures_util::future::join_all;

use super::{
    sender::{Sender, not_attempted},
    unit::{Answered, Item, Place},
};
use crate::{
    model::{Blame, Later, Outcome, SkipReason},
    ports::{Clock, Ending, Marker, Outgoing, Platform},
};

impl<P: Platform> Sender<'_, P> {
    /// Ends the claims of records that were answered for, and then marks them at the source. The ledger
    /// knows first: after a mark that failed the record is found applied, and only marked.
    pub(super) async fn conclude(
        &self,
        owner: &str,
        items: &[Item<Outgoing>],
        answers: &mut [Outcome],
        answered: Option<Answered>,
        gathered: &mut Vec<Ending>,
    ) {
        let end = |at: usize| self.end_of(&items[at], &answers[at], answered);
        self.finish(owner, items, end, gathered).await;
        let Some(marker) = self.flow.source.marker() else { return };
        let marks = items.iter().zip(answers).map(async |(item, answer)| {
            if matches!(answer, Outcome::Delivered | Outcome::Skipped(SkipReason::Duplicate))
                && let Some(later) = self.mark(marker, item.place).await
            {
                *answer = later;
            }
        });
        join_all(marks.collect::<Vec<_>>()).await;
    }

    /// Marks what the ledger knows as applied: its processor may have crashed before it was marked.
    pub(super) async fn mark_applied(&self, places: Vec<Place>) -> Vec<(Place, Outcome)> {
        let marker = self.flow.source.marker();
        let marks = places.into_iter().map(async |place| {
            let later = match marker {
                Some(marker) => self.mark(marker, place).await,
                None => None,
            };
            (place, later.unwrap_or(Outcome::Skipped(SkipReason::Older)))
        });
        join_all(marks.collect::<Vec<_>>()).await
    }

    /// Marks one record as processed at the source. Answers with its outcome if that failed: a record that
    /// is not marked is not settled. Where no ledger tells that it was delivered, it is delivered again,
    /// under the same key.
    async fn mark(&self, marker: &dyn Marker, place: Place) -> Option<Outcome> {
        let timeout_ms = self.invocation.deadline.left_ms(self.ports.clock.now_ms());
        if timeout_ms == 0 {
            return Some(not_attempted(Some(0), "the invocation's time was up"));
        }
        let record = self.packing.record(place);
        let error = marker.mark(&record.id, &record.data, timeout_ms).await.err()?;
        Some(Outcome::Later(Later {
            blame: Blame::Request,
            after_ms: None,
            unknown: false,
            reason: format!("delivered, and not marked at the source: {error}").into(),
        }))
    }
}
