//! Headers that a section sends with every request.

use std::{collections::BTreeSet, marker::PhantomData};

use reqwest::header::{HeaderMap, HeaderValue};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use super::{
    HeaderName, NoRecord, RecordIs, RequestText, Scalar, SentText, TextValue as _,
    query::or_stand_in, references::Allows, secret::SecretText, template::Template, text::Text,
};
use crate::{
    error::ConnectError,
    file::{Entries, Fault, Site, note_fault, site},
    resolver::Resolver,
};

/// What stands in these is a secret, whatever the API.
const SECRET: [&str; 4] = ["authorization", "cookie", "proxy-authorization", "x-api-key"];

/// Headers by their names; those that carry credentials hold a secret. `A` says which references the others
/// may hold.
#[derive(Debug, Clone)]
pub(crate) struct Headers<A = NoRecord>(Vec<(HeaderName, Template, Site)>, PhantomData<A>);

impl<A> Default for Headers<A> {
    fn default() -> Self {
        Self(Vec::new(), PhantomData)
    }
}

impl<A> Headers<A> {
    /// The headers for a connection that are the same in every request.
    ///
    /// # Errors
    /// A value that the connection lacks, or that no header may carry.
    pub(crate) fn fill(&self, resolver: &Resolver<'_>) -> Result<HeaderMap, ConnectError> {
        let mut headers = HeaderMap::new();
        for (name, template, site) in
            self.0.iter().filter(|(_, text, _)| !text.needs_request() && !text.needs_record())
        {
            let text = resolver.text(template, &site.key)?;
            let mut value = HeaderValue::from_str(&text).map_err(|_| {
                ConnectError::new(&site.key, "it holds a character that no header may carry")
            })?;
            value.set_sensitive(template.secrets().next().is_some());
            headers.insert(name.0.clone(), value);
        }
        Ok(headers)
    }

    /// The headers for a connection that each request completes.
    ///
    /// # Errors
    /// A value that the connection lacks.
    pub(crate) fn fill_by_request(
        &self,
        resolver: &Resolver<'_>,
    ) -> Result<Vec<(reqwest::header::HeaderName, RequestText)>, ConnectError> {
        let by_request = self.0.iter().filter(|(_, text, _)| text.needs_request());
        let fill = |(name, template, site): &(HeaderName, Template, Site)| {
            Ok((name.0.clone(), RequestText::new(template, &site.key, resolver)?))
        };
        by_request.map(fill).collect()
    }

    /// The headers for a connection that each record completes.
    ///
    /// # Errors
    /// A value that the connection lacks.
    pub(crate) fn fill_by_record(
        &self,
        resolver: &Resolver<'_>,
    ) -> Result<Vec<(reqwest::header::HeaderName, SentText)>, ConnectError> {
        let by_record = self.0.iter().filter(|(_, text, _)| text.needs_record());
        let fill = |(name, template, site): &(HeaderName, Template, Site)| {
            let text = SentText::new(template, &site.key, resolver, RecordIs::Source)?;
            Ok((name.0.clone(), text))
        };
        by_record.map(fill).collect()
    }

    /// What a header says as it stands, where it is given without references.
    pub(crate) fn literal(&self, name: &reqwest::header::HeaderName) -> Option<(&str, &Site)> {
        let (_, template, site) = self.0.iter().find(|(given, ..)| given.0 == *name)?;
        Some((template.as_literal()?, site))
    }

    /// Their texts, each with where it stands.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&Template, &Site)> {
        self.0.iter().map(|(_, template, site)| (template, site))
    }
}

impl<'de, A: Allows> Deserialize<'de> for Headers<A> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let key = site().key;
        let mut seen = BTreeSet::new();
        let mut headers = Vec::new();
        for (name, value) in Entries::<Scalar>::deserialize(deserializer)?.0 {
            let at_name = Site { place: name.place, key: key.clone() };
            let lower = name.value.to_ascii_lowercase();
            let site = Site { place: value.place, key: format!("{key}.{}", name.value).into() };
            let template = if SECRET.contains(&lower.as_str()) {
                match SecretText::read(&value.value.0, site.clone()) {
                    Ok(secret) => secret.template,
                    Err(fault) => stand_in(fault),
                }
            } else if value.value.0.chars().any(char::is_control) {
                stand_in(Fault::new(
                    value.place,
                    "a header's value cannot hold a line break or another control character",
                    "write it on one line",
                ))
            } else {
                or_stand_in::<Text<A>>(&value.value.0, site.clone()).template
            };
            if !seen.insert(lower) {
                let message = format!("the header `{}` is given twice", name.value);
                let remedy = "remove one: case makes no difference";
                note_fault(Fault::new(name.place, message, remedy));
                continue;
            }
            headers.push((or_stand_in(&name.value, at_name), template, site));
        }
        Ok(Self(headers, PhantomData))
    }
}

fn stand_in(fault: Fault) -> Template {
    note_fault(fault);
    Template::literal("x")
}

impl<A> JsonSchema for Headers<A> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        Entries::<Scalar>::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Entries::<Scalar>::json_schema(generator)
    }
}
