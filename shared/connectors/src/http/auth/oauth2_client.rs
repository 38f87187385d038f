//! `oauth2_client`: client credentials (RFC 6749, section 4.4).

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    exchanged::Exchanged,
    grant::{Asking, Grant},
    oauth2::{Client, ClientCredentials},
};
use crate::{
    error::ConnectError,
    http::request::Request,
    resolver::Resolver,
    value::{SecretText, Url, Words},
};

/// A token for a client's id and secret: OAuth 2's client credentials.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Oauth2Client {
    /// The address that gives tokens.
    #[schemars(example = "https://auth.example.com/oauth/token")]
    token_url: Url,
    /// The client's id.
    client_id: Words,
    /// The client's secret, a `${secrets.…}` reference.
    client_secret: SecretText,
    /// What the token is for, as the API names it.
    scope: Option<Words>,
    /// Whom the token is for, where the API asks for it.
    audience: Option<Words>,
    /// Where id and secret stand in the request: `body` (default), `basic` or `query`.
    credentials: Option<ClientCredentials>,
}

/// The client's credentials, which a token is asked for with.
pub(super) struct ClientGrant {
    client: Client,
    scope: Option<String>,
    audience: Option<String>,
}

impl Exchanged for Oauth2Client {
    type Grant = ClientGrant;

    fn grant(&self, resolver: &Resolver<'_>) -> Result<ClientGrant, ConnectError> {
        let fill = |text: &Option<Words>| text.as_ref().map(|text| text.fill(resolver)).transpose();
        Ok(ClientGrant {
            client: Client::new(
                self.token_url.fill(resolver)?,
                self.client_id.fill(resolver)?,
                Some(self.client_secret.fill(resolver)?),
                self.credentials.unwrap_or_default(),
                &resolver.redactor(),
            ),
            scope: fill(&self.scope)?,
            audience: fill(&self.audience)?,
        })
    }
}

impl Grant for ClientGrant {
    fn ask(&self, _: &Asking<'_>) -> Request {
        let mut fields = vec![("grant_type", "client_credentials")];
        fields.extend(self.scope.as_deref().map(|scope| ("scope", scope)));
        fields.extend(self.audience.as_deref().map(|audience| ("audience", audience)));
        self.client.request(&fields)
    }

    fn identity(&self) -> Vec<&str> {
        let client = &self.client;
        let secret = client.secret.as_deref().unwrap_or_default();
        let optional = [&self.scope, &self.audience];
        let mut texts = vec!["client", client.token_url.as_str(), &client.id, secret];
        texts.extend(optional.map(|text| text.as_deref().unwrap_or_default()));
        texts
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tidegate_core::model::Secret;

    use super::*;
    use crate::{Connection, testing::section};

    #[test]
    fn all_keys_are_taken_into_the_request() {
        let client: Oauth2Client = section(json!({
            "token_url": "https://${params.host}/token", "client_id": "${params.id}",
            "client_secret": "${secrets.s}", "scope": "a b", "audience": "x", "credentials": "query",
        }));
        let connection = Connection {
            params: [("host".into(), "auth.test".into()), ("id".into(), "me".into())].into(),
            secrets: [("s".into(), Secret::new("hush"))].into(),
        };
        let resolver = Resolver::new(&connection);
        let redactor = resolver.redactor();
        let grant = client.grant(&resolver).unwrap();
        let asking = Asking { newest: None, now_ms: 0, id: "1", redactor: &redactor };
        assert_eq!(
            grant.ask(&asking).url.as_str(),
            "https://auth.test/token?grant_type=client_credentials&scope=a+b&audience=x\
             &client_id=me&client_secret=hush"
        );
    }
}
