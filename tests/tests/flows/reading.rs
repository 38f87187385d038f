//! A list of which some records cannot be read, from the source to what `parked` shows.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    sync::{Arc, Mutex},
    thread,
};

use serde_json::Value;

use super::process::{Ended, tidegate};

/// A source that answers every GET with one body, and a destination that takes every POST.
struct Apis {
    url: String,
    taken: Arc<Mutex<Vec<String>>>,
}

impl Apis {
    fn start(body: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let url = format!("http://{}", listener.local_addr().expect("it has an address"));
        let taken = Arc::new(Mutex::new(Vec::new()));
        let takes = Arc::clone(&taken);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { break };
                let mut reader = BufReader::new(stream.try_clone().expect("it is one socket"));
                let (mut line, mut length, mut is_post) = (String::new(), 0, None);
                while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                    is_post.get_or_insert_with(|| line.starts_with("POST"));
                    let header = line.to_ascii_lowercase();
                    if let Some(value) = header.strip_prefix("content-length:") {
                        length = value.trim().parse().expect("it is a number");
                    }
                    line.clear();
                }
                let mut posted = vec![0; length];
                reader.read_exact(&mut posted).expect("the body follows");
                let answer: &[u8] = if is_post == Some(true) {
                    takes.lock().unwrap().push(String::from_utf8_lossy(&posted).into_owned());
                    b"{}"
                } else {
                    &body
                };
                let head = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
                     connection: close\r\n\r\n",
                    answer.len()
                );
                let _ = stream.write_all(&[head.as_bytes(), answer].concat());
            }
        });
        Self { url, taken }
    }

    /// A flow by timestamp, and a folder that holds it and its state.
    fn flow(&self) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        let url = &self.url;
        let text = format!(
            "flow: own
source:
  http: {{ url: {url}/list, cursor: {{ by: timestamp, field: at }}, pagination: none }}
destination:
  http: {{ url: {url}/take }}
"
        );
        fs::write(folder.path().join("flow.yaml"), text).expect("it can be written");
        folder
    }
}

fn command(folder: &tempfile::TempDir, name: &str, options: &[&str]) -> Ended {
    let path = |name: &str| folder.path().join(name).display().to_string();
    let mut arguments =
        vec![name.to_owned(), path("flow.yaml"), "--json".into(), "--state".into(), path("state")];
    arguments.extend(options.iter().map(ToString::to_string));
    tidegate(arguments).run()
}

#[test]
fn what_cannot_be_read_is_parked_once_and_the_rest_is_delivered() {
    let body = [
        &br#"[{"id":1,"at":"2024-01-01T00:00:01Z"},"#[..],
        br#"{"id":2,"at":"2024-01-01T00:00:02Z","x":"\ud800"},"#,
        b"{\"id\":3,\"at\":\"2024-01-01T00:00:03Z\",\"x\":\"\xff\"},",
        br#"{"id":4,"at":null},{"id":5,"at":"2024-01-01T00:00:05Z"},"#,
        br#"{"id":6,"at":"2099-01-01T00:00:00Z"},{"id":7,"at":"9999-12-31T23:59:59Z"}]"#,
    ]
    .concat();
    let apis = Apis::start(body);
    let folder = apis.flow();
    let summary = command(&folder, "run", &["--until-caught-up"]).fine();
    assert_eq!(summary["caught_up"], true, "{summary}");
    assert_eq!((&summary["delivered"], &summary["parked"]), (&2.into(), &5.into()), "{summary}");
    let taken = apis.taken.lock().unwrap().clone();
    assert_eq!(taken.len(), 2, "{taken:?}");

    let parked = |folder: &tempfile::TempDir| {
        let shown = command(folder, "parked", &[]).fine();
        let records = shown["records"].as_array().expect("a list").clone();
        records
            .iter()
            .map(|it| (it["id"].clone(), it["reason"].clone(), it["data"].clone()))
            .collect()
    };
    let before: Vec<(Value, Value, Value)> = parked(&folder);
    let says = |id: i64, words: &str| {
        let (_, reason, _) = before.iter().find(|it| it.0 == id).expect("it is parked");
        assert!(reason.as_str().is_some_and(|reason| reason.contains(words)), "{id}: {reason}");
    };
    says(2, "no JSON");
    says(3, "not UTF-8");
    says(4, "null for a timestamp");
    says(6, "ahead of now");
    says(7, "outside of the years");
    let surrogate = before.iter().find(|it| it.0 == 2).map(|it| it.2.clone());
    assert_eq!(
        surrogate.as_ref().and_then(Value::as_str),
        Some(r#"{"id":2,"at":"2024-01-01T00:00:02Z","x":"\ud800"}"#)
    );

    // The list shows them again: nothing is sent, and nothing is parked anew.
    let again = command(&folder, "run", &["--until-caught-up"]).fine();
    assert_eq!((&again["delivered"], &again["parked"]), (&0.into(), &0.into()), "{again}");
    assert_eq!(again["caught_up"], true, "{again}");
    let after: Vec<(Value, Value, Value)> = parked(&folder);
    assert_eq!(after, before);
    assert_eq!(apis.taken.lock().unwrap().len(), 2);
}
