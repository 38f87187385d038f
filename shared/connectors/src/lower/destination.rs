//! `destination`

use std::collections::BTreeMap;

use super::{Check, address, answers, headers, source::TIMEOUT_MS, texts, values};
use crate::{
    at::At,
    raw,
    spec::{BatchSpec, DestinationSpec, HttpDestinationSpec, ResultOrder, ResultsSpec},
};

const TIMEOUT_DEFAULT_MS: u64 = 30_000;
const BATCH_BYTES_DEFAULT: u64 = 1_000_000;
/// The header that most APIs know. Source: draft-ietf-httpapi-idempotency-key-header.
const IDEMPOTENCY_HEADER: &str = "Idempotency-Key";

pub(super) fn destination(
    check: &mut Check<'_>,
    destination: raw::Destination,
) -> Option<DestinationSpec> {
    match destination {
        raw::Destination::Http(http) => self::http(check, *http).map(DestinationSpec::Http),
    }
}

fn http(check: &mut Check<'_>, http: raw::HttpDestination) -> Option<HttpDestinationSpec> {
    let record_refs = match &http.batch {
        None => texts::RecordRefs::Allowed,
        Some(_) => texts::RecordRefs::Refused(
            "a batch is one request for many records: remove `batch`, or the reference",
        ),
    };
    let url = address::url(check, &http.url, record_refs);
    let headers = headers::headers(check, http.headers);
    let auth = http.auth.inspect(|auth| auth.check(&mut check.findings));
    let batch = values::optional(http.batch, |batch| self::batch(check, batch));
    let idempotency_header = idempotency_header(check, http.idempotency_key);
    let timeout_ms =
        values::optional(http.timeout, |text| values::duration(check, &text, TIMEOUT_MS));
    let answers = answers::answers(check, http.answers);
    let on_unknown = values::optional(http.on_unknown, |on_unknown| {
        answers::on_unknown(check, on_unknown.value)
    });
    let lists = [
        ("refuse", http.refuse.as_slice()),
        ("retry_status", &http.retry_status),
        ("duplicate", &http.duplicate),
    ];
    let statuses = distinct(check, &lists, |status| status.0.to_string());
    let codes = |list: Vec<At<raw::StatusCode>>| list.into_iter().map(|at| at.value.0).collect();
    statuses.then_some(())?;
    Some(HttpDestinationSpec {
        url: url?,
        method: http.method.unwrap_or_default().name().into(),
        headers: headers?,
        auth,
        batch: batch?,
        idempotency_header: idempotency_header?,
        timeout_ms: timeout_ms?.unwrap_or(TIMEOUT_DEFAULT_MS),
        refuse: codes(http.refuse),
        retry_status: codes(http.retry_status),
        duplicate: codes(http.duplicate),
        answers: answers?,
        on_unknown: on_unknown?.unwrap_or_default(),
    })
}

/// Outer `None`: a fault. Inner `None`: no header.
fn idempotency_header(
    check: &mut Check<'_>,
    key: Option<At<raw::IdempotencyKey>>,
) -> Option<Option<String>> {
    match key {
        None => Some(Some(IDEMPOTENCY_HEADER.into())),
        Some(At { value: raw::IdempotencyKey::Switch(on), .. }) => {
            Some(on.then(|| IDEMPOTENCY_HEADER.into()))
        }
        Some(At { value: raw::IdempotencyKey::Header(name), place }) => {
            headers::header_name(check, &At { value: name, place }).map(Some)
        }
    }
}

fn batch(check: &mut Check<'_>, batch: raw::Batch) -> Option<BatchSpec> {
    let field = values::optional(batch.field, |name| values::plain_name(check, &name));
    let key_field = values::optional(batch.key_field, |name| values::plain_name(check, &name));
    let results = values::optional(batch.results, |results| self::results(check, results));
    // The schema's ranges keep both far below any usize.
    let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    Some(BatchSpec {
        size: size(batch.size.into()),
        bytes_max: size(batch.bytes_max.unwrap_or(BATCH_BYTES_DEFAULT)),
        field: field?,
        key_field: key_field?,
        results: results?,
    })
}

fn results(check: &mut Check<'_>, results: raw::Results) -> Option<ResultsSpec> {
    let path = values::optional(results.path, |path| values::dotted(check, &path));
    let status = values::dotted(check, &results.status);
    let reason = values::optional(results.reason, |path| values::dotted(check, &path));
    let code = values::optional(results.code, |path| values::dotted(check, &path));
    let order =
        result_order(check, results.index, results.key, results.record_key, results.ignore_case);
    let lists = [
        ("ok", results.ok.as_slice()),
        ("retry", &results.retry),
        ("duplicate", &results.duplicate),
    ];
    let words = distinct(check, &lists, |word| word.0.clone());
    let texts = |list: Vec<At<raw::Scalar>>| list.into_iter().map(|at| at.value.0).collect();
    words.then_some(())?;
    Some(ResultsSpec {
        path: path?.unwrap_or_default(),
        status: status?,
        code: code?,
        ok: texts(results.ok),
        retry: texts(results.retry),
        duplicate: texts(results.duplicate),
        reason: reason?,
        order: order?,
    })
}

/// How results find their records.
fn result_order(
    check: &mut Check<'_>,
    index: Option<At<raw::DottedPath>>,
    key: Option<At<raw::DottedPath>>,
    record_key: Option<At<raw::DottedPath>>,
    ignore_case: Option<At<bool>>,
) -> Option<ResultOrder> {
    if let (None, Some(ignore_case)) = (&key, &ignore_case) {
        let message = "`ignore_case` is about a result's `key`, which is not given";
        check.report.add(ignore_case.place, message, "remove it, or add `key:` and `record_key:`");
        return None;
    }
    match (index, key, record_key) {
        (None, None, None) => Some(ResultOrder::Same),
        (Some(index), None, None) => values::dotted(check, &index).map(ResultOrder::Index),
        (None, Some(key), Some(record_key)) => {
            let (result, record) =
                (values::dotted(check, &key), values::dotted(check, &record_key));
            let ignore_case = ignore_case.is_some_and(|at| at.value);
            Some(ResultOrder::Key { result: result?, record: record?, ignore_case })
        }
        (Some(index), ..) => {
            let message = "a result names its record by `index` or by `key`, not by both";
            check.report.add(index.place, message, "remove one");
            None
        }
        (None, Some(key), None) => {
            let message = "`key` does not say what of the record it names";
            check.report.add(key.place, message, "add `record_key:` with its path in the record");
            None
        }
        (None, None, Some(record_key)) => {
            let message = "`record_key` is what a result's `key` names, which is not given";
            check.report.add(record_key.place, message, "add `key:` with its path in a result");
            None
        }
    }
}

/// Whether no value stands in two of the lists: it could not mean both.
fn distinct<T>(
    check: &mut Check<'_>,
    lists: &[(&'static str, &[At<T>])],
    name: impl Fn(&T) -> String,
) -> bool {
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    let mut distinct = true;
    for (list, items) in lists {
        for item in *items {
            let value = name(&item.value);
            if let Some(before) = seen.insert(value.clone(), list) {
                let message = format!("`{value}` stands in `{before}` and in `{list}`");
                check.report.add(item.place, message, "keep it in one place");
                distinct = false;
            }
        }
    }
    distinct
}
