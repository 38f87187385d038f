//! What answers tell of a list's length, where it is wrong: capped, late, of something else.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use crate::{
    flow::set,
    scripted::{Asked, Scripted, answer, halted, read},
};

/// How an API counts its pages.
fn counted(told: &Value) -> [Value; 5] {
    let style = |name: &str, keys: Value| {
        let mut keys = keys;
        keys.as_object_mut().unwrap().extend(told.as_object().unwrap().clone());
        json!({ name: keys })
    };
    [
        style("page_number", json!({ "param": "page", "size_param": "limit" })),
        style("page_number", json!({ "param": "page" })),
        style("offset", json!({ "param": "offset", "size_param": "limit" })),
        style("offset", json!({ "param": "offset", "size_param": "limit", "overlap": false })),
        style("offset", json!({ "param": "offset" })),
    ]
}

/// The place of a page in its list, in pages of at most so many records.
fn start(asked: &Asked, cap: i64) -> i64 {
    match asked.number("page") {
        Some(page) => (page - 1) * asked.number("limit").unwrap_or(100).min(cap),
        None => asked.number("offset").unwrap(),
    }
}

fn cut(asked: &Asked, (count, cap): (i64, i64), beside: Value) -> Response {
    let start = start(asked, cap);
    answer(start + 1..=count.min(start + asked.number("limit").unwrap_or(100).min(cap)), beside)
}

#[tokio::test]
async fn a_total_that_is_capped_or_late_or_of_the_page_alone_ends_nothing() {
    for (count, cap, total) in [
        (250, 100, 100),
        (250, 100, 200),
        (300, 100, 200),
        (290, 100, 120),
        (250, 100, 0),
        (93, 13, 13),
        (93, 13, 26),
    ] {
        for style in counted(&json!({ "total": "total" })) {
            // Where nothing says how many are asked for, pages of the API's own size are.
            if cap < 100
                && style.to_string().contains("page_number")
                && !style.to_string().contains("limit")
            {
                continue;
            }
            let api =
                Scripted::start(move |asked| cut(asked, (count, cap), json!({ "total": total })))
                    .await;
            let (ids, error) = read(api.spec(style.clone())).await;
            assert_eq!(
                (ids, error),
                ((1..=count).collect(), None),
                "{style} {count} {cap} {total}"
            );
        }
    }
}

#[tokio::test]
async fn a_total_of_the_page_alone_ends_nothing_where_offsets_are_rounded_down() {
    let api = Scripted::start(|asked| {
        let start = asked.number("offset").unwrap() / 100 * 100;
        answer(start + 1..=250.min(start + 100), json!({ "total": 100 }))
    })
    .await;
    let style = counted(&json!({ "total": "total" }))[2].clone();
    assert_eq!(read(api.spec(style)).await, ((1..=250).collect(), None));
}

#[tokio::test]
async fn a_total_that_is_right_costs_a_request_at_most() {
    for (count, requests) in [(250, 5), (37, 2), (4, 2), (100, 2), (200, 4)] {
        for behind in [200, 404, 416, 0] {
            for style in counted(&json!({ "total": "total" })) {
                let api =
                    Scripted::start(move |asked| match (start(asked, 100) >= count, behind) {
                        (false, _) | (true, 200) => {
                            cut(asked, (count, 100), json!({ "total": count }))
                        }
                        // The last page once more.
                        (true, 0) => {
                            answer((count - 1) / 100 * 100 + 1..=count, json!({ "total": count }))
                        }
                        (true, status) => StatusCode::from_u16(status).unwrap().into_response(),
                    })
                    .await;
                let (ids, error) = read(api.spec(style.clone())).await;
                assert_eq!((ids, error), ((1..=count).collect(), None), "{style} {count} {behind}");
                let at_most = requests + usize::from(style.to_string().contains("offset")) * 2;
                assert!(api.requests() <= at_most, "{style} {count} {behind}: {}", api.requests());
            }
        }
    }
}

#[tokio::test]
async fn a_total_of_records_that_are_shown_is_not_reached_by_those_that_are_not() {
    // Of the first page all are shown, of the others one in ten; the total counts those.
    let shown = |id: &i64| *id <= 100 || id % 10 == 0;
    for style in &counted(&json!({ "total": "total" }))[..2] {
        let api = Scripted::start(move |asked| {
            let start = start(asked, 100);
            answer((start + 1..=500.min(start + 100)).filter(shown), json!({ "total": 140 }))
        })
        .await;
        let (ids, error) = read(api.spec(style.clone())).await;
        assert_eq!((ids, error), ((1..=500).filter(shown).collect(), None), "{style}");
    }
}

