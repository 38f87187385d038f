//! `batch`: many records in one body.

use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_core::ports::{Batching, Outgoing};

use super::results::{ResultReader, Results};
use crate::{
    file::{At, Findings},
    json::quote,
    value::Name,
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
    /// The body is an object with the records under this key; left out: the body is the array.
    field: Option<Name>,
    /// Each record gets its idempotency key under this key; left out: it gets none, and where the header
    /// `idempotency_key` is sent, a request has records of one page only, so that a repeat is the same.
    key_field: Option<Name>,
    /// Where each record's own result stands; left out: the status is everyone's.
    results: Option<At<Results>>,
}

/// How records are put together.
pub(super) struct Bulk {
    records_max: usize,
    bytes_max: usize,
    /// `{"field":` or nothing.
    open: String,
    close: &'static str,
    /// `"field":`
    key: Option<String>,
    pub(super) results: Option<ResultReader>,
}

impl Batch {
    /// Notes keys that contradict each other.
    pub(super) fn check(&self, findings: &mut Findings) {
        if let Some(results) = &self.results {
            results.value.check(results.place, findings);
        }
    }

    /// Whether answers have a result for every record.
    pub(super) fn has_results(&self) -> bool {
        self.results.is_some()
    }
}

impl Bulk {
    pub(super) fn new(batch: &Batch) -> Self {
        let (open, close) = match &batch.field {
            Some(field) => (format!("{{{}:[", quote(&field.text)), "]}"),
            None => ("[".to_owned(), "]"),
        };
        // The schema's ranges keep both far below any usize.
        let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        Self {
            records_max: size(batch.size.into()).max(1),
            bytes_max: size(batch.bytes_max.unwrap_or(BYTES_DEFAULT)),
            open,
            close,
            key: batch.key_field.as_ref().map(|field| format!("{}:", quote(&field.text))),
            results: batch.results.as_ref().map(|results| ResultReader::new(&results.value)),
        }
    }

    /// How many records fit; `has_key` says whether the request carries a key of its own.
    pub(super) fn batching(&self, has_key: bool) -> Batching {
        // A comma behind each record but the last.
        let frame_bytes = (self.open.len() + self.close.len()).saturating_sub(1);
        // Within a record, one before its key.
        let key_bytes = self.key.as_ref().map_or(0, |field| field.len() + 1);
        Batching {
            records_max: self.records_max,
            bytes_max: self.bytes_max,
            frame_bytes,
            record_bytes: 1 + key_bytes,
            carries_keys: self.key.is_some(),
            known_as_a_whole: has_key && self.key.is_none(),
        }
    }

    /// The body for these records.
    pub(super) fn body(&self, records: &[Outgoing]) -> Vec<u8> {
        let bytes: usize = records.iter().map(|record| record.body.len() + 80).sum();
        let mut body = Vec::with_capacity(bytes + self.open.len());
        body.extend_from_slice(self.open.as_bytes());
        for (index, record) in records.iter().enumerate() {
            if index > 0 {
                body.push(b',');
            }
            self.write(record, &mut body);
        }
        body.extend_from_slice(self.close.as_bytes());
        body
    }

    /// One record, with its key at the end: of a key that stands twice, most parsers take the last.
    fn write(&self, record: &Outgoing, body: &mut Vec<u8>) {
        let object = record.body.trim_ascii();
        let inner = object.strip_prefix(b"{").and_then(|rest| rest.strip_suffix(b"}"));
        let (Some(field), Some(inner)) = (&self.key, inner) else {
            return body.extend_from_slice(&record.body);
        };
        body.push(b'{');
        body.extend_from_slice(inner);
        if !inner.trim_ascii().is_empty() {
            body.push(b',');
        }
        body.extend_from_slice(field.as_bytes());
        body.extend_from_slice(quote(&record.key).as_bytes());
        body.push(b'}');
    }
}

/// One key for a bulk: the same for the same records in the same order, by every build of every
/// version (FNV-1a, 128 bits).
pub(super) fn bulk_key(records: &[Outgoing]) -> String {
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let mut hash: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    for record in records {
        // A byte that is in no text parts the keys.
        for byte in record.key.bytes().chain([0xff]) {
            hash = (hash ^ u128::from(byte)).wrapping_mul(PRIME);
        }
    }
    format!("bulk-{hash:032x}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;
    use tidegate_core::model::{RecordId, Version};

    use super::*;
    use crate::testing::section;

    fn record(key: &str, body: &'static str) -> Outgoing {
        Outgoing {
            id: RecordId::Number(1),
            version: Version(0),
            deleted: false,
            key: key.into(),
            body: bytes::Bytes::from_static(body.as_bytes()),
        }
    }

    fn bulk(field: Option<&str>, key_field: Option<&str>) -> Bulk {
        let keys =
            json!({ "size": 10, "bytes_max": 1_000, "field": field, "key_field": key_field });
        Bulk::new(&section(keys))
    }

    #[test]
    fn records_are_put_into_an_array_or_under_a_field_each_with_its_key() {
        let records = [record("k\"1", r#"{"a":1}"#), record("k2", " { } "), record("k3", "[1]")];
        let text = |bulk: &Bulk| String::from_utf8(bulk.body(&records)).unwrap();
        assert_eq!(text(&bulk(None, None)), r#"[{"a":1}, { } ,[1]]"#);
        let keyed = text(&bulk(Some("items"), Some("key")));
        assert_eq!(keyed, r#"{"items":[{"a":1,"key":"k\"1"},{ "key":"k2"},[1]]}"#);
        assert!(serde_json::from_str::<serde_json::Value>(&keyed).is_ok());
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
            field in prop::option::of("[a-z\"]{1,9}"),
            key_field in prop::option::of("[a-z\"]{1,9}"),
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
            let body = bulk.body(&records);
            prop_assert!(body.len() <= reckoned, "{} > {reckoned}", body.len());
            if key_field.is_none() {
                prop_assert_eq!(body.len(), reckoned);
            }
        }
    }

    #[test]
    fn a_bulks_key_is_stable_and_tells_bulks_apart() {
        let one = [record("a", "{}"), record("b", "{}")];
        assert_eq!(bulk_key(&one), bulk_key(&one.clone()));
        assert_eq!(bulk_key(&[]), "bulk-6c62272e07bb014262b821756295c58d");
        assert_ne!(bulk_key(&one), bulk_key(&[record("ab", "{}")]));
        assert_ne!(bulk_key(&one), bulk_key(&one[..1]));
    }
}
