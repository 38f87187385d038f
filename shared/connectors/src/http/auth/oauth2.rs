//! What the OAuth 2 kinds share: the request's form and the answer's JSON (RFC 6749).

use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::{
    Method,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue},
};
use schemars::JsonSchema;
use serde::Deserialize;
use url::{Url, form_urlencoded};

use super::token_client::{TokenResponse, Unread, said};
use crate::{
    http::{Redactor, answer::Answer, request::Request},
    json::{Picker, Scalar},
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
}

/// A client and where it asks.
pub(super) struct Client {
    pub(super) token_url: Url,
    pub(super) id: String,
    pub(super) secret: Option<String>,
    credentials: ClientCredentials,
    /// `Basic …`, where the credentials stand in it.
    basic: Option<HeaderValue>,
}

impl Client {
    pub(super) fn new(
        token_url: Url,
        id: String,
        secret: Option<String>,
        credentials: ClientCredentials,
        redactor: &Redactor,
    ) -> Self {
        let basic = (credentials == ClientCredentials::Basic).then(|| {
            // Section 2.3.1: both are form-encoded first.
            let encode =
                |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
            let pair = format!("{}:{}", encode(&id), encode(secret.as_deref().unwrap_or_default()));
            let encoded = STANDARD.encode(pair);
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
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields);
        let mut headers = HeaderMap::new();
        if let Some(basic) = &self.basic {
            headers.insert(AUTHORIZATION, basic.clone());
        } else {
            form.append_pair("client_id", &self.id);
            if let Some(secret) = &self.secret {
                form.append_pair("client_secret", secret);
            }
        }
        let form = form.finish();
        if self.credentials == ClientCredentials::Query {
            let mut url = self.token_url.clone();
            let given = url.query().map(|query| format!("{query}&")).unwrap_or_default();
            url.set_query(Some(&format!("{given}{form}")));
            return Request { headers, ..Request::get(url) };
        }
        post(self.token_url.clone(), headers, form)
    }
}

/// A posted form.
pub(super) fn post(url: Url, mut headers: HeaderMap, form: String) -> Request {
    let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
    headers.insert(CONTENT_TYPE, kind);
    Request { headers, ..Request::new(Method::POST, url, form) }
}

/// Reads an answer (section 5.1).
pub(super) fn read(answer: &Answer) -> Result<TokenResponse, Unread> {
    let mut picker = Picker::new();
    let [token, lifetime, refresh_token] =
        ["access_token", "expires_in", "refresh_token"].map(|name| picker.add(&[name.to_owned()]));
    let picks = picker.pick_all(&answer.body).map_err(|_| match answer.status.is_success() {
        true => Unread::Broken,
        false => Unread::Missing("a redirect, which no secret follows".into()),
    })?;
    let text = |slot| match picks.scalar(slot) {
        Some(Scalar::Text(text)) if !text.is_empty() => Some(text.into_owned()),
        _ => None,
    };
    let Some(token) = text(token) else {
        let (code, words) = said(&answer.body);
        // Without a code the body is no error's, and may hold anything.
        let said = if code.is_some() { words } else { "there is no `access_token` in it".into() };
        return Err(Unread::Missing(said));
    };
    Ok(TokenResponse {
        token,
        lives_ms: picks.scalar(lifetime).and_then(seconds_as_ms),
        refresh_token: text(refresh_token),
    })
}

/// Seconds, which some servers write as a text.
fn seconds_as_ms(value: Scalar<'_>) -> Option<u64> {
    let seconds: f64 = match value {
        Scalar::Bool(_) => return None,
        scalar => scalar.into_text().trim().parse().ok()?,
    };
    // No token lives for ten years; a larger number is no lifetime in seconds.
    (seconds.is_finite() && seconds < 315_360_000.0).then(|| (seconds.max(0.0) * 1_000.0) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(body: &str) -> Answer {
        Answer::for_test(200, body)
    }

    #[test]
    fn lifetimes_are_read_as_numbers_and_as_texts_and_nonsense_is_none() {
        for (text, ms) in [
            ("3600", Some(3_600_000)),
            ("1.5", Some(1_500)),
            ("\"3599\"", Some(3_599_000)),
            ("0", Some(0)),
            ("-1", Some(0)),
            ("\"soon\"", None),
            ("null", None),
            ("1e300", None),
        ] {
            let got = read(&answer(&format!(r#"{{"access_token":"t","expires_in":{text}}}"#)));
            assert!(got.is_ok_and(|got| got.lives_ms == ms), "{text}");
        }
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
