//! What the OAuth 2 kinds share: the request's form and the answer's JSON (RFC 6749).

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use reqwest::{
    Method,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue},
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use tidegate_core::model::EpochMs;
use url::{Url, form_urlencoded};

use super::token_client::{TokenResponse, Unread, said};
use crate::{
    http::{Redactor, answer::Answer, request::Request},
    json::{Picker, Scalar},
    value::Path,
};

/// Where the client's id and secret stand in the request for a token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ClientCredentials {
    /// In the form that is posted (default).
    #[default]
    Body,
    /// In `Authorization: Basic …`.
    Basic,
    /// In the query of a GET, with all the rest: Marketo.
    Query,
    /// In a JSON object that is posted, with all the rest.
    Json,
}

/// A client and where it asks.
pub(super) struct Client {
    pub(super) token_url: Url,
    /// `None` where other fields say who asks.
    pub(super) id: Option<String>,
    pub(super) secret: Option<String>,
    credentials: ClientCredentials,
    /// `Basic …`, where the credentials stand in it.
    basic: Option<HeaderValue>,
}

impl Client {
    pub(super) fn new(
        token_url: Url,
        id: Option<String>,
        secret: Option<String>,
        credentials: ClientCredentials,
        redactor: &Redactor,
    ) -> Self {
        let basic = (credentials == ClientCredentials::Basic).then(|| {
            // Section 2.3.1: both are form-encoded first.
            let encode = |text: &Option<String>| {
                let text = text.as_deref().unwrap_or_default();
                form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>()
            };
            let encoded = STANDARD.encode(format!("{}:{}", encode(&id), encode(&secret)));
            redactor.add(&encoded);
            let mut value =
                HeaderValue::from_str(&format!("Basic {encoded}")).expect("base64 is plain ASCII");
            value.set_sensitive(true);
            value
        });
        Self { token_url, id, secret, credentials, basic }
    }

    /// A request with these fields and the client's credentials.
    pub(super) fn request(&self, fields: &[(&str, &str)]) -> Request {
        let mut fields = fields.to_vec();
        let mut headers = HeaderMap::new();
        if let Some(basic) = &self.basic {
            headers.insert(AUTHORIZATION, basic.clone());
        } else {
            fields.extend(self.id.as_deref().map(|id| ("client_id", id)));
            fields.extend(self.secret.as_deref().map(|secret| ("client_secret", secret)));
        }
        if self.credentials == ClientCredentials::Json {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            let body = object(&fields).to_string();
            return Request { headers, ..Request::new(Method::POST, self.token_url.clone(), body) };
        }
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        if self.credentials == ClientCredentials::Query {
            let mut url = self.token_url.clone();
            let given = url.query().map(|query| format!("{query}&")).unwrap_or_default();
            url.set_query(Some(&format!("{given}{form}")));
            return Request { headers, ..Request::get(url) };
        }
        post(self.token_url.clone(), headers, form)
    }
}

/// Fields as a JSON object; those of one name as a list.
fn object(fields: &[(&str, &str)]) -> Value {
    let mut object = serde_json::Map::new();
    for (name, value) in fields {
        let value = Value::from(*value);
        match object.get_mut(*name) {
            None => {
                object.insert((*name).to_owned(), value);
            }
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
        }
    }
    Value::Object(object)
}

/// A posted form.
pub(super) fn post(url: Url, mut headers: HeaderMap, form: String) -> Request {
    let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
    headers.insert(CONTENT_TYPE, kind);
    Request { headers, ..Request::new(Method::POST, url, form) }
}

/// Reads an answer as section 5.1 has it.
pub(super) fn read(answer: &Answer) -> Result<TokenResponse, Unread> {
    TokenAnswer::default().read(answer)
}

/// Where the parts of an answer stand.
pub(super) struct TokenAnswer {
    token: Vec<String>,
    lifetime: Vec<String>,
    refresh_token: Vec<String>,
}

impl Default for TokenAnswer {
    fn default() -> Self {
        Self::new(None, None)
    }
}

impl TokenAnswer {
    /// The token at this path, and beside it the rest; its lifetime at another path where one is given.
    pub(super) fn new(token: Option<&Path>, lifetime: Option<&Path>) -> Self {
        let token = token.map_or_else(|| vec!["access_token".to_owned()], |path| path.keys.clone());
        let beside = |name: &str| {
            let parent = &token[..token.len().saturating_sub(1)];
            parent.iter().cloned().chain([name.to_owned()]).collect::<Vec<_>>()
        };
        let lifetime = lifetime.map_or_else(|| beside("expires_in"), |path| path.keys.clone());
        Self { refresh_token: beside("refresh_token"), lifetime, token }
    }

    /// Reads an answer.
    ///
    /// # Errors
    /// Why it gives no token.
    pub(super) fn read(&self, answer: &Answer) -> Result<TokenResponse, Unread> {
        let mut picker = Picker::new();
        let [token, lifetime, refresh_token] =
            [&self.token, &self.lifetime, &self.refresh_token].map(|path| picker.add(path));
        let picks =
            picker.pick_all(&answer.body).map_err(|_| match answer.status.is_success() {
                true => Unread::Broken,
                false => Unread::Missing("a redirect, which no secret follows".into()),
            })?;
        let text = |slot| match picks.scalar(slot) {
            Some(Scalar::Text(text)) if !text.is_empty() => Some(text.into_owned()),
            Some(Scalar::Number(number)) => Some(number.to_owned()),
            _ => None,
        };
        let Some(token) = text(token) else {
            let (code, words) = said(&answer.body);
            // Without a code the body is no error's, and may hold anything.
            let missing = || format!("there is no `{}` in it", self.token.join("."));
            return Err(Unread::Missing(if code.is_some() { words } else { missing() }));
        };
        Ok(TokenResponse {
            token,
            lives_ms: picks.scalar(lifetime).and_then(|value| lives_ms(value, answer.arrived_ms)),
            refresh_token: text(refresh_token),
        })
    }

