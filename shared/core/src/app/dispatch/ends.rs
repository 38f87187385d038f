//! The ends of claims, gathered until they are enough to be written together. Pure: it asks no port.

use crate::{model::EpochMs, ports::Ending};

/// So many are written without waiting for more: what one request of the table takes.
const ENOUGH: usize = 25;
/// The longest that an end waits for others, in ms: so long other versions of its entity wait too, and so
/// much is sent again after a crash.
const GATHERED_MS: EpochMs = 500;

/// Ends that are not written yet.
#[derive(Debug, Default)]
pub(super) struct Ends {
    endings: Vec<Ending>,
    /// The pages of their units, once for each unit.
    pages: Vec<usize>,
    /// When the first of them came.
    since_ms: EpochMs,
}

impl Ends {
    /// Takes in those of a unit with records of these pages.
    pub fn gather(&mut self, endings: Vec<Ending>, pages: &[usize], now_ms: EpochMs) {
        if self.endings.is_empty() {
            self.since_ms = now_ms;
        }
        self.endings.extend(endings);
        self.pages.extend(pages);
    }

    /// When they are to be written at the latest, if there are any.
    pub fn due_ms(&self) -> Option<EpochMs> {
        (!self.endings.is_empty()).then_some(self.since_ms + GATHERED_MS)
    }

    /// Those that are to be written now, with the pages of their units; all of them where `no_more` come.
    pub fn take(&mut self, no_more: bool, now_ms: EpochMs) -> Option<(Vec<Ending>, Vec<usize>)> {
        let is_due = self.due_ms().is_some_and(|due_ms| due_ms <= now_ms);
        let takes = !self.endings.is_empty() && (no_more || is_due || self.endings.len() >= ENOUGH);
        takes.then(|| (std::mem::take(&mut self.endings), std::mem::take(&mut self.pages)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{Edition, RecordId, Version},
        ports::ClaimEnd,
    };

    fn endings(count: usize) -> Vec<Ending> {
        let edition = Edition { version: Version(1), generation: 0 };
        let ending = Ending {
            entity: RecordId::Number(7),
            edition,
            owner: "a".into(),
            end: ClaimEnd::Applied,
        };
        vec![ending; count]
    }

    #[test]
    fn ends_are_written_when_they_are_enough_or_waited_for_long_or_no_more_come() {
        let mut ends = Ends::default();
        assert_eq!((ends.due_ms(), ends.take(true, 0)), (None, None));
        ends.gather(endings(1), &[0], 7);
        ends.gather(endings(ENOUGH - 2), &[0, 1], 9);
        assert_eq!((ends.due_ms(), ends.take(false, 506)), (Some(507), None));
        let (written, pages) = ends.take(false, 507).unwrap();
        assert_eq!((written.len(), pages), (ENOUGH - 1, vec![0, 0, 1]));
        ends.gather(endings(ENOUGH), &[2], 600);
        assert!(ends.take(false, 600).is_some());
        ends.gather(endings(1), &[2], 700);
        assert!(ends.take(true, 700).is_some() && ends.due_ms().is_none());
    }
}
