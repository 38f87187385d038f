//! Tokens of servers that want more than OAuth 2 does, or answer otherwise.

use std::sync::Arc;

use serde_json::{Value, json};
use tidegate_core::model::Position;

use crate::{
    flow::{set, walk},
    staged::{Asked, Staged, answer, number_of, on_shelf, page_of},
};

/// A list behind a token, which is answered so.
async fn issuer(token: &'static str) -> Staged {
    Staged::start(move |asked| match asked.uri.path() {
        "/token" => answer(200, token),
        _ if asked.header("authorization") != "Bearer t-1" => answer(401, ""),
        _ => answer(200, page_of(50, 20, number_of(asked), "")),
    })
    .await
}

/// Reads the list with these keys beside the token's address, and answers with the requests for tokens.
async fn read(list: &Staged, kind: &str, mut keys: Value) -> Vec<Asked> {
    keys["token_url"] = format!("{}/token", list.base).into();
    let mut spec = list.numbered();
    set(&mut spec, "auth", json!({ kind: keys }));
    let connected = on_shelf(spec, &Arc::default());
    let walked = walk(&*connected.source, Position::Start).await.unwrap();
    assert_eq!(walked.ids().len(), 50);
    list.asked().into_iter().filter(|asked| asked.uri.path() == "/token").collect()
}

#[tokio::test]
async fn a_token_is_asked_for_with_another_grant_type_and_further_fields() {
    let fields = json!({
        "resource": ["https://a.test", "https://b.test"], "username": "anna", "password": "${secrets.hush}",
    });
    for (credentials, content) in
        [("body", "application/x-www-form-urlencoded"), ("json", "application/json")]
    {
        let list = issuer(r#"{"access_token":"t-1","expires_in":3600}"#).await;
        let keys = json!({
            "grant_type": "password", "client_id": "me", "audience": "orders", "fields": fields,
            "credentials": credentials,
        });
        let asked = read(&list, "oauth2_client", keys).await;
        assert_eq!(asked.len(), 1);
        assert_eq!(asked[0].header("content-type"), content);
        if credentials == "json" {
            let expected = json!({
                "grant_type": "password", "client_id": "me", "audience": "orders", "username": "anna",
                "password": "hush-hush", "resource": ["https://a.test", "https://b.test"],
            });
            assert_eq!(asked[0].json(), expected);
            continue;
        }
        let form = asked[0].form();
        for (name, value) in [
            ("grant_type", "password"),
            ("resource", "https://a.test"),
            ("resource", "https://b.test"),
            ("password", "hush-hush"),
            ("audience", "orders"),
            ("client_id", "me"),
        ] {
            assert!(form.contains(&(name.to_owned(), value.to_owned())), "{name} in {form:?}");
        }
        assert!(!form.iter().any(|(name, _)| name == "client_secret"), "{form:?}");
    }
}

#[tokio::test]
async fn a_token_may_stand_deep_in_the_answer_with_its_life_and_the_next_refresh_token_beside_it() {
    let list = issuer(
        r#"{"ok":true,"result":{"token":"t-1","ttl":"3600","expires_in":0,"refresh_token":"r-2"}}"#,
    )
    .await;
    let keys = json!({
        "client_id": "me", "refresh_token": "${secrets.hush}", "token": "result.token",
        "expires_in": "result.ttl", "fields": { "scope": "orders" },
    });
    let asked = read(&list, "oauth2_refresh", keys).await;
    assert_eq!(asked.len(), 1);
    assert!(asked[0].form().contains(&("scope".to_owned(), "orders".to_owned())));
}

#[tokio::test]
async fn a_life_that_is_odd_asks_for_no_token_at_every_request() {
    for (life, tokens) in [
        ("", 1),
        (r#","expires_in":0"#, 1),
        (r#","expires_in":-1"#, 1),
        (r#","expires_in":null"#, 1),
        (r#","expires_in":"never""#, 1),
        (r#","expires_in":"3600""#, 1),
        (r#","expires_in":3599.97"#, 1),
        (r#","expires_in":1e300"#, 1),
        (r#","expires_in":99999999999999999999"#, 1),
        (r#","expires_in":"2099-01-01T00:00:00Z""#, 1),
        (r#","expires_in":4070908800"#, 1),
    ] {
        let body: &'static str = format!(r#"{{"access_token":"t-1"{life}}}"#).leak();
        let list = issuer(body).await;
        let keys = json!({ "client_id": "me", "client_secret": "${secrets.hush}" });
        assert_eq!(read(&list, "oauth2_client", keys).await.len(), tokens, "{life}");
    }
}
