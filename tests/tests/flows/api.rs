//! An API of a few lines that answers, or does not, as a test tells it.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

/// How an API answers a request: its answer, or none, for so long.
#[derive(Clone)]
pub enum Answer {
    /// The status line's end with headers, and the body.
    At(&'static str, String),
    /// Nothing, and the connection stays open.
    Never,
    /// Nothing, and the connection is closed: what was sent arrived.
    Lost,
    /// The same as `200 {}`, after so long.
    After(Duration),
}

/// A request as it arrived.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Its method and path.
    pub line: String,
    /// Its idempotency key; empty for none.
    pub key: String,
    pub body: String,
}

/// What a request is answered.
type Answers = Box<dyn Fn(&Request) -> Answer + Send>;

/// An API that answers as it is told, and keeps what it was asked. It stops with the test's process.
pub struct Api {
    pub url: String,
    answer: Arc<Mutex<Answers>>,
    asked: Arc<Mutex<Vec<Request>>>,
}

impl Api {
    /// One that answers by the body.
    pub fn new(answer: impl Fn(&str) -> Answer + Send + 'static) -> Self {
        Self::of_requests(move |request| answer(&request.body))
    }

    /// One that answers by all of a request.
    pub fn of_requests(answer: impl Fn(&Request) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("it listens"));
        let answer: Arc<Mutex<Answers>> = Arc::new(Mutex::new(Box::new(answer)));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let api = Self { url, answer: answer.clone(), asked: asked.clone() };
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answer, asked) = (answer.clone(), asked.clone());
                thread::spawn(move || {
                    let Some(request) = read(&stream) else { return };
                    asked.lock().expect("no test panics there").push(request.clone());
                    let answer = answer.lock().expect("no test panics there")(&request);
                    say(stream, answer);
                });
            }
        });
        api
    }

    pub fn saying(status: &'static str, body: &str) -> Self {
        let body = body.to_owned();
        Self::new(move |_| Answer::At(status, body.clone()))
    }

    pub fn now_says(&self, answer: impl Fn(&str) -> Answer + Send + 'static) {
        let answer = move |request: &Request| answer(&request.body);
        *self.answer.lock().expect("no test panics there") = Box::new(answer);
    }

    /// What it was asked, in order.
    pub fn requests(&self) -> Vec<Request> {
        self.asked.lock().expect("no test panics there").clone()
    }

    pub fn asked(&self) -> usize {
        self.asked.lock().expect("no test panics there").len()
    }
}

/// A request.
fn read(stream: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    let mut request = Request::default();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if request.line.is_empty() {
            request.line = line.split(' ').take(2).collect::<Vec<_>>().join(" ");
        }
        if line.to_ascii_lowercase().starts_with("idempotency-key:") {
            request.key = line.split_once(": ")?.1.trim().to_owned();
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    request.body = String::from_utf8(body).ok()?;
    Some(request)
}

fn say(mut stream: TcpStream, answer: Answer) {
    let (head, body) = match answer {
        Answer::At(head, body) => (head, body),
        Answer::After(wait) => {
            thread::sleep(wait);
            ("200 OK", "{}".to_owned())
        }
        Answer::Lost => return,
        Answer::Never => {
            thread::sleep(Duration::from_secs(120));
            return;
        }
    };
    let length = body.len();
    let _ = write!(
        stream,
        "HTTP/1.1 {head}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n{body}"
    );
}

/// A list of orders with these ids, that were changed long ago.
pub fn orders(ids: impl IntoIterator<Item = u32>) -> String {
    let order = |id| format!(r#"{{"id":{id},"updated_at":"2026-01-01T00:00:00.{id:03}Z"}}"#);
    let orders: Vec<String> = ids.into_iter().map(order).collect();
    format!(r#"{{"orders":[{}]}}"#, orders.join(","))
}