    /// Where the token and its lifetime stand: those who read another one do not share it.
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.token.iter().chain(&self.lifetime).map(String::as_str)
    }
}

/// No token lives for ten years; a larger number is no lifetime. In seconds.
const LIVES_S_MAX: f64 = 315_360_000.0;

/// How long a token lives, in ms, in whole seconds: a number or a text of seconds, or the moment at which
/// it ends, in seconds or milliseconds since 1970 or in RFC 3339. `None` where that is not said; nought, a
/// moment that has passed and what no token lives for say nothing either: then the token is used until
/// the API refuses it.
fn lives_ms(value: Scalar<'_>, now_ms: EpochMs) -> Option<u64> {
    if let Scalar::Bool(_) = value {
        return None;
    }
    let text = value.into_text();
    let now_s = now_ms as f64 / 1_000.0;
    let seconds = match text.trim().parse::<f64>() {
        Ok(number) if now_ms > 0 && number >= now_s * 500.0 => number / 1_000.0 - now_s,
        Ok(number) if now_ms > 0 && number >= now_s / 2.0 => number - now_s,
        Ok(number) => number,
        Err(_) => {
            let ends: Timestamp = text.trim().parse().ok()?;
            ends.as_millisecond() as f64 / 1_000.0 - now_s
        }
    };
    // A part of a second is still a life.
    let whole = if seconds > 0.0 { seconds.floor().max(1.0) } else { 0.0 };
    (whole > 0.0 && whole < LIVES_S_MAX).then(|| whole as u64 * 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(body: &str) -> Answer {
        Answer::for_test(200, body)
    }

    #[test]
    fn lifetimes_are_read_however_they_are_written_and_nonsense_is_none() {
        // 2026-11-27T22:40:00Z
        const NOW_MS: EpochMs = 1_795_819_200_000;
        for (text, ms) in [
            ("3600", Some(3_600_000)),
            ("1.5", Some(1_000)),
            ("3599.97", Some(3_599_000)),
            ("0.4", Some(1_000)),
            ("3.6e3", Some(3_600_000)),
            ("\"3599\"", Some(3_599_000)),
            ("\" 60 \"", Some(60_000)),
            // The moment at which it ends.
            ("1795819260", Some(60_000)),
            ("1795819260000", Some(60_000)),
            ("\"2026-11-27T22:41:00Z\"", Some(60_000)),
            ("\"2026-11-27T23:41:00+01:00\"", Some(60_000)),
            ("1795819200", None),
            // Nothing is said.
            ("0", None),
            ("\"0\"", None),
            ("-1", None),
            ("\"soon\"", None),
            ("\"\"", None),
            ("null", None),
            ("true", None),
            ("{}", None),
            ("400000000", None),
            ("99999999999999999999", None),
            ("1e300", None),
        ] {
            let body = format!(r#"{{"access_token":"t","expires_in":{text}}}"#);
            let got = read(&Answer { arrived_ms: NOW_MS, ..answer(&body) });
            assert!(got.is_ok_and(|got| got.lives_ms == ms), "{text}");
        }
        assert!(read(&answer(r#"{"access_token":"t"}"#)).is_ok_and(|got| got.lives_ms.is_none()));
    }

    #[test]
    fn a_token_may_stand_deeper_with_the_rest_beside_it() {
        let body = r#"{"data":{"token":"t","expires_in":60,"refresh_token":"r","ttl":"90"}}"#;
        let paths = |token: &str, lifetime: Option<&str>| {
            let path = |text: &str| crate::testing::section::<Path>(text.into());
            TokenAnswer::new(Some(&path(token)), lifetime.map(path).as_ref())
        };
        let got = paths("data.token", None).read(&answer(body)).unwrap_or_else(|_| panic!());
        assert_eq!((&*got.token, got.lives_ms), ("t", Some(60_000)));
        assert_eq!(got.refresh_token.as_deref(), Some("r"));
        let got = paths("data.token", Some("data.ttl")).read(&answer(body));
        assert!(got.is_ok_and(|got| got.lives_ms == Some(90_000)));
        let missing = paths("token", None).read(&answer(body)).err();
        assert_eq!(missing, Some(Unread::Missing("there is no `token` in it".into())));
    }

    #[test]
    fn an_answer_without_a_token_shows_only_an_error_that_is_one() {
        let unread = |body: &str| read(&answer(body)).err();
        assert_eq!(unread("<html>"), Some(Unread::Broken));
        assert_eq!(
            unread(r#"{"error":"unauthorized","error_description":"no"}"#),
            Some(Unread::Missing("unauthorized: no".into()))
        );
        let odd = unread(r#"{"accessToken":"hush"}"#);
        assert_eq!(odd, Some(Unread::Missing("there is no `access_token` in it".into())));
    }
}
