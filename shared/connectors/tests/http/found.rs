//! Find, then create or update, over real HTTP: for APIs that would create a second one without a word.

use serde_json::{Value, json};
use tidegate_core::{
    model::{Blame, Later, OnUnknown, Outcome},
    ports::Delivery,
};

use crate::sent::{Taker, deliver, faults, file, flow, outgoing};

fn issue() -> Value {
    json!({ "id": 7, "title": "It leaks" })
}

fn map() -> Value {
    json!({ "map": { "title": "title" } })
}

/// A destination that is asked by a query, as Notion's.
fn by_query(url: &str) -> Value {
    json!({
        "url": format!("{url}/pages"),
        "upsert": {
            "find": {
                "url": format!("{url}/query"),
                "body": { "filter": { "property": "Issue", "number": { "equals": "${record.id}" } } },
                "found": "results.0.id",
            },
            "create": { "envelope": { "parent": { "id": "p1" }, "properties": "${body}" } },
            "update": { "url": format!("{url}/pages/${{answer.results.0.id}}"),
                        "envelope": { "properties": "${body}" } },
        },
    })
}

/// As the application does: once more, for as long as the destination asks for it.
async fn to_the_end(to: &Value) -> Delivery {
    let flow = flow(&map(), to);
    for _ in 0..5 {
        let delivery = deliver(&flow, &[issue()]).await;
        if !delivery.again {
            return delivery;
        }
    }
    panic!("it goes on for ever")
}

fn later(delivery: &Delivery) -> &Later {
    let [Outcome::Later(later)] = &delivery.outcomes[..] else { panic!("{delivery:?}") };
    later
}

#[tokio::test]
async fn what_is_found_is_updated_by_its_id_and_what_is_not_is_created() {
    for found in [true, false] {
        let api = Taker::start(move |arrived| match (arrived.line.as_str(), found) {
            ("POST /query", true) => (200, json!({ "results": [{ "id": "a/b" }] })),
            ("POST /query", false) => (200, json!({ "results": [] })),
            ("PATCH /pages/a%2Fb", true) | ("POST /pages", false) => (200, json!({})),
            other => panic!("{other:?}"),
        })
        .await;
        assert_eq!(to_the_end(&by_query(&api.url)).await.outcomes, [Outcome::Delivered]);
        let seen = api.seen();
        assert_eq!(seen.len(), 2);
        // A number stays one in the question, and a question has no key.
        let filter = json!({ "property": "Issue", "number": { "equals": 7 } });
        assert_eq!(seen[0].json(), json!({ "filter": filter }));
        assert_eq!(seen[0].header("idempotency-key"), None);
        assert!(seen[1].header("idempotency-key").is_some());
        let properties = json!({ "title": "It leaks" });
        assert_eq!(
            seen[1].json(),
            match found {
                true => json!({ "properties": properties }),
                false => json!({ "parent": { "id": "p1" }, "properties": properties }),
            }
        );
    }
}

/// The answer counted as a failure, so that five questions in a row opened the circuit, and a probe, which is a question
/// first, never closed it again.
#[tokio::test]
async fn repro_a_question_that_is_answered_speaks_well_of_the_destination() {
    let api = Taker::start(|arrived| match arrived.line.as_str() {
        "POST /query" => (200, json!({ "results": [] })),
        other => panic!("{other}"),
    })
    .await;
    let asked = deliver(&flow(&map(), &by_query(&api.url)), &[issue()]).await;
    assert_eq!((asked.outcomes, asked.again), (vec![Outcome::Delivered], true));
}

#[tokio::test]
async fn a_question_by_the_address_is_a_get_and_404_means_that_it_is_not_there() {
    let api = Taker::start(|arrived| match arrived.line.as_str() {
        "GET /contacts/by-reference/7" => (404, json!({})),
        "POST /contacts" => (201, json!({})),
        other => panic!("{other}"),
    })
    .await;
    let url = format!("{}/contacts", api.url);
    let find = json!({ "url": format!("{url}/by-reference/${{record.id}}"), "found": "id" });
    let to = json!({ "url": url, "upsert": { "find": find } });
    assert_eq!(to_the_end(&to).await.outcomes, [Outcome::Delivered]);
    assert_eq!(api.seen().len(), 2);
    assert_eq!(api.seen()[0].text, "");
}

