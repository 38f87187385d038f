//! Marketo's identity: tokens for a client that knows its secret, for a while.

use std::collections::HashSet;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::customer::uuid;
use crate::faults::mix;
use crate::http::Reply;
use crate::lock;

/// Gives out tokens, and knows them again.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    expires_in: Duration,
    seed: u64,
    tokens: Mutex<Tokens>,
}

#[derive(Debug, Default)]
struct Tokens {
    issued: HashSet<String>,
    current: Option<(String, Instant)>,
    requests: u64,
}

/// Why there is no token.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    error: &'static str,
    description: String,
}

impl Refusal {
    pub(crate) fn reply(&self) -> Reply {
        let body = json!({ "error": self.error, "error_description": self.description });
        Reply::of(self.status, &body)
    }
}

/// What a token is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Valid,
    Expired,
    /// Never issued, or none shown.
    Unknown,
}

impl Identity {
    pub(crate) fn new(seed: u64, expires_in_s: u64) -> Self {
        Self {
            client_id: uuid(mix(seed ^ 0x1d), mix(seed ^ 0x2d)),
            client_secret: format!("{:016x}{:016x}", mix(seed ^ 0x5ec), mix(seed ^ 0x6ec)),
            expires_in: Duration::from_secs(expires_in_s),
            seed,
            tokens: Mutex::default(),
        }
    }

    /// Answers `GET /identity/oauth/token`: the current token with the time that it has left, or a
    /// new one. `Err` is what a client that is not ours gets.
    pub(crate) fn grant(&self, query: &str) -> Result<Reply, Refusal> {
        let mut tokens = lock(&self.tokens);
        tokens.requests += 1;
        let pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
        let given = |name| {
            let mut values = pairs.iter().filter(|(other, _)| other == name);
            let value = values.next().map(|(_, value)| value.as_ref());
            // Twice is as good as not at all: it is not known which is meant.
            value.filter(|_| values.next().is_none())
        };
        if given("grant_type") != Some("client_credentials") {
            return Err(refusal(400, "unsupported_grant_type", "Unsupported grant type"));
        }
        if given("client_id") != Some(&self.client_id) {
            let id = given("client_id").unwrap_or_default();
            return Err(refusal(401, "unauthorized", format!("No client with requested id: {id}")));
        }
        if given("client_secret") != Some(&self.client_secret) {
            return Err(refusal(401, "unauthorized", "Bad client credentials"));
        }
        let now = Instant::now();
        let Tokens { issued, current, .. } = &mut *tokens;
        let (token, until) = match current.take_if(|(_, until)| now < *until) {
            Some(current) => current,
            None => {
                let number = issued.len() as u64;
                let bits = mix(self.seed ^ mix(number ^ 0x70ce));
                let token = format!("{}:ab", uuid(bits, mix(bits)));
                issued.insert(token.clone());
                (token, now + self.expires_in)
            }
        };
        let answer = json!({
            "access_token": token,
            "token_type": "bearer",
            // Rounded down: a client is never told more than is left.
            "expires_in": (until - now).as_secs(),
            "scope": "integration@shop.example",
        });
        *current = Some((token, until));
        Ok(Reply::of(200, &answer))
    }

    /// Whether a call with this token may go on.
    pub(crate) fn standing(&self, bearer: Option<&str>) -> Standing {
        let tokens = lock(&self.tokens);
        let Some(bearer) = bearer else { return Standing::Unknown };
        match &tokens.current {
            Some((token, until)) if token == bearer && Instant::now() < *until => Standing::Valid,
            _ if tokens.issued.contains(bearer) => Standing::Expired,
            _ => Standing::Unknown,
        }
    }

    /// Tokens issued so far, and requests for one.
    pub(crate) fn counts(&self) -> (u64, u64) {
        let tokens = lock(&self.tokens);
        (tokens.issued.len() as u64, tokens.requests)
    }
}

fn refusal(status: u16, error: &'static str, description: impl Into<String>) -> Refusal {
    Refusal { status, error, description: description.into() }
}
