//! `oauth2_client`: client credentials (RFC 6749, section 4.4).

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

/// A token for a client's id and secret: OAuth 2's client credentials.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Oauth2Client {
    /// The address that gives tokens.
    #[schemars(example = "https://auth.example.com/oauth/token")]
    token_url: Url,
    /// What is exchanged, as the API names it. Default `client_credentials`.
    #[schemars(example = &"account_credentials")]
    grant_type: Option<Words>,
    /// The client's id; left out where the API asks for none.
    client_id: Option<Words>,
    /// The client's secret, a `${secrets.…}` reference; left out where one of `fields` is the secret.
    client_secret: Option<SecretText>,
    /// What the token is for, as the API names it.
    scope: Option<Words>,
    /// Whom the token is for, where the API asks for it.
    audience: Option<Words>,
    /// Further fields of the request: `resource`, an account's id, a user's name and password. A list of
    /// values gives a field as often.
    #[serde(default)]
    fields: TokenFields,
    /// Where id and secret stand in the request: `body` (default), `basic`, `query` or `json`.
    credentials: Option<At<ClientCredentials>>,
    /// Path to the token in the answer. Default `access_token`.
    token: Option<Path>,
    /// Path to the seconds that it lives, or to the moment at which it ends. Default: `expires_in` beside
    /// the token. Where nothing stands there, a token is used until the API refuses it.
    expires_in: Option<Path>,
}

/// The client's credentials, which a token is asked for with.
pub(super) struct ClientGrant {
    client: Client,
    grant_type: String,
    scope: Option<String>,
    audience: Option<String>,
    fields: Vec<(String, String)>,
    answer: TokenAnswer,
}

impl Exchanged for Oauth2Client {
    type Grant = ClientGrant;

    fn note_clashes(&self, findings: &mut Findings) {
        let own = ["grant_type", "client_id", "client_secret", "scope", "audience"];
        self.fields.check(&own, findings);
        if self.client_secret.is_none() && !self.fields.hold_a_secret() {
            let message = "missing key `client_secret`";
            let remedy = "add `client_secret:`, or the secret that the API asks for to `fields`";
            findings.add(Fault::new(self.token_url.site.place, message, remedy));
        }
        if let (Some(At { value: ClientCredentials::Basic, place }), None) =
            (&self.credentials, &self.client_id)
        {
            let message = "`credentials: basic` needs a `client_id`";
            let remedy = "add `client_id:`, or remove `credentials`";
            findings.add(Fault::new(*place, message, remedy));
        }
    }

    fn grant(&self, resolver: &Resolver<'_>) -> Result<ClientGrant, ConnectError> {
        let fill = |text: &Option<Words>| text.as_ref().map(|text| text.fill(resolver)).transpose();
        let secret = self.client_secret.as_ref().map(|secret| secret.fill(resolver));
        Ok(ClientGrant {
            client: Client::new(
                self.token_url.fill(resolver)?,
                fill(&self.client_id)?,
                secret.transpose()?,
                self.credentials.as_ref().map(|given| given.value).unwrap_or_default(),
                &resolver.redactor(),
            ),
            grant_type: fill(&self.grant_type)?.unwrap_or_else(|| "client_credentials".to_owned()),
            scope: fill(&self.scope)?,
            audience: fill(&self.audience)?,
            fields: self.fields.fill(resolver)?,
            answer: TokenAnswer::new(self.token.as_ref(), self.expires_in.as_ref()),
        })
    }
}

