//! Look-ups over real HTTP: what is asked, whose each result is, and what a failure comes to.

use std::{
    io::Write,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::to_bytes,
    extract::Request,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use proptest::prelude::*;
use serde_json::{Value, json};
use tidegate_connectors::connect;
use tidegate_core::{
    model::{Blame, Later},
    ports::{LookedUp, Lookup},
};
use tokio::net::TcpListener;
use url::form_urlencoded;

use crate::flow::{NOW_MS, TOKEN, connection, options};

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Arrived {
    pub line: String,
    kind: String,
    body: String,
}

pub type Log = Arc<Mutex<Vec<Arrived>>>;

/// An API that answers by what it is asked.
pub async fn server(
    answer: impl Fn(&Arrived) -> Response + Clone + Send + Sync + 'static,
) -> (String, Log) {
    let log = Log::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let seen = Arc::clone(&log);
    let router = Router::new().fallback(move |request: Request| {
        let (seen, answer) = (Arc::clone(&seen), answer.clone());
        async move {
            assert_eq!(request.headers()["authorization"], format!("Bearer {TOKEN}"));
            let line = format!("{} {}", request.method(), request.uri());
            let kind = request.headers().get(header::CONTENT_TYPE);
            let kind = kind.map(|kind| kind.to_str().unwrap().to_owned()).unwrap_or_default();
            let body = to_bytes(request.into_body(), 1 << 20).await.unwrap();
            let body = String::from_utf8(body.to_vec()).unwrap();
            let arrived = Arrived { line, kind, body };
            seen.lock().unwrap().push(arrived.clone());
            answer(&arrived)
        }
    });
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (url, log)
}

/// The look-up of a flow file with this section, which is indented by two.
pub fn lookup(section: &str) -> Box<dyn Lookup> {
    lookup_for("{ lookup: city }", section)
}

/// The same, where the city comes from this.
fn lookup_for(city: &str, section: &str) -> Box<dyn Lookup> {
    let file = format!(
        "flow: leads
source: {{ http: {{ url: 'https://a.example', cursor: {{ by: id }}, pagination: none }} }}
lookup:
{section}
transform: {{ map: {{ city: {city} }} }}
destination: {{ http: {{ url: 'https://b.example' }} }}
ordering: serial
"
    );
    let flow = tidegate_flow::parse("leads.yaml", &file).unwrap_or_else(|e| panic!("{e}\n{file}"));
    connect(&flow, &connection(), &options()).unwrap().lookup.unwrap()
}

/// As Marketo is asked.
fn marketo(url: &str) -> Box<dyn Lookup> {
    lookup(&format!(
        "  by: visitor.email
  ignore_case: true
  size: 300
  http:
    url: {url}/rest/v1/leads.json
    auth: {{ bearer: '${{secrets.token}}' }}
    query: {{ _method: GET }}
    form: {{ filterType: email, filterValues: '${{lookup.keys}}', fields: 'email,city' }}
    records: result
    key: email
    more: moreResult
    ok: {{ path: success, equals: true }}"
    ))
}

/// Asked with `${lookup.key}` in the query.
fn by_query(url: &str) -> Box<dyn Lookup> {
    lookup(&format!(
        "  by: email
  http:
    url: {url}/customers?v=1
    auth: {{ bearer: '${{secrets.token}}' }}
    query: {{ email: '${{lookup.key}}' }}
    key: email"
    ))
}

pub fn keys(keys: &[&str]) -> Vec<Box<str>> {
    keys.iter().map(|key| (*key).into()).collect()
}

pub async fn ask(lookup: &dyn Lookup, asked: &[&str]) -> Result<Vec<Option<String>>, Later> {
    let LookedUp { found, allowance } = lookup.look_up(&keys(asked), 5_000).await;
    assert_eq!(allowance, None);
    let text = |found: bytes::Bytes| String::from_utf8(found.to_vec()).unwrap();
    let found: Vec<_> = found?.into_iter().map(|found| found.map(text)).collect();
    assert_eq!(found.len(), asked.len());
    Ok(found)
}

fn fields(form: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(form.as_bytes()).into_owned().collect()
}

/// Answers as Marketo does: the leads that it knows, whatever the case.
fn leads(known: &'static [(&'static str, Value)]) -> impl Fn(&Arrived) -> Response + Clone {
    move |arrived| {
        let values = fields(&arrived.body).into_iter().find(|(name, _)| name == "filterValues");
        let values = values.unwrap().1.to_lowercase();
        let wanted: Vec<&str> = values.split(',').collect();
        let found: Vec<_> = known
            .iter()
            .filter(|(email, _)| wanted.contains(&&*email.to_lowercase()))
            .map(|(_, lead)| lead)
            .collect();
        json!({"requestId": "x", "success": true, "result": found}).to_string().into_response()
    }
}

