//! What a source permits: kept over runs, and over all streams that share a budget.

use std::{
    sync::{Arc, Mutex},
    time::Instant,
};

use crate::{
    flow::{UNTIL_MS, set},
    staged::{Staged, answer, answer_with, number_of, page_of, ticking},
};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tidegate_connectors::wall_clock;
use tidegate_core::{
    model::Position,
    ports::{Source, SourceError},
};
use tidegate_testkit::MemoryStore;

/// A list of so many records in pages of one.
async fn list(records: usize) -> Staged {
    Staged::start(move |asked| answer(200, page_of(records, 1, number_of(asked), ""))).await
}

fn limited(list: &Staged, limits: Value) -> Value {
    let mut spec = list.numbered();
    set(&mut spec, "limits", limits);
    spec
}

fn wall_ms() -> i64 {
    wall_clock()()
}

/// Reads on until there is no leave for more: why, and for how long.
async fn held(source: &dyn Source) -> (String, u64) {
    let mut walk = source.walk(Position::Start, UNTIL_MS.max(wall_ms()));
    loop {
        match walk.next(wall_ms() + 60_000).await {
            Ok(batch) => assert!(!batch.end, "it was never held"),
            Err(SourceError::Later { reason, after_ms }) => return (reason, after_ms.unwrap()),
            Err(halt) => panic!("{halt}"),
        }
    }
}

async fn read_all(source: &dyn Source) -> usize {
    let mut walk = source.walk(Position::Start, UNTIL_MS.max(wall_ms()));
    let mut records = 0;
    loop {
        let batch = walk.next(wall_ms() + 60_000).await.unwrap();
        records += batch.records.len();
        if batch.end {
            return records;
        }
    }
}

#[tokio::test]
async fn a_rate_is_kept_by_all_who_share_it() {
    let shelf: Arc<MemoryStore> = Arc::default();
    let times = Arc::new(Mutex::new(Vec::new()));
    let noted = times.clone();
    let list = Staged::start(move |asked| {
        noted.lock().unwrap().push(Instant::now());
        answer(200, page_of(8, 2, number_of(asked), ""))
    })
    .await;
    let limits = json!({ "rate": "20/s", "budget": "erp" });
    let streams = [1, 2].map(|_| ticking(limited(&list, limits.clone()), &shelf));
    let read = streams.iter().map(|stream| read_all(&*stream.source));
    assert_eq!(join_all(read).await, [8, 8]);
    let times = times.lock().unwrap();
    // Each reads its pages and, to see that nothing moved, most of them again.
    assert!(times.len() >= 10, "{}", times.len());
    let took = times[times.len() - 1] - times[0];
    let least = std::time::Duration::from_millis(50) * u32::try_from(times.len() - 2).unwrap();
    assert!(took >= least, "{} requests in {took:?}", times.len());
}

#[tokio::test]
async fn a_daily_quota_ends_the_run_and_holds_for_the_next_and_for_all_who_share_it() {
    let (shelf, list) = (Arc::default(), list(100).await);
    let limits = json!({ "daily": { "count": 7 }, "budget": "erp" });
    for stream in 0..3 {
        let connected = ticking(limited(&list, limits.clone()), &shelf);
        let (reason, after_ms) = held(&*connected.source).await;
        assert!(reason.contains("quota is used up until"), "{stream}: {reason}");
        assert!(after_ms > 0 && after_ms <= 86_400_000, "{after_ms}");
        assert_eq!(list.asked().len(), 7, "{stream}");
    }
}

#[tokio::test]
async fn a_rate_too_slow_to_wait_for_ends_the_run_and_says_when_it_goes_on() {
    let (shelf, list) = (Arc::default(), list(100).await);
    for _ in 0..2 {
        let connected = ticking(limited(&list, json!({ "rate": "1/minute" })), &shelf);
        let (reason, after_ms) = held(&*connected.source).await;
        assert!(reason.contains("rate permits no request until"), "{reason}");
        assert!((50_000..=61_000).contains(&after_ms), "{after_ms}");
    }
    assert_eq!(list.asked().len(), 1);
}

#[tokio::test]
async fn what_an_answer_says_is_left_holds_for_all_who_share_the_budget() {
    for (status, headers) in [
        (200, [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset-after", "90")]),
        (429, [("retry-after", "90"), ("x-other", "1")]),
    ] {
        let list = Staged::start(move |asked| {
            answer_with(status, &headers, &page_of(9, 1, number_of(asked), ""))
        })
        .await;
        let shelf: Arc<MemoryStore> = Arc::default();
        let limits = json!({ "rate": "50/s", "budget": "erp" });
        for _ in 0..3 {
            let connected = ticking(limited(&list, limits.clone()), &shelf);
            let (_, after_ms) = held(&*connected.source).await;
            assert!((80_000..=90_000).contains(&after_ms), "{after_ms}");
        }
        assert_eq!(list.asked().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn concurrency_is_shared_and_let_go_of_after_each_request() {
    let (shelf, list) = (Arc::default(), list(5).await);
    let limits = json!({ "concurrency": 1, "budget": "erp" });
    for _ in 0..2 {
        let connected = ticking(limited(&list, limits.clone()), &shelf);
        assert_eq!(read_all(&*connected.source).await, 5);
    }
}
