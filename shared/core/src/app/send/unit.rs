//! What is done with one request.

use std::collections::HashSet;

use bytes::Bytes;

use super::{Flow, Sender};
use crate::{
    decide::idempotency_key,
    model::{Outcome, RequestKind, SkipReason, StreamId, WireRecord},
    ports::{Clock, Found, Ids, Lookup, Outgoing, Store, Transformed},
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
}

/// Bodies of one request, in one buffer.
struct Bodies<'a> {
    flow: &'a Flow,
    buffer: Vec<u8>,
    spans: Vec<std::ops::Range<usize>>,
}

impl<'a> Bodies<'a> {
    fn of(flow: &'a Flow) -> Self {
        Self { flow, buffer: Vec::new(), spans: Vec::new() }
    }

    /// Whether a record more would have room, as far as can be told before it is written.
    fn has_room(&self) -> bool {
        self.spans.len() < self.flow.destination.batching().records_max.max(1)
    }

    /// Writes a record. `None`: it goes first into the next request.
    fn write(&mut self, record: &WireRecord, found: Option<&[u8]>) -> Option<Result<(), Outcome>> {
        let start = self.buffer.len();
        let bytes_max = self.flow.destination.batching().bytes_max;
        match self.flow.transform.apply(&record.data, found, &mut self.buffer) {
            Transformed::Written if self.buffer.len() > bytes_max && !self.spans.is_empty() => {
                self.buffer.truncate(start);
                None
            }
            Transformed::Written => {
                self.spans.push(start..self.buffer.len());
                Some(Ok(()))
            }
            other => Some(Err(decided(other))),
        }
    }

    fn into_bodies(self) -> impl Iterator<Item = Bytes> {
        let buffer = Bytes::from(self.buffer);
        self.spans.into_iter().map(move |span| buffer.slice(span))
    }
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

fn outgoing(stream: &StreamId, record: &WireRecord, body: Bytes) -> Outgoing {
    Outgoing {
        id: record.id.clone(),
        version: record.version,
        deleted: record.deleted,
        key: idempotency_key(stream, &record.id, record.version),
        body,
    }
}

impl<S: Store, Q, C: Clock, E: Ids> Sender<'_, S, Q, C, E> {
    /// Takes records until a request is full.
    pub fn chunk(&self, places: &mut impl Places) -> Chunk {
        let mut chunk = Chunk::default();
        let mut bodies = Bodies::of(self.flow);
        let mut written = Vec::new();
        while bodies.has_room()
            && let Some(place) = places.peek()
        {
            match bodies.write(self.record(place), None) {
                None => break,
                Some(Ok(())) => written.push(place),
                Some(Err(outcome)) => chunk.decided.push((place, outcome)),
            }
            places.take();
        }
        chunk.items = written
            .into_iter()
            .zip(bodies.into_bodies())
            .map(|(place, body)| {
                let record = outgoing(&self.flow.stream, self.record(place), body);
                Item { place, record, doubt: false }
            })
            .collect();
        chunk
    }

    /// Takes records that are to be looked up together. Of several that are looked up by the same key only
    /// the first, unless what is found is cached: what becomes of it changes what is found for the next.
    pub fn group(&self, places: &mut impl Places, lookup: &dyn Lookup) -> Group {
        let mut group = Group::default();
        let (mut seen, mut put_back) = (HashSet::new(), Vec::new());
        while group.items.len() < lookup.keys_max().max(1)
            && put_back.len() < PUT_BACK_MAX
            && let Some(place) = places.take()
        {
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
            let record = outgoing(&self.flow.stream, record, Bytes::new());
            group.items.push(Item { place, record, doubt: false });
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
        let mut bodies = Bodies::of(self.flow);
        let mut chunk: Vec<Item> = Vec::new();
        let mut close = |chunk: &mut Vec<Item>, bodies: Bodies<'_>| {
            if chunk.is_empty() {
                return;
            }
            let mut items = std::mem::take(chunk);
            for (item, body) in items.iter_mut().zip(bodies.into_bodies()) {
                item.record.body = body;
            }
            chunks.push(Chunk { items, decided: Vec::new(), claim: claim.map(Box::from) });
        };
        for (item, found) in items.into_iter().zip(found) {
            if !bodies.has_room() {
                close(&mut chunk, std::mem::replace(&mut bodies, Bodies::of(self.flow)));
            }
            let record = self.record(item.place);
            let written = match bodies.write(record, *found) {
                Some(written) => written,
                None => {
                    close(&mut chunk, std::mem::replace(&mut bodies, Bodies::of(self.flow)));
                    bodies.write(record, *found).expect("the first record always has room")
                }
            };
            match written {
                Ok(()) => chunk.push(item),
                Err(outcome) => settled.push((item, outcome)),
            }
        }
        close(&mut chunk, bodies);
        (chunks, settled)
    }
}
