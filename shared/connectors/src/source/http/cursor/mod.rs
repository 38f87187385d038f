//! `source.http.cursor`: what the list is sorted by, and how to ask for what is new.
//!
//! [`by`] has a file for each order, [`format`] one for each way to write a timestamp.

mod by;
mod format;
mod resolution;

use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_core::model::EpochMs;

use crate::{
    file::{At, Fault, Findings, Place},
    value::{Millis, Name, OneOrList, RecordPath, Scalar, Text, Zone},
};
pub(crate) use by::{BEFORE_ALL, CursorBy, Order, is_before_all, is_mark_min};
pub(crate) use format::{NoMoment, TimeFormat};
pub(crate) use resolution::Resolution;

/// What is older than a day is no longer settling.
type SettleLag = Millis<0, 86_400_000>;

/// A week is read again at the most.
type Overlap = Millis<0, 604_800_000>;

/// From a minute to ten years.
type Window = Millis<60_000, 315_360_000_000>;

const OVERLAP_DEFAULT_MS: u64 = 60_000;

/// Which bounds the texts of a list's requests refer to.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Named {
    pub(crate) since: bool,
    pub(crate) until: bool,
}

/// What the source sorts by, and how to ask for what is new.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cursor {
    /// What the source sorts by.
    pub(crate) by: CursorBy,
    /// Path to the timestamp that the source sorts by; or several, of which the first counts that can be
    /// read: `[updated_at, created_at]`. A record without any is parked.
    field: Option<OneOrList<RecordPath>>,
    /// With `by: id`, path to a timestamp that `settle_lag` goes by.
    time: Option<RecordPath>,
    /// How timestamps are written. Default `rfc3339`.
    format: Option<At<TimeFormat>>,
    /// The IANA time zone of timestamps that do not say theirs: `Asia/Tokyo`. `since` and `until` are then
    /// written without one. Default UTC.
    zone: Option<At<Zone>>,
    /// The query parameter that carries the position, or its place in the `body`.
    pub(crate) since: Option<Name>,
    /// Whether `since` includes records exactly at it. Left out: the run finds it out by itself, which
    /// may cost a request or two.
    pub(crate) inclusive: Option<bool>,
    /// The query parameter that carries the upper bound, or its place in the `body`.
    pub(crate) until: Option<Name>,
    /// How `since` and `until` are written in requests, and `${cursor.since}` and `${cursor.until}`, where
    /// that is another way than the records'. Default as `format`.
    sent_format: Option<TimeFormat>,
    /// Sent as `since` before anything was read; left out: no `since` is sent then.
    #[schemars(with = "Option<Scalar>")]
    pub(crate) start: Option<Text>,
    /// Records younger than this wait for a later run: an older one may still appear before them. Default:
    /// a second longer than the timestamps are apart, as far as they were seen; so 1s where they have
    /// fractions of a second, 2s for whole seconds, 61s for whole minutes, a day for dates. With `by: id`
    /// `0s`.
    settle_lag: Option<At<SettleLag>>,
    /// Whether the list begins with the newest record, as feeds do. Then a run reads down to where the last one
    /// began, in as many invocations as that takes. Default false.
    newest_first: Option<At<bool>>,
    /// With `newest_first`, how far before the newest record that was read the next run looks for records that
    /// appeared late; none is sent twice. At most `168h`. Default `1m`.
    overlap: Option<At<Overlap>>,
    /// The longest span that the API permits between `since` and `until`: the list is read in windows of it, from
    /// `start` on, which must be given. At least `1m`.
    window: Option<At<Window>>,
    /// With `window`, most results that the API gives of one. A window that it refuses is halved, and one that has
    /// as many is asked for what is left.
    #[schemars(range(min = 1))]
    results_max: Option<At<u64>>,
}

