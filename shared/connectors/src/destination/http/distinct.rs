//! Lists of which a value may stand in one alone.

use std::collections::BTreeMap;

use crate::file::{At, Fault, Findings};

/// Notes values that stand in two of the lists, each with its key: they could not mean both.
pub(super) fn distinct<T>(
    lists: &[(&'static str, &[At<T>])],
    shown: impl Fn(&T) -> String,
    findings: &mut Findings,
) {
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for (list, items) in lists {
        for item in *items {
            let value = shown(&item.value);
            if let Some(before) = seen.insert(value.clone(), list) {
                findings.add(in_two(&value, before, list, item));
            }
        }
    }
}

/// A value of a list that stands in another one already.
pub(super) fn in_two<T>(value: &str, before: &str, list: &str, item: &At<T>) -> Fault {
    let message = format!("`{value}` stands in `{before}` and in `{list}`");
    Fault::new(item.place, message, "keep it in one place")
}
