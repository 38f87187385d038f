//! Putting records into requests: as many as fit, each mapped into the one buffer that the request's
//! bodies share.

use std::collections::HashSet;

use bytes::Bytes;

use super::unit::{Chunk, Group, Item, Place, Places, Prepared, Unit};
use crate::{
    app::Flow,
    decide::idempotency_key,
    model::{
        Blame, Later, Ordering, Outcome, RecordId, RequestKind, SkipReason, StreamId, Version,
        WireRecord,
    },
    ports::{Batching, Lookup, Outgoing, Route, Transformed},
};

/// Records with a key that the group has already, or of another route: so many are passed over for the sake of others.
const PUT_BACK_MAX: usize = 1_000;

/// After this, in ms, there may be again what was missing of our own.
const OWN_SHORTAGE_MS: u64 = 10_000;

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
    pub(super) fn of(flow: &'a Flow, route: Route) -> Self {
        let batching = flow.destination.batching(route);
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
        match self.shape(record, found) {
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

    /// Writes what is to be sent of a record to the end of the buffer.
    fn shape(&mut self, record: &WireRecord, found: Option<&[u8]>) -> Transformed {
        if !self.flow.destination.takes_unshaped(&record.data, record.deleted) {
            return self.flow.transform.apply(&record.data, found, &mut self.buffer);
        }
        let admitted = self.flow.transform.admits(&record.data);
        if admitted == Transformed::Written {
            self.buffer.extend_from_slice(&record.data);
        }
        admitted
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

    /// The items with their bodies: those that were written, in the order in which they were.
    pub(super) fn into_items(
        self,
        items: Vec<Item<Prepared>>,
        packing: &Packing<'_>,
    ) -> Vec<Item<Outgoing>> {
        let buffer = Bytes::from(self.buffer);
        let with_body = |(item, span): (Item<Prepared>, std::ops::Range<usize>)| {
            let Item { place, record, unknown_until_ms } = item;
            let source = packing.record(place).data.clone();
            Item { place, record: record.with_body(buffer.slice(span), source), unknown_until_ms }
        };
        items.into_iter().zip(self.spans).map(with_body).collect()
    }
}

/// What a request has, as far as others are kept out of it for that.
#[derive(Default)]
pub(super) struct Has<'r> {
    entities: HashSet<&'r RecordId>,
    records: HashSet<(&'r RecordId, Version)>,
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
        Transformed::Invalid(reason) => Outcome::Invalid(reason),
        Transformed::Later(reason) => {
            let reason = reason.into_string().into();
            Outcome::Later(Later {
                blame: Blame::NotAttempted,
                after_ms: Some(OWN_SHORTAGE_MS),
                unknown: false,
                reason,
            })
        }
        Transformed::Written => unreachable!("what was written is sent"),
    }
}

/// A record before it has a body.
fn prepared(stream: &StreamId, record: &WireRecord) -> Prepared {
    Prepared {
        id: record.id.clone(),
        version: record.version,
        deleted: record.deleted,
        key: idempotency_key(stream, &record.id, record.version),
    }
}

/// Puts an invocation's records into requests. It asks no port.
pub(in crate::app) struct Packing<'a> {
    pub flow: &'a Flow,
    /// The records, page by page.
    pub pages: Vec<&'a [WireRecord]>,
}

impl<'a> Packing<'a> {
    /// The record at a place.
    pub fn record(&self, place: Place) -> &WireRecord {
        &self.pages[place.page][place.index as usize]
    }

    /// What the next unit's first request is for.
    pub fn next_kind(&self) -> RequestKind {
        match self.flow.lookup {
            None => RequestKind::Deliver,
            Some(_) => RequestKind::LookUp,
        }
    }

    /// Takes the next unit.
    pub fn next_unit(&self, places: &mut impl Places) -> Unit {
        match &self.flow.lookup {
            None => Unit::Send(self.chunk(places)),
            Some(lookup) => Unit::LookUp(self.group(places, &**lookup)),
        }
    }

