//! `session`: a login that answers with a token, as older systems do.

use reqwest::{
    Method,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, SET_COOKIE},
};
use serde_json::Value;
use tidegate_flow::spec::{JsonTemplate, SessionSpec, TokenPlace};
use url::Url;

use super::{
    ask::{Answer, Ask, Got, Unread},
    header_name,
    oauth2::address,
};
use crate::connect::{ConnectError, Resolver};

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

    pub(super) fn ask(&self) -> Ask {
        let mut headers = HeaderMap::new();
        if self.body.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let body = self.body.clone().unwrap_or_default().into_bytes();
        Ask { method: self.method.clone(), url: self.url.clone(), headers, body }
    }

    pub(super) fn read(&self, answer: &Answer) -> Result<Got, Unread> {
        let token = match &self.token {
            TokenPlace::Path(path) => in_body(&answer.body, path)?,
            TokenPlace::Header(name) => {
                answer.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
            }
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
        Ok(Got { token, lives_ms: self.lifetime_ms, refresh_token: None })
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
    let json: Value = serde_json::from_slice(body).map_err(|_| Unread::Broken)?;
    let found = path.iter().try_fold(&json, |value, key| value.get(key));
    Ok(found.and_then(|value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }))
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
