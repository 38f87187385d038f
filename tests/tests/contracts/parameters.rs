//! A connection's parameters and secrets.

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