    /// How many requests these numbers of records, page by page, will make, as far as can be told before
    /// they are mapped.
    pub fn requests_of(&self, left: impl Iterator<Item = usize> + Clone) -> usize {
        let all: usize = left.clone().sum();
        // As if each route had as many.
        let routes = self.flow.destination.routes().max(1);
        let of_route = |route| {
            let batching = self.flow.destination.batching(Route(route));
            let requests =
                |left: usize| left.div_ceil(routes).div_ceil(batching.records_max.max(1));
            match batching.known_as_a_whole {
                true => left.clone().map(requests).sum(),
                false => requests(all),
            }
        };
        let sends: usize = (0..routes).map(of_route).sum();
        let lookup = self.flow.lookup.as_ref();
        sends + lookup.map_or(0, |lookup| all.div_ceil(lookup.keys_max().max(1)))
    }

    /// Whether a request ends before a record, having these: in a serial stream, where the second version
    /// of one would wait for the first, and nothing may overtake what waits, not even the first.
    pub(super) fn ends_before(&self, has: &Has<'_>, record: &WireRecord) -> bool {
        self.is_serial() && has.entities.contains(&record.id)
    }

    /// Whether a request has the very same record already, which the source lists twice: it goes in the next one. Many
    /// APIs refuse a list that names a record twice, and what they say of one of the two would be taken for both. With
    /// the ledger a claim keeps them apart.
    pub(super) fn has_it(&self, has: &Has<'_>, record: &WireRecord) -> bool {
        self.flow.settings.ordering == Ordering::None
            && has.records.contains(&(&record.id, record.version))
    }

