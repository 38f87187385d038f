//! A page: a numbered slice of a stream, carried by at most one live queue message.

use serde::{Deserialize, Serialize};

use super::{EpochMs, Position};

/// Pages are numbered from 1 per stream, and a number is never used for two sealed pages.
pub type PageNumber = u64;

/// A lease's number; see [`super::Cursor::fence`].
pub type Fence = u64;

/// Names the one live sending of a page. A message with another emission carries nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Emission(pub Box<str>);

/// The page's item: the truth about it, whatever messages are about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Its number.
    pub number: PageNumber,
    /// The emission that it was sealed with.
    pub emission: Emission,
    /// Where it begins: the end of the page before it.
    pub from: Position,
    /// Its last record's place.
    pub to: Position,
    /// Records in it.
    pub count: u32,
    /// Which of them are settled, by index.
    pub settled: Settled,
    /// Open until every record is settled.
    pub state: PageState,
    /// When a processor last held its message; what the reaper goes by.
    pub last_progress_ms: EpochMs,
    /// Until when that processor hid the message, where that is long; 0 where it is not. Before then no
    /// processor can hold it.
    pub waits_until_ms: EpochMs,
    /// Tries in a row that failed and settled nothing; waiting is no try.
    pub attempts: u32,
    /// How often its message had been received when a processor last left the page at a clean exit.
    pub receives_at_clean_exit: u32,
}

/// How a processor leaves a page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settling {
    /// What it settled beyond what the page knew.
    pub settled: Settled,
    /// With that, every record is settled.
    pub done: bool,
    /// Something failed and nothing was settled: one more try without progress.
    pub tried: bool,
    /// How often the message was received.
    pub receives: u32,
    /// When.
    pub now_ms: EpochMs,
    /// Until when the message is hidden, as [`Page::waits_until_ms`] says.
    pub waits_until_ms: EpochMs,
}

/// Whether anything of a page is left to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageState {
    /// Some records are not settled.
    Open,
    /// Every record is settled.
    Done,
}

/// The indices of a page's settled records. Only ever grows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settled {
    words: Vec<u64>,
}

impl Settled {
    /// Adds an index.
    pub fn insert(&mut self, index: u32) {
        let word = index as usize / 64;
        if self.words.len() <= word {
            self.words.resize(word + 1, 0);
        }
        self.words[word] |= 1 << (index % 64);
    }

    /// Whether an index is in it.
    pub fn contains(&self, index: u32) -> bool {
        self.words.get(index as usize / 64).is_some_and(|word| word & (1 << (index % 64)) != 0)
    }

    /// Adds all of another.
    pub fn union(&mut self, other: &Self) {
        if self.words.len() < other.words.len() {
            self.words.resize(other.words.len(), 0);
        }
        for (mine, theirs) in self.words.iter_mut().zip(&other.words) {
            *mine |= theirs;
        }
    }

    /// How many indices are in it or in another.
    pub fn union_len(&self, other: &Self) -> u32 {
        let words = self.words.len().max(other.words.len());
        let word = |of: &Self, at: usize| of.words.get(at).copied().unwrap_or(0);
        (0..words).map(|at| (word(self, at) | word(other, at)).count_ones()).sum()
    }

    /// How many indices are in it.
    pub fn len(&self) -> u32 {
        self.words.iter().map(|word| word.count_ones()).sum()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The indices, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.words.len() as u32 * 64).filter(|index| self.contains(*index))
    }
}

impl FromIterator<u32> for Settled {
    fn from_iter<I: IntoIterator<Item = u32>>(indices: I) -> Self {
        let mut settled = Self::default();
        for index in indices {
            settled.insert(index);
        }
        settled
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::btree_set, prelude::*};

    use super::Settled;

    proptest! {
        #[test]
        fn behaves_as_a_set(left in btree_set(0u32..300, 0..40), right in btree_set(0u32..300, 0..40)) {
            let mut union: Settled = left.iter().copied().collect();
            union.union(&right.iter().copied().collect());
            let expected: Vec<u32> = left.union(&right).copied().collect();
            prop_assert_eq!(union.len() as usize, expected.len());
            let (left, right) = (left.into_iter().collect(), right.into_iter().collect());
            prop_assert_eq!(Settled::union_len(&left, &right) as usize, expected.len());
            prop_assert_eq!(union.iter().collect::<Vec<_>>(), expected);
        }
    }
}
