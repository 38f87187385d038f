//! `auth`

use super::{Check, headers, texts, tokens, values};
use crate::{
    at::At,
    raw::{ApiKey, Auth, Basic},
    spec::{AuthSpec, KeyPlace},
};

pub(super) fn auth(check: &mut Check<'_>, auth: At<Auth>) -> Option<AuthSpec> {
    match auth.value {
        Auth::Bearer(token) => texts::secret(check, &token, "`auth.bearer`").map(AuthSpec::Bearer),
        Auth::Basic(Basic { username, password }) => {
            let username = texts::template(check, &username, texts::NO_RECORD);
            let password = texts::secret(check, &password, "`auth.basic.password`");
            Some(AuthSpec::Basic { username: username?, password: password? })
        }
        Auth::ApiKey(key) => api_key(check, key),
        Auth::Oauth2Client(client) => {
            tokens::oauth2_client(check, *client).map(|spec| AuthSpec::Oauth2Client(spec.into()))
        }
        Auth::Oauth2Refresh(refresh) => {
            tokens::oauth2_refresh(check, *refresh).map(|spec| AuthSpec::Oauth2Refresh(spec.into()))
        }
        Auth::JwtBearer(jwt) => {
            tokens::jwt_bearer(check, *jwt).map(|spec| AuthSpec::JwtBearer(spec.into()))
        }
        Auth::Session(session) => {
            tokens::session(check, *session).map(|spec| AuthSpec::Session(spec.into()))
        }
    }
}

fn api_key(check: &mut Check<'_>, key: At<ApiKey>) -> Option<AuthSpec> {
    let ApiKey { header, query, value } = key.value;
    let place = match (header, query) {
        (Some(header), None) => headers::header_name(check, &header).map(KeyPlace::Header),
        (None, Some(query)) => values::plain_name(check, &query).map(KeyPlace::Query),
        (Some(_), Some(query)) => {
            let message = "an API key stands in a header or in the query, not in both";
            check.report.add(query.place, message, "remove `header` or `query`");
            None
        }
        (None, None) => {
            let remedy = "add `header:` or `query:` with its name";
            check.report.add(key.place, "`api_key` does not say where the key stands", remedy);
            None
        }
    };
    let value = texts::secret(check, &value, "`auth.api_key.value`");
    Some(AuthSpec::ApiKey { place: place?, value: value? })
}
