//! The table.

use std::{borrow::Borrow, future::Future};

use futures_util::FutureExt;
use tidegate_core::{
    model::{
        Cursor, DeliverState, DigestState, Edition, Emission, Ended, EpochMs, Fence, FetchState,
        Page, PageNumber, Parked, ParkedError, Position, RecordId, RecordKey, Settling, Stored,
        StoredKey, StreamId,
    },
    ports::{
        Advance, BoxFuture, Claim, Claimant, CursorStore, Digests, Ending, KeyValueStore, Lease,
        Ledger, Loaded, Moved, NewPage, ParkedStore, Seal, Settle, Suspects, Swap, Unavailable,
        Void, WholePage,
    },
};
use tidegate_testkit::{MemoryStore, yield_once};

use super::Seat;

/// An argument that is kept until a late effect, and then lent to it.
trait Keep: Sized {
    type Stored: Send + Sync + 'static;
    type Lent<'a>
    where
        Self: 'a;
    fn keep(self) -> Self::Stored;
    fn lend<'a>(kept: &'a Self::Stored) -> Self::Lent<'a>
    where
        Self: 'a;
}

impl<T: ToOwned<Owned: Send + Sync + 'static> + ?Sized> Keep for &T {
    type Stored = T::Owned;
    type Lent<'a>
        = &'a T
    where
        Self: 'a;
    fn keep(self) -> T::Owned {
        self.to_owned()
    }
    fn lend<'a>(kept: &'a T::Owned) -> &'a T
    where
        Self: 'a,
    {
        kept.borrow()
    }
}

impl Keep for Option<&RecordKey> {
    type Stored = Option<RecordKey>;
    type Lent<'a>
        = Option<&'a RecordKey>
    where
        Self: 'a;
    fn keep(self) -> Option<RecordKey> {
        self.cloned()
    }
    fn lend<'a>(kept: &'a Option<RecordKey>) -> Option<&'a RecordKey>
    where
        Self: 'a,
    {
        kept.as_ref()
    }
}

macro_rules! keep_copies {
    ($($kind:ty),*) => {
        $(impl Keep for $kind {
            type Stored = $kind;
            type Lent<'a> = $kind;
            fn keep(self) -> $kind {
                self
            }
            fn lend<'a>(kept: &'a $kind) -> $kind
            where
                Self: 'a,
            {
                *kept
            }
        })*
    };
}
keep_copies!(bool, u32, u64, i64, usize, DigestState, Ended);

fn now<T>(answer: impl Future<Output = Result<T, Unavailable>>) -> T {
    answer.now_or_never().expect("memory answers at once").expect("memory always answers")
}

macro_rules! calls {
    ($($port:ident {
        $($name:ident($($argument:ident: $kind:ty),*) -> $answer:ty;)*
        $({ $($own:tt)* })?
    })*) => {
        /// Every call on the table that is one step.
        pub const CALLS: &[&str] = &[$($(stringify!($name),)*)*];

        $(impl $port for Seat {
            $(fn $name(&self, $($argument: $kind),*)
                -> impl Future<Output = Result<$answer, Unavailable>> + Send
            {
                $(let $argument = Keep::keep($argument);)*
                self.call_store(stringify!($name), move |store| {
                    now(store.$name($(<$kind as Keep>::lend(&$argument)),*))
                })
            })*
            $($($own)*)?
        })*
    };
}

