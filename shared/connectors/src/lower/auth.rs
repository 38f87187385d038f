//! `auth`

use std::sync::{Mutex, OnceLock};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer};

use super::{Check, headers, texts, tokens, values};
use crate::{
    at::At,
    raw::{ApiKey, Auth, Basic},
    spec::{AuthSpec, KeyPlace},
};

/// Credentials in a section that reads itself, until they do so as well.
#[derive(Debug)]
pub(crate) struct LateAuth {
    read: Mutex<Option<At<Auth>>>,
    checked: OnceLock<AuthSpec>,
}

impl LateAuth {
    pub(super) fn check(&self, check: &mut Check<'_>) {
        let read = self.read.lock().ok().and_then(|mut read| read.take());
        if let Some(spec) = read.and_then(|read| auth(check, read)) {
            self.checked.get_or_init(|| spec);
        }
    }

    pub(crate) fn spec(&self) -> Option<&AuthSpec> {
        self.checked.get()
    }

    pub(crate) fn asking_ms(&self) -> u64 {
        self.spec().map_or(0, AuthSpec::asking_ms)
    }
}

impl<'de> Deserialize<'de> for LateAuth {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = Mutex::new(Some(At::deserialize(deserializer)?));
        Ok(Self { read, checked: OnceLock::new() })
    }
}

impl JsonSchema for LateAuth {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        Auth::schema_name()
    }

    fn schema_id() -> std::borrow::Cow<'static, str> {
        Auth::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Auth::json_schema(generator)
    }
}

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
