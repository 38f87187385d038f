//! Failures that an answer lists, where the flow does not say how to read them.
//!
//! Many APIs answer 200 or 207 and say in the body what they did not take. No two do it alike: what is
//! looked for are the names that such lists, counts and flags usually have, where they usually stand. What is
//! empty, nought or false there is none.

use serde_json::{Map, Value};

/// Lists of failures, and single ones, by their names without case and separators. They stand at the top or
/// under up to three objects, like GraphQL's `data.orderCreate.userErrors`, and so do lists of results.
const LISTS: [&str; 13] = [
    "errors",
    "error",
    "usererrors",
    "inserterrors",
    "writeerrors",
    "failures",
    "failed",
    "failedrecords",
    "faileditems",
    "rejected",
    "rejecteditems",
    "unprocesseditems",
    "invaliditems",
];
/// Counts of them, at the top or under one object.
const COUNTS: [&str; 13] = [
    "failed",
    "errors",
    "failures",
    "rejected",
    "errorcount",
    "numerrors",
    "errorscount",
    "failedcount",
    "failurecount",
    "numfailed",
    "failedrecordcount",
    "failedentrycount",
    "failedputcount",
];
/// Flags that say by false that it failed, at the top.
const SUCCESS: [&str; 3] = ["success", "ok", "succeeded"];
/// Flags that say by true that it did.
const FAILED: [&str; 4] = ["errors", "haserrors", "haserror", "failed"];
/// Where a result of its own has its status.
const STATUSES: [&str; 4] = ["status", "statuscode", "code", "httpstatus"];
/// Where it has it as a word.
const WORDED: [&str; 3] = ["status", "result", "outcome"];
/// Words that say nothing of a failure.
const FINE: [&str; 39] = [
    "ok",
    "okay",
    "success",
    "succeeded",
    "successful",
    "created",
    "updated",
    "deleted",
    "removed",
    "upserted",
    "inserted",
    "added",
    "modified",
    "merged",
    "replaced",
    "saved",
    "stored",
    "indexed",
    "accepted",
    "received",
    "queued",
    "pending",
    "scheduled",
    "inprogress",
    "processing",
    "processed",
    "done",
    "complete",
    "completed",
    "finished",
    "unchanged",
    "notmodified",
    "noop",
    "exists",
    "duplicate",
    "skipped",
    "ignored",
    "sent",
    "delivered",
];
/// Where a result explains its status.
const REASONS: [&str; 7] =
    ["message", "reason", "detail", "details", "description", "statusmessage", "errormessage"];
/// What else a result has that is no record of its own.
const NAMING: [&str; 14] = [
    "id",
    "key",
    "index",
    "position",
    "row",
    "line",
    "name",
    "code",
    "type",
    "field",
    "recordid",
    "externalid",
    "reference",
    "sourceid",
];
/// Objects above a list.
const DEPTH_MAX: usize = 3;
/// As many results are looked at.
const RESULTS_MAX: usize = 10_000;

/// A failure that an answer lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListedFailure {
    /// Its place in the body, as a flow would name it.
    pub(crate) path: String,
    /// How many there are, where that is told or can be counted.
    pub(crate) count: u64,
    /// It is one of a list of results, and not of failures alone.
    pub(crate) among_results: bool,
}

/// How many failures a body counts, at the most: beside a list of them, which may have been cut.
pub(crate) fn counted_failures(body: &[u8]) -> u64 {
    let Ok(Value::Object(object)) = serde_json::from_slice(body) else { return 0 };
    let of = |object: &Map<String, Value>| {
        let counts = object.iter().filter(|(key, _)| COUNTS.contains(&plain(key).as_str()));
        counts.filter_map(|(_, value)| value.as_u64()).max().unwrap_or(0)
    };
    let inner = object.values().filter_map(Value::as_object).map(of).max();
    of(&object).max(inner.unwrap_or(0))
}

/// The first failure that a body lists. A body that is no JSON lists none.
pub(crate) fn listed_failure(body: &[u8]) -> Option<ListedFailure> {
    let body = body.trim_ascii();
    if !matches!(body.first(), Some(b'{' | b'[')) || !may_list(body) {
        return None;
    }
    match serde_json::from_slice(body).ok()? {
        Value::Object(object) => of_object(&object, "", 0),
        Value::Array(results) => of_results(&results, ""),
        _ => None,
    }
}

/// The first result of a list that says by a word that it has failed, and why: `{"id": 7, "status": "busy", "message":
/// "try again"}`. What has anything else may be a record of the API's with such fields of its own.
pub(crate) fn worded_failure(body: &[u8]) -> Option<ListedFailure> {
    let body = body.trim_ascii();
    if !body.contains(&b'[') {
        return None;
    }
    of_worded(&serde_json::from_slice(body).ok()?, "", 0)
}

