//! `batch`: many records in one body.

use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_core::ports::{Batching, Outgoing};

use super::results::{ResultReader, Results};
use super::{
    body::{Format, write_line},
    compose::Beside,
    envelope::{self, Envelope},
    idempotency::key_value,
    key::{KEY_BYTES, KeyMaker},
};
use crate::{
    error::ConnectError,
    file::{At, Fault, Findings, Site},
    http::Request,
    json::{quote, with},
    resolver::Resolver,
    value::{EnvelopedBatch, JsonPart, JsonTemplate, Path, Sent, template::Part},
};

const BYTES_DEFAULT: u64 = 1_000_000;

/// Many records in a request.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Batch {
    /// Most records in a request.
    #[schemars(range(min = 1, max = 10000))]
    size: u32,
    /// Most bytes in a request's body. Default 1 MB. A record that is larger by itself is parked.
    #[schemars(range(min = 1024, max = 104857600))]
    bytes_max: Option<u64>,
    /// The body is an object with the records at this path, dots between keys; left out: the body is the array.
    field: Option<Path>,
    /// The body as JSON, with the records where it says `${records}`, and constants beside them.
    #[schemars(example = serde_json::json!({ "records": "${records}", "typecast": true }))]
    envelope: Option<JsonTemplate<EnvelopedBatch>>,
    /// With `body: ndjson`, what stands on a line before each record; may hold `${record.…}`, `${body.…}` and
    /// `${idempotency_key}`.
    #[schemars(example = serde_json::json!({ "index": { "_id": "${record.id}" } }))]
    action: Option<JsonTemplate<Sent>>,
    /// With `action`, the line that a record which is a deletion is sent as, alone; left out: it is like the others.
    #[schemars(example = serde_json::json!({ "delete": { "_id": "${record.id}" } }))]
    delete_action: Option<JsonTemplate<Sent>>,
    /// Each record gets its idempotency key at this path; left out: it gets none, and where the header
    /// `idempotency_key` is sent, a request has records of one page only, so that a repeat is the same.
    key_field: Option<Path>,
    /// Where each record's own result stands; left out: the status is everyone's.
    results: Option<At<Results>>,
}

/// How records are put together.
pub(super) struct Bulk {
    records_max: usize,
    bytes_max: usize,
    /// What stands before the records, the opening bracket included; and behind them.
    open: String,
    close: String,
    /// The path to a record's key.
    key: Option<Vec<String>>,
    keys: KeyMaker,
    format: Format,
    action: Option<Envelope>,
    delete_action: Option<Envelope>,
    /// The method and the address, for keys.
    scope: String,
    pub(super) results: Option<ResultReader>,
}

impl Batch {
    /// What stands around the records.
    pub(super) fn envelope(&self) -> Option<&JsonPart> {
        self.envelope.as_ref().map(|envelope| &envelope.root)
    }

    /// The texts that the records fill in, each with where it stands.
    pub(super) fn texts(&self) -> impl Iterator<Item = (&crate::value::template::Template, &Site)> {
        let lines = [&self.action, &self.delete_action].into_iter().flatten();
        lines.flat_map(|line| line.root.texts().into_iter().map(|(text, _)| (text, &line.site)))
    }

    /// Whether a deletion has a line of its own.
    pub(super) fn delete_action(&self) -> Option<&Site> {
        self.delete_action.as_ref().map(|line| &line.site)
    }

    /// Notes keys that contradict each other.
    pub(super) fn check(&self, format: Format, findings: &mut Findings) {
        if let Some(envelope) = &self.envelope {
            envelope::check(envelope, &Part::Records, findings);
            if let Some(field) = &self.field {
                let message = "`field` and `envelope` both say where the records stand";
                findings.add(Fault::new(field.site.place, message, "remove one of the two"));
            }
        }
        self.check_lines(format, findings);
        if let Some(results) = &self.results {
            results.value.check(results.place, findings);
        }
    }

