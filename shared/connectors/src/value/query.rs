//! Query parameters and form fields: names with a text each, or with several.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use super::{NoRecord, OneOrList, Scalar, TextValue, name::Name, references::Allows, text::Text};
use crate::{
    error::ConnectError,
    file::{At, Entries, Site, note_fault},
    resolver::Resolver,
};

/// Names with a text each, by name; a list of texts gives its name as often. `A` says which references a
/// text may hold.
#[derive(Debug, Clone)]
pub(crate) struct Query<A = NoRecord>(pub(crate) Vec<(String, Text<A>)>);

impl<A> Default for Query<A> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<A: Allows> Query<A> {
    /// The texts for a connection, where neither a record nor a request takes part.
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
        for (name, values) in Entries::<OneOrList<Scalar>>::deserialize(deserializer)?.0 {
            let At { value: name, place } = name;
            let of_value: Box<str> = format!("{key}.{name}").into();
            let name = or_stand_in::<Name>(&name, Site { place, key: key.clone() }).text;
            for At { value, place } in values.value.0 {
                let text = or_stand_in(&value.0, Site { place, key: of_value.clone() });
                entries.push((name.clone(), text));
            }
        }
        // Those of one name stay in their order.
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
        Entries::<OneOrList<Scalar>>::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Entries::<OneOrList<Scalar>>::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::section;

    #[test]
    fn a_list_gives_its_name_as_often_as_it_has_texts() {
        let query: Query = section(json!({ "status": ["placed", 7, true], "a": "1", "none": [] }));
        let texts: Vec<_> =
            query.0.iter().map(|(name, text)| (&**name, text.template.as_literal())).collect();
        let status = |text| ("status", Some(text));
        assert_eq!(texts, [("a", Some("1")), status("placed"), status("7"), status("true")]);
    }
}