fn of_worded(value: &Value, path: &str, depth: usize) -> Option<ListedFailure> {
    match value {
        Value::Array(results) => {
            let results = results.iter().take(RESULTS_MAX);
            let count = results.filter(|result| has_failed_by_word(result)).count() as u64;
            let path = path.to_owned();
            (count > 0).then_some(ListedFailure { path, count, among_results: true })
        }
        Value::Object(object) if depth < DEPTH_MAX => {
            object.iter().find_map(|(key, value)| of_worded(value, &joined(path, key), depth + 1))
        }
        _ => None,
    }
}

fn has_failed_by_word(result: &Value) -> bool {
    let Value::Object(result) = result else { return false };
    let (mut says_failed, mut says_why) = (false, false);
    for (key, value) in result {
        let name = plain(key);
        let text = value.as_str().map(str::trim).unwrap_or_default();
        if WORDED.contains(&name.as_str()) {
            let word = plain(text);
            let is_number = word.chars().all(|c| c.is_ascii_digit());
            says_failed |= !is_number && !FINE.contains(&word.as_str());
        } else if REASONS.contains(&name.as_str()) {
            says_why |= !text.is_empty();
        } else if !NAMING.contains(&name.as_str()) {
            return false;
        }
    }
    says_failed && says_why
}

/// Whether a body may list failures at all, told without reading it as JSON: most answers are short, and have none
/// of the words.
fn may_list(body: &[u8]) -> bool {
    const SHORT: usize = 1_024;
    let word = |first: u8| match first.to_ascii_lowercase() {
        b'e' => "error",
        b'f' => "fail",
        b'o' => "ok\"",
        b'p' => "processed",
        b'r' => "reject",
        b's' => "succe",
        b'v' => "valid",
        _ => "",
    };
    let begins = |(at, first): (usize, &u8)| {
        let word = word(*first);
        let place = body.get(at..at + word.len());
        !word.is_empty() && place.is_some_and(|it| it.eq_ignore_ascii_case(word.as_bytes()))
    };
    let has_words = || body.iter().enumerate().any(begins);
    // A list of results may have nothing but statuses, and what is escaped may read as anything.
    let is_open = |byte: &u8| matches!(byte, b'[' | b'\\');
    body.len() > SHORT || body.iter().any(is_open) || has_words()
}

fn of_object(object: &Map<String, Value>, above: &str, depth: usize) -> Option<ListedFailure> {
    let own = object.iter().find_map(|(key, value)| {
        let name = plain(key);
        let count = failures_at(&name, value, depth)?;
        Some(ListedFailure { path: joined(above, key), count, among_results: false })
    });
    let inner = || {
        object.iter().find_map(|(key, value)| match value {
            Value::Object(inner) if depth < DEPTH_MAX => {
                of_object(inner, &joined(above, key), depth + 1)
            }
            Value::Array(results) if depth < DEPTH_MAX => of_results(results, &joined(above, key)),
            _ => None,
        })
    };
    own.or_else(inner)
}

/// How many failures a member of this name lists, if it lists any.
fn failures_at(name: &str, value: &Value, depth: usize) -> Option<u64> {
    let is = |names: &[&str]| names.contains(&name);
    let count = match value {
        Value::Array(list) if is(&LISTS) => list.len() as u64,
        Value::Object(list) if is(&LISTS) => list.len() as u64,
        // At the top a text says what went wrong; deeper it is more likely a record's own.
        Value::String(text) if is(&LISTS) && depth == 0 && name != "failed" => {
            u64::from(!text.trim().is_empty())
        }
        Value::Number(number) if is(&COUNTS) && depth <= 1 => number.as_u64().unwrap_or(0),
        Value::Bool(true) if is(&FAILED) && depth == 0 => 1,
        Value::Bool(false) if is(&SUCCESS) && depth == 0 => 1,
        _ => 0,
    };
    (count > 0).then_some(count)
}

/// Results of which one has failed.
fn of_results(results: &[Value], path: &str) -> Option<ListedFailure> {
    let failed = results.iter().take(RESULTS_MAX).filter(|result| has_failed(result)).count();
    let count = failed as u64;
    (count > 0).then(|| ListedFailure { path: path.to_owned(), count, among_results: true })
}

fn has_failed(result: &Value) -> bool {
    let Value::Object(result) = result else { return false };
    let own = |object: &Map<String, Value>| {
        object.iter().any(|(key, value)| {
            let name = plain(key);
            let is_status = STATUSES.contains(&name.as_str());
            let status = value.as_u64().or_else(|| value.as_str()?.parse().ok());
            let fails = is_status && status.is_some_and(|status| (400..=599).contains(&status));
            fails || failures_at(&name, value, 0).is_some()
        })
    };
    // Elasticsearch names what was done: `{"index": {"status": 400}}`.
    let of_one = || match (result.len(), result.values().next()) {
        (1, Some(Value::Object(inner))) => own(inner),
        _ => false,
    };
    own(result) || of_one()
}

