//! Query parameters and form fields: names with a text each.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use super::{NoRecord, Scalar, TextValue, name::Name, references::Allows, text::Text};
use crate::{
    error::ConnectError,
    file::{At, Entries, Site, note_fault},
    resolver::Resolver,
};

/// Names with a text each, by name. `A` says which references a text may hold.
#[derive(Debug, Clone)]
pub(crate) struct Query<A = NoRecord>(pub(crate) Vec<(String, Text<A>)>);

impl<A> Default for Query<A> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<A: Allows> Query<A> {
    /// The texts for a connection, where no record takes part.
    ///
    /// # Errors
    /// The first value that the connection lacks.
    pub(crate) fn fill(
        &self,
        resolver: &Resolver<'_>,
    ) -> Result<Vec<(String, String)>, ConnectError> {
        self.0.iter().map(|(name, text)| Ok((name.clone(), text.fill(resolver)?))).collect()
    }
}

impl<'de, A: Allows> Deserialize<'de> for Query<A> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let key = crate::file::site().key;
        let mut entries = Vec::new();
        for (name, value) in Entries::<Scalar>::deserialize(deserializer)?.0 {
            let At { value: name, place } = name;
            let site = Site { place: value.place, key: format!("{key}.{name}").into() };
            let text = or_stand_in(&value.value.0, site);
            let name = or_stand_in::<Name>(&name, Site { place, key: key.clone() }).text;
            entries.push((name, text));
        }
        entries.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(Self(entries))
    }
}

/// Reads a text, and notes what is wrong with it.
pub(crate) fn or_stand_in<T: TextValue>(text: &str, site: Site) -> T {
    T::read(text, site.clone()).unwrap_or_else(|fault| {
        note_fault(fault);
        T::stand_in(site)
    })
}

impl<A> JsonSchema for Query<A> {
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
