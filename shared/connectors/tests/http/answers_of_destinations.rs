//! What destinations answer, row by row: failures in a success, pages instead of answers, conflicts of time.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::to_bytes,
    extract::Request,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use tidegate_connectors::{Connected, connect};
use tidegate_core::{
    model::{Blame, Later, Outcome, SkipReason},
    ports::{Destination, Outgoing},
};
use tidegate_flow::parse;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::{
    answers::records,
    flow::{connection, options},
};

/// A destination that answers by the body that it is sent, and counts requests.
async fn server(
    answer: impl Fn(&Value) -> Response + Clone + Send + Sync + 'static,
) -> (String, Arc<Mutex<u32>>) {
    let requests: Arc<Mutex<u32>> = Arc::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let counted = requests.clone();
    let router = Router::new().fallback(move |request: Request| {
        let (counted, answer) = (counted.clone(), answer.clone());
        async move {
            let body = to_bytes(request.into_body(), 1 << 20).await.unwrap();
            *counted.lock().unwrap() += 1;
            answer(&serde_json::from_slice(&body).unwrap_or(Value::Null))
        }
    });
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (url, requests)
}

/// A destination with more keys of `destination.http`.
fn to(url: &str, keys: &str) -> Box<dyn Destination> {
    let text = format!(
        "flow: leads
source: {{ http: {{ url: 'https://a.example/x', cursor: {{ by: id }}, pagination: none }} }}
destination:
  http:
    url: {url}/leads
{keys}
"
    );
    let flow = parse("leads.yaml", &text).unwrap_or_else(|errors| panic!("{errors}"));
    let Connected { destination, .. } = connect(&flow, &connection(), &options()).unwrap();
    destination
}

