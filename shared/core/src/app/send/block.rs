//! Requests that are the same at every repeat.
//!
//! Where a destination knows a repeat by the key of the whole request alone, a key over the request's
//! records, whatever is sent again after an unknown outcome must be with the records that it was with.
//! So pages are not mixed, and each is cut at fixed places: into blocks of as many records as a request
//! takes, and those by their bytes, as if none of their records were settled yet.
//!
//! Only what is settled meanwhile drops out: a request that was not answered has all of its records still,
//! and keeps its key; one that was answered in part gets another.

use std::collections::HashSet;

use super::{
    packing::{Bodies, Packing},
    unit::{Chunk, Item, Place, Places},
};
use crate::ports::Outgoing;

impl Packing<'_> {
    /// Takes the records of one request: what is left of the next piece of a page.
    pub(super) fn block(&self, places: &mut impl Places) -> Chunk {
        let mut chunk = Chunk::default();
        let Some(Place { page, index: first }) = places.peek() else { return chunk };
        let size = u32::try_from(self.block_size()).unwrap_or(u32::MAX);
        let begin = first - first % size;
        let end = begin.saturating_add(size);
        // What comes before it in its block is settled, or was cut off by an earlier request.
        let cut = *places.cut(page);
        let begin = if (begin..=first).contains(&cut) { cut } else { begin };
        let (mut items, mut bodies) = (Vec::new(), Bodies::of(self.flow));
        let mut index = begin;
        // Those that are settled meanwhile, too: the piece ends where it did.
        let mut entities = HashSet::new();
        while let Some(next) = places.peek().filter(|next| next.page == page && next.index < end) {
            let place = Place { page, index };
            let item = self.item(place);
            let record = self.record(place);
            let has_room = if self.ends_before(&entities, record) {
                false
            } else if next == place {
                match bodies.write(record, &item.record.key, None) {
                    None => false,
                    Some(Ok(())) => {
                        items.push(item);
                        true
                    }
                    Some(Err(outcome)) => {
                        chunk.decided.push((place, outcome));
                        true
                    }
                }
            } else {
                bodies.leave_room(record, &item.record.key)
            };
            if !has_room {
                *places.cut(page) = index;
                entities.clear();
                if !items.is_empty() {
                    break;
                }
                // All of the piece before is settled.
                bodies = Bodies::of(self.flow);
                continue;
            }
            if next == place {
                places.take();
            }
            entities.insert(&record.id);
            index += 1;
        }
        chunk.items = bodies.into_items(items, self);
        chunk
    }

    /// Most records of a block.
    pub(super) fn block_size(&self) -> usize {
        let records_max = self.flow.destination.batching().records_max;
        let keys_max = self.flow.lookup.as_ref().map_or(usize::MAX, |lookup| lookup.keys_max());
        records_max.min(keys_max).max(1)
    }

    /// Which block a record belongs to: its page, and which of it. The same for all where it makes no
    /// difference.
    pub(super) fn block_of(&self, place: Place) -> (usize, usize) {
        if !self.flow.destination.batching().known_as_a_whole {
            return (0, 0);
        }
        (place.page, place.index as usize / self.block_size())
    }

    /// Those that may have been applied go out by themselves: with others, they would be another request
    /// than they were.
    pub(super) fn apart(
        &self,
        items: Vec<Item<Outgoing>>,
    ) -> (Vec<Item<Outgoing>>, Vec<Item<Outgoing>>) {
        let is_repeat = |item: &Item<Outgoing>| item.maybe_applied();
        if !self.flow.destination.batching().known_as_a_whole || !items.iter().any(is_repeat) {
            return (items, Vec::new());
        }
        items.into_iter().partition(is_repeat)
    }
}

#[cfg(test)]
mod tests;
