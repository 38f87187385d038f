//! What a source's answers mean: errors with a success's status, lists that are null, limits, tokens that
//! have expired, and what is said of a refusal.

use std::sync::Arc;

use axum::response::Response;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tidegate_core::{model::Position, ports::SourceError};

use crate::{
    flow::{NOW_MS, TOKEN, Walked, set, source, walk},
    staged::{Asked, Staged, answer, answer_with, number_of, on_shelf, page_of},
};

/// A list of 50 records in pages of 20 of which one request is answered otherwise.
async fn list(instead: impl Fn(&Asked) -> Option<Response> + Send + Sync + 'static) -> Staged {
    Staged::start(move |asked| {
        instead(asked).unwrap_or_else(|| answer(200, page_of(50, 20, number_of(asked), "")))
    })
    .await
}

/// Answers the second request so, which is for the second page, and as often after it as is said.
fn second(times: usize, body: &'static str) -> impl Fn(&Asked) -> Option<Response> {
    move |asked| (1..=times).contains(&asked.number).then(|| answer(200, body))
}

async fn walked(list: &Staged, rest: &[(&str, Value)]) -> Result<Walked, SourceError> {
    let mut spec = list.numbered();
    for (key, value) in rest {
        spec[*key] = value.clone();
    }
    walk(&*source(spec), Position::Start).await
}

fn later(walked: Result<Walked, SourceError>) -> (String, Option<u64>) {
    match walked.unwrap_err() {
        SourceError::Later { reason, after_ms } => (reason, after_ms),
        halt => panic!("{halt}"),
    }
}

fn halt(walked: Result<Walked, SourceError>) -> String {
    match walked.unwrap_err() {
        SourceError::Halt(reason) => reason,
        later => panic!("{later}"),
    }
}

/// Bodies of an error that came with a success's status.
const ERRORS: [&str; 12] = [
    r#"{"data":[{"id":21}],"errors":[{"message":"a shard is down"}]}"#,
    r#"{"status":"error","data":[{"id":21}]}"#,
    r#"{"status":"error","data":null}"#,
    r#"{"status":"error","message":"try again","data":[]}"#,
    r#"{"error":{"code":17,"message":"busy"}}"#,
    r#"{"errors":[{"message":"busy"}],"data":null}"#,
    r#"{"success":false,"data":[]}"#,
    r#"{"meta":{"status":503},"data":[]}"#,
    r#"{"data":{"error":"busy"}}"#,
    r#"{"data":null}"#,
    r#"{"message":"busy"}"#,
    "null",
];

#[tokio::test]
async fn a_page_in_the_middle_that_is_an_error_with_a_200_is_asked_for_again() {
    join_all(ERRORS.map(|body| async move {
        let list = list(second(1, body)).await;
        let walked = walked(&list, &[]).await.unwrap_or_else(|error| panic!("{body}: {error}"));
        assert_eq!(walked.ids(), (1..=50).collect::<Vec<_>>(), "{body}");
    }))
    .await;
}

