//! A connection's parameters and secrets.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use serde_json::{Value, json};
use tidegate_aws::{Clients, InProcess};

use super::{other_stream, stream};

/// Parameter Store with one connection, which answers with two values at a time.
fn clients() -> Clients {
    Clients::over(InProcess::new(|target, body| {
        assert_eq!(target, "AmazonSSM.GetParametersByPath");
        let request: Value = serde_json::from_slice(body).unwrap();
        assert_eq!(
            (&request["Recursive"], &request["WithDecryption"]),
            (&json!(true), &json!(true))
        );
        let all = match request["Path"].as_str().unwrap() {
            "/tidegate/prod/orders/shop" => {
                vec![("params/shop_id", "7"), ("secrets/token", "hunter2"), ("params/url", "u")]
            }
            _ => vec![],
        };
        let from: usize = request["NextToken"].as_str().map_or(0, |token| token.parse().unwrap());
        let one = |(name, value): &(&str, &str)| json!({"Name": format!("/tidegate/prod/orders/shop/{name}"), "Value": value});
        let some: Vec<_> = all.iter().skip(from).take(2).map(one).collect();
        let next = (from + 2 < all.len()).then(|| (from + 2).to_string());
        (200, json!({"Parameters": some, "NextToken": next}).to_string().into_bytes())
    }))
}

#[tokio::test]
async fn parameters_and_secrets_are_told_apart() {
    let connection = clients().parameters("prod").load(&stream(), 0).await.unwrap();
    let params: Vec<_> =
        connection.params.iter().map(|(name, value)| (&**name, &**value)).collect();
    assert_eq!(params, [("shop_id", "7"), ("url", "u")]);
    assert_eq!(connection.secrets["token"].expose(), "hunter2");
    assert!(!format!("{connection:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_connection_without_any_is_empty() {
    let connection = clients().parameters("prod").load(&other_stream(), 0).await.unwrap();
    assert!(connection.params.is_empty() && connection.secrets.is_empty());
}

#[tokio::test]
async fn they_are_asked_for_again_after_five_minutes() {
    let clients = clients();
    let parameters = clients.parameters("prod");
    let asked = || clients.requests().snapshot()["GetParametersByPath"];
    for (now_ms, requests) in [(0, 2), (299_999, 2), (300_000, 4), (300_001, 4)] {
        parameters.load(&stream(), now_ms).await.unwrap();
        assert_eq!(asked(), requests, "{now_ms}");
    }
}

/// Parameter Store that gives these answers, one a request, and the last for ever.
fn answers<const N: usize>(all: [(u16, &'static str); N]) -> Clients {
    let given = AtomicUsize::new(0);
    Clients::over(InProcess::new(move |_, _| {
        let (status, body) = all[given.fetch_add(1, Relaxed).min(N - 1)];
        (status, body.as_bytes().to_vec())
    }))
}

const THROTTLED: (u16, &str) =
    (400, r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#);

#[tokio::test]
async fn throttling_is_waited_out_for_three_attempts() {
    let found = r#"{"Parameters":[{"Name":"/tidegate/prod/orders/shop/params/url","Value":"u"}]}"#;
    let clients = answers([THROTTLED, (500, ""), (200, found)]);
    let connection = clients.parameters("prod").load(&stream(), 0).await.unwrap();
    assert_eq!(connection.params["url"], "u");
    assert_eq!(clients.requests().snapshot()["GetParametersByPath"], 3);

    let error = answers([THROTTLED]).parameters("prod").load(&stream(), 0).await.unwrap_err();
    assert_eq!(error.0, "GetParametersByPath: ThrottlingException: Rate exceeded");
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_not_shown() {
    for body in [r#"{"Parameters":["hunter2"]}"#, r#"{"Parameters":"hunter2"#] {
        let clients = answers([(200, body)]);
        let error = clients.parameters("prod").load(&stream(), 0).await.unwrap_err();
        assert!(error.0.starts_with("GetParametersByPath: the answer is not"), "{error}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
}

#[tokio::test]
async fn one_parameter_is_there_or_not() {
    let found = r#"{"Parameter":{"Name":"/tidegate/stacks/a","Value":"{}","Version":1}}"#;
    let clients = answers([(200, found)]);
    assert_eq!(clients.parameter("/tidegate/stacks/a").await.unwrap().as_deref(), Some("{}"));
    let clients = answers([(400, r#"{"__type":"com.amazonaws.ssm#ParameterNotFound"}"#)]);
    assert_eq!(clients.parameter("/tidegate/stacks/b").await.unwrap(), None);
}
