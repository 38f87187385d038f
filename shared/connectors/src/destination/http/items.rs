//! What is known of the items of records that are not settled. It is kept in memory alone, for as long as the stream is not
//! rewound: after a crash all items are sent again, with the same keys.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Mutex, MutexGuard, PoisonError},
};

use tidegate_core::model::{Blame, Later, Outcome};

use super::split::Splitter;

/// So many items are remembered at the most, of all records together; those of the record that was longest not sent are
/// forgotten first.
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
#[derive(Debug)]
pub(super) struct Progress {
    /// Of each item, in order.
    pub(super) ends: Vec<Option<End>>,
    /// Most items in a request: fewer after one that was refused for the sake of some.
    pub(super) at_most: usize,
    generation: u64,
    /// When it was last sent, in requests of all records.
    touched: u64,
}

/// The items of records that are not settled.
pub(super) struct Items {
    pub(super) splitter: Splitter,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    generation: u64,
    kept: HashMap<[u8; 32], Progress>,
    requests: u64,
}

impl Items {
    /// The items that this splits records into.
    pub(super) fn new(splitter: Splitter) -> Self {
        Self { splitter, memory: Mutex::default() }
    }

    /// What was remembered under another generation does not count.
    pub(super) fn begins(&self, generation: u64) {
        let mut memory = self.memory();
        if memory.generation != generation {
            *memory = Memory { generation, ..Memory::default() };
        }
    }

    /// How far a record has come that has so many items.
    pub(super) fn take(&self, record: &[u8; 32], items: usize, at_most: usize) -> Progress {
        let mut memory = self.memory();
        let known = memory.kept.remove(record).filter(|known| known.ends.len() == items);
        let generation = memory.generation;
        let none = || Progress { ends: vec![None; items], at_most, generation, touched: 0 };
        known.unwrap_or_else(none)
    }

    /// Keeps how far a record has come.
    pub(super) fn keep(&self, record: [u8; 32], mut progress: Progress) {
        let mut memory = self.memory();
        if progress.generation != memory.generation {
            return;
        }
        memory.requests += 1;
        progress.touched = memory.requests;
        let kept = &mut memory.kept;
        while kept.values().map(|other| other.ends.len()).sum::<usize>() > KEPT_MAX {
            let oldest = kept.iter().min_by_key(|(_, other)| other.touched).map(|(key, _)| *key);
            oldest.map(|oldest| kept.remove(&oldest));
        }
        match kept.entry(record) {
            // The same record went out twice at once: what either knows is so.
            Entry::Occupied(mut other) => {
                for (end, known) in other.get_mut().ends.iter_mut().zip(progress.ends) {
                    *end = known.or(end.take());
                }
            }
            Entry::Vacant(place) => _ = place.insert(progress),
        }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
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
                // Records are looked at before they are cut into items.
                Outcome::Invalid(reason) => {
                    self.ends[at] = Some(End::Refused { status: None, reason })
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::section;

    fn items() -> Items {
        let split: super::super::split::Split = section(json!({ "items": "lines" }));
        Items::new(split.splitter())
    }

    /// Keeps that the first of two items was taken.
    fn keep_half(items: &Items, record: u8) {
        let mut progress = items.take(&[record; 32], 2, 1);
        progress.take_in(&[0], vec![Outcome::Delivered]);
        items.keep([record; 32], progress);
    }

    #[test]
    fn what_was_taken_is_remembered_until_the_stream_is_rewound() {
        let items = items();
        items.begins(3);
        keep_half(&items, 1);
        items.begins(3);
        assert_eq!(items.take(&[2; 32], 2, 1).left(), 2);
        let before = items.take(&[1; 32], 2, 1);
        assert_eq!(before.left(), 1);
        // A request that was under way meanwhile brings nothing of it back.
        items.begins(4);
        items.keep([1; 32], before);
        assert_eq!(items.take(&[1; 32], 2, 1).left(), 2);
    }

    #[test]
    fn of_too_many_items_those_that_were_longest_not_sent_are_forgotten() {
        let items = items();
        for record in 1..=2 {
            keep_half(&items, record);
        }
        for record in 3..5 {
            let all = KEPT_MAX / 2 + 1;
            items.keep([record; 32], items.take(&[record; 32], all, 1));
        }
        let left = (1..5).map(|record| items.memory().kept.contains_key(&[record; 32]));
        assert_eq!(left.collect::<Vec<_>>(), [true, true, true, true]);
        keep_half(&items, 5);
        let left = (1..6).map(|record| items.memory().kept.contains_key(&[record; 32]));
        assert_eq!(left.collect::<Vec<_>>(), [false, false, false, true, true]);
    }
}
