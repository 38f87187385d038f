//! One suite for every implementation of the ports.
//!
//! Each behaviour is one function, generic over the store, named after what the port's documentation
//! promises. It runs on the store in memory, on the DynamoDB store over the embedded table, on the same
//! where the table executed every statement before, and, where a repeat is invisible to the caller, on a
//! table that loses the first answer to every request, so that the SDK's own retry meets our own success.

mod conditions;
mod cursor;
mod digests;
mod embedded;
mod expression;
mod faults;
mod ledger;
mod overtaken;
mod pages;
mod parameters;
mod parked;
mod queue;
mod rehearsed;
mod shelf;
mod statements;
mod suspects;
mod topic;

use std::future::Future;

use tidegate_aws::Table;
use tidegate_core::{
    model::{Cursor, Emission, Mark, Moment, PageNumber, Position, RecordId, StreamId},
    ports::{CursorStore, Lease, NewPage, Seal, Store},
};
use tidegate_testkit::MemoryStore;

/// Runs behaviours on every store; those in `once_only` not where answers are lost, for there a
/// repeat shows.
macro_rules! contract {
    ($($behaviour:ident),* $(,)? ; once_only: $($once_only:ident),* $(,)?) => {
        /// All of them, for [`super::conditions`].
        pub const BEHAVIOURS: &[(&str, super::conditions::Behaviour)] = &[
            $((stringify!($behaviour), |table| Box::pin($behaviour(table))),)*
            $((stringify!($once_only), |table| Box::pin($once_only(table))),)*
        ];
        mod memory {
            $(#[tokio::test] async fn $behaviour() { super::$behaviour(&super::super::memory()).await })*
            $(#[tokio::test] async fn $once_only() { super::$once_only(&super::super::memory()).await })*
        }
        mod dynamodb {
            use crate::tables;
            $(#[tokio::test] async fn $behaviour() { super::$behaviour(&tables::empty()).await })*
            $(#[tokio::test] async fn $once_only() { super::$once_only(&tables::empty()).await })*
        }
        mod dynamodb_rehearsed {
            use super::super::rehearsed::rehearsed;
            $(#[tokio::test] async fn $behaviour() { super::$behaviour(&rehearsed()).await })*
            $(#[tokio::test] async fn $once_only() { super::$once_only(&rehearsed()).await })*
        }
        mod dynamodb_losing_answers {
            use super::super::faults;
            $(#[tokio::test] async fn $behaviour() { super::$behaviour(&faults::losing_answers()).await })*
        }
    };
}
use contract;

fn memory() -> MemoryStore {
    MemoryStore::new()
}

/// Holds an implementation to the whole port, at compile time.
const fn is_a_store<S: Store>() {}
const _: () = {
    is_a_store::<MemoryStore>();
    is_a_store::<Table>();
};

fn stream() -> StreamId {
    StreamId::new("orders", "shop").unwrap()
}

fn other_stream() -> StreamId {
    StreamId::new("orders", "other").unwrap()
}

/// A position that every step of encoding could spoil.
fn at(id: i64) -> Position {
    let text = format!("2026-11-27T09:00:00.{id:03}+00:00 \"ü\"").into();
    let mark = Mark { at: Some(Moment { text, ns: id }), id: RecordId::Number(id) };
    Position::At(mark)
}

fn emission(name: &str) -> Emission {
    Emission(name.into())
}

/// Page `number`, of ten records, from where the page before it ends.
fn page(number: PageNumber, by: &str) -> NewPage {
    let end = |number: PageNumber| match number {
        0 => Position::Start,
        number => at(i64::try_from(number).unwrap() * 10),
    };
    NewPage {
        number,
        emission: emission(&format!("{by}-{number}")),
        from: end(number - 1),
        to: end(number),
        count: 10,
    }
}

/// The lease, which must be free.
async fn acquired<S: CursorStore>(store: &S, owner: &str, now_ms: i64, until_ms: i64) -> Cursor {
    match store.acquire(&stream(), owner, now_ms, until_ms).await.unwrap() {
        Lease::Acquired(cursor) => *cursor,
        refused => panic!("the lease is free, and yet: {refused:?}"),
    }
}

/// A stream whose pages 1 to `pages` were sealed by `fetcher` under fence 1.
async fn sealed<S: CursorStore>(store: &S, pages: PageNumber) -> Cursor {
    let cursor = acquired(store, "fetcher", 0, 1_000).await;
    let numbers: Vec<PageNumber> = (1..=pages).collect();
    for ten in numbers.chunks(10) {
        let ten: Vec<_> = ten.iter().map(|number| page(*number, "fetcher")).collect();
        assert_eq!(store.seal(&stream(), cursor.fence, &ten, 5).await, Ok(Seal::Sealed));
    }
    cursor_of(store).await
}

async fn cursor_of<S: CursorStore>(store: &S) -> Cursor {
    store.cursor(&stream()).await.unwrap().expect("the stream was fetched")
}

/// Runs `act` on so many threads at once, each with a runtime of its own: the stores answer without
/// ever yielding, so that tasks of one thread would only take turns.
fn in_parallel<T: Send, F: Future<Output = T>>(
    threads: usize,
    act: impl Fn(usize) -> F + Sync,
) -> Vec<T> {
    let act = &act;
    let one = |index| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        runtime.unwrap().block_on(act(index))
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|index| scope.spawn(move || one(index))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}
