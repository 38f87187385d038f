//! LiveChat: `list_archives` of its Agent Chat API.

use std::sync::Arc;
use std::time::Duration;

use hyper::Method;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use serde::Serialize;
use serde_json::json;

use super::archive::Archive;
use super::chat::{Chat, ChatJson};
use super::query::{ArchiveQuery, SortOrder};
use crate::faults::Meter;
use crate::http::{Hangup, Reply, Request, body_of};

const PATH: &str = "/v3.5/agent/action/list_archives";

/// A page of the archive.
#[derive(Serialize)]
struct Page {
    chats: Vec<ChatJson>,
    /// On all pages.
    found_chats: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_page_id: Option<String>,
}

/// The source's server.
#[derive(Debug)]
pub(crate) struct LiveChat {
    pub(crate) archive: Arc<Archive>,
    pub(crate) account: String,
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
        if !self.knows(&request) {
            self.meter.count(|traffic| traffic.unauthorized += 1);
            return Ok(error(401, "authentication", "Authentication error"));
        }
        if self.archive.config.latency_ms > 0 {
            tokio::time::sleep(Duration::from_millis(self.archive.config.latency_ms)).await;
        }
        let is_json = request
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok()?.split(';').next())
            .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"));
        Ok(match (request.method(), request.uri().path()) {
            (&Method::POST, PATH) if request.uri().query().is_some() => {
                self.malformed(400, "parameters stand in the body")
            }
            (&Method::POST, PATH) if is_json => self.list(&body_of(request.into_body()).await?),
            (&Method::POST, PATH) => self.malformed(400, "Content-Type is not application/json"),
            (_, PATH) => self.malformed(405, "an action is posted"),
            (_, path) => self.malformed(404, &format!("there is nothing at {path}")),
        })
    }

    /// Whether it is the account with its personal access token, or an access token.
    fn knows(&self, request: &Request) -> bool {
        let Some(given) = request.headers().get(AUTHORIZATION).and_then(|it| it.to_str().ok())
        else {
            return false;
        };
        given == basic(&self.account, &self.token) || bearer(request) == Some(&self.token)
    }

    fn list(&self, body: &[u8]) -> Reply {
        let query = match ArchiveQuery::parse(body, self.seed) {
            Ok(query) => query,
            Err(reason) => return self.malformed(400, &reason),
        };
        let chats = self.archive.ended();
        let low = chats.partition_point(|chat| chat.created_us < query.from_us);
        let high = chats.partition_point(|chat| chat.created_us <= query.to_us).max(low);
        let at = |place: u64| (place as usize).clamp(low, high);
        // Chats only ever join at the end: a place stays what it was while others end.
        let (begin, end, next, previous) = match query.order {
            SortOrder::Asc => {
                let begin = query.place.map_or(low, at);
                let end = (begin + query.limit).min(high);
                let before = begin.saturating_sub(query.limit).max(low);
                (begin, end, (end < high).then_some(end), (begin > low).then_some(before))
            }
            SortOrder::Desc => {
                let end = query.place.map_or(high, at);
                let begin = end.saturating_sub(query.limit).max(low);
                let after = (end + query.limit).min(high);
                (begin, end, (begin > low).then_some(begin), (end < high).then_some(after))
            }
        };
        let json = |chat: &Chat| chat.json(&self.archive.customer(chat), &self.archive.config);
        let mut page: Vec<ChatJson> = chats[begin..end].iter().map(json).collect();
        if query.order == SortOrder::Desc {
            page.reverse();
        }
        let id = |place: usize| query.page_id(place as u64, self.seed);
        Reply::of(
            200,
            &Page {
                chats: page,
                found_chats: high - low,
                next_page_id: next.map(id),
                previous_page_id: previous.map(id),
            },
        )
    }

    fn malformed(&self, status: u16, reason: &str) -> Reply {
        self.meter.count(|traffic| traffic.malformed += 1);
        error(status, if status == 404 { "not_found" } else { "validation" }, reason)
    }
}

/// What stands after `Authorization: Bearer`.
pub(crate) fn bearer(request: &Request) -> Option<&str> {
    request.headers().get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

/// `Basic` and both in base64 (RFC 7617).
fn basic(account: &str, token: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = "Basic ".to_owned();
    for three in format!("{account}:{token}").as_bytes().chunks(3) {
        let bits = three.iter().fold(0, |bits, byte| bits << 8 | usize::from(*byte))
            << (8 * (3 - three.len()));
        for digit in 0..4 {
            out.push(match digit <= three.len() {
                true => char::from(DIGITS[bits >> (18 - 6 * digit) & 63]),
                false => '=',
            });
        }
    }
    out
}

fn error(status: u16, kind: &str, message: &str) -> Reply {
    Reply::of(status, &json!({ "error": { "type": kind, "message": message } }))
}

#[cfg(test)]
mod tests {
    use super::basic;

    #[test]
    fn basic_is_base64() {
        // RFC 7617, section 2, and its padding.
        assert_eq!(basic("Aladdin", "open sesame"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert_eq!(basic("a", "b"), "Basic YTpi");
        assert_eq!(basic("a", "bcd"), "Basic YTpiY2Q=");
    }
}
