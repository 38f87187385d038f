//! Where a list ends: not before it has been read, and not never.

use std::{
    sync::atomic::{AtomicI64, Ordering::Relaxed},
    time::Duration,
};

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use tidegate_core::model::Position;

use crate::{
    flow::{Walked, set, source, walk},
    scripted::{Asked, Scripted, answer, halted, read},
};

async fn all(spec: Value) -> Walked {
    walk(&*source(spec), Position::Start).await.unwrap()
}

/// Ids from 1 to this, of which some were taken out after the list was cut into pages.
const ROWS: i64 = 500;

fn is_hidden(id: i64) -> bool {
    id % 150 == 77
}

fn shown() -> Vec<i64> {
    (1..=ROWS).filter(|id| !is_hidden(*id)).collect()
}

/// A page of the list after so many rows, hidden or not.
fn cut(asked: &Asked, start: i64, beside: Value) -> Response {
    let first = 1 + asked.number("since").unwrap_or(0) + start;
    answer((first..=ROWS.min(first + 99)).filter(|id| !is_hidden(*id)), beside)
}

fn counted(asked: &Asked) -> Response {
    let start = match (asked.number("page"), asked.number("offset")) {
        (Some(page), _) => (page - 1) * 100,
        (_, offset) => offset.unwrap_or(0),
    };
    cut(asked, start, json!({}))
}

fn page_number(beside: Value) -> Value {
    let mut style = json!({ "param": "page", "size_param": "limit" });
    style.as_object_mut().unwrap().extend(beside.as_object().unwrap().clone());
    json!({ "page_number": style })
}

#[tokio::test]
async fn a_short_page_in_the_middle_ends_nothing() {
    let last_id = json!({ "last_id": { "param": "since", "size_param": "limit" } });
    for style in [
        page_number(json!({})),
        json!({ "page_number": { "param": "page" } }),
        json!({ "offset": { "param": "offset", "size_param": "limit" } }),
        json!({ "offset": { "param": "offset" } }),
        json!({ "offset": { "param": "offset", "overlap": false, "size_param": "limit" } }),
        last_id,
    ] {
        for since in [false, true] {
            for by in ["id", "timestamp_id", "timestamp"] {
                let api = Scripted::start(counted).await;
                let mut spec = api.spec(style.clone());
                if by != "id" {
                    set(&mut spec, "cursor", json!({ "by": by, "field": "updated_at" }));
                }
                if by == "timestamp" && style.get("last_id").is_some() {
                    continue;
                }
                if since && by == "id" {
                    set(&mut spec, "cursor.since", "since");
                }
                let walked = all(spec).await;
                assert_eq!(walked.ids(), shown(), "{style} {by} since={since}");
                assert!(walked.requests <= 25, "{style} {by} took {}", walked.requests);
            }
        }
    }
}

#[tokio::test]
async fn an_empty_page_in_the_middle_ends_nothing_where_the_answer_says_that_there_is_more() {
    // All that was on the second and third of five pages was taken out.
    let middle = |asked: &Asked, beside: Value| {
        let page = asked.number("page").unwrap();
        let ids = (page - 1) * 100 + 1..=page * 100;
        answer(ids.filter(|id| *id <= ROWS && !(101..=300).contains(id)), beside)
    };
    let expected: Vec<i64> = (1..=100).chain(301..=ROWS).collect();
    for (keys, requests) in [
        (json!({ "more": "meta.more" }), 5 + 4),
        // The last page is full: a number is not believed to be the end without a look behind it.
        (json!({ "pages": "meta.pages" }), 6 + 4),
        (json!({ "total": "meta.total" }), 6 + 4),
    ] {
        let api = Scripted::start(move |asked| {
            let more = asked.number("page").unwrap() < 5;
            middle(asked, json!({ "meta": { "more": more, "pages": 5, "total": "500" } }))
        })
        .await;
        let walked = all(api.spec(page_number(keys.clone()))).await;
        assert_eq!(walked.ids(), expected, "{keys}");
        // Each page but the first takes another look at the one before it.
        assert!(walked.requests <= requests, "{keys} took {}", walked.requests);
    }
}

