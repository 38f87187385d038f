//! JSON in a flow file: constants, and bodies whose texts are templates.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::{
    references::{Allows, Kept, template},
    template::Template,
};
use crate::{
    error::ConnectError,
    file::{Site, note_fault, site},
    resolver::Resolver,
};

/// A JSON constant, `null` included, that a record is made of: only parameters complete it.
pub(crate) type Constant = JsonTemplate<Kept>;

/// Any JSON, `null` included.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub struct Given(pub Value);

/// JSON whose texts may hold references. `A` says which.
#[derive(Debug, Clone)]
pub(crate) struct JsonTemplate<A> {
    pub(crate) root: JsonPart,
    /// As it was written.
    pub(crate) written: Value,
    pub(crate) site: Site,
    allows: std::marker::PhantomData<A>,
}

/// A piece of a [`JsonTemplate`].
#[derive(Debug, Clone)]
pub(crate) enum JsonPart {
    /// A text.
    Text(Template),
    /// A list.
    List(Vec<JsonPart>),
    /// An object, in the file's order.
    Object(Vec<(String, JsonPart)>),
    /// A number, a boolean or null.
    Plain(Value),
}

/// Any JSON that was given, `null` included: for `deserialize_with`, since serde takes `null` for
/// nothing otherwise.
///
/// # Errors
/// As the value's own.
pub fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl JsonPart {
    fn of<A: Allows>(json: &Value, site: &Site) -> Self {
        match json {
            Value::String(text) => Self::Text(template::<A>(text, site).unwrap_or_else(|fault| {
                note_fault(fault);
                Template::literal("x")
            })),
            Value::Array(items) => {
                Self::List(items.iter().map(|item| Self::of::<A>(item, site)).collect())
            }
            Value::Object(fields) => {
                let field =
                    |(name, value): (&String, &Value)| (name.clone(), Self::of::<A>(value, site));
                Self::Object(fields.iter().map(field).collect())
            }
            plain => Self::Plain(plain.clone()),
        }
    }

    fn fill(&self, key: &str, resolver: &Resolver<'_>) -> Result<Value, ConnectError> {
        Ok(match self {
            Self::Text(text) => Value::String(resolver.text(text, key)?),
            Self::List(items) => Value::Array(
                items.iter().map(|item| item.fill(key, resolver)).collect::<Result<_, _>>()?,
            ),
            Self::Object(fields) => {
                let field =
                    |(name, value): &(String, Self)| Ok((name.clone(), value.fill(key, resolver)?));
                Value::Object(fields.iter().map(field).collect::<Result<_, ConnectError>>()?)
            }
            Self::Plain(value) => value.clone(),
        })
    }

    /// The names of the fields in it.
    pub(crate) fn keys(&self) -> Vec<&str> {
        match self {
            Self::Text(_) | Self::Plain(_) => Vec::new(),
            Self::List(items) => items.iter().flat_map(Self::keys).collect(),
            Self::Object(fields) => fields
                .iter()
                .flat_map(|(name, value)| std::iter::once(name.as_str()).chain(value.keys()))
                .collect(),
        }
    }

    /// The texts in it, each with whether it stands in a list.
    pub(crate) fn texts(&self) -> Vec<(&Template, bool)> {
        fn collect<'p>(part: &'p JsonPart, listed: bool, texts: &mut Vec<(&'p Template, bool)>) {
            match part {
                JsonPart::Text(text) => texts.push((text, listed)),
                JsonPart::List(items) => items.iter().for_each(|item| collect(item, true, texts)),
                JsonPart::Object(fields) => {
                    fields.iter().for_each(|(_, value)| collect(value, listed, texts));
                }
                JsonPart::Plain(_) => {}
            }
        }
        let mut texts = Vec::new();
        collect(self, false, &mut texts);
        texts
    }
}

impl<A> JsonTemplate<A> {
    /// The JSON for a connection, where no record takes part.
    ///
    /// # Errors
    /// A value that the connection lacks.
    pub(crate) fn fill(&self, resolver: &Resolver<'_>) -> Result<Value, ConnectError> {
        self.root.fill(&self.site.key, resolver)
    }

    /// Whether only a connection completes it.
    pub(crate) fn has_references(&self) -> bool {
        self.root.texts().iter().any(|(text, _)| text.as_literal().is_none())
    }
}

impl<'de, A: Allows> Deserialize<'de> for JsonTemplate<A> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let site = site();
        let written = Value::deserialize(deserializer)?;
        let root = JsonPart::of::<A>(&written, &site);
        Ok(Self { root, written, site, allows: std::marker::PhantomData })
    }
}

fn any_json(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "description": "Any JSON value." })
}

impl JsonSchema for Given {
    fn schema_name() -> Cow<'static, str> {
        "AnyJson".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        any_json(generator)
    }
}

impl<A> JsonSchema for JsonTemplate<A> {
    fn schema_name() -> Cow<'static, str> {
        "AnyJson".into()
    }

    fn schema_id() -> Cow<'static, str> {
        Given::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        any_json(generator)
    }
}
