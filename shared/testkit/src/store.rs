//! The state table in memory.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Mutex,
};

use tidegate_core::{
    guard::Guard,
    model::{
        Cursor, DeliverState, DigestState, Edition, Emission, Ended, EpochMs, Fence, FetchState,
        Page, PageNumber, PageState, Parked, Position, RecordId, RecordKey, Settled, Settling,
        Stored, StoredKey, StreamId,
    },
    ports::{
        Advance, CursorStore, Lease, Loaded, Moved, NewPage, ParkedStore, Seal, Settle, Suspects,
        Unavailable, Void, WholePage,
    },
};

use crate::lock::lock;

/// One table for all streams; every call is one atomic step.
#[derive(Debug)]
pub struct MemoryStore {
    /// Whether a guard of the protocol stands.
    pub(crate) stands: fn(Guard) -> bool,
    streams: Mutex<HashMap<StreamId, Stream>>,
    pub(crate) shelf: Mutex<HashMap<StoredKey, Stored>>,
    /// Streams that ever parked a record.
    pub(crate) parking: Mutex<BTreeSet<StreamId>>,
    pub(crate) digests: Mutex<DigestState>,
}

/// What a table holds of one stream.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    cursor: Option<Cursor>,
    pages: BTreeMap<PageNumber, Page>,
    pub(crate) entities: HashMap<RecordId, Entity>,
    pub(crate) parked: BTreeMap<RecordKey, Parked>,
    suspects: HashMap<(u64, RecordKey), u32>,
}

/// What the ledger knows of one entity.
#[derive(Debug, Default)]
pub(crate) struct Entity {
    pub(crate) claimed: Option<Edition>,
    pub(crate) applied: Option<Edition>,
    pub(crate) owner: Option<Box<str>>,
    /// When it was claimed.
    pub(crate) since_ms: EpochMs,
    pub(crate) until_ms: EpochMs,
    /// What was written before a repeat of it may land until then.
    pub(crate) lands_until_ms: Option<EpochMs>,
    /// An earlier owner of the same claim may have written, until then.
    pub(crate) unknown_until_ms: Option<EpochMs>,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryStore {
    /// An empty table.
    pub fn new() -> Self {
        Self::guarded_by(|_| true)
    }

    /// An empty table whose conditions hold only as far as `stands` says: for a test that takes a guard
    /// out to see that it is missed.
    pub fn guarded_by(stands: fn(Guard) -> bool) -> Self {
        Self {
            stands,
            streams: Mutex::default(),
            shelf: Mutex::default(),
            parking: Mutex::default(),
            digests: Mutex::default(),
        }
    }

    pub(crate) fn with<T>(&self, stream: &StreamId, act: impl FnOnce(&mut Stream) -> T) -> T {
        let mut streams = lock(&self.streams);
        if !streams.contains_key(stream) {
            streams.insert(stream.clone(), Stream::default());
        }
        act(streams.get_mut(stream).expect("it was just put in"))
    }

    /// One write of [`CursorStore::settle`], as DynamoDB makes it: several processors may settle the last
    /// of a page between them, and then it takes a second one to set it DONE.
    pub fn settle_once(
        &self,
        stream: &StreamId,
        number: PageNumber,
        emission: &Emission,
        settling: &Settling,
    ) -> Settle {
        let Settling { settled, done, tried, receives, now_ms, waits_until_ms } = settling;
        self.with(stream, |state| {
            let Some(page) = state
                .pages
                .get_mut(&number)
                .filter(|page| !(self.stands)(Guard::Emission) || page.emission == *emission)
            else {
                return Settle::Superseded;
            };
            page.last_progress_ms = *now_ms;
            page.waits_until_ms = *waits_until_ms;
            page.receives_at_clean_exit = *receives;
            if !settled.is_empty() || *done {
                page.attempts = 0;
            } else if *tried {
                page.attempts += 1;
            }
            page.settled.union(settled);
            if *done {
                page.state = PageState::Done;
            }
            match page.state {
                PageState::Done => {
                    // The set has said all that it had to.
                    page.settled = Settled::default();
                    Settle::Done
                }
                PageState::Open => Settle::Open(page.settled.clone()),
            }
        })
    }

    /// Whether these are all the records of the page.
    pub fn is_whole(&self, stream: &StreamId, number: PageNumber, settled: &Settled) -> bool {
        self.with(stream, |state| {
            state.pages.get(&number).is_some_and(|page| settled.len() >= page.count)
        })
    }
}

impl CursorStore for MemoryStore {
    async fn acquire(
        &self,
        stream: &StreamId,
        owner: &str,
        now_ms: EpochMs,
        until_ms: EpochMs,
    ) -> Result<Lease, Unavailable> {
        Ok(self.with(stream, |state| {
            let cursor = state.cursor.get_or_insert_with(Cursor::new);
            if cursor.paused {
                return Lease::Paused { since_ms: cursor.paused_ms };
            }
            if &*cursor.owner != owner {
                if cursor.lease_until_ms > now_ms {
                    let Cursor { lease_since_ms, lease_until_ms, .. } = *cursor;
                    return Lease::Held { since_ms: lease_since_ms, until_ms: lease_until_ms };
                }
                cursor.fence += 1;
                cursor.owner = owner.into();
                cursor.lease_since_ms = now_ms;
                cursor.lease_until_ms = until_ms;
            }
            Lease::Acquired(Box::new(cursor.clone()))
        }))
    }

