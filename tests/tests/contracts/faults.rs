//! What a network and a busy table do to the DynamoDB store.

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

use serde_json::{Value, json};
use tidegate_aws::{Clients, InProcess, Requests, Table};
use tidegate_core::{
    model::{Cursor, Edition, Parked, Position, RecordId, RecordKey, Settled, Settling, Version},
    ports::{
        Advance, Claim, ClaimEnd, Claimant, CursorStore, Ending, Lease, Ledger, Moved, ParkedStore,
        Seal, Settle, Unavailable,
    },
};
use tidegate_local::EmbeddedTable;

use super::{acquired, at, cursor_of, emission, page, sealed, stream};

type Answer = (u16, Vec<u8>);

/// A table that performs every request and loses the answer to its first sending.
pub fn losing_answers() -> Table {
    let seen = Mutex::new(HashSet::new());
    let lost = move |_: &str, body: &[u8]| seen.lock().unwrap().insert(body.to_vec());
    table(move |embedded, target, body| {
        let answer = embedded.answer(target, body);
        if lost(target, body) { gone() } else { answer }
    })
    .0
}

/// An empty table whose requests are answered by `answer`, which may ask the embedded one.
pub fn table(
    answer: impl Fn(&EmbeddedTable, &str, &[u8]) -> Answer + Send + Sync + 'static,
) -> (Table, Requests) {
    let embedded = EmbeddedTable::in_memory().unwrap();
    let clients = Clients::over(InProcess::new(move |target, body| {
        let before = target.ends_with("BatchExecuteStatement").then(|| BEFORE.take()).flatten();
        if let Some(before) = before {
            before(&embedded);
        }
        answer(&embedded, target, body)
    }));
    (clients.table(EmbeddedTable::NAME), clients.requests().clone())
}

type Before = Box<dyn FnOnce(&EmbeddedTable)>;

thread_local! {
    static BEFORE: RefCell<Option<Before>> = const { RefCell::new(None) };
}

/// Does this to the table just before this thread's next batch of statements comes there.
pub fn before_the_next_statement(act: impl FnOnce(&EmbeddedTable) + 'static) {
    BEFORE.set(Some(Box::new(act)));
}

/// What an answer that never came looks like to the retry.
fn gone() -> Answer {
    refusal(500, "InternalServerError", &json!({}))
}

fn refusal(status: u16, code: &str, more: &Value) -> Answer {
    let mut body = json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{code}")});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    (status, body.to_string().into_bytes())
}

/// A table that, while `times` lasts, answers `operation` with `fault`, performed or not.
fn faulty(
    operation: &'static str,
    times: usize,
    performed: bool,
    fault: impl Fn() -> Answer + Send + Sync + 'static,
) -> (Table, Requests, Arc<AtomicUsize>) {
    let left = Arc::new(AtomicUsize::new(0));
    let armed = Arc::clone(&left);
    armed.store(times, SeqCst);
    let (table, requests) = table(move |embedded, target, body| {
        let take = |left: usize| left.checked_sub(1);
        if !target.ends_with(operation) || left.fetch_update(SeqCst, SeqCst, take).is_err() {
            return embedded.answer(target, body);
        }
        if performed {
            embedded.answer(target, body);
        }
        fault()
    });
    (table, requests, armed)
}

#[tokio::test]
async fn a_seal_whose_every_answer_is_lost_is_found_sealed() {
    let (table, _, _) = faulty("TransactWriteItems", 3, true, gone);
    acquired(&table, "fetcher", 0, 1_000).await;
    let new = [page(1, "fetcher"), page(2, "fetcher")];
    assert!(table.seal(&stream(), 1, &new, 5).await.is_err());
    assert_eq!(table.seal(&stream(), 1, &new, 6).await, Ok(Seal::Sealed));
    assert_eq!(cursor_of(&table).await.next, 3);
}

#[tokio::test]
async fn an_advance_whose_answer_is_lost_is_made_once() {
    let table = losing_answers();
    sealed(&table, 1).await;
    let advance = Advance { from: (0, Position::Start), to: (1, at(10)) };
    let Ok(Moved::No(stands)) = table.advance(&stream(), &advance).await else {
        panic!("it was told that it was made");
    };
    assert_eq!((&stands.watermark, &*stands), (&at(10), &cursor_of(&table).await));
}

