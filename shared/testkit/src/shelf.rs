//! Stored values in memory.

use tidegate_core::{
    model::{Stored, StoredKey},
    ports::{BoxFuture, KeyValueStore, Swap, Unavailable},
};

use crate::{lock::lock, store::MemoryStore};

impl MemoryStore {
    /// What [`KeyValueStore::get`] answers, at once.
    pub fn get_now(&self, keys: &[StoredKey]) -> Vec<Option<Stored>> {
        let items = lock(&self.shelf);
        keys.iter().map(|key| items.get(key).cloned()).collect()
    }

    /// What [`KeyValueStore::put`] does, at once.
    pub fn put_now(&self, items: &[(StoredKey, Stored)]) {
        lock(&self.shelf).extend(items.iter().cloned());
    }

    /// What [`KeyValueStore::compare_and_swap`] does, at once.
    pub fn swap_now(&self, key: &StoredKey, seen: Option<&Stored>, new: &Stored) -> Swap {
        let mut items = lock(&self.shelf);
        let stands = items.get(key);
        if stands.is_some_and(|stands| stands.value == new.value) {
            return Swap::Done;
        }
        if stands.map(|stands| &stands.value) != seen.map(|seen| &seen.value) {
            return Swap::Stands(stands.cloned());
        }
        items.insert(key.clone(), new.clone());
        Swap::Done
    }
}

impl KeyValueStore for MemoryStore {
    fn get<'a>(
        &'a self,
        keys: &'a [StoredKey],
    ) -> BoxFuture<'a, Result<Vec<Option<Stored>>, Unavailable>> {
        Box::pin(async move { Ok(self.get_now(keys)) })
    }

    fn put<'a>(
        &'a self,
        items: &'a [(StoredKey, Stored)],
    ) -> BoxFuture<'a, Result<(), Unavailable>> {
        Box::pin(async move {
            self.put_now(items);
            Ok(())
        })
    }

    fn compare_and_swap<'a>(
        &'a self,
        key: &'a StoredKey,
        seen: Option<&'a Stored>,
        new: &'a Stored,
    ) -> BoxFuture<'a, Result<Swap, Unavailable>> {
        Box::pin(async move { Ok(self.swap_now(key, seen, new)) })
    }
}
