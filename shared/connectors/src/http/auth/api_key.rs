//! `api_key`: a key in a header or a query parameter.

use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_core::model::EpochMs;

use super::{authenticator::Authenticator, credentials::Credentials};
use crate::{
    Options,
    error::ConnectError,
    file::{At, Fault, Findings},
    http::{proof::Proof, request::Request},
    resolver::Resolver,
    value::{HeaderName, Name, SecretText},
};

/// A key in a header or a query parameter: exactly one of `header` and `query`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct ApiKey(At<Keys>);

/// A key in a header or a query parameter: exactly one of `header` and `query`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ApiKey")]
struct Keys {
    /// The header that carries the key.
    #[schemars(example = "X-Api-Key")]
    header: Option<HeaderName>,
    /// The query parameter that carries the key.
    query: Option<Name>,
    /// The key, a `${secrets.…}` reference.
    value: SecretText,
}

/// A query parameter that carries the key.
struct QueryProof {
    name: String,
    value: String,
}

impl Credentials for ApiKey {
    fn check(&self, findings: &mut Findings) {
        let At { value: keys, place } = &self.0;
        match (&keys.header, &keys.query) {
            (Some(_), Some(query)) => {
                let message = "an API key stands in a header or in the query, not in both";
                findings.add(Fault::new(query.site.place, message, "remove `header` or `query`"));
            }
            (None, None) => {
                let message = "`api_key` does not say where the key stands";
                let remedy = "add `header:` or `query:` with its name";
                findings.add(Fault::new(*place, message, remedy));
            }
            (Some(_), None) | (None, Some(_)) => {}
        }
    }

    fn connect(
        &self,
        place: &str,
        resolver: &Resolver<'_>,
        _: &Options,
    ) -> Result<Authenticator, ConnectError> {
        let Keys { header, query, value } = &self.0.value;
        let value = value.fill(resolver)?;
        match (header, query) {
            (Some(header), _) => Authenticator::header(header.0.clone(), &value, place),
            (None, Some(query)) => {
                Ok(Authenticator::fixed(QueryProof { name: query.text.clone(), value }))
            }
            (None, None) => Err(ConnectError::new(place, "it is not said where the key stands")),
        }
    }
}

impl Proof for QueryProof {
    /// Replaces what a next link brought along.
    fn prove(&self, request: &mut Request, _: EpochMs) {
        let url = &mut request.url;
        let others: Vec<(String, String)> = url
            .query_pairs()
            .filter(|(key, _)| *key != self.name)
            .map(|(key, value)| (key.into(), value.into()))
            .collect();
        let mut pairs = url.query_pairs_mut();
        pairs.clear().extend_pairs(others).append_pair(&self.name, &self.value);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{read, section};

    #[test]
    fn it_says_where_the_key_stands_once() {
        for (keys, fault) in [
            (json!({ "header": "X-Api-Key", "value": "${secrets.k}" }), None),
            (json!({ "query": "key", "value": "${secrets.k}" }), None),
            (json!({ "header": "K", "query": "k", "value": "${secrets.k}" }), Some("not in both")),
            (json!({ "value": "${secrets.k}" }), Some("does not say where")),
        ] {
            let (key, mut findings) = read::<ApiKey>(keys.clone());
            key.check(&mut findings);
            let said: Vec<&str> =
                findings.faults.iter().map(|fault| fault.message.as_str()).collect();
            assert_eq!(said.len(), usize::from(fault.is_some()), "{keys}: {said:?}");
            assert!(said.iter().all(|said| said.contains(fault.unwrap())), "{keys}: {said:?}");
        }
    }

    #[test]
    fn a_header_is_named_as_the_file_has_it() {
        let key: ApiKey = section(json!({ "header": "X-Api-Key", "value": "${secrets.k}" }));
        assert_eq!(key.0.value.header.unwrap().0, "x-api-key");
    }

    #[test]
    fn a_key_in_the_query_takes_the_place_of_the_one_that_a_link_brought() {
        let url = "https://api.test/list?key=old&page=2&key=older".parse().unwrap();
        let mut request = Request::get(url);
        let proof = QueryProof { name: "key".into(), value: "n w".into() };
        proof.prove(&mut request, 0);
        assert_eq!(request.url.query(), Some("page=2&key=n+w"));
    }
}
