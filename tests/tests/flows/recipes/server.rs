//! The server under the recipes' example APIs: it answers, fails on purpose, and notes what the real API would refuse.

use std::{
    collections::{BTreeMap, VecDeque},
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

/// A request as it came.
#[derive(Debug)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub query: Vec<(String, String)>,
    /// Their names in small letters.
    headers: BTreeMap<String, String>,
    pub body: String,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// A query parameter.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A query parameter that is a number.
    pub fn number(&self, name: &str) -> Option<usize> {
        self.value(name)?.parse().ok()
    }

    /// Query parameters that the API does not know.
    pub fn unknown_parameter(&self, known: &[&str]) -> Option<&str> {
        self.query.iter().map(|(name, _)| name.as_str()).find(|name| !known.contains(name))
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    /// `PATCH /v1/pages/7`
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// An answer, or none.
pub struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Reply {
    pub fn json(status: u16, body: &Value) -> Self {
        Self { status, headers: Vec::new(), body: body.to_string() }
    }

    pub fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }
}

/// What goes wrong with one request, on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is too much, and is not handled.
    Limited,
    /// It fails, and is not handled.
    Failed,
    /// It is handled, and the connection is closed instead of an answer.
    LostAnswer,
}

/// So many requests may be over the limit, by no fault of the flow's.
const OVER_MAX: usize = 3;

/// What every example API keeps beside its data.
pub struct Desk {
    /// What the real API would have refused, or what no client of it should do.
    pub violations: Vec<String>,
    /// How many requests came.
    pub requests: usize,
    /// How many of them were over the limit.
    over: usize,
    /// What goes wrong, by the number of the request, from 1 on.
    pub faults: BTreeMap<usize, Fault>,
    /// The answer that is given is lost: a service may say so of what it just did.
    pub is_lost: bool,
    limit: Option<(usize, Duration)>,
    recent: VecDeque<Instant>,
}

impl Desk {
    /// A desk at which these requests fail.
    pub fn new(faults: &[(usize, Fault)]) -> Self {
        Self {
            violations: Vec::new(),
            requests: 0,
            over: 0,
            faults: faults.iter().copied().collect(),
            is_lost: false,
            limit: None,
            recent: VecDeque::new(),
        }
    }

    /// That takes so many requests in any such time.
    pub fn limited(mut self, requests: usize, per: Duration) -> Self {
        self.limit = Some((requests, per));
        self
    }

    /// Counts a request. The fault that it is to meet; over the limit that is met, and a fault by the next one.
    fn enter(&mut self) -> Option<Fault> {
        self.requests += 1;
        if let Some((most, per)) = self.limit {
            let now = Instant::now();
            self.recent.retain(|at| now.duration_since(*at) < per);
            if self.recent.len() >= most {
                self.over += 1;
                if let Some(fault) = self.faults.remove(&self.requests) {
                    self.faults.insert(self.requests + 1, fault);
                }
                return Some(Fault::Limited);
            }
            self.recent.push_back(now);
        }
        self.faults.remove(&self.requests)
    }

    /// Notes what the real API refuses, and answers as it does.
    pub fn violated(&mut self, why: impl Into<String>, reply: Reply) -> Reply {
        self.violations.push(why.into());
        reply
    }
}

/// An example API.
pub trait Service: Send + 'static {
    fn desk(&mut self) -> &mut Desk;

    /// How it answers what is too much.
    fn limited(&self) -> Reply {
        Reply::json(429, &json!({ "message": "slow down" })).with("retry-after", 1)
    }

    fn answer(&mut self, request: &Request) -> Reply;
}

/// An example API that listens. It stops with the test's process.
pub struct Api<S> {
    pub url: String,
    service: Arc<Mutex<S>>,
}

impl<S: Service> Api<S> {
    pub fn start(service: S) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("it listens"));
        let service = Arc::new(Mutex::new(service));
        let api = Self { url, service: Arc::clone(&service) };
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let service = Arc::clone(&service);
                thread::spawn(move || {
                    let Some(request) = read(&stream) else { return };
                    if let Some(reply) = handled(&service, &request) {
                        say(stream, &reply);
                    }
                });
            }
        });
        api
    }

    pub fn state(&self) -> MutexGuard<'_, S> {
        self.service.lock().expect("no test panics there")
    }

    /// Every request was one that the real API takes, and every fault was met.
    pub fn assert_proper(&self) {
        let mut state = self.state();
        let desk = state.desk();
        assert_eq!(desk.violations, [] as [String; 0]);
        // The flow knows the limit. But on a busy machine a request may arrive later than it was sent, and meet the
        // next ones.
        assert!(desk.over <= OVER_MAX, "{} of {} over the limit", desk.over, desk.requests);
        assert!(desk.faults.is_empty(), "not met in {}: {:?}", desk.requests, desk.faults);
    }
}

fn handled<S: Service>(service: &Mutex<S>, request: &Request) -> Option<Reply> {
    let mut service = service.lock().expect("no test panics there");
    match service.desk().enter() {
        Some(Fault::Limited) => Some(service.limited()),
        Some(Fault::Failed) => Some(Reply::json(503, &json!({ "message": "unavailable" }))),
        Some(Fault::LostAnswer) => {
            service.answer(request);
            None
        }
        None => {
            let reply = service.answer(request);
            let is_lost = std::mem::take(&mut service.desk().is_lost);
            Some(reply).filter(|_| !is_lost)
        }
    }
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut headers = BTreeMap::new();
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header).ok()? == 0 || header.trim().is_empty() {
            break;
        }
        let (name, value) = header.split_once(':')?;
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    Some(Request {
        method,
        path: path.to_owned(),
        query: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        headers,
        body: String::from_utf8(body).ok()?,
    })
}

fn say(mut stream: TcpStream, reply: &Reply) {
    let Reply { status, headers, body } = reply;
    let headers: String =
        headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    // A client that hangs up early has seen enough.
    let _ = write!(
        stream,
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n{headers}content-length: {}\r\n\
         connection: close\r\n\r\n{body}",
        body.len()
    );
}
