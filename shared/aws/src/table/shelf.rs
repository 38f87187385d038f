//! Stored values: an item each.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use tidegate_core::{
    model::{Stored, StoredKey},
    ports::{BoxFuture, KeyValueStore, Swap, Unavailable},
};

use super::{
    Table,
    item::{Item, Read, bytes, damaged, number},
    key::Key,
    write::{Written, conditionally},
};

/// DynamoDB deletes an item some time after this; in seconds since 1970.
const TTL: &str = "expires_at";

type Answer<T> = Result<T, Unavailable>;

impl KeyValueStore for Table {
    fn get<'a>(&'a self, keys: &'a [StoredKey]) -> BoxFuture<'a, Answer<Vec<Option<Stored>>>> {
        Box::pin(async move {
            if let [key] = keys {
                let item = self.get(Key::shelf(key)).await?;
                return Ok(vec![item.as_ref().map(read).transpose()?]);
            }
            let items = self.get_all(keys.iter().map(Key::shelf).collect()).await?;
            let mut by_place = BTreeMap::new();
            for item in &items {
                by_place.insert(item.text("pk")?, item);
            }
            let kept = |key: &StoredKey| {
                by_place.get(Key::shelf(key).pk.as_str()).map(|item| read(item)).transpose()
            };
            keys.iter().map(kept).collect()
        })
    }

    fn put<'a>(&'a self, items: &'a [(StoredKey, Stored)]) -> BoxFuture<'a, Answer<()>> {
        Box::pin(async move {
            // By key, for a batch that names one twice is refused; the last one counts.
            let items: BTreeMap<Key, Item> = items
                .iter()
                .map(|(key, kept)| {
                    let place = Key::shelf(key);
                    let mut item = place.clone().attributes();
                    item.insert("kept".to_owned(), bytes(kept.value.to_vec()));
                    item.insert("expires_ms".to_owned(), number(kept.expires_ms));
                    item.insert(TTL.to_owned(), number(kept.expires_ms / 1_000 + 1));
                    (place, item)
                })
                .collect();
            self.put_all(items.into_values().collect()).await
        })
    }

    fn compare_and_swap<'a>(
        &'a self,
        key: &'a StoredKey,
        seen: Option<&'a Stored>,
        new: &'a Stored,
    ) -> BoxFuture<'a, Answer<Swap>> {
        Box::pin(async move {
            let update = self
                .update(Key::shelf(key))
                .update_expression("SET kept = :new, expires_ms = :ms, #ttl = :s")
                .expression_attribute_names("#ttl", TTL)
                .expression_attribute_values(":new", bytes(new.value.to_vec()))
                .expression_attribute_values(":ms", number(new.expires_ms))
                .expression_attribute_values(":s", number(new.expires_ms / 1_000 + 1));
            let update = match seen {
                None => update.condition_expression("attribute_not_exists(pk)"),
                Some(seen) => update
                    .condition_expression("kept = :seen")
                    .expression_attribute_values(":seen", bytes(seen.value.to_vec())),
            };
            let stands = match conditionally(update).await? {
                Written::Yes(_) => return Ok(Swap::Done),
                Written::No(item) => item.as_ref().map(read).transpose()?,
            };
            // Our own earlier try, whose answer was lost.
            let ours = stands.as_ref().is_some_and(|stands| stands.value == new.value);
            Ok(if ours { Swap::Done } else { Swap::Stands(stands) })
        })
    }
}

/// Reads a kept value.
pub fn read(item: &Item) -> Answer<Stored> {
    let Some(AttributeValue::B(value)) = item.get("kept") else { return Err(damaged("kept")) };
    let value = value.as_ref().to_vec().into();
    Ok(Stored { value, expires_ms: item.number("expires_ms")? })
}
