//! Lists whose one page is exactly full, and that name no next page at their end: whether that is the end is
//! found out.

use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::{
    flow::{set, source},
    scripted::{Asked, Scripted, answer, halted, read},
    stream::Stream,
};

const LINK: &str = "link_header";

/// The styles that follow what the source names, with the page size.
fn followed() -> [Value; 4] {
    [
        json!({ LINK: { "size_param": "limit" } }),
        json!({ "next_url": { "path": "meta.next", "size_param": "limit" } }),
        json!({ "token": { "param": "token", "path": "meta.next", "size_param": "limit" } }),
        json!({ "token": { "param": "token", "header": "X-Next", "size_param": "limit" } }),
    ]
}

/// A page of a list of so many records; what names the next page is left out where there is none. `cap` is the
/// most that a page has.
fn list(asked: &Asked, style: &Value, (count, cap): (i64, i64)) -> Response {
    let start = asked.number("token").unwrap_or(0);
    let size = asked.number("limit").unwrap_or(100).min(cap);
    let end = count.min(start + size);
    let ids = start + 1..=end;
    if end == count {
        return answer(ids, json!({}));
    }
    let url = format!("{}{}?token={end}&limit={size}", asked.base, asked.path);
    if style.get("next_url").is_some() {
        return answer(ids, json!({ "meta": { "next": url } }));
    }
    let link = format!("<{url}>; rel=\"next\"");
    let body = json!({ "meta": { "next": end.to_string() } });
    ([("link", link), ("x-next", end.to_string())], answer(ids, body)).into_response()
}

#[tokio::test]
async fn a_single_full_page_that_names_no_next_one_is_the_end_where_half_of_it_names_one() {
    for style in followed() {
        for (count, cap, requests) in [
            (100, 100, 2),
            (50, 100, 2),
            (10, 100, 2),
            (25, 25, 2),
            (37, 100, 1),
            (200, 100, 2),
            (250, 100, 3),
            (0, 100, 1),
        ] {
            let own = style.clone();
            let api = Scripted::start(move |asked| list(asked, &own, (count, cap))).await;
            let (ids, error) = read(api.spec(style.clone())).await;
            assert_eq!((ids, error), ((1..=count).collect(), None), "{style} {count}");
            assert_eq!(api.requests(), requests, "{style} {count}");
        }
    }
}

#[tokio::test]
async fn where_half_of_a_full_page_names_none_either_the_run_halts() {
    for style in [
        json!({ "next_url": { "path": "nxt", "size_param": "limit" } }),
        // What would hold it is there, and it is not.
        json!({ "next_url": { "path": "meta.nxt", "size_param": "limit" } }),
        json!({ "token": { "param": "token", "path": "meta.nxt", "size_param": "limit" } }),
        json!({ "token": { "param": "token", "header": "X-Nxt", "size_param": "limit" } }),
    ] {
        // The API counts its pages, in words that nothing says of a next one.
        let api = Scripted::start(|asked| {
            let size = asked.number("limit").unwrap();
            answer(1..=size.min(250), json!({ "meta": { "position": size } }))
        })
        .await;
        let (ids, error) = read(api.spec(style.clone())).await;
        assert_eq!(ids, (1..=100).collect::<Vec<_>>(), "{style}");
        let Some(error) = error else { panic!("{style}: it ends in silence") };
        let text = error.to_string();
        assert!(text.contains("source.http.pagination") && !text.contains("whole"), "{text}");
        assert_eq!(api.requests(), 2, "{style}");
    }
}

#[tokio::test]
async fn what_is_named_beside_the_place_of_the_flow_is_no_end() {
    let api = Scripted::start(|asked| {
        let page = asked.number("token").unwrap_or(0);
        answer(page * 7 + 1..=page * 7 + 7, json!({ "meta": { "next": (page + 1).to_string() } }))
    })
    .await;
    let style = json!({ "token": { "param": "token", "path": "meta.nxt" } });
    let (ids, error) = read(api.spec(style)).await;
    assert_eq!(ids, (1..=7).collect::<Vec<_>>());
    halted(error, &["`meta.nxt`", "`meta.next` names a next page"]);
}

#[tokio::test]
async fn without_a_page_size_a_full_page_halts_with_the_key_that_finds_it_out() {
    let style = json!({ LINK: {} });
    let own = style.clone();
    let api = Scripted::start(move |asked| list(asked, &own, (100, 100))).await;
    let (ids, error) = read(api.spec(style)).await;
    assert_eq!(ids, (1..=100).collect::<Vec<_>>());
    let text = error.expect("it halts").to_string();
    assert!(text.contains("`size_param`") && !text.contains("whole"), "{text}");
}

