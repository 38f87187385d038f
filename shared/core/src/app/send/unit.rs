//! What is done with one request.

use std::collections::HashSet;

use bytes::Bytes;

use super::{Flow, Sender};
use crate::{
    decide::idempotency_key,
    model::{Outcome, RequestKind, SkipReason, StreamId, WireRecord},
    ports::{Batching, Found, Lookup, Outgoing, Transformed},
};

/// Records with a key that the group has already: so many are passed over for the sake of others.
const PUT_BACK_MAX: usize = 1_000;

/// Where a record stands: in which of the invocation's pages, and where in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::app) struct Place {
    pub page: usize,
    pub index: u32,
}

/// A record on its way.
pub(in crate::app) struct Item {
    pub place: Place,
    pub record: Outgoing,
    /// It was claimed before, and nobody knows what came of it.
    pub doubt: bool,
}

/// Records that go out in one request.
#[derive(Default)]
pub(in crate::app) struct Chunk {
    pub items: Vec<Item>,
    /// Settled without a request: filtered, unchanged, or refused by the transform.
    pub decided: Vec<(Place, Outcome)>,
    /// The owner of their claims, where they are claimed already.
    pub claim: Option<Box<str>>,
}

impl Chunk {
    /// Gives each of its items its body.
    pub(super) fn fill(&mut self, bodies: Bodies<'_>) {
        for (item, body) in self.items.iter_mut().zip(bodies.into_bodies()) {
            item.record.body = body;
        }
    }
}

/// Records that are looked up in one request.
#[derive(Default)]
pub(in crate::app) struct Group {
    /// Not transformed yet.
    pub items: Vec<Item>,
    pub decided: Vec<(Place, Outcome)>,
    pub claim: Option<Box<str>>,
    /// What each is looked up by, with what is known of it.
    pub keys: Vec<Option<(Box<str>, Option<Found>)>>,
}

impl Group {
    /// Its two halves.
    pub fn halves(self) -> [Self; 2] {
        let Self { mut items, decided, claim, mut keys } = self;
        let half = items.len() / 2;
        let second = Self {
            items: items.split_off(half),
            decided: Vec::new(),
            claim: claim.clone(),
            keys: keys.split_off(half),
        };
        [Self { items, decided, claim, keys }, second]
    }
}

/// What is done with one request.
pub(in crate::app) enum Unit {
    Send(Chunk),
    LookUp(Group),
    /// Whether the destination has it: it was claimed by this owner, and nobody knows what came of an
    /// earlier claim.
    Ask(Item, Box<str>),
}

impl Unit {
    /// What its request is for.
    pub fn kind(&self) -> RequestKind {
        match self {
            Self::LookUp(_) => RequestKind::LookUp,
            Self::Send(_) | Self::Ask(..) => RequestKind::Deliver,
        }
    }

    /// Whether nothing is left to be done for it.
    pub fn is_decided(&self) -> bool {
        matches!(self, Self::Send(chunk) if chunk.items.is_empty())
    }

    /// The pages that it has records of, each once.
    pub fn pages(&self) -> Vec<usize> {
        let mut pages: Vec<usize> = match self {
            Self::Send(Chunk { items, decided, .. })
            | Self::LookUp(Group { items, decided, .. }) => {
                let decided = decided.iter().map(|(place, _)| place.page);
                items.iter().map(|item| item.place.page).chain(decided).collect()
            }
            Self::Ask(item, _) => vec![item.place.page],
        };
        pages.sort_unstable();
        pages.dedup();
        pages
    }
}

/// Records that are left, in the order in which they are to be sent.
pub(in crate::app) trait Places {
    fn peek(&mut self) -> Option<Place>;
    fn take(&mut self) -> Option<Place>;
    /// These come first again, in this order.
    fn put_back(&mut self, places: Vec<Place>);
    /// Where the bytes of a page's last request had their end, and those of the next begin.
    fn cut(&mut self, page: usize) -> &mut u32;
}

/// Bodies of one request, in one buffer.
pub(super) struct Bodies<'a> {
    flow: &'a Flow,
    batching: Batching,
    buffer: Vec<u8>,
    spans: Vec<std::ops::Range<usize>>,
    /// Of the request, as far as it goes.
    bytes: usize,
}

impl<'a> Bodies<'a> {
    pub(super) fn of(flow: &'a Flow) -> Self {
        let batching = flow.destination.batching();
        let bytes = batching.frame_bytes;
        Self { flow, batching, buffer: Vec::new(), spans: Vec::new(), bytes }
    }

    /// Whether a record more would have room, as far as can be told before it is written.
    fn has_room(&self) -> bool {
        self.spans.len() < self.batching.records_max.max(1)
    }

    /// Writes a record. `None`: it goes first into the next request.
    pub(super) fn write(
        &mut self,
        record: &WireRecord,
        key: &str,
        found: Option<&[u8]>,
    ) -> Option<Result<(), Outcome>> {
        let Batching { bytes_max, frame_bytes, .. } = self.batching;
        let start = self.buffer.len();
        match self.flow.transform.apply(&record.data, found, &mut self.buffer) {
            Transformed::Written => {}
            other => return Some(Err(decided(other))),
        }
        let bytes = self.batching.bytes_of(self.buffer.len() - start, key);
        if self.bytes.saturating_add(bytes) <= bytes_max {
            self.bytes += bytes;
            self.spans.push(start..self.buffer.len());
            return Some(Ok(()));
        }
        self.buffer.truncate(start);
        let alone = frame_bytes.saturating_add(bytes);
        (alone > bytes_max).then(|| Err(too_large(alone, bytes_max)))
    }