    /// The request has this record: where that makes no difference, nothing is remembered.
    pub(super) fn goes_on<'r>(&self, has: &mut Has<'r>, record: &'r WireRecord) {
        match self.flow.settings.ordering {
            Ordering::None => _ = has.records.insert((&record.id, record.version)),
            _ if self.is_serial() => _ = has.entities.insert(&record.id),
            _ => {}
        }
    }

    /// Takes records of one route until a request is full. Those of others stay in front, unless nothing may
    /// overtake them.
    pub fn chunk(&self, places: &mut impl Places) -> Chunk {
        let mut chunk = Chunk::default();
        let Some(route) = self.next_route(places, &mut chunk.decided) else { return chunk };
        if self.flow.destination.batching(route).known_as_a_whole {
            return self.block(route, chunk, places);
        }
        let (mut items, mut bodies) = (Vec::new(), Bodies::of(self.flow, route));
        let mut passed = Vec::new();
        let mut has = Has::default();
        while bodies.has_room()
            && passed.len() < PUT_BACK_MAX
            && let Some(place) = places.peek()
            && !self.ends_before(&has, self.record(place))
        {
            match self.route(place) {
                Ok(other) if other == route && self.has_it(&has, self.record(place)) => {
                    passed.extend(places.take());
                    continue;
                }
                Ok(other) if other == route => {}
                Ok(_) if self.is_serial() => break,
                Ok(_) => {
                    passed.extend(places.take());
                    continue;
                }
                Err(outcome) => {
                    chunk.decided.extend(places.take().map(|place| (place, outcome)));
                    continue;
                }
            }
            self.goes_on(&mut has, self.record(place));
            let item = self.item(place);
            match bodies.write(self.record(place), &item.record.key, None) {
                None => break,
                Some(Ok(())) => items.push(item),
                Some(Err(outcome)) => chunk.decided.push((place, outcome)),
            }
            places.take();
        }
        places.put_back(passed);
        chunk.items = bodies.into_items(items, self);
        chunk
    }

    /// The route of the next record that takes one; those before it are decided.
    fn next_route(
        &self,
        places: &mut impl Places,
        decided: &mut Vec<(Place, Outcome)>,
    ) -> Option<Route> {
        while let Some(place) = places.peek() {
            match self.route(place) {
                Ok(route) => return Some(route),
                Err(outcome) => decided.extend(places.take().map(|place| (place, outcome))),
            }
        }
        None
    }

    /// Which route a record takes. That the flow leaves it out counts before that none takes it.
    pub(super) fn route(&self, place: Place) -> Result<Route, Outcome> {
        let record = self.record(place);
        self.flow.destination.route(&record.data, record.deleted).map_err(|outcome| {
            match self.accepts(record) {
                Transformed::Written => outcome,
                left_out => decided(left_out),
            }
        })
    }

    /// Whether a record is to be sent at all, as far as it tells by itself. A deletion may be as it likes.
    fn accepts(&self, record: &WireRecord) -> Transformed {
        let Flow { transform, destination, .. } = self.flow;
        match destination.takes_unshaped(&record.data, record.deleted) {
            true => transform.admits(&record.data),
            false => transform.accepts(&record.data),
        }
    }

    /// Whether no record may overtake another.
    pub(super) fn is_serial(&self) -> bool {
        self.flow.settings.is_serial()
    }

    /// A record on its way, before it has a body.
    pub(super) fn item(&self, place: Place) -> Item<Prepared> {
        let record = prepared(&self.flow.stream, self.record(place));
        Item { place, record, unknown_until_ms: None }
    }

    /// Takes records that are to be looked up together. Of several that are looked up by the same key only
    /// the first, unless what is found is cached: what becomes of it changes what is found for the next.
    pub fn group(&self, places: &mut impl Places, lookup: &dyn Lookup) -> Group {
        let mut group = Group::default();
        let (mut seen, mut put_back) = (HashSet::new(), Vec::new());
        let keys_max = lookup.keys_max().max(1);
        let mut last = None;
        let mut has = Has::default();
        while group.items.len() < keys_max
            && put_back.len() < PUT_BACK_MAX
            && let Some(place) = places.peek()
            && !self.ends_before(&has, self.record(place))
        {
            let block = self.block_of(place);
            let begins = last.is_some_and(|last| last != block);
            if begins && group.items.len() + self.block_size() > keys_max {
                break;
            }
            last = Some(block);
            places.take();
            let record = self.record(place);
            if self.has_it(&has, record) {
                put_back.push(place);
                continue;
            }
            self.goes_on(&mut has, record);
            let key = match self.accepts(record) {
                Transformed::Written => self.route(place).and_then(|_| {
                    lookup.key(&record.data).map_err(|why| decided(Transformed::Refused(why)))
                }),
                other => Err(decided(other)),
            };
            let key = match key {
                Ok(key) => key,
                Err(outcome) => {
                    group.decided.push((place, outcome));
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
        items: Vec<Item<Prepared>>,
        found: &[Option<&[u8]>],
        claim: Option<&str>,
    ) -> (Vec<Chunk>, Vec<(Item<Prepared>, Outcome)>) {
        let (mut chunks, mut settled) = (Vec::new(), Vec::new());
        let mut routed = Vec::with_capacity(items.len());
        for (item, found) in items.into_iter().zip(found) {
            match self.route(item.place) {
                Ok(route) => routed.push((route, item, found)),
                Err(outcome) => settled.push((item, outcome)),
            }
        }
        if !self.is_serial() {
            routed.sort_by_key(|(route, ..)| *route);
        }
        let mut last = routed.first().map_or(Route::ONLY, |(route, ..)| *route);
        let (mut taken, mut bodies) = (Vec::<Item<Prepared>>::new(), Bodies::of(self.flow, last));
        let mut close = |taken: &mut Vec<Item<Prepared>>, bodies: &mut Bodies<'a>, next| {
            let items = std::mem::take(taken);
            let bodies = std::mem::replace(bodies, Bodies::of(self.flow, next));
            let claim = claim.map(Box::from);
            if !items.is_empty() {
                let items = bodies.into_items(items, self);
                chunks.push(Chunk { items, decided: Vec::new(), claim });
            }
        };
        for (route, item, found) in routed {
            let block = self.block_of(item.place);
            let other = taken.last().is_some_and(|last| self.block_of(last.place) != block);
            if other || route != last || !bodies.has_room() {
                close(&mut taken, &mut bodies, route);
            }
            last = route;
            let record = self.record(item.place);
            let written = match bodies.write(record, &item.record.key, *found) {
                Some(written) => written,
                None => {
                    close(&mut taken, &mut bodies, route);
                    let written = bodies.write(record, &item.record.key, *found);
                    written.expect("the first record has room, or is refused")
                }
            };
            match written {
                Ok(()) => taken.push(item),
                Err(outcome) => settled.push((item, outcome)),
            }
        }
        close(&mut taken, &mut bodies, last);
        (chunks, settled)
    }
}
