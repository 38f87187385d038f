//! Names: of query parameters, of fields, of headers.

use super::{TextValue, text_value};
use crate::file::{Fault, Site};

/// The name of a query parameter or a field, as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) text: String,
    pub(crate) site: Site,
}

/// The name of a header that a flow may set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HeaderName(pub(crate) reqwest::header::HeaderName);

impl TextValue for Name {
    fn read(text: &str, site: Site) -> Result<Self, Fault> {
        if !text.is_empty() && !text.contains("${") && text.trim() == text {
            return Ok(Self { text: text.into(), site });
        }
        let message = format!("`{text}` cannot be a name");
        let remedy = "write the name as it is, without references or blanks";
        Err(Fault::new(site.place, message, remedy))
    }

    fn stand_in(site: Site) -> Self {
        Self { text: "x".into(), site }
    }
}

impl TextValue for HeaderName {
    fn read(text: &str, site: Site) -> Result<Self, Fault> {
        /// These say how the message travels; the client knows, a flow does not.
        const CLIENTS_OWN: [&str; 5] =
            ["connection", "content-length", "host", "te", "transfer-encoding"];
        let Ok(name) = text.parse::<reqwest::header::HeaderName>() else {
            let message = format!("`{text}` cannot name a header");
            let remedy = "write letters, digits and `-`, like `X-Api-Key`";
            return Err(Fault::new(site.place, message, remedy));
        };
        if CLIENTS_OWN.contains(&name.as_str()) {
            let message = format!("the header `{text}` is not the flow's to set");
            return Err(Fault::new(site.place, message, "remove it: the client sets it itself"));
        }
        Ok(Self(name))
    }

    fn stand_in(_: Site) -> Self {
        Self(reqwest::header::ACCEPT)
    }
}

text_value!(Name);
text_value!(HeaderName);
