//! `oauth2_client`: client credentials (RFC 6749, section 4.4).

use tidegate_flow::spec::Oauth2ClientSpec;

use super::oauth2::{Client, address};
use crate::{
    error::ConnectError,
    http::{Redactor, request::Request},
    resolver::Resolver,
};

pub(super) struct ClientGrant {
    client: Client,
    scope: Option<String>,
    audience: Option<String>,
}

impl ClientGrant {
    pub(super) fn new(
        spec: &Oauth2ClientSpec,
        place: &str,
        resolver: &Resolver<'_>,
        redactor: &Redactor,
    ) -> Result<Self, ConnectError> {
        let text = |template: &_, key| resolver.text(template, &format!("{place}.{key}"));
        let optional = |template: &Option<_>, key| {
            template.as_ref().map(|template| text(template, key)).transpose()
        };
        Ok(Self {
            client: Client::new(
                address(&spec.token_url, &format!("{place}.token_url"), resolver)?,
                text(&spec.client_id, "client_id")?,
                Some(text(&spec.client_secret, "client_secret")?),
                spec.credentials,
                redactor,
            ),
            scope: optional(&spec.scope, "scope")?,
            audience: optional(&spec.audience, "audience")?,
        })
    }

    pub(super) fn request(&self) -> Request {
        let mut fields = vec![("grant_type", "client_credentials")];
        fields.extend(self.scope.as_deref().map(|scope| ("scope", scope)));
        fields.extend(self.audience.as_deref().map(|audience| ("audience", audience)));
        self.client.request(&fields)
    }

    pub(super) fn identity(&self) -> Vec<&str> {
        let client = &self.client;
        let (scope, audience) = (self.scope.as_deref(), self.audience.as_deref());
        let secret = client.secret.as_deref();
        let texts = [Some(client.token_url.as_str()), Some(&client.id), secret, scope, audience];
        texts.map(Option::unwrap_or_default).into()
    }
}
