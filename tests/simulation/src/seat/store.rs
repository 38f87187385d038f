//! The table.

use std::{borrow::Borrow, future::Future};

use futures_util::FutureExt;
use tidegate_core::{
    model::{
        Cursor, DigestState, Edition, Emission, EpochMs, Fence, Kept, Page, PageNumber, Parked,
        ParkedError, Position, RecordId, RecordKey, Settling, ShelfKey, StreamId,
    },
    ports::{
        Advance, BoxFuture, Claim, ClaimEnd, CursorStore, Digests, Lease, Ledger, Loaded, Moved,
        NewPage, ParkedStore, Seal, Settle, Shelf, Suspects, Swap, Unavailable, Void,
    },
};
use tidegate_testkit::{MemoryStore, yield_once};

use super::Seat;

/// An argument that is kept until a late effect, and then lent to it.
trait Keep: Sized {
    type Kept: Send + Sync + 'static;
    type Lent<'a>
    where
        Self: 'a;
    fn keep(self) -> Self::Kept;
    fn lend<'a>(kept: &'a Self::Kept) -> Self::Lent<'a>
    where
        Self: 'a;
}

impl<T: ToOwned<Owned: Send + Sync + 'static> + ?Sized> Keep for &T {
    type Kept = T::Owned;
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
    type Kept = Option<RecordKey>;
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
            type Kept = $kind;
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
keep_copies!(bool, u32, u64, i64, usize, DigestState, Edition, ClaimEnd);

fn now<T>(answer: impl Future<Output = Result<T, Unavailable>>) -> T {
    answer.now_or_never().expect("memory answers at once").expect("memory always answers")
}

macro_rules! calls {
    ($($port:ident {
        $($name:ident($($argument:ident: $kind:ty),*) -> $answer:ty;)*
        $({ $($own:tt)* })?
    })*) => {
        /// Every call on the table that is one step.
        pub const CALLS: &[&str] = &[$($(stringify!($name)),*),*];

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
        release(stream: &StreamId, owner: &str) -> ();
        pages_after(stream: &StreamId, after: PageNumber, limit: usize) -> Vec<Page>;
        seal(stream: &StreamId, fence: Fence, pages: &[NewPage], now_ms: EpochMs) -> Seal;
        advance(stream: &StreamId, advance: &Advance) -> Moved;
        void(stream: &StreamId, fence: Fence, seen: &Cursor) -> Void;
        cursor(stream: &StreamId) -> Option<Cursor>;
        set_paused(stream: &StreamId, paused: bool) -> ();
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
                match once(settling.clone()).await? {
                    Settle::Open(settled)
                        if self.world.store.is_whole(stream, number, &settled) =>
                    {
                        once(Settling { settled, done: true, ..settling.clone() }).await
                    }
                    answer => Ok(answer),
                }
            }

            /// No snapshot: the pages first, and the cursor when others have gone on.
            async fn load(
                &self,
                stream: &StreamId,
                numbers: &[PageNumber],
                budget: Option<&ShelfKey>,
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
        claim(
            stream: &StreamId, entity: &RecordId, edition: Edition, owner: &str, now_ms: EpochMs,
            until_ms: EpochMs
        ) -> Claim;
        finish(
            stream: &StreamId, entity: &RecordId, edition: Edition, owner: &str, end: ClaimEnd
        ) -> ();
    }
    ParkedStore {
        park(records: &[Parked]) -> ();
        parked(stream: &StreamId, after: Option<&RecordKey>, limit: usize) -> Vec<Parked>;
        parked_by_key(stream: &StreamId, keys: &[RecordKey]) -> Vec<Parked>;
        unpark(stream: &StreamId, keys: &[RecordKey]) -> ();
    }
    Suspects {
        suspects(
            stream: &StreamId, generation: u64, keys: &[RecordKey]
        ) -> Vec<(RecordKey, u32)>;
        suspect(stream: &StreamId, generation: u64, records: &[(RecordKey, u32)]) -> ();
        acquit(stream: &StreamId, generation: u64, keys: &[RecordKey]) -> ();
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

impl Shelf for Seat {
    fn kept<'a>(
        &'a self,
        keys: &'a [ShelfKey],
    ) -> BoxFuture<'a, Result<Vec<Option<Kept>>, Unavailable>> {
        let keys = keys.to_vec();
        Box::pin(self.call_store("kept", move |store| store.kept_now(&keys)))
    }

    fn keep<'a>(&'a self, items: &'a [(ShelfKey, Kept)]) -> BoxFuture<'a, Result<(), Unavailable>> {
        let items = items.to_vec();
        Box::pin(self.call_store("keep", move |store| store.keep_now(&items)))
    }

    fn swap<'a>(
        &'a self,
        key: &'a ShelfKey,
        seen: Option<&'a Kept>,
        new: &'a Kept,
    ) -> BoxFuture<'a, Result<Swap, Unavailable>> {
        let (key, seen, new) = (key.clone(), seen.cloned(), new.clone());
        let swap = move |store: &MemoryStore| store.swap_now(&key, seen.as_ref(), &new);
        Box::pin(self.call_store("swap", swap))
    }
}
