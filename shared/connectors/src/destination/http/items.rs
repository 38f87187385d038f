//! What is known of the items of records that are not settled. It is kept in memory alone: after a crash all items are sent
//! again, with the same keys.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tidegate_core::model::{Blame, Later, Outcome};
use tokio::time::Instant;

use super::split::Splitter;

/// For so long what became of items is kept after the last of their requests: longer than a failed record waits, and
/// short enough that a rewind comes later.
const KEPT_FOR: Duration = Duration::from_secs(600);
/// Of so many items at the most, beside those of the record at hand.
const KEPT_MAX: usize = 200_000;
/// What became of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    Taken,
    /// The destination had it.
    There,
    Refused {
        status: Option<u16>,
        reason: Box<str>,
    },
}

/// How far a record has come.
pub(super) struct Progress {
    /// Of each item, in order.
    pub(super) ends: Vec<Option<End>>,
    /// Most items in a request: fewer after one that was refused for the sake of some.
    pub(super) at_most: usize,
    touched: Instant,
}

/// The items of records that are not settled.
pub(super) struct Items {
    pub(super) splitter: Splitter,
    kept: Mutex<HashMap<[u8; 32], Progress>>,
}

impl Items {
    /// The items that this splits records into.
    pub(super) fn new(splitter: Splitter) -> Self {
        Self { splitter, kept: Mutex::default() }
    }

    /// How far a record has come that has so many items.
    pub(super) fn take(&self, record: &[u8; 32], items: usize, at_most: usize) -> Progress {
        let known = self.kept().remove(record).filter(|known| known.touched.elapsed() < KEPT_FOR);
        known.filter(|known| known.ends.len() == items).unwrap_or_else(|| Progress {
            ends: vec![None; items],
            at_most,
            touched: Instant::now(),
        })
    }

    /// Keeps how far a record has come.
    pub(super) fn keep(&self, record: [u8; 32], mut progress: Progress) {
        progress.touched = Instant::now();
        let mut kept = self.kept();
        kept.retain(|_, other| other.touched.elapsed() < KEPT_FOR);
        while kept.values().map(|other| other.ends.len()).sum::<usize>() > KEPT_MAX {
            let oldest = kept.iter().min_by_key(|(_, other)| other.touched).map(|(key, _)| *key);
            oldest.map(|oldest| kept.remove(&oldest));
        }
        match kept.entry(record) {
            // The same record went out twice at once: what either knows is so.
            std::collections::hash_map::Entry::Occupied(mut other) => {
                for (end, known) in other.get_mut().ends.iter_mut().zip(progress.ends) {
                    *end = known.or(end.take());
                }
            }
            std::collections::hash_map::Entry::Vacant(place) => _ = place.insert(progress),
        }
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<[u8; 32], Progress>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress {
    /// How many items are not settled.
    pub(super) fn left(&self) -> usize {
        self.ends.iter().filter(|end| end.is_none()).count()
    }

    /// Takes in what came of these items; answers with the worst of what is to be tried again.
    pub(super) fn take_in(
        &mut self,
        sent: &[usize],
        outcomes: Vec<Outcome>,
    ) -> Option<(usize, Later)> {
        let mut worst: Option<(usize, Later)> = None;
        for (at, outcome) in sent.iter().copied().zip(outcomes) {
            match outcome {
                Outcome::Delivered => self.ends[at] = Some(End::Taken),
                Outcome::Skipped(_) => self.ends[at] = Some(End::There),
                Outcome::Refused { status, reason } => {
                    self.ends[at] = Some(End::Refused { status, reason })
                }
                Outcome::Later(later) => {
                    let rank =
                        |later: &Later| (!merely_waits(later), later.unknown, later.after_ms);
                    if worst.as_ref().is_none_or(|(_, other)| rank(other) < rank(&later)) {
                        worst = Some((at, later));
                    }
                }
            }
        }
        worst
    }
}

/// Whether an item is only sent after others, or among fewer.
pub(super) fn merely_waits(later: &Later) -> bool {
    matches!(later.blame, Blame::NotAttempted | Blame::Batch)
}
