//! `source.http.cursor`: what the list is sorted by, and how to ask for what is new.
//!
//! [`by`] has a file for each order, [`format`] one for each way to write a timestamp.

mod by;
mod format;

use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_core::model::EpochMs;

use crate::{
    file::{At, Fault, Findings, Place},
    value::{Millis, Name, Path, Scalar, Text},
};
pub(crate) use by::{CursorBy, Order, is_mark_min};
pub(crate) use format::TimeFormat;

/// What is older than a day is no longer settling.
type SettleLag = Millis<0, 86_400_000>;

/// What the source sorts by, and how to ask for what is new.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cursor {
    /// What the source sorts by.
    pub(crate) by: CursorBy,
    /// Path to the timestamp that the source sorts by.
    field: Option<Path>,
    /// With `by: id`, path to a timestamp that `settle_lag` goes by.
    time: Option<Path>,
    /// How timestamps are written. Default `rfc3339`.
    format: Option<At<TimeFormat>>,
    /// The query parameter that carries the position, or its place in the `body`.
    pub(crate) since: Option<Name>,
    /// Whether `since` includes records exactly at it. Default true, and false with `by: id`.
    inclusive: Option<bool>,
    /// The query parameter that carries the upper bound, or its place in the `body`.
    pub(crate) until: Option<Name>,
    /// Sent as `since` before anything was read; left out: no `since` is sent then.
    #[schemars(with = "Option<Scalar>")]
    pub(crate) start: Option<Text>,
    /// Records younger than this wait for the next run: an older one may still appear before them.
    /// Default `0s`.
    settle_lag: Option<At<SettleLag>>,
}

impl Cursor {
    /// Notes keys that do not go together. `place` is the section's.
    pub(crate) fn check(&self, place: Place, findings: &mut Findings) {
        let given = by::Given {
            field: self.field.as_ref().map(|field| field.site.place),
            time: self.time.as_ref().map(|time| time.site.place),
            until: self.until.as_ref().map(|until| until.site.place),
            settle_lag: self.settle_lag.as_ref().map(|lag| lag.place),
            format: self.format.as_ref().map(|format| format.place),
        };
        self.by.check(&given, place, findings);
        let Some(start) = &self.start else { return };
        if self.since.is_none() {
            let message = "`start` is sent as `since`, which is not given";
            let remedy = "add `since:` with the query parameter's name, or remove `start`";
            findings.add(Fault::new(start.site.place, message, remedy));
        }
        // An id may be any text, and what a parameter holds is not known yet.
        let literal = start.template.as_literal().filter(|_| self.by.has_timestamp());
        let Some(literal) = literal else { return };
        if let Err(remedy) = self.format().check_start(literal) {
            let message = format!("`{literal}` is no timestamp of the cursor's format");
            findings.add(Fault::new(start.site.place, message, remedy));
        }
    }

    /// How timestamps are written.
    pub(crate) fn format(&self) -> TimeFormat {
        self.format.as_ref().map(|format| format.value.clone()).unwrap_or_default()
    }

    /// The path to the timestamp that the source sorts by; none where it sorts by id alone.
    pub(crate) fn field(&self) -> Option<&[String]> {
        let field = self.field.as_ref().filter(|_| self.by.has_timestamp());
        field.map(|field| field.keys.as_slice())
    }

    /// The path to a timestamp that only bounds how far a run reads.
    pub(crate) fn time(&self) -> Option<&[String]> {
        self.time.as_ref().map(|time| time.keys.as_slice())
    }

    /// Whether `since` includes records exactly at it.
    pub(crate) fn is_inclusive(&self) -> bool {
        self.inclusive.unwrap_or(self.by.has_timestamp())
    }

    /// For how long after a record a run must expect an earlier one to appear, in ms.
    pub(crate) fn settle_lag_ms(&self) -> EpochMs {
        let ms = self.settle_lag.as_ref().map_or(0, |lag| lag.value.0);
        // A day at the most.
        EpochMs::try_from(ms).unwrap_or(EpochMs::MAX)
    }

    /// A value of `since` or `until` as JSON.
    pub(crate) fn bound_json(&self, text: &str) -> String {
        self.by.bound_json(text, &*self.format())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{read, section};

    #[test]
    fn ids_and_epochs_are_numbers_as_they_were_written_and_all_the_rest_is_text() {
        for (by, format, text, json) in [
            ("id", "rfc3339", "12", "12"),
            ("id", "rfc3339", "-1", "-1"),
            ("id", "rfc3339", "007", "\"007\""),
            ("id", "epoch_ms", "a\"", r#""a\"""#),
            ("timestamp", "rfc3339", "2026-01-01T00:00:00Z", "\"2026-01-01T00:00:00Z\""),
            ("timestamp", "epoch_s", "1700000000.123456789", "1700000000.123456789"),
            ("timestamp", "epoch_ms", "1700000000123", "1700000000123"),
            ("timestamp_id", "epoch_ms", "0123", "\"0123\""),
        ] {
            let cursor: Cursor = section(json!({ "by": by, "format": format }));
            assert_eq!(cursor.bound_json(text), json, "{text}");
        }
    }

    #[test]
    fn an_order_by_id_leaves_the_position_out_and_takes_any_start() {
        let cursor: Cursor = section(json!({ "by": "id", "since": "after", "start": "a7" }));
        assert!(!cursor.is_inclusive());
        assert_eq!(cursor.settle_lag_ms(), 0);
        let mut findings = Findings::default();
        cursor.check(Place::default(), &mut findings);
        assert_eq!(findings.faults, []);
    }

    #[test]
    fn what_an_order_does_not_take_is_noted() {
        for (keys, message) in [
            (json!({ "by": "id", "field": "at" }), "`field` is not for `by: id`"),
            (
                json!({ "by": "id", "settle_lag": "1m" }),
                "`settle_lag` needs a timestamp, and `by: id` has none",
            ),
            (
                json!({ "by": "timestamp" }),
                "`by: timestamp` does not say which field holds the timestamp",
            ),
            (
                json!({ "by": "timestamp_id", "field": "at", "time": "at" }),
                "`time` is not for `by: timestamp_id`",
            ),
            (
                json!({ "by": "timestamp", "field": "at", "since": "from", "start": "soon" }),
                "`soon` is no timestamp of the cursor's format",
            ),
            (
                json!({ "by": "timestamp", "field": "at", "start": "2026-11-27" }),
                "`start` is sent as `since`, which is not given",
            ),
        ] {
            let (cursor, mut findings) = read::<Cursor>(keys);
            cursor.check(Place::default(), &mut findings);
            let messages: Vec<_> = findings.faults.iter().map(|fault| &*fault.message).collect();
            assert_eq!(messages, [message]);
        }
    }
}
