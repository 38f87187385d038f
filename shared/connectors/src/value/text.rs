//! A text with references in it.

use std::marker::PhantomData;

use super::{
    TextValue,
    references::{Allows, NoRecord, template},
    template::Template,
    text_value,
};
use crate::{
    error::ConnectError,
    file::{Fault, Site},
    resolver::Resolver,
};

/// A text that may hold references: `a ${params.b}`. `A` says which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text<A = NoRecord> {
    pub(crate) template: Template,
    pub(crate) site: Site,
    allows: PhantomData<A>,
}

/// A text that is not empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Words(Text);

impl<A: Allows> Text<A> {
    /// Its text for a connection, where no record takes part.
    ///
    /// # Errors
    /// A value that the connection lacks.
    pub(crate) fn fill(&self, resolver: &Resolver<'_>) -> Result<String, ConnectError> {
        resolver.text(&self.template, &self.site.key)
    }
}

impl Words {
    /// Its text for a connection.
    ///
    /// # Errors
    /// A value that the connection lacks.
    pub(crate) fn fill(&self, resolver: &Resolver<'_>) -> Result<String, ConnectError> {
        self.0.fill(resolver)
    }
}

impl<A: Allows> TextValue for Text<A> {
    fn read(text: &str, site: Site) -> Result<Self, Fault> {
        Ok(Self { template: template::<A>(text, &site)?, site, allows: PhantomData })
    }

    fn stand_in(site: Site) -> Self {
        Self { template: Template::literal("x"), site, allows: PhantomData }
    }
}

impl TextValue for Words {
    fn read(text: &str, site: Site) -> Result<Self, Fault> {
        if text.trim().is_empty() {
            let remedy = "write the value, or a `${params.…}` or `${secrets.…}` reference";
            return Err(Fault::new(site.place, "the value is empty", remedy));
        }
        Text::read(text, site).map(Self)
    }

    fn stand_in(site: Site) -> Self {
        Self(Text::stand_in(site))
    }
}

text_value!([A: Allows] Text<A>);
text_value!(Words);
