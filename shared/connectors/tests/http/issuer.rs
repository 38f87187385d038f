//! A token server and the API that it guards, strict as the strictest: a refresh token is good for one
//! use, and its reuse revokes all that came of the same authorisation.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use axum::{
    Json, Router,
    body::{Bytes, to_bytes},
    extract::Request,
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::signature::{UnparsedPublicKey, VerificationAlgorithm};
use serde_json::{Value, json};
use tidegate_core::ports::Clock;
use tidegate_testkit::ManualClock;
use tokio::sync::Notify;

pub const CLIENT_ID: &str = "client-7";
pub const CLIENT_SECRET: &str = "p@ss word+7";
pub const FIRST_REFRESH_TOKEN: &str = "refresh-first";
pub const PASSWORD: &str = "open \"sesame\"";

/// What a request for a token comes to, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slip {
    /// It is never answered, and had no effect.
    HangBefore,
    /// It is never answered, and had its effect.
    HangAfter,
    /// This status, and no effect.
    Status(u16),
    /// It is answered, but not with JSON to its end; it had its effect.
    Cut,
}

type Change = Box<dyn FnOnce(&mut State) + Send>;

#[derive(Default)]
pub struct State {
    /// What each access token is worth: until when, and which authorisation it came of.
    access: BTreeMap<String, (i64, String)>,
    /// Refresh tokens that were not used yet, with their authorisation.
    unused: BTreeMap<String, String>,
    used: BTreeMap<String, String>,
    revoked: BTreeSet<String>,
    /// That of the refresh token that was used last.
    family: String,
    /// Assertions are taken once.
    seen_ids: BTreeSet<String>,
    /// Requests for a token that had their effect.
    pub issued: usize,
    /// Requests for a token.
    pub asked: usize,
    /// Times that a used refresh token came again.
    pub reused: usize,
    /// Requests to the API, and of those the ones that were refused.
    pub requests: usize,
    pub unauthorised: usize,
    /// Ids that were delivered, in order of arrival.
    pub delivered: Vec<i64>,
    pub marked: Vec<String>,
    pub slips: Vec<Slip>,
    /// How the last request for a token was made.
    pub last_ask: String,
    /// Says what it knows of us, with this status.
    pub betray: Option<u16>,
    /// Every refresh token stays as it is.
    pub steady: bool,
    /// Called when the API has seen so many requests.
    pub after: Option<(usize, Change)>,
}

impl State {
    /// Access tokens are worth nothing any more, by whatever their clock says.
    pub fn withdraw(&mut self) {
        self.access.clear();
    }

    /// Authorises anew.
    pub fn authorise(&mut self, refresh_token: &str) {
        self.unused.insert(refresh_token.into(), format!("by {refresh_token}"));
    }

    /// Everything that must never be shown.
    pub fn secrets(&self) -> Vec<String> {
        let tokens = self.access.keys().chain(self.unused.keys()).chain(self.used.keys());
        tokens.cloned().collect()
    }
}

