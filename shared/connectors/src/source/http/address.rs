//! The list's address with its query: one for all requests, or completed by each.

use url::Url;

use crate::{
    error::ConnectError,
    http::Origin,
    resolver::Resolver,
    value::{self, Listed, Query, RequestText, RequestValues},
};

/// A list's address, with a connection's values filled in.
pub(super) struct Address {
    url: RequestText,
    query: Vec<(String, RequestText)>,
    /// The whole, where no request takes part.
    fixed: Option<Url>,
    /// With a stand-in for what each request completes.
    base: Url,
    origin: Origin,
}

impl Address {
    /// Fills in a connection's values.
    pub(super) fn new(
        url: &value::Url<Listed>,
        query: &Query<Listed>,
        resolver: &Resolver<'_>,
    ) -> Result<Self, ConnectError> {
        let probe = url.fill_with(resolver, |_| "1".to_owned())?;
        let origin = Origin::of(&probe).ok_or_else(|| {
            let message = "it must be http or https, with a host and without credentials";
            ConnectError::new(&url.site.key, message)
        })?;
        let url = RequestText::new(&url.template, &url.site.key, resolver)?;
        let text = |(name, text): &(String, value::Text<Listed>)| {
            Ok((name.clone(), RequestText::new(&text.template, &text.site.key, resolver)?))
        };
        let query = query.0.iter().map(text).collect::<Result<Vec<_>, ConnectError>>()?;
        let mut address = Self { url, query, fixed: None, base: probe, origin };
        let is_fixed = |text: &RequestText| text.fixed().is_some();
        if is_fixed(&address.url) && address.query.iter().all(|(_, text)| is_fixed(text)) {
            address.fixed = Some(address.url(&RequestValues::default()));
        }
        Ok(address)
    }

    /// Where it leads, whatever the request.
    pub(super) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// One of its addresses, whatever the request.
    pub(super) fn base(&self) -> &Url {
        &self.base
    }

    /// The address of a request.
    pub(super) fn url(&self, values: &RequestValues<'_>) -> Url {
        if let Some(fixed) = &self.fixed {
            return fixed.clone();
        }
        // Values stand behind the host, each as one segment: the address stays one.
        let mut url: Url = self.url.address(values).parse().expect("it was an address before");
        if !self.query.is_empty() {
            let texts = self.query.iter().map(|(name, text)| (name, text.text(values)));
            url.query_pairs_mut().extend_pairs(texts);
        }
        url
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Connection, testing::section};

    fn address(url: &str, query: serde_json::Value) -> Address {
        let connection = Connection::default();
        Address::new(&section(url.into()), &section(query), &Resolver::new(&connection)).unwrap()
    }

    #[test]
    fn values_of_a_request_stand_in_the_path_and_in_the_query() {
        let filter = json!({ "$filter": "updated gt ${cursor.since}", "top": 5 });
        let address = address("https://a.test/of/${parent.id}/x?v=2", filter);
        let parent = [("id".into(), "\"a/b\"".into())].into();
        let values = RequestValues { since: Some("2026 +"), until: None, parent: Some(&parent) };
        let url = address.url(&values);
        let whole = "https://a.test/of/a%2Fb/x?v=2&%24filter=updated+gt+2026+%2B&top=5";
        assert_eq!(url.as_str(), whole);
        assert!(address.origin().has(&url));
    }

    #[test]
    fn an_address_without_them_is_made_once() {
        let address = address("https://a.test/x", json!({ "a": "b c" }));
        assert_eq!(address.fixed.as_ref().unwrap().as_str(), "https://a.test/x?a=b+c");
    }
}
