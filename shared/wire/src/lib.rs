//! How a message travels over a queue: a JSON envelope, with a page's records packed where that makes the
//! body smaller.
//!
//! A body is `{"page": {…}}` or `{"replay": {…}}`. A page's records are either plain,
//! `"records": [{"id": 1, "version": 0, "data": {…}}]`, which a person can write by hand, or
//! `"packed": "…"`: base64 of LZ4 of a length-prefixed frame a record. The queue bills a batch by
//! its size, so a page above 4 KiB is packed: a third to a fifth of the bytes, and no
//! JSON inside JSON to escape, hash and parse again.
//!
//! The core says what is in a message and never how it is written: queues encode with [`encode`], and what
//! receives from them decodes with [`decode`].

mod error;
mod pack;

use std::borrow::Cow;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tidegate_core::model::{
    Emission, EpochMs, Fence, Message, PageMessage, PageNumber, Position, RecordId, RecordKey,
    ReplayMessage, StreamId, Version, WireRecord,
};

pub use error::WireError;

/// Smaller pages travel as they are.
const PACK_FROM_BYTES: usize = 4 * 1024;
/// What a page's body may hold beside its records' data.
const ENVELOPE_BYTES_MAX: usize = 64 * 1024;

/// Most bytes of records' data in a page whose body may have so many bytes: data that does not shrink is a
/// third more in base64.
pub const fn page_bytes_max(body_bytes_max: usize) -> usize {
    body_bytes_max / 4 * 3 - ENVELOPE_BYTES_MAX
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Envelope<'a> {
    #[serde(borrow)]
    Page(PageEnvelope<'a>),
    Replay(ReplayEnvelope),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PageEnvelope<'a> {
    stream: StreamId,
    n: PageNumber,
    emission: Emission,
    fence: Fence,
    from: Position,
    to: Position,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    records: Option<Vec<PlainRecord<'a>>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    packed: Option<Cow<'a, str>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlainRecord<'a> {
    id: RecordId,
    #[serde(default)]
    version: Version,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    deleted: bool,
    #[serde(borrow)]
    data: &'a RawValue,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReplayEnvelope {
    stream: StreamId,
    keys: Vec<(RecordId, Version)>,
    /// Without it, nothing is known to have been looked for.
    #[serde(default)]
    asked_ms: EpochMs,
}

/// The body of a message.
///
/// # Panics
/// Where a record's data is no JSON, which it is from the source on.
pub fn encode(message: &Message) -> String {
    let envelope = match message {
        Message::Page(page) => Envelope::Page(page_envelope(page)),
        Message::Replay(replay) => Envelope::Replay(ReplayEnvelope {
            stream: replay.stream.clone(),
            keys: replay.keys.iter().map(|key| (key.id.clone(), key.version)).collect(),
            asked_ms: replay.asked_ms,
        }),
    };
    serde_json::to_string(&envelope).expect("an envelope is plain data")
}

/// Reads a body. The bytes of packed records are slices of one buffer.
pub fn decode(body: &str) -> Result<Message, WireError> {
    Ok(match serde_json::from_str(body)? {
        Envelope::Replay(replay) => Message::Replay(ReplayMessage {
            stream: replay.stream,
            keys: replay.keys.into_iter().map(|(id, version)| RecordKey { id, version }).collect(),
            asked_ms: replay.asked_ms,
        }),
        Envelope::Page(page) => {
            let records = match (page.records, page.packed) {
                (Some(plain), None) => plain.into_iter().map(WireRecord::from).collect(),
                (None, Some(packed)) => pack::unpack(&packed)?,
                _ => return Err(error::damaged("either `records` or `packed` is needed")),
            };
            Message::Page(PageMessage {
                stream: page.stream,
                number: page.n,
                emission: page.emission,
                fence: page.fence,
                from: page.from,
                to: page.to,
                records,
            })
        }
    })
}

fn page_envelope(page: &PageMessage) -> PageEnvelope<'_> {
    let data_bytes: usize = page.records.iter().map(|record| record.data.len()).sum();
    let (records, packed) = if data_bytes >= PACK_FROM_BYTES {
        (None, Some(pack::pack(&page.records, data_bytes).into()))
    } else {
        (Some(page.records.iter().map(PlainRecord::from).collect()), None)
    };
    PageEnvelope {
        stream: page.stream.clone(),
        n: page.number,
        emission: page.emission.clone(),
        fence: page.fence,
        from: page.from.clone(),
        to: page.to.clone(),
        records,
        packed,
    }
}

impl<'a> From<&'a WireRecord> for PlainRecord<'a> {
    fn from(record: &'a WireRecord) -> Self {
        let data = serde_json::from_slice(&record.data).expect("the source gave JSON");
        let (version, deleted) = (record.version, record.deleted);
        Self { id: record.id.clone(), version, deleted, data }
    }
}

impl From<PlainRecord<'_>> for WireRecord {
    fn from(record: PlainRecord<'_>) -> Self {
        let data = Bytes::copy_from_slice(record.data.get().as_bytes());
        Self { id: record.id, version: record.version, deleted: record.deleted, data }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn page(records: Vec<WireRecord>) -> Message {
        Message::Page(PageMessage {
            stream: StreamId::new("orders", "default").unwrap(),
            number: 7,
            emission: Emission("e-1".into()),
            fence: 3,
            from: Position::Start,
            to: Position::Start,
            records,
        })
    }

    fn any_record() -> impl Strategy<Value = WireRecord> {
        let id = prop_oneof![
            any::<i64>().prop_map(RecordId::Number),
            ".{0,12}".prop_map(|text| RecordId::Text(text.into()))
        ];
        (id, any::<i64>(), any::<bool>(), "[ -~é]{0,200}").prop_map(
            |(id, version, deleted, text)| {
                let data = serde_json::to_vec(&text).unwrap().into();
                WireRecord { id, version: Version(version), deleted, data }
            },
        )
    }

    proptest! {
        #[test]
        fn a_body_reads_back_what_was_sent(records in prop::collection::vec(any_record(), 0..80)) {
            let message = page(records);
            prop_assert_eq!(decode(&encode(&message)).unwrap(), message);
        }
    }

    #[test]
    fn a_large_page_is_packed_well_under_its_plain_size() {
        let record = |id| WireRecord {
            id: RecordId::Number(id),
            version: Version(0),
            deleted: false,
            data: format!(
                r#"{{"id":{id},"customer":"Miss Example","status":"placed","total":12.5}}"#
            )
            .into(),
        };
        let records: Vec<_> = (0..100).map(record).collect();
        let plain: usize = records.iter().map(|record| record.data.len()).sum();
        let body = encode(&page(records));
        assert!(body.contains("\"packed\"") && body.len() < plain / 2, "{} of {plain}", body.len());
    }

    #[test]
    fn a_page_that_a_person_wrote_is_read() {
        let body = r#"{"page":{"stream":"orders/default","n":1,"emission":"by-hand","fence":1,
            "from":null,"to":{"id":2},"records":[{"id":2,"data":{"id": 2}}]}}"#;
        let Message::Page(page) = decode(body).unwrap() else { panic!("a page") };
        assert_eq!(page.records[0].data.as_ref(), br#"{"id": 2}"#);
    }
}
