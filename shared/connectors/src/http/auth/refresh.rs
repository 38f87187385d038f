//! `oauth2_refresh`: a refresh token, which may rotate (RFC 6749, section 6).

use tidegate_flow::spec::Oauth2RefreshSpec;

use super::oauth2::{Client, address};
use crate::{
    error::ConnectError,
    http::{Redactor, request::Request},
    resolver::Resolver,
};

pub(super) struct RefreshGrant {
    client: Client,
    /// The connection's own: the first one.
    first: String,
}

impl RefreshGrant {
    pub(super) fn new(
        spec: &Oauth2RefreshSpec,
        place: &str,
        resolver: &Resolver<'_>,
        redactor: &Redactor,
    ) -> Result<Self, ConnectError> {
        let text = |template: &_, key| resolver.text(template, &format!("{place}.{key}"));
        let secret = spec.client_secret.as_ref().map(|secret| text(secret, "client_secret"));
        Ok(Self {
            client: Client::new(
                address(&spec.token_url, &format!("{place}.token_url"), resolver)?,
                text(&spec.client_id, "client_id")?,
                secret.transpose()?,
                spec.credentials,
                redactor,
            ),
            first: text(&spec.refresh_token, "refresh_token")?,
        })
    }

    /// Uses the newest refresh token; the connection's own, where none has come yet.
    pub(super) fn request(&self, newest: Option<&str>) -> Request {
        let refresh_token = newest.unwrap_or(&self.first);
        self.client.request(&[("grant_type", "refresh_token"), ("refresh_token", refresh_token)])
    }

    /// All that were authorised with the same refresh token share what follows it: were it used twice,
    /// all would be revoked. Another one, put into the connection after that, begins anew. The
    /// client's secret may change meanwhile.
    pub(super) fn identity(&self) -> Vec<&str> {
        vec![self.client.token_url.as_str(), &self.client.id, &self.first]
    }
}
