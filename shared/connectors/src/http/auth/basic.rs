//! `basic`: a user's name and password (RFC 7617).

use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::header::AUTHORIZATION;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{authenticator::Authenticator, credentials::Credentials};
use crate::{
    Options,
    error::ConnectError,
    resolver::Resolver,
    value::{SecretText, Text},
};

/// `Authorization: Basic …`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Basic {
    /// The user's name.
    username: Text,
    /// The password, a `${secrets.…}` reference.
    password: SecretText,
}

impl Credentials for Basic {
    fn connect(
        &self,
        place: &str,
        resolver: &Resolver<'_>,
        _: &Options,
    ) -> Result<Authenticator, ConnectError> {
        let (username, password) = (self.username.fill(resolver)?, self.password.fill(resolver)?);
        let encoded = STANDARD.encode(format!("{username}:{password}"));
        resolver.redactor().add(&encoded);
        Authenticator::header(AUTHORIZATION, &format!("Basic {encoded}"), place)
    }
}
