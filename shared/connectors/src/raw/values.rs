//! Kinds of values that several sections share.

use std::{borrow::Cow, fmt, marker::PhantomData};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer,
    de::{IntoDeserializer, SeqAccess, Visitor},
    forward_to_deserialize_any,
};

use crate::at::At;

/// `500ms`, `5s`, `2m`, `1h`.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct Duration(pub(crate) String);

/// `50/s`, `100/20s`, `1000/min`.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct Rate(pub(crate) String);

/// `customer.name`.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct DottedPath(pub(crate) String);

/// The schema of a [`DottedPath`] into a record, `users[type=customer].name`.
pub(crate) struct PickedPath;

/// A text, or a number or a boolean taken as the text it is written as.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct Scalar(pub(crate) String);

/// An HTTP status code.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(transparent)]
pub(crate) struct StatusCode(pub(crate) u16);

/// One, or a list; an item knows its own place only in a list.
#[derive(Debug, Clone)]
pub(crate) struct OneOrList<T>(pub(crate) Vec<Item<T>>);

/// An item of a [`OneOrList`].
#[derive(Debug, Clone)]
pub(crate) enum Item<T> {
    Only(T),
    Listed(At<T>),
}

/// Any JSON, `null` included, that was given: `Option<Given>` tells `null` from nothing.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub struct Given(pub serde_json::Value);

impl Given {
    /// For `deserialize_with`: serde takes `null` for nothing otherwise.
    pub fn present<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<At<Self>>, D::Error> {
        At::deserialize(deserializer).map(Some)
    }
}

impl<T> OneOrList<T> {
    /// The items, each with its own place or the whole's.
    pub(crate) fn items(whole: At<Self>) -> impl Iterator<Item = At<T>> {
        let place = whole.place;
        whole.value.0.into_iter().map(move |item| match item {
            Item::Only(value) => At { value, place },
            Item::Listed(item) => item,
        })
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrList<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Either<T> {
            type Value = OneOrList<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value or a list")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
                let only = T::deserialize(text.into_deserializer())?;
                Ok(OneOrList(vec![Item::Only(only)]))
            }

            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Self::Value, E> {
                let only = T::deserialize(Whole(number, PhantomData))?;
                Ok(OneOrList(vec![Item::Only(only)]))
            }

            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Self::Value, E> {
                match u64::try_from(number) {
                    Ok(number) => self.visit_u64(number),
                    Err(_) => self.visit_str(&number.to_string()),
                }
            }

            fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Self::Value, E> {
                self.visit_str(&number.to_string())
            }

            fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Self::Value, E> {
                self.visit_str(&value.to_string())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element()? {
                    items.push(Item::Listed(item));
                }
                Ok(OneOrList(items))
            }
        }

        deserializer.deserialize_any(Either(PhantomData))
    }
}

/// A whole number, which a type that takes texts reads as it is written.
struct Whole<E>(u64, PhantomData<E>);

impl<'de, E: serde::de::Error> Deserializer<'de> for Whole<E> {
    type Error = E;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        visitor.visit_u64(self.0)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        visitor.visit_string(self.0.to_string())
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// These schemas are written by hand because they say more than the Rust type behind them.
macro_rules! schema {
    ($type:ty, $name:literal, $schema:tt) => {
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

schema!(Duration, "Duration", {
    "description": "A number and its unit: `500ms`, `5s`, `2m`, `1h`.",
    "type": "string",
    "pattern": "^[0-9]+(ms|s|m|h)$",
    "examples": ["5s"],
});

schema!(Rate, "Rate", {
    "description": "So many in a time: `50/s`, `100/20s`, `1000/min`, `50000/day`.",
    "type": "string",
    "pattern": "^[0-9]+/[0-9]*(ms|s|sec|m|min|h|hour|d|day)$",
    "examples": ["50/s"],
});

schema!(DottedPath, "DottedPath", {
    "description": "A path into a JSON value, dots between keys: `customer.name`.",
    "type": "string",
    "pattern": "^[^./\\[\\]$]+(\\.[^./\\[\\]]+)*$",
    "examples": ["customer.name"],
});

schema!(PickedPath, "PickedPath", {
    "description": "A path into a record, dots between keys: `customer.name`. `users[type=customer].name` goes by the first item of `users` whose `type` is `customer`.",
    "type": "string",
    "pattern": "^[^./\\[\\]$]+(\\[[^./=\\[\\]]+=[^./=\\[\\]]+\\])?(\\.[^./\\[\\]]+(\\[[^./=\\[\\]]+=[^./=\\[\\]]+\\])?)*$",
    "examples": ["users[type=customer].name"],
});

schema!(Scalar, "Scalar", {
    "description": "A text; numbers and booleans are taken as written.",
    "type": ["string", "number", "boolean"],
});

schema!(StatusCode, "StatusCode", {
    "description": "An HTTP status code.",
    "type": "integer",
    "minimum": 100,
    "maximum": 599,
});

schema!(Given, "AnyJson", {
    "description": "Any JSON value.",
});

impl<T: JsonSchema> JsonSchema for OneOrList<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("One_or_list_of_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [one, { "type": "array", "items": one, "minItems": 1 }] })
    }
}
