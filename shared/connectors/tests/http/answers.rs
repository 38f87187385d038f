//! What answers mean by a flow's own rules, what they permit, and whether the destination has a record.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::to_bytes,
    extract::Request,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;
use tidegate_connectors::{Connected, connect};
use tidegate_core::{
    model::{Allowance, Blame, Later, Outcome, RecordId, SkipReason, Version},
    ports::{Destination, Outgoing},
};
use tidegate_flow::{FlowSpec, parse};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::flow::{NOW_MS, TOKEN, connection, options};

type Lines = Arc<Mutex<Vec<String>>>;

/// A destination that answers by the request's line, its path and query.
async fn server(
    answer: impl Fn(&str) -> Response + Clone + Send + Sync + 'static,
) -> (String, Lines) {
    let lines = Lines::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let seen = Arc::clone(&lines);
    let router = Router::new().fallback(move |request: Request| {
        let (seen, answer) = (Arc::clone(&seen), answer.clone());
        async move {
            let line = format!("{} {}", request.method(), request.uri());
            assert_eq!(request.headers()["authorization"], format!("Bearer {TOKEN}"));
            to_bytes(request.into_body(), 1 << 20).await.unwrap();
            seen.lock().unwrap().push(line.clone());
            answer(&line)
        }
    });
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (url, lines)
}

/// A flow to `URL/leads`, with more keys of `destination.http` and of the file.
fn flow(url: &str, keys: &str, file: &str) -> FlowSpec {
    let text = format!(
        "flow: leads
source: {{ http: {{ url: 'https://a.example/x', cursor: {{ by: id }}, pagination: none }} }}
destination:
  http:
    url: {url}/leads
    auth: {{ bearer: '${{secrets.token}}' }}
{keys}
{file}
"
    );
    parse("leads.yaml", &text).unwrap_or_else(|errors| panic!("{errors}"))
}

fn to(flow: &FlowSpec) -> Box<dyn Destination> {
    let Connected { destination, .. } = connect(flow, &connection(), &options()).unwrap();
    destination
}

fn record(id: i64) -> Outgoing {
    Outgoing {
        id: RecordId::Number(id),
        version: Version(1),
        deleted: false,
        key: format!("leads/main/{id}@1").into(),
        body: json!({"id": id, "email": format!("{id}@x")}).to_string().into(),
        source: bytes::Bytes::new(),
    }
}

/// So many records, each with an id and an address.
pub fn records(count: i64) -> Vec<Outgoing> {
    (0..count).map(record).collect()
}

fn later(outcome: &Outcome) -> &Later {
    match outcome {
        Outcome::Later(later) => later,
        other => panic!("{other:?}"),
    }
}

const MARKETO: &str = r#"
    answers:
      code: errors.0.code
      reason: errors.0.message
      rules:
        - { code: ["606", "615"], means: limit, after: 20s }
        - { code: 607, means: quota }
        - { code: [601, 602], means: token }
        - { code: 1003, means: refused }
        - { status: 404, code: 702, means: duplicate }
"#;