    fn check_lines(&self, format: Format, findings: &mut Findings) {
        let is_lines = format == Format::Ndjson;
        let field = self.field.as_ref().map(|it| ("field", &it.site, !is_lines));
        let envelope = self.envelope.as_ref().map(|it| ("envelope", &it.site, !is_lines));
        let action = self.action.as_ref().map(|it| ("action", &it.site, is_lines));
        let has_action = is_lines && self.action.is_some();
        let delete = self.delete_action.as_ref().map(|it| ("delete_action", &it.site, has_action));
        for (key, site, fits) in [field, envelope, action, delete].into_iter().flatten() {
            if !fits {
                let message = format!("`{key}` does nothing here");
                let remedy = "`field` and `envelope` are for one JSON text, `action` is for `body: \
                              ndjson`, and `delete_action` goes with `action`";
                findings.add(Fault::new(site.place, message, remedy));
            }
        }
    }

    /// Whether each record goes with a key of its own, as far as is known: an `action` may hold it.
    pub(super) fn sends_keys(&self) -> bool {
        self.key_field.is_some() || self.action.is_some()
    }

    /// Whether answers have a result for every record.
    pub(super) fn has_results(&self) -> bool {
        self.results.is_some()
    }
}

impl Bulk {
    /// The batch for a connection. `scope` is the method and the address.
    ///
    /// # Errors
    /// A value that the connection lacks.
    pub(super) fn new(
        batch: &Batch,
        format: Format,
        keys: KeyMaker,
        scope: String,
        resolver: &Resolver<'_>,
    ) -> Result<Self, ConnectError> {
        let envelope = match (&batch.envelope, &batch.field) {
            (Some(envelope), _) => Some(Envelope::new(envelope, resolver)?),
            (None, field) => field.as_ref().map(|path| Envelope::of_path(&path.keys)),
        };
        let (before, behind) = envelope.as_ref().map(Envelope::around).unwrap_or_default();
        let line = |action: &Option<JsonTemplate<Sent>>| {
            action.as_ref().map(|action| Envelope::new(action, resolver)).transpose()
        };
        let (action, delete_action) = (line(&batch.action)?, line(&batch.delete_action)?);
        let written = |part: &Option<Envelope>| {
            part.as_ref().map(|part| part.written.clone()).unwrap_or_default()
        };
        let scope = [
            scope,
            format!("{format:?}"),
            written(&envelope),
            written(&action),
            written(&delete_action),
        ];
        // The schema's ranges keep both far below any usize.
        let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        Ok(Self {
            records_max: size(batch.size.into()).max(1),
            bytes_max: size(batch.bytes_max.unwrap_or(BYTES_DEFAULT)),
            open: format!("{before}["),
            close: format!("]{behind}"),
            key: batch.key_field.as_ref().map(|field| field.keys.clone()),
            keys,
            format,
            action,
            delete_action,
            scope: scope.join("\n"),
            results: batch.results.as_ref().map(|results| ResultReader::new(&results.value)),
        })
    }

    /// How many records fit; `has_key` says whether the request carries a key of its own.
    pub(super) fn batching(&self, has_key: bool) -> Batching {
        // A comma behind each record but the last.
        let frame_bytes = (self.open.len() + self.close.len()).saturating_sub(1);
        // Beside the key itself, a comma and the objects that it stands in.
        let key_bytes = self.key.as_ref().map_or(0, |path| {
            path.iter().map(|key| quote(key).len() + 4).sum::<usize>() + KEY_BYTES
        });
        // What a record fills in is an id or the like.
        let action_bytes = self.action.as_ref().map_or(0, |action| action.written.len() + 1_024);
        Batching {
            records_max: self.records_max,
            bytes_max: self.bytes_max,
            frame_bytes,
            record_bytes: 1 + key_bytes + action_bytes,
            carries_keys: self.key.is_some(),
            known_as_a_whole: has_key && self.key.is_none(),
        }
    }

