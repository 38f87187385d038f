//! An item's attributes, read and written.

use std::{collections::HashMap, str::FromStr};

use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use serde::{Serialize, de::DeserializeOwned};
use tidegate_core::{model::Position, ports::Unavailable};

/// An item: its attributes by name.
pub type Item = HashMap<String, AttributeValue>;

type Answer<T> = Result<T, Unavailable>;

/// A number attribute.
pub fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// A text attribute.
pub fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// Bytes.
pub fn bytes(value: impl Into<Vec<u8>>) -> AttributeValue {
    AttributeValue::B(Blob::new(value))
}

/// A small thing that is read and written as a whole.
pub fn json(value: &impl Serialize) -> AttributeValue {
    AttributeValue::S(serde_json::to_string(value).expect("plain data"))
}

/// A position, as [`Position::encode`] writes it.
pub fn position(value: &Position) -> AttributeValue {
    AttributeValue::S(value.encode())
}

/// Reads an item that this crate wrote. What is missing or of another kind is no answer: nothing
/// sound can be decided from it, and the message names it.
pub trait Read {
    /// A number that must be there.
    fn number<T: FromStr>(&self, name: &str) -> Answer<T>;
    /// A number that may be absent.
    fn number_if_any<T: FromStr>(&self, name: &str) -> Answer<Option<T>>;
    /// A text that must be there.
    fn text(&self, name: &str) -> Answer<&str>;
    /// A position that must be there.
    fn position(&self, name: &str) -> Answer<Position>;
    /// A boolean that must be there.
    fn flag(&self, name: &str) -> Answer<bool>;
    /// What is told to operators and decides nothing: what is absent, or was written by another release,
    /// is begun anew.
    fn json_if_any<T: DeserializeOwned + Default>(&self, name: &str) -> T;
}

impl Read for Item {
    fn number<T: FromStr>(&self, name: &str) -> Answer<T> {
        self.number_if_any(name)?.ok_or_else(|| damaged(name))
    }

    fn number_if_any<T: FromStr>(&self, name: &str) -> Answer<Option<T>> {
        match self.get(name) {
            None => Ok(None),
            Some(AttributeValue::N(digits)) => digits.parse().map(Some).map_err(|_| damaged(name)),
            Some(_) => Err(damaged(name)),
        }
    }

    fn text(&self, name: &str) -> Answer<&str> {
        match self.get(name) {
            Some(AttributeValue::S(text)) => Ok(text),
            _ => Err(damaged(name)),
        }
    }

    fn position(&self, name: &str) -> Answer<Position> {
        Position::decode(self.text(name)?).map_err(|_| damaged(name))
    }

    fn flag(&self, name: &str) -> Answer<bool> {
        match self.get(name) {
            Some(AttributeValue::Bool(flag)) => Ok(*flag),
            _ => Err(damaged(name)),
        }
    }

    fn json_if_any<T: DeserializeOwned + Default>(&self, name: &str) -> T {
        let text = self.text(name).ok();
        text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }
}

/// What is said of an item that this crate did not write so.
pub fn damaged(name: &str) -> Unavailable {
    Unavailable(format!("`{name}` of an item in the state table is missing or damaged"))
}
