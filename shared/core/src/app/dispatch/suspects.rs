//! The marks by which a record is found that crashes its processor.

use std::collections::HashMap;

use crate::{
    decide::{self, CRASHES_MAX},
    model::{RecordKey, StreamId},
    ports::{Suspects, Unavailable},
};

/// The marks of one page's records, or of one replay's.
pub(super) struct Marks<'a, S> {
    store: &'a S,
    stream: &'a StreamId,
    generation: u64,
    crashes: HashMap<RecordKey, u32>,
}

/// Why a record is parked that no processor survived.
pub(in crate::app) fn crashed() -> Box<str> {
    format!("poison record: its processor crashed {CRASHES_MAX} times").into()
}

impl<'a, S: Suspects> Marks<'a, S> {
    /// Reads them.
    pub async fn of(
        store: &'a S,
        stream: &'a StreamId,
        generation: u64,
        keys: &[RecordKey],
    ) -> Result<Self, Unavailable> {
        let known = store.suspects(stream, generation, keys).await?;
        Ok(Self { store, stream, generation, crashes: known.into_iter().collect() })
    }

    /// Which records are handled together, which alone, and which no more.
    pub fn batches<'k>(
        &self,
        indices: &[u32],
        key: impl Fn(u32) -> &'k RecordKey,
        serial: bool,
    ) -> decide::Batches {
        decide::batches(indices, |index| self.crashes_of(key(index)), serial)
    }

    fn crashes_of(&self, key: &RecordKey) -> u32 {
        self.crashes.get(key).copied().unwrap_or(0)
    }

    /// Marks these as in hand: one crash more, should this processor not come to clear them.
    pub async fn take_in_hand(&self, keys: &[RecordKey]) -> Result<(), Unavailable> {
        let marks: Vec<_> =
            keys.iter().map(|key| (key.clone(), self.crashes_of(key) + 1)).collect();
        self.store.suspect(self.stream, self.generation, &marks).await
    }

    /// Lets them go. Those that were attempted are cleared, for their processor survived; the others keep
    /// the marks that they had.
    pub async fn let_go(
        &self,
        keys: Vec<RecordKey>,
        was_attempted: impl Fn(&RecordKey) -> bool,
    ) -> Result<(), Unavailable> {
        let is_clear = |key: &RecordKey| self.crashes_of(key) == 0 || was_attempted(key);
        let (cleared, kept): (Vec<_>, Vec<_>) = keys.into_iter().partition(is_clear);
        if !cleared.is_empty() {
            self.store.clear_suspects(self.stream, self.generation, &cleared).await?;
        }
        if !kept.is_empty() {
            let marks: Vec<_> =
                kept.into_iter().map(|key| (key.clone(), self.crashes_of(&key))).collect();
            self.store.suspect(self.stream, self.generation, &marks).await?;
        }
        Ok(())
    }
}
