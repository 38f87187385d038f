//! An address with references in it.

use std::marker::PhantomData;

use super::{
    TextValue,
    address::{AddressError, address},
    references::{Allows, NoRecord, template},
    template::{Part, Template},
    text_value,
};
use crate::{
    error::ConnectError,
    file::{Fault, Site, note_address},
    resolver::Resolver,
};

/// An absolute http(s) address without credentials in it, once its references are filled in. One that
/// begins with a reference is checked when the connection is known. `A` says which references it may
/// hold; what a record says stands only after the host, for it would choose where credentials go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Url<A = NoRecord> {
    pub(crate) template: Template,
    pub(crate) site: Site,
    allows: PhantomData<A>,
}

impl<A: Allows> Url<A> {
    /// The address for a connection, where no record takes part.
    ///
    /// # Errors
    /// A value that the connection lacks, or an address that cannot be called with it.
    pub(crate) fn fill(&self, resolver: &Resolver<'_>) -> Result<url::Url, ConnectError> {
        self.fill_with(resolver, |part| part.to_string())
    }

    /// The address for a connection, with this for what only a request completes.
    ///
    /// # Errors
    /// As [`Url::fill`].
    pub(crate) fn fill_with(
        &self,
        resolver: &Resolver<'_>,
        request: impl Fn(&Part) -> String,
    ) -> Result<url::Url, ConnectError> {
        let part = |part: &Part| match part {
            Part::Cursor(_) | Part::Parent(_) => Ok(request(part)),
            part => resolver.part(part, &self.site.key),
        };
        let text = self.template.parts.iter().map(part).collect::<Result<String, _>>()?;
        address(&text).map_err(|fault| {
            let message = format!("{fault} once its references are filled in: {}", fault.remedy());
            ConnectError::new(&self.site.key, message)
        })
    }
}

impl<A: Allows> TextValue for Url<A> {
    fn read(text: &str, site: Site) -> Result<Self, Fault> {
        let template = template::<A>(text, &site)?;
        record_after_host(&template, &site)?;
        note_address(text, site.place);
        if let Some(Part::Literal(_)) = template.parts.first() {
            // A digit stands for every reference: it may be part of a host, a port or a path.
            address(&template.with(|_| "1".into())).map_err(|fault| match fault {
                AddressError::Credentials => {
                    let message = format!("the address: {fault}");
                    Fault::new(site.place, message, fault.remedy()).hidden()
                }
                fault => {
                    let message = format!("`{text}` cannot be called: {fault}");
                    Fault::new(site.place, message, fault.remedy())
                }
            })?;
        } else if template.parts.is_empty() {
            let remedy = AddressError::NotAbsolute.remedy();
            return Err(Fault::new(site.place, "the address is empty", remedy));
        }
        Ok(Self { template, site, allows: PhantomData })
    }

    fn stand_in(site: Site) -> Self {
        Self { template: Template::literal("https://x.example/"), site, allows: PhantomData }
    }
}

/// A record must not choose the host.
fn record_after_host(template: &Template, site: &Site) -> Result<(), Fault> {
    let mut before = String::new();
    // An address that begins with a reference brings its scheme along.
    if !matches!(template.parts.first(), Some(Part::Literal(_))) {
        before.push_str("https://");
    }
    for part in &template.parts {
        match part {
            Part::Literal(text) => before.push_str(text),
            Part::Param(_) | Part::Secret(_) => before.push('1'),
            Part::Record(_)
            | Part::Body(_)
            | Part::Item(_)
            | Part::Answer(_)
            | Part::Records
            | Part::Lookup(_)
            | Part::Cursor(_)
            | Part::Parent(_)
            | Part::IdempotencyKey => {
                if before.split_once("://").is_some_and(|(_, rest)| rest.contains('/')) {
                    return Ok(());
                }
                let message = format!("`{part}` stands where the host is");
                let remedy = "what a record says may stand only after the host and a `/`";
                return Err(Fault::new(site.place, message, remedy).of(part.to_string()));
            }
        }
    }
    Ok(())
}

text_value!([A: Allows] Url<A>);
