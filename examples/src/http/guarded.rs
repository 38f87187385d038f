//! An API behind OAuth 2 whose refresh token is good for one use: a second use revokes everything.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering::SeqCst},
    },
    time::Duration,
};

use hyper::header::AUTHORIZATION;
use serde_json::json;

use super::{Reply, Server, body_of};

/// The API, with its token server under `/token`.
#[derive(Debug)]
pub struct Guarded {
    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub url: String,
    state: Arc<Mutex<GuardedState>>,
    _server: Server,
}

/// What came to it.
#[derive(Debug, Clone, Default)]
pub struct GuardedState {
    /// Requests for a token.
    pub asked: u32,
    /// Uses of a refresh token after its first.
    pub reused: u32,
    /// Requests with a token that is worth nothing.
    pub unauthorised: u32,
    /// The bodies that were delivered.
    pub delivered: Vec<String>,
    refresh_token: String,
    revoked: bool,
    /// Access tokens, each with its end.
    access: BTreeMap<String, i64>,
}

impl Guarded {
    /// Listens on a free port. Tokens live for `lives_s` of the time that `now_ms` tells; they are
    /// given for `refresh_token` first.
    pub async fn start(
        now_ms: Arc<AtomicI64>,
        lives_s: i64,
        refresh_token: &str,
    ) -> anyhow::Result<Self> {
        let state = GuardedState { refresh_token: refresh_token.into(), ..GuardedState::default() };
        let state = Arc::new(Mutex::new(state));
        let shared = state.clone();
        let server = Server::start(0, move |request| {
            let (shared, now_ms) = (shared.clone(), now_ms.clone());
            async move {
                let (parts, body) = request.into_parts();
                let body = String::from_utf8_lossy(&body_of(body).await?).into_owned();
                if parts.uri.path() == "/token" {
                    // Long enough for others to come meanwhile.
                    tokio::time::sleep(Duration::from_millis(30)).await;
                    let mut state = shared.lock().unwrap_or_else(PoisonError::into_inner);
                    return Ok(state.token(&body, now_ms.load(SeqCst), lives_s));
                }
                let mut state = shared.lock().unwrap_or_else(PoisonError::into_inner);
                let token = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
                let token = token.and_then(|value| value.strip_prefix("Bearer "));
                let ends_ms = token.and_then(|token| state.access.get(token));
                if state.revoked || ends_ms.is_none_or(|ends_ms| now_ms.load(SeqCst) >= *ends_ms) {
                    state.unauthorised += 1;
                    return Ok(Reply::error(401, "unauthorised", "this token is worth nothing"));
                }
                state.delivered.push(body);
                Ok(Reply::json(201, "{}"))
            }
        })
        .await?;
        Ok(Self { url: server.url(), state, _server: server })
    }

    /// What came to it so far.
    pub fn state(&self) -> GuardedState {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl GuardedState {
    fn token(&mut self, form: &str, now_ms: i64, lives_s: i64) -> Reply {
        self.asked += 1;
        let mut fields = form_urlencoded::parse(form.as_bytes());
        let used = fields.find(|(name, _)| name == "refresh_token");
        if self.revoked || used.is_none_or(|(_, token)| token != self.refresh_token) {
            self.reused += 1;
            self.revoked = true;
            return Reply::of(400, &json!({ "error": "invalid_grant" }));
        }
        let (access, refresh) = (format!("access-{}", self.asked), format!("next-{}", self.asked));
        self.access.insert(access.clone(), now_ms + lives_s * 1_000);
        self.refresh_token.clone_from(&refresh);
        let answer =
            json!({ "access_token": access, "refresh_token": refresh, "expires_in": lives_s });
        Reply::of(200, &answer)
    }
}
