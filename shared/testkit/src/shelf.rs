//! Kept values in memory.

use tidegate_core::{
    model::{Kept, ShelfKey},
    ports::{BoxFuture, Shelf, Swap, Unavailable},
};

use crate::{lock::lock, store::MemoryStore};

impl MemoryStore {
    /// What [`Shelf::kept`] answers, at once.
    pub fn kept_now(&self, keys: &[ShelfKey]) -> Vec<Option<Kept>> {
        let items = lock(&self.shelf);
        keys.iter().map(|key| items.get(key).cloned()).collect()
    }

    /// What [`Shelf::keep`] does, at once.
    pub fn keep_now(&self, items: &[(ShelfKey, Kept)]) {
        lock(&self.shelf).extend(items.iter().cloned());
    }

    /// What [`Shelf::swap`] does, at once.
    pub fn swap_now(&self, key: &ShelfKey, seen: Option<&Kept>, new: &Kept) -> Swap {
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

impl Shelf for MemoryStore {
    fn kept<'a>(
        &'a self,
        keys: &'a [ShelfKey],
    ) -> BoxFuture<'a, Result<Vec<Option<Kept>>, Unavailable>> {
        Box::pin(async move { Ok(self.kept_now(keys)) })
    }

    fn keep<'a>(&'a self, items: &'a [(ShelfKey, Kept)]) -> BoxFuture<'a, Result<(), Unavailable>> {
        Box::pin(async move {
            self.keep_now(items);
            Ok(())
        })
    }

    fn swap<'a>(
        &'a self,
        key: &'a ShelfKey,
        seen: Option<&'a Kept>,
        new: &'a Kept,
    ) -> BoxFuture<'a, Result<Swap, Unavailable>> {
        Box::pin(async move { Ok(self.swap_now(key, seen, new)) })
    }
}