#[tokio::test]
async fn a_page_size_that_is_not_heeded_or_refused_leaves_the_halt() {
    for refuses in [true, false] {
        let style = followed()[0].clone();
        let api = Scripted::start(move |asked| match asked.number("limit") {
            Some(50) if refuses => axum::http::StatusCode::BAD_REQUEST.into_response(),
            _ => answer(1..=100, json!({})),
        })
        .await;
        let (ids, error) = read(api.spec(style)).await;
        assert_eq!(ids, (1..=100).collect::<Vec<_>>());
        halted(error, &["the page is full"]);
        assert_eq!(api.requests(), 2);
    }
}

#[tokio::test]
async fn a_page_of_a_usual_size_is_not_full_where_larger_ones_come() {
    let style = followed()[0].clone();
    let own = style.clone();
    // The first parent has a page of 60, the others one of 50, of 25, of 10 records.
    let api = Scripted::start(move |asked| match asked.path.split('/').collect::<Vec<_>>()[..] {
        ["", "parents"] => answer(1..=4, json!({})),
        ["", "parents", id, _] => {
            list(asked, &own, ([60, 50, 25, 10][id.parse::<usize>().unwrap() - 1], 100))
        }
        _ => panic!("{asked:?}"),
    })
    .await;
    let mut stream = Stream::default();
    assert!(stream.invoke(&*source(children(&api, &style)), 9_999).await);
    assert_eq!(stream.ids().len(), 60 + 50 + 25 + 10);
    assert_eq!(api.requests(), 1 + 4);
}

fn children(api: &Scripted, style: &Value) -> Value {
    let base = api.url.strip_suffix("/orders").unwrap();
    let mut spec = api.spec(style.clone());
    set(&mut spec, "url", format!("{base}/parents/${{parent.id}}/orders"));
    spec["for_each"] = json!({
        "url": format!("{base}/parents"),
        "records": "data",
        "pagination": { "page_number": { "param": "page", "short_page": "ends", "size_param": "limit" } },
    });
    spec
}

#[tokio::test]
async fn of_the_children_of_many_parents_one_full_page_is_looked_behind() {
    let style = followed()[0].clone();
    let own = style.clone();
    let api = Scripted::start(move |asked| match asked.path.split('/').collect::<Vec<_>>()[..] {
        ["", "parents"] => answer(1..=9, json!({})),
        _ => list(asked, &own, (100, 100)),
    })
    .await;
    let mut stream = Stream::default();
    assert!(stream.invoke(&*source(children(&api, &style)), 9_999).await);
    assert_eq!(stream.ids().len(), 900);
    assert_eq!(api.requests(), 1 + 9 + 1);
}

#[tokio::test]
async fn a_single_full_page_that_comes_again_as_the_second_is_the_end_where_half_of_it_does_not() {
    for (style, param) in [("page_number", "page"), ("offset", "offset")] {
        for heeds in [true, false] {
            let api = Scripted::start(move |asked| {
                let size = asked.number("limit").unwrap();
                let start = match (asked.number(param).unwrap(), param) {
                    _ if !heeds => 0,
                    (page, "page") => (page - 1) * size,
                    (offset, _) => offset / size * size,
                };
                // Behind the last page it comes again.
                let start = if start >= 100 { 100 - size } else { start };
                answer(start + 1..=start + size, json!({}))
            })
            .await;
            let spec = api.spec(json!({ style: { "param": param, "size_param": "limit" } }));
            let (ids, error) = read(spec).await;
            assert_eq!(ids, (1..=100).collect::<Vec<_>>(), "{style}");
            match heeds {
                true => assert_eq!(error, None, "{style}"),
                false => halted(error, &["the same page again"]),
            }
        }
    }
}

#[tokio::test]
async fn newest_first_a_single_full_page_is_looked_behind_too() {
    // Of several pages each is seen to follow the one before.
    for (count, cap, requests) in [(100, 100, 2), (50, 100, 2), (37, 100, 1), (250, 100, 3 + 2)] {
        let api = Scripted::start(move |asked| {
            let start = asked.number("token").unwrap_or(0);
            let end = count.min(start + asked.number("limit").unwrap_or(100).min(cap));
            let ids = (start..end).map(move |place| count - place);
            let link = format!("<{}{}?token={end}>; rel=\"next\"", asked.base, asked.path);
            match end == count {
                true => answer(ids, json!({})),
                false => ([("link", link)], answer(ids, json!({}))).into_response(),
            }
        })
        .await;
        let mut spec = api.spec(followed()[0].clone());
        let cursor = json!({ "by": "timestamp", "field": "updated_at", "newest_first": true });
        set(&mut spec, "cursor", cursor);
        let mut stream = Stream::default();
        assert!(stream.invoke(&*source(spec), 9_999).await);
        assert_eq!(stream.ids().len(), count as usize);
        assert_eq!(api.requests(), requests, "{count}");
    }
}
