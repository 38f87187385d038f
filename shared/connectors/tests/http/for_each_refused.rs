//! Parents whose children the source refuses.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
};

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use tidegate_core::ports::SourceError;

use crate::{
    flow::{set, source},
    stream::{Asked, Server, Stream},
};

/// So many parents, of 3 children each.
const PARENTS: u64 = 30;

/// Which parents are answered with which status.
type Refuses = Arc<Mutex<BTreeMap<u64, u16>>>;

fn answer(refuses: &Refuses, asked: &Asked) -> Response {
    let after = asked.number("after").unwrap_or(0);
    let ids: Vec<Value> = match asked.path.split('/').collect::<Vec<_>>()[..] {
        ["", "parents"] => (after + 1..=PARENTS.min(after + 20)).map(parent).collect(),
        ["", "parents", id, "children"] => {
            if let Some(status) = refuses.lock().unwrap().get(&id.parse().unwrap()) {
                let status = StatusCode::from_u16(*status).unwrap();
                return (status, r#"{"message":"so it is"}"#).into_response();
            }
            (after + 1..=3).map(|id| json!({ "id": id })).collect()
        }
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    Json(json!({ "data": ids })).into_response()
}

fn parent(id: u64) -> Value {
    json!({ "id": id, "changes": 1, "slug": if id.is_multiple_of(5) { Value::Null } else { id.into() } })
}

async fn api(refused: impl IntoIterator<Item = (u64, u16)>) -> (Server, Refuses) {
    let refuses: Refuses = Arc::new(Mutex::new(refused.into_iter().collect()));
    let shared = refuses.clone();
    (Server::start(move |_, asked| answer(&refuses, asked)).await, shared)
}

fn spec(server: &Server) -> Value {
    let pagination =
        json!({ "last_id": { "param": "after", "size_param": "limit", "short_page": "ends" } });
    json!({
        "url": format!("{}/parents/${{parent.id}}/children", server.base),
        "records": "data",
        "cursor": { "by": "id" },
        "pagination": pagination,
        "page_size": 20,
        "for_each": {
            "url": format!("{}/parents", server.base),
            "records": "data",
            "pagination": pagination,
            "page_size": 20,
        },
    })
}

/// How often the children of each parent were asked for.
fn asked(server: &Server) -> HashMap<u64, usize> {
    let mut counts = HashMap::new();
    for asked in server.asked.lock().unwrap().iter() {
        if let ["", "parents", id, _] = asked.path.split('/').collect::<Vec<_>>()[..] {
            *counts.entry(id.parse().unwrap()).or_default() += 1;
        }
    }
    counts
}

fn children(of: impl IntoIterator<Item = u64>) -> Vec<String> {
    let mut ids: Vec<String> = of
        .into_iter()
        .flat_map(|parent| (1..=3).map(move |child| format!("{parent}/{child}")))
        .collect();
    ids.sort_unstable();
    ids
}

fn halt(error: SourceError) -> String {
    match error {
        SourceError::Halt(text) => text,
        later => panic!("{later}"),
    }
}

#[tokio::test]
async fn a_parent_that_is_refused_is_parked_and_the_others_are_read() {
    for status in [404, 410, 403, 409, 400, 405, 422, 423, 451, 401] {
        for refused in [vec![1], vec![7], vec![PARENTS], vec![1, 2, 20, 30]] {
            let (server, refuses) = api(refused.iter().map(|id| (*id, status))).await;
            let source = source(spec(&server));
            let mut stream = Stream::default();
            // Invocations of a few records each: a parent is asked for once in a sweep, and no more.
            for _ in 0..PARENTS {
                if stream.invoke(&*source, 7).await {
                    break;
                }
            }
            let others = (1..=PARENTS).filter(|id| !refused.contains(id));
            assert_eq!(stream.ids(), children(others), "{status} {refused:?}");
            let parked: Vec<_> =
                stream.refused.iter().map(|refused| refused.record.id.to_string()).collect();
            let expected: Vec<_> = refused.iter().map(|id| format!("{id}/")).collect();
            assert_eq!(parked, expected, "{status}");
            let reason = &stream.refused[0].reason;
            for words in [
                format!("/parents/{}/children", refused[0]),
                status.to_string(),
                "so it is".into(),
                "source.http.for_each".into(),
            ] {
                assert!(reason.contains(&words), "{words} is not in: {reason}");
            }
            assert!(asked(&server).values().all(|count| *count <= 3), "{:?}", asked(&server));
            assert!(refused.iter().all(|id| asked(&server)[id] == 1), "{:?}", asked(&server));

            // The next run asks again, and parks the same once more, which is then parked already.
            let before = stream.refused.split_off(0);
            assert!(stream.invoke(&*source, 9_999).await);
            assert_eq!(stream.refused, before, "{status}");
            refuses.lock().unwrap().clear();
            stream.refused.clear();
            assert!(stream.invoke(&*source, 9_999).await);
            assert_eq!(stream.ids(), children(1..=PARENTS), "{status}");
            assert_eq!(stream.refused, []);
        }
    }
}

#[tokio::test]
async fn where_no_parent_is_answered_the_run_halts_and_nothing_is_passed_over() {
    for status in [401, 403, 400] {
        let (server, refuses) = api((1..=PARENTS).map(|id| (id, status))).await;
        let source = source(spec(&server));
        let mut stream = Stream::default();
        for _ in 0..2 {
            let text = halt(stream.try_invoke(&*source, 9_999).await.unwrap_err());
            assert!(text.contains(&status.to_string()), "{text}");
            assert!(text.contains("parents"), "{text}");
        }
        let asked = asked(&server).len();
        assert!(asked <= 10, "{asked}");
        assert_eq!(stream.refused, [], "{status}");
        refuses.lock().unwrap().clear();
        assert!(stream.invoke(&*source, 9_999).await);
        assert_eq!(stream.ids(), children(1..=PARENTS), "{status}");
    }
}

#[tokio::test]
async fn a_token_that_is_refused_in_the_middle_halts_after_three_parents() {
    let (server, _) = api((11..=PARENTS).map(|id| (id, 401))).await;
    let source = source(spec(&server));
    let mut stream = Stream::default();
    let text = halt(stream.try_invoke(&*source, 9_999).await.unwrap_err());
    assert!(text.contains("401") && text.contains("3 parents in a row"), "{text}");
    assert_eq!(stream.ids(), children(1..=10));
}

#[tokio::test]
async fn parents_that_are_all_gone_are_all_parked() {
    let (server, _) = api((1..=PARENTS).map(|id| (id, 404))).await;
    let mut stream = Stream::default();
    assert!(stream.invoke(&*source(spec(&server)), 9_999).await);
    assert_eq!(stream.refused.len(), PARENTS as usize);
}

#[tokio::test]
async fn a_parent_without_what_its_children_are_asked_for_by_is_parked_too() {
    let (server, _) = api([]).await;
    let mut spec = spec(&server);
    set(&mut spec, "url", format!("{}/parents/${{parent.slug}}/children", server.base));
    let mut stream = Stream::default();
    assert!(stream.invoke(&*source(spec), 9_999).await);
    assert_eq!(stream.ids(), children((1..=PARENTS).filter(|id| !id.is_multiple_of(5))));
    assert_eq!(stream.refused.len(), 6);
    assert!(stream.refused[0].reason.contains("the parent 5 cannot be asked for"));
}

#[tokio::test]
async fn a_refused_parent_is_asked_again_though_it_tells_of_no_change() {
    let (server, refuses) = api([(4, 403)]).await;
    let mut spec = spec(&server);
    set(&mut spec, "for_each.changed", "changes");
    let source = source(spec);
    let mut stream = Stream::default();
    assert!(stream.invoke(&*source, 9_999).await);
    let before = server.requests();
    assert!(stream.invoke(&*source, 9_999).await);
    // The parents, and the one that was refused.
    assert_eq!(server.requests() - before, 2 + 1);
    assert_eq!(stream.refused.len(), 2);
    refuses.lock().unwrap().clear();
    assert!(stream.invoke(&*source, 9_999).await);
    assert_eq!(stream.ids(), children(1..=PARENTS));
}

#[tokio::test]
async fn what_the_flows_own_rule_halts_at_halts() {
    let (server, _) = api([(4, 409)]).await;
    let mut spec = spec(&server);
    set(&mut spec, "answers", json!({ "rules": [{ "status": 409, "means": "halt" }] }));
    let text = halt(Stream::default().try_invoke(&*source(spec), 9_999).await.unwrap_err());
    assert!(text.contains("the parent 4") && text.contains("source.http.answers"), "{text}");
}

/// The source fails for one parent and answers for the others: these are read, and the run says what it waits for.
#[tokio::test]
async fn repro_a_parent_that_the_source_fails_for_holds_up_no_other() {
    let (server, refuses) = api([(7, 500)]).await;
    let source = source(spec(&server));
    let mut stream = Stream::default();
    let others = children((1..=PARENTS).filter(|id| *id != 7));
    for _ in 0..2 {
        let error = stream.try_invoke(&*source, usize::MAX).await.unwrap_err().to_string();
        assert!(error.contains("of the parent 7") && error.contains("500"), "{error}");
        assert_eq!(stream.ids(), others);
    }
    // Not a parent of those behind it is asked for twice in an invocation.
    assert!(asked(&server)[&8] <= 2, "{:?}", asked(&server));
    refuses.lock().unwrap().clear();
    stream.run(&*source, usize::MAX).await;
    assert_eq!(stream.ids(), children(1..=PARENTS));
}

/// Where the source fails for all, it is asked for few of them.
#[tokio::test]
async fn a_source_that_fails_for_all_parents_is_asked_for_few_of_them() {
    let (server, _) = api((8..=PARENTS).map(|id| (id, 502))).await;
    let mut stream = Stream::default();
    let error = stream.try_invoke(&*source(spec(&server)), usize::MAX).await.unwrap_err();
    assert!(error.to_string().contains("502"), "{error}");
    assert!(asked(&server).keys().filter(|id| **id >= 8).count() <= 4, "{:?}", asked(&server));
}
