//! Parked records.

use bytes::Bytes;
use tidegate_core::{
    model::{Parked, RecordId, RecordKey, StreamId, Version},
    ports::ParkedStore,
};

use super::{contract, other_stream, stream};

contract!(
    parked_records_are_kept_whole,
    parking_again_replaces,
    of_two_with_one_key_the_last_is_kept,
    they_are_listed_in_order_of_key,
    they_are_listed_a_page_at_a_time,
    many_are_parked_at_once,
    they_are_found_by_key,
    unparking_removes_them,
    large_records_are_kept_whole,
    a_large_record_is_replaced_and_removed,
    streams_do_not_mix;
    once_only:
);

fn key(id: i64, version: i64) -> RecordKey {
    RecordKey { id: RecordId::Number(id), version: Version(version) }
}

fn text_key(id: &str, version: i64) -> RecordKey {
    RecordKey { id: RecordId::Text(id.into()), version: Version(version) }
}

fn record(key: RecordKey, data: impl Into<Bytes>) -> Parked {
    Parked {
        stream: stream(),
        key,
        status: Some(422),
        reason: "the destination says: \"no such shop\"".into(),
        page: 12,
        deleted: false,
        parked_at_ms: 1_700_000_000_000,
        data: data.into(),
    }
}

/// Bytes that no packing makes smaller, so that they take several items.
fn noise(bytes: usize, seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        b' ' + u8::try_from((state >> 33) % 94).unwrap()
    };
    (0..bytes).map(|_| next()).collect()
}

async fn all<S: ParkedStore>(store: &S) -> Vec<Parked> {
    store.parked(&stream(), None, 1_000).await.unwrap()
}