    /// The body for these records, or items that were split from `whole`; `deleted` says which of them are deletions.
    ///
    /// # Errors
    /// Why these records make no body.
    pub(super) fn body(
        &self,
        records: &[Outgoing],
        whole: Option<&[u8]>,
        deleted: impl Fn(&Outgoing) -> bool,
    ) -> Result<Vec<u8>, String> {
        let bytes: usize = records.iter().map(|record| record.body.len() + 80).sum();
        let mut body = Vec::with_capacity(bytes + self.open.len());
        if self.format == Format::Ndjson {
            for record in records {
                self.write_lines(record, whole, deleted(record), &mut body)?;
            }
            return Ok(body);
        }
        body.extend_from_slice(self.open.as_bytes());
        for (index, record) in records.iter().enumerate() {
            if index > 0 {
                body.push(b',');
            }
            let key = self.key.as_ref().map(|_| self.record_key(record)).unwrap_or_default();
            self.write(record, &key, &mut body);
        }
        body.extend_from_slice(self.close.as_bytes());
        self.format.encode(body)
    }

    /// Gives a request with these records its key.
    pub(super) fn sign(&self, request: &mut Request, records: &[Outgoing]) {
        if let Some(name) = &self.keys.header {
            let key = self.keys.of_bulk(records, &self.scope);
            request.headers.insert(name.clone(), key_value(&key));
        }
    }

    /// The key of one record.
    pub(super) fn record_key(&self, record: &Outgoing) -> String {
        self.keys.of_record(record, &self.scope, b"", None)
    }

    /// Whether a deletion has a line of its own.
    pub(super) fn has_deletions(&self) -> bool {
        self.delete_action.is_some()
    }

    fn write_lines(
        &self,
        record: &Outgoing,
        whole: Option<&[u8]>,
        deleted: bool,
        body: &mut Vec<u8>,
    ) -> Result<(), String> {
        let needs_key = self.key.is_some() || self.action.is_some();
        let key = if needs_key { self.record_key(record) } else { String::new() };
        let values = Beside { whole, ..Beside::default() }.values(record, &key);
        if let Some(action) = self.delete_action.as_ref().filter(|_| deleted) {
            write_line(&action.body(&values)?, body);
            return Ok(());
        }
        if let Some(action) = &self.action {
            write_line(&action.body(&values)?, body);
        }
        let mut json = Vec::new();
        self.write(record, &key, &mut json);
        write_line(&json, body);
        Ok(())
    }

    /// One record, with its key where it has a place.
    fn write(&self, record: &Outgoing, key: &str, body: &mut Vec<u8>) {
        let Some(path) = &self.key else { return body.extend_from_slice(&record.body) };
        let key = quote(key);
        if let [name] = path.as_slice() {
            return append(&record.body, name, &key, body);
        }
        match with(&record.body, path, &key) {
            Some(with_key) => body.extend_from_slice(&with_key),
            None => body.extend_from_slice(&record.body),
        }
    }
}