impl Cursor {
    /// Notes keys that do not go together. `place` is the section's; `named` says which bounds the requests'
    /// texts refer to.
    pub(crate) fn check(&self, place: Place, named: Named, findings: &mut Findings) {
        let given = by::Given {
            field: self.field.as_ref().and_then(|fields| Some(fields.0.first()?.place)),
            time: self.time.as_ref().map(|time| time.site.place),
            until: self.until.as_ref().map(|until| until.site.place),
            settle_lag: self.settle_lag.as_ref().map(|lag| lag.place),
            format: self.format.as_ref().map(|format| format.place),
        };
        self.by.check(&given, place, findings);
        self.check_overlap(findings);
        self.check_ways(place, named, findings);
        self.note(findings);
        let Some(start) = &self.start else { return };
        if self.since.is_none() && !named.since {
            let message = "`start` is sent as `since`, which is not given";
            let remedy = "add `since:` with the query parameter's name, write `${cursor.since}` where the \
                          API takes it, or remove `start`";
            findings.add(Fault::new(start.site.place, message, remedy));
        }
        // An id may be any text, and what a parameter holds is not known yet.
        let literal = start.template.as_literal().filter(|_| self.by.has_timestamp());
        let Some(literal) = literal else { return };
        if let Err(remedy) = self.sent_format().check_start(literal) {
            let message = format!("`{literal}` is no timestamp of the cursor's format");
            findings.add(Fault::new(start.site.place, message, remedy));
        }
    }

    /// The cursor of a list that is sorted by ids and takes no bounds.
    pub(crate) fn by_id() -> Self {
        Self {
            by: CursorBy::by_id(),
            field: None,
            time: None,
            format: None,
            zone: None,
            since: None,
            inclusive: None,
            until: None,
            sent_format: None,
            start: None,
            settle_lag: None,
            newest_first: None,
            overlap: None,
            window: None,
            results_max: None,
        }
    }

    /// How timestamps are written.
    pub(crate) fn format(&self) -> TimeFormat {
        self.format.as_ref().map(|format| format.value.clone()).unwrap_or_default()
    }

    /// Notes an overlap that nothing goes by.
    fn check_overlap(&self, findings: &mut Findings) {
        let Some(overlap) = &self.overlap else { return };
        let (message, remedy) = if !self.is_newest_first() {
            (
                "`overlap` is for lists that begin with the newest record",
                "remove it, or add `newest_first: true`",
            )
        } else if !self.by.has_timestamp() {
            (
                "`overlap` needs a timestamp, and `by: id` has none",
                "remove it, or write `by: timestamp`",
            )
        } else {
            return;
        };
        findings.add(Fault::new(overlap.place, message, remedy));
    }

    /// Notes keys of one way along the list that another has no use for, or that it lacks.
    fn check_ways(&self, place: Place, named: Named, findings: &mut Findings) {
        let mut fault = |place, message: &str, remedy: &str| {
            findings.add(Fault::new(place, message, remedy));
        };
        let newest_first = self.newest_first.as_ref().filter(|newest_first| newest_first.value);
        let several = self.field.as_ref().filter(|fields| fields.0.len() > 1);
        if let (Some(_), Some(second)) = (newest_first, several.and_then(|fields| fields.0.get(1)))
        {
            fault(
                second.place,
                "a list that begins with the newest record is read by one timestamp",
                "name the one that the list is sorted by",
            );
        }
        if let (Some(At { place, .. }), Some(_)) = (newest_first, self.by.delta_path()) {
            fault(
                *place,
                "`newest_first` is not for `by: delta`: the source itself keeps the place",
                "remove it",
            );
        }
        if let (Some(start), Some(_)) = (&self.start, self.by.delta_path()) {
            fault(
                start.site.place,
                "`start` is not for `by: delta`: everything is read first",
                "remove it",
            );
        }
        if let (Some(At { place, .. }), None) = (&self.results_max, &self.window) {
            fault(
                *place,
                "`results_max` is of a `window`, which is not given",
                "add `window:`, like `30d`, or remove it",
            );
        }
        let Some(At { place: window, .. }) = self.window else { return };
        if !self.by.has_timestamp() {
            fault(
                window,
                "`window` needs a list by time",
                "write `by: timestamp` or `by: timestamp_id`",
            );
        } else if newest_first.is_some() {
            fault(
                window,
                "`window` is for lists that begin with the oldest record",
                "remove one of `window` and `newest_first`",
            );
        } else if self.start.is_none() {
            fault(
                place,
                "`window` does not say where the first one begins",
                "add `start:` with a timestamp",
            );
        } else if !named.until && self.until.is_none() {
            fault(
                place,
                "`window` needs an upper bound in the requests",
                "add `until:` with the parameter's name, or write `${cursor.until}` where the API takes it",
            );
        }
    }

