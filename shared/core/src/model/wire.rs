//! Queue messages: a JSON envelope, with a page's records packed where that makes the body smaller.
//!
//! A body is `{"page": {…}}` or `{"replay": {…}}`. A page's records are either plain,
//! `"records": [{"id": 1, "version": 0, "data": {…}}]`, which a person can write by hand, or
//! `"packed": "…"`: base64 of LZ4 of a length-prefixed frame a record. The queue bills a batch by
//! its size, so a page above 4 KiB is packed: a third to a fifth of the bytes, and no
//! JSON inside JSON to escape, hash and parse again.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Emission, Fence, PageNumber, Position, RecordId, RecordKey, StreamId, Version};

/// Most bytes of bodies in one send to the queue; a little under its own 1 MiB.
pub const BODIES_BYTES_MAX: usize = 1_000_000;
/// Smaller pages travel as they are.
const PACK_FROM_BYTES: usize = 4 * 1024;
/// What an unpacked page may come to; a larger claim is refused before memory is taken for it.
const UNPACKED_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What a queue message asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// Deliver a page's records.
    Page(PageMessage),
    /// Try parked records again.
    Replay(ReplayMessage),
}

/// One emission of one page.
#[derive(Debug, Clone, PartialEq)]
pub struct PageMessage {
    /// Its stream.
    pub stream: StreamId,
    /// Its number.
    pub number: PageNumber,
    /// This sending's name.
    pub emission: Emission,
    /// The lease under which it was sent.
    pub fence: Fence,
    /// Where the page begins.
    pub from: Position,
    /// Where it ends.
    pub to: Position,
    /// Its records, in the source's order.
    pub records: Vec<WireRecord>,
}

/// A record in a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireRecord {
    /// The entity's id.
    pub id: RecordId,
    /// Its version.
    pub version: Version,
    /// Whether it is the entity's deletion.
    pub deleted: bool,
    /// The record's JSON.
    pub data: Bytes,
}

impl WireRecord {
    /// What names it within its stream.
    pub fn key(&self) -> RecordKey {
        RecordKey { id: self.id.clone(), version: self.version }
    }
}

/// Parked records to be tried again.
#[derive(Debug, Clone, PartialEq)]
pub struct ReplayMessage {
    /// Their stream.
    pub stream: StreamId,
    /// Which ones.
    pub keys: Vec<RecordKey>,
}

/// Why a body is no message.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The envelope is not what this version writes.
    #[error("the message is no Tidegate message: {0}")]
    Envelope(#[from] serde_json::Error),
    /// The packed records are damaged.
    #[error("the message's packed records are damaged: {0}")]
    Packed(String),
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
    packed: Option<std::borrow::Cow<'a, str>>,
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
}

impl Message {
    /// The stream that it is for.
    pub fn stream(&self) -> &StreamId {
        match self {
            Self::Page(page) => &page.stream,
            Self::Replay(replay) => &replay.stream,
        }
    }

    /// The message's body.
    pub fn encode(&self) -> Result<String, WireError> {
        let envelope = match self {
            Self::Page(page) => return page.encode(),
            Self::Replay(replay) => Envelope::Replay(ReplayEnvelope {
                stream: replay.stream.clone(),
                keys: replay.keys.iter().map(|key| (key.id.clone(), key.version)).collect(),
            }),
        };
        Ok(serde_json::to_string(&envelope)?)
    }

