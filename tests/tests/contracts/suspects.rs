//! Records that were in hand when their processor was heard of no more.

use tidegate_core::{
    model::{RecordId, RecordKey, Version},
    ports::Suspects,
};

use super::{contract, other_stream, stream};

contract!(
    nobody_is_suspected_at_first,
    suspects_are_known_with_their_deaths,
    suspecting_again_replaces,
    what_is_cleared_is_forgotten,
    a_whole_page_is_suspected_at_once,
    versions_streams_and_generations_are_told_apart;
    once_only:
);

fn key(id: i64) -> RecordKey {
    RecordKey { id: RecordId::Number(id), version: Version(1) }
}

async fn nobody_is_suspected_at_first<S: Suspects>(store: &S) {
    assert_eq!(store.suspects(&stream(), 0, &[key(1)]).await, Ok(vec![]));
    assert_eq!(store.suspects(&stream(), 0, &[]).await, Ok(vec![]));
}

async fn suspects_are_known_with_their_deaths<S: Suspects>(store: &S) {
    store.suspect(&stream(), 0, &[(key(1), 1), (key(2), 3)]).await.unwrap();
    let known = store.suspects(&stream(), 0, &[key(2), key(3), key(1)]).await;
    assert_eq!(known, Ok(vec![(key(2), 3), (key(1), 1)]));
}

async fn suspecting_again_replaces<S: Suspects>(store: &S) {
    for deaths in [1, 2] {
        store.suspect(&stream(), 0, &[(key(1), deaths)]).await.unwrap();
    }
    store.suspect(&stream(), 0, &[(key(2), 1), (key(2), 2)]).await.unwrap();
    let known = store.suspects(&stream(), 0, &[key(1), key(2)]).await;
    assert_eq!(known, Ok(vec![(key(1), 2), (key(2), 2)]));
}

async fn what_is_cleared_is_forgotten<S: Suspects>(store: &S) {
    store.suspect(&stream(), 0, &[(key(1), 1), (key(2), 1)]).await.unwrap();
    for _ in 0..2 {
        store.clear_suspects(&stream(), 0, &[key(1), key(9)]).await.unwrap();
    }
    store.clear_suspects(&stream(), 0, &[]).await.unwrap();
    let known = store.suspects(&stream(), 0, &[key(1), key(2)]).await;
    assert_eq!(known, Ok(vec![(key(2), 1)]));
}

async fn a_whole_page_is_suspected_at_once<S: Suspects>(store: &S) {
    let page: Vec<_> = (0..120).map(|id| (key(id), 1)).collect();
    let keys: Vec<_> = (0..120).map(key).collect();
    store.suspect(&stream(), 0, &page).await.unwrap();
    assert_eq!(store.suspects(&stream(), 0, &keys).await, Ok(page));
    store.clear_suspects(&stream(), 0, &keys).await.unwrap();
    assert_eq!(store.suspects(&stream(), 0, &keys).await, Ok(vec![]));
}

async fn versions_streams_and_generations_are_told_apart<S: Suspects>(store: &S) {
    store.suspect(&stream(), 0, &[(key(1), 1)]).await.unwrap();
    assert_eq!(store.suspects(&other_stream(), 0, &[key(1)]).await, Ok(vec![]));
    assert_eq!(store.suspects(&stream(), 1, &[key(1)]).await, Ok(vec![]));
    let other = RecordKey { version: Version(2), ..key(1) };
    assert_eq!(store.suspects(&stream(), 0, &[other]).await, Ok(vec![]));
}
