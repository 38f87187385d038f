//! `bearer`: a token that does not change.

use reqwest::header::AUTHORIZATION;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{authenticator::Authenticator, credentials::Credentials};
use crate::{Options, error::ConnectError, resolver::Resolver, value::SecretText};

/// `Authorization: Bearer …`, a `${secrets.…}` reference.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(inline)]
pub(crate) struct Bearer(SecretText);

impl Credentials for Bearer {
    fn connect(
        &self,
        place: &str,
        resolver: &Resolver<'_>,
        _: &Options,
    ) -> Result<Authenticator, ConnectError> {
        let value = format!("Bearer {}", self.0.fill(resolver)?);
        Authenticator::header(AUTHORIZATION, &value, place)
    }
}