/// The public half of what assertions are signed with.
pub type Verifier = (&'static dyn VerificationAlgorithm, Vec<u8>);

#[derive(Clone)]
pub struct Issuer {
    pub address: SocketAddr,
    pub clock: ManualClock,
    lives_s: i64,
    verifier: Option<Arc<Verifier>>,
    state: Arc<Mutex<State>>,
    /// Somebody hangs.
    pub hanging: Arc<Notify>,
}

impl Issuer {
    pub async fn start(clock: ManualClock, lives_s: i64, verifier: Option<Verifier>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = Self {
            address: listener.local_addr().unwrap(),
            clock,
            lives_s,
            verifier: verifier.map(Arc::new),
            state: Arc::default(),
            hanging: Arc::default(),
        };
        issuer.now().authorise(FIRST_REFRESH_TOKEN);
        let served = issuer.clone();
        let router = Router::new().fallback(move |request: Request| {
            let issuer = served.clone();
            async move {
                let (parts, body) = request.into_parts();
                let body = to_bytes(body, 1 << 20).await.unwrap();
                let query = parts.uri.query().unwrap_or_default();
                match parts.uri.path() {
                    "/token" => issuer.token(&parts.method, &parts.headers, query, &body).await,
                    "/login" => issuer.login(&body).await,
                    path => issuer.api(&parts.method, path, query, &parts.headers, &body),
                }
            }
        });
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        issuer
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn now(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Figures of one moment.
    pub fn counts<T>(&self, of: impl FnOnce(&State) -> T) -> T {
        of(&self.now())
    }

    async fn token(
        &self,
        method: &Method,
        headers: &HeaderMap,
        query: &str,
        body: &[u8],
    ) -> Response {
        let form = std::str::from_utf8(body).unwrap();
        let given: BTreeMap<String, String> = url::form_urlencoded::parse(
            if method == Method::GET { query } else { form }.as_bytes(),
        )
        .into_owned()
        .collect();
        let mut how = format!("{method}");
        let basic = headers.get(header::AUTHORIZATION).map(|value| value.to_str().unwrap());
        how += if basic.is_some() { " basic" } else { " fields" };
        self.now().last_ask = how;
        let encoded: String =
            url::form_urlencoded::byte_serialize(CLIENT_SECRET.as_bytes()).collect();
        let pair =
            base64::engine::general_purpose::STANDARD.encode(format!("{CLIENT_ID}:{encoded}"));
        let proven = match basic {
            Some(basic) => basic == format!("Basic {pair}"),
            None => given.get("client_secret").is_none_or(|secret| secret == CLIENT_SECRET),
        };
        let grant = given.get("grant_type").map(String::as_str).unwrap_or_default();
        self.answer(|state: &mut State, token: &str| {
            if !proven {
                return Err((
                    401,
                    json!({"error": "invalid_client", "error_description":
                    format!("we do not know {:?}", given.get("client_secret"))}),
                ));
            }
            match grant {
                "client_credentials" => {
                    Ok(json!({"access_token": token, "expires_in": self.lives_s}))
                }
                "refresh_token" => state.rotate(&given["refresh_token"], token, self.lives_s),
                "urn:ietf:params:oauth:grant-type:jwt-bearer" => {
                    self.assertion(state, &given["assertion"])?;
                    Ok(json!({"access_token": token, "expires_in": self.lives_s.to_string()}))
                }
                _ => Err((400, json!({"error": "unsupported_grant_type"}))),
            }
        })
        .await
    }

    /// Makes the slip that is due, or else an answer.
    async fn answer(
        &self,
        grant: impl FnOnce(&mut State, &str) -> Result<Value, (u16, Value)>,
    ) -> Response {
        let slip = {
            let mut state = self.now();
            state.asked += 1;
            if state.slips.is_empty() { None } else { Some(state.slips.remove(0)) }
        };
        match slip {
            Some(Slip::HangBefore) => return self.hang().await,
            Some(Slip::Status(status)) => {
                return StatusCode::from_u16(status).unwrap().into_response();
            }
            Some(Slip::HangAfter | Slip::Cut) | None => {}
        }
        // Long enough for others to come meanwhile.
        tokio::time::sleep(Duration::from_millis(20)).await;
        let answer = {
            let mut guard = self.now();
            let state = &mut *guard;
            let token = format!("access-{:03}-of-{}", state.issued + 1, self.address.port());
            let answer = grant(state, &token);
            if answer.is_ok() {
                state.issued += 1;
                let ends_ms = self.clock.now_ms() + self.lives_s * 1_000;
                let family = std::mem::take(&mut state.family);
                state.access.insert(token, (ends_ms, family));
            }
            answer
        };
        match (slip, answer) {
            (Some(Slip::HangAfter), _) => self.hang().await,
            (Some(Slip::Cut), Ok(json)) => json.to_string()[..20].to_owned().into_response(),
            (_, Ok(json)) => Json(json).into_response(),
            (_, Err((status, json))) => {
                (StatusCode::from_u16(status).unwrap(), Json(json)).into_response()
            }
        }
    }

    async fn hang(&self) -> Response {
        self.hanging.notify_one();
        std::future::pending().await
    }

    /// Checks a JWT as an API would.
    fn assertion(&self, state: &mut State, jwt: &str) -> Result<(), (u16, Value)> {
        let refused =
            |why: &str| (400, json!({"error": "invalid_grant", "error_description": why}));
        let (algorithm, key) = &**self.verifier.as_ref().unwrap();
        let (text, signature) = jwt.rsplit_once('.').unwrap();
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).unwrap();
        UnparsedPublicKey::new(*algorithm, key)
            .verify(text.as_bytes(), &decode(signature))
            .map_err(|_| refused("the signature is wrong"))?;
        let (head, claims) = text.split_once('.').unwrap();
        let json = |part: &str| serde_json::from_slice::<Value>(&decode(part)).unwrap();
        let (head, claims) = (json(head), json(claims));
        assert_eq!((&head["typ"], &head["kid"]), (&json!("JWT"), &json!("key-1")));
        assert_eq!(
            (&claims["iss"], &claims["sub"], &claims["aud"], &claims["scope"]),
            (&json!("robot"), &json!("anna"), &json!("https://aud.example"), &json!("orders"))
        );
        let now_s = self.clock.now_ms() / 1_000;
        assert_eq!((&claims["iat"], &claims["exp"]), (&json!(now_s), &json!(now_s + 300)));
        let id = claims["jti"].as_str().unwrap().to_owned();
        if state.seen_ids.insert(id) { Ok(()) } else { Err(refused("it came before")) }
    }

    async fn login(&self, body: &[u8]) -> Response {
        let given: Value = serde_json::from_slice(body).unwrap_or_default();
        let right = given == json!({"user": "anna", "proof": {"password": PASSWORD}, "year": 2024});
        let mut token = String::new();
        let mut response = self
            .answer(|_, made: &str| {
                token = made.to_owned();
                if right {
                    Ok(json!({"session": {"key": made}, "greeting": "hello"}))
                } else {
                    Err((403, json!({"message": format!("not with {given}")})))
                }
            })
            .await;
        let headers = response.headers_mut();
        headers.insert("x-session", token.parse().unwrap());
        headers.append("set-cookie", "lang=en; Path=/".parse().unwrap());
        headers.append("set-cookie", format!("SID={token}; HttpOnly").parse().unwrap());
        response
    }

    fn api(
        &self,
        method: &Method,
        path: &str,
        query: &str,
        headers: &HeaderMap,
        body: &Bytes,
    ) -> Response {
        let mut state = self.now();
        state.requests += 1;
        if state.after.as_ref().is_some_and(|(count, _)| state.requests > *count) {
            let (_, change) = state.after.take().unwrap();
            change(&mut state);
        }
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let token = text("authorization")
            .and_then(|value| value.strip_prefix("Bearer "))
            .or_else(|| text("cookie").and_then(|value| value.strip_prefix("SID=")))
            .or_else(|| text("x-session").and_then(|value| value.strip_prefix("Key ")));
        let now_ms = self.clock.now_ms();
        let worth = token.and_then(|token| state.access.get(token));
        let good = worth
            .is_some_and(|(ends_ms, family)| now_ms < *ends_ms && !state.revoked.contains(family));
        if !good {
            state.unauthorised += 1;
            return (StatusCode::UNAUTHORIZED, format!("no: {token:?}")).into_response();
        }
        if let Some(status) = state.betray {
            let known = format!("we know {:?} and {:?}", state.secrets(), headers);
            return (StatusCode::from_u16(status).unwrap(), known).into_response();
        }
        if *method == Method::GET {
            let page: i64 = query
                .rsplit_once("page=")
                .map_or(1, |(_, page)| page.split('&').next().unwrap().parse().unwrap());
            let ids = if page > 4 { 0..0 } else { (page - 1) * 3..page * 3 };
            let rows: Vec<_> = ids
                .map(|id| json!({"id": id, "updated_at": format!("2024-01-01 00:00:{id:02}")}))
                .collect();
            return Json(json!({"data": rows})).into_response();
        }
        if *method == Method::PUT {
            state.marked.push(path.to_owned());
            return StatusCode::NO_CONTENT.into_response();
        }
        let record: Value = serde_json::from_slice(body).unwrap();
        state.delivered.push(record["id"].as_i64().unwrap());
        StatusCode::CREATED.into_response()
    }
}

impl State {
    fn rotate(&mut self, used: &str, token: &str, lives_s: i64) -> Result<Value, (u16, Value)> {
        let refused = || {
            let why = format!("{used} is not good");
            Err((400, json!({"error": "invalid_grant", "error_description": why})))
        };
        if let Some(family) = self.used.get(used) {
            self.reused += 1;
            self.revoked.insert(family.clone());
            return refused();
        }
        let Some(family) = self.unused.get(used).cloned() else { return refused() };
        if self.revoked.contains(&family) {
            return refused();
        }
        self.family.clone_from(&family);
        if self.steady {
            return Ok(json!({"access_token": token, "expires_in": lives_s}));
        }
        self.unused.remove(used);
        self.used.insert(used.into(), family.clone());
        let next = format!("refresh-after-{token}");
        self.unused.insert(next.clone(), family);
        Ok(json!({"access_token": token, "expires_in": lives_s, "refresh_token": next}))
    }
}