    /// Leaves room for a record that is not sent with this request, though it was with an earlier one.
    /// Whether there was any.
    pub(super) fn leave_room(&mut self, record: &WireRecord, key: &str) -> bool {
        let start = self.buffer.len();
        let written = self.write(record, key, None);
        if let Some(Ok(())) = written {
            self.spans.pop();
            self.buffer.truncate(start);
        }
        written.is_some()
    }

    fn into_bodies(self) -> impl Iterator<Item = Bytes> {
        let buffer = Bytes::from(self.buffer);
        self.spans.into_iter().map(move |span| buffer.slice(span))
    }
}

/// No request can carry it.
fn too_large(bytes: usize, bytes_max: usize) -> Outcome {
    let reason = format!(
        "the record alone makes a request of {bytes} bytes, and a request has {bytes_max} at the most: \
         raise `bytes_max`, or map fewer fields"
    );
    Outcome::Refused { status: None, reason: reason.into() }
}

/// What a transform that wrote nothing means.
fn decided(transformed: Transformed) -> Outcome {
    match transformed {
        Transformed::Filtered => Outcome::Skipped(SkipReason::Filtered),
        Transformed::Unchanged => Outcome::Skipped(SkipReason::Unchanged),
        Transformed::Refused(reason) => Outcome::Refused { status: None, reason },
        Transformed::Written => unreachable!("what was written is sent"),
    }
}

/// A record without its body.
fn outgoing(stream: &StreamId, record: &WireRecord) -> Outgoing {
    Outgoing {
        id: record.id.clone(),
        version: record.version,
        deleted: record.deleted,
        key: idempotency_key(stream, &record.id, record.version),
        body: Bytes::new(),
    }
}

impl<S, Q, C, E> Sender<'_, S, Q, C, E> {
    /// Takes records until a request is full.
    pub fn chunk(&self, places: &mut impl Places) -> Chunk {
        if self.flow.destination.batching().known_as_a_whole {
            return self.block(places);
        }
        let mut chunk = Chunk::default();
        let mut bodies = Bodies::of(self.flow);
        while bodies.has_room()
            && let Some(place) = places.peek()
        {
            let item = self.item(place);
            match bodies.write(self.record(place), &item.record.key, None) {
                None => break,
                Some(Ok(())) => chunk.items.push(item),
                Some(Err(outcome)) => chunk.decided.push((place, outcome)),
            }
            places.take();
        }
        chunk.fill(bodies);
        chunk
    }

    /// A record on its way, without its body.
    pub(super) fn item(&self, place: Place) -> Item {
        let record = outgoing(&self.flow.stream, self.record(place));
        Item { place, record, doubt: false }
    }

    /// Takes records that are to be looked up together. Of several that are looked up by the same key only
    /// the first, unless what is found is cached: what becomes of it changes what is found for the next.
    pub fn group(&self, places: &mut impl Places, lookup: &dyn Lookup) -> Group {
        let mut group = Group::default();
        let (mut seen, mut put_back) = (HashSet::new(), Vec::new());
        let keys_max = lookup.keys_max().max(1);
        let mut last = None;
        while group.items.len() < keys_max
            && put_back.len() < PUT_BACK_MAX
            && let Some(place) = places.peek()
        {
            let block = self.block_of(place);
            let begins = last.is_some_and(|last| last != block);
            if begins && group.items.len() + self.block_size() > keys_max {
                break;
            }
            last = Some(block);
            places.take();
            let record = self.record(place);
            let key = match self.flow.transform.admits(&record.data) {
                Transformed::Written => lookup.key(&record.data).map_err(Transformed::Refused),
                other => Err(other),
            };
            let key = match key {
                Ok(key) => key,
                Err(other) => {
                    group.decided.push((place, decided(other)));
                    continue;
                }
            };
            if !lookup.is_cached() && key.as_ref().is_some_and(|key| !seen.insert(key.clone())) {
                put_back.push(place);
                continue;
            }
            group.items.push(self.item(place));
            group.keys.push(key.map(|key| (key, None)));
        }
        places.put_back(put_back);
        group
    }

    /// Puts looked-up records into requests. Answers with the chunks, and with what needs none.
    pub(super) fn chunks_of(
        &self,
        items: Vec<Item>,
        found: &[Option<&[u8]>],
        claim: Option<&str>,
    ) -> (Vec<Chunk>, Vec<(Item, Outcome)>) {
        let (mut chunks, mut settled) = (Vec::new(), Vec::new());
        let new = || Chunk { claim: claim.map(Box::from), ..Chunk::default() };
        let (mut chunk, mut bodies) = (new(), Bodies::of(self.flow));
        let mut close = |chunk: &mut Chunk, bodies: Bodies<'_>| {
            let mut full = std::mem::replace(chunk, new());
            full.fill(bodies);
            chunks.push(full);
        };
        let empty = || Bodies::of(self.flow);
        for (item, found) in items.into_iter().zip(found) {
            let block = self.block_of(item.place);
            let other = chunk.items.last().is_some_and(|last| self.block_of(last.place) != block);
            if other || !bodies.has_room() {
                close(&mut chunk, std::mem::replace(&mut bodies, empty()));
            }
            let record = self.record(item.place);
            let written = match bodies.write(record, &item.record.key, *found) {
                Some(written) => written,
                None => {
                    close(&mut chunk, std::mem::replace(&mut bodies, empty()));
                    let written = bodies.write(record, &item.record.key, *found);
                    written.expect("the first record has room, or is refused")
                }
            };
            match written {
                Ok(()) => chunk.items.push(item),
                Err(outcome) => settled.push((item, outcome)),
            }
        }
        if !chunk.items.is_empty() {
            close(&mut chunk, bodies);
        }
        (chunks, settled)
    }
}
