//! `session`: a login that answers with a token, as older systems do.

use reqwest::{
    Method,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, SET_COOKIE},
};
use serde_json::Value;
use tidegate_flow::spec::{JsonTemplate, SessionSpec, TokenPlace};
use url::Url;

use super::{
    oauth2::address,
    token_client::{TokenResponse, Unread},
};
use crate::{
    error::ConnectError,
    http::{answer::Answer, headers::header_name, request::Request},
    json::{Picker, Scalar},
    resolver::Resolver,
};

pub(super) struct SessionGrant {
    url: Url,
    method: Method,
    body: Option<String>,
    token: TokenPlace,
    lifetime_ms: Option<u64>,
    pub(super) header: HeaderName,
    pub(super) prefix: String,
}

impl SessionGrant {
    pub(super) fn new(
        spec: &SessionSpec,
        place: &str,
        resolver: &Resolver<'_>,
    ) -> Result<Self, ConnectError> {
        let body = spec.body.as_ref().map(|body| json(body, &format!("{place}.body"), resolver));
        let method = spec.method.parse().map_err(|_| {
            ConnectError::new(place, format!("`{}` is no HTTP method", spec.method))
        })?;
        Ok(Self {
            url: address(&spec.url, &format!("{place}.url"), resolver)?,
            method,
            body: body.transpose()?.map(|body| body.to_string()),
            token: spec.token.clone(),
            lifetime_ms: spec.lifetime_ms,
            header: header_name(&spec.header, place)?,
            prefix: spec.prefix.clone(),
        })
    }

    pub(super) fn request(&self) -> Request {
        let body = self.body.clone().unwrap_or_default();
        let mut request = Request::new(self.method.clone(), self.url.clone(), body);
        if self.body.is_some() {
            request.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        request
    }

    pub(super) fn read(&self, answer: &Answer) -> Result<TokenResponse, Unread> {
        let token = match &self.token {
            TokenPlace::Path(path) => in_body(&answer.body, path)?,
            TokenPlace::Header(name) => answer.header(name).map(str::to_owned),
            TokenPlace::Cookie(name) => cookie(&answer.headers, name),
        };
        let token = token.filter(|token| !token.is_empty()).ok_or_else(|| {
            // What it says instead is not shown: the token may stand elsewhere in it.
            let place = match &self.token {
                TokenPlace::Path(path) => format!("at `{}`", path.join(".")),
                TokenPlace::Header(name) => format!("in the header `{name}`"),
                TokenPlace::Cookie(name) => format!("in the cookie `{name}`"),
            };
            Unread::Missing(format!("there is no token {place}"))
        })?;
        Ok(TokenResponse { token, lives_ms: self.lifetime_ms, refresh_token: None })
    }

    pub(super) fn identity(&self) -> Vec<&str> {
        let place = match &self.token {
            TokenPlace::Path(path) => path.iter().map(String::as_str).collect(),
            TokenPlace::Header(name) | TokenPlace::Cookie(name) => vec![name.as_str()],
        };
        let mut texts = vec![self.url.as_str(), self.body.as_deref().unwrap_or_default()];
        texts.extend(place);
        texts
    }
}

fn in_body(body: &[u8], path: &[String]) -> Result<Option<String>, Unread> {
    let picker = Picker::of(path);
    let token = picker.pick_all(body).map_err(|_| Unread::Broken)?.scalar(0);
    let token = token.filter(|token| !matches!(token, Scalar::Bool(_)));
    Ok(token.map(|token| token.into_text().into_owned()))
}

/// A cookie's value; the last one counts (RFC 6265, section 5.3).
fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let cookies = headers.get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies
        .filter_map(|cookie| cookie.split(';').next()?.split_once('='))
        .filter(|(given, _)| given.trim() == name)
        .map(|(_, value)| value.trim().to_owned())
        .next_back()
}

fn json(
    template: &JsonTemplate,
    place: &str,
    resolver: &Resolver<'_>,
) -> Result<Value, ConnectError> {
    Ok(match template {
        JsonTemplate::Text(text) => Value::String(resolver.text(text, place)?),
        JsonTemplate::List(items) => Value::Array(
            items.iter().map(|item| json(item, place, resolver)).collect::<Result<_, _>>()?,
        ),
        JsonTemplate::Object(fields) => {
            let field = |(name, value): &(String, JsonTemplate)| {
                Ok((name.clone(), json(value, place, resolver)?))
            };
            Value::Object(fields.iter().map(field).collect::<Result<_, ConnectError>>()?)
        }
        JsonTemplate::Plain(value) => value.clone(),
    })
}