#[tokio::test]
async fn a_lost_answer_may_count_a_try_twice_and_no_more() {
    let table = losing_answers();
    sealed(&table, 1).await;
    let nothing = Settled::default();
    let tried = Settling { tried: true, now_ms: 10, ..Settling::default() };
    let emission = emission("fetcher-1");
    let settle = table.settle(&stream(), 1, &emission, &tried).await;
    assert_eq!(settle, Ok(Settle::Open(nothing)));
    let page = table.load(&stream(), &[1], None).await.unwrap().pages.remove(0);
    assert_eq!((page.attempts, page.settled.len()), (2, 0));
}

#[tokio::test]
async fn a_void_or_rewind_whose_answer_is_lost_is_told_from_anothers() {
    let table = losing_answers();
    let seen = sealed(&table, 2).await;
    let voided = table.void(&stream(), 1, &seen).await.unwrap();
    let isolate_to = seen.head.clone();
    let expected = Cursor { head: Position::Start, committed: 2, isolate_to, ..seen };
    assert_eq!(voided, tidegate_core::ports::Void::Voided(Box::new(expected)));
    assert_eq!(table.rewind(&stream(), 1, &at(5)).await, Ok(true));
    assert_eq!(table.rewind(&stream(), 1, &at(6)).await, Ok(false));
    assert_eq!(cursor_of(&table).await.generation, 1);
}

/// A table that reads and writes at most `most` items of a batch, and leaves the rest over.
fn in_part(most: usize) -> (Table, Requests) {
    table(move |embedded, target, body| {
        let (items, left) = match target.rsplit('.').next() {
            Some("BatchGetItem") => ("/RequestItems/tidegate/Keys", "UnprocessedKeys"),
            Some("BatchWriteItem") => ("/RequestItems/tidegate", "UnprocessedItems"),
            _ => return embedded.answer(target, body),
        };
        let mut taken: Value = serde_json::from_slice(body).unwrap();
        let mut rest = taken["RequestItems"].clone();
        let all = taken.pointer_mut(items).and_then(Value::as_array_mut).unwrap();
        let over = all.split_off(most.min(all.len()));
        let nothing_over = over.is_empty();
        let performed = if all.is_empty() {
            json!({"Responses": {}})
        } else {
            let (status, answer) = embedded.answer(target, taken.to_string().as_bytes());
            assert_eq!(status, 200);
            serde_json::from_slice(&answer).unwrap()
        };
        if nothing_over {
            return (200, performed.to_string().into_bytes());
        }
        *rest.pointer_mut(items.strip_prefix("/RequestItems").unwrap()).unwrap() = json!(over);
        let mut answer = performed;
        answer[left] = rest;
        (200, answer.to_string().into_bytes())
    })
}

fn parked(id: i64) -> Parked {
    Parked {
        stream: stream(),
        key: RecordKey { id: RecordId::Number(id), version: Version(1) },
        status: None,
        reason: "no".into(),
        page: 1,
        deleted: false,
        parked_at_ms: 0,
        data: "{}".into(),
    }
}

#[tokio::test]
async fn what_a_batch_leaves_over_is_asked_for_again() {
    let (table, requests) = in_part(10);
    let records: Vec<_> = (0..30).map(parked).collect();
    table.park(&records).await.unwrap();
    let keys: Vec<_> = records.iter().map(|record| record.key.clone()).collect();
    assert_eq!(table.parked_by_key(&stream(), &keys).await, Ok(records));
    // 25 and 5 items, ten at a time; 30 keys, ten at a time.
    let expected = [("BatchGetItem", 3), ("BatchWriteItem", 4)];
    let expected: BTreeMap<_, _> = expected.map(|(name, count)| (name.to_owned(), count)).into();
    assert_eq!(requests.snapshot(), expected);
}

#[tokio::test]
async fn a_batch_that_never_gets_on_is_no_answer() {
    let (table, _) = in_part(0);
    let error = table.park(&[parked(1)]).await.unwrap_err();
    // The record, and its stream's name.
    assert!(error.0.contains("BatchWriteItem: 2 items were left over"), "{error}");
    assert!(table.load(&stream(), &[1, 2], None).await.is_err());
}

fn conflict() -> Answer {
    refusal(400, "TransactionConflictException", &json!({}))
}

#[tokio::test]
async fn an_item_that_a_transaction_holds_is_waited_for() {
    let (table, requests, _) = faulty("UpdateItem", 3, false, conflict);
    acquired(&table, "a", 0, 100).await;
    assert_eq!(requests.snapshot()["UpdateItem"], 4);
}