impl Grant for ClientGrant {
    fn ask(&self, _: &Asking<'_>) -> Request {
        let mut fields = vec![("grant_type", self.grant_type.as_str())];
        fields.extend(self.scope.as_deref().map(|scope| ("scope", scope)));
        fields.extend(self.audience.as_deref().map(|audience| ("audience", audience)));
        fields.extend(self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        self.client.request(&fields)
    }

    fn read(&self, answer: &Answer) -> Result<TokenResponse, Unread> {
        self.answer.read(answer)
    }

    fn identity(&self) -> Vec<&str> {
        let client = &self.client;
        let secret = client.secret.as_deref().unwrap_or_default();
        let optional = [&self.scope, &self.audience];
        let id = client.id.as_deref().unwrap_or_default();
        let mut texts = vec!["client", client.token_url.as_str(), id, secret, &self.grant_type];
        texts.extend(optional.map(|text| text.as_deref().unwrap_or_default()));
        texts.extend(self.fields.iter().flat_map(|(name, value)| [name.as_str(), value]));
        texts.extend(self.answer.paths());
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

    fn keys(extra: serde_json::Value) -> Oauth2Client {
        let mut keys = json!({ "token_url": "https://auth.test/token" });
        keys.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        section(keys)
    }

    fn grant(client: &Oauth2Client) -> ClientGrant {
        let connection = Connection {
            secrets: [("s".into(), Secret::new("hush"))].into(),
            ..Connection::default()
        };
        client.grant(&Resolver::new(&connection)).unwrap()
    }

    fn asked(grant: &ClientGrant) -> Request {
        let redactor = crate::http::Redactor::default();
        grant.ask(&Asking { newest: None, now_ms: 0, id: "1", redactor: &redactor })
    }

    #[test]
    fn another_grant_type_and_further_fields_go_along_and_as_json_where_the_flow_says() {
        let mut extra = json!({
            "grant_type": "password", "client_id": "me",
            "fields": { "username": "u", "password": "${secrets.s}", "resource": ["a", "b"] },
        });
        let form = asked(&grant(&keys(extra.clone())));
        let expected =
            "grant_type=password&password=hush&resource=a&resource=b&username=u&client_id=me";
        assert_eq!(form.body, expected);
        extra["credentials"] = json!("json");
        let posted = asked(&grant(&keys(extra)));
        let body: serde_json::Value = serde_json::from_slice(&posted.body).unwrap();
        assert_eq!(
            body,
            json!({
                "grant_type": "password", "username": "u", "password": "hush",
                "resource": ["a", "b"], "client_id": "me",
            })
        );
    }

    #[test]
    fn those_that_ask_for_other_tokens_do_not_share_them() {
        let secret = json!({ "client_id": "me", "client_secret": "${secrets.s}" });
        let with = |key: &str, value: serde_json::Value| {
            let mut all = secret.clone();
            all[key] = value;
            grant(&keys(all))
        };
        let plain = grant(&keys(secret.clone()));
        for (key, value) in [
            ("grant_type", json!("x")),
            ("fields", json!({ "resource": "x" })),
            ("token", json!("data.token")),
            ("expires_in", json!("ttl")),
        ] {
            assert_ne!(with(key, value).identity(), plain.identity(), "{key}");
        }
    }

    #[test]
    fn what_cannot_prove_anything_is_noted() {
        for (extra, fault) in [
            (json!({ "client_id": "me" }), "missing key `client_secret`"),
            (
                json!({ "client_secret": "${secrets.s}", "credentials": "basic" }),
                "`credentials: basic` needs a `client_id`",
            ),
            (
                json!({ "client_secret": "${secrets.s}", "fields": { "grant_type": "x" } }),
                "`fields` holds `grant_type`, which the request has anyway",
            ),
            (
                json!({ "client_secret": "${secrets.s}", "fields": { "password": "hunter2" } }),
                "the field `password` must be a `${secrets.…}` reference",
            ),
        ] {
            let client = keys(extra);
            let mut findings = Findings::default();
            client.note_clashes(&mut findings);
            let messages: Vec<_> = findings.faults.iter().map(|fault| &*fault.message).collect();
            assert_eq!(messages.len(), 1, "{messages:?}");
            assert!(messages[0].contains(fault), "{messages:?}");
        }
    }
}
