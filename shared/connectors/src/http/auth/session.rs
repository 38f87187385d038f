//! `session`: a login that answers with a token, as older systems do.

use reqwest::{
    Method,
    header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HeaderMap, HeaderValue, SET_COOKIE},
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    exchanged::Exchanged,
    grant::{Asking, Grant},
    token_client::{TokenResponse, Unread},
};
use crate::{
    error::ConnectError,
    file::{Fault, Findings, Site},
    http::{answer::Answer, request::Request},
    json::{Picker, Scalar},
    resolver::Resolver,
    value::{
        HeaderName, JsonTemplate, Millis, Name, NoRecord, Path, TextValue, Url, given, path,
        text_value,
    },
};

/// The token that a login answers with.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Session {
    /// The login's address.
    #[schemars(example = "https://erp.example.com/api/login")]
    url: Url,
    /// Default POST.
    method: Option<SessionMethod>,
    /// The JSON that is sent, with `${params.…}` and `${secrets.…}`.
    #[serde(default, deserialize_with = "given")]
    body: Option<JsonTemplate<NoRecord>>,
    /// Where the token stands in the answer.
    token: TokenPlace,
    /// The header that carries the token. Default `Authorization`; `Cookie` for a cookie.
    header: Option<HeaderName>,
    /// What stands before the token in the header. Default `Bearer ` in `Authorization`, and nothing
    /// in another.
    prefix: Option<Prefix>,
    /// How long a session lasts. Default: until the API refuses it.
    lifetime: Option<Millis<1_000, 2_592_000_000>>,
}

/// How to log in.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
enum SessionMethod {
    #[default]
    Post,
    Put,
    Get,
}

/// Where the token stands in the answer to a login: exactly one kind.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum TokenPlace {
    /// Under this path of the body.
    Path(Path),
    /// In this header.
    Header(HeaderName),
    /// In the cookie of this name.
    Cookie(Name),
}

/// What stands before a token, as it is.
#[derive(Debug, Clone)]
struct Prefix(String);

/// A login, ready to be sent.
pub(super) struct SessionGrant {
    url: url::Url,
    method: Method,
    body: Option<String>,
    token: TokenPlace,
    lifetime_ms: Option<u64>,
    header: reqwest::header::HeaderName,
    prefix: String,
}

impl Exchanged for Session {
    type Grant = SessionGrant;

    /// A body must hold a secret: what else would a login prove?
    fn note_clashes(&self, findings: &mut Findings) {
        let Some(body) = &self.body else { return };
        if body.root.texts().iter().any(|(text, _)| text.secrets().next().is_some()) {
            return;
        }
        let message =
            "`auth.session.body` holds no `${secrets.…}` reference: files hold no secrets";
        let remedy = "write the password as `${secrets.NAME}` and give the secret to the connection; \
                      if this one was real, replace it at its issuer";
        findings.add(Fault::new(body.site.place, message, remedy).hidden());
    }

    fn grant(&self, resolver: &Resolver<'_>) -> Result<SessionGrant, ConnectError> {
        let body = self.body.as_ref().map(|body| body.fill(resolver)).transpose()?;
        let header = self.carrying_header();
        Ok(SessionGrant {
            url: self.url.fill(resolver)?,
            method: self.method.unwrap_or_default().into(),
            body: body.map(|body| body.to_string()),
            token: self.token.clone(),
            lifetime_ms: self.lifetime.map(|lifetime| lifetime.0),
            prefix: self.prefix_in(&header),
            header,
        })
    }
}

impl Session {
    fn carrying_header(&self) -> reqwest::header::HeaderName {
        match (&self.header, &self.token) {
            (Some(header), _) => header.0.clone(),
            (None, TokenPlace::Cookie(_)) => COOKIE,
            (None, TokenPlace::Path(_) | TokenPlace::Header(_)) => AUTHORIZATION,
        }
    }

    fn prefix_in(&self, header: &reqwest::header::HeaderName) -> String {
        match (&self.prefix, &self.token) {
            (Some(prefix), _) => prefix.0.clone(),
            (None, TokenPlace::Cookie(name)) if *header == COOKIE => format!("{}=", name.text),
            (None, _) if *header == AUTHORIZATION => "Bearer ".to_owned(),
            (None, _) => String::new(),
        }
    }
}

impl From<SessionMethod> for Method {
    fn from(method: SessionMethod) -> Self {
        match method {
            SessionMethod::Post => Self::POST,
            SessionMethod::Put => Self::PUT,
            SessionMethod::Get => Self::GET,
        }
    }
}