calls! {
    CursorStore {
        acquire(stream: &StreamId, owner: &str, now_ms: EpochMs, until_ms: EpochMs) -> Lease;
        release(stream: &StreamId, owner: &str, fetching: &FetchState) -> ();
        end_invocations(stream: &StreamId, ended: Ended) -> ();
        note_delivering(stream: &StreamId, delivering: &DeliverState) -> bool;
        pages_after(stream: &StreamId, after: PageNumber, limit: usize) -> Vec<Page>;
        seal(stream: &StreamId, fence: Fence, pages: &[NewPage], now_ms: EpochMs) -> Seal;
        advance(stream: &StreamId, advance: &Advance) -> Moved;
        void(stream: &StreamId, fence: Fence, seen: &Cursor) -> Void;
        cursor(stream: &StreamId) -> Option<Cursor>;
        set_paused(stream: &StreamId, paused: bool, now_ms: EpochMs) -> ();
        rewind(stream: &StreamId, seen: Fence, to: &Position) -> bool;
        {
            /// One write, and a second where several settle the last of a page between them.
            async fn settle(
                &self,
                stream: &StreamId,
                number: PageNumber,
                emission: &Emission,
                settling: &Settling,
            ) -> Result<Settle, Unavailable> {
                let once = async |settling: Settling| {
                    let (stream, emission) = (stream.clone(), emission.clone());
                    let act = move |store: &MemoryStore| {
                        store.settle_once(&stream, number, &emission, &settling)
                    };
                    self.call_store("settle", act).await
                };
                let answer = match once(settling.clone()).await? {
                    Settle::Open(settled)
                        if self.world.store.is_whole(stream, number, &settled) =>
                    {
                        once(Settling { settled, done: true, ..settling.clone() }).await?
                    }
                    answer => answer,
                };
                self.parks_late().await.map(|()| answer)
            }

            /// Each page is a step of its own: DynamoDB may settle some, and others not.
            async fn settle_whole(
                &self,
                stream: &StreamId,
                pages: &[WholePage],
            ) -> Vec<Result<Settle, Unavailable>> {
                let mut answers = Vec::with_capacity(pages.len());
                for WholePage { number, emission, settling } in pages {
                    answers.push(self.settle(stream, *number, emission, settling).await);
                }
                answers
            }

            /// No snapshot: the pages first, and the cursor when others have gone on.
            async fn load(
                &self,
                stream: &StreamId,
                numbers: &[PageNumber],
                budget: Option<&StoredKey>,
            ) -> Result<Loaded, Unavailable> {
                let (asked, numbers, budget) = (stream.clone(), numbers.to_vec(), budget.cloned());
                let loaded = self.call_store("load", move |store| {
                    now(store.load(&asked, &numbers, budget.as_ref()))
                });
                let loaded = loaded.await?;
                // What a busy table leaves over is asked for again, after growing waits.
                let waits = if self.world.inner().faults.late_effect > 0.0 { 12 } else { 0 };
                for _ in 0..waits {
                    yield_once().await;
                }
                let cursor = now(self.world.store.load(stream, &[], None)).cursor;
                Ok(Loaded { cursor, ..loaded })
            }
        }
    }
    Ledger {
        {
            /// Each claim of a group is a step of its own: DynamoDB may make some, and others not.
            async fn claim(
                &self,
                stream: &StreamId,
                editions: &[(RecordId, Edition)],
                by: &Claimant<'_>,
            ) -> Vec<Result<Claim, Unavailable>> {
                let mut claims = Vec::with_capacity(editions.len());
                for (entity, edition) in editions {
                    claims.push(self.claim_one(stream, entity, *edition, by).await);
                }
                claims
            }

            /// So is each end.
            async fn finish(
                &self,
                stream: &StreamId,
                endings: &[Ending],
            ) -> Result<(), Unavailable> {
                let mut all = Ok(());
                for ending in endings {
                    all = self.finish_one(stream, ending).await.and(all);
                }
                all
            }
        }
    }
    ParkedStore {
        parked(stream: &StreamId, after: Option<&RecordKey>, limit: usize) -> Vec<Parked>;
        unpark(stream: &StreamId, keys: &[RecordKey]) -> ();
        {
            async fn park(&self, records: &[Parked]) -> Result<(), Unavailable> {
                if self.puts_off_parking(records) {
                    return Ok(());
                }
                self.park_now(records.to_vec()).await
            }

            async fn parked_by_key(
                &self,
                stream: &StreamId,
                keys: &[RecordKey],
            ) -> Result<Vec<Parked>, Unavailable> {
                let (asked, all) = (stream.clone(), keys.to_vec());
                let parked = self
                    .call_store("parked_by_key", move |store| now(store.parked_by_key(&asked, &all)))
                    .await?;
                self.unparks_first(stream, keys).await.map(|()| parked)
            }
        }
    }
    Suspects {
        suspects(
            stream: &StreamId, generation: u64, keys: &[RecordKey]
        ) -> Vec<(RecordKey, u32)>;
        suspect(stream: &StreamId, generation: u64, records: &[(RecordKey, u32)]) -> ();
        clear_suspects(stream: &StreamId, generation: u64, keys: &[RecordKey]) -> ();
    }
    Digests {
        parking_streams() -> Vec<StreamId>;
        errors(
            stream: &StreamId, from_ms: EpochMs, until_ms: EpochMs, after: Option<&RecordKey>,
            limit: usize
        ) -> Vec<ParkedError>;
        digest_state() -> DigestState;
        swap_digest_state(seen: DigestState, to: DigestState) -> bool;
    }
}

impl Seat {
    async fn claim_one(
        &self,
        stream: &StreamId,
        entity: &RecordId,
        edition: Edition,
        by: &Claimant<'_>,
    ) -> Result<Claim, Unavailable> {
        let (stream, entity, owner) = (stream.clone(), entity.clone(), by.owner.to_owned());
        let Claimant { now_ms, over, may_repeat, .. } = *by;
        let until_ms = Self::locks_until(now_ms, by.until_ms);
        let claim = move |store: &MemoryStore| {
            let by = Claimant { owner: &owner, now_ms, until_ms, over, may_repeat };
            store.claim_one(&stream, &entity, edition, &by)
        };
        self.call_store("claim", claim).await
    }

    async fn finish_one(&self, stream: &StreamId, ending: &Ending) -> Result<(), Unavailable> {
        let end = self.ends_claim(&ending.entity, ending.end).await;
        let (stream, ending) = (stream.clone(), Ending { end, ..ending.clone() });
        let finish = move |store: &MemoryStore| store.finish_one(&stream, &ending);
        self.call_store("finish", finish).await
    }

    pub(super) async fn park_now(&self, records: Vec<Parked>) -> Result<(), Unavailable> {
        self.call_store("park", move |store| now(store.park(&records))).await
    }
}

impl KeyValueStore for Seat {
    fn get<'a>(
        &'a self,
        keys: &'a [StoredKey],
    ) -> BoxFuture<'a, Result<Vec<Option<Stored>>, Unavailable>> {
        let keys = keys.to_vec();
        Box::pin(self.call_store("get", move |store| store.get_now(&keys)))
    }

    fn put<'a>(
        &'a self,
        items: &'a [(StoredKey, Stored)],
    ) -> BoxFuture<'a, Result<(), Unavailable>> {
        let items = items.to_vec();
        Box::pin(self.call_store("put", move |store| store.put_now(&items)))
    }

    fn compare_and_swap<'a>(
        &'a self,
        key: &'a StoredKey,
        seen: Option<&'a Stored>,
        new: &'a Stored,
    ) -> BoxFuture<'a, Result<Swap, Unavailable>> {
        let (key, seen, new) = (key.clone(), seen.cloned(), new.clone());
        let swap = move |store: &MemoryStore| store.swap_now(&key, seen.as_ref(), &new);
        Box::pin(self.call_store("compare_and_swap", swap))
    }
}
