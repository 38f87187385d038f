//! The desk and the CRM of the README's flow: just enough of them that the flow runs.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    thread,
};

use serde_json::{Value, json};

/// So many tickets has the desk; its pages are smaller.
const TICKETS: usize = 250;
/// One that the CRM does not take.
const REFUSED: u64 = 17;

/// Starts it on a free port, and answers with its address. It ends with the process.
pub(super) fn start() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    let own = url.clone();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let own = own.clone();
            // A client that hangs up early has seen enough.
            thread::spawn(move || answer(&stream, &own).unwrap_or_default());
        }
    });
    url
}

fn answer(mut stream: &TcpStream, own: &str) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        if header.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = header.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let target = line.split(' ').nth(1).unwrap_or_default();
    let answer = match target.split_once('?') {
        Some(("/tickets", query)) => tickets(query, own),
        None if target == "/tickets" => tickets("", own),
        None if target == "/cases/bulk" => results(&serde_json::from_slice(&body)?),
        _ => json!({ "error": format!("nothing is at {target}") }),
    };
    let status = if answer["error"].is_null() { "200 OK" } else { "404 Not Found" };
    let answer = answer.to_string();
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{answer}",
        answer.len()
    )
}

/// The tickets in order of their timestamps, from the asked one on; a page's next address says how
/// many were given.
fn tickets(query: &str, own: &str) -> Value {
    let value = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value.replace("%3A", ":"))
    };
    let since = value("updated_since").unwrap_or_default();
    let number =
        |name: &str, default| value(name).and_then(|it| it.parse().ok()).unwrap_or(default);
    let (given, limit): (usize, usize) = (number("given", 0), number("limit", 100));
    let all = (1..=TICKETS).map(|id| {
        json!({
            "id": id,
            "status": if id % 50 == 0 { "draft" } else { "open" },
            "updated_at": format!("2026-01-01T00:{:02}:{:02}Z", id / 60, id % 60),
            "requester": { "email": format!("person-{id}@example.com") },
        })
    });
    let left: Vec<Value> = all
        .filter(|ticket| ticket["updated_at"].as_str().is_some_and(|at| *at >= *since))
        .skip(given)
        .collect();
    let next = (left.len() > limit).then(|| {
        format!("{own}/tickets?updated_since={since}&limit={limit}&given={}", given + limit)
    });
    json!({ "tickets": left.into_iter().take(limit).collect::<Vec<_>>(), "next": next })
}

fn results(body: &Value) -> Value {
    let cases = body["cases"].as_array().into_iter().flatten();
    let status = |case: &Value| if case["external_id"] == REFUSED { 422 } else { 201 };
    json!({ "results": cases.map(|case| json!({ "status": status(case) })).collect::<Vec<_>>() })
}
