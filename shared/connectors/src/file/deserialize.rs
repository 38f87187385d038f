//! From a file's tree to a type.

use std::fmt;

use serde::{
    Deserialize,
    de::{
        self, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess,
        Visitor, value::StrDeserializer,
    },
    forward_to_deserialize_any,
};

use super::{
    at::At,
    node::Node,
    reading::{self, Findings},
    text::Place,
};

/// Why no value could be made of a tree whose structure was found right: the schema says less than
/// the type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ReadError {
    /// What is wrong, in one line.
    pub message: String,
    /// Where the reader stood.
    pub place: Place,
}

/// Makes a value of a tree, with what is wrong in it and what it refers to. Values that know their
/// place report their own faults, so that all of them show at once; something stands in for each
/// that is wrong.
///
/// # Errors
/// The first thing that the type could not take at all.
pub fn read<'de, T: Deserialize<'de>>(tree: &'de At<Node>) -> (Result<T, ReadError>, Findings) {
    reading::begin();
    let value = T::deserialize(Reader::of(tree));
    (value, reading::begin())
}

impl de::Error for ReadError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { message: message.to_string(), place: reading::place() }
    }
}

/// Reads one value.
#[derive(Clone, Copy)]
struct Reader<'de> {
    node: &'de Node,
}

impl<'de> Reader<'de> {
    fn of(value: &'de At<Node>) -> Self {
        reading::go_to(value.place, matches!(value.value, Node::List(_)));
        Self { node: &value.value }
    }
}

impl<'de> Deserializer<'de> for Reader<'de> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.node {
            Node::Null => visitor.visit_unit(),
            Node::Boolean(value, _) => visitor.visit_bool(*value),
            Node::Integer(value, _) => match u64::try_from(*value) {
                Ok(value) => visitor.visit_u64(value),
                Err(_) => visitor.visit_i64(*value),
            },
            Node::Number(value, _) => match (value.as_u64(), value.as_f64()) {
                (Some(value), _) => visitor.visit_u64(value),
                (None, Some(value)) => visitor.visit_f64(value),
                (None, None) => Err(de::Error::custom("a number of that size is none")),
            },
            Node::Text(text) => visitor.visit_borrowed_str(text),
            Node::List(items) => visitor.visit_seq(Items { next: items.iter(), index: 0 }),
            Node::Section(entries) => {
                visitor.visit_map(Keys { entries: entries.iter(), value: None })
            }
        }
    }

    /// A number or a boolean is taken as the text that stands there, where a text is asked for.
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.node {
            Node::Boolean(_, text) | Node::Integer(_, text) | Node::Number(_, text) => {
                visitor.visit_borrowed_str(text)
            }
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.node {
            Node::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        visitor.visit_newtype_struct(self)
    }

    /// A kind by its name alone, or by its key with what it says.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        match self.node {
            Node::Text(name) => visitor.visit_enum(Kind { name, content: None }),
            Node::Section(entries) => match entries.as_slice() {
                [(name, content)] => {
                    visitor.visit_enum(Kind { name: &name.value, content: Some(content) })
                }
                _ => Err(de::Error::custom("exactly one kind is asked for")),
            },
            _ => Err(de::Error::custom("a kind is asked for")),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct
        seq tuple tuple_struct map struct identifier ignored_any
    }
}

struct Items<'de> {
    next: std::slice::Iter<'de, At<Node>>,
    index: usize,
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = ReadError;

    fn next_element_seed<T: de::DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, ReadError> {
        let Some(item) = self.next.next() else { return Ok(None) };
        reading::enter(&self.index.to_string());
        self.index += 1;
        let value = seed.deserialize(Reader::of(item));
        reading::leave();
        value.map(Some)
    }
}

struct Keys<'de> {
    entries: std::slice::Iter<'de, (At<String>, At<Node>)>,
    value: Option<&'de (At<String>, At<Node>)>,
}

impl<'de> MapAccess<'de> for Keys<'de> {
    type Error = ReadError;

    fn next_key_seed<K: de::DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, ReadError> {
        let Some(entry) = self.entries.next() else { return Ok(None) };
        self.value = Some(entry);
        let (key, _) = entry;
        reading::go_to(key.place, false);
        let key: StrDeserializer<'de, ReadError> = key.value.as_str().into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<T: de::DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<T::Value, ReadError> {
        let (key, value) = self.value.take().expect("serde asks for a key before its value");
        reading::enter(&key.value);
        let value = seed.deserialize(Reader::of(value));
        reading::leave();
        value
    }
}

/// A kind, named by a text or by its only key.
struct Kind<'de> {
    name: &'de str,
    content: Option<&'de At<Node>>,
}

impl<'de> EnumAccess<'de> for Kind<'de> {
    type Error = ReadError;
    type Variant = Self;

    fn variant_seed<T: de::DeserializeSeed<'de>>(
        self,
        seed: T,
    ) -> Result<(T::Value, Self), ReadError> {
        let name: StrDeserializer<'de, ReadError> = self.name.into_deserializer();
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'de> Kind<'de> {
    /// Reads what stands under the kind's key; nothing, where it is named by a text.
    fn read<T>(
        self,
        read: impl FnOnce(Reader<'de>) -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        let Some(content) = self.content else { return read(Reader { node: &Node::Null }) };
        reading::enter(self.name);
        let value = read(Reader::of(content));
        reading::leave();
        value
    }
}

impl<'de> VariantAccess<'de> for Kind<'de> {
    type Error = ReadError;

    fn unit_variant(self) -> Result<(), ReadError> {
        match self.content {
            None => Ok(()),
            Some(_) => Err(de::Error::custom("this kind has no keys of its own")),
        }
    }

    fn newtype_variant_seed<T: de::DeserializeSeed<'de>>(
        self,
        seed: T,
    ) -> Result<T::Value, ReadError> {
        self.read(|reader| seed.deserialize(reader))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, ReadError> {
        self.read(|reader| reader.deserialize_any(visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.read(|reader| reader.deserialize_any(visitor))
    }
}
