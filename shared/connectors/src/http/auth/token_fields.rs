//! Further fields of a request for a token.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    error::ConnectError,
    file::{Fault, Findings},
    resolver::Resolver,
    value::Query,
};

/// What stands in these is a secret, whatever the API.
const SECRET: [&str; 8] = [
    "password",
    "client_assertion",
    "assertion",
    "apikey",
    "api_key",
    "secret",
    "subject_token",
    "actor_token",
];

/// Further fields of a request for a token, with a text each, or several.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub(super) struct TokenFields(Query);

impl TokenFields {
    /// Notes fields that the request has anyway, these, and secrets that stand in the file.
    pub(super) fn check(&self, own: &[&str], findings: &mut Findings) {
        for (name, text) in &self.0.0 {
            let place = text.site.place;
            if own.contains(&name.as_str()) {
                let message = format!("`fields` holds `{name}`, which the request has anyway");
                let remedy = "remove it: a key beside `fields` says it, or the kind of `auth`";
                findings.add(Fault::new(place, message, remedy));
            } else if SECRET.contains(&name.to_ascii_lowercase().as_str())
                && text.template.secrets().next().is_none()
            {
                let message = format!(
                    "the field `{name}` must be a `${{secrets.…}}` reference: files hold no secrets"
                );
                let remedy = "write `${secrets.NAME}` and give the secret to the connection; if this \
                              one was real, replace it at its issuer";
                findings.add(Fault::new(place, message, remedy).hidden());
            }
        }
    }

    /// Whether one of them is a secret.
    pub(super) fn hold_a_secret(&self) -> bool {
        self.0.0.iter().any(|(_, text)| text.template.secrets().next().is_some())
    }

    /// The fields for a connection.
    ///
    /// # Errors
    /// A value that the connection lacks.
    pub(super) fn fill(
        &self,
        resolver: &Resolver<'_>,
    ) -> Result<Vec<(String, String)>, ConnectError> {
        self.0.fill(resolver)
    }
}
