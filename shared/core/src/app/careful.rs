//! Handling records one of which may kill whoever handles it: by memory, by an abort, by never coming to
//! an end.
//!
//! Nobody lives to tell which it was, so it is noted before: records are marked as in hand, handled, and
//! acquitted. A mark that is found standing was left by somebody who died. Its record is handled alone
//! from then on, and after some deaths it is parked unhandled.

use std::collections::HashMap;

use crate::{
    decide::{self, DEATHS_MAX},
    model::{RecordKey, StreamId},
    ports::{Suspects, Unavailable},
};

/// The marks of one page's records, or of one replay's.
pub(super) struct Suspicion<'a, S> {
    store: &'a S,
    stream: &'a StreamId,
    generation: u64,
    deaths: HashMap<RecordKey, u32>,
}

/// Why a record is parked that nobody survived.
pub(super) fn died() -> Box<str> {
    format!("whoever handled it died, {DEATHS_MAX} times").into()
}

impl<'a, S: Suspects> Suspicion<'a, S> {
    /// Reads their marks.
    pub(super) async fn of(
        store: &'a S,
        stream: &'a StreamId,
        generation: u64,
        keys: &[RecordKey],
    ) -> Result<Self, Unavailable> {
        let known = store.suspects(stream, generation, keys).await?;
        Ok(Self { store, stream, generation, deaths: known.into_iter().collect() })
    }

    /// Who is handled together, who alone, and who no more.
    pub(super) fn batches<'k>(
        &self,
        indices: &[u32],
        key: impl Fn(u32) -> &'k RecordKey,
        serial: bool,
    ) -> decide::Batches {
        decide::batches(indices, |index| self.deaths_of(key(index)), serial)
    }

    fn deaths_of(&self, key: &RecordKey) -> u32 {
        self.deaths.get(key).copied().unwrap_or(0)
    }

    /// Marks these as in hand: one death more, should nobody be heard of again.
    pub(super) async fn take_in_hand(&self, keys: &[RecordKey]) -> Result<(), Unavailable> {
        let marks: Vec<_> = keys.iter().map(|key| (key.clone(), self.deaths_of(key) + 1)).collect();
        self.store.suspect(self.stream, self.generation, &marks).await
    }

    /// Lets them go. Those that were handled are acquitted, for their processor lives; the others keep
    /// what they had.
    pub(super) async fn let_go(
        &self,
        keys: Vec<RecordKey>,
        handled: impl Fn(&RecordKey) -> bool,
    ) -> Result<(), Unavailable> {
        let clean = |key: &RecordKey| self.deaths_of(key) == 0 || handled(key);
        let (acquitted, kept): (Vec<_>, Vec<_>) = keys.into_iter().partition(clean);
        if !acquitted.is_empty() {
            self.store.acquit(self.stream, self.generation, &acquitted).await?;
        }
        if !kept.is_empty() {
            let marks: Vec<_> =
                kept.into_iter().map(|key| (key.clone(), self.deaths_of(&key))).collect();
            self.store.suspect(self.stream, self.generation, &marks).await?;
        }
        Ok(())
    }
}