#[tokio::test]
async fn a_short_page_ends_the_list_where_the_flow_says_so() {
    for (keys, requests) in [
        (json!({ "short_page": "ends" }), 3),
        (json!({ "more": "more" }), 3),
        (json!({ "total": "total" }), 3),
        (json!({ "more": "elsewhere" }), 4),
        (json!({}), 4),
    ] {
        let api = Scripted::start(|asked| {
            let since = asked.number("since").unwrap_or(0);
            answer(
                since + 1..=250.min(since + 100),
                json!({ "more": since < 150, "total": 250 - since }),
            )
        })
        .await;
        let mut spec = api.spec(json!({ "last_id": { "param": "since", "size_param": "limit" } }));
        match keys.get("total") {
            Some(_) => set(&mut spec, "pagination", page_number(keys.clone())),
            None => set(&mut spec, "pagination.last_id", {
                let mut style = keys.clone();
                style["param"] = "since".into();
                style["size_param"] = "limit".into();
                style
            }),
        }
        set(&mut spec, "cursor.since", "since");
        let walked = all(spec).await;
        assert_eq!(walked.ids(), (1..=250).collect::<Vec<_>>(), "{keys}");
        assert_eq!(walked.requests, requests, "{keys}");
    }
}

/// The styles that follow what the source names.
fn followed() -> [Value; 3] {
    [
        json!({ "token": { "param": "token", "path": "next", "size_param": "limit" } }),
        json!({ "next_url": { "path": "next", "size_param": "limit" } }),
        json!({ "link_header": { "size_param": "limit" } }),
    ]
}

/// An answer that names the next page in every way.
fn named(ids: impl IntoIterator<Item = i64>, asked: &Asked, token: &str) -> Response {
    let next = match asked.text("style") {
        Some("token") => json!(token),
        _ => json!(format!("{}/orders?style=url&token={token}", asked.base)),
    };
    let link = format!("<{}/orders?style=url&token={token}>; rel=\"next\"", asked.base);
    ([("link", link)], answer(ids, json!({ "next": next }))).into_response()
}

fn with_style(mut spec: Value) -> Value {
    let is_token = spec["pagination"].get("token").is_some();
    set(&mut spec, "query", json!({ "style": if is_token { "token" } else { "url" } }));
    spec
}

#[tokio::test]
async fn a_next_page_that_is_named_for_ever_ends_when_nothing_new_comes() {
    for style in followed() {
        // Fresh tokens with empty pages; the last page again and again; the first page anew.
        for kind in ["empty", "fresh", "last", "first"] {
            for count in [250_i64, 37] {
                // Twenty requests take seconds: once is enough.
                if kind == "fresh" && (count == 250 || style.get("token").is_none()) {
                    continue;
                }
                let api = Scripted::start(move |asked| {
                    let page = asked.number("token").unwrap_or(0);
                    let pages = (count + 99) / 100;
                    let is_over = page >= pages;
                    let shown = match kind {
                        "last" => page.min(pages - 1),
                        "first" => page % pages,
                        _ => page,
                    };
                    let next = if is_over && kind == "empty" { page } else { page + 1 };
                    named(
                        (1..=count).skip(shown as usize * 100).take(100),
                        asked,
                        &next.to_string(),
                    )
                })
                .await;
                let (ids, error) = read(with_style(api.spec(style.clone()))).await;
                assert_eq!(error, None, "{style} {kind} {count}");
                assert_eq!(ids, (1..=count).collect::<Vec<_>>(), "{style} {kind} {count}");
                let pages = (count as usize).div_ceil(100);
                let idle = if kind == "fresh" { 20 } else { 2 };
                assert!(api.requests() <= pages + idle, "{style} {kind}: {}", api.requests());
                let asked = api.asked();
                for row in asked.windows(11).filter(|row| row[0].number >= pages) {
                    assert!(row[10].at - row[0].at >= Duration::from_millis(990));
                }
            }
        }
    }
}

#[tokio::test]
async fn a_link_that_says_itself_that_it_has_no_results_ends_the_list() {
    let api = Scripted::start(|asked| {
        let page = asked.number("token").unwrap_or(0);
        let results = page < 2;
        let link = format!(
            "<{}/orders?token={}>; rel=\"next\"; results=\"{results}\"; cursor=\"0:{page}:0\"",
            asked.base,
            page + 1
        );
        let ids = page * 100 + 1..=250.min(page * 100 + 100);
        ([("link", link)], answer(ids, json!({}))).into_response()
    })
    .await;
    let walked = all(api.spec(json!({ "link_header": {} }))).await;
    assert_eq!((walked.ids(), walked.requests), ((1..=250).collect(), 3));
}

