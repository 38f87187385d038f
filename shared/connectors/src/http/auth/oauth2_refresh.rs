//! `oauth2_refresh`: a refresh token, which may rotate (RFC 6749, section 6).

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    exchanged::Exchanged,
    grant::{Asking, Grant},
    oauth2::{Client, ClientCredentials, TokenAnswer},
    token_client::{TokenResponse, Unread},
    token_fields::TokenFields,
};
use crate::{
    error::ConnectError,
    file::{At, Fault, Findings},
    http::{answer::Answer, request::Request},
    resolver::Resolver,
    value::{Path, SecretText, Url, Words},
};

/// A token for a refresh token, which may be replaced by a new one at every use (OAuth 2).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Oauth2Refresh {
    /// The address that gives tokens.
    #[schemars(example = "https://auth.example.com/oauth/token")]
    token_url: Url,
    /// The client's id.
    client_id: Words,
    /// The client's secret, a `${secrets.…}` reference; left out for a public client.
    client_secret: Option<SecretText>,
    /// The refresh token that the connection was authorised with, a `${secrets.…}` reference. Those
    /// that follow it are kept in the table.
    refresh_token: SecretText,
    /// Further fields of the request, like `scope` or `resource`. A list of values gives a field as often.
    #[serde(default)]
    fields: TokenFields,
    /// Where id and secret stand in the request: `body` (default), `basic`, `query` or `json`.
    credentials: Option<At<ClientCredentials>>,
    /// Path to the token in the answer; the next refresh token, as `refresh_token`, stands beside it.
    /// Default `access_token`.
    token: Option<Path>,
    /// Path to the seconds that it lives, or to the moment at which it ends. Default: `expires_in` beside
    /// the token. Where nothing stands there, a token is used until the API refuses it.
    expires_in: Option<Path>,
}

/// A refresh token, and the client that it was given to.
pub(super) struct RefreshGrant {
    client: Client,
    /// The connection's own: the first one.
    first: String,
    fields: Vec<(String, String)>,
    answer: TokenAnswer,
}

impl Exchanged for Oauth2Refresh {
    type Grant = RefreshGrant;

    fn note_clashes(&self, findings: &mut Findings) {
        let own = ["grant_type", "client_id", "client_secret", "refresh_token"];
        self.fields.check(&own, findings);
        if let (Some(At { value: ClientCredentials::Basic, place }), None) =
            (&self.credentials, &self.client_secret)
        {
            let message = "`credentials: basic` needs a `client_secret`";
            let remedy = "add `client_secret:`, or remove `credentials`";
            findings.add(Fault::new(*place, message, remedy));
        }
    }

    fn grant(&self, resolver: &Resolver<'_>) -> Result<RefreshGrant, ConnectError> {
        let secret = self.client_secret.as_ref().map(|secret| secret.fill(resolver));
        Ok(RefreshGrant {
            client: Client::new(
                self.token_url.fill(resolver)?,
                Some(self.client_id.fill(resolver)?),
                secret.transpose()?,
                self.credentials.as_ref().map(|given| given.value).unwrap_or_default(),
                &resolver.redactor(),
            ),
            first: self.refresh_token.fill(resolver)?,
            fields: self.fields.fill(resolver)?,
            answer: TokenAnswer::new(self.token.as_ref(), self.expires_in.as_ref()),
        })
    }
}

impl Grant for RefreshGrant {
    /// Uses the newest refresh token; the connection's own, where none has come yet.
    fn ask(&self, asking: &Asking<'_>) -> Request {
        let refresh_token = asking.newest.unwrap_or(&self.first);
        let mut fields = vec![("grant_type", "refresh_token"), ("refresh_token", refresh_token)];
        fields.extend(self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        self.client.request(&fields)
    }

    fn read(&self, answer: &Answer) -> Result<TokenResponse, Unread> {
        self.answer.read(answer)
    }

    /// All that were authorised with the same refresh token share what follows it: were it used twice,
    /// all would be revoked. Another one, put into the connection after that, begins anew. The
    /// client's secret may change meanwhile.
    fn identity(&self) -> Vec<&str> {
        let id = self.client.id.as_deref().unwrap_or_default();
        let mut texts = vec!["refresh", self.client.token_url.as_str(), id, &self.first];
        texts.extend(self.fields.iter().flat_map(|(name, value)| [name.as_str(), value]));
        texts
    }

    fn is_spent(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tidegate_core::model::Secret;

    use super::*;
    use crate::{Connection, testing::section};

    #[test]
    fn a_client_without_a_secret_asks_by_a_form_with_the_newest_refresh_token() {
        let refresh: Oauth2Refresh = section(json!({
            "token_url": "https://a.test/token", "client_id": "me", "refresh_token": "${secrets.first}",
        }));
        let connection = Connection {
            params: [].into(),
            secrets: [("first".into(), Secret::new("r-1"))].into(),
        };
        let resolver = Resolver::new(&connection);
        let grant = refresh.grant(&resolver).unwrap();
        for (newest, sent) in [(None, "r-1"), (Some("r-2"), "r-2")] {
            let asking = Asking { newest, now_ms: 0, id: "1", redactor: &resolver.redactor() };
            let form = format!("grant_type=refresh_token&refresh_token={sent}&client_id=me");
            assert_eq!(grant.ask(&asking).body, form);
        }
    }
}