/// A key without its case and separators.
fn plain(key: &str) -> String {
    key.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn joined(above: &str, key: &str) -> String {
    let key = match key.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-')) {
        true => key.to_owned(),
        false => format!("\"{key}\""),
    };
    if above.is_empty() { key } else { format!("{above}.{key}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lists_failures_is_found_where_it_stands() {
        for (body, path, count) in [
            (r#"{"errors":[{"index":0},{"index":3}]}"#, "errors", 2),
            (r#"{"failed":3,"ok":17}"#, "failed", 3),
            (r#"{"summary":{"total":20,"error_count":2}}"#, "summary.error_count", 2),
            (
                r#"{"data":{"orderCreate":{"userErrors":[{"message":"no"}]}}}"#,
                "data.orderCreate.userErrors",
                1,
            ),
            (r#"{"insertErrors":[{"index":1}]}"#, "insertErrors", 1),
            (r#"{"results":[{"status":201},{"status":"422"}]}"#, "results", 1),
            (r#"[{"statusCode":200},{"statusCode":500},{"code":404}]"#, "", 2),
            (r#"{"items":[{"index":{"status":201}},{"index":{"status":400}}]}"#, "items", 1),
            (r#"{"took":3,"errors":true,"items":[]}"#, "errors", 1),
            (r#"{"results":[{"id":1,"error":null},{"id":2,"error":"bad"}]}"#, "results", 1),
            (r#"{"success":false,"message":"no"}"#, "success", 1),
            (r#"{"ok":false,"detail":"channel_not_found"}"#, "ok", 1),
            (r#"{"error":{"message":"no"}}"#, "error", 1),
            (r#"{"UnprocessedItems":{"table":[{}]}}"#, "UnprocessedItems", 1),
            (r#"{"FailedRecordCount":1,"Records":[]}"#, "FailedRecordCount", 1),
            (r#"{"errors":{"3":["is blank"]}}"#, "errors", 1),
            (r#"{"results":[{"success":true},{"success":false}]}"#, "results", 1),
            (
                r#"{"data":{"bulkCreate":{"items":[{"ok":true},{"ok":false}]}}}"#,
                "data.bulkCreate.items",
                1,
            ),
            (r#"{"response":{"data":{"results":[{"status":"409"}]}}}"#, "response.data.results", 1),
        ] {
            let found = listed_failure(body.as_bytes()).unwrap_or_else(|| panic!("{body}"));
            assert_eq!((&*found.path, found.count), (path, count), "{body}");
        }
    }

    #[test]
    fn a_result_says_by_a_word_that_it_has_failed_and_why() {
        let count = |body: &str| worded_failure(body.as_bytes()).map(|it| (it.path, it.count));
        let (one, two) = (|path: &str| Some((path.into(), 1)), |path: &str| Some((path.into(), 2)));
        for (body, found) in [
            (
                r#"{"results":[{"status":"created"},{"status":"bad","message":"no"}]}"#,
                one("results"),
            ),
            (
                r#"[{"index":0,"status":"BUSY","reason":"later"},{"index":1,"result":"x","detail":"y"}]"#,
                two(""),
            ),
            (
                r#"{"data":{"rows":[{"id":1,"outcome":"rejected","message":"no"}]}}"#,
                one("data.rows"),
            ),
            (
                r#"{"results":[{"id":1,"status":"Queued","message":"accepted for processing"}]}"#,
                None,
            ),
            (r#"{"results":[{"id":1,"status":"not-modified","message":"as it was"}]}"#, None),
            (
                r#"{"results":[{"id":1,"status":"open"},{"id":2,"status":"201","message":"ok"}]}"#,
                None,
            ),
            // A ticket of the API's.
            (r#"{"data":[{"id":1,"status":"open","message":"help","author":"me"}]}"#, None),
            (r#"{"id":1,"status":"open","message":"help"}"#, None),
        ] {
            assert_eq!(count(body), found, "{body}");
        }
    }

    #[test]
    fn what_is_empty_nought_or_a_records_own_is_no_failure() {
        for body in [
            "",
            "ok",
            "null",
            "[]",
            "{}",
            r#"{"errors":[]}"#,
            r#"{"errors":null,"error":"","failed":0,"hasErrors":false,"success":true,"ok":true}"#,
            r#"{"errors":false,"items":[{"index":{"status":201}}]}"#,
            r#"{"data":{"orderCreate":{"userErrors":[],"order":{"id":1}}}}"#,
            r#"{"results":[{"status":200},{"status":"created","error":null,"errors":[]}]}"#,
            r#"{"UnprocessedItems":{}}"#,
            r#"{"order":{"id":1,"name":"errors","error":"a field of the record's own"}}"#,
            r#"{"results":[{"id":404,"total":500}]}"#,
            r#"{"id":"failed","status":"failed"}"#,
        ] {
            assert_eq!(listed_failure(body.as_bytes()), None, "{body}");
        }
    }
}
