//! LiveChat: the archive of chats, page by page.

use std::sync::Arc;
use std::time::Duration;

use hyper::Method;
use hyper::header::AUTHORIZATION;
use serde::Serialize;
use serde_json::json;

use super::archive::Archive;
use super::chat::{Chat, ChatJson};
use super::query::{ArchiveQuery, page_id};
use crate::faults::Meter;
use crate::http::{Hangup, Reply, Request};

/// A page of the archive.
#[derive(Serialize)]
struct Page {
    chats: Vec<ChatJson>,
    /// On all pages.
    found_chats: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_id: Option<String>,
}

/// The source's server.
#[derive(Debug)]
pub(crate) struct LiveChat {
    pub(crate) archive: Arc<Archive>,
    pub(crate) token: String,
    /// What page ids are made with.
    pub(crate) seed: u64,
    pub(crate) meter: Meter,
}

impl LiveChat {
    /// Answers one request.
    pub(crate) async fn handle(self: Arc<Self>, request: Request) -> Result<Reply, Hangup> {
        if request.uri().path() == "/healthz" {
            return Ok(Reply::json(200, r#"{"ok":true}"#));
        }
        self.meter.came();
        if bearer(&request) != Some(&self.token) {
            self.meter.count(|traffic| traffic.unauthorized += 1);
            return Ok(error(401, "authentication", "Invalid access token"));
        }
        if self.archive.config.latency_ms > 0 {
            tokio::time::sleep(Duration::from_millis(self.archive.config.latency_ms)).await;
        }
        Ok(match (request.method(), request.uri().path()) {
            (&Method::GET, "/v3/archives") => self.list(request.uri().query().unwrap_or_default()),
            (_, "/v3/archives") => self.malformed(405, "the archive takes GET"),
            (_, path) => self.malformed(404, &format!("there is nothing at {path}")),
        })
    }

    fn list(&self, query: &str) -> Reply {
        let query = match ArchiveQuery::parse(query, self.seed) {
            Ok(query) => query,
            Err(reason) => return self.malformed(400, &reason),
        };
        let chats = self.archive.ended();
        let from_ns = query.from.map_or(i128::MIN, |from| from.as_nanosecond());
        let low = chats.partition_point(|chat| i128::from(chat.ended_us) * 1_000 < from_ns);
        // Chats only ever join at the end: a place stays what it was while others end.
        let begin = query.place.map_or(low, |place| place as usize).clamp(low, chats.len());
        let end = (begin + query.limit).min(chats.len());
        let page = &chats[begin..end];
        let json = |chat: &Chat| chat.json(&self.archive.customer(chat), &self.archive.config);
        let next = (end < chats.len()).then(|| page_id(end as u64, query.from, self.seed));
        let found_chats = chats.len() - low;
        let page = Page { chats: page.iter().map(json).collect(), found_chats, next_page_id: next };
        Reply::of(200, &page)
    }

    fn malformed(&self, status: u16, reason: &str) -> Reply {
        self.meter.count(|traffic| traffic.malformed += 1);
        error(status, "validation", reason)
    }
}

/// What stands after `Authorization: Bearer`.
pub(crate) fn bearer(request: &Request) -> Option<&str> {
    request.headers().get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

fn error(status: u16, kind: &str, message: &str) -> Reply {
    Reply::of(status, &json!({ "error": { "type": kind, "message": message } }))
}