/// What becomes of so many records that are answered with this.
async fn answered(
    (status, kind, body): (u16, &'static str, &str),
    keys: &str,
    count: i64,
) -> Vec<Outcome> {
    let body = body.to_owned();
    let answer = move |_: &Value| {
        let status = StatusCode::from_u16(status).unwrap();
        (status, [(header::CONTENT_TYPE, kind)], body.clone()).into_response()
    };
    let (url, _) = server(answer).await;
    to(&url, keys).deliver(&records(count), 5_000).await.outcomes
}

const JSON: &str = "application/json";
const BULK: &str = "    batch: { size: 100 }";

fn kinds(outcomes: &[Outcome]) -> Vec<String> {
    let kind = |outcome: &Outcome| match outcome {
        Outcome::Delivered => "delivered".to_owned(),
        Outcome::Skipped(SkipReason::Duplicate) => "duplicate".to_owned(),
        Outcome::Skipped(_) => "skipped".to_owned(),
        Outcome::Refused { reason, .. } => format!("refused: {reason}"),
        Outcome::Invalid(reason) => format!("invalid: {reason}"),
        Outcome::Later(Later { unknown: true, .. }) => "unknown".to_owned(),
        Outcome::Later(Later { blame, .. }) => format!("{blame:?}"),
    };
    outcomes.iter().map(kind).collect()
}

fn later(outcome: &Outcome) -> &Later {
    match outcome {
        Outcome::Later(later) => later,
        other => panic!("{other:?}"),
    }
}

/// D1: nothing counts as delivered, the stream is held for long, and what to write is said.
#[tokio::test]
async fn a_success_that_lists_failures_which_the_flow_does_not_read_stops_the_run() {
    for (keys, count, status, body, words) in [
        (BULK, 3, 207, r#"[{"id":1},{"id":2},{"id":3}]"#, "batch.results"),
        (BULK, 3, 207, "", "batch.results"),
        (BULK, 3, 200, r#"{"ok":2,"errors":[{"index":1}]}"#, "failures: errors"),
        (BULK, 3, 200, r#"{"failed":1,"created":2}"#, "`failed` lists failures"),
        (
            BULK,
            3,
            201,
            r#"{"results":[{"status":200},{"status":422},{"status":200}]}"#,
            "path: results",
        ),
        (BULK, 3, 200, r#"[{"status":200},{"status":"500"},{"status":200}]"#, "batch.results"),
        (BULK, 3, 200, r#"{"errors":true,"items":[{"index":{"status":400}}]}"#, "errors"),
        (BULK, 1, 200, r#"{"errors":[{"index":0}]}"#, "failures: errors"),
        (
            BULK,
            2,
            200,
            r#"{"data":{"bulkCreate":{"items":[{"ok":true},{"ok":false}]}}}"#,
            "data.bulkCreate.items",
        ),
        (BULK, 1, 200, r#"{"response":{"data":{"rows":[{"status":409}]}}}"#, "response.data.rows"),
        ("", 1, 200, r#"{"errors":[{"message":"no such field"}]}"#, "answers.code"),
        ("", 1, 200, r#"{"data":{"orderCreate":{"userErrors":[{"message":"x"}]}}}"#, "userErrors"),
        ("", 1, 200, r#"{"ok":false,"error":"channel_not_found"}"#, "channel_not_found"),
        ("    answers: { code: errors.0.code }", 1, 200, r#"{"errors":[{"text":"x"}]}"#, "errors"),
    ] {
        let outcomes = answered((status, JSON, body), keys, count).await;
        for outcome in &outcomes {
            let later = later(outcome);
            assert_eq!(later.blame, Blame::Operator, "{body}");
            assert!(later.unknown && later.reason.contains(words), "{later:?}");
        }
    }
}

#[tokio::test]
async fn a_success_without_failures_is_one() {
    for (keys, count, status, body) in [
        (BULK, 2, 200, r#"{"errors":[],"failed":0,"results":[{"status":200},{"status":201}]}"#),
        (BULK, 2, 200, ""),
        (BULK, 2, 202, r#"{"success":true,"error":null}"#),
        ("", 1, 207, r#"{"id":1}"#),
        ("", 1, 201, r#"{"data":{"orderCreate":{"userErrors":[],"order":{"id":1}}}}"#),
        ("", 1, 200, "ok"),
        // By the flow's word.
        (
            "    batch: { size: 100 }\n    answers: { rules: [{ status: 207, means: delivered }] }",
            2,
            207,
            r#"{"errors":[{"index":0}]}"#,
        ),
    ] {
        let outcomes = answered((status, JSON, body), keys, count).await;
        assert!(outcomes.iter().all(|it| *it == Outcome::Delivered), "{body}: {outcomes:?}");
    }
}

fn failures(more: &str) -> String {
    format!("    batch: {{ size: 100, results: {{ failures: {more} }} }}")
}

/// D2: BigQuery, Braze, Mailchimp and HubSpot, as they answer.
#[tokio::test]
async fn where_only_the_failures_are_listed_all_others_were_taken() {
    for (keys, body, expected) in [
        (
            "insertErrors, index: index, code: errors.0.reason, reason: errors.0.message, retry: [stopped]",
            r#"{"insertErrors":[{"index":1,"errors":[{"reason":"invalid","message":"no such field"}]},
                {"index":0,"errors":[{"reason":"stopped","message":""}]}]}"#,
            ["Request", "refused: invalid: no such field", "delivered"],
        ),
        (
            "errors, index: index, reason: type",
            r#"{"message":"success","errors":[{"type":"no id","input_array":"events","index":2}]}"#,
            ["delivered", "delivered", "refused: no id"],
        ),
        (
            "errors, key: email_address, record_key: email, code: error_code, reason: error, \
             duplicate: [ERROR_CONTACT_EXISTS]",
            r#"{"new_members":[{}],"errors":[
                {"email_address":"0@x","error":"bad","error_code":"ERROR_GENERIC"},
                {"email_address":"2@x","error":"there","error_code":"ERROR_CONTACT_EXISTS"}],"error_count":2}"#,
            ["refused: ERROR_GENERIC: bad", "delivered", "duplicate"],
        ),
        (
            "errors, key: context.ids, record_key: id, reason: message",
            r#"{"status":"COMPLETE","results":[{"id":"9"}],"numErrors":1,
                "errors":[{"message":"gone","context":{"ids":["0","2"]}}]}"#,
            ["refused: gone", "delivered", "refused: gone"],
        ),
        ("errors, index: index", "{}", ["delivered", "delivered", "delivered"]),
        ("errors, index: index", r#"{"errors":null}"#, ["delivered", "delivered", "delivered"]),
        (
            "errors, index: index",
            r#"{"errors":{"1":["is blank"]}}"#,
            ["delivered", r#"refused: ["is blank"]"#, "delivered"],
        ),
    ] {
        let outcomes = answered((207, JSON, body), &failures(keys), 3).await;
        assert_eq!(kinds(&outcomes), expected, "{body}");
    }
}

#[tokio::test]
async fn a_failure_that_names_no_record_leaves_all_others_open() {
    for body in [
        r#"{"errors":[{"index":0,"why":"no name"},{"why":"of what?"}]}"#,
        r#"{"errors":[{"index":0,"why":"no name"},{"index":7,"why":"of what?"}]}"#,
        r#"{"errors":[{"index":0,"why":"no name"}],"failed":3}"#,
    ] {
        let outcomes =
            answered((200, JSON, body), &failures("errors, index: index, reason: why"), 3).await;
        assert_eq!(kinds(&outcomes), ["refused: no name", "unknown", "unknown"], "{body}");
    }
    for body in [
        r#"{"errors":"of what?"}"#,
        r#"{"errors":{"message":"of what?"}}"#,
        r#"{"errors":[{"index":"#,
        "<html>maintenance</html>",
        r#"{"errors":[],"failed":2}"#,
        r#"{"failures":[{"index":0}]}"#,
    ] {
        let outcomes = answered((200, JSON, body), &failures("errors, index: index"), 3).await;
        assert_eq!(kinds(&outcomes), ["unknown"; 3], "{body}");
    }
    // Of one record, it can be of no other.
    let alone = r#"{"errors":[{"why":"no name"}]}"#;
    let outcomes =
        answered((200, JSON, alone), &failures("errors, index: index, reason: why"), 1).await;
    assert_eq!(kinds(&outcomes), ["refused: no name"]);
    // A refusal as a whole takes nothing: the others go out again.
    let body = r#"{"errors":[{"index":1,"why":"no name"}]}"#;
    let outcomes =
        answered((400, JSON, body), &failures("errors, index: index, reason: why"), 3).await;
    assert_eq!(kinds(&outcomes), ["Batch", "refused: no name", "Batch"]);
}

#[tokio::test]
async fn beside_a_list_of_results_a_record_in_neither_is_open() {
    let keys = "errors, path: results, key: email, record_key: email, reason: message";
    let body = r#"{"results":[{"email":"0@x"}],"errors":[{"email":"1@x","message":"no"}]}"#;
    let outcomes = answered((207, JSON, body), &failures(keys), 3).await;
    assert_eq!(kinds(&outcomes), ["delivered", "refused: no", "unknown"]);
}

/// D9: a gateway's page is no answer of the API's.
#[tokio::test]
async fn a_page_where_json_was_said_delivers_nothing() {
    const PAGE: &str = "<!DOCTYPE html><html><title>Maintenance</title></html>";
    let results = "    batch: { size: 100, results: { path: results, status: status } }";
    for (keys, kind, body, expected) in [
        ("", "text/html", PAGE, "unknown"),
        (BULK, "text/html", PAGE, "unknown"),
        ("", JSON, PAGE, "unknown"),
        (results, "text/html", PAGE, "unknown"),
        ("    answers: { code: error }", "text/html", PAGE, "unknown"),
        ("    answers: { code: error }", "text/plain", "Service is away", "unknown"),
        ("    expect: json", "text/plain", "Service is away", "unknown"),
        ("    expect: any", "text/html", PAGE, "delivered"),
        ("", "text/html", "ok", "delivered"),
        ("    expect: json", JSON, "", "delivered"),
        ("    expect: json", JSON, "{}", "delivered"),
    ] {
        let outcomes = answered((200, kind, body), keys, 2).await;
        assert_eq!(kinds(&outcomes), [expected; 2], "{keys} {body}");
        if let Outcome::Later(later) = &outcomes[0] {
            assert!(later.blame == Blame::Request, "{later:?}");
            let said = ["Maintenance", "away"].iter().any(|word| later.reason.contains(word));
            assert!(said, "{later:?}");
        }
    }
}

/// D8: Shopify's `userErrors`, errors with codes, and `any`.
#[tokio::test]
async fn several_paths_have_codes_and_any_code_can_be_a_rule() {
    let keys = "    answers:
      code: [errors.0.extensions.code, data.orderCreate.userErrors.0.message]
      reason: [errors.0.message, data.orderCreate.userErrors.0.message]
      rules:
        - { code: MAX_COST_EXCEEDED, means: retry }
        - { code: any, means: refused }";
    for (body, expected) in [
        (r#"{"data":{"orderCreate":{"userErrors":[]}}}"#, "delivered"),
        (
            r#"{"data":{"orderCreate":{"userErrors":[{"message":"no e-mail"}]}}}"#,
            "refused: no e-mail: no e-mail",
        ),
        (r#"{"errors":[{"message":"dear","extensions":{"code":"MAX_COST_EXCEEDED"}}]}"#, "Request"),
        (r#"{"errors":[{"message":"no","extensions":{"code":"X"}}]}"#, "refused: X: no"),
    ] {
        let outcomes = answered((200, JSON, body), keys, 1).await;
        assert_eq!(kinds(&outcomes), [expected], "{body}");
    }
    let keys = "    answers: { code: errors.0.extensions.code }";
    let body = r#"{"errors":[{"message":"slow","extensions":{"code":"THROTTLED"}}]}"#;
    assert_eq!(kinds(&answered((200, JSON, body), keys, 1).await), ["Limit"]);
    let body = r#"{"errors":[{"message":"odd","extensions":{"code":"ODD"}}]}"#;
    let outcomes = answered((200, JSON, body), keys, 1).await;
    assert_eq!(later(&outcomes[0]).blame, Blame::Record, "{outcomes:?}");
}

/// D6: 409 for a key that is in use, and 423.
#[tokio::test]
async fn a_conflict_of_time_waits_and_one_of_content_is_a_duplicate_by_the_flows_word_alone() {
    let in_use =
        r#"{"error":{"code":"idempotency_key_in_use","message":"another in-progress request"}}"#;
    let exists = r#"{"error":"the order exists"}"#;
    for (keys, status, body, expected) in [
        ("", 409, in_use, "unknown"),
        ("", 423, "locked", "Request"),
        ("    refuse: [423]", 423, "gone", "refused: gone"),
        ("", 409, exists, "refused: {\"error\":\"the order exists\"}"),
        ("    duplicate: [409]", 409, exists, "duplicate"),
        ("    idempotency_key: false", 409, "another request", "refused: another request"),
    ] {
        let outcomes = answered((status, JSON, body), keys, 1).await;
        assert_eq!(kinds(&outcomes), [expected], "{status} {body}");
    }
    let results = "    batch: { size: 9, results: { status: status } }";
    let outcomes = answered((200, JSON, r#"[{"status":423},{"status":200}]"#), results, 2).await;
    assert_eq!(kinds(&outcomes), ["Request", "delivered"]);
}

/// D7: of one record, as far as is known; of many it is the credentials; and some mean a limit by it.
#[tokio::test]
async fn rights_are_told_from_limits_and_left_to_what_becomes_of_the_others() {
    let outcomes = answered((403, JSON, "not yours"), "", 1).await;
    assert_eq!((later(&outcomes[0]).blame, later(&outcomes[0]).unknown), (Blame::Rights, false));
    let outcomes = answered((403, JSON, "not yours"), BULK, 3).await;
    assert_eq!(kinds(&outcomes), ["Connection"; 3]);
    let (url, _) = server(|_| {
        (StatusCode::FORBIDDEN, [(header::RETRY_AFTER, "7")], "slow down").into_response()
    })
    .await;
    let outcomes = to(&url, "").deliver(&records(1), 5_000).await.outcomes;
    assert_eq!(
        (later(&outcomes[0]).blame, later(&outcomes[0]).after_ms),
        (Blame::Limit, Some(7_000))
    );
}

/// D19: half a surrogate pair in one record's message.
#[tokio::test]
async fn a_letter_that_is_none_in_one_result_leaves_the_others_theirs() {
    let results = "    batch: { size: 9, results: { path: results, status: status, reason: why } }";
    for bad in [r#""x\ud83d""#, "\"tab\there\"", "NaN", r#""\udc00""#] {
        let body = format!(
            r#"{{"echo":{bad},"results":[{{"status":200}},{{"status":422,"why":{bad}}},{{"status":201}}]}}"#
        );
        let outcomes = answered((200, JSON, &body), results, 3).await;
        let kinds = kinds(&outcomes);
        assert_eq!((&*kinds[0], &*kinds[2]), ("delivered", "delivered"), "{bad}");
        assert!(kinds[1].starts_with("refused: "), "{bad}: {kinds:?}");
    }
    let code = "    answers: { code: error.code, rules: [{ code: BAD, means: refused }] }";
    let body = r#"{"error":{"said":"\ud83d","code":"BAD"}}"#;
    assert!(kinds(&answered((200, JSON, body), code, 1).await)[0].starts_with("refused"));
}

/// N3: a status that a rule calls a refusal, with the faults named in the body.
/// As HubSpot refuses a batch for one value, which it names, and no record.
#[tokio::test]
async fn repro_a_refusal_whose_failures_name_no_record_is_of_the_request_as_a_whole() {
    let keys =
        failures("errors, key: context.ids, record_key: id, code: category, reason: message");
    let body = r#"{"category":"VALIDATION_ERROR","message":"no number","numErrors":1,
        "errors":[{"message":"no number","context":{"property":["amount"]}}]}"#;
    let outcomes = answered((400, JSON, body), &keys, 3).await;
    let in_parts =
        |it: &Outcome| matches!(it, Outcome::Later(later) if later.blame == Blame::Batch);
    assert!(outcomes.iter().all(in_parts), "{outcomes:?}");
    // Alone, the record is the one.
    let outcomes = answered((400, JSON, body), &keys, 1).await;
    let [Outcome::Refused { reason, .. }] = &outcomes[..] else { panic!("{outcomes:?}") };
    assert!(reason.contains("no number"), "{reason}");
    // A success says that the others were taken, and not which.
    let outcomes = answered((207, JSON, body), &keys, 3).await;
    let open = |it: &Outcome| matches!(it, Outcome::Later(later) if later.unknown);
    assert!(outcomes.iter().all(open), "{outcomes:?}");
}

#[tokio::test]
async fn failures_that_are_named_are_told_apart_in_one_request() {
    let keys = "    batch: { size: 100, results: { path: results, status: status, key: email, \
                record_key: email, reason: why } }
    answers: { rules: [{ status: 207, means: refused }] }";
    let answer = |_: &Value| {
        let body = r#"{"results":[{"email":"1@x","status":422,"why":"no name"},
            {"email":"0@x","status":201},{"email":"2@x","status":503}]}"#;
        (StatusCode::MULTI_STATUS, body).into_response()
    };
    let (url, requests) = server(answer).await;
    let outcomes = to(&url, keys).deliver(&records(4), 5_000).await.outcomes;
    assert_eq!(kinds(&outcomes), ["delivered", "refused: no name", "unknown", "unknown"]);
    // N5: in its own words.
    assert!(later(&outcomes[3]).reason.contains("no name"), "{outcomes:?}");
    assert_eq!(*requests.lock().unwrap(), 1);
}

/// H3: what no client can send says nothing of the destination.
#[tokio::test]
async fn a_request_that_cannot_be_built_is_refused_at_once() {
    let (url, requests) = server(|_| StatusCode::OK.into_response()).await;
    let text = format!("{url}/leads/${{record.email}}");
    let flow = format!(
        "flow: leads
source: {{ http: {{ url: 'https://a.example/x', cursor: {{ by: id }}, pagination: none }} }}
destination: {{ http: {{ url: '{text}' }} }}
"
    );
    let flow = parse("leads.yaml", &flow).unwrap();
    let Connected { destination, .. } = connect(&flow, &connection(), &options()).unwrap();
    let with = |email: String| Outgoing {
        body: json!({ "email": email }).to_string().into(),
        ..records(1).remove(0)
    };
    for long in ["x".repeat(65_000), "x".repeat(70_000), "x".repeat(3_000_000), "é".repeat(30_000)]
    {
        let outcomes = destination.deliver(&[with(long)], 5_000).await.outcomes;
        match &outcomes[..] {
            [Outcome::Refused { status: None, reason }] => {
                assert!(reason.contains("cannot be built"), "{reason}");
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(*requests.lock().unwrap(), 0);
    let outcomes = destination.deliver(&[with("x".repeat(60_000))], 5_000).await.outcomes;
    assert_eq!(kinds(&outcomes).len(), 1);
    // The destination's own word for it.
    for status in [414, 431] {
        let outcomes = answered((status, JSON, "too long"), "", 1).await;
        assert_eq!(kinds(&outcomes), ["refused: too long"]);
    }
}

/// D10: certain is only that nothing was sent before a connection stood. A server that accepts, and closes without
/// a word, may have read the request.
#[tokio::test]
async fn a_connection_that_never_stood_leaves_nothing_in_doubt() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || listener.incoming().flatten().for_each(drop));
    for (scheme, unknown) in [("https", false), ("http", true)] {
        let to = to(&format!("{scheme}://{address}"), "");
        let outcome = to.deliver(&records(1), 5_000).await.outcomes.remove(0);
        assert_eq!(later(&outcome).unknown, unknown, "{outcome:?}");
    }
}

/// D10: a connection that was kept, and is closed meanwhile, is replaced.
#[tokio::test]
async fn a_kept_connection_that_was_closed_costs_no_record_anything() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            let _ = socket.read(&mut request).await;
            let _ = socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await;
        }
    });
    let to = to(&url, "");
    for _ in 0..5 {
        let outcomes = to.deliver(&records(1), 5_000).await.outcomes;
        assert_eq!(outcomes, [Outcome::Delivered]);
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}