#[tokio::test]
async fn an_item_that_transactions_always_hold_is_no_answer() {
    let (table, _, _) = faulty("UpdateItem", usize::MAX, false, conflict);
    let error = table.acquire(&stream(), "a", 0, 100).await.unwrap_err();
    assert!(error.0.contains("TransactionConflictException"), "{error}");
}

fn canceled(reasons: &'static [&'static str]) -> impl Fn() -> Answer {
    move || {
        let reasons: Vec<_> = reasons.iter().map(|code| json!({"Code": code})).collect();
        let more = json!({"Message": "canceled", "CancellationReasons": reasons});
        refusal(400, "TransactionCanceledException", &more)
    }
}

#[tokio::test]
async fn a_seal_that_meets_another_transaction_is_tried_again() {
    let (table, _, _) =
        faulty("TransactWriteItems", 3, false, canceled(&["TransactionConflict", "None"]));
    assert_eq!(sealed(&table, 1).await.next, 2);
}

#[tokio::test]
async fn a_seal_that_is_always_throttled_is_no_answer_and_seals_nothing() {
    let (table, _, armed) =
        faulty("TransactWriteItems", 1_000, false, canceled(&["None", "ThrottlingError"]));
    acquired(&table, "fetcher", 0, 1_000).await;
    assert!(table.seal(&stream(), 1, &[page(1, "fetcher")], 5).await.is_err());
    armed.store(0, SeqCst);
    assert_eq!(cursor_of(&table).await.next, 1);
    assert_eq!(table.seal(&stream(), 1, &[page(1, "fetcher")], 5).await, Ok(Seal::Sealed));
}

#[tokio::test]
async fn a_seal_still_in_progress_is_waited_for() {
    let fault = || refusal(400, "TransactionInProgressException", &json!({}));
    let (table, _, _) = faulty("TransactWriteItems", 4, true, fault);
    assert_eq!(sealed(&table, 1).await.next, 2);
}

#[tokio::test]
async fn a_failed_condition_beside_a_conflict_is_looked_into() {
    let reasons = &["ConditionalCheckFailed", "TransactionConflict"];
    let (table, requests, _) = faulty("TransactWriteItems", 1, false, canceled(reasons));
    acquired(&table, "fetcher", 0, 1_000).await;
    assert_eq!(table.seal(&stream(), 1, &[page(1, "fetcher")], 5).await, Ok(Seal::Lost));
    assert_eq!(requests.snapshot()["TransactWriteItems"], 1);
}

#[tokio::test]
async fn what_is_forbidden_is_said_at_once() {
    let fault = || refusal(400, "AccessDeniedException", &json!({"Message": "not you"}));
    let (table, requests, _) = faulty("GetItem", usize::MAX, false, fault);
    let error = table.cursor(&stream()).await.unwrap_err();
    assert_eq!(error, Unavailable("GetItem: AccessDeniedException: not you".into()));
    assert_eq!(requests.snapshot()["GetItem"], 1);
}

#[tokio::test]
async fn every_attempt_is_counted() {
    let (table, requests, _) = faulty("GetItem", usize::MAX, false, gone);
    assert!(table.cursor(&stream()).await.is_err());
    assert_eq!(requests.snapshot()["GetItem"], 3);
}

#[tokio::test]
async fn an_item_that_makes_no_sense_is_no_answer() {
    let item = json!({"Item": {"pk": {"S": "orders/shop"}, "sk": {"S": "C"}, "fence": {"S": "x"}}});
    let fault = move || (200, item.to_string().into_bytes());
    let (table, _, _) = faulty("GetItem", usize::MAX, false, fault);
    let error = table.cursor(&stream()).await.unwrap_err();
    assert!(error.0.contains("`fence`"), "{error}");
}

#[tokio::test]
async fn a_lease_whose_every_answer_is_lost_is_found_by_its_owner_only() {
    let (table, _, _) = faulty("UpdateItem", 3, true, gone);
    assert!(table.acquire(&stream(), "a", 0, 100).await.is_err());
    let held = Lease::Held { since_ms: 0, until_ms: 100 };
    assert_eq!(table.acquire(&stream(), "b", 0, 100).await, Ok(held));
    assert_eq!(acquired(&table, "a", 0, 100).await.fence, 1);
}

