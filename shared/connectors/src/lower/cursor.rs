//! `source.http.cursor`

use tidegate_core::model::EpochMs;

use super::{Check, texts, values};
use crate::{
    at::At,
    raw::{Cursor, Scalar},
    spec::{CursorBy, CursorSpec, TimeFormat},
    template::Template,
    text::Place,
};

/// Longest lag: what is older than a day is no longer settling.
const SETTLE_LAG_MS: std::ops::RangeInclusive<u64> = 0..=86_400_000;

pub(super) fn cursor(check: &mut Check<'_>, cursor: At<Cursor>) -> Option<CursorSpec> {
    let At { value: cursor, place } = cursor;
    let fits = keys_fit(check, &cursor, place);
    let by = cursor.by;
    let field = values::optional(cursor.field, |path| values::dotted(check, &path));
    let time = values::optional(cursor.time, |path| values::dotted(check, &path));
    let since = values::optional(cursor.since, |name| values::plain_name(check, &name));
    let until = values::optional(cursor.until, |name| values::plain_name(check, &name));
    let format = cursor.format.map(|format| format.value).unwrap_or_default();
    let start = values::optional(cursor.start, |start| self::start(check, start, by, format));
    let spec = CursorSpec {
        by,
        field: field?,
        time: time?,
        format,
        since: since?,
        inclusive: cursor.inclusive.unwrap_or(by != CursorBy::Id),
        until: until?,
        start: start?,
    };
    fits.then_some(spec)
}

/// `settle_lag` in ms. It is the protocol's, though it stands with the cursor.
pub(super) fn settle_lag_ms(check: &mut Check<'_>, cursor: &Cursor) -> Option<EpochMs> {
    let Some(lag) = &cursor.settle_lag else { return Some(0) };
    let ms = values::duration(check, lag, SETTLE_LAG_MS)?;
    EpochMs::try_from(ms).ok()
}

/// Whether the keys go together with what the source sorts by.
fn keys_fit(check: &mut Check<'_>, cursor: &Cursor, place: Place) -> bool {
    let mut fits = true;
    let mut clash = |place, message: &str, remedy: &str| {
        check.report.add(place, message, remedy);
        fits = false;
    };
    match cursor.by {
        CursorBy::Id => {
            if let Some(field) = &cursor.field {
                let remedy = "remove it, or write `by: timestamp` or `by: timestamp_id`; a \
                              timestamp beside the id goes into `time`";
                clash(field.place, "`field` is not for `by: id`", remedy);
            }
            if cursor.time.is_none() {
                let remedy = "add `time:` with the path to a timestamp, or remove it";
                let until = cursor.until.as_ref().map(|until| ("until", until.place));
                let lag = cursor.settle_lag.as_ref().map(|lag| ("settle_lag", lag.place));
                let format = cursor.format.as_ref().map(|format| ("format", format.place));
                for (key, place) in [until, lag, format].into_iter().flatten() {
                    let message = format!("`{key}` needs a timestamp, and `by: id` has none");
                    clash(place, &message, remedy);
                }
            }
        }
        by @ (CursorBy::Timestamp | CursorBy::TimestampId) => {
            let by = if by == CursorBy::Timestamp { "timestamp" } else { "timestamp_id" };
            if cursor.field.is_none() {
                let message = format!("`by: {by}` does not say which field holds the timestamp");
                clash(place, &message, "add `field:` with its path, like `field: updated_at`");
            }
            if let Some(time) = &cursor.time {
                let message = format!("`time` is not for `by: {by}`");
                clash(time.place, &message, "remove it: `field` names the timestamp");
            }
        }
    }
    if let (Some(start), None) = (&cursor.start, &cursor.since) {
        let remedy = "add `since:` with the query parameter's name, or remove `start`";
        clash(start.place, "`start` is sent as `since`, which is not given", remedy);
    }
    fits
}

/// The first position: a template, or a literal that the source must understand.
fn start(
    check: &mut Check<'_>,
    start: At<Scalar>,
    by: CursorBy,
    format: TimeFormat,
) -> Option<Template> {
    let start = start.map(|scalar| scalar.0);
    let template = texts::template(check, &start, texts::NO_RECORD)?;
    let Some(literal) = template.as_literal() else { return Some(template) };
    let remedy = match (by, format) {
        // An id may be any text.
        (CursorBy::Id, _) => return Some(template),
        (_, TimeFormat::Rfc3339) if is_time(literal) => return Some(template),
        (_, TimeFormat::Rfc3339) => "write it like `2026-11-27T08:00:00Z`",
        (_, TimeFormat::EpochSeconds | TimeFormat::EpochMillis)
            if literal.parse::<f64>().is_ok_and(f64::is_finite) =>
        {
            return Some(template);
        }
        (_, TimeFormat::EpochSeconds) => "write seconds since 1970, or another `format`",
        (_, TimeFormat::EpochMillis) => "write milliseconds since 1970, or another `format`",
    };
    check.report.add(
        start.place,
        format!("`{literal}` is no timestamp of the cursor's format"),
        remedy,
    );
    None
}

/// RFC 3339, also with a blank for the `T`, without a zone, or a date alone.
fn is_time(text: &str) -> bool {
    text.parse::<jiff::Timestamp>().is_ok()
        || text.parse::<jiff::civil::DateTime>().is_ok()
        || text.parse::<jiff::civil::Date>().is_ok()
}
