//! Requests that are the same at every repeat.
//!
//! Where a destination knows a repeat by the key of the whole request alone, a key over the request's
//! records, whatever is sent again after an unknown outcome must be with the records that it was with.
//! So pages are not mixed, and each is cut at fixed places: into blocks of as many records as a request
//! takes, and those by their bytes, as if none of their records were settled yet.
//!
//! Only what is settled meanwhile drops out: a request that was not answered has all of its records still,
//! and keeps its key; one that was answered in part gets another.

use super::{
    packing::{Bodies, Has, Packing},
    unit::{Chunk, Item, Place, Places},
};
use crate::ports::{Outgoing, Route};

impl Packing<'_> {
    /// Takes the records of one request: what is left of the next piece of a page. Those of other routes in it are
    /// no part of it; where nothing may overtake them, it ends before them.
    pub(super) fn block(&self, route: Route, mut chunk: Chunk, places: &mut impl Places) -> Chunk {
        let Some(Place { page, index: first }) = places.peek() else { return chunk };
        let size = u32::try_from(self.block_size()).unwrap_or(u32::MAX);
        let begin = first - first % size;
        let end = begin.saturating_add(size);
        let is_of_it = |index| self.route(Place { page, index }) == Ok(route);
        let run = || (begin..first).rev().find(|index| !is_of_it(*index)).map(|index| index + 1);
        let begin = if self.is_serial() { run().unwrap_or(begin) } else { begin };
        // What comes before it in its block is settled, or was cut off by an earlier request.
        let cut = *places.cut(page, route);
        let begin = if (begin..=first).contains(&cut) { cut } else { begin };
        let (mut items, mut bodies) = (Vec::new(), Bodies::of(self.flow, route));
        let (mut index, mut passed) = (begin, Vec::new());
        // Those that are settled meanwhile, too: the piece ends where it did.
        let mut has = Has::default();
        while let Some(next) = places.peek().filter(|next| next.page == page && next.index < end) {
            match self.route(next) {
                Ok(other) if other == route => {}
                _ if self.is_serial() => break,
                Ok(_) => {
                    passed.extend(places.take());
                    continue;
                }
                Err(outcome) => {
                    chunk.decided.extend(places.take().map(|place| (place, outcome)));
                    continue;
                }
            }
            if index < next.index && !is_of_it(index) {
                index += 1;
                continue;
            }
            let place = Place { page, index };
            let item = self.item(place);
            let record = self.record(place);
            let has_room = if self.ends_before(&has, record) || self.has_it(&has, record) {
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
                *places.cut(page, route) = index;
                has = Has::default();
                if !items.is_empty() {
                    break;
                }
                // All of the piece before is settled.
                bodies = Bodies::of(self.flow, route);
                continue;
            }
            if next == place {
                places.take();
            }
            self.goes_on(&mut has, record);
            index += 1;
        }
        places.put_back(passed);
        chunk.items = bodies.into_items(items, self);
        chunk
    }

    /// Most records of a block: as many as each route takes that is to have its records together.
    pub(super) fn block_size(&self) -> usize {
        let destination = &self.flow.destination;
        let batchings = (0..destination.routes()).map(|route| destination.batching(Route(route)));
        let records_max = batchings.filter(|it| it.known_as_a_whole).map(|it| it.records_max).min();
        let keys_max = self.flow.lookup.as_ref().map_or(usize::MAX, |lookup| lookup.keys_max());
        records_max.unwrap_or(1).min(keys_max).max(1)
    }

    /// Which block a record belongs to: its page, and which of it. The same for all where it makes no
    /// difference.
    pub(super) fn block_of(&self, place: Place) -> (usize, usize) {
        if !self.is_known_as_a_whole(place) {
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
        let whole = items.first().is_some_and(|item| self.is_known_as_a_whole(item.place));
        if !whole || !items.iter().any(is_repeat) {
            return (items, Vec::new());
        }
        items.into_iter().partition(is_repeat)
    }

    /// Whether the destination knows a repeat of this record by the key of its whole request alone.
    fn is_known_as_a_whole(&self, place: Place) -> bool {
        let batching = |route| self.flow.destination.batching(route);
        self.route(place).is_ok_and(|route| batching(route).known_as_a_whole)
    }
}

#[cfg(test)]
mod tests;
