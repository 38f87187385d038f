//! The value itself, and how it is made.

use jaq_json::{Map, Num, Rc, Val};

use crate::transform::jq::budget::{spend_bytes, spend_text, spend_work};

/// A value within a budget.
#[derive(Clone, Debug, Default)]
pub(in crate::transform::jq) struct Value(pub(in crate::transform::jq) Val);

/// An error with such a value.
pub(in crate::transform::jq) type Error = jaq_core::Error<Value>;
/// A value, or an error.
pub(in crate::transform::jq) type ValueR = Result<Value, Error>;

/// What a value takes in an array.
pub(super) const ELEMENT_BYTES: usize = 32;
/// What an array or an object takes beside its elements.
pub(super) const FRAME_BYTES: usize = 64;
/// What an entry of an object takes.
pub(super) const ENTRY_BYTES: usize = 96;

/// An array's elements, to be changed: a copy where others share them.
pub(super) fn own_elements(array: Rc<Vec<Val>>) -> Vec<Val> {
    Rc::try_unwrap(array).unwrap_or_else(|shared| {
        spend_bytes(FRAME_BYTES + shared.len() * ELEMENT_BYTES);
        (*shared).clone()
    })
}

/// An object's entries, likewise.
pub(super) fn own_entries(object: Rc<Map>) -> Map {
    Rc::try_unwrap(object).unwrap_or_else(|shared| {
        spend_bytes(FRAME_BYTES + shared.len() * ENTRY_BYTES);
        (*shared).clone()
    })
}

/// Makes an array of these.
pub(super) fn array(elements: Vec<Val>) -> Value {
    spend_bytes(FRAME_BYTES + elements.len() * ELEMENT_BYTES);
    Value(Val::Arr(Rc::new(elements)))
}

/// Makes an object of these.
pub(super) fn object(entries: Map) -> Value {
    Value(Val::obj(entries))
}

/// The error of a value that is not of a kind.
pub(super) fn no(value: Value, kind: &'static str) -> Error {
    Error::typ(value, kind)
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self(Val::Bool(value))
    }
}

impl From<isize> for Value {
    fn from(value: isize) -> Self {
        Self(Val::Num(Num::Int(value)))
    }
}

impl From<usize> for Value {
    fn from(value: usize) -> Self {
        Self(Val::from(value))
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self(Val::Num(Num::Float(value)))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        spend_text(text.len());
        Self(Val::from(text))
    }
}

impl From<jaq_core::val::Range<Self>> for Value {
    fn from(range: jaq_core::val::Range<Self>) -> Self {
        let mut entries = Map::default();
        for (key, bound) in [("start", range.start), ("end", range.end)] {
            if let Some(bound) = bound {
                spend_bytes(ENTRY_BYTES);
                entries.insert(Val::from(key.to_owned()), bound.0);
            }
        }
        object(entries)
    }
}

impl FromIterator<Self> for Value {
    fn from_iter<T: IntoIterator<Item = Self>>(values: T) -> Self {
        spend_bytes(FRAME_BYTES);
        let taken = values.into_iter().map(|value| {
            spend_bytes(ELEMENT_BYTES);
            value.0
        });
        Self(Val::Arr(Rc::new(taken.collect())))
    }
}

impl jaq_std::ValT for Value {
    fn into_seq<S: FromIterator<Self>>(self) -> Result<S, Self> {
        match self.0 {
            Val::Arr(array) => {
                spend_work(array.len());
                Ok(own_elements(array).into_iter().map(Self).collect())
            }
            other => Err(Self(other)),
        }
    }

    fn is_int(&self) -> bool {
        matches!(self.0, Val::Num(Num::Int(_) | Num::BigInt(_)))
    }

    fn as_isize(&self) -> Option<isize> {
        jaq_std::ValT::as_isize(&self.0)
    }

    fn as_f64(&self) -> Option<f64> {
        jaq_std::ValT::as_f64(&self.0)
    }

    fn is_utf8_str(&self) -> bool {
        matches!(self.0, Val::TStr(_))
    }

    fn as_bytes(&self) -> Option<&[u8]> {
        let bytes = jaq_std::ValT::as_bytes(&self.0)?;
        spend_work(bytes.len() / 16);
        Some(bytes)
    }

    fn as_sub_str(&self, part: &[u8]) -> Self {
        // It shares the text's own bytes.
        spend_text(0);
        Self(jaq_std::ValT::as_sub_str(&self.0, part))
    }

    fn from_utf8_bytes(bytes: impl AsRef<[u8]> + Send + 'static) -> Self {
        spend_text(bytes.as_ref().len());
        Self(<Val as jaq_std::ValT>::from_utf8_bytes(bytes))
    }
}
