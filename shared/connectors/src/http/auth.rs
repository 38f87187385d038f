//! Credentials, resolved and ready to be put on a request.

use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use tidegate_flow::spec::{AuthSpec, KeyPlace};
use url::Url;

use super::Redactor;
use crate::connect::{ConnectError, Resolver};

/// What proves who we are.
#[derive(Clone, Default)]
pub(crate) struct Auth {
    /// Stands in a header.
    header: Option<(HeaderName, HeaderValue)>,
    /// Stands in a query parameter.
    query: Option<(String, String)>,
}

impl Auth {
    /// Fills in the section's templates; what it makes of secrets is added to the redactor.
    pub(crate) fn new(
        spec: Option<&AuthSpec>,
        place: &str,
        resolver: &Resolver<'_>,
        redactor: &mut Redactor,
    ) -> Result<Self, ConnectError> {
        let Some(spec) = spec else { return Ok(Self::default()) };
        let (name, value) = match spec {
            AuthSpec::Bearer(token) => {
                (AUTHORIZATION, format!("Bearer {}", resolver.text(token, place)?))
            }
            AuthSpec::Basic { username, password } => {
                let user = resolver.text(username, place)?;
                let encoded =
                    STANDARD.encode(format!("{user}:{}", resolver.text(password, place)?));
                redactor.add(&encoded);
                (AUTHORIZATION, format!("Basic {encoded}"))
            }
            AuthSpec::ApiKey { place: KeyPlace::Header(name), value } => {
                let name = name.parse().map_err(|_| {
                    ConnectError::new(place, format!("`{name}` is no header's name"))
                })?;
                (name, resolver.text(value, place)?)
            }
            AuthSpec::ApiKey { place: KeyPlace::Query(name), value } => {
                let query = Some((name.clone(), resolver.text(value, place)?));
                return Ok(Self { header: None, query });
            }
        };
        let mut value = HeaderValue::from_str(&value).map_err(|_| {
            ConnectError::new(place, "the credentials hold a character that no header may carry")
        })?;
        value.set_sensitive(true);
        Ok(Self { header: Some((name, value)), query: None })
    }

    /// Adds the credentials that stand in a header.
    pub(crate) fn head(&self, headers: &mut HeaderMap) {
        if let Some((name, value)) = &self.header {
            headers.insert(name.clone(), value.clone());
        }
    }

    /// Sets the credentials that stand in the query, replacing what a next link brought along.
    pub(crate) fn address(&self, url: &mut Url) {
        let Some((name, value)) = &self.query else { return };
        let others: Vec<(String, String)> = url
            .query_pairs()
            .filter(|(key, _)| key != name)
            .map(|(k, v)| (k.into(), v.into()))
            .collect();
        url.query_pairs_mut().clear().extend_pairs(others).append_pair(name, value);
    }
}
