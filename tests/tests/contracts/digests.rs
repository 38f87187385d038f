//! What the digest of errors reads, and how far it got.

use tidegate_core::{
    model::{DigestState, Parked, ParkedError, RecordId, RecordKey, StreamId, Version},
    ports::{Digests, ParkedStore},
};

use super::{contract, in_parallel, other_stream, stream};

contract!(
    a_stream_is_named_once_it_parked,
    many_streams_are_named_in_order,
    errors_are_listed_without_their_data,
    errors_are_listed_by_when_they_were_parked,
    errors_are_listed_a_page_at_a_time,
    the_state_is_written_only_over_what_was_seen,
    a_repeat_of_a_write_finds_it_made;
    once_only: of_many_claims_one_stands,
);

fn parked(stream: &StreamId, id: i64, parked_at_ms: i64) -> Parked {
    Parked {
        stream: stream.clone(),
        key: RecordKey { id: RecordId::Number(id), version: Version(7) },
        status: (id % 2 == 0).then_some(422),
        reason: format!("no such shop: {id}").into(),
        page: 1,
        deleted: false,
        parked_at_ms,
        data: vec![b'x'; 6_000].into(),
    }
}

fn error(parked: &Parked) -> ParkedError {
    ParkedError {
        key: parked.key.clone(),
        status: parked.status,
        reason: parked.reason.clone(),
        parked_at_ms: parked.parked_at_ms,
    }
}

async fn a_stream_is_named_once_it_parked<S: Digests + ParkedStore>(store: &S) {
    assert_eq!(store.parking_streams().await, Ok(vec![]));
    for _ in 0..2 {
        store.park(&[parked(&stream(), 1, 1), parked(&other_stream(), 1, 1)]).await.unwrap();
        assert_eq!(store.parking_streams().await, Ok(vec![other_stream(), stream()]));
    }
    store.unpark(&stream(), &[parked(&stream(), 1, 1).key]).await.unwrap();
    assert_eq!(store.parking_streams().await, Ok(vec![other_stream(), stream()]));
    store.park(&[]).await.unwrap();
}

async fn many_streams_are_named_in_order<S: Digests + ParkedStore>(store: &S) {
    let mut streams: Vec<StreamId> =
        (0..120).map(|number| StreamId::new("orders", &number.to_string()).unwrap()).collect();
    for first in ["-", "_", ".", "0", "9", "A", "Z", "a", "zz"] {
        streams.push(StreamId::new(first, first).unwrap());
    }
    for stream in &streams {
        store.park(&[parked(stream, 1, 1)]).await.unwrap();
    }
    let named = store.parking_streams().await.unwrap();
    streams.sort_unstable_by_key(ToString::to_string);
    let mut sorted = named.clone();
    sorted.sort_unstable_by_key(ToString::to_string);
    assert_eq!(sorted, streams);
}

async fn errors_are_listed_without_their_data<S: Digests + ParkedStore>(store: &S) {
    let records = [1, 2, 3].map(|id| parked(&stream(), id, 100));
    store.park(&records).await.unwrap();
    store.park(&[parked(&other_stream(), 4, 100)]).await.unwrap();
    let errors = store.errors(&stream(), 0, 101, None, 10).await.unwrap();
    assert_eq!(errors, records.each_ref().map(error));
    // Parked again, it is a new error.
    let again = parked(&stream(), 2, 200);
    store.park(std::slice::from_ref(&again)).await.unwrap();
    assert_eq!(store.errors(&stream(), 101, 201, None, 10).await, Ok(vec![error(&again)]));
    assert_eq!(store.errors(&stream(), 0, 101, None, 10).await.unwrap().len(), 2);
}