#[tokio::test]
async fn a_token_that_repeats_or_means_none_ends_the_list_after_its_page() {
    for last in [json!(0), json!("0"), json!(-1), json!("-1"), json!(""), json!("t2"), json!(null)]
    {
        // What the source makes of such a token: the first page, the same page, nothing, a refusal.
        for then in ["first", "same", "empty", "refused"] {
            for pages in [1_i64, 3] {
                let named = last.clone();
                let api = Scripted::start(move |asked| {
                    let token = asked.text("token").unwrap_or("t0").to_owned();
                    let page = token.strip_prefix('t').and_then(|page| page.parse::<i64>().ok());
                    let page = match (page, then) {
                        (Some(page), _) if page < pages => page,
                        (_, "first") => 0,
                        (_, "same") => pages - 1,
                        (_, "empty") => return answer([], json!({ "next": named })),
                        _ => return StatusCode::BAD_REQUEST.into_response(),
                    };
                    let next = match page + 1 == pages {
                        true => named.clone(),
                        false => json!(format!("t{}", page + 1)),
                    };
                    answer(page * 100 + 1..=page * 100 + 100, json!({ "next": next }))
                })
                .await;
                // One page, full, that comes again by a token is taken for a token that is not heeded.
                if pages == 1 && last == "t2" {
                    continue;
                }
                let (ids, error) = read(api.spec(followed()[0].clone())).await;
                assert_eq!(error, None, "{last} {then} {pages}");
                assert_eq!(ids, (1..=pages * 100).collect::<Vec<_>>(), "{last} {then} {pages}");
                assert!(api.requests() <= pages as usize + 1, "{last} {then} {pages}");
            }
        }
    }
}

#[tokio::test]
async fn one_token_for_all_pages_is_followed_until_nothing_comes() {
    let api = Scripted::start(|asked| {
        let number = asked.number as i64;
        answer(number * 100 + 1..=350.min(number * 100 + 100), json!({ "next": "scroll" }))
    })
    .await;
    let walked = all(api.spec(followed()[0].clone())).await;
    assert_eq!((walked.ids(), walked.requests), ((1..=350).collect(), 5));
}

#[tokio::test]
async fn a_page_behind_the_last_one_is_the_end_however_it_is_answered() {
    for style in [
        page_number(json!({})),
        json!({ "page_number": { "param": "page" } }),
        json!({ "offset": { "param": "offset", "size_param": "limit" } }),
        json!({ "offset": { "param": "offset", "size_param": "limit", "overlap": false } }),
    ] {
        for behind in [0, 400, 404, 416, 422] {
            for count in [250_i64, 300, 40] {
                let api = Scripted::start(move |asked| {
                    let start = match asked.number("page") {
                        Some(page) => (page - 1) * 100,
                        None => asked.number("offset").unwrap(),
                    };
                    let start = match (start >= count, behind) {
                        (false, _) => start,
                        (true, 0) => (count - 1) / 100 * 100,
                        (true, status) => {
                            return StatusCode::from_u16(status).unwrap().into_response();
                        }
                    };
                    answer(start + 1..=count.min(start + 100), json!({}))
                })
                .await;
                let (ids, error) = read(api.spec(style.clone())).await;
                assert_eq!(error, None, "{style} {behind} {count}");
                assert_eq!(ids, (1..=count).collect::<Vec<_>>(), "{style} {behind} {count}");
                assert!(api.requests() <= 10, "{style} {behind} {count}: {}", api.requests());
            }
        }
    }
}

#[tokio::test]
async fn a_refusal_that_contradicts_what_the_page_before_says_is_no_end() {
    for (beside, words) in [
        (json!({ "has_more": true }), "has_more"),
        (json!({ "next_page": 3 }), "next_page"),
        (json!({ "meta": { "last": false } }), "meta.last"),
    ] {
        let api = Scripted::start(move |asked| match asked.number("page").unwrap() {
            3.. => StatusCode::BAD_REQUEST.into_response(),
            page => answer(page * 100 - 99..=page * 100, beside.clone()),
        })
        .await;
        let (ids, error) = read(api.spec(page_number(json!({})))).await;
        assert_eq!(ids, (1..=200).collect::<Vec<_>>());
        halted(error, &["400", words]);
    }
}

/// The source names a page, refuses it, and names it again when its list is read anew: behind a full page that is
/// no end.
#[tokio::test]
async fn repro_a_page_that_the_source_names_and_refuses_twice_is_no_end() {
    for token in [true, false] {
        let api = Scripted::start(move |asked| match asked.text("next") {
            Some(_) => StatusCode::NOT_FOUND.into_response(),
            None => {
                let next =
                    if token { "2".to_owned() } else { format!("{}/orders?next=2", asked.base) };
                answer(1..=100, json!({ "pointer": next }))
            }
        })
        .await;
        let style = match token {
            true => {
                json!({ "token": { "param": "next", "path": "pointer", "size_param": "limit" } })
            }
            false => json!({ "next_url": { "path": "pointer", "size_param": "limit" } }),
        };
        let (ids, error) = read(api.spec(style)).await;
        assert_eq!(ids, (1..=100).collect::<Vec<_>>(), "{token}");
        halted(error, &["404"]);
    }
}