    /// The longest span that one request may ask for, in ms.
    pub(crate) fn window_ms(&self) -> Option<EpochMs> {
        // Ten years at the most.
        self.window.as_ref().map(|window| EpochMs::try_from(window.value.0).unwrap_or(EpochMs::MAX))
    }

    /// Most results that the API gives of a window.
    pub(crate) fn results_max(&self) -> Option<u64> {
        self.results_max.as_ref().map(|most| most.value)
    }

    /// Whether the list begins with the newest record.
    pub(crate) fn is_newest_first(&self) -> bool {
        self.newest_first.as_ref().is_some_and(|newest_first| newest_first.value)
    }

    /// How far before the newest record a run reads again, in ms.
    pub(crate) fn overlap_ms(&self) -> i64 {
        let ms = self.overlap.as_ref().map_or(OVERLAP_DEFAULT_MS, |overlap| overlap.value.0);
        // A week at the most.
        i64::try_from(ms).unwrap_or(i64::MAX)
    }

    /// How timestamps are written in requests.
    fn sent_format(&self) -> TimeFormat {
        self.sent_format.clone().unwrap_or_else(|| self.format())
    }

    /// Whether requests write timestamps in another way than records.
    pub(crate) fn has_sent_format(&self) -> bool {
        self.sent_format.is_some()
    }

