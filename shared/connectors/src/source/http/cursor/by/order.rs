//! What every order says: which keys of the cursor go with it, and how records compare.

use std::fmt;

use tidegate_core::model::{Mark, RecordId};

use crate::{
    file::{Fault, Findings, Place},
    source::http::cursor::format::Timestamps,
    value::Path,
};

/// What a list is sorted by.
pub(crate) trait Order: fmt::Debug + Send + Sync {
    /// What the list is sorted by, for a sentence.
    fn sorted_by(&self) -> &'static str;

    /// Notes keys of the cursor that do not go with this order, or that it lacks. `place` is the
    /// section's.
    fn check(&self, given: &Given, place: Place, findings: &mut Findings);

    /// Whether records are sorted by a timestamp before all else.
    fn has_timestamp(&self) -> bool {
        true
    }

    /// Whether the ids of records with the same timestamp ascend. Without timestamps all records count
    /// as having the same.
    fn sorts_ids(&self) -> bool {
        true
    }

    /// Whether one record may stand after another in a list of this order.
    fn may_follow(&self, earlier: &Mark, later: &Mark) -> bool {
        if self.sorts_ids() { earlier <= later } else { earlier.at <= later.at }
    }

    /// Where the last page has the token by which the source keeps the place.
    fn delta_path(&self) -> Option<&Path> {
        None
    }

    /// A value of `since` or `until` as JSON. It was written in `format` unless it is an id.
    fn bound_json(&self, text: &str, format: &dyn Timestamps) -> String {
        format.json(text)
    }
}

/// The keys of a cursor that an order decides on: where each stands that is given.
pub(crate) struct Given {
    pub(crate) field: Option<Place>,
    pub(crate) time: Option<Place>,
    pub(crate) until: Option<Place>,
    pub(crate) settle_lag: Option<Place>,
    pub(crate) format: Option<Place>,
}

const ID_MIN: RecordId = RecordId::Number(i64::MIN);

/// Whether a mark is that of no record. Earlier versions gave it to records without a key before the first
/// one with a key, and state may hold it.
pub(crate) fn is_mark_min(mark: &Mark) -> bool {
    mark.id == ID_MIN
}

/// Before every record of its moment, and no record's.
pub(crate) const BEFORE_ALL: RecordId = RecordId::Number(i64::MIN + 1);

/// Whether a mark is of a moment before all of its records, where a window ended.
pub(crate) fn is_before_all(mark: &Mark) -> bool {
    mark.id == BEFORE_ALL
}

/// What [`Order::check`] says of an order by timestamp. `by` is its name in the file.
pub(super) fn check_timestamp(by: &str, given: &Given, place: Place, findings: &mut Findings) {
    if given.field.is_none() {
        let message = format!("`by: {by}` does not say which field holds the timestamp");
        let remedy = "add `field:` with its path, like `field: updated_at`";
        findings.add(Fault::new(place, message, remedy));
    }
    if let Some(time) = given.time {
        let message = format!("`time` is not for `by: {by}`");
        findings.add(Fault::new(time, message, "remove it: `field` names the timestamp"));
    }
}