    async fn release(
        &self,
        stream: &StreamId,
        owner: &str,
        fetching: &FetchState,
    ) -> Result<(), Unavailable> {
        self.with(stream, |state| {
            if let Some(cursor) = state.cursor.as_mut().filter(|cursor| &*cursor.owner == owner) {
                cursor.lease_until_ms = 0;
                cursor.fetching = fetching.clone();
            }
        });
        Ok(())
    }

    async fn note_delivering(
        &self,
        stream: &StreamId,
        delivering: &DeliverState,
    ) -> Result<bool, Unavailable> {
        Ok(self.with(stream, |state| {
            let Some(cursor) = state.cursor.as_mut() else { return false };
            if cursor.delivering.revision + 1 == delivering.revision {
                cursor.delivering = delivering.clone();
            }
            cursor.delivering == *delivering
        }))
    }

    async fn end_invocations(&self, stream: &StreamId, ended: Ended) -> Result<(), Unavailable> {
        self.with(stream, |state| {
            if let Some(cursor) = state.cursor.as_mut() {
                cursor.ended = Some(ended);
            }
        });
        Ok(())
    }

    async fn load(
        &self,
        stream: &StreamId,
        numbers: &[PageNumber],
        budget: Option<&StoredKey>,
    ) -> Result<Loaded, Unavailable> {
        let budget = budget.and_then(|key| self.get_now(std::slice::from_ref(key)).remove(0));
        Ok(self.with(stream, |state| {
            let cursor = state.cursor.clone().unwrap_or_else(Cursor::new);
            let pages = numbers.iter().filter_map(|number| state.pages.get(number).cloned());
            Loaded { cursor, pages: pages.collect(), budget }
        }))
    }

    async fn pages_after(
        &self,
        stream: &StreamId,
        after: PageNumber,
        limit: usize,
    ) -> Result<Vec<Page>, Unavailable> {
        Ok(self.with(stream, |state| {
            state.pages.range(after + 1..).take(limit).map(|(_, page)| page.clone()).collect()
        }))
    }

