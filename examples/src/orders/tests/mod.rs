//! The two APIs over real HTTP.

mod destination;
mod source;

use serde_json::Value;

use super::{Orders, OrdersConfig};
use crate::http::client::{Answer, ask};

impl Answer {
    fn ids(&self) -> Vec<u64> {
        self.json()["orders"].as_array().expect("orders").iter().map(id_of).collect()
    }
}

fn id_of(order: &Value) -> u64 {
    order["id"].as_u64().expect("an id")
}

async fn start(change: impl FnOnce(&mut OrdersConfig)) -> Orders {
    let mut config = OrdersConfig { records: 250, ..OrdersConfig::default() };
    change(&mut config);
    Orders::start(config).await.expect("two free ports")
}

/// A GET from the source; a path or a whole address.
async fn get(orders: &Orders, path: &str) -> Option<Answer> {
    let url = match path.starts_with('/') {
        true => format!("{}{path}", orders.source_url),
        false => path.to_owned(),
    };
    ask("GET", &url, &format!("Authorization: Bearer {}\r\n", orders.source_token), "").await
}

/// A POST to the destination.
async fn post(orders: &Orders, path: &str, key: Option<&str>, body: &str) -> Option<Answer> {
    let mut headers = format!("X-Api-Key: {}\r\n", orders.destination_key);
    if let Some(key) = key {
        headers += &format!("Idempotency-Key: {key}\r\n");
    }
    ask("POST", &format!("{}{path}", orders.destination_url), &headers, body).await
}

/// Delivers one order, with its id as the key.
async fn deliver(orders: &Orders, id: u64) -> Option<u16> {
    let body = format!(r#"{{"external_id":{id}}}"#);
    Some(post(orders, "/fulfillments", Some(&format!("k{id}")), &body).await?.status)
}
