//! Look-ups at once: each key is asked for once, and a look-up that waits for another's answer does not wait for ever.

use std::{future::pending, sync::Arc, time::Duration};

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use tidegate_core::{model::Blame, ports::BoxFuture};
use tokio::{task::JoinSet, time::sleep};

use super::{Api, Process, SOON, found, keys, price, prices};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_at_once_ask_for_each_key_once() {
    let slowly = |_, keys: Vec<String>| -> BoxFuture<'static, Response> {
        Box::pin(async move {
            sleep(Duration::from_millis(20)).await;
            prices(&keys)
        })
    };
    let api = Api::start(Arc::new(slowly)).await;
    let process = Process::alone(&api);
    let mut running = JoinSet::new();
    for number in 0..20 {
        let process = process.clone();
        running.spawn(async move {
            for round in 0..5 {
                // Each overlaps with its neighbours, which go the other way round.
                let mut keys: Vec<String> = (0..30)
                    .map(|n| format!("key-{}", (round * 40 + number * 5 + n) % 200))
                    .collect();
                if number % 2 == 0 {
                    keys.reverse();
                }
                let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
                process.ask(&keys).await;
            }
        });
    }
    while let Some(ended) = running.join_next().await {
        ended.unwrap();
    }
    let mut asked = api.asked().concat();
    asked.sort_unstable();
    let mut each: Vec<String> = (0..200).map(|n| format!("key-{n}")).collect();
    each.sort_unstable();
    assert_eq!(asked, each);
}

/// The first request has no answer until it is opened, or ever; those after it have one at once.
async fn first_waits(gate: Option<Arc<tokio::sync::Notify>>) -> Api {
    let answers = move |n, keys: Vec<String>| -> BoxFuture<'static, Response> {
        let gate = gate.clone();
        Box::pin(async move {
            match gate {
                Some(gate) if n == 1 => gate.notified().await,
                None if n == 1 => pending().await,
                _ => {}
            }
            prices(&keys)
        })
    };
    Api::start(Arc::new(answers)).await
}

#[tokio::test]
async fn what_others_ask_for_is_waited_for_and_the_rest_asked_at_once() {
    let gate = Arc::new(tokio::sync::Notify::new());
    let api = first_waits(Some(gate.clone())).await;
    let process = Process::alone(&api);
    let spawn = |keys: &'static [&'static str]| {
        let process = process.clone();
        tokio::spawn(async move { process.look_up(keys).await.unwrap() })
    };
    let first = spawn(&["a", "bb"]);
    api.arrived(1).await;
    let (second, third) = (spawn(&["bb", "c", "no"]), spawn(&["bb", "a"]));
    api.arrived(2).await;
    sleep(SOON).await;
    assert_eq!(api.asked(), [vec!["a", "bb"], vec!["c", "no"]]);
    assert!(!first.is_finished() && !second.is_finished() && !third.is_finished());
    gate.notify_one();
    assert_eq!(first.await.unwrap(), found(&["a", "bb"]));
    assert_eq!(second.await.unwrap(), found(&["bb", "c", "no"]));
    assert_eq!(third.await.unwrap(), found(&["bb", "a"]));
    assert_eq!(api.asked().len(), 2);
}

#[tokio::test]
async fn a_look_up_that_waits_for_one_that_is_dropped_asks_itself() {
    let api = first_waits(None).await;
    let process = Process::alone(&api);
    let spawn = |keys: &'static [&'static str]| {
        let process = process.clone();
        tokio::spawn(async move { process.look_up(keys).await })
    };
    let first = spawn(&["a", "bb"]);
    api.arrived(1).await;
    let (same, part) = (spawn(&["bb", "a"]), spawn(&["bb", "c"]));
    api.arrived(2).await;
    sleep(SOON).await;
    first.abort();
    assert_eq!(same.await.unwrap().unwrap(), found(&["bb", "a"]));
    assert_eq!(api.asked()[1..], [vec!["c"], vec!["bb", "a"]]);
    // It has had its request: the application looks up halves, each with a request of its own.
    let later = part.await.unwrap().unwrap_err();
    assert_eq!((later.blame, later.unknown), (Blame::Batch, false));
    process.ask(&["bb"]).await;
    process.ask(&["c"]).await;
    assert_eq!(api.asked().len(), 3);
}

#[tokio::test]
async fn a_look_up_that_waits_for_one_that_fails_asks_itself() {
    let gate = Arc::new(tokio::sync::Notify::new());
    let opened = gate.clone();
    let answers = move |n, keys: Vec<String>| -> BoxFuture<'static, Response> {
        let gate = gate.clone();
        Box::pin(async move {
            if n > 1 {
                return prices(&keys);
            }
            gate.notified().await;
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        })
    };
    let api = Api::start(Arc::new(answers)).await;
    let process = Process::alone(&api);
    let first = tokio::spawn({
        let process = process.clone();
        async move { process.look_up(&["a"]).await }
    });
    api.arrived(1).await;
    let mut waiting = JoinSet::new();
    for _ in 0..5 {
        let process = process.clone();
        waiting.spawn(async move { process.look_up(&["a"]).await });
    }
    sleep(SOON).await;
    opened.notify_one();
    assert_eq!(first.await.unwrap().unwrap_err().blame, Blame::Destination);
    while let Some(found) = waiting.join_next().await {
        assert_eq!(found.unwrap().unwrap(), [price("a")]);
    }
    assert_eq!(api.asked().len(), 2, "one of them asks, the others wait for it");
}

#[tokio::test]
async fn no_look_up_waits_longer_than_its_own_time() {
    let api = first_waits(None).await;
    let process = Process::alone(&api);
    let first = tokio::spawn({
        let process = process.clone();
        async move { process.look_up(&["a"]).await }
    });
    api.arrived(1).await;
    let started = std::time::Instant::now();
    let later = process.lookup.look_up(&keys(&["a"]), 150).await.found.unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(2));
    assert_eq!((later.blame, later.unknown), (Blame::NotAttempted, false), "nothing failed");
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    process.ask(&["a"]).await;
    assert_eq!(api.asked().len(), 2);
}
