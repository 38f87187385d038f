//! What a look-up's answers and failures mean, by the flow's own rules and by what they say of limits.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use tidegate_core::{
    model::{Blame, Later},
    ports::{LookedUp, Lookup},
};
use tokio::{io::AsyncReadExt, net::TcpListener};

use crate::lookup::{ask, keys, lookup, server};

const TWO: &[&str] = &["a@x", "b@x"];

/// With these rules.
fn ruled(url: &str, rules: &str) -> Box<dyn Lookup> {
    lookup(&format!(
        "  by: email
  http:
    url: {url}/customers
    auth: {{ bearer: '${{secrets.token}}' }}
    query: {{ email: '${{lookup.keys}}' }}
    key: email
    missing: [410]
    answers: {{ reason: why, rules: [{rules}] }}"
    ))
}

async fn later(
    answer: impl Fn() -> Response + Clone + Send + Sync + 'static,
    rules: &str,
    keys: &[&str],
) -> Later {
    let (url, _) = server(move |_| answer()).await;
    ask(&*ruled(&url, rules), keys).await.expect_err("it is no answer")
}

/// They were accepted, and only those with a code were heeded: a limit of an unusual status had its group
/// halved down to single keys, each of which met the limit again.
#[tokio::test]
async fn repro_rules_by_status_are_heeded_whether_or_not_there_is_a_code() {
    let unusual = || (StatusCode::from_u16(420).unwrap(), r#"{"why":"calm down"}"#).into_response();
    let limited = later(unusual, "{ status: 420, means: limit, after: 20s }", TWO).await;
    assert_eq!((limited.blame, limited.after_ms), (Blame::Limit, Some(20_000)));
    assert_eq!(limited.reason, "the look-up answered 420: calm down");

    let bare = |status: u16| move || StatusCode::from_u16(status).unwrap().into_response();
    for (status, means, many, one) in [
        (420, "quota", Blame::Quota, Blame::Quota),
        (404, "retry", Blame::Request, Blame::Request),
        (400, "down", Blame::Destination, Blame::Destination),
        (503, "refused", Blame::Batch, Blame::Request),
        (202, "unknown", Blame::Request, Blame::Request),
        (400, "token", Blame::Connection, Blame::Connection),
    ] {
        let rules = format!("{{ status: {status}, means: {means} }}");
        for (keys, blame) in [(TWO, many), (&TWO[..1], one)] {
            let later = later(bare(status), &rules, keys).await;
            assert_eq!((later.blame, later.unknown), (blame, false), "{rules}: {later:?}");
            assert!(later.reason.contains(&status.to_string()), "{later:?}");
        }
    }
    // A status without a rule means what it says by itself.
    assert_eq!(later(bare(400), "{ status: 420, means: limit }", TWO).await.blame, Blame::Batch);
}

#[tokio::test]
async fn a_rule_makes_an_answer_of_a_status_that_is_none_by_itself() {
    let known = || (StatusCode::CONFLICT, r#"[{"email":"a@x"}]"#).into_response();
    let (url, _) = server(move |_| known()).await;
    let found = ask(&*ruled(&url, "{ status: 409, means: delivered }"), TWO).await;
    assert_eq!(found, Ok(vec![Some(r#"{"email":"a@x"}"#.to_owned()), None]));
    // `missing` says so too.
    let (url, _) = server(|_| StatusCode::GONE.into_response()).await;
    let found = ask(&*ruled(&url, "{ status: 410, means: limit }"), TWO).await;
    assert_eq!(found, Ok(vec![None, None]));
}

#[tokio::test]
async fn repro_rules_by_kind_are_heeded() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = async |rules: &str, timeout_ms: u64| {
        let found = ruled(&url, rules).look_up(&keys(TWO), timeout_ms).await.found;
        let later = found.expect_err("nobody answers");
        assert!(!later.unknown, "{later:?}");
        (later.blame, later.after_ms)
    };
    // Nobody accepts it, so that it times out.
    for (rules, judged) in [
        ("", (Blame::Request, None)),
        ("{ kind: timeout, means: down, after: 7s }", (Blame::Destination, Some(7_000))),
        ("{ kind: timeout, means: unknown }", (Blame::Request, None)),
        ("{ kind: timeout, means: refused }", (Blame::Batch, None)),
        ("{ kind: [connect, broken], means: limit }", (Blame::Request, None)),
    ] {
        assert_eq!(asked(rules, 200).await, judged, "{rules}");
    }
    // Closed without an answer.
    let closing = tokio::spawn(async move {
        for _ in 0.. {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 4096]).await;
        }
    });
    assert_eq!(
        asked("{ kind: broken, means: limit, after: 3s }", 5_000).await,
        (Blame::Limit, Some(3_000))
    );
    closing.abort();
    let _ = closing.await;
    assert_eq!(asked("{ kind: connect, means: retry }", 5_000).await, (Blame::Request, None));
    assert_eq!(asked("", 5_000).await, (Blame::Destination, None));
}

/// As at the destination: only `Retry-After` was read.
#[tokio::test]
async fn repro_a_refusal_for_the_limits_sake_lasts_until_its_reset() {
    let after = async |status: u16, headers: &[(&'static str, &'static str)], rules: &str| {
        let headers = headers.to_vec();
        let (url, _) = server(move |_| {
            let mut response = StatusCode::from_u16(status).unwrap().into_response();
            for (name, value) in &headers {
                response.headers_mut().insert(*name, value.parse().unwrap());
            }
            response
        })
        .await;
        let LookedUp { found, .. } = ruled(&url, rules).look_up(&keys(TWO), 5_000).await;
        found.expect_err("it is no answer").after_ms
    };
    let used_up = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "30")];
    assert_eq!(after(429, &used_up, "").await, Some(30_000));
    assert_eq!(after(503, &used_up, "").await, Some(30_000));
    assert_eq!(after(500, &used_up, "").await, None, "it is no refusal for the limit's sake");
    let some_left = [("x-ratelimit-remaining", "7"), ("x-ratelimit-reset", "30")];
    assert_eq!(after(429, &some_left, "").await, None, "another limit was met");
    let both = [used_up[0], used_up[1], ("retry-after", "2")];
    assert_eq!(after(429, &both, "").await, Some(2_000));
    let rule = "{ status: 420, means: limit, after: 10s }";
    assert_eq!(after(420, &used_up, rule).await, Some(30_000), "a rule's own is the least");
    assert_eq!(after(420, &both, rule).await, Some(10_000));
}

/// M7: half a surrogate pair in one customer's name held the whole group, and for ever.
#[tokio::test]
async fn repro_one_result_that_is_no_json_is_told_from_the_others() {
    let (url, requests) = server(|asked| {
        let line = asked.line.clone();
        let asked: Vec<&str> = ["a@x", "b@x", "c@x", "d@x"]
            .into_iter()
            .filter(|key| line.contains(&key.replace('@', "%40")))
            .collect();
        let result = |key: &&str| match *key {
            "b@x" => format!(r#"{{"email":"{key}","name":"x\ud83d"}}"#),
            key => format!(r#"{{"email":"{key}"}}"#),
        };
        let results: Vec<String> = asked.iter().map(result).collect();
        format!("[{}]", results.join(",")).into_response()
    })
    .await;
    let lookup = ruled(&url, "");
    // Halves are asked for, down to the one that is at fault.
    let (mut groups, mut found, mut faults) =
        (vec![vec!["a@x", "b@x", "c@x", "d@x"]], 0, Vec::new());
    while let Some(group) = groups.pop() {
        match ask(&*lookup, &group).await {
            Ok(results) => found += results.iter().flatten().count(),
            Err(later) if later.blame == Blame::Batch => {
                let (first, second) = group.split_at(group.len() / 2);
                groups.extend([first.to_vec(), second.to_vec()]);
            }
            Err(later) => faults.push((group, later.blame)),
        }
    }
    assert_eq!((found, faults), (3, vec![(vec!["b@x"], Blame::Record)]));
    assert!(requests.lock().unwrap().len() <= 7);
    // A gateway's page is of none of them.
    let page = || "<html>maintenance</html>".into_response();
    assert_eq!(later(page, "", TWO).await.blame, Blame::Request);
}
