//! `source`

use super::{Check, address, body, cursor, headers, texts, values};
use crate::{
    at::At,
    raw,
    spec::{HttpSourceSpec, MarkSpec, SourceSpec},
};

/// Longest request timeout: a Lambda function's own.
pub(super) const TIMEOUT_MS: std::ops::RangeInclusive<u64> = 100..=900_000;
const TIMEOUT_DEFAULT_MS: u64 = 30_000;
const PAGE_SIZE_DEFAULT: u32 = 100;
const BODY_BYTES_DEFAULT: u64 = 32 << 20;

pub(super) fn source(check: &mut Check<'_>, source: raw::Source) -> Option<SourceSpec> {
    match source {
        raw::Source::Http(http) => self::http(check, *http).map(SourceSpec::Http),
    }
}

fn http(check: &mut Check<'_>, http: raw::HttpSource) -> Option<HttpSourceSpec> {
    let url = address::url(check, &http.url, texts::NO_RECORD);
    let query = headers::query(check, http.query, texts::NO_RECORD);
    let headers = headers::headers(check, http.headers);
    let auth = http.auth.inspect(|auth| auth.check(&mut check.findings));
    let records = values::optional(http.records, |path| values::dotted(check, &path));
    let id = values::optional(http.id, |path| values::dotted(check, &path));
    let (method, sought) = (http.method.as_ref(), &http.pagination.value);
    let body = body::body(check, method, http.body, &http.cursor.value, sought);
    sought.check(http.cursor.value.by, http.pagination.place, &mut check.findings);
    let cursor = cursor::cursor(check, http.cursor);
    let timeout_ms =
        values::optional(http.timeout, |text| values::duration(check, &text, TIMEOUT_MS));
    let mark = values::optional(http.mark, |mark| self::mark(check, mark));
    let body_bytes_max = http.body_bytes_max.unwrap_or(BODY_BYTES_DEFAULT);
    Some(HttpSourceSpec {
        url: url?,
        body: body?,
        query: query?,
        headers: headers?,
        auth,
        records: records?.unwrap_or_default(),
        id: id?.unwrap_or_else(|| vec!["id".into()]),
        cursor: cursor?,
        pagination: http.pagination.value,
        page_size: http.page_size.unwrap_or(PAGE_SIZE_DEFAULT),
        timeout_ms: timeout_ms?.unwrap_or(TIMEOUT_DEFAULT_MS),
        // The schema's range keeps it far below any usize.
        body_bytes_max: usize::try_from(body_bytes_max).unwrap_or(usize::MAX),
        mark: mark?,
    })
}

fn mark(check: &mut Check<'_>, mark: raw::Mark) -> Option<MarkSpec> {
    let url = address::url(check, &mark.url, texts::RecordRefs::Allowed);
    let body = values::optional(mark.body, |body| constant(check, body));
    Some(MarkSpec { method: mark.method.unwrap_or_default().name().into(), url: url?, body: body? })
}

/// A JSON constant. A reference in it would be sent as it stands, which nobody means.
pub(super) fn constant(check: &mut Check<'_>, json: At<raw::Given>) -> Option<serde_json::Value> {
    let Some(reference) = first_reference(&json.value.0) else { return Some(json.value.0) };
    let place = check.report.source.inside(json.place, reference, 0);
    let message = format!("`{reference}` is not filled in here: this is a constant");
    check.report.add(place, message, "for a value of the record, use a path in `transform.map`");
    None
}

fn first_reference(json: &serde_json::Value) -> Option<&str> {
    match json {
        serde_json::Value::String(text) => ["${params.", "${secrets.", "${record.", "${lookup."]
            .iter()
            .any(|kind| text.contains(kind))
            .then_some(text),
        serde_json::Value::Array(items) => items.iter().find_map(first_reference),
        serde_json::Value::Object(fields) => fields.values().find_map(first_reference),
        _ => None,
    }
}