    /// The paths to the timestamp that the source sorts by; none where it sorts by id alone.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &[String]> {
        let fields = self.field.as_ref().filter(|_| self.by.has_timestamp());
        fields.into_iter().flat_map(|fields| &fields.0).map(|field| field.value.keys.as_slice())
    }

    /// The path to a timestamp that only bounds how far a run reads.
    pub(crate) fn time(&self) -> Option<&[String]> {
        self.time.as_ref().map(|time| time.keys.as_slice())
    }

    /// The zone of timestamps that do not say theirs.
    pub(crate) fn zone(&self) -> TimeZone {
        self.given_zone().unwrap_or(TimeZone::UTC)
    }

    fn given_zone(&self) -> Option<TimeZone> {
        TimeZone::get(&self.zone.as_ref()?.value.0).ok()
    }

    /// Whether timestamps that do not say their zone are taken as UTC, for want of a word of the flow's.
    pub(crate) fn guesses_zone(&self, text: &str) -> bool {
        self.zone.is_none() && !self.format().says_zone(text)
    }

    /// Whether a timestamp says its zone itself.
    pub(crate) fn says_zone(&self, text: &str) -> bool {
        self.format().says_zone(text)
    }

    /// A moment as the records have it.
    pub(crate) fn write(&self, ms: EpochMs) -> String {
        self.format().write(ms, self.given_zone().as_ref())
    }

    /// A moment as a request carries it.
    pub(crate) fn sent(&self, ms: EpochMs) -> String {
        self.sent_format().write(ms, self.given_zone().as_ref())
    }

    /// What a request carries, in nanoseconds since 1970; `None` where the text is no timestamp.
    pub(crate) fn sent_ns(&self, text: &str) -> Option<i64> {
        i64::try_from(self.sent_format().ns(text, &self.zone())?).ok()
    }

    /// The whole second before a moment, as a request carries it, and as a number.
    pub(crate) fn second_before(&self, ns: i64) -> (String, i64) {
        self.sent_format().second_before(ns, self.given_zone().as_ref())
    }

    /// A timestamp in nanoseconds since 1970; `None` where the text is none.
    pub(crate) fn ns(&self, text: &str) -> Option<i64> {
        i64::try_from(self.format().ns(text, &self.zone())?).ok()
    }

    /// For how long after a record a run must expect an earlier one to appear, in ms.
    pub(crate) fn settle_lag_ms(&self) -> EpochMs {
        let ms = self.settle_lag.as_ref().map_or(0, |lag| lag.value.0);
        // A day at the most.
        EpochMs::try_from(ms).unwrap_or(EpochMs::MAX)
    }

    /// Whether the flow says how long records settle.
    pub(crate) fn says_lag(&self) -> bool {
        self.settle_lag.is_some()
    }

    /// Notes what a run would go by, and a reader might take for granted otherwise.
    fn note(&self, findings: &mut Findings) {
        let format = self.format();
        let reads_time = self.by.has_timestamp() || self.time.is_some();
        if reads_time && self.zone.is_none() && format.may_lack_zone() {
            let at = self.format.as_ref().map_or_else(|| self.first_place(), |it| it.place);
            let message = "timestamps that say no zone are taken as UTC";
            let remedy =
                "where they are local time, add `zone:` with its IANA name, like `Asia/Tokyo`";
            findings.notes.push(Fault::new(at, message, remedy));
        }
        let Some(At { value: lag, place }) = &self.settle_lag else { return };
        let least_ms = format.step_ns() / 1_000_000 + 1_000;
        if self.by.has_timestamp() && i128::from(lag.0) < i128::from(least_ms) {
            let message = "`settle_lag` is shorter than the timestamps may be apart: a record that joins a \
                           moment after it was read is lost";
            let remedy = "remove it, and it is a second longer than the timestamps are apart";
            findings.notes.push(Fault::new(*place, message, remedy));
        }
    }

    fn first_place(&self) -> Place {
        let field = self.field.as_ref().and_then(|fields| fields.0.first());
        let time = self.time.as_ref().map(|time| time.site.place);
        field.map(|field| field.place).or(time).unwrap_or_default()
    }

    /// A value of `since` or `until` as JSON.
    pub(crate) fn bound_json(&self, text: &str) -> String {
        self.by.bound_json(text, &*self.sent_format())
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
        assert_eq!(cursor.inclusive, None);
        assert_eq!(cursor.settle_lag_ms(), 0);
        let mut findings = Findings::default();
        cursor.check(Place::default(), Named::default(), &mut findings);
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
            cursor.check(Place::default(), Named::default(), &mut findings);
            let messages: Vec<_> = findings.faults.iter().map(|fault| &*fault.message).collect();
            assert_eq!(messages, [message]);
        }
    }

    #[test]
    fn what_may_not_be_meant_is_noted() {
        for (keys, notes) in [
            (json!({ "by": "timestamp", "field": "at" }), &["taken as UTC"][..]),
            (json!({ "by": "timestamp", "field": "at", "zone": "Asia/Tokyo" }), &[]),
            (json!({ "by": "timestamp", "field": "at", "format": "epoch_s" }), &[]),
            (json!({ "by": "id" }), &[]),
            (
                json!({ "by": "timestamp", "field": "at", "format": "epoch_s", "settle_lag": "0s" }),
                &["shorter than"],
            ),
            (
                json!({ "by": "timestamp", "field": "at", "settle_lag": "30s",
                    "format": { "strptime": "%d.%m.%Y %H:%M" } }),
                &["taken as UTC", "shorter than"],
            ),
            (
                json!({ "by": "timestamp", "field": "at", "settle_lag": "61s",
                    "format": { "strptime": "%d.%m.%Y %H:%M %z" } }),
                &[],
            ),
        ] {
            let (cursor, mut findings) = read::<Cursor>(keys.clone());
            cursor.check(Place::default(), Named::default(), &mut findings);
            assert_eq!(findings.faults, [], "{keys}");
            let noted: Vec<_> = findings.notes.iter().map(|note| &*note.message).collect();
            let as_said = noted.iter().zip(notes).all(|(noted, says)| noted.contains(says));
            assert!(noted.len() == notes.len() && as_said, "{keys}: {noted:?}");
        }
    }
}