/// A record with its key at the end: of a key that stands twice, most parsers take the last.
fn append(record: &[u8], name: &str, key: &str, body: &mut Vec<u8>) {
    let inner = record.trim_ascii().strip_prefix(b"{").and_then(|rest| rest.strip_suffix(b"}"));
    let Some(inner) = inner else { return body.extend_from_slice(record) };
    body.push(b'{');
    body.extend_from_slice(inner);
    if !inner.trim_ascii().is_empty() {
        body.push(b',');
    }
    for text in [&quote(name), ":", key, "}"] {
        body.extend_from_slice(text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;
    use tidegate_core::model::{RecordId, Version};

    use super::super::{idempotency::IdempotencyKey, key::Idempotency};
    use super::*;
    use crate::{Connection, testing::section};

    fn record(key: &str, body: &'static str) -> Outgoing {
        Outgoing {
            id: RecordId::Number(1),
            version: Version(0),
            deleted: false,
            key: key.into(),
            body: bytes::Bytes::from_static(body.as_bytes()),
            source: bytes::Bytes::new(),
        }
    }

    fn bulk(field: Option<&str>, key_field: Option<&str>) -> Bulk {
        let keys =
            json!({ "size": 10, "bytes_max": 1_000, "field": field, "key_field": key_field });
        let connection = Connection::default();
        let header = IdempotencyKey::default().header();
        let keys_of = Idempotency::default().keys(header);
        let scope = "POST https://b.example/y".to_owned();
        let (batch, resolver) = (section(keys), Resolver::new(&connection));
        Bulk::new(&batch, Format::Json, keys_of, scope, &resolver).unwrap()
    }

    #[test]
    fn records_are_put_into_an_array_or_under_a_field_each_with_its_key() {
        let records = [record("k\"1", r#"{"a":1}"#), record("k2", " { } "), record("k3", "[1]")];
        let text =
            |bulk: &Bulk| String::from_utf8(bulk.body(&records, None, |_| false).unwrap()).unwrap();
        assert_eq!(text(&bulk(None, None)), r#"[{"a":1}, { } ,[1]]"#);
        let keyed = text(&bulk(Some("items"), Some("key")));
        let keyed: serde_json::Value = serde_json::from_str(&keyed).unwrap();
        let keys = [&records[0], &records[1]].map(|it| bulk(None, Some("key")).record_key(it));
        assert!(keys[0].starts_with("k\"1.") && keys[1].starts_with("k2."), "{keys:?}");
        let one = bulk(Some("items"), Some("key")).record_key(&records[0]);
        assert_eq!(keyed["items"][0], json!({ "a": 1, "key": one }));
        assert_eq!(keyed["items"][2], json!([1]));
    }

    #[test]
    fn a_repeat_is_known_by_the_whole_where_no_record_has_a_key() {
        for (key_field, has_key, whole) in [
            (None, true, true),
            (None, false, false),
            (Some("key"), true, false),
            (Some("key"), false, false),
        ] {
            let batching = bulk(None, key_field).batching(has_key);
            assert_eq!(batching.known_as_a_whole, whole, "{key_field:?}, {has_key}");
        }
    }

    proptest! {
        /// What the application reckons with is no less than what is sent, and without keys just that.
        #[test]
        fn a_body_is_no_larger_than_was_reckoned(
            bodies in prop::collection::vec(
                prop_oneof![Just("{}".to_owned()), Just(" {\"a\":1} ".to_owned()), Just("[1]".to_owned()),
                    "[a-z]{0,20}".prop_map(|text| format!("{{\"b\":\"{text}\"}}"))],
                1..20,
            ),
            key in "\\PC{0,20}|[\"\\\\\u{1}\u{1f}\n]{0,9}",
            field in prop::option::of("[a-z]{1,9}(\\.[a-z]{1,9})?"),
            key_field in prop::option::of("[a-z]{1,9}(\\.[a-z]{1,9})?"),
        ) {
            let bulk = bulk(field.as_deref(), key_field.as_deref());
            let records: Vec<Outgoing> = bodies
                .iter()
                .map(|body| Outgoing { body: body.clone().into(), ..record(&key, "") })
                .collect();
            let batching = bulk.batching(true);
            let reckoned: usize =
                records.iter().map(|record| batching.bytes_of(record.body.len(), &record.key)).sum();
            let reckoned = batching.frame_bytes + reckoned;
            let body = bulk.body(&records, None, |_| false).unwrap();
            prop_assert!(body.len() <= reckoned, "{} > {reckoned}", body.len());
            if key_field.is_none() {
                prop_assert_eq!(body.len(), reckoned);
            }
        }
    }

    #[test]
    fn a_bulks_key_is_stable_and_tells_bulks_apart() {
        let key = |records: &[Outgoing]| {
            let bulk = bulk(None, None);
            bulk.keys.of_bulk(records, &bulk.scope)
        };
        let one = [record("a", "{}"), record("b", "{}")];
        assert_eq!(key(&one), key(&one.clone()));
        assert_ne!(key(&one), key(&[record("ab", "{}")]));
        assert_ne!(key(&one), key(&one[..1]));
        assert_ne!(key(&one), key(&[record("a", "{}"), record("b", "[]")]));
    }
}
