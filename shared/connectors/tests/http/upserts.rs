//! Create or update over real HTTP: one is tried, and the other follows where the answer asks for it.

use serde_json::{Value, json};
use tidegate_core::{
    model::{Blame, Outcome},
    ports::Delivery,
};

use crate::sent::{Taker, deliver, faults, flow};

fn contact() -> Value {
    json!({ "id": 7, "email": "a@x" })
}

/// As the application does: once more, for as long as the destination asks for it.
async fn to_the_end(to: &Value) -> Delivery {
    let flow = flow(&json!({ "map": { "mail": "email" } }), to);
    for _ in 0..5 {
        let delivery = deliver(&flow, &[contact()]).await;
        if !delivery.again {
            return delivery;
        }
    }
    panic!("it goes on for ever")
}

#[tokio::test]
async fn a_creation_that_meets_a_conflict_is_an_update_by_the_id_that_the_answer_names() {
    let api = Taker::start(|arrived| match arrived.line.as_str() {
        "POST /contacts" => (409, json!({ "error": { "existing_id": "c/9" } })),
        "PATCH /contacts/c%2F9" => (200, json!({})),
        other => panic!("{other}"),
    })
    .await;
    let url = format!("{}/contacts", api.url);
    let to = json!({ "url": url, "upsert": {
        "update": { "url": format!("{url}/${{answer.error.existing_id}}") } } });
    for _ in 0..2 {
        assert_eq!(to_the_end(&to).await.outcomes, [Outcome::Delivered]);
    }
    let seen = api.seen();
    let lines: Vec<&str> = seen.iter().map(|it| it.line.as_str()).collect();
    // What was kept in memory is gone after a crash: it is the same way again.
    assert_eq!(lines[..2], ["POST /contacts", "PATCH /contacts/c%2F9"]);
    assert_eq!(lines[..2], lines[2..]);
    assert_ne!(seen[0].header("idempotency-key"), seen[1].header("idempotency-key"));
    assert_eq!(seen[1].header("idempotency-key"), seen[3].header("idempotency-key"));
    assert_eq!(seen[1].json(), json!({ "mail": "a@x" }));
}

#[tokio::test]
async fn an_update_of_what_is_not_there_is_a_creation() {
    let api = Taker::start(|arrived| match arrived.line.as_str() {
        "PUT /contacts/7" => (404, json!({})),
        "POST /contacts" => (201, json!({})),
        other => panic!("{other}"),
    })
    .await;
    let url = format!("{}/contacts", api.url);
    let to = json!({ "url": url, "upsert": { "first": "update",
        "update": { "method": "PUT", "url": format!("{url}/${{record.id}}") } } });
    assert_eq!(to_the_end(&to).await.outcomes, [Outcome::Delivered]);
    assert_eq!(api.seen().len(), 2);
}

#[tokio::test]
async fn the_flow_says_which_answer_asks_for_the_other() {
    let api = Taker::start(|arrived| match arrived.line.as_str() {
        "POST /contacts" => (400, json!({ "code": "duplicate" })),
        "PATCH /contacts/7" => (200, json!({})),
        other => panic!("{other}"),
    })
    .await;
    let url = format!("{}/contacts", api.url);
    let upsert = |code: &str| {
        json!({ "url": url, "upsert": {
            "when": { "status": 400, "code_path": "code", "code": code },
            "update": { "url": format!("{url}/${{record.id}}") } } })
    };
    assert_eq!(to_the_end(&upsert("duplicate")).await.outcomes, [Outcome::Delivered]);
    let other = to_the_end(&upsert("invalid")).await.outcomes;
    assert!(matches!(other[0], Outcome::Refused { status: Some(400), .. }), "{other:?}");
}

#[tokio::test]
async fn answers_that_contradict_each_other_are_a_failed_try_and_no_circle() {
    let api = Taker::start(|arrived| {
        (if arrived.line.starts_with("POST") { 409 } else { 404 }, json!({}))
    })
    .await;
    let to = json!({ "url": format!("{}/contacts", api.url), "upsert": {} });
    let outcomes = to_the_end(&to).await.outcomes;
    let Outcome::Later(later) = &outcomes[0] else { panic!("{outcomes:?}") };
    assert_eq!((later.blame, later.unknown), (Blame::Request, false));
    assert!(later.reason.contains("contradicts"), "{}", later.reason);
    assert_eq!(api.seen().len(), 2);
}

#[test]
fn the_first_request_has_no_answer_before_it() {
    let to = json!({ "url": "http://127.0.0.1:9/", "upsert": {
        "create": { "url": "http://127.0.0.1:9/${answer.id}" } } });
    let said = faults(&json!({}), &to);
    assert!(said.contains("`${answer.id}` cannot stand here"), "{said}");
}