/// A table that, while `times` lasts, makes every second statement of a batch, with this error for the others.
fn statements_refused(times: usize, code: &'static str) -> (Table, Requests) {
    let left = AtomicUsize::new(times);
    table(move |embedded, target, body| {
        let take = |left: usize| left.checked_sub(1);
        if !target.ends_with("BatchExecuteStatement")
            || left.fetch_update(SeqCst, SeqCst, take).is_err()
        {
            return embedded.answer(target, body);
        }
        let mut request: Value = serde_json::from_slice(body).unwrap();
        let all = request["Statements"].as_array().unwrap().clone();
        let some: Vec<Value> = all.iter().step_by(2).cloned().collect();
        request["Statements"] = json!(some);
        let (status, answer) = embedded.answer(target, request.to_string().as_bytes());
        assert_eq!(status, 200);
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        let mut made = answer["Responses"].as_array().unwrap().iter().cloned();
        let refused = || json!({"Error": {"Code": code, "Message": "too much"}});
        let responses =
            (0..all.len()).map(|at| if at % 2 == 0 { made.next().unwrap() } else { refused() });
        (200, json!({"Responses": responses.collect::<Vec<_>>()}).to_string().into_bytes())
    })
}

fn claims() -> Vec<(RecordId, Edition)> {
    let edition = Edition { version: Version(1), generation: 0 };
    (0..6).map(|id| (RecordId::Number(id), edition)).collect()
}

fn claimant(owner: &str) -> Claimant<'_> {
    Claimant { owner, now_ms: 0, until_ms: 100, over: None, may_repeat: true }
}

#[tokio::test]
async fn statements_that_find_no_room_are_sent_again_and_the_others_are_not() {
    for code in ["ThrottlingError", "ProvisionedThroughputExceeded", "InternalServerError"] {
        let (table, requests) = statements_refused(2, code);
        let mine = table.claim(&stream(), &claims(), &claimant("a")).await;
        assert!(mine.iter().all(|claim| *claim == Ok(Claim::Mine { unknown_until_ms: None })));
        assert_eq!(requests.snapshot()["BatchExecuteStatement"], 3, "{code}");
    }
}

#[tokio::test]
async fn statements_that_are_refused_leave_the_others_their_own_outcomes() {
    let (table, requests) = statements_refused(1, "AccessDenied");
    let claimed = table.claim(&stream(), &claims(), &claimant("a")).await;
    for (at, claim) in claimed.iter().enumerate() {
        let why = || Unavailable("BatchExecuteStatement: AccessDenied: too much".into());
        let mine = Claim::Mine { unknown_until_ms: None };
        assert_eq!(*claim, if at % 2 == 0 { Ok(mine) } else { Err(why()) });
    }
    assert_eq!(requests.snapshot()["BatchExecuteStatement"], 1);
}

#[tokio::test]
async fn claims_whose_every_answer_is_lost_are_found_by_their_owner_only() {
    let (table, _, _) = faulty("BatchExecuteStatement", 3, true, gone);
    let lost = table.claim(&stream(), &claims(), &claimant("a")).await;
    assert!(lost.iter().all(Result::is_err), "{lost:?}");
    let others = table.claim(&stream(), &claims(), &claimant("b")).await;
    assert!(others.iter().all(|claim| *claim == Ok(Claim::Locked { until_ms: 100 })));
    let found = table.claim(&stream(), &claims(), &claimant("a")).await;
    assert!(found.iter().all(|claim| *claim == Ok(Claim::Mine { unknown_until_ms: None })));
}

#[tokio::test]
async fn what_is_applied_already_is_found_without_a_write() {
    let (table, requests) = table(|embedded, target, body| embedded.answer(target, body));
    table.claim(&stream(), &claims(), &claimant("a")).await;
    let ending = |(entity, edition): (RecordId, Edition)| Ending {
        entity,
        edition,
        owner: "a".into(),
        end: ClaimEnd::Applied,
    };
    let endings: Vec<_> = claims().into_iter().map(ending).collect();
    table.finish(&stream(), &endings).await.unwrap();
    let before = requests.snapshot();
    let applied = table.claim(&stream(), &claims(), &claimant("b")).await;
    assert!(applied.iter().all(|claim| *claim == Ok(Claim::Applied)));
    let after = requests.snapshot();
    assert_eq!(after["BatchExecuteStatement"], before["BatchExecuteStatement"]);
    assert_eq!(after["BatchGetItem"], before["BatchGetItem"] + 1);
}