#[tokio::test]
async fn an_error_that_stays_is_never_taken_for_the_end_of_a_list() {
    join_all(ERRORS.map(|body| async move {
        let list = list(second(99, body)).await;
        let error = walked(&list, &[]).await.unwrap_err().to_string();
        // Records have no place in a log.
        let shown = body.replace(r#"{"id":21}"#, "");
        assert!(error.contains(&shown) && error.contains("page=2"), "{body}: {error}");
        // Three tries, and no more in this run.
        assert!(list.asked().len() <= 4, "{body}: {}", list.asked().len());
    }))
    .await;
}

/// What a body says of the next page was not read where it left its list out: the walk ended there.
#[tokio::test]
async fn repro_a_page_that_leaves_its_list_out_and_names_the_next_is_no_end() {
    let list = Staged::start(|asked| match asked.param("token").as_deref() {
        None => answer(200, r#"{"data":[{"id":1}],"next":"b"}"#),
        Some("b") => answer(200, r#"{"next":"c"}"#),
        _ => answer(200, r#"{"data":[{"id":2}]}"#),
    })
    .await;
    let token = json!({ "token": { "param": "token", "path": "next" } });
    let walked = walked(&list, &[("pagination", token), ("absent_is_empty", true.into())]).await;
    assert_eq!(walked.unwrap().ids(), [1, 2]);
}

#[tokio::test]
async fn a_null_list_is_an_empty_one_only_where_the_flow_says_so() {
    let body = |page: usize, end: &'static str| match page {
        1..=3 => answer(200, page_of(60, 20, page, "")),
        _ => answer(200, end),
    };
    for (end, key) in
        [(r#"{"data":null}"#, "null_is_empty"), (r#"{"total":50}"#, "absent_is_empty")]
    {
        let list = Staged::start(move |asked| body(number_of(asked) + 1, end)).await;
        let reason = halt(walked(&list, &[]).await);
        assert!(reason.contains("`data`"), "{reason}");
        let walked = walked(&list, &[(key, true.into())]).await.unwrap();
        assert_eq!(walked.ids(), (21..=60).collect::<Vec<_>>());
    }
    // The flow's word is about null, and not about an error beside it.
    let list = list(second(99, r#"{"data":null,"error":"down"}"#)).await;
    let reason = halt(walked(&list, &[("null_is_empty", true.into())]).await);
    assert!(reason.contains("down"), "{reason}");
}

#[tokio::test]
async fn an_empty_list_with_words_of_an_error_is_not_asked_for_for_ever() {
    for (body, rule) in [
        (
            r#"{"status":"failed","data":[]}"#,
            r#"code: status, rules: [{ code: "failed", means: page }]"#,
        ),
        (
            r#"{"meta":{"state":"error"},"data":[]}"#,
            r#"code: meta.state, rules: [{ code: "error","#,
        ),
        (r#"{"success":false,"data":[]}"#, r#"code: success, rules: [{ code: "false","#),
        (r#"{"errors":[{"message":"x"}],"data":[]}"#, "a rule in source.http.answers"),
        (r#"{"status":"error","data":[{"id":21}]}"#, r#"code: status, rules: [{ code: "error","#),
        (r#"{"status":"error","data":null}"#, r#"code: status, rules: [{ code: "error","#),
    ] {
        let list = list(second(99, body)).await;
        let reason = halt(walked(&list, &[]).await);
        assert!(reason.contains(rule), "{body}: {reason}");
        assert_eq!(list.asked().len(), 1 + 3, "{body}");
    }
}

#[tokio::test]
async fn the_rule_that_is_said_has_the_answer_read() {
    let list =
        list(|asked| Some(answer(200, page_of(50, 20, number_of(asked), r#""status":"failed","#))))
            .await;
    // Beside records a status says nothing; without them it does.
    halt(walked(&list, &[]).await);
    let answers = json!({ "code": "status", "rules": [{ "code": "failed", "means": "page" }] });
    assert_eq!(walked(&list, &[("answers", answers)]).await.unwrap().ids().len(), 50);
}

#[tokio::test]
async fn a_status_that_the_list_is_asked_for_by_is_no_error() {
    let list =
        list(|asked| Some(answer(200, page_of(50, 20, number_of(asked), r#""status":"failed","#))))
            .await;
    let walked = walked(&list, &[("query", json!({ "status": "failed" }))]).await.unwrap();
    assert_eq!(walked.ids().len(), 50);
}

#[tokio::test]
async fn an_error_in_a_200_means_what_the_flow_says() {
    const SAID: &str = r#"{"code":"E1","text":"so it is","data":[]}"#;
    let rules = |rule: Value| json!({ "code": "code", "reason": "text", "rules": [rule] });
    let run = async |rule: Value, times: usize| {
        let list = list(second(times, SAID)).await;
        walked(&list, &[("answers", rules(rule))]).await
    };
    let (reason, after_ms) =
        later(run(json!({ "code": "E1", "means": "limit", "after": "20s" }), 9).await);
    assert!(reason.contains("E1: so it is"), "{reason}");
    assert_eq!(after_ms, Some(20_000));
    let (_, after_ms) = later(run(json!({ "code": "E1", "means": "quota" }), 9).await);
    assert_eq!(after_ms, Some(900_000));
    let reason = halt(run(json!({ "code": "E1", "means": "halt" }), 9).await);
    assert!(reason.contains("E1: so it is"), "{reason}");
    let again = run(json!({ "code": "E1", "means": "retry" }), 1).await.unwrap();
    assert_eq!(again.ids().len(), 50);
    let ended = run(json!({ "code": "E1", "means": "empty" }), 9).await.unwrap();
    assert_eq!(ended.ids().len(), 20);
    // Without a rule it is tried again, like all that is not understood.
    let unheard = run(json!({ "code": "E2", "means": "halt" }), 1).await.unwrap();
    assert_eq!(unheard.ids().len(), 50);
}

#[tokio::test]
async fn a_status_means_what_the_flow_says() {
    let list = list(|asked| (number_of(asked) == 3).then(|| answer(404, "no more orders"))).await;
    let rule = json!({ "rules": [{ "status": 404, "means": "empty" }] });
    assert_eq!(walked(&list, &[("answers", rule)]).await.unwrap().ids().len(), 40);
}

#[tokio::test]
async fn a_limit_is_left_in_peace_for_as_long_as_it_says_in_each_form() {
    type Headers<'h> = Vec<(&'static str, &'h str)>;
    // NOW_MS is 2024-01-01T00:00:00Z.
    let moment = (NOW_MS / 1_000 + 90).to_string();
    let cases: [(u16, Headers<'_>, Option<u64>); 9] = [
        (429, vec![("retry-after", "90")], Some(90_000)),
        (429, vec![("retry-after", "Mon, 01 Jan 2024 00:01:30 GMT")], Some(90_000)),
        (503, vec![("retry-after", "90")], Some(90_000)),
        (429, vec![("retry-after", &moment)], Some(90_000)),
        (429, vec![("retry-after", "7200")], Some(7_200_000)),
        (429, vec![("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", &moment)], Some(90_000)),
        (403, vec![("retry-after", "90")], Some(90_000)),
        (403, vec![("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", &moment)], Some(90_000)),
        (500, vec![("retry-after", "90")], Some(90_000)),
    ];
    for (status, headers, wait_ms) in cases {
        let headers: Vec<(&'static str, String)> =
            headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        let told = format!("{status} {headers:?}");
        let list = list(move |asked| {
            let headers: Headers<'_> =
                headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            (asked.number >= 1).then(|| answer_with(status, &headers, "slow down"))
        })
        .await;
        let (reason, after_ms) = later(walked(&list, &[]).await);
        assert_eq!(after_ms, wait_ms, "{told}");
        assert!(reason.contains("slow down") && reason.contains(&status.to_string()), "{reason}");
        assert_eq!(list.asked().len(), 2, "{told}: it is not asked again before");
    }
}

#[tokio::test]
async fn a_graphql_source_that_is_throttled_waits_by_its_points() {
    let list = list(|asked| {
        (asked.number == 1).then(|| {
            answer(
                200,
                r#"{"errors":[{"message":"Throttled","extensions":{"code":"THROTTLED"}}],
                "extensions":{"cost":{"requestedQueryCost":500,"throttleStatus":
                {"currentlyAvailable":100,"restoreRate":50}}}}"#,
            )
        })
    })
    .await;
    let status = "extensions.cost.throttleStatus";
    let rules = json!({
        "code": "errors.0.extensions.code",
        "rules": [{ "code": "THROTTLED", "means": "limit" }],
    });
    let points = json!({ "body": {
        "available": format!("{status}.currentlyAvailable"),
        "per_second": format!("{status}.restoreRate"),
        "cost": "extensions.cost.requestedQueryCost",
    } });
    let (reason, after_ms) = later(walked(&list, &[("answers", rules), ("limits", points)]).await);
    assert!(reason.contains("THROTTLED"), "{reason}");
    assert_eq!(after_ms, Some(8_000));
}

#[tokio::test]
async fn a_403_about_rights_halts_and_does_not_wait() {
    let list = list(|asked| (asked.number == 1).then(|| answer(403, "not yours"))).await;
    let reason = halt(walked(&list, &[]).await);
    assert!(reason.contains("not yours") && reason.contains("source.http.auth"), "{reason}");
}

#[tokio::test]
async fn every_refusal_shows_method_path_page_and_what_the_body_says_without_secrets() {
    let said = format!("{{\"message\":\n \"no such thing for {TOKEN}\"}}{}", "x".repeat(2_000));
    for status in [400, 402, 404, 405, 406, 409, 410, 414, 415, 418, 422, 451] {
        for posted in [false, true] {
            let said = said.clone();
            let list = list(move |asked| (asked.number == 0).then(|| answer(status, &*said))).await;
            let mut spec = list.numbered();
            set(&mut spec, "auth", json!({ "bearer": "${secrets.token}" }));
            if posted {
                set(&mut spec, "body", json!({}));
            }
            let reason = halt(walk(&*source(spec), Position::Start).await);
            let method = if posted { "POST" } else { "GET" };
            for part in
                [method, "/orders", "page=1", &status.to_string(), "no such thing for [secret]"]
            {
                assert!(reason.contains(part), "{status}: no {part} in {reason}");
            }
            assert!(!reason.contains(TOKEN) && !reason.contains('\n'), "{reason}");
            assert!(reason.len() < 900, "{reason}");
        }
    }
}

/// A list behind a token that is good for so many requests, and says so in its own way after them.
async fn guarded(good_for: usize, expired: fn() -> Response) -> Staged {
    let used = Arc::new(std::sync::Mutex::new((0, 0)));
    Staged::start(move |asked| {
        let mut used = used.lock().unwrap();
        let (tokens, requests) = &mut *used;
        if asked.uri.path() == "/token" {
            (*tokens, *requests) = (*tokens + 1, 0);
            return answer(200, format!(r#"{{"access_token":"t{tokens}"}}"#));
        }
        *requests += 1;
        if *requests > good_for || asked.header("authorization") != format!("Bearer t{tokens}") {
            return expired();
        }
        answer(200, page_of(50, 20, number_of(asked), ""))
    })
    .await
}

fn by_token(list: &Staged, answers: Value) -> Value {
    let mut spec = list.numbered();
    set(
        &mut spec,
        "auth",
        json!({ "oauth2_client": {
        "token_url": format!("{}/token", list.base), "client_id": "me", "client_secret": "${secrets.token}",
    } }),
    );
    set(&mut spec, "answers", answers);
    spec
}

fn tokens(list: &Staged) -> usize {
    list.asked().iter().filter(|asked| asked.uri.path() == "/token").count()
}

#[tokio::test]
async fn a_token_that_has_expired_is_renewed_once_where_the_flow_says_what_says_so() {
    let cases: [(fn() -> Response, Value); 3] = [
        (|| answer(403, "expired"), json!({ "rules": [{ "status": 403, "means": "token" }] })),
        (
            || answer(400, r#"{"error":"invalid_token"}"#),
            json!({ "code": "error", "rules": [{ "status": 400, "code": "invalid_token", "means": "token" }] }),
        ),
        (
            || answer(200, r#"{"error":"invalid_token","data":null}"#),
            json!({ "code": "error", "rules": [{ "code": "invalid_token", "means": "token" }] }),
        ),
    ];
    for (expired, answers) in cases {
        let list = guarded(2, expired).await;
        let connected = on_shelf(by_token(&list, answers.clone()), &Arc::default());
        let walked = walk(&*connected.source, Position::Start).await.unwrap();
        assert_eq!((walked.ids().len(), tokens(&list) > 1), (50, true), "{answers}");
        // A new one that fares no better is not renewed again.
        let list = guarded(0, expired).await;
        let connected = on_shelf(by_token(&list, answers.clone()), &Arc::default());
        let reason = halt(walk(&*connected.source, Position::Start).await);
        assert!(reason.contains("source.http.auth"), "{reason}");
        assert_eq!(tokens(&list), 2, "{answers}");
    }
}
