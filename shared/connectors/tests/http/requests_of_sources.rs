//! How a list is asked for: forms, parameters given several times, GraphQL, tokens that are numbers, and
//! Basic credentials with an empty half.

use axum::response::Response;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tidegate_core::model::Position;

use crate::{
    flow::{TOKEN, set, source, unset, walk},
    staged::{Asked, Staged, answer, number_of, page_of},
};

fn text(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn a_list_is_asked_for_by_a_form_with_the_parameters_in_it() {
    let list = Staged::start(|asked| {
        let page = asked.form().iter().find(|(name, _)| name == "page").unwrap().1.parse().unwrap();
        answer(200, page_of(50, 20, page, ""))
    })
    .await;
    let mut spec = list.numbered();
    set(&mut spec, "form", json!({ "status": ["placed", "paid"], "key": "${secrets.token}" }));
    set(&mut spec, "pagination.page_number.size_param", "n");
    set(&mut spec, "page_size", 20);
    assert_eq!(walk(&*source(spec), Position::Start).await.unwrap().ids().len(), 50);
    let asked = &list.asked()[1];
    assert_eq!((asked.method.as_str(), asked.uri.query()), ("POST", None));
    assert_eq!(asked.header("content-type"), "application/x-www-form-urlencoded");
    let fields =
        [("key", TOKEN), ("status", "placed"), ("status", "paid"), ("page", "2"), ("n", "20")];
    assert_eq!(asked.form(), text(&fields));
}

#[tokio::test]
async fn a_parameter_given_as_a_list_is_sent_as_often() {
    let list = Staged::start(|asked| answer(200, page_of(50, 20, number_of(asked), ""))).await;
    let mut spec = list.numbered();
    set(&mut spec, "query", json!({ "status[]": ["placed", "paid & sent"], "n": 7 }));
    assert_eq!(walk(&*source(spec), Position::Start).await.unwrap().ids().len(), 50);
    let fields = [("n", "7"), ("status[]", "placed"), ("status[]", "paid & sent"), ("page", "2")];
    assert_eq!(list.asked()[1].query(), text(&fields));
}

/// A GraphQL connection of 50 orders, whose last page has a cursor, too.
fn connection(asked: &Asked) -> Response {
    let variables = &asked.json()["variables"];
    let first = variables["first"].as_u64().unwrap();
    let after =
        variables.get("after").map_or(0, |after| after.as_str().unwrap()[1..].parse().unwrap());
    let nodes: Vec<Value> =
        (after + 1..=(after + first).min(50)).map(|id| json!({ "id": id })).collect();
    let end = after + nodes.len() as u64;
    let info = json!({ "endCursor": format!("c{end}"), "hasNextPage": end < 50 });
    let orders = json!({ "nodes": nodes, "pageInfo": info });
    answer(200, json!({ "data": { "orders": orders } }).to_string())
}

#[tokio::test]
async fn a_graphql_connection_ends_where_it_has_no_next_page_though_a_cursor_stands_there() {
    let list = Staged::start(connection).await;
    let mut spec = list.numbered();
    set(&mut spec, "records", "data.orders.nodes");
    set(&mut spec, "body", json!({ "query": "query ($first: Int!) { … }", "variables": {} }));
    let token = json!({
        "param": "variables.after", "path": "data.orders.pageInfo.endCursor", "size_param": "variables.first",
    });
    set(&mut spec, "pagination", json!({ "token": token }));
    set(&mut spec, "page_size", 20);
    assert_eq!(walk(&*source(spec), Position::Start).await.unwrap().ids().len(), 50);
    assert_eq!(list.asked().len(), 3);
}

#[tokio::test]
async fn a_token_that_is_a_number_is_posted_as_a_number_and_a_text_as_a_text() {
    for (tokens, kind) in [
        ([json!(12), json!(9_007_199_254_740_993_i64)], "number"),
        ([json!("12"), json!("0013")], "text"),
        ([json!(1.5), json!(-2)], "number"),
    ] {
        let given = tokens.clone();
        let list = Staged::start(move |asked| {
            let token = asked.json().get("next").cloned();
            let number = token.map_or(1, |token| {
                2 + given.iter().position(|given| *given == token).expect("just as it was given")
            });
            let next = given.get(number - 1).map(|next| format!(r#""next":{next},"#));
            answer(200, page_of(50, 20, number, &next.unwrap_or_default()))
        })
        .await;
        let mut spec = list.numbered();
        set(&mut spec, "body", json!({}));
        set(&mut spec, "pagination", json!({ "token": { "param": "next", "path": "next" } }));
        let walked = walk(&*source(spec), Position::Start).await.unwrap();
        assert_eq!(walked.ids().len(), 50, "{kind}: {tokens:?}");
    }
}

#[tokio::test]
async fn basic_credentials_may_have_an_empty_half() {
    for (username, password, pair) in [
        ("${secrets.token}", "", format!("{TOKEN}:")),
        ("", "${secrets.token}", format!(":{TOKEN}")),
        ("key", "", "key:".to_owned()),
    ] {
        let list = Staged::start(|asked| answer(200, page_of(3, 20, number_of(asked), ""))).await;
        let mut spec = list.numbered();
        unset(&mut spec, "auth");
        set(&mut spec, "auth", json!({ "basic": { "username": username, "password": password } }));
        assert_eq!(walk(&*source(spec), Position::Start).await.unwrap().ids().len(), 3);
        let sent = list.asked()[0].header("authorization").to_owned();
        assert_eq!(sent, format!("Basic {}", STANDARD.encode(pair)));
    }
}
