//! A text that is, or holds, a secret: a literal one must not stand in a file.

use super::{
    TextValue,
    references::{NoRecord, template},
    template::Template,
    text_value,
};
use crate::{
    error::ConnectError,
    file::{Fault, Site},
    resolver::Resolver,
};

/// A text that refers to a secret of the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SecretText {
    pub(super) template: Template,
    site: Site,
}

impl SecretText {
    /// The secret, for the request that proves it.
    ///
    /// # Errors
    /// A value that the connection lacks.
    pub(crate) fn fill(&self, resolver: &Resolver<'_>) -> Result<String, ConnectError> {
        resolver.text(&self.template, &self.site.key)
    }

    /// The keys that lead to it, for what is wrong with a secret itself.
    pub(crate) fn key(&self) -> &str {
        &self.site.key
    }
}

impl TextValue for SecretText {
    fn read(text: &str, site: Site) -> Result<Self, Fault> {
        let template = template::<NoRecord>(text, &site)?;
        if template.secrets().next().is_some() {
            return Ok(Self { template, site });
        }
        let what = named(&site.key);
        let message = format!("{what} must be a `${{secrets.…}}` reference: files hold no secrets");
        let remedy = "write `${secrets.NAME}` and give the secret to the connection; \
                      if this one was real, replace it at its issuer";
        let fault = Fault::new(site.place, message, remedy);
        // A parameter alone is no secret, but may be shown.
        Err(if template.as_literal().is_some() { fault.hidden() } else { fault })
    }

    fn stand_in(site: Site) -> Self {
        Self { template: Template::literal("x"), site }
    }
}

/// The key, to stand in a sentence: `auth.bearer`, or a header by its name.
fn named(key: &str) -> String {
    if let Some((_, header)) = key.split_once(".headers.") {
        return format!("the header `{header}`");
    }
    let short = key.find("auth.").map_or(key, |start| &key[start..]);
    format!("`{short}`")
}

text_value!(SecretText);