async fn parked_records_are_kept_whole<S: ParkedStore>(store: &S) {
    let records = [
        record(key(-3, i64::MIN), r#"{"id": -3,  "name":"Æ \u0000"}"#),
        Parked { status: None, page: 0, deleted: true, ..record(key(7, 0), "") },
        record(text_key("a b", 1), noise(3_000, 1)),
        record(text_key("c", 1), "x".repeat(100_000)),
        record(text_key("not UTF-8", 1), b"\xff\xfe".to_vec()),
    ];
    store.park(&records).await.unwrap();
    assert_eq!(all(store).await, records);
}

async fn parking_again_replaces<S: ParkedStore>(store: &S) {
    for reason in ["first", "second", "second"] {
        let again = Parked { reason: reason.into(), ..record(key(1, 1), "{}") };
        store.park(std::slice::from_ref(&again)).await.unwrap();
        assert_eq!(all(store).await, [again]);
    }
}

async fn of_two_with_one_key_the_last_is_kept<S: ParkedStore>(store: &S) {
    let records = [record(key(1, 1), "1"), record(key(1, 1), "2")];
    store.park(&records).await.unwrap();
    assert_eq!(all(store).await, records[1..]);
}

/// Some keys in their order.
fn line() -> Vec<RecordKey> {
    let long = "z".repeat(800);
    let mut line = vec![key(i64::MIN, 0), key(-10, 0), key(-9, 0), key(0, -1), key(0, 0)];
    line.extend([key(9, 5), key(9, 10), key(10, 1), key(i64::MAX, i64::MAX)]);
    line.extend(
        ["", "\u{1}", " ", "!", "\"", "-", "1", "10", "10 ", "10!", "9", "a", "é"]
            .map(|id| text_key(id, 1)),
    );
    line.insert(line.len() - 1, text_key(&long, 2));
    line
}

async fn they_are_listed_in_order_of_key<S: ParkedStore>(store: &S) {
    assert!(line().is_sorted());
    let records: Vec<_> = line().into_iter().rev().map(|key| record(key, "{}")).collect();
    store.park(&records).await.unwrap();
    let keys: Vec<_> = all(store).await.into_iter().map(|record| record.key).collect();
    assert_eq!(keys, line());
}

async fn they_are_listed_a_page_at_a_time<S: ParkedStore>(store: &S) {
    let records: Vec<_> = line().into_iter().map(|key| record(key, "{}")).collect();
    store.park(&records).await.unwrap();
    let mut keys: Vec<RecordKey> = Vec::new();
    loop {
        let page = store.parked(&stream(), keys.last(), 4).await.unwrap();
        assert!(page.len() <= 4);
        if page.is_empty() {
            break;
        }
        keys.extend(page.into_iter().map(|record| record.key));
    }
    assert_eq!(keys, line());
    assert_eq!(store.parked(&stream(), None, 0).await, Ok(vec![]));
    // One that was unparked meanwhile still marks where to go on.
    let page = store.parked(&stream(), Some(&key(5, 5)), 1).await.unwrap();
    assert_eq!(page[0].key, key(9, 5));
}

async fn many_are_parked_at_once<S: ParkedStore>(store: &S) {
    let records: Vec<_> = (0..230).map(|id| record(key(id, 0), noise(10_000, 1))).collect();
    store.park(&records).await.unwrap();
    assert_eq!(all(store).await, records);
    let keys: Vec<_> = (0..230).map(|id| key(id, 0)).collect();
    assert_eq!(store.parked_by_key(&stream(), &keys).await.unwrap().len(), 230);
    store.unpark(&stream(), &keys).await.unwrap();
    assert_eq!(all(store).await, []);
}

async fn they_are_found_by_key<S: ParkedStore>(store: &S) {
    let records = [1, 2, 3].map(|id| record(key(id, 0), "{}"));
    store.park(&records).await.unwrap();
    let found = store.parked_by_key(&stream(), &[key(1, 0), key(2, 9), key(3, 0)]).await.unwrap();
    assert_eq!(found, [records[0].clone(), records[2].clone()]);
    assert_eq!(store.parked_by_key(&stream(), &[]).await, Ok(vec![]));
}

async fn unparking_removes_them<S: ParkedStore>(store: &S) {
    let records = [1, 2, 3].map(|id| record(key(id, 0), "{}"));
    store.park(&records).await.unwrap();
    for _ in 0..2 {
        store.unpark(&stream(), &[key(1, 0), key(3, 0), key(4, 0)]).await.unwrap();
        assert_eq!(all(store).await, records[1..2]);
    }
    store.unpark(&stream(), &[]).await.unwrap();
}

async fn large_records_are_kept_whole<S: ParkedStore>(store: &S) {
    let sizes = [340_000, 349_990, 350_000, 700_000, 1_000_000, 3_000_000];
    let ids = 0..i64::try_from(sizes.len()).unwrap();
    let records: Vec<_> =
        ids.zip(sizes).map(|(id, size)| record(key(id, 0), noise(size, 1))).collect();
    store.park(&records).await.unwrap();
    assert!(all(store).await == records);
    let found = store.parked_by_key(&stream(), &[key(4, 0), key(5, 0)]).await.unwrap();
    assert!(found == records[4..]);
    let page = store.parked(&stream(), Some(&key(2, 0)), 1).await.unwrap();
    assert!(page == records[3..4]);
}

async fn a_large_record_is_replaced_and_removed<S: ParkedStore>(store: &S) {
    for (size, seed) in [(1_000_000, 1), (800_000, 2), (10, 3), (900_000, 1)] {
        let again = record(key(1, 0), noise(size, seed));
        store.park(std::slice::from_ref(&again)).await.unwrap();
        assert!(all(store).await == [again]);
    }
    for _ in 0..2 {
        store.unpark(&stream(), &[key(1, 0)]).await.unwrap();
        assert_eq!(all(store).await, []);
    }
}

async fn streams_do_not_mix<S: ParkedStore>(store: &S) {
    let of = |stream: StreamId, data: &'static str| Parked { stream, ..record(key(1, 0), data) };
    let (ours, theirs) = (of(stream(), "1"), of(other_stream(), "2"));
    store.park(&[ours.clone(), theirs.clone()]).await.unwrap();
    assert_eq!(all(store).await, [ours]);
    store.unpark(&stream(), &[key(1, 0)]).await.unwrap();
    assert_eq!(store.parked(&other_stream(), None, 9).await, Ok(vec![theirs]));
}
