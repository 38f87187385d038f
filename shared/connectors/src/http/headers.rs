//! A section's own headers.

use std::collections::BTreeMap;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tidegate_flow::template::Template;

use crate::{error::ConnectError, resolver::Resolver};

/// Fills in headers that are the same for every request.
pub(crate) fn headers(
    templates: &BTreeMap<String, Template>,
    place: &str,
    resolver: &Resolver<'_>,
) -> Result<HeaderMap, ConnectError> {
    let mut headers = HeaderMap::new();
    for (name, template) in templates {
        let place = format!("{place}.{name}");
        let header: HeaderName =
            name.parse().map_err(|_| ConnectError::new(&place, "it is no header's name"))?;
        let mut value = HeaderValue::from_str(&resolver.text(template, &place)?).map_err(|_| {
            ConnectError::new(&place, "it holds a character that no header may carry")
        })?;
        value.set_sensitive(template.secrets().next().is_some());
        headers.insert(header, value);
    }
    Ok(headers)
}