#[test]
fn a_records_key_is_cut_out_trimmed_and_folded() {
    let lookup = marketo("https://m.example");
    let key = |record: &str| lookup.key(record.as_bytes()).unwrap();
    assert_eq!(
        key(r#"{"id":1,"visitor":{"email":" Ada@Example.COM "}}"#).as_deref(),
        Some("ada@example.com")
    );
    assert_eq!(key(r#"{"visitor":{"email":7}}"#).as_deref(), Some("7"));
    for none in ["{}", r#"{"visitor":null}"#, r#"{"visitor":{"email":" "}}"#, "[", "", "\"x\""] {
        assert_eq!(key(none), None, "{none}");
    }
    assert_eq!(lookup.keys_max(), 300);
}

#[tokio::test]
async fn three_hundred_keys_are_one_request() {
    let (url, log) = server(|arrived| {
        let values = fields(&arrived.body).into_iter().find(|(name, _)| name == "filterValues");
        // Every other one is known.
        let found: Vec<_> = values
            .unwrap()
            .1
            .split(',')
            .step_by(2)
            .map(|key| json!({"email": key, "city": "Bonn"}))
            .collect();
        json!({"success": true, "result": found}).to_string().into_response()
    })
    .await;
    let asked: Vec<String> = (0..300).map(|n| format!("someone+{n}@example.com")).collect();
    let asked: Vec<&str> = asked.iter().map(String::as_str).collect();
    let found = ask(&*marketo(&url), &asked).await.unwrap();
    for (n, found) in found.iter().enumerate() {
        let expected = format!(r#"{{"city":"Bonn","email":"someone+{n}@example.com"}}"#);
        let same = |found: &String| {
            serde_json::from_str::<Value>(found).unwrap()
                == serde_json::from_str::<Value>(&expected).unwrap()
        };
        assert!(found.as_ref().map_or(n % 2 == 1, same), "{n}: {found:?}");
    }
    let log = log.lock().unwrap();
    assert_eq!(log.len(), 1);
    assert_eq!(log[0].line, "POST /rest/v1/leads.json?_method=GET");
    assert_eq!(log[0].kind, "application/x-www-form-urlencoded");
}

#[tokio::test]
async fn a_key_arrives_as_it_is_whatever_stands_in_it() {
    let odd = ["a+b@x.org", "a&email=c@x.org", "a%2Cb=c;d@x.org", "é\"'\\ #?/@x.org", "a b@x"];
    let (url, log) = server(|_| "[]".into_response()).await;
    ask(&*by_query(&url), &odd).await.ok();
    ask(&*marketo(&url), &odd).await.ok();
    let json = lookup(&format!(
        "  by: id
  http:
    url: {url}/batch
    auth: {{ bearer: '${{secrets.token}}' }}
    body:
      idProperty: email
      all: '${{lookup.keys}}'
      inputs: [first, {{ id: '${{lookup.key}}', tag: x }}]
      secret: '${{secrets.token}}'
    key: id"
    ));
    ask(&*json, &odd).await.ok();
    let path = lookup(&format!(
        "  by: id
  http: {{ url: '{url}/c/${{lookup.key}}.json?k=${{lookup.key}}', auth: {{ bearer: '${{secrets.token}}' }} }}"
    ));
    ask(&*path, &["é/.. +&,@x"]).await.ok();
    let log = log.lock().unwrap().clone();
    let query = log[0].line.strip_prefix("GET /customers?").unwrap();
    let mut expected: Vec<_> = vec![("v".to_owned(), "1".to_owned())];
    expected.extend(odd.map(|key| ("email".to_owned(), key.to_owned())));
    assert_eq!(fields(query), expected);
    let form = fields(&log[1].body);
    assert!(form.contains(&("filterValues".to_owned(), odd.join(","))), "{form:?}");
    assert_eq!(form.len(), 3);
    assert_eq!((&*log[2].kind, &*log[2].line), ("application/json", "POST /batch"));
    let mut inputs = vec![json!("first")];
    inputs.extend(odd.map(|key| json!({"id": key, "tag": "x"})));
    let body =
        json!({"idProperty": "email", "all": odd.join(","), "inputs": inputs, "secret": TOKEN});
    assert_eq!(serde_json::from_str::<Value>(&log[2].body).unwrap(), body);
    let encoded = "%C3%A9%2F..%20%2B%26%2C%40x";
    assert_eq!(log[3].line, format!("GET /c/{encoded}.json?k={encoded}"));
}

/// A key that the API would read as two others finds neither of them, and is not even asked for.
#[tokio::test]
async fn a_key_with_the_separator_in_it_never_finds_another_record() {
    let victim = json!({"email": "victim@x.org", "city": "Kiel"});
    let known: &'static _ = Box::leak(Box::new([
        ("victim@x.org", victim.clone()),
        ("ada@x.org", json!({"email": "ada@x.org"})),
    ]));
    let (url, log) = server(leads(known)).await;
    let marketo = marketo(&url);
    let crafted = "victim@x.org,eve@x.org";
    let key = |email: &str| {
        let record = json!({"visitor": {"email": email}}).to_string();
        marketo.key(record.as_bytes()).unwrap()
    };
    assert_eq!((key(crafted), key("ada@x.org")), (None, Some("ada@x.org".into())));
    assert!(ask(&*marketo, &["ada@x.org"]).await.unwrap()[0].is_some());
    assert_eq!(log.lock().unwrap().len(), 1);

    // An API that splits or searches by itself gives what was not asked for: it counts for none.
    let (url, _) = server(move |_| json!([victim]).to_string().into_response()).await;
    assert_eq!(ask(&*by_query(&url), &["eve@x.org", crafted]).await, Ok(vec![None, None]));
}

/// Taken for unknown, such a record overwrote what was known on every run.
#[test]
fn repro_what_cannot_be_asked_for_is_refused_where_it_would_be_merged() {
    let commas = "  by: visitor.email
  http: { url: 'https://m.example', query: { q: '${lookup.keys}' }, key: email }";
    let address = "  by: visitor.email
  http: { url: 'https://m.example/c/${lookup.key}' }";
    let long = "x".repeat(1_025);
    for (section, email, why) in [
        (commas, "a@x.org,b@x.org", "holds the separator `,`"),
        (commas, &*long, "over 1024 bytes"),
        (address, "..", "another address"),
        (address, &*long, "over 1024 bytes"),
    ] {
        let record = json!({"visitor": {"email": email}}).to_string();
        for merging in
            ["{ path: city, never_overwrite: true }", "{ path: city, when_absent: keep }"]
        {
            let reason = lookup_for(merging, section).key(record.as_bytes()).unwrap_err();
            assert!(reason.contains("`visitor.email`") && reason.contains(why), "{reason}");
            assert!(reason.len() < 300 && !reason.contains("x.org"), "{reason}");
        }
        assert_eq!(lookup(section).key(record.as_bytes()), Ok(None), "nothing is merged");
    }
    // One that does not say whom to ask for is mapped as it is, and what can be asked for is.
    let merging = |section| lookup_for("{ path: city, never_overwrite: true }", section);
    assert_eq!(merging(commas).key(b"{}"), Ok(None));
    assert_eq!(merging(address).key(br#"{"visitor":{"email":"a,b"}}"#), Ok(Some("a,b".into())));
    let longest = json!({"visitor": {"email": &long[1..]}}).to_string();
    assert_eq!(merging(commas).key(longest.as_bytes()), Ok(Some(long[1..].into())));
}

#[tokio::test]
async fn an_address_for_one_key_is_asked_for_one_and_no_key_climbs_out_of_it() {
    let (url, log) = server(|arrived| match &*arrived.line {
        "GET /customers/7" => r#"{"data": {"city" : "Bonn"}}"#.into_response(),
        "GET /customers/9" => StatusCode::GONE.into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    })
    .await;
    let lookup = lookup(&format!(
        "  by: id
  cache: 5m
  http:
    url: {url}/customers/${{lookup.key}}
    auth: {{ bearer: '${{secrets.token}}' }}
    records: data
    missing: [404, 410]"
    ));
    assert_eq!(lookup.keys_max(), 1);
    assert_eq!(ask(&*lookup, &["7"]).await, Ok(vec![Some(r#"{"city" : "Bonn"}"#.to_owned())]));
    assert_eq!(ask(&*lookup, &["8"]).await, Ok(vec![None]));
    assert_eq!(ask(&*lookup, &["9"]).await, Ok(vec![None]));
    assert_eq!(ask(&*lookup, &["../admin"]).await, Ok(vec![None]));
    assert_eq!(lookup.key(br#"{"id":".."}"#), Ok(None), "`..` is not asked for");
    let lines: Vec<_> = log.lock().unwrap().iter().map(|arrived| arrived.line.clone()).collect();
    assert_eq!(lines[3..], ["GET /customers/..%2Fadmin"]);
}

#[tokio::test]
async fn case_makes_a_difference_unless_the_flow_says_that_it_does_not() {
    let answer =
        r#"{"success":true,"result":[{"email":"ADA@x.org","n":1},{"email":"ada@X.ORG","n":2}]}"#;
    let (url, _) = server(move |_| answer.into_response()).await;
    let found = ask(&*marketo(&url), &["ada@x.org"]).await.unwrap();
    let first = r#"{"email":"ADA@x.org","n":1}"#.to_owned();
    assert_eq!(found, [Some(first)], "of several, the first");
    let (url, _) = server(|_| r#"[{"email":"ADA@x.org"},{"email":"a"}]"#.into_response()).await;
    assert_eq!(ask(&*by_query(&url), &["ada@x.org"]).await, Ok(vec![None]));
}

#[tokio::test]
async fn a_failure_says_who_is_to_blame_and_when_to_come_back() {
    let asked = async |answer: fn() -> Response, keys: &[&str]| {
        let (url, _) = server(move |_| answer()).await;
        ask(&*marketo(&url), keys).await.unwrap_err()
    };
    let two = &["a@x", "b@x"][..];
    let limited = asked(
        || (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "7")]).into_response(),
        two,
    )
    .await;
    assert_eq!((limited.blame, limited.after_ms), (Blame::Limit, Some(7_000)));
    let down = asked(
        || {
            let date = httpdate::fmt_http_date(
                std::time::UNIX_EPOCH
                    + std::time::Duration::from_millis(u64::try_from(NOW_MS).unwrap() + 30_000),
            );
            (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, date)]).into_response()
        },
        two,
    )
    .await;
    assert_eq!((down.blame, down.after_ms), (Blame::Destination, Some(30_000)));
    for (answer, blame) in [
        ((|| StatusCode::UNAUTHORIZED.into_response()) as fn() -> Response, Blame::Connection),
        (|| StatusCode::NOT_FOUND.into_response(), Blame::Connection),
        (|| StatusCode::BAD_GATEWAY.into_response(), Blame::Request),
        (|| StatusCode::URI_TOO_LONG.into_response(), Blame::Batch),
        (|| r#"{"success":false,"errors":[{"code":"606"}]}"#.into_response(), Blame::Request),
        (|| r#"{"success":true}"#.into_response(), Blame::Request),
        (|| r#"{"success":true,"result":[{"mail":"a@x"}]}"#.into_response(), Blame::Request),
        (|| r#"{"success":true,"result":[],"moreResult":true}"#.into_response(), Blame::Batch),
        (|| "<html>".into_response(), Blame::Request),
        (|| StatusCode::NO_CONTENT.into_response(), Blame::Request),
    ] {
        let later = asked(answer, two).await;
        assert_eq!(later.blame, blame, "{later:?}");
        assert!(!later.unknown && !later.reason.is_empty());
        let alone = asked(answer, &two[..1]).await;
        assert!(alone.blame != Blame::Batch, "a single key is no batch: {alone:?}");
    }
    let told =
        asked(|| (StatusCode::FORBIDDEN, format!("no\n {TOKEN}")).into_response(), two).await;
    assert_eq!(told.reason, "the look-up answered 403: no [secret]");
}

#[tokio::test]
async fn a_redirect_is_refused_and_nothing_is_sent_elsewhere() {
    let (elsewhere, visits) = server(|_| "[]".into_response()).await;
    for status in [StatusCode::FOUND, StatusCode::TEMPORARY_REDIRECT] {
        let to = elsewhere.clone();
        let (url, log) =
            server(move |_| (status, [(header::LOCATION, to.clone())]).into_response()).await;
        let later = ask(&*marketo(&url), &["a@x"]).await.unwrap_err();
        assert_eq!(later.blame, Blame::Connection);
        assert_eq!(log.lock().unwrap().len(), 1);
    }
    assert_eq!(visits.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn no_key_chooses_the_host() {
    let (url, log) = server(|_| "{}".into_response()).await;
    let lookup = lookup(&format!(
        "  by: id
  http: {{ url: '{url}/${{lookup.key}}', auth: {{ bearer: '${{secrets.token}}' }} }}"
    ));
    for key in ["@evil.example/", "//evil.example", "\\evil.example", "?x", "#x"] {
        assert!(ask(&*lookup, &[key]).await.is_ok(), "{key}");
    }
    let log = log.lock().unwrap();
    assert_eq!(log.len(), 5);
    assert!(log.iter().all(|arrived| arrived.line.matches('/').count() == 1), "{log:?}");
}

#[tokio::test]
async fn an_answer_is_read_up_to_its_limit() {
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let zeroes = vec![b' '; 1 << 20];
    for _ in 0..512 {
        bomb.write_all(&zeroes).unwrap();
    }
    let bomb = bomb.finish().unwrap();
    let (url, _) =
        server(move |_| ([(header::CONTENT_ENCODING, "gzip")], bomb.clone()).into_response()).await;
    let by_query = by_query(&url);
    let later = ask(&*by_query, &["a@x", "b@x"]).await.unwrap_err();
    assert_eq!(later.blame, Blame::Batch, "fewer keys may fit");
    assert!(later.reason.contains("over 8388608 bytes"), "{}", later.reason);
    assert_eq!(ask(&*by_query, &["a@x"]).await.unwrap_err().blame, Blame::Request);
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    if let Some(line) = status.lines().find(|line| line.starts_with("VmHWM")) {
        let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        assert!(kib < 256 * 1024, "{kib} KiB");
    }
}

#[tokio::test]
async fn no_look_up_outlives_its_time_and_nobody_there_is_the_destinations_fault() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let marketo = marketo(&url);
    let started = std::time::Instant::now();
    let found = marketo.look_up(&keys(&["a@x"]), 200).await.found;
    assert_eq!(found.unwrap_err().blame, Blame::Request);
    assert!(started.elapsed().as_millis() < 1_000);
    assert!(marketo.look_up(&keys(&["a@x"]), 0).await.found.is_err());
    drop(listener);
    let later = ask(&*marketo, &["a@x"]).await.unwrap_err();
    assert_eq!((later.blame, later.unknown), (Blame::Destination, false));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 24, ..ProptestConfig::default() })]

    /// Whatever the keys, a record is found for the key that stands in it, and for no other.
    #[test]
    fn what_is_found_is_ones_own(
        asked in prop::collection::btree_set("[a-cA-C,;&+%=é. /]{1,6}", 1..12),
        known in prop::collection::vec("[a-cA-C,;&+%=é. /]{1,6}", 0..12),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let results: Vec<_> = known.iter().map(|key| json!({"email": key})).collect();
            let answer = json!({"success": true, "result": results}).to_string();
            let (url, log) = server(move |_| answer.clone().into_response()).await;
            let marketo = marketo(&url);
            // As records bring them.
            let asked: std::collections::BTreeSet<Box<str>> = asked
                .iter()
                .map(|key| json!({"visitor": {"email": key}}).to_string())
                .filter_map(|record| marketo.key(record.as_bytes()).unwrap())
                .collect();
            let asked: Vec<&str> = asked.iter().map(|key| &**key).collect();
            // Results that have no key at all are a fault of the flow.
            let is_blank = |key: &String| key.trim().is_empty();
            if asked.is_empty() || !known.is_empty() && known.iter().all(is_blank) {
                return;
            }
            let found = ask(&*marketo, &asked).await.unwrap();
            for (key, found) in asked.iter().zip(&found) {
                let own = known.iter().find(|known| known.trim().to_lowercase() == **key);
                let expected = own.map(|own| json!({"email": own}).to_string());
                assert_eq!(*found, expected, "{key:?}");
            }
            for arrived in log.lock().unwrap().iter() {
                let values = fields(&arrived.body).into_iter().find(|(name, _)| name == "filterValues");
                let values = values.unwrap().1;
                assert!(values.split(',').all(|value| asked.contains(&value)), "{values}");
            }
        });
    }
}
