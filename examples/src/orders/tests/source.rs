//! The source: each pagination style reaches every order once; its faults are as asked.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::{Answer, ask, get, id_of, start};
use crate::faults::{Rate, RetryAfterForm};
use crate::http::Stranger;
use crate::orders::{Growth, Orders, TieOrder, Ties, TimeForm};

/// Walks a list by `next`, which says the next address from the last answer and its number.
async fn walk(
    orders: &Orders,
    first: &str,
    next: impl Fn(&Answer, usize) -> Option<String>,
) -> Vec<u64> {
    let (mut ids, mut path) = (Vec::new(), Some(first.to_owned()));
    for number in 1.. {
        let Some(this) = path.take() else { break };
        let answer = get(orders, &this).await.expect("an answer");
        assert_eq!(answer.status, 200, "{this}: {answer:?}");
        ids.extend(answer.ids());
        path = next(&answer, number);
    }
    ids
}

fn unless_empty(answer: &Answer, path: String) -> Option<String> {
    (!answer.ids().is_empty()).then_some(path)
}

fn encode(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn next_link(answer: &Answer) -> Option<String> {
    let (before, _) = answer.header("link")?.split_once(r#"; title="a, b"; rel="next""#)?;
    Some(before.rsplit_once('<')?.1.trim_end_matches('>').to_owned())
}

#[tokio::test]
async fn every_style_reaches_every_order_once_in_either_sort() {
    let orders = start(|config| {
        config.source.ties = Ties::Every(70);
        config.source.tie_order = TieOrder::Shuffled;
    })
    .await;
    for sort in ["", "&sort=updated_at"] {
        let page = |path: &str, param: &str| format!("{path}?limit=30{sort}&{param}");
        let last = |answer: &Answer| *answer.ids().last().expect("not empty");
        let more = |answer: &Answer| answer.json()["has_more"] == true;
        let walks = [
            walk(&orders, &page("/page-number/orders", "page=1"), |a, n| {
                unless_empty(a, page("/page-number/orders", &format!("page={}", n + 1)))
            })
            .await,
            walk(&orders, &page("/offset/orders", "offset=0"), |a, n| {
                unless_empty(a, page("/offset/orders", &format!("offset={}", n * 30)))
            })
            .await,
            walk(&orders, &page("/token/orders", ""), |a, _| {
                let token = a.json()["next_page_token"].as_str().map(encode)?;
                Some(page("/token/orders", &format!("page_token={token}")))
            })
            .await,
            walk(&orders, &page("/link/orders", ""), |a, _| next_link(a)).await,
            walk(&orders, &page("/next-url/orders", ""), |a, _| {
                Some(a.json()["next"].as_str()?.to_owned())
            })
            .await,
            walk(&orders, &page("/last-id/orders", ""), |a, _| {
                more(a).then(|| page("/last-id/orders", &format!("after={}", last(a))))
            })
            .await,
            walk(&orders, &page("/updated-since/orders", "page=1"), |a, n| {
                unless_empty(a, page("/updated-since/orders", &format!("page={}", n + 1)))
            })
            .await,
        ];
        for (n, mut ids) in walks.into_iter().enumerate() {
            let by_id = sort.is_empty() && n != 6;
            assert_eq!(ids.is_sorted(), by_id, "walk {n}{sort}");
            ids.sort_unstable();
            assert!(ids.into_iter().eq(1..=250), "walk {n}{sort}");
        }
    }
    let ids = walk(&orders, "/orders?limit=30", |a, _| {
        unless_empty(a, format!("/orders?limit=30&since_id={}", a.ids().last()?))
    })
    .await;
    assert!(ids.into_iter().eq(1..=250));
}

#[tokio::test]
async fn bounds_and_filters_hold_and_unknown_parameters_do_not() {
    let orders = start(|config| {
        config.source.ties = Ties::Every(7);
        config.source.cancelled_every = Some(10);
    })
    .await;
    let ids = |query: &'static str| {
        let orders = &orders;
        async move { get(orders, &format!("/orders?limit=250&{query}")).await.unwrap().ids() }
    };
    let second = "2025-11-28T00%3A00%3A01Z";
    assert_eq!(ids("updated_since=2025-11-28T00%3A00%3A01Z").await, Vec::from_iter(8..=250));
    assert_eq!(ids("updated_after=2025-11-28T00%3A00%3A01Z").await, Vec::from_iter(15..=250));
    assert_eq!(ids("updated_until=1764288001").await, Vec::from_iter(1..=14));
    assert_eq!(ids("since_id=240&status=placed").await, Vec::from_iter(241..250));
    assert_eq!(ids("status=cancelled").await.len(), 25);
    let total = get(&orders, &format!("/orders?status=cancelled&updated_since={second}")).await;
    assert_eq!(total.unwrap().json()["total"], 25);

    let mark = |id: u64| {
        let url = format!("{}/orders/{id}", orders.source_url);
        let headers = format!("Authorization: Bearer {}\r\n", orders.source_token);
        async move { ask("PATCH", &url, &headers, r#"{"processed":true}"#).await.unwrap() }
    };
    assert_eq!(mark(3).await.json()["processed"], true);
    assert_eq!(mark(251).await.status, 404);
    assert_eq!(ids("processed=false&updated_until=1764288000").await, [1, 2, 4, 5, 6, 7]);
    assert_eq!(get(&orders, "/orders/3").await.unwrap().json()["processed"], true);
    let audit = orders.audit();
    assert_eq!((audit.marked, audit.marked_early), (1, 1));
    assert_eq!((audit.missing, audit.missing_ids[0]), (225, 1), "cancelled orders are not missed");

    assert_eq!(get(&orders, "/orders?offest=1").await.unwrap().status, 400);
    assert_eq!(get(&orders, "/orders?limit=1000").await.unwrap().ids().len(), 250, "page_max");
    let bare = ask("GET", &format!("{}/orders", orders.source_url), "", "").await.unwrap();
    assert_eq!(bare.status, 401);
    assert_eq!(orders.source_traffic().unauthorized, 1);
}

#[tokio::test]
async fn times_are_written_as_asked() {
    for (time_form, json) in [
        (TimeForm::Rfc3339, serde_json::json!("2025-11-28T00:00:02.000Z")),
        (TimeForm::EpochS, serde_json::json!(1_764_288_002.0)),
        (TimeForm::EpochMs, serde_json::json!(1_764_288_002_000_i64)),
    ] {
        let orders = start(|config| config.source.time_form = time_form).await;
        assert_eq!(get(&orders, "/orders/3").await.unwrap().json()["updated_at"], json);
    }
}

#[tokio::test]
async fn growth_begins_with_the_first_look_and_never_inserts_before_what_was_seen() {
    let orders = start(|config| {
        config.source.ties = Ties::Every(7);
        config.source.tie_order = TieOrder::Shuffled;
        config.source.growth = Some(Growth { per_second: 200.0, total: 60 });
    })
    .await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(orders.records(), 250);
    let mut seen: Vec<u64> = Vec::new();
    while !orders.grown() || seen.len() < 310 {
        let answer = get(&orders, "/updated-since/orders?limit=250&page=1").await.unwrap();
        let tail = get(&orders, "/updated-since/orders?limit=250&page=2").await.unwrap();
        let now = [answer.ids(), tail.ids()].concat();
        assert_eq!(now[..seen.len()], seen);
        seen = now;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!((orders.backlog_after(300), orders.audit().records), (10, 310));
    let json = get(&orders, "/updated-since/orders?limit=250&page=2").await.unwrap().json();
    let times: Vec<_> = json["orders"].as_array().unwrap().iter().collect();
    assert!(times.is_sorted_by_key(|order| order["updated_at"].as_str().unwrap().to_owned()));
    let mut by_time: HashMap<&str, Vec<u64>> = HashMap::new();
    for order in times {
        by_time.entry(order["updated_at"].as_str().unwrap()).or_default().push(id_of(order));
    }
    assert!(by_time.values().all(|tie| tie.len() <= 7), "{by_time:?}");
}

#[tokio::test]
async fn limits_failures_and_hang_ups_are_as_asked() {
    let orders = start(|config| {
        config.source.rate = Some(Rate { requests: 2, per_ms: 60_000 });
        config.source.retry_after = RetryAfterForm::HttpDate;
        config.source.latency_ms = 50;
    })
    .await;
    let start_time = Instant::now();
    assert_eq!(get(&orders, "/orders").await.unwrap().status, 200);
    assert!(start_time.elapsed() >= Duration::from_millis(50));
    assert_eq!(get(&orders, "/orders").await.unwrap().status, 200);
    let throttled = get(&orders, "/orders").await.unwrap();
    assert_eq!(throttled.status, 429);
    assert!(throttled.header("retry-after").unwrap().ends_with("GMT"), "{throttled:?}");

    let orders = start(|config| {
        config.source.fail = 0.3;
        config.source.drop = 0.3;
    })
    .await;
    for _ in 0..60 {
        get(&orders, "/orders?limit=1").await;
    }
    let traffic = orders.source_traffic();
    assert_eq!(traffic.requests, 60);
    assert!((6..30).contains(&traffic.failed_500) && (6..30).contains(&traffic.dropped));
}

#[tokio::test]
async fn next_links_and_redirects_lead_where_they_are_told() {
    let stranger = Stranger::start().await.unwrap();
    let orders = start(|config| config.source.foreign_next = Some(stranger.url.clone())).await;
    let answer = get(&orders, "/next-url/orders").await.unwrap().json();
    let next = answer["next"].as_str().unwrap();
    assert!(next.starts_with(&stranger.url), "{next}");
    let link = next_link(&get(&orders, "/link/orders").await.unwrap()).unwrap();
    assert!(link.starts_with(&stranger.url), "{link}");
    assert_eq!(stranger.requests(), 0);
    get(&orders, next).await.unwrap();
    assert_eq!((stranger.requests(), stranger.secrets()), (1, 1));

    let orders = start(|config| config.source.redirect_to = Some(stranger.url.clone())).await;
    let answer = get(&orders, "/orders?limit=5").await.unwrap();
    let location = answer.header("location").unwrap().to_owned();
    assert_eq!((answer.status, location), (307, format!("{}/orders?limit=5", stranger.url)));

    let orders = start(|_| ()).await;
    let answer = get(&orders, "/moved/orders?since_id=9").await.unwrap();
    assert_eq!(answer.header("location"), Some("/orders?since_id=9"));
}

#[tokio::test]
async fn the_bomb_is_a_megabyte_that_unpacks_to_a_gigabyte_of_json() {
    use std::io::Read;

    let orders = start(|_| ()).await;
    let answer = get(&orders, "/bomb/orders").await.unwrap();
    assert_eq!(answer.header("content-encoding"), Some("gzip"));
    assert!(answer.body.len() < 2 << 20, "{} bytes", answer.body.len());
    let mut head = vec![0; 4 << 20];
    flate2::read::GzDecoder::new(answer.body.as_slice()).read_exact(&mut head).unwrap();
    assert!(head.starts_with(br#"{"orders":[   "#) && head.ends_with(b"   "));
}
