//! Records in hand, noted before they are handled: an item each, gone when its processor lived on.

use std::collections::{BTreeMap, BTreeSet};

use tidegate_core::{
    model::{RecordKey, StreamId},
    ports::{Suspects, Unavailable},
};

use super::{
    Table,
    item::{Item, Read, number},
    key::Key,
};

type Answer<T> = Result<T, Unavailable>;

impl Suspects for Table {
    async fn suspects(
        &self,
        stream: &StreamId,
        generation: u64,
        keys: &[RecordKey],
    ) -> Answer<Vec<(RecordKey, u32)>> {
        let places = keys.iter().map(|key| Key::suspect(stream, generation, key)).collect();
        let items = self.get_all(places).await?;
        let mut known = Vec::with_capacity(items.len());
        for key in keys {
            let place = Key::suspect(stream, generation, key);
            if let Some(item) = items.iter().find(|item| place.is_of(item)) {
                known.push((key.clone(), item.number("deaths")?));
            }
        }
        Ok(known)
    }

    async fn suspect(
        &self,
        stream: &StreamId,
        generation: u64,
        records: &[(RecordKey, u32)],
    ) -> Answer<()> {
        // By key, for a batch that names one twice is refused.
        let items: BTreeMap<Key, Item> = records
            .iter()
            .map(|(key, deaths)| {
                let place = Key::suspect(stream, generation, key);
                let mut item = place.clone().attributes();
                item.insert("deaths".to_owned(), number(deaths));
                (place, item)
            })
            .collect();
        self.put_all(items.into_values().collect()).await
    }

    async fn clear_suspects(
        &self,
        stream: &StreamId,
        generation: u64,
        keys: &[RecordKey],
    ) -> Answer<()> {
        let places: BTreeSet<Key> =
            keys.iter().map(|key| Key::suspect(stream, generation, key)).collect();
        self.delete_all(places.into_iter().collect()).await
    }
}
