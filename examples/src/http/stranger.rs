//! A host that no client should talk to: it counts the requests, and those that show it a secret.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hyper::header::{AUTHORIZATION, COOKIE};

use super::{Reply, Server};

/// A foreign server for redirects and next links to point at.
#[derive(Debug)]
pub struct Stranger {
    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub url: String,
    seen: Arc<Seen>,
    _server: Server,
}

#[derive(Debug, Default)]
struct Seen {
    requests: AtomicU64,
    secrets: AtomicU64,
}

impl Stranger {
    /// Listens on a free port; answers every request with an empty page of orders.
    pub async fn start() -> anyhow::Result<Self> {
        let seen = Arc::new(Seen::default());
        let witness = Arc::clone(&seen);
        let server = Server::start(0, move |request| {
            let headers = request.headers();
            let secret = [AUTHORIZATION.as_str(), COOKIE.as_str(), "x-api-key"]
                .iter()
                .any(|name| headers.contains_key(*name));
            witness.requests.fetch_add(1, Ordering::Relaxed);
            witness.secrets.fetch_add(u64::from(secret), Ordering::Relaxed);
            async { Ok(Reply::json(200, r#"{"orders":[],"total":0}"#)) }
        })
        .await?;
        Ok(Self { url: server.url(), seen, _server: server })
    }

    /// Requests that came here at all.
    pub fn requests(&self) -> u64 {
        self.seen.requests.load(Ordering::Relaxed)
    }

    /// Requests that carried `Authorization`, `Cookie` or `X-Api-Key`.
    pub fn secrets(&self) -> u64 {
        self.seen.secrets.load(Ordering::Relaxed)
    }
}