    async fn seal(
        &self,
        stream: &StreamId,
        fence: Fence,
        pages: &[NewPage],
        now_ms: EpochMs,
    ) -> Result<Seal, Unavailable> {
        let (Some(first), Some(last)) = (pages.first(), pages.last()) else {
            return Ok(Seal::Sealed);
        };
        Ok(self.with(stream, |state| {
            let stands = state.pages.get(&first.number);
            if (self.stands)(Guard::OwnSuccess)
                && stands.is_some_and(|page| page.emission == first.emission)
            {
                return Seal::Sealed;
            }
            let Some(cursor) = state.cursor.as_mut() else { return Seal::Lost };
            let fenced = (self.stands)(Guard::Fence) && cursor.fence != fence;
            if fenced || cursor.next != first.number {
                return Seal::Lost;
            }
            cursor.next = last.number + 1;
            cursor.head = last.to.clone();
            for page in pages {
                let page = Page {
                    number: page.number,
                    emission: page.emission.clone(),
                    from: page.from.clone(),
                    to: page.to.clone(),
                    count: page.count,
                    settled: Settled::default(),
                    state: if page.count == 0 { PageState::Done } else { PageState::Open },
                    last_progress_ms: now_ms,
                    waits_until_ms: 0,
                    attempts: 0,
                    receives_at_clean_exit: 0,
                };
                state.pages.insert(page.number, page);
            }
            Seal::Sealed
        }))
    }

    async fn settle(
        &self,
        stream: &StreamId,
        number: PageNumber,
        emission: &Emission,
        settling: &Settling,
    ) -> Result<Settle, Unavailable> {
        let answer = self.settle_once(stream, number, emission, settling);
        match answer {
            Settle::Open(settled) if self.is_whole(stream, number, &settled) => {
                let whole = Settling { settled, done: true, ..settling.clone() };
                Ok(self.settle_once(stream, number, emission, &whole))
            }
            answer => Ok(answer),
        }
    }

    async fn settle_whole(
        &self,
        stream: &StreamId,
        pages: &[WholePage],
    ) -> Vec<Result<Settle, Unavailable>> {
        let settle = |WholePage { number, emission, settling }: &WholePage| {
            Ok(self.settle_once(stream, *number, emission, settling))
        };
        pages.iter().map(settle).collect()
    }

    async fn advance(&self, stream: &StreamId, advance: &Advance) -> Result<Moved, Unavailable> {
        Ok(self.with(stream, |state| {
            let Some(cursor) = state.cursor.as_mut() else {
                return Moved::No(Box::default());
            };
            if (cursor.committed, &cursor.watermark) != (advance.from.0, &advance.from.1) {
                return Moved::No(Box::new(cursor.clone()));
            }
            (cursor.committed, cursor.watermark) = advance.to.clone();
            Moved::Yes
        }))
    }

    async fn void(
        &self,
        stream: &StreamId,
        fence: Fence,
        seen: &Cursor,
    ) -> Result<Void, Unavailable> {
        Ok(self.with(stream, |state| {
            let Some(cursor) = state.cursor.as_mut() else { return Void::Lost };
            // A repeat meets our own success: under our fence, nothing sealed since, no page open.
            let voided = cursor.next == seen.next
                && cursor.committed == cursor.next - 1
                && cursor.head == cursor.watermark;
            if (self.stands)(Guard::OwnSuccess) && cursor.fence == fence && voided {
                return Void::Voided(Box::new(cursor.clone()));
            }
            let as_seen = (cursor.committed, cursor.next) == (seen.committed, seen.next);
            let fenced = (self.stands)(Guard::Fence) && cursor.fence != fence;
            if fenced || ((self.stands)(Guard::VoidAsSeen) && !as_seen) {
                return Void::Lost;
            }
            cursor.isolate_to = seen.isolated_until();
            cursor.head = cursor.watermark.clone();
            cursor.committed = cursor.next - 1;
            Void::Voided(Box::new(cursor.clone()))
        }))
    }

    async fn cursor(&self, stream: &StreamId) -> Result<Option<Cursor>, Unavailable> {
        Ok(self.with(stream, |state| state.cursor.clone()))
    }