/// Nothing shows that the source heeds the page's number, and it says that its first page is a part.
#[tokio::test]
async fn repro_a_first_page_that_comes_again_and_says_that_it_is_a_part_is_no_end() {
    for beside in [json!({ "total": 900 }), json!({ "total_pages": 12 })] {
        let api = Scripted::start(move |_| answer(1..=77, beside.clone())).await;
        let (ids, error) = read(api.spec(page_number(json!({})))).await;
        assert_eq!(ids, (1..=77).collect::<Vec<_>>());
        halted(error, &["the same page again"]);
    }
}

#[tokio::test]
async fn an_answer_without_a_body_is_an_empty_list() {
    for status in [204, 304, 200] {
        for (style, full) in [
            (page_number(json!({})), true),
            (followed()[0].clone(), true),
            (page_number(json!({})), false),
            (json!("none"), false),
        ] {
            let api = Scripted::start(move |asked| {
                let is_first = !asked.query.iter().any(|pair| pair.1 == "2" || pair.1 == "t1");
                match full && is_first {
                    true => answer(1..=100, json!({ "next": "t1" })),
                    false => (StatusCode::from_u16(status).unwrap(), "").into_response(),
                }
            })
            .await;
            let (ids, error) = read(api.spec(style.clone())).await;
            assert_eq!((ids.len(), error), (usize::from(full) * 100, None), "{status} {style}");
            assert!(api.requests() <= 3, "{status} {style}: {}", api.requests());
        }
    }
}

#[tokio::test]
async fn a_place_of_the_next_page_that_is_in_no_answer_halts_behind_a_full_page() {
    for (style, place) in [
        (json!({ "token": { "param": "token", "path": "nxt", "size_param": "limit" } }), "`nxt`"),
        (json!({ "token": { "param": "token", "header": "X-Nxt" } }), "`x-nxt`"),
        (json!({ "next_url": { "path": "meta.nxt" } }), "`meta.nxt`"),
        (json!({ "link_header": {} }), "`Link`"),
    ] {
        let api = Scripted::start(|asked| {
            let page = asked.number("token").unwrap_or(0);
            answer(page * 100 + 1..=page * 100 + 100, json!({ "next": page + 1 }))
        })
        .await;
        let (ids, error) = read(api.spec(style.clone())).await;
        assert_eq!(ids, (1..=100).collect::<Vec<_>>(), "{style}");
        halted(error, &[place, "source.http.pagination"]);
    }
    // One that is not full, and says nothing of more, is all.
    let api = Scripted::start(|_| answer(1..=37, json!({}))).await;
    let walked = all(api.spec(json!({ "token": { "param": "token", "path": "next" } }))).await;
    assert_eq!(walked.ids().len(), 37);
}

#[tokio::test]
async fn with_a_since_a_place_that_never_comes_costs_a_request_and_no_record() {
    let api = Scripted::start(|asked| {
        let since = asked.number("since").unwrap_or(0);
        answer(since + 1..=250.min(since + 100), json!({}))
    })
    .await;
    let mut spec = api.spec(json!({ "token": { "param": "token", "path": "nxt" } }));
    set(&mut spec, "cursor.since", "since");
    let walked = all(spec).await;
    // The last page is not full: larger ones came.
    assert_eq!((walked.ids(), walked.requests), ((1..=250).collect(), 3));
}

/// Behind its end the list gives its last page again, so that pages further down are looked for. What is found there
/// once the list has grown does not pass what was added before it meanwhile.
#[tokio::test]
async fn repro_what_is_found_further_down_does_not_pass_what_was_added_meanwhile() {
    let count = AtomicI64::new(5);
    let api = Scripted::start(move |asked| {
        let start = asked.number("offset").unwrap_or(0);
        if start >= 9 {
            count.store(7, Relaxed);
        }
        let rows = count.load(Relaxed);
        let start = if start < rows { start } else { (rows - 1) / 3 * 3 };
        answer(start + 1..=rows.min(start + 3), json!({}))
    })
    .await;
    let mut spec = api.spec(json!({ "offset": { "param": "offset", "size_param": "limit" } }));
    set(&mut spec, "page_size", 5);
    let walked = all(spec).await;
    assert_eq!(walked.ids(), (1..=7).collect::<Vec<_>>());
    assert!(walked.requests <= 20, "{}", walked.requests);
}