#[tokio::test]
async fn a_number_of_pages_that_is_capped_or_late_ends_nothing() {
    for (count, pages) in [(250, 1), (250, 2), (300, 2), (450, 2), (250, 0)] {
        for style in &counted(&json!({ "pages": "pages" }))[..2] {
            let api =
                Scripted::start(move |asked| cut(asked, (count, 100), json!({ "pages": pages })));
            let api = api.await;
            let (ids, error) = read(api.spec(style.clone())).await;
            assert_eq!((ids, error), ((1..=count).collect(), None), "{style} {count} {pages}");
        }
    }
}

#[tokio::test]
async fn a_total_with_a_since_that_is_of_the_page_alone_ends_nothing() {
    let api = Scripted::start(|asked| {
        let since = asked.number("since").unwrap_or(0);
        answer(since + 1..=250.min(since + 100), json!({ "total": 100.min(250 - since) }))
    })
    .await;
    let mut spec = api.spec(json!({ "page_number": { "param": "page", "total": "total" } }));
    set(&mut spec, "cursor.since", "since");
    assert_eq!(read(spec).await, ((1..=250).collect(), None));
}

/// The styles that follow what the source names, which also says whether there is more.
fn followed() -> [Value; 2] {
    [
        json!({ "token": { "param": "token", "path": "next", "more": "more", "size_param": "limit" } }),
        json!({ "next_url": { "path": "next", "more": "more", "size_param": "limit" } }),
    ]
}

fn named(asked: &Asked, style: &Value, ids: impl IntoIterator<Item = i64>, next: i64) -> Response {
    let next = match style.get("token") {
        Some(_) => json!(format!("t{next}")),
        None => json!(format!("{}/orders?token=t{next}&limit=100", asked.base)),
    };
    answer(ids, json!({ "next": next, "more": false }))
}

fn page_of(asked: &Asked) -> i64 {
    asked.text("token").map_or(0, |token| token[1..].parse().unwrap())
}

#[tokio::test]
async fn no_more_beside_a_full_page_and_a_next_token_is_not_believed_without_a_look() {
    for style in followed() {
        let own = style.clone();
        let api = Scripted::start(move |asked| {
            let page = page_of(asked);
            named(asked, &own, page * 100 + 1..=250.min(page * 100 + 100), page + 1)
        })
        .await;
        let (ids, error) = read(api.spec(style.clone())).await;
        assert_eq!((ids, error), ((1..=250).collect(), None), "{style}");
        assert_eq!(api.requests(), 3, "{style}: its last page is not full");
    }
}

#[tokio::test]
async fn behind_a_page_that_says_no_more_whatever_comes_is_the_end() {
    for style in followed() {
        for behind in ["empty", "first", "last", "refused", "gone"] {
            for count in [100_i64, 200, 37] {
                let own = style.clone();
                let api = Scripted::start(move |asked| {
                    let page = page_of(asked);
                    let is_behind = page * 100 >= count;
                    let shown = match (is_behind, behind) {
                        (true, "refused") => return StatusCode::BAD_REQUEST.into_response(),
                        (true, "gone") => return StatusCode::GONE.into_response(),
                        (true, "first") => 0,
                        (true, "last") => count / 100 - 1,
                        _ => page,
                    };
                    let next = if is_behind { page } else { page + 1 };
                    let more = (page + 1) * 100 < count;
                    let mut response =
                        named(asked, &own, shown * 100 + 1..=count.min(shown * 100 + 100), next);
                    if more {
                        let ids = page * 100 + 1..=page * 100 + 100;
                        let next = match own.get("token") {
                            Some(_) => json!(format!("t{next}")),
                            None => json!(format!("{}/orders?token=t{next}&limit=100", asked.base)),
                        };
                        response = answer(ids, json!({ "next": next, "more": true }));
                    }
                    response
                })
                .await;
                let (ids, error) = read(api.spec(style.clone())).await;
                assert_eq!((ids, error), ((1..=count).collect(), None), "{style} {behind} {count}");
                let pages = (count as usize).div_ceil(100);
                assert!(
                    api.requests() <= pages + 1,
                    "{style} {behind} {count}: {}",
                    api.requests()
                );
            }
        }
    }
}

#[tokio::test]
async fn a_total_that_says_more_than_a_refusal_still_halts() {
    let api = Scripted::start(|asked| match start(asked, 100) {
        200.. => StatusCode::NOT_FOUND.into_response(),
        _ => cut(asked, (450, 100), json!({ "total": 450 })),
    })
    .await;
    let (ids, error) = read(api.spec(counted(&json!({ "total": "total" }))[0].clone())).await;
    assert_eq!(ids, (1..=200).collect::<Vec<_>>());
    halted(error, &["450 records"]);
}