#[tokio::test]
async fn a_success_may_hold_an_error() {
    for (status, body, expected) in [
        (200, r#"{"success":true,"result":[{"id":1}]}"#, "delivered"),
        (200, "", "delivered"),
        (
            200,
            r#"{"errors":[{"code":"606","message":"busy"}]}"#,
            "Limit Some(20000) 200: 606: busy",
        ),
        (200, r#"{"errors":[{"code":"607","message":"spent"}]}"#, "Quota None 200: 607: spent"),
        (
            200,
            r#"{"errors":[{"code":"602","message":"expired"}]}"#,
            "Connection None 200: 602: expired",
        ),
        (200, r#"{"errors":[{"code":"1003","message":"no e-mail"}]}"#, "1003: no e-mail"),
        (404, r#"{"errors":[{"code":"702"}]}"#, "duplicate"),
        (404, r#"{"errors":[{"code":"610","message":"gone"}]}"#, "Connection None 404: 610: gone"),
        (
            200,
            r#"{"errors":[{"code":"1077","message":"odd"}]}"#,
            "Record None 200: 1077: no rule says what it means: odd (unknown)",
        ),
        (
            200,
            "<html>down for maintenance</html>",
            "Request None 200: the answer may hold an error, and cannot be read: it is no JSON: \
             text/plain; charset=utf-8, which begins with: <html>down for maintenance</html> (unknown)",
        ),
    ] {
        let (url, _) =
            server(move |_| (StatusCode::from_u16(status).unwrap(), body).into_response()).await;
        let outcome = to(&flow(&url, MARKETO, "")).deliver(&[record(1)], 5_000).await.outcomes;
        let said = match &outcome[0] {
            Outcome::Delivered => "delivered".to_owned(),
            Outcome::Skipped(SkipReason::Duplicate) => "duplicate".to_owned(),
            Outcome::Refused { status: Some(200), reason } => reason.to_string(),
            Outcome::Later(Later { blame, after_ms, unknown, reason }) => {
                let mark = if *unknown { " (unknown)" } else { "" };
                format!("{blame:?} {after_ms:?} {reason}{mark}")
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(said, expected, "{body}");
    }
}

/// A destination that writes this to whoever calls, and hangs up, or holds the line.
async fn raw(answer: &'static str, hold: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut held = Vec::new();
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            let _ = socket.read(&mut request).await;
            let _ = socket.write_all(answer.as_bytes()).await;
            if hold {
                held.push(socket);
            }
        }
    });
    url
}

#[tokio::test]
async fn an_answer_that_breaks_off_may_hold_an_error() {
    let url = raw("HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{\"success\":tr", false).await;
    let outcome = to(&flow(&url, MARKETO, "")).deliver(&[record(1)], 5_000).await.outcomes;
    assert!(later(&outcome[0]).unknown, "{outcome:?}");
    assert!(later(&outcome[0]).reason.contains("it broke off"), "{outcome:?}");
    // Where nothing is looked for in it, its status has said all.
    let outcome = to(&flow(&url, "", "")).deliver(&[record(1)], 5_000).await.outcomes;
    assert_eq!(outcome, [Outcome::Delivered]);
}

#[tokio::test]
async fn a_failure_means_what_the_flow_says_of_its_kind() {
    let rules = |rule: &str| format!("    answers: {{ rules: [{rule}] }}");
    let silent = raw("", true).await;
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let nobody = format!("http://{free}");
    let broken = raw("HTTP/1.1 2", false).await;
    for (url, rule, expected) in [
        (&silent, "{ kind: connect, means: refused }", "Request None true"),
        (&silent, "{ kind: timeout, means: retry, after: 1m }", "Request Some(60000) false"),
        (&silent, "{ kind: [timeout, broken], means: refused }", "refused"),
        (&broken, "{ kind: [timeout, broken], means: refused }", "refused"),
        (&broken, "{ kind: broken, means: down }", "Destination None false"),
        (&nobody, "{ kind: broken, means: refused }", "Destination None false"),
        (&nobody, "{ kind: connect, means: limit }", "Limit None false"),
    ] {
        let to = to(&flow(url, &rules(rule), ""));
        let outcome = to.deliver(&[record(1)], 300).await.outcomes.remove(0);
        let said = match &outcome {
            Outcome::Refused { status: None, .. } => "refused".to_owned(),
            Outcome::Later(Later { blame, after_ms, unknown, .. }) => {
                format!("{blame:?} {after_ms:?} {unknown}")
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(said, expected, "{rule}");
        // Out of time before it began: nothing that the flow speaks of.
        let unsent = to.deliver(&[record(1)], 0).await.outcomes.remove(0);
        assert_eq!((later(&unsent).blame, later(&unsent).unknown), (Blame::Request, false));
    }
}

const BATCH: &str = r#"
    batch:
      size: 300
      field: input
      results:
        path: result
        status: status
        code: reasons.0.code
        reason: reasons.0.message
        retry: [1022]
        duplicate: [1005]
        key: email
        record_key: email
"#;

#[tokio::test]
async fn a_bulk_with_an_error_inside_is_judged_as_one_and_its_results_each() {
    let results = r#"{"success":true,"result":[
        {"email":"3@x","status":"skipped","reasons":[{"code":"1005","message":"there"}]},
        {"email":"0@x","status":"created"},
        {"email":"2@x","status":"skipped","reasons":[{"code":"1022","message":"in use"}]},
        {"email":"1@x","status":"skipped","reasons":[{"code":"1003","message":"no name"}]}]}"#;
    let (url, _) = server(move |_| results.into_response()).await;
    let flow_to = |url: &str| to(&flow(url, &format!("{BATCH}{MARKETO}"), ""));
    let outcomes = flow_to(&url).deliver(&records(5), 5_000).await.outcomes;
    assert_eq!(outcomes[0], Outcome::Delivered);
    let refused = Outcome::Refused { status: None, reason: "1003: no name".into() };
    assert_eq!(outcomes[1], refused);
    assert_eq!(later(&outcomes[2]).blame, Blame::Request);
    assert_eq!(outcomes[3], Outcome::Skipped(SkipReason::Duplicate));
    assert!(later(&outcomes[4]).unknown, "it has no result");

    let error = |code: &'static str| {
        server(move |_| format!(r#"{{"errors":[{{"code":"{code}"}}]}}"#).into_response())
    };
    let (url, lines) = error("606").await;
    for outcome in flow_to(&url).deliver(&records(3), 5_000).await.outcomes {
        assert_eq!((later(&outcome).blame, later(&outcome).after_ms), (Blame::Limit, Some(20_000)));
    }
    let (url, _) = error("1003").await;
    for outcome in flow_to(&url).deliver(&records(3), 5_000).await.outcomes {
        assert_eq!((later(&outcome).blame, later(&outcome).after_ms), (Blame::Batch, Some(0)));
    }
    let alone = flow_to(&url).deliver(&records(1), 5_000).await.outcomes;
    assert!(matches!(alone[..], [Outcome::Refused { .. }]), "{alone:?}");
    assert_eq!(lines.lock().unwrap().len(), 1);
}

/// One record of a bulk existed: all others were lost.
#[tokio::test]
async fn repro_a_bulk_that_is_a_duplicate_as_a_whole_is_given_back_to_be_sent_in_parts() {
    let in_short = "    batch: { size: 9 }\n    duplicate: [409]";
    let by_rule =
        "    batch: { size: 9 }\n    answers: { rules: [{ status: 409, means: duplicate }] }";
    let (url, lines) = server(|_| (StatusCode::CONFLICT, "7 exists").into_response()).await;
    for keys in [in_short, by_rule] {
        let to = to(&flow(&url, keys, ""));
        for outcome in to.deliver(&records(3), 5_000).await.outcomes {
            let later = later(&outcome);
            let wait = (later.blame, later.after_ms, later.unknown);
            assert_eq!(wait, (Blame::Batch, Some(0), false));
            assert!(later.reason.contains("7 exists"), "{}", later.reason);
        }
        let alone = to.deliver(&records(1), 5_000).await.outcomes;
        assert_eq!(alone, [Outcome::Skipped(SkipReason::Duplicate)]);
    }
    assert_eq!(lines.lock().unwrap().len(), 4);
}

#[tokio::test]
async fn what_may_have_been_applied_is_never_sent_in_parts() {
    let refuse = "    batch: { size: 9 }
    answers: { code: error, rules: [{ kind: [timeout, broken], means: refused }] }";
    let (url, _) = server(|_| "<html>".into_response()).await;
    for url in [url, raw("HTTP/1.1 2", false).await, raw("", true).await] {
        let outcomes = to(&flow(&url, refuse, "")).deliver(&records(2), 300).await.outcomes;
        let refused = outcomes.iter().all(|outcome| matches!(outcome, Outcome::Refused { .. }));
        assert!(refused, "{outcomes:?}");
    }
}

/// An answer with these headers.
fn with_headers(status: u16, headers: &[(&'static str, String)]) -> Response {
    let mut response = StatusCode::from_u16(status).unwrap().into_response();
    for (name, value) in headers {
        response.headers_mut().append(*name, value.parse().unwrap());
    }
    response
}

#[tokio::test]
async fn what_is_left_comes_with_every_answer() {
    let (url, _) =
        server(|_| with_headers(200, &[("ratelimit", r#""a";r=9;t=5, "b";r=3;t=60"#.into())]))
            .await;
    let left = |remaining, reset_in_ms| Some(Allowance { remaining, reset_in_ms, steady_us: None });
    for keys in ["", "    batch: { size: 10 }"] {
        let delivery = to(&flow(&url, keys, "")).deliver(&[record(1)], 5_000).await;
        assert_eq!(delivery.allowance, left(3, 60_000));
    }

    let (url, _) = server(|_| with_headers(200, &[("x-used", "32/40".into())])).await;
    let limits = "limits: { headers: { used: X-Used, window: 500ms } }";
    let delivery = to(&flow(&url, "", limits)).deliver(&[record(1)], 5_000).await;
    assert_eq!(delivery.allowance, left(8, 500));

    let (url, _) =
        server(|_| r#"{"cost":{"asked":10,"left":{"now":25,"rate":50.0}}}"#.into_response()).await;
    let limits = "limits: { body: { available: cost.left.now, cost: cost.asked, per_second: cost.left.rate } }";
    let delivery = to(&flow(&url, "", limits)).deliver(&[record(1)], 5_000).await;
    assert_eq!(delivery.allowance, left(2, 200));
}

#[tokio::test]
async fn without_retry_after_a_refusal_lasts_until_the_reset() {
    let reset = |seconds: i64| ("x-ratelimit-reset", (NOW_MS / 1_000 + seconds).to_string());
    let left = |count: &str| ("x-ratelimit-remaining", count.to_owned());
    for (status, headers, after_ms) in [
        (429, vec![reset(90)], Some(90_000)),
        (429, vec![left("0"), reset(90)], Some(90_000)),
        (503, vec![left("0"), ("ratelimit-reset", "7".into()), reset(90)], Some(90_000)),
        (429, vec![left("0"), reset(90), ("retry-after", "3".into())], Some(3_000)),
        // Another limit was met than the one that has requests left.
        (429, vec![left("4000"), reset(36_000)], None),
        (429, vec![left("0"), reset(36_000)], Some(3_600_000)),
        (429, vec![reset(-5)], None),
        (500, vec![left("0"), reset(90)], None),
    ] {
        let shown = format!("{status} {headers:?}");
        let (url, _) = server(move |_| with_headers(status, &headers)).await;
        let outcome = to(&flow(&url, "", "")).deliver(&[record(1)], 5_000).await.outcomes.remove(0);
        assert_eq!(later(&outcome).after_ms, after_ms, "{shown}");
    }
}

const LOOKUP: &str = "
    on_unknown:
      lookup:
        url: URL/leads/${record.email}?key=${idempotency_key}
        found: { path: result }
";

#[tokio::test]
async fn the_destination_is_asked_whether_it_has_a_record() {
    for (status, body, expected) in [
        (200, r#"{"result":[{"id":7}]}"#, "true"),
        (200, r#"{"result":[]}"#, "false"),
        (200, "{}", "false"),
        (404, "<html>", "false"),
        (200, r#"{"errors":[{"code":"602","message":"expired"}]}"#, "Connection None"),
        (200, r#"{"errors":[{"code":"1003"}]}"#, "Request None"),
        (200, r#"{"result":[{"#, "Request None"),
        (429, "", "Limit None"),
        (500, "", "Request None"),
        (302, "", "Connection None"),
        (400, "", "Request None"),
    ] {
        let (url, lines) =
            server(move |_| (StatusCode::from_u16(status).unwrap(), body).into_response()).await;
        let keys = format!("{MARKETO}{}", LOOKUP.replace("URL", &url));
        let found = to(&flow(&url, &keys, "")).has(&record(7), 5_000).await;
        let said = match found {
            Ok(found) => found.to_string(),
            Err(Later { blame, after_ms, unknown, .. }) => {
                assert!(!unknown, "to ask changes nothing");
                format!("{blame:?} {after_ms:?}")
            }
        };
        assert_eq!(said, expected, "{status} {body}");
        let lines = lines.lock().unwrap().clone();
        let asked = "GET /leads/7%40x?key=leads%2Fmain%2F7%401.";
        assert!(lines.len() == 1 && lines[0].starts_with(asked), "{lines:?}");
    }
}

#[tokio::test]
async fn who_cannot_be_asked_answers_later() {
    let silent = raw("", true).await;
    let slow = to(&flow(&silent, &LOOKUP.replace("URL", &silent), ""));
    let started = std::time::Instant::now();
    assert!(!slow.has(&record(1), 200).await.unwrap_err().unknown);
    assert!(started.elapsed().as_millis() < 1_000);
    let nameless = Outgoing { body: "{}".into(), ..record(1) };
    let error = slow.has(&nameless, 5_000).await.unwrap_err();
    assert!(error.reason.contains("needs the field `email`"), "{}", error.reason);
    let unasked = to(&flow(&silent, "", "")).has(&record(1), 5_000).await.unwrap_err();
    assert!(unasked.reason.contains("does not say how to ask"), "{}", unasked.reason);
}

#[tokio::test]
async fn only_the_destination_may_see_its_credentials() {
    let elsewhere = LOOKUP.replace("URL", "https://elsewhere.example");
    let flow = flow("https://crm.example", &elsewhere, "");
    let error = connect(&flow, &connection(), &options()).err().unwrap();
    assert_eq!(error.place, "destination.http.on_unknown.lookup.url");
    assert!(error.message.contains("only https://crm.example"), "{error}");
}
