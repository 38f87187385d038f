//! A server of one file, which behaves as a test says.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering::Relaxed},
};
use std::time::Duration;

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use futures_util::{StreamExt, stream};

/// How a server gives its file.
#[derive(Debug, Clone)]
pub struct Habits {
    /// A strong tag of each version.
    pub tags: bool,
    /// The time of each version.
    pub times: bool,
    /// Parts are given where they are asked for.
    pub ranges: bool,
    /// The connection is closed after so many bytes of each answer.
    pub cut_after: Option<usize>,
}

impl Default for Habits {
    fn default() -> Self {
        Self { tags: true, times: true, ranges: true, cut_after: None }
    }
}

struct Served {
    file: Mutex<(Bytes, u64)>,
    habits: Habits,
    requests: AtomicU64,
    bytes: AtomicU64,
}

/// A running server.
pub struct Server {
    pub url: String,
    served: Arc<Served>,
}

impl Server {
    pub async fn start(file: impl Into<Vec<u8>>, habits: Habits) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/offers", listener.local_addr().unwrap());
        let served = Arc::new(Served {
            file: Mutex::new((Bytes::from(file.into()), 1)),
            habits,
            requests: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
        });
        let router = Router::new().route("/offers", get(answer)).with_state(served.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, served }
    }

    /// Puts another file there.
    pub fn put(&self, file: impl Into<Vec<u8>>) {
        let mut stands = self.served.file.lock().unwrap();
        *stands = (Bytes::from(file.into()), stands.1 + 1);
    }

    /// Requests since the last look.
    pub fn requests(&self) -> u64 {
        self.served.requests.swap(0, Relaxed)
    }

    /// Bytes of bodies since the last look.
    pub fn bytes(&self) -> u64 {
        self.served.bytes.swap(0, Relaxed)
    }
}

async fn answer(State(served): State<Arc<Served>>, asked: HeaderMap) -> Response {
    served.requests.fetch_add(1, Relaxed);
    let (file, version) = served.file.lock().unwrap().clone();
    let habits = served.habits.clone();
    let text = |name| asked.get(name).and_then(|value| value.to_str().ok());
    let (tag, time) =
        (format!("\"v{version}\""), format!("Fri, 27 Nov 2020 08:{version:02}:00 GMT"));
    let mut headers = HeaderMap::new();
    if habits.tags {
        headers.insert(header::ETAG, tag.parse().unwrap());
    }
    if habits.times {
        headers.insert(header::LAST_MODIFIED, time.parse().unwrap());
    }
    let known = habits.tags && text(header::IF_NONE_MATCH) == Some(&*tag)
        || habits.times && text(header::IF_MODIFIED_SINCE) == Some(&*time);
    if known {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    let is_this = text(header::IF_RANGE)
        .is_none_or(|it| habits.tags && it == tag || habits.times && it == time);
    let range = text(header::RANGE).filter(|_| habits.ranges && is_this);
    let range = range.and_then(|range| range.strip_prefix("bytes=")?.split_once('-'));
    let (status, from, to) = match range {
        None => (StatusCode::OK, 0, file.len()),
        Some((from, to)) => {
            let from: usize = from.parse().unwrap();
            if from >= file.len() {
                let total = format!("bytes */{}", file.len());
                return (StatusCode::RANGE_NOT_SATISFIABLE, [(header::CONTENT_RANGE, total)])
                    .into_response();
            }
            let to = to.parse::<usize>().map_or(file.len(), |last| (last + 1).min(file.len()));
            let range = format!("bytes {from}-{}/{}", to - 1, file.len());
            headers.insert(header::CONTENT_RANGE, range.parse().unwrap());
            (StatusCode::PARTIAL_CONTENT, from, to)
        }
    };
    if habits.tags || habits.times {
        headers.insert(header::CONTENT_LENGTH, (to - from).into());
    }
    let all = file.slice(from..to);
    let given = all.slice(..habits.cut_after.unwrap_or(all.len()).min(all.len()));
    served.bytes.fetch_add(given.len() as u64, Relaxed);
    let is_cut = given.len() < all.len();
    let mut pieces: Vec<Result<Bytes, std::io::Error>> = Vec::new();
    for start in (0..given.len()).step_by(1_000) {
        pieces.push(Ok(given.slice(start..(start + 1_000).min(given.len()))));
    }
    // What was written is sent before the connection is closed.
    let cut = stream::once(async {
        tokio::time::sleep(Duration::from_millis(3)).await;
        Err(std::io::Error::other("cut"))
    });
    let cut = cut.take(usize::from(is_cut));
    (status, headers, Body::from_stream(stream::iter(pieces).chain(cut))).into_response()
}
