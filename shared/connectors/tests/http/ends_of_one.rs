//! What is found out of a source, what is read before a halt, and lists that are one answer.

use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use axum::{
    http::{HeaderValue, StatusCode},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use tidegate_core::model::Position;

use crate::{
    api::{Api, Behaviour, Order, Sort, Style},
    flow::{set, source, source_spec, unset, walk, walk_in_runs},
    scripted::{Asked, Scripted, answer, halted, read},
};

/// Seven of each second, and one second with more than two pages.
fn orders() -> Vec<Order> {
    let sevens = (0..460).map(|n| Order { id: 1 + (n * 37) % 461, at: n / 7 });
    let tie = (0..230).map(|n| Order { id: 1_000 + n, at: 40 });
    sevens.chain(tie).collect()
}

fn expected(mut orders: Vec<Order>) -> Vec<i64> {
    orders.sort_by_key(|order| (order.at, order.id));
    orders.into_iter().map(|order| order.id).collect()
}

#[tokio::test]
async fn nothing_is_lost_or_sent_twice_whether_the_filter_is_greater_or_greater_or_equal() {
    for style in [Style::PageNumber, Style::Offset, Style::Token, Style::Link, Style::NextUrl] {
        for sort in [Sort::Time, Sort::TimeId] {
            for (inclusive, grain) in [(true, 1), (false, 1), (true, 5), (false, 5)] {
                let mut behaviour = Behaviour::new(style, sort, orders());
                (behaviour.inclusive, behaviour.since_grain) = (inclusive, grain);
                let api = Api::start(behaviour).await;
                let mut spec = source_spec(&api);
                unset(&mut spec, "cursor.inclusive");
                let source = source(spec);
                let name = format!("{style:?} {sort:?} inclusive={inclusive} grain={grain}");
                let walked = walk(&*source, Position::Start).await.expect(&name);
                assert_eq!(walked.ids(), expected(orders()), "{name}");
                let walked = walk_in_runs(&*source, 97).await.expect(&name);
                assert_eq!(walked.ids(), expected(orders()), "{name} in runs");
            }
        }
    }
}

#[tokio::test]
async fn a_record_that_joins_the_last_moment_later_is_read_whatever_the_filter() {
    for inclusive in [true, false] {
        for sort in [Sort::Time, Sort::TimeId] {
            let list = vec![Order { id: 1, at: 5 }, Order { id: 2, at: 9 }];
            let mut behaviour = Behaviour::new(Style::PageNumber, sort, list);
            behaviour.inclusive = inclusive;
            let api = Api::start(behaviour).await;
            let mut spec = source_spec(&api);
            unset(&mut spec, "cursor.inclusive");
            let source = source(spec);
            let last = walk(&*source, Position::Start).await.unwrap().records.pop().unwrap();
            api.now().orders.push(Order { id: 3, at: 9 });
            let before = api.requests();
            let next = walk(&*source, Position::At(last.mark)).await.unwrap();
            assert_eq!(next.ids(), [3], "{inclusive} {sort:?}");
            assert!(api.requests() - before <= 4, "{}", api.requests() - before);
        }
    }
}

/// Rows 1 to this, after so many of them.
fn after(start: i64, count: i64) -> Response {
    answer(start + 1..=count.min(start + 100), json!({}))
}

#[tokio::test]
async fn offsets_that_must_be_multiples_of_the_page_size_are_found_out() {
    for rounds_down in [true, false] {
        for overlap in [json!(null), json!(false)] {
            for count in [450_i64, 400, 100, 30] {
                let api = Scripted::start(move |asked| {
                    let offset = asked.number("offset").unwrap();
                    match offset % 100 {
                        0 => after(offset, count),
                        _ if rounds_down => after(offset / 100 * 100, count),
                        _ => StatusCode::BAD_REQUEST.into_response(),
                    }
                })
                .await;
                let mut style = json!({ "param": "offset", "size_param": "limit" });
                if overlap == false {
                    style["overlap"] = json!(false);
                }
                let (ids, error) = read(api.spec(json!({ "offset": style }))).await;
                assert_eq!(error, None, "{rounds_down} {overlap} {count}");
                assert_eq!(ids, (1..=count).collect::<Vec<_>>(), "{rounds_down} {overlap}");
                assert!(api.requests() <= 14, "{}", api.requests());
            }
        }
    }
}

#[tokio::test]
async fn repro_offsets_pass_pages_that_have_nothing_but_what_was_read() {
    for list in ["x..x.x.x..xxxxx", "...xx...xx...x", "x....x....x....x", "xxxxx"] {
        for overlap in [true, false] {
            for behind in [200_u16, 400, 404] {
                // Of the records that the offset counts those are shown that are an `x`.
                let shown = move |start: usize, count: usize| {
                    let page = list.chars().enumerate().skip(start).take(count);
                    page.filter(|(_, shown)| *shown == 'x').map(|(id, _)| id as i64)
                };
                let api = Scripted::start(move |asked| {
                    let offset = asked.number("offset").unwrap() as usize;
                    match behind {
                        200 => answer(shown(offset, 5), json!({})),
                        _ if offset < list.len() => answer(shown(offset, 5), json!({})),
                        status => StatusCode::from_u16(status).unwrap().into_response(),
                    }
                })
                .await;
                let style = json!({ "param": "offset", "overlap": overlap });
                let (ids, error) = read(api.spec(json!({ "offset": style }))).await;
                assert_eq!(error, None, "{list} {overlap} {behind}");
                let all: Vec<i64> = shown(0, list.len()).collect();
                assert_eq!(ids, all, "{list} {overlap} {behind}");
                assert!(api.requests() <= 2 * list.len(), "{list} {}", api.requests());
            }
        }
    }
}

#[tokio::test]
async fn repro_a_last_page_that_names_itself_is_read_on_as_it_grows() {
    let pages = AtomicI64::new(0);
    let api = Scripted::start(move |asked| {
        let rows = match asked.number("token") {
            None => 1..=3,
            Some(_) => 4..=4 + pages.fetch_add(1, Relaxed).min(2),
        };
        answer(rows, json!({ "next": "7" }))
    })
    .await;
    let style = json!({ "token": { "param": "token", "path": "next" } });
    let (ids, error) = read(api.spec(style)).await;
    assert_eq!((ids, error), (vec![1, 2, 3, 4, 5, 6], None));
}

#[tokio::test]
async fn the_next_page_may_be_named_in_a_header_or_by_a_relation() {
    let api = Scripted::start(|asked| {
        let page = asked.number("token").unwrap_or(0);
        let next = if page < 2 { (page + 1).to_string() } else { String::new() };
        let mut links = vec![json!({ "rel": "self", "href": "/orders" })];
        if !next.is_empty() {
            links.push(json!({ "rel": "next", "href": format!("/orders?token={next}") }));
        }
        let ids = page * 100 + 1..=250.min(page * 100 + 100);
        ([("x-next", next)], answer(ids, json!({ "links": links }))).into_response()
    })
    .await;
    for style in [
        json!({ "token": { "param": "token", "header": "X-Next" } }),
        json!({ "next_url": { "path": "links[rel=next].href" } }),
    ] {
        let (ids, error) = read(api.spec(style.clone())).await;
        assert_eq!((ids, error), ((1..=250).collect(), None), "{style}");
    }
    assert_eq!(api.requests(), 6);
}

#[tokio::test]
async fn an_address_behind_a_proxy_is_asked_at_the_lists_own_origin_where_the_flow_says_so() {
    let serve = |asked: &Asked| {
        let page = asked.number("page").unwrap_or(1);
        let next = format!("http://orders.internal:8080/v2/orders?page={}", page + 1);
        let next = if page < 3 { json!(next) } else { json!(null) };
        let link = match next.as_str() {
            Some(next) => format!("<{next}>; rel=\"next\""),
            None => "</first>; rel=\"first\"".into(),
        };
        ([("link", link)], answer(page * 100 - 99..=page * 100, json!({ "next": next })))
            .into_response()
    };
    for (style, keys) in [("link_header", json!({})), ("next_url", json!({ "path": "next" }))] {
        let api = Scripted::start(serve).await;
        let mut spec = api.spec(json!({ style: keys }));
        let (ids, error) = read(spec.clone()).await;
        assert_eq!(ids, (1..=100).collect::<Vec<_>>(), "{style}");
        halted(error, &["http://orders.internal:8080", "origin: keep"]);
        set(&mut spec, &format!("pagination.{style}.origin"), "keep");
        let (ids, error) = read(spec).await;
        assert_eq!((ids, error), ((1..=300).collect(), None), "{style}");
        let asked = api.asked();
        assert_eq!(asked.last().unwrap().path, "/v2/orders");
    }
}

#[tokio::test]
async fn a_next_page_that_is_there_and_cannot_be_read_is_named_and_its_page_given() {
    for (next, what) in [
        (json!({ "href": "/orders?token=1" }), "an object"),
        (json!(["/orders?token=1"]), "a list"),
        (json!(true), "`true`"),
    ] {
        for style in ["token", "next_url"] {
            let next = next.clone();
            let api = Scripted::start(move |_| answer(1..=10, json!({ "next": next }))).await;
            let mut keys = json!({ "path": "next" });
            if style == "token" {
                keys["param"] = "token".into();
            }
            let (ids, error) = read(api.spec(json!({ style: keys }))).await;
            assert_eq!(ids, (1..=10).collect::<Vec<_>>());
            halted(error, &["`next`", what]);
        }
    }
}

#[tokio::test]
async fn a_link_header_with_any_byte_is_read() {
    let api = Scripted::start(|asked| {
        let page = asked.number("page").unwrap_or(1);
        let mut response = answer(page * 10 - 9..=page * 10, json!({}));
        if page < 5 {
            let mut link = format!("</orders?page={}&q=caf", page + 1).into_bytes();
            link.extend(b"\xe9>; rel=\"next\"; title=\"p\xe4ge\"");
            response.headers_mut().insert("link", HeaderValue::from_bytes(&link).unwrap());
        }
        response
    })
    .await;
    let (ids, error) = read(api.spec(json!({ "link_header": {} }))).await;
    assert_eq!((ids, error), ((1..=50).collect(), None));
}

#[tokio::test]
async fn what_was_read_before_a_halt_is_given_before_it() {
    for by in ["id", "timestamp_id", "timestamp"] {
        for style in [
            json!({ "page_number": { "param": "page", "size_param": "limit" } }),
            json!({ "token": { "param": "page", "path": "next" } }),
        ] {
            let api = Scripted::start(|asked| match asked.number("page").unwrap_or(1) {
                3 => (StatusCode::FORBIDDEN, "no").into_response(),
                page => answer(page * 100 - 99..=page * 100, json!({ "next": page + 1 })),
            })
            .await;
            let mut spec = api.spec(style.clone());
            if by != "id" {
                set(&mut spec, "cursor", json!({ "by": by, "field": "updated_at" }));
            }
            let (ids, error) = read(spec).await;
            // More of the newest moment may stand on the page that cannot be read.
            let given = if by == "timestamp" { 199 } else { 200 };
            assert_eq!(ids, (1..=given).collect::<Vec<_>>(), "{by} {style}");
            halted(error, &["403"]);
        }
    }
}

fn whole(spec: &mut Value, by: &str) {
    set(spec, "cursor", json!({ "by": by }));
    if by != "id" {
        set(spec, "cursor.field", "updated_at");
    }
}

#[tokio::test]
async fn one_answer_that_is_a_part_of_a_list_halts_with_what_to_write() {
    for (count, beside) in [
        (200, json!({ "has_more": true })),
        (7, json!({ "next": "/orders?page=2" })),
        (7, json!({ "@odata.nextLink": "https://x/2" })),
        (7, json!({ "total": 8 })),
        (100, json!({})),
        (20, json!({})),
    ] {
        for by in ["id", "timestamp"] {
            let said = beside.clone();
            let api = Scripted::start(move |_| answer(1..=count, said.clone())).await;
            let mut spec = api.spec(json!("none"));
            whole(&mut spec, by);
            let (ids, error) = read(spec.clone()).await;
            let given = if by == "id" { count } else { count - 1 };
            assert_eq!(ids, (1..=given).collect::<Vec<_>>(), "{count} {beside:?}");
            halted(error, &["pagination", "whole"]);
            set(&mut spec, "pagination", "whole");
            assert_eq!(read(spec).await, ((1..=count).collect(), None));
        }
    }
}

#[tokio::test]
async fn of_a_part_in_another_order_nothing_is_given_for_older_records_may_be_in_the_rest() {
    let api = Scripted::start(|_| answer((201..=400).rev(), json!({ "has_more": true }))).await;
    let (ids, error) = read(api.spec(json!("none"))).await;
    assert_eq!(ids, [] as [i64; 0]);
    halted(error, &["has_more"]);
}

#[tokio::test]
async fn one_answer_that_says_that_it_is_all_is_all() {
    for beside in [json!({ "has_more": false }), json!({ "total": 100 }), json!({ "next": null })] {
        let count = if beside.get("next").is_some() { 37 } else { 100 };
        let api = Scripted::start(move |_| answer((1..=count).rev(), beside.clone())).await;
        let (ids, error) = read(api.spec(json!("none"))).await;
        assert_eq!((ids, error), ((1..=count).collect(), None));
    }
}

#[tokio::test]
async fn a_parameter_that_is_not_heeded_is_no_end() {
    let api = Scripted::start(|_| answer(1..=100, json!({ "next": "t1" }))).await;
    for style in [
        json!({ "page_number": { "param": "pagee", "size_param": "limit" } }),
        json!({ "offset": { "param": "ofset", "size_param": "limit" } }),
        json!({ "token": { "param": "tok", "path": "next" } }),
    ] {
        let (ids, error) = read(api.spec(style.clone())).await;
        assert_eq!(ids, (1..=100).collect::<Vec<_>>(), "{style}");
        halted(error, &["the same page again"]);
    }
}