async fn errors_are_listed_by_when_they_were_parked<S: Digests + ParkedStore>(store: &S) {
    let records = [99, 100, 150, 199, 200].map(|at| parked(&stream(), at, at));
    store.park(&records).await.unwrap();
    let errors = store.errors(&stream(), 100, 200, None, 10).await.unwrap();
    assert_eq!(errors, records[1..4].iter().map(error).collect::<Vec<_>>());
    assert_eq!(store.errors(&stream(), 200, 200, None, 10).await, Ok(vec![]));
    assert_eq!(store.errors(&other_stream(), 0, 999, None, 10).await, Ok(vec![]));
}

async fn errors_are_listed_a_page_at_a_time<S: Digests + ParkedStore>(store: &S) {
    // Every third is new: a page of them is no page of what is there.
    let at = |id: i64| if id % 3 == 0 { 100 } else { 1 };
    let records: Vec<_> = (0..500).map(|id| parked(&stream(), id, at(id))).collect();
    store.park(&records).await.unwrap();
    let mut errors: Vec<ParkedError> = Vec::new();
    loop {
        let after = errors.last().map(|error| error.key.clone());
        let page = store.errors(&stream(), 100, 101, after.as_ref(), 10).await.unwrap();
        let last = page.len() < 10;
        errors.extend(page);
        if last {
            break;
        }
    }
    let expected = records.iter().filter(|record| record.parked_at_ms == 100).map(error);
    assert_eq!(errors, expected.collect::<Vec<_>>());
    assert_eq!(store.errors(&stream(), 0, 999, None, 0).await, Ok(vec![]));
}

const NONE: DigestState = DigestState { sent_until_ms: 0, pending_until_ms: None };
const CLAIMED: DigestState = DigestState { sent_until_ms: 0, pending_until_ms: Some(10) };
const SENT: DigestState = DigestState { sent_until_ms: 10, pending_until_ms: None };
const NEXT: DigestState = DigestState { sent_until_ms: 10, pending_until_ms: Some(20) };

/// As if the first pending digest had ended earlier, or the second.
const OTHER_SENT: DigestState = DigestState { sent_until_ms: 5, pending_until_ms: Some(20) };
const OTHER_PENDING: DigestState = DigestState { sent_until_ms: 10, pending_until_ms: Some(15) };

async fn the_state_is_written_only_over_what_was_seen<S: Digests>(store: &S) {
    assert_eq!(store.digest_state().await, Ok(NONE));
    for (seen, to, expected) in [
        (SENT, NEXT, NONE),
        (CLAIMED, SENT, NONE),
        (NONE, CLAIMED, CLAIMED),
        (CLAIMED, NONE, NONE),
        (NONE, CLAIMED, CLAIMED),
        (NONE, NEXT, CLAIMED),
        (SENT, NEXT, CLAIMED),
        (CLAIMED, SENT, SENT),
        (CLAIMED, NONE, SENT),
        (NONE, CLAIMED, SENT),
        (SENT, NEXT, NEXT),
        (SENT, OTHER_PENDING, NEXT),
        (OTHER_SENT, SENT, NEXT),
        (OTHER_PENDING, SENT, NEXT),
    ] {
        let made = store.swap_digest_state(seen, to).await.unwrap();
        assert_eq!(made, expected == to, "{seen:?} to {to:?}");
        assert_eq!(store.digest_state().await, Ok(expected));
    }
}

async fn a_repeat_of_a_write_finds_it_made<S: Digests>(store: &S) {
    for (seen, to) in [(NONE, CLAIMED), (CLAIMED, SENT), (SENT, NEXT)] {
        for _ in 0..3 {
            assert_eq!(store.swap_digest_state(seen, to).await, Ok(true));
        }
    }
}

async fn of_many_claims_one_stands<S: Digests + Sync>(store: &S) {
    let claim = |index: usize| DigestState {
        pending_until_ms: Some(i64::try_from(index).unwrap() + 1),
        ..NONE
    };
    let made =
        in_parallel(20, async |index| store.swap_digest_state(NONE, claim(index)).await.unwrap());
    assert_eq!(made.iter().filter(|made| **made).count(), 1);
    let stands = claim(made.iter().position(|made| *made).unwrap());
    assert_eq!(store.digest_state().await, Ok(stands));
}