#[tokio::test]
async fn without_an_answer_that_says_so_nothing_is_created() {
    for (status, body) in [
        (500, json!({})),
        (429, json!({})),
        // The list itself is not there, which is no word on the record.
        (404, json!({ "code": "object_not_found" })),
        (200, json!("not what was asked for")),
        (200, json!({ "ok": false, "error": "busy" })),
        (200, json!({ "code": "internal_error", "results": [] })),
    ] {
        let shown = format!("{status} {body}");
        let api = Taker::start(move |arrived| match arrived.line.as_str() {
            "POST /query" => (status, body.clone()),
            other => panic!("{other}"),
        })
        .await;
        let mut to = by_query(&api.url);
        to["answers"] = json!({ "code": "code" });
        let delivery = to_the_end(&to).await;
        assert!(!later(&delivery).unknown && !delivery.in_flight, "{shown}: {delivery:?}");
        assert_eq!(api.seen().len(), 1, "{shown}");
    }
}

#[tokio::test]
async fn a_refused_question_parks_its_record_alone() {
    let api =
        Taker::start(|_| (400, json!({ "message": "body.filter.number should be defined" }))).await;
    let outcomes = to_the_end(&by_query(&api.url)).await.outcomes;
    let [Outcome::Refused { status: Some(400), reason }] = &outcomes[..] else {
        panic!("{outcomes:?}")
    };
    assert!(reason.contains("should be defined"), "{reason}");
}

#[tokio::test]
async fn a_creation_that_meets_a_conflict_is_asked_for_anew() {
    let api = Taker::start(|arrived| match arrived.line.as_str() {
        "POST /query" => (200, json!({ "results": [] })),
        _ => (409, json!({ "message": "it is there" })),
    })
    .await;
    let delivery = to_the_end(&by_query(&api.url)).await;
    assert_eq!(later(&delivery).blame, Blame::Request);
    assert!(later(&delivery).reason.contains("contradicts"), "{delivery:?}");
    assert_eq!(api.seen().len(), 2);
}

#[tokio::test]
async fn what_may_have_been_applied_is_found_by_the_next_try() {
    let to = by_query("http://127.0.0.1:9");
    let flow = flow(&map(), &to);
    assert_eq!(flow.settings.on_unknown, OnUnknown::LookUp);
    // No request is needed for that: the next try begins with the question.
    let has = flow.destination.has(&outgoing(&flow, &issue(), false), 5_000).await;
    assert_eq!(has, Ok(false));
}

#[test]
fn what_contradicts_a_question_is_refused_by_check() {
    let url = "http://127.0.0.1:9";
    let said = |change: &dyn Fn(&mut Value)| {
        let mut to = by_query(url);
        change(&mut to);
        faults(&map(), &to)
    };
    assert_eq!(said(&|_| {}), "");
    for (path, value, message) in [
        ("/upsert/find/body", json!({}), "the question names no record"),
        ("/upsert/when", json!({ "status": 409 }), "`when` says nothing beside `find`"),
        ("/upsert/first", json!("update"), "`first` says nothing beside `find`"),
        (
            "/upsert/create/url",
            json!(format!("{url}/${{answer.id}}")),
            "nothing was found where a record is created",
        ),
        (
            "/on_unknown",
            json!({ "lookup": { "url": format!("{url}/${{record.id}}") } }),
            "`upsert.find` asks already",
        ),
        ("/upsert/create/envelope", json!({ "a": "b" }), "the envelope has 0 places"),
    ] {
        let (above, key) = path.rsplit_once('/').unwrap();
        let said = said(&|to| to.pointer_mut(above).unwrap()[key] = value.clone());
        assert!(said.contains(message), "{path}: {said}");
    }
    let unordered = file(&map(), &by_query(url)).replacen('{', r#"{"ordering":"none","#, 1);
    let said = tidegate_flow::parse("orders.yaml", &unordered).unwrap_err().to_string();
    assert!(said.contains("both be created"), "{said}");
}
