//! The two APIs over real HTTP, by a client of a few lines that hides nothing.

mod destination;
mod source;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Orders, OrdersConfig};

/// What came back.
#[derive(Debug)]
struct Answer {
    status: u16,
    /// Names in small letters, as the server writes them.
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    fn ids(&self) -> Vec<u64> {
        self.json()["orders"].as_array().expect("orders").iter().map(id_of).collect()
    }
}

fn id_of(order: &Value) -> u64 {
    order["id"].as_u64().expect("an id")
}

/// One request on a connection of its own; none where the server hangs up.
async fn ask(method: &str, url: &str, headers: &str, body: &str) -> Option<Answer> {
    let rest = url.strip_prefix("http://").expect("http");
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let length = body.len();
    let text = format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\n{headers}Content-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    );
    let mut stream = TcpStream::connect(host).await.expect("a listener");
    stream.write_all(text.as_bytes()).await.ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok()?;
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8(answer[..end].to_vec()).expect("text");
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Answer { status, head, body: answer.split_off(end + 4) })
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