impl TextValue for Prefix {
    fn read(text: &str, site: Site) -> Result<Self, Fault> {
        if text.contains("${") || text.chars().any(char::is_control) {
            let message = "a prefix is plain text without references";
            let remedy = "write the word that the API wants before its token, like `Token `";
            return Err(Fault::new(site.place, message, remedy));
        }
        Ok(Self(text.to_owned()))
    }

    fn stand_in(_: Site) -> Self {
        Self(String::new())
    }
}

text_value!([] Prefix);

impl Grant for SessionGrant {
    fn ask(&self, _: &Asking<'_>) -> Request {
        let body = self.body.clone().unwrap_or_default();
        let mut request = Request::new(self.method.clone(), self.url.clone(), body);
        if self.body.is_some() {
            request.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        request
    }

    fn read(&self, answer: &Answer) -> Result<TokenResponse, Unread> {
        let token = match &self.token {
            TokenPlace::Path(path) => in_body(&answer.body, &path.keys)?,
            TokenPlace::Header(name) => answer.header(&name.0).map(str::to_owned),
            TokenPlace::Cookie(name) => cookie(&answer.headers, &name.text),
        };
        let token = token.filter(|token| !token.is_empty()).ok_or_else(|| {
            // What it says instead is not shown: the token may stand elsewhere in it.
            let place = match &self.token {
                TokenPlace::Path(path) => format!("at `{}`", path::written(&path.keys)),
                TokenPlace::Header(name) => format!("in the header `{}`", name.0),
                TokenPlace::Cookie(name) => format!("in the cookie `{}`", name.text),
            };
            Unread::Missing(format!("there is no token {place}"))
        })?;
        Ok(TokenResponse { token, lives_ms: self.lifetime_ms, refresh_token: None })
    }

    fn identity(&self) -> Vec<&str> {
        let body = self.body.as_deref().unwrap_or_default();
        let mut texts = vec!["session", self.url.as_str(), body];
        match &self.token {
            TokenPlace::Path(path) => texts.extend(path.keys.iter().map(String::as_str)),
            TokenPlace::Header(name) => texts.push(name.0.as_str()),
            TokenPlace::Cookie(name) => texts.push(&name.text),
        }
        texts
    }

    fn carrier(&self) -> (reqwest::header::HeaderName, &str) {
        (self.header.clone(), &self.prefix)
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tidegate_core::model::Secret;

    use super::*;
    use crate::{Connection, testing::section};

    fn grant(mut keys: Value) -> SessionGrant {
        let connection = Connection {
            params: [("id".into(), "anna".into())].into(),
            secrets: [("p".into(), Secret::new("hush"))].into(),
        };
        keys["url"] = json!("https://a.test/login");
        keys["body"] = json!({ "user": "${params.id}", "deep": ["p-${secrets.p}", 7, null] });
        section::<Session>(keys).grant(&Resolver::new(&connection)).unwrap()
    }

    #[test]
    fn the_token_goes_where_its_place_suggests_or_where_the_flow_says() {
        for (keys, header, prefix) in [
            (json!({ "token": { "path": "data.token" } }), AUTHORIZATION, "Bearer "),
            (json!({ "token": { "header": "X-Key" } }), AUTHORIZATION, "Bearer "),
            (json!({ "token": { "cookie": "SID" } }), COOKIE, "SID="),
            (
                json!({ "token": { "cookie": "SID" }, "header": "Accept" }),
                reqwest::header::ACCEPT,
                "",
            ),
            (json!({ "token": { "path": "t" }, "prefix": "T " }), AUTHORIZATION, "T "),
        ] {
            let grant = grant(keys.clone());
            assert_eq!(grant.carrier(), (header, prefix), "{keys}");
            assert_eq!((grant.method, grant.lifetime_ms), (Method::POST, None));
        }
    }

    #[test]
    fn a_login_says_what_the_flow_says() {
        let grant =
            grant(json!({ "token": { "path": "a.t" }, "method": "PUT", "lifetime": "30m" }));
        assert_eq!((&grant.method, grant.lifetime_ms), (&Method::PUT, Some(1_800_000)));
        let body = r#"{"deep":["p-hush",7,null],"user":"anna"}"#;
        let sent: Value = serde_json::from_str(grant.body.as_deref().unwrap()).unwrap();
        assert_eq!(sent, serde_json::from_str::<Value>(body).unwrap());
        assert_eq!(grant.identity()[3..], ["a", "t"]);
    }
}
