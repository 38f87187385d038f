//! YAML as it stands in a file, with its places.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_json::Number;
use serde_saphyr::{Location, Spanned};
use tidegate_connectors::file::{At, Node, Place};

/// A value and its place.
#[derive(Debug)]
pub(crate) struct Yaml {
    value: Value,
    place: Place,
}

#[derive(Debug)]
enum Value {
    Null,
    Boolean(bool),
    Integer(i64),
    /// None: larger than any number that can be kept.
    Number(Option<Number>),
    Text(String),
    List(Vec<Yaml>),
    Section(Vec<(Spanned<String>, Yaml)>),
}

/// A place as the parser gives it.
pub(crate) fn place_of(location: Location) -> Place {
    // Always known: files are parsed from a text, never from a reader.
    let byte = |offset: Option<u64>| offset.and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
    let start = byte(location.span().byte_offset());
    Place { start, end: start + byte(location.span().byte_len()) }
}

impl Yaml {
    /// As what is made of it sees it. `text` is the file's: numbers and booleans are kept as written.
    pub(crate) fn into_tree(self, text: &str) -> At<Node> {
        let Self { value, place } = self;
        let written = || text.get(place.start..place.end).unwrap_or_default().trim().into();
        let node = match value {
            Value::Null => Node::Null,
            Value::Boolean(value) => Node::Boolean(value, written()),
            Value::Integer(value) => Node::Integer(value, written()),
            Value::Number(Some(value)) => Node::Number(value, written()),
            Value::Number(None) => Node::Text(written().into()),
            Value::Text(text) => Node::Text(text),
            Value::List(items) => {
                Node::List(items.into_iter().map(|item| item.into_tree(text)).collect())
            }
            Value::Section(entries) => {
                let entry = |(key, value): (Spanned<String>, Self)| {
                    let place = place_of(key.referenced);
                    (At { value: key.value, place }, value.into_tree(text))
                };
                Node::Section(entries.into_iter().map(entry).collect())
            }
        };
        At { value: node, place }
    }
}

impl<'de> Deserialize<'de> for Yaml {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Spanned { value, referenced, .. } = Spanned::<Value>::deserialize(deserializer)?;
        Ok(Self { value, place: place_of(referenced) })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AsItStands;

        impl<'de> Visitor<'de> for AsItStands {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }

            fn visit_unit<E>(self) -> Result<Value, E> {
                Ok(Value::Null)
            }

            fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
                Ok(Value::Boolean(value))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
                Ok(Value::Integer(value))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
                let number = |_| Value::Number(Some(value.into()));
                Ok(i64::try_from(value).map_or_else(number, Value::Integer))
            }

            fn visit_i128<E>(self, _: i128) -> Result<Value, E> {
                Ok(Value::Number(None))
            }

            fn visit_u128<E>(self, _: u128) -> Result<Value, E> {
                Ok(Value::Number(None))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
                Ok(Value::Number(Number::from_f64(value)))
            }

            fn visit_str<E>(self, value: &str) -> Result<Value, E> {
                Ok(Value::Text(value.into()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element()? {
                    items.push(item);
                }
                Ok(Value::List(items))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Value::Section(entries))
            }
        }

        deserializer.deserialize_any(AsItStands)
    }
}
