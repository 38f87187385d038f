//! How the results of a bulk find their records: by their position, by an index or by a key.

use std::collections::HashMap;

use tidegate_core::ports::Outgoing;

use crate::{
    json::{Picker, Picks},
    keys::Keys,
};

/// What each record of a request is named by; empty where results go by something else.
pub(super) type Names = Vec<Option<Box<str>>>;

/// How results find their records.
pub(super) trait Order: Send + Sync {
    /// What answers name these records by.
    fn names(&self, _records: &[Outgoing]) -> Names {
        Names::new()
    }

    /// Which record a result is of. `named` has the records by their names.
    fn record(
        &self,
        position: usize,
        result: &Picks<'_>,
        named: &HashMap<&str, usize>,
    ) -> Option<usize>;

    /// Whether there is one result a record, so that more or fewer leave open whose they are.
    fn is_one_each(&self) -> bool {
        false
    }

    /// Whether a record may have several results, which then have to say the same.
    fn may_repeat(&self) -> bool {
        false
    }
}

/// In the order of the records.
pub(super) struct Same;

impl Order for Same {
    fn record(&self, position: usize, _: &Picks<'_>, _: &HashMap<&str, usize>) -> Option<usize> {
        Some(position)
    }

    fn is_one_each(&self) -> bool {
        true
    }
}

/// `index`: a result has its record's index, in this slot.
pub(super) struct ByIndex(pub(super) usize);

impl Order for ByIndex {
    fn record(&self, _: usize, result: &Picks<'_>, _: &HashMap<&str, usize>) -> Option<usize> {
        result.text(self.0)?.parse().ok()
    }
}

/// `key` and `record_key`: both name the record.
pub(super) struct ByKey {
    /// Where a result has it.
    pub(super) slot: usize,
    /// Where a record has it, as it is sent.
    pub(super) record: Picker,
    pub(super) keys: Keys,
}

impl Order for ByKey {
    fn names(&self, records: &[Outgoing]) -> Names {
        let name = |record: &Outgoing| self.keys.read(self.record.value(&record.body)?);
        records.iter().map(name).collect()
    }

    fn record(&self, _: usize, result: &Picks<'_>, named: &HashMap<&str, usize>) -> Option<usize> {
        let key = self.keys.read(result.json(self.slot)?)?;
        named.get(&*key).copied()
    }

    fn may_repeat(&self) -> bool {
        true
    }
}