    /// Reads a body. The records' bytes are slices of one buffer.
    pub fn decode(body: &str) -> Result<Self, WireError> {
        Ok(match serde_json::from_str(body)? {
            Envelope::Replay(replay) => Self::Replay(ReplayMessage {
                stream: replay.stream,
                keys: replay
                    .keys
                    .into_iter()
                    .map(|(id, version)| RecordKey { id, version })
                    .collect(),
            }),
            Envelope::Page(page) => {
                let records = match (page.records, page.packed) {
                    (Some(plain), None) => plain.into_iter().map(WireRecord::from).collect(),
                    (None, Some(packed)) => unpack(&packed)?,
                    _ => return Err(damaged("either `records` or `packed` is needed")),
                };
                Self::Page(PageMessage {
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
}

impl PageMessage {
    fn encode(&self) -> Result<String, WireError> {
        let plain_bytes: usize = self.records.iter().map(|record| record.data.len()).sum();
        let packed = plain_bytes >= PACK_FROM_BYTES;
        let records = if packed {
            None
        } else {
            let plain = |record| PlainRecord::try_from(record);
            Some(self.records.iter().map(plain).collect::<Result<Vec<_>, _>>()?)
        };
        let envelope = Envelope::Page(PageEnvelope {
            stream: self.stream.clone(),
            n: self.number,
            emission: self.emission.clone(),
            fence: self.fence,
            from: self.from.clone(),
            to: self.to.clone(),
            records,
            packed: packed.then(|| pack(&self.records, plain_bytes).into()),
        });
        Ok(serde_json::to_string(&envelope)?)
    }
}

impl<'a> TryFrom<&'a WireRecord> for PlainRecord<'a> {
    type Error = serde_json::Error;

    fn try_from(record: &'a WireRecord) -> Result<Self, Self::Error> {
        let data = serde_json::from_slice(&record.data)?;
        let (version, deleted) = (record.version, record.deleted);
        Ok(Self { id: record.id.clone(), version, deleted, data })
    }
}

impl From<PlainRecord<'_>> for WireRecord {
    fn from(record: PlainRecord<'_>) -> Self {
        let data = Bytes::copy_from_slice(record.data.get().as_bytes());
        Self { id: record.id, version: record.version, deleted: record.deleted, data }
    }
}

// A frame: tag (0 number, 1 text; and 2 for a deletion), id (i64, or length u32 and bytes), version i64,
// length u32, data. All little-endian.

const NUMBER: u8 = 0;
const TEXT: u8 = 1;
const DELETED: u8 = 2;

fn pack(records: &[WireRecord], data_bytes: usize) -> String {
    let mut frames = Vec::with_capacity(data_bytes + records.len() * 32);
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).expect("a record is under 4 GiB");
    for record in records {
        let deleted = if record.deleted { DELETED } else { 0 };
        match &record.id {
            RecordId::Number(number) => {
                frames.push(NUMBER | deleted);
                frames.extend_from_slice(&number.to_le_bytes());
            }
            RecordId::Text(text) => {
                frames.push(TEXT | deleted);
                frames.extend_from_slice(&length(text.as_bytes()).to_le_bytes());
                frames.extend_from_slice(text.as_bytes());
            }
        }
        frames.extend_from_slice(&record.version.0.to_le_bytes());
        frames.extend_from_slice(&length(&record.data).to_le_bytes());
        frames.extend_from_slice(&record.data);
    }
    STANDARD.encode(lz4_flex::block::compress_prepend_size(&frames))
}

fn unpack(packed: &str) -> Result<Vec<WireRecord>, WireError> {
    let compressed = STANDARD.decode(packed).map_err(damaged)?;
    let (size, block) = lz4_flex::block::uncompressed_size(&compressed).map_err(damaged)?;
    if size > UNPACKED_BYTES_MAX {
        return Err(damaged(format!("{size} bytes unpacked, at most {UNPACKED_BYTES_MAX}")));
    }
    let frames = lz4_flex::block::decompress(block, size).map_err(damaged)?;
    let mut frames = Frames { bytes: Bytes::from(frames) };
    let mut records = Vec::new();
    while !frames.bytes.is_empty() {
        records.push(frames.record()?);
    }
    Ok(records)
}

struct Frames {
    bytes: Bytes,
}

impl Frames {
    fn take(&mut self, count: usize) -> Result<Bytes, WireError> {
        if self.bytes.len() < count {
            return Err(damaged("a frame is cut off"));
        }
        Ok(self.bytes.split_to(count))
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        Ok(self.take(N)?.as_ref().try_into().expect("N bytes were taken"))
    }

    fn record(&mut self) -> Result<WireRecord, WireError> {
        let [tag] = self.fixed()?;
        let id = match tag & !DELETED {
            NUMBER => RecordId::Number(i64::from_le_bytes(self.fixed()?)),
            TEXT => {
                let length = u32::from_le_bytes(self.fixed()?) as usize;
                let text = self.take(length)?;
                RecordId::Text(std::str::from_utf8(&text).map_err(damaged)?.into())
            }
            _ => return Err(damaged(format!("unknown tag {tag}"))),
        };
        let version = Version(i64::from_le_bytes(self.fixed()?));
        let length = u32::from_le_bytes(self.fixed()?) as usize;
        Ok(WireRecord { id, version, deleted: tag & DELETED != 0, data: self.take(length)? })
    }
}

fn damaged(what: impl ToString) -> WireError {
    WireError::Packed(what.to_string())
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
            prop_assert_eq!(Message::decode(&message.encode().unwrap()).unwrap(), message);
        }

        #[test]
        fn damage_is_an_error_and_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = unpack(&STANDARD.encode(bytes));
        }
    }

    #[test]
    fn a_large_page_is_packed_well_under_its_plain_size() {
        let record = |id| WireRecord {
            id: RecordId::Number(id),
            version: Version(0),
            deleted: false,
            data: format!(r#"{{"id":{id},"customer":"somebody","status":"placed","total":12.5}}"#)
                .into(),
        };
        let records: Vec<_> = (0..100).map(record).collect();
        let plain: usize = records.iter().map(|record| record.data.len()).sum();
        let body = page(records).encode().unwrap();
        assert!(body.contains("\"packed\"") && body.len() < plain / 2, "{} of {plain}", body.len());
    }

    #[test]
    fn a_page_that_a_person_wrote_is_read() {
        let body = r#"{"page":{"stream":"orders/default","n":1,"emission":"by-hand","fence":1,
            "from":null,"to":{"id":2},"records":[{"id":2,"data":{"id": 2}}]}}"#;
        let Message::Page(page) = Message::decode(body).unwrap() else { panic!("a page") };
        assert_eq!(page.records[0].data.as_ref(), br#"{"id": 2}"#);
    }

    #[test]
    fn a_claim_of_gigabytes_is_refused_before_memory_is_taken() {
        let bomb = STANDARD.encode(u32::MAX.to_le_bytes());
        assert!(unpack(&bomb).unwrap_err().to_string().contains("at most"));
    }
}
