//! Parked records.
//!
//! A record's JSON stands in the item as text where it is small, for whoever looks at the table, and
//! packed (LZ4) above that. What is too large for an item is cut into parts beside it: see
//! [`super::parts`].

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use bytes::Bytes;
use tidegate_core::{
    model::{Parked, RecordId, RecordKey, StreamId, Version},
    ports::{ParkedStore, Unavailable},
};

use super::{
    Table,
    item::{Item, Read, bytes, damaged, number, text},
    key::{self, Key},
    parts::{Parts, pack, unpack},
};

type Answer<T> = Result<T, Unavailable>;

/// Up to here a record stands as plain text.
const PLAIN_BYTES_MAX: usize = 4 * 1_024;
/// Up to here a packed record stands in its own item; DynamoDB takes 400 KB with all attributes.
const PACKED_BYTES_MAX: usize = 350_000;

impl ParkedStore for Table {
    async fn park(&self, records: &[Parked]) -> Answer<()> {
        // By key, for a batch that names one twice is refused; of two, the last one is kept.
        let mut items = BTreeMap::new();
        let mut parts = BTreeMap::new();
        for record in records {
            let place = Key::parked(&record.stream, &record.key);
            let mut item = plain(record)?;
            if let Some(json) = small_text(&record.data) {
                item.insert("data".to_owned(), text(json));
            } else {
                let packed = pack(&record.data);
                if packed.len() <= PACKED_BYTES_MAX {
                    item.insert("packed".to_owned(), bytes(packed));
                } else {
                    let named = Parts::of(&packed);
                    item.insert("parts".to_owned(), text(named.encode()));
                    parts.extend(named.cut(&record.stream, &place.sk, &packed));
                }
            }
            items.insert(place, item);
            // Known as one that parks before its record can count as settled.
            items.insert(Key::parking(&record.stream), Item::new());
        }
        let whole = |items: BTreeMap<Key, Item>| {
            items.into_iter().map(|(place, mut item)| {
                item.extend(place.attributes());
                item
            })
        };
        // The parts first: a parked record that can be seen can be read.
        self.put_all(whole(parts).collect()).await?;
        self.put_all(whole(items).collect()).await
    }

    async fn parked(
        &self,
        stream: &StreamId,
        after: Option<&RecordKey>,
        limit: usize,
    ) -> Answer<Vec<Parked>> {
        let (pk, from) = (key::parked_pk(stream), start_after(after));
        let items = self.query(&pk, &from, key::PARKED_END, limit).await?;
        self.read_parked(stream, items).await
    }

    async fn parked_by_key(&self, stream: &StreamId, keys: &[RecordKey]) -> Answer<Vec<Parked>> {
        let places = keys.iter().map(|key| Key::parked(stream, key)).collect();
        let items = self.get_all(places).await?;
        let mut records = self.read_parked(stream, items).await?;
        records.sort_unstable_by(|left, right| left.key.cmp(&right.key));
        Ok(records)
    }

    async fn unpark(&self, stream: &StreamId, keys: &[RecordKey]) -> Answer<()> {
        let mut places: Vec<Key> = keys.iter().map(|key| Key::parked(stream, key)).collect();
        places.sort_unstable();
        places.dedup();
        let mut parts = Vec::new();
        for item in self.get_all(places.clone()).await? {
            parts.extend(parts_of(stream, &item)?);
        }
        // The records first: while one can be seen it can be read. A crash between the two leaves
        // parts that nothing names.
        self.delete_all(places).await?;
        self.delete_all(parts).await
    }
}

impl Table {
    /// The records of these items, in their order, with their parts put together.
    async fn read_parked(&self, stream: &StreamId, items: Vec<Item>) -> Answer<Vec<Parked>> {
        let mut places = Vec::new();
        for item in &items {
            places.extend(parts_of(stream, item)?);
        }
        let parts = self.get_all(places).await?;
        items.into_iter().map(|item| read(stream, &item, &parts)).collect()
    }
}

/// The sort key right after this record's; before the first one's without any.
pub fn start_after(after: Option<&RecordKey>) -> String {
    // No key continues another, so that a key and one more character is just after it.
    after.map_or_else(|| key::PARKED_BEGIN.to_owned(), |after| format!("{}!", key::parked(after)))
}

/// The keys of an item's parts; none where it has its data itself.
fn parts_of(stream: &StreamId, item: &Item) -> Answer<Vec<Key>> {
    match item.get("parts") {
        None => Ok(Vec::new()),
        Some(_) => Ok(Parts::decode(item.text("parts")?)?.keys(stream, item.text("sk")?)),
    }
}

fn small_text(data: &[u8]) -> Option<&str> {
    (data.len() <= PLAIN_BYTES_MAX).then(|| std::str::from_utf8(data).ok()).flatten()
}

/// All but the data.
fn plain(record: &Parked) -> Answer<Item> {
    let id =
        serde_json::to_string(&record.key.id).map_err(|error| Unavailable(error.to_string()))?;
    let mut item = Item::from(
        [
            ("id", text(id)),
            ("version", number(record.key.version.0)),
            ("reason", text(&*record.reason)),
            ("page", number(record.page)),
            ("parked_at_ms", number(record.parked_at_ms)),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    if record.deleted {
        item.insert("deleted".to_owned(), AttributeValue::Bool(true));
    }
    if let Some(status) = record.status {
        item.insert("status".to_owned(), number(status));
    }
    Ok(item)
}

fn read(stream: &StreamId, item: &Item, parts: &[Item]) -> Answer<Parked> {
    let id: RecordId = serde_json::from_str(item.text("id")?).map_err(|_| damaged("id"))?;
    let data = match (item.get("data"), item.get("packed")) {
        (Some(AttributeValue::S(json)), _) => Bytes::copy_from_slice(json.as_bytes()),
        (_, Some(AttributeValue::B(packed))) => unpack(packed.as_ref())?,
        _ => unpack(&Parts::join(&parts_of(stream, item)?, parts)?)?,
    };
    Ok(Parked {
        stream: stream.clone(),
        key: RecordKey { id, version: Version(item.number("version")?) },
        status: item.number_if_any("status")?,
        reason: item.text("reason")?.into(),
        page: item.number("page")?,
        deleted: item.contains_key("deleted"),
        parked_at_ms: item.number("parked_at_ms")?,
        data,
    })
}
