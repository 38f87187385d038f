//! `auth`, of its kinds that ask for a token.

use super::{Check, address, body::json, headers, texts, values};
use crate::{
    at::At,
    raw,
    spec::{
        ClientCredentials, JsonTemplate, JwtBearerSpec, Oauth2ClientSpec, Oauth2RefreshSpec,
        SessionSpec, TokenPlace,
    },
    template::Template,
};

/// An assertion's life: Google's and Salesforce's bounds are within it.
const ASSERTION_MS: std::ops::RangeInclusive<u64> = 10_000..=3_600_000;
const ASSERTION_DEFAULT_MS: u64 = 300_000;
const SESSION_MS: std::ops::RangeInclusive<u64> = 1_000..=2_592_000_000;

pub(super) fn oauth2_client(
    check: &mut Check<'_>,
    client: raw::Oauth2Client,
) -> Option<Oauth2ClientSpec> {
    let token_url = address::url(check, &client.token_url, texts::NO_RECORD);
    let client_id = plain(check, &client.client_id);
    let what = "`auth.oauth2_client.client_secret`";
    let client_secret = texts::secret(check, &client.client_secret, what);
    let scope = values::optional(client.scope, |text| plain(check, &text));
    let audience = values::optional(client.audience, |text| plain(check, &text));
    Some(Oauth2ClientSpec {
        token_url: token_url?,
        client_id: client_id?,
        client_secret: client_secret?,
        scope: scope?,
        audience: audience?,
        credentials: client.credentials.unwrap_or_default(),
    })
}

pub(super) fn oauth2_refresh(
    check: &mut Check<'_>,
    refresh: raw::Oauth2Refresh,
) -> Option<Oauth2RefreshSpec> {
    const KIND: &str = "auth.oauth2_refresh";
    let token_url = address::url(check, &refresh.token_url, texts::NO_RECORD);
    let client_id = plain(check, &refresh.client_id);
    let client_secret = values::optional(refresh.client_secret, |text| {
        texts::secret(check, &text, &format!("`{KIND}.client_secret`"))
    });
    let what = format!("`{KIND}.refresh_token`");
    let refresh_token = texts::secret(check, &refresh.refresh_token, &what);
    let credentials = match refresh.credentials {
        Some(At { value: ClientCredentials::Basic, place }) if client_secret == Some(None) => {
            let message = "`credentials: basic` needs a `client_secret`";
            check.report.add(place, message, "add `client_secret:`, or remove `credentials`");
            None
        }
        credentials => Some(credentials.map(|at| at.value).unwrap_or_default()),
    };
    Some(Oauth2RefreshSpec {
        token_url: token_url?,
        client_id: client_id?,
        client_secret: client_secret?,
        refresh_token: refresh_token?,
        credentials: credentials?,
    })
}

pub(super) fn jwt_bearer(check: &mut Check<'_>, jwt: raw::JwtBearer) -> Option<JwtBearerSpec> {
    let token_url = address::url(check, &jwt.token_url, texts::NO_RECORD);
    let issuer = plain(check, &jwt.issuer);
    let subject = values::optional(jwt.subject, |text| plain(check, &text));
    let audience = plain(check, &jwt.audience);
    let scope = values::optional(jwt.scope, |text| plain(check, &text));
    let private_key = texts::secret(check, &jwt.private_key, "`auth.jwt_bearer.private_key`");
    let key_id = values::optional(jwt.key_id, |text| plain(check, &text));
    let lifetime_ms =
        values::optional(jwt.lifetime, |text| values::duration(check, &text, ASSERTION_MS));
    Some(JwtBearerSpec {
        token_url: token_url?,
        issuer: issuer?,
        subject: subject?,
        audience: audience?,
        scope: scope?,
        private_key: private_key?,
        key_id: key_id?,
        algorithm: jwt.algorithm.unwrap_or_default(),
        lifetime_ms: lifetime_ms?.unwrap_or(ASSERTION_DEFAULT_MS),
    })
}

pub(super) fn session(check: &mut Check<'_>, session: raw::Session) -> Option<SessionSpec> {
    let url = address::url(check, &session.url, texts::NO_RECORD);
    let body = values::optional(session.body, |body| self::body(check, body));
    let token = token_place(check, session.token);
    let cookie = match &token {
        Some(TokenPlace::Cookie(name)) => Some(name.clone()),
        _ => None,
    };
    let header = values::optional(session.header, |header| headers::header_name(check, &header));
    let prefix = values::optional(session.prefix, |prefix| self::prefix(check, prefix));
    let lifetime_ms =
        values::optional(session.lifetime, |text| values::duration(check, &text, SESSION_MS));
    let (header, prefix) = (header?, prefix?);
    let default_header = if cookie.is_some() { "Cookie" } else { "Authorization" };
    let header = header.unwrap_or_else(|| default_header.into());
    let default_prefix = match cookie {
        Some(name) if header.eq_ignore_ascii_case("cookie") => format!("{name}="),
        _ if header.eq_ignore_ascii_case("authorization") => "Bearer ".into(),
        _ => String::new(),
    };
    Some(SessionSpec {
        url: url?,
        method: session.method.unwrap_or_default().name().into(),
        body: body?,
        token: token?,
        header,
        prefix: prefix.unwrap_or(default_prefix),
        lifetime_ms: lifetime_ms?,
    })
}

/// A text that may be a secret or a parameter, and is not empty.
fn plain(check: &mut Check<'_>, text: &At<String>) -> Option<Template> {
    if text.value.trim().is_empty() {
        let remedy = "write the value, or a `${params.…}` or `${secrets.…}` reference";
        check.report.add(text.place, "the value is empty", remedy);
        return None;
    }
    texts::template(check, text, texts::NO_RECORD)
}

fn token_place(check: &mut Check<'_>, token: raw::TokenPlace) -> Option<TokenPlace> {
    match token {
        raw::TokenPlace::Path(path) => values::dotted(check, &path).map(TokenPlace::Path),
        raw::TokenPlace::Header(name) => headers::header_name(check, &name).map(TokenPlace::Header),
        raw::TokenPlace::Cookie(name) => values::plain_name(check, &name).map(TokenPlace::Cookie),
    }
}

fn prefix(check: &mut Check<'_>, prefix: At<String>) -> Option<String> {
    if prefix.value.contains("${") || prefix.value.chars().any(|c| c.is_control()) {
        let remedy = "write the word that the API wants before its token, like `Token `";
        check.report.add(prefix.place, "a prefix is plain text without references", remedy);
        return None;
    }
    Some(prefix.value)
}

/// JSON that must hold a secret: what else would a login prove?
fn body(check: &mut Check<'_>, body: At<raw::Given>) -> Option<JsonTemplate> {
    let template = json(check, body.value.0, body.place)?;
    if holds_secret(&template) {
        return Some(template);
    }
    let message = "`auth.session.body` holds no `${secrets.…}` reference: files hold no secrets";
    let remedy = "write the password as `${secrets.NAME}` and give the secret to the connection; \
                  if this one was real, replace it at its issuer";
    check.report.add_hidden(body.place, message, remedy);
    None
}

fn holds_secret(json: &JsonTemplate) -> bool {
    match json {
        JsonTemplate::Text(text) => text.secrets().next().is_some(),
        JsonTemplate::List(items) => items.iter().any(holds_secret),
        JsonTemplate::Object(fields) => fields.iter().any(|(_, value)| holds_secret(value)),
        JsonTemplate::Plain(_) => false,
    }
}
