//! Telling the source that a record was delivered.

use futures_util::future::join_all;

use super::{Item, Place, Sender, later};
use crate::{
    guard::Guard,
    model::{Blame, Later, Outcome, SkipReason},
    ports::{Clock, Ids, Store},
};

impl<S: Store, Q, C: Clock, E: Ids> Sender<'_, S, Q, C, E> {
    /// Ends the claims of records that were answered for, and then marks them at the source. The ledger
    /// knows first: whoever comes by after a mark that failed finds the record applied, and only marks it.
    pub(super) async fn conclude(&self, owner: &str, items: &[Item], answers: &mut [Outcome]) {
        if !Guard::MarkLast.stands() {
            self.mark(items, answers).await;
        }
        self.finish(owner, items, |at| self.end_of(&items[at], &answers[at])).await;
        if Guard::MarkLast.stands() {
            self.mark(items, answers).await;
        }
    }

    /// Marks what the ledger knows as applied: whoever applied it may have died before it did.
    pub(super) async fn mark_applied(&self, items: &[Item]) -> Vec<(Place, Outcome)> {
        let mut answers = vec![Outcome::Skipped(SkipReason::Duplicate); items.len()];
        self.mark(items, &mut answers).await;
        // It is the ledger that said so, and not the destination.
        let known = Outcome::Skipped(SkipReason::Older);
        let answers = answers.into_iter().map(|answer| match answer {
            Outcome::Skipped(_) => known.clone(),
            other => other,
        });
        items.iter().map(|item| item.place).zip(answers).collect()
    }

    /// Marks what was delivered as processed at the source, where the flow asks for it. A record that
    /// could not be marked is not settled. Where no ledger tells that it was delivered, it is delivered
    /// again, under the same key.
    async fn mark(&self, items: &[Item], answers: &mut [Outcome]) {
        let Some(marker) = self.flow.source.marker() else { return };
        let marks = items.iter().zip(answers).map(async |(item, answer)| {
            if !matches!(answer, Outcome::Delivered | Outcome::Skipped(SkipReason::Duplicate)) {
                return;
            }
            let timeout_ms = self.invocation.deadline.left_ms(self.ports.clock.now_ms());
            if timeout_ms == 0 {
                *answer = later(Blame::Entity, Some(0), "the invocation's time was up");
                return;
            }
            let data = &self.record(item.place).data;
            let marked = marker.mark(&item.record.id, data, timeout_ms);
            if let Err(error) = marked.await {
                *answer = Outcome::Later(Later {
                    blame: Blame::Request,
                    after_ms: None,
                    unknown: false,
                    reason: format!("delivered, and not marked at the source: {error}").into(),
                });
            }
        });
        join_all(marks.collect::<Vec<_>>()).await;
    }
}
