//! Writes of the same kind, gathered until they are enough to be made together. Pure: it asks no port.

use crate::model::EpochMs;

/// So many are written without waiting for more: what one request of the table takes.
const ENOUGH: usize = 25;
/// The longest that one waits for others, in ms: so long other versions of its entity wait too, and so much
/// is sent again after a crash.
const GATHERED_MS: EpochMs = 500;

/// What is not written yet.
#[derive(Debug)]
pub(super) struct Gathered<T> {
    all: Vec<T>,
    /// When the first of them came.
    since_ms: EpochMs,
}

impl<T> Default for Gathered<T> {
    fn default() -> Self {
        Self { all: Vec::new(), since_ms: 0 }
    }
}

impl<T> Gathered<T> {
    /// Takes these in.
    pub fn add(&mut self, more: impl IntoIterator<Item = T>, now_ms: EpochMs) {
        if self.all.is_empty() {
            self.since_ms = now_ms;
        }
        self.all.extend(more);
    }

    /// When they are to be written at the latest, if there are any.
    pub fn due_ms(&self) -> Option<EpochMs> {
        (!self.all.is_empty()).then_some(self.since_ms + GATHERED_MS)
    }

    /// Those that are to be written now; all of them where `no_more` come.
    pub fn take(&mut self, no_more: bool, now_ms: EpochMs) -> Option<Vec<T>> {
        let is_due = self.due_ms()? <= now_ms;
        let takes = no_more || is_due || self.all.len() >= ENOUGH;
        takes.then(|| std::mem::take(&mut self.all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_written_when_they_are_enough_or_waited_for_long_or_no_more_come() {
        let mut gathered = Gathered::default();
        assert_eq!((gathered.due_ms(), gathered.take(true, 0)), (None, None));
        gathered.add([0], 7);
        gathered.add(1..ENOUGH - 1, 9);
        assert_eq!((gathered.due_ms(), gathered.take(false, 506)), (Some(507), None));
        assert_eq!(gathered.take(false, 507), Some((0..ENOUGH - 1).collect()));
        gathered.add(0..ENOUGH, 600);
        assert!(gathered.take(false, 600).is_some());
        gathered.add([1], 700);
        assert_eq!((gathered.take(true, 700), gathered.due_ms()), (Some(vec![1]), None));
    }
}
