//! Slack's `chat.postMessage`: what fails says so in a 200, but for too much.

use serde_json::{Value, json};

use super::server::{Desk, Reply, Request, Service};

pub const TOKEN: &str = "xoxb-1";
pub const CHANNEL: &str = "C0123456789";
const TEXT_CHARS_MAX: usize = 40_000;
/// What the method takes, of which the recipe sends some.
const ARGUMENTS: [&str; 8] = [
    "channel",
    "text",
    "blocks",
    "mrkdwn",
    "unfurl_links",
    "unfurl_media",
    "thread_ts",
    "metadata",
];

pub struct Slack {
    pub desk: Desk,
    /// The texts in the channel, in order.
    pub messages: Vec<String>,
    /// Whether the app is in the channel.
    pub is_member: bool,
    /// A text with this in it is refused.
    pub forbidden: &'static str,
}

fn failed(error: &str) -> Reply {
    Reply::json(200, &json!({ "ok": false, "error": error }))
}

impl Slack {
    /// Why a request is none that the API takes, by its own words.
    fn fault(request: &Request, message: &Value) -> Option<&'static str> {
        let unknown = |name: &String| !ARGUMENTS.contains(&name.as_str());
        let text = message["text"].as_str().unwrap_or_default();
        if request.header("authorization") != Some(&*format!("Bearer {TOKEN}")) {
            Some("invalid_auth")
        } else if request.header("content-type") != Some("application/json; charset=utf-8") {
            // Without its charset, the answer has the warning `missing_charset`.
            Some("invalid_post_type")
        } else if request.line() != "POST /api/chat.postMessage" {
            Some("unknown_method")
        } else if !message.is_object() {
            Some("invalid_json")
        } else if message.as_object().is_some_and(|all| all.keys().any(unknown)) {
            Some("invalid_arguments")
        } else if text.is_empty() {
            Some("no_text")
        } else if text.chars().count() > TEXT_CHARS_MAX {
            Some("msg_too_long")
        } else if message["channel"] != CHANNEL {
            Some("channel_not_found")
        } else {
            None
        }
    }
}

impl Service for Slack {
    fn desk(&mut self) -> &mut Desk {
        &mut self.desk
    }

    fn limited(&self) -> Reply {
        Reply::json(429, &json!({ "ok": false, "error": "ratelimited" })).with("retry-after", 1)
    }

    fn answer(&mut self, request: &Request) -> Reply {
        let message = request.json();
        if let Some(error) = Self::fault(request, &message) {
            return self.desk.violated(error, failed(error));
        }
        let text = message["text"].as_str().expect("it has one");
        if !self.is_member {
            return failed("not_in_channel");
        }
        if text.contains(self.forbidden) {
            return failed("restricted_action_non_threadable_channel");
        }
        self.messages.push(text.to_owned());
        let ts = format!("1735689600.{:06}", self.messages.len());
        Reply::json(200, &json!({ "ok": true, "channel": CHANNEL, "ts": ts }))
    }
}
