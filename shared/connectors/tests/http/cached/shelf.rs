//! The shelf that processes share: how often it is asked, and what it does when it fails or holds nonsense.

use std::{
    sync::{Arc, atomic::Ordering::SeqCst},
    time::Duration,
};

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::json;
use tidegate_core::{
    model::{Stored, StoredKey},
    ports::BoxFuture,
};
use tokio::time::sleep;

use super::{Api, CACHE_MS, NOW_MS, Process, SOON, TIMEOUT_MS, clock, file, keys, price, spy::Spy};

#[tokio::test]
async fn all_keys_are_one_read_and_one_write() {
    let (api, shelf) = (Api::prices().await, Spy::default());
    let process = Process::of(&file(&api.url, "cache: 10m"), shelf.clone(), &clock());
    process.known(&[]).await;
    assert_eq!(shelf.calls.load(SeqCst), 0);
    process.ask(&["a", "bb", "no"]).await;
    process.ask(&["a", "bb", "no"]).await;
    assert_eq!(shelf.calls.load(SeqCst), 2);
    let kept = shelf.kept.lock().unwrap();
    assert_eq!(kept.len(), 3);
    for (key, kept) in &*kept {
        assert!(key.as_str().starts_with("lookup/") && key.as_str().len() <= 900);
        assert_eq!(kept.expires_ms, NOW_MS + CACHE_MS);
    }
}

#[tokio::test]
async fn without_the_shelf_it_is_only_asked_more_often() {
    for hangs in [false, true] {
        let (api, shelf) = (Api::prices().await, Spy::default());
        shelf.fails.store(true, SeqCst);
        shelf.hangs.store(hangs, SeqCst);
        let process = || Process::of(&file(&api.url, "cache: 10m"), shelf.clone(), &clock());
        let first = process();
        // The time that it waits for the shelf is little, whatever it is given.
        let asked = tokio::time::timeout(Duration::from_secs(8), first.ask(&["a", "no"]));
        asked.await.unwrap();
        assert_eq!(first.known(&["a", "no"]).await, [Some(price("a")), Some(None)]);
        assert_eq!(shelf.calls.load(SeqCst), 2);
        shelf.hangs.store(false, SeqCst);
        process().ask(&["a", "no"]).await;
        shelf.fails.store(false, SeqCst);
        process().ask(&["a", "no"]).await;
        process().ask(&["a", "no"]).await;
        assert_eq!(api.asked().len(), 3);
    }
}

/// What was found is known, even if its look-up dies while it is put on the shelf.
#[tokio::test]
async fn a_look_up_that_is_dropped_at_the_shelf_leaves_its_answer() {
    let (api, shelf) = (Api::prices().await, Spy::default());
    let process = Process::of(&file(&api.url, "cache: 10m"), shelf.clone(), &clock());
    shelf.hangs.store(true, SeqCst);
    {
        let asked = keys(&["a"]);
        let mut look_up = process.lookup.look_up(&asked, TIMEOUT_MS);
        tokio::select! {
            _ = &mut look_up => panic!("the shelf hangs"),
            () = async { while shelf.calls.load(SeqCst) == 0 { sleep(SOON / 10).await } } => {}
        }
    }
    assert_eq!(process.look_up(&["a"]).await.unwrap(), [price("a")]);
    assert_eq!(api.asked().len(), 1);
}

#[tokio::test]
async fn what_cannot_be_read_is_asked_for_and_put_right() {
    let (api, shelf) = (Api::prices().await, Spy::default());
    let process = || Process::of(&file(&api.url, "cache: 10m"), shelf.clone(), &clock());
    process().ask(&["a", "bb", "no"]).await;
    let garbage = ["", "garbage", "\u{1}[1]", "\u{1}{\"price\":", "\u{2}\0\0\0\u{1}"];
    let kept = shelf.kept.lock().unwrap().clone();
    for (asked, garbage) in garbage.into_iter().enumerate() {
        let spoiled = kept.iter().map(|(key, kept)| {
            (key.clone(), Stored { value: Bytes::from_static(garbage.as_bytes()), ..kept.clone() })
        });
        shelf.inner.put_now(&spoiled.collect::<Vec<_>>());
        process().ask(&["a", "bb", "no"]).await;
        process().ask(&["a", "bb", "no"]).await;
        assert_eq!(api.asked().len(), asked + 2, "{garbage:?}");
    }
    // Of a writer whose clock is years ahead: it is used no longer than the flow says.
    let ahead = |(key, kept): &(StoredKey, Stored)| {
        (key.clone(), Stored { expires_ms: i64::MAX, ..kept.clone() })
    };
    shelf.inner.put_now(&kept.iter().map(ahead).collect::<Vec<_>>());
    let clock = clock();
    let late = Process::of(&file(&api.url, "cache: 10m"), shelf.clone(), &clock);
    let requests = api.asked().len();
    late.ask(&["a"]).await;
    assert_eq!(api.asked().len(), requests);
    shelf.inner.put_now(&kept);
    clock.advance(CACHE_MS);
    late.ask(&["a"]).await;
    assert_eq!(api.asked().len(), requests + 1);
}

#[tokio::test]
async fn a_large_record_is_kept_in_memory_alone() {
    let answers = |_, keys: Vec<String>| -> BoxFuture<'static, Response> {
        let key = keys[0].clone();
        let bytes: u32 = key.parse().unwrap();
        // No two pieces alike, so that packing helps little.
        let piece = |n: u32| format!("{:08x}", n.wrapping_mul(2_654_435_761));
        let text: String = (0..bytes / 8).map(piece).collect();
        let body = json!([{"sku": key, "text": text}]).to_string();
        Box::pin(async move { body.into_response() })
    };
    let (api, shelf) = (Api::start(Arc::new(answers)).await, Spy::default());
    let process = || Process::of(&file(&api.url, "cache: 10m"), shelf.clone(), &clock());
    let first = process();
    for (key, in_memory, on_shelf) in
        [("80000", true, true), ("150000", true, false), ("2000000", false, false)]
    {
        let found = first.look_up(&[key]).await.unwrap();
        let known = |known: bool| vec![known.then(|| found[0].clone())];
        assert_eq!(first.known(&[key]).await, known(in_memory), "{key}");
        assert_eq!(process().known(&[key]).await, known(on_shelf), "{key}");
    }
    assert_eq!(api.asked().len(), 3);
}
