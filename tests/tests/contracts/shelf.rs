//! Stored values: read by many, swapped by one.

use tidegate_core::{
    model::{Stored, StoredKey},
    ports::{KeyValueStore, Swap},
};

use super::{contract, in_parallel};

contract!(
    what_was_kept_is_found_in_the_order_asked_for,
    the_last_one_kept_stands,
    a_swap_takes_the_place_of_what_was_seen,
    a_swap_of_something_else_says_what_stands,
    a_repeat_of_a_swap_finds_its_own,
    what_expired_is_still_there_to_be_compared;
    once_only:
    of_many_swaps_at_once_one_is_made,
);

fn key(name: &str) -> StoredKey {
    StoredKey::new("test", name)
}

fn kept(value: &str) -> Stored {
    Stored { value: value.to_owned().into(), expires_ms: 1_795_766_400_000 }
}

async fn one<S: KeyValueStore>(store: &S, name: &str) -> Option<Stored> {
    store.get(&[key(name)]).await.unwrap().remove(0)
}

async fn what_was_kept_is_found_in_the_order_asked_for<S: KeyValueStore>(store: &S) {
    let items: Vec<_> = (0..40).map(|n| (key(&n.to_string()), kept(&format!("v{n}")))).collect();
    store.put(&items).await.unwrap();
    let asked = ["7", "none", "39", "7", "0"].map(key);
    let expected = [Some(kept("v7")), None, Some(kept("v39")), Some(kept("v7")), Some(kept("v0"))];
    assert_eq!(store.get(&asked).await.unwrap(), expected);
    assert_eq!(store.get(&[]).await.unwrap(), []);
}

async fn the_last_one_kept_stands<S: KeyValueStore>(store: &S) {
    store.put(&[(key("a"), kept("1")), (key("a"), kept("2"))]).await.unwrap();
    assert_eq!(one(store, "a").await, Some(kept("2")));
    store.put(&[(key("a"), kept("3"))]).await.unwrap();
    assert_eq!(one(store, "a").await, Some(kept("3")));
}

async fn a_swap_takes_the_place_of_what_was_seen<S: KeyValueStore>(store: &S) {
    assert_eq!(store.compare_and_swap(&key("a"), None, &kept("1")).await, Ok(Swap::Done));
    let later = Stored { expires_ms: 1_795_766_400_500, ..kept("2") };
    assert_eq!(store.compare_and_swap(&key("a"), Some(&kept("1")), &later).await, Ok(Swap::Done));
    assert_eq!(one(store, "a").await, Some(later));
}

async fn a_swap_of_something_else_says_what_stands<S: KeyValueStore>(store: &S) {
    let nothing = store.compare_and_swap(&key("a"), Some(&kept("0")), &kept("1")).await;
    assert_eq!(nothing, Ok(Swap::Stands(None)));
    store.put(&[(key("a"), kept("1"))]).await.unwrap();
    let another = store.compare_and_swap(&key("a"), Some(&kept("0")), &kept("2")).await;
    assert_eq!(another, Ok(Swap::Stands(Some(kept("1")))));
    let there_is_one = store.compare_and_swap(&key("a"), None, &kept("2")).await;
    assert_eq!(there_is_one, Ok(Swap::Stands(Some(kept("1")))));
}

async fn a_repeat_of_a_swap_finds_its_own<S: KeyValueStore>(store: &S) {
    assert_eq!(store.compare_and_swap(&key("a"), None, &kept("1")).await, Ok(Swap::Done));
    assert_eq!(store.compare_and_swap(&key("a"), None, &kept("1")).await, Ok(Swap::Done));
    assert_eq!(one(store, "a").await, Some(kept("1")));
}

async fn what_expired_is_still_there_to_be_compared<S: KeyValueStore>(store: &S) {
    let old = Stored { expires_ms: 1_000, ..kept("old") };
    store.put(&[(key("a"), old.clone())]).await.unwrap();
    assert_eq!(store.compare_and_swap(&key("a"), Some(&old), &kept("new")).await, Ok(Swap::Done));
}

async fn of_many_swaps_at_once_one_is_made<S: KeyValueStore>(store: &S) {
    let answers = in_parallel(20, async |at| {
        store.compare_and_swap(&key("a"), None, &kept(&at.to_string())).await.unwrap()
    });
    assert_eq!(answers.iter().filter(|answer| **answer == Swap::Done).count(), 1);
}
