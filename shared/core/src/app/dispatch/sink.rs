//! Where it is written down what became of a page's records.

use std::future::Future;

use crate::{
    model::{Parked, Settled},
    ports::{Settle, Unavailable},
};

/// A record that was refused: to be parked, then it is settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::app) struct Refusal {
    pub index: u32,
    /// The destination's status code, where it gave one.
    pub status: Option<u16>,
    /// One line.
    pub reason: Box<str>,
}

/// How a page stands in this invocation.
pub(in crate::app) struct Standing<'w> {
    /// What was settled beyond what is written down.
    pub settled: &'w Settled,
    /// Of that, what is to be parked.
    pub refused: &'w [Refusal],
    /// With that, every record is settled.
    pub done: bool,
    /// Something failed and nothing was settled: one more try without progress.
    pub tried: bool,
    /// For how long its message is given back, in ms; `None` while its records are handled one by one.
    pub gives_back_ms: Option<u64>,
}

/// What came of writing what became of a page.
pub(in crate::app) struct Written<T> {
    pub page: usize,
    pub entry: T,
    pub answer: Result<Settle, Unavailable>,
}

/// Where the outcomes of pages are written. Called for each page of an invocation, by its number there.
pub(in crate::app) trait Sink: Sync {
    /// What is to be written of a page.
    type Entry: Send + Sync;

    /// What is to be written of a page that stands so; `None` where that changes nothing.
    fn entry(&self, page: usize, standing: Standing<'_>) -> Option<Self::Entry>;

    /// Writes it: first what is parked, and then what is settled, for only what is durably parked counts
    /// as settled. A repeat changes nothing.
    fn write<'a>(
        &'a self,
        page: usize,
        entry: &'a Self::Entry,
    ) -> impl Future<Output = Result<Settle, Unavailable>> + Send + 'a;

    /// Whether an entry may be written together with those of other pages: with nothing of it to be parked.
    fn joins(&self, _: &Self::Entry) -> bool {
        false
    }

    /// Writes entries that join.
    fn write_together(
        &self,
        entries: Vec<(usize, Self::Entry)>,
    ) -> impl Future<Output = Vec<Written<Self::Entry>>> + Send {
        async move {
            let mut written = Vec::with_capacity(entries.len());
            for (page, entry) in entries {
                let answer = self.write(page, &entry).await;
                written.push(Written { page, entry, answer });
            }
            written
        }
    }

    /// The records that an entry parks.
    fn parked(entry: Self::Entry) -> Vec<Parked>;

    /// Whether a record that fails by itself this time is given up, if others get through.
    fn is_last_try(&self, page: usize) -> bool;

    /// Whether the destination has lately taken other pages than this one.
    fn others_get_through(&self, page: usize) -> impl Future<Output = bool> + Send;

    /// How long to wait before the next try, in ms.
    fn backoff_ms(&self, page: usize) -> u64;

    /// For how long a message is given back that wants to wait so long, in ms.
    fn give_back_ms(&self, page: usize, wait_ms: u64) -> u64;
}
