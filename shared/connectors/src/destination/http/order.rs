//! How the results of a bulk find their records: by their position, by an index or by a key.

use std::collections::HashMap;

use tidegate_core::ports::Outgoing;

use crate::{
    json::{Elements, Picker, Picks, Scalar, quote},
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

    /// Which records a failure is of: it may name several at once.
    fn records(
        &self,
        position: usize,
        result: &Picks<'_>,
        named: &HashMap<&str, usize>,
    ) -> Vec<usize> {
        self.record(position, result, named).into_iter().collect()
    }

    /// Which record this names, where failures stand under the names of their records.
    fn record_named(&self, _name: &str, _named: &HashMap<&str, usize>) -> Option<usize> {
        None
    }

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

    fn records(&self, _: usize, result: &Picks<'_>, _: &HashMap<&str, usize>) -> Vec<usize> {
        let index = |text: &str| text.parse().ok();
        let listed = scalars(result.json(self.0));
        listed.iter().filter_map(|scalar| index(&Scalar::read(scalar)?.into_text())).collect()
    }

    fn record_named(&self, name: &str, _: &HashMap<&str, usize>) -> Option<usize> {
        name.parse().ok()
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

    fn records(&self, _: usize, result: &Picks<'_>, named: &HashMap<&str, usize>) -> Vec<usize> {
        let listed = scalars(result.json(self.slot));
        let record = |name: &&[u8]| named.get(&*self.keys.read(name)?).copied();
        listed.iter().filter_map(record).collect()
    }

    fn record_named(&self, name: &str, named: &HashMap<&str, usize>) -> Option<usize> {
        named.get(&*self.keys.read(quote(name).as_bytes())?).copied()
    }

    fn may_repeat(&self) -> bool {
        true
    }
}

/// What stands at a path that leads to a value, or to a list of them.
fn scalars(json: Option<&[u8]>) -> Vec<&[u8]> {
    let Some(json) = json else { return Vec::new() };
    if json.first() != Some(&b'[') {
        return vec![json];
    }
    let (nothing, mut elements, mut scalars) = (Picker::new(), Elements::of(json), Vec::new());
    while let Ok(Some((element, _))) = elements.next(&nothing) {
        scalars.push(&json[element]);
    }
    scalars
}