    async fn set_paused(
        &self,
        stream: &StreamId,
        paused: bool,
        now_ms: EpochMs,
    ) -> Result<(), Unavailable> {
        self.with(stream, |state| {
            if paused {
                state.cursor.get_or_insert_with(Cursor::new);
            }
            let Some(cursor) = state.cursor.as_mut() else { return };
            cursor.paused_ms = match (paused, cursor.paused) {
                (true, true) => cursor.paused_ms,
                (true, false) => now_ms,
                (false, _) => 0,
            };
            cursor.paused = paused;
        });
        Ok(())
    }

    async fn rewind(
        &self,
        stream: &StreamId,
        seen: Fence,
        to: &Position,
    ) -> Result<bool, Unavailable> {
        Ok(self.with(stream, |state| {
            let Some(cursor) = state.cursor.as_mut() else { return false };
            if cursor.fence != seen {
                // A repeat meets our own success: one fence on, without a lease, just there.
                return cursor.fence == seen + 1
                    && cursor.lease_until_ms == 0
                    && cursor.committed == cursor.next - 1
                    && cursor.head == *to
                    && cursor.watermark == *to;
            }
            cursor.fence += u64::from((self.stands)(Guard::RewindFence));
            cursor.lease_until_ms = 0;
            cursor.owner = Box::default();
            cursor.generation += u64::from((self.stands)(Guard::Generation));
            cursor.head = to.clone();
            cursor.watermark = to.clone();
            cursor.isolate_to = Position::Start;
            cursor.fetching = FetchState::default();
            cursor.committed = cursor.next - 1;
            true
        }))
    }
}

impl ParkedStore for MemoryStore {
    async fn park(&self, records: &[Parked]) -> Result<(), Unavailable> {
        for record in records {
            lock(&self.parking).insert(record.stream.clone());
            self.with(&record.stream, |state| {
                state.parked.insert(record.key.clone(), record.clone());
            });
        }
        Ok(())
    }

    async fn parked(
        &self,
        stream: &StreamId,
        after: Option<&RecordKey>,
        limit: usize,
    ) -> Result<Vec<Parked>, Unavailable> {
        Ok(self.with(stream, |state| {
            let records = state.parked.iter();
            let records = records.filter(|(key, _)| after.is_none_or(|after| *key > after));
            records.take(limit).map(|(_, parked)| parked.clone()).collect()
        }))
    }

    async fn parked_by_key(
        &self,
        stream: &StreamId,
        keys: &[RecordKey],
    ) -> Result<Vec<Parked>, Unavailable> {
        Ok(self.with(stream, |state| {
            keys.iter().filter_map(|key| state.parked.get(key).cloned()).collect()
        }))
    }

    async fn unpark(&self, stream: &StreamId, keys: &[RecordKey]) -> Result<(), Unavailable> {
        self.with(stream, |state| keys.iter().for_each(|key| drop(state.parked.remove(key))));
        Ok(())
    }
}

impl Suspects for MemoryStore {
    async fn suspects(
        &self,
        stream: &StreamId,
        generation: u64,
        keys: &[RecordKey],
    ) -> Result<Vec<(RecordKey, u32)>, Unavailable> {
        Ok(self.with(stream, |state| {
            let known = |key: &RecordKey| {
                Some((key.clone(), *state.suspects.get(&(generation, key.clone()))?))
            };
            keys.iter().filter_map(known).collect()
        }))
    }

    async fn suspect(
        &self,
        stream: &StreamId,
        generation: u64,
        records: &[(RecordKey, u32)],
    ) -> Result<(), Unavailable> {
        self.with(stream, |state| {
            for (key, deaths) in records {
                state.suspects.insert((generation, key.clone()), *deaths);
            }
        });
        Ok(())
    }

    async fn clear_suspects(
        &self,
        stream: &StreamId,
        generation: u64,
        keys: &[RecordKey],
    ) -> Result<(), Unavailable> {
        self.with(stream, |state| {
            for key in keys {
                state.suspects.remove(&(generation, key.clone()));
            }
        });
        Ok(())
    }
}
